//! Frames of more than 8 bits and of all chroma samplings.

use std::process::Command;

use super::{Place, depth, has_ffmpeg};

/// Formats with the options of vpxenc.
const FORMATS: [(&str, &[&str]); 4] = [
    ("yuv422p", &["--profile=1", "--i422"]),
    ("yuv440p", &["--profile=1", "--i440"]),
    ("yuv420p10", &["--profile=2", "--bit-depth=10", "--input-bit-depth=10"]),
    ("yuv444p12", &["--profile=3", "--i444", "--bit-depth=12", "--input-bit-depth=12"]),
];

fn run(place: &Place, program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).current_dir(place.path("")).status();
    status.is_ok_and(|status| status.success())
}

/// Writes `clip.yuv` of 66x50 pixels and lossless VP9 of it, `clip.webm`.
fn lossless_vp9(place: &Place, format: &str, options: &[&str]) -> bool {
    let pixels = if format.ends_with('p') { format.to_owned() } else { format!("{format}le") };
    let source = ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=66x50:r=25"];
    let output = ["-frames:v", "5", "-pix_fmt", &pixels, "-f", "rawvideo", "clip.yuv"];
    let common =
        ["--codec=vp9", "--quiet", "--fps=25/1", "--width=66", "--height=50", "--lossless=1"];
    let files = ["-o", "clip.webm", "clip.yuv"];
    run(place, "ffmpeg", &[&source[..], &output].concat())
        && run(place, "vpxenc", &[options, &common, &files].concat())
}

/// The samples of a y4m file whose frames have `frame_bytes` bytes.
fn y4m_samples(file: &[u8], frame_bytes: usize) -> Vec<u8> {
    let header = file.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let frames = file[header..].chunks_exact(b"FRAME\n".len() + frame_bytes);
    frames.flat_map(|frame| &frame[b"FRAME\n".len()..]).copied().collect()
}

fn has_vpxenc() -> bool {
    has_ffmpeg() && Command::new("vpxenc").arg("--help").output().is_ok()
}

#[test]
fn lossless_vp9_of_every_format_round_trips() {
    if !has_vpxenc() {
        return;
    }
    for (format, options) in FORMATS {
        let place = Place::new();
        assert!(lossless_vp9(&place, format, options), "{format}");
        let clip = place.read("clip.yuv");
        place.ok(&["decode", "clip.webm", "-o", "ours.yuv"]);
        assert!(place.read("ours.yuv") == clip, "{format}");
        place.ok(&["decode", "clip.webm", "-o", "ours.y4m"]);
        assert!(y4m_samples(&place.read("ours.y4m"), clip.len() / 5) == clip, "{format}");
        let probed = place.ok(&["probe", "ours.y4m", "--json"]).text();
        assert!(probed.contains(&format!("\"pixel_format\":\"{format}\"")), "{probed}");
        let probed = place.ok(&["probe", "clip.webm"]).text();
        assert!(probed.contains(&format!("66x50, {format}")), "{probed}");
        // Through headerless samples and back.
        let layout = format!("66x50@25:{format}");
        place.ok(&["decode", "clip.yuv", "--raw", &layout, "-o", "again.y4m"]);
        let again = y4m_samples(&place.read("again.y4m"), clip.len() / 5);
        assert!(again == clip, "{format}");
        let digest = place.ok(&["decode", "clip.webm", "--md5"]).text();
        assert_eq!(place.ok(&["decode", "ours.y4m", "--md5"]).text(), digest, "{format}");
    }
}

#[test]
fn encoders_of_8_bits_need_a_conversion_by_name() {
    if !has_vpxenc() {
        return;
    }
    let place = Place::new();
    let (format, options) = FORMATS[2];
    assert!(lossless_vp9(&place, format, options));
    place.ok(&["decode", "clip.webm", "-o", "clip.y4m"]);
    for input in ["clip.webm", "clip.y4m"] {
        for codec in ["vp8", "h264", "vp9"] {
            let encode =
                ["transcode", input, "-c", codec, "-o", "out.mkv", "--preset", "rtc", "-y"];
            let run = place.fails(3, "yuv420p10", &encode);
            assert!(run.err.contains("--pix-fmt yuv420p"), "{}", run.err);
            place.ok(&[&encode[..], &["--pix-fmt", "yuv420p"]].concat());
            let probed = place.ok(&["decode", "out.mkv", "-o", "out.yuv", "-y"]);
            assert_eq!(place.read("out.yuv").len(), 5 * 66 * 50 * 3 / 2, "{}", probed.err);
        }
    }
    place.fails(2, "expected yuv420p", &["decode", "clip.y4m", "--null", "--pix-fmt", "nv12"]);
    place.fails(2, "--pix-fmt", &["decode", "clip.y4m", "-o", "x.yuv", "--crop", "16x16+0+0"]);
    place.fails(2, "nv12", &["decode", "clip.y4m", "-o", "x.yuv", "--pixels", "nv12"]);
}

#[test]
fn av1_of_every_format_decodes_as_with_ffmpeg() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    for format in ["yuv420p10", "yuv422p10", "yuv444p12", "yuv444p", "gray", "gray10"] {
        let is_deep = format.ends_with("10") || format.ends_with("12");
        let pixels = if is_deep { format!("{format}le") } else { format.to_owned() };
        let source = ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=66x50:r=25"];
        let coded = ["-pix_fmt", &pixels, "-c:v", "libaom-av1", "-cpu-used", "8", "-strict", "-2"];
        let output = ["-frames:v", "3", "-crf", "20", "clip.mkv"];
        if !run(&place, "ffmpeg", &[&source[..], &coded, &output].concat()) {
            // This ffmpeg has no AV1 encoder for the format.
            continue;
        }
        let raw = ["-pix_fmt", &pixels, "-f", "rawvideo", "theirs.yuv"];
        let read = ["-v", "error", "-y", "-i", "clip.mkv"];
        assert!(run(&place, "ffmpeg", &[&read[..], &raw].concat()), "{format}");
        place.ok(&["decode", "clip.mkv", "-o", "ours.yuv", "-y"]);
        assert!(place.read("ours.yuv") == place.read("theirs.yuv"), "{format}");
        let probed = place.ok(&["probe", "clip.mkv"]).text();
        assert!(probed.contains(&format!("66x50, {format}")), "{probed}");
        place.fails(3, format, &["transcode", "clip.mkv", "-c", "vp8", "-o", "out.webm"]);
    }
}

#[test]
fn p010_is_written_and_read() {
    if !has_vpxenc() {
        return;
    }
    let place = Place::new();
    let (format, options) = FORMATS[2];
    assert!(lossless_vp9(&place, format, options));
    place.ok(&["decode", "clip.webm", "-o", "ours.yuv", "--pixels", "p010"]);
    let source = ["-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", "66x50"];
    let output = ["-i", "clip.yuv", "-pix_fmt", "p010le", "-f", "rawvideo", "theirs.yuv"];
    assert!(run(&place, "ffmpeg", &[&source[..], &output].concat()));
    assert!(place.read("ours.yuv") == place.read("theirs.yuv"));
    place.ok(&["decode", "ours.yuv", "--raw", "66x50:p010", "-o", "back.yuv"]);
    assert!(place.read("back.yuv") == place.read("clip.yuv"));
}

#[test]
fn metrics_of_every_format_equal_ffmpeg() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    for format in ["yuv420p10", "yuv422p10", "yuv444p12", "yuv440p", "yuv444p"] {
        let pixels = if format.ends_with('p') { format.to_owned() } else { format!("{format}le") };
        for (name, source) in
            [("a", "testsrc2=s=66x50:r=25"), ("b", "testsrc2=s=66x50:r=25,noise=alls=12:allf=t")]
        {
            let file = format!("{name}.yuv");
            let input = ["-v", "error", "-y", "-f", "lavfi", "-i", source, "-frames:v", "3"];
            let output = ["-pix_fmt", &pixels, "-f", "rawvideo", &file];
            assert!(run(&place, "ffmpeg", &[&input[..], &output].concat()));
        }
        let layout = format!("66x50@25:{format}");
        let report = place.json(&["metrics", "a.yuv", "b.yuv", "--raw", &layout, "--json"]);
        let raw = ["-f", "rawvideo", "-pix_fmt", &pixels, "-s", "66x50", "-r", "25", "-i"];
        let measured = |filter: &str, key: &str| -> f64 {
            let graph = format!("[1:v][0:v]{filter}");
            let files = [&["-hide_banner"], &raw[..], &["a.yuv"], &raw, &["b.yuv"]].concat();
            let filtered = ["-lavfi", &graph, "-f", "null", "-"];
            let output = Command::new("ffmpeg")
                .args([&files[..], &filtered].concat())
                .current_dir(place.path(""))
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let (_, rest) = text.rsplit_once(key).unwrap_or_else(|| panic!("{key} in {text}"));
            rest.split_whitespace().next().unwrap().parse().unwrap()
        };
        for (ours, theirs) in [("psnr_y", "PSNR y:"), ("psnr_u", " u:"), ("psnr_all", " average:")]
        {
            let (ours, theirs) =
                (report["total"][ours].as_f64().unwrap(), measured("psnr", theirs));
            assert!((ours - theirs).abs() < 0.001, "{format}: {ours} {theirs}");
        }
        let (ours, theirs) = (report["ssim"].as_f64().unwrap(), measured("ssim", " Y:"));
        assert!((ours - theirs).abs() < 0.0001, "{format}: {ours} {theirs}");
        place.fails(
            3,
            format,
            &["metrics", "a.yuv", "b.yuv", "--raw", &layout, "--metrics", "xpsnr"],
        );
    }
}
