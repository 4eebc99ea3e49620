//! JPEG, PNG and WebP, in and out.

use std::fs;
use std::process::Command;

use image::{DynamicImage, ImageFormat, RgbImage};

use super::Place;

fn write(place: &Place, name: &str, bytes: &[u8]) {
    fs::write(place.path(name), bytes).unwrap();
}

fn dimensions(place: &Place, name: &str) -> (u32, u32) {
    let image = image::load_from_memory(&place.read(name)).unwrap();
    (image.width(), image.height())
}

#[test]
fn every_kind_of_still_is_written_and_read_again() {
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
fn lossless_webp_loses_nothing() {
    let place = Place::with_clip("talking-head", "64x48", 1);
    place.ok(&["snapshot", "clip.y4m", "-o", "a.png"]);
    place.ok(&["snapshot", "clip.y4m", "-o", "a.webp", "--lossless"]);
    let rgb = |name: &str| image::load_from_memory(&place.read(name)).unwrap().into_rgb8();
    assert_eq!(rgb("a.png"), rgb("a.webp"));
    place.fails(2, "no quality", &["snapshot", "clip.y4m", "-o", "b.png", "-q", "3"]);
    place.fails(2, "JPEG", &["snapshot", "clip.y4m", "-o", "b.jpg", "--lossless"]);
    place.fails(2, "stills", &["encode", "clip.y4m", "-o", "b.ivf", "--lossless"]);
}

/// Another decoder gives the very samples that ours gives for our lossy WebP.
#[test]
fn ffmpeg_reads_our_lossy_webp_as_we_do() {
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
fn a_video_is_no_still_and_a_bomb_is_refused_before_it_is_unpacked() {
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
