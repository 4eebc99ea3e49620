//! The motion of a superblock: vectors of its 16x16 and 8x8 blocks, and estimated costs of all
//! partitions.

use codec_core::analysis::Change;
use codec_core::motion::{
    FullPel, IntegerSettings, Pattern, PixelPos, Quadrant, QuarterPel, SearchRange, Target,
    VectorPrice, search_integer, search_integer_8x8, search_subpel, search_subpel_8x8,
};
use codec_simd::PlaneRef;

use super::job::FrameJob;
use super::quantisers::Quantisers;
use super::source::Source;
use crate::types::{MotionVector, Reference};

/// Longest vector in pixels.
const REACH: u16 = 255;
/// A vector must reduce the error by more than this share of it, or the reduction is noise.
const NOISE: u32 = 10;
/// Approximate number of bits of a block's modes, in 1/256.
const MODE_Q8: u32 = 2 * 256;

/// Converts a vector from quarter pixels to units of the bitstream.
pub(crate) fn to_vector(vector: QuarterPel) -> MotionVector {
    MotionVector { row: 2 * vector.y, col: 2 * vector.x }
}

/// Converts a vector from units of the bitstream to quarter pixels, rounded down.
pub(crate) fn to_quarters(vector: MotionVector) -> QuarterPel {
    QuarterPel::new(vector.col >> 1, vector.row >> 1)
}

/// Motion of a macroblock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MbMotion {
    /// Whether the macroblock has pixels inside the frame.
    is_inside: bool,
    /// Squared errors of the quadrants without motion.
    zero: [u32; 4],
    vector: QuarterPel,
    /// Squared errors of the quadrants with `vector`.
    errors: [u32; 4],
    /// Estimated costs of the errors without motion and with the vector.
    costs: [u32; 2],
    /// Vectors of the quadrants, if they were searched, with their errors.
    quadrants: Option<[(QuarterPel, u32); 4]>,
}

/// Estimate for a square block as a whole, and for its parts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NodeMotion {
    pub(crate) vector: QuarterPel,
    /// Cost as one block.
    pub(crate) whole: u32,
    /// Cost as four blocks that may be divided further.
    pub(crate) split: u32,
}

impl NodeMotion {
    fn best(&self) -> u32 {
        self.whole.min(self.split)
    }
}

/// The motion of a superblock against the last frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Field {
    mbs: [MbMotion; 16],
    /// By level: 64x64, 32x32, 16x16; in raster order.
    nodes: [[NodeMotion; 16]; 3],
}

/// Estimates costs from squared errors of predictions.
#[derive(Clone, Copy, Debug)]
struct CostModel {
    /// Squared quantiser step in pixel levels, times 64 (the pixels of an 8x8 block).
    unit: u32,
    unit_log_q8: u32,
}

/// Logarithm to base 2 of a number above 0, in 1/256, linear between powers of two.
fn log2_q8(value: u64) -> u32 {
    let whole = (value | 1).ilog2();
    let fraction = (value << 8 >> whole) & 255;
    256 * whole + u32::from(fraction.to_le_bytes()[0])
}

impl CostModel {
    fn new(step: u32) -> Self {
        let unit = step * step;
        Self { unit, unit_log_q8: log2_q8(unit.into()) }
    }

    /// Cost of 8x8 pixels: the error remains, or bits reduce it.
    fn cost(self, error: u32) -> u32 {
        // Half a bit per pixel for each octave of the error above the step, and the error of
        // quantisation.
        if error < self.unit / 10 {
            return error;
        }
        let log_q8 = log2_q8(u64::from(self.unit) + 4 * u64::from(error));
        let octaves_q8 = u64::from(log_q8.saturating_sub(self.unit_log_q8));
        let coded = u64::from(self.unit) * (256 + octaves_q8) / 2560;
        u32::try_from(coded).unwrap_or(u32::MAX).min(error)
    }

    fn sum(self, errors: [u32; 4]) -> u32 {
        errors.into_iter().map(|error| self.cost(error)).sum()
    }
}

/// Where a superblock is, and where its vectors start from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldSite<'a> {
    /// Position in superblocks.
    pub(crate) row: usize,
    pub(crate) col: usize,
    /// Vectors of the macroblocks above the row of superblocks, and of the coded macroblocks in it.
    pub(crate) vectors: &'a [QuarterPel],
    /// Vectors of the last frame's macroblocks.
    pub(crate) last: &'a [QuarterPel],
    pub(crate) mb_cols: usize,
    pub(crate) mb_rows: usize,
    pub(crate) quantisers: &'a Quantisers,
}

impl FieldSite<'_> {
    /// Vector of a macroblock that is coded, in the row of superblocks or next to it.
    fn vector(&self, row: usize, col: usize) -> QuarterPel {
        let row = row + 1 - 4 * self.row;
        self.vectors.get(row * self.mb_cols + col).copied().unwrap_or(QuarterPel::ZERO)
    }

    /// Vector of the last frame's macroblock at a position.
    fn last_vector(&self, row: usize, col: usize) -> QuarterPel {
        self.last.get(row * self.mb_cols + col).copied().unwrap_or(QuarterPel::ZERO)
    }
}

impl Field {
    /// Searches all macroblocks, and estimates the costs of partitions.
    pub(crate) fn search(&mut self, job: &FrameJob<'_>, source: &Source, site: FieldSite<'_>) {
        let quantisers = site.quantisers;
        let model = CostModel::new(quantisers.step);
        for index in 0..16 {
            let (row, col) = (4 * site.row + index / 4, 4 * site.col + index % 4);
            self.mbs[index] = MbMotion::default();
            if row >= site.mb_rows || col >= site.mb_cols {
                continue;
            }
            let known = |dy: usize, dx: usize| -> Option<QuarterPel> {
                let (y, x) = ((index / 4).checked_sub(dy), (index % 4).checked_sub(dx));
                match (y, x) {
                    (Some(y), Some(x)) => Some(self.mbs[4 * y + x].vector),
                    _ => Some(site.vector(row.checked_sub(dy)?, col.checked_sub(dx)?)),
                }
            };
            let starts = || {
                let starts = [known(0, 1), known(1, 0), Some(site.last_vector(row, col))];
                starts.map(Option::unwrap_or_default)
            };
            self.mbs[index] = search_mb(job, quantisers, source, (row, col), starts, model);
        }
        self.estimate(job, source, site, model);
    }

    /// The vector of the macroblock at a position in units of 8 pixels.
    pub(crate) fn vector(&self, row: usize, col: usize) -> QuarterPel {
        self.mbs[row % 8 / 2 * 4 + col % 8 / 2].vector
    }

    /// The vectors of all macroblocks.
    pub(crate) fn all_vectors(&self) -> [QuarterPel; 16] {
        self.mbs.map(|mb| mb.vector)
    }

    /// The vectors of the macroblocks that are in the frame, with their positions.
    pub(crate) fn vectors(&self) -> impl Iterator<Item = (usize, QuarterPel)> {
        let inside = |(index, mb): (usize, &MbMotion)| mb.is_inside.then_some((index, mb.vector));
        self.mbs.iter().enumerate().filter_map(inside)
    }

    /// The estimate for the square at a level from 0 (64x64) to 2 (16x16) and a position in units of 8 pixels.
    pub(crate) fn node(&self, level: usize, row: usize, col: usize) -> &NodeMotion {
        let log2 = 3 - level;
        &self.nodes[level][(((row % 8) >> log2) << level) + ((col % 8) >> log2)]
    }

    /// The best vector of the square at a level from 0 (64x64) to 3 (8x8) and a position in units of 8 pixels.
    pub(crate) fn square_vector(&self, level: usize, row: usize, col: usize) -> QuarterPel {
        if level < 3 {
            return self.node(level, row, col).vector;
        }
        let mb = &self.mbs[row % 8 / 2 * 4 + col % 8 / 2];
        mb.quadrants.map_or(mb.vector, |quadrants| quadrants[row % 2 * 2 + col % 2].0)
    }

    /// Squared errors of the quadrants of the macroblock at a position in units of 8 pixels, if `vector` was
    /// tried for it.
    #[inline]
    pub(crate) fn known_errors(
        &self,
        row: usize,
        col: usize,
        vector: QuarterPel,
    ) -> Option<&[u32; 4]> {
        let mb = &self.mbs[row % 8 / 2 * 4 + col % 8 / 2];
        match vector {
            QuarterPel::ZERO => Some(&mb.zero),
            _ if vector == mb.vector => Some(&mb.errors),
            _ => None,
        }
    }

    /// Estimates the costs of all squares, from small ones to large ones.
    fn estimate(
        &mut self,
        job: &FrameJob<'_>,
        source: &Source,
        site: FieldSite<'_>,
        model: CostModel,
    ) {
        let lambda = site.quantisers.prices.lambda;
        let bits = |vector: QuarterPel, from: QuarterPel| {
            MODE_Q8
                + if vector == from { 0 } else { job.vectors.bits_q8(vector, from).min(1 << 14) }
        };
        for (index, mb) in self.mbs.iter().enumerate() {
            let split = mb.quadrants.map(|quadrants| {
                let costs = quadrants.map(|(vector, error)| {
                    model.cost(error) + lambda.cost(bits(vector, mb.vector))
                });
                lambda.cost(MODE_Q8) + costs.iter().sum::<u32>()
            });
            let from = if index % 4 > 0 { self.mbs[index - 1].vector } else { QuarterPel::ZERO };
            self.nodes[2][index] = NodeMotion {
                vector: mb.vector,
                whole: mb.costs[1] + lambda.cost(bits(mb.vector, from)),
                split: split.unwrap_or(u32::MAX),
            };
        }
        for level in [1, 0] {
            let count = 1 << level;
            for index in 0..count * count {
                let at = (level, index / count, index % count);
                self.nodes[level][index] = self.estimate_square(job, source, site, model, at);
            }
        }
    }

    /// Estimates the costs of a square of 64x64 or 32x32 from the costs of its quarters.
    fn estimate_square(
        &self,
        job: &FrameJob<'_>,
        source: &Source,
        site: FieldSite<'_>,
        model: CostModel,
        (level, row, col): (usize, usize, usize),
    ) -> NodeMotion {
        let lambda = site.quantisers.prices.lambda;
        let quarters = [(0, 0), (0, 1), (1, 0), (1, 1)]
            .map(|(down, right)| (2 * row + down, 2 * col + right))
            .map(|(row, col)| self.nodes[level + 1][(row << (level + 1)) + col]);
        let split =
            quarters.iter().map(NodeMotion::best).fold(lambda.cost(256), u32::saturating_add);
        let side = 4 >> level;
        let mut best = NodeMotion { whole: u32::MAX, split, ..NodeMotion::default() };
        // If a part has several vectors, one vector for the whole square is hardly ever better.
        if job.speed.sure_pct == 0 && quarters.iter().any(|part| part.split < part.whole) {
            return best;
        }
        let mut tried = [QuarterPel::ZERO; 5];
        for (order, vector) in
            std::iter::once(QuarterPel::ZERO).chain(quarters.map(|node| node.vector)).enumerate()
        {
            tried[order] = vector;
            if order > 0 && tried[..order].contains(&vector) {
                continue;
            }
            let price = if vector == QuarterPel::ZERO { 0 } else { 8 * 256 };
            let mut whole = lambda.cost(MODE_Q8 + price);
            for index in 0..side * side {
                let (y, x) = (side * row + index / side, side * col + index % side);
                let cost = self.cost_at(job, source, site, model, (4 * y + x, vector));
                whole = whole.saturating_add(cost);
                if whole >= best.whole {
                    break;
                }
            }
            if whole < best.whole {
                (best.whole, best.vector) = (whole, vector);
            }
        }
        best
    }

    /// Estimated cost of the errors of a macroblock with a vector; `u32::MAX` if it is out of range.
    fn cost_at(
        &self,
        job: &FrameJob<'_>,
        source: &Source,
        site: FieldSite<'_>,
        model: CostModel,
        (index, vector): (usize, QuarterPel),
    ) -> u32 {
        let mb = &self.mbs[index];
        if !mb.is_inside {
            return 0;
        }
        if vector == QuarterPel::ZERO {
            return mb.costs[0];
        }
        if vector == mb.vector {
            return mb.costs[1];
        }
        let at = mb_position(4 * site.row + index / 4, 4 * site.col + index % 4);
        let range = job.luma[0].and_then(|refp| search_range(refp, at));
        if !range.is_some_and(|range| range.contains(vector.floor())) {
            return u32::MAX;
        }
        let errors = quadrant_errors(job, source, (index, at), vector);
        errors.map_or(u32::MAX, |errors| model.sum(errors))
    }
}

/// The vectors that are searched for the macroblock at a position.
pub(super) fn search_range(refp: PlaneRef<'_>, at: PixelPos) -> Option<SearchRange> {
    SearchRange::new(refp.layout(), at, 16, REACH)
}

pub(super) fn mb_position(row: usize, col: usize) -> PixelPos {
    let pixels = |mbs: usize| i32::try_from(16 * mbs).unwrap_or(i32::MAX);
    PixelPos::new(pixels(col), pixels(row))
}

/// Squared errors of the quadrants of a macroblock with a vector in its range.
fn quadrant_errors(
    job: &FrameJob<'_>,
    source: &Source,
    (index, at): (usize, PixelPos),
    vector: QuarterPel,
) -> Option<[u32; 4]> {
    let refp = job.luma[0]?;
    let cur = &source.macroblocks[index];
    let from = at.moved(vector.floor());
    let (x, y) = (from.x as isize, from.y as isize);
    match vector.eighths() {
        (0, 0) => Some(job.kernels.sse_16x16_quads(cur, refp.window(x, y)?)),
        (fx, fy) => Some(job.kernels.sse_bilinear_16x16_quads(cur, refp.window(x, y)?, fx, fy)),
    }
}

fn integer_settings(job: &FrameJob<'_>) -> IntegerSettings {
    IntegerSettings { pattern: job.speed.pattern, max_steps: job.speed.search_steps, stop_below: 0 }
}

/// Searches the vector of a macroblock in full pixels. In hidden frames of files, the search of a macroblock with a
/// large error is exhaustive.
pub(super) fn search_full(job: &FrameJob<'_>, target: &Target<'_>, starts: &[FullPel]) -> FullPel {
    let settings = integer_settings(job);
    let found = search_integer(target, starts, settings);
    let limit = job.speed.tools.and_then(|tools| tools.exhaustive_above);
    let Some(limit) = limit.filter(|_| !job.setup.header.show) else { return found.vector };
    if found.sad <= 256 * limit {
        return found.vector;
    }
    let settings = IntegerSettings { pattern: Pattern::Exhaustive, ..settings };
    let exhaustive = search_integer(target, starts, settings);
    if exhaustive.cost < found.cost { exhaustive.vector } else { found.vector }
}

/// Searches the motion of the macroblock at a position in macroblocks.
fn search_mb(
    job: &FrameJob<'_>,
    quantisers: &Quantisers,
    source: &Source,
    (row, col): (usize, usize),
    known: impl FnOnce() -> [QuarterPel; 3],
    model: CostModel,
) -> MbMotion {
    let index = row % 4 * 4 + col % 4;
    let at = mb_position(row, col);
    let mut mb = MbMotion { is_inside: true, ..MbMotion::default() };
    let Some(refp) = job.luma[0] else { return mb };
    if let Some(zero) = quadrant_errors(job, source, (index, at), QuarterPel::ZERO) {
        mb.zero = zero;
        mb.errors = zero;
        mb.costs = [model.sum(zero); 2];
    }
    let analysed = job.analysis.and_then(|analysis| analysis.at(col, row));
    let is_static = job.follows_previous && analysed.is_some_and(|mb| mb.change == Change::Static);
    // Errors this small leave no residual.
    let is_small = mb.zero.iter().all(|&error| error < model.unit / job.speed.still_share);
    if is_static || is_small || job.is_scaled(Reference::Last) {
        return mb;
    }
    let Some(range) = search_range(refp, at) else { return mb };
    let (cur, known) = (&source.macroblocks[index], known());
    let price = VectorPrice {
        table: job.vectors,
        predicted: known[0],
        lambda_sad: quantisers.prices.sad,
        lambda_sse: quantisers.prices.lambda,
    };
    let target = Target { kernels: job.kernels, cur, refp, at, range, price };
    let (mb_cols, _) = job.setup.header.size.macroblocks();
    let seed = job.seeds.get(row * mb_cols + col).copied().unwrap_or_default();
    let starts = [known[0], seed, known[1], known[2], QuarterPel::ZERO];
    let vector = search_full(job, &target, &starts.map(QuarterPel::to_full));
    let found = search_subpel(&target, vector, job.speed.subpel);
    let zero: u32 = mb.zero.iter().sum();
    let zero_cost = zero + price.in_sse(QuarterPel::ZERO).min(quantisers.prices.lambda.cost(512));
    if found.cost < zero_cost - zero_cost / NOISE
        && range.contains(found.vector.floor())
        && let Some(errors) = quadrant_errors(job, source, (index, at), found.vector)
    {
        (mb.vector, mb.errors) = (found.vector, errors);
        mb.costs[1] = model.sum(errors);
    }
    let wanted = job.speed.split_error.map(|limit| u64::from(model.unit) * u64::from(limit) / 16);
    let error: u32 = mb.errors.iter().sum();
    if wanted.is_some_and(|limit| u64::from(error) > limit) {
        let price = VectorPrice { predicted: mb.vector, ..price };
        let target = Target { price, ..target };
        let starts = [mb.vector.to_full(), known[0].to_full()];
        let settings = integer_settings(job);
        mb.quadrants = Some(Quadrant::ALL.map(|quadrant| {
            let found = search_integer_8x8(&target, quadrant, &starts, settings);
            let found = search_subpel_8x8(&target, quadrant, found.vector, job.speed.subpel);
            let same = (mb.vector, mb.errors[quadrant as usize]);
            if found.cost < same.1 { (found.vector, found.sse) } else { same }
        }));
    }
    mb
}
