//! Parameters of the temporal denoising filter: in each filtered pixel, the weight of the source
//! against the history (the mean of earlier frames).

/// The largest share of the source: all of it.
const WHOLE: i16 = i16::MAX;

/// The share of the source in a filtered pixel, by the difference between source and history.
///
/// Up to `range` the share is `least`; from there to twice `range` it rises linearly to the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PixelWeight {
    /// The same number for each of four columns, in the order of their bytes in memory.
    range: [u8; 8],
    least: [u8; 8],
    slope: [u8; 8],
}

/// The bytes of four equal numbers.
const fn four(number: i16) -> [u8; 8] {
    let [low, high] = number.to_le_bytes();
    [low, high, low, high, low, high, low, high]
}

impl PixelWeight {
    /// The share is 1 at any difference: the filtered pixel equals the source.
    pub const SOURCE: Self = Self { range: four(0), least: four(WHOLE), slope: four(0) };

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
        Self { range: four(range), least: four(least), slope: four(slope) }
    }
}

/// The weights of blocks of sixteen columns, by groups of four columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemporalWeights<'a> {
    groups: [&'a PixelWeight; 4],
}

impl<'a> TemporalWeights<'a> {
    /// Creates the weights of a block from the weight of each group, from left to right.
    #[inline]
    #[must_use]
    pub fn new(groups: [&'a PixelWeight; 4]) -> Self {
        Self { groups }
    }

    /// The ranges of all sixteen columns, as the bytes of the four groups.
    #[inline]
    pub(crate) fn ranges(&self) -> [[u8; 8]; 4] {
        self.groups.map(|group| group.range)
    }

    /// The least shares of all sixteen columns, as the bytes of the four groups.
    #[inline]
    pub(crate) fn leasts(&self) -> [[u8; 8]; 4] {
        self.groups.map(|group| group.least)
    }

    /// The slopes of all sixteen columns, as the bytes of the four groups.
    #[inline]
    pub(crate) fn slopes(&self) -> [[u8; 8]; 4] {
        self.groups.map(|group| group.slope)
    }

    /// The values of all sixteen columns.
    #[inline]
    pub(crate) fn columns(groups: [[u8; 8]; 4]) -> [i16; 16] {
        let (pairs, _) = groups.as_flattened().as_chunks::<2>();
        std::array::from_fn(|x| pairs.get(x).map_or(0, |&pair| i16::from_le_bytes(pair)))
    }
}
