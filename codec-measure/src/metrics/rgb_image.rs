//! Still images: RGB samples, and their luma and chroma for the metrics that use them.

use codec_core::codec::psnr;
use codec_core::frame::{Color, ColorRange, MatrixCoefficients, Picture, PictureInfo, Size};

use super::MetricId;

/// An image of 8-bit RGB samples with sRGB's transfer function, row by row without padding.
#[derive(Clone, Copy, Debug)]
pub struct RgbImage<'a> {
    size: Size,
    samples: &'a [u8],
}

impl<'a> RgbImage<'a> {
    /// Creates an image; `None` unless there are three samples per pixel and at least one pixel.
    #[must_use]
    pub fn new(size: Size, samples: &'a [u8]) -> Option<Self> {
        let expected = size.pixels().checked_mul(3)?;
        (expected > 0 && samples.len() as u64 == expected).then_some(Self { size, samples })
    }

    /// Size in pixels.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Red, green and blue of each pixel, interleaved.
    #[must_use]
    pub fn samples(&self) -> &'a [u8] {
        self.samples
    }
}

/// The colour space of a metric's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColorSpace {
    /// R'G'B' of each pixel.
    Rgb,
    /// Luma and chroma of each pixel: BT.601, full range.
    Ycbcr444,
    /// Luma of each pixel, chroma of every second pixel in either direction.
    Ycbcr420,
}

impl ColorSpace {
    /// For display and JSON: `RGB`, `YCbCr 4:4:4`, `YCbCr 4:2:0`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rgb => "RGB",
            Self::Ycbcr444 => "YCbCr 4:4:4",
            Self::Ycbcr420 => "YCbCr 4:2:0",
        }
    }
}

impl MetricId {
    /// The colour space for video frames, which are 4:2:0.
    #[must_use]
    pub fn video_color_space(self) -> ColorSpace {
        match self {
            Self::PsnrR
            | Self::PsnrG
            | Self::PsnrB
            | Self::PsnrRgb
            | Self::Ssimulacra2
            | Self::Butteraugli => ColorSpace::Rgb,
            _ => ColorSpace::Ycbcr420,
        }
    }

    /// The colour space for still images, which are RGB. PSNR-HVS, XPSNR and VMAF have weights for
    /// chroma at half the resolution.
    #[must_use]
    pub fn image_color_space(self) -> ColorSpace {
        match self {
            Self::Ciede2000 => ColorSpace::Rgb,
            Self::PsnrY
            | Self::PsnrU
            | Self::PsnrV
            | Self::Psnr611
            | Self::PsnrAll
            | Self::PsnrYGlobal
            | Self::PsnrUGlobal
            | Self::PsnrVGlobal
            | Self::PsnrAllGlobal
            | Self::Ssim
            | Self::MsSsim => ColorSpace::Ycbcr444,
            other => other.video_color_space(),
        }
    }
}

/// Luma and chroma of a still image: BT.601, full range, as in JPEG files (ITU-T T.871, section 7).
#[derive(Clone, Debug)]
pub(super) struct Ycbcr {
    size: Size,
    /// A chroma sample for each pixel: Cb, Cr.
    pub(super) chroma: [Vec<u8>; 2],
    /// Luma, then chroma at half the resolution (I420).
    packed: Vec<u8>,
}

impl Ycbcr {
    pub(super) fn new(picture: RgbImage<'_>) -> Self {
        let (pixels, _) = picture.samples.as_chunks::<3>();
        let mut packed = Vec::with_capacity(pixels.len() * 3 / 2 + 2);
        let mut chroma = [Vec::with_capacity(pixels.len()), Vec::with_capacity(pixels.len())];
        for pixel in pixels {
            let [red, green, blue] = pixel.map(f32::from);
            let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
            packed.push(rounded(luma));
            chroma[0].push(rounded((blue - luma) / 1.772 + 128.0));
            chroma[1].push(rounded((red - luma) / 1.402 + 128.0));
        }
        for plane in &chroma {
            halve(plane, picture.size, &mut packed);
        }
        Self { size: picture.size, chroma, packed }
    }

    pub(super) fn luma(&self) -> &[u8] {
        &self.packed[..self.chroma[0].len()]
    }

    /// Returns the image with chroma at half the resolution; `None` if the size exceeds the maximum
    /// of a frame.
    pub(super) fn picture(&self) -> Option<Picture<'_>> {
        let color = Color {
            matrix: MatrixCoefficients::SMPTE170M,
            range: ColorRange::Full,
            ..Color::default()
        };
        let info = PictureInfo { color, ..PictureInfo::default() };
        Picture::i420_packed(self.size, &self.packed).ok().map(|view| view.with_info(info))
    }
}

/// Appends the rounded mean of each block of two by two samples, cropped at the edges.
fn halve(plane: &[u8], size: Size, out: &mut Vec<u8>) {
    let width = size.width as usize;
    for rows in plane.chunks(2 * width) {
        let (upper, lower) = rows.split_at(width.min(rows.len()));
        for x in (0..width).step_by(2) {
            let of = |row: &[u8]| {
                let part = row.get(x..(x + 2).min(row.len())).unwrap_or_default();
                (part.iter().map(|&value| u16::from(value)).sum::<u16>(), part.len())
            };
            let ((a, some), (b, more)) = (of(upper), of(lower));
            let count = u16::try_from(some + more).unwrap_or(4).max(1);
            out.push(u8::try_from((a + b + count / 2) / count).unwrap_or(u8::MAX));
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn rounded(value: f32) -> u8 {
    (value + 0.5).clamp(0.0, 255.0) as u8
}

/// Sum of squared differences of samples with distance `step`, from `first` on.
fn squares(a: &[u8], b: &[u8], first: usize, step: usize) -> u64 {
    let pairs = a.iter().zip(b).skip(first).step_by(step);
    pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
}

/// PSNR of red, green, blue, and of all samples together, in dB.
pub(super) fn psnr_of_rgb(a: &[u8], b: &[u8]) -> [f64; 4] {
    let sums: [u64; 3] = std::array::from_fn(|first| squares(a, b, first, 3));
    let pixels = (a.len() / 3) as u64;
    let [red, green, blue] = sums.map(|sum| psnr(sum, pixels));
    [red, green, blue, psnr(sums.iter().sum(), 3 * pixels)]
}

/// PSNR of luma, Cb, Cr at full resolution, and of all samples together, in dB.
pub(super) fn psnr_of_ycbcr(a: &Ycbcr, b: &Ycbcr) -> [f64; 4] {
    let sums = [
        squares(a.luma(), b.luma(), 0, 1),
        squares(&a.chroma[0], &b.chroma[0], 0, 1),
        squares(&a.chroma[1], &b.chroma[1], 0, 1),
    ];
    let pixels = a.luma().len() as u64;
    let [y, u, v] = sums.map(|sum| psnr(sum, pixels));
    [y, u, v, psnr(sums.iter().sum(), 3 * pixels)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Scorer;

    #[test]
    fn an_rgb_image_has_three_samples_per_pixel() {
        assert!(RgbImage::new(Size::new(2, 2), &[0; 12]).is_some());
        assert!(RgbImage::new(Size::new(2, 2), &[0; 11]).is_none());
        assert!(RgbImage::new(Size::new(0, 2), &[]).is_none());
    }

    #[test]
    fn primaries_become_those_of_jpeg_and_odd_edges_are_averaged() {
        let samples = [255, 0, 0, 0, 0, 255, 255, 255, 255];
        let found = Ycbcr::new(RgbImage::new(Size::new(3, 1), &samples).unwrap());
        assert_eq!(found.luma(), [76, 29, 255]);
        assert_eq!(found.chroma[0], [85, 255, 128]);
        assert_eq!(found.chroma[1], [255, 107, 128]);
        // Two pixels and one.
        assert_eq!(found.packed[3..], [170, 128, 181, 128]);
    }

    /// Red and green columns of the same luma: 4:2:0 merges them into one colour.
    fn stripes(size: Size, first: usize) -> Vec<u8> {
        let colours = [[151, 0, 0], [0, 77, 0]];
        let pixels = 0..usize::try_from(size.pixels()).unwrap();
        let width = size.width as usize;
        pixels.flat_map(|at| colours[(at % width + first) % 2]).collect()
    }

    #[test]
    fn chroma_that_differs_between_pixels_is_measured() {
        let size = Size::new(32, 32);
        let (a, b) = (stripes(size, 0), stripes(size, 1));
        let picture = |samples| RgbImage::new(size, samples).unwrap();
        let list = [MetricId::PsnrRgb, MetricId::PsnrV, MetricId::Ciede2000, MetricId::XpsnrV];
        let mut scorer = Scorer::new(&list, size, 1.0).unwrap();
        let found = scorer.score_rgb(picture(&a), picture(&b)).unwrap();
        assert!(found[0] < 10.0 && found[1] < 20.0 && found[2] < 30.0, "{found:?}");
        // The metric uses 4:2:0, as `image_color_space` says.
        assert!(found[3] > 99.0, "{found:?}");
        let same = scorer.score_rgb(picture(&a), picture(&a)).unwrap();
        assert!(same.iter().all(|value| (value - 100.0).abs() < 1e-9), "{same:?}");
    }
}
