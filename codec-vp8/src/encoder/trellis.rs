//! Trellis quantisation: chooses coefficient levels by squared error and exact token costs. RFC
//! 6386, section 13.
//!
//! The cost of a token depends on the previous level, so the optimal levels are a path through
//! states: the class of the level at each position (0, 1, 2 or more). At each position the nearest
//! level and smaller ones are candidates, and the block may end after any level.

use codec_simd::Kernels;

use super::costs::price;
use super::levels::{CHROMA, LUMA_AFTER_Y2, LUMA_WHOLE, LUMA_Y2, MbLevels};
use super::quant::MbQuantisers;
use super::rate_distortion::RateDistortion;
use crate::residual::{TOKENS, Token, leaf_of, write_token};
use crate::tables::{BANDS, CATEGORY_BASE, CoeffProbs, ZIGZAG};

/// Index of the end of block among the tokens.
const END: usize = TOKENS - 1;
/// Maximum candidate magnitude: no coefficient divided by a step of at least 4 is larger.
const MAX_MAGNITUDE: u16 = MAGNITUDES - 1;
const MAGNITUDES: u16 = 2048;

/// Token costs by context, in 1/256 bit.
#[derive(Clone, Debug)]
pub(super) struct TokenPrices {
    /// `[plane type][band][context][token]`, including the sign, with extra bits as for the lowest
    /// magnitude.
    tokens: Box<[[[[u16; TOKENS]; 3]; 8]; 4]>,
    /// Additional cost of a magnitude's extra bits over zeros; 0 if they cost less. Empty before the first update, because
    /// not all speeds need prices.
    extra: Vec<u16>,
    made_for: Option<Box<CoeffProbs>>,
}

impl Default for TokenPrices {
    fn default() -> Self {
        Self { tokens: Box::new([[[[0; TOKENS]; 3]; 8]; 4]), extra: Vec::new(), made_for: None }
    }
}

/// Returns the additional cost of the extra bits of `magnitude` over zeros.
fn extra_price(magnitude: u16) -> u16 {
    let leaf = leaf_of(magnitude);
    let Some(category) = leaf.checked_sub(5) else { return 0 };
    let at = |open| price(|sink| write_token(sink, Token::of_leaf(leaf, false), open, &[128; 11]));
    cut(at(magnitude - CATEGORY_BASE[category]).saturating_sub(at(0)))
}

fn cut(bits: u32) -> u16 {
    u16::try_from(bits).unwrap_or(u16::MAX)
}

impl TokenPrices {
    /// Updates the costs for `probs`.
    pub(super) fn update(&mut self, probs: &CoeffProbs) {
        for (plane, (probs, prices)) in probs.iter().zip(self.tokens.iter_mut()).enumerate() {
            let first_band = usize::from(plane == usize::from(LUMA_AFTER_Y2));
            for band in first_band..8 {
                for context in 0..3 {
                    let old = self.made_for.as_ref().map(|old| &old[plane][band][context]);
                    if old != Some(&probs[band][context]) {
                        // A block cannot end after a zero.
                        let can_end = context > 0 || band == first_band;
                        prices[band][context] = prices_at(&probs[band][context], can_end);
                    }
                }
            }
        }
        match &mut self.made_for {
            Some(made_for) => **made_for = *probs,
            none => {
                self.extra = (0..MAGNITUDES).map(extra_price).collect();
                *none = Some(Box::new(*probs));
            }
        }
    }
}

/// Returns the costs of all tokens for the probabilities of one context.
fn prices_at(probs: &[u8; 11], can_end: bool) -> [u16; TOKENS] {
    std::array::from_fn(|leaf| {
        let token = Token::of_leaf(leaf, !can_end);
        cut(price(|sink| write_token(sink, token, 0, probs)))
    })
}

/// Position of a block in the syntax.
#[derive(Clone, Copy)]
struct Place {
    plane: u8,
    first: usize,
    context: usize,
}

/// Common properties of the blocks of a plane type.
#[derive(Clone, Copy)]
struct Blocks {
    plane: u8,
    first: usize,
    steps: [i16; 2],
    /// Bits of a block in the masks of the neighbours above and to the left.
    flags: fn(usize) -> (u16, u16),
}

/// Result for a block.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    eob: u8,
    /// Squared error of the coefficients.
    error: u64,
    bits_q8: u32,
}

/// A step of a path: the magnitude at a position, and the previous state.
#[derive(Clone, Copy, Default)]
struct Step {
    magnitude: u16,
    from: u8,
}

/// Chooses the levels of blocks.
#[derive(Clone, Copy)]
pub(super) struct Trellis<'a> {
    pub(super) prices: &'a TokenPrices,
    /// Masks of neighbouring blocks with coefficients, updated as blocks are coded.
    pub(super) above: u16,
    pub(super) left: u16,
}

// Shares of the lambda of mode decision, in 1/64. Detail that is dropped here is also missing in
// frames predicted from this one, and chroma and Y2 errors are more visible.
const LUMA_LAMBDA_Q6: u64 = 56;
const INTRA_LAMBDA_Q6: u64 = 40;
const Y2_LAMBDA_Q6: u64 = 32;
const CHROMA_LAMBDA_Q6: u64 = 28;

/// Returns the error of coefficients, in 2^-16, per 1/256 bit; `scale_q6` / 64 is the ratio of
/// coefficient errors to pixel errors.
fn lambda_of(set: MbQuantisers<'_>, scale_q6: u64) -> u64 {
    (u64::from(set.lambda.0) * scale_q6 / 64).max(1)
}

/// Cost of an unreachable state.
const NEVER: u64 = u64::MAX / 2;

/// A block whose levels are being chosen.
struct Block<'a> {
    place: Place,
    /// Coefficients in raster order.
    coeffs: &'a [i16; 16],
    /// Steps of DC and AC.
    steps: [i16; 2],
    /// Error of coefficients, in 2^-16, per 1/256 bit.
    lambda: u64,
    /// Levels in scan order: initially the nearest ones, finally the chosen ones.
    levels: &'a mut [i16; 16],
    /// Dequantised coefficients in raster order.
    dequantised: &'a mut [i16; 16],
    /// End of block of the nearest levels.
    eob: u8,
}

impl Block<'_> {
    fn step(&self, n: usize) -> i16 {
        self.steps[usize::from(n > 0)]
    }

    /// Returns the sum of the squared coefficients from scan position `from` on.
    fn squares(&self, from: usize) -> u64 {
        let square =
            |&raster: &u8| u64::from(self.coeffs[usize::from(raster)].unsigned_abs()).pow(2);
        ZIGZAG[from..].iter().map(square).sum()
    }

    /// Sets level `n` to `magnitude` and returns its squared error.
    fn set(&mut self, n: usize, magnitude: u16) -> u64 {
        let raster = usize::from(ZIGZAG[n]);
        let z = self.coeffs[raster];
        self.levels[n] = magnitude.cast_signed() * z.signum();
        self.dequantised[raster] = self.levels[n].wrapping_mul(self.step(n));
        let error = i32::from(z) - i32::from(self.dequantised[raster]);
        u64::from(error.unsigned_abs()).pow(2)
    }
}

/// Costs of each position and context of a plane type.
type Prices<'a> = &'a [[[u16; TOKENS]; 3]; 8];

impl TokenPrices {
    fn choose(&self, mut block: Block<'_>) -> Outcome {
        let Place { plane, first, context } = block.place;
        let prices = &self.tokens[usize::from(plane)];
        let lambda = block.lambda;
        let end = usize::from(block.eob);
        let empty = u32::from(prices[first][context][END]);
        if end <= first {
            return Outcome { eob: 0, error: block.squares(first), bits_q8: empty };
        }
        // Error of a position and all following ones if left at zero.
        let mut rest = [0; 17];
        rest[end] = block.squares(end);
        for n in (first..end).rev() {
            let z = u64::from(block.coeffs[usize::from(ZIGZAG[n])].unsigned_abs());
            rest[n] = rest[n + 1] + z * z;
        }
        let mut best = (rest[first] << 16) + lambda * u64::from(empty);
        let (mut best_end, mut best_state) = (first, 0);
        let mut steps = [[Step::default(); 3]; 16];
        let mut costs = [NEVER; 3];
        costs[context] = 0;
        for n in first..end {
            costs = self.advance(&block, n, prices, &costs, &mut steps[n]);
            for (state, &cost) in costs.iter().enumerate().skip(1) {
                let end = BANDS.get(n + 1).map_or(0, |&band| prices[usize::from(band)][state][END]);
                let cost = cost + (rest[n + 1] << 16) + lambda * u64::from(end);
                if cost < best {
                    (best, best_end, best_state) = (cost, n + 1, state);
                }
            }
        }
        let mut error = rest[best_end];
        (best_end..end).for_each(|n| _ = block.set(n, 0));
        for n in (first..best_end).rev() {
            let Step { magnitude, from } = steps[n][best_state];
            error += block.set(n, magnitude);
            best_state = usize::from(from % 3);
        }
        let bits_q8 = (best - (error << 16)) / lambda;
        Outcome {
            eob: if best_end > first { u8::try_from(best_end).unwrap_or(16) } else { 0 },
            error,
            bits_q8: u32::try_from(bits_q8).unwrap_or(u32::MAX),
        }
    }

    /// Returns the lowest costs of the states after position `n`, given the costs before it, with the
    /// steps that lead to them.
    #[inline]
    fn advance(
        &self,
        block: &Block<'_>,
        n: usize,
        prices: Prices<'_>,
        costs: &[u64; 3],
        steps: &mut [Step; 3],
    ) -> [u64; 3] {
        let z = i32::from(block.coeffs[usize::from(ZIGZAG[n])].unsigned_abs());
        let step = i32::from(block.step(n));
        let prices = &prices[usize::from(BANDS[n] % 8)];
        let nearest = block.levels[n].unsigned_abs().min(MAX_MAGNITUDE);
        let least = if nearest <= 2 { 0 } else { nearest - 1 };
        let mut next = [NEVER; 3];
        for magnitude in least..=nearest {
            let error = u64::from((z - i32::from(magnitude) * step).unsigned_abs());
            let leaf = leaf_of(magnitude) % TOKENS;
            let extra = u32::from(self.extra[usize::from(magnitude)]);
            let state = usize::from(magnitude.min(2));
            let error = (error * error) << 16;
            for ((from, &before), prices) in (0..).zip(costs).zip(prices) {
                let bits = u32::from(prices[leaf]) + extra;
                let cost = before + error + block.lambda * u64::from(bits);
                if cost < next[state] {
                    next[state] = cost;
                    steps[state] = Step { magnitude, from };
                }
            }
        }
        next
    }
}

impl Trellis<'_> {
    /// Returns the context of the block at these bits of the neighbour masks.
    fn context(&self, (above, left): (u16, u16)) -> usize {
        usize::from(self.above & above != 0) + usize::from(self.left & left != 0)
    }

    /// Records whether the block at these bits has coefficients.
    fn record(&mut self, (above, left): (u16, u16), is_coded: bool) {
        if is_coded {
            self.above |= above;
            self.left |= left;
        } else {
            self.above &= !above;
            self.left &= !left;
        }
    }

    /// Chooses the levels of the sixteen luma blocks and their Y2 block.
    pub(super) fn luma(
        mut self,
        kernels: &Kernels,
        coeffs: &[[i16; 16]; 16],
        coeffs_y2: &[i16; 16],
        set: MbQuantisers<'_>,
        levels: &mut MbLevels,
        [dequantised, dequantised_y2]: [&mut [[i16; 16]]; 2],
    ) -> RateDistortion {
        let MbLevels { y2, y2_eob, .. } = levels;
        let coeffs_y2 = std::slice::from_ref(coeffs_y2);
        kernels.quantise(coeffs_y2, &set.nearest[2], &mut y2.0, dequantised_y2, y2_eob);
        let y2 = self.prices.choose(Block {
            place: Place { plane: LUMA_Y2, first: 0, context: self.context(Y2_BITS) },
            coeffs: &coeffs_y2[0],
            steps: set.steps.y2,
            lambda: lambda_of(set, 16 * Y2_LAMBDA_Q6),
            levels: &mut y2.0[0],
            dequantised: &mut dequantised_y2[0],
            eob: y2_eob[0],
        });
        levels.y2_eob = [y2.eob];
        let luma = self.all_luma(kernels, LUMA_AFTER_Y2, coeffs, set, levels, dequantised);
        RateDistortion {
            sse: sse(luma.error / 4 + y2.error / 16),
            bits_q8: luma.bits_q8 + y2.bits_q8,
        }
    }

    /// Chooses the levels of the sixteen luma blocks without Y2.
    pub(super) fn luma_whole(
        mut self,
        kernels: &Kernels,
        coeffs: &[[i16; 16]; 16],
        set: MbQuantisers<'_>,
        levels: &mut MbLevels,
        dequantised: &mut [[i16; 16]; 16],
    ) -> RateDistortion {
        levels.y2_eob = [0];
        let luma = self.all_luma(kernels, LUMA_WHOLE, coeffs, set, levels, dequantised);
        RateDistortion { sse: sse(luma.error / 4), bits_q8: luma.bits_q8 }
    }

    fn all_luma(
        &mut self,
        kernels: &Kernels,
        plane: u8,
        coeffs: &[[i16; 16]; 16],
        set: MbQuantisers<'_>,
        levels: &mut MbLevels,
        dequantised: &mut [[i16; 16]],
    ) -> Outcome {
        let first = usize::from(plane == LUMA_AFTER_Y2);
        let MbLevels { luma, luma_eobs, .. } = levels;
        kernels.quantise(coeffs, &set.nearest[first], &mut luma.0, dequantised, luma_eobs);
        let all = Blocks { plane, first, steps: set.steps.y, flags: luma_bits };
        self.all(
            all,
            lambda_of(set, 4 * LUMA_LAMBDA_Q6),
            coeffs,
            &mut luma.0,
            dequantised,
            luma_eobs,
        )
    }

    /// Chooses the levels of quantised blocks one after the other. Returns their total rate and
    /// distortion; `eob` is not set.
    fn all(
        &mut self,
        Blocks { plane, first, steps, flags }: Blocks,
        lambda: u64,
        coeffs: &[[i16; 16]],
        levels: &mut [[i16; 16]],
        dequantised: &mut [[i16; 16]],
        eobs: &mut [u8],
    ) -> Outcome {
        let mut all = Outcome::default();
        let blocks = coeffs.iter().zip(levels).zip(dequantised).zip(eobs);
        for (n, (((coeffs, levels), dequantised), eob)) in blocks.enumerate() {
            let bits = flags(n);
            let place = Place { plane, first, context: self.context(bits) };
            let nearest = *eob;
            let block = Block { place, coeffs, steps, lambda, levels, dequantised, eob: nearest };
            let one = self.prices.choose(block);
            *eob = one.eob;
            self.record(bits, one.eob > 0);
            all.error += one.error;
            all.bits_q8 += one.bits_q8;
        }
        all
    }

    /// Chooses the levels of luma block `n` without Y2, for block-by-block prediction; returns its
    /// bits.
    #[expect(clippy::too_many_arguments, reason = "the kernel's arguments and the position")]
    pub(super) fn one(
        &mut self,
        kernels: &Kernels,
        n: usize,
        coeffs: &[[i16; 16]; 1],
        set: MbQuantisers<'_>,
        levels: &mut [[i16; 16]; 1],
        dequantised: &mut [[i16; 16]; 1],
        eob: &mut [u8; 1],
    ) -> u32 {
        kernels.quantise(coeffs, &set.nearest[0], levels, dequantised, eob);
        let bits = luma_bits(n);
        let one = self.prices.choose(Block {
            place: Place { plane: LUMA_WHOLE, first: 0, context: self.context(bits) },
            coeffs: &coeffs[0],
            steps: set.steps.y,
            lambda: lambda_of(set, 4 * INTRA_LAMBDA_Q6),
            levels: &mut levels[0],
            dequantised: &mut dequantised[0],
            eob: eob[0],
        });
        *eob = [one.eob];
        self.record(bits, one.eob > 0);
        one.bits_q8
    }

    /// Chooses the levels of both chroma blocks.
    pub(super) fn chroma(
        mut self,
        kernels: &Kernels,
        coeffs: &[[i16; 16]; 8],
        set: MbQuantisers<'_>,
        levels: &mut MbLevels,
        dequantised: &mut [[i16; 16]; 8],
    ) -> RateDistortion {
        let MbLevels { chroma, chroma_eobs, .. } = levels;
        kernels.quantise(coeffs, &set.nearest[3], &mut chroma.0, dequantised, chroma_eobs);
        let all = Blocks { plane: CHROMA, first: 0, steps: set.steps.uv, flags: chroma_bits };
        let lambda = lambda_of(set, 4 * CHROMA_LAMBDA_Q6);
        let sums = self.all(all, lambda, coeffs, &mut chroma.0, dequantised, chroma_eobs);
        RateDistortion { sse: sse(sums.error / 4), bits_q8: sums.bits_q8 }
    }

    /// Returns the cost of chroma without coefficients in a macroblock that has others.
    pub(super) fn empty_chroma(mut self) -> u32 {
        let of_block = |n| {
            let bits = chroma_bits(n);
            let context = self.context(bits);
            self.record(bits, false);
            u32::from(self.prices.tokens[usize::from(CHROMA)][0][context][END])
        };
        (0..8).map(of_block).sum()
    }
}

/// Bits of Y2 in the masks of the neighbours above and to the left.
const Y2_BITS: (u16, u16) = (1 << 8, 1 << 8);

/// Returns the bits of luma block `n` in the neighbour masks.
fn luma_bits(n: usize) -> (u16, u16) {
    (1 << (n % 4), 1 << (n / 4))
}

/// Returns the bits of chroma block `n` in the neighbour masks.
fn chroma_bits(n: usize) -> (u16, u16) {
    let base = 4 + 2 * (n / 4);
    (1 << (base + n % 2), 1 << (base + n % 4 / 2))
}

fn sse(error: u64) -> u32 {
    u32::try_from(error).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use codec_core::codec::Tune;

    use super::*;
    use crate::encoder::quant::Quantisers;
    use crate::header::QuantIndices;
    use crate::residual::token_cost_q8;
    use crate::tables::DEFAULT_COEFF_PROBS;

    fn prices() -> TokenPrices {
        let mut prices = TokenPrices::default();
        prices.update(&DEFAULT_COEFF_PROBS);
        prices
    }

    fn scattered(seed: u32, size: u32) -> [i16; 16] {
        std::array::from_fn(|n| {
            let n = u32::try_from(n).unwrap();
            let bits = (seed + 17 * n).wrapping_mul(2_654_435_761) >> 8;
            i16::try_from(bits % (2 * size + 1)).unwrap() - i16::try_from(size).unwrap()
        })
    }

    /// Returns the result for `coeffs` with steps of 20 and 30: outcome, levels, dequantised.
    fn chosen(coeffs: &[i16; 16], lambda: u64, place: Place) -> (Outcome, [i16; 16], [i16; 16]) {
        let steps = [20, 30];
        let mut levels = [0; 16];
        for n in place.first..16 {
            let z = coeffs[usize::from(ZIGZAG[n])];
            let step = steps[usize::from(n > 0)];
            levels[n] = (z.abs() + step / 2) / step * z.signum();
        }
        let eob = levels.iter().rposition(|&level| level != 0).map_or(0, |n| n + 1);
        let eob = u8::try_from(eob).unwrap();
        let mut dequantised = [0; 16];
        let block = Block {
            place,
            coeffs,
            steps,
            lambda,
            levels: &mut levels,
            dequantised: &mut dequantised,
            eob,
        };
        let outcome = prices().choose(block);
        (outcome, levels, dequantised)
    }

    #[test]
    fn estimated_bits_equal_the_written_size() {
        for seed in 0..400 {
            let plane = u8::try_from(seed % 4).unwrap();
            let place = Place { plane, first: usize::from(plane == 0), context: seed as usize % 3 };
            let coeffs = scattered(seed, 1 << (seed % 11));
            let (one, levels, back) = chosen(&coeffs, 4000, place);
            let probs = &DEFAULT_COEFF_PROBS[usize::from(plane)];
            let (first, eob) = (place.first, usize::from(one.eob));
            let bits = token_cost_q8(&levels, first, eob, place.context, probs);
            assert!(bits.abs_diff(u64::from(one.bits_q8)) <= 64, "{bits} {one:?}");
            let error = coeffs.iter().zip(&back).enumerate().filter(|&(n, _)| n >= first);
            let error = error.map(|(_, (&a, &b))| u64::from(a.abs_diff(b)).pow(2));
            assert_eq!(error.sum::<u64>(), one.error);
        }
    }

    #[test]
    fn free_bits_keep_the_nearest_levels_and_expensive_bits_keep_none() {
        let place = Place { plane: LUMA_WHOLE, first: 0, context: 0 };
        let coeffs = scattered(9, 300);
        let (_, levels, _) = chosen(&coeffs, 1, place);
        for (n, &level) in levels.iter().enumerate() {
            let step = if n == 0 { 20 } else { 30 };
            let error = coeffs[usize::from(ZIGZAG[n])].abs_diff(level * step);
            assert!(error <= step.unsigned_abs() / 2);
        }
        let (none, levels, back) = chosen(&coeffs, 1 << 40, place);
        assert_eq!((none.eob, levels, back), (0, [0; 16], [0; 16]));
    }

    #[test]
    fn block_costs_use_the_context_of_previous_blocks() {
        let prices = prices();
        let mut quantisers = Quantisers::default();
        let index = crate::types::QIndex::saturating(30);
        quantisers.update([index; 4], &QuantIndices::default(), Tune::Psnr);
        let set = quantisers.at(None, 0, 0);
        let trellis = Trellis { prices: &prices, above: 0, left: 0 };
        let mut levels = MbLevels::default();
        let mut back = [[0; 16]; 8];
        let mut coeffs = [[0; 16]; 8];
        coeffs[0][0] = 900;
        let price = trellis.chroma(Kernels::best(), &coeffs, set, &mut levels, &mut back);
        let bits = |context, eob| {
            let levels = &levels.chroma.0[0];
            token_cost_q8(levels, 0, eob, context, &DEFAULT_COEFF_PROBS[usize::from(CHROMA)])
        };
        // The blocks to the right of and below the first block have one neighbour with
        // coefficients.
        let expected = bits(0, 1) + 2 * bits(1, 0) + 5 * bits(0, 0);
        assert_eq!(levels.chroma_eobs, [1, 0, 0, 0, 0, 0, 0, 0]);
        assert!(u64::from(price.bits_q8).abs_diff(expected) <= 64);
        assert_eq!(u64::from(trellis.empty_chroma()), 8 * bits(0, 0));
    }
}
