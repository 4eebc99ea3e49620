//! Tests of copies of packets: decoders show the same frames of a copy as of its input.

use super::{Place, has_ffmpeg};

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
