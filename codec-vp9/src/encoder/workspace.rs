//! Buffers of a thread that codes rows of superblocks.

use super::candidate::{Candidate, Halves};
use super::levels::Levels;
use super::motion::Field;
use super::other_motion::OtherMotion;
use super::source::Source;
use super::transform::TransformScratch;
use crate::block::contexts::Contexts;
use crate::block::scratch::BlockScratch;
use crate::probability::Counts;

/// Side of a superblock in luma pixels.
const SUPERBLOCK: usize = 64;
/// Samples of a superblock.
const SAMPLES: usize = SUPERBLOCK * SUPERBLOCK * 3 / 2;

/// Buffers of a thread that codes rows of superblocks.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) contexts: Contexts,
    /// Syntax elements of the rows that the thread has coded.
    pub(super) counts: Counts,
    pub(super) work_levels: Levels,
    pub(super) kept_levels: Levels,
    pub(super) source: Source,
    pub(super) field: Field,
    pub(super) others: OtherMotion,
    pub(super) scratch: TransformScratch,
    pub(super) blocks: BlockScratch<u8>,
    pub(super) trial: Candidate,
    pub(super) wholes: [Candidate; 4],
    pub(super) halves: [Halves; 4],
    /// The row of samples above the row of superblocks, by plane.
    pub(super) above: [Vec<u8>; 3],
}

impl Default for Workspace {
    fn default() -> Self {
        let mut workspace = Self {
            contexts: Contexts::default(),
            counts: Counts::default(),
            work_levels: Levels::default(),
            kept_levels: Levels::default(),
            source: Source::default(),
            field: Field::default(),
            others: OtherMotion::default(),
            scratch: TransformScratch::default(),
            blocks: BlockScratch::default(),
            trial: Candidate::default(),
            wholes: Default::default(),
            halves: Default::default(),
            above: Default::default(),
        };
        workspace.work_levels.reserve(SAMPLES);
        workspace.kept_levels.reserve(SAMPLES);
        let halves = workspace.halves.iter_mut().flat_map(Halves::candidates);
        let all = workspace.wholes.iter_mut().chain([&mut workspace.trial]).chain(halves);
        for candidate in all {
            candidate.levels.reserve(SAMPLES);
        }
        workspace
    }
}

impl Workspace {
    /// Prepares for a row of `superblocks`.
    pub(super) fn reset(&mut self, superblocks: usize) {
        self.contexts.reset(superblocks);
        self.others.reset();
        for above in &mut self.above {
            above.resize(superblocks * SUPERBLOCK, 0);
        }
    }
}
