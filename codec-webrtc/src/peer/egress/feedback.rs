//! Received RTCP about sent packets.

use std::time::Duration;

use codec_rtc::congestion::PacketKind;
use codec_rtc::rtcp::{self, Nack, ReportBlock, Twcc};

use super::super::Peer;
use super::Egress;
use super::stream::{Received, Repeated};

/// Requests that arrive earlier after the last transmission than this share of the round-trip time are repetitions. The
/// measured time includes processing of the remote endpoint, so that requests may be faster.
const REPEAT_SHARE: u32 = 2;

impl Peer {
    /// Handles a received datagram of RTCP. Returns whether str0m need not see it: it has nothing but transport-wide
    /// feedback and NACK, which concern sent packets only.
    pub(in crate::peer) fn take_feedback(&mut self, datagram: &[u8]) -> bool {
        let Some(compound) = self.keys.decrypt_rtcp(datagram) else { return false };
        let mut is_complete = true;
        self.silence.note_answer(self.now, false);
        for packet in rtcp::parse_compound(&compound) {
            is_complete &=
                matches!(packet, Ok(rtcp::Packet::Nack(_) | rtcp::Packet::TransportFeedback(_)));
            match packet {
                Ok(rtcp::Packet::Nack(nack)) => self.resend(&nack),
                Ok(rtcp::Packet::TransportFeedback(report)) => self.note_report(&report),
                Ok(rtcp::Packet::SenderReport(report)) => self.take_reports(&report.blocks),
                Ok(rtcp::Packet::ReceiverReport(report)) => self.take_reports(&report.blocks),
                Ok(rtcp::Packet::Pli(pli)) => self.count(pli.media_ssrc, |it| it.plis += 1),
                Ok(rtcp::Packet::Fir(fir)) => {
                    for entry in &fir.entries {
                        self.count(entry.ssrc, |it| it.firs += 1);
                    }
                }
                // str0m handles the others, and the requests for key frames.
                Ok(_) | Err(_) => {}
            }
        }
        if is_complete {
            self.egress.feedback_bytes += datagram.len() as u64;
        }
        is_complete
    }

    fn count(&mut self, ssrc: u32, count: impl FnOnce(&mut Received)) {
        if let Some(stream) = self.egress.by_ssrc(ssrc) {
            count(stream.received());
        }
    }

    fn take_reports(&mut self, blocks: &[ReportBlock]) {
        for block in blocks {
            let stream = self.egress.by_ssrc(block.ssrc);
            let round_trip = stream.and_then(|stream| stream.take_report(self.now, *block));
            self.egress.set_round_trip(round_trip);
        }
    }

    fn resend(&mut self, nack: &Nack) {
        self.count(nack.media_ssrc, |it| it.nacks += 1);
        let (now, ssrc) = (self.now, nack.media_ssrc);
        let round_trip = self.egress.round_trip.unwrap_or(Duration::ZERO) / REPEAT_SHARE;
        for sequence in &nack.sequences {
            let Egress { streams, transport, resends, .. } = &mut self.egress;
            let stream = streams.iter_mut().find(|stream| stream.ssrc() == ssrc);
            let Some(stream) = stream else { return };
            let repeated = stream.repeat(now, *sequence, round_trip, resends, *transport);
            if let Some(repeated) = repeated {
                self.send_again(ssrc, repeated);
            }
        }
    }

    /// Sends a retransmission or padding of the stream with this SSRC.
    pub(super) fn send_again(&mut self, ssrc: u32, repeated: Repeated) {
        let Some(stream) = self.egress.by_ssrc(ssrc) else { return };
        let (sent, is_numbered) = (stream.sent(), stream.is_numbered());
        let Repeated { datagram, original } = repeated;
        if let Some(transport) = self.egress.take_transport(is_numbered) {
            let kind = original.map_or(PacketKind::Padding, |_| PacketKind::Retransmission);
            self.note_wire(transport, datagram.len(), kind);
            if let Some(sequence) = original {
                self.note_sent(transport, sent, sequence);
            }
        }
        self.dispatch(datagram);
    }

    fn note_report(&mut self, report: &Twcc) {
        let lost = report.packets.iter().filter(|arrival| arrival.is_none()).count();
        let [packets, lost] =
            [report.packets.len(), lost].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let (all, all_lost) = &mut self.egress.reported;
        (*all, *all_lost) = (all.saturating_add(packets), all_lost.saturating_add(lost));
        self.silence.note_answer(self.now, true);
        self.note_feedback(report);
        self.note_arrivals(report);
        if let Some(fec) = &mut self.fec {
            fec.note_losses(report);
        }
    }
}
