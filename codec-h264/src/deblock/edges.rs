//! Filtering of whole edges of a macroblock. ITU-T H.264, clause 8.7.2.

use codec_core::frame::PlaneSet;
use codec_simd::{DeblockEdge, DeblockThresholds, Kernels, WindowMut};

use super::strength::Parts;
use crate::macroblock::MbInfo;
use crate::planes::{Place, PlaneLines, place};
use crate::slice::Deblocking;
use crate::tables::deblock::{ALPHA, BETA, TC0};

/// The thresholds of a slice by quantiser.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThresholdTable {
    pub params: Deblocking,
    by_qp: [DeblockThresholds; 64],
}

/// The mean quantisers of an edge in bytes: of luma, in the lowest, of Cb and Cr. An array of bytes would
/// be copied before its stores are complete.
pub(super) type EdgeQps = u32;

/// Returns the mean quantisers of the edges between two macroblocks.
#[inline]
pub(super) fn mean_qps(p: &MbInfo, q: &MbInfo) -> EdgeQps {
    let packed = |mb: &MbInfo| u32::from_le_bytes([mb.qp, mb.chroma_qp[0], mb.chroma_qp[1], 0]);
    let (p, q) = (packed(p), packed(q));
    (p | q) - ((p ^ q) >> 1 & 0x7f_7f7f)
}

impl ThresholdTable {
    pub(crate) fn new(params: Deblocking) -> Self {
        let by_qp = std::array::from_fn(|qp| {
            let index = |offset: i8| qp.min(51).saturating_add_signed(offset.into()).min(51);
            let index_a = index(params.alpha_offset);
            let (alpha, beta) = (ALPHA[index_a], BETA[index(params.beta_offset)]);
            DeblockThresholds { alpha, beta, limits: TC0[index_a] }
        });
        Self { params, by_qp }
    }

    /// Returns the thresholds of an edge in a plane.
    #[inline]
    pub(super) fn of(&self, qps: EdgeQps, plane: usize) -> &DeblockThresholds {
        &self.by_qp[(qps >> (8 * plane) & 63) as usize]
    }

    /// Returns the thresholds of the planes of an edge.
    #[inline]
    pub(super) fn of_planes(&self, qps: EdgeQps) -> [&DeblockThresholds; 3] {
        [0, 1, 2].map(|plane| self.of(qps, plane))
    }
}

/// Returns a window into a plane whose first sample is `back` before an offset.
#[inline]
pub(super) fn window<'a, const W: usize, const H: usize>(
    plane: &'a mut PlaneLines<'_>,
    offset: usize,
    back: usize,
    stride: usize,
) -> Option<WindowMut<'a, W, H>> {
    WindowMut::new(plane.data.get_mut(offset.checked_sub(back)?..)?, stride)
}

/// The samples of a macroblock with four columns on the left, and four luma or two chroma lines
/// above.
type Surroundings<'a> = (WindowMut<'a, 20, 20>, [WindowMut<'a, 12, 10>; 2]);

/// Returns the samples that the edges of a macroblock read; `None` for one at the top of the
/// picture.
#[inline]
pub(super) fn surroundings<'a>(
    planes: &'a mut [PlaneLines<'_>; 3],
    places: &[Place; 3],
) -> Option<Surroundings<'a>> {
    let [luma, cb, cr] = planes;
    let [at_luma, at_cb, at_cr] = places;
    let luma = window(luma, at_luma.offset, 4 * at_luma.stride + 4, at_luma.stride)?;
    let cb = window(cb, at_cb.offset, 2 * at_cb.stride + 4, at_cb.stride)?;
    let cr = window(cr, at_cr.offset, 2 * at_cr.stride + 4, at_cr.stride)?;
    Some((luma, [cb, cr]))
}

/// Filters edges in the planes of a picture.
pub(crate) struct EdgeFilter<'a> {
    pub kernels: &'static Kernels,
    /// Lines of the planes; without samples in planes that are not in `set`.
    pub planes: [PlaneLines<'a>; 3],
    /// The planes to filter.
    pub set: PlaneSet,
    /// Thresholds of the current slice.
    pub thresholds: &'a mut ThresholdTable,
}

impl EdgeFilter<'_> {
    /// Sets the parameters of the slice of the next edges.
    #[inline]
    pub(super) fn set_params(&mut self, params: Deblocking) {
        if self.thresholds.params != params {
            *self.thresholds = ThresholdTable::new(params);
        }
    }

    /// Returns the places of a macroblock in the planes.
    #[inline]
    pub(super) fn places(&self, (x, row): (usize, usize), is_field: bool) -> [Place; 3] {
        let sizes = [16, 8, 8];
        std::array::from_fn(|plane| {
            place(x, row, is_field, sizes[plane], self.planes[plane].stride)
        })
    }

    /// Filters an edge in all planes, with the mean quantisers `qps`. `places` are the places of the
    /// macroblock, `edge` is the number of the edge in blocks of four samples.
    #[inline]
    pub(super) fn filter_edge(
        &mut self,
        places: &[Place; 3],
        is_vertical: bool,
        edge: usize,
        strengths: Parts,
        qps: EdgeQps,
    ) {
        let strengths = strengths.to_le_bytes();
        if self.set.luma
            && let Some(limits) = self.thresholds.of(qps, 0).edge(strengths)
        {
            self.luma_edge(places[0], is_vertical, edge, limits);
        }
        if !self.set.chroma || edge % 2 == 1 {
            return;
        }
        if qps >> 8 & 255 == qps >> 16 {
            if let Some(limits) = self.thresholds.of(qps, 1).edge(strengths) {
                self.chroma_edges(places[1], is_vertical, edge / 2, limits);
            }
            return;
        }
        for (plane, &place) in places.iter().enumerate().skip(1) {
            if let Some(limits) = self.thresholds.of(qps, plane).edge(strengths) {
                self.chroma_edge(plane, place, is_vertical, edge / 2, limits);
            }
        }
    }

    #[inline]
    fn luma_edge(&mut self, place: Place, is_vertical: bool, edge: usize, limits: DeblockEdge) {
        let (kernels, stride) = (self.kernels, place.stride);
        let plane = &mut self.planes[0];
        if is_vertical {
            if let Some(pixels) = window(plane, place.offset + 4 * edge, 4, stride) {
                kernels.h264_deblock_luma_v(pixels, limits);
            }
        } else if let Some(pixels) =
            window::<16, 8>(plane, place.offset + 4 * edge * stride, 4 * stride, stride)
        {
            let (above, below) = pixels.into_row_halves();
            kernels.h264_deblock_luma_h(above, below, limits);
        }
    }

    /// Filters an edge of both chroma planes, which have the same layout; `edge` is 0 or 1.
    #[inline]
    fn chroma_edges(&mut self, place: Place, is_vertical: bool, edge: usize, limits: DeblockEdge) {
        let (kernels, stride) = (self.kernels, place.stride);
        let [_, cb, cr] = &mut self.planes;
        if is_vertical {
            let at = place.offset + 4 * edge;
            if let (Some(cb), Some(cr)) = (window(cb, at, 2, stride), window(cr, at, 2, stride)) {
                kernels.h264_deblock_chroma_pair_v([cb, cr], limits);
            }
        } else {
            let (at, back) = (place.offset + 4 * edge * stride, 2 * stride);
            if let (Some(cb), Some(cr)) =
                (window(cb, at, back, stride), window(cr, at, back, stride))
            {
                kernels.h264_deblock_chroma_pair_h([cb, cr], limits);
            }
        }
    }

    /// Filters an edge of a chroma plane; `edge` is 0 or 1.
    fn chroma_edge(
        &mut self,
        plane: usize,
        place: Place,
        is_vertical: bool,
        edge: usize,
        limits: DeblockEdge,
    ) {
        let (kernels, stride) = (self.kernels, place.stride);
        let plane = &mut self.planes[plane];
        if is_vertical {
            if let Some(pixels) = window(plane, place.offset + 4 * edge, 2, stride) {
                kernels.h264_deblock_chroma_v(pixels, limits);
            }
        } else if let Some(pixels) =
            window::<8, 4>(plane, place.offset + 4 * edge * stride, 2 * stride, stride)
        {
            let (above, below) = pixels.into_row_halves();
            kernels.h264_deblock_chroma_h(above, below, limits);
        }
    }
}
