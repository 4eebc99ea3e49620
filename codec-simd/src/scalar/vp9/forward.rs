//! Forward transforms and quantisation, for the encoder. The forward DCT performs the steps of the
//! inverse DCT in reverse order.
//!
//! Coefficients are eight times those of the orthonormal transform, and four times in 32x32
//! transforms. With differences of 8-bit samples, no value exceeds 16 bits.

use super::transform::COS;
use crate::vp9::adst::{ADST_4, ADST_8, ADST_16};
use crate::vp9::{VP9_FORWARD_SHIFTS, Vp9Quantised, Vp9Quantiser, Vp9TxKind, Vp9TxSize};

/// `(a * x + b * y) / 16384`, rounded.
fn rotated(a: i32, x: i32, b: i32, y: i32) -> i32 {
    (a * x + b * y + (1 << 13)) >> 14
}

/// Rotations of the pairs (i, j) of `o`, each its own inverse up to the scale.
fn rotate_odd(o: &mut [i32], pairs: &[(usize, usize, usize, bool)]) {
    for &(i, j, k, is_mirrored) in pairs {
        let (a, b) = (o[i], o[j]);
        (o[i], o[j]) = if is_mirrored {
            (rotated(a, -COS[32 - k], b, -COS[k]), rotated(a, -COS[k], b, COS[32 - k]))
        } else {
            (rotated(a, -COS[k], b, COS[32 - k]), rotated(a, COS[32 - k], b, COS[k]))
        };
    }
}

/// Butterflies in groups of `m`; the signs alternate between the groups.
fn butterflies(o: &mut [i32], m: usize) {
    for (index, group) in o.chunks_exact_mut(m).enumerate() {
        for j in 0..m / 2 {
            let (a, b) = (group[j], group[m - 1 - j]);
            (group[j], group[m - 1 - j]) =
                if index.is_multiple_of(2) { (a + b, a - b) } else { (b - a, a + b) };
        }
    }
}

/// Forward DCT of 4, 8, 16 or 32 values.
fn dct(values: &mut [i32]) {
    let n = values.len();
    let half = n / 2;
    let (mut even, mut odd) = ([0; 16], [0; 16]);
    let (even, odd) = (&mut even[..half], &mut odd[..half]);
    for k in 0..half {
        let (a, b) = (values[k], values[n - 1 - k]);
        (even[k], odd[half - 1 - k]) = (a + b, a - b);
    }
    if n == 4 {
        let [a, b] = [even[0], even[1]];
        let [low, high] = [odd[0], odd[1]];
        values.copy_from_slice(&[
            rotated(a, COS[16], b, COS[16]),
            rotated(low, COS[24], high, COS[8]),
            rotated(a, COS[16], b, -COS[16]),
            rotated(low, -COS[8], high, COS[24]),
        ]);
        return;
    }
    dct(even);
    for j in half / 4..half / 2 {
        let (a, b) = (odd[j], odd[half - 1 - j]);
        odd[j] = rotated(b, COS[16], a, -COS[16]);
        odd[half - 1 - j] = rotated(a, COS[16], b, COS[16]);
    }
    if n == 16 {
        butterflies(odd, 4);
        rotate_odd(odd, &[(1, 6, 8, false), (2, 5, 8, true)]);
    } else if n == 32 {
        butterflies(odd, 8);
        let pairs = [(2, 13, 8, false), (3, 12, 8, false), (4, 11, 8, true), (5, 10, 8, true)];
        rotate_odd(odd, &pairs);
        butterflies(odd, 4);
        let pairs = [(1, 14, 4, false), (2, 13, 4, true), (5, 10, 20, false), (6, 9, 20, true)];
        rotate_odd(odd, &pairs);
    }
    butterflies(odd, 2);
    let first: &[usize] = match n {
        8 => &[1, 5],
        16 => &[1, 9, 5, 13],
        _ => &[1, 17, 9, 25, 5, 21, 13, 29],
    };
    for (k, even) in even.iter().enumerate() {
        values[2 * k] = *even;
    }
    for (j, &a) in first.iter().enumerate() {
        let (low, high, k) = (odd[j], odd[half - 1 - j], 32 * a / n);
        values[a] = rotated(low, COS[32 - k], high, COS[k]);
        values[n - a] = rotated(low, -COS[k], high, COS[32 - k]);
    }
}

/// Forward ADST of 4, 8 or 16 values.
fn adst(values: &mut [i32]) {
    fn product<const N: usize>(factors: &[[i16; N]; N], values: &mut [i32]) {
        let mut out = [0; N];
        for (to, factors) in out.iter_mut().zip(factors) {
            let products = values.iter().zip(factors).map(|(&value, &f)| value * i32::from(f));
            *to = (products.sum::<i32>() + (1 << 13)) >> 14;
        }
        values.copy_from_slice(&out);
    }
    match values.len() {
        4 => product(&ADST_4, values),
        8 => product(&ADST_8, values),
        _ => product(&ADST_16, values),
    }
}

fn to_i16(value: i32) -> i16 {
    i16::try_from(value.clamp(i16::MIN.into(), i16::MAX.into())).unwrap_or_default()
}

pub(crate) fn vp9_forward_transform(
    size: Vp9TxSize,
    kind: Vp9TxKind,
    cur: &[u8],
    cur_stride: usize,
    pred: &[u8],
    pred_stride: usize,
    coeffs: &mut [i16; 1024],
) {
    let n = size.pixels();
    let (middle, last) = VP9_FORWARD_SHIFTS[size as usize];
    let mut columns = [[0; 32]; 32];
    for (x, column) in columns.iter_mut().enumerate().take(n) {
        let column = &mut column[..n];
        for (y, value) in column.iter_mut().enumerate() {
            let (cur, pred) = (cur[y * cur_stride + x], pred[y * pred_stride + x]);
            *value = 4 * (i32::from(cur) - i32::from(pred));
        }
        if kind.has_adst_columns() {
            adst(column)
        } else {
            dct(column)
        }
        for value in column.iter_mut() {
            *value = (*value + ((1 << middle) >> 1)) >> middle;
        }
    }
    for v in 0..n {
        let mut row = [0; 32];
        let row = &mut row[..n];
        for (value, column) in row.iter_mut().zip(&columns) {
            *value = column[v];
        }
        if kind.has_adst_rows() {
            adst(row)
        } else {
            dct(row)
        }
        for (u, value) in row.iter().enumerate() {
            coeffs[u * n + v] = to_i16(*value << last);
        }
    }
}

pub(crate) fn vp9_quantise(
    coeffs: &[i16],
    quantiser: &Vp9Quantiser,
    levels: &mut [i16],
) -> Vp9Quantised {
    assert_eq!(coeffs.len(), levels.len(), "as many levels as coefficients");
    let mut result = Vp9Quantised::default();
    for (at, (&coeff, to)) in coeffs.iter().zip(levels).enumerate() {
        let class = usize::from(at > 0);
        let magnitude = u32::from(coeff.unsigned_abs().min(32767));
        let sum = (magnitude + u32::from(quantiser.round[class])).min(32767);
        let level = (sum * u32::from(quantiser.reciprocal[class])) >> 16;
        let value = (level * u32::from(quantiser.step[class])) >> u32::from(quantiser.is_halved);
        let difference = u64::from(magnitude.abs_diff(value.min(32767)));
        *to = if coeff < 0 { -to_i16(level.cast_signed()) } else { to_i16(level.cast_signed()) };
        result.count += u32::from(level > 0);
        result.error += difference * difference;
        result.energy += u64::from(magnitude * magnitude);
    }
    result
}
