//! Reads the syntax elements of macroblocks that are coded with CABAC. ITU-T H.264, clauses 9.3.2
//! and 9.3.3.1.

use super::entropy::{Beside, Block, CbpContext, Entropy, TypeNumber, first_intra};
use crate::cabac::{BlockCategory, CabacDecoder, Contexts, exp_golomb, residual_block};
use crate::macroblock::MbClass;
use crate::slice::SliceType;

/// Type number of `I_PCM`, counted from the number of `I_NxN`.
const PCM: TypeNumber = 25;

/// Reads macroblocks in CABAC.
pub(crate) struct Cabac<'a> {
    decoder: CabacDecoder<'a>,
    contexts: Contexts,
}

impl<'a> Cabac<'a> {
    /// Creates a reader of the slice data in `data` from the byte `at` on.
    pub(crate) fn new(data: &'a [u8], at: usize, contexts: Contexts) -> Self {
        Self { decoder: CabacDecoder::new(data, at), contexts }
    }

    #[inline]
    fn bin(&mut self, context: usize) -> bool {
        self.decoder.bin(&mut self.contexts, context)
    }

    #[inline]
    fn bit(&mut self, context: usize) -> u8 {
        u8::from(self.bin(context))
    }

    /// Reads the type of an intra macroblock after its first bin: `I_PCM`, or `I_16x16`. The
    /// contexts are for the luma pattern, whether there is chroma, whether it has AC coefficients,
    /// and the mode.
    fn intra_type(&mut self, [luma, chroma, chroma_ac, mode_0, mode_1]: [usize; 5]) -> TypeNumber {
        if self.decoder.terminate() {
            return PCM;
        }
        let mut number = 1 + 12 * self.bit(luma);
        if self.bin(chroma) {
            number += 4 + 4 * self.bit(chroma_ac);
        }
        number += 2 * self.bit(mode_0);
        number + self.bit(mode_1)
    }

    /// Reads an intra type in P and B slices; `base` is its first context.
    fn inter_slice_intra(&mut self, base: usize) -> TypeNumber {
        if !self.bin(base) {
            return 0;
        }
        self.intra_type([base + 1, base + 2, base + 2, base + 3, base + 3])
    }

    fn p_type(&mut self) -> TypeNumber {
        if self.bin(14) {
            return first_intra(SliceType::P) + self.inter_slice_intra(17);
        }
        if self.bin(15) {
            return 2 - self.bit(17);
        }
        3 * self.bit(16)
    }

    fn b_type(&mut self, beside: Beside<'_>) -> TypeNumber {
        let coded = beside.count(|mb| !matches!(mb.class, MbClass::Skip | MbClass::Direct));
        if !self.bin(27 + coded) {
            return 0;
        }
        if !self.bin(30) {
            return 1 + self.bit(32);
        }
        let bits = self.bit(31) << 3 | self.bit(32) << 2 | self.bit(32) << 1 | self.bit(32);
        match bits {
            0..=7 => bits + 3,
            13 => first_intra(SliceType::B) + self.inter_slice_intra(32),
            14 => 11,
            15 => 22,
            _ => (bits << 1 | self.bit(32)) - 4,
        }
    }

    /// Reads one component of `mvd`; `sum` is the sum of the neighbours' absolute differences.
    #[inline]
    fn mvd_component(&mut self, base: usize, sum: u32) -> i32 {
        let first = base + usize::from(sum > 2) + usize::from(sum > 32);
        if !self.bin(first) {
            return 0;
        }
        let mut magnitude = 1;
        let mut context = base + 3;
        while magnitude < 9 && self.bin(context) {
            magnitude += 1;
            context = (context + 1).min(base + 6);
        }
        if magnitude == 9 {
            magnitude += exp_golomb(&mut self.decoder, 3);
        }
        let sign = -i32::from(self.decoder.bypass());
        (magnitude ^ sign) - sign
    }
}

impl Entropy for Cabac<'_> {
    const CABAC: bool = true;

    #[inline]
    fn skip_flag(&mut self, beside: Beside<'_>, slice_type: SliceType) -> bool {
        let base = if slice_type == SliceType::B { 24 } else { 11 };
        self.bin(base + beside.count(|mb| mb.class != MbClass::Skip))
    }

    fn field_flag(&mut self, field_pairs: usize) -> bool {
        self.bin(70 + field_pairs)
    }

    fn mb_type(&mut self, beside: Beside<'_>, slice_type: SliceType) -> TypeNumber {
        match slice_type {
            SliceType::I => {
                let others = beside.count(|mb| mb.class != MbClass::IntraNxN);
                if !self.bin(3 + others) {
                    return 0;
                }
                self.intra_type([6, 7, 8, 9, 10])
            }
            SliceType::P => self.p_type(),
            SliceType::B => self.b_type(beside),
        }
    }

    fn sub_mb_type(&mut self, slice_type: SliceType) -> TypeNumber {
        if slice_type == SliceType::P {
            if self.bin(21) {
                return 0;
            }
            if !self.bin(22) {
                return 1;
            }
            return if self.bin(23) { 2 } else { 3 };
        }
        if !self.bin(36) {
            return 0;
        }
        if !self.bin(37) {
            return 1 + self.bit(39);
        }
        let mut number = 3;
        if self.bin(38) {
            if self.bin(39) {
                return 11 + self.bit(39);
            }
            number = 7;
        }
        number += 2 * self.bit(39);
        number + self.bit(39)
    }

    fn transform_8x8(&mut self, beside: Beside<'_>) -> bool {
        self.bin(399 + beside.count(|mb| mb.transform_8x8))
    }

    fn intra_mode(&mut self) -> Option<u8> {
        if self.bin(68) {
            return None;
        }
        Some(self.bit(69) | self.bit(69) << 1 | self.bit(69) << 2)
    }

    fn chroma_mode(&mut self, beside: Beside<'_>) -> u8 {
        let others = beside
            .count(|mb| mb.class.is_intra() && mb.class != MbClass::Pcm && mb.chroma_mode != 0);
        if !self.bin(64 + others) {
            return 0;
        }
        if !self.bin(67) {
            return 1;
        }
        2 + self.bit(67)
    }

    fn ref_index(&mut self, _count: u8, increment: usize) -> u32 {
        if !self.bin(54 + increment) {
            return 0;
        }
        if !self.bin(58) {
            return 1;
        }
        let mut index = 2;
        while index < 32 && self.bin(59) {
            index += 1;
        }
        index
    }

    #[inline]
    fn mvd(&mut self, sums: [u32; 2]) -> [i32; 2] {
        let x = self.mvd_component(40, sums[0]);
        [x, self.mvd_component(47, sums[1])]
    }

    fn coded_block_pattern(&mut self, _is_intra: bool, has_chroma: bool, near: CbpContext) -> u8 {
        let clear = |bits: u8, index: usize| usize::from(bits >> index & 1 == 0);
        let (left, top) = (near.left_luma, near.top_luma);
        let mut cbp = self.bit(73 + clear(left, 0) + 2 * clear(top, 0));
        cbp |= self.bit(73 + clear(cbp, 0) + 2 * clear(top, 1)) << 1;
        cbp |= self.bit(73 + clear(left, 1) + 2 * clear(cbp, 0)) << 2;
        cbp |= self.bit(73 + clear(cbp, 2) + 2 * clear(cbp, 1)) << 3;
        if !has_chroma {
            return cbp;
        }
        let (left, top) = (near.left_chroma, near.top_chroma);
        if !self.bin(77 + usize::from(left != 0) + 2 * usize::from(top != 0)) {
            return cbp;
        }
        let ac = self.bit(81 + usize::from(left == 2) + 2 * usize::from(top == 2));
        cbp | (1 + ac) << 4
    }

    fn qp_delta(&mut self, follows_delta: bool) -> i32 {
        if !self.bin(60 + usize::from(follows_delta)) {
            return 0;
        }
        let mut code = 1;
        let mut context = 62;
        // Valid codes are at most 52.
        while code < 64 && self.bin(context) {
            context = 63;
            code += 1;
        }
        if code & 1 == 1 { (code + 1) / 2 } else { -(code / 2) }
    }

    #[inline]
    fn block(&mut self, block: Block<'_>, out: &mut [i16]) -> u8 {
        let Block { category, context, scan, dequant } = block;
        if category != BlockCategory::Luma8x8 {
            let missing = |count: u8| match count {
                64.. => context.is_intra,
                count => count != 0,
            };
            let increment =
                usize::from(missing(context.left)) + 2 * usize::from(missing(context.top));
            if !self.bin(category.coded_block_flag() + increment) {
                return 0;
            }
        }
        let (decoder, contexts) = (&mut self.decoder, &mut self.contexts);
        residual_block(decoder, contexts, category, context.is_field, scan, dequant, out)
    }

    fn pcm(&mut self, count: usize) -> Option<&[u8]> {
        self.decoder.raw_bytes(count)
    }

    fn is_end(&mut self) -> bool {
        self.decoder.terminate()
    }

    fn is_damaged(&self) -> bool {
        self.decoder.is_overrun()
    }

    fn position_bytes(&self) -> usize {
        self.decoder.position_bits() / 8
    }

    fn position_q8(&self) -> u64 {
        self.decoder.position_q8()
    }
}
