//! AVX2 kernels: rows of pixels.

use core::arch::x86_64::*;

use super::cost::fold_i32;
use crate::scalar;
use crate::table::Kernels;
use crate::x86::memory::{load_u8x16, load_u8x32, store_u8x32};
use crate::x86::sse41::cost::sum_i32x4;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { sse_row, halve_row, split_uv_row, ..base }
}

/// Rows in pieces whose sums of squares fit 32 bits: eight times 4096 pixels of at most 65025, over
/// eight lanes; the lanes' total stays below 2^31.
const PIECE: usize = 8 * 4096;

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn sse_row(a: &[u8], b: &[u8]) -> u64 {
    assert_eq!(a.len(), b.len(), "rows of different lengths");
    let mut total = 0;
    for (a, b) in a.chunks(PIECE).zip(b.chunks(PIECE)) {
        let ((a, a_end), (b, b_end)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
        let mut sums = _mm256_setzero_si256();
        for (a, b) in a.iter().zip(b) {
            let a = _mm256_cvtepu8_epi16(load_u8x16(a));
            let difference = _mm256_sub_epi16(a, _mm256_cvtepu8_epi16(load_u8x16(b)));
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(difference, difference));
        }
        total += u64::from(sum_i32x4(fold_i32(sums))) + scalar::sse_row(a_end, b_end);
    }
    total
}

/// Restores the order of the results of a pack, which works within lanes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn packed(low: __m256i, high: __m256i) -> __m256i {
    _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi16(low, high))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn halve_row(a: &[u8], b: &[u8], out: &mut [u8]) {
    assert!(a.len() == 2 * out.len() && b.len() == a.len(), "rows do not fit together");
    let ((a, a_end), (b, b_end)) = (a.as_chunks::<64>(), b.as_chunks::<64>());
    let (out, out_end) = out.as_chunks_mut::<32>();
    let ones = _mm256_set1_epi8(1);
    for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
        let ((a, _), (b, _)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
        let ([a_low, a_high], [b_low, b_high]) = (a, b) else { continue };
        let mean = |a, b| {
            let a = _mm256_maddubs_epi16(load_u8x32(a), ones);
            let sum = _mm256_add_epi16(a, _mm256_maddubs_epi16(load_u8x32(b), ones));
            _mm256_srli_epi16::<2>(_mm256_add_epi16(sum, _mm256_set1_epi16(2)))
        };
        store_u8x32(out, packed(mean(a_low, b_low), mean(a_high, b_high)));
    }
    scalar::halve_row(a_end, b_end, out_end);
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn split_uv_row(uv: &[u8], u: &mut [u8], v: &mut [u8]) {
    assert!(uv.len() == 2 * u.len() && v.len() == u.len(), "rows do not fit together");
    let (uv, uv_end) = uv.as_chunks::<64>();
    let ((u, u_end), (v, v_end)) = (u.as_chunks_mut::<32>(), v.as_chunks_mut::<32>());
    let even = _mm256_set1_epi16(0xff);
    for (uv, (u, v)) in uv.iter().zip(u.iter_mut().zip(v)) {
        let (uv, _) = uv.as_chunks::<32>();
        let [low, high] = uv else { continue };
        let (low, high) = (load_u8x32(low), load_u8x32(high));
        store_u8x32(u, packed(_mm256_and_si256(low, even), _mm256_and_si256(high, even)));
        store_u8x32(v, packed(_mm256_srli_epi16::<8>(low), _mm256_srli_epi16::<8>(high)));
    }
    scalar::split_uv_row(uv_end, u_end, v_end);
}
