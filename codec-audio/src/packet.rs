//! Coded sound and what is known about it.

use super::config::Bandwidth;

/// What RTP extensions, jitter buffers and a trace need of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AudioPacketMeta {
    /// Counts packets from 0.
    pub packet_id: u64,
    /// Silence under discontinuous transmission: need not be sent.
    pub dtx: bool,
    /// Carries a coarse copy of the frame before.
    pub fec: bool,
    /// Highest frequency that is coded, where the codec tells.
    pub bandwidth: Option<Bandwidth>,
    /// Level of the input in -dBov, 0 (loudest) to 127 (silence), as RFC 6464 has it.
    pub level_dbov: u8,
    /// State of the range coder, to compare implementations with (Opus).
    pub final_range: Option<u32>,
}

/// A coded packet. Its memory is used again by [`super::AudioEncoder::receive`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AudioPacket {
    /// The payload.
    pub data: Vec<u8>,
    /// Time of the first sample that a decoder gives for it; below the first input time by the
    /// encoder's look-ahead.
    pub pts: i64,
    /// Samples that a decoder gives for it, of each channel.
    pub duration: u64,
    /// How many of them, at the end, were made up to fill the last packet.
    pub trim_end: u64,
    /// What is known about it.
    pub meta: AudioPacketMeta,
}
