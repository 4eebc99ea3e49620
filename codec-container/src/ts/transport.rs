//! Transport packets. ITU-T H.222.0, section 2.4.3.

use super::corrupt;
use crate::io::ByteReader;
use crate::{Result, Source};

pub(super) const SYNC: u8 = 0x47;
/// Bytes of a transport packet.
pub(super) const PACKET: usize = 188;
/// Number of packets in a row that show that a position is the start of one.
const CONFIRMED: usize = 4;
/// Bytes that are searched for the next packet after damage.
const MAX_SEARCH_BYTES: u64 = 1 << 20;
/// Bytes that are searched at a time.
const SEARCH_STEP: usize = 4096;

/// Distance of packets, and position of the sync byte in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spacing {
    step: usize,
    lead: usize,
}

/// Packets alone, after a time (`.m2ts`), and before a checksum.
const SPACINGS: [Spacing; 3] = [
    Spacing { step: PACKET, lead: 0 },
    Spacing { step: PACKET + 4, lead: 4 },
    Spacing { step: PACKET + 16, lead: 0 },
];

/// Number of bytes that [`is_stream`] needs to find the first packets, at any offset.
pub(crate) const PROBE_BYTES: usize = (CONFIRMED + 1) * (PACKET + 16);

/// Finds the spacing of the packets at the start of `head`, which is the rest of the input if it is
/// shorter than [`PROBE_BYTES`].
fn spacing(head: &[u8]) -> Option<Spacing> {
    SPACINGS.into_iter().find(|Spacing { step, lead }| {
        let mut syncs = head.iter().skip(*lead).step_by(*step).take(CONFIRMED);
        let count = syncs.clone().count();
        let is_last = head.len() == *step;
        (count > 1 || is_last) && syncs.all(|&byte| byte == SYNC)
    })
}

/// Whether `head` begins with transport packets.
pub(crate) fn is_stream(head: &[u8]) -> bool {
    spacing(head).is_some()
}

/// Whether `head` begins within a transport packet.
pub(crate) fn is_stream_later(head: &[u8]) -> bool {
    head.len() >= PROBE_BYTES && (1..PACKET + 16).any(|at| is_stream(&head[at..]))
}

/// The header of a transport packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TransportPacket {
    header: [u8; 4],
    /// Flags of the adaptation field; 0 without one.
    adaptation: u8,
    /// `program_clock_reference_base`, in ticks of 1/90000 s, modulo 2^33.
    clock: Option<u64>,
    /// Position of the payload in the packet, if it has one.
    payload_at: Option<usize>,
}

impl TransportPacket {
    fn parse(bytes: &[u8; PACKET]) -> Self {
        let [first, second, third, fourth, length, flags, ..] = *bytes;
        let has_adaptation = fourth & 0x20 != 0;
        let at = if has_adaptation { 5 + usize::from(length) } else { 4 };
        let adaptation = if has_adaptation && length > 0 { flags } else { 0 };
        let [_, _, _, _, _, _, a, b, c, d, e, ..] = *bytes;
        let clock = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]) >> 7;
        Self {
            header: [first, second, third, fourth],
            adaptation,
            clock: (adaptation & 0x10 != 0 && length >= 7).then_some(clock),
            payload_at: (fourth & 0x10 != 0 && at < PACKET).then_some(at),
        }
    }

    pub(super) fn pid(&self) -> u16 {
        u16::from(self.header[1] & 0x1F) << 8 | u16::from(self.header[2])
    }

    /// `transport_error_indicator`: the packet is damaged, and the receiver could not correct it.
    pub(super) fn is_damaged(&self) -> bool {
        self.header[1] & 0x80 != 0
    }

    /// Whether a section or a PES packet begins in this packet.
    pub(super) fn is_start(&self) -> bool {
        self.header[1] & 0x40 != 0
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.header[3] & 0xC0 != 0
    }

    /// `discontinuity_indicator`: counters or times do not continue the earlier ones.
    pub(super) fn is_discontinuity(&self) -> bool {
        self.adaptation & 0x80 != 0
    }

    /// The clock reference, which times of the program refer to, in ticks of 1/90000 s.
    pub(super) fn clock(&self) -> Option<u64> {
        self.clock
    }

    pub(super) fn continuity(&self) -> u8 {
        self.header[3] & 15
    }

    pub(super) fn has_payload(&self) -> bool {
        self.payload_at.is_some()
    }
}

/// Reads transport packets.
#[derive(Debug)]
pub(super) struct TransportReader {
    input: ByteReader,
    /// The bytes after the current packet that have been read.
    bytes: Vec<u8>,
    spacing: Option<Spacing>,
    packet: [u8; PACKET],
    /// Position of the current packet in the file.
    offset: u64,
    /// Bytes that were skipped because no packet began there.
    skipped: u64,
    has_packet: bool,
}

impl TransportReader {
    pub(super) fn new(source: Source) -> Self {
        Self {
            input: ByteReader::new(source),
            bytes: Vec::new(),
            spacing: None,
            packet: [0; PACKET],
            offset: 0,
            skipped: 0,
            has_packet: false,
        }
    }

    /// Position of the current packet in the file.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes between packets that were skipped since the last call.
    pub(super) fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    /// Returns the payload of the packet that was read last.
    pub(super) fn payload(&self, packet: &TransportPacket) -> &[u8] {
        packet.payload_at.map_or(&[], |at| &self.packet[at..])
    }

    /// Reads the next packet; `None` at the end, where an incomplete packet is ignored.
    ///
    /// # Errors
    /// [`crate::Error::Io`]; [`crate::Error::Corrupt`] after 1 MiB of other data.
    pub(super) fn next(&mut self) -> Result<Option<TransportPacket>> {
        loop {
            let Some(Spacing { step, lead }) = self.synchronise()? else { return Ok(None) };
            self.fill(lead + PACKET)?;
            let Some(&packet) = self.bytes.get(lead..).and_then(<[u8]>::first_chunk) else {
                return Ok(None);
            };
            if packet[0] == SYNC && (self.is_sync(step + lead)? || self.is_sync(2 * step + lead)?) {
                self.packet = packet;
                self.offset = self.position() + lead as u64;
                self.fill(step)?;
                self.bytes.drain(..step.min(self.bytes.len()));
                self.has_packet = true;
                return Ok(Some(TransportPacket::parse(&self.packet)));
            }
            if packet[0] != SYNC && self.is_sync(step + lead)? {
                // Only this byte is damaged.
                self.skip(step);
            } else {
                self.spacing = None;
            }
        }
    }

    /// Whether there is a sync byte at `at`, or the input ends before.
    fn is_sync(&mut self, at: usize) -> Result<bool> {
        self.fill(at + 1)?;
        Ok(self.bytes.get(at).is_none_or(|&byte| byte == SYNC))
    }

    /// Finds the next packets if their positions are unknown; `None` at the end.
    fn synchronise(&mut self) -> Result<Option<Spacing>> {
        let mut searched = 0;
        while self.spacing.is_none() {
            self.fill(PROBE_BYTES)?;
            if spacing(&self.bytes).is_none() {
                self.fill(PROBE_BYTES + SEARCH_STEP)?;
            }
            let ends = self.bytes.len() < PROBE_BYTES + SEARCH_STEP;
            let starts = if ends { self.bytes.len() } else { SEARCH_STEP };
            let found = (0..starts).find_map(|at| Some((at, spacing(&self.bytes[at..])?)));
            self.spacing = found.map(|(_, spacing)| spacing);
            let passed = found.map_or(starts, |(at, _)| at);
            self.skip(passed);
            searched += passed as u64;
            if self.spacing.is_none() && ends && self.bytes.is_empty() {
                return Ok(None);
            }
            if searched > MAX_SEARCH_BYTES {
                let found = format!("{searched} other bytes");
                return Err(corrupt(self.position(), "a transport packet", found));
            }
        }
        Ok(self.spacing)
    }

    /// Position of the first byte that no packet has used.
    fn position(&self) -> u64 {
        self.input.position() - self.bytes.len() as u64
    }

    fn skip(&mut self, bytes: usize) {
        self.bytes.drain(..bytes.min(self.bytes.len()));
        // A recording may begin within a packet.
        if self.has_packet {
            self.skipped += bytes as u64;
        }
    }

    fn fill(&mut self, bytes: usize) -> Result<()> {
        let missing = bytes.saturating_sub(self.bytes.len());
        self.input.append(&mut self.bytes, missing)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn packet(pid: u16, continuity: u8) -> [u8; PACKET] {
        let mut bytes = [0xFF; PACKET];
        let [high, low] = pid.to_be_bytes();
        bytes[..4].copy_from_slice(&[SYNC, high, low, 0x10 | continuity]);
        bytes
    }

    fn pids(bytes: Vec<u8>) -> (Vec<u16>, u64) {
        let mut reader = TransportReader::new(Source::stream(Cursor::new(bytes)));
        let mut pids = Vec::new();
        while let Some(packet) = reader.next().unwrap() {
            pids.push(packet.pid());
        }
        (pids, reader.take_skipped())
    }

    #[test]
    fn all_spacings_are_found_from_any_byte_on() {
        for (before, after) in [(0, 0), (4, 0), (0, 16)] {
            let packets =
                (0..9).map(|pid| [&vec![1; before][..], &packet(pid, 0), &vec![2; after]].concat());
            let bytes = packets.collect::<Vec<_>>().concat();
            assert!(is_stream(&bytes[..PROBE_BYTES]));
            assert_eq!(pids(bytes.clone()), ((0..9).collect(), 0), "{before} {after}");
            for cut in [1, 50, 187] {
                assert!(is_stream_later(&bytes[cut..][..PROBE_BYTES]), "{before} {after} {cut}");
                assert_eq!(pids(bytes[cut..].to_vec()), ((1..9).collect(), 0), "{before} {after}");
            }
        }
        assert!(!is_stream(&[SYNC; 100]));
        assert!(!is_stream_later(&[0; PROBE_BYTES]));
        assert!(!is_stream(&[]));
    }

    #[test]
    fn packets_after_lost_and_inserted_bytes_are_found() {
        let whole = (0..12).map(|pid| packet(pid, 0)).collect::<Vec<_>>().concat();
        let mut bytes = whole.clone();
        bytes.splice(6 * PACKET..6 * PACKET, [SYNC; 50]);
        assert_eq!(pids(bytes), ((0..12).collect(), 50));
        let mut bytes = whole.clone();
        bytes.drain(6 * PACKET + 10..6 * PACKET + 30);
        let (found, skipped) = pids(bytes);
        assert_eq!((&found[..6], skipped), (&[0, 1, 2, 3, 4, 5][..], 168));
        assert_eq!(found[6..], [7, 8, 9, 10, 11]);
        let mut bytes = whole;
        bytes[6 * PACKET] = 0;
        assert_eq!(pids(bytes), (vec![0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11], 188));
    }

    #[test]
    fn a_search_ends() {
        let mut bytes = packet(1, 0).repeat(5);
        bytes.resize(3 << 20, 0);
        let mut reader = TransportReader::new(Source::stream(Cursor::new(bytes)));
        // No packet follows the last one.
        for _ in 0..4 {
            assert!(reader.next().unwrap().is_some());
        }
        assert!(reader.next().is_err());
        assert_eq!(pids(vec![0; 500]), (vec![], 0));
    }
}
