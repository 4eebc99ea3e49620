//! Retransmission history: recently sent packets, for responding to NACKs.

use std::collections::VecDeque;
use std::time::Duration;

use super::blocks::{Blocks, Place};
use super::budget::Budget;
use crate::shared_bytes::SharedBytes;

/// Packets that [`PacketHistory::largest_recent`] chooses from.
const RECENT: usize = 32;
/// A packet may have a sequence number this far below those that are kept; beyond it the numbers have restarted.
const MAX_LATE: i16 = 2000;

/// Settings of a [`PacketHistory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketHistoryConfig {
    /// How long a packet is kept; default 3 s.
    pub max_age: Duration,
    /// Maximum number of packets, 1..=32768; default 8192.
    pub max_packets: usize,
    /// Maximum total size in bytes; default 8 MiB.
    pub max_bytes: usize,
    /// Rate limit of retransmissions in bits per second, accumulated over [`Self::budget_time`];
    /// default unlimited.
    pub budget_bps: u64,
    /// Maximum budget that accumulates, as time at the rate limit; default 500 ms.
    pub budget_time: Duration,
}

impl Default for PacketHistoryConfig {
    /// 3 s, 8192 packets, 8 MiB, no rate limit.
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(3),
            max_packets: 8192,
            max_bytes: 8 << 20,
            budget_bps: u64::MAX,
            budget_time: Duration::from_millis(500),
        }
    }
}

/// Response to a retransmission request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend<'a> {
    /// Retransmit this packet.
    Packet(&'a [u8]),
    /// Last sent less than a round trip ago, so that it may still be in transit.
    TooSoon,
    /// The retransmission budget is exhausted.
    OverBudget,
    /// Not in the history.
    Unknown,
}

/// Retransmission counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryCounters {
    /// Requested packets, counting repeated requests.
    pub requests: u64,
    /// Packets retransmitted, and their bytes.
    pub retransmitted: (u64, u64),
    /// Requests too soon after the packet was sent.
    pub too_soon: u64,
    /// Requests rejected because the budget was exhausted.
    pub over_budget: u64,
    /// Requests for packets not in the history.
    pub unknown: u64,
}

/// A kept packet.
#[derive(Clone, Debug)]
struct Kept {
    sequence: u16,
    /// Time of the first transmission, and of the last one.
    pushed: Duration,
    sent: Duration,
    /// Its own bytes, and the bytes after them that it shares with other histories.
    place: Place,
    shared: Option<SharedBytes>,
}

impl Kept {
    fn bytes(&self) -> usize {
        self.place.bytes() + self.shared.as_ref().map_or(0, SharedBytes::len)
    }
}

/// Answer to a request.
#[derive(Clone, Copy, Debug)]
enum Decision {
    /// The packet at this position.
    Packet(usize),
    TooSoon,
    OverBudget,
    Unknown,
}

/// Keeps sent packets for retransmission.
#[derive(Clone, Debug)]
pub struct PacketHistory {
    config: PacketHistoryConfig,
    /// Ascending sequence numbers, modulo 2^16.
    packets: VecDeque<Kept>,
    blocks: Blocks,
    /// Number of shared bytes.
    shared_bytes: usize,
    /// The last packet with shared bytes that was asked for.
    whole: Vec<u8>,
    budget: Budget,
    counters: HistoryCounters,
}

impl PacketHistory {
    /// Creates a history with the given duration and number of packets, other settings by default.
    #[must_use]
    pub fn new(max_age: Duration, max_packets: usize) -> Self {
        Self::with_config(PacketHistoryConfig {
            max_age,
            max_packets,
            ..PacketHistoryConfig::default()
        })
    }

    /// Creates an empty history.
    #[must_use]
    pub fn with_config(mut config: PacketHistoryConfig) -> Self {
        config.max_packets = config.max_packets.clamp(1, 1 << 15);
        Self {
            config,
            packets: VecDeque::new(),
            blocks: Blocks::default(),
            shared_bytes: 0,
            whole: Vec::new(),
            budget: Budget::new(config.budget_bps, config.budget_time),
            counters: HistoryCounters::default(),
        }
    }

    /// Adds a packet sent at `now`. One that is older than all kept packets is not kept; a sequence number far from
    /// them restarts the history.
    pub fn push(&mut self, now: Duration, sequence: u16, packet: &[u8]) {
        self.add(now, sequence, packet, None);
    }

    /// As [`Self::push`], for a packet that begins with `head` and ends with bytes that other histories may keep too:
    /// they are not copied.
    pub fn push_shared(&mut self, now: Duration, sequence: u16, head: &[u8], rest: SharedBytes) {
        self.add(now, sequence, head, Some(rest));
    }

    fn add(&mut self, now: Duration, sequence: u16, own: &[u8], shared: Option<SharedBytes>) {
        let PacketHistoryConfig { max_age: keep, max_packets, max_bytes, .. } = self.config;
        let bytes = own.len() + shared.as_ref().map_or(0, SharedBytes::len);
        if bytes > max_bytes {
            return;
        }
        let ahead = |from: &Kept| sequence.wrapping_sub(from.sequence).cast_signed();
        match self.packets.front().map(ahead) {
            Some(late) if late < -MAX_LATE => {
                (self.packets, self.blocks) = (VecDeque::new(), Blocks::default());
                self.shared_bytes = 0;
            }
            Some(late) if late < 0 => return,
            _ => {}
        }
        while self.packets.front().is_some_and(|oldest| {
            self.packets.len() >= max_packets
                || self.bytes() + bytes > max_bytes
                || now.saturating_sub(oldest.pushed) > keep
        }) {
            self.remove_oldest();
        }
        // What was before a late packet may have been removed.
        let at = match (self.packets.front(), self.packets.back()) {
            (_, Some(newest)) if ahead(newest) > 0 => Err(self.packets.len()),
            (Some(oldest), _) if ahead(oldest) < 0 => Err(0),
            (None, _) => Err(0),
            _ => self.find(sequence),
        };
        self.shared_bytes += bytes - own.len();
        let place = self.blocks.push(own);
        let kept = Kept { sequence, pushed: now, sent: now, place, shared };
        match at {
            Ok(at) => {
                if let Some(old) = self.packets.get_mut(at) {
                    let old = std::mem::replace(old, kept);
                    self.release(&old);
                }
            }
            Err(at) => self.packets.insert(at, kept),
        }
    }

    /// Position of a sequence number, or of the next higher one.
    fn find(&self, sequence: u16) -> Result<usize, usize> {
        let first = self.packets.front().map_or(0, |kept| kept.sequence);
        let offset = sequence.wrapping_sub(first);
        self.packets.binary_search_by_key(&offset, |kept| kept.sequence.wrapping_sub(first))
    }

    fn remove_oldest(&mut self) {
        if let Some(oldest) = self.packets.pop_front() {
            self.release(&oldest);
        }
    }

    fn release(&mut self, kept: &Kept) {
        self.blocks.remove(kept.place);
        let shared = kept.shared.as_ref().map_or(0, SharedBytes::len);
        self.shared_bytes = self.shared_bytes.saturating_sub(shared);
    }

    /// Bytes of all kept packets.
    fn bytes(&self) -> usize {
        self.blocks.bytes() + self.shared_bytes
    }

    /// Returns the packet with this sequence number, if kept.
    #[must_use]
    pub fn get(&mut self, sequence: u16) -> Option<&[u8]> {
        let at = self.find(sequence).ok()?;
        self.at(at)
    }

    /// The packet at a position.
    fn at(&mut self, at: usize) -> Option<&[u8]> {
        let kept = self.packets.get(at)?;
        let own = self.blocks.get(kept.place)?;
        let Some(shared) = &kept.shared else { return Some(own) };
        self.whole.clear();
        self.whole.extend_from_slice(own);
        shared.append_to(&mut self.whole);
        Some(&self.whole)
    }

    /// Returns the largest of the last 32 packets, for padding that is also redundancy.
    #[must_use]
    pub fn largest_recent(&mut self) -> Option<&[u8]> {
        let recent = self.packets.iter().enumerate().rev().take(RECENT);
        let (at, _) = recent.max_by_key(|(_, kept)| kept.bytes())?;
        self.at(at)
    }

    /// Sets the rate limit of retransmissions in bits per second.
    pub fn set_budget(&mut self, budget_bps: u64) {
        self.budget.set_rate(budget_bps);
    }

    /// Handles a request for a sequence number; `rtt` is the round-trip time. A packet returned for
    /// retransmission counts as sent at `now`.
    pub fn request(&mut self, now: Duration, sequence: u16, rtt: Duration) -> Resend<'_> {
        let mut budget = self.budget;
        let decision = self.decide(now, sequence, rtt, &mut budget);
        self.budget = budget;
        self.answer(decision)
    }

    /// As [`Self::request`], within a budget that several histories share, instead of its own budget.
    pub fn request_within(
        &mut self,
        now: Duration,
        sequence: u16,
        rtt: Duration,
        budget: &mut Budget,
    ) -> Resend<'_> {
        let decision = self.decide(now, sequence, rtt, budget);
        self.answer(decision)
    }

    fn decide(
        &mut self,
        now: Duration,
        sequence: u16,
        rtt: Duration,
        budget: &mut Budget,
    ) -> Decision {
        self.counters.requests += 1;
        let found = self.find(sequence).ok().and_then(|at| Some((at, self.packets.get_mut(at)?)));
        let is_recent = |it: &Kept| now.saturating_sub(it.sent) <= self.config.max_age;
        let Some((at, kept)) = found.filter(|(_, it)| is_recent(it)) else {
            self.counters.unknown += 1;
            return Decision::Unknown;
        };
        if now < kept.sent.saturating_add(rtt) {
            self.counters.too_soon += 1;
            return Decision::TooSoon;
        }
        let bytes = kept.bytes() as u64;
        if !budget.take(now, 8 * bytes) {
            self.counters.over_budget += 1;
            return Decision::OverBudget;
        }
        kept.sent = now;
        let (packets, sum) = self.counters.retransmitted;
        self.counters.retransmitted = (packets + 1, sum + bytes);
        Decision::Packet(at)
    }

    fn answer(&mut self, decision: Decision) -> Resend<'_> {
        match decision {
            Decision::Packet(at) => self.at(at).map_or(Resend::Unknown, Resend::Packet),
            Decision::TooSoon => Resend::TooSoon,
            Decision::OverBudget => Resend::OverBudget,
            Decision::Unknown => Resend::Unknown,
        }
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> HistoryCounters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn history_is_limited_by_time_and_count() {
        let second = Duration::from_secs(1);
        let mut history = PacketHistory::new(second, 3);
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
    fn bytes_are_bounded_and_sequence_numbers_may_repeat() {
        let config = PacketHistoryConfig { max_bytes: 100, ..PacketHistoryConfig::default() };
        let mut history = PacketHistory::with_config(config);
        for sequence in 0..50_u16 {
            history.push(ms(1), sequence % 7, &[1; 30]);
            assert!(history.blocks.bytes() <= 100 && history.packets.len() <= 3);
        }
        assert!(history.packets.len() >= 2);
        history.push(ms(1), 9, &[1; 101]);
        assert_eq!(history.get(9), None);
    }

    #[test]
    fn late_packets_are_found_and_numbers_may_wrap_or_restart() {
        let mut history = PacketHistory::new(ms(10_000), 1000);
        for sequence in [65_533, 65_535, 0, 3, 65_534, 2, 1, 3] {
            history.push(ms(1), sequence, &sequence.to_be_bytes());
        }
        for sequence in [65_533, 65_534, 65_535, 0, 1, 2, 3_u16] {
            assert_eq!(history.get(sequence), Some(&sequence.to_be_bytes()[..]));
        }
        history.push(ms(2), 65_530, &[9]);
        assert_eq!((history.packets.len(), history.get(65_530)), (7, None));
        history.push(ms(2), 40_000, &[8]);
        assert_eq!((history.packets.len(), history.get(40_000)), (1, Some(&[8][..])));
    }

    #[test]
    fn random_pushes_agree_with_a_plain_map() {
        let mut random = crate::rng::Rng::new(7);
        let config =
            PacketHistoryConfig { max_packets: 300, max_bytes: 90_000, ..Default::default() };
        let mut history = PacketHistory::with_config(config);
        let mut all = std::collections::BTreeMap::new();
        for number in 0..20_000_u32 {
            let late = u32::try_from(random.below(20)).unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "the number wraps")]
            let sequence = number.wrapping_sub(late) as u16;
            let len = usize::try_from(random.below(1400)).unwrap();
            let packet = vec![number.to_be_bytes()[3]; len];
            history.push(ms(number.into()), sequence, &packet);
            if history.get(sequence) == Some(&packet) {
                all.insert(sequence, packet);
            }
            assert!(history.blocks.bytes() <= 90_000 && history.packets.len() <= 300);
            let asked = sequence.wrapping_sub(u16::try_from(random.below(40)).unwrap());
            if let Some(found) = history.get(asked) {
                assert_eq!(Some(found), all.get(&asked).map(Vec::as_slice));
            }
        }
        assert!(history.blocks.count() < 8);
    }

    #[test]
    fn shared_bytes_follow_the_own_ones_and_count() {
        let config = PacketHistoryConfig { max_bytes: 100, ..PacketHistoryConfig::default() };
        let mut histories = [(); 2].map(|()| PacketHistory::with_config(config));
        for sequence in 0..20_u8 {
            let shared = SharedBytes::from(vec![sequence; 25]);
            for (history, own) in histories.iter_mut().zip(0..) {
                let mut shared = shared.clone();
                assert!(shared.change(1, &[100 + own]));
                history.push_shared(ms(1), sequence.into(), &[own; 5], shared);
                assert!(history.bytes() <= 100 && history.packets.len() <= 3);
            }
        }
        for (history, own) in histories.iter_mut().zip(0..) {
            let mut expected = vec![own; 5];
            expected.extend([18; 25]);
            expected[6] = 100 + own;
            assert_eq!(history.get(18), Some(&expected[..]));
            assert_eq!(history.request(ms(9), 18, ms(1)), Resend::Packet(&expected));
            assert_eq!(history.counters().retransmitted, (1, 30));
            history.push(ms(1), 20, &[7; 11]);
            assert_eq!(history.get(20), Some(&[7; 11][..]));
            assert_eq!(history.get(17), None);
            assert_eq!(history.largest_recent().map(<[u8]>::len), Some(30));
            history.push(ms(1), 40_000, &[7; 11]);
            assert_eq!((history.bytes(), history.get(18)), (11, None));
        }
    }

    #[test]
    fn requests_within_a_round_trip_are_ignored() {
        let mut history = PacketHistory::with_config(PacketHistoryConfig::default());
        history.push(ms(0), 1, &[7; 10]);
        assert_eq!(history.request(ms(40), 1, ms(50)), Resend::TooSoon);
        assert_eq!(history.request(ms(50), 1, ms(50)), Resend::Packet(&[7; 10]));
        assert_eq!(history.request(ms(99), 1, ms(50)), Resend::TooSoon);
        assert_eq!(history.request(ms(100), 1, ms(50)), Resend::Packet(&[7; 10]));
        assert_eq!(history.request(ms(100), 2, ms(50)), Resend::Unknown);
        assert_eq!(history.request(ms(9000), 1, ms(50)), Resend::Unknown);
        assert_eq!(history.counters().retransmitted, (2, 20));
    }

    #[test]
    fn retransmissions_stay_within_the_budget() {
        // 100 bytes take 10 ms; 500 ms accumulate.
        let config = PacketHistoryConfig { budget_bps: 80_000, ..PacketHistoryConfig::default() };
        let mut history = PacketHistory::with_config(config);
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

    #[test]
    fn histories_can_share_a_budget() {
        // 100 bytes take 10 ms; 500 ms accumulate.
        let mut budget = Budget::new(80_000, ms(500));
        let mut histories = [1, 2].map(|_| PacketHistory::new(ms(3000), 100));
        let mut sent = 0;
        for sequence in 0..100 {
            for history in &mut histories {
                history.push(ms(0), sequence, &[1; 100]);
                let answer = history.request_within(ms(0), sequence, ms(0), &mut budget);
                sent += usize::from(matches!(answer, Resend::Packet(_)));
            }
        }
        assert_eq!(sent, 50);
        budget.set_rate(8000);
        assert!(budget.take(ms(10_000), 4000) && !budget.take(ms(10_000), 1));
    }
}
