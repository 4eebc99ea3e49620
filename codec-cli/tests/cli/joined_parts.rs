//! `concat` with parts of files, and `probe` of a part.

use serde_json::Value;

use super::{Place, has_ffmpeg, y4m_frames};

/// Writes `a.webm`: 4 s of 25 frames per second, with a key frame every second.
fn place() -> Place {
    let place = Place::new();
    let clip = ["generate", "clapper", "-o", "c.mkv", "--size", "160x96", "--fps", "25"];
    place.ok(&[&clip[..], &["-n", "100"]].concat());
    let coded = ["--audio-codec", "opus", "--speed", "10", "-g", "25"];
    place.ok(&[&["transcode", "c.mkv", "-o", "a.webm"][..], &coded].concat());
    place
}

/// The frames of a file, without `from`, and the number of bytes of each.
fn frames(place: &Place, name: &str) -> Vec<Vec<u8>> {
    place.ok(&["decode", name, "-o", "frames.y4m", "-y"]);
    y4m_frames(&place.read("frames.y4m")).into_iter().map(<[u8]>::to_vec).collect()
}

/// The number of frames that the first track of a report shows.
fn shown(probe: &Value) -> u64 {
    let [packets, hidden] =
        ["packets", "not_shown"].map(|name| probe["tracks"][0][name].as_u64().unwrap());
    packets - hidden
}

#[test]
fn parts_between_key_frames_are_joined_without_encoding() {
    let place = place();
    let all = frames(&place, "a.webm");
    let join = ["concat", "a.webm", "--from", "2", "--to", "3", "a.webm", "--from=3", "c.webm"];
    place.ok(&["transcode", "a.webm", "-o", "c.webm", "--copy", "--to", "1"]);
    let run = place.ok(&[&join[..], &["--duration", "400ms", "-o", "j.webm"]].concat());
    assert!(run.err.contains("joining 3 files without encoding"), "{}", run.err);
    assert!(run.err.contains("audio: opus 48000 Hz mono, copied"), "{}", run.err);
    let expected = [&all[50..], &all[..10]].concat();
    assert!(frames(&place, "j.webm") == expected);
    let distances = super::audio::all_distances(&place, "j.webm");
    assert_eq!(distances.len(), 1);
    assert!(distances[0].abs() < 0.005, "{distances:?}");
    let probe = place.json(&["probe", "j.webm", "--json"]);
    for track in 0..2 {
        assert_eq!(probe["tracks"][track]["duration_s"], 2.4, "{probe}");
    }
    if has_ffmpeg() {
        let raw = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"];
        let theirs = place.ffmpeg(&[&["-i", "j.webm"][..], &raw].concat());
        assert!(theirs == expected.concat());
    }
}

#[test]
fn other_parts_are_encoded_with_the_reason() {
    let place = place();
    let join = ["concat", "a.webm", "--from", "1.2", "--to", "2.4", "a.webm", "-o", "j.webm", "-y"];
    for option in [["--speed", "10"], ["--keyint", "20"]] {
        let run = place.ok(&[&join[..], &["--to", "1"], &option].concat());
        let why = format!("encoding them: {} is given", option[0]);
        assert!(run.err.contains(&why), "{}", run.err);
    }
    let run = place.ok(&join);
    let why = "encoding them: a.webm has no key frame at 1.200 s, where its part begins";
    assert!(run.err.contains(why), "{}", run.err);
    let probe = place.json(&["probe", "j.webm", "--json"]);
    assert_eq!(shown(&probe), 130, "{probe}");
    assert_eq!(probe["tracks"][0]["duration_s"], 5.2, "{probe}");
    let distances = super::audio::all_distances(&place, "j.webm");
    assert!(!distances.is_empty() && distances.iter().all(|d| d.abs() < 0.005), "{distances:?}");
    // Raw video, and audio.
    place.ok(&["decode", "a.webm", "-o", "a.y4m", "-n", "20"]);
    let raw = ["concat", "a.y4m", "--from", "0.2", "a.y4m", "--to", "0.2", "-o", "r.mkv"];
    place.ok(&[&raw[..], &["--speed", "10"]].concat());
    assert_eq!(shown(&place.json(&["probe", "r.mkv", "--json"])), 20);
    place.ok(&["generate", "sweep", "-o", "a.wav", "-n", "60"]);
    let audio = ["concat", "a.wav", "--from", "0.5", "--to", "1", "a.wav", "--duration", "0.25"];
    place.ok(&[&audio[..], &["-o", "o.wav"]].concat());
    let samples = |name: &str| {
        place.ok(&["decode", name, "-o", "samples.pcm", "-y"]);
        place.read("samples.pcm")
    };
    let (part, whole) = (samples("o.wav"), samples("a.wav"));
    assert!(part == [&whole[48_000..96_000], &whole[..24_000]].concat(), "{}", part.len());
    for (output, why) in [("p.wav", "the output is audio only"), ("p.webm", "have only audio")] {
        let options = ["-o", output, "--keyint", "20"];
        let run = place.fails(2, "--keyint requires video", &[&audio[..], &options].concat());
        assert!(run.err.contains(why), "{}", run.err);
    }
}

#[test]
#[cfg(feature = "h264")]
fn a_part_does_not_end_within_a_group_of_b_frames() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let x264 = "keyint=25:min-keyint=25:bframes=3:b-adapt=0:scenecut=0";
    let source = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=3", "-pix_fmt", "yuv420p"];
    place.ffmpeg(&[&source[..], &["-c:v", "libx264", "-x264-params", x264, "b.mp4"]].concat());
    let ours = |name: &str| frames(&place, name);
    let all = ours("b.mp4");
    for (to, last, copied) in [("2", 50, true), ("1.48", 37, false)] {
        let join = ["concat", "b.mp4", "--from", "1", "--to", to, "b.mp4", "-o", "j.mp4", "-y"];
        let run = place.ok(&join);
        assert_eq!(run.err.contains("without encoding"), copied, "{}", run.err);
        let why = "b.mp4 has frames that depend on frames after 1.480 s, its end";
        assert_eq!(run.err.contains(why), !copied, "{}", run.err);
        let found = ours("j.mp4");
        assert_eq!(found.len(), last - 25 + 75, "{to}");
        if copied {
            assert!(found == [&all[25..last], &all].concat(), "{to}");
        }
    }
}

#[test]
fn options_of_parts_need_a_file_before_them() {
    let place = place();
    let refused = |word: &str, arguments: &[&str]| {
        let run = place.fails(2, word, &[&["concat"], arguments, &["-o", "no.webm"]].concat());
        assert!(!place.has("no.webm"), "{}", run.err);
    };
    refused("--from is before the first file", &["--from", "1", "a.webm", "a.webm"]);
    refused("--to is given twice for a.webm", &["a.webm", "--to", "1", "--to", "2", "a.webm"]);
    refused(
        "both given for a.webm",
        &["a.webm", "--to", "1", "a.webm", "--duration", "1", "--to", "2"],
    );
    refused("must be after --from 2", &["a.webm", "--from", "2", "--to", "1", "a.webm"]);
    refused("no frame at or after 50", &["a.webm", "--from", "50", "a.webm"]);
    refused("two inputs or more", &["a.webm", "--from", "1"]);
    let late = ["concat", "a.webm", "--to", "60", "a.webm", "-o", "late.webm"];
    let run = place.ok(&late);
    assert!(run.err.contains("the video ends at 4.000 s, before --to 60"), "{}", run.err);
    let audio = ["concat", "a.webm", "--to", "60", "a.webm", "-o", "late.mka"];
    let run = place.ok(&audio);
    assert_eq!(run.err.matches("4.000 s, before --to 60").count(), 1, "{}", run.err);
}

#[test]
fn probe_counts_the_packets_of_a_part() {
    let place = place();
    let part = ["probe", "a.webm", "--from", "1", "--duration", "2"];
    let probe = place.json(&[&part[..], &["--json", "--packets"]].concat());
    let [video, audio] = [&probe["tracks"][0], &probe["tracks"][1]];
    assert_eq!((shown(&probe), video["key_frames"].as_u64()), (50, Some(2)), "{probe}");
    assert_eq!((&video["start_s"], &video["duration_s"]), (&1.into(), &2.into()), "{probe}");
    assert!((99..=101).contains(&audio["packets"].as_u64().unwrap()), "{probe}");
    assert_eq!((&probe["from_s"], &probe["to_s"]), (&1.into(), &3.into()));
    let listed = probe["frames"].as_array().unwrap();
    let sizes = listed.iter().filter(|frame| frame["track"] == 0).map(|frame| &frame["bytes"]);
    let bytes: u64 = sizes.map(|bytes| bytes.as_u64().unwrap()).sum();
    assert_eq!(video["bytes"].as_u64(), Some(bytes));
    let text = place.ok(&part).text();
    assert!(text.contains("webm, 2.0"), "{text}");
    assert!(text.contains("the part from 1.000 s to 3.000 s"), "{text}");
    place.ok(&["decode", "a.webm", "-o", "a.y4m", "-n", "20"]);
    let raw = place.json(&["probe", "a.y4m", "--to", "0.4", "--json"]);
    assert_eq!(raw["tracks"][0]["packets"], 10, "{raw}");
    place.fails(2, "no packet begins in the selected part", &["probe", "a.webm", "--from", "9"]);
    place.fails(2, "must be after", &["probe", "a.webm", "--from", "2", "--to", "1"]);
}
