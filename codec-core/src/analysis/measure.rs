//! Costs and motion vectors of the macroblocks in a band of rows.
//!
//! Bands do not depend on each other, so threads do not synchronise after each macroblock: a
//! macroblock takes a fraction of a microsecond, less than synchronisation would.

use codec_simd::{Kernels, PlaneRef};

use super::full_luma::FullLuma;
use super::half_plane::HalfPlane;
use super::inter;
use super::intra;
use super::{Change, MbAnalysis};
use crate::motion::{FullPel, PixelPos, QuarterPel};

/// Properties of a macroblock that depend only on its own frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Texture {
    intra_cost: u16,
    activity: u16,
}

impl Texture {
    fn of(kernels: &Kernels, plane: PlaneRef<'_>, at: PixelPos) -> Self {
        Self {
            intra_cost: narrow(intra::cost(kernels, plane, at)),
            activity: narrow(intra::activity(kernels, plane, at)),
        }
    }
}

/// Number of rows in each band except the last, for any number of threads.
pub(super) const BAND_ROWS: usize = 6;

/// Output for a band, by macroblock.
#[derive(Debug)]
pub(super) struct Band<'a> {
    /// Index of its first macroblock.
    pub(super) first: usize,
    pub(super) mbs: &'a mut [MbAnalysis],
    pub(super) textures: &'a mut [Texture],
    /// Vectors in half-size pixels.
    pub(super) vectors: &'a mut [FullPel],
}

/// Inputs that all bands of a frame share.
#[derive(Clone, Copy, Debug)]
pub(super) struct MeasureJob<'a> {
    pub(super) kernels: &'a Kernels,
    pub(super) cols: usize,
    pub(super) has_previous: bool,
    /// Refine motion vectors below half-size pixels.
    pub(super) is_precise: bool,
    /// Frame counter, for updates that do not happen in every frame.
    pub(super) turn: usize,
    /// Half-size planes of the current and the previous frame.
    pub(super) planes: (PlaneRef<'a>, PlaneRef<'a>),
    pub(super) luma: &'a FullLuma,
    pub(super) scroll: Option<FullPel>,
    /// The most frequent motion vector of the previous frame, in half-size pixels.
    pub(super) global: FullPel,
    /// By macroblock.
    pub(super) is_static: &'a [bool],
    /// Motion vectors of the previous frame.
    pub(super) old_vectors: &'a [FullPel],
}

impl MeasureJob<'_> {
    pub(super) fn measure(&self, band: &mut Band<'_>) {
        let cols = self.cols.max(1);
        let mbs = band.mbs.chunks_exact_mut(cols).zip(band.textures.chunks_exact_mut(cols));
        for (row, (mbs, textures)) in (band.first / cols..).zip(mbs) {
            let is_static = &self.is_static[row * cols..][..cols];
            let above = row.checked_sub(1).map(|above| &self.is_static[above * cols..][..cols]);
            let mut left_is_static = true;
            for (col, (mb, texture)) in mbs.iter_mut().zip(textures).enumerate() {
                let index = row * cols + col - band.first;
                if self.has_previous && !is_static[col] {
                    self.measure_motion((col, row), mb, band.vectors, index);
                } else {
                    band.vectors[index] = FullPel::ZERO;
                }
                // The macroblock and the one above it.
                let both_are_static = is_static[col] && above.is_none_or(|above| above[col]);
                let is_as_before = both_are_static && left_is_static;
                left_is_static = both_are_static;
                self.measure_texture((col, row), mb, texture, is_as_before);
                if !self.has_previous {
                    mb.inter_cost = mb.intra_cost;
                }
            }
        }
    }

    /// Measures texture, which needs no previous frame. The previous values are kept if all inputs are
    /// static, as `is_as_before` states; if the previous frame predicts the block well, they are updated
    /// in one frame of four.
    fn measure_texture(
        &self,
        (col, row): (usize, usize),
        mb: &mut MbAnalysis,
        texture: &mut Texture,
        is_as_before: bool,
    ) {
        let is_predicted = self.has_previous && mb.inter_cost < texture.intra_cost / 2;
        let is_due = (col + 2 * row + self.turn).is_multiple_of(4);
        if !is_as_before && (is_due || !is_predicted) {
            *texture = Texture::of(self.kernels, self.planes.0, mb_origin(col, row, 8));
        }
        (mb.intra_cost, mb.activity) = (texture.intra_cost, texture.activity);
    }

    /// Measures the motion of a macroblock that has changed. Its vector is at `index` of `vectors`.
    fn measure_motion(
        &self,
        (col, row): (usize, usize),
        mb: &mut MbAnalysis,
        vectors: &mut [FullPel],
        index: usize,
    ) {
        let Self { kernels, cols, planes, .. } = *self;
        let n = row * cols + col;
        let at = mb_origin(col, row, 8);
        let (block, same) = (HalfPlane::window(planes.0, at), HalfPlane::window(planes.1, at));
        let zero_sad = kernels.sad_8x8(block, same);
        mb.zero_sad = narrow(zero_sad);
        let halved = self.scroll.map_or(self.global, |v| FullPel::new(v.x / 2, v.y / 2));
        let origin = mb_origin(col, row, 16);
        if let Some(vector) = self.scroll.filter(|&v| self.luma.is_moved(origin, v)) {
            mb.change = Change::Scrolled;
            mb.motion = vector.to_quarter();
            vectors[index] = halved;
            return;
        }

        // The left, above and above-right vectors are from the current frame if inside the band;
        // the collocated, right and below vectors are from the previous frame.
        let starts = || {
            let old = |n: usize| self.old_vectors.get(n).copied().unwrap_or(FullPel::ZERO);
            let before = |back: usize| match index.checked_sub(back) {
                Some(index) => vectors[index],
                None => n.checked_sub(back).map_or(FullPel::ZERO, old),
            };
            [
                if col == 0 { FullPel::ZERO } else { before(1) },
                before(cols),
                old(n),
                FullPel::ZERO,
                halved,
                before(cols.max(2) - 1),
                old(n + 1),
                old(n + cols),
            ]
        };
        let mut found = inter::search(kernels, block, (planes.1, same), at, zero_sad, starts);
        vectors[index] = found.vector.to_full();
        if self.is_precise && found.satd > 0 {
            found = inter::refine(kernels, planes, at, found);
        }
        mb.motion = QuarterPel::new(2 * found.vector.x, 2 * found.vector.y);
        mb.inter_cost = narrow(found.satd);
    }
}

fn mb_origin(col: usize, row: usize, size: usize) -> PixelPos {
    let at = |mb: usize| i32::try_from(mb * size).unwrap_or(i32::MAX);
    PixelPos::new(at(col), at(row))
}

fn narrow(cost: u32) -> u16 {
    u16::try_from(cost).unwrap_or(u16::MAX)
}
