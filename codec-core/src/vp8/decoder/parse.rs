//! The serial stage: modes and coefficients of macroblock after macroblock.

use codec_simd::IntraMode;

use super::super::modes::{
    MbContext, MvBounds, Neighbours, SubblockSide, parse_macroblock as parse_modes,
};
use super::super::residual::{MbCoeffs, SideFlags, parse_macroblock as parse_coeffs};
use super::super::types::{LumaMode, MbInfo, Reference, SubblockInfo};
use super::frame::FrameTask;
use crate::codec::SlotSet;
use crate::entropy::BoolDecoder;
use crate::error::Corrupt;

/// Zeros that a reader may take past the end of its partition before the data counts as cut
/// short: encoders may leave out bytes at the end that have no influence.
const ZERO_FILL_BITS: u64 = 64;

/// A parsed macroblock.
#[derive(Clone, Debug, Default)]
pub(super) struct MbData {
    pub(super) info: MbInfo,
    pub(super) subblocks: SubblockInfo,
    /// Clear between macroblocks.
    pub(super) coeffs: MbCoeffs,
}

/// What a macroblock leaves for those below it and to its right.
#[derive(Clone, Copy, Debug, Default)]
struct Trace {
    /// Only what the census of vectors looks at.
    info: MbInfo,
    side: SubblockSide,
    flags: SideFlags,
}

/// Contexts of the macroblock to come.
#[derive(Debug)]
pub(super) struct ParseState {
    /// By column: of this row left of the macroblock, of the row above from there on.
    above: Vec<Trace>,
    left: Trace,
    above_left: MbInfo,
    rows: usize,
    refs_used: [bool; 4],
    /// The modes have run out; what is left of the frame is made up.
    is_lost: bool,
    /// Token partitions that have run out.
    lost_partitions: u8,
    /// The row in work gets no coefficients.
    row_is_lost: bool,
    concealed_mbs: u32,
}

impl ParseState {
    pub(super) fn new(cols: usize) -> Self {
        Self {
            above: vec![Trace::default(); cols],
            left: Trace::default(),
            above_left: MbInfo::default(),
            rows: 0,
            refs_used: [false; 4],
            is_lost: false,
            lost_partitions: 0,
            row_is_lost: false,
            concealed_mbs: 0,
        }
    }

    pub(super) fn begin_frame(&mut self, rows: usize) {
        self.above.fill(Trace::default());
        self.rows = rows;
        self.refs_used = [false; 4];
        (self.is_lost, self.lost_partitions, self.concealed_mbs) = (false, 0, 0);
    }

    /// Begins a row whose tokens are in partition `index`.
    pub(super) fn begin_row(&mut self, index: usize) {
        self.row_is_lost = self.is_lost || self.lost_partitions >> index & 1 != 0;
        self.left = Trace::default();
        self.above_left = MbInfo::default();
    }

    /// Parses macroblock (`x`, `y`) into `mb`. `segment`: as the frame before left it. `tokens`: the
    /// row's partition.
    #[inline]
    pub(super) fn parse_mb(
        &mut self,
        task: &FrameTask<'_>,
        modes: &mut BoolDecoder<'_>,
        tokens: &mut BoolDecoder<'_>,
        (x, y): (usize, usize),
        segment: u8,
        mb: &mut MbData,
    ) {
        let cols = self.above.len();
        let above = &mut self.above[x];
        let context = MbContext {
            neighbours: Neighbours {
                above: &above.info,
                left: &self.left.info,
                above_left: &self.above_left,
            },
            above: &above.side,
            left: &self.left.side,
            bounds: MvBounds::new(x, y, cols, self.rows),
        };
        let mut info = if self.is_lost {
            stand_in(task, segment, &mut mb.subblocks)
        } else {
            parse_modes(modes, task.header, &context, segment, &mut mb.subblocks)
        };
        self.refs_used[info.reference as usize] = true;
        let has_y2 = info.luma.has_y2();
        let (above_flags, left_flags) = (&mut above.flags, &mut self.left.flags);
        if info.skip || self.row_is_lost {
            above_flags.clear(has_y2);
            left_flags.clear(has_y2);
        } else {
            let steps = &task.steps[usize::from(info.segment & 3)];
            let coeffs = &mut mb.coeffs;
            parse_coeffs(tokens, task.probs, steps, has_y2, above_flags, left_flags, coeffs);
            info.has_coeffs = coeffs.any();
        }
        self.above_left = above.info;
        // Most macroblocks have one vector; what was written a moment ago in other widths is slow
        // to read back.
        if info.luma == LumaMode::Split || info.reference == Reference::Current {
            above.side = SubblockSide::bottom(&mb.subblocks);
            self.left.side = SubblockSide::right(&mb.subblocks);
        } else {
            let side = SubblockSide { mvs: [info.mv; 4], ..SubblockSide::default() };
            (above.side, self.left.side) = (side, side);
        }
        // Field by field: the fields are in registers, and a copy of the whole would wait for
        // them to be stored.
        for near in [&mut above.info, &mut self.left.info] {
            (near.luma, near.reference, near.mv) = (info.luma, info.reference, info.mv);
        }
        let MbInfo { luma, chroma, reference, segment, skip, has_coeffs, partitioning, mv } = info;
        (mb.info.luma, mb.info.chroma, mb.info.reference) = (luma, chroma, reference);
        (mb.info.segment, mb.info.skip, mb.info.has_coeffs) = (segment, skip, has_coeffs);
        (mb.info.partitioning, mb.info.mv) = (partitioning, mv);
    }

    /// Ends row `y`, whose tokens are in partition `index`: the one place where running out of
    /// data is looked for.
    pub(super) fn end_row(
        &mut self,
        task: &FrameTask<'_>,
        modes: &BoolDecoder<'_>,
        (index, tokens): (usize, &BoolDecoder<'_>),
        y: usize,
    ) -> Result<(), Corrupt> {
        let mut is_made_up = self.row_is_lost;
        for (partition, reader) in [(0, modes), (index + 1, tokens)] {
            if reader.overrun_bits() <= ZERO_FILL_BITS {
                continue;
            }
            if !task.conceal {
                let size_bytes = reader.len_bytes();
                return Err(Corrupt::PartitionOverrun { partition, size_bytes, row_mb: y });
            }
            is_made_up = true;
            if partition == 0 {
                self.is_lost = true;
            } else {
                self.lost_partitions |= 1 << index;
            }
        }
        if is_made_up {
            self.concealed_mbs += u32::try_from(self.above.len()).unwrap_or(u32::MAX);
        }
        Ok(())
    }

    /// Macroblocks in rows for which data was missing.
    pub(super) fn concealed_mbs(&self) -> u32 {
        self.concealed_mbs
    }

    /// Slots that macroblocks predict from.
    pub(super) fn refs_used(&self) -> SlotSet {
        let [_, last, golden, altref] = self.refs_used.map(u8::from);
        SlotSet(last | golden << 1 | altref << 2)
    }
}

/// What stands for a macroblock without data: a copy of the last frame if there is one.
fn stand_in(task: &FrameTask<'_>, segment: u8, subblocks: &mut SubblockInfo) -> MbInfo {
    if task.has_references() {
        *subblocks = SubblockInfo::Inter(Default::default());
        let (luma, reference) = (LumaMode::Zero, Reference::Last);
        return MbInfo { luma, reference, segment, skip: true, ..MbInfo::default() };
    }
    *subblocks = SubblockInfo::default();
    let (luma, chroma) = (LumaMode::Dc, IntraMode::Dc);
    MbInfo { luma, chroma, segment, skip: true, ..MbInfo::default() }
}
