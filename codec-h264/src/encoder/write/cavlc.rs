//! Writes the syntax elements of macroblocks with CAVLC. ITU-T H.264, clauses 7.3.5 and 9.1.

use super::entropy::{EntropyWriter, NO_BLOCK};
use crate::bits::{BitMark, BitWriter};
use crate::cabac::BlockCategory;
use crate::cavlc::{CoeffTable, write_residual_block};
use crate::decoder::entropy::{CbpContext, TypeNumber};
use crate::params::{Pps, Sps};
use crate::picture::Mv;
use crate::slice::{SliceHeader, SliceType};
use crate::tables::cavlc::{CBP_INTER, CBP_INTRA};

/// Code numbers of `coded_block_pattern` in inter and in intra macroblocks.
pub(crate) static CBP_CODES: [[u8; 48]; 2] = [inverse(&CBP_INTER), inverse(&CBP_INTRA)];

#[expect(clippy::cast_possible_truncation, reason = "code numbers are below 48")]
const fn inverse(patterns: &[u8; 48]) -> [u8; 48] {
    let mut codes = [0; 48];
    let mut code = 0;
    while code < 48 {
        codes[patterns[code] as usize] = code as u8;
        code += 1;
    }
    codes
}

/// Writes slices in CAVLC.
#[derive(Clone, Debug, Default)]
pub(crate) struct CavlcWriter {
    bits: BitWriter,
    /// Skipped macroblocks since the last coded one.
    skip_run: u32,
}

impl CavlcWriter {
    /// Number of bits so far, with the count of skipped macroblocks.
    pub(crate) fn written_bits(&self) -> usize {
        let run = if self.skip_run > 0 { 2 * (self.skip_run + 1).ilog2() + 1 } else { 0 };
        self.bits.bits() + run as usize
    }
}

impl EntropyWriter for CavlcWriter {
    const CABAC: bool = false;

    /// The position, and the number of skipped macroblocks.
    type Mark = (BitMark, u32);

    fn begin(&mut self, header: &SliceHeader, sps: &Sps, pps: &Pps) {
        self.bits.clear();
        self.skip_run = 0;
        header.write(sps, pps, &mut self.bits);
    }

    #[inline]
    fn proceed(&mut self) {}

    #[inline]
    fn skip_flag(&mut self, is_skipped: bool, _slice_type: SliceType, _increment: usize) {
        if is_skipped {
            self.skip_run += 1;
        } else {
            self.bits.ue(self.skip_run);
            self.skip_run = 0;
        }
    }

    fn mb_type(&mut self, number: TypeNumber, _slice_type: SliceType, _increment: usize) {
        self.bits.ue(number.into());
    }

    fn sub_mb_type(&mut self, number: TypeNumber, _slice_type: SliceType) {
        self.bits.ue(number.into());
    }

    fn transform_8x8(&mut self, value: bool, _increment: usize) {
        self.bits.flag(value);
    }

    fn intra_mode(&mut self, rest: Option<u8>) {
        match rest {
            Some(rest) => self.bits.u(4, (rest & 7).into()),
            None => self.bits.flag(true),
        };
    }

    fn chroma_mode(&mut self, mode: u8, _increment: usize) {
        self.bits.ue(mode.into());
    }

    fn ref_index(&mut self, index: u8, count: u8, _increment: usize) {
        self.bits.te(index.into(), u32::from(count) - 1);
    }

    #[inline]
    fn mvd(&mut self, mvd: Mv, _sums: [u32; 2]) {
        self.bits.se(mvd.x.into()).se(mvd.y.into());
    }

    fn coded_block_pattern(&mut self, cbp: u8, is_intra: bool, _near: CbpContext) {
        let code = CBP_CODES[usize::from(is_intra)][usize::from(cbp).min(47)];
        self.bits.ue(code.into());
    }

    fn qp_delta(&mut self, delta: i32, _follows_delta: bool) {
        self.bits.se(delta);
    }

    #[inline]
    fn block(&mut self, category: BlockCategory, beside: [u8; 2], levels: Option<&[i16]>) -> u8 {
        let table = if category == BlockCategory::ChromaDc {
            CoeffTable::ChromaDc
        } else {
            // A missing neighbour counts 64, which the last step removes.
            let sum = beside[0] + beside[1];
            CoeffTable::Neighbours(if sum < NO_BLOCK { sum.div_ceil(2) } else { sum & 31 })
        };
        write_residual_block(&mut self.bits, table, levels.unwrap_or(&[]))
    }

    fn pcm(&mut self, samples: &[i16]) {
        let bytes = self.bits.align(false).bytes_mut();
        bytes.extend(samples.iter().map(|sample| sample.to_le_bytes()[0]));
    }

    fn finish(&mut self) -> &[u8] {
        if self.skip_run > 0 {
            self.bits.ue(self.skip_run);
            self.skip_run = 0;
        }
        self.bits.trailing().bytes()
    }

    fn stored(&self) -> &[u8] {
        self.bits.stored()
    }

    fn max_bytes(&self) -> usize {
        // The stop bit follows.
        self.written_bits() / 8 + 1
    }

    fn save(&self, mark: &mut Self::Mark) {
        *mark = (self.bits.mark(), self.skip_run);
    }

    fn rewind(&mut self, mark: &Self::Mark) {
        self.bits.rewind(mark.0);
        self.skip_run = mark.1;
    }
}
