//! Interpolation with 8 taps, horizontally first; samples are rounded and clipped between the
//! passes.

use super::Sample;
use crate::vp9::Vp9Motion;

/// Longest side of a block.
const SIDE: usize = 64;
/// Rows of the horizontal pass: 64 rows at twice the size, and the taps.
const ROWS: usize = 2 * SIDE + 8;

fn filtered<S: Sample>(taps: &[i16; 8], samples: impl Iterator<Item = S>, depth: u8) -> S {
    let sum: i32 =
        taps.iter().zip(samples).map(|(&tap, sample)| i32::from(tap) * sample.into()).sum();
    S::clipped((sum + 64) >> 7, depth)
}

/// Interpolates with positions that advance by `steps` sixteenths of a sample, from the fractions of
/// `motion` on. `src` begins three samples before the block, and three rows.
pub(crate) fn predict_scaled<S: Sample + Default>(
    motion: Vp9Motion,
    steps: [u8; 2],
    depth: u8,
    src: &[S],
    src_stride: usize,
    dst: &mut [S],
    dst_stride: usize,
) {
    let (width, height) = (usize::from(motion.width), usize::from(motion.height));
    let [step_x, step_y] = steps.map(usize::from);
    let taps = |at: usize| motion.filter.taps((at & 15).to_le_bytes()[0]);
    let (from_x, from_y) = (usize::from(motion.fraction_x), usize::from(motion.fraction_y));
    let rows = ((height - 1) * step_y + from_y) / 16 + 8;
    let mut between = [[S::default(); SIDE]; ROWS];
    for (to, from) in between[..rows].iter_mut().zip(src.chunks(src_stride)) {
        for (x, to) in to[..width].iter_mut().enumerate() {
            let at = from_x + x * step_x;
            *to = filtered(taps(at), from[at / 16..][..8].iter().copied(), depth);
        }
    }
    for (y, row) in (0..height).zip(dst.chunks_mut(dst_stride)) {
        let at = from_y + y * step_y;
        let (taps, from) = (taps(at), &between[at / 16..][..8]);
        for (x, to) in row[..width].iter_mut().enumerate() {
            let sample = filtered(taps, from.iter().map(|row| row[x]), depth);
            *to = if motion.average {
                let (old, new): (i32, i32) = ((*to).into(), sample.into());
                S::from_value((old + new + 1) >> 1)
            } else {
                sample
            };
        }
    }
}

pub(crate) fn predict<S: Sample + Default>(
    motion: Vp9Motion,
    depth: u8,
    src: &[S],
    src_stride: usize,
    dst: &mut [S],
    dst_stride: usize,
) {
    // Taps at a fraction of 0 copy the sample.
    predict_scaled(motion, [16; 2], depth, src, src_stride, dst, dst_stride);
}

pub(crate) fn vp9_predict(
    motion: Vp9Motion,
    src: &[u8],
    src_stride: usize,
    dst: &mut [u8],
    dst_stride: usize,
) {
    predict(motion, 8, src, src_stride, dst, dst_stride);
}

pub(crate) fn vp9_predict_scaled(
    motion: Vp9Motion,
    steps: [u8; 2],
    src: &[u8],
    src_stride: usize,
    dst: &mut [u8],
    dst_stride: usize,
) {
    predict_scaled(motion, steps, 8, src, src_stride, dst, dst_stride);
}
