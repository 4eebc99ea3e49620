//! Contrast of the macroblocks of a frame. In macroblocks of low contrast, the same squared error
//! reduces SSIM more, so the Lagrange multiplier (lambda) is lower for them.

use codec_core::fixed::log2_q16;
use codec_core::frame::{Picture, SourceMb};
use codec_simd::{Kernels, Window};

use super::quantisers::Quantisers;
use super::segments::SEGMENTS;
use super::speed::Speed;
use crate::block::quantisers::Steps;
use crate::block::site::BlockSite;

/// Number of weights of lambda.
const WEIGHTS: usize = 17;
/// Weight of blocks of mean contrast.
const NEUTRAL: i32 = 8;
/// Number of weights per factor of two of lambda.
const PER_OCTAVE: i32 = 8;
/// Weights per 1/16 of log2 of the variance, in 1/64: log2 of lambda changes by about a fifth of it.
const STRENGTH_Q6: i32 = 7;
/// Added to the squared deviations of 8x8 pixels: the variance that SSIM takes for none.
const NO_CONTRAST: u32 = 64 * 29;

/// Contrast by macroblock, and the quantisers for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Contrast {
    source: SourceMb,
    /// Relative to the frame's mean, in sixteenths of an octave of the variance; empty if all bits have the same price.
    mbs: Vec<i32>,
    cols: usize,
    /// By weight and segment.
    quantisers: Vec<[Quantisers; SEGMENTS]>,
}

impl Contrast {
    /// Gives all bits the same price.
    pub(super) fn clear(&mut self) {
        self.mbs.clear();
    }

    /// Measures a frame.
    pub(super) fn measure(&mut self, kernels: &Kernels, picture: &Picture<'_>) {
        let (cols, rows) = picture.size().macroblocks();
        self.cols = cols;
        self.mbs.clear();
        for n in 0..cols * rows {
            self.source.gather_luma(picture, n % cols, n / cols);
            let contrast = contrast_q4(kernels, &self.source);
            self.mbs.push(contrast);
        }
        let sum: i64 = self.mbs.iter().map(|&mb| i64::from(mb)).sum();
        let mean = sum / i64::try_from(self.mbs.len()).unwrap_or(i64::MAX).max(1);
        let mean = i32::try_from(mean).unwrap_or(0);
        self.mbs.iter_mut().for_each(|mb| *mb -= mean);
    }

    /// Sets the quantisers of the segments, which have the given steps.
    pub(super) fn set_quantisers(&mut self, steps: [[Steps; 2]; SEGMENTS], speed: &Speed) {
        let neutral = steps.map(|steps| Quantisers::new(steps, speed));
        self.quantisers.clear();
        if self.mbs.is_empty() {
            self.quantisers.push(neutral);
            return;
        }
        self.quantisers.extend((0..WEIGHTS).map(|weight| {
            let weight = i32::try_from(weight).unwrap_or(NEUTRAL);
            neutral.map(|of| of.with_price((weight - NEUTRAL) * (1 << 16) / PER_OCTAVE))
        }));
    }

    /// The quantisers of a segment by weight; with one weight only if all bits have the same price.
    pub(super) fn quantisers(&self, weight: usize, segment: u8) -> &Quantisers {
        &self.quantisers[weight][usize::from(segment) % SEGMENTS]
    }

    /// The weight of blocks of mean contrast.
    pub(super) fn neutral(&self) -> usize {
        self.quantisers.len() / 2
    }

    /// Returns the weight of a block: see [`Self::quantisers`].
    pub(super) fn weight(&self, site: &BlockSite) -> usize {
        if self.mbs.is_empty() {
            return 0;
        }
        let (width, height) = site.size.mi();
        let rows = site.row / 2..(site.row + height).div_ceil(2);
        let cols = site.col / 2..(site.col + width).div_ceil(2).min(self.cols);
        let (mut sum, mut count) = (0, 0);
        for row in rows {
            let line = self.mbs.get(row * self.cols..(row + 1) * self.cols).unwrap_or_default();
            for mb in line.get(cols.clone()).unwrap_or_default() {
                sum += mb;
                count += 1;
            }
        }
        let weight = NEUTRAL + sum / count.max(1) * STRENGTH_Q6 / 64;
        usize::try_from(weight).unwrap_or(0).min(WEIGHTS - 1)
    }
}

/// Returns the mean logarithm of the squared deviations of the four 8x8 blocks of a macroblock, in sixteenths.
fn contrast_q4(kernels: &Kernels, source: &SourceMb) -> i32 {
    let blocks = [(0, 0), (8, 0), (0, 8), (8, 8)].map(|(x, y)| source.luma.sub::<8, 8>(x, y));
    let logs = blocks.map(|block| {
        let sum = kernels.sad_8x8(block, Window::packed(&[[0; 8]; 8]));
        let mean = [[u8::try_from((sum + 32) / 64).unwrap_or(u8::MAX); 8]; 8];
        let squares = kernels.sse_8x8(block, Window::packed(&mean));
        log2_q16(u64::from(NO_CONTRAST + squares)) >> 12
    });
    logs.iter().sum::<i32>() / 4
}

#[cfg(test)]
mod tests {
    use codec_core::frame::Size;

    use super::*;
    use crate::types::BlockSize;

    fn site(col: usize, size: BlockSize) -> BlockSite {
        BlockSite { row: 0, col, size, above: None, left: None }
    }

    /// The contrast of a frame with stripes in its right half.
    fn half_striped() -> Contrast {
        let luma: Vec<u8> =
            (0..64 * 64).map(|n| if n % 64 >= 32 && n % 2 == 0 { 200 } else { 100 }).collect();
        let chroma = [128; 32 * 32];
        let size = Size::new(64, 64);
        let picture = Picture::i420(size, (&luma, 64), (&chroma, 32), (&chroma, 32)).unwrap();
        let mut contrast = Contrast::default();
        contrast.measure(Kernels::best(), &picture);
        contrast
    }

    #[test]
    fn bits_cost_less_where_the_contrast_is_low() {
        let mut contrast = half_striped();
        let weight = |col, size| contrast.weight(&site(col, size));
        let (flat, striped) = (weight(0, BlockSize::B16x16), weight(4, BlockSize::B16x16));
        assert!(flat < 8 && striped > 8, "{flat} {striped}");
        assert_eq!(weight(0, BlockSize::B8x8), flat);
        assert_eq!(weight(0, BlockSize::B64x64), 8);
        contrast.set_quantisers([[[80, 80]; 2]; SEGMENTS], &Speed::level(7));
        let lambda = |weight| contrast.quantisers(weight, 0).lambda;
        assert_eq!(contrast.neutral(), 8);
        assert_eq!(lambda(8), Quantisers::new([[80, 80]; 2], &Speed::level(7)).lambda);
        assert!(lambda(flat).0 < lambda(striped).0);
    }

    #[test]
    fn without_a_measurement_all_bits_have_the_same_price() {
        let mut contrast = half_striped();
        contrast.clear();
        assert_eq!(contrast.weight(&site(4, BlockSize::B16x16)), 0);
        contrast.set_quantisers([[[80, 80]; 2]; SEGMENTS], &Speed::level(7));
        assert_eq!(contrast.neutral(), 0);
    }
}
