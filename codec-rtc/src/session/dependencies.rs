//! Frame references and the Dependency Descriptors derived from them.

use codec_core::codec::{FrameKind, PacketMeta, SlotSet};
use codec_core::error::ConfigError;

use crate::extension::dependency::{Descriptor, DescriptorBuilder, FrameReferences, Writer};

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
