//! Marking of reference pictures. ITU-T H.264, clause 8.2.5.

use super::stored::{FieldSet, Store, StoredFrame};
use crate::params::Sps;
use crate::slice::{Mmco, PictureStructure, RefMarking, SliceHeader};

/// The effects of the marking on the current picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarkingResult {
    /// Whether all references were reset (`memory_management_control_operation` 5).
    pub reset: bool,
}

/// The current picture in the terms of the marking process.
struct Current {
    structure: PictureStructure,
    frame_num: u32,
    /// Index of the current picture's frame in the store.
    index: usize,
}

impl Current {
    /// `CurrPicNum`.
    fn pic_num(&self) -> i64 {
        let frame_num = i64::from(self.frame_num);
        if self.structure.is_field() { 2 * frame_num + 1 } else { frame_num }
    }

    /// Returns the frame number and the fields that a picture number refers to.
    fn split_pic_num(&self, pic_num: i64) -> (i64, FieldSet) {
        if !self.structure.is_field() {
            return (pic_num, FieldSet::BOTH);
        }
        let own = FieldSet::of(self.structure);
        let is_own_parity = pic_num & 1 == 1;
        (pic_num >> 1, if is_own_parity { own } else { FieldSet::BOTH.without(own) })
    }
}

impl<P> Store<P> {
    /// Computes `FrameNumWrap` of all short-term references for a picture with `frame_num`.
    pub fn update_frame_num_wrap(&mut self, frame_num: u32, sps: &Sps) {
        let max = 1_i64 << sps.log2_max_frame_num;
        for frame in &mut self.frames {
            let number = i64::from(frame.frame_num);
            let wrapped = if frame.frame_num > frame_num { number - max } else { number };
            frame.frame_num_wrap = i32::try_from(wrapped).unwrap_or(0);
        }
    }

    /// Marks the picture that has been decoded into the last frame, and the other references, as
    /// `header` requests.
    pub fn mark(&mut self, header: &SliceHeader, sps: &Sps) -> MarkingResult {
        let Some(index) = self.frames.len().checked_sub(1) else {
            return MarkingResult::default();
        };
        let current = Current { structure: header.structure, frame_num: header.frame_num, index };
        let fields = FieldSet::of(header.structure);
        let mut result = MarkingResult::default();
        self.update_frame_num_wrap(header.frame_num, sps);
        match header.marking {
            None => return result,
            Some(RefMarking::Idr { long_term, .. }) => {
                let frames = self.frames[..index].iter_mut();
                frames.for_each(|frame| frame.unmark(FieldSet::BOTH));
                if long_term {
                    self.frames[index].long = self.frames[index].long.with(fields);
                    self.frames[index].long_index = 0;
                }
            }
            Some(RefMarking::SlidingWindow) => {
                // The window counts frames: the second field has its place already.
                let is_second = self.frames[index].is_reference();
                if !is_second {
                    self.slide_window(index, sps);
                }
            }
            Some(RefMarking::Adaptive) => {
                for operation in header.mmco.iter() {
                    self.apply(*operation, &current);
                    result.reset |= *operation == Mmco::Reset;
                }
            }
        }
        if self.frames[index].long.and(fields).is_empty() {
            self.frames[index].short = self.frames[index].short.with(fields);
        }
        self.enforce_limit(index, sps);
        result
    }

    /// Adds a frame that was not transmitted, between the last reference frame and the next one, as
    /// a short-term reference. Clause 8.2.5.2.
    pub fn insert_missing(&mut self, mut frame: StoredFrame<P>, sps: &Sps) {
        frame.short = FieldSet::BOTH;
        frame.decoded = FieldSet::BOTH;
        self.update_frame_num_wrap(frame.frame_num, sps);
        self.slide_window(self.frames.len(), sps);
        self.frames.push(frame);
    }

    /// Removes the oldest short-term reference of the first `count` frames if there are as many
    /// references as the stream uses. Clause 8.2.5.3.
    fn slide_window(&mut self, count: usize, sps: &Sps) {
        let references = self.frames[..count].iter().filter(|frame| frame.is_reference()).count();
        if references >= usize::from(sps.max_num_ref_frames).max(1) {
            let short = self.frames[..count].iter_mut().filter(|frame| !frame.short.is_empty());
            if let Some(oldest) = short.min_by_key(|frame| frame.frame_num_wrap) {
                oldest.unmark(FieldSet::BOTH);
            }
        }
    }

    /// Damaged streams mark more frames than they declare: keeps the newest.
    fn enforce_limit(&mut self, current: usize, sps: &Sps) {
        let limit = usize::from(sps.max_num_ref_frames).max(1);
        while self.frames.iter().filter(|frame| frame.is_reference()).count() > limit {
            let others = self.frames.iter_mut().enumerate();
            let mut others = others.filter(|(i, frame)| *i != current && frame.is_reference());
            let Some((_, oldest)) = others.next() else { return };
            oldest.unmark(FieldSet::BOTH);
        }
    }

    /// Applies an operation. Clause 8.2.5.4.
    fn apply(&mut self, operation: Mmco, current: &Current) {
        match operation {
            Mmco::ShortUnused { pic_num_diff } => {
                if let Some((index, fields)) = self.find_short(pic_num_diff, current) {
                    self.frames[index].short = self.frames[index].short.without(fields);
                }
            }
            Mmco::LongUnused { long_pic_num } => {
                let (long_index, fields) = current.split_pic_num(i64::from(long_pic_num));
                let frame = self
                    .frames
                    .iter_mut()
                    .find(|f| !f.long.is_empty() && i64::from(f.long_index) == long_index);
                if let Some(frame) = frame {
                    frame.long = frame.long.without(fields);
                }
            }
            Mmco::ShortToLong { pic_num_diff, index } => {
                if let Some((frame, fields)) = self.find_short(pic_num_diff, current) {
                    self.mark_long(frame, fields, index);
                }
            }
            Mmco::MaxLongIndex { count } => {
                let frames = self.frames.iter_mut().filter(|frame| frame.long_index >= count);
                frames.for_each(|frame| frame.long = FieldSet::NONE);
            }
            Mmco::Reset => {
                let frames = self.frames.iter_mut().enumerate();
                for (_, frame) in frames.filter(|(index, _)| *index != current.index) {
                    frame.unmark(FieldSet::BOTH);
                }
                self.frames[current.index].unmark(FieldSet::BOTH);
            }
            Mmco::CurrentToLong { index } => {
                self.mark_long(current.index, FieldSet::of(current.structure), index);
            }
        }
    }

    /// Returns the frame and the fields of it that a difference of picture numbers refers to.
    fn find_short(&self, pic_num_diff: u32, current: &Current) -> Option<(usize, FieldSet)> {
        let pic_num = current.pic_num() - i64::from(pic_num_diff);
        let (frame_num_wrap, fields) = current.split_pic_num(pic_num);
        let index = self.frames.iter().position(|frame| {
            let marked = frame.short.contains(fields) && !fields.is_empty();
            marked && i64::from(frame.frame_num_wrap) == frame_num_wrap
        })?;
        Some((index, fields))
    }

    /// Marks fields of a frame as a long-term reference and frees the index.
    fn mark_long(&mut self, index: usize, fields: FieldSet, long_index: u32) {
        for (other, frame) in self.frames.iter_mut().enumerate() {
            if other != index && !frame.long.is_empty() && frame.long_index == long_index {
                frame.long = FieldSet::NONE;
            }
        }
        let frame = &mut self.frames[index];
        if frame.long_index != long_index {
            frame.long = FieldSet::NONE;
        }
        frame.short = frame.short.without(fields);
        frame.long = frame.long.with(fields);
        frame.long_index = long_index;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed_list::FixedList;
    use crate::params::tests::sps;

    fn frame_header(frame_num: u32, operations: &[Mmco]) -> SliceHeader {
        let mut mmco = FixedList::default();
        operations.iter().for_each(|operation| assert!(mmco.push(*operation)));
        let marking =
            if operations.is_empty() { RefMarking::SlidingWindow } else { RefMarking::Adaptive };
        let marking = Some(marking);
        SliceHeader { frame_num, nal_ref_idc: 1, marking, mmco, ..SliceHeader::default() }
    }

    fn decode(store: &mut Store<u32>, header: &SliceHeader) -> MarkingResult {
        let is_second = store.frames.last().is_some_and(|frame| {
            header.structure.is_field()
                && frame.frame_num == header.frame_num
                && frame.decoded != FieldSet::BOTH
        });
        if !is_second {
            store.begin_frame(StoredFrame::new(Some(header.frame_num), header.frame_num));
        }
        let frame = store.current_mut().unwrap();
        frame.decoded = frame.decoded.with(FieldSet::of(header.structure));
        let result = store.mark(header, &Sps { log2_max_frame_num: 4, ..sps() });
        store.remove_unused(|_| {});
        result
    }

    fn short(store: &Store<u32>) -> Vec<u32> {
        store.frames.iter().filter(|f| !f.short.is_empty()).map(|f| f.frame_num).collect()
    }

    fn long(store: &Store<u32>) -> Vec<(u32, u32)> {
        let marked = store.frames.iter().filter(|f| !f.long.is_empty());
        marked.map(|f| (f.frame_num, f.long_index)).collect()
    }

    #[test]
    fn the_window_removes_the_oldest_frame_across_the_wrap() {
        let mut store = Store::default();
        for frame_num in [13, 14, 15, 0, 1, 2] {
            decode(&mut store, &frame_header(frame_num, &[]));
        }
        assert_eq!(short(&store), [15, 0, 1, 2]);
    }

    #[test]
    fn operations_move_frames_between_short_and_long_term() {
        let mut store = Store::default();
        (0..3).for_each(|n| _ = decode(&mut store, &frame_header(n, &[])));
        let to_long = Mmco::ShortToLong { pic_num_diff: 2, index: 1 };
        decode(&mut store, &frame_header(3, &[to_long, Mmco::ShortUnused { pic_num_diff: 3 }]));
        assert_eq!((short(&store), long(&store)), (vec![2, 3], vec![(1, 1)]));
        // Another frame takes the index.
        decode(&mut store, &frame_header(4, &[Mmco::CurrentToLong { index: 1 }]));
        assert_eq!((short(&store), long(&store)), (vec![2, 3], vec![(4, 1)]));
        decode(&mut store, &frame_header(5, &[Mmco::LongUnused { long_pic_num: 1 }]));
        assert_eq!((short(&store), long(&store)), (vec![2, 3, 5], vec![]));
        let current = [Mmco::CurrentToLong { index: 2 }];
        decode(&mut store, &frame_header(6, &current));
        decode(&mut store, &frame_header(7, &[Mmco::MaxLongIndex { count: 2 }]));
        assert_eq!((short(&store), long(&store)), (vec![2, 3, 5, 7], vec![]));
    }

    #[test]
    fn a_reset_removes_all_other_references() {
        let mut store = Store::default();
        (0..3).for_each(|n| _ = decode(&mut store, &frame_header(n, &[])));
        let result = decode(&mut store, &frame_header(3, &[Mmco::Reset]));
        assert!(result.reset);
        assert_eq!(short(&store), [3]);
    }

    #[test]
    fn fields_are_marked_separately_and_counted_as_frames() {
        let field = |frame_num, structure, operations: &[Mmco]| SliceHeader {
            structure,
            ..frame_header(frame_num, operations)
        };
        let mut store = Store::default();
        for frame_num in 0..5 {
            for structure in [PictureStructure::TopField, PictureStructure::BottomField] {
                decode(&mut store, &field(frame_num, structure, &[]));
            }
        }
        assert_eq!(short(&store), [1, 2, 3, 4]);
        // Opposite parity, one frame back: CurrPicNum 11, the bottom field of frame 4 is 2 * 4.
        let remove = [Mmco::ShortUnused { pic_num_diff: 11 - 8 }];
        decode(&mut store, &field(5, PictureStructure::TopField, &remove));
        let frame = store.frames.iter().find(|frame| frame.frame_num == 4).unwrap();
        assert_eq!(frame.short, FieldSet::of(PictureStructure::TopField));
    }

    #[test]
    fn damaged_streams_cannot_exceed_the_number_of_references() {
        let mut store = Store::default();
        for n in 0..16 {
            // An operation without effect replaces the sliding window.
            decode(&mut store, &frame_header(n, &[Mmco::LongUnused { long_pic_num: 9 }]));
        }
        assert_eq!(short(&store), [12, 13, 14, 15]);
    }
}
