//! Decodability of VP9 superframes whose references are not stated: the non-flexible mode without a frame group.
//! RFC 9628, section 4.2.

use super::layers::{LayerHeads, bit};
use crate::packet::vp9::Descriptor;

/// Number of temporal layers above the base layer that are told apart.
const UPPER_LAYERS: usize = 3;

/// Temporal layer of a superframe.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TemporalPlace {
    /// Temporal layer, and TL0PICIDX; `None` if one of them is not stated.
    layer: Option<(u8, u8)>,
    /// No later superframe of a higher temporal layer references an earlier one of such a layer (U).
    switching_up: bool,
}

impl TemporalPlace {
    pub(super) fn of(descriptor: &Descriptor) -> Self {
        let layer = descriptor.layer;
        Self {
            layer: layer.map(|layer| layer.temporal_id).zip(descriptor.tl0_pic_idx),
            switching_up: layer.is_some_and(|layer| layer.switching_up),
        }
    }

    /// Index of the temporal layer above the base layer.
    fn upper(self) -> Option<usize> {
        let (temporal_id, _) = self.layer?;
        Some(usize::from(temporal_id).checked_sub(1)?.min(UPPER_LAYERS - 1))
    }
}

/// Tracks the spatial layers that were decoded since the key superframe.
///
/// A layer frame is assumed to reference its layer in the last superframe of the temporal base layer, and in
/// all superframes since the last switching-up point of its own and lower temporal layers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AssumedLayers {
    /// Set of the spatial layers that are complete in the temporal base layer.
    base: u8,
    /// Of these, the sets that are complete in each temporal layer above it.
    upper: [u8; UPPER_LAYERS],
    last_tl0: Option<u8>,
}

impl AssumedLayers {
    /// The state before a superframe. `missing`: others before it are missing.
    fn before(mut self, place: TemporalPlace, missing: bool) -> Self {
        let Some((temporal_id, tl0)) = place.layer else {
            if missing {
                self.base = 0;
            }
            return self;
        };
        if missing {
            self.upper = [0; UPPER_LAYERS];
        }
        let steps = self.last_tl0.map(|last| tl0.wrapping_sub(last));
        if steps != Some(u8::from(temporal_id == 0)) {
            // A superframe of the temporal base layer is missing.
            self.base = 0;
        }
        self
    }

    fn available(&self, place: TemporalPlace) -> u8 {
        self.base & place.upper().map_or(u8::MAX, |at| self.upper[at])
    }

    /// Returns the set of the layers of a superframe that can be decoded. `missing`: superframes before it are
    /// missing.
    pub(super) fn decodable(
        &self,
        layers: &LayerHeads,
        place: TemporalPlace,
        is_key: bool,
        missing: bool,
    ) -> u8 {
        let before = self.before(place, missing);
        let available = before.available(place);
        let mut found = 0;
        for layer in layers.as_slice() {
            let lower = layer.spatial_id.checked_sub(1).map_or(0, bit);
            // Layers that return reference the lower layer only.
            let has_references =
                is_key || layer.is_intra() && before.base != 0 || available & layer.bit() != 0;
            if has_references && (!layer.inter_layer || found & lower != 0) {
                found |= layer.bit();
            }
        }
        found
    }

    /// Records a superframe of which these layers were decoded; none if it was skipped.
    pub(super) fn record(
        &mut self,
        place: TemporalPlace,
        is_key: bool,
        missing: bool,
        decoded: u8,
    ) {
        *self = self.before(place, missing);
        match place.upper() {
            _ if is_key => (self.base, self.upper) = (decoded, [decoded; UPPER_LAYERS]),
            None => {
                let returned = decoded & !self.base;
                self.upper = self.upper.map(|layers| layers | returned);
                self.base = decoded;
            }
            // Superframes of its temporal layer and the higher ones may reference it.
            Some(at) => self.upper[at..].iter_mut().for_each(|layers| *layers &= decoded),
        }
        if place.switching_up {
            let available = self.available(place);
            let above = place.upper().map_or(0, |at| at + 1);
            self.upper[above..].fill(available);
        }
        self.last_tl0 = place.layer.map(|(_, tl0)| tl0).or(self.last_tl0);
    }
}
