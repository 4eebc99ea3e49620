//! Additive detail measure (S. Li, F. Zhang, L. Ma and K. N. Ngan, "Image Quality Assessment by
//! Separately Evaluating Detail Losses and Additive Impairments", 2011): a wavelet transform of
//! both frames, whose detail bands are separated into details of the reference that the distorted
//! frame keeps and details that the distorted frame adds. The added details mask the kept ones.
//!
//! Coefficients are in units of 1/64 of an 8-bit sample value; those of the first scale are rounded
//! to integers.

use super::motion::power_of_two;
use super::{LANES, Sample, lanes, round};
use crate::view::PlaneRef;
use crate::vmaf::{VmafAdm, VmafScratch};

/// The Daubechies wavelet with two vanishing moments, in 32768ths.
const LOW: [f32; 4] = [15_826.0, 27_411.0, 7_345.0, -4_240.0];
const HIGH: [f32; 4] = [-4_240.0, -7_345.0, 27_411.0, -15_826.0];

/// Contrast sensitivity of horizontal and vertical, and of diagonal details in the four scales, at three
/// picture heights of 1080 rows: A. B. Watson and others, "Visibility of Wavelet Quantization Noise",
/// 1997. In the first scale with the precision of 16-bit factors.
const SENSITIVITY: [[f32; 2]; 4] = [
    [36_453.0 / 2_097_152.0, 49_417.0 / 8_388_608.0],
    [0.031_984_814, 0.014_299_067],
    [0.043_372_665, 0.024_396_913],
    [0.045_673_41, 0.031_312_735],
];

/// Squared cosine of a degree: details within this angle of the reference's differ in contrast only.
const NEARLY_PARALLEL: f32 = 0.999_695_4;
/// Upper limit of such a gain in contrast.
const MAX_GAIN: f32 = 100.0;

/// The bands of details: horizontal, vertical and diagonal.
const BANDS: usize = 3;

/// The parts of the scratch rows.
struct Rows<'a> {
    /// Rows of both frames after the vertical low-pass and high-pass filter, each as even and odd
    /// columns.
    split: &'a mut [Vec<f32>],
    /// Details of both frames.
    details: &'a mut [Vec<f32>],
    /// For three rows of coefficients: the preserved details, weighted by sensitivity, and what masks
    /// their neighbours and themselves.
    ring: &'a mut [Vec<f32>],
    /// Sums over three rows.
    column: &'a mut Vec<f32>,
}

/// Number of rows in each slot of the ring.
const SLOT: usize = BANDS + 2;
/// Places of the masking in a slot.
const NEIGHBOURS: usize = BANDS;
const CENTRE: usize = BANDS + 1;

impl<'a> Rows<'a> {
    #[inline(always)]
    fn new(scratch: &'a mut VmafScratch, width: usize) -> Self {
        let (split, rest) = scratch.rows.split_at_mut(8);
        let (details, rest) = rest.split_at_mut(2 * BANDS);
        let (ring, rest) = rest.split_at_mut(3 * SLOT);
        let column = &mut rest[0];
        for row in split.iter_mut().chain(&mut *details).chain(&mut *ring) {
            row.resize(width + 1, 0.0);
        }
        column.resize(width + 2, 0.0);
        Self { split, details, ring, column }
    }
}

/// The scale of a transform: samples minus `middle`, and the factors of both passes; results of the
/// first scale are rounded.
#[derive(Clone, Copy)]
struct Transform<const ROUNDS: bool> {
    middle: f32,
    vertical: f32,
    horizontal: f32,
}

impl<const ROUNDS: bool> Transform<ROUNDS> {
    #[inline(always)]
    fn rounded(value: f32) -> f32 {
        if ROUNDS { round(value) } else { value }
    }

    /// Filters `L` columns of four rows vertically.
    #[inline(always)]
    fn filter<S: Sample, const L: usize>(self, filter: &[f32; 4], rows: [&[S; L]; 4]) -> [f32; L] {
        let mut sums = [0.0; L];
        for (row, weight) in rows.into_iter().zip(filter) {
            for l in 0..L {
                sums[l] += (row[l].value() - self.middle) * weight;
            }
        }
        for sum in &mut sums {
            *sum = Self::rounded(*sum * self.vertical);
        }
        sums
    }

    /// Filters four rows vertically, into even and odd columns.
    #[inline(always)]
    fn filter_rows<S: Sample>(
        self,
        filter: &[f32; 4],
        rows: [&[S]; 4],
        even: &mut [f32],
        odd: &mut [f32],
    ) {
        let width = rows[0].len();
        let bulk = width - width % LANES;
        for at in (0..bulk).step_by(LANES) {
            let values = self.filter::<S, LANES>(filter, rows.map(|row| lanes(row, at)));
            let outs = even[at / 2..][..LANES / 2].iter_mut().zip(&mut odd[at / 2..][..LANES / 2]);
            for ((even, odd), pair) in outs.zip(values.chunks_exact(2)) {
                (*even, *odd) = (pair[0], pair[1]);
            }
        }
        for at in bulk..width {
            let out = if at % 2 == 0 { &mut even[at / 2] } else { &mut odd[at / 2] };
            [*out] = self.filter::<S, 1>(filter, rows.map(|row| lanes(row, at)));
        }
        // The last column is repeated, then the one before it.
        let half = width.div_ceil(2);
        if width.is_multiple_of(2) {
            even[half] = odd[half - 1];
        } else {
            (odd[half - 1], even[half]) = (even[half - 1], odd[half - 2]);
        }
    }

    /// Filters a row horizontally; `even` has a column more than `out`.
    #[inline(always)]
    fn filter_columns(self, filter: &[f32; 4], even: &[f32], odd: &[f32], out: &mut [f32]) {
        let count = out.len() - 1;
        let first = odd[0];
        let value = |before: f32, even: f32, odd: f32, next: f32| {
            let terms = before * filter[0] + even * filter[1] + odd * filter[2] + next * filter[3];
            Self::rounded(terms * self.horizontal)
        };
        out[0] = value(first, even[0], first, even[1]);
        let (before, odd) = (&odd[..count], &odd[1..][..count]);
        let (even, next, out) = (&even[1..][..count], &even[2..][..count], &mut out[1..][..count]);
        for at in 0..count {
            out[at] = value(before[at], even[at], odd[at], next[at]);
        }
    }
}

/// The inner part of a side of `size` coefficients: all but a tenth at each end.
#[inline(always)]
fn inner(size: usize) -> [usize; 2] {
    let border = size.saturating_sub(5) / 10;
    [border, size - border]
}

/// The rows or columns under the filter at `at`; the first is reflected, the last is repeated.
#[inline(always)]
fn taps(at: usize, size: usize) -> [usize; 4] {
    let end = |index: usize| if index < size { index } else { 2 * size - 1 - index };
    let first = if at == 0 { 1 } else { 2 * at - 1 };
    [first, end(2 * at), end(2 * at + 1), end(2 * at + 2)]
}

/// Measures one scale and writes the low-pass bands of both frames to `next`.
#[inline(always)]
fn adm<S: Sample, const ROUNDS: bool>(
    planes: [PlaneRef<'_, S>; 2],
    scale: usize,
    transform: Transform<ROUNDS>,
    next: [&mut [f32]; 2],
    scratch: &mut VmafScratch,
) -> VmafAdm {
    let (source_width, source_height) = (planes[0].layout().width, planes[0].layout().height);
    let other = planes[1].layout();
    assert!((other.width, other.height) == (source_width, source_height), "different sizes");
    assert!(source_width > 4 && source_height > 4, "planes are smaller than the filter");
    let (width, height) = (source_width.div_ceil(2), source_height.div_ceil(2));
    assert!(next.iter().all(|next| next.len() == width * height), "planes of another size");
    let [reference_next, distorted_next] = next;
    let next = [reference_next, distorted_next];
    let mut rows = Rows::new(scratch, width);
    let ([left, right], [top, bottom]) = (inner(width), inner(height));
    // A column more on both sides masks those inside.
    let columns = left.saturating_sub(1)..(right + 1).min(width);
    let mut sums = Sums::new(scale);
    for y in 0..height {
        let is_wanted = y + 1 >= top && y < (bottom + 1).min(height);
        for frame in 0..2 {
            let from = taps(y, source_height).map(|row| planes[frame].row(row));
            let [low_even, low_odd, high_even, high_odd] = &mut rows.split[..4] else { continue };
            transform.filter_rows(&LOW, from, low_even, low_odd);
            let low = &mut next[frame][y * width..][..width];
            transform.filter_columns(&LOW, low_even, low_odd, low);
            if !is_wanted {
                continue;
            }
            transform.filter_rows(&HIGH, from, high_even, high_odd);
            let details = &mut rows.details[BANDS * frame..][..BANDS];
            let [horizontal, vertical, diagonal] = details else { continue };
            transform.filter_columns(&LOW, high_even, high_odd, &mut horizontal[..width]);
            transform.filter_columns(&HIGH, low_even, low_odd, &mut vertical[..width]);
            transform.filter_columns(&HIGH, high_even, high_odd, &mut diagonal[..width]);
        }
        if !is_wanted {
            continue;
        }
        let slot = &mut rows.ring[SLOT * (y % 3)..][..SLOT];
        let (reference, distorted) = rows.details.split_at(BANDS);
        decouple::<ROUNDS>(&sums, [reference, distorted], columns.clone(), slot);
        if (top..bottom).contains(&y) {
            sums.add_original(reference, left..right);
        }
        if y > top && y <= bottom {
            // The row above the first one is the one below it.
            let above = if y == 1 { y } else { y - 2 };
            sums.add_preserved(&mut rows, [above, y - 1, y], left..right, width);
        }
    }
    if bottom == height {
        let last = height - 1;
        sums.add_preserved(&mut rows, [last - 1, last, last], left..right, width);
    }
    sums.finish((right - left) * (bottom - top))
}

/// The sums over one scale, and the sensitivity of its bands.
struct Sums {
    weights: [f32; BANDS],
    preserved: [f64; BANDS],
    original: [f64; BANDS],
}

impl Sums {
    #[inline(always)]
    fn new(scale: usize) -> Self {
        let [straight, diagonal] = SENSITIVITY[scale.min(3)];
        // Weighted details have 12 fractional bits.
        let weights = [straight, straight, diagonal].map(|weight| 64.0 * weight);
        Self { weights, preserved: [0.0; BANDS], original: [0.0; BANDS] }
    }

    /// Adds the cubed details of a row of the reference.
    #[inline(always)]
    fn add_original(&mut self, details: &[Vec<f32>], columns: core::ops::Range<usize>) {
        for (total, row) in self.original.iter_mut().zip(details) {
            let row = &row[columns.clone()];
            *total += sum_of(row, row, |detail, _| {
                let size = detail.abs();
                size * size * size
            });
        }
    }

    /// Adds the cubed preserved details of the second of three rows, less their masking.
    #[inline(always)]
    fn add_preserved(
        &mut self,
        rows: &mut Rows<'_>,
        [above, at, below]: [usize; 3],
        columns: core::ops::Range<usize>,
        width: usize,
    ) {
        let slot = |y: usize| SLOT * (y % 3);
        let masks = [above, at, below].map(|y| &rows.ring[slot(y) + NEIGHBOURS][..width]);
        let from = columns.start.saturating_sub(1);
        let to = (columns.end + 1).min(width);
        let [upper, middle, lower] = masks.map(|row| &row[from..to]);
        let sums = &mut rows.column[from + 1..=to];
        for (sum, ((upper, middle), lower)) in
            sums.iter_mut().zip(upper.iter().zip(middle).zip(lower))
        {
            *sum = upper + middle + lower;
        }
        if from == 0 {
            rows.column[0] = rows.column[2];
        }
        if to == columns.end {
            rows.column[to + 1] = rows.column[to];
        }
        let (start, end) = (columns.start, columns.end);
        let count = end - start;
        let mut threshold = core::mem::take(&mut rows.details[0]);
        let column = &rows.column[start..end + 2];
        let (left, middle, right) =
            (&column[..count], &column[1..][..count], &column[2..][..count]);
        let own = &masks[1][start..end][..count];
        let centre = &rows.ring[slot(at) + CENTRE][start..end][..count];
        let out = &mut threshold[..count];
        for x in 0..count {
            out[x] = (left[x] + middle[x] + right[x] - own[x] + centre[x]) / 32.0;
        }
        for (band, total) in self.preserved.iter_mut().enumerate() {
            let kept = &rows.ring[slot(at) + band][start..end];
            *total += sum_of(kept, &threshold[..count], |kept, threshold| {
                let visible = kept - threshold;
                let visible = if visible > 0.0 { visible } else { 0.0 };
                visible * visible * visible
            });
        }
        rows.details[0] = threshold;
    }

    #[inline(always)]
    fn finish(self, area: usize) -> VmafAdm {
        const KEPT: f64 = 1.0 / (4_096.0 * 4_096.0 * 4_096.0);
        let mut original = self.original;
        for (sum, weight) in original.iter_mut().zip(self.weights) {
            let weight = f64::from(weight);
            *sum *= weight * weight * weight * KEPT;
        }
        let area = u32::try_from(area).unwrap_or(u32::MAX);
        VmafAdm { preserved: self.preserved.map(|sum| sum * KEPT), original, area }
    }
}

/// The sum of `term` over two rows.
#[inline(always)]
fn sum_of(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
    let mut sums = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            sums[l] += term(a[l], b[l]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(&a, &b)| term(a, b)).sum();
    f64::from(sums.iter().sum::<f32>() + rest)
}

/// Separates a row of details into those that are preserved, whose weighted sizes are written to `slot`,
/// and those that are added, of which the masking is written.
#[inline(always)]
fn decouple<const ROUNDS: bool>(
    sums: &Sums,
    [reference, distorted]: [&[Vec<f32>]; 2],
    columns: core::ops::Range<usize>,
    slot: &mut [Vec<f32>],
) {
    let count = columns.len();
    let ([oh, ov, od], [th, tv, td]) = (reference, distorted) else { return };
    let [oh, ov, od, th, tv, td] =
        [oh, ov, od, th, tv, td].map(|row| &row[columns.clone()][..count]);
    let [kept_h, kept_v, kept_d, neighbours, centre] = slot else { return };
    let [kept_h, kept_v, kept_d, neighbours, centre] =
        [kept_h, kept_v, kept_d, neighbours, centre].map(|row| &mut row[columns.clone()][..count]);
    let bulk = count - count % LANES;
    for at in (0..bulk).step_by(LANES) {
        let take = |row: &[f32]| -> [f32; LANES] {
            row[at..].first_chunk().copied().unwrap_or([0.0; LANES])
        };
        let found = separate::<ROUNDS, LANES>(
            &sums.weights,
            [take(oh), take(ov), take(od)],
            [take(th), take(tv), take(td)],
        );
        kept_h[at..at + LANES].copy_from_slice(&found[0]);
        kept_v[at..at + LANES].copy_from_slice(&found[1]);
        kept_d[at..at + LANES].copy_from_slice(&found[2]);
        neighbours[at..at + LANES].copy_from_slice(&found[NEIGHBOURS]);
        centre[at..at + LANES].copy_from_slice(&found[CENTRE]);
    }
    for at in bulk..count {
        let found = separate::<ROUNDS, 1>(
            &sums.weights,
            [[oh[at]], [ov[at]], [od[at]]],
            [[th[at]], [tv[at]], [td[at]]],
        );
        [[kept_h[at]], [kept_v[at]], [kept_d[at]], [neighbours[at]], [centre[at]]] = found;
    }
}

/// [`decouple`] for `L` columns.
#[inline(always)]
fn separate<const ROUNDS: bool, const L: usize>(
    weights: &[f32; BANDS],
    original: [[f32; L]; BANDS],
    distorted: [[f32; L]; BANDS],
) -> [[f32; L]; SLOT] {
    let rounded = |value: f32| if ROUNDS { round(value) } else { value };
    let mut limit = [0.0; L];
    let ([oh, ov, _], [th, tv, _]) = (&original, &distorted);
    for l in 0..L {
        let product = oh[l] * th[l] + ov[l] * tv[l];
        let original = oh[l] * oh[l] + ov[l] * ov[l];
        let distorted = th[l] * th[l] + tv[l] * tv[l];
        let is_parallel =
            (product >= 0.0) & (product * product >= NEARLY_PARALLEL * (original * distorted));
        limit[l] = if is_parallel { MAX_GAIN } else { 1.0 };
    }
    let mut found = [[0.0; L]; SLOT];
    for band in 0..BANDS {
        let (o, t) = (&original[band], &distorted[band]);
        for l in 0..L {
            // Between nothing and the original, or its permitted gain.
            let end = limit[l] * o[l];
            let least = if end < 0.0 { end } else { 0.0 };
            let most = if end > 0.0 { end } else { 0.0 };
            let kept = if t[l] > least { t[l] } else { least };
            let kept = if kept < most { kept } else { most };
            let added = rounded((t[l] - kept) * weights[band]).abs();
            found[band][l] = kept.abs() * weights[band];
            found[NEIGHBOURS][l] += rounded(added * (4_369.0 / 4_096.0));
            found[CENTRE][l] += rounded(added * (8_738.0 / 4_096.0));
        }
    }
    found
}

/// The first scale of samples of `depth` bits.
#[inline(always)]
fn first(depth: u32) -> Transform<true> {
    let levels = power_of_two(depth);
    Transform { middle: levels / 2.0, vertical: levels.recip(), horizontal: 1.0 / 65_536.0 }
}

#[inline(always)]
pub(crate) fn vmaf_adm_8(
    planes: [PlaneRef<'_>; 2],
    next: [&mut [f32]; 2],
    scratch: &mut VmafScratch,
) -> VmafAdm {
    adm(planes, 0, first(8), next, scratch)
}

#[inline(always)]
pub(crate) fn vmaf_adm_16(
    planes: [PlaneRef<'_, u16>; 2],
    depth: u32,
    next: [&mut [f32]; 2],
    scratch: &mut VmafScratch,
) -> VmafAdm {
    adm(planes, 0, first(depth), next, scratch)
}

#[inline(always)]
pub(crate) fn vmaf_adm_next(
    planes: [PlaneRef<'_, f32>; 2],
    scale: usize,
    next: [&mut [f32]; 2],
    scratch: &mut VmafScratch,
) -> VmafAdm {
    let factor = 1.0 / 32_768.0;
    let transform = Transform::<false> { middle: 0.0, vertical: factor, horizontal: factor };
    adm(planes, scale, transform, next, scratch)
}
