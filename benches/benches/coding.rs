//! Whole encoders and decoders on generated clips: frames per second over a clip, and the latency of
//! one frame in the middle of a call. `codec bench` also reports percentiles and encoder stages, and
//! compares results with a baseline.
//!
//! `cargo bench -p codec-benches --bench coding -- encode`
#![expect(clippy::unwrap_used, reason = "a broken benchmark should stop")]

use std::time::Duration;

use codec_backends::registry;
use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, FrameRequest, Packet, VideoDecoder, VideoEncoder,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_media::generate::{Generator, Scene};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const FPS: Rational = Rational::new(30, 1);
const FRAMES: usize = 30;

/// Frames as packed I420.
struct Clip {
    size: Size,
    bitrate: Bitrate,
    frames: Vec<Vec<u8>>,
}

impl Clip {
    fn drawn(scene: Scene, size: Size, bitrate: Bitrate) -> Self {
        let generator = Generator::new(scene, size, FPS, 1).unwrap();
        let draw = |index: usize| {
            let mut bytes = Vec::new();
            generator.draw(u32::try_from(index).unwrap(), &mut bytes);
            bytes
        };
        Self { size, bitrate, frames: (0..FRAMES).map(draw).collect() }
    }

    fn encoder(&self, speed: u8) -> Box<dyn VideoEncoder> {
        let mut config = EncoderConfig::rtc(self.size, FPS, self.bitrate);
        config.speed = speed;
        let (_, open, _) = registry::find_encoder("vp8/native").unwrap();
        open(&config).unwrap()
    }

    fn encode(&self, encoder: &mut dyn VideoEncoder, index: usize, packet: &mut Packet) {
        let picture = Picture::i420_packed(self.size, &self.frames[index]).unwrap();
        let pts = i64::try_from(index).unwrap();
        encoder.encode(&picture, &FrameRequest::at(pts)).unwrap();
        assert!(encoder.receive(packet));
    }

    fn packets(&self, speed: u8) -> Vec<Vec<u8>> {
        let mut encoder = self.encoder(speed);
        let mut packet = Packet::default();
        let mut code = |index| {
            self.encode(&mut *encoder, index, &mut packet);
            packet.data.clone()
        };
        (0..FRAMES).map(&mut code).collect()
    }
}

fn clips() -> [(&'static str, Clip); 2] {
    let (vga, hd) = (Size::new(640, 360), Size::new(1280, 720));
    [
        ("talking-head-360p", Clip::drawn(Scene::TalkingHead, vga, Bitrate::kbps(500))),
        ("texture-pan-720p", Clip::drawn(Scene::TexturePan, hd, Bitrate::kbps(2000))),
    ]
}

fn decoder() -> Box<dyn VideoDecoder> {
    let (_, open, _) = registry::find_decoder("vp8/native").unwrap();
    open(&DecoderConfig::default()).unwrap()
}

/// Frames per second over a clip.
fn throughput(c: &mut Criterion) {
    for (name, clip) in clips() {
        let mut group = c.benchmark_group(format!("throughput/{name}"));
        group.throughput(Throughput::Elements(FRAMES as u64));
        for speed in [5, 7, 9] {
            group.bench_function(format!("encode/speed-{speed}"), |b| {
                let mut packet = Packet::default();
                b.iter_batched_ref(
                    || clip.encoder(speed),
                    |encoder| {
                        (0..FRAMES).for_each(|n| clip.encode(&mut **encoder, n, &mut packet));
                    },
                    BatchSize::LargeInput,
                );
            });
        }
        let packets = clip.packets(7);
        group.bench_function("decode", |b| {
            b.iter_batched_ref(
                decoder,
                |decoder| {
                    for (pts, data) in (0..).zip(&packets) {
                        decoder.decode(data, pts, None).unwrap();
                        while decoder.receive().is_some() {}
                    }
                },
                BatchSize::LargeInput,
            );
        });
        group.finish();
    }
}

/// From the last input pixel to the packet: the frame in the middle, after the earlier ones have
/// been encoded.
fn latency(c: &mut Criterion) {
    for (name, clip) in clips() {
        let mut group = c.benchmark_group(format!("latency/{name}"));
        // Half a clip is encoded before each timed call.
        group.measurement_time(Duration::from_millis(300));
        for speed in [7, 9] {
            group.bench_function(format!("encode-one/speed-{speed}"), |b| {
                let mut packet = Packet::default();
                b.iter_batched_ref(
                    || {
                        let mut encoder = clip.encoder(speed);
                        let mut packet = Packet::default();
                        (0..FRAMES / 2).for_each(|n| clip.encode(&mut *encoder, n, &mut packet));
                        encoder
                    },
                    |encoder| clip.encode(&mut **encoder, FRAMES / 2, &mut packet),
                    BatchSize::LargeInput,
                );
            });
        }
        group.finish();
    }
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .without_plots()
}

criterion_group! {
    name = coding;
    config = short();
    targets = throughput, latency
}
criterion_main!(coding);
