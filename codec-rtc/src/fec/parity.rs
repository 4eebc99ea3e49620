//! XOR of packets: RFC 5109, section 8; RFC 8627, section 6.2.

use crate::rtp::{self, FIXED_HEADER_BYTES};

/// Maximum size of a protected or recovered packet in bytes.
pub(super) const MAX_PACKET_BYTES: usize = 2048;

/// XORs `from` into `into`, up to the shorter length.
pub(super) fn xor(into: &mut [u8], from: &[u8]) {
    const WORD: usize = 8;
    let both = into.len().min(from.len());
    let (Some(into), Some(from)) = (into.get_mut(..both), from.get(..both)) else { return };
    let mut words = into.chunks_exact_mut(WORD);
    let mut from_words = from.chunks_exact(WORD);
    for (a, b) in words.by_ref().zip(from_words.by_ref()) {
        if let (Ok(x), Ok(y)) = (<[u8; WORD]>::try_from(&*a), <[u8; WORD]>::try_from(b)) {
            a.copy_from_slice(&(u64::from_ne_bytes(x) ^ u64::from_ne_bytes(y)).to_ne_bytes());
        }
    }
    for (a, b) in words.into_remainder().iter_mut().zip(from_words.remainder()) {
        *a ^= b;
    }
}

/// XOR of several packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parity {
    /// Low six bits of the first byte: padding, extension, CSRC count.
    pub(super) flags: u8,
    /// Marker and payload type.
    pub(super) marker_and_type: u8,
    pub(super) timestamp: u32,
    /// Bytes after the fixed header.
    pub(super) length: u16,
    /// Data after the fixed header.
    pub(super) payload: Vec<u8>,
}

impl Parity {
    /// Adds or removes a packet, which is the same operation. Bytes beyond the length of `payload`
    /// are ignored.
    pub(super) fn add(&mut self, packet: &[u8]) {
        let Some((head, rest)) = packet.split_first_chunk::<FIXED_HEADER_BYTES>() else { return };
        self.flags ^= head[0] & 0x3f;
        self.marker_and_type ^= head[1];
        self.timestamp ^= u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        self.length ^= u16::try_from(rest.len()).unwrap_or(0);
        xor(&mut self.payload, rest);
    }

    /// Returns the remaining packet, if it is valid RTP.
    pub(super) fn packet(&self, sequence: u16, ssrc: u32) -> Option<Vec<u8>> {
        let length = usize::from(self.length);
        let rest = self.payload.get(..length)?;
        if FIXED_HEADER_BYTES + length > MAX_PACKET_BYTES {
            return None;
        }
        let mut packet = Vec::with_capacity(FIXED_HEADER_BYTES + length);
        packet.extend([0x80 | self.flags & 0x3f, self.marker_and_type]);
        packet.extend(sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend_from_slice(rest);
        rtp::parse(&packet).is_ok().then_some(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xor_covers_the_shorter_length() {
        for len in 0..40_usize {
            for from_len in [0, 1, 7, 8, 9, 33, 50] {
                let from: Vec<u8> = (1..=u8::try_from(from_len).unwrap()).collect();
                let mut into = vec![0xa5; len];
                xor(&mut into, &from);
                for (at, &byte) in into.iter().enumerate() {
                    assert_eq!(byte, 0xa5 ^ from.get(at).copied().unwrap_or(0));
                }
            }
        }
    }

    #[test]
    fn invalid_recovered_packets_are_rejected() {
        let mut parity = Parity { payload: vec![0; 20], ..Parity::default() };
        parity.length = 21;
        assert_eq!(parity.packet(1, 2), None, "longer than the protected length");
        parity.length = 20;
        assert!(parity.packet(1, 2).is_some());
        parity.flags = 0x0f;
        assert_eq!(parity.packet(1, 2), None, "fifteen CSRCs in 20 bytes");
        let long = Parity { length: 2040, payload: vec![0; 4000], ..Parity::default() };
        assert_eq!(long.packet(1, 2), None);
    }
}
