//! Packets that were sent, for those who ask again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Settings of a [`History`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryConfig {
    /// How long a packet is kept.
    pub keep: Duration,
    /// Most packets that are kept: 1 to 32768.
    pub max_packets: usize,
    /// Most bytes that are kept.
    pub max_bytes: usize,
    /// Rate of answers, in bits per second, saved up over [`Self::budget_time`].
    pub budget_bps: u64,
    /// How much of that may be spent at once, as time.
    pub budget_time: Duration,
}

impl Default for HistoryConfig {
    /// 3 s, 8192 packets, 8 MiB, no bound on answers.
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(3),
            max_packets: 8192,
            max_bytes: 8 << 20,
            budget_bps: u64::MAX,
            budget_time: Duration::from_millis(500),
        }
    }
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend<'a> {
    /// Send it again.
    Packet(&'a [u8]),
    /// It was sent less than a round trip ago: that answer is still on its way.
    TooSoon,
    /// Answers would take more than their budget.
    OverBudget,
    /// It is not kept, or not any more.
    Unknown,
}

/// Counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryCounters {
    /// Requests, each number counted.
    pub requests: u64,
    /// Packets that were sent again, and their bytes.
    pub resent: (u64, u64),
    /// Requests that came too soon after the packet was sent.
    pub too_soon: u64,
    /// Requests beyond the budget.
    pub over_budget: u64,
    /// Requests for packets that were not kept.
    pub unknown: u64,
}

#[derive(Clone, Debug)]
struct Kept {
    bytes: Vec<u8>,
    /// When it was sent last.
    sent: Duration,
    /// Tells it from an older packet with the same number.
    serial: u64,
}

/// Keeps packets for a time and answers requests for them.
#[derive(Clone, Debug)]
pub struct History {
    config: HistoryConfig,
    order: VecDeque<(Duration, u16, u64)>,
    packets: BTreeMap<u16, Kept>,
    bytes: usize,
    serial: u64,
    /// Bits that answers may have, and when that was.
    budget: (u64, Duration),
    counters: HistoryCounters,
}

impl History {
    /// Keeps each packet for `keep`, and at most `max_packets`; the rest by default.
    #[must_use]
    pub fn new(keep: Duration, max_packets: usize) -> Self {
        Self::with_config(HistoryConfig { keep, max_packets, ..HistoryConfig::default() })
    }

    /// An empty one.
    #[must_use]
    pub fn with_config(mut config: HistoryConfig) -> Self {
        config.max_packets = config.max_packets.clamp(1, 1 << 15);
        let mut history = Self {
            config,
            order: VecDeque::new(),
            packets: BTreeMap::new(),
            bytes: 0,
            serial: 0,
            budget: (0, Duration::ZERO),
            counters: HistoryCounters::default(),
        };
        history.budget.0 = history.full_budget();
        history
    }

    /// Remembers a packet that leaves at `now`.
    pub fn push(&mut self, now: Duration, sequence: u16, packet: &[u8]) {
        let HistoryConfig { keep, max_packets, max_bytes, .. } = self.config;
        while self.order.front().is_some_and(|&(sent, ..)| {
            self.order.len() >= max_packets
                || self.bytes + packet.len() > max_bytes
                || now.saturating_sub(sent) > keep
        }) {
            self.forget_oldest();
        }
        if packet.len() > max_bytes {
            return;
        }
        self.serial += 1;
        let kept = Kept { bytes: packet.to_vec(), sent: now, serial: self.serial };
        self.bytes += packet.len();
        if let Some(old) = self.packets.insert(sequence, kept) {
            self.bytes -= old.bytes.len();
        }
        self.order.push_back((now, sequence, self.serial));
    }

    fn forget_oldest(&mut self) {
        let Some((_, sequence, serial)) = self.order.pop_front() else { return };
        if self.packets.get(&sequence).is_some_and(|kept| kept.serial == serial)
            && let Some(old) = self.packets.remove(&sequence)
        {
            self.bytes -= old.bytes.len();
        }
    }

    /// The packet with that number, if it is kept.
    #[must_use]
    pub fn get(&self, sequence: u16) -> Option<&[u8]> {
        self.packets.get(&sequence).map(|kept| kept.bytes.as_slice())
    }

    /// A new budget of answers, in bits per second.
    pub fn set_budget(&mut self, budget_bps: u64) {
        self.config.budget_bps = budget_bps;
        self.budget.0 = self.budget.0.min(self.full_budget());
    }

    /// Somebody asked for that number; `rtt` is the round trip. A packet that is to be sent again
    /// counts as sent at `now`.
    pub fn request(&mut self, now: Duration, sequence: u16, rtt: Duration) -> Resend<'_> {
        self.counters.requests += 1;
        self.refill(now);
        let Some(kept) = self.packets.get_mut(&sequence) else {
            self.counters.unknown += 1;
            return Resend::Unknown;
        };
        if now.saturating_sub(kept.sent) > self.config.keep {
            self.counters.unknown += 1;
            return Resend::Unknown;
        }
        if now < kept.sent.saturating_add(rtt) {
            self.counters.too_soon += 1;
            return Resend::TooSoon;
        }
        let bits = 8 * kept.bytes.len() as u64;
        if bits > self.budget.0 {
            self.counters.over_budget += 1;
            return Resend::OverBudget;
        }
        self.budget.0 -= bits;
        kept.sent = now;
        let (packets, bytes) = self.counters.resent;
        self.counters.resent = (packets + 1, bytes + kept.bytes.len() as u64);
        Resend::Packet(&kept.bytes)
    }

    fn full_budget(&self) -> u64 {
        bits(self.config.budget_bps, self.config.budget_time)
    }

    fn refill(&mut self, now: Duration) {
        let (had, then) = self.budget;
        let more = bits(self.config.budget_bps, now.saturating_sub(then));
        self.budget = (had.saturating_add(more).min(self.full_budget()), now.max(then));
    }

    /// What was asked for so far.
    #[must_use]
    pub fn counters(&self) -> HistoryCounters {
        self.counters
    }
}

/// Bits at a rate in a time.
fn bits(bps: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(bps).saturating_mul(time.as_micros()) / 1_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn packets_are_kept_for_a_time_and_up_to_a_number() {
        let second = Duration::from_secs(1);
        let mut history = History::new(second, 3);
        for sequence in 0..4 {
            history.push(Duration::ZERO, sequence, &sequence.to_be_bytes());
        }
        assert_eq!(history.get(0), None);
        assert_eq!(history.get(3), Some(&[0, 3][..]));
        history.push(3 * second, 4, &[0, 4]);
        assert_eq!(history.get(3), None);
        assert_eq!(history.get(4), Some(&[0, 4][..]));
    }

    #[test]
    fn bytes_are_bounded_and_a_number_may_come_again() {
        let config = HistoryConfig { max_bytes: 100, ..HistoryConfig::default() };
        let mut history = History::with_config(config);
        for sequence in 0..50_u16 {
            history.push(ms(1), sequence % 7, &[1; 30]);
            assert!(history.bytes <= 100 && history.order.len() <= 8);
        }
        assert_eq!(history.packets.len(), 3);
        history.push(ms(1), 9, &[1; 101]);
        assert_eq!(history.get(9), None);
    }

    #[test]
    fn a_request_within_a_round_trip_of_the_last_answer_is_not_answered_again() {
        let mut history = History::with_config(HistoryConfig::default());
        history.push(ms(0), 1, &[7; 10]);
        assert_eq!(history.request(ms(40), 1, ms(50)), Resend::TooSoon);
        assert_eq!(history.request(ms(50), 1, ms(50)), Resend::Packet(&[7; 10]));
        assert_eq!(history.request(ms(99), 1, ms(50)), Resend::TooSoon);
        assert_eq!(history.request(ms(100), 1, ms(50)), Resend::Packet(&[7; 10]));
        assert_eq!(history.request(ms(100), 2, ms(50)), Resend::Unknown);
        assert_eq!(history.request(ms(9000), 1, ms(50)), Resend::Unknown);
        assert_eq!(history.counters().resent, (2, 20));
    }

    #[test]
    fn answers_keep_their_budget() {
        // 100 bytes take 10 ms; 500 ms are saved up.
        let config = HistoryConfig { budget_bps: 80_000, ..HistoryConfig::default() };
        let mut history = History::with_config(config);
        for sequence in 0..200 {
            history.push(ms(0), sequence, &[1; 100]);
        }
        let mut ask = |now, range: std::ops::Range<u16>| {
            let answers = range.map(|at| history.request(now, at, ms(0)) != Resend::OverBudget);
            answers.filter(|&answered| answered).count()
        };
        assert_eq!(ask(ms(0), 0..100), 50);
        assert_eq!(ask(ms(100), 0..100), 10);
        assert_eq!(ask(ms(2000), 0..200), 50);
    }
}
