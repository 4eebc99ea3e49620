//! Views of planes: those that blocks are written to, and those that blocks are predicted from.

use codec_core::frame::FrameBuf;
use codec_simd::Layout;

/// A plane that is written. It has whole superblocks; samples outside of the frame are undefined.
#[derive(Debug)]
pub(crate) struct PlaneMut<'a, S> {
    samples: &'a mut [S],
    stride: usize,
    /// First row of `samples`.
    top: usize,
    /// The row before the first one, if that is not the first row of the frame.
    above: &'a mut [S],
}

impl<S: Copy> PlaneMut<'_, S> {
    /// A plane without samples.
    pub(crate) fn empty() -> Self {
        Self { samples: &mut [], stride: 0, top: 0, above: &mut [] }
    }

    /// Replaces a part of the row before the first one, from `x` on.
    pub(crate) fn set_above(&mut self, x: usize, samples: &[S]) {
        self.above[x..][..samples.len()].copy_from_slice(samples);
    }

    /// The samples from a position on, and their stride.
    #[inline]
    pub(crate) fn block_mut(&mut self, x: usize, y: usize) -> (&mut [S], usize) {
        (&mut self.samples[(y - self.top) * self.stride + x..], self.stride)
    }

    /// The samples from a position on, which is not above the first row, and their stride.
    #[inline]
    pub(crate) fn column(&self, x: usize, y: usize) -> (&[S], usize) {
        (&self.samples[(y - self.top) * self.stride + x..], self.stride)
    }

    /// All samples, and their stride.
    #[inline]
    pub(crate) fn all_mut(&mut self) -> (&mut [S], usize) {
        (self.samples, self.stride)
    }

    /// The sample at a position.
    #[inline]
    pub(crate) fn get(&self, x: usize, y: usize) -> S {
        if y < self.top {
            return self.above[x];
        }
        self.samples[(y - self.top) * self.stride + x]
    }

    /// `length` samples of a row.
    #[inline]
    pub(crate) fn row(&self, x: usize, y: usize, length: usize) -> &[S] {
        if y < self.top {
            return &self.above[x..][..length];
        }
        &self.samples[(y - self.top) * self.stride + x..][..length]
    }
}

/// A plane that blocks are predicted from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaneRef<'a, S> {
    samples: &'a [S],
    stride: usize,
    /// Size of the visible part.
    width: usize,
    height: usize,
    border: Border,
}

/// Numbers of columns and rows next to the visible part of a plane that repeat the nearest visible samples.
#[derive(Clone, Copy, Debug, Default)]
struct Border {
    left: usize,
    right: usize,
    below: usize,
}

impl<'a, S: Copy> PlaneRef<'a, S> {
    /// Returns `width` x `height` samples from a position on, and their stride. Outside of the
    /// visible part the nearest visible sample is repeated, in `scratch`.
    #[inline]
    pub(crate) fn fetch<'b>(
        &self,
        (x, y): (isize, isize),
        (width, height): (usize, usize),
        scratch: &'b mut [S],
    ) -> (&'b [S], usize)
    where
        'a: 'b,
    {
        let Border { left, right, below } = self.border;
        if let (Ok(y), Ok(column)) = (usize::try_from(y), usize::try_from(x + left.cast_signed()))
            && column + width <= left + self.width + right
            && y + height <= self.height + below
            && (y + height + 1) * self.stride <= self.samples.len()
            && let Some(first) = (y * self.stride + column).checked_sub(left)
        {
            // Kernels read one more row.
            return (&self.samples[first..], self.stride);
        }
        // Kernels load whole registers.
        let stride = width.next_multiple_of(16);
        self.copy_clamped((x, y), (width, height), scratch, stride);
        (scratch, stride)
    }

    /// Copies the block of `width` (4, 8, 16, 32 or 64) x `height` samples at a position; returns whether
    /// it is visible, without which nothing is copied.
    #[inline]
    pub(crate) fn copy(
        &self,
        (x, y): (isize, isize),
        (width, height): (usize, usize),
        to: &mut [S],
        to_stride: usize,
    ) -> bool {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return false };
        if x + width > self.width || y + height > self.height {
            return false;
        }
        let (from, to) = ((&self.samples[y * self.stride + x..], self.stride), (to, to_stride));
        match width {
            4 => copy_rows::<S, 4>(from, to, height),
            8 => copy_rows::<S, 8>(from, to, height),
            16 => copy_rows::<S, 16>(from, to, height),
            32 => copy_rows::<S, 32>(from, to, height),
            64 => copy_rows::<S, 64>(from, to, height),
            _ => return false,
        }
        true
    }

    #[cold]
    fn copy_clamped(
        &self,
        (x, y): (isize, isize),
        (width, height): (usize, usize),
        scratch: &mut [S],
        stride: usize,
    ) {
        let clamp = |at: isize, end: usize| at.clamp(0, end.cast_signed() - 1).cast_unsigned();
        // Columns before the frame, in it, and after it.
        let before = (-x).clamp(0, width.cast_signed()).cast_unsigned();
        let after = (x + width.cast_signed() - self.width.cast_signed())
            .clamp(0, (width - before).cast_signed())
            .cast_unsigned();
        let inside = width - before - after;
        let first = clamp(x, self.width);
        for row in 0..height {
            let line = clamp(y + isize::try_from(row).unwrap_or(0), self.height) * self.stride;
            let from = &self.samples[line..];
            // A block may write more samples than needed; the next part overwrites these.
            let to = &mut scratch[row * stride..];
            if before > 0 {
                fill_blocks(to, before, from[0]);
            }
            if inside > 0 {
                copy_blocks(&mut to[before..], &from[first..], inside);
            }
            if after > 0 {
                fill_blocks(&mut to[before + inside..], after, from[self.width - 1]);
            }
        }
    }
}

/// Copies `N` samples of `height` rows, each side with its stride.
#[inline]
fn copy_rows<S: Copy, const N: usize>(
    (from, from_stride): (&[S], usize),
    (to, to_stride): (&mut [S], usize),
    height: usize,
) {
    let (mut from_at, mut to_at) = (0, 0);
    for _ in 0..height {
        let from = from.get(from_at..from_at + N).and_then(<[S]>::first_chunk::<N>);
        let to = to.get_mut(to_at..to_at + N).and_then(<[S]>::first_chunk_mut::<N>);
        let (Some(from), Some(to)) = (from, to) else { return };
        *to = *from;
        (from_at, to_at) = (from_at + from_stride, to_at + to_stride);
    }
}

/// Samples that are copied or filled at a time.
const BLOCK: usize = 16;

/// Fills `length` samples or up to 15 more.
#[inline]
fn fill_blocks<S: Copy>(mut to: &mut [S], length: usize, value: S) {
    for _ in 0..length.div_ceil(BLOCK) {
        let Some((block, rest)) = to.split_first_chunk_mut() else { return };
        *block = [value; BLOCK];
        to = rest;
    }
}

/// Copies `length` samples, and up to 15 more if both have them.
#[inline]
fn copy_blocks<S: Copy>(to: &mut [S], from: &[S], length: usize) {
    let mut at = 0;
    while at < length {
        if let Some(to) = to[at..].first_chunk_mut::<BLOCK>()
            && let Some(from) = from[at..].first_chunk()
        {
            *to = *from;
        } else {
            to[at..length].copy_from_slice(&from[at..length]);
            return;
        }
        at += BLOCK;
    }
}

/// The planes of a frame for writing.
pub(crate) fn planes_mut<S: Copy + Default>(frame: &mut FrameBuf<S>) -> [PlaneMut<'_, S>; 3] {
    frame.planes_mut().map(|plane| {
        let Layout { stride, pad, .. } = plane.layout();
        let samples = &mut plane.into_data()[pad * stride + pad..];
        PlaneMut { samples, stride, top: 0, above: &mut [] }
    })
}

/// The samples of a row of superblocks in a plane.
#[derive(Debug)]
pub(crate) struct PlaneRow<'a, S> {
    samples: &'a mut [S],
    stride: usize,
    top: usize,
}

impl<S: Copy> PlaneRow<'_, S> {
    /// Borrows the samples; `above` has room for the row before them.
    pub(crate) fn plane_mut<'b>(&'b mut self, above: &'b mut [S]) -> PlaneMut<'b, S> {
        PlaneMut { samples: self.samples, stride: self.stride, top: self.top, above }
    }
}

/// The rows of superblocks of a frame of 4:2:0, each with its three planes.
pub(crate) fn superblock_rows<S: Copy + Default>(
    frame: &mut FrameBuf<S>,
) -> impl Iterator<Item = [PlaneRow<'_, S>; 3]> {
    let [y, u, v] = frame.planes_mut().map(|plane| {
        let Layout { stride, pad, height, .. } = plane.layout();
        (&mut plane.into_data()[pad * stride + pad..], stride, height)
    });
    let rows = |(samples, stride, height): (_, usize, usize), side: usize| {
        let samples: &mut [S] = samples;
        let parts = samples.chunks_mut(side * stride).take(height / side).enumerate();
        parts.map(move |(row, samples)| PlaneRow { samples, stride, top: side * row })
    };
    rows(y, 64).zip(rows(u, 32)).zip(rows(v, 32)).map(|((y, u), v)| [y, u, v])
}

/// The visible parts of the planes of a frame.
pub(crate) fn planes<S: Copy + Default>(frame: &FrameBuf<S>) -> [PlaneRef<'_, S>; 3] {
    std::array::from_fn(|index| {
        let (samples, stride) = frame.plane(index).pixels();
        let size = frame.format().sampling.plane_size(frame.size(), index);
        let (width, height) = (size.width as usize, size.height as usize);
        PlaneRef { samples, stride, width, height, border: Border::default() }
    })
}

/// As [`planes`], of a frame with borders that repeat the last visible samples.
pub(crate) fn bordered_planes(frame: &FrameBuf) -> [PlaneRef<'_, u8>; 3] {
    std::array::from_fn(|index| {
        let plane = frame.plane(index);
        let Layout { width, height, pad, .. } = plane.layout();
        let (samples, stride) = plane.pixels();
        let visible = frame.format().sampling.plane_size(frame.size(), index);
        let visible = (visible.width as usize, visible.height as usize);
        let (right, below) = (width - visible.0 + pad, height - visible.1 + pad);
        let border = Border { left: pad, right, below };
        PlaneRef { samples, stride, width: visible.0, height: visible.1, border }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_outside_repeat_the_nearest_one() {
        let samples: Vec<u16> = (0..20).collect();
        let border = Border::default();
        let plane = PlaneRef { samples: &samples, stride: 5, width: 4, height: 3, border };
        let mut scratch = [0; 128];
        let (block, stride) = plane.fetch((1, 0), (3, 3), &mut scratch);
        assert_eq!((block[0], block[stride]), (1, 6));
        for (at, expected) in [
            ((-2, -1), [0, 0, 0, 1, 0, 0, 0, 1, 5, 5, 5, 6]),
            ((2, 1), [7, 8, 8, 8, 12, 13, 13, 13, 12, 13, 13, 13]),
            ((-9, 5), [10; 12]),
            ((9, -5), [3; 12]),
        ] {
            let (block, stride) = plane.fetch(at, (4, 3), &mut scratch);
            let found: Vec<_> = block.chunks(stride).take(3).flat_map(|row| &row[..4]).collect();
            assert!(found.into_iter().eq(&expected), "{at:?}");
        }
    }
}
