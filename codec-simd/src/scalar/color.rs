//! Conversion of pixel rows between packed RGB and I420.

use crate::color::{RgbWeights, YuvWeights};

fn weighted(pixel: [i32; 4], weights: [i16; 4]) -> i32 {
    pixel.into_iter().zip(weights).map(|(sample, weight)| sample * i32::from(weight)).sum()
}

/// Clamps to a byte.
fn byte(value: i32) -> u8 {
    let [byte, ..] = value.clamp(0, 255).to_le_bytes();
    byte
}

/// The samples of a pixel; bytes that it does not have are zero.
fn samples<const N: usize>(pixel: [u8; N]) -> [i32; 4] {
    let mut samples = [0; 4];
    for (sample, byte) in samples.iter_mut().zip(pixel) {
        *sample = i32::from(byte);
    }
    samples
}

fn luma_row<const N: usize>(pixels: &[u8], weights: &RgbWeights, luma: &mut [u8]) {
    let (pixels, rest) = pixels.as_chunks::<N>();
    assert!(rest.is_empty() && pixels.len() == luma.len(), "rows do not fit together");
    for (luma, pixel) in luma.iter_mut().zip(pixels) {
        let sum = weighted(samples(*pixel), weights.y) + (1 << 14);
        *luma = byte((sum >> 15) + i32::from(weights.black));
    }
}

fn chroma_rows<const N: usize>(
    a: &[u8],
    b: &[u8],
    weights: &RgbWeights,
    u: &mut [u8],
    v: &mut [u8],
) {
    let ((above, a_rest), (below, b_rest)) = (a.as_chunks::<N>(), b.as_chunks::<N>());
    let pairs = above.len().div_ceil(2);
    assert!(
        a.len() == b.len()
            && a_rest.is_empty()
            && b_rest.is_empty()
            && u.len() == pairs
            && v.len() == pairs,
        "rows do not fit together"
    );
    let pairs = above.chunks(2).zip(below.chunks(2));
    for ((u, v), (above, below)) in u.iter_mut().zip(v).zip(pairs) {
        let mut sum = [0; 4];
        for row in [above, below] {
            let right = row.get(1).unwrap_or(&row[0]);
            for pixel in [row[0], *right] {
                for (sum, sample) in sum.iter_mut().zip(samples(pixel)) {
                    *sum += sample;
                }
            }
        }
        *u = byte(((weighted(sum, weights.u) + (1 << 16)) >> 17) + 128);
        *v = byte(((weighted(sum, weights.v) + (1 << 16)) >> 17) + 128);
    }
}

/// `(a * b + 2^14) >> 15`.
fn multiply(a: i16, b: i16) -> i16 {
    let [low, high, ..] = ((i32::from(a) * i32::from(b) + (1 << 14)) >> 15).to_le_bytes();
    i16::from_le_bytes([low, high])
}

fn rgb_row<const N: usize>(y: &[u8], u: &[u8], v: &[u8], weights: &YuvWeights, pixels: &mut [u8]) {
    let (pixels, rest) = pixels.as_chunks_mut::<N>();
    assert!(
        rest.is_empty()
            && pixels.len() == y.len()
            && u.len() == y.len().div_ceil(2)
            && v.len() == u.len(),
        "rows do not fit together"
    );
    let chroma = u.iter().zip(v);
    for ((pixels, y), (&u, &v)) in pixels.chunks_mut(2).zip(y.chunks(2)).zip(chroma) {
        let [u, v] = [u, v].map(|sample| (i16::from(sample) - 128) << 8);
        let chroma =
            weights.uv.map(|[of_u, of_v]| multiply(u, of_u).saturating_add(multiply(v, of_v)));
        for (pixel, &y) in pixels.iter_mut().zip(y) {
            let luma = multiply((i16::from(y) - weights.black) << 7, weights.y);
            *pixel = [u8::MAX; N];
            for (byte_out, chroma) in pixel.iter_mut().zip(chroma) {
                let value = luma.saturating_add(chroma).saturating_add(32);
                *byte_out = byte(i32::from(value >> 6));
            }
        }
    }
}

pub(crate) fn rgb24_to_luma_row(pixels: &[u8], weights: &RgbWeights, luma: &mut [u8]) {
    luma_row::<3>(pixels, weights, luma);
}

pub(crate) fn rgb32_to_luma_row(pixels: &[u8], weights: &RgbWeights, luma: &mut [u8]) {
    luma_row::<4>(pixels, weights, luma);
}

pub(crate) fn rgb24_to_chroma_rows(
    a: &[u8],
    b: &[u8],
    weights: &RgbWeights,
    u: &mut [u8],
    v: &mut [u8],
) {
    chroma_rows::<3>(a, b, weights, u, v);
}

pub(crate) fn rgb32_to_chroma_rows(
    a: &[u8],
    b: &[u8],
    weights: &RgbWeights,
    u: &mut [u8],
    v: &mut [u8],
) {
    chroma_rows::<4>(a, b, weights, u, v);
}

pub(crate) fn i420_to_rgb24_row(
    y: &[u8],
    u: &[u8],
    v: &[u8],
    weights: &YuvWeights,
    pixels: &mut [u8],
) {
    rgb_row::<3>(y, u, v, weights, pixels);
}

pub(crate) fn i420_to_rgb32_row(
    y: &[u8],
    u: &[u8],
    v: &[u8],
    weights: &YuvWeights,
    pixels: &mut [u8],
) {
    rgb_row::<4>(y, u, v, weights, pixels);
}
