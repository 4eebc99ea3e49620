//! Selects the spatial and temporal layers of a VP9 stream for one subscriber. RFC 9628, section 3.

/// Number of superframes whose layers are known; references reach at most 255 back.
const HISTORY: i64 = 256;
/// Number of spatial layers in payload descriptors.
const SPATIAL_LAYERS: u8 = 8;

/// The start of a superframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureStart {
    /// Number of the superframe; does not wrap.
    pub number: i64,
    /// Temporal layer.
    pub temporal_id: u8,
    /// Whether it is a key superframe.
    pub is_key: bool,
    /// Whether a layer above the current one may be added at a superframe that is not a key superframe, if
    /// its references allow it. `true` if superframes are forwarded as a whole. If single packets are
    /// forwarded, `true` only if the last layer of the superframe is known in advance, because its last
    /// packet needs the marker.
    pub may_join: bool,
}

/// A layer frame and the frames that it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerDependencies<'a> {
    /// Spatial layer.
    pub spatial_id: u8,
    /// Whether it depends on the next lower spatial layer of its superframe.
    pub inter_layer: bool,
    /// References of the same spatial layer, as distances between superframes; `None` if they are unknown.
    pub references: Option<&'a [u8]>,
    /// Switching-up point: later frames of higher temporal layers depend on no frame of those layers before
    /// this superframe.
    pub switching_up: bool,
}

/// Which layers of a superframe the subscriber has.
#[derive(Clone, Copy, Debug)]
struct Picture {
    number: i64,
    temporal_id: u8,
    /// Highest spatial layer that may be forwarded.
    top: u8,
    /// Layers with a decision, as bits.
    decided: u8,
    /// Layers that the subscriber lacks, as bits.
    dropped: u8,
    /// Set if no packet of it has arrived: highest temporal layer that would have been forwarded.
    missing: Option<u8>,
}

/// Selects layers so that everything that is forwarded can be decoded.
///
/// Lower limits apply to the next superframe. Higher limits apply as soon as the references of a layer
/// frame allow it: an upper spatial layer needs a superframe in which it depends only on the layer below
/// (always a key superframe), an upper temporal layer a frame whose references were all forwarded or, if
/// references are unknown, a switching-up point. Superframes that were lost before the selector count as
/// forwarded, because they may still arrive.
#[derive(Clone, Debug)]
pub struct LayerSelector {
    max_spatial: u8,
    max_temporal: u8,
    top: u8,
    /// Highest temporal layer without a further switching-up point, if references are unknown.
    temporal: u8,
    pictures: Vec<Picture>,
    newest: Option<i64>,
    /// Whether a wanted spatial layer was not forwarded: in this superframe, and in the one before.
    waits: (bool, bool),
    forwarded: u8,
}

impl Default for LayerSelector {
    fn default() -> Self {
        Self::new()
    }
}

/// Bits of the layers above one.
fn above(layer: u8) -> u8 {
    u8::MAX.checked_shl(u32::from(layer) + 1).unwrap_or(0)
}

fn bit(layer: u8) -> u8 {
    1_u8.checked_shl(layer.into()).unwrap_or(0)
}

impl LayerSelector {
    /// Creates a selector that forwards all layers.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_spatial: u8::MAX,
            max_temporal: u8::MAX,
            top: u8::MAX,
            temporal: u8::MAX,
            pictures: Vec::new(),
            newest: None,
            waits: (false, false),
            forwarded: 0,
        }
    }

    /// Sets the highest spatial layer to forward.
    pub fn set_max_spatial_layer(&mut self, layer: u8) {
        if layer < self.max_spatial {
            self.waits = (false, false);
        }
        self.max_spatial = layer;
    }

    /// Sets the highest temporal layer to forward.
    pub fn set_max_temporal_layer(&mut self, layer: u8) {
        self.max_temporal = layer;
    }

    /// Highest temporal layer that is forwarded.
    #[must_use]
    pub fn temporal_layer(&self) -> u8 {
        self.temporal.min(self.max_temporal)
    }

    /// Highest spatial layer that was forwarded of the last superframe.
    #[must_use]
    pub fn spatial_layer(&self) -> u8 {
        self.forwarded
    }

    /// Whether a spatial layer that is wanted and present can only be added at a key superframe.
    #[must_use]
    pub fn needs_key_frame(&self) -> bool {
        self.waits.0 || self.waits.1
    }

    /// Starts a superframe. A further call with the same number has no effect.
    pub fn begin(&mut self, start: PictureStart) {
        let known = self.picture(start.number).copied();
        if known.is_some_and(|picture| picture.missing.is_none()) || self.is_too_old(start.number) {
            return;
        }
        if known.is_none() {
            self.skip_to(start.number);
        }
        self.temporal = self.temporal.min(self.max_temporal);
        if start.is_key {
            self.temporal = self.max_temporal;
        }
        self.waits = (false, self.waits.0 && !start.is_key);
        let joins = start.is_key || start.may_join;
        self.top = if joins { self.max_spatial } else { self.top.min(self.max_spatial) };
        let top = known.map_or(self.top, |missing| missing.top.min(self.top));
        let passes = start.temporal_id <= self.max_temporal;
        self.insert(Picture {
            number: start.number,
            temporal_id: start.temporal_id,
            top,
            decided: 0,
            dropped: if passes { above(top) } else { u8::MAX },
            missing: None,
        });
    }

    /// Returns whether a layer frame of a superframe that was begun is forwarded. The lower layers of the
    /// superframe come first.
    pub fn admits(&mut self, number: i64, layer: &LayerDependencies<'_>) -> bool {
        let id = layer.spatial_id.min(SPATIAL_LAYERS - 1);
        let Some(picture) = self.picture(number).copied().filter(|it| it.missing.is_none()) else {
            return false;
        };
        if picture.decided & bit(id) != 0 {
            return picture.dropped & bit(id) == 0;
        }
        let is_wanted = picture.dropped & bit(id) == 0;
        let depends = layer.inter_layer && id > 0 && picture.dropped & bit(id - 1) != 0;
        let admitted = is_wanted && !depends && self.has_references(&picture, id, layer);
        if admitted {
            self.forwarded = if id == 0 { 0 } else { self.forwarded.max(id) };
            let is_known = layer.references.is_some();
            if layer.switching_up && picture.temporal_id <= self.temporal {
                self.temporal = self.max_temporal;
            } else if is_known {
                self.temporal = self.temporal.max(picture.temporal_id);
            }
        } else if id > 0 && picture.dropped & bit(0) == 0 {
            // The reason is not the temporal layer.
            if is_wanted {
                self.top = self.top.min(id - 1);
            }
            self.waits.0 |= id <= self.max_spatial;
        }
        if let Some(picture) = self.picture_mut(number) {
            picture.decided |= bit(id);
            picture.dropped |= if admitted { 0 } else { bit(id) };
        }
        admitted
    }

    /// Returns whether the layer is the last one of its superframe that may be forwarded.
    #[must_use]
    pub fn is_top(&self, number: i64, spatial_id: u8) -> bool {
        self.picture(number).is_some_and(|picture| picture.top == spatial_id)
    }

    /// Whether the subscriber has all references of a layer frame, or may still get them.
    fn has_references(&self, picture: &Picture, id: u8, layer: &LayerDependencies<'_>) -> bool {
        let Some(references) = layer.references else {
            return picture.temporal_id <= self.temporal;
        };
        references.iter().all(|&diff| {
            let Some(other) = self.picture(picture.number - i64::from(diff)) else { return true };
            let was_above = other.missing.is_some_and(|temporal| picture.temporal_id > temporal);
            other.dropped & bit(id) == 0 && !was_above
        })
    }

    fn place(number: i64) -> usize {
        usize::try_from(number.rem_euclid(HISTORY)).unwrap_or(0)
    }

    fn picture(&self, number: i64) -> Option<&Picture> {
        self.pictures.get(Self::place(number)).filter(|picture| picture.number == number)
    }

    fn picture_mut(&mut self, number: i64) -> Option<&mut Picture> {
        self.pictures.get_mut(Self::place(number)).filter(|picture| picture.number == number)
    }

    fn is_too_old(&self, number: i64) -> bool {
        self.newest.is_some_and(|newest| newest - number >= HISTORY)
    }

    /// Notes the superframes that are missing before `number`.
    fn skip_to(&mut self, number: i64) {
        let first = self.newest.map_or(number, |newest| newest + 1);
        let first = first.max(number - HISTORY);
        for missing in first..number {
            self.insert(Picture {
                number: missing,
                temporal_id: 0,
                top: self.top.min(self.max_spatial),
                decided: 0,
                dropped: above(self.top.min(self.max_spatial)),
                missing: Some(self.temporal.min(self.max_temporal)),
            });
        }
    }

    fn insert(&mut self, picture: Picture) {
        if self.pictures.is_empty() {
            let none = Picture { number: i64::MIN, missing: None, ..picture };
            self.pictures = vec![none; usize::try_from(HISTORY).unwrap_or(0)];
        }
        self.newest = Some(self.newest.map_or(picture.number, |it| it.max(picture.number)));
        if let Some(place) = self.pictures.get_mut(Self::place(picture.number)) {
            *place = picture;
        }
    }
}
