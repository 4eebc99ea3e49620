//! `--add-audio`: adds audio tracks of other files to the audio of the input.

use super::audio::tracks;
use super::audio_from::{bytes_of, place, samples};
use super::{Place, has_ffmpeg};

/// The samples of an audio track as 16-bit numbers.
fn heard(place: &Place, file: &str, track: &str) -> Vec<u8> {
    place.ok(&["decode", file, "-o", "track.wav", "-y", "--audio", track]);
    samples(place, "track.wav")
}

/// Number of audio tracks.
fn count(place: &Place, file: &str) -> usize {
    tracks(place, file).iter().filter(|track| track["type"] == "audio").count()
}

#[test]
fn the_audio_of_other_files_is_added() {
    let place = place(2);
    place.ok(&["generate", "tone", "-n", "60", "-o", "tone.wav"]);
    let (sweep, tone) = (samples(&place, "sweep.wav"), samples(&place, "tone.wav"));
    let own = samples(&place, "clip.mkv");
    let flac = ["--audio-codec", "flac", "--speed", "10", "-y", "-o", "out.mkv"];
    let add = ["--add-audio", "sweep.wav", "--add-audio", "tone.wav"];
    let run = place.ok(&[&["transcode", "clip.mkv"], &flac[..], &add].concat());
    assert!(!run.err.contains("warning"), "{}", run.err);
    assert_eq!(count(&place, "out.mkv"), 3);
    assert!(heard(&place, "out.mkv", "1") == own);
    assert!(heard(&place, "out.mkv", "2") == sweep && heard(&place, "out.mkv", "3") == tone);

    // In place of the audio, and for an input that has no audio.
    let replaced = ["--audio-from", "tone.wav", "--add-audio", "sweep.wav"];
    place.ok(&[&["encode", "clip.mkv"], &flac[..], &replaced].concat());
    assert!(heard(&place, "out.mkv", "1") == tone && heard(&place, "out.mkv", "2") == sweep);
    place.ok(&[&["transcode", "silent.mkv"], &flac[..], &add[..2]].concat());
    assert_eq!(count(&place, "out.mkv"), 1);
    assert!(heard(&place, "out.mkv", "1") == sweep);

    // All tracks are cut at the same times, also by chunks.
    let cut = ["--from", "480ms", "--to", "1480ms"];
    for more in [&[][..], &["--chunked"]] {
        place.ok(&[&["transcode", "clip.mkv"], &flac[..], &add[..2], &cut, more].concat());
        assert!(heard(&place, "out.mkv", "1") == own[bytes_of(480)..bytes_of(1480)], "{more:?}");
        assert!(heard(&place, "out.mkv", "2") == sweep[bytes_of(480)..bytes_of(1480)], "{more:?}");
    }
    let size = ["--size", "80k", "--speed", "10", "--audio-bitrate", "32k"];
    place.ok(&[&["transcode", "clip.mkv", "-o", "a.webm"], &size[..], &add].concat());
    assert!(place.read("a.webm").len() <= 80_000);
    assert_eq!(count(&place, "a.webm"), 3);
}

#[test]
fn copies_keep_the_video_and_the_audio() {
    let place = place(3);
    place.ok(&["transcode", "clip.mkv", "-o", "clip.webm", "-g", "25", "--speed", "10"]);
    let own = samples(&place, "clip.webm");
    for output in ["copy.webm", "copy.mkv", "copy.mp4"] {
        let add = ["transcode", "clip.webm", "-o", output, "--add-audio", "sweep.wav", "--copy"];
        let run = place.ok(&add);
        // The audio of the input is not cut.
        let cut = "audio track 2: the audio is longer than the video, and is cut at 2.000 s";
        assert!(run.err.contains(cut) && !run.err.contains("track 1"), "{}", run.err);
        let md5 = |name: &str| place.ok(&["decode", name, "--md5"]).out;
        assert_eq!(md5("clip.webm"), md5(output), "{output}");
        assert!(heard(&place, output, "1") == own, "{output}");
        let length = heard(&place, output, "2").len();
        assert!(length.abs_diff(bytes_of(2000)) < bytes_of(3), "{output}: {length}");
    }
    let part = ["--copy", "--from", "1.2", "--add-audio", "sweep.wav"];
    place.ok(&[&["transcode", "clip.webm", "-o", "part.webm"], &part[..]].concat());
    for track in ["1", "2"] {
        let length = heard(&place, "part.webm", track).len();
        assert!(length.abs_diff(bytes_of(1000)) < bytes_of(30), "{track}: {length}");
    }
}

#[test]
fn all_tracks_of_the_file_are_added_with_their_languages() {
    if !has_ffmpeg() {
        return;
    }
    let place = place(2);
    place.ok(&["generate", "tone", "-n", "60", "-o", "tone.wav"]);
    let inputs = ["-i", "tone.wav", "-i", "sweep.wav", "-map", "0", "-map", "1", "-c", "copy"];
    let languages = ["-metadata:s:a:0", "language=fre", "-metadata:s:a:1", "language=ger"];
    place.ffmpeg(&[&inputs[..], &languages, &["two.mkv"]].concat());
    let one = ["-i", "clip.mkv", "-c", "copy", "-metadata:s:a:0", "language=eng", "en.mkv"];
    place.ffmpeg(&one);
    for more in [&["--speed", "10"][..], &["--copy"]] {
        for output in ["a.mkv", "a.webm", "a.mp4"] {
            if more == ["--copy"] && output != "a.mkv" {
                continue;
            }
            let add = ["transcode", "en.mkv", "-o", output, "-y", "--add-audio", "two.mkv"];
            place.ok(&[&add[..], more].concat());
            let tracks = tracks(&place, output);
            let audio = tracks.iter().filter(|track| track["type"] == "audio");
            let languages: Vec<_> = audio.map(|track| track["language"].as_str()).collect();
            assert_eq!(languages, [Some("eng"), Some("fre"), Some("ger")], "{output} {more:?}");
        }
    }
}

#[test]
fn files_and_outputs_that_do_not_fit_are_named() {
    let place = place(1);
    let before = place.names();
    let refused = |code: i32, word: &str, file: &str, arguments: &[&str]| {
        let command = ["transcode", "clip.mkv", "--add-audio", file];
        place.fails(code, word, &[&command[..], arguments].concat());
    };
    refused(3, "silent.mkv: no audio", "silent.mkv", &["-o", "a.webm"]);
    refused(3, "silent.mkv: no audio", "silent.mkv", &["-o", "a.mkv", "--copy"]);
    refused(3, "cannot open missing.wav", "missing.wav", &["-o", "a.webm"]);
    for output in [&["-o", "a.ivf"][..], &["-o", "a.opus"], &["-o", "a.webm", "--no-video"]] {
        refused(2, "cannot add the audio of sweep.wav", "sweep.wav", output);
        refused(2, "webm, mkv, mp4 or ts", "sweep.wav", &[output, &["--copy"]].concat());
    }
    let none = ["-o", "a.webm", "--audio", "none"];
    refused(2, "cannot add the audio of sweep.wav", "sweep.wav", &none);
    refused(2, "cannot be used with", "sweep.wav", &["-o", "a.webm", "--no-audio"]);
    refused(2, "--add-audio cannot be used with y4m", "sweep.wav", &["-o", "a.y4m"]);
    refused(2, "--add-audio cannot be used with GIF", "sweep.wav", &["-o", "a.gif"]);
    refused(2, "standard input", "-", &["-o", "a.webm", "--audio-from", "-"]);
    let same = ["-o", "sweep.wav", "-f", "webm", "-y"];
    refused(2, "same file as sweep.wav", "sweep.wav", &same);
    let audio = ["transcode", "sweep.wav", "-o", "a.webm", "--add-audio", "sweep.wav"];
    place.fails(2, "the audio of sweep.wav requires video", &audio);
    assert_eq!(place.names(), before);
}
