//! Packets on their way out.

use crate::congestion::PacketKind;
use crate::extension::{Extensions, Map};
use crate::rtp::{self, Header, Packet};

/// A part of a video frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FramePart {
    /// Number of the frame.
    pub(super) frame: u64,
    /// Which of its packets; correction counts apart.
    pub(super) index: u32,
    pub(super) is_fec: bool,
}

/// A packet that waits. What is known only when it leaves is not in it yet: transport-wide number
/// and time of sending.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) kind: PacketKind,
    pub(super) header: Header,
    pub(super) extensions: Extensions,
    pub(super) payload: Vec<u8>,
    pub(super) padding: u8,
    /// Contributing source: what a repair packet protects (RFC 8627, section 4.2.1).
    pub(super) contributes: Option<u32>,
    pub(super) part: Option<FramePart>,
    pub(super) is_audio: bool,
}

impl Outgoing {
    pub(super) fn new(kind: PacketKind, header: Header, payload: Vec<u8>) -> Self {
        let extensions = Extensions::default();
        Self {
            kind,
            header,
            extensions,
            payload,
            padding: 0,
            contributes: None,
            part: None,
            is_audio: false,
        }
    }

    /// Its bytes.
    pub(super) fn bytes(&self, map: &Map) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len_bytes(map));
        let sources = self.contributes.map(u32::to_be_bytes);
        let packet = Packet {
            header: self.header,
            csrcs: sources.as_ref().map_or(&[], |bytes| bytes.as_slice()),
            extension: None,
            payload: &self.payload,
        };
        let mut plain = Vec::with_capacity(rtp::FIXED_HEADER_BYTES + self.payload.len() + 4);
        // Headers and extensions of ours fit their fields.
        if rtp::write_packet(&packet, self.padding, &mut plain).is_err()
            || self.extensions.replace_in(&plain, map, &mut out).is_err()
        {
            return plain;
        }
        out
    }

    /// Bytes that it will have on leaving.
    pub(super) fn len_bytes(&self, map: &Map) -> usize {
        let stamped = Extensions {
            transport_sequence: Some(0),
            abs_send_time: Some(0),
            ..self.extensions.clone()
        };
        let head = rtp::FIXED_HEADER_BYTES + stamped.len_bytes(map);
        let sources = if self.contributes.is_some() { 4 } else { 0 };
        head + sources + self.payload.len() + usize::from(self.padding)
    }
}

/// A packet as correction protects it: without what is known only when it leaves.
pub(super) fn without_stamps(packet: &[u8], extensions: &Extensions, map: &Map) -> Vec<u8> {
    let lasting =
        Extensions { transport_sequence: None, abs_send_time: None, ..extensions.clone() };
    let mut out = Vec::with_capacity(packet.len());
    match lasting.replace_in(packet, map, &mut out) {
        Ok(()) => out,
        Err(_) => packet.to_vec(),
    }
}
