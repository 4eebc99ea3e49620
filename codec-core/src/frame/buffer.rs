//! Owned frames: padded planes in one reference-counted allocation, recycled through a pool.

use std::sync::Arc;

use codec_simd::{Layout, PlaneMut, PlaneRef};

use super::{Chroma, Picture, PictureInfo, Size};
use crate::error::LimitError;

/// Alignment of the first pixel of each row, in bytes.
const ALIGN: usize = 64;
/// Bytes that kernels may read past the last pixel of a plane.
const TAIL: usize = 64;

/// The samples of one frame: three planes in whole macroblocks, each with a border on all sides.
///
/// ```
/// use codec_core::frame::{FrameBuf, Size};
///
/// let mut frame = FrameBuf::new(Size::new(100, 74), 32);
/// let [mut luma, _, _] = frame.planes_mut();
/// luma.row_mut(0).fill(235);
/// // Planes are whole macroblocks; the visible size is smaller.
/// assert_eq!((frame.plane(0).layout().width, frame.plane(0).layout().pad), (112, 32));
/// assert_eq!(frame.size(), Size::new(100, 74));
/// ```
#[derive(Debug, Default)]
pub struct FrameBuf {
    bytes: Vec<u8>,
    /// Offset of each plane in `bytes`: aligned to 64 bytes in memory.
    starts: [usize; 3],
    layouts: [Layout; 3],
    /// Column and row of the first visible luma sample; even numbers.
    origin: (usize, usize),
    size: Size,
}

/// The visible part of a coded frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Size of the coded frame.
    pub coded: Size,
    /// Column and row of the first visible luma sample. Odd numbers are rounded down.
    pub origin: (u32, u32),
    /// Size of the visible part.
    pub size: Size,
}

impl Window {
    /// Creates a window that begins at the first coded sample.
    #[must_use]
    pub fn whole(size: Size) -> Self {
        Self { coded: size, origin: (0, 0), size }
    }
}

impl FrameBuf {
    /// Allocates planes for a frame of `size`, rounded up to whole macroblocks, with a border of
    /// `luma_pad` pixels (a multiple of 32, or 0) around luma and half of it around chroma. All
    /// samples are grey.
    #[must_use]
    pub fn new(size: Size, luma_pad: usize) -> Self {
        Self::with_window(Window::whole(size), luma_pad)
    }

    /// Allocates planes as [`Self::new`] does, for the coded size of `window`; only the window is
    /// visible.
    ///
    /// ```
    /// use codec_core::frame::{FrameBuf, PictureInfo, Size, Window};
    ///
    /// let (coded, size) = (Size::new(32, 32), Size::new(20, 10));
    /// let mut frame = FrameBuf::with_window(Window { coded, origin: (4, 2), size }, 0);
    /// let [mut luma, _, _] = frame.planes_mut();
    /// luma.row_mut(2)[4] = 200;
    /// let picture = frame.picture(PictureInfo::default());
    /// assert_eq!((picture.size(), picture.luma().row(0)[0]), (size, 200));
    /// ```
    ///
    /// # Panics
    /// If the window exceeds the coded size.
    #[must_use]
    pub fn with_window(window: Window, luma_pad: usize) -> Self {
        let Window { coded, origin: (left, top), size } = window;
        let fits = |start: u32, length: u32, coded: u32| {
            start.checked_add(length).is_some_and(|end| end <= coded)
        };
        assert!(
            fits(left, size.width, coded.width) && fits(top, size.height, coded.height),
            "the window exceeds the coded size"
        );
        let (cols, rows) = coded.macroblocks();
        let layout = |mb: usize, pad: usize| {
            // Sixteen bytes more than the pixels, so that full-register reads are always in bounds.
            let stride = (cols * mb + 2 * pad + 16).next_multiple_of(ALIGN);
            // Strides that are multiples of 1,024 cause cache set conflicts.
            let stride = if stride.is_multiple_of(1024) { stride + ALIGN } else { stride };
            Layout { stride, width: cols * mb, height: rows * mb, pad }
        };
        let layouts = [layout(16, luma_pad), layout(8, luma_pad / 2), layout(8, luma_pad / 2)];
        let len = |l: Layout| (l.height + 2 * l.pad) * l.stride + TAIL;
        let total = layouts.iter().map(|&l| len(l).next_multiple_of(ALIGN)).sum::<usize>();
        let bytes = vec![128; total + ALIGN];
        // The allocation never moves or grows from here on, so the alignment holds.
        let mut at = bytes.as_ptr().align_offset(ALIGN).min(ALIGN);
        let starts = layouts.map(|l| {
            let start = at;
            at += len(l).next_multiple_of(ALIGN);
            start
        });
        let origin = ((left & !1) as usize, (top & !1) as usize);
        Self { bytes, starts, layouts, origin, size }
    }

    /// Copies `picture` into a new buffer without border.
    #[must_use]
    pub fn copy_of(picture: &Picture<'_>) -> Self {
        let mut copy = Self::new(picture.size(), 0);
        copy.fill_from(picture);
        copy
    }

    /// Copies `picture`, which must have this buffer's size, into the visible part.
    pub fn fill_from(&mut self, picture: &Picture<'_>) {
        let [mut luma, mut u, mut v] = self.planes_mut();
        let copy = |to: &mut PlaneMut<'_>, from: PlaneRef<'_>, first: usize, step: usize| {
            for y in 0..from.layout().height {
                let samples = from.row(y)[first..].iter().step_by(step);
                to.row_mut(y).iter_mut().zip(samples).for_each(|(to, from)| *to = *from);
            }
        };
        copy(&mut luma, picture.luma(), 0, 1);
        match picture.chroma() {
            Chroma::Planar { u: from_u, v: from_v } => {
                copy(&mut u, from_u, 0, 1);
                copy(&mut v, from_v, 0, 1);
            }
            Chroma::Interleaved(uv) => {
                copy(&mut u, uv, 0, 2);
                copy(&mut v, uv, 1, 2);
            }
        }
    }

    /// Returns the visible size in pixels.
    #[inline]
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the width of the border around the luma plane, in pixels.
    #[inline]
    #[must_use]
    pub fn luma_pad(&self) -> usize {
        self.layouts[0].pad
    }

    /// Returns plane 0 (Y), 1 (U) or 2 (V): whole macroblocks and border.
    ///
    /// # Panics
    /// If `index` is above 2 or the buffer was created by `Default`.
    #[inline]
    #[must_use]
    pub fn plane(&self, index: usize) -> PlaneRef<'_> {
        #[expect(clippy::expect_used, reason = "`new` allocates every plane")]
        PlaneRef::new(&self.bytes[self.starts[index]..], self.layouts[index]).expect("room")
    }

    /// Returns all three planes for writing.
    ///
    /// # Panics
    /// If the buffer was created by `Default`.
    #[inline]
    pub fn planes_mut(&mut self) -> [PlaneMut<'_>; 3] {
        let [_, u, v] = self.starts;
        let (head, v_data) = self.bytes.split_at_mut(v);
        let (head, u_data) = head.split_at_mut(u);
        let y_data = &mut head[self.starts[0]..];
        let [ly, lu, lv] = self.layouts;
        #[expect(clippy::expect_used, reason = "`new` allocates every plane")]
        [(y_data, ly), (u_data, lu), (v_data, lv)]
            .map(|(data, layout)| PlaneMut::new(data, layout).expect("room"))
    }

    /// Returns a view of the visible area.
    ///
    /// # Panics
    /// If the buffer was created by `Default`.
    #[inline]
    #[must_use]
    pub fn picture(&self, info: PictureInfo) -> Picture<'_> {
        let visible = |index: usize| {
            let Layout { stride, pad, .. } = self.layouts[index];
            let (x, y) = self.origin;
            let (x, y) = if index == 0 { (x, y) } else { (x / 2, y / 2) };
            (&self.bytes[self.starts[index] + (pad + y) * stride + pad + x..], stride)
        };
        #[expect(clippy::expect_used, reason = "the planes cover the visible size")]
        Picture::i420(self.size, visible(0), visible(1), visible(2))
            .expect("planes cover the size")
            .with_info(info)
    }

    /// Returns the [`Picture::digest`] of the visible area.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.picture(PictureInfo::default()).digest()
    }
}

/// A decoded frame: cheap to clone and `Send`; its memory returns to the decoder's pool when the
/// last clone is dropped.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Samples of the frame.
    pub buf: Arc<FrameBuf>,
    /// Colour description, pixel aspect ratio, rotation and field order.
    pub info: PictureInfo,
    /// Presentation timestamp in the time base of its stream.
    pub pts: i64,
    /// Duration in the time base of its stream, if known.
    pub duration: Option<u64>,
}

impl Frame {
    /// Returns a view of the visible area.
    #[inline]
    #[must_use]
    pub fn picture(&self) -> Picture<'_> {
        self.buf.picture(self.info)
    }

    /// Returns the visible size in pixels.
    #[inline]
    #[must_use]
    pub fn size(&self) -> Size {
        self.buf.size()
    }

    /// Returns a digest of the visible samples; equal frames have equal digests on every machine.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.buf.digest()
    }
}

/// A pool of frames of one size; frames are reused when no one else holds them.
#[derive(Debug, Default)]
pub struct FramePool {
    window: Window,
    luma_pad: usize,
    /// Frames that are in use or free; free ones have no other holder.
    known: Vec<Arc<FrameBuf>>,
    keep: usize,
}

impl FramePool {
    /// Creates a pool of frames for `size` with a border of `luma_pad` pixels. It keeps at most
    /// `keep` frames for reuse.
    #[must_use]
    pub fn new(size: Size, luma_pad: usize, keep: usize) -> Self {
        Self::with_window(Window::whole(size), luma_pad, keep)
    }

    /// Creates a pool of frames of which only a window is visible, as [`FrameBuf::with_window`].
    #[must_use]
    pub fn with_window(window: Window, luma_pad: usize, keep: usize) -> Self {
        Self { window, luma_pad, known: Vec::with_capacity(keep), keep }
    }

    /// Returns a frame without other holders ([`Arc::get_mut`] succeeds) that contains old samples.
    /// Return it, or a clone of it, with [`Self::recycle`].
    pub fn take(&mut self) -> Arc<FrameBuf> {
        match self.known.iter_mut().position(|frame| Arc::get_mut(frame).is_some()) {
            Some(index) => self.known.swap_remove(index),
            None => Arc::new(FrameBuf::with_window(self.window, self.luma_pad)),
        }
    }

    /// Keeps `frame` for reuse by [`Self::take`] when all other holders have dropped it.
    pub fn recycle(&mut self, frame: Arc<FrameBuf>) {
        if self.known.len() < self.keep && frame.size() == self.window.size {
            self.known.push(frame);
        }
    }

    /// Returns the visible size of the frames.
    #[inline]
    #[must_use]
    pub fn size(&self) -> Size {
        self.window.size
    }
}

/// A limit on the frame size that untrusted input may request, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelLimit(pub u64);

impl PixelLimit {
    /// Checks that `size` does not exceed the limit.
    ///
    /// # Errors
    /// [`LimitError`] if it does.
    pub fn check(self, size: Size) -> Result<(), LimitError> {
        if size.pixels() > self.0 {
            return Err(LimitError { what: "pixels", requested: size.pixels(), limit: self.0 });
        }
        Ok(())
    }
}
