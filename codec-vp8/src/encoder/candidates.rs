//! Prediction candidates of inter macroblocks, and the rate costs of their vectors.

use super::costs::cost_of;
use crate::modes::NearVectors;
use crate::types::{InterMode, MbMode, MotionVector};
use codec_core::motion::QuarterPel;

/// A candidate for predicting a whole macroblock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) mode: MbMode,
    /// Bit cost of reference, mode and vector, in 1/256 bit.
    pub(super) bits: u32,
    pub(super) sse: u32,
    pub(super) cost: u32,
}

/// Sorted list of candidates, best first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidates {
    list: [Candidate; Self::MAX],
    len: usize,
}

impl Candidates {
    const MAX: usize = 8;

    /// The last frame with zero motion, which is always possible; its error is unknown.
    pub(super) const STILL: Candidate =
        Candidate { mode: MbMode::STATIC, bits: 0, sse: u32::MAX, cost: u32::MAX };

    pub(super) fn new() -> Self {
        Self { list: [Self::STILL; Self::MAX], len: 0 }
    }

    /// Inserts `candidate`; if the list is full, the worst is dropped. Of equal costs the earlier
    /// one comes first.
    pub(super) fn add(&mut self, candidate: Candidate) {
        let mut at = self.len.min(Self::MAX - 1);
        if self.len < Self::MAX {
            self.len += 1;
        } else if candidate.cost >= self.list[at].cost {
            return;
        }
        while at > 0 && candidate.cost < self.list[at - 1].cost {
            self.list[at] = self.list[at - 1];
            at -= 1;
        }
        self.list[at] = candidate;
    }

    pub(super) fn best(&self) -> &Candidate {
        &self.list[0]
    }

    pub(super) fn as_slice(&self) -> &[Candidate] {
        &self.list[..self.len]
    }
}

/// Neighbouring vectors of the macroblock with the costs of the vector modes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vectors {
    pub(super) near: NearVectors,
    /// Bit costs of nearest, near, zero, new, split, in 1/256 bit.
    pub(super) mode_bits: [u32; 5],
}

impl Vectors {
    pub(super) fn new(near: NearVectors) -> Self {
        let p = near.mode_probs;
        // Mode tree: zero, nearest, near, new, split, each one branch further.
        let mut prefix = 0;
        let mut leaf = |n: usize| {
            let bits = prefix + cost_of(false, p[n]);
            prefix += cost_of(true, p[n]);
            bits
        };
        let (zero, nearest, near_bits, new) = (leaf(0), leaf(1), leaf(2), leaf(3));
        Self { near, mode_bits: [nearest, near_bits, zero, new, prefix] }
    }

    pub(super) fn bits_of(&self, mode: InterMode) -> u32 {
        self.mode_bits[mode.index()]
    }
}

pub(super) fn quarter(mv: MotionVector) -> QuarterPel {
    QuarterPel::new(mv.x, mv.y)
}
