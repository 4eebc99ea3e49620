//! Conversion of frames of any depth and sampling to 8-bit 4:2:0, with ordered dither.
//!
//! Samples of more than 8 bits are rounded up or down by a matrix of 8x8 thresholds, so that the mean
//! of an area keeps its fractions and gradients show no bands. The matrix does not change from frame
//! to frame: areas without motion stay still. Limited range is divided by a power of two, full range
//! scaled by 255 over the largest value.
//!
//! Chroma of a higher resolution is filtered to the position that H.264, VP9 and AV1 assume:
//! horizontally that of the left luma sample of each pair (weights 1, 2, 1), and vertically the middle
//! between the upper and the lower row (their mean). Chroma of 4:2:2 and 4:4:0 is assumed to have these
//! positions in its halved direction. Video without chroma becomes grey. Colours are not converted: the
//! transfer characteristics of high dynamic range stay as they are.

use codec_core::frame::{Chroma, ColorRange, Picture, Planes as AnyPlanes};
use codec_core::simd::PlaneRef;

use super::dither::THRESHOLDS;
use super::planes::Planes;

/// The remedy in messages about formats that are not supported.
pub(crate) const CONVERT: &str = "help: convert to 8-bit 4:2:0 with --pix-fmt yuv420p, an option \
                                  of encode, transcode, decode and snapshot";

/// A sample of 8 bits or more.
trait Sample: Copy {
    fn value(self) -> u32;
}

impl Sample for u8 {
    fn value(self) -> u32 {
        self.into()
    }
}

impl Sample for u16 {
    fn value(self) -> u32 {
        self.into()
    }
}

/// How sums of samples become samples of 8 bits.
#[derive(Clone, Copy, Debug)]
struct Scale {
    factor: u32,
    divisor: u32,
    /// Whether fractions are dithered; otherwise they are rounded.
    dithers: bool,
}

impl Scale {
    /// For samples of `depth` bits.
    fn new(depth: u8, range: ColorRange) -> Self {
        let depth = u32::from(depth);
        match range {
            _ if depth == 8 => Self { factor: 1, divisor: 1, dithers: false },
            ColorRange::Full => Self { factor: 255, divisor: (1 << depth) - 1, dithers: true },
            _ => Self { factor: 1, divisor: 1 << (depth - 8), dithers: true },
        }
    }

    /// For sums with weights that add up to `weight`.
    fn of_sums(self, weight: u32) -> Self {
        Self { divisor: self.divisor * weight, ..self }
    }

    fn apply(self, sum: u32, threshold: u8) -> u8 {
        let bias = if self.dithers {
            (2 * u32::from(threshold) + 1) * self.divisor / 128
        } else {
            self.divisor / 2
        };
        u8::try_from((sum * self.factor + bias) / self.divisor).unwrap_or(u8::MAX)
    }
}

/// Converts frames; it keeps memory between them.
#[derive(Debug, Default)]
pub struct DepthConverter {
    /// Chroma sums of a row.
    sums: Vec<u32>,
}

impl DepthConverter {
    /// Converts `picture` to 8-bit 4:2:0.
    pub fn convert(&mut self, picture: &Picture<'_>, out: &mut Planes) {
        let range = picture.info.color.range;
        let scale = Scale::new(picture.samples().depth, range);
        let halves = picture.samples().sampling.halved().map(|halved| !halved);
        match picture.planes() {
            AnyPlanes::Yuv420 { luma, chroma: Chroma::Planar { u, v } } => {
                out.reset(picture.size());
                self.convert_planes([luma, u, v], [false; 2], scale, out);
            }
            AnyPlanes::Yuv420 { .. } => out.copy_from(picture),
            AnyPlanes::Bits8(planes) => {
                out.reset(picture.size());
                self.convert_planes(planes, halves, scale, out);
            }
            AnyPlanes::High(planes) => {
                out.reset(picture.size());
                self.convert_planes(planes, halves, scale, out);
            }
        }
        out.info = picture.info;
    }

    /// Converts all planes; `halves` says whether chroma is halved horizontally and vertically.
    fn convert_planes<S: Sample>(
        &mut self,
        planes: [PlaneRef<'_, S>; 3],
        halves: [bool; 2],
        scale: Scale,
        out: &mut Planes,
    ) {
        let (width, half) = (out.size.width as usize, out.size.chroma().width as usize);
        let [y_out, u_out, v_out] = out.split_mut();
        for (y, out) in y_out.chunks_exact_mut(width).enumerate() {
            let samples = planes[0].row(y).iter().map(|sample| sample.value());
            dither_row(samples, scale, y, out);
        }
        for (plane, out) in planes[1..].iter().zip([u_out, v_out]) {
            if plane.layout().height == 0 {
                out.fill(128);
                continue;
            }
            for (y, out) in out.chunks_exact_mut(half).enumerate() {
                self.chroma_row(*plane, halves, scale, y, out);
            }
        }
    }

    /// Converts row `y` of a chroma plane.
    fn chroma_row<S: Sample>(
        &mut self,
        plane: PlaneRef<'_, S>,
        [halves_x, halves_y]: [bool; 2],
        scale: Scale,
        y: usize,
        out: &mut [u8],
    ) {
        self.sums.clear();
        let mut weight = 1;
        if halves_y {
            let last = plane.layout().height - 1;
            let (upper, lower) = (plane.row(2 * y), plane.row((2 * y + 1).min(last)));
            let pairs = upper.iter().zip(lower);
            self.sums.extend(pairs.map(|(upper, lower)| upper.value() + lower.value()));
            weight *= 2;
        } else {
            self.sums.extend(plane.row(y).iter().map(|sample| sample.value()));
        }
        let sums = &self.sums;
        if halves_x {
            let filtered = (0..out.len()).map(|x| {
                let (left, right) = ((2 * x).saturating_sub(1), (2 * x + 1).min(sums.len() - 1));
                sums[left] + 2 * sums[2 * x] + sums[right]
            });
            dither_row(filtered, scale.of_sums(4 * weight), y, out);
        } else {
            dither_row(sums.iter().copied(), scale.of_sums(weight), y, out);
        }
    }
}

fn dither_row(sums: impl Iterator<Item = u32>, scale: Scale, y: usize, out: &mut [u8]) {
    let thresholds = &THRESHOLDS[y % 8];
    for (x, (sum, out)) in sums.zip(out).enumerate() {
        *out = scale.apply(sum, thresholds[x % 8]);
    }
}

#[cfg(test)]
mod tests {
    use codec_core::frame::{SampleFormat, Sampling, Size};

    use super::*;

    fn converted(size: Size, format: SampleFormat, range: ColorRange, samples: &[u16]) -> Planes {
        let half = format.sampling.plane_size(size, 1);
        let [luma, chroma] = [size, half].map(|size| usize::try_from(size.pixels()).unwrap());
        let width = half.width as usize;
        let data = [
            (&samples[..luma], size.width as usize),
            (&samples[luma..luma + chroma], width),
            (&samples[luma + chroma..], width),
        ];
        let mut picture = Picture::planar16(size, format, data).unwrap();
        picture.info.color.range = range;
        let mut out = Planes::default();
        DepthConverter::default().convert(&picture, &mut out);
        out
    }

    #[test]
    fn each_threshold_occurs_once() {
        let mut all: Vec<u8> = THRESHOLDS.concat();
        all.sort_unstable();
        assert_eq!(all, (0..64).collect::<Vec<u8>>());
    }

    #[test]
    fn the_mean_of_an_area_keeps_its_fraction() {
        let size = Size::new(16, 16);
        for depth in [10, 12] {
            let format = SampleFormat::new(depth, Sampling::Yuv420);
            let scale = 1_u64 << (depth - 8);
            for value in [0_u16, 1, 64 * 3 + 1, 515, 940] {
                let samples = vec![value; 16 * 16 * 3 / 2];
                let out = converted(size, format, ColorRange::Limited, &samples);
                let [luma, u, _] = out.planes();
                for (plane, _) in [luma, u] {
                    let sum: u64 = plane.iter().map(|&sample| u64::from(sample)).sum();
                    let mean = sum * scale / plane.len() as u64;
                    assert_eq!(mean, u64::from(value), "{depth} bits");
                }
            }
        }
    }

    #[test]
    fn full_range_keeps_black_and_white() {
        let size = Size::new(16, 2);
        let format = SampleFormat::new(10, Sampling::Yuv400);
        let out = converted(size, format, ColorRange::Full, &[[0; 16], [1023; 16]].concat());
        assert_eq!(out.bytes[..16], [0; 16]);
        assert_eq!(out.bytes[16..32], [255; 16]);
        assert!(out.bytes[32..].iter().all(|&sample| sample == 128), "no chroma is grey");
    }

    #[test]
    fn chroma_is_level_with_the_left_luma_sample_and_between_the_rows() {
        let size = Size::new(6, 2);
        let luma = [16; 12];
        // A pulse at column 2 and one between the pairs, in both rows.
        let (u, v) = ([0, 0, 80, 0, 0, 0].repeat(2), [0, 80, 0, 0, 0, 0].repeat(2));
        let data = [(&luma[..], 6), (&u[..], 6), (&v[..], 6)];
        let picture = Picture::planar8(size, Sampling::Yuv444, data).unwrap();
        let mut out = Planes::default();
        DepthConverter::default().convert(&picture, &mut out);
        let [_, (u, _), (v, _)] = out.planes();
        assert_eq!((u, v), (&[0, 40, 0][..], &[20, 20, 0][..]));

        let (u, v) = ([10, 20, 30, 30, 40, 50], [0, 0, 0, 5, 6, 7]);
        let data = [(&luma[..], 6), (&u[..], 3), (&v[..], 3)];
        let picture = Picture::planar8(size, Sampling::Yuv422, data).unwrap();
        DepthConverter::default().convert(&picture, &mut out);
        let [_, (u, _), _] = out.planes();
        assert_eq!(u, [20, 30, 40]);
    }
}
