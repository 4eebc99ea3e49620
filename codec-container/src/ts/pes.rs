//! PES packets. ITU-T H.222.0, section 2.4.3.6.

use super::timeline::Times;

/// Bytes of a header before its optional fields.
const FIXED_BYTES: usize = 9;

/// The header of a PES packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PesHeader {
    /// `PTS` and `DTS`, modulo 2^33.
    pub(super) pts: Option<u64>,
    pub(super) dts: Option<u64>,
    /// Bytes of the header.
    pub(super) bytes: usize,
    /// Bytes of the payload, if stated.
    pub(super) payload_bytes: Option<usize>,
}

/// The payload of a PES packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload<'a> {
    pub(super) data: &'a [u8],
    /// Presentation and decoding time in ticks of 1/90000 s, if stated.
    pub(super) times: Option<Times>,
    /// Position in the file.
    pub(super) offset: u64,
    pub(super) after_gap: bool,
}

impl PesHeader {
    /// Parses the start of a packet; `None` if it is not one or is truncated.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let (&[0, 0, 1, _, high, low, first, flags, header], rest) = data.split_first_chunk()?
        else {
            return None;
        };
        if first & 0xC0 != 0x80 {
            return None;
        }
        let fields = rest.get(..usize::from(header))?;
        let pts = fields.first_chunk().filter(|_| flags & 0x80 != 0).map(timestamp);
        let dts = fields.get(5..).and_then(<[u8]>::first_chunk);
        let dts = dts.filter(|_| flags & 0xC0 == 0xC0).map(timestamp);
        let length = usize::from(high) << 8 | usize::from(low);
        let payload_bytes = length.checked_sub(3 + usize::from(header));
        Some(Self { pts, dts, bytes: FIXED_BYTES + usize::from(header), payload_bytes })
    }

    /// Bytes of the whole packet, if stated.
    pub(super) fn packet_bytes(&self) -> Option<usize> {
        self.payload_bytes.map(|payload| self.bytes + payload)
    }
}

fn timestamp(&[a, b, c, d, e]: &[u8; 5]) -> u64 {
    u64::from(a >> 1 & 7) << 30
        | u64::from(b) << 22
        | u64::from(c >> 1) << 15
        | u64::from(d) << 7
        | u64::from(e >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_state_times_and_lengths() {
        let data = [0, 0, 1, 0xE0, 0, 20, 0x80, 0x80, 5, 0x21, 0, 1, 0, 3, 7, 7];
        let header = PesHeader::parse(&data).unwrap();
        let expected = PesHeader { pts: Some(1), dts: None, bytes: 14, payload_bytes: Some(12) };
        assert_eq!((header, header.packet_bytes()), (expected, Some(26)));
        let unbounded = [0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0];
        let header = PesHeader::parse(&unbounded).unwrap();
        let expected = PesHeader { pts: None, dts: None, bytes: 9, payload_bytes: None };
        assert_eq!((header, header.packet_bytes()), (expected, None));
        let both =
            [0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, 10, 0x3F, 255, 255, 255, 255, 0x11, 0, 1, 0, 5];
        let header = PesHeader::parse(&both).unwrap();
        assert_eq!((header.pts, header.dts), (Some((1 << 33) - 1), Some(2)));
        assert_eq!(PesHeader::parse(&data[..12]), None);
        assert_eq!(PesHeader::parse(&[1; 20]), None);
    }
}
