//! Gain with click-free changes.

/// Converts decibels to a linear factor: 0 dB gives 1, -6.02 dB gives one half.
#[must_use]
pub fn db_to_factor(db: f32) -> f32 {
    10f32.powf(db / 20.0)
}

/// Multiplies interleaved samples by a gain; changes are ramped.
///
/// ```
/// use codec_audio::gain::{Gain, db_to_factor};
///
/// let mut gain = Gain::default();
/// gain.set(db_to_factor(-6.0), 480); // within 10 ms at 48 kHz
/// let mut samples = [1.0; 960];
/// gain.process(&mut samples, 1);
/// assert!(samples[0] == 1.0 && samples[240] < 0.8 && (samples[959] - 0.501).abs() < 0.001);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gain {
    current: f32,
    target: f32,
    step: f32,
    frames_left: usize,
}

impl Default for Gain {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Gain {
    /// Highest factor: 60 dB.
    pub const MAX: f32 = 1000.0;

    /// Creates a gain of `factor`, clamped to `0..=Gain::MAX`; NaN counts as 0.
    #[must_use]
    pub fn new(factor: f32) -> Self {
        let factor = sane(factor);
        Self { current: factor, target: factor, step: 0.0, frames_left: 0 }
    }

    /// Returns the target factor.
    #[must_use]
    pub fn target(&self) -> f32 {
        self.target
    }

    /// Returns the factor of the next sample frame.
    #[must_use]
    pub fn current(&self) -> f32 {
        self.current
    }

    /// Ramps linearly to `factor` within `frames` sample frames.
    pub fn set(&mut self, factor: f32, frames: usize) {
        self.target = sane(factor);
        if frames == 0 {
            *self = Self::new(factor);
        } else {
            self.frames_left = frames;
            self.step = (self.target - self.current) / frames as f32;
        }
    }

    /// Ends a ramp immediately at its target.
    pub fn settle(&mut self) {
        *self = Self::new(self.target);
    }

    /// Applies the gain to whole sample frames of `channels` values.
    pub fn process(&mut self, samples: &mut [f32], channels: usize) {
        let channels = channels.max(1);
        let ramp = (self.frames_left * channels).min(samples.len() - samples.len() % channels);
        let (head, tail) = samples.split_at_mut(ramp);
        for frame in head.chunks_exact_mut(channels) {
            for value in frame {
                *value *= self.current;
            }
            self.frames_left -= 1;
            self.current =
                if self.frames_left == 0 { self.target } else { self.current + self.step };
        }
        if self.current.to_bits() != 1f32.to_bits() {
            for value in tail {
                *value *= self.current;
            }
        }
    }
}

fn sane(factor: f32) -> f32 {
    if factor.is_nan() { 0.0 } else { factor.clamp(0.0, Gain::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_has_no_step_larger_than_its_slope_and_ends_exactly() {
        let mut gain = Gain::new(1.0);
        gain.set(0.0, 100);
        let mut samples = vec![1.0; 300];
        for part in samples.chunks_mut(14) {
            gain.process(part, 2);
        }
        let steps = samples.chunks(2).map(|f| f[0]).collect::<Vec<_>>();
        assert!(steps.windows(2).all(|w| (w[0] - w[1]).abs() < 0.0101));
        assert_eq!((steps[0], steps[100], gain.current()), (1.0, 0.0, 0.0));
    }

    #[test]
    fn invalid_factors_are_clamped() {
        let strange: Vec<_> =
            [f32::NAN, f32::INFINITY, -1.0].map(|f| Gain::new(f).current()).to_vec();
        assert_eq!(strange, [0.0, Gain::MAX, 0.0]);
    }
}
