//! Pixel views. Bounds are checked once, when a view is created, and not per pixel.

use std::marker::PhantomData;

/// Sizes of one padded plane, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the documentation")]
pub struct Layout {
    pub stride: usize,
    pub width: usize,
    pub height: usize,
    /// Border on each of the four sides.
    pub pad: usize,
}

impl Layout {
    /// Returns this layout if `len` pixels hold the plane with its border. The last row may end with its
    /// border; pixels up to the stride are not needed after it.
    #[inline]
    fn within(self, len: usize) -> Option<Self> {
        let border = self.pad.checked_mul(2)?;
        let row = self.width.checked_add(border)?;
        let rows = self.height.checked_add(border)?;
        let needed = match rows.checked_sub(1) {
            Some(rows) => rows.checked_mul(self.stride)?.checked_add(row)?,
            None => 0,
        };
        (row <= self.stride && needed <= len).then_some(self)
    }
}

/// Prefetches the cache line of each of `rows` rows, `stride` bytes apart; the first begins at byte
/// `from` of `data`. A hint without side effects, also for rows beyond the end of `data`.
#[inline]
pub fn prefetch_rows(data: &[u8], from: usize, stride: usize, rows: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let mut line = data.as_ptr().wrapping_add(from);
        for _ in 0..rows {
            // SAFETY: a prefetch has no architectural effect and never faults.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
            line = line.wrapping_add(stride);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (data, from, stride, rows);
}

/// Prefetches all cache lines of `value`. A hint without side effects.
#[inline]
pub fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    for from in (0..size_of::<T>()).step_by(64) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = core::ptr::from_ref(value).cast::<u8>().wrapping_add(from);
        // SAFETY: a prefetch has no architectural effect and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// A borrowed plane: `width` x `height` pixels inside a border of `pad` pixels. A pixel is a sample
/// of type `S`.
///
/// ```
/// use codec_simd::{Layout, PlaneRef};
///
/// // 8x4 pixels with a border of one pixel on each side.
/// let data: Vec<u8> = (0..60).collect();
/// let layout = Layout { stride: 10, width: 8, height: 4, pad: 1 };
/// let plane = PlaneRef::new(&data, layout).expect("6 rows of 10 bytes");
/// assert_eq!(plane.row(0)[0], 11);
///
/// let block = plane.window::<4, 4>(2, 0).expect("inside the plane");
/// assert_eq!(block.row(1), &[23, 24, 25, 26]);
/// assert!(plane.window::<4, 4>(0, 3).is_none(), "it would end below the border");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PlaneRef<'a, S = u8> {
    data: &'a [S],
    layout: Layout,
}

impl<'a, S: Copy> PlaneRef<'a, S> {
    /// Creates a view of `data`, which begins with the top-left pixel of the border. Returns `None`
    /// if `data` is too short.
    #[inline]
    #[must_use]
    pub fn new(data: &'a [S], layout: Layout) -> Option<Self> {
        Some(Self { layout: layout.within(data.len())?, data })
    }

    /// Returns the dimensions of the plane.
    #[inline]
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether all of the `w` x `h` pixels at (`x`, `y`) lie inside the plane and its border.
    #[inline]
    #[must_use]
    pub fn covers(&self, x: isize, y: isize, w: usize, h: usize) -> bool {
        let Layout { width, height, pad, .. } = self.layout;
        let fits = |at: isize, len: usize, size: usize| {
            pad.checked_add_signed(at).is_some_and(|from| from + len <= size + 2 * pad)
        };
        fits(x, w, width) && fits(y, h, height)
    }

    /// Returns the pixels from the first one inside the border on, and the stride.
    #[inline]
    #[must_use]
    pub fn pixels(&self) -> (&'a [S], usize) {
        let Layout { stride, pad, .. } = self.layout;
        (&self.data[pad * stride + pad..], stride)
    }

    /// The `width` pixels of row `y`.
    ///
    /// # Panics
    /// If `y` is not below the height.
    #[inline]
    #[must_use]
    pub fn row(&self, y: usize) -> &'a [S] {
        let Layout { stride, width, height, pad } = self.layout;
        assert!(y < height, "row {y} of {height}");
        &self.data[(y + pad) * stride + pad..][..width]
    }
}

impl<'a> PlaneRef<'a> {
    /// Returns the windows of [`Self::window`] at several positions; `None` if the window at any of
    /// these positions is `None`.
    #[inline]
    #[must_use]
    pub fn windows<const W: usize, const H: usize, const N: usize>(
        &self,
        at: [(isize, isize); N],
    ) -> Option<[Window<'a, W, H>; N]> {
        let Layout { stride, height, pad, .. } = self.layout;
        let last_top = (height + 2 * pad).checked_sub(H)?;
        let last_start = self.data.len().checked_sub(H.checked_sub(1)?.checked_mul(stride)? + W)?;
        let (mut starts, mut is_inside) = ([0; N], true);
        for (start, (x, y)) in starts.iter_mut().zip(at) {
            // Positions before the border wrap to values that are too large.
            let (left, top) = (pad.wrapping_add_signed(x), pad.wrapping_add_signed(y));
            *start = top.wrapping_mul(stride).wrapping_add(left);
            is_inside &= (top <= last_top) & (left <= stride) & (*start <= last_start);
        }
        if !is_inside {
            return None;
        }
        let base = self.data.as_ptr();
        Some(starts.map(|start| {
            // SAFETY: `start <= last_start <= data.len()`, so the offset is in bounds.
            let start = unsafe { base.add(start) };
            // The invariant holds: `top` and `left` are inside the plane, so that neither the product
            // nor the sum has wrapped, and `H - 1` rows and `W` bytes follow.
            Window { start, stride, bytes: PhantomData }
        }))
    }

    /// Returns the window of `W` x `H` bytes whose top-left pixel is at (`x`, `y`), relative to the
    /// first pixel inside the border. Negative positions are in the border.
    ///
    /// The columns may extend past the border into the bytes between rows (kernels read whole
    /// registers); the caller ensures that the *pixels* it uses lie inside the border: see
    /// [`Self::covers`]. Returns `None` if the window exceeds the rows or the data.
    #[inline]
    #[must_use]
    pub fn window<const W: usize, const H: usize>(
        &self,
        x: isize,
        y: isize,
    ) -> Option<Window<'a, W, H>> {
        let Layout { stride, height, pad, .. } = self.layout;
        // Positions before the border wrap to values that are too large.
        let left = pad.wrapping_add_signed(x);
        let top = pad.wrapping_add_signed(y);
        let last = (height + 2 * pad).checked_sub(H)?;
        if top > last || left > stride {
            return None;
        }
        // No overflow: all rows but the last one end inside `data`.
        let from = top * stride;
        let end = from.checked_add(H.saturating_sub(1) * stride)?.checked_add(left)?;
        if H == 0 || self.data.len().checked_sub(W)? < end {
            return None;
        }
        // SAFETY: `from + left <= end <= data.len()`, so the offset is in bounds.
        let start = unsafe { self.data.as_ptr().add(from + left) };
        // The invariant holds: the last row begins at `end`, and `W` bytes follow it.
        Some(Window { start, stride, bytes: PhantomData })
    }

    /// Prefetches the cache lines of `rows` rows at the pixel (`x`, `y`): see [`prefetch_rows`].
    #[inline]
    pub fn prefetch(&self, x: usize, y: usize, rows: usize) {
        let Layout { stride, pad, .. } = self.layout;
        prefetch_rows(self.data, (y + pad) * stride + pad + x, stride, rows);
    }
}

/// A mutably borrowed plane; see [`PlaneRef`].
#[derive(Debug)]
pub struct PlaneMut<'a, S = u8> {
    data: &'a mut [S],
    layout: Layout,
}

impl<'a, S: Copy> PlaneMut<'a, S> {
    /// As [`PlaneRef::new`].
    #[must_use]
    pub fn new(data: &'a mut [S], layout: Layout) -> Option<Self> {
        Some(Self { layout: layout.within(data.len())?, data })
    }

    /// Returns the dimensions of the plane.
    #[inline]
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns a shared view for reading.
    #[must_use]
    pub fn as_ref(&self) -> PlaneRef<'_, S> {
        PlaneRef { data: self.data, layout: self.layout }
    }

    /// Returns all pixels including the border, for splitting into rows of `stride` pixels.
    #[must_use]
    pub fn into_data(self) -> &'a mut [S] {
        self.data
    }

    /// The `width` pixels of row `y`.
    ///
    /// # Panics
    /// If `y` is not below the height.
    pub fn row_mut(&mut self, y: usize) -> &mut [S] {
        let Layout { stride, width, height, pad } = self.layout;
        assert!(y < height, "row {y} of {height}");
        &mut self.data[(y + pad) * stride + pad..][..width]
    }
}

/// Bytes from the first pixel to the last of `H` rows of `W`; `None` if that exceeds the address
/// space. (A comparison with a constant is faster than a checked product.)
#[inline]
const fn bytes_of<const W: usize, const H: usize>(stride: usize) -> Option<usize> {
    if H == 0 || stride > const { (usize::MAX >> 1).saturating_sub(W) / if H == 0 { 1 } else { H } }
    {
        return None;
    }
    Some((H - 1) * stride + W)
}

/// A view of `H` rows of `W` pixels, `stride` apart. Its creation checks that all of them can be
/// read, so that kernels need no checks.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a, const W: usize, const H: usize> {
    /// Invariant: `(H - 1) * stride + W` bytes from here can be read for `'a`.
    start: *const u8,
    stride: usize,
    bytes: PhantomData<&'a [u8]>,
}

// SAFETY: a window is a shared borrow of bytes, like the `&[u8]` it is made from.
unsafe impl<const W: usize, const H: usize> Send for Window<'_, W, H> {}
// SAFETY: as above; it gives out shared references only.
unsafe impl<const W: usize, const H: usize> Sync for Window<'_, W, H> {}

impl<'a, const W: usize, const H: usize> Window<'a, W, H> {
    /// Creates a view and checks its bounds, once: `None` unless `data` contains every row.
    #[inline]
    #[must_use]
    pub fn new(data: &'a [u8], stride: usize) -> Option<Self> {
        let needed = bytes_of::<W, H>(stride)?;
        (needed <= data.len()).then_some(Self { start: data.as_ptr(), stride, bytes: PhantomData })
    }

    /// Creates a view of a whole array of rows.
    #[inline]
    #[must_use]
    pub fn packed(rows: &'a [[u8; W]; H]) -> Self {
        Self { start: rows.as_ptr().cast(), stride: W, bytes: PhantomData }
    }

    /// The `W2` x `H2` pixels whose top-left is (`x`, `y`).
    ///
    /// # Panics
    /// If the pixels do not lie inside the window.
    #[inline]
    #[must_use]
    pub fn sub<const W2: usize, const H2: usize>(self, x: usize, y: usize) -> Window<'a, W2, H2> {
        assert!(
            x <= W && W2 <= W - x && y <= H && H2 <= H - y && H2 > 0,
            "block leaves the window"
        );
        // SAFETY: `y < H` and `x <= W`, so by the invariant of `start` the offset is in bounds; the
        // last row, `y + H2 - 1 <= H - 1`, has `W - x >= W2` bytes left.
        let start = unsafe { self.start.add(y * self.stride + x) };
        Window { start, stride: self.stride, bytes: PhantomData }
    }

    /// Returns row `y` as an array.
    ///
    /// # Panics
    /// If `y >= H`. The compiler removes this check if `y` is a constant or a loop counter below
    /// `H`.
    #[inline]
    #[must_use]
    pub fn row(&self, y: usize) -> &'a [u8; W] {
        assert!(y < H, "row {y} of {H}");
        // SAFETY: `y <= H - 1`, so by the invariant of `start` the row lies inside the borrow.
        let row = unsafe { self.start.add(y * self.stride) };
        // SAFETY: by the same invariant `W` bytes follow; `u8` needs no alignment, and the borrow
        // `'a` outlives the result.
        unsafe { &*row.cast::<[u8; W]>() }
    }
}

/// A mutable [`Window`]: its creation checks that all its rows can be written exclusively.
#[derive(Debug)]
pub struct WindowMut<'a, const W: usize, const H: usize> {
    /// Invariant: the `W` bytes of each of `H` rows, `stride` apart, are borrowed exclusively for
    /// `'a`; `stride >= W` or `H == 1`, so that rows do not overlap.
    start: *mut u8,
    stride: usize,
    bytes: PhantomData<&'a mut [u8]>,
}

// SAFETY: an exclusive borrow of bytes, like the `&mut [u8]` it is made from.
unsafe impl<const W: usize, const H: usize> Send for WindowMut<'_, W, H> {}

impl<'a, const W: usize, const H: usize> WindowMut<'a, W, H> {
    /// Creates a view and checks its bounds, once: `None` unless `data` contains every row and
    /// rows do not overlap.
    #[inline]
    #[must_use]
    pub fn new(data: &'a mut [u8], stride: usize) -> Option<Self> {
        let needed = bytes_of::<W, H>(stride)?;
        (needed <= data.len() && (stride >= W || H == 1)).then_some(Self {
            start: data.as_mut_ptr(),
            stride,
            bytes: PhantomData,
        })
    }

    /// Creates a view of a whole array of rows.
    #[inline]
    pub fn packed(rows: &'a mut [[u8; W]; H]) -> Self {
        Self { start: rows.as_mut_ptr().cast(), stride: W, bytes: PhantomData }
    }

    /// A shorter borrow of the same pixels.
    #[inline]
    pub fn reborrow(&mut self) -> WindowMut<'_, W, H> {
        WindowMut { start: self.start, stride: self.stride, bytes: PhantomData }
    }

    /// The same pixels for reading.
    #[inline]
    #[must_use]
    pub fn as_ref(&self) -> Window<'_, W, H> {
        Window { start: self.start, stride: self.stride, bytes: PhantomData }
    }

    /// The `W2` x `H2` pixels whose top-left is (`x`, `y`), for a shorter time.
    ///
    /// # Panics
    /// If the pixels do not lie inside the window.
    #[inline]
    pub fn sub<const W2: usize, const H2: usize>(
        &mut self,
        x: usize,
        y: usize,
    ) -> WindowMut<'_, W2, H2> {
        self.reborrow().into_sub(x, y)
    }

    /// The `W2` x `H2` pixels whose top-left is (`x`, `y`).
    ///
    /// # Panics
    /// If the pixels do not lie inside the window.
    #[inline]
    #[must_use]
    pub fn into_sub<const W2: usize, const H2: usize>(
        self,
        x: usize,
        y: usize,
    ) -> WindowMut<'a, W2, H2> {
        assert!(
            x <= W && W2 <= W - x && y <= H && H2 <= H - y && H2 > 0,
            "block leaves the window"
        );
        // SAFETY: `y < H` and `x <= W`, so by the invariant of `start` the offset is in bounds; the
        // last row, `y + H2 - 1 <= H - 1`, has `W - x >= W2` bytes left. `self` is consumed, so
        // the pixels stay exclusive.
        let start = unsafe { self.start.add(y * self.stride + x) };
        WindowMut { start, stride: self.stride, bytes: PhantomData }
    }

    /// The first `L` and the last `R` columns.
    #[inline]
    #[must_use]
    pub fn into_sides<const L: usize, const R: usize>(
        self,
    ) -> (WindowMut<'a, L, H>, WindowMut<'a, R, H>) {
        const { assert!(L <= W && R <= W - L && H > 0, "the sides share no column") }
        let left = WindowMut { start: self.start, stride: self.stride, bytes: PhantomData };
        // SAFETY: `H > 0` and `R <= W`, so by the invariant of `start` the offset is in bounds. The
        // sides share no pixel: of each row's `W` pixels the first `L` belong to the left, the last
        // `R` to the right, and rows do not overlap. `self` is consumed, so both stay exclusive.
        let start = unsafe { self.start.add(W - R) };
        (left, WindowMut { start, stride: self.stride, bytes: PhantomData })
    }

    /// The upper and the lower half of the rows.
    #[inline]
    #[must_use]
    pub fn into_row_halves<const HALF: usize>(
        self,
    ) -> (WindowMut<'a, W, HALF>, WindowMut<'a, W, HALF>) {
        const { assert!(2 * HALF == H && HALF > 0, "two halves make a whole") }
        let upper = WindowMut { start: self.start, stride: self.stride, bytes: PhantomData };
        // SAFETY: `HALF < H`, so by the invariant of `start` the offset is in bounds. The halves
        // share no pixel, because rows do not overlap. `self` is consumed, so both stay exclusive.
        let start = unsafe { self.start.add(HALF * self.stride) };
        (upper, WindowMut { start, stride: self.stride, bytes: PhantomData })
    }

    /// Row `y` for reading.
    ///
    /// # Panics
    /// If `y >= H`. The compiler removes this check if `y` is a constant or a loop counter below
    /// `H`.
    #[inline]
    #[must_use]
    pub fn row(&self, y: usize) -> &[u8; W] {
        self.as_ref().row(y)
    }

    /// Row `y` for writing.
    ///
    /// # Panics
    /// If `y >= H`. The compiler removes this check if `y` is a constant or a loop counter below
    /// `H`.
    #[inline]
    pub fn row_mut(&mut self, y: usize) -> &mut [u8; W] {
        assert!(y < H, "row {y} of {H}");
        // SAFETY: `y <= H - 1`, so by the invariant of `start` the row lies inside the borrow.
        let row = unsafe { self.start.add(y * self.stride) };
        // SAFETY: by the same invariant `W` bytes follow, borrowed exclusively through `self`; `u8`
        // needs no alignment.
        unsafe { &mut *row.cast::<[u8; W]>() }
    }

    /// Overwrites all pixels with the pixels of `from`.
    #[inline]
    pub fn copy_from(&mut self, from: Window<'_, W, H>) {
        for y in 0..H {
            *self.row_mut(y) = *from.row(y);
        }
    }
}
