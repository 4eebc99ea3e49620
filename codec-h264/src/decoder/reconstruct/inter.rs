//! Inter macroblocks: motion compensation. ITU-T H.264, clause 8.4.2.

use codec_simd::{Kernels, WindowMut};

use super::Reconstructor;
use super::references::{BlockCopy, EMPTY_COPY, RefPlane, Source};
use crate::decoder::weights::Weighting;
use crate::macroblock::{Mb, Shape};
use crate::planes::{Place, PlaneLines};
use crate::slice::PictureStructure;

/// How far ahead samples are prefetched: a cache line.
const AHEAD: isize = 64;

/// Rows of a prediction in a plane.
type Rows = [[u8; 16]; 16];

/// Memory for the prediction of a partition.
#[derive(Debug)]
pub(super) struct InterScratch {
    /// Predictions from both lists, in each plane.
    predictions: [[Rows; 3]; 2],
    copy: BlockCopy,
}

impl Default for InterScratch {
    fn default() -> Self {
        Self { predictions: [[[[0; 16]; 16]; 3]; 2], copy: EMPTY_COPY }
    }
}

/// A part of a macroblock with one vector per list. Units are luma samples.
#[derive(Clone, Copy)]
struct Part {
    /// Position in the frame or field.
    x: usize,
    y: usize,
    /// Width and height.
    size: (usize, usize),
    has_chroma: bool,
}

/// The destination of a prediction in a plane.
struct Target<'a> {
    data: &'a mut [u8],
    stride: usize,
}

impl<'a> Target<'a> {
    /// Returns the destination at (`x`, `y`) of a macroblock.
    #[inline]
    fn new(lines: &'a mut PlaneLines<'_>, place: Place, x: usize, y: usize) -> Self {
        let start = place.offset + y * place.stride + x;
        Self { data: &mut lines.data[start..], stride: place.stride }
    }
}

impl Reconstructor<'_> {
    pub(super) fn inter(&mut self, mb: &Mb, shape: Shape) {
        self.prefetch(mb);
        let places = std::array::from_fn(|plane| self.place(mb, plane));
        match shape {
            Shape::Whole => self.part(mb, &places, (0, 0), (4, 4)),
            Shape::Rows => {
                [0, 2].into_iter().for_each(|y| self.part(mb, &places, (0, y), (4, 2)));
            }
            Shape::Columns => {
                [0, 2].into_iter().for_each(|x| self.part(mb, &places, (x, 0), (2, 4)));
            }
            Shape::Quarters(shapes) => {
                for (n, shape) in shapes.into_iter().enumerate() {
                    let (size, firsts) = shape.parts();
                    for (x, y) in firsts {
                        self.part(mb, &places, (n % 2 * 2 + x, n / 2 * 2 + y), size);
                    }
                }
            }
        }
    }

    /// Prefetches samples that macroblocks further right refer to if they have the vectors of this
    /// one: of four macroblocks, each prefetches a part of the lines.
    fn prefetch(&self, mb: &Mb) {
        let is_field = self.cx.is_field(mb.is_field);
        let y = if is_field { mb.row / 2 } else { mb.row };
        let (x, y) = ((16 * mb.x).cast_signed() + AHEAD, (16 * y).cast_signed());
        for list in 0..2 {
            let source = self.references.source(mb, list, mb.refs[list][0], 0);
            let Some(Source { planes, mv, .. }) = source else { continue };
            let (dx, dy) = (isize::from(mv.x >> 2), isize::from(mv.y >> 2));
            let line = (4 * (mb.x & 3)).cast_signed();
            planes[0].prefetch(x + dx, y + dy + line, 4);
            for plane in &planes[1..] {
                plane.prefetch((x + AHEAD + dx) >> 1, (y + dy + line) >> 1, 2);
            }
        }
    }

    /// Predicts the part at block (`x`, `y`) of `w` x `h` 4x4 blocks.
    fn part(
        &mut self,
        mb: &Mb,
        places: &[Place; 3],
        (x, y): (usize, usize),
        (w, h): (usize, usize),
    ) {
        let quarter = y / 2 * 2 + x / 2;
        let refs = [0, 1].map(|list| mb.refs[list][quarter]);
        let mb_row = if self.cx.is_field(mb.is_field) { mb.row / 2 } else { mb.row };
        let part = Part {
            x: 16 * mb.x + 4 * x,
            y: 16 * mb_row + 4 * y,
            size: (4 * w, 4 * h),
            has_chroma: self.cx.sps.has_chroma(),
        };
        let source = |list: usize| self.references.source(mb, list, refs[list], 4 * y + x);
        let (first, second) = (source(0), source(1));
        let weightings = self.weightings(mb, refs);
        let (kernels, InterScratch { predictions, copy }) = (self.kernels, &mut self.scratch);
        let [luma, cb, cr] = &mut self.planes;
        let mut targets = [
            Target::new(luma, places[0], 4 * x, 4 * y),
            Target::new(cb, places[1], 2 * x, 2 * y),
            Target::new(cr, places[2], 2 * x, 2 * y),
        ];
        match (first, second, weightings) {
            (Some(source), None, None) | (None, Some(source), None) => {
                compensate(kernels, &part, &source, &mut targets, copy);
            }
            (None, None, _) => {}
            (Some(source), None, Some(weightings)) | (None, Some(source), Some(weightings)) => {
                let mut first = predictions[0].each_mut().map(packed);
                compensate(kernels, &part, &source, &mut first, copy);
                part.weigh(kernels, weightings, &mut predictions[0], &mut targets);
            }
            (Some(first), Some(second), None) => {
                compensate(kernels, &part, &first, &mut targets, copy);
                let mut other = predictions[1].each_mut().map(packed);
                compensate(kernels, &part, &second, &mut other, copy);
                for (plane, w, rows) in part.planes() {
                    let Target { data, stride } = &mut targets[plane];
                    kernels.h264_average_block(data, *stride, w, &predictions[1][plane][..rows]);
                }
            }
            (Some(first), Some(second), Some(weightings)) => {
                let [mut to_first, mut to_second] =
                    predictions.each_mut().map(|planes| planes.each_mut().map(packed));
                compensate(kernels, &part, &first, &mut to_first, copy);
                compensate(kernels, &part, &second, &mut to_second, copy);
                part.weigh_both(kernels, weightings, predictions, &mut targets);
            }
        }
    }

    /// Returns the weighting of a part in each plane; `None` if it is the default in all.
    #[inline]
    fn weightings(&self, mb: &Mb, refs: [i8; 2]) -> Option<[Weighting; 3]> {
        let cx = self.cx;
        if cx.weights.are_default() {
            return None;
        }
        let field_row = mb.is_field.then_some(mb.row);
        let weightings = [0, 1, 2].map(|plane| match refs {
            [a, b] if a >= 0 && b >= 0 => cx.weights.of_both(cx.header, refs, field_row, plane),
            [reference, _] if reference >= 0 => {
                cx.weights.of_one(cx.header, 0, reference, field_row, plane)
            }
            [_, reference] => cx.weights.of_one(cx.header, 1, reference, field_row, plane),
        });
        (weightings != [Weighting::Default; 3]).then_some(weightings)
    }
}

impl Part {
    /// Returns the planes of the part with their width and height.
    fn planes(self) -> impl Iterator<Item = (usize, usize, usize)> {
        let (w, h) = self.size;
        [(0, w, h), (1, w / 2, h / 2), (2, w / 2, h / 2)].into_iter().take(if self.has_chroma {
            3
        } else {
            1
        })
    }

    /// Weighs a prediction from one list.
    fn weigh(
        self,
        kernels: &Kernels,
        weightings: [Weighting; 3],
        prediction: &mut [Rows; 3],
        targets: &mut [Target<'_>; 3],
    ) {
        for (plane, w, rows) in self.planes() {
            let first = &mut prediction[plane][..rows];
            if let Weighting::Weighted { log2_denom, weights, offset } = weightings[plane] {
                kernels.h264_weight_rows(first, log2_denom, weights[0], offset);
            }
            copy_rows(first, w, &mut targets[plane]);
        }
    }

    /// Weighs both predictions.
    fn weigh_both(
        self,
        kernels: &Kernels,
        weightings: [Weighting; 3],
        predictions: &mut [[Rows; 3]; 2],
        targets: &mut [Target<'_>; 3],
    ) {
        let [first, second] = predictions;
        for (plane, w, rows) in self.planes() {
            let (first, second) = (&mut first[plane][..rows], &second[plane][..rows]);
            match weightings[plane] {
                Weighting::Default => {
                    kernels.h264_average_block(first.as_flattened_mut(), 16, 16, second)
                }
                Weighting::Weighted { log2_denom, weights, offset } => {
                    kernels.h264_biweight_rows(first, second, log2_denom, weights, offset);
                }
            }
            copy_rows(first, w, &mut targets[plane]);
        }
    }
}

/// Returns rows before weighting as a destination.
fn packed(rows: &mut Rows) -> Target<'_> {
    Target { data: rows.as_flattened_mut(), stride: 16 }
}

/// Copies the first `w` columns of `rows`.
fn copy_rows(rows: &[[u8; 16]], w: usize, target: &mut Target<'_>) {
    match w {
        16 => copy_columns::<16>(rows, target),
        8 => copy_columns::<8>(rows, target),
        4 => copy_columns::<4>(rows, target),
        _ => copy_columns::<2>(rows, target),
    }
}

fn copy_columns<const W: usize>(rows: &[[u8; 16]], target: &mut Target<'_>) {
    for (row, to) in rows.iter().zip(target.data.chunks_mut(target.stride)) {
        if let (Some(to), Some(row)) = (to.first_chunk_mut::<W>(), row.first_chunk()) {
            *to = *row;
        }
    }
}

/// Predicts a part from one reference.
fn compensate(
    kernels: &Kernels,
    part: &Part,
    source: &Source<'_>,
    targets: &mut [Target<'_>; 3],
    copy: &mut BlockCopy,
) {
    let Source { planes, part: structure, mv, chroma_y } = *source;
    let of_field;
    let planes = if structure == PictureStructure::Frame {
        planes
    } else {
        of_field = planes.map(|plane| plane.part(structure));
        &of_field
    };
    let x = part.x.cast_signed() + isize::from(mv.x >> 2);
    let y = part.y.cast_signed() + isize::from(mv.y >> 2);
    let [to_luma, to_cb, to_cr] = targets;
    luma(kernels, &planes[0], (x, y), (mv.x & 3, mv.y & 3), part.size, to_luma, copy);
    if !part.has_chroma {
        return;
    }
    let x = (part.x / 2).cast_signed() + isize::from(mv.x >> 3);
    let y = (part.y / 2).cast_signed() + isize::from(chroma_y >> 3);
    let fractions = (mv.x & 7, chroma_y & 7);
    chroma(kernels, &planes[1], (x, y), fractions, part.size, to_cb, copy);
    chroma(kernels, &planes[2], (x, y), fractions, part.size, to_cr, copy);
}

/// Returns the position between samples, which is below 8.
#[inline]
fn fraction((x, y): (i16, i16)) -> (u8, u8) {
    (x.to_le_bytes()[0], y.to_le_bytes()[0])
}

/// Predicts a block of `$w` x `$h` in one plane. The interpolation by `$kernel` reads `$more`
/// columns and rows in addition, `$before` of them before the block, in a window of `$rw` x `$rh`.
macro_rules! block {
    ($context:expr, $kernel:ident, $w:literal x $h:literal from $rw:literal x $rh:literal,
     $before:literal, $more:literal) => {{
        let (kernels, view, (x, y), (fx, fy), target, copy) = $context;
        let Some(mut dst) = WindowMut::<$w, $h>::new(target.data, target.stride) else { return };
        if (fx, fy) == (0, 0) {
            if let Some(refp) = view.window::<$w, $h>(x, y, $w, copy) {
                dst.copy_from(refp);
            }
        } else if let Some(refp) =
            view.window::<$rw, $rh>(x - $before, y - $before, $w + $more, copy)
        {
            kernels.$kernel(refp, fx, fy, dst);
        }
    }};
}

fn luma(
    kernels: &Kernels,
    view: &RefPlane<'_>,
    at: (isize, isize),
    fractions: (i16, i16),
    size: (usize, usize),
    target: &mut Target<'_>,
    copy: &mut BlockCopy,
) {
    let context = (kernels, view, at, fraction(fractions), target, copy);
    match size {
        (16, 16) => block!(context, h264_luma_16x16, 16 x 16 from 21 x 21, 2, 5),
        (16, _) => block!(context, h264_luma_16x8, 16 x 8 from 21 x 13, 2, 5),
        (8, 16) => block!(context, h264_luma_8x16, 8 x 16 from 16 x 21, 2, 5),
        (8, 8) => block!(context, h264_luma_8x8, 8 x 8 from 16 x 13, 2, 5),
        (8, _) => block!(context, h264_luma_8x4, 8 x 4 from 16 x 9, 2, 5),
        (_, 8) => block!(context, h264_luma_4x8, 4 x 8 from 16 x 13, 2, 5),
        _ => block!(context, h264_luma_4x4, 4 x 4 from 16 x 9, 2, 5),
    }
}

/// Predicts a chroma plane of a part whose size in luma is `size`.
fn chroma(
    kernels: &Kernels,
    view: &RefPlane<'_>,
    at: (isize, isize),
    fractions: (i16, i16),
    size: (usize, usize),
    target: &mut Target<'_>,
    copy: &mut BlockCopy,
) {
    let context = (kernels, view, at, fraction(fractions), target, copy);
    match size {
        (16, 16) => block!(context, h264_chroma_8x8, 8 x 8 from 16 x 9, 0, 1),
        (16, _) => block!(context, h264_chroma_8x4, 8 x 4 from 16 x 5, 0, 1),
        (8, 16) => block!(context, h264_chroma_4x8, 4 x 8 from 8 x 9, 0, 1),
        (8, 8) => block!(context, h264_chroma_4x4, 4 x 4 from 8 x 5, 0, 1),
        (8, _) => block!(context, h264_chroma_4x2, 4 x 2 from 8 x 3, 0, 1),
        (_, 8) => block!(context, h264_chroma_2x4, 2 x 4 from 8 x 5, 0, 1),
        _ => block!(context, h264_chroma_2x2, 2 x 2 from 8 x 3, 0, 1),
    }
}
