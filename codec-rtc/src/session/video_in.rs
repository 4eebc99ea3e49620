//! Received video stream: media, RTX and FEC packets to frames, NACKs and key-frame requests.

use std::time::Duration;

use super::config::{ReceiverConfig, VideoFec, VideoStream};
use super::e2ee::Decryption;
use super::outgoing::without_stamps;
use crate::extension::{ExtensionMap, Extensions, dependency};
use crate::fec::{FecCounters, FecLimits, flexfec, ulpfec};
use crate::jitter::video::{
    Frame, FrameBuffer, FrameBufferConfig, FrameDependency, PacketInfo, Pushed, RecoveryOptions,
};
use crate::packet::vp9::append_superframe_index;
use crate::packet::{red, rtx};
use crate::recovery::{KeyFrameRequester, NackConfig, NackGenerator, PacketOrigin};
use crate::report::ReceptionStats;
use crate::rtp::{self, Header, Malformed, Packet};

/// RTP clock rate of video in Hz.
const CLOCK_HZ: u32 = crate::packet::vp8::CLOCK_HZ;
/// Minimum time between two key-frame requests.
const KEY_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug)]
enum FecDecoder {
    Off,
    Ulp(Box<ulpfec::Decoder>),
    Flex(Box<flexfec::Decoder>),
}

/// Classification of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketClass {
    Media,
    Retransmission,
    Fec,
    /// Padding, sent as a bandwidth probe.
    Padding,
    /// Not of this stream.
    Other,
}

#[derive(Debug)]
pub(super) struct VideoIn {
    pub(super) stream: VideoStream,
    pub(super) buffer: FrameBuffer,
    pub(super) nack_generator: Option<NackGenerator>,
    requester: Option<KeyFrameRequester>,
    pub(super) reception: ReceptionStats,
    fec_decoder: FecDecoder,
    reader: dependency::Reader,
    map: ExtensionMap,
    /// The sender of the stream sent BYE.
    pub(super) ended: bool,
    pub(super) recovered: u64,
    pub(super) retransmitted: u64,
    /// Packets that arrived after their frame was emitted or skipped.
    pub(super) late: u64,
    recovered_packets: Vec<Vec<u8>>,
}

impl VideoIn {
    pub(super) fn new(config: &ReceiverConfig, stream: VideoStream) -> Self {
        let mut buffer =
            FrameBuffer::new(FrameBufferConfig { format: stream.format, ..config.video });
        buffer.set_recovery(RecoveryOptions { nack: config.nack, ..config.video.recovery });
        let limits = FecLimits::default();
        let fec_decoder = match stream.fec {
            VideoFec::Off => FecDecoder::Off,
            VideoFec::Ulp { .. } => {
                FecDecoder::Ulp(Box::new(ulpfec::Decoder::new(stream.ssrc, limits)))
            }
            VideoFec::Flex(_) => {
                FecDecoder::Flex(Box::new(flexfec::Decoder::new(stream.ssrc, limits)))
            }
        };
        Self {
            stream,
            buffer,
            nack_generator: config.nack.then(|| NackGenerator::new(NackConfig::default())),
            requester: config.pli.then(|| KeyFrameRequester::new(KEY_INTERVAL)),
            reception: ReceptionStats::known(stream.ssrc, CLOCK_HZ),
            fec_decoder,
            reader: dependency::Reader::default(),
            map: config.streams.extensions,
            ended: false,
            recovered: 0,
            retransmitted: 0,
            late: 0,
            recovered_packets: Vec::new(),
        }
    }

    /// Processes a packet.
    pub(super) fn push(
        &mut self,
        now: Duration,
        bytes: &[u8],
        packet: &Packet<'_>,
        extensions: &Extensions,
    ) -> Result<PacketClass, Malformed> {
        let VideoStream { ssrc, payload_type, rtx, fec, .. } = self.stream;
        let header = packet.header;
        if header.ssrc == ssrc {
            self.reception.push(now, &header);
            if let Some(nacker) = &mut self.nack_generator {
                nacker.push(now, header.sequence, PacketOrigin::Media);
            }
            return match fec {
                VideoFec::Ulp { red, ulpfec } if header.payload_type == red => {
                    self.unwrap_red(now, bytes, packet, extensions, ulpfec)
                }
                _ if header.payload_type == payload_type => {
                    self.media(now, bytes, extensions, false)?;
                    Ok(PacketClass::Media)
                }
                _ => Ok(PacketClass::Other),
            };
        }
        if rtx.is_some_and(|rtx| (rtx.ssrc, rtx.payload_type) == (header.ssrc, header.payload_type))
        {
            let mut original = Vec::with_capacity(bytes.len());
            if !rtx::unwrap(bytes, ssrc, payload_type, &mut original)? {
                return Ok(PacketClass::Padding);
            }
            self.retransmitted += 1;
            if let (Some(nacker), Some(sequence)) =
                (&mut self.nack_generator, rtp::sequence_of(&original))
            {
                nacker.push(now, sequence, PacketOrigin::Retransmitted);
            }
            self.media(now, &original, extensions, true)?;
            return Ok(PacketClass::Retransmission);
        }
        match (&mut self.fec_decoder, fec) {
            (FecDecoder::Flex(decoder), VideoFec::Flex(flex)) if flex.ssrc == header.ssrc => {
                decoder.push_repair(packet, &mut self.recovered_packets)?;
                self.push_recovered(now);
                Ok(PacketClass::Fec)
            }
            _ => Ok(PacketClass::Other),
        }
    }

    fn unwrap_red(
        &mut self,
        now: Duration,
        bytes: &[u8],
        packet: &Packet<'_>,
        extensions: &Extensions,
        ulpfec: u8,
    ) -> Result<PacketClass, Malformed> {
        let blocks = red::parse(packet.payload)?;
        let Some(primary) = blocks.last() else { return Ok(PacketClass::Media) };
        let inner = |payload_type: u8, payload: &[u8]| {
            let header = Header { payload_type, ..packet.header };
            let mut out = Vec::with_capacity(bytes.len());
            rtp::rewrite(&Packet { header, payload, ..*packet }, &mut out).map(|()| out)
        };
        if primary.payload_type == ulpfec {
            // For the frame buffer it is a packet without content.
            let empty = inner(self.stream.payload_type, &[])?;
            self.buffer.push(now, &empty, PacketInfo::default())?;
            if let FecDecoder::Ulp(decoder) = &mut self.fec_decoder {
                decoder.push_repair(primary.data, &mut self.recovered_packets)?;
            }
            self.push_recovered(now);
            return Ok(PacketClass::Fec);
        }
        let media = inner(primary.payload_type, primary.data)?;
        self.media(now, &media, extensions, false)?;
        Ok(PacketClass::Media)
    }

    /// Processes a media packet after unwrapping RTX and RED.
    fn media(
        &mut self,
        now: Duration,
        bytes: &[u8],
        extensions: &Extensions,
        repaired: bool,
    ) -> Result<(), Malformed> {
        let protected = match self.fec_decoder {
            FecDecoder::Off => None,
            _ => Some(without_stamps(bytes, extensions, &self.map)),
        };
        self.buffer_push(now, bytes, extensions, repaired)?;
        if let Some(protected) = protected {
            match &mut self.fec_decoder {
                FecDecoder::Off => {}
                FecDecoder::Ulp(decoder) => {
                    decoder.push_media(&protected, &mut self.recovered_packets)?
                }
                FecDecoder::Flex(decoder) => {
                    decoder.push_media(&protected, &mut self.recovered_packets)?
                }
            }
            self.push_recovered(now);
        }
        Ok(())
    }

    /// Processes packets recovered by FEC.
    fn push_recovered(&mut self, now: Duration) {
        for bytes in std::mem::take(&mut self.recovered_packets) {
            // Recovered packets are as untrusted as their input.
            let Ok(packet) = rtp::parse(&bytes) else { continue };
            if packet.header.payload_type != self.stream.payload_type {
                continue;
            }
            let Ok(extensions) = Extensions::from_packet(&packet, &self.map) else { continue };
            if let Some(nacker) = &mut self.nack_generator {
                nacker.push(now, packet.header.sequence, PacketOrigin::Fec);
            }
            if self.buffer_push(now, &bytes, &extensions, true).is_ok() {
                self.recovered += 1;
            }
        }
    }

    fn buffer_push(
        &mut self,
        now: Duration,
        bytes: &[u8],
        extensions: &Extensions,
        repaired: bool,
    ) -> Result<(), Malformed> {
        let info = PacketInfo {
            dependency: self.dependency(extensions),
            captured: extensions.abs_capture_time.map(|time| time.ntp),
            playout_delay: extensions.playout_delay,
            recovered: repaired,
        };
        let pushed = self.buffer.push(now, bytes, info)?;
        self.late += u64::from(pushed == Pushed::Late && !repaired);
        Ok(())
    }

    fn dependency(&mut self, extensions: &Extensions) -> Option<FrameDependency> {
        let descriptor = self.reader.read(extensions.dependency.as_deref()?).ok()?;
        Some(FrameDependency::from(&descriptor))
    }

    pub(super) fn poll(&mut self, now: Duration, decryption: &mut Decryption) -> Option<Frame> {
        loop {
            let mut frame = self.buffer.poll_frame(now)?;
            if let (Some(nacker), Some(next)) =
                (&mut self.nack_generator, self.buffer.next_sequence())
            {
                nacker.remove_before(next);
            }
            if decrypt(&mut frame, decryption).is_some() {
                return Some(frame);
            }
            self.buffer.undecryptable(now, frame.number);
        }
    }

    pub(super) fn set_round_trip(&mut self, rtt: Duration, repair: RecoveryOptions) {
        self.buffer.set_recovery(RecoveryOptions { rtt, ..repair });
        if let Some(nacker) = &mut self.nack_generator {
            nacker.set_rtt(rtt);
        }
    }

    /// Whether to request a key frame now.
    pub(super) fn should_request_key_frame(
        &mut self,
        now: Duration,
        decryption: &mut Decryption,
    ) -> bool {
        let needed = self.buffer.needs_key_frame(now) && decryption.could_decrypt();
        let Some(requester) = &mut self.requester else { return false };
        requester.set_interval(decryption.interval(KEY_INTERVAL));
        requester.set_needed(needed);
        let asks = requester.poll(now);
        if asks {
            decryption.on_key_frame_request();
        }
        asks
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let nack = self.nack_generator.as_ref().and_then(NackGenerator::poll_timeout);
        let key = self.requester.as_ref().and_then(KeyFrameRequester::poll_timeout);
        self.buffer.poll_timeout().into_iter().chain(nack).chain(key).min()
    }

    pub(super) fn fec_counters(&self) -> Option<FecCounters> {
        match &self.fec_decoder {
            FecDecoder::Off => None,
            FecDecoder::Ulp(decoder) => Some(decoder.counters()),
            FecDecoder::Flex(decoder) => Some(decoder.counters()),
        }
    }
}

/// Decrypts a frame; the layer frames of a superframe were encrypted one by one. `None` on failure.
fn decrypt(frame: &mut Frame, decryption: &mut Decryption) -> Option<()> {
    if frame.layers.len() < 2 || !decryption.is_on() {
        let decrypted = decryption.video(std::mem::take(&mut frame.data))?;
        if let [layer] = frame.layers.as_mut_slice() {
            layer.bytes = 0..decrypted.len();
        }
        frame.data = decrypted;
        return Some(());
    }
    let mut data = Vec::with_capacity(frame.data.len());
    for layer in &mut frame.layers {
        let encrypted = frame.data.get(layer.bytes.clone())?;
        let start = data.len();
        data.extend(decryption.video(encrypted.to_vec())?);
        layer.bytes = start..data.len();
    }
    let sizes: Vec<usize> = frame.layers.iter().map(|layer| layer.bytes.len()).collect();
    append_superframe_index(&sizes, &mut data)?;
    frame.data = data;
    Some(())
}
