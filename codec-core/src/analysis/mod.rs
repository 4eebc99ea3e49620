//! What each input picture shows, found out before it is coded and independent of any codec.
//!
//! A [`FrameAnalysis`] says per macroblock how well the previous picture and the neighbourhood
//! predict it, where it came from, and whether it changed at all; and per picture how complex it
//! is, whether the scene changed, how it scrolls and whether it looks like a screen. It is a plain
//! value: one analysis serves several encoders of the same pictures.
//!
//! Costs are measured on luma planes of half the size, in SATD units of `Kernels::satd_8x8`.
//! Integers only: results are equal on all machines and at all instruction sets.

mod analyser;
mod full_chroma;
mod full_luma;
mod half_plane;
pub(crate) mod importance;
mod inter;
mod intra;
mod measure;
mod scene;
mod scroll;
mod temporal_filter;
#[cfg(test)]
mod tests;

pub use analyser::Analyser;
pub use scene::SceneChange;
pub use scroll::Scroll;
pub use temporal_filter::filter_altref;

use crate::frame::Size;
use crate::motion::FullPel;

/// What is known of one macroblock before it is coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MbAnalysis {
    /// SAD against the same place in the previous picture, 64 pixels of the half-size planes;
    /// 0 without a previous picture.
    pub zero_sad: u16,
    /// SATD against the place that `seed` leads to in the previous picture; the intra cost without
    /// a previous picture.
    pub inter_cost: u16,
    /// SATD against the best of four intra predictions from source pixels.
    pub intra_cost: u16,
    /// Sum of the absolute differences of horizontal and of vertical neighbours: 0 is flat.
    pub activity: u16,
    /// Where the pixels seem to come from in the previous picture: a start for motion search.
    pub seed: FullPel,
    /// How the full-size luma relates to the previous picture.
    pub change: Change,
    /// Every visible sample is equal to the previous picture's, chroma included. Found out only on
    /// demand: see [`Analyser::watch_chroma`].
    pub is_same: bool,
}

impl MbAnalysis {
    /// The smaller of inter and intra cost.
    #[must_use]
    pub fn cost(&self) -> u16 {
        self.inter_cost.min(self.intra_cost)
    }
}

/// How the visible full-size luma of a macroblock relates to the previous picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// Some pixel differs, or there is no previous picture.
    #[default]
    Changed,
    /// Every pixel is equal.
    Static,
    /// Every pixel is equal to the one that [`Scroll::vector`] leads to.
    Scrolled,
}

/// What is known of one picture before it is coded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameAnalysis {
    /// Size of the picture.
    pub size: Size,
    /// Columns of macroblocks.
    pub mb_cols: usize,
    /// All macroblocks in raster order.
    pub macroblocks: Vec<MbAnalysis>,
    /// What a planner made of it: how much coarser than the frame's own quantiser step each
    /// macroblock is worth coding, in sixteenths of octaves; empty: all the same.
    pub offsets_q4: Vec<i8>,
    /// Where each macroblock is, by what a planner found, in an altref frame coded before: starts
    /// for motion search, in full pixels; empty: not known.
    pub altref_seeds: Vec<Option<FullPel>>,
    /// Whether there was a previous picture of the same size to compare with.
    pub has_previous: bool,
    /// Sum of [`MbAnalysis::intra_cost`]: the complexity of a key frame.
    pub intra_cost: u64,
    /// Sum of [`MbAnalysis::cost`]: the complexity of an inter frame.
    pub inter_cost: u64,
    /// Macroblocks whose luma did not change at all.
    pub static_mbs: u32,
    /// Macroblocks of which no sample changed, as far as chroma is watched.
    pub same_mbs: u32,
    /// Macroblocks without any detail.
    pub flat_mbs: u32,
    /// The motion that most moving macroblocks share, if many do.
    pub global: Option<FullPel>,
    /// Exact scrolling of part of the picture, if any was found.
    pub scroll: Option<Scroll>,
    /// Whether the scene changed, and why it seems so.
    pub scene: SceneChange,
    /// The pictures look like those of a screen: exact repeats and flat areas.
    pub looks_like_screen: bool,
}

impl FrameAnalysis {
    /// The macroblock at a column and a row; `None` outside the picture.
    #[inline]
    #[must_use]
    pub fn at(&self, col: usize, row: usize) -> Option<&MbAnalysis> {
        let in_row = col < self.mb_cols;
        in_row.then(|| self.macroblocks.get(row * self.mb_cols + col)).flatten()
    }

    /// Rows of macroblocks.
    #[must_use]
    pub fn mb_rows(&self) -> usize {
        self.macroblocks.len().checked_div(self.mb_cols).unwrap_or(0)
    }
}
