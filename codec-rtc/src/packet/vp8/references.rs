//! Decodability of frames, derived from their VP8 payload descriptors. RFC 7741, section 4.2.

use super::descriptor::{Descriptor, PictureId};

/// Whether all references of a frame were received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decodable {
    /// The frame decodes to the encoder's reconstruction.
    Yes,
    /// A reference is missing, or may be: the descriptor is not always sufficient.
    No,
}

/// Tracks the frames of a stream in decoding order.
///
/// Without temporal layers, a frame is assumed to reference the previous frame, regardless of the
/// buffers it actually uses; a non-reference frame may be missing. With temporal layers, a
/// base-layer frame references the previous base-layer frame (TL0PICIDX). A frame of a higher layer
/// references only its base-layer frame if it is a layer-sync frame (Y), otherwise also every frame
/// since then.
#[derive(Clone, Debug, Default)]
pub struct References {
    /// A key frame was received, and the base layer has been complete since.
    base_whole: bool,
    last_id: Option<PictureId>,
    last_tl0: Option<u8>,
    last_key_index: Option<u8>,
    /// For each enhancement layer: complete since its last layer-sync frame.
    whole: [bool; 3],
}

impl References {
    /// Creates the state before the first frame.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of frames between the last one and one with this `PictureID`; `None` if either has
    /// none.
    #[must_use]
    pub fn missing_before(&self, id: Option<PictureId>) -> Option<u16> {
        let (last, id) = (self.last_id?, id?);
        Some(id.steps_from(last).saturating_sub(1))
    }

    /// Adds the next frame in decoding order. `complete`: all its packets were received. `gap`:
    /// packets are missing between it and the previous frame.
    pub fn record(
        &mut self,
        descriptor: &Descriptor,
        is_key: bool,
        complete: bool,
        gap: bool,
    ) -> Decodable {
        // The PictureID is more precise than a gap, whose packets may belong to the end of a frame
        // already counted.
        let missing = match self.missing_before(descriptor.picture_id) {
            Some(frames) => frames > 0,
            None => gap,
        };
        self.last_id = descriptor.picture_id.or(self.last_id);
        if is_key && complete {
            (self.base_whole, self.whole) = (true, [true; 3]);
            (self.last_tl0, self.last_key_index) = (descriptor.tl0_pic_idx, descriptor.key_idx);
            return Decodable::Yes;
        }
        if is_key {
            self.base_whole = false;
            return Decodable::No;
        }
        if descriptor.key_idx.is_some() && descriptor.key_idx != self.last_key_index {
            self.base_whole = false;
        }
        let fine = match (descriptor.tl0_pic_idx, descriptor.layer) {
            (Some(tl0), Some(layer)) => {
                if missing {
                    self.whole = [false; 3];
                }
                self.follow_layers(tl0, layer.temporal_id, layer.layer_sync, complete)
            }
            _ => {
                self.base_whole &= !missing;
                let fine = self.base_whole && complete;
                self.base_whole &= complete || descriptor.non_reference;
                fine
            }
        };
        if fine { Decodable::Yes } else { Decodable::No }
    }

    fn follow_layers(&mut self, tl0: u8, layer: u8, sync: bool, complete: bool) -> bool {
        let steps = self.last_tl0.map(|last| tl0.wrapping_sub(last));
        if layer == 0 {
            self.base_whole &= complete && steps == Some(1);
            self.last_tl0 = Some(tl0);
            return self.base_whole;
        }
        // A frame of a higher layer that belongs to a newer base-layer frame.
        if steps != Some(0) {
            self.base_whole = false;
            self.last_tl0 = Some(tl0);
        }
        let index = usize::from(layer - 1).min(2);
        let fine = self.base_whole && complete && (sync || self.whole[index]);
        if sync {
            self.whole[index] = fine;
        }
        if !fine {
            // Frames of its layer and above may reference it.
            self.whole[index..].fill(false);
        }
        fine
    }

    /// Whether a key frame is needed because the base layer is incomplete.
    #[must_use]
    pub fn needs_key_frame(&self) -> bool {
        !self.base_whole
    }
}

#[cfg(test)]
mod tests {
    use super::super::descriptor::LayerInfo;
    use super::*;

    fn plain(id: u16) -> Descriptor {
        Descriptor { picture_id: Some(PictureId::Long(id & 0x7fff)), ..Descriptor::default() }
    }

    fn layered(id: u16, tl0: u8, temporal_id: u8, layer_sync: bool) -> Descriptor {
        Descriptor {
            tl0_pic_idx: Some(tl0),
            layer: Some(LayerInfo { temporal_id, layer_sync }),
            ..plain(id)
        }
    }

    #[test]
    fn missing_frame_breaks_decoding_until_a_key_frame() {
        let mut refs = References::new();
        assert_eq!(refs.record(&plain(0x7fff), false, true, false), Decodable::No);
        assert_eq!(refs.record(&plain(0), true, true, false), Decodable::Yes);
        assert_eq!(refs.record(&plain(1), false, true, false), Decodable::Yes);
        assert_eq!(refs.record(&plain(3), false, true, true), Decodable::No);
        assert_eq!(refs.record(&plain(4), false, true, false), Decodable::No);
        assert!(refs.needs_key_frame());
        assert_eq!(refs.record(&plain(6), true, true, true), Decodable::Yes);
        assert!(!refs.needs_key_frame());
    }

    #[test]
    fn non_reference_frame_may_be_damaged() {
        let mut refs = References::new();
        refs.record(&plain(0), true, true, false);
        let free = Descriptor { non_reference: true, ..plain(1) };
        assert_eq!(refs.record(&free, false, false, false), Decodable::No);
        assert_eq!(refs.record(&plain(2), false, true, false), Decodable::Yes);
    }

    #[test]
    fn missing_upper_layers_keep_the_base_and_recover_at_a_sync_frame() {
        let mut refs = References::new();
        refs.record(&layered(0, 255, 0, false), true, true, false);
        assert_eq!(refs.record(&layered(1, 255, 2, true), false, true, false), Decodable::Yes);
        // Frame 2 of layer 1 is missing.
        assert_eq!(refs.record(&layered(3, 255, 2, false), false, true, true), Decodable::No);
        assert_eq!(refs.record(&layered(4, 0, 0, false), false, true, false), Decodable::Yes);
        assert_eq!(refs.record(&layered(5, 0, 2, false), false, true, false), Decodable::No);
        assert_eq!(refs.record(&layered(6, 0, 1, true), false, true, false), Decodable::Yes);
        assert_eq!(refs.record(&layered(7, 0, 2, true), false, true, false), Decodable::Yes);
    }

    #[test]
    fn missing_base_frame_is_detected_by_tl0picidx() {
        let mut refs = References::new();
        refs.record(&layered(0, 9, 0, false), true, true, false);
        // Base-layer frame 10 is missing.
        assert_eq!(refs.record(&layered(2, 10, 1, true), false, true, true), Decodable::No);
        assert_eq!(refs.record(&layered(3, 11, 0, false), false, true, false), Decodable::No);
        assert!(refs.needs_key_frame());
    }

    #[test]
    fn new_keyidx_without_its_key_frame_is_not_decodable() {
        let with = |id, key_index| Descriptor { key_idx: Some(key_index), ..plain(id) };
        let mut refs = References::new();
        refs.record(&with(0, 3), true, true, false);
        assert_eq!(refs.record(&with(1, 3), false, true, false), Decodable::Yes);
        assert_eq!(refs.record(&with(2, 4), false, true, false), Decodable::No);
    }

    #[test]
    fn packet_gaps_are_used_without_picture_ids() {
        let none = Descriptor::default();
        let mut refs = References::new();
        refs.record(&none, true, true, false);
        assert_eq!(refs.record(&none, false, true, false), Decodable::Yes);
        assert_eq!(refs.record(&none, false, true, true), Decodable::No);
    }
}
