//! Gaussian-weighted sums over the window around each sample: first vertically, then horizontally.

use super::{BLOCK, BORDER};
use crate::scalar::vmaf::{LANES, lanes};
use crate::vmaf::RowSums;

/// Sums for `L` columns: means of both frames, and means of their squares and products.
pub(crate) struct Sums<const L: usize> {
    pub(crate) means: [[u32; L]; 2],
    pub(crate) squares: [[u32; L]; 3],
}

impl<const L: usize> Sums<L> {
    pub(crate) const ZERO: Self = Self { means: [[0; L]; 2], squares: [[0; L]; 3] };
}

/// Right shifts, with rounding, of the vertical sums of samples and of squares.
#[derive(Clone, Copy)]
pub(super) struct Shifts {
    pub(super) samples: u32,
    squares: u32,
}

impl Shifts {
    /// For samples of `depth` bits in the first scale.
    #[inline(always)]
    pub(super) fn first(depth: u32) -> Self {
        Self { samples: depth, squares: 2 * (depth - 8) }
    }

    pub(super) const LATER: Self = Self { samples: 16, squares: 16 };
}

/// Vertical sums of `L` columns of samples, shifted.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "means have 16 bits")]
pub(super) fn means<S: Copy + Into<u32>, const T: usize, const L: usize>(
    window: &[u32; T],
    rows: &[&[S]; T],
    at: usize,
    shift: u32,
) -> [u16; L] {
    let mut sums = [0_u32; L];
    for tap in 0..T {
        let samples = lanes::<_, L>(rows[tap], at);
        for l in 0..L {
            sums[l] += window[tap] * samples[l].into();
        }
    }
    // A sum of 16-bit samples leaves no room for the rounding.
    sums.map(|sum| ((sum >> shift) + ((sum >> (shift - 1)) & 1)) as u16)
}

/// Samples, whose products have vertical sums.
pub(super) trait Vertical: Copy + Into<u32> {
    /// Vertical sums of the products of `L` columns of two frames, shifted.
    fn products<const T: usize, const L: usize>(
        window: &[u32; T],
        rows: [&[&[Self]; T]; 2],
        at: usize,
        shifts: Shifts,
    ) -> [u32; L];
}

impl Vertical for u8 {
    #[inline(always)]
    fn products<const T: usize, const L: usize>(
        window: &[u32; T],
        [a, b]: [&[&[Self]; T]; 2],
        at: usize,
        _: Shifts,
    ) -> [u32; L] {
        let mut sums = [0_u32; L];
        for tap in 0..T / 2 {
            let (a, a2) = (lanes::<_, L>(a[tap], at), lanes::<_, L>(a[T - 1 - tap], at));
            let (b, b2) = (lanes::<_, L>(b[tap], at), lanes::<_, L>(b[T - 1 - tap], at));
            for l in 0..L {
                let product = u16::from(a[l]) * u16::from(b[l]);
                let product2 = u16::from(a2[l]) * u16::from(b2[l]);
                sums[l] += window[tap] * (u32::from(product) + u32::from(product2));
            }
        }
        let (a, b) = (lanes::<_, L>(a[T / 2], at), lanes::<_, L>(b[T / 2], at));
        for l in 0..L {
            sums[l] += window[T / 2] * u32::from(u16::from(a[l]) * u16::from(b[l]));
        }
        sums
    }
}

impl Vertical for u16 {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "shifted sums fit 32 bits")]
    fn products<const T: usize, const L: usize>(
        window: &[u32; T],
        [a, b]: [&[&[Self]; T]; 2],
        at: usize,
        shifts: Shifts,
    ) -> [u32; L] {
        let mut sums = [0_u64; L];
        for tap in 0..T {
            let (a, b) = (lanes::<_, L>(a[tap], at), lanes::<_, L>(b[tap], at));
            for l in 0..L {
                let product = u32::from(a[l]) * u32::from(b[l]);
                sums[l] += u64::from(window[tap]) * u64::from(product);
            }
        }
        let half = (1_u64 << shifts.squares) >> 1;
        sums.map(|sum| ((sum + half) >> shifts.squares) as u32)
    }
}

/// Horizontal sums of `L` columns of means; `at` is the first column under the window.
#[inline(always)]
pub(super) fn sums_of_means<const T: usize, const L: usize>(
    window: &[u32; T],
    row: &[u16],
    at: usize,
) -> [u32; L] {
    let mut sums = [0_u32; L];
    for (tap, weight) in window.iter().enumerate() {
        let means = lanes::<_, L>(row, at + tap);
        for l in 0..L {
            sums[l] += weight * u32::from(means[l]);
        }
    }
    sums
}

/// Horizontal means of `L` columns of squares, with 16 fractional bits.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "means of numbers of 32 bits")]
fn means_of_squares<const T: usize, const L: usize>(
    window: &[u32; T],
    row: &[u32],
    at: usize,
) -> [u32; L] {
    let mut sums = [1_u64 << 15; L];
    for (tap, &weight) in window.iter().enumerate() {
        let squares = lanes::<_, L>(row, at + tap);
        for l in 0..L {
            sums[l] += u64::from(weight) * u64::from(squares[l]);
        }
    }
    sums.map(|sum| (sum >> 16) as u32)
}

/// Reflects the `width` columns of a row, which has the borders of all rows, into `border` columns on both
/// sides.
#[inline(always)]
pub(crate) fn reflect<S: Copy>(row: &mut [S], width: usize, border: usize) {
    for offset in 1..=border {
        row[BORDER - offset] = row[BORDER + offset];
        row[BORDER + width - 1 + offset] = row[BORDER + width - 1 - offset];
    }
}

impl RowSums {
    #[inline(always)]
    pub(super) fn resize(&mut self, width: usize) {
        self.means.iter_mut().for_each(|row| row.resize(width + 2 * BORDER, 0));
        self.squares.iter_mut().for_each(|row| row.resize(width + 2 * BORDER, 0));
    }

    /// Sums up the rows of both frames.
    #[inline(always)]
    pub(super) fn sum_rows<S: Vertical, const T: usize>(
        &mut self,
        window: &[u32; T],
        rows: [&[&[S]; T]; 2],
        shifts: Shifts,
    ) {
        let width = rows[0][0].len();
        for at in (0..width - width % LANES).step_by(LANES) {
            self.sum_columns::<S, T, LANES>(window, rows, at, shifts);
        }
        for at in width - width % LANES..width {
            self.sum_columns::<S, T, 1>(window, rows, at, shifts);
        }
        self.means.iter_mut().for_each(|row| reflect(row, width, T / 2));
        self.squares.iter_mut().for_each(|row| reflect(row, width, T / 2));
    }

    #[inline(always)]
    fn sum_columns<S: Vertical, const T: usize, const L: usize>(
        &mut self,
        window: &[u32; T],
        [a, b]: [&[&[S]; T]; 2],
        at: usize,
        shifts: Shifts,
    ) {
        let columns = BORDER + at..BORDER + at + L;
        for (row, frame) in self.means.iter_mut().zip([a, b]) {
            let sums = means::<S, T, L>(window, frame, at, shifts.samples);
            row[columns.clone()].copy_from_slice(&sums);
        }
        for (row, frames) in self.squares.iter_mut().zip([[a, a], [b, b], [a, b]]) {
            let sums = S::products::<T, L>(window, frames, at, shifts);
            row[columns.clone()].copy_from_slice(&sums);
        }
    }

    /// The sums of `count` columns from `from` on.
    #[inline(always)]
    pub(super) fn block<const T: usize>(
        &self,
        window: &[u32; T],
        from: usize,
        count: usize,
        out: &mut Sums<BLOCK>,
    ) {
        let start = BORDER - T / 2 + from;
        let bulk = count - count % LANES;
        for (out, row) in out.means.iter_mut().zip(&self.means) {
            for at in (0..bulk).step_by(LANES) {
                let sums = sums_of_means::<T, LANES>(window, row, start + at);
                out[at..at + LANES].copy_from_slice(&sums);
            }
            for (at, out) in out.iter_mut().enumerate().take(count).skip(bulk) {
                [*out] = sums_of_means::<T, 1>(window, row, start + at);
            }
        }
        for (out, row) in out.squares.iter_mut().zip(&self.squares) {
            for at in (0..bulk).step_by(LANES) {
                let means = means_of_squares::<T, LANES>(window, row, start + at);
                out[at..at + LANES].copy_from_slice(&means);
            }
            for (at, out) in out.iter_mut().enumerate().take(count).skip(bulk) {
                [*out] = means_of_squares::<T, 1>(window, row, start + at);
            }
        }
    }
}
