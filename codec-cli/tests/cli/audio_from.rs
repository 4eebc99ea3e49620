//! `--audio-from`: the video of one file with the audio of another.

use super::audio::tracks;
use super::{Place, has_ffmpeg};

/// Creates `clip.mkv`, two seconds of video with clicks, `silent.mkv` without audio, and `sweep.wav` of `seconds`.
pub(super) fn place(seconds: u32) -> Place {
    let place = Place::new();
    let clip = ["--size", "64x48", "--fps", "25", "-n", "50"];
    place.ok(&[&["generate", "clapper", "-o", "clip.mkv"], &clip[..]].concat());
    place.ok(&["transcode", "clip.mkv", "-o", "silent.mkv", "--copy", "--no-audio"]);
    let frames = (30 * seconds).to_string();
    place.ok(&["generate", "sweep", "-n", &frames, "-o", "sweep.wav"]);
    place
}

/// The samples of a file as 16-bit numbers.
pub(super) fn samples(place: &Place, name: &str) -> Vec<u8> {
    place.ok(&["decode", name, "-o", "heard.wav", "-y"]);
    let wav = place.read("heard.wav");
    let data = wav.windows(4).position(|chunk| chunk == b"data").unwrap() + 8;
    wav[data..].to_vec()
}

/// Bytes of so many milliseconds of samples.
pub(super) fn bytes_of(ms: usize) -> usize {
    48 * ms * 2
}

#[test]
fn the_audio_of_another_file_replaces_that_of_the_input() {
    let place = place(2);
    let sweep = samples(&place, "sweep.wav");
    assert_eq!(sweep.len(), bytes_of(2000));
    let flac = ["--audio-from", "sweep.wav", "--audio-codec", "flac", "--speed", "10", "-y"];
    for (input, command) in [("clip.mkv", "transcode"), ("silent.mkv", "encode")] {
        let run = place.ok(&[&[command, input, "-o", "out.mkv"], &flac[..]].concat());
        assert!(samples(&place, "out.mkv") == sweep, "{input}");
        assert!(!run.err.contains("warning"), "{}", run.err);
        let replaces = run.err.contains("the audio of clip.mkv is replaced by that of sweep.wav");
        assert_eq!(replaces, input == "clip.mkv", "{}", run.err);
    }
    // Frames and audio begin at the same time of both files.
    let cut = ["--from", "480ms", "--to", "1480ms"];
    let run = place.ok(&[&["transcode", "clip.mkv", "-o", "cut.mkv"], &flac[..], &cut].concat());
    assert!(samples(&place, "cut.mkv") == sweep[bytes_of(480)..bytes_of(1480)]);
    assert!(!run.err.contains("warning"), "{}", run.err);
    let skip = ["--skip", "12", "-n", "25"];
    place.ok(&[&["transcode", "clip.mkv", "-o", "skip.mkv"], &flac[..], &skip].concat());
    assert!(samples(&place, "skip.mkv") == sweep[bytes_of(480)..bytes_of(1480)]);
}

#[test]
fn audio_of_another_length_is_cut_or_ends_with_a_warning() {
    let place = place(3);
    let sweep = samples(&place, "sweep.wav");
    let flac = ["--audio-from", "sweep.wav", "--audio-codec", "flac", "--speed", "10", "-y"];
    let run = place.ok(&[&["transcode", "clip.mkv", "-o", "out.mkv"], &flac[..]].concat());
    assert!(run.err.contains("longer than the video, and is cut at 2.000 s"), "{}", run.err);
    assert!(samples(&place, "out.mkv") == sweep[..bytes_of(2000)]);
    place.ok(&["generate", "sweep", "-n", "30", "-o", "sweep.wav", "-y"]);
    let run = place.ok(&[&["transcode", "clip.mkv", "-o", "out.mkv"], &flac[..]].concat());
    let ends = "the audio ends at 1.000 s, before the video, which ends at 2.000 s";
    assert!(run.err.contains(ends), "{}", run.err);
    let track = &tracks(&place, "out.mkv")[0];
    assert!((track["duration_s"].as_f64().unwrap() - 2.0).abs() < 0.05, "{track}");
    let late = ["--from", "1.5", "--speed", "10", "-y"];
    let run = place.ok(&[
        &["transcode", "clip.mkv", "-o", "b.mkv", "--audio-from", "sweep.wav"],
        &late[..],
    ]
    .concat());
    assert!(run.err.contains("no audio in the part from 1.520 s"), "{}", run.err);
    assert_eq!(tracks(&place, "b.mkv").len(), 1);
}

#[test]
fn copies_take_the_audio_of_another_file() {
    let place = place(3);
    place.ok(&["transcode", "clip.mkv", "-o", "clip.webm", "-g", "25", "--speed", "10"]);
    let other = ["--audio-from", "sweep.wav", "--copy"];
    let run = place.ok(&[&["transcode", "clip.webm", "-o", "copy.webm"], &other[..]].concat());
    assert!(run.err.contains("is cut at 2.000 s"), "{}", run.err);
    let md5 = |name: &str| place.ok(&["decode", name, "--md5"]).out;
    assert_eq!(md5("clip.webm"), md5("copy.webm"));
    let length = samples(&place, "copy.webm").len();
    assert!(length.abs_diff(bytes_of(2000)) < bytes_of(2), "{length}");
    let part = ["--from", "1.2"];
    place.ok(&[&["transcode", "clip.webm", "-o", "part.webm"], &other[..], &part].concat());
    let length = samples(&place, "part.webm").len();
    assert!(length.abs_diff(bytes_of(1000)) < bytes_of(2), "{length}");
    place.ok(&["metrics", "clip.webm", "part.webm", "--ref-from", "1", "--min-psnr", "90"]);
}

#[test]
fn audio_chooses_a_track_of_the_other_file() {
    if !has_ffmpeg() {
        return;
    }
    let place = place(2);
    place.ok(&["generate", "tone", "-n", "60", "-o", "tone.wav"]);
    let inputs = ["-i", "tone.wav", "-i", "sweep.wav", "-map", "0", "-map", "1", "-c", "copy"];
    place.ffmpeg(&[&inputs[..], &["-metadata:s:a:1", "language=ger", "two.mkv"]].concat());
    let sweep = samples(&place, "sweep.wav");
    let options = ["--audio-from", "two.mkv", "--audio-codec", "flac", "--speed", "10", "-y"];
    for track in ["2", "de"] {
        let chosen = ["--audio", track];
        place.ok(&[&["transcode", "clip.mkv", "-o", "out.mkv"], &options[..], &chosen].concat());
        assert!(samples(&place, "out.mkv") == sweep, "{track}");
    }
    let missing = ["--audio", "3"];
    let arguments = [&["transcode", "clip.mkv", "-o", "no.mkv"], &options[..], &missing].concat();
    place.fails(3, "two.mkv: no audio track number 3", &arguments);
}

#[test]
fn options_and_files_that_do_not_fit_are_rejected() {
    let place = place(1);
    let before = place.names();
    let refused = |code: i32, word: &str, input: &str, arguments: &[&str]| {
        let command = ["transcode", input, "--audio-from", "sweep.wav"];
        place.fails(code, word, &[&command[..], arguments].concat());
    };
    refused(2, "--no-audio", "clip.mkv", &["-o", "a.webm", "--no-audio"]);
    refused(2, "--no-audio", "clip.mkv", &["-o", "a.webm", "--audio", "none"]);
    refused(2, "--audio-from", "clip.mkv", &["-o", "a.webm", "--no-video"]);
    refused(2, "--audio-from requires output with video", "clip.mkv", &["-o", "a.opus"]);
    refused(2, "ivf output", "clip.mkv", &["-o", "a.ivf"]);
    refused(2, "--audio-from", "clip.mkv", &["-o", "a.ivf", "--copy"]);
    refused(2, "--audio-from", "clip.mkv", &["-o", "a.y4m"]);
    refused(2, "--audio-from", "clip.mkv", &["-o", "a-%d.png"]);
    refused(3, "sweep.wav: no video", "sweep.wav", &["-o", "a.webm"]);
    let other = |file: &str| {
        ["transcode", "clip.mkv", "-o", "a.webm", "--audio-from"]
            .map(str::to_owned)
            .into_iter()
            .chain([file.to_owned()])
            .collect::<Vec<_>>()
    };
    for (code, word, file) in
        [(3, "cannot open missing.wav", "missing.wav"), (3, "silent.mkv", "silent.mkv")]
    {
        let arguments = other(file);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        place.fails(code, word, &arguments);
    }
    let both = ["encode", "-", "--audio-from", "-", "-o", "a.webm"];
    place.fails(2, "only one of IN, --audio-from and --add-audio can be standard input", &both);
    refused(2, "same file as sweep.wav", "clip.mkv", &["-o", "sweep.wav", "-f", "webm", "-y"]);
    assert_eq!(place.names(), before);
}

#[test]
fn a_target_size_includes_the_audio_of_another_file() {
    let place = place(2);
    let size =
        ["--size", "40k", "--audio-from", "sweep.wav", "--audio-bitrate", "32k", "--speed", "10"];
    place.ok(&[&["transcode", "clip.mkv", "-o", "a.webm"], &size[..]].concat());
    assert!(place.read("a.webm").len() <= 40_000);
    assert_eq!(tracks(&place, "a.webm").len(), 2);
}
