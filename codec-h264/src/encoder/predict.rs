//! Motion compensation of the encoder. Vectors are limited so that motion compensation reads only
//! samples of the reference frame and of the border around it. ITU-T H.264, clause 8.4.2.

use codec_core::frame::FrameBuf;
use codec_simd::{Block16, BlockUv, Kernels, PlaneRef, Window, WindowMut};

use crate::picture::Mv;

/// Planes of a reference with their borders.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefPlanes<'a> {
    pub y: PlaneRef<'a>,
    pub u: PlaneRef<'a>,
    pub v: PlaneRef<'a>,
}

impl<'a> From<&'a FrameBuf> for RefPlanes<'a> {
    fn from(frame: &'a FrameBuf) -> Self {
        Self { y: frame.plane(0), u: frame.plane(1), v: frame.plane(2) }
    }
}

/// A part of a macroblock with one vector. Units are luma samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Position in the macroblock.
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

impl Part {
    /// The whole macroblock.
    pub(super) const WHOLE: Self = Self { x: 0, y: 0, width: 16, height: 16 };
}

#[inline]
fn window<'a, const W: usize, const H: usize>(
    plane: &PlaneRef<'a>,
    x: isize,
    y: isize,
) -> Window<'a, W, H> {
    #[expect(clippy::expect_used, reason = "the search range ends inside the border")]
    plane.window(x, y).expect("block inside the border")
}

#[inline]
fn part_of<const W: usize, const H: usize>(
    dst: &mut [[u8; 16]],
    x: usize,
    y: usize,
) -> WindowMut<'_, W, H> {
    let data = &mut dst.as_flattened_mut()[16 * y + x..];
    #[expect(clippy::expect_used, reason = "parts are inside the macroblock")]
    WindowMut::new(data, 16).expect("a part inside the macroblock")
}

/// The low two or three bits of a vector's component.
#[inline]
fn fraction(value: i16, mask: i16) -> u8 {
    (value & mask).to_le_bytes()[0]
}

/// Predicts luma of `part` of the macroblock at (`col`, `row`).
pub(super) fn luma(
    kernels: &Kernels,
    refp: &PlaneRef<'_>,
    (col, row): (usize, usize),
    part: Part,
    mv: Mv,
    dst: &mut Block16,
) {
    let x = (16 * col + part.x).cast_signed() + isize::from(mv.x >> 2);
    let y = (16 * row + part.y).cast_signed() + isize::from(mv.y >> 2);
    let (fx, fy) = (fraction(mv.x, 3), fraction(mv.y, 3));
    macro_rules! block {
        ($kernel:ident, $w:literal, $h:literal, $rw:literal, $rh:literal) => {{
            let mut dst = part_of::<$w, $h>(&mut dst.0, part.x, part.y);
            if (fx, fy) == (0, 0) {
                dst.copy_from(window::<$w, $h>(refp, x, y));
            } else {
                kernels.$kernel(window::<$rw, $rh>(refp, x - 2, y - 2), fx, fy, dst);
            }
        }};
    }
    match (part.width, part.height) {
        (16, 16) => block!(h264_luma_16x16, 16, 16, 21, 21),
        (16, _) => block!(h264_luma_16x8, 16, 8, 21, 13),
        (8, 16) => block!(h264_luma_8x16, 8, 16, 16, 21),
        (8, 8) => block!(h264_luma_8x8, 8, 8, 16, 13),
        (8, _) => block!(h264_luma_8x4, 8, 4, 16, 9),
        (_, 8) => block!(h264_luma_4x8, 4, 8, 16, 13),
        _ => block!(h264_luma_4x4, 4, 4, 16, 9),
    }
}

/// Predicts both chroma planes of `part` of the macroblock at (`col`, `row`).
pub(super) fn chroma(
    kernels: &Kernels,
    refp: &RefPlanes<'_>,
    (col, row): (usize, usize),
    part: Part,
    mv: Mv,
    dst: &mut BlockUv,
) {
    let x = (8 * col + part.x / 2).cast_signed() + isize::from(mv.x >> 3);
    let y = (8 * row + part.y / 2).cast_signed() + isize::from(mv.y >> 3);
    let (fx, fy) = (fraction(mv.x, 7), fraction(mv.y, 7));
    macro_rules! block {
        ($kernel:ident, $w:literal, $h:literal, $rw:literal, $rh:literal) => {
            for (plane, from) in [&refp.u, &refp.v].into_iter().enumerate() {
                let mut dst = part_of::<$w, $h>(&mut dst.0, 8 * plane + part.x / 2, part.y / 2);
                if (fx, fy) == (0, 0) {
                    dst.copy_from(window::<$w, $h>(from, x, y));
                } else {
                    kernels.$kernel(window::<$rw, $rh>(from, x, y), fx, fy, dst);
                }
            }
        };
    }
    match (part.width, part.height) {
        (16, 16) => block!(h264_chroma_8x8, 8, 8, 16, 9),
        (16, _) => block!(h264_chroma_8x4, 8, 4, 16, 5),
        (8, 16) => block!(h264_chroma_4x8, 4, 8, 8, 9),
        (8, 8) => block!(h264_chroma_4x4, 4, 4, 8, 5),
        (8, _) => block!(h264_chroma_4x2, 4, 2, 8, 3),
        (_, 8) => block!(h264_chroma_2x4, 2, 4, 8, 5),
        _ => block!(h264_chroma_2x2, 2, 2, 8, 3),
    }
}
