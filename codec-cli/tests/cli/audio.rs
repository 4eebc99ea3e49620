//! Audio with and without video: encoded, copied, cut, kept in sync.

use std::process::Command;

use super::{Place, data, depth};

/// Generates a clapper of ten seconds, with flashes and clicks at 2.5, 5.5 and 8.5 s.
fn clapper(place: &Place, name: &str) {
    place.ok(&["generate", "clapper", "-o", name, "--size", "160x96", "--fps", "25", "-n", "250"]);
}

/// The tracks that `probe` finds.
pub(super) fn tracks(place: &Place, name: &str) -> Vec<serde_json::Value> {
    place.json(&["probe", name, "--json"])["tracks"].as_array().unwrap().clone()
}

/// The three offsets of clicks from their flashes in seconds, found with our own decoders.
fn distances(place: &Place, name: &str) -> Vec<f64> {
    let pairs = all_distances(place, name);
    assert_eq!(pairs.len(), 3, "{name}: {pairs:?}");
    pairs
}

/// Like [`distances`], for any number of them.
pub(super) fn all_distances(place: &Place, name: &str) -> Vec<f64> {
    let tracks = tracks(place, name);
    let starts: Vec<f64> = tracks.iter().map(|track| track["start_s"].as_f64().unwrap()).collect();
    let channels = usize::try_from(tracks[1]["channels"].as_u64().unwrap()).unwrap();
    let frames = place.ok(&["decode", name, "-o", "-", "-f", "raw"]).out;
    let picture = 160 * 96 * 3 / 2;
    let white: Vec<bool> = frames.chunks(picture).map(|frame| frame[8000] > 128).collect();
    let flashes = begins(&white).into_iter().map(|frame| starts[0] + frame as f64 / 25.0);
    let sound = place.ok(&["decode", name, "-o", "-", "-f", "s16"]).out;
    let loud: Vec<bool> = sound
        .chunks_exact(2 * 48 * channels)
        .map(|block| {
            let samples = block.chunks_exact(2).map(|s| i16::from_le_bytes([s[0], s[1]]));
            samples.map(i16::unsigned_abs).max() > Some(2000)
        })
        .collect();
    let clicks = begins(&loud).into_iter().map(|ms| starts[1] + ms as f64 / 1000.0);
    flashes.zip(clicks).map(|(flash, click)| click - flash).collect()
}

/// Start of each active run that follows a rest.
fn begins(values: &[bool]) -> Vec<usize> {
    let mut rest = usize::MAX / 2;
    let mut found = Vec::new();
    for (index, &value) in values.iter().enumerate() {
        if value && rest > 20 {
            found.push(index);
        }
        rest = if value { 0 } else { rest + 1 };
    }
    found
}

#[test]
fn video_and_audio_stay_in_sync_through_every_container() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    clapper(&place, "clap.mkv");
    assert!(distances(&place, "clap.mkv").iter().all(|d| d.abs() < 0.0015));
    for name in ["a.webm", "a.mp4", "a.mkv"] {
        place.ok(&["transcode", "clap.mkv", "-o", name, "--audio-codec", "opus", "--speed", "10"]);
        let found = distances(&place, name);
        assert!(found.iter().all(|d| d.abs() < 0.006), "{name}: {found:?}");
        for track in tracks(&place, name) {
            let seconds = track["duration_s"].as_f64().unwrap();
            assert!((seconds - 10.0).abs() < 0.04, "{name}: {seconds}");
        }
    }
    // Packets are copied from one container to the next.
    place.ok(&["transcode", "a.webm", "-o", "b.mp4", "--speed", "10"]);
    let (webm, mp4) = (tracks(&place, "a.webm"), tracks(&place, "b.mp4"));
    assert_eq!(webm[1]["packets"], mp4[1]["packets"]);
    assert_eq!(webm[1]["bytes"], mp4[1]["bytes"]);
    assert!(distances(&place, "b.mp4").iter().all(|d| d.abs() < 0.006));
}

#[test]
fn a_pipe_is_read_once_for_both() {
    let place = Place::new();
    clapper(&place, "clap.mkv");
    let input = place.read("clap.mkv");
    let run = place.feed(&["transcode", "-", "-o", "-", "-f", "webm", "--speed", "10"], &input);
    assert_eq!(run.code, 0, "{}", run.err);
    std::fs::write(place.path("piped.webm"), &run.out).unwrap();
    let found = distances(&place, "piped.webm");
    assert!(found.iter().all(|d| d.abs() < 0.006), "{found:?}");
}

#[test]
fn either_kind_of_track_can_be_dropped() {
    let place = Place::new();
    clapper(&place, "clap.mkv");
    place.ok(&["transcode", "clap.mkv", "-o", "silent.webm", "--no-audio", "-n", "5"]);
    assert_eq!(tracks(&place, "silent.webm").len(), 1);
    place.ok(&["transcode", "clap.mkv", "-o", "heard.webm", "--no-video"]);
    assert_eq!(tracks(&place, "heard.webm")[0]["type"], "audio");
}

#[test]
fn audio_only_files_keep_every_sample() {
    let place = Place::new();
    place.ok(&["generate", "sweep", "-o", "a.wav", "--fps", "25", "-n", "77"]);
    let samples = 77 * 48_000 / 25;
    let digest = place.ok(&["decode", "a.wav", "--md5"]).text();
    for name in ["b.mkv", "b.wav", "b.s24", "b.f32"] {
        let codec = if name == "b.mkv" { &["--audio-codec", "s16le"][..] } else { &[] };
        let arguments = [&["encode", "a.wav", "-o", name], codec].concat();
        place.ok(&arguments);
        if name.starts_with("b.s24") || name.starts_with("b.f32") {
            continue; // headerless
        }
        assert_eq!(place.ok(&["decode", name, "--md5"]).text(), digest, "{name}");
    }
    assert_eq!(place.read("b.s24").len(), samples * 3);
    assert_eq!(place.read("b.f32").len(), samples * 4);
    for frame in ["2.5ms", "20ms", "120ms"] {
        place.ok(&["encode", "a.wav", "-o", "c.opus", "-b", "64k", "--frame", frame, "-y"]);
        let decoded = place.ok(&["decode", "c.opus", "-o", "-", "-f", "s16"]).out;
        assert_eq!(decoded.len(), samples * 2, "{frame}");
    }
    place.ok(&["encode", "a.wav", "-o", "d.wav", "--audio-codec", "pcma"]);
    let found = &tracks(&place, "d.wav")[0];
    assert_eq!((&found["codec"], &found["rate"]), (&"pcma".into(), &8000.into()));
    assert!((found["duration_s"].as_f64().unwrap() - 3.08).abs() < 1e-3, "{found}");
}

#[test]
fn flac_round_trips_exactly() {
    let place = Place::new();
    place.ok(&["generate", "sweep", "-o", "a.wav", "--fps", "25", "-n", "77"]);
    let digest = place.ok(&["decode", "a.wav", "--md5"]).text();
    place.ok(&["encode", "a.wav", "-o", "b.flac"]);
    place.ok(&["encode", "a.wav", "-o", "b.mkv", "--audio-codec", "flac"]);
    place.ok(&["encode", "a.wav", "-o", "b.mp4", "--audio-codec", "flac/flacenc"]);
    place.ok(&["transcode", "b.mkv", "-o", "c.flac"]);
    assert_eq!(place.read("c.flac").len(), place.read("b.flac").len());
    for name in ["b.flac", "b.mkv", "b.mp4", "c.flac"] {
        assert_eq!(place.ok(&["decode", name, "--md5"]).text(), digest, "{name}");
        let found = &tracks(&place, name)[0];
        assert_eq!((&found["codec"], &found["rate"]), (&"flac".into(), &48_000.into()));
    }
    assert!(place.read("b.flac").len() * 5 < place.read("a.wav").len() * 4);
    let refused = ["encode", "a.wav", "-o", "d.flac", "--audio-codec", "flac/symphonia"];
    assert!(place.run(&refused).err.contains("has no encoder"));
}

#[test]
fn gain_and_processing_keep_timestamps_and_never_clip() {
    let place = Place::new();
    clapper(&place, "clap.mkv");
    place.ok(&["encode", "clap.mkv", "-o", "loud.wav", "--gain", "20"]);
    let loud = place.ok(&["decode", "loud.wav", "-o", "-", "-f", "s16"]).out;
    assert_eq!(loud.len(), 2 * 480_000);
    let samples: Vec<i16> =
        loud.chunks_exact(2).map(|s| i16::from_le_bytes([s[0], s[1]])).collect();
    let first = samples.iter().position(|s| s.unsigned_abs() > 2000).unwrap();
    assert!(first.abs_diff(120_000 + 960) < 1440, "{first}");
    // A clipped sine stays at full scale for several samples.
    let full = samples.windows(8).filter(|w| w.iter().all(|s| s.unsigned_abs() > 32_700)).count();
    assert!(full < 50, "{full}");
}

#[test]
fn conflicting_settings_are_rejected() {
    let place = Place::with_clip("talking-head", "64x48", 3);
    place.ok(&["generate", "tone", "-o", "a.wav", "-n", "10"]);
    place.fails(2, "--loss", &["encode", "a.wav", "-o", "b.opus", "--loss", "10"]);
    place.fails(2, "--qp", &["encode", "a.wav", "-o", "b.opus", "--qp", "10"]);
    place.fails(2, "8000", &["encode", "a.wav", "-o", "b.opus", "--audio-rate", "11025"]);
    place.fails(2, "cannot write", &["encode", "a.wav", "-o", "b.opus", "-c", "pcma"]);
    place.fails(2, "cannot write", &["encode", "a.wav", "-o", "b.webm", "--audio-codec", "s16le"]);
    place.fails(2, "is an audio codec", &["encode", "clip.y4m", "-o", "b.webm", "-c", "opus"]);
    place.fails(2, "packet duration", &["encode", "a.wav", "-o", "b.opus", "--frame", "13ms"]);
    place.fails(2, "follows", &["encode", "a.wav", "-o", "b.wav", "-b", "64k"]);
    place.fails(2, "--complexity", &["encode", "a.wav", "-o", "b.wav", "--complexity", "3"]);
    place.fails(3, "no audio", &["encode", "clip.y4m", "-o", "b.opus"]);
    place.fails(3, "no audio", &["decode", "clip.y4m", "-o", "b.wav"]);
    assert_eq!(place.names(), ["a.wav", "clip.y4m"]);
}

#[test]
fn tracks_that_the_output_cannot_hold_are_dropped_with_a_message() {
    let place = Place::new();
    clapper(&place, "clap.mkv");
    let run = place.ok(&["transcode", "clap.mkv", "-o", "a.ivf", "--speed", "10"]);
    assert!(run.err.contains("ivf cannot hold audio"), "{}", run.err);
    let run = place.ok(&["transcode", "clap.mkv", "-o", "a.opus"]);
    assert!(run.err.contains("ogg cannot hold video"), "{}", run.err);
    let run = place.ok(&["transcode", "clap.mkv", "-o", "b.opus", "--no-video"]);
    assert!(!run.err.contains("dropped"), "{}", run.err);
    place.fails(3, "the output format cannot hold audio", &["encode", "a.opus", "-o", "b.ivf"]);
    place.fails(2, "codec transcode", &["decode", "clap.mkv", "-o", "c.opus"]);
    place.fails(2, "cannot write mp3: it can only be read", &["encode", "clap.mkv", "-o", "c.mp3"]);
}

#[test]
fn chained_streams_play_one_after_another() {
    let place = Place::new();
    place.ok(&["generate", "sweep", "-o", "a.wav", "-n", "30"]);
    place.ok(&["generate", "tone", "-o", "b.wav", "-n", "45"]);
    place.ok(&["encode", "a.wav", "-o", "a.opus"]);
    place.ok(&["encode", "b.wav", "-o", "b.opus", "--frame", "60ms"]);
    let chain = [place.read("a.opus"), place.read("b.opus"), place.read("a.opus")].concat();
    std::fs::write(place.path("chain.opus"), chain).unwrap();
    let decode = |name: &str| place.ok(&["decode", name, "-o", "-", "-f", "s16"]).out;
    // Each link is decoded as if it were separate.
    let alone = [decode("a.opus"), decode("b.opus"), decode("a.opus")].concat();
    assert!(decode("chain.opus") == alone);
}

#[test]
fn unsupported_sample_rates_are_input_errors() {
    let place = Place::new();
    place.ok(&["generate", "tone", "-o", "a.wav", "-n", "10"]);
    let wav = place.read("a.wav");
    let at = wav.windows(4).position(|id| id == b"fmt ").unwrap() + 12;
    for rate in [1_u32, 999, 384_001, u32::MAX] {
        let mut bytes = wav.clone();
        bytes[at..at + 4].copy_from_slice(&rate.to_le_bytes());
        std::fs::write(place.path("b.wav"), bytes).unwrap();
        place.fails(3, &rate.to_string(), &["encode", "b.wav", "-o", "b.opus"]);
        place.fails(3, &rate.to_string(), &["decode", "b.wav", "-o", "c.wav"]);
    }
    assert_eq!(place.names(), ["a.wav", "b.wav"]);
}

#[test]
fn undecodable_video_is_named_and_its_audio_can_be_extracted() {
    if depth::skips_long() {
        return;
    }
    let Some(dir) = data("containers") else { return };
    let file = dir.join("h264_aac.mp4");
    let file = file.to_str().unwrap();
    let place = Place::new();
    let run = place.run(&["transcode", file, "-o", "a.webm"]);
    if run.code == 3 {
        assert!(run.err.contains("h264") && run.err.contains("--no-video"), "{}", run.err);
    }
    place.ok(&["transcode", file, "-o", "b.webm", "--no-video"]);
    let found = &tracks(&place, "b.webm")[0];
    assert_eq!((&found["type"], &found["codec"]), (&"audio".into(), &"opus".into()));
}

#[test]
fn damaged_audio_keeps_earlier_samples() {
    let place = Place::new();
    place.ok(&["generate", "sweep", "-o", "a.wav", "-n", "90"]);
    place.ok(&["encode", "a.wav", "-o", "a.opus", "-b", "48k"]);
    let whole = place.read("a.opus");
    let mut broken = whole.clone();
    let middle = broken.len() / 2;
    broken[middle..middle + 40].fill(0x55);
    for (name, bytes) in [("cut.opus", &whole[..whole.len() * 2 / 3]), ("broken.opus", &broken)] {
        std::fs::write(place.path(name), bytes).unwrap();
        let run = place.run(&["decode", name, "-o", "a.out.wav", "-y"]);
        assert!(run.code == 4 && run.err.contains(name), "{name}: {} {}", run.code, run.err);
        assert!(place.read("a.out.wav.codec.part").len() > 44 + 48_000, "{name}");
    }
}

#[test]
fn ffmpeg_finds_flashes_and_clicks_in_sync() {
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        assert!(std::env::var_os("CODEC_TEST_DATA").is_none(), "no ffmpeg where CI has it");
        eprintln!("skipped: no ffmpeg");
        return;
    }
    let place = Place::new();
    clapper(&place, "clap.mkv");
    place.ok(&["transcode", "clap.mkv", "-o", "a.webm", "--audio-codec", "opus"]);
    place.ok(&["transcode", "clap.mkv", "-o", "a.mp4", "--audio-codec", "opus"]);
    for name in ["clap.mkv", "a.webm", "a.mp4"] {
        let filters = ["-vf", "blackdetect=d=1", "-af", "silencedetect=n=-40dB:d=1"];
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-hide_banner", "-i", name])
            .args(filters)
            .args(["-f", "null", "-"])
            .current_dir(place.dir.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        let times = |key: &str| -> Vec<f64> {
            let found = text.split(key).skip(1);
            let numbers = found.map(|rest| rest.trim_start().split([' ', '\n', '\r']).next());
            numbers.filter_map(|number| number?.parse().ok()).collect()
        };
        let (flashes, clicks) = (times("black_end:"), times("silence_end:"));
        assert!(flashes.len() >= 3 && clicks.len() >= 3, "{name}: {text}");
        for (flash, click) in flashes.iter().zip(&clicks).take(3) {
            assert!((flash - click).abs() < 0.02, "{name}: flash {flash}, click {click}");
        }
    }
}
