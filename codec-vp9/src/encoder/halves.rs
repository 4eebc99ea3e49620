//! Rectangular partitions of square blocks: `PARTITION_HORZ` and `PARTITION_VERT`.

use super::candidate::Candidate;
use super::coder::{Coder, Saved};
use crate::types::{BlockSize, Partition};

impl Coder<'_> {
    /// Whether a square is tried in halves, after it was tried as a whole.
    pub(super) fn tries_halves(&self, whole: &Candidate, level: usize, was_tried: bool) -> bool {
        let limit = if self.job.is_intra() {
            self.intra_tools().map(|tools| tools.halves_q6)
        } else {
            self.job.speed.tools.and_then(|tools| tools.halves_q6)
        };
        let Some(limit) = limit.filter(|_| was_tried && level < 3) else { return false };
        let step = self.job.base.step;
        let blocks = 64_u32 >> (2 * level);
        !whole.info.skip && whole.cost > blocks * limit * step * step / 64
    }

    /// Decides about both divisions of a square into halves, and returns the cost of the better one; `limit` if none is
    /// cheaper. The state for later blocks does not change.
    pub(super) fn decide_halves(
        &mut self,
        (row, col, level): (usize, usize, usize),
        saved: &Saved,
        price: impl Fn(Partition) -> u32,
        limit: u32,
    ) -> u32 {
        let half = 4 >> level;
        let mut halves = std::mem::take(&mut self.halves[level]);
        let mut best = limit;
        for (partition, second) in
            [(Partition::Horizontal, (half, 0)), (Partition::Vertical, (0, half))]
        {
            let size = BlockSize::partitioned(level, partition);
            let mut cost = price(partition);
            for (index, (down, right)) in [(0, 0), second].into_iter().enumerate() {
                let candidate = &mut halves.trial[index];
                let site = self.site(row + down, col + right, size);
                let vector = self.field.square_vector(level + 1, row + down, col + right);
                self.decide(&site, vector, candidate);
                cost = cost.saturating_add(candidate.cost);
                if cost >= best {
                    break;
                }
                if index == 0 {
                    self.commit(candidate);
                }
                candidate.is_predicted = false;
            }
            self.restore(saved);
            if cost < best {
                best = cost;
                std::mem::swap(&mut halves.best, &mut halves.trial);
            }
        }
        self.halves[level] = halves;
        best
    }

    /// Reconstructs both halves of a square.
    pub(super) fn commit_halves(&mut self, (row, col, level): (usize, usize, usize)) {
        let halves = std::mem::take(&mut self.halves[level]);
        halves.best.iter().for_each(|candidate| self.commit(candidate));
        self.contexts.set_partition(row, col, level, halves.best[0].info.size);
        self.halves[level] = halves;
    }
}
