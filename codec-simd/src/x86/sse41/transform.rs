//! SSE4.1 kernels: transforms and quantisation of VP8.

use core::arch::x86_64::*;
use core::slice::{from_mut, from_ref};

use crate::lanes::replace_entries;
use crate::level_bits::LEVEL_BITS;
use crate::table::Kernels;
use crate::types::{Block16, BlockMask, BlockUv, Quantiser};
use crate::view::{Window, WindowMut};
use crate::x86::memory::{
    load_high_i16x8, load_low_i16x8, load_u8x8, load_u8x16, store_halves_i16x16, store_u8x8,
};
use crate::x86::transform_128::transform_128;
use crate::x86::transform_group::transform_group;

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, transform)
}

transform_128!("sse4.1,ssse3");
transform_group!(
    "sse4.1,ssse3",
    __m128i,
    _mm_add_epi16,
    _mm_sub_epi16,
    _mm_add_epi32,
    _mm_madd_epi16,
    _mm_mulhi_epi16,
    _mm_set1_epi16,
    _mm_set1_epi32,
    _mm_unpacklo_epi16,
    _mm_unpackhi_epi16,
    _mm_unpacklo_epi32,
    _mm_unpackhi_epi32,
    _mm_unpacklo_epi64,
    _mm_unpackhi_epi64,
    _mm_packs_epi32,
    _mm_slli_epi16,
    _mm_srai_epi16,
    _mm_srai_epi32
);

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn one_if_not_zero(x: __m128i) -> __m128i {
    _mm_add_epi16(_mm_cmpeq_epi16(x, _mm_setzero_si128()), _mm_set1_epi16(1))
}

/// Rows of differences to rows of coefficients.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn fdct(rows: [__m128i; 4]) -> [__m128i; 4] {
    let by_row = forward_rows(transpose_pairs(rows));
    forward_columns(transpose_pairs(by_row))
}

/// Rows of coefficients, with 4 added to the DCs, to rows of differences.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn idct(rows: [__m128i; 4]) -> [__m128i; 4] {
    let columns = inverse(transpose_pairs(inverse(rows)));
    transpose_pairs(columns).map(
        #[inline]
        |row| _mm_srai_epi16::<3>(row),
    )
}

/// Two blocks from four rows of eight pixels.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn fdct_two(cur: Window<'_, 8, 4>, pred: Window<'_, 8, 4>, coeffs: &mut [[i16; 16]; 2]) {
    let mut rows = [_mm_setzero_si128(); 4];
    for (y, row) in rows.iter_mut().enumerate() {
        let (cur, pred) = (load_u8x8(cur.row(y)), load_u8x8(pred.row(y)));
        *row = _mm_sub_epi16(_mm_cvtepu8_epi16(cur), _mm_cvtepu8_epi16(pred));
    }
    let [r0, r1, r2, r3] = fdct(rows);
    let [first, second] = coeffs;
    store_halves_i16x16(first, low_halves(r0, r1), low_halves(r2, r3));
    store_halves_i16x16(second, high_halves(r0, r1), high_halves(r2, r3));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn fdct_luma(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 16]; 16]) {
    for (n, coeffs) in coeffs.as_chunks_mut().0.iter_mut().enumerate() {
        let (x, y) = (n % 2 * 8, n / 2 * 4);
        fdct_two(cur.sub(x, y), pred.sub(x, y), coeffs);
    }
}

#[target_feature(enable = "sse4.1,ssse3")]
fn fdct_chroma(cur: &BlockUv, pred: &BlockUv, coeffs: &mut [[i16; 16]; 8]) {
    for (n, coeffs) in coeffs.as_chunks_mut().0.iter_mut().enumerate() {
        let (plane, y) = (n / 2, n % 2 * 4);
        fdct_two(cur.plane(plane).sub(0, y), pred.plane(plane).sub(0, y), coeffs);
    }
}

/// Eight lanes of a [`Quantiser`].
#[derive(Clone, Copy)]
struct Half {
    zbin: __m128i,
    round: __m128i,
    recip: __m128i,
    step: __m128i,
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn halves(quantiser: &Quantiser) -> [Half; 2] {
    let [zbin, round] = [load_block(&quantiser.zbin), load_block(&quantiser.round)];
    let [recip, step] = [load_block(&quantiser.recip), load_block(&quantiser.step)];
    let half = |i: usize| Half { zbin: zbin[i], round: round[i], recip: recip[i], step: step[i] };
    [half(0), half(1)]
}

/// Levels and dequantised values of eight coefficients.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn quantise_half(z: __m128i, q: Half) -> (__m128i, __m128i) {
    // The magnitude of -32768 is 32767.
    let magnitude = _mm_max_epi16(z, _mm_subs_epi16(_mm_setzero_si128(), z));
    let level = _mm_mulhi_epi16(_mm_adds_epi16(magnitude, q.round), q.recip);
    let level = _mm_andnot_si128(_mm_cmpgt_epi16(q.zbin, magnitude), level);
    let level = _mm_sign_epi16(level, z);
    (level, _mm_mullo_epi16(level, q.step))
}

/// Raster order to zig-zag order.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn zigzag(low: __m128i, high: __m128i) -> [__m128i; 2] {
    let first = _mm_or_si128(
        _mm_shuffle_epi8(low, _mm_setr_epi8(0, 1, 2, 3, 8, 9, -1, -1, 10, 11, 4, 5, 6, 7, 12, 13)),
        _mm_shuffle_epi8(
            high,
            _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 0, 1, -1, -1, -1, -1, -1, -1, -1, -1),
        ),
    );
    let second = _mm_or_si128(
        _mm_shuffle_epi8(
            high,
            _mm_setr_epi8(2, 3, 8, 9, 10, 11, 4, 5, -1, -1, 6, 7, 12, 13, 14, 15),
        ),
        _mm_shuffle_epi8(
            low,
            _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 14, 15, -1, -1, -1, -1, -1, -1),
        ),
    );
    [first, second]
}

/// Position after the last level that is not zero.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn end_of_block([first, second]: [__m128i; 2]) -> u8 {
    let is_zero = _mm_cmpeq_epi8(_mm_packs_epi16(first, second), _mm_setzero_si128());
    let not_zero = !_mm_movemask_epi8(is_zero).cast_unsigned() & 0xffff;
    let [position, ..] = (not_zero << 1 | 1).ilog2().to_le_bytes();
    position
}

#[target_feature(enable = "sse4.1,ssse3")]
fn quantise(
    coeffs: &[[i16; 16]],
    quantiser: &Quantiser,
    levels: &mut [[i16; 16]],
    dequantised: &mut [[i16; 16]],
    eobs: &mut [u8],
) {
    assert!(
        coeffs.len() == levels.len()
            && coeffs.len() == dequantised.len()
            && coeffs.len() == eobs.len(),
        "as many blocks in as out"
    );
    let [q_low, q_high] = halves(quantiser);
    let blocks = coeffs.iter().zip(levels).zip(dequantised).zip(eobs);
    for (((block, levels), dequantised), eob) in blocks {
        let [low, high] = load_block(block);
        let ((low, low_value), (high, high_value)) =
            (quantise_half(low, q_low), quantise_half(high, q_high));
        let [first, second] = zigzag(low, high);
        *eob = end_of_block([first, second]);
        store_halves_i16x16(levels, first, second);
        store_halves_i16x16(dequantised, low_value, high_value);
    }
}

/// `sums + errors²` of pairs in 32-bit lanes, saturated.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn add_squares(sums: __m128i, a: __m128i, b: __m128i) -> __m128i {
    let error = _mm_subs_epi16(a, b);
    let squares = _mm_madd_epi16(error, error);
    let room = _mm_xor_si128(sums, _mm_set1_epi32(-1));
    _mm_add_epi32(sums, _mm_min_epu32(squares, room))
}

#[target_feature(enable = "sse4.1,ssse3")]
fn coeff_sse(a: &[[i16; 16]], b: &[[i16; 16]]) -> u32 {
    assert_eq!(a.len(), b.len(), "as many blocks on both sides");
    let mut sums = [_mm_setzero_si128(); 2];
    for (a, b) in a.iter().zip(b) {
        let ([a_low, a_high], [b_low, b_high]) = (load_block(a), load_block(b));
        sums = [add_squares(sums[0], a_low, b_low), add_squares(sums[1], a_high, b_high)];
    }
    let mut total = 0u64;
    for sums in sums {
        let (low, high) = (_mm_cvtsi128_si64(sums), _mm_extract_epi64::<1>(sums));
        for pair in [low.cast_unsigned(), high.cast_unsigned()] {
            total += (pair & 0xffff_ffff) + (pair >> 32);
        }
    }
    u32::try_from(total).unwrap_or(u32::MAX)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn level_bits(levels: &[[i16; 16]]) -> u32 {
    let (small, large) = (load_u8x16(&LEVEL_BITS[0]), load_u8x16(&LEVEL_BITS[1]));
    let zero = _mm_setzero_si128();
    let magnitude = |half| _mm_max_epi16(half, _mm_subs_epi16(zero, half));
    let mut sums = zero;
    for block in levels {
        let [low, high] = load_block(block);
        let bytes = _mm_packus_epi16(magnitude(low), magnitude(high));
        let low = _mm_shuffle_epi8(small, _mm_min_epu8(bytes, _mm_set1_epi8(15)));
        let sixteenth = _mm_and_si128(_mm_srli_epi16::<4>(bytes), _mm_set1_epi8(15));
        let high = _mm_shuffle_epi8(large, sixteenth);
        sums = _mm_add_epi64(sums, _mm_sad_epu8(low, zero));
        sums = _mm_add_epi64(sums, _mm_sad_epu8(high, zero));
    }
    // Two sums far below 32 bits.
    let total = _mm_add_epi32(sums, _mm_unpackhi_epi64(sums, sums));
    _mm_cvtsi128_si32(total).cast_unsigned()
}

#[target_feature(enable = "sse4.1,ssse3")]
fn transform_quantise_luma(
    cur: &Block16,
    pred: &Block16,
    quantiser: &Quantiser,
    levels: &mut [[i16; 16]; 16],
    dequantised: &mut [[i16; 16]; 16],
    eobs: &mut [u8; 16],
    dcs: &mut [i16; 16],
) -> u32 {
    let mut coeffs = [[0; 16]; 16];
    fdct_luma(cur, pred, &mut coeffs);
    for (dc, block) in dcs.iter_mut().zip(&mut coeffs) {
        *dc = block[0];
        if quantiser.zbin[0] == Quantiser::NEVER {
            block[0] = 0;
        }
    }
    quantise(&coeffs, quantiser, levels, dequantised, eobs);
    coeff_sse(&coeffs, dequantised)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn transform_quantise_chroma(
    cur: &BlockUv,
    pred: &BlockUv,
    quantiser: &Quantiser,
    levels: &mut [[i16; 16]; 8],
    dequantised: &mut [[i16; 16]; 8],
    eobs: &mut [u8; 8],
) -> u32 {
    let mut coeffs = [[0; 16]; 8];
    fdct_chroma(cur, pred, &mut coeffs);
    quantise(&coeffs, quantiser, levels, dequantised, eobs);
    coeff_sse(&coeffs, dequantised)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn transform_quantise_4x4(
    cur: Window<'_, 4, 4>,
    pred: Window<'_, 4, 4>,
    quantiser: &Quantiser,
    levels: &mut [i16; 16],
    dequantised: &mut [i16; 16],
    eob: &mut u8,
) {
    let mut coeffs = [0; 16];
    fdct_4x4(cur, pred, &mut coeffs);
    let (levels, eobs) = (from_mut(levels), from_mut(eob));
    quantise(from_ref(&coeffs), quantiser, levels, from_mut(dequantised), eobs);
}

/// Adds rows of eight differences to the pixels.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn add_rows(rows: [__m128i; 4], dst: &mut WindowMut<'_, 8, 4>) {
    for (y, row) in rows.into_iter().enumerate() {
        let pixels = _mm_cvtepu8_epi16(load_u8x8(dst.row(y)));
        let sum = _mm_add_epi16(pixels, row);
        store_u8x8(dst.row_mut(y), _mm_packus_epi16(sum, sum));
    }
}

/// Two blocks side by side with their DCs; bits 0 and 1 of `ac` select the other coefficients.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn idct_add_two([a, b]: &[[i16; 16]; 2], dcs: [i16; 2], ac: u32, mut dst: WindowMut<'_, 8, 4>) {
    let [first, second] = dcs.map(i32::from);
    if ac & 3 == 0 {
        if dcs == [0; 2] {
            return;
        }
        let order = _mm_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 4, 5, 4, 5, 4, 5, 4, 5);
        let dcs = _mm_shuffle_epi8(_mm_setr_epi32(first, second, 0, 0), order);
        let rounded = _mm_srai_epi16::<3>(_mm_add_epi16(dcs, _mm_set1_epi16(4)));
        return add_rows([rounded; 4], &mut dst);
    }
    let kept = halves_of(ac);
    let ([a_low, a_high], [b_low, b_high]) = (load_block(a), load_block(b));
    let row0 = _mm_and_si128(low_halves(a_low, b_low), kept);
    // 4 more in the DC is 4 more in each sum before the final shift.
    let row0 = _mm_insert_epi16::<0>(row0, first.wrapping_add(4));
    let rows = [
        _mm_insert_epi16::<4>(row0, second.wrapping_add(4)),
        _mm_and_si128(high_halves(a_low, b_low), kept),
        _mm_and_si128(low_halves(a_high, b_high), kept),
        _mm_and_si128(high_halves(a_high, b_high), kept),
    ];
    add_rows(idct(rows), &mut dst);
}

/// All ones in the halves whose bit is set.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn halves_of(bits: u32) -> __m128i {
    let one_each = _mm_setr_epi32(1, 1, 2, 2);
    let all = _mm_set1_epi32(bits.cast_signed());
    _mm_cmpeq_epi32(_mm_and_si128(all, one_each), one_each)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn idct_add_luma(coeffs: &[[i16; 16]; 16], mask: BlockMask, mut dst: WindowMut<'_, 16, 16>) {
    for (n, coeffs) in coeffs.as_chunks().0.iter().enumerate() {
        let (mask, dst) = (mask.from(2 * n), dst.sub(n % 2 * 8, n / 2 * 4));
        if mask.any & 3 == 0 {
            continue;
        }
        idct_add_two(coeffs, mask.dcs_of_two(coeffs), mask.any & mask.ac, dst);
    }
}

#[target_feature(enable = "sse4.1,ssse3")]
fn idct_add_luma_y2(
    coeffs: &[[i16; 16]; 16],
    dcs: &[i16; 16],
    ac: u32,
    mut dst: WindowMut<'_, 16, 16>,
) {
    let blocks = coeffs.as_chunks().0.iter().zip(dcs.as_chunks().0);
    for (n, (coeffs, dcs)) in blocks.enumerate() {
        idct_add_two(coeffs, *dcs, ac >> (2 * n), dst.sub(n % 2 * 8, n / 2 * 4));
    }
}

#[target_feature(enable = "sse4.1,ssse3")]
fn idct_add_chroma(
    coeffs: &[[i16; 16]; 8],
    mask: BlockMask,
    mut u: WindowMut<'_, 8, 8>,
    mut v: WindowMut<'_, 8, 8>,
) {
    for (n, coeffs) in coeffs.as_chunks().0.iter().enumerate() {
        let y = n % 2 * 4;
        let dst = if n < 2 { u.sub(0, y) } else { v.sub(0, y) };
        let mask = mask.from(2 * n);
        if mask.any & 3 == 0 {
            continue;
        }
        idct_add_two(coeffs, mask.dcs_of_two(coeffs), mask.any & mask.ac, dst);
    }
}
