//! VP9's one-dimensional forward transforms, written once for registers of any width. Register `i`
//! holds value `i` of each row or column that is transformed: one row or column per 16-bit lane.
//! The transforms perform the steps of the inverse transforms in reverse order.

use crate::view::Window;

/// The DCTs of 4 and 8 values and the ADSTs, compiled for the given features. `Words` are registers of 16-bit numbers,
/// and their operations are in scope.
macro_rules! lanes_vp9_forward {
    ($features:literal) => {
        /// `(a * x + b * y) / 16384`, rounded.
        #[inline]
        #[target_feature(enable = $features)]
        fn rotated(a: Words, x: i16, b: Words, y: i16) -> Words {
            rounded(products(a, x, b, y))
        }

        /// The sum and the difference of two values.
        #[inline]
        #[target_feature(enable = $features)]
        fn cross(x: &mut [Words], i: usize, j: usize) {
            (x[i], x[j]) = (adds_i16(x[i], x[j]), subs_i16(x[i], x[j]));
        }

        /// The difference and the sum of two values.
        #[inline]
        #[target_feature(enable = $features)]
        fn cross_back(x: &mut [Words], i: usize, j: usize) {
            (x[i], x[j]) = (subs_i16(x[j], x[i]), adds_i16(x[i], x[j]));
        }

        /// Rotates a pair of the odd half by an eighth of a turn.
        #[inline]
        #[target_feature(enable = $features)]
        fn turn_middle(x: &mut [Words], i: usize, j: usize) {
            let (a, b) = (x[i], x[j]);
            x[i] = rotated(b, COS[16], a, -COS[16]);
            x[j] = rotated(a, COS[16], b, COS[16]);
        }

        /// Rotates a pair of the odd half by angle `k` to the outputs `i` and `j`.
        #[inline]
        #[target_feature(enable = $features)]
        fn turn_out(out: &mut [Words], i: usize, j: usize, low: Words, high: Words, k: usize) {
            out[i] = rotated(low, COS[32 - k], high, COS[k]);
            out[j] = rotated(low, -COS[k], high, COS[32 - k]);
        }

        /// The inputs of the even and of the odd half.
        #[inline]
        #[target_feature(enable = $features)]
        fn fold<const H: usize>(x: &[Words]) -> ([Words; H], [Words; H]) {
            let (mut even, mut odd) = ([x[0]; H], [x[0]; H]);
            for k in 0..H {
                let (a, b) = (x[k], x[2 * H - 1 - k]);
                (even[k], odd[H - 1 - k]) = (adds_i16(a, b), subs_i16(a, b));
            }
            (even, odd)
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn dct_4(x: [Words; 4]) -> [Words; 4] {
            let (even, odd) = fold::<2>(&x);
            let mut out = x;
            out[0] = rotated(even[0], COS[16], even[1], COS[16]);
            out[2] = rotated(even[0], COS[16], even[1], -COS[16]);
            turn_out(&mut out, 1, 3, odd[0], odd[1], 8);
            out
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn dct_8(x: [Words; 8]) -> [Words; 8] {
            let (even, mut o) = fold::<4>(&x);
            let even = dct_4(even);
            turn_middle(&mut o, 1, 2);
            cross(&mut o, 0, 1);
            cross_back(&mut o, 2, 3);
            let mut out = x;
            for k in 0..4 {
                out[2 * k] = even[k];
            }
            turn_out(&mut out, 1, 7, o[0], o[3], 4);
            turn_out(&mut out, 5, 3, o[1], o[2], 20);
            out
        }

        /// The ADST: sums of products of all values, two at a time.
        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn adst<const N: usize>(x: [Words; N], factors: &[[i16; N]; N]) -> [Words; N] {
            let mut out = x;
            for k in 0..N {
                let row = &factors[k];
                let mut sum = products(x[0], row[0], x[1], row[1]);
                for n in 1..N / 2 {
                    let more = products(x[2 * n], row[2 * n], x[2 * n + 1], row[2 * n + 1]);
                    sum = add_sums(sum, more);
                }
                out[k] = rounded(sum);
            }
            out
        }
    };
}
pub(crate) use lanes_vp9_forward;

/// The DCTs of 16 and 32 values, on top of [`lanes_vp9_forward`].
macro_rules! lanes_vp9_forward_large {
    ($features:literal) => {
        /// Rotates a pair of the odd half between its butterflies.
        #[inline]
        #[target_feature(enable = $features)]
        fn turn_odd(x: &mut [Words], i: usize, j: usize, k: usize) {
            let (a, b) = (x[i], x[j]);
            x[i] = rotated(a, -COS[k], b, COS[32 - k]);
            x[j] = rotated(a, COS[32 - k], b, COS[k]);
        }

        /// The same with the pair mirrored.
        #[inline]
        #[target_feature(enable = $features)]
        fn turn_back(x: &mut [Words], i: usize, j: usize, k: usize) {
            let (a, b) = (x[i], x[j]);
            x[i] = rotated(a, -COS[32 - k], b, -COS[k]);
            x[j] = rotated(a, -COS[k], b, COS[32 - k]);
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn dct_16(x: [Words; 16]) -> [Words; 16] {
            let (even, mut o) = fold::<8>(&x);
            let even = dct_8(even);
            turn_middle(&mut o, 2, 5);
            turn_middle(&mut o, 3, 4);
            cross(&mut o, 0, 3);
            cross(&mut o, 1, 2);
            cross_back(&mut o, 4, 7);
            cross_back(&mut o, 5, 6);
            turn_odd(&mut o, 1, 6, 8);
            turn_back(&mut o, 2, 5, 8);
            cross(&mut o, 0, 1);
            cross_back(&mut o, 2, 3);
            cross(&mut o, 4, 5);
            cross_back(&mut o, 6, 7);
            let mut out = x;
            for k in 0..8 {
                out[2 * k] = even[k];
            }
            turn_out(&mut out, 1, 15, o[0], o[7], 2);
            turn_out(&mut out, 9, 7, o[1], o[6], 18);
            turn_out(&mut out, 5, 11, o[2], o[5], 10);
            turn_out(&mut out, 13, 3, o[3], o[4], 26);
            out
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn dct_32(x: &[Words; 32]) -> [Words; 32] {
            let (even, mut o) = fold::<16>(x);
            let even = dct_16(even);
            for i in 4..8 {
                turn_middle(&mut o, i, 15 - i);
            }
            for i in 0..4 {
                cross(&mut o, i, 7 - i);
                cross_back(&mut o, 8 + i, 15 - i);
            }
            turn_odd(&mut o, 2, 13, 8);
            turn_odd(&mut o, 3, 12, 8);
            turn_back(&mut o, 4, 11, 8);
            turn_back(&mut o, 5, 10, 8);
            for i in [0, 8] {
                cross(&mut o, i, i + 3);
                cross(&mut o, i + 1, i + 2);
                cross_back(&mut o, i + 4, i + 7);
                cross_back(&mut o, i + 5, i + 6);
            }
            turn_odd(&mut o, 1, 14, 4);
            turn_back(&mut o, 2, 13, 4);
            turn_odd(&mut o, 5, 10, 20);
            turn_back(&mut o, 6, 9, 20);
            for i in [0, 4, 8, 12] {
                cross(&mut o, i, i + 1);
                cross_back(&mut o, i + 2, i + 3);
            }
            let mut out = *x;
            for k in 0..16 {
                out[2 * k] = even[k];
            }
            for (j, i) in [1, 17, 9, 25, 5, 21, 13, 29].into_iter().enumerate() {
                turn_out(&mut out, i, 32 - i, o[j], o[15 - j], i);
            }
            out
        }
    };
}
pub(crate) use lanes_vp9_forward_large;

/// The forward kernels for registers of 128 bits, on top of both.
macro_rules! lanes_vp9_forward_kernels {
    ($features:literal) => {
        type Coefficients = [i16; 1024];
        /// A block and its stride.
        type Block<'a> = (&'a [u8], usize);

        lanes_vp9_forward!($features);
        lanes_vp9_forward_large!($features);

        #[target_feature(enable = $features)]
        fn vp9_forward_transform(
            size: Vp9TxSize,
            kind: Vp9TxKind,
            cur: &[u8],
            cur_stride: usize,
            pred: &[u8],
            pred_stride: usize,
            coeffs: &mut Coefficients,
        ) {
            let (cur, pred) = ((cur, cur_stride), (pred, pred_stride));
            match size {
                Vp9TxSize::Tx4 => transform_4x4(kind, cur, pred, coeffs),
                Vp9TxSize::Tx8 => transform_8x8(kind, cur, pred, coeffs),
                Vp9TxSize::Tx16 => transform_16x16(kind, cur, pred, coeffs),
                Vp9TxSize::Tx32 => transform_32x32(cur, pred, coeffs),
            }
        }

        /// Rows of 8 differences from `at` on, times 4.
        #[inline]
        #[target_feature(enable = $features)]
        fn differences<const H: usize>(cur: Block<'_>, pred: Block<'_>, at: usize) -> [Words; H] {
            let (cur, pred) = (window::<8, H>(cur, at), window::<8, H>(pred, at));
            let mut rows = [splat_i16(0); H];
            for y in 0..H {
                let difference = difference_low(load_u8x8(cur.row(y)), load_u8x8(pred.row(y)));
                rows[y] = shl_i16::<2>(difference);
            }
            rows
        }

        #[target_feature(enable = $features)]
        fn transform_4x4(kind: Vp9TxKind, cur: Block<'_>, pred: Block<'_>, out: &mut Coefficients) {
            let (cur, pred) = (load_4x4(window::<4, 4>(cur, 0)), load_4x4(window::<4, 4>(pred, 0)));
            let (top, bottom) =
                (shl_i16::<2>(difference_low(cur, pred)), shl_i16::<2>(difference_high(cur, pred)));
            // The upper halves of the registers are not used.
            let rows = [top, swap_halves(top), bottom, swap_halves(bottom)];
            let rows = if kind.has_adst_columns() { adst(rows, &ADST_4) } else { dct_4(rows) };
            let (a, b) = (zip_low_i16(rows[0], rows[2]), zip_low_i16(rows[1], rows[3]));
            let (left, right) = (zip_low_i16(a, b), zip_high_i16(a, b));
            let columns = [left, swap_halves(left), right, swap_halves(right)];
            let columns =
                if kind.has_adst_rows() { adst(columns, &ADST_4) } else { dct_4(columns) };
            let out = out.as_chunks_mut::<8>().0;
            store_i16x8(&mut out[0], low_halves(columns[0], columns[1]));
            store_i16x8(&mut out[1], low_halves(columns[2], columns[3]));
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

        #[target_feature(enable = $features)]
        fn transform_8x8(kind: Vp9TxKind, cur: Block<'_>, pred: Block<'_>, out: &mut Coefficients) {
            const { assert!(VP9_FORWARD_SHIFTS[1].0 == 1 && VP9_FORWARD_SHIFTS[1].1 == 0) };
            let rows = differences::<8>(cur, pred, 0);
            let mut rows = if kind.has_adst_columns() { adst(rows, &ADST_8) } else { dct_8(rows) };
            for y in 0..8 {
                rows[y] = shr_i16::<1>(add_i16(rows[y], splat_i16(1)));
            }
            let columns = transpose_8x8(&rows);
            let columns =
                if kind.has_adst_rows() { adst(columns, &ADST_8) } else { dct_8(columns) };
            for (to, column) in out.as_chunks_mut::<8>().0.iter_mut().zip(columns) {
                store_i16x8(to, column);
            }
        }

        #[target_feature(enable = $features)]
        fn transform_16x16(
            kind: Vp9TxKind,
            cur: Block<'_>,
            pred: Block<'_>,
            out: &mut Coefficients,
        ) {
            const { assert!(VP9_FORWARD_SHIFTS[2].0 == 3 && VP9_FORWARD_SHIFTS[2].1 == 1) };
            // The upper and the lower half of each column.
            let mut halves = [[splat_i16(0); 16]; 2];
            for x in [0, 8] {
                let rows = differences::<16>(cur, pred, x);
                let rows =
                    if kind.has_adst_columns() { adst(rows, &ADST_16) } else { dct_16(rows) };
                for half in 0..2 {
                    let mut part = [splat_i16(0); 8];
                    for y in 0..8 {
                        // Rounded.
                        part[y] = shr_i16::<3>(add_i16(rows[8 * half + y], splat_i16(4)));
                    }
                    halves[half][x..x + 8].copy_from_slice(&transpose_8x8(&part));
                }
            }
            let out = out.as_chunks_mut::<8>().0;
            for half in 0..2 {
                let columns = halves[half];
                let columns =
                    if kind.has_adst_rows() { adst(columns, &ADST_16) } else { dct_16(columns) };
                for x in 0..16 {
                    store_i16x8(&mut out[2 * x + half], adds_i16(columns[x], columns[x]));
                }
            }
        }

        #[target_feature(enable = $features)]
        fn transform_32x32(cur: Block<'_>, pred: Block<'_>, out: &mut Coefficients) {
            const { assert!(VP9_FORWARD_SHIFTS[3].0 == 5 && VP9_FORWARD_SHIFTS[3].1 == 1) };
            // The quarters of each column.
            let mut quarters = [[splat_i16(0); 32]; 4];
            for x in [0, 8, 16, 24] {
                let rows = dct_32(&differences::<32>(cur, pred, x));
                for quarter in 0..4 {
                    let mut part = [splat_i16(0); 8];
                    for y in 0..8 {
                        // Rounded.
                        part[y] = shr_i16::<5>(add_i16(rows[8 * quarter + y], splat_i16(16)));
                    }
                    quarters[quarter][x..x + 8].copy_from_slice(&transpose_8x8(&part));
                }
            }
            let out = out.as_chunks_mut::<8>().0;
            for quarter in 0..4 {
                let columns = dct_32(&quarters[quarter]);
                for x in 0..32 {
                    store_i16x8(&mut out[4 * x + quarter], adds_i16(columns[x], columns[x]));
                }
            }
        }

        /// The quantiser of eight coefficients: the added rounding, the reciprocal, the divisor of levels,
        /// and a mask of odd steps that are halved.
        type Lanes = [Words; 4];

        /// The quantiser, with the quantiser of the DC in the first lane of the first result.
        #[inline]
        #[target_feature(enable = $features)]
        fn lanes_of(quantiser: &Vp9Quantiser) -> [Lanes; 2] {
            let [dc, ac] = [0, 1].map(|class| {
                let step = quantiser.step[class];
                let is_odd = quantiser.is_halved && step % 2 == 1;
                [
                    quantiser.round[class],
                    quantiser.reciprocal[class],
                    if quantiser.is_halved { step / 2 } else { step },
                    if is_odd { u16::MAX } else { 0 },
                ]
            });
            let (mut first, mut all) = ([splat_i16(0); 4], [splat_i16(0); 4]);
            for k in 0..4 {
                all[k] = splat_i16(ac[k].cast_signed());
                let mut lanes = [ac[k].cast_signed(); 8];
                lanes[0] = dc[k].cast_signed();
                first[k] = load_i16x8(&lanes);
            }
            [first, all]
        }

        #[target_feature(enable = $features)]
        fn vp9_quantise(
            coeffs: &[i16],
            quantiser: &Vp9Quantiser,
            levels: &mut [i16],
        ) -> Vp9Quantised {
            assert_eq!(coeffs.len(), levels.len(), "as many levels as coefficients");
            let [mut lanes, ac] = lanes_of(quantiser);
            let (mut count, mut errors, mut energies) = (0, zero_u32(), zero_u32());
            let (coeffs, rest) = coeffs.as_chunks::<16>();
            assert!(rest.is_empty(), "whole registers");
            for (from, to) in coeffs.iter().zip(levels.as_chunks_mut::<16>().0) {
                let mut both = [splat_i16(0); 2];
                for half in 0..2 {
                    let coeff = load_i16x8(from[8 * half..].first_chunk().unwrap_or(&[0; 8]));
                    let [round, reciprocal, factor, odd] = lanes;
                    let magnitude = saturating_abs_i16(coeff);
                    let level = mulhi_i16(adds_i16(magnitude, round), reciprocal);
                    let missing = shr_i16::<1>(and_i16(level, odd));
                    let value = adds_i16(mul_i16(level, factor), missing);
                    errors = add_errors(errors, magnitude, value);
                    energies = add_errors(energies, magnitude, splat_i16(0));
                    both[half] = level;
                    if let Some(to) = to[8 * half..].first_chunk_mut() {
                        store_i16x8(to, with_sign_i16(level, coeff));
                    }
                    lanes = ac;
                }
                count += not_zero(both).count_ones();
            }
            let (error, energy) = (wide_sum_u32(errors), wide_sum_u32(energies));
            Vp9Quantised { count, error, energy }
        }
    };
}
pub(crate) use lanes_vp9_forward_kernels;

/// `W` x `H` samples from `at` on. Panics if they are not in the block.
#[inline(always)]
pub(crate) fn window<const W: usize, const H: usize>(
    (samples, stride): (&[u8], usize),
    at: usize,
) -> Window<'_, W, H> {
    #[expect(clippy::expect_used, reason = "the contract of the kernels")]
    Window::new(&samples[at..], stride).expect("the block exceeds the plane")
}
