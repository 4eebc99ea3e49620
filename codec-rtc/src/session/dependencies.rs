//! Frame references and the Dependency Descriptors derived from them.

use codec_core::codec::{FrameKind, PacketMeta, Scalability, SlotSet};
use codec_core::error::ConfigError;

use crate::extension::dependency::{
    Descriptor, DescriptorBuilder, FrameReferences, LayerFrame, LayeredBuilder, Writer,
};

/// Maximum number of temporal layers in descriptors.
pub(super) const MAX_LAYERS: u8 = 3;
/// Number of reference slots: eight in VP9, of which VP8 has the first three.
const SLOTS: usize = 8;

/// State of a stream with several spatial layers.
#[derive(Debug)]
struct Layered {
    mode: Scalability,
    builder: LayeredBuilder,
    /// Whether the current superframe is a key superframe.
    is_key: bool,
}

/// Tracks reference buffers when long-term recovery is off, and writes descriptors.
#[derive(Debug)]
pub(super) struct Dependencies {
    slots: [Option<u64>; SLOTS],
    describer: DescriptorBuilder,
    /// Set for streams with several spatial layers.
    layered: Option<Layered>,
    writer: Writer,
    /// Descriptor of the frame that is being packetized.
    current: Option<Descriptor>,
}

impl Dependencies {
    /// Creates the state of a stream with one temporal layer.
    pub(super) fn new() -> Result<Self, ConfigError> {
        let describer = DescriptorBuilder::new(1, None)
            .map_err(|error| ConfigError::conflict("dependency descriptor", error))?;
        let (slots, writer) = ([None; SLOTS], Writer::default());
        Ok(Self { slots, describer, layered: None, writer, current: None })
    }

    /// Changes the number of temporal layers from the next frame on, which must be a key frame,
    /// since it carries the new structure.
    pub(super) fn set_layers(&mut self, layers: u8) {
        // The caller ensures 1..=3.
        let _ = self.describer.set_structure(layers, None);
    }

    /// Records a coded frame. Returns the numbers of the frames that it references, newest first,
    /// without duplicates.
    pub(super) fn track_references(&mut self, meta: &PacketMeta) -> Vec<u64> {
        let is_key = meta.kind == FrameKind::Key;
        let mut numbers = Vec::with_capacity(SLOTS);
        for (slot, held) in (0..).zip(&mut self.slots) {
            let slot = SlotSet(1 << slot);
            if !is_key && meta.dependencies().contains(slot) {
                numbers.extend(*held);
            }
            if is_key || meta.refs_updated.contains(slot) {
                *held = Some(meta.frame_id);
            }
        }
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.dedup();
        numbers
    }

    /// Number of the frame that the first slot holds: the last one of the temporal base layer.
    pub(super) fn last_base(&self) -> Option<u64> {
        self.slots.first().copied().flatten()
    }

    /// Starts the packets of a frame of a stream with `layers` temporal layers. A frame that cannot
    /// be described is sent without a descriptor, so that the receiver uses the payload
    /// descriptors.
    pub(super) fn begin(&mut self, meta: &PacketMeta, layers: u8, references: &[u64]) {
        if meta.spatial.layers > 1 || self.layered.is_some() {
            self.current = self.describe_layer(meta, references);
            return;
        }
        let references: Vec<i64> = references.iter().copied().map(signed).collect();
        let frame = FrameReferences {
            number: signed(meta.frame_id),
            temporal_id: meta.temporal_id.min(layers.saturating_sub(1)),
            references: &references,
        };
        self.current = self.describer.build(&frame).ok();
    }

    /// Describes a frame of a spatial layer; `None` until a key superframe has the structure.
    fn describe_layer(&mut self, meta: &PacketMeta, references: &[u64]) -> Option<Descriptor> {
        let spatial = meta.spatial;
        if meta.kind == FrameKind::Key {
            self.begin_key_superframe(meta);
        }
        let layered = self.layered.as_mut()?;
        if spatial.id == 0 {
            layered.is_key = meta.kind == FrameKind::Key;
        }
        let number = signed(meta.frame_id);
        let mut references: Vec<i64> = references.iter().copied().map(signed).collect();
        if spatial.sync {
            references.clear();
        }
        if spatial.inter_layer_predicted {
            references.push(number - 1);
        }
        layered
            .builder
            .build(&LayerFrame {
                number,
                spatial_id: spatial.id,
                temporal_id: meta.temporal_id,
                is_key: layered.is_key,
                used_by_upper_layer: spatial.used_by_upper_layer,
                active_layers: spatial.layers,
                references: &references,
            })
            .ok()
    }

    /// Changes the structure to the structure of a stream from its key superframe on, if the number of layers grows.
    fn begin_key_superframe(&mut self, meta: &PacketMeta) {
        let before = self.layered.as_ref().map_or((1, 1), |layered| {
            (layered.mode.spatial_layers(), layered.mode.temporal_layers())
        });
        let spatial_layers = meta.spatial.layers.max(before.0);
        let temporal_layers = meta.temporal_layers.max(before.1).min(MAX_LAYERS);
        // The templates describe inter-layer prediction in key superframes only: other frames take more bytes.
        let found = Scalability::ALL.iter().rev().find(|(_, mode)| {
            (mode.spatial_layers(), mode.temporal_layers()) == (spatial_layers, temporal_layers)
        });
        let Some((_, mode)) = found else { return };
        if self.layered.as_ref().is_some_and(|layered| layered.mode == *mode) {
            return;
        }
        let Ok(mut builder) = LayeredBuilder::new(*mode, &[]) else { return };
        if let Some(before) = self.writer.structure() {
            builder = builder.following(before);
        }
        self.layered = Some(Layered { mode: *mode, builder, is_key: true });
    }

    /// Returns the descriptor of the next packet of the frame; `first` and `last` give its
    /// position.
    pub(super) fn packet(&mut self, first: bool, last: bool) -> Option<Vec<u8>> {
        let whole = self.current.as_mut()?;
        let descriptor = Descriptor {
            start_of_frame: first,
            end_of_frame: last,
            structure: whole.structure.take().filter(|_| first),
            ..whole.clone()
        };
        let mut out = Vec::new();
        self.writer.write(&descriptor, &mut out).ok()?;
        Some(out)
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Describes the frames of an encoder for senders that packetize them themselves.
#[derive(Debug)]
pub struct FrameDescriber {
    dependencies: Dependencies,
    layers: u8,
}

impl FrameDescriber {
    /// Creates the state of a stream with one temporal layer.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if the descriptors cannot be set up, which does not happen at
    /// present.
    pub fn new() -> Result<Self, ConfigError> {
        Ok(Self { dependencies: Dependencies::new()?, layers: 1 })
    }

    /// Returns the Dependency Descriptor of the next frame, as if it were one packet
    /// ([`for_packet`](crate::extension::dependency::for_packet)); `None` if it cannot be described. More
    /// temporal layers are described from a key frame on.
    pub fn describe(&mut self, meta: &PacketMeta) -> Option<Vec<u8>> {
        let is_key = meta.kind == FrameKind::Key;
        let layers = meta.temporal_layers.max(meta.temporal_id.saturating_add(1)).min(MAX_LAYERS);
        if is_key && layers > self.layers {
            self.layers = layers;
            self.dependencies.set_layers(layers);
        }
        let mut references = self.dependencies.track_references(meta);
        if references.is_empty() && !is_key && meta.spatial.layers == 1 {
            // The encoder does not report them.
            references.extend(meta.frame_id.checked_sub(1));
        }
        self.dependencies.begin(meta, self.layers, &references);
        self.dependencies.packet(true, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::dependency::Reader;

    #[test]
    fn frames_have_the_layers_and_references_of_the_encoder() {
        let (mut describer, mut reader) = (FrameDescriber::new().unwrap(), Reader::default());
        let all = SlotSet(7);
        for (kind, frame_id, temporal_id, refs_used, refs_updated, diffs) in [
            (FrameKind::Key, 5, 0, SlotSet::NONE, all, &[][..]),
            (FrameKind::Inter, 6, 1, SlotSet::LAST, SlotSet::NONE, &[1]),
            (FrameKind::Inter, 7, 0, SlotSet::LAST, SlotSet::LAST, &[2]),
            (FrameKind::Inter, 8, 0, SlotSet::NONE, SlotSet::NONE, &[1]),
            (FrameKind::Inter, 9, 0, SlotSet::GOLDEN, SlotSet::LAST, &[4]),
        ] {
            let temporal_layers = 2;
            let of_layer = PacketMeta { temporal_id, temporal_layers, ..PacketMeta::default() };
            let meta = PacketMeta { kind, frame_id, refs_used, refs_updated, ..of_layer };
            let read = reader.read(&describer.describe(&meta).unwrap()).unwrap();
            assert_eq!((read.temporal_id, read.frame_diffs.as_slice()), (temporal_id, diffs));
            assert_eq!(read.structure.is_some(), kind == FrameKind::Key);
        }
    }
}
