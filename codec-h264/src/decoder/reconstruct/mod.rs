//! Reconstruction of macroblocks: prediction and residual. ITU-T H.264, clauses 8.3 to 8.5.

mod inter;
mod intra;
mod lossless;
mod references;

use codec_core::frame::PlaneSet;
use codec_simd::{Kernels, WindowMut, prefetch_rows};

use super::slice_context::SliceContext;
use crate::deblock::{EdgeFilter, ThresholdTable};
use crate::macroblock::{Mb, Prediction};
use crate::planes::{Place, PlaneLines, place};
use inter::InterScratch;
use references::References;

/// How many macroblocks ahead references are prefetched.
const LEAD: usize = 2;

/// Reconstructs macroblocks of a slice.
pub(crate) struct Reconstructor<'a> {
    pub kernels: &'static Kernels,
    pub cx: &'a SliceContext<'a>,
    /// Lines of the planes; without samples in planes that are not in `set`.
    pub planes: [PlaneLines<'a>; 3],
    set: PlaneSet,
    references: References<'a>,
    scratch: InterScratch,
}

impl<'a> Reconstructor<'a> {
    pub(crate) fn new(
        kernels: &'static Kernels,
        cx: &'a SliceContext<'a>,
        planes: [PlaneLines<'a>; 3],
        set: PlaneSet,
    ) -> Self {
        let references = References::new(cx);
        let scratch = InterScratch::default();
        let mut new = Self { kernels, cx, planes, set, references, scratch };
        new.select(set);
        new
    }

    /// Reconstructs the planes `set` from now on.
    pub(crate) fn select(&mut self, set: PlaneSet) {
        self.set = PlaneSet { chroma: set.chroma && self.cx.sps.has_chroma(), ..set };
    }

    /// Returns a filter of the same planes.
    pub(crate) fn edge_filter<'f>(
        &'f mut self,
        thresholds: &'f mut ThresholdTable,
    ) -> EdgeFilter<'f> {
        let planes = self.planes.each_mut();
        EdgeFilter {
            kernels: self.kernels,
            planes: planes.map(|plane| PlaneLines { data: plane.data, stride: plane.stride }),
            set: self.set,
            thresholds,
        }
    }

    /// Returns the chroma planes to reconstruct.
    fn chroma_planes(&self) -> std::ops::Range<usize> {
        if self.set.chroma { 1..3 } else { 0..0 }
    }

    fn place(&self, mb: &Mb, plane: usize) -> Place {
        let size = if plane == 0 { 16 } else { 8 };
        let is_field = self.cx.is_field(mb.is_field);
        place(mb.x, mb.row, is_field, size, self.planes[plane].stride)
    }

    /// Reconstructs macroblocks, and calls `after` after each.
    pub(crate) fn macroblocks(&mut self, mbs: &[Mb], mut after: impl FnMut(&mut Self, &Mb)) {
        for n in 0..mbs.len() + LEAD {
            if let Some(mb) = mbs.get(n) {
                self.prefetch(mb, n.checked_sub(1).map(|before| &mbs[before]));
            }
            if let Some(mb) = n.checked_sub(LEAD).and_then(|n| mbs.get(n)) {
                self.macroblock(mb);
                after(self, mb);
            }
        }
    }

    /// Predicts a macroblock and adds the residual.
    fn macroblock(&mut self, mb: &Mb) {
        self.prefetch_target(mb);
        match mb.prediction {
            Prediction::Pcm => return self.pcm(mb),
            Prediction::Inter(shape) => {
                self.inter(mb, shape);
                self.add_luma(mb);
            }
            _ => {
                self.intra_luma(mb);
                self.intra_chroma(mb);
            }
        }
        self.add_chroma(mb);
    }

    /// Prefetches the samples that macroblocks further right write: of four macroblocks, each
    /// prefetches a part of the lines. Stores to lines that are not in the cache are slow.
    #[inline]
    fn prefetch_target(&self, mb: &Mb) {
        let part = mb.x & 3;
        let ahead = |plane: usize, line: usize, rows: usize| {
            let Place { offset, stride } = self.place(mb, plane);
            prefetch_rows(self.planes[plane].data, offset + line * stride + 64, stride, rows);
        };
        if self.set.luma {
            ahead(0, 4 * part, 4);
        }
        self.chroma_planes().for_each(|plane| ahead(plane, 2 * part, 2));
    }

    fn intra_luma(&mut self, mb: &Mb) {
        if !self.set.luma {
            return;
        }
        match mb.prediction {
            Prediction::Intra16x16(mode) => {
                self.intra_16x16(mb, mode);
                self.add_luma(mb);
            }
            Prediction::Intra4x4(modes) => self.intra_4x4(mb, &modes),
            Prediction::Intra8x8(modes) => self.intra_8x8(mb, modes),
            Prediction::Pcm | Prediction::Inter(_) => {}
        }
    }

    /// Returns the samples of a block at (`x`, `y`) of a macroblock.
    #[inline]
    fn block<const W: usize, const H: usize>(
        &mut self,
        plane: usize,
        place: Place,
        x: usize,
        y: usize,
    ) -> WindowMut<'_, W, H> {
        let data = &mut self.planes[plane].data[place.offset + y * place.stride + x..];
        #[expect(clippy::expect_used, reason = "planes have whole macroblocks")]
        WindowMut::new(data, place.stride).expect("a block inside the plane")
    }

    fn pcm(&mut self, mb: &Mb) {
        if self.set.luma {
            let place = self.place(mb, 0);
            let mut luma = self.block::<16, 16>(0, place, 0, 0);
            for (y, row) in mb.samples.as_chunks::<16>().0[..16].iter().enumerate() {
                *luma.row_mut(y) = *row;
            }
        }
        for plane in self.chroma_planes() {
            let place = self.place(mb, plane);
            let samples = &mb.samples[192 + 64 * plane..][..64];
            let mut chroma = self.block::<8, 8>(plane, place, 0, 0);
            for (y, row) in samples.as_chunks::<8>().0.iter().enumerate() {
                *chroma.row_mut(y) = *row;
            }
        }
    }

    /// Adds the residual of luma.
    fn add_luma(&mut self, mb: &Mb) {
        if mb.coded & 0xffff == 0 || !self.set.luma {
            return;
        }
        if mb.is_lossless {
            return self.add_lossless_luma(mb);
        }
        let (kernels, place) = (self.kernels, self.place(mb, 0));
        let (luma, _) = mb.coeffs.split_at(16);
        if mb.transform_8x8 {
            for n in (0..4).filter(|n| mb.coded >> (4 * n) & 1 == 1) {
                let dst = self.block::<8, 8>(0, place, n % 2 * 8, n / 2 * 8);
                if let Some(coeffs) = luma[4 * n..4 * n + 4].as_flattened().first_chunk() {
                    kernels.h264_idct_add_8x8(coeffs, dst);
                }
            }
        } else if let Some(coeffs) = luma.first_chunk() {
            let dst = self.block::<16, 16>(0, place, 0, 0);
            kernels.h264_idct_add_luma(coeffs, mb.coded & 0xffff, dst);
        }
    }

    /// Adds the residual of both chroma planes.
    fn add_chroma(&mut self, mb: &Mb) {
        let kernels = self.kernels;
        for plane in self.chroma_planes() {
            let mask = mb.coded >> (12 + 4 * plane) & 15;
            if mask == 0 {
                continue;
            }
            if mb.is_lossless {
                self.add_lossless_chroma(mb, plane);
                continue;
            }
            let place = self.place(mb, plane);
            let dst = self.block::<8, 8>(plane, place, 0, 0);
            if let Some(coeffs) = mb.coeffs[12 + 4 * plane..].first_chunk() {
                kernels.h264_idct_add_chroma(coeffs, mask, dst);
            }
        }
    }
}
