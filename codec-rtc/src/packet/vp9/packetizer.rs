//! VP9 packetizer: frames to packets. RFC 9628, sections 4.2 to 4.4.

use codec_core::codec::{FrameKind, PacketMeta};
use codec_core::error::ConfigError;

use super::structure::ScalabilityStructure;
use super::{Descriptor, LayerIndices, MAX_REFERENCES, PictureId, References};
use crate::packet::parts::even_parts;
use crate::rtp::{self, FIXED_HEADER_BYTES, Header, WriteError};

/// Number of reference slots of VP9.
const SLOTS: usize = 8;
/// Largest distance of a reference in the descriptor.
const MAX_DIFF: u8 = 127;

/// Settings of a [`Packetizer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketizerConfig {
    /// Maximum size of a packet including the RTP header, in bytes: 128..=65507, default 1200.
    pub mtu: usize,
    /// Payload type, 0..=127; default 96.
    pub payload_type: u8,
    /// SSRC; default 1.
    pub ssrc: u32,
    /// Sequence number of the first packet; default 0.
    pub first_sequence: u16,
    /// `PictureID` of the superframe with id 0; default 0.
    pub first_picture_id: u16,
    /// Whether to send the temporal layer; default `false`.
    pub layers: bool,
    /// Whether layer frames state their references (flexible mode); default `true`. ffmpeg does not receive
    /// this mode.
    pub flexible: bool,
}

impl Default for PacketizerConfig {
    fn default() -> Self {
        Self {
            mtu: 1200,
            payload_type: 96,
            ssrc: 1,
            first_sequence: 0,
            first_picture_id: 0,
            layers: false,
            flexible: true,
        }
    }
}

/// Packetizer of VP9 frames.
///
/// ```
/// use codec_core::codec::PacketMeta;
/// use codec_rtc::packet::vp9::{Descriptor, Packetizer, PacketizerConfig};
/// use codec_rtc::rtp;
///
/// let mut frame = vec![0x82]; // the first byte of a key frame
/// frame.resize(3000, 0);
/// let mut packetizer = Packetizer::new(PacketizerConfig::default())?;
/// let mut packets = Vec::new();
/// packetizer.packetize(&frame, &PacketMeta::default(), 90_000, &mut packets)?;
/// assert!(packets.len() == 3 && packets.iter().all(|packet| packet.len() <= 1200));
///
/// let first = rtp::parse(&packets[0])?;
/// let (descriptor, data) = Descriptor::parse(first.payload)?;
/// assert!(descriptor.start_of_frame && !descriptor.end_of_frame);
/// assert_eq!(data[0], 0x82);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Packetizer {
    config: PacketizerConfig,
    sequence: u16,
    /// Superframe in each reference slot.
    slots: [Option<u64>; SLOTS],
    /// Layer frames that began no superframe, and whether the last one ended a superframe.
    upper: u64,
    has_ended: bool,
    /// The last scalability structure.
    stated: Option<ScalabilityStructure>,
}

impl Packetizer {
    /// Creates a packetizer.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: PacketizerConfig) -> Result<Self, ConfigError> {
        if !(128..=65_507).contains(&config.mtu) {
            return Err(ConfigError::new("mtu", config.mtu, "128..=65507 bytes"));
        }
        if config.payload_type > 127 {
            return Err(ConfigError::new("payload type", config.payload_type, "0..=127"));
        }
        let sequence = config.first_sequence;
        let slots = [None; SLOTS];
        Ok(Self { config, sequence, slots, upper: 0, has_ended: true, stated: None })
    }

    /// Sequence number of the next packet.
    #[must_use]
    pub fn next_sequence(&self) -> u16 {
        self.sequence
    }

    /// Reserves `packets` sequence numbers for other packets in the same stream, such as FEC.
    pub fn skip(&mut self, packets: u16) {
        self.sequence = self.sequence.wrapping_add(packets);
    }

    /// Sets whether the next frames carry their temporal layer ([`PacketizerConfig::layers`]).
    pub fn set_layers(&mut self, layers: bool) {
        self.config.layers = layers;
    }

    /// Appends the packets of a layer frame: of a superframe if there is one spatial layer. `timestamp`
    /// is in units of [`super::CLOCK_HZ`]. Key frames carry the scalability structure with the sizes of
    /// the layers, if known, and so does the lowest layer if the structure changes.
    ///
    /// A reference more than 127 superframes back does not fit the descriptor: it is omitted if there is
    /// another one, and stated as 127 otherwise.
    ///
    /// # Errors
    /// Returns [`WriteError::EmptyPayload`] if `data` is empty.
    pub fn packetize(
        &mut self,
        data: &[u8],
        meta: &PacketMeta,
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        if data.is_empty() {
            return Err(WriteError::EmptyPayload);
        }
        let descriptor = self.descriptor(meta);
        self.packetize_layer(data, &descriptor, meta.spatial.end_of_picture, timestamp, out)
    }

    /// Appends the packets of a layer frame with this descriptor, whose start and end flags are set as
    /// required. `ends_picture`: it is the last one of its superframe, so that its last packet has the
    /// marker. Packets after the first one repeat all fields but the scalability structure.
    ///
    /// # Errors
    /// Returns [`WriteError`] and appends nothing if `data` is empty, or if the descriptor cannot be
    /// written.
    pub fn packetize_layer(
        &mut self,
        data: &[u8],
        descriptor: &Descriptor,
        ends_picture: bool,
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        if data.is_empty() {
            return Err(WriteError::EmptyPayload);
        }
        let mut whole = Vec::new();
        descriptor.write(&mut whole)?;
        let room = self.config.mtu - FIXED_HEADER_BYTES;
        let room =
            room.checked_sub(whole.len()).filter(|&room| room > 0).ok_or(WriteError::TooMany {
                what: "bytes in a VP9 payload descriptor",
                limit: room - 1,
                actual: whole.len(),
            })?;
        let mut of_part = descriptor.clone();
        for part in even_parts(0..data.len(), room) {
            of_part.start_of_frame = part.start == 0;
            of_part.end_of_frame = part.end == data.len();
            let header = Header {
                marker: ends_picture && of_part.end_of_frame,
                payload_type: self.config.payload_type,
                sequence: self.sequence,
                timestamp,
                ssrc: self.config.ssrc,
            };
            self.sequence = self.sequence.wrapping_add(1);
            let payload = &data[part];
            let mut packet = Vec::with_capacity(FIXED_HEADER_BYTES + whole.len() + payload.len());
            rtp::write(&header, &mut packet);
            of_part.write(&mut packet)?;
            of_part.structure = None;
            packet.extend_from_slice(payload);
            out.push(packet);
        }
        Ok(())
    }

    /// Descriptor of a layer frame; records the reference slots that it updates.
    fn descriptor(&mut self, meta: &PacketMeta) -> Descriptor {
        let spatial = meta.spatial;
        let is_key = meta.kind == FrameKind::Key;
        if !std::mem::replace(&mut self.has_ended, spatial.end_of_picture) {
            self.upper += 1;
        }
        let picture = meta.frame_id.saturating_sub(self.upper);
        let references = if is_key || spatial.sync {
            References::default()
        } else {
            self.references(meta, picture)
        };
        for (slot, held) in self.slots.iter_mut().enumerate() {
            if is_key || meta.refs_updated.0 >> slot & 1 == 1 {
                *held = Some(picture);
            }
        }
        let structure = structure(meta);
        let flexible = self.config.flexible;
        let states = is_key || spatial.id == 0 && self.stated.as_ref() != Some(&structure);
        if states {
            self.stated = Some(structure.clone());
        }
        #[expect(clippy::cast_possible_truncation, reason = "the counter wraps")]
        let id = self.config.first_picture_id.wrapping_add(picture as u16) & 0x7fff;
        let has_layer = self.config.layers || spatial.layers > 1;
        Descriptor {
            picture_id: Some(PictureId::Long(id)),
            inter_predicted: !references.as_slice().is_empty(),
            tl0_pic_idx: (has_layer && !flexible).then_some(meta.tl0_index),
            layer: has_layer.then_some(LayerIndices {
                temporal_id: meta.temporal_id.min(7),
                switching_up: meta.layer_sync || meta.temporal_id == 0,
                spatial_id: spatial.id.min(7),
                inter_layer_predicted: spatial.inter_layer_predicted,
            }),
            flexible,
            not_for_upper_layers: !spatial.used_by_upper_layer,
            references: if flexible { references } else { References::default() },
            structure: states.then(|| Box::new(structure)),
            ..Descriptor::default()
        }
    }

    /// References to earlier superframes, newest first.
    fn references(&self, meta: &PacketMeta, picture: u64) -> References {
        let used = self.slots.iter().enumerate();
        let used = used.filter(|(slot, _)| meta.dependencies().0 >> slot & 1 == 1);
        let mut diffs: Vec<u64> =
            used.filter_map(|(_, held)| picture.checked_sub((*held)?)).collect();
        diffs.sort_unstable();
        diffs.dedup();
        let is_near = |&diff: &u8| (1..=MAX_DIFF).contains(&diff);
        let mut near: Vec<u8> =
            diffs.iter().filter_map(|&diff| u8::try_from(diff).ok()).filter(is_near).collect();
        near.truncate(MAX_REFERENCES);
        if near.is_empty() {
            // The encoder reports no reference, or one that is too far away.
            let is_far = diffs.iter().any(|&diff| diff > MAX_DIFF.into());
            near.push(if is_far { MAX_DIFF } else { 1 });
        }
        References::new(&near).unwrap_or_default()
    }
}

/// The structure that a key frame carries.
fn structure(meta: &PacketMeta) -> ScalabilityStructure {
    let spatial_layers = meta.spatial.layers.max(1);
    let mut sizes = meta.spatial.sizes.to_vec();
    if spatial_layers == 1 {
        sizes[0] = meta.size;
    }
    sizes.truncate(spatial_layers.into());
    if sizes.iter().any(|size| size.pixels() == 0) {
        sizes.clear();
    }
    ScalabilityStructure { spatial_layers, sizes, group: Vec::new() }
}

#[cfg(test)]
mod tests {
    use codec_core::codec::SlotSet;
    use codec_core::frame::Size;

    use super::*;

    fn meta(frame_id: u64) -> PacketMeta {
        let kind = if frame_id == 0 { FrameKind::Key } else { FrameKind::Inter };
        PacketMeta { frame_id, kind, size: Size::new(640, 360), ..PacketMeta::default() }
    }

    fn descriptors(packets: &[Vec<u8>]) -> Vec<(Descriptor, bool)> {
        let parse = |packet: &Vec<u8>| {
            let packet = rtp::parse(packet).unwrap();
            (Descriptor::parse(packet.payload).unwrap().0, packet.header.marker)
        };
        packets.iter().map(parse).collect()
    }

    #[test]
    fn a_key_frame_is_divided_evenly_and_states_its_structure_once() {
        let mut packets = Vec::new();
        let data: Vec<u8> = (0..=255).cycle().take(3000).collect();
        let mut packetizer = Packetizer::new(PacketizerConfig::default()).unwrap();
        packetizer.packetize(&data, &meta(0), 3000, &mut packets).unwrap();
        let found = descriptors(&packets);
        assert_eq!(found.len(), 3);
        for (at, (descriptor, marker)) in found.iter().enumerate() {
            assert_eq!(descriptor.start_of_frame, at == 0);
            assert_eq!((descriptor.end_of_frame, *marker), (at == 2, at == 2));
            assert_eq!(descriptor.structure.is_some(), at == 0);
            assert!(descriptor.flexible && !descriptor.inter_predicted);
        }
        let joined: Vec<u8> = packets
            .iter()
            .flat_map(|packet| {
                Descriptor::parse(rtp::parse(packet).unwrap().payload).unwrap().1.to_vec()
            })
            .collect();
        assert_eq!(joined, data);
        assert_eq!(packetizer.next_sequence(), 3);
    }

    #[test]
    fn references_are_distances_to_the_pictures_in_the_slots() {
        let config = PacketizerConfig { layers: true, ..PacketizerConfig::default() };
        let mut packetizer = Packetizer::new(config).unwrap();
        let mut diffs = |frame_id, refs_used, refs_updated| {
            let mut out = Vec::new();
            let meta = PacketMeta { refs_used, refs_updated, ..meta(frame_id) };
            packetizer.packetize(&[0x86], &meta, 0, &mut out).unwrap();
            descriptors(&out)[0].0.references.as_slice().to_vec()
        };
        let (last, golden) = (SlotSet::LAST, SlotSet::GOLDEN);
        assert_eq!(diffs(0, SlotSet::NONE, SlotSet::NONE), []);
        assert_eq!(diffs(1, last.with(golden), last), [1]);
        assert_eq!(diffs(2, last.with(golden), SlotSet::NONE), [1, 2]);
        assert_eq!(diffs(3, last, golden), [2]);
        assert_eq!(diffs(130, last.with(golden), last), [127], "slots 1 and 3 are older");
        assert_eq!(diffs(131, last.with(golden), last), [1], "one reference is near enough");
        assert_eq!(diffs(132, SlotSet::NONE, SlotSet::NONE), [1], "not reported");
    }

    #[test]
    fn the_non_flexible_mode_states_no_references() {
        let config = PacketizerConfig { flexible: false, ..PacketizerConfig::default() };
        let mut packetizer = Packetizer::new(config).unwrap();
        let mut out = Vec::new();
        for frame in 0..2 {
            packetizer.packetize(&[0x86], &meta(frame), 0, &mut out).unwrap();
        }
        packetizer.set_layers(true);
        packetizer
            .packetize(&[0x86], &PacketMeta { tl0_index: 9, ..meta(2) }, 0, &mut out)
            .unwrap();
        for (at, (descriptor, _)) in descriptors(&out).into_iter().enumerate() {
            assert_eq!((descriptor.flexible, descriptor.inter_predicted), (false, at > 0));
            assert_eq!(descriptor.references.as_slice(), []);
            assert_eq!(descriptor.tl0_pic_idx, (at == 2).then_some(9));
        }
    }

    #[test]
    fn invalid_input_is_rejected() {
        for mtu in [0, 127, 65_508] {
            assert!(Packetizer::new(PacketizerConfig { mtu, ..Default::default() }).is_err());
        }
        assert!(
            Packetizer::new(PacketizerConfig { payload_type: 128, ..Default::default() }).is_err()
        );
        let mut packetizer = Packetizer::new(PacketizerConfig::default()).unwrap();
        let mut out = Vec::new();
        let found = packetizer.packetize(&[], &meta(0), 0, &mut out);
        assert_eq!(found, Err(WriteError::EmptyPayload));
        let sizes = vec![Size::new(1, 1); 8];
        let group = vec![super::super::GroupPicture::default(); 200];
        let structure = ScalabilityStructure { spatial_layers: 8, sizes, group };
        let long = Descriptor { structure: Some(Box::new(structure)), ..Descriptor::default() };
        let config = PacketizerConfig { mtu: 200, ..PacketizerConfig::default() };
        let mut packetizer = Packetizer::new(config).unwrap();
        assert!(packetizer.packetize_layer(&[1], &long, true, 0, &mut out).is_err());
        assert!(out.is_empty());
    }
}
