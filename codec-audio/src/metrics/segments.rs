//! Quality of each 20 ms segment of a signal.

use std::ops::Range;

use super::snr::{audible_ratio_db, energies};
use super::spectral::SpectralMeter;
use super::{Alignment, CompareOptions, aligned, planes};
use crate::format::AudioFormat;
use codec_core::error::ConfigError;

/// The segments of a reference, compared with another signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Segments {
    /// Alignment of the two signals.
    pub alignment: Alignment,
    /// The whole segments of the reference, in order.
    pub segments: Vec<Segment>,
}

/// One segment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Segment {
    /// SNR in dB, -10..=35: the mean over the channels in which the reference is not silent; `None` without such a channel.
    pub snr_db: Option<f64>,
    /// Log-spectral distance in dB: the mean over the frames that begin in the segment, and over the channels, in which the
    /// reference is not silent; `None` without such a frame.
    pub log_spectral_distance_db: Option<f64>,
    /// Energy of the reference over all channels.
    pub signal: f64,
    /// Energy of the difference over all channels.
    pub noise: f64,
    /// Whether the other signal has samples in at least half of the segment.
    pub is_covered: bool,
}

/// Number of samples of a segment in each channel: 20 ms.
#[must_use]
pub fn segment_samples(rate: u32) -> usize {
    (rate as usize / 50).max(1)
}

/// Compares each whole segment of a reference with another signal in the same format, after alignment. Missing samples of the
/// other signal are silence.
///
/// ```
/// use codec_audio::metrics::{CompareOptions, segments};
/// use codec_audio::{AudioFormat, ChannelLayout};
///
/// let format = AudioFormat::new(48_000, ChannelLayout::Mono);
/// let reference: Vec<f32> = (0..9600).map(|n| (n as f32 / 7.0).sin() / 2.0).collect();
/// let options = CompareOptions { max_delay_ms: 0, ..CompareOptions::default() };
/// let found = segments(&reference, &reference[..4800], format, &options)?.segments;
/// assert_eq!((found.len(), found[0].snr_db, found[9].snr_db), (10, Some(35.0), Some(0.0)));
/// # Ok::<(), codec_core::error::ConfigError>(())
/// ```
///
/// # Errors
/// [`ConfigError`] if the format is invalid or the samples are not whole sample frames.
pub fn segments(
    reference: &[f32],
    distorted: &[f32],
    format: AudioFormat,
    options: &CompareOptions,
) -> Result<Segments, ConfigError> {
    let alignment = aligned(reference, distorted, format, options)?;
    let channels = format.channels();
    let a = planes(reference, channels);
    let (mut b, covered) = shifted(planes(distorted, channels), alignment.delay, a[0].len());
    let each = segment_samples(format.rate);
    let mut found: Vec<Sums> = vec![Sums::default(); a[0].len() / each];
    let mut meter = SpectralMeter::new(format.rate, options.max_hz);
    for (a, b) in a.iter().zip(&mut b) {
        for ((a, b), sums) in a.chunks_exact(each).zip(b.chunks_exact(each)).zip(&mut found) {
            let (signal, noise) = energies(a, b);
            sums.signal += signal;
            sums.noise += noise;
            sums.ratio.extend(audible_ratio_db(signal, noise, each));
        }
        meter.each(a, b, |at, distance| {
            if let Some(sums) = found.get_mut(at / each) {
                sums.distance.extend([distance]);
            }
        });
    }
    let segments = found.into_iter().enumerate().map(|(index, sums)| Segment {
        snr_db: sums.ratio.mean(),
        log_spectral_distance_db: sums.distance.mean(),
        signal: sums.signal,
        noise: sums.noise,
        is_covered: 2 * overlap(index * each..(index + 1) * each, &covered) >= each,
    });
    Ok(Segments { alignment, segments: segments.collect() })
}

/// Sums over the part of a segment that was processed so far.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    ratio: Mean,
    distance: Mean,
    signal: f64,
    noise: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn extend(&mut self, values: impl IntoIterator<Item = f64>) {
        for value in values {
            self.sum += value;
            self.count += 1;
        }
    }

    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

/// Number of samples that are in both ranges.
fn overlap(a: Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

/// Moves the samples of each channel earlier by `delay`, with silence around them up to `length`. Also returns the range of
/// samples that are not added silence.
fn shifted(planes: Vec<Vec<f32>>, delay: i64, length: usize) -> (Vec<Vec<f32>>, Range<usize>) {
    let distance = usize::try_from(delay.unsigned_abs()).unwrap_or(usize::MAX);
    let mut covered = 0..0;
    let move_one = |plane: Vec<f32>| {
        let (before, skipped) = if delay >= 0 { (0, distance) } else { (distance.min(length), 0) };
        let mut moved = vec![0.0; before];
        moved.extend(plane.get(skipped..).unwrap_or_default().iter().take(length - before));
        covered = before..moved.len();
        moved.resize(length, 0.0);
        moved
    };
    let moved = planes.into_iter().map(move_one).collect();
    (moved, covered)
}

#[cfg(test)]
mod tests {
    use super::super::{compare, segmental_snr_db};
    use super::*;
    use crate::format::ChannelLayout;

    const STEREO: AudioFormat = AudioFormat::new(48_000, ChannelLayout::Stereo);

    /// Two channels of a signal that does not repeat itself.
    fn signal(frames: usize) -> Vec<f32> {
        (0..2 * frames).map(|n| ((n * n % 1009) as f32 / 1009.0 - 0.5) / 2.0).collect()
    }

    #[test]
    fn the_mean_over_segments_is_that_of_the_whole_signal() {
        let reference = signal(9_600);
        let other: Vec<f32> =
            reference.iter().enumerate().map(|(n, v)| v * (1.0 + (n % 7) as f32 / 50.0)).collect();
        let options = CompareOptions { max_delay_ms: 0, ..CompareOptions::default() };
        let whole = compare(&reference, &other, STEREO, &options).unwrap();
        let found = segments(&reference, &other, STEREO, &options).unwrap().segments;
        assert_eq!(found.len(), 10);
        let mean = |pick: fn(&Segment) -> f64| found.iter().map(pick).sum::<f64>() / 10.0;
        let ratio = mean(|one| one.snr_db.unwrap());
        assert!((ratio - whole.segmental_snr_db.unwrap()).abs() < 1e-9);
        let distance = mean(|one| one.log_spectral_distance_db.unwrap());
        // The last segment has one frame instead of two.
        assert!((distance - whole.log_spectral_distance_db.unwrap()).abs() < 0.05);
        let (signal, noise) = (mean(|one| one.signal), mean(|one| one.noise));
        assert!((10.0 * (signal / noise).log10() - whole.snr_db).abs() < 1e-9);
    }

    #[test]
    fn missing_samples_are_silence_and_a_delay_is_compensated() {
        let reference = signal(9_600);
        // Late by 100 samples, and without the last 2,300.
        let late = [&[0.0; 200], &reference[..2 * 7_300]].concat();
        let options = CompareOptions { max_delay_ms: 10, ..CompareOptions::default() };
        let found = segments(&reference, &late, STEREO, &options).unwrap();
        assert_eq!((found.alignment.delay, found.segments.len()), (100, 10));
        // The last sample is in the first half of the segment after the seventh.
        let covered = found.segments.iter().filter(|one| one.is_covered).count();
        assert_eq!(covered, 8);
        assert_eq!((found.segments[6].snr_db, found.segments[9].snr_db), (Some(35.0), Some(0.0)));
        // Early: most of the first segment is missing.
        let early = &reference[2 * 700..];
        let options = CompareOptions { max_delay_ms: 20, ..options };
        let found = segments(&reference, early, STEREO, &options).unwrap();
        assert_eq!(found.alignment.delay, -700);
        assert!(!found.segments[0].is_covered && found.segments[9].is_covered);
    }

    #[test]
    fn silent_segments_have_no_ratio_but_their_noise_counts() {
        let mut reference = signal(2_880);
        reference[2 * 960..2 * 1920].fill(0.0);
        let other = signal(2_880);
        let options = CompareOptions { max_delay_ms: 0, ..CompareOptions::default() };
        let found = segments(&reference, &other, STEREO, &options).unwrap().segments;
        assert_eq!(found[1].snr_db, None);
        assert!(found[1].noise > 0.0 && found[0].noise <= 0.0);
        assert!(segmental_snr_db(&[], &[], 48_000).is_none());
        assert!(segments(&[], &other, STEREO, &options).is_err());
    }
}
