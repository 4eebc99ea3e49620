//! Encodes raw video in two or three sizes at once, as a sender does for an SFU: a file for each layer.
//!
//! `cargo run -p codec-media --example simulcast -- IN.y4m OUT CODEC LAYERS PERCENT [SPEED [FRAMES [THREADS]]]`, for
//! example `talk.y4m talk vp8 3 100`, writes `talk-0.ivf` (the smallest layer) to `talk-2.ivf`. The bitrate of each
//! layer is PERCENT of WebRTC's target bitrate for its size. With 1 layer, it runs a single encoder without simulcast.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fs::File;
use std::io::{Write, stderr};
use std::path::Path;
use std::sync::Arc;

use codec_backends::registry::find_encoder;
use codec_container::{
    Format, Output, PacketRef, PacketWriter, ReadOptions, Source, Track, VideoTrack, WriteOptions,
    create_packets, open_raw_video,
};
use codec_core::codec::{
    Bitrate, DropPolicy, EncoderConfig, FrameKind, FrameRequest, Packet, Scalability,
};
use codec_core::frame::Size;
use codec_core::parallel::RowPool;
use codec_core::simulcast::{LayerOutcome, LayerRates, SimulcastConfig, SimulcastEncoder};

/// What to encode, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The codec or backend, for example `vp8`.
    pub codec: String,
    /// Number of layers, 1 to 3.
    pub layers: u8,
    /// Bitrate of each layer, in percent of its target.
    pub percent: u64,
    /// Speed, 0 to 10.
    pub speed: u8,
    /// Frames to encode, at most.
    pub frames: usize,
    /// Threads that share the layers.
    pub threads: usize,
    /// Temporal layers of each layer.
    pub temporal: Scalability,
}

/// What became of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Frame size.
    pub size: Size,
    /// Coded frames, and key frames among them.
    pub coded: usize,
    /// Key frames.
    pub keys: usize,
    /// Frames that the rate control dropped.
    pub dropped: usize,
    /// Frames for which the bitrate was too low, or the layer inactive.
    pub idle: usize,
    /// Bytes of all packets.
    pub bytes: usize,
}

/// Encodes `input` into `OUT-0.ivf` and so on; returns what became of each layer.
///
/// # Errors
/// If a file cannot be read or written, or the encoder rejects a setting.
pub fn encode(
    input: &Path,
    output: &str,
    settings: &Settings,
) -> Result<Vec<Summary>, Box<dyn Error>> {
    let mut reader = open_raw_video(Source::seekable(File::open(input)?), &ReadOptions::default())?;
    let stream = reader.stream().clone();
    let rate = stream.frame_rate.ok_or("no frame rate")?;
    let (backend, open, capabilities) = find_encoder(&settings.codec)?;

    let mut encoder = EncoderConfig::new(stream.size.width, stream.size.height)
        .framerate(rate)
        .speed(settings.speed)
        .scalability(settings.temporal)
        .drops(DropPolicy::BelowBufferPct(30));
    if settings.threads > 1 {
        encoder.pool = Some(Arc::new(RowPool::new(settings.threads)?));
    }
    let mut config = SimulcastConfig::halving(encoder, backend.codec, settings.layers);
    let sizes: Vec<_> = config.sizes().collect();
    let mut total = 0;
    for (layer, &size) in config.layers.iter_mut().zip(&sizes) {
        let Bitrate(target) = LayerRates::for_size(backend.codec, size).target;
        let target = Bitrate(target * settings.percent / 100);
        // Without its own limits, a layer has the limits of its size.
        layer.rates = Some(LayerRates { min: Bitrate(1), target, max: target });
        total += target.0;
    }
    config.encoder = config.encoder.bitrate(Bitrate(total));
    let mut simulcast = SimulcastEncoder::new((open, capabilities), &config)?;

    let mut layers = Vec::new();
    for (index, size) in sizes.into_iter().enumerate() {
        let track = VideoTrack::new(Format::Ivf, backend.codec, size, rate.inverse());
        let file = Output::seekable(File::create(format!("{output}-{index}.ivf"))?);
        let tracks = [Track::Video(track)];
        let writer = create_packets(file, Format::Ivf, &tracks, &WriteOptions::default())?;
        layers.push((writer, Summary { size, ..Summary::default() }));
    }
    let mut packet = Packet::default();
    for pts in (0..).take(settings.frames) {
        let Some(frame) = reader.read()? else { break };
        let outcomes = simulcast.encode(&frame.picture, &FrameRequest::at(pts))?;
        for (outcome, (_, summary)) in outcomes.iter().zip(&mut layers) {
            match outcome {
                LayerOutcome::Dropped { .. } => summary.dropped += 1,
                LayerOutcome::Idle(_) => summary.idle += 1,
                _ => {}
            }
        }
        while let Some(layer) = simulcast.receive(&mut packet) {
            let (writer, summary) = &mut layers[layer];
            write(&mut **writer, &packet)?;
            summary.coded += 1;
            summary.keys += usize::from(packet.meta.kind == FrameKind::Key);
            summary.bytes += packet.data.len();
        }
    }
    layers
        .into_iter()
        .map(|(mut writer, summary)| {
            writer.finish()?;
            Ok(summary)
        })
        .collect()
}

fn write(writer: &mut dyn PacketWriter, packet: &Packet) -> Result<(), Box<dyn Error>> {
    let key = packet.meta.kind == FrameKind::Key;
    writer.write(PacketRef { data: &packet.data, pts: packet.pts, key, ..PacketRef::default() })?;
    Ok(())
}

/// Takes the arguments described above.
///
/// # Errors
/// As for [`encode`].
pub fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, codec, layers, percent, more @ ..] = arguments.as_slice() else {
        return Err(
            "usage: simulcast IN OUT CODEC LAYERS PERCENT [SPEED [FRAMES [THREADS]]]".into()
        );
    };
    let settings = Settings {
        codec: codec.clone(),
        layers: layers.parse()?,
        percent: percent.parse()?,
        speed: more.first().map_or(Ok(7), |speed| speed.parse())?,
        frames: more.get(1).map_or(Ok(usize::MAX), |frames| frames.parse())?,
        threads: more.get(2).map_or(Ok(1), |threads| threads.parse())?,
        temporal: Scalability::L1T1,
    };
    for summary in encode(Path::new(input), output, &settings)? {
        writeln!(stderr(), "{summary:?}")?;
    }
    Ok(())
}
