//! Forward transforms of H.264: two 4x4 blocks side by side, or one 8x8 block.

/// The one-dimensional transforms, compiled for the given features, for registers of any width.
macro_rules! lanes_h264_forward_passes {
    ($features:literal) => {
        /// One pass of the 4-point transform, across the registers.
        #[inline]
        #[target_feature(enable = $features)]
        fn forward_4([a, b, c, d]: [I16x8; 4]) -> [I16x8; 4] {
            let (sum_ad, sum_bc) = (add_i16(a, d), add_i16(b, c));
            let (dif_ad, dif_bc) = (sub_i16(a, d), sub_i16(b, c));
            [
                add_i16(sum_ad, sum_bc),
                add_i16(add_i16(dif_ad, dif_ad), dif_bc),
                sub_i16(sum_ad, sum_bc),
                sub_i16(dif_ad, add_i16(dif_bc, dif_bc)),
            ]
        }

        /// One pass of the 8-point transform, across the registers.
        #[inline]
        #[target_feature(enable = $features)]
        fn forward_8(x: [I16x8; 8]) -> [I16x8; 8] {
            let half = |x: I16x8| shr_i16::<1>(x);
            let (s0, s1) = (add_i16(x[0], x[7]), add_i16(x[1], x[6]));
            let (s2, s3) = (add_i16(x[2], x[5]), add_i16(x[3], x[4]));
            let (d0, d1) = (sub_i16(x[0], x[7]), sub_i16(x[1], x[6]));
            let (d2, d3) = (sub_i16(x[2], x[5]), sub_i16(x[3], x[4]));
            let (outer, inner) = (add_i16(s0, s3), add_i16(s1, s2));
            let (outer_less, inner_less) = (sub_i16(s0, s3), sub_i16(s1, s2));
            let a = add_i16(add_i16(d1, d2), add_i16(d0, half(d0)));
            let b = sub_i16(sub_i16(d0, d3), add_i16(d2, half(d2)));
            let c = sub_i16(add_i16(d0, d3), add_i16(d1, half(d1)));
            let d = add_i16(sub_i16(d1, d2), add_i16(d3, half(d3)));
            [
                add_i16(outer, inner),
                add_i16(a, shr_i16::<2>(d)),
                add_i16(outer_less, half(inner_less)),
                add_i16(b, shr_i16::<2>(c)),
                sub_i16(outer, inner),
                sub_i16(c, shr_i16::<2>(b)),
                sub_i16(half(outer_less), inner_less),
                sub_i16(shr_i16::<2>(a), d),
            ]
        }
    };
}
pub(crate) use lanes_h264_forward_passes;

/// The forward transforms of H.264, compiled for the given features.
macro_rules! lanes_h264_forward {
    ($features:literal) => {
        $crate::lanes::lanes_h264_forward_passes! { $features }

        /// Two blocks, each as two registers of two columns, from rows of differences.
        #[inline]
        #[target_feature(enable = $features)]
        fn columns_of_two(rows: [I16x8; 4]) -> [[I16x8; 2]; 2] {
            let [a, b, c, d] = forward_4(transpose_pairs(forward_4(rows)));
            [[low_halves(a, b), low_halves(c, d)], [high_halves(a, b), high_halves(c, d)]]
        }

        /// The blocks of four rows of eight pixels.
        #[inline]
        #[target_feature(enable = $features)]
        fn fdct_two(cur: Window<'_, 8, 4>, pred: Window<'_, 8, 4>) -> [[I16x8; 2]; 2] {
            let mut rows = [splat_i16(0); 4];
            for (y, row) in rows.iter_mut().enumerate() {
                *row = difference_low(load_u8x8(cur.row(y)), load_u8x8(pred.row(y)));
            }
            columns_of_two(rows)
        }

        /// The blocks `2 n` and `2 n + 1` of a macroblock.
        #[inline]
        #[target_feature(enable = $features)]
        fn fdct_luma_pair(cur: &Block16, pred: &Block16, n: usize) -> [[I16x8; 2]; 2] {
            let (x, y) = (n / 2 % 2 * 8, n % 2 * 4 + n / 4 * 8);
            fdct_two(cur.sub(x, y), pred.sub(x, y))
        }

        /// The blocks `2 n` and `2 n + 1` of the chroma planes.
        #[inline]
        #[target_feature(enable = $features)]
        fn fdct_chroma_pair(cur: &BlockUv, pred: &BlockUv, n: usize) -> [[I16x8; 2]; 2] {
            let (plane, y) = (n / 2, n % 2 * 4);
            fdct_two(cur.plane(plane).sub(0, y), pred.plane(plane).sub(0, y))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn fdct_one(cur: Window<'_, 4, 4>, pred: Window<'_, 4, 4>) -> [I16x8; 2] {
            let (cur, pred) = (load_4x4(cur), load_4x4(pred));
            let (rows_01, rows_23) = (difference_low(cur, pred), difference_high(cur, pred));
            // The high halves are unused.
            let rows = [rows_01, swap_halves(rows_01), rows_23, swap_halves(rows_23)];
            columns_of_two(rows)[0]
        }

        /// The columns of an 8x8 block.
        #[inline]
        #[target_feature(enable = $features)]
        fn fdct_large(cur: Window<'_, 8, 8>, pred: Window<'_, 8, 8>) -> [I16x8; 8] {
            let mut rows = [splat_i16(0); 8];
            for (y, row) in rows.iter_mut().enumerate() {
                *row = difference_low(load_u8x8(cur.row(y)), load_u8x8(pred.row(y)));
            }
            forward_8(transpose_8x8(forward_8(rows)))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_large(to: &mut [i16; 64], columns: [I16x8; 8]) {
            for (to, column) in to.as_chunks_mut().0.iter_mut().zip(columns) {
                store_i16x8(to, column);
            }
        }

        #[target_feature(enable = $features)]
        fn h264_fdct_4x4(cur: Window<'_, 4, 4>, pred: Window<'_, 4, 4>, coeffs: &mut [i16; 16]) {
            store_block(coeffs, fdct_one(cur, pred));
        }

        #[target_feature(enable = $features)]
        fn h264_fdct_8x8(cur: Window<'_, 8, 8>, pred: Window<'_, 8, 8>, coeffs: &mut [i16; 64]) {
            store_large(coeffs, fdct_large(cur, pred));
        }

        #[target_feature(enable = $features)]
        fn h264_fdct_luma(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 16]; 16]) {
            for (n, coeffs) in coeffs.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                for (to, block) in coeffs.iter_mut().zip(fdct_luma_pair(cur, pred, n)) {
                    store_block(to, block);
                }
            }
        }

        #[target_feature(enable = $features)]
        fn h264_fdct_luma_8x8(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 64]; 4]) {
            for (n, coeffs) in coeffs.iter_mut().enumerate() {
                let (x, y) = (n % 2 * 8, n / 2 * 8);
                store_large(coeffs, fdct_large(cur.sub(x, y), pred.sub(x, y)));
            }
        }

        #[target_feature(enable = $features)]
        fn h264_fdct_chroma(cur: &BlockUv, pred: &BlockUv, coeffs: &mut [[i16; 16]; 8]) {
            for (n, coeffs) in coeffs.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                for (to, block) in coeffs.iter_mut().zip(fdct_chroma_pair(cur, pred, n)) {
                    store_block(to, block);
                }
            }
        }
    };
}
pub(crate) use lanes_h264_forward;
