//! `--region`: better quality in the region, rejected values, and frame sizes that change.

use std::fs;
use std::ops::Range;

use super::{Place, depth, y4m_frames};

/// The region of the tests, a ninth of the frame, with its offset.
const FACE: &str = "96x64+112+64:-10";

/// Sum of the squared luma errors in the columns and rows of 320x176 frames.
fn luma_errors(one: &[u8], other: &[u8], columns: Range<usize>, rows: Range<usize>) -> u64 {
    let (one, other) = (y4m_frames(one), y4m_frames(other));
    assert_eq!(one.len(), other.len());
    let mut sum = 0;
    for (one, other) in one.iter().zip(&other) {
        for row in rows.clone() {
            let pairs = one[row * 320..].iter().zip(&other[row * 320..]);
            let pairs = pairs.take(columns.end).skip(columns.start);
            sum += pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum::<u64>();
        }
    }
    sum
}

#[test]
fn a_region_gains_at_the_same_bitrate() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "320x176", 60);
    let clip = place.read("clip.y4m");
    for preset in ["rtc", "file"] {
        let encode = |name: &str, region: &[&str]| {
            let output = format!("{preset}-{name}.ivf");
            let arguments = ["encode", "clip.y4m", "-o", &output, "--preset", preset, "-b", "100k"];
            let run = place.ok(&[&arguments[..], &["--verify"], region].concat());
            let decoded = format!("{preset}-{name}.y4m");
            place.ok(&["decode", &output, "-o", &decoded]);
            (place.read(&output).len(), place.read(&decoded), run.err)
        };
        let (plain_bytes, plain, err) = encode("plain", &[]);
        assert!(!err.contains("regions of interest"), "{err}");
        let (bytes, face, err) = encode("face", &["--region", FACE]);
        assert!(err.contains(&format!("regions of interest: {FACE}")), "{err}");
        let inside = |decoded: &[u8]| luma_errors(&clip, decoded, 112..208, 64..128);
        let (before, after) = (inside(&plain), inside(&face));
        // At least 2 dB.
        assert!(after * 158 < before * 100, "{preset}: {before} to {after}");
        let whole = |decoded: &[u8]| luma_errors(&clip, decoded, 0..320, 0..176);
        assert!(whole(&face) - after > whole(&plain) - before, "{preset}: the rest pays for it");
        assert!(bytes < plain_bytes * 105 / 100, "{preset}: {plain_bytes} to {bytes} bytes");
    }
}

#[test]
fn regions_are_in_pixels_of_the_encoded_frame_and_the_last_one_counts() {
    let place = Place::with_clip("talking-head", "64x48", 4);
    let encode = |name: &str, options: &[&str]| {
        let arguments = ["encode", "clip.y4m", "-o", name, "--preset", "rtc", "--qp", "60"];
        place.ok(&[&arguments[..], options].concat());
        place.read(name)
    };
    let plain = encode("plain.ivf", &[]);
    let whole = encode("whole.ivf", &["--region", "64x48+0+0:-12"]);
    assert!(whole.len() > plain.len());
    let replaced =
        ["--region", "64x48+0+0:-12", "--region", "1x1+0+0:3", "--region", "64x48+0+0:0"];
    assert_eq!(encode("replaced.ivf", &replaced), plain);
    // Cropped to the left half, and enlarged.
    encode("half.ivf", &["--crop", "32x48", "--region", "32x48+0+0:-12"]);
    encode("large.ivf", &["--resize", "128x96", "--region", "16x16+112+80:-12"]);
}

#[test]
fn invalid_regions_are_rejected_before_anything_is_written() {
    let place = Place::with_clip("talking-head", "64x48", 2);
    let fails = |code, text: &str, region: &str| {
        place.fails(code, text, &["encode", "clip.y4m", "-o", "a.ivf", "--region", region]);
    };
    for region in ["x", "16x16", "16x16+0+0", "16x16+0:3", "16x16+0+0+0:3", "16x16+-1+0:3"] {
        fails(2, "expected WxH+X+Y:OFFSET", region);
    }
    for size in ["", "0x16", "16x0", "16384x16", "99999999999x1", "16"] {
        fails(2, "each 1 to 16383", &format!("{size}+0+0:3"));
    }
    for offset in ["25", "-25", "128", "-999999", "", "1.5", "x", "+"] {
        fails(2, "expected an OFFSET from -24 to 24", &format!("16x16+0+0:{offset}"));
    }
    for area in ["65x48+0+0", "64x48+0+1", "1x1+64+0", "16x16+4294967295+0"] {
        let text = format!("invalid --region {area}:-6: exceeds the encoded frame of 64x48");
        fails(2, &text, &format!("{area}:-6"));
    }
    fails(2, "expected WxH+X+Y:OFFSET", "16x16+4294967296+0:3");
    let many = ["--region", "16x16+0+0:-6"].repeat(65);
    let arguments = ["encode", "clip.y4m", "-o", "a.ivf"];
    let message = "too many regions: got 65 --region, expected at most 64";
    place.fails(2, message, &[&arguments[..], &many].concat());
    place.ok(&[&arguments[..], &many[2..]].concat());
    fs::remove_file(place.path("a.ivf")).unwrap();
    for other in [["--crop", "32x48"], ["--resize", "32x24"]] {
        let region = ["--region", "16x16+32+0:-6"];
        place.fails(2, "exceeds the encoded frame", &[&arguments[..], &region, &other].concat());
    }
    place.ok(&["generate", "tone", "-o", "tone.wav", "-n", "2"]);
    let arguments = ["encode", "tone.wav", "-o", "tone.opus", "--region", "16x16+0+0:-6"];
    place.fails(2, "--region requires video", &arguments);
    assert_eq!(place.names(), ["clip.y4m", "tone.wav"]);
}

#[test]
fn encoders_without_regions_reject_them_by_name() {
    let place = Place::with_clip("talking-head", "64x48", 2);
    for codec in ["av1/rav1e", "vp8/libvpx", "h264/openh264"] {
        let arguments = ["encode", "clip.y4m", "-o", "a.mkv", "--region", "16x16+0+0:-6"];
        let run = place.run(&[&arguments[..], &["-c", codec]].concat());
        if run.code == 6 {
            eprintln!("skipped, not in this build: {codec}");
            continue;
        }
        assert_eq!(run.code, 2, "{codec}: {}", run.err);
        let message = format!("--region cannot be used with {codec}");
        assert!(run.err.contains(&message), "{codec}: {}", run.err);
    }
    assert_eq!(place.names(), ["clip.y4m"]);
}

#[test]
fn regions_are_scaled_when_the_frame_size_changes() {
    let place = Place::with_size_change();
    for preset in ["rtc", "file"] {
        let output = format!("{preset}.ivf");
        let transcode = ["transcode", "both.ivf", "-o", &output, "--preset", preset, "--verify"];
        let run = place.ok(&[&transcode[..], &["--region", "16x16+48+32:-12"]].concat());
        let expected = "size changes to 48x32, and --region is scaled with it";
        assert!(run.err.contains(expected), "{preset}: {}", run.err);
    }
}

#[test]
fn simulate_and_bench_use_regions() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "320x176", 30);
    let simulate = |region: &[&str]| {
        let arguments = ["simulate", "clip.y4m", "-b", "200k", "--link", "rate=1M", "--json"];
        place.json(&[&arguments[..], region].concat())
    };
    let (plain, face) = (simulate(&[]), simulate(&["--region", FACE]));
    assert_ne!(plain["coded"]["psnr_y"], face["coded"]["psnr_y"]);
    place.fails(
        2,
        "exceeds the encoded frame",
        &["simulate", "clip.y4m", "-b", "200k", "--link", "rate=1M", "--region", "16x16+320+0:2"],
    );
    place.fails(
        2,
        "exceeds the encoded frame",
        &["bench", "clip.y4m", "--region", "16x16+320+0:2"],
    );
    let bench = ["bench", "clip.y4m", "--repeat", "1", "--warm-up", "0", "-n", "4", "--json", "-"];
    let run = place.json(&[&bench[..], &["--region", FACE]].concat());
    assert!(run["config"].to_string().contains(FACE), "{}", run["config"]);
}
