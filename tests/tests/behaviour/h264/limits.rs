//! Streams of the encoder, parsed by ffmpeg: the restrictions of the profiles and the limits of the
//! levels (annex A). The frames that ffmpeg decodes equal the encoder's reconstruction.

use std::collections::BTreeMap;
use std::path::Path;

use codec_core::codec::{DecoderConfig, Packet};
use codec_core::frame::PictureInfo;
use codec_h264::nal::AnnexBUnits;
use codec_tests::{depth, external};

use super::headers::{ffmpeg_elements, our_elements};
use super::open;
use crate::conformance::plane_bytes;
use codec_tests::h264_cover::{Case, cases, encode};

/// Limits of a level: table A-1.
struct Level {
    idc: i64,
    max_mbs_per_second: i64,
    max_frame_mbs: i64,
    max_dpb_mbs: i64,
    max_kbps: i64,
    max_cpb_kbits: i64,
}

#[rustfmt::skip]
const LEVELS: [[i64; 6]; 16] = [
    [10, 1485, 99, 396, 64, 175],
    [11, 3000, 396, 900, 192, 500],
    [12, 6000, 396, 2376, 384, 1000],
    [13, 11_880, 396, 2376, 768, 2000],
    [20, 11_880, 396, 2376, 2000, 2000],
    [21, 19_800, 792, 4752, 4000, 4000],
    [22, 20_250, 1620, 8100, 4000, 4000],
    [30, 40_500, 1620, 8100, 10_000, 10_000],
    [31, 108_000, 3600, 18_000, 14_000, 14_000],
    [32, 216_000, 5120, 20_480, 20_000, 20_000],
    [40, 245_760, 8192, 32_768, 20_000, 25_000],
    [41, 245_760, 8192, 32_768, 50_000, 62_500],
    [42, 522_240, 8704, 34_816, 50_000, 62_500],
    [50, 589_824, 22_080, 110_400, 135_000, 135_000],
    [51, 983_040, 36_864, 184_320, 240_000, 240_000],
    [52, 2_073_600, 36_864, 184_320, 240_000, 240_000],
];

fn level(idc: i64) -> Level {
    let found = LEVELS.into_iter().find(|level| level[0] == idc);
    let [idc, max_mbs_per_second, max_frame_mbs, max_dpb_mbs, max_kbps, max_cpb_kbits] =
        found.unwrap_or_else(|| panic!("level {idc}"));
    Level { idc, max_mbs_per_second, max_frame_mbs, max_dpb_mbs, max_kbps, max_cpb_kbits }
}

/// The syntax elements of a stream, each as a name and a value.
struct Elements(Vec<(String, i64)>);

impl Elements {
    fn new(lines: &[String]) -> Self {
        let split = |line: &String| {
            let (name, value) = line.split_once(' ')?.1.split_once(" = ")?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Self(lines.iter().filter_map(split).collect())
    }

    fn all(&self, name: &str) -> Vec<i64> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| *value).collect()
    }

    /// Returns the value, which is equal everywhere.
    fn one(&self, name: &str) -> i64 {
        let values = self.all(name);
        assert!(!values.is_empty() && values.iter().all(|value| *value == values[0]), "{name}");
        values[0]
    }

    /// Returns the value, or 0 if the element does not occur.
    fn flag(&self, name: &str) -> i64 {
        self.all(name).into_iter().max().unwrap_or(0)
    }
}

/// Checks annexes A.2.1 to A.2.4.
fn check_profile(case: &Case, elements: &Elements) {
    assert_eq!(elements.one("profile_idc"), case.profile);
    for absent in [
        "bottom_field_pic_order_in_frame_present_flag",
        "num_slice_groups_minus1",
        "redundant_pic_cnt_present_flag",
        "weighted_bipred_idc",
        "qpprime_y_zero_transform_bypass_flag",
        "bit_depth_luma_minus8",
        "bit_depth_chroma_minus8",
        "mb_adaptive_frame_field_flag",
        "field_pic_flag",
    ] {
        assert_eq!(elements.flag(absent), 0, "{absent}");
    }
    assert_eq!(elements.one("frame_mbs_only_flag"), 1);
    // From level 3 on in all profiles but Baseline.
    assert_eq!(elements.one("direct_8x8_inference_flag"), 1);
    if case.profile != 100 {
        assert_eq!(elements.one("constraint_set1_flag"), 1);
        assert_eq!(elements.flag("transform_8x8_mode_flag"), 0);
        assert!(elements.all("chroma_format_idc").is_empty());
    }
    if case.profile == 66 {
        assert_eq!(elements.one("constraint_set0_flag"), 1);
        assert_eq!(elements.one("entropy_coding_mode_flag"), 0);
        assert_eq!(elements.flag("weighted_pred_flag"), 0);
        let types = elements.all("slice_type");
        assert!(types.iter().all(|kind| [0, 2, 5, 7].contains(kind)), "{types:?}");
    }
    // Arbitrary slice order and redundant slices are not allowed: the first macroblocks
    // ascend within each frame.
    let (mut last, mut slices) = (-1, 0);
    for first in elements.all("first_mb_in_slice") {
        assert!(first == 0 || first > last, "slice at {first} after {last}");
        slices = if first == 0 { 1 } else { slices + 1 };
        last = first;
    }
    assert!(slices > 0);
}

/// Checks annex A.3.
fn check_level(case: &Case, elements: &Elements, packets: &[Packet]) {
    let level = level(elements.one("level_idc"));
    let cols = elements.one("pic_width_in_mbs_minus1") + 1;
    let rows = elements.one("pic_height_in_map_units_minus1") + 1;
    let mbs = cols * rows;
    let idc = level.idc;
    assert!(mbs <= level.max_frame_mbs, "level {idc}, frame size");
    assert!(cols.max(rows).pow(2) <= 8 * level.max_frame_mbs, "level {idc}, side");
    let references = elements.one("max_num_ref_frames");
    let max_references = (level.max_dpb_mbs / mbs).min(16);
    assert!(references <= max_references, "level {idc}, references");
    let buffered = elements.one("max_dec_frame_buffering");
    assert!((references..=max_references).contains(&buffered), "level {idc}, buffered frames");
    let (ticks, scale) = (elements.one("num_units_in_tick"), elements.one("time_scale"));
    assert_eq!(scale, 2 * ticks * i64::from(case.fps), "frame rate");
    assert!(mbs * i64::from(case.fps) <= level.max_mbs_per_second, "level {idc}, frame rate");
    let kbps = i64::try_from(case.kbps).unwrap();
    let factor = if case.profile == 100 { 5 } else { 4 };
    assert!(4 * kbps <= factor * level.max_kbps, "level {idc}, bitrate");
    assert!(4 * kbps <= factor * level.max_cpb_kbits, "level {idc}, a second in the buffer");
    let mut slices = BTreeMap::new();
    let mut picture = 0;
    for first in elements.all("first_mb_in_slice") {
        picture += i32::from(first == 0);
        *slices.entry(picture).or_insert(0) += 1;
    }
    assert_eq!(slices.len(), packets.len());
    let units = packets.iter().flat_map(|packet| AnnexBUnits::new(&packet.data));
    let largest = units.filter(|unit| matches!(unit[0] & 31, 1 | 5)).map(<[u8]>::len).max();
    if case.slice_bytes > 0 {
        assert!(largest.unwrap() <= usize::try_from(case.slice_bytes).unwrap(), "{largest:?}");
        return;
    }
    // One more above the rows that intra refresh has not reached.
    let most = case.slices.min(rows) + 1;
    assert!(slices.values().all(|count| *count <= most), "{slices:?}");
}

/// Decodes with our decoder, checks the digests and returns the samples.
fn samples(packets: &[Packet]) -> Vec<u8> {
    let mut decoder = open(&DecoderConfig::default());
    let mut frames = Vec::new();
    for packet in packets {
        decoder.decode(&packet.data, packet.pts, None).unwrap();
        frames.extend(std::iter::from_fn(|| decoder.receive()));
    }
    decoder.finish();
    frames.extend(std::iter::from_fn(|| decoder.receive()));
    assert_eq!(frames.len(), packets.len());
    let mut samples = Vec::new();
    for (frame, packet) in frames.iter().zip(packets) {
        assert_eq!(Some(frame.digest()), packet.meta.digest, "frame {}", packet.pts);
        plane_bytes(&frame.buf.picture(PictureInfo::default()), |row| {
            samples.extend_from_slice(row);
        });
    }
    samples
}

fn check(case: &Case, path: &Path) {
    eprintln!("{case:?}");
    let packets = encode(case);
    let stream: Vec<u8> = packets.iter().flat_map(|packet| packet.data.iter().copied()).collect();
    std::fs::write(path, &stream).unwrap();
    let lines = ffmpeg_elements(path);
    assert!(lines == our_elements(&stream), "our parser and ffmpeg's differ");
    let elements = Elements::new(&lines);
    check_profile(case, &elements);
    check_level(case, &elements, &packets);
    assert!(samples(&packets) == external::ffmpeg_i420(path), "ffmpeg decodes other frames");
}

#[test]
fn streams_are_within_their_profile_and_level_and_ffmpeg_decodes_them() {
    if !external::have("ffmpeg", "profiles and levels of H.264") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for case in depth::sample(cases(), 8, 0) {
        check(&case, &dir.path().join("stream.264"));
    }
}
