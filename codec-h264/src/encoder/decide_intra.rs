//! Choice of intra modes. ITU-T H.264, clause 8.3.

use codec_simd::{Block16, BlockUv, Window};

use super::canvas::{Surroundings, small_modes};
use super::coded_mb::CodedKind;
use super::residual::Price;
use super::row::{Choice, MbCoder};
use super::scratch::Trial;
use super::speed::IntraChoice;
use crate::macroblock::BLOCKS;
use crate::predict::intra::{
    SmallEdges, SmallPredictor, filter_8x8, predict_16x16, predict_chroma,
};

/// DC, the mode of neighbours that are not coded in small blocks.
const DC: u8 = 2;
/// Cost in bits of 8x8 blocks up to which 4x4 blocks are not tried.
const DETAIL_BITS: u32 = 128;

/// Modes of the 4x4 blocks left of and above a macroblock.
struct ModesAround {
    left: Option<[u8; 4]>,
    top: Option<[u8; 4]>,
}

impl ModesAround {
    /// Returns the predicted mode of the block at (`x`, `y`): the smaller one of its neighbours'.
    /// Clause 8.3.1.1.
    fn predicted(&self, modes: &[u8; 16], x: usize, y: usize) -> u8 {
        let left = match x.checked_sub(1) {
            Some(x) => Some(modes[4 * y + x]),
            None => self.left.map(|modes| modes[y]),
        };
        let top = match y.checked_sub(1) {
            Some(y) => Some(modes[4 * y + x]),
            None => self.top.map(|modes| modes[x]),
        };
        match (left, top) {
            (Some(left), Some(top)) => left.min(top),
            _ => DC,
        }
    }
}

/// Returns what is coded for `mode`: the remaining mode, or `None` if it is the predicted one.
fn coded_mode(mode: u8, predicted: u8) -> Option<u8> {
    (mode != predicted).then_some(if mode > predicted { mode - 1 } else { mode })
}

/// A mode of the whole macroblock with its cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct WholeMode {
    pub mode: u8,
    /// SATD and the bits of the mode.
    pub cost: u32,
}

/// A mode of a small block.
struct SmallMode<const N: usize> {
    mode: u8,
    /// SATD and the bits of the mode.
    cost: u32,
    block: [[u8; N]; N],
}

/// A macroblock that is coded in small blocks.
pub(super) struct Small {
    pub choice: Choice,
    /// Squared error and bits.
    pub cost: u64,
    /// SATD and bits of the modes.
    pub satd: u32,
}

impl MbCoder<'_> {
    /// Decides an intra macroblock and codes it into [`Self::best`].
    pub(super) fn decide_intra(&mut self) -> Choice {
        let whole = self.best_whole_mode();
        let (mut choice, _) = self.code_small_or_whole(whole);
        choice.chroma_mode = self.code_intra_chroma();
        choice
    }

    /// Returns the best mode of the whole macroblock by SATD.
    pub(super) fn best_whole_mode(&mut self) -> WholeMode {
        let edges = self.surroundings().luma();
        let modes = self.surroundings().whole_modes();
        let kernels = self.job.kernels;
        let mut best = WholeMode { mode: DC, cost: u32::MAX };
        let mut prediction = Block16::default();
        for &mode in modes {
            predict_16x16(mode, &edges, prediction.window_mut());
            let satd = kernels.satd_16x16(&self.cur.luma, prediction.window());
            let bits = self.job.costs.intra_16x16_type(mode, 0);
            let cost = satd + self.lambdas.sad.cost(bits);
            if cost < best.cost {
                best = WholeMode { mode, cost };
            }
        }
        best
    }

    /// Codes luma of the macroblock with small blocks or as a whole, whichever costs less. Returns its
    /// cost.
    pub(super) fn code_small_or_whole(&mut self, whole: WholeMode) -> (Choice, u64) {
        let is_ranked = self.job.speed.intra == IntraChoice::Ranked;
        let mut best: Option<Small> = None;
        if self.job.has_transform_8x8 {
            let limit = if is_ranked { whole.cost.saturating_mul(9) / 8 } else { u32::MAX };
            best = self.code_8x8_blocks(limit);
            if best.is_none() {
                return self.code_whole(whole.mode);
            }
            std::mem::swap(&mut self.best, &mut self.trial);
        }
        let has_detail = |best: &Small| {
            !is_ranked || best.cost > u64::from(self.lambdas.sse.cost(256 * DETAIL_BITS))
        };
        if best.as_ref().is_none_or(has_detail) {
            let limit = match &best {
                Some(best) if is_ranked => best.satd.saturating_mul(17) / 16,
                _ => u32::MAX,
            };
            if let Some(found) = self.code_4x4_blocks(limit)
                && best.as_ref().is_none_or(|best| found.cost < best.cost)
            {
                best = Some(found);
                std::mem::swap(&mut self.best, &mut self.trial);
            }
        }
        let is_far = |best: &Small| is_ranked && best.satd < whole.cost.saturating_mul(7) / 8;
        if best.as_ref().is_none_or(|best| !is_far(best)) {
            let (choice, cost) = self.code_whole(whole.mode);
            if best.as_ref().is_none_or(|best| cost <= best.cost) {
                return (choice, cost);
            }
        }
        std::mem::swap(&mut self.best, &mut self.trial);
        best.map_or_else(|| self.code_whole(whole.mode), |best| (best.choice, best.cost))
    }

    /// Returns the best mode of a small block by SATD and the bits of the mode.
    fn best_small_mode<const N: usize>(
        &self,
        edges: &SmallEdges<N>,
        predicted: u8,
        satd: impl Fn(&[[u8; N]; N]) -> u32,
    ) -> SmallMode<N> {
        let predictor = SmallPredictor::new(edges);
        let mut best = SmallMode { mode: DC, cost: u32::MAX, block: [[0; N]; N] };
        let bits = [None, Some(0)].map(|rest| self.job.costs.intra_mode(rest));
        let [same, other] = bits.map(|bits| self.lambdas.sad.cost(bits));
        for &mode in small_modes(edges) {
            let block = predictor.predict(mode);
            let cost = satd(&block) + if mode == predicted { same } else { other };
            if cost < best.cost {
                best = SmallMode { mode, cost, block };
            }
        }
        best
    }

    fn cost_of(&self, price: Price) -> u64 {
        u64::from(price.sse) + u64::from(self.lambdas.sse.cost(price.bits))
    }

    /// Codes luma of the macroblock as `Intra_16x16` into [`Self::best`]. Returns its cost.
    pub(super) fn code_whole(&mut self, mode: u8) -> (Choice, u64) {
        let edges = self.surroundings().luma();
        let kernels = self.job.kernels;
        let best = &mut *self.best;
        predict_16x16(mode, &edges, best.luma.window_mut());
        let sse = kernels.sse_16x16(&self.cur.luma, best.luma.window());
        let mut price = best.residual.code_intra_16x16(
            kernels,
            &self.cur.luma,
            &best.luma,
            &self.set.intra,
            self.bits,
        );
        best.residual.add_luma_to(kernels, &mut best.luma);
        let costs = self.job.costs;
        let cbp = best.residual.luma_cbp(true);
        price.bits +=
            costs.intra_16x16_type(mode, cbp) + costs.qp_delta(0) + self.not_skipped_bits();
        let mut choice = Choice::intra(CodedKind::Intra16x16(mode));
        choice.prediction_sse = sse;
        (choice, self.cost_of(price))
    }

    /// Returns the bits that P slices spend on a macroblock that is not skipped.
    fn not_skipped_bits(&self) -> u32 {
        if self.job.is_key { 0 } else { self.job.costs.skip_flag(false) }
    }

    /// Returns the bits of the type of a macroblock with modes of small blocks, and of its pattern.
    fn small_type_bits(&self) -> u32 {
        let costs = self.job.costs;
        let pattern = costs.coded_block_pattern(15, true) + costs.qp_delta(0);
        costs.intra_nxn_type() + pattern + self.not_skipped_bits()
    }

    fn modes_around(&self) -> ModesAround {
        ModesAround {
            left: self.left.map(|side| side.modes),
            top: self.above.map(|side| side.modes),
        }
    }

    /// Codes luma of the macroblock as `Intra_4x4` into [`Self::best`]. Returns its cost.
    pub(super) fn code_4x4_blocks(&mut self, limit: u32) -> Option<Small> {
        let kernels = self.job.kernels;
        let surroundings = *self.surroundings();
        self.canvas.begin(&surroundings);
        let around = self.modes_around();
        let mut choice = Choice::intra(CodedKind::Skip);
        let mut coded = [None; 16];
        self.best.residual.clear_luma();
        let costs = self.job.costs;
        let mut satd = self.lambdas.sad.cost(self.small_type_bits());
        let mut price = Price { sse: 0, bits: self.small_type_bits() };
        for (n, (x, y)) in BLOCKS.into_iter().enumerate() {
            let edges = self.canvas.edges::<4>(4 * x, 4 * y);
            let predicted = around.predicted(&choice.modes, x, y);
            let cur = self.cur.luma.sub::<4, 4>(4 * x, 4 * y);
            let best = self.best_small_mode(&edges, predicted, |block| {
                kernels.satd_4x4(cur, Window::packed(block))
            });
            satd = satd.saturating_add(best.cost);
            if satd > limit {
                return None;
            }
            let mode = best.mode;
            choice.modes[4 * y + x] = mode;
            coded[n] = coded_mode(mode, predicted);
            price.bits += costs.intra_mode(coded[n]);
            self.canvas.block_mut(4 * x, 4 * y).copy_from(Window::packed(&best.block));
            let prediction = self.canvas.block::<4>(4 * x, 4 * y);
            choice.prediction_sse += kernels.sse_4x4(cur, prediction);
            let residual = &mut self.best.residual;
            let block =
                residual.code_intra_4x4(kernels, n, cur, prediction, &self.set.intra, self.bits);
            price.sse += block.sse;
            price.bits += block.bits;
            if residual.coded >> n & 1 == 1 {
                kernels
                    .h264_idct_add_4x4(residual.scaled_4x4(n), self.canvas.block_mut(4 * x, 4 * y));
            }
        }
        self.canvas.copy_to(&mut self.best.luma);
        choice.kind = CodedKind::Intra4x4(coded);
        Some(Small { choice, cost: self.cost_of(price), satd })
    }

    /// Codes luma of the macroblock as `Intra_8x8` into [`Self::best`]. Returns its cost.
    pub(super) fn code_8x8_blocks(&mut self, limit: u32) -> Option<Small> {
        let kernels = self.job.kernels;
        let surroundings = *self.surroundings();
        self.canvas.begin(&surroundings);
        let around = self.modes_around();
        let mut choice = Choice::intra(CodedKind::Skip);
        let mut coded = [None; 4];
        self.best.residual.clear_luma();
        self.best.residual.transform_8x8 = true;
        let costs = self.job.costs;
        let mut satd = self.lambdas.sad.cost(self.small_type_bits());
        let mut price = Price { sse: 0, bits: self.small_type_bits() };
        for (n, coded) in coded.iter_mut().enumerate() {
            let (x, y) = (n % 2 * 8, n / 2 * 8);
            let edges = self.canvas.edges::<8>(x, y);
            let filtered = filter_8x8(&edges);
            let predicted = around.predicted(&choice.modes, x / 4, y / 4);
            let cur = self.cur.luma.sub::<8, 8>(x, y);
            let best = self.best_small_mode(&filtered, predicted, |block| {
                kernels.satd_8x8(cur, Window::packed(block))
            });
            satd = satd.saturating_add(best.cost);
            if satd > limit {
                return None;
            }
            let mode = best.mode;
            for row in [y / 4, y / 4 + 1] {
                choice.modes[4 * row + x / 4..4 * row + x / 4 + 2].fill(mode);
            }
            *coded = coded_mode(mode, predicted);
            price.bits += costs.intra_mode(*coded);
            self.canvas.block_mut(x, y).copy_from(Window::packed(&best.block));
            let prediction = self.canvas.block::<8>(x, y);
            choice.prediction_sse += kernels.sse_8x8(cur, prediction);
            let residual = &mut self.best.residual;
            let block =
                residual.code_intra_8x8(kernels, n, cur, prediction, &self.set.intra, self.bits);
            price.sse += block.sse;
            price.bits += block.bits;
            if residual.coded >> (4 * n) & 1 == 1
                && let Some(coeffs) = residual.scaled_8x8(n)
            {
                kernels.h264_idct_add_8x8(coeffs, self.canvas.block_mut(x, y));
            }
        }
        self.canvas.copy_to(&mut self.best.luma);
        choice.kind = CodedKind::Intra8x8(coded);
        Some(Small { choice, cost: self.cost_of(price), satd })
    }

    /// Predicts and codes chroma of an intra macroblock into [`Self::best`]. Returns the mode.
    pub(super) fn code_intra_chroma(&mut self) -> u8 {
        let kernels = self.job.kernels;
        let edges = [0, 1].map(|plane| self.surroundings().chroma(plane));
        let mut best = (u32::MAX, 0);
        let mut prediction = BlockUv::default();
        for &mode in chroma_modes(self.surroundings()) {
            let mut cost = self.lambdas.sad.cost(self.job.costs.chroma_mode(mode));
            for (plane, edges) in edges.iter().enumerate() {
                predict_chroma(mode, edges, prediction.plane_mut(plane));
                cost += kernels.satd_8x8(self.cur.chroma.plane(plane), prediction.plane(plane));
            }
            if cost < best.0 {
                best = (cost, mode);
            }
        }
        for (plane, edges) in edges.iter().enumerate() {
            predict_chroma(best.1, edges, self.best.chroma.plane_mut(plane));
        }
        let Trial { residual, chroma, .. } = &mut *self.best;
        let pair = (&self.cur.chroma, &*chroma);
        let sse = kernels.sse_uv(pair.0, pair.1);
        residual.code_chroma(kernels, pair, sse, &self.set.intra, self.bits);
        residual.add_chroma_to(kernels, chroma);
        best.1
    }
}

/// Returns the chroma modes that are possible: DC, horizontal, vertical, plane.
fn chroma_modes(around: &Surroundings) -> &'static [u8] {
    match (around.has.left, around.has.top) {
        (true, true) if around.has.top_left => &[0, 1, 2, 3],
        (true, true) => &[0, 1, 2],
        (true, false) => &[0, 1],
        (false, true) => &[0, 2],
        (false, false) => &[0],
    }
}
