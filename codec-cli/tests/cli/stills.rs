//! Reading and writing of JPEG, PNG and WebP.

use std::fs;
use std::process::Command;

use image::{DynamicImage, ImageFormat, RgbImage};

use super::{Place, has_ffmpeg};

fn write(place: &Place, name: &str, bytes: &[u8]) {
    fs::write(place.path(name), bytes).unwrap();
}

fn dimensions(place: &Place, name: &str) -> (u32, u32) {
    let image = image::load_from_memory(&place.read(name)).unwrap();
    (image.width(), image.height())
}

#[test]
fn every_still_format_is_written_and_read_back() {
    let place = Place::with_clip("talking-head", "67x50", 2);
    for name in ["a.png", "a.jpg", "a.webp"] {
        place.ok(&["snapshot", "clip.y4m", "--frame", "1", "-o", name]);
        assert_eq!(dimensions(&place, name), (67, 50), "{name}");
        place.ok(&["encode", name, "-o", "one.ivf", "--qp", "4", "-y"]);
        place.ok(&["decode", "one.ivf", "-o", "one.y4m", "-y"]);
        place.ok(&["decode", "clip.y4m", "--skip", "1", "-o", "source.y4m", "-y"]);
        let least = ["metrics", "source.y4m", "one.y4m", "--relative", "--min-psnr", "30"];
        place.ok(&least);
    }
    place.ok(&["transcode", "a.png", "-o", "b.webp", "-q", "60"]);
    place.ok(&["transcode", "b.webp", "-o", "b.png"]);
    assert_eq!(dimensions(&place, "b.png"), (67, 50));
    place.ok(&["snapshot", "clip.y4m", "-o", "best.webp", "-q", "95"]);
    place.ok(&["snapshot", "clip.y4m", "-o", "worst.webp", "-q", "5"]);
    assert!(place.read("best.webp").len() > place.read("worst.webp").len());
    place.ok(&["decode", "a.jpg", "--md5"]);
    place.ok(&["probe", "a.webp", "--json"]);
}

#[test]
fn lossless_webp_is_lossless() {
    let place = Place::with_clip("talking-head", "64x48", 1);
    place.ok(&["snapshot", "clip.y4m", "-o", "a.png"]);
    place.ok(&["snapshot", "clip.y4m", "-o", "a.webp", "--lossless"]);
    let rgb = |name: &str| image::load_from_memory(&place.read(name)).unwrap().into_rgb8();
    assert_eq!(rgb("a.png"), rgb("a.webp"));
    place.fails(2, "cannot be used with PNG", &["snapshot", "clip.y4m", "-o", "b.png", "-q", "3"]);
    place.fails(2, "JPEG", &["snapshot", "clip.y4m", "-o", "b.jpg", "--lossless"]);
    place.fails(2, ".webp or .png", &["encode", "clip.y4m", "-o", "b.ivf", "--lossless"]);
}

/// Another decoder returns exactly the samples of ours for our lossy WebP.
#[test]
fn ffmpeg_decodes_our_lossy_webp_identically() {
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        eprintln!("skipped: no ffmpeg");
        return;
    }
    let place = Place::with_clip("talking-head", "67x50", 1);
    place.ok(&["snapshot", "clip.y4m", "-o", "a.webp"]);
    place.ok(&["decode", "a.webp", "-o", "ours.yuv"]);
    let input = place.path("a.webp");
    let theirs = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(input)
        .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-"])
        .output()
        .unwrap();
    assert!(theirs.status.success(), "{}", String::from_utf8_lossy(&theirs.stderr));
    assert!(theirs.stdout == place.read("ours.yuv"));
}

#[test]
fn videos_and_decompression_bombs_are_rejected_as_stills() {
    let place = Place::with_clip("talking-head", "64x48", 3);
    place.fails(2, "more than one frame", &["transcode", "clip.y4m", "-o", "a.png"]);
    place.ok(&["transcode", "clip.y4m", "-o", "a.png", "-n", "1"]);

    // 8000x8000 grey pixels in a few kilobytes.
    let mut bomb = std::io::Cursor::new(Vec::new());
    let grey = DynamicImage::ImageLuma8(image::GrayImage::new(8000, 8000));
    grey.write_to(&mut bomb, ImageFormat::Png).unwrap();
    write(&place, "bomb.png", bomb.get_ref());
    place.fails(3, "exceed the limit", &["transcode", "bomb.png", "-o", "b.webp"]);

    let mut whole = std::io::Cursor::new(Vec::new());
    let noise = RgbImage::from_fn(40, 30, |x, y| {
        let [x, y] = [x, y].map(|at| at.to_le_bytes()[0]);
        image::Rgb([x * 6, y * 8, 99])
    });
    DynamicImage::ImageRgb8(noise).write_to(&mut whole, ImageFormat::Png).unwrap();
    let whole = whole.into_inner();
    for len in [13, 40, whole.len() / 2] {
        write(&place, "cut.png", &whole[..len]);
        let run = place.run(&["transcode", "cut.png", "-o", "c.webp"]);
        assert!(run.code == 3 || run.code == 4, "{len}: {} {}", run.code, run.err);
    }
    let lossy = place.ok(&["transcode", "a.png", "-o", "d.webp"]);
    assert!(lossy.err.contains("webp"), "{}", lossy.err);
    let webp = place.read("d.webp");
    for len in [11, 12, 19, 30, webp.len() / 2] {
        write(&place, "cut.webp", &webp[..len]);
        let run = place.run(&["transcode", "cut.webp", "-o", "e.png"]);
        assert!(run.code == 3 || run.code == 4, "{len}: {} {}", run.code, run.err);
    }
}

/// An image of `size` whose pixels `of` returns by column and row.
fn drawn(size: (u32, u32), of: impl Fn(u32, u32) -> [u8; 4]) -> image::RgbaImage {
    image::RgbaImage::from_fn(size.0, size.1, |x, y| image::Rgba(of(x, y)))
}

fn save(place: &Place, name: &str, picture: &DynamicImage) {
    picture.save_with_format(place.path(name), ImageFormat::Png).unwrap();
}

/// Columns of red and green with the same luma: in 4:2:0 they become one colour.
fn stripes(first: u32) -> DynamicImage {
    let colours = [[151, 0, 0, 255], [0, 77, 0, 255]];
    let picture = drawn((176, 162), |x, _| colours[usize::from((x + first) % 2 == 1)]);
    DynamicImage::ImageRgba8(picture).into_rgb8().into()
}

#[test]
fn stills_are_compared_as_rgb_and_the_report_says_so() {
    let place = Place::new();
    save(&place, "a.png", &stripes(0));
    save(&place, "b.png", &stripes(1));
    let said = place.json(&["metrics", "a.png", "b.png", "--json", "--metrics", "all"]);
    assert_eq!(said["space"], "RGB");
    let metrics = &said["metrics"];
    let mean = |id: &str| metrics[id]["mean"].as_f64().unwrap();
    // In 4:2:0 both are equal: only metrics defined there miss the difference.
    assert!(mean("psnr_rgb") < 10.0 && mean("psnr_v") < 10.0 && mean("ciede2000") < 30.0);
    assert!(mean("ssimulacra2") < 50.0, "{}", mean("ssimulacra2"));
    assert_eq!(metrics["psnr_rgb"]["space"], "RGB");
    assert_eq!(metrics["psnr_v"]["space"], "YCbCr 4:4:4");
    assert_eq!(metrics["psnr_hvs"]["space"], "YCbCr 4:2:0");
    let run = place.ok(&["metrics", "a.png", "b.png", "--metrics", "psnr-hvs,ssimulacra2"]);
    let text = String::from_utf8(run.out).unwrap();
    for part in ["compared as 8-bit RGB", "(RGB)", "(YCbCr 4:4:4)", "YCbCr 4:2:0"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn equal_stills_in_different_formats_have_no_difference() {
    let place = Place::with_clip("talking-head", "192x164", 1);
    place.ok(&["snapshot", "clip.y4m", "-o", "a.png"]);
    place.ok(&["snapshot", "clip.y4m", "-o", "a.webp", "--lossless"]);
    let said = place.json(&["metrics", "a.png", "a.webp", "--json", "--metrics", "all"]);
    for (id, found) in said["metrics"].as_object().unwrap() {
        let mean = found["mean"].as_f64().unwrap();
        let perfect = match id.as_str() {
            "ssim" | "ms_ssim" => 1.0,
            "butteraugli" => 0.0,
            // The score of the model without motion.
            "vmaf" => 97.428,
            _ => 100.0,
        };
        assert!((mean - perfect).abs() < 1e-3, "{id}: {mean}");
    }
    // JPEG and lossy WebP differ; WebP's chroma is interpolated as in viewers.
    place.ok(&["snapshot", "clip.y4m", "-o", "b.jpg", "-q", "95"]);
    place.ok(&["snapshot", "clip.y4m", "-o", "b.webp", "-q", "95"]);
    for name in ["b.jpg", "b.webp"] {
        let said = place.json(&["metrics", "a.png", name, "--json"]);
        let psnr = said["metrics"]["psnr_rgb"]["mean"].as_f64().unwrap();
        assert!((30.0..60.0).contains(&psnr), "{name}: {psnr}");
    }
    // Compared with video, a still image is converted to 4:2:0 with a message.
    let run = place.ok(&["metrics", "clip.y4m", "a.png", "--relative"]);
    assert!(run.err.contains("a.png: compared as YCbCr 4:2:0"), "{}", run.err);
}

#[test]
fn transparency_is_compared_and_16_bit_samples_rounded_with_a_message() {
    let place = Place::new();
    let white =
        |alpha: u8| DynamicImage::ImageRgba8(drawn((32, 32), |_, _| [255, 255, 255, alpha]));
    save(&place, "opaque.png", &white(255));
    save(&place, "clear.png", &white(0));
    // Over white they look the same, over black they are opposites.
    let said = place.json(&["metrics", "opaque.png", "clear.png", "--json"]);
    assert_eq!(said["transparency"], true);
    assert!(said["metrics"]["psnr_rgb"]["mean"].as_f64().unwrap() < 0.1);
    // Colours under full transparency are never visible.
    let hidden = drawn((32, 32), |x, _| [u8::try_from(x).unwrap(), 9, 99, 0]);
    save(&place, "hidden.png", &DynamicImage::ImageRgba8(hidden));
    let said = place.json(&["metrics", "clear.png", "hidden.png", "--json"]);
    assert!(said["metrics"]["psnr_rgb"]["mean"].as_f64().unwrap() > 99.9);

    let deep = DynamicImage::ImageRgb16(white(255).to_rgb16());
    save(&place, "deep.png", &deep);
    let run = place.ok(&["metrics", "opaque.png", "deep.png"]);
    assert!(run.err.contains("16-bit samples are rounded to 8 bits"), "{}", run.err);
    assert!(String::from_utf8_lossy(&run.out).contains("R 100.000"));
}

#[test]
fn skipped_animation_frames_are_reported() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let input = "testsrc=size=64x48:rate=5:duration=1";
    place.ffmpeg(&["-f", "lavfi", "-i", input, "-f", "apng", "animated.png"]);
    place.ffmpeg(&["-f", "lavfi", "-i", input, "-frames:v", "1", "plain.png"]);
    let encode = |name| place.ok(&["encode", name, "-o", "a.ivf", "--qp", "4", "-y"]).err;
    let err = encode("animated.png");
    assert!(err.contains("skipped all but the first of 5 frames"), "{err}");
    assert!(!encode("plain.png").contains("skipped"));
}
