//! `decode`, `snapshot` and `metrics`.

use std::fs;

use super::{Place, data, has_ffmpeg, y4m_frames};

#[test]
fn digests_match_the_written_frames() {
    let place = Place::with_clip("texture-pan", "66x50", 5);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--preset", "rtc"]);
    place.ok(&["decode", "a.ivf", "-o", "a.yuv"]);
    place.ok(&["decode", "a.ivf", "-o", "a.y4m"]);
    let y4m = place.read("a.y4m");
    assert!(y4m_frames(&y4m).concat() == place.read("a.yuv"));
    let whole = place.ok(&["decode", "a.ivf", "--md5"]).text();
    let (digest, rest) = whole.split_at(32);
    assert!(digest.bytes().all(|b| b.is_ascii_hexdigit()) && rest == "  -\n", "{whole}");
    // The same frames from another container have the same digest.
    assert_eq!(place.ok(&["decode", "a.y4m", "--md5"]).text(), whole);
    let frames = place.ok(&["decode", "a.ivf", "--framemd5"]).text();
    let rows: Vec<_> = frames.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row.split(", ").last().unwrap().len() == 32), "{frames}");
}

#[test]
fn the_standard_vectors_have_libvpx_digests() {
    let Some(dir) = data("vp8") else { return };
    // MD5 of the whole output, as printed by `vpxdec --i420 --md5`.
    let known = [
        ("vp80-00-comprehensive-001.ivf", "fad126074e1bd5363d43b9d1cadddb71"),
        ("vp80-00-comprehensive-008.ivf", "bd4d46a9d14fe5a7fc9cfc8deac2d34c"),
        ("vp80-05-sharpness-1428.ivf", "14b537dae40c6013079fd3d25cb16e7a"),
    ];
    let place = Place::new();
    for (name, digest) in known {
        let file = dir.join(name);
        let run = place.ok(&["decode", file.to_str().unwrap(), "--md5", "-j", "2"]);
        assert_eq!(run.text(), format!("{digest}  -\n"), "{name}");
    }
}

#[test]
fn decoding_without_output_reports_the_speed() {
    let place = Place::with_clip("talking-head", "64x48", 4);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf"]);
    let run = place.ok(&["decode", "a.ivf", "--null"]);
    assert!(run.out.is_empty() && run.err.contains("4 frames") && run.err.contains("fps"));
}

#[test]
fn a_stream_that_changes_size_is_cut_or_scaled_in_y4m() {
    let place = Place::with_size_change();
    place.fails(2, "size changes from 64x48 to 48x32", &["decode", "both.ivf", "-o", "cut.y4m"]);
    let kept = place.read("cut.y4m.codec.part");
    assert_eq!(y4m_frames(&kept).len(), 3, "frames of the first size are kept");
    place.ok(&["decode", "both.ivf", "-o", "all.y4m", "--resize"]);
    assert_eq!(y4m_frames(&place.read("all.y4m")).len(), 5);
    place.ok(&["decode", "both.ivf", "-o", "all.yuv"]);
    assert_eq!(place.read("all.yuv").len(), 3 * 64 * 48 * 3 / 2 + 2 * 48 * 32 * 3 / 2);
    place.ok(&["decode", "both.ivf", "--md5"]);
    let run =
        place.ok(&["transcode", "both.ivf", "-o", "again.ivf", "--preset", "rtc", "--verify"]);
    assert!(run.err.contains("size changes to 48x32"), "{}", run.err);
}

#[test]
fn a_variable_frame_rate_in_y4m_causes_a_warning() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let decoded = |select: &str| {
        let input = format!("testsrc=size=64x48:rate=30:duration=1,select='{select}'");
        let vfr = ["-fps_mode", "vfr", "-c:v", "libvpx", "-y", "a.webm"];
        place.ffmpeg(&[&["-f", "lavfi", "-i", &*input][..], &vfr].concat());
        place.ok(&["decode", "a.webm", "-y", "-o", "a.y4m"]).err
    };
    let err = decoded("not(between(n,5,20))");
    assert!(err.contains("variable frame rate"), "{err}");
    let err = decoded("1");
    assert!(!err.contains("varies"), "{err}");
}

#[test]
fn snapshots_are_png_of_the_requested_frame() {
    let place = Place::with_clip("scene-cuts", "64x48", 4);
    place.ok(&["snapshot", "clip.y4m", "--frame", "2", "-o", "a.png"]);
    let found = image::load_from_memory(&place.read("a.png")).unwrap();
    assert_eq!((found.width(), found.height()), (64, 48));
    place.fails(
        2,
        "the input has 4 frames",
        &["snapshot", "clip.y4m", "--frame", "4", "-o", "b.png"],
    );
    place.fails(2, "exists", &["snapshot", "clip.y4m", "-o", "a.png"]);
}

#[test]
fn metrics_match_frames_by_time_and_check_thresholds() {
    let place = Place::with_clip("texture-pan", "64x48", 8);
    let cut = ["--skip", "2", "-n", "3", "--keep-times", "--qp", "30"];
    place.ok(&[&["encode", "clip.y4m", "-o", "a.ivf"], &cut[..]].concat());
    let metrics = place.json(&["metrics", "clip.y4m", "a.ivf", "--json"]);
    assert_eq!(metrics["frames_compared"], 3);
    assert_eq!(metrics["unmatched_reference"], 5);
    assert_eq!(metrics["frames"][0]["frame"], 2);
    assert!(metrics["psnr_y"].as_f64().unwrap() > 25.0 && metrics["ssim"].as_f64().unwrap() > 0.7);
    let same = place.ok(&["metrics", "clip.y4m", "clip.y4m"]).text();
    assert!(same.contains("Y 100.000") && same.contains("SSIM mean   Y 1.0"), "{same}");
    place.fails(7, "below", &["metrics", "clip.y4m", "a.ivf", "--min-psnr", "99"]);
    place.fails(7, "below", &["metrics", "clip.y4m", "a.ivf", "--min-ssim", "1.5"]);
    place.ok(&["generate", "texture-pan", "-o", "other.y4m", "--size", "32x48", "-n", "2"]);
    place.fails(3, "32x48", &["metrics", "clip.y4m", "other.y4m"]);
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    use std::io::Read;
    use std::process::Stdio;
    let place = Place::new();
    let mut child = place
        .command(&["generate", "static-slide", "--size", "320x180", "-n", "200", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 100]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn frames_without_references_at_the_start_are_not_output() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::with_clip("texture-pan", "96x80", 50);
    let codec = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "3"];
    let gop = ["-x264-params", "open-gop=1:keyint=12:scenecut=0:b-adapt=0"];
    place.ffmpeg(&[&["-i", "clip.y4m"][..], &codec, &gop, &["whole.h264"]].concat());
    let whole = place.read("whole.h264");
    // The parameter sets of the third group.
    let is_set = |at: &usize| whole[*at..].starts_with(&[0, 0, 0, 1, 0x67]);
    let start = (0..whole.len()).filter(is_set).nth(2).unwrap();
    fs::write(place.path("cut.h264"), &whole[start..]).unwrap();
    let digests = |file: &str| {
        let run = place.ok(&["decode", file, "--framemd5"]);
        let lines = run.text();
        let lines = lines.lines().filter(|line| !line.starts_with('#'));
        let digest = |line: &str| line.rsplit(',').next().unwrap().trim().to_owned();
        (lines.map(digest).collect::<Vec<_>>(), run.err)
    };
    let (expected, err) = digests("whole.h264");
    assert!(expected.len() == 50 && !err.contains("not output"), "{err}");
    let (found, err) = digests("cut.h264");
    assert!(found.len() > 20 && expected.ends_with(&found), "{} frames", found.len());
    assert!(err.contains("3 frames not output"), "{err}");
}
