//! Visual masking: how well the content of each macroblock hides coding errors.
//!
//! Viewers see an error in a flat area before they see the same error in texture, and in dark flat
//! areas small errors show as bands. Masking is measured by the logarithm of the variance of 8x8
//! blocks, averaged over the macroblock and relative to the mean of the frame. Flat macroblocks in
//! dark areas count as hiding still less. The adaptive quantisation of x264 uses a similar measure.

use codec_simd::{Block16, Kernels, Window};

use super::FrameAnalysis;
use crate::fixed::{exp2_q16, log2_q4, log2_q16};
use crate::frame::{Picture, SourceMb};

/// Added to the squared deviations of 8x8 pixels: a variance of 1, which viewers do not see.
const INVISIBLE: u32 = 64;
/// Offset per octave of variance, as a ratio: 7/40 of an octave of the quantiser step.
const STEP_PER_VARIANCE: (i32, i32) = (7, 40);
/// Maximum offset by variance, in sixteenths of an octave.
const MAX_BY_VARIANCE_Q4: i32 = 24;
/// Mean luma below which a macroblock is dark.
const DARK: i32 = 80;
/// Logarithm of the squared deviations below which a macroblock is flat, in sixteenths: a standard
/// deviation of 4 levels.
const FLAT_Q4: i32 = 160;
/// Offset of black, perfectly flat macroblocks, in sixteenths of an octave.
const BLACK_Q4: i32 = -32;
/// Distance of a black, perfectly flat macroblock from the limits of dark and flat.
const BLACK_DISTANCE: (i32, i32) = (DARK - 16, FLAT_Q4 - 96);
/// Added to the cost of each macroblock: its modes.
const MODE_COST: u32 = 16;

/// Measures masking; reuses its memory.
#[derive(Debug, Default)]
pub struct MaskingMeter {
    source: SourceMb,
    /// By macroblock.
    mbs: Vec<Visibility>,
}

/// Properties of a macroblock that determine the visibility of errors.
#[derive(Clone, Copy, Debug)]
struct Visibility {
    /// Mean logarithm of the squared deviations of its 8x8 blocks, in sixteenths. A block that is
    /// partly flat is more similar to a flat block than to a textured one.
    deviation_q4: i32,
    mean: i32,
}

impl MaskingMeter {
    /// Measures `picture`, which `analysis` belongs to, and writes [`FrameAnalysis::masking_q4`].
    ///
    /// The offsets are shifted so that the expected bits of the frame stay the same, with bits
    /// inversely proportional to the quantiser step.
    pub fn measure(
        &mut self,
        picture: &Picture<'_>,
        kernels: &Kernels,
        analysis: &mut FrameAnalysis,
    ) {
        let (cols, rows) = picture.size().macroblocks();
        self.mbs.clear();
        for n in 0..cols * rows {
            self.source.gather_luma(picture, n % cols, n / cols);
            self.mbs.push(Visibility::of(kernels, &self.source.luma));
        }
        let sum: i64 = self.mbs.iter().map(|mb| i64::from(mb.deviation_q4)).sum();
        let count = i64::try_from(self.mbs.len()).unwrap_or(i64::MAX).max(1);
        let mean = i32::try_from(sum / count).unwrap_or(0);
        let shift = self.neutral_shift_q4(mean, analysis);
        analysis.masking_q4.clear();
        analysis.masking_q4.extend(self.mbs.iter().map(|mb| {
            let offset = (mb.offset_q4(mean) + shift).clamp(i8::MIN.into(), i8::MAX.into());
            i8::try_from(offset).unwrap_or(0)
        }));
    }

    /// Returns the offset that makes up for the mean share of the bits.
    fn neutral_shift_q4(&self, mean_q4: i32, analysis: &FrameAnalysis) -> i32 {
        let mut costs = [0_u64; 256];
        for (n, mb) in self.mbs.iter().enumerate() {
            let cost = analysis.macroblocks.get(n).map_or(0, |mb| u32::from(mb.cost()));
            let at = usize::try_from(mb.offset_q4(mean_q4) + 128).unwrap_or(0).min(255);
            costs[at] += u64::from(cost + MODE_COST);
        }
        let (mut before, mut after) = (0, 0);
        for (offset, &cost) in (-128..).zip(&costs).filter(|&(_, &cost)| cost > 0) {
            // Eight octaves more, so that the powers have enough bits.
            let bits = exp2_q16((8 << 16) - offset * 4096);
            (before, after) = (before + cost, after + cost * bits);
        }
        let octaves_q16 = log2_q16(after) - log2_q16(before) - (8 << 16);
        (octaves_q16 + 2048) >> 12
    }
}

impl Visibility {
    fn of(kernels: &Kernels, luma: &Block16) -> Self {
        let (mut deviation_q4, mut total) = (0, 0);
        for (x, y) in [(0, 0), (8, 0), (0, 8), (8, 8)] {
            let block = luma.sub::<8, 8>(x, y);
            let sum = kernels.sad_8x8(block, Window::packed(&[[0; 8]; 8]));
            let mean = [[u8::try_from((sum + 32) / 64).unwrap_or(u8::MAX); 8]; 8];
            deviation_q4 +=
                log2_q4((INVISIBLE + kernels.sse_8x8(block, Window::packed(&mean))).into());
            total += sum;
        }
        Self { deviation_q4: deviation_q4 / 4, mean: (total / 256).cast_signed() }
    }

    /// Returns how much coarser than the frame's step the macroblock may be coded, in sixteenths of
    /// octaves, in a frame with the mean deviation `mean_q4`.
    fn offset_q4(self, mean_q4: i32) -> i32 {
        let (times, by) = STEP_PER_VARIANCE;
        let by_variance = (self.deviation_q4 - mean_q4) * times / by;
        let (dark, flat) = (DARK - self.mean, FLAT_Q4 - self.deviation_q4);
        let by_darkness =
            BLACK_Q4 * dark.max(0) * flat.max(0) / (BLACK_DISTANCE.0 * BLACK_DISTANCE.1);
        by_variance.clamp(-MAX_BY_VARIANCE_Q4, MAX_BY_VARIANCE_Q4) + by_darkness
    }
}

impl FrameAnalysis {
    /// Turns the masking into quantiser offsets at half its strength, for frames in which the
    /// quantiser of each macroblock is coded; the rest of the strength would cost more texture than
    /// the flat areas gain.
    pub fn quantise_by_masking(&mut self) {
        self.offsets_q4.resize(self.masking_q4.len(), 0);
        for (offset, masking) in self.offsets_q4.iter_mut().zip(&self.masking_q4) {
            *offset = offset.saturating_add(masking / 2);
        }
        self.masking_q4.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    const SIZE: Size = Size { width: 64, height: 16 };

    /// Returns the masking of four macroblocks with the given luma by position.
    fn masking(luma: impl Fn(usize, usize) -> u8) -> Vec<i8> {
        let luma: Vec<u8> =
            (0..16).flat_map(|y| (0..64).map(move |x| (x, y))).map(|(x, y)| luma(x, y)).collect();
        let chroma = [128; 32 * 8];
        let picture = Picture::i420(SIZE, (&luma, 64), (&chroma, 32), (&chroma, 32)).unwrap();
        let mut analysis = FrameAnalysis::default();
        MaskingMeter::default().measure(&picture, Kernels::best(), &mut analysis);
        analysis.masking_q4
    }

    fn texture(x: usize, y: usize, amplitude: usize) -> u8 {
        u8::try_from(128 + (x * 7919 + y * 104_729) % 97 % amplitude).unwrap()
    }

    #[test]
    fn texture_hides_errors_and_flat_areas_show_them() {
        let found = masking(|x, y| texture(x, y, [1, 8, 32, 96][x / 16]));
        assert!(found.is_sorted() && found[0] < -8 && found[3] > 8, "{found:?}");
    }

    #[test]
    fn dark_flat_areas_are_the_most_visible() {
        let found = masking(|x, y| match x / 16 {
            0 => 20 + u8::try_from(x / 4).unwrap(),
            1 => 160 + u8::try_from(x / 4).unwrap(),
            _ => texture(x, y, 64),
        });
        assert!(found[0] < found[1] - 8 && found[1] < found[2] - 8, "{found:?}");
    }

    #[test]
    fn equal_macroblocks_have_no_offset() {
        assert_eq!(masking(|x, y| texture(x % 16, y, 64)), [0; 4]);
        assert_eq!(masking(|_, _| 16), [0; 4]);
    }

    #[test]
    fn the_expected_bits_stay_the_same() {
        let found = masking(|x, y| texture(x, y, [1, 8, 32, 96][x / 16]));
        let bits: u64 = found.iter().map(|&o| exp2_q16((8 << 16) - i32::from(o) * 4096)).sum();
        // Rounding: half a sixteenth of an octave is 2 %.
        assert!(bits.abs_diff(4 << 8) < (4 << 8) / 40, "{bits}");
    }

    #[test]
    fn quantiser_offsets_have_half_of_the_strength() {
        let mut analysis = FrameAnalysis { masking_q4: vec![-32, 0, 16], ..Default::default() };
        analysis.quantise_by_masking();
        assert_eq!((analysis.offsets_q4, analysis.masking_q4), (vec![-16, 0, 8], vec![]));
        let mut analysis = FrameAnalysis {
            masking_q4: vec![-32, 0, 16],
            offsets_q4: vec![-120, 1, 2],
            ..Default::default()
        };
        analysis.quantise_by_masking();
        assert_eq!(analysis.offsets_q4, [-128, 1, 10]);
    }
}
