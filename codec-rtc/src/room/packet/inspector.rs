//! Parses the packets of one encoding in order of arrival.

use std::sync::Arc;

use super::fields::Fields;
use super::payload::{self, PayloadInfo};
use super::{FrameInfo, MediaPacket, SwitchPoint};
use crate::extension::dependency::{self, DecodeTargetIndication, Structure};
use crate::extension::{ExtensionKind, ExtensionMap, elements};
use crate::packet::Format;
use crate::rtp::{self, Malformed};
use crate::sequence::{Unwrapper16, distance_32};

/// Largest packet that is accepted, in bytes.
const MAX_PACKET_BYTES: usize = 2048;

/// Parses the packets of one encoding (one SSRC).
///
/// ```
/// use codec_rtc::extension::ExtensionMap;
/// use codec_rtc::packet::Format;
/// use codec_rtc::room::packet::Inspector;
///
/// let mut inspector = Inspector::new(Format::Vp8, ExtensionMap::default());
/// let rtp = [0x80, 0xe0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 0x00, 0x00];
/// let packet = inspector.inspect(&rtp)?;
/// assert!(packet.frame.starts_key_frame());
/// assert_eq!(packet.number, 7);
/// # Ok::<(), codec_rtc::rtp::Malformed>(())
/// ```
#[derive(Clone, Debug)]
pub struct Inspector {
    format: Format,
    extensions: ExtensionMap,
    numbers: Unwrapper16,
    descriptors: dependency::Reader,
    /// Timestamp of the newest frame, and whether it is a key frame.
    newest: Option<(u32, bool)>,
    /// Highest number of a packet.
    highest: Option<i64>,
    /// Sizes of the spatial layers, as last stated.
    sizes: Vec<(u32, u32)>,
    /// Lowest spatial layer of the encoding. Layers count from it, because encodings of simulcast may
    /// have other ids than 0.
    lowest: Option<u8>,
}

impl Inspector {
    /// Creates an inspector for a format and the extension ids of the publisher.
    #[must_use]
    pub fn new(format: Format, extensions: ExtensionMap) -> Self {
        Self {
            format,
            extensions,
            numbers: Unwrapper16::default(),
            descriptors: dependency::Reader::default(),
            newest: None,
            highest: None,
            sizes: Vec::new(),
            lowest: None,
        }
    }

    /// Parses a packet.
    ///
    /// # Errors
    /// Returns [`Malformed`] if it is no RTP packet of the format, if it is larger than 2048 bytes, or if
    /// its Dependency Descriptor refers to a structure that has not arrived.
    pub fn inspect(&mut self, data: &[u8]) -> Result<MediaPacket, Malformed> {
        if data.len() > MAX_PACKET_BYTES {
            let (what, limit) = ("bytes of a packet", MAX_PACKET_BYTES);
            return Err(Malformed::TooMany { what, limit, actual: data.len() });
        }
        let parsed = rtp::parse(data)?;
        let header = parsed.header;
        let descriptor = self.descriptor(data, &parsed)?;
        let at = offset_in(data, parsed.payload);
        let info = match descriptor {
            Some(frame) => frame,
            None => payload::parse(self.format, parsed.payload, at, header.marker)?,
        };
        if !info.sizes.is_empty() {
            self.sizes = info.sizes;
        }
        let mut frame = info.frame;
        let lowest = self.lowest.map_or(frame.spatial_id, |it| it.min(frame.spatial_id));
        self.lowest = Some(lowest);
        frame.size = frame.size.or(self.sizes.get(usize::from(frame.spatial_id)).copied());
        frame.spatial_id -= lowest;
        frame.is_key &= frame.spatial_id == 0;
        let newest = self.newest.filter(|(newest, _)| *newest == header.timestamp);
        let number = self.numbers.unwrap(header.sequence);
        if !info.shows_start {
            // Without the packet before it, it may be any packet of the frame.
            let follows = self.highest == Some(number - 1);
            let is_first = newest.is_none() && self.is_newer(header.timestamp);
            frame.starts_frame = info.is_start || follows && is_first;
        }
        self.highest = self.highest.max(Some(number));
        if let Some((_, is_key)) = newest.filter(|_| frame.spatial_id == 0) {
            frame.is_key |= is_key;
        }
        if self.is_newer(header.timestamp) || newest.is_some() {
            let is_key = frame.is_key || newest.is_some_and(|(_, is_key)| is_key);
            self.newest = Some((header.timestamp, is_key));
        }
        Ok(MediaPacket {
            data: Arc::from(data),
            number,
            timestamp: header.timestamp,
            frame,
            fields: info.fields,
        })
    }

    fn is_newer(&self, timestamp: u32) -> bool {
        self.newest.is_none_or(|(newest, _)| distance_32(newest, timestamp) > 0)
    }

    /// The facts of the Dependency Descriptor, if the packet has one.
    fn descriptor(
        &mut self,
        data: &[u8],
        packet: &rtp::Packet<'_>,
    ) -> Result<Option<PayloadInfo>, Malformed> {
        let Some(id) = self.extensions.id(ExtensionKind::DependencyDescriptor) else {
            return Ok(None);
        };
        let Some(all) = packet.extension.as_ref().and_then(elements) else { return Ok(None) };
        for element in all {
            let (element_id, bytes) = element?;
            if element_id == id {
                return self.described(data, packet, bytes).map(Some);
            }
        }
        Ok(None)
    }

    fn described(
        &mut self,
        data: &[u8],
        packet: &rtp::Packet<'_>,
        bytes: &[u8],
    ) -> Result<PayloadInfo, Malformed> {
        let descriptor = self.descriptors.read(bytes)?;
        let switches = self
            .descriptors
            .structure()
            .and_then(|structure| switches_to(structure, descriptor.spatial_id, &descriptor.dtis));
        let frame = FrameInfo {
            starts_frame: descriptor.start_of_frame,
            ends_frame: descriptor.end_of_frame,
            is_key: descriptor.frame_diffs.is_empty(),
            spatial_id: descriptor.spatial_id,
            temporal_id: descriptor.temporal_id,
            switch_point: switches.map_or(SwitchPoint::None, SwitchPoint::UpTo),
            size: descriptor.resolution,
        };
        // The payload may be encrypted, but its header is rewritten if it is clear and valid.
        let at = offset_in(data, packet.payload);
        let payload = payload::parse(self.format, packet.payload, at, packet.header.marker);
        let fields = payload.map_or_else(|_| Fields::default(), |info| info.fields);
        let number = descriptor.frame_number;
        // The number follows the byte with the template.
        let fields = Fields { frame_number: Some((number, offset_in(data, bytes) + 1)), ..fields };
        let is_start = frame.starts_frame;
        Ok(PayloadInfo { frame, fields, shows_start: true, is_start, sizes: Vec::new() })
    }
}

/// Offset of a part of `data` from its start.
fn offset_in(data: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().saturating_sub(data.as_ptr().addr())
}

/// Highest temporal layer that a receiver of this spatial layer can decode from the frame on: the layer of
/// the decode targets for which the frame is a switch indication.
fn switches_to(
    structure: &Structure,
    spatial_id: u8,
    dtis: &[DecodeTargetIndication],
) -> Option<u8> {
    let switches = dtis.iter().enumerate().filter_map(|(target, indication)| {
        let is_switch = *indication == DecodeTargetIndication::Switch;
        let (spatial, temporal) = highest_layers(structure, target).filter(|_| is_switch)?;
        (spatial == spatial_id).then_some(temporal)
    });
    switches.max()
}

/// Highest spatial and temporal layer of a decode target.
fn highest_layers(structure: &Structure, target: usize) -> Option<(u8, u8)> {
    let members = structure.templates.iter().filter(|template| {
        let indication = template.dtis.get(target);
        indication.is_some_and(|it| *it != DecodeTargetIndication::NotPresent)
    });
    members.map(|template| (template.spatial_id, template.temporal_id)).reduce(
        |(spatial, temporal), (other_spatial, other_temporal)| {
            (spatial.max(other_spatial), temporal.max(other_temporal))
        },
    )
}
