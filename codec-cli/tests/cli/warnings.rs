//! Warnings if a run misses its target bitrate, is slower than real time, or ignores audio options.

use super::{Place, depth};

/// Returns the summary in a report, and the messages.
fn encode(place: &Place, more: &[&str]) -> (serde_json::Value, String) {
    let base = ["encode", "clip.y4m", "-o", "a.webm", "--report", "a.json", "-y"];
    let run = place.ok(&[&base[..], more].concat());
    let report: serde_json::Value = serde_json::from_slice(&place.read("a.json")).unwrap();
    (report["summary"].clone(), run.err)
}

#[test]
fn missed_bitrates_are_reported_with_target_and_actual() {
    let place = Place::with_clip("texture-pan", "160x96", 90);
    for preset in ["rtc", "file"] {
        let (summary, err) = encode(&place, &["-b", "5k", "--preset", preset, "--speed", "10"]);
        let actual = summary["kbps"].as_f64().unwrap();
        assert!(actual > 6.5, "{preset}: {actual}");
        assert_eq!(summary["target_kbps"], 5);
        assert_eq!(summary["rate_met"], false, "{preset}");
        let said = format!("the video has {actual:.1} kb/s");
        assert!(err.contains(&said) && err.contains("target of 5.0 kb/s"), "{preset}: {err}");
        assert!(err.contains("--resize"), "{preset}: {err}");
    }
    // Frames that need less than the target.
    let (summary, err) = encode(&place, &["-b", "90M", "--preset", "rtc", "--speed", "10"]);
    assert_eq!(summary["rate_met"], false);
    assert!(err.contains("less than the target of 90000.0 kb/s"), "{err}");
    let quiet = place.run(&["encode", "clip.y4m", "-o", "b.webm", "-b", "5k", "--quiet"]);
    assert_eq!((quiet.code, &quiet.err[..]), (0, ""));
}

#[test]
fn met_bitrates_cause_no_warning() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "160x96", 90);
    for more in [&["-b", "300k", "--preset", "rtc"][..], &["-b", "300k"], &["-q", "40"], &[]] {
        let (summary, err) = encode(&place, &[more, &["--speed", "10"]].concat());
        assert!(!err.contains("warning"), "{more:?}: {err}");
        assert_ne!(summary["rate_met"], false, "{more:?}: {summary}");
    }
}

#[test]
#[cfg(all(feature = "av1", not(feature = "av1-asm")))]
fn av1_in_real_time_causes_an_early_warning() {
    let place = Place::with_clip("talking-head", "64x48", 2);
    let (_, err) = encode(&place, &["-c", "av1", "--preset", "rtc", "-q", "50"]);
    assert!(err.contains("av1 is far slower than real time"), "{err}");
    assert!(err.contains("-c vp8"), "{err}");
    let (_, err) = encode(&place, &["-c", "av1", "-q", "50"]);
    assert!(!err.contains("real time in this build"), "{err}");
}

#[test]
fn audio_options_without_audio_cause_a_warning() {
    let place = Place::with_clip("static-slide", "64x48", 1);
    for more in [&["--fec"][..], &["--dtx"], &["--application", "voip"], &["--fec", "--loss", "9"]]
    {
        let run = place.run(&[&["encode", "clip.y4m", "-y", "-o", "b.webm"], more].concat());
        assert_eq!(run.code, 0, "{more:?}: {}", run.err);
        assert!(run.err.contains("audio options have no effect"), "{more:?}: {}", run.err);
    }
    let run = place.run(&["encode", "clip.y4m", "-y", "-o", "b.webm"]);
    assert!(!run.err.contains("no effect"), "{}", run.err);
    assert!(run.err.contains("1 frame in") && run.err.contains("1 key frame\n"), "{}", run.err);
}
