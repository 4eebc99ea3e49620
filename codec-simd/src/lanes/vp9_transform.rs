//! VP9's one-dimensional inverse transforms, written once for registers of any width. Register `i`
//! holds value `i` of each row or column that is transformed: one row or column per 16-bit lane.

/// Number of the first inputs of a transform that may differ from zero.
pub(crate) trait Used {
    const COUNT: usize;
    /// The same for the inputs with even numbers.
    type Even: Used;
}

macro_rules! used {
    ($($name:ident: $count:literal, $even:ident;)*) => {
        $(
            /// As many inputs as the name says.
            pub(crate) enum $name {}
            impl Used for $name {
                const COUNT: usize = $count;
                type Even = $even;
            }
        )*
    };
}

used! {
    Used32: 32, Used16;
    Used16: 16, Used8;
    Used8: 8, Used4;
    Used4: 4, Used2;
    Used2: 2, Used1;
    Used1: 1, Used1;
}

/// `round(16384 cos(k pi / 64))`.
pub(crate) const COS: [i16; 32] = [
    16384, 16364, 16305, 16207, 16069, 15893, 15679, 15426, 15137, 14811, 14449, 14053, 13623,
    13160, 12665, 12140, 11585, 11003, 10394, 9760, 9102, 8423, 7723, 7005, 6270, 5520, 4756, 3981,
    3196, 2404, 1606, 804,
];

/// The DCTs and the steps that all transforms share, compiled for the given features. `Words` are registers of 16-bit numbers, and
/// `Sums` the sums of products of twice as many bits; their operations are in scope.
macro_rules! lanes_vp9_transform {
    ($features:literal) => {
        /// `(a * x + b * y) / 16384`, rounded.
        #[inline]
        #[target_feature(enable = $features)]
        fn rotated(a: Words, x: i16, b: Words, y: i16) -> Words {
            rounded(products(a, x, b, y))
        }

        /// Rotates a pair by angle `k`.
        #[inline]
        #[target_feature(enable = $features)]
        fn turn(a: Words, b: Words, k: usize) -> [Words; 2] {
            [rotated(a, COS[32 - k], b, -COS[k]), rotated(a, COS[k], b, COS[32 - k])]
        }

        /// Rotates inputs `i` and `j` by angle `k`; those that are not used are zero.
        #[inline]
        #[target_feature(enable = $features)]
        fn turn_inputs<U: Used>(x: &[Words], i: usize, j: usize, k: usize) -> [Words; 2] {
            match (i < U::COUNT, j < U::COUNT) {
                (true, true) => turn(x[i], x[j], k),
                (true, false) => [scaled(x[i], COS[32 - k]), scaled(x[i], COS[k])],
                (false, true) => [scaled(x[j], -COS[k]), scaled(x[j], COS[32 - k])],
                (false, false) => [splat_i16(0); 2],
            }
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

        /// The last rotation of the odd half: by an eighth of a turn.
        #[inline]
        #[target_feature(enable = $features)]
        fn turn_middle(x: &mut [Words], i: usize, j: usize) {
            let (a, b) = (x[i], x[j]);
            x[i] = rotated(b, COS[16], a, -COS[16]);
            x[j] = rotated(a, COS[16], b, COS[16]);
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn dct_4<U: Used>(x: [Words; 4]) -> [Words; 4] {
            let even = if U::COUNT > 2 {
                [rotated(x[0], COS[16], x[2], COS[16]), rotated(x[0], COS[16], x[2], -COS[16])]
            } else {
                [scaled(x[0], COS[16]); 2]
            };
            let [low, high] = turn_inputs::<U>(&x, 1, 3, 8);
            [
                adds_i16(even[0], high),
                adds_i16(even[1], low),
                subs_i16(even[1], low),
                subs_i16(even[0], high),
            ]
        }

        /// The outputs of a DCT from the outputs of its halves.
        #[inline]
        #[target_feature(enable = $features)]
        fn halves<const H: usize, const N: usize>(even: [Words; H], odd: [Words; H]) -> [Words; N] {
            let mut out = [even[0]; N];
            for k in 0..H {
                out[k] = adds_i16(even[k], odd[H - 1 - k]);
                out[N - 1 - k] = subs_i16(even[k], odd[H - 1 - k]);
            }
            out
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn dct_8<U: Used>(x: [Words; 8]) -> [Words; 8] {
            let even = dct_4::<U::Even>([x[0], x[2], x[4], x[6]]);
            let mut o = [x[0]; 4];
            [o[0], o[3]] = turn_inputs::<U>(&x, 1, 7, 4);
            [o[1], o[2]] = turn_inputs::<U>(&x, 5, 3, 20);
            cross(&mut o, 0, 1);
            cross_back(&mut o, 2, 3);
            turn_middle(&mut o, 1, 2);
            halves(even, o)
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn dct_16<U: Used>(x: [Words; 16]) -> [Words; 16] {
            let even = dct_8::<U::Even>([x[0], x[2], x[4], x[6], x[8], x[10], x[12], x[14]]);
            let mut o = [x[0]; 8];
            [o[0], o[7]] = turn_inputs::<U>(&x, 1, 15, 2);
            [o[1], o[6]] = turn_inputs::<U>(&x, 9, 7, 18);
            [o[2], o[5]] = turn_inputs::<U>(&x, 5, 11, 10);
            [o[3], o[4]] = turn_inputs::<U>(&x, 13, 3, 26);
            cross(&mut o, 0, 1);
            cross_back(&mut o, 2, 3);
            cross(&mut o, 4, 5);
            cross_back(&mut o, 6, 7);
            turn_odd(&mut o, 1, 6, 8);
            turn_back(&mut o, 2, 5, 8);
            cross(&mut o, 0, 3);
            cross(&mut o, 1, 2);
            cross_back(&mut o, 4, 7);
            cross_back(&mut o, 5, 6);
            turn_middle(&mut o, 2, 5);
            turn_middle(&mut o, 3, 4);
            halves(even, o)
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn dct_32<U: Used>(x: &[Words; 32]) -> [Words; 32] {
            let mut even = [x[0]; 16];
            for k in 0..16 {
                even[k] = x[2 * k];
            }
            let even = dct_16::<U::Even>(even);
            let mut o = [x[0]; 16];
            [o[0], o[15]] = turn_inputs::<U>(x, 1, 31, 1);
            [o[1], o[14]] = turn_inputs::<U>(x, 17, 15, 17);
            [o[2], o[13]] = turn_inputs::<U>(x, 9, 23, 9);
            [o[3], o[12]] = turn_inputs::<U>(x, 25, 7, 25);
            [o[4], o[11]] = turn_inputs::<U>(x, 5, 27, 5);
            [o[5], o[10]] = turn_inputs::<U>(x, 21, 11, 21);
            [o[6], o[9]] = turn_inputs::<U>(x, 13, 19, 13);
            [o[7], o[8]] = turn_inputs::<U>(x, 29, 3, 29);
            for i in [0, 4, 8, 12] {
                cross(&mut o, i, i + 1);
                cross_back(&mut o, i + 2, i + 3);
            }
            turn_odd(&mut o, 1, 14, 4);
            turn_back(&mut o, 2, 13, 4);
            turn_odd(&mut o, 5, 10, 20);
            turn_back(&mut o, 6, 9, 20);
            for i in [0, 8] {
                cross(&mut o, i, i + 3);
                cross(&mut o, i + 1, i + 2);
                cross_back(&mut o, i + 4, i + 7);
                cross_back(&mut o, i + 5, i + 6);
            }
            turn_odd(&mut o, 2, 13, 8);
            turn_odd(&mut o, 3, 12, 8);
            turn_back(&mut o, 4, 11, 8);
            turn_back(&mut o, 5, 10, 8);
            for i in 0..4 {
                cross(&mut o, i, 7 - i);
                cross_back(&mut o, 8 + i, 15 - i);
            }
            for i in 4..8 {
                turn_middle(&mut o, i, 15 - i);
            }
            halves(even, o)
        }

        /// A rotation by angle `k` whose results are not rounded.
        #[inline]
        #[target_feature(enable = $features)]
        fn turn_wide(a: Words, b: Words, k: usize) -> [Sums; 2] {
            [products(a, COS[k], b, COS[32 - k]), products(a, COS[32 - k], b, -COS[k])]
        }

        /// The mirrored rotation.
        #[inline]
        #[target_feature(enable = $features)]
        fn turn_wide_back(a: Words, b: Words, k: usize) -> [Sums; 2] {
            [products(a, -COS[32 - k], b, COS[k]), products(a, COS[k], b, COS[32 - k])]
        }

        /// The rounded sum and difference of two pairs, to `i` and `i + 1`, and to `j` and `j + 1`.
        #[inline]
        #[target_feature(enable = $features)]
        fn cross_wide(x: &mut [Words], i: usize, j: usize, s: [Sums; 2], t: [Sums; 2]) {
            for at in 0..2 {
                x[i + at] = rounded(add_sums(s[at], t[at]));
                x[j + at] = rounded(sub_sums(s[at], t[at]));
            }
        }

        /// The sum and the difference of two values, both rotated by an eighth of a turn.
        #[inline]
        #[target_feature(enable = $features)]
        fn turn_eighth(x: &mut [Words], i: usize, signs: [i16; 3]) {
            let (a, b) = (x[i], x[i + 1]);
            x[i] = rotated(a, signs[0] * COS[16], b, signs[0] * COS[16]);
            x[i + 1] = rotated(a, signs[1] * COS[16], b, signs[2] * COS[16]);
        }
    };
}
pub(crate) use lanes_vp9_transform;

/// The 4-point and the 8-point ADST, on top of [`lanes_vp9_transform`].
macro_rules! lanes_vp9_adst_4_and_8 {
    ($features:literal) => {
        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn adst_4(x: [Words; 4]) -> [Words; 4] {
            let [s1, s2, s3, s4] = [5283, 9929, 13377, 15212];
            let sum = |a: [i16; 4]| {
                let first = products(x[0], a[0], x[1], a[1]);
                rounded(add_sums(first, products(x[2], a[2], x[3], a[3])))
            };
            [
                sum([s1, s3, s4, s2]),
                sum([s2, s3, -s1, -s4]),
                sum([s3, 0, -s3, s3]),
                // The sum of the first two, with the sign of the second input changed.
                sum([s1 + s2, -s3, s4 - s1, s2 - s4]),
            ]
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn adst_8(x: [Words; 8]) -> [Words; 8] {
            let mut o = x;
            let (a, c) = (turn_wide(x[7], x[0], 2), turn_wide(x[3], x[4], 18));
            cross_wide(&mut o, 0, 4, a, c);
            let (b, d) = (turn_wide(x[5], x[2], 10), turn_wide(x[1], x[6], 26));
            cross_wide(&mut o, 2, 6, b, d);
            cross(&mut o, 0, 2);
            cross(&mut o, 1, 3);
            let (s, t) = (turn_wide(o[4], o[5], 8), turn_wide_back(o[6], o[7], 8));
            cross_wide(&mut o, 4, 6, s, t);
            turn_eighth(&mut o, 2, [1, 1, -1]);
            turn_eighth(&mut o, 6, [1, 1, -1]);
            let minus = |x| subs_i16(splat_i16(0), x);
            [o[0], minus(o[4]), o[6], minus(o[2]), o[3], minus(o[7]), o[5], minus(o[1])]
        }
    };
}
pub(crate) use lanes_vp9_adst_4_and_8;

/// The 16-point ADST, on top of [`lanes_vp9_transform`].
macro_rules! lanes_vp9_adst_16 {
    ($features:literal) => {
        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn adst_16(x: [Words; 16]) -> [Words; 16] {
            let mut o = x;
            let inputs = [(15, 0), (13, 2), (11, 4), (9, 6), (7, 8), (5, 10), (3, 12), (1, 14)];
            for at in 0..4 {
                let ((a, b), (c, d)) = (inputs[at], inputs[at + 4]);
                let s = turn_wide(x[a], x[b], 1 + 4 * at);
                let t = turn_wide(x[c], x[d], 17 + 4 * at);
                cross_wide(&mut o, 2 * at, 8 + 2 * at, s, t);
            }
            for at in 0..4 {
                cross(&mut o, at, at + 4);
            }
            let (s, t) = (turn_wide(o[8], o[9], 4), turn_wide_back(o[12], o[13], 4));
            let (u, v) = (turn_wide(o[10], o[11], 20), turn_wide_back(o[14], o[15], 20));
            cross_wide(&mut o, 8, 12, s, t);
            cross_wide(&mut o, 10, 14, u, v);
            for at in [0, 8] {
                cross(&mut o, at, at + 2);
                cross(&mut o, at + 1, at + 3);
                let s = turn_wide(o[at + 4], o[at + 5], 8);
                let t = turn_wide_back(o[at + 6], o[at + 7], 8);
                cross_wide(&mut o, at + 4, at + 6, s, t);
            }
            turn_eighth(&mut o, 2, [-1, 1, -1]);
            turn_eighth(&mut o, 14, [-1, 1, -1]);
            turn_eighth(&mut o, 6, [1, -1, 1]);
            turn_eighth(&mut o, 10, [1, -1, 1]);
            let minus = |x| subs_i16(splat_i16(0), x);
            [
                o[0],
                minus(o[8]),
                o[12],
                minus(o[4]),
                o[6],
                o[14],
                o[10],
                o[2],
                o[3],
                o[11],
                o[15],
                o[7],
                o[5],
                minus(o[13]),
                o[9],
                minus(o[1]),
            ]
        }
    };
}
pub(crate) use lanes_vp9_adst_16;
