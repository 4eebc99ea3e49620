//! AVX2 kernels: visual information fidelity (VIF, a feature of VMAF) in its first scale. Window
//! sums are computed from products of pairs of 16-bit numbers. The vertical sums of squares are
//! therefore split into an upper and a lower 16-bit half, which are summed separately.

use core::arch::x86_64::*;

use crate::scalar::vmaf::vif::{
    BLOCK, BORDER, Sums, Totals, WINDOW_17, common_size, reflect, window_rows,
};
use crate::table::Kernels;
use crate::view::PlaneRef;
use crate::vmaf::{VmafScratch, VmafVif};
use crate::x86::memory::{load_i16x16, load_u8x16, store_i16x16, store_u32x8};
use crate::x86::ops::pair;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { vmaf_vif_8, ..base }
}

/// Columns that are processed at the same time.
const LANES: usize = 16;
/// Length of the window.
const TAPS: usize = WINDOW_17.len();
/// Columns behind the last one that a load may reach.
const PADDING: usize = 2 * LANES;

/// Rows of 16-bit numbers less 2^15: means of both frames, then the upper and the lower halves of the sums
/// of squares and products.
const MEANS: usize = 2;
const ROWS: usize = MEANS + 2 * 3;

/// Weights of pairs of taps: for the columns with even and with odd numbers.
#[expect(clippy::cast_possible_truncation, reason = "weights are below 2^13")]
const PAIRS: [[[i16; 2]; TAPS.div_ceil(2)]; 2] = {
    let mut pairs = [[[0; 2]; TAPS.div_ceil(2)]; 2];
    let mut tap = 0;
    while tap < TAPS {
        let weight = WINDOW_17[tap] as i16;
        pairs[0][tap / 2][tap % 2] = weight;
        pairs[1][tap.div_ceil(2)][(tap + 1) % 2] = weight;
        tap += 1;
    }
    pairs
};

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn vmaf_vif_8(planes: [PlaneRef<'_>; 2], scratch: &mut VmafScratch) -> VmafVif {
    let (width, height) = common_size::<u8, TAPS>(planes);
    if width < LANES {
        return crate::scalar::vmaf::vmaf_vif_8(planes, scratch);
    }
    let rows = &mut scratch.halves;
    for row in &mut *rows {
        row.resize(width + 2 * BORDER + PADDING, 0);
    }
    let (mut totals, mut block) = (Totals::new(), Sums::ZERO);
    for y in 0..height {
        let [a, b] = planes.map(|plane| window_rows::<u8, TAPS>(plane, y));
        // The last columns overlap the ones before them.
        for at in (0..width).step_by(LANES) {
            sum_rows(&a, &b, at.min(width - LANES), rows);
        }
        for row in &mut *rows {
            reflect(row, width, TAPS / 2);
        }
        for from in (0..width).step_by(BLOCK) {
            let count = BLOCK.min(width - from);
            for at in (0..count).step_by(LANES) {
                sum_columns(rows, from + at, at, &mut block);
            }
            totals.add_block(&block, count);
        }
    }
    totals.finish()
}

/// Sums up sixteen columns of rows.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sum_rows(a: &[&[u8]; TAPS], b: &[&[u8]; TAPS], at: usize, rows: &mut [Vec<i16>; ROWS]) {
    let pixels = |row: &[u8]| match row[at..].first_chunk() {
        Some(pixels) => _mm256_cvtepu8_epi16(load_u8x16(pixels)),
        None => _mm256_setzero_si256(),
    };
    // Halves of lanes: the means of both frames, then their squares and products.
    let mut sums = [[_mm256_setzero_si256(); 2]; 5];
    for tap in 0..=TAPS / 2 {
        let is_pair = tap < TAPS / 2;
        let other = |rows: &[&[u8]; TAPS]| {
            if is_pair { pixels(rows[TAPS - 1 - tap]) } else { _mm256_setzero_si256() }
        };
        let (a, b) = ([pixels(a[tap]), other(a)], [pixels(b[tap]), other(b)]);
        let weight = _mm256_set1_epi32(WINDOW_17[tap].cast_signed());
        let weights = _mm256_or_si256(weight, _mm256_slli_epi32::<16>(weight));
        let a = [_mm256_unpacklo_epi16(a[0], a[1]), _mm256_unpackhi_epi16(a[0], a[1])];
        let b = [_mm256_unpacklo_epi16(b[0], b[1]), _mm256_unpackhi_epi16(b[0], b[1])];
        for half in 0..2 {
            let (a, b) = (a[half], b[half]);
            let weighted = |x, y| _mm256_mullo_epi32(_mm256_madd_epi16(x, y), weight);
            let terms = [
                _mm256_madd_epi16(a, weights),
                _mm256_madd_epi16(b, weights),
                weighted(a, a),
                weighted(b, b),
                weighted(a, b),
            ];
            for (sums, term) in sums.iter_mut().zip(terms) {
                sums[half] = _mm256_add_epi32(sums[half], term);
            }
        }
    }
    let offset = _mm256_set1_epi16(i16::MIN);
    let (of_means, of_squares) = rows.split_at_mut(MEANS);
    let store = |row: &mut Vec<i16>, halves: [__m256i; 2]| {
        let packed = _mm256_xor_si256(_mm256_packus_epi32(halves[0], halves[1]), offset);
        if let Some(out) = row[BORDER + at..].first_chunk_mut() {
            store_i16x16(out, packed);
        }
    };
    for (row, sums) in of_means.iter_mut().zip(&sums[..MEANS]) {
        let half = _mm256_set1_epi32(128);
        store(row, sums.map(|sum| _mm256_srli_epi32::<8>(_mm256_add_epi32(sum, half))));
    }
    for (rows, sums) in of_squares.chunks_exact_mut(2).zip(&sums[MEANS..]) {
        let low = _mm256_set1_epi32(0xffff);
        store(&mut rows[0], sums.map(|sum| _mm256_srli_epi32::<16>(sum)));
        store(&mut rows[1], sums.map(|sum| _mm256_and_si256(sum, low)));
    }
}

/// Sums up the rows for sixteen columns from `from` on, into a block.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sum_columns(rows: &[Vec<i16>; ROWS], from: usize, at: usize, out: &mut Sums<BLOCK>) {
    let (of_means, of_squares) = rows.split_at(MEANS);
    for (out, row) in out.means.iter_mut().zip(of_means) {
        store_columns(out, at, sums_of_row(row, from));
    }
    for (out, rows) in out.squares.iter_mut().zip(of_squares.chunks_exact(2)) {
        let [high, low] = [sums_of_row(&rows[0], from), sums_of_row(&rows[1], from)];
        let half = _mm256_set1_epi32(1 << 15);
        let mean = |high, low| {
            _mm256_add_epi32(high, _mm256_srli_epi32::<16>(_mm256_add_epi32(low, half)))
        };
        store_columns(out, at, [mean(high[0], low[0]), mean(high[1], low[1])]);
    }
}

/// Sums of a row under the window, of the even and of the odd ones of sixteen columns.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sums_of_row(row: &[i16], from: usize) -> [__m256i; 2] {
    // The weights are 2^16 in all, and each number lacks 2^15.
    let mut sums = [_mm256_set1_epi32(i32::MIN); 2];
    let Some(row) = row[from..].first_chunk::<{ LANES + 2 * (TAPS / 2) }>() else { return sums };
    for (pair_number, weights) in PAIRS[0].into_iter().zip(PAIRS[1]).enumerate() {
        let Some(values) = row[2 * pair_number..].first_chunk() else { continue };
        let values = load_i16x16(values);
        for (sum, [x, y]) in sums.iter_mut().zip([weights.0, weights.1]) {
            let weights = _mm256_set1_epi32(pair(x, y));
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(values, weights));
        }
    }
    sums
}

/// Stores even and odd columns in their order.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn store_columns(out: &mut [u32; BLOCK], at: usize, [even, odd]: [__m256i; 2]) {
    let low = _mm256_unpacklo_epi32(even, odd);
    let high = _mm256_unpackhi_epi32(even, odd);
    let halves = [
        _mm256_permute2x128_si256::<0x20>(low, high),
        _mm256_permute2x128_si256::<0x31>(low, high),
    ];
    let (chunks, _) = out[at..].as_chunks_mut();
    for (out, half) in chunks.iter_mut().zip(halves) {
        store_u32x8(out, half);
    }
}
