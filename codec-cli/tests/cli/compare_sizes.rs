//! `codec compare --sizes`: convex hulls over sizes.

use serde_json::{Value, json};

use super::{Place, depth};

fn results(place: &Place) -> Value {
    serde_json::from_slice(&place.read("rep/results.json")).unwrap()
}

/// A study of two encoders at two sizes, which runs in parallel and without times.
fn study<'a>(sizes: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut study = vec!["compare", "clip.y4m", "--arm", "a=vp8 --preset file --speed 8"];
    study.extend(["--arm", "b=vp8 --preset file --speed 10", "--metrics", "psnr_y,ssim"]);
    study.extend(["--sizes", sizes, "-o", "rep"]);
    study.extend(more);
    study
}

fn pixels(point: &Value) -> u64 {
    point["size"]["width"].as_u64().unwrap() * point["size"]["height"].as_u64().unwrap()
}

#[test]
fn the_curve_of_an_arm_is_the_hull_of_its_sizes() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "320x176", 12);
    let run = place.ok(&study("1,1/2", &["-q", "5,20,50,90", "-j", "2", "--save-study", "s.toml"]));
    let whole = results(&place);
    let points = whole["points"].as_array().unwrap();
    assert_eq!(points.len(), 16);
    for point in points {
        assert_eq!(point["failure"], Value::Null, "{point}");
        assert_eq!(point["delivery"]["frozen"], 0);
        // Half of the size needs fewer bits, and cannot be as good.
        let is_twin = |other: &&Value| {
            other["arm"] == point["arm"]
                && other["target"] == point["target"]
                && pixels(other) < pixels(point)
        };
        if let Some(small) = points.iter().find(is_twin) {
            assert_eq!(small["size"], json!({ "width": 160, "height": 88 }));
            assert!(small["bytes"].as_u64() < point["bytes"].as_u64());
        }
    }
    let hull = |arm: &str, metric: &str| -> Vec<&Value> {
        let on_hull = |point: &&Value| {
            point["arm"] == arm && point["hull"].as_array().unwrap().contains(&json!(metric))
        };
        let mut found: Vec<&Value> = points.iter().filter(on_hull).collect();
        found.sort_by(|a, b| a["kbps"].as_f64().unwrap().total_cmp(&b["kbps"].as_f64().unwrap()));
        found
    };
    for arm in ["a", "b"] {
        let hull = hull(arm, "psnr_y");
        // The smallest rate is that of the small size, and the best quality that of the large one.
        assert_eq!(pixels(hull[0]), 160 * 88);
        assert_eq!(pixels(hull.last().unwrap()), 320 * 176);
        let quality: Vec<f64> =
            hull.iter().map(|point| point["quality"]["psnr_y"]["mean"].as_f64().unwrap()).collect();
        assert!(quality.is_sorted(), "{quality:?}");
    }
    assert!(whole["comparisons"][0]["bd_rate"]["value"].is_f64(), "{}", whole["comparisons"][0]);
    let text = run.text();
    assert!(
        text.contains("Sizes on the convex hull of a on clip, by PSNR Y: 160x88 at "),
        "{text}"
    );
    assert!(text.contains("with Lanczos with three lobes"), "{text}");
    let page = String::from_utf8(place.read("rep/index.html")).unwrap();
    assert!(page.contains("On the hull by") && page.contains("quality 5 at 160x88"));
    let csv = String::from_utf8(place.read("rep/results.csv")).unwrap();
    assert!(csv.lines().nth(1).unwrap().contains(",320,176,"), "{csv}");
    let saved = String::from_utf8(place.read("s.toml")).unwrap();
    assert!(saved.contains("\"1/2\""), "{saved}");

    // A small frame that is encoded by hand and scaled back has the same quality.
    place.ok(&["decode", "clip.y4m", "--resize=160x88", "-o", "small.y4m"]);
    let encode = ["encode", "small.y4m", "--preset", "file", "--speed", "8", "-q", "50"];
    place.ok(&[&encode[..], &["-j", "1", "-o", "small.ivf"]].concat());
    place.ok(&["decode", "small.ivf", "--resize=320x176", "-o", "back.y4m"]);
    let by_hand = place.json(&["metrics", "clip.y4m", "back.y4m", "--metrics", "psnr_y", "--json"]);
    let is_it = |point: &&Value| {
        point["arm"] == "a" && point["target"]["value"] == 50.0 && pixels(point) == 160 * 88
    };
    let point = points.iter().find(is_it).unwrap();
    let mean = point["quality"]["psnr_y"]["mean"].as_f64().unwrap();
    let expected = by_hand["metrics"]["psnr_y"]["mean"].as_f64().unwrap();
    assert!((expected - mean).abs() < 1e-5, "{expected} {mean}");
}

#[test]
fn times_are_compared_at_equal_sizes_and_studies_resume() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "96x80", 6);
    let more = ["-b", "40k,80k", "--repeat", "1", "--warm-up", "0"];
    let table = place.ok(&study("96x80,48x40", &more)).text();
    assert!(!table.contains("no CPU time ratio"), "{table}");
    let first = results(&place);
    assert_eq!(first["points"].as_array().unwrap().len(), 8);
    assert!(
        first["frontier"].as_array().unwrap().iter().all(|one| one["cpu_ratio"]["value"].is_f64())
    );
    place.ok(&study("96x80,48x40", &more));
    let again = results(&place);
    assert_eq!(first["points"], again["points"]);
    // The points at the clip's own size are those of a study without sizes.
    let plain: Vec<&str> =
        study("", &more).into_iter().filter(|word| !["", "--sizes"].contains(word)).collect();
    place.ok(&plain);
    let own = results(&place);
    let times = |results: &Value, width: Option<u64>| -> Vec<Value> {
        let points = results["points"].as_array().unwrap().iter();
        let of_size =
            points.filter(|point| width.is_none() || point["size"]["width"].as_u64() == width);
        of_size.map(|point| point["speed"]["cpu_s"].clone()).collect()
    };
    assert_eq!(times(&own, None), times(&first, Some(96)));
    assert!(own["points"].as_array().unwrap().iter().all(|point| point["size"] == Value::Null));
}

#[test]
fn unusable_sizes_are_rejected() {
    let place = Place::with_clip("texture-pan", "96x80", 2);
    let refused = |sizes: &str, why: &str| {
        place.fails(2, why, &study(sizes, &["-b", "40k"]));
        assert!(!place.has("rep/results.json"));
    };
    refused("huge", "invalid size huge: expected WIDTHxHEIGHT");
    refused("2", "invalid size 2");
    refused("192x160", "192x160 is larger than clip (96x80)");
    refused("1,96x80", "96x80 is given twice for clip");
    refused("1/8", "is too small: at least 16x16");
}
