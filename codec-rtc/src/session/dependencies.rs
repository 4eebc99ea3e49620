//! Which frames each frame refers to, and the Dependency Descriptors that say so.

use codec_core::codec::{FrameKind, PacketMeta, SlotSet};
use codec_core::error::ConfigError;

use crate::extension::dependency::{Describer, Descriptor, FrameReferences, Writer};

const SLOTS: [SlotSet; 3] = [SlotSet::LAST, SlotSet::GOLDEN, SlotSet::ALTREF];

/// Follows the slots where nobody else does, and writes descriptors.
#[derive(Debug)]
pub(super) struct Dependencies {
    slots: [Option<u64>; 3],
    describer: Describer,
    writer: Writer,
    /// Of the frame whose packets are being written.
    current: Option<Descriptor>,
}

impl Dependencies {
    /// For a stream of one temporal layer.
    pub(super) fn new() -> Result<Self, ConfigError> {
        let describer =
            Describer::new(1, None).map_err(|_| ConfigError::new("temporal layers", 1, "1..=3"))?;
        Ok(Self { slots: [None; 3], describer, writer: Writer::default(), current: None })
    }

    /// The stream has another number of temporal layers from the next frame on, a key frame, which
    /// carries the new structure.
    pub(super) fn set_layers(&mut self, layers: u8) {
        // The caller stays within 1..=3.
        let _ = self.describer.change(layers, None);
    }

    /// A frame was coded; gives the numbers of the frames that it refers to, newest first, each
    /// once.
    pub(super) fn follow(&mut self, meta: &PacketMeta) -> Vec<u64> {
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

    /// The next packets are of this frame of a stream with so many layers. One that cannot be described goes without a descriptor,
    /// and its receiver by the payload descriptors.
    pub(super) fn begin(&mut self, meta: &PacketMeta, layers: u8, references: &[u64]) {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let references: Vec<i64> = references.iter().copied().map(signed).collect();
        let frame = FrameReferences {
            number: signed(meta.frame_id),
            temporal_id: meta.temporal_id.min(layers.saturating_sub(1)),
            references: &references,
        };
        self.current = self.describer.describe(&frame).ok();
    }

    /// The descriptor of the frame's next packet: of the first, of the last.
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
