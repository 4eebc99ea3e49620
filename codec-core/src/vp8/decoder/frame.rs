//! The stage that makes pixels: prediction, residual, loop filter of one row.

use codec_simd::{Kernels, SubblockMode};

use super::super::header::FrameHeader;
use super::super::loop_filter::{FilterParams, MbStrength, filter_row};
use super::super::predict::{MbEdges, MotionFilter, RefPlanes, UnfilteredLine, predict_inter};
use super::super::recon::{MbWindows, add_residual, reconstruct_intra};
use super::super::rows::MbRow;
use super::super::types::{Reference, SubblockInfo};
use super::parse::MbData;
use super::references::References;

/// Macroblocks in a row from which on rows do not wait in the cache for the next frame.
const PREFETCH_COLS: usize = 64;

/// What the reconstruction of all rows of a frame shares.
#[derive(Debug)]
pub(super) struct FrameTask<'a> {
    kernels: &'static Kernels,
    pub(super) filter: FilterParams,
    motion: MotionFilter,
    /// Last, golden, altref.
    references: Option<[RefPlanes<'a>; 3]>,
    pub(super) cols: usize,
}

impl<'a> FrameTask<'a> {
    pub(super) fn new(
        kernels: &'static Kernels,
        header: &FrameHeader,
        version: u8,
        references: Option<&'a References>,
        cols: usize,
    ) -> Self {
        let planes = |references: &'a References| {
            [Reference::Last, Reference::Golden, Reference::Altref]
                .map(|reference| RefPlanes::from(references.get(reference)))
        };
        Self {
            kernels,
            filter: FilterParams::new(header),
            motion: MotionFilter::of_profile(version),
            references: references.map(planes),
            cols,
        }
    }

    /// The reference of an inter macroblock; `None` for an intra one.
    #[inline]
    fn reference(&self, reference: Reference) -> Option<&RefPlanes<'a>> {
        let index = (reference as usize).checked_sub(1)?;
        self.references.as_ref()?.get(index)
    }

    /// Asks for what macroblocks right of `x` are likely to need: their place in the last frame and
    /// in this one.
    #[inline]
    pub(super) fn prefetch(&self, (x, y): (usize, usize), row: &MbRow<'_>) {
        const LINE_MBS: usize = 4;
        if !x.is_multiple_of(LINE_MBS) {
            return;
        }
        let (luma, chroma) = (16 * (x + LINE_MBS), 8 * (x + 2 * LINE_MBS));
        if let Some([last, ..]) = &self.references
            && self.cols >= PREFETCH_COLS
        {
            last.y.prefetch(luma, 16 * y, 16);
            row.y.prefetch(luma, 16);
            if x.is_multiple_of(2 * LINE_MBS) {
                last.u.prefetch(chroma, 8 * y, 8);
                last.v.prefetch(chroma, 8 * y, 8);
                row.u.prefetch(chroma, 8);
                row.v.prefetch(chroma, 8);
            }
        }
    }

    /// Reconstructs macroblock `x` of row `y`, unfiltered. `above`: the last line of the row
    /// above. The coefficients are clear afterwards.
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
        match (self.reference(info.reference), &*subblocks) {
            (Some(refs), SubblockInfo::Inter(mvs)) => {
                let mut windows = windows(row, x);
                let blocks = (windows.y.reborrow(), windows.u.reborrow(), windows.v.reborrow());
                predict_inter(self.kernels, self.motion, refs, info, mvs, (x, y), blocks);
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
                reconstruct_intra(self.kernels, info, modes, &edges, coeffs, windows(row, x));
            }
        }
        if has_coeffs {
            coeffs.clear();
        }
    }

    /// Filters a row that is reconstructed, below one that is filtered.
    pub(super) fn filter(
        &self,
        strengths: &[MbStrength],
        row: &mut MbRow<'_>,
        above: Option<&mut MbRow<'_>>,
    ) {
        filter_row(self.kernels, &self.filter, strengths.iter().copied(), row, above);
    }
}

#[inline]
fn windows<'r>(row: &'r mut MbRow<'_>, x: usize) -> MbWindows<'r> {
    MbWindows {
        y: row.y.window_mut(16 * x, 0),
        u: row.u.window_mut(8 * x, 0),
        v: row.v.window_mut(8 * x, 0),
    }
}
