//! Interlaced video: field order from input to output, and deinterlacing.

use std::fs;

use super::{Place, depth, has_ffmpeg, y4m_frames};

const SIZE: (usize, usize) = (192, 144);
const FRAMES: usize = 12;

/// Creates `woven.y4m`, whose frames have the fields of two frames of `truth.y4m` each.
fn with_interlaced_clip(order: char) -> Place {
    let place = Place::new();
    let size = format!("{}x{}", SIZE.0, SIZE.1);
    let frames = (2 * FRAMES).to_string();
    place.ok(&[
        "generate",
        "texture-pan",
        "-o",
        "truth.y4m",
        "--size",
        &size,
        "--fps",
        "50",
        "-n",
        &frames,
    ]);
    let clip = place.read("truth.y4m");
    let mut woven = format!("YUV4MPEG2 W{} H{} F25:1 I{order} C420\n", SIZE.0, SIZE.1).into_bytes();
    let second = if order == 't' { 1 } else { 0 };
    for pair in y4m_frames(&clip).chunks_exact(2) {
        woven.extend_from_slice(b"FRAME\n");
        let mut at = 0;
        for (width, height) in planes() {
            for y in 0..height {
                let source = if y % 2 == second { pair[1] } else { pair[0] };
                woven.extend_from_slice(&source[at..at + width]);
                at += width;
            }
        }
    }
    fs::write(place.path("woven.y4m"), woven).unwrap();
    place
}

/// Width and height of Y, U and V.
fn planes() -> [(usize, usize); 3] {
    let (width, height) = SIZE;
    [(width, height), (width / 2, height / 2), (width / 2, height / 2)]
}

/// Luma PSNR of `frames` against every second frame of the progressive clip.
fn psnr(place: &Place, frames: &[&[u8]]) -> f64 {
    let clip = place.read("truth.y4m");
    let truth = y4m_frames(&clip);
    assert_eq!(frames.len(), FRAMES);
    let pixels = SIZE.0 * SIZE.1;
    let pairs = frames.iter().zip(truth.iter().step_by(2));
    let error: u64 = pairs
        .flat_map(|(frame, truth)| frame[..pixels].iter().zip(&truth[..pixels]))
        .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2))
        .sum();
    10.0 * (255.0 * 255.0 * (FRAMES * pixels) as f64 / error.max(1) as f64).log10()
}

fn header(place: &Place, file: &str) -> String {
    let bytes = place.read(file);
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap();
    String::from_utf8(bytes[..end].to_vec()).unwrap()
}

#[test]
fn deinterlaced_frames_are_near_the_progressive_ones() {
    if depth::skips_long() {
        return;
    }
    for order in ['t', 'b'] {
        let place = with_interlaced_clip(order);
        place.ok(&["decode", "woven.y4m", "-o", "same.y4m"]);
        assert!(header(&place, "same.y4m").contains(&format!(" I{order} ")));
        let (same, woven) = (place.read("same.y4m"), place.read("woven.y4m"));
        assert_eq!(y4m_frames(&same), y4m_frames(&woven));
        for mode in ["--deinterlace", "--deinterlace=on"] {
            place.ok(&["decode", "woven.y4m", "-o", "out.y4m", mode, "-y"]);
        }
        assert!(header(&place, "out.y4m").contains(" Ip "));
        let out = place.read("out.y4m");
        let (before, after) = (psnr(&place, &y4m_frames(&woven)), psnr(&place, &y4m_frames(&out)));
        assert!(after > before + 3.0 && after > 40.0, "{order}: {before} dB, then {after} dB");
        if !has_ffmpeg() {
            continue;
        }
        for (filter, margin) in [("yadif=0", -0.5), ("bob", 1.0)] {
            let parity = if order == 't' { "tff" } else { "bff" };
            let name = if filter == "bob" {
                "separatefields,select=not(mod(n\\,2)),scale=iw:ih*2"
            } else {
                filter
            };
            let filters = format!("setfield={parity},{name}");
            place.ffmpeg(&[
                "-i",
                "woven.y4m",
                "-vf",
                &filters,
                "-fps_mode",
                "passthrough",
                "-y",
                "theirs.y4m",
            ]);
            let theirs = place.read("theirs.y4m");
            let theirs = psnr(&place, &y4m_frames(&theirs));
            assert!(after > theirs + margin, "{order}: {after} dB, {filter} has {theirs} dB");
        }
    }
}

#[test]
fn progressive_frames_are_only_deinterlaced_on_request() {
    let place = Place::with_clip("talking-head", "64x48", 4);
    place.ok(&["decode", "clip.y4m", "-o", "auto.y4m", "--deinterlace"]);
    place.ok(&["decode", "clip.y4m", "-o", "on.y4m", "--deinterlace=on"]);
    let (clip, auto, on) = (place.read("clip.y4m"), place.read("auto.y4m"), place.read("on.y4m"));
    assert_eq!(y4m_frames(&clip), y4m_frames(&auto));
    assert_eq!(y4m_frames(&clip).len(), y4m_frames(&on).len());
    assert_ne!(y4m_frames(&clip), y4m_frames(&on));
    place.fails(
        2,
        "expected off, auto or on",
        &["decode", "clip.y4m", "-o", "x.y4m", "--deinterlace=x"],
    );
}

#[test]
fn containers_keep_the_field_order() {
    if depth::skips_long() {
        return;
    }
    for (order, name) in [('t', "top field first"), ('b', "bottom field first")] {
        let place = with_interlaced_clip(order);
        for file in ["out.mkv", "out.webm", "out.mp4"] {
            let run =
                place.ok(&["encode", "woven.y4m", "-o", file, "--preset", "rtc", "-c", "vp8"]);
            assert!(run.err.contains("the video is interlaced"), "{}", run.err);
            let probe = place.json(&["probe", file, "--json"]);
            assert_eq!(probe["tracks"][0]["field_order"], name, "{file}: {probe}");
            place.ok(&["decode", file, "-o", "back.y4m", "-y"]);
            assert!(header(&place, "back.y4m").contains(&format!(" I{order} ")), "{file}");
            // Deinterlaced before encoding or after decoding.
            place.ok(&[
                "transcode",
                file,
                "-o",
                "progressive.mkv",
                "--preset",
                "rtc",
                "--deinterlace",
                "-y",
            ]);
            let probe = place.json(&["probe", "progressive.mkv", "--json"]);
            assert_eq!(probe["tracks"][0]["field_order"], "progressive", "{file}: {probe}");
        }
        let run = place.ok(&["decode", "woven.y4m", "-o", "small.y4m", "--resize=96x72"]);
        assert!(run.err.contains("mixes the fields"), "{}", run.err);
        assert!(header(&place, "small.y4m").contains(" Ip "));
    }
}

#[test]
fn probe_finds_the_field_order_of_h264_in_its_frames() {
    if !has_ffmpeg() {
        return;
    }
    for (order, setting, name) in
        [('t', "tff=1", "top field first"), ('b', "bff=1", "bottom field first")]
    {
        let place = with_interlaced_clip(order);
        let flags = ["-flags", "+ildct+ilme", "-c:v", "libx264", "-x264-params", setting];
        for (file, container) in [
            ("x.mp4", &["-movflags", "-write_colr"][..]),
            ("x.ts", &[]),
            ("x.mkv", &["-field_order", "0"]),
        ] {
            place.ffmpeg(&[&["-i", "woven.y4m"][..], &flags, container, &[file]].concat());
            let probe = place.json(&["probe", file, "--json"]);
            assert_eq!(probe["tracks"][0]["field_order"], name, "{file}: {probe}");
        }
        place.ffmpeg(&["-i", "truth.y4m", "-c:v", "libx264", "progressive.mp4"]);
        let probe = place.json(&["probe", "progressive.mp4", "--json"]);
        assert_eq!(probe["tracks"][0]["field_order"], "progressive");
    }
}

#[test]
fn turning_a_frame_over_exchanges_its_fields() {
    let place = with_interlaced_clip('t');
    place.ok(&["decode", "woven.y4m", "-o", "turned.y4m", "--rotate=180"]);
    assert!(header(&place, "turned.y4m").contains(" Ib "));
    place.ok(&["decode", "turned.y4m", "-o", "back.y4m", "--rotate=180", "--deinterlace"]);
    let back = place.read("back.y4m");
    assert!(psnr(&place, &y4m_frames(&back)) > 30.0);
}

#[cfg(feature = "h264")]
#[test]
fn h264_states_the_field_order_of_each_frame() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    for (order, parity) in [('t', "tff=1"), ('b', "bff=1")] {
        let place = with_interlaced_clip(order);
        // `nal-hrd` adds delays to the timing messages.
        for options in ["", ":nal-hrd=vbr:vbv-maxrate=2000:vbv-bufsize=2000", ":pic-struct=0"] {
            let x264 = format!("{parity}{options}");
            let encode =
                ["-c:v", "libx264", "-flags", "+ilme+ildct", "-x264-params", &x264, "-qp", "10"];
            place.ffmpeg(&[&["-i", "woven.y4m"][..], &encode, &["-y", "x.h264"]].concat());
            place.ok(&["decode", "x.h264", "-o", "x.y4m", "-y"]);
            assert!(header(&place, "x.y4m").contains(&format!(" I{order} ")), "{x264}");
            place.ok(&["decode", "x.h264", "-o", "p.y4m", "--deinterlace", "-y"]);
            let out = place.read("p.y4m");
            let psnr = psnr(&place, &y4m_frames(&out));
            assert!(psnr > 30.0, "{x264}: {psnr} dB");
        }
        let encode = ["-c:v", "libx264", "-x264-params", "fake-interlaced=1", "-qp", "10"];
        place.ffmpeg(&[&["-i", "truth.y4m"][..], &encode, &["-y", "fake.h264"]].concat());
        place.ok(&["decode", "fake.h264", "-o", "fake.y4m"]);
        assert!(header(&place, "fake.y4m").contains(" Ip "));
    }
}
