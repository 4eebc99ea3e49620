//! `codec compare`: a study from its matrix of clips, encoders and targets to its report.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::{Place, depth};

const CODEC: &str = env!("CARGO_BIN_EXE_codec");

/// Our own command as an external program.
fn external(options: &str) -> String {
    format!(
        "other=cmd:{CODEC} encode --quiet -y --preset rtc -b {{kbps}}k {options} -o {{out:ivf}} {{in}}"
    )
}

fn results(place: &Place) -> Value {
    serde_json::from_slice(&place.read("rep/results.json")).unwrap()
}

/// The stored result of each encoding.
fn runs(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(place.path("rep/.codec-compare")).into_iter().flatten().flatten() {
        for file in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            if file.file_name().to_string_lossy().starts_with("run-") {
                found.insert(file.path(), fs::read(file.path()).unwrap());
            }
        }
    }
    found
}

/// Sizes and quality, which do not depend on timing.
fn lasting(results: &Value) -> Vec<(String, Value, Value, Value)> {
    let points = results["points"].as_array().unwrap();
    let lasting = |point: &Value| {
        let name = format!("{} {} {}", point["arm"], point["clip"], point["target"]);
        (name, point["bytes"].clone(), point["quality"].clone(), point["delivery"].clone())
    };
    points.iter().map(lasting).collect()
}

#[test]
fn pictures_of_the_middle_target_lie_beside_the_page() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "96x80", 20);
    let study = ["compare", "clip.y4m", "-b", "40k,80k,160k", "-j", "2", "-o", "rep"];
    let arms = ["--arm", "fast=vp8 --preset rtc", "--arm", &external("--speed 5")];
    let run = |more: &[&str]| place.ok(&[&study[..], &arms, more].concat());
    let pictures = || {
        let list = place.path("rep/pictures").read_dir();
        let names = list.into_iter().flatten().flatten();
        let mut names: Vec<_> =
            names.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    run(&[]);
    assert!(!place.has("rep/pictures"));
    run(&["--pictures", "3"]);
    let found = pictures();
    // Three frames of the source and of two arms, at 80 kb/s.
    assert_eq!(found.len(), 9, "{found:?}");
    assert_eq!(found.iter().filter(|name| name.contains("-80k-")).count(), 6, "{found:?}");
    assert_eq!(found.iter().filter(|name| name.starts_with("clip-source-")).count(), 3);
    let page = String::from_utf8(place.read("rep/index.html")).unwrap();
    for name in &found {
        let png = place.read(&format!("rep/pictures/{name}"));
        assert!(png.starts_with(b"\x89PNG"), "{name}");
        assert!(page.contains(&format!("href=\"./pictures/{name}\"")), "{name}");
    }
    assert!(String::from_utf8(place.read("rep/study.toml")).unwrap().contains("pictures = 3"));
    // The picture of the source is a frame of the clip.
    let first = found.iter().find(|name| name.starts_with("clip-source-0-")).unwrap();
    place.ok(&["snapshot", "clip.y4m", "-o", "first.png"]);
    let first = format!("rep/pictures/{first}");
    let same = place.json(&["metrics", "first.png", &first, "--metrics", "psnr", "--json"]);
    assert!(same.to_string().contains("100.0"), "{same}");
    // Pictures that the study no longer wants are removed, but no other files.
    fs::write(place.path("rep/pictures/mine.png"), "mine").unwrap();
    run(&["--pictures", "1"]);
    assert_eq!(pictures().len(), 4, "{:?}", pictures());
    run(&[]);
    assert_eq!(pictures(), ["mine.png"]);
}

#[test]
fn a_study_has_its_curves_tables_and_plots() {
    let place = Place::with_clip("texture-pan", "96x80", 20);
    let arguments = [
        "compare",
        "clip.y4m",
        "--arm",
        "ours=vp8 --preset rtc",
        "--arm",
        &external("--speed 5"),
        "-b",
        "40k,80k,160k",
        "--repeat",
        "2",
        "-o",
        "rep",
    ];
    let table = place.ok(&arguments).text();
    assert!(table.contains("ours") && table.contains("other"), "{table}");
    for name in ["index.html", "results.csv", "study.toml", "plots/rd-psnr-y-global.svg"] {
        assert!(place.has(&format!("rep/{name}")), "{name}");
    }
    let page = String::from_utf8(place.read("rep/index.html")).unwrap();
    let links: Vec<&str> =
        page.split("href=\"./").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.contains(&"results.csv") && links.contains(&"plots/rd-psnr-y-global.svg"));
    assert_eq!(links.iter().filter(|link| link.starts_with("frames/")).count(), 6, "{links:?}");
    for link in links {
        assert!(place.has(&format!("rep/{link}")), "{link}");
    }
    let results = results(&place);
    assert_eq!((&results["schema"], &results["version"]), (&"codec-compare".into(), &2.into()));
    let points = results["points"].as_array().unwrap();
    assert_eq!(points.len(), 6);
    for point in points {
        assert_eq!(point["failure"], Value::Null, "{point}");
        assert_eq!(point["speed"]["cpu_s"].as_array().unwrap().len(), 2);
        assert!(point["quality"]["ssim"]["mean"].as_f64().unwrap() > 0.5);
        assert_eq!(point["delivery"]["frozen"], 0);
        let rows = place.read(&format!("rep/{}", point["frames_csv"].as_str().unwrap()));
        assert_eq!(rows.iter().filter(|&&byte| byte == b'\n').count(), 21);
        // Only our own arm reports frame times.
        assert_eq!(point["latency"].is_object(), point["arm"] == "ours");
    }
    let found = &results["comparisons"][0];
    assert_eq!((&found["arm"], &found["metric"]), (&"other".into(), &"psnr_y_global".into()));
    assert!(found["bd_rate"]["value"].is_f64(), "{found}");
    // The external command gets the same quality.
    let point = points.iter().find(|point| point["arm"] == "ours").unwrap();
    let rate = format!("{}k", point["target"]["value"]);
    place.ok(&["encode", "clip.y4m", "--preset", "rtc", "-j", "1", "-b", &rate, "-o", "a.ivf"]);
    let alone = place.json(&["metrics", "clip.y4m", "a.ivf", "--json"]);
    let mean = point["quality"]["ssim"]["mean"].as_f64().unwrap();
    assert!((alone["ssim"].as_f64().unwrap_or(mean) - mean).abs() < 1e-4);
}

#[test]
fn nothing_is_measured_twice() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "64x48", 6);
    let study = [
        "compare",
        "clip.y4m",
        "--arm",
        "vp8 --preset rtc",
        "--speeds",
        "7,9",
        "--qp",
        "20,60",
        "--repeat",
        "1",
        "--save-study",
        "s.toml",
        "-o",
        "rep",
    ];
    place.ok(&study);
    let (before, first) = (runs(&place), results(&place));
    assert_eq!(before.len(), 4);
    place.ok(&["compare", "--study", "s.toml", "-o", "rep"]);
    assert_eq!(runs(&place), before);
    assert_eq!(lasting(&results(&place)), lasting(&first));
    // Other metrics need no encoding; another target needs one encoding per arm.
    place.ok(&["compare", "--study", "s.toml", "--metrics", "psnr_y,ssim,psnr_u", "-o", "rep"]);
    assert_eq!(runs(&place), before);
    assert!(results(&place)["points"][0]["quality"]["psnr_u"]["mean"].is_f64());
    place.ok(&["compare", "--study", "s.toml", "--qp", "20,40", "-o", "rep"]);
    assert_eq!(runs(&place).len(), 6);
}

#[test]
fn equal_arms_do_not_disturb_each_other_in_parallel() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "64x48", 6);
    fs::copy(place.path("clip.y4m"), place.path("again.y4m")).unwrap();
    let arms = ["a", "b", "c", "d"].map(|name| format!("{name}=vp8 --preset rtc"));
    let mut study =
        vec!["compare", "clip.y4m", "again.y4m", "clip.y4m", "-b", "40k,80k", "-j", "4"];
    study.extend(arms.iter().flat_map(|arm| ["--arm", arm.as_str()]));
    study.extend(["-o", "rep"]);
    place.ok(&study);
    let results = results(&place);
    let points = results["points"].as_array().unwrap();
    assert_eq!(points.len(), 24);
    for point in points {
        let twin = points.iter().find(|other| other["target"] == point["target"]).unwrap();
        assert_eq!((&point["bytes"], &point["quality"]), (&twin["bytes"], &twin["quality"]));
    }
}

#[test]
#[cfg(unix)]
fn a_killed_study_resumes_where_it_was() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "64x48", 6);
    fs::write(place.path("hold"), "").unwrap();
    let held = format!(
        "held=cmd:sh -c 'while [ -e hold ]; do sleep 0.02; done; exec {CODEC} encode --quiet -y \
         -b {{kbps}}k --preset rtc -o {{out:ivf}} {{in}}'"
    );
    let study = [
        "compare",
        "clip.y4m",
        "--arm",
        "vp8 --preset rtc",
        "--arm",
        &held,
        "-b",
        "40k,80k",
        "--repeat",
        "1",
        "--warm-up",
        "0",
        "-o",
        "rep",
    ];
    let mut killed = place.command(&study).spawn().unwrap();
    while runs(&place).is_empty() {
        assert!(killed.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let before = runs(&place);
    assert!(!place.has("rep/index.html"));
    fs::remove_file(place.path("hold")).unwrap();
    place.ok(&study);
    let after = runs(&place);
    assert_eq!(after.len(), 4);
    assert!(before.iter().all(|(name, run)| after[name] == *run), "measured twice");
    let resumed = lasting(&results(&place));
    fs::remove_dir_all(place.path("rep")).unwrap();
    place.ok(&study);
    assert_eq!(lasting(&results(&place)), resumed);
    let left = fs::read_dir(place.path("rep/.codec-compare")).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.starts_with("work")));
}

#[test]
#[cfg(unix)]
fn failing_hanging_and_silent_commands_are_named() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("texture-pan", "64x48", 4);
    let run = place.fails(
        7,
        "points failed",
        &[
            "compare",
            "clip.y4m",
            "--arm",
            "ours=vp8 --preset rtc",
            "--arm",
            "fails=cmd:sh -c 'echo bad preset {kbps} >&2; exit 9' {in} {out}",
            "--arm",
            "empty=cmd:true {kbps} {in} {out}",
            "--arm",
            "hangs=cmd:sleep 600 {kbps} {in} {out}",
            "--arm",
            "gone=cmd:/no/such/program {kbps} {in} {out}",
            "--arm",
            "junk=cmd:cp {in} {out:ivf} {kbps}",
            "-b",
            "40k",
            "--repeat",
            "1",
            "--warm-up",
            "0",
            "--time-limit",
            "20",
            "-o",
            "rep",
        ],
    );
    let results = results(&place);
    let why = |arm: &str| {
        let points = results["points"].as_array().unwrap();
        let point = points.iter().find(|point| point["arm"] == arm).unwrap();
        point["failure"].as_str().unwrap_or("none").to_owned()
    };
    assert_eq!(why("ours"), "none");
    assert!(why("fails").contains("bad preset 40"), "{}", why("fails"));
    assert!(why("empty").contains("wrote nothing"), "{}", why("empty"));
    assert!(why("gone").contains("/no/such/program"), "{}", why("gone"));
    assert_ne!(why("hangs"), "none");
    assert_ne!(why("junk"), "none");
    assert!(run.text().contains("ours"));
    assert!(place.has("rep/index.html"));
}

#[test]
fn invalid_studies_are_rejected_before_any_measurement() {
    let place = Place::with_clip("texture-pan", "64x48", 2);
    let compare =
        |more: &[&'static str]| [&["compare", "clip.y4m", "-o", "rep"][..], more].concat();
    place.fails(2, "no bitrates or qualities", &compare(&["--arm", "vp8"]));
    place.fails(2, "no encoders", &compare(&["-b", "40k"]));
    place.fails(2, "two arms", &compare(&["--arm", "vp8", "--arm", "vp8", "-b", "40k"]));
    place.fails(2, "unknown --anchor", &compare(&["--arm", "vp8", "-b", "40k", "--anchor", "x"]));
    place.fails(2, "unexpected argument", &compare(&["--arm", "vp8 --nonsense", "-b", "40k"]));
    place.fails(2, "{kbps}", &compare(&["--arm", "cmd:enc {in} {out}", "-b", "40k"]));
    place.fails(6, "vp8/nobody", &compare(&["--arm", "vp8/nobody", "-b", "40k"]));
    place.fails(2, "nonsense", &compare(&["--arm", "vp8", "-b", "40k", "--metrics", "nonsense"]));
    let small = compare(&["--arm", "vp8", "-b", "40k", "--metrics", "ms_ssim"]);
    place.fails(3, "clip: ms_ssim requires frames of at least 161x161 pixels", &small);
    assert!(!place.has("rep/results.json"));
    let gone = ["compare", "gone.y4m", "-o", "rep", "--arm", "vp8", "-b", "40k"];
    place.fails(3, "gone.y4m", &gone);
    fs::create_dir(place.path("mine")).unwrap();
    fs::write(place.path("mine/thesis.tex"), "").unwrap();
    let foreign = ["compare", "clip.y4m", "-o", "mine", "--arm", "vp8", "-b", "40k"];
    place.fails(2, "contains other files", &foreign);
    assert_eq!(fs::read_dir(place.path("mine")).unwrap().count(), 1);
}

#[test]
fn a_rate_trace_is_followed_and_its_steps_are_reported() {
    let place = Place::with_clip("texture-pan", "64x48", 90);
    fs::write(place.path("trace.csv"), "seconds,rate\n0,200k\n1.5,60k\n").unwrap();
    place.ok(&[
        "compare",
        "clip.y4m",
        "--arm",
        "vp8 --preset rtc",
        "--rate-trace",
        "trace.csv",
        "-o",
        "rep",
        "-j",
        "2",
    ]);
    let results = results(&place);
    let rate = &results["points"][0]["rate"];
    assert_eq!(rate["seconds_target"], serde_json::json!([200.0, 130.0, 60.0]));
    assert_eq!(rate["step_reactions_ms"].as_array().unwrap().len(), 1);
    // In parallel there are no times.
    assert_eq!(results["points"][0]["latency"], Value::Null);
    assert_eq!(results["environment"]["timing"], false);
}

#[test]
fn other_encoders_are_known_by_name() {
    if depth::skips_long() {
        return;
    }
    let installed =
        |program: &str| std::process::Command::new(program).arg("--help").output().is_ok();
    let arms = [
        ("vpxenc", "libvpx:-6"),
        ("vpxenc", "libvpx-file:4"),
        ("vpxenc", "libvpx-vp9:8"),
        ("vpxenc", "libvpx-vp9-file:5"),
        ("x264", "x264:superfast"),
        ("SvtAv1EncApp", "svt-av1:12"),
        ("aomenc", "libaom:10"),
    ];
    let (arms, others): (Vec<_>, Vec<_>) =
        arms.into_iter().partition(|(program, _)| installed(program));
    let place = Place::with_clip("texture-pan", "96x80", 12);
    for (program, arm) in others {
        eprintln!("skipped: no {program}");
        let compare = ["compare", "clip.y4m", "-b", "80k", "-o", "rep", "--arm", arm];
        place.fails(6, "is not in PATH", &compare);
    }
    for targets in [["-b", "60k,120k"], ["--qp", "30,45"]] {
        let mut study =
            vec!["compare", "clip.y4m", "--repeat", "1", "--warm-up", "0", "-y", "-o", "rep"];
        study.extend(targets);
        study.extend(["--arm", "vp8 --preset rtc"]);
        study.extend(arms.iter().flat_map(|(_, arm)| ["--arm", arm]));
        place.ok(&study);
        let results = results(&place);
        let points = results["points"].as_array().unwrap();
        assert_eq!(points.len(), 2 * (1 + arms.len()));
        for point in points {
            // Every frame is coded, and the decoded frames resemble the clip.
            assert_eq!(point["delivery"]["shown"], 12, "{point}");
            let psnr = point["quality"]["psnr_y_global"]["mean"].as_f64().unwrap();
            assert!((20.0..60.0).contains(&psnr), "{psnr}: {point}");
        }
    }
    if installed("x264") {
        let study = ["compare", "clip.y4m", "-b", "80k", "-y", "-o", "rep", "--arm"];
        place.fails(
            2,
            "write x264:SPEED, where SPEED is a preset, such as superfast",
            &[&study[..], &["x264"]].concat(),
        );
    }
}
