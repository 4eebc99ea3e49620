//! The pass over a picture.

use codec_simd::{Kernels, PlaneRef};

use super::full_luma::FullLuma;
use super::half_plane::HalfPlane;
use super::inter::{self, Motion};
use super::intra;
use super::scene::{SceneChange, SceneWatch};
use super::scroll::{Scroll, ScrollFinder};
use super::{Change, FrameAnalysis, MbAnalysis};
use crate::frame::{Picture, Size};
use crate::motion::{FullPel, PixelPos};

/// Analyses pictures in the order in which they will be coded. No allocation once a picture of the
/// same size has been seen.
#[derive(Debug, Default)]
pub struct Analyser {
    latest: FrameAnalysis,
    size: Size,
    has_previous: bool,
    current: HalfPlane,
    previous: HalfPlane,
    luma: FullLuma,
    /// Bits of one macroblock row's columns that changed.
    changes: Vec<u128>,
    /// What the picture before was like.
    textures: Vec<Texture>,
    /// Vectors of the picture before, in half-size pixels.
    vectors: Vec<FullPel>,
    popularity: Popularity,
    /// Most popular vector of the picture before, in half-size pixels.
    global: FullPel,
    scroll: ScrollFinder,
    scene: SceneWatch,
    screen_score: u32,
}

impl Analyser {
    /// An analyser that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the pictures seen, but keeps their memory.
    pub fn reset(&mut self) {
        self.has_previous = false;
        self.scene = SceneWatch::default();
        self.screen_score = 0;
        self.global = FullPel::ZERO;
        self.vectors.fill(FullPel::ZERO);
    }

    /// Compares `picture` with the one given before, which it takes the place of.
    pub fn analyse(&mut self, picture: &Picture<'_>, kernels: &Kernels) -> &FrameAnalysis {
        let mut latest = std::mem::take(&mut self.latest);
        self.analyse_into(picture, kernels, &mut latest);
        self.latest = latest;
        &self.latest
    }

    /// As [`Self::analyse`], into memory of the caller's, as a look-ahead needs it.
    pub fn analyse_into(
        &mut self,
        picture: &Picture<'_>,
        kernels: &Kernels,
        out: &mut FrameAnalysis,
    ) {
        self.start(picture.size(), out);
        self.take_in(picture.luma(), kernels, out);
        let scroll = self.find_scroll(out);
        self.measure(kernels, scroll, out);
        self.sum_up(scroll, out);
        self.has_previous = true;
    }

    fn start(&mut self, size: Size, out: &mut FrameAnalysis) {
        let (cols, rows) = size.macroblocks();
        if self.size != size {
            *self = Self {
                size,
                current: HalfPlane::new(size),
                previous: HalfPlane::new(size),
                luma: FullLuma::new(size),
                changes: vec![0; cols],
                textures: vec![Texture::default(); cols * rows],
                vectors: vec![FullPel::ZERO; cols * rows],
                scroll: ScrollFinder::new(size),
                ..Self::default()
            };
        }
        std::mem::swap(&mut self.current, &mut self.previous);
        self.luma.advance();
        out.size = size;
        out.mb_cols = cols;
        out.has_previous = self.has_previous;
        out.macroblocks.clear();
        out.macroblocks.resize(cols * rows, MbAnalysis::default());
    }

    /// Halves and copies the luma, and finds what did not change.
    fn take_in(&mut self, luma: PlaneRef<'_>, kernels: &Kernels, out: &mut FrameAnalysis) {
        let height = luma.layout().height;
        let mb_rows = out.macroblocks.chunks_exact_mut(out.mb_cols.max(1));
        for (mb_row, top) in mb_rows.zip((0..height).step_by(16)) {
            self.changes.fill(0);
            for y in (top..height.min(top + 16)).step_by(2) {
                let (a, b) = (luma.row(y), luma.row((y + 1).min(height - 1)));
                self.current.put_row(kernels, y / 2, a, b);
                self.luma.put_row(y, a, &mut self.changes);
                if y + 1 < height {
                    self.luma.put_row(y + 1, b, &mut self.changes);
                }
            }
            for (mb, &change) in mb_row.iter_mut().zip(&self.changes) {
                if self.has_previous && change == 0 {
                    mb.change = Change::Static;
                }
            }
        }
        self.current.finish(height.div_ceil(2));
    }

    /// Looks for scrolling where the pictures look like those of a screen.
    fn find_scroll(&mut self, out: &mut FrameAnalysis) -> Option<FullPel> {
        let static_mbs = out.macroblocks.iter().filter(|mb| mb.change == Change::Static).count();
        out.static_mbs = u32::try_from(static_mbs).unwrap_or(u32::MAX);
        let all = out.macroblocks.len();
        if !self.has_previous || static_mbs == all || self.screen_score < SCREEN_SCORE {
            return None;
        }
        self.scroll.find(&self.luma, self.size)
    }

    /// Costs and vectors of all macroblocks.
    fn measure(&mut self, kernels: &Kernels, scroll: Option<FullPel>, out: &mut FrameAnalysis) {
        self.popularity.clear();
        for row in 0..out.mb_rows() {
            for col in 0..out.mb_cols {
                self.measure_texture(kernels, (col, row), out);
                self.measure_motion(kernels, scroll, (col, row), out);
            }
        }
    }

    /// What needs no previous picture; copied from there where all that it depends on is static.
    fn measure_texture(
        &mut self,
        kernels: &Kernels,
        (col, row): (usize, usize),
        out: &mut FrameAnalysis,
    ) {
        let cols = out.mb_cols;
        let n = row * cols + col;
        let is_static = |n: usize| out.macroblocks[n].change == Change::Static;
        let as_before = is_static(n)
            && (col == 0 || is_static(n - 1))
            && (row == 0 || is_static(n - cols))
            && (col == 0 || row == 0 || is_static(n - cols - 1));
        if !as_before {
            self.textures[n] = Texture::of(kernels, self.current.plane(), mb_origin(col, row, 8));
        }
        let Texture { intra_cost, activity } = self.textures[n];
        let mb = &mut out.macroblocks[n];
        (mb.intra_cost, mb.activity) = (intra_cost, activity);
    }

    fn measure_motion(
        &mut self,
        kernels: &Kernels,
        scroll: Option<FullPel>,
        (col, row): (usize, usize),
        out: &mut FrameAnalysis,
    ) {
        let cols = out.mb_cols;
        let n = row * cols + col;
        let mb = &mut out.macroblocks[n];
        if !self.has_previous {
            mb.inter_cost = mb.intra_cost;
            return;
        }
        if mb.change == Change::Static {
            self.vectors[n] = FullPel::ZERO;
            return;
        }
        let planes = (self.current.plane(), self.previous.plane());
        let at = mb_origin(col, row, 8);
        let zero_sad = inter::zero_sad(kernels, planes, at);
        mb.zero_sad = narrow(zero_sad);
        let halved = scroll.map_or(self.global, |v| FullPel::new(v.x / 2, v.y / 2));
        let origin = mb_origin(col, row, 16);
        if let Some(vector) = scroll.filter(|&v| self.luma.is_moved(origin, v)) {
            mb.change = Change::Scrolled;
            mb.seed = vector;
            self.vectors[n] = halved;
            return;
        }

        // Left, above and above right are this picture's already; here, right and below still the
        // last one's.
        let before = |back: usize| n.checked_sub(back).map_or(FullPel::ZERO, |n| self.vectors[n]);
        let after = |on: usize| self.vectors.get(n + on).copied().unwrap_or(FullPel::ZERO);
        let starts = [
            if col == 0 { FullPel::ZERO } else { before(1) },
            before(cols),
            after(0),
            FullPel::ZERO,
            halved,
            before(cols - 1),
            after(1),
            after(cols),
        ];
        let Motion { vector, satd } = inter::search(kernels, planes, at, zero_sad, &starts);
        self.vectors[n] = vector;
        mb.seed = FullPel::new(2 * vector.x, 2 * vector.y);
        mb.inter_cost = narrow(satd);
        self.popularity.count(vector);
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
            self.scene.judge((out.inter_cost, out.intra_cost), (intra_mbs as u64, all as u64))
        } else {
            SceneChange::default()
        };

        let exact = out.static_mbs as usize + scrolled;
        let exact = if out.has_previous { exact } else { 0 };
        self.screen_score = screen_score(self.screen_score, exact + 3 * flat, 4 * all);
        out.looks_like_screen = self.screen_score >= SCREEN_SCORE;
    }
}

/// Running share of exact (a quarter of the weight) and flat macroblocks from which pictures look
/// like a screen's, in 1/1024: films repeat pictures exactly, but screens are flat.
const SCREEN_SCORE: u32 = 300;

fn screen_score(before: u32, exact: usize, all: usize) -> u32 {
    let now = u32::try_from((exact * 1024).checked_div(all).unwrap_or(0)).unwrap_or(1024);
    (3 * before + now) / 4
}

fn mb_origin(col: usize, row: usize, size: usize) -> PixelPos {
    let at = |mb: usize| i32::try_from(mb * size).unwrap_or(i32::MAX);
    PixelPos::new(at(col), at(row))
}

/// What is known of a macroblock from its own picture alone.
#[derive(Clone, Copy, Debug, Default)]
struct Texture {
    intra_cost: u16,
    activity: u16,
}

impl Texture {
    fn of(kernels: &Kernels, plane: PlaneRef<'_>, at: PixelPos) -> Self {
        Self {
            intra_cost: narrow(intra::cost(kernels, plane, at)),
            activity: narrow(intra::activity(kernels, plane, at)),
        }
    }
}

fn narrow(cost: u32) -> u16 {
    u16::try_from(cost).unwrap_or(u16::MAX)
}

/// How often each vector occurs.
#[derive(Debug, Default)]
struct Popularity {
    counts: Vec<u32>,
}

impl Popularity {
    /// Largest component, in half-size pixels.
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

    /// The vector that occurs most often, and how often.
    fn best(&self) -> (FullPel, usize) {
        let best = self.counts.iter().enumerate().rev().max_by_key(|&(_, count)| count);
        let (index, &count) = best.unwrap_or((0, &0));
        let component = |n: usize| i16::try_from(n).unwrap_or(0) - Self::REACH;
        let vector = FullPel::new(component(index % Self::SIDE), component(index / Self::SIDE));
        (vector, count as usize)
    }
}
