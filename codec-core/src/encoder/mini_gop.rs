//! Groups of B frames: their length, their order, and the quality of their frames.

use codec_simd::Kernels;

use super::FrameCoder;
use super::coding::Coding;
use super::file::{FileState, uses_mb_tree};
use super::knobs::SharedKnobs;
use super::reordering::NextFrame;
use crate::analysis::FrameAnalysis;
use crate::codec::plan::FrameOrder;
use crate::codec::{EncoderConfig, Outcome, RateControl, Scalability, Stage, StageTimer};
use crate::error::Error;
use crate::fixed::ONE_Q16;
use crate::motion::QuarterPel;
use crate::rate::{FrameRole, LookaheadInfo};

/// How much finer the quantiser of B frames is if they are references, in octaves of the step (16
/// fractional bits).
const REFERENCE_B_FINER_Q16: i32 = ONE_Q16 / 4;

/// How much finer key frames are coded than their importance asks for, in octaves of the step (16
/// fractional bits).
const KEY_FINER_Q16: i32 = ONE_Q16 / 4;

/// Maximum length of a group whose frames need not be similar.
const SHORT_GROUP: usize = 4;

/// Returns how many of the next frames are similar enough for one group: their inter costs add up to
/// at most one and a half times their mean intra cost. The first [`SHORT_GROUP`] frames always count.
fn similar_frames<'a>(frames: impl Iterator<Item = &'a LookaheadInfo>) -> usize {
    let (mut inter, mut intra, mut count) = (0_u64, 0_u64, 0);
    for info in frames {
        inter = inter.saturating_add(info.inter_cost);
        intra = intra.saturating_add(info.intra_cost);
        count += 1;
        if count <= SHORT_GROUP {
            continue;
        }
        let mean_intra = intra / count as u64;
        if inter.saturating_mul(2) > mean_intra.saturating_mul(3) {
            return count - 1;
        }
    }
    count
}

impl FileState {
    /// Codes the next frame of the current group, or of a new one; returns `None` if no frame is
    /// buffered.
    pub(super) fn code_next_of_group<C: FrameCoder>(
        &mut self,
        coding: &mut Coding<C>,
        config: &EncoderConfig,
        knobs: &SharedKnobs,
        kernels: &Kernels,
        forced: bool,
    ) -> Result<Option<Outcome>, Error> {
        if self.reordering.group.is_empty() {
            let _timer = StageTimer::start(config.stages.as_deref(), Stage::Analysis);
            self.plan_mini_gop(coding, config);
        }
        let Some(next) = self.reordering.group.pop_front() else { return Ok(None) };
        self.code_frame(coding, config, knobs, kernels, next, forced).map(Some)
    }

    /// Moves the frames of the next group from the look-ahead to the group.
    fn plan_mini_gop<C: FrameCoder>(&mut self, coding: &Coding<C>, config: &EncoderConfig) {
        let last = self.b_frames(config);
        let mean_cost = self.ahead.mean_cost();
        let boost_q16 = self.mb_tree_of(last, coding, config);
        let frames = |n: usize| self.ahead.get(n).map(|(held, _)| &held.analysis);
        self.altref_trace.follow(last, 0, frames);
        let has_order = config.scalability == Scalability::L1T1;
        let mut group: Vec<NextFrame> = Vec::with_capacity(last + 1);
        let mut apart = 0_u64;
        for n in 0..=last {
            let Some((held, lookahead_info)) = self.ahead.pop() else { break };
            apart = apart.saturating_add(lookahead_info.inter_cost);
            let display = self.reordering.display;
            self.reordering.display += 1;
            let order = has_order.then_some(FrameOrder { display, level: 0 });
            let role = FrameRole::Plain;
            let mut next =
                NextFrame { held, lookahead_info, mean_cost, role, group_frames: 0, order };
            if n < last {
                next.set_b(n, last, uses_mb_tree(config));
                if let Some(seeds) = self.altref_trace.seeds.get_mut(n) {
                    std::mem::swap(&mut next.held.analysis.altref_seeds, seeds);
                }
            } else {
                let finer_q16 = if lookahead_info.key { KEY_FINER_Q16 } else { 0 };
                next.lookahead_info.mb_tree_boost_q16 = boost_q16.map(|boost| boost + finer_q16);
                if boost_q16.is_some() {
                    let offsets = &mut next.held.analysis.offsets_q4;
                    std::mem::swap(offsets, &mut self.altref.offsets_q4);
                }
            }
            if last > 0 {
                next.held.request.may_drop = Some(false);
            }
            group.push(next);
        }
        if let Some(anchor) = group.last_mut().filter(|_| has_order) {
            anchor.group_frames = u32::try_from(last + 1).unwrap_or(1);
        }
        if let Some(anchor) = group.last_mut().filter(|_| last > 0) {
            anchor.lookahead_info.inter_cost = apart.min(anchor.lookahead_info.intra_cost);
            anchor.mean_cost = mean_cost.map(|cost| cost.saturating_mul(last as u64 + 1));
            set_motion(&mut anchor.held.analysis, &self.altref_trace.origins, last);
        }
        group.sort_by_key(|next| next.order.map_or((0, 0), |order| (order.level, order.display)));
        self.reordering.group.extend(group);
    }

    /// Returns the number of B frames before the next frame of level 0.
    fn b_frames(&self, config: &EncoderConfig) -> usize {
        let may = config.scalability == Scalability::L1T1
            && !matches!(config.rate.mode, RateControl::Cbr(_));
        let max = if may { self.reordering.max_b_frames } else { 0 };
        let is_plain = |n: usize| {
            self.ahead.get(n).is_some_and(|(held, info)| {
                let request = &held.request;
                let is_free = request.references.is_none() && request.updates.is_none();
                is_free && !info.key && !info.scene_cut
            })
        };
        let plain = (0..=max).take_while(|&n| is_plain(n)).count();
        let frames = (0..plain).filter_map(|n| self.ahead.get(n).map(|(_, info)| info));
        similar_frames(frames).saturating_sub(1)
    }
}

impl NextFrame {
    /// Makes the frame, number `n` of a group whose frame `last` has level 0, a B frame.
    fn set_b(&mut self, n: usize, last: usize, has_boost: bool) {
        let is_reference = last > 1 && n == last / 2;
        let (role, level, finer_q16) = if is_reference {
            (FrameRole::ReferenceB, 1, REFERENCE_B_FINER_Q16)
        } else {
            (FrameRole::PlainB, 1 + u8::from(last > 1), 0)
        };
        if let Some(order) = &mut self.order {
            order.level = level;
        }
        self.role = role;
        self.lookahead_info.mb_tree_boost_q16 = has_boost.then_some(finer_q16);
    }
}

/// Sets the motion of a frame relative to the frame before its group.
fn set_motion(analysis: &mut FrameAnalysis, origins: &[QuarterPel], b_frames: usize) {
    for (mb, &origin) in analysis.macroblocks.iter_mut().zip(origins) {
        mb.motion = origin;
        let distance = u16::try_from(b_frames + 1).unwrap_or(u16::MAX);
        mb.inter_cost =
            mb.inter_cost.saturating_mul(distance).min(mb.intra_cost.max(mb.inter_cost));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn similar(costs: &[u64]) -> usize {
        let info =
            |&inter_cost| LookaheadInfo { inter_cost, intra_cost: 100, ..LookaheadInfo::default() };
        let frames: Vec<LookaheadInfo> = costs.iter().map(info).collect();
        similar_frames(frames.iter())
    }

    #[test]
    fn similar_frames_have_long_groups() {
        assert_eq!(similar(&[10; 8]), 8);
        assert_eq!(similar(&[25; 8]), 6);
        assert_eq!(similar(&[90; 8]), 4);
        assert_eq!(similar(&[90; 3]), 3);
        assert_eq!(similar(&[]), 0);
        assert_eq!(similar(&[0, 1, 0, 0, 0, 200, 0, 0]), 5);
        assert_eq!(similar(&[0, 0, 0, 200, 0, 0, 0, 0]), 4);
    }
}
