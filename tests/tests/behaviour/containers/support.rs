//! Helpers for these tests: sources, sinks, data files and other programs.

use std::io::{self, Cursor, Read, Write};
use std::path::PathBuf;

use codec_container::{
    CodedPacket, Error, Format, Output, PacketRef, ReadOptions, Source, Track, VideoTrack,
    WriteOptions, create_packets, open_packets,
};
pub use codec_tests::shared_buffer::SharedBuffer;

/// A pipe that returns at most three bytes at a time.
#[derive(Debug)]
pub struct ShortReads(pub Cursor<Vec<u8>>);

impl Read for ShortReads {
    fn read(&mut self, data: &mut [u8]) -> io::Result<usize> {
        let len = data.len().min(3);
        self.0.read(&mut data[..len])
    }
}

/// A packet in the form used by tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestPacket {
    pub data: Vec<u8>,
    pub pts: i64,
    pub duration: Option<u64>,
    pub key: bool,
    pub shown: bool,
}

impl TestPacket {
    /// A packet whose first byte looks like the first byte of a VP8 frame and whose other bytes are `fill`.
    pub fn new(key: bool, pts: i64, len: usize, fill: u8) -> Self {
        let mut data = vec![fill; len.max(1)];
        data[0] = if key { 0x10 } else { 0x11 };
        Self { data, pts, duration: None, key, shown: true }
    }

    pub fn lasting(self, duration: u64) -> Self {
        Self { duration: Some(duration), ..self }
    }

    pub fn hidden(mut self) -> Self {
        self.data[0] &= !0x10;
        Self { shown: false, ..self }
    }

    pub fn packet(&self) -> PacketRef<'_> {
        let &Self { ref data, pts, duration, key, shown } = self;
        PacketRef { data, pts, duration, key, shown, ..PacketRef::default() }
    }
}

/// Destination of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    File,
    Pipe,
}

/// Writes all packets and returns the file.
pub fn write_all(to: Destination, stream: &VideoTrack, packets: &[TestPacket]) -> Vec<u8> {
    let shared = SharedBuffer::default();
    let output = match to {
        Destination::File => Output::seekable(shared.clone()),
        Destination::Pipe => Output::stream(shared.clone()),
    };
    let tracks = [Track::Video(stream.clone())];
    let mut writer =
        create_packets(output, stream.format, &tracks, &WriteOptions::default()).unwrap();
    for given in packets {
        writer.write(given.packet()).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    shared.bytes()
}

/// Reads up to the end or the first error.
pub fn read_all(bytes: &[u8]) -> (Option<VideoTrack>, Vec<CodedPacket>, Option<Error>) {
    read_with(Source::seekable(Cursor::new(bytes.to_vec())), &ReadOptions::default())
}

pub fn read_with(
    source: Source,
    options: &ReadOptions,
) -> (Option<VideoTrack>, Vec<CodedPacket>, Option<Error>) {
    let mut reader = match open_packets(source, options) {
        Ok(mut reader) => {
            reader.select_video();
            reader
        }
        Err(error) => return (None, Vec::new(), Some(error)),
    };
    let mut packets = Vec::new();
    let mut packet = CodedPacket::default();
    let error = loop {
        match reader.read(&mut packet) {
            Ok(true) => packets.push(packet.clone()),
            Ok(false) => break None,
            Err(error) => break Some(error),
        }
    };
    (reader.video().map(|(_, track)| track.clone()), packets, error)
}

/// Reads everything, which must be valid.
pub fn read_video(bytes: &[u8]) -> (VideoTrack, Vec<CodedPacket>) {
    let (stream, packets, error) = read_all(bytes);
    assert!(error.is_none(), "{}", error.unwrap());
    (stream.unwrap(), packets)
}

/// A plain stream of VP8 for writers.
pub fn vp8_stream(format: Format, time_base: (u32, u32)) -> VideoTrack {
    use codec_core::codec::Codec;
    use codec_core::frame::{Rational, Size};
    VideoTrack::new(format, Codec::Vp8, Size::new(64, 48), Rational::new(time_base.0, time_base.1))
}

/// A file of the test data, or `None` with a message.
pub fn data(path: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(data_path(path)?).unwrap())
}

pub fn data_path(path: &str) -> Option<PathBuf> {
    codec_tests::data::dir(path).map(|dir| dir.join(path))
}

/// A file that is deleted at the end of the test.
pub fn temp_file(suffix: &str, bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Reads all tracks up to the end or the first error.
pub fn read_tracks(bytes: &[u8]) -> (Vec<Track>, Vec<CodedPacket>, Option<Error>) {
    read_tracks_with(Source::seekable(Cursor::new(bytes.to_vec())), &ReadOptions::default())
}

pub fn read_tracks_with(
    source: Source,
    options: &ReadOptions,
) -> (Vec<Track>, Vec<CodedPacket>, Option<Error>) {
    let mut reader = match open_packets(source, options) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Vec::new(), Some(error)),
    };
    let mut packets = Vec::new();
    let mut packet = CodedPacket::default();
    let error = loop {
        match reader.read(&mut packet) {
            Ok(true) => packets.push(packet.clone()),
            Ok(false) => break None,
            Err(error) => break Some(error),
        }
    };
    (reader.tracks().to_vec(), packets, error)
}

/// Writes packets unchanged.
pub fn write_tracks(
    to: Destination,
    format: Format,
    tracks: &[Track],
    packets: &[CodedPacket],
) -> Vec<u8> {
    let shared = SharedBuffer::default();
    let output = match to {
        Destination::File => Output::seekable(shared.clone()),
        Destination::Pipe => Output::stream(shared.clone()),
    };
    let mut writer = create_packets(output, format, tracks, &WriteOptions::default()).unwrap();
    for packet in packets {
        writer.write(packet.as_ref()).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    shared.bytes()
}

/// Decoded samples of a track that are part of the audio.
pub fn samples_of(packets: &[CodedPacket], track: usize) -> u64 {
    let of_track = packets.iter().filter(|packet| packet.track == track);
    of_track.map(|packet| packet.duration.unwrap() - u64::from(packet.trim_start)).sum()
}

/// The output of ffprobe, one `key=value` per line; warnings about dummy payloads are accepted.
pub fn probe_quietly(suffix: &str, bytes: &[u8], entries: &str) -> Vec<String> {
    let file = temp_file(suffix, bytes);
    let path = file.path().to_string_lossy().into_owned();
    let arguments = ["-v", "quiet", "-show_entries", entries, "-of", "default=nw=1", &path];
    let text = codec_tests::external::run("ffprobe", &arguments);
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

/// The output of ffprobe, one `key=value` per line.
pub fn probe(suffix: &str, bytes: &[u8], entries: &str) -> Vec<String> {
    let file = temp_file(suffix, bytes);
    let output = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", entries, "-of", "default=nw=1"])
        .arg(file.path())
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}
