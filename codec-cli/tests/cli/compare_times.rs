//! `codec compare`: confidence intervals, times of two equal arms (encoders with their settings), and
//! encoder processes that end when the command is killed.

use std::fs;

use serde_json::Value;

use super::{Place, depth};

fn results(place: &Place) -> Value {
    serde_json::from_slice(&place.read("rep/results.json")).unwrap()
}

/// Number of stored encodings.
fn runs(place: &Place) -> usize {
    let points = fs::read_dir(place.path("rep/.codec-compare")).into_iter().flatten().flatten();
    let files = points.flat_map(|point| fs::read_dir(point.path()).into_iter().flatten().flatten());
    files.filter(|file| file.file_name().to_string_lossy().starts_with("run-")).count()
}

const EQUAL: [&str; 13] = [
    "compare",
    "clip.y4m",
    "--arm",
    "one=vp8 --preset rtc",
    "--arm",
    "other=vp8 --preset rtc",
    "-b",
    "40k,80k",
    "--repeat",
    "2",
    "--warm-up",
    "0",
    "-orep",
];

#[test]
fn equal_arms_are_timed_separately_and_one_clip_gives_no_interval() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "64x48", 6);
    place.ok(&EQUAL);
    // Two arms, two targets, two repeats.
    assert_eq!(runs(&place), 8);
    let results = results(&place);
    let rate = &results["comparisons"][0]["bd_rate"];
    assert_eq!((&rate["value"], &rate["interval"]), (&0.0.into(), &Value::Null));
    let ratio = &results["frontier"][1]["cpu_ratio"];
    assert_eq!(
        (&ratio["interval"]["over"], &ratio["interval"]["count"]),
        (&"repeats".into(), &2.into())
    );
    let speed = |point: usize| &results["points"][point]["speed"];
    assert_ne!(speed(0)["cpu_s"], speed(1)["cpu_s"], "two arms share their times");
    assert_eq!(speed(0)["calibration_ns"].as_array().unwrap().len(), 2);
    assert!(speed(0)["load"]["busy"].is_boolean());
    let table = String::from_utf8(place.read("rep/results.csv")).unwrap();
    assert!(table.contains(",machine_busy,wall_over_cpu,"), "{table}");
}

#[test]
fn a_resumed_study_keeps_its_start_time() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "64x48", 6);
    place.ok(&EQUAL);
    let first = results(&place);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.ok(&EQUAL);
    let (first, again) = (&first["environment"], &results(&place)["environment"]);
    assert_eq!(again["date"], first["date"]);
    assert!(again["finished"].as_str() > first["finished"].as_str(), "{again}");
    assert!(first["finished"].as_str() >= first["date"].as_str(), "{first}");
}

#[test]
fn rounds_repeat_until_times_are_precise_up_to_a_limit() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "64x48", 6);
    // Such precision is impossible: ten times the rounds, and then a remark unless chance has made
    // the times almost equal.
    let run = place.ok(&[&EQUAL[..], &["--until", "0%"]].concat());
    assert_eq!(runs(&place), 2 * 2 * 20);
    let noise = results(&place)["frontier"][1]["cpu_noise_percent"].as_f64().unwrap();
    assert_eq!(run.text().contains("is uncertain by"), noise > 2.0, "{noise}: {}", run.text());
    place.fails(
        2,
        "--until cannot be used with -j",
        &[&EQUAL[..], &["--until", "2%", "-j", "2"]].concat(),
    );
}

/// Whether a process runs; a zombie does not.
#[cfg(target_os = "linux")]
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
#[cfg(target_os = "linux")]
fn encoders_end_with_a_study_that_is_ended() {
    use std::process::Command;
    use std::time::{Duration, Instant};

    for signal in ["KILL", "TERM", "INT"] {
        let place = Place::with_clip("texture-pan", "64x48", 4);
        // An encoder that starts another process, and neither ends by itself.
        let slow = "slow=cmd:sh -c 'sleep 600 & echo $! $$ > pids.part; mv pids.part pids; wait' \
                    {in} {out} {kbps}";
        let study =
            ["compare", "clip.y4m", "--arm", slow, "-b", "40k", "--warm-up", "0", "-o", "rep"];
        let mut compare = place.command(&study).spawn().unwrap();
        while !place.has("pids") {
            assert!(compare.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(5));
        }
        let pids = String::from_utf8(place.read("pids")).unwrap();
        let pids: Vec<&str> = pids.split_whitespace().collect();
        assert!(pids.len() == 2 && pids.iter().all(|pid| is_running(pid)), "{pids:?}");
        let id = compare.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        compare.wait().unwrap();
        let patience = Instant::now();
        while pids.iter().any(|pid| is_running(pid)) {
            assert!(patience.elapsed() < Duration::from_secs(60), "{signal}: {pids:?} run on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
