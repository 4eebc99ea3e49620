//! Reads the syntax elements of macroblocks that are coded with CAVLC. ITU-T H.264, clauses 7.3.5
//! and 9.1.

use super::entropy::{Beside, Block, CbpContext, Entropy, TypeNumber};
use crate::bits::BitReader;
use crate::cabac::BlockCategory;
use crate::cavlc::{CoeffTable, residual_block};
use crate::slice::SliceType;
use crate::tables::cavlc::{CBP_INTER, CBP_INTER_MONO, CBP_INTRA, CBP_INTRA_MONO};

/// Reads macroblocks in CAVLC.
pub(crate) struct Cavlc<'a> {
    bits: BitReader<'a>,
    /// Skipped macroblocks before the next coded one; `None` if not read yet.
    skip_run: Option<u32>,
    is_damaged: bool,
}

impl<'a> Cavlc<'a> {
    /// Creates a reader of the slice data in `bits`, which end before the stop bit.
    pub(crate) fn new(bits: BitReader<'a>) -> Self {
        Self { bits, skip_run: None, is_damaged: false }
    }

    fn small(&mut self, max: u32) -> u8 {
        let value = self.bits.ue();
        self.is_damaged |= value > max;
        u8::try_from(value.min(max)).unwrap_or(0)
    }
}

impl Entropy for Cavlc<'_> {
    const CABAC: bool = false;

    fn skip_flag(&mut self, _beside: Beside<'_>, _slice_type: SliceType) -> bool {
        let run = match self.skip_run {
            Some(run) => run,
            None => self.bits.ue(),
        };
        if run > 0 {
            self.skip_run = Some(run - 1);
            return true;
        }
        self.skip_run = None;
        false
    }

    fn field_flag(&mut self, _field_pairs: usize) -> bool {
        self.bits.flag()
    }

    fn mb_type(&mut self, _beside: Beside<'_>, slice_type: SliceType) -> TypeNumber {
        self.small(match slice_type {
            SliceType::I => 25,
            SliceType::P => 30,
            SliceType::B => 48,
        })
    }

    fn sub_mb_type(&mut self, slice_type: SliceType) -> TypeNumber {
        self.small(if slice_type == SliceType::B { 12 } else { 3 })
    }

    fn transform_8x8(&mut self, _beside: Beside<'_>) -> bool {
        self.bits.flag()
    }

    fn intra_mode(&mut self) -> Option<u8> {
        if self.bits.flag() {
            return None;
        }
        u8::try_from(self.bits.bits(3)).ok()
    }

    fn chroma_mode(&mut self, _beside: Beside<'_>) -> u8 {
        self.small(3)
    }

    fn ref_index(&mut self, count: u8, _increment: usize) -> u32 {
        self.bits.te(u32::from(count) - 1)
    }

    fn mvd(&mut self, _sums: [u32; 2]) -> [i32; 2] {
        let x = self.bits.se();
        [x, self.bits.se()]
    }

    fn coded_block_pattern(&mut self, is_intra: bool, has_chroma: bool, _near: CbpContext) -> u8 {
        let code = usize::from(self.small(if has_chroma { 47 } else { 15 }));
        match (has_chroma, is_intra) {
            (true, true) => CBP_INTRA[code],
            (true, false) => CBP_INTER[code],
            (false, true) => CBP_INTRA_MONO[code],
            (false, false) => CBP_INTER_MONO[code],
        }
    }

    fn qp_delta(&mut self, _follows_delta: bool) -> i32 {
        self.bits.se()
    }

    fn block(&mut self, block: Block<'_>, out: &mut [i16]) -> u8 {
        let Block { category, context, scan, dequant } = block;
        let table = if category == BlockCategory::ChromaDc {
            CoeffTable::ChromaDc
        } else {
            // A missing neighbour counts 64, which the last step removes.
            let sum = context.left + context.top;
            CoeffTable::Neighbours(if sum < 64 { sum.div_ceil(2) } else { sum & 31 })
        };
        let count = residual_block(&mut self.bits, table, scan, dequant, out);
        self.is_damaged |= count.is_none();
        count.unwrap_or(0)
    }

    fn pcm(&mut self, count: usize) -> Option<&[u8]> {
        self.bits.align();
        let from = self.bits.position() / 8;
        let samples = self.bits.data().get(from..)?.get(..count)?;
        self.bits.skip(u32::try_from(8 * count).ok()?);
        Some(samples)
    }

    fn is_end(&mut self) -> bool {
        // A run of skipped macroblocks may end the slice.
        self.skip_run.unwrap_or(0) == 0 && self.bits.remaining() == 0
    }

    fn is_damaged(&self) -> bool {
        self.is_damaged || self.bits.is_overrun()
    }

    fn position_bytes(&self) -> usize {
        self.bits.position() / 8
    }

    fn position_q8(&self) -> u64 {
        // The position after an overrun is not one in the data.
        let end = self.bits.data().len() * 8;
        256 * self.bits.position().min(end) as u64
    }

    /// The flag follows if the upper macroblock is the last of a run of skipped ones and the lower is
    /// coded.
    fn peek_field_flag(&self) -> Option<bool> {
        (self.skip_run == Some(0) && self.bits.remaining() > 0).then(|| self.bits.peek(1) == 1)
    }
}
