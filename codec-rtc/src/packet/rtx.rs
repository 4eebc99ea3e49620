//! RTX: retransmission of packets in a separate stream. RFC 4588, sections 4 and 8.

use crate::rtp::{self, Header, Malformed, Packet, WriteError};

/// Size of the original sequence number (OSN) before the original payload, in bytes.
const OSN_BYTES: usize = 2;

/// RTX stream of one media stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtxStream {
    /// SSRC of the RTX stream.
    pub ssrc: u32,
    /// Payload type of the RTX stream, 0..=127.
    pub payload_type: u8,
    /// Sequence number of the next RTX packet.
    pub sequence: u16,
}

impl RtxStream {
    /// Appends the retransmission of `packet`, with its CSRCs and header extension.
    ///
    /// # Errors
    /// Returns [`WriteError`] if `packet` is not RTP or the payload type is above 127.
    pub fn wrap(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), WriteError> {
        let original = rtp::parse(packet)?;
        if self.payload_type > 127 {
            return Err(WriteError::Field { what: "the payload type is above 127" });
        }
        let header = Header {
            payload_type: self.payload_type,
            sequence: self.sequence,
            ssrc: self.ssrc,
            ..original.header
        };
        rtp::write_packet(&Packet { header, payload: &[], ..original }, 0, out)?;
        out.extend(original.header.sequence.to_be_bytes());
        out.extend_from_slice(original.payload);
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }

    /// Appends a packet with `padding` bytes of padding only, 1..=255, as a bandwidth probe.
    pub fn probe(&mut self, timestamp: u32, padding: u8, out: &mut Vec<u8>) {
        let (payload_type, sequence, ssrc) = (self.payload_type & 0x7f, self.sequence, self.ssrc);
        let header = Header { marker: false, payload_type, sequence, timestamp, ssrc };
        let packet = Packet { header, csrcs: &[], extension: None, payload: &[] };
        if rtp::write_packet(&packet, padding.max(1), out).is_ok() {
            self.sequence = self.sequence.wrapping_add(1);
        }
    }
}

/// Restores the original of a retransmitted `packet` for the stream `ssrc` with `payload_type` and
/// appends it, without padding. Returns `false` for a packet without payload, which is a bandwidth
/// probe.
///
/// # Errors
/// Returns [`Malformed`] if `packet` is not RTP or truncated within the original sequence number.
pub fn unwrap(
    packet: &[u8],
    ssrc: u32,
    payload_type: u8,
    out: &mut Vec<u8>,
) -> Result<bool, Malformed> {
    let again = rtp::parse(packet)?;
    let had = again.payload.len();
    let Some((number, payload)) = again.payload.split_first_chunk::<OSN_BYTES>() else {
        if had == 0 {
            return Ok(false);
        }
        return Err(Malformed::Truncated {
            what: "original sequence number",
            needed_bytes: OSN_BYTES,
            had_bytes: had,
        });
    };
    if payload.is_empty() {
        return Ok(false);
    }
    let sequence = u16::from_be_bytes(*number);
    let header = Header { payload_type: payload_type & 0x7f, sequence, ssrc, ..again.header };
    rtp::rewrite(&Packet { header, payload, ..again }, out)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Extension;

    const HEADER: Header =
        Header { marker: true, payload_type: 96, sequence: 0xfedc, timestamp: 77, ssrc: 1 };

    fn original(payload: &[u8]) -> Vec<u8> {
        let extension = Some(Extension { profile: 0xbede, data: &[0x10, 9, 0, 0] });
        let packet = Packet { header: HEADER, csrcs: &[1, 2, 3, 4], extension, payload };
        let mut bytes = Vec::new();
        rtp::write_packet(&packet, 0, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn unwrapping_restores_the_original() {
        let mut wrapper = RtxStream { ssrc: 2, payload_type: 97, sequence: 65_535 };
        for sequence in [65_535, 0] {
            let mut again = Vec::new();
            wrapper.wrap(&original(&[5, 6, 7]), &mut again).unwrap();
            let packet = rtp::parse(&again).unwrap();
            assert_eq!(packet.payload, [0xfe, 0xdc, 5, 6, 7]);
            let expected = Header { payload_type: 97, sequence, ssrc: 2, ..HEADER };
            assert_eq!(packet.header, expected);
            let mut back = Vec::new();
            assert_eq!(unwrap(&again, 1, 96, &mut back), Ok(true));
            assert_eq!(back, original(&[5, 6, 7]));
        }
    }

    #[test]
    fn probes_and_empty_packets_are_dropped() {
        let mut wrapper = RtxStream { ssrc: 2, payload_type: 97, sequence: 9 };
        let mut out = Vec::new();
        for padding in [0, 1, 255] {
            let mut probe = Vec::new();
            wrapper.probe(77, padding, &mut probe);
            assert_eq!(probe.len(), 12 + usize::from(padding.max(1)));
            assert_eq!(unwrap(&probe, 1, 96, &mut out), Ok(false));
        }
        assert_eq!(wrapper.sequence, 12);
        let mut empty = Vec::new();
        wrapper.wrap(&original(&[]), &mut empty).unwrap();
        assert_eq!(unwrap(&empty, 1, 96, &mut out), Ok(false));
        empty.truncate(empty.len() - 1);
        assert!(matches!(unwrap(&empty, 1, 96, &mut out), Err(Malformed::Truncated { .. })));
        assert!(out.is_empty());
    }

    #[test]
    fn malformed_packets_are_rejected() {
        let mut wrapper = RtxStream { ssrc: 2, payload_type: 97, sequence: 9 };
        let mut out = Vec::new();
        assert!(wrapper.wrap(&[0x80; 11], &mut out).is_err());
        assert!(unwrap(&[0x40; 12], 1, 96, &mut out).is_err());
        wrapper.payload_type = 128;
        assert!(wrapper.wrap(&original(&[1]), &mut out).is_err());
        assert_eq!((wrapper.sequence, out.len()), (9, 0));
    }
}
