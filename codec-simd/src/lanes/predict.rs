//! VP8's prediction in 128-bit registers. A register holds one row of 16 pixels, two rows of 8 or
//! four rows of 4.

/// Magnitudes of the six taps of each eighth; the second and the fifth are negative.
pub(crate) const TAPS_OF: [[u8; 6]; 8] = [
    [0, 0, 128, 0, 0, 0],
    [0, 6, 123, 12, 1, 0],
    [2, 11, 108, 36, 8, 1],
    [0, 9, 93, 50, 6, 0],
    [3, 16, 77, 77, 16, 3],
    [0, 6, 50, 93, 9, 0],
    [1, 8, 36, 108, 11, 2],
    [0, 1, 12, 123, 6, 0],
];

/// Rounded mean of the edges that exist, of `N` pixels each, whose sums are given; 128 without.
#[inline]
pub(crate) fn dc<const N: usize>(edges: &crate::types::Edges<N>, above: u32, left: u32) -> u8 {
    let shift = N.trailing_zeros();
    let mean = match (edges.has_above, edges.has_left) {
        (true, true) => (above + left + (1 << shift)) >> (shift + 1),
        (true, false) => (above + (1 << (shift - 1))) >> shift,
        (false, true) => (left + (1 << (shift - 1))) >> shift,
        (false, false) => 128,
    };
    mean.to_le_bytes()[0]
}

/// Calls the kernel that skips the passes and the taps that are zero.
macro_rules! by_taps {
    ($fx:expr, $fy:expr, $both:ident, $across:ident, $down:ident, $refp:expr, $dst:expr) => {{
        let (mut dst, refp) = ($dst, $refp);
        let (fx, fy) = (usize::from($fx & 7), usize::from($fy & 7));
        let (x, y) = (taps(&TAPS_OF[fx]), taps(&TAPS_OF[fy]));
        match (fx, fy, fx.is_multiple_of(2), fy.is_multiple_of(2)) {
            (0, 0, ..) => dst.copy_from(refp.sub(2, 2)),
            (_, 0, false, _) => $across::<false>(refp, x, dst),
            (_, 0, true, _) => $across::<true>(refp, x, dst),
            (0, _, _, false) => $down::<false>(refp, y, dst),
            (0, _, _, true) => $down::<true>(refp, y, dst),
            (_, _, false, false) => $both::<false, false>(refp, x, y, dst),
            (_, _, false, true) => $both::<false, true>(refp, x, y, dst),
            (_, _, true, false) => $both::<true, false>(refp, x, y, dst),
            (_, _, true, true) => $both::<true, true>(refp, x, y, dst),
        }
    }};
}
pub(crate) use by_taps;

/// The second pass over the rows that `row` returns: each is requested once, in order.
macro_rules! down_rows {
    ($six:ident, $row:expr, $taps:expr, $dst:expr) => {{
        let last = if $six { 5 } else { 4 };
        let mut rows = [splat_u8(0); 6];
        for y in usize::from(!$six)..last {
            rows[y] = $row(y);
        }
        for y in 0..16 {
            rows[last] = $row(y + last);
            store_u8x16($dst.row_mut(y), filter::<$six>(rows, $taps));
            rows = [rows[1], rows[2], rows[3], rows[4], rows[5], rows[5]];
        }
    }};
}
pub(crate) use down_rows;

/// The prediction kernels, compiled for the given features.
macro_rules! lanes_predict {
    ($features:literal) => {
        type Taps = [U8x16; 6];

        #[inline]
        #[target_feature(enable = $features)]
        fn taps(of: &[u8; 6]) -> Taps {
            let mut taps = [splat_u8(0); 6];
            for (tap, &of) in taps.iter_mut().zip(of) {
                *tap = splat_u8(of);
            }
            taps
        }

        /// Sixteen results; without the outer two taps if these are zero.
        #[inline]
        #[target_feature(enable = $features)]
        fn filter<const SIX: bool>(x: [U8x16; 6], t: Taps) -> U8x16 {
            // All taps except tap 3 give at most 123 * 255 and at least -32 * 255. With tap 3 the
            // sum may saturate, to a value that clamps to 255 anyway.
            let mut low = mul_low(x[2], t[2]);
            let mut high = mul_high(x[2], t[2]);
            low = mul_sub_low(low, x[1], t[1]);
            high = mul_sub_high(high, x[1], t[1]);
            low = mul_sub_low(low, x[4], t[4]);
            high = mul_sub_high(high, x[4], t[4]);
            if SIX {
                low = mul_add_low(low, x[0], t[0]);
                high = mul_add_high(high, x[0], t[0]);
                low = mul_add_low(low, x[5], t[5]);
                high = mul_add_high(high, x[5], t[5]);
            }
            round_narrow::<7>(
                adds_i16(low, mul_low(x[3], t[3])),
                adds_i16(high, mul_high(x[3], t[3])),
            )
        }

        /// Row `y` of the first pass, sixteen columns.
        #[inline]
        #[target_feature(enable = $features)]
        fn across_row_16<const SIX: bool>(refp: Window<'_, 21, 21>, y: usize, x: Taps) -> U8x16 {
            let column = |k: usize| load_u8x16(refp.sub::<16, 21>(k, 0).row(y));
            let (outer_0, outer_5) =
                if SIX { (column(0), column(5)) } else { (splat_u8(0), splat_u8(0)) };
            filter::<SIX>([outer_0, column(1), column(2), column(3), column(4), outer_5], x)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn across_16<const SIX: bool>(
            refp: Window<'_, 21, 21>,
            x: Taps,
            mut dst: WindowMut<'_, 16, 16>,
        ) {
            for y in 0..16 {
                store_u8x16(dst.row_mut(y), across_row_16::<SIX>(refp, y + 2, x));
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn down_16<const SIX: bool>(
            refp: Window<'_, 21, 21>,
            y: Taps,
            mut dst: WindowMut<'_, 16, 16>,
        ) {
            let refp = refp.sub::<16, 21>(2, 0);
            down_rows!(SIX, |at: usize| load_u8x16(refp.row(at)), y, dst);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn both_16<const SIX_X: bool, const SIX_Y: bool>(
            refp: Window<'_, 21, 21>,
            x: Taps,
            y: Taps,
            mut dst: WindowMut<'_, 16, 16>,
        ) {
            down_rows!(SIX_Y, |at: usize| across_row_16::<SIX_X>(refp, at, x), y, dst);
        }

        #[target_feature(enable = $features)]
        fn sixtap_16x16(refp: Window<'_, 21, 21>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>) {
            by_taps!(fx, fy, both_16, across_16, down_16, refp, dst);
        }

        /// Rows `y` and `y + 1` of the first pass, eight columns; row 12 is the last.
        #[inline]
        #[target_feature(enable = $features)]
        fn across_rows_8<const SIX: bool>(refp: Window<'_, 16, 13>, y: usize, x: Taps) -> U8x16 {
            let column = |k: usize| {
                let refp = refp.sub::<8, 13>(k, 0);
                load_2x8(refp.row(y), refp.row((y + 1).min(12)))
            };
            let (outer_0, outer_5) =
                if SIX { (column(0), column(5)) } else { (splat_u8(0), splat_u8(0)) };
            filter::<SIX>([outer_0, column(1), column(2), column(3), column(4), outer_5], x)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_rows_8(dst: &mut WindowMut<'_, 8, 8>, y: usize, rows: U8x16) {
            store_u8x8(dst.row_mut(y), rows);
            store_u8x8(dst.row_mut(y + 1), from_byte_8(rows, rows));
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn across_8<const SIX: bool>(
            refp: Window<'_, 16, 13>,
            x: Taps,
            mut dst: WindowMut<'_, 8, 8>,
        ) {
            for y in [0, 2, 4, 6] {
                store_rows_8(&mut dst, y, across_rows_8::<SIX>(refp, y + 2, x));
            }
        }

        /// The second pass: `pairs` are rows 0 and 1, 2 and 3, ...
        #[inline]
        #[target_feature(enable = $features)]
        fn down_pairs_8<const SIX: bool>(
            pairs: &[U8x16; 7],
            y: Taps,
            mut dst: WindowMut<'_, 8, 8>,
        ) {
            for i in 0..4 {
                let [a, c, e, g] = [pairs[i], pairs[i + 1], pairs[i + 2], pairs[i + 3]];
                let rows = [a, from_byte_8(a, c), c, from_byte_8(c, e), e, from_byte_8(e, g)];
                store_rows_8(&mut dst, 2 * i, filter::<SIX>(rows, y));
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn down_8<const SIX: bool>(refp: Window<'_, 16, 13>, y: Taps, dst: WindowMut<'_, 8, 8>) {
            let refp = refp.sub::<8, 13>(2, 0);
            let mut pairs = [splat_u8(0); 7];
            for (i, pair) in pairs.iter_mut().enumerate() {
                *pair = load_2x8(refp.row(2 * i), refp.row((2 * i + 1).min(12)));
            }
            down_pairs_8::<SIX>(&pairs, y, dst);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn both_8<const SIX_X: bool, const SIX_Y: bool>(
            refp: Window<'_, 16, 13>,
            x: Taps,
            y: Taps,
            dst: WindowMut<'_, 8, 8>,
        ) {
            let mut pairs = [splat_u8(0); 7];
            for (i, pair) in pairs.iter_mut().enumerate() {
                *pair = across_rows_8::<SIX_X>(refp, 2 * i, x);
            }
            down_pairs_8::<SIX_Y>(&pairs, y, dst);
        }

        #[target_feature(enable = $features)]
        fn sixtap_8x8(refp: Window<'_, 16, 13>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>) {
            by_taps!(fx, fy, both_8, across_8, down_8, refp, dst);
        }

        crate::pairs::sixtap_pair!($features);

        /// Rows `y` to `y + 3` of the first pass, four columns.
        #[inline]
        #[target_feature(enable = $features)]
        fn across_rows_4<const SIX: bool>(refp: Window<'_, 16, 9>, y: usize, x: Taps) -> U8x16 {
            let column = |k: usize| load_4x4(refp.sub(k, y));
            let (outer_0, outer_5) =
                if SIX { (column(0), column(5)) } else { (splat_u8(0), splat_u8(0)) };
            filter::<SIX>([outer_0, column(1), column(2), column(3), column(4), outer_5], x)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn across_4<const SIX: bool>(refp: Window<'_, 16, 9>, x: Taps, dst: WindowMut<'_, 4, 4>) {
            store_4x4(dst, across_rows_4::<SIX>(refp, 2, x));
        }

        /// The second pass: rows 0 to 3, 4 to 7 and 5 to 8.
        #[inline]
        #[target_feature(enable = $features)]
        fn down_rows_4<const SIX: bool>(
            [a, b, last]: [U8x16; 3],
            y: Taps,
            dst: WindowMut<'_, 4, 4>,
        ) {
            let rows = [a, from_byte_4(a, b), from_byte_8(a, b), from_byte_12(a, b), b, last];
            store_4x4(dst, filter::<SIX>(rows, y));
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn down_4<const SIX: bool>(refp: Window<'_, 16, 9>, y: Taps, dst: WindowMut<'_, 4, 4>) {
            let rows = |y| load_4x4(refp.sub(2, y));
            down_rows_4::<SIX>([rows(0), rows(4), rows(5)], y, dst);
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn both_4<const SIX_X: bool, const SIX_Y: bool>(
            refp: Window<'_, 16, 9>,
            x: Taps,
            y: Taps,
            dst: WindowMut<'_, 4, 4>,
        ) {
            let rows = |y| across_rows_4::<SIX_X>(refp, y, x);
            let last = if SIX_Y { rows(5) } else { splat_u8(0) };
            down_rows_4::<SIX_Y>([rows(0), rows(4), last], y, dst);
        }

        #[target_feature(enable = $features)]
        fn sixtap_4x4(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 4>) {
            by_taps!(fx, fy, both_4, across_4, down_4, refp, dst);
        }

        #[target_feature(enable = $features)]
        fn bilinear_16<const X: u8, const Y: u8>(
            refp: Window<'_, 17, 17>,
            fx: u8,
            fy: u8,
            mut dst: WindowMut<'_, 16, 16>,
        ) {
            let (across, down) = (weights(fx), weights(fy));
            let (left, right) = (refp.sub::<16, 17>(0, 0), refp.sub::<16, 17>(1, 0));
            let first = |y| between::<X>(load_u8x16(left.row(y)), load_u8x16(right.row(y)), across);
            let mut above = first(0);
            for y in 0..16 {
                let below = first(y + 1);
                store_u8x16(dst.row_mut(y), between::<Y>(above, below, down));
                above = below;
            }
        }

        #[target_feature(enable = $features)]
        fn bilinear_16x16(refp: Window<'_, 17, 17>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>) {
            by_kind!(fx, fy, bilinear_16(refp, fx, fy, dst));
        }

        #[target_feature(enable = $features)]
        fn bilinear_8<const X: u8, const Y: u8>(
            refp: Window<'_, 16, 9>,
            fx: u8,
            fy: u8,
            mut dst: WindowMut<'_, 8, 8>,
        ) {
            let (across, down) = (weights(fx), weights(fy));
            let mut above = first_pass_2x8::<X>(refp, 0, across);
            for y in [0, 2, 4, 6] {
                // Rows y + 1 and y + 2; the first is known already.
                let next = first_pass_2x8::<X>(refp, if y == 6 { 7 } else { y + 2 }, across);
                let below = if y == 6 { next } else { from_byte_8(above, next) };
                store_rows_8(&mut dst, y, between::<Y>(above, below, down));
                above = next;
            }
        }

        #[target_feature(enable = $features)]
        fn bilinear_8x8(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>) {
            by_kind!(fx, fy, bilinear_8(refp, fx, fy, dst));
        }

        #[target_feature(enable = $features)]
        fn bilinear_4x4(refp: Window<'_, 8, 5>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 4>) {
            // A single small block: a branch costs more than a pass without effect.
            let (across, down) = (weights(fx), weights(fy));
            let rows = |y| {
                let (left, right) = (load_4x4(refp.sub(0, y)), load_4x4(refp.sub(1, y)));
                between::<TAPS>(left, right, across)
            };
            store_4x4(dst, between::<TAPS>(rows(0), rows(1), down));
        }

        /// `left + above - top_left`, clamped: the amount by which `above` exceeds the corner is
        /// added, and the amount by which it falls short is subtracted; one of them is zero.
        #[inline]
        #[target_feature(enable = $features)]
        fn true_motion(left: U8x16, above: U8x16, top_left: U8x16) -> U8x16 {
            subs_u8(adds_u8(left, subs_u8(above, top_left)), subs_u8(top_left, above))
        }

        #[target_feature(enable = $features)]
        fn intra_16x16(mode: IntraMode, edges: &Edges<16>, mut dst: WindowMut<'_, 16, 16>) {
            let above = load_u8x16(&edges.above);
            match mode {
                IntraMode::Dc => {
                    let mean = dc(edges, sum_u8(above), sum_u8(load_u8x16(&edges.left)));
                    for y in 0..16 {
                        store_u8x16(dst.row_mut(y), splat_u8(mean));
                    }
                }
                IntraMode::Vertical => {
                    for y in 0..16 {
                        store_u8x16(dst.row_mut(y), above);
                    }
                }
                IntraMode::Horizontal => {
                    for (y, &left) in edges.left.iter().enumerate() {
                        store_u8x16(dst.row_mut(y), splat_u8(left));
                    }
                }
                IntraMode::TrueMotion => {
                    let top_left = splat_u8(edges.top_left);
                    let (more, less) = (subs_u8(above, top_left), subs_u8(top_left, above));
                    for (y, &left) in edges.left.iter().enumerate() {
                        let row = subs_u8(adds_u8(splat_u8(left), more), less);
                        store_u8x16(dst.row_mut(y), row);
                    }
                }
            }
        }

        #[target_feature(enable = $features)]
        fn intra_8x8(mode: IntraMode, edges: &Edges<8>, mut dst: WindowMut<'_, 8, 8>) {
            match mode {
                IntraMode::Dc => {
                    let (above, left) = (load_u8x8(&edges.above), load_u8x8(&edges.left));
                    let mean = dc(edges, sum_u8(above), sum_u8(left));
                    for y in 0..8 {
                        *dst.row_mut(y) = [mean; 8];
                    }
                }
                IntraMode::Vertical => {
                    for y in 0..8 {
                        *dst.row_mut(y) = edges.above;
                    }
                }
                IntraMode::Horizontal => {
                    for (y, &left) in edges.left.iter().enumerate() {
                        *dst.row_mut(y) = [left; 8];
                    }
                }
                IntraMode::TrueMotion => {
                    let above = load_u8x8(&edges.above);
                    let top_left = splat_u8(edges.top_left);
                    for (y, &left) in edges.left.iter().enumerate() {
                        let row = true_motion(splat_u8(left), above, top_left);
                        store_u8x8(dst.row_mut(y), row);
                    }
                }
            }
        }

        /// The values from which the pixels of all modes of a sub-block are taken.
        #[derive(Clone, Copy)]
        struct EdgeValues {
            smooth: U8x16,
            half: U8x16,
            mean: U8x16,
            /// The prediction of TrueMotion.
            motion: U8x16,
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn edge_values(edges: &Edges4) -> EdgeValues {
            let (above, left) = (u64::from_le_bytes(edges.above), u32::from_le_bytes(edges.left));
            // The edge from the bottom left over the corner to the above-right; its last pixel
            // again; the bottom left pixel twice.
            let corner = u64::from(edges.top_left) << 32;
            let low = u64::from(left.swap_bytes()) | corner | above << 40;
            let bottom = u64::from(edges.left[3]) * 0x0101_0000_0000_0000;
            let high = above >> 24 | u64::from(edges.above[7]) << 40 | bottom;
            let edge = load_2x8(&low.to_le_bytes(), &high.to_le_bytes());
            let (before, after) = (shifted_up(edge), shifted_down(edge));
            // The mean of the outer two rounded down, then its mean with the middle rounded up.
            let odd = and_u8(xor_u8(before, after), splat_u8(1));
            let smooth = avg_u8(subs_u8(avg_u8(before, after), odd), edge);
            let half = avg_u8(edge, after);
            let around = sum_u8(lookup(edge, load_u8x16(&DC_FROM)));
            let mean = splat_u8(((around + 4) >> 3).to_le_bytes()[0]);
            let motion = true_motion(
                lookup(edge, load_u8x16(&LEFT_OF)),
                lookup(edge, load_u8x16(&ABOVE_OF)),
                splat_u8(edges.top_left),
            );
            EdgeValues { smooth, half, mean, motion }
        }

        /// The prediction, without a branch on the mode, which is unpredictable.
        #[inline]
        #[target_feature(enable = $features)]
        fn predicted_4x4(mode: SubblockMode, edge: EdgeValues) -> U8x16 {
            let origins = Origins::of(mode);
            let lines = or_u8(
                lookup(edge.smooth, load_u8x16(&origins.smooth)),
                lookup(edge.half, load_u8x16(&origins.half)),
            );
            let motion = and_u8(edge.motion, load_u8x16(&origins.true_motion));
            let others = or_u8(lookup(edge.mean, load_u8x16(&origins.dc)), motion);
            or_u8(lines, others)
        }

        #[target_feature(enable = $features)]
        fn intra_4x4(mode: SubblockMode, edges: &Edges4, dst: WindowMut<'_, 4, 4>) {
            store_4x4(dst, predicted_4x4(mode, edge_values(edges)));
        }

        #[target_feature(enable = $features)]
        fn intra_4x4_all(
            cur: Window<'_, 4, 4>,
            edges: &Edges4,
            predictions: &mut [[[u8; 4]; 4]; 10],
        ) -> [u32; 10] {
            let (cur, edge) = (load_4x4(cur), edge_values(edges));
            let (blocks, _) = predictions.as_flattened_mut().as_flattened_mut().as_chunks_mut();
            let mut errors = [0; 10];
            for ((mode, block), error) in SubblockMode::ALL.into_iter().zip(blocks).zip(&mut errors)
            {
                let pixels = predicted_4x4(mode, edge);
                store_u8x16(block, pixels);
                *error = sum_u32(add_squares(zero_u32(), cur, pixels));
            }
            errors
        }
    };
}
pub(crate) use lanes_predict;

// Positions in the edge of a sub-block; 16 gives 0.

/// The pixels that DC averages.
pub(crate) static DC_FROM: [u8; 16] = [0, 1, 2, 3, 5, 6, 7, 8, 16, 16, 16, 16, 16, 16, 16, 16];
/// The pixels left of each row.
pub(crate) static LEFT_OF: [u8; 16] = [3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0];
/// The pixels above each column.
pub(crate) static ABOVE_OF: [u8; 16] = [5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8];
