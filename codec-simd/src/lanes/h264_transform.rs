//! Inverse transforms of H.264: two 4x4 blocks side by side, or one 8x8 block.

/// The transform kernels of H.264, compiled for the given features.
macro_rules! lanes_h264_transform {
    ($features:literal) => {
        #[inline]
        #[target_feature(enable = $features)]
        fn inverse_4([a, b, c, d]: [I16x8; 4]) -> [I16x8; 4] {
            let (e0, e1) = (add_i16(a, c), sub_i16(a, c));
            let (e2, e3) = (sub_i16(shr_i16::<1>(b), d), add_i16(b, shr_i16::<1>(d)));
            [add_i16(e0, e3), add_i16(e1, e2), sub_i16(e1, e2), sub_i16(e0, e3)]
        }

        /// Rows of the residual of two blocks, from columns of coefficients.
        #[inline]
        #[target_feature(enable = $features)]
        fn residual_4(left: &[i16; 16], right: &[i16; 16]) -> [I16x8; 4] {
            let ([a0, a1], [b0, b1]) = (load_block(left), load_block(right));
            let columns =
                [low_halves(a0, b0), high_halves(a0, b0), low_halves(a1, b1), high_halves(a1, b1)];
            let mut rows = inverse_4(transpose_pairs(inverse_4(columns)));
            let half = splat_i16(32);
            for row in &mut rows {
                *row = shr_i16::<6>(add_i16(*row, half));
            }
            rows
        }

        /// Adds the residual of two blocks side by side.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_two(left: &[i16; 16], right: &[i16; 16], mut dst: WindowMut<'_, 8, 4>) {
            for (y, residual) in residual_4(left, right).into_iter().enumerate() {
                let sum = add_i16(widen_low(load_u8x8(dst.row(y))), residual);
                store_u8x8(dst.row_mut(y), narrow(sum, sum));
            }
        }

        #[target_feature(enable = $features)]
        fn h264_idct_add_4x4(coeffs: &[i16; 16], dst: WindowMut<'_, 4, 4>) {
            let [r0, r1, r2, r3] = residual_4(coeffs, coeffs);
            let pixels = load_4x4(dst.as_ref());
            let low = add_i16(widen_low(pixels), low_halves(r0, r1));
            let high = add_i16(widen_high(pixels), low_halves(r2, r3));
            store_4x4(dst, narrow(low, high));
        }

        /// Adds pairs of blocks: those at `2 n` and `2 n + 1` are side by side.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_pair(coeffs: &[[i16; 16]], mask: u32, n: usize, dst: WindowMut<'_, 8, 4>) {
            // The coefficients of a block that is not in the mask count as zeros.
            let zero = const { &[0; 16] };
            let block = |at: usize| if mask >> at & 1 == 1 { &coeffs[at] } else { zero };
            if mask >> n & 3 != 0 {
                add_two(block(n), block(n + 1), dst);
            }
        }

        #[target_feature(enable = $features)]
        fn h264_idct_add_luma(coeffs: &[[i16; 16]; 16], mask: u32, mut dst: WindowMut<'_, 16, 16>) {
            for n in (0..16).step_by(2) {
                let (x, y) = (n / 4 % 2 * 8, n / 2 % 2 * 4 + n / 8 * 8);
                add_pair(coeffs, mask, n, dst.sub(x, y));
            }
        }

        #[target_feature(enable = $features)]
        fn h264_idct_add_chroma(coeffs: &[[i16; 16]; 4], mask: u32, mut dst: WindowMut<'_, 8, 8>) {
            add_pair(coeffs, mask, 0, dst.sub(0, 0));
            add_pair(coeffs, mask, 2, dst.sub(0, 4));
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn inverse_8(x: [I16x8; 8]) -> [I16x8; 8] {
            let a0 = add_i16(x[0], x[4]);
            let a2 = sub_i16(x[0], x[4]);
            let a4 = sub_i16(shr_i16::<1>(x[2]), x[6]);
            let a6 = add_i16(x[2], shr_i16::<1>(x[6]));
            let even = [add_i16(a0, a6), add_i16(a2, a4), sub_i16(a2, a4), sub_i16(a0, a6)];
            let half = |x: I16x8| shr_i16::<1>(x);
            let a1 = sub_i16(sub_i16(sub_i16(x[5], x[3]), x[7]), half(x[7]));
            let a3 = sub_i16(sub_i16(add_i16(x[1], x[7]), x[3]), half(x[3]));
            let a5 = add_i16(add_i16(sub_i16(x[7], x[1]), x[5]), half(x[5]));
            let a7 = add_i16(add_i16(add_i16(x[3], x[5]), x[1]), half(x[1]));
            let b1 = add_i16(a1, shr_i16::<2>(a7));
            let b7 = sub_i16(a7, shr_i16::<2>(a1));
            let b3 = add_i16(a3, shr_i16::<2>(a5));
            let b5 = sub_i16(shr_i16::<2>(a3), a5);
            [
                add_i16(even[0], b7),
                add_i16(even[1], b5),
                add_i16(even[2], b3),
                add_i16(even[3], b1),
                sub_i16(even[3], b1),
                sub_i16(even[2], b3),
                sub_i16(even[1], b5),
                sub_i16(even[0], b7),
            ]
        }

        /// One step of a transposition: rotates the index of each element (register, then lane) by
        /// one bit.
        #[inline]
        #[target_feature(enable = $features)]
        fn rotate_8x8(x: [I16x8; 8]) -> [I16x8; 8] {
            let mut out = x;
            for i in 0..4 {
                out[2 * i] = zip_low_i16(x[i], x[i + 4]);
                out[2 * i + 1] = zip_high_i16(x[i], x[i + 4]);
            }
            out
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn transpose_8x8(x: [I16x8; 8]) -> [I16x8; 8] {
            rotate_8x8(rotate_8x8(rotate_8x8(x)))
        }

        #[target_feature(enable = $features)]
        fn h264_idct_add_8x8(coeffs: &[i16; 64], mut dst: WindowMut<'_, 8, 8>) {
            let mut columns = [splat_i16(0); 8];
            for (column, coeffs) in columns.iter_mut().zip(coeffs.as_chunks::<8>().0) {
                *column = load_i16x8(coeffs);
            }
            let rows = transpose_8x8(inverse_8(columns));
            let half = splat_i16(32);
            for (y, residual) in inverse_8(rows).into_iter().enumerate() {
                let residual = shr_i16::<6>(add_i16(residual, half));
                let sum = add_i16(widen_low(load_u8x8(dst.row(y))), residual);
                store_u8x8(dst.row_mut(y), narrow(sum, sum));
            }
        }
    };
}
pub(crate) use lanes_h264_transform;
