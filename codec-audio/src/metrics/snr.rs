//! Signal-to-noise ratios.

use super::SILENCE;

/// Returns the SNR over all channels in dB, at most 200; see [`super`].
///
/// Both signals have one list of samples per channel; samples beyond the shorter one are ignored.
#[must_use]
pub fn snr_db(reference: &[Vec<f32>], distorted: &[Vec<f32>]) -> f64 {
    let (mut signal, mut noise) = (0.0, 0.0);
    for (a, b) in reference.iter().zip(distorted) {
        let (s, n) = energies(a, b);
        signal += s;
        noise += n;
    }
    ratio_db(signal, noise)
}

/// Returns the segmental SNR in dB; `None` if the reference is silent.
///
/// See [`super`].
#[must_use]
pub fn segmental_snr_db(reference: &[Vec<f32>], distorted: &[Vec<f32>], rate: u32) -> Option<f64> {
    let frame = (rate as usize / 50).max(1);
    let (mut sum, mut count) = (0.0, 0u32);
    for (a, b) in reference.iter().zip(distorted) {
        for (a, b) in a.chunks_exact(frame).zip(b.chunks_exact(frame)) {
            let (signal, noise) = energies(a, b);
            if let Some(ratio) = audible_ratio_db(signal, noise, frame) {
                sum += ratio;
                count += 1;
            }
        }
    }
    (count > 0).then(|| sum / f64::from(count))
}

/// The clamped ratio of a frame of so many samples; `None` if the reference is silent.
pub(super) fn audible_ratio_db(signal: f64, noise: f64, frame: usize) -> Option<f64> {
    (signal >= SILENCE * frame as f64).then(|| ratio_db(signal, noise).clamp(-10.0, 35.0))
}

/// The energies of the reference and of the difference.
pub(super) fn energies(a: &[f32], b: &[f32]) -> (f64, f64) {
    a.iter().zip(b).fold((0.0, 0.0), |(signal, noise), (&a, &b)| {
        let (a, b) = (f64::from(a), f64::from(b));
        (signal + a * a, noise + (a - b) * (a - b))
    })
}

fn ratio_db(signal: f64, noise: f64) -> f64 {
    if noise <= 0.0 {
        return 200.0;
    }
    (10.0 * (signal / noise).max(1e-20).log10()).min(200.0)
}
