//! Every stream of the test data against the digest that comes with it.

use codec_core::codec::{DecoderConfig, OutputOrder};
use codec_tests::{data, depth};
use md5::{Digest, Md5};

use super::{decode, open, packets};
use crate::conformance::{hash_picture, hex, manifest};
use crate::decoder::variants;

#[test]
fn every_stream_has_the_expected_digest_at_every_level_and_number_of_threads() {
    let Some(dir) = data::dir("all H.264 conformance streams") else { return };
    let expected = manifest(&dir);
    let streams = data::files(&dir.join("h264"), "");
    assert!(streams.len() >= 30, "only {} streams", streams.len());
    for (turn, stream) in streams.into_iter().enumerate() {
        let name = stream.file_name().unwrap().to_string_lossy().into_owned();
        let packets = packets(&stream);
        for (variant, config) in depth::in_turn(turn, variants()) {
            let mut whole = Md5::new();
            for frame in decode(&name, &packets, &config) {
                hash_picture(&frame.picture(), &mut whole);
            }
            assert_eq!(hex(whole), expected[&format!("h264/{name}")], "{name}, {variant}");
        }
    }
}

#[test]
fn low_delay_gives_the_same_frames_without_delay_if_the_stream_has_no_b_frames() {
    let Some(dir) = data::dir("output order of H.264") else { return };
    let mut config = DecoderConfig::default();
    config.output_order = OutputOrder::LowDelay;
    for name in ["BA1_Sony_D.jsv", "MR1_BT_A.h264", "SVA_CL1_E.264", "minih264_x264.264"] {
        let packets = packets(&dir.join("h264").join(name));
        let strict = decode(name, &packets, &DecoderConfig::default());
        let mut decoder = open(&config);
        for (index, packet) in packets.iter().enumerate() {
            let report = decoder.decode(packet, i64::try_from(index).unwrap(), None).unwrap();
            assert!(report.shown, "{name}");
            let frame = decoder.receive().expect("no delay");
            assert!(decoder.receive().is_none());
            assert_eq!(frame.pts, strict[index].pts, "{name}");
            assert_eq!(frame.digest(), strict[index].digest(), "{name}, frame {index}");
        }
    }
}

#[test]
fn frames_of_streams_with_b_frames_come_in_the_order_that_is_requested() {
    let Some(dir) = data::dir("output order of H.264") else { return };
    let name = "x01_high.264";
    let packets = packets(&dir.join("h264").join(name));
    let mut decoded = DecoderConfig::default();
    decoded.output_order = OutputOrder::Decode;
    let mut strict = decode(name, &packets, &DecoderConfig::default());
    let in_order = decode(name, &packets, &decoded);
    assert!(in_order.iter().map(|frame| frame.pts).eq(0..30));
    assert!(!strict.iter().map(|frame| frame.pts).eq(0..30), "{name} has B-frames");
    strict.sort_by_key(|frame| frame.pts);
    assert!(strict.iter().zip(&in_order).all(|(a, b)| a.digest() == b.digest()));
}
