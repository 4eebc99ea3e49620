//! The checks of video backends.

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

/// Size of the pictures.
const SIZE: Size = Size { width: 112, height: 80 };
/// Noise of the pictures where the rate does not matter.
const NOISE: u8 = 2;

/// A check of a side.
type CheckFn = fn(&Subject<'_>) -> Result<Verdict, String>;

/// Runs all checks on `backend`. Where it only encodes or only decodes, the other half comes from
/// the first of `peers` that has it for the same codec.
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

/// What is checked, and what it is checked with.
struct Subject<'a> {
    encoder: Option<(OpenEncoder, &'a Capabilities)>,
    decoder: Option<(OpenDecoder, &'a Capabilities)>,
}

impl Subject<'_> {
    fn encoder(&self) -> Result<(OpenEncoder, &Capabilities), String> {
        self.encoder.ok_or_else(|| "no encoder of this codec to check with".to_owned())
    }

    fn decoder(&self) -> Result<(OpenDecoder, &Capabilities), String> {
        self.decoder.ok_or_else(|| "no decoder of this codec to check with".to_owned())
    }

    fn open(&self, config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, String> {
        (self.encoder()?.0)(config).map_err(|error| format!("it cannot be opened: {error}"))
    }

    fn open_decoder(&self) -> Result<Box<dyn VideoDecoder>, String> {
        self.open_decoder_with(&DecoderConfig::default())
    }

    fn open_decoder_with(&self, config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, String> {
        (self.decoder()?.0)(config).map_err(|error| format!("it cannot be opened: {error}"))
    }

    /// Real-time settings at the fastest speed, in the first mode of rate control that there is.
    fn config(&self) -> EncoderConfig {
        let framerate = Rational::new(30, 1);
        let mut config = EncoderConfig::rtc(SIZE, framerate, Bitrate::kbps(300));
        config.timebase = Rational::new(1, 90_000);
        config.speed = 10;
        if let Some((_, can)) = self.encoder {
            let (best, worst) = can.qindex_range;
            let modes = [
                (Feature::Cbr, config.rate),
                (Feature::Vbr, RateControl::Vbr(Bitrate::kbps(300))),
                (Feature::Quality, RateControl::Quality(60)),
                (Feature::FixedQ, RateControl::FixedQ(best + (worst - best) / 3)),
            ];
            let found = modes.into_iter().find(|&(mode, _)| can.gap(mode).is_none());
            config.rate = found.map_or(config.rate, |(_, rate)| rate);
        }
        config
    }

    /// Packets of `count` pictures, key frames asked for at `keys`.
    fn packets(&self, count: u32, keys: &[u32]) -> Result<Vec<Packet>, String> {
        let mut run = Run::new(self.open(&self.config())?, SIZE, NOISE);
        for number in 0..count {
            run.encode_with(|request| request.key_frame = keys.contains(&number))?;
        }
        run.finish()?;
        Ok(run.packets)
    }
}

/// Ticks from one picture to the next.
const STEP: i64 = 3000;

/// An encoder at work: what went in and what came out.
struct Run {
    encoder: Box<dyn VideoEncoder>,
    scene: Scene,
    /// Time of the next picture; not from 0.
    pts: i64,
    number: u32,
    pushed: Vec<i64>,
    dropped: Vec<i64>,
    packets: Vec<Packet>,
    /// Pictures that had been pushed when the first packet came.
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
            .map_err(|error| format!("picture {} is refused: {error}", self.number))?;
        self.pushed.push(self.pts);
        self.pts += STEP;
        self.number += 1;
        if matches!(outcome, Outcome::Dropped { .. }) {
            self.dropped.push(request.pts);
        }
        let found = self.drain();
        if outcome == Outcome::Coded && found == 0 {
            return Err(format!("picture {} is `Coded` and no packet is ready", self.number - 1));
        }
        Ok(outcome)
    }

    fn encode_many(&mut self, count: u32) -> Result<(), String> {
        (0..count).try_for_each(|_| self.encode().map(|_| ()))
    }

    fn finish(&mut self) -> Result<(), String> {
        self.encoder.finish().map_err(|error| format!("`finish` fails: {error}"))?;
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

    /// Bits of the packets from `from` up to `to`, counted in packets.
    fn bits(&self, from: usize, to: usize) -> u64 {
        let part = self.packets.get(from..to.min(self.packets.len())).unwrap_or_default();
        part.iter().map(|packet| 8 * packet.data.len() as u64).sum()
    }
}

/// Decodes all of `packets` and gives the frames.
fn decode_all(decoder: &mut dyn VideoDecoder, packets: &[Packet]) -> Result<Vec<Frame>, String> {
    let mut frames = Vec::new();
    for (index, Packet { data, pts, duration, .. }) in packets.iter().enumerate() {
        decoder
            .decode(data, *pts, *duration)
            .map_err(|error| format!("packet {index} cannot be decoded: {error}"))?;
        frames.extend(std::iter::from_fn(|| decoder.receive()));
    }
    decoder.finish();
    frames.extend(std::iter::from_fn(|| decoder.receive()));
    Ok(frames)
}

/// Passed, or failed with what `why` says.
fn ensure(ok: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if ok { Ok(()) } else { Err(why()) }
}

/// Whether an error is one that a caller's mistake deserves.
fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Config(_) | Error::Unsupported(_) | Error::Limit(_))
}
