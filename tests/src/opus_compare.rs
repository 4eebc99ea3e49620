//! The comparison by which RFC 6716, section 6.1, defines conformance of an Opus decoder: spectra
//! of short windows with auditory masking, band by band.

use std::f32::consts::TAU;

/// Window and step in samples at 48 kHz.
const WINDOW: usize = 480;
const STEP: usize = 120;

/// First bins of the bands of 100 Hz each, and the end of the last.
const BANDS: [usize; 22] =
    [0, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 68, 80, 96, 120, 156, 200];
const BINS: usize = BANDS[21];

/// Power of each channel's spectrum in one window.
type Spectrum = Vec<[f32; BINS]>;

/// Opus quality metric of `heard` against `reference`, both interleaved at 48 kHz: 100 is
/// identical, 0 the threshold of conformance.
///
/// # Panics
/// If they differ in length, or are shorter than a window.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "small counts")]
pub fn quality(reference: &[i16], heard: &[i16], channels: usize) -> f64 {
    assert_eq!(reference.len(), heard.len());
    let frames = (reference.len() / channels - WINDOW + STEP) / STEP;
    let dft = Dft::new();
    let (mut past_x, mut past_y) = (Vec::new(), Vec::new());
    let mut smeared_before = vec![[0.0; 21]; channels];
    let mut error = 0.0;
    for frame in 0..frames {
        let mut x = dft.spectrum(reference, frame * STEP, channels);
        let mut y = dft.spectrum(heard, frame * STEP, channels);
        let masks = smear(&x, &mut smeared_before);
        for ((x, y), mask) in x.iter_mut().zip(&mut y).zip(&masks) {
            for (band, ends) in BANDS.windows(2).enumerate() {
                for bin in ends[0]..ends[1] {
                    x[bin] += 0.1 * mask[band];
                    y[bin] += 0.1 * mask[band];
                }
            }
        }
        // Two windows together, which reduces the effect of a small shift in time.
        let before = (past_x, past_y);
        (past_x, past_y) = (x.clone(), y.clone());
        add(&mut x, &before.0);
        add(&mut y, &before.1);
        error += distance(&x, &y).powi(2);
    }
    let error = (error / frames as f64).powf(1.0 / 16.0);
    100.0 * (1.0 - 0.5 * (1.0 + error).ln() / 1.13_f64.ln())
}

fn add(to: &mut Spectrum, other: &Spectrum) {
    for (to, other) in to.iter_mut().zip(other) {
        to.iter_mut().zip(other).for_each(|(to, other)| *to += other);
    }
}

/// Masking by band energies: spread to bands above and below, to later windows, to other channels.
fn smear(x: &Spectrum, before: &mut [[f32; 21]]) -> Vec<[f32; 21]> {
    let mut energies = Vec::with_capacity(x.len());
    for (x, before) in x.iter().zip(before) {
        let mut energy = [0.0; 21];
        for (energy, ends) in energy.iter_mut().zip(BANDS.windows(2)) {
            let band = &x[ends[0]..ends[1]];
            *energy = band.iter().sum::<f32>() / band.len() as f32;
        }
        for band in 1..21 {
            energy[band] += 0.1 * energy[band - 1];
        }
        for band in (0..20).rev() {
            energy[band] += 0.03 * energy[band + 1];
        }
        for (energy, before) in energy.iter_mut().zip(before.iter_mut()) {
            *energy += 0.5 * *before;
            *before = *energy;
        }
        energies.push(energy);
    }
    if let [left, right] = &mut energies[..] {
        for (l, r) in left.iter_mut().zip(right) {
            (*l, *r) = (*l + 0.01 * *r, *r + 0.01 * *l);
        }
    }
    energies
}

fn distance(x: &Spectrum, y: &Spectrum) -> f64 {
    let mut sum = 0.0;
    for ends in BANDS.windows(2) {
        let mut band = 0.0;
        for (x, y) in x.iter().zip(y) {
            for (x, y) in x[ends[0]..ends[1]].iter().zip(&y[ends[0]..ends[1]]) {
                let ratio = f64::from(y / x);
                band += ratio - ratio.ln() - 1.0;
            }
        }
        band /= ((ends[1] - ends[0]) * x.len()) as f64;
        sum += band * band;
    }
    // The fourth power of the required difference of a band.
    (sum / 21.0).powi(2)
}

/// Discrete Fourier transform of one windowed piece, the first 200 bins.
struct Dft {
    window: [f32; WINDOW],
    /// Cosine and sine of each 480th of a turn.
    turns: [(f32, f32); WINDOW],
}

impl Dft {
    fn new() -> Self {
        let angle = |part: usize, of: usize| TAU * part as f32 / of as f32;
        Self {
            window: std::array::from_fn(|i| 0.5 - 0.5 * angle(i, WINDOW - 1).cos()),
            turns: std::array::from_fn(|i| (angle(i, WINDOW).cos(), angle(i, WINDOW).sin())),
        }
    }

    fn spectrum(&self, samples: &[i16], at: usize, channels: usize) -> Spectrum {
        (0..channels)
            .map(|channel| {
                let piece = samples[at * channels..].iter().skip(channel).step_by(channels);
                let mut values = [(0.0, 0.0); WINDOW];
                for ((value, &sample), window) in values.iter_mut().zip(piece).zip(&self.window) {
                    value.0 = f32::from(sample) * window;
                }
                self.transform(&mut values, 1);
                std::array::from_fn(|bin| {
                    let (re, im) = values[bin];
                    re * re + im * im + 100_000.0
                })
            })
            .collect()
    }

    /// In place; `stride`: the number of smallest turns per turn of this length.
    fn transform(&self, values: &mut [(f32, f32)], stride: usize) {
        let length = values.len();
        let turned = |(re, im): (f32, f32), turn: usize| {
            let (cos, sin) = self.turns[turn * stride % WINDOW];
            (re * cos + im * sin, im * cos - re * sin)
        };
        if length % 2 == 1 {
            let input = values.to_vec();
            for (bin, out) in values.iter_mut().enumerate() {
                let terms = input.iter().enumerate().map(|(i, &v)| turned(v, i * bin));
                *out = terms.fold((0.0, 0.0), |sum, term| (sum.0 + term.0, sum.1 + term.1));
            }
            return;
        }
        let half = |odd: usize| -> Vec<_> { values.iter().skip(odd).step_by(2).copied().collect() };
        let (mut even, mut odd) = (half(0), half(1));
        self.transform(&mut even, stride * 2);
        self.transform(&mut odd, stride * 2);
        for (bin, (&even, &odd)) in even.iter().zip(&odd).enumerate() {
            let odd = turned(odd, bin);
            values[bin] = (even.0 + odd.0, even.1 + odd.1);
            values[bin + length / 2] = (even.0 - odd.0, even.1 - odd.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{format, voice};
    use crate::rng::Rng;

    /// RFC 6716 says that the threshold was set to white noise at 48 dB.
    #[test]
    fn noise_at_48_db_is_near_the_threshold_and_silence_of_it_is_100() {
        let loud: Vec<i16> = {
            let mut rng = Rng::new(1);
            (0..48_000).map(|_| i16::from_le_bytes([rng.byte(), rng.byte()]) / 4).collect()
        };
        assert!((quality(&loud, &loud, 1) - 100.0).abs() < 1e-9);
        let rms = loud.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / 48_000.0;
        let noise_at = |db: f64| -> Vec<i16> {
            let mut rng = Rng::new(2);
            let peak = (3.0 * rms).sqrt() * 10_f64.powf(-db / 20.0);
            let mut noise = || f64::from(i16::from_le_bytes([rng.byte(), rng.byte()])) / 32768.0;
            loud.iter().map(|&s| (f64::from(s) + noise() * peak).round() as i16).collect()
        };
        let at = [40.0, 48.0, 60.0].map(|db| quality(&loud, &noise_at(db), 1));
        assert!(at[0] < at[1] && at[1] < at[2] && at[2] > 50.0, "{at:?}");
        let speech = voice(format(48_000, 2), 24_000, 3);
        assert!(quality(&speech, &vec![0; speech.len()], 2) < 0.0);
    }
}
