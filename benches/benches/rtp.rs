//! RTP: packetizing and depacketizing frames, and parsing headers:
//! `cargo bench -p codec-benches --bench rtp`. Throughput is in bytes of packets.
#![expect(clippy::unwrap_used, reason = "a broken benchmark should stop")]

use std::hint::black_box;
use std::time::Duration;

use codec_benches::{short, talking_head, vp8_packets};
use codec_core::codec::{Bitrate, Packet};
use codec_core::frame::Size;
use codec_rtc::packet::vp8::{
    Depacketizer, DepacketizerConfig, MediaClock, Packetizer, PacketizerConfig,
};
use codec_rtc::rtp;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const TICKS: u32 = 3000;

fn packetised(frames: &[Packet]) -> Vec<Vec<u8>> {
    let mut packetizer = Packetizer::new(PacketizerConfig::default()).unwrap();
    let mut packets = Vec::new();
    for (timestamp, frame) in (0..).step_by(TICKS as usize).zip(frames) {
        packetizer.packetize(&frame.data, &frame.meta, timestamp, &mut packets).unwrap();
    }
    packets
}

fn vp8(criterion: &mut Criterion) {
    let size = Size::new(640, 360);
    let pictures = talking_head(size, 15).unwrap();
    let frames = vp8_packets(size, &pictures, Bitrate::kbps(1500)).unwrap();
    let packets = packetised(&frames);
    let bytes: usize = packets.iter().map(Vec::len).sum();
    let mut group = criterion.benchmark_group("rtp");
    group.throughput(Throughput::Bytes(u64::try_from(bytes).unwrap()));
    group.bench_function("parse-headers", |b| {
        b.iter(|| -> usize {
            let length = |packet: &Vec<u8>| rtp::parse(black_box(packet)).unwrap().payload.len();
            packets.iter().map(length).sum()
        });
    });
    group.bench_function("packetize-vp8", |b| b.iter(|| packetised(black_box(&frames))));
    group.bench_function("depacketize-vp8", |b| {
        let clock = MediaClock { timestamp: 0, due: Duration::from_millis(100) };
        b.iter_batched_ref(
            || Depacketizer::new(DepacketizerConfig::new(clock)),
            |depacketizer| {
                for packet in &packets {
                    depacketizer.push(Duration::ZERO, packet).unwrap();
                }
                let found = std::iter::from_fn(|| depacketizer.poll_frame(Duration::from_secs(5)));
                found.map(|frame| frame.data.len()).sum::<usize>()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group! {
    name = all;
    config = short();
    targets = vp8
}
criterion_main!(all);
