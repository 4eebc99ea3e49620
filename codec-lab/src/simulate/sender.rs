//! The sender: encoder, packetizer, pacer, and reactions to feedback.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::{
    Bitrate, EncoderConfig, FrameKind, FrameRequest, ImportanceMap, Outcome, Packet, Update,
    VideoDecoder, VideoEncoder,
};
use codec_core::frame::Picture;
use codec_core::metrics;
use codec_media::failure::{Failure, Result};
use codec_media::report::drop_name;
use codec_media::session::superframe::SuperframeJoiner;
use codec_rtc::link::RateTrace;
use codec_rtc::pacer::{Pacer, PacerConfig, Priority};
use codec_rtc::packet::VideoFormat;
use codec_rtc::recovery::{KeyFrameGate, PacketHistory};

use super::frame::{Coded, FrameRecord, Score};
use super::packetizer::Packetizer;
use super::settings::Settings;

/// Lowest bitrate that an encoder is set to.
const MIN_RATE: Bitrate = Bitrate(30_000);
/// How long packets are kept for retransmission.
const KEEP: Duration = Duration::from_secs(2);
const KEEP_PACKETS: usize = 4096;

/// A packet to be sent.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub(super) bytes: Vec<u8>,
    /// Number of the frame.
    pub(super) frame: usize,
    pub(super) is_again: bool,
}

/// Feedback from the receiver.
#[derive(Clone, Debug)]
pub(super) enum Feedback {
    KeyFrame,
    Packets(Vec<u16>),
}

pub(super) struct Sender {
    encoder: Box<dyn VideoEncoder>,
    /// Decodes the sent stream to know what the receiver should see.
    mirror: Box<dyn VideoDecoder>,
    packet: Packet,
    joiner: SuperframeJoiner,
    /// Regions of interest.
    importance: Option<ImportanceMap>,
    packetizer: Packetizer,
    /// Frames being encoded: completion time and packets.
    coding: VecDeque<(Duration, Vec<Wire>)>,
    pacer: Pacer<Wire>,
    pace: f64,
    history: PacketHistory,
    gate: KeyFrameGate,
    encode_time: Duration,
    trace: Option<(RateTrace, Duration)>,
    /// Target bitrate of the encoder, if any.
    pub(super) target: Option<Bitrate>,
    pub(super) requests: u64,
    pub(super) retransmitted: u64,
    /// Requested packets that were no longer available.
    pub(super) forgotten: u64,
}

impl Sender {
    pub(super) fn new(
        settings: &Settings,
        config: &EncoderConfig,
        mirror: Box<dyn VideoDecoder>,
    ) -> Result<Self> {
        let Some((open, _)) = settings.encoder.backend.encoder else {
            return Err(Failure::internal("the backend has no encoder"));
        };
        let target = config.rate.mode.bitrate();
        let codec = settings.encoder.backend.codec;
        let layers = config.scalability.temporal_layers() > 1;
        let format = VideoFormat::of(codec)
            .ok_or_else(|| Failure::internal(format!("{codec} has no packetizer")))?;
        let refused = |error: codec_core::error::ConfigError| Failure::usage(error.to_string());
        let mut sender = Self {
            encoder: open(config).map_err(Failure::encoding)?,
            mirror,
            packet: Packet::default(),
            joiner: SuperframeJoiner::new(codec),
            importance: settings.encoder.regions.maps(config.size)?.map(config.size)?,
            packetizer: Packetizer::new(format, layers, settings.mtu).map_err(refused)?,
            coding: VecDeque::new(),
            pacer: Pacer::new(PacerConfig::new(NO_PACE)).map_err(refused)?,
            pace: settings.pace,
            history: PacketHistory::new(KEEP, KEEP_PACKETS),
            gate: KeyFrameGate::new(settings.pli_interval),
            encode_time: settings.encode_time,
            trace: settings.follow.clone(),
            target,
            requests: 0,
            retransmitted: 0,
            forgotten: 0,
        };
        sender.set_pace()?;
        Ok(sender)
    }

    fn set_pace(&mut self) -> Result<()> {
        let Some(target) = self.target.filter(|_| self.pace > 0.0) else { return Ok(()) };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates"
        )]
        let rate = (target.0 as f64 * self.pace) as u64;
        let rate = Bitrate(rate.clamp(1_000, NO_PACE.0));
        self.pacer.set_rate(rate).map_err(Failure::internal)
    }

    /// Sets the encoder's bitrate to the bitrate of the trace.
    fn follow(&mut self, now: Duration) -> Result<()> {
        let Some((trace, delay)) = &self.trace else { return Ok(()) };
        let rate = trace.rate_at(now.saturating_sub(*delay)).max(MIN_RATE);
        if self.target == Some(rate) {
            return Ok(());
        }
        self.encoder.apply(Update::Bitrate(rate)).map_err(Failure::encoding)?;
        self.target = Some(rate);
        self.set_pace()
    }

    /// Encodes frame number `frame`, captured now.
    pub(super) fn encode(
        &mut self,
        now: Duration,
        frame: usize,
        timestamp: u32,
        picture: &Picture<'_>,
        record: &mut FrameRecord,
    ) -> Result<()> {
        self.follow(now)?;
        let mut request = FrameRequest::at(record.pts);
        request.key_frame = self.gate.is_due(now);
        request.importance.clone_from(&self.importance);
        let outcome = self.encoder.encode(picture, &request);
        match outcome.map_err(Failure::encoding)? {
            Outcome::Coded => {}
            Outcome::Dropped { reason, .. } => {
                record.dropped = Some(drop_name(reason));
                return Ok(());
            }
            _ => {
                return Err(Failure::usage(
                    "this encoder buffers frames, so it cannot be used in real time",
                ));
            }
        }
        let packets = self.receive(timestamp)?;
        let Packet { data, pts, duration, meta, .. } = &self.packet;
        if !meta.shown || *pts != record.pts {
            return Err(Failure::usage(format!(
                "the encoder reorders frames: got a packet at {pts}, expected {}",
                record.pts
            )));
        }
        let mirrored = self.mirror.decode(data, *pts, *duration);
        mirrored.map_err(|error| Failure::decoding("encoded frame", error))?;
        let Some(shown) = self.mirror.receive() else {
            return Err(Failure::internal("the encoded frame is not shown"));
        };
        let score = score(picture, &shown.picture())?;
        let is_key = meta.kind == FrameKind::Key;
        record.coded = Some(Coded {
            is_key,
            requested: is_key && request.key_frame,
            layer: meta.temporal_id,
            qindex: meta.qindex,
            bytes: data.len() as u64,
            packets: packets.len() as u64,
            digest: shown.digest(),
            score,
        });
        if is_key {
            self.gate.coded(now);
        }
        let wires = packets.into_iter().map(|bytes| Wire { bytes, frame, is_again: false });
        self.coding.push_back((now.saturating_add(self.encode_time), wires.collect()));
        Ok(())
    }

    /// Receives the coded frame and returns its packets. The frames of spatial layers are packetized one by
    /// one, and joined for the decoder.
    fn receive(&mut self, timestamp: u32) -> Result<Vec<Vec<u8>>> {
        let mut packets = Vec::new();
        while self.encoder.receive(&mut self.packet) {
            let Packet { data, meta, .. } = &self.packet;
            self.packetizer
                .packetize(data, meta, timestamp, &mut packets)
                .map_err(|error| Failure::internal(format!("cannot packetize: {error}")))?;
            if self.joiner.add(&mut self.packet) {
                return Ok(packets);
            }
        }
        Err(Failure::internal("the encoder reported a frame but returned no packet"))
    }

    pub(super) fn hear(&mut self, feedback: Feedback) {
        match feedback {
            Feedback::KeyFrame => {
                self.requests += 1;
                self.gate.request();
            }
            Feedback::Packets(numbers) => {
                for number in numbers {
                    let Some(bytes) = self.history.get(number).map(<[u8]>::to_vec) else {
                        self.forgotten += 1;
                        continue;
                    };
                    self.retransmitted += 1;
                    let wire = Wire { frame: usize::MAX, is_again: true, bytes };
                    self.pacer.push(wire.bytes.len(), Priority::Retransmission, wire);
                }
            }
        }
    }

    /// Returns the next packet that is sent by `now`.
    pub(super) fn poll(&mut self, now: Duration) -> Option<Wire> {
        while self.coding.front().is_some_and(|&(ready, _)| ready <= now) {
            for wire in self.coding.pop_front().map(|(_, wires)| wires).into_iter().flatten() {
                self.pacer.push(wire.bytes.len(), Priority::Media, wire);
            }
        }
        let wire = self.pacer.poll(now)?;
        if let Some(sequence) = wire.bytes.get(2..4).filter(|_| !wire.is_again) {
            let sequence = u16::from_be_bytes([sequence[0], sequence[1]]);
            self.history.push(now, sequence, &wire.bytes);
        }
        Some(wire)
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let ready = self.coding.front().map(|&(ready, _)| ready);
        ready.into_iter().chain(self.pacer.poll_timeout()).min()
    }
}

/// The pacer's rate if pacing is disabled.
const NO_PACE: Bitrate = Bitrate(100_000_000_000);

/// Compares `picture` with `source`.
pub(super) fn score(source: &Picture<'_>, picture: &Picture<'_>) -> Result<Score> {
    let psnr = metrics::psnr(source, picture).map_err(Failure::internal)?;
    let ssim = metrics::ssim(source, picture).map_err(Failure::internal)?;
    Ok(Score { psnr, ssim })
}
