//! Visual information fidelity (H. R. Sheikh and A. C. Bovik, "Image information and visual quality",
//! 2006) in the pixel domain: means, variances and covariance under a Gaussian window, and the
//! information that a noisy channel passes on.
//!
//! Samples have 8 fractional bits after the first scale; means have 24, variances 16.

use super::{LANES, lanes, reflected};
use crate::view::PlaneRef;
use crate::vmaf::{VmafScratch, VmafVif};

/// Gaussian windows of the four scales, in 65536ths.
const WINDOW_17: [u32; 17] = [
    489, 935, 1640, 2640, 3896, 5274, 6547, 7455, 7784, 7455, 6547, 5274, 3896, 2640, 1640, 935,
    489,
];
const WINDOW_9: [u32; 9] = [1244, 3663, 7925, 12590, 14692, 12590, 7925, 3663, 1244];
const WINDOW_5: [u32; 5] = [3571, 16004, 26386, 16004, 3571];
const WINDOW_3: [u32; 3] = [10904, 43728, 10904];

/// Variance of the eye's noise: 2, with 16 fractional bits.
const NOISE: f64 = 131_072.0;
/// Upper limit of the channel's gain.
const MAX_GAIN: f64 = 100.0;
/// Keeps the gain finite.
const EPSILON: f64 = 65_536.0e-10;
/// Variance of the distorted frame, per sample, at which a flat part of the reference counts as lost.
const FLAT_SCALE: f64 = 16_384.0 * 65_025.0;

/// Columns that are filtered horizontally before their statistics are summed up.
const BLOCK: usize = 128;
/// Border of the rows of sums: half of the longest window.
const BORDER: usize = 8;
/// Lanes of the statistics.
const WIDTH: usize = 8;

/// Right shifts, with rounding, of the vertical sums of samples and of squares.
#[derive(Clone, Copy)]
struct Shifts {
    samples: u32,
    squares: u32,
}

impl Shifts {
    /// For samples of `depth` bits in the first scale.
    #[inline(always)]
    fn first(depth: u32) -> Self {
        Self { samples: depth, squares: 2 * (depth - 8) }
    }

    const LATER: Self = Self { samples: 16, squares: 16 };
}

/// Half of `1 << shift`.
#[inline(always)]
fn half(shift: u32) -> u64 {
    (1_u64 << shift) >> 1
}

/// Sums over the rows of a window, for `L` columns: samples of both frames, their squares and their
/// products.
type Columns<const L: usize> = [[f64; L]; 5];

trait Vertical: Copy {
    /// Sums of samples only, shifted.
    fn samples<const T: usize, const L: usize>(
        window: &[u32; T],
        rows: &[&[Self]; T],
        at: usize,
        shift: u32,
    ) -> [f64; L];

    /// All sums, shifted.
    fn columns<const T: usize, const L: usize>(
        window: &[u32; T],
        rows: &[[&[Self]; T]; 2],
        at: usize,
        shifts: Shifts,
    ) -> Columns<L>;
}

/// Sums of samples, shifted, of any type.
#[inline(always)]
fn sample_sums<S: Copy + Into<u32>, const T: usize, const L: usize>(
    window: &[u32; T],
    rows: &[&[S]; T],
    at: usize,
    shift: u32,
) -> [f64; L] {
    let mut sums = [0_u32; L];
    for tap in 0..T {
        let samples = lanes::<_, L>(rows[tap], at);
        for l in 0..L {
            sums[l] += window[tap] * samples[l].into();
        }
    }
    let mut columns = [0.0; L];
    for l in 0..L {
        // A sum of 16-bit samples leaves no room for the rounding.
        columns[l] = f64::from((sums[l] >> shift) + ((sums[l] >> (shift - 1)) & 1));
    }
    columns
}

impl Vertical for u8 {
    #[inline(always)]
    fn samples<const T: usize, const L: usize>(
        window: &[u32; T],
        rows: &[&[Self]; T],
        at: usize,
        shift: u32,
    ) -> [f64; L] {
        sample_sums(window, rows, at, shift)
    }

    #[inline(always)]
    fn columns<const T: usize, const L: usize>(
        window: &[u32; T],
        [a, b]: &[[&[u8]; T]; 2],
        at: usize,
        shifts: Shifts,
    ) -> Columns<L> {
        let mut sums = [[0_u32; L]; 5];
        let middle = T / 2;
        for tap in 0..middle {
            let weight = window[tap];
            let (a, a2) = (lanes::<_, L>(a[tap], at), lanes::<_, L>(a[T - 1 - tap], at));
            let (b, b2) = (lanes::<_, L>(b[tap], at), lanes::<_, L>(b[T - 1 - tap], at));
            let wide = |x: u8| u16::from(x);
            for l in 0..L {
                sums[0][l] += weight * u32::from(wide(a[l]) + wide(a2[l]));
            }
            for l in 0..L {
                sums[1][l] += weight * u32::from(wide(b[l]) + wide(b2[l]));
            }
            for l in 0..L {
                let squares = u32::from(wide(a[l]) * wide(a[l]));
                sums[2][l] += weight * (squares + u32::from(wide(a2[l]) * wide(a2[l])));
            }
            for l in 0..L {
                let squares = u32::from(wide(b[l]) * wide(b[l]));
                sums[3][l] += weight * (squares + u32::from(wide(b2[l]) * wide(b2[l])));
            }
            for l in 0..L {
                let products = u32::from(wide(a[l]) * wide(b[l]));
                sums[4][l] += weight * (products + u32::from(wide(a2[l]) * wide(b2[l])));
            }
        }
        let weight = window[middle];
        let (a, b) = (lanes::<_, L>(a[middle], at), lanes::<_, L>(b[middle], at));
        for l in 0..L {
            let (x, y) = (u32::from(a[l]), u32::from(b[l]));
            sums[0][l] += weight * x;
            sums[1][l] += weight * y;
            sums[2][l] += weight * (x * x);
            sums[3][l] += weight * (y * y);
            sums[4][l] += weight * (x * y);
        }
        for sums in &mut sums[..2] {
            for sum in sums {
                *sum = (*sum + 128) >> shifts.samples;
            }
        }
        sums.map(|sums| sums.map(f64::from))
    }
}

impl Vertical for u16 {
    #[inline(always)]
    fn samples<const T: usize, const L: usize>(
        window: &[u32; T],
        rows: &[&[Self]; T],
        at: usize,
        shift: u32,
    ) -> [f64; L] {
        sample_sums(window, rows, at, shift)
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "shifted sums fit 32 bits")]
    fn columns<const T: usize, const L: usize>(
        window: &[u32; T],
        [a, b]: &[[&[u16]; T]; 2],
        at: usize,
        shifts: Shifts,
    ) -> Columns<L> {
        let mut samples = [[0_u32; L]; 2];
        let mut squares = [[0_u64; L]; 3];
        for tap in 0..T {
            let weight = window[tap];
            let (a, b) = (lanes::<_, L>(a[tap], at), lanes::<_, L>(b[tap], at));
            let wide = |x: u16| u32::from(x);
            for l in 0..L {
                samples[0][l] += weight * wide(a[l]);
            }
            for l in 0..L {
                samples[1][l] += weight * wide(b[l]);
            }
            let weight = u64::from(weight);
            for l in 0..L {
                squares[0][l] += weight * u64::from(wide(a[l]) * wide(a[l]));
            }
            for l in 0..L {
                squares[1][l] += weight * u64::from(wide(b[l]) * wide(b[l]));
            }
            for l in 0..L {
                squares[2][l] += weight * u64::from(wide(a[l]) * wide(b[l]));
            }
        }
        let mut columns = [[0.0; L]; 5];
        for (column, sum) in columns.iter_mut().zip(&samples) {
            for l in 0..L {
                let shift = shifts.samples;
                column[l] = f64::from((sum[l] >> shift) + ((sum[l] >> (shift - 1)) & 1));
            }
        }
        for (column, sum) in columns.iter_mut().skip(2).zip(&squares) {
            for l in 0..L {
                column[l] = f64::from(((sum[l] + half(shifts.squares)) >> shifts.squares) as u32);
            }
        }
        columns
    }
}

/// The rows of a window around row `y`.
#[inline(always)]
fn window_rows<'a, S: Copy, const T: usize>(plane: PlaneRef<'a, S>, y: usize) -> [&'a [S]; T] {
    let mut rows: [&[S]; T] = [&[]; T];
    let height = plane.layout().height;
    for (tap, row) in rows.iter_mut().enumerate() {
        let from = y.cast_signed() + tap.cast_signed() - (T / 2).cast_signed();
        *row = plane.row(reflected(from, height));
    }
    rows
}

/// Reflects the `width` columns of a row of sums into its borders.
#[inline(always)]
fn reflect(row: &mut [f64], width: usize, border: usize) {
    for offset in 1..=border {
        row[BORDER - offset] = row[BORDER + offset];
        row[BORDER + width - 1 + offset] = row[BORDER + width - 1 - offset];
    }
}

/// `L` horizontal sums from `at` on, the first column under the window.
#[inline(always)]
fn horizontal<const T: usize, const L: usize>(
    window: &[f64; T],
    row: &[f64],
    at: usize,
) -> [f64; L] {
    let mut sums = [0.0; L];
    for (tap, weight) in window[..T / 2].iter().enumerate() {
        let (left, right) = (lanes::<_, L>(row, at + tap), lanes::<_, L>(row, at + T - 1 - tap));
        for l in 0..L {
            sums[l] += weight * (left[l] + right[l]);
        }
    }
    let middle = lanes::<_, L>(row, at + T / 2);
    for l in 0..L {
        sums[l] += window[T / 2] * middle[l];
    }
    sums
}

/// A product of positive numbers as its binary logarithm: exponents and, for each lane, the rest.
#[derive(Clone, Copy)]
struct Product {
    exponent: i64,
    factors: [f64; WIDTH],
}

impl Product {
    const ONE: Self = Self { exponent: 0, factors: [1.0; WIDTH] };

    /// Moves the exponents out of the factors.
    #[inline(always)]
    fn normalise(&mut self) {
        const MANTISSA: u64 = (1 << 52) - 1;
        for factor in &mut self.factors {
            let bits = factor.to_bits();
            self.exponent += (bits >> 52).cast_signed() - 1023;
            *factor = f64::from_bits(bits & MANTISSA | 1023 << 52);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "an exponent per sample is below 2^53")]
    fn log2(mut self) -> f64 {
        self.normalise();
        let rest: f64 = self.factors.iter().product();
        let bits = rest.to_bits();
        let exponent = self.exponent + (bits >> 52).cast_signed() - 1023;
        let mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
        // ln m = 2 artanh t, where t is at most 1/3.
        let t = (mantissa - 1.0) / (mantissa + 1.0);
        let square = t * t;
        let mut series = 0.0;
        for odd in (1..=33).rev().step_by(2) {
            series = series * square + 1.0 / f64::from(odd);
        }
        exponent as f64 + 2.0 * t * series * core::f64::consts::LOG2_E
    }
}

/// The sums over one scale.
struct Totals {
    /// Signal and noise, and noise alone, at the output of the channel.
    channel: [Product; 2],
    /// Signal and noise at its input, relative to the noise.
    source: Product,
    /// Number of flat samples of the reference, and their variance in the distorted frame.
    flat: [f64; WIDTH],
    flat_variance: [f64; WIDTH],
    /// Steps since the products were normalised.
    steps: u32,
}

impl Totals {
    /// Steps after which products of numbers below 2^15 are normalised.
    const STEPS: u32 = 32;

    #[inline(always)]
    fn new() -> Self {
        Self {
            channel: [Product::ONE; 2],
            source: Product::ONE,
            flat: [0.0; WIDTH],
            flat_variance: [0.0; WIDTH],
            steps: 0,
        }
    }

    /// Adds `L` samples by their horizontal sums.
    #[inline(always)]
    fn add<const L: usize>(&mut self, [a, b, aa, bb, ab]: [&[f64; L]; 5]) {
        const MEANS: f64 = 1.0 / 4_294_967_296.0;
        const SQUARES: f64 = 1.0 / 65_536.0;
        for l in 0..L {
            let source = aa[l] * SQUARES - a[l] * a[l] * MEANS;
            let distorted = bb[l] * SQUARES - b[l] * b[l] * MEANS;
            let distorted = if distorted > 0.0 { distorted } else { 0.0 };
            let covariance = ab[l] * SQUARES - a[l] * b[l] * MEANS;
            let is_flat = source < NOISE;
            let gain = covariance / (source + EPSILON);
            let rest = distorted - gain * covariance;
            let noise = (if rest > 0.0 { rest } else { 0.0 }) + NOISE;
            let gain = if gain < MAX_GAIN { gain } else { MAX_GAIN };
            let signal = gain * gain * source + noise;
            let is_passed = !is_flat & (covariance > 0.0) & (distorted > 0.0);
            self.channel[0].factors[l] *= if is_passed { signal / NOISE } else { 1.0 };
            self.channel[1].factors[l] *= if is_passed { noise / NOISE } else { 1.0 };
            self.source.factors[l] *= if is_flat { 1.0 } else { (source + NOISE) / NOISE };
            self.flat[l] += if is_flat { 1.0 } else { 0.0 };
            self.flat_variance[l] += if is_flat { distorted } else { 0.0 };
        }
        self.steps += 1;
        if self.steps == Self::STEPS {
            self.steps = 0;
            self.source.normalise();
            for product in &mut self.channel {
                product.normalise();
            }
        }
    }

    #[inline(always)]
    fn finish(self) -> VmafVif {
        let flat: f64 = self.flat.iter().sum();
        let flat_variance: f64 = self.flat_variance.iter().sum();
        let [signal, noise] = self.channel;
        VmafVif {
            preserved: signal.log2() - noise.log2() + flat - flat_variance / FLAT_SCALE,
            original: self.source.log2() + flat,
        }
    }
}

#[inline(always)]
fn vif<S: Vertical, const T: usize>(
    [reference, distorted]: [PlaneRef<'_, S>; 2],
    window: &[u32; T],
    shifts: Shifts,
    scratch: &mut VmafScratch,
) -> VmafVif {
    let (width, height) = (reference.layout().width, reference.layout().height);
    let other = distorted.layout();
    assert!((other.width, other.height) == (width, height), "planes of different sizes");
    assert!(width > T / 2 && height > T / 2, "planes are smaller than the window");
    let weights = window.map(f64::from);
    for row in &mut scratch.sums {
        row.resize(width + 2 * BORDER, 0.0);
    }
    let mut totals = Totals::new();
    for y in 0..height {
        let rows = [window_rows(reference, y), window_rows(distorted, y)];
        let bulk = width - width % LANES;
        for at in (0..bulk).step_by(LANES) {
            let columns = S::columns::<T, LANES>(window, &rows, at, shifts);
            for (row, column) in scratch.sums.iter_mut().zip(&columns) {
                row[BORDER + at..][..LANES].copy_from_slice(column);
            }
        }
        for at in bulk..width {
            let columns = S::columns::<T, 1>(window, &rows, at, shifts);
            for (row, [column]) in scratch.sums.iter_mut().zip(columns) {
                row[BORDER + at] = column;
            }
        }
        for row in &mut scratch.sums {
            reflect(row, width, T / 2);
        }
        statistics(&weights, &scratch.sums, width, &mut totals);
    }
    totals.finish()
}

/// Adds the statistics of a row of vertical sums.
#[inline(always)]
fn statistics<const T: usize>(
    window: &[f64; T],
    sums: &[Vec<f64>; 5],
    width: usize,
    totals: &mut Totals,
) {
    let start = BORDER - T / 2;
    let mut block = [[0.0; BLOCK]; 5];
    for from in (0..width).step_by(BLOCK) {
        let count = BLOCK.min(width - from);
        let bulk = count - count % WIDTH;
        for (out, row) in block.iter_mut().zip(sums) {
            for at in (0..bulk).step_by(WIDTH) {
                let filtered = horizontal::<T, WIDTH>(window, row, start + from + at);
                out[at..at + WIDTH].copy_from_slice(&filtered);
            }
            for (at, out) in out.iter_mut().enumerate().take(count).skip(bulk) {
                [*out] = horizontal::<T, 1>(window, row, start + from + at);
            }
        }
        let [a, b, aa, bb, ab] = &block;
        for at in (0..bulk).step_by(WIDTH) {
            totals.add::<WIDTH>([
                lanes(a, at),
                lanes(b, at),
                lanes(aa, at),
                lanes(bb, at),
                lanes(ab, at),
            ]);
        }
        for at in bulk..count {
            totals.add::<1>([
                lanes(a, at),
                lanes(b, at),
                lanes(aa, at),
                lanes(bb, at),
                lanes(ab, at),
            ]);
        }
    }
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
    let (width, height) = (plane.layout().width, plane.layout().height);
    assert!(width > T / 2 && height > T / 2, "the plane is smaller than the window");
    let (half_width, half_height) = (width / 2, height / 2);
    assert_eq!(out.len(), half_width * half_height, "a plane of another size");
    let weights = window.map(f64::from);
    let row = &mut scratch.sums[0];
    row.resize(width + 2 * BORDER, 0.0);
    for (y, out) in out.chunks_exact_mut(half_width).enumerate() {
        let rows = window_rows(plane, 2 * y);
        let bulk = width - width % LANES;
        for at in (0..bulk).step_by(LANES) {
            let columns = S::samples::<T, LANES>(window, &rows, at, shift);
            row[BORDER + at..][..LANES].copy_from_slice(&columns);
        }
        for at in bulk..width {
            [row[BORDER + at]] = S::samples::<T, 1>(window, &rows, at, shift);
        }
        reflect(row, width, T / 2);
        let (bulk, start) = (half_width - half_width % (WIDTH / 2), BORDER - T / 2);
        for at in (0..bulk).step_by(WIDTH / 2) {
            let sums = horizontal::<T, WIDTH>(&weights, row, start + 2 * at);
            for (out, sum) in out[at..].iter_mut().zip(sums.chunks_exact(2)) {
                *out = mean(sum[0]);
            }
        }
        for (x, out) in out.iter_mut().enumerate().skip(bulk) {
            let [sum] = horizontal::<T, 1>(&weights, row, start + 2 * x);
            *out = mean(sum);
        }
    }
}

/// The rounded mean of a sum under the window.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "means of samples of 16 bits"
)]
fn mean(sum: f64) -> u16 {
    (sum / 65_536.0 + 0.5) as u16
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
