//! Sent video stream: encoder requests, packetization, FEC, retransmission.

use std::time::Duration;

use codec_core::codec::{Bitrate, FrameKind, FrameRequest, Packet, PacketMeta};
use codec_core::error::ConfigError;

use super::config::{SenderConfig, VideoFec, VideoStream};
use super::dependencies::{Dependencies, MAX_LAYERS};
use super::fec::FecSender;
use super::frames::SentFrames;
use super::initial_sequence::first_sequence;
use super::outgoing::{FramePart, Outgoing};
use crate::allocation::RepairOverhead;
use crate::congestion::PacketKind;
use crate::extension::{AbsCaptureTime, ExtensionKind, ExtensionMap, Extensions};
use crate::packet::vp8::{CLOCK_HZ, PictureId};
use crate::packet::{VideoFormat, VideoPacketizer, VideoPacketizerConfig, red};
use crate::recovery::{
    KeyFrameGate, LongTermConfig, LongTermCounters, LongTermReferences, LossResponse,
    PacketHistory, Resend,
};
use crate::report::SenderReportStats;
use crate::rng::Rng;
use crate::rtcp::{ReportBlock, Rpsi, SenderInfo};
use crate::rtp::{self, Header, WriteError};

/// Time for which packets are kept for retransmission.
const MAX_HISTORY_AGE: Duration = Duration::from_secs(2);
/// Maximum number of packets that are kept for retransmission.
const MAX_HISTORY_PACKETS: usize = 4096;
/// Bytes reserved for header extensions: transport-wide sequence number, send time, capture time,
/// Dependency Descriptor.
const EXTENSION_BYTES: usize = 64;
/// Bytes of extensions for VP9 with Dependency Descriptors, whose structure may have three spatial layers.
const LAYERED_EXTENSION_BYTES: usize = 148;
/// Bytes added by RED, FEC and RTX.
const REPAIR_BYTES: usize = 24;
/// Round-trip time below which a single retransmission goes unnoticed: 150 ms count as a freeze.
const MAX_SINGLE_RETRANSMISSION_RTT: Duration = Duration::from_millis(90);
/// Minimum rate limit of retransmissions; otherwise half of the video bitrate.
const MIN_RETRANSMISSION_BPS: u64 = 30_000;
/// Time in addition to the round trip for a recovery frame to be coded, decoded and acknowledged.
const LOSS_RESPONSE_TIME: Duration = Duration::from_millis(150);
/// Minimum time between key frames of which feedback reports that they are lost.
const LOST_KEY_FRAME_INTERVAL: Duration = Duration::from_millis(90);
/// Round-trip time before the first measurement.
const FIRST_RTT: Duration = Duration::from_millis(100);

/// Counters of a sent video stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoSendCounters {
    /// Frames sent.
    pub frames: u64,
    /// Key frames sent.
    pub key_frames: u64,
    /// Packets requested by NACK.
    pub nacks: u64,
    /// Packets retransmitted.
    pub retransmitted: u64,
    /// PLI and FIR received.
    pub key_frame_requests: u64,
    /// FEC packets sent.
    pub fec_packets: u64,
    /// Recoveries from losses.
    pub long_term: LongTermCounters,
}

#[derive(Debug)]
pub(super) struct VideoOut {
    stream: VideoStream,
    packetizer: VideoPacketizer,
    first_picture_id: u16,
    dependencies: Dependencies,
    gate: KeyFrameGate,
    /// Temporal layers in the descriptors.
    layers: u8,
    pub(super) long_term: Option<LongTermReferences>,
    pub(super) sent: SentFrames,
    history: Option<PacketHistory>,
    rtx_sequence: u16,
    pub(super) fec: Option<FecSender>,
    map: ExtensionMap,
    last_frame: Option<u64>,
    report: SenderReportStats,
    /// Extended highest sequence number of the last receiver report.
    reported: Option<u32>,
    bitrate_bps: u64,
    rtt: Duration,
    retransmits: bool,
    /// When a loss was last answered by an acknowledged reference, and the number of the last frame before the
    /// answer.
    last_reference_recovery: Option<(Duration, Option<u64>)>,
    recent: RecentTraffic,
    counters: VideoSendCounters,
}

/// Statistics of the last seconds.
#[derive(Clone, Copy, Debug, Default)]
struct RecentTraffic {
    since: Duration,
    frames: u32,
    retransmitted_bytes: u64,
    bits_per_second: u64,
    frame_rate: f64,
}

impl RecentTraffic {
    fn update(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.since);
        if passed < Duration::from_secs(1) {
            return;
        }
        let seconds = passed.as_secs_f64();
        let bits =
            u128::from(8 * self.retransmitted_bytes) * 1_000_000_000 / passed.as_nanos().max(1);
        let bits = u64::try_from(bits).unwrap_or(u64::MAX);
        self.bits_per_second = self.bits_per_second - self.bits_per_second / 3 + bits / 3;
        self.frame_rate = f64::from(self.frames) / seconds;
        (self.since, self.frames, self.retransmitted_bytes) = (now, 0, 0);
    }
}

impl VideoOut {
    pub(super) fn new(
        config: &SenderConfig,
        stream: VideoStream,
        rng: &mut Rng,
    ) -> Result<Self, ConfigError> {
        if !(300..=1400).contains(&config.mtu) {
            return Err(ConfigError::new("mtu", config.mtu, "300..=1400 bytes"));
        }
        let first_picture_id = wrap(rng.next_u64()) & 0x7fff;
        let extensions = &config.streams.extensions;
        let is_described = extensions.id(ExtensionKind::DependencyDescriptor).is_some();
        let extension_bytes = match stream.format {
            VideoFormat::Vp9 if is_described => LAYERED_EXTENSION_BYTES,
            _ => EXTENSION_BYTES,
        };
        let mtu = config.mtu - extension_bytes - REPAIR_BYTES;
        // Otherwise the receiver assumes that a frame references the previous one, and waits for a key frame
        // after a loss.
        let states_references = match stream.format {
            VideoFormat::Vp8 | VideoFormat::H264 => is_described,
            VideoFormat::Vp9 => stream.flexible,
        };
        let recovers = config.reference_recovery && states_references;
        let packetizer = VideoPacketizer::new(VideoPacketizerConfig {
            format: stream.format,
            mtu,
            payload_type: stream.payload_type,
            ssrc: stream.ssrc,
            first_sequence: first_sequence(rng),
            first_picture_id,
            packetization_mode: stream.packetization_mode,
            flexible: stream.flexible,
        })?;
        Ok(Self {
            stream,
            packetizer,
            first_picture_id,
            dependencies: Dependencies::new()?,
            gate: KeyFrameGate::new(config.min_key_frame_interval),
            layers: 1,
            long_term: recovers.then(|| LongTermReferences::new(LongTermConfig::default())),
            sent: SentFrames::default(),
            history: config
                .retransmission
                .then(|| PacketHistory::new(MAX_HISTORY_AGE, MAX_HISTORY_PACKETS)),
            rtx_sequence: first_sequence(rng),
            fec: FecSender::new(stream.fec, first_sequence(rng), config.retransmission)
                .filter(|_| config.fec),
            map: config.streams.extensions,
            last_frame: None,
            report: SenderReportStats::new(CLOCK_HZ),
            reported: None,
            bitrate_bps: config.congestion.map_or(config.pace_bps, |it| it.start.0),
            rtt: FIRST_RTT,
            retransmits: config.retransmission,
            last_reference_recovery: None,
            recent: RecentTraffic::default(),
            counters: VideoSendCounters::default(),
        })
    }

    pub(super) fn counters(&self) -> VideoSendCounters {
        let long_term = self.long_term.as_ref().map(LongTermReferences::counters);
        VideoSendCounters { long_term: long_term.unwrap_or_default(), ..self.counters }
    }

    /// Returns the request for the next frame.
    pub(super) fn frame_request(&mut self, now: Duration, pts: i64) -> FrameRequest {
        let mut request = FrameRequest::at(pts);
        request.key_frame = self.gate.is_due(now);
        let Some(long_term) = &mut self.long_term else { return request };
        let Some(plan) = long_term.plan(now) else { return request };
        match plan.loss_response {
            // After a lost key frame, frames until the end of the interval would be in vain.
            Some(LossResponse::KeyFrame) => {
                let is_soon = self.gate.has_coded_within(now, LOST_KEY_FRAME_INTERVAL);
                request.key_frame |=
                    self.gate.allows(now) || long_term.is_key_frame_lost() && !is_soon;
            }
            _ if request.key_frame => {}
            response => {
                (request.references, request.updates) = (Some(plan.references), Some(plan.updates));
                if response.is_some() && !self.is_recovering() {
                    self.last_reference_recovery = Some((now, self.last_frame));
                }
            }
        }
        request
    }

    /// Whether no frame after the last recovery by an acknowledged reference was decoded yet.
    fn is_recovering(&self) -> bool {
        let newest = self.long_term.as_ref().and_then(LongTermReferences::newest_decoded);
        self.last_reference_recovery.is_some_and(|(_, last)| newest <= last)
    }

    /// Packetizes a coded frame; `encrypted` is its encrypted form, if any.
    pub(super) fn frame(
        &mut self,
        now: Duration,
        captured: Duration,
        wall: u64,
        timestamp: u32,
        packet: &Packet,
        encrypted: Option<&[u8]>,
    ) -> Result<Vec<Outgoing>, WriteError> {
        let Packet { data, meta, .. } = packet;
        self.track_layers(meta);
        let mut packets = Vec::new();
        self.packetizer.packetize(data, encrypted, meta, timestamp, &mut packets)?;
        let data = encrypted.unwrap_or(data);
        let is_key = meta.kind == FrameKind::Key;
        if is_key {
            self.gate.coded(now);
            self.counters.key_frames += 1;
        }
        self.counters.frames += 1;
        self.recent.frames += 1;
        self.recent.update(now);
        let references = self.track_references(now, meta);
        self.dependencies.begin(meta, self.layers, &references);
        let frame = meta.frame_id;
        self.last_frame = Some(frame);
        self.report.push(captured, timestamp, data.len());
        let last = packets.len().saturating_sub(1);
        let mut out = Vec::with_capacity(packets.len() + 2);
        for (index, bytes) in packets.iter().enumerate() {
            let parsed = rtp::parse(bytes)?;
            let part =
                FramePart { frame, index: u32::try_from(index).unwrap_or(u32::MAX), is_fec: false };
            let extensions = Extensions {
                abs_capture_time: (index == 0)
                    .then_some(AbsCaptureTime { ntp: wall, clock_offset: None }),
                dependency: self.dependencies.packet(index == 0, index == last),
                ..Extensions::default()
            };
            let outgoing = Outgoing {
                extensions,
                part: Some(part),
                ..Outgoing::new(PacketKind::Media, parsed.header, parsed.payload.to_vec())
            };
            out.push(outgoing);
        }
        let media = out.len();
        if let Some(protector) = &mut self.fec {
            let next = self.packetizer.next_sequence();
            let rate = self.bitrate_bps;
            let fec = protector.protect(now, meta, &out, next, rate, &self.map);
            if let VideoFec::Ulp { red, .. } = self.stream.fec {
                self.packetizer.skip(u16::try_from(fec.len()).unwrap_or(0));
                for outgoing in &mut out {
                    outgoing.payload.insert(0, outgoing.header.payload_type);
                    outgoing.header.payload_type = red;
                }
            }
            self.counters.fec_packets += fec.len() as u64;
            out.extend(fec);
        }
        self.sent.push(frame, media, out.len() - media);
        Ok(out)
    }

    /// Adapts to the temporal layers of the encoder at a key frame, which carries the structure.
    /// Until then, frames are described with the previous layers.
    fn track_layers(&mut self, meta: &PacketMeta) {
        if meta.spatial.layers > 1 {
            // References differ between the layers of a superframe.
            self.long_term = None;
        }
        let layers = meta.temporal_layers.max(meta.temporal_id.saturating_add(1)).min(MAX_LAYERS);
        if layers <= self.layers {
            return;
        }
        // The encoder decides which buffers belong to which layer.
        self.long_term = None;
        if meta.kind != FrameKind::Key {
            self.gate.request();
            return;
        }
        self.layers = layers;
        self.packetizer.send_layers();
        self.dependencies.set_layers(layers);
    }

    fn track_references(&mut self, now: Duration, meta: &PacketMeta) -> Vec<u64> {
        let last_base = self.dependencies.last_base();
        let mut followed = self.dependencies.track_references(meta);
        // Without error resilience, a frame of VP8 needs the probabilities of the frames before it, even if all of
        // its blocks are intra-coded.
        let is_vp8 = self.stream.format == VideoFormat::Vp8;
        if is_vp8 && followed.is_empty() && meta.kind != FrameKind::Key {
            followed.extend(last_base);
        }
        match &mut self.long_term {
            Some(long_term) => long_term.coded(now, meta),
            None => followed,
        }
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.stream.ssrc
    }

    pub(super) fn report(&self, now: Duration, ntp_at_zero: u64) -> Option<SenderInfo> {
        self.report.info(now, ntp_at_zero)
    }

    /// Sets the target bitrate of the encoder.
    pub(super) fn set_bitrate(&mut self, bits_per_second: u64) {
        self.bitrate_bps = bits_per_second;
        if let Some(history) = &mut self.history {
            history.set_budget((bits_per_second / 2).max(MIN_RETRANSMISSION_BPS));
        }
    }

    pub(super) fn set_round_trip(&mut self, rtt: Duration) {
        self.rtt = rtt;
        if let Some(protector) = &mut self.fec {
            protector.set_round_trip(rtt);
        }
        if let (Some(long_term), true) = (&mut self.long_term, self.retransmits) {
            // Time for one retransmission if it is not noticeable; otherwise recovery starts in
            // parallel.
            let one_answer = if rtt < MAX_SINGLE_RETRANSMISSION_RTT { rtt } else { Duration::ZERO };
            long_term.set_retransmission_wait(one_answer);
        }
    }

    /// Sets the queueing delay of the link, which delays feedback.
    pub(super) fn set_queueing(&mut self, queueing: Duration) {
        if let Some(long_term) = &mut self.long_term {
            let rtt = self.rtt + queueing;
            // At longer round trips, a freeze would occur before the timeout.
            long_term.set_round_trip((rtt < MAX_SINGLE_RETRANSMISSION_RTT).then_some(rtt));
        }
    }

    /// Mean number of consecutive packets lost.
    pub(super) fn burst(&self) -> f64 {
        self.fec.as_ref().map_or(1.0, FecSender::burst)
    }

    /// Current overhead for the bitrate allocation.
    pub(super) fn repair_overhead(&self) -> RepairOverhead {
        RepairOverhead {
            fec: self.fec.as_ref().map_or(0.0, FecSender::overhead),
            retransmission: Bitrate(self.recent.bits_per_second),
            frame_rate: self.recent.frame_rate,
        }
    }

    /// Records that a packet of the stream leaves.
    pub(super) fn on_sent(&mut self, now: Duration, outgoing: &Outgoing) {
        if outgoing.kind == PacketKind::Retransmission {
            self.recent.retransmitted_bytes += outgoing.payload.len() as u64;
        }
        if let (Some(long_term), Some(part)) = (&mut self.long_term, outgoing.part) {
            long_term.sent(now, part.frame);
        }
        if let Some(history) = &mut self.history
            && outgoing.header.ssrc == self.stream.ssrc
            && outgoing.kind != PacketKind::Retransmission
        {
            history.push(now, outgoing.header.sequence, &outgoing.bytes(&self.map));
        }
    }

    /// Returns the retransmission of a packet, with a copy if `twice`.
    pub(super) fn retransmissions(
        &mut self,
        now: Duration,
        sequence: u16,
        twice: bool,
    ) -> Option<(Outgoing, Option<Outgoing>)> {
        self.counters.nacks += 1;
        let bytes = match self.history.as_mut()?.request(now, sequence, self.rtt) {
            Resend::Packet(bytes) => bytes.to_vec(),
            _ => return None,
        };
        let first = self.retransmission(&bytes)?;
        self.counters.retransmitted += 1;
        let second =
            if twice && self.stream.rtx.is_some() { self.retransmission(&bytes) } else { None };
        Some((first, second))
    }

    /// Creates a retransmission.
    fn retransmission(&mut self, bytes: &[u8]) -> Option<Outgoing> {
        let packet = rtp::parse(bytes).ok()?;
        let extensions = Extensions::from_packet(&packet, &self.map).ok()?;
        let mut header = packet.header;
        let mut payload = Vec::with_capacity(packet.payload.len() + 2);
        match self.stream.rtx.zip(self.media_payload(&packet)) {
            Some((rtx, media)) => {
                // RFC 4588, section 4: the original sequence number precedes the payload.
                payload.extend(header.sequence.to_be_bytes());
                payload.extend_from_slice(media);
                header = Header {
                    payload_type: rtx.payload_type,
                    ssrc: rtx.ssrc,
                    sequence: self.rtx_sequence,
                    ..header
                };
                self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
            }
            None => payload.extend_from_slice(packet.payload),
        }
        let mut outgoing = Outgoing::new(PacketKind::Retransmission, header, payload);
        outgoing.extensions = extensions;
        Some(outgoing)
    }

    /// Returns the payload that an RTX packet carries, which is associated with the payload type of the
    /// media: the payload without RED. `None` for a FEC packet, which has another payload type and can only be
    /// repeated as it is.
    fn media_payload<'a>(&self, packet: &rtp::Packet<'a>) -> Option<&'a [u8]> {
        match self.stream.fec {
            VideoFec::Ulp { red, .. } if packet.header.payload_type == red => {
                let blocks = red::parse(packet.payload).ok()?;
                let primary = blocks.last()?;
                (primary.payload_type == self.stream.payload_type).then_some(primary.data)
            }
            _ => Some(packet.payload),
        }
    }

    /// Whether [`Self::padding`] returns a packet.
    pub(super) fn can_pad(&self) -> bool {
        self.stream.rtx.is_some() && self.last_frame.is_some()
    }

    /// Returns a padding packet of about `bytes` in the RTX stream, as a bandwidth probe.
    pub(super) fn padding(&mut self, bytes: usize) -> Option<Outgoing> {
        let rtx = self.stream.rtx?;
        self.last_frame?;
        let header = Header {
            marker: false,
            payload_type: rtx.payload_type,
            ssrc: rtx.ssrc,
            sequence: self.rtx_sequence,
            timestamp: 0,
        };
        self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
        let mut outgoing = Outgoing::new(PacketKind::Padding, header, Vec::new());
        outgoing.padding = u8::try_from(bytes.clamp(1, 255)).unwrap_or(255);
        Some(outgoing)
    }

    /// Processes a PLI or FIR.
    pub(super) fn on_key_frame_request(&mut self, now: Duration) {
        self.counters.key_frame_requests += 1;
        let is_recovering = self.is_recovering();
        let Some(long_term) = self.long_term.as_mut().filter(|it| it.is_acknowledging()) else {
            self.gate.request();
            return;
        };
        // The receiver sent the request before the last key frame reached it, and will acknowledge that one or repeat the
        // request.
        if self.gate.has_coded_within(now, self.rtt) {
            return;
        }
        match self.last_reference_recovery {
            // The recovery failed, or is in transit.
            Some((at, _)) if is_recovering => {
                if now.saturating_sub(at) >= self.rtt + LOSS_RESPONSE_TIME {
                    self.gate.request();
                }
            }
            // The plan of the next frame uses a reference that the receiver has.
            _ => {
                self.last_reference_recovery = Some((now, self.last_frame));
                long_term.receiver_lost(now);
            }
        }
    }

    /// Processes an acknowledgement of a frame.
    pub(super) fn acknowledged(&mut self, now: Duration, rpsi: &Rpsi) {
        let (Some(last), Some(long_term)) = (self.last_frame, &mut self.long_term) else { return };
        let behind = match self.stream.format {
            VideoFormat::Vp8 | VideoFormat::Vp9 => rpsi.vp8_picture_id().map(|id| {
                let newest = self.first_picture_id.wrapping_add(wrap(last)) & 0x7fff;
                PictureId::Long(newest).steps_from(id)
            }),
            VideoFormat::H264 => rpsi.h264_frame_number().map(|it| wrap(last).wrapping_sub(it)),
        };
        if let Some(number) = behind.and_then(|behind| last.checked_sub(behind.into())) {
            long_term.decoded(now, number);
        }
    }

    pub(super) fn arrived(&mut self, part: FramePart) {
        if let Some(long_term) = &mut self.long_term {
            self.sent.arrived(part, long_term);
        }
    }

    pub(super) fn lost(&mut self, now: Duration, part: FramePart) {
        if let Some(long_term) = &mut self.long_term {
            self.sent.lost(now, part, long_term);
        }
    }

    /// Records packet loss: the transport-wide sequence numbers `lost` of `packets`.
    pub(super) fn observe(&mut self, packets: usize, lost: &[u16]) {
        let Some(protector) = &mut self.fec else { return };
        let joins = lost.windows(2).filter(|pair| pair[0].wrapping_add(1) == pair[1]).count();
        protector.observe(packets, lost.len(), lost.len() - joins);
    }

    /// Records the loss of a receiver report, if there is no per-packet feedback. Burst lengths are
    /// unknown.
    pub(super) fn reported(&mut self, block: &ReportBlock) {
        if block.ssrc != self.stream.ssrc {
            return;
        }
        let before = self.reported.replace(block.highest_sequence);
        let (Some(before), Some(protector)) = (before, &mut self.fec) else { return };
        let steps = block.highest_sequence.wrapping_sub(before);
        // Late or duplicate reports contain nothing new.
        let Ok(packets) = u16::try_from(steps) else { return };
        let packets = usize::from(packets);
        let lost = packets * usize::from(block.fraction_lost) / 256;
        protector.observe(packets, lost, lost);
    }
}

/// Low 16 bits.
fn wrap(number: u64) -> u16 {
    u16::try_from(number & 0xffff).unwrap_or(0)
}
