//! Capacity steps that RFC 8867 does not have, and feedback outages.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::{SEEDS, at_most, figures, link, one, secs, seeded};
use crate::congestion::ControllerConfig;
use crate::congestion::simulation::FlowConfig;

const ALONE: (usize, &[usize]) = (0, &[0]);

/// The capacity falls from 2 Mb/s to 300 kb/s and returns.
#[test]
fn capacity_drops_to_300_kbps_and_recovers() {
    for (delay_ms, queue_ms) in [(25, 300), (25, 2000), (50, 1000)] {
        let steps = [(0, 2000), (20, 300), (40, 2000)];
        let record = one(link(delay_ms, queue_ms, &steps), at_most(5000), 70);
        let case = format!("2000/300/2000 kb/s, {delay_ms} ms, queue {queue_ms} ms");
        for (from, to) in [(5.0, 20.0), (22.0, 40.0), (40.0, 70.0)] {
            let figures = figures(&case, &record, ALONE, from, to);
            assert!(figures.utilisation > 0.75, "{figures:?}");
        }
        let late_ms = 200.0 + delay_ms as f64;
        let (mut below, mut delayed, mut back) = (0.0_f64, 0.0_f64, 0.0_f64);
        for seed in SEEDS {
            let record = seeded(link(delay_ms, queue_ms, &steps), at_most(5000), 60, 100 * seed);
            below = below.max(record.time_below(0, 300.0, 20.0).expect("below"));
            delayed = delayed.max(record.time_delayed(0, late_ms, 20.0, 40.0));
            back = back.max(record.time_to_reach(0, 1600.0, 40.0).expect("back"));
        }
        println!("  slowest of five seeds: rate below the capacity after {below:.1} s,");
        println!(
            "  delay below 200 ms after {delayed:.1} s, 80 % utilisation {back:.1} s after recovery"
        );
        assert!(below < 0.3 && delayed < 2.5 && back < 12.0);
    }
}

#[test]
fn target_follows_500_800_and_100_kbps() {
    let (min, max) = (Bitrate::kbps(10), Bitrate::kbps(1500));
    let controller = ControllerConfig { min, max, ..ControllerConfig::default() };
    let flow = FlowConfig { controller, ..FlowConfig::new() };
    let record = one(link(100, 1000, &[(0, 500), (25, 800), (45, 100)]), flow, 95);
    let found = [25.0, 45.0, 95.0].map(|end| record.target_kbps(0, end - 5.0, end));
    println!("  500, 800, 100 kb/s: targets {found:.0?} kb/s");
    for (found, (least, most)) in found.iter().zip([(350.0, 550.0), (600.0, 900.0), (65.0, 115.0)])
    {
        assert!((least..most).contains(found), "{found}");
    }
}

#[test]
fn capacity_drops_from_ten_megabits_and_recovers() {
    let steps = [(0, 10_000), (20, 800), (40, 10_000)];
    let record = one(link(25, 300, &steps), at_most(20_000), 80);
    for (from, to) in [(5.0, 20.0), (22.0, 40.0), (50.0, 80.0)] {
        let figures = figures("10000/800/10000 kb/s", &record, ALONE, from, to);
        assert!(figures.utilisation > 0.75, "{figures:?}");
    }
    let found = record.time_to_reach(0, 5000.0, 0.0).expect("found");
    let back = record.time_to_reach(0, 5000.0, 40.0).expect("back");
    println!("  5 Mb/s after {found:.1} s, and again {back:.1} s after recovery");
    assert!(found < 5.0 && back < 15.0);
}

#[test]
fn feedback_outage_of_ten_seconds() {
    let outage = FlowConfig { feedback_outage: Some((secs(20), secs(30))), ..at_most(5000) };
    let record = one(link(25, 300, &[(0, 2000)]), outage, 60);
    let silent = record.sent_kbps(0, 25.0, 30.0);
    let back = record.time_to_reach(0, 1600.0, 30.0).expect("back");
    println!("  feedback outage of 10 s: {silent:.0} kb/s sent, recovered after {back:.1} s");
    assert!(silent < 60.0 && back < 5.0);
}

#[test]
fn link_outage_of_ten_seconds() {
    let record = one(link(25, 300, &[(0, 2000), (20, 0), (30, 2000)]), at_most(5000), 60);
    let silent = record.sent_kbps(0, 25.0, 30.0);
    let back = record.time_to_reach(0, 1600.0, 30.0).expect("back");
    println!("  link outage of 10 s: {silent:.0} kb/s sent, recovered after {back:.1} s");
    assert!(silent < 60.0 && back < 12.0);
}

#[test]
fn application_limited_sender_keeps_its_estimate() {
    let limited = FlowConfig { most: Bitrate::kbps(400), ..at_most(5000) };
    let record = one(link(25, 300, &[(0, 2000)]), limited, 60);
    let found = record.target_kbps(0, 30.0, 60.0);
    let [_, p95] = record.delay_ms(0, 30.0, 60.0);
    println!(
        "  400 of 2000 kb/s: target {found:.0} kb/s, 95th percentile of the delay {p95:.0} ms"
    );
    assert!(found > 1000.0 && Duration::from_secs_f64(p95 / 1e3) < Duration::from_millis(80));
}
