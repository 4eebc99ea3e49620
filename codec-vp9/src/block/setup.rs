//! The settings that all blocks of a frame share.

use super::mode_map::ModeMap;
use super::quantisers::Steps;
use super::references::ReferencePlanes;
use super::sample::{Kit, Sample};
use crate::header::compressed::CompressedHeader;
use crate::header::{CompoundReferences, FrameHeader};
use crate::probability::Probabilities;

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
    /// Size of the frame in units of 8 pixels.
    pub(crate) cols: usize,
    pub(crate) rows: usize,
}

impl<S: Sample> FrameSetup<'_, S> {
    /// Number of columns and of rows of superblocks.
    pub(crate) fn superblocks(&self) -> (usize, usize) {
        (self.cols.div_ceil(8), self.rows.div_ceil(8))
    }
}
