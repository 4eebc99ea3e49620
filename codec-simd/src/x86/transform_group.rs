//! VP8's transforms of several blocks side by side: each register holds one row or column of all
//! blocks, two blocks in each 128-bit lane.
//!
//! The code is expanded for each register width with its intrinsics.

/// Helpers and passes for one register width, in module-private functions.
macro_rules! transform_group {
    ($features:literal, $reg:ty,
     $add16:ident, $sub16:ident, $add32:ident, $madd:ident, $mulhi:ident,
     $set16:ident, $set32:ident,
     $low16:ident, $high16:ident, $low32:ident, $high32:ident, $low64:ident, $high64:ident,
     $packs32:ident, $slli16:ident, $srai16:ident, $srai32:ident) => {
        /// Within each lane, rows of two blocks to columns of the same, or back.
        #[inline]
        #[target_feature(enable = $features)]
        fn transpose_pairs([a, b, c, d]: [$reg; 4]) -> [$reg; 4] {
            let (ab_low, ab_high) = ($low16(a, b), $high16(a, b));
            let (cd_low, cd_high) = ($low16(c, d), $high16(c, d));
            let (first_01, first_23) = ($low32(ab_low, cd_low), $high32(ab_low, cd_low));
            let (second_01, second_23) = ($low32(ab_high, cd_high), $high32(ab_high, cd_high));
            [
                $low64(first_01, second_01),
                $high64(first_01, second_01),
                $low64(first_23, second_23),
                $high64(first_23, second_23),
            ]
        }

        /// `a * even + b * odd + rounding`, in two registers of 32-bit lanes.
        #[inline]
        #[target_feature(enable = $features)]
        fn rotation([low, high]: [$reg; 2], even: i16, odd: i16, rounding: i32) -> [$reg; 2] {
            let [e0, e1] = even.to_le_bytes();
            let [o0, o1] = odd.to_le_bytes();
            let factors = $set32(i32::from_le_bytes([e0, e1, o0, o1]));
            let rounding = $set32(rounding);
            [$add32($madd(low, factors), rounding), $add32($madd(high, factors), rounding)]
        }

        /// First pass of the forward DCT, across the four columns. The factor 8 of the input is
        /// taken out of the rotations: 14500 / 8 and 7500 / 8.
        #[inline]
        #[target_feature(enable = $features)]
        fn forward_rows([a, b, c, d]: [$reg; 4]) -> [$reg; 4] {
            let (sum03, sum12) = ($add16(a, d), $add16(b, c));
            let (dif03, dif12) = ($sub16(a, d), $sub16(b, c));
            let mixed = [$low16(dif03, dif12), $high16(dif03, dif12)];
            let [first_low, first_high] = rotation(mixed, 5352, 2217, 1812);
            let [third_low, third_high] = rotation(mixed, 2217, -5352, 937);
            [
                $slli16::<3>($add16(sum03, sum12)),
                $packs32($srai32::<9>(first_low), $srai32::<9>(first_high)),
                $slli16::<3>($sub16(sum03, sum12)),
                $packs32($srai32::<9>(third_low), $srai32::<9>(third_high)),
            ]
        }

        /// Second pass of the forward DCT, across the four rows.
        #[inline]
        #[target_feature(enable = $features)]
        fn forward_columns([a, b, c, d]: [$reg; 4]) -> [$reg; 4] {
            let (sum03, sum12) = ($add16(a, d), $add16(b, c));
            let (dif03, dif12) = ($sub16(a, d), $sub16(b, c));
            let mixed = [$low16(dif03, dif12), $high16(dif03, dif12)];
            let sum03 = $add16(sum03, $set16(7));
            let [first_low, first_high] = rotation(mixed, 5352, 2217, 12000);
            let [third_low, third_high] = rotation(mixed, 2217, -5352, 51000);
            let first = $packs32($srai32::<16>(first_low), $srai32::<16>(first_high));
            [
                $srai16::<4>($add16(sum03, sum12)),
                $add16(first, one_if_not_zero(dif03)),
                $srai16::<4>($sub16(sum03, sum12)),
                $packs32($srai32::<16>(third_low), $srai32::<16>(third_high)),
            ]
        }

        /// One pass of the inverse DCT across four registers.
        #[inline]
        #[target_feature(enable = $features)]
        fn inverse([a, b, c, d]: [$reg; 4]) -> [$reg; 4] {
            let (even_sum, even_dif) = ($add16(a, c), $sub16(a, c));
            // 35468 does not fit: uses 35468 - 65536, and adds the input once more.
            let (sin, cos) = ($set16(-30068), $set16(20091));
            let (b_sin, b_cos) = ($add16(b, $mulhi(b, sin)), $add16(b, $mulhi(b, cos)));
            let (d_sin, d_cos) = ($add16(d, $mulhi(d, sin)), $add16(d, $mulhi(d, cos)));
            let (inner, outer) = ($sub16(b_sin, d_cos), $add16(b_cos, d_sin));
            [
                $add16(even_sum, outer),
                $add16(even_dif, inner),
                $sub16(even_dif, inner),
                $sub16(even_sum, outer),
            ]
        }
    };
}
pub(super) use transform_group;
