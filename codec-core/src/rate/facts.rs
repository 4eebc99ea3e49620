//! What the controller is told of a frame, and what it answers.

use super::fixed::ONE_Q16;
use crate::codec::{DropReason, FrameKind};

/// What a frame is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameRole {
    /// Shown and predicted from, like all others.
    #[default]
    Plain,
    /// Kept as a long-term reference.
    Golden,
    /// Not shown; later frames are predicted from it.
    Altref,
    /// Shows the picture of an altref frame that was coded before.
    Overlay,
}

/// What is known of a frame before it is coded.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FrameFacts {
    /// Key or inter.
    pub kind: FrameKind,
    /// What it is for.
    pub role: FrameRole,
    /// Presentation time in ticks of the time base.
    pub pts: i64,
    /// A measure of how much there is to code, linear in bits: for example the sum of absolute
    /// transformed differences to the best simple prediction. Only its ratio from frame to frame
    /// matters.
    pub complexity: u64,
    /// Mean of `complexity` over the frames to come, where they are known.
    pub mean_complexity: Option<u64>,
    /// Temporal layer.
    pub temporal_id: u8,
    /// The picture has little in common with the one before.
    pub scene_cut: bool,
    /// It is a screen's, of which parts have not changed since the last frame: the coarsest
    /// quantiser index of those.
    pub coarsest: Option<u8>,
    /// The pictures show a screen.
    pub is_screen: bool,
    /// How much finer it is worth coding than what nothing is predicted from, in octaves of the
    /// step (16 fractional bits), by an average bitrate or a quality; `None`: as usual for its kind.
    pub finer_q16: Option<i32>,
    /// Whether it may be dropped; `None`: as configured.
    pub may_drop: Option<bool>,
}

impl FrameFacts {
    /// Facts of a plain frame.
    #[must_use]
    pub fn new(kind: FrameKind, pts: i64, complexity: u64) -> Self {
        Self {
            kind,
            role: FrameRole::Plain,
            pts,
            complexity,
            mean_complexity: None,
            temporal_id: 0,
            scene_cut: false,
            coarsest: None,
            is_screen: false,
            finer_q16: None,
            may_drop: None,
        }
    }
}

/// What one frame may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameBudget {
    /// Quantiser index to code it at.
    pub qindex: u8,
    /// Worst index to go to for `max_bits`.
    pub max_qindex: u8,
    /// How much of what has not changed may be coded again, as a sum of complexities; `None`: not
    /// planned, each part of the picture is decided on its own.
    pub recode: Option<u64>,
    /// Bits aimed at; 0 without rate control.
    pub target_bits: u64,
    /// Bits above which the frame is to be coded again, coarser.
    pub max_bits: Option<u64>,
    /// Bits above which the frame is to be given up, if it cannot be made smaller; see
    /// [`super::RateController::frame_dropped`].
    pub give_up_bits: Option<u64>,
    /// One of the limits is hard: the caller's own, or that of a frame that may be dropped.
    pub is_hard: bool,
    /// The buffer is below half its optimal level: spend nothing on extras.
    pub buffer_is_low: bool,
}

/// What is to become of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Code it, then call [`super::RateController::frame_coded`].
    Code(FrameBudget),
    /// Drop it; nothing else is to be called.
    Drop {
        /// Why.
        reason: DropReason,
        /// Bits that the buffer must recover before a frame is coded again.
        debt_bits: u64,
    },
}

/// Kinds of frames that have a model each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Key,
    Altref,
    SceneCut,
    Overlay,
    /// Nothing has changed: what a screen shows is made finer.
    Refine,
    Layer(u8),
}

impl Class {
    pub(super) const COUNT: usize = 8;

    pub(super) fn index(self) -> usize {
        match self {
            Self::Key => 0,
            Self::Altref => 1,
            Self::SceneCut => 2,
            Self::Overlay => 3,
            Self::Refine => 4,
            Self::Layer(id) => 5 + usize::from(id.min(2)),
        }
    }
}

pub(super) fn class_of(facts: &FrameFacts) -> Class {
    match (facts.kind, facts.role) {
        (FrameKind::Key, _) => Class::Key,
        (FrameKind::Inter, FrameRole::Altref) => Class::Altref,
        (FrameKind::Inter, FrameRole::Overlay) => Class::Overlay,
        (FrameKind::Inter, _) if facts.scene_cut => Class::SceneCut,
        (FrameKind::Inter, _) => Class::Layer(facts.temporal_id),
    }
}

/// How much finer frames are that others are predicted from, in octaves of the step.
pub(super) fn boost_q16(facts: &FrameFacts, class: Class) -> i32 {
    if let Some(finer) = facts.finer_q16 {
        return -finer;
    }
    match (class, facts.role) {
        (Class::Key, _) => -ONE_Q16 / 2,
        (Class::Altref, _) => -ONE_Q16 * 5 / 8,
        (_, FrameRole::Golden) => -ONE_Q16 / 4,
        _ => 0,
    }
}
