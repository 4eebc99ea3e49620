//! VP9's loop filter, written once for registers of any width. A register holds the samples at one
//! distance from the edge: one byte for each line that crosses the edge.

/// How lines are filtered, compiled for the given features. `Bytes` and `Words` are the registers,
/// with their operations in scope.
macro_rules! lanes_vp9_loop_filter {
    ($features:literal) => {
        /// [`Vp9Edges`] in every lane.
        #[derive(Clone, Copy)]
        struct EdgeLanes {
            edge: Bytes,
            inner: Bytes,
            variance: Bytes,
            /// Lanes that are filtered, lanes with at least 8 taps, and lanes with 16.
            filtered: Bytes,
            has_8_taps: Bytes,
            has_16_taps: Bytes,
        }

        /// Samples to signed numbers and back.
        #[inline]
        #[target_feature(enable = $features)]
        fn flip(x: Bytes) -> Bytes {
            xor_u8(x, splat_u8(0x80))
        }

        /// The lanes of `a` where `mask` is set, the lanes of `b` elsewhere.
        #[inline]
        #[target_feature(enable = $features)]
        fn select(mask: Bytes, a: Bytes, b: Bytes) -> Bytes {
            or_u8(and_u8(a, mask), without_u8(b, mask))
        }

        /// Filters `p3 p2 p1 p0 q0 q1 q2 q3` with 4 or 8 taps; returns the lanes that are flat.
        #[inline]
        #[target_feature(enable = $features)]
        fn filter_near(s: &mut [Bytes; 8], lanes: &EdgeLanes) -> Bytes {
            let before = *s;
            let [p3, p2, p1, p0, q0, q1, q2, q3] = before;
            let near = max_u8(abs_diff(p1, p0), abs_diff(q1, q0));
            let far_p = max_u8(abs_diff(p3, p2), abs_diff(p2, p1));
            let far_q = max_u8(abs_diff(q3, q2), abs_diff(q2, q1));
            let (across, outer) = (abs_diff(p0, q0), abs_diff(p1, q1));
            let edge = adds_u8(adds_u8(across, across), halve_u8(outer));
            let steps = max_u8(near, max_u8(far_p, far_q));
            let within = and_u8(le_u8(steps, lanes.inner), le_u8(edge, lanes.edge));
            let filtered = and_u8(within, lanes.filtered);
            let smooth = le_u8(near, lanes.variance);
            let spread_p = max_u8(abs_diff(p2, p0), abs_diff(p3, p0));
            let spread_q = max_u8(abs_diff(q2, q0), abs_diff(q3, q0));
            let spread = max_u8(near, max_u8(spread_p, spread_q));
            let flat = and_u8(le_u8(spread, splat_u8(1)), and_u8(filtered, lanes.has_8_taps));

            let [p1, p0, q0, q1] = [flip(p1), flip(p0), flip(q0), flip(q1)];
            let outer = without_u8(subs_i8(p1, q1), smooth);
            let d = subs_i8(q0, p0);
            // The three sums may saturate one by one.
            let change = adds_i8(adds_i8(adds_i8(outer, d), d), d);
            let change = and_u8(change, without_u8(filtered, flat));
            let for_q = shr_i8::<3>(adds_i8(change, splat_u8(4)));
            let for_p = shr_i8::<3>(adds_i8(change, splat_u8(3)));
            let half = and_u8(halve_up_i8(for_q), smooth);
            s[2] = flip(adds_i8(p1, half));
            s[3] = flip(adds_i8(p0, for_p));
            s[4] = flip(subs_i8(q0, for_q));
            s[5] = flip(subs_i8(q1, half));
            if any_u8(flat) {
                let (mut low, mut high) = ([splat_i16(0); 8], [splat_i16(0); 8]);
                for at in 0..8 {
                    (low[at], high[at]) = (widen_low(before[at]), widen_high(before[at]));
                }
                let (low, high) = (average_8(low), average_8(high));
                for at in 0..6 {
                    s[1 + at] = select(flat, narrow(low[at], high[at]), s[1 + at]);
                }
            }
            flat
        }

        /// Filters `p7` to `q7`.
        #[inline]
        #[target_feature(enable = $features)]
        fn filter_far(s: &mut [Bytes; 16], lanes: &EdgeLanes) {
            let before = *s;
            let mut near = [before[0]; 8];
            near.copy_from_slice(&before[4..12]);
            let flat = filter_near(&mut near, lanes);
            s[4..12].copy_from_slice(&near);
            let flat = and_u8(flat, lanes.has_16_taps);
            if !any_u8(flat) {
                return;
            }
            let mut spread = splat_u8(0);
            for at in 0..4 {
                spread = max_u8(spread, abs_diff(before[at], before[7]));
                spread = max_u8(spread, abs_diff(before[12 + at], before[8]));
            }
            let flat = and_u8(flat, le_u8(spread, splat_u8(1)));
            if any_u8(flat) {
                let (mut low, mut high) = ([splat_i16(0); 16], [splat_i16(0); 16]);
                for at in 0..16 {
                    (low[at], high[at]) = (widen_low(before[at]), widen_high(before[at]));
                }
                let (low, high) = (average_16(low), average_16(high));
                for at in 0..14 {
                    s[1 + at] = select(flat, narrow(low[at], high[at]), s[1 + at]);
                }
            }
        }

        /// Averages of 8 samples: the 7 around each and itself; the outermost ones repeat.
        #[inline]
        #[target_feature(enable = $features)]
        fn average_8(x: [Words; 8]) -> [Words; 6] {
            let outermost = add_i16(add_i16(x[0], x[0]), add_i16(x[0], splat_i16(4)));
            let mut sum = add_i16(outermost, add_i16(add_i16(x[1], x[2]), add_i16(x[3], x[4])));
            let mut out = [sum; 6];
            for at in 1..7_usize {
                out[at - 1] = shr_i16::<3>(add_i16(sum, x[at]));
                sum = add_i16(sum, sub_i16(x[(at + 4).min(7)], x[at.saturating_sub(3)]));
            }
            out
        }

        /// Averages of 16 samples: the 15 around each and itself; the outermost ones repeat.
        #[inline]
        #[target_feature(enable = $features)]
        fn average_16(x: [Words; 16]) -> [Words; 14] {
            let mut sum = add_i16(sub_i16(shl_i16::<3>(x[0]), x[0]), splat_i16(8));
            for x in &x[1..9] {
                sum = add_i16(sum, *x);
            }
            let mut out = [sum; 14];
            for at in 1..15_usize {
                out[at - 1] = shr_i16::<4>(add_i16(sum, x[at]));
                sum = add_i16(sum, sub_i16(x[(at + 8).min(15)], x[at.saturating_sub(7)]));
            }
            out
        }

        /// One step of a transposition: the address of a byte, register number first, rotates by
        /// one bit.
        #[inline]
        #[target_feature(enable = $features)]
        fn rotate<const N: usize>(x: &[Bytes; N]) -> [Bytes; N] {
            let mut out = *x;
            for i in 0..N / 2 {
                out[2 * i] = zip_low_u8(x[i], x[i + N / 2]);
                out[2 * i + 1] = zip_high_u8(x[i], x[i + N / 2]);
            }
            out
        }
    };
}
pub(crate) use lanes_vp9_loop_filter;
