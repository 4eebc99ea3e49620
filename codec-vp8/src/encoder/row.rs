//! The main loop of a macroblock row. For each macroblock it gathers the source pixels, decides the
//! mode, codes and reconstructs the macroblock, and stores the result.

use super::job::FrameJob;
use super::levels::CodedMb;
use super::predict_inter::MbPixels;
use super::predict_intra::{Corner, IntraEdges, LeftPixels, bottom_of};
use super::quant::MbQuantisers;
use super::rate_distortion::RateDistortion;
use super::row_context::{AboveInfo, AbovePixels};
use super::speed::LevelChoice;
use super::store::{RowStore, SearchStats};
use super::tokenizer::{Tokenizer, empty_mb_flags};
use super::trellis::Trellis;
use super::workspace::{Trial, Workspace};
use crate::modes::{NearVectors, PARTITIONS, SubblockSide};
use crate::rows::MbRow;
use crate::types::{
    InterMode, IntraLuma, MbInfo, MbMode, MotionVector, Partitioning, Reference, SubblockInfo,
};
use codec_core::analysis::MbAnalysis;
use codec_core::codec::{Stage, StageMeter};
use codec_core::frame::{Chroma, SourceMb};
use codec_core::motion::PixelPos;

/// Mode decision for the luma of a macroblock. Its prediction and residual are in
/// [`MbCoder::best`].
#[derive(Clone, Copy, Debug)]
pub(super) struct ModeChoice {
    /// Without the chroma mode, which is decided later.
    pub(super) mode: MbMode,
    /// Vector that coded vectors are differences to.
    pub(super) base: MotionVector,
    /// Bit cost of modes and vectors, in 1/256 bit.
    pub(super) mode_bits: u32,
    /// Error and bits of the coded luma residual.
    pub(super) price: RateDistortion,
    /// Cost of chroma if it takes part in decisions, otherwise 0.
    pub(super) chroma_cost: u32,
    /// Squared error of the luma prediction without residual.
    pub(super) prediction_sse: u32,
    /// Cost of the texture that the prediction has lost.
    pub(super) prediction_loss: u32,
    pub(super) segment: u8,
}

impl ModeChoice {
    /// Returns the price of omitting the residual.
    pub(super) fn empty_price(&self) -> RateDistortion {
        let sse = self.prediction_sse.saturating_add(self.prediction_loss);
        RateDistortion { sse, bits_q8: 0 }
    }

    pub(super) fn is_intra_4x4(&self) -> bool {
        matches!(self.mode, MbMode::Intra { luma: IntraLuma::PerBlock, .. })
    }
}

/// Data of the macroblock to the left.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Left {
    pub(super) info: AboveInfo,
    /// Its right sub-blocks from top to bottom.
    pub(super) blocks: SubblockSide,
}

/// Codes the macroblocks of one row from left to right.
#[derive(Debug)]
pub(super) struct MbCoder<'a> {
    pub(super) job: &'a FrameJob<'a>,
    pub(super) row: usize,
    pub(super) col: usize,
    pub(super) cur: SourceMb,
    /// Texture energy of `cur`, once requested.
    pub(super) source_energy: Option<u32>,
    /// Pre-analysis of the macroblock.
    pub(super) analysis: Option<&'a MbAnalysis>,
    pub(super) above: AboveInfo,
    pub(super) above_left: AboveInfo,
    pub(super) left: Left,
    /// Intra prediction edges, once requested; see [`Self::find_edges`].
    pub(super) edges: IntraEdges,
    has_edges: bool,
    /// The reconstructed row, not filtered yet.
    pub(super) planes: MbRow<'a>,
    pub(super) best: Box<Trial>,
    pub(super) trial: Box<Trial>,
    tokenizer: Box<Tokenizer>,
    /// Neighbouring vectors of a macroblock in an inter frame.
    pub(super) near: NearVectors,
    pub(super) search_stats: SearchStats,
    /// Receives the times of stages, if requested.
    pub(super) meter: StageMeter<'a>,
}

/// Codes row `row` of `job` into `store` and `planes`.
pub(super) fn code_row(
    job: &FrameJob<'_>,
    row: usize,
    planes: &mut MbRow<'_>,
    store: &mut RowStore,
) {
    store.clear();
    let mut coder = MbCoder::new(job, row, planes.reborrow());
    let mut seen = 0;
    for col in 0..job.cols {
        job.wave.wait_for_above(row, col, &mut seen);
        match job.copied(row * job.cols + col) {
            Some(last) => coder.copy_mb(col, last, store),
            None => {
                coder.begin_mb(col);
                let choice = coder.decide();
                coder.code_mb(choice, store);
            }
        }
        job.wave.advance(row, col + 1);
    }
    let MbCoder { best, trial, tokenizer, .. } = coder;
    job.workspaces.give_back(Workspace { trials: [best, trial], tokenizer });
}

impl<'a> MbCoder<'a> {
    fn new(job: &'a FrameJob<'a>, row: usize, planes: MbRow<'a>) -> Self {
        let Workspace { trials: [best, trial], tokenizer } = job.workspaces.take();
        let (above, left) = (AbovePixels::default(), LeftPixels::default());
        let corner = Corner { luma: 127, u: 127, v: 127 };
        Self {
            job,
            row,
            col: 0,
            cur: SourceMb::default(),
            source_energy: None,
            analysis: None,
            above: AboveInfo::default(),
            above_left: AboveInfo::default(),
            left: Left::default(),
            edges: IntraEdges::new((0, row), &above, &left, corner, [127; 4]),
            has_edges: false,
            planes,
            best,
            trial,
            tokenizer,
            near: NearVectors::default(),
            search_stats: SearchStats::default(),
            meter: StageMeter::new(job.stages),
        }
    }

    /// Prefetches the cache lines that follow column `col` in the source, the last frame and the
    /// reconstruction.
    fn prefetch(&self, col: usize) {
        const LINE_MBS: usize = 4;
        if !col.is_multiple_of(LINE_MBS) {
            return;
        }
        let (luma, chroma) = (16 * (col + LINE_MBS), 8 * (col + 2 * LINE_MBS));
        self.job.picture.luma().prefetch(luma, 16 * self.row, 16);
        let planes = &self.planes;
        planes.y.prefetch(luma, 16);
        let last = self.job.references[0].as_ref();
        if let Some(last) = last {
            last.y.prefetch(luma, 16 * self.row, 16);
        }
        if col.is_multiple_of(2 * LINE_MBS) {
            if let Chroma::Planar { u, v } = self.job.picture.chroma() {
                u.prefetch(chroma, 8 * self.row, 8);
                v.prefetch(chroma, 8 * self.row, 8);
            }
            planes.u.prefetch(chroma, 8);
            planes.v.prefetch(chroma, 8);
            if let Some(last) = last {
                last.u.prefetch(chroma, 8 * self.row, 8);
                last.v.prefetch(chroma, 8 * self.row, 8);
            }
        }
    }

    /// Advances to the macroblock at `col`, whose neighbours are complete.
    fn begin_mb(&mut self, col: usize) {
        self.prefetch(col);
        let row = self.row;
        self.col = col;
        self.analysis = self.job.analysis.and_then(|frame| frame.at(col, row));
        (self.best.predicted, self.trial.predicted) = (None, None);
        self.cur.gather(self.job.kernels, self.job.picture, col, row);
        self.source_energy = None;
        self.has_edges = false;
        self.search_stats = self.job.search_stats.get(self.index()).copied().unwrap_or_default();
        self.advance_neighbours();
    }

    /// Updates the neighbours above for the macroblock at [`Self::col`].
    #[inline]
    pub(super) fn advance_neighbours(&mut self) {
        self.above_left = if self.col > 0 { self.above } else { AboveInfo::default() };
        if self.row > 0 {
            self.above = self.job.row_context.info(self.row - 1, self.col);
        }
    }

    /// Updates [`Self::edges`] for the macroblock, on demand because most macroblocks do not need
    /// them.
    pub(super) fn find_edges(&mut self) {
        if self.has_edges {
            return;
        }
        let (col, row) = (self.col, self.row);
        let context = self.job.row_context;
        let (mut above, mut above_right) = (AbovePixels::default(), [127; 4]);
        let mut corner = Corner { luma: 127, u: 127, v: 127 };
        if let Some(row) = row.checked_sub(1) {
            above = context.pixels(row, col);
            above_right = if col + 1 < self.job.cols {
                context.first_pixels(row, col + 1)
            } else {
                [above.luma[15]; 4]
            };
            corner = match col.checked_sub(1) {
                None => Corner { luma: 129, u: 129, v: 129 },
                Some(col) => Corner::of(&context.pixels(row, col)),
            };
        }
        let left = LeftPixels::of(&self.planes, col);
        self.edges = IntraEdges::new((col, row), &above, &left, corner, above_right);
        self.has_edges = true;
    }

    /// Returns the raster index of the macroblock.
    pub(super) fn index(&self) -> usize {
        self.row * self.job.cols + self.col
    }

    /// Returns the top-left luma pixel of the macroblock.
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "below 2^14")]
    pub(super) fn at(&self) -> PixelPos {
        PixelPos::new(16 * self.col as i32, 16 * self.row as i32)
    }

    /// Returns the bottom sub-blocks of the macroblock above.
    pub(super) fn above_blocks(&self) -> SubblockSide {
        match self.row.checked_sub(1) {
            Some(above) => self.job.row_context.bottom(above, self.col, &self.above),
            None => SubblockSide::default(),
        }
    }

    /// Returns the segment that the frame assigns to the macroblock.
    pub(super) fn assigned_segment(&self) -> u8 {
        self.job.segments.map().get(self.index()).copied().unwrap_or(0)
    }

    /// Returns the quantisers of the macroblock in `segment`.
    pub(super) fn quantisers(&self, segment: u8) -> MbQuantisers<'a> {
        self.job.sets.at(self.job.analysis, self.index(), segment)
    }

    /// Decides the modes and vectors of the macroblock and codes its luma.
    fn decide(&mut self) -> ModeChoice {
        self.meter.switch(Some(Stage::Search));
        if self.job.is_key || self.job.forced_intra.contains(&self.index()) {
            self.decide_intra()
        } else {
            self.decide_inter()
        }
    }

    /// Returns the trellis quantiser, at speeds that compare modes with it.
    #[inline]
    pub(super) fn trellis(&self) -> Option<Trellis<'a>> {
        self.final_trellis().filter(|_| self.job.speed.levels == LevelChoice::Trellis)
    }

    /// Returns the trellis quantiser, at speeds that code the chosen mode with it.
    #[inline]
    pub(super) fn final_trellis(&self) -> Option<Trellis<'a>> {
        let (above, left) = (self.above.nonzero, self.left.info.nonzero);
        let prices = self.job.token_prices;
        (self.job.speed.levels != LevelChoice::Quantiser).then_some(Trellis { prices, above, left })
    }

    /// Transforms and quantises luma with a Y2 block; the prediction is in `best`.
    pub(super) fn code_luma(&mut self, set: MbQuantisers<'_>) -> RateDistortion {
        let trellis = self.trellis();
        self.meter.switch(Some(Stage::Transform));
        let Trial { pixels, residual, .. } = &mut *self.best;
        let kernels = self.job.kernels;
        let price = residual.code_luma(kernels, &self.cur.luma, &pixels.luma, set, trellis);
        self.meter.switch(Some(Stage::Search));
        price
    }

    /// Codes the luma of `choice`, whose prediction is in `best`, with the final levels.
    fn finish_luma(&mut self, choice: &mut ModeChoice, set: MbQuantisers<'_>) {
        // The trellis would drop texture, and 4x4 intra blocks are predicted from the levels that were
        // compared.
        if self.job.speed.levels != LevelChoice::FinalTrellis
            || self.job.texture.is_used()
            || choice.is_intra_4x4()
            || self.best.residual.luma_is_empty()
        {
            return;
        }
        let (kernels, trellis) = (self.job.kernels, self.final_trellis());
        let Trial { pixels, residual, .. } = &mut *self.best;
        choice.price = if choice.mode.has_y2() {
            residual.code_luma(kernels, &self.cur.luma, &pixels.luma, set, trellis)
        } else {
            residual.code_luma_whole(kernels, &self.cur.luma, &pixels.luma, set, trellis)
        };
    }

    /// Codes the macroblock as decided: chroma, tokens, reconstruction, statistics, and the context
    /// of its neighbours.
    fn code_mb(&mut self, mut choice: ModeChoice, store: &mut RowStore) {
        let set = self.quantisers(choice.segment);
        let (chroma, _) = self.predict_chroma(&choice, set);
        self.meter.switch(Some(Stage::Transform));
        self.finish_luma(&mut choice, set);
        self.code_chroma(&choice, set);
        let has_coeffs =
            !(self.best.residual.luma_is_empty() && self.best.residual.chroma_is_empty());
        let mode = match choice.mode {
            MbMode::Intra { luma, .. } => MbMode::Intra { luma, chroma },
            inter @ MbMode::Inter { .. } => inter,
        };
        let info = MbInfo { mode, segment: choice.segment, skip: !has_coeffs, has_coeffs };
        let nonzero = self.tokenize_and_reconstruct(&info, store);
        self.meter.switch(None);
        store.push(info, &self.best.subblocks);
        store.search_stats.push(self.search_stats);
        if !mode.is_intra() {
            store.nears.push(self.near);
        }
        self.count(&info, &choice, store);
        self.write_pixels();
        self.update_neighbours(mode, nonzero);
    }

    /// Stores the tokens of the macroblock and adds its residual to the prediction. Returns the
    /// flags of non-empty blocks for the neighbours below and to the right.
    #[inline]
    fn tokenize_and_reconstruct(&mut self, info: &MbInfo, store: &mut RowStore) -> (u16, u16) {
        let kernels = self.job.kernels;
        let has_y2 = info.mode.has_y2();
        let (above, left) = (self.above.nonzero, self.left.info.nonzero);
        if !info.has_coeffs {
            return empty_mb_flags(has_y2, above, left);
        }
        let mb = CodedMb { eobs: self.best.residual.levels.eobs(), has_y2, above, left };
        self.meter.switch(Some(Stage::Entropy));
        let flags = store.tokenize(&mb, &self.best.residual.levels, &mut self.tokenizer);
        self.meter.switch(Some(Stage::Transform));
        if !matches!(info.mode, MbMode::Intra { luma: IntraLuma::PerBlock, .. }) {
            self.best.residual.add_luma_to(kernels, has_y2, &mut self.best.pixels.luma);
        }
        self.best.residual.add_chroma_to(kernels, &mut self.best.pixels.chroma);
        flags
    }

    /// Adds the macroblock to the statistics of its row.
    fn count(&self, info: &MbInfo, choice: &ModeChoice, store: &mut RowStore) {
        let modes = &mut store.modes;
        modes.segments[usize::from(info.segment)] += 1;
        modes.skipped += u32::from(info.skip);
        modes.references[info.mode.reference_index()] += 1;
        match info.mode {
            MbMode::Intra { luma, chroma } => {
                modes.intra_luma[luma.index()] += 1;
                modes.intra_chroma[chroma as usize] += 1;
            }
            MbMode::Inter { mode: InterMode::Split(partitioning), .. } => {
                modes.split += 1;
                if let SubblockInfo::Inter(mvs) = &self.best.subblocks {
                    self.count_sub_vectors(choice.base, partitioning, mvs, store);
                }
            }
            MbMode::Inter { reference, mode, mv } => {
                let is_static = reference == Reference::Last && mv == MotionVector::ZERO;
                modes.zero_motion += u32::from(is_static);
                if mode == InterMode::New {
                    store.mvs.count(mv.wrapping_sub(choice.base));
                }
            }
        }
        let modes = &mut store.modes;
        modes.refreshed += u32::from(self.job.segments.is_refresh(info.segment));
        store.prediction_sse += u64::from(choice.prediction_sse);
    }

    /// Counts the explicitly coded vectors of a split macroblock.
    fn count_sub_vectors(
        &self,
        base: MotionVector,
        partitioning: Partitioning,
        mvs: &[MotionVector; 16],
        store: &mut RowStore,
    ) {
        let (above, left) = (self.above_blocks().mvs, self.left.blocks.mvs);
        for &part in PARTITIONS[partitioning as usize] {
            let first = part.trailing_zeros() as usize;
            let at_left = if first.is_multiple_of(4) { left[first / 4] } else { mvs[first - 1] };
            let at_top = if first < 4 { above[first] } else { mvs[first - 4] };
            if ![at_left, at_top, MotionVector::ZERO].contains(&mvs[first]) {
                store.mvs.count(mvs[first].wrapping_sub(base));
            }
        }
    }

    pub(super) fn write_pixels(&mut self) {
        let MbPixels { luma, chroma } = &self.best.pixels;
        let planes = &mut self.planes;
        planes.y.window_mut::<16, 16>(16 * self.col, 0).copy_from(luma.window());
        planes.u.window_mut::<8, 8>(8 * self.col, 0).copy_from(chroma.plane(0));
        planes.v.window_mut::<8, 8>(8 * self.col, 0).copy_from(chroma.plane(1));
    }

    pub(super) fn update_neighbours(&mut self, mode: MbMode, (below, right): (u16, u16)) {
        let info = AboveInfo { mode, nonzero: below };
        let context = self.job.row_context;
        let pixels = bottom_of(&self.best.pixels);
        self.left.info = AboveInfo { nonzero: right, ..info };
        if mode.has_subblocks() {
            let blocks = &self.best.subblocks;
            context.put(self.row, self.col, &pixels, info, &SubblockSide::bottom(blocks));
            self.left.blocks = SubblockSide::right(blocks);
        } else {
            let side = SubblockSide::of_whole(mode);
            context.put(self.row, self.col, &pixels, info, &side);
            self.left.blocks = side;
        }
    }
}
