//! Reconstruction of intra macroblocks. ITU-T H.264, clause 8.3.

use super::Reconstructor;
use super::lossless::{Differences, add_block};
use crate::macroblock::{BLOCKS, Mb, ORDER};
use crate::planes::Place;
use crate::predict::intra::{
    Edges, SmallEdges, filter_8x8, predict_16x16, predict_chroma, predict_small,
};

/// Value of missing samples.
const GREY: u8 = 128;

impl Reconstructor<'_> {
    /// Returns the sample left of and above a position.
    #[inline]
    fn corner(&self, plane: usize, place: Place, x: usize, y: usize) -> u8 {
        let at = (place.offset + y * place.stride + x).checked_sub(place.stride + 1);
        at.map_or(GREY, |at| self.planes[plane].data[at])
    }

    /// Returns `N` samples above a position.
    #[inline]
    fn above<const N: usize>(&self, plane: usize, place: Place, x: usize, y: usize) -> [u8; N] {
        let at = (place.offset + y * place.stride + x).checked_sub(place.stride);
        let samples = at.and_then(|at| self.planes[plane].data[at..].first_chunk());
        samples.copied().unwrap_or([GREY; N])
    }

    /// Returns `N` samples left of a position, from top to bottom.
    #[inline]
    fn beside<const N: usize>(&self, plane: usize, place: Place, x: usize, y: usize) -> [u8; N] {
        let Some(first) = (place.offset + y * place.stride + x).checked_sub(1) else {
            return [GREY; N];
        };
        let data = &self.planes[plane].data;
        std::array::from_fn(|n| data[first + n * place.stride])
    }

    /// Returns the samples around a whole plane of the macroblock.
    fn edges<const N: usize>(&self, mb: &Mb, plane: usize, place: Place) -> Edges<N> {
        let has = mb.edges;
        Edges {
            left: if has.left == [false; 2] { [GREY; N] } else { self.beside(plane, place, 0, 0) },
            top: if has.top { self.above(plane, place, 0, 0) } else { [GREY; N] },
            corner: if has.top_left { self.corner(plane, place, 0, 0) } else { GREY },
            has_left: has.left,
            has_top: has.top,
        }
    }

    pub(super) fn intra_16x16(&mut self, mb: &Mb, mode: u8) {
        let place = self.place(mb, 0);
        let edges = self.edges(mb, 0, place);
        predict_16x16(mode, &edges, self.block(0, place, 0, 0));
    }

    pub(super) fn intra_chroma(&mut self, mb: &Mb) {
        for plane in self.chroma_planes() {
            let place = self.place(mb, plane);
            let edges = self.edges(mb, plane, place);
            predict_chroma(mb.chroma_mode, &edges, self.block(plane, place, 0, 0));
        }
    }

    /// Returns the samples around the block at (`x`, `y`), in samples.
    fn small_edges<const N: usize>(
        &self,
        mb: &Mb,
        place: Place,
        x: usize,
        y: usize,
    ) -> SmallEdges<N> {
        let has = mb.edges;
        let has_left = x > 0 || has.left[y / 8];
        let has_top = y > 0 || has.top;
        let has_corner = match (x, y) {
            (0, 0) => has.top_left,
            (0, _) => has.left[(y - 1) / 8],
            (_, 0) => has.top,
            _ => true,
        };
        let right = x + N;
        let has_top_right = match (right, y) {
            (16, 0) => has.top_right,
            (_, 0) => has.top,
            (16, _) => false,
            _ => ORDER[((y - 1) & !3) | (right / 4)] < ORDER[(y & !3) | (x / 4)],
        };
        let top = if has_top { self.above(0, place, x, y) } else { [GREY; N] };
        SmallEdges {
            left: if has_left { self.beside(0, place, x, y) } else { [GREY; N] },
            corner: if has_corner { self.corner(0, place, x, y) } else { GREY },
            top,
            top_right: if has_top_right { self.above(0, place, right, y) } else { [top[N - 1]; N] },
            has_left,
            has_top,
            has_corner,
        }
    }

    pub(super) fn intra_4x4(&mut self, mb: &Mb, modes: &[u8; 16]) {
        let (kernels, place) = (self.kernels, self.place(mb, 0));
        for (n, ((x, y), &mode)) in BLOCKS.into_iter().zip(modes).enumerate() {
            let (x, y) = (4 * x, 4 * y);
            let edges = self.small_edges::<4>(mb, place, x, y);
            predict_small(mode, &edges, self.block(0, place, x, y));
            if mb.coded >> n & 1 == 0 {
                continue;
            }
            let dst = self.block::<4, 4>(0, place, x, y);
            if mb.is_lossless {
                add_block(&mb.coeffs[n], Differences::of_luma(mode), dst);
            } else {
                kernels.h264_idct_add_4x4(&mb.coeffs[n], dst);
            }
        }
    }

    pub(super) fn intra_8x8(&mut self, mb: &Mb, modes: [u8; 4]) {
        let (kernels, place) = (self.kernels, self.place(mb, 0));
        for (n, mode) in modes.into_iter().enumerate() {
            let (x, y) = (n % 2 * 8, n / 2 * 8);
            let edges = filter_8x8(&self.small_edges::<8>(mb, place, x, y));
            predict_small(mode, &edges, self.block(0, place, x, y));
            if mb.coded >> (4 * n) & 1 == 0 {
                continue;
            }
            let (coeffs, dst) =
                (mb.coeffs[4 * n..4 * n + 4].as_flattened(), self.block(0, place, x, y));
            if mb.is_lossless {
                add_block::<8>(coeffs, Differences::of_luma(mode), dst);
            } else if let Some(coeffs) = coeffs.first_chunk() {
                kernels.h264_idct_add_8x8(coeffs, dst);
            }
        }
    }
}
