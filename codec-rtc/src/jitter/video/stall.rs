//! When a stream does not go on: what is told to the sender, and when a key frame is asked for.

use std::time::Duration;

use super::frame::{FrameId, LostFrame};

/// Without a decodable frame for so long a key frame is asked for, where only one helps.
const KEY_WAIT: Duration = Duration::from_millis(200);
/// With nothing to decode at all for so long one is asked for in any case.
const ANY_WAIT: Duration = Duration::from_secs(3);
/// Least time between two reports of the same loss.
const REPORT_AGAIN: Duration = Duration::from_millis(50);

/// What could still repair a missing packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Missing packets are asked for (NACK).
    pub nack: bool,
    /// Round trip.
    pub rtt: Duration,
    /// How much later than the packets that it protects FEC comes; 0 where there is none.
    pub fec_delay: Duration,
}

impl Default for Repair {
    /// NACK with a round trip of 100 ms, no FEC.
    fn default() -> Self {
        Self { nack: true, rtt: Duration::from_millis(100), fec_delay: Duration::ZERO }
    }
}

impl Repair {
    /// How late a frame is for which packets are asked for once, with a margin.
    pub(super) fn once(&self) -> Duration {
        let margin = Duration::from_millis(40);
        if self.nack { self.rtt.saturating_add(margin).min(ANY_WAIT) } else { Duration::ZERO }
    }

    /// How long after a gap was seen its packets may still come, if packets are overtaken by as much
    /// as `reordering`. NACK is given two tries.
    #[must_use]
    pub fn time(&self, reordering: Duration) -> Duration {
        let mut time = reordering.saturating_add(self.fec_delay);
        if self.nack {
            let tries = self.rtt.saturating_mul(9) / 4;
            time = time.saturating_add(tries).saturating_add(Duration::from_millis(20));
        }
        time.min(ANY_WAIT)
    }
}

#[derive(Clone, Copy, Debug)]
struct Blocked {
    since: Duration,
    /// What is missing may still come.
    may_come: bool,
    lost: FrameId,
}

/// Whether frames come out, and if not, since when.
#[derive(Clone, Debug, Default)]
pub(super) struct Stall {
    pub(super) repair: Repair,
    started: Option<Duration>,
    last_out: Option<Duration>,
    last_decoded: Option<FrameId>,
    blocked: Option<Blocked>,
    reported: Option<Duration>,
    /// Only a key frame helps, without waiting.
    key_now: bool,
}

impl Stall {
    /// Before the first packet.
    pub(super) fn new(repair: Repair) -> Self {
        Self { repair, ..Self::default() }
    }

    /// A packet came.
    pub(super) fn pushed(&mut self, now: Duration) {
        self.started.get_or_insert(now);
    }

    /// A decodable frame came out.
    pub(super) fn given(&mut self, now: Duration, id: FrameId) {
        (self.last_out, self.last_decoded) = (Some(now), Some(id));
        (self.blocked, self.reported, self.key_now) = (None, None, false);
    }

    /// The next frame cannot be decoded. The first such call since a frame came out counts, and
    /// the first that says that nothing may come.
    pub(super) fn blocked(&mut self, since: Duration, may_come: bool, lost: FrameId) {
        match &mut self.blocked {
            None => self.blocked = Some(Blocked { since, may_come, lost }),
            Some(blocked) => {
                blocked.since = blocked.since.min(since);
                blocked.may_come &= may_come;
            }
        }
    }

    /// A frame came of which nothing can be decoded without a key frame.
    pub(super) fn demand_key(&mut self) {
        self.key_now = true;
    }

    /// The decoder refused what came out.
    pub(super) fn failed(&mut self, now: Duration, id: FrameId) {
        self.blocked(now, false, id);
        self.key_now = true;
    }

    /// When what is missing is lost for good.
    pub(super) fn lost_at(&self, reordering: Duration) -> Option<Duration> {
        let blocked = self.blocked?;
        let wait = if blocked.may_come { self.repair.time(reordering) } else { Duration::ZERO };
        Some(blocked.since.saturating_add(wait))
    }

    fn report_at(&self, reordering: Duration) -> Option<Duration> {
        let again = (self.repair.rtt * 3 / 2).max(REPORT_AGAIN);
        let again = self.reported.map_or(Duration::ZERO, |at| at.saturating_add(again));
        self.lost_at(reordering).map(|at| at.max(again))
    }

    /// What to tell the sender now: at once when a frame is lost for good, and again while nothing
    /// comes that can be decoded.
    pub(super) fn report(&mut self, now: Duration, reordering: Duration) -> Option<LostFrame> {
        if self.report_at(reordering)? > now {
            return None;
        }
        self.reported = Some(now);
        Some(LostFrame { last_decoded: self.last_decoded, lost: self.blocked?.lost })
    }

    fn key_at(&self, reordering: Duration) -> Option<Duration> {
        let started = self.started?;
        if self.key_now {
            return Some(Duration::ZERO);
        }
        let idle = self.last_out.map(|at| at.saturating_add(ANY_WAIT));
        let idle = idle.unwrap_or(started.saturating_add(KEY_WAIT));
        let stalled = self.blocked.zip(self.lost_at(reordering)).map(|(blocked, lost)| {
            let since = self.last_out.map_or(blocked.since, |at| at.max(blocked.since));
            if blocked.may_come && self.repair.nack {
                // Requests go on, and feedback may bring a frame that needs no key.
                let repair = self.repair.time(reordering).saturating_mul(2);
                return since.saturating_add(repair.clamp(2 * KEY_WAIT, ANY_WAIT));
            }
            since.saturating_add(KEY_WAIT).max(lost)
        });
        Some(stalled.map_or(idle, |at| at.min(idle)))
    }

    pub(super) fn needs_key(&self, now: Duration, reordering: Duration) -> bool {
        self.key_at(reordering).is_some_and(|at| at <= now)
    }

    /// The next time after `now` that one of the answers changes.
    pub(super) fn next_time(&self, now: Duration, reordering: Duration) -> Option<Duration> {
        let times = [self.report_at(reordering), self.key_at(reordering)];
        times.into_iter().flatten().filter(|&at| at > now).min()
    }
}
