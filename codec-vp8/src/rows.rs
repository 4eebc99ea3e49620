//! Splitting of a frame into macroblock rows that can be written independently.

use codec_simd::{PlaneMut, Window, WindowMut, prefetch_rows};

use codec_core::frame::FrameBuf;

/// Lines of one plane that belong to one macroblock row.
#[derive(Debug)]
pub struct RowPlane<'a> {
    /// Starts at the first byte of the left border.
    data: &'a mut [u8],
    stride: usize,
    pad: usize,
}

impl RowPlane<'_> {
    /// Returns the `W` x `H` pixels whose top-left is column `x` (relative to the first visible
    /// pixel) of line `y`.
    ///
    /// # Panics
    /// If they do not lie inside the row.
    #[inline]
    pub fn window_mut<const W: usize, const H: usize>(
        &mut self,
        x: usize,
        y: usize,
    ) -> WindowMut<'_, W, H> {
        let from = y * self.stride + self.pad + x;
        #[expect(clippy::expect_used, reason = "documented: the caller stays inside")]
        WindowMut::new(&mut self.data[from..], self.stride).expect("block inside the row")
    }

    /// Returns the pixels like [`Self::window_mut`], for reading.
    ///
    /// # Panics
    /// If they do not lie inside the row.
    #[inline]
    #[must_use]
    pub fn window<const W: usize, const H: usize>(&self, x: usize, y: usize) -> Window<'_, W, H> {
        let from = y * self.stride + self.pad + x;
        #[expect(clippy::expect_used, reason = "documented: the caller stays inside")]
        Window::new(&self.data[from..], self.stride).expect("block inside the row")
    }

    /// Returns all bytes of the lines, starting at the left border.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.data
    }

    /// Prefetches the cache lines of the first `lines` lines at column `x`.
    #[inline]
    pub fn prefetch(&self, x: usize, lines: usize) {
        self.prefetch_from(x, 0, lines);
    }

    /// Prefetches the cache lines of `lines` lines from `y` on at column `x`.
    #[inline]
    pub fn prefetch_from(&self, x: usize, y: usize, lines: usize) {
        prefetch_rows(self.data, y * self.stride + self.pad + x, self.stride, lines);
    }

    /// Returns line `y` from its first visible pixel to the end of its memory.
    ///
    /// # Panics
    /// If the line does not exist.
    #[inline]
    #[must_use]
    pub fn line(&self, y: usize) -> &[u8] {
        &self.data[y * self.stride + self.pad..]
    }

    /// Copies `pixels` to line `y` from column `x` on.
    ///
    /// # Panics
    /// If they do not lie inside the row.
    #[inline]
    pub fn put(&mut self, x: usize, y: usize, pixels: &[u8]) {
        let from = y * self.stride + self.pad + x;
        self.data[from..from + pixels.len()].copy_from_slice(pixels);
    }

    /// Returns the top `H` pixels of column `x`.
    ///
    /// # Panics
    /// If they do not lie inside the row.
    #[inline]
    #[must_use]
    pub fn column<const H: usize>(&self, x: usize) -> [u8; H] {
        let window = self.window::<1, H>(x, 0);
        std::array::from_fn(|y| window.row(y)[0])
    }
}

/// One macroblock row of a frame: sixteen luma lines and eight lines of each chroma plane.
#[derive(Debug)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub struct MbRow<'a> {
    pub y: RowPlane<'a>,
    pub u: RowPlane<'a>,
    pub v: RowPlane<'a>,
}

/// Returns the macroblock rows of `frame` from top to bottom.
///
/// Each borrows its own lines.
pub fn mb_rows(frame: &mut FrameBuf) -> impl Iterator<Item = MbRow<'_>> {
    let [y, u, v] = frame.planes_mut();
    let rows = lines::<16>(y).zip(lines::<8>(u)).zip(lines::<8>(v));
    rows.map(|((y, u), v)| MbRow { y, u, v })
}

fn lines<const H: usize>(plane: PlaneMut<'_>) -> impl Iterator<Item = RowPlane<'_>> {
    let layout = plane.layout();
    let (stride, pad) = (layout.stride, layout.pad);
    let data = &mut plane.into_data()[pad * stride..];
    let rows = data.chunks_mut(H * stride).take(layout.height / H);
    rows.map(move |data| RowPlane { data, stride, pad })
}
