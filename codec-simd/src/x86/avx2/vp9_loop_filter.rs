//! AVX2 kernels: VP9's loop filter. The 32 lines of an edge are the bytes of a register, the first
//! 16 in the lower 128-bit lane.

use core::arch::x86_64::*;

use super::ops::{
    I16x16 as Words, U8x32 as Bytes, abs_diff, add_i16, adds_i8, adds_u8, and_u8, any_u8, halve_u8,
    halve_up_i8, le_u8, max_u8, narrow, or_u8, shl_i16, shr_i8, shr_i16, splat_i16, splat_u8,
    sub_i16, subs_i8, widen_high, widen_low, without_u8, xor_u8, zip_high_u8, zip_low_u8,
};
use crate::lanes::lanes_vp9_loop_filter;
use crate::lanes::vp9::window_mut;
use crate::table::Kernels;
use crate::view::WindowMut;
use crate::vp9::{Vp9EdgeFilter, Vp9Edges};
use crate::x86::memory::{load_2x16, load_u8x8, load_u8x32, store_u8x8, store_u8x16, store_u8x32};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels { vp9_filter_v, vp9_filter_h, ..base }
}

lanes_vp9_loop_filter!("avx2,bmi1,bmi2,lzcnt");

/// The value of each unit in its 8 lanes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn spread(units: [u8; 4]) -> Bytes {
    let order = _mm256_setr_epi8(
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, //
        2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3,
    );
    _mm256_shuffle_epi8(_mm256_set1_epi32(i32::from_le_bytes(units)), order)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn lanes_of(edges: &Vp9Edges) -> EdgeLanes {
    let filters = spread(edges.filters.map(|filter| filter.0));
    let above = |filter: Vp9EdgeFilter| _mm256_cmpgt_epi8(filters, splat_u8(filter.0));
    EdgeLanes {
        edge: spread(edges.edge),
        inner: spread(edges.inner),
        variance: spread(edges.variance),
        filtered: above(Vp9EdgeFilter::NONE),
        has_8_taps: above(Vp9EdgeFilter::TAPS_4),
        has_16_taps: above(Vp9EdgeFilter::TAPS_8),
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn vp9_filter_h(plane: &mut [u8], stride: usize, at: usize, edges: &Vp9Edges) {
    let lanes = lanes_of(edges);
    if edges.filters.contains(&Vp9EdgeFilter::TAPS_16) {
        let mut window = window_mut::<32, 16>(plane, at - 8 * stride, stride);
        let mut s = load_rows(&window);
        filter_far(&mut s, &lanes);
        for (y, row) in (1..).zip(&s[1..15]) {
            store_u8x32(window.row_mut(y), *row);
        }
    } else {
        let mut window = window_mut::<32, 8>(plane, at - 4 * stride, stride);
        let mut s = load_rows(&window);
        filter_near(&mut s, &lanes);
        for (y, row) in (1..).zip(&s[1..7]) {
            store_u8x32(window.row_mut(y), *row);
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn load_rows<const N: usize>(from: &WindowMut<'_, 32, N>) -> [Bytes; N] {
    let mut rows = [splat_u8(0); N];
    for (y, row) in rows.iter_mut().enumerate() {
        *row = load_u8x32(from.row(y));
    }
    rows
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn vp9_filter_v(plane: &mut [u8], stride: usize, at: usize, edges: &Vp9Edges) {
    let lanes = lanes_of(edges);
    if edges.filters.contains(&Vp9EdgeFilter::TAPS_16) {
        filter_16_columns(window_mut(plane, at - 8, stride), &lanes);
    } else {
        filter_8_columns(window_mut(plane, at - 4, stride), &lanes);
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filter_16_columns(mut window: WindowMut<'_, 16, 32>, lanes: &EdgeLanes) {
    let mut rows = [splat_u8(0); 16];
    for (y, row) in rows.iter_mut().enumerate() {
        *row = load_2x16(window.row(y), window.row(y + 16));
    }
    let mut columns = transpose(&rows);
    filter_far(&mut columns, lanes);
    for (y, row) in transpose(&columns).into_iter().enumerate() {
        store_u8x16(window.row_mut(y), _mm256_castsi256_si128(row));
        store_u8x16(window.row_mut(y + 16), _mm256_extracti128_si256::<1>(row));
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn transpose(x: &[Bytes; 16]) -> [Bytes; 16] {
    rotate(&rotate(&rotate(&rotate(x))))
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn filter_8_columns(mut window: WindowMut<'_, 8, 32>, lanes: &EdgeLanes) {
    let mut pairs = [splat_u8(0); 8];
    for (y, pair) in pairs.iter_mut().enumerate() {
        let row = |y: usize| load_u8x8(window.row(y));
        let low = _mm_unpacklo_epi8(row(y), row(y + 8));
        let high = _mm_unpacklo_epi8(row(y + 16), row(y + 24));
        *pair = _mm256_set_m128i(high, low);
    }
    let mut columns = rotate(&rotate(&rotate(&pairs)));
    filter_near(&mut columns, lanes);
    let pairs = rotate(&rotate(&rotate(&columns)));
    for (y, pair) in pairs.into_iter().enumerate() {
        let low = _mm256_castsi256_si128(pair);
        let high = _mm256_extracti128_si256::<1>(pair);
        for (y, pair) in [(2 * y, low), (2 * y + 16, high)] {
            store_u8x8(window.row_mut(y), pair);
            store_u8x8(window.row_mut(y + 1), _mm_unpackhi_epi64(pair, pair));
        }
    }
}
