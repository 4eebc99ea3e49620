//! `codec compare` after an interrupt: a report of the results that were measured until then.

#![cfg(unix)]

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use super::interrupts::interrupt;
use super::{Place, depth};

const CODEC: &str = env!("CARGO_BIN_EXE_codec");

/// An arm whose encodings at `kbps` wait while the file `hold` exists.
fn held(kbps: &str) -> String {
    format!(
        "held=cmd:sh -c 'while [ {{kbps}} = {kbps} ] && [ -e hold ]; do sleep 0.02; done; exec {CODEC} encode --quiet \
         -y -b {{kbps}}k --preset rtc -o {{out:ivf}} {{in}}'"
    )
}

fn results(place: &Place) -> Value {
    serde_json::from_slice(&place.read("rep/results.json")).unwrap()
}

/// The number of encodings, and of points with a score.
fn stored(place: &Place) -> (usize, usize) {
    let mut found = (0, 0);
    for entry in fs::read_dir(place.path("rep/.codec-compare")).into_iter().flatten().flatten() {
        for file in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            let name = file.file_name().into_string().unwrap();
            found.0 += usize::from(name.starts_with("run-"));
            found.1 += usize::from(name == "score.json");
        }
    }
    found
}

/// Interrupts a study when it has stored this much, and returns its output and its messages.
fn interrupted(place: &Place, study: &[&str], until: (usize, usize)) -> (String, String) {
    let mut run =
        place.command(study).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while stored(place) != until {
        assert!(run.try_wait().unwrap().is_none(), "it ended by itself: {:?}", stored(place));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    interrupt(&run);
    let output = run.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(130), "{err}");
    (out, err)
}

#[test]
fn an_interrupted_study_reports_its_complete_points_and_continues() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "96x80", 12);
    fs::write(place.path("hold"), "").unwrap();
    let held = held("160");
    let mut study =
        vec!["compare", "clip.y4m", "--arm", "a=vp8 --preset rtc --speed 9", "--arm", &held];
    study.extend(["--arm", "b=vp8 --preset rtc --speed 5"]);
    study.extend(["-b", "40k,80k,160k,320k", "--repeat", "2", "--warm-up", "0", "-o", "rep"]);
    // Two bitrates of three encoders, and the third of the first encoder.
    let (out, err) = interrupted(&place, &study, (7, 7));
    assert!(out.starts_with("Partial: 7 of 12 points, 7 of them without all repeats.\n"), "{out}");
    assert!(err.contains("interrupted: the report is partial: 7 of 12 points"), "{err}");
    assert!(err.contains("help: run the same command again to continue"), "{err}");
    let partial = results(&place);
    let extent = serde_json::json!({ "points": 7, "planned": 12, "unrepeated": 7 });
    assert_eq!(partial["partial"], extent);
    assert_eq!(partial["points"].as_array().unwrap().len(), 7);
    let page = String::from_utf8(place.read("rep/index.html")).unwrap();
    assert!(page.contains("Partial: 7 of 12 points"), "the page does not say that it is partial");
    assert!(place.has("rep/plots/rd-psnr-y-global.svg"));
    // Three points of the anchor and two of the others have a BD-rate.
    assert!(partial["comparisons"][0]["bd_rate"]["value"].is_f64());

    fs::remove_file(place.path("hold")).unwrap();
    let out = place.ok(&study).text();
    assert!(!out.contains("Partial"), "{out}");
    let whole = results(&place);
    assert_eq!(whole["partial"], Value::Null);
    assert_eq!(whole["points"].as_array().unwrap().len(), 12);
    for point in partial["points"].as_array().unwrap() {
        let is_it =
            |other: &&Value| ["arm", "clip", "target"].iter().all(|&key| other[key] == point[key]);
        let twin = whole["points"].as_array().unwrap().iter().find(is_it).unwrap();
        assert_eq!((&twin["bytes"], &twin["quality"]), (&point["bytes"], &point["quality"]));
        assert_eq!(twin["speed"]["cpu_s"][0], point["speed"]["cpu_s"][0]);
    }
}

#[test]
fn encoders_without_enough_points_have_no_bd_rate_and_say_so() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "64x48", 6);
    fs::write(place.path("hold"), "").unwrap();
    let held = held("80");
    let study = ["compare", "clip.y4m", "--arm", "a=vp8 --preset rtc", "--arm", &held, "-b"];
    let study = [&study[..], &["40k,80k", "--repeat", "1", "--warm-up", "0", "-o", "rep"]].concat();
    let (out, _) = interrupted(&place, &study, (3, 3));
    let why = "No BD-rate for held: curve of held: too few points: got 1";
    assert!(out.contains(why), "{out}");
    let results = results(&place);
    assert_eq!(results["comparisons"][0]["bd_rate"], Value::Null);
    let why = results["comparisons"][0]["clips"][0]["refused"].as_str().unwrap();
    assert!(why.contains("too few points"), "{why}");
}

#[test]
fn parallel_studies_report_what_they_have_and_without_points_there_is_no_report() {
    let place = Place::with_clip("texture-pan", "64x48", 6);
    fs::write(place.path("hold"), "").unwrap();
    let held = held("80");
    let study = ["compare", "clip.y4m", "--arm", "a=vp8 --preset rtc", "--arm", &held, "-j", "2"];
    let all = [&study[..], &["-b", "40k,80k", "-o", "rep"]].concat();
    let (out, _) = interrupted(&place, &all, (3, 3));
    assert!(out.starts_with("Partial: 3 of 4 points.\n"), "{out}");
    fs::remove_dir_all(place.path("rep")).unwrap();

    let study = ["compare", "clip.y4m", "--arm", &held, "-b", "80k", "-o", "rep"];
    let mut run = place.command(&study).stderr(Stdio::piped()).spawn().unwrap();
    while !place.has("rep/frames") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    interrupt(&run);
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert!(!place.has("rep/results.json"));
}

#[test]
fn a_partial_study_never_passes_a_gate() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "96x80", 20);
    let held = held("160");
    let study = ["compare", "clip.y4m", "--arm", "a=vp8 --preset rtc", "--arm", &held];
    let options = ["-b", "40k,80k,160k", "--repeat", "1", "--warm-up", "0", "-o", "rep"];
    let study = [&study[..], &options].concat();
    place.ok(&study);
    fs::rename(place.path("rep/results.json"), place.path("base.json")).unwrap();
    fs::remove_dir_all(place.path("rep")).unwrap();
    fs::write(place.path("hold"), "").unwrap();
    let gate = [&study[..], &["--against", "base.json", "--max-bd-rate", "50%"]].concat();
    let (out, _) = interrupted(&place, &gate, (5, 5));
    assert!(out.contains("not compared, because this study was interrupted"), "{out}");
    fs::rename(place.path("rep/results.json"), place.path("partial.json")).unwrap();
    fs::remove_file(place.path("hold")).unwrap();
    place.ok(&gate);
    // Earlier results that are partial are no standard.
    let base = ["--against", "partial.json", "--max-bd-rate", "50%"];
    place.fails(
        3,
        "partial.json: the study was interrupted: 5 of 6 points",
        &[&study[..], &base].concat(),
    );
    let run = place.ok(&[&study[..], &["--against", "partial.json"]].concat());
    assert!(run.text().contains("partial.json is partial: 5 of 6 points"), "{}", run.text());
}
