//! Motion compensation. RFC 6386, section 18.
//!
//! Vectors may point outside the frame, where the edge pixels are repeated. If the interpolation
//! of a block reads pixels beyond the border of the reference plane, the block is predicted from a
//! copy of the reference pixels with extended edges.

use codec_simd::{Kernels, PlaneRef, Window, WindowMut};

use super::super::types::{InterMode, MotionVector, Partitioning};
use codec_core::frame::FrameBuf;

/// Interpolation filter of a bitstream profile. Section 9.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MotionFilter {
    /// Whether the filter is bilinear rather than six-tap.
    pub bilinear: bool,
    /// Whether chroma vectors are rounded to full pixels.
    pub full_pixel_chroma: bool,
}

impl MotionFilter {
    /// Returns the filter of a profile; reserved profiles count as 0.
    #[must_use]
    pub fn of_profile(version: u8) -> Self {
        Self { bilinear: matches!(version, 1..=3), full_pixel_chroma: version == 3 }
    }

    /// Returns the chroma vector in eighths of a pixel for a luma vector in quarters.
    #[inline]
    #[must_use]
    pub fn chroma_vector(self, luma: MotionVector) -> MotionVector {
        let mask = if self.full_pixel_chroma { !7 } else { !0 };
        MotionVector { x: luma.x & mask, y: luma.y & mask }
    }
}

/// Planes of a reference frame.
///
/// A border, if present, contains the extended edges.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub struct RefPlanes<'a> {
    pub y: PlaneRef<'a>,
    pub u: PlaneRef<'a>,
    pub v: PlaneRef<'a>,
}

impl<'a> From<&'a FrameBuf> for RefPlanes<'a> {
    fn from(frame: &'a FrameBuf) -> Self {
        Self { y: frame.plane(0), u: frame.plane(1), v: frame.plane(2) }
    }
}

/// How to handle a block whose window leaves the plane and its border.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// Predict from a copy with extended edges.
    Extend,
    /// Do not predict.
    Refuse,
}

/// A position in a reference plane: full pixels plus eighths.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    x: isize,
    y: isize,
    fx: u8,
    fy: u8,
}

impl Place {
    /// Returns the source position of a luma block at (`x`, `y`); `mv` is in quarter pixels.
    #[inline]
    pub(crate) fn luma(x: usize, y: usize, mv: MotionVector) -> Self {
        let eighths = |v: i16| (v & 3).to_le_bytes()[0] * 2;
        Self {
            x: x.cast_signed() + isize::from(mv.x >> 2),
            y: y.cast_signed() + isize::from(mv.y >> 2),
            fx: eighths(mv.x),
            fy: eighths(mv.y),
        }
    }

    /// Returns the source position of a chroma block at (`x`, `y`); `mv` is in eighths of a pixel.
    #[inline]
    pub(crate) fn chroma(x: usize, y: usize, mv: MotionVector) -> Self {
        let eighths = |v: i16| (v & 7).to_le_bytes()[0];
        Self {
            x: x.cast_signed() + isize::from(mv.x >> 3),
            y: y.cast_signed() + isize::from(mv.y >> 3),
            fx: eighths(mv.x),
            fy: eighths(mv.y),
        }
    }

    #[inline]
    fn is_whole(self) -> bool {
        self.fx | self.fy == 0
    }
}

/// Number of pixels per row that [`extend`] selects from; no window is wider.
const SPAN: usize = 32;

/// Writes the `W` x `H` pixels at (`x`, `y`) of the plane with extended edges to `out` and returns
/// their first column. Nothing is copied twice, because reading data just written in another width
/// stalls.
#[cold]
#[inline(never)]
fn extend<const W: usize, const H: usize>(
    plane: PlaneRef<'_>,
    x: isize,
    y: isize,
    out: &mut [[u8; 2 * SPAN]; H],
) -> usize {
    const { assert!(W <= SPAN, "windows are at most SPAN wide") };
    let layout = plane.layout();
    let inside = |at: isize, size: usize| at.clamp(0, size.cast_signed() - 1).unsigned_abs();
    let row_at = |k: usize| inside(y.saturating_add_unsigned(k), layout.height);
    if layout.width < SPAN {
        for (k, line) in out.iter_mut().enumerate() {
            let row = plane.row(row_at(k));
            for (k, pixel) in line.iter_mut().enumerate().take(W) {
                *pixel = row[inside(x.saturating_add_unsigned(k), row.len())];
            }
        }
        return 0;
    }
    // All columns come from `SPAN` pixels of each row: the pixels of the window, or the pixels at the nearer
    // end of the row with the edge pixel repeated beyond it.
    let from = inside(x, layout.width - SPAN + 1);
    let offset = (x - from.cast_signed()).clamp(-SPAN.cast_signed(), SPAN.cast_signed());
    let (pixels, stride) = plane.pixels();
    for (k, line) in out.iter_mut().enumerate() {
        let Some(span) = pixels[row_at(k) * stride + from..].first_chunk::<SPAN>() else {
            continue;
        };
        let (halves, _) = line.as_chunks_mut::<SPAN>();
        let [left, right] = halves else { continue };
        (*left, *right) = match offset {
            0 => (*span, *right),
            ..0 => ([span[0]; SPAN], *span),
            1.. => (*span, [span[SPAN - 1]; SPAN]),
        };
    }
    if offset < 0 { SPAN - offset.unsigned_abs() } else { offset.unsigned_abs() }
}

/// Predictor for one block size: window inside the plane, or an extended copy; full pixels, six-tap
/// or bilinear. Returns `false` if the block is outside and not predicted.
macro_rules! block_predictor {
    ($name:ident, $n:literal, $copy:ident,
     $sixtap:ident, $six_w:literal, $bilinear:ident, $bi_w:literal) => {
        #[inline]
        pub(crate) fn $name(
            kernels: &Kernels,
            bilinear: bool,
            plane: PlaneRef<'_>,
            place: Place,
            outside: Outside,
            dst: WindowMut<'_, $n, $n>,
        ) -> bool {
            let Place { x, y, fx, fy } = place;
            if place.is_whole() {
                with_window::<$n, $n>(plane, (x, y), $n, outside, |refp| kernels.$copy(refp, dst))
            } else if bilinear {
                with_window::<$bi_w, { $n + 1 }>(plane, (x, y), $n + 1, outside, |refp| {
                    kernels.$bilinear(refp, fx, fy, dst);
                })
            } else {
                with_window::<$six_w, { $n + 5 }>(plane, (x - 2, y - 2), $n + 5, outside, |refp| {
                    kernels.$sixtap(refp, fx, fy, dst);
                })
            }
        }
    };
}

block_predictor!(block_16x16, 16, copy_16x16, sixtap_16x16, 21, bilinear_16x16, 17);
block_predictor!(block_8x8, 8, copy_8x8, sixtap_8x8, 16, bilinear_8x8, 16);
block_predictor!(block_4x4, 4, copy_4x4, sixtap_4x4, 16, bilinear_4x4, 8);

/// Calls `predict` with a window at (`x`, `y`) of which `used` columns and all rows are read.
/// Returns `false` if there is none.
#[inline]
fn with_window<const W: usize, const H: usize>(
    plane: PlaneRef<'_>,
    (x, y): (isize, isize),
    used: usize,
    outside: Outside,
    predict: impl FnOnce(Window<'_, W, H>),
) -> bool {
    if plane.covers(x, y, used, H)
        && let Some(window) = plane.window(x, y)
    {
        predict(window);
        return true;
    }
    if outside == Outside::Extend {
        let mut extended = [[0; 2 * SPAN]; H];
        let begin = extend::<W, H>(plane, x, y, &mut extended);
        if let Some(window) = Window::new(&extended.as_flattened()[begin..], 2 * SPAN) {
            predict(window);
            return true;
        }
    }
    false
}

/// Returns the vectors of the four 4x4 blocks of each chroma plane of a split macroblock, in
/// eighths of a pixel: the means of four luma vectors each. Section 18.1.
#[inline]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a mean of 16-bit numbers")]
pub fn chroma_vectors(mvs: &[MotionVector; 16], filter: MotionFilter) -> [MotionVector; 4] {
    let mask = if filter.full_pixel_chroma { !7 } else { !0 };
    // Luma quarters are chroma eighths, so the mean needs no scaling. Halves round away from zero.
    let mean = |sum: i32| ((sum + 2 * sum.signum()) / 4) as i16 & mask;
    std::array::from_fn(|n| {
        let first = n / 2 * 8 + n % 2 * 2;
        let four = [first, first + 1, first + 4, first + 5].map(|k| mvs[k]);
        MotionVector {
            x: mean(four.iter().map(|mv| i32::from(mv.x)).sum()),
            y: mean(four.iter().map(|mv| i32::from(mv.y)).sum()),
        }
    })
}

/// Predicts an inter macroblock at column `x_mb`, row `y_mb` from `refs`.
///
/// `mvs` are the vectors of its sub-blocks, used only for split macroblocks.
#[inline(always)]
pub fn predict_inter(
    kernels: &Kernels,
    filter: MotionFilter,
    refs: &RefPlanes<'_>,
    (mode, mv): (InterMode, MotionVector),
    mvs: &[MotionVector; 16],
    (x_mb, y_mb): (usize, usize),
    (luma, u, v): (WindowMut<'_, 16, 16>, WindowMut<'_, 8, 8>, WindowMut<'_, 8, 8>),
) {
    if let InterMode::Split(partitioning) = mode {
        let at = (x_mb, y_mb);
        return predict_split(kernels, filter, refs, partitioning, mvs, at, (luma, u, v));
    }
    let place = Place::luma(16 * x_mb, 16 * y_mb, mv);
    block_16x16(kernels, filter.bilinear, refs.y, place, Outside::Extend, luma);
    let place = Place::chroma(8 * x_mb, 8 * y_mb, filter.chroma_vector(mv));
    chroma_8x8(kernels, filter.bilinear, refs, place, Outside::Extend, (u, v));
}

/// Predicts both chroma blocks of a macroblock with one vector. Returns `false` if they are outside
/// and not predicted.
#[inline]
pub(crate) fn chroma_8x8(
    kernels: &Kernels,
    bilinear: bool,
    refs: &RefPlanes<'_>,
    place: Place,
    outside: Outside,
    (u, v): (WindowMut<'_, 8, 8>, WindowMut<'_, 8, 8>),
) -> bool {
    let Place { x, y, fx, fy } = place;
    if !bilinear
        && !place.is_whole()
        && refs.u.covers(x - 2, y - 2, 13, 13)
        && let Some(from_u) = refs.u.window(x - 2, y - 2)
        && let Some(from_v) = refs.v.window(x - 2, y - 2)
    {
        kernels.sixtap_8x8_x2([from_u, from_v], fx, fy, [u, v]);
        return true;
    }
    block_8x8(kernels, bilinear, refs.u, place, outside, u)
        && block_8x8(kernels, bilinear, refs.v, place, outside, v)
}

#[inline(never)]
fn predict_split(
    kernels: &Kernels,
    filter: MotionFilter,
    refs: &RefPlanes<'_>,
    partitioning: Partitioning,
    mvs: &[MotionVector; 16],
    (x_mb, y_mb): (usize, usize),
    (mut luma, mut u, mut v): (WindowMut<'_, 16, 16>, WindowMut<'_, 8, 8>, WindowMut<'_, 8, 8>),
) {
    let bilinear = filter.bilinear;
    let (left, top) = (16 * x_mb, 16 * y_mb);
    for n in 0..4 {
        let (x, y) = (n % 2 * 8, n / 2 * 8);
        let first = y + x / 4;
        let four = [first, first + 1, first + 4, first + 5];
        let is_one =
            partitioning != Partitioning::Sixteenths || four.iter().all(|&k| mvs[k] == mvs[first]);
        if is_one {
            let place = Place::luma(left + x, top + y, mvs[first]);
            block_8x8(kernels, bilinear, refs.y, place, Outside::Extend, luma.sub(x, y));
            continue;
        }
        for k in four {
            let (x, y) = (k % 4 * 4, k / 4 * 4);
            let place = Place::luma(left + x, top + y, mvs[k]);
            block_4x4(kernels, bilinear, refs.y, place, Outside::Extend, luma.sub(x, y));
        }
    }
    let chroma = chroma_vectors(mvs, filter);
    let (left, top) = (8 * x_mb, 8 * y_mb);
    for (plane, dst) in [(refs.u, &mut u), (refs.v, &mut v)] {
        if chroma.iter().all(|&mv| mv == chroma[0]) {
            let place = Place::chroma(left, top, chroma[0]);
            block_8x8(kernels, bilinear, plane, place, Outside::Extend, dst.reborrow());
            continue;
        }
        for (n, &mv) in chroma.iter().enumerate() {
            let (x, y) = (n % 2 * 4, n / 2 * 4);
            let place = Place::chroma(left + x, top + y, mv);
            block_4x4(kernels, bilinear, plane, place, Outside::Extend, dst.sub(x, y));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec_simd::Layout;

    #[test]
    fn an_extended_window_repeats_the_edge_pixels() {
        // Narrower and wider than the span of a row that is read.
        for (w, h) in [(20, 18), (50, 18)] {
            let data: Vec<u8> = (0..w * h).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let layout = Layout { stride: w, width: w, height: h, pad: 0 };
            let plane = PlaneRef::new(&data, layout).unwrap();
            let at = |p: isize, size: usize| p.clamp(0, size.cast_signed() - 1).unsigned_abs();
            for x in -60..110 {
                for y in [-40, -21, -5, 0, 3, 10, 17, 30] {
                    let mut out = [[0; 2 * SPAN]; 21];
                    let begin = extend::<21, 21>(plane, x, y, &mut out);
                    for (k, row) in (0_isize..).zip(&out) {
                        for (i, &pixel) in (0_isize..).zip(&row[begin..begin + 21]) {
                            let expected = data[at(y + k, h) * w + at(x + i, w)];
                            assert_eq!(pixel, expected, "({x}, {y}) + ({i}, {k})");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn chroma_vectors_round_halves_away_from_zero() {
        let mut mvs = [MotionVector::ZERO; 16];
        mvs[0] = MotionVector::new(2, -2);
        mvs[2] = MotionVector::new(1, -1);
        mvs[8..].fill(MotionVector::new(-13, 13));
        let got = chroma_vectors(&mvs, MotionFilter::default());
        let expected = [(1, -1), (0, 0), (-13, 13), (-13, 13)];
        assert_eq!(got, expected.map(|(x, y)| MotionVector::new(x, y)));
        let full = chroma_vectors(&mvs, MotionFilter::of_profile(3));
        assert_eq!(full[2], MotionVector::new(-16, 8));
    }
}
