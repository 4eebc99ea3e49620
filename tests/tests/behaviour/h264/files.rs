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
fn packets_with_b_frames(size: Size) -> (Box<dyn VideoEncoder>, Vec<Packet>) {
    let mut config = EncoderConfig::file(size, Rational::new(25, 1), RateControl::Quality(50));
    config.timebase = Rational::new(1, 1000);
    config.report_digest = true;
    let mut encoder = codec_h264::encoder::open(&config).unwrap();
    let (width, height) = (size.width as usize, size.height as usize);
    for n in 0..22 {
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

#[test]
fn files_with_b_frames_have_the_times_of_their_frames() {
    let size = Size::new(96, 64);
    let (encoder, packets) = packets_with_b_frames(size);
    assert!(packets.iter().any(|packet| packet.meta.b_level == 2));
    let mut shown: Vec<(i64, u64)> =
        packets.iter().map(|packet| (packet.pts, packet.meta.digest.unwrap())).collect();
    shown.sort_unstable();
    for format in [Format::Mp4, Format::Matroska] {
        let mut track = VideoTrack::new(format, Codec::H264, size, Rational::new(1, 1000));
        track.codec_private = encoder.codec_private();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(if format == Format::Mp4 { "b.mp4" } else { "b.mkv" });
        let output = Output::seekable(std::fs::File::create(&path).unwrap());
        let options = WriteOptions::default();
        let mut writer = create_packets(output, format, &[Track::Video(track)], &options).unwrap();
        for Packet { data, pts, dts, duration, meta } in &packets {
            let key = meta.kind == codec_core::codec::FrameKind::Key;
            let (pts, dts, duration) = (*pts, *dts, *duration);
            let packet = PacketRef { data, pts, dts, duration, key, ..PacketRef::default() };
            writer.write(packet).unwrap();
        }
        writer.finish().unwrap();
        drop(writer);
        let frames = decode_path(&path);
        let found: Vec<_> = frames.iter().map(|frame| (frame.pts, frame.digest())).collect();
        assert_eq!(found, shown, "{format}");
        if external::have("ffmpeg", "times of B frames in files") {
            check_times_of_ffprobe(&path);
            let mut ours = Vec::new();
            for frame in &frames {
                let picture = frame.buf.picture(PictureInfo::default());
                plane_bytes(&picture, |row| ours.extend_from_slice(row));
            }
            assert!(ours == external::ffmpeg_i420(&path), "{format}");
        }
    }
}

/// Checks that frames follow each other at 40 ms from 0 on, in the order and time of decoding too.
fn check_times_of_ffprobe(path: &Path) {
    let path = path.to_str().unwrap();
    let entries = "packet=pts,dts";
    let arguments =
        ["-v", "error", "-show_entries", entries, "-of", "csv=p=0", "-select_streams", "v", path];
    let text = String::from_utf8(external::run("ffprobe", &arguments)).unwrap();
    let rows: Vec<Vec<i64>> = text
        .lines()
        .map(|line| line.split(',').filter_map(|field| field.trim().parse().ok()).collect())
        .collect();
    let mut pts: Vec<i64> = rows.iter().map(|row| row[0]).collect();
    pts.sort_unstable();
    assert_eq!(pts, (0..22).map(|n| 40 * n).collect::<Vec<_>>(), "{path}");
    let decoded: Vec<&Vec<i64>> = rows.iter().filter(|row| row.len() > 1).collect();
    assert!(decoded.iter().all(|row| row[1] <= row[0]), "{path}: {rows:?}");
    assert!(decoded.windows(2).all(|pair| pair[0][1] < pair[1][1]), "{path}: {rows:?}");
}
