//! Rows of the filtered frame.

use codec_simd::{BlockUv, PlaneMut, WindowMut};

use crate::frame::FrameBuf;

/// A row of macroblocks.
#[derive(Debug)]
pub(super) struct OutputRows<'a> {
    /// Samples and stride of Y, U and V.
    planes: [(&'a mut [u8], usize); 3],
}

impl<'a> OutputRows<'a> {
    /// Returns the rows of `frame`, which has no border, from top to bottom.
    pub(super) fn of(frame: &'a mut FrameBuf) -> impl Iterator<Item = Self> {
        let rows = |plane: PlaneMut<'a>, height: usize| {
            let stride = plane.layout().stride;
            plane.into_data().chunks_mut(height * stride).map(move |rows| (rows, stride))
        };
        let [y, u, v] = frame.planes_mut();
        let chroma = rows(u, 8).zip(rows(v, 8));
        rows(y, 16).zip(chroma).map(|(y, (u, v))| Self { planes: [y, u, v] })
    }

    /// Returns the luma of a macroblock.
    #[inline]
    pub(super) fn luma_mut(&mut self, col: usize) -> Option<WindowMut<'_, 16, 16>> {
        let (rows, stride) = &mut self.planes[0];
        WindowMut::new(rows.get_mut(16 * col..)?, *stride)
    }

    /// Stores the chroma of a macroblock.
    #[inline]
    pub(super) fn store_chroma(&mut self, col: usize, pixels: &BlockUv) {
        let [_, planes @ ..] = &mut self.planes;
        for (plane, (rows, stride)) in planes.iter_mut().enumerate() {
            let to = rows.get_mut(8 * col..).and_then(|rows| WindowMut::new(rows, *stride));
            if let Some(mut to) = to {
                to.copy_from(pixels.plane(plane));
            }
        }
    }
}
