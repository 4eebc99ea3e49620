//! Codec-independent pre-analysis of input frames.
//!
//! A [`FrameAnalysis`] describes one frame. For each macroblock it contains the inter and intra
//! costs, a motion vector and whether the block changed; for the whole frame, its complexity,
//! whether it starts a new scene, scrolling, and whether it looks like screen content. It is a
//! plain value, so one analysis can serve several encoders of the same video.
//!
//! Costs are measured on half-size luma planes, in SATD units of `Kernels::satd_8x8`. All
//! arithmetic is integer, so results are equal on all machines and at all SIMD levels.

mod analyser;
mod brightness;
mod contrast;
mod full_chroma;
mod full_luma;
mod half_plane;
mod inter;
mod intra;
mod intra_spectrum;
mod masking;
pub mod mb_tree;
mod measure;
mod scene;
mod scroll;
mod temporal_filter;
#[cfg(test)]
mod tests;
mod upscale;

pub use analyser::Analyser;
pub use contrast::price_q4;
pub use intra_spectrum::IntraLaw;
pub(crate) use intra_spectrum::IntraSpectrum;
pub use masking::MaskingMeter;
pub use scene::SceneChange;
pub use scroll::Scroll;
pub use temporal_filter::filter_altref;

use crate::frame::Size;
use crate::motion::{FullPel, QuarterPel};

/// Analysis of one macroblock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MbAnalysis {
    /// SAD against the same position in the previous frame, over 64 pixels of the half-size planes;
    /// 0 without a previous frame.
    pub zero_sad: u16,
    /// SATD against the block that `motion` points to in the previous frame; the intra cost without
    /// a previous frame.
    pub inter_cost: u16,
    /// SATD against the best of four intra predictions from source pixels.
    pub intra_cost: u16,
    /// Sum of absolute differences of horizontally and vertically adjacent pixels; 0 is flat.
    pub activity: u16,
    /// Estimated motion vector into the previous frame: a starting point for motion search. In steps
    /// of two pixels, or of half a pixel with [`Analyser::refine_motion`].
    pub motion: QuarterPel,
    /// Change of the full-size luma since the previous frame.
    pub change: Change,
    /// Whether every visible sample equals the previous frame's, including chroma. Computed only if
    /// enabled with [`Analyser::watch_chroma`].
    pub is_same: bool,
}

impl MbAnalysis {
    /// Returns the smaller of inter and intra cost.
    #[must_use]
    pub fn cost(&self) -> u16 {
        self.inter_cost.min(self.intra_cost)
    }
}

/// Change of the visible full-size luma of a macroblock since the previous frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// Some pixel differs, or there is no previous frame.
    #[default]
    Changed,
    /// All pixels are equal.
    Static,
    /// All pixels equal those that [`Scroll::vector`] points to.
    Scrolled,
}

/// Analysis of one frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameAnalysis {
    /// Frame size in pixels.
    pub size: Size,
    /// Number of macroblock columns.
    pub mb_cols: usize,
    /// All macroblocks in raster order.
    pub macroblocks: Vec<MbAnalysis>,
    /// Quantiser offsets from MB-tree, masking and importance maps: how much coarser than the frame's step each
    /// macroblock should be coded, in sixteenths of octaves; empty if all are equal.
    pub offsets_q4: Vec<i8>,
    /// Visual masking: how much coarser than the mean each macroblock may be coded without being more
    /// visible, in sixteenths of octaves of the quantiser step; empty if not measured or already part
    /// of [`Self::offsets_q4`]. See [`MaskingMeter`].
    pub masking_q4: Vec<i8>,
    /// Contrast: the logarithm of the variance of each macroblock relative to the frame's mean, in sixteenths of an
    /// octave.
    pub contrast_q4: Vec<i8>,
    /// Position of each macroblock in an altref frame that was coded before, in full pixels:
    /// starting points for motion search. Empty if unknown.
    pub altref_seeds: Vec<Option<FullPel>>,
    /// Position of each macroblock in the golden frame, in full pixels, if golden is shown later than this
    /// frame. Empty if unknown.
    pub golden_seeds: Vec<Option<FullPel>>,
    /// Whether there was a previous frame of the same size.
    pub has_previous: bool,
    /// Sum of [`MbAnalysis::intra_cost`]: the complexity of a key frame.
    pub intra_cost: u64,
    /// Sum of [`MbAnalysis::cost`]: the complexity of an inter frame.
    pub inter_cost: u64,
    /// Number of macroblocks with unchanged luma.
    pub static_mbs: u32,
    /// Number of macroblocks without any changed sample, if chroma is compared.
    pub same_mbs: u32,
    /// Number of macroblocks without detail.
    pub flat_mbs: u32,
    /// Motion vector shared by most moving macroblocks, if many share one.
    pub global: Option<FullPel>,
    /// Exact scrolling of a part of the frame, if detected.
    pub scroll: Option<Scroll>,
    /// Scene cut decision with its measurements.
    pub scene: SceneChange,
    /// Whether the content looks like a screen: exact repeats and flat areas.
    pub looks_like_screen: bool,
}

impl FrameAnalysis {
    /// Returns the macroblock at a column and a row; `None` outside the frame.
    #[inline]
    #[must_use]
    pub fn at(&self, col: usize, row: usize) -> Option<&MbAnalysis> {
        let in_row = col < self.mb_cols;
        in_row.then(|| self.macroblocks.get(row * self.mb_cols + col)).flatten()
    }

    /// Returns whether this describes a frame of `size`: it has all macroblocks.
    #[must_use]
    pub fn fits(&self, size: Size) -> bool {
        let (cols, rows) = size.macroblocks();
        self.size == size && self.mb_cols == cols && self.macroblocks.len() == cols * rows
    }

    /// Becomes a copy of `other`, in the same memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let mut macroblocks = std::mem::take(&mut self.macroblocks);
        let mut offsets_q4 = std::mem::take(&mut self.offsets_q4);
        let mut masking_q4 = std::mem::take(&mut self.masking_q4);
        let mut contrast_q4 = std::mem::take(&mut self.contrast_q4);
        let mut altref_seeds = std::mem::take(&mut self.altref_seeds);
        let mut golden_seeds = std::mem::take(&mut self.golden_seeds);
        macroblocks.clone_from(&other.macroblocks);
        offsets_q4.clone_from(&other.offsets_q4);
        masking_q4.clone_from(&other.masking_q4);
        contrast_q4.clone_from(&other.contrast_q4);
        altref_seeds.clone_from(&other.altref_seeds);
        golden_seeds.clone_from(&other.golden_seeds);
        *self = Self {
            macroblocks,
            offsets_q4,
            masking_q4,
            contrast_q4,
            altref_seeds,
            golden_seeds,
            ..*other
        };
    }

    /// Returns the number of macroblock rows.
    #[must_use]
    pub fn mb_rows(&self) -> usize {
        self.macroblocks.len().checked_div(self.mb_cols).unwrap_or(0)
    }
}
