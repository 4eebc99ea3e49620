//! Choice of partitions, references and motion vectors. ITU-T H.264, clause 8.4.

use codec_simd::{Block16, Kernels};

use super::coded_mb::CodedKind;
use super::predict::{self, Part};
use super::residual::Price;
use super::row::{Choice, MbCoder};
use super::scratch::Trial;
use super::search_inter::{Motion, Site, quarter};
use super::speed::{Speed, Trials};
use super::transform_choice::estimate_loss;
use crate::macroblock::{Shape, SubShape};
use crate::picture::Mv;

/// The vector of `P_Skip` with the squared errors of its luma prediction, of each quarter.
#[derive(Clone, Copy, Debug)]
struct Skip {
    mv: Mv,
    quarters: [u32; 4],
    sse: u32,
}

impl MbCoder<'_> {
    /// Decides a macroblock of a P slice and codes it into [`Self::best`].
    pub(super) fn decide_inter(&mut self) -> Choice {
        let Some(site) = self.site() else { return self.decide_intra() };
        let skip_mv = self.cache.predict_skip();
        let has_skip = site.range.contains(quarter(skip_mv).floor());
        let skip = has_skip.then(|| self.predict_skip(skip_mv));
        if let Some(skip) = &skip
            && self.is_skipped_at_once(skip)
        {
            return self.finish_skip(skip);
        }
        let mut motion = self.search_whole(&site, skip_mv);
        let mut price = self.code_luma(&motion);
        let intra = match self.job.speed.trials {
            Trials::All => {
                self.try_all_splits(&site, &mut motion, &mut price);
                self.any_intra_instead(&price)
            }
            Trials::Likely => {
                if self.wants_split(&motion) {
                    self.choose_split(&site, &mut motion, &mut price);
                }
                let wants_intra = self.wants_intra(&motion);
                wants_intra.then(|| self.intra_instead(&motion, &price)).flatten()
            }
        };
        if let Some(choice) = intra {
            return choice;
        }
        self.finish_motion(&motion, &price, skip.as_ref())
    }

    /// Copies the macroblock from the last frame.
    pub(super) fn copy(&mut self) -> Choice {
        let skip = self.predict_skip(Mv::ZERO);
        self.predict_skip_chroma(Mv::ZERO);
        let mut choice = self.finish_skip(&skip);
        if self.cache.predict_skip() != Mv::ZERO {
            choice.kind = CodedKind::Inter(Shape::Whole);
        }
        choice
    }

    pub(super) fn is_beside_skip(&self) -> bool {
        [self.left, self.above].iter().flatten().any(|side| side.is_skip)
    }

    /// Predicts luma with the vector of `P_Skip` into [`Self::skip`].
    fn predict_skip(&mut self, mv: Mv) -> Skip {
        let (kernels, refs) = (self.job.kernels, self.job.references);
        let luma = &mut self.skip.luma;
        predict::luma(kernels, &refs[0].y, (self.col, self.row), Part::WHOLE, mv, luma);
        self.job.weigh_luma(0, luma);
        let quarters = quarter_sses(kernels, &self.cur.luma, luma);
        Skip { mv, quarters, sse: quarters.iter().sum() }
    }

    /// Returns whether the macroblock is skipped without a search. Chroma is then predicted in
    /// [`Self::skip`].
    fn is_skipped_at_once(&mut self, skip: &Skip) -> bool {
        let Speed { skip_bits, beside_skip_bits, empty_skip_bits, .. } = *self.job.speed;
        let bits = if self.is_beside_skip() { beside_skip_bits } else { skip_bits };
        if skip.sse > self.lambdas.sse.cost(256 * bits) {
            return false;
        }
        let kernels = self.job.kernels;
        let (set, residual) = (&self.set.inter, &mut self.skip.residual);
        let empty = self.lambdas.sse.cost(256 * empty_skip_bits);
        if skip.quarters.iter().any(|&sse| sse > empty) {
            let pair = (&self.cur.luma, &self.skip.luma);
            let rounded = residual.round_inter_4x4(kernels, pair, set);
            if rounded.is_substantial() {
                return false;
            }
            residual.finish_inter_4x4(kernels, pair, set, self.bits, &skip.quarters, rounded);
            if residual.coded & 0xffff != 0 {
                return false;
            }
        }
        self.predict_skip_chroma(skip.mv);
        let sse = kernels.sse_uv(&self.cur.chroma, &self.skip.chroma);
        if sse <= self.lambdas.sse.cost(256 * self.job.speed.empty_chroma_bits) {
            return true;
        }
        let Trial { residual, chroma, .. } = &mut *self.skip;
        residual.code_chroma(kernels, (&self.cur.chroma, chroma), sse, set, self.bits);
        !residual.has_chroma()
    }

    fn predict_skip_chroma(&mut self, mv: Mv) {
        let (kernels, refs) = (self.job.kernels, self.job.references);
        let at = (self.col, self.row);
        predict::chroma(kernels, &refs[0], at, Part::WHOLE, mv, &mut self.skip.chroma);
        self.job.weigh_chroma(0, &mut self.skip.chroma);
    }

    /// Takes the prediction in [`Self::skip`], of luma and chroma, as the macroblock.
    fn finish_skip(&mut self, skip: &Skip) -> Choice {
        std::mem::swap(&mut self.best, &mut self.skip);
        self.best.residual.clear_luma();
        self.best.residual.clear_chroma();
        let mut choice = Choice::whole(CodedKind::Skip, 0, skip.mv);
        choice.prediction_sse = skip.sse;
        choice
    }

    pub(super) fn wants_split(&self, motion: &Motion) -> bool {
        let bits = self.job.speed.split_bits;
        bits.is_some_and(|bits| motion.cost > self.lambdas.sad.cost(bits * 256))
    }

    /// Replaces `motion` and `price` by the motion and price of partitions of any shape that cost less when coded.
    fn try_all_splits(&mut self, site: &Site, motion: &mut Motion, price: &mut Luma) {
        let whole = *motion;
        let mut quarters = whole.mvs;
        for shape in [Shape::Quarters([SubShape::Whole; 4]), Shape::Rows, Shape::Columns] {
            let split = self.search_shape(site, shape, whole.reference, quarters);
            if matches!(shape, Shape::Quarters(_)) {
                quarters = split.mvs;
            }
            self.take_cheaper_split(split, motion, price);
        }
    }

    /// Replaces `motion` and `price` by the motion and price of partitions if these cost less.
    fn choose_split(&mut self, site: &Site, motion: &mut Motion, price: &mut Luma) {
        let Some(split) = self.search_split(site, motion) else { return };
        if split.cost <= motion.cost.saturating_mul(33) / 32 {
            self.take_cheaper_split(split, motion, price);
        }
    }

    /// Codes `split`, whose luma prediction is in [`Self::trial`], and takes it if it costs less.
    fn take_cheaper_split(&mut self, split: Motion, motion: &mut Motion, price: &mut Luma) {
        if split.mvs == [split.mvs[0]; 4] {
            return;
        }
        std::mem::swap(&mut self.best, &mut self.trial);
        let split_price = self.code_luma(&split);
        if split_price.cost < price.cost {
            (*motion, *price) = (split, split_price);
        } else {
            std::mem::swap(&mut self.best, &mut self.trial);
        }
    }

    /// Returns whether an intra prediction may cost less than `motion`.
    pub(super) fn wants_intra(&self, motion: &Motion) -> bool {
        if let Some(mb) = self.analysis
            && u32::from(mb.intra_cost) * u32::from(self.job.speed.intra_eighths) / 8
                > u32::from(mb.inter_cost)
        {
            return false;
        }
        motion.cost > self.lambdas.sad.cost(256 * GOOD_BITS)
    }

    /// Codes the macroblock as intra if that costs less than `inter`, whose luma is in [`Self::best`].
    pub(super) fn intra_instead(&mut self, motion: &Motion, inter: &Luma) -> Option<Choice> {
        let whole = self.best_whole_mode();
        // Intra macroblocks cost bits that the SATD does not show.
        if whole.cost + self.lambdas.sad.cost(6 * 256) >= motion.cost.saturating_mul(5) / 4 {
            return None;
        }
        std::mem::swap(&mut self.best, &mut self.trial);
        let (mut choice, mut cost) = self.code_whole(whole.mode);
        if self.job.speed.small_intra && self.job.has_transform_8x8 {
            std::mem::swap(&mut self.best, &mut self.spare);
            match self.code_8x8_blocks(u32::MAX) {
                Some(small) if small.cost + u64::from(self.lambdas.sse.cost(1000)) < cost => {
                    (choice, cost) = (small.choice, small.cost);
                }
                _ => std::mem::swap(&mut self.best, &mut self.spare),
            }
        }
        if cost >= inter.cost {
            std::mem::swap(&mut self.best, &mut self.trial);
            return None;
        }
        choice.chroma_mode = self.code_intra_chroma();
        Some(choice)
    }

    /// Codes the macroblock as intra of any type if that costs less than `inter`, whose luma is in
    /// [`Self::best`].
    fn any_intra_instead(&mut self, inter: &Luma) -> Option<Choice> {
        std::mem::swap(&mut self.best, &mut self.inter);
        let whole = self.best_whole_mode();
        let (mut choice, cost) = self.code_small_or_whole(whole);
        if cost >= inter.cost {
            std::mem::swap(&mut self.best, &mut self.inter);
            return None;
        }
        choice.chroma_mode = self.code_intra_chroma();
        Some(choice)
    }

    /// Codes the luma residual of the prediction in [`Self::best`] with the better transform.
    pub(super) fn code_luma(&mut self, motion: &Motion) -> Luma {
        let kernels = self.job.kernels;
        let sses = quarter_sses(kernels, &self.cur.luma, &self.best.luma);
        let sse = sses.iter().sum();
        let (lambda, costs) = (self.lambdas.sse, self.job.costs);
        let no_pattern = costs.coded_block_pattern(0, false);
        let cost = |price: Price| u64::from(price.sse) + u64::from(lambda.cost(price.bits));
        let small = lambda.cost(256 * self.job.speed.empty_bits);
        if sses.iter().all(|&sse| sse <= small) {
            self.best.residual.clear_luma();
            let bits = motion.bits.saturating_add(no_pattern);
            return Luma { sse, cost: cost(Price { sse, bits }) };
        }
        let has_large = self.job.has_transform_8x8 && motion.shape.allows_transform_8x8();
        let mut price = self.code_levels(has_large, &sses);
        let residual = &mut self.best.residual;
        price.bits = price.bits.saturating_add(motion.bits);
        let empty = Price { sse, bits: motion.bits.saturating_add(no_pattern) };
        if residual.coded & 0xffff != 0 {
            let pattern =
                costs.coded_block_pattern(residual.luma_cbp(false), false) + costs.qp_delta(0);
            price.bits = price.bits.saturating_add(pattern);
        }
        if residual.coded & 0xffff == 0 || cost(empty) <= cost(price) {
            residual.clear_luma();
            return Luma { sse, cost: cost(empty) };
        }
        Luma { sse, cost: cost(price) }
    }

    /// Codes the levels of luma, whose prediction is in [`Self::best`], with the transform that costs
    /// less.
    fn code_levels(&mut self, has_large: bool, sses: &[u32; 4]) -> Price {
        let kernels = self.job.kernels;
        let (set, bits, lambda) = (&self.set.inter, self.bits, self.lambdas.sse);
        let Trial { luma, residual, .. } = &mut *self.best;
        let pair = (&self.cur.luma, &*luma);
        if !has_large {
            return residual.code_inter_4x4(kernels, pair, set, bits, sses);
        }
        let large = residual.round_inter_8x8(kernels, pair, set);
        if large.result.coded == 0 || large.cost() < self.job.speed.sure_transform_bits {
            return residual.finish_inter_8x8(kernels, pair, set, bits, sses, large);
        }
        let other = &mut self.spare.residual;
        let small = other.round_inter_4x4(kernels, pair, set);
        let loss = estimate_loss(&large, &small, lambda);
        let unsure = i64::from(self.job.speed.unsure_transform_bits);
        let cost = |price: Price| u64::from(price.sse) + u64::from(lambda.cost(price.bits));
        let mut price = None;
        if loss <= unsure {
            price = Some(residual.finish_inter_8x8(kernels, pair, set, bits, sses, large));
        }
        if loss > -unsure {
            let small = other.finish_inter_4x4(kernels, pair, set, bits, sses, small);
            if price.is_none_or(|large| cost(small) < cost(large)) {
                residual.take_luma(other);
                price = Some(small);
            }
        }
        price.unwrap_or_default()
    }

    /// Codes the macroblock with `motion`, whose luma is in [`Self::best`], or skips it.
    fn finish_motion(&mut self, motion: &Motion, luma: &Luma, skip: Option<&Skip>) -> Choice {
        let kernels = self.job.kernels;
        let reference = usize::from(motion.reference.unsigned_abs());
        let refp = &self.job.references[reference];
        for (n, part) in parts_of(motion.shape) {
            let (mv, at) = (motion.mvs[*n], (self.col, self.row));
            predict::chroma(kernels, refp, at, *part, mv, &mut self.best.chroma);
        }
        self.job.weigh_chroma(reference, &mut self.best.chroma);
        let best = &mut *self.best;
        let sse = kernels.sse_uv(&self.cur.chroma, &best.chroma);
        let chroma = if sse <= self.lambdas.sse.cost(256 * self.job.speed.empty_chroma_bits) {
            best.residual.clear_chroma();
            Price { sse, bits: 0 }
        } else {
            let (pair, set) = ((&self.cur.chroma, &best.chroma), &self.set.inter);
            best.residual.code_chroma(kernels, pair, sse, set, self.bits)
        };
        if let Some(skip) = skip {
            let lambda = self.lambdas.sse;
            let cost = luma.cost + u64::from(chroma.sse) + u64::from(lambda.cost(chroma.bits));
            if u64::from(skip.sse) < cost {
                self.predict_skip_chroma(skip.mv);
                let sse = kernels.sse_uv(&self.cur.chroma, &self.skip.chroma);
                let sse = u64::from(skip.sse) + u64::from(sse);
                if sse + u64::from(lambda.cost(self.job.costs.skip_flag(true))) <= cost {
                    return self.finish_skip(skip);
                }
            }
        }
        let best = &mut *self.best;
        best.residual.add_luma_to(kernels, &mut best.luma);
        best.residual.add_chroma_to(kernels, &mut best.chroma);
        let mut choice = motion.choice(luma.sse);
        if self.best.residual.coded == 0
            && motion.reference == 0
            && skip.is_some_and(|skip| motion.mvs == [skip.mv; 4])
        {
            choice.kind = CodedKind::Skip;
        }
        choice
    }
}

/// Coded luma of an inter macroblock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Luma {
    /// Squared error of the prediction.
    pub sse: u32,
    /// Squared error after coding, and all bits.
    pub cost: u64,
}

/// Squared error of a quarter's prediction, in bits, that leaves no levels worth coding.
pub(super) const EMPTY_QUARTER_BITS: u32 = 12;
/// As [`EMPTY_QUARTER_BITS`], of both chroma planes.
pub(super) const EMPTY_CHROMA_BITS: u32 = 5;
/// Cost in bits of a motion below which an intra prediction is not tried.
const GOOD_BITS: u32 = 64;

impl Motion {
    fn choice(&self, prediction_sse: u32) -> Choice {
        let mvs = std::array::from_fn(|n| self.mvs[n / 8 * 2 + n % 4 / 2]);
        Choice {
            refs: [self.reference; 4],
            mvs,
            prediction_sse,
            ..Choice::intra(CodedKind::Inter(self.shape))
        }
    }
}

/// Returns the partitions of a macroblock, of at least 8x8 samples, with the first quarter of each.
fn parts_of(shape: Shape) -> &'static [(usize, Part)] {
    const fn part(x: usize, y: usize, width: usize, height: usize) -> (usize, Part) {
        (y / 8 * 2 + x / 8, Part { x, y, width, height })
    }
    match shape {
        Shape::Whole => &[(0, Part::WHOLE)],
        Shape::Rows => const { &[part(0, 0, 16, 8), part(0, 8, 16, 8)] },
        Shape::Columns => const { &[part(0, 0, 8, 16), part(8, 0, 8, 16)] },
        Shape::Quarters(_) => {
            const { &[part(0, 0, 8, 8), part(8, 0, 8, 8), part(0, 8, 8, 8), part(8, 8, 8, 8)] }
        }
    }
}

/// Returns the squared errors of the quarters of the macroblock.
pub(super) fn quarter_sses(kernels: &Kernels, cur: &Block16, pred: &Block16) -> [u32; 4] {
    kernels.sse_16x16_quads(cur, pred.window())
}
