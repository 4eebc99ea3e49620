//! Classification of datagrams on a shared port: RFC 7983 (first byte) and RFC 5761 (RTP and RTCP
//! by payload type).

/// Protocol of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// STUN (RFC 8489).
    Stun,
    /// ZRTP (RFC 6189).
    Zrtp,
    /// DTLS (RFC 9147, RFC 6347).
    Dtls,
    /// TURN channel data (RFC 8656).
    TurnChannel,
    /// RTP or SRTP.
    Rtp,
    /// RTCP or SRTCP.
    Rtcp,
    /// None of the above, or too short.
    Unknown,
}

/// Second bytes that indicate RTCP: packet types 192..=223, which correspond to RTP payload types
/// 64..=95 with the marker set (RFC 5761, section 4).
const RTCP_TYPES: std::ops::RangeInclusive<u8> = 192..=223;

/// Classifies a datagram by its first two bytes.
///
/// ```
/// use codec_rtc::demux::{Datagram, classify};
///
/// assert_eq!(classify(&[0x80, 96, 0, 0]), Datagram::Rtp);
/// assert_eq!(classify(&[0x80, 200, 0, 0]), Datagram::Rtcp);
/// assert_eq!(classify(&[0, 1, 0, 0]), Datagram::Stun);
/// ```
#[must_use]
pub fn classify(datagram: &[u8]) -> Datagram {
    match *datagram {
        [0..=3, ..] => Datagram::Stun,
        [16..=19, ..] => Datagram::Zrtp,
        [20..=63, ..] => Datagram::Dtls,
        [64..=79, ..] => Datagram::TurnChannel,
        [128..=191, second, ..] if RTCP_TYPES.contains(&second) => Datagram::Rtcp,
        [128..=191, _, ..] => Datagram::Rtp,
        _ => Datagram::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_classified_by_the_first_two_bytes() {
        for (bytes, expected) in [
            (&[][..], Datagram::Unknown),
            (&[0, 1], Datagram::Stun),
            (&[3], Datagram::Stun),
            (&[4], Datagram::Unknown),
            (&[16], Datagram::Zrtp),
            (&[22, 254], Datagram::Dtls),
            (&[63], Datagram::Dtls),
            (&[64, 0], Datagram::TurnChannel),
            (&[80], Datagram::Unknown),
            (&[128], Datagram::Unknown),
            (&[0x80, 96], Datagram::Rtp),
            (&[0x90, 0x80 | 111], Datagram::Rtp),
            (&[0x80, 191], Datagram::Rtp),
            (&[0x80, 192], Datagram::Rtcp),
            (&[0x81, 200], Datagram::Rtcp),
            (&[0xbf, 223], Datagram::Rtcp),
            (&[0x80, 224], Datagram::Rtp),
            (&[192, 200], Datagram::Unknown),
        ] {
            assert_eq!(classify(bytes), expected, "{bytes:?}");
        }
    }
}
