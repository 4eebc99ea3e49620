//! PES packets. ITU-T H.222.0, section 2.4.3.6.

use super::timeline::{Times, WRAP};

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

/// Largest payload whose length the header states. PES packets with more are of an unstated length,
/// which only video may have.
pub(super) const MAX_STATED_BYTES: usize = 65_535 - 3 - 10;

/// Appends the header of a PES packet with `payload_bytes` that begin with an access unit. The times
/// are modulo 2^33; without them, the packet continues the last one.
pub(super) fn put_header(
    out: &mut Vec<u8>,
    stream_id: u8,
    payload_bytes: usize,
    times: Option<Times>,
) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 1, stream_id, 0, 0]);
    match times {
        None => out.extend_from_slice(&[0x80, 0, 0]),
        Some(Times { shown, decoded }) if shown == decoded => {
            out.extend_from_slice(&[0x84, 0x80, 5]);
            put_timestamp(out, 2, shown);
        }
        Some(Times { shown, decoded }) => {
            out.extend_from_slice(&[0x84, 0xC0, 10]);
            put_timestamp(out, 3, shown);
            put_timestamp(out, 1, decoded);
        }
    }
    if payload_bytes <= MAX_STATED_BYTES {
        let length = payload_bytes + out.len() - start - 6;
        let length = u16::try_from(length).unwrap_or(0).to_be_bytes();
        out[start + 4..start + 6].copy_from_slice(&length);
    }
}

/// Appends a time after the four bits that say which one it is.
fn put_timestamp(out: &mut Vec<u8>, kind: u8, time: i64) {
    let time = time.rem_euclid(WRAP).cast_unsigned();
    // Bits 32 to 30, 29 to 15 and 14 to 0, each followed by a 1.
    let byte = |value: u64| u8::try_from(value & 0xFF).unwrap_or(0);
    out.extend_from_slice(&[
        kind << 4 | byte(time >> 29) & 0x0E | 1,
        byte(time >> 22),
        byte(time >> 14) | 1,
        byte(time >> 7),
        byte(time << 1) | 1,
    ]);
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

    #[test]
    fn headers_that_are_written_are_those_that_are_parsed() {
        let written = |bytes: usize, times| {
            let mut out = Vec::new();
            put_header(&mut out, 0xE0, bytes, times);
            assert_eq!(out[3], 0xE0);
            let header = PesHeader::parse(&out).unwrap();
            assert_eq!(header.bytes, out.len());
            (header.pts, header.dts, header.payload_bytes)
        };
        let pattern = 0x1_2345_6789;
        let times = |shown, decoded| Some(Times { shown, decoded });
        assert_eq!(written(7, times(pattern, pattern)), (Some(0x1_2345_6789), None, Some(7)));
        // Modulo 2^33.
        let wrapped = (Some(3), Some((1 << 33) - 2), Some(MAX_STATED_BYTES));
        assert_eq!(written(MAX_STATED_BYTES, times(WRAP + 3, -2)), wrapped);
        assert_eq!(written(MAX_STATED_BYTES + 1, times(1, 0)), (Some(1), Some(0), None));
        assert_eq!(written(9, None), (None, None, Some(9)));
    }
}
