//! Reference lists of slices. ITU-T H.264, clause 8.2.4.

use std::cmp::Reverse;

use super::stored::{FieldSet, Store, StoredFrame};
use crate::fixed_list::FixedList;
use crate::slice::{ListChange, MAX_REFS, PictureStructure, SliceHeader, SliceType};

/// A picture in the store: the index of its frame and the part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListEntry {
    /// Index of the frame in [`Store::frames`].
    pub frame: usize,
    /// The frame or one of its fields.
    pub structure: PictureStructure,
}

/// A list under construction. Initial lists have at most two fields of each of 17 frames.
type InitialList = FixedList<ListEntry, 40>;
/// Indices of frames.
type Indices = FixedList<usize, 20>;
/// Both lists of a slice; an entry is `None` if no picture takes its place.
pub type RefLists = [FixedList<Option<ListEntry>, MAX_REFS>; 2];

/// Which marks a frame or field must have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Short,
    Long,
}

fn marked<P>(frame: &StoredFrame<P>, mark: Mark) -> FieldSet {
    match mark {
        Mark::Short => frame.short,
        Mark::Long => frame.long,
    }
}

impl<P> Store<P> {
    /// Builds the lists of a slice of the current picture, whose frame was begun last; `poc` is the
    /// count of the current picture. `FrameNumWrap` must be up to date.
    #[must_use]
    pub fn ref_lists(&self, header: &SliceHeader, poc: i32, max_frame_num: u32) -> RefLists {
        let mut lists = RefLists::default();
        let mut initial = [InitialList::default(); 2];
        match header.slice_type {
            SliceType::I => return lists,
            SliceType::P => initial[0] = self.initial_p(header.structure),
            SliceType::B => {
                initial = [0, 1].map(|list| self.initial_b(header.structure, poc, list));
                let [list_0, list_1] = &mut initial;
                if list_1.len() > 1 && **list_0 == **list_1 {
                    list_1.swap(0, 1);
                }
            }
        }
        for (list, entries) in initial.iter().enumerate() {
            let count = usize::from(header.ref_counts[list]);
            for i in 0..count {
                lists[list].push(entries.get(i).copied());
            }
            self.modify(&mut lists[list], list, header, max_frame_num);
        }
        lists
    }

    /// Clauses 8.2.4.2.1 and 8.2.4.2.2.
    fn initial_p(&self, structure: PictureStructure) -> InitialList {
        let mut list = InitialList::default();
        let short = self.sorted(Mark::Short, structure, |f| Reverse(f.frame_num_wrap));
        self.append(&mut list, &short, Mark::Short, structure);
        self.append_long(&mut list, structure);
        list
    }

    /// Clauses 8.2.4.2.3 and 8.2.4.2.4.
    fn initial_b(&self, structure: PictureStructure, poc: i32, list_index: usize) -> InitialList {
        let mut list = InitialList::default();
        let before = |count: i32| if structure.is_field() { count <= poc } else { count < poc };
        let count = |f: &StoredFrame<P>| f.poc_of_fields(f.short.and(f.decoded));
        let is_past = |index: &&usize| before(count(&self.frames[**index]));
        let descending = self.sorted(Mark::Short, structure, |f| Reverse(count(f)));
        let ascending = self.sorted(Mark::Short, structure, count);
        let past = descending.iter().filter(is_past);
        let future = ascending.iter().filter(|index| !is_past(index));
        let mut order = Indices::default();
        if list_index == 0 {
            past.chain(future).for_each(|index| _ = order.push(*index));
        } else {
            future.chain(past).for_each(|index| _ = order.push(*index));
        }
        self.append(&mut list, &order, Mark::Short, structure);
        self.append_long(&mut list, structure);
        list
    }

    fn append_long(&self, list: &mut InitialList, structure: PictureStructure) {
        let long = self.sorted(Mark::Long, structure, |f| f.long_index);
        self.append(list, &long, Mark::Long, structure);
    }

    /// Returns the frames with a mark in ascending order of `key`. Frames need both marks, fields
    /// one of them.
    fn sorted<K: Ord>(
        &self,
        mark: Mark,
        structure: PictureStructure,
        key: impl Fn(&StoredFrame<P>) -> K,
    ) -> Indices {
        let usable = |frame: &StoredFrame<P>| {
            let fields = marked(frame, mark);
            if structure.is_field() { !fields.is_empty() } else { fields == FieldSet::BOTH }
        };
        let mut indices = Indices::default();
        for index in (0..self.frames.len()).filter(|index| usable(&self.frames[*index])) {
            indices.push(index);
        }
        indices.sort_unstable_by_key(|index| (key(&self.frames[*index]), *index));
        indices
    }

    /// Appends frames, or their fields in alternating parity. Clause 8.2.4.2.5.
    fn append(
        &self,
        list: &mut InitialList,
        frames: &[usize],
        mark: Mark,
        structure: PictureStructure,
    ) {
        if !structure.is_field() {
            for &frame in frames {
                list.push(ListEntry { frame, structure });
            }
            return;
        }
        let parities = [structure, structure.opposite()];
        let mut next = [0; 2];
        let mut turn = 0;
        loop {
            let field = FieldSet::of(parities[turn]);
            let rest = frames.get(next[turn]..).unwrap_or(&[]);
            let found = rest.iter().position(|f| marked(&self.frames[*f], mark).contains(field));
            if let Some(offset) = found {
                list.push(ListEntry { frame: rest[offset], structure: parities[turn] });
                next[turn] += offset + 1;
                turn = 1 - turn;
                continue;
            }
            // This parity is exhausted: the remaining fields of the other parity follow.
            turn = 1 - turn;
            let field = FieldSet::of(parities[turn]);
            for &frame in frames.get(next[turn]..).unwrap_or(&[]) {
                if marked(&self.frames[frame], mark).contains(field) {
                    list.push(ListEntry { frame, structure: parities[turn] });
                }
            }
            return;
        }
    }

    /// Applies the changes of the slice header. Clause 8.2.4.3.
    fn modify(
        &self,
        list: &mut FixedList<Option<ListEntry>, MAX_REFS>,
        list_index: usize,
        header: &SliceHeader,
        max_frame_num: u32,
    ) {
        let is_field = header.structure.is_field();
        let scale = if is_field { 2 } else { 1 };
        let max_pic_num = i64::from(max_frame_num) * scale;
        let current = i64::from(header.frame_num) * scale + i64::from(is_field);
        let mut predicted = current;
        for (at, change) in header.list_changes[list_index].iter().enumerate() {
            let entry = match *change {
                ListChange::PicNum(diff) => {
                    predicted = (predicted + i64::from(diff)).rem_euclid(max_pic_num);
                    let wraps = predicted > current;
                    let pic_num = if wraps { predicted - max_pic_num } else { predicted };
                    self.find(pic_num, Mark::Short, header.structure)
                }
                ListChange::LongTerm(number) => {
                    self.find(i64::from(number), Mark::Long, header.structure)
                }
            };
            // A picture that is not there leaves the list as it is.
            if entry.is_some() && at < list.len() {
                move_to(list, at, entry);
            }
        }
    }

    /// Returns the picture with a picture number, or a long-term picture number.
    fn find(&self, number: i64, mark: Mark, structure: PictureStructure) -> Option<ListEntry> {
        let (frame_number, part) = if !structure.is_field() {
            (number, structure)
        } else if number & 1 == 1 {
            (number >> 1, structure)
        } else {
            (number >> 1, structure.opposite())
        };
        let frame = self.frames.iter().position(|frame| {
            let own = match mark {
                Mark::Short => i64::from(frame.frame_num_wrap),
                Mark::Long => i64::from(frame.long_index),
            };
            own == frame_number && marked(frame, mark).contains(FieldSet::of(part))
        })?;
        Some(ListEntry { frame, structure: part })
    }
}

/// Inserts `entry` at a position; the entries behind move back up to its old place, or the end.
fn move_to(list: &mut [Option<ListEntry>], at: usize, entry: Option<ListEntry>) {
    let old = list[at..].iter().position(|other| *other == entry);
    let end = old.map_or(list.len(), |offset| at + offset + 1);
    list[at..end].rotate_right(1);
    list[at] = entry;
}
