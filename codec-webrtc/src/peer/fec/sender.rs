//! FEC of sent frames.

use std::time::Duration;

use super::super::Peer;
use super::super::media::{Outgoing, Payload};
use super::{FecState, NegotiatedFec, header_bytes};
use crate::{Codec, Mid, SentStream};
use codec_rtc::extension::Extensions;
use codec_rtc::fec::Encoder;
use codec_rtc::fec::controller::{FecController, FecControllerConfig, SentFrame};
use codec_rtc::packet::vp8::Descriptor;
use codec_rtc::packet::{h264, vp9};
use codec_rtc::rtp::{self, Header};

/// Loss ratio above which FEC is switched on.
const LOSSY: f64 = 0.01;
/// Loss ratio below which FEC is switched off.
const CLEAN: f64 = 0.003;
/// Minimum round-trip time at which FEC uses its full share: browsers delay every frame by as much
/// as single frames were late.
const LONG_RTT: Duration = Duration::from_millis(40);
/// Assumed interval before the second frame.
const FIRST_INTERVAL: Duration = Duration::from_millis(33);

/// FEC state of a sent media section.
#[derive(Debug)]
pub(super) struct FecSender {
    negotiated: NegotiatedFec,
    /// Payload type of the last frame.
    payload_type: u8,
    codec: Codec,
    encoder: Encoder,
    controller: FecController,
    is_on: bool,
    /// The frame being sent, and its capture time.
    frame: SentFrame,
    captured: Duration,
    last_frame: Option<Duration>,
    bits_per_second: f64,
}

impl Peer {
    /// Whether frames of a media section are sent with FEC, because of packet loss.
    #[must_use]
    pub fn is_fec_active(&self, mid: Mid) -> bool {
        let senders = self.fec.as_ref().map(|it| it.senders.as_slice());
        let mut senders = senders.unwrap_or_default().iter();
        senders.any(|it| it.negotiated.mid == mid && it.is_on)
    }

    /// Starts a frame of a payload type; returns the payload types of RED and of its content, if RED is
    /// used. `is_described`: the frame has a Dependency Descriptor.
    pub(in crate::peer) fn begin_frame<P: AsRef<[u8]>>(
        &mut self,
        mid: Mid,
        payload_type: u8,
        packets: &[P],
        captured: Duration,
        is_described: bool,
    ) -> Option<(u8, u8)> {
        let senders = &self.fec.as_ref()?.senders;
        if !senders.iter().any(|it| it.negotiated.mid == mid) {
            let sender = FecSender::new(self.negotiated(mid)?);
            self.fec.as_mut()?.senders.push(sender);
        }
        let now = self.now;
        let fec = self.fec.as_mut()?;
        let FecState { senders, loss_meter, round_trip, is_allowed, .. } = fec;
        let sender = senders.iter_mut().find(|it| it.negotiated.mid == mid)?;
        // FEC packets have sequence numbers of the stream. Without the numbers of VP8, VP9 or descriptors,
        // a lost one looks like a part of a frame, and nothing after it could be decoded.
        let codec = sender.negotiated.codec(payload_type);
        let is_numbered = is_described && sender.negotiated.has_descriptors;
        let Some(codec) = codec.filter(|codec| *codec != Codec::H264 || is_numbered) else {
            sender.is_on = false;
            return None;
        };
        (sender.payload_type, sender.codec) = (payload_type, codec);
        sender.controller.set_loss(loss_meter.fraction(), loss_meter.burst());
        if let Some(round_trip) = *round_trip {
            sender.controller.set_rtt(round_trip);
        }
        sender.begin(now, packets, captured);
        let least = if sender.is_on { CLEAN } else { LOSSY };
        sender.is_on =
            *is_allowed && loss_meter.fraction() > least && sender.controller.allowed_share() > 0.0;
        sender.is_on.then_some((sender.negotiated.red, payload_type))
    }

    /// Whether a packet with this header and RED block is an FEC packet.
    pub(in crate::peer) fn is_repair(&self, header: &Header, block: &[u8]) -> bool {
        let senders = self.fec.as_ref().map(|it| it.senders.as_slice());
        senders.unwrap_or_default().iter().any(|it| {
            let is_red = header.payload_type == it.negotiated.red;
            is_red && block.first() == Some(&it.negotiated.ulpfec)
        })
    }

    /// Records a packet to send; returns the FEC payloads to send after the last packet of a frame.
    pub(in crate::peer) fn note_media(
        &mut self,
        stream: SentStream,
        header: &Header,
        packet: &[u8],
    ) -> Option<Vec<Vec<u8>>> {
        let SentStream { mid, rid: None } = stream else { return None };
        let mut senders = self.fec.as_mut()?.senders.iter_mut();
        let sender = senders.find(|it| it.negotiated.mid == mid)?;
        let is_red = header.payload_type == sender.negotiated.red;
        let is_last = is_red && sender.push(packet) && header.marker;
        is_last.then(|| sender.repairs())
    }

    /// Sends FEC packets of a frame with this timestamp.
    pub(in crate::peer) fn send_repairs(
        &mut self,
        stream: SentStream,
        repairs: Vec<Vec<u8>>,
        timestamp: u32,
    ) {
        let senders = self.fec.as_ref().map(|it| it.senders.as_slice());
        let mut senders = senders.unwrap_or_default().iter();
        let Some(sender) = senders.find(|it| it.negotiated.mid == stream.mid) else { return };
        let red = (sender.negotiated.red, sender.negotiated.ulpfec);
        let (captured, protected) = (sender.captured, sender.payload_type);
        for payload in repairs {
            let outgoing = Outgoing {
                payload: Payload::Type(protected),
                red: Some(red),
                timestamp,
                marker: false,
                data: &payload,
                captured,
                extensions: &Extensions::default(),
                nackable: false,
            };
            // FEC that cannot be sent is omitted.
            if self.write(stream, &outgoing).is_ok() {
                self.counters.fec_sent += 1;
            }
        }
    }
}

impl FecSender {
    fn new(negotiated: NegotiatedFec) -> Self {
        let config = FecControllerConfig { long_rtt: LONG_RTT, ..FecControllerConfig::default() };
        Self {
            negotiated,
            payload_type: 0,
            codec: Codec::Vp8,
            encoder: Encoder::ulpfec(),
            controller: FecController::new(config),
            is_on: false,
            frame: SentFrame::default(),
            captured: Duration::ZERO,
            last_frame: None,
            bits_per_second: 0.0,
        }
    }

    fn begin<P: AsRef<[u8]>>(&mut self, now: Duration, packets: &[P], captured: Duration) {
        let bytes = packets.iter().map(|packet| packet.as_ref().len()).sum();
        let first = packets.first().and_then(|packet| rtp::parse(packet.as_ref()).ok());
        let (temporal_id, is_key) = first.map_or((0, false), |packet| match self.codec {
            Codec::H264 => (0, begins_key_frame(packet.payload)),
            Codec::Vp9 => layer_and_key_of_vp9(packet.payload),
            _ => layer_and_key(packet.payload),
        });
        self.frame = SentFrame { packets: packets.len(), bytes, is_key, temporal_id };
        self.captured = captured;
        let interval = self.last_frame.map_or(FIRST_INTERVAL, |last| now.saturating_sub(last));
        self.last_frame = Some(now);
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = bytes as f64 * 8.0 / interval.as_secs_f64().max(0.001);
        self.bits_per_second += (rate - self.bits_per_second) / 16.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
        self.controller.set_media(interval, self.bits_per_second as u64);
    }

    /// Adds a sent RED packet; `false` if it contains no media.
    fn push(&mut self, packet: &[u8]) -> bool {
        let parts = header_bytes(packet).and_then(|len| packet.split_at_checked(len));
        let Some((header, [payload_type, payload @ ..])) = parts else { return false };
        let (encoder, negotiated) = (&mut self.encoder, &self.negotiated);
        if negotiated.codec(*payload_type).is_none() {
            return false;
        }
        let whole = negotiated.protected(header.to_vec(), *payload_type, payload);
        whole.is_some_and(|whole| encoder.push(&whole).is_ok())
    }

    /// Returns the FEC payloads to send after the last packet of a frame.
    fn repairs(&mut self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let plan = self.controller.plan(self.frame);
        self.encoder.protect(plan.packets, plan.repairs, plan.pattern, &mut out);
        out
    }
}

/// Temporal layer of a frame of VP8, and whether it is a key frame, from its first packet.
fn layer_and_key(payload: &[u8]) -> (u8, bool) {
    Descriptor::parse(payload).map_or((0, false), |(descriptor, frame)| {
        let layer = descriptor.layer.map_or(0, |layer| layer.temporal_id);
        // First bit of the frame (RFC 6386, section 9.1).
        (layer, frame.first().is_some_and(|byte| byte & 1 == 0))
    })
}

/// Temporal layer of a superframe of VP9, and whether it is a key frame.
fn layer_and_key_of_vp9(payload: &[u8]) -> (u8, bool) {
    vp9::Descriptor::parse(payload).map_or((0, false), |(descriptor, frame)| {
        let is_key = frame.first().is_some_and(|first| vp9::shows_key_frame(*first));
        (descriptor.temporal_id(), is_key && !descriptor.inter_predicted)
    })
}

/// Whether the first packet of a frame of H.264 begins with a parameter set or an IDR slice.
fn begins_key_frame(payload: &[u8]) -> bool {
    const IDR_SLICE: u8 = 5;
    const SPS: u8 = 7;
    let header = match h264::Payload::parse(payload) {
        Ok(h264::Payload::Single(unit)) => unit.first().copied(),
        Ok(h264::Payload::Aggregate(units)) => {
            units.units().next().and_then(|unit| unit.first().copied())
        }
        Ok(h264::Payload::Fragment(fragment)) => Some(fragment.header),
        _ => None,
    };
    header.is_some_and(|header| matches!(header & 31, IDR_SLICE | SPS))
}
