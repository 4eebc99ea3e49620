//! The price of bits in a block by its contrast.

use codec_core::analysis::{FrameAnalysis, price_q4};

use crate::block::site::BlockSite;

/// Contrast of the macroblocks of a frame, and how much the price of bits depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Contrast<'a> {
    analysis: Option<&'a FrameAnalysis>,
    strength_q6: i32,
}

impl<'a> Contrast<'a> {
    /// `strength_q6` as in [`FrameAnalysis::price_q4`]; without an analysis, all bits have the same price.
    pub(super) fn new(analysis: Option<&'a FrameAnalysis>, strength_q6: i32) -> Self {
        Self { analysis: analysis.filter(|_| strength_q6 != 0), strength_q6 }
    }

    /// By how much the price of bits in a block differs from the mean price, in sixteenths of an octave.
    pub(super) fn price_q4(&self, site: &BlockSite) -> i32 {
        let Some(analysis) = self.analysis else { return 0 };
        let (width, height) = site.size.mi();
        let (first, cols) = (site.col / 2, analysis.mb_cols);
        if width.max(height) <= 2 {
            return analysis.price_q4(site.row / 2 * cols + first, self.strength_q6);
        }
        let last = (site.col + width).div_ceil(2).min(cols);
        let (mut sum, mut count) = (0, 0);
        for row in site.row / 2..(site.row + height).div_ceil(2) {
            let mbs = analysis.contrast_q4.get(row * cols + first..row * cols + last);
            for &mb in mbs.unwrap_or_default() {
                sum += i32::from(mb);
                count += 1;
            }
        }
        price_q4(sum / count.max(1), self.strength_q6)
    }
}

#[cfg(test)]
mod tests {
    use codec_core::analysis::Analyser;
    use codec_core::frame::{Picture, Size};
    use codec_core::parallel::Serial;
    use codec_simd::Kernels;

    use super::*;
    use crate::types::BlockSize;

    fn site(col: usize, size: BlockSize) -> BlockSite {
        BlockSite { row: 0, col, size, above: None, left: None }
    }

    /// The analysis of a frame with stripes, which are hardly visible in its left half.
    fn half_striped() -> FrameAnalysis {
        let luma: Vec<u8> = (0..64 * 64)
            .map(|n| match (n % 4 < 2, n % 64 < 32) {
                (true, true) => 101,
                (true, false) => 200,
                (false, _) => 100,
            })
            .collect();
        let chroma = [128; 32 * 32];
        let size = Size::new(64, 64);
        let picture = Picture::i420(size, (&luma, 64), (&chroma, 32), (&chroma, 32)).unwrap();
        Analyser::new().analyse(&picture, Kernels::best(), &Serial).clone()
    }

    #[test]
    fn bits_cost_less_where_the_contrast_is_low() {
        let analysis = half_striped();
        let contrast = Contrast::new(Some(&analysis), 14);
        let price = |col, size| contrast.price_q4(&site(col, size));
        let (flat, striped) = (price(0, BlockSize::B16x16), price(4, BlockSize::B16x16));
        assert!(flat < -4 && striped > 4, "{flat} {striped}");
        assert_eq!(price(0, BlockSize::B8x8), flat);
        assert_eq!(price(0, BlockSize::B64x64), 0);
    }

    #[test]
    fn without_strength_or_analysis_all_bits_have_the_same_price() {
        let analysis = half_striped();
        for contrast in [Contrast::new(Some(&analysis), 0), Contrast::new(None, 14)] {
            assert_eq!(contrast.price_q4(&site(4, BlockSize::B16x16)), 0);
        }
    }
}
