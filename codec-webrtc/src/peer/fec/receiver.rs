//! FEC of received frames.

use std::collections::BTreeSet;

use str0m::rtp::Extension;

use super::super::Peer;
use super::{FecState, NegotiatedFec, header_bytes};
use crate::{Event, Mid, RtpPacket, extension};
use codec_rtc::extension::{ExtensionKind, ExtensionMap, Extensions};
use codec_rtc::fec::{FecLimits, ulpfec};
use codec_rtc::packet::red::{self, Block};
use codec_rtc::rtp;

/// Number of packets kept for recovery.
const LIMITS: FecLimits = FecLimits { media_packets: 256, repair_packets: 32 };
/// Number of packets that are not emitted again.
const MAX_EMITTED: usize = 512;

/// FEC state of a received SSRC.
#[derive(Debug)]
pub(super) struct FecReceiver {
    ssrc: u32,
    negotiated: NegotiatedFec,
    extensions: ExtensionMap,
    decoder: ulpfec::Decoder,
    /// Highest sequence number, unwrapped.
    newest: u64,
    /// Sequence numbers of the last emitted packets, unwrapped: a packet may be recovered and retransmitted.
    emitted: BTreeSet<u64>,
}

impl Peer {
    /// Records the unencrypted header of a datagram to be processed.
    pub(in crate::peer) fn note_arriving(&mut self, datagram: &[u8]) {
        let Some(fec) = &mut self.fec else { return };
        fec.last_datagram.clear();
        let header = header_bytes(datagram).and_then(|len| datagram.get(..len));
        fec.last_datagram.extend_from_slice(header.unwrap_or_default());
    }

    /// Processes a RED packet: emits its media and recovered packets. `None` if it is invalid.
    pub(in crate::peer) fn unwrap_red(&mut self, packet: &RtpPacket) -> Option<()> {
        let blocks = red::parse(&packet.payload).ok()?;
        // Several blocks are for audio only (RFC 5109, section 14.1, uses one per packet).
        let [Block { payload_type, data, .. }] = blocks.as_slice() else { return None };
        let ssrc = packet.header.ssrc;
        let receivers = &self.fec.as_ref()?.receivers;
        if !receivers.iter().any(|it| it.ssrc == ssrc) {
            if receivers.len() >= self.limits.sources {
                return None;
            }
            let receiver = self.fec_receiver(packet.mid, ssrc)?;
            self.fec.as_mut()?.receivers.push(receiver);
        }
        let FecState { receivers, last_datagram, .. } = self.fec.as_mut()?;
        let receiver = receivers.iter_mut().find(|it| it.ssrc == ssrc)?;
        receiver.newest = receiver.newest.max(packet.sequence);
        let negotiated = &receiver.negotiated;
        let (mut media, mut made) = (None, Vec::new());
        // Invalid packets are counted by the decoder.
        if *payload_type == negotiated.ulpfec {
            let _ = receiver.decoder.push_repair(data, &mut made);
        } else if let Some(codec) = negotiated.codec(*payload_type) {
            // A retransmission has other extensions than the protected packet.
            if is_header_of(last_datagram, packet) {
                let header = std::mem::take(last_datagram);
                if let Some(whole) = negotiated.protected(header, *payload_type, data) {
                    let _ = receiver.decoder.push_media(&whole, &mut made);
                }
            }
            let header = rtp::Header { payload_type: *payload_type, ..packet.header };
            let payload = (*data).into();
            media = Some(RtpPacket { codec, header, payload, ..packet.clone() });
        }
        let media = media.filter(|media| receiver.is_new(media.sequence));
        let made = made.iter().filter_map(|bytes| receiver.recovered(bytes, packet));
        let mut made: Vec<_> = made.collect();
        made.retain(|made| receiver.is_new(made.sequence));
        self.counters.recovered += made.len() as u64;
        for packet in media.into_iter().chain(made) {
            self.push(Event::Rtp(Box::new(packet)));
        }
        Some(())
    }

    fn fec_receiver(&self, mid: Mid, ssrc: u32) -> Option<FecReceiver> {
        let negotiated = self.negotiated(mid)?;
        let map = self.rtc.media(mid.0)?.remote_extmap();
        let known = [
            (Extension::AbsoluteCaptureTime, ExtensionKind::AbsCaptureTime),
            (Extension::VideoOrientation, ExtensionKind::VideoOrientation),
            (Extension::PlayoutDelay, ExtensionKind::PlayoutDelay),
            (extension::dependency(), ExtensionKind::DependencyDescriptor),
        ];
        let ids = known.into_iter().filter_map(|(theirs, ours)| Some((map.id_of(theirs)?, ours)));
        let decoder = ulpfec::Decoder::new(ssrc, LIMITS);
        let (extensions, emitted) = (ids.collect(), BTreeSet::new());
        Some(FecReceiver { ssrc, negotiated, extensions, decoder, newest: 0, emitted })
    }
}

impl FecReceiver {
    /// Whether the packet with this number is emitted for the first time.
    fn is_new(&mut self, sequence: u64) -> bool {
        let is_new = self.emitted.insert(sequence);
        if self.emitted.len() > MAX_EMITTED {
            self.emitted.pop_first();
        }
        is_new
    }

    /// A recovered packet; `other` is the packet of the same SSRC that arrived.
    fn recovered(&self, bytes: &[u8], other: &RtpPacket) -> Option<RtpPacket> {
        let packet = rtp::parse(bytes).ok()?;
        let codec = self.negotiated.codec(packet.header.payload_type)?;
        // Nearest unwrapped sequence number.
        #[expect(clippy::cast_possible_truncation, reason = "the sequence number wraps")]
        let ahead = packet.header.sequence.wrapping_sub(self.newest as u16).cast_signed();
        Some(RtpPacket {
            mid: self.negotiated.mid,
            rid: other.rid,
            codec,
            header: packet.header,
            sequence: self.newest.saturating_add_signed(ahead.into()),
            extensions: Extensions::from_packet(&packet, &self.extensions).unwrap_or_default(),
            payload: packet.payload.into(),
            arrival: other.arrival,
        })
    }
}

/// Whether a header belongs to the packet itself rather than to its retransmission.
fn is_header_of(header: &[u8], packet: &RtpPacket) -> bool {
    let ssrc = header.get(8..12).and_then(<[u8]>::first_chunk).map(|it| u32::from_be_bytes(*it));
    ssrc == Some(packet.header.ssrc) && rtp::sequence_of(header) == Some(packet.header.sequence)
}
