//! Frames in the decoded picture buffer.

use crate::picture::poc_of;
use crate::slice::PictureStructure;

/// A set of the two fields of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(u8);

impl FieldSet {
    /// Neither field.
    pub const NONE: Self = Self(0);
    /// Both fields.
    pub const BOTH: Self = Self(3);

    /// Returns the fields of a picture.
    #[inline]
    #[must_use]
    pub fn of(structure: PictureStructure) -> Self {
        match structure {
            PictureStructure::Frame => Self::BOTH,
            PictureStructure::TopField => Self(1),
            PictureStructure::BottomField => Self(2),
        }
    }

    /// Returns whether all fields of `other` are in the set.
    #[inline]
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether the set is empty.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the fields that are in one of the sets.
    #[inline]
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the fields that are not in `other`.
    #[inline]
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the fields that are in both sets.
    #[inline]
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// A frame, a pair of fields or a single field in the decoded picture buffer. `P` has its samples.
#[derive(Clone, Debug)]
pub struct StoredFrame<P> {
    /// Samples and motion; `None` in frames that fill a gap in `frame_num`.
    pub picture: Option<P>,
    /// `frame_num`.
    pub frame_num: u32,
    /// `FrameNumWrap`, relative to the current picture.
    pub frame_num_wrap: i32,
    /// Fields that have been decoded.
    pub decoded: FieldSet,
    /// Fields that are marked as short-term references.
    pub short: FieldSet,
    /// Fields that are marked as long-term references.
    pub long: FieldSet,
    /// `LongTermFrameIdx`, if `long` is not empty.
    pub long_index: u32,
    /// Picture order counts of the decoded fields.
    pub poc: [i32; 2],
    /// Whether the frame has not been output.
    pub waits_for_output: bool,
}

impl<P> StoredFrame<P> {
    /// Creates a frame without marks.
    #[must_use]
    pub fn new(picture: Option<P>, frame_num: u32) -> Self {
        Self {
            picture,
            frame_num,
            frame_num_wrap: 0,
            decoded: FieldSet::NONE,
            short: FieldSet::NONE,
            long: FieldSet::NONE,
            long_index: 0,
            poc: [0; 2],
            waits_for_output: false,
        }
    }

    /// Returns the smallest picture order count of `fields`, which must have been decoded.
    #[must_use]
    pub fn poc_of_fields(&self, fields: FieldSet) -> i32 {
        if fields == FieldSet::of(PictureStructure::TopField) {
            self.poc[0]
        } else if fields == FieldSet::of(PictureStructure::BottomField) {
            self.poc[1]
        } else {
            poc_of(PictureStructure::Frame, self.poc)
        }
    }

    /// Returns the picture order count of the decoded fields.
    #[must_use]
    pub fn poc(&self) -> i32 {
        self.poc_of_fields(self.decoded)
    }

    /// Returns whether a field is marked as a reference.
    #[must_use]
    pub fn is_reference(&self) -> bool {
        !self.short.with(self.long).is_empty()
    }

    /// Removes the marks of `fields`.
    pub(super) fn unmark(&mut self, fields: FieldSet) {
        self.short = self.short.without(fields);
        self.long = self.long.without(fields);
    }
}

/// The frames of the decoded picture buffer in decoding order. The last one is the current frame
/// between [`Self::begin_frame`] and the end of its last field.
#[derive(Clone, Debug)]
pub struct Store<P> {
    pub(super) frames: Vec<StoredFrame<P>>,
}

impl<P> Default for Store<P> {
    fn default() -> Self {
        Self { frames: Vec::with_capacity(18) }
    }
}

impl<P> Store<P> {
    /// Returns all frames in decoding order.
    #[must_use]
    pub fn frames(&self) -> &[StoredFrame<P>] {
        &self.frames
    }

    /// Returns a frame.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&StoredFrame<P>> {
        self.frames.get(index)
    }

    /// Adds a frame that is about to be decoded.
    pub fn begin_frame(&mut self, frame: StoredFrame<P>) {
        self.frames.push(frame);
    }

    /// Returns the frame that was begun last.
    pub fn current_mut(&mut self) -> Option<&mut StoredFrame<P>> {
        self.frames.last_mut()
    }

    /// Removes the frame that was begun last.
    pub fn discard_current(&mut self) -> Option<StoredFrame<P>> {
        self.frames.pop()
    }

    /// Returns the frame with the smallest picture order count of those that wait for output.
    #[must_use]
    pub fn next_output(&self) -> Option<usize> {
        let waiting = self.frames.iter().enumerate().filter(|(_, frame)| frame.waits_for_output);
        waiting.min_by_key(|(_, frame)| frame.poc()).map(|(index, _)| index)
    }

    /// Returns the number of frames that wait for output.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.frames.iter().filter(|frame| frame.waits_for_output).count()
    }

    /// Marks a frame as output and returns its picture.
    pub fn take_output(&mut self, index: usize) -> Option<&P> {
        let frame = self.frames.get_mut(index)?;
        frame.waits_for_output = false;
        frame.picture.as_ref()
    }

    /// Removes the frames that are neither references nor wait for output. Passes their pictures to
    /// `release`.
    pub fn remove_unused(&mut self, mut release: impl FnMut(P)) {
        for frame in self.frames.extract_if(.., |f| !f.is_reference() && !f.waits_for_output) {
            frame.picture.into_iter().for_each(&mut release);
        }
    }

    /// Removes all frames.
    pub fn clear(&mut self) {
        self.frames.clear();
    }
}
