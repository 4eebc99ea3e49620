//! NACK generation: detects missing packets and requests retransmission (generic NACK, RFC 4585,
//! section 6.2.1).

use std::collections::BTreeMap;
use std::time::Duration;

use super::reordering::ReorderingWindow;
use crate::sequence::{MAX_DROPOUT, RestartDetector, Unwrapper16, wrap_16};

/// Settings of a [`NackGenerator`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NackConfig {
    /// Minimum and maximum wait after a gap became visible, in case of reordering; default 0 to 60
    /// ms. Adapts between the two ([`ReorderingWindow`]).
    pub reordering_wait: (Duration, Duration),
    /// Minimum and maximum time before a request is repeated; default 10 ms to 1 s. Adapts to the
    /// round-trip time and the time until responses arrive.
    pub retry_interval: (Duration, Duration),
    /// Round-trip time until [`NackGenerator::set_rtt`]; default 100 ms.
    pub rtt: Duration,
    /// Time after a gap was detected during which its packets are still useful; default 1 s. A packet is not
    /// requested if the response would arrive later.
    pub max_delay: Duration,
    /// Maximum number of requests per packet; default 10.
    pub max_requests: u32,
    /// Maximum number of missing packets tracked; the oldest are dropped first. Default 1000.
    pub max_missing: usize,
    /// Maximum distance of a missing packet from the newest, in packets; default 10,000.
    pub max_distance: u16,
}

impl Default for NackConfig {
    /// Reordering wait of 0 to 60 ms, round trip of 100 ms, packets useful for 1 s, 10 requests,
    /// 1000 missing packets, distance of 10,000.
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            reordering_wait: (ms(0), ms(60)),
            retry_interval: (ms(10), ms(1000)),
            rtt: ms(100),
            max_delay: ms(1000),
            max_requests: 10,
            max_missing: 1000,
            max_distance: 10_000,
        }
    }
}

/// Origin of a received packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketOrigin {
    /// The media stream: original transmission, or retransmission without RTX.
    Media,
    /// RTX: a requested retransmission.
    Retransmitted,
    /// Recovered by FEC.
    Fec,
}

/// NACK counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NackCounters {
    /// Packets requested, counting repetitions (`nackCount` of getStats counts messages).
    pub requests: u64,
    /// Requests for packets that were only reordered and arrived before a response could.
    pub unnecessary: u64,
    /// Missing packets that arrived, requested or not.
    pub recovered: u64,
    /// Missing packets abandoned.
    pub abandoned: u64,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    noticed: Duration,
    due: Duration,
    tries: u32,
    first_requested: Duration,
}

/// NACK generator of one stream.
#[derive(Clone, Debug)]
pub struct NackGenerator {
    config: NackConfig,
    sequence: Unwrapper16,
    highest: Option<i64>,
    restart: RestartDetector,
    missing: BTreeMap<i64, Missing>,
    reordering: ReorderingWindow,
    rtt: Duration,
    /// Time until responses arrive: mean and mean deviation.
    response_time: Option<(Duration, Duration)>,
    counters: NackCounters,
}

impl NackGenerator {
    /// Creates a generator without packets.
    #[must_use]
    pub fn new(config: NackConfig) -> Self {
        let (least, most) = config.reordering_wait;
        Self {
            config,
            sequence: Unwrapper16::default(),
            highest: None,
            restart: RestartDetector::default(),
            missing: BTreeMap::new(),
            reordering: ReorderingWindow::new(least, most),
            rtt: config.rtt,
            response_time: None,
            counters: NackCounters::default(),
        }
    }

    /// Sets the round-trip time.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// Sets the time after a gap was detected during which its packets are still useful.
    pub fn set_max_delay(&mut self, give_up: Duration) {
        self.config.max_delay = give_up;
    }

    /// Current wait for reordered packets.
    #[must_use]
    pub fn reordering_wait(&self) -> Duration {
        self.reordering.wait()
    }

    /// Time before a request is repeated: a round trip plus a margin.
    #[must_use]
    pub fn retry_interval(&self) -> Duration {
        let (least, most) = self.config.retry_interval;
        let margin = Duration::from_millis(5);
        let answered =
            self.response_time.map_or(Duration::ZERO, |(mean, spread)| mean + 3 * spread);
        (self.rtt + margin).max(answered).clamp(least, most.max(least))
    }

    /// Records a received packet. An outlier is ignored; if a second one follows it, the sequence
    /// numbers restart there.
    pub fn push(&mut self, now: Duration, sequence: u16, origin: PacketOrigin) {
        let number = self.sequence.peek(sequence);
        let Some(highest) = self.highest else {
            self.highest = Some(self.sequence.unwrap(sequence));
            return;
        };
        if (number - highest).abs() > MAX_DROPOUT {
            if self.restart.on_outlier(sequence) {
                self.counters.abandoned += self.missing.len() as u64;
                self.missing.clear();
                self.highest = Some(self.sequence.unwrap(sequence));
            }
            return;
        }
        self.restart.reset();
        if number <= highest {
            if let Some(missing) = self.missing.remove(&number) {
                self.counters.recovered += 1;
                self.on_delivery(now, missing, origin);
            }
            return;
        }
        self.sequence.unwrap(sequence);
        let most = i64::try_from(self.config.max_missing).unwrap_or(i64::MAX);
        let from = (highest + 1).max(number.saturating_sub(most));
        let due = now.saturating_add(self.reordering.wait());
        let missing = Missing { noticed: now, due, tries: 0, first_requested: Duration::ZERO };
        self.missing.extend((from..number).map(|number| (number, missing)));
        let oldest = number - i64::from(self.config.max_distance);
        while self.missing.len() > self.config.max_missing
            || self.missing.first_key_value().is_some_and(|(&number, _)| number < oldest)
        {
            self.missing.pop_first();
            self.counters.abandoned += 1;
        }
        self.highest = Some(number);
    }

    /// Updates reordering and response time statistics from a missing packet that arrived.
    fn on_delivery(&mut self, now: Duration, missing: Missing, origin: PacketOrigin) {
        let asked = now.saturating_sub(missing.first_requested);
        // Earlier than a response can arrive.
        let overtaken = missing.tries == 0 || asked < self.rtt * 3 / 4;
        if origin == PacketOrigin::Media && overtaken {
            self.counters.unnecessary += u64::from(missing.tries);
            self.reordering.reordered(now.saturating_sub(missing.noticed));
            return;
        }
        self.reordering.lost();
        if missing.tries == 1 && origin != PacketOrigin::Fec {
            let (mean, spread) = self.response_time.unwrap_or((asked, asked / 4));
            let off = asked.abs_diff(mean);
            self.response_time = Some(((mean * 7 + asked) / 8, (spread * 3 + off) / 4));
        }
    }

    /// Stops requesting packets before this sequence number: their frame was emitted, skipped, or
    /// precedes a key frame.
    pub fn remove_before(&mut self, sequence: u16) {
        let number = self.sequence.peek(sequence);
        let kept = self.missing.split_off(&number);
        self.counters.abandoned += self.missing.len() as u64;
        self.missing = kept;
    }

    /// Appends the sequence numbers to request now.
    pub fn poll(&mut self, now: Duration, out: &mut Vec<u16>) {
        let retry = self.retry_interval();
        let NackConfig { max_delay: give_up, max_requests: max_tries, .. } = self.config;
        let Self { counters, reordering, rtt, .. } = self;
        self.missing.retain(|&number, missing| {
            let is_due = missing.due <= now;
            let end = missing.noticed.saturating_add(give_up);
            // The response to a request sent now would arrive too late.
            let in_vain = is_due && now.saturating_add(*rtt) > end && give_up < Duration::MAX;
            if now >= end && give_up < Duration::MAX
                || in_vain && missing.tries == 0
                || is_due && missing.tries >= max_tries
            {
                counters.abandoned += 1;
                reordering.lost();
                return false;
            }
            if in_vain {
                // The response to the last request may still arrive.
                missing.due = end;
            } else if is_due {
                if missing.tries == 0 {
                    missing.first_requested = now;
                }
                missing.tries += 1;
                missing.due = now.saturating_add(retry);
                counters.requests += 1;
                out.push(wrap_16(number));
            }
            true
        });
    }

    /// Deadline of the next call of [`Self::poll`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let give_up = self.config.max_delay;
        let time = |missing: &Missing| missing.due.min(missing.noticed.saturating_add(give_up));
        self.missing.values().map(time).min()
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> NackCounters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn nacker() -> NackGenerator {
        NackGenerator::new(NackConfig {
            reordering_wait: (ms(5), ms(5)),
            retry_interval: (ms(100), ms(100)),
            rtt: ms(10),
            max_delay: ms(250),
            max_missing: 100,
            ..NackConfig::default()
        })
    }

    fn poll(nacker: &mut NackGenerator, now: Duration) -> Vec<u16> {
        let mut out = Vec::new();
        nacker.poll(now, &mut out);
        out
    }

    #[test]
    fn missing_packets_are_requested_until_their_deadline() {
        let mut it = nacker();
        it.push(ms(0), 65_534, PacketOrigin::Media);
        it.push(ms(10), 1, PacketOrigin::Media);
        assert_eq!(poll(&mut it, ms(14)), []);
        assert_eq!(it.poll_timeout(), Some(ms(15)));
        assert_eq!(poll(&mut it, ms(15)), [65_535, 0]);
        assert_eq!(poll(&mut it, ms(114)), []);
        it.push(ms(114), 0, PacketOrigin::Media);
        assert_eq!(poll(&mut it, ms(115)), [65_535]);
        assert_eq!(poll(&mut it, ms(215)), [65_535]);
        assert_eq!(poll(&mut it, ms(260)), []);
        assert_eq!(it.poll_timeout(), None);
        let expected = NackCounters { requests: 4, recovered: 1, abandoned: 1, unnecessary: 0 };
        assert_eq!(it.counters(), expected);
    }

    #[test]
    fn reordered_packets_are_not_requested() {
        let mut it = nacker();
        it.push(ms(0), 10, PacketOrigin::Media);
        it.push(ms(1), 12, PacketOrigin::Media);
        it.push(ms(4), 11, PacketOrigin::Media);
        assert_eq!(poll(&mut it, ms(100)), []);
        assert_eq!(it.counters().requests, 0);
    }

    #[test]
    fn packets_that_would_arrive_too_late_are_not_requested() {
        let mut it = nacker();
        it.set_rtt(ms(240));
        it.push(ms(0), 1, PacketOrigin::Media);
        it.push(ms(0), 3, PacketOrigin::Media);
        assert_eq!(poll(&mut it, ms(5)), [2]);
        assert_eq!(poll(&mut it, ms(105)), []);
        assert_eq!(it.poll_timeout(), Some(ms(250)), "the answer may come");
        assert_eq!(poll(&mut it, ms(250)), []);
        assert_eq!(it.poll_timeout(), None);
        it.set_rtt(ms(260));
        it.push(ms(300), 5, PacketOrigin::Media);
        assert_eq!(poll(&mut it, ms(305)), []);
        assert_eq!(it.counters().abandoned, 2);
    }

    #[test]
    fn gaps_are_bounded_and_dropped_once_not_needed() {
        let mut it = nacker();
        it.push(ms(0), 0, PacketOrigin::Media);
        it.push(ms(0), 3000, PacketOrigin::Media);
        assert_eq!(it.missing.len(), 100);
        it.remove_before(2990);
        assert_eq!(poll(&mut it, ms(5)).len(), 10);
        it.remove_before(3001);
        assert_eq!(it.poll_timeout(), None);
        for step in 1..=120_u16 {
            it.push(ms(6), 3000_u16.wrapping_add(step * 90), PacketOrigin::Media);
        }
        assert!(it.missing.len() <= 100);
    }

    #[test]
    fn outliers_count_only_if_a_second_one_follows() {
        let mut it = nacker();
        it.push(ms(0), 100, PacketOrigin::Media);
        it.push(ms(0), 40_000, PacketOrigin::Media);
        it.push(ms(0), 102, PacketOrigin::Media);
        assert_eq!(poll(&mut it, ms(5)), [101]);
        // A restart with lower sequence numbers.
        for sequence in [60_000, 60_001, 60_003] {
            it.push(ms(6), sequence, PacketOrigin::Media);
        }
        assert_eq!(poll(&mut it, ms(11)), [60_002]);
    }

    #[test]
    fn repetition_follows_the_round_trip_and_response_time() {
        let mut it = NackGenerator::new(NackConfig::default());
        assert_eq!(it.retry_interval(), ms(105));
        it.set_rtt(ms(50));
        assert_eq!(it.retry_interval(), ms(55));
        for packet in 0..100_u16 {
            let now = ms(u64::from(packet) * 200);
            it.push(now, packet * 2, PacketOrigin::Media);
            poll(&mut it, now);
            it.push(now + ms(70), (packet * 2).wrapping_sub(1), PacketOrigin::Retransmitted);
        }
        assert!(
            it.retry_interval() >= ms(70) && it.retry_interval() <= ms(72),
            "{:?}",
            it.retry_interval()
        );
        assert_eq!(it.counters().requests, 99);
    }

    /// A packet every 6 ms, lost or late with the given probabilities; responses take 60 ms.
    fn run(loss: f64, late: f64, late_ms: u64) -> NackCounters {
        let mut rng = Rng::new(42);
        let mut it = NackGenerator::new(NackConfig::default());
        it.set_rtt(ms(50));
        let mut events = std::collections::BTreeSet::new();
        for packet in 0..2500_u16 {
            let sent = u64::from(packet) * 6;
            if rng.unit() >= loss {
                let delay = if rng.unit() < late { late_ms } else { 0 };
                events.insert((ms(sent + 25 + delay), packet, false));
            }
        }
        while let Some((now, packet, is_answer)) = events.pop_first() {
            it.push(
                now,
                packet,
                if is_answer { PacketOrigin::Retransmitted } else { PacketOrigin::Media },
            );
            for asked in poll(&mut it, now) {
                if rng.unit() >= loss {
                    events.insert((now + ms(60), asked, true));
                }
            }
        }
        it.counters()
    }

    #[test]
    fn reordering_without_loss_causes_almost_no_requests() {
        let found = run(0.0, 0.05, 30);
        assert!(found.unnecessary <= 2 && found.requests == found.unnecessary, "{found:?}");
        // Reordered by one or two packets only.
        let found = run(0.0, 0.05, 8);
        assert!(found.requests <= 2, "{found:?}");
    }

    #[test]
    fn losses_are_requested_at_once_despite_slight_reordering() {
        let found = run(0.05, 0.002, 30);
        assert!(found.requests > 110 && found.requests < 170, "{found:?}");
        assert!(found.abandoned == 0 && found.unnecessary <= 8, "{found:?}");
    }
}
