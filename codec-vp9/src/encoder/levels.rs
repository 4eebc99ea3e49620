//! The levels of coded transforms, in the order of the stream.

/// The levels of transforms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    /// Number of levels of each transform up to the last one that is not zero.
    ends: Vec<u16>,
    /// These levels, in scan order.
    values: Vec<i16>,
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
    pub(crate) fn push(&mut self, levels: &[i16]) {
        self.values.extend_from_slice(levels);
        self.ends.push(u16::try_from(levels.len()).unwrap_or(u16::MAX));
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
    ends: std::slice::Iter<'a, u16>,
    values: &'a [i16],
}

impl<'a> LevelReader<'a> {
    /// Returns the levels of the next transform; empty after the last one.
    pub(crate) fn next(&mut self) -> &'a [i16] {
        let end = self.ends.next().copied().unwrap_or(0);
        let (levels, rest) = self.values.split_at_checked(end.into()).unwrap_or_default();
        self.values = rest;
        levels
    }
}
