//! The quantised coefficients (levels) of coded transforms, in the order of the stream.

/// A level with the probabilities of its token.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Level {
    pub(crate) value: i16,
    pub(crate) context: TokenContext,
}

/// Band and context of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenContext(u8);

impl TokenContext {
    /// Creates the context `context` of a band.
    #[inline]
    pub(crate) fn new(band: u8, context: u8) -> Self {
        Self(8 * band + context)
    }

    /// The index in arrays of all contexts of all bands, which have room for indices of three bits.
    #[inline]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0 % 64)
    }

    #[inline]
    pub(crate) fn band(self) -> usize {
        usize::from(self.0 / 8)
    }

    #[inline]
    pub(crate) fn context(self) -> usize {
        usize::from(self.0 % 8)
    }
}

/// A coded transform.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Coefficients<'a> {
    /// Levels in scan order, up to the last one that is not zero.
    pub(crate) levels: &'a [Level],
    /// Where the end of the block is coded; `None` after the last position.
    pub(crate) end: Option<TokenContext>,
}

impl Coefficients<'_> {
    /// A transform without levels, next to `context` others that have any.
    pub(crate) fn none(context: usize) -> Self {
        Self { levels: &[], end: Some(TokenContext::new(0, context.to_le_bytes()[0])) }
    }
}

/// The levels of transforms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    /// Number of levels of each transform up to the last one that is not zero, and where the end is coded.
    ends: Vec<(u16, Option<TokenContext>)>,
    /// These levels, in scan order.
    values: Vec<Level>,
}

/// A position in [`Levels`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LevelMark {
    transforms: usize,
    values: usize,
}

impl Levels {
    /// Allocates room for `samples` samples in transforms of 4x4 each.
    pub(crate) fn reserve(&mut self, samples: usize) {
        self.ends.reserve(samples / 16);
        self.values.reserve(samples);
    }

    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.values.clear();
    }

    /// Adds a transform.
    pub(crate) fn push(&mut self, coefficients: Coefficients<'_>) {
        let Coefficients { levels, end } = coefficients;
        if !levels.is_empty() {
            self.values.extend_from_slice(levels);
        }
        self.ends.push((u16::try_from(levels.len()).unwrap_or(u16::MAX), end));
    }

    /// The end of the levels.
    pub(crate) fn mark(&self) -> LevelMark {
        LevelMark { transforms: self.ends.len(), values: self.values.len() }
    }

    /// Removes the transforms after a mark.
    pub(crate) fn truncate(&mut self, mark: LevelMark) {
        self.ends.truncate(mark.transforms);
        self.values.truncate(mark.values);
    }

    /// Adds all transforms of `other`.
    pub(crate) fn append(&mut self, other: &Self) {
        self.ends.extend_from_slice(&other.ends);
        self.values.extend_from_slice(&other.values);
    }

    /// Reads the transforms after a mark.
    pub(crate) fn reader_from(&self, mark: LevelMark) -> LevelReader<'_> {
        let LevelMark { transforms, values } = mark;
        LevelReader { ends: self.ends[transforms..].iter(), values: &self.values[values..] }
    }

    /// Reads the transforms from the first one on.
    pub(crate) fn reader(&self) -> LevelReader<'_> {
        LevelReader { ends: self.ends.iter(), values: &self.values }
    }
}

/// Reads [`Levels`].
#[derive(Clone, Debug, Default)]
pub(crate) struct LevelReader<'a> {
    ends: std::slice::Iter<'a, (u16, Option<TokenContext>)>,
    values: &'a [Level],
}

impl<'a> LevelReader<'a> {
    /// Returns the next transform; one without levels after the last one.
    #[inline]
    pub(crate) fn next(&mut self) -> Coefficients<'a> {
        let (count, end) = self.ends.next().copied().unwrap_or_default();
        let (levels, rest) = self.values.split_at_checked(count.into()).unwrap_or_default();
        self.values = rest;
        Coefficients { levels, end }
    }
}
