//! Denoising: temporal filter and spatial smoothing.

use crate::temporal::TemporalWeights;
use crate::view::{Window, WindowMut};

/// Fractional bits of the history.
const HISTORY_BITS: u32 = 7;

/// Source minus history, in 1/128 of a level.
fn difference(pixel: u8, history: i16) -> i16 {
    (i16::from(pixel) << HISTORY_BITS).wrapping_sub(history)
}

pub(crate) fn temporal_sums_16x8(
    source: Window<'_, 16, 8>,
    history: &[[i16; 16]; 8],
) -> ([i32; 4], [i32; 4]) {
    let (mut sums, mut sads) = ([0; 4], [0; 4]);
    for (y, history) in history.iter().enumerate() {
        for (x, (&pixel, &history)) in source.row(y).iter().zip(history).enumerate() {
            let difference = difference(pixel, history) >> 3;
            sums[x / 4] += i32::from(difference);
            sads[x / 4] += i32::from(difference.wrapping_abs());
        }
    }
    (sums, sads)
}

pub(crate) fn temporal_blend_16x8(
    source: Window<'_, 16, 8>,
    history: &mut [[i16; 16]; 8],
    weights: &TemporalWeights<'_>,
    mut dst: WindowMut<'_, 16, 8>,
) {
    let ranges = TemporalWeights::columns(weights.ranges());
    let leasts = TemporalWeights::columns(weights.leasts());
    let slopes = TemporalWeights::columns(weights.slopes());
    for (y, history) in history.iter_mut().enumerate() {
        let pixels = source.row(y).iter().zip(dst.row_mut(y));
        for (x, ((&pixel, dst), history)) in pixels.zip(history).enumerate() {
            let difference = difference(pixel, *history);
            let above = difference.wrapping_abs().wrapping_sub(ranges[x]).max(0).min(ranges[x]);
            let share = above.wrapping_mul(slopes[x]).saturating_add(leasts[x]);
            let step = (i32::from(difference) * i32::from(share) + (1 << 14)) >> 15;
            // A share is at most 32767, so the step fits.
            let [low, high, ..] = step.to_le_bytes();
            *history = history.wrapping_add(i16::from_le_bytes([low, high]));
            let rounded = history.wrapping_add(1 << (HISTORY_BITS - 1)) >> HISTORY_BITS;
            *dst = u8::try_from(rounded.clamp(0, 255)).unwrap_or(u8::MAX);
        }
    }
}

/// The reciprocal of five, in 1/32768.
const FIFTH: i32 = 6554;

pub(crate) fn smooth_16x8(source: Window<'_, 18, 10>, limits: &[u8; 16], dst: &mut [[u8; 16]; 8]) {
    for (y, dst) in dst.iter_mut().enumerate() {
        let [above, row, below] = [source.row(y), source.row(y + 1), source.row(y + 2)];
        for (x, (dst, &limit)) in dst.iter_mut().zip(limits).enumerate() {
            let pixel = row[x + 1];
            let near = [row[x], row[x + 2], above[x + 1], below[x + 1]];
            let sum: i32 = near.iter().map(|&near| influence(near, pixel, limit)).sum();
            let smoothed = i32::from(pixel) + ((sum * FIFTH + (1 << 14)) >> 15);
            *dst = u8::try_from(smoothed.clamp(0, 255)).unwrap_or(u8::MAX);
        }
    }
}

/// The difference of a neighbour, as far as it counts.
fn influence(near: u8, pixel: u8, limit: u8) -> i32 {
    let size = near.abs_diff(pixel);
    let counted = i32::from(size.min(limit.saturating_mul(2).saturating_sub(size)));
    if near < pixel { -counted } else { counted }
}
