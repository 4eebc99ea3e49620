//! Thresholds below which a block is averaged with its history, and the weights of its pixels. Both
//! depend on the age of the history in frames.

use codec_simd::PixelWeight;

/// Highest age: number of frames of the running mean in a history.
pub(super) const MAX_AGE: u8 = 9;

/// Largest sum of the absolute differences of 64 pixels, in standard deviations of a difference:
/// 1.6 times the mean of noise.
const MAX_SAD: u32 = 82;
/// Largest sum of the signed differences of 64 pixels: three standard deviations of the sum.
const MAX_SUM: u32 = 24;
/// Largest sum of the signed differences of 32 pixels: three standard deviations of the sum.
const MAX_PART: u32 = 17;
/// Difference up to which the history has its full weight, in 1/128 of a level for a standard
/// deviation of a sixteenth: two and a quarter standard deviations.
const RANGE: u32 = 18;

/// Limits of a block of 8x8 pixels of luma, or 4x8 of both planes of chroma, and the weight of its
/// pixels. Sums are in sixteenths of a level.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AgeLimits {
    pub(super) weight: PixelWeight,
    /// Largest sum of absolute differences.
    pub(super) max_sad: i32,
    /// Largest sum of signed differences, in magnitude.
    pub(super) max_sum: i32,
    /// Largest sum of signed differences of half of the block, in magnitude.
    pub(super) max_part: i32,
}

impl AgeLimits {
    /// The limits of a block without a history, which reject every difference.
    const NOTHING: Self =
        Self { weight: PixelWeight::SOURCE, max_sad: -1, max_sum: -1, max_part: -1 };

    /// Creates the limits for the differences between frames with noise of standard deviation `noise_q4` and
    /// the mean of `age` frames.
    fn new(noise_q4: u16, age: u32) -> Self {
        // The variances of a frame and of the mean add up.
        let spread_q8 = (65_536 * (age + 1) / age.max(1)).isqrt();
        let sigma_q4 = (u32::from(noise_q4) * spread_q8) >> 8;
        let limit = |factor: u32| i32::try_from(sigma_q4 * factor).unwrap_or(i32::MAX);
        let narrow = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
        Self {
            weight: PixelWeight::new(narrow(sigma_q4 * RANGE), narrow(32_768 / (age + 1))),
            max_sad: limit(MAX_SAD),
            max_sum: limit(MAX_SUM),
            max_part: limit(MAX_PART),
        }
    }
}

/// Limits and weights for one level of noise.
#[derive(Clone, Debug, Default)]
pub(super) struct Weights {
    noise_q4: u16,
    /// By age; 0 is no history.
    by_age: [AgeLimits; MAX_AGE as usize + 1],
    /// Limits of smoothing by column, if the left (1) and the right block (2) are smoothed.
    smooth: [[u8; 16]; 4],
}

impl Weights {
    pub(super) fn set_noise(&mut self, noise_q4: u16) {
        if noise_q4 != self.noise_q4 {
            self.noise_q4 = noise_q4;
            let limit = smooth_limit(noise_q4);
            for (which, columns) in (0..).zip(&mut self.smooth) {
                let of = |block: u8| if which & block == 0 { 0 } else { limit };
                *columns = std::array::from_fn(|x| of(if x < 8 { 1 } else { 2 }));
            }
            self.by_age[0] = AgeLimits::NOTHING;
            for (age, limits) in (0..).zip(&mut self.by_age).skip(1) {
                *limits = AgeLimits::new(noise_q4, age);
            }
        }
    }

    pub(super) fn at(&self, age: u8) -> &AgeLimits {
        &self.by_age[usize::from(age.min(MAX_AGE))]
    }

    /// Returns the limits of smoothing by column if the left and the right block are smoothed or not.
    pub(super) fn smooth_limits(&self, [left, right]: [bool; 2]) -> &[u8; 16] {
        &self.smooth[usize::from(left) + 2 * usize::from(right)]
    }
}

/// Returns the difference of neighbours up to which they are averaged, in levels: two and a half
/// standard deviations.
fn smooth_limit(noise_q4: u16) -> u8 {
    u8::try_from(u32::from(noise_q4) * 5 / 32).unwrap_or(u8::MAX).min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_narrow_with_the_age_of_the_history() {
        let mut weights = Weights::default();
        weights.set_noise(16 * 5);
        let [young, old] = [1, MAX_AGE].map(|age| weights.at(age));
        // The square roots of 2 and of 10/9, times 5 levels.
        assert_eq!((young.max_sum, old.max_sum), (24 * 113, 24 * 84));
        assert!(young.max_sad > old.max_sad && young.max_part > old.max_part);
        assert_eq!(weights.smooth_limits([true, true]), &[12; 16]);
        assert_eq!(weights.smooth_limits([false, true])[7..9], [0, 12]);
    }

    #[test]
    fn the_strongest_noise_stays_within_the_ranges_of_the_kernels() {
        let mut weights = Weights::default();
        weights.set_noise(16 * 12);
        assert!(weights.smooth_limits([true; 2])[0] <= 63);
        weights.set_noise(u16::MAX);
        assert_eq!(weights.smooth_limits([true; 2]), &[63; 16]);
    }
}
