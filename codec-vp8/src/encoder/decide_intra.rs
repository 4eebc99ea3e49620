//! Mode decision among intra modes: one mode for the whole macroblock, or one for each of its 4x4
//! sub-blocks.

use codec_simd::{IntraMode, Kernels, SubblockMode, Window, WindowMut};

use super::predict_intra::RankedPredictions;
use super::quant::MbQuantisers;
use super::rate_distortion::{RateDistortion, cost};
use super::rate_table::estimate_bits;
use super::row::{MbCoder, ModeChoice};
use super::trellis::Trellis;
use crate::types::{IntraLuma, MbMode, MotionVector, SubblockInfo};
use codec_core::codec::Stage;

impl MbCoder<'_> {
    /// Decides among intra modes only, for key frames and forced intra refresh.
    pub(super) fn decide_intra(&mut self) -> ModeChoice {
        let segment = match self.assigned_segment() {
            // Only static macroblocks are worth refreshing.
            refresh if self.job.segments.is_refresh(refresh) => 0,
            assigned => assigned,
        };
        let set = self.quantisers(segment);
        let mut best = self.decide_intra_16(set, segment);
        let [no_skip, _] = self.job.costs.skip_bits();
        let limit = cost(set, best.price, best.mode_bits + no_skip);
        if !self.job.has_plain_modes
            && let Some(choice) = self.try_intra_4x4(set, segment, limit)
        {
            best = choice;
        }
        best
    }

    /// Codes all whole-block modes, and leaves the best one in `best`.
    fn decide_intra_16(&mut self, set: MbQuantisers<'_>, segment: u8) -> ModeChoice {
        self.find_edges();
        let [first, others @ ..] = IntraMode::ALL;
        let mut best = self.code_intra_16(first, set, segment);
        for mode in others {
            std::mem::swap(&mut self.best, &mut self.trial);
            let choice = self.code_intra_16(mode, set, segment);
            let total = |choice: &ModeChoice| cost(set, choice.price, choice.mode_bits);
            if total(&choice) < total(&best) {
                best = choice;
            } else {
                std::mem::swap(&mut self.best, &mut self.trial);
            }
        }
        best
    }

    /// Codes a whole-block mode into `best`.
    fn code_intra_16(&mut self, mode: IntraMode, set: MbQuantisers<'_>, segment: u8) -> ModeChoice {
        let job = self.job;
        self.best.predicted = None;
        self.edges.predict_luma(job.kernels, mode, &mut self.best.pixels.luma);
        let sse = job.kernels.sse_16x16(&self.cur.luma, self.best.pixels.luma.window());
        let price = self.code_luma(set);
        let bits = job.costs.luma[mode as usize] + job.costs.reference[0];
        let mut choice = intra_choice(IntraLuma::Whole(mode), bits, price, sse, segment);
        self.add_texture_loss(&mut choice, true, set);
        choice
    }

    /// Returns the whole-block mode of the lowest prediction error plus mode cost, with its squared
    /// error and bits.
    pub(super) fn search_intra_16(&mut self, set: MbQuantisers<'_>) -> (IntraMode, u32, u32) {
        let job = self.job;
        self.find_edges();
        let mut best = (IntraMode::Dc, 0, 0, u32::MAX);
        self.trial.predicted = None;
        for mode in IntraMode::ALL {
            self.edges.predict_luma(job.kernels, mode, &mut self.trial.pixels.luma);
            let sse = job.kernels.sse_16x16(&self.cur.luma, self.trial.pixels.luma.window());
            let bits = job.costs.luma[mode as usize] + job.costs.reference[0];
            let cost = sse.saturating_add(set.lambda.cost(bits));
            if cost < best.3 {
                best = (mode, sse, bits, cost);
            }
        }
        (best.0, best.1, best.2)
    }

    /// Tries 4x4 intra prediction; if its cost is below `limit` it replaces `best`.
    pub(super) fn try_intra_4x4(
        &mut self,
        set: MbQuantisers<'_>,
        segment: u8,
        limit: u32,
    ) -> Option<ModeChoice> {
        let job = self.job;
        self.find_edges();
        let speed = &job.speed;
        // Key frames are rare and all later frames depend on them, so they search all modes.
        let (tried, finalists) = if job.is_key {
            (10, speed.key_intra_finalists)
        } else {
            (speed.intra_4x4_modes.min(10), speed.intra_finalists)
        };
        let modes_tried = &SubblockMode::ALL[..usize::from(tried)];
        let (above, left) = (self.above_blocks().modes, self.left.blocks.modes);
        let mut modes = [SubblockMode::Dc; 16];
        let [no_skip, _] = job.costs.skip_bits();
        let mut bits = job.costs.per_block + job.costs.reference[0] + no_skip;
        let mut price = RateDistortion::default();
        let mut prediction_sse = 0u32;
        let mut trellis = self.trellis();
        let trial = &mut self.trial;
        trial.predicted = None;
        trial.residual.clear_luma();
        for (n, blocks_left) in (0..16).zip((0..16).rev()) {
            let (x, y) = (n % 4 * 4, n / 4 * 4);
            let mode_above = if n < 4 { above[n] } else { modes[n - 4] };
            let mode_left = if n % 4 == 0 { left[n / 4] } else { modes[n - 1] };
            let edges = self.edges.of_subblock(n, &trial.pixels.luma);
            let cur = self.cur.luma.sub::<4, 4>(x, y);
            let mode_bits = |mode| job.costs.subblock(mode, mode_above, mode_left);
            let ranked = RankedPredictions::new(
                job.kernels,
                cur,
                &edges,
                modes_tried,
                usize::from(finalists),
                |mode| set.lambda.cost(mode_bits(mode)),
            );
            self.meter.switch(Some(Stage::Transform));
            let coder = SubblockCoder { kernels: job.kernels, set, n, cur };
            let coded = coder.best_of(&ranked, trellis, mode_bits);
            self.meter.switch(Some(Stage::Search));
            trellis = coded.trellis;
            modes[n] = coded.mode;
            bits += mode_bits(coded.mode);
            prediction_sse += ranked.sse(coded.mode);
            trial.residual.set_block(n, coded.levels, coded.eob);
            let mut to = trial.pixels.luma.sub_mut::<4, 4>(x, y);
            to.copy_from(Window::packed(&coded.pixels));
            price = price.plus(coded.price);
            if cost(set, price, bits + blocks_left * CHEAP_BLOCK_Q8) >= limit {
                return None;
            }
        }
        price.sse = price.sse.saturating_add(self.trial_texture_loss(set));
        if self.job.texture.is_used() && cost(set, price, bits) >= limit {
            return None;
        }
        self.trial.subblocks = SubblockInfo::Intra(modes);
        std::mem::swap(&mut self.trial, &mut self.best);
        Some(intra_choice(IntraLuma::PerBlock, bits - no_skip, price, prediction_sse, segment))
    }
}

/// Codes a sub-block with several modes to compare their actual costs.
struct SubblockCoder<'a> {
    kernels: &'a Kernels,
    set: MbQuantisers<'a>,
    /// Index of the sub-block.
    n: usize,
    cur: Window<'a, 4, 4>,
}

/// A coded sub-block.
struct CodedSubblock<'a> {
    mode: SubblockMode,
    /// Reconstruction.
    pixels: [[u8; 4]; 4],
    levels: [i16; 16],
    eob: u8,
    /// Error and bits of the residual.
    price: RateDistortion,
    /// Trellis after the sub-block.
    trellis: Option<Trellis<'a>>,
}

impl SubblockCoder<'_> {
    /// Codes the residual of each ranked prediction and returns the one of the lowest
    /// rate-distortion cost.
    #[inline]
    fn best_of<'t>(
        &self,
        predictions: &RankedPredictions,
        trellis: Option<Trellis<'t>>,
        mode_bits: impl Fn(SubblockMode) -> u32,
    ) -> CodedSubblock<'t> {
        let total = |coded: &CodedSubblock<'_>| cost(self.set, coded.price, mode_bits(coded.mode));
        let mut best = self.code(predictions, predictions.first(), trellis);
        let mut least = total(&best);
        for mode in predictions.others() {
            let coded = self.code(predictions, mode, trellis);
            let cost = total(&coded);
            if cost < least {
                (best, least) = (coded, cost);
            }
        }
        best
    }

    /// Transforms and quantises the residual of a mode, and adds it to the prediction.
    #[inline]
    fn code<'t>(
        &self,
        predictions: &RankedPredictions,
        mode: SubblockMode,
        mut trellis: Option<Trellis<'t>>,
    ) -> CodedSubblock<'t> {
        let &Self { kernels, set, n, cur } = self;
        let mut pixels = *predictions.pixels(mode);
        let pred = Window::packed(&pixels);
        let (mut levels, mut dequantised, mut eob) = ([[0; 16]], [[0; 16]], [0]);
        let bits_q8 = match &mut trellis {
            Some(trellis) => {
                let mut coeffs = [[0; 16]];
                kernels.fdct_4x4(cur, pred, &mut coeffs[0]);
                trellis.one(kernels, n, &coeffs, set, &mut levels, &mut dequantised, &mut eob)
            }
            None => {
                let ([levels_out], [values], [end]) = (&mut levels, &mut dequantised, &mut eob);
                kernels.transform_quantise_4x4(cur, pred, &set.y1, levels_out, values, end);
                estimate_bits(kernels, &levels, &eob, 0).max(EMPTY_BLOCK_Q8)
            }
        };
        let mut sse = predictions.sse(mode);
        if eob[0] > 0 {
            kernels.idct_add_4x4(&dequantised[0], WindowMut::packed(&mut pixels));
            sse = kernels.sse_4x4(cur, Window::packed(&pixels));
        }
        CodedSubblock {
            mode,
            pixels,
            levels: levels[0],
            eob: eob[0],
            price: RateDistortion { sse, bits_q8 },
            trellis,
        }
    }
}

/// Cost of an empty block with the mode that its neighbours predict.
const CHEAP_BLOCK_Q8: u32 = EMPTY_BLOCK_Q8 + 200;
/// Approximate cost of an empty block in a macroblock that is not skipped.
const EMPTY_BLOCK_Q8: u32 = 100;

fn intra_choice(
    luma: IntraLuma,
    mode_bits: u32,
    price: RateDistortion,
    prediction_sse: u32,
    segment: u8,
) -> ModeChoice {
    ModeChoice {
        // Chroma is decided later.
        mode: MbMode::Intra { luma, chroma: IntraMode::Dc },
        base: MotionVector::ZERO,
        mode_bits,
        price,
        chroma_cost: 0,
        prediction_sse,
        prediction_loss: 0,
        segment,
    }
}
