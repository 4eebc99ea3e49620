//! Sending media, and requesting key frames.

use std::sync::Arc;
use std::time::Duration;

use codec_core::codec::Bitrate;
use str0m::media::KeyframeRequestKind;

use super::egress::{self, Stream, StreamPlan};
use super::send_error::SendError;
use super::translate::translate_codec;
use super::{Peer, State, panic_guard};
use crate::extension::{self, MAX_DEPENDENCY_BYTES};
use crate::h264;
use crate::{Codec, Direction, KeyFrameRequestKind, Kind, Media, Mid, NegotiatedCodec, SentStream};
use codec_rtc::extension::{Extensions, dependency};
use codec_rtc::rtp::{self, WriteError};
use codec_rtc::shared_bytes::SharedBytes;

/// A packet that a server passes on from one peer to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// Payload type of one of the section's [`codecs`](Media::codecs).
    pub payload_type: u8,
    /// Number of the packet from 0, unwrapped. Late packets have lower numbers than earlier ones.
    pub number: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker.
    pub marker: bool,
    /// Payload of 1 to [`Peer::MAX_FORWARDED_BYTES`] bytes. Peers that send the same packet share its bytes.
    pub payload: SharedBytes,
    /// Header extensions, which peers that send the same packet share; MID and transport-wide sequence numbers are added.
    pub extensions: Arc<Extensions>,
}

/// Selects the payload type of a packet.
#[derive(Clone, Copy)]
pub(crate) enum Payload {
    /// The first one of a codec.
    Codec(Codec),
    Type(u8),
}

/// A packet to send.
pub(crate) struct Outgoing<'a> {
    pub(crate) payload: Payload,
    /// If sent in RED: payload type of RED, and of its content.
    pub(crate) red: Option<(u8, u8)>,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) data: &'a [u8],
    pub(crate) captured: Duration,
    pub(crate) extensions: &'a Extensions,
    pub(crate) nackable: bool,
}

impl Peer {
    /// Maximum payload size: with header, extensions and authentication tag, packets stay below
    /// 1,280 bytes unless there is a long Dependency Descriptor. The same holds for FEC packets,
    /// which also protect the extensions.
    pub const MAX_PAYLOAD_BYTES: usize = 1120;
    /// Maximum payload size of a forwarded packet. It is above [`Self::MAX_PAYLOAD_BYTES`], because other senders
    /// reserve less space for headers.
    pub const MAX_FORWARDED_BYTES: usize = 1300;
    /// Maximum payload size of an FEC packet.
    const MAX_REPAIR_BYTES: usize = 1190;

    /// Sends the packets of a frame, as created by
    /// [`vp8::Packetizer`](codec_rtc::packet::vp8::Packetizer) or
    /// [`h264::Packetizer`](codec_rtc::packet::h264::Packetizer): marker, timestamp and payload are
    /// used; SSRC and sequence numbers are assigned here. `stream` is the media section, or with
    /// [`send_layers`](Media::send_layers) one of its layers. `payload_type`: one of the section's [`codecs`](Media::codecs). `captured`: capture time on the clock of `now`. `extensions` are
    /// sent with each packet; the Dependency Descriptor describes the frame as if it were one packet.
    /// H.264 gets FEC only with a descriptor. Lost packets are retransmitted on request (RFC 4588).
    ///
    /// Returns the sequence number of the first packet; the others are consecutive.
    ///
    /// # Errors
    /// Returns [`SendError`]; the packets before the one that failed have been sent.
    pub fn send_video<P: AsRef<[u8]>>(
        &mut self,
        now: Duration,
        stream: impl Into<SentStream>,
        payload_type: u8,
        packets: &[P],
        captured: Duration,
        extensions: &Extensions,
    ) -> Result<u16, SendError> {
        let stream = stream.into();
        self.contained(Err(SendError::NotConnected), |peer| {
            peer.send_frame(now, stream, payload_type, packets, captured, extensions)
        })
    }

    fn send_frame<P: AsRef<[u8]>>(
        &mut self,
        now: Duration,
        stream: SentStream,
        payload_type: u8,
        packets: &[P],
        captured: Duration,
        extensions: &Extensions,
    ) -> Result<u16, SendError> {
        self.advance(now);
        let is_described = extensions.dependency.is_some();
        let red = match stream {
            SentStream { mid, rid: None } => {
                self.begin_frame(mid, payload_type, packets, captured, is_described)
            }
            // FEC of a layer would take from the bitrate of the others.
            SentStream { rid: Some(_), .. } => None,
        };
        let mut first = None;
        let mut result = Ok(());
        let mut extensions = extensions.clone();
        let whole = extensions.dependency.take();
        for (at, packet) in (1..).zip(packets) {
            let is_last = at == packets.len();
            extensions.dependency =
                whole.as_ref().map(|frame| dependency::for_packet(frame, at == 1, is_last));
            let parsed =
                rtp::parse(packet.as_ref()).map_err(|error| SendError::Packet(error.into()));
            result = parsed.and_then(|packet| {
                let sequence = self.write(
                    stream,
                    &Outgoing {
                        payload: Payload::Type(payload_type),
                        red,
                        timestamp: packet.header.timestamp,
                        marker: packet.header.marker,
                        data: packet.payload,
                        captured,
                        extensions: &extensions,
                        nackable: true,
                    },
                )?;
                first.get_or_insert(sequence);
                Ok(())
            });
            if result.is_err() {
                break;
            }
        }
        result.and(first.ok_or(SendError::Packet(WriteError::EmptyPayload)))
    }

    /// Sends an audio packet; returns its sequence number. `marker`: whether it is the first after
    /// a silence.
    ///
    /// # Errors
    /// Returns [`SendError`] and sends nothing.
    #[expect(clippy::too_many_arguments, reason = "all are properties of one packet")]
    pub fn send_audio(
        &mut self,
        now: Duration,
        mid: Mid,
        codec: Codec,
        payload: &[u8],
        timestamp: u32,
        marker: bool,
        captured: Duration,
        extensions: &Extensions,
    ) -> Result<u16, SendError> {
        let packet = Outgoing {
            payload: Payload::Codec(codec),
            red: None,
            timestamp,
            marker,
            data: payload,
            captured,
            extensions,
            nackable: false,
        };
        self.send_packet(now, mid, &packet)
    }

    /// Sends an audio packet in RED, if RED was negotiated for this codec. The payload comes from
    /// [`Redundancy`](codec_rtc::packet::red::Redundancy) and contains the packet and earlier ones.
    ///
    /// # Errors
    /// Returns [`SendError`] and sends nothing; [`SendError::NoCodec`] if RED was not negotiated.
    pub fn send_redundant_audio(
        &mut self,
        now: Duration,
        mid: Mid,
        codec: Codec,
        payload: &[u8],
        timestamp: u32,
        captured: Duration,
    ) -> Result<u16, SendError> {
        let media = self.media(mid).ok_or(SendError::NotSending)?;
        let of_codec = media.codecs.iter().find(|it| it.codec == codec);
        let red = of_codec.and_then(|it| it.red).ok_or(SendError::NoCodec(codec))?;
        let empty = SendError::Packet(WriteError::EmptyPayload);
        let (first, data) = payload.split_first().ok_or(empty)?;
        let packet = Outgoing {
            payload: Payload::Codec(codec),
            red: Some((red, *first)),
            timestamp,
            marker: false,
            data,
            captured,
            extensions: &Extensions::default(),
            nackable: false,
        };
        self.send_packet(now, mid, &packet)
    }

    /// Sends a packet of another peer on a media section that carries only forwarded packets. Lost packets of video are
    /// retransmitted on request (RFC 4588).
    ///
    /// # Errors
    /// Returns [`SendError`] and sends nothing.
    pub fn forward(&mut self, now: Duration, mid: Mid, packet: Forwarded) -> Result<(), SendError> {
        self.contained(Err(SendError::NotConnected), |peer| {
            peer.advance(now);
            peer.write_forwarded(mid, packet)
        })
    }

    fn write_forwarded(&mut self, mid: Mid, packet: Forwarded) -> Result<(), SendError> {
        if self.state != State::Connected {
            return Err(SendError::NotConnected);
        }
        let (bytes, limit) = (packet.payload.len(), Self::MAX_FORWARDED_BYTES);
        if bytes > limit {
            return Err(SendError::TooLong { bytes, limit });
        }
        if bytes == 0 {
            return Err(SendError::Packet(WriteError::EmptyPayload));
        }
        if !self.rtc.media(mid.0).is_some_and(|it| !it.disabled() && it.direction().is_sending()) {
            return Err(SendError::NotSending);
        }
        let place = self.sent_stream(mid.into())?;
        let stream = self.egress.stream(place).ok_or(SendError::NotSending)?;
        let number = stream.first().saturating_add(packet.number);
        let is_nackable = stream.can_repeat(packet.payload_type);
        let packet = egress::Packet {
            payload_type: packet.payload_type,
            number,
            timestamp: packet.timestamp,
            marker: packet.marker,
            block: None,
            payload: egress::Payload::Shared(packet.payload),
            captured: self.now,
            extensions: &packet.extensions,
            is_nackable,
        };
        self.emit(place, packet)
    }

    /// The place of a stream that this endpoint sends.
    fn sent_stream(&mut self, sent: SentStream) -> Result<usize, SendError> {
        match self.egress.place(sent) {
            Some(place) => Ok(place),
            None => {
                let plan = self.plan(sent)?;
                Ok(self.egress.add(Stream::new(plan)))
            }
        }
    }

    /// The negotiated parameters of a stream.
    fn plan(&mut self, sent: SentStream) -> Result<StreamPlan, SendError> {
        let SentStream { mid, rid } = sent;
        let media = self.media(mid).filter(|media| media.direction.sends());
        let media = media.ok_or(SendError::NotSending)?;
        let has_layer = match &rid {
            Some(rid) => media.send_layers.contains(rid),
            None => media.send_layers.is_empty(),
        };
        if !has_layer {
            return Err(SendError::NoLayer(rid));
        }
        let clocks = media.codecs.iter().flat_map(|codec| {
            let types = [Some(codec.payload_type), codec.red];
            types.into_iter().flatten().map(|payload_type| (payload_type, codec.clock_hz))
        });
        let clocks = clocks.collect();
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid.0, sent.stack_rid()).ok_or(SendError::NotSending)?;
        let (ssrc, rtx) = (*stream.ssrc(), stream.rtx().map(|rtx| *rtx));
        let stack = self.rtc.media(mid.0).ok_or(SendError::NotSending)?;
        let extensions = extension::negotiated(stack.remote_extmap());
        let params = self.rtc.codec_config().params().iter();
        let params = params.filter(|param| stack.remote_pts().contains(&param.pt()));
        let rtx_types = params.filter_map(|param| Some((*param.pt(), *param.resend()?))).collect();
        Ok(StreamPlan { sent, ssrc, rtx, rtx_types, extensions, clocks })
    }

    fn send_packet(
        &mut self,
        now: Duration,
        mid: Mid,
        packet: &Outgoing<'_>,
    ) -> Result<u16, SendError> {
        self.contained(Err(SendError::NotConnected), |peer| {
            peer.advance(now);
            peer.write(mid.into(), packet)
        })
    }

    /// Requests a key frame by PLI or FIR, as `kind` says. Returns `false` if nothing was received on
    /// this media section yet.
    pub fn request_key_frame(
        &mut self,
        now: Duration,
        mid: Mid,
        kind: KeyFrameRequestKind,
    ) -> bool {
        self.contained(false, |peer| {
            peer.advance(now);
            let mut api = peer.rtc.direct_api();
            let Some(stream) = api.stream_rx_by_mid(mid.0, None) else { return false };
            stream.request_keyframe(stack_request(kind));
            peer.tick();
            true
        })
    }

    /// Requests a key frame from one SSRC, if a media section has several. Returns `false` if
    /// nothing was received from it.
    pub fn request_key_frame_of(
        &mut self,
        now: Duration,
        ssrc: u32,
        kind: KeyFrameRequestKind,
    ) -> bool {
        self.contained(false, |peer| {
            peer.advance(now);
            let mut api = peer.rtc.direct_api();
            let Some(stream) = api.stream_rx(&ssrc.into()) else { return false };
            stream.request_keyframe(stack_request(kind));
            peer.tick();
            true
        })
    }

    /// Limits the bitrate that the remote endpoint sends on a media section (REMB), until this
    /// method is called again. Returns `false` if nothing was received on it yet.
    pub fn send_remb(&mut self, now: Duration, mid: Mid, bitrate: Bitrate) -> bool {
        self.contained(false, |peer| {
            peer.advance(now);
            let mut api = peer.rtc.direct_api();
            let Some(stream) = api.stream_rx_by_mid(mid.0, None) else { return false };
            stream.request_remb(str0m::bwe::Bitrate::bps(bitrate.0));
            peer.tick();
            true
        })
    }

    /// Returns a negotiated media section; `None` also after a panic.
    #[must_use]
    pub fn media(&self, mid: Mid) -> Option<Media> {
        if self.broken {
            return None;
        }
        panic_guard::caught(|| self.negotiated_media(mid)).ok().flatten()
    }

    fn negotiated_media(&self, mid: Mid) -> Option<Media> {
        let media = self.rtc.media(mid.0)?;
        let kind = if media.kind().is_audio() { Kind::Audio } else { Kind::Video };
        let params = self.rtc.codec_config().params();
        let codecs = media.remote_pts().iter().filter_map(|pt| {
            let param = params.iter().find(|param| param.pt() == *pt)?;
            let codec = translate_codec(param.spec().codec)?;
            let clock_hz = match codec {
                Codec::Vp8 | Codec::H264 | Codec::Vp9 => 90_000,
                Codec::Opus => 48_000,
                Codec::Pcmu | Codec::Pcma => 8000,
            };
            let [rtx, red] = [param.resend(), param.red()].map(|pt| pt.map(|pt| *pt));
            let profile = h264::profile_of(&param.spec().format);
            let h264 = profile.filter(|_| codec == Codec::H264);
            Some(NegotiatedCodec { codec, payload_type: **pt, rtx, red, clock_hz, h264 })
        });
        let codecs = codecs.collect();
        let direction =
            if media.disabled() { Direction::Inactive } else { media.direction().into() };
        let layers = self.send_layers.iter().find(|(of, _)| *of == mid);
        let send_layers = layers.map(|(_, layers)| layers.clone()).unwrap_or_default();
        Some(Media { mid, kind, direction, codecs, send_layers })
    }

    /// Drops the retransmission cache of a media section, for packets made obsolete by a key frame.
    /// Returns `false` if nothing was sent on it.
    pub fn clear_retransmission_cache(&mut self, mid: Mid) -> bool {
        let place = self.egress.place(mid.into());
        let stream = place.and_then(|place| self.egress.stream(place));
        stream.map(Stream::forget).is_some()
    }

    /// SSRC of a sent media section, or of one of its layers.
    #[must_use]
    pub fn ssrc(&mut self, stream: impl Into<SentStream>) -> Option<u32> {
        let sent = stream.into();
        self.contained(None, |peer| {
            let mut api = peer.rtc.direct_api();
            api.stream_tx_by_mid(sent.mid.0, sent.stack_rid()).map(|stream| *stream.ssrc())
        })
    }

    pub(crate) fn write(
        &mut self,
        sent: SentStream,
        packet: &Outgoing<'_>,
    ) -> Result<u16, SendError> {
        if self.state != State::Connected {
            return Err(SendError::NotConnected);
        }
        let dependency = packet.extensions.dependency.as_ref().map_or(0, Vec::len);
        let most =
            if packet.red.is_some() { Self::MAX_REPAIR_BYTES } else { Self::MAX_PAYLOAD_BYTES };
        let sizes = [(packet.data.len(), most), (dependency, MAX_DEPENDENCY_BYTES)];
        if let Some((bytes, limit)) = sizes.into_iter().find(|(bytes, limit)| bytes > limit) {
            return Err(SendError::TooLong { bytes, limit });
        }
        let media = self.media(sent.mid).filter(|media| media.direction.sends());
        let media = media.ok_or(SendError::NotSending)?;
        let codec = media.codecs.iter().find(|codec| match packet.payload {
            Payload::Codec(wanted) => codec.codec == wanted,
            Payload::Type(wanted) => codec.payload_type == wanted,
        });
        let codec = codec.ok_or(match packet.payload {
            Payload::Codec(codec) => SendError::NoCodec(codec),
            Payload::Type(payload_type) => SendError::NoPayloadType(payload_type),
        })?;
        let (payload_type, has_rtx) = (codec.payload_type, codec.rtx.is_some());
        let (red, block) = packet.red.unzip();
        let place = self.sent_stream(sent)?;
        let stream = self.egress.stream(place).ok_or(SendError::NotSending)?;
        let number = stream.take_number();
        let packet = egress::Packet {
            payload_type: red.unwrap_or(payload_type),
            number,
            timestamp: packet.timestamp,
            marker: packet.marker,
            block,
            payload: egress::Payload::Own(packet.data),
            captured: packet.captured,
            extensions: packet.extensions,
            is_nackable: packet.nackable && has_rtx,
        };
        self.emit(place, packet)?;
        #[expect(clippy::cast_possible_truncation, reason = "the number wraps")]
        Ok(number as u16)
    }
}

fn stack_request(kind: KeyFrameRequestKind) -> KeyframeRequestKind {
    match kind {
        KeyFrameRequestKind::Pli => KeyframeRequestKind::Pli,
        KeyFrameRequestKind::Fir => KeyframeRequestKind::Fir,
    }
}
