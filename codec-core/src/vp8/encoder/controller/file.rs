//! The file preset: pictures are held back, and groups of them get an altref frame.

use std::sync::Arc;

use codec_simd::Kernels;

use super::code_unit::CodeUnit;
use super::coding::{Coding, Task};
use super::effort::Allowance;
use super::knobs::KnobValues;
use super::pictures::{self, Held};
use crate::analysis::{FrameAnalysis, filter_altref};
use crate::codec::{EncoderConfig, FrameRequest, Outcome, Scalability};
use crate::error::Error;
use crate::frame::{FrameBuf, FramePool, Picture, Size};
use crate::rate::{FrameRole, Lookahead, Outlook};

/// Border of held pictures: none, only their visible samples are read.
const NO_PAD: usize = 0;

/// Pictures that an altref frame is averaged from, itself included.
const FILTER_FRAMES: usize = 7;

/// Pictures held back and the group under way.
#[derive(Debug)]
pub(super) struct FileState {
    ahead: Lookahead<Held>,
    pool: FramePool,
    /// Analyses of pictures that were coded, for their memory.
    analyses: Vec<FrameAnalysis>,
    depth: usize,
    /// Pictures of the group still to be coded.
    group_left: usize,
    /// The group's altref frame is still to be coded.
    altref_due: bool,
    /// The group's altref frame has been coded.
    has_altref: bool,
}

impl FileState {
    pub(super) fn new(size: Size, depth: usize) -> Self {
        Self {
            ahead: Lookahead::new(depth),
            pool: FramePool::new(size, NO_PAD, depth + 2),
            analyses: Vec::new(),
            depth,
            group_left: 0,
            altref_due: false,
            has_altref: false,
        }
    }

    /// The pictures have another size from now on; none is held.
    pub(super) fn resized(&mut self, size: Size) {
        *self = Self::new(size, self.depth);
    }

    /// Takes a picture in.
    pub(super) fn push(
        &mut self,
        picture: &Picture<'_>,
        analysis: FrameAnalysis,
        request: FrameRequest,
        outlook: Outlook,
    ) {
        let buf = pictures::copy(&mut self.pool, picture);
        self.ahead.push(Held { buf, analysis, info: picture.info, request }, outlook);
    }

    /// An analysis to write to, with the memory of an old one where there is one.
    pub(super) fn blank_analysis(&mut self) -> FrameAnalysis {
        self.analyses.pop().unwrap_or_default()
    }

    pub(super) fn is_full(&self) -> bool {
        self.ahead.is_full()
    }

    /// Codes the next picture, after the altref frame of its group if one is due. `None`: none is
    /// held. `forced`: the caller can no longer be told of a drop.
    pub(super) fn code_next<C: CodeUnit>(
        &mut self,
        coding: &mut Coding<C>,
        config: &EncoderConfig,
        knobs: &KnobValues,
        kernels: &Kernels,
        forced: bool,
    ) -> Result<Option<Outcome>, Error> {
        if self.group_left == 0 {
            let Some(group) = self.ahead.plan_group() else {
                return Ok(None);
            };
            self.group_left = group.frames;
            // With intra refresh nothing is predicted from an altref frame.
            let one_layer = config.scalability == Scalability::L1T1 && config.intra_refresh == 0;
            self.altref_due = group.altref && knobs.altref && one_layer;
            self.has_altref = false;
        }
        let mean_cost = self.ahead.mean_cost();
        let is_key = self.ahead.get(0).is_some_and(|(_, outlook)| outlook.key);
        if self.altref_due && !is_key {
            self.altref_due = false;
            self.code_altref(coding, config, knobs, kernels, mean_cost)?;
        }

        let Some((held, outlook)) = self.ahead.pop() else {
            return Ok(None);
        };
        let is_last = self.group_left == 1;
        self.group_left = self.group_left.saturating_sub(1);
        let mut request = held.request;
        if forced || outlook.key {
            request.may_drop = Some(false);
        }
        let role = if is_last && self.has_altref { FrameRole::Overlay } else { FrameRole::Plain };
        let picture = held.buf.picture(held.info);
        let task = Task {
            picture: &picture,
            analysis: Some(&held.analysis),
            request,
            outlook,
            mean_cost,
            role,
            allowance: Allowance::unlimited(config.speed),
        };
        let outcome = coding.code(config, knobs, &task);
        self.pool.remember(held.buf);
        self.analyses.push(held.analysis);
        outcome.map(Some)
    }

    /// Codes the group's last picture, not to be shown yet.
    fn code_altref<C: CodeUnit>(
        &mut self,
        coding: &mut Coding<C>,
        config: &EncoderConfig,
        knobs: &KnobValues,
        kernels: &Kernels,
        mean_cost: Option<u64>,
    ) -> Result<(), Error> {
        let last = self.group_left.saturating_sub(1);
        let (Some((next, _)), Some((future, future_outlook))) =
            (self.ahead.get(0), self.ahead.get(last))
        else {
            return Ok(());
        };
        let costs = (0..=last).filter_map(|index| self.ahead.get(index));
        let apart = costs.fold(0_u64, |sum, (_, outlook)| sum.saturating_add(outlook.inter_cost));
        let intra_cost = future_outlook.intra_cost;
        let outlook =
            Outlook { inter_cost: apart.min(intra_cost), intra_cost, ..Outlook::default() };
        let mut request = FrameRequest::at(next.request.pts);
        request.may_drop = Some(false);
        let info = future.info;
        let buf = self.filtered(last, knobs.altref_strength, kernels);
        let picture = buf.picture(info);
        let role = FrameRole::Altref;
        let task = Task {
            picture: &picture,
            analysis: None,
            request,
            outlook,
            mean_cost,
            role,
            allowance: Allowance::unlimited(config.speed),
        };
        let outcome = coding.code(config, knobs, &task);
        self.pool.remember(buf);
        self.has_altref = outcome? == Outcome::Coded;
        Ok(())
    }

    /// The held picture `centre` without its noise.
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
