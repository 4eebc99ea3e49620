use super::*;
use crate::framing::{Flags, Kind, MAX_CONTROL_BYTES, Media, Part, StreamDescription};
use codec_container::{Format, Track, VideoTrack};
use codec_core::codec::Codec;
use codec_core::frame::{Rational, Size};

fn hello() -> Hello {
    let mut video =
        VideoTrack::new(Format::WebM, Codec::Vp8, Size::new(640, 360), Rational::new(1, 90_000));
    video.frame_rate = Some(Rational::new(30, 1));
    let sound = StreamDescription {
        codec: "opus".to_owned(),
        time_base: Rational::new(1, 48_000),
        media: Media::Audio { rate: 48_000, channels: 2, delay: 312 },
        private: (0..19).collect(),
    };
    let video = StreamDescription::of(&Track::Video(video)).unwrap();
    Hello { session: 0x0123_4567_89ab_cdef, streams: vec![video, sound] }
}

fn records() -> Vec<Record> {
    let frame = |pts: i64, len: usize| Record {
        kind: Kind::Video,
        flags: Flags { key: pts == 0, hidden: pts == 2 },
        stream: 0,
        pts: pts * 3000,
        captured: 9 << 32,
        payload: (0..=255).cycle().take(len).collect(),
    };
    vec![
        frame(0, 5000),
        Record { kind: Kind::Audio, stream: 1, pts: -312, ..frame(1, 80) },
        frame(2, 0),
        Record::control(Kind::Stats, b"{}".to_vec()),
        Record::end("the end of the file"),
    ]
}

fn written() -> Vec<u8> {
    let mut bytes = Vec::new();
    hello().write(&mut bytes).unwrap();
    for record in records() {
        let before = bytes.len();
        record.write(&mut bytes).unwrap();
        assert_eq!(bytes.len() - before, record.total_bytes());
    }
    bytes
}

/// Returns all items read in pieces of `step` bytes, and the result at the end.
fn read(bytes: &[u8], step: usize) -> (Vec<Item>, Result<(), FramingError>) {
    let (mut parser, mut items) = (Parser::new(), Vec::new());
    for mut piece in bytes.chunks(step) {
        loop {
            match parser.next(&mut piece) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(error) => return (items, Err(error)),
            }
        }
        assert!(piece.is_empty());
    }
    (items, parser.finish())
}

#[test]
fn streams_are_parsed_in_pieces_of_any_size() {
    let bytes = written();
    let mut expected = vec![Item::Hello(hello())];
    expected.extend(records().into_iter().map(Item::Record));
    for step in [1, 7, 28, 1000, bytes.len()] {
        assert_eq!(read(&bytes, step), (expected.clone(), Ok(())));
    }
    let tracks: Vec<_> =
        hello().streams.iter().map(|stream| stream.track(Format::WebM).unwrap()).collect();
    assert_eq!(tracks[0].video().unwrap().frame_rate, Some(Rational::new(30, 1)));
    assert_eq!(tracks[1].audio().unwrap().delay, 312);
}

#[test]
fn every_flipped_bit_is_reported_with_its_offset() {
    let bytes = written();
    for at in (0..bytes.len()).filter(|at| *at < 400 || at % 37 == 0 || *at > 5100) {
        let mut bad = bytes.clone();
        bad[at] ^= 1 << (at % 8);
        let (_, end) = read(&bad, 64);
        let error = end.unwrap_err();
        match error {
            FramingError::Checksum { at: begin, flipped: Some(bit), .. } => {
                assert_eq!(begin + bit.byte as u64, at as u64, "{error}");
                assert_eq!(usize::from(bit.bit), at % 8);
                assert!(error.to_string().contains(&format!("of byte {at} was flipped")));
            }
            // The first fields of the hello determine its end.
            FramingError::Magic { .. } | FramingError::Version { .. } => assert!(at < 10),
            FramingError::TooLong { .. } | FramingError::Checksum { .. } => {
                assert!((10..12).contains(&at), "byte {at}: {error}");
            }
            _ => panic!("byte {at}: {error}"),
        }
    }
}

#[test]
fn a_stream_that_ends_inside_a_record_reports_the_offset() {
    let bytes = written();
    let (items, end) = read(&bytes[..bytes.len() - 1], 512);
    assert_eq!(items.len(), 5);
    let at = bytes.len() as u64 - 1;
    let last = records().pop().unwrap().total_bytes() as u64;
    let begun_at = at + 1 - last;
    assert_eq!(end, Err(FramingError::Truncated { at, begun_at, part: Part::Record }));
    assert!(read(&bytes[..5], 512).1.is_err());
    assert!(read(&[], 512).1.is_err());
}

#[test]
fn excessive_lengths_are_rejected_immediately() {
    let long = vec![0; MAX_CONTROL_BYTES + 1];
    assert!(Record::control(Kind::Stats, long).write(&mut Vec::new()).is_err());
    let mut big = hello();
    big.streams[1].private = vec![0; 1100];
    assert!(big.write(&mut Vec::new()).is_err());
    big.streams.clear();
    assert!(big.write(&mut Vec::new()).is_err());
    // A header with a wrong length and a valid checksum.
    let mut header = Vec::new();
    Record::control(Kind::Feedback, Vec::new()).write(&mut header).unwrap();
    header.truncate(24);
    header[20..24].copy_from_slice(&u32::MAX.to_be_bytes());
    let checksum = crate::framing::crc::crc32c(&header);
    header.extend(checksum.to_be_bytes());
    let error = Parser::of_records().next(&mut header.as_slice()).unwrap_err();
    assert!(error.to_string().contains("4294967295 bytes, expected at most 65536"), "{error}");
}
