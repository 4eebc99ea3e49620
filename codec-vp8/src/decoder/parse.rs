//! Parsing stage: modes and coefficients of each macroblock in order.

use super::super::header::{FrameHeader, Steps};
use super::super::modes::{
    MbContext, MvBounds, Neighbours, SubblockSide, parse_macroblock as parse_modes,
};
use super::super::residual::{MbCoeffs, SideFlags, TokenProbs, parse_macroblock as parse_coeffs};
use super::super::types::{InterMode, MbInfo, MbMode, SubblockInfo};
use super::{FrameParams, MacroblockStats};
use codec_core::codec::SlotSet;
use codec_core::entropy::BoolDecoder;
use codec_core::error::Corrupt;

/// Number of zero bits that a reader may consume past the end of its partition before the data
/// counts as truncated: encoders may omit trailing bytes without effect.
const ZERO_FILL_BITS: u64 = 64;

/// Inputs of the parse of all rows of a frame.
#[derive(Debug)]
pub(super) struct ParseParams<'a> {
    header: &'a FrameHeader,
    conceal: bool,
    probs: &'a TokenProbs,
    /// Quantiser steps by segment.
    steps: [Steps; 4],
    has_references: bool,
}

impl<'a> ParseParams<'a> {
    pub(super) fn new(
        params: &FrameParams<'a>,
        probs: &'a TokenProbs,
        has_references: bool,
    ) -> Self {
        let quant = &params.header.quant;
        let step = |segment| quant.steps(params.header.segmentation.qindex(quant.y_ac, segment));
        let steps = [0, 1, 2, 3].map(step);
        Self { header: params.header, conceal: params.conceal, probs, steps, has_references }
    }
}

/// A parsed macroblock.
#[derive(Clone, Debug, Default)]
pub(super) struct MbData {
    pub(super) info: MbInfo,
    pub(super) subblocks: SubblockInfo,
    /// All zero between macroblocks.
    pub(super) coeffs: MbCoeffs,
}

/// Mode context that a macroblock leaves for those below and to its right.
#[derive(Clone, Copy, Debug, Default)]
struct ModeContext {
    mode: MbMode,
    side: SubblockSide,
}

/// Mode contexts of the next macroblock.
#[derive(Debug)]
pub(super) struct ModeParser {
    /// By column: of this row to the left of the macroblock, of the row above from there on.
    above: Vec<ModeContext>,
    left: ModeContext,
    above_left: MbMode,
    rows: usize,
    refs_used: [bool; 4],
    /// The mode data is exhausted; the rest of the frame is concealed.
    is_lost: bool,
}

/// Coefficient contexts of the next macroblock.
#[derive(Debug)]
pub(super) struct TokenParser {
    /// By column, as in [`ModeParser`].
    above: Vec<SideFlags>,
    left: SideFlags,
    /// Bit mask of exhausted token partitions.
    lost_partitions: u8,
    /// The current row is parsed without coefficients.
    row_is_lost: bool,
    concealed_mbs: u32,
}

impl ModeParser {
    pub(super) fn new(cols: usize) -> Self {
        Self {
            above: vec![ModeContext::default(); cols],
            left: ModeContext::default(),
            above_left: MbMode::default(),
            rows: 0,
            refs_used: [false; 4],
            is_lost: false,
        }
    }

    pub(super) fn begin_frame(&mut self, rows: usize) {
        self.above.fill(ModeContext::default());
        self.rows = rows;
        self.refs_used = [false; 4];
        self.is_lost = false;
    }

    /// Begins a row. Returns whether the whole row is concealed.
    pub(super) fn begin_row(&mut self) -> bool {
        self.left = ModeContext::default();
        self.above_left = MbMode::default();
        self.is_lost
    }

    /// Parses the modes of macroblock (`x`, `y`). `segment` is its segment after the previous
    /// frame.
    #[inline(always)]
    pub(super) fn parse_mb(
        &mut self,
        params: &ParseParams<'_>,
        modes: &mut BoolDecoder<'_>,
        (x, y): (usize, usize),
        segment: u8,
        subblocks: &mut SubblockInfo,
    ) -> MbInfo {
        let cols = self.above.len();
        let above = &mut self.above[x];
        let context = MbContext {
            neighbours: Neighbours {
                above: &above.mode,
                left: &self.left.mode,
                above_left: &self.above_left,
            },
            above: &above.side,
            left: &self.left.side,
            bounds: MvBounds::new(x, y, cols, self.rows),
        };
        let info = if self.is_lost {
            concealed_mb(params, segment, subblocks)
        } else {
            parse_modes(modes, params.header, &context, segment, subblocks)
        };
        self.refs_used[info.mode.reference_index()] = true;
        self.above_left = above.mode;
        // Most macroblocks have one vector; reading it back in another width right after it was
        // written would stall on store forwarding.
        match info.mode {
            MbMode::Inter {
                mode: InterMode::Nearest | InterMode::Near | InterMode::Zero | InterMode::New,
                mv,
                ..
            } => {
                let side = SubblockSide { mvs: [mv; 4], ..SubblockSide::default() };
                (above.side, self.left.side) = (side, side);
            }
            MbMode::Inter { mode: InterMode::Split(_), .. } | MbMode::Intra { .. } => {
                above.side = SubblockSide::bottom(subblocks);
                self.left.side = SubblockSide::right(subblocks);
            }
        }
        (above.mode, self.left.mode) = (info.mode, info.mode);
        info
    }

    /// Ends row `y`: records whether the mode data is exhausted.
    pub(super) fn end_row(
        &mut self,
        params: &ParseParams<'_>,
        modes: &BoolDecoder<'_>,
        y: usize,
    ) -> Result<bool, Corrupt> {
        self.is_lost |= has_run_out(params, modes, 0, y)?;
        Ok(self.is_lost)
    }

    /// Returns the reference slots that macroblocks predict from.
    pub(super) fn refs_used(&self) -> SlotSet {
        let [_, last, golden, altref] = self.refs_used.map(u8::from);
        SlotSet(last | golden << 1 | altref << 2)
    }
}

impl TokenParser {
    pub(super) fn new(cols: usize) -> Self {
        Self {
            above: vec![SideFlags::default(); cols],
            left: SideFlags::default(),
            lost_partitions: 0,
            row_is_lost: false,
            concealed_mbs: 0,
        }
    }

    pub(super) fn begin_frame(&mut self) {
        self.above.fill(SideFlags::default());
        (self.lost_partitions, self.concealed_mbs) = (0, 0);
    }

    /// Begins a row whose tokens are in partition `index`; `is_lost` means that its modes are
    /// concealed.
    pub(super) fn begin_row(&mut self, index: usize, is_lost: bool) {
        self.row_is_lost = is_lost || self.lost_partitions >> index & 1 != 0;
        self.left = SideFlags::default();
    }

    /// Parses the coefficients of macroblock `x` with modes `info` from `tokens`, the row's
    /// partition. Returns whether it has any.
    #[inline(always)]
    pub(super) fn parse_mb(
        &mut self,
        params: &ParseParams<'_>,
        tokens: &mut BoolDecoder<'_>,
        x: usize,
        info: &MbInfo,
        coeffs: &mut MbCoeffs,
    ) -> bool {
        let has_y2 = info.mode.has_y2();
        let (above, left) = (&mut self.above[x], &mut self.left);
        if info.skip || self.row_is_lost {
            above.clear(has_y2);
            left.clear(has_y2);
            return false;
        }
        let steps = &params.steps[usize::from(info.segment & 3)];
        parse_coeffs(tokens, params.probs, steps, has_y2, above, left, coeffs);
        coeffs.any()
    }

    /// Ends row `y`, whose tokens are in partition `index`; `is_lost` means that the mode data is
    /// exhausted.
    pub(super) fn end_row(
        &mut self,
        params: &ParseParams<'_>,
        (index, tokens): (usize, &BoolDecoder<'_>),
        y: usize,
        is_lost: bool,
    ) -> Result<(), Corrupt> {
        let has_run_out = has_run_out(params, tokens, index + 1, y)?;
        self.lost_partitions |= u8::from(has_run_out) << index;
        if self.row_is_lost || is_lost || has_run_out {
            self.concealed_mbs += u32::try_from(self.above.len()).unwrap_or(u32::MAX);
        }
        Ok(())
    }

    /// Returns the number of macroblocks in rows with missing data.
    pub(super) fn concealed_mbs(&self) -> u32 {
        self.concealed_mbs
    }
}

/// Returns whether the data of `partition` is exhausted, which is checked only at the end of each
/// row; an error unless concealment is enabled.
fn has_run_out(
    params: &ParseParams<'_>,
    reader: &BoolDecoder<'_>,
    partition: usize,
    y: usize,
) -> Result<bool, Corrupt> {
    let has_run_out = reader.overrun_bits() > ZERO_FILL_BITS;
    if has_run_out && !params.conceal {
        let size_bytes = reader.len_bytes();
        return Err(Corrupt::PartitionOverrun { partition, size_bytes, row_mb: y });
    }
    Ok(has_run_out)
}

/// Both contexts, for parsing macroblocks completely one after the other.
#[derive(Debug)]
pub(super) struct MbParser {
    pub(super) modes: ModeParser,
    pub(super) tokens: TokenParser,
}

impl MbParser {
    pub(super) fn new(cols: usize) -> Self {
        Self { modes: ModeParser::new(cols), tokens: TokenParser::new(cols) }
    }

    pub(super) fn begin_frame(&mut self, rows: usize) {
        self.modes.begin_frame(rows);
        self.tokens.begin_frame();
    }

    /// Begins a row whose tokens are in partition `index`.
    pub(super) fn begin_row(&mut self, index: usize) {
        let is_lost = self.modes.begin_row();
        self.tokens.begin_row(index, is_lost);
    }

    /// Parses macroblock (`x`, `y`) into `mb`. `segment` is its segment after the previous frame;
    /// `tokens` is the row's partition.
    #[inline]
    pub(super) fn parse_mb(
        &mut self,
        params: &ParseParams<'_>,
        modes: &mut BoolDecoder<'_>,
        tokens: &mut BoolDecoder<'_>,
        (x, y): (usize, usize),
        segment: u8,
        mb: &mut MbData,
    ) {
        let mut info = self.modes.parse_mb(params, modes, (x, y), segment, &mut mb.subblocks);
        info.has_coeffs = self.tokens.parse_mb(params, tokens, x, &info, &mut mb.coeffs);
        mb.info = info;
    }

    /// Ends row `y`, whose tokens are in partition `index`. Exhausted data is detected only here.
    pub(super) fn end_row(
        &mut self,
        params: &ParseParams<'_>,
        modes: &BoolDecoder<'_>,
        tokens: (usize, &BoolDecoder<'_>),
        y: usize,
    ) -> Result<(), Corrupt> {
        let is_lost = self.modes.end_row(params, modes, y)?;
        self.tokens.end_row(params, tokens, y, is_lost)
    }

    /// Returns the number of macroblocks with missing data so far.
    pub(super) fn concealed_mbs(&self) -> u32 {
        self.tokens.concealed_mbs()
    }

    /// Returns the statistics of a frame after its last row.
    pub(super) fn stats(&self) -> MacroblockStats {
        MacroblockStats {
            concealed_mbs: self.tokens.concealed_mbs(),
            refs_used: self.modes.refs_used(),
        }
    }
}

/// Returns a replacement for a macroblock without data: a copy from the last frame if there is one.
fn concealed_mb(params: &ParseParams<'_>, segment: u8, subblocks: &mut SubblockInfo) -> MbInfo {
    if params.has_references {
        *subblocks = SubblockInfo::Inter(Default::default());
        return MbInfo { mode: MbMode::STATIC, segment, skip: true, has_coeffs: false };
    }
    *subblocks = SubblockInfo::default();
    MbInfo { mode: MbMode::default(), segment, skip: true, has_coeffs: false }
}
