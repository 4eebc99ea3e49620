//! Motion search in B slices: in each list separately, then in both together.

use codec_core::motion::{FullPel, Lambda, QuarterPel};
use codec_simd::Block16;

use super::job::SecondList;
use super::lambda::Lambdas;
use super::motion::{Measure, Part, compensate, refine, search};
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
    /// Bits of the vector, in 1/256 bit.
    bits: u32,
}

/// Vectors of a prediction from both lists.
#[derive(Clone, Copy)]
struct Both {
    mvs: [Mv; 2],
    /// Distortion of the prediction.
    distortion: u32,
    /// Bits of the vectors, in 1/256 bit.
    bits: u32,
}

/// Cost in bits of a prediction from both lists up to which its vectors are not refined.
const GOOD_BITS: u32 = 32;

/// Returns what a prediction has to be for its mean with `other` to be `cur`.
fn rest_beside(cur: &Block16, other: &Block16) -> Block16 {
    let sample = |cur: u8, other: u8| {
        let rest = 2 * i16::from(cur) - i16::from(other);
        u8::try_from(rest.clamp(0, 255)).unwrap_or(0)
    };
    let row = |y: usize| std::array::from_fn(|x| sample(cur.0[y][x], other.0[y][x]));
    Block16(std::array::from_fn(row))
}

/// Replaces samples by their weighted means with the samples of `other`.
fn blend_luma(weights: [i16; 2], to: &mut Block16, other: &Block16) {
    blend_samples(weights, to.0.as_flattened_mut(), other.0.as_flattened());
}

impl MbCoder<'_> {
    /// Searches the motion of the macroblock in the first entry of each list, and predicts luma with the
    /// best into [`Self::best`]. Also returns the best vectors of both lists.
    pub(super) fn search_b(&mut self, second: &SecondList<'_>, site: &Site) -> (BMotion, [Mv; 2]) {
        let found = [0, 1].map(|list| {
            let references = if list == 0 { self.job.references } else { second.references };
            self.search_list(list, &references[0], second, site)
        });
        // `best` has the prediction of list 1, `trial` the prediction of list 0.
        let [first, last] = found.map(|found| found.distortion);
        let both = self.predict_both(second, site, &found);
        let bits = |list: usize| found[list].bits;
        let candidates = [(1, first, bits(0)), (2, last, bits(1)), (3, both.distortion, both.bits)]
            .map(|(lists, distortion, bits)| {
                let bits = self.type_bits_b(lists).saturating_add(bits);
                (lists, bits, distortion.saturating_add(self.lambdas.sad.cost(bits)))
            });
        let [a, b, c] = candidates;
        let best = if b.2 < a.2 { b } else { a };
        let (lists, bits, cost) = if c.2 < best.2 { c } else { best };
        match lists {
            1 => std::mem::swap(&mut self.best, &mut self.trial),
            3 => std::mem::swap(&mut self.best.luma, &mut self.inter.luma),
            _ => {}
        }
        let whole = found.map(|found| found.mv);
        let mvs = if lists == 3 { both.mvs } else { whole };
        let uses = |list: usize| lists >> list & 1 == 1;
        let motion = BMotion {
            shape: Shape::Whole,
            is_direct: false,
            direct_quarters: 0,
            refs: [0, 1].map(|list| [if uses(list) { 0 } else { UNUSED }; 4]),
            mvs: [0, 1].map(|list| [if uses(list) { mvs[list] } else { Mv::ZERO }; 4]),
            bits,
            cost,
        };
        (motion, whole)
    }

    /// Predicts luma from both lists into the luma of [`Self::inter`]: with the vectors that were found
    /// in each list, and if those are not much worse than the better one alone, with vectors refined for
    /// both together.
    fn predict_both(&mut self, second: &SecondList<'_>, site: &Site, found: &[Found; 2]) -> Both {
        let [first, last] = found;
        let mut both = Both {
            mvs: [first.mv, last.mv],
            distortion: 0,
            bits: first.bits.saturating_add(last.bits),
        };
        self.inter.luma.clone_from(&self.trial.luma);
        blend_luma(second.weights, &mut self.inter.luma, &self.best.luma);
        both.distortion = self.distortion(&self.inter.luma);
        let one = first.distortion.min(last.distortion);
        if second.weights != EQUAL
            || self.job.speed.refine.measure == Measure::Sad
            || both.distortion > one.saturating_mul(9) / 8
            || both.distortion <= self.lambdas.sad.cost(256 * GOOD_BITS)
        {
            return both;
        }
        let refined = self.refine_both(second, site, found);
        std::mem::swap(&mut self.inter.luma, &mut self.split.luma);
        let cost = |both: &Both| both.distortion.saturating_add(self.lambdas.sad.cost(both.bits));
        if cost(&refined) < cost(&both) {
            return refined;
        }
        std::mem::swap(&mut self.inter.luma, &mut self.split.luma);
        both
    }

    /// Refines the vector of list 0 beside the prediction from list 1, then the other way round. The
    /// prediction from both is in the luma of [`Self::split`].
    fn refine_both(&mut self, second: &SecondList<'_>, site: &Site, found: &[Found; 2]) -> Both {
        // An error of one prediction counts half in its mean with the other one.
        let double = |lambda: Lambda| Lambda(lambda.0.saturating_mul(2));
        let Lambdas { sad, sse } = site.lambdas;
        let site = Site { lambdas: Lambdas { sad: double(sad), sse: double(sse) }, ..*site };
        let settings = self.refine_settings();
        let mut both = Both { mvs: [Mv::ZERO; 2], distortion: 0, bits: 0 };
        for list in [0, 1] {
            let (references, cache) = if list == 0 {
                (self.job.references, &self.cache)
            } else {
                (second.references, &self.second.cache)
            };
            let predicted = cache.predict((0, 0), 4, 0);
            let other = if list == 0 { &self.best.luma } else { &self.spare.luma };
            let rest = rest_beside(&self.cur.luma, other);
            let target = target(self.job, &references[0], &rest, &site, predicted);
            let start = quarter(found[list].mv).to_full();
            let found = refine(&target, Part::Whole, start, settings, &mut self.planes);
            let to = if list == 0 { &mut self.spare.luma } else { &mut self.split.luma };
            compensate(&target, Part::Whole, &found, &self.planes, to);
            let bits = target.price.table.bits_q8(found.vector, target.price.predicted);
            both.mvs[list] = mv(found.vector);
            both.bits = both.bits.saturating_add(bits);
        }
        blend_luma(EQUAL, &mut self.split.luma, &self.spare.luma);
        both.distortion = self.distortion(&self.split.luma);
        both
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
