//! Short parts of an input, spread over it, on which qualities are tried.

use std::ops::Range;
use std::sync::Arc;

use codec_core::codec::{Codec, EncoderConfig, FrameRequest, Packet};
use codec_core::frame::Rational;
use codec_core::parallel::RowPool;

use super::super::meter::QualityMeter;
use super::super::superframe::SuperframeJoiner;
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::frame::planes::Planes;
use crate::io::decoded::{DecodeOptions, open_decoder};
use crate::io::video;
use crate::progress::{Now, Progress};
use crate::settings::encoding::Encoding;
use crate::settings::goal::{TargetMetric, TargetQuality};
use crate::threads::threads_for;

/// Parts that are sampled of an input that is much longer.
const PARTS: u64 = 5;
/// Duration of a part in frames.
const PART_FRAMES: u64 = 32;
/// An input with at most this multiple of the sampled frames is sampled completely.
const WHOLE_FACTOR: u64 = 2;
/// Limit of the memory for sampled frames.
const MAX_BYTES: u64 = 400_000_000;
/// The fewest frames in a part.
const MIN_PART_FRAMES: u64 = 4;

/// Sampled frames, as they are encoded.
pub(super) struct Samples {
    parts: Vec<Vec<(Planes, i64)>>,
    pub(super) frame_rate: Rational,
    time_base: Rational,
    /// Frames of the whole input.
    pub(super) total: u64,
}

/// The frames of each part of an input with `total` frames of `bytes` bytes.
fn plan(total: u64, bytes: u64) -> Vec<Range<u64>> {
    let most = (MAX_BYTES / bytes.max(1)).clamp(PARTS * MIN_PART_FRAMES, PARTS * PART_FRAMES);
    if total <= most.min(PARTS * PART_FRAMES) * WHOLE_FACTOR && total <= MAX_BYTES / bytes.max(1) {
        return std::iter::once(0..total).collect();
    }
    let length = most / PARTS;
    let part = total / PARTS;
    (0..PARTS)
        .map(|n| {
            let from = n * part + part.saturating_sub(length) / 2;
            from..(from + length).min(total)
        })
        .collect()
}

impl Samples {
    /// Reads the samples of the input of `settings`.
    pub(super) fn read(settings: &Encoding, env: &Env) -> Result<Self> {
        // Problems of the input are reported by the encode.
        let env = &env.quiet();
        let mut source = video::open(&settings.input, &settings.decode_options(), env)?;
        let info = source.stream_info().clone();
        let mut transform = settings.transform();
        let (size, _) = transform.begin(info.size, info.info)?;
        let total = match info.count {
            Some(count) => count,
            None => count(settings, env)?,
        };
        let total = total.saturating_sub(settings.skip).min(settings.frames.unwrap_or(u64::MAX));
        let ranges = plan(total, size.i420_bytes());
        let mut parts: Vec<Vec<_>> = ranges.iter().map(|_| Vec::new()).collect();
        let end = ranges.last().map_or(0, |range| range.end);
        let mut frame = 0;
        while frame < settings.skip + end {
            if env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            // The encode will end at the same error.
            let Ok(Some(shot)) = source.next() else { break };
            let number = frame.checked_sub(settings.skip);
            frame += 1;
            let Some(number) = number else { continue };
            let Some(at) = ranges.iter().position(|range| range.contains(&number)) else {
                continue;
            };
            let picture = transform.apply(shot.picture)?;
            let is_next = parts[at].last().is_none_or(|&(_, pts): &(Planes, i64)| shot.pts > pts);
            if picture.size() == size && is_next {
                let mut planes = Planes::default();
                planes.copy_from(&picture);
                parts[at].push((planes, shot.pts));
            }
        }
        parts.retain(|part| !part.is_empty());
        if parts.is_empty() {
            let message = format!("{}: no frames to encode", settings.input.name());
            return Err(Failure::new(Kind::Input, message));
        }
        Ok(Self { parts, frame_rate: info.frame_rate, time_base: info.time_base, total })
    }

    /// Number of sampled frames.
    pub(super) fn frames(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }

    /// Whether all frames of the input are sampled.
    pub(super) fn are_whole(&self) -> bool {
        self.parts.len() == 1
    }

    /// Encodes all samples at the quality of `settings` and returns the mean of the metric.
    pub(super) fn measure(
        &self,
        settings: &Encoding,
        target: TargetQuality,
        progress: &mut Progress,
        env: &Env,
    ) -> Result<f64> {
        let mut values = Vec::new();
        let mut frames = 0;
        for part in &self.parts {
            let found = self.measure_part(part, settings, target.metric, env)?;
            // The first frame of a part is a key frame without motion, as few frames of the whole are.
            values.extend_from_slice(if self.are_whole() || found.len() < 2 {
                &found
            } else {
                &found[1..]
            });
            frames += part.len() as u64;
            progress.update(&Now { frames, ..Now::default() });
        }
        if values.is_empty() {
            return Err(Failure::internal("no sample was decoded"));
        }
        Ok(mean(&values))
    }

    fn measure_part(
        &self,
        part: &[(Planes, i64)],
        settings: &Encoding,
        metric: TargetMetric,
        env: &Env,
    ) -> Result<Vec<f64>> {
        let Some((first, origin)) = part.first() else { return Ok(Vec::new()) };
        let mut config = settings.config(first.size, self.frame_rate, self.time_base);
        (config.report_psnr, config.report_digest) = (false, false);
        config.simd = Some(env.level);
        config.info = first.info;
        let threads = threads_for(settings.threads, first.size);
        if threads > 1 {
            config.pool = Some(Arc::new(RowPool::new(threads).map_err(Failure::internal)?));
        }
        let packets = encode(part, *origin, settings, &config, env)?;
        let codec = settings.encoder.backend.codec;
        let mut options = DecodeOptions { threads: settings.threads, ..DecodeOptions::default() };
        options.limits.max_pixels = options.limits.max_pixels.max(first.size.pixels());
        let mut decoder = open_decoder(codec.name(), first.size, &options, 0, env)?;
        let mut meter = QualityMeter::new(metric, first.size, 1)?;
        let mut sources = part.iter();
        for packet in packets.iter().map(Some).chain([None]) {
            match packet {
                Some(packet) => {
                    let decoded = decoder.decode(&packet.data, packet.pts, packet.duration);
                    decoded.map_err(|error| Failure::decoding("a trial encode", error))?;
                }
                None => decoder.finish(),
            }
            while let Some(frame) = decoder.receive() {
                let source = sources.find(|(_, pts)| pts - origin == frame.pts);
                if let Some((source, _)) = source {
                    meter.add(source.clone(), &frame.picture())?;
                }
            }
        }
        Ok(meter.values())
    }
}

/// Encodes the frames of a part.
fn encode(
    part: &[(Planes, i64)],
    origin: i64,
    settings: &Encoding,
    config: &EncoderConfig,
    env: &Env,
) -> Result<Vec<Packet>> {
    let Some((open, _)) = settings.encoder.backend.encoder else {
        return Err(Failure::internal("a backend without an encoder"));
    };
    let mut encoder = open(config).map_err(Failure::encoding)?;
    let mut joiner = SuperframeJoiner::new(settings.encoder.backend.codec);
    let (mut packet, mut packets) = (Packet::default(), Vec::new());
    let mut regions = settings.encoder.regions.maps(config.size)?;
    for frame in part.iter().map(Some).chain([None]) {
        if env.stop.is_requested() {
            return Err(Failure::interrupted(false));
        }
        match frame {
            Some((planes, pts)) => {
                let mut request = FrameRequest::at(pts - origin);
                request.importance = regions.map(config.size)?;
                encoder.encode(&planes.picture()?, &request).map_err(Failure::encoding)?;
            }
            None => encoder.finish().map_err(Failure::encoding)?,
        }
        while encoder.receive(&mut packet) {
            if joiner.add(&mut packet) {
                packets.push(packet.clone());
            }
        }
    }
    Ok(packets)
}

/// Counts the frames of the input of `settings` by reading it.
pub(super) fn count(settings: &Encoding, env: &Env) -> Result<u64> {
    let mut source = video::open(&settings.input, &settings.decode_options(), &env.quiet())?;
    let mut count = 0;
    while let Ok(Some(_)) = source.next() {
        count += 1;
        if env.stop.is_requested() {
            return Err(Failure::interrupted(false));
        }
    }
    Ok(count)
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
    fn short_inputs_are_sampled_completely_and_long_ones_in_five_parts() {
        let whole = |total| plan(total, 150_000).iter().eq([&(0..total)]);
        assert!(whole(300) && whole(0));
        let parts = plan(3_000, 150_000);
        assert_eq!(parts.len(), 5);
        assert!(parts.iter().all(|part| part.end - part.start == 32 && part.end <= 3_000));
        assert!(parts[0].start > 200 && parts[4].start > 2_600, "{parts:?}");
        // Frames of 8K: the memory is limited.
        let parts = plan(500, 50_000_000);
        assert!(parts.iter().all(|part| part.end - part.start == 4), "{parts:?}");
    }
}
