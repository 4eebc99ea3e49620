//! The analyser: pre-analysis of one frame at a time.

use std::sync::{Mutex, PoisonError};

use codec_simd::{Kernels, PlaneRef};

use super::brightness::MatchedPlane;
use super::full_chroma::FullChroma;
use super::full_luma::FullLuma;
use super::half_plane::HalfPlane;
use super::measure::{BAND_ROWS, Band, MeasureJob, Texture};
use super::scene::{SceneChange, SceneDetector};
use super::scroll::{Scroll, ScrollFinder};
use super::{Change, FrameAnalysis, MbAnalysis};
use crate::frame::{Picture, Size};
use crate::motion::FullPel;
use crate::parallel::{Pool, in_order};

/// Analyses frames in coding order.
///
/// It does not allocate after the first frame of a size.
#[derive(Debug, Default)]
pub struct Analyser {
    latest: FrameAnalysis,
    size: Size,
    has_previous: bool,
    is_precise: bool,
    /// Frame counter.
    turn: usize,
    current: HalfPlane,
    previous: HalfPlane,
    /// The previous frame at the brightness of the current one, only if fades are followed.
    matched: Option<MatchedPlane>,
    luma: FullLuma,
    /// Previous chroma, kept only if chroma is compared.
    chroma: Option<FullChroma>,
    chroma_changes: Vec<u64>,
    /// By macroblock: the changed bits of its columns.
    changes: Vec<u128>,
    is_static: Vec<bool>,
    /// Textures of the latest frame.
    textures: Vec<Texture>,
    /// Motion vectors of the latest frame, in half-size pixels.
    vectors: Vec<FullPel>,
    /// Motion vectors of the previous frame.
    old_vectors: Vec<FullPel>,
    popularity: Popularity,
    /// The most frequent motion vector of the previous frame, in half-size pixels.
    global: FullPel,
    scroll: ScrollFinder,
    scene: SceneDetector,
    screen_score: u32,
}

impl Analyser {
    /// Creates an analyser without history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Discards the history but keeps its memory.
    pub fn reset(&mut self) {
        self.has_previous = false;
        self.scene = SceneDetector::default();
        self.screen_score = 0;
        if let Some(chroma) = &mut self.chroma {
            chroma.forget();
        }
        self.global = FullPel::ZERO;
        self.vectors.fill(FullPel::ZERO);
    }

    /// Returns the last analysis of [`Self::analyse`].
    #[must_use]
    pub fn latest(&self) -> &FrameAnalysis {
        &self.latest
    }

    pub(super) fn luma(&self) -> &FullLuma {
        &self.luma
    }

    pub(super) fn turn(&self) -> usize {
        self.turn
    }

    /// Enables the comparison of chroma for [`MbAnalysis::is_same`]; off by default.
    pub fn watch_chroma(&mut self, is_watched: bool) {
        if !is_watched {
            self.chroma = None;
        } else if self.chroma.is_none() {
            self.chroma = Some(FullChroma::default());
        }
    }

    /// Enables motion vectors of half a pixel, and costs at that precision, for look-ahead; off by
    /// default. The analysis of moving frames then takes about twice the time.
    pub fn refine_motion(&mut self, is_refined: bool) {
        self.is_precise = is_refined;
    }

    /// Enables costs and motion vectors relative to the previous frame at the brightness of the current
    /// one, for codecs with weighted prediction; off by default.
    pub fn follow_fades(&mut self, is_followed: bool) {
        self.matched = is_followed.then(MatchedPlane::default);
    }

    /// Analyses `picture` relative to the previous one, and stores it for the next call. Rows run
    /// on `pool`.
    pub fn analyse(
        &mut self,
        picture: &Picture<'_>,
        kernels: &Kernels,
        pool: &dyn Pool,
    ) -> &mut FrameAnalysis {
        let mut latest = std::mem::take(&mut self.latest);
        self.analyse_into(picture, kernels, pool, &mut latest);
        self.latest = latest;
        &mut self.latest
    }

    /// Like [`Self::analyse`], writing to caller-owned memory, for look-ahead.
    pub fn analyse_into(
        &mut self,
        picture: &Picture<'_>,
        kernels: &Kernels,
        pool: &dyn Pool,
        out: &mut FrameAnalysis,
    ) {
        self.start(picture.size(), out);
        self.take_in(picture.luma(), kernels, pool, out);
        self.take_in_chroma(picture, out);
        let scroll = self.find_scroll(out);
        self.measure(kernels, pool, scroll, out);
        self.sum_up(scroll, out);
        out.measure_contrast();
        self.has_previous = true;
        self.turn = (self.turn + 1) % 4;
    }

    fn start(&mut self, size: Size, out: &mut FrameAnalysis) {
        let (cols, rows) = size.macroblocks();
        if self.size != size {
            *self = Self {
                size,
                current: HalfPlane::new(size),
                previous: HalfPlane::new(size),
                luma: FullLuma::new(size),
                changes: vec![0; cols * rows],
                is_static: vec![false; cols * rows],
                textures: vec![Texture::default(); cols * rows],
                vectors: vec![FullPel::ZERO; cols * rows],
                old_vectors: vec![FullPel::ZERO; cols * rows],
                scroll: ScrollFinder::new(size),
                chroma: self.chroma.take(),
                is_precise: self.is_precise,
                matched: self.matched.take(),
                ..Self::default()
            };
        }
        std::mem::swap(&mut self.current, &mut self.previous);
        self.luma.advance();
        out.size = size;
        out.mb_cols = cols;
        out.has_previous = self.has_previous;
        out.offsets_q4.clear();
        out.masking_q4.clear();
        out.altref_seeds.clear();
        out.golden_seeds.clear();
        out.macroblocks.clear();
        out.macroblocks.resize(cols * rows, MbAnalysis::default());
    }

    /// Copies and downsamples the luma, and detects unchanged macroblocks.
    fn take_in(
        &mut self,
        luma: PlaneRef<'_>,
        kernels: &Kernels,
        pool: &dyn Pool,
        out: &mut FrameAnalysis,
    ) {
        let height = luma.layout().height;
        let (cols, has_previous) = (out.mb_cols.max(1), self.has_previous);
        let halves = self.current.mb_rows();
        let copies = self.luma.mb_rows();
        let changes =
            self.changes.chunks_exact_mut(cols).zip(self.is_static.chunks_exact_mut(cols));
        let mbs = out.macroblocks.chunks_exact_mut(cols);
        let rows = Mutex::new((0..).step_by(16).zip(halves).zip(copies).zip(changes).zip(mbs));
        in_order(pool, height.div_ceil(16), &|| {}, &|_| {
            let Some(row) = next(&rows) else { return };
            let ((((top, mut half), mut copy), (changes, is_static)), mbs) = row;
            changes.fill(0);
            for y in (top..height.min(top + 16)).step_by(2) {
                let (a, b) = (luma.row(y), luma.row((y + 1).min(height - 1)));
                half.put_row(kernels, (y - top) / 2, a, b);
                copy.put_rows(y - top, a, (y + 1 < height).then_some(b), changes);
            }
            for ((mb, &change), is_static) in mbs.iter_mut().zip(&*changes).zip(is_static) {
                *is_static = has_previous && change == 0;
                if *is_static {
                    mb.change = Change::Static;
                }
            }
        });
        drop(rows);
        self.current.finish(height.div_ceil(2));
    }

    /// Detects macroblocks without any changed sample, including chroma.
    fn take_in_chroma(&mut self, picture: &Picture<'_>, out: &mut FrameAnalysis) {
        out.same_mbs = 0;
        let Some(chroma) = &mut self.chroma else { return };
        if !chroma.fits(picture.size()) {
            *chroma = FullChroma::default();
            chroma.resize(picture.size());
        }
        self.chroma_changes.resize(out.mb_cols, 0);
        for (row, mbs) in out.macroblocks.chunks_exact_mut(out.mb_cols.max(1)).enumerate() {
            self.chroma_changes.fill(0);
            chroma.put_row(picture, row, &mut self.chroma_changes);
            for (mb, &change) in mbs.iter_mut().zip(&self.chroma_changes) {
                mb.is_same = change == 0 && mb.change == Change::Static;
                out.same_mbs += u32::from(mb.is_same);
            }
        }
        chroma.finish();
    }

    /// Searches for scrolling if the content looks like a screen.
    fn find_scroll(&mut self, out: &mut FrameAnalysis) -> Option<FullPel> {
        let static_mbs = out.macroblocks.iter().filter(|mb| mb.change == Change::Static).count();
        out.static_mbs = u32::try_from(static_mbs).unwrap_or(u32::MAX);
        let all = out.macroblocks.len();
        if !self.has_previous || static_mbs == all || self.screen_score < SCREEN_SCORE {
            return None;
        }
        self.scroll.find(&self.luma, self.size)
    }

    /// Computes costs and motion vectors of all macroblocks.
    fn measure(
        &mut self,
        kernels: &Kernels,
        pool: &dyn Pool,
        scroll: Option<FullPel>,
        out: &mut FrameAnalysis,
    ) {
        std::mem::swap(&mut self.vectors, &mut self.old_vectors);
        let (current, previous) = (self.current.plane(), &self.previous);
        let known = self.has_previous.then_some(previous);
        let matched = self.matched.as_mut().and_then(|to| to.find(kernels, current, known));
        let job = MeasureJob {
            kernels,
            cols: out.mb_cols,
            has_previous: self.has_previous,
            is_precise: self.is_precise,
            turn: self.turn,
            planes: (current, matched.unwrap_or_else(|| previous.plane())),
            luma: &self.luma,
            scroll,
            global: self.global,
            is_static: &self.is_static,
            old_vectors: &self.old_vectors,
        };
        let len = BAND_ROWS * out.mb_cols.max(1);
        let count = out.macroblocks.len().div_ceil(len);
        let parts = out.macroblocks.chunks_mut(len).zip(self.textures.chunks_mut(len));
        let parts = (0..).step_by(len).zip(parts.zip(self.vectors.chunks_mut(len)));
        let bands = Mutex::new(parts.map(|(first, ((mbs, textures), vectors))| Band {
            first,
            mbs,
            textures,
            vectors,
        }));
        in_order(pool, count, &|| {}, &|_| {
            if let Some(mut band) = next(&bands) {
                job.measure(&mut band);
            }
        });
        self.popularity.clear();
        if self.has_previous {
            for (mb, &vector) in out.macroblocks.iter().zip(&self.vectors) {
                if mb.change == Change::Changed {
                    self.popularity.count(vector);
                }
            }
        }
    }

    fn sum_up(&mut self, scroll: Option<FullPel>, out: &mut FrameAnalysis) {
        let mbs = &out.macroblocks;
        let count = |what: fn(&MbAnalysis) -> bool| mbs.iter().filter(|mb| what(mb)).count();
        let all = mbs.len();
        out.intra_cost = mbs.iter().map(|mb| u64::from(mb.intra_cost)).sum();
        out.inter_cost = mbs.iter().map(|mb| u64::from(mb.cost())).sum();
        let flat = count(|mb| mb.activity == 0);
        out.flat_mbs = u32::try_from(flat).unwrap_or(u32::MAX);

        let (popular, votes) = self.popularity.best();
        let shared = out.has_previous && popular != FullPel::ZERO && 4 * votes >= all;
        self.global = if shared { popular } else { FullPel::ZERO };
        out.global = shared.then(|| FullPel::new(2 * popular.x, 2 * popular.y));

        let scrolled = count(|mb| mb.change == Change::Scrolled);
        let macroblocks = u32::try_from(scrolled).unwrap_or(u32::MAX);
        out.scroll = scroll.filter(|_| scrolled > 0).map(|vector| Scroll { vector, macroblocks });

        out.scene = if out.has_previous {
            let intra_mbs = count(|mb| mb.inter_cost > 0 && mb.intra_cost <= mb.inter_cost);
            self.scene.detect((out.inter_cost, out.intra_cost), (intra_mbs as u64, all as u64))
        } else {
            SceneChange::default()
        };

        let exact = out.static_mbs as usize + scrolled;
        let exact = if out.has_previous { exact } else { 0 };
        self.screen_score = screen_score(self.screen_score, exact + 3 * flat, 4 * all);
        out.looks_like_screen = self.screen_score >= SCREEN_SCORE;
    }
}

/// Threshold of the running screen score in 1/1024: the share of exactly repeated (weight 1/4) and
/// flat macroblocks. Video may repeat frames exactly, but only screen content is flat.
const SCREEN_SCORE: u32 = 300;

fn screen_score(before: u32, exact: usize, all: usize) -> u32 {
    let now = u32::try_from((exact * 1024).checked_div(all).unwrap_or(0)).unwrap_or(1024);
    (3 * before + now) / 4
}

/// Takes the next row of `rows`; each row goes to one job.
fn next<T>(rows: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    rows.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Histogram of motion vectors.
#[derive(Debug, Default)]
struct Popularity {
    counts: Vec<u32>,
}

impl Popularity {
    /// Largest vector component, in half-size pixels.
    const REACH: i16 = 20;
    const SIDE: usize = 2 * Self::REACH as usize + 1;

    fn clear(&mut self) {
        self.counts.clear();
        self.counts.resize(Self::SIDE * Self::SIDE, 0);
    }

    fn count(&mut self, vector: FullPel) {
        let of = |v: i16| usize::try_from(v + Self::REACH).unwrap_or(usize::MAX);
        let index = of(vector.y).saturating_mul(Self::SIDE).saturating_add(of(vector.x));
        if let Some(count) = self.counts.get_mut(index) {
            *count += 1;
        }
    }

    /// Returns the most frequent vector and its count.
    fn best(&self) -> (FullPel, usize) {
        let best = self.counts.iter().enumerate().rev().max_by_key(|&(_, count)| count);
        let (index, &count) = best.unwrap_or((0, &0));
        let component = |n: usize| i16::try_from(n).unwrap_or(0) - Self::REACH;
        let vector = FullPel::new(component(index % Self::SIDE), component(index / Self::SIDE));
        (vector, count as usize)
    }
}
