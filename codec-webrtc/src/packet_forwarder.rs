//! Forwarding a received stream on another media section: continuous numbers, and the payload type of the other section.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use codec_rtc::extension::Extensions;
use codec_rtc::shared_bytes::SharedBytes;

use crate::{Forwarded, Media, Mid, NegotiatedCodec, Peer, RtpPacket, SendError};

/// Number of dropped packets after which an earlier packet is too late to be forwarded.
const REORDERED: usize = 64;

/// Forwards the packets of a received stream on a media section that this endpoint sends, of the same peer or of another
/// one, in a server that returns or relays media.
///
/// The forwarded numbers begin with the first packet. They have gaps only if the received ones have: packets without
/// payload (padding) and packets that could not be sent do not count, and after a change of the SSRC, the numbers
/// continue. Timestamps and payloads are unchanged, and header extensions are removed. To also change layers or switch
/// between streams, a server uses `codec_rtc::room` or [`codec_rtc::forward`], and [`Peer::forward`].
///
/// The caller passes on [`Event::KeyFrameRequest`](crate::Event::KeyFrameRequest) with
/// [`Peer::request_key_frame`], and requests a key frame when it begins to forward.
#[derive(Clone, Debug)]
pub struct PacketForwarder {
    mid: Mid,
    codecs: Vec<NegotiatedCodec>,
    /// None, shared by all packets.
    extensions: Arc<Extensions>,
    numbers: Option<Numbers>,
}

impl PacketForwarder {
    /// Forwards on `media`, as in [`Event::Media`](crate::Event::Media) or [`Peer::media`].
    #[must_use]
    pub fn new(media: &Media) -> Self {
        let (codecs, extensions) = (media.codecs.clone(), Arc::default());
        Self { mid: media.mid, codecs, extensions, numbers: None }
    }

    /// The media section on which packets are forwarded.
    #[must_use]
    pub fn mid(&self) -> Mid {
        self.mid
    }

    /// Forwards a packet with `peer`. All packets must be of one stream; if the received section has simulcast layers,
    /// those of one layer. Packets without payload, and those from before the first one, are dropped.
    ///
    /// # Errors
    /// Returns [`SendError`] and sends nothing: [`SendError::NoCodec`] if the section does not have the codec of the
    /// packet, [`SendError::NotSending`] while the section is inactive, and other errors of [`Peer::forward`]. Later
    /// packets can be forwarded.
    pub fn forward(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        packet: &RtpPacket,
    ) -> Result<(), SendError> {
        let payload_type = self.payload_type(packet);
        let (ssrc, sequence) = (packet.header.ssrc, packet.sequence);
        let numbers = self.numbers.get_or_insert_with(|| Numbers::new(ssrc, sequence, 0));
        if numbers.ssrc != ssrc {
            *numbers = Numbers::new(ssrc, sequence, numbers.next);
        }
        if packet.payload.is_empty() {
            numbers.skip(sequence);
            return Ok(());
        }
        let Some(number) = numbers.of(sequence) else { return Ok(()) };
        let forwarded = payload_type.and_then(|payload_type| {
            let forwarded = Forwarded {
                payload_type,
                number,
                timestamp: packet.header.timestamp,
                marker: packet.header.marker,
                payload: SharedBytes::new(Arc::clone(&packet.payload)),
                extensions: Arc::clone(&self.extensions),
            };
            peer.forward(now, self.mid, forwarded)
        });
        match forwarded {
            Ok(()) => numbers.note(sequence, number),
            Err(_) => numbers.skip(sequence),
        }
        forwarded
    }

    /// The payload type of the section for the codec of a packet: the same one if possible, because H.264 has one for each
    /// profile.
    fn payload_type(&self, packet: &RtpPacket) -> Result<u8, SendError> {
        let of_codec = || self.codecs.iter().filter(|it| it.codec == packet.codec);
        let same = of_codec().find(|it| it.payload_type == packet.header.payload_type);
        let codec = same.or_else(|| of_codec().next()).ok_or(SendError::NoCodec(packet.codec))?;
        Ok(codec.payload_type)
    }
}

/// The numbers of forwarded packets, by the received sequence numbers of an SSRC.
#[derive(Clone, Debug)]
struct Numbers {
    ssrc: u32,
    /// Sequence number of the first packet, and its number.
    first: u64,
    base: u64,
    /// Sequence number after the highest one so far, and the next number.
    end: u64,
    next: u64,
    /// Number of packets that were dropped in order.
    dropped: u64,
    /// The last ones of them.
    recent: VecDeque<u64>,
    /// Packets before this one are too late: which number they have is not known any more.
    earliest: u64,
}

impl Numbers {
    fn new(ssrc: u32, first: u64, base: u64) -> Self {
        let (end, next, earliest) = (first, base, first);
        Self { ssrc, first, base, end, next, dropped: 0, recent: VecDeque::new(), earliest }
    }

    /// The number of a packet; `None` if it was dropped or is too late.
    fn of(&self, sequence: u64) -> Option<u64> {
        if sequence < self.earliest || self.recent.contains(&sequence) {
            return None;
        }
        let is_later = |dropped: &&u64| **dropped > sequence;
        let later = u64::try_from(self.recent.iter().filter(is_later).count()).ok()?;
        let before = self.dropped.checked_sub(later)?;
        self.base.checked_add(sequence.checked_sub(self.first)?.checked_sub(before)?)
    }

    /// Notes that a packet was forwarded.
    fn note(&mut self, sequence: u64, number: u64) {
        self.end = self.end.max(sequence.saturating_add(1));
        self.next = self.next.max(number.saturating_add(1));
    }

    /// Gives the number of a packet to the next one, unless a later packet was forwarded: then a gap remains.
    fn skip(&mut self, sequence: u64) {
        if sequence < self.end {
            return;
        }
        self.end = sequence.saturating_add(1);
        self.dropped += 1;
        self.recent.push_back(sequence);
        if self.recent.len() > REORDERED
            && let Some(dropped) = self.recent.pop_front()
        {
            self.earliest = dropped.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_continuous_without_dropped_packets() {
        let mut numbers = Numbers::new(1, 1000, 0);
        let mut take = |sequence: u64, is_dropped: bool| {
            let number = numbers.of(sequence);
            match number.filter(|_| !is_dropped) {
                Some(number) => numbers.note(sequence, number),
                None => numbers.skip(sequence),
            }
            number
        };
        assert_eq!(take(1000, false), Some(0));
        // 1001 is late.
        assert_eq!(take(1002, false), Some(2));
        take(1003, true);
        take(1004, true);
        // Retransmitted.
        assert_eq!(take(1004, false), None);
        assert_eq!(take(1005, false), Some(3));
        assert_eq!(take(1001, false), Some(1));
        // Late padding leaves a gap.
        assert_eq!(take(1007, false), Some(5));
        take(1006, true);
        assert_eq!(take(1008, false), Some(6));
        assert_eq!(take(999, false), None);
        assert_eq!(numbers.next, 7);
    }

    #[test]
    fn packets_that_are_too_late_have_no_number() {
        let mut numbers = Numbers::new(1, 0, 7);
        for sequence in 0..1000 {
            numbers.skip(sequence);
        }
        assert_eq!((numbers.recent.len(), numbers.of(1000)), (REORDERED, Some(7)));
        assert_eq!(numbers.of(900), None);
        assert_eq!(numbers.of(u64::MAX), Some(u64::MAX - 993));
    }
}
