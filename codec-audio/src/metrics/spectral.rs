//! Log-spectral distance.

use std::f64::consts::TAU;

use super::SILENCE;
use super::fft::{Complex, Fft};

/// Floor added to the power of each bin.
const FLOOR: f64 = 1e-10;

/// Returns the log-spectral distance in dB; `None` if the reference is silent.
///
/// See [`super`]. Both signals have one list of samples per channel.
#[must_use]
pub fn log_spectral_distance_db(
    reference: &[Vec<f32>],
    distorted: &[Vec<f32>],
    rate: u32,
    max_hz: Option<f64>,
) -> Option<f64> {
    let mut meter = SpectralMeter::new(rate, max_hz);
    let (mut sum, mut count) = (0.0, 0u32);
    for (a, b) in reference.iter().zip(distorted) {
        meter.each(a, b, |_, distance| {
            sum += distance;
            count += 1;
        });
    }
    (count > 0).then(|| sum / f64::from(count))
}

/// Measures the distance of two spectra.
pub(super) struct SpectralMeter {
    fft: Fft,
    window: Vec<f64>,
    /// Gives a full-scale sine a power of 1 in its bin.
    scale: f64,
    /// Number of compared bins, from the second one on.
    bins: usize,
    values: Vec<Complex>,
}

impl SpectralMeter {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates"
    )]
    pub(super) fn new(rate: u32, max_hz: Option<f64>) -> Self {
        let frame = (rate as usize / 50).max(2);
        let length = frame.next_power_of_two();
        let window: Vec<f64> =
            (0..frame).map(|i| 0.5 - 0.5 * (TAU * i as f64 / frame as f64).cos()).collect();
        // A full-scale sine has half the sum of the window in its bin.
        let scale = (2.0 / window.iter().sum::<f64>()).powi(2);
        let limit = max_hz.map_or(length / 2, |hz| {
            (hz.max(0.0) * length as f64 / f64::from(rate.max(1))) as usize
        });
        let bins = limit.clamp(1, length / 2);
        Self { fft: Fft::new(length), window, scale, bins, values: vec![(0.0, 0.0); length] }
    }

    /// Calls `found` with the first sample and the distance of each frame whose reference is not silent.
    pub(super) fn each(&mut self, a: &[f32], b: &[f32], mut found: impl FnMut(usize, f64)) {
        let frame = self.window.len();
        let both = a.len().min(b.len());
        let mut at = 0;
        while at + frame <= both {
            let (x, y) = (&a[at..at + frame], &b[at..at + frame]);
            let power: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum();
            if power >= SILENCE * frame as f64 {
                found(at, self.distance(x, y));
            }
            at += (frame / 2).max(1);
        }
    }

    fn distance(&mut self, x: &[f32], y: &[f32]) -> f64 {
        let Self { fft, window, scale, bins, values } = self;
        let length = values.len();
        // One transform for both signals: the reference in the real part, the other in the
        // imaginary part.
        values.fill((0.0, 0.0));
        for (((value, &x), &y), &w) in values.iter_mut().zip(x).zip(y).zip(&*window) {
            *value = (w * f64::from(x), w * f64::from(y));
        }
        fft.forward(values);
        let squares = (1..=*bins).map(|k| {
            let (p, q) = (values[k], values[length - k]);
            let of_x = ((p.0 + q.0) / 2.0).powi(2) + ((p.1 - q.1) / 2.0).powi(2);
            let of_y = ((p.1 + q.1) / 2.0).powi(2) + ((q.0 - p.0) / 2.0).powi(2);
            let ratio = (*scale * of_x + FLOOR) / (*scale * of_y + FLOOR);
            (10.0 * ratio.log10()).powi(2)
        });
        (squares.sum::<f64>() / *bins as f64).sqrt()
    }
}
