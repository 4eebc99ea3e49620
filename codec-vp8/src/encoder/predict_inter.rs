//! Inter prediction of candidates into scratch blocks. RFC 6386, section 18.

use codec_simd::{Block16, BlockUv, Kernels, PlaneRef, WindowMut};

use crate::predict::{
    MotionFilter, Outside, Place, RefPlanes, block_4x4, block_8x8, block_16x16, chroma_8x8,
    chroma_vectors,
};
use crate::types::MotionVector;
use codec_core::motion::PixelPos;

/// Predicts from one reference frame; returns `None` for vectors that leave its border.
#[derive(Clone, Copy, Debug)]
pub(super) struct InterPredictor<'a> {
    pub(super) kernels: &'a Kernels,
    pub(super) planes: &'a RefPlanes<'a>,
    pub(super) filter: MotionFilter,
}

/// Prediction of one macroblock and, once residuals are added, its reconstruction.
#[derive(Clone, Debug, Default)]
pub(super) struct MbPixels {
    pub(super) luma: Block16,
    pub(super) chroma: BlockUv,
}

impl InterPredictor<'_> {
    /// Predicts the 16x16 luma at pixel `at` displaced by `mv`.
    #[inline]
    pub(super) fn luma(&self, at: PixelPos, mv: MotionVector, out: &mut Block16) -> Option<()> {
        let (x, y) = corner(at);
        let place = Place::luma(x, y, mv);
        let (refp, bilinear) = (self.planes.y, self.filter.bilinear);
        let dst = out.window_mut();
        block_16x16(self.kernels, bilinear, refp, place, Outside::Refuse, dst).then_some(())
    }

    /// Predicts the luma of the 8x8 quadrant at (`dx`, `dy`) of the macroblock.
    pub(super) fn luma_8x8(
        &self,
        at: PixelPos,
        (dx, dy): (usize, usize),
        mv: MotionVector,
        out: &mut Block16,
    ) -> Option<()> {
        let (x, y) = corner(at);
        self.block_8x8(self.planes.y, Place::luma(x + dx, y + dy, mv), out.sub_mut(dx, dy))
    }

    /// Predicts the luma of the 4x4 sub-block at (`dx`, `dy`) of the macroblock.
    pub(super) fn luma_4x4(
        &self,
        at: PixelPos,
        (dx, dy): (usize, usize),
        mv: MotionVector,
        out: &mut Block16,
    ) -> Option<()> {
        let (x, y) = corner(at);
        self.block_4x4(self.planes.y, Place::luma(x + dx, y + dy, mv), out.sub_mut(dx, dy))
    }

    /// Predicts both chroma blocks of the macroblock at luma pixel `at` displaced by `mv`.
    #[inline]
    pub(super) fn chroma(&self, at: PixelPos, mv: MotionVector, out: &mut BlockUv) -> Option<()> {
        let (x, y) = corner(at);
        let place = Place::chroma(x / 2, y / 2, self.filter.chroma_vector(mv));
        let (kernels, bilinear) = (self.kernels, self.filter.bilinear);
        let (u, v) = out.planes_mut();
        chroma_8x8(kernels, bilinear, self.planes, place, Outside::Refuse, (u, v)).then_some(())
    }

    /// Predicts both chroma blocks of a split macroblock: each 4x4 with the mean of its four luma
    /// vectors.
    pub(super) fn chroma_split(
        &self,
        at: PixelPos,
        mvs: &[MotionVector; 16],
        out: &mut BlockUv,
    ) -> Option<()> {
        let (x, y) = corner(at);
        for (n, mv) in chroma_vectors(mvs, self.filter).into_iter().enumerate() {
            let (dx, dy) = (n % 2 * 4, n / 2 * 4);
            let place = Place::chroma(x / 2 + dx, y / 2 + dy, mv);
            for (plane, refp) in [self.planes.u, self.planes.v].into_iter().enumerate() {
                self.block_4x4(refp, place, out.plane_mut(plane).into_sub(dx, dy))?;
            }
        }
        Some(())
    }

    #[inline]
    fn block_8x8(&self, refp: PlaneRef<'_>, place: Place, dst: WindowMut<'_, 8, 8>) -> Option<()> {
        let bilinear = self.filter.bilinear;
        block_8x8(self.kernels, bilinear, refp, place, Outside::Refuse, dst).then_some(())
    }

    #[inline]
    fn block_4x4(&self, refp: PlaneRef<'_>, place: Place, dst: WindowMut<'_, 4, 4>) -> Option<()> {
        let bilinear = self.filter.bilinear;
        block_4x4(self.kernels, bilinear, refp, place, Outside::Refuse, dst).then_some(())
    }
}

/// Returns the top-left pixel of a macroblock, which is always inside the frame.
#[inline]
fn corner(at: PixelPos) -> (usize, usize) {
    (at.x.unsigned_abs() as usize, at.y.unsigned_abs() as usize)
}
