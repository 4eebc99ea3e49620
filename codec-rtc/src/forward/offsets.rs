//! Sequence numbers, timestamps and other counters of a stream as its subscriber sees them.

use std::collections::VecDeque;

use crate::packet::vp8::PictureId;

/// Number of offset changes kept for late packets.
const MAX_OFFSETS: usize = 128;
/// Interval between frames in ticks before two frames are known: 30 frames per second.
const FRAME_TICKS: u32 = 3000;

/// Piecewise constant offsets of a renumbered sequence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offsets {
    /// First number and offset to subtract, ascending.
    changes: VecDeque<(i64, i64)>,
}

impl Offsets {
    pub(crate) fn at(&self, number: i64) -> Option<i64> {
        let change = self.changes.iter().rev().find(|&&(from, _)| from <= number);
        change.map(|&(_, offset)| offset)
    }

    pub(crate) fn latest(&self) -> i64 {
        self.changes.back().map_or(0, |&(_, offset)| offset)
    }

    pub(crate) fn push(&mut self, from: i64, offset: i64) {
        match self.changes.back_mut() {
            Some(last) if last.0 == from => last.1 = offset,
            _ => self.changes.push_back((from, offset)),
        }
        if self.changes.len() > MAX_OFFSETS {
            self.changes.pop_front();
        }
    }
}

/// `PictureID`s: unwrapped numbers of frames, and the ids towards the subscriber.
#[derive(Clone, Debug, Default)]
pub(crate) struct PictureIds {
    newest: Option<(PictureId, i64)>,
    offsets: Offsets,
    /// The stream restarted: the next frame follows the newest one.
    restarts: bool,
}

impl PictureIds {
    /// Continues with the ids of another stream.
    pub(crate) fn restart(&mut self) {
        self.restarts = true;
    }

    /// Returns the number of a frame.
    pub(crate) fn number(&mut self, id: PictureId) -> i64 {
        let number = match self.newest {
            None => id.number().into(),
            Some((_, number)) if self.restarts => number + 1,
            Some((last, number)) => {
                let range = if matches!(id, PictureId::Short(_)) { 0x80 } else { 0x8000 };
                let steps = i64::from(id.steps_from(last));
                // More than half the range ahead means a late frame.
                let steps = if steps >= range / 2 { steps - range } else { steps };
                number + steps
            }
        };
        if self.newest.is_none_or(|(_, newest)| number > newest) {
            self.newest = Some((id, number));
            self.restarts = false;
        }
        number
    }

    /// Leaves no gap for a dropped frame.
    pub(crate) fn close_gap(&mut self, number: i64) {
        if self.newest.is_some_and(|(_, newest)| number >= newest) {
            self.offsets.push(number + 1, self.offsets.latest() + 1);
        }
    }

    /// The id of a frame towards the subscriber, of the same length as `id`.
    pub(crate) fn outgoing(&self, number: i64, id: PictureId) -> PictureId {
        let new = number - self.offsets.at(number).unwrap_or(0);
        match id {
            PictureId::Short(_) => PictureId::Short(u8::try_from(new & 0x7f).unwrap_or(0)),
            PictureId::Long(_) => PictureId::Long(u16::try_from(new & 0x7fff).unwrap_or(0)),
        }
    }
}

/// RTP timestamps.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timestamps {
    offset: u32,
    /// The newest timestamp towards the subscriber, and the interval to the one before it.
    newest: Option<u32>,
    interval: Option<u32>,
    restarts: bool,
}

impl Timestamps {
    /// Continues with the timestamps of another stream, one frame after the newest one.
    pub(crate) fn restart(&mut self) {
        self.restarts = true;
    }

    /// Returns the timestamp towards the subscriber.
    pub(crate) fn outgoing(&mut self, timestamp: u32) -> u32 {
        if let Some(newest) = self.newest.filter(|_| self.restarts) {
            let next = newest.wrapping_add(self.interval.unwrap_or(FRAME_TICKS));
            self.offset = next.wrapping_sub(timestamp);
        }
        self.restarts = false;
        let new = timestamp.wrapping_add(self.offset);
        let ahead = self.newest.map(|newest| new.wrapping_sub(newest));
        if ahead.is_none_or(|ahead| (1..1 << 31).contains(&ahead)) {
            self.interval = ahead.or(self.interval);
            self.newest = Some(new);
        }
        new
    }
}
