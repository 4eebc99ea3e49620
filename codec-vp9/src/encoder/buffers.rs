//! Buffers that are reused from frame to frame.

use codec_core::frame::Size;
use codec_core::motion::MvCost;

use super::candidate::Candidate;
use super::levels::Levels;
use super::motion::Field;
use super::source::Source;
use super::token_costs::TokenCosts;
use super::transform::TransformScratch;
use crate::block::contexts::Contexts;
use crate::block::loop_filter::EdgeMap;
use crate::block::scratch::BlockScratch;
use crate::probability::Counts;

/// Side of a superblock in luma pixels.
const SUPERBLOCK: usize = 64;
/// Bytes that a compressed header has at most, about.
const MAX_COMPRESSED: usize = 4096;

/// Buffers that are reused from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) contexts: Contexts,
    pub(super) edges: [EdgeMap; 2],
    pub(super) counts: Counts,
    /// Counts of the elements that are written, as those before: they are not used.
    pub(super) written: Counts,
    pub(super) levels: Levels,
    pub(super) work_levels: Levels,
    pub(super) source: Source,
    pub(super) field: Field,
    pub(super) scratch: TransformScratch,
    pub(super) blocks: BlockScratch<u8>,
    pub(super) trial: Candidate,
    pub(super) wholes: [Candidate; 4],
    pub(super) tokens: TokenCosts,
    pub(super) vectors: MvCost,
    pub(super) magnitudes: Magnitudes,
    /// The compressed header.
    pub(super) compressed: Vec<u8>,
}

impl Buffers {
    /// Allocates room for frames whose superblocks have the size `coded`, so that frames allocate nothing.
    pub(super) fn reserve(&mut self, coded: Size) {
        let samples = |luma: usize| luma + luma / 2;
        let block = samples(SUPERBLOCK * SUPERBLOCK);
        self.levels.clear();
        self.levels.reserve(samples(usize::try_from(coded.pixels()).unwrap_or(0)));
        self.work_levels.reserve(block);
        for candidate in self.wholes.iter_mut().chain([&mut self.trial]) {
            candidate.levels.reserve(block);
        }
        self.compressed.reserve(MAX_COMPRESSED);
    }
}

/// Classes of levels by position.
#[derive(Debug)]
pub(super) struct Magnitudes(pub(super) [u8; 1024]);

impl Default for Magnitudes {
    fn default() -> Self {
        Self([0; 1024])
    }
}
