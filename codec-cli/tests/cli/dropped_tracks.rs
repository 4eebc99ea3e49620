//! If a track cannot be read, the command fails and names a remedy, unless an option drops the track.

use super::audio::tracks;
use super::{Place, Run, has_ffmpeg};

/// Creates a clip with video and audio in MP4, and copies whose video or audio codec is not
/// supported: `hevc.mp4`, `mjpeg.mp4`, `ac3.mp4`.
fn place() -> Place {
    let place = Place::new();
    let clip = ["--size", "64x48", "--fps", "25", "-n", "75"];
    place.ok(&[&["generate", "clapper", "-o", "clap.mkv"], &clip[..]].concat());
    place.ok(&["transcode", "clap.mkv", "-o", "a.mp4", "--speed", "10"]);
    let whole = place.read("a.mp4");
    let silent = ["transcode", "a.mp4", "-o", "silent.mp4", "--no-audio", "--speed", "10"];
    place.ok(&silent);
    let mut bytes = place.read("silent.mp4");
    let entry = bytes.windows(4).position(|kind| kind == b"vp08").unwrap();
    bytes[entry..entry + 4].copy_from_slice(b"hev1");
    std::fs::write(place.path("silent.mp4"), bytes).unwrap();
    for (name, from, to) in [
        ("hevc.mp4", b"vp08", b"hev1"),
        ("mjpeg.mp4", b"vp08", b"jpeg"),
        ("ac3.mp4", b"Opus", b"ac-3"),
    ] {
        let mut bytes = whole.clone();
        let entries: Vec<_> =
            (0..bytes.len() - 4).filter(|&at| bytes[at..].starts_with(from)).collect();
        assert!(!entries.is_empty(), "{name}");
        for at in entries {
            bytes[at..at + 4].copy_from_slice(to);
        }
        std::fs::write(place.path(name), bytes).unwrap();
    }
    place
}

fn refused(place: &Place, words: &[&str], arguments: &[&str]) -> Run {
    let run = place.run(arguments);
    assert_eq!(run.code, 3, "{arguments:?}: {}", run.err);
    for word in words {
        assert!(run.err.contains(word), "{arguments:?}: no {word:?} in: {}", run.err);
    }
    run
}

#[test]
fn unreadable_video_is_an_error_and_not_dropped() {
    let place = place();
    let before = place.names();
    for (file, codec) in [("hevc.mp4", "hevc"), ("mjpeg.mp4", "mjpeg")] {
        let words = [codec, "--no-video", "-f yuv4mpegpipe - | codec encode -"];
        for more in [&[][..], &["--quiet"], &["-b", "300k"], &["-b", "600k"]] {
            let run =
                refused(&place, &words, &[&["transcode", file, "-o", "x.webm"], more].concat());
            assert!(!run.err.contains("audio-bitrate"), "{}", run.err);
        }
        refused(&place, &[codec], &["encode", file, "-o", "x.ivf"]);
    }
    let audio_alone = "-o F.wav";
    for arguments in [&["--md5"][..], &["--null"], &["-o", "x.y4m"], &["-o", "x.yuv"]] {
        refused(&place, &["hevc", audio_alone], &[&["decode", "hevc.mp4"], arguments].concat());
    }
    refused(&place, &["hevc"], &["metrics", "hevc.mp4", "hevc.mp4"]);
    let way_out = "ffmpeg -i silent.mp4 OUT.y4m";
    refused(&place, &["hevc", way_out], &["transcode", "silent.mp4", "-o", "x.webm"]);
    refused(&place, &["hevc"], &["snapshot", "hevc.mp4", "-o", "x.png"]);
    refused(&place, &["hevc"], &["inspect", "hevc.mp4", "-o", "x.json"]);
    refused(&place, &["hevc"], &["bench", "hevc.mp4"]);
    refused(&place, &["hevc"], &["simulate", "hevc.mp4"]);
    assert_eq!(place.names(), before);
}

#[test]
fn tracks_dropped_on_request_are_not_errors() {
    let place = place();
    place.ok(&["transcode", "hevc.mp4", "-o", "a.webm", "--no-video", "-b", "32k"]);
    assert_eq!(tracks(&place, "a.webm")[0]["type"], "audio");
    place.ok(&["decode", "hevc.mp4", "-o", "a.wav"]);
    place.ok(&["metrics", "hevc.mp4", "hevc.mp4", "--audio"]);
    place.ok(&["transcode", "ac3.mp4", "-o", "b.webm", "--no-audio"]);
    assert_eq!(tracks(&place, "b.webm").len(), 1);
    // Video-only formats and commands need no audio.
    place.ok(&["transcode", "ac3.mp4", "-o", "b.ivf"]);
    place.ok(&["decode", "ac3.mp4", "--null"]);
    place.ok(&["metrics", "ac3.mp4", "ac3.mp4"]);
}

#[test]
fn unreadable_audio_is_an_error_too() {
    let place = place();
    let before = place.names();
    let words = ["ac3", "--no-audio", "-f wav - | codec encode -"];
    refused(&place, &words, &["transcode", "ac3.mp4", "-o", "x.webm"]);
    refused(&place, &words, &["transcode", "ac3.mp4", "-o", "x.mp4", "--quiet"]);
    refused(&place, &["ac3"], &["transcode", "ac3.mp4", "-o", "x.opus"]);
    refused(&place, &["ac3"], &["decode", "ac3.mp4", "-o", "x.wav"]);
    refused(&place, &["ac3"], &["metrics", "ac3.mp4", "ac3.mp4", "--audio"]);
    refused(&place, &["ac3"], &["mix", "ac3.mp4", "a.mp4", "-o", "x.wav"]);
    refused(&place, &["ac3"], &["vad", "ac3.mp4"]);
    assert_eq!(place.names(), before);
}

#[test]
#[cfg(feature = "net")]
fn send_loses_no_track() {
    let place = place();
    let there = "udp://127.0.0.1:9";
    for copy in [&[][..], &["--copy"]] {
        refused(&place, &["hevc", "--no-video"], &[&["send", "hevc.mp4", there], copy].concat());
        refused(&place, &["ac3", "--no-audio"], &[&["send", "ac3.mp4", there], copy].concat());
    }
}

#[test]
#[cfg(feature = "serve")]
fn serve_loses_no_track() {
    let place = place();
    let listen = ["--listen", "127.0.0.1:0"];
    refused(&place, &["hevc"], &[&["serve", "hevc.mp4"], &listen[..]].concat());
    refused(&place, &["ac3", "--no-audio"], &[&["serve", "ac3.mp4"], &listen[..]].concat());
}

#[test]
fn further_tracks_of_a_kind_are_not_dropped_silently() {
    if !has_ffmpeg() {
        return;
    }
    let place = place();
    place.ffmpeg(&["-i", "a.mp4", "-map", "0", "-map", "0:a", "-c", "copy", "two.mkv"]);
    let err = place.ok(&["transcode", "two.mkv", "-o", "two.webm", "--speed", "10"]).err;
    assert!(err.contains("using the first of 2 audio tracks"), "{err}");
    let err = place.ok(&["transcode", "two.mkv", "-o", "silent.webm", "--no-audio"]).err;
    assert!(!err.contains("tracks"), "{err}");
    let others = "using the first of 2 audio tracks, not 2";
    for arguments in [
        &["concat", "two.mkv", "two.mkv", "-o", "joined.webm"][..],
        &["transcode", "two.mkv", "-o", "copied.webm", "--copy", "--audio-codec", "opus"],
        &["transcode", "two.mkv", "-o", "chunked.webm", "--chunked"],
        &["chunks", "plan", "two.mkv", "-o", "plan.json"],
    ] {
        let err = place.ok(arguments).err;
        assert!(err.contains(others), "{arguments:?}: {err}");
    }
}

#[test]
fn subtitles_and_attachments_are_named_by_every_command() {
    if !has_ffmpeg() {
        return;
    }
    let place = place();
    let subtitles = "1\n00:00:00,100 --> 00:00:01,000\nhello\n";
    std::fs::write(place.path("s.srt"), subtitles).unwrap();
    let attach = ["-attach", "s.srt", "-metadata:s:t", "mimetype=text/plain"];
    let inputs = ["-i", "a.mp4", "-i", "s.srt", "-map", "0", "-map", "1", "-map", "1"];
    let merge = [&inputs[..], &["-c", "copy"]].concat();
    place.ffmpeg(&[&merge[..], &attach, &["all.mkv"]].concat());
    for arguments in [
        &["transcode", "all.mkv", "-o", "a.webm"][..],
        &["transcode", "all.mkv", "-o", "b.mkv", "--copy"],
        &["transcode", "all.mkv", "-o", "c.webm", "--chunked"],
        &["transcode", "all.mkv", "-o", "d.gif"],
        &["concat", "all.mkv", "all.mkv", "-o", "e.mkv"],
        &["chunks", "plan", "all.mkv", "-o", "plan.json"],
        &["decode", "all.mkv", "-o", "f.wav"],
        &["decode", "all.mkv", "-o", "f.y4m"],
        &["transcode", "all.mkv", "-o", "g.yuv"],
        &["decode", "all.mkv", "-o", "h-%d.png", "-n", "2"],
        &["snapshot", "all.mkv", "-o", "i.gif", "--duration", "0.2"],
        &["probe", "all.mkv"],
    ] {
        let err = place.ok(arguments).err;
        // concat opens its two inputs.
        let count = if arguments[0] == "concat" { 2 } else { 1 };
        for what in ["skipped subtitle track (subrip), 2 times", "skipped attachments"] {
            assert_eq!(err.matches(what).count(), count, "{arguments:?}: {what} in {err}");
        }
    }
}
