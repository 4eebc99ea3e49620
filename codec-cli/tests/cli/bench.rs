//! `codec bench`: outputs, saved results and comparisons. Measured values are not checked.

use super::{Place, depth};

/// A generated clip and one pass.
const QUICK: [&str; 9] = ["bench", "--size", "64x48", "-n", "4", "--repeat", "1", "--warm-up", "0"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&QUICK[..], more].concat()
}

#[test]
fn a_clip_is_generated_and_all_results_are_written() {
    let place = Place::new();
    let json = place.json(&with(&["--json", "-", "--speed", "9"]));
    assert_eq!((&json["schema"], &json["version"]), (&"codec-bench".into(), &1.into()));
    assert_eq!((&json["kind"], &json["config"]["speed"]), (&"codec".into(), &"9".into()));
    assert!(json["machine"]["cores"].as_u64().unwrap() > 0);
    let points = json["points"].as_array().unwrap();
    assert_eq!(points.len(), 1);
    let (point, facts) = (&points[0], &points[0]["facts"]);
    assert!(point["name"].as_str().unwrap().starts_with("encode talking-head"), "{point}");
    for list in [&point["samples_ns"], &point["calibration_ns"], &facts["wall_samples_ns"]] {
        assert_eq!(list.as_array().unwrap().len(), 1, "{point}");
    }
    let stages = point["stages_ns"].as_object().unwrap();
    for stage in
        ["analysis", "motion search and modes", "entropy coding", "loop filter", "the rest"]
    {
        assert!(stages.contains_key(stage), "{stage}: {point}");
    }
    for key in ["p50", "p95", "p99", "max"] {
        assert!(facts["frame_ns"][key].as_f64().unwrap() > 0.0, "{key}: {facts}");
    }
    assert!(facts["frames"] == 4 && facts["bytes"].as_u64().unwrap() > 0, "{facts}");
}

#[test]
fn the_table_names_the_machine_the_clip_and_the_stages() {
    let place = Place::with_clip("texture-pan", "64x48", 5);
    let run = place.ok(&["bench", "clip.y4m", "-n", "3", "--repeat", "2", "-b", "100k"]);
    let text = run.text();
    for word in [
        "cores",
        "clip.y4m",
        "3 frames 64x48",
        "start of the input",
        "vp8/native, CBR 100 kb/s",
        "preset rtc",
        "2 passes after 1 warm-up",
        "CPU ms/frame",
        "motion search and modes",
    ] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

#[test]
fn spatial_layers_are_encoded_and_decoded_as_one_frame() {
    let place = Place::with_clip("talking-head", "96x64", 4);
    for more in [&[][..], &["--decode"]] {
        let run = ["bench", "clip.y4m", "--repeat", "1", "--warm-up", "0", "--json", "-"];
        let layers = ["--codec", "vp9", "--layers", "L3T2_KEY"];
        let json = place.json(&[&run[..], &layers, more].concat());
        assert_eq!(json["points"][0]["facts"]["frames"], 4, "{json}");
    }
}

#[test]
fn threads_and_levels_are_separate_points() {
    let place = Place::new();
    let json = place.json(&with(&["--json", "-", "--threads", "2,1", "--levels", "all"]));
    let names: Vec<_> =
        json["points"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    let detected = json["machine"]["levels"].as_str().unwrap().split(' ').count();
    assert_eq!(names.len(), 2 * detected, "{names:?}");
    assert!(names[0].ends_with("scalar 1 thread") && names[detected].ends_with("2 threads"));
    let bytes = |point: &serde_json::Value| point["facts"]["bytes"].as_u64().unwrap();
    let points = json["points"].as_array().unwrap();
    assert!(points.iter().all(|point| bytes(point) == bytes(&points[0])), "different bytes");
    place.fails(2, "--levels mmx", &with(&["--levels", "mmx"]));
}

#[test]
fn coded_input_is_decoded_and_raw_input_on_request() {
    let place = Place::with_clip("talking-head", "64x48", 5);
    place.ok(&["encode", "clip.y4m", "-o", "a.webm", "--preset", "rtc"]);
    let quick = ["--repeat", "1", "--warm-up", "0", "--json", "-"];
    let name = |arguments: &[&str]| {
        let json = place.json(&[arguments, &quick[..]].concat());
        json["points"][0]["name"].as_str().unwrap().to_owned()
    };
    assert!(name(&["bench", "a.webm"]).starts_with("decode a.webm"));
    assert!(name(&["bench", "a.webm", "--encode"]).starts_with("encode a.webm"));
    assert!(name(&["bench", "clip.y4m", "--decode"]).starts_with("decode clip.y4m"));
    assert!(name(&["bench", "clip.y4m"]).starts_with("encode clip.y4m"));
    place.fails(3, "none.y4m", &["bench", "none.y4m"]);
    place.fails(2, "--headroom", &["bench", "a.webm", "--headroom"]);
}

#[test]
fn slowdowns_against_the_baseline_are_named() {
    let place = Place::new();
    place.ok(&with(&["--save", "base.json"]));
    // A factor of ten is not noise in either direction.
    let run = place.ok(&with(&["--against", "base.json", "--threshold", "900%"]));
    assert!(run.err.contains("encode talking-head"), "{}", run.err);
    let text = String::from_utf8(place.read("base.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["points"][0]["samples_ns"] = serde_json::json!([0.001]);
    std::fs::write(place.path("fast.json"), json.to_string()).unwrap();
    let against = ["--against", "fast.json", "--save", "new.json"];
    let run = place.fails(7, "slower than fast.json", &with(&against));
    assert!(run.err.contains("encode talking-head"), "{}", run.err);
    assert!(place.has("new.json"), "results are kept");
}

#[test]
fn a_baseline_with_other_settings_is_rejected_unless_forced() {
    let place = Place::new();
    place.ok(&with(&["--save", "base.json"]));
    let other = with(&["--against", "base.json", "--speed", "6", "--threshold", "1000%"]);
    place.fails(2, "speed was \"7\" and is \"6\"", &other);
    place.ok(&[&other[..], &["--force"]].concat());
    place.fails(2, "kind of benchmark was", &["bench", "kernels", "--against", "base.json"]);
    place.fails(2, "already exists", &with(&["--save", "base.json"]));
    place.ok(&with(&["--save", "base.json", "-y"]));
    place.fails(3, "none.json", &with(&["--against", "none.json"]));
    std::fs::write(place.path("bad.json"), "{").unwrap();
    place.fails(4, "bad.json", &with(&["--against", "bad.json"]));
    std::fs::write(place.path("other.json"), "{}").unwrap();
    place.fails(3, "not a result file", &with(&["--against", "other.json"]));
    std::fs::write(place.path("new.json"), r#"{"schema":"codec-bench","version":99}"#).unwrap();
    place.fails(3, "version 99", &with(&["--against", "new.json"]));
    std::fs::write(place.path("cut.json"), r#"{"schema":"codec-bench","version":1}"#).unwrap();
    place.fails(4, "incomplete result file", &with(&["--against", "cut.json"]));
}

#[test]
fn kernels_are_timed_at_each_level() {
    let place = Place::new();
    let quick = ["bench", "kernels", "--filter", "sad_4x4", "--repeat", "1"];
    let json = place.json(&[&quick[..], &["--json", "-"]].concat());
    assert_eq!(json["kind"], "kernels");
    let points = json["points"].as_array().unwrap();
    assert_eq!(points.len(), json["machine"]["levels"].as_str().unwrap().split(' ').count());
    assert_eq!(points[0]["name"], "sad_4x4 scalar");
    for key in ["ns", "gb_per_s", "by_scalar"] {
        assert!(points[0]["facts"][key].as_f64().unwrap() > 0.0, "{key}");
    }
    let text = place.ok(&[&quick[..], &["--levels", "scalar"]].concat()).text();
    assert!(text.contains("sad_4x4") && text.contains("vs bound"), "{text}");
    place.fails(
        2,
        "matches no kernel",
        &["bench", "kernels", "--filter", "sad_5x5", "--repeat", "1"],
    );
}

#[test]
fn apparent_kernel_slowdowns_are_measured_again() {
    let place = Place::new();
    let quick = ["bench", "kernels", "--filter", "sixtap_16x16/2_6", "--repeat", "3"];
    let quick = [&quick[..], &["--levels", "scalar"]].concat();
    place.ok(&[&quick[..], &["--save", "base.json"]].concat());
    let text = String::from_utf8(place.read("base.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    // A factor of ten is not noise.
    let samples = json["points"][0]["samples_ns"].as_array().unwrap();
    let fast = samples.iter().map(|sample| sample.as_f64().unwrap() / 10.0);
    json["points"][0]["samples_ns"] = fast.collect::<Vec<f64>>().into();
    std::fs::write(place.path("fast.json"), json.to_string()).unwrap();
    let against = [&quick[..], &["--against", "fast.json"]].concat();
    let run = place.fails(7, "slower than fast.json", &against);
    assert!(run.err.contains("repeating apparent slowdowns"), "{}", run.err);
}

#[test]
fn audio_codecs_are_timed_and_compared_with_their_input() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    place.ok(&["generate", "sweep", "-o", "a.wav", "--fps", "25", "-n", "25"]);
    place.ok(&["generate", "texture-pan", "-o", "clip.y4m", "--size", "32x32", "-n", "2"]);
    let quick = ["bench", "audio", "a.wav", "--repeat", "2", "--warm-up", "0"];
    let codecs = ["--codecs", "opus,pcmu", "-b", "16k,64k"];
    let all = [&quick[..], &codecs].concat();
    let outputs = ["--json", "-", "--save", "base.json", "--csv", "a.csv"];
    let json = place.json(&[&all[..], &outputs].concat());
    assert_eq!(json["kind"], "audio");
    let points = json["points"].as_array().unwrap();
    // Encoding and decoding of two bitrates, and of a codec without a choice.
    assert_eq!(points.len(), 6, "{points:?}");
    for point in points {
        assert_eq!(point["samples_ns"].as_array().unwrap().len(), 2);
        assert!(point["facts"]["x_realtime"]["median"].as_f64().unwrap() > 0.0, "{point}");
        assert!(point["facts"]["lsd_db"].as_f64().unwrap() > 0.0, "{point}");
    }
    let fact = |index: usize, name: &str| points[index]["facts"][name].as_f64().unwrap();
    assert!(fact(0, "kbps") < fact(2, "kbps"));
    assert!(fact(0, "snr_db") < fact(2, "snr_db"));
    assert!((fact(4, "kbps") - 64.0).abs() < 3.0, "G.711 has 64 kb/s");
    let csv = String::from_utf8(place.read("a.csv")).unwrap();
    assert_eq!(csv.lines().count(), 4);
    let columns = csv.lines().map(|line| line.split(',').count());
    assert!(columns.clone().all(|count| count == 18), "{csv}");
    // The table, and a comparison that no noise can fail.
    let compared = [&all[..], &["--against", "base.json", "--threshold", "1000%"]].concat();
    let table = place.ok(&compared).text();
    assert!(table.contains("opus/") && table.contains("encode x real time"), "{table}");
    place.fails(2, "bitrates was", &[&quick[..], &["--against", "base.json"]].concat());
    place.fails(2, "kind of benchmark was", &["bench", "kernels", "--against", "base.json"]);
    place.fails(2, "video codec", &[&quick[..], &["--codecs", "vp8"]].concat());
    place.fails(3, "no audio", &["bench", "audio", "clip.y4m"]);
}
