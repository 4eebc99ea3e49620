//! Computes the boundary strengths and mean quantisers of macroblock edges, and filters the edges,
//! in fields and in frames without MBAFF.

use codec_simd::DeblockMb;

use super::edges::{EdgeFilter, EdgeQps, mean_qps, surroundings};
use super::strength::{Blocks, Limits, Parts, Side};
use crate::macroblock::{MbInfo, NO_SLICE};
use crate::picture::MbMotion;
use crate::slice::Deblocking;

/// The edges of a macroblock that are filtered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MbEdges {
    params: Deblocking,
    /// Strengths of the vertical edges from the left, and of the horizontal edges from the top.
    strengths: [[Parts; 4]; 2],
    /// Mean quantisers of the left edge, of the upper edge, and of the inner edges.
    qps: [EdgeQps; 3],
}

/// Finds the edges of macroblocks to filter.
#[derive(Clone, Copy)]
pub(crate) struct EdgeFinder<'a> {
    pub infos: &'a [MbInfo],
    pub motion: &'a [MbMotion],
    /// Parameters of the slices of the picture.
    pub slices: &'a [Deblocking],
    pub cols: usize,
    /// Whether the picture is a field.
    pub is_field: bool,
}

impl EdgeFinder<'_> {
    /// Returns the edges of the macroblock at column `x` of `row`; `None` if none is filtered. The
    /// macroblocks left and above must be decoded.
    #[inline]
    pub(crate) fn edges(&self, x: usize, row: usize) -> Option<MbEdges> {
        let mb = row * self.cols + x;
        if !self.is_field && self.is_plain(x, mb) {
            return None;
        }
        let info = &self.infos[mb];
        let params = self.slices.get(usize::from(info.slice))?;
        if params.disable_idc == 1 {
            return None;
        }
        let (step, intra_above, vertical) = if self.is_field { (2, 3, 2) } else { (1, 4, 4) };
        let is_filtered = |other: &MbInfo| {
            other.slice != NO_SLICE && (params.disable_idc != 2 || other.slice == info.slice)
        };
        let blocks = Blocks { infos: self.infos, motion: self.motion };
        let mut strengths = [[0; 4]; 2];
        // A comparison of the array would wait for its stores.
        let mut any = blocks.inner_edges(mb, vertical, &mut strengths);
        let mut near = [info; 2];
        if x > 0 && is_filtered(&self.infos[mb - 1]) {
            near[0] = &self.infos[mb - 1];
            let (p, q) = (Side { mb: mb - 1, first: 3 }, Side { mb, first: 0 });
            let strength = blocks.outer_edge(p, q, true, Limits { intra: 4, vertical });
            strengths[0][0] = strength;
            any |= strength;
        }
        if let Some(above) = mb.checked_sub(step * self.cols)
            && is_filtered(&self.infos[above])
        {
            near[1] = &self.infos[above];
            let (p, q) = (Side { mb: above, first: 12 }, Side { mb, first: 0 });
            let limits = Limits { intra: intra_above, vertical };
            let strength = blocks.outer_edge(p, q, false, limits);
            strengths[1][0] = strength;
            any |= strength;
        }
        (any != 0).then(|| MbEdges {
            params: *params,
            strengths,
            qps: [near[0], near[1], info].map(|near| mean_qps(near, info)),
        })
    }

    /// Returns whether no edge of a macroblock can be filtered: it and its neighbours have no levels,
    /// and the same motion.
    fn is_plain(&self, x: usize, mb: usize) -> bool {
        let blocks = Blocks { infos: self.infos, motion: self.motion };
        let is_above_plain =
            || mb.checked_sub(self.cols).is_none_or(|above| blocks.are_alike(above, mb));
        blocks.is_even(mb) && (x == 0 || blocks.are_alike(mb - 1, mb)) && is_above_plain()
    }
}

impl EdgeFilter<'_> {
    /// Filters the edges of the macroblock at a column and a row, which is a field macroblock if `is_field`.
    pub(crate) fn whole(&mut self, at: (usize, usize), is_field: bool, edges: &MbEdges) {
        self.set_params(edges.params);
        let places = self.places(at, is_field);
        let MbEdges { strengths, qps, .. } = edges;
        let around = if self.set.luma && self.set.chroma {
            surroundings(&mut self.planes, &places)
        } else {
            None
        };
        if let Some((luma, chroma)) = around {
            let [left, above, inner] = qps.map(|qps| self.thresholds.of_planes(qps));
            let edges = DeblockMb {
                strengths: strengths.map(|edges| edges.map(Parts::to_le_bytes)),
                outer: [left, above],
                inner,
            };
            self.kernels.h264_deblock_mb(luma, chroma, &edges);
            return;
        }
        for (direction, edges) in strengths.iter().enumerate() {
            for (edge, &strengths) in edges.iter().enumerate() {
                let qps = qps[if edge == 0 { direction } else { 2 }];
                self.filter_edge(&places, direction == 0, edge, strengths, qps);
            }
        }
    }
}
