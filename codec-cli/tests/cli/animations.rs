//! GIF and animated WebP as input, GIF as output.

use std::fs;

use serde_json::Value;

use super::{Place, has_ffmpeg, y4m_frames};

/// Start times of the frames in milliseconds, and the duration of the last.
fn times(place: &Place, name: &str) -> Vec<i64> {
    let report = place.json(&["probe", name, "--json", "--packets"]);
    let track = &report["tracks"][0];
    let ms = |ticks: &Value| {
        let ticks = ticks.as_f64().unwrap();
        let base = track["time_base"].as_str().unwrap().split_once('/').unwrap();
        let base = base.0.parse::<f64>().unwrap() / base.1.parse::<f64>().unwrap();
        #[expect(clippy::cast_possible_truncation, reason = "times of a short clip")]
        let ms = (1000.0 * ticks * base).round() as i64;
        ms
    };
    // Files with encoded video have packets that are not shown.
    let packets: Vec<_> = report["frames"].as_array().unwrap().iter().collect();
    let packets: Vec<_> = packets.into_iter().filter(|packet| packet["shown"] == true).collect();
    let mut times: Vec<_> = packets.iter().map(|packet| ms(&packet["pts"])).collect();
    times.push(ms(&packets.last().unwrap()["duration"]));
    times
}

/// `a.gif`: three frames of 64x48 that last 50, 200 and 70 ms.
fn uneven(place: &Place) {
    let input = "color=red:size=64x48:rate=100,format=rgb24";
    place.ffmpeg(&["-f", "lavfi", "-i", input, "-frames:v", "3", "plain.gif"]);
    let mut bytes = place.read("plain.gif");
    let delays = [5_u16, 20, 7];
    let controls: Vec<_> =
        (0..bytes.len()).filter(|&at| bytes[at..].starts_with(&[0x21, 0xF9, 4])).collect();
    assert_eq!(controls.len(), 3);
    for (at, delay) in controls.into_iter().zip(delays) {
        bytes[at + 4..at + 6].copy_from_slice(&delay.to_le_bytes());
    }
    fs::write(place.path("a.gif"), bytes).unwrap();
}

#[test]
fn delays_of_gif_are_kept_by_encodings_and_by_gif_itself() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    uneven(&place);
    let expected = [0, 50, 250, 70];
    assert_eq!(times(&place, "a.gif"), expected);
    for output in ["a.webm", "a.mp4", "b.gif"] {
        place.ok(&["transcode", "a.gif", "-o", output]);
        assert_eq!(times(&place, output), expected, "{output}");
    }
    let run = place.ok(&["decode", "a.gif", "-o", "a.y4m", "-v"]);
    assert!(run.err.contains("a.gif: the animation plays "), "{}", run.err);
    let run = place.ok(&["transcode", "a.gif", "-o", "c.gif", "--from", "0.05", "--fps", "20"]);
    assert!(!run.err.contains("variable"), "{}", run.err);
    assert_eq!(times(&place, "c.gif"), [0, 50, 100, 150, 200, 250, 50]);
    place.ok(&["concat", "a.gif", "b.gif", "-o", "d.webm"]);
    assert_eq!(times(&place, "d.webm"), [0, 50, 250, 320, 370, 570, 70]);
    let piped = place.feed(&["decode", "-", "--md5"], &place.read("a.gif")).text();
    assert_eq!(piped, place.ok(&["decode", "a.gif", "--md5"]).text());
}

#[test]
fn ffmpeg_reads_our_gif_with_the_same_pictures_and_times() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::with_clip("talking-head", "96x64", 10);
    place.ok(&["encode", "clip.y4m", "-o", "clip.webm", "-b", "400k", "--speed", "8"]);
    place.ok(&["decode", "clip.webm", "-o", "a.gif"]);
    place.ok(&["decode", "clip.webm", "-o", "clip2.y4m"]);
    // 30 frames per second: delays of 3 and 4 hundredths whose sum is right.
    let starts = times(&place, "a.gif");
    let expected: Vec<i64> = (0..10).map(|frame| (frame * 100 + 15) / 30 * 10).collect();
    assert_eq!(starts[..10], expected[..]);
    assert_eq!(starts[9] + starts[10], 330);
    place.ffmpeg(&["-i", "a.gif", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough", "b.y4m"]);
    let (ours, theirs) = (place.read("clip2.y4m"), place.read("b.y4m"));
    let (ours, theirs) = (y4m_frames(&ours), y4m_frames(&theirs));
    assert_eq!((ours.len(), theirs.len()), (10, 10));
    for (frame, (one, other)) in ours.iter().zip(&theirs).enumerate() {
        let luma = 96 * 64;
        let squares = one[..luma].iter().zip(&other[..luma]);
        let sum: u32 = squares.map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum();
        let psnr = 10.0 * (255.0 * 255.0 * 6144.0 / f64::from(sum.max(1))).log10();
        assert!(psnr > 30.0, "frame {frame}: {psnr:.1} dB");
    }
    let header = place.read("a.gif");
    assert!(header.windows(11).any(|at| at == b"NETSCAPE2.0"));
}

#[test]
fn gif_output_has_the_options_of_frames_and_no_others() {
    let place = Place::with_clip("talking-head", "64x48", 12);
    let run = place.ok(&["encode", "clip.y4m", "-o", "a.gif", "--fps", "10", "--resize", "32x-1"]);
    assert!(run.err.contains("4 frames"), "{}", run.err);
    let probe = place.json(&["probe", "a.gif", "--json"]);
    assert_eq!(
        (&probe["tracks"][0]["width"], &probe["tracks"][0]["height"]),
        (&32.into(), &24.into())
    );
    let piped = place.ok(&["decode", "clip.y4m", "-o", "-", "-f", "gif", "-n", "2"]);
    assert!(piped.out.starts_with(b"GIF89a"));
    // More than 50 frames per second.
    place.ok(&[
        "generate", "clapper", "-o", "fast.y4m", "--size", "64x48", "--fps", "100", "-n", "20",
    ]);
    let run = place.ok(&["decode", "fast.y4m", "-o", "fast.gif"]);
    assert!(run.err.contains("dropped 10 frames"), "{}", run.err);
    place.fails(2, "already exists", &["decode", "clip.y4m", "-o", "a.gif"]);
    for (flag, value) in [("-b", "300k"), ("-q", "50"), ("-c", "vp8"), ("--audio-bitrate", "64k")] {
        let arguments = ["transcode", "clip.y4m", "-o", "b.gif", flag, value];
        place.fails(2, "cannot be used with GIF output", &arguments);
    }
    place.fails(
        2,
        "--pixels requires",
        &["decode", "clip.y4m", "-o", "b.gif", "--pixels", "rgb24"],
    );
    let kept = ["decode", "clip.y4m", "-o", "b.gif", "--skip", "1", "--keep-times"];
    place.fails(2, "--keep-times cannot be used with images", &kept);
    place.fails(2, "image output", &["transcode", "clip.y4m", "-o", "b.gif", "--for", "web"]);
    let both = Place::with_size_change();
    let failed =
        both.fails(2, "which GIF does not support", &["decode", "both.ivf", "-o", "b.gif"]);
    assert!(failed.err.contains("--resize"), "{}", failed.err);
}

#[test]
fn snapshots_are_a_frame_or_an_animation_of_a_part() {
    let place = Place::with_clip("scene-cuts", "64x48", 30);
    let run = place.ok(&["snapshot", "clip.y4m", "--time", "0.5", "-o", "a.gif"]);
    assert!(run.err.contains("a.gif: gif, 64x48, "), "{}", run.err);
    assert!(run.err.contains("the frame at 0.500 s"), "{}", run.err);
    assert_eq!(times(&place, "a.gif"), [0, 1000]);
    place.ok(&["metrics", "clip.y4m", "a.gif", "--ref-from", "0.5", "--min-psnr", "30"]);
    place.fails(
        2,
        "the input has 30 frames",
        &["snapshot", "clip.y4m", "--frame", "30", "-o", "b.gif"],
    );

    let parts: [&[&str]; 4] = [
        &["--from", "0.2", "--to", "0.6", "--fps", "10"],
        &["--from", "0.5", "--resize", "32x-1"],
        &["--duration", "0.3"],
        &["--fps", "half"],
    ];
    for part in parts {
        place.ok(&[&["transcode", "clip.y4m", "-o", "b.gif", "-y"], part].concat());
        place.ok(&[&["snapshot", "clip.y4m", "-o", "c.gif", "-y"], part].concat());
        assert!(place.read("b.gif") == place.read("c.gif"), "{part:?}");
    }
    let refused = |word: &str, arguments: &[&str]| {
        place.fails(2, word, &[&["snapshot", "clip.y4m"], arguments].concat());
    };
    refused("require .gif output", &["-o", "d.png", "--duration", "1"]);
    refused("require .gif output", &["-o", "-", "--fps", "10"]);
    refused("choose a single frame", &["-o", "d.gif", "--time", "0.1", "--fps", "10"]);
    refused("choose a single frame", &["-o", "d.gif", "--frame", "3", "--to", "1"]);
    refused("--quality cannot be used with GIF", &["-o", "d.gif", "-q", "50"]);
    refused("--lossless cannot be used with GIF", &["-o", "d.gif", "--lossless", "--to", "1"]);
    refused("already exists", &["-o", "c.gif", "--to", "1"]);
    refused("already exists", &["-o", "c.gif"]);
    assert!(!place.has("d.gif") && !place.has("d.png"));
}

#[test]
fn audio_is_named_as_dropped() {
    let place = Place::new();
    let clip = ["clapper", "-o", "clap.mkv", "--size", "64x48", "--fps", "10", "-n", "12"];
    place.ok(&[&["generate"], &clip[..]].concat());
    let run = place.ok(&["transcode", "clap.mkv", "-o", "a.gif"]);
    assert!(run.err.contains("audio dropped"), "{}", run.err);
    let run = place.ok(&["transcode", "clap.mkv", "-o", "b.gif", "--no-audio"]);
    assert!(!run.err.contains("audio"), "{}", run.err);
}

#[test]
fn animated_webp_is_read_with_its_times() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::with_clip("talking-head", "64x48", 5);
    let webp = ["-i", "clip.y4m", "-c:v", "libwebp_anim", "-lossless", "1", "a.webp"];
    place.ffmpeg(&webp);
    let starts = times(&place, "a.webp");
    assert_eq!(starts[..5], [0, 33, 66, 100, 133], "{starts:?}");
    place.ok(&["metrics", "clip.y4m", "a.webp", "--relative", "--min-psnr", "35"]);
    place.ok(&["transcode", "a.webp", "-o", "a.webm"]);
    assert_eq!(times(&place, "a.webm")[..5], starts[..5]);
    place.fails(3, "no packets", &["inspect", "a.webp", "-o", "x.json"]);
    fs::copy(place.path("a.webp"), place.path("f-1.webp")).unwrap();
    let sequence = ["encode", "f-%d.webp", "-o", "b.webm"];
    place.fails(3, "cannot be part of an image sequence", &sequence);
}

#[test]
fn damaged_and_oversized_animations_are_rejected_by_name() {
    let place = Place::with_clip("talking-head", "64x48", 3);
    place.ok(&["decode", "clip.y4m", "-o", "a.gif"]);
    let whole = place.read("a.gif");
    fs::write(place.path("cut.gif"), &whole[..whole.len() - 100]).unwrap();
    place.fails(4, "cut.gif: frame 2: ", &["decode", "cut.gif", "-o", "cut.y4m"]);
    let run = place.ok(&["decode", "cut.gif", "--conceal", "-o", "cut.y4m", "-y"]);
    assert!(run.err.contains("cut.gif: frame 2: "), "{}", run.err);
    assert_eq!(y4m_frames(&place.read("cut.y4m")).len(), 2);
    fs::write(place.path("head.gif"), &whole[..13]).unwrap();
    place.fails(4, "head.gif: ", &["decode", "head.gif", "--md5"]);
    fs::write(place.path("empty.gif"), [&whole[..19], b";"].concat()).unwrap();
    place.fails(4, "empty.gif: ", &["decode", "empty.gif", "--md5"]);
    let mut large = whole.clone();
    large[6..10].fill(0xFF);
    fs::write(place.path("large.gif"), large).unwrap();
    place.fails(3, "65535x65535", &["decode", "large.gif", "--md5"]);
    let mut many = whole[..13].to_vec();
    let colors = 3 << ((whole[10] & 7) + 1);
    many.extend_from_slice(&whole[13..13 + colors]);
    let frame = [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0];
    many.extend(frame.repeat(100_001));
    many.push(0x3B);
    fs::write(place.path("many.gif"), many).unwrap();
    place.fails(3, "more than 100000 frames", &["decode", "many.gif", "--md5"]);
}
