//! Owned frames: padded planes in one reference-counted allocation, recycled through a pool.

use std::sync::Arc;

use codec_simd::{Layout, PlaneMut, PlaneRef};

use super::{Chroma, Picture, PictureInfo, SampleFormat, Sampling, Size};

/// Alignment of the first sample of each row, in samples (and at least as many bytes).
const ALIGN: usize = 64;
/// Samples that kernels may read past the last one of a plane.
const TAIL: usize = 64;
/// Size of a macroblock in luma samples: planes have whole ones by default.
const MACROBLOCK: usize = 16;

/// The samples of one frame: three planes in whole blocks (macroblocks by default), each with a border
/// on all sides. Samples of more than 8 bits are of type `u16`.
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
pub struct FrameBuf<S = u8> {
    samples: Vec<S>,
    /// Offset of each plane in `samples`: aligned to 64 samples in memory.
    starts: [usize; 3],
    layouts: [Layout; 3],
    format: SampleFormat,
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

impl<S: Copy + Default> FrameBuf<S> {
    /// Allocates planes without border for a frame of any format, rounded up to whole blocks of
    /// `block` luma pixels (a multiple of 16). `S` must be `u8` for a depth of 8, `u16` otherwise.
    /// All samples are 0.
    ///
    /// ```
    /// use codec_core::frame::{FrameBuf, SampleFormat, Sampling, Size};
    ///
    /// let format = SampleFormat { depth: 10, sampling: Sampling::Yuv422 };
    /// let frame = FrameBuf::<u16>::with_format(Size::new(100, 74), format, 64);
    /// let layout = frame.plane(1).layout();
    /// assert_eq!((layout.width, layout.height), (64, 128));
    /// assert_eq!(frame.visible_rows(1).map(|row| row.len()).sum::<usize>(), 50 * 74);
    /// ```
    #[must_use]
    pub fn with_format(size: Size, format: SampleFormat, block: usize) -> Self {
        let mut frame = Self::allocate(size, format, block, 0, S::default());
        frame.size = size;
        frame
    }

    /// Allocates the planes; the visible size is not set.
    fn allocate(coded: Size, format: SampleFormat, block: usize, luma_pad: usize, fill: S) -> Self {
        let blocks = |length: u32| (length as usize).next_multiple_of(block);
        let (width, height) = (blocks(coded.width), blocks(coded.height));
        let layout = |width: usize, height: usize, pad: usize| {
            // Sixteen samples more than the plane, so that full-register reads are always in bounds.
            let stride = (width + 2 * pad + 16).next_multiple_of(ALIGN);
            // Strides that are multiples of 1,024 cause cache set conflicts.
            let stride = if stride.is_multiple_of(1024) { stride + ALIGN } else { stride };
            Layout { stride, width, height, pad }
        };
        let [halved_x, halved_y] = format.sampling.halved().map(usize::from);
        let chroma = match format.sampling {
            Sampling::Yuv400 => Layout::default(),
            _ => layout(width >> halved_x, height >> halved_y, luma_pad / 2),
        };
        let layouts = [layout(width, height, luma_pad), chroma, chroma];
        let len = |l: Layout| (l.height + 2 * l.pad) * l.stride + TAIL;
        let total = layouts.iter().map(|&l| len(l).next_multiple_of(ALIGN)).sum::<usize>();
        let samples = vec![fill; total + ALIGN];
        // The allocation never moves or grows from here on, so the alignment holds.
        let mut at = samples.as_ptr().align_offset(ALIGN).min(ALIGN);
        let starts = layouts.map(|l| {
            let start = at;
            at += len(l).next_multiple_of(ALIGN);
            start
        });
        Self { samples, starts, layouts, format, origin: (0, 0), size: Size::default() }
    }

    /// Returns the format of the samples.
    #[inline]
    #[must_use]
    pub fn format(&self) -> SampleFormat {
        self.format
    }

    /// Returns the visible rows of plane 0 (Y), 1 (U) or 2 (V), from top to bottom.
    ///
    /// # Panics
    /// If `index` is above 2 or the buffer was created by `Default`.
    pub fn visible_rows(&self, index: usize) -> impl Iterator<Item = &[S]> {
        let size = self.format.sampling.plane_size(self.size, index);
        let (width, height) = (size.width as usize, size.height as usize);
        let (samples, stride) = self.visible(index);
        (0..height).map(move |row| &samples[row * stride..][..width])
    }

    /// Returns the samples of a plane from the first visible one, and their stride.
    #[inline]
    fn visible(&self, index: usize) -> (&[S], usize) {
        let Layout { stride, pad, .. } = self.layouts[index];
        let [halved_x, halved_y] =
            self.format.sampling.halved().map(|halved| usize::from(halved && index > 0));
        let (x, y) = (self.origin.0 >> halved_x, self.origin.1 >> halved_y);
        (&self.samples[self.starts[index] + (pad + y) * stride + pad + x..], stride)
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

    /// Returns plane 0 (Y), 1 (U) or 2 (V): whole blocks and border.
    ///
    /// # Panics
    /// If `index` is above 2 or the buffer was created by `Default`.
    #[inline]
    #[must_use]
    pub fn plane(&self, index: usize) -> PlaneRef<'_, S> {
        #[expect(clippy::expect_used, reason = "`new` allocates every plane")]
        PlaneRef::new(&self.samples[self.starts[index]..], self.layouts[index]).expect("room")
    }

    /// Returns all three planes for writing.
    ///
    /// # Panics
    /// If the buffer was created by `Default`.
    #[inline]
    pub fn planes_mut(&mut self) -> [PlaneMut<'_, S>; 3] {
        let [_, u, v] = self.starts;
        let (head, v_data) = self.samples.split_at_mut(v);
        let (head, u_data) = head.split_at_mut(u);
        let y_data = &mut head[self.starts[0]..];
        let [ly, lu, lv] = self.layouts;
        #[expect(clippy::expect_used, reason = "`new` allocates every plane")]
        [(y_data, ly), (u_data, lu), (v_data, lv)]
            .map(|(data, layout)| PlaneMut::new(data, layout).expect("room"))
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
        let mut frame = Self::allocate(coded, SampleFormat::YUV420, MACROBLOCK, luma_pad, 128);
        frame.origin = ((left & !1) as usize, (top & !1) as usize);
        frame.size = size;
        frame
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

    /// Returns a view of the visible area.
    ///
    /// # Panics
    /// If the buffer was created by `Default`.
    #[inline]
    #[must_use]
    pub fn picture(&self, info: PictureInfo) -> Picture<'_> {
        let data = [self.visible(0), self.visible(1), self.visible(2)];
        #[expect(clippy::expect_used, reason = "the planes cover the visible size")]
        Picture::planar8(self.size, self.format.sampling, data)
            .expect("planes cover the size")
            .with_info(info)
    }

    /// Returns the [`Picture::digest`] of the visible area.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.picture(PictureInfo::default()).digest()
    }
}

impl FrameBuf<u16> {
    /// Returns a view of the visible area.
    ///
    /// # Panics
    /// If the buffer was created by `Default`, or for a depth of 8.
    #[must_use]
    pub fn picture(&self, info: PictureInfo) -> Picture<'_> {
        let data = [self.visible(0), self.visible(1), self.visible(2)];
        #[expect(clippy::expect_used, reason = "the planes cover the visible size")]
        Picture::planar16(self.size, self.format, data)
            .expect("planes cover the size")
            .with_info(info)
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
