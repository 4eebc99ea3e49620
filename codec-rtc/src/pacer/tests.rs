use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn pacer(burst: Duration) -> Pacer<u32> {
    Pacer::new(PacerConfig { burst, ..PacerConfig::new(Bitrate::kbps(800)) }).unwrap()
}

/// Departure time of each packet.
fn departures(pacer: &mut Pacer<u32>, from: Duration) -> Vec<(u32, Duration)> {
    let mut out = Vec::new();
    while let Some(at) = pacer.poll_timeout() {
        let at = at.max(from);
        out.push((pacer.poll(at).unwrap(), at));
    }
    out
}

#[test]
fn packets_leave_at_the_rate() {
    let mut pacer = pacer(Duration::ZERO);
    for packet in 0..4 {
        assert!(pacer.push(1000, Priority::Media, packet));
    }
    // 1000 bytes at 800 kb/s take 10 ms.
    let expected = [(0, ms(5)), (1, ms(15)), (2, ms(25)), (3, ms(35))];
    assert_eq!(departures(&mut pacer, ms(5)), expected);
    assert_eq!(pacer.queued_bytes(), 0);
}

#[test]
fn burst_leaves_at_once_and_delays_later_packets() {
    let mut pacer = pacer(ms(20));
    for packet in 0..5 {
        pacer.push(1000, Priority::Media, packet);
    }
    let expected = [(0, ms(100)), (1, ms(100)), (2, ms(100)), (3, ms(110)), (4, ms(120))];
    assert_eq!(departures(&mut pacer, ms(100)), expected);
    // No more than the burst is saved up.
    for packet in 0..4 {
        pacer.push(1000, Priority::Media, packet);
    }
    let expected = [(0, ms(900)), (1, ms(900)), (2, ms(900)), (3, ms(910))];
    assert_eq!(departures(&mut pacer, ms(900)), expected);
}

#[test]
fn retransmissions_have_priority() {
    let mut pacer = pacer(Duration::ZERO);
    pacer.push(1000, Priority::Media, 1);
    pacer.push(1000, Priority::Media, 2);
    pacer.push(1000, Priority::Retransmission, 3);
    let order: Vec<_> = departures(&mut pacer, ms(0)).into_iter().map(|(p, _)| p).collect();
    assert_eq!(order, [3, 1, 2]);
}

#[test]
fn new_rate_applies_to_the_next_packet() {
    let mut pacer = pacer(Duration::ZERO);
    for packet in 0..3 {
        pacer.push(1000, Priority::Media, packet);
    }
    assert_eq!(pacer.poll(ms(0)), Some(0));
    pacer.set_rate(Bitrate::kbps(80)).unwrap();
    assert_eq!(pacer.poll(ms(9)), None);
    assert_eq!(pacer.poll(ms(10)), Some(1));
    assert_eq!(pacer.poll_timeout(), Some(ms(110)));
}

#[test]
fn invalid_settings_are_rejected_and_the_queue_is_bounded() {
    for rate in [0, 999, 100_000_000_001, u64::MAX] {
        assert!(Pacer::<()>::new(PacerConfig::new(Bitrate(rate))).is_err());
    }
    let long = PacerConfig { burst: ms(10_001), ..PacerConfig::new(Bitrate::kbps(1)) };
    assert!(Pacer::<()>::new(long).is_err());
    let small = PacerConfig { max_bytes: 2500, ..PacerConfig::new(Bitrate::kbps(1)) };
    let mut pacer = Pacer::new(small).unwrap();
    assert!(pacer.push(2000, Priority::Media, ()));
    assert!(!pacer.push(1000, Priority::Media, ()));
    assert!(!pacer.push(usize::MAX, Priority::Media, ()));
    assert!(pacer.push(500, Priority::Media, ()));
}

fn cluster(rate: Bitrate) -> ProbeCluster {
    ProbeCluster { id: 7, rate, packets: 5, bytes: 5000 }
}

#[test]
fn audio_leaves_at_once_and_padding_last() {
    let mut pacer = pacer(Duration::ZERO);
    pacer.push(1000, Priority::Padding, 1);
    pacer.push(1000, Priority::Media, 2);
    pacer.push(1000, Priority::Media, 3);
    assert_eq!(pacer.poll(ms(0)), Some(2));
    pacer.push(100, Priority::Audio, 4);
    assert_eq!(pacer.poll(ms(1)), Some(4));
    // Its transmission time of a millisecond delays the following packets.
    assert_eq!(pacer.poll_timeout(), Some(ms(11)));
    assert_eq!(pacer.poll(ms(11)), Some(3));
    assert_eq!(pacer.poll(ms(21)), Some(1));
}

#[test]
fn only_audio_leaves_while_held() {
    let mut pacer = pacer(Duration::ZERO);
    pacer.push(1000, Priority::Media, 1);
    pacer.set_congested(true);
    assert_eq!((pacer.poll_timeout(), pacer.poll(ms(50))), (None, None));
    pacer.push(100, Priority::Audio, 2);
    assert_eq!((pacer.poll(ms(50)), pacer.poll(ms(60))), (Some(2), None));
    pacer.set_congested(false);
    assert_eq!(pacer.poll(ms(60)), Some(1));
}

#[test]
fn long_queue_raises_the_rate() {
    let config = PacerConfig { max_queue: Some(ms(100)), ..PacerConfig::new(Bitrate::kbps(800)) };
    let mut pacer = Pacer::new(config).unwrap();
    // 40 packets take 400 ms at the rate.
    for packet in 0..40 {
        pacer.push(1000, Priority::Media, packet);
    }
    assert_eq!(pacer.queue_time(), ms(100));
    let left = departures(&mut pacer, ms(0));
    let within = left.iter().filter(|(_, at)| *at <= ms(100)).count();
    assert!((24..40).contains(&within), "{within}");
    let last = left.last().unwrap().1;
    assert!(last < ms(250), "{last:?}");
}

#[test]
fn probe_leaves_at_its_rate_and_requests_padding() {
    let mut pacer = pacer(Duration::ZERO);
    pacer.push(1000, Priority::Media, 1);
    pacer.push(1000, Priority::Media, 2);
    assert_eq!(pacer.poll(ms(0)), Some(1));
    pacer.start_probe(ms(1), cluster(Bitrate::kbps(4000)));
    let mut left = Vec::new();
    for at in 1..40 {
        if let Some(bytes) = pacer.poll_padding(ms(at)) {
            assert_eq!(bytes, 1000);
            pacer.push(bytes, Priority::Padding, 0);
        }
        while let Some(departure) = pacer.poll_departure(ms(at)) {
            left.push((at, departure.packet, departure.probe));
        }
    }
    let id = Some(7);
    assert_eq!(left, [(1, 2, id), (3, 0, id), (5, 0, id), (7, 0, id), (9, 0, id)]);
    assert!(!pacer.is_probing());
    // The probe counts towards the rate.
    pacer.push(1000, Priority::Media, 3);
    assert_eq!(pacer.poll_timeout(), Some(ms(60)));
}

#[test]
fn unserved_probe_is_abandoned() {
    let mut pacer = pacer(Duration::ZERO);
    pacer.start_probe(ms(0), cluster(Bitrate::kbps(4000)));
    assert_eq!(pacer.poll_padding(ms(400)), Some(1000));
    assert_eq!(pacer.poll_padding(ms(501)), None);
    assert_eq!((pacer.is_probing(), pacer.poll_timeout()), (false, None));
}
