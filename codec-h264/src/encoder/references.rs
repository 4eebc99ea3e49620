//! Maps the reference slots of the encoder to reference pictures of the decoder. ITU-T H.264,
//! clauses 8.2.4 and 8.2.5.
//!
//! Frame plans (`FramePlan`) address three slots: last, golden, altref. A picture that updates only
//! the last slot becomes a short-term reference; one that updates another slot becomes a long-term
//! reference, which stays in the decoder's buffer even if pictures after it are lost. Pictures of
//! upper temporal layers are short-term references: if they are dropped, the decoder infers
//! pictures in their place (gaps in `frame_num`, clause 8.2.5.2), so the sliding window removes the
//! same pictures as if they had arrived.

use std::sync::Arc;

use codec_core::codec::plan::{FrameOrder, FramePlan};
use codec_core::codec::{FrameKind, SlotSet};
use codec_core::frame::FrameBuf;

use super::brightness::Brightness;
use super::predict::RefPlanes;
use crate::decoder::weights::dist_scale_factor;
use crate::fixed_list::FixedList;
use crate::slice::{ListChange, MAX_LIST_CHANGES, Mmco, RefMarking, SliceHeader, SliceType};

/// The slots in the order of preference as references.
pub(super) const SLOTS: [SlotSet; 3] = [SlotSet::LAST, SlotSet::GOLDEN, SlotSet::ALTREF];

/// Number of reference pictures that a picture may use.
pub(super) const MAX_REFS: usize = SLOTS.len();

/// Number of reference pictures that the decoder keeps: `max_num_ref_frames`. One more than there are
/// slots: see [`MAX_UNREFERENCED`].
pub(super) const DECODER_REFS: usize = MAX_REFS + 1;

/// Maximum number of entries of both lists of a B picture.
const MAX_B_REFS: [usize; 2] = [1, 1];

/// `log2_max_frame_num`.
pub(super) const FRAME_NUM_BITS: u8 = 8;

/// Number of long-term indices.
const LONG_INDICES: u8 = 3;

/// Age of a short-term reference, in reference pictures, from which it becomes a long-term one before
/// its `frame_num` is used again.
const OLD: u32 = 128;

/// `log2_max_pic_order_cnt_lsb`.
pub(super) const POC_BITS: u8 = 10;

/// Number of consecutive pictures that are not references. The next one becomes a reference that no
/// slot needs: picture order counts wrap around relative to the last reference.
const MAX_UNREFERENCED: u32 = 250;

/// A reconstructed picture.
#[derive(Clone, Debug)]
pub(super) struct RefFrame {
    pub buf: Arc<FrameBuf>,
    /// Blocks without motion by macroblock, for direct prediction in streams with B frames.
    pub still: Option<Arc<Vec<u8>>>,
    /// Number of the picture in coding order.
    pub serial: u64,
    /// Picture order count.
    pub poc: u32,
    /// Brightness of the source; default in streams without B frames.
    pub brightness: Brightness,
}

/// A picture that the decoder holds as a reference.
#[derive(Clone, Copy, Debug, Default)]
struct Marked {
    serial: u64,
    poc: u32,
    frame_num: u32,
    long_index: Option<u8>,
}

/// The pictures that the decoder holds as references.
type MarkedList = FixedList<Marked, DECODER_REFS>;

/// Reference slots and the decoder's state.
#[derive(Debug, Default)]
pub(super) struct ReferenceSlots {
    slots: [Option<RefFrame>; 3],
    marked: MarkedList,
    /// `MaxLongTermFrameIdx` + 1.
    long_indices: u8,
    /// `frame_num` of the last reference picture.
    frame_num: u32,
    idr_pic_id: u32,
    /// Highest picture order count since the IDR picture.
    poc: u32,
    /// Number of the IDR picture in display order.
    first_display: u64,
    /// Number of pictures coded.
    serial: u64,
    /// Number of pictures since the last reference.
    unreferenced: u32,
    /// Whether pictures since the IDR picture have intra refresh.
    refreshes: bool,
}

/// References of a picture, and the slice header elements that follow from them.
#[derive(Debug)]
pub(super) struct PicturePlan {
    /// Elements of the slice header that are equal in all slices.
    pub header: SliceHeader,
    /// Reference lists.
    pub lists: [RefList; 2],
    /// Picture order count.
    pub poc: u32,
    slots_after: [Option<RefFrame>; 3],
    updates: [bool; 3],
    /// Whether the picture becomes a long-term reference.
    is_long: bool,
    /// Whether this picture or an earlier one since the IDR picture has intra refresh.
    refreshes: bool,
    marked_after: MarkedList,
    long_indices: u8,
    first_display: u64,
}

/// A reference list: the used entries come first.
#[derive(Debug, Default)]
pub(super) struct RefList {
    pub frames: [Option<RefFrame>; MAX_REFS],
    /// Slot of each entry.
    pub slots: [usize; MAX_REFS],
}

impl RefList {
    /// Returns the number of entries.
    pub(super) fn len(&self) -> usize {
        self.frames.iter().flatten().count()
    }

    /// Returns the planes of the entries; unused ones repeat the first. `None` if there are no entries.
    pub(super) fn planes(&self) -> Option<[RefPlanes<'_>; MAX_REFS]> {
        let first = RefPlanes::from(&*self.frames[0].as_ref()?.buf);
        let frames = self.frames.each_ref();
        Some(frames.map(|frame| frame.as_ref().map_or(first, |frame| RefPlanes::from(&*frame.buf))))
    }

    /// Removes the entries from `len` on.
    fn truncate(mut self, len: usize) -> Self {
        self.frames.iter_mut().skip(len).for_each(|frame| *frame = None);
        self
    }
}

impl PicturePlan {
    /// Returns the blocks without motion of the first entry of list 1.
    pub(super) fn still(&self) -> Option<&[u8]> {
        self.lists[1].frames[0].as_ref()?.still.as_ref().map(|still| &still[..])
    }

    /// Returns the implicit weights of the first entries of both lists (clause 8.4.2.3.1).
    pub(super) fn implicit_weights(&self) -> [i16; 2] {
        let poc = |list: usize| {
            let frame = self.lists[list].frames[0].as_ref()?;
            i32::try_from(frame.poc).ok()
        };
        let of_second = || {
            let current = i32::try_from(self.poc).ok()?;
            let factor = dist_scale_factor(current, poc(0)?, poc(1)?)? >> 2;
            i16::try_from(factor).ok().filter(|factor| (-64..=128).contains(factor))
        };
        let second = of_second().unwrap_or(32);
        [64 - second, second]
    }

    /// Returns the distances in frames to the first entries of both lists.
    pub(super) fn distances(&self) -> [i16; 2] {
        [0, 1].map(|n| {
            let away =
                self.lists[n].frames[0].as_ref().map_or(2, |frame| frame.poc.abs_diff(self.poc));
            i16::try_from(away / 2).unwrap_or(1).max(1)
        })
    }
}

const MAX_FRAME_NUM: u32 = 1 << FRAME_NUM_BITS;

/// Returns `FrameNumWrap` of a short-term picture.
fn wrapped(frame_num: u32, current: u32) -> i32 {
    let wrap = if frame_num > current { MAX_FRAME_NUM } else { 0 };
    frame_num.cast_signed() - wrap.cast_signed()
}

impl ReferenceSlots {
    /// Returns whether all slots are filled.
    pub(super) fn are_filled(&self) -> bool {
        self.slots.iter().all(Option::is_some)
    }

    /// Plans the references of the next picture, of which at most `max_list` are used.
    pub(super) fn plan(&self, plan: &FramePlan, max_list: usize) -> PicturePlan {
        if plan.kind == FrameKind::Key {
            return self.plan_idr(plan.order);
        }
        let current = (self.frame_num + 1) % MAX_FRAME_NUM;
        let mut slots_after = self.slots.clone();
        if plan.copy_golden_to_altref {
            slots_after[2] = self.slots[1].clone();
        }
        let updates = SLOTS.map(|slot| plan.updates.contains(slot));
        let is_b = plan.order.is_some_and(|order| order.level > 0);
        if plan.order.is_some() && !is_b && updates[0] {
            slots_after[1] = self.slots[0].clone();
        }
        let is_reference = updates != [false; 3] || self.unreferenced >= MAX_UNREFERENCED;
        for (slot, _) in slots_after.iter_mut().zip(updates).filter(|(_, updated)| *updated) {
            *slot = None;
        }
        let poc = plan.order.map_or(self.poc + 2, |order| self.poc_of(order));
        let header = SliceHeader {
            nal_ref_idc: if is_reference { 2 } else { 0 },
            frame_num: current,
            poc_lsb: poc % (1 << POC_BITS),
            ..SliceHeader::default()
        };
        let mut after = PicturePlan {
            header,
            lists: self.lists(plan, poc, max_list),
            poc,
            slots_after,
            updates,
            is_long: plan.order.is_none() && plan.temporal_id == 0 && (updates[1] || updates[2]),
            refreshes: self.refreshes || plan.intra_refresh.1 > 0,
            marked_after: self.marked,
            long_indices: self.long_indices,
            first_display: self.first_display,
        };
        // A decoder that lacks some of the earlier pictures has other initial lists. One that starts at a
        // recovery point lacks the long-term pictures from before it, and may keep more short-term ones, which
        // precede the long-term ones of its list.
        let is_explicit = !plan.refresh_entropy || (after.refreshes && self.uses_long_term(&after));
        self.set_lists(current, is_explicit, &mut after);
        if is_reference {
            self.mark(current, &mut after);
        }
        after
    }

    /// Returns the picture order count of a frame in a stream with B frames.
    fn poc_of(&self, order: FrameOrder) -> u32 {
        let since = order.display.saturating_sub(self.first_display);
        u32::try_from(2 * since).unwrap_or(u32::MAX)
    }

    fn plan_idr(&self, order: Option<FrameOrder>) -> PicturePlan {
        // B frames predict from short-term references.
        let is_long = order.is_none();
        let marking = RefMarking::Idr { no_output_of_prior: false, long_term: is_long };
        let mut marked_after = MarkedList::default();
        let long_index = is_long.then_some(0);
        marked_after.push(Marked { serial: self.serial, poc: 0, frame_num: 0, long_index });
        PicturePlan {
            header: SliceHeader {
                nal_ref_idc: 3,
                is_idr: true,
                idr_pic_id: self.idr_pic_id,
                marking: Some(marking),
                ..SliceHeader::default()
            },
            lists: Default::default(),
            poc: 0,
            slots_after: [None, None, None],
            updates: [true; 3],
            is_long,
            refreshes: false,
            marked_after,
            long_indices: is_long.into(),
            first_display: order.map_or(0, |order| order.display),
        }
    }

    /// Returns the reference lists of a picture at `poc`.
    fn lists(&self, plan: &FramePlan, poc: u32, max_list: usize) -> [RefList; 2] {
        let Some(order) = plan.order else {
            return [self.list(plan.references, max_list, |_| Some(0)), RefList::default()];
        };
        // The nearest pictures first.
        let before = |at: u32| poc.checked_sub(at);
        if order.level == 0 {
            return [self.list(plan.references, max_list, before), RefList::default()];
        }
        let after = |at: u32| at.checked_sub(poc);
        let lists = [
            self.list(plan.references, max_list.min(MAX_B_REFS[0]), before),
            self.list(plan.references, max_list.min(MAX_B_REFS[1]), after),
        ];
        if lists[1].len() == 0 {
            // Without a later picture, the frame is a P frame.
            return [self.list(plan.references, max_list, before), RefList::default()];
        }
        lists
    }

    /// Returns the distinct pictures in the allowed slots, sorted by their distances.
    fn list(
        &self,
        references: SlotSet,
        max_list: usize,
        distance: impl Fn(u32) -> Option<u32>,
    ) -> RefList {
        let mut found: FixedList<(u32, usize), MAX_REFS> = FixedList::default();
        for (index, frame) in self.slots.iter().enumerate() {
            let Some(frame) = frame.as_ref().filter(|_| references.contains(SLOTS[index])) else {
                continue;
            };
            let is_same = |(_, slot): &(u32, usize)| {
                self.slots[*slot].as_ref().is_some_and(|known| known.serial == frame.serial)
            };
            if let Some(distance) = distance(frame.poc)
                && !found.iter().any(is_same)
            {
                found.push((distance, index));
            }
        }
        found.sort_by_key(|(distance, _)| *distance);
        let mut list = RefList::default();
        for (n, (_, slot)) in found.iter().enumerate() {
            (list.frames[n], list.slots[n]) = (self.slots[*slot].clone(), *slot);
        }
        list.truncate(max_list)
    }

    /// Returns whether a long-term picture is in the lists of a picture.
    fn uses_long_term(&self, plan: &PicturePlan) -> bool {
        let mut frames = plan.lists.iter().flat_map(|list| &list.frames).flatten();
        frames.any(|frame| {
            let known = self.marked.iter().find(|known| known.serial == frame.serial);
            known.is_some_and(|known| known.long_index.is_some())
        })
    }

    /// Sets the elements of the slice header that follow from the lists. With `is_explicit`, the
    /// header names each entry, even if the initial list already has it at its place.
    fn set_lists(&self, current: u32, is_explicit: bool, plan: &mut PicturePlan) {
        let counts = [0, 1].map(|n| plan.lists[n].len());
        plan.header.slice_type = match counts {
            [0, _] => SliceType::I,
            [_, 0] => SliceType::P,
            _ => SliceType::B,
        };
        plan.header.direct_spatial = counts[1] > 0;
        plan.header.ref_counts = counts.map(|count| u8::try_from(count).unwrap_or(1));
        let initial = self.initial_lists(current, plan);
        for (n, initial) in initial.iter().enumerate() {
            let frames = &plan.lists[n].frames;
            if is_explicit || !is_start(frames, initial) {
                modify_list(frames, initial, current, &mut plan.header.list_changes[n]);
            }
        }
    }

    /// Returns the decoder's initial lists. In P slices, short-term pictures from the newest on, then
    /// long-term ones by index (clause 8.2.4.2.1); in B slices, short-term pictures by the distance of
    /// their picture order counts, those before or those after the current one first (clause 8.2.4.2.3).
    fn initial_lists(&self, current: u32, plan: &PicturePlan) -> [MarkedList; 2] {
        let is_b = plan.header.slice_type == SliceType::B;
        let mut lists = [0, 1].map(|n| {
            let mut list = self.marked;
            list.sort_by_key(|picture| match picture.long_index {
                Some(index) => (2, i64::from(index)),
                None if is_b => {
                    let away = i64::from(picture.poc) - i64::from(plan.poc);
                    (u8::from((away > 0) == (n == 0)), away.abs())
                }
                None => (0, -i64::from(wrapped(picture.frame_num, current))),
            });
            list
        });
        let [first, second] = &lists;
        let is_same = first.iter().zip(second.iter()).all(|(a, b)| a.serial == b.serial);
        if is_b && second.len() > 1 && is_same {
            lists[1].swap(0, 1);
        }
        lists
    }

    /// Decides how the decoder updates its references. Clause 8.2.5.
    fn mark(&self, current: u32, plan: &mut PicturePlan) {
        let needed =
            |serial: u64| plan.slots_after.iter().flatten().any(|slot| slot.serial == serial);
        let age = |picture: &Marked| {
            (current.cast_signed() - wrapped(picture.frame_num, current)).cast_unsigned()
        };
        let is_old = |picture: &Marked| picture.long_index.is_none() && age(picture) > OLD;
        let is_long = plan.is_long;
        let (serial, poc) = (self.serial, plan.poc);
        let picture = Marked { serial, poc, frame_num: current, long_index: None };
        let slid = self.slid(current);
        let keeps_all =
            self.marked.iter().filter(|picture| needed(picture.serial)).all(|picture| {
                !is_old(picture) && slid.iter().any(|kept| kept.serial == picture.serial)
            });
        if !is_long && keeps_all && slid.len() < DECODER_REFS {
            plan.header.marking = Some(RefMarking::SlidingWindow);
            plan.marked_after = slid;
            plan.marked_after.push(picture);
            return;
        }
        plan.header.marking = Some(RefMarking::Adaptive);
        let mmco = &mut plan.header.mmco;
        let mut marked = MarkedList::default();
        for picture in self.marked.iter() {
            if needed(picture.serial) {
                marked.push(*picture);
                continue;
            }
            mmco.push(match picture.long_index {
                Some(index) => Mmco::LongUnused { long_pic_num: u32::from(index) },
                None => Mmco::ShortUnused { pic_num_diff: age(picture) },
            });
        }
        if (is_long || marked.iter().any(is_old)) && plan.long_indices < LONG_INDICES {
            mmco.push(Mmco::MaxLongIndex { count: u32::from(LONG_INDICES) });
            plan.long_indices = LONG_INDICES;
        }
        for at in 0..marked.len() {
            if is_old(&marked[at]) {
                let index = free_index(&marked);
                let pic_num_diff = age(&marked[at]);
                mmco.push(Mmco::ShortToLong { pic_num_diff, index: u32::from(index) });
                marked[at].long_index = Some(index);
            }
        }
        let long_index = is_long.then(|| free_index(&marked));
        if let Some(index) = long_index {
            mmco.push(Mmco::CurrentToLong { index: u32::from(index) });
        }
        marked.push(Marked { long_index, ..picture });
        plan.marked_after = marked;
    }

    /// Returns the references after the sliding window has made room for one.
    fn slid(&self, current: u32) -> MarkedList {
        let shorts = self.marked.iter().filter(|picture| picture.long_index.is_none());
        let oldest = shorts
            .min_by_key(|picture| wrapped(picture.frame_num, current))
            .filter(|_| self.marked.len() >= DECODER_REFS)
            .map(|picture| picture.serial);
        let mut slid = MarkedList::default();
        for picture in self.marked.iter().filter(|picture| Some(picture.serial) != oldest) {
            slid.push(*picture);
        }
        slid
    }

    /// Updates the slots with the coded picture `recon`.
    pub(super) fn coded(
        &mut self,
        plan: PicturePlan,
        recon: &Arc<FrameBuf>,
        still: Option<Arc<Vec<u8>>>,
        brightness: Brightness,
    ) {
        let (serial, poc) = (self.serial, plan.poc);
        let frame = RefFrame { buf: Arc::clone(recon), still, serial, poc, brightness };
        self.slots = plan.slots_after;
        for (slot, _) in self.slots.iter_mut().zip(plan.updates).filter(|(_, updated)| *updated) {
            *slot = Some(frame.clone());
        }
        if plan.header.is_idr {
            self.idr_pic_id ^= 1;
        }
        self.unreferenced += 1;
        if plan.header.nal_ref_idc > 0 {
            self.frame_num = plan.header.frame_num;
            self.unreferenced = 0;
        }
        self.marked = plan.marked_after;
        self.long_indices = plan.long_indices;
        self.refreshes = plan.refreshes;
        self.poc = if plan.header.is_idr { plan.poc } else { self.poc.max(plan.poc) };
        self.first_display = plan.first_display;
        self.serial += 1;
    }

    /// Removes all references; the next picture must be an IDR picture.
    pub(super) fn clear(&mut self) {
        self.slots = [None, None, None];
        self.marked.clear();
    }
}

/// Whether the list `initial` begins with `frames`.
fn is_start(frames: &[Option<RefFrame>], initial: &MarkedList) -> bool {
    frames
        .iter()
        .flatten()
        .enumerate()
        .all(|(n, frame)| initial.get(n).is_some_and(|known| known.serial == frame.serial))
}

/// Adds the changes of the list `initial` that give `frames`. Clause 8.2.4.3.
fn modify_list(
    frames: &[Option<RefFrame>],
    initial: &MarkedList,
    current: u32,
    changes: &mut FixedList<ListChange, MAX_LIST_CHANGES>,
) {
    let mut predicted = current.cast_signed();
    for frame in frames.iter().flatten() {
        let known = initial.iter().find(|known| known.serial == frame.serial);
        let Some(known) = known else { continue };
        changes.push(match known.long_index {
            Some(index) => ListChange::LongTerm(u32::from(index)),
            None => {
                let number = wrapped(known.frame_num, current);
                let change = ListChange::PicNum(number - predicted);
                predicted = number;
                change
            }
        });
    }
}

/// Returns the lowest long-term index that no picture has.
fn free_index(marked: &[Marked]) -> u8 {
    (0..u8::MAX)
        .find(|index| marked.iter().all(|picture| picture.long_index != Some(*index)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec_core::frame::Size;

    fn code(slots: &mut ReferenceSlots, plan: &FramePlan) -> SliceHeader {
        let picture = slots.plan(plan, MAX_REFS);
        let header = picture.header.clone();
        let buf = Arc::new(FrameBuf::new(Size::new(16, 16), 0));
        slots.coded(picture, &buf, None, Brightness::default());
        header
    }

    fn inter(references: SlotSet, updates: SlotSet) -> FramePlan {
        let mut plan = FramePlan::inter(30, 5);
        (plan.references, plan.updates) = (references, updates);
        plan
    }

    #[test]
    fn plain_frames_slide_and_golden_frames_become_long_term() {
        let mut slots = ReferenceSlots::default();
        code(&mut slots, &FramePlan::key(30, 5));
        let all = SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF);
        for _ in 0..600 {
            let header = code(&mut slots, &inter(all, SlotSet::LAST));
            assert_eq!(header.marking, Some(RefMarking::SlidingWindow));
            assert!(header.list_changes[0].is_empty() || header.ref_counts[0] == 2);
        }
        let header = code(&mut slots, &inter(all, SlotSet::LAST.with(SlotSet::GOLDEN)));
        assert_eq!(header.marking, Some(RefMarking::Adaptive));
        assert_eq!(header.mmco.last(), Some(&Mmco::CurrentToLong { index: 1 }));
    }

    #[test]
    fn frames_that_may_follow_losses_name_all_their_references() {
        let mut slots = ReferenceSlots::default();
        code(&mut slots, &FramePlan::key(30, 5));
        let both = SlotSet::LAST.with(SlotSet::GOLDEN);
        for (references, refresh_entropy, changes) in
            [(SlotSet::LAST, true, 0), (SlotSet::LAST, false, 1), (both, false, 2)]
        {
            let mut plan = inter(references, SlotSet::LAST);
            plan.refresh_entropy = refresh_entropy;
            assert_eq!(code(&mut slots, &plan).list_changes[0].len(), changes);
        }
    }

    #[test]
    fn pictures_after_a_recovery_point_name_long_term_references() {
        for (intra_refresh, expected) in [((0, 1), &[ListChange::LongTerm(0)][..]), ((0, 0), &[])] {
            let mut slots = ReferenceSlots::default();
            code(&mut slots, &FramePlan::key(30, 5));
            for _ in 0..2 {
                let mut plan = inter(SlotSet::LAST, SlotSet::LAST.with(SlotSet::GOLDEN));
                (plan.copy_golden_to_altref, plan.intra_refresh) = (true, intra_refresh);
                code(&mut slots, &plan);
            }
            // The second golden frame has the index of the key frame. Upper layers have no refresh.
            for updates in [SlotSet::NONE, SlotSet::LAST] {
                let header = code(&mut slots, &inter(SlotSet::LAST, updates));
                assert!(header.list_changes[0].iter().eq(expected));
            }
            let header = code(&mut slots, &inter(SlotSet::LAST, SlotSet::LAST));
            assert!(header.list_changes[0].is_empty());
        }
    }

    #[test]
    fn an_old_last_frame_becomes_long_term_before_its_number_returns() {
        let mut slots = ReferenceSlots::default();
        code(&mut slots, &FramePlan::key(30, 5));
        code(&mut slots, &inter(SlotSet::LAST, SlotSet::LAST));
        let mut became_long = 0;
        for _ in 0..600 {
            let header = code(&mut slots, &inter(SlotSet::LAST, SlotSet::GOLDEN));
            let to_long = |mmco: &&Mmco| matches!(mmco, Mmco::ShortToLong { .. });
            became_long += header.mmco.iter().filter(to_long).count();
        }
        assert_eq!(became_long, 1);
    }

    #[test]
    fn one_of_many_frames_that_update_no_slot_is_a_reference() {
        let mut slots = ReferenceSlots::default();
        code(&mut slots, &FramePlan::key(30, 5));
        // Three different pictures in the slots.
        code(&mut slots, &inter(SlotSet::LAST, SlotSet::LAST));
        code(&mut slots, &inter(SlotSet::LAST, SlotSet::GOLDEN));
        for _ in 0..3 {
            for _ in 0..MAX_UNREFERENCED {
                let header = code(&mut slots, &inter(SlotSet::LAST, SlotSet::NONE));
                assert_eq!(header.nal_ref_idc, 0);
            }
            let header = code(&mut slots, &inter(SlotSet::LAST, SlotSet::NONE));
            assert!(header.nal_ref_idc > 0 && header.marking.is_some());
            assert!(slots.marked.len() <= DECODER_REFS);
        }
        let kept = |slot: &Option<RefFrame>| {
            let serial = slot.as_ref().unwrap().serial;
            slots.marked.iter().any(|marked| marked.serial == serial)
        };
        assert!(slots.slots.iter().all(kept));
    }

    #[test]
    fn a_frame_without_references_has_an_intra_slice_and_keeps_the_slots() {
        let mut slots = ReferenceSlots::default();
        code(&mut slots, &FramePlan::key(30, 5));
        let header = code(&mut slots, &inter(SlotSet::NONE, SlotSet::NONE));
        assert_eq!((header.slice_type, header.nal_ref_idc), (SliceType::I, 0));
        assert!(slots.are_filled() && header.marking.is_none());
    }
}
