//! RTP timestamps towards a viewer.

use std::time::Duration;

use crate::sequence::distance_32;

/// Smallest step between two frames at a switch.
const MIN_STEP: Duration = Duration::from_millis(1);

/// Ticks of a duration, modulo 2^32.
#[expect(clippy::cast_possible_truncation, reason = "timestamps wrap")]
pub(in crate::room) fn ticks(time: Duration, hz: u32) -> u32 {
    (time.as_nanos() * u128::from(hz) / 1_000_000_000) as u32
}

/// Timestamps that continue across sources: at a switch, the time that has passed is added to the
/// last timestamp, whatever the clock of the new source says.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutputClock {
    hz: u32,
    offset: u32,
    /// Newest timestamp of the source, the same towards the viewer, and its time.
    last: Option<(u32, u32, Duration)>,
}

impl OutputClock {
    pub(super) fn new(hz: u32) -> Self {
        Self { hz, offset: 0, last: None }
    }

    /// Time since the newest frame; `None` before the first.
    pub(super) fn elapsed(&self, now: Duration) -> Option<Duration> {
        self.last.map(|(.., at)| now.saturating_sub(at))
    }

    /// Continues with a source whose clock shows `source` at `now`.
    pub(super) fn switch(&mut self, now: Duration, source: u32) {
        if let Some((_, last, at)) = self.last {
            let elapsed = now.saturating_sub(at).max(MIN_STEP);
            let next = last.wrapping_add(ticks(elapsed, self.hz));
            self.offset = next.wrapping_sub(source);
            // The next frame is newer than all before.
            self.last = Some((source.wrapping_sub(1 << 30), last, at));
        }
    }

    /// Returns the timestamp towards the viewer. A newer frame gets a larger timestamp.
    pub(super) fn outgoing(&mut self, now: Duration, source: u32) -> u32 {
        let mut new = source.wrapping_add(self.offset);
        let Some((last_source, last, _)) = self.last else {
            self.last = Some((source, new, now));
            return new;
        };
        if distance_32(last_source, source) > 0 {
            if distance_32(last, new) <= 0 {
                new = last.wrapping_add(ticks(MIN_STEP, self.hz));
                self.offset = new.wrapping_sub(source);
            }
            self.last = Some((source, new, now));
        }
        new
    }
}
