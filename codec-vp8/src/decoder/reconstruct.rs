//! Reconstruction stage: prediction, residual and loop filter of one row.

use std::ops::Range;

use codec_simd::{IntraMode, Kernels, SubblockMode};

use super::super::header::FrameHeader;
use super::super::loop_filter::{FilterParams, MbStrength, filter_row, filter_row_pair};
use super::super::predict::{MbEdges, MotionFilter, RefPlanes, UnfilteredLine, predict_inter};
use super::super::recon::{MbWindows, add_residual, reconstruct_intra};
use super::super::rows::MbRow;
use super::super::types::{
    InterMode, IntraLuma, MbInfo, MbMode, MotionVector, Reference, SubblockInfo,
};
use super::parse::MbData;
use super::references::References;

/// Minimum length in macroblocks of a static run that is copied line by line.
const LONG_RUN: usize = 12;
/// Number of macroblock columns from which on the previous frame's rows have left the cache, so
/// that prefetching helps.
const PREFETCH_COLS: usize = 64;

/// Inputs of the reconstruction of all rows of a frame.
#[derive(Debug)]
pub(super) struct Reconstructor<'a> {
    kernels: &'static Kernels,
    pub(super) filter: FilterParams,
    motion: MotionFilter,
    /// Planes of last, golden and altref.
    references: Option<[RefPlanes<'a>; 3]>,
    pub(super) cols: usize,
}

impl<'a> Reconstructor<'a> {
    pub(super) fn new(
        kernels: &'static Kernels,
        header: &FrameHeader,
        version: u8,
        references: Option<&'a References>,
        cols: usize,
    ) -> Self {
        let planes = |references: &'a References| {
            Reference::ALL.map(|reference| RefPlanes::from(references.get(reference)))
        };
        Self {
            kernels,
            filter: FilterParams::new(header),
            motion: MotionFilter::of_profile(version),
            references: references.map(planes),
            cols,
        }
    }

    /// Returns the reference, mode and vector of an inter macroblock; `None` for an intra one.
    #[inline]
    fn prediction(&self, mode: MbMode) -> Option<(&RefPlanes<'a>, InterMode, MotionVector)> {
        let MbMode::Inter { reference, mode, mv } = mode else { return None };
        let planes = self.references.as_ref()?.get(reference as usize)?;
        Some((planes, mode, mv))
    }

    /// Prefetches the data that macroblocks to the right of `x` are likely to need: their position
    /// in the last frame and in this one. Each macroblock prefetches its share of the cache lines
    /// after the next.
    #[inline]
    pub(super) fn prefetch(&self, (x, y): (usize, usize), row: &MbRow<'_>) {
        const LINE_MBS: usize = 4;
        if let Some([last, ..]) = &self.references
            && self.cols >= PREFETCH_COLS
        {
            let (share, chroma_share) = (x % LINE_MBS * 4, x % (2 * LINE_MBS));
            let luma = 16 * (x - x % LINE_MBS + 2 * LINE_MBS);
            let chroma = 8 * (x - chroma_share + 4 * LINE_MBS);
            last.y.prefetch(luma, 16 * y + share, 4);
            row.y.prefetch_from(luma, share, 4);
            last.u.prefetch(chroma, 8 * y + chroma_share, 1);
            last.v.prefetch(chroma, 8 * y + chroma_share, 1);
            row.u.prefetch_from(chroma, chroma_share, 1);
            row.v.prefetch_from(chroma, chroma_share, 1);
        }
    }

    /// Reconstructs macroblock `x` of row `y` without filtering. `above` is the last line of the
    /// row above. Clears the coefficients.
    #[inline]
    pub(super) fn reconstruct(
        &self,
        (x, y): (usize, usize),
        mb: &mut MbData,
        above: Option<&UnfilteredLine>,
        row: &mut MbRow<'_>,
    ) {
        let MbData { info, subblocks, coeffs } = mb;
        let has_coeffs = info.has_coeffs;
        match (self.prediction(info.mode), &*subblocks) {
            (Some((refs, mode, mv)), SubblockInfo::Inter(mvs)) => {
                let mut windows = row.mb(x);
                let blocks = (windows.y.reborrow(), windows.u.reborrow(), windows.v.reborrow());
                predict_inter(self.kernels, self.motion, refs, (mode, mv), mvs, (x, y), blocks);
                if has_coeffs {
                    add_residual(self.kernels, coeffs, windows);
                }
            }
            (_, subblocks) => {
                let edges = MbEdges::new(row, above, x, self.cols);
                let modes = match subblocks {
                    SubblockInfo::Intra(modes) => modes,
                    SubblockInfo::Inter(_) => &[SubblockMode::Dc; 16],
                };
                // Without references, which only damaged streams lack, inter counts as intra.
                let whole = match info.mode {
                    MbMode::Intra { luma, chroma } => (luma, chroma),
                    MbMode::Inter { .. } => (IntraLuma::PerBlock, IntraMode::Dc),
                };
                reconstruct_intra(self.kernels, whole, modes, &edges, coeffs, row.mb(x));
            }
        }
        if has_coeffs {
            coeffs.clear();
        }
    }

    /// Returns whether a macroblock is an exact copy of the last frame.
    #[inline]
    pub(super) fn is_static(&self, info: &MbInfo) -> bool {
        matches!(
            info.mode,
            MbMode::Inter {
                reference: Reference::Last,
                mode: InterMode::Nearest | InterMode::Near | InterMode::Zero | InterMode::New,
                mv: MotionVector::ZERO,
            }
        ) && !info.has_coeffs
            && self.references.is_some()
    }

    /// Reconstructs the static macroblocks of row `y` in columns `run`. Long runs, which are common
    /// in screen content, are copied line by line.
    #[inline]
    pub(super) fn copy_static_run(&self, run: Range<usize>, y: usize, row: &mut MbRow<'_>) {
        if run.is_empty() {
            return;
        }
        let Some([last, ..]) = &self.references else { return };
        if run.len() >= LONG_RUN {
            for (line, from) in (0..16).map(|line| (line, last.y.row(16 * y + line))) {
                row.y.put(16 * run.start, line, &from[16 * run.start..16 * run.end]);
            }
            for (from, to) in [(&last.u, &mut row.u), (&last.v, &mut row.v)] {
                for line in 0..8 {
                    let from = from.row(8 * y + line);
                    to.put(8 * run.start, line, &from[8 * run.start..8 * run.end]);
                }
            }
            return;
        }
        let still = (InterMode::Zero, MotionVector::ZERO);
        for x in run {
            let MbWindows { y: luma, u, v } = row.mb(x);
            let vectors = &[MotionVector::ZERO; 16];
            predict_inter(self.kernels, self.motion, last, still, vectors, (x, y), (luma, u, v));
        }
    }

    /// Filters a reconstructed row; the row above must be filtered already.
    pub(super) fn filter(
        &self,
        strengths: &[MbStrength],
        row: &mut MbRow<'_>,
        above: Option<&mut MbRow<'_>>,
    ) {
        filter_row(self.kernels, &self.filter, strengths.iter().copied(), row, above);
    }

    /// Filters two successive reconstructed rows like [`Self::filter`].
    pub(super) fn filter_pair(
        &self,
        strengths: [&[MbStrength]; 2],
        rows: [&mut MbRow<'_>; 2],
        above: Option<&mut MbRow<'_>>,
    ) {
        filter_row_pair(self.kernels, &self.filter, strengths, rows, above);
    }
}
