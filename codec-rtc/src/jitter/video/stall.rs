//! Stall handling: when to report a lost frame to the sender and when to request a key frame.

use std::time::Duration;

use super::frame::{FrameId, LostFrame};

/// Time without a decodable frame after which a key frame is requested, if only a key frame helps.
const KEY_WAIT: Duration = Duration::from_millis(200);
/// Time without any decodable frame after which a key frame is always requested.
const ANY_WAIT: Duration = Duration::from_secs(3);
/// Minimum time between two reports of the same loss.
const MIN_REPORT_INTERVAL: Duration = Duration::from_millis(50);

/// Mechanisms that can recover a missing packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryOptions {
    /// Whether missing packets are requested by NACK.
    pub nack: bool,
    /// How long to wait for missing packets, in round trips; default 2. A higher value suits
    /// forwarding and recording, where a late frame is still useful.
    pub round_trips: u32,
    /// Round-trip time.
    pub rtt: Duration,
    /// Delay of FEC relative to the packets that it protects; 0 without FEC.
    pub fec_delay: Duration,
}

impl Default for RecoveryOptions {
    /// NACK with two round trips of 100 ms, no FEC.
    fn default() -> Self {
        let rtt = Duration::from_millis(100);
        Self { nack: true, round_trips: 2, rtt, fec_delay: Duration::ZERO }
    }
}

impl RecoveryOptions {
    /// Lateness of a frame after one retransmission, with a margin.
    pub(super) fn single_retransmission(&self) -> Duration {
        let margin = Duration::from_millis(40);
        if self.nack { self.rtt.saturating_add(margin).min(ANY_WAIT) } else { Duration::ZERO }
    }

    /// How long after a gap became visible its packets may still arrive, given the reordering
    /// window.
    #[must_use]
    pub fn deadline(&self, reordering: Duration) -> Duration {
        let mut time = reordering.saturating_add(self.fec_delay);
        if self.nack {
            let tries = self.rtt.saturating_mul(self.round_trips).saturating_add(self.rtt / 4);
            time = time.saturating_add(tries).saturating_add(Duration::from_millis(20));
        }
        time.min(ANY_WAIT)
    }
}

#[derive(Clone, Copy, Debug)]
struct Blocked {
    since: Duration,
    /// Missing packets may still arrive.
    may_arrive: bool,
    lost: FrameId,
}

/// Tracks whether frames are emitted, and since when not.
#[derive(Clone, Debug, Default)]
pub(super) struct Stall {
    pub(super) recovery: RecoveryOptions,
    started: Option<Duration>,
    last_out: Option<Duration>,
    last_decoded: Option<FrameId>,
    blocked: Option<Blocked>,
    reported: Option<Duration>,
    /// Only a key frame helps; request it without delay.
    key_now: bool,
    /// Since when spatial layers have been missing in every frame.
    lacks_layers: Option<Duration>,
}

impl Stall {
    /// Creates the state before the first packet.
    pub(super) fn new(repair: RecoveryOptions) -> Self {
        Self { recovery: repair, ..Self::default() }
    }

    /// Records a received packet.
    pub(super) fn pushed(&mut self, now: Duration) {
        self.started.get_or_insert(now);
    }

    /// Records an emitted decodable frame.
    pub(super) fn emitted(&mut self, now: Duration, id: FrameId, lacks_layers: bool) {
        self.lacks_layers = lacks_layers.then(|| self.lacks_layers.unwrap_or(now));
        (self.last_out, self.last_decoded) = (Some(now), Some(id));
        (self.blocked, self.reported, self.key_now) = (None, None, false);
    }

    /// Records that the next frame cannot be decoded. Keeps the earliest time since the last
    /// emitted frame, and whether recovery is ruled out.
    pub(super) fn blocked(&mut self, since: Duration, may_come: bool, lost: FrameId) {
        match &mut self.blocked {
            None => self.blocked = Some(Blocked { since, may_arrive: may_come, lost }),
            Some(blocked) => {
                blocked.since = blocked.since.min(since);
                blocked.may_arrive &= may_come;
            }
        }
    }

    /// Records a frame that needs a key frame.
    pub(super) fn require_key_frame(&mut self) {
        self.key_now = true;
    }

    /// Records a decoder failure.
    pub(super) fn failed(&mut self, now: Duration, id: FrameId) {
        self.blocked(now, false, id);
        self.key_now = true;
    }

    /// When the missing data counts as permanently lost.
    pub(super) fn lost_at(&self, reordering: Duration) -> Option<Duration> {
        let blocked = self.blocked?;
        let wait =
            if blocked.may_arrive { self.recovery.deadline(reordering) } else { Duration::ZERO };
        Some(blocked.since.saturating_add(wait))
    }

    fn report_at(&self, reordering: Duration) -> Option<Duration> {
        let again = (self.recovery.rtt * 3 / 2).max(MIN_REPORT_INTERVAL);
        let again = self.reported.map_or(Duration::ZERO, |at| at.saturating_add(again));
        self.lost_at(reordering).map(|at| at.max(again))
    }

    /// Returns the loss to report: at once when a frame is permanently lost, and repeatedly while
    /// nothing decodable arrives.
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
            if blocked.may_arrive && self.recovery.nack {
                // NACKs continue, and feedback may yield a frame that needs no key frame.
                let repair = self.recovery.deadline(reordering).saturating_mul(2);
                return since.saturating_add(repair.clamp(2 * KEY_WAIT, ANY_WAIT));
            }
            since.saturating_add(KEY_WAIT).max(lost)
        });
        // The next frame of the temporal base layer may have all layers.
        let layers = self.lacks_layers.map(|at| at.saturating_add(KEY_WAIT));
        stalled.into_iter().chain(layers).chain([idle]).min()
    }

    pub(super) fn needs_key_frame(&self, now: Duration, reordering: Duration) -> bool {
        self.key_at(reordering).is_some_and(|at| at <= now)
    }

    /// The next deadline after `now`.
    pub(super) fn poll_timeout(&self, now: Duration, reordering: Duration) -> Option<Duration> {
        let times = [self.report_at(reordering), self.key_at(reordering)];
        times.into_iter().flatten().filter(|&at| at > now).min()
    }
}
