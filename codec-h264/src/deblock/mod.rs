//! The deblocking filter, for the decoder and the encoder. ITU-T H.264, clause 8.7.

mod edges;
mod mb_edges;
mod mixed;
mod strength;

use crate::macroblock::Arrangement;
use crate::macroblock::{MbInfo, NO_SLICE};
use crate::picture::MbMotion;
use crate::planes::Place;
use crate::slice::Deblocking;
use edges::mean_qps;
use strength::{Blocks, Limits, Parts, Side};

pub(crate) use edges::{EdgeFilter, ThresholdTable};
pub(crate) use mb_edges::{EdgeFinder, MbEdges};

/// Filters the macroblocks of a picture.
pub(crate) struct Deblocker<'a> {
    pub infos: &'a [MbInfo],
    pub motion: &'a [MbMotion],
    /// Parameters of the slices of the picture.
    pub slices: &'a [Deblocking],
    pub cols: usize,
    pub arrangement: Arrangement,
    pub filter: EdgeFilter<'a>,
}

/// The macroblock being filtered.
#[derive(Clone, Copy)]
struct Current {
    x: usize,
    row: usize,
    mb: usize,
    /// Whether the macroblock is in a field: in a field picture, or as a field macroblock.
    is_field: bool,
    params: Deblocking,
    /// Place of the macroblock in each plane.
    places: [Place; 3],
}

impl Current {
    /// Returns the limits of the macroblock's edges, with the strength next to intra macroblocks.
    fn limits(&self, intra: u8) -> Limits {
        let vertical = if self.is_field { 2 } else { 4 };
        Limits { intra, vertical }
    }
}

impl Deblocker<'_> {
    /// Filters the rows of macroblocks of the frame from `first` to before `rows`; in a field,
    /// every second row.
    pub(crate) fn picture(&mut self, first: usize, rows: usize) {
        match self.arrangement {
            Arrangement::Frame => (first..rows).for_each(|row| self.row(row)),
            Arrangement::Field => (first..rows).step_by(2).for_each(|row| self.row(row)),
            Arrangement::Mbaff => {
                for row in (0..rows).step_by(2) {
                    for x in 0..self.cols {
                        self.macroblock(x, row);
                        self.macroblock(x, row + 1);
                    }
                }
            }
        }
    }

    /// Filters the macroblocks of a row of a frame without MBAFF, or of a field.
    pub(crate) fn row(&mut self, row: usize) {
        for x in 0..self.cols {
            self.macroblock(x, row);
        }
    }

    fn macroblock(&mut self, x: usize, row: usize) {
        if self.arrangement != Arrangement::Mbaff {
            let finder = EdgeFinder {
                infos: self.infos,
                motion: self.motion,
                slices: self.slices,
                cols: self.cols,
                is_field: self.arrangement == Arrangement::Field,
            };
            if let Some(edges) = finder.edges(x, row) {
                self.filter.whole((x, row), finder.is_field, &edges);
            }
            return;
        }
        let mb = row * self.cols + x;
        let info = &self.infos[mb];
        let Some(&params) = self.slices.get(usize::from(info.slice)) else { return };
        if params.disable_idc == 1 {
            return;
        }
        self.filter.set_params(params);
        let is_field = info.is_field;
        let places = self.filter.places((x, row), is_field);
        let current = Current { x, row, mb, is_field, params, places };
        self.left_edge(&current);
        self.inner_edges(&current, 0);
        self.top_edge(&current);
        self.inner_edges(&current, 1);
    }

    /// Returns whether the edge to the macroblock `other` is filtered.
    fn is_filtered(&self, current: &Current, other: usize) -> bool {
        let (slice, other) = (self.infos[current.mb].slice, self.infos[other].slice);
        other != NO_SLICE && (current.params.disable_idc != 2 || other == slice)
    }

    fn left_edge(&mut self, current: &Current) {
        if current.x == 0 {
            return;
        }
        let left = current.mb - 1;
        if !self.is_filtered(current, left) {
            return;
        }
        if self.arrangement == Arrangement::Mbaff
            && self.infos[left].is_field != self.infos[current.mb].is_field
        {
            self.mixed_left_edge(current);
            return;
        }
        let limits = current.limits(4);
        let blocks = Blocks { infos: self.infos, motion: self.motion };
        let p = Side { mb: left, first: 3 };
        let strengths = blocks.outer_edge(p, Side { mb: current.mb, first: 0 }, true, limits);
        self.filter_outer(current, true, strengths, left);
    }

    fn top_edge(&mut self, current: &Current) {
        let pair = (current.row & !1) * self.cols + current.x;
        let is_mbaff = self.arrangement == Arrangement::Mbaff;
        let is_upper = current.row.is_multiple_of(2);
        let step = if self.arrangement == Arrangement::Frame { 1 } else { 2 };
        let above = if is_mbaff && !current.is_field && !is_upper {
            Some(pair)
        } else {
            current.mb.checked_sub(step * self.cols)
        };
        let Some(mut above) = above else { return };
        if !self.is_filtered(current, above) {
            return;
        }
        let mut is_mixed = false;
        if is_mbaff && (current.is_field || is_upper) {
            let is_field_above = self.infos[above].is_field;
            is_mixed = is_field_above != current.is_field;
            if is_mixed && !current.is_field {
                self.field_pair_above(current, above);
                return;
            }
            if is_upper && !is_field_above {
                // The lower macroblock of a frame pair.
                above += self.cols;
            }
        }
        let limits = current.limits(if current.is_field { 3 } else { 4 });
        let blocks = Blocks { infos: self.infos, motion: self.motion };
        let strengths = if is_mixed {
            let (p, q) = ([12, 13, 14, 15], [0, 1, 2, 3]);
            blocks.mixed_edge(above, current.mb, p, q, limits.intra)
        } else {
            let p = Side { mb: above, first: 12 };
            blocks.outer_edge(p, Side { mb: current.mb, first: 0 }, false, limits)
        };
        self.filter_outer(current, false, strengths, above);
    }

    /// Filters the edge between a macroblock and the macroblock `other`.
    #[inline]
    fn filter_outer(
        &mut self,
        current: &Current,
        is_vertical: bool,
        strengths: Parts,
        other: usize,
    ) {
        if strengths != 0 {
            let qps = mean_qps(&self.infos[other], &self.infos[current.mb]);
            self.filter.filter_edge(&current.places, is_vertical, 0, strengths, qps);
        }
    }

    /// Filters the edges inside a macroblock: the vertical (`direction` 0) or the horizontal ones.
    fn inner_edges(&mut self, current: &Current, direction: usize) {
        let blocks = Blocks { infos: self.infos, motion: self.motion };
        let mut strengths = [[0; 4]; 2];
        blocks.inner_edges(current.mb, current.limits(3).vertical, &mut strengths);
        let info = &self.infos[current.mb];
        let qps = mean_qps(info, info);
        for (edge, strengths) in strengths[direction].into_iter().enumerate().skip(1) {
            self.filter.filter_edge(&current.places, direction == 0, edge, strengths, qps);
        }
    }
}
