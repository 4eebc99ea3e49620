//! Lip sync: sound and picture of one sender brought to the same time.
//!
//! Each stream has a clock of its own. Sender reports (RFC 3550, section 6.4.1) or capture times
//! (abs-capture-time) tie both to the sender's wall clock; what was played and shown when says how long
//! each took from there. The receiver's clock cancels out, as it is the same for both.

mod clock;

use std::collections::VecDeque;
use std::time::Duration;

pub use clock::{MAX_CLOCK_POINTS, SenderClock};

/// Measurements that are kept.
const MAX_MEASURED: usize = 64;

/// Measurements that a change needs.
const MIN_MEASURED: usize = 5;

/// A sound that was played longer ago says nothing of the picture that is shown now.
const LONGEST_APART: Duration = Duration::from_millis(500);

/// Settings of [`LipSync`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LipSyncConfig {
    /// An offset below this is left alone.
    pub tolerance: Duration,
    /// Once one is corrected, it is brought below this.
    pub goal: Duration,
    /// Most that a delay changes at once.
    pub max_step: Duration,
    /// Most that either end is asked for.
    pub max_delay: Duration,
    /// Time between two changes; the ends need it to follow.
    pub interval: Duration,
}

impl Default for LipSyncConfig {
    fn default() -> Self {
        Self {
            tolerance: Duration::from_millis(30),
            goal: Duration::from_millis(10),
            max_step: Duration::from_millis(80),
            max_delay: Duration::from_secs(1),
            interval: Duration::from_secs(1),
        }
    }
}

/// Delays of the two ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// Of the audio buffer.
    pub audio: Duration,
    /// Of the video buffer.
    pub video: Duration,
}

/// What was measured and done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LipSyncStats {
    /// Latest offset in microseconds, a median over a second or two; positive: sound is late.
    pub offset_us: Option<i64>,
    /// Largest offset, either way, of those that updates have seen.
    pub max_offset_us: u64,
    /// Times that a delay was changed.
    pub changes: u64,
}

/// What a stream last gave out.
#[derive(Clone, Copy, Debug)]
struct Given {
    now: Duration,
    /// From capture to here in parts of 2^-32 s, on top of an unknown number that is the same for both
    /// streams.
    latency: u64,
}

/// Measures the offset between sound and picture and says which end should wait.
#[derive(Debug)]
pub struct LipSync {
    config: LipSyncConfig,
    audio: SenderClock,
    video: SenderClock,
    played: Option<Given>,
    /// When, and how late the sound was in microseconds.
    measured: VecDeque<(Duration, i64)>,
    /// What the ends were asked for.
    asked: Delays,
    correcting: bool,
    next_update: Duration,
    stats: LipSyncStats,
}

impl LipSync {
    /// For streams whose timestamps count that many ticks per second: 48,000 for Opus, 90,000 for
    /// video.
    #[must_use]
    pub fn new(config: LipSyncConfig, audio_clock_rate: u32, video_clock_rate: u32) -> Self {
        Self {
            config,
            audio: SenderClock::new(audio_clock_rate),
            video: SenderClock::new(video_clock_rate),
            played: None,
            measured: VecDeque::new(),
            asked: Delays::default(),
            correcting: false,
            next_update: Duration::ZERO,
            stats: LipSyncStats::default(),
        }
    }

    /// The sender says at which NTP time (32.32 bits) sound of a timestamp was captured.
    pub fn audio_report(&mut self, timestamp: u32, ntp: u64) {
        self.audio.report(timestamp, ntp);
    }

    /// The same of pictures.
    pub fn video_report(&mut self, timestamp: u32, ntp: u64) {
        self.video.report(timestamp, ntp);
    }

    /// When sound of `timestamp` was captured, by the sender's clock: NTP, 32.32 bits. `None` before
    /// the first report.
    #[must_use]
    pub fn audio_captured(&self, timestamp: u32) -> Option<u64> {
        self.audio.captured(timestamp)
    }

    /// The same of pictures.
    #[must_use]
    pub fn video_captured(&self, timestamp: u32) -> Option<u64> {
        self.video.captured(timestamp)
    }

    /// Sound of `timestamp` is heard at `now`: when it was pulled, and the loudspeaker's latency.
    pub fn audio_played(&mut self, now: Duration, timestamp: u32) {
        self.played = self.audio.captured(timestamp).map(|ntp| given(now, ntp));
    }

    /// A picture of `timestamp` is seen at `now`.
    pub fn video_shown(&mut self, now: Duration, timestamp: u32) {
        let (Some(played), Some(ntp)) = (self.played, self.video.captured(timestamp)) else {
            return;
        };
        if now.abs_diff(played.now) > LONGEST_APART {
            return;
        }
        let shown = given(now, ntp);
        let late = played.latency.wrapping_sub(shown.latency).cast_signed();
        if self.measured.len() == MAX_MEASURED {
            self.measured.pop_front();
        }
        self.measured.push_back((now, micros_of_ntp(late)));
    }

    /// Once in a while: what the ends should wait at least, if that has changed. `targets`: the delays
    /// that they aim at now.
    pub fn update(&mut self, now: Duration, targets: Delays) -> Option<Delays> {
        if now < self.next_update {
            return None;
        }
        self.next_update = now.saturating_add(self.config.interval);
        let offset = self.median(now)?;
        self.stats.offset_us = Some(offset);
        self.stats.max_offset_us = self.stats.max_offset_us.max(offset.unsigned_abs());
        let size = Duration::from_micros(offset.unsigned_abs());
        let limit = if self.correcting { self.config.goal } else { self.config.tolerance };
        self.correcting = size > limit;
        if !self.correcting {
            return None;
        }
        let step = size.min(self.config.max_step);
        let before = self.asked;
        let most = self.config.max_delay;
        let Delays { audio, video } = &mut self.asked;
        if offset > 0 {
            shift(audio, video, targets.video, step, most);
        } else {
            shift(video, audio, targets.audio, step, most);
        }
        if self.asked == before {
            return None;
        }
        // What was measured before the change says nothing about it.
        self.measured.clear();
        self.stats.changes += 1;
        Some(self.asked)
    }

    /// What the ends were asked for last.
    #[must_use]
    pub fn asked(&self) -> Delays {
        self.asked
    }

    /// What was measured and done so far.
    #[must_use]
    pub fn stats(&self) -> &LipSyncStats {
        &self.stats
    }

    /// The middle of what was measured in the second half of the interval and later.
    fn median(&self, now: Duration) -> Option<i64> {
        let from = now.saturating_sub(self.config.interval / 2);
        let recent = self.measured.iter().filter(|&&(at, _)| at >= from);
        let mut offsets: Vec<i64> = recent.map(|&(_, offset)| offset).collect();
        offsets.sort_unstable();
        let middle = offsets.get(offsets.len() / 2).copied();
        middle.filter(|_| offsets.len() >= MIN_MEASURED)
    }
}

/// Brings `late`, an end that is late, forward by `step`: first by what it was asked to wait, then by
/// letting the other, which aims at `target`, wait as well.
fn shift(
    late: &mut Duration,
    early: &mut Duration,
    target: Duration,
    step: Duration,
    most: Duration,
) {
    let less = step.min(*late);
    *late -= less;
    let more = step.saturating_sub(less);
    if !more.is_zero() {
        *early = (*early).max(target).saturating_add(more).min(most);
    }
}

fn given(now: Duration, captured: u64) -> Given {
    let seconds = now.as_secs() << 32;
    let part = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
    Given { now, latency: seconds.wrapping_add(part).wrapping_sub(captured) }
}

/// Microseconds of a time in parts of 2^-32 s.
fn micros_of_ntp(parts: i64) -> i64 {
    i64::try_from((i128::from(parts) * 1_000_000) >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests;
