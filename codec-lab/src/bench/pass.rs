//! One pass of an encoder or a decoder over a clip in memory.

use std::time::Instant;

use codec_backends::registry;
use codec_core::codec::Backend;
use codec_core::codec::{
    Codec, DecoderConfig, EncoderConfig, FrameRequest, Outcome, Packet, VideoEncoder,
};
use codec_media::failure::{Failure, Kind, Result};
use codec_media::session::superframe::SuperframeJoiner;

use super::clip::{Clip, Coded, Stream};
use crate::calibration::Calibration;
use crate::cpu_clock::ProcessTime;

/// The measurements of a pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Pass {
    /// Wall time of all calls, in nanoseconds.
    pub(super) wall_ns: f64,
    /// User plus system time of the process, without the calibration workload's.
    pub(super) cpu_ns: f64,
    /// Mean time of a slice of the calibration workload over the pass.
    pub(super) calibration_ns: f64,
    /// Wall time of each frame's calls.
    pub(super) frame_ns: Vec<f64>,
    pub(super) packets: Vec<Coded>,
    pub(super) dropped: u64,
    /// Frames that a decoder returned.
    pub(super) shown: u64,
}

/// Working time between two calibration slices, in nanoseconds.
const BETWEEN_SLICES_NS: f64 = 12e6;

/// Times calls, with calibration slices between them.
struct Watch<'a> {
    calibration: &'a mut Calibration,
    cpu: ProcessTime,
    pass: Pass,
    since_slice_ns: f64,
}

impl<'a> Watch<'a> {
    fn start(calibration: &'a mut Calibration, frames: usize) -> Self {
        calibration.take();
        let mut pass = Pass::default();
        pass.frame_ns.reserve(frames);
        pass.packets.reserve(frames);
        let cpu = ProcessTime::now();
        let watch = Self { calibration, cpu, pass, since_slice_ns: 0.0 };
        watch.calibration.slice();
        watch
    }

    /// Records the calls of a frame that began at `start`.
    fn frame(&mut self, start: Instant) {
        let ns = start.elapsed().as_secs_f64() * 1e9;
        self.pass.wall_ns += ns;
        self.pass.frame_ns.push(ns);
        self.since_slice_ns += ns;
        if self.since_slice_ns >= BETWEEN_SLICES_NS {
            self.calibration.slice();
            self.since_slice_ns = 0.0;
        }
    }

    fn end(mut self) -> Pass {
        self.calibration.slice();
        let all_ns = self.cpu.elapsed().as_secs_f64() * 1e9;
        let (calibration_ns, slice_ns) = self.calibration.take();
        self.pass.cpu_ns = (all_ns - calibration_ns).max(0.0);
        self.pass.calibration_ns = slice_ns;
        self.pass
    }
}

/// Encodes `clip`.
pub(super) fn encode(
    backend: &Backend,
    config: &EncoderConfig,
    clip: &Clip,
    calibration: &mut Calibration,
) -> Result<Pass> {
    let Some((open, _)) = backend.encoder else {
        return Err(Failure::new(Kind::Backend, format!("{} has no encoder", backend.codec)));
    };
    let failed = |error| Failure::encoding(error);
    let mut encoder = open(config).map_err(failed)?;
    let (mut packet, mut joiner) = (Packet::default(), SuperframeJoiner::new(backend.codec));
    let mut watch = Watch::start(calibration, clip.frames.len());
    for frame in &clip.frames {
        let picture = frame.planes.picture()?.with_info(clip.info);
        let mut request = FrameRequest::at(frame.pts);
        request.duration = frame.duration;
        request.importance.clone_from(&clip.importance);
        let start = Instant::now();
        let outcome = encoder.encode(&picture, &request).map_err(failed)?;
        watch.pass.dropped += u64::from(matches!(outcome, Outcome::Dropped { .. }));
        drain(&mut *encoder, (&mut packet, &mut joiner), &mut watch.pass.packets);
        watch.frame(start);
    }
    // The flush belongs to the last frames: it counts in the sum, not for a single frame.
    let start = Instant::now();
    encoder.finish().map_err(failed)?;
    drain(&mut *encoder, (&mut packet, &mut joiner), &mut watch.pass.packets);
    watch.pass.wall_ns += start.elapsed().as_secs_f64() * 1e9;
    Ok(watch.end())
}

/// Receives all packets; the packets of a superframe are joined.
fn drain(
    encoder: &mut dyn VideoEncoder,
    (packet, joiner): (&mut Packet, &mut SuperframeJoiner),
    into: &mut Vec<Coded>,
) {
    while encoder.receive(packet) {
        if !joiner.add(packet) {
            continue;
        }
        let Packet { data, pts, duration, .. } = &*packet;
        into.push(Coded { data: data.clone(), pts: *pts, duration: *duration });
    }
}

/// The decoder that `spec` (`codec` or `codec/backend`) names, or the first one for `codec`.
pub(super) fn decoder_for(spec: Option<&str>, codec: Codec) -> Result<&'static Backend> {
    let named = spec.filter(|spec| registry::find_decoder(spec).is_ok());
    let spec = named.unwrap_or(codec.name());
    if spec.split('/').next() != Some(codec.name()) {
        return Err(Failure::usage(format!("the input is {codec}, but -c selects {spec}")));
    }
    let (backend, ..) =
        registry::find_decoder(spec).map_err(|error| Failure::decoding(spec, error))?;
    Ok(backend)
}

/// Decodes `stream` and discards the frames.
pub(super) fn decode(
    backend: &Backend,
    config: &DecoderConfig,
    stream: &Stream,
    calibration: &mut Calibration,
) -> Result<Pass> {
    let Some((open, _)) = backend.decoder else {
        return Err(Failure::new(Kind::Backend, format!("{} has no decoder", backend.codec)));
    };
    let mut decoder = open(config).map_err(|error| Failure::decoding("decoder", error))?;
    let mut watch = Watch::start(calibration, stream.packets.len());
    for (index, packet) in stream.packets.iter().enumerate() {
        let start = Instant::now();
        let decoded = decoder.decode(&packet.data, packet.pts, packet.duration);
        decoded.map_err(|error| {
            Failure::decoding(&format!("{}: packet {index}", stream.name), error)
        })?;
        while decoder.receive().is_some() {
            watch.pass.shown += 1;
        }
        watch.frame(start);
    }
    let start = Instant::now();
    decoder.finish();
    while decoder.receive().is_some() {
        watch.pass.shown += 1;
    }
    watch.pass.wall_ns += start.elapsed().as_secs_f64() * 1e9;
    Ok(watch.end())
}
