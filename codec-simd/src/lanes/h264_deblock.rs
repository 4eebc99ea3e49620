//! Deblocking of H.264: sixteen segments (runs of pixels across an edge) at a time, one register
//! per position in the segment. The normal filter (boundary strength below 4) computes in bytes.

/// The deblocking kernels of H.264, compiled for the given features.
macro_rules! lanes_h264_deblock {
    ($features:literal) => {
        /// All ones if `a < b`; `b` is at least 1 in every lane.
        #[inline]
        #[target_feature(enable = $features)]
        fn is_below(a: U8x16, b: u8) -> U8x16 {
            le_u8(a, splat_u8(b - 1))
        }

        /// `a` where the mask is set, else `b`.
        #[inline]
        #[target_feature(enable = $features)]
        fn select(mask: U8x16, a: U8x16, b: U8x16) -> U8x16 {
            or_u8(and_u8(mask, a), without_u8(b, mask))
        }

        /// Segments that are filtered: `p1 p0 q0 q1`.
        #[inline]
        #[target_feature(enable = $features)]
        fn filtered([p1, p0, q0, q1]: [U8x16; 4], alpha: u8, beta: u8) -> U8x16 {
            let near = is_below(abs_diff(p0, q0), alpha);
            let p = is_below(abs_diff(p1, p0), beta);
            and_u8(near, and_u8(p, is_below(abs_diff(q1, q0), beta)))
        }

        /// The numbers of the four parts of an edge for each of 16 segments, or for each of 8
        /// segments in both halves.
        #[inline]
        #[target_feature(enable = $features)]
        fn per_segment<const SEGMENTS: usize>([a, b, c, d]: [u8; 4]) -> U8x16 {
            let parts = load_u8x8(&[a, b, c, d, a, b, c, d]);
            let twice = zip_low_u8(parts, parts);
            if SEGMENTS == 8 { twice } else { zip_low_u8(twice, twice) }
        }

        /// `tC0` of each segment, 0 instead of negative ones, and a mask of the others.
        #[inline]
        #[target_feature(enable = $features)]
        fn active_limits(limits: U8x16) -> [U8x16; 2] {
            let active = is_below(limits, 128);
            [and_u8(limits, active), active]
        }

        /// The limits of an edge; `None` for the strong filter.
        #[inline]
        #[target_feature(enable = $features)]
        fn limits_of<const SEGMENTS: usize>(strength: EdgeStrength) -> Option<[U8x16; 2]> {
            match strength {
                EdgeStrength::Strong => None,
                EdgeStrength::Normal(tc0) => {
                    let limits = per_segment::<SEGMENTS>(tc0.map(i8::cast_unsigned));
                    Some(active_limits(limits))
                }
            }
        }

        /// `p0` and `q0` after the normal filter, in bytes.
        ///
        /// The change is half of `q0 - p0`, rounded down, plus half of the sum of the lost bit, a
        /// quarter of `p1 - q1` and 1. Means with the complement of a byte give half of a difference
        /// plus 128, so that the sum is the change plus 128 and 33.
        #[inline]
        #[target_feature(enable = $features)]
        fn adjusted([p1, p0, q0, q1]: [U8x16; 4], limit: U8x16) -> [U8x16; 2] {
            let (ones, bias) = (splat_u8(0xff), splat_u8(128 + 33));
            let half = avg_u8(q0, xor_u8(p0, ones));
            let lost = and_u8(xor_u8(p0, q0), splat_u8(1));
            let quarter = avg_u8(avg_u8(p1, xor_u8(q1, ones)), splat_u8(3));
            // Saturated sums are above every limit.
            let change = adds_u8(half, avg_u8(quarter, lost));
            let up = min_u8(subs_u8(change, bias), limit);
            let down = min_u8(subs_u8(bias, change), limit);
            [subs_u8(adds_u8(p0, up), down), adds_u8(subs_u8(q0, up), down)]
        }

        /// `p1` or `q1` after the normal filter; `middle` is the mean of `p0` and `q0`.
        #[inline]
        #[target_feature(enable = $features)]
        fn outer(x2: U8x16, x1: U8x16, middle: U8x16, limit: U8x16) -> U8x16 {
            let lost = and_u8(xor_u8(x2, middle), splat_u8(1));
            let mean = subs_u8(avg_u8(x2, middle), lost);
            max_u8(min_u8(mean, adds_u8(x1, limit)), subs_u8(x1, limit))
        }

        /// The side `x3 x2 x1 x0` of segments after the strong filter; `y0` and `y1` are on the
        /// other side.
        #[inline]
        #[target_feature(enable = $features)]
        fn strong_side(x: [U8x16; 4], y: [U8x16; 2], mask: U8x16, smooth: U8x16) -> [U8x16; 4] {
            let half = |[x3, x2, x1, x0]: [I16x8; 4], [y0, y1]: [I16x8; 2]| {
                let three = add_i16(add_i16(x1, x0), y0);
                let four = add_i16(three, x2);
                let (two, eight) = (splat_i16(2), splat_i16(4));
                let s0 = add_i16(add_i16(three, four), add_i16(y1, eight));
                let s2 = add_i16(add_i16(shl_i16::<1>(add_i16(x3, x2)), four), eight);
                let weak = add_i16(add_i16(add_i16(x1, x1), add_i16(x0, y1)), two);
                [
                    shr_i16::<3>(s2),
                    shr_i16::<2>(add_i16(four, two)),
                    shr_i16::<3>(s0),
                    shr_i16::<2>(weak),
                ]
            };
            let low = half(
                [widen_low(x[0]), widen_low(x[1]), widen_low(x[2]), widen_low(x[3])],
                [widen_low(y[0]), widen_low(y[1])],
            );
            let high = half(
                [widen_high(x[0]), widen_high(x[1]), widen_high(x[2]), widen_high(x[3])],
                [widen_high(y[0]), widen_high(y[1])],
            );
            let weak = select(mask, narrow(low[3], high[3]), x[3]);
            [
                x[0],
                select(smooth, narrow(low[0], high[0]), x[1]),
                select(smooth, narrow(low[1], high[1]), x[2]),
                select(smooth, narrow(low[2], high[2]), weak),
            ]
        }

        /// The strong filter of `p3 p2 p1 p0 q0 q1 q2 q3` of luma.
        #[inline]
        #[target_feature(enable = $features)]
        fn luma_strong(s: [U8x16; 8], alpha: u8, beta: u8) -> [U8x16; 8] {
            let [p3, p2, p1, p0, q0, q1, q2, q3] = s;
            let mask = filtered([p1, p0, q0, q1], alpha, beta);
            let small = and_u8(mask, is_below(abs_diff(p0, q0), (alpha >> 2) + 2));
            let p_flat = and_u8(small, is_below(abs_diff(p2, p0), beta));
            let q_flat = and_u8(small, is_below(abs_diff(q2, q0), beta));
            let p = strong_side([p3, p2, p1, p0], [q0, q1], mask, p_flat);
            let q = strong_side([q3, q2, q1, q0], [p0, p1], mask, q_flat);
            [p[0], p[1], p[2], p[3], q[3], q[2], q[1], q[0]]
        }

        /// The normal filter of `p3 p2 p1 p0 q0 q1 q2 q3` of luma; returns `p1 p0 q0 q1`.
        #[inline]
        #[target_feature(enable = $features)]
        fn luma_normal(s: [U8x16; 8], alpha: u8, beta: u8, limits: [U8x16; 2]) -> [U8x16; 4] {
            let [_, p2, p1, p0, q0, q1, q2, _] = s;
            let [limits, active] = limits;
            let mask = and_u8(filtered([p1, p0, q0, q1], alpha, beta), active);
            let p_flat = and_u8(mask, is_below(abs_diff(p2, p0), beta));
            let q_flat = and_u8(mask, is_below(abs_diff(q2, q0), beta));
            let one = splat_u8(1);
            let more = adds_u8(and_u8(p_flat, one), and_u8(q_flat, one));
            let limit = adds_u8(and_u8(limits, mask), more);
            let [new_p0, new_q0] = adjusted([p1, p0, q0, q1], limit);
            let middle = avg_u8(p0, q0);
            let new_p1 = outer(p2, p1, middle, and_u8(limits, p_flat));
            let new_q1 = outer(q2, q1, middle, and_u8(limits, q_flat));
            [new_p1, new_p0, new_q0, new_q1]
        }

        /// Filters `p1 p0 q0 q1` of chroma; returns `p0` and `q0`. Each half is an edge of a plane.
        #[inline]
        #[target_feature(enable = $features)]
        fn chroma_segments(
            s: [U8x16; 4],
            alpha: u8,
            beta: u8,
            limits: Option<[U8x16; 2]>,
        ) -> [U8x16; 2] {
            let [p1, p0, q0, q1] = s;
            let mask = filtered(s, alpha, beta);
            if let Some([limits, active]) = limits {
                let limits = adds_u8(limits, splat_u8(1));
                return adjusted(s, and_u8(limits, and_u8(mask, active)));
            }
            let weak = |x1: U8x16, x0: U8x16, y1: U8x16| {
                let half =
                    |x1: I16x8, x0: I16x8, y1: I16x8| add_i16(add_i16(x1, x1), add_i16(x0, y1));
                round_narrow::<2>(
                    half(widen_low(x1), widen_low(x0), widen_low(y1)),
                    half(widen_high(x1), widen_high(x0), widen_high(y1)),
                )
            };
            [select(mask, weak(p1, p0, q1), p0), select(mask, weak(q1, q0, p1), q0)]
        }

        /// Filters an edge of luma between rows. Both thresholds are above 0.
        #[inline]
        #[target_feature(enable = $features)]
        fn luma_h(
            mut above: WindowMut<'_, 16, 4>,
            mut below: WindowMut<'_, 16, 4>,
            alpha: u8,
            beta: u8,
            limits: Option<[U8x16; 2]>,
        ) {
            let mut s = [splat_u8(0); 8];
            for y in 0..4 {
                s[y] = load_u8x16(above.row(y));
                s[4 + y] = load_u8x16(below.row(y));
            }
            if let Some(limits) = limits {
                let s = luma_normal(s, alpha, beta, limits);
                for y in 0..2 {
                    store_u8x16(above.row_mut(y + 2), s[y]);
                    store_u8x16(below.row_mut(y), s[y + 2]);
                }
                return;
            }
            let s = luma_strong(s, alpha, beta);
            for y in 0..3 {
                store_u8x16(above.row_mut(y + 1), s[y + 1]);
                store_u8x16(below.row_mut(y), s[y + 4]);
            }
        }

        #[target_feature(enable = $features)]
        fn h264_deblock_luma_h(
            above: WindowMut<'_, 16, 4>,
            below: WindowMut<'_, 16, 4>,
            edge: DeblockEdge,
        ) {
            if !edge.is_off() {
                luma_h(above, below, edge.alpha, edge.beta, limits_of::<16>(edge.strength));
            }
        }

        /// One step of a transposition: the address of a byte, register number first, rotates by
        /// one bit.
        #[inline]
        #[target_feature(enable = $features)]
        fn rotate_bytes<const N: usize, const HALF: usize>(x: [U8x16; N]) -> [U8x16; N] {
            let mut out = x;
            for i in 0..HALF {
                out[2 * i] = zip_low_u8(x[i], x[i + HALF]);
                out[2 * i + 1] = zip_high_u8(x[i], x[i + HALF]);
            }
            out
        }

        /// Filters an edge of luma between columns. Both thresholds are above 0.
        #[inline]
        #[target_feature(enable = $features)]
        fn luma_v(
            mut pixels: WindowMut<'_, 8, 16>,
            alpha: u8,
            beta: u8,
            limits: Option<[U8x16; 2]>,
        ) {
            let mut rows = [splat_u8(0); 8];
            for (y, row) in rows.iter_mut().enumerate() {
                *row = load_2x8(pixels.row(2 * y), pixels.row(2 * y + 1));
            }
            let rows = rotate_bytes::<8, 4>(rotate_bytes::<8, 4>(rows));
            let s = rotate_bytes::<8, 4>(rotate_bytes::<8, 4>(rows));
            if let Some(limits) = limits {
                let s = luma_normal(s, alpha, beta, limits);
                let rows = rotate_bytes::<4, 2>(rotate_bytes::<4, 2>(s));
                for (y, row) in rows.into_iter().enumerate() {
                    store_4x4(pixels.sub(2, 4 * y), row);
                }
                return;
            }
            let s = rotate_bytes::<8, 4>(luma_strong(s, alpha, beta));
            let rows = rotate_bytes::<8, 4>(rotate_bytes::<8, 4>(s));
            for (y, row) in rows.into_iter().enumerate() {
                store_u8x8(pixels.row_mut(2 * y), row);
                store_u8x8(pixels.row_mut(2 * y + 1), from_byte_8(row, row));
            }
        }

        #[target_feature(enable = $features)]
        fn h264_deblock_luma_v(pixels: WindowMut<'_, 8, 16>, edge: DeblockEdge) {
            if !edge.is_off() {
                luma_v(pixels, edge.alpha, edge.beta, limits_of::<16>(edge.strength));
            }
        }

        #[target_feature(enable = $features)]
        fn h264_deblock_chroma_h(
            mut above: WindowMut<'_, 8, 2>,
            mut below: WindowMut<'_, 8, 2>,
            edge: DeblockEdge,
        ) {
            if edge.is_off() {
                return;
            }
            let p = [load_u8x8(above.row(0)), load_u8x8(above.row(1))];
            let q = [load_u8x8(below.row(0)), load_u8x8(below.row(1))];
            let limits = limits_of::<8>(edge.strength);
            let [p0, q0] = chroma_segments([p[0], p[1], q[0], q[1]], edge.alpha, edge.beta, limits);
            store_u8x8(above.row_mut(1), p0);
            store_u8x8(below.row_mut(0), q0);
        }

        #[target_feature(enable = $features)]
        fn h264_deblock_chroma_v(mut pixels: WindowMut<'_, 4, 8>, edge: DeblockEdge) {
            if edge.is_off() {
                return;
            }
            let rows = [
                load_4x4(pixels.as_ref().sub::<4, 4>(0, 0)),
                load_4x4(pixels.as_ref().sub::<4, 4>(0, 4)),
            ];
            let columns = rotate_bytes::<2, 1>(rotate_bytes::<2, 1>(rotate_bytes::<2, 1>(rows)));
            let high = |x: U8x16| from_byte_8(x, x);
            let [p1, q0] = columns;
            let limits = limits_of::<8>(edge.strength);
            let s = [p1, high(p1), q0, high(q0)];
            let [new_p0, new_q0] = chroma_segments(s, edge.alpha, edge.beta, limits);
            let columns = [from_byte_8(high(p1), new_p0), from_byte_8(high(new_q0), high(q0))];
            let [upper, lower] = rotate_bytes::<2, 1>(rotate_bytes::<2, 1>(columns));
            store_4x4(pixels.sub(0, 0), upper);
            store_4x4(pixels.sub(0, 4), lower);
        }

        /// Filters an edge of both chroma planes between rows. Both thresholds are above 0.
        #[inline]
        #[target_feature(enable = $features)]
        fn chroma_pair_h(
            planes: [WindowMut<'_, 8, 4>; 2],
            alpha: u8,
            beta: u8,
            limits: Option<[U8x16; 2]>,
        ) {
            let [mut cb, mut cr] = planes;
            let mut s = [splat_u8(0); 4];
            for (y, row) in s.iter_mut().enumerate() {
                *row = load_2x8(cb.row(y), cr.row(y));
            }
            for (y, row) in (1..3).zip(chroma_segments(s, alpha, beta, limits)) {
                store_u8x8(cb.row_mut(y), row);
                store_u8x8(cr.row_mut(y), from_byte_8(row, row));
            }
        }

        #[target_feature(enable = $features)]
        fn h264_deblock_chroma_pair_h(planes: [WindowMut<'_, 8, 4>; 2], edge: DeblockEdge) {
            if !edge.is_off() {
                chroma_pair_h(planes, edge.alpha, edge.beta, limits_of::<8>(edge.strength));
            }
        }

        /// Filters an edge of both chroma planes between columns. Both thresholds are above 0.
        #[inline]
        #[target_feature(enable = $features)]
        fn chroma_pair_v(
            planes: [WindowMut<'_, 4, 8>; 2],
            alpha: u8,
            beta: u8,
            limits: Option<[U8x16; 2]>,
        ) {
            let [mut cb, mut cr] = planes;
            let rows = [
                load_4x4(cb.as_ref().sub::<4, 4>(0, 0)),
                load_4x4(cb.as_ref().sub::<4, 4>(0, 4)),
                load_4x4(cr.as_ref().sub::<4, 4>(0, 0)),
                load_4x4(cr.as_ref().sub::<4, 4>(0, 4)),
            ];
            let rows = rotate_bytes::<4, 2>(rotate_bytes::<4, 2>(rows));
            let s = rotate_bytes::<4, 2>(rotate_bytes::<4, 2>(rows));
            let [p0, q0] = chroma_segments(s, alpha, beta, limits);
            let columns = rotate_bytes::<4, 2>([s[0], p0, q0, s[3]]);
            let [cb_upper, cb_lower, cr_upper, cr_lower] = rotate_bytes::<4, 2>(columns);
            store_4x4(cb.sub(0, 0), cb_upper);
            store_4x4(cb.sub(0, 4), cb_lower);
            store_4x4(cr.sub(0, 0), cr_upper);
            store_4x4(cr.sub(0, 4), cr_lower);
        }

        #[target_feature(enable = $features)]
        fn h264_deblock_chroma_pair_v(planes: [WindowMut<'_, 4, 8>; 2], edge: DeblockEdge) {
            if !edge.is_off() {
                chroma_pair_v(planes, edge.alpha, edge.beta, limits_of::<8>(edge.strength));
            }
        }

        /// The limits of an edge with boundary strengths; `None` for the strong filter.
        #[inline]
        #[target_feature(enable = $features)]
        fn limits_by_strength<const SEGMENTS: usize>(
            thresholds: &DeblockThresholds,
            strengths: [u8; 4],
        ) -> Option<[U8x16; 2]> {
            if strengths[0] == 4 {
                return None;
            }
            let [a, b, c, d] = thresholds.limits.map(i8::cast_unsigned);
            let table = load_u8x8(&[a, b, c, d, 0, 0, 0, 0]);
            Some(active_limits(lookup(table, per_segment::<SEGMENTS>(strengths))))
        }

        /// Filters an edge of both chroma planes, which have different thresholds, by `filter`.
        #[inline]
        #[target_feature(enable = $features)]
        fn chroma_planes<const W: usize, const H: usize>(
            planes: [WindowMut<'_, W, H>; 2],
            thresholds: &[&DeblockThresholds; 3],
            strengths: [u8; 4],
            filter: impl Fn(WindowMut<'_, W, H>, DeblockEdge),
        ) {
            for (plane, thresholds) in planes.into_iter().zip(&thresholds[1..]) {
                if let Some(edge) = thresholds.edge(strengths) {
                    filter(plane, edge);
                }
            }
        }

        #[target_feature(enable = $features)]
        fn h264_deblock_mb(
            mut luma: WindowMut<'_, 20, 20>,
            chroma: [WindowMut<'_, 12, 10>; 2],
            edges: &DeblockMb<'_>,
        ) {
            let [mut cb, mut cr] = chroma;
            for n in 0..4 {
                let strengths = edges.strengths[0][n];
                if strengths == [0; 4] {
                    continue;
                }
                let thresholds = if n == 0 { &edges.outer[0] } else { &edges.inner };
                let [of_luma, of_cb, of_cr] = *thresholds;
                if !of_luma.is_off() {
                    let limits = limits_by_strength::<16>(of_luma, strengths);
                    luma_v(luma.sub(4 * n, 4), of_luma.alpha, of_luma.beta, limits);
                }
                if n % 2 == 1 {
                    continue;
                }
                let planes = [cb.sub(2 + 2 * n, 2), cr.sub(2 + 2 * n, 2)];
                if !core::ptr::eq(of_cb, of_cr) {
                    chroma_planes(planes, thresholds, strengths, |plane, edge| {
                        h264_deblock_chroma_v(plane, edge);
                    });
                } else if !of_cb.is_off() {
                    let limits = limits_by_strength::<8>(of_cb, strengths);
                    chroma_pair_v(planes, of_cb.alpha, of_cb.beta, limits);
                }
            }
            for n in 0..4 {
                let strengths = edges.strengths[1][n];
                if strengths == [0; 4] {
                    continue;
                }
                let thresholds = if n == 0 { &edges.outer[1] } else { &edges.inner };
                let [of_luma, of_cb, of_cr] = *thresholds;
                if !of_luma.is_off() {
                    let limits = limits_by_strength::<16>(of_luma, strengths);
                    let (above, below) = luma.sub::<16, 8>(4, 4 * n).into_row_halves();
                    luma_h(above, below, of_luma.alpha, of_luma.beta, limits);
                }
                if n % 2 == 1 {
                    continue;
                }
                let planes = [cb.sub::<8, 4>(4, 2 * n), cr.sub(4, 2 * n)];
                if !core::ptr::eq(of_cb, of_cr) {
                    chroma_planes(planes, thresholds, strengths, |plane, edge| {
                        let (above, below) = plane.into_row_halves();
                        h264_deblock_chroma_h(above, below, edge);
                    });
                } else if !of_cb.is_off() {
                    let limits = limits_by_strength::<8>(of_cb, strengths);
                    chroma_pair_h(planes, of_cb.alpha, of_cb.beta, limits);
                }
            }
        }
    };
}
pub(crate) use lanes_h264_deblock;
