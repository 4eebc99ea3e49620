//! Loop filters in 128-bit registers: sixteen segments at a time, one register per position.
//!
//! The code is expanded once per level, so that it uses only that level's encoding of
//! instructions (SSE, VEX or EVEX).

/// The loop filters that do not benefit from wider registers, and shared helpers, compiled for the
/// given features (at least SSSE3 and SSE4.1).
macro_rules! loop_filter_128 {
    ($features:literal) => {
        /// `p3 p2 p1 p0 q0 q1 q2 q3` of sixteen segments.
        type Segments = [__m128i; 8];

        /// [`EdgeLimits`] in every lane.
        #[derive(Clone, Copy)]
        struct Limits {
            edge: __m128i,
            interior: __m128i,
            hev: __m128i,
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn splat(x: u8) -> __m128i {
            _mm_set1_epi8(x.cast_signed())
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn splat_limits(limits: EdgeLimits) -> Limits {
            Limits {
                edge: splat(limits.edge),
                interior: splat(limits.interior),
                hev: splat(limits.hev),
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn abs_diff(a: __m128i, b: __m128i) -> __m128i {
            _mm_or_si128(_mm_subs_epu8(a, b), _mm_subs_epu8(b, a))
        }

        /// `|p0 - q0| * 2 + |p1 - q1| / 2`, saturated.
        #[inline]
        #[target_feature(enable = $features)]
        fn edge_step([p1, p0, q0, q1]: [__m128i; 4]) -> __m128i {
            let (near, far) = (abs_diff(p0, q0), abs_diff(p1, q1));
            let half = _mm_and_si128(_mm_srli_epi16::<1>(far), splat(0x7f));
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

        /// Pixels to signed numbers and back.
        #[inline]
        #[target_feature(enable = $features)]
        fn flip(x: __m128i) -> __m128i {
            _mm_xor_si128(x, splat(0x80))
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
            let sum = _mm_adds_epu8(flipped_w, splat(rounding));
            _mm_and_si128(_mm_srli_epi16::<3>(sum), splat(0x1f))
        }

        /// The signed `p0` and `q0` moved by `w`, and the change of `q0` plus 16.
        #[inline]
        #[target_feature(enable = $features)]
        fn adjust(w: __m128i, p0: __m128i, q0: __m128i) -> (__m128i, __m128i, __m128i) {
            let w = flip(w);
            let (for_q, for_p) = (eighth_plus_16(w, 4), eighth_plus_16(w, 3));
            let p0 = _mm_adds_epi8(p0, _mm_sub_epi8(for_p, splat(16)));
            let q0 = _mm_subs_epi8(q0, _mm_sub_epi8(for_q, splat(16)));
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
            let half = _mm_sub_epi8(_mm_avg_epu8(for_q, zero), splat(8));
            let half = _mm_and_si128(half, smooth);
            let (for_q, for_p) = (_mm_sub_epi8(for_q, splat(16)), _mm_sub_epi8(for_p, splat(16)));

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
            let low = _mm_unpacklo_epi8(w, splat(1));
            let high = _mm_unpackhi_epi8(w, splat(1));
            let change = [fraction(low, high, 27), fraction(low, high, 18), fraction(low, high, 9)];
            s[1] = flip(_mm_adds_epi8(p2, change[2]));
            s[2] = flip(_mm_adds_epi8(p1, change[1]));
            s[3] = flip(_mm_adds_epi8(p0, change[0]));
            s[4] = flip(_mm_subs_epi8(q0, change[0]));
            s[5] = flip(_mm_subs_epi8(q1, change[1]));
            s[6] = flip(_mm_subs_epi8(q2, change[2]));
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn simple_edge<const E: usize>(runs: &mut [__m128i; 16], limit: __m128i) {
            let [p0, q0] = simple_segments([runs[E - 2], runs[E - 1], runs[E], runs[E + 1]], limit);
            runs[E - 1] = p0;
            runs[E] = q0;
        }

        /// One step of a transposition: the address of a byte, register number first, rotates
        /// by one bit.
        #[inline]
        #[target_feature(enable = $features)]
        fn rotate<const N: usize, const HALF: usize>(x: &[__m128i; N]) -> [__m128i; N] {
            let mut out = [_mm_setzero_si128(); N];
            for i in 0..HALF {
                out[2 * i] = _mm_unpacklo_epi8(x[i], x[i + HALF]);
                out[2 * i + 1] = _mm_unpackhi_epi8(x[i], x[i + HALF]);
            }
            out
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn transpose_16x16(x: &[__m128i; 16]) -> [__m128i; 16] {
            let x = rotate::<16, 8>(x);
            let x = rotate::<16, 8>(&x);
            let x = rotate::<16, 8>(&x);
            rotate::<16, 8>(&x)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn load_rows<const N: usize>(from: &WindowMut<'_, 16, N>) -> [__m128i; N] {
            let mut rows = [_mm_setzero_si128(); N];
            for (y, row) in rows.iter_mut().enumerate() {
                *row = load_u8x16(from.row(y));
            }
            rows
        }

        /// Eight rows of `u` and of `v` side by side.
        #[inline]
        #[target_feature(enable = $features)]
        fn load_pairs<const N: usize>(
            u: &WindowMut<'_, 8, N>,
            v: &WindowMut<'_, 8, N>,
        ) -> [__m128i; N] {
            let mut rows = [_mm_setzero_si128(); N];
            for (y, row) in rows.iter_mut().enumerate() {
                *row = _mm_unpacklo_epi64(load_u8x8(u.row(y)), load_u8x8(v.row(y)));
            }
            rows
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_pair(u: &mut [u8; 8], v: &mut [u8; 8], value: __m128i) {
            store_u8x8(u, value);
            store_u8x8(v, _mm_unpackhi_epi64(value, value));
        }

        #[target_feature(enable = $features)]
        pub(super) fn filter_mb_edge_h_16(
            mut above: WindowMut<'_, 16, 4>,
            mut below: WindowMut<'_, 16, 4>,
            limits: EdgeLimits,
        ) {
            let [p3, p2, p1, p0] = load_rows(&above);
            let [q0, q1, q2, q3] = load_rows(&below);
            let mut s = [p3, p2, p1, p0, q0, q1, q2, q3];
            mb_segments(&mut s, splat_limits(limits));
            for i in 0..3 {
                store_u8x16(above.row_mut(1 + i), s[1 + i]);
                store_u8x16(below.row_mut(i), s[4 + i]);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn filter_mb_edge_h_uv(
            mut u_above: WindowMut<'_, 8, 4>,
            mut u_below: WindowMut<'_, 8, 4>,
            mut v_above: WindowMut<'_, 8, 4>,
            mut v_below: WindowMut<'_, 8, 4>,
            limits: EdgeLimits,
        ) {
            let [p3, p2, p1, p0] = load_pairs(&u_above, &v_above);
            let [q0, q1, q2, q3] = load_pairs(&u_below, &v_below);
            let mut s = [p3, p2, p1, p0, q0, q1, q2, q3];
            mb_segments(&mut s, splat_limits(limits));
            for i in 0..3 {
                store_pair(u_above.row_mut(1 + i), v_above.row_mut(1 + i), s[1 + i]);
                store_pair(u_below.row_mut(i), v_below.row_mut(i), s[4 + i]);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn filter_inner_edge_h_uv(
            mut u: WindowMut<'_, 8, 8>,
            mut v: WindowMut<'_, 8, 8>,
            limits: EdgeLimits,
        ) {
            let mut s = load_pairs(&u, &v);
            inner_segments(&mut s, splat_limits(limits));
            for y in 2..6 {
                store_pair(u.row_mut(y), v.row_mut(y), s[y]);
            }
        }

        /// Sixteen rows of eight pixels, in the low halves, to eight columns.
        #[inline]
        #[target_feature(enable = $features)]
        fn rows_to_columns(rows: &[__m128i; 16]) -> Segments {
            let mut x = [_mm_setzero_si128(); 8];
            for i in 0..8 {
                x[i] = _mm_unpacklo_epi8(rows[i], rows[i + 8]);
            }
            let x = rotate::<8, 4>(&x);
            let x = rotate::<8, 4>(&x);
            rotate::<8, 4>(&x)
        }

        /// Eight columns to sixteen rows of eight pixels, two in each register.
        #[inline]
        #[target_feature(enable = $features)]
        fn columns_to_rows(columns: &Segments) -> Segments {
            let x = rotate::<8, 4>(columns);
            let x = rotate::<8, 4>(&x);
            rotate::<8, 4>(&x)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn load_uv_columns(u: &WindowMut<'_, 8, 8>, v: &WindowMut<'_, 8, 8>) -> Segments {
            let mut rows = [_mm_setzero_si128(); 16];
            for y in 0..8 {
                rows[y] = load_u8x8(u.row(y));
                rows[y + 8] = load_u8x8(v.row(y));
            }
            rows_to_columns(&rows)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_uv_columns(
            mut u: WindowMut<'_, 8, 8>,
            mut v: WindowMut<'_, 8, 8>,
            columns: &Segments,
        ) {
            let rows = columns_to_rows(columns);
            for i in 0..4 {
                store_u8x8(u.row_mut(2 * i), rows[i]);
                store_u8x8(u.row_mut(2 * i + 1), _mm_unpackhi_epi64(rows[i], rows[i]));
                store_u8x8(v.row_mut(2 * i), rows[i + 4]);
                store_u8x8(v.row_mut(2 * i + 1), _mm_unpackhi_epi64(rows[i + 4], rows[i + 4]));
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn filter_inner_edge_v_uv(
            u: WindowMut<'_, 8, 8>,
            v: WindowMut<'_, 8, 8>,
            limits: EdgeLimits,
        ) {
            let mut s = load_uv_columns(&u, &v);
            inner_segments(&mut s, splat_limits(limits));
            store_uv_columns(u, v, &s);
        }

        #[target_feature(enable = $features)]
        pub(super) fn simple_edge_h_16(
            mut above: WindowMut<'_, 16, 2>,
            mut below: WindowMut<'_, 16, 2>,
            limit: u8,
        ) {
            let ([p1, p0], [q0, q1]) = (load_rows(&above), load_rows(&below));
            let [p0, q0] = simple_segments([p1, p0, q0, q1], splat(limit));
            store_u8x16(above.row_mut(1), p0);
            store_u8x16(below.row_mut(0), q0);
        }

        /// Four rows of four pixels in each register to one register per column, or back.
        #[inline]
        #[target_feature(enable = $features)]
        fn transpose_4x4_bytes(x: __m128i) -> __m128i {
            let order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            _mm_shuffle_epi8(x, order)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn transpose_4x4_lanes([a, b, c, d]: [__m128i; 4]) -> [__m128i; 4] {
            let (ab_low, ab_high) = (_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
            let (cd_low, cd_high) = (_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
            [
                _mm_unpacklo_epi64(ab_low, cd_low),
                _mm_unpackhi_epi64(ab_low, cd_low),
                _mm_unpacklo_epi64(ab_high, cd_high),
                _mm_unpackhi_epi64(ab_high, cd_high),
            ]
        }

        #[target_feature(enable = $features)]
        pub(super) fn simple_edge_v_16(mut pixels: WindowMut<'_, 4, 16>, limit: u8) {
            let mut blocks = [_mm_setzero_si128(); 4];
            for (i, block) in blocks.iter_mut().enumerate() {
                let lane = |y| i32::from_le_bytes(*pixels.row(4 * i + y));
                *block = transpose_4x4_bytes(_mm_setr_epi32(lane(0), lane(1), lane(2), lane(3)));
            }
            let mut columns = transpose_4x4_lanes(blocks);
            [columns[1], columns[2]] = simple_segments(columns, splat(limit));
            for (i, block) in transpose_4x4_lanes(columns).into_iter().enumerate() {
                let rows = transpose_4x4_bytes(block);
                *pixels.row_mut(4 * i) = _mm_extract_epi32::<0>(rows).to_le_bytes();
                *pixels.row_mut(4 * i + 1) = _mm_extract_epi32::<1>(rows).to_le_bytes();
                *pixels.row_mut(4 * i + 2) = _mm_extract_epi32::<2>(rows).to_le_bytes();
                *pixels.row_mut(4 * i + 3) = _mm_extract_epi32::<3>(rows).to_le_bytes();
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn simple_inner_edges_h_16(mut mb: WindowMut<'_, 16, 16>, limit: u8) {
            let limit = splat(limit);
            let mut rows = load_rows(&mb);
            simple_edge::<4>(&mut rows, limit);
            simple_edge::<8>(&mut rows, limit);
            simple_edge::<12>(&mut rows, limit);
            for y in [3, 4, 7, 8, 11, 12] {
                store_u8x16(mb.row_mut(y), rows[y]);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn simple_inner_edges_v_16(mut mb: WindowMut<'_, 16, 16>, limit: u8) {
            let limit = splat(limit);
            let mut columns = transpose_16x16(&load_rows(&mb));
            simple_edge::<4>(&mut columns, limit);
            simple_edge::<8>(&mut columns, limit);
            simple_edge::<12>(&mut columns, limit);
            let rows = transpose_16x16(&columns);
            for y in 0..16 {
                store_u8x16(mb.row_mut(y), rows[y]);
            }
        }
    };
}
pub(super) use loop_filter_128;

/// The filters of vertical macroblock edges and of the inner edges of luma, on top of
/// [`loop_filter_128`].
macro_rules! loop_filter_128_narrow {
    ($features:literal) => {
        /// The inner edge before position `E` of sixteen runs of sixteen pixels.
        #[inline]
        #[target_feature(enable = $features)]
        fn inner_edge<const E: usize>(runs: &mut [__m128i; 16], limits: Limits) {
            let mut s = [_mm_setzero_si128(); 8];
            s.copy_from_slice(&runs[E - 4..E + 4]);
            inner_segments(&mut s, limits);
            runs[E - 2..E + 2].copy_from_slice(&s[2..6]);
        }

        #[target_feature(enable = $features)]
        pub(super) fn filter_inner_edges_h_16(mut mb: WindowMut<'_, 16, 16>, limits: EdgeLimits) {
            let limits = splat_limits(limits);
            let mut rows = load_rows(&mb);
            inner_edge::<4>(&mut rows, limits);
            inner_edge::<8>(&mut rows, limits);
            inner_edge::<12>(&mut rows, limits);
            for y in 2..14 {
                store_u8x16(mb.row_mut(y), rows[y]);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn filter_inner_edges_v_16(mut mb: WindowMut<'_, 16, 16>, limits: EdgeLimits) {
            let limits = splat_limits(limits);
            let mut columns = transpose_16x16(&load_rows(&mb));
            inner_edge::<4>(&mut columns, limits);
            inner_edge::<8>(&mut columns, limits);
            inner_edge::<12>(&mut columns, limits);
            let rows = transpose_16x16(&columns);
            for y in 0..16 {
                store_u8x16(mb.row_mut(y), rows[y]);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn filter_mb_edge_v_16(mut pixels: WindowMut<'_, 8, 16>, limits: EdgeLimits) {
            let mut rows = [_mm_setzero_si128(); 16];
            for y in 0..16 {
                rows[y] = load_u8x8(pixels.row(y));
            }
            let mut s = rows_to_columns(&rows);
            mb_segments(&mut s, splat_limits(limits));
            let rows = columns_to_rows(&s);
            for i in 0..8 {
                store_u8x8(pixels.row_mut(2 * i), rows[i]);
                store_u8x8(pixels.row_mut(2 * i + 1), _mm_unpackhi_epi64(rows[i], rows[i]));
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn filter_mb_edge_v_uv(
            u: WindowMut<'_, 8, 8>,
            v: WindowMut<'_, 8, 8>,
            limits: EdgeLimits,
        ) {
            let mut s = load_uv_columns(&u, &v);
            mb_segments(&mut s, splat_limits(limits));
            store_uv_columns(u, v, &s);
        }
    };
}
pub(super) use loop_filter_128_narrow;
