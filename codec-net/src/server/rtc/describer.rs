//! Dependency Descriptors of the H.264 frames that a viewer receives. The payload format has no frame numbers: without
//! descriptors, a viewer could not distinguish the loss of a FEC packet from the loss of a part of a frame.

use codec_rtc::extension::dependency::{DescriptorBuilder, FrameReferences, Writer};

use super::super::media::VideoFrame;

/// Temporal layers of the structure; a stream may have fewer.
const LAYERS: u8 = 3;

/// Numbers the frames of a viewer.
#[derive(Clone, Debug, Default)]
pub(super) struct Describer {
    builder: Option<DescriptorBuilder>,
    writer: Writer,
    next: i64,
    /// The last frame of each layer that others may depend on.
    last: [Option<i64>; LAYERS as usize],
}

impl Describer {
    /// Returns the descriptor of the next frame, as if it were one packet; `None` before the first key
    /// frame.
    pub(super) fn describe(&mut self, frame: &VideoFrame) -> Option<Vec<u8>> {
        let number = self.next;
        self.next += 1;
        if self.builder.is_none() {
            self.builder = DescriptorBuilder::new(LAYERS, None).ok();
        }
        let temporal_id = if frame.key { 0 } else { frame.temporal_id.min(LAYERS - 1) };
        let layer = usize::from(temporal_id);
        let last = self.last.iter().take(layer + 1).flatten().max().copied();
        let references = last.filter(|_| !frame.key);
        let references = FrameReferences { number, temporal_id, references: references.as_slice() };
        if frame.key {
            self.last = [None; LAYERS as usize];
        } else if last.is_none() {
            return None;
        }
        if let Some(last) = self.last.get_mut(layer).filter(|_| frame.key || !frame.discardable) {
            *last = Some(number);
        }
        let descriptor = self.builder.as_mut()?.build(&references).ok()?;
        let mut bytes = Vec::new();
        self.writer.write(&descriptor, &mut bytes).ok()?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use codec_rtc::extension::dependency::Reader;

    use super::*;

    #[test]
    fn frames_refer_to_the_last_ones_that_they_may_depend_on() {
        let (mut describer, mut reader) = (Describer::default(), Reader::default());
        let frame = |key, temporal_id, discardable| VideoFrame {
            key,
            temporal_id,
            discardable,
            ..VideoFrame::default()
        };
        assert_eq!(describer.describe(&frame(false, 0, false)), None, "no key frame");
        // The discardable frame of layer 1 is no reference, and one of layer 2 was held back.
        for (key, temporal_id, discardable, diffs) in [
            (true, 0, false, &[][..]),
            (false, 2, true, &[1]),
            (false, 1, false, &[2]),
            (false, 2, true, &[1]),
            (false, 0, false, &[4]),
            (false, 1, true, &[1]),
            (false, 0, true, &[2]),
            (false, 0, false, &[3]),
            (true, 0, false, &[]),
            (false, 1, false, &[1]),
        ] {
            let bytes = describer.describe(&frame(key, temporal_id, discardable)).unwrap();
            let read = reader.read(&bytes).unwrap();
            assert_eq!((read.temporal_id, read.frame_diffs.as_slice()), (temporal_id, diffs));
            assert_eq!(read.structure.is_some(), key);
        }
    }
}
