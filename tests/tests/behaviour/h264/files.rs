//! H.264 in files: byte streams, MP4 and Matroska.

use std::io::Cursor;
use std::path::Path;

use codec_container::{
    AnnexB, CodedPacket, Format, Output, PacketRef, ReadOptions, Source, Track, VideoTrack,
    WriteOptions, create_packets, open_packets,
};
use codec_core::codec::{
    Codec, DecoderConfig, EncoderConfig, FrameRequest, Packet, RateControl, VideoEncoder,
};
use codec_core::frame::{Frame, Picture, PictureInfo, Rational, Size};
use codec_tests::{data, external};

use super::open;
use crate::conformance::plane_bytes;
use crate::containers::support::SharedBuffer;

/// Decodes the video track of a file.
fn decode_file(source: Source) -> (Track, Vec<Frame>) {
    let mut reader = open_packets(source, &ReadOptions::default()).unwrap();
    reader.select_video();
    let (_, stream) = reader.video().unwrap();
    assert_eq!(stream.codec, Codec::H264);
    let track = Track::Video(stream.clone());
    let mut annex_b = AnnexB::new(&stream.codec_private);
    let mut decoder = open(&DecoderConfig::default());
    let (mut packet, mut converted) = (CodedPacket::default(), Vec::new());
    let mut frames = Vec::new();
    while reader.read(&mut packet).unwrap() {
        let data = match &mut annex_b {
            None => &packet.data,
            Some(annex_b) => {
                annex_b.convert(&packet.data, &mut converted);
                &converted
            }
        };
        decoder.decode(data, packet.pts, packet.duration).unwrap();
        frames.extend(std::iter::from_fn(|| decoder.receive()));
    }
    decoder.finish();
    frames.extend(std::iter::from_fn(|| decoder.receive()));
    (track, frames)
}

fn decode_path(path: &Path) -> Vec<Frame> {
    decode_file(Source::seekable(std::fs::File::open(path).unwrap())).1
}

#[test]
fn mp4_and_matroska_files_decode_as_ffmpeg_does_with_times_in_order() {
    let Some(dir) = data::dir("H.264 in MP4 and Matroska") else { return };
    if !external::have("ffmpeg", "H.264 in MP4 and Matroska") {
        return;
    }
    let mut compared = 0;
    for path in data::files(&dir.join("containers"), "") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("h264") {
            continue;
        }
        let frames = decode_path(&path);
        assert!(frames.windows(2).all(|pair| pair[0].pts < pair[1].pts), "{name}");
        let mut ours = Vec::new();
        for frame in &frames {
            let picture = frame.buf.picture(PictureInfo::default());
            plane_bytes(&picture, |row| ours.extend_from_slice(row));
        }
        assert!(ours == external::ffmpeg_i420(&path), "{name}");
        compared += 1;
    }
    assert!(compared >= 2, "{compared}");
}

#[test]
fn a_byte_stream_survives_in_mp4_and_matroska() {
    let Some(dir) = data::dir("H.264 byte streams in MP4 and Matroska") else { return };
    let path = dir.join("h264/minih264_x264.264");
    let expected: Vec<u64> = decode_path(&path).iter().map(Frame::digest).collect();
    for format in [Format::Mp4, Format::Matroska, Format::H264] {
        let source = Source::seekable(std::fs::File::open(&path).unwrap());
        let mut reader = open_packets(source, &ReadOptions::default()).unwrap();
        let tracks = reader.tracks().to_vec();
        let memory = SharedBuffer::default();
        let options = WriteOptions::default();
        let mut writer =
            create_packets(Output::seekable(memory.clone()), format, &tracks, &options).unwrap();
        let mut packet = CodedPacket::default();
        while reader.read(&mut packet).unwrap() {
            writer.write(packet.as_ref()).unwrap();
        }
        writer.finish().unwrap();
        drop(writer);
        let (track, frames) = decode_file(Source::seekable(Cursor::new(memory.bytes())));
        assert_eq!(track.format(), format);
        let video = (track.video().unwrap(), tracks[0].video().unwrap());
        assert_eq!(video.0.size, video.1.size, "{format}");
        let found: Vec<u64> = frames.iter().map(Frame::digest).collect();
        assert_eq!(found, expected, "{format}");
    }
}

/// Codes a texture that moves behind a static one, with B frames.
pub(super) fn packets_with_b_frames(
    size: Size,
    frames: usize,
) -> (Box<dyn VideoEncoder>, Vec<Packet>) {
    let mut config = EncoderConfig::file(size, Rational::new(25, 1), RateControl::Quality(50));
    config.timebase = Rational::new(1, 1000);
    config.report_digest = true;
    let mut encoder = codec_h264::encoder::open(&config).unwrap();
    let (width, height) = (size.width as usize, size.height as usize);
    for n in 0..frames {
        let sample = |at: usize| {
            let (x, y) = (at % width, at / width);
            let x = if y < height / 2 { x } else { x + 3 * n };
            ((x * x / 5 + 3 * y) % 160 + 40).to_le_bytes()[0]
        };
        let mut data: Vec<u8> = (0..width * height).map(sample).collect();
        data.resize(width * height * 3 / 2, 128);
        let picture = Picture::i420_packed(size, &data).unwrap();
        encoder.encode(&picture, &FrameRequest::at(40 * i64::try_from(n).unwrap())).unwrap();
    }
    encoder.finish().unwrap();
    let packets = std::iter::from_fn(|| {
        let mut packet = Packet::default();
        encoder.receive(&mut packet).then_some(packet)
    });
    let packets = packets.collect();
    (encoder, packets)
}

/// Writes packets to a file of 96x64.
fn write_file(
    path: &Path,
    (format, is_fragmented): (Format, bool),
    codec_private: Vec<u8>,
    packets: &[Packet],
) {
    let mut track = VideoTrack::new(format, Codec::H264, SMALL, Rational::new(1, 1000));
    track.codec_private = codec_private;
    let output = Output::seekable(std::fs::File::create(path).unwrap());
    let mut options = WriteOptions::default();
    options.live = is_fragmented;
    let mut writer = create_packets(output, format, &[Track::Video(track)], &options).unwrap();
    for Packet { data, pts, dts, duration, meta } in packets {
        let key = meta.kind == codec_core::codec::FrameKind::Key;
        let (pts, dts, duration) = (*pts, *dts, *duration);
        let packet = PacketRef { data, pts, dts, duration, key, ..PacketRef::default() };
        writer.write(packet).unwrap();
    }
    writer.finish().unwrap();
}

const SMALL: Size = Size { width: 96, height: 64 };

#[test]
fn files_with_b_frames_have_the_times_of_their_frames() {
    let (encoder, packets) = packets_with_b_frames(SMALL, 72);
    assert!(packets.iter().any(|packet| packet.meta.b_level == 2));
    let mut shown: Vec<(i64, u64)> =
        packets.iter().map(|packet| (packet.pts, packet.meta.digest.unwrap())).collect();
    shown.sort_unstable();
    let times: Vec<_> = packets.iter().map(|packet| (packet.pts, packet.dts)).collect();
    let mut without = packets.clone();
    without.iter_mut().for_each(|packet| packet.dts = None);
    let dir = tempfile::tempdir().unwrap();
    for (name, is_fragmented, is_stated) in [
        ("whole.mp4", false, true),
        ("parts.mp4", true, true),
        ("derived.mp4", false, false),
        ("derived_parts.mp4", true, false),
        ("b.mkv", false, true),
    ] {
        let path = dir.path().join(name);
        let format = if name.ends_with("mp4") { Format::Mp4 } else { Format::Matroska };
        let packets = if is_stated { &packets } else { &without };
        write_file(&path, (format, is_fragmented), encoder.codec_private(), packets);
        let frames = decode_path(&path);
        let found: Vec<_> = frames.iter().map(|frame| (frame.pts, frame.digest())).collect();
        assert_eq!(found, shown, "{name}");
        if format == Format::Mp4 {
            assert_eq!(
                read_times(&path),
                times,
                "{name}: derived times equal those of the encoder"
            );
        }
        if external::have("ffmpeg", "times of B frames in files") {
            let rows = times_of_ffprobe(&path);
            if format == Format::Mp4 {
                assert_eq!(rows, times, "{name}");
            } else {
                check_order(&rows, name);
            }
            let mut ours = Vec::new();
            for frame in &frames {
                let picture = frame.buf.picture(PictureInfo::default());
                plane_bytes(&picture, |row| ours.extend_from_slice(row));
            }
            assert!(ours == external::ffmpeg_i420(&path), "{name}");
        }
    }
}

#[test]
fn decoding_times_survive_remuxing() {
    let (encoder, packets) = packets_with_b_frames(SMALL, 22);
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    // Longer before the first frame than derived times would be.
    let mut early = packets.clone();
    early[0].dts = early[0].dts.map(|dts| dts - 100);
    write_file(&path("first.mp4"), (Format::Mp4, false), encoder.codec_private(), &early);
    for (name, live) in [("whole.mp4", false), ("parts.mp4", true)] {
        let source = Source::seekable(std::fs::File::open(path("first.mp4")).unwrap());
        let mut reader = open_packets(source, &ReadOptions::default()).unwrap();
        let tracks = reader.tracks().to_vec();
        let mut options = WriteOptions::default();
        options.live = live;
        let output = Output::seekable(std::fs::File::create(path(name)).unwrap());
        let mut writer = create_packets(output, Format::Mp4, &tracks, &options).unwrap();
        let mut packet = CodedPacket::default();
        while reader.read(&mut packet).unwrap() {
            writer.write(packet.as_ref()).unwrap();
        }
        writer.finish().unwrap();
        drop(writer);
        let times: Vec<_> = early.iter().map(|packet| (packet.pts, packet.dts)).collect();
        assert_eq!(read_times(&path(name)), times, "{name}");
    }
}

/// The presentation and decoding times of the packets of a file.
fn read_times(path: &Path) -> Vec<(i64, Option<i64>)> {
    let source = Source::seekable(std::fs::File::open(path).unwrap());
    let mut reader = open_packets(source, &ReadOptions::default()).unwrap();
    let mut packet = CodedPacket::default();
    let mut times = Vec::new();
    while reader.read(&mut packet).unwrap() {
        times.push((packet.pts, packet.dts));
    }
    times
}

/// The same as ffprobe reads them.
fn times_of_ffprobe(path: &Path) -> Vec<(i64, Option<i64>)> {
    let path = path.to_str().unwrap();
    let entries = "packet=pts,dts";
    let arguments =
        ["-v", "error", "-show_entries", entries, "-of", "csv=p=0", "-select_streams", "v", path];
    let text = String::from_utf8(external::run("ffprobe", &arguments)).unwrap();
    let row = |line: &str| {
        let mut fields = line.split(',').map(|field| field.trim().parse().ok());
        (fields.next().flatten().unwrap(), fields.next().flatten())
    };
    text.lines().map(row).collect()
}

/// Checks that frames follow each other at 40 ms from 0 on, in the order and time of decoding too.
fn check_order(rows: &[(i64, Option<i64>)], name: &str) {
    let mut shown: Vec<i64> = rows.iter().map(|&(pts, _)| pts).collect();
    shown.sort_unstable();
    let expected = (0..rows.len()).map(|n| 40 * i64::try_from(n).unwrap());
    assert_eq!(shown, expected.collect::<Vec<_>>(), "{name}");
    let decoded: Vec<_> = rows.iter().filter_map(|&(pts, dts)| Some((pts, dts?))).collect();
    assert!(decoded.iter().all(|(pts, dts)| dts <= pts), "{name}: {rows:?}");
    assert!(decoded.windows(2).all(|pair| pair[0].1 < pair[1].1), "{name}: {rows:?}");
}
