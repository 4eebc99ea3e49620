//! Image sequences as input and output.

use std::fs;

use image::{DynamicImage, GrayImage, ImageFormat};

use super::audio::tracks;
use super::{Place, y4m_frames};

/// Creates `clip.y4m` and its frames as `f-0001.png` to `f-0006.png`.
fn place(size: &str) -> Place {
    let place = Place::with_clip("talking-head", size, 6);
    place.ok(&["transcode", "clip.y4m", "-o", "f-%04d.png"]);
    place
}

/// The names of all PNG files.
fn images(place: &Place) -> Vec<String> {
    place.names().into_iter().filter(|name| name.ends_with(".png")).collect()
}

#[test]
fn every_frame_is_written_as_a_snapshot_of_it_and_read_as_that_image() {
    for size in ["64x48", "67x51"] {
        let place = place(size);
        let names: Vec<_> = (1..=6).map(|number| format!("f-{number:04}.png")).collect();
        assert_eq!(images(&place), names);
        let run = place.ok(&["decode", "f-%04d.png", "-o", "all.y4m", "--fps", "30"]);
        assert!(!run.err.contains("default"), "{}", run.err);
        let all = place.read("all.y4m");
        let header = String::from_utf8_lossy(&all[..60]).into_owned();
        assert!(header.contains("F30:1"), "{header}");
        assert_eq!(y4m_frames(&all).len(), 6);
        for (frame, name) in names.iter().enumerate() {
            let number = frame.to_string();
            place.ok(&["snapshot", "clip.y4m", "--frame", &number, "-o", "one.png", "-y"]);
            assert_eq!(place.read("one.png"), place.read(name), "{size} {name}");
            place.ok(&["decode", name, "-o", "one.y4m", "-y"]);
            let one = place.read("one.y4m");
            assert!(y4m_frames(&one)[0] == y4m_frames(&all)[frame], "{size} {name}");
        }
    }
}

#[test]
fn sequences_are_encoded_at_25_frames_per_second_or_those_of_fps() {
    let place = place("64x48");
    let run = place.ok(&["encode", "f-%04d.png", "-o", "a.webm", "--preset", "rtc"]);
    assert!(run.err.contains("25 frames per second, the default"), "{}", run.err);
    assert!(run.err.contains("png images"), "{}", run.err);
    place.ok(&["encode", "f-%04d.png", "-o", "b.webm", "--fps", "10", "--preset", "rtc"]);
    let duration = |name: &str| {
        let report = place.json(&["probe", name, "--json"]);
        (report["tracks"][0]["packets"].as_u64(), report["tracks"][0]["duration_s"].as_f64())
    };
    let (packets, seconds) = duration("a.webm");
    assert_eq!(packets, Some(6));
    assert!((seconds.unwrap() - 0.24).abs() < 0.002, "{seconds:?}");
    let (packets, seconds) = duration("b.webm");
    assert_eq!(packets, Some(6));
    assert!((seconds.unwrap() - 0.6).abs() < 0.002, "{seconds:?}");
    let least = ["metrics", "f-%04d.png", "a.webm", "--relative", "--min-psnr", "30"];
    place.ok(&least);
    // Half of 25 frames per second.
    place.ok(&["decode", "f-%04d.png", "-o", "half.y4m", "--fps", "half"]);
    assert_eq!(y4m_frames(&place.read("half.y4m")).len(), 3);
    // A bitrate takes two passes, and a size several.
    place.ok(&["encode", "f-%04d.png", "-o", "c.webm", "-b", "200k", "--verify"]);
    place.ok(&["encode", "f-%04d.png", "-o", "d.webm", "--target", "psnr=35"]);
}

#[test]
fn cuts_and_changes_of_frames_apply_to_sequences() {
    let place = place("64x48");
    place.ok(&["decode", "f-%04d.png", "-o", "all.y4m"]);
    let part = ["--from", "80ms", "--to", "200ms", "-o", "part.y4m"];
    place.ok(&[&["decode", "f-%04d.png"], &part[..]].concat());
    let (all, part) = (place.read("all.y4m"), place.read("part.y4m"));
    assert!(y4m_frames(&part) == y4m_frames(&all)[2..5]);
    place.fails(2, "the video ends at 0.240 s", &["decode", "f-%04d.png", "--from", "1", "--null"]);
    place.ok(&["transcode", "clip.y4m", "-o", "s-%d.png", "--resize", "32x24", "--fps", "half"]);
    let half: Vec<_> = images(&place).into_iter().filter(|name| name.starts_with("s-")).collect();
    assert_eq!(half, ["s-1.png", "s-2.png", "s-3.png"]);
    let small = image::load_from_memory(&place.read("s-1.png")).unwrap();
    assert_eq!((small.width(), small.height()), (32, 24));
    place.ok(&["transcode", "f-%04d.png", "-o", "t-%d.jpg", "-q", "90", "--skip", "1", "-n", "2"]);
    assert!(place.has("t-1.jpg") && place.has("t-2.jpg") && !place.has("t-3.jpg"));
    place.ok(&["snapshot", "f-%04d.png", "--time", "80ms", "-o", "at.png"]);
    place.ok(&["snapshot", "f-0003.png", "-o", "third.png"]);
    assert_eq!(place.read("at.png"), place.read("third.png"));
}

#[test]
fn sequences_begin_at_zero_or_one_and_end_at_a_gap() {
    let place = place("64x48");
    let frames = |arguments: &[&str]| {
        let run = place.ok(&[&["decode", "f-%04d.png", "-o", "a.y4m", "-y"], arguments].concat());
        (y4m_frames(&place.read("a.y4m")).len(), run.err)
    };
    fs::remove_file(place.path("f-0005.png")).unwrap();
    let (count, err) = frames(&[]);
    assert_eq!(count, 4);
    assert!(err.contains("f-0005.png is missing") && err.contains("1 later image"), "{err}");
    // The gap is not reached.
    assert!(!frames(&["-n", "3"]).1.contains("missing"));
    assert_eq!(frames(&["--start-number", "3"]).0, 2);
    fs::copy(place.path("f-0001.png"), place.path("f-0000.png")).unwrap();
    assert_eq!(frames(&[]).0, 5);
    assert_eq!(frames(&["--start-number", "6"]).0, 1);
    let missing = ["decode", "f-%04d.png", "--null", "--start-number", "5"];
    place.fails(3, "the next number is 6", &missing);
    place.fails(3, "no image has the number 0 or 1", &["decode", "g-%04d.png", "--null"]);
    place.fails(3, "missing/f-%d.png", &["decode", "missing/f-%d.png", "--null"]);
    let number = ["decode", "clip.y4m", "--null", "--start-number", "5"];
    place.fails(2, "--start-number requires an image sequence", &number);
}

#[test]
fn the_first_number_of_an_output_is_one_or_that_of_start_number() {
    let place = Place::with_clip("talking-head", "64x48", 2);
    place.ok(&["decode", "clip.y4m", "-o", "a-%d.png", "--start-number", "9"]);
    assert_eq!(images(&place), ["a-10.png", "a-9.png"]);
    place.ok(&["transcode", "a-%d.png", "-o", "100%%-%02d.png", "--start-number", "9"]);
    assert_eq!(images(&place), ["100%-09.png", "100%-10.png", "a-10.png", "a-9.png"]);
    let last = u64::MAX.to_string();
    let end = ["decode", "clip.y4m", "-o", "end-%d.jpg", "--start-number", &last];
    let run = place.fails(2, "no number is left", &end);
    assert!(!run.err.contains("before"), "{}", run.err);
    fs::remove_file(place.path(&format!("end-{last}.jpg"))).unwrap();
    assert_eq!(place.names().len(), 5, "no temporary files: {:?}", place.names());
}

#[test]
fn existing_images_are_not_overwritten() {
    let place = place("64x48");
    fs::remove_file(place.path("f-0001.png")).unwrap();
    let before: Vec<_> = images(&place).iter().map(|name| place.read(name)).collect();
    for command in ["decode", "transcode"] {
        place.fails(2, "f-0002.png already exists", &[command, "clip.y4m", "-o", "f-%04d.png"]);
        // All numbers from the first one on count.
        let later = [command, "clip.y4m", "-o", "f-%04d.png", "-n", "1"];
        place.fails(2, "f-0002.png already exists", &later);
    }
    let after: Vec<_> = images(&place).iter().map(|name| place.read(name)).collect();
    assert!(before == after);
    let run = place.ok(&["decode", "clip.y4m", "-o", "f-%04d.png", "-n", "2", "-y"]);
    let older = "4 images from f-0003.png on existed before";
    assert!(run.err.contains(older), "{}", run.err);
    // An output cannot replace the images that are read.
    let itself = ["transcode", "f-%04d.png", "-o", "f-%d.png", "--start-number", "1000", "-y"];
    fs::copy(place.path("f-0001.png"), place.path("f-1000.png")).unwrap();
    place.fails(2, "cannot write f-1000.png: it is an image of the input f-%04d.png", &itself);
    place.fails(
        2,
        "it is an image of the input",
        &["transcode", "f-%04d.png", "-o", "f-%04d.png", "-y"],
    );
    place.fails(
        2,
        "it is an image of the input",
        &["transcode", "f-%04d.png", "-o", "f-0007.png", "-n", "1", "-y"],
    );
    #[cfg(unix)]
    {
        let (image, link) = (place.path("f-0002.png"), place.path("g-1.png"));
        std::os::unix::fs::symlink(image, link).unwrap();
        let linked = ["transcode", "f-%04d.png", "-o", "g-%d.png", "-y"];
        place.fails(2, "cannot write g-1.png: it is an image of the input f-%04d.png", &linked);
    }
    place.fails(5, "there is no folder new", &["decode", "clip.y4m", "-o", "new/f-%d.png"]);
}

#[test]
fn names_without_a_number_or_with_two_are_rejected_with_the_remedy() {
    let place = Place::with_clip("talking-head", "64x48", 2);
    for command in ["encode", "transcode"] {
        place.fails(2, "-o a-%04d.png", &[command, "clip.y4m", "-o", "a.png"]);
    }
    place.fails(2, "-o a-%04d.png", &["decode", "clip.y4m", "-o", "a.png"]);
    for (name, why) in [("a-%d-%d.png", "two numbers"), ("a-%4d.png", "%04d"), ("a%d%s.jpg", "%%")]
    {
        for command in ["encode", "transcode", "decode"] {
            place.fails(2, why, &[command, "clip.y4m", "-o", name]);
            let output = if command == "decode" { "b.y4m" } else { "b.ivf" };
            place.fails(2, why, &[command, name, "-o", output]);
        }
    }
    assert_eq!(place.names(), ["clip.y4m"]);
    // A file with exactly this name is no sequence.
    place.ok(&["snapshot", "clip.y4m", "-o", "still.png"]);
    fs::rename(place.path("still.png"), place.path("%d.png")).unwrap();
    let report = place.json(&["probe", "%d.png", "--json"]);
    assert_eq!(tracks(&place, "%d.png").len(), 1);
    assert_eq!(report["format"], "png");
}

#[test]
fn options_without_effect_on_images_are_rejected() {
    let place = Place::with_clip("talking-head", "64x48", 2);
    for (flag, value) in [
        ("-b", "100k"),
        ("--speed", "3"),
        ("--report", "r.csv"),
        ("--audio-bitrate", "64k"),
        ("--no-video", ""),
        ("-q", "50"),
    ] {
        let mut arguments = vec!["transcode", "clip.y4m", "-o", "a-%d.png", flag];
        arguments.extend(Some(value).filter(|value| !value.is_empty()));
        place.fails(2, "cannot be used with", &arguments);
    }
    place.fails(2, "--pixels", &["decode", "clip.y4m", "-o", "a-%d.png", "--pixels", "nv12"]);
    place.fails(2, "--samples", &["decode", "clip.y4m", "-o", "a-%d.png", "--samples", "u8"]);
    let kept = ["decode", "clip.y4m", "-o", "a-%d.png", "--skip", "1", "--keep-times"];
    place.fails(2, "--keep-times", &kept);
    place.fails(2, "no frames", &["decode", "clip.y4m", "-o", "a-%d.png", "--skip", "2"]);
    let folder = ["transcode", "clip.y4m", "--out-dir", "d", "--suffix", "-%d.png"];
    place.fails(2, "--out-dir cannot be used with image sequences", &folder);
    let one = ["snapshot", "clip.y4m", "-o", "a-%d.png"];
    place.fails(2, "snapshot saves one frame, and a-%d.png names numbered images", &one);
    assert!(images(&place).is_empty());
}

#[test]
fn the_audio_of_the_input_is_dropped_with_a_message() {
    let place = Place::new();
    place.ok(&["generate", "clapper", "-o", "clap.mkv", "--size", "64x48", "-n", "3"]);
    for command in ["decode", "transcode"] {
        let run = place.ok(&[command, "clap.mkv", "-o", "a-%d.png", "-y"]);
        assert!(run.err.contains("audio dropped: images cannot hold audio"), "{}", run.err);
    }
    let run = place.ok(&["transcode", "clap.mkv", "-o", "a-%d.png", "-y", "--no-audio"]);
    assert!(!run.err.contains("audio"), "{}", run.err);
    place.fails(3, "no audio track", &["transcode", "a-%d.png", "-o", "a.webm", "--audio", "2"]);
}

#[test]
fn images_of_another_size_and_damaged_ones_end_the_sequence() {
    let place = place("64x48");
    place.ok(&["transcode", "f-0004.png", "-o", "small.png", "--resize", "32x24"]);
    fs::rename(place.path("small.png"), place.path("f-0004.png")).unwrap();
    let run =
        place.fails(3, "f-0004.png: the size is 32x24", &["decode", "f-%04d.png", "-o", "a.y4m"]);
    assert!(run.err.contains("but the size of f-0001.png is 64x48"), "{}", run.err);
    let kept = place.read("a.y4m.codec.part");
    assert_eq!(y4m_frames(&kept).len(), 3, "frames before the error are kept");
    let whole = place.read("f-0003.png");
    fs::write(place.path("f-0004.png"), &whole[..whole.len() / 2]).unwrap();
    place.fails(4, "f-0004.png", &["decode", "f-%04d.png", "-o", "b.y4m"]);
    let run = place.ok(&["decode", "f-%04d.png", "-o", "c.y4m", "--conceal"]);
    assert!(run.err.contains("1 packet could not be decoded"), "{}", run.err);
    assert_eq!(y4m_frames(&place.read("c.y4m")).len(), 5);
    fs::write(place.path("f-0004.png"), "text").unwrap();
    place.fails(3, "f-0004.png: unknown image format", &["encode", "f-%04d.png", "-o", "d.ivf"]);
}

#[test]
fn transparency_is_warned_about_once_and_16_bit_samples_are_read_as_in_stills() {
    let place = Place::new();
    for number in 0..3_u8 {
        let grey = GrayImage::from_pixel(32, 32, image::Luma([60 * number]));
        let image = DynamicImage::ImageLuma8(grey);
        let deep = if number == 1 {
            DynamicImage::ImageRgb16(image.to_rgb16())
        } else {
            DynamicImage::ImageRgba8(image.to_rgba8())
        };
        deep.save_with_format(place.path(&format!("a{number}.png")), ImageFormat::Png).unwrap();
    }
    let run = place.ok(&["decode", "a%d.png", "-o", "all.y4m"]);
    assert_eq!(run.err.matches("transparency is ignored").count(), 1, "{}", run.err);
    let all = place.read("all.y4m");
    for number in 0..3 {
        place.ok(&["decode", &format!("a{number}.png"), "-o", "one.y4m", "-y"]);
        assert!(y4m_frames(&place.read("one.y4m"))[0] == y4m_frames(&all)[number], "{number}");
    }
}

#[test]
fn other_commands_read_sequences() {
    let place = place("192x164");
    let report = place.json(&["probe", "f-%04d.png", "--json"]);
    assert_eq!(report["format"], "png images");
    assert_eq!(report["tracks"][0]["packets"], 6);
    let run = place.ok(&["metrics", "f-%04d.png", "f-%04d.png", "--min-ssim", "1"]);
    assert!(
        run.err.contains("compared as YCbCr 4:2:0, because it is treated as video"),
        "{}",
        run.err
    );
    place.ok(&["concat", "f-%04d.png", "f-%04d.png", "-o", "twice.webm", "--preset", "rtc"]);
    assert_eq!(tracks(&place, "twice.webm")[0]["packets"], 12);
    place.fails(3, "images have no packets", &["inspect", "f-%04d.png", "-o", "i.json"]);
    place.fails(
        2,
        "--copy requires encoded video",
        &["transcode", "f-%04d.png", "-o", "c.webm", "--copy"],
    );
}
