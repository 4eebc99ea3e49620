//! SSE4.1 kernels: rows of pixels.

use core::arch::x86_64::*;

use super::cost::{squares, sum_i32x4};
use crate::lanes::replace_entries;
use crate::scalar;
use crate::table::Kernels;
use crate::x86::memory::{load_u8x16, store_u8x16};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, pixels)
}

/// Rows in pieces whose sums of squares fit 32 bits: four times 4096 pixels of at most 65025.
const PIECE: usize = 4 * 4096;

#[target_feature(enable = "sse4.1,ssse3")]
fn sse_row(a: &[u8], b: &[u8]) -> u64 {
    assert_eq!(a.len(), b.len(), "rows of different lengths");
    let mut total = 0;
    for (a, b) in a.chunks(PIECE).zip(b.chunks(PIECE)) {
        let ((a, a_end), (b, b_end)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
        let mut sums = _mm_setzero_si128();
        for (a, b) in a.iter().zip(b) {
            sums = _mm_add_epi32(sums, squares(load_u8x16(a), load_u8x16(b)));
        }
        total += u64::from(sum_i32x4(sums)) + scalar::sse_row(a_end, b_end);
    }
    total
}

#[target_feature(enable = "sse4.1,ssse3")]
fn halve_row(a: &[u8], b: &[u8], out: &mut [u8]) {
    assert!(a.len() == 2 * out.len() && b.len() == a.len(), "rows do not fit together");
    let ((a, a_end), (b, b_end)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
    let (out, out_end) = out.as_chunks_mut::<16>();
    let ones = _mm_set1_epi8(1);
    for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
        let ((a, _), (b, _)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
        let ([a_low, a_high], [b_low, b_high]) = (a, b) else { continue };
        let mean = |a, b| {
            let a = _mm_maddubs_epi16(load_u8x16(a), ones);
            let sum = _mm_add_epi16(a, _mm_maddubs_epi16(load_u8x16(b), ones));
            _mm_srli_epi16::<2>(_mm_add_epi16(sum, _mm_set1_epi16(2)))
        };
        store_u8x16(out, _mm_packus_epi16(mean(a_low, b_low), mean(a_high, b_high)));
    }
    scalar::halve_row(a_end, b_end, out_end);
}

#[target_feature(enable = "sse4.1,ssse3")]
fn split_uv_row(uv: &[u8], u: &mut [u8], v: &mut [u8]) {
    assert!(uv.len() == 2 * u.len() && v.len() == u.len(), "rows do not fit together");
    let (uv, uv_end) = uv.as_chunks::<32>();
    let ((u, u_end), (v, v_end)) = (u.as_chunks_mut::<16>(), v.as_chunks_mut::<16>());
    for (uv, (u, v)) in uv.iter().zip(u.iter_mut().zip(v)) {
        let (uv, _) = uv.as_chunks::<16>();
        let [low, high] = uv else { continue };
        let (low, high) = (load_u8x16(low), load_u8x16(high));
        let even = _mm_set1_epi16(0xff);
        let both = _mm_packus_epi16(_mm_and_si128(low, even), _mm_and_si128(high, even));
        store_u8x16(u, both);
        let (low, high) = (_mm_srli_epi16::<8>(low), _mm_srli_epi16::<8>(high));
        store_u8x16(v, _mm_packus_epi16(low, high));
    }
    scalar::split_uv_row(uv_end, u_end, v_end);
}
