//! The features of VMAF, as libvmaf defines them. The code loops over SIMD lanes; the other SIMD
//! levels are the same loops, compiled for their instruction sets.
//!
//! Every sum of floating-point numbers has a fixed order, and no addition is fused with a
//! multiplication (FMA), so that the results are the same at every level.

mod adm;
mod motion;
pub(crate) mod vif;

pub(crate) use adm::{vmaf_adm_8, vmaf_adm_16, vmaf_adm_next};
pub(crate) use motion::{vmaf_motion_8, vmaf_motion_16};
pub(crate) use vif::{vmaf_halve_8, vmaf_halve_16, vmaf_vif_8, vmaf_vif_16};

/// Samples that are processed at the same time.
const LANES: usize = 16;

/// A sample of a plane, as a number.
pub(crate) trait Sample: Copy {
    fn value(self) -> f32;
}

impl Sample for u8 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from(self)
    }
}

impl Sample for u16 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from(self)
    }
}

impl Sample for f32 {
    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
}

/// The nearest integer, for numbers below 2^22.
#[inline(always)]
fn round(value: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0;
    (value + SHIFT) - SHIFT
}

/// The index of `size` that lies at `index`, reflected at both ends, which are not repeated.
#[inline(always)]
fn reflected(index: isize, size: usize) -> usize {
    let index = index.unsigned_abs();
    if index < size { index } else { (2 * size - 2).saturating_sub(index) }
}

/// `L` samples of a row, from `at` on.
#[inline(always)]
fn lanes<S: Copy, const L: usize>(row: &[S], at: usize) -> &[S; L] {
    match row[at..].first_chunk() {
        Some(lanes) => lanes,
        None => unreachable!("rows hold all columns"),
    }
}
