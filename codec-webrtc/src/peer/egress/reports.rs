//! Rewrites the sender reports (RTCP) of str0m, the library below, which does not see the sent RTP packets: they get
//! the RTP timestamp and the packet and octet counts of the streams that the peer sends.

use super::super::Peer;

/// Types of RTCP packets (RFC 3550, section 12.1).
const SENDER_REPORT: u8 = 200;
const SDES: u8 = 202;
const PAYLOAD_FEEDBACK: u8 = 206;
/// First byte of application layer feedback without padding (RFC 4585, section 6.4).
const APPLICATION_FEEDBACK: u8 = 0x8f;
/// Payload of the feedback with which the peer makes str0m send a report at once. It is removed from the report.
pub(in crate::peer) const PATH_MARK: &[u8; 4] = b"path";
/// Size of a sender report without report blocks, in bytes.
const SENDER_REPORT_BYTES: usize = 28;

impl Peer {
    /// Rewrites a datagram of RTCP that str0m wants to send, and encrypts it again; `None` if nothing remains.
    pub(in crate::peer) fn rewrite_rtcp(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let compound = self.keys.decrypt_own_rtcp(datagram)?;
        let mut kept = Vec::with_capacity(compound.len() + 32);
        let mut has_content = false;
        let mut rest = compound.as_slice();
        while let Some((packet, after)) = split(rest) {
            rest = after;
            if is_path_mark(packet) {
                continue;
            } else if packet.get(1) != Some(&SENDER_REPORT) {
                has_content |= packet.get(1) != Some(&SDES);
                kept.extend_from_slice(packet);
            } else if let Some(report) = self.sender_report(packet) {
                has_content = true;
                kept.extend_from_slice(&report);
            }
        }
        (has_content && self.keys.encrypt_rtcp(&mut kept)).then_some(kept)
    }

    /// A sender report with the timestamp and the counters of its stream; `None` if nothing was sent on it.
    fn sender_report(&mut self, packet: &[u8]) -> Option<[u8; SENDER_REPORT_BYTES]> {
        let now = self.now;
        let mut report = *packet.first_chunk::<SENDER_REPORT_BYTES>()?;
        let ssrc = u32::from_be_bytes(*report.get(4..)?.first_chunk()?);
        let stream = self.egress.by_ssrc(ssrc)?;
        let (packets, octets) = stream.originals();
        let timestamp = stream.timestamp(now)?;
        stream.note_report(now, *report.get(8..)?.first_chunk()?);
        #[expect(clippy::cast_possible_truncation, reason = "the counters wrap")]
        let numbers = [timestamp, packets as u32, octets as u32];
        for (field, number) in report.get_mut(16..)?.chunks_exact_mut(4).zip(numbers) {
            field.copy_from_slice(&number.to_be_bytes());
        }
        Some(report)
    }
}

/// Whether a packet is the feedback whose whole payload is [`PATH_MARK`].
fn is_path_mark(packet: &[u8]) -> bool {
    let is_feedback = packet.starts_with(&[APPLICATION_FEEDBACK, PAYLOAD_FEEDBACK]);
    is_feedback && packet.get(12..) == Some(PATH_MARK)
}

/// The first packet of a compound, and the rest.
fn split(compound: &[u8]) -> Option<(&[u8], &[u8])> {
    let words = u16::from_be_bytes(*compound.get(2..)?.first_chunk()?);
    compound.split_at_checked(4 * (usize::from(words) + 1))
}
