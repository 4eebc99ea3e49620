//! Cost kernels (SAD, SATD, squared error) in 128-bit registers. A register holds one row of 16
//! pixels or two rows of 8.

/// The cost kernels, compiled for the given features.
macro_rules! lanes_cost {
    ($features:literal) => {
        /// Sums of the absolute differences of neighbours over `ROWS` rows from `from`.
        #[inline]
        #[target_feature(enable = $features)]
        fn sad_rows<const ROWS: usize>(
            cur: &Block16,
            refp: Window<'_, 16, 16>,
            from: usize,
        ) -> I16x8 {
            let mut sums = splat_i16(0);
            for y in from..from + ROWS {
                sums = add_abs_diff(sums, load_u8x16(&cur.0[y]), load_u8x16(refp.row(y)));
            }
            sums
        }

        #[target_feature(enable = $features)]
        fn sad_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
            // Two chains of sums.
            sum_u16(add_i16(sad_rows::<8>(cur, refp, 0), sad_rows::<8>(cur, refp, 8)))
        }

        #[target_feature(enable = $features)]
        fn sad_16x16_x4(cur: &Block16, [a, b, c, d]: [Window<'_, 16, 16>; 4]) -> [u32; 4] {
            let mut sums = [splat_i16(0); 4];
            for y in 0..16 {
                let row = load_u8x16(&cur.0[y]);
                sums[0] = add_abs_diff(sums[0], row, load_u8x16(a.row(y)));
                sums[1] = add_abs_diff(sums[1], row, load_u8x16(b.row(y)));
                sums[2] = add_abs_diff(sums[2], row, load_u8x16(c.row(y)));
                sums[3] = add_abs_diff(sums[3], row, load_u8x16(d.row(y)));
            }
            sums_u16(sums)
        }

        #[target_feature(enable = $features)]
        fn sad_16x16_quads(cur: &Block16, refp: Window<'_, 16, 16>) -> [u32; 4] {
            let [a, b] = sums_of_halves_u16(sad_rows::<8>(cur, refp, 0));
            let [c, d] = sums_of_halves_u16(sad_rows::<8>(cur, refp, 8));
            [a, b, c, d]
        }

        #[target_feature(enable = $features)]
        fn sad_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
            let mut sums = splat_i16(0);
            for y in [0, 2, 4, 6] {
                let a = load_2x8(cur.row(y), cur.row(y + 1));
                sums = add_abs_diff(sums, a, load_2x8(refp.row(y), refp.row(y + 1)));
            }
            sum_u16(sums)
        }

        #[target_feature(enable = $features)]
        fn sad_8x8_x4(cur: Window<'_, 8, 8>, refs: [Window<'_, 8, 8>; 4]) -> [u32; 4] {
            let mut sums = [splat_i16(0); 4];
            for y in [0, 2, 4, 6] {
                let a = load_2x8(cur.row(y), cur.row(y + 1));
                for (sum, refp) in sums.iter_mut().zip(&refs) {
                    *sum = add_abs_diff(*sum, a, load_2x8(refp.row(y), refp.row(y + 1)));
                }
            }
            sums_u16(sums)
        }

        #[target_feature(enable = $features)]
        fn sad_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
            sum_u16(add_abs_diff(splat_i16(0), load_4x4(cur), load_4x4(refp)))
        }

        #[target_feature(enable = $features)]
        fn sad_mean_16x16(cur: &Block16, [a, b]: [Window<'_, 16, 16>; 2]) -> u32 {
            let mut sums = [splat_i16(0); 2];
            for y in 0..16 {
                let mean = avg_u8(load_u8x16(a.row(y)), load_u8x16(b.row(y)));
                sums[y % 2] = add_abs_diff(sums[y % 2], load_u8x16(&cur.0[y]), mean);
            }
            sum_u16(add_i16(sums[0], sums[1]))
        }

        #[target_feature(enable = $features)]
        fn sad_mean_8x8(cur: Window<'_, 8, 8>, [a, b]: [Window<'_, 8, 8>; 2]) -> u32 {
            let mut sums = splat_i16(0);
            for y in [0, 2, 4, 6] {
                let two = |from: Window<'_, 8, 8>| load_2x8(from.row(y), from.row(y + 1));
                sums = add_abs_diff(sums, two(cur), avg_u8(two(a), two(b)));
            }
            sum_u16(sums)
        }

        #[target_feature(enable = $features)]
        fn sse_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
            let mut sums = [zero_u32(); 2];
            for y in [0, 2, 4, 6, 8, 10, 12, 14] {
                for (sum, y) in sums.iter_mut().zip([y, y + 1]) {
                    *sum = add_squares(*sum, load_u8x16(&cur.0[y]), load_u8x16(refp.row(y)));
                }
            }
            sum_u32(add_u32(sums[0], sums[1]))
        }

        #[target_feature(enable = $features)]
        fn sse_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
            let mut sums = zero_u32();
            for y in [0, 2, 4, 6] {
                let a = load_2x8(cur.row(y), cur.row(y + 1));
                sums = add_squares(sums, a, load_2x8(refp.row(y), refp.row(y + 1)));
            }
            sum_u32(sums)
        }

        #[target_feature(enable = $features)]
        fn sse_16x16_quads(cur: &Block16, refp: Window<'_, 16, 16>) -> [u32; 4] {
            [
                sse_8x8(cur.sub(0, 0), refp.sub(0, 0)),
                sse_8x8(cur.sub(8, 0), refp.sub(8, 0)),
                sse_8x8(cur.sub(0, 8), refp.sub(0, 8)),
                sse_8x8(cur.sub(8, 8), refp.sub(8, 8)),
            ]
        }

        #[target_feature(enable = $features)]
        fn sse_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
            sum_u32(add_squares(zero_u32(), load_4x4(cur), load_4x4(refp)))
        }

        #[target_feature(enable = $features)]
        fn sse_uv(cur: &BlockUv, refp: &BlockUv) -> u32 {
            let mut sums = zero_u32();
            for (a, b) in cur.0.iter().zip(&refp.0) {
                sums = add_squares(sums, load_u8x16(a), load_u8x16(b));
            }
            sum_u32(sums)
        }

        #[target_feature(enable = $features)]
        fn moments_16x16(cur: &Block16) -> (u32, u32) {
            let zero = splat_u8(0);
            let (mut sum, mut squares) = (splat_i16(0), zero_u32());
            for row in &cur.0 {
                let row = load_u8x16(row);
                sum = add_abs_diff(sum, row, zero);
                squares = add_squares(squares, row, zero);
            }
            (sum_u16(sum), sum_u32(squares))
        }

        // The Hadamard kernels. The vertical steps go across registers. Each horizontal one splits
        // even and odd lanes. The last one combines lanes p and r: |p + r| + |p - r| = 2 max(|p|,
        // |r|), so the halved cost is the sum of the maxima.

        /// Both horizontal steps: eight maxima, each at most 2040.
        #[inline]
        #[target_feature(enable = $features)]
        fn maxima(a: I16x8, b: I16x8) -> I16x8 {
            let (even, odd) = (evens_i16(a, b), odds_i16(a, b));
            let (sum, less) = (add_i16(even, odd), sub_i16(even, odd));
            max_i16(abs_i16(evens_i16(sum, less)), abs_i16(odds_i16(sum, less)))
        }

        /// Four rows of two blocks: eight sums of two maxima.
        #[inline]
        #[target_feature(enable = $features)]
        fn transformed([a, b, c, d]: [I16x8; 4]) -> I16x8 {
            let (ab, cd) = (add_i16(a, b), add_i16(c, d));
            let (ab_less, cd_less) = (sub_i16(a, b), sub_i16(c, d));
            add_i16(
                maxima(add_i16(ab, cd), sub_i16(ab, cd)),
                maxima(add_i16(ab_less, cd_less), sub_i16(ab_less, cd_less)),
            )
        }

        /// Sixteen maxima in each lane, at most 32640, of a macroblock and its prediction by rows.
        #[inline]
        #[target_feature(enable = $features)]
        fn satd_of_rows(cur: &Block16, prediction: impl Fn(usize) -> U8x16) -> u32 {
            let mut sums = splat_i16(0);
            for y in [0, 4, 8, 12] {
                let row = |k: usize| (load_u8x16(&cur.0[y + k]), prediction(y + k));
                let rows = [row(0), row(1), row(2), row(3)];
                let mut low = [splat_i16(0); 4];
                let mut high = low;
                for (i, (a, b)) in rows.into_iter().enumerate() {
                    (low[i], high[i]) = (difference_low(a, b), difference_high(a, b));
                }
                sums = add_i16(sums, add_i16(transformed(low), transformed(high)));
            }
            sum_u16(sums)
        }

        #[target_feature(enable = $features)]
        fn satd_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32 {
            satd_of_rows(
                cur,
                #[inline]
                |y| load_u8x16(refp.row(y)),
            )
        }

        #[target_feature(enable = $features)]
        fn satd_mean_16x16(cur: &Block16, [a, b]: [Window<'_, 16, 16>; 2]) -> u32 {
            satd_of_rows(
                cur,
                #[inline]
                |y| avg_u8(load_u8x16(a.row(y)), load_u8x16(b.row(y))),
            )
        }

        /// As [`satd_of_rows`], of 8x8 pixels.
        #[inline]
        #[target_feature(enable = $features)]
        fn satd_of_rows_8(cur: Window<'_, 8, 8>, prediction: impl Fn(usize) -> U8x16) -> u32 {
            let mut sums = splat_i16(0);
            for y in [0, 4] {
                let row = |k: usize| difference_low(load_u8x8(cur.row(y + k)), prediction(y + k));
                sums = add_i16(sums, transformed([row(0), row(1), row(2), row(3)]));
            }
            sum_u16(sums)
        }

        #[target_feature(enable = $features)]
        fn satd_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32 {
            satd_of_rows_8(
                cur,
                #[inline]
                |y| load_u8x8(refp.row(y)),
            )
        }

        #[target_feature(enable = $features)]
        fn satd_mean_8x8(cur: Window<'_, 8, 8>, [a, b]: [Window<'_, 8, 8>; 2]) -> u32 {
            satd_of_rows_8(
                cur,
                #[inline]
                |y| avg_u8(load_u8x8(a.row(y)), load_u8x8(b.row(y))),
            )
        }

        #[target_feature(enable = $features)]
        fn satd_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32 {
            let (cur, refp) = (load_4x4(cur), load_4x4(refp));
            let (rows_01, rows_23) = (difference_low(cur, refp), difference_high(cur, refp));
            let (sum, less) = (add_i16(rows_01, rows_23), sub_i16(rows_01, rows_23));
            let (even, odd) = (low_halves(sum, less), high_halves(sum, less));
            sum_u16(maxima(add_i16(even, odd), sub_i16(even, odd)))
        }

        /// Sixteen pixels between the pixels of `a` and `b`: `weights` are the eighths of each.
        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn between<const KIND: u8>(a: U8x16, b: U8x16, weights: [U8x16; 2]) -> U8x16 {
            match KIND {
                WHOLE => a,
                HALF => avg_u8(a, b),
                _ => {
                    let low = mul_add_low(mul_low(a, weights[0]), b, weights[1]);
                    let high = mul_add_high(mul_high(a, weights[0]), b, weights[1]);
                    round_narrow::<3>(low, high)
                }
            }
        }

        /// The weights of a pixel and its neighbour.
        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn weights(fraction: u8) -> [U8x16; 2] {
            let fraction = fraction & 7;
            [splat_u8(8 - fraction), splat_u8(fraction)]
        }

        #[target_feature(enable = $features)]
        fn bilinear_sums<const X: u8, const Y: u8>(
            cur: &Block16,
            refp: Window<'_, 17, 17>,
            fx: u8,
            fy: u8,
        ) -> u32 {
            let (across, down) = (weights(fx), weights(fy));
            let (left, right) = (refp.sub::<16, 17>(0, 0), refp.sub::<16, 17>(1, 0));
            let first = |y| between::<X>(load_u8x16(left.row(y)), load_u8x16(right.row(y)), across);
            let (mut sums, mut above) = (zero_u32(), first(0));
            for y in 0..16 {
                let below = first(y + 1);
                let prediction = between::<Y>(above, below, down);
                sums = add_squares(sums, load_u8x16(&cur.0[y]), prediction);
                above = below;
            }
            sum_u32(sums)
        }

        #[target_feature(enable = $features)]
        fn sse_bilinear_16x16(cur: &Block16, refp: Window<'_, 17, 17>, fx: u8, fy: u8) -> u32 {
            by_kind!(fx, fy, bilinear_sums(cur, refp, fx, fy))
        }

        /// Two rows of eight pixels, of eight columns and their right neighbours.
        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn first_pass_2x8<const X: u8>(
            refp: Window<'_, 16, 9>,
            y: usize,
            across: [U8x16; 2],
        ) -> U8x16 {
            let (left, right) = (refp.sub::<8, 9>(0, 0), refp.sub::<8, 9>(1, 0));
            let a = load_2x8(left.row(y), left.row(y + 1));
            between::<X>(a, load_2x8(right.row(y), right.row(y + 1)), across)
        }

        #[target_feature(enable = $features)]
        fn bilinear_sums_8<const X: u8, const Y: u8>(
            cur: Window<'_, 8, 8>,
            refp: Window<'_, 16, 9>,
            fx: u8,
            fy: u8,
        ) -> u32 {
            let (across, down) = (weights(fx), weights(fy));
            let (mut sums, mut above) = (zero_u32(), first_pass_2x8::<X>(refp, 0, across));
            for y in [0, 2, 4, 6] {
                // Rows y + 1 and y + 2; the first is known already.
                let next = first_pass_2x8::<X>(refp, if y == 6 { 7 } else { y + 2 }, across);
                let below = if y == 6 { next } else { from_byte_8(above, next) };
                let pixels = load_2x8(cur.row(y), cur.row(y + 1));
                sums = add_squares(sums, pixels, between::<Y>(above, below, down));
                above = next;
            }
            sum_u32(sums)
        }

        #[target_feature(enable = $features)]
        fn sse_bilinear_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 16, 9>, fx: u8, fy: u8) -> u32 {
            by_kind!(fx, fy, bilinear_sums_8(cur, refp, fx, fy))
        }

        #[target_feature(enable = $features)]
        fn sse_bilinear_16x16_quads(
            cur: &Block16,
            refp: Window<'_, 24, 17>,
            fx: u8,
            fy: u8,
        ) -> [u32; 4] {
            [
                sse_bilinear_8x8(cur.sub(0, 0), refp.sub(0, 0), fx, fy),
                sse_bilinear_8x8(cur.sub(8, 0), refp.sub(8, 0), fx, fy),
                sse_bilinear_8x8(cur.sub(0, 8), refp.sub(0, 8), fx, fy),
                sse_bilinear_8x8(cur.sub(8, 8), refp.sub(8, 8), fx, fy),
            ]
        }

        #[target_feature(enable = $features)]
        fn sse_half_ring_16x16(cur: &Block16, refp: Window<'_, 18, 18>) -> [u32; 8] {
            let [left, middle, right] =
                [refp.sub::<16, 18>(0, 0), refp.sub::<16, 18>(1, 0), refp.sub::<16, 18>(2, 0)];
            let across = |y| {
                let middle = load_u8x16(middle.row(y));
                let left = avg_u8(load_u8x16(left.row(y)), middle);
                [left, middle, avg_u8(middle, load_u8x16(right.row(y)))]
            };
            let down = |a: [U8x16; 3], b: [U8x16; 3]| {
                [avg_u8(a[0], b[0]), avg_u8(a[1], b[1]), avg_u8(a[2], b[2])]
            };
            let mut sums = [zero_u32(); 8];
            let mut row = across(1);
            let mut over = down(across(0), row);
            for y in 0..16 {
                let pixels = load_u8x16(&cur.0[y]);
                let below = across(y + 2);
                let under = down(row, below);
                sums[0] = add_squares(sums[0], pixels, over[0]);
                sums[1] = add_squares(sums[1], pixels, over[1]);
                sums[2] = add_squares(sums[2], pixels, over[2]);
                sums[3] = add_squares(sums[3], pixels, row[0]);
                sums[4] = add_squares(sums[4], pixels, row[2]);
                sums[5] = add_squares(sums[5], pixels, under[0]);
                sums[6] = add_squares(sums[6], pixels, under[1]);
                sums[7] = add_squares(sums[7], pixels, under[2]);
                (row, over) = (below, under);
            }
            let mut all = [0; 8];
            for (sum, lanes) in all.iter_mut().zip(sums) {
                *sum = sum_u32(lanes);
            }
            all
        }
    };
}
pub(crate) use lanes_cost;

/// How a pass of the bilinear filter is computed: skipped, as a rounded mean, or by its taps.
pub(crate) const WHOLE: u8 = 0;
pub(crate) const HALF: u8 = 1;
pub(crate) const TAPS: u8 = 2;

pub(crate) const fn kind(fraction: u8) -> u8 {
    match fraction {
        0 => WHOLE,
        4 => HALF,
        _ => TAPS,
    }
}

/// Calls `$kernel::<X, Y>` with the kinds of both fractions.
macro_rules! by_kind {
    ($fx:expr, $fy:expr, $kernel:ident($($arg:expr),*)) => {
        match (kind($fx), kind($fy)) {
            (WHOLE, WHOLE) => $kernel::<WHOLE, WHOLE>($($arg),*),
            (WHOLE, HALF) => $kernel::<WHOLE, HALF>($($arg),*),
            (WHOLE, _) => $kernel::<WHOLE, TAPS>($($arg),*),
            (HALF, WHOLE) => $kernel::<HALF, WHOLE>($($arg),*),
            (HALF, HALF) => $kernel::<HALF, HALF>($($arg),*),
            (HALF, _) => $kernel::<HALF, TAPS>($($arg),*),
            (_, WHOLE) => $kernel::<TAPS, WHOLE>($($arg),*),
            (_, HALF) => $kernel::<TAPS, HALF>($($arg),*),
            (_, _) => $kernel::<TAPS, TAPS>($($arg),*),
        }
    };
}
pub(crate) use by_kind;
