//! Generated streams of frames, fields and MBAFF: random slices that happen to be valid, compared with
//! ffmpeg; frames whose second field is missing; B frames in byte streams.

#[path = "../../../../codec-h264/examples/h264_fingerprint/streams.rs"]
mod streams;

use std::io::Cursor;

use codec_container::{
    CodedPacket, Error, Format, Output, ReadOptions, Source, WriteOptions, create_packets,
    open_packets,
};
use codec_core::codec::{Conceal, DecoderConfig};
use codec_core::frame::{Frame, PictureInfo};
use codec_tests::{depth, external, rng};

use self::streams::{Features, GROUPS, Generator, Structure};
use super::{decode, open};
use crate::conformance::plane_bytes;
use crate::containers::support::SharedBuffer;

/// Draws slices until the decoder accepts them. Returns a packet for each frame or field.
fn valid_stream(features: Features, seed: u64, frames: u32) -> Vec<Vec<u8>> {
    let mut generator = Generator::new(features, seed);
    let mut packets: Vec<Vec<u8>> = Vec::new();
    for _ in 0..frames {
        for picture in generator.next_frame() {
            let head = if packets.is_empty() { generator.parameter_sets() } else { Vec::new() };
            let found = (0..500_000).find_map(|_| {
                let mut decoder = open(&DecoderConfig::default());
                for packet in &packets {
                    decoder.decode(packet, 0, None).unwrap();
                }
                let packet = [&head[..], &generator.slices(&picture)].concat();
                decoder.decode(&packet, 0, None).is_ok().then_some(packet)
            });
            packets.push(found.unwrap_or_else(|| panic!("{features:?}: no valid {picture:?}")));
        }
    }
    packets
}

fn samples(frames: &[Frame]) -> Vec<u8> {
    let mut samples = Vec::new();
    for frame in frames {
        let picture = frame.buf.picture(PictureInfo::default());
        plane_bytes(&picture, |row| samples.extend_from_slice(row));
    }
    samples
}

#[test]
fn random_valid_slices_decode_as_ffmpeg_does() {
    if !external::have("ffmpeg", "random valid H.264 slices") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    rng::for_each_seed(2, |seed, _| {
        for (number, features) in depth::sample((0..).zip(GROUPS), 8, 0) {
            // Few random bits are valid macroblocks in CAVLC.
            let cols = if features.is_cabac { 2 } else { 1 };
            let features = Features { size: (cols, 2), slice_rows: 2, ..features };
            let packets = valid_stream(features, seed * 8 + number, 6);
            let path = dir.path().join("stream.264");
            std::fs::write(&path, packets.concat()).unwrap();
            let frames = decode(features.name, &packets, &DecoderConfig::default());
            assert!(samples(&frames) == external::ffmpeg_i420(&path), "{}", features.name);
        }
    });
}

#[test]
fn the_lines_of_a_missing_field_repeat_the_decoded_field() {
    let features = GROUPS.into_iter().find(|group| group.structure == Structure::Fields).unwrap();
    let mut generator = Generator::new(features, 3);
    let mut head = generator.parameter_sets();
    let mut packet = || {
        let first = generator.next_frame()[0];
        [std::mem::take(&mut head), generator.slices(&first)].concat()
    };
    let packets: Vec<Vec<u8>> = (0..20).map(|_| packet()).collect();
    let mut config = DecoderConfig::default();
    config.conceal = Conceal::On;
    let held = decode(features.name, &packets, &config);
    assert_eq!(held.len(), packets.len());
    for frame in &held {
        let luma = frame.picture().luma();
        for y in (0..luma.layout().height - 1).step_by(2) {
            assert_eq!(luma.row(y), luma.row(y + 1), "line {y} at {}", frame.pts);
        }
    }
    // The same if the decoder reuses the memory of frames at once.
    let mut decoder = open(&config);
    let mut digests = Vec::new();
    for packet in &packets {
        decoder.decode(packet, 0, None).unwrap();
        digests.extend(std::iter::from_fn(|| decoder.receive()).map(|frame| frame.digest()));
    }
    decoder.finish();
    digests.extend(std::iter::from_fn(|| decoder.receive()).map(|frame| frame.digest()));
    assert_eq!(digests, held.iter().map(Frame::digest).collect::<Vec<_>>());
}

#[test]
fn b_frames_of_a_byte_stream_are_not_stored_with_wrong_times() {
    let features = GROUPS.into_iter().find(|group| group.has_b_slices).unwrap();
    let mut generator = Generator::new(features, 1);
    let mut stream = generator.parameter_sets();
    for _ in 0..3 {
        for picture in generator.next_frame() {
            stream.extend(generator.slices(&picture));
        }
    }
    for (format, expected) in [(Format::Mp4, 2), (Format::Matroska, 2), (Format::H264, 3)] {
        let source = Source::seekable(Cursor::new(stream.clone()));
        let mut reader = open_packets(source, &ReadOptions::default()).unwrap();
        let output = Output::seekable(SharedBuffer::default());
        let options = WriteOptions::default();
        let mut writer = create_packets(output, format, reader.tracks(), &options).unwrap();
        let mut packet = CodedPacket::default();
        let mut written = 0;
        while reader.read(&mut packet).unwrap() {
            match writer.write(packet.as_ref()) {
                Ok(()) => written += 1,
                Err(Error::Unsupported { what, .. }) => {
                    assert!(what.contains("B frames"), "{what}")
                }
                Err(other) => panic!("{format}: {other}"),
            }
        }
        assert_eq!(written, expected, "{format}");
    }
}
