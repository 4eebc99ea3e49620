//! Prediction errors of 8x8 blocks: squared error and the lowest frequencies of the residual. A
//! 128-bit register holds a row of 8 pixels.

/// The kernels for errors, compiled for the given features.
macro_rules! lanes_errors {
    ($features:literal) => {
        #[target_feature(enable = $features)]
        fn errors_8x8(cur: Window<'_, 8, 8>, pred: Window<'_, 8, 8>) -> Error8x8 {
            let (mut squares, mut halves) = (zero_u32(), [splat_i16(0); 2]);
            for y in 0..8 {
                let error = difference_low(load_u8x8(cur.row(y)), load_u8x8(pred.row(y)));
                halves[y / 4] = add_i16(halves[y / 4], error);
                squares = add_errors(squares, error, splat_i16(0));
            }
            let mut sums = [0; 4];
            for (sums, half) in sums.as_chunks_mut::<2>().0.iter_mut().zip(halves) {
                let mut columns = [0; 8];
                store_i16x8(&mut columns, half);
                for (sum, columns) in sums.iter_mut().zip(columns.as_chunks::<4>().0) {
                    *sum = columns.map(i32::from).iter().sum();
                }
            }
            Error8x8::new(u32::try_from(wide_sum_u32(squares)).unwrap_or(u32::MAX), sums)
        }

        #[target_feature(enable = $features)]
        fn errors_16x16(cur: &Block16, pred: Window<'_, 16, 16>) -> [Error8x8; 4] {
            [
                errors_8x8(cur.sub(0, 0), pred.sub(0, 0)),
                errors_8x8(cur.sub(8, 0), pred.sub(8, 0)),
                errors_8x8(cur.sub(0, 8), pred.sub(0, 8)),
                errors_8x8(cur.sub(8, 8), pred.sub(8, 8)),
            ]
        }
    };
}
pub(crate) use lanes_errors;
