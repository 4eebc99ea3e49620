//! AVX2 kernels: forward transforms and quantisation of H.264. In the transforms, a register holds
//! a row of four 4x4 blocks or two 8x8 blocks, half of them in each 128-bit lane. In quantisation,
//! it holds one 4x4 block or two columns of an 8x8 block.

use core::arch::x86_64::*;

use crate::h264_quantiser::{
    ERROR_4X4, ERROR_8X8, ErrorWeights, H264Quantised, H264Quantiser, SCAN_PLACE_8X8,
};
use crate::lanes::lanes_h264_forward_passes;
use crate::table::Kernels;
use crate::types::{Block16, BlockUv};
use crate::x86::memory::{load_i16x16, load_u8x16, store_i16x16};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    Kernels {
        h264_fdct_luma,
        h264_fdct_luma_8x8,
        h264_fdct_chroma,
        h264_quantise_4x4,
        h264_coeff_sse_4x4,
        h264_transform_quantise_luma,
        h264_transform_quantise_luma_8x8,
        h264_transform_quantise_chroma,
        ..base
    }
}

// ---- transforms ----

/// The operations of `lanes_h264_forward_passes`, on sixteen numbers.
type I16x8 = __m256i;

macro_rules! ops {
    ($($name:ident, $op:ident;)*) => {
        $(
            #[inline]
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
            fn $name(a: I16x8, b: I16x8) -> I16x8 {
                $op(a, b)
            }
        )*
    };
}

ops! {
    add_i16, _mm256_add_epi16;
    sub_i16, _mm256_sub_epi16;
    zip_low_i16, _mm256_unpacklo_epi16;
    zip_high_i16, _mm256_unpackhi_epi16;
    low_halves, _mm256_unpacklo_epi64;
    high_halves, _mm256_unpackhi_epi64;
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn shr_i16<const N: i32>(a: I16x8) -> I16x8 {
    _mm256_srai_epi16::<N>(a)
}

lanes_h264_forward_passes!("avx2,bmi1,bmi2,lzcnt");

/// Differences of a row of sixteen pixels.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn difference(cur: &[u8; 16], pred: &[u8; 16]) -> __m256i {
    let (cur, pred) = (load_u8x16(cur), load_u8x16(pred));
    _mm256_sub_epi16(_mm256_cvtepu8_epi16(cur), _mm256_cvtepu8_epi16(pred))
}

/// Four blocks, one in each register, from four rows of sixteen pixels.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn fdct_four(cur: &[[u8; 16]; 4], pred: &[[u8; 16]; 4]) -> [__m256i; 4] {
    let row = |y: usize| difference(&cur[y], &pred[y]);
    let x = forward_4([row(0), row(1), row(2), row(3)]);
    // Each half of a lane is a block, whose rows become its columns.
    let (a, b) = (zip_low_i16(x[0], x[2]), zip_low_i16(x[1], x[3]));
    let (c, d) = (zip_high_i16(x[0], x[2]), zip_high_i16(x[1], x[3]));
    let left = [zip_low_i16(a, b), zip_high_i16(a, b)];
    let right = [zip_low_i16(c, d), zip_high_i16(c, d)];
    let [a, b, c, d] = forward_4([
        low_halves(left[0], right[0]),
        high_halves(left[0], right[0]),
        low_halves(left[1], right[1]),
        high_halves(left[1], right[1]),
    ]);
    let (first_01, first_23) = (low_halves(a, b), low_halves(c, d));
    let (second_01, second_23) = (high_halves(a, b), high_halves(c, d));
    [
        _mm256_permute2x128_si256::<0x20>(first_01, first_23),
        _mm256_permute2x128_si256::<0x20>(second_01, second_23),
        _mm256_permute2x128_si256::<0x31>(first_01, first_23),
        _mm256_permute2x128_si256::<0x31>(second_01, second_23),
    ]
}

/// Two 8x8 blocks, each as registers of two columns, from eight rows of sixteen pixels.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn fdct_two_large(cur: &[[u8; 16]; 8], pred: &[[u8; 16]; 8]) -> [[__m256i; 4]; 2] {
    let mut rows = [_mm256_setzero_si256(); 8];
    for (row, (cur, pred)) in rows.iter_mut().zip(cur.iter().zip(pred)) {
        *row = difference(cur, pred);
    }
    let mut x = forward_8(rows);
    // A transposition: the address of a number, register number first, rotates by three bits.
    for _ in 0..3 {
        let from = x;
        for i in 0..4 {
            x[2 * i] = zip_low_i16(from[i], from[i + 4]);
            x[2 * i + 1] = zip_high_i16(from[i], from[i + 4]);
        }
    }
    let x = forward_8(x);
    let mut blocks = [[_mm256_setzero_si256(); 4]; 2];
    for i in 0..4 {
        blocks[0][i] = _mm256_permute2x128_si256::<0x20>(x[2 * i], x[2 * i + 1]);
        blocks[1][i] = _mm256_permute2x128_si256::<0x31>(x[2 * i], x[2 * i + 1]);
    }
    blocks
}

/// Number in decoding order of the blocks of the row `row` of blocks.
#[inline]
const fn numbers(row: usize) -> [usize; 4] {
    let first = row / 2 * 8 + row % 2 * 2;
    [first, first + 1, first + 4, first + 5]
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_fdct_luma(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 16]; 16]) {
    let rows = cur.0.as_chunks().0.iter().zip(pred.0.as_chunks().0);
    for (row, (cur, pred)) in rows.enumerate().take(4) {
        for (n, block) in numbers(row).into_iter().zip(fdct_four(cur, pred)) {
            store_i16x16(&mut coeffs[n], block);
        }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_fdct_luma_8x8(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 64]; 4]) {
    let rows = cur.0.as_chunks().0.iter().zip(pred.0.as_chunks().0);
    for (coeffs, (cur, pred)) in coeffs.as_chunks_mut::<2>().0.iter_mut().zip(rows) {
        for (to, block) in coeffs.iter_mut().zip(fdct_two_large(cur, pred)) {
            store_large(to, block);
        }
    }
}

/// Two blocks of U and two of V, from the upper or lower half.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn fdct_chroma_half(cur: &BlockUv, pred: &BlockUv, half: usize) -> [__m256i; 4] {
    let (cur, pred) = (cur.0.as_chunks().0, pred.0.as_chunks().0);
    fdct_four(&cur[half], &pred[half])
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_fdct_chroma(cur: &BlockUv, pred: &BlockUv, coeffs: &mut [[i16; 16]; 8]) {
    for half in 0..2 {
        for (n, block) in numbers(half).into_iter().zip(fdct_chroma_half(cur, pred, half)) {
            store_i16x16(&mut coeffs[n], block);
        }
    }
}

// ---- quantisation ----

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn is_any(mask: __m256i) -> bool {
    _mm256_testz_si256(mask, mask) == 0
}

/// The magnitude of -32768 is 32767.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn saturating_abs(x: __m256i) -> __m256i {
    _mm256_max_epi16(x, _mm256_subs_epi16(_mm256_setzero_si256(), x))
}

/// Values that all positions of a [`H264Quantiser`] have in common.
#[derive(Clone, Copy)]
struct Common {
    /// A `round` of 1/4096 of a level.
    unit: __m256i,
    shift: __m128i,
    most: __m256i,
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn common<const N: usize>(quantiser: &H264Quantiser<N>) -> Common {
    let shift = quantiser.shift.clamp(12, 24);
    Common {
        unit: _mm256_set1_epi16(1 << (shift - 12)),
        shift: _mm_cvtsi32_si128(i32::from(shift)),
        most: _mm256_set1_epi16(H264Quantiser::<N>::MAX_LEVEL),
    }
}

/// The levels of magnitudes; `factors` are multipliers and rounds, interleaved.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn levels_of(magnitudes: __m256i, factors: [__m256i; 2], q: Common) -> __m256i {
    let low = _mm256_madd_epi16(_mm256_unpacklo_epi16(magnitudes, q.unit), factors[0]);
    let high = _mm256_madd_epi16(_mm256_unpackhi_epi16(magnitudes, q.unit), factors[1]);
    let (low, high) = (_mm256_sra_epi32(low, q.shift), _mm256_sra_epi32(high, q.shift));
    _mm256_min_epi16(_mm256_packs_epi32(low, high), q.most)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn interleaved(multipliers: &[i16; 16], rounds: &[i16; 16]) -> [__m256i; 2] {
    let (multipliers, rounds) = (load_i16x16(multipliers), load_i16x16(rounds));
    [_mm256_unpacklo_epi16(multipliers, rounds), _mm256_unpackhi_epi16(multipliers, rounds)]
}

/// `x + x * weight`.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn weighted(x: __m256i, weight: __m256i) -> __m256i {
    _mm256_add_epi16(x, _mm256_mulhrs_epi16(x, weight))
}

/// `sums + errors²` of pairs in 32-bit lanes, saturated.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn add_errors(sums: __m256i, a: __m256i, b: __m256i) -> __m256i {
    let error = _mm256_subs_epi16(a, b);
    let squares = _mm256_madd_epi16(error, error);
    let room = _mm256_xor_si256(sums, _mm256_set1_epi32(-1));
    _mm256_add_epi32(sums, _mm256_min_epu32(squares, room))
}

/// The sum as 1/16 of the squared error of pixels.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn in_sixteenths(sums: __m256i, post_shift: u32) -> u32 {
    let even = _mm256_and_si256(sums, _mm256_set1_epi64x(0xffff_ffff));
    let pairs = _mm256_add_epi64(even, _mm256_srli_epi64::<32>(sums));
    let both = _mm_add_epi64(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
    let all = _mm_cvtsi128_si64(_mm_add_epi64(both, _mm_unpackhi_epi64(both, both)));
    let sum = all.cast_unsigned().min(u64::from(u32::MAX)) + (1 << (post_shift - 1));
    u32::try_from(sum >> post_shift).unwrap_or(u32::MAX)
}

/// A bit for each number, set if it is not zero.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn not_zero(x: __m256i) -> u16 {
    let bytes = _mm_packs_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x));
    let is_zero = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
    let [low, high, ..] = (!is_zero).to_le_bytes();
    u16::from_le_bytes([low, high])
}

// ---- 4x4 ----

/// A quantiser in registers.
#[derive(Clone, Copy)]
struct Factors<'a> {
    factors: [__m256i; 2],
    limits: __m256i,
    scales: __m256i,
    /// Zero at a DC that is not quantised.
    kept: __m256i,
    weights: __m256i,
    value_weights: __m256i,
    common: Common,
    from: &'a H264Quantiser<16>,
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn factors(from: &H264Quantiser<16>) -> Factors<'_> {
    let without_dc =
        _mm256_setr_epi16(0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    Factors {
        factors: interleaved(&from.multipliers, &from.rounds),
        limits: load_i16x16(&from.limits),
        scales: load_i16x16(&from.scales),
        kept: if from.has_dc { _mm256_set1_epi16(-1) } else { without_dc },
        weights: load_i16x16(&ERROR_4X4.coeff),
        value_weights: load_i16x16(&ERROR_4X4.dequantised),
        common: common(from),
        from,
    }
}

/// Destinations of one block's results.
struct Block<'a> {
    levels: &'a mut [i16; 16],
    dequantised: &'a mut [i16; 16],
    positions: &'a mut u16,
}

/// Inputs of the masks of a [`H264Quantised`].
#[derive(Clone, Copy, Default)]
struct Masks {
    coded: u32,
    large: u32,
}

/// A block in columns to zig-zag order.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn in_scan_order(block: __m256i) -> __m256i {
    let swapped = _mm256_permute4x64_epi64::<0b01_00_11_10>(block);
    let own = _mm256_setr_epi8(
        0, 1, 8, 9, 2, 3, 4, 5, 10, 11, -1, -1, -1, -1, -1, -1, //
        -1, -1, -1, -1, -1, -1, 4, 5, 10, 11, 12, 13, 6, 7, 14, 15,
    );
    let other = _mm256_setr_epi8(
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 8, 9, 2, 3, //
        12, 13, 6, 7, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    );
    _mm256_or_si256(_mm256_shuffle_epi8(block, own), _mm256_shuffle_epi8(swapped, other))
}

/// A block of coefficients, with a DC of 0 if it is coded separately.
#[derive(Clone, Copy)]
struct Input {
    coeffs: __m256i,
    magnitudes: __m256i,
    /// In the scale of the weighted dequantised values.
    target: __m256i,
}

/// Quantises block `n`, which has a level. Returns `sums` with its squared errors.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn quantise_block(
    input: Input,
    q: &Factors<'_>,
    n: usize,
    out: &mut Block<'_>,
    masks: &mut Masks,
    sums: __m256i,
) -> __m256i {
    let magnitudes = levels_of(input.magnitudes, q.factors, q.common);
    let above = _mm256_cmpgt_epi16(magnitudes, _mm256_set1_epi16(1));
    let levels = _mm256_sign_epi16(magnitudes, input.coeffs);
    let in_order = in_scan_order(levels);
    *out.positions = not_zero(in_order);
    store_i16x16(out.levels, in_order);
    masks.coded |= u32::from(*out.positions != 0) << n;
    masks.large |= u32::from(is_any(above)) << n;
    let values = if q.from.right == 0 {
        let values = _mm256_mullo_epi16(levels, q.scales);
        store_i16x16(out.dequantised, values);
        values
    } else {
        store_i16x16(out.dequantised, levels);
        q.from.dequantise_all(out.dequantised);
        load_i16x16(out.dequantised)
    };
    add_errors(sums, input.target, weighted(values, q.value_weights))
}

/// Destinations of the results of four blocks.
struct Four<'a> {
    levels: &'a mut [[i16; 16]; 4],
    dequantised: &'a mut [[i16; 16]; 4],
    positions: &'a mut [u16; 4],
    dcs: &'a mut [i16; 4],
}

/// Quantises four blocks of coefficients of pixels, the first of which is block `first`. Returns
/// their squared error.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn quantise_four(
    blocks: [__m256i; 4],
    q: &Factors<'_>,
    first: usize,
    out: Four<'_>,
    masks: &mut Masks,
) -> u32 {
    let zero = _mm256_setzero_si256();
    *out.dcs = first_of(blocks);
    let mut inputs = [Input { coeffs: zero, magnitudes: zero, target: zero }; 4];
    let (mut sums, mut above) = (zero, zero);
    for (input, block) in inputs.iter_mut().zip(blocks) {
        let coeffs = _mm256_and_si256(block, q.kept);
        let magnitudes = _mm256_abs_epi16(coeffs);
        let target = weighted(_mm256_add_epi16(coeffs, coeffs), q.weights);
        *input = Input { coeffs, magnitudes, target };
        above = _mm256_or_si256(above, _mm256_cmpgt_epi16(magnitudes, q.limits));
        // Without levels the error is the energy of 64 pixels, which needs no saturation.
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(target, target));
    }
    if is_any(above) {
        sums = zero;
        let outs = out.levels.iter_mut().zip(out.dequantised).zip(out.positions);
        for ((n, input), ((levels, dequantised), positions)) in (first..).zip(inputs).zip(outs) {
            let out = &mut Block { levels, dequantised, positions };
            sums = quantise_block(input, q, n, out, masks, sums);
        }
    } else {
        for (levels, dequantised) in out.levels.iter_mut().zip(out.dequantised) {
            store_i16x16(levels, zero);
            store_i16x16(dequantised, zero);
        }
        *out.positions = [0; 4];
    }
    in_sixteenths(sums, ErrorWeights::<16>::POST_SHIFT)
}

/// The first coefficient of each block.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn first_of(blocks: [__m256i; 4]) -> [i16; 4] {
    let [a, b, c, d] = blocks.map(
        #[inline]
        |block| _mm256_castsi256_si128(block),
    );
    let (ab, cd) = (_mm_unpacklo_epi16(a, b), _mm_unpacklo_epi16(c, d));
    let [a, b, c, d, e, f, g, h] = _mm_cvtsi128_si64(_mm_unpacklo_epi32(ab, cd)).to_le_bytes();
    [[a, b], [c, d], [e, f], [g, h]].map(i16::from_le_bytes)
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_quantise_4x4(
    coeffs: &[[i16; 16]],
    quantiser: &H264Quantiser<16>,
    levels: &mut [[i16; 16]],
    dequantised: &mut [[i16; 16]],
    positions: &mut [u16],
) -> H264Quantised<1> {
    assert!(
        coeffs.len() == levels.len()
            && coeffs.len() == dequantised.len()
            && coeffs.len() == positions.len()
            && coeffs.len() <= 32,
        "as many blocks in as out, at most 32"
    );
    let (q, mut masks, mut sums) = (factors(quantiser), Masks::default(), _mm256_setzero_si256());
    let blocks = coeffs.iter().zip(levels).zip(dequantised).zip(positions);
    for (n, (((coeffs, levels), dequantised), positions)) in blocks.enumerate() {
        let coeffs = _mm256_and_si256(load_i16x16(coeffs), q.kept);
        let target = weighted(_mm256_add_epi16(coeffs, coeffs), q.weights);
        let input = Input { coeffs, magnitudes: saturating_abs(coeffs), target };
        let out = &mut Block { levels, dequantised, positions };
        sums = quantise_block(input, &q, n, out, &mut masks, sums);
    }
    let sse = [in_sixteenths(sums, ErrorWeights::<16>::POST_SHIFT)];
    H264Quantised { coded: masks.coded, large: masks.large, sse }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_coeff_sse_4x4(coeffs: &[[i16; 16]], dequantised: &[[i16; 16]]) -> u32 {
    assert_eq!(coeffs.len(), dequantised.len(), "as many blocks on both sides");
    let (weights, value_weights) =
        (load_i16x16(&ERROR_4X4.coeff), load_i16x16(&ERROR_4X4.dequantised));
    let mut sums = _mm256_setzero_si256();
    for (coeffs, values) in coeffs.iter().zip(dequantised) {
        let coeffs = load_i16x16(coeffs);
        let target = weighted(_mm256_add_epi16(coeffs, coeffs), weights);
        sums = add_errors(sums, target, weighted(load_i16x16(values), value_weights));
    }
    in_sixteenths(sums, ErrorWeights::<16>::POST_SHIFT)
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_transform_quantise_luma(
    cur: &Block16,
    pred: &Block16,
    quantiser: &H264Quantiser<16>,
    levels: &mut [[i16; 16]; 16],
    dequantised: &mut [[i16; 16]; 16],
    positions: &mut [u16; 16],
    dcs: &mut [i16; 16],
) -> H264Quantised<4> {
    let (q, mut masks, mut sse) = (factors(quantiser), Masks::default(), [0; 4]);
    let (cur, pred) = (cur.0.as_chunks().0, pred.0.as_chunks().0);
    let (levels, dequantised) = (levels.as_chunks_mut().0, dequantised.as_chunks_mut().0);
    let (positions, dcs) = (positions.as_chunks_mut().0, dcs.as_chunks_mut().0);
    for half in 0..2 {
        let upper = fdct_four(&cur[2 * half], &pred[2 * half]);
        let lower = fdct_four(&cur[2 * half + 1], &pred[2 * half + 1]);
        for side in 0..2 {
            let (part, at) = (2 * half + side, 2 * side);
            let blocks = [upper[at], upper[at + 1], lower[at], lower[at + 1]];
            let (levels, dequantised) = (&mut levels[part], &mut dequantised[part]);
            let (positions, dcs) = (&mut positions[part], &mut dcs[part]);
            let out = Four { levels, dequantised, positions, dcs };
            sse[part] = quantise_four(blocks, &q, 4 * part, out, &mut masks);
        }
    }
    H264Quantised { coded: masks.coded, large: masks.large, sse }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_transform_quantise_chroma(
    cur: &BlockUv,
    pred: &BlockUv,
    quantisers: [&H264Quantiser<16>; 2],
    levels: &mut [[i16; 16]; 8],
    dequantised: &mut [[i16; 16]; 8],
    positions: &mut [u16; 8],
    dcs: &mut [i16; 8],
) -> H264Quantised<2> {
    let [upper, lower] = [fdct_chroma_half(cur, pred, 0), fdct_chroma_half(cur, pred, 1)];
    let (mut masks, mut sse) = (Masks::default(), [0; 2]);
    let (levels, dequantised) = (levels.as_chunks_mut().0, dequantised.as_chunks_mut().0);
    let (positions, dcs) = (positions.as_chunks_mut().0, dcs.as_chunks_mut().0);
    for (plane, quantiser) in quantisers.into_iter().enumerate() {
        let at = 2 * plane;
        let blocks = [upper[at], upper[at + 1], lower[at], lower[at + 1]];
        let (levels, dequantised) = (&mut levels[plane], &mut dequantised[plane]);
        let (positions, dcs) = (&mut positions[plane], &mut dcs[plane]);
        let out = Four { levels, dequantised, positions, dcs };
        sse[plane] = quantise_four(blocks, &factors(quantiser), 4 * plane, out, &mut masks);
    }
    H264Quantised { coded: masks.coded, large: masks.large, sse }
}

// ---- 8x8 ----

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn load_large(from: &[i16; 64]) -> [__m256i; 4] {
    let mut columns = [_mm256_setzero_si256(); 4];
    for (columns, from) in columns.iter_mut().zip(from.as_chunks().0) {
        *columns = load_i16x16(from);
    }
    columns
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn store_large(to: &mut [i16; 64], block: [__m256i; 4]) {
    for (to, columns) in to.as_chunks_mut().0.iter_mut().zip(block) {
        store_i16x16(to, columns);
    }
}

/// The sum of squared errors of an 8x8 block, in sixteenths.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn error_of_large(coeffs: [__m256i; 4], values: [__m256i; 4]) -> u32 {
    let (weights, value_weights) =
        (load_large(&ERROR_8X8.coeff), load_large(&ERROR_8X8.dequantised));
    let mut sums = _mm256_setzero_si256();
    for i in 0..4 {
        let target = weighted(coeffs[i], weights[i]);
        sums = add_errors(sums, target, weighted(values[i], value_weights[i]));
    }
    in_sixteenths(sums, ErrorWeights::<64>::POST_SHIFT)
}

/// Destinations of an 8x8 block's results.
struct Large<'a> {
    levels: &'a mut [i16; 64],
    dequantised: &'a mut [i16; 64],
    positions: &'a mut u64,
}

/// Quantises the 8x8 block `n`. Returns its squared error.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn quantise_large(
    mut coeffs: [__m256i; 4],
    quantiser: &H264Quantiser<64>,
    n: usize,
    out: &mut Large<'_>,
    masks: &mut Masks,
) -> u32 {
    let zero = _mm256_setzero_si256();
    if !quantiser.has_dc {
        coeffs[0] = _mm256_insert_epi16::<0>(coeffs[0], 0);
    }
    store_large(out.levels, [zero; 4]);
    *out.positions = 0;
    let (limits, mut above) = (load_large(&quantiser.limits), zero);
    for i in 0..4 {
        let is_above = _mm256_cmpgt_epi16(saturating_abs(coeffs[i]), limits[i]);
        above = _mm256_or_si256(above, is_above);
    }
    if !is_any(above) {
        store_large(out.dequantised, [zero; 4]);
        return error_of_large(coeffs, [zero; 4]);
    }
    let q = common(quantiser);
    let (multipliers, _) = quantiser.multipliers.as_chunks();
    let (rounds, _) = quantiser.rounds.as_chunks();
    let (mut levels, mut largest, mut coded) = ([zero; 4], zero, 0);
    for i in 0..4 {
        let factors = interleaved(&multipliers[i], &rounds[i]);
        let magnitudes = levels_of(saturating_abs(coeffs[i]), factors, q);
        largest = _mm256_max_epi16(largest, magnitudes);
        levels[i] = _mm256_sign_epi16(magnitudes, coeffs[i]);
        coded |= u64::from(not_zero(levels[i])) << (16 * i);
    }
    let mut by_column = [0; 64];
    store_large(&mut by_column, levels);
    masks.coded |= u32::from(coded != 0) << n;
    masks.large |= u32::from(is_any(_mm256_cmpgt_epi16(largest, _mm256_set1_epi16(1)))) << n;
    let mut rest = coded;
    while rest != 0 {
        let position = rest.trailing_zeros() as usize % 64;
        let place = usize::from(SCAN_PLACE_8X8[position]) % 64;
        out.levels[place] = by_column[position];
        *out.positions |= 1 << place;
        rest &= rest - 1;
    }
    if quantiser.right == 0 {
        let scales = load_large(&quantiser.scales);
        for i in 0..4 {
            levels[i] = _mm256_mullo_epi16(levels[i], scales[i]);
        }
        store_large(out.dequantised, levels);
    } else {
        *out.dequantised = by_column;
        quantiser.dequantise_all(out.dequantised);
        levels = load_large(out.dequantised);
    }
    error_of_large(coeffs, levels)
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn h264_transform_quantise_luma_8x8(
    cur: &Block16,
    pred: &Block16,
    quantiser: &H264Quantiser<64>,
    levels: &mut [[i16; 64]; 4],
    dequantised: &mut [[i16; 64]; 4],
    positions: &mut [u64; 4],
) -> H264Quantised<4> {
    let (mut masks, mut sse) = (Masks::default(), [0; 4]);
    let rows = cur.0.as_chunks().0.iter().zip(pred.0.as_chunks().0);
    for (row, (cur, pred)) in rows.enumerate().take(2) {
        for (n, block) in (2 * row..).zip(fdct_two_large(cur, pred)) {
            let (levels, dequantised) = (&mut levels[n], &mut dequantised[n]);
            let out = &mut Large { levels, dequantised, positions: &mut positions[n] };
            sse[n] = quantise_large(block, quantiser, n, out, &mut masks);
        }
    }
    H264Quantised { coded: masks.coded, large: masks.large, sse }
}
