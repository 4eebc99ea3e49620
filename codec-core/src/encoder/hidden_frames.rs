//! Altref frames and middle frames (references from the middle of a group). They are never shown,
//! and are coded before the frames that precede them in display order.

use std::sync::Arc;

use codec_simd::Kernels;

use super::FrameCoder;
use super::coding::{Coding, Task, tune};
use super::file::{Boosts, FileState, quantisation_noise, uses_mb_tree};
use super::knobs::SharedKnobs;
use super::speed_selector::SpeedChoice;
use crate::analysis::{Change, FrameAnalysis, filter_altref};
use crate::codec::{EncoderConfig, FrameRequest, Outcome, Stage, StageTimer, Tune};
use crate::error::Error;
use crate::fixed::mul_div;
use crate::frame::FrameBuf;
use crate::motion::FullPel;
use crate::rate::{FrameRole, LookaheadInfo};

/// Positions of macroblocks in a frame that was coded before.
type Seeds = Vec<Option<FullPel>>;

/// Number of frames that the altref filter averages, including the filtered one.
const FILTER_FRAMES: usize = 7;

/// Strength of MB-tree for middle frames in percent of that for altref frames: no other group depends on them.
const MIDDLE_STRENGTH_PCT: i32 = 50;

/// Ratio of inter to intra costs, in 1/256, below which a middle frame costs more than it saves.
const MIDDLE_SHARE_Q8: u64 = 36;

/// A frame of the group that is coded ahead of the frames before it.
#[derive(Clone, Copy)]
struct Hidden {
    index: usize,
    role: FrameRole,
    mean_cost: Option<u64>,
}

impl FileState {
    /// Codes the group's last frame as an altref frame, and then its middle frame if the group is long enough.
    pub(super) fn code_hidden<C: FrameCoder>(
        &mut self,
        coding: &mut Coding<C>,
        config: &EncoderConfig,
        knobs: &SharedKnobs,
        kernels: &Kernels,
        mean_cost: Option<u64>,
    ) -> Result<(), Error> {
        let last = self.group_left.saturating_sub(1);
        self.altref.altref_seeds.clear();
        let altref = Hidden { index: last, role: FrameRole::Altref, mean_cost };
        self.has_altref = self.code_ahead(coding, config, knobs, kernels, altref)?;
        let is_long = C::codec().middle_group.is_some_and(|least| self.group_left >= least);
        if self.has_altref && is_long && self.changes_enough(last) {
            let middle = Hidden { index: last / 2, role: FrameRole::Middle, mean_cost };
            self.trace_middle(middle.index);
            let is_coded = self.code_ahead(coding, config, knobs, kernels, middle)?;
            self.middle = is_coded.then_some(middle.index);
        }
        Ok(())
    }

    /// Whether the frames up to `last` differ enough from one to the next for a middle frame.
    fn changes_enough(&self, last: usize) -> bool {
        let (mut inter, mut intra) = (0_u64, 0_u64);
        for (_, info) in (1..=last).filter_map(|index| self.ahead.get(index)) {
            inter = inter.saturating_add(info.inter_cost);
            intra = intra.saturating_add(info.intra_cost);
        }
        inter >= mul_div(intra, MIDDLE_SHARE_Q8, 256)
    }

    /// Codes a frame of the group ahead of the frames before it; returns whether it was coded.
    fn code_ahead<C: FrameCoder>(
        &mut self,
        coding: &mut Coding<C>,
        config: &EncoderConfig,
        knobs: &SharedKnobs,
        kernels: &Kernels,
        hidden: Hidden,
    ) -> Result<bool, Error> {
        let Hidden { index, role, mean_cost } = hidden;
        let (Some((next, _)), Some((future, future_info))) =
            (self.ahead.get(0), self.ahead.get(index))
        else {
            return Ok(false);
        };
        let costs = (0..=index).filter_map(|index| self.ahead.get(index));
        let apart = costs
            .fold(0_u64, |sum, (_, lookahead_info)| sum.saturating_add(lookahead_info.inter_cost));
        let intra_cost = future_info.intra_cost;
        let mut lookahead_info = LookaheadInfo {
            inter_cost: apart.min(intra_cost),
            intra_cost,
            ..LookaheadInfo::default()
        };
        let mut request = FrameRequest::at(next.request.pts);
        request.may_drop = Some(false);
        let (info, importance) = (future.info, future.request.importance.clone());
        let denoised_q4 = future.denoised_q4;
        let timer = StageTimer::start(config.stages.as_deref(), Stage::Analysis);
        lookahead_info.mb_tree_boost_q16 = self.mb_tree_of_ahead(hidden, coding, config);
        if C::codec().altref_motion {
            self.trace_altref_motion(index);
        }
        let buf = self.filtered(index, knobs.altref_strength, kernels);
        if tune(config, config.content) == Tune::Visual {
            self.masking.measure(&buf.picture(info), kernels, &mut self.altref);
            self.altref.quantise_by_masking();
        }
        if let Some(map) = importance {
            map.add_to(&mut self.altref.offsets_q4, config.rate.mode.bitrate().is_some());
        }
        drop(timer);
        let picture = buf.picture(info);
        let task = Task {
            picture: &picture,
            analysis: Some(&self.altref),
            request: &request,
            denoised_q4,
            lookahead_info,
            mean_cost,
            role,
            group_frames: 0,
            order: None,
            decode_time: None,
            speed: SpeedChoice::without_deadline(config.speed),
        };
        let outcome = coding.code(config, knobs, &task);
        self.pool.recycle(buf);
        Ok(outcome? == Outcome::Coded)
    }

    /// Records where the macroblocks of the earlier frames are in the group's middle frame, and the middle frame's in
    /// altref.
    fn trace_middle(&mut self, middle: usize) {
        let ahead = &self.ahead;
        let frames = |n: usize| ahead.get(n).map(|(held, _)| &held.analysis);
        self.altref_trace.follow(middle, 0, frames);
        self.record_seeds(middle, |analysis| &mut analysis.golden_seeds);
        if let Some((held, _)) = self.ahead.get(middle) {
            self.altref.altref_seeds.clone_from(&held.analysis.altref_seeds);
        }
    }

    /// Returns whether enough of the group's last frame is visible in earlier frames to code it
    /// first: at least `min_gain` times its own cost. If so, records its position in them.
    pub(super) fn is_altref_worthwhile(&mut self, min_gain: u64) -> bool {
        let last = self.group_left.saturating_sub(1);
        let ahead = &self.ahead;
        let frames = |n: usize| ahead.get(n).map(|(held, _)| &held.analysis);
        self.altref_trace.follow(last, 0, frames);
        let own = frames(last).map_or(0, |analysis| analysis.intra_cost);
        if self.altref_trace.cost() <= min_gain * own {
            return false;
        }
        self.record_seeds(last, |analysis| &mut analysis.altref_seeds);
        true
    }

    /// Records the traced positions in the analyses of the first `count` frames of the group.
    fn record_seeds(&mut self, count: usize, of: impl Fn(&mut FrameAnalysis) -> &mut Seeds) {
        for (n, seeds) in self.altref_trace.seeds.iter_mut().enumerate().take(count) {
            if let Some((held, _)) = self.ahead.get_mut(n) {
                std::mem::swap(of(&mut held.analysis), seeds);
            }
        }
    }

    /// Computes the importance of the macroblocks of frame `index` of the group, which is coded ahead of the frames before
    /// it; offsets are left in `self.altref`. Returns `None` if MB-tree is disabled.
    fn mb_tree_of_ahead<C: FrameCoder>(
        &mut self,
        Hidden { index, role, .. }: Hidden,
        coding: &Coding<C>,
        config: &EncoderConfig,
    ) -> Option<i32> {
        self.altref.offsets_q4.clear();
        uses_mb_tree(config).then_some(())?;
        let noise = quantisation_noise(coding);
        let count = match role {
            // The frames after the group depend on altref.
            FrameRole::Middle => self.group_left.saturating_sub(index + 1),
            _ => self.dependent_frames(index),
        };
        let ahead = &self.ahead;
        let frames = |n: usize| ahead.get(n).map(|(held, _)| &held.analysis);
        self.mb_tree.propagate(index, count, noise, frames);
        self.altref_trace.follow(index, noise, frames);
        self.mb_tree.add_altref(&self.altref_trace);
        let strength = Boosts::of::<C>(config).strength_q16;
        let strength = strength * i32::from(C::codec().mb_tree_pct) / 100;
        let strength = match role {
            FrameRole::Middle => strength / 100 * MIDDLE_STRENGTH_PCT,
            _ => strength,
        };
        Some(self.mb_tree.qindex_offsets(frames(index)?, strength, &mut self.altref.offsets_q4))
    }

    /// Passes the motion of frame `index` since the frame before the group to the coding of that frame.
    fn trace_altref_motion(&mut self, index: usize) {
        let Some((held, _)) = self.ahead.get(index) else { return };
        self.altref.mb_cols = held.analysis.mb_cols;
        self.altref.macroblocks.clone_from(&held.analysis.macroblocks);
        for (mb, &origin) in self.altref.macroblocks.iter_mut().zip(&self.altref_trace.origins) {
            // Only the previous frame may be equal.
            (mb.motion, mb.change) = (origin, Change::Changed);
        }
    }

    /// Returns the buffered frame `centre` after temporal filtering.
    fn filtered(&mut self, centre: usize, strength: u8, kernels: &Kernels) -> Arc<FrameBuf> {
        let mut shared = self.pool.take();
        let first = centre.saturating_sub(FILTER_FRAMES / 2);
        let near = (first..first + FILTER_FRAMES).filter_map(|index| self.ahead.get(index));
        let near: Vec<&FrameBuf> = near.map(|(held, _)| &*held.buf).collect();
        if let Some(buf) = Arc::get_mut(&mut shared) {
            filter_altref(kernels, &near, centre - first, strength, buf);
        }
        shared
    }
}
