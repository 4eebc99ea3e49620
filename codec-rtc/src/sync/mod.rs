//! Lip sync: synchronisation of the audio and video of one sender.
//!
//! Each stream has its own RTP clock. Sender reports (RFC 3550, section 6.4.1) or capture times
//! (abs-capture-time) relate both to the sender's wall clock; the playout times then give the
//! latency of each. The receiver's clock cancels out, since it is the same for both.

mod clock;

use std::collections::VecDeque;
use std::time::Duration;

pub use clock::{MAX_CLOCK_POINTS, RtpToNtpEstimator};

/// Maximum number of measurements kept.
const MAX_MEASURED: usize = 64;

/// Minimum number of measurements for a change.
const MIN_MEASURED: usize = 5;

/// Audio played longer ago than this is not compared with video.
const MAX_APART: Duration = Duration::from_millis(500);

/// Settings of [`LipSync`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LipSyncConfig {
    /// Offset below which nothing is changed; default 30 ms.
    pub tolerance: Duration,
    /// Once an offset is being corrected, it is reduced below this; default 10 ms.
    pub goal: Duration,
    /// Maximum change of a delay per update; default 80 ms.
    pub max_step: Duration,
    /// Maximum delay requested from either stream; default 1 s.
    pub max_delay: Duration,
    /// Interval between changes, which lets the buffers adapt; default 1 s.
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

/// Delays of both streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// Delay of the audio buffer.
    pub audio: Duration,
    /// Delay of the video buffer.
    pub video: Duration,
}

/// Lip sync statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LipSyncStats {
    /// Latest offset in microseconds, the median over one to two seconds; positive if audio is
    /// late.
    pub offset_us: Option<i64>,
    /// Maximum absolute offset seen by an update.
    pub max_offset_us: u64,
    /// Number of delay changes.
    pub changes: u64,
}

/// Last playout of a stream.
#[derive(Clone, Copy, Debug)]
struct Given {
    now: Duration,
    /// Time from capture to playout in units of 2^-32 s, plus an unknown offset that is the same
    /// for both streams.
    latency: u64,
}

/// Measures the offset between audio and video, and determines which stream to delay.
#[derive(Debug)]
pub struct LipSync {
    config: LipSyncConfig,
    audio: RtpToNtpEstimator,
    video: RtpToNtpEstimator,
    played: Option<Given>,
    /// Measurement time, and audio lateness in microseconds.
    measured: VecDeque<(Duration, i64)>,
    /// Requested minimum delays.
    requested: Delays,
    correcting: bool,
    next_update: Duration,
    stats: LipSyncStats,
}

impl LipSync {
    /// Creates the state for streams with the given RTP clock rates in Hz: 48,000 for Opus, 90,000
    /// for video.
    #[must_use]
    pub fn new(config: LipSyncConfig, audio_clock_rate: u32, video_clock_rate: u32) -> Self {
        Self {
            config,
            audio: RtpToNtpEstimator::new(audio_clock_rate),
            video: RtpToNtpEstimator::new(video_clock_rate),
            played: None,
            measured: VecDeque::new(),
            requested: Delays::default(),
            correcting: false,
            next_update: Duration::ZERO,
            stats: LipSyncStats::default(),
        }
    }

    /// Adds a report: audio with `timestamp` was captured at the NTP time `ntp`, 32.32 bits.
    pub fn audio_report(&mut self, timestamp: u32, ntp: u64) {
        self.audio.report(timestamp, ntp);
    }

    /// Adds a report on video, like [`Self::audio_report`].
    pub fn video_report(&mut self, timestamp: u32, ntp: u64) {
        self.video.report(timestamp, ntp);
    }

    /// Capture time of audio with `timestamp` by the sender's clock: NTP, 32.32 bits. `None` before
    /// the first report.
    #[must_use]
    pub fn audio_captured(&self, timestamp: u32) -> Option<u64> {
        self.audio.captured(timestamp)
    }

    /// Capture time of video, like [`Self::audio_captured`].
    #[must_use]
    pub fn video_captured(&self, timestamp: u32) -> Option<u64> {
        self.video.captured(timestamp)
    }

    /// Records that audio with `timestamp` is heard at `now`: when it was pulled, plus the output
    /// latency.
    pub fn audio_played(&mut self, now: Duration, timestamp: u32) {
        self.played = self.audio.captured(timestamp).map(|ntp| given(now, ntp));
    }

    /// Records that a frame with `timestamp` was rendered at `now`.
    pub fn video_rendered(&mut self, now: Duration, timestamp: u32) {
        let (Some(played), Some(ntp)) = (self.played, self.video.captured(timestamp)) else {
            return;
        };
        if now.abs_diff(played.now) > MAX_APART {
            return;
        }
        let shown = given(now, ntp);
        let late = played.latency.wrapping_sub(shown.latency).cast_signed();
        if self.measured.len() == MAX_MEASURED {
            self.measured.pop_front();
        }
        self.measured.push_back((now, micros_of_ntp(late)));
    }

    /// Returns new minimum delays if they changed; acts once per interval. `targets` are the current
    /// target delays of the buffers.
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
        let before = self.requested;
        let most = self.config.max_delay;
        let Delays { audio, video } = &mut self.requested;
        if offset > 0 {
            shift(audio, video, targets.video, step, most);
        } else {
            shift(video, audio, targets.audio, step, most);
        }
        if self.requested == before {
            return None;
        }
        // Measurements from before the change are invalid.
        self.measured.clear();
        self.stats.changes += 1;
        Some(self.requested)
    }

    /// The last requested minimum delays.
    #[must_use]
    pub fn requested(&self) -> Delays {
        self.requested
    }

    /// Statistics since the start.
    #[must_use]
    pub fn stats(&self) -> &LipSyncStats {
        &self.stats
    }

    /// Median of the measurements since the middle of the interval.
    fn median(&self, now: Duration) -> Option<i64> {
        let from = now.saturating_sub(self.config.interval / 2);
        let recent = self.measured.iter().filter(|&&(at, _)| at >= from);
        let mut offsets: Vec<i64> = recent.map(|&(_, offset)| offset).collect();
        offsets.sort_unstable();
        let middle = offsets.get(offsets.len() / 2).copied();
        middle.filter(|_| offsets.len() >= MIN_MEASURED)
    }
}

/// Reduces the lateness of the stream `late` by `step`: first by lowering its requested delay, then
/// by delaying the other, whose target is `target`.
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

/// Converts units of 2^-32 s to microseconds.
fn micros_of_ntp(parts: i64) -> i64 {
    i64::try_from((i128::from(parts) * 1_000_000) >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests;
