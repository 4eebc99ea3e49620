//! Encodes to a target file size.

use std::sync::Arc;

use codec_core::codec::{Bitrate, FirstPassStats};

use super::super::{Finished, Session};
use super::{check_files, media_of};
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::io::media::Media;
use crate::io::source::FrameSource;
use crate::settings::encoder::Preset;
use crate::settings::encoding::Encoding;

/// Maximum number of encodes of the whole input.
const MAX_ENCODES: u32 = 6;
/// A file of at least this share of the requested size meets it.
const LEAST: f64 = 0.97;
/// The share of the requested size that an encode aims for.
const AIM: f64 = 0.985;
/// Assumed bitrate of the audio in the first encode, in bits per second.
const AUDIO_BPS: f64 = 100_000.0;
/// Lowest bitrate of the video, in bits per second.
const LEAST_BPS: f64 = 1_000.0;

/// Encodes `media` to a file of at most `bytes` bytes, and at least 97 % of them.
pub(super) fn encode(settings: &Encoding, bytes: u64, media: Media, env: &Env) -> Result<()> {
    check_files(settings, "--size")?;
    if settings.encoder.preset != Preset::File {
        return Err(Failure::usage("--size requires --preset file"));
    }
    if settings.passes == Some(1) {
        return Err(Failure::usage("--size requires two passes: omit --passes"));
    }
    let Some(source) = &media.video else { return Err(Failure::internal("no video")) };
    let mut seconds = duration(settings, &**source, env)?.max(0.001);
    let audio = media.audio.as_ref().filter(|_| settings.audio.is_some());
    let audio_tracks = audio.map_or(0, |audio| 1 + audio.more.len() as u64);
    let audio = float(audio_tracks) * AUDIO_BPS / 8.0 * seconds;
    let mut control = Control::new(float(bytes), audio);
    let mut media = Some(media);
    let mut best: Option<Finished> = None;
    let mut first_pass: Option<Arc<FirstPassStats>> = None;
    for number in 1.. {
        let attempt = settings.at_bitrate(bitrate(control.video * 8.0 / seconds));
        let opened = media_of(&mut media, settings, env)?;
        let Some(mut source) = opened.video else {
            return Err(Failure::new(Kind::Input, "the input has no video"));
        };
        let known = first_pass.take();
        let session = Session::with_first_pass(&attempt, &*source, opened.audio, known, env)?;
        let mut finished = session.encode_all(&attempt, &mut *source)?;
        // The size is the target, not the bitrate.
        finished.warning = None;
        first_pass.clone_from(&finished.first_pass);
        seconds = finished.seconds.max(0.001);
        let (file, video) = (size_of(&finished), float(finished.video_bytes));
        let was_cut = finished.end.is_err();
        if best.as_ref().is_none_or(|best| control.is_better(file, size_of(best))) {
            best = Some(finished);
        }
        let goes_on = control.correct(file, video, LEAST_BPS / 8.0 * seconds);
        if was_cut || !goes_on || number == MAX_ENCODES {
            break;
        }
        env.events.note(format!(
            "the file has {:.2} % of the target of {bytes} bytes: encoding again at {}",
            100.0 * file / control.limit,
            bitrate(control.video * 8.0 / seconds)
        ));
    }
    match best {
        Some(finished) => keep(bytes, finished, env),
        None => Err(Failure::internal("no encode")),
    }
}

/// Keeps the result and reports its size.
fn keep(bytes: u64, mut finished: Finished, env: &Env) -> Result<()> {
    let (limit, file) = (float(bytes), size_of(&finished));
    let percent = 100.0 * file / limit;
    let is_met = file <= limit && file >= LEAST * limit;
    if finished.end.is_ok() && file > limit {
        let message = format!(
            "cannot reach {bytes} bytes: the smallest result, which is kept, has {file} bytes\n\
             help: use a smaller --resize, a lower --audio-bitrate or --no-audio"
        );
        finished.end = Err(Failure::new(Kind::Check, message));
    } else if finished.end.is_ok() && !is_met {
        env.events.warn(format!(
            "the file has only {percent:.2} % of the target of {bytes} bytes: the content needs no \
             more bits at the encoder's best quality"
        ));
    } else if finished.end.is_ok() {
        env.events.note(format!(
            "the file has {file} bytes, {percent:.2} % of the target of {bytes} bytes"
        ));
    }
    finished.add_to_summary(|summary| {
        summary.raw("target_bytes", bytes).raw("file_bytes", file).raw("target_met", is_met)
    });
    finished.keep()
}

/// Corrects the size of the video until the file has its size. All sizes are in bytes.
#[derive(Clone, Copy, Debug)]
struct Control {
    /// Maximum size of the file.
    limit: f64,
    /// Size to request for the video.
    video: f64,
    /// The request and the size of the previous video.
    last: Option<[f64; 2]>,
}

impl Control {
    /// `other` is the estimated size of everything but the video.
    fn new(limit: f64, other: f64) -> Self {
        Self { limit, video: (AIM * limit - other).max(limit / 4.0), last: None }
    }

    /// Whether a file is nearer to the goal than another: the largest one within the limit, or else the
    /// smallest.
    fn is_better(&self, file: f64, other: f64) -> bool {
        match (file <= self.limit, other <= self.limit) {
            (true, true) => file > other,
            (false, false) => file < other,
            (is_within, _) => is_within,
        }
    }

    /// Corrects the request after a file with `video` bytes of video. Returns whether another encode can
    /// come nearer; `least` is the smallest video.
    fn correct(&mut self, file: f64, video: f64, least: f64) -> bool {
        if (LEAST * self.limit..=self.limit).contains(&file) {
            return false;
        }
        let is_stuck = self.last.is_some_and(|[requested, before]| {
            let (wanted, found) = (self.video / requested - 1.0, video / before - 1.0);
            wanted.abs() > 0.02 && found.abs() < 0.002
        });
        self.last = Some([self.video, video.max(1.0)]);
        // Audio and container keep their size.
        let wanted = AIM * self.limit - (file - video);
        let before = self.video;
        self.video =
            (self.video * wanted / video.max(1.0)).clamp(self.video / 8.0, self.video * 8.0);
        self.video = self.video.max(least);
        !is_stuck && (self.video - before).abs() > 0.0005 * before
    }
}

/// Duration of the frames to be encoded, in seconds.
fn duration(settings: &Encoding, source: &dyn FrameSource, env: &Env) -> Result<f64> {
    let info = source.stream_info();
    let frames = match info.count {
        Some(count) => count,
        None => super::frames::count(settings, env)?,
    };
    let frames = frames.saturating_sub(settings.skip).min(settings.frames.unwrap_or(u64::MAX));
    Ok(float(frames) / info.frame_rate.as_f64().max(0.001))
}

fn size_of(finished: &Finished) -> f64 {
    float(finished.file_bytes.unwrap_or(0))
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files and numbers of frames")]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; bitrates are positive"
)]
fn bitrate(bps: f64) -> Bitrate {
    Bitrate(bps.max(LEAST_BPS) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes until the control ends; returns the sizes of the files.
    fn files(limit: f64, other: f64, encoder: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut control = Control::new(limit, 0.0);
        let mut files = Vec::new();
        for _ in 0..MAX_ENCODES {
            let video = encoder(control.video);
            files.push(video + other);
            if !control.correct(video + other, video, 100.0) {
                break;
            }
        }
        files
    }

    #[test]
    fn an_encoder_that_misses_its_rate_is_corrected() {
        for error in [0.8, 0.95, 1.04, 1.3] {
            let files = files(1e6, 120_000.0, |video| video * error + 3_000.0);
            let last = files.last().unwrap();
            assert!((0.97e6..=1e6).contains(last) && files.len() <= 3, "{error}: {files:?}");
        }
    }

    #[test]
    fn content_that_needs_fewer_bits_ends_the_attempts() {
        assert!(files(1e6, 0.0, |video| video.min(300_000.0)).len() <= 3);
        // Audio alone is too large.
        let files = files(1e5, 200_000.0, |video| video.max(2_000.0));
        assert!(files.len() <= 5, "{files:?}");
    }

    #[test]
    fn the_largest_file_within_the_limit_is_the_best() {
        let control = Control::new(100.0, 0.0);
        assert!(control.is_better(96.0, 90.0) && !control.is_better(90.0, 96.0));
        assert!(control.is_better(90.0, 101.0) && !control.is_better(101.0, 50.0));
        assert!(control.is_better(105.0, 110.0));
    }
}
