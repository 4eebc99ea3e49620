//! MPEG transport streams as output, checked with ffmpeg.

use std::process::Command;

use super::{Place, depth, has_ffmpeg};

const PACKET: usize = 188;

/// Creates `clip.mp4` and `clip.mkv`: H.264 with B frames, and AAC in German.
fn place() -> Option<Place> {
    if !has_ffmpeg() {
        return None;
    }
    let place = Place::with_clip("talking-head", "96x80", 60);
    let inputs = ["-i", "clip.y4m", "-f", "lavfi", "-i", "sine=duration=2"];
    let video = ["-c:v", "libx264", "-bf", "3", "-g", "25"];
    let audio = ["-c:a", "aac", "-metadata:s:a:0", "language=deu", "clip.mp4"];
    place.ffmpeg(&[&inputs[..], &video, &audio].concat());
    place.ffmpeg(&["-i", "clip.mp4", "-c", "copy", "clip.mkv"]);
    Some(place)
}

/// Checks that ffmpeg decodes the whole file without a warning.
fn is_clean(place: &Place, file: &str) {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "warning", "-i", file, "-map", "0", "-f", "null", "-"]);
    let output = command.current_dir(place.dir.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{file}: {said}");
}

/// The packets of a track as ffprobe shows them: these fields of each.
fn packets(place: &Place, file: &str, track: &str, fields: &str) -> Vec<Vec<String>> {
    let mut command = Command::new("ffprobe");
    let entries = format!("packet={fields}");
    command.args(["-v", "warning", "-select_streams", track, "-show_entries", &entries]);
    let output = command.args(["-of", "csv=p=0"]).arg(place.path(file)).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| line.trim_end_matches(','));
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("side_data"));
    lines.map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// Times in seconds, in the order of the file, from the first one that is shown.
fn times(place: &Place, file: &str, track: &str) -> Vec<(f64, f64)> {
    let rows = packets(place, file, track, "pts_time,dts_time");
    let number = |row: &[String], at: usize| row[at].parse::<f64>().unwrap();
    let times: Vec<_> = rows.iter().map(|row| (number(row, 0), number(row, 1))).collect();
    let first = times.iter().map(|time| time.0).fold(f64::MAX, f64::min);
    times.into_iter().map(|(shown, decoded)| (shown - first, decoded - first)).collect()
}

/// Digests of the decoded frames.
fn frames(place: &Place, file: &str) -> Vec<String> {
    let text = place.ok(&["decode", file, "--framemd5"]).text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect()
}

fn assert_near(ours: &[(f64, f64)], theirs: &[(f64, f64)], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (one, other) in ours.iter().zip(theirs) {
        let apart = (one.0 - other.0).abs().max((one.1 - other.1).abs());
        assert!(apart < 0.0015, "{what}: {one:?} instead of {other:?}");
    }
}

#[test]
fn copies_with_b_frames_keep_frames_and_times() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    let expected = frames(&place, "clip.mp4");
    let [video, audio] = ["v", "a"].map(|track| times(&place, "clip.mp4", track));
    assert!(video.iter().any(|(shown, decoded)| shown - decoded > 0.07), "{video:?}");
    for input in ["clip.mp4", "clip.mkv"] {
        place.ok(&["transcode", input, "-o", "copy.ts", "--copy", "-y"]);
        is_clean(&place, "copy.ts");
        assert_eq!(frames(&place, "copy.ts"), expected, "{input}");
        let copied = times(&place, "copy.ts", "v");
        if input == "clip.mp4" {
            assert_near(&copied, &video, input);
        } else {
            // Matroska does not store decoding times.
            assert!(copied.windows(2).all(|pair| pair[0].1 < pair[1].1), "{copied:?}");
            assert!(copied.iter().all(|(shown, decoded)| decoded <= shown), "{copied:?}");
        }
        assert_near(&times(&place, "copy.ts", "a"), &audio, input);
        let keys = |file: &str| packets(&place, file, "v", "flags").concat();
        assert_eq!(keys("copy.ts"), keys("clip.mp4"));
    }
    let probe = place.json(&["probe", "copy.ts", "--json"]);
    assert_eq!(
        (&probe["format"], &probe["tracks"][1]["language"]),
        (&"mpegts".into(), &"deu".into())
    );
    // Out of a transport stream, and into one again.
    place.ok(&["transcode", "clip.mp4", "-o", "copy.ts", "--copy", "-y"]);
    for output in ["again.ts", "back.mp4"] {
        place.ok(&["transcode", "copy.ts", "-o", output, "--copy"]);
        assert_eq!(frames(&place, output), expected, "{output}");
        assert_near(&times(&place, output, "v"), &video, output);
    }
    let content = |file: &str| packets(&place, file, "v", "size");
    assert_eq!(content("again.ts"), content("copy.ts"));
    is_clean(&place, "again.ts");
}

#[test]
fn encoded_tracks_are_read_by_ffmpeg_from_files_and_pipes() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    let encode = ["transcode", "clip.mkv", "--preset", "rtc", "--audio-codec", "opus"];
    place.ok(&[&encode[..], &["-o", "file.ts"]].concat());
    let piped = place.ok(&[&encode[..], &["-o", "-", "-f", "ts"]].concat()).out;
    assert!(piped.len() % PACKET == 0 && piped.len() > 20 * PACKET, "{}", piped.len());
    std::fs::write(place.path("pipe.ts"), piped).unwrap();
    for file in ["file.ts", "pipe.ts"] {
        is_clean(&place, file);
        let probe = place.json(&["probe", file, "--json"]);
        let tracks = probe["tracks"].as_array().unwrap();
        assert_eq!((&tracks[0]["codec"], &tracks[0]["packets"]), (&"h264".into(), &60.into()));
        assert_eq!((&tracks[1]["codec"], &tracks[1]["language"]), (&"opus".into(), &"deu".into()));
        assert_eq!(packets(&place, file, "v", "pts").len(), 60, "{file}");
    }
    assert_eq!(frames(&place, "pipe.ts"), frames(&place, "file.ts"));
    // Six channels.
    let surround = ["-ac", "6", "-c:a", "libopus", "-mapping_family", "1"];
    place.ffmpeg(&[&["-i", "clip.mp4", "-c:v", "copy"], &surround[..], &["six.mkv"]].concat());
    place.ok(&["transcode", "six.mkv", "-o", "six.ts", "--copy"]);
    is_clean(&place, "six.ts");
    let probe = place.json(&["probe", "six.ts", "--json"]);
    assert_eq!(probe["tracks"][1]["channels"], 6, "{probe}");
    // The delay of Opus at the start, and the rest of its last packet, are not heard.
    let [ours, input] = ["file.ts", "clip.mkv"].map(|file| {
        place.ok(&["decode", file, "-o", "audio.wav", "-y"]);
        let probe = place.json(&["probe", "audio.wav", "--json"]);
        probe["tracks"][0]["duration_s"].as_f64().unwrap()
    });
    assert!((ours - input).abs() < 0.001, "{ours} s instead of {input} s");
}

#[test]
fn audio_alone_has_the_clock() {
    let Some(place) = place() else { return };
    place.ffmpeg(&["-i", "clip.mp4", "-vn", "-c:a", "libmp3lame", "tone.mp3"]);
    for (input, options, name) in
        [("clip.mp4", &["--no-video"][..], "aac.ts"), ("tone.mp3", &[], "mp3.ts")]
    {
        place.ok(&[&["transcode", input, "-o", name], options].concat());
        is_clean(&place, name);
        assert_eq!(packets(&place, name, "v", "pts").len(), 0);
        let wanted = times(&place, input, "a");
        // ffprobe does not count the frame of MP3 that has only the description.
        let found = times(&place, name, "a");
        assert!(found.len().abs_diff(wanted.len()) <= 1, "{name}: {}", found.len());
        let bytes = place.read(name);
        let clocks = bytes
            .chunks(PACKET)
            .filter(|packet| packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x10 != 0);
        assert!(clocks.count() >= 50, "{name}");
    }
}

#[test]
fn joined_files_are_transport_streams_too() {
    let Some(place) = place() else { return };
    place.ok(&["concat", "clip.mp4", "clip.mp4", "-o", "twice.ts", "--audio", "1"]);
    is_clean(&place, "twice.ts");
    let expected = frames(&place, "clip.mp4");
    assert_eq!(frames(&place, "twice.ts"), [&expected[..], &expected].concat());
}

#[test]
fn tracks_and_names_that_cannot_be_written_are_refused_by_name() {
    let Some(place) = place() else { return };
    place.ok(&["encode", "clip.y4m", "-o", "vp8.webm", "-c", "vp8", "--preset", "rtc"]);
    let refused = |word: &str, arguments: &[&str]| {
        place.fails(2, word, &[&["transcode"], arguments].concat());
    };
    refused("mpegts cannot hold vp8 video", &["vp8.webm", "-o", "a.ts", "--copy"]);
    refused("help: use .mkv", &["vp8.webm", "-o", "a.ts", "-c", "vp9"]);
    refused("help: use a name ending in .ts", &["clip.mp4", "-o", "a.m2ts"]);
    refused("help: use a name ending in .ts", &["clip.mp4", "-o", "-", "-f", "mts"]);
    place.ffmpeg(&["-i", "clip.mp4", "-c:v", "copy", "-c:a", "flac", "flac.mkv"]);
    refused("cannot copy flac audio", &["flac.mkv", "-o", "a.ts", "--copy"]);
    // A byte stream does not state when B frames are shown.
    place.ok(&["transcode", "clip.mp4", "-o", "clip.h264", "--copy"]);
    for output in ["a.ts", "a.mp4"] {
        refused("B frames", &["clip.h264", "-o", output, "--copy"]);
    }
    let quad = ["-ac", "4", "-c:a", "libopus", "-mapping_family", "255"];
    place.ffmpeg(&[&["-i", "clip.mp4", "-c:v", "copy"], &quad[..], &["four.mkv"]].concat());
    refused("Opus with 4 channels", &["four.mkv", "-o", "a.ts", "--copy"]);
    assert!(place.names().iter().all(|name| !name.starts_with("a.")), "{:?}", place.names());
    // Encoded instead.
    place.ok(&["transcode", "flac.mkv", "-o", "a.ts", "--preset", "rtc"]);
    is_clean(&place, "a.ts");
}

#[test]
fn lost_tags_and_chapters_are_named() {
    let Some(place) = place() else { return };
    place.ffmpeg(&["-i", "clip.mkv", "-c", "copy", "-metadata", "title=Film", "titled.mkv"]);
    let run = place.ok(&["transcode", "titled.mkv", "-o", "a.ts", "--copy"]);
    assert!(run.err.contains("title"), "{}", run.err);
}
