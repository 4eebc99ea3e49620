//! Files of any format, copied to other formats.

use std::io::Cursor;

use codec_container::{
    Chapter, CodedPacket, FileMetadata, Format, Input, Output, PacketRef, ReadOptions, Source,
    Track, VideoTrack, WriteOptions, create_packets, open, open_packets,
};
use codec_core::codec::Codec;
use codec_core::frame::{Rational, Size};

use crate::rng::Rng;
use crate::shared_buffer::SharedBuffer;

/// Most packets that are copied.
const MAX_PACKETS: usize = 200;

/// Copies the tracks, the metadata and the first packets of a file to each format that holds them.
///
/// # Panics
/// If a copy cannot be opened, or has other tags or chapters than were written to it.
pub(super) fn remux(data: &[u8], options: &ReadOptions) {
    for format in [Format::Matroska, Format::WebM, Format::Mp4, Format::MpegTs, Format::Ogg] {
        for live in [false, true] {
            let source = Source::seekable(Cursor::new(data.to_vec()));
            let Ok(Input::Packets(mut reader)) = open(source, options) else { return };
            let metadata = reader.metadata().for_format(format).0;
            let tracks = reader.tracks().to_vec();
            let mut write = WriteOptions::default();
            (write.live, write.metadata) = (live, metadata.clone());
            let memory = SharedBuffer::default();
            let output = Output::seekable(memory.clone());
            let Ok(mut writer) = create_packets(output, format, &tracks, &write) else { continue };
            let mut packet = CodedPacket::default();
            let mut written = 0;
            while written < MAX_PACKETS && reader.read(&mut packet).is_ok_and(|is_one| is_one) {
                if writer.write(packet.as_ref()).is_err() {
                    break;
                }
                written += 1;
            }
            if writer.finish().is_err() || written == 0 {
                continue;
            }
            let copy = Source::seekable(Cursor::new(memory.bytes()));
            let copy = match open_packets(copy, &ReadOptions::default()) {
                Ok(copy) => copy,
                // Its readers take the headers from packets, which may be damaged.
                Err(_) if format == Format::MpegTs => continue,
                Err(error) => panic!("{format:?}, live {live}: {error}"),
            };
            let found = copy.metadata();
            assert_eq!(sorted(found), sorted(&metadata), "{format:?}, live {live}");
            assert_eq!(found.chapters.len(), metadata.chapters.len(), "{format:?}, live {live}");
        }
    }
}

/// The tags by name. Names are the same in any case of letters.
fn sorted(metadata: &FileMetadata) -> Vec<(String, &str)> {
    let tags = metadata.tags.iter();
    let mut tags: Vec<_> =
        tags.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str())).collect();
    tags.sort();
    tags
}

/// A Matroska file of one VP8 frame with random tags and chapters.
///
/// # Panics
/// If it cannot be written.
#[must_use]
pub fn tagged_file(rng: &mut Rng) -> Vec<u8> {
    const NAMES: [&str; 12] = [
        "title",
        "ARTIST",
        "date",
        "creation_time",
        "location",
        "show",
        "track",
        "episode",
        "synopsis",
        "comment",
        "com.example.any",
        "rotate",
    ];
    const VALUES: [&str; 8] = [
        "Ünïcode \u{1f3a5}",
        " spaces ",
        "2024-02-30",
        "2026-11-29T12:34:56.789Z",
        "3/12",
        "+48.8577+002.295/",
        "\0nul\nline",
        "-1",
    ];
    let mut options = WriteOptions::default();
    for _ in 0..rng.below(8) {
        let mut value = (*rng.pick(&VALUES)).to_owned();
        if rng.below(4) == 0 {
            value = value.repeat(rng.index(300));
        }
        options.metadata.tags.push(((*rng.pick(&NAMES)).to_owned(), value));
    }
    let mut start_ns = 0;
    for _ in 0..rng.below(5) {
        let title = (*rng.pick(&VALUES)).to_owned();
        options.metadata.chapters.push(Chapter { start_ns, end_ns: None, title });
        start_ns += *rng.pick(&[0, 1, 1_000_000, 1 << 40, 1 << 60]);
    }
    let track =
        VideoTrack::new(Format::Matroska, Codec::Vp8, Size::new(2, 2), Rational::new(1, 1000));
    let memory = SharedBuffer::default();
    let output = Output::seekable(memory.clone());
    let mut writer = create_packets(output, Format::Matroska, &[Track::Video(track)], &options)
        .expect("VP8 in Matroska");
    // The head of a key frame of 2x2 pixels.
    let data = [0x10, 2, 0, 0x9d, 1, 0x2a, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0];
    writer.write(PacketRef { data: &data, key: true, ..PacketRef::default() }).expect("memory");
    writer.finish().expect("memory");
    memory.bytes()
}
