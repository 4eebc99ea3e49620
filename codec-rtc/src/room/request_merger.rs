//! Key-frame requests (PLI) to one incoming stream, merged from all participants that need a key frame.
//!
//! The first request is sent at once. While it is pending, further requests are merged into it; it is
//! repeated until a key frame arrives. The time between two requests grows, so that a sender that
//! cannot keep up gets at most one request per second.

use std::collections::BTreeMap;
use std::time::Duration;

use super::id::ParticipantId;
use crate::recovery::KeyFrameRequester;

/// Added to two round-trip times before a request is repeated.
const RETRY_MARGIN: Duration = Duration::from_millis(100);
/// Round-trip time before it is known.
const DEFAULT_RTT: Duration = Duration::from_millis(100);
/// Largest number of requesters that are known individually.
const MAX_REQUESTERS: usize = 4096;

/// Why a key frame is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyFrameReason {
    /// A viewer joined, and the [join cache](super::join_cache) has no usable key frame.
    Join,
    /// A viewer switches to this layer.
    Switch,
    /// A viewer, or the room itself, lost packets that cannot be recovered.
    Loss,
    /// A recording starts.
    Recorder,
}

impl KeyFrameReason {
    /// All reasons, in the order of [`KeyFrameCounts::asked`].
    pub const ALL: [Self; 4] = [Self::Join, Self::Switch, Self::Loss, Self::Recorder];
}

/// Settings of [`RequestMerger`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestMergerConfig {
    /// Shortest time from the first request of a series to the second; default 300 ms, because browsers
    /// ignore requests that follow faster.
    pub first_spacing: Duration,
    /// Shortest time between the other requests of a series; default 1 s. A series ends when no request
    /// was sent for twice this time.
    pub spacing: Duration,
}

impl Default for RequestMergerConfig {
    fn default() -> Self {
        Self { first_spacing: Duration::from_millis(300), spacing: Duration::from_secs(1) }
    }
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyFrameCounts {
    /// Requests of participants that were not waiting already, by reason in the order of
    /// [`KeyFrameReason::ALL`].
    pub asked: [u64; 4],
    /// Requests in [`Self::asked`] that started a series or caused another request, by reason; the
    /// others joined a pending request.
    pub caused: [u64; 4],
    /// Requests sent to the publisher, repetitions included.
    pub sent: u64,
    /// Repetitions among [`Self::sent`].
    pub repeated: u64,
    /// Key frames that arrived, requested or not.
    pub key_frames: u64,
}

/// Merges and limits the key-frame requests to one incoming stream.
///
/// ```
/// use std::time::Duration;
///
/// use codec_rtc::room::request_merger::{RequestMerger, RequestMergerConfig, KeyFrameReason};
/// use codec_rtc::room::ParticipantId;
///
/// let mut merger = RequestMerger::new(RequestMergerConfig::default());
/// let now = Duration::from_secs(5);
/// for viewer in 0..16 {
///     merger.request(ParticipantId(viewer), KeyFrameReason::Join);
/// }
/// assert!(merger.poll(now)); // one PLI for all
/// assert!(!merger.poll(now + Duration::from_millis(50)));
/// merger.on_key_frame();
/// assert_eq!(merger.poll_timeout(), None);
/// ```
#[derive(Clone, Debug)]
pub struct RequestMerger {
    config: RequestMergerConfig,
    rtt: Duration,
    requester: KeyFrameRequester,
    waiting: BTreeMap<ParticipantId, KeyFrameReason>,
    /// Requesters beyond the limit.
    has_others: bool,
    last_sent: Option<Duration>,
    /// Requests of the current series.
    series: u32,
    /// Whether a request was sent for those who wait.
    is_sent: bool,
    counts: KeyFrameCounts,
}

impl RequestMerger {
    /// Creates a merger without requests.
    #[must_use]
    pub fn new(config: RequestMergerConfig) -> Self {
        Self {
            config,
            rtt: DEFAULT_RTT,
            requester: KeyFrameRequester::new(config.first_spacing),
            waiting: BTreeMap::new(),
            has_others: false,
            last_sent: None,
            series: 0,
            is_sent: false,
            counts: KeyFrameCounts::default(),
        }
    }

    /// Sets the round-trip time to the publisher.
    pub fn set_round_trip(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// Records that `who` needs a key frame. Nothing changes if it already waits.
    pub fn request(&mut self, who: ParticipantId, reason: KeyFrameReason) {
        if self.waiting.contains_key(&who) {
            return;
        }
        let index = reason as usize;
        if let Some(count) = self.counts.asked.get_mut(index) {
            *count += 1;
        }
        let is_first = !self.is_pending();
        if self.waiting.len() < MAX_REQUESTERS {
            self.waiting.insert(who, reason);
        } else {
            self.has_others = true;
        }
        if is_first {
            if let Some(count) = self.counts.caused.get_mut(index) {
                *count += 1;
            }
            self.is_sent = false;
            self.requester.set_needed(true);
        }
    }

    /// Withdraws the request of a participant, for example because it left.
    pub fn withdraw(&mut self, who: ParticipantId) {
        self.waiting.remove(&who);
        if !self.is_pending() {
            self.requester.set_needed(false);
        }
    }

    /// Records the first packet of a key frame: all requests are answered.
    pub fn on_key_frame(&mut self) {
        self.counts.key_frames += 1;
        self.waiting.clear();
        self.has_others = false;
        self.requester.set_needed(false);
    }

    /// Whether a key frame is needed.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.has_others || !self.waiting.is_empty()
    }

    /// Participants that wait, with their reasons.
    pub fn waiting(&self) -> impl Iterator<Item = (ParticipantId, KeyFrameReason)> + '_ {
        self.waiting.iter().map(|(who, reason)| (*who, *reason))
    }

    /// Whether to send a request to the publisher now.
    pub fn poll(&mut self, now: Duration) -> bool {
        let since = self.last_sent.map(|at| now.saturating_sub(at));
        if since.is_none_or(|since| since >= 2 * self.config.spacing) {
            self.series = 0;
        }
        self.requester.set_interval(self.interval());
        if !self.requester.poll(now) {
            return false;
        }
        self.counts.sent += 1;
        self.counts.repeated += u64::from(self.is_sent);
        (self.is_sent, self.last_sent) = (true, Some(now));
        self.series = self.series.saturating_add(1);
        self.requester.set_interval(self.interval());
        true
    }

    /// Time of the next request, if a key frame is needed.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.requester.poll_timeout()
    }

    /// Counters since the start.
    #[must_use]
    pub fn counts(&self) -> KeyFrameCounts {
        self.counts
    }

    /// Time from the last request to the next one.
    fn interval(&self) -> Duration {
        let spacing =
            if self.series <= 1 { self.config.first_spacing } else { self.config.spacing };
        let retry = self.rtt.saturating_mul(2).saturating_add(RETRY_MARGIN);
        if self.is_sent { spacing.max(retry) } else { spacing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn merger() -> RequestMerger {
        RequestMerger::new(RequestMergerConfig::default())
    }

    fn viewer(number: u64) -> ParticipantId {
        ParticipantId(number)
    }

    #[test]
    fn sixteen_joins_within_a_second_cause_one_request() {
        let mut merger = merger();
        let mut sent = 0;
        for number in 0..16 {
            merger.request(viewer(number), KeyFrameReason::Join);
            sent += u32::from(merger.poll(ms(1000 + number * 10)));
        }
        assert_eq!((sent, merger.waiting().count()), (1, 16));
        merger.on_key_frame();
        let counts = merger.counts();
        assert_eq!((counts.asked, counts.caused), ([16, 0, 0, 0], [1, 0, 0, 0]));
        assert_eq!((counts.sent, counts.repeated, counts.key_frames), (1, 0, 1));
    }

    #[test]
    fn requests_are_spaced_by_300_ms_and_then_by_a_second() {
        let mut merger = merger();
        let mut times = Vec::new();
        for at in 1000..5000 {
            // Each key frame arrives at once, and another one is needed immediately.
            merger.request(viewer(1), KeyFrameReason::Loss);
            if merger.poll(ms(at)) {
                times.push(at);
                merger.on_key_frame();
            }
        }
        assert_eq!(times, [1000, 1300, 2300, 3300, 4300]);
        // After a pause a request is the first again.
        merger.on_key_frame();
        merger.request(viewer(1), KeyFrameReason::Loss);
        assert!(merger.poll(ms(9000)));
        merger.request(viewer(1), KeyFrameReason::Loss);
        merger.on_key_frame();
        merger.request(viewer(1), KeyFrameReason::Loss);
        assert_eq!(merger.poll_timeout(), Some(ms(9300)));
    }

    #[test]
    fn a_request_is_repeated_until_a_still_screen_share_sends_a_key_frame() {
        let mut merger = merger();
        merger.set_round_trip(ms(250));
        merger.request(viewer(1), KeyFrameReason::Join);
        let times: Vec<u64> = (0..6000).filter(|at| merger.poll(ms(*at))).collect();
        // Two round trips and 100 ms, then a second.
        assert_eq!(times, [0, 600, 1600, 2600, 3600, 4600, 5600]);
        assert_eq!((merger.counts().sent, merger.counts().repeated), (7, 6));
        merger.on_key_frame();
        assert!(!merger.poll(ms(9000)));
    }

    #[test]
    fn a_request_ends_when_all_who_asked_have_left() {
        let mut merger = merger();
        merger.request(viewer(1), KeyFrameReason::Join);
        merger.request(viewer(2), KeyFrameReason::Switch);
        assert!(merger.poll(ms(0)));
        merger.withdraw(viewer(1));
        assert!(merger.poll(ms(300)));
        merger.withdraw(viewer(2));
        assert_eq!((merger.poll_timeout(), merger.is_pending()), (None, false));
    }

    #[test]
    fn requesters_are_bounded() {
        let mut merger = merger();
        for number in 0..10_000 {
            merger.request(viewer(number), KeyFrameReason::Recorder);
        }
        assert_eq!(merger.waiting().count(), MAX_REQUESTERS);
        for number in 0..10_000 {
            merger.withdraw(viewer(number));
        }
        assert!(merger.is_pending());
        merger.on_key_frame();
        assert!(!merger.is_pending());
    }
}
