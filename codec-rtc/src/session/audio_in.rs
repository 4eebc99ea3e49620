//! The audio stream on its way in.

use std::time::Duration;

use super::config::AudioStream;
use crate::jitter::audio::{AudioBuffer, Incoming};
use crate::packet::red;
use crate::report::ReceptionStats;
use crate::rtp::{Malformed, Packet};

#[derive(Debug)]
pub(super) struct AudioIn {
    pub(super) stream: AudioStream,
    pub(super) reception: ReceptionStats,
    /// Its sender said goodbye.
    pub(super) gone: bool,
    pub(super) buffer: Option<AudioBuffer>,
}

impl AudioIn {
    pub(super) fn new(stream: AudioStream) -> Self {
        let reception = ReceptionStats::known(stream.ssrc, stream.clock_hz);
        Self { stream, reception, gone: false, buffer: None }
    }

    /// Takes a packet; `false` if it is not of this stream.
    pub(super) fn push(&mut self, now: Duration, packet: &Packet<'_>) -> Result<bool, Malformed> {
        let header = packet.header;
        if header.ssrc != self.stream.ssrc {
            return Ok(false);
        }
        let mut incoming = Incoming {
            ssrc: header.ssrc,
            payload_type: header.payload_type,
            sequence: header.sequence,
            timestamp: header.timestamp,
            payload: packet.payload,
            redundant: &[],
        };
        let blocks;
        let mut earlier = Vec::new();
        if self.stream.red == Some(header.payload_type) {
            blocks = red::parse(packet.payload)?;
            let Some((primary, redundant)) = blocks.split_last() else { return Ok(true) };
            let same = redundant.iter().filter(|it| it.payload_type == primary.payload_type);
            earlier.extend(same.map(|it| (u32::from(it.timestamp_offset), it.data)));
            incoming.payload_type = primary.payload_type;
            incoming.payload = primary.data;
            incoming.redundant = &earlier;
        } else if header.payload_type != self.stream.payload_type {
            return Ok(false);
        }
        self.reception.push(now, &header);
        if let Some(buffer) = &mut self.buffer {
            buffer.push(now, &incoming);
        }
        Ok(true)
    }
}
