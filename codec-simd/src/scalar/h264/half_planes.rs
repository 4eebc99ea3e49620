//! Scalar reference kernels: half-pel samples for the motion search of H.264.

use super::predict::Luma;
use crate::half_planes::{HalfPlanes, HalfPlanes8, HalfPlanes16};
use crate::view::Window;

fn fill<const IN: usize, const STRIDE: usize, const ROWS: usize, const MORE: usize>(
    refp: Window<'_, IN, IN>,
    out: &mut HalfPlanes<STRIDE, ROWS, MORE>,
) {
    // The position (0, 0) of `luma` is the sample left of and above the block.
    let luma = Luma(refp);
    for y in 0..MORE {
        for x in 0..ROWS {
            out.across[y][x] = luma.right(x, y);
            out.down[x][y] = luma.below(y, x);
        }
    }
    for y in 0..ROWS {
        for x in 0..ROWS {
            out.both[y][x] = luma.centre(x, y);
        }
    }
}

pub(crate) fn h264_half_planes_16x16(refp: Window<'_, 22, 22>, out: &mut HalfPlanes16) {
    fill(refp, out);
}

pub(crate) fn h264_half_planes_8x8(refp: Window<'_, 14, 14>, out: &mut HalfPlanes8) {
    fill(refp, out);
}
