//! What the rows of a frame leave behind for its headers, partitions and statistics.
//!
//! Each row has a store of its own, used again from frame to frame; sums over rows are taken in
//! row order, so nothing depends on which thread coded what.

use codec_simd::Coeffs;

use super::tokens::TokenCounts;
use crate::modes::NearVectors;
use crate::types::{LumaMode, MbInfo, SubblockInfo};

/// Index of the Y2 block among a macroblock's blocks: after 16 of Y, 4 of U and 4 of V.
pub(super) const Y2: usize = 24;

/// Quantised coefficients of a macroblock, each block in scan order.
#[derive(Clone, Debug, Default)]
pub(super) struct MbLevels {
    pub(super) luma: Coeffs<16>,
    pub(super) chroma: Coeffs<8>,
    pub(super) y2: Coeffs<1>,
    /// Position after the last non-zero level of each block; 0 for an empty one.
    pub(super) luma_eobs: [u8; 16],
    pub(super) chroma_eobs: [u8; 8],
    pub(super) y2_eob: [u8; 1],
}

impl MbLevels {
    /// Ends of all blocks, in the order of [`Self::block`].
    pub(super) fn eobs(&self) -> [u8; 25] {
        let mut eobs = [0; 25];
        eobs[..16].copy_from_slice(&self.luma_eobs);
        eobs[16..Y2].copy_from_slice(&self.chroma_eobs);
        eobs[Y2] = self.y2_eob[0];
        eobs
    }

    /// The levels of block `n`: 0..16 Y, 16..20 U, 20..24 V, 24 Y2.
    pub(super) fn block(&self, n: usize) -> &[i16; 16] {
        match n {
            0..16 => &self.luma.0[n],
            16..24 => &self.chroma.0[n - 16],
            _ => &self.y2.0[0],
        }
    }
}

/// A macroblock that has coefficients, without their values.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodedMb {
    pub(super) eobs: [u8; 25],
    pub(super) has_y2: bool,
    /// Which neighbouring blocks above and left have coefficients, in the order of
    /// [`super::exchange::AboveInfo::nonzero`].
    pub(super) above: u16,
    pub(super) left: u16,
}

/// How often each choice of macroblock modes was made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ModeCounts {
    pub(super) segments: [u32; 4],
    pub(super) skipped: u32,
    /// By [`crate::types::Reference`].
    pub(super) references: [u32; 4],
    /// Whole-block and per-block luma modes of intra macroblocks.
    pub(super) intra_luma: [u32; 5],
    pub(super) intra_chroma: [u32; 4],
    pub(super) split: u32,
    /// Predicted from the last frame without motion.
    pub(super) zero_motion: u32,
    /// Coded at the finer quantiser of a refresh.
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

/// Branches taken in motion-vector components (section 17.2): `[component][probability][bit]`,
/// rows first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MvCounts(pub(super) [[[u32; 2]; 19]; 2]);

/// What the last motion search at a macroblock's place came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SearchMemory {
    /// Error of the best plain candidate then.
    pub(super) sse: u32,
    /// Searches in a row that found nothing better, at most 3.
    pub(super) fails: u8,
}

/// One macroblock row of a coded frame. Neighbours are written to at the same time: they must not
/// share cache lines, which are fetched in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct RowStore {
    pub(super) infos: Vec<MbInfo>,
    /// What the next frame is to know of the searches.
    pub(super) memories: Vec<SearchMemory>,
    /// Of split and per-block macroblocks alone, in their order.
    pub(super) subblocks: Vec<SubblockInfo>,
    /// The tokens of macroblocks with coefficients, in the order of writing.
    pub(super) tokens: Vec<u16>,
    /// What those of larger levels leave open, in their order.
    pub(super) open: Vec<u16>,
    /// What the vectors of inter macroblocks are predicted from.
    pub(super) nears: Vec<NearVectors>,
    pub(super) mvs: MvCounts,
    pub(super) modes: ModeCounts,
    /// Squared error of the luma predictions.
    pub(super) prediction_sse: u64,
}

impl RowStore {
    /// Room for `cols` macroblocks, whatever they hold.
    pub(super) fn with_cols(cols: usize) -> Self {
        Self {
            infos: Vec::with_capacity(cols),
            memories: Vec::with_capacity(cols),
            subblocks: Vec::with_capacity(cols),
            tokens: Vec::with_capacity(400 * cols),
            open: Vec::with_capacity(400 * cols),
            nears: Vec::with_capacity(cols),
            mvs: MvCounts::default(),
            modes: ModeCounts::default(),
            prediction_sse: 0,
        }
    }

    /// Empties the store for another frame.
    pub(super) fn clear(&mut self) {
        self.infos.clear();
        self.memories.clear();
        self.subblocks.clear();
        self.tokens.clear();
        self.open.clear();
        self.nears.clear();
        self.mvs = MvCounts::default();
        self.modes = ModeCounts::default();
        self.prediction_sse = 0;
    }

    /// Appends a macroblock; its levels have been appended before.
    pub(super) fn push(&mut self, info: MbInfo, subblocks: &SubblockInfo) {
        self.infos.push(info);
        if matches!(info.luma, LumaMode::Split | LumaMode::PerBlock) {
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
    /// Starts again from nothing.
    pub(super) fn clear(&mut self) {
        self.tokens.clear();
        self.mvs = MvCounts::default();
        self.modes = ModeCounts::default();
        self.prediction_sse = 0;
    }

    /// Adds a row, but for its tokens.
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
