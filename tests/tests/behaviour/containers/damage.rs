//! Damaged files: an error or fewer packets, never a panic, a hang or much memory.

use std::io::Cursor;

use codec_container::{Error, Format, Input, ReadOptions, Source, open};
use codec_tests::{mutate, rng};

use super::support::{Destination, TestPacket, data_path, read_all, vp8_stream, write_all};

/// Reads everything; returns the number of packets or frames and of payload bytes.
fn drain(bytes: Vec<u8>) -> (usize, usize) {
    let Ok(mut input) = open(Source::seekable(Cursor::new(bytes)), &ReadOptions::default()) else {
        return (0, 0);
    };
    let (mut count, mut payload, mut errors) = (0, 0, 0);
    let mut packet = codec_container::CodedPacket::default();
    loop {
        let outcome = match &mut input {
            Input::Packets(reader) => {
                reader.read(&mut packet).map(|more| more.then_some(packet.data.len()))
            }
            Input::RawVideo(reader) => reader
                .read()
                .map(|timed| timed.map(|timed| timed.picture.size().i420_bytes() as usize)),
            other => panic!("{other:?}"),
        };
        match outcome {
            Ok(Some(len)) => {
                count += 1;
                payload += len;
            }
            Ok(None) => return (count, payload),
            Err(_) => errors += 1,
        }
        assert!(errors < 1000 + count, "errors without end");
    }
}

fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let given: Vec<_> = (0..6)
        .map(|index| TestPacket::new(index % 3 == 0, index * 40, 30, 3).lasting(40 + index as u64))
        .collect();
    let y4m = || {
        let mut bytes = b"YUV4MPEG2 W4 H2 F25:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\n".to_vec();
        for _ in 0..4 {
            bytes.extend_from_slice(b"FRAME\n");
            bytes.extend_from_slice(&[77; 12]);
        }
        bytes
    };
    vec![
        ("ivf", write_all(Destination::File, &vp8_stream(Format::Ivf, (1, 1000)), &given)),
        ("webm file", write_all(Destination::File, &vp8_stream(Format::WebM, (1, 1000)), &given)),
        ("webm pipe", write_all(Destination::Pipe, &vp8_stream(Format::WebM, (1, 1000)), &given)),
        ("y4m", y4m()),
        ("mp4", super::mp4::sample()),
        ("ogg", super::ogg::sample(20)),
        ("wav", super::wav::sample()),
        ("mp4 with audio", super::audio::sample(Format::Mp4, 30)),
        ("webm with audio", super::audio::sample(Format::WebM, 40)),
        ("flac", super::elementary_streams::flac_sample()),
    ]
}

#[test]
fn truncation_at_every_byte_only_gives_an_error() {
    for (_, bytes) in samples() {
        let mut last = 0;
        for cut in 0..bytes.len() {
            let (count, _) = drain(bytes[..cut].to_vec());
            assert!(count >= last, "fewer packets from a longer file");
            last = count;
        }
    }
}

#[test]
fn seeded_damage_gives_no_panic_and_no_more_payload_than_there_is() {
    for (name, bytes) in samples() {
        rng::for_each_seed(1500, |_, rng| {
            let mut damaged = mutate::damaged(&bytes, rng);
            if rng.below(4) == 0 {
                // A false length.
                let at = rng.index(damaged.len());
                let end = (at + 8).min(damaged.len());
                damaged[at..end].fill(0xFF);
            }
            let len = damaged.len();
            let (count, payload) = drain(damaged);
            assert!(payload <= len && count <= len, "{name}");
        });
    }
}

#[test]
fn headers_beyond_the_limits_are_rejected_before_allocation() {
    let mut ivf = write_all(Destination::File, &vp8_stream(Format::Ivf, (1, 30)), &[]);
    ivf.extend_from_slice(&(9_u32 << 20).to_le_bytes());
    ivf.extend_from_slice(&[0; 8]);
    let (_, _, error) = read_all(&ivf);
    assert!(matches!(error, Some(Error::Limit { .. })), "{error:?}");
}

#[test]
fn malformed_files_end_in_packets_or_errors() {
    let Some(folder) = data_path("malformed") else { return };
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let known = [".ivf", ".webm", ".mkv", ".mp4", ".mov", ".y4m", ".opus"];
        if !known.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let (stream, packets, error) = read_all(&std::fs::read(&path).unwrap());
        let error = error.map_or("audio".into(), |error| error.to_string());
        println!("{name}: {} packets, {error}", packets.len());
        let _ = stream;
    }
}
