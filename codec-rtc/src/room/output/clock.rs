//! RTP timestamps towards a viewer.

use std::collections::VecDeque;
use std::time::Duration;

use crate::sequence::distance_32;

/// Smallest step between two frames at a switch.
const MIN_STEP: Duration = Duration::from_millis(1);
/// Number of frames whose timestamp is kept for their remaining packets.
const MAX_FRAMES: usize = 64;

/// Ticks of a duration, modulo 2^32.
#[expect(clippy::cast_possible_truncation, reason = "timestamps wrap")]
pub(in crate::room) fn ticks(time: Duration, hz: u32) -> u32 {
    (time.as_nanos() * u128::from(hz) / 1_000_000_000) as u32
}

/// Timestamps that continue across sources: at a switch, the time since the last frame is added to the
/// last timestamp, independently of the clock of the new source. All packets of a frame get the same
/// timestamp, even late ones.
#[derive(Clone, Debug)]
pub(super) struct OutputClock {
    hz: u32,
    offset: u32,
    /// Frames of the source since the switch: their timestamps in its packets and towards the viewer.
    frames: VecDeque<(u32, u32)>,
    /// Newest frame since the switch, by the timestamp in its packets.
    newest: Option<u32>,
    /// Newest timestamp towards the viewer, and its time.
    last: Option<(u32, Duration)>,
}

impl OutputClock {
    pub(super) fn new(hz: u32) -> Self {
        Self { hz, offset: 0, frames: VecDeque::new(), newest: None, last: None }
    }

    /// Time since the newest frame; `None` before the first.
    pub(super) fn elapsed(&self, now: Duration) -> Option<Duration> {
        self.last.map(|(_, at)| now.saturating_sub(at))
    }

    /// Continues with a source whose clock shows `source` at `now`.
    pub(super) fn switch(&mut self, now: Duration, source: u32) {
        self.frames.clear();
        self.newest = None;
        if let Some((last, at)) = self.last {
            let elapsed = now.saturating_sub(at).max(MIN_STEP);
            let next = last.wrapping_add(ticks(elapsed, self.hz));
            self.offset = next.wrapping_sub(source);
        }
    }

    /// Returns the timestamp of a packet towards the viewer. A newer frame gets a larger timestamp. `frame`: the timestamp in
    /// the packets of its frame; `source`: when the source captured it, which differs for frames of a replay.
    pub(super) fn outgoing(&mut self, now: Duration, frame: u32, source: u32) -> u32 {
        let is_newer = self.newest.is_none_or(|newest| distance_32(newest, frame) > 0);
        let mut of_frame = self.frames.iter().rev();
        if !is_newer && let Some((_, new)) = of_frame.find(|(known, _)| *known == frame) {
            return *new;
        }
        let mut new = source.wrapping_add(self.offset);
        if is_newer {
            if let Some((last, _)) = self.last.filter(|(last, _)| distance_32(*last, new) <= 0) {
                new = last.wrapping_add(ticks(MIN_STEP, self.hz));
                self.offset = new.wrapping_sub(source);
            }
            (self.newest, self.last) = (Some(frame), Some((new, now)));
        }
        if self.frames.len() >= MAX_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back((frame, new));
        new
    }
}
