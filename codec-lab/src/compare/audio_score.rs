//! Compares decoded audio with its clip, segment by segment.

use std::path::Path;

use codec_audio::AudioFormat;
use codec_audio::metrics::{CompareOptions, Segment, Segments, segments};
use codec_core::frame::Rational;
use codec_measure::metrics::{AudioMetric, PERFECT_DB};
use codec_measure::results::Delivery;
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};

use super::audio_clip;

/// The segments of a clip, compared with decoded audio.
pub(super) struct ScoredAudio {
    pub(super) delivery: Delivery,
    pub(super) segments: Vec<ScoredSegment>,
}

/// One segment.
pub(super) struct ScoredSegment {
    pub(super) time_s: f64,
    /// Whether nothing was decoded for it.
    pub(super) is_missing: bool,
    /// One value per metric; `None` if the metric has none for this segment.
    pub(super) values: Vec<Option<f64>>,
}

/// Compares decoded audio with a clip of the same format, whose segments have this rate. A constant delay is compensated.
pub(super) fn score_segments(
    clip: &Path,
    (format, rate): (AudioFormat, Rational),
    decoded: &[f32],
    metrics: &[AudioMetric],
    env: &Env,
) -> Result<ScoredAudio> {
    let reference = audio_clip::read(clip, Some(format), env)?.values;
    if env.stop.is_requested() {
        return Err(Failure::new(Kind::Interrupted, "interrupted"));
    }
    let found = segments(&reference, decoded, format, &CompareOptions::default());
    let Segments { segments, .. } = found.map_err(Failure::internal)?;
    Ok(ScoredAudio {
        delivery: delivery(&segments, rate),
        segments: scored(&segments, metrics, rate),
    })
}

/// The values of each segment.
#[expect(clippy::cast_precision_loss, reason = "counts of segments")]
fn scored(segments: &[Segment], metrics: &[AudioMetric], rate: Rational) -> Vec<ScoredSegment> {
    let signal: f64 = segments.iter().map(|segment| segment.signal).sum();
    let mean = signal / segments.len().max(1) as f64;
    let value = |segment: &Segment, metric: &AudioMetric| match metric {
        AudioMetric::SegmentalSnr => segment.snr_db,
        AudioMetric::Lsd => segment.log_spectral_distance_db,
        // The mean of the noise of all segments then gives the SNR of the clip.
        AudioMetric::Snr => {
            let ratio = 10.0 * (mean / segment.noise.max(f64::MIN_POSITIVE)).log10();
            Some(ratio.clamp(-PERFECT_DB, PERFECT_DB))
        }
        _ => None,
    };
    let frame = |(number, segment): (usize, &Segment)| ScoredSegment {
        time_s: number as f64 / rate.as_f64(),
        is_missing: !segment.is_covered,
        values: metrics.iter().map(|metric| value(segment, metric)).collect(),
    };
    segments.iter().enumerate().map(frame).collect()
}

/// Counts segments for which nothing was decoded.
#[expect(clippy::cast_precision_loss, reason = "counts of segments")]
fn delivery(segments: &[Segment], rate: Rational) -> Delivery {
    let runs = segments.chunk_by(|a, b| a.is_covered == b.is_covered);
    let missing: Vec<usize> = runs.filter(|run| !run[0].is_covered).map(<[_]>::len).collect();
    let frozen = missing.iter().sum::<usize>() as u64;
    let longest = missing.iter().copied().max().unwrap_or(0);
    let frames = segments.len() as u64;
    Delivery {
        frames,
        shown: frames - frozen,
        frozen,
        freezes: missing.len() as u64,
        longest_freeze_ms: 1000.0 * longest as f64 / rate.as_f64(),
        ..Delivery::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::metric::Metric;
    use super::*;

    const RATE: Rational = Rational::new(50, 1);

    fn segment(noise: f64, is_covered: bool) -> Segment {
        Segment { signal: 1.0, noise, is_covered, snr_db: None, log_spectral_distance_db: None }
    }

    #[test]
    fn the_pooled_snr_is_that_of_the_whole_clip() {
        let segments = [segment(0.1, true), segment(0.001, true), segment(0.0, true)];
        let frames = scored(&segments, &[AudioMetric::Snr, AudioMetric::SegmentalSnr], RATE);
        let values: Vec<f64> = frames.iter().filter_map(|frame| frame.values[0]).collect();
        assert!((values[0] - 10.0).abs() < 1e-9 && (values[2] - PERFECT_DB).abs() < 1e-9);
        assert!(frames.iter().all(|frame| frame.values[1].is_none()));
        let pooled = Metric::Audio(AudioMetric::Snr).pool(&values, &[0.0, 0.02, 0.04]).unwrap();
        assert!((pooled.mean - 10.0 * (3.0_f64 / 0.101).log10()).abs() < 1e-6, "{pooled:?}");
    }

    #[test]
    fn missing_segments_are_counted_by_their_runs() {
        let covered = [false, true, true, false, false, false, true];
        let segments = covered.map(|is_covered| segment(0.1, is_covered));
        let found = delivery(&segments, RATE);
        assert_eq!((found.frames, found.shown, found.frozen, found.freezes), (7, 3, 4, 2));
        assert!((found.longest_freeze_ms - 60.0).abs() < 1e-9);
    }
}
