//! Reorders the audio packets of an RTP stream for a recording.

use std::collections::{BTreeMap, VecDeque};

use codec_rtc::packet::red;
use codec_rtc::rtp::Packet;
use codec_rtc::sequence::Unwrapper32;
use codec_rtc::sframe::{DecryptCounters, Decryptor};

use super::input::Times;
use super::rtp::Expected;

/// Maximum number of packets held for reordering: a recording is not urgent.
const HELD: usize = 12;

/// Number of delivered packets that are remembered to detect copies.
const REMEMBERED: usize = 64;

/// Channel count of an Opus packet from its configuration byte (RFC 6716, section 3.1).
pub(super) fn channels(packet: &[u8]) -> Option<u8> {
    packet.first().map(|toc| 1 + (toc >> 2 & 1))
}

/// A packet held for reordering.
#[derive(Clone, Debug)]
pub(super) struct HeldPacket {
    pub(super) data: Vec<u8>,
    pub(super) ticks: i64,
    pub(super) times: Times,
}

/// Orders packets by timestamp; redundant copies in RED fill gaps.
#[derive(Debug, Default)]
pub(super) struct AudioOrder {
    payload_type: Option<u8>,
    held: BTreeMap<i64, HeldPacket>,
    unwrap: Unwrapper32,
    given: VecDeque<i64>,
    late: u64,
    recovered: u64,
    decryptor: Option<Decryptor>,
    channels: Option<u8>,
}

impl AudioOrder {
    pub(super) fn new(expected: &Expected) -> Self {
        Self { payload_type: expected.audio.map(|media| media.payload_type), ..Self::default() }
    }

    /// Sets the decryptor for encrypted packets.
    pub(super) fn with_decryptor(mut self, decryptor: Option<Decryptor>) -> Self {
        self.decryptor = decryptor;
        self
    }

    /// Takes the decryptor for the next session.
    pub(super) fn take_decryptor(&mut self) -> Option<Decryptor> {
        self.decryptor.take()
    }

    /// Decryption counters.
    pub(super) fn decryption(&self) -> Option<DecryptCounters> {
        self.decryptor.as_ref().map(Decryptor::counters)
    }

    /// Channel count of the first packet.
    pub(super) fn channels(&self) -> Option<u8> {
        self.channels
    }

    /// Packets that arrived after a later one was delivered; copies do not count.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// Packets recovered from redundant copies only.
    pub(super) fn recovered(&self) -> u64 {
        self.recovered
    }

    /// Takes a packet of the stream.
    pub(super) fn push(&mut self, packet: &Packet<'_>, expected: &Expected, times: Times) {
        let ticks = self.unwrap.unwrap(packet.header.timestamp);
        if expected.red == Some(packet.header.payload_type) {
            let Ok(blocks) = red::parse(packet.payload) else { return };
            let Some((primary, earlier)) = blocks.split_last() else { return };
            let wanted = self.payload_type;
            let copied = Times { captured: None, reported: None, ..times };
            for block in earlier.iter().filter(|it| Some(it.payload_type) == wanted) {
                let earlier = ticks - i64::from(block.timestamp_offset);
                self.recovered += u64::from(self.keep(earlier, block.data, copied));
            }
            self.take(ticks, primary.data, times);
        } else if Some(packet.header.payload_type) == self.payload_type {
            self.take(ticks, packet.payload, times);
        }
    }

    /// Takes an Opus payload with its timestamp.
    #[cfg(feature = "whip")]
    pub(super) fn push_opus(&mut self, timestamp: u32, payload: &[u8], times: Times) {
        let ticks = self.unwrap.unwrap(timestamp);
        self.take(ticks, payload, times);
    }

    /// Takes a primary packet.
    fn take(&mut self, ticks: i64, data: &[u8], times: Times) {
        if !self.keep(ticks, data, times) && self.is_past(ticks) && !self.given.contains(&ticks) {
            self.late += 1;
        }
    }

    fn is_past(&self, ticks: i64) -> bool {
        self.given.back().is_some_and(|&given| ticks <= given)
    }

    /// Keeps a packet unless it is a duplicate.
    fn keep(&mut self, ticks: i64, data: &[u8], times: Times) -> bool {
        if data.is_empty() || self.is_past(ticks) || self.held.contains_key(&ticks) {
            return false;
        }
        let data = match &mut self.decryptor {
            None => data.to_vec(),
            Some(decryptor) => match decryptor.decrypt_audio(data) {
                Ok(data) => data,
                Err(_) => return false,
            },
        };
        self.channels = self.channels.or_else(|| channels(&data));
        self.held.insert(ticks, HeldPacket { data, ticks, times });
        true
    }

    /// Packets that need not wait any longer.
    pub(super) fn ready(&mut self) -> impl Iterator<Item = HeldPacket> {
        let count = self.held.len().saturating_sub(HELD);
        self.pop(count)
    }

    /// All remaining packets.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = HeldPacket> {
        self.pop(self.held.len())
    }

    fn pop(&mut self, count: usize) -> impl Iterator<Item = HeldPacket> {
        (0..count).filter_map(|_| {
            let (ticks, held) = self.held.pop_first()?;
            if self.given.len() == REMEMBERED {
                self.given.pop_front();
            }
            self.given.push_back(ticks);
            Some(held)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec_rtc::rtp::{Header, parse, write};

    fn bytes(number: u32) -> Vec<u8> {
        // Timestamps wrap within the test.
        let timestamp = (u32::MAX - 5000).wrapping_add(number * 960);
        let header = Header { payload_type: 111, timestamp, ssrc: 5, ..Header::default() };
        let mut bytes = Vec::new();
        write(&header, &mut bytes);
        bytes.push(u8::try_from(number).unwrap());
        bytes
    }

    #[test]
    fn packets_come_out_in_order_and_once() {
        let expected = Expected::usual("127.0.0.1".parse().unwrap(), 5004);
        let mut order = AudioOrder::new(&expected);
        let mut numbers: Vec<u32> = (0..100).collect();
        for pair in numbers.chunks_mut(3) {
            pair.reverse();
        }
        let mut out = Vec::new();
        for number in numbers.iter().flat_map(|&number| [number, number]) {
            order.push(&parse(&bytes(number)).unwrap(), &expected, Times::default());
            out.extend(order.ready().map(|held| held.data[0]));
        }
        out.extend(order.rest().map(|held| held.data[0]));
        assert_eq!(out, (0..100).collect::<Vec<u8>>());
        assert_eq!(order.late(), 0);
    }

    #[test]
    fn packets_after_their_turn_are_late_and_copies_are_not() {
        let expected = Expected::usual("127.0.0.1".parse().unwrap(), 5004);
        let mut order = AudioOrder::new(&expected);
        for number in (0..40).filter(|&number| number != 7).chain([7, 7, 3, 39]) {
            order.push(&parse(&bytes(number)).unwrap(), &expected, Times::default());
            assert!(order.ready().all(|held| held.data[0] != 7));
        }
        assert_eq!(order.late(), 2);
    }
}
