//! Bandwidth estimation from the feedback on sent packets, in virtual time:
//! `cargo bench -p codec-benches --bench congestion`. Throughput is in packets.
#![expect(clippy::unwrap_used, reason = "a broken benchmark should stop")]

use std::time::Duration;

use codec_benches::short;
use codec_rtc::congestion::{Controller, ControllerConfig, PacketKind, PacketReport};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Packets of 1000 bytes every 4 ms: 2 Mb/s.
const PACKETS: u16 = 5000;
const STEP: Duration = Duration::from_millis(4);
/// Packets in one report.
const REPORTED: u16 = 12;

/// The estimate after all packets; one in `lose` is lost, and each of the others takes `queue`
/// longer than the previous one.
fn run(lose: u16, queue: Duration) -> u64 {
    let mut controller = Controller::new(ControllerConfig::default()).unwrap();
    let mut reports = Vec::new();
    for sequence in 0..PACKETS {
        let now = STEP * u32::from(sequence);
        controller.poll(now);
        controller.on_sent(now, sequence, 1000, PacketKind::Media, None);
        let arrival = now + Duration::from_millis(30) + queue * u32::from(sequence % 200);
        let arrival = (lose == 0 || !sequence.is_multiple_of(lose)).then_some(arrival);
        reports.push(PacketReport { sequence, arrival });
        if sequence % REPORTED == REPORTED - 1 {
            controller.on_feedback(now + Duration::from_millis(60), &reports);
            reports.clear();
        }
    }
    controller.poll(STEP * u32::from(PACKETS)).map_or(0, |estimate| estimate.target.0)
}

fn estimate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("congestion");
    group.throughput(Throughput::Elements(u64::from(PACKETS)));
    group.bench_function("steady", |b| b.iter(|| run(0, Duration::ZERO)));
    group.bench_function("loss-5-percent", |b| b.iter(|| run(20, Duration::ZERO)));
    group.bench_function("growing-queue", |b| b.iter(|| run(0, Duration::from_micros(200))));
    group.finish();
}

criterion_group! {
    name = all;
    config = short();
    targets = estimate
}
criterion_main!(all);
