//! Half-pel samples for the motion search of H.264, computed for sixteen or eight columns at a
//! time.

/// The kernels, compiled for the given features. They use the functions of `lanes_h264_predict`.
macro_rules! lanes_h264_half_planes {
    ($features:literal) => {
        /// Stores sixteen or, from the low half, eight samples from the column `at` on.
        #[inline]
        #[target_feature(enable = $features)]
        fn store_at<const W: usize, const N: usize>(row: &mut [u8; N], at: usize, samples: U8x16) {
            if W == 16 {
                if let Some(to) = row[at..].first_chunk_mut() {
                    store_u8x16(to, samples);
                }
            } else if let Some(to) = row[at..].first_chunk_mut() {
                store_u8x8(to, samples);
            }
        }

        /// `W` columns of the half samples across, and of those between four samples, from the
        /// column `at` on.
        #[inline]
        #[target_feature(enable = $features)]
        fn fill_across_and_both<
            const W: usize,
            const RW: usize,
            const IN: usize,
            const STRIDE: usize,
            const ROWS: usize,
            const MORE: usize,
        >(
            refp: Window<'_, IN, IN>,
            at: usize,
            out: &mut HalfPlanes<STRIDE, ROWS, MORE>,
        ) {
            let refp = refp.sub::<RW, IN>(at, 0);
            let mut sums = [[splat_i16(0); 2]; IN];
            for (y, sums) in sums.iter_mut().enumerate() {
                *sums = row_sums::<W, RW>(refp.row(y));
            }
            for (row, [low, high]) in out.across.iter_mut().zip(&sums[2..]) {
                store_at::<W, STRIDE>(row, at, round_narrow::<5>(*low, *high));
            }
            for (y, row) in out.both.iter_mut().enumerate() {
                let column = |i: usize| {
                    let [a, b, c] = [sums[y][i], sums[y + 1][i], sums[y + 2][i]];
                    [a, b, c, sums[y + 3][i], sums[y + 4][i], sums[y + 5][i]]
                };
                let low = sum_of_sums(column(0));
                let high = if W == 16 { sum_of_sums(column(1)) } else { low };
                store_at::<W, STRIDE>(row, at, round_narrow::<6>(low, high));
            }
        }

        /// `W` columns of the half samples below, from the column `at` on.
        #[inline]
        #[target_feature(enable = $features)]
        fn fill_down<
            const W: usize,
            const RW: usize,
            const IN: usize,
            const STRIDE: usize,
            const ROWS: usize,
            const MORE: usize,
        >(
            refp: Window<'_, IN, IN>,
            at: usize,
            out: &mut HalfPlanes<STRIDE, ROWS, MORE>,
        ) {
            let rows = below::<W, ROWS, RW, IN>(refp.sub::<RW, IN>(at, 0), 0);
            for (row, samples) in out.down.iter_mut().zip(rows) {
                store_at::<W, STRIDE>(row, at, samples);
            }
        }

        #[target_feature(enable = $features)]
        fn h264_half_planes_16x16(refp: Window<'_, 22, 22>, out: &mut HalfPlanes16) {
            fill_across_and_both::<16, 21, 22, 32, 17, 18>(refp, 0, out);
            fill_across_and_both::<8, 13, 22, 32, 17, 18>(refp, 9, out);
            fill_down::<16, 18, 22, 32, 17, 18>(refp, 0, out);
            fill_down::<8, 10, 22, 32, 17, 18>(refp, 10, out);
        }

        #[target_feature(enable = $features)]
        fn h264_half_planes_8x8(refp: Window<'_, 14, 14>, out: &mut HalfPlanes8) {
            fill_across_and_both::<8, 13, 14, 16, 9, 10>(refp, 0, out);
            fill_across_and_both::<8, 13, 14, 16, 9, 10>(refp, 1, out);
            fill_down::<8, 10, 14, 16, 9, 10>(refp, 0, out);
            fill_down::<8, 10, 14, 16, 9, 10>(refp, 2, out);
        }
    };
}
pub(crate) use lanes_h264_half_planes;
