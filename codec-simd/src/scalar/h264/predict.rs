//! Scalar reference kernels: motion compensation and weighted prediction (ITU-T H.264, clause
//! 8.4.2).
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "samples are clamped, or are means of bytes"
)]

use crate::view::{Window, WindowMut};

fn six_tap(p: [i32; 6]) -> i32 {
    p[0] - 5 * p[1] + 20 * p[2] + 20 * p[3] - 5 * p[4] + p[5]
}

fn clamped(value: i32) -> u8 {
    value.clamp(0, 255) as u8
}

fn mean(a: u8, b: u8) -> u8 {
    (u16::from(a) + u16::from(b)).div_ceil(2) as u8
}

/// Samples of a reference around a block whose first pixel is (2, 2).
#[derive(Clone, Copy)]
pub(super) struct Luma<'a, const W: usize, const H: usize>(pub(super) Window<'a, W, H>);

impl<const W: usize, const H: usize> Luma<'_, W, H> {
    /// The pixel right of the block's pixel (`x`, `y`) by `dx` and below it by `dy`, plus 2 each.
    fn at(self, x: usize, y: usize) -> i32 {
        i32::from(self.0.row(y)[x])
    }

    fn full(self, x: usize, y: usize) -> u8 {
        self.0.row(y + 2)[x + 2]
    }

    /// Half a pixel right of (`x`, `y`): `b`, and `s` in the next row.
    pub(super) fn right(self, x: usize, y: usize) -> u8 {
        clamped((six_tap(std::array::from_fn(|k| self.at(x + k, y + 2))) + 16) >> 5)
    }

    /// Half a pixel below (`x`, `y`): `h`, and `m` in the next column.
    pub(super) fn below(self, x: usize, y: usize) -> u8 {
        clamped((six_tap(std::array::from_fn(|k| self.at(x + 2, y + k))) + 16) >> 5)
    }

    /// Half a pixel right of and below (`x`, `y`): `j`.
    pub(super) fn centre(self, x: usize, y: usize) -> u8 {
        let columns =
            std::array::from_fn(|k| six_tap(std::array::from_fn(|i| self.at(x + i, y + k))));
        clamped((six_tap(columns) + 512) >> 10)
    }

    fn sample(self, x: usize, y: usize, fx: u8, fy: u8) -> u8 {
        let (next_x, next_y) = (usize::from(fx == 3), usize::from(fy == 3));
        match (fx, fy) {
            (0, 0) => self.full(x, y),
            (2, 0) => self.right(x, y),
            (0, 2) => self.below(x, y),
            (2, 2) => self.centre(x, y),
            (_, 0) => mean(self.full(x + next_x, y), self.right(x, y)),
            (0, _) => mean(self.full(x, y + next_y), self.below(x, y)),
            (2, _) => mean(self.centre(x, y), self.right(x, y + next_y)),
            (_, 2) => mean(self.centre(x, y), self.below(x + next_x, y)),
            (_, _) => mean(self.right(x, y + next_y), self.below(x + next_x, y)),
        }
    }
}

macro_rules! luma {
    ($($name:ident $w:literal x $h:literal from $rw:literal x $rh:literal;)*) => {
        $(
            pub(crate) fn $name(
                refp: Window<'_, $rw, $rh>,
                fx: u8,
                fy: u8,
                mut dst: WindowMut<'_, $w, $h>,
            ) {
                let luma = Luma(refp);
                for y in 0..$h {
                    *dst.row_mut(y) = std::array::from_fn(|x| luma.sample(x, y, fx & 3, fy & 3));
                }
            }
        )*
    };
}

luma! {
    h264_luma_16x16 16 x 16 from 21 x 21;
    h264_luma_16x8 16 x 8 from 21 x 13;
    h264_luma_8x16 8 x 16 from 16 x 21;
    h264_luma_8x8 8 x 8 from 16 x 13;
    h264_luma_8x4 8 x 4 from 16 x 9;
    h264_luma_4x8 4 x 8 from 16 x 13;
    h264_luma_4x4 4 x 4 from 16 x 9;
}

macro_rules! chroma {
    ($($name:ident $w:literal x $h:literal from $rw:literal x $rh:literal;)*) => {
        $(
            pub(crate) fn $name(
                refp: Window<'_, $rw, $rh>,
                fx: u8,
                fy: u8,
                mut dst: WindowMut<'_, $w, $h>,
            ) {
                let (fx, fy) = (u32::from(fx & 7), u32::from(fy & 7));
                for y in 0..$h {
                    let (row, next) = (refp.row(y), refp.row(y + 1));
                    *dst.row_mut(y) = std::array::from_fn(|x| {
                        let top = (8 - fx) * u32::from(row[x]) + fx * u32::from(row[x + 1]);
                        let bottom = (8 - fx) * u32::from(next[x]) + fx * u32::from(next[x + 1]);
                        (((8 - fy) * top + fy * bottom + 32) >> 6) as u8
                    });
                }
            }
        )*
    };
}

chroma! {
    h264_chroma_8x8 8 x 8 from 16 x 9;
    h264_chroma_8x4 8 x 4 from 16 x 5;
    h264_chroma_4x8 4 x 8 from 8 x 9;
    h264_chroma_4x4 4 x 4 from 8 x 5;
    h264_chroma_4x2 4 x 2 from 8 x 3;
    h264_chroma_2x4 2 x 4 from 8 x 5;
    h264_chroma_2x2 2 x 2 from 8 x 3;
}

pub(crate) fn h264_average_block(dst: &mut [u8], stride: usize, width: usize, other: &[[u8; 16]]) {
    for (row, other) in dst.chunks_mut(stride).zip(other) {
        row.iter_mut().zip(other).take(width).for_each(|(a, b)| *a = mean(*a, *b));
    }
}

/// A weighted sum, shifted, plus the offset, clamped.
fn weighted(sum: i16, round: i16, shift: u8, offset: i16) -> u8 {
    let shifted = sum.wrapping_add(round) >> shift;
    clamped(i32::from(shifted) + i32::from(offset))
}

pub(crate) fn h264_weight_rows(rows: &mut [[u8; 16]], log2_denom: u8, weight: i16, offset: i16) {
    let shift = log2_denom & 7;
    let round = if shift == 0 { 0 } else { 1 << (shift - 1) };
    for pixel in rows.as_flattened_mut() {
        *pixel = weighted(i16::from(*pixel).wrapping_mul(weight), round, shift, offset);
    }
}

pub(crate) fn h264_biweight_rows(
    rows: &mut [[u8; 16]],
    other: &[[u8; 16]],
    log2_denom: u8,
    weights: [i16; 2],
    offset: i16,
) {
    assert_eq!(rows.len(), other.len(), "blocks of different heights");
    let shift = log2_denom & 7;
    let product = |pixel: u8, weight: i16| i16::from(pixel).wrapping_mul(weight);
    for (a, b) in rows.as_flattened_mut().iter_mut().zip(other.as_flattened()) {
        let sum = product(*a, weights[0]).wrapping_add(product(*b, weights[1]));
        *a = weighted(sum, 1 << shift, shift + 1, offset);
    }
}
