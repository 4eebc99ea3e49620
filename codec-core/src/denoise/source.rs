//! Source pixels of macroblocks: luma with a border for smoothing, and chroma.

use codec_simd::{Kernels, Layout, PlaneRef, Window};

use crate::frame::{Chroma, Picture, SourceMb};

/// 16x16 pixels with a border of one pixel.
pub(super) type Bordered = [[u8; 18]; 18];

/// Sixteen luma rows, with the row above and the row below them.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceRows<'a> {
    plane: PlaneRef<'a>,
    /// The first of the sixteen rows.
    top: usize,
    /// The bytes from the row above on, if all eighteen rows are inside the plane.
    rows: &'a [u8],
    stride: usize,
}

impl<'a> SourceRows<'a> {
    pub(super) fn new(plane: PlaneRef<'a>, top: usize) -> Self {
        let Layout { height, .. } = plane.layout();
        let (pixels, stride) = plane.pixels();
        let is_inside = top > 0 && top + 17 <= height;
        let from = if is_inside { (top - 1) * stride } else { pixels.len() };
        Self { plane, top, rows: pixels.get(from..).unwrap_or_default(), stride }
    }

    /// Returns the pixels of the macroblock column `col`. Pixels outside the plane repeat its edge;
    /// if the window has such pixels, it is a view of `scratch`.
    #[inline]
    pub(super) fn window<'b>(&self, col: usize, scratch: &'b mut Bordered) -> Window<'b, 18, 18>
    where
        'a: 'b,
    {
        let left = 16 * col;
        let is_inside = col > 0 && left + 17 <= self.plane.layout().width;
        let rows = if is_inside { self.rows.get(left - 1..) } else { None };
        match rows.and_then(|rows| Window::new(rows, self.stride)) {
            Some(window) => window,
            None => self.replicated(left, scratch),
        }
    }

    fn replicated<'b>(&self, left: usize, scratch: &'b mut Bordered) -> Window<'b, 18, 18> {
        let bottom = self.plane.layout().height - 1;
        for (y, pixels) in scratch.iter_mut().enumerate() {
            let row = self.plane.row((self.top + y).saturating_sub(1).min(bottom));
            bordered_row(row, left, pixels);
        }
        Window::packed(scratch)
    }
}

/// Eight rows of both planes of chroma.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChromaRows<'a> {
    kernels: &'a Kernels,
    picture: &'a Picture<'a>,
    row: usize,
    /// The bytes of U and of V from the first of the rows on, and their strides, if the rows are
    /// inside planes of their own.
    planes: [(&'a [u8], usize); 2],
    /// Number of macroblocks that are inside the planes.
    inside: usize,
}

impl<'a> ChromaRows<'a> {
    /// Returns the chroma rows of the macroblock row `row`.
    pub(super) fn new(kernels: &'a Kernels, picture: &'a Picture<'a>, row: usize) -> Self {
        let (mut planes, mut inside): ([(&[u8], usize); 2], _) = ([(&[], 0); 2], 0);
        if let Chroma::Planar { u, v } = picture.chroma() {
            let Layout { width, height, .. } = u.layout();
            if 8 * row + 8 <= height {
                inside = width / 8;
                planes = [u, v].map(|plane| {
                    let (pixels, stride) = plane.pixels();
                    (pixels.get(8 * row * stride..).unwrap_or_default(), stride)
                });
            }
        }
        Self { kernels, picture, row, planes, inside }
    }

    /// Copies the chroma of the macroblock column `col` to `mb`.
    #[inline]
    pub(super) fn gather(&self, col: usize, mb: &mut SourceMb) {
        let window = |n: usize| {
            let (pixels, stride) = self.planes[n];
            Window::<8, 8>::new(pixels.get(8 * col..)?, stride)
        };
        if col < self.inside
            && let (Some(u), Some(v)) = (window(0), window(1))
        {
            for (y, out) in mb.chroma.0.iter_mut().enumerate() {
                out[..8].copy_from_slice(u.row(y));
                out[8..].copy_from_slice(v.row(y));
            }
            return;
        }
        mb.gather_chroma(self.kernels, self.picture, col, self.row);
    }
}

/// Copies `row` from the pixel before `left` on. Pixels outside repeat the first or the last one.
fn bordered_row(row: &[u8], left: usize, pixels: &mut [u8; 18]) {
    let seen = row.get(left.saturating_sub(1)..).unwrap_or_default();
    // Copies of fixed lengths take few instructions; frames have many edges.
    match (left, seen.first_chunk::<18>(), seen.first_chunk::<17>()) {
        (1.., Some(all), _) => *pixels = *all,
        (0, _, Some(rest)) => {
            pixels[0] = rest[0];
            pixels[1..].copy_from_slice(rest);
        }
        (1.., None, Some(rest)) => {
            pixels[..17].copy_from_slice(rest);
            pixels[17] = rest[16];
        }
        _ => {
            for (x, pixel) in pixels.iter_mut().enumerate() {
                *pixel = row[(left + x).saturating_sub(1).min(row.len() - 1)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_outside_the_plane_repeat_its_edge() {
        let data: Vec<u8> = (0..=254).cycle().take(50 * 20).collect();
        for width in [16, 32, 37, 48] {
            let layout = Layout { stride: 50, width, height: 19, pad: 0 };
            let plane = PlaneRef::new(&data, layout).unwrap();
            for (top, col) in [(0, 0), (1, 0), (1, 1), (1, 2), (16, 1), (16, 2)] {
                if 16 * col >= width {
                    continue;
                }
                let mut scratch = [[0; 18]; 18];
                let window = SourceRows::new(plane, top).window(col, &mut scratch);
                for y in 0..18 {
                    for x in 0..18 {
                        let from = plane.row((top + y).saturating_sub(1).min(18));
                        assert_eq!(
                            window.row(y)[x],
                            from[(16 * col + x).saturating_sub(1).min(width - 1)]
                        );
                    }
                }
            }
        }
    }
}
