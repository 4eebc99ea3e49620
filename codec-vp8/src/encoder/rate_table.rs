//! Context-free estimate of coefficient bits, for comparing candidates.
//!
//! Mode decisions with this constant table are as good as with exact token costs, and do not depend
//! on the probabilities of the frame.

use codec_simd::Kernels;

/// Cost of the end of a block, in 1/256 bit.
const END_OF_BLOCK_Q8: u32 = 300;
/// Cost of a zero before the end of a block, in 1/256 bit.
const ZERO_Q8: u32 = 170;

/// Estimates the size of blocks in 1/256 bit.
///
/// `levels` are in zig-zag order from position `first` (1 with a Y2 block, otherwise 0), each up to
/// its end in `eobs`.
///
/// Empty blocks cost nothing here. The cost of their flags depends on the neighbours, so the caller
/// must add it.
#[inline]
#[must_use]
pub fn estimate_bits(kernels: &Kernels, levels: &[[i16; 16]], eobs: &[u8], first: u8) -> u32 {
    if eobs.iter().all(|&eob| eob == 0) {
        return 0;
    }
    let ends = eobs.iter().fold(0, |bits, &eob| {
        let places = u32::from(eob.saturating_sub(first));
        let end = if places > 0 && eob < 16 { END_OF_BLOCK_Q8 } else { 0 };
        bits + places * ZERO_Q8 + end
    });
    16 * kernels.level_bits(levels) + ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_has_a_cost_and_so_has_the_end_unless_the_block_is_full() {
        let kernels = Kernels::best();
        let bits = |levels, eob, first| estimate_bits(kernels, &[levels], &[eob], first);
        let mut levels = [0; 16];
        levels[1] = -3;
        levels[3] = 1;
        let beyond_zeros = 16 * (77 + 29);
        assert_eq!(bits(levels, 4, 0), 4 * 170 + beyond_zeros + 300);
        assert_eq!(bits(levels, 4, 1), 3 * 170 + beyond_zeros + 300);
        assert_eq!(bits([1; 16], 16, 0), 16 * (170 + 16 * 29));
        assert_eq!(bits([i16::MIN; 16], 16, 0), 16 * (170 + 16 * 255));
    }

    #[test]
    fn an_empty_block_costs_nothing() {
        let bits = |eob, first| estimate_bits(Kernels::best(), &[[0; 16]], &[eob], first);
        assert_eq!((bits(0, 0), bits(0, 1), bits(1, 1)), (0, 0, 0));
    }
}
