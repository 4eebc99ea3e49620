//! ULPFEC, level 0 (RFC 5109). Repair payloads are sent in RED (RFC 2198) on the SSRC of the media,
//! with sequence numbers of the media stream.
//!
//! FEC is computed over media packets as they are before encapsulation in RED: with the payload type of
//! the media, but the sequence number of the RED packet. Protection levels above 0 are neither written
//! nor used.

use super::decoder::{FecCounters, FecLimits, Recovery};
use super::parity::Parity;
use super::window::Repair;
use crate::rtp::Malformed;

/// Size of the FEC header in bytes (section 7.3).
const HEADER_BYTES: usize = 10;
/// Flag of an extended header, which nothing defines.
const EXTENDED: u8 = 0x80;
/// Flag for the long mask.
const LONG: u8 = 0x40;
/// Number of bits in the short mask.
const SHORT_BITS: u32 = 16;
/// Number of bits in the long mask.
const LONG_BITS: u32 = 48;

/// Writes a payload with level 0.
pub(super) fn write(repair: &Repair) -> Vec<u8> {
    let Repair { base, mask, parity } = repair;
    // Bit 0 of the mask is the most significant bit on the wire.
    let is_long = *mask >> SHORT_BITS != 0;
    let mut out = Vec::with_capacity(HEADER_BYTES + 8 + parity.payload.len());
    out.extend([if is_long { LONG } else { 0 } | parity.flags & 0x3f, parity.marker_and_type]);
    out.extend(base.to_be_bytes());
    out.extend(parity.timestamp.to_be_bytes());
    out.extend(parity.length.to_be_bytes());
    let protected = u16::try_from(parity.payload.len()).unwrap_or(u16::MAX);
    out.extend(protected.to_be_bytes());
    let bits = mask.reverse_bits().to_be_bytes();
    out.extend(&bits[..if is_long { 6 } else { 2 }]);
    out.extend_from_slice(&parity.payload);
    out
}

/// Parses a payload: base, mask and level 0.
fn parse(payload: &[u8]) -> Result<Repair, Malformed> {
    let truncated = |needed_bytes| Malformed::Truncated {
        what: "ULPFEC header",
        needed_bytes,
        had_bytes: payload.len(),
    };
    let (head, rest) =
        payload.split_first_chunk::<HEADER_BYTES>().ok_or_else(|| truncated(HEADER_BYTES))?;
    if head[0] & EXTENDED != 0 {
        return Err(Malformed::Field { what: "the ULPFEC header is extended (E)" });
    }
    let is_long = head[0] & LONG != 0;
    let (protected, rest) =
        rest.split_first_chunk::<2>().ok_or_else(|| truncated(HEADER_BYTES + 2))?;
    let (bytes, bits) = if is_long { (6, LONG_BITS) } else { (2, SHORT_BITS) };
    let (mask, rest) =
        rest.split_at_checked(bytes).ok_or_else(|| truncated(HEADER_BYTES + 2 + bytes))?;
    let mask = mask.iter().fold(0_u128, |all, &byte| all << 8 | u128::from(byte));
    let mask = mask.reverse_bits() >> (u128::BITS - bits);
    let protected = usize::from(u16::from_be_bytes(*protected));
    let level =
        rest.get(..protected).ok_or_else(|| truncated(payload.len() - rest.len() + protected))?;
    if mask == 0 {
        return Err(Malformed::Field { what: "the FEC mask covers no packet" });
    }
    let parity = Parity {
        flags: head[0] & 0x3f,
        marker_and_type: head[1],
        timestamp: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
        length: u16::from_be_bytes([head[8], head[9]]),
        payload: level.to_vec(),
    };
    Ok(Repair { base: u16::from_be_bytes([head[2], head[3]]), mask, parity })
}

/// Recovers missing packets of one SSRC.
#[derive(Clone, Debug)]
pub struct Decoder {
    recovery: Recovery,
}

impl Decoder {
    /// Creates a decoder for the packets of `ssrc`.
    #[must_use]
    pub fn new(ssrc: u32, limits: FecLimits) -> Self {
        Self { recovery: Recovery::new(ssrc, limits) }
    }

    /// Adds a received media packet, extracted from RED or RTX. Appends recovered packets, which
    /// must be treated as untrusted network input.
    ///
    /// # Errors
    /// Returns [`Malformed`] and changes nothing if it is not an RTP packet, too long or of another
    /// SSRC.
    pub fn push_media(&mut self, packet: &[u8], out: &mut Vec<Vec<u8>>) -> Result<(), Malformed> {
        self.recovery.push_media(packet, out)
    }

    /// Adds a received repair payload. Appends recovered packets.
    ///
    /// # Errors
    /// Returns [`Malformed`] and changes nothing if the payload is malformed.
    pub fn push_repair(&mut self, payload: &[u8], out: &mut Vec<Vec<u8>>) -> Result<(), Malformed> {
        let Repair { base, mask, parity } = parse(payload)?;
        let covered = (0..48_u16).filter(|bit| mask >> bit & 1 == 1);
        self.recovery.push_repair(covered.map(|bit| base.wrapping_add(bit)), parity, out)
    }

    /// FEC counters since the start.
    #[must_use]
    pub fn counters(&self) -> FecCounters {
        self.recovery.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fec::Encoder;
    use crate::fec::mask::Pattern;

    /// The example of RFC 5109, section 10.1: four packets, one repair packet.
    #[test]
    fn rfc5109_example_round_trips() {
        let payload = |len: usize, byte: u8| vec![byte; len];
        let packets = [
            (8_u16, true, 11_u8, 3_u32, payload(200, 1)),
            (9, false, 18, 5, payload(140, 2)),
            (10, true, 11, 7, payload(100, 4)),
            (11, false, 18, 9, payload(340, 8)),
        ];
        let mut encoder = Encoder::ulpfec();
        for (sequence, marker, payload_type, timestamp, payload) in packets {
            let header = crate::rtp::Header { marker, payload_type, sequence, timestamp, ssrc: 2 };
            let mut bytes = Vec::new();
            crate::rtp::write(&header, &mut bytes);
            bytes.extend(payload);
            encoder.push(&bytes).unwrap();
        }
        let mut out = Vec::new();
        encoder.protect(4, 1, Pattern::Interleaved, &mut out);
        let fec = &out[0];
        // M recovery 0, PT recovery 0, SN base 8, TS recovery 8, length recovery 372.
        assert_eq!(fec[..10], [0, 0, 0, 8, 0, 0, 0, 8, 1, 116]);
        // Level 0: 340 bytes, mask 1111.
        assert_eq!(fec[10..14], [1, 84, 0xf0, 0]);
        assert_eq!((fec[14], fec[14 + 120], fec.len()), (1 ^ 2 ^ 4 ^ 8, 1 ^ 2 ^ 8, 354));
        let repair = parse(fec).unwrap();
        assert_eq!((repair.base, repair.mask), (8, 0b1111));
    }

    #[test]
    fn long_masks_have_48_bits_and_false_lengths_are_rejected() {
        let parity = Parity { payload: vec![7; 5], length: 5, ..Parity::default() };
        let repair = Repair { base: 65_530, mask: 1 | 1 << 47, parity };
        let bytes = write(&repair);
        assert_eq!(bytes[0], LONG);
        assert_eq!(bytes[10..18], [0, 5, 0x80, 0, 0, 0, 0, 1]);
        assert_eq!(parse(&bytes), Ok(repair));
        for len in 0..bytes.len() {
            assert!(matches!(parse(&bytes[..len]), Err(Malformed::Truncated { .. })), "{len}");
        }
        let mut empty = bytes;
        empty[12..18].fill(0);
        assert!(matches!(parse(&empty), Err(Malformed::Field { .. })));
    }

    #[test]
    fn extended_headers_and_bases_far_away_recover_nothing() {
        let parity = Parity { payload: vec![0; 5], length: 5, ..Parity::default() };
        let bytes = write(&Repair { base: 100, mask: 3, parity });
        let mut extended = bytes.clone();
        extended[0] |= EXTENDED;
        assert!(matches!(parse(&extended), Err(Malformed::Field { .. })));
        let mut decoder = Decoder::new(1, FecLimits::default());
        let mut out = Vec::new();
        for base in (0..u16::MAX).step_by(97) {
            let mut far = bytes.clone();
            far[2..4].copy_from_slice(&base.to_be_bytes());
            decoder.push_repair(&far, &mut out).unwrap();
        }
        assert!(out.is_empty());
        assert!(decoder.counters().unrecovered > 600, "the oldest ones are dropped");
    }
}
