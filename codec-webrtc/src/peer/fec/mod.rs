//! FEC for video: ULPFEC in RED, as used by browsers.
//!
//! FEC is computed over media packets before encapsulation in RED: over their header with its
//! extensions, and over the payload without the RED header. The transport-wide sequence number and the
//! absolute send time count as zeros, because they are filled in later. The sender therefore computes
//! FEC over the packets that are about to be sent ([`sender`]), and the receiver over the headers in
//! received datagrams ([`receiver`]).

mod receiver;
mod sender;

use std::time::Duration;

use str0m::rtp::Extension;

use super::Peer;
use super::translate::translate_codec;
use crate::extension;
use crate::red::RED_SUBSTITUTE;
use crate::{Codec, Mid};
use codec_rtc::extension::clear_elements;
use codec_rtc::fec::controller::LossMeter;
use codec_rtc::rtcp::Twcc;
use codec_rtc::rtp::FIXED_HEADER_BYTES;
use receiver::FecReceiver;
use sender::FecSender;

/// Bit of the header that says that padding follows the payload.
const PADDED: u8 = 0x20;
/// Maximum number of packets read from one feedback message.
const MAX_REPORTED: usize = 4096;

/// FEC state of a peer.
#[derive(Debug)]
pub(super) struct FecState {
    /// Payload type of ULPFEC within RED.
    ulpfec: u8,
    /// Whether the application allows FEC.
    is_allowed: bool,
    loss_meter: LossMeter,
    round_trip: Option<Duration>,
    /// Sent media sections.
    senders: Vec<FecSender>,
    /// Received SSRCs.
    receivers: Vec<FecReceiver>,
    /// Header of the datagram being processed.
    last_datagram: Vec<u8>,
}

/// Negotiated parameters of a media section.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NegotiatedFec {
    mid: Mid,
    /// Payload types.
    red: u8,
    ulpfec: u8,
    /// Payload types of the protected codecs, with their codecs.
    media: Vec<(u8, Codec)>,
    /// Whether packets may have a Dependency Descriptor.
    has_descriptors: bool,
    /// Ids of extensions that are zero in protected packets, because they are written last.
    zeroed: Vec<u8>,
}

impl FecState {
    pub(super) fn new(ulpfec: u8) -> Self {
        Self {
            ulpfec,
            is_allowed: true,
            loss_meter: LossMeter::default(),
            round_trip: None,
            senders: Vec::new(),
            receivers: Vec::new(),
            last_datagram: Vec::new(),
        }
    }

    /// Processes transport-wide feedback for the loss statistics.
    pub(super) fn note_losses(&mut self, report: &Twcc) {
        let (mut packets, mut lost, mut runs, mut was_lost) = (0, 0, 0, false);
        for arrival in report.packets.iter().take(MAX_REPORTED) {
            let is_lost = arrival.is_none();
            packets += 1;
            lost += usize::from(is_lost);
            runs += usize::from(is_lost && !was_lost);
            was_lost = is_lost;
        }
        self.loss_meter.observe(packets, lost, runs);
    }

    pub(super) fn note_round_trip(&mut self, round_trip: Option<Duration>) {
        // Single values include the processing time of the remote endpoint.
        self.round_trip = match (self.round_trip, round_trip) {
            (Some(before), Some(now)) => Some((before * 7 + now) / 8),
            (before, now) => before.or(now),
        };
    }
}

impl Peer {
    /// Allows or prevents FEC on subsequent frames; allowed initially. If packets are lost because
    /// the link is congested, FEC makes it worse.
    pub fn allow_fec(&mut self, is_allowed: bool) {
        if let Some(fec) = &mut self.fec {
            fec.is_allowed = is_allowed;
        }
    }

    /// Negotiated parameters of a media section with RED.
    fn negotiated(&self, mid: Mid) -> Option<NegotiatedFec> {
        let ulpfec = self.fec.as_ref()?.ulpfec;
        let media = self.rtc.media(mid.0)?;
        let params = self.rtc.codec_config().params();
        let codec_of = |pt| {
            let found = params.iter().find(|it| it.pt() == pt);
            found.map(|it| it.spec().codec)
        };
        let remote = media.remote_pts().iter();
        let codecs = remote.filter_map(|&pt| Some((*pt, codec_of(pt)?)));
        let codecs: Vec<_> = codecs.collect();
        let (red, _) = codecs.iter().find(|(_, codec)| *codec == RED_SUBSTITUTE)?;
        let protected = codecs.iter().filter_map(|&(pt, codec)| {
            let codec = translate_codec(codec)?;
            matches!(codec, Codec::Vp8 | Codec::H264 | Codec::Vp9).then_some((pt, codec))
        });
        let late = [Extension::TransportSequenceNumber, Extension::AbsoluteSendTime];
        let zeroed = late.into_iter().filter_map(|kind| media.remote_extmap().id_of(kind));
        let (red, protected) = (*red, protected.collect());
        let has_descriptors = media.remote_extmap().id_of(extension::dependency()).is_some();
        let zeroed = zeroed.collect();
        Some(NegotiatedFec { mid, red, ulpfec, media: protected, has_descriptors, zeroed })
    }
}

impl NegotiatedFec {
    /// The protected codec of a payload type.
    fn codec(&self, payload_type: u8) -> Option<Codec> {
        self.media.iter().find(|(pt, _)| *pt == payload_type).map(|(_, codec)| *codec)
    }

    /// Builds the protected form of a packet from its header, and its payload type and payload without
    /// RED. `None` if it has padding, which is protected, too, but not known here.
    fn protected(&self, mut header: Vec<u8>, payload_type: u8, payload: &[u8]) -> Option<Vec<u8>> {
        if header.first()? & PADDED != 0 {
            return None;
        }
        if let Some(byte) = header.get_mut(1) {
            *byte = *byte & 0x80 | payload_type & 0x7f;
        }
        let fixed = fixed_bytes(&header);
        if let Some(([high, low, _, _], data)) =
            fixed.and_then(|fixed| header.get_mut(fixed..)?.split_first_chunk_mut())
        {
            clear_elements(u16::from_be_bytes([*high, *low]), data, &self.zeroed);
        }
        header.extend_from_slice(payload);
        Some(header)
    }
}

/// Length of the header before the extension, if it has one.
fn fixed_bytes(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    (first & 0x10 != 0).then(|| FIXED_HEADER_BYTES + 4 * usize::from(first & 15))
}

/// Length of the header with its extension; `None` if the packet is truncated.
fn header_bytes(packet: &[u8]) -> Option<usize> {
    let len = match fixed_bytes(packet) {
        Some(fixed) => {
            let words = packet.get(fixed + 2..)?.first_chunk()?;
            fixed + 4 + 4 * usize::from(u16::from_be_bytes(*words))
        }
        None => FIXED_HEADER_BYTES + 4 * usize::from(packet.first()? & 15),
    };
    (packet.len() >= len).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_with_padding_are_not_used_for_recovery() {
        let mid = Mid(str0m::media::Mid::from("0"));
        let (media, zeroed) = (vec![(96, Codec::Vp8)], vec![2]);
        let negotiated =
            NegotiatedFec { mid, red: 98, ulpfec: 99, media, has_descriptors: false, zeroed };
        let extension = [0xbe, 0xde, 0, 2, 0x10, 9, 0x21, 8, 7, 0, 0, 0];
        let mut header =
            [&[0x90, 0x80 | 98, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..], &extension].concat();
        let mut expected = header.clone();
        expected[1] = 0x80 | 96;
        expected[19..21].fill(0);
        expected.extend([5, 6]);
        assert_eq!(negotiated.protected(header.clone(), 96, &[5, 6]), Some(expected));
        header[0] |= PADDED;
        assert_eq!(negotiated.protected(header, 96, &[5, 6]), None);
        assert_eq!(negotiated.protected(Vec::new(), 96, &[5, 6]), None);
    }
}
