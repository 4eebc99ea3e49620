//! Which packets have arrived, by transport-wide feedback.
//!
//! The stack reads the feedback for its estimate and says nothing of packets. So its copies of
//! packets are looked at: which transport-wide number each left with, and which came back reported.

use std::collections::VecDeque;

use str0m::rtp::rtcp::Twcc;
use str0m::rtp::{RtpHeader, Ssrc};

use super::Peer;
use crate::{Delivery, Event, Mid};

/// Packets remembered: at 10 Mb/s some three seconds.
const REMEMBERED: usize = 4096;

/// Packets that were sent and not yet reported.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// In the order of sending.
    packets: VecDeque<SentPacket>,
    /// Highest transport-wide number of a report, without wraps.
    reported: u64,
    sources: Vec<(Ssrc, Mid, bool)>,
}

#[derive(Clone, Copy, Debug)]
struct SentPacket {
    transport: u16,
    mid: Mid,
    sequence: u16,
}

impl Peer {
    pub(super) fn note_sent(&mut self, header: &RtpHeader, packet: &[u8]) {
        let Some(transport) = header.ext_vals.transport_cc else { return };
        let Some((mid, retransmission)) = self.source_of(header) else { return };
        let Some(sent) = &mut self.deliveries else { return };
        let mut sequence = header.sequence_number;
        if retransmission {
            // The original number comes first (RFC 4588, section 4). Padding has none.
            let padding = packet.first().is_none_or(|first| first & 0x20 != 0);
            match packet.get(header.header_len..).and_then(<[u8]>::first_chunk) {
                Some(original) if !padding => sequence = u16::from_be_bytes(*original),
                _ => return,
            }
        }
        if sent.packets.len() >= REMEMBERED {
            sent.packets.pop_front();
        }
        sent.packets.push_back(SentPacket { transport, mid, sequence });
    }

    /// The line of a source of ours, and whether it is that of retransmissions.
    fn source_of(&mut self, header: &RtpHeader) -> Option<(Mid, bool)> {
        let sent = self.deliveries.as_mut()?;
        let found = |sources: &[(Ssrc, Mid, bool)]| {
            let entry = sources.iter().find(|(ssrc, ..)| *ssrc == header.ssrc)?;
            Some((entry.1, entry.2))
        };
        if let Some(found) = found(&sent.sources) {
            return Some(found);
        }
        let mut api = self.rtc.direct_api();
        let mut sources = Vec::new();
        for sender in &self.senders {
            if let Some(stream) = api.stream_tx_by_mid(sender.mid().0, None) {
                sources.push((stream.ssrc(), sender.mid(), false));
                sources.extend(stream.rtx().map(|rtx| (rtx, sender.mid(), true)));
            }
        }
        sent.sources = sources;
        found(&sent.sources)
    }

    pub(super) fn note_arrivals(&mut self, report: Twcc) {
        let base = self.base;
        let Some(sent) = &mut self.deliveries else { return };
        let mut deliveries = Vec::new();
        // Statuses of a report: at most 65,535, and no more are kept than packets are remembered.
        for (number, _, arrival) in report.into_iter(base, sent.reported.into()) {
            let number = *number;
            sent.reported = sent.reported.max(number);
            #[expect(clippy::cast_possible_truncation, reason = "the number wraps")]
            let transport = number as u16;
            let Some(at) = sent.position(transport) else { continue };
            let received = arrival.is_some();
            let packet =
                if received { sent.packets.remove(at) } else { sent.packets.get(at).copied() };
            if let Some(SentPacket { mid, sequence, .. }) = packet {
                deliveries.push(Delivery { mid, sequence, received });
            }
        }
        if !deliveries.is_empty() {
            self.push(Event::Delivery(deliveries));
        }
    }
}

impl Sent {
    /// Numbers rise, with gaps where packets were reported.
    fn position(&self, transport: u16) -> Option<usize> {
        let first = self.packets.front()?.transport;
        let offset = |number: u16| number.wrapping_sub(first);
        let at =
            self.packets.partition_point(|packet| offset(packet.transport) < offset(transport));
        self.packets.get(at).filter(|packet| packet.transport == transport).map(|_| at)
    }
}
