//! Contrast of macroblocks relative to their frame.
//!
//! The same squared error reduces SSIM more, and is easier to see, where contrast is low. Encoders therefore let the
//! price of bits, their Lagrange multiplier, rise with contrast: flat areas get more of the bits, busy ones fewer.

use super::{FrameAnalysis, MbAnalysis};
use crate::fixed::log2_q4;

/// [`MbAnalysis::activity`] that counts as no contrast: about two levels between adjacent pixels.
const NO_ACTIVITY: u64 = 450;
/// Largest change of a price, in sixteenths of an octave.
const MAX_PRICE_Q4: i32 = 24;

impl FrameAnalysis {
    /// Fills [`FrameAnalysis::contrast_q4`].
    pub(super) fn measure_contrast(&mut self) {
        let log = |mb: &MbAnalysis| log2_q4(NO_ACTIVITY.pow(2) + u64::from(mb.activity).pow(2));
        // Flat ones, as around the text of screens and films, take no bits at any price.
        let (mut sum, mut count) = (0_i64, 0_i64);
        for mb in self.macroblocks.iter().filter(|mb| mb.activity > 0) {
            sum += i64::from(log(mb));
            count += 1;
        }
        let mean = i32::try_from(sum / count.max(1)).unwrap_or(0);
        self.contrast_q4.clear();
        self.contrast_q4.extend(self.macroblocks.iter().map(|mb| {
            let contrast = (log(mb) - mean).clamp(i8::MIN.into(), i8::MAX.into());
            i8::try_from(contrast).unwrap_or(0)
        }));
    }

    /// By how much the price of bits in a macroblock differs from the mean price, in sixteenths of an octave: by
    /// `strength_q6` / 64 octaves for each octave of variance, at most 1.5 octaves.
    #[inline]
    #[must_use]
    pub fn price_q4(&self, mb: usize, strength_q6: i32) -> i32 {
        let contrast = self.contrast_q4.get(mb).copied().unwrap_or(0);
        price_q4(contrast.into(), strength_q6)
    }
}

/// The price of bits in a block of contrast `contrast_q4`, as [`FrameAnalysis::price_q4`].
#[inline]
#[must_use]
pub fn price_q4(contrast_q4: i32, strength_q6: i32) -> i32 {
    (contrast_q4 * strength_q6 / 64).clamp(-MAX_PRICE_Q4, MAX_PRICE_Q4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analysis(activities: &[u16]) -> FrameAnalysis {
        let macroblocks =
            activities.iter().map(|&activity| MbAnalysis { activity, ..MbAnalysis::default() });
        let mut analysis =
            FrameAnalysis { macroblocks: macroblocks.collect(), ..FrameAnalysis::default() };
        analysis.measure_contrast();
        analysis
    }

    #[test]
    fn contrast_is_relative_to_the_frame() {
        assert_eq!(analysis(&[900; 4]).contrast_q4, [0; 4]);
        let contrast = analysis(&[1, 1, 8000, 8000]).contrast_q4;
        // Twice log2(8000 / 450) is 8.3 octaves.
        assert!(contrast[0] == contrast[1] && contrast[2] == contrast[3], "{contrast:?}");
        let distance = i32::from(contrast[2]) - i32::from(contrast[0]);
        assert!((130..=134).contains(&distance), "{contrast:?}");
        assert!(contrast[0].abs_diff(-contrast[2]) <= 1, "{contrast:?}");
    }

    #[test]
    fn flat_macroblocks_do_not_change_the_contrast_of_others() {
        let [few, many] =
            [&[0, 60, 900][..], &[0, 0, 0, 0, 60, 900]].map(|of| analysis(of).contrast_q4);
        assert_eq!(few[1..], many[4..]);
        assert!(few[0] <= few[1] && few[1] < few[2], "{few:?}");
    }

    #[test]
    fn prices_rise_with_contrast_within_limits() {
        let analysis = analysis(&[1, 1, 8000, 8000]);
        assert_eq!(analysis.price_q4(0, 0), 0);
        assert_eq!((analysis.price_q4(0, 16), analysis.price_q4(2, 16)), (-16, 16));
        assert_eq!((analysis.price_q4(0, 640), analysis.price_q4(2, 640)), (-24, 24));
        assert_eq!(analysis.price_q4(4, 16), 0);
        assert_eq!(price_q4(32, 16), 8);
    }
}
