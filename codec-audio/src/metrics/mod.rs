//! Objective audio quality metrics and loudness.
//!
//! Definitions:
//!
//! - **Delay**: position of the highest peak of the cross-correlation of both signals, in whole
//!   samples. Both are mixed to mono and limited to their first 20 seconds, and the search is
//!   limited to delays up to [`CompareOptions::max_delay_ms`] (default: 500 ms). SNR, segmental SNR
//!   and log-spectral distance use only the part where the signals overlap.
//! - **SNR**: ratio of the energy of the reference to the energy of the difference, over all channels, in dB; at most
//!   200.
//! - **Segmental SNR**: mean SNR of frames of 20 ms (whole samples, not overlapping, each channel
//!   separately), each clamped to -10..=35 dB. Frames with a reference below -70 dBov are ignored.
//! - **Log-spectral distance**: frames of 20 ms start every 10 ms, have a Hann window and are
//!   zero-padded to a power of two. Power spectra are scaled so that a full-scale sine has 1 in its
//!   bin, and a floor of 1e-10 is added. The distance of a frame is the root mean square of the
//!   difference of the spectra in dB, over the bins above 0 Hz up to [`CompareOptions::max_hz`]
//!   (default: half the sample rate). The result is the mean over frames and channels. Frames with
//!   a reference below -70 dBov are ignored.
//! - **Segments**: segmental SNR and log-spectral distance of each 20 ms segment of the reference.
//!   If the other signal has no samples for a part of a segment, that part counts as silence.
//! - **Loudness**: integrated loudness, loudness range and true peak by EBU R 128 (ITU-R BS.1770),
//!   with the feature `loudness`.
//!
//! The loudness of the signals is not matched first: a quieter copy counts as distorted.

mod align;
mod fft;
#[cfg(feature = "loudness")]
mod loudness;
mod segments;
mod snr;
mod spectral;

pub use align::{Alignment, align};
#[cfg(feature = "loudness")]
pub use loudness::{Loudness, LoudnessMeter};
pub use segments::{Segment, Segments, segment_samples, segments};
pub use snr::{segmental_snr_db, snr_db};
pub use spectral::log_spectral_distance_db;

use super::format::AudioFormat;
use codec_core::error::ConfigError;

/// Power below which a frame counts as silent: -70 dBov.
const SILENCE: f64 = 1e-7;

/// Options of a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareOptions {
    /// Maximum delay to search in either direction, in milliseconds; 0 compares the signals without
    /// alignment.
    pub max_delay_ms: u32,
    /// Highest frequency of the log-spectral distance in Hz; `None`: half the rate.
    pub max_hz: Option<f64>,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self { max_delay_ms: 500, max_hz: None }
    }
}

/// Differences between a signal and its reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Alignment of the two signals.
    pub alignment: Alignment,
    /// Number of sample frames compared.
    pub frames: usize,
    /// Signal-to-noise ratio in dB; see the module documentation.
    pub snr_db: f64,
    /// Segmental SNR in dB; `None` if the reference is silent.
    pub segmental_snr_db: Option<f64>,
    /// Log-spectral distance in dB; `None` if the reference is silent.
    pub log_spectral_distance_db: Option<f64>,
}

/// Compares two interleaved signals in the same format.
///
/// NaN and infinite samples count as 0.
///
/// ```
/// use codec_audio::metrics::{CompareOptions, compare};
/// use codec_audio::{AudioFormat, ChannelLayout};
///
/// let format = AudioFormat::new(48_000, ChannelLayout::Mono);
/// let reference: Vec<f32> = (0..9600).map(|n| (n as f32 / 7.0).sin() / 2.0).collect();
/// let quieter: Vec<f32> = reference.iter().map(|sample| sample * 0.99).collect();
/// let options = CompareOptions { max_delay_ms: 0, ..CompareOptions::default() };
/// let found = compare(&reference, &quieter, format, &options)?;
/// assert!((found.snr_db - 40.0).abs() < 0.1);
/// # Ok::<(), codec_core::error::ConfigError>(())
/// ```
///
/// # Errors
/// [`ConfigError`] if the format is invalid, the samples are not whole sample frames, or the
/// signals do not overlap.
pub fn compare(
    reference: &[f32],
    distorted: &[f32],
    format: AudioFormat,
    options: &CompareOptions,
) -> Result<Comparison, ConfigError> {
    let channels = format.channels();
    let alignment = aligned(reference, distorted, format, options)?;
    let (a, b) = overlap(reference, distorted, alignment.delay, channels);
    if a.is_empty() {
        return Err(ConfigError::new("overlap of the signals", "0 samples", "at least 1"));
    }
    let (a, b) = (planes(a, channels), planes(b, channels));
    Ok(Comparison {
        alignment,
        frames: a[0].len(),
        snr_db: snr_db(&a, &b),
        segmental_snr_db: segmental_snr_db(&a, &b, format.rate),
        log_spectral_distance_db: log_spectral_distance_db(&a, &b, format.rate, options.max_hz),
    })
}

/// Checks and aligns two signals.
fn aligned(
    reference: &[f32],
    distorted: &[f32],
    format: AudioFormat,
    options: &CompareOptions,
) -> Result<Alignment, ConfigError> {
    let channels = format.channels();
    if format.rate == 0 || channels == 0 {
        return Err(ConfigError::new("audio format", format, "at least 1 Hz and 1 channel"));
    }
    for samples in [reference, distorted] {
        if samples.is_empty() || !samples.len().is_multiple_of(channels) {
            let allowed = format!("a multiple of {channels} (the number of channels) above 0");
            return Err(ConfigError::new("samples", samples.len(), allowed));
        }
    }
    let furthest = format.rate as usize * options.max_delay_ms as usize / 1000;
    Ok(align(reference, distorted, format, furthest))
}

fn overlap<'a>(a: &'a [f32], b: &'a [f32], delay: i64, channels: usize) -> (&'a [f32], &'a [f32]) {
    let skip = usize::try_from(delay.unsigned_abs()).unwrap_or(usize::MAX).saturating_mul(channels);
    let (a, b) = if delay >= 0 {
        (a, b.get(skip..).unwrap_or_default())
    } else {
        (a.get(skip..).unwrap_or_default(), b)
    };
    let both = a.len().min(b.len());
    (&a[..both], &b[..both])
}

fn planes(samples: &[f32], channels: usize) -> Vec<Vec<f32>> {
    let sane = |value: f32| if value.is_finite() { value.clamp(-1e6, 1e6) } else { 0.0 };
    (0..channels)
        .map(|channel| samples.iter().skip(channel).step_by(channels).map(|&v| sane(v)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::ChannelLayout;
    use super::*;

    const STEREO: AudioFormat = AudioFormat::new(48_000, ChannelLayout::Stereo);

    fn noise(frames: usize, mut seed: u32) -> Vec<f32> {
        (0..frames)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                0.2 * ((seed >> 8) as f32 / (1 << 23) as f32 - 1.0)
            })
            .collect()
    }

    fn close(a: f64, b: f64, within: f64) -> bool {
        (a - b).abs() < within
    }

    #[test]
    fn equal_signals_have_no_distance() {
        let signal = noise(48_000, 1);
        let found = compare(&signal, &signal, STEREO, &CompareOptions::default()).unwrap();
        assert_eq!((found.alignment.delay, found.frames), (0, 24_000));
        assert!(close(found.snr_db, 200.0, 1e-9));
        assert!(close(found.segmental_snr_db.unwrap(), 35.0, 1e-9));
        assert!(close(found.log_spectral_distance_db.unwrap(), 0.0, 1e-9));
    }

    #[test]
    fn a_quieter_copy_has_the_expected_distances() {
        let signal = noise(96_000, 1);
        let half: Vec<f32> = signal.iter().map(|v| v * 0.5).collect();
        let found = compare(&signal, &half, STEREO, &CompareOptions::default()).unwrap();
        assert!(close(found.snr_db, 6.0206, 1e-3));
        assert!(close(found.segmental_snr_db.unwrap(), 6.0206, 1e-3));
        // The floor of 1e-10 lies 50 dB below this noise.
        assert!(close(found.log_spectral_distance_db.unwrap(), 6.0206, 0.01));
    }

    #[test]
    fn a_delay_in_either_direction_is_found_and_compensated() {
        let signal = noise(96_000, 2);
        for delay in [-4_321i64, -1, 0, 7, 20_000] {
            let samples = 2 * usize::try_from(delay.unsigned_abs()).unwrap();
            let padded = [&vec![0.0; samples], &signal[..]].concat();
            let (a, b) = if delay >= 0 { (&signal, &padded) } else { (&padded, &signal) };
            let found = compare(a, b, STEREO, &CompareOptions::default()).unwrap();
            assert_eq!(found.alignment.delay, delay);
            assert!(close(found.snr_db, 200.0, 1e-9) && found.alignment.correlation > 0.99);
        }
        let fixed = CompareOptions { max_delay_ms: 0, ..CompareOptions::default() };
        let late = [&[0.0; 20], &signal[..]].concat();
        assert!(compare(&signal, &late, STEREO, &fixed).unwrap().snr_db < 0.0);
    }

    #[test]
    fn silence_odd_lengths_and_invalid_values_are_handled() {
        let options = CompareOptions::default();
        let nothing = vec![0.0; 9_600];
        let silent = compare(&nothing, &nothing, STEREO, &options).unwrap();
        assert_eq!((silent.segmental_snr_db, silent.log_spectral_distance_db), (None, None));
        let wild = [f32::NAN, f32::INFINITY, 1e30, -1e30].repeat(1_000);
        for length in [2, 4, 100, 4_000] {
            let found = compare(&wild[..length], &noise(length, 1), STEREO, &options).unwrap();
            assert!(found.snr_db.is_finite());
        }
        assert!(compare(&[], &[], STEREO, &options).is_err());
        assert!(compare(&[0.0; 3], &[0.0; 2], STEREO, &options).is_err());
    }
}
