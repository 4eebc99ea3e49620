//! Inter prediction of H.264: a row of eight or sixteen pixels takes one or two registers of 16-bit
//! sums.

/// The prediction kernels of H.264, compiled for the given features.
macro_rules! lanes_h264_predict {
    ($features:literal) => {
        /// Sixteen or, in the low half, eight pixels of a row from the column `at` on.
        #[inline]
        #[target_feature(enable = $features)]
        fn row_from<const W: usize, const N: usize>(row: &[u8; N], at: usize) -> U8x16 {
            if W == 16 {
                row[at..].first_chunk().map_or(splat_u8(0), |row| load_u8x16(row))
            } else {
                row[at..].first_chunk().map_or(splat_u8(0), |row| load_u8x8(row))
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_row<const W: usize>(to: &mut [u8; W], row: U8x16) {
            if let Some(to) = to.first_chunk_mut::<16>() {
                store_u8x16(to, row);
            } else if let Some(to) = to.first_chunk_mut::<8>() {
                store_u8x8(to, row);
            } else {
                let mut bytes = [0; 8];
                store_u8x8(&mut bytes, row);
                to.copy_from_slice(&bytes[..W]);
            }
        }

        /// The six-tap sums of the columns: of the low half, and of the high half if the block is
        /// sixteen wide.
        #[inline]
        #[target_feature(enable = $features)]
        fn six_taps<const W: usize>(p: [U8x16; 6]) -> [I16x8; 2] {
            let low = six_tap_low(p);
            [low, if W == 16 { six_tap_high(p) } else { low }]
        }

        /// Half a pixel right of the column 2: sums of a row.
        #[inline]
        #[target_feature(enable = $features)]
        fn row_sums<const W: usize, const N: usize>(row: &[u8; N]) -> [I16x8; 2] {
            let mut p = [splat_u8(0); 6];
            for (k, p) in p.iter_mut().enumerate() {
                *p = row_from::<W, N>(row, k);
            }
            six_taps::<W>(p)
        }

        /// The block's pixels, `dx` columns right and `dy` rows below.
        #[inline]
        #[target_feature(enable = $features)]
        fn full<const W: usize, const H: usize, const RW: usize, const RH: usize>(
            refp: Window<'_, RW, RH>,
            dx: usize,
            dy: usize,
        ) -> [U8x16; H] {
            let mut out = [splat_u8(0); H];
            for (y, out) in out.iter_mut().enumerate() {
                *out = row_from::<W, RW>(refp.row(y + dy + 2), dx + 2);
            }
            out
        }

        /// Half a pixel right, `dy` rows below.
        #[inline]
        #[target_feature(enable = $features)]
        fn right<const W: usize, const H: usize, const RW: usize, const RH: usize>(
            refp: Window<'_, RW, RH>,
            dy: usize,
        ) -> [U8x16; H] {
            let mut out = [splat_u8(0); H];
            for (y, out) in out.iter_mut().enumerate() {
                let [low, high] = row_sums::<W, RW>(refp.row(y + dy + 2));
                *out = round_narrow::<5>(low, high);
            }
            out
        }

        /// Half a pixel below, `dx` columns right.
        #[inline]
        #[target_feature(enable = $features)]
        fn below<const W: usize, const H: usize, const RW: usize, const RH: usize>(
            refp: Window<'_, RW, RH>,
            dx: usize,
        ) -> [U8x16; H] {
            let mut p = [splat_u8(0); 6];
            for (k, p) in p.iter_mut().enumerate() {
                *p = row_from::<W, RW>(refp.row(k), dx + 2);
            }
            let mut out = [splat_u8(0); H];
            for (y, out) in out.iter_mut().enumerate() {
                let [low, high] = six_taps::<W>(p);
                *out = round_narrow::<5>(low, high);
                if y + 1 < H {
                    p = [p[1], p[2], p[3], p[4], p[5], row_from::<W, RW>(refp.row(y + 6), dx + 2)];
                }
            }
            out
        }

        /// The six-tap sum of sums, divided by 16. The quotients of the steps are exact: only the
        /// last one is rounded. A saturated sum is far outside the range of a pixel.
        #[inline]
        #[target_feature(enable = $features)]
        fn sum_of_sums(p: [I16x8; 6]) -> I16x8 {
            let (a, b, c) = (add_i16(p[0], p[5]), add_i16(p[1], p[4]), add_i16(p[2], p[3]));
            let step = sub_i16(shr_i16::<2>(sub_i16(a, b)), b);
            add_i16(shr_i16::<2>(adds_i16(step, c)), c)
        }

        /// Half a pixel right and below.
        #[inline]
        #[target_feature(enable = $features)]
        fn centre<const W: usize, const H: usize, const RW: usize, const RH: usize>(
            refp: Window<'_, RW, RH>,
        ) -> [U8x16; H] {
            let mut s = [[splat_i16(0); 2]; 6];
            for (y, s) in s.iter_mut().enumerate() {
                *s = row_sums::<W, RW>(refp.row(y));
            }
            let mut out = [splat_u8(0); H];
            for (y, out) in out.iter_mut().enumerate() {
                let [a, b, c, d, e, f] = s;
                let low = sum_of_sums([a[0], b[0], c[0], d[0], e[0], f[0]]);
                let high =
                    if W == 16 { sum_of_sums([a[1], b[1], c[1], d[1], e[1], f[1]]) } else { low };
                *out = round_narrow::<6>(low, high);
                if y + 1 < H {
                    s = [b, c, d, e, f, row_sums::<W, RW>(refp.row(y + 6))];
                }
            }
            out
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn means<const H: usize>(mut a: [U8x16; H], b: [U8x16; H]) -> [U8x16; H] {
            for (a, b) in a.iter_mut().zip(b) {
                *a = avg_u8(*a, b);
            }
            a
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn luma<const W: usize, const H: usize, const RW: usize, const RH: usize>(
            refp: Window<'_, RW, RH>,
            fx: u8,
            fy: u8,
            mut dst: WindowMut<'_, W, H>,
        ) {
            let (dx, dy) = (usize::from(fx & 3 == 3), usize::from(fy & 3 == 3));
            let rows = match (fx & 3, fy & 3) {
                (0, 0) => full::<W, H, RW, RH>(refp, 0, 0),
                (2, 0) => right::<W, H, RW, RH>(refp, 0),
                (0, 2) => below::<W, H, RW, RH>(refp, 0),
                (2, 2) => centre::<W, H, RW, RH>(refp),
                (_, 0) => means(right::<W, H, RW, RH>(refp, 0), full::<W, H, RW, RH>(refp, dx, 0)),
                (0, _) => means(below::<W, H, RW, RH>(refp, 0), full::<W, H, RW, RH>(refp, 0, dy)),
                (2, _) => means(centre::<W, H, RW, RH>(refp), right::<W, H, RW, RH>(refp, dy)),
                (_, 2) => means(centre::<W, H, RW, RH>(refp), below::<W, H, RW, RH>(refp, dx)),
                _ => means(right::<W, H, RW, RH>(refp, dy), below::<W, H, RW, RH>(refp, dx)),
            };
            for (y, row) in rows.into_iter().enumerate() {
                store_row(dst.row_mut(y), row);
            }
        }

        /// The horizontal means of a row, in eighths.
        #[inline]
        #[target_feature(enable = $features)]
        fn chroma_sums<const N: usize>(row: &[u8; N], weights: [U8x16; 2]) -> I16x8 {
            let row = if N == 16 { row_from::<16, N>(row, 0) } else { row_from::<8, N>(row, 0) };
            mul_add_low(mul_low(row, weights[0]), shifted_down(row), weights[1])
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn chroma<const W: usize, const H: usize, const RW: usize, const RH: usize>(
            refp: Window<'_, RW, RH>,
            fx: u8,
            fy: u8,
            mut dst: WindowMut<'_, W, H>,
        ) {
            let (fx, fy) = (fx & 7, fy & 7);
            let across = [splat_u8(8 - fx), splat_u8(fx)];
            let down = [splat_i16(i16::from(8 - fy)), splat_i16(i16::from(fy))];
            let mut above = chroma_sums(refp.row(0), across);
            for y in 0..H {
                let below = chroma_sums(refp.row(y + 1), across);
                let sum = add_i16(mul_i16(above, down[0]), mul_i16(below, down[1]));
                store_row(dst.row_mut(y), round_narrow::<6>(sum, sum));
                above = below;
            }
        }

        $crate::lanes::h264_predict::lanes_h264_blocks! { $features, luma:
            h264_luma_4x8 4 x 8 from 16 x 13;
            h264_luma_4x4 4 x 4 from 16 x 9;
        }

        $crate::lanes::h264_predict::lanes_h264_blocks! { $features, chroma:
            h264_chroma_4x8 4 x 8 from 8 x 9;
            h264_chroma_4x4 4 x 4 from 8 x 5;
            h264_chroma_4x2 4 x 2 from 8 x 3;
        }

        /// Rows of a block of `W` columns, at most sixteen, become means.
        #[inline]
        #[target_feature(enable = $features)]
        fn average_columns<const W: usize>(dst: &mut [u8], stride: usize, other: &[[u8; 16]]) {
            for (row, other) in dst.chunks_mut(stride).zip(other) {
                let Some(row) = row.first_chunk_mut::<W>() else { return };
                if let Some(row) = row.first_chunk_mut::<16>() {
                    let mean = avg_u8(load_u8x16(row), load_u8x16(other));
                    store_u8x16(row, mean);
                } else {
                    let mut bytes = [0; 8];
                    bytes[..W.min(8)].copy_from_slice(&row[..W.min(8)]);
                    let mean = avg_u8(load_u8x8(&bytes), load_u8x16(other));
                    store_u8x8(&mut bytes, mean);
                    row[..W.min(8)].copy_from_slice(&bytes[..W.min(8)]);
                }
            }
        }

        /// As [`average_columns`] for a block of `H` rows of 8 or 16 columns inside `dst`; returns
        /// whether it is one.
        #[inline]
        #[target_feature(enable = $features)]
        fn average_rows<const W: usize, const H: usize>(
            dst: &mut [u8],
            stride: usize,
            other: &[[u8; 16]],
        ) -> bool {
            let (Some(mut dst), Some(other)) =
                (WindowMut::<W, H>::new(dst, stride), other.first_chunk::<H>())
            else {
                return false;
            };
            for (y, other) in other.iter().enumerate() {
                let row = dst.row_mut(y);
                if let Some(row) = row.first_chunk_mut::<16>() {
                    store_u8x16(row, avg_u8(load_u8x16(row), load_u8x16(other)));
                } else if let Some(row) = row.first_chunk_mut::<8>() {
                    store_u8x8(row, avg_u8(load_u8x8(row), load_u8x16(other)));
                }
            }
            true
        }

        #[target_feature(enable = $features)]
        fn h264_average_block(dst: &mut [u8], stride: usize, width: usize, other: &[[u8; 16]]) {
            let is_done = match (width, other.len()) {
                (16, 16) => average_rows::<16, 16>(dst, stride, other),
                (16, 8) => average_rows::<16, 8>(dst, stride, other),
                (8, 16) => average_rows::<8, 16>(dst, stride, other),
                (8, 8) => average_rows::<8, 8>(dst, stride, other),
                (8, 4) => average_rows::<8, 4>(dst, stride, other),
                _ => false,
            };
            if is_done {
                return;
            }
            match width {
                16 => average_columns::<16>(dst, stride, other),
                8 => average_columns::<8>(dst, stride, other),
                4 => average_columns::<4>(dst, stride, other),
                _ => average_columns::<2>(dst, stride, other),
            }
        }

        #[target_feature(enable = $features)]
        fn h264_weight_rows(rows: &mut [[u8; 16]], log2_denom: u8, weight: i16, offset: i16) {
            let shift = log2_denom & 7;
            let round = splat_i16(if shift == 0 { 0 } else { 1 << (shift - 1) });
            let (weight, offset) = (splat_i16(weight), splat_i16(offset));
            for row in rows {
                let pixels = load_u8x16(row);
                let mut halves = [widen_low(pixels), widen_high(pixels)];
                for half in &mut halves {
                    let product = add_i16(mul_i16(*half, weight), round);
                    *half = adds_i16(shr_by_i16(product, shift), offset);
                }
                store_u8x16(row, narrow(halves[0], halves[1]));
            }
        }

        #[target_feature(enable = $features)]
        fn h264_biweight_rows(
            rows: &mut [[u8; 16]],
            other: &[[u8; 16]],
            log2_denom: u8,
            weights: [i16; 2],
            offset: i16,
        ) {
            assert_eq!(rows.len(), other.len(), "blocks of different heights");
            let shift = log2_denom & 7;
            let round = splat_i16(1 << shift);
            let (w0, w1) = (splat_i16(weights[0]), splat_i16(weights[1]));
            let offset = splat_i16(offset);
            for (row, other) in rows.iter_mut().zip(other) {
                let (a, b) = (load_u8x16(row), load_u8x16(other));
                let pairs = [(widen_low(a), widen_low(b)), (widen_high(a), widen_high(b))];
                let mut halves = [round; 2];
                for (half, (a, b)) in halves.iter_mut().zip(pairs) {
                    let sum = add_i16(mul_i16(a, w0), mul_i16(b, w1));
                    *half = adds_i16(shr_by_i16(add_i16(sum, round), shift + 1), offset);
                }
                store_u8x16(row, narrow(halves[0], halves[1]));
            }
        }
    };
}
pub(crate) use lanes_h264_predict;

/// The kernels for blocks of eight and sixteen columns, with the functions of
/// `lanes_h264_predict`.
macro_rules! lanes_h264_predict_wide {
    ($features:literal) => {
        $crate::lanes::h264_predict::lanes_h264_blocks! { $features, luma:
            h264_luma_16x16 16 x 16 from 21 x 21;
            h264_luma_16x8 16 x 8 from 21 x 13;
            h264_luma_8x16 8 x 16 from 16 x 21;
            h264_luma_8x8 8 x 8 from 16 x 13;
            h264_luma_8x4 8 x 4 from 16 x 9;
        }

        $crate::lanes::h264_predict::lanes_h264_blocks! { $features, chroma:
            h264_chroma_8x8 8 x 8 from 16 x 9;
            h264_chroma_8x4 8 x 4 from 16 x 5;
        }
    };
}
pub(crate) use lanes_h264_predict_wide;

/// Kernels for blocks of several sizes by one generic function.
macro_rules! lanes_h264_blocks {
    ($features:literal, $body:ident:
     $($name:ident $w:literal x $h:literal from $rw:literal x $rh:literal;)*) => {
        $(
            #[target_feature(enable = $features)]
            fn $name(
                refp: Window<'_, $rw, $rh>,
                fx: u8,
                fy: u8,
                dst: WindowMut<'_, $w, $h>,
            ) {
                $body::<$w, $h, $rw, $rh>(refp, fx, fy, dst);
            }
        )*
    };
}
pub(crate) use lanes_h264_blocks;
