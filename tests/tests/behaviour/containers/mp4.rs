//! MP4.

use std::io::Cursor;

use codec_container::{Format, ReadOptions, Source};
use codec_core::codec::Codec;
use codec_core::frame::{ColorRange, Rational, Rotation};
use codec_tests::external::{have, run};

use super::support::{
    Destination, TestPacket, data, read_all, read_video, read_with, temp_file, vp8_stream,
    write_all,
};

fn given() -> Vec<TestPacket> {
    [(7, 2), (9, 1), (10, 30), (40, 3), (43, 11)]
        .iter()
        .enumerate()
        .map(|(index, &(pts, duration))| {
            TestPacket::new(index % 3 == 0, pts, 20, 5).lasting(duration)
        })
        .collect()
}

/// A small file. Times have a gap, which MP4 fills by extending the previous sample.
pub fn sample() -> Vec<u8> {
    write_all(Destination::File, &vp8_stream(Format::Mp4, (1, 1000)), &given())
}

#[test]
fn times_durations_and_payload_survive() {
    for shift in [0, 93, -43] {
        for time_base in [(1, 90000), (1001, 30000)] {
            let mut given = given();
            for packet in &mut given {
                packet.pts += shift;
            }
            let bytes = write_all(Destination::File, &vp8_stream(Format::Mp4, time_base), &given);
            let (read, packets) = read_video(&bytes);
            assert_eq!(read.time_base, Rational::new(1, time_base.1));
            assert_eq!(read.packet_count, Some(5));
            let num = i64::from(time_base.0);
            for (packet, given) in packets.iter().zip(&given) {
                assert_eq!(packet.pts, given.pts * num);
                assert_eq!(packet.duration, given.duration.map(|ticks| ticks * num as u64));
                assert_eq!((&packet.data, packet.key), (&given.data, given.key));
            }
            assert!(read.warnings.is_empty());
        }
    }
}

#[test]
fn colour_aspect_and_rotation_survive() {
    for rotation in
        [Rotation::None, Rotation::Clockwise90, Rotation::Clockwise180, Rotation::Clockwise270]
    {
        let mut stream = vp8_stream(Format::Mp4, (1, 1000));
        stream.info.rotation = rotation;
        stream.info.pixel_aspect = Some(Rational::new(12, 11));
        stream.info.color.range = ColorRange::Full;
        stream.info.color.matrix.0 = 6;
        let (read, _) = read_video(&write_all(Destination::File, &stream, &given()));
        assert_eq!(read.info, stream.info);
    }
}

#[test]
fn a_pipe_gets_fragments_with_the_packets_of_a_file() {
    let stream = vp8_stream(Format::Mp4, (1, 1000));
    let [file, pipe] = [Destination::File, Destination::Pipe].map(|destination| {
        let bytes = write_all(destination, &stream, &given());
        let has_fragments = bytes.windows(4).any(|kind| kind == b"moof");
        let (_, packets) = read_video(&bytes);
        let packets: Vec<_> = packets
            .into_iter()
            .map(|packet| (packet.pts, packet.duration, packet.key, packet.data))
            .collect();
        (has_fragments, packets)
    });
    assert_eq!((file.0, pipe.0), (false, true));
    assert_eq!(pipe.1, file.1);
}

#[test]
fn files_of_other_programs_are_read() {
    let cases = [
        ("h264_aac.mp4", 120, (1, 15360)),
        ("h264_aac_frag.mp4", 0, (1, 30000)),
        ("sample-in-issue-505.mov", 0, (0, 0)),
    ];
    for (name, count, (num, den)) in cases {
        let Some(bytes) = data(&format!("containers/{name}")) else { return };
        let (stream, packets) = read_video(&bytes);
        assert_eq!(stream.codec, Codec::H264, "{name}");
        assert!(packets[0].key && !stream.codec_private.is_empty(), "{name}");
        if count > 0 {
            assert_eq!(packets.len(), count);
        }
        if num > 0 {
            assert_eq!(stream.time_base, Rational::new(num, den));
        }
        println!("{name}: {stream:?}, {} packets", packets.len());
    }
}

#[test]
fn a_fragmented_file_is_read_from_a_pipe() {
    let Some(bytes) = data("containers/h264_aac_frag.mp4") else { return };
    let (_, whole) = read_video(&bytes);
    let source = Source::stream(Cursor::new(bytes));
    let (_, piped, error) = read_with(source, &ReadOptions::default());
    assert!(error.is_none());
    assert_eq!(piped, whole);
}

#[test]
fn an_index_at_the_end_of_a_pipe_is_rejected_by_name() {
    let source = Source::stream(Cursor::new(sample()));
    let (_, _, error) = read_with(source, &ReadOptions::default());
    let error = error.unwrap().to_string();
    assert!(error.contains("index at the end"), "{error}");
}

#[test]
fn ffprobe_agrees_on_every_packet() {
    if !have("ffprobe", "MP4 packets") {
        return;
    }
    for name in ["h264_aac.mp4", "h264_aac_frag.mp4", "sample-in-issue-505.mov"] {
        let Some(bytes) = data(&format!("containers/{name}")) else { return };
        let (_, packets) = read_video(&bytes);
        let file = temp_file(".mp4", &bytes);
        let path = file.path().to_string_lossy().into_owned();
        let entries = "packet=pts,size,pos,flags";
        let arguments = [
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_entries",
            entries,
            "-of",
            "csv=p=0",
            &path,
        ];
        let text = String::from_utf8(run("ffprobe", &arguments)).unwrap();
        let seen: Vec<_> = packets
            .iter()
            .map(|packet| {
                let key = if packet.key { 'K' } else { '_' };
                format!("{},{},{},{key}", packet.pts, packet.data.len(), packet.offset)
            })
            .collect();
        // Packets after the end of the edit, which ffprobe marks, are not read. Other flags than that
        // of a key frame are not compared.
        let plain = |line: &str| {
            let (numbers, flags) = line.trim_end_matches(',').rsplit_once(',').unwrap();
            (format!("{numbers},{}", &flags[..1]), flags.contains('D'))
        };
        let mut expected: Vec<_> = text.lines().map(plain).collect();
        while expected.pop_if(|(_, is_discarded)| *is_discarded).is_some() {}
        let expected: Vec<_> = expected.into_iter().map(|(line, _)| line).collect();
        assert_eq!(seen, expected, "{name}");
    }
}

/// ffprobe's rotation, which is counter-clockwise.
fn probed_rotation(bytes: &[u8]) -> Rotation {
    let file = temp_file(".mp4", bytes);
    let path = file.path().to_string_lossy().into_owned();
    let entries = "stream_side_data=rotation";
    let arguments = [
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        entries,
        "-of",
        "csv=p=0",
        &path,
    ];
    let text = String::from_utf8(run("ffprobe", &arguments)).unwrap();
    let degrees: i32 = text.trim().trim_end_matches(',').parse().unwrap_or(0);
    Rotation::from_degrees(-degrees).unwrap()
}

#[test]
fn ffprobe_agrees_on_rotations_read_and_written() {
    if !have("ffmpeg", "rotated MP4") {
        return;
    }
    let Some(from) = super::support::data_path("containers/h264_aac.mp4") else { return };
    let from = from.to_string_lossy().into_owned();
    let file = temp_file(".mp4", &[]);
    let path = file.path().to_string_lossy().into_owned();
    for degrees in [0, 90, 180, 270] {
        let tag = format!("rotate={degrees}");
        let arguments = [
            "-y",
            "-v",
            "error",
            "-i",
            &from,
            "-map",
            "v",
            "-c",
            "copy",
            "-metadata:s:v",
            &tag,
            &path,
        ];
        let _ = run("ffmpeg", &arguments);
        let bytes = std::fs::read(file.path()).unwrap();
        let (stream, _, _) = read_all(&bytes);
        let rotation = stream.unwrap().info.rotation;
        assert_eq!(rotation, probed_rotation(&bytes));
        assert_eq!(rotation == Rotation::None, degrees == 0);

        let mut stream = vp8_stream(Format::Mp4, (1, 1000));
        stream.info.rotation = rotation;
        assert_eq!(probed_rotation(&write_all(Destination::File, &stream, &given())), rotation);
    }
}
