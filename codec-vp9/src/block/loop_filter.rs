//! The loop filter: which edges of a frame are filtered, and how.

use std::ops::Range;

use codec_core::frame::Sampling;
use codec_simd::vp9::{VP9_EDGE_UNITS, Vp9EdgeFilter, Vp9Edges};

use super::mode_map::BlockInfo;
use super::planes::PlaneMut;
use super::sample::{Kit, Sample};
use crate::header::FrameHeader;
use crate::types::{InterMode, TxSize};

/// Highest level.
const MAX_LEVEL: i32 = 63;
/// Units of 8x8 samples across a superblock.
const UNITS: usize = 8;

/// Levels by segment, reference (intra, LAST, GOLDEN, ALTREF) and mode (ZERO, others).
type Levels = [[[u8; 2]; 4]; 8];

/// The filters of the frames of one header.
#[derive(Debug)]
pub(crate) struct LoopFilter {
    kit: Kit,
    sampling: Sampling,
    /// Size of the frame in units of 8 pixels.
    cols: usize,
    rows: usize,
    levels: Levels,
    limits: Limits,
}

/// Limits by level.
#[derive(Debug)]
struct Limits {
    edge: [u8; 64],
    inner: [u8; 64],
}

/// Eight units: a byte each, the first one lowest.
type Line = u64;

/// A byte in all eight units.
const SPLAT: Line = 0x0101_0101_0101_0101;

/// The units of a line from `first` up to `end` (0..=8).
#[inline]
fn units(first: usize, end: usize) -> Line {
    /// The units below a number.
    const BELOW: [Line; UNITS + 1] = {
        let mut masks = [Line::MAX; UNITS + 1];
        let mut end = 0;
        while end < UNITS {
            masks[end] = (1 << (8 * end)) - 1;
            end += 1;
        }
        masks
    };
    BELOW[end] & !BELOW[first]
}

/// The bytes of a line in two halves.
#[inline]
fn halves_of(line: Line) -> [[u8; 4]; 2] {
    let [a, b, c, d, e, f, g, h] = line.to_le_bytes();
    [[a, b, c, d], [e, f, g, h]]
}

/// The two halves of a line's edges at the starts of units, each with those in their middles.
#[inline]
fn half_lines(outer: Line, inner: Line) -> [[[u8; 4]; 2]; 2] {
    let ([a, b], [c, d]) = (halves_of(outer), halves_of(inner));
    [[a, c], [b, d]]
}

/// Half a line without edges.
const NO_EDGES: [[u8; 4]; 2] = [[0; 4]; 2];

/// The edges of a superblock in one direction.
#[derive(Clone, Copy, Debug, Default)]
struct DirectionEdges {
    /// [`Vp9EdgeFilter`] of the edges at the units' starts, by line.
    outer: [Line; UNITS],
    /// [`Vp9EdgeFilter`] of the edges in the middles of units, by line.
    inner: [Line; UNITS],
}

/// The edges of a superblock in luma, or in both planes of chroma.
#[derive(Clone, Copy, Debug, Default)]
struct PlaneEdges {
    /// A line is a column of units.
    vertical: DirectionEdges,
    /// A line is a row of units.
    horizontal: DirectionEdges,
    /// Levels by row.
    levels: [Line; UNITS],
}

impl PlaneEdges {
    /// Levels of half a line.
    #[inline]
    fn levels_of(&self, line: usize, half: usize, is_vertical: bool) -> [u8; VP9_EDGE_UNITS] {
        if is_vertical {
            let rows: [Line; VP9_EDGE_UNITS] = self.levels.as_chunks().0[half];
            rows.map(|row| row.to_le_bytes()[line % UNITS])
        } else {
            halves_of(self.levels[line])[half]
        }
    }
}

/// The edges of a frame in luma or in chroma. Blocks add theirs when they are reconstructed.
#[derive(Debug, Default)]
pub(crate) struct EdgeMap {
    superblocks: Vec<PlaneEdges>,
    /// Number of superblocks in a row.
    stride: usize,
}

impl EdgeMap {
    /// Removes all edges; sizes are in superblocks.
    pub(crate) fn reset(&mut self, cols: usize, rows: usize) {
        self.stride = cols;
        self.superblocks.clear();
        self.superblocks.resize(cols * rows, Default::default());
    }
}

/// The units of a block along one axis of a plane.
struct Axis {
    /// First unit, and the one after the last, in the plane.
    first: usize,
    end: usize,
    /// The unit of which only half is in the frame; `usize::MAX` if there is none.
    cut: usize,
    /// Position of the first unit in the superblock.
    at: usize,
}

impl Axis {
    /// Units of 8 samples that begin in `length` units of 8 luma pixels from `start` on; `frame` is
    /// the size of the frame in these.
    #[inline]
    fn new(start: u16, length: usize, is_halved: bool, frame: usize) -> Self {
        let start = usize::from(start);
        let end = (start + length).min(frame);
        if is_halved {
            let first = start.div_ceil(2);
            let cut = if frame.is_multiple_of(2) { usize::MAX } else { frame / 2 };
            Self { first, end: end.div_ceil(2), cut, at: first % (UNITS / 2) }
        } else {
            Self { first: start, end, cut: usize::MAX, at: start % UNITS }
        }
    }

    /// The bytes of the block's units in a line.
    #[inline]
    fn mask(&self) -> Line {
        units(self.at, self.at + self.end - self.first)
    }

    /// Filter of the edge before a unit that is the start of a transform.
    #[inline]
    fn filter(&self, unit: usize, tx: TxSize) -> Line {
        let filter = match tx {
            _ if unit == 0 => Vp9EdgeFilter::NONE,
            TxSize::Tx4 if unit.is_multiple_of(4) => Vp9EdgeFilter::TAPS_8,
            TxSize::Tx4 => Vp9EdgeFilter::TAPS_4,
            TxSize::Tx16 | TxSize::Tx32 if unit != self.cut => Vp9EdgeFilter::TAPS_16,
            _ => Vp9EdgeFilter::TAPS_8,
        };
        SPLAT * Line::from(filter.0)
    }

    /// Adds the edges of a block in the direction across this axis; `mask` has its units in the
    /// lines. With `has_inner`, `inner` are the units whose edges in the middle are filtered.
    #[inline]
    fn add(
        &self,
        edges: &mut DirectionEdges,
        mask: Line,
        inner: Line,
        tx: TxSize,
        has_residual: bool,
    ) {
        let end = if has_residual { self.end } else { self.end.min(self.first + 1) };
        let step = tx.pixels().div_ceil(8);
        let mut unit = self.first;
        while unit < end {
            let line = (self.at + unit - self.first) % UNITS;
            edges.outer[line] |= self.filter(unit, tx) & mask;
            if unit != self.cut {
                edges.inner[line] |= inner;
            }
            unit += step;
        }
    }
}

impl LoopFilter {
    /// Returns the filters of a frame of `cols` x `rows` units of 8 pixels; `None` if it is not
    /// filtered.
    pub(crate) fn new(kit: Kit, header: &FrameHeader, cols: usize, rows: usize) -> Option<Self> {
        let (levels, limits) = (levels(header), limits(header.loop_filter.sharpness));
        let sampling = header.format.sampling;
        let filter = Self { kit, sampling, cols, rows, levels, limits };
        (header.loop_filter.level > 0).then_some(filter)
    }

    /// Adds the edges of a block, from `plane` on: to the maps of luma and of chroma, or to one of them.
    pub(crate) fn add_block(&self, maps: &mut [EdgeMap], plane: usize, info: &BlockInfo) {
        let level = self.level(info);
        if level == 0 {
            return;
        }
        for (plane, map) in (plane..).zip(maps) {
            let at = usize::from(info.row) / 8 * map.stride + usize::from(info.col) / 8;
            self.add_plane(&mut map.superblocks[at], info, plane, level);
        }
    }

    fn add_plane(&self, edges: &mut PlaneEdges, info: &BlockInfo, plane: usize, level: u8) {
        let halved = self.sampling.halved().map(|halved| halved && plane > 0);
        let tx = info.plane_tx(plane, self.sampling);
        let (width, height) = info.size.mi();
        let cols = Axis::new(info.col, width, halved[0], self.cols);
        let rows = Axis::new(info.row, height, halved[1], self.rows);
        if cols.first >= cols.end || rows.first >= rows.end {
            return;
        }
        let (in_row, in_column) = (cols.mask(), rows.mask());
        let has_residual = !(info.skip && info.is_inter());
        let has_inner = tx == TxSize::Tx4 && has_residual;
        let inner = if has_inner { SPLAT * Line::from(Vp9EdgeFilter::TAPS_4.0) } else { 0 };
        cols.add(&mut edges.vertical, in_column, inner & in_column, tx, has_residual);
        // A unit that is cut has no edge in its middle in either direction.
        let is_cut = usize::from(cols.end - 1 == cols.cut);
        let not_cut = units(cols.at, cols.at + cols.end - cols.first - is_cut);
        rows.add(&mut edges.horizontal, in_row, inner & not_cut, tx, has_residual);
        for line in &mut edges.levels[rows.at..][..rows.end - rows.first] {
            *line |= (SPLAT * Line::from(level)) & in_row;
        }
    }

    /// Filters a row of superblocks in the planes `own`: superblock by superblock, vertical edges
    /// first. `maps` are as in [`Self::add_block`].
    pub(crate) fn filter_row<S: Sample>(
        &self,
        maps: &[EdgeMap],
        own: Range<usize>,
        row: usize,
        planes: &mut [PlaneMut<'_, S>; 3],
    ) {
        let stride = maps.first().map_or(0, |map| map.stride);
        for col in 0..stride {
            for plane in own.clone() {
                let halved = self.sampling.halved().map(|halved| halved && plane > 0);
                let [cols, rows] = halved.map(|halved| if halved { UNITS / 2 } else { UNITS });
                let edges = &maps[plane.min(1) - own.start].superblocks[row * stride + col];
                let (samples, stride) = planes[plane].all_mut();
                let at = row * rows * 8 * stride + col * cols * 8;
                let plane = (&mut *samples, stride);
                self.filter_superblock::<S>(edges, plane, at, (cols, rows), true);
                self.filter_superblock::<S>(edges, (samples, stride), at, (cols, rows), false);
            }
        }
    }

    /// Filters the vertical or the horizontal edges of a superblock, whose first sample is at `at` and
    /// which has `units` columns and rows.
    #[inline]
    fn filter_superblock<S: Sample>(
        &self,
        edges: &PlaneEdges,
        (samples, stride): (&mut [S], usize),
        at: usize,
        units: (usize, usize),
        is_vertical: bool,
    ) {
        let (direction, lines, in_line) = if is_vertical {
            (&edges.vertical, units.0, units.1)
        } else {
            (&edges.horizontal, units.1, units.0)
        };
        // Distances of samples across an edge and along it.
        let (across, along) = if is_vertical { (1, stride) } else { (stride, 1) };
        let pairs = direction.outer.iter().zip(&direction.inner);
        for (line, (outer, inner)) in pairs.enumerate().take(lines) {
            let halves = half_lines(*outer, *inner).into_iter().enumerate();
            for (half, filters) in halves.take(in_line / VP9_EDGE_UNITS) {
                if filters == NO_EDGES {
                    continue;
                }
                let levels = edges.levels_of(line, half, is_vertical);
                let at = at + 8 * (line * across + half * VP9_EDGE_UNITS * along);
                for (edges, at) in self.edges(filters, levels).iter().zip([at, at + 4 * across]) {
                    if !edges.is_empty() {
                        S::filter(&self.kit, is_vertical, (&mut *samples, stride), at, edges);
                    }
                }
            }
        }
    }

    /// The edges of half a line at the starts and in the middles of its units.
    #[inline]
    fn edges(&self, [outer, inner]: [[u8; 4]; 2], levels: [u8; 4]) -> [Vp9Edges; 2] {
        let edges = Vp9Edges {
            filters: outer.map(Vp9EdgeFilter),
            edge: levels.map(|level| self.limits.edge[usize::from(level & 63)]),
            inner: levels.map(|level| self.limits.inner[usize::from(level & 63)]),
            variance: levels.map(|level| level >> 4),
        };
        [edges, Vp9Edges { filters: inner.map(Vp9EdgeFilter), ..edges }]
    }

    /// Level of a block, 0..=63.
    pub(crate) fn level(&self, info: &BlockInfo) -> u8 {
        let reference = info.references.first().map_or(0, |reference| 1 + reference as usize);
        let mode = usize::from(info.is_inter() && info.inter_mode != InterMode::Zero);
        self.levels[usize::from(info.segment)][reference][mode]
    }
}

fn levels(header: &FrameHeader) -> Levels {
    let filter = &header.loop_filter;
    let scale = 1 << (filter.level >> 5);
    let mut levels = Levels::default();
    for (segment, levels) in (0_u8..).zip(&mut levels) {
        let base = header.segmentation.filter_level(segment, filter.level);
        *levels = [[base; 2]; 4];
        let Some(deltas) = &filter.deltas else { continue };
        for (reference, levels) in levels.iter_mut().enumerate() {
            for (mode, level) in levels.iter_mut().enumerate() {
                let mut delta = i32::from(deltas.reference[reference]);
                if reference > 0 {
                    delta += i32::from(deltas.mode[mode]);
                }
                let value = (i32::from(base) + delta * scale).clamp(0, MAX_LEVEL);
                *level = value.to_le_bytes()[0];
            }
        }
    }
    levels
}

fn limits(sharpness: u8) -> Limits {
    let shift = u8::from(sharpness > 0) + u8::from(sharpness > 4);
    let inner = std::array::from_fn(|level| {
        let inner = level.to_le_bytes()[0] >> shift;
        if sharpness > 0 { inner.min(9 - sharpness).max(1) } else { inner.max(1) }
    });
    let edge = std::array::from_fn(|level| 2 * (level.to_le_bytes()[0] + 2) + inner[level]);
    Limits { edge, inner }
}
