//! RTP packets: parsing and writing. RFC 3550, section 5.1.

use std::fmt;

/// Size of the fixed header in bytes, without CSRCs and extension.
pub const FIXED_HEADER_BYTES: usize = 12;
/// Maximum number of contributing sources (CSRCs).
pub const MAX_CSRCS: usize = 15;

/// Fields of the fixed RTP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Marker bit: end of a frame in video.
    pub marker: bool,
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Sampling time in ticks of the RTP clock.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
}

/// An unparsed header extension (section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Profile-defined identifier, for example 0xbede (RFC 8285).
    pub profile: u16,
    /// Data, a multiple of four bytes.
    pub data: &'a [u8],
}

/// A parsed packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The fixed header.
    pub header: Header,
    /// Contributing sources, four bytes each, at most 15.
    pub csrcs: &'a [u8],
    /// The header extension.
    pub extension: Option<Extension<'a>>,
    /// Payload without padding.
    pub payload: &'a [u8],
}

/// Why received bytes are not a valid packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "documented at the variants")]
pub enum Malformed {
    /// The part called `what` is truncated.
    Truncated { what: &'static str, needed_bytes: usize, had_bytes: usize },
    /// The version is not 2.
    Version(u8),
    /// The padding is longer than the payload, or 0 bytes long.
    Padding { padding_bytes: usize, had_bytes: usize },
    /// The payload contains no frame data.
    EmptyPayload,
    /// There are more bytes or entries of `what` than allowed.
    TooMany { what: &'static str, limit: usize, actual: usize },
    /// A field is out of range or inconsistent with another; `what` is a clause such as "the
    /// payload type is above 127".
    Field { what: &'static str },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { what, needed_bytes, had_bytes } => {
                write!(f, "invalid {what}: got {had_bytes} bytes, expected at least {needed_bytes}")
            }
            Self::Version(version) => write!(f, "invalid RTP version: got {version}, expected 2"),
            Self::Padding { padding_bytes, had_bytes } => {
                write!(f, "invalid padding: got {padding_bytes} bytes, expected 1 to {had_bytes}")
            }
            Self::EmptyPayload => f.write_str("invalid payload: got 0 bytes, expected at least 1"),
            Self::TooMany { what, limit, actual } => {
                write!(f, "invalid packet: got {actual} {what}, expected at most {limit}")
            }
            Self::Field { what } => write!(f, "invalid packet: {what}"),
        }
    }
}

impl std::error::Error for Malformed {}

/// Why a packet cannot be written: a value does not fit its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "documented at the variants")]
pub enum WriteError {
    /// The payload is empty.
    EmptyPayload,
    /// There are more bytes or entries of `what` than the format allows.
    TooMany { what: &'static str, limit: usize, actual: usize },
    /// A value is out of range or inconsistent with another; `what` is a clause such as "the
    /// payload type is above 127".
    Field { what: &'static str },
    /// The packet to be rewritten, retransmitted or protected is not RTP.
    Packet(Malformed),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::EmptyPayload => f.write_str("cannot write packet: the payload is empty"),
            Self::TooMany { what, limit, actual } => {
                write!(f, "cannot write packet: got {actual} {what}, expected at most {limit}")
            }
            Self::Field { what } => write!(f, "cannot write packet: {what}"),
            Self::Packet(error) => write!(f, "cannot rewrite packet: {error}"),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Packet(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Malformed> for WriteError {
    fn from(error: Malformed) -> Self {
        Self::Packet(error)
    }
}

/// Splits `len` bytes off `data`, which starts `offset` bytes into the packet.
fn split<'a>(
    data: &'a [u8],
    len: usize,
    offset: usize,
    what: &'static str,
) -> Result<(&'a [u8], &'a [u8]), Malformed> {
    data.split_at_checked(len).ok_or(Malformed::Truncated {
        what,
        needed_bytes: offset + len,
        had_bytes: offset + data.len(),
    })
}

/// Parses a packet. The header extension is located but not parsed.
///
/// ```
/// use codec_rtc::rtp;
///
/// let (payload_type, sequence, timestamp) = (96, 7, 90_000);
/// let header = rtp::Header { payload_type, sequence, timestamp, ssrc: 1, marker: true };
/// let mut datagram = Vec::new();
/// rtp::write(&header, &mut datagram);
/// datagram.extend(b"payload");
///
/// let packet = rtp::parse(&datagram)?;
/// assert_eq!((packet.header, packet.payload), (header, &b"payload"[..]));
/// assert!(rtp::parse(&datagram[..11]).is_err());
/// # Ok::<(), rtp::Malformed>(())
/// ```
///
/// # Errors
/// Returns [`Malformed`] if the packet is truncated or inconsistent.
pub fn parse(data: &[u8]) -> Result<Packet<'_>, Malformed> {
    let (fixed, rest) = split(data, FIXED_HEADER_BYTES, 0, "RTP header")?;
    let version = fixed[0] >> 6;
    if version != 2 {
        return Err(Malformed::Version(version));
    }
    let word =
        |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let header = Header {
        marker: fixed[1] & 0x80 != 0,
        payload_type: fixed[1] & 0x7f,
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        timestamp: word(4),
        ssrc: word(8),
    };
    let csrc_bytes = 4 * usize::from(fixed[0] & 0x0f);
    let mut offset = FIXED_HEADER_BYTES;
    let (csrcs, mut rest) = split(rest, csrc_bytes, offset, "CSRC list")?;
    offset += csrc_bytes;
    let mut extension = None;
    if fixed[0] & 0x10 != 0 {
        let (head, after) = split(rest, 4, offset, "extension header")?;
        let len = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        let (data, after) = split(after, len, offset + 4, "header extension")?;
        extension = Some(Extension { profile: u16::from_be_bytes([head[0], head[1]]), data });
        rest = after;
    }
    if fixed[0] & 0x20 != 0 {
        let padding_bytes = rest.last().copied().map_or(0, usize::from);
        let had_bytes = rest.len();
        let kept = had_bytes.checked_sub(padding_bytes).filter(|_| padding_bytes > 0);
        rest = &rest[..kept.ok_or(Malformed::Padding { padding_bytes, had_bytes })?];
    }
    Ok(Packet { header, csrcs, extension, payload: rest })
}

/// Appends a header without CSRCs, extension and padding.
pub fn write(header: &Header, out: &mut Vec<u8>) {
    out.push(0x80);
    out.push(u8::from(header.marker) << 7 | header.payload_type & 0x7f);
    out.extend(header.sequence.to_be_bytes());
    out.extend(header.timestamp.to_be_bytes());
    out.extend(header.ssrc.to_be_bytes());
}

/// Appends a packet with CSRCs, extension, payload and `padding_bytes` of padding; 0 for none.
///
/// # Errors
/// Returns [`WriteError`] and writes nothing if there are more than 15 CSRCs, the extension is longer
/// than 65535 words, or the length of either is not a multiple of four bytes.
pub fn write_packet(
    packet: &Packet<'_>,
    padding_bytes: u8,
    out: &mut Vec<u8>,
) -> Result<(), WriteError> {
    let sources = packet.csrcs.len() / 4;
    if !packet.csrcs.len().is_multiple_of(4) {
        return Err(WriteError::Field { what: "the CSRC list is not a multiple of four bytes" });
    }
    if sources > MAX_CSRCS {
        return Err(WriteError::TooMany { what: "CSRCs", limit: MAX_CSRCS, actual: sources });
    }
    let extension = packet.extension.map(|it| it.len_words().map(|words| (it, words)));
    let extension = extension.transpose()?;
    let start = out.len();
    write(&packet.header, out);
    if let Some(first) = out.get_mut(start) {
        *first |= u8::from(padding_bytes > 0) << 5 | u8::from(extension.is_some()) << 4;
        *first |= u8::try_from(sources).unwrap_or(0);
    }
    out.extend(packet.csrcs);
    if let Some((extension, words)) = extension {
        out.extend(extension.profile.to_be_bytes());
        out.extend(words.to_be_bytes());
        out.extend(extension.data);
    }
    out.extend(packet.payload);
    if padding_bytes > 0 {
        out.extend(std::iter::repeat_n(0, usize::from(padding_bytes) - 1));
        out.push(padding_bytes);
    }
    Ok(())
}

/// Appends a parsed packet whose header or payload has been replaced, without padding.
///
/// # Errors
/// Returns [`Malformed`] if it cannot be written; what [`parse`] returns can.
pub(crate) fn rewrite(packet: &Packet<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    write_packet(packet, 0, out)
        .map_err(|_| Malformed::Field { what: "the packet cannot be rewritten" })
}

impl Extension<'_> {
    /// Length of the data in 32-bit words.
    fn len_words(&self) -> Result<u16, WriteError> {
        if !self.data.len().is_multiple_of(4) {
            return Err(WriteError::Field {
                what: "the header extension is not a multiple of four bytes",
            });
        }
        let (most, had) = (usize::from(u16::MAX), self.data.len() / 4);
        u16::try_from(had).map_err(|_| WriteError::TooMany {
            what: "words of header extension",
            limit: most,
            actual: had,
        })
    }
}

/// Returns the sequence number of a packet, without parsing the rest.
#[must_use]
pub fn sequence_of(packet: &[u8]) -> Option<u16> {
    let (fixed, _) = packet.split_first_chunk::<FIXED_HEADER_BYTES>()?;
    (fixed[0] >> 6 == 2).then(|| u16::from_be_bytes([fixed[2], fixed[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_round_trip() {
        for (csrcs, data, payload, padding) in [
            (&[][..], None, &[][..], 0),
            (&[1, 2, 3, 4], None, &[9, 8], 0),
            (&[0; 60], Some(&[0x10, 9, 0, 0][..]), &[7; 100], 1),
            (&[], Some(&[]), &[7], 255),
        ] {
            let extension = data.map(|data| Extension { profile: 0xbede, data });
            let packet = Packet { header: HEADER, csrcs, extension, payload };
            let mut bytes = vec![0xaa];
            write_packet(&packet, padding, &mut bytes).unwrap();
            assert_eq!(parse(&bytes[1..]), Ok(packet));
            assert_eq!(sequence_of(&bytes[1..]), Some(0x1234));
        }
        assert_eq!(sequence_of(&[0; 12]), None);
        assert_eq!(sequence_of(&[0x80; 11]), None);
    }

    #[test]
    fn invalid_packets_are_not_written() {
        let packet = Packet { header: HEADER, csrcs: &[], extension: None, payload: &[] };
        let long = vec![0; 4 << 16];
        for wrong in [
            Packet { csrcs: &[0; 3], ..packet },
            Packet { csrcs: &[0; 64], ..packet },
            Packet { extension: Some(Extension { profile: 0, data: &[0] }), ..packet },
            Packet { extension: Some(Extension { profile: 0, data: &long }), ..packet },
        ] {
            let mut bytes = Vec::new();
            assert!(write_packet(&wrong, 0, &mut bytes).is_err());
            assert!(bytes.is_empty());
        }
    }

    const HEADER: Header = Header {
        marker: true,
        payload_type: 96,
        sequence: 0x1234,
        timestamp: 0xfeed_0001,
        ssrc: 7,
    };

    fn written() -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&HEADER, &mut bytes);
        bytes
    }

    #[test]
    fn fixed_header_has_the_specified_layout() {
        assert_eq!(written(), [0x80, 0xe0, 0x12, 0x34, 0xfe, 0xed, 0, 1, 0, 0, 0, 7]);
        let bytes = written();
        let packet = parse(&bytes).unwrap();
        assert_eq!(packet.header, HEADER);
        assert!(packet.payload.is_empty() && packet.csrcs.is_empty());
    }

    #[test]
    fn payload_excludes_csrcs_extension_and_padding() {
        let mut bytes = written();
        bytes[0] |= 0x20 | 0x10 | 2;
        bytes.extend([1, 1, 1, 1, 2, 2, 2, 2]);
        bytes.extend([0xbe, 0xde, 0, 1, 0x10, 9, 0, 0]);
        bytes.extend([5, 6, 7, 0, 0, 3]);
        let packet = parse(&bytes).unwrap();
        assert_eq!(packet.csrcs, [1, 1, 1, 1, 2, 2, 2, 2]);
        assert_eq!(packet.extension, Some(Extension { profile: 0xbede, data: &[0x10, 9, 0, 0] }));
        assert_eq!(packet.payload, [5, 6, 7]);
    }

    #[test]
    fn malformed_packets_are_rejected() {
        for len in 0..FIXED_HEADER_BYTES {
            assert!(matches!(parse(&written()[..len]), Err(Malformed::Truncated { .. })));
        }
        let with = |first: u8, tail: &[u8]| {
            let mut bytes = written();
            bytes[0] = first;
            bytes.extend(tail);
            bytes
        };
        assert_eq!(parse(&with(0x40, &[])), Err(Malformed::Version(1)));
        assert!(matches!(parse(&with(0x8f, &[0; 59])), Err(Malformed::Truncated { .. })));
        assert!(matches!(parse(&with(0x90, &[0; 3])), Err(Malformed::Truncated { .. })));
        let long = with(0x90, &[0, 0, 0xff, 0xff, 1, 2, 3, 4]);
        assert!(matches!(parse(&long), Err(Malformed::Truncated { needed_bytes: 262_156, .. })));
        assert!(matches!(parse(&with(0xa0, &[])), Err(Malformed::Padding { .. })));
        assert!(matches!(parse(&with(0xa0, &[1, 0])), Err(Malformed::Padding { .. })));
        assert!(matches!(parse(&with(0xa0, &[1, 3])), Err(Malformed::Padding { .. })));
        assert_eq!(parse(&with(0xa0, &[1, 2])).map(|packet| packet.payload.len()), Ok(0));
    }
}
