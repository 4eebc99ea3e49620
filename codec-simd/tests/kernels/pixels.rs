//! Rows of pixels: every level returns the same results as the scalar kernels, at every
//! length.

use crate::harness::{Target, agree};

#[test]
fn sse_row() {
    agree(|kernels, rng| {
        let len = rng.below(200);
        let (a, b) = (rng.pixels(len), rng.pixels(len));
        kernels.sse_row(&a, &b)
    });
}

#[test]
fn sse_of_a_long_row_does_not_overflow() {
    agree(|kernels, rng| {
        let len = (1 << 17) + rng.below(40);
        let (a, b) = (vec![0; len], vec![255; len]);
        let sse = kernels.sse_row(&a, &b);
        assert_eq!(sse, u64::try_from(len).unwrap() * 65025);
    });
}

#[test]
fn halve_row() {
    agree(|kernels, rng| {
        let len = rng.below(100);
        let (a, b) = (rng.pixels(2 * len), rng.pixels(2 * len));
        let mut out = Target::<100, 1>::new(rng);
        kernels.halve_row(&a, &b, &mut out.window_mut().row_mut(0)[..len]);
        out.finish()
    });
}

#[test]
fn split_uv_row() {
    agree(|kernels, rng| {
        let len = rng.below(100);
        let uv = rng.pixels(2 * len);
        let (mut u, mut v) = (Target::<100, 1>::new(rng), Target::<100, 1>::new(rng));
        let (mut u_row, mut v_row) = (u.window_mut(), v.window_mut());
        kernels.split_uv_row(&uv, &mut u_row.row_mut(0)[..len], &mut v_row.row_mut(0)[..len]);
        (u.finish(), v.finish())
    });
}

#[test]
#[cfg(panic = "unwind")]
fn rows_of_mismatched_length_are_rejected_by_every_level() {
    use std::panic::catch_unwind;
    for kernels in codec_simd::Level::ALL.into_iter().filter_map(codec_simd::Kernels::for_level) {
        assert!(catch_unwind(|| kernels.sse_row(&[0; 40], &[0; 41])).is_err());
        assert!(catch_unwind(|| kernels.halve_row(&[0; 80], &[0; 80], &mut [0; 41])).is_err());
        assert!(catch_unwind(|| kernels.halve_row(&[0; 80], &[0; 78], &mut [0; 40])).is_err());
        let unequal = || kernels.split_uv_row(&[0; 80], &mut [0; 40], &mut [0; 39]);
        assert!(catch_unwind(unequal).is_err());
    }
}
