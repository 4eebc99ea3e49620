//! Search of vectors in B slices: in each list, then of both.

use codec_core::motion::{FullPel, QuarterPel};

use super::job::SecondList;
use super::motion::{Measure, Part, compensate, search};
use super::predict::RefPlanes;
use super::predict_b::{BMotion, EQUAL, blend_samples};
use super::row::MbCoder;
use super::search_inter::{Site, Starts, mv, quarter, target};
use crate::decoder::inter_types::Lists;
use crate::decoder::motion_cache::UNUSED;
use crate::macroblock::Shape;
use crate::picture::Mv;

/// The best vector of a list.
#[derive(Clone, Copy)]
struct Found {
    mv: Mv,
    /// Distortion of the prediction.
    distortion: u32,
    /// Of the vector, in 1/256 bit.
    bits: u32,
}

impl MbCoder<'_> {
    /// Searches the motion of the macroblock in the first entry of each list, and predicts luma with the
    /// best into [`Self::best`]. Also returns the best vectors of both lists.
    pub(super) fn search_b(&mut self, second: &SecondList<'_>, site: &Site) -> (BMotion, [Mv; 2]) {
        let found = [0, 1].map(|list| {
            let references = if list == 0 { self.job.references } else { second.references };
            self.search_list(list, &references[0], second, site)
        });
        // The prediction of list 1 is in `best`, that of list 0 in `trial`.
        let settings = self.refine_settings();
        let refs = [self.trial.luma.window(), self.best.luma.window()];
        let (kernels, cur) = (self.job.kernels, &self.cur.luma);
        let is_mean = second.weights == EQUAL;
        if !is_mean {
            self.inter.luma.clone_from(&self.trial.luma);
            let to = self.inter.luma.0.as_flattened_mut();
            blend_samples(second.weights, to, self.best.luma.0.as_flattened());
        }
        let blended = self.inter.luma.window();
        let both = match (settings.measure, is_mean) {
            (Measure::Sad, true) => kernels.sad_mean_16x16(cur, refs),
            (Measure::Satd, true) => kernels.satd_mean_16x16(cur, refs),
            (Measure::Sad, false) => kernels.sad_16x16(cur, blended),
            (Measure::Satd, false) => kernels.satd_16x16(cur, blended),
        };
        let [first, last] = found;
        let candidates = [
            (1, first.distortion, first.bits),
            (2, last.distortion, last.bits),
            (3, both, first.bits.saturating_add(last.bits)),
        ]
        .map(|(lists, distortion, bits)| {
            let bits = self.type_bits_b(lists).saturating_add(bits);
            (lists, bits, distortion.saturating_add(self.lambdas.sad.cost(bits)))
        });
        let [a, b, c] = candidates;
        let best = if b.2 < a.2 { b } else { a };
        let (lists, bits, cost) = if c.2 < best.2 { c } else { best };
        if lists != 2 {
            std::mem::swap(&mut self.best, &mut self.trial);
        }
        if lists == 3 && !is_mean {
            std::mem::swap(&mut self.best.luma, &mut self.inter.luma);
        } else if lists == 3 {
            let dst = self.best.luma.0.as_flattened_mut();
            kernels.h264_average_block(dst, 16, 16, &self.trial.luma.0);
        }
        let uses = |list: usize| lists >> list & 1 == 1;
        let motion = BMotion {
            shape: Shape::Whole,
            is_direct: false,
            direct_quarters: 0,
            refs: [0, 1].map(|list| [if uses(list) { 0 } else { UNUSED }; 4]),
            mvs: [0, 1].map(|list| [if uses(list) { found[list].mv } else { Mv::ZERO }; 4]),
            bits,
            cost,
        };
        (motion, found.map(|found| found.mv))
    }

    /// Returns the bits of the type of a macroblock in a B slice, and of its references.
    fn type_bits_b(&self, lists: Lists) -> u32 {
        let costs = self.job.costs;
        costs.skip_flag(false) + costs.inter_type(Shape::Whole, [lists; 4])
    }

    /// Searches one vector for the macroblock in an entry of `list`. The prediction is in
    /// [`Self::best`], the former one in [`Self::trial`].
    fn search_list(
        &mut self,
        list: usize,
        refp: &RefPlanes<'_>,
        second: &SecondList<'_>,
        site: &Site,
    ) -> Found {
        std::mem::swap(&mut self.best, &mut self.trial);
        let cache = if list == 0 { &self.cache } else { &self.second.cache };
        let predicted = cache.predict((0, 0), 4, 0);
        let starts = self.starts_b(list, second, predicted);
        let (integer, settings) = (self.integer_settings(), self.refine_settings());
        let target = target(self.job, refp, &self.cur.luma, site, predicted);
        let starts = starts.first(self.job.speed.starts.into());
        let found = search(&target, Part::Whole, starts, integer, settings, &mut self.planes);
        compensate(&target, Part::Whole, &found, &self.planes, &mut self.best.luma);
        let bits = target.price.table.bits_q8(found.vector, target.price.predicted);
        Found { mv: mv(found.vector), distortion: found.distortion, bits }
    }

    /// Returns the starting points of the integer search, the most reliable first.
    fn starts_b(&self, list: usize, second: &SecondList<'_>, predicted: Mv) -> Starts {
        let mut starts = Starts::default();
        starts.push(quarter(predicted));
        let distance = second.distances[list];
        let by = if list == 0 { distance } else { -distance };
        if let Some(mb) = self.analysis {
            let QuarterPel { x, y } = mb.motion;
            starts.push(QuarterPel::new(x.saturating_mul(by), y.saturating_mul(by)));
        }
        let seeds = self.job.analysis.filter(|_| list == 1).map(|frame| &frame.altref_seeds);
        if let Some(Some(seed)) = seeds.and_then(|seeds| seeds.get(self.index())) {
            starts.push(seed.to_quarter());
        }
        starts.push(FullPel::ZERO.to_quarter());
        if list == 0 {
            for side in [self.left, self.above].iter().flatten() {
                starts.push(quarter(side.mvs[0]));
            }
        } else if let Some(side) = &self.second.left {
            starts.push(quarter(side.mvs[0]));
        }
        starts
    }
}
