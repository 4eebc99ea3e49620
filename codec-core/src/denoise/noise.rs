//! Estimate of the noise of a video.
//!
//! The luma of some of the macroblocks is compared with the previous frame. The variance of the
//! difference is twice the variance of the noise if nothing moved, and higher otherwise. Therefore
//! the estimate of a block is half the variance of the difference, but at most its spatial noise.
//! That is half the mean squared difference of neighbouring pixels, in the direction in which it is
//! smallest.
//!
//! The estimate of a frame is the 30th percentile of the estimates of its blocks. Noise is about
//! equal in all blocks: if the 30th percentile is far above the 10th, the differences are detail,
//! not noise, and the estimate of the frame is 0. The estimate of the video is the median over
//! several frames.

use codec_simd::{Block16, Kernels, PlaneRef};

use crate::codec::Denoise;
use crate::frame::{Picture, Size};

/// Approximate number of sampled macroblocks per frame.
const SAMPLES: usize = 64;
/// Minimum number of comparable macroblocks.
const MIN_SAMPLES: usize = 8;
/// Number of frames whose median is the estimate.
const FRAMES: usize = 9;
/// Number of frames before the first estimate.
const MIN_FRAMES: usize = 2;

/// Percentiles of the variances of the blocks. They differ little in pure noise; the higher one is the
/// estimate.
const LOW_PERCENTILE: usize = 10;
const HIGH_PERCENTILE: usize = 30;
/// Largest ratio of their variances, in quarters.
const MAX_RATIO_Q2: u32 = 9;

/// Macroblocks with a mean outside of this range are skipped, because their noise may be clipped.
const DARKEST: u32 = 24;
const BRIGHTEST: u32 = 230;

/// Hysteresis: denoising starts at the first standard deviation and stops below the second one, in
/// sixteenths of a level.
const START_Q4: u16 = 44;
const STOP_Q4: u16 = 36;

/// A macroblock of the previous frame.
#[derive(Clone, Debug, Default)]
struct Sample {
    col: usize,
    row: usize,
    luma: Block16,
    /// Sum of its pixels.
    sum: u32,
}

/// Measures the noise of frames in display order.
#[derive(Clone, Debug, Default)]
pub(super) struct NoiseEstimator {
    samples: Vec<Sample>,
    /// Offset of the sampled macroblocks, which changes from frame to frame.
    phase: usize,
    /// Variances of the latest frame's macroblocks, in 1/256 of a squared level.
    variances: Vec<u32>,
    /// Estimates of the latest frames, in the same unit.
    recent: [u32; FRAMES],
    /// Number of estimated frames; the next estimate is stored at this index, modulo the length.
    count: usize,
    is_noisy: bool,
}

impl NoiseEstimator {
    /// Measures `picture` against the previous one. Returns the standard deviation of the noise in
    /// sixteenths of a level, or `None` if there is too little to remove.
    pub(super) fn measure(&mut self, picture: &Picture<'_>, kernels: &Kernels) -> Option<u16> {
        let luma = picture.luma();
        self.compare(luma, kernels);
        if let Some(variance) = self.frame_estimate() {
            self.recent[self.count % FRAMES] = variance;
            self.count = if self.count < 2 * FRAMES { self.count + 1 } else { FRAMES + 1 };
        }
        self.sample(luma, picture.size(), kernels);

        let known = self.count.min(FRAMES);
        if known < MIN_FRAMES {
            return None;
        }
        let mut sorted = self.recent;
        sorted[..known].sort_unstable();
        let noise_q4 = sorted[(known - 1) / 2].isqrt();
        // The percentile is below the mean, and noise grows with brightness.
        let noise_q4 = u16::try_from(noise_q4 * 17 / 16).unwrap_or(u16::MAX);
        self.is_noisy = noise_q4 >= if self.is_noisy { STOP_Q4 } else { START_Q4 };
        self.is_noisy.then_some(noise_q4.min(16 * u16::from(Denoise::MAX_LEVEL)))
    }

    /// Computes the variances of the sampled macroblocks.
    fn compare(&mut self, luma: PlaneRef<'_>, kernels: &Kernels) {
        self.variances.clear();
        for sample in &self.samples {
            let Some(around) = window::<18, 18>(luma, 16 * sample.col - 1, 16 * sample.row - 1)
            else {
                continue;
            };
            let mut block = Block16::default();
            block.window_mut().copy_from(around.sub(1, 1));
            let (sum, _) = kernels.moments_16x16(&block);
            if !(256 * DARKEST..=256 * BRIGHTEST).contains(&sum) {
                continue;
            }
            // The squared error of 256 pixels is the variance in 1/256, and that of the difference
            // of two frames has twice the variance of the noise.
            let change = u64::from(sum.abs_diff(sample.sum));
            let mean_part = u32::try_from(change * change / 256).unwrap_or(u32::MAX);
            let sse = kernels.sse_16x16(&sample.luma, block.window());
            let temporal = sse.saturating_sub(mean_part) / 2;
            // Half-pixel neighbours: half the difference, with half the variance of the noise.
            let [_, up, _, left, right, _, down, _] = kernels.sse_half_ring_16x16(&block, around);
            let spatial = 2 * up.min(down).min(left).min(right);
            self.variances.push(temporal.min(spatial));
        }
    }

    /// Returns the variance of the noise in the compared frame; `None` if it cannot be measured,
    /// because the frame repeats the previous one or has too few comparable macroblocks.
    fn frame_estimate(&mut self) -> Option<u32> {
        let count = self.variances.len();
        let repeated = self.variances.iter().filter(|&&variance| variance == 0).count();
        if count < MIN_SAMPLES || 10 * repeated > 9 * count {
            return None;
        }
        self.variances.sort_unstable();
        let percentile = |percent: usize| self.variances[count * percent / 100];
        let (low, high) = (percentile(LOW_PERCENTILE), percentile(HIGH_PERCENTILE));
        let is_noise = 4 * u64::from(high) <= u64::from(MAX_RATIO_Q2) * u64::from(low);
        Some(if is_noise { high } else { 0 })
    }

    /// Keeps macroblocks for the comparison with the next frame. They are not at the edge of the
    /// frame, so that all have neighbours.
    fn sample(&mut self, luma: PlaneRef<'_>, size: Size, kernels: &Kernels) {
        let inner = |pixels: u32| (pixels as usize / 16).saturating_sub(2);
        let (cols, rows) = (inner(size.width), inner(size.height));
        // An odd step, which does not follow the columns of most sizes.
        let step = (cols * rows / SAMPLES) | 1;
        self.phase = (self.phase + 7) % step;
        let places = (self.phase..cols * rows).step_by(step);
        self.samples.resize_with(places.len(), Sample::default);
        for (sample, n) in self.samples.iter_mut().zip(places) {
            (sample.col, sample.row) = (1 + n % cols, 1 + n / cols);
            if let Some(window) = window(luma, 16 * sample.col, 16 * sample.row) {
                sample.luma.window_mut().copy_from(window);
            }
            (sample.sum, _) = kernels.moments_16x16(&sample.luma);
        }
    }
}

fn window<'a, const W: usize, const H: usize>(
    plane: PlaneRef<'a>,
    x: usize,
    y: usize,
) -> Option<codec_simd::Window<'a, W, H>> {
    plane.window(isize::try_from(x).ok()?, isize::try_from(y).ok()?)
}
