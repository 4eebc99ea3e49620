//! Rotation, pixel aspect ratio and colour range in outputs that cannot hold them.

use std::fs;

use serde_json::Value;

use super::{Place, Run};

/// A place with `in.y4m`, whose header has `tags`, and `in.mkv`, which is encoded from it.
fn place_with(tags: &str) -> Place {
    let place = Place::with_clip("talking-head", "64x48", 2);
    let clip = place.read("clip.y4m");
    let end = clip.iter().position(|&byte| byte == b'\n').unwrap();
    let header = String::from_utf8(clip[..end].to_vec()).unwrap();
    let words =
        header.split(' ').filter(|word| !word.starts_with('A') && !word.starts_with("XCOL"));
    let header = format!("{} {tags}", words.collect::<Vec<_>>().join(" "));
    fs::write(place.path("in.y4m"), [header.as_bytes(), &clip[end..]].concat()).unwrap();
    place.ok(&["encode", "in.y4m", "-o", "in.mkv", "-c", "h264", "--preset", "rtc", "--qp", "12"]);
    place
}

fn track(place: &Place, file: &str) -> Value {
    place.json(&["probe", file, "--json"])["tracks"][0].clone()
}

fn size(track: &Value) -> [u64; 2] {
    ["width", "height"].map(|side| track[side].as_u64().unwrap())
}

/// Width and height of a PNG file.
fn png_size(bytes: &[u8]) -> [u32; 2] {
    [16, 20].map(|at| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()))
}

#[test]
fn frames_are_rotated_for_outputs_without_rotation() {
    let place = place_with("XROTATION=90");
    let transcode = |output: &str, options: &[&str]| -> Run {
        place.ok(&[&["transcode", "in.mkv", "-o", output, "-y"][..], options].concat())
    };
    let rotated = "frames are rotated by 90 degrees";
    for output in ["a.ts", "a.h264", "a.ivf", "a.y4m"] {
        let run = transcode(output, &[]);
        assert!(run.err.contains(rotated), "{output}: {}", run.err);
        assert!(!run.err.contains("cannot hold these"), "{output}: {}", run.err);
        let found = track(&place, output);
        assert_eq!((size(&found), &found["rotation"]), ([48, 64], &0.into()), "{output}");
        // The default is not the rotation of a size.
        let run = transcode(output, &["--rotate=0"]);
        assert!(!run.err.contains("rotat"), "{output}: {}", run.err);
        assert_eq!(size(&track(&place, output)), [64, 48], "{output}");
        let run = transcode(output, &["--resize", "24x-1"]);
        assert!(!run.err.contains(rotated), "{output}: {}", run.err);
        assert_eq!(size(&track(&place, output)), [24, 32], "{output}");
    }
    let run = transcode("a.mp4", &[]);
    assert!(!run.err.contains("rotat"), "{}", run.err);
    let found = track(&place, "a.mp4");
    assert_eq!((size(&found), &found["rotation"]), ([64, 48], &90.into()));
    transcode("b.y4m", &["--rotate=auto"]);
    let run = place.ok(&["decode", "in.mkv", "-o", "a.yuv"]);
    assert!(run.err.contains(rotated), "{}", run.err);
    let upright = place.read("b.y4m");
    assert!(place.read("a.yuv") == super::y4m_frames(&upright).concat());
    let run = transcode("copy.ts", &["--copy"]);
    assert!(run.err.contains("rotation of 90 degrees"), "{}", run.err);
}

#[test]
fn pixels_become_square_in_images_and_aspects_are_not_lost_silently() {
    let place = place_with("A16:11");
    let run = place.ok(&["snapshot", "in.mkv", "-o", "a.png"]);
    assert!(
        run.err.contains("64x48 with the pixel aspect ratio 16/11 are scaled to 93x48"),
        "{}",
        run.err
    );
    assert_eq!(png_size(&place.read("a.png")), [93, 48]);
    place.ok(&["snapshot", "in.mkv", "-o", "a.gif"]);
    assert_eq!(place.read("a.gif")[6..10], [93, 0, 48, 0]);
    place.ok(&["transcode", "in.mkv", "-o", "b.gif", "-n", "1"]);
    assert_eq!(place.read("b.gif")[6..10], [93, 0, 48, 0]);
    place.ok(&["decode", "in.mkv", "-o", "f-%d.png", "-n", "1"]);
    assert_eq!(png_size(&place.read("f-1.png")), [93, 48]);
    place.ok(&["snapshot", "in.mkv", "-o", "half.png", "--resize", "-1x24"]);
    assert_eq!(png_size(&place.read("half.png")), [46, 24]);
    let run = place.ok(&["snapshot", "in.mkv", "-o", "coded.png", "--resize", "64x48"]);
    assert!(!run.err.contains("aspect"), "{}", run.err);
    assert_eq!(png_size(&place.read("coded.png")), [64, 48]);
    let lost = "ivf cannot hold these properties of the video: pixel aspect ratio 16:11";
    let run = place.ok(&["transcode", "in.mkv", "-o", "a.ivf"]);
    assert!(run.err.contains(lost) && run.err.contains("--resize 93x48"), "{}", run.err);
    let run = place.ok(&["transcode", "in.mkv", "-o", "b.ivf", "--resize", "93x48"]);
    assert!(!run.err.contains("cannot hold"), "{}", run.err);
    for output in ["a.webm", "a.ts", "a.y4m"] {
        let run = place.ok(&["transcode", "in.mkv", "-o", output]);
        assert!(!run.err.contains("cannot hold"), "{output}: {}", run.err);
        place.ok(&["snapshot", output, "-o", "again.png", "-y"]);
        assert_eq!(png_size(&place.read("again.png")), [93, 48], "{output}");
    }
    // Stretched too much.
    let place = place_with("A20:1");
    let run = place.ok(&["snapshot", "in.mkv", "-o", "a.png"]);
    assert!(run.err.contains("images cannot hold these properties"), "{}", run.err);
    assert_eq!(png_size(&place.read("a.png")), [64, 48]);
}

#[test]
fn full_range_becomes_limited_in_vp8_without_a_description() {
    let place = place_with("A1:1 XCOLORRANGE=FULL");
    let rgb = |file: &str| {
        let run = place.ok(&["decode", file, "-o", "rgb.raw", "--pixels", "rgb24", "-y"]);
        assert!(!run.err.contains("cannot hold"), "{file}: {}", run.err);
        place.read("rgb.raw")
    };
    let original = rgb("in.mkv");
    for (output, range, codec) in [
        ("a.ivf", "unspecified", "vp8"),
        ("a.webm", "full", "vp8"),
        // The range is in the packets only.
        ("b.ivf", "unspecified", "vp9"),
        ("a.ts", "full", "h264"),
    ] {
        let encode = ["transcode", "in.mkv", "-o", output, "-c", codec, "--qp", "8"];
        let run = place.ok(&encode);
        let converts = run.err.contains("converted from full to limited range");
        assert_eq!(converts, output == "a.ivf", "{output}: {}", run.err);
        assert_eq!(track(&place, output)["color"]["range"], range, "{output}");
        let found = rgb(output);
        let sum: u64 = found.iter().zip(&original).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = sum / found.len() as u64;
        assert!(found.len() == original.len() && mean < 4, "{output}: {mean}");
    }
    let run = place.ok(&["decode", "in.mkv", "-o", "a.yuv"]);
    assert!(
        run.err.contains("raw cannot hold these properties of the video: full colour range"),
        "{}",
        run.err
    );
}

#[test]
fn metrics_say_which_frames_cannot_be_rotated() {
    let place = Place::with_clip("talking-head", "64x48", 2);
    let frame = |samples: &[u8]| [b"FRAME\n", samples].concat();
    let write = |name: &str, header: &str, bytes: usize| {
        let file = format!("YUV4MPEG2 {header} F30:1\n");
        fs::write(place.path(name), [file.as_bytes(), &frame(&vec![99; bytes])].concat()).unwrap();
    };
    write("rotated.y4m", "W64 H48 C420jpeg XROTATION=90", 64 * 48 * 3 / 2);
    write("upright.y4m", "W48 H64 C420jpeg", 64 * 48 * 3 / 2);
    let run = place.ok(&["metrics", "rotated.y4m", "upright.y4m"]);
    assert!(run.err.contains("frames are rotated as their metadata describes"), "{}", run.err);
    write("rotated444.y4m", "W64 H48 C444 XROTATION=90", 64 * 48 * 3);
    write("upright444.y4m", "W48 H64 C444", 64 * 48 * 3);
    let run = place.run(&["metrics", "rotated444.y4m", "upright444.y4m"]);
    assert!(
        run.err.contains("are not rotated: frames are compared as they are coded"),
        "{}",
        run.err
    );
    assert_ne!(run.code, 0, "{}", run.err);
}
