//! Divides sections and PES packets into transport packets. ITU-T H.222.0, section 2.4.3.

use super::timeline::WRAP;
use super::transport::{PACKET, SYNC};

const HEADER_BYTES: usize = 4;
/// Bytes of a packet after its header.
const BODY_BYTES: usize = PACKET - HEADER_BYTES;

/// The adaptation field of the first packet of a unit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Adaptation {
    /// `program_clock_reference`, in ticks of 1/90000 s.
    pub(super) clock: Option<i64>,
    /// `random_access_indicator`: decoding can begin here.
    pub(super) random_access: bool,
}

impl Adaptation {
    /// Returns the flags and the fields; nothing if there are none.
    fn content(self) -> Vec<u8> {
        if self.clock.is_none() && !self.random_access {
            return Vec::new();
        }
        let flags = u8::from(self.random_access) << 6 | u8::from(self.clock.is_some()) << 4;
        let mut out = vec![flags];
        if let Some(clock) = self.clock {
            // 33 bits, six reserved bits, and nine bits in ticks of 27 MHz.
            let base = clock.rem_euclid(WRAP).cast_unsigned();
            let [_, _, field @ ..] = (base << 15 | 0x3F << 9).to_be_bytes();
            out.extend_from_slice(&field);
        }
        out
    }
}

/// The packets of a PID.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packetizer {
    pid: u16,
    /// `continuity_counter` of the next packet with a payload.
    counter: u8,
}

impl Packetizer {
    pub(super) fn new(pid: u16) -> Self {
        Self { pid, counter: 0 }
    }

    /// Appends the packets of a section.
    pub(super) fn put_section(&mut self, section: &[u8], out: &mut Vec<u8>) {
        // The section begins right after the pointer.
        let payload = [&[0][..], section].concat();
        for (number, part) in payload.chunks(BODY_BYTES).enumerate() {
            self.put_header(number == 0, 0x10, out);
            out.extend_from_slice(part);
            out.resize(out.len() + BODY_BYTES - part.len(), 0xFF);
        }
    }

    /// Appends the packets of a PES packet.
    pub(super) fn put_pes(&mut self, pes: &[u8], adaptation: Adaptation, out: &mut Vec<u8>) {
        let mut content = adaptation.content();
        let (mut rest, mut is_start) = (pes, true);
        while is_start || !rest.is_empty() {
            let field_bytes = if content.is_empty() { 0 } else { 1 + content.len() };
            let (part, after) = rest.split_at(rest.len().min(BODY_BYTES - field_bytes));
            rest = after;
            // Stuffing is in the adaptation field.
            let field_bytes = BODY_BYTES - part.len();
            self.put_header(is_start, if field_bytes > 0 { 0x30 } else { 0x10 }, out);
            put_field(&content, field_bytes, out);
            out.extend_from_slice(part);
            content.clear();
            is_start = false;
        }
    }

    /// Appends a packet that has only a clock reference. It has the counter of the packet before.
    pub(super) fn put_clock(&mut self, clock: i64, out: &mut Vec<u8>) {
        let content = Adaptation { clock: Some(clock), random_access: false }.content();
        self.counter = self.counter.wrapping_sub(1) & 15;
        self.put_header(false, 0x20, out);
        put_field(&content, BODY_BYTES, out);
    }

    fn put_header(&mut self, is_start: bool, control: u8, out: &mut Vec<u8>) {
        let [high, low] = (u16::from(is_start) << 14 | self.pid).to_be_bytes();
        out.extend_from_slice(&[SYNC, high, low, control | self.counter]);
        self.counter = (self.counter + 1) & 15;
    }
}

/// Appends an adaptation field of `bytes`, with stuffing after its `content`.
fn put_field(content: &[u8], bytes: usize, out: &mut Vec<u8>) {
    let end = out.len() + bytes;
    if let Some(length) = bytes.checked_sub(1) {
        out.push(u8::try_from(length).unwrap_or(0));
        match content {
            // The flags, if there is room.
            [] if length > 0 => out.push(0),
            content => out.extend_from_slice(content),
        }
    }
    out.resize(end, 0xFF);
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::transport::TransportReader;
    use super::*;
    use crate::Source;

    /// Returns the payloads, and checks the counters of those packets that have one.
    fn payloads(bytes: &[u8]) -> Vec<Vec<u8>> {
        assert_eq!(bytes.len() % PACKET, 0);
        // The reader expects another packet after the last one.
        let source = Source::stream(Cursor::new(bytes.to_vec()));
        let mut reader = TransportReader::new(source);
        let mut payloads = Vec::new();
        while let Some(packet) = reader.next().unwrap() {
            if packet.has_payload() {
                assert_eq!(usize::from(packet.continuity()), payloads.len() % 16);
                assert_eq!(packet.is_start(), payloads.is_empty());
                payloads.push(reader.payload(&packet).to_vec());
            }
        }
        payloads
    }

    #[test]
    fn payloads_of_every_length_survive() {
        for length in (0..400).chain([BODY_BYTES * 20]) {
            let pes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let both = Adaptation { clock: Some(7), random_access: true };
            let one = Adaptation { random_access: true, ..Adaptation::default() };
            for adaptation in [Adaptation::default(), one, both] {
                let mut out = Vec::new();
                Packetizer::new(0x100).put_pes(&pes, adaptation, &mut out);
                assert_eq!(payloads(&out).concat(), pes, "{length} {adaptation:?}");
            }
        }
    }

    #[test]
    fn clocks_are_modulo_the_range_and_do_not_count() {
        let mut packets = Packetizer::new(0x100);
        let mut out = Vec::new();
        packets.put_pes(&[1], Adaptation::default(), &mut out);
        packets.put_clock(-1, &mut out);
        packets.put_pes(&[2], Adaptation::default(), &mut out);
        let second = &out[PACKET..][..PACKET];
        assert_eq!(second[..6], [0x47, 0x01, 0x00, 0x20, 183, 0x10]);
        assert_eq!(second[6..12], [0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0x00]);
        assert_eq!([out[3] & 15, second[3] & 15, out[2 * PACKET + 3] & 15], [0, 0, 1]);
        let clock = Adaptation { clock: Some(WRAP + 2), random_access: false };
        assert_eq!(clock.content(), [0x10, 0, 0, 0, 1, 0x7E, 0]);
    }

    #[test]
    fn long_sections_continue_in_further_packets() {
        let section: Vec<u8> = (0..=255).cycle().take(500).collect();
        let mut out = Vec::new();
        Packetizer::new(0x1000).put_section(&section, &mut out);
        let payload = payloads(&out).concat();
        assert_eq!(payload[0], 0);
        assert_eq!(payload[1..=500], section);
        assert!(payload[501..].iter().all(|&byte| byte == 0xFF));
    }
}
