//! Denoising. A register holds eight pixels of a row in the temporal filter, and sixteen in spatial
//! smoothing.

/// The kernels that remove noise, compiled for the given features.
macro_rules! lanes_temporal {
    ($features:literal) => {
        /// Source minus history of both halves of a row, in 1/128 of a level.
        #[inline]
        #[target_feature(enable = $features)]
        fn differences(pixels: &[u8; 16], history: [I16x8; 2]) -> [I16x8; 2] {
            let pixels = load_u8x16(pixels);
            let (low, high) = (widen_low(pixels), widen_high(pixels));
            [sub_i16(shl_i16::<7>(low), history[0]), sub_i16(shl_i16::<7>(high), history[1])]
        }

        #[target_feature(enable = $features)]
        fn temporal_sums_16x8(
            source: Window<'_, 16, 8>,
            history: &[[i16; 16]; 8],
        ) -> ([i32; 4], [i32; 4]) {
            // Eight differences of at most 4080 in each lane.
            let (mut sums, mut sads) = ([splat_i16(0); 2], [splat_i16(0); 2]);
            for (y, history) in history.iter().enumerate() {
                let differences = differences(source.row(y), load_block(history));
                for half in 0..2 {
                    let difference = shr_i16::<3>(differences[half]);
                    sums[half] = add_i16(sums[half], difference);
                    sads[half] = add_i16(sads[half], abs_i16(difference));
                }
            }
            let ([a, b], [c, d]) = (sums_of_halves_i16(sums[0]), sums_of_halves_i16(sums[1]));
            let ([e, f], [g, h]) = (sums_of_halves_i16(sads[0]), sums_of_halves_i16(sads[1]));
            ([a, b, c, d], [e, f, g, h])
        }

        #[target_feature(enable = $features)]
        fn temporal_blend_16x8(
            source: Window<'_, 16, 8>,
            history: &mut [[i16; 16]; 8],
            weights: &TemporalWeights<'_>,
            mut dst: WindowMut<'_, 16, 8>,
        ) {
            let ranges = load_block(&TemporalWeights::columns(weights.ranges()));
            let leasts = load_block(&TemporalWeights::columns(weights.leasts()));
            let slopes = load_block(&TemporalWeights::columns(weights.slopes()));
            for (y, history) in history.iter_mut().enumerate() {
                let mut filtered = load_block(history);
                let differences = differences(source.row(y), filtered);
                for half in 0..2 {
                    let above = sub_i16(abs_i16(differences[half]), ranges[half]);
                    let above = min_i16(max_i16(above, splat_i16(0)), ranges[half]);
                    let share = adds_i16(mul_i16(above, slopes[half]), leasts[half]);
                    let step = mul_round_q15(differences[half], share);
                    filtered[half] = add_i16(filtered[half], step);
                }
                store_block(history, filtered);
                store_u8x16(dst.row_mut(y), round_narrow::<7>(filtered[0], filtered[1]));
            }
        }

        #[target_feature(enable = $features)]
        fn smooth_16x8(source: Window<'_, 18, 10>, limits: &[u8; 16], dst: &mut [[u8; 16]; 8]) {
            let [left, middle, right] = [
                source.sub::<16, 10>(0, 0),
                source.sub::<16, 10>(1, 0),
                source.sub::<16, 10>(2, 0),
            ];
            let limit = load_u8x16(limits);
            let twice = adds_u8(limit, limit);
            // Four influences of at most 63 in each lane.
            let counted = |size| min_u8(size, subs_u8(twice, size));
            for (y, dst) in dst.iter_mut().enumerate() {
                let pixels = load_u8x16(middle.row(y + 1));
                let (mut more, mut less) = (splat_u8(0), splat_u8(0));
                for near in [left.row(y + 1), right.row(y + 1), middle.row(y), middle.row(y + 2)] {
                    let near = load_u8x16(near);
                    more = adds_u8(more, counted(subs_u8(near, pixels)));
                    less = adds_u8(less, counted(subs_u8(pixels, near)));
                }
                let fifth = splat_i16(6554);
                let low = mul_round_q15(difference_low(more, less), fifth);
                let high = mul_round_q15(difference_high(more, less), fifth);
                let low = add_i16(low, widen_low(pixels));
                let high = add_i16(high, widen_high(pixels));
                store_u8x16(dst, narrow(low, high));
            }
        }
    };
}
pub(crate) use lanes_temporal;
