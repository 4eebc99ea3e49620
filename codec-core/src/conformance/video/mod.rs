//! Checks of video backends.

mod decoding;
mod encoding;
mod features;
mod knobs;
mod rate;

use super::report::{Report, Verdict};
use super::scene::Scene;
use crate::codec::{
    Backend, Bitrate, Capabilities, DecoderConfig, EncoderConfig, Feature, FrameRequest,
    OpenDecoder, OpenEncoder, Outcome, Packet, RateControl, VideoDecoder, VideoEncoder,
};
use crate::error::Error;
use crate::frame::{Frame, Rational, Size};

/// Size of the test frames.
const SIZE: Size = Size { width: 112, height: 80 };
/// Noise of the test frames in checks that do not depend on the bitrate.
const NOISE: u8 = 2;

/// A check of an encoder or decoder.
type CheckFn = fn(&Subject<'_>) -> Result<Verdict, String>;

/// Runs all checks on `backend`.
///
/// If it only encodes or only decodes, the other direction uses the first of `peers` that supports
/// the same codec.
#[must_use]
pub fn check_video(backend: &Backend, peers: &[Backend]) -> Report {
    let mut report = Report::new(format!("{}/{}", backend.codec, backend.name));
    let peers = || peers.iter().filter(|peer| peer.codec == backend.codec);
    let subject = Subject {
        encoder: backend.encoder.or_else(|| peers().find_map(|peer| peer.encoder)),
        decoder: backend.decoder.or_else(|| peers().find_map(|peer| peer.decoder)),
    };
    if backend.encoder.is_some() {
        for (name, check) in encoding::CHECKS.iter().chain(rate::CHECKS).chain(knobs::CHECKS) {
            report.run(name, || check(&subject));
        }
        features::check_encoder(&subject, &mut report);
    }
    if backend.decoder.is_some() {
        for (name, check) in decoding::CHECKS {
            report.run(name, || check(&subject));
        }
        features::check_decoder(&subject, &mut report);
    }
    report
}

/// The backend under test, with a peer for the missing direction.
struct Subject<'a> {
    encoder: Option<(OpenEncoder, &'a Capabilities)>,
    decoder: Option<(OpenDecoder, &'a Capabilities)>,
}

impl Subject<'_> {
    fn encoder(&self) -> Result<(OpenEncoder, &Capabilities), String> {
        self.encoder.ok_or_else(|| "no encoder of this codec is available".to_owned())
    }

    fn decoder(&self) -> Result<(OpenDecoder, &Capabilities), String> {
        self.decoder.ok_or_else(|| "no decoder of this codec is available".to_owned())
    }

    fn open(&self, config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, String> {
        (self.encoder()?.0)(config).map_err(|error| format!("cannot open the encoder: {error}"))
    }

    fn open_decoder(&self) -> Result<Box<dyn VideoDecoder>, String> {
        self.open_decoder_with(&DecoderConfig::default())
    }

    fn open_decoder_with(&self, config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, String> {
        (self.decoder()?.0)(config).map_err(|error| format!("cannot open the decoder: {error}"))
    }

    /// Returns real-time settings at the fastest speed, with the first supported rate control mode.
    fn config(&self) -> EncoderConfig {
        let framerate = Rational::new(30, 1);
        let mut config = EncoderConfig::rtc(SIZE, framerate, Bitrate::kbps(300));
        config.timebase = Rational::new(1, 90_000);
        config.speed = 10;
        if let Some((_, can)) = self.encoder {
            let (best, worst) = can.qindex_range;
            let modes = [
                (Feature::Cbr, config.rate.mode),
                (Feature::Vbr, RateControl::Vbr(Bitrate::kbps(300))),
                (Feature::Quality, RateControl::Quality(60)),
                (Feature::FixedQ, RateControl::FixedQ(best + (worst - best) / 3)),
            ];
            let found = modes.into_iter().find(|&(mode, _)| can.gap(mode).is_none());
            config.rate.mode = found.map_or(config.rate.mode, |(_, rate)| rate);
        }
        config
    }

    /// Encodes `count` frames with key frames requested at `keys`.
    fn packets(&self, count: u32, keys: &[u32]) -> Result<Vec<Packet>, String> {
        let mut run = Run::new(self.open(&self.config())?, SIZE, NOISE);
        for number in 0..count {
            run.encode_with(|request| request.key_frame = keys.contains(&number))?;
        }
        run.finish()?;
        Ok(run.packets)
    }
}

/// Ticks per frame.
const STEP: i64 = 3000;

/// A running encoder with its input and output.
struct Run {
    encoder: Box<dyn VideoEncoder>,
    scene: Scene,
    /// Timestamp of the next frame; does not start at 0.
    pts: i64,
    number: u32,
    pushed: Vec<i64>,
    dropped: Vec<i64>,
    packets: Vec<Packet>,
    /// Number of frames encoded when the first packet was ready.
    first_after: Option<u32>,
}

impl Run {
    fn new(encoder: Box<dyn VideoEncoder>, size: Size, noise: u8) -> Self {
        Self {
            encoder,
            scene: Scene::new(size, noise),
            pts: 7 * STEP,
            number: 0,
            pushed: Vec::new(),
            dropped: Vec::new(),
            packets: Vec::new(),
            first_after: None,
        }
    }

    fn encode(&mut self) -> Result<Outcome, String> {
        self.encode_with(|_| {})
    }

    fn encode_with(&mut self, change: impl FnOnce(&mut FrameRequest)) -> Result<Outcome, String> {
        let mut request = FrameRequest::at(self.pts);
        request.duration = Some(STEP.unsigned_abs());
        change(&mut request);
        let picture = self.scene.picture(self.number).map_err(|error| error.to_string())?;
        let outcome = self
            .encoder
            .encode(&picture, &request)
            .map_err(|error| format!("frame {} rejected: {error}", self.number))?;
        self.pushed.push(self.pts);
        self.pts += STEP;
        self.number += 1;
        if matches!(outcome, Outcome::Dropped { .. }) {
            self.dropped.push(request.pts);
        }
        let found = self.drain();
        if outcome == Outcome::Coded && found == 0 {
            return Err(format!("frame {} is `Coded`, but no packet is ready", self.number - 1));
        }
        Ok(outcome)
    }

    fn encode_many(&mut self, count: u32) -> Result<(), String> {
        (0..count).try_for_each(|_| self.encode().map(|_| ()))
    }

    fn finish(&mut self) -> Result<(), String> {
        self.encoder.finish().map_err(|error| format!("`finish` failed: {error}"))?;
        self.drain();
        Ok(())
    }

    fn drain(&mut self) -> usize {
        let before = self.packets.len();
        let mut packet = Packet::default();
        while self.encoder.receive(&mut packet) {
            self.packets.push(packet.clone());
            self.first_after.get_or_insert(self.number);
        }
        self.packets.len() - before
    }

    /// Returns the size in bits of the packets `from` up to `to`.
    fn bits(&self, from: usize, to: usize) -> u64 {
        let part = self.packets.get(from..to.min(self.packets.len())).unwrap_or_default();
        part.iter().map(|packet| 8 * packet.data.len() as u64).sum()
    }
}

/// Decodes all `packets` and returns the frames.
fn decode_all(decoder: &mut dyn VideoDecoder, packets: &[Packet]) -> Result<Vec<Frame>, String> {
    let mut frames = Vec::new();
    for (index, Packet { data, pts, duration, .. }) in packets.iter().enumerate() {
        decoder
            .decode(data, *pts, *duration)
            .map_err(|error| format!("cannot decode packet {index}: {error}"))?;
        frames.extend(std::iter::from_fn(|| decoder.receive()));
    }
    decoder.finish();
    frames.extend(std::iter::from_fn(|| decoder.receive()));
    Ok(frames)
}

/// Returns an error with the message `why` unless `ok`.
fn ensure(ok: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if ok { Ok(()) } else { Err(why()) }
}

/// Returns whether an error is of a kind that a caller's mistake should cause.
fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Config(_) | Error::Unsupported(_) | Error::Limit(_))
}
