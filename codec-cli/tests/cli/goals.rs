//! `--target` and `--size`: encodes to a target quality or a target file size.

use super::{Place, depth};

/// Mean of a metric over the frames of `file`.
fn measured(place: &Place, file: &str, metric: &str) -> f64 {
    let found = place.json(&["metrics", "clip.y4m", file, "--metrics", metric, "--json"]);
    found["metrics"][metric]["mean"].as_f64().unwrap()
}

#[test]
fn a_target_quality_is_reached() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "176x144", 30);
    let cases = [
        ("vp8", "vmaf=90", "vmaf", 0.3),
        ("vp9", "ssim=0.95", "ssim", 0.002),
        ("h264", "psnr=36", "psnr_y", 0.1),
    ];
    for (codec, target, metric, tolerance) in cases {
        let arguments = ["encode", "clip.y4m", "-o", "a.mkv", "-y", "-c", codec, "--speed", "8"];
        let run = place.ok(&[&arguments[..], &["--target", target]].concat());
        assert!(run.err.contains("reached"), "{}", run.err);
        let wanted: f64 = target.split_once('=').unwrap().1.parse().unwrap();
        let found = measured(&place, "a.mkv", metric);
        assert!((found - wanted).abs() <= tolerance, "{codec} {target}: {found}");
    }
}

#[test]
fn a_long_input_is_sampled_and_needs_one_encode() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("scene-cuts", "96x64", 400);
    let arguments = ["encode", "clip.y4m", "-o", "a.webm", "-v", "--target", "ssim=0.95"];
    let run = place.ok(&arguments);
    assert!(run.err.contains("on 320 of 400 frames"), "{}", run.err);
    assert!(run.err.contains("fast trial encode"), "{}", run.err);
    assert!(!run.err.contains("encoding again"), "{}", run.err);
    let found = measured(&place, "a.webm", "ssim");
    assert!((found - 0.95).abs() <= 0.002, "{found}");
}

#[test]
fn a_quality_that_cannot_be_reached_exits_with_7_and_keeps_the_best() {
    let place = Place::with_clip("texture-pan", "64x48", 8);
    let arguments = ["encode", "clip.y4m", "-o", "a.ivf", "--target", "psnr=89"];
    place.fails(7, "cannot reach psnr 89", &arguments);
    assert!(measured(&place, "a.ivf", "psnr_y") > 40.0);
}

#[test]
fn a_file_size_is_met_from_below() {
    let place = Place::with_clip("texture-pan", "176x144", 40);
    for (output, codec) in [("a.webm", "vp8"), ("a.mp4", "h264"), ("a.mkv", "vp9")] {
        let arguments = ["encode", "clip.y4m", "-o", output, "-c", codec, "--speed", "8"];
        let run = place.ok(&[&arguments[..], &["--size", "60k"]].concat());
        let bytes = place.read(output).len();
        assert!((58_200..=60_000).contains(&bytes), "{output}: {bytes}: {}", run.err);
    }
}

#[test]
fn goals_conflict_with_rates_and_need_files() {
    let place = Place::with_clip("texture-pan", "64x48", 4);
    let encode = |more: &[&'static str]| [&["encode", "clip.y4m", "-o", "a.ivf"], more].concat();
    for rate in [["-b", "300k"], ["-q", "50"], ["--qp", "20"], ["--size", "8k"]] {
        place.fails(
            2,
            "cannot be used with",
            &encode(&[&["--target", "vmaf=90"][..], &rate].concat()),
        );
    }
    place.fails(2, "cannot be used with", &encode(&["--size", "8k", "-b", "300k"]));
    place.fails(2, "vmaf must be 1 to 100", &encode(&["--target", "vmaf=930"]));
    place.fails(2, "expected a size", &encode(&["--size", "8MB"]));
    place.fails(2, "requires --preset file", &encode(&["--size", "8k", "--preset", "rtc"]));
    place.fails(2, "omit --passes", &encode(&["--size", "8k", "--passes", "1"]));
    let to_pipe = ["encode", "clip.y4m", "-o", "-", "-f", "ivf", "--target", "ssim=0.9"];
    place.fails(2, "requires a file as output", &to_pipe);
    let raw = ["transcode", "clip.y4m", "-o", "b.y4m", "--target", "ssim=0.9"];
    place.fails(2, "--target requires encoded video", &raw);
    place.fails(
        3,
        "33x33 pixels",
        &["encode", "clip.y4m", "-o", "a.ivf", "--resize", "32x24", "--target", "vmaf=90"],
    );
}
