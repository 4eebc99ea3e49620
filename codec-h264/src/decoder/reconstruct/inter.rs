//! Motion compensation of inter macroblocks. ITU-T H.264, clause 8.4.2.

use codec_core::frame::PlaneSet;
use codec_simd::{Kernels, WindowMut};

use super::Reconstructor;
use super::references::{BlockCopy, EMPTY_COPY, RefPlane, Source};
use crate::decoder::weights::Weighting;
use crate::macroblock::{Mb, Prediction, Shape, SubShape};
use crate::planes::{Place, PlaneLines};
use crate::slice::PictureStructure;

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

/// A part of a macroblock with one vector per list: `W` x `H` 4x4 blocks.
#[derive(Clone, Copy)]
struct Part<const W: usize, const H: usize> {
    /// Position in the frame or field, in luma samples.
    x: usize,
    y: usize,
    set: PlaneSet,
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
        Self { data: lines.data.get_mut(start..).unwrap_or_default(), stride: place.stride }
    }
}

/// Kernels, reference, position in it in samples, position between samples, destination, and memory for
/// copies.
type BlockContext<'a, 't> = (
    &'a Kernels,
    &'a RefPlane<'a>,
    (isize, isize),
    (u8, u8),
    &'a mut Target<'t>,
    &'a mut BlockCopy,
);

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

/// Defines a method that predicts a plane of a part by the kernel for its size: see `block`.
macro_rules! plane {
    ($(#[$doc:meta])* $name:ident, $before:literal, $more:literal:
     $($size:pat => $kernel:ident $w:literal x $h:literal from $rw:literal x $rh:literal;)*) => {
        $(#[$doc])*
        #[inline(always)]
        fn $name(self, context: BlockContext<'_, '_>) {
            match (W, H) {
                $($size => block!(context, $kernel, $w x $h from $rw x $rh, $before, $more),)*
            }
        }
    };
}

impl Reconstructor<'_> {
    pub(super) fn inter(&mut self, mb: &Mb, shape: Shape) {
        let places = std::array::from_fn(|plane| self.place(mb, plane));
        match shape {
            Shape::Whole => self.part::<4, 4>(mb, &places, (0, 0)),
            Shape::Rows => [0, 2].into_iter().for_each(|y| self.part::<4, 2>(mb, &places, (0, y))),
            Shape::Columns => {
                [0, 2].into_iter().for_each(|x| self.part::<2, 4>(mb, &places, (x, 0)));
            }
            Shape::Quarters(shapes) => {
                for (n, shape) in shapes.into_iter().enumerate() {
                    let (x, y) = (n % 2 * 2, n / 2 * 2);
                    match shape {
                        SubShape::Whole => self.part::<2, 2>(mb, &places, (x, y)),
                        SubShape::Rows => [0, 1]
                            .into_iter()
                            .for_each(|dy| self.part::<2, 1>(mb, &places, (x, y + dy))),
                        SubShape::Columns => [0, 1]
                            .into_iter()
                            .for_each(|dx| self.part::<1, 2>(mb, &places, (x + dx, y))),
                        SubShape::Quarters => (0..4).for_each(|n| {
                            self.part::<1, 1>(mb, &places, (x + n % 2, y + n / 2));
                        }),
                    }
                }
            }
        }
    }

    /// Prefetches the samples that `mb` refers to. `before` is the macroblock before it, if that
    /// was prefetched; samples that both refer to are not prefetched again.
    pub(super) fn prefetch(&self, mb: &Mb, before: Option<&Mb>) {
        if !matches!(mb.prediction, Prediction::Inter(_)) {
            return;
        }
        let is_field = self.cx.is_field(mb.is_field);
        let y = if is_field { mb.row / 2 } else { mb.row };
        let (x, y) = ((16 * mb.x).cast_signed(), (16 * y).cast_signed());
        for list in 0..2 {
            let source = self.references.source(mb, list, mb.refs[list][0], 0);
            let Some(Source { planes, mv, .. }) = source else { continue };
            let is_next = before.is_some_and(|before| {
                (before.row, before.refs[list][0], before.mvs[list][0])
                    == (mb.row, mb.refs[list][0], mv)
            });
            let (x, y) = (x + isize::from(mv.x >> 2), y + isize::from(mv.y >> 2));
            if self.set.luma {
                planes[0].prefetch_block(16, (x - 2, 21), (y, 19), is_next);
            }
            for plane in &planes[self.chroma_planes()] {
                plane.prefetch_block(8, (x >> 1, 9), (y >> 1, 9), is_next);
            }
        }
    }

    /// Predicts the part at block (`x`, `y`) of `W` x `H` 4x4 blocks.
    fn part<const W: usize, const H: usize>(
        &mut self,
        mb: &Mb,
        places: &[Place; 3],
        (x, y): (usize, usize),
    ) {
        let quarter = y / 2 * 2 + x / 2;
        let refs = [0, 1].map(|list| mb.refs[list][quarter]);
        let mb_row = if self.cx.is_field(mb.is_field) { mb.row / 2 } else { mb.row };
        let part = Part::<W, H> { x: 16 * mb.x + 4 * x, y: 16 * mb_row + 4 * y, set: self.set };
        let source = |list: usize| self.references.source(mb, list, refs[list], 4 * y + x);
        let (first, second) = match (source(0), source(1)) {
            (Some(first), second) => (first, second),
            (None, Some(second)) => (second, None),
            (None, None) => return,
        };
        let weightings = self.weightings(mb, refs);
        let (kernels, InterScratch { predictions, copy }) = (self.kernels, &mut self.scratch);
        let [luma, cb, cr] = &mut self.planes;
        let mut targets = [
            Target::new(luma, places[0], 4 * x, 4 * y),
            Target::new(cb, places[1], 2 * x, 2 * y),
            Target::new(cr, places[2], 2 * x, 2 * y),
        ];
        if let Some(second) = &second {
            let mut other = predictions[1].each_mut().map(packed);
            part.compensate(kernels, second, &mut other, copy);
        }
        let Some(weightings) = weightings else {
            part.compensate(kernels, &first, &mut targets, copy);
            if second.is_some() {
                part.average(kernels, &predictions[1], &mut targets);
            }
            return;
        };
        let mut unweighted = predictions[0].each_mut().map(packed);
        part.compensate(kernels, &first, &mut unweighted, copy);
        if second.is_some() {
            part.weigh_both(kernels, weightings, predictions, &mut targets);
        } else {
            part.weigh(kernels, weightings, &mut predictions[0], &mut targets);
        }
    }

    /// Returns the weighting of a part in each plane; `None` if it is the default in all.
    #[inline]
    fn weightings(&self, mb: &Mb, refs: [i8; 2]) -> Option<[Weighting; 3]> {
        let cx = self.cx;
        if cx.weights.are_default(refs, mb.is_field) {
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

impl<const W: usize, const H: usize> Part<W, H> {
    /// Calls `apply` with each plane of the part and its width and height in samples.
    #[inline(always)]
    fn for_planes(self, mut apply: impl FnMut(usize, usize, usize)) {
        if self.set.luma {
            apply(0, 4 * W, 4 * H);
        }
        if self.set.chroma {
            apply(1, 2 * W, 2 * H);
            apply(2, 2 * W, 2 * H);
        }
    }

    /// Replaces the samples in the targets by their means with the samples of `other`.
    #[inline]
    fn average(self, kernels: &Kernels, other: &[Rows; 3], targets: &mut [Target<'_>; 3]) {
        self.for_planes(|plane, w, rows| {
            let Target { data, stride } = &mut targets[plane];
            kernels.h264_average_block(data, *stride, w, &other[plane][..rows]);
        });
    }

    /// Predicts the samples from `source` into `targets`.
    fn compensate(
        self,
        kernels: &Kernels,
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
        let [luma, cb, cr] = planes;
        let [to_luma, to_cb, to_cr] = targets;
        let x = self.x.cast_signed() + isize::from(mv.x >> 2);
        let y = self.y.cast_signed() + isize::from(mv.y >> 2);
        if self.set.luma {
            let fractions = fraction((mv.x & 3, mv.y & 3));
            self.luma((kernels, luma, (x, y), fractions, to_luma, &mut *copy));
        }
        if !self.set.chroma {
            return;
        }
        let x = (self.x / 2).cast_signed() + isize::from(mv.x >> 3);
        let y = (self.y / 2).cast_signed() + isize::from(chroma_y >> 3);
        let fractions = fraction((mv.x & 7, chroma_y & 7));
        self.chroma((kernels, cb, (x, y), fractions, to_cb, &mut *copy));
        self.chroma((kernels, cr, (x, y), fractions, to_cr, copy));
    }

    plane! {
        /// Predicts the samples of luma.
        luma, 2, 5:
        (4, 4) => h264_luma_16x16 16 x 16 from 21 x 21;
        (4, _) => h264_luma_16x8 16 x 8 from 21 x 13;
        (2, 4) => h264_luma_8x16 8 x 16 from 16 x 21;
        (2, 2) => h264_luma_8x8 8 x 8 from 16 x 13;
        (2, _) => h264_luma_8x4 8 x 4 from 16 x 9;
        (_, 2) => h264_luma_4x8 4 x 8 from 16 x 13;
        _ => h264_luma_4x4 4 x 4 from 16 x 9;
    }

    plane! {
        /// Predicts the samples of a chroma plane.
        chroma, 0, 1:
        (4, 4) => h264_chroma_8x8 8 x 8 from 16 x 9;
        (4, _) => h264_chroma_8x4 8 x 4 from 16 x 5;
        (2, 4) => h264_chroma_4x8 4 x 8 from 8 x 9;
        (2, 2) => h264_chroma_4x4 4 x 4 from 8 x 5;
        (2, _) => h264_chroma_4x2 4 x 2 from 8 x 3;
        (_, 2) => h264_chroma_2x4 2 x 4 from 8 x 5;
        _ => h264_chroma_2x2 2 x 2 from 8 x 3;
    }

    /// Weighs a prediction from one list.
    #[inline(never)]
    fn weigh(
        self,
        kernels: &Kernels,
        weightings: [Weighting; 3],
        prediction: &mut [Rows; 3],
        targets: &mut [Target<'_>; 3],
    ) {
        self.for_planes(|plane, w, rows| {
            let first = &mut prediction[plane][..rows];
            if let Weighting::Weighted { log2_denom, weights, offset } = weightings[plane] {
                kernels.h264_weight_rows(first, log2_denom, weights[0], offset);
            }
            copy_rows(first, w, &mut targets[plane]);
        });
    }

    /// Weighs both predictions.
    #[inline(never)]
    fn weigh_both(
        self,
        kernels: &Kernels,
        weightings: [Weighting; 3],
        predictions: &mut [[Rows; 3]; 2],
        targets: &mut [Target<'_>; 3],
    ) {
        let [first, second] = predictions;
        self.for_planes(|plane, w, rows| {
            let (first, second) = (&mut first[plane][..rows], &second[plane][..rows]);
            match weightings[plane] {
                Weighting::Default => {
                    kernels.h264_average_block(first.as_flattened_mut(), 16, 16, second);
                }
                Weighting::Weighted { log2_denom, weights, offset } => {
                    kernels.h264_biweight_rows(first, second, log2_denom, weights, offset);
                }
            }
            copy_rows(first, w, &mut targets[plane]);
        });
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
