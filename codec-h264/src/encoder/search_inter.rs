//! Motion search for the whole macroblock, then for its parts.

use codec_core::motion::{
    FullPel, Half, IntegerSettings, Pattern, PixelPos, Quadrant, QuarterPel, SearchRange, Target,
    VectorPrice, search_integer, search_integer_8x8,
};
use codec_simd::Block16;

use super::job::FrameJob;
use super::lambda::Lambdas;
use super::motion::{Measure, Part, RefineSettings, compensate, refine, search};
use super::predict::RefPlanes;
use super::row::MbCoder;
use super::speed::Speed;
use super::weights::EntryWeights;
use crate::macroblock::{Shape, SubShape};
use crate::picture::Mv;

/// The lists of a block that is predicted from list 0.
const LIST_0: u8 = 1;

/// Motion of a macroblock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    pub shape: Shape,
    pub reference: i8,
    /// Vectors of the quarters.
    pub mvs: [Mv; 4],
    /// Bits of the type, the references and the vectors, in 1/256 bit.
    pub bits: u32,
    /// Distortion of the luma prediction, as the search measures it, and the bits.
    pub cost: u32,
}

impl Motion {
    /// The motion without a vector. It costs more than every other motion.
    const NONE: Self = Self {
        shape: Shape::Whole,
        reference: 0,
        mvs: [Mv::ZERO; 4],
        bits: u32::MAX,
        cost: u32::MAX,
    };
}

/// Converts a vector for the search.
#[inline]
pub(super) fn quarter(mv: Mv) -> QuarterPel {
    QuarterPel::new(mv.x, mv.y)
}

#[inline]
pub(super) fn mv(vector: QuarterPel) -> Mv {
    Mv { x: vector.x, y: vector.y }
}

/// Candidates of an integer search without repetitions.
#[derive(Default)]
pub(super) struct Starts {
    vectors: [FullPel; 8],
    count: usize,
}

impl Starts {
    #[inline]
    pub(super) fn push(&mut self, vector: QuarterPel) {
        let vector = vector.to_full();
        if self.count < self.vectors.len() && !self.vectors[..self.count].contains(&vector) {
            self.vectors[self.count] = vector;
            self.count += 1;
        }
    }

    pub(super) fn first(&self, count: usize) -> &[FullPel] {
        &self.vectors[..self.count.min(count)]
    }
}

/// Returns the block, the reference and the prices of a search.
pub(super) fn target<'t>(
    job: &FrameJob<'t>,
    refp: &RefPlanes<'t>,
    cur: &'t Block16,
    site: &Site,
    predicted: Mv,
) -> Target<'t> {
    let price = VectorPrice {
        table: job.mv_cost,
        predicted: quarter(predicted),
        lambda_sad: site.lambdas.sad,
        lambda_sse: site.lambdas.sse,
    };
    Target { kernels: job.kernels, cur, refp: refp.y, at: site.at, range: site.range, price }
}

/// Position of a macroblock, its allowed vectors and its prices.
#[derive(Clone, Copy)]
pub(super) struct Site {
    pub at: PixelPos,
    pub range: SearchRange,
    pub lambdas: Lambdas,
}

impl Site {
    /// Returns the site with the prices for errors without weights.
    fn unweighted(&self, weights: Option<&EntryWeights>) -> Self {
        let lambdas =
            weights.map_or(self.lambdas, |weights| weights.unweighted_lambdas(self.lambdas));
        Self { lambdas, ..*self }
    }
}

impl<'a> MbCoder<'a> {
    /// Returns the position and the allowed vectors of the macroblock, in all references, which have
    /// the same size.
    pub(super) fn site(&self) -> Option<Site> {
        let refp = self.job.references.first()?;
        let at = self.at();
        let range = SearchRange::new(refp.y.layout(), at, 16, self.job.reach)?;
        let range = match self.job.refresh.farthest_down(self.row) {
            Some(down) => range.at_most_down(down)?,
            None => range,
        };
        Some(Site { at, range, lambdas: self.lambdas })
    }

    pub(super) fn integer_settings(&self) -> IntegerSettings {
        let steps = self.job.speed.search_steps;
        let pattern = match steps {
            0..=8 => Pattern::Diamond,
            9..=24 => Pattern::Hexagon,
            25..=63 => Pattern::Wide,
            _ => Pattern::Exhaustive,
        };
        IntegerSettings { pattern, max_steps: steps, stop_below: 0 }
    }

    pub(super) fn refine_settings(&self) -> RefineSettings {
        let Speed { full_bits, refine, .. } = *self.job.speed;
        RefineSettings { stop_at: self.lambdas.sad.cost(256 * full_bits), ..refine }
    }

    /// Searches one vector for the macroblock in the references, and predicts luma with it in
    /// [`Self::best`].
    pub(super) fn search_whole(&mut self, site: &Site, skip_mv: Mv) -> Motion {
        let mut best = None;
        let mut worst = u32::MAX;
        let good = self.lambdas.sad.cost(256 * REFERENCE_BITS);
        for reference in 0..self.job.references.len() {
            if best.is_some_and(|best: Motion| best.cost <= good) {
                break;
            }
            std::mem::swap(&mut self.best, &mut self.trial);
            let found = self.search_reference(site, reference, skip_mv, worst);
            match found.filter(|(found, _)| best.is_none_or(|best| found.cost < best.cost)) {
                None => std::mem::swap(&mut self.best, &mut self.trial),
                Some((motion, start_cost)) => {
                    if reference == 0 {
                        let eighths = u64::from(self.job.speed.reference_eighths);
                        let limit = u64::from(start_cost) * eighths / 8;
                        worst = u32::try_from(limit).unwrap_or(u32::MAX);
                    }
                    best = Some(motion);
                }
            }
        }
        best.unwrap_or(Motion::NONE)
    }

    /// Searches one vector in a reference, and predicts luma with it in [`Self::best`]. Returns `None`
    /// if the best full-sample vector costs more than `worst`, else the cost of that one too.
    fn search_reference(
        &mut self,
        site: &Site,
        reference: usize,
        skip_mv: Mv,
        worst: u32,
    ) -> Option<(Motion, u32)> {
        let index = i8::try_from(reference).unwrap_or(0);
        let predicted = self.cache.predict((0, 0), 4, index);
        let starts = self.starts(predicted, skip_mv);
        let starts = starts.first(self.job.speed.starts.into());
        let (integer, settings) = (self.integer_settings(), self.refine_settings());
        let refp = &self.job.references[reference];
        let weights = self.luma_weights(reference);
        let unweighted = weights.map(|weights| weights.unweighted(&self.cur.luma));
        let cur = unweighted.as_ref().unwrap_or(&self.cur.luma);
        let site = &site.unweighted(weights);
        let target = target(self.job, refp, cur, site, predicted);
        let start = search_integer(&target, starts, integer);
        let start_cost = weights.map_or(start.cost, |weights| weights.weighted_cost(start.cost));
        if start_cost > worst {
            return None;
        }
        let found = refine(&target, Part::Whole, start.vector, settings, &mut self.planes);
        compensate(&target, Part::Whole, &found, &self.planes, &mut self.best.luma);
        let type_bits = self.type_bits(Shape::Whole) + self.ref_bits(reference);
        let bits = target.price.table.bits_q8(found.vector, target.price.predicted);
        let mut motion = Motion {
            shape: Shape::Whole,
            reference: index,
            mvs: [mv(found.vector); 4],
            bits: bits.saturating_add(type_bits),
            cost: found.cost.saturating_add(self.lambdas.sad.cost(type_bits)),
        };
        if let Some(weights) = weights {
            weights.weigh_luma(self.job.kernels, &mut self.best.luma);
            motion.cost = self.measured_cost(&self.best.luma, motion.bits);
        }
        Some((motion, start_cost))
    }

    /// Returns the weights of an entry of list 0 for luma.
    fn luma_weights(&self, reference: usize) -> Option<&'a EntryWeights> {
        self.job.weights_of(reference).filter(|weights| weights.has_luma())
    }

    /// Returns the cost of a prediction that takes `bits`.
    fn measured_cost(&self, luma: &Block16, bits: u32) -> u32 {
        self.distortion(luma).saturating_add(self.lambdas.sad.cost(bits))
    }

    /// Returns the distortion of a luma prediction, as the search measures it.
    pub(super) fn distortion(&self, luma: &Block16) -> u32 {
        let (kernels, cur) = (self.job.kernels, &self.cur.luma);
        match self.job.speed.refine.measure {
            Measure::Sad => kernels.sad_16x16(cur, luma.window()),
            Measure::Satd => kernels.satd_16x16(cur, luma.window()),
        }
    }

    /// Returns the bits of the type of a macroblock in a P slice.
    fn type_bits(&self, shape: Shape) -> u32 {
        self.job.costs.skip_flag(false) + self.job.costs.inter_type(shape, [LIST_0; 4])
    }

    fn ref_bits(&self, reference: usize) -> u32 {
        let byte = |value: usize| u8::try_from(value).unwrap_or(u8::MAX);
        self.job.costs.ref_index(byte(reference), byte(self.job.references.len()))
    }

    /// Returns the starting points of the integer search, the most reliable first.
    fn starts(&self, predicted: Mv, skip_mv: Mv) -> Starts {
        let mut starts = Starts::default();
        starts.push(quarter(predicted));
        if let Some(mb) = self.analysis {
            starts.push(mb.motion);
        }
        starts.push(quarter(self.job.last_mvs.get(self.index()).copied().unwrap_or_default()));
        starts.push(QuarterPel::ZERO);
        for side in [self.left, self.above].iter().flatten() {
            starts.push(quarter(side.mvs[0]));
        }
        starts.push(quarter(skip_mv));
        starts
    }

    /// Searches a vector for each quarter of the macroblock, then for halves. Returns the best, whose
    /// luma prediction is in [`Self::trial`].
    pub(super) fn search_split(&mut self, site: &Site, whole: &Motion) -> Option<Motion> {
        let reference = usize::from(whole.reference.unsigned_abs());
        if self.job.speed.moved_splits && !self.has_moved_quarter(site, reference, whole.mvs[0]) {
            return None;
        }
        let mut best = self.search_shape(
            site,
            Shape::Quarters([SubShape::Whole; 4]),
            whole.reference,
            whole.mvs,
        );
        // Halves rarely win where quarters do not come near.
        if self.job.speed.halves && best.cost <= whole.cost.saturating_mul(17) / 16 {
            let quarters = best.mvs;
            for shape in [Shape::Rows, Shape::Columns] {
                std::mem::swap(&mut self.trial, &mut self.spare);
                let other = self.search_shape(site, shape, whole.reference, quarters);
                if other.cost < best.cost {
                    best = other;
                } else {
                    std::mem::swap(&mut self.trial, &mut self.spare);
                }
            }
        }
        Some(best)
    }

    /// Searches a vector for each partition of `shape`, starting from the vectors of its quarters. The luma
    /// prediction is in [`Self::trial`].
    pub(super) fn search_shape(
        &mut self,
        site: &Site,
        shape: Shape,
        reference: i8,
        quarters: [Mv; 4],
    ) -> Motion {
        let [a, b, c, d] = quarters.map(|mv| quarter(mv).to_full());
        let starts = match shape {
            Shape::Rows => [[a, b], [c, d], [c, d], [c, d]],
            Shape::Columns => [[a, c], [b, d], [b, d], [b, d]],
            _ => [[a; 2], [b; 2], [c; 2], [d; 2]],
        };
        self.search_parts(site, shape, usize::from(reference.unsigned_abs()), starts)
    }

    /// Returns whether the best full-sample vector of a quarter differs from the macroblock's.
    fn has_moved_quarter(&self, site: &Site, reference: usize, whole: Mv) -> bool {
        let refp = &self.job.references[reference];
        let weights = self.luma_weights(reference);
        let unweighted = weights.map(|weights| weights.unweighted(&self.cur.luma));
        let cur = unweighted.as_ref().unwrap_or(&self.cur.luma);
        let site = &site.unweighted(weights);
        let target = target(self.job, refp, cur, site, whole);
        self.moves_a_quarter(&target, whole)
    }

    /// Returns whether a full-sample neighbour of `whole` is better for a quarter.
    pub(super) fn moves_a_quarter(&self, target: &Target<'_>, whole: Mv) -> bool {
        let start = target.range.clamp(quarter(whole).to_full());
        let settings = IntegerSettings { max_steps: 1, ..self.integer_settings() };
        Quadrant::ALL.into_iter().any(|quadrant| {
            search_integer_8x8(target, quadrant, &[start], settings).vector != start
        })
    }

    /// Searches a vector for each partition of `shape`, with the candidates of `starts`.
    fn search_parts(
        &mut self,
        site: &Site,
        shape: Shape,
        reference: usize,
        starts: [[FullPel; 2]; 4],
    ) -> Motion {
        let index = i8::try_from(reference).unwrap_or(0);
        let (parts, size): (&[Part], _) = match shape {
            Shape::Rows => (&[Part::Half(Half::Top), Part::Half(Half::Bottom)], (4, 2)),
            Shape::Columns => (&[Part::Half(Half::Left), Part::Half(Half::Right)], (2, 4)),
            _ => (&QUARTERS, (2, 2)),
        };
        let mut motion = Motion { shape, reference: index, mvs: [Mv::ZERO; 4], bits: 0, cost: 0 };
        let refs = self.ref_bits(reference) * u32::try_from(parts.len()).unwrap_or(4);
        motion.bits = self.type_bits(shape) + refs;
        motion.cost = self.lambdas.sad.cost(motion.bits);
        let (mut integer, settings) = (self.integer_settings(), self.refine_settings());
        if integer.pattern == Pattern::Exhaustive {
            integer.pattern = Pattern::Wide;
        }
        let weights = self.luma_weights(reference);
        let unweighted = weights.map(|weights| weights.unweighted(&self.cur.luma));
        let site = &site.unweighted(weights);
        for (n, &part) in parts.iter().enumerate() {
            let at = match shape {
                Shape::Rows => (0, 2 * n),
                Shape::Columns => (2 * n, 0),
                _ => (n % 2 * 2, n / 2 * 2),
            };
            let predicted = self.cache.predict_part(shape, at, size.0, index);
            let [a, b] = starts[n % 4];
            let starts = [a, b, quarter(predicted).to_full()];
            let refp = &self.job.references[reference];
            let cur = unweighted.as_ref().unwrap_or(&self.cur.luma);
            let target = target(self.job, refp, cur, site, predicted);
            let found = search(&target, part, &starts, integer, settings, &mut self.planes);
            compensate(&target, part, &found, &self.planes, &mut self.trial.luma);
            let vector = mv(found.vector);
            self.cache.fill_refs(at, size, index);
            self.cache.fill_mvs(at, size, vector);
            for quarter in covered(shape, n) {
                motion.mvs[*quarter] = vector;
            }
            let bits = target.price.table.bits_q8(found.vector, target.price.predicted);
            motion.bits = motion.bits.saturating_add(bits);
            motion.cost = motion.cost.saturating_add(found.cost);
        }
        if let Some(weights) = weights {
            weights.weigh_luma(self.job.kernels, &mut self.trial.luma);
            motion.cost = self.measured_cost(&self.trial.luma, motion.bits);
        }
        motion
    }
}

/// Cost in bits up to which no other reference is searched.
const REFERENCE_BITS: u32 = 48;

const QUARTERS: [Part; 4] = [
    Part::Quarter(Quadrant::TopLeft),
    Part::Quarter(Quadrant::TopRight),
    Part::Quarter(Quadrant::BottomLeft),
    Part::Quarter(Quadrant::BottomRight),
];

/// Returns the quarters of partition `n`.
fn covered(shape: Shape, n: usize) -> &'static [usize] {
    match (shape, n) {
        (Shape::Rows, 0) => &[0, 1],
        (Shape::Rows, _) => &[2, 3],
        (Shape::Columns, 0) => &[0, 2],
        (Shape::Columns, _) => &[1, 3],
        _ => &[[0], [1], [2], [3]][n % 4],
    }
}
