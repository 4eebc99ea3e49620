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
    pub(super) fn new(temporal_layers: u8) -> Result<Self, ConfigError> {
        let describer = Describer::new(temporal_layers, None)
            .map_err(|_| ConfigError::new("temporal layers", temporal_layers, "1..=3"))?;
        Ok(Self { slots: [None; 3], describer, writer: Writer::default(), current: None })
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

    /// The next packets are of this frame. One that cannot be described goes without a descriptor,
    /// and its receiver by the payload descriptors.
    pub(super) fn begin(&mut self, meta: &PacketMeta, references: &[u64]) {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let references: Vec<i64> = references.iter().copied().map(signed).collect();
        let frame = FrameReferences {
            number: signed(meta.frame_id),
            temporal_id: meta.temporal_id,
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
