//! Choice between the 4x4 and the 8x8 transform of an inter macroblock, by its coefficient levels
//! after plain rounding (before rate-distortion optimised quantisation).

use codec_core::motion::Lambda;
use codec_simd::H264Quantised;

/// Rounded levels of luma, in `N` blocks.
#[derive(Clone, Copy)]
pub(super) struct Rounded<P, const N: usize> {
    /// A bit for each level that is not zero, by block.
    pub positions: [P; N],
    pub result: H264Quantised<4>,
}

/// Levels of 4x4 blocks.
pub(super) type Rounded4x4 = Rounded<u16, 16>;
/// Levels of 8x8 blocks.
pub(super) type Rounded8x8 = Rounded<u64, 4>;

impl<P: Copy + Default, const N: usize> Default for Rounded<P, N> {
    fn default() -> Self {
        Self { positions: [P::default(); N], result: H264Quantised::default() }
    }
}

/// Number of levels above which a macroblock is not skipped.
const MOST_SKIPPED: u32 = 6;

impl<P: Copy + Into<u64>, const N: usize> Rounded<P, N> {
    fn levels(&self) -> u32 {
        self.positions.iter().map(|&bits| bits.into().count_ones()).sum()
    }

    /// Returns whether the levels are too many or too large to be omitted.
    pub(super) fn is_substantial(&self) -> bool {
        self.result.large != 0 || self.levels() > MOST_SKIPPED
    }

    fn sse(&self) -> i64 {
        self.result.sse.iter().map(|&sse| i64::from(sse >> 4)).sum()
    }

    /// Returns the bits of the levels in 1/256 bit, from the costs of a level, of a block with
    /// levels, and of a block with levels above 1.
    fn bits(&self, [level, coded, large]: [i32; 3]) -> i32 {
        let parts = [self.levels(), self.result.coded.count_ones(), self.result.large.count_ones()];
        parts.into_iter().zip([level, coded, large]).map(|(n, cost)| n.cast_signed() * cost).sum()
    }
}

/// Costs of the levels with each transform, and the constant by which the larger transform costs
/// less. They are the weights that best predicted, over six clips, which transform costs less after
/// the levels are optimised.
const LARGE_COSTS: [i32; 3] = [960, 384, -256];
const SMALL_COSTS: [i32; 3] = [640, 704, 576];
const LARGE_GAIN: i32 = 3008;

impl Rounded8x8 {
    /// Estimates the bits of the levels.
    pub(super) fn cost(&self) -> i32 {
        self.bits(LARGE_COSTS) / 256
    }
}

/// Estimates how many more bits the 8x8 transform costs than the 4x4 one, its error included; negative
/// if it costs less.
pub(super) fn estimate_loss(large: &Rounded8x8, small: &Rounded4x4, lambda: Lambda) -> i64 {
    let bits = large.bits(LARGE_COSTS) - small.bits(SMALL_COSTS) - LARGE_GAIN;
    let sse = large.sse() - small.sse();
    i64::from(bits) / 256 + 256 * sse / i64::from(lambda.0.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn large(positions: [u64; 4], sse: u32) -> Rounded8x8 {
        let coded = positions.iter().filter(|&&bits| bits != 0).count();
        let result = H264Quantised { coded: (1 << coded) - 1, large: 0, sse: [16 * sse, 0, 0, 0] };
        Rounded { positions, result }
    }

    fn small(positions: [u16; 16], sse: u32) -> Rounded4x4 {
        let coded = positions.iter().filter(|&&bits| bits != 0).count();
        let result = H264Quantised { coded: (1 << coded) - 1, large: 0, sse: [16 * sse, 0, 0, 0] };
        Rounded { positions, result }
    }

    #[test]
    fn fewer_levels_and_less_error_cost_less() {
        let lambda = Lambda(256 * 100);
        let few = large([3, 0, 0, 0], 900);
        let mut spread = [0; 16];
        spread[..8].fill(1);
        assert!(estimate_loss(&few, &small(spread, 900), lambda) < 0);
        let many = large([0xffff, 0xff, 1, 1], 900);
        assert!(estimate_loss(&many, &small(spread, 900), lambda) > 0);
        // A bit is worth an error of 100.
        let worse = large([3, 0, 0, 0], 2900);
        let small = small(spread, 900);
        let difference =
            estimate_loss(&worse, &small, lambda) - estimate_loss(&few, &small, lambda);
        assert_eq!(difference, 20);
    }

    #[test]
    fn few_small_levels_are_not_substantial() {
        let mut positions = [0; 16];
        positions[3] = 0b11_1111;
        assert!(!small(positions, 0).is_substantial());
        positions[9] = 1;
        assert!(small(positions, 0).is_substantial());
        let mut large = small([1; 16], 0);
        large.positions[1..].fill(0);
        assert!(!large.is_substantial());
        large.result.large = 1;
        assert!(large.is_substantial());
    }
}
