//! Look-ahead queue: buffers frames with their pre-analysis and plans groups with altref frames.

use std::collections::VecDeque;

/// Pre-analysis result of a buffered frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookaheadInfo {
    /// Cost of inter prediction from the previous frame.
    pub inter_cost: u64,
    /// Cost of intra prediction.
    pub intra_cost: u64,
    /// The frame is a scene cut.
    pub scene_cut: bool,
    /// The frame must be a key frame.
    pub key: bool,
    /// See [`super::FrameStats::mb_tree_boost_q16`].
    pub mb_tree_boost_q16: Option<i32>,
}

/// Longest group: altref frames are of little use to frames further away.
const MAX_GROUP: usize = 14;
/// Shortest group for which an altref frame saves bits.
const MIN_GROUP: usize = 4;
/// Maximum ratio of inter to intra costs, in 1/256, up to which the frames of a group are similar
/// enough for an altref frame.
const MAX_INTER_SHARE_Q8: u64 = 160;

/// Ratio of inter to intra costs, in 1/256, above which much of a group's detail changes from frame to frame.
const MOVING_SHARE_Q8: u64 = 80;

/// Structure of the next group of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupPlan {
    /// Number of frames in the group, starting with the next one to code; at least 1.
    pub frames: usize,
    /// Code the group's last frame first, as an altref frame that is not shown.
    pub altref: bool,
}

/// Queue of buffered frames in display order, each with its analysis.
///
/// ```
/// use codec_core::rate::{Lookahead, LookaheadInfo};
///
/// let mut queue = Lookahead::new(12);
/// for frame in 0..12 {
///     let scene_cut = frame == 8;
///     let mut info = LookaheadInfo::default();
///     (info.inter_cost, info.intra_cost, info.scene_cut) = (100, 900, scene_cut);
///     queue.push(frame, info);
/// }
/// let group = queue.plan_group().expect("the queue is not empty");
/// assert_eq!((group.frames, group.altref), (8, true)); // up to the scene cut
/// ```
#[derive(Debug)]
pub struct Lookahead<T> {
    held: VecDeque<(T, LookaheadInfo)>,
    depth: usize,
}

impl<T> Lookahead<T> {
    /// Creates a queue of up to `depth` frames, at least one.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        let depth = depth.max(1);
        Self { held: VecDeque::with_capacity(depth + 1), depth }
    }

    /// Appends the next frame.
    pub fn push(&mut self, frame: T, lookahead_info: LookaheadInfo) {
        self.held.push_back((frame, lookahead_info));
    }

    /// Removes and returns the first frame.
    pub fn pop(&mut self) -> Option<(T, LookaheadInfo)> {
        self.held.pop_front()
    }

    /// Returns a buffered frame; index 0 is the next to be removed.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&(T, LookaheadInfo)> {
        self.held.get(index)
    }

    /// Like [`Self::get`], for modification.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut (T, LookaheadInfo)> {
        self.held.get_mut(index)
    }

    /// Returns the number of buffered frames.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Returns whether no frame is buffered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Returns whether a frame should be removed before the next is pushed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.held.len() >= self.depth
    }

    /// Returns the mean inter cost of the buffered frames up to the next scene; `None` if the queue
    /// is empty.
    #[must_use]
    pub fn mean_cost(&self) -> Option<u64> {
        let scene = self.scene_len();
        let sum = self
            .lookahead_infos()
            .take(scene)
            .fold(0, |sum: u64, o| sum.saturating_add(o.inter_cost));
        sum.checked_div(scene as u64)
    }

    fn lookahead_infos(&self) -> impl Iterator<Item = &LookaheadInfo> {
        self.held.iter().map(|(_, lookahead_info)| lookahead_info)
    }

    /// Returns the number of frames up to the next scene cut or key frame, ignoring those flags of
    /// the first frame.
    fn scene_len(&self) -> usize {
        let cut = self.lookahead_infos().skip(1).position(|o| o.scene_cut || o.key);
        cut.map_or(self.held.len(), |index| index + 1)
    }

    /// Returns the structure of the next group as [`Self::plan_group`], with at most `most` frames if much of its detail
    /// changes: the altref frame of a long group is a bad prediction there.
    #[must_use]
    pub fn plan_group_by_motion(&self, most: usize) -> Option<GroupPlan> {
        let plan = self.plan_group()?;
        let (inter, intra) = self.costs(plan.frames);
        if inter <= crate::fixed::mul_div(intra, MOVING_SHARE_Q8, 256) {
            return Some(plan);
        }
        let frames = plan.frames.min(most.max(1));
        Some(GroupPlan { frames, altref: plan.altref && frames >= MIN_GROUP })
    }

    /// Returns the structure of the next group; `None` if the queue is empty.
    #[must_use]
    pub fn plan_group(&self) -> Option<GroupPlan> {
        let frames = self.scene_len().min(MAX_GROUP);
        if frames == 0 {
            return None;
        }
        let (inter, intra) = self.costs(frames);
        let alike = inter <= crate::fixed::mul_div(intra, MAX_INTER_SHARE_Q8, 256);
        Some(GroupPlan { frames, altref: frames >= MIN_GROUP && alike })
    }

    /// Returns the inter and the intra costs of a group of `frames` frames, without the first one.
    fn costs(&self, frames: usize) -> (u64, u64) {
        let total = |cost: fn(&LookaheadInfo) -> u64| {
            self.lookahead_infos()
                .take(frames)
                .skip(1)
                .fold(0_u64, |sum, o| sum.saturating_add(cost(o)))
        };
        (total(|o| o.inter_cost), total(|o| o.intra_cost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(costs: &[(u64, bool)]) -> Lookahead<()> {
        let mut ahead = Lookahead::new(16);
        for &(inter_cost, scene_cut) in costs {
            ahead.push(
                (),
                LookaheadInfo {
                    inter_cost,
                    intra_cost: 1000,
                    scene_cut,
                    ..LookaheadInfo::default()
                },
            );
        }
        ahead
    }

    #[test]
    fn group_ends_before_next_scene() {
        let ahead = held(&[(900, true), (10, false), (20, false), (30, false), (900, true)]);
        assert_eq!(ahead.plan_group(), Some(GroupPlan { frames: 4, altref: true }));
        assert_eq!(ahead.mean_cost(), Some(240));
    }

    #[test]
    fn groups_with_much_change_are_short() {
        let moving = held(&[(400, false); 14]);
        let group = |frames, altref| Some(GroupPlan { frames, altref });
        assert_eq!(moving.plan_group(), group(14, true));
        assert_eq!(moving.plan_group_by_motion(6), group(6, true));
        assert_eq!(moving.plan_group_by_motion(3), group(3, false));
        let calm = held(&[(300, false); 14]);
        assert_eq!(calm.plan_group_by_motion(6), group(14, true));
        assert_eq!(held(&[]).plan_group_by_motion(6), None);
    }

    #[test]
    fn dissimilar_frames_get_no_altref() {
        let ahead = held(&[(900, false); 8]);
        assert_eq!(ahead.plan_group(), Some(GroupPlan { frames: 8, altref: false }));
        assert_eq!(held(&[]).plan_group(), None);
        assert_eq!(held(&[]).mean_cost(), None);
    }
}
