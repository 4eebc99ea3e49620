//! Chromium's WebCodecs decode the streams of the encoder to its reconstruction.

use std::path::Path;

use codec_core::annex_b::{Units, avc_record};
use codec_core::codec::{DecoderConfig, FrameKind, Packet};
use codec_core::frame::PictureInfo;
use codec_tests::browsers::Browser;
use codec_tests::{depth, external, h264_cover as cover};
use serde_json::{Value, json};

use super::files::packets_with_b_frames;
use super::open;
use crate::conformance::plane_bytes;

/// Microseconds of a tick in the script.
const TICK_US: i64 = 1000;

/// FNV-1a, as in the script.
fn hash(samples: &[u8]) -> u32 {
    let step = |hash: u32, sample: &u8| (hash ^ u32::from(*sample)).wrapping_mul(0x0100_0193);
    samples.iter().fold(0x811c_9dc5, step)
}

/// Decodes packets; returns time, hash and size of each frame, which equals the reconstruction.
fn expected(packets: &[Packet]) -> Value {
    let mut decoder = open(&DecoderConfig::default());
    let mut frames = Vec::new();
    for packet in packets {
        decoder.decode(&packet.data, packet.pts, packet.duration).unwrap();
        frames.extend(std::iter::from_fn(|| decoder.receive()));
    }
    decoder.finish();
    frames.extend(std::iter::from_fn(|| decoder.receive()));
    let described = frames.iter().map(|frame| {
        let packet = packets.iter().find(|packet| packet.pts == frame.pts).unwrap();
        assert_eq!(Some(frame.digest()), packet.meta.digest);
        let mut samples = Vec::new();
        let picture = frame.buf.picture(PictureInfo::default());
        plane_bytes(&picture, |row| samples.extend_from_slice(row));
        let size = frame.size();
        json!([frame.pts * TICK_US, hash(&samples), size.width, size.height])
    });
    described.collect()
}

/// Writes the packets with lengths instead of start codes; returns the description of the stream.
fn write(folder: &Path, name: &str, packets: &[Packet]) -> Value {
    let mut bytes = Vec::new();
    let mut list = Vec::new();
    for packet in packets {
        let begun = bytes.len();
        for unit in Units::new(&packet.data) {
            bytes.extend(u32::try_from(unit.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(unit);
        }
        let is_key = packet.meta.kind == FrameKind::Key;
        list.push(json!([bytes.len() - begun, is_key, packet.pts * TICK_US]));
    }
    std::fs::write(folder.join(name), bytes).unwrap();
    let record = avc_record(&packets[0].data).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let codec = format!("avc1.{}", hex(&record[1..4]));
    json!({ "name": name, "codec": codec, "description": hex(&record), "packets": list })
}

#[test]
fn chromium_decodes_the_reconstruction_of_the_encoder() {
    let Some(scripts) = Browser::Chromium.scripts("WebCodecs") else { return };
    let folder = tempfile::tempdir().unwrap();
    let cases = depth::sample(cover::cases(), 4, 1);
    let mut streams: Vec<_> =
        cases.iter().map(|case| (format!("{case:?}"), cover::encode(case))).collect();
    let size = codec_core::frame::Size::new(98, 50);
    streams.push(("B frames".to_owned(), packets_with_b_frames(size, 22).1));
    let numbered = || streams.iter().enumerate().map(|(at, stream)| (format!("{at}.bin"), stream));
    let list: Value = numbered().map(|(name, (_, it))| write(folder.path(), &name, it)).collect();
    std::fs::write(folder.path().join("streams.json"), list.to_string()).unwrap();
    let script = scripts.join("webcodecs.mjs");
    let arguments = [script.to_str().unwrap(), folder.path().to_str().unwrap()];
    let results: Value = serde_json::from_slice(&external::run("node", &arguments)).unwrap();
    let mut compared = 0;
    for (name, (settings, packets)) in numbered() {
        let result = &results[&name];
        if let Some(lacks) = result["lacks"].as_str() {
            eprintln!("skipped, this Chromium lacks {lacks}");
            continue;
        }
        assert_eq!(result["frames"], expected(packets), "{settings}: {}", result["failure"]);
        compared += packets.len();
    }
    eprintln!("{compared} frames of {} streams", streams.len());
}
