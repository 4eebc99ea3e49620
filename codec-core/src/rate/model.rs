//! Model of the size of a frame: `bits = 2^alpha x complexity x step^-beta`, computed with
//! logarithms to base 2. `alpha` is learned, `beta` is a constant of the codec, `complexity` is the
//! frame's `FrameStats::complexity` (such as its SATD), and `step` is the quantiser step.

use super::config::BitsLaw;
use crate::fixed::ONE_Q16;

/// Maximum error that the model learns from one frame: four octaves.
const MAX_ERROR_Q16: i32 = 4 * ONE_Q16;

/// The model of one frame class; `alpha` is learned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BitsModel {
    /// Alpha of the model, with 16 fractional bits.
    alpha_q16: i32,
    beta_q16: i32,
    /// Running means of the signed and absolute errors, which set the learning rate.
    bias_q16: i32,
    spread_q16: i32,
    frames: u32,
}

fn times_q16(a: i32, b: i32) -> i32 {
    let product = (i64::from(a) * i64::from(b)) >> 16;
    i32::try_from(product).unwrap_or(if product < 0 { i32::MIN } else { i32::MAX })
}

impl BitsModel {
    /// Creates an untrained model.
    pub(crate) fn new(BitsLaw { alpha_q16, beta_q16 }: BitsLaw) -> Self {
        Self { alpha_q16, beta_q16, bias_q16: 0, spread_q16: 0, frames: 0 }
    }

    /// Returns whether the model has learned from any frame.
    pub(crate) fn is_trained(&self) -> bool {
        self.frames > 0
    }

    /// Copies the estimate of `other` as an initial guess.
    pub(crate) fn guess_from(&mut self, other: &Self) {
        self.alpha_q16 = other.alpha_q16;
    }

    /// Returns the logarithm of the size in bits of a frame, from the logarithms of its complexity
    /// and step.
    pub(crate) fn bits_q16(&self, complexity_q16: i32, step_q16: i32) -> i32 {
        self.alpha_q16
            .saturating_add(complexity_q16)
            .saturating_sub(times_q16(self.beta_q16, step_q16))
    }

    /// Returns the logarithm of the step at which a frame of that complexity takes that many bits
    /// (both logarithms).
    pub(crate) fn step_q16(&self, complexity_q16: i32, bits_q16: i32) -> i32 {
        let octaves = i64::from(self.alpha_q16) + i64::from(complexity_q16) - i64::from(bits_q16);
        let step = (octaves << 16) / i64::from(self.beta_q16.max(1));
        i32::try_from(step).unwrap_or(if step < 0 { i32::MIN } else { i32::MAX })
    }

    /// Returns by how many octaves the size changes with octaves of the step.
    pub(crate) fn octaves_q16(&self, step_q16: i32) -> i32 {
        times_q16(self.beta_q16, step_q16)
    }

    /// Learns from a coded frame (all values are logarithms).
    pub(crate) fn learn(&mut self, complexity_q16: i32, step_q16: i32, bits_q16: i32) {
        let error = bits_q16.saturating_sub(self.bits_q16(complexity_q16, step_q16));
        let error = error.clamp(-MAX_ERROR_Q16, MAX_ERROR_Q16);
        self.bias_q16 += (error - self.bias_q16) / 4;
        self.spread_q16 += (error.abs() - self.spread_q16) / 4;
        // Errors of consistent sign indicate a change; errors that cancel out are noise.
        let pace_q8 = match self.frames {
            0 => 256,
            1 => 160,
            _ => {
                let sureness =
                    i64::from(self.bias_q16.abs()) * 256 / i64::from(self.spread_q16.abs().max(1));
                i32::try_from(sureness.clamp(0, 256)).unwrap_or(256) * 5 / 8 + 24
            }
        };
        self.alpha_q16 += error / 256 * pace_q8;
        self.alpha_q16 = self.alpha_q16.clamp(-64 * ONE_Q16, 64 * ONE_Q16);
        self.frames = self.frames.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::{exp2_q16, log2_q16};

    fn model(alpha: i32, beta_quarters: i32) -> BitsModel {
        let (alpha_q16, beta_q16) = (alpha * ONE_Q16, beta_quarters * ONE_Q16 / 4);
        BitsModel::new(BitsLaw { alpha_q16, beta_q16 })
    }

    #[test]
    fn step_gives_requested_bits() {
        let model = model(3, 5);
        let complexity = log2_q16(100_000);
        let bits = log2_q16(16_000);
        let step = model.step_q16(complexity, bits);
        let back = exp2_q16(model.bits_q16(complexity, step));
        assert!(back.abs_diff(16_000) < 10, "{back}");
    }

    #[test]
    fn model_learns_new_alpha_from_a_few_frames() {
        let truth = model(6, 4);
        let mut model = model(3, 4);
        for _ in 0..3 {
            model.learn(ONE_Q16, ONE_Q16, truth.bits_q16(ONE_Q16, ONE_Q16));
        }
        assert!((model.alpha_q16 - truth.alpha_q16).abs() < ONE_Q16 / 16);
    }
}
