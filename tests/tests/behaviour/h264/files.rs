//! H.264 in files: byte streams, MP4 and Matroska.

use std::io::Cursor;
use std::path::Path;

use codec_container::{
    AnnexB, CodedPacket, Format, Output, ReadOptions, Source, Track, WriteOptions, create_packets,
    open_packets,
};
use codec_core::codec::{Codec, DecoderConfig};
use codec_core::frame::{Frame, PictureInfo};
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
