//! Scalar reference kernels: prediction of VP8, which is motion compensation (RFC 6386, section 18)
//! and intra modes (section 12).
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sums are clamped, or are means of bytes"
)]

use crate::types::{Edges, Edges4, IntraMode, SubblockMode};
use crate::view::{Window, WindowMut};

pub(crate) fn copy_16x16(refp: Window<'_, 16, 16>, mut dst: WindowMut<'_, 16, 16>) {
    dst.copy_from(refp);
}

pub(crate) fn copy_8x8(refp: Window<'_, 8, 8>, mut dst: WindowMut<'_, 8, 8>) {
    dst.copy_from(refp);
}

pub(crate) fn copy_4x4(refp: Window<'_, 4, 4>, mut dst: WindowMut<'_, 4, 4>) {
    dst.copy_from(refp);
}

/// Six-tap filters by eighths of a pixel; they sum to 128.
const SIXTAP: [[i32; 6]; 8] = [
    [0, 0, 128, 0, 0, 0],
    [0, -6, 123, 12, -1, 0],
    [2, -11, 108, 36, -8, 1],
    [0, -9, 93, 50, -6, 0],
    [3, -16, 77, 77, -16, 3],
    [0, -6, 50, 93, -9, 0],
    [1, -8, 36, 108, -11, 2],
    [0, -1, 12, 123, -6, 0],
];

fn clamped(value: i32) -> u8 {
    value.clamp(0, 255) as u8
}

/// The filter over six pixels, the third of which is the position's own.
fn filtered(pixels: [u8; 6], taps: [i32; 6]) -> u8 {
    let sum: i32 = pixels.iter().zip(taps).map(|(&pixel, tap)| i32::from(pixel) * tap).sum();
    clamped((sum + 64) >> 7)
}

/// `N`x`N` pixels from the (2, 2) of `refp`. The filter of fraction 0 has no effect, so both passes
/// always run.
fn sixtap<const W: usize, const H: usize, const N: usize>(
    refp: Window<'_, W, H>,
    fx: u8,
    fy: u8,
    dst: &mut WindowMut<'_, N, N>,
) {
    let (across, down) = (SIXTAP[usize::from(fx)], SIXTAP[usize::from(fy)]);
    let first: [[u8; N]; H] = std::array::from_fn(|y| {
        std::array::from_fn(|x| filtered(std::array::from_fn(|k| refp.row(y)[x + k]), across))
    });
    for y in 0..N {
        *dst.row_mut(y) =
            std::array::from_fn(|x| filtered(std::array::from_fn(|k| first[y + k][x]), down));
    }
}

pub(crate) fn sixtap_16x16(
    refp: Window<'_, 21, 21>,
    fx: u8,
    fy: u8,
    mut dst: WindowMut<'_, 16, 16>,
) {
    sixtap(refp, fx, fy, &mut dst);
}

pub(crate) fn sixtap_8x8(refp: Window<'_, 16, 13>, fx: u8, fy: u8, mut dst: WindowMut<'_, 8, 8>) {
    sixtap(refp, fx, fy, &mut dst);
}

pub(crate) fn sixtap_8x8_x2(
    [a, b]: [Window<'_, 16, 13>; 2],
    fx: u8,
    fy: u8,
    [to_a, to_b]: [WindowMut<'_, 8, 8>; 2],
) {
    sixtap_8x8(a, fx, fy, to_a);
    sixtap_8x8(b, fx, fy, to_b);
}

pub(crate) fn sixtap_4x4(refp: Window<'_, 16, 9>, fx: u8, fy: u8, mut dst: WindowMut<'_, 4, 4>) {
    sixtap(refp, fx, fy, &mut dst);
}

/// The mean of `a` and `b` at `fraction` eighths of the way: `taps` of 128ths, reduced.
fn between(a: u8, b: u8, fraction: u8) -> u8 {
    let (a, b, fraction) = (u32::from(a), u32::from(b), u32::from(fraction));
    ((a * (8 - fraction) + b * fraction + 4) >> 3) as u8
}

/// `N`x`N` pixels from the top-left of `refp`, which has one column and one row more.
pub(super) fn bilinear<const W: usize, const H: usize, const N: usize>(
    refp: Window<'_, W, H>,
    fx: u8,
    fy: u8,
    dst: &mut WindowMut<'_, N, N>,
) {
    let first: [[u8; N]; H] = std::array::from_fn(|y| {
        std::array::from_fn(|x| between(refp.row(y)[x], refp.row(y)[x + 1], fx))
    });
    for y in 0..N {
        *dst.row_mut(y) = std::array::from_fn(|x| between(first[y][x], first[y + 1][x], fy));
    }
}

pub(crate) fn bilinear_16x16(
    refp: Window<'_, 17, 17>,
    fx: u8,
    fy: u8,
    mut dst: WindowMut<'_, 16, 16>,
) {
    bilinear(refp, fx, fy, &mut dst);
}

pub(crate) fn bilinear_8x8(refp: Window<'_, 16, 9>, fx: u8, fy: u8, mut dst: WindowMut<'_, 8, 8>) {
    bilinear(refp, fx, fy, &mut dst);
}

pub(crate) fn bilinear_4x4(refp: Window<'_, 8, 5>, fx: u8, fy: u8, mut dst: WindowMut<'_, 4, 4>) {
    bilinear(refp, fx, fy, &mut dst);
}

/// Mean of the available edges, rounded; 128 without any.
fn dc<const N: usize>(edges: &Edges<N>) -> u8 {
    let sum = |edge: &[u8; N]| edge.iter().map(|&pixel| u32::from(pixel)).sum::<u32>();
    let (above, left) = (sum(&edges.above), sum(&edges.left));
    let n = N as u32;
    match (edges.has_above, edges.has_left) {
        (true, true) => ((above + left + n) / (2 * n)) as u8,
        (true, false) => ((above + n / 2) / n) as u8,
        (false, true) => ((left + n / 2) / n) as u8,
        (false, false) => 128,
    }
}

/// `left + above - top_left` along a row, clamped.
fn true_motion<const N: usize>(above: [u8; N], left: u8, top_left: u8) -> [u8; N] {
    above.map(|above| clamped(i32::from(left) + i32::from(above) - i32::from(top_left)))
}

fn intra<const N: usize>(mode: IntraMode, edges: &Edges<N>, dst: &mut WindowMut<'_, N, N>) {
    for y in 0..N {
        *dst.row_mut(y) = match mode {
            IntraMode::Dc => [dc(edges); N],
            IntraMode::Vertical => edges.above,
            IntraMode::Horizontal => [edges.left[y]; N],
            IntraMode::TrueMotion => true_motion(edges.above, edges.left[y], edges.top_left),
        };
    }
}

pub(crate) fn intra_16x16(mode: IntraMode, edges: &Edges<16>, mut dst: WindowMut<'_, 16, 16>) {
    intra(mode, edges, &mut dst);
}

pub(crate) fn intra_8x8(mode: IntraMode, edges: &Edges<8>, mut dst: WindowMut<'_, 8, 8>) {
    intra(mode, edges, &mut dst);
}

/// Rounded mean of two neighbours.
fn avg2(a: u8, b: u8) -> u8 {
    a.midpoint(b) + ((a ^ b) & 1)
}

/// Rounded mean of three neighbours, the middle one twice.
fn avg3(a: u8, b: u8, c: u8) -> u8 {
    ((u16::from(a) + 2 * u16::from(b) + u16::from(c) + 2) >> 2) as u8
}

/// Position of the corner in the array of [`directional`].
const CORNER: usize = 9;

/// The pixel at (`x`, `y`) of a directional mode.
fn directional(mode: SubblockMode, edges: &Edges4, x: usize, y: usize) -> u8 {
    let Edges4 { above: [a0, a1, a2, a3, a4, a5, a6, a7], left: [l0, l1, l2, l3], top_left } =
        *edges;
    // From the bottom left to the above-right; lines that leave the edge repeat its last pixel.
    let edge = [l3, l3, l3, l3, l3, l3, l2, l1, l0, top_left, a0, a1, a2, a3, a4, a5, a6, a7, a7];
    let (above, left) = (|i: usize| CORNER + 1 + i, |i: usize| CORNER - 1 - i);
    let smooth = |i: usize| avg3(edge[i - 1], edge[i], edge[i + 1]);
    let half = |i: usize, j: usize| avg2(edge[i], edge[j]);
    match mode {
        SubblockMode::Dc | SubblockMode::TrueMotion => unreachable!("not directional"),
        SubblockMode::Vertical => smooth(above(x)),
        SubblockMode::Horizontal => smooth(left(y)),
        SubblockMode::LeftDown => smooth(above(x + y + 1)),
        SubblockMode::RightDown => smooth(CORNER + x - y),
        // Two rows down go one column right: every other line starts between two pixels.
        SubblockMode::VerticalRight => match (2 * x).checked_sub(y) {
            None if 2 * x + 1 == y => smooth(CORNER),
            None => smooth(CORNER + 1 - y),
            Some(line) if line.is_multiple_of(2) => half(CORNER + line / 2, CORNER + line / 2 + 1),
            Some(line) => smooth(CORNER + line.div_ceil(2)),
        },
        SubblockMode::HorizontalDown => match (2 * y).checked_sub(x) {
            None if 2 * y + 1 == x => smooth(CORNER),
            None => smooth(CORNER - 1 + x),
            Some(line) if line.is_multiple_of(2) => half(CORNER - line / 2 - 1, CORNER - line / 2),
            Some(line) => smooth(CORNER - line.div_ceil(2)),
        },
        SubblockMode::VerticalLeft => match (x, y) {
            // The standard's two exceptions.
            (3, 2) => smooth(above(5)),
            (3, 3) => smooth(above(6)),
            _ if y.is_multiple_of(2) => half(above(x + y / 2), above(x + y / 2 + 1)),
            _ => smooth(above(x + y / 2 + 1)),
        },
        SubblockMode::HorizontalUp => {
            let line = x + 2 * y;
            if line.is_multiple_of(2) {
                half(left(line / 2), left(line / 2 + 1))
            } else {
                smooth(left(line / 2 + 1))
            }
        }
    }
}

pub(crate) fn intra_4x4(mode: SubblockMode, edges: &Edges4, mut dst: WindowMut<'_, 4, 4>) {
    let [a0, a1, a2, a3, ..] = edges.above;
    let above = [a0, a1, a2, a3];
    let sum: u16 = above.iter().chain(&edges.left).map(|&pixel| u16::from(pixel)).sum();
    for y in 0..4 {
        *dst.row_mut(y) = match mode {
            SubblockMode::Dc => [((sum + 4) >> 3) as u8; 4],
            SubblockMode::TrueMotion => true_motion(above, edges.left[y], edges.top_left),
            _ => std::array::from_fn(|x| directional(mode, edges, x, y)),
        };
    }
}
