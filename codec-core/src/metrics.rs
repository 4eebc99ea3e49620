//! Frame quality metrics: squared error, PSNR and SSIM, as FFmpeg's filters of these names compute
//! them.

use codec_simd::{Kernels, PlaneRef};

use crate::codec;
use crate::error::ConfigError;
use crate::frame::{Chroma, Picture, Planes, SampleFormat, Size};

fn same_size(a: &Picture<'_>, b: &Picture<'_>) -> Result<Size, ConfigError> {
    if a.size() == b.size() {
        Ok(a.size())
    } else {
        Err(ConfigError::new(
            "size",
            b.size().to_string(),
            format!("{} (the size of the other frame)", a.size()),
        ))
    }
}

fn same_format(a: &Picture<'_>, b: &Picture<'_>) -> Result<SampleFormat, ConfigError> {
    let (expected, found) = (a.samples(), b.samples());
    ConfigError::ensure(found == expected, "format", found, expected)?;
    Ok(found)
}

/// Returns the sums of squared differences of the Y, U and V planes; 0 for planes that 4:0:0 lacks.
///
/// # Errors
/// If the sizes or formats differ.
pub fn sse(a: &Picture<'_>, b: &Picture<'_>) -> Result<[u64; 3], ConfigError> {
    let size = same_size(a, b)?;
    same_format(a, b)?;
    match (a.planes(), b.planes()) {
        (Planes::Bits8(a), Planes::Bits8(b)) => return Ok(planes_sse(a, b)),
        (Planes::High(a), Planes::High(b)) => return Ok(planes_sse(a, b)),
        _ => {}
    }
    let kernels = Kernels::best();
    let rows = |size: Size| 0..size.height as usize;
    let plane_sse = |a: PlaneRef<'_>, b: PlaneRef<'_>, size: Size| -> u64 {
        rows(size).map(|y| kernels.sse_row(a.row(y), b.row(y))).sum()
    };
    let luma = plane_sse(a.luma(), b.luma(), size);
    let half = size.chroma();
    if let (Chroma::Planar { u, v }, Chroma::Planar { u: bu, v: bv }) = (a.chroma(), b.chroma()) {
        return Ok([luma, plane_sse(u, bu, half), plane_sse(v, bv, half)]);
    }
    let squares = |plane: usize, y: usize| -> u64 {
        let pairs = chroma_row(a, plane, y).zip(chroma_row(b, plane, y));
        pairs.map(|(a, b)| u64::from(a.abs_diff(b)).pow(2)).sum()
    };
    let chroma = |plane: usize| rows(half).map(|y| squares(plane, y)).sum();
    Ok([luma, chroma(0), chroma(1)])
}

fn planes_sse<S: Copy + Into<u64>>(a: [PlaneRef<'_, S>; 3], b: [PlaneRef<'_, S>; 3]) -> [u64; 3] {
    std::array::from_fn(|plane| {
        let (a, b) = (a[plane], b[plane]);
        let rows = (0..a.layout().height).map(|y| {
            let pairs = a.row(y).iter().zip(b.row(y));
            pairs.map(|(&a, &b)| a.into().abs_diff(b.into()).pow(2)).sum::<u64>()
        });
        rows.sum()
    })
}

/// Returns row `y` of U (`plane` 0) or V (1), for planar and interleaved chroma.
fn chroma_row<'a>(
    picture: &Picture<'a>,
    plane: usize,
    y: usize,
) -> impl Iterator<Item = u8> + use<'a> {
    let (row, from, step) = match picture.chroma() {
        Chroma::Planar { u, v } => (if plane == 0 { u } else { v }.row(y), 0, 1),
        Chroma::Interleaved(uv) => (uv.row(y), plane, 2),
    };
    row.iter().skip(from).step_by(step).copied()
}

/// Peak signal-to-noise ratios in dB, capped at 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Psnr {
    /// PSNR of the Y plane.
    pub y: f64,
    /// PSNR of the U plane.
    pub u: f64,
    /// PSNR of the V plane.
    pub v: f64,
    /// PSNR over all samples of the three planes: FFmpeg's `average`.
    pub all: f64,
}

impl Psnr {
    /// Computes the ratios from sums of squared differences over `frames` frames of `size` in 8-bit
    /// 4:2:0.
    #[must_use]
    pub fn of(sse: [u64; 3], size: Size, frames: u64) -> Self {
        Self::of_format(sse, size, SampleFormat::YUV420, frames)
    }

    /// Computes the ratios as [`Self::of`] for another format, relative to its largest value.
    #[must_use]
    pub fn of_format(sse: [u64; 3], size: Size, format: SampleFormat, frames: u64) -> Self {
        let luma = size.pixels() * frames;
        let chroma = format.sampling.plane_size(size, 1).pixels() * frames;
        let gain = 20.0 * (f64::from(format.max_value()) / 255.0).log10();
        let psnr = |sse, count| {
            let ratio = codec::psnr(sse, count);
            if sse == 0 { ratio } else { (ratio + gain).min(100.0) }
        };
        let [y, u, v] = sse;
        Self {
            y: psnr(y, luma),
            u: psnr(u, chroma),
            v: psnr(v, chroma),
            all: psnr(y + u + v, luma + 2 * chroma),
        }
    }
}

/// Returns the peak signal-to-noise ratios of frame `a` against frame `b`.
///
/// # Errors
/// If the sizes or formats differ.
pub fn psnr(a: &Picture<'_>, b: &Picture<'_>) -> Result<Psnr, ConfigError> {
    Ok(Psnr::of_format(sse(a, b)?, a.size(), a.samples(), 1))
}

/// Returns the structural similarity (SSIM) of the luma planes, at most 1: the mean over 8x8
/// windows with a stride of 4 pixels.
///
/// Rows and columns beyond the last multiple of 4 are ignored. A frame narrower or lower than 8
/// pixels is one window.
///
/// # Errors
/// If the sizes or formats differ.
pub fn ssim(a: &Picture<'_>, b: &Picture<'_>) -> Result<f64, ConfigError> {
    let size = same_size(a, b)?;
    let peak = f64::from(same_format(a, b)?.max_value());
    Ok(match (a.planes(), b.planes()) {
        (Planes::Yuv420 { luma: a, .. }, Planes::Yuv420 { luma: b, .. }) => {
            luma_ssim(a, b, size, peak)
        }
        (Planes::Bits8([a, ..]), Planes::Bits8([b, ..])) => luma_ssim(a, b, size, peak),
        (Planes::High([a, ..]), Planes::High([b, ..])) => luma_ssim(a, b, size, peak),
        _ => return Err(ConfigError::new("format", b.samples(), a.samples())),
    })
}

fn luma_ssim<S: Copy + Into<u64>>(
    a: PlaneRef<'_, S>,
    b: PlaneRef<'_, S>,
    size: Size,
    peak: f64,
) -> f64 {
    let (cols, rows) = (size.width as usize / 4, size.height as usize / 4);
    if cols < 2 || rows < 2 {
        let all = (0..size.height as usize)
            .fold(Moments::default(), |sums, y| sums.with_pixels(a.row(y), b.row(y)));
        return all.similarity(peak);
    }
    let mut above = vec![Moments::default(); cols];
    let mut here = above.clone();
    let mut total = 0.0;
    for row in 0..rows {
        std::mem::swap(&mut above, &mut here);
        here.fill(Moments::default());
        for y in 4 * row..4 * row + 4 {
            let (a, _) = a.row(y).as_chunks::<4>();
            let (b, _) = b.row(y).as_chunks::<4>();
            for ((sums, a), b) in here.iter_mut().zip(a).zip(b) {
                *sums = sums.with_pixels(a, b);
            }
        }
        if row > 0 {
            let quads = above.windows(2).zip(here.windows(2));
            total += quads
                .map(|(above, here)| {
                    above[0].plus(above[1]).plus(here[0]).plus(here[1]).similarity(peak)
                })
                .sum::<f64>();
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "53 bits suffice")]
    let windows = ((cols - 1) * (rows - 1)) as f64;
    total / windows
}

/// Sums over the pixels of a window in both frames.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: u32,
    a: u64,
    b: u64,
    /// Sum of the squares of both.
    squares: u64,
    products: u64,
}

impl Moments {
    #[inline]
    fn with_pixels<S: Copy + Into<u64>>(self, a: &[S], b: &[S]) -> Self {
        a.iter().zip(b).fold(self, |sums, (&a, &b)| {
            let (a, b): (u64, u64) = (a.into(), b.into());
            Self {
                count: sums.count + 1,
                a: sums.a + a,
                b: sums.b + b,
                squares: sums.squares + a * a + b * b,
                products: sums.products + a * b,
            }
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            a: self.a + other.a,
            b: self.b + other.b,
            squares: self.squares + other.squares,
            products: self.products + other.products,
        }
    }

    /// Returns the product of the similarity of means and the similarity of structure.
    #[expect(clippy::cast_precision_loss, reason = "53 bits suffice")]
    fn similarity(self, peak: f64) -> f64 {
        // The usual constants that prevent division by zero, for samples up to `peak`.
        let (c1, c2) = (0.01 * peak * 0.01 * peak, 0.03 * peak * 0.03 * peak);
        let n = f64::from(self.count);
        let (a, b) = (self.a as f64 / n, self.b as f64 / n);
        // Estimates of the variance of a population from a sample.
        let unbiased = n / (n - 1.0).max(1.0);
        let variances = (self.squares as f64 / n - a * a - b * b) * unbiased;
        let covariance = (self.products as f64 / n - a * b) * unbiased;
        (2.0 * a * b + c1) * (2.0 * covariance + c2) / ((a * a + b * b + c1) * (variances + c2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(size: Size, data: &[u8]) -> Picture<'_> {
        Picture::i420_packed(size, data).unwrap()
    }

    #[test]
    fn equal_frames_have_maximum_psnr_and_ssim() {
        for (width, height) in [(1, 1), (7, 30), (33, 18)] {
            let size = Size::new(width, height);
            let data: Vec<u8> =
                (0..size.i420_bytes()).map(|n| u8::try_from(n * 37 % 251).unwrap()).collect();
            let a = picture(size, &data);
            assert_eq!(sse(&a, &a).unwrap(), [0; 3]);
            assert!((psnr(&a, &a).unwrap().all - 100.0).abs() < 1e-9);
            assert!((ssim(&a, &a).unwrap() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn difference_of_one_everywhere_gives_48_db() {
        let size = Size::new(17, 9);
        let a = vec![100; usize::try_from(size.i420_bytes()).unwrap()];
        let b = vec![101; a.len()];
        let found = psnr(&picture(size, &a), &picture(size, &b)).unwrap();
        assert!((found.y - 48.1308).abs() < 1e-4, "{found:?}");
        assert!((found.all - 48.1308).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn interleaved_and_planar_chroma_give_equal_psnr() {
        let size = Size::new(5, 3);
        let luma = [9; 15];
        let (u, v) = ([1, 2, 3, 4, 5, 6], [60, 50, 40, 30, 20, 10]);
        let uv: Vec<u8> = u.into_iter().zip(v).flat_map(|(u, v)| [u, v]).collect();
        let planar = Picture::i420(size, (&luma, 5), (&v, 3), (&v, 3)).unwrap();
        let nv12 = Picture::nv12(size, (&luma, 5), (&uv, 6)).unwrap();
        let expected = u.into_iter().zip(v).map(|(u, v): (u8, u8)| u64::from(u.abs_diff(v)).pow(2));
        assert_eq!(sse(&planar, &nv12).unwrap(), [0, expected.sum(), 0]);
    }

    #[test]
    fn different_sizes_are_rejected() {
        let (a, b) = ([0; 24], [0; 24]);
        let a = picture(Size::new(4, 4), &a);
        let b = picture(Size::new(4, 2), &b);
        assert!(sse(&a, &b).is_err() && psnr(&a, &b).is_err() && ssim(&a, &b).is_err());
    }

    #[test]
    fn unrelated_textures_with_equal_means_have_low_ssim() {
        let size = Size::new(32, 32);
        let texture = |k: u64| -> Vec<u8> {
            (0..size.i420_bytes()).map(|n| u8::try_from(100 + n * k * k % 53).unwrap()).collect()
        };
        let (a, b) = (texture(7), texture(11));
        let similarity = ssim(&picture(size, &a), &picture(size, &b)).unwrap();
        assert!(similarity < 0.4, "{similarity}");
    }
}
