//! Sent audio stream.

use std::time::Duration;

use codec_audio::level::AudioLevel;
use codec_core::error::ConfigError;

use super::config::AudioStream;
use super::initial_sequence::first_sequence;
use super::outgoing::Outgoing;
use crate::congestion::PacketKind;
use crate::extension::{AbsCaptureTime, Extensions};
use crate::packet::red::{Redundancy, RedundancyConfig};
use crate::report::SenderReportStats;
use crate::rng::Rng;
use crate::rtcp::SenderInfo;
use crate::rtp::{Header, WriteError};

/// Maximum size of a payload with its redundancy in bytes.
const MAX_BYTES: usize = 1000;

/// An audio packet.
#[derive(Clone, Copy, Debug)]
pub struct AudioPacket<'a> {
    /// One packet of the codec.
    pub payload: &'a [u8],
    /// RTP timestamp in ticks of the stream's clock.
    pub timestamp: u32,
    /// Capture time of its first sample.
    pub captured: Duration,
    /// Audio level.
    pub level: Option<AudioLevel>,
    /// Whether it is the first packet after silence that was not sent (DTX; RFC 3551, section 4.1).
    pub starts_talkspurt: bool,
}

#[derive(Debug)]
pub(super) struct AudioOut {
    pub(super) stream: AudioStream,
    sequence: u16,
    redundancy: Option<Redundancy>,
    depth: usize,
    report: SenderReportStats,
}

impl AudioOut {
    pub(super) fn new(stream: AudioStream, rng: &mut Rng) -> Result<Self, ConfigError> {
        let redundancy = Redundancy::new(RedundancyConfig {
            payload_type: stream.payload_type,
            depth: 0,
            max_bytes: MAX_BYTES,
        });
        Ok(Self {
            stream,
            sequence: first_sequence(rng),
            redundancy: stream.red.map(|_| redundancy).transpose()?,
            depth: 0,
            report: SenderReportStats::new(stream.clock_hz),
        })
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.stream.ssrc
    }

    pub(super) fn report(&self, now: Duration, ntp_at_zero: u64) -> Option<SenderInfo> {
        self.report.info(now, ntp_at_zero)
    }

    /// Sets the number of redundant payloads per packet.
    pub(super) fn set_redundancy(&mut self, depth: usize) {
        if let Some(redundancy) = &mut self.redundancy {
            redundancy.set_depth(depth);
            self.depth = depth;
        }
    }

    pub(super) fn packet(
        &mut self,
        packet: &AudioPacket<'_>,
        captured: u64,
    ) -> Result<Outgoing, WriteError> {
        let mut payload_type = self.stream.payload_type;
        let mut payload = Vec::new();
        match (&mut self.redundancy, self.stream.red) {
            (Some(redundancy), Some(red)) if self.depth > 0 => {
                payload_type = red;
                redundancy.push(packet.timestamp, packet.payload, &mut payload)?;
            }
            _ => payload.extend_from_slice(packet.payload),
        }
        let header = Header {
            marker: packet.starts_talkspurt,
            payload_type,
            sequence: self.sequence,
            timestamp: packet.timestamp,
            ssrc: self.stream.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.report.push(packet.captured, packet.timestamp, payload.len());
        let extensions = Extensions {
            abs_capture_time: Some(AbsCaptureTime { ntp: captured, clock_offset: None }),
            audio_level: packet.level,
            ..Extensions::default()
        };
        let mut outgoing = Outgoing::new(PacketKind::Media, header, payload);
        (outgoing.extensions, outgoing.is_audio) = (extensions, true);
        Ok(outgoing)
    }
}
