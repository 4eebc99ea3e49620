//! Streams that x264 makes with random options, against ffmpeg.

use std::path::Path;
use std::process::Command;

use codec_core::codec::DecoderConfig;
use codec_core::frame::PictureInfo;
use codec_tests::rng::{self, Rng};
use codec_tests::{data, depth, external};

use super::{decode, packets};
use crate::conformance::plane_bytes;

/// Frames of each stream.
const FRAMES: &str = "10";

fn make_clip(size: &str, path: &Path) {
    let source = format!("testsrc2=s={size}:r=25,noise=alls=12:allf=t,rotate=0.05*n");
    let arguments = ["-v", "error", "-f", "lavfi", "-i", &source, "-frames:v", FRAMES];
    let path = path.to_string_lossy();
    let _ = external::run("ffmpeg", &[&arguments[..], &["-pix_fmt", "yuv420p", &path]].concat());
}

/// Decodes a stream with ffmpeg. Without `+unaligned` it does not crop columns at the left.
fn ffmpeg_frames(stream: &Path) -> Vec<u8> {
    let path = stream.to_string_lossy();
    let arguments = ["-v", "error", "-threads", "1", "-flags", "+unaligned", "-i", &path];
    let output = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"];
    external::run("ffmpeg", &[&arguments[..], &output].concat())
}

fn one_of(rng: &mut Rng, words: &[&'static str]) -> &'static str {
    words[rng.index(words.len())]
}

/// Random options of x264.
fn options(rng: &mut Rng) -> Vec<String> {
    let profile = one_of(rng, &["baseline", "main", "high", "high", "high"]);
    let mut options = Vec::new();
    let mut add = |name: &str, value: &str| {
        options.push(name.to_owned());
        if !value.is_empty() {
            options.push(value.to_owned());
        }
    };
    add("--profile", profile);
    let qp = one_of(rng, &["1", "10", "20", "28", "36", "45", "51"]);
    add("--qp", qp);
    add("--preset", one_of(rng, &["ultrafast", "fast", "medium", "slow", "placebo"]));
    add("--ref", one_of(rng, &["1", "2", "4", "8"]));
    add("--slices", one_of(rng, &["0", "0", "1", "3", "4"]));
    add("--keyint", one_of(rng, &["3", "5", "250"]));
    add("--partitions", one_of(rng, &["none", "all", "p8x8,i4x4", "i4x4,i8x8,p8x8,b8x8,p4x4"]));
    add("--deblock", one_of(rng, &["-6:-6", "-2:3", "0:0", "5:-4", "6:6"]));
    add("--chroma-qp-offset", one_of(rng, &["-12", "-3", "0", "5", "12"]));
    if profile != "baseline" {
        add("--bframes", one_of(rng, &["0", "1", "3", "5"]));
        add("--b-pyramid", one_of(rng, &["none", "strict", "normal"]));
        add("--b-adapt", one_of(rng, &["0", "1", "2"]));
        add("--direct", one_of(rng, &["none", "spatial", "temporal", "auto"]));
        add("--weightp", one_of(rng, &["0", "1", "2"]));
        add(one_of(rng, &["--weightb", "--no-weightb"]), "");
        add(one_of(rng, &["--aud", "--no-cabac", "--aud"]), "");
        if rng.below(3) == 0 {
            add(one_of(rng, &["--tff", "--bff", "--fake-interlaced"]), "");
        }
    }
    if profile == "high" {
        add(one_of(rng, &["--8x8dct", "--no-8x8dct"]), "");
        // x264 rejects matrices with low quantisers.
        let has_matrices = !["1", "10"].contains(&qp);
        match rng.below(4) {
            0 if has_matrices => add("--cqm", "jvt"),
            1 if has_matrices => {
                for (name, count) in [("4i", 16), ("4p", 16), ("8i", 64), ("8p", 64)] {
                    let list: Vec<_> =
                        (0..count).map(|_| (4 + rng.below(37)).to_string()).collect();
                    add(&format!("--cqm{name}"), &list.join(","));
                }
            }
            _ => {}
        }
    }
    match rng.below(8) {
        0 => add("--slice-max-size", one_of(rng, &["100", "300", "600"])),
        1 => add("--slice-max-mbs", one_of(rng, &["2", "5", "7"])),
        2 => add("--no-deblock", ""),
        3 => add("--intra-refresh", ""),
        4 => add("--open-gop", ""),
        5 => add("--crop-rect", one_of(rng, &["2,4,6,0", "0,0,2,8", "6,8,4,4"])),
        _ => {}
    }
    if rng.below(3) == 0 {
        add("--constrained-intra", "");
    }
    if rng.below(4) == 0 {
        add("--pic-struct", "");
    }
    options
}

fn check(seed: u64, rng: &mut Rng, dir: &Path) {
    // x264 requires multiples of 4 lines for interlaced video.
    let size = one_of(rng, &["128x96", "130x100", "176x144", "64x64", "98x132", "34x52"]);
    let clip = dir.join(format!("{size}.y4m"));
    if !clip.exists() {
        make_clip(size, &clip);
    }
    let options = options(rng);
    let label = format!("seed {seed}: {size} {}", options.join(" "));
    compare(&label, &options, &clip, &dir.join(format!("{seed}.264")));
}

/// Encodes `clip` with x264 and compares our frames with the frames of ffmpeg. Returns our frames.
fn compare(label: &str, options: &[String], clip: &Path, stream: &Path) -> Vec<u8> {
    let mut x264 = Command::new("x264");
    let output = x264.arg("--quiet").args(options).arg("-o").arg(stream).arg(clip).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{label}: {}", String::from_utf8_lossy(&output.stderr));
    let theirs = ffmpeg_frames(stream);
    let frames = decode(label, &packets(stream), &DecoderConfig::default());
    let mut ours = Vec::new();
    for frame in &frames {
        plane_bytes(&frame.buf.picture(PictureInfo::default()), |row| ours.extend_from_slice(row));
    }
    assert_eq!(ours.len(), theirs.len(), "{label}: {} frames", frames.len());
    let wrong = ours.iter().zip(&theirs).position(|(a, b)| a != b);
    assert_eq!(
        wrong.map(|at| at / (ours.len() / frames.len())),
        None,
        "{label}: first wrong frame"
    );
    std::fs::remove_file(stream).unwrap();
    ours
}

#[test]
fn lossless_streams_of_x264_give_back_their_source() {
    let what = "lossless streams of x264";
    if data::dir(what).is_none() || !external::have("ffmpeg", what) || !external::have("x264", what)
    {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.y4m");
    make_clip("130x100", &clip);
    let source = ffmpeg_frames(&clip);
    let structures = ["--bframes 0 --keyint 1", "--bframes 3", "--tff --bframes 2"];
    for entropy in ["", "--no-cabac"] {
        for (turn, transform) in ["--no-8x8dct", "--8x8dct"].into_iter().enumerate() {
            for structure in depth::in_turn(turn, structures) {
                let options = format!("--qp 0 {entropy} {transform} {structure}");
                let options: Vec<_> = options.split_whitespace().map(str::to_owned).collect();
                let label = options.join(" ");
                let frames = compare(&label, &options, &clip, &dir.path().join("a.264"));
                assert!(frames == source, "{label}");
            }
        }
    }
}

#[test]
fn streams_of_x264_with_random_options_decode_as_ffmpeg_does() {
    let what = "streams of x264";
    if data::dir(what).is_none() || !external::have("ffmpeg", what) || !external::have("x264", what)
    {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    rng::for_each_seed(depth::rounds(300, 3), |seed, rng| check(seed, rng, dir.path()));
}
