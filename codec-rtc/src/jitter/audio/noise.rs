//! Comfort noise with the level and spectral tilt of the background.

use crate::rng::Rng;

use super::pitch::mean_square;

/// Maximum background level as a mean square: -40 dB.
const MAX_POWER: f32 = 1e-4;

/// Growth of the estimate per block, to follow rising background noise: about 3 dB per second.
const RISE: f32 = 1.007;

/// Estimates the background noise and generates similar noise.
#[derive(Debug)]
pub(super) struct Noise {
    enabled: bool,
    /// Mean square of the quietest blocks; `None` before the first.
    power: Option<f32>,
    /// Correlation of adjacent samples, 0..=0.95.
    correlation: f32,
    gain: f32,
    rng: Rng,
    last: Vec<f32>,
}

impl Noise {
    pub(super) fn new(channels: usize, enabled: bool) -> Self {
        let last = vec![0.0; channels.max(1)];
        Self { enabled, power: None, correlation: 0.0, gain: 0.0, rng: Rng::new(0x6e6f_6973), last }
    }

    /// Updates the estimate with a block of decoded audio, about 10 ms.
    pub(super) fn observe(&mut self, block: &[f32], channels: usize) {
        let heard = mean_square(block);
        let risen = self.power.map_or(heard, |power| (power * RISE).max(1e-12));
        if heard <= risen {
            self.power = Some(heard);
            let products = block.iter().zip(block.iter().skip(channels)).map(|(a, b)| a * b);
            let squares: f32 = block.iter().map(|value| value * value).sum();
            if squares > 1e-12 {
                self.correlation = (products.sum::<f32>() / squares).clamp(0.0, 0.95);
            }
        } else {
            self.power = Some(risen);
        }
        self.set_gain();
    }

    /// Sets the level sent by the sender in -dBov (RFC 3389, section 3.1).
    pub(super) fn set_level(&mut self, dbov: u8) {
        self.power = Some(10_f32.powf(-f32::from(dbov & 0x7f) / 10.0));
        self.set_gain();
    }

    /// Mean square of the background noise.
    pub(super) fn power(&self) -> f32 {
        self.power.unwrap_or(0.0).min(MAX_POWER)
    }

    fn set_gain(&mut self) {
        // Uniform noise between -1 and 1 has a mean square of 1/3.
        let white = 1.0 - self.correlation * self.correlation;
        self.gain = if self.enabled { (3.0 * white * self.power()).sqrt() } else { 0.0 };
    }

    /// Returns the next sample of a channel.
    pub(super) fn next(&mut self, channel: usize) -> f32 {
        if self.gain <= 0.0 {
            return 0.0;
        }
        #[expect(clippy::cast_possible_truncation, reason = "noise")]
        let white = self.rng.unit() as f32 * 2.0 - 1.0;
        let (dull, gain) = (self.correlation, self.gain);
        let Some(last) = self.last.get_mut(channel) else { return 0.0 };
        *last = *last * dull + white * gain;
        *last
    }

    /// Appends `frames` sample frames of noise.
    pub(super) fn fill(&mut self, frames: usize, out: &mut Vec<f32>) {
        let channels = self.last.len();
        for _ in 0..frames {
            for channel in 0..channels {
                let value = self.next(channel);
                out.push(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_matches_the_background_level_between_loud_blocks() {
        let mut rng = Rng::new(1);
        let mut noise = Noise::new(1, true);
        let mut block = |level: f32| -> Vec<f32> {
            (0..480).map(|_| (f32::from(rng.byte()) / 127.5 - 1.0) * level).collect()
        };
        for at in 0..300 {
            let block = block(if at % 10 == 0 { 0.004 } else { 0.3 });
            noise.observe(&block, 1);
        }
        let mut out = Vec::new();
        noise.fill(48_000, &mut out);
        let ratio = mean_square(&out) / (0.004 * 0.004 / 3.0);
        assert!((0.6..1.6).contains(&ratio), "{ratio}");
        noise.set_level(60);
        out.clear();
        noise.fill(48_000, &mut out);
        assert!((0.8..1.2).contains(&(mean_square(&out) * 1e6)));
        let mut silent = Noise::new(2, false);
        silent.set_level(30);
        out.clear();
        silent.fill(10, &mut out);
        assert_eq!(out, [0.0; 20]);
    }
}
