//! Every frame of every stream of the test data against the digests that come with the streams.

use std::fs;

use codec_backends::registry;
use codec_core::codec::{DecoderConfig, FrameFormats, LayerOutput};
use codec_core::frame::{SampleFormat, Sampling};
use codec_tests::{data, depth};
use md5::{Digest, Md5};

use super::{decode, packets, samples};
use crate::conformance::{hash_picture, hex, manifest};
use crate::decoder::variants;

#[test]
fn every_frame_of_every_vp9_stream_has_the_expected_digest() {
    let Some(dir) = data::dir("all VP9 conformance streams") else { return };
    let wholes = manifest(&dir);
    let mut streams = data::files(&dir.join("vp9"), ".webm");
    streams.extend(data::files(&dir.join("vp9"), ".ivf"));
    assert!(streams.len() >= 41, "only {} streams", streams.len());
    for (turn, stream) in depth::sample(streams, 2, 0).into_iter().enumerate() {
        let name = stream.file_name().unwrap().to_string_lossy().into_owned();
        let packets = packets(&stream);
        let list = fs::read_to_string(stream.with_file_name(format!("{name}.md5"))).ok();
        let expected: Option<Vec<&str>> = list
            .as_ref()
            .map(|list| list.lines().filter_map(|line| line.split_whitespace().next()).collect());
        for (variant, config) in depth::in_turn(turn, variants()) {
            let (mut whole, mut found) = (Md5::new(), Vec::new());
            decode(&name, &packets, &config, |frame| {
                let samples = samples(frame);
                found.push(hex(Md5::new_with_prefix(&samples)));
                whole.update(&samples);
            });
            let at = format!("{name}, {variant}");
            match &expected {
                Some(expected) => assert_eq!(found, *expected, "{at}"),
                None => assert_eq!(hex(whole), wholes[&format!("vp9/{name}")], "{at}"),
            }
        }
    }
}

#[test]
fn the_registered_decoder_returns_the_same_frames() {
    let Some(dir) = data::dir("VP9 through the registry") else { return };
    let name = "vp90-2-2pass-akiyo.webm";
    let (backend, open, _) = registry::find_decoder("vp9").unwrap();
    assert_eq!(backend.name, "native");
    let mut decoder = open(&DecoderConfig::default()).unwrap();
    let mut whole = Md5::new();
    let mut expected_pts = Vec::new();
    let mut found_pts = Vec::new();
    for (pts, packet) in (0..).zip(packets(&dir.join("vp9").join(name))) {
        let report = decoder.decode(&packet, pts, None).unwrap();
        if report.shown {
            expected_pts.push(pts);
        }
        while let Some(frame) = decoder.receive() {
            found_pts.push(frame.pts);
            hash_picture(&frame.picture(), &mut whole);
        }
    }
    assert_eq!(found_pts, expected_pts);
    assert_eq!(hex(whole), manifest(&dir)[&format!("vp9/{name}")]);
}

#[test]
fn all_layers_or_the_highest_one_are_returned() {
    let Some(dir) = data::dir("spatial layers of VP9") else { return };
    let name = "vp90-2-22-svc_1280x720_3.ivf";
    let packets = packets(&dir.join("vp9").join(name));
    let sizes = |layers: LayerOutput| {
        let mut config = DecoderConfig::default();
        config.layer_output = layers;
        let mut widths = Vec::new();
        decode(name, &packets, &config, |frame| widths.push(frame.buf.size().width));
        widths
    };
    assert_eq!(sizes(LayerOutput::Highest), vec![1280; 20]);
    assert_eq!(sizes(LayerOutput::All), [320, 640, 1280].repeat(20));
}

#[test]
fn the_registered_decoder_returns_all_formats_on_request() {
    let Some(dir) = data::dir("VP9 of all formats") else { return };
    let wholes = manifest(&dir);
    let mut found_formats = Vec::new();
    for stream in data::files(&dir.join("vp9"), ".webm") {
        let name = stream.file_name().unwrap().to_string_lossy().into_owned();
        if !["vp91", "vp92", "vp93"].iter().any(|profile| name.starts_with(profile)) {
            continue;
        }
        let (_, open, _) = registry::find_decoder("vp9").unwrap();
        let mut decoder = open(&DecoderConfig::new().formats(FrameFormats::All)).unwrap();
        let mut whole = Md5::new();
        for packet in packets(&stream) {
            decoder.decode(&packet, 0, None).unwrap();
            while let Some(frame) = decoder.receive() {
                whole.update(frame.picture().to_bytes());
                found_formats.push(frame.format());
            }
        }
        if let Some(expected) = wholes.get(&format!("vp9/{name}")) {
            assert_eq!(hex(whole), *expected, "{name}");
        }
    }
    assert!(found_formats.contains(&SampleFormat::new(8, Sampling::Yuv444)));
}

#[test]
fn memory_of_deep_frames_counts_against_the_limit() {
    let Some(dir) = data::dir("VP9 4:4:4") else { return };
    let packets = packets(&dir.join("vp9/vp91-2-04-yuv444.webm"));
    let (_, open, _) = registry::find_decoder("vp9").unwrap();
    let mut config = DecoderConfig::new().formats(FrameFormats::All);
    // Two pixels' worth of 8-bit 4:2:0 for each of 4:4:4.
    config.limits.max_pixels = 352 * 288 * 2;
    assert!(open(&config).unwrap().decode(&packets[0], 0, None).is_ok());
    config.limits.max_pixels -= 1;
    let error = open(&config).unwrap().decode(&packets[0], 0, None).unwrap_err();
    assert!(matches!(error, codec_core::Error::Limit(_)), "{error}");
}

#[test]
fn other_formats_are_refused_by_name_where_frames_are_8_bit_420() {
    let Some(dir) = data::dir("VP9 4:4:4") else { return };
    let packets = packets(&dir.join("vp9/vp91-2-04-yuv444.webm"));
    let (_, open, _) = registry::find_decoder("vp9").unwrap();
    let mut decoder = open(&DecoderConfig::default()).unwrap();
    let error = decoder.decode(&packets[0], 0, None).unwrap_err().to_string();
    assert!(error.contains("4:2:0"), "{error}");
    assert!(decoder.receive().is_none());
}
