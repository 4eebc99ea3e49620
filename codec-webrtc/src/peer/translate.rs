//! Conversion of str0m events to the events of a peer.

use codec_core::codec::Bitrate;
use str0m::Event as StackEvent;
use str0m::bwe::BweKind;
use str0m::media::KeyframeRequestKind;

use super::Peer;
use crate::{
    Channel, Codec, Direction, EstimateKind, Event, KeyFrameRequestKind, Mid, PathStats,
    ReceivedStats, RtpPacket, SenderReport, Stats, extension, red::RED_SUBSTITUTE, simulcast,
};
use codec_rtc::extension::Label;
use codec_rtc::rtp::Header;

impl Peer {
    pub(super) fn translate(&mut self, event: StackEvent) {
        match event {
            StackEvent::RtpPacket(packet) => self.packet(packet),
            StackEvent::MediaAdded(added) => self.report_media(Mid(added.mid)),
            StackEvent::MediaChanged(_) => self.report_directions(),
            StackEvent::KeyframeRequest(request) => {
                let kind = match request.kind {
                    KeyframeRequestKind::Pli => KeyFrameRequestKind::Pli,
                    KeyframeRequestKind::Fir => KeyFrameRequestKind::Fir,
                };
                let (mid, rid) = (Mid(request.mid), simulcast::label(request.rid));
                self.push(Event::KeyFrameRequest { mid, rid, kind });
            }
            StackEvent::EgressBitrateEstimate(estimate) => {
                // The estimate from transport-wide feedback is made on this side.
                if let BweKind::Remb { estimate, .. } = estimate {
                    let bitrate = Bitrate(estimate.as_u64());
                    let (layers, kind) = (bitrate, EstimateKind::Remb);
                    self.push(Event::Estimate { bitrate, layers, kind });
                }
            }
            StackEvent::SenderFeedback(report) => {
                let info = report.sender_info;
                let arrival = self.since_base(report.received_at);
                #[expect(clippy::cast_possible_truncation, reason = "the timestamp wraps")]
                let rtp_timestamp = info.rtp_time.numer() as u32;
                self.push(Event::SenderReport(SenderReport {
                    mid: Mid(report.mid),
                    ssrc: *info.ssrc,
                    ntp: extension::ntp(info.ntp_time),
                    rtp_timestamp,
                    arrival,
                }));
            }
            StackEvent::StreamPaused(paused) => {
                self.push(Event::Paused { mid: Mid(paused.mid), paused: paused.paused });
            }
            other => self.translate_channels_and_stats(other),
        }
    }

    fn translate_channels_and_stats(&mut self, event: StackEvent) {
        match event {
            StackEvent::ChannelOpen(id, label) => {
                let channel = Channel(id);
                if !self.channels.contains(&id) {
                    if self.channels.len() >= self.limits.channels {
                        self.counters.overflowed += 1;
                        self.rtc.direct_api().close_data_channel(id);
                        return;
                    }
                    self.channels.push(id);
                }
                self.push(Event::ChannelOpen { channel, label });
            }
            StackEvent::ChannelData(message) if self.channels.contains(&message.id) => {
                let (channel, binary) = (Channel(message.id), message.binary);
                self.push(Event::ChannelMessage { channel, binary, data: message.data });
            }
            StackEvent::ChannelBufferedAmountLow(id) => {
                self.push(Event::ChannelLow { channel: Channel(id) });
            }
            StackEvent::ChannelClose(id) if self.channels.contains(&id) => {
                self.channels.retain(|known| *known != id);
                self.push(Event::ChannelClosed { channel: Channel(id) });
            }
            StackEvent::PeerStats(stats) => {
                let pair = stats.selected_candidate_pair;
                let ice = pair.as_ref().and_then(|pair| pair.current_round_trip_time);
                let round_trip = self.egress.round_trip();
                if let Some(fec) = &mut self.fec {
                    fec.note_round_trip(round_trip.or(ice));
                }
                let available = self.estimate().map(|estimate| estimate.stable);
                let loss_sent = self.egress.take_loss();
                self.push(Event::Stats(Box::new(Stats::Path(PathStats {
                    bytes_received: stats.peer_bytes_rx + self.egress.feedback_bytes(),
                    bytes_sent: stats.peer_bytes_tx + self.egress.bytes(),
                    round_trip,
                    ice_round_trip: ice,
                    available,
                    loss_sent,
                    loss_received: stats.ingress_loss_fraction,
                    pair: pair.map(|pair| (pair.local.addr, pair.remote.addr)),
                }))));
                for stats in self.egress.stats() {
                    self.push(Event::Stats(Box::new(Stats::Sent(stats))));
                }
            }
            StackEvent::MediaIngressStats(stats) => {
                self.push(Event::Stats(Box::new(Stats::Received(ReceivedStats {
                    mid: Mid(stats.mid),
                    rid: simulcast::label(stats.rid),
                    bytes: stats.bytes,
                    packets: stats.packets,
                    firs: stats.firs,
                    plis: stats.plis,
                    nacks: stats.nacks,
                    jitter: stats.jitter,
                    loss: stats.loss,
                }))));
            }
            _ => {}
        }
    }

    fn packet(&mut self, packet: str0m::rtp::RtpPacket) {
        let header = &packet.header;
        // str0m adds the MID to packets without it.
        let Some((mid, rid)) = self.section_of(&packet) else { return };
        let payload_type = *header.payload_type;
        let params = self.rtc.codec_config().params();
        let codec = params.iter().find(|param| *param.pt() == payload_type);
        let stack_codec = codec.map(|param| param.spec().codec);
        let is_red = stack_codec == Some(RED_SUBSTITUTE) && self.fec.is_some();
        let red = is_red.then_some(Codec::Vp8);
        let Some(codec) = red.or_else(|| stack_codec.and_then(translate_codec)) else { return };
        let arrival = self.since_base(packet.timestamp);
        let packet = RtpPacket {
            mid,
            rid,
            codec,
            header: Header {
                marker: header.marker,
                payload_type,
                sequence: header.sequence_number,
                timestamp: header.timestamp,
                ssrc: *header.ssrc,
            },
            sequence: *packet.seq_no,
            extensions: extension::from_stack(&header.ext_vals),
            payload: packet.payload,
            arrival,
        };
        if !is_red {
            self.push(Event::Rtp(Box::new(packet)));
        } else if self.unwrap_red(&packet).is_none() {
            self.counters.malformed += 1;
        }
    }

    /// Media section and layer of a packet.
    fn section_of(&mut self, packet: &str0m::rtp::RtpPacket) -> Option<(Mid, Option<Label>)> {
        let (header, mut api) = (&packet.header, self.rtc.direct_api());
        let known = api.stream_rx(&header.ssrc).map(|stream| (stream.mid(), stream.rid()));
        let (mid, rid) = known.or_else(|| Some((header.ext_vals.mid?, header.ext_vals.rid)))?;
        Some((Mid(mid), simulcast::label(rid)))
    }
}

impl From<str0m::media::Direction> for Direction {
    fn from(direction: str0m::media::Direction) -> Self {
        match direction {
            str0m::media::Direction::SendOnly => Self::SendOnly,
            str0m::media::Direction::RecvOnly => Self::ReceiveOnly,
            str0m::media::Direction::SendRecv => Self::SendReceive,
            str0m::media::Direction::Inactive => Self::Inactive,
        }
    }
}

pub(crate) fn translate_codec(codec: str0m::format::Codec) -> Option<Codec> {
    match codec {
        str0m::format::Codec::Vp8 => Some(Codec::Vp8),
        str0m::format::Codec::H264 => Some(Codec::H264),
        str0m::format::Codec::Vp9 => Some(Codec::Vp9),
        str0m::format::Codec::Opus => Some(Codec::Opus),
        str0m::format::Codec::PCMU => Some(Codec::Pcmu),
        str0m::format::Codec::PCMA => Some(Codec::Pcma),
        _ => None,
    }
}
