//! Frame references and the Dependency Descriptors derived from them.

use codec_core::codec::{FrameKind, PacketMeta, SlotSet};
use codec_core::error::ConfigError;

use crate::extension::dependency::{Descriptor, DescriptorBuilder, FrameReferences, Writer};

/// Maximum number of temporal layers in descriptors.
pub(super) const MAX_LAYERS: u8 = 3;
const SLOTS: [SlotSet; 3] = [SlotSet::LAST, SlotSet::GOLDEN, SlotSet::ALTREF];

/// Tracks reference buffers when long-term recovery is off, and writes descriptors.
#[derive(Debug)]
pub(super) struct Dependencies {
    slots: [Option<u64>; 3],
    describer: DescriptorBuilder,
    writer: Writer,
    /// Descriptor of the frame that is being packetized.
    current: Option<Descriptor>,
}

impl Dependencies {
    /// Creates the state of a stream with one temporal layer.
    pub(super) fn new() -> Result<Self, ConfigError> {
        let describer = DescriptorBuilder::new(1, None)
            .map_err(|error| ConfigError::conflict("dependency descriptor", error))?;
        Ok(Self { slots: [None; 3], describer, writer: Writer::default(), current: None })
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
        let mut numbers = Vec::with_capacity(SLOTS.len());
        for (slot, held) in SLOTS.iter().zip(&mut self.slots) {
            if !is_key && meta.refs_used.contains(*slot) {
                numbers.extend(*held);
            }
            if is_key || meta.refs_updated.contains(*slot) {
                *held = Some(meta.frame_id);
            }
        }
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.dedup();
        numbers
    }

    /// Starts the packets of a frame of a stream with `layers` temporal layers. A frame that cannot
    /// be described is sent without a descriptor, so that the receiver uses the payload
    /// descriptors.
    pub(super) fn begin(&mut self, meta: &PacketMeta, layers: u8, references: &[u64]) {
        if meta.spatial.layers > 1 {
            self.current = None;
            return;
        }
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let references: Vec<i64> = references.iter().copied().map(signed).collect();
        let frame = FrameReferences {
            number: signed(meta.frame_id),
            temporal_id: meta.temporal_id.min(layers.saturating_sub(1)),
            references: &references,
        };
        self.current = self.describer.build(&frame).ok();
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
        if references.is_empty() && !is_key {
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
        let all = SLOTS.into_iter().fold(SlotSet::NONE, SlotSet::with);
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
