//! Edit lists of MP4: frames outside of the edit are decoded, but not shown.

use super::{Place, data, depth, has_ffmpeg};

/// Decodes the video of a file with the command and with ffmpeg, and returns the number of bytes.
fn compare(place: &Place, file: &str) -> usize {
    place.ok(&["decode", file, "-o", "ours.yuv", "-y", "--rotate=0"]);
    let raw = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"];
    let theirs = place.ffmpeg(&[&["-noautorotate", "-i", file][..], &raw].concat());
    let ours = place.read("ours.yuv");
    assert_eq!(ours.len(), theirs.len(), "{file}");
    assert!(ours == theirs, "{file}");
    ours.len()
}

#[test]
fn the_frames_of_an_edit_are_those_of_ffmpeg() {
    if depth::skips_long() {
        return;
    }
    let Some(dir) = data("containers") else { return };
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    // The edit ends before the last of 106 frames.
    let bytes = compare(&place, &path("sample-in-issue-505.mov"));
    assert_eq!(bytes % 105, 0);
    let whole = compare(&place, &path("h264_aac.mp4"));
    // From a time between two key frames on, with reordered frames.
    for start in ["0.3", "1.7"] {
        let input = path("h264_aac.mp4");
        place.ffmpeg(&["-ss", start, "-i", &input, "-an", "-c", "copy", "-y", "cut.mp4"]);
        let bytes = compare(&place, "cut.mp4");
        assert!(bytes < whole, "{start}");
        place.ok(&["transcode", "cut.mp4", "-o", "cut.webm", "--preset", "rtc", "-y"]);
        let probe = place.json(&["probe", "cut.webm", "--json"]);
        assert_eq!(probe["tracks"][0]["packets"], bytes / (whole / 120), "{start}: {probe}");
    }
}
