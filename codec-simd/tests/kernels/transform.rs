//! Transforms and quantisation of VP8: every level returns the same results as the scalar kernels,
//! and these have the mathematical properties of the transforms (for example, the inverse DCT
//! restores the residual to within 1).
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use crate::harness::{Rng, Source, Target, agree};
use codec_simd::{Block16, BlockMask, BlockUv, Coeffs, Kernels, Level, Quantiser, WindowMut};

fn scalar() -> &'static Kernels {
    Kernels::for_level(Level::Scalar).unwrap()
}

fn word(rng: &mut Rng) -> i16 {
    i16::from_le_bytes([rng.byte(), rng.byte()])
}

/// A number of -`range`..=`range`.
fn within(rng: &mut Rng, range: i16) -> i16 {
    let span = 2 * usize::from(range.unsigned_abs()) + 1;
    i16::try_from(rng.below(span)).unwrap() - range
}

/// Coefficients: of a real block, sparse, or as in a hostile stream.
fn fill_block(rng: &mut Rng, block: &mut [i16; 16]) {
    let kind = rng.below(7);
    for (i, value) in block.iter_mut().enumerate() {
        *value = match kind {
            0 => word(rng),
            1 => rng.pick(&[i16::MIN, -32767, 32767, 0, 1, -1]),
            2 => within(rng, 2040),
            3 if i > 0 => 0,
            4 => 0,
            5 if rng.below(4) > 0 => 0,
            _ => within(rng, 300),
        };
    }
}

fn coefficients<const N: usize>(rng: &mut Rng) -> Coeffs<N> {
    let mut coeffs = Coeffs::default();
    for block in &mut coeffs.0 {
        fill_block(rng, block);
    }
    coeffs
}

/// Any mask; half of the time one that matches the contents.
fn mask(rng: &mut Rng, coeffs: &[[i16; 16]]) -> BlockMask {
    if rng.coin() {
        let any = u32::from(rng.byte()) << 8 | u32::from(rng.byte());
        let some = u32::from(rng.byte()) << 8 | u32::from(rng.byte());
        let lone = 1 << rng.below(16) | 1 << rng.below(16);
        return match rng.below(6) {
            0 => BlockMask { any: 0xffff, ac: 0xffff },
            4 => BlockMask { any: lone, ac: lone },
            5 => BlockMask { any: lone, ac: lone & some },
            1 => BlockMask { any, ac: 0 },
            2 => BlockMask { any: any & some, ac: 0 },
            _ => BlockMask { any, ac: any & some },
        };
    }
    let mut mask = BlockMask::default();
    for (n, block) in coeffs.iter().enumerate() {
        mask.any |= u32::from(*block != [0; 16]) << n;
        mask.ac |= u32::from(block[1..] != [0; 15]) << n;
    }
    mask
}

fn steps(dc: i16, ac: i16) -> [i16; 16] {
    let mut steps = [ac; 16];
    steps[0] = dc;
    steps
}

/// Plain rounding to the nearest level with the given steps.
fn quantiser_of(step: [i16; 16]) -> Quantiser {
    Quantiser {
        zbin: step.map(|step| step / 2),
        round: step.map(|step| step / 2),
        recip: step.map(|step| i16::try_from(65536 / i32::from(step)).unwrap()),
        step,
    }
}

/// A quantiser of a real stream, with or without DC, or one of arbitrary numbers.
fn quantiser(rng: &mut Rng) -> Quantiser {
    let step = |rng: &mut Rng| 4 + i16::try_from(rng.below(280)).unwrap();
    let mut quantiser = quantiser_of(steps(step(rng), step(rng)));
    match rng.below(4) {
        0 => {
            let any = |rng: &mut Rng| std::array::from_fn(|_| word(rng));
            quantiser =
                Quantiser { zbin: any(rng), round: any(rng), recip: any(rng), step: any(rng) };
        }
        1 => quantiser.zbin[0] = Quantiser::NEVER,
        2 => {
            for (zbin, round) in quantiser.zbin.iter_mut().zip(&mut quantiser.round) {
                *zbin += i16::from(rng.byte() & 63);
                *round /= 2;
            }
        }
        _ => {}
    }
    quantiser
}

#[test]
fn forward_transforms_of_luma_agree() {
    agree(|kernels, rng| {
        let (cur, pred) = (rng.block16(), rng.block16());
        let mut coeffs = Coeffs::default();
        kernels.fdct_luma(&cur, &pred, &mut coeffs.0);
        coeffs
    });
}

#[test]
fn forward_transforms_of_chroma_agree() {
    agree(|kernels, rng| {
        let (cur, pred) = (rng.block_uv(), rng.block_uv());
        let mut coeffs = Coeffs::default();
        kernels.fdct_chroma(&cur, &pred, &mut coeffs.0);
        coeffs
    });
}

#[test]
fn forward_transforms_of_a_block_agree() {
    agree(|kernels, rng| {
        let (cur, pred) = (Source::new(rng), Source::new(rng));
        let mut coeffs = [0; 16];
        kernels.fdct_4x4(cur.window(), pred.window(), &mut coeffs);
        coeffs
    });
}

#[test]
fn walsh_hadamard_transforms_agree() {
    agree(|kernels, rng| {
        let coeffs = coefficients::<1>(rng);
        (kernels.forward_wht(&coeffs.0[0]), kernels.inverse_wht(&coeffs.0[0]))
    });
}

#[test]
fn quantisers_agree() {
    agree(|kernels, rng| {
        let (coeffs, quantiser) = (coefficients::<25>(rng), quantiser(rng));
        let (mut levels, mut dequantised) = (Coeffs::<25>::default(), Coeffs::<25>::default());
        let (mut eobs, len) = ([99; 25], rng.below(26));
        kernels.quantise(
            &coeffs.0[..len],
            &quantiser,
            &mut levels.0[..len],
            &mut dequantised.0[..len],
            &mut eobs[..len],
        );
        (levels, dequantised, eobs)
    });
}

#[test]
fn coefficient_errors_agree() {
    agree(|kernels, rng| {
        let (a, b, len) = (coefficients::<25>(rng), coefficients::<25>(rng), rng.below(26));
        (kernels.coeff_sse(&a.0[..len], &b.0[..len]), kernels.coeff_sse(&a.0[..1], &b.0[..1]))
    });
}

#[test]
fn costs_of_levels_agree() {
    agree(|kernels, rng| {
        let (mut levels, len) = (coefficients::<25>(rng), rng.below(26));
        let shift = rng.below(12);
        levels.0.as_flattened_mut().iter_mut().for_each(|level| *level >>= shift);
        kernels.level_bits(&levels.0[..len])
    });
}

#[test]
fn inverse_transforms_of_a_block_agree() {
    agree(|kernels, rng| {
        let (coeffs, mut dst) = (coefficients::<1>(rng), Target::new(rng));
        kernels.idct_add_4x4(&coeffs.0[0], dst.window_mut());
        dst.finish()
    });
}

#[test]
fn inverse_transforms_of_luma_agree() {
    agree(|kernels, rng| {
        let (coeffs, mut dst) = (coefficients(rng), Target::new(rng));
        kernels.idct_add_luma(&coeffs.0, mask(rng, &coeffs.0), dst.window_mut());
        dst.finish()
    });
}

#[test]
fn inverse_transforms_of_luma_with_y2_agree() {
    agree(|kernels, rng| {
        let (coeffs, mut dst) = (coefficients(rng), Target::new(rng));
        let mut dcs = [0; 16];
        fill_block(rng, &mut dcs);
        let ac = mask(rng, &coeffs.0).ac;
        kernels.idct_add_luma_y2(&coeffs.0, &dcs, ac, dst.window_mut());
        dst.finish()
    });
}

#[test]
fn inverse_transforms_of_chroma_agree() {
    agree(|kernels, rng| {
        let (coeffs, mut u, mut v) = (coefficients(rng), Target::new(rng), Target::new(rng));
        let mask = mask(rng, &coeffs.0);
        kernels.idct_add_chroma(&coeffs.0, mask, u.window_mut(), v.window_mut());
        (u.finish(), v.finish())
    });
}

/// A block of mid-grey plus noise of -`range`..=`range`, as large as a residual may be.
fn noise(rng: &mut Rng, range: i16) -> Block16 {
    let mut block = Block16::default();
    for pixel in block.0.as_flattened_mut() {
        *pixel = u8::try_from(128 + within(rng, range)).unwrap();
    }
    block
}

fn grey() -> Block16 {
    Block16([[128; 16]; 16])
}

const EVERYTHING: BlockMask = BlockMask { any: 0xffff, ac: 0xffff };

#[test]
fn inverse_dct_gives_back_the_residual_to_within_one() {
    let mut rng = Rng::new(1);
    for range in [1, 5, 20, 127] {
        for _ in 0..200 {
            let (cur, mut out) = (noise(&mut rng, range), grey());
            let mut coeffs = Coeffs::default();
            scalar().fdct_luma(&cur, &out, &mut coeffs.0);
            scalar().idct_add_luma(&coeffs.0, EVERYTHING, out.window_mut());
            for (a, b) in cur.0.as_flattened().iter().zip(out.0.as_flattened()) {
                assert!(a.abs_diff(*b) <= 1, "{a} {b}");
            }
        }
    }
}

#[test]
fn walsh_hadamard_round_trip_is_lossless() {
    let mut rng = Rng::new(2);
    for _ in 0..5000 {
        let dcs = std::array::from_fn(|_| within(&mut rng, 2040));
        assert_eq!(scalar().inverse_wht(&scalar().forward_wht(&dcs)), dcs);
    }
}

#[test]
fn transforms_of_a_flat_residual_hold_its_sum() {
    let (cur, pred) = (Block16([[255; 16]; 16]), Block16::default());
    let mut coeffs = Coeffs::default();
    scalar().fdct_luma(&cur, &pred, &mut coeffs.0);
    // The rounding of the first pass leaves 1 in coefficient 1.
    for block in coeffs.0 {
        assert_eq!(block, [2040, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    assert_eq!(scalar().forward_wht(&[2040; 16]), steps(2040 * 16 / 2, 0));
}

#[test]
fn dc_only_equals_the_full_path() {
    let mut rng = Rng::new(3);
    for dc in (-32768..=32767).step_by(37) {
        let (mut full, coeffs) = (rng.block16(), [steps(dc, 0); 16]);
        let mut dc_only = full.clone();
        scalar().idct_add_luma(&coeffs, EVERYTHING, full.window_mut());
        let mask = BlockMask { any: 0xffff, ac: 0 };
        scalar().idct_add_luma(&coeffs, mask, dc_only.window_mut());
        assert_eq!(full, dc_only);
    }
}

#[test]
fn walsh_hadamard_of_a_lone_dc_is_flat() {
    for dc in [-32765, -2000, -5, -4, -3, 0, 4, 5, 12, 32764] {
        assert_eq!(scalar().inverse_wht(&steps(dc, 0)), [(dc + 3) >> 3; 16]);
    }
}

#[test]
fn sums_wrap_at_16_bits() {
    // 32767 + 4 and 32767 + 3 wrap to a negative number.
    assert_eq!(scalar().inverse_wht(&steps(32767, 0)), [(-32766) >> 3; 16]);
    let mut pixels = [[200; 4]; 4];
    scalar().idct_add_4x4(&steps(32767, 0), WindowMut::packed(&mut pixels));
    assert_eq!(pixels, [[0; 4]; 4]);
}

#[test]
fn levels_come_in_zigzag_order() {
    let raster: [i16; 16] = std::array::from_fn(|i| 40 * i16::try_from(i + 1).unwrap());
    let (mut levels, mut dequantised, mut eobs) = ([[0; 16]], [[0; 16]], [0]);
    let quantiser = quantiser_of([40; 16]);
    scalar().quantise(&[raster], &quantiser, &mut levels, &mut dequantised, &mut eobs);
    assert_eq!(levels[0], [1, 2, 5, 9, 6, 3, 4, 7, 10, 13, 14, 11, 8, 12, 15, 16]);
    assert_eq!((dequantised[0], eobs), (raster, [16]));
}

#[test]
fn quantiser_is_correct_at_the_extremes() {
    let run = |coeffs: [i16; 16], quantiser: &Quantiser| {
        let (mut levels, mut dequantised, mut eobs) = ([[0; 16]], [[0; 16]], [0]);
        scalar().quantise(&[coeffs], quantiser, &mut levels, &mut dequantised, &mut eobs);
        (levels[0], dequantised[0], eobs[0])
    };
    let mut quantiser = quantiser_of([4; 16]);
    // The sum with `round` saturates: 32767 * 16384 >> 16, for -32768 as for 32767.
    assert_eq!(run(steps(i16::MIN, 0), &quantiser), (steps(-8191, 0), steps(-32764, 0), 1));
    assert_eq!(run(steps(i16::MAX, 0), &quantiser), (steps(8191, 0), steps(32764, 0), 1));
    quantiser.zbin[0] = Quantiser::NEVER;
    assert_eq!(run(steps(2040, 0), &quantiser), ([0; 16], [0; 16], 0));
}

/// The scales that [`Kernels::coeff_sse`] documents.
#[test]
fn squared_error_is_4_times_that_of_pixels_and_16_times_through_y2() {
    let mut rng = Rng::new(4);
    let (mut by_pixels, mut by_coefficients, mut by_dcs) = (0u64, 0u64, 0u64);
    let mut with_y2 = 0u64;
    for _ in 0..400 {
        let (cur, pred) = (noise(&mut rng, 60), grey());
        let (mut coeffs, mut levels, mut values) =
            (Coeffs::<16>::default(), Coeffs::<16>::default(), Coeffs::<16>::default());
        let mut eobs = [0; 16];
        scalar().fdct_luma(&cur, &pred, &mut coeffs.0);
        let quantiser = quantiser_of(steps(40, 60));
        scalar().quantise(&coeffs.0, &quantiser, &mut levels.0, &mut values.0, &mut eobs);
        let mut out = pred.clone();
        scalar().idct_add_luma(&values.0, EVERYTHING, out.window_mut());
        by_pixels += u64::from(pixel_sse(&cur, &out));
        by_coefficients += u64::from(scalar().coeff_sse(&coeffs.0, &values.0));

        // Only the DCs, through the second transform.
        let dcs = coeffs.0.map(|block| block[0]);
        let y2 = scalar().forward_wht(&dcs);
        let (mut y2_levels, mut y2_values, mut eob) = ([[0; 16]], [[0; 16]], [0]);
        let quantiser = quantiser_of(steps(80, 120));
        scalar().quantise(&[y2], &quantiser, &mut y2_levels, &mut y2_values, &mut eob);
        by_dcs += u64::from(scalar().coeff_sse(&[y2], &y2_values));
        let lossy = scalar().inverse_wht(&y2_values[0]);
        let [exact, lossy] = [dcs, lossy].map(|dcs| {
            let mut out = pred.clone();
            let blocks: [[i16; 16]; 16] = std::array::from_fn(|n| steps(dcs[n], 0));
            scalar().idct_add_luma(&blocks, EVERYTHING, out.window_mut());
            out
        });
        with_y2 += u64::from(pixel_sse(&exact, &lossy));
    }
    let scale = |a: u64, b: u64| 1000 * a / b;
    let (dct, y2) = (scale(by_coefficients, by_pixels), scale(by_dcs, with_y2));
    assert!((3950..4050).contains(&dct), "{dct} / 1000");
    assert!((15_000..16_500).contains(&y2), "{y2} / 1000");
}

fn pixel_sse(a: &Block16, b: &Block16) -> u32 {
    let pixels = a.0.as_flattened().iter().zip(b.0.as_flattened());
    pixels.map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
}

#[test]
fn chroma_blocks_are_numbered_plane_by_plane() {
    let (mut cur, pred) = (BlockUv::default(), BlockUv::default());
    for (n, value) in (0..8).zip([16u8, 32, 48, 64, 80, 96, 112, 128]) {
        let mut plane = cur.plane_mut(n / 4);
        let mut block = plane.sub::<4, 4>(n % 2 * 4, n % 4 / 2 * 4);
        for y in 0..4 {
            *block.row_mut(y) = [value; 4];
        }
    }
    let mut coeffs = Coeffs::default();
    scalar().fdct_chroma(&cur, &pred, &mut coeffs.0);
    assert_eq!(coeffs.0.map(|block| block[0]), [128, 256, 384, 512, 640, 768, 896, 1024]);
    let (mut u, mut v) = ([[0; 8]; 8], [[0; 8]; 8]);
    let mask = BlockMask { any: 0xff, ac: 0 };
    scalar().idct_add_chroma(&coeffs.0, mask, WindowMut::packed(&mut u), WindowMut::packed(&mut v));
    for y in 0..8 {
        assert_eq!(cur.0[y], *[u[y], v[y]].as_flattened());
    }
}

#[test]
fn fused_kernels_for_luma_agree() {
    agree(|kernels, rng| {
        let (cur, pred, quantiser) = (rng.block16(), rng.block16(), quantiser(rng));
        let (mut levels, mut values) = (Coeffs::default(), Coeffs::default());
        let (mut eobs, mut dcs) = ([99; 16], [99; 16]);
        let sse = kernels.transform_quantise_luma(
            &cur,
            &pred,
            &quantiser,
            &mut levels.0,
            &mut values.0,
            &mut eobs,
            &mut dcs,
        );
        (levels, values, eobs, dcs, sse)
    });
}

#[test]
fn fused_kernels_for_chroma_agree() {
    agree(|kernels, rng| {
        let (cur, pred, quantiser) = (rng.block_uv(), rng.block_uv(), quantiser(rng));
        let (mut levels, mut values) = (Coeffs::default(), Coeffs::default());
        let mut eobs = [99; 8];
        let sse = kernels.transform_quantise_chroma(
            &cur,
            &pred,
            &quantiser,
            &mut levels.0,
            &mut values.0,
            &mut eobs,
        );
        (levels, values, eobs, sse)
    });
}

#[test]
fn coding_of_one_block_agrees() {
    agree(|kernels, rng| {
        let (cur, pred, quantiser) = (Source::new(rng), Source::new(rng), quantiser(rng));
        let (mut levels, mut values, mut eob) = ([0; 16], [0; 16], 99);
        kernels.transform_quantise_4x4(
            cur.window(),
            pred.window(),
            &quantiser,
            &mut levels,
            &mut values,
            &mut eob,
        );
        (levels, values, eob)
    });
}

#[test]
fn dcs_coded_by_y2_count_as_zero() {
    let (cur, pred) = (Block16([[140; 16]; 16]), grey());
    let mut quantiser = quantiser_of([4; 16]);
    quantiser.zbin[0] = Quantiser::NEVER;
    let (mut levels, mut values) = (Coeffs::default(), Coeffs::default());
    let (mut eobs, mut dcs) = ([99; 16], [99; 16]);
    let sse = scalar().transform_quantise_luma(
        &cur,
        &pred,
        &quantiser,
        &mut levels.0,
        &mut values.0,
        &mut eobs,
        &mut dcs,
    );
    assert_eq!((levels, values, eobs), (Coeffs::default(), Coeffs::default(), [0; 16]));
    // Coefficient 1 of each flat block is 1, see above.
    assert_eq!((dcs, sse), ([12 * 16 / 2; 16], 16));
}
