//! Results of coding the macroblock rows of a frame, from which the headers, partitions and
//! statistics of the frame are made.
//!
//! Each row has its own store, reused from frame to frame. Sums over rows are computed in row
//! order, so results do not depend on threading.

use super::token_counts::TokenCounts;
use crate::modes::NearVectors;
use crate::types::{MbInfo, SubblockInfo};

/// Counts of macroblock modes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ModeCounts {
    pub(super) segments: [u32; 4],
    pub(super) skipped: u32,
    /// By [`crate::types::MbMode::reference_index`].
    pub(super) references: [u32; 4],
    /// Whole-block and per-block luma modes of intra macroblocks.
    pub(super) intra_luma: [u32; 5],
    pub(super) intra_chroma: [u32; 4],
    pub(super) split: u32,
    /// Macroblocks predicted from the last frame with zero motion.
    pub(super) zero_motion: u32,
    /// Macroblocks coded at the finer quantiser of a cyclic refresh.
    pub(super) refreshed: u32,
}

impl ModeCounts {
    fn add(&mut self, other: &Self) {
        fn sum<const N: usize>(to: &mut [u32; N], from: &[u32; N]) {
            to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
        }
        sum(&mut self.segments, &other.segments);
        sum(&mut self.references, &other.references);
        sum(&mut self.intra_luma, &other.intra_luma);
        sum(&mut self.intra_chroma, &other.intra_chroma);
        self.skipped += other.skipped;
        self.split += other.split;
        self.zero_motion += other.zero_motion;
        self.refreshed += other.refreshed;
    }
}

/// Branch counts of motion vector components (section 17.2): `[component][probability][bit]`, rows
/// first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MvCounts(pub(super) [[[u32; 2]; 19]; 2]);

/// Result of the last motion search at a macroblock position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SearchStats {
    /// Error of the best plain candidate at that time.
    pub(super) sse: u32,
    /// Number of consecutive searches that found nothing better, at most 3.
    pub(super) fails: u8,
}

/// One macroblock row of a coded frame. Aligned to 128 bytes because neighbouring rows are written
/// in parallel and must not share cache lines, which the prefetcher loads in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct RowStore {
    pub(super) infos: Vec<MbInfo>,
    /// Search statistics for the next frame.
    pub(super) search_stats: Vec<SearchStats>,
    /// Sub-blocks of split and per-block macroblocks only, in their order.
    pub(super) subblocks: Vec<SubblockInfo>,
    /// Tokens of macroblocks with coefficients, in coding order.
    pub(super) tokens: Vec<u16>,
    /// Extra bits of tokens of larger levels, in their order.
    pub(super) open: Vec<u16>,
    /// Vector predictions of inter macroblocks.
    pub(super) nears: Vec<NearVectors>,
    pub(super) mvs: MvCounts,
    pub(super) modes: ModeCounts,
    /// Squared error of the luma predictions.
    pub(super) prediction_sse: u64,
}

impl RowStore {
    /// Allocates for `cols` macroblocks, independent of their content.
    pub(super) fn with_cols(cols: usize) -> Self {
        Self {
            infos: Vec::with_capacity(cols),
            search_stats: Vec::with_capacity(cols),
            subblocks: Vec::with_capacity(cols),
            tokens: Vec::with_capacity(400 * cols),
            open: Vec::with_capacity(400 * cols),
            nears: Vec::with_capacity(cols),
            mvs: MvCounts::default(),
            modes: ModeCounts::default(),
            prediction_sse: 0,
        }
    }

    /// Clears the store for the next frame.
    pub(super) fn clear(&mut self) {
        self.infos.clear();
        self.search_stats.clear();
        self.subblocks.clear();
        self.tokens.clear();
        self.open.clear();
        self.nears.clear();
        self.mvs = MvCounts::default();
        self.modes = ModeCounts::default();
        self.prediction_sse = 0;
    }

    /// Appends a macroblock; its levels must have been appended before.
    pub(super) fn push(&mut self, info: MbInfo, subblocks: &SubblockInfo) {
        self.infos.push(info);
        if info.mode.has_subblocks() {
            self.subblocks.push(*subblocks);
        }
    }
}

/// Sums over the rows of a frame.
#[derive(Debug, Default)]
pub(super) struct FrameTotals {
    pub(super) tokens: TokenCounts,
    pub(super) mvs: MvCounts,
    pub(super) modes: ModeCounts,
    pub(super) prediction_sse: u64,
}

impl FrameTotals {
    /// Resets all sums.
    pub(super) fn clear(&mut self) {
        self.tokens.clear();
        self.mvs = MvCounts::default();
        self.modes = ModeCounts::default();
        self.prediction_sse = 0;
    }

    /// Adds a row, except its tokens.
    pub(super) fn add(&mut self, row: &RowStore) {
        let (to, from) = (self.mvs.0.as_flattened_mut(), row.mvs.0.as_flattened());
        for (to, from) in to.iter_mut().zip(from) {
            to[0] += from[0];
            to[1] += from[1];
        }
        self.modes.add(&row.modes);
        self.prediction_sse += row.prediction_sse;
    }
}
