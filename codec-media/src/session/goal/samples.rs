//! Short parts of an input, spread over it, on which quality settings are tried.

use std::ops::Range;

use codec_core::codec::Codec;
use codec_core::frame::{Picture, Rational};

use super::frames::Frames;
use super::measured_encode::MeasuredEncode;
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::frame::planes::Planes;
use crate::progress::{Now, Progress};
use crate::settings::encoding::Encoding;
use crate::settings::goal::TargetQuality;

/// Number of parts that are sampled of an input that is longer than all of them.
const PARTS: u64 = 10;
/// Minimum number of parts if frames are large.
const LEAST_PARTS: u64 = 5;
/// Duration of a part in frames. Parts begin with key frames, which affect the frames after them: with half as many frames, the
/// error of the mean doubles.
const PART_FRAMES: u64 = 32;
/// Minimum number of frames in a part.
const MIN_PART_FRAMES: u64 = 4;
/// Limit of the memory for sampled frames.
const MAX_BYTES: u64 = 400_000_000;

/// Sampled frames, as they are encoded.
pub(super) struct Samples {
    parts: Vec<Vec<(Planes, i64)>>,
    /// The numbers of the frames of each part.
    ranges: Vec<Range<u64>>,
    pub(super) frame_rate: Rational,
    time_base: Rational,
    /// Frames of the whole input.
    pub(super) total: u64,
}

/// The frames of each part of an input with `total` frames of `bytes` bytes.
fn plan(total: u64, bytes: u64) -> Vec<Range<u64>> {
    let most = (MAX_BYTES / bytes.max(1)).min(PARTS * PART_FRAMES);
    if total <= most {
        return std::iter::once(0..total).collect();
    }
    let most = most.max(LEAST_PARTS * MIN_PART_FRAMES);
    let parts = (most / PART_FRAMES).clamp(LEAST_PARTS, PARTS);
    let (length, distance) = (most / parts, total / parts);
    (0..parts)
        .map(|n| {
            let from = n * distance + distance.saturating_sub(length) / 2;
            from..(from + length).min(total)
        })
        .collect()
}

impl Samples {
    /// Reads the samples of the input of `settings`.
    pub(super) fn read(settings: &Encoding, env: &Env) -> Result<Self> {
        let frames = Frames::open(settings, env)?;
        let (frame_rate, time_base) = (frames.frame_rate, frames.time_base);
        let total = frames.total(settings, env)?;
        let ranges = plan(total, frames.size.i420_bytes());
        let part_of = |number: u64| ranges.iter().position(|range| range.contains(&number));
        let mut parts: Vec<Vec<_>> = ranges.iter().map(|_| Vec::new()).collect();
        let end = ranges.last().map_or(0, |range| range.end);
        let take = |number: u64, picture: &Picture<'_>, pts: i64| {
            let Some(part) = part_of(number).and_then(|at| parts.get_mut(at)) else {
                return Ok(());
            };
            if part.last().is_none_or(|&(_, last): &(Planes, i64)| pts > last) {
                let mut planes = Planes::default();
                planes.copy_from(picture);
                part.push((planes, pts));
            }
            Ok(())
        };
        frames.read(end, |number| part_of(number).is_some(), take, env)?;
        if parts.iter().all(Vec::is_empty) {
            let message = format!("{}: no frames to encode", settings.input.name());
            return Err(Failure::new(Kind::Input, message));
        }
        Ok(Self { parts, ranges, frame_rate, time_base, total })
    }

    /// Number of sampled frames.
    pub(super) fn frames(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }

    /// Whether all frames of the input are sampled.
    pub(super) fn are_whole(&self) -> bool {
        self.parts.len() == 1
    }

    /// Number of parts.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// The values of one part, within the values of all frames of the input.
    pub(super) fn values_of_part<'a>(&self, part: usize, all: &'a [f64]) -> &'a [f64] {
        let Some(range) = self.ranges.get(part) else { return &[] };
        // A metric may be measured in some frames only.
        let place = |frame: u64| {
            let place = frame.saturating_mul(all.len() as u64) / self.total.max(1);
            usize::try_from(place).unwrap_or(usize::MAX).min(all.len())
        };
        self.typical(all.get(place(range.start)..place(range.end)).unwrap_or(&[]))
    }

    /// The values of a part without its first frame, which is a key frame without motion, as few frames of the whole are.
    fn typical<'a>(&self, values: &'a [f64]) -> &'a [f64] {
        match values {
            [_, rest @ ..] if !self.are_whole() && !rest.is_empty() => rest,
            all => all,
        }
    }

    /// Encodes a part with `settings` and returns the values of the metric.
    pub(super) fn measure(
        &self,
        part: usize,
        settings: &Encoding,
        target: TargetQuality,
        env: &Env,
    ) -> Result<Vec<f64>> {
        let Some(frames) = self.parts.get(part) else { return Ok(Vec::new()) };
        let found = self.measure_part(frames, settings, target, env)?;
        Ok(self.typical(&found).to_vec())
    }

    fn measure_part(
        &self,
        part: &[(Planes, i64)],
        settings: &Encoding,
        target: TargetQuality,
        env: &Env,
    ) -> Result<Vec<f64>> {
        let Some((first, origin)) = part.first() else { return Ok(Vec::new()) };
        let rates = (self.frame_rate, self.time_base);
        let mut encode = MeasuredEncode::open(settings, target, (first, *origin), rates, env)?;
        for (planes, pts) in part {
            if env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            encode.add(planes.clone(), *pts)?;
        }
        encode.finish()
    }
}

/// Encodes the whole input of `settings` and returns the values of the metric.
pub(super) fn measure_whole(
    settings: &Encoding,
    target: TargetQuality,
    progress: &mut Progress,
    env: &Env,
) -> Result<Vec<f64>> {
    let frames = Frames::open(settings, env)?;
    let rates = (frames.frame_rate, frames.time_base);
    let mut encode: Option<MeasuredEncode> = None;
    let (mut last, mut count) = (None, 0);
    let take = |_, picture: &Picture<'_>, pts: i64| {
        // The encode ends at a time that does not increase.
        if last.is_some_and(|last| pts <= last) {
            return Ok(());
        }
        (last, count) = (Some(pts), count + 1);
        let mut planes = Planes::default();
        planes.copy_from(picture);
        progress.update(&Now { frames: count, ..Now::default() });
        if encode.is_none() {
            encode = Some(MeasuredEncode::open(settings, target, (&planes, pts), rates, env)?);
        }
        encode.as_mut().map_or(Ok(()), |encode| encode.add(planes, pts))
    };
    frames.read(settings.frames.unwrap_or(u64::MAX), |_| true, take, env)?;
    let values = encode.map_or(Ok(Vec::new()), MeasuredEncode::finish)?;
    if values.is_empty() {
        return Err(Failure::internal("no frame of a trial encode was decoded"));
    }
    Ok(values)
}

/// The mean of values; 0 without any.
#[expect(clippy::cast_precision_loss, reason = "a number of frames")]
pub(in crate::session) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Whether trial encodes of a codec can be tried at fractions of a quality.
pub(super) fn has_fractions(settings: &Encoding) -> bool {
    matches!(settings.encoder.backend.codec, Codec::Vp8 | Codec::Vp9 | Codec::H264)
        && !settings.encoder.capabilities.quantiser_steps.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_inputs_are_sampled_completely_and_long_ones_in_parts() {
        let whole = |total| plan(total, 150_000).iter().eq([&(0..total)]);
        assert!(whole(320) && whole(0) && !whole(321));
        let parts = plan(3_000, 150_000);
        assert_eq!(parts.len(), 10);
        assert!(parts.iter().all(|part| part.end - part.start == 32 && part.end <= 3_000));
        assert!(parts[0].start > 100 && parts[9].start > 2_800, "{parts:?}");
        // The memory is limited: fewer parts of 1080p, and shorter ones of 8K.
        for (bytes, length) in [(3_110_400, 25), (50_000_000, 4)] {
            let parts = plan(500, bytes);
            let lengths = parts.iter().map(|part| part.end - part.start);
            assert!(lengths.eq([length; 5]), "{parts:?}");
        }
    }

    #[test]
    fn a_part_has_its_values_among_those_of_all_frames() {
        let rate = Rational::new(25, 1);
        let ranges = vec![10..14, 30..34];
        let parts = vec![Vec::new(), Vec::new()];
        let samples = Samples { parts, ranges, frame_rate: rate, time_base: rate, total: 40 };
        let all: Vec<f64> = (0..40).map(f64::from).collect();
        // Without the first frame, which is a key frame in the samples.
        assert_eq!(samples.values_of_part(0, &all), &all[11..14]);
        assert_eq!(samples.values_of_part(2, &all), &[] as &[f64]);
        // A metric that is measured in one of two frames.
        assert_eq!(samples.values_of_part(1, &all[..20]), &all[16..17]);
        assert_eq!(samples.values_of_part(1, &[]), &[] as &[f64]);
    }
}
