//! VP8's loop filter for sixteen segments (runs of pixels across an edge) in 128-bit registers,
//! with instructions that `crate::lanes` does not provide.
//!
//! The code is expanded once per level, so that it uses only that level's encoding of
//! instructions (SSE, VEX or EVEX).

/// The filters of segments, compiled for the given features (at least SSSE3 and SSE4.1).
macro_rules! loop_filter_128 {
    ($features:literal) => {
        /// `|p0 - q0| * 2 + |p1 - q1| / 2`, saturated.
        #[inline]
        #[target_feature(enable = $features)]
        fn edge_step([p1, p0, q0, q1]: [__m128i; 4]) -> __m128i {
            let (near, far) = (abs_diff(p0, q0), abs_diff(p1, q1));
            let half = _mm_and_si128(_mm_srli_epi16::<1>(far), splat_u8(0x7f));
            _mm_adds_epu8(_mm_adds_epu8(near, near), half)
        }

        /// Masks: segments to be filtered, and segments without high edge variance.
        #[inline]
        #[target_feature(enable = $features)]
        fn thresholds(s: &Segments, limits: Limits) -> (__m128i, __m128i) {
            let [p3, p2, p1, p0, q0, q1, q2, q3] = *s;
            let zero = _mm_setzero_si128();
            let near = _mm_max_epu8(abs_diff(p1, p0), abs_diff(q1, q0));
            let far_p = _mm_max_epu8(abs_diff(p3, p2), abs_diff(p2, p1));
            let far_q = _mm_max_epu8(abs_diff(q3, q2), abs_diff(q2, q1));
            let all = _mm_max_epu8(near, _mm_max_epu8(far_p, far_q));
            let over = _mm_or_si128(
                _mm_subs_epu8(all, limits.interior),
                _mm_subs_epu8(edge_step([p1, p0, q0, q1]), limits.edge),
            );
            let smooth = _mm_cmpeq_epi8(_mm_subs_epu8(near, limits.hev), zero);
            (_mm_cmpeq_epi8(over, zero), smooth)
        }

        /// `clamp(outer + 3 * (q0 - p0))`; the three sums may saturate one by one.
        #[inline]
        #[target_feature(enable = $features)]
        fn edge_weight(outer: __m128i, p0: __m128i, q0: __m128i) -> __m128i {
            let d = _mm_subs_epi8(q0, p0);
            _mm_adds_epi8(_mm_adds_epi8(_mm_adds_epi8(outer, d), d), d)
        }

        /// `clamp(w + rounding) >> 3`, plus 16: 0..=31.
        #[inline]
        #[target_feature(enable = $features)]
        fn eighth_plus_16(flipped_w: __m128i, rounding: u8) -> __m128i {
            let sum = _mm_adds_epu8(flipped_w, splat_u8(rounding));
            _mm_and_si128(_mm_srli_epi16::<3>(sum), splat_u8(0x1f))
        }

        /// The signed `p0` and `q0` moved by `w`, and the change of `q0` plus 16.
        #[inline]
        #[target_feature(enable = $features)]
        fn adjust(w: __m128i, p0: __m128i, q0: __m128i) -> (__m128i, __m128i, __m128i) {
            let w = flip(w);
            let (for_q, for_p) = (eighth_plus_16(w, 4), eighth_plus_16(w, 3));
            let p0 = _mm_adds_epi8(p0, _mm_sub_epi8(for_p, splat_u8(16)));
            let q0 = _mm_subs_epi8(q0, _mm_sub_epi8(for_q, splat_u8(16)));
            (p0, q0, for_q)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn simple_segments(s: [__m128i; 4], limit: __m128i) -> [__m128i; 2] {
            let over = _mm_subs_epu8(edge_step(s), limit);
            let filtered = _mm_cmpeq_epi8(over, _mm_setzero_si128());
            let [p1, p0, q0, q1] = [flip(s[0]), flip(s[1]), flip(s[2]), flip(s[3])];
            let w = _mm_and_si128(edge_weight(_mm_subs_epi8(p1, q1), p0, q0), filtered);
            let (p0, q0, _) = adjust(w, p0, q0);
            [flip(p0), flip(q0)]
        }

        /// Operations on `p3` and `p2` come last: in a macroblock, the previous edge has just
        /// written these.
        #[inline]
        #[target_feature(enable = $features)]
        fn inner_segments(s: &mut Segments, limits: Limits) {
            let [p3, p2, p1, p0, q0, q1, q2, q3] = *s;
            let zero = _mm_setzero_si128();
            let near = _mm_max_epu8(abs_diff(p1, p0), abs_diff(q1, q0));
            let far = _mm_max_epu8(abs_diff(q2, q1), abs_diff(q3, q2));
            let over = _mm_or_si128(
                _mm_subs_epu8(_mm_max_epu8(near, far), limits.interior),
                _mm_subs_epu8(edge_step([p1, p0, q0, q1]), limits.edge),
            );
            let smooth = _mm_cmpeq_epi8(_mm_subs_epu8(near, limits.hev), zero);

            let [p1, p0, q0, q1] = [flip(p1), flip(p0), flip(q0), flip(q1)];
            let outer = _mm_andnot_si128(smooth, _mm_subs_epi8(p1, q1));
            let w = flip(edge_weight(outer, p0, q0));
            let (for_q, for_p) = (eighth_plus_16(w, 4), eighth_plus_16(w, 3));
            // The mean with 0 is half of the change, rounded up, plus 8.
            let half = _mm_sub_epi8(_mm_avg_epu8(for_q, zero), splat_u8(8));
            let half = _mm_and_si128(half, smooth);
            let (for_q, for_p) =
                (_mm_sub_epi8(for_q, splat_u8(16)), _mm_sub_epi8(for_p, splat_u8(16)));

            let late = _mm_max_epu8(abs_diff(p2, s[2]), abs_diff(p3, p2));
            let over = _mm_or_si128(over, _mm_subs_epu8(late, limits.interior));
            let filtered = _mm_cmpeq_epi8(over, zero);
            let half = _mm_and_si128(half, filtered);
            s[2] = flip(_mm_adds_epi8(p1, half));
            s[3] = flip(_mm_adds_epi8(p0, _mm_and_si128(for_p, filtered)));
            s[4] = flip(_mm_subs_epi8(q0, _mm_and_si128(for_q, filtered)));
            s[5] = flip(_mm_subs_epi8(q1, half));
        }

        /// `(weight * w + 63) >> 7`, where the lanes of `w` are interleaved with ones.
        #[inline]
        #[target_feature(enable = $features)]
        fn fraction(w_low: __m128i, w_high: __m128i, weight: u8) -> __m128i {
            let factors = _mm_set1_epi16(i16::from_le_bytes([weight, 63]));
            _mm_packs_epi16(
                _mm_srai_epi16::<7>(_mm_maddubs_epi16(factors, w_low)),
                _mm_srai_epi16::<7>(_mm_maddubs_epi16(factors, w_high)),
            )
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn mb_segments(s: &mut Segments, limits: Limits) {
            let (filtered, smooth) = thresholds(s, limits);
            let [p2, p1, p0] = [flip(s[1]), flip(s[2]), flip(s[3])];
            let [q0, q1, q2] = [flip(s[4]), flip(s[5]), flip(s[6])];
            let w = edge_weight(_mm_subs_epi8(p1, q1), p0, q0);
            let w = _mm_and_si128(w, filtered);
            // Each segment takes one of the two branches; the other has no effect, because its w is
            // 0.
            let (p0, q0, _) = adjust(_mm_andnot_si128(smooth, w), p0, q0);
            let w = _mm_and_si128(w, smooth);
            let low = _mm_unpacklo_epi8(w, splat_u8(1));
            let high = _mm_unpackhi_epi8(w, splat_u8(1));
            let change = [fraction(low, high, 27), fraction(low, high, 18), fraction(low, high, 9)];
            s[1] = flip(_mm_adds_epi8(p2, change[2]));
            s[2] = flip(_mm_adds_epi8(p1, change[1]));
            s[3] = flip(_mm_adds_epi8(p0, change[0]));
            s[4] = flip(_mm_subs_epi8(q0, change[0]));
            s[5] = flip(_mm_subs_epi8(q1, change[1]));
            s[6] = flip(_mm_subs_epi8(q2, change[2]));
        }
    };
}
pub(super) use loop_filter_128;
