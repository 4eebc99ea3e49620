//! `--audio` chooses one of several audio tracks, by number or by language.

use super::{Place, has_ffmpeg};

/// Two seconds of video with tones of 400, 800 and 1600 Hz; the languages are English, German and not stated.
fn place() -> Option<Place> {
    if !has_ffmpeg() {
        return None;
    }
    let place = Place::with_clip("clapper", "64x48", 60);
    place.ok(&["encode", "clip.y4m", "-o", "clip.webm", "--speed", "10", "-c", "vp9"]);
    let tone = |hertz: u32| format!("sine={hertz}:r=48000:d=2");
    let (first, second, third) = (tone(400), tone(800), tone(1600));
    let inputs = [
        &["-i", "clip.webm"][..],
        &["-f", "lavfi", "-i", &first, "-f", "lavfi", "-i", &second, "-f", "lavfi", "-i", &third],
        &["-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:a", "-c:v", "copy"],
        &["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger"],
    ]
    .concat();
    for (codec, name) in [("libopus", "three.mkv"), ("libopus", "three.mp4")] {
        place.ffmpeg(&[&inputs[..], &["-c:a", codec, "-strict", "-2", name]].concat());
    }
    Some(place)
}

/// The frequency of a tone in a WAV file of 16 bits, in Hz.
fn frequency(wav: &[u8]) -> usize {
    let data = wav.windows(4).position(|chunk| chunk == b"data").unwrap() + 8;
    let samples: Vec<i16> =
        wav[data..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    // One second from the middle.
    let middle = &samples[24_000..72_000];
    middle.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count()
}

#[test]
fn tracks_are_chosen_by_number_and_language() {
    let Some(place) = place() else { return };
    let heard = |arguments: &[&str]| {
        place.ok(&[arguments, &["-o", "out.wav", "-y"]].concat());
        frequency(&place.read("out.wav"))
    };
    for file in ["three.mkv", "three.mp4"] {
        for (choice, hertz) in
            [("1", 400), ("2", 800), ("3", 1600), ("eng", 400), ("de", 800), ("deu", 800)]
        {
            for verb in ["decode", "transcode"] {
                let found = heard(&[verb, file, "--audio", choice]);
                assert!(found.abs_diff(hertz) < 3, "{file} {verb} {choice}: {found} Hz");
            }
            // With video: encoded, copied, cut, and from a pipe.
            let encode = ["transcode", file, "-o", "both.mkv", "-y", "--preset", "rtc"];
            for more in [&[][..], &["--copy"], &["--from", "0"]] {
                place.ok(&[&encode[..], &["--audio", choice], more].concat());
                let found = heard(&["decode", "both.mkv"]);
                assert!(found.abs_diff(hertz) < 3, "{file} {choice} {more:?}: {found} Hz");
            }
        }
    }
    let piped = ["transcode", "-", "-o", "both.mkv", "-y", "--preset", "rtc", "--audio", "de"];
    let run = place.feed(&piped, &place.read("three.mkv"));
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(heard(&["decode", "both.mkv"]).abs_diff(800) < 3);

    place.ok(&["transcode", "three.mkv", "-o", "silent.mkv", "--audio", "none", "--preset", "rtc"]);
    let probe = place.json(&["probe", "silent.mkv", "--json"]);
    assert_eq!(probe["tracks"].as_array().unwrap().len(), 1, "{probe}");
}

#[test]
fn the_default_is_named_and_missing_tracks_are_errors() {
    let Some(place) = place() else { return };
    let run = place.ok(&["transcode", "three.mkv", "-o", "a.webm", "--preset", "rtc"]);
    assert!(run.err.contains("using the first of 3 audio tracks"), "{}", run.err);
    let run = place.ok(&["transcode", "three.mkv", "-o", "a.webm", "-y", "--audio", "1"]);
    assert!(!run.err.contains("using the first"), "{}", run.err);
    let refused = |code: i32, word: &str, input: &str, choice: &str| {
        place.fails(code, word, &["transcode", input, "-o", "x.webm", "--audio", choice])
    };
    let run = refused(3, "no audio track number 4", "three.mkv", "4");
    assert!(run.err.contains("help: choose one of 1 (eng), 2 (ger), 3 ("), "{}", run.err);
    refused(3, "no audio track in fr", "three.mkv", "fr");
    refused(3, "clip.webm: no audio track to choose", "clip.webm", "1");
    refused(3, "clip.y4m: no audio track to choose", "clip.y4m", "eng");
    refused(2, "such as 2, or a language, such as eng, or none", "three.mkv", "english");
    refused(2, "count from 1", "three.mkv", "0");
    let both = ["transcode", "three.mkv", "-o", "x.wav", "--audio", "none"];
    place.fails(2, "neither video nor audio", &both);
    assert!(!place.has("x.webm") && !place.has("x.wav"));
}
