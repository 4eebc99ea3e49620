//! Estimates the bits of the first key frame from a sample of its rows, so that its quantiser is chosen before it is
//! coded.

use std::sync::{Mutex, PoisonError};

use codec_core::codec::FrameKind;
use codec_core::codec::plan::FramePlan;
use codec_core::parallel::{Pool, in_order};

use super::attempts::Bits;
use super::finish::{Picture, PictureParams};
use super::job::FrameJob;
use super::row::code_row;
use super::row_store::RowStore;

/// Rows of a sample, if the frame has enough of them.
const ROWS: usize = 6;
/// Minimum distance of the rows of a sample.
const MIN_STEP: usize = 3;
/// Bits of a row in its place relative to a slice of its own, in percent: prediction from the row above saves bits.
const SHARE_PCT: u64 = 91;

/// Every n-th row of a frame, each a slice of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    rows: usize,
    step: usize,
}

impl Sample {
    /// Returns the sample of a frame with `rows` rows; `None` if `plan` does not limit its bits, or if it has so few rows
    /// that a sample takes as long as the frame.
    pub(super) fn new(plan: &FramePlan, rows: usize) -> Option<Self> {
        let is_limited =
            plan.kind == FrameKind::Key && plan.max_bits.is_some() && plan.attempts > 1;
        (is_limited && rows >= 2 * MIN_STEP)
            .then_some(Self { rows, step: (rows / ROWS).max(MIN_STEP) })
    }

    /// The row of each entry.
    fn row(self, index: usize) -> usize {
        self.step / 2 + index * self.step
    }

    fn len(self) -> usize {
        (self.rows - self.step / 2).div_ceil(self.step)
    }

    /// Codes the rows and returns the estimated bits of the frame. In `job` and `params`, each row is a slice.
    pub(super) fn bits(
        self,
        pool: &dyn Pool,
        (job, params): (&FrameJob<'_>, &PictureParams<'_>),
        stores: &[Mutex<RowStore>],
        picture: &mut Picture,
    ) -> Bits {
        let store =
            |index: usize| stores[self.row(index)].lock().unwrap_or_else(PoisonError::into_inner);
        // No row waits for the one above.
        (0..self.rows).for_each(|row| job.wave.end(row));
        in_order(pool, self.len(), &|| job.wave.poison(), &|index| {
            code_row(job, self.row(index), &mut store(index));
        });
        let rows = (0..self.len()).map(|index| (self.row(index), store(index)));
        let bits = 8 * picture.bytes_of_rows(params, rows) as u64;
        let done = job.rows_weight((0..self.len()).map(|index| self.row(index)));
        let all = job.rows_weight(0..self.rows);
        let scaled = u128::from(bits) * u128::from(all) / u128::from(done.max(1));
        Bits::Estimated(u64::try_from(scaled * u128::from(SHARE_PCT) / 100).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_over_the_frame() {
        let mut plan = FramePlan::key(20, 5);
        plan.max_bits = Some(1000);
        for rows in 6..=300 {
            let sample = Sample::new(&plan, rows).unwrap();
            assert!((2..12).contains(&sample.len()), "{rows}");
            let last = sample.row(sample.len() - 1);
            assert!(last < rows && last + sample.step >= rows, "{rows}");
        }
        assert!(Sample::new(&plan, 5).is_none());
        plan.attempts = 1;
        assert!(Sample::new(&plan, 20).is_none());
        (plan.attempts, plan.max_bits) = (2, None);
        assert!(Sample::new(&plan, 20).is_none());
    }
}
