//! Alignment of two signals by cross-correlation.

use super::super::format::AudioFormat;
use super::fft::{Fft, multiply};

/// Seconds of audio that are analysed.
const SECONDS: usize = 20;

/// Alignment of two signals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// Delay of the second signal in sample frames; negative if it is early.
    pub delay: i64,
    /// Correlation at this delay, -1 to 1. Near 1 the signals are alike; near 0 the delay is
    /// meaningless.
    pub correlation: f64,
}

/// Finds the delay of `distorted` against `reference`, both interleaved in `format`, up to
/// `furthest` sample frames in either direction.
///
/// Returns a delay and a correlation of 0 if a signal is silent or no delay has a positive
/// correlation.
#[must_use]
pub fn align(
    reference: &[f32],
    distorted: &[f32],
    format: AudioFormat,
    furthest: usize,
) -> Alignment {
    let channels = format.channels().max(1);
    let frames = SECONDS * format.rate as usize;
    let a = mono(reference, channels, frames);
    // Include samples up to the maximum delay.
    let b = mono(distorted, channels, frames + furthest);
    let furthest = furthest.min(a.len().max(b.len()).saturating_sub(1));
    let length = (a.len() + b.len() + 1).next_power_of_two().max(2);
    let fft = Fft::new(length);
    // One transform for both signals: a in the real part, b in the imaginary part.
    let mut values = vec![(0.0, 0.0); length];
    for (value, &sample) in values.iter_mut().zip(&a) {
        value.0 = sample;
    }
    for (value, &sample) in values.iter_mut().zip(&b) {
        value.1 = sample;
    }
    fft.forward(&mut values);
    let spectrum = values.clone();
    for (k, value) in values.iter_mut().enumerate() {
        let (p, q) = (spectrum[k], spectrum[(length - k) % length]);
        let of_a = ((p.0 + q.0) / 2.0, (p.1 - q.1) / 2.0);
        let of_b = ((p.1 + q.1) / 2.0, (q.0 - p.0) / 2.0);
        // The transform of the correlation, conjugated so that a forward transform inverts it.
        let cross = multiply(of_b, (of_a.0, -of_a.1));
        *value = (cross.0, -cross.1);
    }
    fft.forward(&mut values);
    let energies = Energies::new(&a, &b);
    let mut best = Alignment { delay: 0, correlation: 0.0 };
    let mut highest: Option<f64> = None;
    for distance in 0..=furthest {
        for late in [true, false] {
            let at = if late { distance } else { (length - distance) % length };
            let product = values[at].0 / length as f64;
            // The delay nearest to 0 among equal peaks.
            if highest.is_none_or(|highest| product > highest * (1.0 + 1e-9)) {
                highest = Some(product);
                let delay = i64::try_from(distance).unwrap_or(i64::MAX);
                let delay = if late { delay } else { -delay };
                let energy = energies.overlap(distance, late);
                let correlation = if energy > 0.0 { product / energy } else { 0.0 };
                best = Alignment { delay, correlation: correlation.clamp(-1.0, 1.0) };
            }
        }
    }
    if best.correlation > 0.0 { best } else { Alignment { delay: 0, correlation: 0.0 } }
}

fn mono(samples: &[f32], channels: usize, most: usize) -> Vec<f64> {
    let value = |v: &f32| if v.is_finite() { f64::from(v.clamp(-1e6, 1e6)) } else { 0.0 };
    let frames = samples.chunks_exact(channels).take(most);
    frames.map(|frame| frame.iter().map(value).sum::<f64>() / channels as f64).collect()
}

/// Cumulative sums of squares.
struct Energies {
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Energies {
    fn new(a: &[f64], b: &[f64]) -> Self {
        let sums = |values: &[f64]| {
            let mut sum = 0.0;
            let rest = values.iter().map(|v| {
                sum += v * v;
                sum
            });
            std::iter::once(0.0).chain(rest).collect()
        };
        Self { a: sums(a), b: sums(b) }
    }

    /// Returns the geometric mean of the energies in the overlap.
    fn overlap(&self, distance: usize, late: bool) -> f64 {
        let (x, y) = if late { (&self.a, &self.b) } else { (&self.b, &self.a) };
        let both = (x.len() - 1).min((y.len() - 1).saturating_sub(distance));
        let (of_x, of_y) =
            (x[both], y[both + distance.min(y.len() - 1 - both)] - y[distance.min(y.len() - 1)]);
        (of_x * of_y).sqrt()
    }
}
