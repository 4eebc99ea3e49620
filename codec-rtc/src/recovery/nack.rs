//! Which packets are missing, and when they are asked for again (generic NACK, RFC 4585,
//! section 6.2.1).

use std::collections::BTreeMap;
use std::time::Duration;

use super::reordering::Reordering;
use crate::sequence::{Unwrapper16, distance_16, wrap_16};

/// Settings of a [`Nacker`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NackConfig {
    /// Least and most time after a gap was noticed that it may still be reordering, and nothing is
    /// asked for. Between them the reordering that is seen decides ([`Reordering`]).
    pub wait: (Duration, Duration),
    /// Least and most time until a packet that was asked for is asked for again. Between them the
    /// round trip decides, and how long answers took.
    pub retry: (Duration, Duration),
    /// Round trip, until [`Nacker::set_rtt`].
    pub rtt: Duration,
    /// How long after it was noticed a packet can be of use. It is not asked for if the answer
    /// would come later.
    pub give_up: Duration,
    /// Most times that a packet is asked for.
    pub max_tries: u32,
    /// Most packets that are missing at once; the oldest are forgotten first.
    pub max_missing: usize,
    /// How far behind the newest packet one is missing, in packets.
    pub max_age: u16,
}

impl Default for NackConfig {
    /// 0 to 60 ms of reordering, a round trip of 100 ms at first, a second to be of use, 10 tries,
    /// 1000 packets, 10,000 back.
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            wait: (ms(0), ms(60)),
            retry: (ms(10), ms(1000)),
            rtt: ms(100),
            give_up: ms(1000),
            max_tries: 10,
            max_missing: 1000,
            max_age: 10_000,
        }
    }
}

/// Where a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// From the media's own stream: for the first time, or again where there is no RTX.
    Media,
    /// By RTX: it was asked for.
    Retransmitted,
    /// Made from FEC.
    Fec,
}

/// Counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NackCounters {
    /// Packets that were asked for, each time counted (`nackCount` of getStats counts messages).
    pub requests: u64,
    /// Requests for packets that had only been overtaken, and came before an answer could.
    pub needless: u64,
    /// Missing packets that came, asked for or not.
    pub recovered: u64,
    /// Missing packets that were given up.
    pub given_up: u64,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    noticed: Duration,
    due: Duration,
    tries: u32,
    first_asked: Duration,
}

/// Numbers further away than this are another stream's, or a restart (RFC 3550, A.1).
const FAR: i64 = 3000;

/// The receiver's side.
#[derive(Clone, Debug)]
pub struct Nacker {
    config: NackConfig,
    sequence: Unwrapper16,
    highest: Option<i64>,
    /// A packet far from all before it.
    stray: Option<u16>,
    missing: BTreeMap<i64, Missing>,
    reordering: Reordering,
    rtt: Duration,
    /// How long answers take: mean and mean deviation.
    answers: Option<(Duration, Duration)>,
    counters: NackCounters,
}

impl Nacker {
    /// Before the first packet.
    #[must_use]
    pub fn new(config: NackConfig) -> Self {
        let (least, most) = config.wait;
        Self {
            config,
            sequence: Unwrapper16::default(),
            highest: None,
            stray: None,
            missing: BTreeMap::new(),
            reordering: Reordering::new(least, most),
            rtt: config.rtt,
            answers: None,
            counters: NackCounters::default(),
        }
    }

    /// The round trip.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// How long after it was noticed a packet can be of use, from now on.
    pub fn set_give_up(&mut self, give_up: Duration) {
        self.config.give_up = give_up;
    }

    /// How long a gap is taken for reordering.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.reordering.wait()
    }

    /// Until a packet that was asked for is asked for again: a round trip and a margin.
    #[must_use]
    pub fn retry(&self) -> Duration {
        let (least, most) = self.config.retry;
        let margin = Duration::from_millis(5);
        let answered = self.answers.map_or(Duration::ZERO, |(mean, spread)| mean + 3 * spread);
        (self.rtt + margin).max(answered).clamp(least, most.max(least))
    }

    /// A packet came. One far from all before it is passed over; with a second one close behind it
    /// the numbers begin anew.
    pub fn push(&mut self, now: Duration, sequence: u16, came: Came) {
        let number = self.sequence.peek(sequence);
        let Some(highest) = self.highest else {
            self.highest = Some(self.sequence.unwrap(sequence));
            return;
        };
        if (number - highest).abs() > FAR {
            let before = self.stray.replace(sequence);
            if before.is_some_and(|stray| (1..=16).contains(&distance_16(stray, sequence))) {
                self.counters.given_up += self.missing.len() as u64;
                self.missing.clear();
                self.highest = Some(self.sequence.unwrap(sequence));
            }
            return;
        }
        self.stray = None;
        if number <= highest {
            if let Some(missing) = self.missing.remove(&number) {
                self.counters.recovered += 1;
                self.learn(now, missing, came);
            }
            return;
        }
        self.sequence.unwrap(sequence);
        let most = i64::try_from(self.config.max_missing).unwrap_or(i64::MAX);
        let from = (highest + 1).max(number.saturating_sub(most));
        let due = now.saturating_add(self.reordering.wait());
        let missing = Missing { noticed: now, due, tries: 0, first_asked: Duration::ZERO };
        self.missing.extend((from..number).map(|number| (number, missing)));
        let oldest = number - i64::from(self.config.max_age);
        while self.missing.len() > self.config.max_missing
            || self.missing.first_key_value().is_some_and(|(&number, _)| number < oldest)
        {
            self.missing.pop_first();
            self.counters.given_up += 1;
        }
        self.highest = Some(number);
    }

    /// What a missing packet that came says of the network.
    fn learn(&mut self, now: Duration, missing: Missing, came: Came) {
        let asked = now.saturating_sub(missing.first_asked);
        // Sooner than an answer could be here.
        let overtaken = missing.tries == 0 || asked < self.rtt * 3 / 4;
        if came == Came::Media && overtaken {
            self.counters.needless += u64::from(missing.tries);
            self.reordering.overtaken(now.saturating_sub(missing.noticed));
            return;
        }
        self.reordering.lost();
        if missing.tries == 1 && came != Came::Fec {
            let (mean, spread) = self.answers.unwrap_or((asked, asked / 4));
            let off = asked.abs_diff(mean);
            self.answers = Some(((mean * 7 + asked) / 8, (spread * 3 + off) / 4));
        }
    }

    /// Nothing before that number is wanted any more: its frame came out, was passed over, or lies
    /// before a key frame.
    pub fn forget_before(&mut self, sequence: u16) {
        let number = self.sequence.peek(sequence);
        let kept = self.missing.split_off(&number);
        self.counters.given_up += self.missing.len() as u64;
        self.missing = kept;
    }

    /// Appends the numbers that are to be asked for now.
    pub fn poll(&mut self, now: Duration, out: &mut Vec<u16>) {
        let retry = self.retry();
        let NackConfig { give_up, max_tries, .. } = self.config;
        let Self { counters, reordering, rtt, .. } = self;
        self.missing.retain(|&number, missing| {
            let is_due = missing.due <= now;
            let end = missing.noticed.saturating_add(give_up);
            // The answer to a request of now would come too late.
            let in_vain = is_due && now.saturating_add(*rtt) > end && give_up < Duration::MAX;
            if now >= end && give_up < Duration::MAX
                || in_vain && missing.tries == 0
                || is_due && missing.tries >= max_tries
            {
                counters.given_up += 1;
                reordering.lost();
                return false;
            }
            if in_vain {
                // The last answer may still come.
                missing.due = end;
            } else if is_due {
                if missing.tries == 0 {
                    missing.first_asked = now;
                }
                missing.tries += 1;
                missing.due = now.saturating_add(retry);
                counters.requests += 1;
                out.push(wrap_16(number));
            }
            true
        });
    }

    /// When [`Self::poll`] is worth calling again.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let give_up = self.config.give_up;
        let time = |missing: &Missing| missing.due.min(missing.noticed.saturating_add(give_up));
        self.missing.values().map(time).min()
    }

    /// What was asked for so far.
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

    fn nacker() -> Nacker {
        Nacker::new(NackConfig {
            wait: (ms(5), ms(5)),
            retry: (ms(100), ms(100)),
            rtt: ms(10),
            give_up: ms(250),
            max_missing: 100,
            ..NackConfig::default()
        })
    }

    fn poll(nacker: &mut Nacker, now: Duration) -> Vec<u16> {
        let mut out = Vec::new();
        nacker.poll(now, &mut out);
        out
    }

    #[test]
    fn missing_packets_are_asked_for_again_until_their_deadline() {
        let mut it = nacker();
        it.push(ms(0), 65_534, Came::Media);
        it.push(ms(10), 1, Came::Media);
        assert_eq!(poll(&mut it, ms(14)), []);
        assert_eq!(it.poll_timeout(), Some(ms(15)));
        assert_eq!(poll(&mut it, ms(15)), [65_535, 0]);
        assert_eq!(poll(&mut it, ms(114)), []);
        it.push(ms(114), 0, Came::Media);
        assert_eq!(poll(&mut it, ms(115)), [65_535]);
        assert_eq!(poll(&mut it, ms(215)), [65_535]);
        assert_eq!(poll(&mut it, ms(260)), []);
        assert_eq!(it.poll_timeout(), None);
        let expected = NackCounters { requests: 4, recovered: 1, given_up: 1, needless: 0 };
        assert_eq!(it.counters(), expected);
    }

    #[test]
    fn what_was_only_overtaken_is_not_asked_for() {
        let mut it = nacker();
        it.push(ms(0), 10, Came::Media);
        it.push(ms(1), 12, Came::Media);
        it.push(ms(4), 11, Came::Media);
        assert_eq!(poll(&mut it, ms(100)), []);
        assert_eq!(it.counters().requests, 0);
    }

    #[test]
    fn an_answer_that_would_come_too_late_is_not_asked_for() {
        let mut it = nacker();
        it.set_rtt(ms(240));
        it.push(ms(0), 1, Came::Media);
        it.push(ms(0), 3, Came::Media);
        assert_eq!(poll(&mut it, ms(5)), [2]);
        assert_eq!(poll(&mut it, ms(105)), []);
        assert_eq!(it.poll_timeout(), Some(ms(250)), "the answer may come");
        assert_eq!(poll(&mut it, ms(250)), []);
        assert_eq!(it.poll_timeout(), None);
        it.set_rtt(ms(260));
        it.push(ms(300), 5, Came::Media);
        assert_eq!(poll(&mut it, ms(305)), []);
        assert_eq!(it.counters().given_up, 2);
    }

    #[test]
    fn jumps_are_bounded_and_forgotten_when_nobody_waits() {
        let mut it = nacker();
        it.push(ms(0), 0, Came::Media);
        it.push(ms(0), 3000, Came::Media);
        assert_eq!(it.missing.len(), 100);
        it.forget_before(2990);
        assert_eq!(poll(&mut it, ms(5)).len(), 10);
        it.forget_before(3001);
        assert_eq!(it.poll_timeout(), None);
        for step in 1..=120_u16 {
            it.push(ms(6), 3000_u16.wrapping_add(step * 90), Came::Media);
        }
        assert!(it.missing.len() <= 100);
    }

    #[test]
    fn far_numbers_count_only_with_a_second_one_behind_them() {
        let mut it = nacker();
        it.push(ms(0), 100, Came::Media);
        it.push(ms(0), 40_000, Came::Media);
        it.push(ms(0), 102, Came::Media);
        assert_eq!(poll(&mut it, ms(5)), [101]);
        // A restart, backwards.
        for sequence in [60_000, 60_001, 60_003] {
            it.push(ms(6), sequence, Came::Media);
        }
        assert_eq!(poll(&mut it, ms(11)), [60_002]);
    }

    #[test]
    fn repeats_follow_the_round_trip_and_what_answers_take() {
        let mut it = Nacker::new(NackConfig::default());
        assert_eq!(it.retry(), ms(105));
        it.set_rtt(ms(50));
        assert_eq!(it.retry(), ms(55));
        for packet in 0..100_u16 {
            let now = ms(u64::from(packet) * 200);
            it.push(now, packet * 2, Came::Media);
            poll(&mut it, now);
            it.push(now + ms(70), (packet * 2).wrapping_sub(1), Came::Retransmitted);
        }
        assert!(it.retry() >= ms(70) && it.retry() <= ms(72), "{:?}", it.retry());
        assert_eq!(it.counters().requests, 99);
    }

    /// A packet each 6 ms; each is lost or late with those chances, answers take 60 ms.
    fn run(loss: f64, late: f64, late_ms: u64) -> NackCounters {
        let mut rng = Rng::new(42);
        let mut it = Nacker::new(NackConfig::default());
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
            it.push(now, packet, if is_answer { Came::Retransmitted } else { Came::Media });
            for asked in poll(&mut it, now) {
                if rng.unit() >= loss {
                    events.insert((now + ms(60), asked, true));
                }
            }
        }
        it.counters()
    }

    #[test]
    fn reordering_without_loss_brings_next_to_no_requests() {
        let found = run(0.0, 0.05, 30);
        assert!(found.needless <= 2 && found.requests == found.needless, "{found:?}");
        // Overtaken by a packet or two only.
        let found = run(0.0, 0.05, 8);
        assert!(found.requests <= 2, "{found:?}");
    }

    #[test]
    fn losses_are_asked_for_at_once_even_beside_a_little_reordering() {
        let found = run(0.05, 0.002, 30);
        assert!(found.requests > 110 && found.requests < 170, "{found:?}");
        assert!(found.given_up == 0 && found.needless <= 8, "{found:?}");
    }
}
