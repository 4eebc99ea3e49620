//! Delivery of packets, from transport-wide feedback: the transport-wide sequence number of each sent
//! packet, and the feedback on it.

use std::collections::VecDeque;

use codec_rtc::rtcp::Twcc;

use super::Peer;
use crate::{Delivery, Event, SentStream};

/// Maximum number of packets tracked: about three seconds at 10 Mb/s.
const MAX_SENT_PACKETS: usize = 4096;

/// Sent packets without feedback.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Packets in the order of sending.
    packets: VecDeque<SentPacket>,
}

#[derive(Clone, Copy, Debug)]
struct SentPacket {
    transport: u16,
    stream: SentStream,
    sequence: u16,
}

impl Peer {
    /// Records a packet with its transport-wide sequence number, and the sequence number in its stream. A retransmission
    /// counts as the original packet.
    pub(super) fn note_sent(&mut self, transport: u16, stream: SentStream, sequence: u16) {
        let Some(sent) = &mut self.deliveries else { return };
        if sent.packets.len() >= MAX_SENT_PACKETS {
            sent.packets.pop_front();
        }
        sent.packets.push_back(SentPacket { transport, stream, sequence });
    }

    pub(super) fn note_arrivals(&mut self, report: &Twcc) {
        let Some(sent) = &mut self.deliveries else { return };
        let mut deliveries = Vec::new();
        for (index, arrival) in report.packets.iter().enumerate() {
            let Some(at) = sent.position(report.sequence(index)) else { continue };
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
