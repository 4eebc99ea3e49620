//! `--audio` chooses one of several audio tracks, by number or by language.

use super::{Place, depth, has_ffmpeg};

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
    if depth::skips_long() {
        return;
    }
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
    let named = "using the first of 3 audio tracks, not 2 (ger), 3 (";
    assert!(run.err.contains(named), "{}", run.err);
    let run = place.ok(&["transcode", "three.mkv", "-o", "a.webm", "-y", "--audio", "1"]);
    assert!(!run.err.contains("using the first"), "{}", run.err);
    let refused = |code: i32, word: &str, input: &str, choice: &str| {
        place.fails(code, word, &["transcode", input, "-o", "x.webm", "--audio", choice])
    };
    let run = refused(3, "no audio track number 4", "three.mkv", "4");
    assert!(
        run.err.contains("help: choose one of the tracks 1 (eng), 2 (ger), 3 ("),
        "{}",
        run.err
    );
    refused(3, "no audio track in fr", "three.mkv", "fr");
    refused(3, "clip.webm: no audio track, but --audio selects one", "clip.webm", "1");
    refused(3, "clip.y4m: no audio track, but --audio selects one", "clip.y4m", "eng");
    refused(2, "such as eng, or all, or none", "three.mkv", "english");
    refused(2, "1 or higher", "three.mkv", "0");
    let both = ["transcode", "three.mkv", "-o", "x.wav", "--audio", "none"];
    place.fails(2, "neither video nor audio", &both);
    assert!(!place.has("x.webm") && !place.has("x.wav"));
}

/// The codecs and languages of the audio tracks of a file.
fn described(place: &Place, file: &str) -> Vec<(String, String)> {
    let probe = place.json(&["probe", file, "--json"]);
    let tracks = probe["tracks"].as_array().unwrap().iter().filter(|one| one["type"] == "audio");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    tracks.map(|track| (text(&track["codec"]), text(&track["language"]))).collect()
}

#[test]
fn all_tracks_are_kept_with_their_languages() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    let languages = ["eng", "ger", ""];
    let check = |output: &str, codec: &str| {
        let found = described(&place, output);
        let stated = |language: &str| language.trim_start_matches("und").to_owned();
        let found: Vec<_> = found.iter().map(|(c, l)| (c.as_str(), stated(l))).collect();
        assert_eq!(found, languages.map(|language| (codec, language.to_owned())), "{output}");
        for (number, hertz) in [("1", 400), ("2", 800), ("3", 1600)] {
            place.ok(&["decode", output, "-o", "out.wav", "-y", "--audio", number]);
            let found = frequency(&place.read("out.wav"));
            assert!(found.abs_diff(hertz) < 3, "{output} {number}: {found} Hz");
        }
    };
    for input in ["three.mkv", "three.mp4"] {
        for output in ["o.webm", "o.mkv", "o.mp4"] {
            let all = ["transcode", input, "-o", output, "-y", "--audio", "all"];
            let variants: [&[&str]; 5] = [
                &["--preset", "rtc", "-c", "vp9"],
                &["--copy"],
                &["--preset", "rtc", "-c", "vp9", "--audio-bitrate", "48k"],
                &["--speed", "10", "--chunked", "-c", "vp9"],
                &["--preset", "rtc", "-c", "vp9", "--from", "0.2", "--to", "1.9"],
            ];
            for more in variants {
                let run = place.ok(&[&all[..], more].concat());
                let named = if more.contains(&"48k") { "2 (ger): opus" } else { "; 2 (ger): " };
                assert!(run.err.contains(named), "{more:?}: {}", run.err);
                check(output, "opus");
            }
        }
    }
    // From a pipe, to fragments, and the audio of another file.
    let piped = ["transcode", "-", "-o", "p.mp4", "--audio", "all", "--fragmented", "-c", "vp9"];
    let run = place.feed(&piped, &place.read("three.mkv"));
    assert_eq!(run.code, 0, "{}", run.err);
    check("p.mp4", "opus");
    let from = ["transcode", "clip.webm", "-o", "f.mkv", "--audio-from", "three.mp4", "--copy"];
    place.ok(&[&from[..], &["--audio", "all"]].concat());
    check("f.mkv", "opus");
    // Without video, also longer than a second without the other tracks.
    place.ok(&["transcode", "three.mkv", "-o", "a.mkv", "--no-video", "--audio", "all"]);
    check("a.mkv", "opus");
}

#[test]
fn all_tracks_need_an_output_that_holds_several() {
    let Some(place) = place() else { return };
    for output in ["x.wav", "x.opus"] {
        let all = ["transcode", "three.mkv", "-o", output, "--audio", "all"];
        let run = place.fails(2, "holds one audio track, and the input has 3", &all);
        assert!(run.err.contains("--audio N"), "{}", run.err);
        assert!(!place.has(output));
    }
    // A single track is all tracks.
    place.ok(&["transcode", "three.mkv", "-o", "one.mkv", "--audio", "2", "--copy"]);
    place.ok(&["transcode", "one.mkv", "-o", "one.opus", "--audio", "all"]);
    place.ok(&["transcode", "clip.webm", "-o", "none.webm", "--audio", "all", "--preset", "rtc"]);
    place.fails(
        2,
        "(1 or higher), or a language",
        &["decode", "one.mkv", "-o", "x.wav", "--audio", "all"],
    );
}

#[test]
fn joined_files_keep_the_chosen_tracks() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    let join = ["concat", "three.mkv", "three.mp4", "-o", "j.mkv", "-y", "--audio"];
    // In the first and in the second file.
    let heard = |number: &str| {
        [("0.1", "1.8"), ("2.2", "3.8")].map(|(from, to)| {
            let part = ["--from", from, "--to", to, "-o", "out.wav", "-y"];
            place.ok(&[&["decode", "j.mkv", "--audio", number], &part[..]].concat());
            frequency(&place.read("out.wav"))
        })
    };
    for (choice, hertz, language) in [("2", 800, "ger"), ("de", 800, "ger"), ("1", 400, "eng")] {
        let run = place.ok(&[&join[..], &[choice]].concat());
        assert!(!run.err.contains("using the first"), "{}", run.err);
        assert!(heard("1").iter().all(|found| found.abs_diff(hertz) < 3), "{choice}");
        assert_eq!(described(&place, "j.mkv"), [("opus".to_owned(), language.to_owned())]);
    }
    for more in [&["all"][..], &["all", "--speed", "10", "--resize", "64x48"]] {
        place.ok(&[&join[..], more].concat());
        for (number, hertz) in [("1", 400), ("2", 800), ("3", 1600)] {
            let found = heard(number);
            assert!(found.iter().all(|found| found.abs_diff(hertz) < 3), "{number}: {found:?}");
        }
        let languages = described(&place, "j.mkv").into_iter().map(|(_, language)| language);
        assert_eq!(languages.collect::<Vec<_>>()[..2], ["eng", "ger"]);
    }
    place.ok(&[&join[..], &["none"]].concat());
    assert!(described(&place, "j.mkv").is_empty());

    place.ok(&["transcode", "three.mkv", "-o", "one.mkv", "--audio", "2", "--copy"]);
    let run = place.ok(&["concat", "one.mkv", "three.mkv", "-o", "j.webm", "--audio", "all"]);
    assert!(run.err.contains("one.mkv: no audio track 3: adding silence"), "{}", run.err);
    let differ = "audio track 1 gets no language: it is ger in one.mkv and eng in three.mkv";
    assert!(run.err.contains(differ), "{}", run.err);
    assert_eq!(described(&place, "j.webm").len(), 3);
    // Two codes of one language.
    place.ok(&["transcode", "one.mkv", "-o", "deu.mkv", "--copy"]);
    let bytes = place.read("deu.mkv");
    let at = bytes.windows(3).position(|code| code == b"ger").unwrap();
    let bytes = [&bytes[..at], b"deu", &bytes[at + 3..]].concat();
    std::fs::write(place.path("deu.mkv"), bytes).unwrap();
    let run = place.ok(&["concat", "one.mkv", "deu.mkv", "-o", "j.webm", "-y"]);
    assert!(!run.err.contains("gets no language"), "{}", run.err);
    assert_eq!(described(&place, "j.webm"), [("opus".to_owned(), "ger".to_owned())]);

    let refused = |code: i32, word: &str, output: &str, choice: &str| {
        let join = ["concat", "three.mkv", "three.mkv", "-o", output, "--audio", choice];
        place.fails(code, word, &join);
        assert!(!place.has(output));
    };
    refused(3, "no audio track number 4", "x.webm", "4");
    refused(2, "holds one audio track, and the input has 3", "x.wav", "all");
    refused(2, "--audio cannot be used with ivf output", "x.ivf", "2");
    refused(2, "such as eng, or all, or none", "x.webm", "english");
}
