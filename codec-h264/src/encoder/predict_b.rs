//! Prediction in B slices, from one or two lists. ITU-T H.264, clauses 8.4.2.2 and 8.4.2.3.1.

use codec_simd::Kernels;

use super::predict::{self, Part, RefPlanes};
use super::scratch::Trial;
use super::search_inter::Motion;
use crate::decoder::inter_types::Lists;
use crate::macroblock::Shape;
use crate::picture::Mv;

/// Motion of a macroblock of a B slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct BMotion {
    pub shape: Shape,
    /// Whether it is derived by direct prediction.
    pub is_direct: bool,
    /// Quarters that are derived by direct prediction, in a macroblock that is not.
    pub direct_quarters: u8,
    /// Reference indices of the quarters by list; -1 if unused.
    pub refs: [[i8; 4]; 2],
    /// Vectors of the quarters by list; zero if unused.
    pub mvs: [[Mv; 4]; 2],
    /// Bits of the type, the references and the vectors, in 1/256 bit.
    pub bits: u32,
    /// Distortion of the luma prediction, as the search measures it, and the bits.
    pub cost: u32,
}

impl BMotion {
    /// Returns what the coding of the residual has to know.
    pub(super) fn plain(&self) -> Motion {
        let &Self { shape, bits, cost, .. } = self;
        Motion { shape, reference: 0, mvs: [Mv::ZERO; 4], bits, cost }
    }

    /// Returns the lists that the quarters use.
    pub(super) fn lists(&self) -> [Lists; 4] {
        let [first, second] = self.refs;
        [0, 1, 2, 3].map(|n| u8::from(first[n] >= 0) | u8::from(second[n] >= 0) << 1)
    }

    /// Returns the parts of the macroblock with their own motion, with the first quarter of each.
    fn parts(&self) -> &'static [(usize, Part)] {
        const fn part(x: usize, y: usize, width: usize, height: usize) -> (usize, Part) {
            (y / 8 * 2 + x / 8, Part { x, y, width, height })
        }
        let is_uniform = |mvs: &[Mv; 4]| *mvs == [mvs[0]; 4];
        match self.shape {
            Shape::Whole if self.mvs.iter().all(is_uniform) => &[(0, Part::WHOLE)],
            Shape::Rows => const { &[part(0, 0, 16, 8), part(0, 8, 16, 8)] },
            Shape::Columns => const { &[part(0, 0, 8, 16), part(8, 0, 8, 16)] },
            _ => {
                const { &[part(0, 0, 8, 8), part(8, 0, 8, 8), part(0, 8, 8, 8), part(8, 8, 8, 8)] }
            }
        }
    }
}

/// Reference lists of a B slice.
#[derive(Clone, Copy)]
pub(super) struct RefLists<'a> {
    pub planes: [&'a [RefPlanes<'a>]; 2],
    /// Weights of predictions from both lists, in 1/64.
    pub weights: [i16; 2],
}

/// Returns the references of quarter `n` by list.
fn references<'a>(
    lists: RefLists<'a>,
    motion: &BMotion,
    n: usize,
) -> [Option<&'a RefPlanes<'a>>; 2] {
    let [first, second] = lists.planes;
    let of = |list: &'a [RefPlanes<'a>], index: i8| list.get(usize::try_from(index).ok()?);
    [of(first, motion.refs[0][n]), of(second, motion.refs[1][n])]
}

/// Predicts luma with `motion` into `to`; `other` is memory for the second prediction.
pub(super) fn luma(
    kernels: &Kernels,
    lists: RefLists<'_>,
    at: (usize, usize),
    motion: &BMotion,
    to: &mut Trial,
    other: &mut Trial,
) {
    for &(n, part) in motion.parts() {
        let mvs = [motion.mvs[0][n], motion.mvs[1][n]];
        let one = |refp: &RefPlanes<'_>, mv, to: &mut Trial| {
            predict::luma(kernels, &refp.y, at, part, mv, &mut to.luma);
        };
        match references(lists, motion, n) {
            [Some(a), Some(b)] => {
                one(a, mvs[0], to);
                one(b, mvs[1], other);
                blend(kernels, lists.weights, &mut to.luma.0, &other.luma.0, part);
            }
            [Some(refp), None] => one(refp, mvs[0], to),
            [None, Some(refp)] => one(refp, mvs[1], to),
            [None, None] => {}
        }
    }
}

/// As [`luma`], of both chroma planes.
pub(super) fn chroma(
    kernels: &Kernels,
    lists: RefLists<'_>,
    at: (usize, usize),
    motion: &BMotion,
    to: &mut Trial,
    other: &mut Trial,
) {
    for &(n, part) in motion.parts() {
        let mvs = [motion.mvs[0][n], motion.mvs[1][n]];
        let one = |refp: &RefPlanes<'_>, mv, to: &mut Trial| {
            predict::chroma(kernels, refp, at, part, mv, &mut to.chroma);
        };
        match references(lists, motion, n) {
            [Some(a), Some(b)] => {
                one(a, mvs[0], to);
                one(b, mvs[1], other);
                let half = Part {
                    x: part.x / 2,
                    y: part.y / 2,
                    width: part.width / 2,
                    height: part.height / 2,
                };
                for plane in [0, 8] {
                    let part = Part { x: half.x + plane, ..half };
                    blend(kernels, lists.weights, &mut to.chroma.0, &other.chroma.0, part);
                }
            }
            [Some(refp), None] => one(refp, mvs[0], to),
            [None, Some(refp)] => one(refp, mvs[1], to),
            [None, None] => {}
        }
    }
}

/// Equal weights.
pub(super) const EQUAL: [i16; 2] = [32; 2];

/// Replaces samples by their weighted means, in 1/64, with the samples of `other`.
#[inline]
#[expect(clippy::cast_sign_loss, reason = "clamped before")]
pub(super) fn blend_samples(weights: [i16; 2], to: &mut [u8], other: &[u8]) {
    let [a, b] = weights.map(i32::from);
    for (to, &other) in to.iter_mut().zip(other) {
        let sum = i32::from(*to) * a + i32::from(other) * b;
        *to = ((sum + 32) >> 6).clamp(0, 255) as u8;
    }
}

/// Replaces the samples of a part by their weighted means with the samples of `other`.
fn blend(
    kernels: &Kernels,
    weights: [i16; 2],
    rows: &mut [[u8; 16]],
    other: &[[u8; 16]],
    part: Part,
) {
    let Part { x, y, width, height } = part;
    if weights != EQUAL {
        for (to, other) in rows[y..y + height].iter_mut().zip(&other[y..y + height]) {
            blend_samples(weights, &mut to[x..x + width], &other[x..x + width]);
        }
        return;
    }
    let dst = &mut rows.as_flattened_mut()[16 * y + x..];
    if x == 0 {
        kernels.h264_average_block(dst, 16, width, &other[y..y + height]);
        return;
    }
    // The kernel reads the first columns.
    let mut moved = [[0; 16]; 16];
    for (to, from) in moved.iter_mut().zip(&other[y..y + height]) {
        to[..width].copy_from_slice(&from[x..x + width]);
    }
    kernels.h264_average_block(dst, 16, width, &moved[..height]);
}
