//! Simulation cases. Their output forms the tables of docs/congestion.md:
//! `cargo test -p codec-rtc --lib simulation -- --nocapture --test-threads=1`.

mod losses;
mod rfc8867;
mod steps;

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::{FlowConfig, Record, World, link};
use crate::congestion::ControllerConfig;
use crate::link::LinkConfig;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A reverse path with sufficient bandwidth.
fn back(delay_ms: u64) -> LinkConfig {
    link(delay_ms, 300, &[(0, 100_000)])
}

/// A flow whose estimate is limited to `kbps`.
fn at_most(kbps: u64) -> FlowConfig {
    let controller = ControllerConfig { max: Bitrate::kbps(kbps), ..ControllerConfig::default() };
    FlowConfig { controller, ..FlowConfig::new() }
}

/// Seeds of the cases that run several times.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;

/// One flow over a link, with the same delay on the reverse path.
fn one(link: LinkConfig, flow: FlowConfig, seconds: u64) -> Record {
    seeded(link, flow, seconds, 1)
}

fn seeded(link: LinkConfig, flow: FlowConfig, seconds: u64, seed: u64) -> Record {
    let delay = u64::try_from(link.delay.as_millis()).expect("short");
    World::new(vec![link, back(delay)], &[flow], seed).run(secs(seconds))
}

/// Results of one section of a run.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Share of the capacity that arrives.
    utilisation: f64,
    /// 95th percentile of the queueing delay, in milliseconds.
    queue_p95_ms: f64,
    /// Jain's fairness index of the flows.
    fairness: f64,
}

/// Computes the results of the flows on a link between two times in seconds and prints them as a
/// table row.
fn figures(case: &str, record: &Record, on: (usize, &[usize]), from: f64, to: f64) -> Figures {
    let (link, flows) = on;
    let utilisation = record.utilisation(link, flows, from, to);
    let [p50, p95] = record.queueing_ms(link, from, to);
    let loss = 100.0 * record.loss(flows, from, to);
    let fairness = record.fairness(flows, from, to);
    let share = 100.0 * utilisation;
    println!(
        "| {case} | {from:.0}-{to:.0} | {share:.0} | {p50:.0} / {p95:.0} | {loss:.2} | {fairness:.2} |"
    );
    Figures { utilisation, queue_p95_ms: p95, fairness }
}
