//! The MP4, MOV and Matroska files with H.264 in the test data, transcoded: frames, times, and the
//! offset between audio and video equal those that ffprobe finds in the input.

use std::path::PathBuf;
use std::process::Command;

use super::fragmented::frame_times;
use super::{Place, data, depth, has_ffmpeg};

/// The files with H.264 video.
fn files() -> Vec<PathBuf> {
    let entries = data("containers").and_then(|dir| std::fs::read_dir(dir).ok());
    let paths = entries.into_iter().flatten().map(|entry| entry.unwrap().path());
    let named = paths.filter(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| ["mp4", "mov", "mkv", "m4v"].contains(&extension))
    });
    let is_h264 = |path: &PathBuf| {
        let mut command = Command::new("ffprobe");
        command.args(["-v", "error", "-select_streams", "v", "-show_entries", "stream=codec_name"]);
        let found = command.args(["-of", "csv=p=0"]).arg(path).output().unwrap();
        found.stdout.starts_with(b"h264")
    };
    named.filter(is_h264).collect()
}

#[test]
fn frames_times_and_audio_are_where_ffprobe_finds_them() {
    if depth::skips_long() {
        return;
    }
    if data("containers").is_none() || !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let files = files();
    assert!(files.len() >= 3, "{files:?}");
    for path in files {
        let input = path.to_str().unwrap();
        let video = frame_times(&place, input, "v");
        let audio = frame_times(&place, input, "a");
        for output in ["out.webm", "out.mp4", "parts.mp4"] {
            let fragmented = if output == "parts.mp4" { &["--fragmented"][..] } else { &[] };
            let transcode = ["transcode", input, "-o", output, "--preset", "rtc", "-y"];
            place.ok(&[&transcode[..], fragmented].concat());
            let at = format!("{input} to {output}");
            let ours = frame_times(&place, output, "v");
            assert_eq!(ours.len(), video.len(), "{at}");
            for (ours_s, theirs_s) in ours.iter().zip(&video) {
                let difference = (ours_s - ours[0]) - (theirs_s - video[0]);
                // WebM has milliseconds.
                assert!(difference.abs() < 0.0011, "{at}: {ours_s} s for {theirs_s} s");
            }
            let (Some(first), our_audio) = (audio.first(), frame_times(&place, output, "a")) else {
                continue;
            };
            // A frame of AAC with samples that are not part of the audio is shown whole by ffprobe.
            let offset = (our_audio[0] - ours[0]) - (first - video[0]);
            assert!(offset.abs() < 0.025, "{at}: audio is off by {offset} s");
        }
    }
}
