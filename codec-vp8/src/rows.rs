//! Splitting of a frame into macroblock rows that can be written independently.

use codec_simd::{PlaneMut, Window, WindowMut, YuvWindows, prefetch_rows};

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
    /// Returns a shorter borrow of the same lines.
    #[inline]
    pub fn reborrow(&mut self) -> RowPlane<'_> {
        RowPlane { data: self.data, stride: self.stride, pad: self.pad }
    }

    /// Returns the `W` x `H` pixels whose top-left is column `x` (relative to the first visible
    /// pixel) of line `y`.
    ///
    /// # Panics
    /// If the pixels do not lie inside the row.
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
    /// If the pixels do not lie inside the row.
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
    /// If the pixels do not lie inside the row.
    #[inline]
    pub fn put(&mut self, x: usize, y: usize, pixels: &[u8]) {
        let from = y * self.stride + self.pad + x;
        self.data[from..from + pixels.len()].copy_from_slice(pixels);
    }

    /// Returns the top `H` pixels of column `x`.
    ///
    /// # Panics
    /// If the pixels do not lie inside the row.
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

impl MbRow<'_> {
    /// Returns a shorter borrow of the same lines.
    #[inline]
    pub fn reborrow(&mut self) -> MbRow<'_> {
        MbRow { y: self.y.reborrow(), u: self.u.reborrow(), v: self.v.reborrow() }
    }

    /// Returns the pixels of macroblock `x`.
    #[inline]
    pub fn mb(&mut self, x: usize) -> YuvWindows<'_, 16, 16, 8, 8> {
        self.windows(16 * x, 8 * x, 0, 0)
    }

    /// Returns the pixels on both sides of the left edge of macroblock `x`, which must not be 0.
    #[inline]
    pub fn left_edge(&mut self, x: usize) -> YuvWindows<'_, 8, 16, 8, 8> {
        self.windows(16 * x - 4, 8 * x - 4, 0, 0)
    }

    /// Returns the first four lines of macroblock `x`.
    #[inline]
    pub fn top(&mut self, x: usize) -> YuvWindows<'_, 16, 4, 8, 4> {
        self.windows(16 * x, 8 * x, 0, 0)
    }

    /// Returns the last four lines of macroblock `x`.
    #[inline]
    pub fn bottom(&mut self, x: usize) -> YuvWindows<'_, 16, 4, 8, 4> {
        self.windows(16 * x, 8 * x, 12, 4)
    }

    /// Returns the pixels of macroblock `x`, which must not be 0, and the four columns to its left.
    #[inline]
    pub fn mb_with_left(&mut self, x: usize) -> YuvWindows<'_, 20, 16, 12, 8> {
        self.windows(16 * x - 4, 8 * x - 4, 0, 0)
    }

    /// Returns the pixels of macroblock `x` like [`Self::mb_with_left`], and the last four lines of
    /// macroblock `x - 2`.
    #[inline]
    pub fn mb_and_bottom(
        &mut self,
        x: usize,
    ) -> (YuvWindows<'_, 20, 16, 12, 8>, YuvWindows<'_, 16, 4, 8, 4>) {
        let YuvWindows { y, u, v } = self.windows::<48, 16, 24, 8>(16 * x - 32, 8 * x - 16, 0, 0);
        let ((left_y, y), (left_u, u), (left_v, v)) =
            (y.into_sides(), u.into_sides(), v.into_sides());
        let bottom = YuvWindows {
            y: WindowMut::<16, 16>::into_sub(left_y, 0, 12),
            u: WindowMut::<8, 8>::into_sub(left_u, 0, 4),
            v: WindowMut::<8, 8>::into_sub(left_v, 0, 4),
        };
        (YuvWindows { y, u, v }, bottom)
    }

    #[inline]
    fn windows<const W: usize, const H: usize, const CW: usize, const CH: usize>(
        &mut self,
        luma_x: usize,
        chroma_x: usize,
        luma_y: usize,
        chroma_y: usize,
    ) -> YuvWindows<'_, W, H, CW, CH> {
        YuvWindows {
            y: self.y.window_mut(luma_x, luma_y),
            u: self.u.window_mut(chroma_x, chroma_y),
            v: self.v.window_mut(chroma_x, chroma_y),
        }
    }
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
