//! Every syntax element of the headers of every stream against ffmpeg's `trace_headers`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use codec_h264::nal::{AnnexBUnits, NalHeader, NalType};
use codec_h264::params::{ParameterSets, Pps, Sps};
use codec_h264::slice::ParsedSlice;
use codec_h264::{bits, syntax::SyntaxTrace};
use codec_tests::{data, depth, external};

/// Parses all parameter sets and slice headers and prints their elements.
pub(super) fn our_elements(stream: &[u8]) -> Vec<String> {
    let mut trace = SyntaxTrace::new();
    let mut sets = ParameterSets::default();
    let mut all_sps = BTreeMap::new();
    let mut rbsp = Vec::new();
    for unit in AnnexBUnits::new(stream) {
        let Some((nal, payload)) = NalHeader::split(unit) else { continue };
        bits::unescape(payload, &mut rbsp);
        match nal.nal_type {
            NalType::Sps => {
                let sps = Sps::parse(&rbsp, Some(&mut trace)).unwrap();
                sets.insert_sps(sps.clone());
                all_sps.insert(sps.id, sps);
            }
            NalType::Pps => {
                sets.insert_pps(&rbsp).unwrap();
                // The second code of the payload.
                let mut ids = bits::BitReader::new(&rbsp);
                let (_, sps_id) = (ids.ue(), ids.ue());
                let sps = &all_sps[&u8::try_from(sps_id).unwrap()];
                Pps::parse(&rbsp, sps, Some(&mut trace)).unwrap();
            }
            NalType::Slice | NalType::IdrSlice => {
                ParsedSlice::parse(nal, &rbsp, &mut sets, Some(&mut trace)).unwrap();
            }
            _ => {}
        }
    }
    trace.iter().map(ToString::to_string).collect()
}

/// Elements that are not parsed by name: the NAL header and trailing bits.
const IGNORED: [&str; 6] = [
    "forbidden_zero_bit",
    "nal_ref_idc",
    "nal_unit_type",
    "rbsp_stop_one_bit",
    "rbsp_alignment_zero_bit",
    "cabac_alignment_one_bit",
];

/// Returns the elements that ffmpeg prints for the same units, without the copy of the parameter
/// sets that it prints first.
pub(super) fn ffmpeg_elements(stream: &Path) -> Vec<String> {
    let arguments = ["-v", "trace", "-f", "h264", "-i"];
    let output = Command::new("ffmpeg")
        .args(arguments)
        .arg(stream)
        .args(["-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().filter_map(|line| line.strip_prefix("[trace_headers @ "));
    let lines = lines.filter_map(|line| line.split_once("] ")).map(|(_, line)| line);
    let mut elements = Vec::new();
    let mut wanted = false;
    for line in lines.skip_while(|line| !line.starts_with("Packet: ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [position, name, .., "=", value] if position.parse::<u32>().is_ok() => {
                if wanted && !IGNORED.contains(&name) {
                    elements.push(format!("{position} {name} = {value}"));
                }
            }
            _ => {
                let titles = ["Sequence Parameter Set", "Picture Parameter Set", "Slice Header"];
                wanted = titles.contains(&line) || (wanted && line.starts_with("Slice Data"));
            }
        }
    }
    elements
}

#[test]
fn headers_of_every_stream_equal_those_of_ffmpeg() {
    let what = "H.264 headers against ffmpeg";
    let Some(dir) = data::dir(what) else { return };
    if !external::have("ffmpeg", what) {
        return;
    }
    let mut compared = 0;
    for stream in depth::sample(data::files(&dir.join("h264"), ""), 3, 0) {
        let ours = our_elements(&fs::read(&stream).unwrap());
        let theirs = ffmpeg_elements(&stream);
        for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert_eq!(ours, theirs, "{}, element {index}", stream.display());
        }
        assert_eq!(ours.len(), theirs.len(), "{}", stream.display());
        compared += ours.len();
    }
    let least = if depth::is_full() { 20_000 } else { 5_000 };
    assert!(compared > least, "{compared}");
}
