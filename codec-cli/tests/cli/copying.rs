//! Copies without re-encoding: the copy decodes to the same frames as its input.

use super::{Place, depth, has_ffmpeg};

/// The decoded frames of a file, without a header.
#[cfg(feature = "h264")]
fn frames(place: &Place, file: &str) -> Vec<u8> {
    place.ok(&["decode", file, "-o", "frames.yuv", "-y"]);
    place.read("frames.yuv")
}

#[test]
#[cfg(feature = "h264")]
fn h264_in_ivf_has_start_codes_and_parameter_sets() {
    let place = Place::with_clip("talking-head", "96x64", 24);
    let coded = ["-c", "h264", "--knob", "bframes=2", "-g", "12"];
    for input in ["a.mp4", "a.mkv"] {
        place.ok(&[&["encode", "clip.y4m", "-o", input][..], &coded].concat());
        let expected = frames(&place, input);
        place.ok(&["transcode", input, "-o", "a.ivf", "--copy", "-y"]);
        assert!(frames(&place, "a.ivf") == expected, "{input}");
        let piped = place.ok(&["transcode", input, "-o", "-", "-f", "ivf", "--copy"]);
        assert_eq!(piped.out[32 + 12..][..5], [0, 0, 0, 1, 0x67], "{input}: parameter sets first");
        std::fs::write(place.path("piped.ivf"), piped.out).unwrap();
        assert!(frames(&place, "piped.ivf") == expected, "{input}");
        // Each of the two key frames can be the first one.
        place.ok(&["transcode", "a.ivf", "-o", "half.ivf", "--copy", "--from", "0.5", "-y"]);
        assert!(frames(&place, "half.ivf") == expected[expected.len() / 2..], "{input}");
        place.ok(&["concat", input, input, "-o", "twice.ivf", "-y"]);
        assert!(frames(&place, "twice.ivf") == [&expected[..], &expected].concat(), "{input}");
        if has_ffmpeg() {
            let raw = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"];
            let theirs = place.ffmpeg(&[&["-i", "a.ivf"][..], &raw].concat());
            assert!(theirs == expected, "{input}");
        }
    }
}

/// Writes `edit.mp4`: 26 of 32 frames are shown, from between two key frames on, and `plain.mp4`
/// with all of them. Both have audio.
#[cfg(feature = "h264")]
fn write_edit(place: &Place) {
    place.ok(&[
        "generate",
        "talking-head",
        "-o",
        "plain.y4m",
        "--size",
        "96x64",
        "-n",
        "32",
        "--fps",
        "25",
    ]);
    let sound = ["-f", "lavfi", "-i", "sine=440:duration=1.28:sample_rate=48000"];
    let x264 = ["-c:v", "libx264", "-g", "16", "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac"];
    let inputs = [&["-i", "plain.y4m"][..], &sound].concat();
    place.ffmpeg(&[&inputs[..], &x264, &["-y", "plain.mp4"]].concat());
    place.ffmpeg(&["-ss", "0.22", "-i", "plain.mp4", "-c", "copy", "-y", "edit.mp4"]);
}

/// The frames that ffmpeg shows.
#[cfg(feature = "h264")]
fn theirs(place: &Place, file: &str) -> Vec<u8> {
    let raw = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"];
    place.ffmpeg(&[&["-i", file][..], &raw].concat())
}

#[cfg(feature = "h264")]
const FRAME_BYTES: usize = 96 * 64 * 3 / 2;

#[test]
#[cfg(feature = "h264")]
fn hidden_frames_stay_hidden_or_are_named() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    write_edit(&place);
    let expected = frames(&place, "edit.mp4");
    assert_eq!(expected.len(), 26 * FRAME_BYTES);
    place.ok(&["transcode", "edit.mp4", "-o", "copy.mp4", "--copy"]);
    assert!(frames(&place, "copy.mp4") == expected && theirs(&place, "copy.mp4") == expected);
    place.ok(&["transcode", "edit.mp4", "-o", "from.mp4", "--copy", "--from", "0"]);
    assert!(theirs(&place, "from.mp4") == expected);
    // What other outputs show is named, and has times from 0.
    let whole = frames(&place, "plain.mp4");
    for (output, format) in [("copy.mkv", "mkv"), ("copy.ivf", "ivf"), ("piped.mp4", "mp4")] {
        let copy = ["transcode", "edit.mp4", "-o", "-", "-f", format, "--copy"];
        let run = if format == "mp4" {
            let run = place.ok(&copy);
            std::fs::write(place.path(output), &run.out).unwrap();
            run
        } else {
            place.ok(&["transcode", "edit.mp4", "-o", output, "--copy"])
        };
        assert!(run.err.contains("6 frames that edit.mp4 hides"), "{output}: {}", run.err);
        assert!(frames(&place, output) == whole && theirs(&place, output) == whole, "{output}");
        if format != "ivf" {
            let probe = place.json(&["probe", output, "--json"]);
            let (video, audio) = (&probe["tracks"][0], &probe["tracks"][1]);
            assert_eq!(video["first_pts"], 0, "{output}: {probe}");
            assert_eq!(audio["first_pts"], 0, "{output}: {probe}");
        }
    }
}

#[test]
#[cfg(feature = "h264")]
fn joined_files_show_no_frames_that_they_hide() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    write_edit(&place);
    let join = |first: &str, second: &str, output: &str| {
        place.ok(&["concat", first, second, "-o", output, "-y"]).err
    };
    // The hidden frames are before the start of the output.
    let said = join("edit.mp4", "plain.mp4", "joined.mp4");
    assert!(said.contains("without encoding their video"), "{said}");
    let expected = [frames(&place, "edit.mp4"), frames(&place, "plain.mp4")].concat();
    assert!(theirs(&place, "joined.mp4") == expected);
    assert!(frames(&place, "joined.mp4") == expected);
    for (first, second, output) in
        [("plain.mp4", "edit.mp4", "joined.mp4"), ("edit.mp4", "plain.mp4", "joined.mkv")]
    {
        let said = join(first, second, output);
        assert!(said.contains("edit.mp4 hides 6 frames"), "{output}: {said}");
        assert_eq!(theirs(&place, output).len(), 58 * FRAME_BYTES, "{output}");
    }
}

#[test]
#[cfg(feature = "h264")]
fn joined_files_are_turned_as_they_are_shown() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    write_edit(&place);
    for (degrees, name) in [("180", "over.mp4"), ("90", "side.mp4")] {
        let rotate = format!("rotate={degrees}");
        let turn = ["-c", "copy", "-metadata:s:v:0", &rotate, "-y", name];
        place.ffmpeg(&[&["-i", "plain.mp4"][..], &turn].concat());
        place.ok(&["decode", name, "-o", &format!("{name}.y4m"), "--rotate=auto"]);
    }
    let similar = |one: &str, two: &str| {
        let found = place.json(&["metrics", one, two, "--json"]);
        assert!(found["psnr_y"].as_f64().unwrap() > 30.0, "{two}: {found}");
    };
    for order in [["plain.mp4", "over.mp4"], ["over.mp4", "plain.mp4"]] {
        let run = place.ok(&["concat", order[0], order[1], "-o", "j.mp4", "-y"]);
        assert!(run.err.contains("the frames are rotated"), "{}", run.err);
        let probe = place.json(&["probe", "j.mp4", "--json"]);
        assert_eq!(probe["tracks"][0]["rotation"], 0, "{probe}");
        for (part, time) in order.into_iter().zip([["--to", "1.28"], ["--from", "1.28"]]) {
            let cut = ["decode", "j.mp4", "-o", "part.y4m", "-y"];
            place.ok(&[&cut[..], &time].concat());
            let expected = if part == "over.mp4" { "over.mp4.y4m" } else { "plain.y4m" };
            similar(expected, "part.y4m");
        }
    }
    // Two files that are turned alike are copied, and keep their rotation.
    let run = place.ok(&["concat", "side.mp4", "side.mp4", "-o", "side2.mp4"]);
    assert!(run.err.contains("without encoding"), "{}", run.err);
    let unlike = ["concat", "plain.mp4", "side.mp4", "-o", "no.webm"];
    let run = place.fails(2, "frames of 64x96 as they are shown", &unlike);
    assert!(run.err.contains("--resize 96x64"), "{}", run.err);
    place.ok(&[&unlike[..], &["--resize", "96x64"]].concat());
}

/// Start and length of the audio that ffmpeg decodes, in milliseconds.
fn heard(place: &Place, file: &str) -> (i64, i64) {
    let mono = ["-vn", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"];
    let bytes = place.ffmpeg(&[&["-i", file][..], &mono].concat()).len();
    let mut ffprobe = std::process::Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "a", "-of", "csv=p=0"]);
    ffprobe.args(["-show_entries", "frame=best_effort_timestamp_time"]);
    let said = ffprobe.arg(file).current_dir(place.dir.path()).output().unwrap().stdout;
    let first = String::from_utf8(said).unwrap();
    let first = first.lines().next().unwrap().trim_end_matches(',').parse::<f64>().unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds")]
    let first = (first * 1000.0).round() as i64;
    (first, i64::try_from(bytes).unwrap() / 96)
}

#[test]
fn copied_audio_begins_at_the_cut() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let sound = ["-f", "lavfi", "-i", "sine=440:duration=4:sample_rate=48000"];
    for (codec, input) in [("aac", "a.mp4"), ("libmp3lame", "m.mkv"), ("libvorbis", "v.mkv")] {
        place.ffmpeg(&[&sound[..], &["-c:a", codec, "-b:a", "64k", "-y", input]].concat());
        for output in ["cut.mkv", "cut.mp4"] {
            if codec == "libvorbis" && output == "cut.mp4" {
                continue;
            }
            let cut = ["--from", "1.04", "--to", "3", "--audio-codec", "copy", "-y"];
            place.ok(&[&["transcode", input, "-o", output, "--no-video"][..], &cut].concat());
            let (start, length) = heard(&place, output);
            let case = format!("{codec} in {output}: {start} ms, {length} ms");
            assert!((0..30).contains(&start), "{case}");
            assert!((1930..1990).contains(&length), "{case}");
        }
    }
}

/// A file with two audio tracks of the codec, whose titles are Main and Other.
fn write_tracks(place: &Place, codecs: [&str; 2], output: &str) {
    place.ok(&["generate", "clapper", "-o", "clip.ivf", "--size", "96x64", "-n", "32", "-y"]);
    let sound = ["-f", "lavfi", "-i", "sine=440:duration=1:sample_rate=48000"];
    let maps = ["-map", "0", "-map", "1", "-map", "1", "-c:v", "copy"];
    let names = ["-metadata:s:a:0", "title=Main", "-metadata:s:a:1", "title=Other"];
    let flags = ["-disposition:a:0", "default", "-disposition:a:1", "0"];
    let audio = ["-c:a:0", codecs[0], "-c:a:1", codecs[1], "-y", output];
    let parts = [&["-i", "clip.ivf"][..], &sound, &maps, &names, &flags, &audio];
    place.ffmpeg(&parts.concat());
}

#[test]
fn titles_and_default_flags_of_audio_tracks_are_kept() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    write_tracks(&place, ["libopus", "libopus"], "in.mkv");
    let mut input = "in.mkv".to_owned();
    for output in ["a.mkv", "b.webm", "c.mp4", "d.mkv"] {
        place.ok(&["transcode", &input, "-o", output, "--copy", "--audio", "all"]);
        let tracks = place.json(&["probe", output, "--json"])["tracks"].clone();
        let found: Vec<_> = [1, 2].map(|at| (&tracks[at]["title"], &tracks[at]["default"])).into();
        assert!(found[0].0 == "Main" && found[0].1 == true, "{output}: {tracks}");
        assert!(found[1].0 == "Other" && found[1].1 == false, "{output}: {tracks}");
        output.clone_into(&mut input);
    }
    // The only track is a default one, also if it was not before; encoded tracks keep the title.
    let one = ["--audio", "2", "--audio-bitrate", "32k"];
    place.ok(&[&["transcode", "in.mkv", "-o", "one.mp4", "--copy"][..], &one].concat());
    let track = place.json(&["probe", "one.mp4", "--json"])["tracks"][1].clone();
    assert!(track["title"] == "Other" && track["default"] == true, "{track}");
}

#[test]
fn copies_of_all_tracks_encode_what_the_output_cannot_hold() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    write_tracks(&place, ["flac", "libvorbis"], "in.mkv");
    let run = place.ok(&["transcode", "in.mkv", "-o", "out.mp4", "--copy", "--audio", "all"]);
    assert!(run.err.contains("audio track 2 is encoded: mp4 cannot hold vorbis"), "{}", run.err);
    let tracks = place.json(&["probe", "out.mp4", "--json"])["tracks"].clone();
    let codecs = [0, 1, 2].map(|at| tracks[at]["codec"].as_str().unwrap().to_owned());
    assert_eq!(codecs, ["vp8", "flac", "opus"]);
    // Uncompressed audio is copied, too; a single track is copied or refused.
    write_tracks(&place, ["pcm_s16le", "flac"], "pcm.mkv");
    place.ok(&["transcode", "pcm.mkv", "-o", "out.mkv", "--copy", "--audio", "all"]);
    let tracks = place.json(&["probe", "out.mkv", "--json"])["tracks"].clone();
    assert_eq!(tracks[1]["codec"], "pcm s16le", "{tracks}");
    place.fails(
        2,
        "cannot copy vorbis",
        &["transcode", "in.mkv", "-o", "x.mp4", "--copy", "--audio", "2"],
    );
}

#[test]
fn names_for_audio_get_no_video() {
    let place = Place::new();
    let clip = ["generate", "clapper", "--size", "96x64", "-n", "32"];
    place.ok(&[&clip[..], &["-o", "clip.webm"]].concat());
    for output in ["a.m4a", "b.mka", "c.weba", "d.M4A"] {
        let run = place.ok(&["transcode", "clip.webm", "-o", output]);
        assert!(run.err.contains("the extension of the output is for audio only"), "{}", run.err);
        place.ok(&["concat", "clip.webm", "clip.webm", "-o", output, "-y"]);
        let tracks = place.json(&["probe", output, "--json"])["tracks"].clone();
        assert_eq!(tracks.as_array().unwrap().len(), 1, "{output}: {tracks}");
        assert_eq!(tracks[0]["type"], "audio", "{output}: {tracks}");
        place.ok(&["transcode", "clip.webm", "-o", output, "--copy", "-y"]);
        let tracks = place.json(&["probe", output, "--json"])["tracks"].clone();
        assert_eq!(tracks[0]["type"], "audio", "{output}: {tracks}");
    }
    place.fails(2, "requires video", &["transcode", "clip.webm", "-o", "x.m4a", "-q", "50"]);
    place.ok(&[&clip[..], &["-o", "g.m4a"]].concat());
    assert_eq!(place.json(&["probe", "g.m4a", "--json"])["tracks"][0]["type"], "audio");
}

#[test]
#[cfg(feature = "h264")]
fn scaled_files_are_turned_as_they_are_shown() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    write_edit(&place);
    let turn = ["-c", "copy", "-metadata:s:v:0", "rotate=90", "-y", "side.mp4"];
    place.ffmpeg(&[&["-i", "plain.mp4"][..], &turn].concat());
    place.ffmpeg(&["-i", "side.mp4", "-vf", "scale=32:48:flags=lanczos", "theirs.y4m"]);
    let found = |output: &str| {
        let probe = place.json(&["probe", output, "--json"]);
        ["width", "height", "rotation"].map(|name| probe["tracks"][0][name].as_u64().unwrap())
    };
    let is_like_ffmpeg = |output: &str| {
        let measured = place.json(&["metrics", "theirs.y4m", output, "--json"]);
        assert!(measured["psnr_y"].as_f64().unwrap() > 28.0, "{output}: {measured}");
    };
    let scaled = ["transcode", "side.mp4", "-o", "o.mp4", "-y", "--speed", "9", "-q", "30"];
    for (more, expected) in [
        (&["--resize", "32x48"][..], [32, 48, 0]),
        (&["--resize", "32x-1"], [32, 48, 0]),
        (&["--pad", "64x128"], [64, 128, 0]),
        (&["--resize", "32x48", "--rotate"], [32, 48, 0]),
        (&["--resize", "48x32", "--rotate=0"], [48, 32, 90]),
        (&[], [96, 64, 90]),
    ] {
        place.ok(&[&scaled[..], more].concat());
        let [width, height, rotation] = found("o.mp4");
        // ffmpeg's flag counts counter-clockwise in some versions.
        let is_flagged = expected[2] > 0;
        assert_eq!(([width, height], rotation > 0), ([expected[0], expected[1]], is_flagged));
        if more.first() == Some(&"--resize") && !is_flagged {
            is_like_ffmpeg("o.mp4");
        }
    }
    place.ok(&["decode", "side.mp4", "-o", "d.y4m", "--resize=32x48"]);
    is_like_ffmpeg("d.y4m");
    // The size of the first frame is that of all frames.
    let first = ["decode", "side.mp4", "-o", "d.y4m", "--resize", "-y"];
    place.ok(&first);
    assert_eq!(found("d.y4m"), [64, 96, 0]);
    place.ok(&[&first[..], &["--rotate=0"]].concat());
    assert_eq!(found("d.y4m")[..2], [96, 64]);
    place.ok(&["concat", "side.mp4", "side.mp4", "--resize", "32x48", "-o", "c.webm"]);
    assert_eq!(found("c.webm"), [32, 48, 0]);
}
