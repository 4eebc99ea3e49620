//! Scalar reference kernels: quantisation for the encoder of H.264.

use super::forward::{h264_fdct_4x4, h264_fdct_8x8, h264_fdct_chroma};
use crate::h264_quantiser::{
    ERROR_4X4, ERROR_8X8, ErrorWeights, H264Quantised, H264Quantiser, SCAN_4X4, SCAN_8X8,
};
use crate::types::{Block16, BlockUv};
use crate::view::Window;

/// The level of `coeff` at `position`.
fn level_of<const N: usize>(coeff: i16, quantiser: &H264Quantiser<N>, position: usize) -> i16 {
    let magnitude = i32::from(coeff.saturating_abs());
    let round = i32::from(quantiser.rounds[position]) << (quantiser.shift - 12);
    let sum = magnitude * i32::from(quantiser.multipliers[position]) + round;
    let most = H264Quantiser::<N>::MAX_LEVEL;
    let level = i16::try_from(sum >> quantiser.shift).unwrap_or(most).min(most);
    level * coeff.signum()
}

/// Result of [`quantise`] for a block.
struct Levels {
    /// By scan position, whether the level is not zero.
    positions: u64,
    is_large: bool,
}

fn quantise<const N: usize>(
    coeffs: &[i16; N],
    quantiser: &H264Quantiser<N>,
    scan: &[u8; N],
    levels: &mut [i16; N],
    dequantised: &mut [i16; N],
) -> Levels {
    let mut result = Levels { positions: 0, is_large: false };
    for (n, &position) in scan.iter().enumerate() {
        let position = usize::from(position);
        let level = level_of(coeffs[position], quantiser, position);
        levels[n] = level;
        dequantised[position] = quantiser.dequantise(level, position);
        result.positions |= u64::from(level != 0) << n;
        result.is_large |= level.abs() > 1;
    }
    result
}

/// The sum of squared errors of a block: see [`ErrorWeights`].
fn squared_errors<const N: usize>(
    coeffs: &[i16; N],
    dequantised: &[i16; N],
    weights: &ErrorWeights<N>,
    pre_shift: i32,
) -> u64 {
    let weighted = |x: i16, weight: i16| {
        let product = (i32::from(x) * i32::from(weight) + (1 << 14)) >> 15;
        x.wrapping_add(i16::try_from(product).unwrap_or_default())
    };
    let pairs = coeffs.iter().zip(dequantised).zip(weights.coeff.iter().zip(&weights.dequantised));
    pairs
        .map(|((&coeff, &value), (&for_coeff, &for_value))| {
            let error =
                weighted(coeff << pre_shift, for_coeff).saturating_sub(weighted(value, for_value));
            u64::from(error.unsigned_abs()).pow(2)
        })
        .sum()
}

/// The sum as 1/16 of the squared error of pixels.
fn in_sixteenths(sum: u64, post_shift: u32) -> u32 {
    let rounded = sum.min(u64::from(u32::MAX)) + (1 << (post_shift - 1));
    u32::try_from(rounded >> post_shift).unwrap_or(u32::MAX)
}

fn error_4x4(coeffs: &[i16; 16], dequantised: &[i16; 16]) -> u64 {
    squared_errors(coeffs, dequantised, &ERROR_4X4, ErrorWeights::<16>::PRE_SHIFT)
}

fn error_8x8(coeffs: &[i16; 64], dequantised: &[i16; 64]) -> u64 {
    squared_errors(coeffs, dequantised, &ERROR_8X8, ErrorWeights::<64>::PRE_SHIFT)
}

pub(crate) fn h264_coeff_sse_4x4(coeffs: &[[i16; 16]], dequantised: &[[i16; 16]]) -> u32 {
    assert_eq!(coeffs.len(), dequantised.len(), "as many blocks on both sides");
    let sum = coeffs.iter().zip(dequantised).map(|(a, b)| error_4x4(a, b)).sum();
    in_sixteenths(sum, ErrorWeights::<16>::POST_SHIFT)
}

pub(crate) fn h264_coeff_sse_8x8(coeffs: &[[i16; 64]], dequantised: &[[i16; 64]]) -> u32 {
    assert_eq!(coeffs.len(), dequantised.len(), "as many blocks on both sides");
    let sum = coeffs.iter().zip(dequantised).map(|(a, b)| error_8x8(a, b)).sum();
    in_sixteenths(sum, ErrorWeights::<64>::POST_SHIFT)
}

pub(crate) fn h264_quantise_4x4(
    coeffs: &[[i16; 16]],
    quantiser: &H264Quantiser<16>,
    levels: &mut [[i16; 16]],
    dequantised: &mut [[i16; 16]],
    positions: &mut [u16],
) -> H264Quantised<1> {
    assert!(
        coeffs.len() == levels.len()
            && coeffs.len() == dequantised.len()
            && coeffs.len() == positions.len()
            && coeffs.len() <= 32,
        "as many blocks in as out, at most 32"
    );
    let (mut result, mut sum) = (H264Quantised::default(), 0);
    let blocks = coeffs.iter().zip(levels).zip(dequantised).zip(positions);
    for (n, (((coeffs, levels), dequantised), positions)) in blocks.enumerate() {
        let coeffs = &kept(coeffs, quantiser);
        let found = quantise(coeffs, quantiser, &SCAN_4X4, levels, dequantised);
        *positions = u16::try_from(found.positions).unwrap_or_default();
        note(&mut result, n, &found);
        sum += error_4x4(coeffs, dequantised);
    }
    result.sse = [in_sixteenths(sum, ErrorWeights::<16>::POST_SHIFT)];
    result
}

pub(crate) fn h264_quantise_8x8(
    coeffs: &[[i16; 64]],
    quantiser: &H264Quantiser<64>,
    levels: &mut [[i16; 64]],
    dequantised: &mut [[i16; 64]],
    positions: &mut [u64],
) -> H264Quantised<1> {
    assert!(
        coeffs.len() == levels.len()
            && coeffs.len() == dequantised.len()
            && coeffs.len() == positions.len()
            && coeffs.len() <= 32,
        "as many blocks in as out, at most 32"
    );
    let (mut result, mut sum) = (H264Quantised::default(), 0);
    let blocks = coeffs.iter().zip(levels).zip(dequantised).zip(positions);
    for (n, (((coeffs, levels), dequantised), positions)) in blocks.enumerate() {
        let coeffs = &kept(coeffs, quantiser);
        let found = quantise(coeffs, quantiser, &SCAN_8X8, levels, dequantised);
        *positions = found.positions;
        note(&mut result, n, &found);
        sum += error_8x8(coeffs, dequantised);
    }
    result.sse = [in_sixteenths(sum, ErrorWeights::<64>::POST_SHIFT)];
    result
}

/// The coefficients, with a DC of 0 if it is coded separately.
fn kept<const N: usize>(coeffs: &[i16; N], quantiser: &H264Quantiser<N>) -> [i16; N] {
    let mut kept = *coeffs;
    if !quantiser.has_dc {
        kept[0] = 0;
    }
    kept
}

fn note<const PARTS: usize>(result: &mut H264Quantised<PARTS>, n: usize, found: &Levels) {
    result.coded |= u32::from(found.positions != 0) << n;
    result.large |= u32::from(found.is_large) << n;
}

/// Copies the results of part `at`, whose first block is `first`.
fn add_part<const PARTS: usize>(
    result: &mut H264Quantised<PARTS>,
    at: usize,
    first: usize,
    part: H264Quantised<1>,
) {
    result.coded |= part.coded << first;
    result.large |= part.large << first;
    [result.sse[at]] = part.sse;
}

pub(crate) fn h264_transform_quantise_luma(
    cur: &Block16,
    pred: &Block16,
    quantiser: &H264Quantiser<16>,
    levels: &mut [[i16; 16]; 16],
    dequantised: &mut [[i16; 16]; 16],
    positions: &mut [u16; 16],
    dcs: &mut [i16; 16],
) -> H264Quantised<4> {
    let mut result = H264Quantised::default();
    let mut coeffs = [[0; 16]; 16];
    super::forward::h264_fdct_luma(cur, pred, &mut coeffs);
    *dcs = coeffs.map(|block| block[0]);
    for part in 0..4 {
        let blocks = 4 * part..4 * part + 4;
        let found = h264_quantise_4x4(
            &coeffs[blocks.clone()],
            quantiser,
            &mut levels[blocks.clone()],
            &mut dequantised[blocks.clone()],
            &mut positions[blocks],
        );
        add_part(&mut result, part, 4 * part, found);
    }
    result
}

pub(crate) fn h264_transform_quantise_chroma(
    cur: &BlockUv,
    pred: &BlockUv,
    quantisers: [&H264Quantiser<16>; 2],
    levels: &mut [[i16; 16]; 8],
    dequantised: &mut [[i16; 16]; 8],
    positions: &mut [u16; 8],
    dcs: &mut [i16; 8],
) -> H264Quantised<2> {
    let mut result = H264Quantised::default();
    let mut coeffs = [[0; 16]; 8];
    h264_fdct_chroma(cur, pred, &mut coeffs);
    *dcs = coeffs.map(|block| block[0]);
    for (plane, quantiser) in quantisers.into_iter().enumerate() {
        let blocks = 4 * plane..4 * plane + 4;
        let found = h264_quantise_4x4(
            &coeffs[blocks.clone()],
            quantiser,
            &mut levels[blocks.clone()],
            &mut dequantised[blocks.clone()],
            &mut positions[blocks],
        );
        add_part(&mut result, plane, 4 * plane, found);
    }
    result
}

pub(crate) fn h264_transform_quantise_luma_8x8(
    cur: &Block16,
    pred: &Block16,
    quantiser: &H264Quantiser<64>,
    levels: &mut [[i16; 64]; 4],
    dequantised: &mut [[i16; 64]; 4],
    positions: &mut [u64; 4],
) -> H264Quantised<4> {
    let mut result = H264Quantised::default();
    let blocks = levels.iter_mut().zip(dequantised).zip(positions);
    for (n, ((levels, dequantised), positions)) in blocks.enumerate() {
        let (x, y) = (n % 2 * 8, n / 2 * 8);
        let found = h264_transform_quantise_8x8(
            cur.sub(x, y),
            pred.sub(x, y),
            quantiser,
            levels,
            dequantised,
            positions,
        );
        add_part(&mut result, n, n, found);
    }
    result
}

pub(crate) fn h264_transform_quantise_4x4(
    cur: Window<'_, 4, 4>,
    pred: Window<'_, 4, 4>,
    quantiser: &H264Quantiser<16>,
    levels: &mut [i16; 16],
    dequantised: &mut [i16; 16],
    positions: &mut u16,
) -> H264Quantised<1> {
    use std::array::from_mut;
    let mut coeffs = [0; 16];
    h264_fdct_4x4(cur, pred, &mut coeffs);
    let (levels, dequantised) = (from_mut(levels), from_mut(dequantised));
    h264_quantise_4x4(&[coeffs], quantiser, levels, dequantised, from_mut(positions))
}

pub(crate) fn h264_transform_quantise_8x8(
    cur: Window<'_, 8, 8>,
    pred: Window<'_, 8, 8>,
    quantiser: &H264Quantiser<64>,
    levels: &mut [i16; 64],
    dequantised: &mut [i16; 64],
    positions: &mut u64,
) -> H264Quantised<1> {
    use std::array::from_mut;
    let mut coeffs = [0; 64];
    h264_fdct_8x8(cur, pred, &mut coeffs);
    let (levels, dequantised) = (from_mut(levels), from_mut(dequantised));
    h264_quantise_8x8(&[coeffs], quantiser, levels, dequantised, from_mut(positions))
}
