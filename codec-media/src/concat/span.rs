//! The times at which a track of an input begins and ends.

use codec_container::{CodedPacket, Track};
use codec_core::frame::Rational;

use crate::cut::{Cut, is_before, milliseconds, ns_of, ns_to_ticks, ticks_to_ns};

/// Times between which a track presents something, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
}

impl Extent {
    pub(super) fn length_ns(self) -> i64 {
        self.end_ns.saturating_sub(self.start_ns).max(0)
    }
}

/// First and last times of the packets of a track that are part of a cut.
pub(super) struct Span {
    pub(super) base: Rational,
    is_audio: bool,
    pub(super) cut: Cut,
    first: Option<i64>,
    last: i64,
    /// The duration of the last packet, if stated.
    last_duration: Option<u64>,
    packets: i64,
    /// The end of the packets before the start.
    before: Option<i64>,
    /// The first time after the end.
    pub(super) after: Option<i64>,
}

/// If the first frame after the start of a cut is later than this, in milliseconds, the frame that is
/// shown at the start comes before it.
const MAX_WAIT_MS: i64 = 100;

impl Span {
    pub(super) fn new(track: &Track, cut: Cut) -> Self {
        Self {
            base: track.time_base(),
            is_audio: track.audio().is_some(),
            cut,
            first: None,
            last: i64::MIN,
            last_duration: None,
            packets: 0,
            before: None,
            after: None,
        }
    }

    pub(super) fn add(&mut self, packet: &CodedPacket) {
        if !packet.shown {
            return;
        }
        let trimmed = i64::from(packet.trim_start).min(packet.pts.min(0).saturating_neg());
        if packet.duration.is_some_and(|ticks| trimmed.unsigned_abs() >= ticks.max(1)) {
            // Decoded only to prepare the decoder: nothing of it is heard.
            return;
        }
        let start = packet.pts.saturating_add(trimmed);
        if self.cut.from.is_some_and(|from| is_before(packet.pts, self.base, from)) {
            let end = packet.pts.saturating_add_unsigned(packet.duration.unwrap_or(0));
            self.before = self.before.max(Some(end));
            return;
        }
        if self.cut.to.is_some_and(|to| !is_before(packet.pts, self.base, to)) {
            self.after = Some(self.after.map_or(packet.pts, |after| after.min(packet.pts)));
            return;
        }
        self.first = Some(self.first.map_or(start, |first| first.min(start)));
        if packet.pts >= self.last {
            (self.last, self.last_duration) = (packet.pts, packet.duration);
        }
        self.packets += 1;
    }

    /// Whether what is shown or heard at the start of the cut, `from`, begins before it.
    fn continues(&self, from: i64) -> bool {
        let Some(end) = self.before else { return false };
        if self.is_audio {
            return end > from;
        }
        match (self.first, self.after) {
            (Some(first), _) => {
                milliseconds(first, self.base) - milliseconds(from, self.base) > MAX_WAIT_MS
            }
            (None, after) => after.is_some() || end > from,
        }
    }

    /// The extent; the last packet lasts as long as the others on average if it states nothing.
    pub(super) fn extent(&self) -> Option<Extent> {
        let from = self.cut.from.map(|from| ns_to_ticks(ns_of(from), self.base));
        let first = from.filter(|from| self.continues(*from)).or(self.first)?;
        let last = self.last.max(first);
        let between = last.saturating_sub(first);
        let mean = between.checked_div(self.packets - 1).unwrap_or(1).max(1);
        let stated = self.last_duration.and_then(|ticks| i64::try_from(ticks).ok());
        // Frames and audio last up to the next packet, and not beyond the end of the cut.
        let end = match self.after {
            Some(_) => i64::MAX,
            None => last.saturating_add(stated.unwrap_or(mean)),
        };
        let to = self.cut.to.map_or(i64::MAX, ns_of);
        let end_ns = if end == i64::MAX { to } else { ticks_to_ns(end, self.base).min(to) };
        Some(Extent { start_ns: ticks_to_ns(first, self.base), end_ns })
    }
}
