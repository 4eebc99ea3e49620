//! Inputs that all rows of a frame share, read-only while the rows are coded.

use std::ops::Range;

use codec_simd::{Kernels, Layout};

use super::costs::ModeCosts;
use super::predict_inter::InterPredictor;
use super::quant::Quantisers;
use super::row_context::RowContext;
use super::segments::Segments;
use super::speed::Speed;
use super::store::SearchStats;
use super::trellis::TokenPrices;
use super::workspace::Workspace;
use crate::predict::{MotionFilter, RefPlanes};
use crate::types::{MotionVector, Reference};
use codec_core::analysis::FrameAnalysis;
use codec_core::codec::StageClock;
use codec_core::encoder::Unchanged;
use codec_core::encoder::texture::TextureWeight;
use codec_core::frame::Picture;
use codec_core::motion::MvCost;
use codec_core::parallel::{ScratchPool, Wavefront};

/// A frame to be coded.
#[derive(Debug)]
pub(super) struct FrameJob<'a> {
    pub(super) kernels: &'a Kernels,
    pub(super) picture: &'a Picture<'a>,
    pub(super) cols: usize,
    pub(super) rows: usize,
    pub(super) is_key: bool,
    /// Disables 4x4 intra and split modes, because their modes did not fit the first partition.
    pub(super) has_plain_modes: bool,
    pub(super) speed: Speed,
    pub(super) filter: MotionFilter,
    /// Last, golden, altref: those that may be used and are not duplicates.
    pub(super) references: [Option<RefPlanes<'a>>; 3],
    /// Quantisers by segment.
    pub(super) sets: &'a Quantisers,
    pub(super) texture: TextureWeight,
    pub(super) costs: &'a ModeCosts,
    /// Used if the speed requires it; otherwise not up to date.
    pub(super) token_prices: &'a TokenPrices,
    pub(super) mv_cost: &'a MvCost,
    pub(super) segments: &'a Segments,
    pub(super) unchanged: &'a Unchanged,
    pub(super) row_context: &'a RowContext,
    pub(super) workspaces: &'a ScratchPool<Workspace>,
    pub(super) wave: Wavefront<'a>,
    /// Motion vectors of the previous frame, by macroblock.
    pub(super) last_mvs: &'a [MotionVector],
    /// Search statistics of the previous frames, by macroblock.
    pub(super) search_stats: &'a [SearchStats],
    /// Frame counter, for work that is not done in every frame.
    pub(super) turn: usize,
    pub(super) analysis: Option<&'a FrameAnalysis>,
    /// Maximum difference between the mean of U or V in a macroblock and the mean in the source, in pixel
    /// levels.
    pub(super) max_chroma_offset: u32,
    /// Macroblocks that must be intra, by raster index.
    pub(super) forced_intra: Range<usize>,
    /// Layouts of the reconstruction planes.
    pub(super) layouts: [Layout; 3],
    pub(super) stages: Option<&'a dyn StageClock>,
}

impl<'a> FrameJob<'a> {
    /// Returns the predictor from `reference`, if it may be used.
    #[inline]
    pub(super) fn predictor(&self, reference: Reference) -> Option<InterPredictor<'_>> {
        let planes = self.references[reference as usize].as_ref()?;
        Some(InterPredictor { kernels: self.kernels, planes, filter: self.filter })
    }

    /// Returns the last frame if macroblock `index` is to be copied from it.
    #[inline]
    pub(super) fn copied(&self, index: usize) -> Option<&RefPlanes<'a>> {
        self.references[0].as_ref().filter(|_| self.unchanged.is_copied(index))
    }
}
