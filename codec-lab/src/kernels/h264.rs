//! Benchmark cases of H.264's kernels, and the bytes that they read and write.

use std::hint::black_box;

use codec_simd::{
    Block16, BlockUv, DeblockEdge, DeblockMb, DeblockThresholds, EdgeStrength, H264Quantiser,
    HalfPlanes8, HalfPlanes16, WindowMut,
};

use super::cases::{Pixels, Visitor};

pub(super) fn cases(visitor: &mut impl Visitor) {
    motion(visitor);
    weights(visitor);
    transform(visitor);
    forward(visitor);
    quantise(visitor);
    half_planes(visitor);
    deblock(visitor);
}

/// Motion compensation, at positions that need both directions.
fn motion(visitor: &mut impl Visitor) {
    let plane = Pixels::new(1, 1, visitor.round());
    let mut out = Pixels::new(3, 3, visitor.round());
    macro_rules! kernels {
        ($(($fx:literal, $fy:literal): $($kernel:ident),*;)*) => {
            $($(visitor.case(concat!(stringify!($kernel), "/", $fx, "_", $fy), |k| {
                k.$kernel(plane.at(9, 9), $fx, $fy, out.at_mut(16, 16));
            });)*)*
        };
    }
    kernels! {
        (1, 1): h264_luma_16x16, h264_luma_8x8, h264_luma_4x4;
        (2, 0): h264_luma_16x16, h264_luma_8x8;
        (2, 3): h264_luma_16x16, h264_luma_16x8, h264_luma_8x16, h264_luma_8x8, h264_luma_8x4,
            h264_luma_4x8, h264_luma_4x4;
        (3, 5): h264_chroma_8x8, h264_chroma_8x4, h264_chroma_4x8, h264_chroma_4x4,
            h264_chroma_4x2, h264_chroma_2x4, h264_chroma_2x2;
    }
}

fn weights(visitor: &mut impl Visitor) {
    let plane = Pixels::new(1, 1, visitor.round());
    let mut rows: [[u8; 16]; 16] = std::array::from_fn(|y| plane.row(9, y));
    let other: [[u8; 16]; 16] = std::array::from_fn(|y| plane.row(40, y));
    visitor.case("h264_average_block_16", |k| {
        k.h264_average_block(rows.as_flattened_mut(), 16, 16, &other);
    });
    visitor.case("h264_weight_rows_16", |k| k.h264_weight_rows(&mut rows, 5, 33, -2));
    visitor.case("h264_biweight_rows_16", |k| {
        k.h264_biweight_rows(&mut rows, &other, 5, [40, 24], 1);
    });
}

fn transform(visitor: &mut impl Visitor) {
    let mut out = Pixels::new(3, 3, visitor.round());
    let values = |n: usize| i16::try_from(n * 37 % 61).unwrap_or(0) - 30;
    let blocks: [[i16; 16]; 16] = std::array::from_fn(|b| std::array::from_fn(|n| values(b + n)));
    let large: [i16; 64] = std::array::from_fn(values);
    visitor.case("h264_idct_add_4x4", |k| k.h264_idct_add_4x4(&blocks[1], out.at_mut(16, 16)));
    visitor.case("h264_idct_add_8x8", |k| k.h264_idct_add_8x8(&large, out.at_mut(16, 16)));
    visitor.case("h264_idct_add_luma", |k| {
        k.h264_idct_add_luma(&blocks, 0xffff, out.at_mut(16, 16));
    });
    let [a, b, c, d, ..] = blocks;
    let chroma = [a, b, c, d];
    visitor.case("h264_idct_add_chroma", |k| {
        k.h264_idct_add_chroma(&chroma, 15, out.at_mut(16, 16));
    });
}

/// Source and prediction of a macroblock: noise around different ramps.
fn macroblock(round: usize) -> ([Block16; 2], [BlockUv; 2]) {
    let plane = Pixels::new(1, 1, round);
    let luma = |x, y| {
        let mut block = Block16::default();
        block.window_mut().copy_from(plane.at(x, y));
        block
    };
    let chroma = |x, y| {
        let mut block = BlockUv::default();
        WindowMut::packed(&mut block.0).copy_from(plane.at(x, y));
        block
    };
    ([luma(3, 5), luma(9, 9)], [chroma(3, 5), chroma(9, 9)])
}

fn forward(visitor: &mut impl Visitor) {
    let ([cur, pred], [uv, uv_pred]) = macroblock(visitor.round());
    let (mut blocks, mut large) = ([[0; 16]; 16], [[0; 64]; 4]);
    let mut chroma = [[0; 16]; 8];
    visitor.case("h264_fdct_luma", |k| k.h264_fdct_luma(&cur, &pred, &mut blocks));
    visitor.case("h264_fdct_luma_8x8", |k| k.h264_fdct_luma_8x8(&cur, &pred, &mut large));
    visitor.case("h264_fdct_chroma", |k| k.h264_fdct_chroma(&uv, &uv_pred, &mut chroma));
    visitor.case("h264_fdct_4x4", |k| {
        k.h264_fdct_4x4(cur.sub(4, 4), pred.sub(4, 4), &mut blocks[0]);
    });
    visitor.case("h264_fdct_8x8", |k| {
        k.h264_fdct_8x8(cur.sub(8, 0), pred.sub(8, 0), &mut large[0]);
    });
}

/// Fine quantisers leave levels in all blocks, coarse ones in no block.
fn quantise(visitor: &mut impl Visitor) {
    let ([cur, pred], [uv, uv_pred]) = macroblock(visitor.round());
    let mut blocks = Box::new(([[0; 16]; 16], [[0; 64]; 4]));
    let (mut levels, mut values, mut positions) = ([[0; 16]; 16], [[0; 16]; 16], [0; 16]);
    let (mut levels_8x8, mut values_8x8, mut places) = ([[0; 64]; 4], [[0; 64]; 4], [0; 4]);
    let mut dcs = [0; 16];
    for (name, shift, scale) in [("fine", 18, 100), ("coarse", 23, 3000)] {
        let small = H264Quantiser::<16>::new(&[8000; 16], shift, &[scale; 16], 0, &[700; 16]);
        let large = H264Quantiser::<64>::new(&[8000; 64], shift + 1, &[scale; 64], 0, &[700; 64]);
        let name_of = |kernel: &str| format!("h264_{kernel}/{name}");
        let all = blocks.as_mut();
        visitor.case(&name_of("quantise_4x4_16"), |k| {
            k.h264_fdct_luma(&cur, &pred, &mut all.0);
            let result =
                k.h264_quantise_4x4(&all.0, &small, &mut levels, &mut values, &mut positions);
            black_box(result);
        });
        visitor.case(&name_of("quantise_8x8_4"), |k| {
            k.h264_fdct_luma_8x8(&cur, &pred, &mut all.1);
            let (levels, values) = (&mut levels_8x8, &mut values_8x8);
            black_box(k.h264_quantise_8x8(&all.1, &large, levels, values, &mut places));
        });
        visitor.case(&name_of("transform_quantise_luma"), |k| {
            let (levels, values) = (&mut levels, &mut values);
            black_box(k.h264_transform_quantise_luma(
                &cur,
                &pred,
                &small,
                levels,
                values,
                &mut positions,
                &mut dcs,
            ));
        });
        visitor.case(&name_of("transform_quantise_luma_8x8"), |k| {
            let (levels, values) = (&mut levels_8x8, &mut values_8x8);
            black_box(k.h264_transform_quantise_luma_8x8(
                &cur,
                &pred,
                &large,
                levels,
                values,
                &mut places,
            ));
        });
        visitor.case(&name_of("transform_quantise_chroma"), |k| {
            let (Some(levels), Some(values)) = (levels.first_chunk_mut(), values.first_chunk_mut())
            else {
                return;
            };
            let (Some(positions), Some(dcs)) = (positions.first_chunk_mut(), dcs.first_chunk_mut())
            else {
                return;
            };
            let quantisers = [&small, &small];
            black_box(k.h264_transform_quantise_chroma(
                &uv, &uv_pred, quantisers, levels, values, positions, dcs,
            ));
        });
        visitor.case(&name_of("transform_quantise_4x4"), |k| {
            let (cur, pred) = (cur.sub(4, 4), pred.sub(4, 4));
            let (levels, values) = (&mut levels[0], &mut values[0]);
            black_box(k.h264_transform_quantise_4x4(
                cur,
                pred,
                &small,
                levels,
                values,
                &mut positions[0],
            ));
        });
        visitor.case(&name_of("transform_quantise_8x8"), |k| {
            let (cur, pred) = (cur.sub(8, 0), pred.sub(8, 0));
            let (levels, values) = (&mut levels_8x8[0], &mut values_8x8[0]);
            black_box(k.h264_transform_quantise_8x8(
                cur,
                pred,
                &large,
                levels,
                values,
                &mut places[0],
            ));
        });
    }
    visitor.case("h264_coeff_sse_4x4_16", |k| {
        _ = black_box(k.h264_coeff_sse_4x4(&blocks.0, &values));
    });
    visitor.case("h264_coeff_sse_8x8_4", |k| {
        _ = black_box(k.h264_coeff_sse_8x8(&blocks.1, &values_8x8));
    });
}

fn half_planes(visitor: &mut impl Visitor) {
    let plane = Pixels::new(1, 1, visitor.round());
    let (mut large, mut small) = (HalfPlanes16::default(), HalfPlanes8::default());
    visitor.case("h264_half_planes_16x16", |k| {
        k.h264_half_planes_16x16(plane.at(9, 9), &mut large);
    });
    visitor.case("h264_half_planes_8x8", |k| {
        k.h264_half_planes_8x8(plane.at(9, 9), &mut small);
    });
}

/// Edges whose pixels all change, each from a fresh copy of the pixels.
fn deblock(visitor: &mut impl Visitor) {
    let fresh = Pixels::new(1, 1, visitor.round());
    let mut one = Pixels::new(3, 3, visitor.round());
    let mut two = Pixels::new(4, 4, visitor.round());
    for (name, strength) in
        [("normal", EdgeStrength::Normal([4; 4])), ("strong", EdgeStrength::Strong)]
    {
        let edge = DeblockEdge { alpha: 80, beta: 16, strength };
        macro_rules! across {
            ($($kernel:ident($width:literal, $rows:literal);)*) => {
                $(visitor.case(&format!("{}/{name}", stringify!($kernel)), |k| {
                    one.at_mut::<$width, $rows>(16, 16).copy_from(fresh.at(16, 16));
                    two.at_mut::<$width, $rows>(16, 16).copy_from(fresh.at(16, 16 + $rows));
                    k.$kernel(one.at_mut(16, 16), two.at_mut(16, 16), edge);
                });)*
            };
        }
        macro_rules! along {
            ($($kernel:ident($width:literal, $rows:literal);)*) => {
                $(visitor.case(&format!("{}/{name}", stringify!($kernel)), |k| {
                    one.at_mut::<$width, $rows>(16, 16).copy_from(fresh.at(16, 16));
                    k.$kernel(one.at_mut(16, 16), edge);
                });)*
            };
        }
        across! {
            h264_deblock_luma_h(16, 4);
            h264_deblock_chroma_h(8, 2);
        }
        macro_rules! pairs {
            ($($kernel:ident($width:literal, $rows:literal);)*) => {
                $(visitor.case(&format!("{}/{name}", stringify!($kernel)), |k| {
                    one.at_mut::<$width, $rows>(16, 16).copy_from(fresh.at(16, 16));
                    two.at_mut::<$width, $rows>(16, 16).copy_from(fresh.at(16, 32));
                    k.$kernel([one.at_mut(16, 16), two.at_mut(16, 16)], edge);
                });)*
            };
        }
        pairs! {
            h264_deblock_chroma_pair_h(8, 4);
            h264_deblock_chroma_pair_v(4, 8);
        }
        along! {
            h264_deblock_luma_v(8, 16);
            h264_deblock_luma_v_8(8, 8);
            h264_deblock_chroma_v(4, 8);
            h264_deblock_chroma_v_4(4, 4);
        }
    }
    deblock_mb(visitor);
}

/// All edges of a macroblock, each with coefficients on one side.
fn deblock_mb(visitor: &mut impl Visitor) {
    let fresh = Pixels::new(1, 1, visitor.round());
    let round = visitor.round();
    let mut planes = [(3, 3), (4, 4), (5, 5)].map(|(seed, place)| Pixels::new(seed, place, round));
    let thresholds = DeblockThresholds { alpha: 80, beta: 16, limits: [-1, 2, 3, 4] };
    let all = [&thresholds; 3];
    let edges = DeblockMb { strengths: [[[2; 4]; 4]; 2], outer: [all; 2], inner: all };
    visitor.case("h264_deblock_mb", |k| {
        let [luma, cb, cr] = &mut planes;
        luma.at_mut::<20, 20>(16, 16).copy_from(fresh.at(16, 16));
        cb.at_mut::<12, 10>(16, 16).copy_from(fresh.at(16, 40));
        cr.at_mut::<12, 10>(16, 16).copy_from(fresh.at(40, 16));
        k.h264_deblock_mb(luma.at_mut(16, 16), [cb.at_mut(16, 16), cr.at_mut(16, 16)], &edges);
    });
}

/// Returns the bytes that the case `name` reads and writes; `None` if it is not one of H.264's.
pub(super) fn bytes_of(name: &str) -> Option<f64> {
    let kernel = name.split('/').next().unwrap_or(name).strip_prefix("h264_")?;
    let block = |size: &str, more: f64| {
        let (w, h) = size.split_once('x')?;
        let (w, h): (f64, f64) = (w.parse().ok()?, h.parse().ok()?);
        Some((w + more) * (h + more) + w * h)
    };
    if let Some(size) = kernel.strip_prefix("luma_") {
        return block(size, 5.0);
    }
    if let Some(size) = kernel.strip_prefix("chroma_") {
        return block(size, 1.0);
    }
    Some(match kernel {
        "average_block_16" | "biweight_rows_16" => 3.0 * 256.0,
        "weight_rows_16" => 2.0 * 256.0,
        "fdct_luma" | "fdct_luma_8x8" => 2.0 * 256.0 + 512.0,
        "fdct_chroma" => 2.0 * 128.0 + 256.0,
        "fdct_4x4" => 2.0 * 16.0 + 32.0,
        "fdct_8x8" => 2.0 * 64.0 + 128.0,
        // The case contains the forward transform.
        "quantise_4x4_16" | "quantise_8x8_4" => 2.0 * 256.0 + 4.0 * 512.0,
        "transform_quantise_luma" | "transform_quantise_luma_8x8" => 2.0 * 256.0 + 2.0 * 512.0,
        "transform_quantise_chroma" => 2.0 * 128.0 + 2.0 * 256.0,
        "transform_quantise_4x4" => 2.0 * 16.0 + 2.0 * 32.0,
        "transform_quantise_8x8" => 2.0 * 64.0 + 2.0 * 128.0,
        "coeff_sse_4x4_16" | "coeff_sse_8x8_4" => 2.0 * 512.0,
        "half_planes_16x16" => 22.0 * 22.0 + 2.0 * 17.0 * 18.0 + 17.0 * 17.0,
        "half_planes_8x8" => 14.0 * 14.0 + 2.0 * 9.0 * 10.0 + 9.0 * 9.0,
        "idct_add_4x4" => 32.0 + 2.0 * 16.0,
        "idct_add_8x8" => 128.0 + 2.0 * 64.0,
        "idct_add_luma" => 512.0 + 2.0 * 256.0,
        "idct_add_chroma" => 128.0 + 2.0 * 64.0,
        // Read and written: the window on both sides of the edge.
        "deblock_luma_h" | "deblock_luma_v" => 2.0 * 128.0,
        "deblock_luma_v_8" => 2.0 * 64.0,
        "deblock_chroma_h" | "deblock_chroma_v" => 2.0 * 32.0,
        "deblock_chroma_pair_h" | "deblock_chroma_pair_v" => 4.0 * 32.0,
        "deblock_chroma_v_4" => 2.0 * 16.0,
        "deblock_mb" => 2.0 * (400.0 + 2.0 * 120.0),
        _ => return None,
    })
}
