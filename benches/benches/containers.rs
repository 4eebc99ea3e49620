//! Containers: files written to memory and read from it:
//! `cargo bench -p codec-benches --bench containers`. Throughput is in bytes of packets; for y4m, in
//! bytes of the file.
#![expect(clippy::unwrap_used, reason = "a broken benchmark should stop")]

use std::io::{Cursor, Result, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex};

use codec_benches::{FPS, noise, short, talking_head};
use codec_container::{
    CodedPacket, Format, Output, PacketRef, ReadOptions, Source, Track, VideoTrack, WriteOptions,
    create_packets, open_packets, open_raw_video,
};
use codec_core::codec::Codec;
use codec_core::frame::Size;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SIZE: Size = Size { width: 640, height: 360 };

/// A file in memory that outlives its writer.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Cursor<Vec<u8>>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Seek for Memory {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.0.lock().unwrap().seek(to)
    }
}

/// VP8 frames by their first bytes (RFC 6386, section 9.1): noise, with an occasional key frame
/// header.
fn frames() -> Vec<Vec<u8>> {
    let frame = |index: u32| {
        let is_key = index.is_multiple_of(60);
        let mut bytes = noise(if is_key { 30_000 } else { 4000 }, index + 1);
        if is_key {
            bytes[..10].copy_from_slice(&[0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1]);
        } else {
            bytes[0] |= 1;
        }
        bytes
    };
    (0..300).map(frame).collect()
}

fn written(format: Format, frames: &[Vec<u8>]) -> Vec<u8> {
    let memory = Memory::default();
    let mut track = VideoTrack::new(format, Codec::Vp8, SIZE, FPS.inverse());
    track.frame_rate = Some(FPS);
    let output = Output::seekable(memory.clone());
    let options = WriteOptions::default();
    let mut writer = create_packets(output, format, &[Track::Video(track)], &options).unwrap();
    for (pts, data) in (0..).zip(frames) {
        let key = pts % 60 == 0;
        let packet = PacketRef { data, pts, key, duration: Some(1), ..PacketRef::default() };
        writer.write(packet).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    let file = memory.0.lock().unwrap();
    file.get_ref().clone()
}

fn packets(criterion: &mut Criterion) {
    let frames = frames();
    let bytes: u64 = frames.iter().map(|frame| frame.len() as u64).sum();
    for format in [Format::Ivf, Format::WebM, Format::Mp4] {
        let mut group = criterion.benchmark_group(format!("containers/{format}"));
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function("write", |b| b.iter(|| written(format, &frames)));
        let file = written(format, &frames);
        group.bench_function("read", |b| {
            b.iter(|| {
                let source = Source::seekable(Cursor::new(file.clone()));
                let mut reader = open_packets(source, &ReadOptions::default()).unwrap();
                let mut packet = CodedPacket::default();
                let mut count = 0;
                while reader.read(&mut packet).unwrap() {
                    count += 1;
                }
                assert_eq!(count, frames.len());
            });
        });
        group.finish();
    }
}

fn pictures(criterion: &mut Criterion) {
    let pictures = talking_head(SIZE, 15).unwrap();
    let mut file = b"YUV4MPEG2 W640 H360 F30:1 Ip C420jpeg\n".to_vec();
    for picture in &pictures {
        file.extend_from_slice(b"FRAME\n");
        file.extend_from_slice(picture);
    }
    let mut group = criterion.benchmark_group("containers/y4m");
    group.throughput(Throughput::Bytes(file.len() as u64));
    group.bench_function("read", |b| {
        b.iter(|| {
            let source = Source::stream(Cursor::new(file.clone()));
            let mut reader = open_raw_video(source, &ReadOptions::default()).unwrap();
            let mut count = 0;
            while reader.read().unwrap().is_some() {
                count += 1;
            }
            assert_eq!(count, pictures.len());
        });
    });
    group.finish();
}

criterion_group! {
    name = all;
    config = short();
    targets = packets, pictures
}
criterion_main!(all);
