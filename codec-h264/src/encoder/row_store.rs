//! The macroblocks of a row after mode decision, until they are written and deblocked.

use codec_simd::{Block16, BlockUv, WindowMut};

use super::coded_mb::{CodedMb, Pending};
use crate::picture::Mv;

/// Statistics of a row or a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub intra: u32,
    pub skipped: u32,
    pub split: u32,
    /// Macroblocks predicted from the first reference with zero motion.
    pub zero_motion: u32,
    /// Squared error of the luma predictions without residual.
    pub prediction_sse: u64,
    /// Uses of each entry of the reference lists.
    pub references: [[u32; 3]; 2],
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.intra += other.intra;
        self.skipped += other.skipped;
        self.split += other.split;
        self.zero_motion += other.zero_motion;
        self.prediction_sse += other.prediction_sse;
        let sums = self.references.as_flattened_mut().iter_mut();
        sums.zip(other.references.as_flattened()).for_each(|(sum, count)| *sum += count);
    }
}

/// A number of macroblocks of a row, and their statistics.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowMark {
    mbs: usize,
    mvds: usize,
    levels: usize,
    counts: Counts,
}

/// A row of macroblocks after mode decision.
#[derive(Debug, Default)]
pub(super) struct RowStore {
    pub mbs: Vec<CodedMb>,
    /// Vectors of the sixteen 4x4 blocks of each macroblock, in raster order.
    pub mvs: Vec<[Mv; 16]>,
    /// Vectors of list 1 of each macroblock, in B slices.
    pub second_mvs: Vec<[Mv; 16]>,
    /// Differences of the vectors of all macroblocks to the predicted ones: see [`CodedMb`].
    pub mvds: Vec<Mv>,
    /// Levels of all macroblocks: see [`CodedMb::coded`].
    pub levels: Vec<i16>,
    /// Sixteen lines of luma, then eight lines of U next to eight of V, before deblocking.
    pub pixels: RowPixels,
    pub counts: Counts,
}

impl RowStore {
    /// Prepares for a row of `cols` macroblocks.
    pub(super) fn begin(&mut self, cols: usize) {
        self.mbs.clear();
        self.mvs.clear();
        self.second_mvs.clear();
        self.mvds.clear();
        // There is at most one difference for each 4x4 block.
        self.mvds.reserve(16 * cols);
        self.levels.clear();
        self.pixels.resize(cols);
        self.counts = Counts::default();
    }

    /// Returns the position after the last macroblock.
    pub(super) fn mark(&self) -> RowMark {
        RowMark {
            mbs: self.mbs.len(),
            mvds: self.mvds.len(),
            levels: self.levels.len(),
            counts: self.counts,
        }
    }

    /// Removes the macroblocks after `mark`.
    pub(super) fn rewind(&mut self, mark: &RowMark) {
        self.mbs.truncate(mark.mbs);
        self.mvs.truncate(mark.mbs);
        self.mvds.truncate(mark.mvds);
        self.levels.truncate(mark.levels);
        self.counts = mark.counts;
    }

    /// Returns the last macroblock and its vectors.
    pub(super) fn last(&self) -> Option<(&CodedMb, &[Mv; 16])> {
        Some((self.mbs.last()?, self.mvs.last()?))
    }

    /// Returns the differences of vectors and the levels of all macroblocks.
    pub(super) fn pending(&self) -> Pending<'_> {
        Pending { mvds: &self.mvds, levels: &self.levels }
    }

    /// Returns the differences of vectors and the levels of the macroblocks after `mark`.
    pub(super) fn pending_after(&self, mark: &RowMark) -> Pending<'_> {
        Pending {
            mvds: self.mvds.get(mark.mvds..).unwrap_or_default(),
            levels: self.levels.get(mark.levels..).unwrap_or_default(),
        }
    }
}

/// Reconstructed macroblocks of a row.
#[derive(Debug, Default)]
pub(super) struct RowPixels {
    luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
    width: usize,
}

impl RowPixels {
    fn resize(&mut self, cols: usize) {
        if self.width != 16 * cols {
            self.width = 16 * cols;
            self.luma = vec![0; 16 * 16 * cols];
            self.chroma = [(); 2].map(|()| vec![0; 8 * 8 * cols]);
        }
    }

    /// Sets the samples of the macroblock at column `col`.
    #[inline]
    pub(super) fn put(&mut self, col: usize, luma: &Block16, chroma: &BlockUv) {
        if let Some(mut to) =
            self.luma.get_mut(16 * col..).and_then(|to| WindowMut::new(to, self.width))
        {
            to.copy_from(luma.window());
        }
        for (plane, to) in self.chroma.iter_mut().enumerate() {
            if let Some(mut to) =
                to.get_mut(8 * col..).and_then(|to| WindowMut::new(to, self.width / 2))
            {
                to.copy_from(chroma.plane(plane));
            }
        }
    }

    /// Returns the lines of a plane: sixteen of luma (0), eight of U (1) or V (2).
    pub(super) fn lines(&self, plane: usize) -> impl Iterator<Item = &[u8]> {
        let (data, width) = match plane {
            0 => (&self.luma, self.width),
            1 => (&self.chroma[0], self.width / 2),
            _ => (&self.chroma[1], self.width / 2),
        };
        data.chunks_exact(width.max(1))
    }
}
