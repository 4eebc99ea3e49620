//! Kernels of H.264: every level returns the same results as the scalar kernels.

use crate::harness::{Rng, Source, Target, agree};
use codec_simd::{DeblockEdge, DeblockMb, DeblockThresholds, EdgeStrength};

macro_rules! interpolation {
    ($($name:ident $w:literal x $h:literal from $rw:literal x $rh:literal, $max:literal;)*) => {
        $(
            #[test]
            fn $name() {
                agree(|kernels, rng| {
                    let source = Source::<$rw, $rh>::new(rng);
                    let mut target = Target::<$w, $h>::new(rng);
                    let fractions = [rng.byte() & $max, rng.byte() & $max];
                    let [fx, fy] = fractions;
                    kernels.$name(source.window(), fx, fy, target.window_mut());
                    (fractions, target.finish())
                });
            }
        )*
    };
}

interpolation! {
    h264_luma_16x16 16 x 16 from 21 x 21, 3;
    h264_luma_16x8 16 x 8 from 21 x 13, 3;
    h264_luma_8x16 8 x 16 from 16 x 21, 3;
    h264_luma_8x8 8 x 8 from 16 x 13, 3;
    h264_luma_8x4 8 x 4 from 16 x 9, 3;
    h264_luma_4x8 4 x 8 from 16 x 13, 3;
    h264_luma_4x4 4 x 4 from 16 x 9, 3;
    h264_chroma_8x8 8 x 8 from 16 x 9, 7;
    h264_chroma_8x4 8 x 4 from 16 x 5, 7;
    h264_chroma_4x8 4 x 8 from 8 x 9, 7;
    h264_chroma_4x4 4 x 4 from 8 x 5, 7;
    h264_chroma_4x2 4 x 2 from 8 x 3, 7;
    h264_chroma_2x4 2 x 4 from 8 x 5, 7;
    h264_chroma_2x2 2 x 2 from 8 x 3, 7;
}

/// The centre position takes sums of sums: rows that make them largest and smallest.
#[test]
fn centre_of_extreme_rows() {
    agree(|kernels, rng| {
        let rows: [[u8; 16]; 13] = std::array::from_fn(|_| {
            let (even, odd) = (rng.pick(&[0, 255]), rng.pick(&[0, 255]));
            let outer = rng.pick(&[0, 255]);
            std::array::from_fn(|x| [outer, odd, even, even, odd, outer][x % 6])
        });
        let mut target = Target::<8, 8>::new(rng);
        let refp = codec_simd::Window::packed(&rows);
        kernels.h264_luma_8x8(refp, 2, 2, target.window_mut());
        target.finish()
    });
}

fn rows(rng: &mut Rng, count: usize) -> Vec<[u8; 16]> {
    (0..count).map(|_| rng.bytes()).collect()
}

fn signed(rng: &mut Rng) -> i16 {
    match rng.below(4) {
        0 => rng.pick(&[-128, -1, 0, 1, 32, 64, 127]),
        _ => i16::from(rng.byte().cast_signed()),
    }
}

#[test]
fn h264_average_block() {
    agree(|kernels, rng| {
        let count = rng.below(17);
        let other = rows(rng, count);
        let width = rng.pick(&[2, 4, 8, 16]);
        let mut dst: Vec<u8> = (0..17 * 20).map(|_| rng.byte()).collect();
        kernels.h264_average_block(&mut dst, 20, width, &other);
        dst
    });
}

#[test]
fn h264_weight_rows() {
    agree(|kernels, rng| {
        let count = rng.below(17);
        let mut a = rows(rng, count);
        let (denom, weight, offset) = (rng.byte() & 7, signed(rng), signed(rng));
        kernels.h264_weight_rows(&mut a, denom, weight, offset);
        a
    });
}

#[test]
fn h264_biweight_rows() {
    agree(|kernels, rng| {
        let count = rng.below(17);
        let (mut a, b) = (rows(rng, count), rows(rng, count));
        let weights = [signed(rng), signed(rng)];
        let (denom, offset) = (rng.byte() & 7, signed(rng));
        kernels.h264_biweight_rows(&mut a, &b, denom, weights, offset);
        a
    });
}

/// Coefficients: small, extreme, sparse.
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

#[test]
fn h264_idct_add_4x4() {
    agree(|kernels, rng| {
        let coeffs = coeffs(rng);
        let mut target = Target::<4, 4>::new(rng);
        kernels.h264_idct_add_4x4(&coeffs, target.window_mut());
        target.finish()
    });
}

#[test]
fn h264_idct_add_8x8() {
    agree(|kernels, rng| {
        let coeffs = coeffs(rng);
        let mut target = Target::<8, 8>::new(rng);
        kernels.h264_idct_add_8x8(&coeffs, target.window_mut());
        target.finish()
    });
}

#[test]
fn h264_idct_add_luma() {
    agree(|kernels, rng| {
        let coeffs = std::array::from_fn(|_| coeffs(rng));
        let mask = (u32::from(rng.byte()) << 8) | u32::from(rng.byte());
        let mut target = Target::<16, 16>::new(rng);
        kernels.h264_idct_add_luma(&coeffs, mask, target.window_mut());
        target.finish()
    });
}

#[test]
fn h264_idct_add_chroma() {
    agree(|kernels, rng| {
        let coeffs = std::array::from_fn(|_| coeffs(rng));
        let mask = u32::from(rng.byte() & 15);
        let mut target = Target::<8, 8>::new(rng);
        kernels.h264_idct_add_chroma(&coeffs, mask, target.window_mut());
        target.finish()
    });
}

fn edge(rng: &mut Rng) -> DeblockEdge {
    let strength = if rng.below(3) == 0 {
        EdgeStrength::Strong
    } else {
        EdgeStrength::Normal(std::array::from_fn(|_| {
            let tc0 = rng.below(27).to_le_bytes()[0];
            tc0.cast_signed() - 1
        }))
    };
    DeblockEdge {
        alpha: rng.pick(&[0, 1, 4, 15, 40, 80, 160, 255]),
        beta: rng.pick(&[0, 1, 2, 4, 8, 12, 18]),
        strength,
    }
}

macro_rules! vertical_edges {
    ($($name:ident $w:literal x $h:literal;)*) => {
        $(
            #[test]
            fn $name() {
                agree(|kernels, rng| {
                    let edge = edge(rng);
                    let mut target = Target::<$w, $h>::new(rng);
                    kernels.$name(target.window_mut(), edge);
                    target.finish()
                });
            }
        )*
    };
}

vertical_edges! {
    h264_deblock_luma_v 8 x 16;
    h264_deblock_luma_v_8 8 x 8;
    h264_deblock_chroma_v 4 x 8;
    h264_deblock_chroma_v_4 4 x 4;
}

macro_rules! horizontal_edges {
    ($($name:ident $w:literal x $h:literal, $half:literal;)*) => {
        $(
            #[test]
            fn $name() {
                agree(|kernels, rng| {
                    let edge = edge(rng);
                    let mut target = Target::<$w, $h>::new(rng);
                    let (above, below) = target.window_mut().into_row_halves::<$half>();
                    kernels.$name(above, below, edge);
                    target.finish()
                });
            }
        )*
    };
}

horizontal_edges! {
    h264_deblock_luma_h 16 x 8, 4;
    h264_deblock_chroma_h 8 x 4, 2;
}

#[test]
fn h264_deblock_chroma_pair_h() {
    agree(|kernels, rng| {
        let edge = edge(rng);
        let (mut cb, mut cr) = (Target::<8, 4>::new(rng), Target::<8, 4>::new(rng));
        kernels.h264_deblock_chroma_pair_h([cb.window_mut(), cr.window_mut()], edge);
        (cb.finish(), cr.finish())
    });
}

#[test]
fn h264_deblock_chroma_pair_v() {
    agree(|kernels, rng| {
        let edge = edge(rng);
        let (mut cb, mut cr) = (Target::<4, 8>::new(rng), Target::<4, 8>::new(rng));
        kernels.h264_deblock_chroma_pair_v([cb.window_mut(), cr.window_mut()], edge);
        (cb.finish(), cr.finish())
    });
}

fn thresholds(rng: &mut Rng) -> DeblockThresholds {
    let limits = [0, 1, 2].map(|_| rng.below(26).to_le_bytes()[0].cast_signed());
    DeblockThresholds {
        alpha: rng.pick(&[0, 4, 15, 40, 80, 160, 255]),
        beta: rng.pick(&[0, 1, 2, 4, 8, 12, 18]),
        limits: [-1, limits[0], limits[1], limits[2]],
    }
}

#[test]
fn h264_deblock_mb() {
    agree(|kernels, rng| {
        let [a, b, c, d, e] = [(); 5].map(|()| thresholds(rng));
        let strengths = [(); 2].map(|()| {
            [(); 4].map(|()| match rng.below(3) {
                0 => [0; 4],
                1 => [4; 4],
                _ => std::array::from_fn(|_| rng.byte() & 3),
            })
        });
        let edges =
            DeblockMb { strengths, outer: [[&a, &b, &b], [&b, &c, &d]], inner: [&c, &e, &e] };
        let mut luma = Target::<20, 20>::new(rng);
        let (mut cb, mut cr) = (Target::<12, 10>::new(rng), Target::<12, 10>::new(rng));
        let chroma = [cb.window_mut(), cr.window_mut()];
        kernels.h264_deblock_mb(luma.window_mut(), chroma, &edges);
        (luma.finish(), cb.finish(), cr.finish())
    });
}
