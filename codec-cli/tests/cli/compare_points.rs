//! `codec compare`: encoders (arms) with their own targets in place of those of the study.

use std::fs;

use serde_json::Value;

use super::{Place, depth};

const CODEC: &str = env!("CARGO_BIN_EXE_codec");

fn results(place: &Place) -> Value {
    serde_json::from_slice(&place.read("rep/results.json")).unwrap()
}

/// The targets of an arm, as `crf 20`.
fn targets(results: &Value, arm: &str) -> Vec<String> {
    let points = results["points"].as_array().unwrap().iter();
    let targets = points.filter(|point| point["arm"] == arm).map(|point| &point["target"]);
    targets.map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["value"])).collect()
}

#[test]
fn arms_with_unlike_points_are_compared() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "96x80", 20);
    let command = |quality: &str| {
        format!("cmd:{CODEC} encode --quiet -y --preset rtc -q {quality} -o {{out:ivf}} {{in}}")
    };
    let by_crf = format!("crf={} @ crf=30,70,95", command("{crf}"));
    let by_q = format!("any={} @ q=30,70", command("{q}"));
    let mut study =
        vec!["compare", "clip.y4m", "-b", "20k,40k,80k", "--arm", "plain=vp8 --preset rtc"];
    study.extend(["--arm", "q=vp8 --preset rtc @ q=30,70,95", "--arm", &by_crf, "--arm", &by_q]);
    study.extend(["--arm", "same=vp8 --preset rtc --speed 9 @ b=40k,60k"]);
    study.extend(["--repeat", "1", "--warm-up", "0", "--save-study", "s.toml", "-o", "rep"]);
    let out = place.ok(&study).text();
    let first = results(&place);
    assert_eq!(targets(&first, "plain"), ["kbps 20.0", "kbps 40.0", "kbps 80.0"]);
    assert_eq!(targets(&first, "q"), ["quality 30.0", "quality 70.0", "quality 95.0"]);
    assert_eq!(targets(&first, "crf"), ["crf 30.0", "crf 70.0", "crf 95.0"]);
    assert_eq!(targets(&first, "any"), ["quality 30.0", "quality 70.0"]);
    assert_eq!(targets(&first, "same"), ["kbps 40.0", "kbps 60.0"]);
    let points = first["points"].as_array().unwrap();
    let of = |arm: &str, value: f64| {
        let is_it = |point: &&Value| point["arm"] == arm && point["target"]["value"] == value;
        points.iter().find(is_it).unwrap()
    };
    // The commands encode at the qualities of the backend.
    assert_eq!(of("q", 30.0)["bytes"], of("crf", 30.0)["bytes"]);
    assert_eq!(of("q", 70.0)["bytes"], of("any", 70.0)["bytes"]);
    assert!(of("crf", 70.0)["bytes"].as_u64() > of("crf", 30.0)["bytes"].as_u64());
    let rate = |arm: &str| {
        let found = first["comparisons"].as_array().unwrap().iter();
        found.clone().find(|one| one["arm"] == arm).unwrap()["bd_rate"]["value"].as_f64()
    };
    assert!(rate("q").is_some() && rate("q") == rate("crf"), "{:?} {:?}", rate("q"), rate("crf"));
    // Times are compared at equal targets.
    assert!(
        out.contains("q has no CPU time ratio: it has no targets in common with plain"),
        "{out}"
    );
    assert!(!out.contains("same has no CPU time ratio"), "{out}");

    // The study file has the points, and its results are those of the command line.
    let saved = String::from_utf8(place.read("s.toml")).unwrap();
    assert!(saved.contains("points = \"crf=30,70,95\""), "{saved}");
    fs::remove_dir_all(place.path("rep")).unwrap();
    place.ok(&["compare", "--study", "s.toml", "-j", "2", "-o", "rep"]);
    let again = results(&place);
    let sizes = |results: &Value| -> Vec<Value> {
        results["points"].as_array().unwrap().iter().map(|point| point["bytes"].clone()).collect()
    };
    assert_eq!(sizes(&again), sizes(&first));
}

#[test]
fn encoders_search_for_the_value_of_a_metric() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "96x80", 12);
    let mut study = vec![
        "compare",
        "clip.y4m",
        "--arm",
        "searched=vp8 --preset file --speed 8 @ psnr=34,38,90",
    ];
    study.extend(["--arm", "q=vp8 --preset file --speed 8 @ q=20,40,60", "--metrics", "psnr_y"]);
    study.extend(["-o", "rep"]);
    let out = place.ok(&study).text();
    let results = results(&place);
    assert_eq!(targets(&results, "searched"), ["psnr 34.0", "psnr 38.0", "psnr 90.0"]);
    let points = results["points"].as_array().unwrap().iter();
    for point in points.filter(|point| point["arm"] == "searched") {
        let target = point["target"]["value"].as_f64().unwrap();
        let reached = point["quality"]["psnr_y"]["mean"].as_f64().unwrap();
        let is_far = target > 80.0;
        assert_eq!(point["missed_target"], is_far, "{point}");
        assert!(is_far || (reached - target).abs() < 1.0, "{target}: {reached}");
        // A search has neither times nor repeats.
        assert_eq!(point["speed"]["cpu_s"], serde_json::json!([]));
        assert_eq!((&point["latency"], &point["memory"]["peak_rss"]), (&Value::Null, &Value::Null));
    }
    assert!(results["comparisons"][0]["bd_rate"]["value"].is_f64());
    assert!(out.contains("searched on clip: the encoder did not reach psnr 90"), "{out}");
    assert!(out.contains("points with a target quality have no times and no memory use"), "{out}");
    // The other arm was repeated as usual.
    let points = results["points"].as_array().unwrap();
    let other = points.iter().find(|point| point["arm"] == "q").unwrap();
    assert_eq!(other["speed"]["cpu_s"].as_array().unwrap().len(), 3);
}

#[test]
fn invalid_points_are_rejected_before_any_encoding() {
    let place = Place::with_clip("texture-pan", "64x48", 2);
    let refused = |why: &str, arms: &[&str]| {
        let mut study = vec!["compare", "clip.y4m", "-o", "rep"];
        study.extend(arms.iter().flat_map(|arm| ["--arm", arm]));
        place.fails(2, why, &study);
        assert!(!place.has("rep/results.json"));
    };
    refused("unknown kind rate, expected one of b, bpp, q", &["vp8 @ rate=300"]);
    refused("invalid q 101", &["vp8 @ q=101"]);
    refused("arm vp8: invalid --qp 200: vp8 supports 0 to 127", &["vp8 @ qp=30,200"]);
    place.fails(
        2,
        "arm h264: invalid --qp 200: h264 supports",
        &["compare", "clip.y4m", "-o", "rep", "--qp", "30,200", "--arm", "vp9", "--arm", "h264"],
    );
    assert!(!place.has("rep/results.json"));
    refused("30 is given twice", &["vp8 @ qp=30,30"]);
    refused("crf is for other encoders", &["vp8 @ crf=30"]);
    refused("browser settings require bitrates", &["chrome-vp8 @ qp=30"]);
    refused("must contain {crf}", &["cmd:enc --qp {qp} {in} {out} @ crf=30"]);
    refused(
        "only encoders of this program can aim for vmaf",
        &["cmd:enc {q} {in} {out} @ vmaf=90"],
    );
    refused("or each arm its own points", &["vp8 @ q=30", "vp9"]);
}

#[test]
fn other_encoders_have_their_mode_of_constant_quality() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "96x80", 12);
    let arms = [
        ("x264", "x264:superfast"),
        ("vpxenc", "libvpx:-6"),
        ("vpxenc", "libvpx-vp9:8"),
        ("vpxenc", "libvpx-file:4"),
    ];
    for (program, arm) in arms {
        let is_installed = std::process::Command::new(program).arg("--help").output().is_ok();
        if !is_installed {
            eprintln!("skipped: no {program}");
            continue;
        }
        let arm = format!("{arm} @ crf=20,45");
        let study =
            ["compare", "clip.y4m", "-o", "rep", "--repeat", "1", "--warm-up", "0", "--arm", &arm];
        place.ok(&study);
        let results = results(&place);
        let points = results["points"].as_array().unwrap();
        let bytes = |at: usize| points[at]["bytes"].as_u64().unwrap();
        assert!(bytes(0) > bytes(1), "{arm}: {} and {} bytes", bytes(0), bytes(1));
        fs::remove_dir_all(place.path("rep")).unwrap();
    }
}
