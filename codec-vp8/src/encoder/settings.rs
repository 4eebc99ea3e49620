//! What a frame encoder is told once, and what it tells of each frame beside its packet.

use std::sync::Arc;

use codec_simd::Level;

use codec_core::codec::StageClock;
use codec_core::error::ConfigError;
use codec_core::frame::Size;
use codec_core::parallel::Pool;

/// Settings of the bitstream that stay from frame to frame. All can change between frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameKnobs {
    /// Token partitions: 1, 2, 4 or 8.
    pub token_partitions: u8,
    /// Profile (the standard's version), 0..=3.
    pub profile: u8,
    /// Sharpness of the loop filter, 0..=7.
    pub sharpness: u8,
    /// Loop-filter level, 0..=63; `None`: chosen.
    pub filter_level: Option<u8>,
}

impl Default for FrameKnobs {
    fn default() -> Self {
        Self { token_partitions: 1, profile: 0, sharpness: 0, filter_level: None }
    }
}

impl FrameKnobs {
    pub(super) fn check(self) -> Result<(), ConfigError> {
        let refuse = |knob, given: u8, allowed: &str| Err(ConfigError::new(knob, given, allowed));
        if !matches!(self.token_partitions, 1 | 2 | 4 | 8) {
            return refuse("token-partitions", self.token_partitions, "1, 2, 4 or 8");
        }
        if self.profile > 3 {
            return refuse("profile", self.profile, "0..=3");
        }
        if self.sharpness > 7 {
            return refuse("sharpness", self.sharpness, "0..=7");
        }
        match self.filter_level {
            Some(level) if level > 63 => refuse("filter-level", level, "0..=63"),
            _ => Ok(()),
        }
    }
}

/// What a [`super::FrameEncoder`] is made from.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct FrameSettings {
    pub size: Size,
    pub knobs: FrameKnobs,
    /// Where rows run; `None`: on the caller's thread.
    pub pool: Option<Arc<dyn Pool>>,
    /// Instruction set; `None`: the best that the CPU has.
    pub simd: Option<Level>,
    /// Fill in [`codec_core::codec::PacketMeta::sse`].
    pub report_sse: bool,
    /// Fill in [`codec_core::codec::PacketMeta::digest`].
    pub report_digest: bool,
    /// See [`codec_core::codec::EncoderConfig::stages`].
    pub stages: Option<Arc<dyn StageClock>>,
}

/// What became of a frame, beside its packet: what planners of later frames want to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitReport {
    /// Size of the packet.
    pub bits: u64,
    /// The frame is larger than `max_bits` even at `max_qindex`.
    pub over_cap: bool,
    /// It is larger than `give_up_bits`, too: there is no packet and nothing has changed.
    pub given_up: bool,
    /// The quantiser index that was used: the plan's, or a coarser one to fit `max_bits`.
    pub qindex: u8,
    /// Macroblocks predicted from the last frame without motion.
    pub zero_motion: u32,
    /// Macroblocks refreshed at a finer quantiser.
    pub refreshed: u32,
    /// Squared error of the luma predictions, before coding, over all macroblocks.
    pub prediction_sse: u64,
    /// Intra costs of the unchanged macroblocks that were coded again; see
    /// [`codec_core::codec::plan::UnitPlan::recode`].
    pub recoded_cost: u64,
}
