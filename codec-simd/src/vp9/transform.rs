//! Transform sizes and types.

/// Size of a square transform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Vp9TxSize {
    #[default]
    Tx4,
    Tx8,
    Tx16,
    Tx32,
}

impl Vp9TxSize {
    /// All sizes, smallest first.
    pub const ALL: [Self; 4] = [Self::Tx4, Self::Tx8, Self::Tx16, Self::Tx32];

    /// Returns the transform whose width is `1 << log2` units of 4 pixels; at most 32 pixels.
    #[inline]
    #[must_use]
    pub fn from_log2_4(log2: usize) -> Self {
        Self::ALL[log2.min(3)]
    }

    /// Returns the width in units of 4 pixels.
    #[inline]
    #[must_use]
    pub fn units(self) -> usize {
        1 << self as usize
    }

    /// Returns the width in pixels.
    #[inline]
    #[must_use]
    pub fn pixels(self) -> usize {
        4 << self as usize
    }
}

/// Shifts of a forward transform by size: to the right between its passes, and to the left at its end.
/// The differences are multiplied by 4 before.
pub(crate) const VP9_FORWARD_SHIFTS: [(u32, u32); 4] = [(0, 0), (1, 0), (3, 1), (5, 1)];

/// Type of a transform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vp9TxKind {
    /// DCT in both directions.
    #[default]
    Dct,
    /// ADST in the columns, DCT in the rows. Up to 16x16.
    AdstColumns,
    /// ADST in the rows, DCT in the columns. Up to 16x16.
    AdstRows,
    /// ADST in both directions. Up to 16x16.
    AdstBoth,
    /// The lossless Walsh-Hadamard transform. 4x4 only.
    Wht,
}

impl Vp9TxKind {
    /// Whether the rows have an ADST.
    #[must_use]
    pub fn has_adst_rows(self) -> bool {
        matches!(self, Self::AdstRows | Self::AdstBoth)
    }

    /// Whether the columns have an ADST.
    #[must_use]
    pub fn has_adst_columns(self) -> bool {
        matches!(self, Self::AdstColumns | Self::AdstBoth)
    }
}
