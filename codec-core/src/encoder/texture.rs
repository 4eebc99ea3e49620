//! Loss of texture, which adds to the distortion of a coded block.
//!
//! Squared error prefers a smooth block to one whose texture differs from the source. Viewers
//! prefer texture, so with [`Tune::Visual`] the difference of texture energy (absolute AC
//! coefficients of 4x4 Hadamard transforms) between source and reconstruction is added to the
//! squared error, in proportion to the quantiser step.

use codec_simd::{Block16, Kernels};

use crate::codec::Tune;

/// Weight of lost texture, in 1/256 of the product of the texture energy and the quantiser step. Twice
/// as much keeps 1.3 times as much texture, but costs three times as many bits.
const WEIGHT_Q8: u32 = 12;

/// Weight of lost texture in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextureWeight(u32);

impl TextureWeight {
    /// Returns the weight for a tuning.
    #[must_use]
    pub fn of(tune: Tune) -> Self {
        Self(if tune == Tune::Visual { WEIGHT_Q8 } else { 0 })
    }

    /// Returns whether lost texture has a cost.
    #[inline]
    #[must_use]
    pub fn is_used(self) -> bool {
        self.0 > 0
    }

    /// Returns the cost of a difference of energies at a quantiser step, in half pixel levels if
    /// transforms are orthonormal.
    #[inline]
    #[must_use]
    pub fn cost(self, difference: u32, half_step: u32) -> u32 {
        let weight = u64::from(self.0) * u64::from(half_step);
        u32::try_from((u64::from(difference) * weight) >> 8).unwrap_or(u32::MAX)
    }
}

/// Returns the texture energy of a block: half the sum of the absolute AC coefficients of its 4x4
/// Hadamard transforms.
#[inline]
#[must_use]
pub fn energy(kernels: &Kernels, luma: &Block16) -> u32 {
    static BLACK: Block16 = Block16([[0; 16]; 16]);
    let (sum, _) = kernels.moments_16x16(luma);
    // The DC coefficient of a block is the sum of its pixels.
    kernels.satd_16x16(luma, BLACK.window()).saturating_sub(sum / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_is_that_of_texture_and_not_of_brightness() {
        let block = |pixel: fn(usize, usize) -> u8| {
            Block16(std::array::from_fn(|y| std::array::from_fn(|x| pixel(x, y))))
        };
        let of = |luma: &Block16| energy(Kernels::best(), luma);
        assert_eq!(of(&block(|_, _| 255)), 0);
        let fine = of(&block(|x, y| if (x + y) % 2 == 0 { 100 } else { 108 }));
        // One coefficient of 16 * 4 in each of sixteen blocks, halved.
        assert_eq!(fine, 16 * 64 / 2);
        assert_eq!(of(&block(|x, y| if (x + y) % 2 == 0 { 10 } else { 18 })), fine);
        assert_eq!(of(&block(|x, y| if (x + y) % 2 == 0 { 100 } else { 116 })), 2 * fine);
    }

    #[test]
    fn lost_texture_costs_in_proportion_to_the_step() {
        let weight = TextureWeight::of(Tune::Visual);
        assert_eq!(weight.cost(512, 157), 512 * 12 * 157 / 256);
        assert_eq!(weight.cost(u32::MAX, 157), u32::MAX);
        assert_eq!(weight.cost(0, 157), 0);
        assert_eq!(TextureWeight::of(Tune::Psnr).cost(512, 157), 0);
    }
}
