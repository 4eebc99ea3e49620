//! FEC of sent frames.

use std::time::Duration;

use codec_core::codec::{FrameKind, PacketMeta};

use super::config::VideoFec;
use super::outgoing::{FramePart, Outgoing};
use crate::congestion::PacketKind;
use crate::extension::ExtensionMap;
use crate::fec::Encoder;
use crate::fec::controller::{FecController, FecControllerConfig, LossMeter, SentFrame};
use crate::rtp::Header;

/// Carrier of repair payloads.
#[derive(Debug)]
enum Carrier {
    /// RED packets on the media's source.
    Red { red: u8, payload_type: u8 },
    /// A stream of its own.
    Stream { ssrc: u32, payload_type: u8, sequence: u16 },
}

/// Creates repair packets adapted to the packet loss.
#[derive(Debug)]
pub(super) struct FecSender {
    encoder: Encoder,
    carrier: Carrier,
    controller: FecController,
    loss_meter: LossMeter,
    last_frame: Option<Duration>,
}

impl FecSender {
    /// Creates the encoder; `None` if `fec` is off.
    pub(super) fn new(fec: VideoFec, first_sequence: u16, nack: bool) -> Option<Self> {
        let (encoder, carrier, max_group) = match fec {
            VideoFec::Off => return None,
            VideoFec::Ulp { red, ulpfec: payload_type } => {
                (Encoder::ulpfec(), Carrier::Red { red, payload_type }, 48)
            }
            VideoFec::Flex(stream) => {
                let (ssrc, payload_type) = (stream.ssrc, stream.payload_type);
                let carrier = Carrier::Stream { ssrc, payload_type, sequence: first_sequence };
                (Encoder::flexfec(), carrier, 110)
            }
        };
        let controller = FecController::new(FecControllerConfig {
            nack,
            max_group,
            ..FecControllerConfig::default()
        });
        Some(Self {
            encoder,
            carrier,
            controller,
            loss_meter: LossMeter::default(),
            last_frame: None,
        })
    }

    pub(super) fn set_round_trip(&mut self, rtt: Duration) {
        self.controller.set_rtt(rtt);
    }

    /// Records packet loss: `lost` of `packets`, in `runs` bursts.
    pub(super) fn observe(&mut self, packets: usize, lost: usize, runs: usize) {
        self.loss_meter.observe(packets, lost, runs);
        self.controller.set_loss(self.loss_meter.fraction(), self.loss_meter.burst());
    }

    /// Mean number of consecutive packets lost.
    pub(super) fn burst(&self) -> f64 {
        self.loss_meter.burst()
    }

    /// FEC overhead as a share of the media bytes.
    pub(super) fn overhead(&self) -> f64 {
        self.controller.overhead()
    }

    /// Returns the repair packets to send after a frame. ULPFEC uses the sequence numbers from
    /// `next` on.
    pub(super) fn protect(
        &mut self,
        now: Duration,
        meta: &PacketMeta,
        media: &[Outgoing],
        next: u16,
        bitrate_bps: u64,
        map: &ExtensionMap,
    ) -> Vec<Outgoing> {
        let Some(first) = media.first() else { return Vec::new() };
        let mut bytes = 0;
        for outgoing in media {
            let packet = outgoing.bytes(map);
            bytes += packet.len();
            // Our packets are valid RTP.
            let _ = self.encoder.push(&packet);
        }
        let interval =
            self.last_frame.map_or(Duration::from_millis(33), |last| now - last.min(now));
        self.last_frame = Some(now);
        self.controller.set_media(interval, bitrate_bps);
        let plan = self.controller.plan(SentFrame {
            packets: media.len(),
            bytes,
            is_key: meta.kind == FrameKind::Key,
            temporal_id: meta.temporal_id,
        });
        let mut payloads = Vec::new();
        self.encoder.protect(plan.packets, plan.repairs, plan.pattern, &mut payloads);
        let mut out = Vec::with_capacity(payloads.len());
        for (index, payload) in (0_u16..).zip(payloads) {
            let mut repair = self.wrap(payload, next.wrapping_add(index), &first.header);
            let (frame, index) = (meta.frame_id, index.into());
            repair.part = Some(FramePart { frame, index, is_fec: true });
            out.push(repair);
        }
        out
    }

    fn wrap(&mut self, mut payload: Vec<u8>, number: u16, media: &Header) -> Outgoing {
        match &mut self.carrier {
            Carrier::Red { red, payload_type } => {
                payload.insert(0, *payload_type);
                let header =
                    Header { marker: false, payload_type: *red, sequence: number, ..*media };
                Outgoing::new(PacketKind::Fec, header, payload)
            }
            Carrier::Stream { ssrc, payload_type, sequence } => {
                let header = Header {
                    marker: false,
                    payload_type: *payload_type,
                    sequence: *sequence,
                    timestamp: media.timestamp,
                    ssrc: *ssrc,
                };
                *sequence = sequence.wrapping_add(1);
                let mut outgoing = Outgoing::new(PacketKind::Fec, header, payload);
                outgoing.contributes = Some(media.ssrc);
                outgoing
            }
        }
    }
}
