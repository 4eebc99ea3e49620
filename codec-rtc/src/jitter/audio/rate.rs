//! Resampling of decoded audio to 48 kHz by a polyphase windowed-sinc filter.

use super::config::RATE;

/// Filter taps per output sample.
const TAPS: usize = 24;

/// Maximum number of filter phases.
const MAX_PHASES: usize = 640;

/// Resampler to 48 kHz by a rational ratio.
#[derive(Debug)]
pub(super) struct ToOutputRate {
    channels: usize,
    /// Output samples per `down` input samples.
    up: usize,
    down: usize,
    /// `up` filters of [`TAPS`] weights.
    bank: Vec<f32>,
    /// The last [`TAPS`] input sample frames.
    past: Vec<f32>,
    /// Position of the next output between two inputs, in units of 1 / `up`.
    phase: usize,
}

impl ToOutputRate {
    /// Creates a resampler from `rate` Hz; `None` if the ratio is too complex. 44.1 kHz and integer
    /// fractions of 44.1 and 48 kHz are supported.
    pub(super) fn new(rate: u32, channels: usize) -> Option<Self> {
        let common = gcd(rate, RATE)?;
        let up = usize::try_from(RATE / common).ok()?;
        let down = usize::try_from(rate / common).ok()?;
        if up > MAX_PHASES || down > 8 * MAX_PHASES || !(4_000..=192_000).contains(&rate) {
            return None;
        }
        let past = vec![0.0; TAPS * channels];
        Some(Self { channels, up, down, bank: bank(up, down), past, phase: 0 })
    }

    /// Appends the resampled `input`.
    pub(super) fn process(&mut self, input: &[f32], out: &mut Vec<f32>) {
        let channels = self.channels;
        for frame in input.chunks_exact(channels) {
            self.past.drain(..channels);
            self.past.extend_from_slice(frame);
            while self.phase < self.up {
                let from = self.phase * TAPS;
                let weights = self.bank.get(from..from + TAPS).unwrap_or_default();
                for channel in 0..channels {
                    let past = self.past.iter().skip(channel).step_by(channels);
                    out.push(weights.iter().zip(past).map(|(weight, value)| weight * value).sum());
                }
                self.phase += self.down;
            }
            self.phase -= self.up;
        }
    }
}

fn gcd(mut a: u32, mut b: u32) -> Option<u32> {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (a > 0).then_some(a)
}

/// Filter `p` interpolates at `p / up` of a sample after the centre of the taps.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small numbers")]
fn bank(up: usize, down: usize) -> Vec<f32> {
    let pass = 0.92 * (up as f64 / down as f64).min(1.0);
    let half = TAPS as f64 / 2.0;
    let mut bank = Vec::with_capacity(up * TAPS);
    for phase in 0..up {
        let middle = half - 1.0 + phase as f64 / up as f64;
        let weights: Vec<f64> = (0..TAPS)
            .map(|tap| {
                let x = tap as f64 - middle;
                let angle = std::f64::consts::PI * x;
                let sinc = if x.abs() < 1e-9 { pass } else { (angle * pass).sin() / angle };
                let window =
                    if x.abs() < half { (angle / (2.0 * half)).cos().powi(2) } else { 0.0 };
                sinc * window
            })
            .collect();
        let sum: f64 = weights.iter().sum();
        bank.extend(weights.iter().map(|weight| (weight / sum) as f32));
    }
    bank
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
mod tests {
    use super::*;

    #[test]
    fn resampling_keeps_frequency_and_level_at_common_rates() {
        for rate in [8_000_u32, 11_025, 16_000, 24_000, 32_000, 44_100, 96_000] {
            let mut raise = ToOutputRate::new(rate, 2).unwrap();
            let wave =
                |at: usize, rate: f32| (at as f32 * 1000.0 * std::f32::consts::TAU / rate).sin();
            let input: Vec<f32> =
                (0..rate as usize).flat_map(|at| [wave(at, rate as f32), 0.25]).collect();
            let mut out = Vec::new();
            for part in input.chunks(2 * 100) {
                raise.process(part, &mut out);
            }
            assert_eq!(out.len(), 2 * 48_000, "{rate}");
            // Mean square and zero crossings.
            let left: Vec<f32> = out.iter().copied().step_by(2).skip(4800).collect();
            let power = left.iter().map(|v| v * v).sum::<f32>() / left.len() as f32;
            assert!((power - 0.5).abs() < 0.01, "{rate}: {power}");
            let crossings = left.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
            assert!((899..=901).contains(&crossings), "{rate}: {crossings}");
            assert!(out[9601..].iter().step_by(2).all(|v| (v - 0.25).abs() < 1e-3));
        }
    }

    #[test]
    fn unsupported_rates_are_rejected() {
        for rate in [0, 1, 7_919, 47_999, 1_000_000] {
            assert!(ToOutputRate::new(rate, 1).is_none());
        }
    }
}
