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
    diffs: [u8; REFERENCES],
    len: usize,
}

impl LayerHead {
    /// References of the same layer, as distances between superframes.
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
    /// From the descriptors of the first packets of the layer frames. `None` if references are unknown, or
    /// if there are too many.
    pub(super) fn new<'a>(
        descriptors: impl Iterator<Item = &'a Descriptor>,
        group: &FrameGroup,
    ) -> Option<Self> {
        let mut all = Self::default();
        for descriptor in descriptors {
            descriptor.picture_id?;
            let references = group.references(descriptor)?;
            let mut diffs = [0; REFERENCES];
            diffs.get_mut(..references.len())?.copy_from_slice(references);
            *all.heads.get_mut(all.len)? = LayerHead {
                spatial_id: descriptor.spatial_id(),
                inter_layer: descriptor.layer.is_some_and(|layer| layer.inter_layer_predicted),
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

    /// The set of its layers.
    pub(super) fn bits(&self) -> u8 {
        self.as_slice().iter().fold(0, |set, head| set | head.bit())
    }
}
