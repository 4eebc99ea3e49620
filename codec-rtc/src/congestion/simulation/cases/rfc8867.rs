//! RFC 8867, section 5: changing capacity and competing flows.

use std::time::Duration;

use super::{World, at_most, back, figures, link, one, secs};
use crate::congestion::simulation::FlowConfig;

const ALONE: (usize, &[usize]) = (0, &[0]);

#[test]
fn case_5_1_one_flow_on_a_changing_link() {
    for delay in [50, 100] {
        let steps = [(0, 1000), (40, 2500), (60, 600), (80, 1000)];
        let record = one(link(delay, 300, &steps), at_most(5000), 100);
        let case = format!("5.1, {delay} ms");
        for (from, to) in [(0.0, 40.0), (40.0, 60.0), (60.0, 80.0), (80.0, 100.0)] {
            let figures = figures(&case, &record, ALONE, from, to);
            assert!(figures.utilisation > 0.78 && figures.queue_p95_ms < 130.0, "{figures:?}");
        }
        let whole = figures(&case, &record, ALONE, 0.0, 100.0);
        assert!(whole.utilisation > 0.85 && whole.queue_p95_ms < 80.0, "{whole:?}");
    }
}

#[test]
fn case_5_2_two_flows_on_a_changing_link() {
    let steps = [(0, 4000), (25, 2000), (50, 3500), (75, 1000), (100, 2000)];
    let world = World::new(vec![link(50, 300, &steps), back(50)], &[at_most(5000); 2], 1);
    let record = world.run(secs(125));
    for (from, to) in [(0.0, 25.0), (25.0, 50.0), (50.0, 75.0), (75.0, 100.0), (100.0, 125.0)] {
        let figures = figures("5.2", &record, (0, &[0, 1]), from, to);
        assert!(figures.utilisation > 0.8 && figures.queue_p95_ms < 150.0, "{figures:?}");
        assert!(figures.fairness > 0.85, "{figures:?}");
    }
}

#[test]
fn case_5_3_both_directions() {
    let there = link(50, 300, &[(0, 2000), (20, 1000), (40, 500), (60, 2000)]);
    let back = link(50, 300, &[(0, 2000), (35, 800), (70, 2000)]);
    let forward = FlowConfig { link: 0, back: 1, ..at_most(5000) };
    let backward = FlowConfig { link: 1, back: 0, ..at_most(5000) };
    let record = World::new(vec![there, back], &[forward, backward], 1).run(secs(100));
    let pieces = [
        ("5.3 forward", ALONE, 0.0, 20.0),
        ("5.3 forward", ALONE, 20.0, 40.0),
        ("5.3 forward", ALONE, 40.0, 60.0),
        ("5.3 forward", ALONE, 60.0, 100.0),
        ("5.3 backward", (1, &[1]), 0.0, 35.0),
        ("5.3 backward", (1, &[1]), 35.0, 70.0),
        ("5.3 backward", (1, &[1]), 70.0, 100.0),
    ];
    for (case, on, from, to) in pieces {
        let figures = figures(case, &record, on, from, to);
        assert!(figures.utilisation > 0.78 && figures.queue_p95_ms < 120.0, "{figures:?}");
    }
}

#[test]
fn case_5_4_three_flows_one_after_another() {
    let flow = |at| FlowConfig { start: secs(at), ..at_most(5000) };
    let flows = [flow(0), flow(20), flow(40)];
    let record = World::new(vec![link(50, 300, &[(0, 3500)]), back(50)], &flows, 1).run(secs(120));
    let pieces: [(f64, f64, &[usize]); 3] =
        [(0.0, 20.0, &[0]), (25.0, 40.0, &[0, 1]), (60.0, 120.0, &[0, 1, 2])];
    for (from, to, flows) in pieces {
        let figures = figures("5.4", &record, (0, flows), from, to);
        assert!(figures.utilisation > 0.8 && figures.queue_p95_ms < 160.0, "{figures:?}");
        assert!(figures.fairness > 0.85, "{figures:?}");
    }
}

#[test]
fn case_5_5_round_trips_of_different_length() {
    let flow = |extra| FlowConfig { extra_delay: Duration::from_millis(extra), ..at_most(5000) };
    let flows = [0, 15, 40, 90, 140].map(flow);
    let record = World::new(vec![link(10, 300, &[(0, 4000)]), back(10)], &flows, 1).run(secs(300));
    let figures = figures("5.5", &record, (0, &[0, 1, 2, 3, 4]), 30.0, 300.0);
    assert!(figures.utilisation > 0.75 && figures.queue_p95_ms < 200.0, "{figures:?}");
    assert!(figures.fairness > 0.85, "{figures:?}");
}

#[test]
fn case_5_6_competing_with_a_long_tcp_flow() {
    let world = World::new(vec![link(50, 300, &[(0, 2000)]), back(50)], &[at_most(5000)], 1);
    let record = world.with_tcp(secs(20)).run(secs(120));
    let alone = figures("5.6 alone", &record, ALONE, 5.0, 20.0);
    let beside = figures("5.6 with TCP", &record, ALONE, 40.0, 120.0);
    assert!(alone.utilisation > 0.8 && beside.utilisation > 0.08, "{alone:?} {beside:?}");
}

#[test]
fn case_5_8_a_flow_pauses() {
    let flow = |at| FlowConfig { start: secs(at), ..at_most(5000) };
    let paused = FlowConfig { pause: Some((secs(40), secs(60))), ..flow(20) };
    let flows = [flow(0), paused, flow(40)];
    let record = World::new(vec![link(50, 300, &[(0, 3500)]), back(50)], &flows, 1).run(secs(120));
    let pieces: [(f64, f64, &[usize]); 2] = [(45.0, 60.0, &[0, 2]), (70.0, 120.0, &[0, 1, 2])];
    for (from, to, flows) in pieces {
        let figures = figures("5.8", &record, (0, flows), from, to);
        assert!(figures.utilisation > 0.78 && figures.queue_p95_ms < 160.0, "{figures:?}");
        assert!(figures.fairness > 0.8, "{figures:?}");
    }
}

/// Fairness varies between runs.
#[test]
fn fairness_over_seeds() {
    let steps = [(0, 4000), (25, 2000), (50, 3500), (75, 1000), (100, 2000)];
    let flow = |at| FlowConfig { start: secs(at), ..at_most(5000) };
    let (mut two, mut three) = (Vec::new(), Vec::new());
    for seed in 1..=10 {
        let links = vec![link(50, 300, &steps), back(50)];
        let record = World::new(links, &[at_most(5000); 2], 1000 * seed).run(secs(125));
        two.push(record.fairness(&[0, 1], 0.0, 125.0));
        let links = vec![link(50, 300, &[(0, 3500)]), back(50)];
        let flows = [flow(0), flow(20), flow(40)];
        let record = World::new(links, &flows, 1000 * seed).run(secs(120));
        three.push(record.fairness(&[0, 1, 2], 60.0, 120.0));
    }
    for (case, fairness) in [("5.2", &mut two), ("5.4", &mut three)] {
        fairness.sort_by(f64::total_cmp);
        let (least, median) = (fairness[0], fairness[fairness.len() / 2]);
        println!("  {case}, ten seeds: Jain's index at least {least:.2}, median {median:.2}");
        assert!(least > 0.6 && median > 0.85, "{case}: {fairness:?}");
    }
}
