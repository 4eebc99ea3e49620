//! SSE4.1 kernels: conversion of pixel rows between packed RGB and I420, sixteen pixels at a time.

use core::arch::x86_64::*;

use crate::color::{RgbWeights, YuvWeights};
use crate::scalar;
use crate::table::Kernels;
use crate::x86::memory::{load_u8x8, load_u8x16, store_u8x8, store_u8x16};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels {
        rgb24_to_luma_row,
        rgb32_to_luma_row,
        rgb24_to_chroma_rows,
        rgb32_to_chroma_rows,
        i420_to_rgb24_row,
        i420_to_rgb32_row,
        ..base
    }
}

/// Four pixels of four bytes each in every register.
type Pixels16 = [__m128i; 4];

/// Sixteen pixels of three bytes, each followed by a zero.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn load_rgb24(pixels: &[u8; 48]) -> Pixels16 {
    let first = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    let last = _mm_add_epi8(first, _mm_setr_epi8(4, 4, 4, 0, 4, 4, 4, 0, 4, 4, 4, 0, 4, 4, 4, 0));
    let (thirds, _) = pixels.as_chunks::<16>();
    let [a, b, c] = thirds else { return [_mm_setzero_si128(); 4] };
    let [a, b, c] = [load_u8x16(a), load_u8x16(b), load_u8x16(c)];
    [
        _mm_shuffle_epi8(a, first),
        _mm_shuffle_epi8(_mm_alignr_epi8::<12>(b, a), first),
        _mm_shuffle_epi8(_mm_alignr_epi8::<8>(c, b), first),
        _mm_shuffle_epi8(c, last),
    ]
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn load_rgb32(pixels: &[u8; 64]) -> Pixels16 {
    let (quarters, _) = pixels.as_chunks::<16>();
    let [a, b, c, d] = quarters else { return [_mm_setzero_si128(); 4] };
    [load_u8x16(a), load_u8x16(b), load_u8x16(c), load_u8x16(d)]
}

/// The weights twice, once per pixel of a register of 16-bit samples.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn broadcast([a, b, c, d]: [i16; 4]) -> __m128i {
    _mm_setr_epi16(a, b, c, d, a, b, c, d)
}

/// The two halves of four pixels as 16-bit samples, two pixels each.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn widen(pixels: __m128i) -> [__m128i; 2] {
    [_mm_cvtepu8_epi16(pixels), _mm_unpackhi_epi8(pixels, _mm_setzero_si128())]
}

/// Weighted sums of four pixels, 32 bits each.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn weighted([low, high]: [__m128i; 2], weights: __m128i) -> __m128i {
    _mm_hadd_epi32(_mm_madd_epi16(low, weights), _mm_madd_epi16(high, weights))
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn luma(pixels: Pixels16, weights: __m128i, black: __m128i) -> __m128i {
    let [a, b, c, d] = pixels.map(
        #[inline]
        |four| {
            let sum = weighted(widen(four), weights);
            _mm_srai_epi32::<15>(_mm_add_epi32(sum, _mm_set1_epi32(1 << 14)))
        },
    );
    let [low, high] = [_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)];
    _mm_packus_epi16(_mm_add_epi16(low, black), _mm_add_epi16(high, black))
}

/// Sums of 2x2 pixels: the sums of the first four columns of `a` and `b`, two per register.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn sum_2x2(a: __m128i, b: __m128i) -> __m128i {
    let ([a_low, a_high], [b_low, b_high]) = (widen(a), widen(b));
    let (low, high) = (_mm_add_epi16(a_low, b_low), _mm_add_epi16(a_high, b_high));
    _mm_add_epi16(_mm_unpacklo_epi64(low, high), _mm_unpackhi_epi64(low, high))
}

/// Eight samples of chroma.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn chroma(sums: Pixels16, weights: __m128i) -> __m128i {
    let [a, b, c, d] = sums;
    let scaled = |sum| _mm_srai_epi32::<17>(_mm_add_epi32(sum, _mm_set1_epi32(1 << 16)));
    let (low, high) = (scaled(weighted([a, b], weights)), scaled(weighted([c, d], weights)));
    let signed = _mm_add_epi16(_mm_packs_epi32(low, high), _mm_set1_epi16(128));
    _mm_packus_epi16(signed, signed)
}

/// A luma kernel: pixels of `$bytes` bytes, sixteen of which `$load` loads.
macro_rules! luma_row {
    ($name:ident, $bytes:literal, $load:ident) => {
        #[target_feature(enable = "sse4.1,ssse3")]
        fn $name(pixels: &[u8], weights: &RgbWeights, out: &mut [u8]) {
            assert_eq!(pixels.len(), $bytes * out.len(), "rows do not fit together");
            let (pixels, pixels_end) = pixels.as_chunks::<{ 16 * $bytes }>();
            let (out, out_end) = out.as_chunks_mut::<16>();
            let (row_weights, black) = (broadcast(weights.y), _mm_set1_epi16(weights.black));
            for (out, pixels) in out.iter_mut().zip(pixels) {
                store_u8x16(out, luma($load(pixels), row_weights, black));
            }
            scalar::$name(pixels_end, weights, out_end);
        }
    };
}

luma_row!(rgb24_to_luma_row, 3, load_rgb24);
luma_row!(rgb32_to_luma_row, 4, load_rgb32);

/// A chroma kernel: pixels of `$bytes` bytes, sixteen of which `$load` loads.
macro_rules! chroma_rows {
    ($name:ident, $bytes:literal, $load:ident) => {
        #[target_feature(enable = "sse4.1,ssse3")]
        fn $name(a: &[u8], b: &[u8], weights: &RgbWeights, u: &mut [u8], v: &mut [u8]) {
            let pairs = (a.len() / $bytes).div_ceil(2);
            assert!(
                a.len() == b.len()
                    && a.len().is_multiple_of($bytes)
                    && u.len() == pairs
                    && v.len() == pairs,
                "rows do not fit together"
            );
            let (a, a_end) = a.as_chunks::<{ 16 * $bytes }>();
            let (b, b_end) = b.as_chunks::<{ 16 * $bytes }>();
            let ((u, u_end), (v, v_end)) = (split(u, a.len()), split(v, a.len()));
            let (u_weights, v_weights) = (broadcast(weights.u), broadcast(weights.v));
            for ((u, v), (a, b)) in u.iter_mut().zip(v).zip(a.iter().zip(b)) {
                let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = ($load(a), $load(b));
                let sums = [sum_2x2(a0, b0), sum_2x2(a1, b1), sum_2x2(a2, b2), sum_2x2(a3, b3)];
                store_u8x8(u, chroma(sums, u_weights));
                store_u8x8(v, chroma(sums, v_weights));
            }
            scalar::$name(a_end, b_end, weights, u_end, v_end);
        }
    };
}

chroma_rows!(rgb24_to_chroma_rows, 3, load_rgb24);
chroma_rows!(rgb32_to_chroma_rows, 4, load_rgb32);

/// The first `count` groups of eight samples, and the rest.
fn split(samples: &mut [u8], count: usize) -> (&mut [[u8; 8]], &mut [u8]) {
    let (groups, rest) = samples.split_at_mut(8 * count);
    (groups.as_chunks_mut().0, rest)
}

/// One of a pixel's bytes, of sixteen pixels whose even and odd luma and common chroma are given.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn channel(even: __m128i, odd: __m128i, chroma: __m128i) -> __m128i {
    let value = |luma| {
        let sum = _mm_adds_epi16(_mm_adds_epi16(luma, chroma), _mm_set1_epi16(32));
        _mm_srai_epi16::<6>(sum)
    };
    let both = _mm_packus_epi16(value(even), value(odd));
    _mm_unpacklo_epi8(both, _mm_srli_si128::<8>(both))
}

/// The three channels of sixteen pixels.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn channels(y: &[u8; 16], u: &[u8; 8], v: &[u8; 8], weights: &YuvWeights) -> [__m128i; 3] {
    let y = load_u8x16(y);
    let luma = |y| {
        let above_black = _mm_sub_epi16(y, _mm_set1_epi16(weights.black));
        _mm_mulhrs_epi16(_mm_slli_epi16::<7>(above_black), _mm_set1_epi16(weights.y))
    };
    let (even, odd) = (luma(_mm_and_si128(y, _mm_set1_epi16(0xff))), luma(_mm_srli_epi16::<8>(y)));
    // Subtracting 128 from a byte flips its highest bit; shifted by 8 it is signed.
    let signed = |from| {
        let flipped = _mm_xor_si128(load_u8x8(from), _mm_set1_epi8(i8::MIN));
        _mm_unpacklo_epi8(_mm_setzero_si128(), flipped)
    };
    let (u, v) = (signed(u), signed(v));
    weights.uv.map(
        #[inline]
        |[of_u, of_v]| {
            let of_u = _mm_mulhrs_epi16(u, _mm_set1_epi16(of_u));
            let of_v = _mm_mulhrs_epi16(v, _mm_set1_epi16(of_v));
            channel(even, odd, _mm_adds_epi16(of_u, of_v))
        },
    )
}

/// The positions of channel `from` in third `third` of sixteen interleaved pixels of three bytes.
const fn positions(from: usize, third: usize) -> [u8; 16] {
    let mut positions = [0x80; 16];
    let mut at = 0;
    while at < 16 {
        let byte = 16 * third + at;
        if byte % 3 == from {
            #[expect(clippy::cast_possible_truncation, reason = "below 16")]
            let pixel = (byte / 3) as u8;
            positions[at] = pixel;
        }
        at += 1;
    }
    positions
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn store_rgb24(out: &mut [u8; 48], channels: [__m128i; 3]) {
    const POSITIONS: [[[u8; 16]; 3]; 3] = [
        [positions(0, 0), positions(1, 0), positions(2, 0)],
        [positions(0, 1), positions(1, 1), positions(2, 1)],
        [positions(0, 2), positions(1, 2), positions(2, 2)],
    ];
    let [a, b, c] = channels;
    let (thirds, _) = out.as_chunks_mut::<16>();
    for (third, [of_a, of_b, of_c]) in thirds.iter_mut().zip(&POSITIONS) {
        let a = _mm_shuffle_epi8(a, load_u8x16(of_a));
        let b = _mm_shuffle_epi8(b, load_u8x16(of_b));
        let c = _mm_shuffle_epi8(c, load_u8x16(of_c));
        store_u8x16(third, _mm_or_si128(_mm_or_si128(a, b), c));
    }
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn store_rgb32(out: &mut [u8; 64], [a, b, c]: [__m128i; 3]) {
    let opaque = _mm_set1_epi8(-1);
    let (ab_low, ab_high) = (_mm_unpacklo_epi8(a, b), _mm_unpackhi_epi8(a, b));
    let (c_low, c_high) = (_mm_unpacklo_epi8(c, opaque), _mm_unpackhi_epi8(c, opaque));
    let (quarters, _) = out.as_chunks_mut::<16>();
    let [first, second, third, fourth] = quarters else { return };
    store_u8x16(first, _mm_unpacklo_epi16(ab_low, c_low));
    store_u8x16(second, _mm_unpackhi_epi16(ab_low, c_low));
    store_u8x16(third, _mm_unpacklo_epi16(ab_high, c_high));
    store_u8x16(fourth, _mm_unpackhi_epi16(ab_high, c_high));
}

/// A kernel from I420 to pixels of `$bytes` bytes, sixteen of which `$store` stores.
macro_rules! rgb_row {
    ($name:ident, $bytes:literal, $store:ident) => {
        #[target_feature(enable = "sse4.1,ssse3")]
        fn $name(y: &[u8], u: &[u8], v: &[u8], weights: &YuvWeights, pixels: &mut [u8]) {
            let pairs = y.len().div_ceil(2);
            assert!(
                pixels.len() == $bytes * y.len() && u.len() == pairs && v.len() == pairs,
                "rows do not fit together"
            );
            let (y, y_end) = y.as_chunks::<16>();
            let (u, u_end) = u.split_at(8 * y.len());
            let (v, v_end) = v.split_at(8 * y.len());
            let (pixels, pixels_end) = pixels.as_chunks_mut::<{ 16 * $bytes }>();
            let chroma = u.as_chunks::<8>().0.iter().zip(v.as_chunks::<8>().0);
            for ((pixels, y), (u, v)) in pixels.iter_mut().zip(y).zip(chroma) {
                $store(pixels, channels(y, u, v, weights));
            }
            scalar::$name(y_end, u_end, v_end, weights, pixels_end);
        }
    };
}

rgb_row!(i420_to_rgb24_row, 3, store_rgb24);
rgb_row!(i420_to_rgb32_row, 4, store_rgb32);
