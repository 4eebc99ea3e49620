//! The file preset: look-ahead, and groups of frames with altref frames.

use codec_simd::Kernels;

use super::buffered_frame::{self, BufferedFrame};
use super::coding::{Coding, Task, tune};
use super::knobs::SharedKnobs;
use super::reordering::{NextFrame, Reordering};
use super::speed_selector::SpeedChoice;
use super::{CodecDescription, FrameCoder};
use crate::analysis::mb_tree::{AltrefTrace, MbTree};
use crate::analysis::{FrameAnalysis, MaskingMeter};
use crate::codec::{
    EncoderConfig, FrameRequest, Outcome, RateControl, Scalability, Stage, StageTimer, Tune,
};
use crate::error::Error;
use crate::fixed::{ONE_Q16, exp2_q16};
use crate::frame::{FramePool, Picture, Size};
use crate::rate::{FrameRole, Lookahead, LookaheadInfo};

/// Border of buffered frames: none, because only their visible samples are read.
const NO_PAD: usize = 0;

/// Number of following frames that determine a frame's importance (MB-tree): the default
/// look-ahead.
const MB_TREE_FRAMES: usize = 24;

/// Buffered frames and the current group.
#[derive(Debug)]
pub(super) struct FileState {
    pub(super) ahead: Lookahead<BufferedFrame>,
    pub(super) pool: FramePool,
    /// Analyses of coded frames, kept to reuse their memory.
    analyses: Vec<FrameAnalysis>,
    pub(super) mb_tree: MbTree,
    pub(super) masking: MaskingMeter,
    pub(super) altref_trace: AltrefTrace,
    /// Analysis passed to the coding of hidden frames.
    pub(super) altref: FrameAnalysis,
    depth: usize,
    /// Number of frames of the group still to be coded.
    pub(super) group_left: usize,
    /// Whether the group's altref frame is still to be coded.
    altref_due: bool,
    /// Whether the group's altref frame has been coded.
    pub(super) has_altref: bool,
    /// Number of frames to code before the group's middle frame is shown, if that was coded ahead of them.
    pub(super) middle: Option<usize>,
    pub(super) reordering: Reordering,
}

impl FileState {
    pub(super) fn new(size: Size, depth: usize, max_b_frames: u8) -> Self {
        Self {
            ahead: Lookahead::new(depth),
            pool: FramePool::new(size, NO_PAD, depth + 2),
            analyses: Vec::new(),
            mb_tree: MbTree::default(),
            masking: MaskingMeter::default(),
            altref_trace: AltrefTrace::default(),
            altref: FrameAnalysis { size, ..FrameAnalysis::default() },
            depth,
            group_left: 0,
            altref_due: false,
            has_altref: false,
            middle: None,
            reordering: Reordering::new(max_b_frames),
        }
    }

    /// Resets the state after a change of the frame size, when no frame is buffered.
    pub(super) fn resized(&mut self, size: Size) {
        let reordering = self.reordering.resized();
        *self = Self { reordering, ..Self::new(size, self.depth, 0) };
    }

    /// Appends a frame.
    pub(super) fn push(
        &mut self,
        picture: &Picture<'_>,
        analysis: FrameAnalysis,
        request: FrameRequest,
        denoised_q4: Option<u16>,
        lookahead_info: LookaheadInfo,
        nominal: u64,
    ) {
        let buf = buffered_frame::copy(&mut self.pool, picture);
        let info = picture.info;
        let interval = request.duration.unwrap_or(nominal);
        self.reordering.times.shown(request.pts, interval);
        self.ahead
            .push(BufferedFrame { buf, analysis, info, request, denoised_q4 }, lookahead_info);
    }

    /// Returns an analysis to write to, reusing the memory of an old one.
    pub(super) fn blank_analysis(&mut self) -> FrameAnalysis {
        self.analyses.pop().unwrap_or_default()
    }

    pub(super) fn is_full(&self) -> bool {
        self.ahead.len() + self.reordering.len() >= self.depth
    }

    /// Codes the next frame, after the altref frame of its group if one is due; returns `None` if
    /// no frame is buffered. With `forced` the frame is not dropped, because the caller could not
    /// be informed.
    pub(super) fn code_next<C: FrameCoder>(
        &mut self,
        coding: &mut Coding<C>,
        config: &EncoderConfig,
        knobs: &SharedKnobs,
        kernels: &Kernels,
        forced: bool,
    ) -> Result<Option<Outcome>, Error> {
        if self.reordering.has_b_frames() {
            return self.code_next_of_group(coding, config, knobs, kernels, forced);
        }
        if self.group_left == 0 {
            let group = match C::codec().moving_group {
                Some(most) => self.ahead.plan_group_by_motion(most),
                None => self.ahead.plan_group(),
            };
            let Some(group) = group else {
                return Ok(None);
            };
            self.group_left = group.frames;
            (self.has_altref, self.middle) = (false, None);
            // With intra refresh, altref frames are not referenced.
            let one_layer = config.scalability == Scalability::L1T1 && config.intra_refresh == 0;
            let may = group.altref && C::codec().hidden_frames && knobs.altref && one_layer;
            let timer = StageTimer::start(config.stages.as_deref(), Stage::Analysis);
            self.altref_due = may && self.is_altref_worthwhile(C::codec().min_altref_gain);
            drop(timer);
        }
        let mean_cost = self.ahead.mean_cost();
        let is_key = self.ahead.get(0).is_some_and(|(_, lookahead_info)| lookahead_info.key);
        if self.altref_due && !is_key {
            self.altref_due = false;
            self.code_hidden(coding, config, knobs, kernels, mean_cost)?;
        }

        let timer = StageTimer::start(config.stages.as_deref(), Stage::Analysis);
        let boosts = Boosts::of::<C>(config);
        let mb_tree_boost_q16 = if is_key { self.mb_tree_of(0, coding, config) } else { None };
        let mb_tree_boost_q16 = mb_tree_boost_q16.map(|boost| boost + boosts.key_finer_q16);
        drop(timer);
        let Some((mut held, mut lookahead_info)) = self.ahead.pop() else {
            return Ok(None);
        };
        let is_last = self.group_left == 1;
        let is_overlay = is_last && self.has_altref || self.middle == Some(0);
        let role = if is_overlay { FrameRole::Overlay } else { FrameRole::Plain };
        self.middle = self.middle.and_then(|frames| frames.checked_sub(1));
        lookahead_info.mb_tree_boost_q16 = mb_tree_boost_q16
            .or_else(|| uses_mb_tree(config).then_some(boosts.in_group(role, self.has_altref)));
        if mb_tree_boost_q16.is_some() {
            std::mem::swap(&mut held.analysis.offsets_q4, &mut self.altref.offsets_q4);
        }
        self.group_left = self.group_left.saturating_sub(1);
        let next =
            NextFrame { held, lookahead_info, mean_cost, role, group_frames: 0, order: None };
        self.code_frame(coding, config, knobs, kernels, next, forced).map(Some)
    }

    /// Codes a frame that has left the look-ahead.
    pub(super) fn code_frame<C: FrameCoder>(
        &mut self,
        coding: &mut Coding<C>,
        config: &EncoderConfig,
        knobs: &SharedKnobs,
        kernels: &Kernels,
        next: NextFrame,
        forced: bool,
    ) -> Result<Outcome, Error> {
        let NextFrame { mut held, lookahead_info, mean_cost, role, group_frames, order } = next;
        let is_key = lookahead_info.key;
        if is_key && tune(config, config.content) == Tune::Visual {
            let _timer = StageTimer::start(config.stages.as_deref(), Stage::Analysis);
            let picture = held.buf.picture(held.info);
            self.masking.measure(&picture, kernels, &mut held.analysis);
            held.analysis.quantise_by_masking();
        }
        if let Some(map) = &held.request.importance {
            map.add_to(&mut held.analysis.offsets_q4, config.rate.mode.bitrate().is_some());
        }
        let mut request = held.request;
        if forced || is_key {
            request.may_drop = Some(false);
        }
        let picture = held.buf.picture(held.info);
        // Not only frames with an order: frames of temporal layers may follow them.
        let decode_time = self.reordering.times.next().filter(|_| self.reordering.has_b_frames());
        let task = Task {
            picture: &picture,
            analysis: Some(&held.analysis),
            request: &request,
            denoised_q4: held.denoised_q4,
            lookahead_info,
            mean_cost,
            role,
            group_frames,
            order,
            decode_time,
            speed: SpeedChoice::without_deadline(config.speed),
        };
        let outcome = coding.code(config, knobs, &task);
        match outcome {
            Ok(Outcome::Coded) => self.reordering.times.coded(),
            _ => self.reordering.times.dropped(request.pts),
        }
        self.pool.recycle(held.buf);
        self.analyses.push(held.analysis);
        outcome
    }

    /// Computes the importance of the macroblocks of frame `n`; offsets are left in `self.altref`.
    /// Returns `None` if MB-tree is disabled.
    pub(super) fn mb_tree_of<C: FrameCoder>(
        &mut self,
        n: usize,
        coding: &Coding<C>,
        config: &EncoderConfig,
    ) -> Option<i32> {
        uses_mb_tree(config).then_some(())?;
        let noise = quantisation_noise(coding);
        let count = self.dependent_frames(n);
        let ahead = &self.ahead;
        let frames = |n: usize| ahead.get(n).map(|(held, _)| &held.analysis);
        self.mb_tree.propagate(n, count, noise, frames);
        let strength = Boosts::of::<C>(config).strength_q16;
        let strength = strength * i32::from(C::codec().mb_tree_pct) / 100;
        Some(self.mb_tree.qindex_offsets(frames(n)?, strength, &mut self.altref.offsets_q4))
    }

    /// Returns the number of frames from `first` on that depend on it, limited to the look-ahead of
    /// MB-tree.
    pub(super) fn dependent_frames(&self, first: usize) -> usize {
        let is_key =
            |n: &usize| self.ahead.get(*n).is_none_or(|(_, lookahead_info)| lookahead_info.key);
        let end = (first + 1..first + MB_TREE_FRAMES).find(is_key);
        end.unwrap_or(first + MB_TREE_FRAMES) - first
    }
}

/// Returns whether MB-tree is used, which requires that frames have no individual bit budget or
/// index.
pub(super) fn uses_mb_tree(config: &EncoderConfig) -> bool {
    let by_base = matches!(config.rate.mode, RateControl::Vbr(_) | RateControl::Quality(_));
    by_base && config.scalability == Scalability::L1T1
}

/// How much finer or coarser frames are coded, in octaves of the quantiser step (16 fractional bits).
pub(super) struct Boosts {
    /// Octaves per octave of importance (MB-tree).
    pub(super) strength_q16: i32,
    /// Plain frames of a group with an altref frame, which has most of the detail.
    plain_coarser_q16: i32,
    /// The overlay of an altref frame, which later frames reference as golden.
    overlay_finer_q16: i32,
    /// Key frames, in addition to their importance.
    key_finer_q16: i32,
}

impl Boosts {
    const FULL: Self = Self {
        strength_q16: ONE_Q16 * 2 / 5,
        plain_coarser_q16: ONE_Q16 / 4,
        overlay_finer_q16: ONE_Q16 * 4 / 5,
        key_finer_q16: 0,
    };
    /// With one pass at a bitrate, later frames have to save what the first ones take beyond their
    /// share.
    const ONE_PASS: Self = Self {
        strength_q16: ONE_Q16 / 3,
        plain_coarser_q16: 0,
        overlay_finer_q16: ONE_Q16 * 2 / 5,
        key_finer_q16: 0,
    };

    pub(super) fn of<C: FrameCoder>(config: &EncoderConfig) -> Self {
        let is_one_pass = config.rate.first_pass.is_none();
        let boosts = if is_one_pass && config.rate.mode.bitrate().is_some() {
            Self::ONE_PASS
        } else {
            Self { key_finer_q16: C::codec().key_finer_q16, ..Self::FULL }
        };
        let overlay_finer_q16 = boosts.overlay_finer_q16 * i32::from(C::codec().overlay_pct) / 100;
        Self { overlay_finer_q16, ..boosts }
    }

    /// Returns the boost of a frame without importance of its own.
    fn in_group(&self, role: FrameRole, has_altref: bool) -> i32 {
        match role {
            FrameRole::Overlay => self.overlay_finer_q16,
            _ if has_altref => -self.plain_coarser_q16,
            _ => 0,
        }
    }
}

/// Returns the cost of changes that quantisation removes from a macroblock, for MB-tree.
pub(super) fn quantisation_noise<C: FrameCoder>(coding: &Coding<C>) -> u32 {
    let CodecDescription { steps_per_level, mb_tree_noise, .. } = C::codec();
    let step = exp2_q16(coding.rate.base_q16());
    u32::try_from(u64::from(*mb_tree_noise) * step / u64::from(*steps_per_level).max(1))
        .unwrap_or(u32::MAX)
}
