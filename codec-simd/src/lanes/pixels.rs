//! Kernels for rows of pixels, which process sixteen or thirty-two pixels at a time.

/// The row kernels, compiled for the given features.
macro_rules! lanes_pixels {
    ($features:literal) => {
        /// Rows in pieces whose sums of squares fit 32 bits: four times 4096 pixels of at most
        /// 65025.
        const PIECE: usize = 4 * 4096;

        #[target_feature(enable = $features)]
        fn sse_row(a: &[u8], b: &[u8]) -> u64 {
            assert_eq!(a.len(), b.len(), "rows of different lengths");
            let mut total = 0;
            for (a, b) in a.chunks(PIECE).zip(b.chunks(PIECE)) {
                let ((a, a_end), (b, b_end)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
                let mut sums = zero_u32();
                for (a, b) in a.iter().zip(b) {
                    sums = add_squares(sums, load_u8x16(a), load_u8x16(b));
                }
                total += wide_sum_u32(sums) + scalar::sse_row(a_end, b_end);
            }
            total
        }

        #[target_feature(enable = $features)]
        fn halve_row(a: &[u8], b: &[u8], out: &mut [u8]) {
            assert!(a.len() == 2 * out.len() && b.len() == a.len(), "rows do not fit together");
            let ((a, a_end), (b, b_end)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
            let (out, out_end) = out.as_chunks_mut::<16>();
            for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
                let ((a, _), (b, _)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
                let ([a_low, a_high], [b_low, b_high]) = (a, b) else { continue };
                let sum = |a, b| add_i16(pair_sums(load_u8x16(a)), pair_sums(load_u8x16(b)));
                store_u8x16(out, round_narrow::<2>(sum(a_low, b_low), sum(a_high, b_high)));
            }
            scalar::halve_row(a_end, b_end, out_end);
        }

        #[target_feature(enable = $features)]
        fn split_uv_row(uv: &[u8], u: &mut [u8], v: &mut [u8]) {
            assert!(uv.len() == 2 * u.len() && v.len() == u.len(), "rows do not fit together");
            let (uv, uv_end) = uv.as_chunks::<32>();
            let ((u, u_end), (v, v_end)) = (u.as_chunks_mut::<16>(), v.as_chunks_mut::<16>());
            for (uv, (u, v)) in uv.iter().zip(u.iter_mut().zip(v)) {
                let (uv, _) = uv.as_chunks::<16>();
                let [low, high] = uv else { continue };
                let (low, high) = (load_u8x16(low), load_u8x16(high));
                store_u8x16(u, evens_u8(low, high));
                store_u8x16(v, odds_u8(low, high));
            }
            scalar::split_uv_row(uv_end, u_end, v_end);
        }
    };
}
pub(crate) use lanes_pixels;
