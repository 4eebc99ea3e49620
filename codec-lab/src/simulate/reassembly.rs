//! Reassembles frames from RTP packets, for the payload formats that `simulate` supports.

use std::collections::BTreeSet;
use std::time::Duration;

use codec_rtc::extension::{ExtensionMap, Extensions, dependency};
use codec_rtc::jitter::video::{
    FrameBuffer, FrameBufferConfig, FrameDependency, PacketInfo, RecoveryOptions,
};
use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::vp8::{
    AssembledFrame, Completeness, Counters, Decodable, Depacketizer, DepacketizerConfig, MediaClock,
};
use codec_rtc::rtp::{self, Malformed};
use codec_rtc::sequence::Unwrapper16;

use super::packetizer::extension_map;
use super::settings::Settings;

/// A frame from the packets that arrived.
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub(super) struct Reassembled {
    pub(super) data: Vec<u8>,
    pub(super) timestamp: u32,
    pub(super) is_key: bool,
    /// Whether nothing of it is missing: no packet, and no spatial layer.
    pub(super) is_complete: bool,
    /// Whether its start is present, so that a decoder can be given it.
    pub(super) has_start: bool,
    /// Whether its references are intact.
    pub(super) is_decodable: bool,
    /// Packets lost since the previous frame, including packets of this frame.
    pub(super) missing_packets: u64,
    /// Arrival of its last packet.
    pub(super) arrived: Duration,
}

impl From<AssembledFrame> for Reassembled {
    fn from(frame: AssembledFrame) -> Self {
        Self {
            timestamp: frame.timestamp,
            is_key: frame.is_key,
            is_complete: frame.completeness == Completeness::Complete,
            has_start: frame.completeness != Completeness::MissingStart,
            is_decodable: frame.decodable == Decodable::Yes,
            missing_packets: frame.missing_packets,
            arrived: frame.arrived.1,
            data: frame.data,
        }
    }
}

/// Reassembles the frames of a stream.
pub(super) enum Reassembly {
    /// VP8: incomplete frames, too.
    Vp8(Box<Depacketizer>),
    /// VP9: the complete layers of frames. H.264: complete frames.
    Buffered(Box<Buffered>),
}

/// Buffered frames, and the packets before them that are missing.
pub(super) struct Buffered {
    buffer: FrameBuffer,
    /// Dependency Descriptors of H.264.
    map: ExtensionMap,
    descriptors: dependency::Reader,
    sequence: Unwrapper16,
    arrived: BTreeSet<i64>,
    /// The first sequence number that was not passed yet.
    next: Option<i64>,
    /// Whether the last frame was damaged, and the time of the last call.
    needs_key: bool,
    polled: Duration,
}

impl Reassembly {
    pub(super) fn new(settings: &Settings) -> Self {
        let format = VideoFormat::of(settings.encoder.backend.codec);
        if let Some(format) = format.filter(|format| *format != VideoFormat::Vp8) {
            return Self::Buffered(Box::new(Buffered::new(format, settings.reorder_timeout)));
        }
        let clock = MediaClock { timestamp: 0, due: settings.playout };
        Self::Vp8(Box::new(Depacketizer::new(DepacketizerConfig {
            gap_timeout: settings.reorder_timeout,
            ..DepacketizerConfig::new(clock)
        })))
    }

    pub(super) fn push(&mut self, now: Duration, bytes: &[u8]) -> Result<(), Malformed> {
        match self {
            Self::Vp8(depacketizer) => depacketizer.push(now, bytes).map(|_| ()),
            Self::Buffered(frames) => frames.push(now, bytes),
        }
    }

    /// Returns the next frame that is complete or abandoned by `now`. With `ends`, abandons all
    /// incomplete frames.
    pub(super) fn poll(&mut self, now: Duration, ends: bool) -> Option<Reassembled> {
        match self {
            Self::Vp8(depacketizer) => {
                let mut next = depacketizer.poll_frame(now);
                if next.is_none() && ends {
                    next = depacketizer.finish();
                }
                next.map(Reassembled::from)
            }
            Self::Buffered(frames) => frames.poll(now, ends),
        }
    }

    /// Whether a key frame is needed, if that is known after a call of [`Self::poll`] that returned a frame
    /// or not.
    pub(super) fn needs_key_frame(&self, has_frame: bool) -> Option<bool> {
        match self {
            Self::Vp8(depacketizer) => has_frame.then(|| depacketizer.needs_key_frame()),
            Self::Buffered(it) => Some(it.needs_key || it.buffer.needs_key_frame(it.polled)),
        }
    }

    /// Next expected sequence number; packets before it are no longer needed.
    pub(super) fn next_sequence(&self) -> Option<u16> {
        match self {
            Self::Vp8(depacketizer) => depacketizer.next_sequence(),
            Self::Buffered(frames) => frames.buffer.next_sequence(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        match self {
            Self::Vp8(depacketizer) => depacketizer.poll_timeout(),
            Self::Buffered(frames) => frames.buffer.poll_timeout(),
        }
    }

    pub(super) fn counters(&self) -> Counters {
        match self {
            Self::Vp8(depacketizer) => depacketizer.counters(),
            Self::Buffered(frames) => {
                let packets = frames.buffer.packets();
                Counters {
                    buffered: packets.buffered,
                    duplicate: packets.duplicate,
                    late: packets.late,
                    outliers: packets.outliers,
                    resets: packets.resets,
                }
            }
        }
    }
}

impl Buffered {
    /// `wait` is the time until a gap is abandoned.
    fn new(format: VideoFormat, wait: Duration) -> Self {
        let buffer = FrameBuffer::new(FrameBufferConfig {
            format,
            // The wait includes that for retransmissions.
            recovery: RecoveryOptions { nack: false, ..RecoveryOptions::default() },
            reordering: (wait, wait),
            conceal: true,
            max_age: Duration::MAX,
            ..FrameBufferConfig::low_latency()
        });
        Self {
            buffer,
            map: extension_map(),
            descriptors: dependency::Reader::default(),
            sequence: Unwrapper16::default(),
            arrived: BTreeSet::new(),
            next: None,
            needs_key: false,
            polled: Duration::ZERO,
        }
    }

    fn push(&mut self, now: Duration, bytes: &[u8]) -> Result<(), Malformed> {
        let packet = rtp::parse(bytes)?;
        let extensions = Extensions::from_packet(&packet, &self.map)?;
        let descriptor = extensions.dependency.and_then(|bytes| self.descriptors.read(&bytes).ok());
        let dependency = descriptor.as_ref().map(FrameDependency::from);
        self.buffer.push(now, bytes, PacketInfo { dependency, ..PacketInfo::default() })?;
        let number = self.sequence.unwrap(packet.header.sequence);
        self.arrived.insert(number);
        self.next.get_or_insert(number);
        Ok(())
    }

    fn poll(&mut self, now: Duration, ends: bool) -> Option<Reassembled> {
        self.polled = now;
        let mut next = self.buffer.poll_frame(now);
        if next.is_none() && ends {
            // Long enough for every wait.
            next = self.buffer.poll_frame(now + Duration::from_secs(3600));
        }
        let frame = next?;
        let is_decodable = frame.decodable == Decodable::Yes;
        self.needs_key = !is_decodable;
        Some(Reassembled {
            timestamp: frame.id.timestamp,
            is_key: frame.is_key,
            is_complete: !frame.lacks_layers,
            has_start: true,
            is_decodable,
            missing_packets: self.missing_packets(),
            arrived: frame.arrived.1,
            data: frame.data,
        })
    }

    /// Packets that the buffer passed since the last call although they never arrived.
    fn missing_packets(&mut self) -> u64 {
        let (Some(from), Some(next)) = (self.next, self.buffer.next_sequence()) else { return 0 };
        let next = self.sequence.peek(next);
        let kept = self.arrived.split_off(&next);
        let arrived = std::mem::replace(&mut self.arrived, kept).len() as u64;
        self.next = Some(next);
        u64::try_from(next - from).unwrap_or(0).saturating_sub(arrived)
    }
}
