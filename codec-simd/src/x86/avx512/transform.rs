//! AVX-512 kernels: transforms and quantisation of VP8's macroblocks. In the transforms, a register
//! holds one row or column of eight blocks, two in each 128-bit lane. In quantisation, it holds two
//! blocks.
//!
//! Byte permutations gather columns of pixels and scatter rows back. They order the blocks so that
//! adjacent blocks end up in one register. The sixteen blocks of a macroblock are in two sets of
//! registers: the four lanes of the low set hold blocks 0 and 2, 1 and 3, 8 and 10, 9 and 11; those
//! of the high set hold blocks 4 and 6, 5 and 7, 12 and 14, 13 and 15.

use core::arch::x86_64::*;

use crate::masks::DcsOf;
use crate::table::Kernels;
use crate::types::{Block16, BlockMask, BlockUv, Quantiser};
use crate::view::WindowMut;
use crate::x86::avx2::transform::{add_dcs, add_dcs_8x8, dcs_of_four, idct_add_4x4, round_dcs};
use crate::x86::memory::{
    load_i16x16, load_i16x32, load_u8x8, load_u8x16, load_u8x64, store_i16x16, store_i16x32,
    store_u8x8, store_u8x16,
};
use crate::x86::transform_group::transform_group;

/// `base` with the entries that this file improves.
pub(crate) const fn over(mut base: Kernels) -> Kernels {
    base.fdct_luma = fdct_luma;
    base.fdct_chroma = fdct_chroma;
    base.quantise = quantise;
    base.coeff_sse = coeff_sse;
    base.transform_quantise_luma = transform_quantise_luma;
    base.transform_quantise_chroma = transform_quantise_chroma;
    base.idct_add_luma = idct_add_luma;
    base.idct_add_luma_y2 = idct_add_luma_y2;
    base.idct_add_chroma = idct_add_chroma;
    base
}

transform_group!(
    "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni",
    __m512i,
    _mm512_add_epi16,
    _mm512_sub_epi16,
    _mm512_add_epi32,
    _mm512_madd_epi16,
    _mm512_mulhi_epi16,
    _mm512_set1_epi16,
    _mm512_set1_epi32,
    _mm512_unpacklo_epi16,
    _mm512_unpackhi_epi16,
    _mm512_unpacklo_epi32,
    _mm512_unpackhi_epi32,
    _mm512_unpacklo_epi64,
    _mm512_unpackhi_epi64,
    _mm512_packs_epi32,
    _mm512_slli_epi16,
    _mm512_srai_epi16,
    _mm512_srai_epi32
);

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn one_if_not_zero(x: __m512i) -> __m512i {
    _mm512_maskz_set1_epi16(_mm512_test_epi16_mask(x, x), 1)
}

/// Memory layout of the pixels of eight blocks.
#[derive(Clone, Copy)]
enum Pixels {
    /// Two rows of four blocks, sixteen pixels wide.
    Luma,
    /// U and V side by side.
    SideBySide,
    /// U, then V, eight pixels wide.
    OneByOne,
}

/// The address of a pixel: column `x` and row `y` of block `n`.
const fn address(pixels: Pixels, n: usize, x: usize, y: usize) -> usize {
    match pixels {
        Pixels::Luma => n / 4 * 64 + y * 16 + n % 4 * 4 + x,
        Pixels::SideBySide => n % 4 / 2 * 64 + y * 16 + n / 4 * 8 + n % 2 * 4 + x,
        Pixels::OneByOne => n / 4 * 64 + (n % 4 / 2 * 4 + y) * 8 + n % 2 * 4 + x,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "addresses of 128 bytes")]
const fn byte(address: usize) -> u8 {
    address as u8
}

/// Gathers columns `first` (lanes 0 and 1) and `first + 1` (lanes 2 and 3) of eight blocks: four
/// blocks of four rows in each lane, the low set and then the high set.
const fn forward_order(pixels: Pixels, first: usize) -> [u8; 64] {
    let mut order = [0; 64];
    let mut i = 0;
    while i < 64 {
        let (lane, slot, y) = (i / 16, i % 16 / 4, i % 4);
        order[i] = byte(address(pixels, 2 * slot + lane % 2, first + lane / 2, y));
        i += 1;
    }
    order
}

/// Gathers columns `first` (low halves) and `first + 1` (high halves) of eight blocks: two
/// blocks of four rows in each half, lanes 0 and 1 the low set, 2 and 3 the high set.
const fn inverse_order(pixels: Pixels, first: usize) -> [u8; 64] {
    let mut order = [0; 64];
    let mut i = 0;
    while i < 64 {
        let (lane, column, slot, y) = (i / 16, i % 16 / 8, i % 8 / 4, i % 4);
        let block = lane / 2 * 4 + lane % 2 + 2 * slot;
        order[i] = byte(address(pixels, block, first + column, y));
        i += 1;
    }
    order
}

/// Brings two registers in [`inverse_order`] (columns 0 and 1, columns 2 and 3) back.
const fn back_order(pixels: Pixels) -> [[u8; 64]; 2] {
    let mut order = [[0; 64]; 2];
    let sources = [inverse_order(pixels, 0), inverse_order(pixels, 2)];
    let mut i = 0;
    while i < 128 {
        let to = sources[i / 64][i % 64] as usize;
        order[to / 64][to % 64] = byte(i);
        i += 1;
    }
    order
}

static LUMA_COLUMNS: [[u8; 64]; 2] =
    [forward_order(Pixels::Luma, 0), forward_order(Pixels::Luma, 2)];
static CHROMA_COLUMNS: [[u8; 64]; 2] =
    [forward_order(Pixels::SideBySide, 0), forward_order(Pixels::SideBySide, 2)];
static LUMA_IN: [[u8; 64]; 2] = [inverse_order(Pixels::Luma, 0), inverse_order(Pixels::Luma, 2)];
static LUMA_BACK: [[u8; 64]; 2] = back_order(Pixels::Luma);
static CHROMA_IN: [[u8; 64]; 2] =
    [inverse_order(Pixels::OneByOne, 0), inverse_order(Pixels::OneByOne, 2)];
static CHROMA_BACK: [[u8; 64]; 2] = back_order(Pixels::OneByOne);

/// Selects bytes of `[a, b]`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn gather([a, b]: [__m512i; 2], order: &[u8; 64]) -> __m512i {
    _mm512_permutex2var_epi8(a, load_u8x64(order), b)
}

/// Differences of the low and of the high eight bytes of each lane.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn differences(cur: __m512i, pred: __m512i) -> [__m512i; 2] {
    let signs = _mm512_set1_epi16(i16::from_le_bytes([1, 255]));
    [
        _mm512_maddubs_epi16(_mm512_unpacklo_epi8(cur, pred), signs),
        _mm512_maddubs_epi16(_mm512_unpackhi_epi8(cur, pred), signs),
    ]
}

/// The low halves of both, and the high halves of both.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn zip_halves(a: __m512i, b: __m512i) -> [__m512i; 2] {
    [
        _mm512_inserti64x4::<1>(a, _mm512_castsi512_si256(b)),
        _mm512_shuffle_i64x2::<0b11_10_11_10>(a, b),
    ]
}

/// Columns of differences to rows of coefficients.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn fdct_columns(columns: [__m512i; 4]) -> [__m512i; 4] {
    forward_columns(transpose_pairs(forward_rows(columns)))
}

/// Rows of coefficients of the low and of the high set of a macroblock.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn fdct_sixteen(cur: &Block16, pred: &Block16) -> [[__m512i; 4]; 2] {
    let columns = |block: &Block16| {
        let [a, b, c, d] = quarters(block);
        let (upper, lower) = ([a, b], [c, d]);
        let [c0, c1] = zip_halves(gather(upper, &LUMA_COLUMNS[0]), gather(lower, &LUMA_COLUMNS[0]));
        let [c2, c3] = zip_halves(gather(upper, &LUMA_COLUMNS[1]), gather(lower, &LUMA_COLUMNS[1]));
        [c0, c1, c2, c3]
    };
    let ([c0, c1, c2, c3], [p0, p1, p2, p3]) = (columns(cur), columns(pred));
    let ([low0, high0], [low1, high1]) = (differences(c0, p0), differences(c1, p1));
    let ([low2, high2], [low3, high3]) = (differences(c2, p2), differences(c3, p3));
    [fdct_columns([low0, low1, low2, low3]), fdct_columns([high0, high1, high2, high3])]
}

/// The four rows of four blocks of a macroblock.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn quarters(block: &Block16) -> [__m512i; 4] {
    let [a, b, c, d] = block.0.as_flattened().as_chunks().0 else {
        return [_mm512_setzero_si512(); 4];
    };
    [load_u8x64(a), load_u8x64(b), load_u8x64(c), load_u8x64(d)]
}

/// Rows of coefficients of both chroma planes: the low set in lanes 0 and 1, the high set in 2
/// and 3.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn fdct_eight(cur: &BlockUv, pred: &BlockUv) -> [__m512i; 4] {
    let halves = |block: &BlockUv| match block.0.as_flattened().as_chunks().0 {
        [a, b] => [load_u8x64(a), load_u8x64(b)],
        _ => [_mm512_setzero_si512(); 2],
    };
    let (cur, pred) = (halves(cur), halves(pred));
    let pair = |order| {
        let [low, high] = differences(gather(cur, order), gather(pred, order));
        zip_halves(low, high)
    };
    let ([c0, c1], [c2, c3]) = (pair(&CHROMA_COLUMNS[0]), pair(&CHROMA_COLUMNS[1]));
    fdct_columns([c0, c1, c2, c3])
}

/// Rows of coefficients to blocks, two in each register: the first blocks of lanes 0 and 1, of
/// lanes 2 and 3, and the second blocks likewise.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn to_blocks([r0, r1, r2, r3]: [__m512i; 4]) -> [__m512i; 4] {
    let (a01, a23) = (_mm512_unpacklo_epi64(r0, r1), _mm512_unpacklo_epi64(r2, r3));
    let (b01, b23) = (_mm512_unpackhi_epi64(r0, r1), _mm512_unpackhi_epi64(r2, r3));
    let low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    [
        _mm512_permutex2var_epi64(a01, low, a23),
        _mm512_permutex2var_epi64(a01, high, a23),
        _mm512_permutex2var_epi64(b01, low, b23),
        _mm512_permutex2var_epi64(b01, high, b23),
    ]
}

/// Which pair of adjacent blocks each register of [`to_blocks`] holds: of a macroblock's low set
/// (the high set's come two later), and of chroma.
const LUMA_PAIRS: [usize; 4] = [0, 4, 1, 5];
const CHROMA_PAIRS: [usize; 4] = [0, 2, 1, 3];

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn fdct_luma(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 16]; 16]) {
    let (pairs, _) = coeffs.as_chunks_mut::<2>();
    for (set, first) in fdct_sixteen(cur, pred).into_iter().zip([0, 2]) {
        for (n, blocks) in LUMA_PAIRS.into_iter().zip(to_blocks(set)) {
            store_i16x32(&mut pairs[first + n], blocks);
        }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn fdct_chroma(cur: &BlockUv, pred: &BlockUv, coeffs: &mut [[i16; 16]; 8]) {
    let (pairs, _) = coeffs.as_chunks_mut::<2>();
    for (n, blocks) in CHROMA_PAIRS.into_iter().zip(to_blocks(fdct_eight(cur, pred))) {
        store_i16x32(&mut pairs[n], blocks);
    }
}

/// The rows of a [`Quantiser`], twice.
#[derive(Clone, Copy)]
struct Factors {
    /// At least 1: a coefficient of 0 gives the level 0.
    zbin: __m512i,
    round: __m512i,
    recip: __m512i,
    step: __m512i,
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn factors(quantiser: &Quantiser) -> Factors {
    let twice = |row| _mm512_broadcast_i64x4(load_i16x16(row));
    Factors {
        zbin: _mm512_max_epi16(twice(&quantiser.zbin), _mm512_set1_epi16(1)),
        round: twice(&quantiser.round),
        recip: twice(&quantiser.recip),
        step: twice(&quantiser.step),
    }
}

/// Two blocks' levels in zig-zag order, their dequantised values in raster order, and a bit for
/// each level that is not zero.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn quantise_two(z: __m512i, q: Factors) -> (__m512i, __m512i, u32) {
    let zero = _mm512_setzero_si512();
    // The magnitude of -32768 is 32767.
    let magnitude = _mm512_max_epi16(z, _mm512_subs_epi16(zero, z));
    let kept = _mm512_cmpge_epi16_mask(magnitude, q.zbin);
    let level = _mm512_mulhi_epi16(_mm512_adds_epi16(magnitude, q.round), q.recip);
    let level = _mm512_maskz_mov_epi16(kept, level);
    let level = _mm512_mask_sub_epi16(level, _mm512_movepi16_mask(z), zero, level);
    let value = _mm512_mullo_epi16(level, q.step);
    let order = _mm512_set_epi16(
        31, 30, 27, 23, 26, 29, 28, 25, 22, 19, 18, 21, 24, 20, 17, 16, //
        15, 14, 11, 7, 10, 13, 12, 9, 6, 3, 2, 5, 8, 4, 1, 0,
    );
    let in_order = _mm512_permutexvar_epi16(order, level);
    (in_order, value, _mm512_test_epi16_mask(in_order, in_order))
}

/// Positions after the last bit of each half.
#[inline]
#[target_feature(
    enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx512cd"
)]
fn ends_of_blocks(not_zero: u32) -> [u8; 2] {
    let end = |bits: u32| {
        let [end, ..] = (32 - bits.leading_zeros()).to_le_bytes();
        end
    };
    [end(not_zero & 0xffff), end(not_zero >> 16)]
}

/// `sums + errors²` of pairs in 32-bit lanes, saturated.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn add_squares(sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
    let error = _mm512_subs_epi16(a, b);
    let squares = _mm512_madd_epi16(error, error);
    let room = _mm512_xor_si512(sums, _mm512_set1_epi32(-1));
    _mm512_add_epi32(sums, _mm512_min_epu32(squares, room))
}

/// The sum of the 32-bit lanes, saturated.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn total(sums: __m512i) -> u32 {
    let odd = _mm512_srli_epi64::<32>(sums);
    let even = _mm512_and_si512(sums, _mm512_set1_epi64(0xffff_ffff));
    let total = _mm512_reduce_add_epi64(_mm512_add_epi64(even, odd));
    u32::try_from(total).unwrap_or(u32::MAX)
}

#[target_feature(
    enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx512cd"
)]
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
    let ((coeffs, last), (levels, last_levels)) = (coeffs.as_chunks(), levels.as_chunks_mut());
    let ((dequantised, last_values), (eobs, last_eobs)) =
        (dequantised.as_chunks_mut(), eobs.as_chunks_mut());
    let blocks = coeffs.iter().zip(levels).zip(dequantised).zip(eobs);
    for (((blocks, levels), dequantised), eobs) in blocks {
        let (level, value, not_zero) = quantise_two(load_i16x32(blocks), factors);
        *eobs = ends_of_blocks(not_zero);
        store_i16x32(levels, level);
        store_i16x32(dequantised, value);
    }
    if let ([block], [levels], [values], [eob]) = (last, last_levels, last_values, last_eobs) {
        let block = _mm512_zextsi256_si512(load_i16x16(block));
        let (level, value, not_zero) = quantise_two(block, factors);
        [*eob, _] = ends_of_blocks(not_zero);
        store_i16x16(levels, _mm512_castsi512_si256(level));
        store_i16x16(values, _mm512_castsi512_si256(value));
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn coeff_sse(a: &[[i16; 16]], b: &[[i16; 16]]) -> u32 {
    assert_eq!(a.len(), b.len(), "as many blocks on both sides");
    let mut sums = _mm512_setzero_si512();
    let ((a, last_a), (b, last_b)) = (a.as_chunks(), b.as_chunks());
    for (a, b) in a.iter().zip(b) {
        sums = add_squares(sums, load_i16x32(a), load_i16x32(b));
    }
    if let ([a], [b]) = (last_a, last_b) {
        let one = |block| _mm512_zextsi256_si512(load_i16x16(block));
        sums = add_squares(sums, one(a), one(b));
    }
    total(sums)
}

/// Word number of the DC of each block in the first rows of the low and of the high set.
static DC_ORDER: [[i16; 16]; 2] =
    [[0, 8, 4, 12, 32, 40, 36, 44, 16, 24, 20, 28, 48, 56, 52, 60], [0; 16]];

#[target_feature(
    enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx512cd"
)]
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
    let kept = if quantiser.zbin[0] == Quantiser::NEVER { 0xfffe_fffe } else { u32::MAX };
    let [low, high] = fdct_sixteen(cur, pred);
    let all_dcs = _mm512_permutex2var_epi16(low[0], load_i16x32(&DC_ORDER), high[0]);
    store_i16x16(dcs, _mm512_castsi512_si256(all_dcs));
    let ((levels, _), (dequantised, _)) = (levels.as_chunks_mut(), dequantised.as_chunks_mut());
    let (eobs, _) = eobs.as_chunks_mut();
    let mut sums = [_mm512_setzero_si512(); 2];
    // Not a loop over both sets, because the compiler would keep them in memory.
    for (n, blocks) in LUMA_PAIRS.into_iter().zip(to_blocks(low)) {
        let blocks = _mm512_maskz_mov_epi16(kept, blocks);
        let (level, value, not_zero) = quantise_two(blocks, factors);
        eobs[n] = ends_of_blocks(not_zero);
        store_i16x32(&mut levels[n], level);
        store_i16x32(&mut dequantised[n], value);
        sums[0] = add_squares(sums[0], blocks, value);
    }
    for (n, blocks) in LUMA_PAIRS.into_iter().zip(to_blocks(high)) {
        let blocks = _mm512_maskz_mov_epi16(kept, blocks);
        let (level, value, not_zero) = quantise_two(blocks, factors);
        eobs[2 + n] = ends_of_blocks(not_zero);
        store_i16x32(&mut levels[2 + n], level);
        store_i16x32(&mut dequantised[2 + n], value);
        sums[1] = add_squares(sums[1], blocks, value);
    }
    total(sums[0]).saturating_add(total(sums[1]))
}

#[target_feature(
    enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx512cd"
)]
fn transform_quantise_chroma(
    cur: &BlockUv,
    pred: &BlockUv,
    quantiser: &Quantiser,
    levels: &mut [[i16; 16]; 8],
    dequantised: &mut [[i16; 16]; 8],
    eobs: &mut [u8; 8],
) -> u32 {
    let factors = factors(quantiser);
    let ((levels, _), (dequantised, _)) = (levels.as_chunks_mut(), dequantised.as_chunks_mut());
    let (eobs, _) = eobs.as_chunks_mut();
    let mut sums = _mm512_setzero_si512();
    for (n, blocks) in CHROMA_PAIRS.into_iter().zip(to_blocks(fdct_eight(cur, pred))) {
        let (level, value, not_zero) = quantise_two(blocks, factors);
        eobs[n] = ends_of_blocks(not_zero);
        store_i16x32(&mut levels[n], level);
        store_i16x32(&mut dequantised[n], value);
        sums = add_squares(sums, blocks, value);
    }
    total(sums)
}

/// The bits of blocks `n` and `n + 2` side by side.
fn beside(bits: u32) -> u8 {
    let [bits, ..] = ((bits & 0x99) | (bits & 0x22) << 1 | (bits & 0x44) >> 1).to_le_bytes();
    bits
}

/// The DCs of eight blocks, from the lowest words of their first rows or from another source.
#[derive(Clone, Copy)]
enum Dcs {
    /// Masked.
    Own(u32),
    Given(__m128i),
}

/// Columns of the differences of eight blocks, in [`inverse_order`]: all coefficients except the
/// DCs as selected by the bits of `ac`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn idct_eight(coeffs: &[[[i16; 16]; 2]; 4], dcs: Dcs, ac: u32) -> [__m512i; 4] {
    let ac = beside(ac);
    let [p01, p23, p45, p67] = coeffs.each_ref().map(|pair| load_i16x32(pair));
    let (low02, low13) = (_mm512_unpacklo_epi64(p01, p23), _mm512_unpackhi_epi64(p01, p23));
    let (high02, high13) = (_mm512_unpacklo_epi64(p45, p67), _mm512_unpackhi_epi64(p45, p67));
    let r0 = _mm512_shuffle_i32x4::<0b10_00_10_00>(low02, high02);
    let r1 = _mm512_maskz_shuffle_i64x2::<0b10_00_10_00>(ac, low13, high13);
    let r2 = _mm512_maskz_shuffle_i64x2::<0b11_01_11_01>(ac, low02, high02);
    let r3 = _mm512_maskz_shuffle_i64x2::<0b11_01_11_01>(ac, low13, high13);
    let first_words = 0x1111_1111;
    let dcs = match dcs {
        Dcs::Own(any) => {
            let any = _pdep_u32(u32::from(beside(any)), first_words);
            _mm512_maskz_mov_epi16(any, r0)
        }
        Dcs::Given(dcs) => {
            let order = _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
            _mm512_cvtepu16_epi64(_mm_shuffle_epi8(dcs, order))
        }
    };
    // 4 more in the DC is 4 more in each sum before the final shift.
    let dcs = _mm512_add_epi16(dcs, _mm512_set1_epi64(4));
    let r0 = _mm512_mask_mov_epi16(_mm512_maskz_mov_epi64(ac, r0), first_words, dcs);
    inverse(transpose_pairs(inverse([r0, r1, r2, r3]))).map(
        #[inline]
        |column| _mm512_srai_epi16::<3>(column),
    )
}

/// Adds columns to pixels, 128 bytes of eight blocks.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn add_columns(
    pixels: [__m512i; 2],
    [c0, c1, c2, c3]: [__m512i; 4],
    order: &[[u8; 64]; 2],
    back: &[[u8; 64]; 2],
) -> [__m512i; 2] {
    let zero = _mm512_setzero_si512();
    let sum = |first, second, order| {
        let pixels = gather(pixels, order);
        _mm512_packus_epi16(
            _mm512_add_epi16(first, _mm512_unpacklo_epi8(pixels, zero)),
            _mm512_add_epi16(second, _mm512_unpackhi_epi8(pixels, zero)),
        )
    };
    let sums = [sum(c0, c1, &order[0]), sum(c2, c3, &order[1])];
    [gather(sums, &back[0]), gather(sums, &back[1])]
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn join([a, b, c, d]: [__m128i; 4]) -> __m512i {
    let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(a), b);
    let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(c), d);
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn split(x: __m512i) -> [__m128i; 4] {
    [
        _mm512_castsi512_si128(x),
        _mm512_extracti32x4_epi32::<1>(x),
        _mm512_extracti32x4_epi32::<2>(x),
        _mm512_extracti32x4_epi32::<3>(x),
    ]
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn idct_add_luma(coeffs: &[[i16; 16]; 16], mask: BlockMask, mut dst: WindowMut<'_, 16, 16>) {
    let (groups, _) = coeffs.as_chunks::<8>();
    for (n, coeffs) in groups.iter().enumerate() {
        let mask = mask.from(8 * n);
        let rows = dst.sub::<16, 8>(0, 8 * n);
        if mask.any & mask.ac & 0xff == 0 {
            add_rows_of_dcs(coeffs, mask, rows);
        } else if let Some(n) = mask.lone(8) {
            idct_add_4x4(&coeffs[n], rows.into_sub(n % 4 * 4, n / 4 * 4));
        } else {
            idct_add_rows(coeffs, Dcs::Own(mask.any), mask.any & mask.ac, rows);
        }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn idct_add_luma_y2(
    coeffs: &[[i16; 16]; 16],
    dcs: &[i16; 16],
    ac: u32,
    mut dst: WindowMut<'_, 16, 16>,
) {
    let all_dcs = load_i16x16(dcs);
    let any = u32::from(_mm256_test_epi16_mask(all_dcs, all_dcs)) | ac;
    let zero = _mm256_setzero_si256();
    let rounded = _mm256_srai_epi16::<3>(_mm256_add_epi16(all_dcs, _mm256_set1_epi16(4)));
    let minus = _mm256_sub_epi16(zero, rounded);
    let bytes = |x| _mm_packus_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x));
    let (plus, minus) = (bytes(rounded), bytes(minus));
    let (groups, _) = coeffs.as_chunks::<8>();
    let halves = [_mm256_castsi256_si128(all_dcs), _mm256_extracti128_si256::<1>(all_dcs)];
    for (n, (coeffs, dcs)) in groups.iter().zip(halves).enumerate() {
        let mut rows = dst.sub::<16, 8>(0, 8 * n);
        if ac >> (8 * n) & 0xff != 0 {
            idct_add_rows(coeffs, Dcs::Given(dcs), ac >> (8 * n), rows);
            continue;
        }
        for y in [0, 4] {
            if any >> (8 * n + y) & 0xf == 0 {
                continue;
            }
            let order = load_u8x16(&FOUR_TIMES[2 * n + y / 4]);
            let spread = |x| _mm_shuffle_epi8(x, order);
            let dcs = DcsOf { plus: spread(plus), minus: spread(minus) };
            for y in y..y + 4 {
                let row = rows.row_mut(y);
                store_u8x16(row, add_dcs(load_u8x16(row), dcs));
            }
        }
    }
}

/// Four copies of each of four bytes, for each row of blocks.
static FOUR_TIMES: [[u8; 16]; 4] = [
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3],
    [4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7],
    [8, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 11],
    [12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15],
];

/// Two rows of four blocks: arguments as of [`idct_eight`].
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn idct_add_rows(coeffs: &[[i16; 16]; 8], dcs: Dcs, ac: u32, mut rows: WindowMut<'_, 16, 8>) {
    let Some(pairs) = coeffs.as_chunks().0.first_chunk() else { return };
    let row = |y| load_u8x16(rows.row(y));
    let pixels = [join([row(0), row(1), row(2), row(3)]), join([row(4), row(5), row(6), row(7)])];
    let sums = add_columns(pixels, idct_eight(pairs, dcs, ac), &LUMA_IN, &LUMA_BACK);
    for (y, row) in sums.into_iter().flat_map(|x| split(x)).enumerate() {
        store_u8x16(rows.row_mut(y), row);
    }
}

/// The DCs of two rows of four blocks.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn add_rows_of_dcs(coeffs: &[[i16; 16]; 8], mask: BlockMask, mut rows: WindowMut<'_, 16, 8>) {
    for (n, coeffs) in coeffs.as_chunks().0.iter().enumerate() {
        let mask = mask.from(4 * n);
        if mask.any & 0xf == 0 {
            continue;
        }
        let dcs = round_dcs(dcs_of_four(coeffs, mask));
        for y in 4 * n..4 * n + 4 {
            let row = rows.row_mut(y);
            store_u8x16(row, add_dcs(load_u8x16(row), dcs));
        }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn idct_add_chroma(
    coeffs: &[[i16; 16]; 8],
    mask: BlockMask,
    u: WindowMut<'_, 8, 8>,
    v: WindowMut<'_, 8, 8>,
) {
    if mask.any & mask.ac & 0xff == 0 {
        if let [of_u, of_v] = coeffs.as_chunks().0 {
            add_dcs_8x8(of_u, mask, u);
            add_dcs_8x8(of_v, mask.from(4), v);
        }
        return;
    }
    if let Some(n) = mask.lone(8) {
        let plane = if n < 4 { u } else { v };
        return idct_add_4x4(&coeffs[n], plane.into_sub(n % 2 * 4, n % 4 / 2 * 4));
    }
    let Some(pairs) = coeffs.as_chunks().0.first_chunk() else { return };
    let plane = |plane: &WindowMut<'_, 8, 8>| {
        let rows = |y| _mm_unpacklo_epi64(load_u8x8(plane.row(y)), load_u8x8(plane.row(y + 1)));
        join([rows(0), rows(2), rows(4), rows(6)])
    };
    let pixels = [plane(&u), plane(&v)];
    let sums = add_columns(
        pixels,
        idct_eight(pairs, Dcs::Own(mask.any), mask.any & mask.ac),
        &CHROMA_IN,
        &CHROMA_BACK,
    );
    store_8x8(u, sums[0]);
    store_8x8(v, sums[1]);
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")]
fn store_8x8(mut plane: WindowMut<'_, 8, 8>, pixels: __m512i) {
    for (i, rows) in split(pixels).into_iter().enumerate() {
        store_u8x8(plane.row_mut(2 * i), rows);
        store_u8x8(plane.row_mut(2 * i + 1), _mm_unpackhi_epi64(rows, rows));
    }
}
