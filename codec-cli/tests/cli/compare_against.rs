//! `codec compare --against`: a study fails if an encoder is worse than in earlier results by more than a limit.

use std::fs;

use serde_json::Value;

use super::{Place, depth};

/// A study of two encoders, of which `b` has these options.
fn study(b: &str) -> Vec<String> {
    let arm = format!("b=vp8 --preset rtc {b}");
    let words = [
        "compare",
        "clip.y4m",
        "-b",
        "40k,80k,160k",
        "--repeat",
        "1",
        "--warm-up",
        "0",
        "-o",
        "rep",
    ];
    let arms = ["--arm", "a=vp8 --preset rtc --speed 9", "--arm", &arm];
    words.iter().chain(&arms).map(|word| (*word).to_owned()).collect()
}

fn with<'a>(study: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    study.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

#[test]
fn a_better_encoder_passes_and_a_worse_one_fails() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "96x80", 20);
    let (fast, slow) = (study("--speed 9"), study("--speed 4"));
    place.ok(&with(&fast, &[]));
    fs::rename(place.path("rep/results.json"), place.path("fast.json")).unwrap();

    // Equal streams are equal: zero is not above zero.
    let gate = ["--against", "fast.json", "--max-bd-rate", "0"];
    let run = place.ok(&with(&fast, &gate));
    assert!(
        run.text().contains("b: BD-rate psnr_y_global +0.00 %, psnr_611 +0.00 %"),
        "{}",
        run.text()
    );

    let run = place.ok(&with(&slow, &gate));
    assert!(run.text().contains("b: BD-rate psnr_y_global -"), "{}", run.text());
    fs::rename(place.path("rep/results.json"), place.path("slow.json")).unwrap();
    let worse = ["--against", "slow.json", "--max-bd-rate", "1%"];
    let run =
        place.fails(7, "worse than slow.json: b: BD-rate of psnr_y_global +", &with(&fast, &worse));
    assert!(run.err.contains("% (limit: 1 %)"), "{}", run.err);
    // The report is complete, and states the change.
    let report: Value = serde_json::from_slice(&place.read("rep/results.json")).unwrap();
    let notes = report["notes"].to_string();
    assert!(notes.contains("against the earlier results: b: BD-rate psnr_y_global +"), "{notes}");
    // Without a limit, the change is only shown.
    place.ok(&with(&fast, &["--against", "slow.json"]));
    // A gain that is asked for, and not reached.
    place.fails(7, "limit: -99 %", &with(&slow, &["--against", "fast.json", "--max-bd-rate=-99"]));
}

#[test]
fn cpu_times_are_compared_relative_to_the_anchor() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "96x80", 20);
    let study = study("--speed 7");
    place.ok(&with(&study, &[]));
    let results: Value = serde_json::from_slice(&place.read("rep/results.json")).unwrap();
    // The same encodings, which are not repeated, against times that another machine took.
    let save = |name: &str, of_a: f64, of_b: f64| {
        let mut results = results.clone();
        for point in results["points"].as_array_mut().unwrap() {
            let factor = if point["arm"] == "a" { of_a } else { of_b };
            for time in point["speed"]["cpu_s"].as_array_mut().unwrap() {
                *time = (factor * time.as_f64().unwrap()).into();
            }
        }
        fs::write(place.path(name), results.to_string()).unwrap();
    };
    save("machine.json", 3.0, 3.0);
    save("faster.json", 3.0, 1.5);
    let limit = ["--max-cpu", "1.05", "--against"];
    let run = place.ok(&with(&study, &[&limit[..], &["machine.json"]].concat()));
    assert!(run.text().contains("CPU time relative to a x1.000"), "{}", run.text());
    let faster = [&limit[..], &["faster.json"]].concat();
    place.fails(7, "b: CPU time x2.000 (limit: x1.05)", &with(&study, &faster));
}

#[test]
fn studies_that_cannot_be_compared_are_refused_before_any_encoding() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "64x48", 6);
    let study = study("--speed 9");
    place.ok(&with(&study, &[]));
    fs::rename(place.path("rep/results.json"), place.path("base.json")).unwrap();
    fs::remove_dir_all(place.path("rep")).unwrap();
    fs::write(place.path("other.json"), "{}").unwrap();
    let against = ["--against", "base.json"];
    let refused = |code: i32, word: &str, arguments: &[&str]| {
        place.fails(code, word, arguments);
        assert!(!place.has("rep/results.json"));
    };
    refused(
        3,
        "other.json: not a results.json of `codec compare`",
        &with(&study, &["--against", "other.json"]),
    );
    refused(3, "cannot read none.json", &with(&study, &["--against", "none.json"]));
    refused(
        2,
        "none of these clips with these frames",
        &with(&study, &["--against", "base.json", "-n", "3"]),
    );
    let other = ["compare", "clip.y4m", "-b", "40k", "-o", "rep", "--arm", "c=vp8 --preset rtc"];
    refused(2, "has none of these encoders, only a, b", &[&other[..], &against].concat());
    refused(
        2,
        "has none of these metrics, only psnr_y_global",
        &with(&study, &[&against[..], &["--metrics", "psnr_u"]].concat()),
    );
    let parallel = [&against[..], &["--max-cpu", "1.1", "-j", "2"]].concat();
    refused(2, "--max-cpu requires times", &with(&study, &parallel));
    let anchor = ["compare", "clip.y4m", "-b", "40k", "-o", "rep", "--arm", "a=vp8 --preset rtc"];
    let anchor = [&anchor[..], &against, &["--max-cpu", "1.1"]].concat();
    refused(2, "--max-cpu requires the anchor a and at least one other encoder", &anchor);
    refused(2, "--against", &with(&study, &["--max-bd-rate", "1"]));
}
