//! Unit tests of the controller with hand-written feedback; `simulation` runs it over links.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::Bitrate;

use super::*;
use crate::rng::Rng;
use crate::sequence::wrap_16;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn controller() -> Controller {
    Controller::new(ControllerConfig::default()).unwrap()
}

/// Sends 1000 bytes every 20 ms (400 kb/s) from `from` to `to`, with feedback on each packet after
/// 60 ms if `heard`.
fn send(controller: &mut Controller, from: u64, to: u64, heard: bool) {
    for at in (from..to).step_by(20) {
        let number = wrap_16(i64::try_from(at / 20).unwrap());
        controller.poll(ms(at));
        controller.on_sent(ms(at), number, 1000, PacketKind::Media, None);
        if heard && at >= from + 60 {
            let reports =
                [PacketReport { sequence: number.wrapping_sub(3), arrival: Some(ms(at)) }];
            let outcome = controller.on_feedback(ms(at), &reports);
            assert_eq!(outcome.received, [number.wrapping_sub(3)]);
        }
    }
}

#[test]
fn starts_at_the_configured_bitrate_and_requests_probes() {
    let mut controller = controller();
    let first = controller.poll(ms(0)).unwrap();
    assert_eq!((first.target, first.reason), (Bitrate::kbps(300), Reason::Start));
    assert_eq!(controller.poll(ms(1)), None, "nothing has changed");
    assert_eq!(controller.poll_probe(), None, "nothing is sent yet");
    controller.on_sent(ms(2), 0, 1000, PacketKind::Media, None);
    let rates: Vec<_> = std::iter::from_fn(|| controller.poll_probe())
        .map(|cluster| cluster.rate.as_kbps())
        .collect();
    assert_eq!(rates, [900, 1800]);
}

#[test]
fn grows_at_a_stable_delay_and_halves_on_feedback_timeout() {
    let mut controller = controller();
    send(&mut controller, 0, 5000, true);
    let grown = controller.estimate();
    assert!((350..620).contains(&grown.target.as_kbps()), "{grown:?}");
    assert_eq!((grown.rtt, grown.queueing_delay), (ms(60), ms(0)));
    assert_eq!(grown.throughput.map(|rate| (rate.as_kbps() + 5) / 10), Some(40));
    send(&mut controller, 5000, 5700, false);
    let silent = controller.estimate();
    assert_eq!((silent.reason, silent.target.0), (Reason::FeedbackTimeout, grown.target.0 / 2));
    send(&mut controller, 5700, 12_000, false);
    assert_eq!(controller.estimate().target, Bitrate::kbps(30));
}

#[test]
fn remb_limits_the_estimate() {
    let mut controller = controller();
    send(&mut controller, 0, 1000, true);
    controller.on_remb(Bitrate::kbps(100));
    let limited = controller.poll(ms(1000)).unwrap();
    assert_eq!((limited.target, limited.reason), (Bitrate::kbps(100), Reason::Receiver));
    controller.on_remb(Bitrate::kbps(1));
    assert_eq!(controller.poll(ms(1001)).unwrap().target, Bitrate::kbps(30));
}

#[test]
fn receiver_reports_are_used_without_transport_wide_feedback() {
    let mut controller = controller();
    for second in 0..10 {
        controller.on_loss_report(Duration::from_secs(second), 0.0);
    }
    let grown = controller.estimate();
    assert!((550..700).contains(&grown.target.as_kbps()), "{grown:?}");
    for second in 10..13 {
        controller.on_loss_report(Duration::from_secs(second), 0.05);
    }
    assert_eq!(controller.estimate().target, grown.target);
    controller.on_loss_report(Duration::from_secs(13), 0.2);
    let fallen = controller.estimate().target.0;
    assert_eq!(fallen, grown.target.0 * 9 / 10);
    send(&mut controller, 14_000, 14_200, true);
    assert_ne!(
        controller.estimate().target.0,
        fallen,
        "receiver reports are ignored once transport-wide feedback arrives"
    );
}

/// A sender of 1.5 Mb/s, in frames of five packets every 33 ms, that needs no more than its estimate of 2.5 Mb/s, and a receiver
/// on a link, which reads nothing while it is busy. Times are in milliseconds.
struct Ample {
    controller: Controller,
    now: u64,
    next: u16,
    reported: u64,
    /// Time of a packet on the link, which is fast at first, and when the link is free.
    packet_time: u64,
    free_at: u64,
    /// Packets that the receiver has not read, with their arrivals, and those that it has not reported.
    unread: VecDeque<(u16, u64)>,
    read: Vec<(u16, u64)>,
}

impl Ample {
    fn new() -> Self {
        let most = Bitrate::kbps(2500);
        let config = ControllerConfig { start: most, max: most, ..ControllerConfig::default() };
        let controller = Controller::new(config).unwrap();
        let mut ample = Self {
            controller,
            now: 0,
            next: 0,
            reported: 0,
            packet_time: 0,
            free_at: 0,
            unread: VecDeque::new(),
            read: vec![],
        };
        ample.run(3000, |_| true);
        assert_eq!(ample.controller.estimate().target, most);
        while ample.controller.poll_probe().is_some() {}
        ample
    }

    fn run(&mut self, for_ms: u64, is_free: impl Fn(u64) -> bool) {
        let end = self.now + for_ms;
        while self.now < end {
            if self.now.is_multiple_of(33) {
                for _ in 0..5 {
                    let (at, kind) = (ms(self.now), PacketKind::Media);
                    self.controller.on_sent(at, self.next, 1250, kind, None);
                    self.free_at = self.free_at.max(self.now) + self.packet_time;
                    self.unread.push_back((self.next, self.free_at));
                    self.next += 1;
                }
            }
            self.now += 1;
            if is_free(self.now) {
                while let Some((number, _)) = self.unread.pop_front_if(|it| it.1 <= self.now) {
                    self.read.push((number, self.now));
                }
                if self.now >= self.reported + 50 {
                    self.report();
                }
            }
            self.controller.poll(ms(self.now));
        }
    }

    /// Reports the packets that were read.
    fn report(&mut self) {
        self.reported = self.now;
        let reports = self.read.drain(..).map(|(sequence, at)| {
            let arrival = Some(ms(10_000 + at));
            PacketReport { sequence, arrival }
        });
        let reports: Vec<_> = reports.collect();
        self.controller.on_feedback(ms(self.now), &reports);
    }
}

#[test]
fn late_feedback_lowers_the_rate_of_an_encoder_but_not_the_layers() {
    let mut ample = Ample::new();
    ample.run(350, |_| false);
    let late = ample.controller.estimate();
    assert_eq!((late.layers, late.stable), (Bitrate::kbps(2500), Bitrate::kbps(2500)));
    assert!(late.target.as_kbps() < 1500 && late.reason == Reason::Draining, "{late:?}");
}

#[test]
fn a_receiver_that_is_busy_for_moments_lowers_the_rate_of_an_encoder_but_not_the_layers() {
    let mut ample = Ample::new();
    let mut lowest = Bitrate(u64::MAX);
    for pause in [30, 50, 70, 90, 110, 130, 150] {
        let free_at = ample.now + pause;
        ample.run(pause + 20, |now| now >= free_at);
        let estimate = ample.controller.estimate();
        lowest = lowest.min(estimate.stable);
        assert_eq!(estimate.layers, Bitrate::kbps(2500), "{estimate:?}");
    }
    assert!(lowest.as_kbps() < 1400, "{lowest:?}");
    // What arrives fits the link.
    ample.run(1500, |_| true);
    let estimate = ample.controller.estimate();
    assert!(estimate.target.as_kbps() > 1450, "{estimate:?}");
    assert_eq!(estimate.layers, Bitrate::kbps(2500), "{estimate:?}");
}

#[test]
fn a_link_that_becomes_slower_lowers_the_layers() {
    // 1 Mb/s at once, and 1.25 Mb/s.
    for (packet_time, limit_ms, most) in [(10, 400, 1100), (8, 700, 1350)] {
        let mut ample = Ample::new();
        ample.packet_time = packet_time;
        ample.run(limit_ms, |_| true);
        let estimate = ample.controller.estimate();
        assert!(estimate.layers.as_kbps() < most, "{estimate:?}");
    }
}

#[test]
fn feedback_that_this_end_could_not_read_is_no_timeout() {
    let mut ample = Ample::new();
    let before = ample.controller.estimate().target;
    // This end does not run.
    ample.now += 800;
    ample.controller.poll(ms(ample.now));
    assert_eq!(ample.controller.estimate().target, before);
    ample.run(300, |_| false);
    assert_eq!(ample.controller.stats().feedback_timeouts, 0);
    ample.run(300, |_| false);
    assert_eq!(ample.controller.stats().feedback_timeouts, 1, "the link is dead");
}

#[test]
fn a_dead_link_is_found_even_if_this_end_runs_seldom() {
    let mut ample = Ample::new();
    for _ in 0..8 {
        ample.now += 250;
        ample.controller.on_sent(ms(ample.now), ample.next, 1250, PacketKind::Media, None);
        ample.next += 1;
        ample.controller.poll(ms(ample.now));
    }
    assert!(ample.controller.stats().feedback_timeouts >= 1);
}

#[test]
fn window_is_never_full_during_a_feedback_timeout() {
    let mut controller = controller();
    send(&mut controller, 0, 1000, true);
    for number in 0..60_u16 {
        let sequence = 1000 + number;
        controller.on_sent(ms(1000), sequence, 1200, PacketKind::Media, None);
    }
    assert!(controller.in_flight_bytes() > controller.window_bytes());
    assert!(controller.is_window_full(ms(1010)));
    assert!(!controller.is_window_full(ms(1500)));
}

/// An encoder stops because of the estimate, while the link's queue is full: no packets, no feedback.
#[test]
fn a_sender_that_stopped_at_a_full_queue_probes_the_link() {
    let mut controller = controller();
    // 1000 bytes every 20 ms, and 80 ms per packet on the link.
    for number in 0..100_u16 {
        let at = ms(20 * u64::from(number));
        controller.poll(at);
        controller.on_sent(at, number, 1000, PacketKind::Media, None);
        if let Some(arrived) = (number / 4).checked_sub(1) {
            let arrival = Some(ms(25 + 80 * u64::from(arrived)));
            controller.on_feedback(at, &[PacketReport { sequence: arrived, arrival }]);
        }
    }
    while controller.poll_probe().is_some() {}
    assert!(controller.estimate().queueing_delay > ms(500), "{:?}", controller.estimate());
    let mut probes = Vec::new();
    for at in (2000..16_000).step_by(50) {
        controller.poll(ms(at));
        probes.extend(controller.poll_probe().map(|_| at));
    }
    assert!((1..=4).contains(&probes.len()) && probes[0] < 8000, "{probes:?}");
}

/// The end of a burst is lost in a full queue: no report covers these packets.
#[test]
fn a_queue_is_empty_once_nothing_of_it_can_arrive_any_more() {
    let mut controller = controller();
    send(&mut controller, 0, 1000, true);
    // Sent at once, reported one every 80 ms: the first five arrive, the others are lost.
    for number in 50..90_u16 {
        controller.on_sent(ms(1000), number, 1000, PacketKind::Media, None);
    }
    for number in 50..55_u16 {
        let at = ms(1060 + 80 * u64::from(number - 50));
        controller.poll(at);
        controller.on_feedback(at, &[PacketReport { sequence: number, arrival: Some(at) }]);
    }
    let full = controller.estimate();
    assert!(full.queueing_delay > ms(250), "{full:?}");
    for at in (1400..2300).step_by(50) {
        controller.poll(ms(at));
    }
    let empty = controller.estimate();
    assert_eq!((empty.queueing_delay, empty.backlog), (ms(0), ms(0)), "{empty:?}");
    assert_eq!(controller.in_flight_bytes(), 0);
    assert_ne!(empty.reason, Reason::FeedbackTimeout);
    // The sender resumes and gets no feedback: the link is dead.
    send(&mut controller, 2400, 3600, false);
    assert_eq!(controller.estimate().reason, Reason::FeedbackTimeout);
}

#[test]
fn new_bounds_apply_immediately() {
    let mut controller = controller();
    controller.set_bounds(Bitrate::kbps(500), Bitrate::kbps(600)).unwrap();
    assert_eq!(controller.estimate().target, Bitrate::kbps(500));
    assert!(controller.set_bounds(Bitrate::kbps(600), Bitrate::kbps(500)).is_err());
    assert!(controller.set_bounds(Bitrate(0), Bitrate::kbps(500)).is_err());
    assert_eq!(controller.estimate().target, Bitrate::kbps(500));
    for (min, start, max) in [(0, 300, 500), (50, 40, 500), (50, 600, 500), (50, 60, 2_000_000)] {
        let [min, start, max] = [min, start, max].map(Bitrate::kbps);
        let config = ControllerConfig { min, max, start, probing: true };
        assert!(Controller::new(config).is_err(), "{config:?}");
    }
}

#[test]
fn arbitrary_feedback_keeps_the_estimate_within_bounds() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut controller = controller();
        let (mut at, mut number) = (0_u64, 0_u16);
        for _ in 0..2000 {
            at += *rng.pick(&[0, 1, 5, 20, 300, 10_000]);
            let now = ms(at);
            match rng.below(8) {
                0..4 => {
                    number = number.wrapping_add(*rng.pick(&[1, 1, 1, 2, 30_000, 65_535]));
                    let bytes = *rng.pick(&[0, 100, 1200, u32::MAX]);
                    let probe = controller.poll_probe().map(|cluster| cluster.id);
                    controller.on_sent(now, number, bytes, PacketKind::Media, probe);
                }
                4..7 => {
                    let first = number.wrapping_sub(*rng.pick(&[0, 3, 10, 40_000]));
                    let reports: Vec<_> = (0..rng.below(20))
                        .map(|step| {
                            let end = *rng.pick(&[100, 1 << 20, 1 << 60]);
                            let arrival = ms(rng.below(end));
                            PacketReport {
                                sequence: first.wrapping_add(wrap_16(step.cast_signed())),
                                arrival: (rng.below(4) > 0).then_some(arrival),
                            }
                        })
                        .collect();
                    controller.on_feedback(now, &reports);
                }
                _ => {
                    controller.on_loss_report(now, *rng.pick(&[0.0, 0.5, -1.0, f64::NAN]));
                    controller.on_rtt(now, ms(*rng.pick(&[0, 100, 1 << 60])));
                    controller.on_remb(Bitrate(*rng.pick(&[0, 1_000_000, u64::MAX])));
                }
            }
            controller.poll(now);
            let estimate = controller.estimate();
            for rate in [estimate.target, estimate.stable] {
                assert!(
                    (Bitrate::kbps(30)..=Bitrate::kbps(20_000)).contains(&rate),
                    "{estimate:?}"
                );
            }
            assert!((0.0..=1.0).contains(&estimate.loss));
            assert!(controller.pacing_rate() >= Bitrate::kbps(30));
        }
    }
}
