//! The settings that all blocks of a frame share.

use super::candidates::Site;
use super::mode_map::ModeMap;
use super::quantisers::Steps;
use super::references::ReferencePlanes;
use super::sample::{Kit, Sample};
use crate::header::compressed::CompressedHeader;
use crate::header::{CompoundReferences, FrameHeader};
use crate::probability::Probabilities;
use crate::types::{MotionVector, Reference};

/// The settings that all blocks of a frame share.
#[derive(Debug)]
pub(crate) struct FrameSetup<'a, S: Sample> {
    pub(crate) kit: Kit,
    pub(crate) header: &'a FrameHeader,
    pub(crate) compressed: CompressedHeader,
    pub(crate) probabilities: &'a Probabilities,
    /// The references of compound blocks, if the frame may have any.
    pub(crate) compound: Option<CompoundReferences>,
    pub(crate) references: [Option<ReferencePlanes<'a, S>>; 3],
    /// Steps of luma and chroma by segment.
    pub(crate) quantisers: [[Steps; 2]; 8],
    /// Modes of the last frame, if its vectors are usable.
    pub(crate) before: Option<&'a ModeMap>,
    /// Whether the vectors of the last frame are known; constant for decoders.
    pub(crate) knows_before: bool,
    /// Size of the frame in units of 8 pixels.
    pub(crate) cols: usize,
    pub(crate) rows: usize,
}

impl<S: Sample> FrameSetup<'_, S> {
    /// Number of columns and of rows of superblocks.
    pub(crate) fn superblocks(&self) -> (usize, usize) {
        (self.cols.div_ceil(8), self.rows.div_ceil(8))
    }

    /// Returns the first two candidates for the vector of a block, and how many of them, from the first one on,
    /// every receiver has.
    pub(crate) fn known_candidates(
        &self,
        site: &Site<'_>,
        reference: Reference,
    ) -> ([MotionVector; 2], usize) {
        let (list, own) = site.two_and_own(reference);
        (list, if self.knows_before { 2 } else { own })
    }
}
