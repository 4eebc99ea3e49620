//! Received audio stream.

use std::time::Duration;

use super::config::AudioStream;
use super::e2ee::Decryption;
use crate::jitter::audio::{AudioBuffer, ReceivedAudio};
use crate::packet::red;
use crate::report::ReceptionStats;
use crate::rtp::{Malformed, Packet};

#[derive(Debug)]
pub(super) struct AudioIn {
    pub(super) stream: AudioStream,
    pub(super) reception: ReceptionStats,
    /// The sender of the stream sent BYE.
    pub(super) ended: bool,
    pub(super) buffer: Option<AudioBuffer>,
}

impl AudioIn {
    pub(super) fn new(stream: AudioStream) -> Self {
        let reception = ReceptionStats::known(stream.ssrc, stream.clock_hz);
        Self { stream, reception, ended: false, buffer: None }
    }

    /// Processes a packet; `false` if it does not belong to this stream.
    pub(super) fn push(
        &mut self,
        now: Duration,
        packet: &Packet<'_>,
        decryption: &mut Decryption,
    ) -> Result<bool, Malformed> {
        let header = packet.header;
        if header.ssrc != self.stream.ssrc {
            return Ok(false);
        }
        let (mut payload_type, mut payload) = (header.payload_type, packet.payload);
        let blocks;
        let mut earlier = Vec::new();
        if self.stream.red == Some(header.payload_type) {
            blocks = red::parse(packet.payload)?;
            let Some((primary, redundant)) = blocks.split_last() else { return Ok(true) };
            let same = redundant.iter().filter(|it| it.payload_type == primary.payload_type);
            earlier.extend(same.map(|it| (u32::from(it.timestamp_offset), it.data)));
            (payload_type, payload) = (primary.payload_type, primary.data);
        } else if header.payload_type != self.stream.payload_type {
            return Ok(false);
        }
        self.reception.push(now, &header);
        let Some(buffer) = &mut self.buffer else { return Ok(true) };
        // Redundant payloads are older than the primary one.
        let copies = earlier.into_iter();
        let copies = copies.filter_map(|(offset, data)| Some((offset, decryption.copy(data)?)));
        let copies: Vec<_> = copies.collect();
        let redundant: Vec<_> = copies.iter().map(|(offset, data)| (*offset, &**data)).collect();
        let Some(payload) = decryption.audio(payload) else { return Ok(true) };
        buffer.push(
            now,
            &ReceivedAudio {
                ssrc: header.ssrc,
                payload_type,
                sequence: header.sequence,
                timestamp: header.timestamp,
                payload: &payload,
                redundant: &redundant,
            },
        );
        Ok(true)
    }
}
