//! The filter of one macroblock.

use codec_simd::{BlockUv, Kernels, PixelWeight, TemporalWeights, Window, WindowMut};

use super::output::OutputRows;
use super::source::{Bordered, SourceRows};
use super::weights::{MAX_AGE, Weights};
use crate::frame::{Picture, SourceMb};

/// History of one macroblock, in 1/128 of a level.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
pub(super) struct BlockHistory {
    /// The upper and the lower half.
    luma: [[[i16; 16]; 8]; 2],
    /// U in the left half of the columns, V in the right.
    chroma: [[i16; 16]; 8],
    /// Number of frames in the history of each 8x8 pixels, by half and side; 0 if there is none.
    luma_ages: [[u8; 2]; 2],
    /// The same for the left and the right half of the chroma blocks.
    chroma_ages: [u8; 2],
}

impl BlockHistory {
    /// Returns the number of blocks of 8x8 pixels, of four, whose history starts with the latest
    /// frame.
    pub(super) fn restarted(&self) -> usize {
        self.luma_ages.as_flattened().iter().filter(|&&age| age <= 1).count()
    }

    /// Makes the latest frame the first of the history.
    pub(super) fn restart(&mut self) {
        self.luma_ages = self.luma_ages.map(|ages| ages.map(|age| age.min(1)));
        self.chroma_ages = self.chroma_ages.map(|age| age.min(1));
    }
}

/// Inputs that all macroblocks of a frame share.
#[derive(Clone, Copy, Debug)]
pub(super) struct MbFilter<'a> {
    pub(super) kernels: &'a Kernels,
    pub(super) picture: &'a Picture<'a>,
    pub(super) weights: &'a Weights,
}

impl MbFilter<'_> {
    /// Filters the macroblocks of row `row` into `output`.
    pub(super) fn filter_row(
        &self,
        row: usize,
        history: &mut [BlockHistory],
        output: &mut OutputRows<'_>,
    ) {
        let mut blocks = Blocks::default();
        let sources = [0, 8].map(|half| SourceRows::new(self.picture.luma(), 16 * row + half));
        for (col, history) in history.iter_mut().enumerate() {
            let [upper, lower] = [0, 1].map(|half| {
                let source = sources[half].window(col, &mut blocks.at_edge);
                let dst = output.luma_mut(col, half);
                self.filter_luma(source, half, history, &mut blocks.smoothed, dst)
            });
            // Chroma moves with luma.
            for (side, age) in history.chroma_ages.iter_mut().enumerate() {
                if upper[side] || lower[side] {
                    *age = 0;
                }
            }
            blocks.source.gather_chroma(self.kernels, self.picture, col, row);
            self.filter_chroma(history, &mut blocks);
            output.store_chroma(self.kernels, col, &blocks.chroma);
        }
    }

    /// Filters the luma of the upper (0) or the lower half (1) of a macroblock. Returns whether the
    /// history of its left and of its right block starts with this frame.
    #[inline]
    fn filter_luma(
        &self,
        source: Window<'_, 18, 10>,
        half: usize,
        history: &mut BlockHistory,
        smoothed: &mut [[u8; 16]; 8],
        dst: Option<WindowMut<'_, 16, 8>>,
    ) -> [bool; 2] {
        let (history, ages) = (&mut history.luma[half], &mut history.luma_ages[half]);
        let pixels = source.sub::<16, 8>(1, 1);
        let (sums, sads) = self.kernels.temporal_sums_16x8(pixels, history);
        let [left, right] = ages;
        let left = self.advance(left, [sums[0], sums[1]], sads[0] + sads[1]);
        let right = self.advance(right, [sums[2], sums[3]], sads[2] + sads[3]);
        let restarted = [ages[0] == 1, ages[1] == 1];

        let Some(dst) = dst else { return restarted };
        let weights = TemporalWeights::new([left, left, right, right]);
        if restarted == [false; 2] {
            self.kernels.temporal_blend_16x8(pixels, history, &weights, dst);
            return restarted;
        }
        let limit = self.weights.smooth_limit();
        let limits = restarted.map(|restarted| [if restarted { limit } else { 0 }; 8]);
        let limits = limits.as_flattened().first_chunk().unwrap_or(&[0; 16]);
        self.kernels.smooth_16x8(source, limits, smoothed);
        self.kernels.temporal_blend_16x8(Window::packed(smoothed), history, &weights, dst);
        restarted
    }

    /// Filters the chroma of a macroblock.
    fn filter_chroma(&self, history: &mut BlockHistory, blocks: &mut Blocks) {
        let (history, [left, right]) = (&mut history.chroma, &mut history.chroma_ages);
        let source = Window::packed(&blocks.source.chroma.0);
        let (sums, sads) = self.kernels.temporal_sums_16x8(source, history);
        let left = self.advance(left, [sums[0], sums[2]], sads[0] + sads[2]);
        let right = self.advance(right, [sums[1], sums[3]], sads[1] + sads[3]);
        let weights = TemporalWeights::new([left, right, left, right]);
        let dst = WindowMut::packed(&mut blocks.chroma.0);
        self.kernels.temporal_blend_16x8(source, history, &weights, dst);
    }

    /// Updates the age of a block's history by the sums of the differences of the block's two
    /// halves, and returns the weight of its pixels.
    fn advance(&self, age: &mut u8, [a, b]: [i32; 2], sad: i32) -> &PixelWeight {
        let limits = self.weights.at(*age);
        let sum = (a + b).abs();
        let is_noise = *age > 0
            && sad <= limits.max_sad
            && a.abs().max(b.abs()) <= limits.max_part
            && sum <= limits.max_sum;
        if !is_noise {
            *age = 1;
            return &PixelWeight::SOURCE;
        }
        // A shorter mean follows slow changes of brightness.
        let used = if 2 * sum > limits.max_sum { age.div_ceil(2) } else { *age };
        *age = (used + 1).min(MAX_AGE);
        &self.weights.at(used).weight
    }
}

/// Pixels of one macroblock, allocated once for a row.
#[derive(Debug, Default)]
struct Blocks {
    source: SourceMb,
    /// Source pixels of half the macroblock, if a part is outside the frame.
    at_edge: Bordered,
    /// Luma of half the macroblock.
    smoothed: [[u8; 16]; 8],
    /// Filtered chroma.
    chroma: BlockUv,
}
