//! WebM: header fields, clusters, and truncated streams.

use std::io::Cursor;

use codec_container::{Format, ReadOptions, Source, VideoTrack, Warning};
use codec_core::frame::{
    Color, ColorPrimaries, ColorRange, MatrixCoefficients, Rational, Rotation,
    TransferCharacteristics,
};

use super::support::{
    Destination, ShortReads, TestPacket, data, read_all, read_video, read_with, vp8_stream,
    write_all,
};

fn rich_stream(rotation: Rotation, aspect: Option<Rational>) -> VideoTrack {
    let mut stream = vp8_stream(Format::WebM, (1, 1000));
    stream.frame_rate = Some(Rational::new(30000, 1001));
    stream.info.rotation = rotation;
    stream.info.pixel_aspect = aspect;
    stream.info.color = Color {
        primaries: ColorPrimaries::BT2020,
        transfer: TransferCharacteristics::BT709,
        matrix: MatrixCoefficients::BT709,
        range: ColorRange::Full,
    };
    stream
}

#[test]
fn colour_aspect_rotation_and_frame_rate_survive() {
    let rotations =
        [Rotation::None, Rotation::Clockwise90, Rotation::Clockwise180, Rotation::Clockwise270];
    let aspects = [None, Some((1, 1)), Some((12, 11)), Some((10, 11)), Some((7, 5))];
    for to in [Destination::File, Destination::Pipe] {
        for rotation in rotations {
            for aspect in aspects {
                let aspect = aspect.map(|(num, den)| Rational::new(num, den));
                let stream = rich_stream(rotation, aspect);
                let bytes = write_all(to, &stream, &[TestPacket::new(true, 0, 9, 1)]);
                let (read, _) = read_video(&bytes);
                assert_eq!(read.info, stream.info);
                assert_eq!(read.frame_rate, stream.frame_rate);
                assert!(read.warnings.is_empty());
            }
        }
    }
}

#[test]
fn high_dynamic_range_is_opened_and_rejected_by_name() {
    let mut stream = rich_stream(Rotation::None, None);
    stream.info.color.transfer = TransferCharacteristics::PQ;
    let (read, _) =
        read_video(&write_all(Destination::File, &stream, &[TestPacket::new(true, 0, 9, 1)]));
    let error = read.check_supported().unwrap_err().to_string();
    assert!(error.contains("high dynamic range (PQ)"), "{error}");
}

fn two_minutes() -> Vec<TestPacket> {
    (0..120)
        .map(|index| TestPacket::new(index % 50 == 0, index * 1000, 100, 7).lasting(1000))
        .collect()
}

#[test]
fn long_streams_take_several_clusters_on_coarse_and_fine_time_bases() {
    for to in [Destination::File, Destination::Pipe] {
        for (den, step) in [(1000, 1), (90000, 90), (1_000_000, 1000)] {
            let mut given = two_minutes();
            for packet in &mut given {
                packet.pts *= step;
                packet.duration = packet.duration.map(|ticks| ticks * step as u64);
            }
            let (_, packets) =
                read_video(&write_all(to, &vp8_stream(Format::WebM, (1, den)), &given));
            assert_eq!(packets.len(), given.len());
        }
    }
}

#[test]
fn a_stream_cut_at_any_byte_gives_every_complete_frame() {
    let given: Vec<_> = (0..12)
        .map(|index| TestPacket::new(index % 5 == 0, index * 33, 40, 9).lasting(20 + index as u64))
        .collect();
    for to in [Destination::File, Destination::Pipe] {
        let whole = write_all(to, &vp8_stream(Format::WebM, (1, 1000)), &given);
        let (_, packets) = read_video(&whole);
        assert_eq!(packets.len(), given.len());
        let ends: Vec<_> =
            packets.iter().map(|packet| packet.offset as usize + packet.data.len()).collect();
        for cut in ends[0]..whole.len() {
            let complete = ends.iter().filter(|&&end| end <= cut).count();
            let (_, seen, error) = read_all(&whole[..cut]);
            assert_eq!(seen.len(), complete, "{to:?} cut at {cut}");
            assert_eq!(
                seen,
                packets[..complete]
                    .iter()
                    .map(|packet| {
                        let mut packet = packet.clone();
                        // The duration of the last one may have been truncated.
                        if packet.index as usize + 1 == complete {
                            packet.duration = seen[complete - 1].duration;
                        }
                        packet
                    })
                    .collect::<Vec<_>>()
            );
            if to == Destination::File {
                assert!(error.is_some(), "cut at {cut} went unnoticed");
            }
        }
    }
}

#[test]
fn a_pipe_gives_the_same_as_a_file() {
    let whole = write_all(Destination::Pipe, &vp8_stream(Format::WebM, (1, 1000)), &two_minutes());
    let (_, packets) = read_video(&whole);
    let source = Source::stream(ShortReads(Cursor::new(whole)));
    let (_, slow, error) = read_with(source, &ReadOptions::default());
    assert!(error.is_none());
    assert_eq!(slow, packets);
}

#[test]
fn files_of_other_muxers_are_read() {
    let cases = [
        ("vp8_opus.webm", "vp8", 120),
        ("vp8_opus_mkvmerge.mkv", "vp8", 120),
        ("vp8_video_with_alpha.webm", "vp8", 0),
        ("vp9_opus.webm", "vp9", 0),
    ];
    for (name, codec, count) in cases {
        let Some(bytes) = data(&format!("containers/{name}")) else { continue };
        let (stream, packets) = read_video(&bytes);
        assert_eq!(stream.codec.name(), codec);
        assert!(packets[0].key);
        if count > 0 {
            assert_eq!(packets.len(), count, "{name}");
        }
        let alpha = stream.warnings.contains(&Warning::AlphaIgnored);
        assert_eq!(alpha, name.contains("alpha"));
        println!("{name}: {stream:?}, {} packets", packets.len());
    }
}
