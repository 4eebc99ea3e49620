//! Common parts of audio packetizers: sequence numbers and the marker at the start of a talkspurt.
//! RFC 3551, section 4.1.

use codec_core::error::ConfigError;

use crate::rtp::{self, FIXED_HEADER_BYTES, Header};

/// Settings of an audio packetizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioPacketizerConfig {
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// SSRC.
    pub ssrc: u32,
    /// Sequence number of the first packet.
    pub first_sequence: u16,
}

impl AudioPacketizerConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.payload_type > 127 {
            return Err(ConfigError::new("payload type", self.payload_type, "0..=127"));
        }
        Ok(())
    }
}

/// Numbers packets and sets the marker on the first of a talkspurt.
#[derive(Clone, Copy, Debug)]
pub(super) struct AudioPacketizer {
    config: AudioPacketizerConfig,
    sequence: u16,
    /// Timestamp of the next packet if there is no gap.
    expected: Option<u32>,
}

impl AudioPacketizer {
    pub(super) fn new(config: AudioPacketizerConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self { config, sequence: config.first_sequence, expected: None })
    }

    pub(super) fn next_sequence(&self) -> u16 {
        self.sequence
    }

    /// Returns a packet with `payload`, which lasts `ticks`.
    pub(super) fn packet(&mut self, payload: &[u8], timestamp: u32, ticks: u32) -> Vec<u8> {
        let header = Header {
            marker: self.expected != Some(timestamp),
            payload_type: self.config.payload_type,
            sequence: self.sequence,
            timestamp,
            ssrc: self.config.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.expected = Some(timestamp.wrapping_add(ticks));
        let mut packet = Vec::with_capacity(FIXED_HEADER_BYTES + payload.len());
        rtp::write(&header, &mut packet);
        packet.extend_from_slice(payload);
        packet
    }
}
