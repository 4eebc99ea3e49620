//! Layer frames of a VP9 superframe and their references.

use crate::packet::vp9::{Descriptor, FrameGroup};

/// Number of spatial layers in payload descriptors.
const SPATIAL_LAYERS: usize = 8;
/// Number of references of a layer frame.
const REFERENCES: usize = 3;

/// All layers, and frames without spatial layers.
pub(super) const ALL_LAYERS: u8 = u8::MAX;

/// A layer frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LayerHead {
    pub(super) spatial_id: u8,
    /// Whether it depends on the next lower layer of its superframe.
    pub(super) inter_layer: bool,
    /// Whether its references are known.
    is_known: bool,
    diffs: [u8; REFERENCES],
    len: usize,
}

impl LayerHead {
    /// Whether it is known to have no references of the same layer.
    pub(super) fn is_intra(&self) -> bool {
        self.is_known && self.len == 0
    }

    /// References of the same layer, as distances between superframes; empty if they are unknown.
    pub(super) fn diffs(&self) -> &[u8] {
        self.diffs.get(..self.len).unwrap_or_default()
    }

    /// Its bit in sets of layers.
    pub(super) fn bit(&self) -> u8 {
        bit(self.spatial_id)
    }
}

/// The bit of a layer in sets of layers.
pub(super) fn bit(spatial_id: u8) -> u8 {
    1 << (spatial_id & 7)
}

/// The layer frames of a superframe, the smallest first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LayerHeads {
    heads: [LayerHead; SPATIAL_LAYERS],
    len: usize,
}

impl LayerHeads {
    /// From the descriptors of the first packets of the layer frames. `None` if there are too many layer
    /// frames or references.
    pub(super) fn new<'a>(
        descriptors: impl Iterator<Item = &'a Descriptor>,
        group: &FrameGroup,
    ) -> Option<Self> {
        let mut all = Self::default();
        for descriptor in descriptors {
            let stated = descriptor.picture_id.and_then(|_| group.references(descriptor));
            let references = stated.unwrap_or_default();
            let mut diffs = [0; REFERENCES];
            diffs.get_mut(..references.len())?.copy_from_slice(references);
            *all.heads.get_mut(all.len)? = LayerHead {
                spatial_id: descriptor.spatial_id(),
                inter_layer: descriptor.layer.is_some_and(|layer| layer.inter_layer_predicted),
                is_known: stated.is_some(),
                diffs,
                len: references.len(),
            };
            all.len += 1;
        }
        (all.len > 0).then_some(all)
    }

    pub(super) fn as_slice(&self) -> &[LayerHead] {
        self.heads.get(..self.len).unwrap_or_default()
    }

    /// Whether the references of all layer frames are known.
    pub(super) fn are_known(&self) -> bool {
        self.as_slice().iter().all(|head| head.is_known)
    }

    /// The set of its layers.
    pub(super) fn bits(&self) -> u8 {
        self.as_slice().iter().fold(0, |set, head| set | head.bit())
    }
}
