//! The workload of a benchmark: the frames to encode or the packets to decode, which are all loaded
//! before timing starts.

use std::path::Path;

use codec_container::{AnnexB, CodedPacket, Input, TrackKind};
use codec_core::codec::{Codec, ImportanceMap};
use codec_core::frame::{PictureInfo, Rational, Size};
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::frame::planes::Planes;
use codec_media::generate::{Generator, Scene};
use codec_media::io::cut_packets::CutPackets;
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::{InputSpec, Opened};
use codec_media::io::source::FrameSource;
use codec_media::io::unreadable::{Advice, missing};
use codec_media::io::video;

use super::options::BenchOptions;

/// Default number of generated frames.
const DRAWN: u64 = 60;

/// A raw frame and its time.
pub(super) struct Frame {
    pub(super) planes: Planes,
    pub(super) pts: i64,
    pub(super) duration: Option<u64>,
}

/// Raw frames in memory.
pub(super) struct Clip {
    /// Name of the file or scene, for tables.
    pub(super) name: String,
    pub(super) size: Size,
    pub(super) frame_rate: Rational,
    pub(super) time_base: Rational,
    pub(super) info: PictureInfo,
    pub(super) frames: Vec<Frame>,
    /// Whether the input continues after the frames that were read.
    pub(super) is_cut: bool,
    /// Regions of interest of every frame.
    pub(super) importance: Option<ImportanceMap>,
}

/// A packet and its time.
#[derive(Clone, Debug, Default)]
pub(super) struct Coded {
    pub(super) data: Vec<u8>,
    pub(super) pts: i64,
    pub(super) duration: Option<u64>,
}

/// A coded stream in memory.
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) codec: Codec,
    pub(super) size: Size,
    pub(super) frame_rate: Rational,
    pub(super) packets: Vec<Coded>,
    pub(super) is_cut: bool,
}

/// One input.
pub(super) enum Taken {
    Pictures(Clip),
    Packets(Stream),
}

impl Clip {
    /// Bytes of the frames.
    pub(super) fn bytes(&self) -> u64 {
        self.frames.iter().map(|frame| frame.planes.bytes.len() as u64).sum()
    }

    /// A digest that identifies the clip.
    pub(super) fn digest(&self) -> u64 {
        self.frames.iter().fold(FNV, |digest, frame| fnv(digest, &frame.planes.bytes))
    }
}

impl Stream {
    pub(super) fn digest(&self) -> u64 {
        digest_of(&self.packets)
    }
}

/// A digest that identifies the stream.
pub(super) fn digest_of(packets: &[Coded]) -> u64 {
    packets
        .iter()
        .fold(FNV, |digest, packet| fnv(fnv(digest, &packet.pts.to_le_bytes()), &packet.data))
}

const FNV: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(digest: u64, bytes: &[u8]) -> u64 {
    // Eight bytes at a time; this digest is for internal use only.
    bytes.chunks(8).fold(digest, |digest, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (digest ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
    })
}

#[expect(clippy::cast_precision_loss, reason = "numbers of frames")]
pub(super) fn count(count: usize) -> f64 {
    count as f64
}

/// Returns the clip to generate if there is no input.
pub(super) fn drawn(args: &BenchOptions, env: &Env) -> Result<Taken> {
    let scene = Scene::from_name(&args.scene)
        .ok_or_else(|| Failure::usage(format!("unknown scene {}", args.scene)))?;
    let generator = Generator::new(scene, args.size, args.fps, 1)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let wanted = args.frames.unwrap_or(DRAWN);
    let most = (args.memory / args.size.i420_bytes().max(1)).max(1);
    let mut frames = Vec::new();
    for index in 0..wanted.min(most) {
        if env.stop.is_requested() {
            return Err(stopped());
        }
        let mut planes = Planes { size: args.size, ..Planes::default() };
        generator.draw(u32::try_from(index).unwrap_or(u32::MAX), &mut planes.bytes);
        let pts = i64::try_from(index).unwrap_or(i64::MAX);
        frames.push(Frame { planes, pts, duration: Some(1) });
    }
    Ok(Taken::Pictures(Clip {
        name: args.scene.clone(),
        size: args.size,
        frame_rate: args.fps,
        time_base: args.fps.inverse(),
        info: PictureInfo::default(),
        frames,
        is_cut: wanted > most,
        importance: None,
    }))
}

/// Reads `path`: as packets if the file is coded and raw frames are not required, otherwise as
/// frames.
pub(super) fn read(path: &Path, args: &BenchOptions, env: &Env) -> Result<Taken> {
    let limits = args.limits;
    let spec = InputSpec { raw: args.raw, cut: args.cut, ..InputSpec::new(path, limits) };
    let opened = spec.open(env)?;
    match opened {
        Opened::Container(Input::Packets(reader)) if !args.encode => {
            packets(reader, &spec, args, env).map(Taken::Packets)
        }
        opened => {
            let options = DecodeOptions { limits, ..DecodeOptions::default() };
            let mut source = video::of(opened, &spec, &options, env)?;
            video(&mut *source, name_of(path), args, env).map(Taken::Pictures)
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn stopped() -> Failure {
    Failure::new(Kind::Interrupted, "interrupted: nothing was measured")
}

fn video(
    source: &mut dyn FrameSource,
    name: String,
    args: &BenchOptions,
    env: &Env,
) -> Result<Clip> {
    let stream_info = source.stream_info().clone();
    let mut frames: Vec<Frame> = Vec::new();
    let (mut bytes, mut is_cut) = (0_u64, false);
    while let Some(shot) = source.next()? {
        if env.stop.is_requested() {
            return Err(stopped());
        }
        let size = shot.picture.size();
        if size != stream_info.size {
            let n = frames.len();
            let message =
                format!("{name}: frame {n} is {size}, but earlier frames are {}", stream_info.size);
            return Err(Failure::new(Kind::Input, message));
        }
        bytes += size.i420_bytes();
        let is_enough = args.frames.is_some_and(|most| frames.len() as u64 >= most);
        if is_enough || (bytes > args.memory && !frames.is_empty()) {
            is_cut = true;
            break;
        }
        if frames.last().is_some_and(|last| shot.pts <= last.pts) {
            let n = frames.len();
            let message = format!("{name}: frame {n}: timestamp not greater than the previous one");
            return Err(Failure::new(Kind::Corrupt, message));
        }
        let mut planes = Planes::default();
        planes.copy_from(&shot.picture);
        frames.push(Frame { planes, pts: shot.pts, duration: shot.duration });
    }
    if frames.is_empty() {
        return Err(Failure::new(Kind::Input, format!("{name}: no frames")));
    }
    Ok(Clip {
        name,
        size: stream_info.size,
        frame_rate: stream_info.frame_rate,
        time_base: stream_info.time_base,
        info: stream_info.info,
        frames,
        is_cut,
        importance: None,
    })
}

fn packets(
    mut reader: Box<dyn codec_container::PacketReader>,
    spec: &InputSpec,
    args: &BenchOptions,
    env: &Env,
) -> Result<Stream> {
    let name = name_of(&spec.path);
    if !spec.cut.is_whole() {
        // Decoding begins at a key frame.
        reader = Box::new(CutPackets::new(reader, spec, env)?);
    }
    reader.select_video();
    let Some((_, track)) = reader.video() else {
        return Err(missing(&*reader, TrackKind::Video, &name, Advice::default()));
    };
    let (codec, size) = (track.codec, track.size);
    let (stated, time_base) = (track.frame_rate, track.time_base);
    let is_avc = track.codec == Codec::H264;
    let mut annex_b = AnnexB::new(&track.codec_private).filter(|_| is_avc);
    let (mut packets, mut bytes, mut is_cut) = (Vec::new(), 0_u64, false);
    let mut packet = CodedPacket::default();
    while reader.read(&mut packet).map_err(|error| Failure::reading(&name, error))? {
        if env.stop.is_requested() {
            return Err(stopped());
        }
        bytes += packet.data.len() as u64;
        let is_enough = args.frames.is_some_and(|most| packets.len() as u64 >= most);
        if is_enough || (bytes > args.memory && !packets.is_empty()) {
            is_cut = true;
            break;
        }
        let mut data = Vec::new();
        match &mut annex_b {
            Some(annex_b) => annex_b.convert(&packet.data, &mut data),
            None => data.clone_from(&packet.data),
        }
        packets.push(Coded { data, pts: packet.pts, duration: packet.duration });
    }
    if packets.is_empty() {
        return Err(Failure::new(Kind::Input, format!("{name}: no packets")));
    }
    let frame_rate = stated.or_else(|| rate_of(&packets, time_base));
    let frame_rate = frame_rate.unwrap_or(Rational::new(30, 1));
    Ok(Stream { name, codec, size, frame_rate, packets, is_cut })
}

/// Frames per second computed from the first and the last time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn rate_of(packets: &[Coded], time_base: Rational) -> Option<Rational> {
    let first = packets.iter().map(|packet| packet.pts).min()?;
    let last = packets.iter().map(|packet| packet.pts).max()?;
    let ticks = last.checked_sub(first).and_then(|ticks| u32::try_from(ticks).ok())?;
    let seconds = f64::from(ticks) * time_base.as_f64();
    let rate = count(packets.len() - 1) / seconds;
    (rate.is_finite() && rate > 0.0)
        .then(|| Rational::new((rate * 1000.0).round().clamp(1.0, 1e6) as u32, 1000))
}
