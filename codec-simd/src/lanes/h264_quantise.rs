//! Quantisation for the encoder of H.264: a register holds two columns of a 4x4 block, or one of an
//! 8x8 block.

/// The quantisation kernels of H.264, compiled for the given features. They use the functions of
/// `lanes_h264_forward`.
macro_rules! lanes_h264_quantise {
    ($features:literal) => {
        /// Values that all positions of a [`H264Quantiser`] have in common.
        #[derive(Clone, Copy)]
        struct Common {
            /// A `round` of 1/4096 of a level.
            unit: i16,
            shift: u8,
            most: I16x8,
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn common<const N: usize>(quantiser: &H264Quantiser<N>) -> Common {
            let shift = quantiser.shift.clamp(12, 24);
            let most = splat_i16(H264Quantiser::<N>::MAX_LEVEL);
            Common { unit: 1 << (shift - 12), shift, most }
        }

        /// The levels of magnitudes.
        #[inline]
        #[target_feature(enable = $features)]
        fn levels_of(magnitudes: I16x8, multipliers: I16x8, rounds: I16x8, q: Common) -> I16x8 {
            min_i16(scale_i16(magnitudes, multipliers, rounds, q.unit, q.shift), q.most)
        }

        /// `x + x * weight`.
        #[inline]
        #[target_feature(enable = $features)]
        fn weighted(x: I16x8, weight: I16x8) -> I16x8 {
            add_i16(x, mul_round_q15(x, weight))
        }

        /// The sum as 1/16 of the squared error of pixels.
        #[inline]
        #[target_feature(enable = $features)]
        fn in_sixteenths(sums: U32x4, post_shift: u32) -> u32 {
            let sum = wide_sum_u32(sums).min(u64::from(u32::MAX)) + (1 << (post_shift - 1));
            u32::try_from(sum >> post_shift).unwrap_or(u32::MAX)
        }

        // ---- 4x4 ----

        /// A quantiser in registers.
        #[derive(Clone, Copy)]
        struct Factors<'a> {
            multipliers: [I16x8; 2],
            rounds: [I16x8; 2],
            limits: [I16x8; 2],
            scales: [I16x8; 2],
            /// Zero at a DC that is not quantised.
            kept: I16x8,
            weights: [I16x8; 2],
            value_weights: [I16x8; 2],
            common: Common,
            from: &'a H264Quantiser<16>,
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn factors(from: &H264Quantiser<16>) -> Factors<'_> {
            let dc = if from.has_dc { -1 } else { 0 };
            Factors {
                multipliers: load_block(&from.multipliers),
                rounds: load_block(&from.rounds),
                limits: load_block(&from.limits),
                scales: load_block(&from.scales),
                kept: load_i16x8(&[dc, -1, -1, -1, -1, -1, -1, -1]),
                weights: load_block(&ERROR_4X4.coeff),
                value_weights: load_block(&ERROR_4X4.dequantised),
                common: common(from),
                from,
            }
        }

        /// Destinations of one block's results.
        struct Block<'a> {
            levels: &'a mut [i16; 16],
            dequantised: &'a mut [i16; 16],
            positions: &'a mut u16,
        }

        /// Inputs of the sum of squares and the masks of a [`H264Quantised`].
        #[derive(Clone, Copy)]
        struct Found {
            sums: U32x4,
            coded: u32,
            large: u32,
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn nothing() -> Found {
            Found { sums: zero_u32(), coded: 0, large: 0 }
        }

        /// The coefficients in the scale of the dequantised values' weighted error.
        #[inline]
        #[target_feature(enable = $features)]
        fn targets_4x4([a, b]: [I16x8; 2], weights: [I16x8; 2]) -> [I16x8; 2] {
            let (a, b) = (add_i16(a, a), add_i16(b, b));
            [weighted(a, weights[0]), weighted(b, weights[1])]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn add_two_errors(sums: U32x4, a: [I16x8; 2], b: [I16x8; 2]) -> U32x4 {
            add_errors(add_errors(sums, a[0], b[0]), a[1], b[1])
        }

        /// Quantises block `n`.
        #[inline]
        #[target_feature(enable = $features)]
        fn quantise_block(
            [first, second]: [I16x8; 2],
            q: &Factors<'_>,
            n: usize,
            out: Block<'_>,
            found: &mut Found,
        ) {
            let zero = splat_i16(0);
            let block = [and_i16(first, q.kept), second];
            let targets = targets_4x4(block, q.weights);
            let magnitudes = [saturating_abs_i16(block[0]), saturating_abs_i16(block[1])];
            let above =
                or_i16(gt_i16(magnitudes[0], q.limits[0]), gt_i16(magnitudes[1], q.limits[1]));
            if !any_i16(above) {
                store_block(out.levels, [zero; 2]);
                store_block(out.dequantised, [zero; 2]);
                *out.positions = 0;
                found.sums = add_two_errors(found.sums, targets, [zero; 2]);
                return;
            }
            let level =
                |i: usize| levels_of(magnitudes[i], q.multipliers[i], q.rounds[i], q.common);
            let magnitudes = [level(0), level(1)];
            let above = gt_i16(max_i16(magnitudes[0], magnitudes[1]), splat_i16(1));
            let levels =
                [with_sign_i16(magnitudes[0], block[0]), with_sign_i16(magnitudes[1], block[1])];
            let in_order = in_scan_order(levels);
            *out.positions = not_zero(in_order);
            store_block(out.levels, in_order);
            found.coded |= u32::from(*out.positions != 0) << n;
            found.large |= u32::from(any_i16(above)) << n;
            let values = if q.from.right == 0 {
                let values = [mul_i16(levels[0], q.scales[0]), mul_i16(levels[1], q.scales[1])];
                store_block(out.dequantised, values);
                values
            } else {
                store_block(out.dequantised, levels);
                q.from.dequantise_all(out.dequantised);
                load_block(out.dequantised)
            };
            let values =
                [weighted(values[0], q.value_weights[0]), weighted(values[1], q.value_weights[1])];
            found.sums = add_two_errors(found.sums, targets, values);
        }

        #[target_feature(enable = $features)]
        fn h264_quantise_4x4(
            coeffs: &[[i16; 16]],
            quantiser: &H264Quantiser<16>,
            levels: &mut [[i16; 16]],
            dequantised: &mut [[i16; 16]],
            positions: &mut [u16],
        ) -> H264Quantised<1> {
            assert!(
                coeffs.len() == levels.len()
                    && coeffs.len() == dequantised.len()
                    && coeffs.len() == positions.len()
                    && coeffs.len() <= 32,
                "as many blocks in as out, at most 32"
            );
            let (q, mut found) = (factors(quantiser), nothing());
            let blocks = coeffs.iter().zip(levels).zip(dequantised).zip(positions);
            for (n, (((coeffs, levels), dequantised), positions)) in blocks.enumerate() {
                let out = Block { levels, dequantised, positions };
                quantise_block(load_block(coeffs), &q, n, out, &mut found);
            }
            let sse = [in_sixteenths(found.sums, ErrorWeights::<16>::POST_SHIFT)];
            H264Quantised { coded: found.coded, large: found.large, sse }
        }

        #[target_feature(enable = $features)]
        fn h264_coeff_sse_4x4(coeffs: &[[i16; 16]], dequantised: &[[i16; 16]]) -> u32 {
            assert_eq!(coeffs.len(), dequantised.len(), "as many blocks on both sides");
            let (weights, value_weights) =
                (load_block(&ERROR_4X4.coeff), load_block(&ERROR_4X4.dequantised));
            let mut sums = zero_u32();
            for (coeffs, values) in coeffs.iter().zip(dequantised) {
                let [a, b] = load_block(values);
                let values = [weighted(a, value_weights[0]), weighted(b, value_weights[1])];
                sums = add_two_errors(sums, targets_4x4(load_block(coeffs), weights), values);
            }
            in_sixteenths(sums, ErrorWeights::<16>::POST_SHIFT)
        }

        #[target_feature(enable = $features)]
        fn h264_transform_quantise_luma(
            cur: &Block16,
            pred: &Block16,
            quantiser: &H264Quantiser<16>,
            levels: &mut [[i16; 16]; 16],
            dequantised: &mut [[i16; 16]; 16],
            positions: &mut [u16; 16],
            dcs: &mut [i16; 16],
        ) -> H264Quantised<4> {
            let (q, mut result) = (factors(quantiser), H264Quantised::default());
            for (part, sse) in result.sse.iter_mut().enumerate() {
                let mut found = nothing();
                for pair in [2 * part, 2 * part + 1] {
                    let blocks = fdct_luma_pair(cur, pred, pair);
                    for (n, block) in (2 * pair..).zip(blocks) {
                        dcs[n] = first_i16(block[0]);
                        let (levels, dequantised) = (&mut levels[n], &mut dequantised[n]);
                        let out = Block { levels, dequantised, positions: &mut positions[n] };
                        quantise_block(block, &q, n, out, &mut found);
                    }
                }
                result.coded |= found.coded;
                result.large |= found.large;
                *sse = in_sixteenths(found.sums, ErrorWeights::<16>::POST_SHIFT);
            }
            result
        }

        #[target_feature(enable = $features)]
        fn h264_transform_quantise_chroma(
            cur: &BlockUv,
            pred: &BlockUv,
            quantisers: [&H264Quantiser<16>; 2],
            levels: &mut [[i16; 16]; 8],
            dequantised: &mut [[i16; 16]; 8],
            positions: &mut [u16; 8],
            dcs: &mut [i16; 8],
        ) -> H264Quantised<2> {
            let mut result = H264Quantised::default();
            let planes = quantisers.into_iter().zip(&mut result.sse).enumerate();
            for (plane, (quantiser, sse)) in planes {
                let (q, mut found) = (factors(quantiser), nothing());
                for pair in [2 * plane, 2 * plane + 1] {
                    let blocks = fdct_chroma_pair(cur, pred, pair);
                    for (n, block) in (2 * pair..).zip(blocks) {
                        dcs[n] = first_i16(block[0]);
                        let (levels, dequantised) = (&mut levels[n], &mut dequantised[n]);
                        let out = Block { levels, dequantised, positions: &mut positions[n] };
                        quantise_block(block, &q, n, out, &mut found);
                    }
                }
                result.coded |= found.coded;
                result.large |= found.large;
                *sse = in_sixteenths(found.sums, ErrorWeights::<16>::POST_SHIFT);
            }
            result
        }

        #[target_feature(enable = $features)]
        fn h264_transform_quantise_4x4(
            cur: Window<'_, 4, 4>,
            pred: Window<'_, 4, 4>,
            quantiser: &H264Quantiser<16>,
            levels: &mut [i16; 16],
            dequantised: &mut [i16; 16],
            positions: &mut u16,
        ) -> H264Quantised<1> {
            let (q, mut found) = (factors(quantiser), nothing());
            let out = Block { levels, dequantised, positions };
            quantise_block(fdct_one(cur, pred), &q, 0, out, &mut found);
            let sse = [in_sixteenths(found.sums, ErrorWeights::<16>::POST_SHIFT)];
            H264Quantised { coded: found.coded, large: found.large, sse }
        }

        // ---- 8x8 ----

        #[inline]
        #[target_feature(enable = $features)]
        fn load_large(from: &[i16; 64]) -> [I16x8; 8] {
            let mut columns = [splat_i16(0); 8];
            for (column, from) in columns.iter_mut().zip(from.as_chunks::<8>().0) {
                *column = load_i16x8(from);
            }
            columns
        }

        /// Destinations of an 8x8 block's results.
        struct Large<'a> {
            levels: &'a mut [i16; 64],
            dequantised: &'a mut [i16; 64],
            positions: &'a mut u64,
        }

        /// The sum of squared errors of a block.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_large_errors(mut sums: U32x4, coeffs: [I16x8; 8], values: &[i16; 64]) -> U32x4 {
            let values = load_large(values);
            let weights = load_large(&ERROR_8X8.coeff);
            let value_weights = load_large(&ERROR_8X8.dequantised);
            for i in 0..8 {
                let target = weighted(coeffs[i], weights[i]);
                sums = add_errors(sums, target, weighted(values[i], value_weights[i]));
            }
            sums
        }

        /// Moves levels from columns to scan order, and returns which are not zero.
        #[inline]
        #[target_feature(enable = $features)]
        fn scan_large(by_column: &[i16; 64], mut coded: u64, levels: &mut [i16; 64]) -> u64 {
            let mut positions = 0;
            while coded != 0 {
                let position = coded.trailing_zeros() as usize % 64;
                let place = usize::from(SCAN_PLACE_8X8[position]) % 64;
                levels[place] = by_column[position];
                positions |= 1 << place;
                coded &= coded - 1;
            }
            positions
        }

        /// Quantises the 8x8 block `n`.
        #[inline]
        #[target_feature(enable = $features)]
        fn quantise_large(
            mut coeffs: [I16x8; 8],
            quantiser: &H264Quantiser<64>,
            n: usize,
            out: Large<'_>,
            found: &mut Found,
        ) {
            if !quantiser.has_dc {
                let kept = load_i16x8(&[0, -1, -1, -1, -1, -1, -1, -1]);
                coeffs[0] = and_i16(coeffs[0], kept);
            }
            *out.levels = [0; 64];
            *out.positions = 0;
            let zero = splat_i16(0);
            let (limits, mut above) = (load_large(&quantiser.limits), zero);
            for i in 0..8 {
                above = or_i16(above, gt_i16(saturating_abs_i16(coeffs[i]), limits[i]));
            }
            if !any_i16(above) {
                *out.dequantised = [0; 64];
                found.sums = add_large_errors(found.sums, coeffs, out.dequantised);
                return;
            }
            let q = common(quantiser);
            let multipliers = load_large(&quantiser.multipliers);
            let (rounds, scales) = (load_large(&quantiser.rounds), load_large(&quantiser.scales));
            let (mut levels, mut largest) = ([zero; 8], zero);
            for i in 0..8 {
                let magnitudes = saturating_abs_i16(coeffs[i]);
                let magnitudes = levels_of(magnitudes, multipliers[i], rounds[i], q);
                largest = max_i16(largest, magnitudes);
                levels[i] = with_sign_i16(magnitudes, coeffs[i]);
            }
            let mut coded = 0;
            for i in [0, 2, 4, 6] {
                coded |= u64::from(not_zero([levels[i], levels[i + 1]])) << (8 * i);
            }
            let mut by_column = [0; 64];
            store_large(&mut by_column, levels);
            *out.positions = scan_large(&by_column, coded, out.levels);
            found.coded |= u32::from(coded != 0) << n;
            found.large |= u32::from(any_i16(gt_i16(largest, splat_i16(1)))) << n;
            if quantiser.right == 0 {
                for i in 0..8 {
                    levels[i] = mul_i16(levels[i], scales[i]);
                }
                store_large(out.dequantised, levels);
            } else {
                *out.dequantised = by_column;
                quantiser.dequantise_all(out.dequantised);
            }
            found.sums = add_large_errors(found.sums, coeffs, out.dequantised);
        }

        #[target_feature(enable = $features)]
        fn h264_quantise_8x8(
            coeffs: &[[i16; 64]],
            quantiser: &H264Quantiser<64>,
            levels: &mut [[i16; 64]],
            dequantised: &mut [[i16; 64]],
            positions: &mut [u64],
        ) -> H264Quantised<1> {
            assert!(
                coeffs.len() == levels.len()
                    && coeffs.len() == dequantised.len()
                    && coeffs.len() == positions.len()
                    && coeffs.len() <= 32,
                "as many blocks in as out, at most 32"
            );
            let mut found = nothing();
            let blocks = coeffs.iter().zip(levels).zip(dequantised).zip(positions);
            for (n, (((coeffs, levels), dequantised), positions)) in blocks.enumerate() {
                let out = Large { levels, dequantised, positions };
                quantise_large(load_large(coeffs), quantiser, n, out, &mut found);
            }
            let sse = [in_sixteenths(found.sums, ErrorWeights::<64>::POST_SHIFT)];
            H264Quantised { coded: found.coded, large: found.large, sse }
        }

        #[target_feature(enable = $features)]
        fn h264_coeff_sse_8x8(coeffs: &[[i16; 64]], dequantised: &[[i16; 64]]) -> u32 {
            assert_eq!(coeffs.len(), dequantised.len(), "as many blocks on both sides");
            let mut sums = zero_u32();
            for (coeffs, values) in coeffs.iter().zip(dequantised) {
                sums = add_large_errors(sums, load_large(coeffs), values);
            }
            in_sixteenths(sums, ErrorWeights::<64>::POST_SHIFT)
        }

        #[target_feature(enable = $features)]
        fn h264_transform_quantise_luma_8x8(
            cur: &Block16,
            pred: &Block16,
            quantiser: &H264Quantiser<64>,
            levels: &mut [[i16; 64]; 4],
            dequantised: &mut [[i16; 64]; 4],
            positions: &mut [u64; 4],
        ) -> H264Quantised<4> {
            let mut result = H264Quantised::default();
            for n in 0..4 {
                let (x, y) = (n % 2 * 8, n / 2 * 8);
                let part = h264_transform_quantise_8x8(
                    cur.sub(x, y),
                    pred.sub(x, y),
                    quantiser,
                    &mut levels[n],
                    &mut dequantised[n],
                    &mut positions[n],
                );
                result.coded |= part.coded << n;
                result.large |= part.large << n;
                [result.sse[n]] = part.sse;
            }
            result
        }

        #[target_feature(enable = $features)]
        fn h264_transform_quantise_8x8(
            cur: Window<'_, 8, 8>,
            pred: Window<'_, 8, 8>,
            quantiser: &H264Quantiser<64>,
            levels: &mut [i16; 64],
            dequantised: &mut [i16; 64],
            positions: &mut u64,
        ) -> H264Quantised<1> {
            let mut found = nothing();
            let out = Large { levels, dequantised, positions };
            quantise_large(fdct_large(cur, pred), quantiser, 0, out, &mut found);
            let sse = [in_sixteenths(found.sums, ErrorWeights::<64>::POST_SHIFT)];
            H264Quantised { coded: found.coded, large: found.large, sse }
        }
    };
}
pub(crate) use lanes_h264_quantise;
