//! Split macroblocks: several vectors per macroblock. RFC 6386, section 16.4.

use codec_simd::Block16;

use super::candidates::{Vectors, quarter};
use super::costs::{cost_of, price};
use super::predict_inter::InterPredictor;
use super::quant::MbQuantisers;
use super::row::{MbCoder, ModeChoice};
use crate::modes::{PARTITIONS, sub_mv_probs, write_partitioning};
use crate::types::{InterMode, MbMode, MotionVector, Partitioning, SubblockInfo};
use codec_core::codec::Stage;
use codec_core::motion::{Block, Quadrant, SearchRange, Target, VectorPrice};

/// First sub-block of each quarter.
const QUARTERS: [usize; 4] = [0, 2, 8, 10];

/// A partitioning on trial.
#[derive(Clone, Copy)]
struct Division {
    partitioning: Partitioning,
    mvs: [MotionVector; 16],
    /// Bit cost of the vectors, in 1/256 bit.
    bits: u32,
    /// Estimated squared error.
    sse: u32,
}

/// Best vector of a part so far.
#[derive(Clone, Copy)]
struct Found {
    cost: u32,
    mv: MotionVector,
    sse: u32,
}

impl Found {
    /// Nothing yet; a search begins at `mv`.
    fn none(mv: MotionVector) -> Self {
        Self { cost: u32::MAX, mv, sse: 0 }
    }

    /// Moves in steps of `sizes`, in quarter pixels, at most `most` of each; `try_at` takes a vector if
    /// it is better.
    #[inline]
    fn descend(
        &mut self,
        sizes: &[i16],
        most: usize,
        mut try_at: impl FnMut(MotionVector, &mut Self),
    ) {
        for &size in sizes {
            for _ in 0..most {
                let from = self.mv;
                for (dx, dy) in [(-size, 0), (size, 0), (0, -size), (0, size)] {
                    try_at(moved(from, dx, dy), self);
                }
                if self.mv == from {
                    break;
                }
            }
        }
    }
}

/// Maximum number of steps of each size for a quarter's vector.
const MAX_STEPS: usize = 4;
/// Maximum number of steps of each size with the decoder's interpolation filters.
const EXACT_STEPS: usize = 2;
/// Partitionings in the order in which they are tried.
const TRIED: [Partitioning; 4] = [
    Partitioning::Quarters,
    Partitioning::TopBottom,
    Partitioning::LeftRight,
    Partitioning::Sixteenths,
];

/// Bit costs of the vector modes of one part, given its neighbours' vectors.
struct SubVectorPrices {
    left: MotionVector,
    above: MotionVector,
    /// Left, above, zero, new.
    kinds: [u32; 4],
}

impl SubVectorPrices {
    fn new(left: MotionVector, above: MotionVector) -> Self {
        let [a, b, c] = sub_mv_probs(left, above).map(|p| [cost_of(false, p), cost_of(true, p)]);
        let kinds = [a[0], a[1] + b[0], a[1] + b[1] + c[0], a[1] + b[1] + c[1]];
        Self { left, above, kinds }
    }

    #[inline]
    fn bits(&self, trials: &Trials<'_>, mv: MotionVector) -> u32 {
        if mv == self.left {
            self.kinds[0]
        } else if mv == self.above {
            self.kinds[1]
        } else if mv == MotionVector::ZERO {
            self.kinds[2]
        } else {
            let price = &trials.target.price;
            self.kinds[3].saturating_add(price.table.bits_q8(quarter(mv), price.predicted))
        }
    }
}

/// Inputs for trying a partitioning.
struct Trials<'a> {
    target: Target<'a>,
    from: InterPredictor<'a>,
    set: MbQuantisers<'a>,
    base: MotionVector,
    above: [MotionVector; 4],
    left: [MotionVector; 4],
}

impl MbCoder<'_> {
    /// Tries to split the macroblock, for which `whole` is the best single vector. If the result
    /// costs less than `limit`, it replaces `best`.
    pub(super) fn try_split(
        &mut self,
        whole: &ModeChoice,
        vectors: &Vectors,
        range: &SearchRange,
        set: MbQuantisers<'_>,
        limit: u32,
    ) -> Option<ModeChoice> {
        let job = self.job;
        let MbMode::Inter { reference, mv, .. } = whole.mode else { return None };
        let from = job.predictor(reference)?;
        let cur = self.cur.luma.clone();
        let trials = Trials {
            target: Target {
                kernels: job.kernels,
                cur: &cur,
                refp: from.planes.y,
                at: self.at(),
                range: *range,
                price: VectorPrice {
                    table: job.mv_cost,
                    predicted: quarter(vectors.near.best),
                    lambda_sad: set.lambda_sad,
                    lambda_sse: set.lambda,
                },
            },
            from,
            set,
            base: vectors.near.best,
            above: self.above_blocks().mvs,
            left: self.left.blocks.mvs,
        };
        let quarters = trials.quarters(mv);
        let fixed = job.costs.reference[reference.index()]
            + vectors.bits_of(InterMode::Split(Partitioning::default()));
        let (mut best, mut least) = (None, limit);
        for partitioning in TRIED.into_iter().filter(|&tried| job.speed.splits.includes(tried)) {
            let Some(division) = trials.division(partitioning, &quarters) else { continue };
            let bits = fixed + division.bits;
            // Skip partitionings that the estimate already rules out.
            if set.lambda.cost(bits) >= least {
                continue;
            }
            std::mem::swap(&mut self.best, &mut self.trial);
            let choice = self.code_division(&trials, &division, bits, whole);
            let total = choice.as_ref().map_or(u32::MAX, |choice| self.total(choice, set));
            if total < least {
                (best, least) = (choice, total);
            } else {
                std::mem::swap(&mut self.best, &mut self.trial);
            }
            // If quarters are clearly worse than a single vector, other parts rarely are better.
            if partitioning == Partitioning::Quarters && total > limit.saturating_add(limit / 16) {
                break;
            }
        }
        best
    }

    /// Predicts and codes luma into `best`.
    fn code_division(
        &mut self,
        trials: &Trials<'_>,
        division: &Division,
        mode_bits: u32,
        whole: &ModeChoice,
    ) -> Option<ModeChoice> {
        let kernels = self.job.kernels;
        let at = self.at();
        self.best.predicted = None;
        self.best.subblocks = SubblockInfo::Inter(division.mvs);
        let trellis = self.trellis();
        let pred = &mut self.best.pixels.luma;
        if division.partitioning == Partitioning::Sixteenths {
            for (n, &mv) in division.mvs.iter().enumerate() {
                trials.from.luma_4x4(at, (n % 4 * 4, n / 4 * 4), mv, pred)?;
            }
        } else {
            for (quadrant, first) in Quadrant::ALL.into_iter().zip(QUARTERS) {
                trials.from.luma_8x8(at, quadrant.origin(), division.mvs[first], pred)?;
            }
        }
        let prediction_sse = kernels.sse_16x16(trials.target.cur, pred.window());
        self.meter.switch(Some(Stage::Transform));
        let price = self.best.residual.code_luma_whole(
            kernels,
            trials.target.cur,
            pred,
            trials.set,
            trellis,
        );
        self.meter.switch(Some(Stage::Search));
        let mut choice = ModeChoice {
            mode: MbMode::Inter {
                reference: whole.mode.reference()?,
                mode: InterMode::Split(division.partitioning),
                mv: division.mvs[15],
            },
            base: trials.base,
            mode_bits,
            price,
            chroma_cost: 0,
            prediction_sse,
            prediction_loss: 0,
            segment: whole.segment,
        };
        self.add_texture_loss(&mut choice, false, trials.set);
        choice.chroma_cost = self.chroma_cost(&choice, trials.set);
        Some(choice)
    }
}

impl Trials<'_> {
    /// Returns the macroblock with `partitioning`; `None` if it is not promising.
    fn division(&self, partitioning: Partitioning, quarters: &Division) -> Option<Division> {
        match partitioning {
            Partitioning::Quarters => Some(*quarters),
            Partitioning::Sixteenths => self.sixteenths(quarters),
            halves => self.halves(quarters, halves),
        }
    }

    fn division_bits(&self, partitioning: Partitioning, mvs: &[MotionVector; 16]) -> u32 {
        let parts = PARTITIONS[partitioning as usize].iter();
        parts.fold(price(|sink| write_partitioning(sink, partitioning)), |bits, part| {
            let first = part.trailing_zeros() as usize;
            let [left, above] = self.neighbours(mvs, first);
            bits.saturating_add(SubVectorPrices::new(left, above).bits(self, mvs[first]))
        })
    }

    /// Returns the vectors to the left of and above sub-block `first`.
    fn neighbours(&self, mvs: &[MotionVector; 16], first: usize) -> [MotionVector; 2] {
        let left = if first.is_multiple_of(4) { self.left[first / 4] } else { mvs[first - 1] };
        let above = if first < 4 { self.above[first] } else { mvs[first - 4] };
        [left, above]
    }

    /// Returns whether a vector is in range and can be coded as a new vector.
    fn is_allowed(&self, mv: MotionVector) -> bool {
        let vector = quarter(mv);
        self.target.range.contains(vector.floor()) && self.target.price.in_sse(vector) < u32::MAX
    }

    /// Returns the squared error of a quarter at `mv`.
    fn quarter_sse(&self, quadrant: Quadrant, mv: MotionVector) -> u32 {
        let (x, y) = quadrant.origin();
        let cur = self.target.cur.sub::<8, 8>(x, y);
        let at = self.target.quadrant_at(quadrant);
        cur.sse(self.target.kernels, self.target.refp, at, quarter(mv))
    }

    /// Finds four vectors, each the best of the neighbours' vectors and steps around it.
    fn quarters(&self, whole: MotionVector) -> Division {
        let mut mvs = [whole; 16];
        let mut sse = 0;
        for (quadrant, first) in Quadrant::ALL.into_iter().zip(QUARTERS) {
            let [left, above] = self.neighbours(&mvs, first);
            let prices = SubVectorPrices::new(left, above);
            let mut best = Found::none(whole);
            let candidates = [whole, left, above, MotionVector::ZERO];
            for (n, &mv) in candidates.iter().enumerate() {
                if !candidates[..n].contains(&mv) {
                    self.add(quadrant, &prices, mv, &mut best);
                }
            }
            best.descend(&[4, 2], MAX_STEPS, |mv, best| self.add(quadrant, &prices, mv, best));
            let best = self.refine(&[quadrant], &prices, &[best.mv]).unwrap_or(best);
            set_part(&mut mvs, first, 2, best.mv);
            sse += best.sse;
        }
        let partitioning = Partitioning::Quarters;
        Division { partitioning, mvs, bits: self.division_bits(partitioning, &mvs), sse }
    }

    /// Takes `mv` for a quarter if it is better than `best`.
    #[inline]
    fn add(
        &self,
        quadrant: Quadrant,
        prices: &SubVectorPrices,
        mv: MotionVector,
        best: &mut Found,
    ) {
        if !self.is_allowed(mv) {
            return;
        }
        let sse = self.quarter_sse(quadrant, mv);
        if sse < best.cost {
            let cost = sse.saturating_add(self.set.lambda.cost(prices.bits(self, mv)));
            if cost < best.cost {
                *best = Found { cost, mv, sse };
            }
        }
    }

    /// Returns the best vector of `starts` or near it for the part that consists of `quadrants`, by the
    /// error of the decoder's interpolation filters; `None` if no start is allowed.
    fn refine(
        &self,
        quadrants: &[Quadrant],
        prices: &SubVectorPrices,
        starts: &[MotionVector],
    ) -> Option<Found> {
        let mut pred = Block16::default();
        let mut try_at = |mv: MotionVector, best: &mut Found| {
            if !self.is_allowed(mv) {
                return;
            }
            let mut sse = 0;
            for &quadrant in quadrants {
                let (x, y) = quadrant.origin();
                if self.from.luma_8x8(self.target.at, (x, y), mv, &mut pred).is_none() {
                    return;
                }
                let cur = self.target.cur.sub::<8, 8>(x, y);
                sse += self.target.kernels.sse_8x8(cur, pred.sub(x, y));
            }
            let cost = sse.saturating_add(self.set.lambda.cost(prices.bits(self, mv)));
            if cost < best.cost {
                *best = Found { cost, mv, sse };
            }
        };
        let mut best = Found::none(MotionVector::ZERO);
        starts.iter().for_each(|&mv| try_at(mv, &mut best));
        if best.cost == u32::MAX {
            return None;
        }
        best.descend(&[1], EXACT_STEPS, try_at);
        Some(best)
    }

    /// Returns two halves, each with a vector near those of its quarters; `None` if the quarters do
    /// not agree well enough to make this promising.
    fn halves(&self, quarters: &Division, partitioning: Partitioning) -> Option<Division> {
        let pairs = match partitioning {
            Partitioning::TopBottom => [[0, 1], [2, 3]],
            _ => [[0, 2], [1, 3]],
        };
        let mut mvs = quarters.mvs;
        let mut sse = 0;
        for pair in pairs {
            let [left, above] = self.neighbours(&mvs, QUARTERS[pair[0]]);
            let prices = SubVectorPrices::new(left, above);
            let starts = pair.map(|n| quarters.mvs[QUARTERS[n]]);
            let found = self.refine(&pair.map(|n| Quadrant::ALL[n]), &prices, &starts)?;
            sse += found.sse;
            pair.iter().for_each(|&n| set_part(&mut mvs, QUARTERS[n], 2, found.mv));
        }
        let bits = self.division_bits(partitioning, &mvs);
        let cost = |sse: u32, bits| sse.saturating_add(self.set.lambda.cost(bits));
        let is_promising = cost(sse, bits) < cost(quarters.sse, quarters.bits).saturating_mul(2);
        is_promising.then_some(Division { partitioning, mvs, bits, sse })
    }

    /// Finds sixteen vectors, each the best of the neighbours' vectors and steps around it.
    fn sixteenths(&self, quarters: &Division) -> Option<Division> {
        let mut mvs = quarters.mvs;
        let mut pred = Block16::default();
        let mut sse = 0;
        for n in 0..16 {
            let (x, y) = (n % 4 * 4, n / 4 * 4);
            let cur = self.target.cur.sub::<4, 4>(x, y);
            let [left, above] = self.neighbours(&mvs, n);
            let own = quarters.mvs[n];
            let prices = SubVectorPrices::new(left, above);
            let mut add = |mv: MotionVector, best: &mut Found| {
                if !self.is_allowed(mv)
                    || self.from.luma_4x4(self.target.at, (x, y), mv, &mut pred).is_none()
                {
                    return;
                }
                let sse = self.target.kernels.sse_4x4(cur, pred.sub(x, y));
                let cost = sse.saturating_add(self.set.lambda.cost(prices.bits(self, mv)));
                if cost < best.cost {
                    *best = Found { cost, mv, sse };
                }
            };
            let mut best = Found::none(own);
            let candidates = [own, left, above, MotionVector::ZERO];
            for (n, &mv) in candidates.iter().enumerate() {
                if !candidates[..n].contains(&mv) {
                    add(mv, &mut best);
                }
            }
            best.descend(&[4, 2, 1], EXACT_STEPS, add);
            if best.cost == u32::MAX {
                return None;
            }
            mvs[n] = best.mv;
            sse += best.sse;
        }
        let partitioning = Partitioning::Sixteenths;
        Some(Division { partitioning, mvs, bits: self.division_bits(partitioning, &mvs), sse })
    }
}

fn moved(mv: MotionVector, dx: i16, dy: i16) -> MotionVector {
    MotionVector::new(mv.x.saturating_add(dx), mv.y.saturating_add(dy))
}

/// Sets the vector of the `size` x `size` sub-blocks from `first` on.
fn set_part(mvs: &mut [MotionVector; 16], first: usize, size: usize, mv: MotionVector) {
    for y in 0..size {
        mvs[first + 4 * y..][..size].fill(mv);
    }
}
