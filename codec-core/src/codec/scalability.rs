//! Scalability modes: numbers of spatial and temporal layers, and prediction between spatial layers.

use std::fmt;

use crate::frame::Size;

/// When frames of a spatial layer may predict from the next lower layer of their superframe.
///
/// The default is `Always`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InterLayer {
    /// In every superframe: the fewest bits for a receiver of the highest layer.
    #[default]
    Always,
    /// Only in key superframes and in those where a layer starts, so that a receiver of a layer needs the
    /// lower layers only there. The names of these modes end in `_KEY`.
    KeyPictures,
}

/// Scalability mode, with WebRTC's names: `L3T2` has three spatial and two temporal layers.
///
/// Each spatial layer has twice the width and height of the next lower one. The default is `L1T1`.
///
/// ```
/// use codec_core::codec::{InterLayer, Scalability};
///
/// let mode = Scalability::L3T2_KEY;
/// assert_eq!((mode.spatial_layers(), mode.temporal_layers()), (3, 2));
/// assert_eq!(mode.inter_layer(), InterLayer::KeyPictures);
/// assert_eq!(mode.to_string(), "L3T2_KEY");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scalability {
    spatial: u8,
    temporal: u8,
    inter_layer: InterLayer,
}

macro_rules! modes {
    ($($name:ident = $spatial:literal, $temporal:literal, $inter_layer:ident;)*) => {
        #[expect(missing_docs, reason = "the names say all")]
        impl Scalability {
            $(pub const $name: Self = Self {
                spatial: $spatial,
                temporal: $temporal,
                inter_layer: InterLayer::$inter_layer,
            };)*

            /// All modes with their names.
            pub const ALL: &[(&str, Self)] = &[$((stringify!($name), Self::$name)),*];
        }
    };
}

modes! {
    L1T1 = 1, 1, Always;
    L1T2 = 1, 2, Always;
    L1T3 = 1, 3, Always;
    L2T1 = 2, 1, Always;
    L2T2 = 2, 2, Always;
    L2T3 = 2, 3, Always;
    L3T1 = 3, 1, Always;
    L3T2 = 3, 2, Always;
    L3T3 = 3, 3, Always;
    L2T1_KEY = 2, 1, KeyPictures;
    L2T2_KEY = 2, 2, KeyPictures;
    L2T3_KEY = 2, 3, KeyPictures;
    L3T1_KEY = 3, 1, KeyPictures;
    L3T2_KEY = 3, 2, KeyPictures;
    L3T3_KEY = 3, 3, KeyPictures;
}

impl Scalability {
    /// The modes with one spatial layer.
    pub const TEMPORAL: &[Self] = &[Self::L1T1, Self::L1T2, Self::L1T3];

    /// Returns the number of spatial layers, 1 to 3.
    #[must_use]
    pub const fn spatial_layers(self) -> u8 {
        self.spatial
    }

    /// Returns the number of temporal layers, 1 to 3.
    #[must_use]
    pub const fn temporal_layers(self) -> u8 {
        self.temporal
    }

    /// Returns when spatial layers predict from lower ones.
    #[must_use]
    pub const fn inter_layer(self) -> InterLayer {
        self.inter_layer
    }

    /// Returns the mode with the same temporal layers and one spatial layer.
    #[must_use]
    pub const fn of_one_layer(self) -> Self {
        Self { spatial: 1, inter_layer: InterLayer::Always, ..self }
    }

    /// Returns the frame size of spatial layer `id` for input frames of `size`: the size of the highest layer,
    /// halved and rounded up for each layer below it.
    #[must_use]
    pub fn layer_size(self, size: Size, id: u8) -> Size {
        let steps = self.spatial.saturating_sub(1).saturating_sub(id);
        (0..steps).fold(size, |size, _| size.chroma())
    }
}

impl Default for Scalability {
    fn default() -> Self {
        Self::L1T1
    }
}

impl fmt::Display for Scalability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.inter_layer {
            InterLayer::Always => "",
            InterLayer::KeyPictures => "_KEY",
        };
        write!(f, "L{}T{}{suffix}", self.spatial, self.temporal)
    }
}

impl fmt::Debug for Scalability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_constants() {
        for (name, mode) in Scalability::ALL {
            assert_eq!(*name, mode.to_string());
        }
    }

    #[test]
    fn layers_halve_the_size_and_round_up() {
        let sizes = [0, 1, 2].map(|id| Scalability::L3T1.layer_size(Size::new(1279, 720), id));
        assert_eq!(sizes, [Size::new(320, 180), Size::new(640, 360), Size::new(1279, 720)]);
    }
}
