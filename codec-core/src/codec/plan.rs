//! The explicit encoding interface: a complete plan for one frame.

use super::{Content, FrameKind, SlotSet, Tune};

/// How to code one frame.
///
/// Rate controllers and layer planners create plans; callers can create their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FramePlan {
    /// Frame type.
    pub kind: FrameKind,
    /// Reference slots that may be used.
    pub references: SlotSet,
    /// Reference slots that the frame replaces with itself.
    pub updates: SlotSet,
    /// Temporal layer: frames of layers above 0 may be removed from the stream after coding.
    pub temporal_id: u8,
    /// Copy golden to altref before the update.
    pub copy_golden_to_altref: bool,
    /// Quantiser index, in the codec's own scale (VP8: 0..=127).
    pub qindex: u8,
    /// Highest quantiser index to use when recoding for `max_bits`.
    pub max_qindex: u8,
    /// Lowest and highest quantiser index of macroblocks with an offset, by MB-tree or an importance
    /// map.
    pub block_qindex: (u8, u8),
    /// Maximum size in bits. The frame is recoded at a higher quantiser index until it fits or
    /// `max_qindex` is reached.
    pub max_bits: Option<u64>,
    /// Maximum number of coding attempts to stay below `max_bits`; 0 counts as 1.
    pub attempts: u8,
    /// Size in bits above which the frame is dropped if recoding cannot reduce it; references and
    /// probabilities are then restored. `None` always keeps the frame.
    pub drop_above_bits: Option<u64>,
    /// Speed, 0 (best quality) to 10 (fastest).
    pub speed: u8,
    /// Type of content.
    pub content: Content,
    /// Loop filter strength in percent of the quantiser step; ignored for screen content and if a
    /// knob sets the level.
    pub filter_pct: u8,
    /// The aim of mode decision and quantisation.
    pub tune: Tune,
    /// Whether the frame is shown.
    pub shown: bool,
    /// Whether later frames start from the probabilities at the end of this frame.
    pub refresh_entropy: bool,
    /// Share of the static macroblocks that cyclic refresh may code at a finer quantiser in this
    /// frame, in percent.
    pub cyclic_refresh_pct: u8,
    /// Budget for recoding unchanged macroblocks at `qindex`, as a sum of intra costs from the
    /// analysis; all other unchanged macroblocks are copied from the last frame. `None` decides
    /// each macroblock individually.
    pub recode: Option<u64>,
    /// Macroblocks to code as intra for cyclic intra refresh: first index in raster order, and
    /// count; a count of 0 disables it.
    pub intra_refresh: (u32, u32),
    /// The decoder's buffer that constant bitrate models; `None` in other modes.
    pub buffer: Option<DecoderBuffer>,
    /// Place of the frame in a stream with B frames; `None` if frames are coded in display order.
    pub order: Option<FrameOrder>,
}

/// The modelled buffer of the decoder when it takes a frame out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderBuffer {
    /// Rate at which it is filled, in bits per second.
    pub rate_bps: u64,
    /// Capacity in bits.
    pub capacity_bits: u64,
    /// Level before the frame is taken out, in bits; not positive after an underflow.
    pub level_bits: i64,
    /// Time of the frame in microseconds.
    pub time_us: i64,
}

/// Place of a frame in a stream that is not coded in display order.
///
/// In such a stream the slots hold the last frames of level 0 (last and golden: a frame of level 0 that
/// replaces the last frame moves it to golden) and the last B frame that is a reference (altref).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameOrder {
    /// Number of the frame in display order. Frames after a key frame have higher numbers than the key
    /// frame.
    pub display: u64,
    /// Level of the frame: 0 if it predicts only from frames that are earlier in display order. B
    /// frames predict from frames of lower levels that are earlier and later in display order.
    pub level: u8,
}

impl FramePlan {
    /// Creates a plan for a key frame at `qindex`.
    #[must_use]
    pub fn key(qindex: u8, speed: u8) -> Self {
        let all = SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF);
        Self {
            kind: FrameKind::Key,
            references: SlotSet::NONE,
            updates: all,
            temporal_id: 0,
            copy_golden_to_altref: false,
            qindex,
            max_qindex: qindex,
            block_qindex: (0, u8::MAX),
            max_bits: None,
            attempts: u8::MAX,
            drop_above_bits: None,
            speed,
            content: Content::Camera,
            filter_pct: 26,
            tune: Tune::Psnr,
            shown: true,
            refresh_entropy: true,
            cyclic_refresh_pct: 0,
            recode: None,
            intra_refresh: (0, 0),
            buffer: None,
            order: None,
        }
    }

    /// Creates a plan for an inter frame at `qindex` that may use all slots and replaces the last
    /// frame.
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
