//! Deblocking of the rows of a frame while it is decoded.

use super::entropy::Entropy;
use super::parse::MbParser;
use super::reconstruct::Reconstructor;
use crate::deblock::{Deblocker, ThresholdTable};
use crate::macroblock::Arrangement;
use crate::macroblock::Mb;
use crate::slice::Deblocking;

/// How far a frame is decoded without gaps, and filtered.
///
/// A row of macroblocks is filtered when the row below is reconstructed: its samples are still in the
/// cache, and intra prediction does not need them any more. The rows of frames with MBAFF and of
/// fields, and rows after a gap, are filtered at the end of the picture.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Number of macroblocks that are decoded without a gap from the first on.
    pub decoded: usize,
    /// Number of rows that are filtered.
    pub filtered: usize,
}

/// Filters rows of macroblocks during a slice: see [`Progress`].
pub(crate) struct RowFilter<'a> {
    /// Parameters of the slices of the picture.
    pub slices: &'a [Deblocking],
    pub thresholds: &'a mut ThresholdTable,
    pub progress: &'a mut Progress,
    /// Whether the slice continues the macroblocks that are decoded without a gap.
    pub is_active: bool,
}

impl RowFilter<'_> {
    /// Filters the row above after the last macroblock of a row.
    #[inline]
    pub(crate) fn after<E: Entropy>(
        &mut self,
        mb: &Mb,
        parser: &MbParser<'_, E>,
        reconstructor: &mut Reconstructor<'_>,
    ) {
        if !self.is_active {
            return;
        }
        self.progress.decoded += 1;
        if mb.x + 1 < parser.cx.cols {
            return;
        }
        let (infos, motion) = parser.stored();
        let mut deblocker = Deblocker {
            infos,
            motion: &motion.mbs,
            slices: self.slices,
            cols: parser.cx.cols,
            arrangement: Arrangement::Frame,
            filter: reconstructor.edge_filter(self.thresholds),
        };
        for row in self.progress.filtered..mb.row {
            deblocker.row(row);
        }
        self.progress.filtered = mb.row;
    }
}
