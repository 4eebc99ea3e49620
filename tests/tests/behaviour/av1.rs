//! AV1 by rav1e and rav1d: conformance streams, round trips, reported encoder delay, hostile input.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use codec_backends::registry;
use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, FrameRequest, Packet, RateControl, VideoDecoder,
};
use codec_core::conformance::Scene;
use codec_core::error::Error;
use codec_core::frame::{
    Color, ColorPrimaries, ColorRange, MatrixCoefficients, Picture, Rational, Size,
    TransferCharacteristics,
};
use codec_core::parallel::RowPool;
use codec_tests::rng::Rng;
use codec_tests::{data, depth, external, mutate};
use md5::{Digest, Md5};

fn decoder(change: impl FnOnce(&mut DecoderConfig)) -> Box<dyn VideoDecoder> {
    let mut config = DecoderConfig::default();
    change(&mut config);
    let (_, open, _) = registry::find_decoder("av1").unwrap();
    open(&config).unwrap()
}

fn md5_of(decoder: &mut dyn VideoDecoder, packets: &[&[u8]]) -> String {
    let mut hash = Md5::new();
    for (index, packet) in packets.iter().enumerate() {
        let report = decoder.decode(packet, i64::try_from(index).unwrap(), None).unwrap();
        let frame = decoder.receive();
        assert_eq!(frame.is_some(), report.shown, "packet {index}");
        if let Some(frame) = frame {
            assert_eq!(frame.size(), report.size, "packet {index}");
            hash.update(frame.picture().to_i420());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_av1_stream_has_the_expected_digest_with_and_without_threads() {
    let Some(dir) = data::dir("all AV1 conformance streams") else { return };
    let text = fs::read_to_string(dir.join("MANIFEST.csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name| header.iter().position(|&field| field == name).unwrap();
    let (path, md5) = (column("path"), column("expected_md5"));
    let expected: HashMap<_, _> = lines.map(|fields| (fields[path], fields[md5])).collect();
    let streams = data::files(&dir.join("av1"), ".ivf");
    assert!(streams.len() >= 6, "only {} streams", streams.len());
    for (turn, stream) in depth::sample(streams, 2, 0).into_iter().enumerate() {
        let name = stream.file_name().unwrap().to_string_lossy().into_owned();
        let file = fs::read(&stream).unwrap();
        let packets = data::ivf_frames(&file);
        for threads in depth::in_turn(turn, [1, 2]) {
            let mut decoder = decoder(|config| {
                config.pool = Some(Arc::new(RowPool::new(threads).unwrap()));
            });
            let found = md5_of(&mut *decoder, &packets);
            assert_eq!(found, expected[&*format!("av1/{name}")], "{name}, {threads} threads");
        }
    }
}

const SIZE: Size = Size { width: 96, height: 80 };

fn rtc(size: Size) -> EncoderConfig {
    let mut config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(200));
    config.speed = 10;
    config
}

fn file(size: Size, speed: u8) -> EncoderConfig {
    let mut config =
        EncoderConfig::file(size, Rational::new(30, 1), RateControl::Vbr(Bitrate::kbps(200)));
    config.speed = speed;
    config
}

/// All packets of `count` frames, and the number of frames that went in before the first packet.
fn encode(config: &EncoderConfig, count: u32) -> (Vec<Packet>, u32) {
    let (_, open, _) = registry::find_encoder("av1/rav1e").unwrap();
    let mut encoder = open(config).unwrap();
    let mut scene = Scene::new(config.size, 2);
    let (mut packets, mut packet, mut first) = (Vec::new(), Packet::default(), 0);
    for number in 0..count {
        let picture = scene.picture(number).unwrap();
        encoder.encode(&picture, &FrameRequest::at(i64::from(number))).unwrap();
        while encoder.receive(&mut packet) {
            if packets.is_empty() {
                first = number + 1;
            }
            packets.push(packet.clone());
        }
    }
    if packets.is_empty() {
        first = count;
    }
    let stated = encoder.capabilities().latency_frames;
    assert!(first <= stated + 1, "{first} frames in before a packet, {stated} reported as held");
    encoder.finish().unwrap();
    while encoder.receive(&mut packet) {
        packets.push(packet.clone());
    }
    (packets, first)
}

#[test]
fn the_reported_delay_equals_the_measured_one() {
    if depth::skips_long() {
        return;
    }
    // The fifth frame returns the first packet: four are held.
    assert_eq!(encode(&rtc(SIZE), 12).1, 5);
    let mut cuts = rtc(SIZE);
    cuts.keys.at_scene_cuts = true;
    assert_eq!(encode(&cuts, 12).1, 5);
    for speed in depth::sample([10, 6], 2, 0) {
        let (packets, first) = encode(&file(SIZE, speed), 60);
        println!("file preset, speed {speed}: first packet after {first} frames");
        assert_eq!(packets.len(), 60);
    }
    let mut short = file(SIZE, 10);
    short.knobs = vec![("lookahead".to_owned(), 3)];
    println!("look-ahead of 3: first packet after {} frames", encode(&short, 40).1);
}

#[test]
fn other_decoders_agree_on_rav1es_streams() {
    for size in [Size::new(96, 80), Size::new(67, 35)] {
        let mut config = file(size, 9);
        config.report_digest = true;
        let (packets, _) = encode(&config, 20);
        let mut decoder = decoder(|_| {});
        let mut ours = Vec::new();
        for packet in &packets {
            decoder.decode(&packet.data, packet.pts, packet.duration).unwrap();
            let frame = decoder.receive().unwrap();
            assert_eq!(Some(frame.digest()), packet.meta.digest, "time {}", packet.pts);
            ours.extend(frame.picture().to_i420());
        }
        if external::have("ffmpeg", "AV1 against ffmpeg") {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.obu");
            let stream: Vec<u8> = packets.iter().flat_map(|packet| packet.data.clone()).collect();
            fs::write(&path, stream).unwrap();
            assert!(external::ffmpeg_i420(&path) == ours, "{size}: ffmpeg decodes differently");
        }
    }
}

#[test]
fn colours_are_written_into_the_stream_and_read_from_it() {
    let mut config = rtc(SIZE);
    config.info.color = Color {
        primaries: ColorPrimaries::BT709,
        transfer: TransferCharacteristics::BT709,
        matrix: MatrixCoefficients::BT709,
        range: ColorRange::Full,
    };
    let (packets, _) = encode(&config, 1);
    let mut decoder = decoder(|_| {});
    decoder.decode(&packets[0].data, 0, None).unwrap();
    assert_eq!(decoder.receive().unwrap().info.color, config.info.color);
}

#[test]
fn the_set_up_record_holds_the_sequence_header_of_the_stream() {
    let (_, open, _) = registry::find_encoder("av1").unwrap();
    for config in [rtc(SIZE), file(SIZE, 8)] {
        let record = open(&config).unwrap().codec_private();
        assert_eq!(record[0], 0x81, "marker and version");
        let header = &record[4..];
        let (packets, _) = encode(&config, 3);
        let data = &packets[0].data;
        assert!(data.windows(header.len()).any(|part| part == header), "{header:x?}\n{data:x?}");
    }
}

#[test]
fn other_formats_are_rejected_by_their_sequence_header() {
    // A temporal delimiter and a reduced sequence header of 64x64 for still pictures.
    let stream = |profile: u64, tail: &str| {
        let mut bits = format!("{profile:03b}11{:05b}{:04b}{:04b}{:06b}{:06b}", 0, 5, 5, 63, 63);
        bits += "000"; // superblocks, filter intra, intra edges
        bits += "000"; // superres, CDEF, restoration
        bits += tail;
        let bytes: Vec<u8> = bits
            .as_bytes()
            .chunks(8)
            .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit & 1) << (8 - bits.len()))
            .collect();
        let size = u8::try_from(bytes.len()).unwrap();
        [&[0x12, 0, 0x0a, size], &bytes[..]].concat()
    };
    for (what, data) in [
        ("yuv420p10", stream(0, "10000000000")),
        ("gray", stream(0, "0100000000")),
        ("yuv444p", stream(1, "000000000")),
    ] {
        let outcome = decoder(|_| {}).decode(&data, 0, None);
        match outcome {
            Err(Error::Unsupported(why)) => assert_eq!(why.what, what, "{why}"),
            other => panic!("{what}: {other:?}"),
        }
    }
    let mut small = decoder(|config| config.limits.max_pixels = 64 * 64 - 1);
    let outcome = small.decode(&stream(0, "0000000000"), 0, None);
    assert!(
        matches!(outcome, Err(Error::Limit(limit)) if limit.requested == 64 * 64),
        "{outcome:?}"
    );
}

#[test]
fn damaged_streams_give_errors_and_bounded_memory() {
    let (packets, _) = encode(&rtc(SIZE), 10);
    let mut decoder = decoder(|config| config.limits.max_pixels = 1 << 20);
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        for packet in &packets {
            let data = match rng.below(3) {
                0 => packet.data.clone(),
                _ => mutate::damaged(&packet.data, &mut rng),
            };
            match decoder.decode(&data, packet.pts, None) {
                Ok(report) => assert!(report.size.pixels() <= 1 << 20),
                Err(Error::Corrupt(_) | Error::Unsupported(_) | Error::Limit(_)) => {}
                Err(error) => panic!("seed {seed}: {error}"),
            }
            while decoder.receive().is_some() {}
        }
        decoder.reset();
    }
}

#[test]
fn interleaved_chroma_codes_as_planar_chroma_does() {
    let samples = Scene::new(SIZE, 2).samples(0).to_vec();
    let picture = Picture::i420_packed(SIZE, &samples).unwrap();
    assert_eq!(picture.to_i420(), samples);
}
