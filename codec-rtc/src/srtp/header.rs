//! RTP and RTCP header fields needed by SRTP.

/// Length of the unencrypted part of an RTP packet (RFC 3711, section 3.1): header, CSRCs and
/// extension. `None` if the packet is truncated within it.
pub(super) fn rtp_header_bytes(packet: &[u8]) -> Option<usize> {
    let fixed = packet.first_chunk::<12>()?;
    if fixed[0] >> 6 != 2 {
        return None;
    }
    let mut bytes = 12 + 4 * usize::from(fixed[0] & 0x0f);
    if fixed[0] & 0x10 != 0 {
        let head = packet.get(bytes..)?.first_chunk::<4>()?;
        bytes += 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
    }
    (bytes <= packet.len()).then_some(bytes)
}

/// Sequence number and SSRC of an RTP packet.
pub(super) fn rtp_numbers(packet: &[u8]) -> Option<(u16, u32)> {
    let [_, _, high, low, _, _, _, _, a, b, c, d] = *packet.first_chunk::<12>()?;
    Some((u16::from_be_bytes([high, low]), u32::from_be_bytes([a, b, c, d])))
}

/// SSRC of the first packet of an RTCP compound; `None` if it is not RTCP.
pub(super) fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let [first, _, _, _, a, b, c, d] = *packet.first_chunk::<8>()?;
    (first >> 6 == 2).then(|| u32::from_be_bytes([a, b, c, d]))
}
