//! Streams that vpxenc makes of generated clips in all profiles, against vpxdec.

use std::fs;
use std::path::Path;

use codec_core::simd::Level;
use codec_tests::{depth, external};

use super::{decode, packets, samples};
use crate::decoder::at_level;

/// Frames of each stream.
const FRAMES: usize = 12;

/// A format of samples: its name in ffmpeg, options of vpxenc and of vpxdec.
struct Format {
    pixels: &'static str,
    encode: &'static [&'static str],
    decode: &'static [&'static str],
}

const FORMATS: [Format; 8] = [
    Format { pixels: "yuv420p", encode: &["--profile=0"], decode: &[] },
    Format { pixels: "yuv422p", encode: &["--profile=1", "--i422"], decode: &[] },
    Format { pixels: "yuv440p", encode: &["--profile=1", "--i440"], decode: &[] },
    Format { pixels: "yuv444p", encode: &["--profile=1", "--i444"], decode: &[] },
    Format {
        pixels: "yuv420p10le",
        encode: &["--profile=2", "--bit-depth=10", "--input-bit-depth=10"],
        decode: &["--output-bit-depth=10"],
    },
    Format {
        pixels: "yuv420p12le",
        encode: &["--profile=2", "--bit-depth=12", "--input-bit-depth=12"],
        decode: &["--output-bit-depth=12"],
    },
    Format {
        pixels: "yuv422p10le",
        encode: &["--profile=3", "--i422", "--bit-depth=10", "--input-bit-depth=10"],
        decode: &["--output-bit-depth=10"],
    },
    Format {
        pixels: "yuv444p12le",
        encode: &["--profile=3", "--i444", "--bit-depth=12", "--input-bit-depth=12"],
        decode: &["--output-bit-depth=12"],
    },
];

/// Settings of the encoder that exercise different parts of the bitstream.
const SETTINGS: [&[&str]; 6] = [
    &["--good", "--cpu-used=1", "--passes=2", "--lag-in-frames=10", "--target-bitrate=200"],
    &["--rt", "--cpu-used=7", "--aq-mode=3", "--lag-in-frames=0", "--target-bitrate=100"],
    &["--good", "--cpu-used=3", "--end-usage=q", "--cq-level=8", "--tile-rows=2"],
    &["--good", "--cpu-used=2", "--lossless=1"],
    &["--rt", "--cpu-used=5", "--error-resilient=1", "--sharpness=5", "--target-bitrate=60"],
    &["--good", "--cpu-used=4", "--frame-parallel=1", "--aq-mode=2", "--target-bitrate=800"],
];

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).to_string_lossy().into_owned()
}

/// Encodes, decodes with vpxdec, and compares all frames at every level.
fn check(dir: &Path, size: &str, format: &Format, settings: &[&str]) {
    let (clip, stream, decoded) =
        (path(dir, "clip.yuv"), path(dir, "clip.webm"), path(dir, "decoded.yuv"));
    let source = format!("testsrc2=s={size}:r=25,noise=alls=8:allf=t,rotate=0.05*n");
    let arguments = ["-v", "error", "-y", "-f", "lavfi", "-i", &source, "-frames:v"];
    let output = [&FRAMES.to_string(), "-pix_fmt", format.pixels, "-f", "rawvideo", &clip];
    let _ = external::run("ffmpeg", &[&arguments[..], &output].concat());
    let (width, height) = size.split_once('x').unwrap();
    let (width, height) = (format!("--width={width}"), format!("--height={height}"));
    let common = ["--codec=vp9", "--quiet", "--fps=25/1", &width, &height, "-o", &stream, &clip];
    let _ = external::run("vpxenc", &[format.encode, settings, &common].concat());
    let common = ["--rawvideo", "-o", &decoded, &stream];
    let _ = external::run("vpxdec", &[format.decode, &common].concat());
    let expected = fs::read(&decoded).unwrap();
    let packets = packets(Path::new(&stream));
    let name = format!("{size}, {}, {settings:?}", format.pixels);
    for level in Level::supported() {
        let mut found = Vec::new();
        decode(&name, &packets, &at_level(level), |frame| found.extend(samples(frame)));
        let length = expected.len() / FRAMES;
        let wrong = found.chunks(length).zip(expected.chunks(length)).position(|(a, b)| a != b);
        assert_eq!(wrong, None, "{name}, {}: the first wrong frame", level.name());
        assert_eq!(found.len(), expected.len(), "{name}, {}", level.name());
    }
}

/// Decodes a stream with vpxdec and compares all samples, at each frame's own size, at every level.
fn check_stream(stream: &Path, name: &str) {
    let decoded = stream.with_extension("yuv");
    let arguments = ["--rawvideo", "-o", decoded.to_str().unwrap(), stream.to_str().unwrap()];
    let _ = external::run("vpxdec", &arguments);
    let expected = fs::read(&decoded).unwrap();
    assert!(!expected.is_empty(), "{name}");
    for level in Level::supported() {
        let mut found = Vec::new();
        decode(name, &packets(stream), &at_level(level), |frame| found.extend(samples(frame)));
        assert!(found == expected, "{name}, {}", level.name());
    }
}

/// Encodes a clip with settings of ffmpeg for libvpx, or of vpxenc.
fn encode(dir: &Path, size: &str, frames: usize, filter: &str, vpxenc: Option<&[&str]>) -> String {
    let (clip, stream) = (path(dir, "source.yuv"), path(dir, "stream.webm"));
    let source = format!("testsrc2=s={size}:r=30,noise=alls=20:allf=t");
    let frames = frames.to_string();
    let input = ["-v", "error", "-y", "-f", "lavfi", "-i", &source, "-frames:v", &frames];
    match vpxenc {
        None => {
            let encoder = ["-vf", filter, "-c:v", "libvpx-vp9", "-deadline", "realtime"];
            let rest = ["-cpu-used", "6", "-lag-in-frames", "0", "-b:v", "200k", &stream];
            let _ = external::run("ffmpeg", &[&input[..], &encoder, &rest].concat());
        }
        Some(settings) => {
            let output = ["-pix_fmt", "yuv420p", "-f", "rawvideo", &clip];
            let _ = external::run("ffmpeg", &[&input[..], &output].concat());
            let (width, height) = size.split_once('x').unwrap();
            let (width, height) = (format!("--width={width}"), format!("--height={height}"));
            let common = ["--codec=vp9", "--quiet", "--fps=30/1", &width, &height];
            let files = ["-o", &stream, &clip];
            let _ = external::run("vpxenc", &[&common[..], settings, &files].concat());
        }
    }
    stream
}

#[test]
fn tiles_regions_of_interest_and_resizing_decode_as_with_libvpx() {
    if depth::skips_long() {
        return;
    }
    let programs = ["ffmpeg", "vpxenc", "vpxdec"];
    if !programs.iter().all(|program| external::have(program, "VP9 tiles, regions and resizing")) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let tiles = ["--good", "--cpu-used=5", "--tile-columns=2", "--tile-rows=2"];
    let stream = encode(dir.path(), "1032x264", 4, "", Some(&tiles));
    check_stream(Path::new(&stream), "tiles of 4x4");
    let regions = "addroi=iw/4:ih/4:iw/2:ih/2:-1/2,addroi=0:0:iw/8:ih/8:1/3";
    let stream = encode(dir.path(), "320x240", 10, regions, None);
    check_stream(Path::new(&stream), "regions of interest");
    // The bitrate is so low that the encoder halves the size in steps.
    let resizing = [
        "--rt",
        "--cpu-used=8",
        "--end-usage=cbr",
        "--resize-allowed=1",
        "--target-bitrate=30",
        "--lag-in-frames=0",
        "--buf-sz=300",
        "--buf-initial-sz=200",
        "--buf-optimal-sz=250",
    ];
    let stream = encode(dir.path(), "640x360", 100, "", Some(&resizing));
    let mut sizes = Vec::new();
    decode("resizing", &packets(Path::new(&stream)), &Default::default(), |frame| {
        sizes.push(frame.buf.size());
    });
    sizes.dedup();
    assert!(sizes.len() > 1, "{sizes:?}");
    check_stream(Path::new(&stream), "resizing");
}

#[test]
fn streams_of_every_format_decode_as_with_libvpx() {
    let programs = ["ffmpeg", "vpxenc", "vpxdec"];
    if !programs.iter().all(|program| external::have(program, "VP9 streams of vpxenc")) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (index, format) in depth::sample(FORMATS.iter().enumerate(), 4, 0) {
        // Each format with two settings, each setting with several formats.
        for settings in depth::sample([SETTINGS[index % 6], SETTINGS[(index + 2) % 6]], 2, index) {
            check(dir.path(), "170x138", format, settings);
        }
    }
    for (turn, size) in ["16x16", "66x34", "200x8", "352x288"].into_iter().enumerate() {
        for settings in depth::in_turn(turn, SETTINGS) {
            check(dir.path(), size, &FORMATS[0], settings);
        }
    }
}
