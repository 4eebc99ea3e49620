//! The deblocking filter, for the decoder and the encoder. ITU-T H.264, clause 8.7.

mod edges;
mod mixed;
mod strength;

use codec_simd::{DeblockMb, Kernels};

use crate::macroblock::Arrangement;
use crate::macroblock::{MbInfo, NO_SLICE};
use crate::picture::MbMotion;
use crate::planes::{Place, PlaneLines, place};
use crate::slice::Deblocking;
use edges::{mean_qps, surroundings};
use strength::{Blocks, Limits, Parts, Side};

pub(crate) use edges::ThresholdTable;

/// Filters the macroblocks of a picture.
pub(crate) struct Deblocker<'a> {
    pub kernels: &'static Kernels,
    pub infos: &'a [MbInfo],
    pub motion: &'a [MbMotion],
    /// Parameters of the slices of the picture.
    pub slices: &'a [Deblocking],
    pub planes: [PlaneLines<'a>; 3],
    pub cols: usize,
    pub arrangement: Arrangement,
    pub has_chroma: bool,
    /// Of the current slice.
    pub thresholds: &'a mut ThresholdTable,
}

/// The macroblock being filtered.
#[derive(Clone, Copy)]
struct Current {
    x: usize,
    row: usize,
    mb: usize,
    /// In a field: a field picture, or a field macroblock.
    is_field: bool,
    params: Deblocking,
    /// In each plane.
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
    /// Filters the macroblocks of the rows from `first` on of the frame, below `rows`: in a field
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
        let mb = row * self.cols + x;
        if self.arrangement == Arrangement::Frame && self.is_plain(x, mb) {
            return;
        }
        let info = &self.infos[mb];
        let Some(&params) = self.slices.get(usize::from(info.slice)) else { return };
        if params.disable_idc == 1 {
            return;
        }
        if self.thresholds.params != params {
            *self.thresholds = ThresholdTable::new(params);
        }
        let is_field = info.is_field || self.arrangement == Arrangement::Field;
        let places = [16, 8, 8];
        let places = std::array::from_fn(|plane| {
            place(x, row, is_field, places[plane], self.planes[plane].stride)
        });
        let current = Current { x, row, mb, is_field, params, places };
        if self.arrangement != Arrangement::Mbaff {
            self.whole(&current);
            return;
        }
        self.left_edge(&current);
        self.inner_edges(&current, 0);
        self.top_edge(&current);
        self.inner_edges(&current, 1);
    }

    /// Returns whether no edge of a macroblock can be filtered: it and its neighbours have no levels,
    /// and the same motion.
    fn is_plain(&self, x: usize, mb: usize) -> bool {
        let blocks = Blocks { infos: self.infos, motion: self.motion };
        let is_above_plain =
            || mb.checked_sub(self.cols).is_none_or(|above| blocks.are_alike(above, mb));
        blocks.is_even(mb) && (x == 0 || blocks.are_alike(mb - 1, mb)) && is_above_plain()
    }

    /// Filters a macroblock whose neighbours are of the same kind.
    fn whole(&mut self, current: &Current) {
        let Current { x, mb, places, .. } = *current;
        let blocks = Blocks { infos: self.infos, motion: self.motion };
        let info = &self.infos[mb];
        let mut strengths = blocks.inner_edges(mb, current.limits(3).vertical);
        let left = mb.checked_sub(1).filter(|&left| x > 0 && self.is_filtered(current, left));
        if let Some(left) = left {
            let (p, q) = (Side { mb: left, first: 3 }, Side { mb, first: 0 });
            strengths[0][0] = blocks.outer_edge(p, q, true, current.limits(4));
        }
        let step = if current.is_field { 2 } else { 1 };
        let above = mb.checked_sub(step * self.cols);
        let above = above.filter(|&above| self.is_filtered(current, above));
        if let Some(above) = above {
            let (p, q) = (Side { mb: above, first: 12 }, Side { mb, first: 0 });
            let limits = current.limits(if current.is_field { 3 } else { 4 });
            strengths[1][0] = blocks.outer_edge(p, q, false, limits);
        }
        if strengths == [[0; 4]; 2] {
            return;
        }
        let near = [left, above].map(|mb| mb.map_or(info, |mb| &self.infos[mb]));
        let around = surroundings(&mut self.planes, &places).filter(|_| self.has_chroma);
        if let Some((luma, chroma)) = around {
            let edges = DeblockMb {
                strengths: strengths.map(|edges| edges.map(Parts::to_le_bytes)),
                outer: near.map(|near| self.thresholds.between(near, info)),
                inner: self.thresholds.between(info, info),
            };
            self.kernels.h264_deblock_mb(luma, chroma, &edges);
            return;
        }
        for (direction, edges) in strengths.into_iter().enumerate() {
            for (edge, strengths) in edges.into_iter().enumerate() {
                let qps = mean_qps(if edge == 0 { near[direction] } else { info }, info);
                self.filter_edge(&places, direction == 0, edge, strengths, qps);
            }
        }
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
            self.filter_edge(&current.places, is_vertical, 0, strengths, qps);
        }
    }

    /// Filters the edges inside a macroblock: the vertical (`direction` 0) or the horizontal ones.
    fn inner_edges(&mut self, current: &Current, direction: usize) {
        let blocks = Blocks { infos: self.infos, motion: self.motion };
        let strengths = blocks.inner_edges(current.mb, current.limits(3).vertical)[direction];
        let info = &self.infos[current.mb];
        let qps = mean_qps(info, info);
        for (edge, strengths) in strengths.into_iter().enumerate().skip(1) {
            self.filter_edge(&current.places, direction == 0, edge, strengths, qps);
        }
    }
}
