//! The motion feature of VMAF: sum of the absolute differences of two successive frames after a
//! blur.

use super::{LANES, Sample, lanes, reflected, round};
use crate::view::PlaneRef;
use crate::vmaf::VmafScratch;

/// Gaussian blur, in 65536ths.
const BLUR: [f32; 5] = [3571.0, 16004.0, 26386.0, 16004.0, 3571.0];
/// Border of a row on both sides.
const BORDER: usize = 2;

/// The sum of the absolute differences, with 8 fractional bits.
#[inline(always)]
fn motion<S: Sample>(
    [previous, current]: [PlaneRef<'_, S>; 2],
    scale: f32,
    scratch: &mut VmafScratch,
) -> f64 {
    let (width, height) = (current.layout().width, current.layout().height);
    let other = previous.layout();
    assert!((other.width, other.height) == (width, height), "planes of different sizes");
    assert!(width > BORDER && height > BORDER, "planes are smaller than the window");
    let [row, ..] = &mut scratch.rows;
    row.resize(width + 2 * BORDER, 0.0);
    let mut total = 0.0;
    let bulk = width - width % LANES;
    for y in 0..height {
        let rows = core::array::from_fn(|tap| {
            let from = reflected(y.cast_signed() + tap.cast_signed() - 2, height);
            [previous.row(from), current.row(from)]
        });
        for at in (0..bulk).step_by(LANES) {
            let sums = vertical::<S, LANES>(&rows, at, scale);
            row[BORDER + at..][..LANES].copy_from_slice(&sums);
        }
        for at in bulk..width {
            [row[BORDER + at]] = vertical::<S, 1>(&rows, at, scale);
        }
        for offset in 1..=BORDER {
            row[BORDER - offset] = row[BORDER + offset];
            row[BORDER + width - 1 + offset] = row[BORDER + width - 1 - offset];
        }
        total += f64::from(absolute_sum(row, width));
    }
    total
}

/// Blurred differences of `L` columns, rounded.
#[inline(always)]
fn vertical<S: Sample, const L: usize>(rows: &[[&[S]; 2]; 5], at: usize, scale: f32) -> [f32; L] {
    let mut sums = [0.0; L];
    for ([previous, current], weight) in rows.iter().zip(BLUR) {
        let (previous, current) = (lanes::<_, L>(previous, at), lanes::<_, L>(current, at));
        for l in 0..L {
            sums[l] += weight * (previous[l].value() - current[l].value());
        }
    }
    for sum in &mut sums {
        *sum = round(*sum * scale);
    }
    sums
}

/// The sum of the absolute values of a row after a horizontal blur.
#[inline(always)]
fn absolute_sum(row: &[f32], width: usize) -> f32 {
    const SCALE: f32 = 1.0 / 65_536.0;
    let mut sums = [0.0; LANES];
    let bulk = width - width % LANES;
    for at in (0..bulk).step_by(LANES) {
        let window = &row[at..at + LANES + 4];
        for (l, sum) in sums.iter_mut().enumerate() {
            let outer = BLUR[0] * (window[l] + window[l + 4]);
            let inner = BLUR[1] * (window[l + 1] + window[l + 3]);
            *sum += round((outer + inner + BLUR[2] * window[l + 2]) * SCALE).abs();
        }
    }
    let mut rest = 0.0;
    for at in bulk..width {
        let outer = BLUR[0] * (row[at] + row[at + 4]);
        let inner = BLUR[1] * (row[at + 1] + row[at + 3]);
        rest += round((outer + inner + BLUR[2] * row[at + 2]) * SCALE).abs();
    }
    sums.iter().sum::<f32>() + rest
}

#[inline(always)]
pub(crate) fn vmaf_motion_8(planes: [PlaneRef<'_>; 2], scratch: &mut VmafScratch) -> f64 {
    motion(planes, 1.0 / 256.0, scratch)
}

#[inline(always)]
pub(crate) fn vmaf_motion_16(
    planes: [PlaneRef<'_, u16>; 2],
    depth: u32,
    scratch: &mut VmafScratch,
) -> f64 {
    motion(planes, power_of_two(depth).recip(), scratch)
}

/// `2^exponent`, for exponents up to 16.
#[inline(always)]
pub(super) fn power_of_two(exponent: u32) -> f32 {
    (0..exponent).fold(1.0, |power, _| 2.0 * power)
}
