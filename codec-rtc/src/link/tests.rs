//! The link matches its parameters: exactly if nothing is random, otherwise within statistical
//! bounds. Seeds are fixed, so that the tests are deterministic.

use codec_core::codec::Bitrate;

use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// 800 kb/s: 1000 bytes take 10 ms.
fn config() -> LinkConfig {
    let rate = RateTrace::constant(Bitrate::kbps(800)).unwrap();
    LinkConfig { overhead_bytes: 0, ..LinkConfig::new(rate) }
}

fn link(config: LinkConfig) -> Link<u64> {
    Link::new(config, 1).unwrap()
}

fn arrivals(link: &mut Link<u64>) -> Vec<(u64, Duration)> {
    let mut out = Vec::new();
    while let Some(at) = link.poll_timeout() {
        let arrival = link.poll(at).unwrap();
        assert_eq!(arrival.at, at);
        out.push((arrival.packet, at));
    }
    out
}

#[test]
fn rate_queue_and_delay_match_manual_calculation() {
    let mut link = link(LinkConfig { delay: ms(40), ..config() });
    // Three packets at once, one while the third is being sent, one to an idle link.
    for packet in 0..3 {
        let departs = ms(10 * (packet + 1));
        let queued = ms(10 * packet);
        assert_eq!(link.send(ms(0), 1000, packet), Sent::Queued { queued, departs });
    }
    assert_eq!(link.send(ms(25), 500, 3), Sent::Queued { queued: ms(5), departs: ms(35) });
    assert_eq!(link.send(ms(100), 1000, 4), Sent::Queued { queued: ms(0), departs: ms(110) });
    let expected = [(0, ms(50)), (1, ms(60)), (2, ms(70)), (3, ms(75)), (4, ms(150))];
    assert_eq!(arrivals(&mut link), expected);
    let stats = link.stats();
    assert_eq!(stats.queueing.mean_ms(), Some((10.0 + 20.0 + 5.0) / 5.0));
    assert_eq!(stats.one_way.percentiles_ms([0.5, 1.0]), Some([50.0, 70.0]));
    assert_eq!(stats.propagation.mean_ms(), Some(40.0));
}

#[test]
fn overhead_takes_link_time() {
    let mut link = link(LinkConfig { overhead_bytes: 250, ..config() });
    let sent = link.send(ms(0), 750, 0);
    assert_eq!(sent, Sent::Queued { queued: ms(0), departs: ms(10) });
    assert_eq!(link.stats().passed_bytes, 1000);
}

#[test]
fn a_full_queue_drops_the_newest() {
    // 30 ms are 3000 bytes.
    let mut link = link(LinkConfig { queue: QueueLimit::Time(ms(30)), ..config() });
    let mut fates = Vec::new();
    for packet in 0..5 {
        fates.push(link.send(ms(0), 1000, packet) != Sent::Dropped);
    }
    assert_eq!(fates, [true, true, true, false, false]);
    // At 10 ms the first packet has left.
    assert_ne!(link.send(ms(10), 1000, 5), Sent::Dropped);
    assert_eq!(link.send(ms(10), 1, 6), Sent::Dropped);
    let packets: Vec<_> = arrivals(&mut link).into_iter().map(|(packet, _)| packet).collect();
    assert_eq!(packets, [0, 1, 2, 5]);
    assert_eq!((link.stats().dropped_packets, link.stats().dropped_bytes), (3, 2001));
}

#[test]
fn idle_link_accepts_any_packet_and_queue_limits_agree() {
    let mut link = link(LinkConfig { queue: QueueLimit::Bytes(1500), ..config() });
    assert_ne!(link.send(ms(0), 3000, 0), Sent::Dropped);
    assert_eq!(link.send(ms(0), 1, 1), Sent::Dropped);
    assert_ne!(link.send(ms(30), 1000, 2), Sent::Dropped);
    assert_ne!(link.send(ms(30), 500, 3), Sent::Dropped);
    assert_eq!(link.send(ms(30), 1, 4), Sent::Dropped);
}

#[test]
fn falling_rate_grows_the_queue() {
    // 800 kb/s for 20 ms, then 80 kb/s: 2000 bytes leave by 20 ms, each further 1000 take 100 ms.
    let rate = RateTrace::new(vec![(ms(0), Bitrate::kbps(800)), (ms(20), Bitrate::kbps(80))]);
    let queue = QueueLimit::Bytes(10_000);
    let mut link = link(LinkConfig { rate: rate.unwrap(), queue, ..config() });
    for packet in 0..4 {
        link.send(ms(0), 1000, packet);
    }
    let expected = [(0, ms(10)), (1, ms(20)), (2, ms(120)), (3, ms(220))];
    assert_eq!(arrivals(&mut link), expected);
}

#[test]
fn outage_delays_packets_and_endless_outage_drops_them() {
    let rate = RateTrace::new(vec![
        (ms(0), Bitrate::kbps(800)),
        (ms(20), Bitrate(0)),
        (ms(100), Bitrate::kbps(800)),
        (ms(200), Bitrate(0)),
    ]);
    let mut link = link(LinkConfig { rate: rate.unwrap(), ..config() });
    let sent = link.send(ms(50), 1000, 0);
    assert_eq!(sent, Sent::Queued { queued: ms(50), departs: ms(110) });
    assert_eq!(link.send(ms(250), 1000, 1), Sent::Dropped);
}

/// Loss of `count` packets.
fn losses(loss: Loss, count: usize, seed: u64) -> Vec<bool> {
    let mut process = LossProcess::new(loss, Rng::new(seed)).unwrap();
    (0..count).map(|_| process.next_is_lost()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn share(lost: &[bool]) -> f64 {
    lost.iter().filter(|&&lost| lost).count() as f64 / lost.len() as f64
}

fn bursts(lost: &[bool]) -> Vec<usize> {
    lost.split(|&lost| !lost).map(<[bool]>::len).filter(|&len| len > 0).collect()
}

#[test]
fn random_losses_have_the_configured_ratio_and_are_independent() {
    const COUNT: usize = 200_000;
    for (seed, mean) in [(1, 0.001), (2, 0.02), (3, 0.1), (4, 0.5)] {
        let lost = losses(Loss::Random(mean), COUNT, seed);
        // Four standard deviations of a binomial proportion.
        let bound = 4.0 * (mean * (1.0 - mean) / COUNT as f64).sqrt();
        assert!((share(&lost) - mean).abs() < bound, "{mean}: {}", share(&lost));
        // Loss after a loss has the same probability.
        let after: Vec<_> = lost.windows(2).filter(|two| two[0]).map(|two| two[1]).collect();
        let bound = 4.0 * (mean * (1.0 - mean) / after.len() as f64).sqrt() + 1e-9;
        assert!((share(&after) - mean).abs() < bound.max(0.01), "{mean}: {}", share(&after));
    }
    assert!(losses(Loss::Random(1.0), 1000, 1).iter().all(|&lost| lost));
    assert!(losses(Loss::Random(0.0), 1000, 1).iter().all(|&lost| !lost));
    assert!(losses(Loss::None, 1000, 1).iter().all(|&lost| !lost));
}

#[test]
fn bursts_have_the_configured_ratio_and_length() {
    const COUNT: usize = 400_000;
    for (seed, mean, burst) in [(1, 0.02, 3.0), (2, 0.05, 4.0), (3, 0.2, 1.5), (4, 0.1, 20.0)] {
        let lost = losses(Loss::Bursts { mean, burst }, COUNT, seed);
        let found = bursts(&lost);
        let length = found.iter().sum::<usize>() as f64 / found.len() as f64;
        // Lengths are geometric: their variance is burst * (burst - 1).
        let bound = 4.0 * (burst * (burst - 1.0) / found.len() as f64).sqrt();
        assert!((length - burst).abs() < bound, "{burst}: {length}");
        // Proportion of a two-state chain: its variance is that of independent draws times (1 + r)
        // / (1 - r), where r is the correlation of neighbours.
        let r = 1.0 - 1.0 / burst - mean / (1.0 - mean) / burst;
        let variance = mean * (1.0 - mean) / COUNT as f64 * (1.0 + r) / (1.0 - r);
        assert!((share(&lost) - mean).abs() < 4.0 * variance.sqrt(), "{mean}: {}", share(&lost));
        // Geometric: of the bursts of at least k packets, 1 - 1/burst are longer.
        for k in 1..4 {
            let at_least = found.iter().filter(|&&len| len >= k).count() as f64;
            let longer = found.iter().filter(|&&len| len > k).count() as f64;
            let expected = 1.0 - 1.0 / burst;
            let bound = 4.0 * (expected * (1.0 - expected) / at_least).sqrt();
            assert!((longer / at_least - expected).abs() < bound, "{burst}, {k}");
        }
    }
    let singles = losses(Loss::Bursts { mean: 0.3, burst: 1.0 }, 10_000, 5);
    assert!(bursts(&singles).iter().all(|&len| len == 1));
}

#[test]
fn gilbert_elliott_has_the_stationary_mean() {
    let loss = Loss::GilbertElliott { to_bad: 0.01, to_good: 0.09, good: 0.001, bad: 0.4 };
    assert!((loss.mean() - 0.0409).abs() < 1e-12);
    let lost = losses(loss, 400_000, 7);
    assert!((share(&lost) - 0.0409).abs() < 0.002, "{}", share(&lost));
}

#[test]
fn jitter_has_the_configured_distribution() {
    const COUNT: u64 = 50_000;
    let fast = RateTrace::constant(Bitrate::kbps(100_000_000)).unwrap();
    for (shape, mean, deviation) in
        [(JitterShape::Uniform, 5.0, 10.0 / 12_f64.sqrt()), (JitterShape::Exponential, 10.0, 10.0)]
    {
        let jitter = Jitter { time: ms(10), shape, reorders: true };
        let rate = fast.clone();
        let mut link = link(LinkConfig { rate, delay: ms(40), jitter, ..config() });
        for packet in 0..COUNT {
            link.send(ms(packet), 100, packet);
        }
        let times = &link.stats().propagation;
        let found = times.mean_ms().unwrap();
        let bound = 4.0 * deviation / (COUNT as f64).sqrt();
        assert!((found - 40.0 - mean).abs() < bound.max(0.01), "{shape:?}: {found}");
        let spread = times.deviation_ms().unwrap();
        assert!((spread - deviation).abs() < 0.03 * deviation, "{shape:?}: {spread}");
        let [least, most] = times.percentiles_ms([0.0, 1.0]).unwrap();
        assert!(least >= 40.0 && most <= 40.0 + jitter.max().as_secs_f64() * 1e3);
        if shape == JitterShape::Uniform {
            let [p25, p75] = times.percentiles_ms([0.25, 0.75]).unwrap();
            assert!((p25 - 42.5).abs() < 0.15 && (p75 - 47.5).abs() < 0.15, "{p25} {p75}");
        }
        // Packets 1 ms apart with 10 ms of jitter: many are reordered.
        assert!(link.stats().reordered_packets > COUNT / 4);
        let order = arrivals(&mut link);
        assert!(!order.is_sorted_by_key(|(packet, _)| *packet));
        assert!(order.is_sorted_by_key(|(_, at)| *at));
        assert_eq!(order.len() as u64, COUNT);
    }
}

#[test]
fn without_reordering_packets_stay_in_order() {
    let jitter = Jitter { time: ms(30), ..Jitter::NONE };
    let mut link = link(LinkConfig { delay: ms(40), jitter, ..config() });
    let departs: Vec<_> = (0..2000)
        .map(|packet| match link.send(ms(11 * packet), 1000, packet) {
            Sent::Queued { departs, .. } => departs,
            Sent::Dropped => panic!("packet {packet}"),
        })
        .collect();
    let order = arrivals(&mut link);
    assert!(order.is_sorted());
    assert_eq!(link.stats().reordered_packets, 0);
    for (departs, (_, at)) in departs.iter().zip(order) {
        // No later than the maximum jitter of this packet or of a previous one.
        assert!((*departs + ms(40)..=*departs + ms(70)).contains(&at));
    }
}

#[test]
fn results_depend_only_on_the_seed() {
    let run = |seed| {
        let jitter = Jitter { time: ms(10), ..Jitter::NONE };
        let loss = Loss::Bursts { mean: 0.1, burst: 2.0 };
        let config = LinkConfig { jitter, loss, delay: ms(20), ..config() };
        let mut link = Link::new(config, seed).unwrap();
        for packet in 0..500 {
            link.send(ms(12 * packet), 1000, packet);
        }
        arrivals(&mut link)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn jitter_does_not_change_losses() {
    let lost = |jitter| {
        let loss = Loss::Random(0.2);
        let mut link = link(LinkConfig { jitter, loss, ..config() });
        for packet in 0..500 {
            link.send(ms(12 * packet), 1000, packet);
        }
        let mut packets: Vec<_> = arrivals(&mut link).into_iter().map(|(p, _)| p).collect();
        packets.sort_unstable();
        packets
    };
    let jitter = Jitter { time: ms(40), shape: JitterShape::Exponential, reorders: true };
    assert_eq!(lost(Jitter::NONE), lost(jitter));
}

#[test]
fn burst_counters_match_the_link() {
    let loss = Loss::Bursts { mean: 0.1, burst: 3.0 };
    let mut link = link(LinkConfig { loss, ..config() });
    for packet in 0..20_000 {
        link.send(ms(12 * packet), 1000, packet);
    }
    let stats = link.stats();
    assert_eq!(stats.passed_packets, 20_000);
    assert_eq!(stats.one_way.count() as u64, 20_000 - stats.lost_packets);
    assert!((stats.loss_share() - 0.1).abs() < 0.02);
    assert!((stats.mean_burst().unwrap() - 3.0).abs() < 0.4);
}

#[test]
fn invalid_settings_are_rejected() {
    let refused = |change: fn(&mut LinkConfig)| {
        let mut config = config();
        change(&mut config);
        assert!(Link::<()>::new(config.clone(), 1).is_err(), "{config:?}");
    };
    refused(|c| c.delay = Duration::MAX);
    refused(|c| c.jitter.time = ms(60_001));
    refused(|c| c.jitter = Jitter { time: ms(6_001), shape: JitterShape::Exponential, ..c.jitter });
    refused(|c| c.queue = QueueLimit::Time(ms(60_001)));
    refused(|c| c.queue = QueueLimit::Bytes(u64::MAX));
    refused(|c| c.overhead_bytes = u32::MAX);
    refused(|c| c.loss = Loss::Random(1.01));
    refused(|c| c.loss = Loss::Random(-0.01));
    refused(|c| c.loss = Loss::Random(f64::NAN));
    refused(|c| c.loss = Loss::Bursts { mean: 0.6, burst: 1.0 });
    refused(|c| c.loss = Loss::Bursts { mean: 0.1, burst: 0.9 });
    refused(|c| c.loss = Loss::Bursts { mean: 0.1, burst: f64::INFINITY });
    refused(|c| c.loss = Loss::Bursts { mean: f64::NAN, burst: 2.0 });
    let still = Loss::GilbertElliott { to_bad: 0.0, to_good: 0.0, good: 0.0, bad: 1.0 };
    assert!(LossProcess::new(still, Rng::new(1)).is_err());
    for rate in [1, 999, 100_000_000_001, u64::MAX] {
        assert!(RateTrace::constant(Bitrate(rate)).is_err(), "{rate}");
    }
}

#[test]
fn decreasing_times_and_huge_packets_are_harmless() {
    let mut link = link(config());
    link.send(ms(100), 1000, 0);
    assert_eq!(link.send(ms(0), 1000, 1), Sent::Queued { queued: ms(10), departs: ms(120) });
    let mut idle: Link<u64> = Link::new(config(), 1).unwrap();
    let _ = idle.send(Duration::MAX, usize::MAX, 0);
    let _ = idle.send(ms(0), usize::MAX, 0);
}
