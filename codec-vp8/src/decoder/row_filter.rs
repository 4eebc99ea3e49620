//! Loop filter of single-threaded decoding: rows are filtered in pairs as they are reconstructed.

use super::super::loop_filter::MbStrength;
use super::super::rows::MbRow;
use super::reconstruct::Reconstructor;

/// Filters the rows of a frame in order.
#[derive(Debug)]
pub(super) struct RowFilter<'a, 'f> {
    reconstructor: &'a Reconstructor<'a>,
    /// Reconstructed upper row of the next pair.
    upper: Option<MbRow<'f>>,
    /// Filtered row above it, whose last lines the next row changes.
    above: Option<MbRow<'f>>,
}

impl<'a, 'f> RowFilter<'a, 'f> {
    pub(super) fn new(reconstructor: &'a Reconstructor<'a>) -> Self {
        Self { reconstructor, upper: None, above: None }
    }

    /// Adds the next reconstructed row, whose last line must have been saved for intra prediction.
    /// `strengths` are the strengths of the last two rows, the even one first.
    pub(super) fn add(&mut self, mut row: MbRow<'f>, strengths: &[MbStrength]) {
        let Some(mut upper) = self.upper.take() else {
            self.upper = Some(row);
            return;
        };
        let strengths = strengths.split_at(self.reconstructor.cols).into();
        let rows = [&mut upper, &mut row];
        self.reconstructor.filter_pair(strengths, rows, self.above.as_mut());
        self.above = Some(row);
    }

    /// Filters the last row of a frame with an odd number of rows.
    pub(super) fn finish(mut self, strengths: &[MbStrength]) {
        if let Some(mut last) = self.upper.take() {
            let strengths = &strengths[..self.reconstructor.cols];
            self.reconstructor.filter(strengths, &mut last, self.above.as_mut());
        }
    }
}
