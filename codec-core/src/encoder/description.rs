//! The description of a codec for the encoder that all codecs share.

use crate::analysis::IntraLaw;
use crate::codec::plan::FramePlan;
use crate::codec::{Capabilities, EncoderConfig, FrameKind};
use crate::fixed::{ONE_Q16, log2_q16};
use crate::frame::Size;
use crate::rate::{BitsLaw, CodecModel};

/// Complexity per macroblock below which a frame is static.
const STATIC_COMPLEXITY: u64 = 6;

/// Facts about a codec, for an [`super::Encoder`].
#[derive(Clone, Copy, Debug)]
pub struct CodecDescription {
    /// Capabilities of the encoder. Requests for the features in `gaps` are rejected. The encoder
    /// needs the quantiser steps; among the [shared knobs](super::knobs) it uses those that are listed.
    pub capabilities: &'static Capabilities,
    /// Step of one pixel level, if transforms are orthonormal, in the unit of
    /// [`Capabilities::quantiser_steps`].
    pub steps_per_level: u16,
    /// Number of quantiser indices in about a sixth of an octave of the step.
    pub indices_per_sixth_octave: u8,
    /// Prior of the bits model for key frames.
    pub key_law: BitsLaw,
    /// Prior of the bits model for inter frames.
    pub inter_law: BitsLaw,
    /// Bits of key frames by their coefficients, from which the quantiser of the first frame follows; `None` if they are
    /// not known, and the quantiser follows from `key_law`.
    pub intra_law: Option<IntraLaw>,
    /// See [`CodecModel::layer_boosts_q16`].
    pub layer_boosts_q16: Option<[[i32; 3]; 3]>,
    /// Quantiser index at which text looks sharp, below which screen content gains no visible quality.
    pub sharp_qindex: u8,
    /// Returns the size in bits of an inter frame in which nothing has changed, from its number of
    /// macroblocks.
    pub empty_frame_bits: fn(u64) -> u64,
    /// Loop filter strength in percent of the quantiser step.
    pub filter_pct: FilterStrength,
    /// Whether frames can be coded that are not shown, such as altref frames.
    pub hidden_frames: bool,
    /// Minimum cost that the frames before the display of an altref frame take from it, as a multiple of the
    /// altref frame's own cost; with less, no altref frame is coded.
    pub min_altref_gain: u64,
    /// Whether a frame that updates golden can copy the old one to altref.
    pub copies_golden_to_altref: bool,
    /// Returns the maximum number of frames between golden updates at a speed; `None` updates golden
    /// only as the background of a stable scene.
    pub golden_frames: fn(u8) -> Option<u32>,
    /// Strength of MB-tree for key frames, altref frames and frames of level 0 of groups with B frames, in percent of
    /// two fifths of an octave of the step per octave of importance (a third in one-pass encoding at a bitrate).
    pub mb_tree_pct: u8,
    /// How much finer the overlay (the last frame of a group, which displays the content of the altref frame) is coded
    /// than a frame that is not referenced, in percent of four fifths of an octave of the step (two fifths in one-pass
    /// encoding at a bitrate). At 0 it is nearly a copy of the altref frame.
    pub overlay_pct: u8,
    /// Whether the analysis of an altref frame has its motion since the last frame that was coded before it.
    pub altref_motion: bool,
    /// How much finer the key frames of files are coded than their importance asks for, in octaves of the quantiser step
    /// (16 fractional bits). One-pass encoding at a bitrate ignores it.
    pub key_finer_q16: i32,
    /// Maximum number of frames of a group in which much changes from frame to frame; `None` does not shorten such groups.
    pub moving_group: Option<usize>,
    /// Minimum number of frames of a group with an altref frame whose middle frame is coded before the others, and
    /// stored as golden; `None` never codes it first.
    pub middle_group: Option<usize>,
    /// Inter cost (SATD of the half-size macroblock) up to which MB-tree assumes that quantisation removes the
    /// residual, at a quantiser step of one pixel level; it is proportional to the step.
    pub mb_tree_noise: u8,
    /// Time of each speed relative to the fastest one, in 1/64. These are initial values: actual times
    /// are learned at each speed that is used.
    pub speed_costs: [u64; 11],
}

/// Loop filter strength by purpose, see [`crate::codec::plan::FramePlan::filter_pct`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "presets and tunings")]
pub struct FilterStrength {
    pub rtc: u8,
    pub rtc_visual: u8,
    pub file: u8,
}

impl CodecDescription {
    /// Returns the rate controller's model of the codec.
    pub(super) fn rate_model(&self, config: &EncoderConfig) -> CodecModel {
        let mut model = CodecModel::new(self.capabilities.quantiser_steps);
        (model.key_law, model.inter_law) = (self.key_law, self.inter_law);
        (model.overhead_bits, model.static_complexity) = self.static_frame_stats(config.size);
        model.qindex_range = self.capabilities.default_qindex(config.preset);
        model.pass_shares = self.capabilities.pass_shares;
        model.sharp_qindex = self.sharp_qindex;
        model.layer_boosts_q16 = self.layer_boosts_q16;
        model.indices_per_sixth_octave = self.indices_per_sixth_octave;
        model
    }

    /// Returns the size in bits of a frame in which nothing has changed, and the complexity below which
    /// a frame is static.
    pub(super) fn static_frame_stats(&self, size: Size) -> (u64, u64) {
        let (cols, rows) = size.macroblocks();
        let macroblocks = (cols * rows) as u64;
        ((self.empty_frame_bits)(macroblocks), STATIC_COMPLEXITY * macroblocks)
    }

    /// Returns a higher quantiser index for a frame that takes `bits` at `qindex`, more than the plan
    /// allows; `None` if the plan allows no higher index.
    #[must_use]
    pub fn coarser(&self, plan: &FramePlan, qindex: u8, bits: u64) -> Option<u8> {
        // Measured slopes are 0.9 and 3.4 octaves of bits for each octave of the step; a frame that is coded too
        // coarsely is worse than a further attempt.
        let slope_pct = if plan.kind == FrameKind::Key { 90 } else { 125 };
        const MARGIN_Q16: i32 = ONE_Q16 / 12;
        let worst = plan.max_qindex.max(plan.qindex).min(self.capabilities.qindex_range.1);
        if qindex >= worst {
            return None;
        }
        let max = plan.max_bits.unwrap_or(bits);
        let step = |qindex: u8| log2_q16(self.step(qindex));
        let excess = log2_q16(bits.max(1)).saturating_sub(log2_q16(max.max(1))) + MARGIN_Q16;
        let target = step(qindex) + excess.max(0) / slope_pct * 100;
        let coarser = (qindex..worst).find(|&qindex| step(qindex) >= target).unwrap_or(worst);
        let least = qindex.saturating_add((self.indices_per_sixth_octave * 3 / 4).max(1));
        Some(coarser.max(least).min(worst))
    }

    /// Returns the quantiser step of `qindex`, in the unit of [`Capabilities::quantiser_steps`].
    #[inline]
    #[must_use]
    pub fn step(&self, qindex: u8) -> u64 {
        let steps = self.capabilities.quantiser_steps;
        let last = steps.len().saturating_sub(1);
        steps.get(usize::from(qindex).min(last)).map_or(1, |&step| u64::from(step))
    }
}
