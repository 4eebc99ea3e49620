//! Candidate codings of a block, with their rate-distortion costs.

use super::levels::Levels;
use crate::block::mode_map::BlockInfo;

/// A coded block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidate {
    pub(crate) info: BlockInfo,
    pub(crate) levels: Levels,
    /// Rate-distortion cost, in the units of the segment's quantisers while the block is decided, then in the units of
    /// [`super::job::FrameJob::base`].
    pub(crate) cost: u32,
    /// Whether the planes of the frame contain its prediction.
    pub(crate) is_predicted: bool,
}

/// The halves of a square: the best division, and another one that is tried.
#[derive(Clone, Debug, Default)]
pub(super) struct Halves {
    pub(super) best: [Candidate; 2],
    pub(super) trial: [Candidate; 2],
}

impl Halves {
    pub(super) fn candidates(&mut self) -> impl Iterator<Item = &mut Candidate> {
        self.best.iter_mut().chain(&mut self.trial)
    }
}

/// Sorts a short list by cost; equal ones keep their order.
pub(crate) fn sort_by_cost<T>(list: &mut [T], cost: impl Fn(&T) -> u32) {
    for end in 1..list.len() {
        let mut at = end;
        while at > 0 && cost(&list[at]) < cost(&list[at - 1]) {
            list.swap(at, at - 1);
            at -= 1;
        }
    }
}
