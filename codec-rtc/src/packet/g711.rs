//! G.711 in RTP: one byte per sample. RFC 3551, sections 4.2 and 4.5.14.

use codec_core::error::ConfigError;

use super::AudioPacketizerConfig;
use super::audio_packetizer::AudioPacketizer;
use crate::rtp::Malformed;

/// RTP clock rate in Hz.
pub const CLOCK_HZ: u32 = 8_000;
/// Payload type of mu-law.
pub const PCMU_TYPE: u8 = 0;
/// Payload type of A-law.
pub const PCMA_TYPE: u8 = 8;
/// Samples per packet of 20 ms, the usual length.
pub const DEFAULT_SAMPLES: usize = 160;

/// Maximum number of samples per packet: 120 ms.
const MAX_SAMPLES: usize = 960;

/// Returns the number of samples in a mono payload.
///
/// # Errors
/// Returns [`Malformed::EmptyPayload`] if there are none.
pub fn samples(payload: &[u8]) -> Result<u32, Malformed> {
    match u32::try_from(payload.len()) {
        Ok(0) | Err(_) => Err(Malformed::EmptyPayload),
        Ok(samples) => Ok(samples),
    }
}

/// Splits a stream of coded mono samples into packets.
#[derive(Clone, Debug)]
pub struct Packetizer {
    audio_packetizer: AudioPacketizer,
    packet_samples: usize,
    /// Samples of an incomplete packet, and the timestamp of the first.
    pending: Vec<u8>,
    timestamp: u32,
}

impl Packetizer {
    /// Creates a packetizer with `packet_samples` per packet, 8..=960: 80 for 10 ms,
    /// [`DEFAULT_SAMPLES`] for 20 ms.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: AudioPacketizerConfig, packet_samples: usize) -> Result<Self, ConfigError> {
        if !(8..=MAX_SAMPLES).contains(&packet_samples) {
            return Err(ConfigError::new("samples per packet", packet_samples, "8..=960"));
        }
        Ok(Self {
            audio_packetizer: AudioPacketizer::new(config)?,
            packet_samples,
            pending: Vec::new(),
            timestamp: 0,
        })
    }

    /// Sequence number of the next packet.
    #[must_use]
    pub fn next_sequence(&self) -> u16 {
        self.audio_packetizer.next_sequence()
    }

    /// Appends the packets completed by `coded`, whose first sample is at `timestamp`. At a
    /// timestamp discontinuity, pending samples leave in a shorter packet.
    pub fn packetize(&mut self, coded: &[u8], timestamp: u32, out: &mut Vec<Vec<u8>>) {
        // At most MAX_SAMPLES are pending.
        let pending = u32::try_from(self.pending.len()).unwrap_or(0);
        if self.timestamp.wrapping_add(pending) != timestamp {
            self.finish(out);
            self.timestamp = timestamp;
        }
        let mut rest = coded;
        while !rest.is_empty() {
            let room = self.packet_samples.saturating_sub(self.pending.len());
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.pending.extend_from_slice(now);
            rest = later;
            if self.pending.len() == self.packet_samples {
                self.finish(out);
            }
        }
    }

    /// Flushes pending samples as a shorter packet.
    pub fn finish(&mut self, out: &mut Vec<Vec<u8>>) {
        if self.pending.is_empty() {
            return;
        }
        let ticks = u32::try_from(self.pending.len()).unwrap_or(0);
        out.push(self.audio_packetizer.packet(&self.pending, self.timestamp, ticks));
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp;

    const CONFIG: AudioPacketizerConfig =
        AudioPacketizerConfig { payload_type: PCMA_TYPE, ssrc: 9, first_sequence: 5 };

    fn heads(out: &[Vec<u8>]) -> Vec<(bool, u16, u32, usize)> {
        let head = |bytes: &Vec<u8>| {
            let packet = rtp::parse(bytes).unwrap();
            let header = packet.header;
            (header.marker, header.sequence, header.timestamp, packet.payload.len())
        };
        out.iter().map(head).collect()
    }

    #[test]
    fn samples_are_split_into_packets_of_equal_length() {
        let mut packetizer = Packetizer::new(CONFIG, 160).unwrap();
        let mut out = Vec::new();
        packetizer.packetize(&[1; 100], 7, &mut out);
        packetizer.packetize(&[2; 400], 107, &mut out);
        packetizer.finish(&mut out);
        packetizer.finish(&mut out);
        let expected =
            [(true, 5, 7, 160), (false, 6, 167, 160), (false, 7, 327, 160), (false, 8, 487, 20)];
        assert_eq!(heads(&out), expected);
        assert_eq!(out[0][12..], [[1; 100].as_slice(), &[2; 60]].concat());
    }

    #[test]
    fn gap_ends_the_packet_and_starts_a_talkspurt() {
        let mut packetizer = Packetizer::new(CONFIG, 80).unwrap();
        let mut out = Vec::new();
        packetizer.packetize(&[1; 100], 0, &mut out);
        packetizer.packetize(&[1; 80], 8000, &mut out);
        let expected = [(true, 5, 0, 80), (false, 6, 80, 20), (true, 7, 8000, 80)];
        assert_eq!(heads(&out), expected);
    }

    #[test]
    fn settings_out_of_range_and_empty_payloads_are_rejected() {
        assert!(Packetizer::new(CONFIG, 7).is_err());
        assert!(Packetizer::new(CONFIG, 961).is_err());
        assert_eq!(samples(&[]), Err(Malformed::EmptyPayload));
        assert_eq!(samples(&[0; 80]), Ok(80));
    }
}
