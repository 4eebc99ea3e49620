//! Mode decision in B slices. ITU-T H.264, clause 8.4.

use super::coded_mb::CodedKind;
use super::decide_inter::{EMPTY_CHROMA_BITS, EMPTY_QUARTER_BITS, quarter_sses};
use super::job::SecondList;
use super::predict_b::{self, BMotion, RefLists};
use super::row::{Choice, MbCoder};
use super::scratch::Trial;
use super::search_inter::{Site, quarter};
use crate::decoder::motion_cache::UNUSED;
use crate::macroblock::Shape;
use crate::picture::Mv;

/// Error of direct prediction, in bits, up to which a macroblock next to a skipped one may be
/// skipped without a search.
const BESIDE_SKIP_BITS: u32 = 32;

/// Direct prediction with the errors of its luma, which is in [`MbCoder::skip`].
#[derive(Clone, Copy, Debug)]
struct Direct {
    motion: BMotion,
    quarters: [u32; 4],
    sse: u32,
}

impl<'a> MbCoder<'a> {
    /// Decides a macroblock of a B slice and codes it into [`Self::best`].
    pub(super) fn decide_b(&mut self) -> Choice {
        let (Some(second), Some(site)) = (self.job.second, self.site()) else {
            return self.decide_intra();
        };
        let direct = self.direct(&second, &site);
        if let Some(direct) = &direct
            && self.is_direct_enough(direct)
        {
            return self.finish_skip_b(direct);
        }
        let (mut motion, whole) = self.search_b(&second, &site);
        let mut price = self.code_luma(&motion.plain());
        if let Some(direct) = &direct {
            std::mem::swap(&mut self.best, &mut self.trial);
            self.best.luma.clone_from(&self.skip.luma);
            let direct_price = self.code_luma(&direct.motion.plain());
            if direct_price.cost <= price.cost {
                (motion, price) = (direct.motion, direct_price);
            } else {
                std::mem::swap(&mut self.best, &mut self.trial);
            }
        }
        if self.wants_split(&motion.plain()) {
            let direct_motion = direct.as_ref().map(|direct| &direct.motion);
            let split = self.search_split_b(&second, &site, &motion, whole, direct_motion);
            if let Some(split) = split
                && split.direct_quarters != 15
                && split.cost <= motion.cost.saturating_mul(33) / 32
            {
                std::mem::swap(&mut self.best, &mut self.trial);
                let split_price = self.code_luma(&split.plain());
                if split_price.cost < price.cost {
                    (motion, price) = (split, split_price);
                } else {
                    std::mem::swap(&mut self.best, &mut self.trial);
                }
            }
        }
        let as_motion = motion.plain();
        if self.wants_intra(&as_motion)
            && let Some(choice) = self.intra_instead(&as_motion, &price)
        {
            return choice;
        }
        self.finish_b(&motion, price.sse, price.cost, direct.as_ref())
    }

    /// Returns both reference lists.
    fn lists(&self) -> RefLists<'a> {
        let second = self
            .job
            .second
            .map_or((&[][..], predict_b::EQUAL), |second| (second.references, second.weights));
        RefLists { planes: [self.job.references, second.0], weights: second.1 }
    }

    /// Derives direct prediction in the spatial mode (clause 8.4.1.2.2) and predicts luma with it into
    /// [`Self::skip`]; `None` if its vectors are outside of the search range.
    fn direct(&mut self, second: &SecondList<'_>, site: &Site) -> Option<Direct> {
        let caches = [&self.cache, &self.second.cache];
        let found = caches.map(|cache| {
            let refs = cache.neighbour_refs().into_iter();
            refs.filter(|reference| *reference >= 0).min().unwrap_or(UNUSED)
        });
        let mut mvs = [[Mv::ZERO; 4]; 2];
        let mut refs = [0; 2];
        if found != [UNUSED; 2] {
            refs = found;
            let still = second.still.get(self.index()).copied().unwrap_or(0);
            for (n, cache) in caches.into_iter().enumerate().filter(|(n, _)| found[*n] >= 0) {
                let mv = cache.predict((0, 0), 4, found[n]);
                if !site.range.contains(quarter(mv).floor()) {
                    return None;
                }
                mvs[n] = [0, 1, 2, 3].map(|quarter| {
                    if found[n] == 0 && still >> quarter & 1 == 1 { Mv::ZERO } else { mv }
                });
            }
        }
        let mut motion = BMotion {
            shape: Shape::Whole,
            is_direct: true,
            direct_quarters: 0,
            refs: refs.map(|reference| [reference; 4]),
            mvs,
            bits: self.job.costs.skip_flag(false) + self.job.costs.inter_type(Shape::Whole, [0; 4]),
            cost: 0,
        };
        let (kernels, at) = (self.job.kernels, (self.col, self.row));
        let lists = self.lists();
        predict_b::luma(kernels, lists, at, &motion, &mut self.skip, &mut self.trial);
        let satd = kernels.satd_16x16(&self.cur.luma, self.skip.luma.window());
        motion.cost = satd + self.lambdas.sad.cost(motion.bits);
        let quarters = quarter_sses(kernels, &self.cur.luma, &self.skip.luma);
        Some(Direct { motion, quarters, sse: quarters.iter().sum() })
    }

    /// Returns whether the macroblock is skipped without a search. Chroma is then predicted in
    /// [`Self::skip`].
    fn is_direct_enough(&mut self, direct: &Direct) -> bool {
        let bits =
            if self.is_beside_skip() { BESIDE_SKIP_BITS } else { self.job.speed.skip_bits / 2 };
        if direct.sse > self.lambdas.sse.cost(256 * bits) {
            return false;
        }
        let kernels = self.job.kernels;
        let (set, residual) = (&self.set.inter, &mut self.skip.residual);
        let empty = self.lambdas.sse.cost(256 * EMPTY_QUARTER_BITS);
        let quarters = &direct.quarters;
        if quarters.iter().any(|&sse| sse > empty) {
            let luma = &self.skip.luma;
            residual.code_inter_4x4(kernels, (&self.cur.luma, luma), set, self.bits, quarters);
            if residual.coded & 0xffff != 0 {
                return false;
            }
        }
        self.predict_direct_chroma(direct);
        let sse = kernels.sse_uv(&self.cur.chroma, &self.skip.chroma);
        if sse <= self.lambdas.sse.cost(256 * EMPTY_CHROMA_BITS) {
            return true;
        }
        let Trial { residual, chroma, .. } = &mut *self.skip;
        residual.code_chroma(kernels, (&self.cur.chroma, chroma), sse, set, self.bits);
        !residual.has_chroma()
    }

    fn predict_direct_chroma(&mut self, direct: &Direct) {
        let lists = self.lists();
        let at = (self.col, self.row);
        predict_b::chroma(
            self.job.kernels,
            lists,
            at,
            &direct.motion,
            &mut self.skip,
            &mut self.trial,
        );
    }

    /// Takes the prediction in [`Self::skip`], of luma and chroma, as the macroblock.
    fn finish_skip_b(&mut self, direct: &Direct) -> Choice {
        std::mem::swap(&mut self.best, &mut self.skip);
        self.best.residual.clear_luma();
        self.best.residual.clear_chroma();
        let mut choice = self.choice_b(&direct.motion, direct.sse);
        choice.kind = CodedKind::Skip;
        choice
    }

    /// Codes the macroblock with `motion`, whose luma is in [`Self::best`], or skips it.
    fn finish_b(
        &mut self,
        motion: &BMotion,
        luma_sse: u32,
        luma_cost: u64,
        direct: Option<&Direct>,
    ) -> Choice {
        let (kernels, at) = (self.job.kernels, (self.col, self.row));
        let lists = self.lists();
        predict_b::chroma(kernels, lists, at, motion, &mut self.best, &mut self.trial);
        let best = &mut *self.best;
        let sse = kernels.sse_uv(&self.cur.chroma, &best.chroma);
        let (mut chroma_sse, mut chroma_bits) = (sse, 0);
        if sse <= self.lambdas.sse.cost(256 * EMPTY_CHROMA_BITS) {
            best.residual.clear_chroma();
        } else {
            let (pair, set) = ((&self.cur.chroma, &best.chroma), &self.set.inter);
            let price = best.residual.code_chroma(kernels, pair, sse, set, self.bits);
            (chroma_sse, chroma_bits) = (price.sse, price.bits);
        }
        if let Some(direct) = direct {
            let lambda = self.lambdas.sse;
            let cost = luma_cost + u64::from(chroma_sse) + u64::from(lambda.cost(chroma_bits));
            if u64::from(direct.sse) < cost {
                self.predict_direct_chroma(direct);
                let sse = kernels.sse_uv(&self.cur.chroma, &self.skip.chroma);
                let sse = u64::from(direct.sse) + u64::from(sse);
                if sse + u64::from(lambda.cost(self.job.costs.skip_flag(true))) <= cost {
                    return self.finish_skip_b(direct);
                }
            }
        }
        let best = &mut *self.best;
        best.residual.add_luma_to(kernels, &mut best.luma);
        best.residual.add_chroma_to(kernels, &mut best.chroma);
        let is_empty = best.residual.coded == 0;
        let mut choice = self.choice_b(motion, luma_sse);
        if is_empty && motion.is_direct {
            choice.kind = CodedKind::Skip;
        }
        choice
    }

    /// Returns the choice of `motion`, and sets the motion of list 1.
    fn choice_b(&mut self, motion: &BMotion, prediction_sse: u32) -> Choice {
        let [mvs, second_mvs] = motion
            .mvs
            .map(|mvs| std::array::from_fn(|block: usize| mvs[block / 8 * 2 + block % 4 / 2]));
        (self.second.refs, self.second.mvs) = (motion.refs[1], second_mvs);
        self.second.direct = motion.direct_quarters;
        let kind =
            if motion.is_direct { CodedKind::Direct } else { CodedKind::Inter(motion.shape) };
        Choice { refs: motion.refs[0], mvs, prediction_sse, ..Choice::intra(kind) }
    }
}
