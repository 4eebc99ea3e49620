//! Kernels for two blocks per call, for levels that have only kernels for one block.

/// `sixtap_8x8_x2` of a level by two calls of its `sixtap_8x8`, compiled for the given features.
macro_rules! sixtap_pair {
    ($features:literal) => {
        #[target_feature(enable = $features)]
        fn sixtap_8x8_x2(
            [a, b]: [Window<'_, 16, 13>; 2],
            fx: u8,
            fy: u8,
            [to_a, to_b]: [WindowMut<'_, 8, 8>; 2],
        ) {
            sixtap_8x8(a, fx, fy, to_a);
            sixtap_8x8(b, fx, fy, to_b);
        }
    };
}
pub(crate) use sixtap_pair;
