//! Scalar reference kernels: transforms and quantisation of VP8 (RFC 6386, section 14).

use std::slice::{from_mut, from_ref};

use crate::level_bits::LEVEL_BITS;
use crate::types::{Block16, BlockMask, BlockUv, Quantiser};
use crate::view::{Window, WindowMut};

/// Raster position of each coefficient in transmission order (RFC 6386, section 13).
const ZIGZAG: [usize; 16] = [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15];

/// sqrt(2) * cos(pi / 8) - 1 in 1/65536 (RFC 6386, section 14.4).
const COS_MINUS_1: i32 = 20091;
/// sqrt(2) * sin(pi / 8) in 1/65536.
const SIN: i32 = 35468;

/// The same two numbers in 1/4096, for the forward transform.
const FORWARD_COS: i32 = 5352;
const FORWARD_SIN: i32 = 2217;

pub(crate) fn fdct_luma(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 16]; 16]) {
    for (n, block) in coeffs.iter_mut().enumerate() {
        let (x, y) = (n % 4 * 4, n / 4 * 4);
        fdct_4x4(cur.sub(x, y), pred.sub(x, y), block);
    }
}

pub(crate) fn fdct_chroma(cur: &BlockUv, pred: &BlockUv, coeffs: &mut [[i16; 16]; 8]) {
    for (n, block) in coeffs.iter_mut().enumerate() {
        let (x, y) = (n % 2 * 4, n % 4 / 2 * 4);
        fdct_4x4(cur.plane(n / 4).sub(x, y), pred.plane(n / 4).sub(x, y), block);
    }
}

pub(crate) fn fdct_4x4(cur: Window<'_, 4, 4>, pred: Window<'_, 4, 4>, coeffs: &mut [i16; 16]) {
    let mut rows = [[0i32; 4]; 4];
    for (y, row) in rows.iter_mut().enumerate() {
        let (c, p) = (cur.row(y), pred.row(y));
        let d: [i32; 4] = std::array::from_fn(|x| (i32::from(c[x]) - i32::from(p[x])) * 8);
        let (sum03, sum12) = (d[0] + d[3], d[1] + d[2]);
        let (dif03, dif12) = (d[0] - d[3], d[1] - d[2]);
        *row = [
            sum03 + sum12,
            (dif12 * FORWARD_SIN + dif03 * FORWARD_COS + 14500) >> 12,
            sum03 - sum12,
            (dif03 * FORWARD_SIN - dif12 * FORWARD_COS + 7500) >> 12,
        ];
    }
    for x in 0..4 {
        let (sum03, sum12) = (rows[0][x] + rows[3][x], rows[1][x] + rows[2][x]);
        let (dif03, dif12) = (rows[0][x] - rows[3][x], rows[1][x] - rows[2][x]);
        let column = [
            (sum03 + sum12 + 7) >> 4,
            ((dif12 * FORWARD_SIN + dif03 * FORWARD_COS + 12000) >> 16) + i32::from(dif03 != 0),
            (sum03 - sum12 + 7) >> 4,
            (dif03 * FORWARD_SIN - dif12 * FORWARD_COS + 51000) >> 16,
        ];
        for (y, value) in column.into_iter().enumerate() {
            coeffs[y * 4 + x] = wrap(value);
        }
    }
}

/// Half the 4x4 Walsh-Hadamard sums. All sixteen sums have the same parity. Odd ones are rounded
/// up in the last row and in the last column, but not where these meet, and down elsewhere: the
/// signs of these sixteen errors form a bent function, whose transform is flat, so that each
/// output of the inverse is off by 2/8, which its rounding removes. The round trip is lossless.
pub(crate) fn forward_wht(dcs: &[i16; 16]) -> [i16; 16] {
    let mut out = *dcs;
    for start in [0, 4, 8, 12] {
        walsh(&mut out, [start, start + 1, start + 2, start + 3]);
    }
    for start in 0..4 {
        walsh(&mut out, [start, start + 4, start + 8, start + 12]);
    }
    for (i, value) in out.iter_mut().enumerate() {
        let up = (i / 4 == 3) != (i % 4 == 3);
        *value = value.wrapping_add(i16::from(up)) >> 1;
    }
    out
}

pub(crate) fn inverse_wht(coeffs: &[i16; 16]) -> [i16; 16] {
    let mut out = *coeffs;
    for start in 0..4 {
        inverse_walsh(&mut out, [start, start + 4, start + 8, start + 12]);
    }
    for start in [0, 4, 8, 12] {
        inverse_walsh(&mut out, [start, start + 1, start + 2, start + 3]);
    }
    out.map(|value| value.wrapping_add(3) >> 3)
}

/// Products with (++++), (++--), (+--+) and (+-+-), in place.
fn walsh(v: &mut [i16; 16], at: [usize; 4]) {
    let [a, b, c, d] = at.map(|i| v[i]);
    let (sum02, sum13) = (a.wrapping_add(c), b.wrapping_add(d));
    let (dif02, dif13) = (a.wrapping_sub(c), b.wrapping_sub(d));
    v[at[0]] = sum02.wrapping_add(sum13);
    v[at[1]] = dif02.wrapping_add(dif13);
    v[at[2]] = dif02.wrapping_sub(dif13);
    v[at[3]] = sum02.wrapping_sub(sum13);
}

/// The transposed matrix of [`walsh`].
fn inverse_walsh(v: &mut [i16; 16], at: [usize; 4]) {
    let [a, b, c, d] = at.map(|i| v[i]);
    let (sum03, sum12) = (a.wrapping_add(d), b.wrapping_add(c));
    let (dif03, dif12) = (a.wrapping_sub(d), b.wrapping_sub(c));
    v[at[0]] = sum03.wrapping_add(sum12);
    v[at[1]] = dif03.wrapping_add(dif12);
    v[at[2]] = sum03.wrapping_sub(sum12);
    v[at[3]] = dif03.wrapping_sub(dif12);
}

pub(crate) fn quantise(
    coeffs: &[[i16; 16]],
    quantiser: &Quantiser,
    levels: &mut [[i16; 16]],
    dequantised: &mut [[i16; 16]],
    eobs: &mut [u8],
) {
    assert!(
        coeffs.len() == levels.len()
            && coeffs.len() == dequantised.len()
            && coeffs.len() == eobs.len(),
        "as many blocks in as out"
    );
    let blocks = coeffs.iter().zip(levels).zip(dequantised).zip(eobs);
    for (((block, levels), dequantised), eob) in blocks {
        *eob = 0;
        for (n, &i) in (0..16u8).zip(&ZIGZAG) {
            let level = level(block[i], quantiser, i);
            levels[usize::from(n)] = level;
            dequantised[i] = level.wrapping_mul(quantiser.step[i]);
            if level != 0 {
                *eob = n + 1;
            }
        }
    }
}

fn level(z: i16, quantiser: &Quantiser, i: usize) -> i16 {
    let magnitude = z.saturating_abs();
    if magnitude < quantiser.zbin[i] {
        return 0;
    }
    let rounded = i32::from(magnitude.saturating_add(quantiser.round[i]));
    wrap((rounded * i32::from(quantiser.recip[i])) >> 16).wrapping_mul(z.signum())
}

pub(crate) fn coeff_sse(a: &[[i16; 16]], b: &[[i16; 16]]) -> u32 {
    assert_eq!(a.len(), b.len(), "as many blocks on both sides");
    a.as_flattened().iter().zip(b.as_flattened()).fold(0u32, |sum, (&a, &b)| {
        let error = i32::from(a.saturating_sub(b)).unsigned_abs();
        sum.saturating_add(error * error)
    })
}

pub(crate) fn level_bits(levels: &[[i16; 16]]) -> u32 {
    let [small, large] = &LEVEL_BITS;
    levels.as_flattened().iter().fold(0, |bits, level| {
        let magnitude = usize::from(level.unsigned_abs().min(255));
        bits + u32::from(small[magnitude.min(15)]) + u32::from(large[magnitude / 16])
    })
}

pub(crate) fn transform_quantise_luma(
    cur: &Block16,
    pred: &Block16,
    quantiser: &Quantiser,
    levels: &mut [[i16; 16]; 16],
    dequantised: &mut [[i16; 16]; 16],
    eobs: &mut [u8; 16],
    dcs: &mut [i16; 16],
) -> u32 {
    let mut coeffs = [[0; 16]; 16];
    fdct_luma(cur, pred, &mut coeffs);
    *dcs = coeffs.map(|block| block[0]);
    if quantiser.zbin[0] == Quantiser::NEVER {
        for block in &mut coeffs {
            block[0] = 0;
        }
    }
    quantise(&coeffs, quantiser, levels, dequantised, eobs);
    coeff_sse(&coeffs, dequantised)
}

pub(crate) fn transform_quantise_chroma(
    cur: &BlockUv,
    pred: &BlockUv,
    quantiser: &Quantiser,
    levels: &mut [[i16; 16]; 8],
    dequantised: &mut [[i16; 16]; 8],
    eobs: &mut [u8; 8],
) -> u32 {
    let mut coeffs = [[0; 16]; 8];
    fdct_chroma(cur, pred, &mut coeffs);
    quantise(&coeffs, quantiser, levels, dequantised, eobs);
    coeff_sse(&coeffs, dequantised)
}

pub(crate) fn transform_quantise_4x4(
    cur: Window<'_, 4, 4>,
    pred: Window<'_, 4, 4>,
    quantiser: &Quantiser,
    levels: &mut [i16; 16],
    dequantised: &mut [i16; 16],
    eob: &mut u8,
) {
    let mut coeffs = [0; 16];
    fdct_4x4(cur, pred, &mut coeffs);
    let (levels, eobs) = (from_mut(levels), from_mut(eob));
    quantise(from_ref(&coeffs), quantiser, levels, from_mut(dequantised), eobs);
}

pub(crate) fn idct_add_4x4(coeffs: &[i16; 16], mut dst: WindowMut<'_, 4, 4>) {
    let mut v = *coeffs;
    for start in 0..4 {
        inverse_dct(&mut v, [start, start + 4, start + 8, start + 12]);
    }
    for start in [0, 4, 8, 12] {
        inverse_dct(&mut v, [start, start + 1, start + 2, start + 3]);
    }
    for (y, residual) in v.as_chunks::<4>().0.iter().enumerate() {
        for (pixel, &r) in dst.row_mut(y).iter_mut().zip(residual) {
            *pixel = add(*pixel, r.wrapping_add(4) >> 3);
        }
    }
}

/// One pass of the inverse DCT, in place.
fn inverse_dct(v: &mut [i16; 16], at: [usize; 4]) {
    let [c0, c1, c2, c3] = at.map(|i| v[i]);
    let (a, b) = (c0.wrapping_add(c2), c0.wrapping_sub(c2));
    let c = mul(c1, SIN).wrapping_sub(c3.wrapping_add(mul(c3, COS_MINUS_1)));
    let d = c1.wrapping_add(mul(c1, COS_MINUS_1)).wrapping_add(mul(c3, SIN));
    v[at[0]] = a.wrapping_add(d);
    v[at[1]] = b.wrapping_add(c);
    v[at[2]] = b.wrapping_sub(c);
    v[at[3]] = a.wrapping_sub(d);
}

fn mul(x: i16, factor: i32) -> i16 {
    wrap((i32::from(x) * factor) >> 16)
}

#[expect(clippy::cast_possible_truncation, reason = "the transforms wrap at 16 bits")]
fn wrap(x: i32) -> i16 {
    x as i16
}

fn add(pixel: u8, residual: i16) -> u8 {
    let sum = (i16::from(pixel) + residual).clamp(0, 255);
    u8::try_from(sum).unwrap_or(u8::MAX)
}

/// [`idct_add_4x4`] of a block with nothing but its DC.
fn idct_add_dc(dc: i16, mut dst: WindowMut<'_, 4, 4>) {
    let residual = dc.wrapping_add(4) >> 3;
    for y in 0..4 {
        for pixel in dst.row_mut(y) {
            *pixel = add(*pixel, residual);
        }
    }
}

/// Block `n` of a group with its `mask`.
fn idct_add_masked(coeffs: &[i16; 16], mask: BlockMask, n: usize, dst: WindowMut<'_, 4, 4>) {
    if mask.any & mask.ac & (1 << n) != 0 {
        idct_add_4x4(coeffs, dst);
    } else if mask.any & (1 << n) != 0 {
        idct_add_dc(coeffs[0], dst);
    }
}

pub(crate) fn idct_add_luma(
    coeffs: &[[i16; 16]; 16],
    mask: BlockMask,
    mut dst: WindowMut<'_, 16, 16>,
) {
    for (n, block) in coeffs.iter().enumerate() {
        idct_add_masked(block, mask, n, dst.sub(n % 4 * 4, n / 4 * 4));
    }
}

pub(crate) fn idct_add_luma_y2(
    coeffs: &[[i16; 16]; 16],
    dcs: &[i16; 16],
    ac: u32,
    mut dst: WindowMut<'_, 16, 16>,
) {
    for (n, (block, &dc)) in coeffs.iter().zip(dcs).enumerate() {
        let mut block = *block;
        block[0] = dc;
        idct_add_masked(&block, BlockMask { any: u32::MAX, ac }, n, dst.sub(n % 4 * 4, n / 4 * 4));
    }
}

pub(crate) fn idct_add_chroma(
    coeffs: &[[i16; 16]; 8],
    mask: BlockMask,
    mut u: WindowMut<'_, 8, 8>,
    mut v: WindowMut<'_, 8, 8>,
) {
    for (n, block) in coeffs.iter().enumerate() {
        let (x, y) = (n % 2 * 4, n % 4 / 2 * 4);
        let dst = if n < 4 { u.sub(x, y) } else { v.sub(x, y) };
        idct_add_masked(block, mask, n, dst);
    }
}
