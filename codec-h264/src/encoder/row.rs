//! Codes the macroblocks of one row: prediction, transform, reconstruction.

use codec_core::analysis::MbAnalysis;
use codec_core::frame::{Chroma, SourceMb};
use codec_core::motion::PixelPos;

use super::canvas::{Canvas, Surroundings};
use super::coded_mb::{CodedKind, CodedMb};
use super::job::FrameJob;
use super::lambda::Lambdas;
use super::motion::SearchPlanes;
use super::quantisers::QuantiserSet;
use super::residual_bits::ResidualBits;
use super::row_context::{BottomLine, MbSide};
use super::row_store::RowStore;
use super::scratch::{Scratch, Trial};
use super::second_motion::SecondMotion;
use crate::decoder::motion_cache::{ListCache, UNAVAILABLE};
use crate::macroblock::Shape;
use crate::picture::Mv;

/// How the macroblock is predicted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub kind: CodedKind,
    pub chroma_mode: u8,
    /// Reference indices of the 8x8 blocks; -1 for intra.
    pub refs: [i8; 4],
    /// Vectors of the 4x4 blocks in raster order.
    pub mvs: [Mv; 16],
    /// Modes of the 4x4 blocks in raster order, for neighbours.
    pub modes: [u8; 16],
    /// Squared error of the luma prediction.
    pub prediction_sse: u32,
}

impl Choice {
    /// A choice of an intra macroblock.
    pub(super) fn intra(kind: CodedKind) -> Self {
        Self {
            kind,
            chroma_mode: 0,
            refs: [-1; 4],
            mvs: [Mv::ZERO; 16],
            modes: [2; 16],
            prediction_sse: 0,
        }
    }

    /// A choice with one vector.
    pub(super) fn whole(kind: CodedKind, reference: i8, mv: Mv) -> Self {
        Self { refs: [reference; 4], mvs: [mv; 16], ..Self::intra(kind) }
    }

    pub(super) fn is_intra(&self) -> bool {
        !matches!(self.kind, CodedKind::Skip | CodedKind::Direct | CodedKind::Inter(_))
    }
}

/// Mode of `Intra_16x16` that predicts grey without neighbours.
const DC: u8 = 2;

/// Codes the macroblocks of one row from left to right.
pub(super) struct MbCoder<'a> {
    pub job: &'a FrameJob<'a>,
    pub row: usize,
    pub col: usize,
    /// Address of the first macroblock of the slice.
    first: usize,
    has_above: bool,
    pub cur: SourceMb,
    pub analysis: Option<&'a MbAnalysis>,
    /// Quantiser of the macroblock.
    pub qp: u8,
    pub lambdas: Lambdas,
    pub set: &'a QuantiserSet,
    pub bits: &'a ResidualBits,
    pub best: Box<Trial>,
    pub trial: Box<Trial>,
    /// Memory for parts of further trials.
    pub spare: Box<Trial>,
    /// The prediction of `P_Skip`.
    pub skip: Box<Trial>,
    /// The macroblock as inter while intra is tried.
    pub inter: Box<Trial>,
    /// Partitions while others are tried.
    pub split: Box<Trial>,
    /// Half samples of the last search.
    pub planes: Box<SearchPlanes>,
    pub canvas: Box<Canvas>,
    /// Motion of the neighbours, and of the macroblock while it is decided.
    pub cache: ListCache,
    pub left: Option<MbSide>,
    pub above: Option<MbSide>,
    /// Motion of list 1.
    pub second: SecondMotion,
    /// Samples around the macroblock, if requested.
    around: Box<Surroundings>,
    has_around: bool,
    /// Reconstruction of the macroblock to the left.
    left_trial: Box<Trial>,
}

/// Codes row `row` of `job` into `store`.
pub(super) fn code_row(job: &FrameJob<'_>, row: usize, store: &mut RowStore) {
    store.begin(job.cols);
    let mut coder = MbCoder::new(job, row, job.scratch.take());
    let mut seen = 0;
    for col in 0..job.cols {
        job.wave.wait_for_above(row, col, &mut seen);
        if job.is_over() {
            // Rows that wait for this one see that too.
            job.wave.end(row);
            break;
        }
        coder.begin_mb(col);
        let choice = coder.decide();
        coder.finish_mb(&choice, store);
        job.wave.advance(row, col + 1);
    }
    job.scratch.give_back(coder.into_scratch());
}

impl<'a> MbCoder<'a> {
    pub(super) fn new(job: &'a FrameJob<'a>, row: usize, scratch: Scratch) -> Self {
        let Scratch {
            best,
            trial,
            spare,
            skip,
            inter,
            split,
            left: left_trial,
            planes,
            canvas,
            around,
        } = scratch;
        Self {
            job,
            row,
            col: 0,
            first: job.first_of_slice(row),
            has_above: false,
            cur: SourceMb::default(),
            analysis: None,
            qp: job.qp,
            lambdas: Lambdas::at(job.qp),
            set: job.quantisers.at(job.qp),
            bits: job.residual_bits,
            best,
            trial,
            spare,
            skip,
            inter,
            split,
            planes,
            canvas,
            cache: ListCache::EMPTY,
            left: None,
            above: None,
            second: SecondMotion::default(),
            around,
            has_around: false,
            left_trial,
        }
    }

    pub(super) fn into_scratch(self) -> Scratch {
        let Self {
            best, trial, spare, skip, inter, split, left_trial, planes, canvas, around, ..
        } = self;
        Scratch { best, trial, spare, skip, inter, split, left: left_trial, planes, canvas, around }
    }

    /// Returns the raster index of the macroblock.
    pub(super) fn index(&self) -> usize {
        self.row * self.job.cols + self.col
    }

    /// Returns the top-left luma pixel of the macroblock.
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "below 2^15")]
    pub(super) fn at(&self) -> PixelPos {
        PixelPos::new(16 * self.col as i32, 16 * self.row as i32)
    }

    /// Begins a slice with the macroblock at `col`.
    pub(super) fn begin_slice(&mut self, col: usize) {
        self.first = self.row * self.job.cols + col;
        self.left = None;
    }

    /// Continues the slice that began with the macroblock at the address `first`.
    pub(super) fn continue_slice(&mut self, first: usize) {
        self.first = first;
    }

    /// Returns whether the macroblock `back` addresses before the current one is in the same slice.
    #[inline]
    pub(super) fn has(&self, back: usize) -> bool {
        self.index() >= self.first + back
    }

    /// Sets the quantiser of the macroblock.
    #[inline]
    pub(super) fn set_qp(&mut self, qp: u8) {
        self.qp = qp;
        self.lambdas = Lambdas::at(qp);
        self.set = self.job.quantisers.at(qp);
    }

    /// Prefetches the cache lines of the source and of the first reference after the lines of column
    /// `col`.
    fn prefetch(&self, col: usize) {
        const LINE_MBS: usize = 4;
        // The row above has fetched the first lines of the reference.
        const KNOWN: usize = 3;
        if !col.is_multiple_of(LINE_MBS) {
            return;
        }
        let (luma, chroma) = (16 * (col + LINE_MBS), 8 * (col + 2 * LINE_MBS));
        let picture = self.job.picture;
        let first = self.job.references.first();
        picture.luma().prefetch(luma, 16 * self.row, 16);
        if let Some(first) = first {
            first.y.prefetch(luma, 16 * self.row + KNOWN, 16);
        }
        if col.is_multiple_of(2 * LINE_MBS) {
            if let Chroma::Planar { u, v } = picture.chroma() {
                u.prefetch(chroma, 8 * self.row, 8);
                v.prefetch(chroma, 8 * self.row, 8);
            }
            if let Some(first) = first {
                first.u.prefetch(chroma, 8 * self.row + 1, 8);
                first.v.prefetch(chroma, 8 * self.row + 1, 8);
            }
        }
    }

    /// Advances to the macroblock at `col`, whose neighbours are complete.
    pub(super) fn begin_mb(&mut self, col: usize) {
        self.prefetch(col);
        let (job, row) = (self.job, self.row);
        self.col = col;
        self.cur.gather(job.kernels, job.picture, col, row);
        self.analysis = job.analysis.and_then(|frame| frame.at(col, row));
        self.set_qp(job.qp_at(self.index()));
        self.has_around = false;
        self.load_neighbours();
    }

    fn load_neighbours(&mut self) {
        let (context, row, col) = (self.job.row_context, self.row, self.col);
        let side = |col: usize| context.side(row - 1, col);
        let cols = self.job.cols;
        self.has_above = self.has(cols);
        self.above = self.has_above.then(|| side(col));
        let blocks = |side: Option<MbSide>| match side {
            Some(MbSide { refs: [a, b], mvs, .. }) => ([a, a, b, b], mvs),
            None => ([UNAVAILABLE; 4], [Mv::ZERO; 4]),
        };
        let has_right = col + 1 < cols && self.has(cols - 1);
        let none = (UNAVAILABLE, Mv::ZERO);
        let top_right = if has_right { context.first_motion(row - 1, col + 1) } else { none };
        let has_left = col > 0 && self.has(cols + 1);
        let top_left = if has_left { context.last_motion(row - 1, col - 1) } else { none };
        self.cache.set_neighbours(blocks(self.left), blocks(self.above), top_left, top_right);
        if self.job.second.is_some() {
            self.load_second_neighbours();
        }
    }

    /// Returns the samples around the macroblock.
    pub(super) fn surroundings(&mut self) -> &Surroundings {
        if !self.has_around {
            *self.around = self.find_surroundings();
            self.has_around = true;
        }
        &self.around
    }

    fn find_surroundings(&self) -> Surroundings {
        let (context, row, col) = (self.job.row_context, self.row, self.col);
        let mut around = Surroundings::default();
        around.has.left = self.left.is_some();
        if around.has.left {
            let Trial { luma, chroma, .. } = &*self.left_trial;
            around.left = luma.0.map(|line| line[15]);
            around.chroma_left = [chroma.0.map(|line| line[7]), chroma.0.map(|line| line[15])];
        }
        if !self.has_above {
            return around;
        }
        around.has.top = true;
        let BottomLine { luma, chroma } = context.line(row - 1, col);
        (around.top, around.chroma_top) = (luma, chroma);
        around.has.top_left = col > 0 && self.has(self.job.cols + 1);
        if around.has.top_left {
            let BottomLine { luma, chroma: [u, v] } = context.line(row - 1, col - 1);
            around.corner = luma[15];
            around.chroma_corner = [u[7], v[7]];
        }
        if col + 1 < self.job.cols {
            around.has.top_right = true;
            around.top_right = context.first_luma(row - 1, col + 1);
        } else {
            around.top_right = [luma[15]; 8];
        }
        around
    }

    pub(super) fn decide(&mut self) -> Choice {
        if self.job.areas.is_copied(self.index()) {
            self.copy()
        } else if self.job.is_key || self.job.refresh.forced.contains(&self.index()) {
            self.decide_intra()
        } else if self.job.second.is_some() {
            self.decide_b()
        } else {
            let choice = self.decide_inter();
            if self.job.refresh.allows(self.row, &choice.mvs) {
                choice
            } else {
                self.decide_intra()
            }
        }
    }

    /// Stores the decided macroblock, whose reconstruction is in [`Self::best`].
    fn finish_mb(&mut self, choice: &Choice, store: &mut RowStore) {
        self.keep(choice, store);
        self.pass_on(choice);
    }

    /// Stores the decided macroblock, which its neighbours do not get yet.
    pub(super) fn keep(&mut self, choice: &Choice, store: &mut RowStore) {
        let mb = self.coded_mb(choice);
        if let CodedKind::Inter(shape) = choice.kind {
            match self.job.second {
                None => self.put_differences(shape, choice, &mut store.mvds),
                Some(_) => self.put_differences_b(shape, choice, &mut store.mvds),
            }
        }
        self.count(choice, &mb, store);
        self.best.residual.append_levels(&mut store.levels);
        store.mbs.push(mb);
        store.mvs.push(choice.mvs);
        if self.job.second.is_some() {
            store.second_mvs.push(self.second.mvs);
            self.pass_on_second();
        }
        store.pixels.put(self.col, &self.best.luma, &self.best.chroma);
    }

    fn coded_mb(&self, choice: &Choice) -> CodedMb {
        let residual = &self.best.residual;
        CodedMb {
            kind: choice.kind,
            qp: self.qp,
            transform_8x8: residual.transform_8x8,
            chroma_mode: choice.chroma_mode,
            direct: self.second.direct,
            cbp: residual.cbp(matches!(choice.kind, CodedKind::Intra16x16(_))),
            coded: residual.coded,
            refs: [choice.refs, self.second.refs],
        }
    }

    /// Appends the differences of the vectors to the predicted ones to `mvds`.
    fn put_differences(&mut self, shape: Shape, choice: &Choice, mvds: &mut Vec<Mv>) {
        let mut part = |at: (usize, usize), size: (usize, usize)| {
            let reference = choice.refs[at.1 / 2 * 2 + at.0 / 2];
            let mv = choice.mvs[4 * at.1 + at.0];
            let predicted = self.cache.predict_part(shape, at, size.0, reference);
            self.cache.fill_refs(at, size, reference);
            self.cache.fill_mvs(at, size, mv);
            let mvd = Mv { x: mv.x.wrapping_sub(predicted.x), y: mv.y.wrapping_sub(predicted.y) };
            mvds.push(mvd);
        };
        match shape {
            Shape::Whole => part((0, 0), (4, 4)),
            Shape::Rows => [0, 2].into_iter().for_each(|y| part((0, y), (4, 2))),
            Shape::Columns => [0, 2].into_iter().for_each(|x| part((x, 0), (2, 4))),
            Shape::Quarters(shapes) => {
                for (n, shape) in shapes.into_iter().enumerate() {
                    let (size, firsts) = shape.parts();
                    for (x, y) in firsts {
                        part((n % 2 * 2 + x, n / 2 * 2 + y), size);
                    }
                }
            }
        }
    }

    fn count(&self, choice: &Choice, mb: &CodedMb, store: &mut RowStore) {
        let counts = &mut store.counts;
        counts.prediction_sse += u64::from(choice.prediction_sse);
        counts.skipped += u32::from(mb.coded == 0);
        if choice.is_intra() {
            counts.intra += 1;
            return;
        }
        let is_whole = matches!(choice.kind, CodedKind::Skip | CodedKind::Inter(Shape::Whole));
        counts.split += u32::from(!is_whole);
        let is_still = choice.kind.is_still(choice.refs, &choice.mvs);
        counts.zero_motion += u32::from(is_still);
        let lists = 1 + usize::from(self.job.second.is_some());
        for (refs, counts) in mb.refs.iter().zip(&mut counts.references).take(lists) {
            for (index, count) in (0..).zip(counts) {
                let [a, b, c, d] = refs.map(|used| used == index);
                *count += u32::from(a | b | c | d);
            }
        }
    }

    /// Codes the macroblock, which has no neighbours, with the fewest bits: as grey.
    pub(super) fn decide_grey(&mut self) -> Choice {
        let Trial { luma, chroma, residual } = &mut *self.best;
        luma.0.as_flattened_mut().fill(128);
        chroma.0.as_flattened_mut().fill(128);
        residual.clear_luma();
        residual.clear_chroma();
        Choice::intra(CodedKind::Intra16x16(DC))
    }

    /// Passes the macroblock's data on to its neighbours.
    pub(super) fn pass_on(&mut self, choice: &Choice) {
        let (context, row, col) = (self.job.row_context, self.row, self.col);
        let Trial { luma, chroma, .. } = &*self.best;
        let is_skip = matches!(choice.kind, CodedKind::Skip);
        let [_, b, c, d] = choice.refs;
        let (mvs, modes) = (&choice.mvs, &choice.modes);
        let right = MbSide {
            refs: [b, d],
            mvs: [mvs[3], mvs[7], mvs[11], mvs[15]],
            modes: [modes[3], modes[7], modes[11], modes[15]],
            is_skip,
        };
        let bottom = MbSide {
            refs: [c, d],
            mvs: [mvs[12], mvs[13], mvs[14], mvs[15]],
            modes: [modes[12], modes[13], modes[14], modes[15]],
            is_skip,
        };
        let half = |line: &[u8; 16], at: usize| std::array::from_fn(|n| line[at + n]);
        let line =
            BottomLine { luma: luma.0[15], chroma: [half(&chroma.0[7], 0), half(&chroma.0[7], 8)] };
        context.put(row, col, &line, &bottom);
        self.left = Some(right);
        std::mem::swap(&mut self.left_trial, &mut self.best);
    }
}
