//! Conversion between packed RGB and I420: every level returns the same results as the scalar
//! kernels, at every width, and the scalar kernels convert greys and saturated colours correctly.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use crate::harness::{Rng, Target, agree};
use codec_simd::{Kernels, Level, RgbWeights, YuvWeights};

const BT709: (f64, f64) = (0.2126, 0.0722);

fn scalar() -> &'static Kernels {
    Kernels::for_level(Level::Scalar).unwrap()
}

/// The matrices of BT.601, BT.709 and BT.2020, in both ranges and both orders.
fn matrix(rng: &mut Rng) -> (f64, f64, bool, [usize; 3]) {
    let (kr, kb) = [(0.299, 0.114), (0.2126, 0.0722), (0.2627, 0.0593)][rng.below(3)];
    (kr, kb, rng.below(2) == 0, [[0, 1, 2], [2, 1, 0]][rng.below(2)])
}

#[test]
fn rgb_to_yuv() {
    type Luma = fn(&Kernels, &[u8], &RgbWeights, &mut [u8]);
    type Chroma = fn(&Kernels, &[u8], &[u8], &RgbWeights, &mut [u8], &mut [u8]);
    let kernels_of: [(usize, Luma, Chroma); 2] = [
        (3, Kernels::rgb24_to_luma_row, Kernels::rgb24_to_chroma_rows),
        (4, Kernels::rgb32_to_luma_row, Kernels::rgb32_to_chroma_rows),
    ];
    for (bytes, to_luma, to_chroma) in kernels_of {
        agree(|kernels, rng| {
            let (kr, kb, full, order) = matrix(rng);
            let weights = RgbWeights::new(kr, kb, full, order);
            let len = rng.below(100);
            let (a, b) = (rng.pixels(bytes * len), rng.pixels(bytes * len));
            let mut y = Target::<100, 1>::new(rng);
            to_luma(kernels, &a, &weights, &mut y.window_mut().row_mut(0)[..len]);
            let (mut u, mut v) = (Target::<50, 1>::new(rng), Target::<50, 1>::new(rng));
            let (mut u_row, mut v_row) = (u.window_mut(), v.window_mut());
            let pairs = len.div_ceil(2);
            let (u_row, v_row) = (&mut u_row.row_mut(0)[..pairs], &mut v_row.row_mut(0)[..pairs]);
            to_chroma(kernels, &a, &b, &weights, u_row, v_row);
            (y.finish(), u.finish(), v.finish())
        });
    }
}

#[test]
fn yuv_to_rgb() {
    type Convert = fn(&Kernels, &[u8], &[u8], &[u8], &YuvWeights, &mut [u8]);
    let kernels_of: [(usize, Convert); 2] =
        [(3, Kernels::i420_to_rgb24_row), (4, Kernels::i420_to_rgb32_row)];
    for (bytes, convert) in kernels_of {
        agree(|kernels, rng| {
            let (kr, kb, full, order) = matrix(rng);
            let weights = YuvWeights::new(kr, kb, full, order);
            let len = rng.below(100);
            let pairs = len.div_ceil(2);
            let (y, u, v) = (rng.pixels(len), rng.pixels(pairs), rng.pixels(pairs));
            let mut out = Target::<400, 1>::new(rng);
            convert(kernels, &y, &u, &v, &weights, &mut out.window_mut().row_mut(0)[..bytes * len]);
            out.finish()
        });
    }
}

#[test]
#[cfg(panic = "unwind")]
fn rows_of_mismatched_length_are_rejected_by_every_level() {
    use std::panic::catch_unwind;
    let to = RgbWeights::new(0.299, 0.114, false, [0, 1, 2]);
    let from = YuvWeights::new(0.299, 0.114, false, [0, 1, 2]);
    for k in Level::ALL.into_iter().filter_map(Kernels::for_level) {
        assert!(catch_unwind(|| k.rgb24_to_luma_row(&[0; 96], &to, &mut [0; 33])).is_err());
        let unequal =
            || k.rgb24_to_chroma_rows(&[0; 96], &[0; 99], &to, &mut [0; 16], &mut [0; 16]);
        assert!(catch_unwind(unequal).is_err());
        let short =
            || k.rgb32_to_chroma_rows(&[0; 128], &[0; 128], &to, &mut [0; 16], &mut [0; 15]);
        assert!(catch_unwind(short).is_err());
        let short = || k.i420_to_rgb24_row(&[0; 32], &[0; 16], &[0; 15], &from, &mut [0; 96]);
        assert!(catch_unwind(short).is_err());
        let short = || k.i420_to_rgb32_row(&[0; 32], &[0; 16], &[0; 16], &from, &mut [0; 96]);
        assert!(catch_unwind(short).is_err());
    }
}

#[test]
fn greys_have_no_chroma_and_cover_the_range() {
    for (full, black, white) in [(false, 16, 235), (true, 0, 255)] {
        let weights = RgbWeights::new(BT709.0, BT709.1, full, [0, 1, 2]);
        for (grey, luma) in [(0, black), (255, white)] {
            let (mut y, mut u, mut v) = ([0; 2], [0], [0]);
            scalar().rgb24_to_luma_row(&[grey; 6], &weights, &mut y);
            scalar().rgb24_to_chroma_rows(&[grey; 6], &[grey; 6], &weights, &mut u, &mut v);
            assert_eq!((y, u, v), ([luma; 2], [128], [128]), "{full}");
        }
    }
}

#[test]
fn colours_survive_the_round_trip_within_two_steps() {
    for (kr, kb) in [BT709, (0.299, 0.114), (0.2627, 0.0593)] {
        for full in [false, true] {
            let to = RgbWeights::new(kr, kb, full, [2, 1, 0]);
            let from = YuvWeights::new(kr, kb, full, [2, 1, 0]);
            for color in [[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 200, 90], [250, 250, 5]] {
                let pixel: [u8; 4] = [color[2], color[1], color[0], 9];
                let (mut y, mut u, mut v, mut back) = ([0], [0], [0], [0; 4]);
                scalar().rgb32_to_luma_row(&pixel, &to, &mut y);
                scalar().rgb32_to_chroma_rows(&pixel, &pixel, &to, &mut u, &mut v);
                scalar().i420_to_rgb32_row(&y, &u, &v, &from, &mut back);
                let worst = back.iter().zip(&pixel).take(3).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(worst <= Some(2), "{kr} {full} {color:?}: {back:?}");
                assert_eq!(back[3], 255);
            }
        }
    }
}
