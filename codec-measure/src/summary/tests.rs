use std::collections::BTreeMap;

use super::*;
use crate::results::{
    Arm, Clip, Delivery, Environment, Memory, Pooled, RateControl, Speed, Target,
};

const RATES: [f64; 4] = [200.0, 400.0, 800.0, 1600.0];

pub(super) fn point(
    arm: &str,
    clip: &str,
    target: f64,
    kbps: f64,
    quality: f64,
    cpu: f64,
) -> Point {
    let pooled = Pooled { mean: quality, ..Pooled::default() };
    Point {
        arm: arm.to_owned(),
        clip: clip.to_owned(),
        target: Target::Kbps(target),
        size: None,
        hull: Vec::new(),
        failure: None,
        bytes: 0,
        kbps,
        quality: BTreeMap::from([("psnr_y".to_owned(), pooled)]),
        delivery: Delivery::default(),
        speed: Speed { cpu_ms_per_frame: cpu, ..Speed::default() },
        memory: Memory::default(),
        latency: None,
        rate: RateControl::default(),
        missed_target: false,
        streams_differ: false,
        frames_csv: None,
    }
}

/// A study by PSNR without points; the first arm is the anchor.
pub(super) fn study_of(clips: &[String], arms: &[&str]) -> Results {
    let arm = |name: &&str| Arm { name: (*name).to_owned(), ..Arm::default() };
    let clip = |name: &String| Clip { name: name.clone(), ..Clip::default() };
    let metric = Metric { id: "psnr_y".to_owned(), higher_is_better: true, ..Metric::default() };
    Results {
        anchor: arms[0].to_owned(),
        arms: arms.iter().map(arm).collect(),
        clips: clips.iter().map(clip).collect(),
        metrics: vec![metric],
        environment: Environment { timing: true, ..Environment::default() },
        ..Results::default()
    }
}

/// `b` needs 10 % more bits than `a` on clip x and 20 % more on clip y, at half the time.
fn study(higher_is_better: bool) -> Results {
    let sign = if higher_is_better { 1.0 } else { -1.0 };
    let mut points = Vec::new();
    for (index, rate) in RATES.into_iter().enumerate() {
        let quality = sign * (30.0 + 3.0 * f64::from(u32::try_from(index).unwrap()));
        for (name, more) in [("x", 1.1), ("y", 1.2)] {
            points.push(point("a", name, rate, rate, quality, 4.0));
            points.push(point("b", name, rate, rate * more, quality, 2.0));
        }
    }
    let mut study = study_of(&["x".to_owned(), "y".to_owned()], &["a", "b"]);
    study.metrics[0].higher_is_better = higher_is_better;
    study.points = points;
    study
}

#[test]
fn an_arm_is_compared_on_each_clip_and_over_them() {
    let mut results = study(true);
    results.compare(Interpolation::Pchip);
    let [found] = &results.comparisons[..] else { panic!("{:?}", results.comparisons) };
    let by_clip: Vec<f64> = found.clips.iter().map(|clip| clip.bd_rate.unwrap().value).collect();
    assert!((by_clip[0] - 10.0).abs() < 1e-9 && (by_clip[1] - 20.0).abs() < 1e-9);
    let mean = found.bd_rate.unwrap();
    assert!((mean.value - 15.0).abs() < 1e-9);
    // Student's t for two values: 12.7062 standard errors of 5.
    let interval = mean.interval.unwrap();
    assert_eq!((interval.over, interval.count), (Sample::Clips, 2));
    assert!((interval.low - (15.0 - 63.531)).abs() < 1e-3, "{interval:?}");
    assert!((interval.high - (15.0 + 63.531)).abs() < 1e-3, "{interval:?}");
    assert_eq!(mean.differs, Some(false));
    assert!(found.bd_metric.unwrap().value < 0.0);
}

#[test]
fn lower_may_be_better() {
    let mut results = study(false);
    results.compare(Interpolation::Akima);
    let found = &results.comparisons[0];
    assert!((found.bd_rate.unwrap().value - 15.0).abs() < 1e-9);
    // More is worse, and `b` has more at the same bitrate.
    assert!(found.bd_metric.unwrap().value > 0.0);
    let shared = found.clips[0].bd_rate.unwrap();
    assert_eq!((shared.from, shared.to), (-39.0, -30.0));
}

#[test]
fn the_frontier_has_the_fastest_and_the_smallest() {
    let mut results = study(true);
    results.compare(Interpolation::Pchip);
    let [a, b] = &results.frontier[..] else { panic!("{:?}", results.frontier) };
    assert!((b.cpu_ratio.value - 0.5).abs() < 1e-9);
    assert_eq!((a.on_frontier, b.on_frontier), (true, true));
    results.environment.timing = false;
    results.compare(Interpolation::Pchip);
    assert_eq!(results.frontier, []);
}

#[test]
fn failed_points_are_omitted_and_rejections_are_reported() {
    let mut results = study(true);
    for point in &mut results.points {
        if point.arm == "b" && point.clip == "y" {
            point.failure = Some("exit code 1".to_owned());
        }
    }
    results.compare(Interpolation::Pchip);
    let found = &results.comparisons[0];
    assert!((found.bd_rate.unwrap().value - 10.0).abs() < 1e-9);
    let refused = found.clips[1].refused.as_deref();
    let reason = "curve of b: too few points: got 0, expected at least 2 (4 failed)";
    assert_eq!(refused, Some(reason));
    let table = crate::report::table(&results, 200, false);
    let missing = format!("BD-rate of b over 1 of 2 clips, without y ({reason}).");
    assert!(table.contains(&missing), "{table}");
    for point in results.points.iter_mut().filter(|point| point.arm == "b") {
        point.failure = Some("exit code 2".to_owned());
    }
    results.compare(Interpolation::Pchip);
    let page = crate::report::html(&results, &crate::report::ReportExtras::default());
    assert!(page.contains("none<small title=\"x: curve of b: too few points"), "{page}");
    assert!(page.contains("8 of 8 points failed"), "{page}");
    assert!(!page.contains("undefined</"), "{page}");
    let picture = crate::plot::bd_table(&results, crate::plot::Theme::Light);
    assert!(picture.contains(">8 of 8 points failed</text>"), "{picture}");
    assert!(picture.contains(">4 failed</text>"), "{picture}");
}

#[test]
fn one_clip_gives_no_interval_and_savings_stop_at_100_percent() {
    let mut results = study(true);
    results.clips.truncate(1);
    results.compare(Interpolation::Pchip);
    let rate = results.comparisons[0].bd_rate.unwrap();
    assert_eq!((rate.interval, rate.differs, rate.ends()), (None, None, (rate.value, rate.value)));
    assert_eq!(results.frontier[1].cpu_ratio.interval, None);
    let mut results = study(true);
    for point in results.points.iter_mut().filter(|point| point.arm == "b" && point.clip == "x") {
        point.kbps *= 0.2;
    }
    results.compare(Interpolation::Pchip);
    let interval = results.comparisons[0].bd_rate.unwrap().interval.unwrap();
    assert!((interval.low + 100.0).abs() < 1e-9, "{interval:?}");
}

#[test]
fn times_that_were_not_interleaved_show_no_difference() {
    let mut results = study(true);
    for point in &mut results.points {
        let (cpu, session) = if point.arm == "a" { (4.0, 1) } else { (2.0, 2) };
        point.speed.cpu_s = vec![cpu, cpu * 1.01];
        point.speed.sessions = vec![1, session];
    }
    results.compare(Interpolation::Pchip);
    // The first repeats were.
    assert_eq!(results.frontier[1].cpu_ratio.differs, Some(true));
    for point in results.points.iter_mut().filter(|point| point.arm == "b") {
        point.speed.sessions = vec![2, 2];
    }
    results.compare(Interpolation::Pchip);
    let ratio = results.frontier[1].cpu_ratio;
    assert!((ratio.value - 0.5).abs() < 1e-9 && ratio.differs.is_none(), "{ratio:?}");
    assert!(results.cautions().iter().any(|text| text.contains("not interleaved")));
}
