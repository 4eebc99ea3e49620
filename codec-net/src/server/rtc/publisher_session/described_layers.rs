//! Temporal layers of a stream whose frames have Dependency Descriptors, as with H.264.

use std::collections::VecDeque;

use codec_rtc::extension::dependency::{DecodeTargetIndication, Descriptor, Reader};
use codec_rtc::jitter::video::FrameDependency;

/// Number of frames whose layer is known.
const RECENT_FRAMES: usize = 64;

/// Effect of a frame on viewers that do not get all layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LayerFacts {
    /// Whether it depends only on the base layer.
    pub(super) layer_sync: bool,
    /// Whether no later frame depends on it.
    pub(super) discardable: bool,
}

/// A frame that arrived, at least in part.
#[derive(Clone, Copy, Debug)]
struct KnownFrame {
    number: u16,
    temporal_id: u8,
    facts: LayerFacts,
}

/// Reads the descriptors of a stream.
#[derive(Debug, Default)]
pub(super) struct DescribedLayers {
    reader: Reader,
    recent: VecDeque<KnownFrame>,
}

impl DescribedLayers {
    /// Reads the descriptor of a packet; `None` if it is invalid, or its structure has not arrived.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Option<FrameDependency> {
        let descriptor = self.reader.read(bytes).ok()?;
        self.note(&descriptor);
        Some(FrameDependency::from(&descriptor))
    }

    fn note(&mut self, descriptor: &Descriptor) {
        let number = descriptor.frame_number;
        if self.find(number).is_some() {
            return;
        }
        let references = descriptor.frame_diffs.iter().map(|diff| number.wrapping_sub(*diff));
        let mut layers = references.map(|number| self.find(number).map(|frame| frame.temporal_id));
        let is_layer = descriptor.temporal_id > 0 && !descriptor.frame_diffs.is_empty();
        let layer_sync = is_layer && layers.all(|layer| layer == Some(0));
        let discardable = descriptor.dtis.last() == Some(&DecodeTargetIndication::Discardable);
        if self.recent.len() == RECENT_FRAMES {
            self.recent.pop_front();
        }
        let facts = LayerFacts { layer_sync, discardable };
        let temporal_id = descriptor.temporal_id;
        self.recent.push_back(KnownFrame { number, temporal_id, facts });
    }

    fn find(&self, number: u16) -> Option<&KnownFrame> {
        self.recent.iter().rev().find(|frame| frame.number == number)
    }

    /// Returns the facts of a frame by its number.
    pub(super) fn facts(&self, number: Option<u16>) -> LayerFacts {
        let found = number.and_then(|number| self.find(number));
        found.map(|frame| frame.facts).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use codec_rtc::extension::dependency::{DescriptorBuilder, FrameReferences, Writer};

    use super::*;

    #[test]
    fn layers_that_may_be_skipped_and_joined_are_known() {
        let mut layers = DescribedLayers::default();
        let mut builder = DescriptorBuilder::new(3, None).unwrap();
        let mut writer = Writer::default();
        let mut read = |number: i64, temporal_id, references: &[i64]| {
            let frame = FrameReferences { number, temporal_id, references };
            let mut bytes = Vec::new();
            writer.write(&builder.build(&frame).unwrap(), &mut bytes).unwrap();
            let dependency = layers.read(&bytes).unwrap();
            assert_eq!(dependency.temporal_id, temporal_id);
            let facts = layers.facts(Some(dependency.frame_number));
            (facts.layer_sync, facts.discardable)
        };
        assert_eq!(read(65535, 0, &[]), (false, false));
        assert_eq!(read(65536, 2, &[65535]), (true, true));
        assert_eq!(read(65537, 1, &[65535]), (true, false));
        assert_eq!(read(65538, 2, &[65537]), (false, true));
        assert_eq!(read(65539, 0, &[65535]), (false, false));
        assert_eq!(layers.facts(Some(7)), LayerFacts::default());
        assert_eq!(layers.facts(None), LayerFacts::default());
        assert_eq!(layers.read(&[1]), None);
    }
}
