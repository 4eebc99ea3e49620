//! VP8's loop filters in 128-bit registers: sixteen segments (runs of pixels across an edge) at a
//! time, one register per position in the segment.
//!
//! The macros for edges load, transpose and store pixels; each instruction-set level expands them.
//! The functions that filter segments (`simple_segments`, `inner_segments` and `mb_segments`) come
//! from the macro `lanes_loop_filter_segments`, or on x86-64 from `x86::loop_filter_128`.

/// The edges that do not benefit from wider registers, and shared helpers, compiled for the given
/// features.
macro_rules! lanes_loop_filter_edges {
    ($features:literal) => {
        /// `p3 p2 p1 p0 q0 q1 q2 q3` of sixteen segments.
        type Segments = [U8x16; 8];

        /// [`EdgeLimits`] in every lane.
        #[derive(Clone, Copy)]
        struct Limits {
            edge: U8x16,
            interior: U8x16,
            hev: U8x16,
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn splat_limits(limits: EdgeLimits) -> Limits {
            Limits {
                edge: splat_u8(limits.edge),
                interior: splat_u8(limits.interior),
                hev: splat_u8(limits.hev),
            }
        }

        /// Pixels to signed numbers and back.
        #[inline]
        #[target_feature(enable = $features)]
        fn flip(x: U8x16) -> U8x16 {
            xor_u8(x, splat_u8(0x80))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn simple_edge<const E: usize>(runs: &mut [U8x16; 16], limit: U8x16) {
            let [p0, q0] = simple_segments([runs[E - 2], runs[E - 1], runs[E], runs[E + 1]], limit);
            runs[E - 1] = p0;
            runs[E] = q0;
        }

        /// One step of a transposition: the address of a byte, register number first, rotates
        /// by one bit.
        #[inline]
        #[target_feature(enable = $features)]
        fn rotate<const N: usize, const HALF: usize>(x: &[U8x16; N]) -> [U8x16; N] {
            let mut out = [splat_u8(0); N];
            for i in 0..HALF {
                out[2 * i] = zip_low_u8(x[i], x[i + HALF]);
                out[2 * i + 1] = zip_high_u8(x[i], x[i + HALF]);
            }
            out
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn transpose_16x16(x: &[U8x16; 16]) -> [U8x16; 16] {
            let x = rotate::<16, 8>(x);
            let x = rotate::<16, 8>(&x);
            let x = rotate::<16, 8>(&x);
            rotate::<16, 8>(&x)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn load_rows<const N: usize>(from: &WindowMut<'_, 16, N>) -> [U8x16; N] {
            let mut rows = [splat_u8(0); N];
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
        ) -> [U8x16; N] {
            let mut rows = [splat_u8(0); N];
            for (y, row) in rows.iter_mut().enumerate() {
                *row = load_2x8(u.row(y), v.row(y));
            }
            rows
        }

        #[target_feature(enable = $features)]
        fn filter_mb_edge_h_16(
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
        fn filter_mb_edge_h_uv(
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
                store_2x8(u_above.row_mut(1 + i), v_above.row_mut(1 + i), s[1 + i]);
                store_2x8(u_below.row_mut(i), v_below.row_mut(i), s[4 + i]);
            }
        }

        #[target_feature(enable = $features)]
        fn filter_inner_edge_h_uv(
            mut u: WindowMut<'_, 8, 8>,
            mut v: WindowMut<'_, 8, 8>,
            limits: EdgeLimits,
        ) {
            let mut s = load_pairs(&u, &v);
            inner_segments(&mut s, splat_limits(limits));
            for y in 2..6 {
                store_2x8(u.row_mut(y), v.row_mut(y), s[y]);
            }
        }

        /// Sixteen rows of eight pixels, in the low halves, to eight columns.
        #[inline]
        #[target_feature(enable = $features)]
        fn rows_to_columns(rows: &[U8x16; 16]) -> Segments {
            let mut x = [splat_u8(0); 8];
            for i in 0..8 {
                x[i] = zip_low_u8(rows[i], rows[i + 8]);
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
            let mut rows = [splat_u8(0); 16];
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
                store_u8x8(u.row_mut(2 * i + 1), from_byte_8(rows[i], rows[i]));
                store_u8x8(v.row_mut(2 * i), rows[i + 4]);
                store_u8x8(v.row_mut(2 * i + 1), from_byte_8(rows[i + 4], rows[i + 4]));
            }
        }

        #[target_feature(enable = $features)]
        fn filter_inner_edge_v_uv(
            u: WindowMut<'_, 8, 8>,
            v: WindowMut<'_, 8, 8>,
            limits: EdgeLimits,
        ) {
            let mut s = load_uv_columns(&u, &v);
            inner_segments(&mut s, splat_limits(limits));
            store_uv_columns(u, v, &s);
        }

        #[target_feature(enable = $features)]
        fn simple_edge_h_16(
            mut above: WindowMut<'_, 16, 2>,
            mut below: WindowMut<'_, 16, 2>,
            limit: u8,
        ) {
            let ([p1, p0], [q0, q1]) = (load_rows(&above), load_rows(&below));
            let [p0, q0] = simple_segments([p1, p0, q0, q1], splat_u8(limit));
            store_u8x16(above.row_mut(1), p0);
            store_u8x16(below.row_mut(0), q0);
        }

        #[target_feature(enable = $features)]
        fn simple_edge_v_16(mut pixels: WindowMut<'_, 4, 16>, limit: u8) {
            // Four rows in each register; two steps of eight bring each column together.
            let mut x = [splat_u8(0); 4];
            for (i, block) in x.iter_mut().enumerate() {
                *block = load_4x4(pixels.as_ref().sub(0, 4 * i));
            }
            // The address of a byte is two bits of block, two of row, two of column: four
            // rotations by one bit put the column first, two more restore it.
            for _ in 0..4 {
                x = rotate::<4, 2>(&x);
            }
            [x[1], x[2]] = simple_segments(x, splat_u8(limit));
            for _ in 0..2 {
                x = rotate::<4, 2>(&x);
            }
            for (i, rows) in x.into_iter().enumerate() {
                store_4x4(pixels.sub(0, 4 * i), rows);
            }
        }

        #[target_feature(enable = $features)]
        fn simple_inner_edges_h_16(mut mb: WindowMut<'_, 16, 16>, limit: u8) {
            let limit = splat_u8(limit);
            let mut rows = load_rows(&mb);
            simple_edge::<4>(&mut rows, limit);
            simple_edge::<8>(&mut rows, limit);
            simple_edge::<12>(&mut rows, limit);
            for y in [3, 4, 7, 8, 11, 12] {
                store_u8x16(mb.row_mut(y), rows[y]);
            }
        }

        #[target_feature(enable = $features)]
        fn simple_inner_edges_v_16(mut mb: WindowMut<'_, 16, 16>, limit: u8) {
            let limit = splat_u8(limit);
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
pub(crate) use lanes_loop_filter_edges;

/// The vertical macroblock edges and the inner edges of luma, on top of [`lanes_loop_filter_edges`].
macro_rules! lanes_loop_filter_narrow_edges {
    ($features:literal) => {
        /// The inner edge before position `E` of sixteen runs of sixteen pixels.
        #[inline]
        #[target_feature(enable = $features)]
        fn inner_edge<const E: usize>(runs: &mut [U8x16; 16], limits: Limits) {
            let mut s = [splat_u8(0); 8];
            s.copy_from_slice(&runs[E - 4..E + 4]);
            inner_segments(&mut s, limits);
            runs[E - 2..E + 2].copy_from_slice(&s[2..6]);
        }

        #[target_feature(enable = $features)]
        fn filter_inner_edges_h_16(mut mb: WindowMut<'_, 16, 16>, limits: EdgeLimits) {
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
        fn filter_inner_edges_v_16(mut mb: WindowMut<'_, 16, 16>, limits: EdgeLimits) {
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
        fn filter_mb_edge_v_16(mut pixels: WindowMut<'_, 8, 16>, limits: EdgeLimits) {
            let mut rows = [splat_u8(0); 16];
            for y in 0..16 {
                rows[y] = load_u8x8(pixels.row(y));
            }
            let mut s = rows_to_columns(&rows);
            mb_segments(&mut s, splat_limits(limits));
            let rows = columns_to_rows(&s);
            for i in 0..8 {
                store_u8x8(pixels.row_mut(2 * i), rows[i]);
                store_u8x8(pixels.row_mut(2 * i + 1), from_byte_8(rows[i], rows[i]));
            }
        }

        #[target_feature(enable = $features)]
        fn filter_mb_edge_v_uv(u: WindowMut<'_, 8, 8>, v: WindowMut<'_, 8, 8>, limits: EdgeLimits) {
            let mut s = load_uv_columns(&u, &v);
            mb_segments(&mut s, splat_limits(limits));
            store_uv_columns(u, v, &s);
        }
    };
}
pub(crate) use lanes_loop_filter_narrow_edges;

/// How segments are filtered, compiled for the given features.
#[cfg(not(target_arch = "x86_64"))]
macro_rules! lanes_loop_filter_segments {
    ($features:literal) => {
        /// Whether `|p0 - q0| * 2 + |p1 - q1| / 2`, saturated, is within the limit.
        #[inline]
        #[target_feature(enable = $features)]
        fn within_edge_limit([p1, p0, q0, q1]: [U8x16; 4], limit: U8x16) -> U8x16 {
            let (near, far) = (abs_diff(p0, q0), abs_diff(p1, q1));
            le_u8(adds_u8(adds_u8(near, near), halve_u8(far)), limit)
        }

        /// Masks: segments to be filtered, and segments without high edge variance.
        #[inline]
        #[target_feature(enable = $features)]
        fn thresholds(s: &Segments, limits: Limits) -> (U8x16, U8x16) {
            let [p3, p2, p1, p0, q0, q1, q2, q3] = *s;
            let near = max_u8(abs_diff(p1, p0), abs_diff(q1, q0));
            let far_p = max_u8(abs_diff(p3, p2), abs_diff(p2, p1));
            let far_q = max_u8(abs_diff(q3, q2), abs_diff(q2, q1));
            let all = max_u8(near, max_u8(far_p, far_q));
            let within = within_edge_limit([p1, p0, q0, q1], limits.edge);
            (and_u8(within, le_u8(all, limits.interior)), le_u8(near, limits.hev))
        }

        /// `clamp(outer + 3 * (q0 - p0))`; the three sums may saturate one by one.
        #[inline]
        #[target_feature(enable = $features)]
        fn edge_weight(outer: U8x16, p0: U8x16, q0: U8x16) -> U8x16 {
            let d = subs_i8(q0, p0);
            adds_i8(adds_i8(adds_i8(outer, d), d), d)
        }

        /// The signed `p0` and `q0` moved by `w`, and the change of `q0`.
        #[inline]
        #[target_feature(enable = $features)]
        fn adjust(w: U8x16, p0: U8x16, q0: U8x16) -> (U8x16, U8x16, U8x16) {
            let for_q = shr_i8::<3>(adds_i8(w, splat_u8(4)));
            let for_p = shr_i8::<3>(adds_i8(w, splat_u8(3)));
            (adds_i8(p0, for_p), subs_i8(q0, for_q), for_q)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn simple_segments(s: [U8x16; 4], limit: U8x16) -> [U8x16; 2] {
            let filtered = within_edge_limit(s, limit);
            let [p1, p0, q0, q1] = [flip(s[0]), flip(s[1]), flip(s[2]), flip(s[3])];
            let w = and_u8(edge_weight(subs_i8(p1, q1), p0, q0), filtered);
            let (p0, q0, _) = adjust(w, p0, q0);
            [flip(p0), flip(q0)]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn inner_segments(s: &mut Segments, limits: Limits) {
            let (filtered, smooth) = thresholds(s, limits);
            let [p1, p0, q0, q1] = [flip(s[2]), flip(s[3]), flip(s[4]), flip(s[5])];
            let outer = without_u8(subs_i8(p1, q1), smooth);
            let w = and_u8(edge_weight(outer, p0, q0), filtered);
            let (p0, q0, for_q) = adjust(w, p0, q0);
            let half = and_u8(halve_up_i8(for_q), smooth);
            s[2] = flip(adds_i8(p1, half));
            s[3] = flip(p0);
            s[4] = flip(q0);
            s[5] = flip(subs_i8(q1, half));
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn mb_segments(s: &mut Segments, limits: Limits) {
            let (filtered, smooth) = thresholds(s, limits);
            let [p2, p1, p0] = [flip(s[1]), flip(s[2]), flip(s[3])];
            let [q0, q1, q2] = [flip(s[4]), flip(s[5]), flip(s[6])];
            let w = and_u8(edge_weight(subs_i8(p1, q1), p0, q0), filtered);
            // Each segment takes one of the two branches; the other has no effect, because its w is
            // 0.
            let (p0, q0, _) = adjust(without_u8(w, smooth), p0, q0);
            let w = and_u8(w, smooth);
            // (9 w + 63) >> 7, then 18 and 27 in place of 9.
            let nine = splat_i16(9);
            let (low, high) = (mul_i16(widen_low_i8(w), nine), mul_i16(widen_high_i8(w), nine));
            let round = splat_i16(63);
            let (low_1, high_1) = (add_i16(low, round), add_i16(high, round));
            let (low_2, high_2) = (add_i16(low_1, low), add_i16(high_1, high));
            let (low_3, high_3) = (add_i16(low_2, low), add_i16(high_2, high));
            let change = [
                narrow_i8::<7>(low_3, high_3),
                narrow_i8::<7>(low_2, high_2),
                narrow_i8::<7>(low_1, high_1),
            ];
            s[1] = flip(adds_i8(p2, change[2]));
            s[2] = flip(adds_i8(p1, change[1]));
            s[3] = flip(adds_i8(p0, change[0]));
            s[4] = flip(subs_i8(q0, change[0]));
            s[5] = flip(subs_i8(q1, change[1]));
            s[6] = flip(subs_i8(q2, change[2]));
        }
    };
}
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use lanes_loop_filter_segments;
