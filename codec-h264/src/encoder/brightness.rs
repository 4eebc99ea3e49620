//! Brightness (mean) and contrast (standard deviation) of the planes of a picture.

use codec_core::frame::{Picture, SourceMb};
use codec_simd::Kernels;

/// Deviation below which a plane has no contrast to compare: a quarter of a level.
const FLAT_Q8: u64 = 64;
/// Difference of contrasts up to which no weights are tried: 1/96.
const SAME_CONTRAST_Q16: u64 = 683;
/// Difference of means up to which no weights are tried: half a level.
const SAME_MEAN_Q8: u64 = 128;

/// Mean and standard deviation of a plane, with eight fractional bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PlaneBrightness {
    pub mean_q8: u64,
    pub deviation_q8: u64,
}

/// Brightness of the planes of a source picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Brightness(pub [PlaneBrightness; 3]);

/// Sums of the samples of a plane and of their squares.
#[derive(Clone, Copy, Default)]
struct Sums {
    samples: u64,
    squares: u64,
    count: u64,
}

impl Sums {
    #[inline]
    fn add<const N: usize>(&mut self, line: [u8; N]) {
        self.samples += u64::from(line.iter().map(|&sample| u32::from(sample)).sum::<u32>());
        let squares = line.iter().map(|&sample| u32::from(sample) * u32::from(sample));
        self.squares += u64::from(squares.sum::<u32>());
        self.count += N as u64;
    }

    fn brightness(self) -> PlaneBrightness {
        let count = self.count.max(1);
        let mean_q8 = 256 * self.samples / count;
        let variance_q16 = (self.squares * 65_536 / count).saturating_sub(mean_q8 * mean_q8);
        PlaneBrightness { mean_q8, deviation_q8: variance_q16.isqrt() }
    }
}

impl Brightness {
    /// Measures a picture of `cols` x `rows` macroblocks.
    pub(super) fn of(
        kernels: &Kernels,
        picture: &Picture<'_>,
        (cols, rows): (usize, usize),
    ) -> Self {
        let mut mb = SourceMb::default();
        let mut sums = [Sums::default(); 3];
        for n in 0..cols * rows {
            mb.gather(kernels, picture, n % cols, n / cols);
            mb.luma.0.iter().for_each(|line| sums[0].add(*line));
            for line in &mb.chroma.0 {
                let half = |at: usize| -> [u8; 8] { std::array::from_fn(|x| line[at + x]) };
                sums[1].add(half(0));
                sums[2].add(half(8));
            }
        }
        Self(sums.map(Sums::brightness))
    }

    /// Returns the contrasts of the planes relative to the contrasts of `reference`, with 16 fractional
    /// bits: for luma, and for chroma. `None` if brightness and contrast of luma, or of chroma, are
    /// the same.
    pub(super) fn contrasts_to(&self, reference: &Self) -> [Option<[u64; 3]>; 2] {
        let contrast = |plane: usize| {
            let (own, other) = (self.0[plane].deviation_q8, reference.0[plane].deviation_q8);
            if own < FLAT_Q8 || other < FLAT_Q8 { 1 << 16 } else { (own << 16) / other }
        };
        let contrasts = [0, 1, 2].map(contrast);
        let differs = |plane: usize| {
            contrasts[plane].abs_diff(1 << 16) > SAME_CONTRAST_Q16
                || self.0[plane].mean_q8.abs_diff(reference.0[plane].mean_q8) > SAME_MEAN_Q8
        };
        [differs(0).then_some(contrasts), (differs(1) || differs(2)).then_some(contrasts)]
    }
}
