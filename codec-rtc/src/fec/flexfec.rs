//! FlexFEC (RFC 8627): repair packets in their own RTP stream, with the protected SSRC as CSRC.
//!
//! The encoder writes flexible masks. The decoder also accepts rows, columns and retransmissions.
//! Only one SSRC can be protected; repair packets for several are rejected.

use super::decoder::{FecCounters, FecLimits, Recovery};
use super::parity::Parity;
use super::window::Repair;
use crate::rtp::{self, Malformed};

/// Bytes of the FEC header before the sequence number base and the mask (section 4.2.2).
const HEADER_BYTES: usize = 8;
const RETRANSMISSION: u8 = 0x80;
const FIXED: u8 = 0x40;
/// Number of bits in each part of the mask.
const MASK_BITS: [u32; 3] = [15, 31, 64];

/// A payload with a mask, as short as it can be.
pub(super) fn write(repair: &Repair) -> Vec<u8> {
    let Repair { base, mask, parity } = repair;
    let mut out = Vec::with_capacity(HEADER_BYTES + 20 + parity.payload.len());
    out.extend([parity.flags & 0x3f, parity.marker_and_type]);
    out.extend(parity.length.to_be_bytes());
    out.extend(parity.timestamp.to_be_bytes());
    out.extend(base.to_be_bytes());
    let part = |skip: u32, bits: u32| mask.reverse_bits() << skip >> (u128::BITS - bits);
    let (first, second) = (*mask >> 15 != 0, *mask >> 46 != 0);
    let word = u16::try_from(part(0, 15)).unwrap_or(0) | u16::from(first) << 15;
    out.extend(word.to_be_bytes());
    if first {
        let word = u32::try_from(part(15, 31)).unwrap_or(0) | u32::from(second) << 31;
        out.extend(word.to_be_bytes());
    }
    if second {
        out.extend(u64::try_from(part(46, 64)).unwrap_or(0).to_be_bytes());
    }
    out.extend_from_slice(&parity.payload);
    out
}

/// A parsed payload.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Parsed {
    /// Covered sequence numbers and their XOR.
    Repair { covered: Vec<u16>, parity: Parity },
    /// A retransmitted media packet.
    Retransmission(Vec<u8>),
}

fn parse(payload: &[u8]) -> Result<Parsed, Malformed> {
    let truncated = |needed_bytes| Malformed::Truncated {
        what: "FlexFEC header",
        needed_bytes,
        had_bytes: payload.len(),
    };
    let first = *payload.first().ok_or_else(|| truncated(1))?;
    match (first & RETRANSMISSION != 0, first & FIXED != 0) {
        (true, true) => {
            return Err(Malformed::Field {
                what: "the FlexFEC header sets both R and F, which is reserved",
            });
        }
        // The two flags overlap the RTP version.
        (true, false) => return Ok(Parsed::Retransmission(payload.to_vec())),
        _ => {}
    }
    let (head, rest) = payload
        .split_first_chunk::<{ HEADER_BYTES + 4 }>()
        .ok_or_else(|| truncated(HEADER_BYTES + 4))?;
    let [flags, marker_and_type, l0, l1, t0, t1, t2, t3, b0, b1, m0, m1] = *head;
    let base = u16::from_be_bytes([b0, b1]);
    let (covered, payload): (Vec<u16>, _) = if first & FIXED != 0 {
        (rectangle(base, m0, m1)?, rest)
    } else {
        let (mask, rest) = parse_mask([m0, m1], rest)
            .ok_or_else(|| truncated(HEADER_BYTES + 4 + if rest.len() < 4 { 4 } else { 12 }))?;
        let bits = (0..110_u16).filter(|bit| mask >> bit & 1 == 1);
        (bits.map(|bit| base.wrapping_add(bit)).collect(), rest)
    };
    if covered.is_empty() {
        return Err(Malformed::Field { what: "the FEC mask covers no packet" });
    }
    let parity = Parity {
        flags: flags & 0x3f,
        marker_and_type,
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        length: u16::from_be_bytes([l0, l1]),
        payload: payload.to_vec(),
    };
    Ok(Parsed::Repair { covered, parity })
}

/// Sequence numbers of a row or a column (section 4.2.2.2).
fn rectangle(base: u16, columns: u8, rows: u8) -> Result<Vec<u16>, Malformed> {
    let (count, step) = match (columns, rows) {
        (0, _) => return Err(Malformed::Field { what: "the FlexFEC header has 0 columns" }),
        (_, 0 | 1) => (columns, 1),
        _ => (rows, columns),
    };
    let step = u16::from(step);
    Ok((0..u16::from(count)).map(|at| base.wrapping_add(at.wrapping_mul(step))).collect())
}

/// Parses the mask from its first two bytes; returns it with the remaining data.
fn parse_mask(first: [u8; 2], rest: &[u8]) -> Option<(u128, &[u8])> {
    let word = u16::from_be_bytes(first);
    let mut mask = u128::from(word & 0x7fff);
    let (mut bits, mut rest) = (MASK_BITS[0], rest);
    if word >> 15 == 1 {
        let (second, after) = rest.split_first_chunk::<4>()?;
        let second = u32::from_be_bytes(*second);
        mask = mask << MASK_BITS[1] | u128::from(second & 0x7fff_ffff);
        (bits, rest) = (bits + MASK_BITS[1], after);
        if second >> 31 == 1 {
            let (third, after) = rest.split_first_chunk::<8>()?;
            mask = mask << MASK_BITS[2] | u128::from(u64::from_be_bytes(*third));
            (bits, rest) = (bits + MASK_BITS[2], after);
        }
    }
    Some((mask.reverse_bits() >> (u128::BITS - bits), rest))
}

/// Recovers missing packets of one SSRC.
#[derive(Clone, Debug)]
pub struct Decoder {
    ssrc: u32,
    recovery: Recovery,
}

impl Decoder {
    /// Creates a decoder for the packets of `ssrc`.
    #[must_use]
    pub fn new(ssrc: u32, limits: FecLimits) -> Self {
        Self { ssrc, recovery: Recovery::new(ssrc, limits) }
    }

    /// Adds a received media packet. Appends recovered packets, which must be treated as untrusted
    /// network input.
    ///
    /// # Errors
    /// Returns [`Malformed`] and changes nothing if it is not an RTP packet, too long or of another
    /// SSRC.
    pub fn push_media(&mut self, packet: &[u8], out: &mut Vec<Vec<u8>>) -> Result<(), Malformed> {
        self.recovery.push_media(packet, out)
    }

    /// Adds a received packet of the repair stream. Appends recovered packets.
    ///
    /// # Errors
    /// Returns [`Malformed`] if it is malformed or protects another or several SSRCs.
    pub fn push_repair(
        &mut self,
        packet: &rtp::Packet<'_>,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), Malformed> {
        match parse(packet.payload)? {
            Parsed::Retransmission(packet) => {
                let mut made = Vec::new();
                self.recovery.push_media(&packet, &mut made)?;
                out.push(packet);
                out.append(&mut made);
                Ok(())
            }
            Parsed::Repair { covered, parity } => {
                if packet.csrcs != self.ssrc.to_be_bytes() {
                    return Err(Malformed::Field {
                        what: "the FlexFEC packet protects another SSRC",
                    });
                }
                self.recovery.push_repair(covered, parity, out)
            }
        }
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

    #[test]
    fn masks_of_each_length_round_trip_in_the_specified_layout() {
        let payload = vec![1, 2, 3];
        for (mask, bytes) in [
            (1_u128 | 1 << 14, 2),
            (1 | 1 << 15, 6),
            (1 | 1 << 45, 6),
            (1 | 1 << 46, 14),
            (1 | 1 << 109, 14),
        ] {
            let parity =
                Parity { flags: 0x21, length: 3, payload: payload.clone(), ..Parity::default() };
            let repair = Repair { base: 65_000, mask, parity: parity.clone() };
            let written = write(&repair);
            assert_eq!(written.len(), 8 + 2 + bytes + 3);
            let covered = (0..110_u16).filter(|bit| mask >> bit & 1 == 1);
            let covered = covered.map(|bit| 65_000_u16.wrapping_add(bit)).collect();
            assert_eq!(parse(&written), Ok(Parsed::Repair { covered, parity }));
            for len in 0..written.len() - 3 {
                assert!(parse(&written[..len]).is_err(), "{len}");
            }
        }
        let parity = Parity { payload, ..Parity::default() };
        let written = write(&Repair { base: 1, mask: 1 << 109 | 1, parity });
        assert_eq!(written[10..24], [0xc0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn rows_columns_and_reserved_forms_are_parsed() {
        assert_eq!(rectangle(65_534, 4, 0), Ok(vec![65_534, 65_535, 0, 1]));
        assert_eq!(rectangle(10, 3, 1), Ok(vec![10, 11, 12]));
        assert_eq!(rectangle(10, 3, 4), Ok(vec![10, 13, 16, 19]));
        assert!(rectangle(10, 0, 0).is_err() && rectangle(10, 0, 5).is_err());
        let mut bytes = vec![0; 30];
        assert!(parse(&bytes).is_err(), "empty mask");
        bytes[0] = 0xc0;
        assert!(parse(&bytes).is_err(), "reserved");
        bytes[0] = 0x40;
        bytes[10] = 2;
        assert!(matches!(parse(&bytes), Ok(Parsed::Repair { covered, .. }) if covered == [0, 1]));
    }
}
