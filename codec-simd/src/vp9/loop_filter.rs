//! Edges of the loop filter.

/// Filter of an edge: 0 to 3, as the constants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vp9EdgeFilter(pub u8);

impl Vp9EdgeFilter {
    /// The edge is not filtered.
    pub const NONE: Self = Self(0);
    /// Reads 8 samples, 4 on each side, of which up to 4 change.
    pub const TAPS_4: Self = Self(1);
    /// Reads 8 samples, of which up to 6 change.
    pub const TAPS_8: Self = Self(2);
    /// Reads 16 samples, of which up to 14 change.
    pub const TAPS_16: Self = Self(3);
}

/// Number of units in [`Vp9Edges`].
pub const VP9_EDGE_UNITS: usize = 4;
/// Number of lines of a unit.
pub const VP9_EDGE_LINES: usize = 8;

/// An edge along four successive units of 8 lines. Limits are for 8 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vp9Edges {
    /// Filter of each unit.
    pub filters: [Vp9EdgeFilter; VP9_EDGE_UNITS],
    /// Limit of the difference across the edge, `2 * (level + 2) + inner`; at most 193.
    pub edge: [u8; VP9_EDGE_UNITS],
    /// Limit between neighbouring samples on each side.
    pub inner: [u8; VP9_EDGE_UNITS],
    /// Differences next to the edge above this are high variance; `level >> 4`.
    pub variance: [u8; VP9_EDGE_UNITS],
}

impl Vp9Edges {
    /// Whether no unit is filtered.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filters == [Vp9EdgeFilter::NONE; VP9_EDGE_UNITS]
    }
}
