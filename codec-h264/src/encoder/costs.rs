//! Costs of syntax elements for mode decisions, in 1/256 bit: exact for CAVLC; for CABAC, mean
//! costs that were measured in sample streams.

use codec_core::motion::MvCost;

use super::write::{CBP_CODES, inter_mb_type, sub_mb_type};
use crate::bits::{se_code, ue_bits};
use crate::decoder::entropy::first_intra;
use crate::decoder::inter_types::Lists;
use crate::macroblock::{Shape, SubShape};
use crate::slice::SliceType;

/// Converts tenths of a bit to 1/256 bit.
const fn tenths<const N: usize>(values: [u8; N]) -> [u16; N] {
    let mut costs = [0; N];
    let mut n = 0;
    while n < N {
        costs[n] = (values[n] as u16 * 256 + 5) / 10;
        n += 1;
    }
    costs
}

/// Mean costs in CABAC: streams of x264 (superfast and medium, quantisers 24 to 36, film and
/// animation at 352x288 and 640x360).
#[derive(Debug)]
struct Means {
    /// `mb_skip_flag` of coded and of skipped macroblocks.
    skip: [u16; 2],
    /// Inter types by number.
    inter: [u16; 23],
    sub: [u16; 13],
    /// `I_NxN`; `Intra_16x16` without chroma and with it.
    intra: [u16; 3],
    /// AC levels of `Intra_16x16`.
    luma_ac: u16,
}

static MEANS_I: Means =
    Means { skip: [0; 2], inter: [0; 23], sub: [0; 13], intra: tenths([2, 35, 40]), luma_ac: 590 };
static MEANS_P: Means = Means {
    skip: tenths([5, 10]),
    inter: tenths([6, 31, 37, 19, 19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    sub: tenths([3, 32, 35, 35, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    intra: tenths([43, 57, 60]),
    luma_ac: 700,
};
static MEANS_B: Means = Means {
    skip: tenths([8, 7]),
    inter: tenths([
        46, 15, 14, 58, 61, 63, 56, 63, 60, 60, 54, 60, 65, 68, 66, 66, 64, 68, 64, 62, 61, 64, 46,
    ]),
    sub: tenths([18, 16, 22, 38, 54, 54, 54, 54, 60, 60, 64, 64, 64]),
    intra: tenths([71, 80, 84]),
    luma_ac: 700,
};

/// A component of `mvd` by its absolute value to 8, then by octaves of the Exp-Golomb code.
static MVD: [u16; 9] = tenths([9, 30, 47, 57, 64, 68, 71, 74, 77]);
static MVD_OCTAVES: [u16; 12] = tenths([86, 104, 121, 142, 160, 180, 200, 220, 240, 250, 250, 250]);
/// `ref_idx` 0 and 1; each further index costs a bit more.
static REF: [u16; 2] = tenths([3, 17]);
/// `intra_chroma_pred_mode`.
static CHROMA_MODE: [u16; 4] = tenths([11, 15, 31, 35]);
/// The predicted mode, and another.
static MODE: [u16; 2] = tenths([10, 39]);
/// The luma part of `coded_block_pattern` in inter macroblocks, and what chroma adds.
static CBP_INTER: [u16; 16] =
    tenths([15, 44, 43, 41, 43, 46, 67, 48, 44, 65, 51, 48, 41, 47, 49, 19]);
static CBP_CHROMA: [u16; 3] = tenths([0, 28, 32]);
/// The luma part of `coded_block_pattern` in intra macroblocks: no blocks, some, and all.
static CBP_INTRA: [u16; 3] = tenths([45, 57, 15]);

/// Costs of the syntax elements of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SyntaxCosts {
    is_cabac: bool,
    slice_type: SliceType,
    means: &'static Means,
}

/// Bits of an unsigned Exp-Golomb code.
const fn ue(value: u32) -> u32 {
    256 * ue_bits(value)
}

impl SyntaxCosts {
    pub(crate) fn new(is_cabac: bool, slice_type: SliceType) -> Self {
        let means = match slice_type {
            SliceType::I => &MEANS_I,
            SliceType::P => &MEANS_P,
            SliceType::B => &MEANS_B,
        };
        Self { is_cabac, slice_type, means }
    }

    /// Whether the macroblock is skipped. In CAVLC a run of skipped macroblocks costs about a bit per
    /// doubling.
    #[inline]
    pub(crate) fn skip_flag(&self, is_skipped: bool) -> u32 {
        match (self.is_cabac, is_skipped) {
            (true, _) => self.means.skip[usize::from(is_skipped)].into(),
            (false, true) => 128,
            (false, false) => 256,
        }
    }

    /// `mb_type` and `sub_mb_type` of an inter macroblock; `lists` are the lists of its 8x8 blocks. Blocks
    /// without lists are direct.
    pub(crate) fn inter_type(&self, shape: Shape, lists: [Lists; 4]) -> u32 {
        let is_b = self.slice_type == SliceType::B;
        let number = inter_mb_type(shape, [lists[0], lists[3]], is_b);
        let subs = match shape {
            Shape::Quarters(shapes) => (0..4).map(|n| self.sub_type(shapes[n], lists[n])).sum(),
            _ => 0,
        };
        subs + if self.is_cabac {
            u32::from(self.means.inter[usize::from(number).min(22)])
        } else {
            ue(number.into())
        }
    }

    /// `sub_mb_type` of an 8x8 block of a macroblock in quarters.
    pub(crate) fn sub_type(&self, shape: SubShape, lists: Lists) -> u32 {
        let number = sub_mb_type(shape, lists, self.slice_type == SliceType::B);
        if self.is_cabac {
            self.means.sub[usize::from(number).min(12)].into()
        } else {
            ue(number.into())
        }
    }

    /// `mb_type` of `I_NxN`.
    pub(crate) fn intra_nxn_type(&self) -> u32 {
        if self.is_cabac {
            self.means.intra[0].into()
        } else {
            ue(first_intra(self.slice_type).into())
        }
    }

    /// `mb_type` of `Intra_16x16` with the pattern `cbp`.
    pub(crate) fn intra_16x16_type(&self, mode: u8, cbp: u8) -> u32 {
        let (has_luma, chroma) = (cbp & 15 != 0, cbp >> 4);
        if !self.is_cabac {
            let number = 1 + (mode & 3) + 4 * chroma + if has_luma { 12 } else { 0 };
            return ue((first_intra(self.slice_type) + number).into());
        }
        let ac = if has_luma { self.means.luma_ac } else { 0 };
        u32::from(self.means.intra[if chroma > 0 { 2 } else { 1 }] + ac)
    }

    /// A mode of `I_NxN`: the predicted one, or the remaining mode.
    #[inline]
    pub(crate) fn intra_mode(&self, rest: Option<u8>) -> u32 {
        match (self.is_cabac, rest) {
            (true, _) => MODE[usize::from(rest.is_some())].into(),
            (false, None) => 256,
            (false, Some(_)) => 4 * 256,
        }
    }

    /// `intra_chroma_pred_mode`.
    #[inline]
    pub(crate) fn chroma_mode(&self, mode: u8) -> u32 {
        if self.is_cabac { CHROMA_MODE[usize::from(mode & 3)].into() } else { ue(mode.into()) }
    }

    /// `ref_idx` below `count`.
    #[inline]
    pub(crate) fn ref_index(&self, index: u8, count: u8) -> u32 {
        let index = u32::from(index);
        match (self.is_cabac, count) {
            (_, 0 | 1) => 0,
            (true, _) => u32::from(REF[index.min(1) as usize]) + 256 * index.saturating_sub(1),
            (false, 2) => 256,
            (false, _) => ue(index),
        }
    }

    /// A component of `mvd`.
    pub(crate) fn mvd(&self, value: i16) -> u32 {
        if !self.is_cabac {
            return ue(se_code(value.into()));
        }
        let magnitude = value.unsigned_abs();
        match MVD.get(usize::from(magnitude)) {
            Some(cost) => (*cost).into(),
            None => MVD_OCTAVES[(magnitude - 1).ilog2().saturating_sub(3).min(11) as usize].into(),
        }
    }

    /// Fills the costs of vectors, for the motion search.
    pub(crate) fn fill_mv_cost(&self, table: &mut MvCost) {
        table.fill(|difference| (self.mvd(difference), self.mvd(difference)));
    }

    /// `coded_block_pattern`.
    #[inline]
    pub(crate) fn coded_block_pattern(&self, cbp: u8, is_intra: bool) -> u32 {
        let cbp = cbp.min(47);
        if !self.is_cabac {
            return ue(CBP_CODES[usize::from(is_intra)][usize::from(cbp)].into());
        }
        let luma = match (is_intra, cbp & 15) {
            (false, luma) => CBP_INTER[usize::from(luma)],
            (true, 0) => CBP_INTRA[0],
            (true, 15) => CBP_INTRA[2],
            (true, _) => CBP_INTRA[1],
        };
        // Chroma is not rare in intra macroblocks.
        let chroma = if is_intra { 128 } else { CBP_CHROMA[usize::from(cbp >> 4)] };
        u32::from(luma + chroma)
    }

    /// `mb_qp_delta`.
    #[inline]
    pub(crate) fn qp_delta(&self, delta: i8) -> u32 {
        let code = se_code(delta.into());
        match (self.is_cabac, code) {
            (true, 0) => 13,
            (true, _) => 512 + 256 * code,
            (false, _) => ue(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use codec_core::motion::QuarterPel;

    use super::*;
    use crate::decoder::entropy::CbpContext;
    use crate::encoder::write::{CavlcWriter, EntropyWriter};
    use crate::picture::Mv;

    /// Bits that `write` writes in CAVLC.
    fn written(write: impl FnOnce(&mut CavlcWriter)) -> u32 {
        let mut writer = CavlcWriter::default();
        let before = writer.written_bits();
        write(&mut writer);
        u32::try_from(writer.written_bits() - before).unwrap()
    }

    #[test]
    fn costs_in_cavlc_are_those_of_the_writer() {
        let costs = SyntaxCosts::new(false, SliceType::P);
        let check = |cost: u32, bits: u32| assert_eq!(cost, 256 * bits);
        for value in [0_i16, 1, -1, 2, 7, -8, 100, -1023, 5000] {
            let mv = Mv { x: value, y: -value };
            check(costs.mvd(value) + costs.mvd(-value), written(|w| w.mvd(mv, [0; 2])));
        }
        for mode in 0..4 {
            check(costs.chroma_mode(mode), written(|w| w.chroma_mode(mode, 0)));
        }
        for rest in [None, Some(3)] {
            check(costs.intra_mode(rest), written(|w| w.intra_mode(rest)));
        }
        for (cbp, is_intra) in (0..48).flat_map(|cbp| [(cbp, false), (cbp, true)]) {
            let write =
                |w: &mut CavlcWriter| w.coded_block_pattern(cbp, is_intra, CbpContext::NONE);
            check(costs.coded_block_pattern(cbp, is_intra), written(write));
        }
        for (index, count) in [(0, 2), (1, 2), (0, 3), (2, 3), (7, 16)] {
            check(costs.ref_index(index, count), written(|w| w.ref_index(index, count, 0)));
        }
        for delta in -5..5_i8 {
            check(costs.qp_delta(delta), written(|w| w.qp_delta(delta.into(), false)));
        }
        check(costs.intra_nxn_type(), written(|w| w.mb_type(5, SliceType::P, 0)));
        check(costs.intra_16x16_type(2, 0x2f), written(|w| w.mb_type(5 + 23, SliceType::P, 0)));
        let shapes = [SubShape::Whole, SubShape::Rows, SubShape::Columns, SubShape::Quarters];
        check(costs.inter_type(Shape::Quarters(shapes), [1; 4]), 5 + 1 + 3 + 3 + 5);
        check(costs.inter_type(Shape::Columns, [1; 4]), 3);
        let costs = SyntaxCosts::new(false, SliceType::B);
        check(
            costs.inter_type(Shape::Rows, [1, 1, 3, 3]),
            written(|w| {
                w.mb_type(12, SliceType::B, 0);
            }),
        );
    }

    #[test]
    fn frequent_elements_cost_less_in_cabac() {
        for slice_type in [SliceType::P, SliceType::B] {
            let costs = SyntaxCosts::new(true, slice_type);
            let mvds: Vec<u32> = (0..2000).map(|value| costs.mvd(value)).collect();
            assert!(mvds.is_sorted(), "{mvds:?}");
            assert_eq!(costs.mvd(-5), mvds[5]);
            assert!(costs.mvd(i16::MIN) > mvds[1000]);
            assert!(costs.intra_mode(None) < costs.intra_mode(Some(1)));
            assert!(costs.ref_index(0, 2) < costs.ref_index(1, 2));
            assert!(costs.inter_type(Shape::Whole, [1; 4]) < costs.intra_nxn_type());
            assert!(costs.qp_delta(0) < costs.qp_delta(1));
            assert_eq!(costs.ref_index(0, 1), 0);
            assert!(costs.skip_flag(true) < costs.intra_nxn_type());
            let mut table = MvCost::default();
            costs.fill_mv_cost(&mut table);
            let bits = table.bits_q8(QuarterPel::new(3, -9), QuarterPel::new(1, 0));
            assert_eq!(bits, mvds[2] + mvds[9]);
        }
    }
}
