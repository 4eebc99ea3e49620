//! Packet loss that does not depend on the rate.

use super::{SEEDS, at_most, figures, link, one, seeded};
use crate::link::{Jitter, JitterShape, LinkConfig, Loss};
use std::time::Duration;

const ALONE: (usize, &[usize]) = (0, &[0]);

#[test]
fn inherent_loss_keeps_the_rate() {
    let cases = [
        ("no loss", Loss::None, 0.85, 1400.0),
        ("2 % random", Loss::Random(0.02), 0.8, 1200.0),
        ("5 % random", Loss::Random(0.05), 0.75, 1100.0),
        ("10 % random", Loss::Random(0.1), 0.65, 1000.0),
        ("5 % in bursts of 4", Loss::Bursts { mean: 0.05, burst: 4.0 }, 0.7, 700.0),
        ("10 % in bursts of 4", Loss::Bursts { mean: 0.1, burst: 4.0 }, 0.5, 400.0),
    ];
    for (case, loss, least, slowest_least) in cases {
        let link = || LinkConfig { loss, ..link(25, 300, &[(0, 2000)]) };
        let record = one(link(), at_most(5000), 65);
        let figures = figures(case, &record, ALONE, 5.0, 65.0);
        assert!(figures.utilisation > least, "{figures:?}");
        let slowest = SEEDS.map(|seed| {
            let record = seeded(link(), at_most(5000), 65, 100 * seed);
            let rates = (5..60).map(|at| record.sent_kbps(0, at.into(), f64::from(at) + 5.0));
            rates.fold(f64::INFINITY, f64::min)
        });
        let slowest = slowest.fold(f64::INFINITY, f64::min);
        println!("  of five seeds: at least {slowest:.0} kb/s sent in any five seconds");
        assert!(slowest > slowest_least, "{slowest}");
    }
}

#[test]
fn jitter_and_reordering_keep_the_rate() {
    for (case, time_ms, reorders) in [("jitter 10 ms", 10, false), ("reordering 30 ms", 30, true)] {
        let time = Duration::from_millis(time_ms);
        let jitter = Jitter { time, shape: JitterShape::Uniform, reorders };
        let record = one(LinkConfig { jitter, ..link(25, 300, &[(0, 2000)]) }, at_most(5000), 60);
        let figures = figures(case, &record, ALONE, 5.0, 60.0);
        println!("  {:?}", record.stats);
        assert!(figures.utilisation > 0.4, "{figures:?}");
    }
}

/// A policer: excess packets are dropped and nothing is queued.
#[test]
fn capacity_of_a_policed_link_is_found_by_loss() {
    let record = one(link(25, 40, &[(0, 1000)]), at_most(5000), 60);
    let figures = figures("queue of 40 ms", &record, ALONE, 5.0, 60.0);
    assert!(figures.utilisation > 0.5, "{figures:?}");
    let lost = record.loss(&[0], 5.0, 60.0);
    assert!(lost < 0.1, "{lost}");
}
