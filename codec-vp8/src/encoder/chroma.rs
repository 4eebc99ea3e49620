//! Chroma of a macroblock: prediction, cost and coding.

use codec_simd::IntraMode;

use super::quant::MbQuantisers;
use super::rate_distortion::{RateDistortion, cost};
use super::row::{MbCoder, ModeChoice};
use super::trellis::Trellis;
use super::workspace::Trial;
use crate::types::{InterMode, MbMode, SubblockInfo};
use codec_core::codec::Stage;

/// Chroma error, as a cost in 1/256 bit, below which coding it cannot pay off.
const LITTLE_CHROMA_Q8: u32 = 8 * 256;
/// Approximate cost of an empty block in a macroblock that is not skipped.
const EMPTY_BLOCK_Q8: u32 = 60;

/// Returns the maximum difference between the mean of U or V in a macroblock and the mean in the source.
///
/// A larger one is a visible colour cast, which later frames would keep, because correcting it never
/// pays off in squared error. (For camera video, a limit of 4 gains half as much in chroma, and one of
/// 2.5 costs twice as much in luma.)
pub(super) fn max_offset(is_screen: bool) -> u32 {
    if is_screen { 2 } else { 3 }
}

impl MbCoder<'_> {
    /// Returns the cost of chroma if luma is coded with `choice`, if the speed considers it.
    pub(super) fn chroma_cost(&mut self, choice: &ModeChoice, set: MbQuantisers<'_>) -> u32 {
        let job = self.job;
        if !job.speed.chroma_rd {
            return 0;
        }
        let (_, mode_bits) = self.predict_chroma(choice, set);
        let trellis = self.trellis();
        self.meter.switch(Some(Stage::Transform));
        let Trial { pixels, residual, .. } = &mut *self.best;
        let chroma = &self.cur.chroma;
        let price = residual.code_chroma(job.kernels, chroma, &pixels.chroma, set, trellis);
        let without = job.kernels.sse_uv(chroma, &pixels.chroma);
        self.meter.switch(Some(Stage::Search));
        let coded = price.sse.saturating_add(set.lambda.cost(price.bits_q8));
        coded.min(without).saturating_add(set.lambda.cost(mode_bits))
    }

    /// Predicts chroma into `best`; returns its mode and the mode's bits.
    pub(super) fn predict_chroma(
        &mut self,
        choice: &ModeChoice,
        set: MbQuantisers<'_>,
    ) -> (IntraMode, u32) {
        let MbMode::Inter { reference, mode, mv } = choice.mode else {
            return self.best_chroma_mode(set);
        };
        let at = self.at();
        let predicted = self.job.predictor(reference).and_then(|from| {
            let Trial { pixels, subblocks, .. } = &mut *self.best;
            let out = &mut pixels.chroma;
            match subblocks {
                SubblockInfo::Inter(mvs) if matches!(mode, InterMode::Split(_)) => {
                    from.chroma_split(at, mvs, out)
                }
                _ => from.chroma(at, mv, out),
            }
        });
        debug_assert!(predicted.is_some(), "vectors were chosen inside the border");
        (IntraMode::Dc, 0)
    }

    fn best_chroma_mode(&mut self, set: MbQuantisers<'_>) -> (IntraMode, u32) {
        self.find_edges();
        let mode = if self.job.is_key {
            self.code_chroma_modes(set)
        } else {
            self.search_chroma_modes(set)
        };
        (mode, self.job.costs.chroma[mode as usize])
    }

    /// Codes chroma with all intra modes; returns the best mode and leaves its prediction in `best`.
    fn code_chroma_modes(&mut self, set: MbQuantisers<'_>) -> IntraMode {
        let job = self.job;
        let trellis = self.trellis();
        let mut best = (IntraMode::Dc, u32::MAX);
        for mode in IntraMode::ALL {
            let Trial { pixels, residual, .. } = &mut *self.best;
            self.edges.predict_chroma(job.kernels, mode, &mut pixels.chroma);
            let chroma = &self.cur.chroma;
            let price = residual.code_chroma(job.kernels, chroma, &pixels.chroma, set, trellis);
            let total = cost(set, price, job.costs.chroma[mode as usize]);
            if total < best.1 {
                best = (mode, total);
                std::mem::swap(&mut self.trial.pixels.chroma, &mut pixels.chroma);
            }
        }
        std::mem::swap(&mut self.trial.pixels.chroma, &mut self.best.pixels.chroma);
        best.0
    }

    /// Predicts chroma with all intra modes; returns the mode of the lowest error plus mode cost and
    /// leaves its prediction in `best`.
    fn search_chroma_modes(&mut self, set: MbQuantisers<'_>) -> IntraMode {
        let job = self.job;
        let mut best = (IntraMode::Dc, u32::MAX);
        for mode in IntraMode::ALL {
            self.edges.predict_chroma(job.kernels, mode, &mut self.trial.pixels.chroma);
            let sse = job.kernels.sse_uv(&self.cur.chroma, &self.trial.pixels.chroma);
            let cost = sse.saturating_add(set.lambda.cost(job.costs.chroma[mode as usize]));
            if cost < best.1 {
                best = (mode, cost);
                std::mem::swap(&mut self.trial.pixels.chroma, &mut self.best.pixels.chroma);
            }
        }
        best.0
    }

    /// Codes chroma, as far as it is worth its bits or would otherwise have a visible cast.
    pub(super) fn code_chroma(&mut self, choice: &ModeChoice, set: MbQuantisers<'_>) {
        let error = self.code_worthwhile_chroma(choice, set);
        let limit = self.job.max_chroma_offset;
        // With less error, no mean can be off by more than the limit.
        if error >= limit * limit * 64 {
            let Trial { pixels, residual, .. } = &mut *self.best;
            let cur = &self.cur.chroma;
            residual.correct_chroma_means(self.job.kernels, cur, &pixels.chroma, set, limit);
        }
    }

    /// Codes chroma, and drops coefficients that are not worth their bits. Returns the squared error
    /// of chroma.
    fn code_worthwhile_chroma(&mut self, choice: &ModeChoice, set: MbQuantisers<'_>) -> u32 {
        let job = self.job;
        let trellis = self.final_trellis();
        // Exact token costs include the flags of empty blocks.
        let flags_of = |n: u32| if trellis.is_some() { 0 } else { n * EMPTY_BLOCK_Q8 };
        let empty_chroma = set.lambda.cost(trellis.map_or(0, Trellis::empty_chroma));
        let Trial { pixels, residual, .. } = &mut *self.best;
        let without_chroma = job.kernels.sse_uv(&self.cur.chroma, &pixels.chroma);
        let is_little = without_chroma <= set.lambda.cost(LITTLE_CHROMA_Q8);
        if job.speed.skip_probe && is_little && residual.luma_is_empty() {
            residual.clear_chroma();
            return without_chroma;
        }
        let chroma =
            residual.code_chroma(job.kernels, &self.cur.chroma, &pixels.chroma, set, trellis);
        if residual.chroma_is_empty() && residual.luma_is_empty() {
            return without_chroma;
        }
        let cost = |price: RateDistortion| price.sse.saturating_add(set.lambda.cost(price.bits_q8));
        let flags = set.lambda.cost(flags_of(25));
        if !choice.is_intra_4x4() && !residual.luma_is_empty() {
            let coded = choice.price.plus(chroma);
            let skipped = choice.empty_price().sse.saturating_add(without_chroma);
            let [no_skip, skip] = job.costs.skip_bits().map(|bits| set.lambda.cost(bits));
            let skip_saves = no_skip.saturating_add(flags).saturating_sub(skip);
            if skipped <= cost(coded).saturating_add(skip_saves) {
                residual.clear_luma();
                residual.clear_chroma();
                return without_chroma;
            }
        }
        let dropped = without_chroma.saturating_add(empty_chroma);
        // The trellis has already dropped what is not worth its bits, and what it keeps also serves
        // later frames.
        let bits_q8 = if trellis.is_some() { chroma.bits_q8 / 2 } else { chroma.bits_q8 };
        let kept = cost(RateDistortion { bits_q8, ..chroma });
        if !residual.chroma_is_empty() && dropped <= kept {
            residual.clear_chroma();
            return without_chroma;
        }
        chroma.sse
    }
}
