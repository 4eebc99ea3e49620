//! Rate-distortion optimised quantisation: coefficient levels are lowered if the bits saved
//! outweigh the error. Each block takes one pass over its nonzero levels, in coding order.
//!
//! Errors are in squared quantiser steps, so that the Lagrange multiplier (the error that one bit is worth)
//! is the same at all quantisers.

use codec_simd::H264Quantiser;

use super::residual_bits::{BlockCosts, is_after_larger, next_state, state_after_one};

/// Error per bit: in 1/2^20 of a squared step per 1/256 bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BitPrice(pub i64);

impl BitPrice {
    /// Returns the squared error, in pixels, that `bits` are worth; the squared step is in 1/256.
    #[inline]
    pub(super) fn sse(self, bits: u32, step_square: u32) -> u32 {
        let sse = (i64::from(bits) * self.0 * i64::from(step_square)) >> 28;
        u32::try_from(sse).unwrap_or(u32::MAX)
    }
}

/// Shift from the squared error of levels with 8 fractional bits to the unit of [`BitPrice`].
const ERROR_SHIFT: u32 = 4;

/// A block after optimisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Optimised {
    /// Bits of the levels that are not zero.
    pub positions: u64,
    /// Bits of the levels that have changed.
    pub changed: u64,
    /// Bits of the block, in 1/256 bit, from [`BlockCosts::block`].
    pub bits: u32,
    /// Change of the squared error, in 1/65536 of a squared step.
    error: i64,
}

impl Optimised {
    /// Returns a squared error in 1/16 of a squared level of pixels with the change. The squared step
    /// is in 1/256.
    #[inline]
    pub(super) fn change(&self, sse: u32, step_square: u32) -> u32 {
        let change = (self.error * i64::from(step_square)) >> 20;
        u32::try_from((i64::from(sse) + change).max(0)).unwrap_or(u32::MAX)
    }
}

/// Choices of the levels so far.
#[derive(Clone, Copy)]
struct Path {
    cost: i64,
    /// Bits of the levels so far, in 1/256 bit.
    bits: i32,
    state: usize,
    /// Bits of the levels that are one less.
    lowered: u64,
    /// Position of the last level.
    last: u32,
}

impl Path {
    /// The path that keeps no level. It costs more than every other path.
    const NONE: Self = Self { cost: i64::MAX / 2, bits: 0, state: 0, lowered: 0, last: 0 };
}

/// Lowers the magnitudes of `levels` by one or to the end of the block; `positions` has the bits of
/// those that are not zero. `exact` returns the magnitude at a position before rounding, with 8
/// fractional bits.
#[inline]
pub(super) fn optimise(
    costs: &BlockCosts,
    price: BitPrice,
    levels: &mut [i16],
    positions: u64,
    exact: impl Fn(usize) -> u32,
) -> Optimised {
    let magnitude = |at: usize| levels.get(at).map_or(0, |level| level.unsigned_abs().into());
    let level = |at: usize| (exact(at), magnitude(at));
    let best = best_path(costs, price, positions, level);
    let flag = price.0 * (i64::from(costs.coded[1]) - i64::from(costs.coded[0]));
    let (above, lowered, bits) = if best.cost + flag < 0 {
        let bits = u32::from(costs.coded[1]).saturating_add_signed(best.bits);
        (!(u64::MAX >> (63 - best.last.min(63))), best.lowered, bits)
    } else {
        (u64::MAX, 0, costs.coded[0].into())
    };
    let changed = positions & (lowered | above);
    let mut result = Optimised { positions, changed, bits, error: 0 };
    let mut rest = changed;
    while rest != 0 {
        let bit = rest.trailing_zeros();
        rest &= rest - 1;
        let at = bit as usize;
        let Some(level) = levels.get_mut(at) else { break };
        let new = if above >> bit & 1 == 1 { 0 } else { *level - level.signum() };
        let exact = exact(at);
        result.error +=
            gain(exact, new.unsigned_abs().into()) - gain(exact, level.unsigned_abs().into());
        *level = new;
        if new == 0 {
            result.positions &= !(1 << bit);
        }
    }
    result
}

/// A block of coefficients and of their levels; all but `levels` are in columns.
pub(super) struct Block<'a, const N: usize> {
    pub quantiser: &'a H264Quantiser<N>,
    /// Position in columns, by scan position.
    pub scan: &'a [u8; N],
    pub coeffs: &'a [i16; N],
    /// Levels in scan order.
    pub levels: &'a mut [i16; N],
    pub scaled: &'a mut [i16; N],
}

impl<const N: usize> Block<'_, N> {
    /// Optimises the levels, and scales those that have changed.
    pub(super) fn optimise(self, costs: &BlockCosts, price: BitPrice, positions: u64) -> Optimised {
        let (scan, coeffs, quantiser) = (self.scan, self.coeffs, self.quantiser);
        let at = |n: usize| usize::from(scan[n % N]) % N;
        let exact = |n: usize| quantiser.exact_level(coeffs[at(n)], at(n));
        let result = optimise(costs, price, self.levels, positions, exact);
        let mut rest = result.changed;
        while rest != 0 {
            let n = rest.trailing_zeros() as usize % N;
            rest &= rest - 1;
            self.scaled[at(n)] = quantiser.dequantise(self.levels[n], at(n));
        }
        result
    }
}

/// Returns the squared error of a level minus the squared error of zero.
#[inline]
fn gain(exact: u32, level: u32) -> i64 {
    let (exact, level) = (i64::from(exact), i64::from(level) << 8);
    level * (level - 2 * exact)
}

/// Returns the best choice of levels, not all zero. `level` returns the exact and the rounded
/// magnitude at a position. Of the paths to a level only the best one is kept.
#[inline]
fn best_path(
    costs: &BlockCosts,
    price: BitPrice,
    positions: u64,
    level: impl Fn(usize) -> (u32, u32),
) -> Path {
    let mut best = Path::NONE;
    let mut rest = positions;
    while rest != 0 {
        let bit = rest.ilog2();
        rest ^= 1 << bit;
        let at = bit as usize % 64;
        let (exact, rounded) = level(at);
        let (inner, last) = (i32::from(costs.inner[at]), i32::from(costs.last[at]));
        let step = Step { costs, price, before: best, bit, inner, last };
        best = if rounded == 1 {
            // A level of one can be omitted.
            step.cheaper_one(exact)
        } else if exact < rounded << 8 {
            // No level that was not rounded up becomes less.
            let less = step.cheaper(Path::NONE, exact, rounded - 1, 1 << bit);
            step.cheaper(less, exact, rounded, 0)
        } else {
            step.cheaper(Path::NONE, exact, rounded, 0)
        };
    }
    best
}

/// A level in front of the path so far.
struct Step<'a> {
    costs: &'a BlockCosts,
    price: BitPrice,
    before: Path,
    bit: u32,
    /// Bits of the position in the map: before other levels, and as the last one.
    inner: i32,
    last: i32,
}

impl Step<'_> {
    /// Returns the cheapest of the paths with a level of one, and the path so far without it.
    #[inline(always)]
    fn cheaper_one(&self, exact: u32) -> Path {
        let Self { costs, price, before, bit, inner, last } = *self;
        let error = gain(exact, 1) << ERROR_SHIFT;
        let inner = inner + costs.one(before.state);
        let last = last + costs.one(0);
        let as_inner = before.cost + error + price.0 * i64::from(inner);
        let as_last = match is_after_larger(before.state) {
            // No level above 1 is omitted.
            true => i64::MAX,
            false => error + price.0 * i64::from(last),
        };
        let lowest = before.cost.min(as_last);
        if as_inner < lowest {
            let (cost, bits) = (as_inner, before.bits + inner);
            Path { cost, bits, state: state_after_one(before.state), ..before }
        } else if as_last < before.cost {
            Path { cost: as_last, bits: last, state: 1, lowered: 0, last: bit }
        } else {
            Path { lowered: before.lowered | 1 << bit, ..before }
        }
    }

    /// Returns the cheapest of `best` and the paths with the level `magnitude`, `lowered` if it is
    /// less than the rounded one.
    #[inline(always)]
    fn cheaper(&self, mut best: Path, exact: u32, magnitude: u32, lowered: u64) -> Path {
        let Self { costs, price, before, bit, inner, last } = *self;
        let error = gain(exact, magnitude) << ERROR_SHIFT;
        // No level above 1 is omitted.
        if !is_after_larger(before.state) {
            let bits = last + costs.level(0, magnitude).cast_signed();
            let cost = error + price.0 * i64::from(bits);
            if cost < best.cost {
                best = Path { cost, bits, state: next_state(0, magnitude), lowered, last: bit };
            }
        }
        let bits = inner + costs.level(before.state, magnitude).cast_signed();
        let cost = before.cost + error + price.0 * i64::from(bits);
        if cost < best.cost {
            let (bits, state) = (before.bits + bits, next_state(before.state, magnitude));
            let lowered = before.lowered | lowered;
            best = Path { cost, bits, state, lowered, last: before.last };
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::residual_bits::{BlockKind, ResidualBits};

    const PRICE: BitPrice = BitPrice(557);

    /// Optimises levels with the magnitudes `exact` before rounding, in 1/256.
    fn optimised(exact: [u32; 16], price: BitPrice) -> ([i16; 16], Optimised) {
        let bits = ResidualBits::cavlc();
        let costs = bits.of(BlockKind::Inter4x4);
        let mut levels = exact.map(|exact| i16::try_from((exact + 128) >> 8).unwrap());
        levels[1] = -levels[1];
        let positions = (0..16).fold(0, |bits, n| bits | u64::from(levels[n] != 0) << n);
        let result = optimise(costs, price, &mut levels, positions, |at| exact[at]);
        let left = (0..16).fold(0, |bits, n| bits | u64::from(levels[n] != 0) << n);
        assert_eq!(result.positions, left);
        (levels, result)
    }

    #[test]
    fn free_bits_change_nothing() {
        let mut exact = [0; 16];
        exact[..5].copy_from_slice(&[700, 300, 129, 140, 1000]);
        let (levels, result) = optimised(exact, BitPrice(0));
        assert_eq!(levels[..5], [3, -1, 1, 1, 4]);
        assert_eq!(result.changed, 0);
        assert_eq!(result.change(77, 100), 77);
    }

    #[test]
    fn an_isolated_small_level_is_omitted() {
        let mut exact = [0; 16];
        exact[15] = 200;
        let (levels, result) = optimised(exact, PRICE);
        assert_eq!((levels, result.positions, result.changed), ([0; 16], 0, 1 << 15));
        // The error grows by (200^2 - 56^2) / 65536 squared steps.
        assert_eq!(result.error, 200 * 200 - 56 * 56);
        exact[..2].copy_from_slice(&[1000, 520]);
        let (levels, _) = optimised(exact, PRICE);
        assert_eq!((levels[0], levels[1], levels[15]), (4, -2, 0));
    }

    #[test]
    fn a_level_just_above_one_and_a_half_is_lowered() {
        let mut exact = [0; 16];
        (exact[0], exact[1]) = (1024, 390);
        let (levels, result) = optimised(exact, PRICE);
        assert_eq!((levels[0], levels[1]), (4, -1));
        assert_eq!(result.changed, 2);
    }
}
