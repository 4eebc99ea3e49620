//! AVX2 kernels: transforms and quantisation of VP8. In the transforms, a register holds one row or
//! column of four blocks, two in each 128-bit lane. In quantisation, it holds one block.

use core::arch::x86_64::*;

use crate::level_bits::LEVEL_BITS;
use crate::masks::DcsOf;
use crate::table::Kernels;
use crate::types::{Block16, BlockMask, BlockUv, Quantiser};
use crate::view::{Window, WindowMut};
use crate::x86::memory::{
    load_high_i16x8, load_i16x16, load_low_i16x8, load_u8x8, load_u8x16, store_halves_i16x16,
    store_i16x16, store_u8x8, store_u8x16,
};
use crate::x86::transform_128::transform_128;
use crate::x86::transform_group::transform_group;

/// `base` with the entries that this file improves.
pub(crate) const fn over(mut base: Kernels) -> Kernels {
    base.fdct_luma = fdct_luma;
    base.fdct_chroma = fdct_chroma;
    base.fdct_4x4 = fdct_4x4;
    base.forward_wht = forward_wht;
    base.quantise = quantise;
    base.coeff_sse = coeff_sse;
    base.level_bits = level_bits;
    base.transform_quantise_luma = transform_quantise_luma;
    base.transform_quantise_chroma = transform_quantise_chroma;
    base.transform_quantise_4x4 = transform_quantise_4x4;
    base.inverse_wht = inverse_wht;
    base.idct_add_4x4 = idct_add_4x4;
    base.idct_add_luma = idct_add_luma;
    base.idct_add_luma_y2 = idct_add_luma_y2;
    base.idct_add_chroma = idct_add_chroma;
    base
}

transform_128!("avx2,bmi1,bmi2,lzcnt");
transform_group!(
    "avx2,bmi1,bmi2,lzcnt",
    __m256i,
    _mm256_add_epi16,
    _mm256_sub_epi16,
    _mm256_add_epi32,
    _mm256_madd_epi16,
    _mm256_mulhi_epi16,
    _mm256_set1_epi16,
    _mm256_set1_epi32,
    _mm256_unpacklo_epi16,
    _mm256_unpackhi_epi16,
    _mm256_unpacklo_epi32,
    _mm256_unpackhi_epi32,
    _mm256_unpacklo_epi64,
    _mm256_unpackhi_epi64,
    _mm256_packs_epi32,
    _mm256_slli_epi16,
    _mm256_srai_epi16,
    _mm256_srai_epi32
);

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn one_if_not_zero(x: __m256i) -> __m256i {
    _mm256_add_epi16(_mm256_cmpeq_epi16(x, _mm256_setzero_si256()), _mm256_set1_epi16(1))
}

/// Rows of differences to rows of coefficients.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn fdct(rows: [__m256i; 4]) -> [__m256i; 4] {
    let by_row = forward_rows(transpose_pairs(rows));
    forward_columns(transpose_pairs(by_row))
}

/// Rows of coefficients, with 4 added to the DCs, to rows of differences.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn idct(rows: [__m256i; 4]) -> [__m256i; 4] {
    let columns = inverse(transpose_pairs(inverse(rows)));
    transpose_pairs(columns).map(
        #[inline]
        |row| _mm256_srai_epi16::<3>(row),
    )
}

/// Rows of coefficients of four blocks, two in each lane, from four rows of sixteen pixels.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn fdct_rows(cur: &[[u8; 16]; 4], pred: &[[u8; 16]; 4]) -> [__m256i; 4] {
    let mut rows = [_mm256_setzero_si256(); 4];
    for (row, (cur, pred)) in rows.iter_mut().zip(cur.iter().zip(pred)) {
        let (cur, pred) = (load_u8x16(cur), load_u8x16(pred));
        *row = _mm256_sub_epi16(_mm256_cvtepu8_epi16(cur), _mm256_cvtepu8_epi16(pred));
    }
    fdct(rows)
}

/// Four blocks, one in each register, from the rows of [`fdct_rows`].
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn blocks_of([r0, r1, r2, r3]: [__m256i; 4]) -> [__m256i; 4] {
    // Rows 0 and 1 of the first block of each lane, rows 2 and 3 of it; then of the second.
    let (a01, a23) = (_mm256_unpacklo_epi64(r0, r1), _mm256_unpacklo_epi64(r2, r3));
    let (b01, b23) = (_mm256_unpackhi_epi64(r0, r1), _mm256_unpackhi_epi64(r2, r3));
    [
        _mm256_permute2x128_si256::<0x20>(a01, a23),
        _mm256_permute2x128_si256::<0x20>(b01, b23),
        _mm256_permute2x128_si256::<0x31>(a01, a23),
        _mm256_permute2x128_si256::<0x31>(b01, b23),
    ]
}

/// Four blocks, one in each register, from four rows of sixteen pixels.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn fdct_four(cur: &[[u8; 16]; 4], pred: &[[u8; 16]; 4]) -> [__m256i; 4] {
    blocks_of(fdct_rows(cur, pred))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn fdct_luma(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 16]; 16]) {
    let rows = cur.0.as_chunks().0.iter().zip(pred.0.as_chunks().0);
    for (coeffs, (cur, pred)) in coeffs.as_chunks_mut::<4>().0.iter_mut().zip(rows) {
        for (to, block) in coeffs.iter_mut().zip(fdct_four(cur, pred)) {
            store_i16x16(to, block);
        }
    }
}

/// U is in the low lanes, V in the high ones.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn fdct_chroma(cur: &BlockUv, pred: &BlockUv, coeffs: &mut [[i16; 16]; 8]) {
    let ([cur_top, cur_bottom], [pred_top, pred_bottom]) =
        (cur.0.as_chunks().0, pred.0.as_chunks().0)
    else {
        return;
    };
    let [u0, u1, u2, u3, v0, v1, v2, v3] = coeffs;
    for (to, block) in [u0, u1, v0, v1].into_iter().zip(fdct_four(cur_top, pred_top)) {
        store_i16x16(to, block);
    }
    for (to, block) in [u2, u3, v2, v3].into_iter().zip(fdct_four(cur_bottom, pred_bottom)) {
        store_i16x16(to, block);
    }
}

/// The rows of a [`Quantiser`].
#[derive(Clone, Copy)]
struct Factors {
    zbin: __m256i,
    round: __m256i,
    recip: __m256i,
    step: __m256i,
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn factors(quantiser: &Quantiser) -> Factors {
    Factors {
        zbin: load_i16x16(&quantiser.zbin),
        round: load_i16x16(&quantiser.round),
        recip: load_i16x16(&quantiser.recip),
        step: load_i16x16(&quantiser.step),
    }
}

/// Levels (raster order) and dequantised values of one block.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn quantise_block(z: __m256i, q: Factors) -> (__m256i, __m256i) {
    // The magnitude of -32768 is 32767.
    let magnitude = _mm256_max_epi16(z, _mm256_subs_epi16(_mm256_setzero_si256(), z));
    let level = _mm256_mulhi_epi16(_mm256_adds_epi16(magnitude, q.round), q.recip);
    let level = _mm256_andnot_si256(_mm256_cmpgt_epi16(q.zbin, magnitude), level);
    let level = _mm256_sign_epi16(level, z);
    (level, _mm256_mullo_epi16(level, q.step))
}

/// Raster order to zig-zag order.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn zigzag(levels: __m256i) -> __m256i {
    let swapped = _mm256_permute4x64_epi64::<0b01_00_11_10>(levels);
    let own = _mm256_setr_epi8(
        0, 1, 2, 3, 8, 9, -1, -1, 10, 11, 4, 5, 6, 7, 12, 13, //
        2, 3, 8, 9, 10, 11, 4, 5, -1, -1, 6, 7, 12, 13, 14, 15,
    );
    let other = _mm256_setr_epi8(
        -1, -1, -1, -1, -1, -1, 0, 1, -1, -1, -1, -1, -1, -1, -1, -1, //
        -1, -1, -1, -1, -1, -1, -1, -1, 14, 15, -1, -1, -1, -1, -1, -1,
    );
    _mm256_or_si256(_mm256_shuffle_epi8(levels, own), _mm256_shuffle_epi8(swapped, other))
}

/// Position after the last level that is not zero.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn end_of_block(levels: __m256i) -> u8 {
    let is_zero = _mm256_cmpeq_epi16(levels, _mm256_setzero_si256());
    // Two bits for each level.
    let not_zero = !_mm256_movemask_epi8(is_zero).cast_unsigned();
    let [position, ..] = ((32 - not_zero.leading_zeros()) / 2).to_le_bytes();
    position
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
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
    let factors = factors(quantiser);
    let blocks = coeffs.iter().zip(levels).zip(dequantised).zip(eobs);
    for (((block, levels), dequantised), eob) in blocks {
        let (level, value) = quantise_block(load_i16x16(block), factors);
        let in_order = zigzag(level);
        *eob = end_of_block(in_order);
        store_i16x16(levels, in_order);
        store_i16x16(dequantised, value);
    }
}

/// `sums + errors²` of pairs in 32-bit lanes, saturated.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn add_squares(sums: __m256i, a: __m256i, b: __m256i) -> __m256i {
    let error = _mm256_subs_epi16(a, b);
    let squares = _mm256_madd_epi16(error, error);
    let room = _mm256_xor_si256(sums, _mm256_set1_epi32(-1));
    _mm256_add_epi32(sums, _mm256_min_epu32(squares, room))
}

/// Sums of pairs of 32-bit lanes, in 64-bit lanes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn widen(sums: __m256i) -> __m256i {
    let odd = _mm256_srli_epi64::<32>(sums);
    let even = _mm256_and_si256(sums, _mm256_set1_epi64x(0xffff_ffff));
    _mm256_add_epi64(even, odd)
}

/// The sum of the 64-bit lanes, saturated.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn total(pairs: __m256i) -> u32 {
    let low = _mm256_castsi256_si128(pairs);
    let both = _mm_add_epi64(low, _mm256_extracti128_si256::<1>(pairs));
    let all = _mm_add_epi64(both, _mm_unpackhi_epi64(both, both));
    u32::try_from(_mm_cvtsi128_si64(all)).unwrap_or(u32::MAX)
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn coeff_sse(a: &[[i16; 16]], b: &[[i16; 16]]) -> u32 {
    assert_eq!(a.len(), b.len(), "as many blocks on both sides");
    let mut sums = _mm256_setzero_si256();
    for (a, b) in a.iter().zip(b) {
        sums = add_squares(sums, load_i16x16(a), load_i16x16(b));
    }
    total(widen(sums))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn level_bits(levels: &[[i16; 16]]) -> u32 {
    let [small, large] = [&LEVEL_BITS[0], &LEVEL_BITS[1]]
        .map(|table| _mm256_broadcastsi128_si256(load_u8x16(table)));
    let zero = _mm256_setzero_si256();
    let magnitude = |block| _mm256_max_epi16(block, _mm256_subs_epi16(zero, block));
    let bits = |a, b| {
        let bytes = _mm256_packus_epi16(magnitude(a), magnitude(b));
        let low = _mm256_shuffle_epi8(small, _mm256_min_epu8(bytes, _mm256_set1_epi8(15)));
        let sixteenth = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), _mm256_set1_epi8(15));
        let high = _mm256_shuffle_epi8(large, sixteenth);
        _mm256_add_epi64(_mm256_sad_epu8(low, zero), _mm256_sad_epu8(high, zero))
    };
    let (pairs, last) = levels.as_chunks::<2>();
    let mut sums = zero;
    for [a, b] in pairs {
        sums = _mm256_add_epi64(sums, bits(load_i16x16(a), load_i16x16(b)));
    }
    if let [block] = last {
        sums = _mm256_add_epi64(sums, bits(load_i16x16(block), zero));
    }
    // Four sums far below 32 bits.
    let halves = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
    let total = _mm_add_epi32(halves, _mm_unpackhi_epi64(halves, halves));
    _mm_cvtsi128_si32(total).cast_unsigned()
}

/// Quantises and stores one block; returns `sums` with its squared errors.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn quantise_into(
    [levels, dequantised]: [&mut [i16; 16]; 2],
    eob: &mut u8,
    block: __m256i,
    factors: Factors,
    sums: __m256i,
) -> __m256i {
    let (level, value) = quantise_block(block, factors);
    let in_order = zigzag(level);
    *eob = end_of_block(in_order);
    store_i16x16(levels, in_order);
    store_i16x16(dequantised, value);
    add_squares(sums, block, value)
}

/// Thresholds below which [`fdct_rows`] quantise to zero: [`Quantiser::zbin`] by row.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn zbin_rows(zbin: __m256i) -> [__m256i; 4] {
    [
        _mm256_permute4x64_epi64::<0b00_00_00_00>(zbin),
        _mm256_permute4x64_epi64::<0b01_01_01_01>(zbin),
        _mm256_permute4x64_epi64::<0b10_10_10_10>(zbin),
        _mm256_permute4x64_epi64::<0b11_11_11_11>(zbin),
    ]
}

/// Whether all levels of four blocks are zero because no coefficient reaches its threshold.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn are_below(rows: [__m256i; 4], [z0, z1, z2, z3]: [__m256i; 4]) -> bool {
    let [m0, m1, m2, m3] = rows.map(
        #[inline]
        |row| _mm256_abs_epi16(row),
    );
    // The magnitude of -32768 is negative, but such coefficients do not occur.
    let below = _mm256_and_si256(
        _mm256_and_si256(_mm256_cmpgt_epi16(z0, m0), _mm256_cmpgt_epi16(z1, m1)),
        _mm256_and_si256(_mm256_cmpgt_epi16(z2, m2), _mm256_cmpgt_epi16(z3, m3)),
    );
    _mm256_movemask_epi8(below) == -1
}

/// Quantises and stores four blocks, given as the rows of [`fdct_rows`]; returns `sums` with their
/// squared errors.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn quantise_four(
    [levels, dequantised]: [&mut [[i16; 16]; 4]; 2],
    eobs: &mut [u8; 4],
    rows: [__m256i; 4],
    (factors, zbins): (Factors, [__m256i; 4]),
    mut sums: [__m256i; 2],
) -> [__m256i; 2] {
    if are_below(rows, zbins) {
        let zero = _mm256_setzero_si256();
        for (levels, dequantised) in levels.iter_mut().zip(dequantised) {
            store_i16x16(levels, zero);
            store_i16x16(dequantised, zero);
        }
        *eobs = [0; 4];
        let squares = rows.map(
            #[inline]
            |row| _mm256_madd_epi16(row, row),
        );
        // Coefficients of bytes are too small for a sum that saturates.
        let [s0, s1] = sums;
        return [
            _mm256_add_epi32(_mm256_add_epi32(s0, squares[0]), squares[1]),
            _mm256_add_epi32(_mm256_add_epi32(s1, squares[2]), squares[3]),
        ];
    }
    for (n, block) in blocks_of(rows).into_iter().enumerate() {
        let out = [&mut levels[n], &mut dequantised[n]];
        sums[n % 2] = quantise_into(out, &mut eobs[n], block, factors, sums[n % 2]);
    }
    sums
}

/// Collects the DCs of a macroblock from the first rows of its four groups of blocks.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn collect_dcs([a, b, c, d]: [__m256i; 4], dcs: &mut [i16; 16]) {
    // The DCs of a column of blocks in each 64-bit lane.
    let low = _mm256_blend_epi16::<0b0010_0010>(a, _mm256_slli_epi64::<16>(b));
    let high = _mm256_blend_epi16::<0b0010_0010>(c, _mm256_slli_epi64::<16>(d));
    let columns = _mm256_blend_epi32::<0b1010_1010>(low, _mm256_slli_epi64::<32>(high));
    let pairs = _mm256_shuffle_epi8(
        columns,
        _mm256_broadcastsi128_si256(_mm_setr_epi8(
            0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15,
        )),
    );
    let (left, right) = (_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
    store_halves_i16x16(dcs, _mm_unpacklo_epi32(left, right), _mm_unpackhi_epi32(left, right));
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn transform_quantise_luma(
    cur: &Block16,
    pred: &Block16,
    quantiser: &Quantiser,
    levels: &mut [[i16; 16]; 16],
    dequantised: &mut [[i16; 16]; 16],
    eobs: &mut [u8; 16],
    dcs: &mut [i16; 16],
) -> u32 {
    let factors = factors(quantiser);
    let dc = i16::from(quantiser.zbin[0] != Quantiser::NEVER).wrapping_neg();
    let kept = _mm256_insert_epi16::<0>(_mm256_set1_epi16(-1), dc);
    let kept = _mm256_permute4x64_epi64::<0>(kept);
    // Transform everything first: the blocks' chains of operations then overlap.
    let mut groups = [[_mm256_setzero_si256(); 4]; 4];
    let pixels = cur.0.as_chunks().0.iter().zip(pred.0.as_chunks().0);
    for (group, (cur, pred)) in groups.iter_mut().zip(pixels) {
        *group = fdct_rows(cur, pred);
    }
    let [a, b, c, d] = &groups;
    collect_dcs([a[0], b[0], c[0], d[0]], dcs);
    let quantisation = (factors, zbin_rows(factors.zbin));
    let mut sums = [_mm256_setzero_si256(); 2];
    let outs = levels.as_chunks_mut().0.iter_mut().zip(dequantised.as_chunks_mut().0);
    let outs = outs.zip(eobs.as_chunks_mut().0);
    for (&[r0, r1, r2, r3], ((levels, dequantised), eobs)) in groups.iter().zip(outs) {
        let rows = [_mm256_and_si256(r0, kept), r1, r2, r3];
        sums = quantise_four([levels, dequantised], eobs, rows, quantisation, sums);
    }
    total(_mm256_add_epi64(widen(sums[0]), widen(sums[1])))
}

/// Blocks of U are in the low lanes, blocks of V in the high ones.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn transform_quantise_chroma(
    cur: &BlockUv,
    pred: &BlockUv,
    quantiser: &Quantiser,
    levels: &mut [[i16; 16]; 8],
    dequantised: &mut [[i16; 16]; 8],
    eobs: &mut [u8; 8],
) -> u32 {
    let factors = factors(quantiser);
    let ([cur_top, cur_bottom], [pred_top, pred_bottom]) =
        (cur.0.as_chunks().0, pred.0.as_chunks().0)
    else {
        return 0;
    };
    let (top, bottom) = (fdct_rows(cur_top, pred_top), fdct_rows(cur_bottom, pred_bottom));
    let zbins = zbin_rows(factors.zbin);
    let zero = _mm256_setzero_si256();
    if are_below(top, zbins) && are_below(bottom, zbins) {
        for (levels, dequantised) in levels.iter_mut().zip(dequantised) {
            store_i16x16(levels, zero);
            store_i16x16(dequantised, zero);
        }
        *eobs = [0; 8];
        // Coefficients of bytes are too small for a sum that saturates.
        let mut sums = zero;
        for row in [top, bottom].as_flattened() {
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(*row, *row));
        }
        return total(widen(sums));
    }
    let ([u0, u1, v0, v1], [u2, u3, v2, v3]) = (blocks_of(top), blocks_of(bottom));
    let mut sums = zero;
    for (n, block) in [u0, u1, u2, u3, v0, v1, v2, v3].into_iter().enumerate() {
        let out = [&mut levels[n], &mut dequantised[n]];
        sums = quantise_into(out, &mut eobs[n], block, factors, sums);
    }
    total(widen(sums))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn transform_quantise_4x4(
    cur: Window<'_, 4, 4>,
    pred: Window<'_, 4, 4>,
    quantiser: &Quantiser,
    levels: &mut [i16; 16],
    dequantised: &mut [i16; 16],
    eob: &mut u8,
) {
    let [low, high] = fdct_one(cur, pred);
    let block = _mm256_set_m128i(high, low);
    let (level, value) = quantise_block(block, factors(quantiser));
    let in_order = zigzag(level);
    *eob = end_of_block(in_order);
    store_i16x16(levels, in_order);
    store_i16x16(dequantised, value);
}

/// All ones in the 64-bit lanes whose bit is set: bit `n` is lane `n`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn lanes_of(bits: u32) -> __m256i {
    let one_each = _mm256_setr_epi64x(1, 2, 4, 8);
    let all = _mm256_set1_epi64x(i64::from(bits));
    _mm256_cmpeq_epi64(_mm256_and_si256(all, one_each), one_each)
}

/// Rows of the differences of four blocks, two in each lane: DCs from the lowest words of `dcs`,
/// the other coefficients selected by bits 0..4 of `ac`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn idct_four([a, b, c, d]: &[[i16; 16]; 4], dcs: __m256i, ac: u32) -> [__m256i; 4] {
    let join = |x, y| _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(x), y);
    let low = |x, y| join(load_low_i16x8(x), load_low_i16x8(y));
    let high = |x, y| join(load_high_i16x8(x), load_high_i16x8(y));
    let (first_low, second_low) = (low(a, c), low(b, d));
    let (first_high, second_high) = (high(a, c), high(b, d));
    let ac = lanes_of(ac);
    let row0 = _mm256_and_si256(_mm256_unpacklo_epi64(first_low, second_low), ac);
    // 4 more in the DC is 4 more in each sum before the final shift.
    let dcs = _mm256_add_epi16(dcs, _mm256_set1_epi64x(4));
    idct([
        _mm256_blend_epi16::<0b0001_0001>(row0, dcs),
        _mm256_and_si256(_mm256_unpackhi_epi64(first_low, second_low), ac),
        _mm256_and_si256(_mm256_unpacklo_epi64(first_high, second_high), ac),
        _mm256_and_si256(_mm256_unpackhi_epi64(first_high, second_high), ac),
    ])
}

/// The masked DCs of four blocks, one in each 64-bit lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(in crate::x86) fn dcs_of_four(coeffs: &[[i16; 16]; 4], mask: BlockMask) -> __m256i {
    let dcs = coeffs.each_ref().map(|block| i64::from(block[0].cast_unsigned()));
    _mm256_and_si256(_mm256_setr_epi64x(dcs[0], dcs[1], dcs[2], dcs[3]), lanes_of(mask.any))
}

/// The rounded DCs of four blocks, four times each, in the order of [`idct_four`]'s rows: what to
/// add and what to subtract, as bytes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(in crate::x86) fn round_dcs(dcs: __m256i) -> DcsOf<__m128i> {
    let spread =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 8, 9, 8, 9, 8, 9, 8, 9));
    let dcs = _mm256_shuffle_epi8(dcs, spread);
    let rounded = _mm256_srai_epi16::<3>(_mm256_add_epi16(dcs, _mm256_set1_epi16(4)));
    let (low, high) = (_mm256_castsi256_si128(rounded), _mm256_extracti128_si256::<1>(rounded));
    let zero = _mm_setzero_si128();
    DcsOf {
        plus: _mm_packus_epi16(low, high),
        minus: _mm_packus_epi16(_mm_sub_epi16(zero, low), _mm_sub_epi16(zero, high)),
    }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(in crate::x86) fn add_dcs(pixels: __m128i, dcs: DcsOf<__m128i>) -> __m128i {
    _mm_subs_epu8(_mm_adds_epu8(pixels, dcs.plus), dcs.minus)
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn idct_add_luma(coeffs: &[[i16; 16]; 16], mask: BlockMask, mut dst: WindowMut<'_, 16, 16>) {
    for (n, coeffs) in coeffs.as_chunks().0.iter().enumerate() {
        let mask = mask.from(4 * n);
        if mask.any & 0xf == 0 {
            continue;
        }
        let rows = dst.sub::<16, 4>(0, 4 * n);
        if mask.any & mask.ac & 0xf == 0 {
            add_rows_of_dcs(dcs_of_four(coeffs, mask), rows);
        } else if let Some(x) = mask.lone(4) {
            idct_add_4x4(&coeffs[x], rows.into_sub(4 * x, 0));
        } else {
            idct_add_four(coeffs, dcs_of_four(coeffs, mask), mask.any & mask.ac, rows);
        }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn idct_add_luma_y2(
    coeffs: &[[i16; 16]; 16],
    dcs: &[i16; 16],
    ac: u32,
    mut dst: WindowMut<'_, 16, 16>,
) {
    let blocks = coeffs.as_chunks().0.iter().zip(dcs.as_chunks().0);
    for (n, (coeffs, dcs)) in blocks.enumerate() {
        let ac = ac >> (4 * n);
        if ac & 0xf != 0 || *dcs != [0; 4] {
            let dcs = dcs.map(|dc| i64::from(dc.cast_unsigned()));
            let dcs = _mm256_setr_epi64x(dcs[0], dcs[1], dcs[2], dcs[3]);
            idct_add_four(coeffs, dcs, ac, dst.sub(0, 4 * n));
        }
    }
}

/// Four blocks side by side that have only their DCs.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn add_rows_of_dcs(dcs: __m256i, mut dst: WindowMut<'_, 16, 4>) {
    let dcs = round_dcs(dcs);
    for y in 0..4 {
        let row = dst.row_mut(y);
        store_u8x16(row, add_dcs(load_u8x16(row), dcs));
    }
}

/// Four blocks side by side: arguments as of [`idct_four`].
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn idct_add_four(coeffs: &[[i16; 16]; 4], dcs: __m256i, ac: u32, mut dst: WindowMut<'_, 16, 4>) {
    if ac & 0xf == 0 {
        let dcs = round_dcs(dcs);
        for y in 0..4 {
            let row = dst.row_mut(y);
            store_u8x16(row, add_dcs(load_u8x16(row), dcs));
        }
        return;
    }
    let [r0, r1, r2, r3] = idct_four(coeffs, dcs, ac);
    for (y, [first, second]) in [(0, [r0, r1]), (2, [r2, r3])] {
        let sum = |y, row| _mm256_add_epi16(_mm256_cvtepu8_epi16(load_u8x16(dst.row(y))), row);
        let pair = _mm256_packus_epi16(sum(y, first), sum(y + 1, second));
        let pair = _mm256_permute4x64_epi64::<0b11_01_10_00>(pair);
        store_u8x16(dst.row_mut(y), _mm256_castsi256_si128(pair));
        store_u8x16(dst.row_mut(y + 1), _mm256_extracti128_si256::<1>(pair));
    }
}

/// The DCs of the four blocks of one plane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(in crate::x86) fn add_dcs_8x8(
    coeffs: &[[i16; 16]; 4],
    mask: BlockMask,
    mut dst: WindowMut<'_, 8, 8>,
) {
    if mask.any & 0xf == 0 {
        return;
    }
    let dcs = round_dcs(dcs_of_four(coeffs, mask));
    for y in 0..4 {
        let pixels = _mm_unpacklo_epi64(load_u8x8(dst.row(y)), load_u8x8(dst.row(y + 4)));
        let sum = add_dcs(pixels, dcs);
        store_u8x8(dst.row_mut(y), sum);
        store_u8x8(dst.row_mut(y + 4), _mm_unpackhi_epi64(sum, sum));
    }
}

/// The four blocks of one plane: rows 0..4 in the low lanes, 4..8 in the high ones.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn idct_add_8x8(coeffs: &[[i16; 16]; 4], mask: BlockMask, mut dst: WindowMut<'_, 8, 8>) {
    if mask.any & 0xf == 0 {
        return;
    }
    if mask.any & mask.ac & 0xf == 0 {
        return add_dcs_8x8(coeffs, mask, dst);
    }
    if let Some(n) = mask.lone(4) {
        return idct_add_4x4(&coeffs[n], dst.into_sub(n % 2 * 4, n / 2 * 4));
    }
    let dcs = dcs_of_four(coeffs, mask);
    let [r0, r1, r2, r3] = idct_four(coeffs, dcs, mask.any & mask.ac);
    for (y, [first, second]) in [(0, [r0, r1]), (2, [r2, r3])] {
        let sum = |y, row| {
            let pixels = _mm_unpacklo_epi64(load_u8x8(dst.row(y)), load_u8x8(dst.row(y + 4)));
            _mm256_add_epi16(_mm256_cvtepu8_epi16(pixels), row)
        };
        let pair = _mm256_packus_epi16(sum(y, first), sum(y + 1, second));
        let (low, high) = (_mm256_castsi256_si128(pair), _mm256_extracti128_si256::<1>(pair));
        store_u8x8(dst.row_mut(y), low);
        store_u8x8(dst.row_mut(y + 1), _mm_unpackhi_epi64(low, low));
        store_u8x8(dst.row_mut(y + 4), high);
        store_u8x8(dst.row_mut(y + 5), _mm_unpackhi_epi64(high, high));
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn idct_add_chroma(
    coeffs: &[[i16; 16]; 8],
    mask: BlockMask,
    u: WindowMut<'_, 8, 8>,
    v: WindowMut<'_, 8, 8>,
) {
    if let [of_u, of_v] = coeffs.as_chunks().0 {
        idct_add_8x8(of_u, mask, u);
        idct_add_8x8(of_v, mask.from(4), v);
    }
}
