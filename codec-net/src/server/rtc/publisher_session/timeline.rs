//! Converts the RTP timestamps of a media section to stream time.

use std::time::Duration;

/// Maps the ticks of a media line to stream time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    hz: u32,
    /// Stream time at tick 0, in ticks; may be negative.
    offset: Option<i64>,
    /// The sender's clock at a tick.
    pub(super) report: Option<(i64, Duration)>,
    /// The last time that was returned.
    last: u64,
    /// End of the last audio packet, in ticks.
    end: u64,
}

impl Timeline {
    pub(super) fn new(hz: u32) -> Self {
        Self { hz, offset: None, report: None, last: 0, end: 0 }
    }

    /// The sender restarted: its ticks have a new origin, but times continue.
    pub(super) fn restart(&mut self) {
        (self.offset, self.report) = (None, None);
    }

    fn ticks(&self, time: Duration) -> i64 {
        let ticks = time.as_nanos() * u128::from(self.hz) / 1_000_000_000;
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }

    /// The stream time of a tick that arrived at `now` since the start.
    fn at(&mut self, tick: i64, now: Duration) -> u64 {
        let arrived = self.ticks(now);
        let offset = *self.offset.get_or_insert(arrived.saturating_sub(tick));
        u64::try_from(tick.saturating_add(offset)).unwrap_or(0)
    }

    /// The stream time of a tick that arrived at `now` since the start; never decreases.
    pub(super) fn pts(&mut self, tick: i64, now: Duration) -> u64 {
        self.last = self.last.max(self.at(tick, now));
        self.last
    }

    /// The stream time of an audio packet of `length` ticks. `None` if at least half of the packet
    /// precedes the end of the last one, as after an adjustment to the sender's clock: packets must
    /// not overlap.
    pub(super) fn audio_pts(&mut self, tick: i64, now: Duration, length: u64) -> Option<u64> {
        let pts = self.at(tick, now);
        if self.end > 0 && (pts <= self.last || pts.saturating_add(length / 2) < self.end) {
            return None;
        }
        (self.last, self.end) = (pts, pts.saturating_add(length));
        Some(pts)
    }

    /// Shifts the line by a time in seconds; positive values are later.
    pub(super) fn shift(&mut self, seconds: f64) {
        if let Some(offset) = &mut self.offset {
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            let ticks = (seconds * f64::from(self.hz)) as i64;
            *offset = offset.saturating_add(ticks);
        }
    }

    /// The sender's clock at the start of the stream, in seconds; may be negative.
    pub(super) fn sender_at_zero(&self) -> Option<f64> {
        let (tick, at) = self.report?;
        let since = tick.saturating_add(self.offset?);
        #[expect(clippy::cast_precision_loss, reason = "microseconds over years are enough")]
        let seconds = since as f64 / f64::from(self.hz);
        Some(at.as_secs_f64() - seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_start_at_the_arrival_and_never_decrease() {
        let mut line = Timeline::new(90_000);
        assert_eq!(line.pts(4_000_000_000, Duration::from_millis(100)), 9000);
        assert_eq!(line.pts(4_000_003_000, Duration::from_millis(900)), 12_000);
        assert_eq!(line.pts(3_999_000_000, Duration::from_millis(901)), 12_000);
        line.restart();
        assert_eq!(line.pts(77, Duration::from_millis(1000)), 90_000);
    }

    #[test]
    fn audio_packets_never_overlap() {
        let mut line = Timeline::new(48_000);
        let now = Duration::from_millis(500);
        assert_eq!(line.audio_pts(9_000_000, now, 960), Some(24_000));
        assert_eq!(line.audio_pts(9_000_960, now, 960), Some(24_960));
        // 50 ms earlier: two packets and half of the third precede the end of the last one.
        line.shift(-0.05);
        let times: Vec<_> =
            (2..7).map(|packet| line.audio_pts(9_000_000 + 960 * packet, now, 960)).collect();
        assert_eq!(times, [None, None, Some(25_440), Some(26_400), Some(27_360)]);
        // Senders that round their ticks lose no packets.
        assert_eq!(line.audio_pts(9_000_000 + 960 * 7 - 1, now, 960), Some(28_319));
    }
}
