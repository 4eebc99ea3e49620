//! Visual information fidelity (H. R. Sheikh and A. C. Bovik, "Image information and visual quality",
//! 2006) in the pixel domain: means, variances and covariance under a Gaussian window, and the
//! information that a noisy channel passes on.
//!
//! After the first scale, samples have 8 fractional bits. At every scale, means have 24 fractional
//! bits and variances have 16.

mod information;
mod sums;

use super::{LANES, reflected};
use crate::view::PlaneRef;
use crate::vmaf::{VmafScratch, VmafVif};
pub(crate) use information::Totals;
use sums::{Shifts, Vertical, means, sums_of_means};
pub(crate) use sums::{Sums, reflect};

/// Gaussian windows of the four scales, in 65536ths.
pub(crate) const WINDOW_17: [u32; 17] = [
    489, 935, 1640, 2640, 3896, 5274, 6547, 7455, 7784, 7455, 6547, 5274, 3896, 2640, 1640, 935,
    489,
];
const WINDOW_9: [u32; 9] = [1244, 3663, 7925, 12590, 14692, 12590, 7925, 3663, 1244];
const WINDOW_5: [u32; 5] = [3571, 16004, 26386, 16004, 3571];
const WINDOW_3: [u32; 3] = [10904, 43728, 10904];

/// Columns that are filtered horizontally before their statistics are summed up.
pub(crate) const BLOCK: usize = 128;
/// Border of the rows of sums: half of the longest window.
pub(crate) const BORDER: usize = 8;

/// The rows of a window around row `y`.
#[inline(always)]
pub(crate) fn window_rows<'a, S: Copy, const T: usize>(
    plane: PlaneRef<'a, S>,
    y: usize,
) -> [&'a [S]; T] {
    let mut rows: [&[S]; T] = [&[]; T];
    let height = plane.layout().height;
    for (tap, row) in rows.iter_mut().enumerate() {
        let from = y.cast_signed() + tap.cast_signed() - (T / 2).cast_signed();
        *row = plane.row(reflected(from, height));
    }
    rows
}

/// The size of both planes, which are at least as large as the window.
#[inline(always)]
pub(crate) fn common_size<S: Copy, const T: usize>(
    [reference, distorted]: [PlaneRef<'_, S>; 2],
) -> (usize, usize) {
    let (width, height) = (reference.layout().width, reference.layout().height);
    let other = distorted.layout();
    assert!((other.width, other.height) == (width, height), "planes of different sizes");
    assert!(width > T / 2 && height > T / 2, "planes are smaller than the window");
    (width, height)
}

#[inline(always)]
fn vif<S: Vertical, const T: usize>(
    planes: [PlaneRef<'_, S>; 2],
    window: &[u32; T],
    shifts: Shifts,
    scratch: &mut VmafScratch,
) -> VmafVif {
    let (width, height) = common_size::<S, T>(planes);
    let sums = &mut scratch.sums;
    sums.resize(width);
    let (mut totals, mut block) = (Totals::new(), Sums::ZERO);
    for y in 0..height {
        let [a, b] = planes.map(|plane| window_rows(plane, y));
        sums.sum_rows(window, [&a, &b], shifts);
        for from in (0..width).step_by(BLOCK) {
            let count = BLOCK.min(width - from);
            sums.block(window, from, count, &mut block);
            totals.add_block(&block, count);
        }
    }
    totals.finish()
}

/// Every second sample of every second row, filtered.
#[inline(always)]
fn halve<S: Vertical, const T: usize>(
    plane: PlaneRef<'_, S>,
    window: &[u32; T],
    shift: u32,
    out: &mut [u16],
    scratch: &mut VmafScratch,
) {
    let (width, height) = common_size::<S, T>([plane; 2]);
    let (half_width, half_height) = (width / 2, height / 2);
    assert_eq!(out.len(), half_width * half_height, "a plane of another size");
    let row = &mut scratch.sums.means[0];
    row.resize(width + 2 * BORDER, 0);
    for (y, out) in out.chunks_exact_mut(half_width).enumerate() {
        let rows = window_rows(plane, 2 * y);
        let bulk = width - width % LANES;
        for at in (0..bulk).step_by(LANES) {
            let columns = means::<S, T, LANES>(window, &rows, at, shift);
            row[BORDER + at..][..LANES].copy_from_slice(&columns);
        }
        for at in bulk..width {
            [row[BORDER + at]] = means::<S, T, 1>(window, &rows, at, shift);
        }
        reflect(row, width, T / 2);
        let (bulk, start) = (half_width - half_width % (LANES / 2), BORDER - T / 2);
        for at in (0..bulk).step_by(LANES / 2) {
            let sums = sums_of_means::<T, LANES>(window, row, start + 2 * at);
            for (out, sum) in out[at..].iter_mut().zip(sums.chunks_exact(2)) {
                *out = rounded(sum[0]);
            }
        }
        for (x, out) in out.iter_mut().enumerate().skip(bulk) {
            let [sum] = sums_of_means::<T, 1>(window, row, start + 2 * x);
            *out = rounded(sum);
        }
    }
}

/// The rounded mean of a sum under the window.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "means of 16 bits")]
fn rounded(sum: u32) -> u16 {
    ((sum >> 16) + ((sum >> 15) & 1)) as u16
}

#[inline(always)]
pub(crate) fn vmaf_vif_8(planes: [PlaneRef<'_>; 2], scratch: &mut VmafScratch) -> VmafVif {
    vif(planes, &WINDOW_17, Shifts::first(8), scratch)
}

#[inline(always)]
pub(crate) fn vmaf_vif_16(
    planes: [PlaneRef<'_, u16>; 2],
    scale: u32,
    depth: u32,
    scratch: &mut VmafScratch,
) -> VmafVif {
    match scale {
        0 => vif(planes, &WINDOW_17, Shifts::first(depth), scratch),
        1 => vif(planes, &WINDOW_9, Shifts::LATER, scratch),
        2 => vif(planes, &WINDOW_5, Shifts::LATER, scratch),
        _ => vif(planes, &WINDOW_3, Shifts::LATER, scratch),
    }
}

#[inline(always)]
pub(crate) fn vmaf_halve_8(plane: PlaneRef<'_>, out: &mut [u16], scratch: &mut VmafScratch) {
    halve(plane, &WINDOW_9, 8, out, scratch);
}

#[inline(always)]
pub(crate) fn vmaf_halve_16(
    plane: PlaneRef<'_, u16>,
    scale: u32,
    depth: u32,
    out: &mut [u16],
    scratch: &mut VmafScratch,
) {
    match scale {
        0 => halve(plane, &WINDOW_9, depth, out, scratch),
        1 => halve(plane, &WINDOW_5, 16, out, scratch),
        _ => halve(plane, &WINDOW_3, 16, out, scratch),
    }
}
