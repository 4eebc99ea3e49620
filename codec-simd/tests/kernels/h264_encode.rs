//! Kernels of H.264's encoder: every level returns the same results as the scalar kernels.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use crate::harness::{Rng, Source, agree};
use codec_simd::{Block16, BlockUv, H264Quantiser, HalfPlanes8, HalfPlanes16, Kernels};

/// A block and a prediction that differs a little or completely.
fn pair(rng: &mut Rng) -> (Block16, Block16) {
    let (cur, mut pred) = (rng.block16(), rng.block16());
    if rng.coin() {
        pred = cur.clone();
        let noise = rng.pick(&[1, 3, 15, 63]);
        for pixel in pred.0.as_flattened_mut() {
            *pixel = pixel.wrapping_add(rng.byte() & noise);
        }
    }
    (cur, pred)
}

fn chroma_pair(rng: &mut Rng) -> (BlockUv, BlockUv) {
    let (cur, pred) = pair(rng);
    let rows = |block: Block16| BlockUv(*block.0.first_chunk().unwrap());
    (rows(cur), rows(pred))
}

fn coeffs<const N: usize>(rng: &mut Rng) -> [i16; N] {
    let kind = rng.below(4);
    std::array::from_fn(|_| {
        let [low, high, ..] = rng.next().to_le_bytes();
        match kind {
            0 => i16::from(low.cast_signed()),
            1 => i16::from_le_bytes([low, high]),
            2 => rng.pick(&[0, 0, 0, 0, 640, -640, i16::MIN, i16::MAX]),
            _ => i16::from_le_bytes([low, high]) >> 3,
        }
    })
}

/// Realistic and extreme quantisers.
fn quantiser<const N: usize>(rng: &mut Rng) -> H264Quantiser<N> {
    let is_flat = rng.coin();
    let mut number = |end: usize| i32::try_from(rng.below(end)).unwrap();
    let (multiplier, scale) = (number(32768), number(7396));
    let multipliers = [(); N].map(|()| if is_flat { multiplier } else { number(32768) });
    let scales = [(); N].map(|()| if is_flat { scale } else { number(7396) });
    let rounds = [(); N].map(|()| rng.pick(&[0, 682, 1365, 2048, 4096]));
    let (shift, right) = (rng.pick(&[12, 16, 17, 20, 24]), rng.pick(&[0, 0, 1, 4, 6]));
    let quantiser = H264Quantiser::new(&multipliers, shift, &scales, right, &rounds);
    if rng.coin() { quantiser } else { quantiser.without_dc() }
}

#[test]
fn forward_transforms_of_macroblocks() {
    agree(|kernels, rng| {
        let ((cur, pred), (uv, uv_pred)) = (pair(rng), chroma_pair(rng));
        let (mut luma, mut luma_8x8, mut chroma) = ([[0; 16]; 16], [[0; 64]; 4], [[0; 16]; 8]);
        kernels.h264_fdct_luma(&cur, &pred, &mut luma);
        kernels.h264_fdct_luma_8x8(&cur, &pred, &mut luma_8x8);
        kernels.h264_fdct_chroma(&uv, &uv_pred, &mut chroma);
        (luma, luma_8x8, chroma)
    });
}

#[test]
fn forward_transforms_of_blocks() {
    agree(|kernels, rng| {
        let (cur, pred) = (Source::new(rng), Source::new(rng));
        let (cur_8, pred_8) = (Source::new(rng), Source::new(rng));
        let (mut small, mut large) = ([0; 16], [0; 64]);
        kernels.h264_fdct_4x4(cur.window(), pred.window(), &mut small);
        kernels.h264_fdct_8x8(cur_8.window(), pred_8.window(), &mut large);
        (small, large)
    });
}

#[test]
fn h264_quantise_4x4() {
    agree(|kernels, rng| {
        let quantiser = quantiser(rng);
        let coeffs: Vec<[i16; 16]> = (0..rng.below(33)).map(|_| coeffs(rng)).collect();
        let (mut levels, mut dequantised) =
            (vec![[7; 16]; coeffs.len()], vec![[7; 16]; coeffs.len()]);
        let mut positions = vec![7; coeffs.len()];
        let result = kernels.h264_quantise_4x4(
            &coeffs,
            &quantiser,
            &mut levels,
            &mut dequantised,
            &mut positions,
        );
        (result, levels, dequantised, positions)
    });
}

#[test]
fn h264_quantise_8x8() {
    agree(|kernels, rng| {
        let quantiser = quantiser(rng);
        let coeffs: Vec<[i16; 64]> = (0..rng.below(9)).map(|_| coeffs(rng)).collect();
        let (mut levels, mut dequantised) =
            (vec![[7; 64]; coeffs.len()], vec![[7; 64]; coeffs.len()]);
        let mut positions = vec![7; coeffs.len()];
        let result = kernels.h264_quantise_8x8(
            &coeffs,
            &quantiser,
            &mut levels,
            &mut dequantised,
            &mut positions,
        );
        (result, levels, dequantised, positions)
    });
}

#[test]
fn h264_coeff_sse() {
    agree(|kernels, rng| {
        let count = rng.below(17);
        let mut blocks = || (0..count).map(|_| coeffs(rng)).collect::<Vec<[i16; 16]>>();
        let (a, b) = (blocks(), blocks());
        let mut blocks = || (0..count).map(|_| coeffs(rng)).collect::<Vec<[i16; 64]>>();
        let (c, d) = (blocks(), blocks());
        (kernels.h264_coeff_sse_4x4(&a, &b), kernels.h264_coeff_sse_8x8(&c, &d))
    });
}

#[test]
fn h264_transform_quantise_luma() {
    agree(|kernels, rng| {
        let ((cur, pred), quantiser) = (pair(rng), quantiser(rng));
        let (mut levels, mut dequantised) = ([[7; 16]; 16], [[7; 16]; 16]);
        let (mut positions, mut dcs) = ([7; 16], [7; 16]);
        let result = kernels.h264_transform_quantise_luma(
            &cur,
            &pred,
            &quantiser,
            &mut levels,
            &mut dequantised,
            &mut positions,
            &mut dcs,
        );
        (result, levels, dequantised, positions, dcs)
    });
}

#[test]
fn h264_transform_quantise_luma_8x8() {
    agree(|kernels, rng| {
        let ((cur, pred), quantiser) = (pair(rng), quantiser(rng));
        let (mut levels, mut dequantised) = ([[7; 64]; 4], [[7; 64]; 4]);
        let mut positions = [7; 4];
        let result = kernels.h264_transform_quantise_luma_8x8(
            &cur,
            &pred,
            &quantiser,
            &mut levels,
            &mut dequantised,
            &mut positions,
        );
        (result, levels, dequantised, positions)
    });
}

#[test]
fn h264_transform_quantise_chroma() {
    agree(|kernels, rng| {
        let ((cur, pred), (for_u, for_v)) = (chroma_pair(rng), (quantiser(rng), quantiser(rng)));
        let (mut levels, mut dequantised) = ([[7; 16]; 8], [[7; 16]; 8]);
        let (mut positions, mut dcs) = ([7; 8], [7; 8]);
        let result = kernels.h264_transform_quantise_chroma(
            &cur,
            &pred,
            [&for_u, &for_v],
            &mut levels,
            &mut dequantised,
            &mut positions,
            &mut dcs,
        );
        (result, levels, dequantised, positions, dcs)
    });
}

#[test]
fn transform_and_quantisation_of_single_blocks() {
    agree(|kernels, rng| {
        let (cur, pred) = pair(rng);
        let (small, large) = (quantiser(rng), quantiser(rng));
        let (mut levels, mut dequantised, mut positions) = ([7; 16], [7; 16], 7);
        let of_4x4 = kernels.h264_transform_quantise_4x4(
            cur.sub(4, 8),
            pred.sub(4, 8),
            &small,
            &mut levels,
            &mut dequantised,
            &mut positions,
        );
        let (mut levels_8x8, mut dequantised_8x8, mut positions_8x8) = ([7; 64], [7; 64], 7);
        let of_8x8 = kernels.h264_transform_quantise_8x8(
            cur.sub(8, 0),
            pred.sub(8, 0),
            &large,
            &mut levels_8x8,
            &mut dequantised_8x8,
            &mut positions_8x8,
        );
        let small = (of_4x4, levels, dequantised, positions);
        (small, of_8x8, levels_8x8, dequantised_8x8, positions_8x8)
    });
}

/// The quantisers of flat scaling matrices at `qp`, a multiple of 6.
fn flat(qp: u8) -> (H264Quantiser<16>, H264Quantiser<64>) {
    use std::array::from_fn;
    let class_4x4 = |at: usize| match (at / 4 % 2, at % 2) {
        (0, 0) => 0,
        (1, 1) => 1,
        _ => 2,
    };
    let class_8x8 = |at: usize| match (at / 8 % 4, at % 4) {
        (0, 0) => 0,
        (1 | 3, 1 | 3) => 1,
        (2, 2) => 2,
        (0, 1 | 3) | (1 | 3, 0) => 3,
        (0, 2) | (2, 0) => 4,
        _ => 5,
    };
    let (multipliers, norms) = ([13107, 5243, 8066], [10, 16, 13]);
    let scales = from_fn(|at| (16 * norms[class_4x4(at)]) << (qp / 6));
    let multipliers = from_fn(|at| multipliers[class_4x4(at)]);
    let small = H264Quantiser::new(&multipliers, 15 + qp / 6, &scales, 4, &[1365; 16]);
    let (multipliers, norms) =
        ([13107, 11428, 20972, 12222, 16777, 15481], [20, 18, 32, 19, 25, 24]);
    let scales = from_fn(|at| (16 * norms[class_8x8(at)]) << (qp / 6));
    let multipliers = from_fn(|at| multipliers[class_8x8(at)]);
    (small, H264Quantiser::new(&multipliers, 16 + qp / 6, &scales, 6, &[1365; 64]))
}

/// The squared error of the coefficients is that of the pixels.
#[test]
fn coefficients_have_the_error_of_the_reconstruction() {
    let kernels = Kernels::best();
    let mut rng = Rng::new(1);
    for qp in (0..52).step_by(6) {
        let (small, large) = flat(qp);
        let mut reported = [0; 2];
        let mut exact = [0; 2];
        for spread in [4, 8, 20, 50, 90].repeat(16) {
            // No sum of the prediction and a residual needs clamping.
            let mut block = |spread: usize| {
                let mut block = Block16::default();
                for pixel in block.0.as_flattened_mut() {
                    *pixel = u8::try_from(128 - spread / 2 + rng.below(spread)).unwrap();
                }
                block
            };
            let (cur, pred) = (block(spread), block(20));
            let (mut levels, mut dequantised) = ([[0; 16]; 16], [[0; 16]; 16]);
            let found = kernels.h264_transform_quantise_luma(
                &cur,
                &pred,
                &small,
                &mut levels,
                &mut dequantised,
                &mut [0; 16],
                &mut [0; 16],
            );
            let mut recon = pred.clone();
            kernels.h264_idct_add_luma(&dequantised, 0xffff, recon.window_mut());
            reported[0] += found.sse.iter().sum::<u32>() / 16;
            exact[0] += kernels.sse_16x16(&cur, recon.window());
            let (mut levels, mut dequantised) = ([[0; 64]; 4], [[0; 64]; 4]);
            let found = kernels.h264_transform_quantise_luma_8x8(
                &cur,
                &pred,
                &large,
                &mut levels,
                &mut dequantised,
                &mut [0; 4],
            );
            let mut recon = pred.clone();
            for (n, coeffs) in dequantised.iter().enumerate() {
                kernels.h264_idct_add_8x8(coeffs, recon.sub_mut(n % 2 * 8, n / 2 * 8));
            }
            reported[1] += found.sse.iter().sum::<u32>() / 16;
            exact[1] += kernels.sse_16x16(&cur, recon.window());
        }
        for (reported, exact) in reported.into_iter().zip(exact) {
            // The reconstruction rounds to whole pixels: about a twelfth of a squared level each.
            let rounding = 80 * 256 / 10;
            assert!(reported.abs_diff(exact) <= exact / 100 + rounding, "{qp}: {reported} {exact}");
        }
    }
}

#[test]
fn half_planes() {
    agree(|kernels, rng| {
        let (large, small) = (Source::new(rng), Source::new(rng));
        let (mut of_16x16, mut of_8x8) = (HalfPlanes16::default(), HalfPlanes8::default());
        kernels.h264_half_planes_16x16(large.window(), &mut of_16x16);
        kernels.h264_half_planes_8x8(small.window(), &mut of_8x8);
        (of_16x16, of_8x8)
    });
}

/// The windows of the planes give the predictions of motion compensation.
#[test]
fn half_planes_have_all_positions_around_a_vector() {
    agree(|kernels, rng| {
        let (source, source_8) = (Source::<23, 23>::new(rng), Source::<17, 15>::new(rng));
        let (mut planes, mut planes_8) = (HalfPlanes16::default(), HalfPlanes8::default());
        kernels.h264_half_planes_16x16(source.window().sub(0, 0), &mut planes);
        kernels.h264_half_planes_8x8(source_8.window().sub(0, 0), &mut planes_8);
        let cur = rng.block16();
        let split = |offset: i8| (if offset < 0 { 0 } else { 1 }, offset.cast_unsigned() & 3);
        for (dx, dy) in (-3..=3).flat_map(|dx| (-3..=3).map(move |dy| (dx, dy))) {
            let ((x, fx), (y, fy)) = (split(dx), split(dy));
            let mut direct = Block16::default();
            kernels.h264_luma_16x16(source.window().sub(x, y), fx, fy, direct.window_mut());
            let windows = planes.at(source.window().sub::<18, 18>(2, 2), dx, dy);
            let sad = kernels.sad_mean_16x16(&cur, windows);
            assert_eq!(sad, kernels.sad_16x16(&cur, direct.window()), "{dx} {dy}");
            assert_eq!(kernels.sad_mean_16x16(&direct, windows), 0, "{dx} {dy}");
            let mut direct = Block16::default();
            kernels.h264_luma_8x8(source_8.window().sub(x, y), fx, fy, direct.sub_mut(0, 0));
            let windows = planes_8.at(source_8.window().sub::<10, 10>(2, 2), dx, dy);
            assert_eq!(kernels.sad_mean_8x8(direct.sub(0, 0), windows), 0, "{dx} {dy}");
        }
    });
}

#[test]
fn costs_against_means() {
    agree(|kernels, rng| {
        let (cur, refs) = (rng.block16(), [(); 2].map(|()| Source::new(rng)));
        let (cur_8, refs_8) = (Source::new(rng), [(); 2].map(|()| Source::new(rng)));
        let (refs, refs_8) =
            (refs.each_ref().map(Source::window), refs_8.each_ref().map(Source::window));
        (
            kernels.sad_mean_16x16(&cur, refs),
            kernels.satd_mean_16x16(&cur, refs),
            kernels.sad_mean_8x8(cur_8.window(), refs_8),
            kernels.satd_mean_8x8(cur_8.window(), refs_8),
        )
    });
}
