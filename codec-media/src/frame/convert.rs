//! Colour conversion, using the frame's colour description. If it is absent, BT.709 is assumed from
//! 1280 pixels of width or 720 of height on, BT.601 below, and limited range.

use codec_core::frame::{Color, ColorRange, MatrixCoefficients, Size};
use codec_simd::{Kernels, RgbWeights, YuvWeights};

use super::planes::Planes;
use crate::failure::{Failure, Result};
use crate::values::Samples;

/// Describes the colours that a conversion uses.
pub fn describe(color: Color, size: Size) -> String {
    let full = color.or_default_for(size);
    let matrix = match full.matrix {
        MatrixCoefficients::BT709 => "BT.709".to_owned(),
        MatrixCoefficients::SMPTE170M | MatrixCoefficients::BT470BG => "BT.601".to_owned(),
        MatrixCoefficients::BT2020_NCL => "BT.2020".to_owned(),
        MatrixCoefficients(code) => format!("matrix {code}"),
    };
    let range = if full.range == ColorRange::Full { "full" } else { "limited" };
    let guess = if color.matrix == MatrixCoefficients::UNSPECIFIED { " (assumed)" } else { "" };
    format!("{matrix} {range} range{guess}")
}

/// The luma coefficients of red and blue, and whether the range is full.
fn matrix(color: Color, size: Size) -> Result<(f64, f64, bool)> {
    let color = color.or_default_for(size);
    let (kr, kb) = match color.matrix {
        MatrixCoefficients::BT709 => (0.2126, 0.0722),
        MatrixCoefficients::SMPTE170M | MatrixCoefficients::BT470BG => (0.299, 0.114),
        MatrixCoefficients::BT2020_NCL => (0.2627, 0.0593),
        MatrixCoefficients(code) => {
            let message =
                format!("unsupported matrix coefficients {code}: cannot convert from or to RGB");
            return Err(Failure::new(crate::failure::Kind::Input, message));
        }
    };
    Ok((kr, kb, color.range == ColorRange::Full))
}

/// Positions of red, green and blue within a pixel.
const RGB: [usize; 3] = [0, 1, 2];
const BGR: [usize; 3] = [2, 1, 0];

/// Converts packed samples to I420. The size and colour description of `out` apply to `bytes`.
pub(crate) fn from_packed(samples: Samples, bytes: &[u8], out: &mut Planes) -> Result<()> {
    let size = out.size;
    match samples {
        Samples::Yuy2 => unpack_yuy2(size, bytes, out.split_mut()),
        Samples::Rgb24 | Samples::Bgra => {
            let (kr, kb, full) = matrix(out.info.color, size)?;
            let order = if samples == Samples::Bgra { BGR } else { RGB };
            let weights = RgbWeights::new(kr, kb, full, order);
            let stride = usize::try_from(samples.stride(size)).map_err(Failure::internal)?;
            from_rgb(samples, bytes.chunks_exact(stride), &weights, out);
        }
        Samples::I420 | Samples::Nv12 | Samples::P010 | Samples::Planar(_) => {
            return Err(Failure::internal("planar samples are read by codec-container"));
        }
    }
    Ok(())
}

/// Converts rows of RGB: chroma is the chroma of the mean of 2x2 pixels. The last row of an odd height
/// counts twice.
fn from_rgb<'a>(
    samples: Samples,
    mut rows: impl Iterator<Item = &'a [u8]>,
    weights: &RgbWeights,
    out: &mut Planes,
) {
    let kernels = Kernels::best();
    let to_luma = match samples {
        Samples::Bgra => Kernels::rgb32_to_luma_row,
        _ => Kernels::rgb24_to_luma_row,
    };
    let to_chroma = match samples {
        Samples::Bgra => Kernels::rgb32_to_chroma_rows,
        _ => Kernels::rgb24_to_chroma_rows,
    };
    let (width, half) = (out.size.width as usize, out.size.chroma().width as usize);
    let [y, u, v] = out.split_mut();
    let chroma = u.chunks_exact_mut(half).zip(v.chunks_exact_mut(half));
    for (luma, (u, v)) in y.chunks_mut(2 * width).zip(chroma) {
        let Some(upper) = rows.next() else { return };
        let (first, second) = luma.split_at_mut(width);
        to_luma(kernels, upper, weights, first);
        let lower = if second.is_empty() { None } else { rows.next() };
        if let Some(lower) = lower {
            to_luma(kernels, lower, weights, second);
        }
        to_chroma(kernels, upper, lower.unwrap_or(upper), weights, u, v);
    }
}

/// Converts I420 to `samples`, replacing the contents of `out`.
pub(crate) fn to_samples(planes: &Planes, samples: Samples, out: &mut Vec<u8>) -> Result<()> {
    let size = planes.size;
    let bytes = usize::try_from(samples.picture_bytes(size)).map_err(Failure::internal)?;
    out.clear();
    match samples {
        Samples::I420 => out.extend_from_slice(&planes.bytes),
        Samples::Nv12 => {
            let [(y, _), (u, _), (v, _)] = planes.planes();
            out.extend_from_slice(y);
            out.extend(u.iter().zip(v).flat_map(|(&u, &v)| [u, v]));
        }
        Samples::Rgb24 | Samples::Bgra => {
            let (kr, kb, full) = matrix(planes.info.color, size)?;
            let order = if samples == Samples::Bgra { BGR } else { RGB };
            out.resize(bytes, 0);
            let stride = usize::try_from(samples.stride(size)).map_err(Failure::internal)?;
            let weights = YuvWeights::new(kr, kb, full, order);
            to_rgb(planes, samples, &weights, out.chunks_exact_mut(stride));
        }
        Samples::Yuy2 => {
            out.resize(bytes, 0);
            pack_yuy2(planes, out);
        }
        Samples::P010 | Samples::Planar(_) => {
            return Err(Failure::internal("frames of I420 have 8 bits"));
        }
    }
    Ok(())
}

/// Converts to rows of RGB: each sample of chroma serves 2x2 pixels.
fn to_rgb<'a>(
    planes: &Planes,
    samples: Samples,
    weights: &YuvWeights,
    rows: impl Iterator<Item = &'a mut [u8]>,
) {
    let kernels = Kernels::best();
    let convert: fn(&Kernels, _, _, _, _, _) = if samples == Samples::Bgra {
        Kernels::i420_to_rgb32_row
    } else {
        Kernels::i420_to_rgb24_row
    };
    let [(y, size), (u, half), (v, _)] = planes.planes();
    let chroma = u.chunks_exact(half.width as usize).zip(v.chunks_exact(half.width as usize));
    let chroma = chroma.flat_map(|row| [row, row]);
    for ((row, luma), (u, v)) in rows.zip(y.chunks_exact(size.width as usize)).zip(chroma) {
        convert(kernels, luma, u, v, weights, row);
    }
}

/// Converts limited-range BT.601 I420 to RGB with interpolated chroma: each of the four nearest
/// samples is weighted by its distance (9, 3, 3, 1 sixteenths), as WebP viewers do.
pub(crate) fn to_rgb_smooth(planes: &Planes, out: &mut Vec<u8>) {
    let [(luma, size), (u, half), (v, _)] = planes.planes();
    let (width, height) = (size.width as usize, size.height as usize);
    let (half_width, half_height) = (half.width as usize, half.height as usize);
    // The sample that covers a pixel, and the next one on the pixel's side.
    let nearest = |at: usize, count: usize| {
        let own = at / 2;
        let next = if at.is_multiple_of(2) { own.saturating_sub(1) } else { own + 1 };
        (own, next.min(count - 1))
    };
    out.clear();
    out.reserve(3 * width * height);
    for (y, row) in luma.chunks_exact(width).enumerate() {
        let (near_row, far_row) = nearest(y, half_height);
        for (x, &luma) in row.iter().enumerate() {
            let (near, far) = nearest(x, half_width);
            let chroma = |plane: &[u8]| {
                let at = |row: usize, col: usize| i32::from(plane[row * half_width + col]);
                let sum = 9 * at(near_row, near) + 3 * (at(near_row, far) + at(far_row, near));
                (sum + at(far_row, far) + 8) >> 4
            };
            let (u, v) = (chroma(u) - 128, chroma(v) - 128);
            // BT.601 in 16-bit fixed point.
            let grey = 76_309 * (i32::from(luma) - 16) + (1 << 15);
            let rgb = [grey + 104_597 * v, grey - 25_675 * u - 53_279 * v, grey + 132_201 * u];
            out.extend(
                rgb.map(|value| u8::try_from((value >> 16).clamp(0, 255)).unwrap_or(u8::MAX)),
            );
        }
    }
}

/// Converts YUY2 to I420: chroma is the mean of two rows.
fn unpack_yuy2(size: Size, bytes: &[u8], [y, u, v]: [&mut [u8]; 3]) {
    let (width, half) = (size.width as usize, size.chroma().width as usize);
    let stride = half * 4;
    for (packed, row) in bytes.chunks_exact(stride).zip(y.chunks_exact_mut(width)) {
        for (quad, pair) in packed.chunks_exact(4).zip(row.chunks_mut(2)) {
            for (out, luma) in pair.iter_mut().zip([quad[0], quad[2]]) {
                *out = luma;
            }
        }
    }
    let rows = u.chunks_exact_mut(half).zip(v.chunks_exact_mut(half));
    for ((u_row, v_row), packed) in rows.zip(bytes.chunks(2 * stride)) {
        let (upper, lower) = packed.split_at(stride);
        let lower = if lower.is_empty() { upper } else { lower };
        let pairs = upper.chunks_exact(4).zip(lower.chunks_exact(4));
        for ((a, b), (u, v)) in pairs.zip(u_row.iter_mut().zip(v_row)) {
            *u = u8::midpoint(a[1], b[1]);
            *v = u8::midpoint(a[3], b[3]);
        }
    }
}

/// Converts I420 to YUY2: each row of chroma serves two.
fn pack_yuy2(planes: &Planes, out: &mut [u8]) {
    let [(y, size), (u, half), (v, _)] = planes.planes();
    let (width, half) = (size.width as usize, half.width as usize);
    let rows = out.chunks_exact_mut(half * 4).zip(y.chunks_exact(width));
    for (row, (packed, luma)) in rows.enumerate() {
        let chroma = row / 2 * half..(row / 2 + 1) * half;
        let chroma = u[chroma.clone()].iter().zip(&v[chroma]);
        for ((quad, pair), (&u, &v)) in packed.chunks_exact_mut(4).zip(luma.chunks(2)).zip(chroma) {
            let second = pair.get(1).copied().unwrap_or(pair[0]);
            quad.copy_from_slice(&[pair[0], u, second, v]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(size: Size, yuv: [u8; 3]) -> Planes {
        let mut planes = Planes::default();
        planes.reset(size);
        for (plane, value) in planes.split_mut().into_iter().zip(yuv) {
            plane.fill(value);
        }
        planes
    }

    #[test]
    fn every_packing_round_trips_within_two_steps() {
        for size in [Size::new(32, 16), Size::new(33, 17)] {
            let planes = flat(size, [120, 100, 160]);
            for samples in [Samples::Rgb24, Samples::Bgra, Samples::Yuy2] {
                let mut bytes = Vec::new();
                to_samples(&planes, samples, &mut bytes).unwrap();
                assert_eq!(bytes.len() as u64, samples.picture_bytes(size));
                let mut back = Planes::default();
                back.reset(size);
                from_packed(samples, &bytes, &mut back).unwrap();
                for ((got, _), (want, _)) in back.planes().into_iter().zip(planes.planes()) {
                    let worst = got.iter().zip(want).map(|(a, b)| a.abs_diff(*b)).max();
                    assert!(worst <= Some(2), "{samples:?} {size}: off by {worst:?}");
                }
            }
        }
    }

    #[test]
    fn smooth_chroma_is_exact_on_flat_frames_and_interpolated_between_samples() {
        let mut out = Vec::new();
        to_rgb_smooth(&flat(Size::new(5, 3), [81, 90, 240]), &mut out);
        assert!(out.chunks_exact(3).all(|rgb| rgb == [254, 0, 0]), "{:?}", &out[..3]);
        let mut planes = flat(Size::new(4, 2), [128, 128, 128]);
        planes.split_mut()[2].copy_from_slice(&[128, 160]);
        to_rgb_smooth(&planes, &mut out);
        let red: Vec<u8> = out.chunks_exact(3).take(4).map(|rgb| rgb[0]).collect();
        // Offsets of 0, 8, 24 and 32 steps of V.
        assert_eq!(red, [130, 143, 169, 181]);
    }

    #[test]
    fn white_is_white_by_range_and_red_differs_by_matrix() {
        let mut out = Vec::new();
        to_samples(&flat(Size::new(16, 16), [235, 128, 128]), Samples::Rgb24, &mut out).unwrap();
        assert!(out.iter().all(|&sample| sample >= 254));
        let mut planes = flat(Size::new(16, 16), [81, 90, 240]);
        to_samples(&planes, Samples::Rgb24, &mut out).unwrap();
        assert!(out[0] >= 250 && out[1] <= 4 && out[2] <= 4, "BT.601 red: {:?}", &out[..3]);
        planes.info.color.matrix = MatrixCoefficients::BT709;
        to_samples(&planes, Samples::Rgb24, &mut out).unwrap();
        assert!(out[1] > 10, "BT.709 gives another colour: {:?}", &out[..3]);
    }
}
