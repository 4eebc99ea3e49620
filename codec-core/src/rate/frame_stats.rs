//! Input and output of the rate controller for each frame.

use crate::codec::{DropReason, FrameKind};
use crate::fixed::ONE_Q16;

/// Role of a frame in the prediction structure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameRole {
    /// Shown, and used as the next frame's reference.
    #[default]
    Plain,
    /// Stored as a long-term reference.
    Golden,
    /// Not shown; later frames predict from it.
    Altref,
    /// Not shown; the frames before and after it in its group, which ends with the frame of altref, predict from
    /// it. It is stored as golden.
    Middle,
    /// Shows the content of an altref or middle frame that was coded before.
    Overlay,
    /// B frame that other B frames predict from.
    ReferenceB,
    /// B frame that no frame predicts from.
    PlainB,
}

/// Properties of a frame, known before it is coded.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FrameStats {
    /// Frame type.
    pub kind: FrameKind,
    /// Role in the prediction structure.
    pub role: FrameRole,
    /// Presentation timestamp in ticks of the time base.
    pub pts: i64,
    /// Complexity measure that is linear in bits, for example the sum of absolute transformed
    /// differences (SATD) to the best simple prediction. Only ratios between frames matter.
    pub complexity: u64,
    /// Mean `complexity` of the frames to come, if the look-ahead knows them.
    pub mean_complexity: Option<u64>,
    /// Temporal layer.
    pub temporal_id: u8,
    /// The frame is a scene cut.
    pub scene_cut: bool,
    /// Highest quantiser index of the unchanged areas, for screen content of which parts have not
    /// changed since the last frame.
    pub coarsest: Option<u8>,
    /// The frames are screen content.
    pub is_screen: bool,
    /// Quality boost over frames that are not referenced, in octaves of the quantiser step (16
    /// fractional bits); used with variable bitrate and constant quality. `None` uses the default
    /// of the frame type.
    pub mb_tree_boost_q16: Option<i32>,
    /// Quality boost of a [`FrameRole::Golden`] frame over the frames around it, in the same unit; used
    /// with constant and variable bitrate. At 0 it is coded as a plain frame.
    pub golden_boost_q16: i32,
    /// In a stream with B frames: the number of B frames before this frame of level 0, and the frame
    /// itself; else 0.
    pub group_frames: u32,
    /// Whether the frame may be dropped; `None` follows the configuration.
    pub may_drop: Option<bool>,
}

impl FrameStats {
    /// Creates the statistics of a plain frame.
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
            mb_tree_boost_q16: None,
            golden_boost_q16: 0,
            group_frames: 0,
            may_drop: None,
        }
    }
}

/// Bit budget and quantiser range of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameBudget {
    /// Quantiser index for the first attempt.
    pub qindex: u8,
    /// Highest quantiser index to use when recoding for `max_bits`.
    pub max_qindex: u8,
    /// Budget for recoding unchanged areas, as a sum of complexities; `None` decides each
    /// macroblock individually.
    pub recode: Option<u64>,
    /// Target size in bits; 0 without rate control.
    pub target_bits: u64,
    /// Size in bits above which the frame is recoded at a higher quantiser index.
    pub max_bits: Option<u64>,
    /// Size in bits above which the frame is dropped if recoding cannot reduce it; see
    /// [`super::RateController::frame_dropped`].
    pub drop_above_bits: Option<u64>,
    /// Whether a limit is hard: a cap that the caller set, or a limit of a frame that may be
    /// dropped.
    pub is_hard: bool,
    /// The buffer is below half its optimal level: spend no bits on optional improvements.
    pub buffer_is_low: bool,
}

/// Decision of the rate controller for one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Code the frame, then call [`super::RateController::frame_coded`].
    Code(FrameBudget),
    /// Drop the frame; no other call is needed.
    Drop {
        /// Why the frame is dropped.
        reason: DropReason,
        /// Bits by which the buffer must recover before the next frame is coded.
        debt_bits: u64,
    },
}

/// Returns whether a frame repeats the one before, by their complexities: it has at most a sixteenth.
pub(crate) fn repeats(complexity: u64, before: u64) -> bool {
    complexity < before / 16
}

/// Frame classes with separate bits models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Key,
    Altref,
    SceneCut,
    Overlay,
    /// Nothing has changed: the frame refines static screen content.
    Refine,
    Layer(u8),
    B,
    /// A frame of higher quality than the frames around it, because later frames retain much of it.
    Golden,
}

impl Class {
    pub(super) const COUNT: usize = 10;

    pub(super) fn index(self) -> usize {
        match self {
            Self::Key => 0,
            Self::Altref => 1,
            Self::SceneCut => 2,
            Self::Overlay => 3,
            Self::Refine => 4,
            Self::Layer(id) => 5 + usize::from(id.min(2)),
            Self::B => 8,
            Self::Golden => 9,
        }
    }
}

pub(super) fn class_of(stats: &FrameStats) -> Class {
    match (stats.kind, stats.role) {
        (FrameKind::Key, _) => Class::Key,
        (FrameKind::Inter, FrameRole::Altref | FrameRole::Middle) => Class::Altref,
        (FrameKind::Inter, FrameRole::Overlay) => Class::Overlay,
        (FrameKind::Inter, FrameRole::ReferenceB | FrameRole::PlainB) => Class::B,
        (FrameKind::Inter, _) if stats.scene_cut => Class::SceneCut,
        (FrameKind::Inter, FrameRole::Golden) if stats.golden_boost_q16 > 0 => Class::Golden,
        (FrameKind::Inter, _) => Class::Layer(stats.temporal_id),
    }
}

/// Returns the quality boost of reference frames, in octaves of the step.
pub(super) fn boost_q16(stats: &FrameStats, class: Class) -> i32 {
    if let Some(finer) = stats.mb_tree_boost_q16 {
        return -finer;
    }
    match (class, stats.role) {
        (Class::Key, _) => -ONE_Q16 / 2,
        (Class::Altref, _) => -ONE_Q16 * 5 / 8,
        // Applied to the step of the frames around it.
        (Class::Golden, _) => 0,
        (_, FrameRole::Golden) => -ONE_Q16 / 4,
        _ => 0,
    }
}
