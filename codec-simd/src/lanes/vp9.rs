//! VP9's kernels for 128-bit registers, based on the loop filter and the transforms that are written
//! for registers of any width.

use crate::view::WindowMut;
use crate::vp9::{Vp9Motion, Vp9TxSize};

/// `W` x `H` samples from `at` on. Panics if they are not in `samples`.
#[inline(always)]
pub(crate) fn window_mut<const W: usize, const H: usize>(
    samples: &mut [u8],
    at: usize,
    stride: usize,
) -> WindowMut<'_, W, H> {
    #[expect(clippy::expect_used, reason = "the contract of the kernels")]
    WindowMut::new(&mut samples[at..], stride).expect("the block exceeds the plane")
}

/// The number of the first columns and rows that contain all coefficients; `positions` is the bitwise or
/// of their positions in column order.
#[inline]
pub(crate) fn used_part(size: Vp9TxSize, positions: u16) -> (usize, usize) {
    let n = size.pixels();
    let positions = usize::from(positions) & (n * n - 1);
    (positions / n + 1, positions % n + 1)
}

/// Whether interpolation can load whole registers from `length` samples: 8 samples in each row, and 8
/// rows, in addition to the block, of which the filter uses 7.
#[inline]
pub(crate) fn can_load(motion: Vp9Motion, length: usize, stride: usize) -> bool {
    let (width, height) = (usize::from(motion.width), usize::from(motion.height));
    let is_regular = matches!(width, 4 | 8 | 16 | 32 | 64) && height.is_multiple_of(4);
    let row = width.max(8) + 8;
    is_regular && height <= 64 && row <= stride && (height + 7) * stride + row <= length
}

/// The kernels, compiled for the given features.
macro_rules! lanes_vp9 {
    ($features:literal) => {
        type Bytes = U8x16;
        type Words = I16x8;
        type Coefficients = [i16; 1024];

        lanes_vp9_loop_filter!($features);
        lanes_vp9_transform!($features);
        lanes_vp9_adst_4_and_8!($features);
        lanes_vp9_adst_16!($features);

        // ---- loop filter ----

        /// Two units in their lanes.
        #[inline]
        #[target_feature(enable = $features)]
        fn spread(units: [u8; 4], half: usize) -> Bytes {
            let mut lanes = [units[2 * half]; 16];
            lanes[8..].fill(units[2 * half + 1]);
            load_u8x16(&lanes)
        }

        /// The lanes of two of the four units.
        #[inline]
        #[target_feature(enable = $features)]
        fn lanes_of(edges: &Vp9Edges, half: usize) -> EdgeLanes {
            let [a, b, c, d] = edges.filters;
            let filters = spread([a.0, b.0, c.0, d.0], half);
            let all = splat_u8(0xff);
            EdgeLanes {
                edge: spread(edges.edge, half),
                inner: spread(edges.inner, half),
                variance: spread(edges.variance, half),
                filtered: without_u8(all, le_u8(filters, splat_u8(Vp9EdgeFilter::NONE.0))),
                has_8_taps: without_u8(all, le_u8(filters, splat_u8(Vp9EdgeFilter::TAPS_4.0))),
                has_16_taps: without_u8(all, le_u8(filters, splat_u8(Vp9EdgeFilter::TAPS_8.0))),
            }
        }

        #[target_feature(enable = $features)]
        fn vp9_filter_h(plane: &mut [u8], stride: usize, at: usize, edges: &Vp9Edges) {
            let is_far = edges.filters.contains(&Vp9EdgeFilter::TAPS_16);
            for half in 0..2 {
                let (lanes, at) = (lanes_of(edges, half), at + 16 * half);
                if is_far {
                    let mut window = window_mut::<16, 16>(plane, at - 8 * stride, stride);
                    let mut s = [splat_u8(0); 16];
                    for y in 0..16 {
                        s[y] = load_u8x16(window.row(y));
                    }
                    filter_far(&mut s, &lanes);
                    for y in 1..15 {
                        store_u8x16(window.row_mut(y), s[y]);
                    }
                } else {
                    let mut window = window_mut::<16, 8>(plane, at - 4 * stride, stride);
                    let mut s = [splat_u8(0); 8];
                    for y in 0..8 {
                        s[y] = load_u8x16(window.row(y));
                    }
                    filter_near(&mut s, &lanes);
                    for y in 1..7 {
                        store_u8x16(window.row_mut(y), s[y]);
                    }
                }
            }
        }

        #[target_feature(enable = $features)]
        fn vp9_filter_v(plane: &mut [u8], stride: usize, at: usize, edges: &Vp9Edges) {
            let is_far = edges.filters.contains(&Vp9EdgeFilter::TAPS_16);
            for half in 0..2 {
                let (lanes, at) = (lanes_of(edges, half), at + 16 * half * stride);
                if is_far {
                    filter_16_columns(window_mut(plane, at - 8, stride), &lanes);
                } else {
                    filter_8_columns(window_mut(plane, at - 4, stride), &lanes);
                }
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn filter_16_columns(mut window: WindowMut<'_, 16, 16>, lanes: &EdgeLanes) {
            let mut rows = [splat_u8(0); 16];
            for y in 0..16 {
                rows[y] = load_u8x16(window.row(y));
            }
            let mut columns = rotate(&rotate(&rotate(&rotate(&rows))));
            filter_far(&mut columns, lanes);
            let rows = rotate(&rotate(&rotate(&rotate(&columns))));
            for y in 0..16 {
                store_u8x16(window.row_mut(y), rows[y]);
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn filter_8_columns(mut window: WindowMut<'_, 8, 16>, lanes: &EdgeLanes) {
            let mut pairs = [splat_u8(0); 8];
            for y in 0..8 {
                pairs[y] = zip_low_u8(load_u8x8(window.row(y)), load_u8x8(window.row(y + 8)));
            }
            let mut columns = rotate(&rotate(&rotate(&pairs)));
            filter_near(&mut columns, lanes);
            let pairs = rotate(&rotate(&rotate(&columns)));
            for y in 0..8 {
                store_u8x8(window.row_mut(2 * y), pairs[y]);
                store_u8x8(window.row_mut(2 * y + 1), from_byte_8(pairs[y], pairs[y]));
            }
        }

        // ---- inverse transforms ----

        #[target_feature(enable = $features)]
        fn vp9_inverse_transform(
            size: Vp9TxSize,
            kind: Vp9TxKind,
            coeffs: &mut Coefficients,
            positions: u16,
            dst: &mut [u8],
            stride: usize,
        ) {
            if kind == Vp9TxKind::Wht {
                return scalar::vp9_inverse_transform(size, kind, coeffs, positions, dst, stride);
            }
            let (columns, rows) = used_part(size, positions);
            let is_corner = kind == Vp9TxKind::Dct && columns.max(rows) <= 8;
            match size {
                Vp9TxSize::Tx4 => add_4x4(kind, coeffs, dst, stride),
                Vp9TxSize::Tx8 => add_8x8(kind, coeffs, dst, stride),
                Vp9TxSize::Tx16 if is_corner => {
                    add_16x16::<Used8>(kind, coeffs, 8, dst, stride);
                }
                Vp9TxSize::Tx16 => add_16x16::<Used16>(kind, coeffs, rows, dst, stride),
                Vp9TxSize::Tx32 if is_corner => add_32x32::<Used8>(coeffs, 8, dst, stride),
                Vp9TxSize::Tx32 => add_32x32::<Used32>(coeffs, rows, dst, stride),
            }
            coeffs[..columns * size.pixels()].fill(0);
        }

        /// Eight numbers from `at` on.
        #[inline]
        #[target_feature(enable = $features)]
        fn eight(coeffs: &[i16], at: usize) -> Words {
            load_i16x8(coeffs[at..].first_chunk().unwrap_or(const { &[0; 8] }))
        }

        /// One step of a transposition: the address of a number, register first, rotates by one bit.
        #[inline]
        #[target_feature(enable = $features)]
        fn rotate_words(x: &[Words; 8]) -> [Words; 8] {
            let mut out = *x;
            for i in 0..4 {
                out[2 * i] = zip_low_i16(x[i], x[i + 4]);
                out[2 * i + 1] = zip_high_i16(x[i], x[i + 4]);
            }
            out
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn transpose_8x8(x: &[Words; 8]) -> [Words; 8] {
            rotate_words(&rotate_words(&rotate_words(x)))
        }

        /// Adds a row of eight residuals, rounded by a factor of 2 to the 15 minus the shift.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_row(to: &mut [u8; 8], residual: Words, factor: i16) {
            let residual = mul_round_q15(residual, splat_i16(factor));
            let sum = add_i16(widen_low(load_u8x8(to)), residual);
            store_u8x8(to, narrow(sum, sum));
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn pass_4(x: [Words; 4], is_adst: bool) -> [Words; 4] {
            if is_adst { adst_4(x) } else { dct_4::<Used4>(x) }
        }

        #[target_feature(enable = $features)]
        fn add_4x4(kind: Vp9TxKind, coeffs: &Coefficients, dst: &mut [u8], stride: usize) {
            // The upper halves of the registers are not used.
            let (first, second) = (eight(coeffs, 0), eight(coeffs, 8));
            let columns = [first, high_halves(first, first), second, high_halves(second, second)];
            let x = pass_4(columns, kind.has_adst_rows());
            let (a, b) = (zip_low_i16(x[0], x[2]), zip_low_i16(x[1], x[3]));
            let (a, b) = (zip_low_i16(a, b), zip_high_i16(a, b));
            let rows = [a, high_halves(a, a), b, high_halves(b, b)];
            let rows = pass_4(rows, kind.has_adst_columns());
            let mut window = window_mut::<4, 4>(dst, 0, stride);
            for y in 0..4 {
                let mut row = [0; 8];
                row[..4].copy_from_slice(window.row(y));
                add_row(&mut row, rows[y], 1 << 11);
                window.row_mut(y).copy_from_slice(&row[..4]);
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn pass_8(x: [Words; 8], is_adst: bool) -> [Words; 8] {
            if is_adst { adst_8(x) } else { dct_8::<Used8>(x) }
        }

        #[target_feature(enable = $features)]
        fn add_8x8(kind: Vp9TxKind, coeffs: &Coefficients, dst: &mut [u8], stride: usize) {
            let mut columns = [splat_i16(0); 8];
            for x in 0..8 {
                columns[x] = eight(coeffs, 8 * x);
            }
            let rows = transpose_8x8(&pass_8(columns, kind.has_adst_rows()));
            let rows = pass_8(rows, kind.has_adst_columns());
            let mut window = window_mut::<8, 8>(dst, 0, stride);
            for y in 0..8 {
                add_row(window.row_mut(y), rows[y], 1 << 10);
            }
        }

        /// Transposes eight rows of `N` columns into groups of eight columns, at rows from `y` on.
        #[inline]
        #[target_feature(enable = $features)]
        fn store_rows<const N: usize>(
            columns: &[Words; N],
            between: &mut [[[i16; 8]; N]],
            y: usize,
        ) {
            for (columns, to) in columns.as_chunks().0.iter().zip(between) {
                let rows = transpose_8x8(columns);
                for i in 0..8 {
                    store_i16x8(&mut to[y + i], rows[i]);
                }
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn pass_16<U: Used>(x: [Words; 16], is_adst: bool) -> [Words; 16] {
            if is_adst { adst_16(x) } else { dct_16::<U>(x) }
        }

        #[target_feature(enable = $features)]
        fn add_16x16<U: Used>(
            kind: Vp9TxKind,
            coeffs: &Coefficients,
            used_rows: usize,
            dst: &mut [u8],
            stride: usize,
        ) {
            let mut between = [[[0; 8]; 16]; 2];
            for y in (0..used_rows).step_by(8) {
                let mut columns = [splat_i16(0); 16];
                for x in 0..U::COUNT {
                    columns[x] = eight(coeffs, 16 * x + y);
                }
                let columns = pass_16::<U>(columns, kind.has_adst_rows());
                store_rows(&columns, &mut between, y);
            }
            for (between, x) in between.iter().zip([0, 8]) {
                let mut rows = [splat_i16(0); 16];
                for y in 0..16 {
                    rows[y] = load_i16x8(&between[y]);
                }
                let rows = pass_16::<U>(rows, kind.has_adst_columns());
                let mut window = window_mut::<8, 16>(dst, x, stride);
                for y in 0..16 {
                    add_row(window.row_mut(y), rows[y], 1 << 9);
                }
            }
        }

        #[target_feature(enable = $features)]
        fn add_32x32<U: Used>(
            coeffs: &Coefficients,
            used_rows: usize,
            dst: &mut [u8],
            stride: usize,
        ) {
            let mut between = [[[0; 8]; 32]; 4];
            for y in (0..used_rows).step_by(8) {
                let mut columns = [splat_i16(0); 32];
                for x in 0..U::COUNT {
                    columns[x] = eight(coeffs, 32 * x + y);
                }
                store_rows(&dct_32::<U>(&columns), &mut between, y);
            }
            for (between, x) in between.iter().zip([0, 8, 16, 24]) {
                let mut rows = [splat_i16(0); 32];
                for y in 0..32 {
                    rows[y] = load_i16x8(&between[y]);
                }
                let rows = dct_32::<U>(&rows);
                let mut window = window_mut::<8, 32>(dst, x, stride);
                for y in 0..32 {
                    add_row(window.row_mut(y), rows[y], 1 << 9);
                }
            }
        }

        // ---- interpolation ----

        #[target_feature(enable = $features)]
        fn vp9_predict(
            motion: Vp9Motion,
            src: &[u8],
            src_stride: usize,
            dst: &mut [u8],
            dst_stride: usize,
        ) {
            if !can_load(motion, src.len(), src_stride) {
                return scalar::vp9_predict(motion, src, src_stride, dst, dst_stride);
            }
            let width = usize::from(motion.width);
            for x in (0..width).step_by(8) {
                predict_8(motion, &src[x..], src_stride, &mut dst[x..], dst_stride);
            }
        }

        /// Predicts eight columns, or four if the block has no more.
        #[target_feature(enable = $features)]
        fn predict_8(
            motion: Vp9Motion,
            src: &[u8],
            src_stride: usize,
            dst: &mut [u8],
            dst_stride: usize,
        ) {
            let height = usize::from(motion.height);
            let x_taps = motion.filter.taps(motion.fraction_x);
            let y_taps = motion.filter.taps(motion.fraction_y);
            let mut row = src.chunks(src_stride).map(|row| row.first_chunk::<16>());
            let mut next = || {
                let row = row.next().flatten().unwrap_or(const { &[0; 16] });
                if motion.fraction_x == 0 { bytes(row, 3) } else { filtered_row(row, x_taps) }
            };
            let mut rows = [splat_i16(0); 8];
            for row in &mut rows[1..] {
                *row = next();
            }
            for to in dst.chunks_mut(dst_stride).take(height) {
                rows.rotate_left(1);
                rows[7] = next();
                let values = if motion.fraction_y == 0 { rows[3] } else { filtered(&rows, y_taps) };
                put(to, motion, narrow(values, values));
            }
        }

        /// Eight bytes from `at` on.
        #[inline]
        #[target_feature(enable = $features)]
        fn bytes(row: &[u8; 16], at: usize) -> Words {
            widen_low(load_u8x8(row[at..].first_chunk().unwrap_or(const { &[0; 8] })))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn filtered_row(row: &[u8; 16], taps: &[i16; 8]) -> Words {
            let mut x = [splat_i16(0); 8];
            for at in 0..8 {
                x[at] = bytes(row, at);
            }
            filtered(&x, taps)
        }

        /// The sums of products with the taps, divided by 128, rounded and clamped to bytes.
        #[inline]
        #[target_feature(enable = $features)]
        fn filtered(x: &[Words; 8], taps: &[i16; 8]) -> Words {
            let first = add_sums(
                products(x[0], taps[0], x[1], taps[1]),
                products(x[2], taps[2], x[3], taps[3]),
            );
            let second = add_sums(
                products(x[4], taps[4], x[5], taps[5]),
                products(x[6], taps[6], x[7], taps[7]),
            );
            let words = rounded_7(add_sums(first, second));
            widen_low(narrow(words, words))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn put(to: &mut [u8], motion: Vp9Motion, value: Bytes) {
            if motion.width == 4 {
                let to: &mut [u8; 4] = to.first_chunk_mut().expect("the block exceeds the plane");
                let mut row = [0; 8];
                row[..4].copy_from_slice(to);
                let mean = if motion.average { avg_u8(load_u8x8(&row), value) } else { value };
                store_u8x8(&mut row, mean);
                to.copy_from_slice(&row[..4]);
            } else {
                let to = to.first_chunk_mut().expect("the block exceeds the plane");
                let mean = if motion.average { avg_u8(load_u8x8(to), value) } else { value };
                store_u8x8(to, mean);
            }
        }
    };
}
pub(crate) use lanes_vp9;
