//! Data that all blocks of a frame share while it is coded.

use codec_core::analysis::FrameAnalysis;
use codec_core::frame::Picture;
use codec_core::motion::{MvCost, QuarterPel};
use codec_simd::{Kernels, PlaneRef};

use super::contrast::Contrast;
use super::quantisers::Quantisers;
use super::segments::{SEGMENTS, Segments};
use super::speed::Speed;
use super::token_costs::TokenCosts;
use crate::block::setup::FrameSetup;

/// A frame to be coded.
#[derive(Debug)]
pub(crate) struct FrameJob<'a> {
    pub(crate) kernels: &'static Kernels,
    pub(crate) setup: &'a FrameSetup<'a, u8>,
    pub(crate) picture: &'a Picture<'a>,
    pub(crate) analysis: Option<&'a FrameAnalysis>,
    pub(crate) speed: Speed,
    /// Quantisers by segment.
    pub(crate) quantisers: &'a [Quantisers; SEGMENTS],
    /// What the price of a block's bits depends on.
    pub(super) contrast: Contrast<'a>,
    /// Quantisers of the frame's index. Costs of blocks are in their units, so that costs of different segments can
    /// be added and compared.
    pub(crate) base: &'a Quantisers,
    pub(crate) segments: &'a Segments,
    pub(crate) tokens: &'a TokenCosts,
    pub(crate) vectors: &'a MvCost,
    /// Vectors in the first reference from which motion search starts, by macroblock.
    pub(crate) seeds: &'a [QuarterPel],
    /// Whether the first reference is the previous input frame, with which the analysis compares.
    pub(crate) follows_previous: bool,
    /// Whether the header has probabilities that fit the frame, which requires that its syntax elements are counted
    /// before they are written.
    pub(crate) counts_first: bool,
    /// Luma of the references with its border: those that may be used and are not duplicates.
    pub(crate) luma: [Option<PlaneRef<'a>>; 3],
}

impl FrameJob<'_> {
    /// Whether all blocks are intra blocks: in an intra frame, and in an inter frame without permitted references.
    pub(super) fn is_intra(&self) -> bool {
        self.setup.header.is_intra() || self.luma.iter().all(Option::is_none)
    }
}
