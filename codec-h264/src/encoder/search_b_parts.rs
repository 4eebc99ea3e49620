//! Motion search for partitions in B slices: each is predicted from list 0, list 1 or both; an 8x8
//! partition can also use direct mode.

use codec_core::motion::{FullPel, Half, Pattern, Quadrant};
use codec_simd::Block16;

use super::job::SecondList;
use super::motion::{Measure, Part, compensate, search};
use super::predict_b::{BMotion, EQUAL, blend_samples};
use super::row::MbCoder;
use super::search_inter::{Site, mv, quarter, target};
use crate::decoder::inter_types::Lists;
use crate::decoder::motion_cache::UNUSED;
use crate::macroblock::{Shape, SubShape};
use crate::picture::Mv;

/// The macroblock in quarters.
const QUARTERS: Shape = Shape::Quarters([SubShape::Whole; 4]);

/// A partition of a macroblock.
#[derive(Clone, Copy)]
struct Place {
    part: Part,
    /// First 4x4 block, and size in 4x4 blocks.
    at: (usize, usize),
    size: (usize, usize),
    quarters: &'static [usize],
}

/// Returns the partitions of `shape`.
fn places_of(shape: Shape) -> &'static [Place] {
    const fn place(
        part: Part,
        at: (usize, usize),
        size: (usize, usize),
        quarters: &'static [usize],
    ) -> Place {
        Place { part, at, size, quarters }
    }
    const ROWS: [Place; 2] = [
        place(Part::Half(Half::Top), (0, 0), (4, 2), &[0, 1]),
        place(Part::Half(Half::Bottom), (0, 2), (4, 2), &[2, 3]),
    ];
    const COLUMNS: [Place; 2] = [
        place(Part::Half(Half::Left), (0, 0), (2, 4), &[0, 2]),
        place(Part::Half(Half::Right), (2, 0), (2, 4), &[1, 3]),
    ];
    const QUARTERS: [Place; 4] = [
        place(Part::Quarter(Quadrant::TopLeft), (0, 0), (2, 2), &[0]),
        place(Part::Quarter(Quadrant::TopRight), (2, 0), (2, 2), &[1]),
        place(Part::Quarter(Quadrant::BottomLeft), (0, 2), (2, 2), &[2]),
        place(Part::Quarter(Quadrant::BottomRight), (2, 2), (2, 2), &[3]),
    ];
    match shape {
        Shape::Rows => &ROWS,
        Shape::Columns => &COLUMNS,
        _ => &QUARTERS,
    }
}

/// Top-left samples of the quarters.
const ORIGINS: [(usize, usize); 4] = [(0, 0), (8, 0), (0, 8), (8, 8)];

/// Copies a quarter.
fn copy_quarter(from: &Block16, to: &mut Block16, quarter: usize) {
    let (x, y) = ORIGINS[quarter];
    for (to, from) in to.0[y..y + 8].iter_mut().zip(&from.0[y..y + 8]) {
        to[x..x + 8].copy_from_slice(&from[x..x + 8]);
    }
}

/// Writes the weighted mean of a quarter of two predictions to `to`.
fn blend_quarter(weights: [i16; 2], [a, b]: [&Block16; 2], to: &mut Block16, quarter: usize) {
    copy_quarter(a, to, quarter);
    let (x, y) = ORIGINS[quarter];
    for (to, b) in to.0[y..y + 8].iter_mut().zip(&b.0[y..y + 8]) {
        blend_samples(weights, &mut to[x..x + 8], &b[x..x + 8]);
    }
}

/// Motion of a partition.
#[derive(Clone, Copy)]
struct PartMotion {
    lists: Lists,
    mvs: [Mv; 2],
    distortion: u32,
    /// Bits of the vectors, in 1/256 bit.
    bits: u32,
}

impl MbCoder<'_> {
    /// Searches partitions, starting from the vectors `whole` of the macroblock in both lists. Returns
    /// the best, whose luma prediction is in [`Self::trial`]; `None` if they are unlikely to be better
    /// than `motion`.
    pub(super) fn search_split_b(
        &mut self,
        second: &SecondList<'_>,
        site: &Site,
        motion: &BMotion,
        whole: [Mv; 2],
        direct: Option<&BMotion>,
    ) -> Option<BMotion> {
        if self.job.speed.moved_splits && !self.has_moved_quarter_b(second, site, motion) {
            return None;
        }
        let mut starts = whole.map(|mv| [mv; 4]);
        let mut best = self.search_shape_b(second, site, QUARTERS, &mut starts, direct);
        // Halves rarely win where quarters do not come near.
        if best.cost > motion.cost.saturating_mul(17) / 16 {
            return Some(best);
        }
        let [a, b, c, d] = best.lists();
        for (shape, is_likely) in
            [(Shape::Rows, a == b && c == d), (Shape::Columns, a == c && b == d)]
        {
            if !is_likely && !self.job.speed.halves {
                continue;
            }
            std::mem::swap(&mut self.trial, &mut self.split);
            let mut starts = starts;
            let other = self.search_shape_b(second, site, shape, &mut starts, None);
            if other.cost < best.cost {
                best = other;
            } else {
                std::mem::swap(&mut self.trial, &mut self.split);
            }
        }
        Some(best)
    }

    /// Returns whether the best full-sample vector of a quarter differs from the macroblock's, in a
    /// list that `motion` uses.
    fn has_moved_quarter_b(&self, second: &SecondList<'_>, site: &Site, motion: &BMotion) -> bool {
        let lists = [self.job.references, second.references];
        lists.into_iter().enumerate().any(|(list, references)| {
            let whole = motion.mvs[list][0];
            let target = target(self.job, &references[0], &self.cur.luma, site, whole);
            motion.refs[list][0] >= 0 && self.moves_a_quarter(&target, whole)
        })
    }

    /// Searches each partition of `shape`, starting from the vectors `starts` of the quarters by
    /// list, which then are those found. The luma prediction is in [`Self::trial`].
    fn search_shape_b(
        &mut self,
        second: &SecondList<'_>,
        site: &Site,
        shape: Shape,
        starts: &mut [[Mv; 4]; 2],
        direct: Option<&BMotion>,
    ) -> BMotion {
        let mut motion = BMotion {
            shape,
            is_direct: false,
            direct_quarters: 0,
            refs: [[UNUSED; 4]; 2],
            mvs: [[Mv::ZERO; 4]; 2],
            bits: 0,
            cost: 0,
        };
        let (mut lists, mut distortion) = ([0; 4], 0_u32);
        for (n, place) in places_of(shape).iter().enumerate() {
            let found = self.search_part_b(second, site, shape, place, starts);
            let first = (n > 0).then_some(lists[0]);
            let found = self.best_part_b(shape, place, first, &found, direct);
            let quarters = place.quarters;
            if found.lists == 0 {
                motion.direct_quarters |= 1 << quarters[0];
            }
            for (list, starts) in starts.iter_mut().enumerate() {
                let (reference, mv) = match direct {
                    Some(direct) if found.lists == 0 => {
                        (direct.refs[list][quarters[0]], direct.mvs[list][quarters[0]])
                    }
                    _ if found.lists >> list & 1 == 1 => (0, found.mvs[list]),
                    _ => (UNUSED, Mv::ZERO),
                };
                let cache = if list == 0 { &mut self.cache } else { &mut self.second.cache };
                cache.fill_refs(place.at, place.size, reference);
                cache.fill_mvs(place.at, place.size, mv);
                for &quarter in quarters {
                    motion.refs[list][quarter] = reference;
                    motion.mvs[list][quarter] = mv;
                    starts[quarter] = found.mvs[list];
                }
            }
            quarters.iter().for_each(|&quarter| lists[quarter] = found.lists);
            motion.bits = motion.bits.saturating_add(found.bits);
            distortion = distortion.saturating_add(found.distortion);
        }
        let costs = self.job.costs;
        let types = costs.skip_flag(false) + costs.inter_type(shape, lists);
        motion.bits = motion.bits.saturating_add(types);
        motion.cost = distortion.saturating_add(self.lambdas.sad.cost(motion.bits));
        motion
    }

    /// Searches a vector for a partition in each list. The predictions are in [`Self::trial`] and
    /// [`Self::spare`].
    fn search_part_b(
        &mut self,
        second: &SecondList<'_>,
        site: &Site,
        shape: Shape,
        place: &Place,
        starts: &[[Mv; 4]; 2],
    ) -> [PartMotion; 2] {
        let (mut integer, settings) = (self.integer_settings(), self.refine_settings());
        if integer.pattern == Pattern::Exhaustive {
            integer.pattern = Pattern::Wide;
        }
        [0, 1].map(|list| {
            let (references, cache, to) = if list == 0 {
                (self.job.references, &self.cache, &mut self.trial.luma)
            } else {
                (second.references, &self.second.cache, &mut self.spare.luma)
            };
            let predicted = cache.predict_part(shape, place.at, place.size.0, 0);
            let target = target(self.job, &references[0], &self.cur.luma, site, predicted);
            let full = |quarter_of: usize| quarter(starts[list][quarter_of]).to_full();
            let [first, last] = [0, place.quarters.len() - 1].map(|n| full(place.quarters[n]));
            let starts: [FullPel; 3] = [first, last, quarter(predicted).to_full()];
            let found = search(&target, place.part, &starts, integer, settings, &mut self.planes);
            compensate(&target, place.part, &found, &self.planes, to);
            let mut mvs = [Mv::ZERO; 2];
            mvs[list] = mv(found.vector);
            let bits = target.price.table.bits_q8(found.vector, target.price.predicted);
            PartMotion { lists: 1 << list, mvs, distortion: found.distortion, bits }
        })
    }

    /// Returns the best of `found` in either list, both together and direct prediction, whose luma is
    /// then in [`Self::trial`]. `first` are the lists of the first partition.
    fn best_part_b(
        &mut self,
        shape: Shape,
        place: &Place,
        first: Option<Lists>,
        found: &[PartMotion; 2],
        direct: Option<&BMotion>,
    ) -> PartMotion {
        let measure = self.job.speed.refine.measure;
        let (kernels, cur) = (self.job.kernels, &self.cur.luma);
        let distortion = |luma: &Block16| {
            let of_quarter = |&quarter: &usize| {
                let (x, y) = ORIGINS[quarter];
                match measure {
                    Measure::Sad => kernels.sad_8x8(cur.sub(x, y), luma.sub(x, y)),
                    Measure::Satd => kernels.satd_8x8(cur.sub(x, y), luma.sub(x, y)),
                }
            };
            place.quarters.iter().map(of_quarter).sum::<u32>()
        };
        let [a, b] = *found;
        let weights = self.job.second.map_or(EQUAL, |second| second.weights);
        for &quarter in place.quarters {
            let both = [&self.trial.luma, &self.spare.luma];
            blend_quarter(weights, both, &mut self.inter.luma, quarter);
        }
        let both = PartMotion {
            lists: 3,
            mvs: [a.mvs[0], b.mvs[1]],
            distortion: distortion(&self.inter.luma),
            bits: a.bits.saturating_add(b.bits),
        };
        let type_bits = |lists: Lists| match (shape, first) {
            (Shape::Quarters(_), _) => self.job.costs.sub_type(SubShape::Whole, lists),
            (_, None) => 0,
            (_, Some(first)) => self.job.costs.inter_type(shape, [first, first, lists, lists]),
        };
        let lambda = self.lambdas.sad;
        let cost = |part: &PartMotion| {
            let bits = part.bits.saturating_add(type_bits(part.lists));
            part.distortion.saturating_add(lambda.cost(bits))
        };
        let mut best = a;
        for other in [b, both] {
            if cost(&other) < cost(&best) {
                best = other;
            }
        }
        if direct.is_some() && matches!(shape, Shape::Quarters(_)) {
            let distortion = distortion(&self.skip.luma);
            let other = PartMotion { lists: 0, mvs: both.mvs, distortion, bits: 0 };
            if cost(&other) <= cost(&best) {
                best = other;
            }
        }
        let from = match best.lists {
            0 => &self.skip.luma,
            2 => &self.spare.luma,
            3 => &self.inter.luma,
            _ => return PartMotion { mvs: both.mvs, ..best },
        };
        for &quarter in place.quarters {
            copy_quarter(from, &mut self.trial.luma, quarter);
        }
        PartMotion { mvs: both.mvs, ..best }
    }
}
