//! A media section on which a member receives one source at a time.

use std::collections::VecDeque;
use std::time::Duration;

use codec_rtc::sequence::Unwrapper16;
use codec_webrtc::{Kind, Media, Mid};

use super::frame_ids::FrameIds;

/// For this time after a change of the source, timestamps do not run ahead of the time: the first frames
/// are replayed faster than they were captured, and would delay all later ones in the jitter buffer.
const ALIGNED: Duration = Duration::from_secs(1);
/// Shortest time between two frames, while timestamps are held back.
const MIN_STEP: Duration = Duration::from_millis(1);
/// Frames whose timestamps are known while timestamps are held back: their packets may be reordered.
const RECENT: usize = 16;

/// Numbers and timestamps of a section, which continue when its source changes.
#[derive(Debug)]
pub(super) struct Slot<K> {
    media: Media,
    source: Option<K>,
    numbers: Numbers,
    /// Newest timestamp and its time.
    newest: Option<(u32, Duration)>,
    /// Added to the timestamps of the source; `None` before its first packet.
    offset: Option<u32>,
    /// The first timestamp of a source that replaced another one, and its time.
    changed: Option<(u32, Duration)>,
    ids: FrameIds,
    /// Timestamps of the last frames of the source, and those that they were given.
    recent: VecDeque<(u32, u32)>,
}

/// Numbers of packets: those of the source, shifted.
#[derive(Debug, Default)]
struct Numbers {
    unwrapper: Unwrapper16,
    /// `None` before the first packet of the source.
    shift: Option<i64>,
    /// Number of the first packet of the source, and of the next one.
    floor: i64,
    next: i64,
}

impl Numbers {
    /// The number of a packet; `None` if it precedes the first packet of the source.
    fn number(&mut self, sequence: u16) -> Option<u64> {
        let unwrapped = self.unwrapper.unwrap(sequence);
        let shift = *self.shift.get_or_insert(self.next - unwrapped);
        let number = unwrapped + shift;
        self.next = self.next.max(number + 1);
        u64::try_from(number).ok().filter(|_| number >= self.floor)
    }

    fn restart(&mut self) {
        *self = Self { floor: self.next, next: self.next, ..Self::default() };
    }
}

impl<K: Copy + PartialEq> Slot<K> {
    pub(super) fn new(media: Media) -> Self {
        Self {
            media,
            source: None,
            numbers: Numbers::default(),
            newest: None,
            offset: None,
            changed: None,
            ids: FrameIds::default(),
            recent: VecDeque::new(),
        }
    }

    pub(super) fn mid(&self) -> Mid {
        self.media.mid
    }

    /// The negotiated section.
    pub(super) fn media(&self) -> &Media {
        &self.media
    }

    pub(super) fn source(&self) -> Option<K> {
        self.source
    }

    /// Time of the newest packet.
    pub(super) fn used(&self) -> Option<Duration> {
        self.newest.map(|(_, at)| at)
    }

    /// Replaces the source.
    pub(super) fn set_source(&mut self, source: Option<K>) {
        self.source = source;
        self.numbers.restart();
        self.offset = None;
        self.changed = None;
        self.ids.restart();
        self.recent.clear();
    }

    /// Rewrites the numbers of frames in a payload.
    pub(super) fn rewrite(&mut self, payload_type: u8, payload: &mut [u8]) {
        let mut codecs = self.media.codecs.iter();
        if let Some(codec) = codecs.find(|it| it.payload_type == payload_type) {
            self.ids.rewrite(codec.codec, payload);
        }
    }

    /// The number and timestamp of a packet of the source; `None` if it is too late. `hz`: the clock
    /// rate.
    pub(super) fn place(
        &mut self,
        now: Duration,
        sequence: u16,
        timestamp: u32,
        hz: u32,
    ) -> Option<(u64, u32)> {
        let number = self.numbers.number(sequence)?;
        if self.offset.is_none()
            && let Some((newest, at)) = self.newest
        {
            let first = newest.wrapping_add(ticks(now.saturating_sub(at), hz).max(1));
            self.offset = Some(first.wrapping_sub(timestamp));
            // Audio is not replayed, and its timestamps count samples.
            self.changed = (self.media.kind == Kind::Video).then_some((first, now));
        }
        let timestamp = self.aligned(now, timestamp, hz);
        let is_newer =
            |(newest, _): (u32, Duration)| codec_rtc::sequence::distance_32(newest, timestamp) > 0;
        if self.newest.is_none_or(is_newer) {
            self.newest = Some((timestamp, now));
        }
        Some((number, timestamp))
    }

    /// The timestamp of a packet, for some time after a change held back to the time that has passed.
    fn aligned(&mut self, now: Duration, timestamp: u32, hz: u32) -> u32 {
        let offset = *self.offset.get_or_insert(0);
        let plain = timestamp.wrapping_add(offset);
        let Some((first, at)) = self.changed else { return plain };
        let passed = now.saturating_sub(at);
        if passed >= 2 * ALIGNED {
            self.changed = None;
            return plain;
        }
        let known = self.recent.iter().find(|(source, _)| *source == timestamp);
        if let Some((_, given)) = known {
            return *given;
        }
        let mut given = plain;
        if passed < ALIGNED {
            let latest = first.wrapping_add(ticks(passed, hz));
            let newest = self.recent.back().map(|(_, given)| *given);
            let earliest = newest.map_or(first, |it| it.wrapping_add(ticks(MIN_STEP, hz)));
            let is_ahead = |one, other| codec_rtc::sequence::distance_32(one, other) > 0;
            // A frame that precedes others keeps its distance to them.
            if is_ahead(latest, plain) && newest.is_none_or(|newest| is_ahead(newest, plain)) {
                given = if is_ahead(earliest, latest) { latest } else { earliest };
                self.offset = Some(given.wrapping_sub(timestamp));
            }
        }
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((timestamp, given));
        given
    }
}

/// A duration in units of a clock rate.
#[expect(clippy::cast_possible_truncation, reason = "timestamps wrap")]
fn ticks(time: Duration, hz: u32) -> u32 {
    (time.as_millis() * u128::from(hz) / 1000) as u32
}

#[cfg(test)]
mod tests {
    use codec_webrtc::Direction;

    use super::*;

    fn slot() -> Slot<u64> {
        let (mid, codecs) = (Mid::new("3"), Vec::new());
        Slot::new(Media {
            mid,
            kind: Kind::Video,
            direction: Direction::SendOnly,
            codecs,
            send_layers: Vec::new(),
        })
    }

    #[test]
    fn numbers_and_times_continue_across_sources() {
        let (mut slot, at) = (slot(), Duration::from_millis);
        slot.set_source(Some(1));
        assert_eq!(slot.place(at(0), 65_535, 100, 90_000), Some((0, 100)));
        assert_eq!(slot.place(at(10), 1, 1000, 90_000), Some((2, 1000)));
        assert_eq!(slot.place(at(12), 0, 100, 90_000), Some((1, 100)), "reordered");
        assert_eq!(slot.place(at(12), 65_534, 90, 90_000), None, "before the first packet");
        slot.set_source(Some(2));
        assert_eq!(slot.place(at(110), 500, 7, 90_000), Some((3, 10_000)));
        assert_eq!(slot.place(at(143), 501, 3007, 90_000), Some((4, 12_970)), "as time passes");
        assert_eq!(slot.place(at(143), 499, 0, 90_000), None);
        assert_eq!(slot.used(), Some(at(143)));
        slot.set_source(Some(3));
        assert_eq!(slot.place(at(143), 9, 5, 90_000), Some((5, 12_971)), "time never stands still");
    }

    #[test]
    fn replayed_frames_do_not_delay_later_ones() {
        let (mut slot, at) = (slot(), Duration::from_millis);
        slot.set_source(Some(1));
        assert_eq!(slot.place(at(0), 0, 0, 90_000), Some((0, 0)));
        slot.set_source(Some(2));
        // Ten frames of 40 ms, replayed at once: two packets each, the second ones reordered.
        for frame in 0..10_u32 {
            let sequence = u16::try_from(2 * frame).unwrap();
            let (_, timestamp) = slot.place(at(40), sequence, 3600 * frame, 90_000).unwrap();
            assert_eq!(timestamp, 3600 + 90 * frame);
        }
        for frame in 0..10_u32 {
            let sequence = u16::try_from(2 * frame + 1).unwrap();
            let (_, timestamp) = slot.place(at(40), sequence, 3600 * frame, 90_000).unwrap();
            assert_eq!(timestamp, 3600 + 90 * frame, "packets of a frame have one timestamp");
        }
        for frame in 10..60_u32 {
            let (now, sequence) = (40 * u64::from(frame - 8), u16::try_from(2 * frame).unwrap());
            let (_, timestamp) = slot.place(at(now), sequence, 3600 * frame, 90_000).unwrap();
            assert_eq!(
                u64::from(timestamp),
                90 * now,
                "live frames have the time of their arrival"
            );
        }
    }
}
