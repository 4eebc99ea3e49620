//! VP8's transforms in 128-bit registers: two blocks side by side, with one row of both in each
//! register, or a single block with two rows in each register.

/// The transform and quantisation kernels, compiled for the given features.
macro_rules! lanes_transform {
    ($features:literal) => {
        /// Rows of differences to rows of coefficients, of two blocks.
        #[inline]
        #[target_feature(enable = $features)]
        fn fdct(rows: [I16x8; 4]) -> [I16x8; 4] {
            // The factor 8 of the input is taken out of the rotations: 14500 / 8 and 7500 / 8.
            let [a, b, c, d] = transpose_pairs(rows);
            let (sum03, sum12) = (add_i16(a, d), add_i16(b, c));
            let (dif03, dif12) = (sub_i16(a, d), sub_i16(b, c));
            let [a, b, c, d] = transpose_pairs([
                shl_i16::<3>(add_i16(sum03, sum12)),
                rotate_i16::<9>(dif12, dif03, [2217, 5352], 1812),
                shl_i16::<3>(sub_i16(sum03, sum12)),
                rotate_back_i16::<9>(dif03, dif12, [2217, 5352], 937),
            ]);
            let (sum03, sum12) = (add_i16(a, d), add_i16(b, c));
            let (dif03, dif12) = (sub_i16(a, d), sub_i16(b, c));
            let seven = splat_i16(7);
            let first = rotate_i16::<16>(dif12, dif03, [2217, 5352], 12000);
            [
                shr_i16::<4>(add_i16(add_i16(sum03, sum12), seven)),
                // Plus one where the outer difference is not zero: the mask is -1.
                sub_i16(first, is_set_i16(dif03)),
                shr_i16::<4>(add_i16(sub_i16(sum03, sum12), seven)),
                rotate_back_i16::<16>(dif03, dif12, [2217, 5352], 51000),
            ]
        }

        /// Two blocks, each in two registers, from four rows of eight pixels.
        #[inline]
        #[target_feature(enable = $features)]
        fn fdct_two(cur: Window<'_, 8, 4>, pred: Window<'_, 8, 4>) -> [[I16x8; 2]; 2] {
            let mut rows = [splat_i16(0); 4];
            for (y, row) in rows.iter_mut().enumerate() {
                *row = difference_low(load_u8x8(cur.row(y)), load_u8x8(pred.row(y)));
            }
            let [r0, r1, r2, r3] = fdct(rows);
            [[low_halves(r0, r1), low_halves(r2, r3)], [high_halves(r0, r1), high_halves(r2, r3)]]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_two(coeffs: &mut [[i16; 16]; 2], blocks: [[I16x8; 2]; 2]) {
            for (coeffs, block) in coeffs.iter_mut().zip(blocks) {
                store_block(coeffs, block);
            }
        }

        #[target_feature(enable = $features)]
        fn fdct_luma(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 16]; 16]) {
            for (n, coeffs) in coeffs.as_chunks_mut().0.iter_mut().enumerate() {
                let (x, y) = (n % 2 * 8, n / 2 * 4);
                store_two(coeffs, fdct_two(cur.sub(x, y), pred.sub(x, y)));
            }
        }

        #[target_feature(enable = $features)]
        fn fdct_chroma(cur: &BlockUv, pred: &BlockUv, coeffs: &mut [[i16; 16]; 8]) {
            for (n, coeffs) in coeffs.as_chunks_mut().0.iter_mut().enumerate() {
                let (plane, y) = (n / 2, n % 2 * 4);
                store_two(
                    coeffs,
                    fdct_two(cur.plane(plane).sub(0, y), pred.plane(plane).sub(0, y)),
                );
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn fdct_one(cur: Window<'_, 4, 4>, pred: Window<'_, 4, 4>) -> [I16x8; 2] {
            let (cur, pred) = (load_4x4(cur), load_4x4(pred));
            let (rows_01, rows_23) = (difference_low(cur, pred), difference_high(cur, pred));
            // The high halves are unused.
            let [r0, r1, r2, r3] =
                fdct([rows_01, swap_halves(rows_01), rows_23, swap_halves(rows_23)]);
            [low_halves(r0, r1), low_halves(r2, r3)]
        }

        #[target_feature(enable = $features)]
        fn fdct_4x4(cur: Window<'_, 4, 4>, pred: Window<'_, 4, 4>, coeffs: &mut [i16; 16]) {
            store_block(coeffs, fdct_one(cur, pred));
        }

        // The Walsh-Hadamard transforms: a block is `[rows 0 and 1, rows 2 and 3]`.

        #[inline]
        #[target_feature(enable = $features)]
        fn transpose_block([r01, r23]: [I16x8; 2]) -> [I16x8; 2] {
            let (r02, r13) = (zip_low_i16(r01, r23), zip_high_i16(r01, r23));
            [zip_low_i16(r02, r13), zip_high_i16(r02, r13)]
        }

        /// One pass: products with (++++), (++--), (+--+) and (+-+-).
        #[inline]
        #[target_feature(enable = $features)]
        fn walsh_pass([x01, x23]: [I16x8; 2]) -> [I16x8; 2] {
            let (sums, difs) = (add_i16(x01, x23), sub_i16(x01, x23));
            let (even, odd) = (low_halves(sums, difs), high_halves(sums, difs));
            [add_i16(even, odd), swap_halves(sub_i16(even, odd))]
        }

        /// One pass of the transposed matrix.
        #[inline]
        #[target_feature(enable = $features)]
        fn inverse_walsh_pass([x01, x23]: [I16x8; 2]) -> [I16x8; 2] {
            let x32 = swap_halves(x23);
            let (sums, difs) = (add_i16(x01, x32), sub_i16(x01, x32));
            let (outer, inner) = (low_halves(sums, difs), high_halves(sums, difs));
            [add_i16(outer, inner), sub_i16(outer, inner)]
        }

        #[target_feature(enable = $features)]
        fn forward_wht(dcs: &[i16; 16]) -> [i16; 16] {
            let columns = transpose_block(walsh_pass(load_block(dcs)));
            let [low, high] = transpose_block(walsh_pass(columns));
            let up_low = load_i16x8(&[0, 0, 0, 1, 0, 0, 0, 1]);
            let up_high = load_i16x8(&[0, 0, 0, 1, 1, 1, 1, 0]);
            let (low, high) = (add_i16(low, up_low), add_i16(high, up_high));
            let mut out = [0; 16];
            store_block(&mut out, [shr_i16::<1>(low), shr_i16::<1>(high)]);
            out
        }

        #[target_feature(enable = $features)]
        fn inverse_wht(coeffs: &[i16; 16]) -> [i16; 16] {
            let columns = transpose_block(inverse_walsh_pass(load_block(coeffs)));
            let [low, high] = transpose_block(inverse_walsh_pass(columns));
            let (low, high) = (add_i16(low, splat_i16(3)), add_i16(high, splat_i16(3)));
            let mut out = [0; 16];
            store_block(&mut out, [shr_i16::<3>(low), shr_i16::<3>(high)]);
            out
        }

        /// Eight lanes of a [`Quantiser`].
        #[derive(Clone, Copy)]
        struct Half {
            zbin: I16x8,
            round: I16x8,
            recip: I16x8,
            step: I16x8,
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn halves(quantiser: &Quantiser) -> [Half; 2] {
            let [zbin, round] = [load_block(&quantiser.zbin), load_block(&quantiser.round)];
            let [recip, step] = [load_block(&quantiser.recip), load_block(&quantiser.step)];
            let half =
                |i: usize| Half { zbin: zbin[i], round: round[i], recip: recip[i], step: step[i] };
            [half(0), half(1)]
        }

        /// Levels and dequantised values of eight coefficients.
        #[inline]
        #[target_feature(enable = $features)]
        fn quantise_half(z: I16x8, q: Half) -> (I16x8, I16x8) {
            let magnitude = saturating_abs_i16(z);
            let level = mulhi_i16(adds_i16(magnitude, q.round), q.recip);
            let level = with_sign_i16(and_i16(level, ge_i16(magnitude, q.zbin)), z);
            (level, mul_i16(level, q.step))
        }

        /// Destinations of one block's results.
        struct Quantised<'a> {
            levels: &'a mut [i16; 16],
            dequantised: &'a mut [i16; 16],
            eob: &'a mut u8,
        }

        /// Quantises a block and returns its dequantised values.
        #[inline]
        #[target_feature(enable = $features)]
        fn quantise_block(block: [I16x8; 2], q: [Half; 2], out: Quantised<'_>) -> [I16x8; 2] {
            let (low, low_value) = quantise_half(block[0], q[0]);
            let (high, high_value) = quantise_half(block[1], q[1]);
            let levels = zigzag([low, high]);
            *out.eob = end_of_block(levels);
            store_block(out.levels, levels);
            store_block(out.dequantised, [low_value, high_value]);
            [low_value, high_value]
        }

        #[target_feature(enable = $features)]
        fn quantise(
            coeffs: &[[i16; 16]],
            quantiser: &Quantiser,
            levels: &mut [[i16; 16]],
            dequantised: &mut [[i16; 16]],
            eobs: &mut [u8],
        ) {
            assert!(
                coeffs.len() == levels.len()
                    && coeffs.len() == dequantised.len()
                    && coeffs.len() == eobs.len(),
                "as many blocks in as out"
            );
            let q = halves(quantiser);
            let blocks = coeffs.iter().zip(levels).zip(dequantised).zip(eobs);
            for (((block, levels), dequantised), eob) in blocks {
                quantise_block(load_block(block), q, Quantised { levels, dequantised, eob });
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn add_block_errors(sums: [U32x4; 2], a: [I16x8; 2], b: [I16x8; 2]) -> [U32x4; 2] {
            [add_errors(sums[0], a[0], b[0]), add_errors(sums[1], a[1], b[1])]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn saturated_sum([a, b]: [U32x4; 2]) -> u32 {
            u32::try_from(wide_sum_u32(a) + wide_sum_u32(b)).unwrap_or(u32::MAX)
        }

        #[target_feature(enable = $features)]
        fn coeff_sse(a: &[[i16; 16]], b: &[[i16; 16]]) -> u32 {
            assert_eq!(a.len(), b.len(), "as many blocks on both sides");
            let mut sums = [zero_u32(); 2];
            for (a, b) in a.iter().zip(b) {
                sums = add_block_errors(sums, load_block(a), load_block(b));
            }
            saturated_sum(sums)
        }

        #[target_feature(enable = $features)]
        fn level_bits(levels: &[[i16; 16]]) -> u32 {
            let (small, large) = (load_u8x16(&LEVEL_BITS[0]), load_u8x16(&LEVEL_BITS[1]));
            let mut total = 0;
            for block in levels {
                let [low, high] = load_block(block);
                let bytes = narrow(saturating_abs_i16(low), saturating_abs_i16(high));
                let rest = subs_u8(bytes, splat_u8(15));
                let low = lookup(small, subs_u8(bytes, rest));
                let high = lookup(large, sixteenth_u8(bytes));
                total += sum_u8(low) + sum_u8(high);
            }
            total
        }

        #[target_feature(enable = $features)]
        fn transform_quantise_luma(
            cur: &Block16,
            pred: &Block16,
            quantiser: &Quantiser,
            levels: &mut [[i16; 16]; 16],
            dequantised: &mut [[i16; 16]; 16],
            eobs: &mut [u8; 16],
            dcs: &mut [i16; 16],
        ) -> u32 {
            let q = halves(quantiser);
            let dc_mask = if quantiser.zbin[0] == Quantiser::NEVER { 0 } else { -1 };
            let kept = load_i16x8(&[dc_mask, -1, -1, -1, -1, -1, -1, -1]);
            let mut sums = [zero_u32(); 2];
            let levels = levels.as_chunks_mut::<2>().0.iter_mut();
            let pairs = levels.zip(dequantised.as_chunks_mut::<2>().0);
            let pairs = pairs.zip(eobs.as_chunks_mut::<2>().0).zip(dcs.as_chunks_mut::<2>().0);
            for (n, (((levels, dequantised), eobs), dcs)) in pairs.enumerate() {
                let (x, y) = (n % 2 * 8, n / 2 * 4);
                let blocks = fdct_two(cur.sub(x, y), pred.sub(x, y));
                let outs = levels.iter_mut().zip(dequantised).zip(eobs).zip(dcs);
                for ([low, high], (((levels, dequantised), eob), dc)) in
                    blocks.into_iter().zip(outs)
                {
                    *dc = first_i16(low);
                    let block = [and_i16(low, kept), high];
                    let out = Quantised { levels, dequantised, eob };
                    sums = add_block_errors(sums, block, quantise_block(block, q, out));
                }
            }
            saturated_sum(sums)
        }

        #[target_feature(enable = $features)]
        fn transform_quantise_chroma(
            cur: &BlockUv,
            pred: &BlockUv,
            quantiser: &Quantiser,
            levels: &mut [[i16; 16]; 8],
            dequantised: &mut [[i16; 16]; 8],
            eobs: &mut [u8; 8],
        ) -> u32 {
            let q = halves(quantiser);
            let mut sums = [zero_u32(); 2];
            let levels = levels.as_chunks_mut::<2>().0.iter_mut();
            let pairs = levels.zip(dequantised.as_chunks_mut::<2>().0);
            let pairs = pairs.zip(eobs.as_chunks_mut::<2>().0);
            for (n, ((levels, dequantised), eobs)) in pairs.enumerate() {
                let (plane, y) = (n / 2, n % 2 * 4);
                let blocks = fdct_two(cur.plane(plane).sub(0, y), pred.plane(plane).sub(0, y));
                let outs = levels.iter_mut().zip(dequantised).zip(eobs);
                for (block, ((levels, dequantised), eob)) in blocks.into_iter().zip(outs) {
                    let out = Quantised { levels, dequantised, eob };
                    sums = add_block_errors(sums, block, quantise_block(block, q, out));
                }
            }
            saturated_sum(sums)
        }

        #[target_feature(enable = $features)]
        fn transform_quantise_4x4(
            cur: Window<'_, 4, 4>,
            pred: Window<'_, 4, 4>,
            quantiser: &Quantiser,
            levels: &mut [i16; 16],
            dequantised: &mut [i16; 16],
            eob: &mut u8,
        ) {
            let block = fdct_one(cur, pred);
            let out = Quantised { levels, dequantised, eob };
            quantise_block(block, halves(quantiser), out);
        }

        /// One pass of the inverse DCT, across the four registers.
        #[inline]
        #[target_feature(enable = $features)]
        fn inverse_pass([x0, x1, x2, x3]: [I16x8; 4]) -> [I16x8; 4] {
            let (a, b) = (add_i16(x0, x2), sub_i16(x0, x2));
            // 35468 does not fit: uses 35468 - 65536, and adds the input once more.
            let sin = |x| add_i16(x, mulhi_by(x, -30068));
            let cos = |x| add_i16(x, mulhi_by(x, 20091));
            let (c, d) = (sub_i16(sin(x1), cos(x3)), add_i16(cos(x1), sin(x3)));
            [add_i16(a, d), add_i16(b, c), sub_i16(b, c), sub_i16(a, d)]
        }

        /// Rows of coefficients, with 4 added to the DCs, to rows of differences, of two blocks.
        #[inline]
        #[target_feature(enable = $features)]
        fn idct(rows: [I16x8; 4]) -> [I16x8; 4] {
            let columns = inverse_pass(transpose_pairs(inverse_pass(rows)));
            let [a, b, c, d] = transpose_pairs(columns);
            [shr_i16::<3>(a), shr_i16::<3>(b), shr_i16::<3>(c), shr_i16::<3>(d)]
        }

        #[target_feature(enable = $features)]
        fn idct_add_4x4(coeffs: &[i16; 16], dst: WindowMut<'_, 4, 4>) {
            let [low, high] = load_block(coeffs);
            let low = add_i16(low, load_i16x8(&[4, 0, 0, 0, 0, 0, 0, 0]));
            // The high halves are unused.
            let [r0, r1, r2, r3] = idct([low, swap_halves(low), high, swap_halves(high)]);
            let pixels = load_4x4(dst.as_ref());
            let sums = [
                add_i16(widen_low(pixels), low_halves(r0, r1)),
                add_i16(widen_high(pixels), low_halves(r2, r3)),
            ];
            store_4x4(dst, narrow(sums[0], sums[1]));
        }

        /// Adds rows of eight differences to the pixels.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_rows(rows: [I16x8; 4], dst: &mut WindowMut<'_, 8, 4>) {
            for (y, row) in rows.into_iter().enumerate() {
                let sum = add_i16(widen_low(load_u8x8(dst.row(y))), row);
                store_u8x8(dst.row_mut(y), narrow(sum, sum));
            }
        }

        /// Two blocks side by side with their DCs; bits 0 and 1 of `ac` select the remaining
        /// coefficients.
        #[inline]
        #[target_feature(enable = $features)]
        fn idct_add_two(
            [a, b]: &[[i16; 16]; 2],
            dcs: [i16; 2],
            ac: u32,
            mut dst: WindowMut<'_, 8, 4>,
        ) {
            let [first, second] = dcs;
            if ac & 3 == 0 {
                if dcs == [0; 2] {
                    return;
                }
                let dcs = low_halves(splat_i16(first), splat_i16(second));
                return add_rows([shr_i16::<3>(add_i16(dcs, splat_i16(4))); 4], &mut dst);
            }
            let [first_row, other_rows] = &KEEP[ac as usize & 3];
            let kept = load_i16x8(other_rows);
            let ([a_low, a_high], [b_low, b_high]) = (load_block(a), load_block(b));
            // 4 more in the DC is 4 more in each sum before the final shift.
            let (first, second) = (first.wrapping_add(4), second.wrapping_add(4));
            let dcs = load_i16x8(&[first, 0, 0, 0, second, 0, 0, 0]);
            let rows = [
                add_i16(and_i16(low_halves(a_low, b_low), load_i16x8(first_row)), dcs),
                and_i16(high_halves(a_low, b_low), kept),
                and_i16(low_halves(a_high, b_high), kept),
                and_i16(high_halves(a_high, b_high), kept),
            ];
            add_rows(idct(rows), &mut dst);
        }

        #[target_feature(enable = $features)]
        fn idct_add_luma_y2(
            coeffs: &[[i16; 16]; 16],
            dcs: &[i16; 16],
            ac: u32,
            mut dst: WindowMut<'_, 16, 16>,
        ) {
            let blocks = coeffs.as_chunks().0.iter().zip(dcs.as_chunks().0);
            for (n, (coeffs, dcs)) in blocks.enumerate() {
                idct_add_two(coeffs, *dcs, ac >> (2 * n), dst.sub(n % 2 * 8, n / 2 * 4));
            }
        }

        #[target_feature(enable = $features)]
        fn idct_add_luma(
            coeffs: &[[i16; 16]; 16],
            mask: BlockMask,
            mut dst: WindowMut<'_, 16, 16>,
        ) {
            for (n, coeffs) in coeffs.as_chunks().0.iter().enumerate() {
                let (mask, dst) = (mask.from(2 * n), dst.sub(n % 2 * 8, n / 2 * 4));
                idct_add_two(coeffs, mask.dcs_of_two(coeffs), mask.any & mask.ac, dst);
            }
        }

        #[target_feature(enable = $features)]
        fn idct_add_chroma(
            coeffs: &[[i16; 16]; 8],
            mask: BlockMask,
            mut u: WindowMut<'_, 8, 8>,
            mut v: WindowMut<'_, 8, 8>,
        ) {
            for (n, coeffs) in coeffs.as_chunks().0.iter().enumerate() {
                let y = n % 2 * 4;
                let dst = if n < 2 { u.sub(0, y) } else { v.sub(0, y) };
                let mask = mask.from(2 * n);
                idct_add_two(coeffs, mask.dcs_of_two(coeffs), mask.any & mask.ac, dst);
            }
        }
    };
}
pub(crate) use lanes_transform;
