//! VP8's transforms of one block in 128-bit registers: two rows of four values in each register.
//!
//! The code is expanded once per level, so that it uses only that level's encoding of
//! instructions (SSE or VEX).

/// The single-block transforms, compiled for the given features (at least SSSE3 and SSE4.1).
///
/// A block is `[rows 0 and 1, rows 2 and 3]`, the lower row in the low half.
macro_rules! transform_128 {
    ($features:literal) => {
        #[inline]
        #[target_feature(enable = $features)]
        fn swap_halves(x: __m128i) -> __m128i {
            _mm_shuffle_epi32::<0b01_00_11_10>(x)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn low_halves(a: __m128i, b: __m128i) -> __m128i {
            _mm_unpacklo_epi64(a, b)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn high_halves(a: __m128i, b: __m128i) -> __m128i {
            _mm_unpackhi_epi64(a, b)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn transpose_block([r01, r23]: [__m128i; 2]) -> [__m128i; 2] {
            let (r02, r13) = (_mm_unpacklo_epi16(r01, r23), _mm_unpackhi_epi16(r01, r23));
            [_mm_unpacklo_epi16(r02, r13), _mm_unpackhi_epi16(r02, r13)]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn load_block(from: &[i16; 16]) -> [__m128i; 2] {
            [load_low_i16x8(from), load_high_i16x8(from)]
        }

        /// Four rows of four pixels.
        #[inline]
        #[target_feature(enable = $features)]
        fn load_pixels(from: Window<'_, 4, 4>) -> __m128i {
            let lane = |y| i32::from_le_bytes(*from.row(y));
            _mm_setr_epi32(lane(0), lane(1), lane(2), lane(3))
        }

        /// The second factor of each pair meets the odd lanes.
        #[inline]
        #[target_feature(enable = $features)]
        fn pairs(even: i16, odd: i16) -> __m128i {
            _mm_setr_epi16(even, odd, even, odd, even, odd, even, odd)
        }

        /// Butterfly of a forward pass: `[sum | difference]` of the inner and of the outer pair
        /// of sums, and the rotated differences before rounding.
        #[inline]
        #[target_feature(enable = $features)]
        fn forward_pass([x01, x23]: [__m128i; 2]) -> ForwardPass {
            let x32 = swap_halves(x23);
            // `[03 | 12]`.
            let (sums, difs) = (_mm_add_epi16(x01, x32), _mm_sub_epi16(x01, x32));
            let swapped = swap_halves(sums);
            let even = low_halves(_mm_add_epi16(sums, swapped), _mm_sub_epi16(sums, swapped));
            let mixed = _mm_unpacklo_epi16(difs, swap_halves(difs));
            ForwardPass {
                even,
                first: _mm_madd_epi16(mixed, pairs(5352, 2217)),
                third: _mm_madd_epi16(mixed, pairs(2217, -5352)),
                outer_difs: difs,
            }
        }

        struct ForwardPass {
            /// Coefficients 0 and 2.
            even: __m128i,
            first: __m128i,
            third: __m128i,
            /// In the low half.
            outer_difs: __m128i,
        }

        /// Rows of differences to rows of coefficients.
        #[inline]
        #[target_feature(enable = $features)]
        fn fdct_block(rows: [__m128i; 2]) -> [__m128i; 2] {
            // The factor 8 of the input is taken out of the rotations: 14500 / 8 and 7500 / 8.
            let pass = forward_pass(transpose_block(rows));
            let even = _mm_slli_epi16::<3>(pass.even);
            let first = _mm_srai_epi32::<9>(_mm_add_epi32(pass.first, _mm_set1_epi32(1812)));
            let third = _mm_srai_epi32::<9>(_mm_add_epi32(pass.third, _mm_set1_epi32(937)));
            let odd = _mm_packs_epi32(first, third);
            let (low, high) = (_mm_unpacklo_epi16(even, odd), _mm_unpackhi_epi16(even, odd));
            let rows = [_mm_unpacklo_epi32(low, high), _mm_unpackhi_epi32(low, high)];

            let pass = forward_pass(rows);
            let even = _mm_srai_epi16::<4>(_mm_add_epi16(pass.even, _mm_set1_epi16(7)));
            let first = _mm_srai_epi32::<16>(_mm_add_epi32(pass.first, _mm_set1_epi32(12000)));
            let third = _mm_srai_epi32::<16>(_mm_add_epi32(pass.third, _mm_set1_epi32(51000)));
            // Plus one in coefficient 1 where the outer difference is not zero.
            let is_zero = _mm_cmpeq_epi16(pass.outer_difs, _mm_setzero_si128());
            let one = _mm_andnot_si128(is_zero, _mm_setr_epi16(1, 1, 1, 1, 0, 0, 0, 0));
            let odd = _mm_add_epi16(_mm_packs_epi32(first, third), one);
            [low_halves(even, odd), high_halves(even, odd)]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn fdct_one(cur: Window<'_, 4, 4>, pred: Window<'_, 4, 4>) -> [__m128i; 2] {
            let (cur, pred) = (load_pixels(cur), load_pixels(pred));
            let signs = _mm_set1_epi16(i16::from_le_bytes([1, 255]));
            let rows = [
                _mm_maddubs_epi16(_mm_unpacklo_epi8(cur, pred), signs),
                _mm_maddubs_epi16(_mm_unpackhi_epi8(cur, pred), signs),
            ];
            fdct_block(rows)
        }

        #[target_feature(enable = $features)]
        fn fdct_4x4(cur: Window<'_, 4, 4>, pred: Window<'_, 4, 4>, coeffs: &mut [i16; 16]) {
            let [low, high] = fdct_one(cur, pred);
            store_halves_i16x16(coeffs, low, high);
        }

        /// One pass: products with (++++), (++--), (+--+) and (+-+-).
        #[inline]
        #[target_feature(enable = $features)]
        fn walsh_pass([x01, x23]: [__m128i; 2]) -> [__m128i; 2] {
            let (sums, difs) = (_mm_add_epi16(x01, x23), _mm_sub_epi16(x01, x23));
            let (even, odd) = (low_halves(sums, difs), high_halves(sums, difs));
            [_mm_add_epi16(even, odd), swap_halves(_mm_sub_epi16(even, odd))]
        }

        /// One pass of the transposed matrix.
        #[inline]
        #[target_feature(enable = $features)]
        fn inverse_walsh_pass([x01, x23]: [__m128i; 2]) -> [__m128i; 2] {
            let x32 = swap_halves(x23);
            let (sums, difs) = (_mm_add_epi16(x01, x32), _mm_sub_epi16(x01, x32));
            let (outer, inner) = (low_halves(sums, difs), high_halves(sums, difs));
            [_mm_add_epi16(outer, inner), _mm_sub_epi16(outer, inner)]
        }

        #[target_feature(enable = $features)]
        fn forward_wht(dcs: &[i16; 16]) -> [i16; 16] {
            let columns = transpose_block(walsh_pass(load_block(dcs)));
            let [low, high] = transpose_block(walsh_pass(columns));
            let up_low = _mm_setr_epi16(0, 0, 0, 1, 0, 0, 0, 1);
            let up_high = _mm_setr_epi16(0, 0, 0, 1, 1, 1, 1, 0);
            let mut out = [0; 16];
            store_halves_i16x16(
                &mut out,
                _mm_srai_epi16::<1>(_mm_add_epi16(low, up_low)),
                _mm_srai_epi16::<1>(_mm_add_epi16(high, up_high)),
            );
            out
        }

        #[target_feature(enable = $features)]
        fn inverse_wht(coeffs: &[i16; 16]) -> [i16; 16] {
            let columns = transpose_block(inverse_walsh_pass(load_block(coeffs)));
            let [low, high] = transpose_block(inverse_walsh_pass(columns));
            let three = _mm_set1_epi16(3);
            let mut out = [0; 16];
            store_halves_i16x16(
                &mut out,
                _mm_srai_epi16::<3>(_mm_add_epi16(low, three)),
                _mm_srai_epi16::<3>(_mm_add_epi16(high, three)),
            );
            out
        }

        /// One pass of the inverse DCT across the four rows.
        #[inline]
        #[target_feature(enable = $features)]
        fn inverse_pass([x01, x23]: [__m128i; 2]) -> [__m128i; 2] {
            let even = low_halves(_mm_add_epi16(x01, x23), _mm_sub_epi16(x01, x23));
            let x13 = high_halves(x01, x23);
            // 35468 does not fit: uses 35468 - 65536, and adds the input once more.
            let sin = _mm_add_epi16(x13, _mm_mulhi_epi16(x13, _mm_set1_epi16(-30068)));
            let cos = _mm_add_epi16(x13, _mm_mulhi_epi16(x13, _mm_set1_epi16(20091)));
            let cos = swap_halves(cos);
            // Low half of the difference and high half of the sum: `[d | c]`.
            let odd = _mm_alignr_epi8::<8>(_mm_sub_epi16(sin, cos), _mm_add_epi16(sin, cos));
            [_mm_add_epi16(even, odd), swap_halves(_mm_sub_epi16(even, odd))]
        }

        #[target_feature(enable = $features)]
        pub(in crate::x86) fn idct_add_4x4(coeffs: &[i16; 16], mut dst: WindowMut<'_, 4, 4>) {
            let [low, high] = load_block(coeffs);
            // 4 more in the DC is 4 more in each sum before the final shift.
            let low = _mm_add_epi16(low, _mm_setr_epi16(4, 0, 0, 0, 0, 0, 0, 0));
            let columns = transpose_block(inverse_pass([low, high]));
            let [low, high] = transpose_block(inverse_pass(columns));
            let pixels = load_pixels(dst.as_ref());
            let zero = _mm_setzero_si128();
            let sum = _mm_packus_epi16(
                _mm_add_epi16(_mm_srai_epi16::<3>(low), _mm_unpacklo_epi8(pixels, zero)),
                _mm_add_epi16(_mm_srai_epi16::<3>(high), _mm_unpackhi_epi8(pixels, zero)),
            );
            *dst.row_mut(0) = _mm_extract_epi32::<0>(sum).to_le_bytes();
            *dst.row_mut(1) = _mm_extract_epi32::<1>(sum).to_le_bytes();
            *dst.row_mut(2) = _mm_extract_epi32::<2>(sum).to_le_bytes();
            *dst.row_mut(3) = _mm_extract_epi32::<3>(sum).to_le_bytes();
        }
    };
}
pub(super) use transform_128;
