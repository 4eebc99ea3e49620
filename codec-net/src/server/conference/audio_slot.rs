//! A media section on which a member receives the audio of one person at a time.

use std::time::Duration;

use codec_rtc::sequence::Unwrapper16;
use codec_webrtc::{Media, Mid};

use super::super::media::AUDIO_HZ;

/// Numbers and timestamps of a section, which continue when its source, a member, changes.
#[derive(Debug)]
pub(super) struct AudioSlot {
    media: Media,
    source: Option<u64>,
    numbers: Numbers,
    /// Newest timestamp and its time.
    newest: Option<(u32, Duration)>,
    /// Added to the timestamps of the source; `None` before its first packet.
    offset: Option<u32>,
}

/// Numbers of packets: the numbers of the source, shifted.
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

impl AudioSlot {
    pub(super) fn new(media: Media) -> Self {
        Self { media, source: None, numbers: Numbers::default(), newest: None, offset: None }
    }

    pub(super) fn mid(&self) -> Mid {
        self.media.mid
    }

    /// The negotiated section.
    pub(super) fn media(&self) -> &Media {
        &self.media
    }

    pub(super) fn source(&self) -> Option<u64> {
        self.source
    }

    /// Time of the newest packet.
    pub(super) fn used(&self) -> Option<Duration> {
        self.newest.map(|(_, at)| at)
    }

    /// Replaces the source.
    pub(super) fn set_source(&mut self, source: Option<u64>) {
        self.source = source;
        self.numbers.restart();
        self.offset = None;
    }

    /// The number and timestamp of a packet of the source; `None` if it is too late.
    pub(super) fn place(
        &mut self,
        now: Duration,
        sequence: u16,
        timestamp: u32,
    ) -> Option<(u64, u32)> {
        let number = self.numbers.number(sequence)?;
        let offset = *self.offset.get_or_insert_with(|| match self.newest {
            None => 0,
            Some((newest, at)) => {
                let elapsed = now.saturating_sub(at).as_millis() * u128::from(AUDIO_HZ) / 1000;
                #[expect(clippy::cast_possible_truncation, reason = "timestamps wrap")]
                let elapsed = elapsed.max(1) as u32;
                newest.wrapping_add(elapsed).wrapping_sub(timestamp)
            }
        });
        let timestamp = timestamp.wrapping_add(offset);
        let is_newer =
            |(newest, _): (u32, Duration)| codec_rtc::sequence::distance_32(newest, timestamp) > 0;
        if self.newest.is_none_or(is_newer) {
            self.newest = Some((timestamp, now));
        }
        Some((number, timestamp))
    }
}

#[cfg(test)]
mod tests {
    use codec_webrtc::{Direction, Kind};

    use super::*;

    #[test]
    fn numbers_and_times_continue_across_sources() {
        let mut slot = AudioSlot::new(Media {
            mid: Mid::new("3"),
            kind: Kind::Audio,
            direction: Direction::SendOnly,
            codecs: Vec::new(),
            send_layers: Vec::new(),
        });
        let at = Duration::from_millis;
        slot.set_source(Some(1));
        assert_eq!(slot.place(at(0), 65_535, 100), Some((0, 100)));
        assert_eq!(slot.place(at(10), 1, 1000), Some((2, 1000)));
        assert_eq!(slot.place(at(12), 0, 100), Some((1, 100)), "reordered");
        assert_eq!(slot.place(at(12), 65_534, 90), None, "before the first packet");
        slot.set_source(Some(2));
        assert_eq!(slot.place(at(110), 500, 7), Some((3, 5800)));
        assert_eq!(slot.place(at(111), 501, 967), Some((4, 6760)));
        assert_eq!(slot.place(at(111), 499, 0), None);
        assert_eq!(slot.used(), Some(at(111)));
        slot.set_source(Some(3));
        assert_eq!(slot.place(at(111), 9, 5), Some((5, 6761)), "time never stands still");
    }
}
