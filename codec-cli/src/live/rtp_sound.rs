//! Packets of sound out of RTP, in order, for a recording; and the time line that they share with
//! the pictures.

use std::collections::BTreeMap;
use std::time::Duration;

use codec_net::clock::Clock;
use codec_rtc::extension::Extensions;
use codec_rtc::packet::red;
use codec_rtc::rtp::Packet;
use codec_rtc::sequence::Unwrapper32;

use super::inlet::{InSound, InletEvent};
use super::rtp::Expected;

/// Packets that wait for earlier ones: a recording has time.
const HELD: usize = 12;

/// The moment from which both streams are counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Origin {
    /// Wall time, NTP, of the first thing that came.
    zero: Option<u64>,
}

impl Origin {
    /// Where something of the sender's clock `captured`, or else of its arrival, lies on the common
    /// time line, in ticks of `hz`.
    pub(super) fn place(
        &mut self,
        captured: Option<u64>,
        arrived: Duration,
        clock: Clock,
        hz: u32,
    ) -> i64 {
        let wall = captured.unwrap_or_else(|| clock.ntp(arrived));
        let zero = *self.zero.get_or_insert(wall);
        let steps = i128::from(wall.wrapping_sub(zero).cast_signed());
        i64::try_from((steps * i128::from(hz)) >> 32).unwrap_or(0)
    }
}

/// A packet that waits.
#[derive(Clone, Debug)]
pub(super) struct Held {
    data: Vec<u8>,
    ticks: i64,
    captured: Option<u64>,
}

/// Puts packets in order by their times; copies in RED fill what is missing.
#[derive(Debug, Default)]
pub(super) struct SoundOrder {
    payload_type: Option<u8>,
    held: BTreeMap<i64, Held>,
    unwrap: Unwrapper32,
    given: Option<i64>,
    /// Ticks of the first packet, and its place on the common time line.
    zero: Option<(i64, i64)>,
}

impl SoundOrder {
    pub(super) fn new(expected: &Expected) -> Self {
        Self { payload_type: expected.sound.map(|media| media.payload_type), ..Self::default() }
    }

    /// Takes a packet of the stream.
    pub(super) fn push(&mut self, packet: &Packet<'_>, expected: &Expected) {
        let extensions = Extensions::of(packet, &expected.extensions).ok();
        let captured = extensions.and_then(|it| it.abs_capture_time).map(|time| time.ntp);
        let ticks = self.unwrap.unwrap(packet.header.timestamp);
        if expected.red == Some(packet.header.payload_type) {
            let Ok(blocks) = red::parse(packet.payload) else { return };
            let Some((primary, earlier)) = blocks.split_last() else { return };
            let wanted = self.payload_type;
            for block in earlier.iter().filter(|it| Some(it.payload_type) == wanted) {
                self.keep(ticks - i64::from(block.timestamp_offset), block.data, None);
            }
            self.keep(ticks, primary.data, captured);
        } else if Some(packet.header.payload_type) == self.payload_type {
            self.keep(ticks, packet.payload, captured);
        }
    }

    /// Takes a packet of which the payload alone is known: Opus.
    #[cfg(feature = "whip")]
    pub(super) fn push_opus(&mut self, timestamp: u32, payload: &[u8]) {
        let ticks = self.unwrap.unwrap(timestamp);
        self.keep(ticks, payload, None);
    }

    fn keep(&mut self, ticks: i64, data: &[u8], captured: Option<u64>) {
        if data.is_empty() || self.given.is_some_and(|given| ticks <= given) {
            return;
        }
        let held = || Held { data: data.to_vec(), ticks, captured };
        self.held.entry(ticks).or_insert_with(held);
    }

    /// Packets that need not wait any more.
    pub(super) fn ready(&mut self) -> impl Iterator<Item = Held> {
        let count = self.held.len().saturating_sub(HELD);
        self.pop(count)
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = Held> {
        self.pop(self.held.len())
    }

    fn pop(&mut self, count: usize) -> impl Iterator<Item = Held> {
        (0..count).filter_map(|_| {
            let (ticks, held) = self.held.pop_first()?;
            self.given = Some(ticks);
            Some(held)
        })
    }

    /// The packet on the common time line.
    pub(super) fn event(
        &mut self,
        packet: Held,
        origin: &mut Origin,
        clock: Clock,
        now: Duration,
    ) -> InletEvent {
        let Held { data, ticks, captured } = packet;
        // It has waited for those after it.
        let arrived = now.saturating_sub(Duration::from_millis(20 * HELD as u64));
        let (first, zero) = *self
            .zero
            .get_or_insert_with(|| (ticks, origin.place(captured, arrived, clock, 48_000)));
        InletEvent::Sound(InSound { data, pts: zero + ticks - first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec_rtc::rtp::{Header, parse, write};

    #[test]
    fn packets_come_out_in_order_and_once() {
        let expected = Expected::usual("127.0.0.1".parse().unwrap(), 5004);
        let mut order = SoundOrder::new(&expected);
        let mut numbers: Vec<u32> = (0..100).collect();
        for pair in numbers.chunks_mut(3) {
            pair.reverse();
        }
        let mut out = Vec::new();
        for number in numbers.iter().flat_map(|&number| [number, number]) {
            // Time stamps wrap on the way.
            let timestamp = (u32::MAX - 5000).wrapping_add(number * 960);
            let header = Header { payload_type: 111, timestamp, ssrc: 5, ..Header::default() };
            let mut bytes = Vec::new();
            write(&header, &mut bytes);
            bytes.push(u8::try_from(number).unwrap());
            order.push(&parse(&bytes).unwrap(), &expected);
            out.extend(order.ready().map(|held| held.data[0]));
        }
        out.extend(order.rest().map(|held| held.data[0]));
        assert_eq!(out, (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn the_time_line_is_that_of_captures() {
        let clock = Clock::start();
        let mut origin = Origin::default();
        let at = |ms: u64| Some(clock.ntp(Duration::from_millis(ms)));
        assert_eq!(origin.place(at(1000), Duration::ZERO, clock, 90_000), 0);
        let later = origin.place(at(1500), Duration::ZERO, clock, 48_000);
        assert!((23_999..=24_000).contains(&later), "{later}");
        let earlier = origin.place(at(500), Duration::ZERO, clock, 48_000);
        assert!((-24_000..=-23_999).contains(&earlier), "{earlier}");
    }
}
