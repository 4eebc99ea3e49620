//! Coding of one transform: forward transform, quantisation, cost.

use codec_simd::Kernels;
use codec_simd::vp9::{Vp9Quantiser, Vp9TxKind};

use super::levels::{Coefficients, Level, TokenContext};
use super::token::Token;
use super::token_costs::BandCosts;
use crate::block::scans::{Position, scan};
use crate::types::TxSize;
use codec_core::motion::Lambda;

/// Buffers for one transform at a time.
#[derive(Clone, Debug)]
pub(crate) struct TransformScratch {
    pub(super) coefficients: [i16; 1024],
    pub(super) quantised: [i16; 1024],
    pub(super) magnitudes: [u8; 1024],
    /// Levels in scan order.
    pub(super) levels: [Level; 1024],
    /// Number of levels up to the last one that is not zero.
    pub(super) count: usize,
    /// Where the end of the block is coded.
    pub(super) end: Option<TokenContext>,
}

impl Default for TransformScratch {
    fn default() -> Self {
        Self {
            coefficients: [0; 1024],
            quantised: [0; 1024],
            magnitudes: [0; 1024],
            levels: [Level::default(); 1024],
            count: 0,
            end: None,
        }
    }
}

/// Cost of one or several transforms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResidualCost {
    /// In 1/256 bit.
    pub(crate) rate: u32,
    /// Squared error of the reconstruction.
    pub(crate) error: u32,
    /// Squared error without the residual.
    pub(crate) energy: u32,
    /// Whether there are any coefficients.
    pub(crate) any: bool,
}

impl ResidualCost {
    pub(crate) fn add(&mut self, other: Self) {
        self.rate += other.rate;
        self.error += other.error;
        self.energy += other.energy;
        self.any |= other.any;
    }

    /// The rate in units of squared error, plus the error.
    pub(crate) fn total(&self, lambda: Lambda) -> u32 {
        self.error + lambda.cost(self.rate)
    }
}

/// A transform to be coded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransformJob<'a> {
    pub(crate) kernels: &'a Kernels,
    pub(crate) size: TxSize,
    pub(crate) kind: Vp9TxKind,
    pub(crate) quantiser: &'a Vp9Quantiser,
    pub(crate) costs: &'a BandCosts,
    /// Number of neighbouring transforms with coefficients.
    pub(crate) context: usize,
    pub(crate) lambda: Lambda,
    /// Whether levels are chosen by their costs.
    pub(crate) chooses_levels: bool,
}

impl TransformScratch {
    /// The levels of the last transform.
    pub(crate) fn coefficients(&self) -> Coefficients<'_> {
        Coefficients { levels: &self.levels[..self.count], end: self.end }
    }

    /// Codes the difference of `cur` and `pred`, each with its stride. [`Self::coefficients`] has the
    /// levels afterwards.
    pub(crate) fn code(
        &mut self,
        job: &TransformJob<'_>,
        (cur, cur_stride): (&[u8], usize),
        (pred, pred_stride): (&[u8], usize),
    ) -> ResidualCost {
        let coefficients = &mut self.coefficients;
        job.kernels.vp9_forward_transform(
            job.size,
            job.kind,
            cur,
            cur_stride,
            pred,
            pred_stride,
            coefficients,
        );
        self.quantise(job)
    }

    fn quantise(&mut self, job: &TransformJob<'_>) -> ResidualCost {
        let count = job.size.pixels() * job.size.pixels();
        let (coefficients, quantised) = (&self.coefficients[..count], &mut self.quantised[..count]);
        let result = job.kernels.vp9_quantise(coefficients, job.quantiser, quantised);
        if result.energy >= safe_energy(job.quantiser) {
            limit_levels(job.quantiser, quantised);
        }
        // The scale of the coefficients is 8, or 4.
        let shift = if job.size == TxSize::Tx32 { 4 } else { 6 };
        let pixels =
            |sum: u64| u32::try_from((sum + (1 << shift >> 1)) >> shift).unwrap_or(u32::MAX);
        let (error, energy) = (pixels(result.error), pixels(result.energy));
        let end = job.costs[0][job.context].end();
        if result.count == 0 {
            self.clear(job.context);
            return ResidualCost { rate: end, error: energy, energy, any: false };
        }
        if job.chooses_levels {
            return self.choose_levels(job, result);
        }
        let rate = self.collect(job, scan(job.size, job.kind), result.count);
        let coded = ResidualCost { rate, error, energy, any: true };
        let empty = ResidualCost { rate: end, error: energy, energy, any: false };
        if empty.total(job.lambda) <= coded.total(job.lambda) {
            self.clear(job.context);
            return empty;
        }
        coded
    }

    /// Removes the levels.
    pub(super) fn clear(&mut self, context: usize) {
        let none = Coefficients::none(context);
        (self.count, self.end) = (0, none.end);
    }

    /// Collects the levels in scan order, `left` of which are not zero, and returns their cost.
    fn collect(&mut self, job: &TransformJob<'_>, scan: &[Position], mut left: u32) -> u32 {
        let Self { quantised, magnitudes, levels, count, end, .. } = self;
        let context = |position: &Position, magnitudes: &[u8; 1024]| {
            let [a, b] = position.neighbours.map(|at| magnitudes[usize::from(at) % 1024]);
            TokenContext::new(position.band, (1 + a + b) >> 1)
        };
        let costs = job.costs.as_flattened();
        let costs = |context: TokenContext| &costs[context.index()];
        // The first position is its own neighbour.
        magnitudes[0] = job.context.to_le_bytes()[0];
        let mut rate = 0;
        let mut is_after_zero = false;
        *count = 0;
        for (index, (position, to)) in scan.iter().zip(levels).enumerate() {
            let context = context(position, magnitudes);
            let costs = costs(context);
            let at = usize::from(position.at) % 1024;
            let value = quantised[at];
            let token = Token::of(value);
            *to = Level { value, context };
            magnitudes[at] = token.magnitude;
            rate += costs.token(token.class, is_after_zero);
            is_after_zero = value == 0;
            left -= u32::from(value != 0);
            if left == 0 {
                *count = index + 1;
                break;
            }
        }
        *end = scan.get(*count).map(|position| context(position, magnitudes));
        rate + end.map_or(0, |end| costs(end).end())
    }
}

/// Largest size of a coefficient in a conformant bitstream of 8 bits: the inverse transform of other
/// decoders has 16 bits.
const MAX_COEFFICIENT: u32 = 32_767;

/// The size of the coefficient that the decoder restores from a level; `is_first`: of the DC coefficient.
pub(super) fn dequantised(quantiser: &Vp9Quantiser, is_first: bool, level: u16) -> u32 {
    let step = quantiser.step[usize::from(!is_first)];
    (u32::from(level) * u32::from(step)) >> u32::from(quantiser.is_halved)
}

/// Sum of squares below which no coefficient can be rounded to one of more than 16 bits.
fn safe_energy(quantiser: &Vp9Quantiser) -> u64 {
    let step = u32::from(quantiser.step[0].max(quantiser.step[1]));
    u64::from(MAX_COEFFICIENT.saturating_sub(step)).pow(2)
}

/// Lowers levels whose coefficients would have more than 16 bits.
fn limit_levels(quantiser: &Vp9Quantiser, levels: &mut [i16]) {
    for (at, level) in levels.iter_mut().enumerate() {
        while dequantised(quantiser, at == 0, level.unsigned_abs()) > MAX_COEFFICIENT {
            *level -= level.signum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::quantisers::quantiser;
    use super::*;

    #[test]
    fn levels_restore_the_largest_coefficients_within_a_step_in_sixteen_bits() {
        let kernels = Kernels::best();
        // The DC coefficient of a block whose samples all differ by 255.
        let coefficients: Vec<i16> = [32_640, -32_640, 32_640, -32_640, 0, 0, 0, 0].repeat(8);
        for step in 8..=1828 {
            for is_halved in [false, true] {
                let quantiser = quantiser([step; 2], 128, is_halved);
                let mut levels = vec![0; coefficients.len()];
                let result = kernels.vp9_quantise(&coefficients, &quantiser, &mut levels);
                assert!(result.energy >= safe_energy(&quantiser));
                limit_levels(&quantiser, &mut levels);
                for (level, coefficient) in levels.iter().zip(&coefficients) {
                    let size = dequantised(&quantiser, false, level.unsigned_abs());
                    let distance = size.abs_diff(u32::from(coefficient.unsigned_abs()));
                    assert!(size <= MAX_COEFFICIENT, "step {step}, halved {is_halved}: {size}");
                    // The reciprocal of the step has five bits or more.
                    let most = step.unsigned_abs() + 32_640 / 32;
                    assert!(distance <= most, "step {step}, halved {is_halved}: {size}");
                }
            }
        }
    }
}
