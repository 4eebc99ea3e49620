//! Every frame of every conformance stream, at every SIMD level and with several thread counts,
//! against the digests that come with the streams.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use codec_backends::registry;
use codec_core::codec::DecoderConfig;
use codec_core::frame::{Chroma, Picture};
use codec_core::simd::PlaneRef;
use codec_tests::{data, depth};
use md5::{Digest, Md5};

use crate::decoder::variants;

/// The digests of one stream.
struct Expected {
    /// Of each shown frame, if published with the stream.
    frames: Option<Vec<String>>,
    /// Of all shown frames.
    whole: String,
}

/// Hashes the samples of a frame.
pub(crate) fn hash_picture(picture: &Picture<'_>, into: &mut Md5) {
    plane_bytes(picture, |row| into.update(row));
}

/// Passes the rows of a frame's planes to `sink`.
pub(crate) fn plane_bytes(picture: &Picture<'_>, mut sink: impl FnMut(&[u8])) {
    let mut plane = |plane: PlaneRef<'_>| {
        (0..plane.layout().height).for_each(|y| sink(plane.row(y)));
    };
    plane(picture.luma());
    match picture.chroma() {
        Chroma::Planar { u, v } => {
            plane(u);
            plane(v);
        }
        Chroma::Interleaved(_) => panic!("decoders give planar chroma"),
    }
}

/// Returns a digest in hexadecimal.
pub(crate) fn hex(hash: Md5) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Decodes `packets` and compares every frame.
fn check(
    name: &str,
    packets: &[&[u8]],
    expected: &Expected,
    variant: &str,
    config: &DecoderConfig,
) {
    let (open, _) = registry::find("vp8/native").unwrap().decoder.unwrap();
    let mut decoder = open(config).unwrap();
    let mut whole = Md5::new();
    let mut shown = 0;
    for (index, packet) in packets.iter().enumerate() {
        let at = format!("{name}, packet {index}, {variant}");
        let report = decoder
            .decode(packet, i64::try_from(index).unwrap(), None)
            .unwrap_or_else(|error| panic!("{at}: {error}"));
        let frame = decoder.receive();
        assert_eq!(frame.is_some(), report.shown, "{at}");
        let Some(frame) = frame else { continue };
        assert_eq!(frame.size(), report.size, "{at}");
        let mut hash = Md5::new();
        hash_picture(&frame.picture(), &mut hash);
        hash_picture(&frame.picture(), &mut whole);
        if let Some(frames) = &expected.frames {
            assert_eq!(hex(hash), frames[shown], "{at}, shown frame {shown}");
        }
        shown += 1;
    }
    if let Some(frames) = &expected.frames {
        assert_eq!(shown, frames.len(), "{name}: number of frames");
    }
    assert_eq!(hex(whole), expected.whole, "{name}: whole stream");
}

/// Returns whole-stream digests by path, from the manifest.
pub(crate) fn manifest(dir: &Path) -> HashMap<String, String> {
    let text = fs::read_to_string(dir.join("MANIFEST.csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name| header.iter().position(|&field| field == name).unwrap();
    let (path, md5) = (column("path"), column("expected_md5"));
    lines.map(|fields| (fields[path].to_owned(), fields[md5].to_owned())).collect()
}

#[test]
fn every_frame_of_every_vp8_stream_has_the_expected_digest() {
    let Some(dir) = data::dir("all VP8 conformance streams") else { return };
    let wholes = manifest(&dir);
    let streams = data::files(&dir.join("vp8"), ".ivf");
    assert!(streams.len() >= 61, "only {} streams", streams.len());
    for (turn, stream) in streams.into_iter().enumerate() {
        let name = stream.file_name().unwrap().to_string_lossy().into_owned();
        let file = fs::read(&stream).unwrap();
        let packets = data::ivf_frames(&file);
        let lists = fs::read_to_string(stream.with_extension("ivf.md5")).ok();
        let frames = lists.map(|list| {
            list.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
        });
        let expected = Expected { frames, whole: wholes[&format!("vp8/{name}")].clone() };
        for (variant, config) in depth::in_turn(turn, variants()) {
            check(&name, &packets, &expected, &variant, &config);
        }
    }
}
