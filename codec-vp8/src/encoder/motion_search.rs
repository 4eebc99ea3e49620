//! Motion search of inter macroblocks: starting points, effort and early termination.

use super::candidates::{Candidate, Candidates, Vectors, quarter};
use super::decide_inter::SOME_BITS_Q8;
use super::quant::MbQuantisers;
use super::row::MbCoder;
use super::speed::{OtherReferences, Speed, SubPel};
use super::store::SearchStats;
use crate::types::{InterMode, MbMode, MotionVector, Reference};
use codec_core::motion::{
    FullPel, IntegerSettings, MvCost, Pattern, SearchRange, SubpelSearch, Target, VectorPrice,
    search_integer, search_subpel,
};

impl MbCoder<'_> {
    /// Returns whether searching motion beyond `plain` is worthwhile. If recent searches failed and
    /// the error has not grown, only some frames search again.
    pub(super) fn is_search_due(&self, plain: &Candidate) -> bool {
        let SearchStats { sse, fails } = self.search_stats;
        let is_as_before = plain.sse <= sse.saturating_add(sse / 4);
        let turn = self.job.turn.wrapping_add(self.col + 2 * self.row);
        !is_as_before || turn.is_multiple_of(1 << fails.min(self.job.speed.search_pause))
    }

    /// Adds a searched vector of the last frame, and of other references if that may help, as
    /// candidates.
    pub(super) fn add_search(
        &mut self,
        set: MbQuantisers<'_>,
        vectors: &Vectors,
        range: &SearchRange,
        found: &mut Candidates,
    ) {
        self.add_search_in(Reference::Last, None, set, vectors, range, found);
        if self.job.speed.others != OtherReferences::Searched {
            return;
        }
        let best = *found.best();
        for reference in [Reference::Golden, Reference::Altref] {
            let seed = self.seed_in(reference).filter(|&seed| {
                let at = seed.to_quarter();
                let sse = self.sse_at(reference, MotionVector::new(at.x, at.y), range);
                sse.is_some_and(|sse| sse < best.sse.saturating_mul(8))
            });
            let zero = found.as_slice().iter().any(|c| {
                c.mode.reference() == Some(reference) && c.sse < best.sse.saturating_mul(2)
            });
            if (zero || seed.is_some()) && best.sse > set.lambda.cost(SOME_BITS_Q8) {
                self.add_search_in(reference, seed, set, vectors, range, found);
            }
        }
    }

    /// Returns the position of the macroblock in `reference` found by look-ahead.
    fn seed_in(&self, reference: Reference) -> Option<FullPel> {
        let analysis = self.job.analysis.filter(|_| reference == Reference::Altref)?;
        analysis.altref_seeds.get(self.index()).copied().flatten()
    }

    fn add_search_in(
        &mut self,
        reference: Reference,
        seed: Option<FullPel>,
        set: MbQuantisers<'_>,
        vectors: &Vectors,
        range: &SearchRange,
        found: &mut Candidates,
    ) {
        let job = self.job;
        let Some(from) = job.predictor(reference) else { return };
        let best = vectors.near.best;
        let target = Target {
            kernels: job.kernels,
            cur: &self.cur.luma,
            refp: from.planes.y,
            at: self.at(),
            range: *range,
            price: VectorPrice {
                table: job.mv_cost,
                predicted: quarter(best),
                lambda_sad: set.lambda_sad,
                lambda_sse: set.lambda,
            },
        };
        let start = match self.confirmed(found.best()).filter(|_| seed.is_none()) {
            Some(start) => start,
            None => {
                let (mut starts, count) = self.starts(vectors, found);
                starts[0] = seed.unwrap_or(starts[0]);
                search_integer(&target, &starts[..count], integer_settings(&job.speed)).vector
            }
        };
        let found_at = search_subpel(&target, start, subpel_search(&job.speed));
        let mut mv = MotionVector::new(found_at.vector.x, found_at.vector.y);
        let mut sse = found_at.sse;
        if job.speed.subpel == SubPel::QuarterExact && found_at.cost < u32::MAX {
            (mv, sse) = self.refine_exactly(reference, mv, best, set, range);
        }
        let known = |c: &Candidate| c.mode.reference() == Some(reference) && c.mode.mv() == mv;
        if found.as_slice().iter().any(known) || found_at.cost == u32::MAX {
            return;
        }
        let bits = job.costs.reference[reference.index()]
            + vectors.bits_of(InterMode::New)
            + job.mv_cost.bits_q8(quarter(mv), quarter(best));
        let cost = sse.saturating_add(set.lambda.cost(bits));
        let mode = MbMode::Inter { reference, mode: InterMode::New, mv };
        found.add(Candidate { mode, bits, sse, cost });
    }

    /// Returns the vector near `mv` with the lowest exact rate-distortion cost, and its error.
    fn refine_exactly(
        &mut self,
        reference: Reference,
        mv: MotionVector,
        base: MotionVector,
        set: MbQuantisers<'_>,
        range: &SearchRange,
    ) -> (MotionVector, u32) {
        let price = self.job.mv_cost;
        let mut cost_at = |mv: MotionVector| {
            let bits = price.bits_q8(quarter(mv), quarter(base));
            let sse = self.sse_at(reference, mv, range).filter(|_| bits < MvCost::UNCODABLE)?;
            Some((sse.saturating_add(set.lambda.cost(bits)), sse))
        };
        let Some(mut best) = cost_at(mv) else { return (mv, u32::MAX) };
        let mut best_mv = mv;
        for _ in 0..EXACT_STEPS {
            let centre = best_mv;
            for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)] {
                let (x, y) = (centre.x.saturating_add(dx), centre.y.saturating_add(dy));
                let mv = MotionVector::new(x, y);
                if let Some(found) = cost_at(mv)
                    && found.0 < best.0
                {
                    (best, best_mv) = (found, mv);
                }
            }
            if best_mv == centre {
                break;
            }
        }
        (best_mv, best.1)
    }

    /// Returns the nearest full-pixel vector of a plain candidate if the half-size motion search
    /// agrees with it.
    fn confirmed(&self, plain: &Candidate) -> Option<FullPel> {
        if !self.job.speed.trusts_analysis {
            return None;
        }
        let seed = self.analysis?.motion.to_full();
        let start = quarter(plain.mode.mv()).to_full();
        (start == seed).then_some(start)
    }

    /// Returns the starting points of the integer search, the most reliable first.
    fn starts(&self, vectors: &Vectors, found: &Candidates) -> ([FullPel; 8], usize) {
        let index = self.index();
        let before = |at: usize| self.job.last_mvs.get(at).copied().unwrap_or_default();
        let mut starts = [FullPel::ZERO; 8];
        let mut count = 0;
        let mut push = |mv: MotionVector| {
            let vector = quarter(mv).to_full();
            if !starts[..count].contains(&vector) && count < starts.len() {
                starts[count] = vector;
                count += 1;
            }
        };
        push(found.best().mode.mv());
        push(vectors.near.best);
        if let Some(mb) = &self.analysis {
            push(MotionVector::new(mb.motion.x, mb.motion.y));
        }
        push(before(index));
        push(vectors.near.near);
        push(MotionVector::ZERO);
        push(self.left.info.mode.mv());
        push(self.above.mode.mv());
        let count = count.min(4);
        (starts, count)
    }
}

/// Maximum number of steps of the exact refinement.
const EXACT_STEPS: usize = 3;

pub(super) fn subpel_search(speed: &Speed) -> SubpelSearch {
    match speed.subpel {
        SubPel::QuarterEstimated => SubpelSearch::Estimated,
        SubPel::Quarter => SubpelSearch::Quarter,
        SubPel::QuarterIterated | SubPel::QuarterExact => SubpelSearch::Iterative,
    }
}

pub(super) fn integer_settings(speed: &Speed) -> IntegerSettings {
    let pattern = match speed.search_steps {
        0..=8 => Pattern::Diamond,
        9..=24 => Pattern::Hexagon,
        25..=48 => Pattern::Wide,
        _ => Pattern::Exhaustive,
    };
    IntegerSettings { pattern, max_steps: speed.search_steps, stop_below: 0 }
}
