//! Rows of packed RGB and of I420: every level equals scalar, at every width.

use crate::harness::{Rng, Target, agree};
use codec_simd::{Kernels, RgbWeights, YuvWeights};

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
    for k in codec_simd::Level::ALL.into_iter().filter_map(Kernels::for_level) {
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
