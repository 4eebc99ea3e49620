//! The lower floor: everything about one frame, said explicitly.

use super::{Content, FrameKind, SlotSet};

/// How one frame is to be coded. Rate controllers and layer planners make these; anyone may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnitPlan {
    /// Key or inter.
    pub kind: FrameKind,
    /// Slots that may be referenced.
    pub references: SlotSet,
    /// Slots that the frame replaces with itself.
    pub updates: SlotSet,
    /// Before that, golden takes the place of altref (`true`: altref := golden).
    pub keep_golden_in_altref: bool,
    /// Quantiser index, in the codec's own scale.
    pub qindex: u8,
    /// Worst quantiser index that the frame may use to stay below `max_bits`.
    pub max_qindex: u8,
    /// Bits that the frame must not exceed; it is coded again, coarser, until it fits or
    /// `max_qindex` is reached.
    pub max_bits: Option<u64>,
    /// How often the frame may be coded at most to stay below `max_bits`; 0 counts as 1.
    pub attempts: u8,
    /// Bits above which the frame is given up, if it cannot be made smaller: references and
    /// probabilities stay as they were, as if it had never been. `None`: it is coded all the same.
    pub give_up_bits: Option<u64>,
    /// Speed, 0..=10.
    pub speed: u8,
    /// What the picture shows.
    pub content: Content,
    /// Strength of the loop filter in percent of the quantiser's step, where no knob sets its level
    /// and the picture is not a screen's.
    pub filter_pct: u8,
    /// Whether the frame is shown.
    pub shown: bool,
    /// Later frames start from the probabilities that this frame ends with.
    pub keep_probabilities: bool,
    /// Static macroblocks may be refreshed at a finer quantiser, this share of them per frame in
    /// percent.
    pub refresh_pct: u8,
    /// Room for coding again, at `qindex`, what has not changed since the last frame: a sum of intra
    /// costs of the analysis. All else that has not changed is taken over as it is. `None`: each
    /// macroblock is decided on its own.
    pub recode: Option<u64>,
    /// Macroblocks coded as intra in this frame: first and number, in raster order, for cyclic
    /// intra refresh; 0 of them: none.
    pub intra_refresh: (u32, u32),
}

impl UnitPlan {
    /// A key frame at `qindex`.
    #[must_use]
    pub fn key(qindex: u8, speed: u8) -> Self {
        let all = SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF);
        Self {
            kind: FrameKind::Key,
            references: SlotSet::NONE,
            updates: all,
            keep_golden_in_altref: false,
            qindex,
            max_qindex: qindex,
            max_bits: None,
            attempts: u8::MAX,
            give_up_bits: None,
            speed,
            content: Content::Camera,
            filter_pct: 26,
            shown: true,
            keep_probabilities: true,
            refresh_pct: 0,
            recode: None,
            intra_refresh: (0, 0),
        }
    }

    /// An inter frame at `qindex` that may use all slots and replaces the last frame.
    #[must_use]
    pub fn inter(qindex: u8, speed: u8) -> Self {
        let all = SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF);
        Self {
            kind: FrameKind::Inter,
            references: all,
            updates: SlotSet::LAST,
            ..Self::key(qindex, speed)
        }
    }
}
