//! Parameters of the temporal filter: how much of the source each pixel takes.

/// The largest share of the source: all of it.
const WHOLE: i16 = i16::MAX;

/// The share of the source in a filtered pixel, by the difference between source and history.
///
/// Up to `range` the share is `least`; from there to twice `range` it rises linearly to the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PixelWeight {
    /// The same number for each of four columns.
    range: [i16; 4],
    least: [i16; 4],
    slope: [i16; 4],
}

impl PixelWeight {
    /// Takes all of the source, at any difference.
    pub const SOURCE: Self = Self { range: [0; 4], least: [WHOLE; 4], slope: [0; 4] };

    /// Creates a weight. `range` is in 1/128 of a level. `least` is in 1/32768; values below
    /// `range` count as `range`, which limits the slope.
    #[must_use]
    pub fn new(range: u16, least: u16) -> Self {
        let range = i16::try_from(range).unwrap_or(WHOLE).min(WHOLE / 2);
        let least = i16::try_from(least).unwrap_or(WHOLE).max(range);
        if range == 0 {
            return Self::SOURCE;
        }
        // Rounded up, so that the share is whole at twice the range.
        let slope = (i32::from(WHOLE - least) + i32::from(range) - 1) / i32::from(range);
        let slope = i16::try_from(slope).unwrap_or(WHOLE);
        Self { range: [range; 4], least: [least; 4], slope: [slope; 4] }
    }
}

/// The weights of blocks of sixteen columns, by groups of four columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct TemporalWeights {
    pub(crate) range: [[i16; 4]; 4],
    pub(crate) least: [[i16; 4]; 4],
    pub(crate) slope: [[i16; 4]; 4],
}

impl TemporalWeights {
    /// Takes the weight of each group, from left to right.
    #[inline]
    #[must_use]
    pub fn new(groups: [&PixelWeight; 4]) -> Self {
        Self {
            range: groups.map(|group| group.range),
            least: groups.map(|group| group.least),
            slope: groups.map(|group| group.slope),
        }
    }

    /// The values of all sixteen columns.
    #[inline]
    pub(crate) fn columns(groups: &[[i16; 4]; 4]) -> &[i16; 16] {
        groups.as_flattened().first_chunk().unwrap_or(const { &[0; 16] })
    }
}
