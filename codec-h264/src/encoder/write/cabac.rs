//! Writes the syntax elements of macroblocks with CABAC. ITU-T H.264, clauses 9.3.2 and 9.3.3.1.

use super::entropy::EntropyWriter;
use crate::bits::{BitWriter, se_code};
use crate::cabac::{BlockCategory, CabacEncoder, CabacMark, Contexts, write_residual_block};
use crate::decoder::entropy::{CbpContext, TypeNumber, first_intra};
use crate::params::{Pps, Sps};
use crate::picture::Mv;
use crate::slice::{SliceHeader, SliceType};

/// Number of `I_PCM`, counted from the number of `I_NxN`.
const PCM: TypeNumber = 25;

/// Writes slices in CABAC.
#[derive(Clone, Debug)]
pub(crate) struct CabacWriter {
    encoder: CabacEncoder,
    contexts: Contexts,
    /// The slice header; the finished slice.
    bits: BitWriter,
}

/// A position of the encoder with the contexts there.
#[derive(Clone, Debug)]
pub(crate) struct CabacState(CabacMark, Contexts);

impl Default for CabacState {
    fn default() -> Self {
        Self(CabacMark::default(), Contexts::new(None, 0))
    }
}

impl Default for CabacWriter {
    fn default() -> Self {
        Self {
            encoder: CabacEncoder::default(),
            contexts: Contexts::new(None, 0),
            bits: BitWriter::default(),
        }
    }
}

impl CabacWriter {
    /// Returns the contexts after what is written so far.
    pub(crate) fn contexts(&self) -> &Contexts {
        &self.contexts
    }

    #[inline]
    fn bin(&mut self, context: usize, bin: bool) {
        self.encoder.bin(&mut self.contexts, context, bin);
    }

    /// Encodes bit `at` of `value`.
    #[inline]
    fn bit(&mut self, context: usize, value: u8, at: u32) {
        self.bin(context, value >> at & 1 == 1);
    }

    /// The type of an intra macroblock after its first bin: `I_PCM`, or `I_16x16` with contexts for
    /// the luma pattern, whether there is chroma, whether it has AC coefficients, and the mode.
    fn intra_type(
        &mut self,
        number: TypeNumber,
        [luma, chroma, chroma_ac, mode_0, mode_1]: [usize; 5],
    ) {
        if number == PCM {
            *self.bits.bytes_mut() = self.encoder.terminate();
            return;
        }
        self.encoder.proceed();
        let number = number.saturating_sub(1);
        self.bin(luma, number >= 12);
        let chroma_pattern = number % 12 / 4;
        self.bin(chroma, chroma_pattern > 0);
        if chroma_pattern > 0 {
            self.bin(chroma_ac, chroma_pattern > 1);
        }
        self.bit(mode_0, number, 1);
        self.bit(mode_1, number, 0);
    }

    /// An intra type in P and B slices; `base` is its first context.
    fn inter_slice_intra(&mut self, number: TypeNumber, base: usize) {
        self.bin(base, number > 0);
        if number > 0 {
            self.intra_type(number, [base + 1, base + 2, base + 2, base + 3, base + 3]);
        }
    }

    fn p_type(&mut self, number: TypeNumber) {
        let intra = number.checked_sub(first_intra(SliceType::P));
        self.bin(14, intra.is_some());
        if let Some(number) = intra {
            return self.inter_slice_intra(number, 17);
        }
        // 0: 16x16, 1: 16x8, 2: 8x16, 3: 8x8.
        let is_halved = matches!(number, 1 | 2);
        self.bin(15, is_halved);
        self.bin(if is_halved { 17 } else { 16 }, matches!(number, 1 | 3));
    }

    fn b_type(&mut self, number: TypeNumber, increment: usize) {
        self.bin(27 + increment, number != 0);
        if number == 0 {
            return;
        }
        self.bin(30, number > 2);
        if number <= 2 {
            return self.bin(32, number == 2);
        }
        // Four bins, and a fifth one for some types.
        let (bits, fifth) = match number {
            3..=10 => (number - 3, None),
            11 => (14, None),
            22 => (15, None),
            23.. => (13, None),
            _ => ((number + 4) >> 1, Some((number + 4) & 1)),
        };
        self.bit(31, bits, 3);
        (0..3).rev().for_each(|at| self.bit(32, bits, at));
        if let Some(bit) = fifth {
            self.bit(32, bit, 0);
        }
        if number >= first_intra(SliceType::B) {
            self.inter_slice_intra(number - first_intra(SliceType::B), 32);
        }
    }

    fn b_sub_type(&mut self, number: TypeNumber) {
        self.bin(36, number > 0);
        if number == 0 {
            return;
        }
        self.bin(37, number > 2);
        if number <= 2 {
            return self.bin(39, number == 2);
        }
        self.bin(38, number > 6);
        if number > 6 {
            self.bin(39, number > 10);
            if number > 10 {
                return self.bin(39, number == 12);
            }
        }
        let rest = (number - 3) & 3;
        self.bit(39, rest, 1);
        self.bit(39, rest, 0);
    }

    /// One component of `mvd`; `sum` is the sum of the neighbours' absolute differences.
    #[inline]
    fn mvd_component(&mut self, base: usize, value: i16, sum: u32) {
        let magnitude = u32::from(value.unsigned_abs());
        let is_negative = value < 0;
        self.bin(base + usize::from(sum > 2) + usize::from(sum > 32), magnitude > 0);
        if magnitude == 0 {
            return;
        }
        let mut context = base + 3;
        for _ in 1..magnitude.min(9) {
            self.bin(context, true);
            context = (context + 1).min(base + 6);
        }
        if magnitude < 9 {
            self.bin(context, false);
            self.encoder.bypass(1, is_negative.into());
        } else {
            self.encoder.exp_golomb(3, magnitude - 9, is_negative);
        }
    }
}

impl EntropyWriter for CabacWriter {
    const CABAC: bool = true;

    type Mark = CabacState;

    fn begin(&mut self, header: &SliceHeader, sps: &Sps, pps: &Pps) {
        self.bits.clear();
        header.write(sps, pps, &mut self.bits);
        // cabac_alignment_one_bit
        self.bits.align(true);
        self.encoder.begin(std::mem::take(self.bits.bytes_mut()));
        let init_idc = (header.slice_type != SliceType::I).then_some(header.cabac_init_idc);
        self.contexts = Contexts::new(init_idc, header.qp);
    }

    #[inline]
    fn proceed(&mut self) {
        self.encoder.proceed();
    }

    #[inline]
    fn skip_flag(&mut self, is_skipped: bool, slice_type: SliceType, increment: usize) {
        let base = if slice_type == SliceType::B { 24 } else { 11 };
        self.bin(base + increment, is_skipped);
    }

    fn mb_type(&mut self, number: TypeNumber, slice_type: SliceType, increment: usize) {
        match slice_type {
            SliceType::I => {
                self.bin(3 + increment, number > 0);
                if number > 0 {
                    self.intra_type(number, [6, 7, 8, 9, 10]);
                }
            }
            SliceType::P => self.p_type(number),
            SliceType::B => self.b_type(number, increment),
        }
    }

    fn sub_mb_type(&mut self, number: TypeNumber, slice_type: SliceType) {
        if slice_type == SliceType::B {
            return self.b_sub_type(number);
        }
        self.bin(21, number == 0);
        if number > 0 {
            self.bin(22, number > 1);
            if number > 1 {
                self.bin(23, number == 2);
            }
        }
    }

    fn transform_8x8(&mut self, value: bool, increment: usize) {
        self.bin(399 + increment, value);
    }

    fn intra_mode(&mut self, rest: Option<u8>) {
        self.bin(68, rest.is_none());
        if let Some(rest) = rest {
            (0..3).for_each(|at| self.bit(69, rest, at));
        }
    }

    fn chroma_mode(&mut self, mode: u8, increment: usize) {
        self.bin(64 + increment, mode > 0);
        if mode > 0 {
            self.bin(67, mode > 1);
            if mode > 1 {
                self.bin(67, mode > 2);
            }
        }
    }

    fn ref_index(&mut self, index: u8, _count: u8, increment: usize) {
        self.bin(54 + increment, index > 0);
        let mut context = 58;
        for n in 1..=index {
            self.bin(context, index > n);
            context = 59;
        }
    }

    #[inline]
    fn mvd(&mut self, mvd: Mv, sums: [u32; 2]) {
        self.mvd_component(40, mvd.x, sums[0]);
        self.mvd_component(47, mvd.y, sums[1]);
    }

    fn coded_block_pattern(&mut self, cbp: u8, _is_intra: bool, near: CbpContext) {
        let clear = |bits: u8, index: usize| usize::from(bits >> index & 1 == 0);
        let (left, top) = (near.left_luma, near.top_luma);
        self.bit(73 + clear(left, 0) + 2 * clear(top, 0), cbp, 0);
        self.bit(73 + clear(cbp, 0) + 2 * clear(top, 1), cbp, 1);
        self.bit(73 + clear(left, 1) + 2 * clear(cbp, 0), cbp, 2);
        self.bit(73 + clear(cbp, 2) + 2 * clear(cbp, 1), cbp, 3);
        let (left, top, chroma) = (near.left_chroma, near.top_chroma, cbp >> 4);
        self.bin(77 + usize::from(left != 0) + 2 * usize::from(top != 0), chroma > 0);
        if chroma > 0 {
            self.bin(81 + usize::from(left == 2) + 2 * usize::from(top == 2), chroma > 1);
        }
    }

    fn qp_delta(&mut self, delta: i32, follows_delta: bool) {
        let code = se_code(delta);
        self.bin(60 + usize::from(follows_delta), code > 0);
        let mut context = 62;
        for n in 1..=code {
            self.bin(context, code > n);
            context = 63;
        }
    }

    #[inline]
    fn block(&mut self, category: BlockCategory, beside: [u8; 2], levels: Option<&[i16]>) -> u8 {
        if category != BlockCategory::Luma8x8 {
            let increment = usize::from(beside[0] != 0) + 2 * usize::from(beside[1] != 0);
            self.bin(category.coded_block_flag() + increment, levels.is_some());
        }
        let Some(levels) = levels else { return 0 };
        write_residual_block(&mut self.encoder, &mut self.contexts, category, levels);
        1
    }

    fn pcm(&mut self, samples: &[i16]) {
        // The type ended the arithmetic code.
        let mut bytes = std::mem::take(self.bits.bytes_mut());
        bytes.extend(samples.iter().map(|sample| sample.to_le_bytes()[0]));
        self.encoder.begin(bytes);
    }

    fn finish(&mut self) -> &[u8] {
        *self.bits.bytes_mut() = self.encoder.terminate();
        self.bits.bytes()
    }

    fn stored(&self) -> &[u8] {
        self.encoder.stored()
    }

    fn max_bytes(&self) -> usize {
        // The last bin and the flush take at most nine bits more.
        (self.encoder.bits() + 9).div_ceil(8)
    }

    fn save(&self, mark: &mut Self::Mark) {
        mark.0 = self.encoder.mark();
        mark.1.clone_from(&self.contexts);
    }

    fn rewind(&mut self, mark: &Self::Mark) {
        self.encoder.rewind(mark.0);
        self.contexts.clone_from(&mark.1);
    }
}
