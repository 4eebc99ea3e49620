//! Audio that `concat` copies.

use super::{Place, depth, has_ffmpeg};

/// Samples of the audio of a file, decoded by the command to 48 kHz mono.
fn heard(place: &Place, name: &str) -> Vec<i16> {
    place.ok(&["decode", name, "-o", "heard.pcm", "-y"]);
    let bytes = place.read("heard.pcm");
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// The same as ffmpeg decodes it.
fn heard_by_ffmpeg(place: &Place, name: &str) -> Vec<i16> {
    let raw = ["-vn", "-f", "s16le", "-c:a", "pcm_s16le", "-"];
    let bytes = place.ffmpeg(&[&["-i", name][..], &raw].concat());
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn largest_difference(one: &[i16], two: &[i16]) -> u16 {
    one.iter().zip(two).map(|(one, two)| one.abs_diff(*two)).max().unwrap_or(0)
}

/// The audio codecs of a file, and whether each is described as copied.
fn audio(place: &Place, name: &str) -> Vec<String> {
    let probe = place.json(&["probe", name, "--json"]);
    let tracks = probe["tracks"].as_array().unwrap().iter();
    let audio = tracks.filter(|track| track["type"] == "audio");
    audio.map(|track| track["codec"].as_str().unwrap().to_owned()).collect()
}

/// Writes two clips of 2 s with noise, encoded by ffmpeg.
fn write_clips(place: &Place, extension: &str, video: &str, codec: &str) -> [String; 2] {
    [1, 2].map(|seed| {
        let name = format!("{seed}.{extension}");
        let picture = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=2"];
        // Without tones, the output of a codec differs if a decoder begins in another state.
        let noise = format!("anoisesrc=d=2:c=pink:r=48000:a=0.3:seed={seed}");
        let coded = ["-c:v", video, "-g", "25", "-b:v", "100k", "-c:a", codec, "-b:a", "96k"];
        let sound = ["-f", "lavfi", "-i", &noise];
        place.ffmpeg(&[&picture[..], &sound, &coded, &["-shortest", "-y", &name]].concat());
        name
    })
}

#[test]
fn copied_opus_is_exact_at_every_joint() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let [one, two] = write_clips(&place, "webm", "libvpx", "libopus");
    let order = [&one, &two, &two, &one];
    let files: Vec<&str> = order.iter().map(|name| name.as_str()).collect();
    let run = place.ok(&[&["concat"][..], &files, &["-o", "all.webm"]].concat());
    assert!(run.err.contains("audio: opus 48000 Hz mono, copied"), "{}", run.err);
    let whole = heard(&place, "all.webm");
    // The video of ffmpeg's files begins 7 ms after the audio, which therefore ends 7 ms before it.
    let mut expected = heard(&place, &one)[336..].to_vec();
    files[1..].iter().for_each(|file| expected.extend(heard(&place, file)));
    assert_eq!(whole.len(), expected.len());
    assert!(
        largest_difference(&whole, &expected) <= 8,
        "{}",
        largest_difference(&whole, &expected)
    );
    // The resampler of ffmpeg's decoder adds 0.25 ms where the codec's mode changes.
    let theirs = heard_by_ffmpeg(&place, "all.webm");
    assert!(theirs.len().abs_diff(expected.len()) <= 3 * 24, "{}", theirs.len());
    // A copy that begins 7 ms after a joint hides the packets before it.
    let part = ["transcode", "all.webm", "-o", "part.webm", "--copy", "--from", "2"];
    place.ok(&part);
    let (found, rest) = (heard(&place, "part.webm"), &whole[96_000..]);
    assert_eq!(found.len(), rest.len());
    assert!(largest_difference(&found, rest) <= 8, "{}", largest_difference(&found, rest));
    assert!(heard_by_ffmpeg(&place, "part.webm").len().abs_diff(rest.len()) <= 3 * 24);
    // Without video, too.
    let alone = ["concat", &one, &two, "-o", "alone.weba", "--audio-codec", "copy"];
    place.ok(&alone);
    assert_eq!(audio(&place, "alone.weba"), ["opus"]);
    assert!(heard(&place, "alone.weba") == expected[..heard(&place, "alone.weba").len()]);
}

#[test]
fn audio_and_video_stay_together_over_ten_joints() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let clip = ["generate", "clapper", "--size", "160x96", "--fps", "25", "-n", "75"];
    place.ok(&[&clip[..], &["-o", "c.mkv"]].concat());
    for (codec, name, files) in [("opus", "c.webm", 11), ("flac", "f.mkv", 3)] {
        let coded = ["--audio-codec", codec, "--speed", "10", "-y"];
        place.ok(&[&["transcode", "c.mkv", "-o", name][..], &coded].concat());
        let run =
            place.ok(&[&["concat"][..], &vec![name; files], &["-o", "all.mkv", "-y"]].concat());
        assert!(run.err.contains(", copied\n"), "{}", run.err);
        assert_eq!(audio(&place, "all.mkv"), [codec]);
        let once = super::audio::all_distances(&place, name);
        let distances = super::audio::all_distances(&place, "all.mkv");
        assert_eq!((once.len(), distances.len()), (1, files), "{codec}: {distances:?}");
        assert!(distances.iter().all(|d| d.abs() < 0.005), "{codec}: {distances:?}");
        // The same by the sample counts of ffmpeg, without its timestamps.
        let theirs = heard_by_ffmpeg(&place, "all.mkv").len() / channels(&place, "all.mkv");
        assert!(theirs.abs_diff(files * 3 * 48_000) <= 240, "{codec}: {theirs}");
    }
}

fn channels(place: &Place, name: &str) -> usize {
    let probe = place.json(&["probe", name, "--json"]);
    let channels = probe["tracks"][1]["channels"].as_u64().unwrap();
    usize::try_from(channels).unwrap()
}

#[test]
#[cfg(feature = "h264")]
fn aac_is_copied_where_its_priming_can_be_hidden() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let [one, two] = write_clips(&place, "mp4", "libx264", "aac");
    let run = place.ok(&["concat", &one, &two, &one, "-o", "all.mkv"]);
    assert!(run.err.contains("audio: aac 48000 Hz mono, copied"), "{}", run.err);
    assert_eq!(heard(&place, "all.mkv").len(), 3 * 96_000);
    let theirs = heard_by_ffmpeg(&place, "all.mkv");
    assert_eq!(theirs.len(), 3 * 96_000);
    // The first file is decoded from the start; noise of AAC is random after it.
    let first = heard_by_ffmpeg(&place, &one);
    assert_eq!(theirs[..96_000], first[..96_000]);
    // MP4 can hide samples at the start and at the end only.
    let run = place.ok(&["concat", &one, &two, "-o", "all.mp4"]);
    let why = "encoding the audio: mp4 cannot signal the codec delay of 2.mp4 after another file";
    let end = "encoding the audio: mp4 cannot signal the discard padding of 1.mp4";
    assert!(run.err.contains(why) || run.err.contains(end), "{}", run.err);
    assert_eq!(audio(&place, "all.mp4"), ["opus"]);
    let must = ["concat", &one, &two, "-o", "no.mp4", "--audio-codec", "copy"];
    let run = place.fails(2, "cannot copy the audio: mp4 cannot signal", &must);
    assert!(run.err.contains("help: omit --audio-codec copy"), "{}", run.err);
}

#[test]
fn audio_that_differs_is_encoded_with_the_reason() {
    let place = Place::new();
    let clip = ["--size", "64x48", "--fps", "25", "-n", "25"];
    place.ok(&[&["generate", "clapper", "-o", "c.mkv"][..], &clip].concat());
    for (name, more) in [
        ("a.mkv", &["--audio-codec", "opus"][..]),
        ("mono.mkv", &["--audio-codec", "opus", "--channels", "2"]),
        ("f.mkv", &["--audio-codec", "flac"]),
        ("s.mkv", &["--no-audio"]),
    ] {
        place.ok(&[&["transcode", "c.mkv", "-o", name, "--speed", "10"][..], more].concat());
    }
    for (inputs, why) in [
        (["a.mkv", "f.mkv"], "a.mkv has opus audio, and f.mkv has flac"),
        (
            ["a.mkv", "mono.mkv"],
            "the audio of a.mkv is 48000 Hz mono, that of mono.mkv is 48000 Hz stereo",
        ),
        (["a.mkv", "s.mkv"], "s.mkv has no audio track 1"),
        (["c.mkv", "c.mkv"], "pcm s16le audio is uncompressed"),
    ] {
        let join = ["concat", inputs[0], inputs[1], "-o", "o.mkv", "-y"];
        let run = place.ok(&join);
        assert!(run.err.contains(&format!("encoding the audio: {why}")), "{}", run.err);
        place.fails(2, "cannot copy", &[&join[..], &["--audio-codec", "copy"]].concat());
    }
    // Audio options require an encoder.
    let rate = ["concat", "a.mkv", "a.mkv", "-o", "o.mkv", "-y", "--audio-bitrate", "32k"];
    let run = place.ok(&rate);
    assert!(
        run.err.contains("encoding the audio: an option of the audio encoder is given"),
        "{}",
        run.err
    );
    // The header of FLAC states the length of a file, which does not matter.
    place.ok(&["transcode", "f.mkv", "-o", "g.mkv", "--speed", "10", "--to", "0.48"]);
    let run = place.ok(&["concat", "f.mkv", "g.mkv", "f.mkv", "-o", "o.mkv", "-y"]);
    assert!(run.err.contains("flac 48000 Hz mono, copied"), "{}", run.err);
    let expected = [heard(&place, "f.mkv"), heard(&place, "g.mkv"), heard(&place, "f.mkv")];
    assert!(heard(&place, "o.mkv") == expected.concat());
}
