//! The residual of a macroblock: transform, quantisation, reconstruction. ITU-T H.264, clause 8.5.

use codec_simd::{Block16, BlockUv, H264Quantised, H264Quantiser, Kernels};

use super::coded_mb::coded;
use super::level_score::{MIN_CHROMA_SCORE, MIN_MB_SCORE, MIN_QUARTER_SCORE, score_8x8, score_of};
use super::optimise::{BitPrice, Block};
use super::quantisers::ClassQuantisers;
use super::residual_bits::{BlockCosts, BlockKind, ResidualBits};
use super::residual_dc::{code_chroma_dc, code_luma_dc, dc_sse, is_zero_chroma_dc, positions_of};
use super::transform_choice::{Rounded, Rounded4x4, Rounded8x8};
use crate::transform::Scans;

/// Error and bits of a residual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Price {
    /// Squared error, in squared levels of pixels.
    pub sse: u32,
    /// Bits in 1/256 bit.
    pub bits: u32,
}

/// Levels and dequantised coefficients of a macroblock. Blocks are in decoding order; the four of an
/// 8x8 block are one block with the 8x8 transform.
#[derive(Clone, Debug, Default)]
pub(super) struct Residual {
    pub transform_8x8: bool,
    /// As [`super::coded_mb::CodedMb::coded`].
    pub coded: u32,
    /// Luma levels in scan order.
    luma: [[i16; 16]; 16],
    /// Dequantised luma coefficients in columns.
    scaled: [[i16; 16]; 16],
    luma_dc: [i16; 16],
    chroma: [[i16; 16]; 8],
    chroma_scaled: [[i16; 16]; 8],
    chroma_dc: [[i16; 4]; 2],
    /// Coefficients before quantisation, in columns.
    coeffs: [[i16; 16]; 16],
    /// Luma blocks to add, which have coefficients or a DC.
    add_luma: u32,
    add_chroma: u32,
}

/// Bits of [`Residual::coded`] that are luma.
const LUMA: u32 = 0xffff | 1 << coded::LUMA_DC;

impl Residual {
    /// Removes the luma residual.
    pub(super) fn clear_luma(&mut self) {
        self.coded &= !LUMA;
        self.add_luma = 0;
        self.transform_8x8 = false;
    }

    /// Takes the luma residual of `other`, which may get this one's.
    pub(super) fn take_luma(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.luma, &mut other.luma);
        std::mem::swap(&mut self.scaled, &mut other.scaled);
        self.coded = self.coded & !LUMA | other.coded & LUMA;
        self.add_luma = other.add_luma;
        self.transform_8x8 = other.transform_8x8;
    }

    /// Removes the chroma residual.
    pub(super) fn clear_chroma(&mut self) {
        self.coded &= LUMA;
        self.add_chroma = 0;
    }

    /// Returns whether chroma has levels.
    pub(super) fn has_chroma(&self) -> bool {
        self.coded & !LUMA != 0
    }

    /// Returns `coded_block_pattern`; the pattern of `Intra_16x16` has no or all luma blocks.
    pub(super) fn cbp(&self, is_intra_16x16: bool) -> u8 {
        let chroma = if self.coded >> coded::CHROMA & 0xff != 0 {
            2
        } else {
            u8::from(self.coded >> coded::CHROMA_DC != 0)
        };
        self.luma_cbp(is_intra_16x16) | chroma << 4
    }

    /// Returns [`Self::cbp`] without chroma, which may still belong to another macroblock.
    pub(super) fn luma_cbp(&self, is_intra_16x16: bool) -> u8 {
        let luma = self.coded & 0xffff;
        let quarter = |n: u32| u8::from(luma >> (4 * n) & 15 != 0) << n;
        match is_intra_16x16 {
            true => 15 * u8::from(luma != 0),
            false => quarter(0) | quarter(1) | quarter(2) | quarter(3),
        }
    }

    /// Codes luma of an inter macroblock with 4x4 transforms. Isolated small levels are omitted.
    pub(super) fn code_inter_4x4(
        &mut self,
        kernels: &Kernels,
        pair: Pair<'_>,
        set: &ClassQuantisers,
        bits: &ResidualBits,
        quarter_sse: &[u32; 4],
    ) -> Price {
        let rounded = self.round_inter_4x4(kernels, pair, set);
        self.finish_inter_4x4(kernels, pair, set, bits, quarter_sse, rounded)
    }

    /// Transforms luma of an inter macroblock with 4x4 transforms, and rounds the levels.
    pub(super) fn round_inter_4x4(
        &mut self,
        kernels: &Kernels,
        (cur, pred): Pair<'_>,
        set: &ClassQuantisers,
    ) -> Rounded4x4 {
        let (mut positions, mut dcs) = ([0; 16], [0; 16]);
        let result = kernels.h264_transform_quantise_luma(
            cur,
            pred,
            &set.luma_4x4,
            &mut self.luma,
            &mut self.scaled,
            &mut positions,
            &mut dcs,
        );
        Rounded { positions, result }
    }

    /// Chooses and prices the levels of [`Self::round_inter_4x4`].
    pub(super) fn finish_inter_4x4(
        &mut self,
        kernels: &Kernels,
        (cur, pred): Pair<'_>,
        set: &ClassQuantisers,
        bits: &ResidualBits,
        quarter_sse: &[u32; 4],
        rounded: Rounded4x4,
    ) -> Price {
        let Rounded { mut positions, mut result } = rounded;
        let (levels, scaled) = (&mut self.luma, &mut self.scaled);
        let quantiser = &set.luma_4x4;
        let mut codings = [Coding::default(); 4];
        let costs = bits.of(BlockKind::Inter4x4);
        let mut block_bits = [0; 16];
        if let Some(prices) = set.prices
            && result.coded != 0
        {
            kernels.h264_fdct_luma(cur, pred, &mut self.coeffs);
            let blocks = (&self.coeffs[..], &mut levels[..], &mut scaled[..]);
            let kind = (quantiser, costs);
            optimise_4x4(
                prices.luma,
                set,
                kind,
                blocks,
                (&mut positions, &mut block_bits),
                &mut result,
            );
        } else {
            for (n, &positions) in positions.iter().enumerate() {
                codings[n / 4].score += score_of(result.large >> n & 1 == 1, positions);
            }
            block_bits = bits_of(costs, levels, &positions);
        }
        for (quarter, coding) in codings.iter_mut().enumerate() {
            if result.coded >> (4 * quarter) & 15 == 0 {
                continue;
            }
            let bits = block_bits[4 * quarter..4 * quarter + 4].iter().sum();
            coding.price = Some(Price { sse: result.sse[quarter] >> 4, bits });
        }
        let (quarters, price) = keep_quarters(set, &codings, quarter_sse);
        let kept = result.coded & (quarters * 15);
        self.set_luma(kept, false);
        price
    }

    /// As [`Self::round_inter_4x4`], with 8x8 transforms.
    pub(super) fn round_inter_8x8(
        &mut self,
        kernels: &Kernels,
        (cur, pred): Pair<'_>,
        set: &ClassQuantisers,
    ) -> Rounded8x8 {
        let mut rounded = Rounded8x8::default();
        if let (Some(levels), Some(scaled)) =
            (blocks_8x8(&mut self.luma), blocks_8x8(&mut self.scaled))
        {
            rounded.result = kernels.h264_transform_quantise_luma_8x8(
                cur,
                pred,
                &set.luma_8x8,
                levels,
                scaled,
                &mut rounded.positions,
            );
        }
        rounded
    }

    /// As [`Self::finish_inter_4x4`], with 8x8 transforms.
    pub(super) fn finish_inter_8x8(
        &mut self,
        kernels: &Kernels,
        (cur, pred): Pair<'_>,
        set: &ClassQuantisers,
        bits: &ResidualBits,
        quarter_sse: &[u32; 4],
        rounded: Rounded8x8,
    ) -> Price {
        let Rounded { mut positions, mut result } = rounded;
        let (Some(levels), Some(scaled)) =
            (blocks_8x8(&mut self.luma), blocks_8x8(&mut self.scaled))
        else {
            return Price::default();
        };
        let mut codings = [Coding::default(); 4];
        let costs = bits.of(BlockKind::Inter8x8);
        let mut block_bits = [0; 4];
        if let (Some(prices), Some(coeffs)) = (set.prices, blocks_8x8(&mut self.coeffs))
            && result.coded != 0
        {
            kernels.h264_fdct_luma_8x8(cur, pred, coeffs);
            let mask = result.coded;
            for n in (0..4).filter(|n| mask >> n & 1 == 1) {
                let block = Block {
                    quantiser: &set.luma_8x8,
                    scan: &Scans::of(false).scan_8x8,
                    coeffs: &coeffs[n],
                    levels: &mut levels[n],
                    scaled: &mut scaled[n],
                };
                let found = block.optimise(costs, prices.luma, positions[n]);
                (positions[n], block_bits[n]) = (found.positions, found.bits);
                result.sse[n] = found.change(result.sse[n], set.step_squares[0]);
            }
        } else {
            for (n, &positions) in positions.iter().enumerate() {
                codings[n].score = score_8x8(result.large >> n & 1 == 1, positions);
                block_bits[n] = costs.block(&levels[n], positions);
            }
        }
        for n in (0..4).filter(|&n| positions[n] != 0) {
            codings[n].price = Some(Price { sse: result.sse[n] >> 4, bits: block_bits[n] });
        }
        let (kept, price) = keep_quarters(set, &codings, quarter_sse);
        self.set_luma(kept, true);
        price
    }

    fn set_luma(&mut self, mask: u32, transform_8x8: bool) {
        self.coded = self.coded & !LUMA | mask;
        self.add_luma = mask;
        self.transform_8x8 = transform_8x8 && mask != 0;
    }

    /// Codes luma of an `Intra_16x16` macroblock.
    pub(super) fn code_intra_16x16(
        &mut self,
        kernels: &Kernels,
        cur: &Block16,
        pred: &Block16,
        set: &ClassQuantisers,
        bits: &ResidualBits,
    ) -> Price {
        let (mut positions, mut dcs) = ([0; 16], [0; 16]);
        let mut result: H264Quantised<4> = kernels.h264_transform_quantise_luma(
            cur,
            pred,
            &set.luma_ac,
            &mut self.luma,
            &mut self.scaled,
            &mut positions,
            &mut dcs,
        );
        let costs = bits.of(BlockKind::Ac);
        let mut block_bits = [0; 16];
        if let Some(prices) = set.prices
            && result.coded != 0
        {
            kernels.h264_fdct_luma(cur, pred, &mut self.coeffs);
            let blocks = (&self.coeffs[..], &mut self.luma[..], &mut self.scaled[..]);
            let kind = (&set.luma_ac, costs);
            optimise_4x4(
                prices.luma,
                set,
                kind,
                blocks,
                (&mut positions, &mut block_bits),
                &mut result,
            );
        } else {
            block_bits = bits_of(costs, &self.luma, &positions);
        }
        let mut price = Price::default();
        self.coded = self.coded & !LUMA | result.coded;
        price.sse = result.sse.iter().sum::<u32>() >> 4;
        if result.coded != 0 {
            price.bits = block_bits.iter().sum();
        }
        let (levels, values) = code_luma_dc(&dcs, set, bits.of(BlockKind::LumaDc));
        self.luma_dc = levels;
        let positions = positions_of(&levels);
        self.coded |= u32::from(positions != 0) << coded::LUMA_DC;
        price.bits += bits.block(BlockKind::LumaDc, &levels, positions);
        self.add_luma = result.coded;
        for (n, (block, value)) in self.scaled.iter_mut().zip(values).enumerate() {
            block[0] = value;
            self.add_luma |= u32::from(value != 0) << n;
            price.sse += dc_sse(dcs[n], value);
        }
        self.transform_8x8 = false;
        price
    }

    /// Codes one 4x4 block of an `Intra_4x4` macroblock; the prediction is `pred`.
    pub(super) fn code_intra_4x4(
        &mut self,
        kernels: &Kernels,
        n: usize,
        cur: codec_simd::Window<'_, 4, 4>,
        pred: codec_simd::Window<'_, 4, 4>,
        set: &ClassQuantisers,
        bits: &ResidualBits,
    ) -> Price {
        let mut positions = 0;
        let mut result = kernels.h264_transform_quantise_4x4(
            cur,
            pred,
            &set.luma_4x4,
            &mut self.luma[n],
            &mut self.scaled[n],
            &mut positions,
        );
        let costs = bits.of(BlockKind::Intra4x4);
        let block_bits;
        if let Some(prices) = set.prices
            && result.coded != 0
        {
            kernels.h264_fdct_4x4(cur, pred, &mut self.coeffs[n]);
            let block = Block {
                quantiser: &set.luma_4x4,
                scan: &Scans::of(false).scan_4x4,
                coeffs: &self.coeffs[n],
                levels: &mut self.luma[n],
                scaled: &mut self.scaled[n],
            };
            let found = block.optimise(costs, prices.luma, positions.into());
            result.sse[0] = found.change(result.sse[0], set.step_squares[0]);
            result.coded = u32::from(found.positions != 0);
            block_bits = found.bits;
        } else {
            block_bits = costs.block(&self.luma[n], positions.into());
        }
        self.coded = self.coded & !(1 << n) | (result.coded & 1) << n;
        Price { sse: result.sse[0] >> 4, bits: block_bits }
    }

    /// Codes one 8x8 block of an `Intra_8x8` macroblock; the prediction is `pred`.
    pub(super) fn code_intra_8x8(
        &mut self,
        kernels: &Kernels,
        n: usize,
        cur: codec_simd::Window<'_, 8, 8>,
        pred: codec_simd::Window<'_, 8, 8>,
        set: &ClassQuantisers,
        bits: &ResidualBits,
    ) -> Price {
        let mut positions = 0;
        let (Some(levels), Some(scaled)) =
            (blocks_8x8(&mut self.luma), blocks_8x8(&mut self.scaled))
        else {
            return Price::default();
        };
        let mut result = kernels.h264_transform_quantise_8x8(
            cur,
            pred,
            &set.luma_8x8,
            &mut levels[n],
            &mut scaled[n],
            &mut positions,
        );
        let costs = bits.of(BlockKind::Intra8x8);
        let block_bits;
        if let (Some(prices), Some(coeffs)) = (set.prices, blocks_8x8(&mut self.coeffs))
            && result.coded != 0
        {
            kernels.h264_fdct_8x8(cur, pred, &mut coeffs[n]);
            let block = Block {
                quantiser: &set.luma_8x8,
                scan: &Scans::of(false).scan_8x8,
                coeffs: &coeffs[n],
                levels: &mut levels[n],
                scaled: &mut scaled[n],
            };
            let found = block.optimise(costs, prices.luma, positions);
            result.sse[0] = found.change(result.sse[0], set.step_squares[0]);
            result.coded = u32::from(found.positions != 0);
            block_bits = found.bits;
        } else {
            block_bits = costs.block(&levels[n], positions);
        }
        self.coded = self.coded & !(15 << (4 * n)) | (result.coded & 1) << (4 * n);
        Price { sse: result.sse[0] >> 4, bits: block_bits }
    }

    /// Returns the dequantised coefficients of a 4x4 block.
    pub(super) fn scaled_4x4(&self, n: usize) -> &[i16; 16] {
        &self.scaled[n]
    }

    /// Returns the dequantised coefficients of an 8x8 block.
    pub(super) fn scaled_8x8(&self, n: usize) -> Option<&[i16; 64]> {
        self.scaled[4 * n..4 * n + 4].as_flattened().first_chunk()
    }

    /// Codes both chroma planes; the squared error of the prediction is `empty_sse`.
    pub(super) fn code_chroma(
        &mut self,
        kernels: &Kernels,
        (cur, pred): (&BlockUv, &BlockUv),
        empty_sse: u32,
        set: &ClassQuantisers,
        bits: &ResidualBits,
    ) -> Price {
        let (mut positions, mut dcs) = ([0; 8], [0; 8]);
        let mut result: H264Quantised<2> = kernels.h264_transform_quantise_chroma(
            cur,
            pred,
            [&set.chroma_ac; 2],
            &mut self.chroma,
            &mut self.chroma_scaled,
            &mut positions,
            &mut dcs,
        );
        let dc_costs = bits.of(BlockKind::ChromaDc);
        if result.coded == 0 && is_zero_chroma_dc(&dcs, set) {
            self.clear_chroma();
            return Price { sse: empty_sse, bits: 2 * dc_costs.block(&[], 0) };
        }
        let has_ac = result.coded != 0;
        let (ac, mut price) = self.keep_chroma_ac(
            kernels,
            (cur, pred),
            set,
            bits.of(BlockKind::ChromaAc),
            Ac { result: &mut result, positions: &mut positions, dcs: &dcs, empty_sse },
        );
        self.add_chroma = ac;
        self.coded = self.coded & LUMA | ac << coded::CHROMA;
        if has_ac && ac == 0 {
            self.chroma_scaled = [[0; 16]; 8];
        }
        for (plane, bit) in [coded::CHROMA_DC, coded::CHROMA_DC + 1].into_iter().enumerate() {
            let dcs = std::array::from_fn(|n| dcs[4 * plane + n]);
            let (levels, values) = code_chroma_dc(dcs, set, dc_costs);
            self.chroma_dc[plane] = levels;
            let positions = positions_of(&levels);
            price.bits += dc_costs.block(&levels, positions);
            self.coded |= u32::from(positions != 0) << bit;
            for (n, value) in values.into_iter().enumerate() {
                self.chroma_scaled[4 * plane + n][0] = value;
                self.add_chroma |= u32::from(value != 0) << (4 * plane + n);
                price.sse += dc_sse(dcs[n], value);
            }
        }
        price
    }

    /// Optimises the AC levels of chroma. Returns the blocks that are coded, none if that is better,
    /// with their price.
    fn keep_chroma_ac(
        &mut self,
        kernels: &Kernels,
        (cur, pred): (&BlockUv, &BlockUv),
        set: &ClassQuantisers,
        costs: &BlockCosts,
        ac: Ac<'_>,
    ) -> (u32, Price) {
        let Ac { result, positions, dcs, empty_sse } = ac;
        let mut score = 0;
        let mut block_bits = [0; 8];
        if let (Some(prices), Some(coeffs)) = (set.prices, self.coeffs.first_chunk_mut())
            && result.coded != 0
        {
            kernels.h264_fdct_chroma(cur, pred, coeffs);
            let blocks = (&coeffs[..], &mut self.chroma[..], &mut self.chroma_scaled[..]);
            let kind = (&set.chroma_ac, costs);
            optimise_4x4(prices.chroma, set, kind, blocks, (positions, &mut block_bits), result);
        } else {
            let block = |n: usize| score_of(result.large >> n & 1 == 1, positions[n]);
            score = (0..8).map(block).sum();
            if result.coded != 0 {
                block_bits = bits_of(costs, &self.chroma, positions);
            }
        }
        let means: u32 = dcs.iter().map(|&dc| dc_sse(dc, 0)).sum();
        let empty = empty_sse.saturating_sub(means);
        if result.coded == 0 {
            return (0, Price { sse: empty, bits: 0 });
        }
        let price =
            Price { sse: (result.sse[0] + result.sse[1]) >> 4, bits: block_bits.iter().sum() };
        let is_worse = match set.prices {
            None => score < MIN_CHROMA_SCORE,
            Some(prices) => {
                let worth = prices.chroma.sse(price.bits + AC_PATTERN_BITS, set.step_squares[1]);
                empty <= price.sse.saturating_add(worth)
            }
        };
        if is_worse {
            return (0, Price { sse: empty, bits: 0 });
        }
        (result.coded, price)
    }

    /// Adds the luma residual to the prediction in `pixels`; not for `Intra_4x4` and `Intra_8x8`.
    pub(super) fn add_luma_to(&self, kernels: &Kernels, pixels: &mut Block16) {
        if self.add_luma == 0 {
            return;
        }
        if !self.transform_8x8 {
            kernels.h264_idct_add_luma(&self.scaled, self.add_luma, pixels.window_mut());
            return;
        }
        for n in (0..4).filter(|n| self.add_luma >> (4 * n) & 1 == 1) {
            if let Some(coeffs) = self.scaled_8x8(n) {
                let dst = pixels.window_mut().into_sub::<8, 8>(n % 2 * 8, n / 2 * 8);
                kernels.h264_idct_add_8x8(coeffs, dst);
            }
        }
    }

    /// Adds the chroma residual to the prediction in `pixels`.
    pub(super) fn add_chroma_to(&self, kernels: &Kernels, pixels: &mut BlockUv) {
        let (u, v) = self.chroma_scaled.split_at(4);
        for (plane, coeffs) in [u, v].into_iter().enumerate() {
            let mask = self.add_chroma >> (4 * plane) & 15;
            if let (1.., Some(coeffs)) = (mask, coeffs.first_chunk()) {
                kernels.h264_idct_add_chroma(coeffs, mask, pixels.plane_mut(plane));
            }
        }
    }

    /// Appends the levels of the coded blocks: see [`super::coded_mb::CodedMb::coded`].
    pub(super) fn append_levels(&self, out: &mut Vec<i16>) {
        let has = |bit: u32| self.coded >> bit & 1 == 1;
        if self.coded == 0 {
            return;
        }
        if has(coded::LUMA_DC) {
            out.extend_from_slice(&self.luma_dc);
        }
        if self.transform_8x8 {
            for n in (0..4).filter(|n| self.coded >> (4 * n) & 1 == 1) {
                out.extend_from_slice(self.luma[4 * n..4 * n + 4].as_flattened());
            }
        } else {
            put_blocks(self.coded & 0xffff, &self.luma, out);
        }
        for (bit, levels) in (coded::CHROMA_DC..).zip(&self.chroma_dc) {
            if has(bit) {
                out.extend_from_slice(levels);
            }
        }
        put_blocks(self.coded >> coded::CHROMA & 0xff, &self.chroma, out);
    }
}

/// Appends the blocks whose bits are set.
#[inline]
fn put_blocks(mut mask: u32, blocks: &[[i16; 16]], out: &mut Vec<i16>) {
    while mask != 0 {
        let n = mask.trailing_zeros() as usize;
        mask &= mask - 1;
        out.extend_from_slice(blocks.get(n).map_or(&[], |levels| levels));
    }
}

/// The source of a macroblock and its prediction.
pub(super) type Pair<'a> = (&'a Block16, &'a Block16);

/// AC coefficients of chroma: see [`Kernels::h264_transform_quantise_chroma`].
struct Ac<'a> {
    result: &'a mut H264Quantised<2>,
    positions: &'a mut [u16; 8],
    dcs: &'a [i16; 8],
    /// Squared error of the prediction.
    empty_sse: u32,
}

/// Coefficients, levels and dequantised coefficients of 4x4 blocks.
type Blocks<'a> = (&'a [[i16; 16]], &'a mut [[i16; 16]], &'a mut [[i16; 16]]);

/// Returns the bits of 4x4 blocks.
fn bits_of<const N: usize>(
    costs: &BlockCosts,
    levels: &[[i16; 16]; N],
    positions: &[u16; N],
) -> [u32; N] {
    std::array::from_fn(|n| costs.block(&levels[n], positions[n].into()))
}

/// Optimises 4x4 blocks, and sets the bits of each; `result` has a part for four of them.
fn optimise_4x4<const PARTS: usize>(
    price: BitPrice,
    set: &ClassQuantisers,
    (quantiser, costs): (&H264Quantiser<16>, &BlockCosts),
    (coeffs, levels, scaled): Blocks<'_>,
    (positions, bits): (&mut [u16], &mut [u32]),
    result: &mut H264Quantised<PARTS>,
) {
    let square = set.step_squares[usize::from(PARTS == 2)];
    let blocks = coeffs.iter().zip(levels).zip(scaled).zip(positions).zip(bits);
    for (n, ((((coeffs, levels), scaled), positions), bits)) in blocks.enumerate() {
        *bits = costs.coded[0].into();
        if *positions == 0 {
            continue;
        }
        let scan = &Scans::of(false).scan_4x4;
        let block = Block { quantiser, scan, coeffs, levels, scaled };
        let found = block.optimise(costs, price, (*positions).into());
        (*positions, *bits) = (low_half(found.positions), found.bits);
        result.coded &= !(u32::from(*positions == 0) << n);
        let sse = &mut result.sse[n / 4 % PARTS];
        *sse = found.change(*sse, square);
    }
}

/// Returns the positions of a 4x4 block.
fn low_half(positions: u64) -> u16 {
    u16::try_from(positions & 0xffff).unwrap_or(0)
}

/// A quarter of the luma residual.
#[derive(Clone, Copy, Default)]
struct Coding {
    /// Error and bits; `None` if the quarter has no levels.
    price: Option<Price>,
    /// Score of the levels if they are not optimised: see `level_score`.
    score: u32,
}

/// Bits that a quarter in the pattern, and a residual in the macroblock, add to the bits of
/// the levels. In 1/256 bit.
const QUARTER_BITS: u32 = 64;
const RESIDUAL_BITS: u32 = 200;
/// Bits of the AC coefficients of chroma in the pattern, in 1/256 bit.
const AC_PATTERN_BITS: u32 = 256;

/// Chooses the quarters that are coded: bit `4 * n` is set for quarter `n`. `empty` has the squared
/// errors of quarters that are not coded.
fn keep_quarters(set: &ClassQuantisers, codings: &[Coding; 4], empty: &[u32; 4]) -> (u32, Price) {
    let (mut kept, mut score, mut total) = (0, 0, Price::default());
    let is_worse = |price: Price, more: u32, empty: u32, is_low_score: bool| match set.prices {
        None => is_low_score,
        Some(prices) => {
            let worth = prices.luma.sse(price.bits + more, set.step_squares[0]);
            empty <= price.sse.saturating_add(worth)
        }
    };
    for (n, (coding, &empty)) in codings.iter().zip(empty).enumerate() {
        let is_low = coding.score < MIN_QUARTER_SCORE;
        match coding.price.filter(|&price| !is_worse(price, QUARTER_BITS, empty, is_low)) {
            None => total.sse = total.sse.saturating_add(empty),
            Some(price) => {
                kept |= 1 << (4 * n);
                score += coding.score;
                total.sse = total.sse.saturating_add(price.sse);
                total.bits += price.bits;
            }
        }
    }
    let empty = empty.iter().copied().fold(0, u32::saturating_add);
    if is_worse(total, RESIDUAL_BITS, empty, score < MIN_MB_SCORE) {
        return (0, Price { sse: empty, bits: 0 });
    }
    (kept, total)
}

/// Returns the blocks with the 8x8 transform.
#[inline]
fn blocks_8x8(blocks: &mut [[i16; 16]; 16]) -> Option<&mut [[i16; 64]; 4]> {
    blocks.as_flattened_mut().as_chunks_mut().0.first_chunk_mut()
}
