//! Delivery of packets, from transport-wide feedback.
//!
//! str0m uses the feedback only for its estimate and does not report packets. This module therefore
//! inspects its raw packets: the transport-wide sequence number of each sent packet, and the
//! feedback on it.

use std::collections::VecDeque;

use str0m::rtp::rtcp::Twcc;
use str0m::rtp::{RtpHeader, Ssrc};

use super::Peer;
use crate::{Delivery, Event, SentStream};

/// Maximum number of packets tracked: about three seconds at 10 Mb/s.
const MAX_SENT_PACKETS: usize = 4096;

/// Sent packets without feedback.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Packets in the order of sending.
    packets: VecDeque<SentPacket>,
    /// Highest transport-wide sequence number covered by feedback, unwrapped.
    reported: u64,
    sources: Vec<(Ssrc, SentStream, bool)>,
}

#[derive(Clone, Copy, Debug)]
struct SentPacket {
    transport: u16,
    stream: SentStream,
    sequence: u16,
}

impl Peer {
    pub(super) fn note_sent(&mut self, header: &RtpHeader, packet: &[u8]) {
        let Some(transport) = header.ext_vals.transport_cc else { return };
        let Some((stream, retransmission)) = self.source_of(header) else { return };
        let Some(sent) = &mut self.deliveries else { return };
        let mut sequence = header.sequence_number;
        if retransmission {
            // The original sequence number comes first (RFC 4588, section 4). Padding has none.
            let padding = packet.first().is_none_or(|first| first & 0x20 != 0);
            match packet.get(header.header_len..).and_then(<[u8]>::first_chunk) {
                Some(original) if !padding => sequence = u16::from_be_bytes(*original),
                _ => return,
            }
        }
        if sent.packets.len() >= MAX_SENT_PACKETS {
            sent.packets.pop_front();
        }
        sent.packets.push_back(SentPacket { transport, stream, sequence });
    }

    /// Stream of a sent SSRC, and whether the SSRC is RTX.
    fn source_of(&mut self, header: &RtpHeader) -> Option<(SentStream, bool)> {
        let sent = self.deliveries.as_mut()?;
        let found = |sources: &[(Ssrc, SentStream, bool)]| {
            let entry = sources.iter().find(|(ssrc, ..)| *ssrc == header.ssrc)?;
            Some((entry.1, entry.2))
        };
        if let Some(found) = found(&sent.sources) {
            return Some(found);
        }
        let mut api = self.rtc.direct_api();
        let mut sources = Vec::new();
        for sender in &self.senders {
            let sent = sender.stream();
            if let Some(stream) = api.stream_tx_by_mid(sent.mid.0, sent.stack_rid()) {
                sources.push((stream.ssrc(), sent, false));
                sources.extend(stream.rtx().map(|rtx| (rtx, sent, true)));
            }
        }
        sent.sources = sources;
        found(&sent.sources)
    }

    pub(super) fn note_arrivals(&mut self, report: Twcc) {
        let base = self.base;
        let Some(sent) = &mut self.deliveries else { return };
        let mut deliveries = Vec::new();
        // A message covers at most 65,535 packets, and no more are processed than packets are
        // tracked.
        for (number, _, arrival) in report.into_iter(base, sent.reported.into()) {
            let number = *number;
            sent.reported = sent.reported.max(number);
            #[expect(clippy::cast_possible_truncation, reason = "the sequence number wraps")]
            let transport = number as u16;
            let Some(at) = sent.position(transport) else { continue };
            let received = arrival.is_some();
            let packet =
                if received { sent.packets.remove(at) } else { sent.packets.get(at).copied() };
            if let Some(SentPacket { stream: SentStream { mid, rid }, sequence, .. }) = packet {
                deliveries.push(Delivery { mid, rid, sequence, received });
            }
        }
        if !deliveries.is_empty() {
            self.push(Event::Delivery(deliveries));
        }
    }
}

impl Sent {
    /// Sequence numbers increase, with gaps for packets already covered by feedback.
    fn position(&self, transport: u16) -> Option<usize> {
        let first = self.packets.front()?.transport;
        let offset = |number: u16| number.wrapping_sub(first);
        let at =
            self.packets.partition_point(|packet| offset(packet.transport) < offset(transport));
        self.packets.get(at).filter(|packet| packet.transport == transport).map(|_| at)
    }
}
