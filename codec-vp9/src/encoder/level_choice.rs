//! Choice of coefficient levels by squared error and exact token costs.

use codec_simd::vp9::Vp9Quantised;

use super::levels::{Level, TokenContext};
use super::token::Token;
use super::token_costs::ContextCosts;
use super::transform::{ResidualCost, TransformJob, TransformScratch, dequantised};
use crate::block::scans::{Position, scan};
use crate::types::TxSize;

/// Squared error and rate of the levels up to a position.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// In units of coefficients.
    error: u64,
    /// In 1/256 bit.
    rate: u32,
}

/// A level with its costs.
#[derive(Clone, Copy, Debug)]
struct Choice {
    level: u16,
    error: u64,
    rate: u32,
    total: u64,
}

impl TransformScratch {
    /// Lowers levels by one, or ends the transform earlier, where that costs less. The levels of the
    /// quantiser are the levels of the nearest values.
    pub(super) fn choose_levels(
        &mut self,
        job: &TransformJob<'_>,
        quantised: Vp9Quantised,
    ) -> ResidualCost {
        let shift = if job.size == TxSize::Tx32 { 4 } else { 6 };
        let in_error = |rate: u32| u64::from(job.lambda.cost(rate)) << shift;
        let scan = scan(job.size, job.kind);
        self.magnitudes[0] = job.context.to_le_bytes()[0];
        let mut rest = quantised.energy;
        let mut left = quantised.count;
        let mut sum = Cost::default();
        let end = job.costs[0][job.context].end();
        let mut best = Cost { error: rest, rate: end };
        let mut best_total = rest + in_error(end);
        let mut best_end = 0;
        let mut is_after_zero = false;
        for (index, position) in scan.iter().enumerate() {
            let context = self.context_at(position);
            let costs = costs_of(job, context);
            if index > 0 && !is_after_zero {
                let rate = sum.rate + costs.end();
                let error = sum.error + rest;
                let total = error + in_error(rate);
                if total < best_total {
                    (best, best_total, best_end) = (Cost { error, rate }, total, index);
                }
            }
            if left == 0 {
                break;
            }
            let at = usize::from(position.at) % 1024;
            let coefficient = u64::from(self.coefficients[at].unsigned_abs());
            let quantised = self.quantised[at];
            let size = quantised.unsigned_abs();
            rest = rest.saturating_sub(coefficient * coefficient);
            if size == 0 {
                sum.error += coefficient * coefficient;
                sum.rate += costs.token(0, is_after_zero);
                is_after_zero = true;
                self.magnitudes[at] = 0;
                self.levels[index] = Level { value: 0, context };
                continue;
            }
            left -= 1;
            let choice = |level: u16| {
                let token = Token::of(i16::try_from(level).unwrap_or(i16::MAX));
                let rate = costs.token(token.class, is_after_zero);
                let value = u64::from(dequantised(job.quantiser, index == 0, level));
                let error = coefficient.abs_diff(value).pow(2);
                Choice { level, error, rate, total: error + in_error(rate) }
            };
            let (nearest, lower) = (choice(size), choice(size - 1));
            let chosen = if lower.total < nearest.total { lower } else { nearest };
            sum.error += chosen.error;
            sum.rate += chosen.rate;
            is_after_zero = chosen.level == 0;
            let level = i16::try_from(chosen.level).unwrap_or(i16::MAX);
            self.magnitudes[at] = Token::of(level).magnitude;
            let value = if quantised < 0 { -level } else { level };
            self.levels[index] = Level { value, context };
            if index + 1 == scan.len() && !is_after_zero {
                let error = sum.error + rest;
                if error + in_error(sum.rate) < best_total {
                    (best, best_end) = (Cost { error, rate: sum.rate }, index + 1);
                }
            }
        }
        if best_end == 0 {
            self.clear(job.context);
        } else {
            self.count = best_end;
            self.end = scan.get(best_end).map(|position| self.context_at(position));
        }
        let pixels =
            |sum: u64| u32::try_from((sum + (1 << shift >> 1)) >> shift).unwrap_or(u32::MAX);
        ResidualCost {
            rate: best.rate,
            error: pixels(best.error),
            energy: pixels(quantised.energy),
            any: best_end > 0,
        }
    }

    fn context_at(&self, position: &Position) -> TokenContext {
        let [a, b] = position.neighbours.map(|at| self.magnitudes[usize::from(at) % 1024]);
        TokenContext::new(position.band, (1 + a + b) >> 1)
    }
}

fn costs_of<'a>(job: &TransformJob<'a>, context: TokenContext) -> &'a ContextCosts {
    &job.costs.as_flattened()[context.index()]
}
