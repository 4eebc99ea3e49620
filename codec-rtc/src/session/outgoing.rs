//! Packets to be sent.

use crate::congestion::PacketKind;
use crate::extension::{ExtensionMap, Extensions};
use crate::rtp::{self, Header, Packet};

/// Part of a video frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FramePart {
    /// Frame number.
    pub(super) frame: u64,
    /// Index of the packet; media and FEC packets are counted separately.
    pub(super) index: u32,
    pub(super) is_fec: bool,
}

/// A packet in the pacer. Transport-wide sequence number and send time are added when it leaves.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) kind: PacketKind,
    pub(super) header: Header,
    pub(super) extensions: Extensions,
    pub(super) payload: Vec<u8>,
    pub(super) padding: u8,
    /// CSRC: the SSRC that a FlexFEC packet protects (RFC 8627, section 4.2.1).
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

    /// Serialises the packet.
    pub(super) fn bytes(&self, map: &ExtensionMap) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len_bytes(map));
        let sources = self.contributes.map(u32::to_be_bytes);
        let packet = Packet {
            header: self.header,
            csrcs: sources.as_ref().map_or(&[], |bytes| bytes.as_slice()),
            extension: None,
            payload: &self.payload,
        };
        let mut plain = Vec::with_capacity(rtp::FIXED_HEADER_BYTES + self.payload.len() + 4);
        // Our headers and extensions are within their ranges.
        if rtp::write_packet(&packet, self.padding, &mut plain).is_err()
            || self.extensions.replace_in(&plain, map, &mut out).is_err()
        {
            return plain;
        }
        out
    }

    /// Size of the packet when it leaves, in bytes.
    pub(super) fn len_bytes(&self, map: &ExtensionMap) -> usize {
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

/// Returns the packet as protected by FEC: without the extensions that are set when it leaves.
pub(super) fn without_stamps(
    packet: &[u8],
    extensions: &Extensions,
    map: &ExtensionMap,
) -> Vec<u8> {
    let lasting =
        Extensions { transport_sequence: None, abs_send_time: None, ..extensions.clone() };
    let mut out = Vec::with_capacity(packet.len());
    match lasting.replace_in(packet, map, &mut out) {
        Ok(()) => out,
        Err(_) => packet.to_vec(),
    }
}
