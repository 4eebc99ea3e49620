//! Inter prediction of whole macroblocks into scratch blocks. RFC 6386, section 18.

use codec_simd::{Block16, BlockUv, Kernels, PlaneRef, WindowMut};

use crate::frame::FrameBuf;
use crate::motion::{PixelPos, QuarterPel};
use crate::vp8::types::MotionVector;

/// Which filters interpolate: chosen by the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interpolation {
    bilinear: bool,
    full_pixel_chroma: bool,
}

impl Interpolation {
    pub(super) fn of_profile(profile: u8) -> Self {
        Self { bilinear: profile != 0, full_pixel_chroma: profile == 3 }
    }
}

/// Predicts from one reference frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct InterPredictor<'a> {
    pub(super) kernels: &'a Kernels,
    pub(super) frame: &'a FrameBuf,
    pub(super) interpolation: Interpolation,
}

/// The prediction of one macroblock, and, once residuals are added, its reconstruction.
#[derive(Clone, Debug, Default)]
pub(super) struct MbPixels {
    pub(super) luma: Block16,
    pub(super) chroma: BlockUv,
}

/// Where a block's pixels begin in the reference, and the fraction in eighths of a pixel.
#[derive(Clone, Copy)]
struct Source {
    x: isize,
    y: isize,
    fx: u8,
    fy: u8,
}

impl Source {
    fn luma(at: PixelPos, mv: MotionVector) -> Self {
        let mv = QuarterPel::new(mv.x, mv.y);
        let (fx, fy) = mv.eighths();
        let to = at.moved(mv.floor());
        Self { x: to.x as isize, y: to.y as isize, fx, fy }
    }

    /// `mv` in eighths of a chroma pixel.
    fn chroma(at: PixelPos, mv: (i32, i32)) -> Self {
        let fraction = |v: i32| u8::try_from(v & 7).unwrap_or(0);
        Self {
            x: (at.x + (mv.0 >> 3)) as isize,
            y: (at.y + (mv.1 >> 3)) as isize,
            fx: fraction(mv.0),
            fy: fraction(mv.1),
        }
    }
}

impl InterPredictor<'_> {
    /// Luma 16x16 at pixel `at` moved by `mv`. `None` if that leaves the reference's border.
    #[inline]
    pub(super) fn luma(&self, at: PixelPos, mv: MotionVector, out: &mut Block16) -> Option<()> {
        let plane = self.frame.plane(0);
        let s = Source::luma(at, mv);
        if s.fx | s.fy == 0 {
            self.kernels.copy_16x16(plane.window(s.x, s.y)?, out.window_mut());
        } else if self.interpolation.bilinear {
            self.kernels.bilinear_16x16(plane.window(s.x, s.y)?, s.fx, s.fy, out.window_mut());
        } else {
            let window = plane.window(s.x - 2, s.y - 2)?;
            self.kernels.sixtap_16x16(window, s.fx, s.fy, out.window_mut());
        }
        Some(())
    }

    /// Both chroma blocks of the macroblock at luma pixel `at` moved by `mv`.
    #[inline]
    pub(super) fn chroma(&self, at: PixelPos, mv: MotionVector, out: &mut BlockUv) -> Option<()> {
        // A quarter of a luma pixel is an eighth of a chroma pixel.
        let mv = self.chroma_vector(i32::from(mv.x), i32::from(mv.y));
        let at = PixelPos::new(at.x / 2, at.y / 2);
        for plane in 0..2 {
            let s = Source::chroma(at, mv);
            let refp = self.frame.plane(1 + plane);
            self.chroma_8x8(refp, s, out.plane_mut(plane))?;
        }
        Some(())
    }

    fn chroma_8x8(&self, plane: PlaneRef<'_>, s: Source, dst: WindowMut<'_, 8, 8>) -> Option<()> {
        if s.fx | s.fy == 0 {
            self.kernels.copy_8x8(plane.window(s.x, s.y)?, dst);
        } else if self.interpolation.bilinear {
            self.kernels.bilinear_8x8(plane.window(s.x, s.y)?, s.fx, s.fy, dst);
        } else {
            self.kernels.sixtap_8x8(plane.window(s.x - 2, s.y - 2)?, s.fx, s.fy, dst);
        }
        Some(())
    }

    fn chroma_vector(&self, x: i32, y: i32) -> (i32, i32) {
        if self.interpolation.full_pixel_chroma { (x & !7, y & !7) } else { (x, y) }
    }

    /// Luma of an 8x8 quarter at (`x`, `y`) of the macroblock.
    pub(super) fn luma_8x8(
        &self,
        at: PixelPos,
        (x, y): (usize, usize),
        mv: MotionVector,
        out: &mut Block16,
    ) -> Option<()> {
        let plane = self.frame.plane(0);
        let s = Source::luma(offset(at, x, y), mv);
        if !plane.covers(s.x - 2, s.y - 2, 13, 13) {
            return None;
        }
        let dst = out.sub_mut::<8, 8>(x, y);
        if s.fx | s.fy == 0 {
            self.kernels.copy_8x8(plane.window(s.x, s.y)?, dst);
        } else if self.interpolation.bilinear {
            self.kernels.bilinear_8x8(plane.window(s.x, s.y)?, s.fx, s.fy, dst);
        } else {
            self.kernels.sixtap_8x8(plane.window(s.x - 2, s.y - 2)?, s.fx, s.fy, dst);
        }
        Some(())
    }

    /// Luma of a 4x4 sub-block at (`x`, `y`) of the macroblock.
    pub(super) fn luma_4x4(
        &self,
        at: PixelPos,
        (x, y): (usize, usize),
        mv: MotionVector,
        out: &mut Block16,
    ) -> Option<()> {
        let plane = self.frame.plane(0);
        let s = Source::luma(offset(at, x, y), mv);
        if !plane.covers(s.x - 2, s.y - 2, 9, 9) {
            return None;
        }
        self.block_4x4(plane, s, out.sub_mut::<4, 4>(x, y))
    }

    fn block_4x4(&self, plane: PlaneRef<'_>, s: Source, dst: WindowMut<'_, 4, 4>) -> Option<()> {
        if s.fx | s.fy == 0 {
            self.kernels.copy_4x4(plane.window(s.x, s.y)?, dst);
        } else if self.interpolation.bilinear {
            self.kernels.bilinear_4x4(plane.window(s.x, s.y)?, s.fx, s.fy, dst);
        } else {
            self.kernels.sixtap_4x4(plane.window(s.x - 2, s.y - 2)?, s.fx, s.fy, dst);
        }
        Some(())
    }

    /// Both chroma blocks of a split macroblock: each 4x4 by the mean of its four luma vectors.
    pub(super) fn chroma_split(
        &self,
        at: PixelPos,
        mvs: &[MotionVector; 16],
        out: &mut BlockUv,
    ) -> Option<()> {
        let at = PixelPos::new(at.x / 2, at.y / 2);
        for block in 0..4usize {
            let (bx, by) = (block % 2, block / 2);
            let four = [0, 1, 4, 5].map(|i| mvs[8 * by + 2 * bx + i]);
            let mean = |sum: i32| if sum < 0 { (sum - 2) / 4 } else { (sum + 2) / 4 };
            let x = mean(four.iter().map(|mv| i32::from(mv.x)).sum());
            let y = mean(four.iter().map(|mv| i32::from(mv.y)).sum());
            let mv = self.chroma_vector(x, y);
            let s = Source::chroma(offset(at, 4 * bx, 4 * by), mv);
            for plane in 0..2 {
                let refp = self.frame.plane(1 + plane);
                if !refp.covers(s.x - 2, s.y - 2, 9, 9) {
                    return None;
                }
                let dst = out.plane_mut(plane).into_sub::<4, 4>(4 * bx, 4 * by);
                self.block_4x4(refp, s, dst)?;
            }
        }
        Some(())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "below 16")]
fn offset(at: PixelPos, x: usize, y: usize) -> PixelPos {
    PixelPos::new(at.x + x as i32, at.y + y as i32)
}
