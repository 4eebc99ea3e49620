//! Coded audio packets and their metadata.

use super::config::Bandwidth;

/// Metadata of an audio packet, for RTP header extensions, jitter buffers and traces.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AudioPacketMeta {
    /// Number of the packet, from 0.
    pub packet_id: u64,
    /// Whether the packet codes silence under discontinuous transmission (DTX). Such a packet need
    /// not be sent.
    pub dtx: bool,
    /// Whether the packet carries in-band FEC for the previous frame.
    pub fec: bool,
    /// Coded audio bandwidth, if the codec reports it.
    pub bandwidth: Option<Bandwidth>,
    /// Level of the input in -dBov, 0 (loudest) to 127 (silence), as in RFC 6464.
    pub level_dbov: u8,
    /// State of the range coder, for comparing implementations (Opus).
    pub final_range: Option<u32>,
}

/// A coded audio packet.
///
/// [`super::AudioEncoder::receive`] reuses its memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AudioPacket {
    /// The coded data.
    pub data: Vec<u8>,
    /// Timestamp of the first sample that a decoder outputs for it. It precedes the first input
    /// timestamp by the encoder's look-ahead.
    pub pts: i64,
    /// Number of samples per channel that a decoder outputs for it.
    pub duration: u64,
    /// Number of samples at the end that are padding of the last packet.
    pub trim_end: u64,
    /// Metadata of the packet.
    pub meta: AudioPacketMeta,
}
