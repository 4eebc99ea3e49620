//! SSE4.1 kernels: prediction of VP8.

use core::arch::x86_64::*;

use super::cost::{between, by_kind, first_pass_2x8, squares, sum_i32x4, sum_i64x2, weights};
use crate::lanes::replace_entries;
use crate::origins::{CORNER, Origins};
use crate::pairs::sixtap_pair;
use crate::table::Kernels;
use crate::types::{Edges, Edges4, IntraMode, SubblockMode};
use crate::view::{Window, WindowMut};
use crate::x86::memory::{
    load_2x8, load_4x4, load_u8x8, load_u8x16, store_4x4, store_u8x8, store_u8x16,
};

/// `base` with the entries that this file improves.
pub(crate) const fn over(base: Kernels) -> Kernels {
    replace_entries!(base, predict)
}

// The six-tap filter multiplies pairs of bytes by pairs of taps. Only this pairing is exact: the
// sum of the inner pairs (1, 2) and (3, 4) may exceed 32767, in which case it saturates to a value
// that clamps to 255 anyway, and the outer pair (0, 5) is never negative.

/// Taps (1, 2), (3, 4) and (0, 5) of each fraction, in the order of the pairs of bytes.
pub(in crate::x86) const PAIRS: [[i16; 3]; 8] = {
    const fn pairs([a, b, c, d, e, f]: [i8; 6]) -> [i16; 3] {
        const fn pair(a: i8, b: i8) -> i16 {
            i16::from_le_bytes([a.cast_unsigned(), b.cast_unsigned()])
        }
        [pair(b, c), pair(d, e), pair(a, f)]
    }
    [
        [0; 3],
        pairs([0, -6, 123, 12, -1, 0]),
        pairs([2, -11, 108, 36, -8, 1]),
        pairs([0, -9, 93, 50, -6, 0]),
        pairs([3, -16, 77, 77, -16, 3]),
        pairs([0, -6, 50, 93, -9, 0]),
        pairs([1, -8, 36, 108, -11, 2]),
        pairs([0, -1, 12, 123, -6, 0]),
    ]
};

/// Positions of the pairs of pixels for eight results in a row that starts `offset` pixels before
/// the first tap of the first result.
pub(in crate::x86) const fn pairs_of_8(first: u8, second: u8, offset: u8) -> [u8; 16] {
    let mut at = [0; 16];
    let mut x = 0;
    while x < 8 {
        at[2 * x as usize] = x + first + offset;
        at[2 * x as usize + 1] = x + second + offset;
        x += 1;
    }
    at
}

/// Calls the kernel that skips the passes and the taps that are zero.
macro_rules! by_taps {
    ($fx:expr, $fy:expr, $both:ident, $across:ident, $down:ident, $copy:ident,
     ($($arg:expr),*), $refp:expr, $dst:expr) => {{
        use crate::x86::sse41::predict::PAIRS;
        let (fx, fy) = (usize::from($fx & 7), usize::from($fy & 7));
        let (x, y) = (&PAIRS[fx], &PAIRS[fy]);
        match (fx, fy, fx.is_multiple_of(2), fy.is_multiple_of(2)) {
            (0, 0, ..) => $copy($refp, $dst),
            (_, 0, false, _) => $across::<$($arg,)* false>($refp, x, $dst),
            (_, 0, true, _) => $across::<$($arg,)* true>($refp, x, $dst),
            (0, _, _, false) => $down::<$($arg,)* false>($refp, y, $dst),
            (0, _, _, true) => $down::<$($arg,)* true>($refp, y, $dst),
            (_, _, false, false) => $both::<$($arg,)* false, false>($refp, x, y, $dst),
            (_, _, false, true) => $both::<$($arg,)* false, true>($refp, x, y, $dst),
            (_, _, true, false) => $both::<$($arg,)* true, false>($refp, x, y, $dst),
            (_, _, true, true) => $both::<$($arg,)* true, true>($refp, x, y, $dst),
        }
    }};
}
pub(in crate::x86) use by_taps;

/// The three pairs of taps in every lane.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn taps(pairs: &[i16; 3]) -> [__m128i; 3] {
    [_mm_set1_epi16(pairs[0]), _mm_set1_epi16(pairs[1]), _mm_set1_epi16(pairs[2])]
}

/// Eight sums, rounded: pairs of pixels in `inner` and `outer` times their taps.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn filter<const SIX: bool>(inner: [__m128i; 2], outer: __m128i, taps: [__m128i; 3]) -> __m128i {
    let a = _mm_maddubs_epi16(inner[0], taps[0]);
    let sum = _mm_adds_epi16(a, _mm_maddubs_epi16(inner[1], taps[1]));
    let sum = if SIX { _mm_adds_epi16(sum, _mm_maddubs_epi16(outer, taps[2])) } else { sum };
    // x * 256 rounded at bit 15 is (x + 64) >> 7.
    _mm_mulhrs_epi16(sum, _mm_set1_epi16(256))
}

/// Eight results along a row, not yet clamped.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn filter_row<const OFFSET: u8, const SIX: bool>(row: &[u8; 16], taps: [__m128i; 3]) -> __m128i {
    let row = load_u8x16(row);
    let pair = |at: &[u8; 16]| _mm_shuffle_epi8(row, load_u8x16(at));
    let inner =
        [pair(const { &pairs_of_8(1, 2, OFFSET) }), pair(const { &pairs_of_8(3, 4, OFFSET) })];
    filter::<SIX>(inner, pair(const { &pairs_of_8(0, 5, OFFSET) }), taps)
}

/// Stores the two halves as rows `y` and `y + 1`.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn store_rows<const N: usize>(dst: &mut WindowMut<'_, 8, N>, y: usize, rows: __m128i) {
    store_u8x8(dst.row_mut(y), rows);
    store_u8x8(dst.row_mut(y + 1), _mm_unpackhi_epi64(rows, rows));
}

/// Eight columns: `OFFSET` pixels of `refp` lie left of the first tap; `H` is `N + 5`.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn across_8<const H: usize, const N: usize, const OFFSET: u8, const SIX: bool>(
    refp: Window<'_, 16, H>,
    x: &[i16; 3],
    mut dst: WindowMut<'_, 8, N>,
) {
    let taps = taps(x);
    for y in (0..N).step_by(2) {
        let row = |y: usize| filter_row::<OFFSET, SIX>(refp.row(y), taps);
        store_rows(&mut dst, y, _mm_packus_epi16(row(y + 2), row(y + 3)));
    }
}

/// As [`across_8`]. Each register holds two rows of bytes between the passes.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn both_8<
    const H: usize,
    const N: usize,
    const OFFSET: u8,
    const SIX_X: bool,
    const SIX_Y: bool,
>(
    refp: Window<'_, 16, H>,
    x: &[i16; 3],
    y: &[i16; 3],
    mut dst: WindowMut<'_, 8, N>,
) {
    let (x, taps_y) = (taps(x), taps(y));
    let row = |y: usize| filter_row::<OFFSET, SIX_X>(refp.row(y), x);
    let rows = |y: usize| _mm_packus_epi16(row(y), row(y + 1));
    let swap = |rows| _mm_shuffle_epi32::<0b01_00_11_10>(rows);
    // Rows y and y + 1, y + 2 and y + 3, ...; `_turned` has the later row first.
    let second = row(1);
    let first = if SIX_Y { row(0) } else { second };
    let (mut rows_0, mut rows_2, mut rows_4) = (_mm_packus_epi16(first, second), rows(2), rows(4));
    let mut inner_1 = _mm_unpacklo_epi8(swap(rows_0), rows_2);
    let mut inner_2 = _mm_unpacklo_epi8(rows_2, swap(rows_2));
    for y in (0..N).step_by(2) {
        let inner_3 = _mm_unpacklo_epi8(swap(rows_2), rows_4);
        let inner_4 = _mm_unpacklo_epi8(rows_4, swap(rows_4));
        let rows_6 = if y + 7 < H {
            rows(y + 6)
        } else if SIX_Y {
            let last = row(H - 1);
            _mm_packus_epi16(last, last)
        } else {
            rows_4
        };
        let outer_0 = _mm_unpacklo_epi8(rows_0, swap(rows_4));
        let outer_1 = _mm_unpacklo_epi8(swap(rows_0), rows_6);
        let upper = filter::<SIX_Y>([inner_1, inner_3], outer_0, taps_y);
        let lower = filter::<SIX_Y>([inner_2, inner_4], outer_1, taps_y);
        store_rows(&mut dst, y, _mm_packus_epi16(upper, lower));
        (rows_0, rows_2, rows_4) = (rows_2, rows_4, rows_6);
        (inner_1, inner_2) = (inner_3, inner_4);
    }
}

/// As [`across_8`]; the columns are those at `AT` of `refp`.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn down_8<const H: usize, const N: usize, const OFFSET: u8, const SIX: bool>(
    refp: Window<'_, 16, H>,
    y: &[i16; 3],
    mut dst: WindowMut<'_, 8, N>,
) {
    let taps = taps(y);
    let refp = refp.sub::<8, H>(2 + usize::from(OFFSET), 0);
    for y in (0..N).step_by(2) {
        let row = |k: usize| load_u8x8(refp.row(y + k));
        let (row_0, row_1, row_2, row_3) = (row(0), row(1), row(2), row(3));
        let (row_4, row_5, row_6) = (row(4), row(5), row(6));
        let pair = |a, b| _mm_unpacklo_epi8(a, b);
        let upper = [pair(row_1, row_2), pair(row_3, row_4)];
        let lower = [pair(row_2, row_3), pair(row_4, row_5)];
        let upper = filter::<SIX>(upper, pair(row_0, row_5), taps);
        let lower = filter::<SIX>(lower, pair(row_1, row_6), taps);
        store_rows(&mut dst, y, _mm_packus_epi16(upper, lower));
    }
}

/// The inner eight columns.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn copy_16(refp: Window<'_, 21, 21>, mut dst: WindowMut<'_, 16, 16>) {
    dst.copy_from(refp.sub(2, 2));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn across_16<const SIX: bool>(
    refp: Window<'_, 21, 21>,
    x: &[i16; 3],
    mut dst: WindowMut<'_, 16, 16>,
) {
    across_8::<21, 16, 0, SIX>(refp.sub(0, 0), x, dst.sub(0, 0));
    across_8::<21, 16, 3, SIX>(refp.sub(5, 0), x, dst.sub(8, 0));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn down_16<const SIX: bool>(
    refp: Window<'_, 21, 21>,
    y: &[i16; 3],
    mut dst: WindowMut<'_, 16, 16>,
) {
    down_8::<21, 16, 0, SIX>(refp.sub(0, 0), y, dst.sub(0, 0));
    down_8::<21, 16, 3, SIX>(refp.sub(5, 0), y, dst.sub(8, 0));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn both_16<const SIX_X: bool, const SIX_Y: bool>(
    refp: Window<'_, 21, 21>,
    x: &[i16; 3],
    y: &[i16; 3],
    mut dst: WindowMut<'_, 16, 16>,
) {
    both_8::<21, 16, 0, SIX_X, SIX_Y>(refp.sub(0, 0), x, y, dst.sub(0, 0));
    both_8::<21, 16, 3, SIX_X, SIX_Y>(refp.sub(5, 0), x, y, dst.sub(8, 0));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sixtap_16x16(refp: Window<'_, 21, 21>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>) {
    by_taps!(fx, fy, both_16, across_16, down_16, copy_16, (), refp, dst);
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn copy_8(refp: Window<'_, 16, 13>, mut dst: WindowMut<'_, 8, 8>) {
    dst.copy_from(refp.sub(2, 2));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sixtap_8x8(refp: Window<'_, 16, 13>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>) {
    by_taps!(fx, fy, both_8, across_8, down_8, copy_8, (13, 8, 0), refp, dst);
}

sixtap_pair!("sse4.1,ssse3");

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn copy_4(refp: Window<'_, 16, 9>, mut dst: WindowMut<'_, 4, 4>) {
    dst.copy_from(refp.sub(2, 2));
}

/// Rows `y` and `y + 1`, four results each, not yet clamped.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn filter_rows_4<const SIX: bool>(
    upper: &[u8; 16],
    lower: &[u8; 16],
    inner: __m128i,
    outer: __m128i,
) -> __m128i {
    // Pairs (1, 2) of four results, then their pairs (3, 4).
    let at = _mm_setr_epi8(1, 2, 2, 3, 3, 4, 4, 5, 3, 4, 4, 5, 5, 6, 6, 7);
    let (upper, lower) = (load_u8x16(upper), load_u8x16(lower));
    let a = _mm_maddubs_epi16(_mm_shuffle_epi8(upper, at), inner);
    let b = _mm_maddubs_epi16(_mm_shuffle_epi8(lower, at), inner);
    let sum = _mm_adds_epi16(_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b));
    let sum = if SIX {
        let at = _mm_setr_epi8(0, 5, 1, 6, 2, 7, 3, 8, -1, -1, -1, -1, -1, -1, -1, -1);
        let (upper, lower) = (_mm_shuffle_epi8(upper, at), _mm_shuffle_epi8(lower, at));
        _mm_adds_epi16(sum, _mm_maddubs_epi16(_mm_unpacklo_epi64(upper, lower), outer))
    } else {
        sum
    };
    _mm_mulhrs_epi16(sum, _mm_set1_epi16(256))
}

/// Rows `FROM` to `FROM + 3` of the first pass.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn first_pass_4x4<const FROM: usize, const SIX: bool>(
    refp: Window<'_, 16, 9>,
    taps: [__m128i; 3],
) -> __m128i {
    let inner = _mm_unpacklo_epi64(taps[0], taps[1]);
    let rows =
        |y: usize| filter_rows_4::<SIX>(refp.row(y), refp.row((y + 1).min(8)), inner, taps[2]);
    _mm_packus_epi16(rows(FROM), rows((FROM + 2).min(8)))
}

/// The second pass: rows 0 to 3, 4 to 7 and 8 of the first, four pixels each.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn second_pass_4x4<const SIX: bool>([a, b, c]: [__m128i; 3], taps: [__m128i; 3]) -> __m128i {
    let (rows_1, rows_2) = (_mm_alignr_epi8::<4>(b, a), _mm_alignr_epi8::<8>(b, a));
    let (rows_3, rows_5) = (_mm_alignr_epi8::<12>(b, a), _mm_alignr_epi8::<4>(c, b));
    let low = [_mm_unpacklo_epi8(rows_1, rows_2), _mm_unpacklo_epi8(rows_3, b)];
    let high = [_mm_unpackhi_epi8(rows_1, rows_2), _mm_unpackhi_epi8(rows_3, b)];
    let low = filter::<SIX>(low, _mm_unpacklo_epi8(a, rows_5), taps);
    let high = filter::<SIX>(high, _mm_unpackhi_epi8(a, rows_5), taps);
    _mm_packus_epi16(low, high)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn across_4<const SIX: bool>(refp: Window<'_, 16, 9>, x: &[i16; 3], dst: WindowMut<'_, 4, 4>) {
    store_4x4(dst, first_pass_4x4::<2, SIX>(refp, taps(x)));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn down_4<const SIX: bool>(refp: Window<'_, 16, 9>, y: &[i16; 3], dst: WindowMut<'_, 4, 4>) {
    let refp = refp.sub::<4, 9>(2, 0);
    let row = |y: usize| i32::from_le_bytes(*refp.row(y));
    let rows = [
        _mm_set_epi32(row(3), row(2), row(1), row(0)),
        _mm_set_epi32(row(7), row(6), row(5), row(4)),
        _mm_cvtsi32_si128(row(8)),
    ];
    store_4x4(dst, second_pass_4x4::<SIX>(rows, taps(y)));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn both_4<const SIX_X: bool, const SIX_Y: bool>(
    refp: Window<'_, 16, 9>,
    x: &[i16; 3],
    y: &[i16; 3],
    dst: WindowMut<'_, 4, 4>,
) {
    let x = taps(x);
    let (a, b) = (first_pass_4x4::<0, SIX_X>(refp, x), first_pass_4x4::<4, SIX_X>(refp, x));
    let c = if SIX_Y { first_pass_4x4::<8, SIX_X>(refp, x) } else { b };
    store_4x4(dst, second_pass_4x4::<SIX_Y>([a, b, c], taps(y)));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn sixtap_4x4(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 4>) {
    by_taps!(fx, fy, both_4, across_4, down_4, copy_4, (), refp, dst);
}

#[target_feature(enable = "sse4.1,ssse3")]
fn bilinear_16<const X: u8, const Y: u8>(
    refp: Window<'_, 17, 17>,
    fx: u8,
    fy: u8,
    mut dst: WindowMut<'_, 16, 16>,
) {
    let (across, down) = (_mm_set1_epi16(weights(fx)), _mm_set1_epi16(weights(fy)));
    let (left, right) = (refp.sub::<16, 17>(0, 0), refp.sub::<16, 17>(1, 0));
    let first = |y| between::<X>(load_u8x16(left.row(y)), load_u8x16(right.row(y)), across);
    let mut above = first(0);
    for y in 0..16 {
        let below = first(y + 1);
        store_u8x16(dst.row_mut(y), between::<Y>(above, below, down));
        above = below;
    }
}

#[target_feature(enable = "sse4.1,ssse3")]
fn bilinear_16x16(refp: Window<'_, 17, 17>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>) {
    by_kind!(fx, fy, bilinear_16(refp, fx, fy, dst));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn bilinear_8<const X: u8, const Y: u8>(
    refp: Window<'_, 16, 9>,
    fx: u8,
    fy: u8,
    mut dst: WindowMut<'_, 8, 8>,
) {
    let (across, down) = (_mm_set1_epi16(weights(fx)), _mm_set1_epi16(weights(fy)));
    let mut above = first_pass_2x8::<X>(refp, 0, across);
    for y in (0..8).step_by(2) {
        // Rows y + 1 and y + 2; the first is known already.
        let next = first_pass_2x8::<X>(refp, if y == 6 { 7 } else { y + 2 }, across);
        let below = if y == 6 { next } else { _mm_alignr_epi8::<8>(next, above) };
        store_rows(&mut dst, y, between::<Y>(above, below, down));
        above = next;
    }
}

#[target_feature(enable = "sse4.1,ssse3")]
fn bilinear_8x8(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>) {
    by_kind!(fx, fy, bilinear_8(refp, fx, fy, dst));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn bilinear_4x4(refp: Window<'_, 8, 5>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 4>) {
    // A single small block: a branch costs more than a pass without effect.
    const TAPS: u8 = super::cost::TAPS;
    let (across, down) = (_mm_set1_epi16(weights(fx)), _mm_set1_epi16(weights(fy)));
    let pixels = |x: usize, y: usize| i32::from_le_bytes(*refp.sub::<4, 1>(x, y).row(0));
    let rows = |x| _mm_set_epi32(pixels(x, 3), pixels(x, 2), pixels(x, 1), pixels(x, 0));
    let above = between::<TAPS>(rows(0), rows(1), across);
    let last = [_mm_cvtsi32_si128(pixels(0, 4)), _mm_cvtsi32_si128(pixels(1, 4))];
    let last = between::<TAPS>(last[0], last[1], across);
    let below = _mm_alignr_epi8::<4>(last, above);
    store_4x4(dst, between::<TAPS>(above, below, down));
}

/// Rounded mean of the edges that exist, of `N` pixels each, whose sums are given; 128 without.
#[inline]
pub(in crate::x86) fn dc<const N: usize>(edges: &Edges<N>, above: u32, left: u32) -> u8 {
    let shift = N.trailing_zeros();
    let mean = match (edges.has_above, edges.has_left) {
        (true, true) => (above + left + (1 << shift)) >> (shift + 1),
        (true, false) => (above + (1 << (shift - 1))) >> shift,
        (false, true) => (left + (1 << (shift - 1))) >> shift,
        (false, false) => 128,
    };
    mean.to_le_bytes()[0]
}

/// `left + above - top_left`, clamped: the amount by which `above` exceeds the corner is added, and
/// the amount by which it falls short is subtracted; one of them is zero.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn true_motion(left: __m128i, above: __m128i, top_left: __m128i) -> __m128i {
    let (more, less) = (_mm_subs_epu8(above, top_left), _mm_subs_epu8(top_left, above));
    _mm_subs_epu8(_mm_adds_epu8(left, more), less)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn intra_16x16(mode: IntraMode, edges: &Edges<16>, mut dst: WindowMut<'_, 16, 16>) {
    let (above, left) = (load_u8x16(&edges.above), load_u8x16(&edges.left));
    match mode {
        IntraMode::Dc => {
            let zero = _mm_setzero_si128();
            let sums = (sum_i64x2(_mm_sad_epu8(above, zero)), sum_i64x2(_mm_sad_epu8(left, zero)));
            let mean = _mm_set1_epi8(dc(edges, sums.0, sums.1).cast_signed());
            for y in 0..16 {
                store_u8x16(dst.row_mut(y), mean);
            }
        }
        IntraMode::Vertical => {
            for y in 0..16 {
                store_u8x16(dst.row_mut(y), above);
            }
        }
        IntraMode::Horizontal => {
            for (y, left) in edges.left.iter().enumerate() {
                store_u8x16(dst.row_mut(y), _mm_set1_epi8(left.cast_signed()));
            }
        }
        IntraMode::TrueMotion => {
            let top_left = _mm_set1_epi8(edges.top_left.cast_signed());
            for (y, left) in edges.left.iter().enumerate() {
                let left = _mm_set1_epi8(left.cast_signed());
                store_u8x16(dst.row_mut(y), true_motion(left, above, top_left));
            }
        }
    }
}

#[target_feature(enable = "sse4.1,ssse3")]
fn intra_8x8(mode: IntraMode, edges: &Edges<8>, mut dst: WindowMut<'_, 8, 8>) {
    match mode {
        IntraMode::Dc => {
            let both = load_2x8(&edges.above, &edges.left);
            let sums = _mm_sad_epu8(both, _mm_setzero_si128());
            let (above, left) = (_mm_cvtsi128_si32(sums), _mm_extract_epi32::<2>(sums));
            let mean = dc(edges, above.cast_unsigned(), left.cast_unsigned());
            for y in 0..8 {
                *dst.row_mut(y) = [mean; 8];
            }
        }
        IntraMode::Vertical => {
            for y in 0..8 {
                *dst.row_mut(y) = edges.above;
            }
        }
        IntraMode::Horizontal => {
            for (y, &left) in edges.left.iter().enumerate() {
                *dst.row_mut(y) = [left; 8];
            }
        }
        IntraMode::TrueMotion => {
            let above = load_u8x8(&edges.above);
            let (above, left) = (_mm_unpacklo_epi64(above, above), load_u8x8(&edges.left));
            let top_left = _mm_set1_epi8(edges.top_left.cast_signed());
            let mut rows = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
            for y in (0..8).step_by(2) {
                let left = _mm_shuffle_epi8(left, rows);
                store_rows(&mut dst, y, true_motion(left, above, top_left));
                rows = _mm_add_epi8(rows, _mm_set1_epi8(2));
            }
        }
    }
}

/// The values from which the pixels of all modes of a sub-block are taken.
#[derive(Clone, Copy)]
pub(in crate::x86) struct EdgeValues {
    pub(in crate::x86) smooth: __m128i,
    pub(in crate::x86) half: __m128i,
    /// In the lowest byte.
    pub(in crate::x86) mean: __m128i,
    /// The prediction of TrueMotion.
    pub(in crate::x86) motion: __m128i,
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
pub(in crate::x86) fn edge_values(edges: &Edges4) -> EdgeValues {
    let (above, left) = (u64::from_le_bytes(edges.above), u32::from_le_bytes(edges.left));
    // The edge from the bottom left over the corner to the above-right; its last pixel again; the
    // bottom left pixel twice.
    let low = u64::from(left.swap_bytes()) | u64::from(edges.top_left) << 32 | above << 40;
    let bottom = u64::from(edges.left[3]) * 0x0101_0000_0000_0000;
    let high = above >> 24 | u64::from(edges.above[7]) << 40 | bottom;
    let edge = _mm_set_epi64x(high.cast_signed(), low.cast_signed());
    let before =
        _mm_shuffle_epi8(edge, _mm_setr_epi8(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14));
    let after = _mm_srli_si128::<1>(edge);
    // The mean of the outer two rounded down, then its mean with the middle rounded up.
    let odd = _mm_and_si128(_mm_xor_si128(before, after), _mm_set1_epi8(1));
    let outer = _mm_sub_epi8(_mm_avg_epu8(before, after), odd);
    let smooth = _mm_avg_epu8(outer, edge);
    let half = _mm_avg_epu8(edge, after);
    let both = u64::from(left) << 32 | above & 0xffff_ffff;
    let sum = _mm_sad_epu8(_mm_cvtsi64_si128(both.cast_signed()), _mm_setzero_si128());
    let mean = _mm_srli_epi16::<3>(_mm_add_epi16(sum, _mm_set1_epi16(4)));
    let motion = true_motion(
        _mm_shuffle_epi8(edge, _mm_setr_epi8(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0)),
        _mm_shuffle_epi8(edge, _mm_set1_epi32(0x0807_0605)),
        _mm_shuffle_epi8(edge, _mm_set1_epi8(CORNER)),
    );
    EdgeValues { smooth, half, mean, motion }
}

/// The prediction, without a branch on the mode, which is unpredictable.
#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn predicted_4x4(mode: SubblockMode, edge: EdgeValues) -> __m128i {
    let origins = Origins::of(mode);
    let taken = |from, at: &[u8; 16]| _mm_shuffle_epi8(from, load_u8x16(at));
    let lines = _mm_or_si128(taken(edge.smooth, &origins.smooth), taken(edge.half, &origins.half));
    let motion = _mm_and_si128(edge.motion, load_u8x16(&origins.true_motion));
    let others = _mm_or_si128(taken(edge.mean, &origins.dc), motion);
    _mm_or_si128(lines, others)
}

#[target_feature(enable = "sse4.1,ssse3")]
fn intra_4x4(mode: SubblockMode, edges: &Edges4, dst: WindowMut<'_, 4, 4>) {
    store_4x4(dst, predicted_4x4(mode, edge_values(edges)));
}

#[target_feature(enable = "sse4.1,ssse3")]
fn intra_4x4_all(
    cur: Window<'_, 4, 4>,
    edges: &Edges4,
    predictions: &mut [[[u8; 4]; 4]; 10],
) -> [u32; 10] {
    let (cur, edge) = (load_4x4(cur), edge_values(edges));
    let (blocks, _) = predictions.as_flattened_mut().as_flattened_mut().as_chunks_mut();
    let mut errors = [0; 10];
    for ((mode, block), error) in SubblockMode::ALL.into_iter().zip(blocks).zip(&mut errors) {
        let pixels = predicted_4x4(mode, edge);
        store_u8x16(block, pixels);
        *error = sum_i32x4(squares(cur, pixels));
    }
    errors
}
