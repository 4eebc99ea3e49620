//! Scaling of coefficients. ITU-T H.264, clauses 8.5.9, 8.5.12.1 and 8.5.13.1.

use crate::params::ScalingMatrices;
use crate::tables::quant::{NORM_4X4, NORM_8X8, class_4x4, class_8x8};

/// `LevelScale` of all lists, by quantiser modulo 6. Positions are in columns.
#[derive(Clone, Debug)]
pub struct LevelScales {
    matrices: ScalingMatrices,
    /// Intra Y, Cb, Cr, inter Y, Cb, Cr.
    scales_4x4: [[[i32; 16]; 6]; 6],
    /// Intra Y, inter Y.
    scales_8x8: [[[i32; 64]; 6]; 2],
}

impl LevelScales {
    /// Returns the scales of `matrices`.
    #[must_use]
    pub fn new(matrices: &ScalingMatrices) -> Self {
        let scale_4x4 = |list: usize, rest: usize, at: usize| {
            let (x, y) = (at / 4, at % 4);
            let norm = NORM_4X4[rest][class_4x4(x, y)];
            i32::from(matrices.weights_4x4[list][4 * y + x]) * i32::from(norm)
        };
        let scale_8x8 = |list: usize, rest: usize, at: usize| {
            let (x, y) = (at / 8, at % 8);
            let norm = NORM_8X8[rest][class_8x8(x, y)];
            i32::from(matrices.weights_8x8[list][8 * y + x]) * i32::from(norm)
        };
        use std::array::from_fn;
        Self {
            matrices: *matrices,
            scales_4x4: from_fn(|list| from_fn(|rest| from_fn(|at| scale_4x4(list, rest, at)))),
            scales_8x8: from_fn(|list| from_fn(|rest| from_fn(|at| scale_8x8(list, rest, at)))),
        }
    }

    /// Changes to other matrices; does nothing if they are equal.
    pub fn set(&mut self, matrices: &ScalingMatrices) {
        if self.matrices != *matrices {
            *self = Self::new(matrices);
        }
    }

    /// Returns the scaling of 4x4 blocks: `list` 0 to 5 as in
    /// [`ScalingMatrices::weights_4x4`].
    #[inline]
    #[must_use]
    pub fn of_4x4(&self, list: usize, qp: u8) -> Dequant<'_> {
        let scales = &self.scales_4x4[list][usize::from(qp % 6)];
        Dequant { scales, left: u32::from(qp / 6), right: 4 }
    }

    /// Returns the scaling of 8x8 blocks: of intra or inter macroblocks.
    #[inline]
    #[must_use]
    pub fn of_8x8(&self, is_inter: bool, qp: u8) -> Dequant<'_> {
        let scales = &self.scales_8x8[usize::from(is_inter)][usize::from(qp % 6)];
        Dequant { scales, left: u32::from(qp / 6), right: 6 }
    }

    /// Returns the scale of DC coefficients, shifted by `qp / 6`.
    #[inline]
    #[must_use]
    pub fn of_dc(&self, list: usize, qp: u8) -> i32 {
        self.scales_4x4[list][usize::from(qp % 6)][0] << (qp / 6)
    }
}

/// The scaling of a block's coefficients: `(level * scale * 2^left + round) >> right`.
#[derive(Clone, Copy, Debug)]
pub struct Dequant<'a> {
    scales: &'a [i32],
    left: u32,
    right: u32,
}

impl Dequant<'static> {
    /// No scaling: for DC coefficients and lossless macroblocks.
    pub const NONE: Self = Self { scales: &[1; 64], left: 0, right: 0 };
}

impl Dequant<'_> {
    /// Scales `level` at a position. Values of valid streams fit 16 bits; others wrap.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "documented: wraps")]
    pub fn scale(&self, level: i32, position: usize) -> i16 {
        let scale = self.scales.get(position).map_or(0, |scale| scale << self.left);
        let round = (1 << self.right) >> 1;
        (level.wrapping_mul(scale).wrapping_add(round) >> self.right) as i16
    }
}
