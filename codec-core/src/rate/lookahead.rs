//! Frames held back to see what comes, and what to make of it.

use std::collections::VecDeque;

/// What the pre-analysis says of one held frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Cost of the frame if predicted from the one before.
    pub inter_cost: u64,
    /// Cost of the frame if coded alone.
    pub intra_cost: u64,
    /// It shows another scene than the one before.
    pub scene_cut: bool,
    /// It must be a key frame.
    pub key: bool,
    /// See [`super::FrameFacts::finer_q16`].
    pub finer_q16: Option<i32>,
}

/// Longest group: altref frames further away from some of the pictures help them less.
const MAX_GROUP: usize = 14;
/// Shortest group for which an altref frame pays.
const MIN_GROUP: usize = 4;
/// Inter costs above this share of the intra costs (1/256) say that the pictures of a group have
/// too little in common for an altref frame.
const MAX_INTER_SHARE_Q8: u64 = 160;

/// How the next frames are to be coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupPlan {
    /// Frames in the group, from the next one to code; at least 1.
    pub frames: usize,
    /// Code the group's last picture first, as an altref frame that is not shown.
    pub altref: bool,
}

/// Frames in display order, each with its outlook.
#[derive(Debug)]
pub struct Lookahead<T> {
    held: VecDeque<(T, Outlook)>,
    depth: usize,
}

impl<T> Lookahead<T> {
    /// Holds up to `depth` frames, at least one.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        let depth = depth.max(1);
        Self { held: VecDeque::with_capacity(depth + 1), depth }
    }

    /// Takes the next frame in.
    pub fn push(&mut self, frame: T, outlook: Outlook) {
        self.held.push_back((frame, outlook));
    }

    /// Takes the first frame out.
    pub fn pop(&mut self) -> Option<(T, Outlook)> {
        self.held.pop_front()
    }

    /// A held frame, 0 the next to come out.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&(T, Outlook)> {
        self.held.get(index)
    }

    /// As [`Self::get`], to be changed.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut (T, Outlook)> {
        self.held.get_mut(index)
    }

    /// Number of frames held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether no frame is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether a frame should come out before the next goes in.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.held.len() >= self.depth
    }

    /// Mean inter cost of the frames held, up to the next scene; `None` if none is held.
    #[must_use]
    pub fn mean_cost(&self) -> Option<u64> {
        let scene = self.scene_len();
        let sum =
            self.outlooks().take(scene).fold(0, |sum: u64, o| sum.saturating_add(o.inter_cost));
        sum.checked_div(scene as u64)
    }

    fn outlooks(&self) -> impl Iterator<Item = &Outlook> {
        self.held.iter().map(|(_, outlook)| outlook)
    }

    /// Frames up to the next cut or key frame, the first frame not asked.
    fn scene_len(&self) -> usize {
        let cut = self.outlooks().skip(1).position(|o| o.scene_cut || o.key);
        cut.map_or(self.held.len(), |index| index + 1)
    }

    /// What to do with the next frames; `None` if none is held.
    #[must_use]
    pub fn plan_group(&self) -> Option<GroupPlan> {
        let frames = self.scene_len().min(MAX_GROUP);
        if frames == 0 {
            return None;
        }
        let total = |cost: fn(&Outlook) -> u64| {
            self.outlooks().take(frames).skip(1).fold(0_u64, |sum, o| sum.saturating_add(cost(o)))
        };
        let (inter, intra) = (total(|o| o.inter_cost), total(|o| o.intra_cost));
        let alike = inter <= super::fixed::mul_div(intra, MAX_INTER_SHARE_Q8, 256);
        Some(GroupPlan { frames, altref: frames >= MIN_GROUP && alike })
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
                Outlook { inter_cost, intra_cost: 1000, scene_cut, ..Outlook::default() },
            );
        }
        ahead
    }

    #[test]
    fn a_group_ends_before_the_next_scene() {
        let ahead = held(&[(900, true), (10, false), (20, false), (30, false), (900, true)]);
        assert_eq!(ahead.plan_group(), Some(GroupPlan { frames: 4, altref: true }));
        assert_eq!(ahead.mean_cost(), Some(240));
    }

    #[test]
    fn pictures_with_nothing_in_common_get_no_altref() {
        let ahead = held(&[(900, false); 8]);
        assert_eq!(ahead.plan_group(), Some(GroupPlan { frames: 8, altref: false }));
        assert_eq!(held(&[]).plan_group(), None);
        assert_eq!(held(&[]).mean_cost(), None);
    }
}
