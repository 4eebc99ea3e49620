//! Mode decision among intra modes: of the whole block, and of its 4x4 sub-blocks.

use codec_simd::{IntraMode, Kernels, SubblockMode, Window, WindowMut};

use super::predict_intra::best_subblock;
use super::quant::QuantiserSet;
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
            refresh if self.job.refresh.is_refresh(refresh) => 0,
            assigned => assigned,
        };
        let set = &self.job.sets[usize::from(segment)];
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

    /// Decides the best whole-block mode and codes it into `best`.
    fn decide_intra_16(&mut self, set: &QuantiserSet, segment: u8) -> ModeChoice {
        let job = self.job;
        let (mode, sse, bits) = self.search_intra_16(set);
        self.best.predicted = None;
        self.edges.predict_luma(job.kernels, mode, &mut self.best.pixels.luma);
        let price = self.code_luma(set);
        intra_choice(IntraLuma::Whole(mode), bits, price, sse, segment)
    }

    /// Returns the whole-block mode of the lowest rate-distortion cost, with its squared error and
    /// bits.
    pub(super) fn search_intra_16(&mut self, set: &QuantiserSet) -> (IntraMode, u32, u32) {
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
        set: &QuantiserSet,
        segment: u8,
        limit: u32,
    ) -> Option<ModeChoice> {
        let job = self.job;
        self.find_edges();
        // Key frames are rare and all later frames depend on them, so they search all modes.
        let tried = if job.is_key { 10 } else { usize::from(job.speed.intra_4x4_modes).min(10) };
        let modes_tried = &SubblockMode::ALL[..tried];
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
            let mut pred = [[0; 4]; 4];
            let (mode, _) = best_subblock(
                job.kernels,
                cur,
                &edges,
                modes_tried,
                |mode| set.lambda.cost(mode_bits(mode)),
                &mut pred,
            );
            modes[n] = mode;
            bits += mode_bits(mode);
            prediction_sse += job.kernels.sse_4x4(cur, Window::packed(&pred));
            self.meter.switch(Some(Stage::Transform));
            let (levels, eob, block_bits) =
                code_subblock(job.kernels, n, cur, &mut pred, set, trellis.as_mut());
            self.meter.switch(Some(Stage::Search));
            trial.residual.set_block(n, levels, eob);
            let mut to = trial.pixels.luma.sub_mut::<4, 4>(x, y);
            to.copy_from(Window::packed(&pred));
            price.sse += job.kernels.sse_4x4(cur, Window::packed(&pred));
            price.bits_q8 += block_bits;
            if cost(set, price, bits + blocks_left * CHEAP_BLOCK_Q8) >= limit {
                return None;
            }
        }
        self.trial.subblocks = SubblockInfo::Intra(modes);
        std::mem::swap(&mut self.trial, &mut self.best);
        Some(intra_choice(IntraLuma::PerBlock, bits - no_skip, price, prediction_sse, segment))
    }
}

/// Transforms and quantises sub-block `n` and adds its residual to `pred`. Returns its levels, the
/// end of the block and its bits, in 1/256 bit.
#[inline]
fn code_subblock(
    kernels: &Kernels,
    n: usize,
    cur: Window<'_, 4, 4>,
    pred: &mut [[u8; 4]; 4],
    set: &QuantiserSet,
    trellis: Option<&mut Trellis<'_>>,
) -> ([i16; 16], u8, u32) {
    let mut coeffs = [[0; 16]];
    kernels.fdct_4x4(cur, Window::packed(pred), &mut coeffs[0]);
    let (mut levels, mut dequantised, mut eob) = ([[0; 16]], [[0; 16]], [0]);
    let bits = match trellis {
        Some(trellis) => {
            trellis.one(kernels, n, &coeffs, set, &mut levels, &mut dequantised, &mut eob)
        }
        None => {
            kernels.quantise(&coeffs, &set.y1, &mut levels, &mut dequantised, &mut eob);
            estimate_bits(kernels, &levels, &eob, 0).max(EMPTY_BLOCK_Q8)
        }
    };
    if eob[0] > 0 {
        kernels.idct_add_4x4(&dequantised[0], WindowMut::packed(pred));
    }
    (levels[0], eob[0], bits)
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
        segment,
    }
}
