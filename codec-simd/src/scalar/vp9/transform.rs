//! Inverse transforms: DCT, ADST and the lossless Walsh-Hadamard transform.
//!
//! The constants of the DCT and of the 8- and 16-point ADST are `round(16384 cos(k pi / 64))` for
//! `k` from 0 to 31. With 8-bit samples all intermediate values have 16 bits: sums saturate, and a
//! sum of two products is rounded only once, after the addition. In streams of conforming encoders,
//! no value exceeds 16 bits.

use super::Sample;
use crate::vp9::{Vp9TxKind, Vp9TxSize};

/// `round(16384 cos(k pi / 64))`.
pub(super) const COS: [i32; 32] = [
    16384, 16364, 16305, 16207, 16069, 15893, 15679, 15426, 15137, 14811, 14449, 14053, 13623,
    13160, 12665, 12140, 11585, 11003, 10394, 9760, 9102, 8423, 7723, 7005, 6270, 5520, 4756, 3981,
    3196, 2404, 1606, 804,
];
/// Constants of the 4-point ADST.
const SIN: [i32; 4] = [5283, 9929, 13377, 15212];

/// A value between the steps of a transform.
trait Value: Copy + Default + PartialEq {
    /// A sum of products that is not rounded yet.
    type Wide: Copy;

    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, factor: i32) -> Self::Wide;
    fn sum(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    fn difference(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// Divides by 16384 and rounds.
    fn rounded(wide: Self::Wide) -> Self;

    fn negated(self) -> Self {
        Self::default().minus(self)
    }

    /// `(a * x + b * y) / 16384`, rounded.
    fn rotated(a: Self, x: i32, b: Self, y: i32) -> Self {
        Self::rounded(Self::sum(a.times(x), b.times(y)))
    }
}

impl Value for i16 {
    type Wide = i32;

    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }
    fn minus(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
    fn times(self, factor: i32) -> i32 {
        i32::from(self) * factor
    }
    fn sum(a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }
    fn difference(a: i32, b: i32) -> i32 {
        a.wrapping_sub(b)
    }
    fn rounded(wide: i32) -> Self {
        let value = (wide.wrapping_add(1 << 13) >> 14).clamp(Self::MIN.into(), Self::MAX.into());
        Self::try_from(value).unwrap_or_default()
    }
}

impl Value for i64 {
    type Wide = i64;

    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
    fn times(self, factor: i32) -> i64 {
        self.wrapping_mul(i64::from(factor))
    }
    fn sum(a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }
    fn difference(a: i64, b: i64) -> i64 {
        a.wrapping_sub(b)
    }
    fn rounded(wide: i64) -> Self {
        wide.wrapping_add(1 << 13) >> 14
    }
}

/// Rotates a pair by angle `k`.
fn rotate<V: Value>(a: V, b: V, k: usize) -> (V, V) {
    (V::rotated(a, COS[32 - k], b, -COS[k]), V::rotated(a, COS[k], b, COS[32 - k]))
}

/// Rotations of the pairs (i, j) of `o` between the butterflies of the odd half of a DCT.
fn rotate_odd<V: Value>(o: &mut [V], pairs: &[(usize, usize, usize, bool)]) {
    for &(i, j, k, is_mirrored) in pairs {
        let (a, b) = (o[i], o[j]);
        (o[i], o[j]) = if is_mirrored {
            (V::rotated(a, -COS[32 - k], b, -COS[k]), V::rotated(a, -COS[k], b, COS[32 - k]))
        } else {
            (V::rotated(a, -COS[k], b, COS[32 - k]), V::rotated(a, COS[32 - k], b, COS[k]))
        };
    }
}

/// Butterflies in groups of `m`; the signs alternate between the groups.
fn butterflies<V: Value>(o: &mut [V], m: usize) {
    for (index, group) in o.chunks_exact_mut(m).enumerate() {
        for j in 0..m / 2 {
            let (a, b) = (group[j], group[m - 1 - j]);
            (group[j], group[m - 1 - j]) = if index.is_multiple_of(2) {
                (a.plus(b), a.minus(b))
            } else {
                (b.minus(a), a.plus(b))
            };
        }
    }
}

/// Inverse DCT of 4, 8, 16 or 32 values.
fn dct<V: Value>(values: &mut [V]) {
    let n = values.len();
    if n == 4 {
        let [i0, i1, i2, i3] = [values[0], values[1], values[2], values[3]];
        let (e0, e1) =
            (V::rotated(i0, COS[16], i2, COS[16]), V::rotated(i0, COS[16], i2, -COS[16]));
        let (low, high) = rotate(i1, i3, 8);
        values.copy_from_slice(&[e0.plus(high), e1.plus(low), e1.minus(low), e0.minus(high)]);
        return;
    }
    let half = n / 2;
    let (mut even, mut odd) = ([V::default(); 16], [V::default(); 16]);
    let (even, odd) = (&mut even[..half], &mut odd[..half]);
    for (to, from) in even.iter_mut().zip(values.iter().step_by(2)) {
        *to = *from;
    }
    dct(even);
    let first: &[usize] = match n {
        8 => &[1, 5],
        16 => &[1, 9, 5, 13],
        _ => &[1, 17, 9, 25, 5, 21, 13, 29],
    };
    for (j, &a) in first.iter().enumerate() {
        (odd[j], odd[half - 1 - j]) = rotate(values[a], values[n - a], 32 * a / n);
    }
    butterflies(odd, 2);
    if n == 16 {
        rotate_odd(odd, &[(1, 6, 8, false), (2, 5, 8, true)]);
        butterflies(odd, 4);
    } else if n == 32 {
        let pairs = [(1, 14, 4, false), (2, 13, 4, true), (5, 10, 20, false), (6, 9, 20, true)];
        rotate_odd(odd, &pairs);
        butterflies(odd, 4);
        let pairs = [(2, 13, 8, false), (3, 12, 8, false), (4, 11, 8, true), (5, 10, 8, true)];
        rotate_odd(odd, &pairs);
        butterflies(odd, 8);
    }
    for j in half / 4..half / 2 {
        let (a, b) = (odd[j], odd[half - 1 - j]);
        odd[j] = V::rotated(b, COS[16], a, -COS[16]);
        odd[half - 1 - j] = V::rotated(a, COS[16], b, COS[16]);
    }
    for k in 0..half {
        let (even, odd) = (even[k], odd[half - 1 - k]);
        values[k] = even.plus(odd);
        values[n - 1 - k] = even.minus(odd);
    }
}

fn adst4<V: Value>(values: &mut [V]) {
    let [x0, x1, x2, x3] = [values[0], values[1], values[2], values[3]];
    let [s1, s2, s3, s4] = SIN;
    let sum3 = |a, b, c| V::sum(V::sum(a, b), c);
    let p = sum3(x0.times(s1), x2.times(s4), x3.times(s2));
    let q = sum3(x0.times(s2), x2.times(-s1), x3.times(-s4));
    let t = x1.times(s3);
    let u = sum3(x0.times(s3), x2.times(-s3), x3.times(s3));
    values[0] = V::rounded(V::sum(p, t));
    values[1] = V::rounded(V::sum(q, t));
    values[2] = V::rounded(u);
    values[3] = V::rounded(V::difference(V::sum(p, q), t));
}

/// A rotation whose results are not rounded.
fn wide<V: Value>(a: V, b: V, k: usize) -> [V::Wide; 2] {
    [
        V::sum(a.times(COS[k]), b.times(COS[32 - k])),
        V::difference(a.times(COS[32 - k]), b.times(COS[k])),
    ]
}

/// The mirrored rotation.
fn wide_mirrored<V: Value>(a: V, b: V, k: usize) -> [V::Wide; 2] {
    [
        V::difference(b.times(COS[k]), a.times(COS[32 - k])),
        V::sum(a.times(COS[k]), b.times(COS[32 - k])),
    ]
}

/// Rounded sums of two halves, then their rounded differences.
fn cross<V: Value, const N: usize>(s: [V::Wide; N], t: [V::Wide; N], x: &mut [V]) {
    for i in 0..N {
        x[i] = V::rounded(V::sum(s[i], t[i]));
        x[N + i] = V::rounded(V::difference(s[i], t[i]));
    }
}

/// Sums of the two halves of `x`, then their differences.
fn cross_plain<V: Value>(x: &mut [V]) {
    let half = x.len() / 2;
    for i in 0..half {
        (x[i], x[half + i]) = (x[i].plus(x[half + i]), x[i].minus(x[half + i]));
    }
}

fn adst8<V: Value>(values: &mut [V]) {
    let mut x = [7, 0, 5, 2, 3, 4, 1, 6].map(|from| values[from]);
    let pair = |at: usize, k: usize| wide(x[at], x[at + 1], k);
    let [a, b, c, d] = [pair(0, 2), pair(2, 10), pair(4, 18), pair(6, 26)];
    cross([a[0], a[1], b[0], b[1]], [c[0], c[1], d[0], d[1]], &mut x);
    cross_plain(&mut x[..4]);
    let (s, t) = (wide(x[4], x[5], 8), wide_mirrored(x[6], x[7], 8));
    cross(s, t, &mut x[4..]);
    for at in [2, 6] {
        let (a, b) = (x[at], x[at + 1]);
        x[at] = V::rotated(a, COS[16], b, COS[16]);
        x[at + 1] = V::rotated(a, COS[16], b, -COS[16]);
    }
    let minus = V::negated;
    let out = [x[0], minus(x[4]), x[6], minus(x[2]), x[3], minus(x[7]), x[5], minus(x[1])];
    values.copy_from_slice(&out);
}

fn adst16<V: Value>(values: &mut [V]) {
    let order = [15, 0, 13, 2, 11, 4, 9, 6, 7, 8, 5, 10, 3, 12, 1, 14];
    let mut x = order.map(|from| values[from]);
    let pair = |at: usize| wide(x[2 * at], x[2 * at + 1], 1 + 4 * at);
    let pairs: [[V::Wide; 2]; 8] = std::array::from_fn(pair);
    let half = |from: usize| std::array::from_fn(|i: usize| pairs[from + i / 2][i % 2]);
    let (s, t): ([V::Wide; 8], [V::Wide; 8]) = (half(0), half(4));
    cross(s, t, &mut x);
    cross_plain(&mut x[..8]);
    let [a, b] = [wide(x[8], x[9], 4), wide(x[10], x[11], 20)];
    let [c, d] = [wide_mirrored(x[12], x[13], 4), wide_mirrored(x[14], x[15], 20)];
    cross([a[0], a[1], b[0], b[1]], [c[0], c[1], d[0], d[1]], &mut x[8..]);
    for at in [0, 8] {
        cross_plain(&mut x[at..at + 4]);
        let (s, t) = (wide(x[at + 4], x[at + 5], 8), wide_mirrored(x[at + 6], x[at + 7], 8));
        cross(s, t, &mut x[at + 4..at + 8]);
    }
    let c16 = COS[16];
    for (at, signs) in
        [(2, [-1, -1, 1, -1]), (14, [-1, -1, 1, -1]), (6, [1, 1, -1, 1]), (10, [1, 1, -1, 1])]
    {
        let (a, b) = (x[at], x[at + 1]);
        x[at] = V::rotated(a, signs[0] * c16, b, signs[1] * c16);
        x[at + 1] = V::rotated(a, signs[2] * c16, b, signs[3] * c16);
    }
    let out = [
        (0, false),
        (8, true),
        (12, false),
        (4, true),
        (6, false),
        (14, false),
        (10, false),
        (2, false),
        (3, false),
        (11, false),
        (15, false),
        (7, false),
        (5, false),
        (13, true),
        (9, false),
        (1, true),
    ];
    for (to, (from, is_negated)) in values.iter_mut().zip(out) {
        *to = if is_negated { x[from].negated() } else { x[from] };
    }
}

fn adst<V: Value>(values: &mut [V]) {
    match values.len() {
        4 => adst4(values),
        8 => adst8(values),
        _ => adst16(values),
    }
}

/// Transforms rows, then columns, of the `n` x `n` values in `block`, which is in column order.
fn inverse_2d<V: Value>(block: &mut [V], n: usize, kind: Vp9TxKind) {
    let transform = |values: &mut [V], is_adst: bool| {
        if is_adst && n < 32 {
            adst(values);
        } else {
            dct(values);
        }
    };
    let mut row = [V::default(); 32];
    let row = &mut row[..n];
    for y in 0..n {
        for (to, from) in row.iter_mut().zip(block.chunks_exact(n)) {
            *to = from[y];
        }
        if row.iter().all(|&value| value == V::default()) {
            continue;
        }
        transform(row, kind.has_adst_rows());
        for (to, from) in block.chunks_exact_mut(n).zip(row.iter()) {
            to[y] = *from;
        }
    }
    for column in block.chunks_exact_mut(n) {
        transform(column, kind.has_adst_columns());
    }
}

/// The lossless transform of 4 values.
fn wht(values: [i64; 4]) -> [i64; 4] {
    let [mut a, mut c, mut d, mut b] = values;
    a += c;
    d -= b;
    let e = (a - d) >> 1;
    b = e - b;
    c = e - c;
    a -= b;
    d += c;
    [a, b, c, d]
}

/// The residual of a lossless 4x4 block; both are in column order.
fn inverse_wht(coeffs: [i64; 16]) -> [i64; 16] {
    let mut block = coeffs.map(|value| value >> 2);
    for y in 0..4 {
        let row = wht([block[y], block[4 + y], block[8 + y], block[12 + y]]);
        for (x, value) in row.into_iter().enumerate() {
            block[4 * x + y] = value;
        }
    }
    for column in block.as_chunks_mut::<4>().0 {
        *column = wht(*column);
    }
    block
}

fn add_row<S: Sample>(dst: &mut [S], residual: impl Iterator<Item = i64>, depth: u8) {
    let limit = 1 << 20;
    for (sample, residual) in dst.iter_mut().zip(residual) {
        let value: i32 = (*sample).into();
        let residual = i32::try_from(residual.clamp(-limit, limit)).unwrap_or_default();
        *sample = S::clipped(value + residual, depth);
    }
}

fn inverse<V: Value + Into<i64>, S: Sample>(
    size: Vp9TxSize,
    kind: Vp9TxKind,
    coeffs: &mut [V; 1024],
    depth: u8,
    dst: &mut [S],
    stride: usize,
) {
    let n = size.pixels();
    let block = &mut coeffs[..n * n];
    let rows = dst.chunks_mut(stride).map(|row| &mut row[..n]).take(n).enumerate();
    if kind == Vp9TxKind::Wht {
        let residual = inverse_wht(std::array::from_fn(|at| block[at].into()));
        for (y, row) in rows {
            add_row(row, residual[y..].iter().step_by(n).copied(), depth);
        }
    } else {
        inverse_2d(block, n, kind);
        let shift = [4, 5, 6, 6][size as usize];
        for (y, row) in rows {
            let rounded = block[y..].iter().step_by(n).map(|&value| {
                let value: i64 = value.into();
                (value + (1 << (shift - 1))) >> shift
            });
            add_row(row, rounded, depth);
        }
    }
    block.fill(V::default());
}

pub(crate) fn vp9_inverse_transform(
    size: Vp9TxSize,
    kind: Vp9TxKind,
    coeffs: &mut [i16; 1024],
    _positions: u16,
    dst: &mut [u8],
    stride: usize,
) {
    inverse(size, kind, coeffs, 8, dst, stride);
}

pub(crate) fn inverse_high(
    size: Vp9TxSize,
    kind: Vp9TxKind,
    coeffs: &mut [i32; 1024],
    _positions: u16,
    depth: u8,
    dst: &mut [u16],
    stride: usize,
) {
    let mut values = [0_i64; 1024];
    let count = size.pixels() * size.pixels();
    for (to, from) in values.iter_mut().zip(&mut coeffs[..count]) {
        *to = i64::from(std::mem::take(from));
    }
    inverse(size, kind, &mut values, depth, dst, stride);
}
