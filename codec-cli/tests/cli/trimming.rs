//! The video and audio of a cut begin at time 0, except with `--keep-times`.

use super::audio::{all_distances, tracks};
use super::{Place, depth};

fn clapper(place: &Place) {
    place.ok(&[
        "generate", "clapper", "-o", "c.mkv", "--size", "160x96", "--fps", "25", "-n", "250",
    ]);
}

#[test]
fn cuts_begin_at_zero_with_their_audio() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    clapper(&place);
    place.ok(&["transcode", "c.mkv", "-o", "opus.mkv", "--audio-codec", "opus", "--speed", "10"]);
    // Encoded audio, copied audio, one pass and two.
    for (input, preset) in [("c.mkv", "file"), ("c.mkv", "rtc"), ("opus.mkv", "file")] {
        for output in ["a.webm", "a.mkv", "a.mp4"] {
            let cut = ["--skip", "125", "-n", "100", "--preset", preset, "--speed", "10", "-y"];
            place.ok(&[&["transcode", input, "-o", output], &cut[..]].concat());
            let case = format!("{input} {preset} {output}");
            for track in tracks(&place, output) {
                let (start, seconds) = (&track["start_s"], &track["duration_s"]);
                let (start, seconds) = (start.as_f64().unwrap(), seconds.as_f64().unwrap());
                assert!((0.0..0.021).contains(&start), "{case}: {track}");
                assert!(track["type"] == "audio" || start == 0.0, "{case}: {track}");
                assert!((seconds - 4.0).abs() < 0.041, "{case}: {track}");
            }
            let distances = all_distances(&place, output);
            assert!(!distances.is_empty(), "{case}");
            assert!(distances.iter().all(|d| d.abs() < 0.006), "{case}: {distances:?}");
        }
    }
}

#[test]
fn timestamps_are_kept_on_request() {
    let place = Place::new();
    clapper(&place);
    let cut = ["--skip", "50", "-n", "100", "--keep-times"];
    place.ok(&[&["transcode", "c.mkv", "-o", "a.mkv"], &cut[..]].concat());
    for track in tracks(&place, "a.mkv") {
        let (start, seconds) = (&track["start_s"], &track["duration_s"]);
        assert!((start.as_f64().unwrap() - 2.0).abs() < 0.02, "{track}");
        assert!((seconds.as_f64().unwrap() - 4.0).abs() < 0.041, "{track}");
    }
    place.fails(2, "--skip", &["transcode", "c.mkv", "-o", "b.mkv", "--keep-times"]);
}

#[test]
fn decoded_and_measured_cuts_begin_at_zero() {
    let place = Place::with_clip("talking-head", "64x48", 20);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--qp", "10"]);
    let first_pts = |more: &[&str]| -> i64 {
        let arguments = [&["decode", "a.ivf", "--framemd5", "--skip", "5"], more].concat();
        let text = place.ok(&arguments).text();
        let row = text.lines().find(|line| line.starts_with("0,")).unwrap().to_owned();
        row.split(',').nth(2).unwrap().trim().parse().unwrap()
    };
    assert_eq!(first_pts(&[]), 0);
    assert_eq!(first_pts(&["--keep-times"]), 5);
    // A cut is compared with the matching part of the original.
    place.ok(&["encode", "clip.y4m", "-o", "cut.ivf", "--qp", "10", "--skip", "5", "-n", "8"]);
    let found = place.json(&["metrics", "clip.y4m", "cut.ivf", "--skip", "5", "-n", "8", "--json"]);
    assert_eq!(found["frames_compared"], 8);
    assert!(found["psnr_y_min"].as_f64() > Some(30.0), "{found}");
    place.fails(3, "", &["metrics", "clip.y4m", "cut.ivf", "--skip", "20"]);
}
