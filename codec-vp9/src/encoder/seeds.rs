//! Motion vectors from which motion search starts, for each macroblock. They come from the analysis
//! of the input frames (motion relative to `LAST_FRAME`, which is `ref_frame_idx[0]`), or from the next
//! lower spatial layer.

use codec_core::analysis::FrameAnalysis;
use codec_core::frame::Size;
use codec_core::motion::QuarterPel;

/// Motion of the input frames since the last frame, and the vectors that follow for a frame.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    /// Size of the frame in macroblocks.
    cols: usize,
    rows: usize,
    /// Motion into the last frame, which can be several input frames ago.
    chain: Vec<QuarterPel>,
    work: Vec<QuarterPel>,
    /// Whether the next input frame is the first one since the last frame.
    restarts: bool,
    /// Vectors of the next lower layer's frame, at its size.
    lower: Vec<QuarterPel>,
    lower_cols: usize,
}

fn scaled(vector: QuarterPel, factor: i16) -> QuarterPel {
    QuarterPel::new(vector.x.saturating_mul(factor), vector.y.saturating_mul(factor))
}

impl Seeds {
    /// Resets the state for frames of a size.
    pub(super) fn reset(&mut self, size: Size) {
        (self.cols, self.rows) = size.macroblocks();
        self.lower.clear();
        for list in [&mut self.chain, &mut self.work] {
            list.clear();
            list.resize(self.cols * self.rows, QuarterPel::ZERO);
        }
        self.restarts = true;
    }

    /// Adds an input frame, coded or not.
    pub(super) fn add(&mut self, analysis: Option<&FrameAnalysis>) {
        let analysis = analysis.filter(|analysis| analysis.macroblocks.len() == self.chain.len());
        let restarts = std::mem::take(&mut self.restarts);
        let Some(analysis) = analysis else {
            self.chain.fill(QuarterPel::ZERO);
            return;
        };
        for (index, (to, mb)) in self.work.iter_mut().zip(&analysis.macroblocks).enumerate() {
            *to = mb.motion;
            if !restarts {
                let before = macroblock_at(index % self.cols, mb.motion.x, self.cols)
                    + macroblock_at(index / self.cols, mb.motion.y, self.rows) * self.cols;
                let before = self.chain[before];
                *to = QuarterPel::new(
                    before.x.saturating_add(mb.motion.x),
                    before.y.saturating_add(mb.motion.y),
                );
            }
        }
        std::mem::swap(&mut self.chain, &mut self.work);
    }

    /// Starts from the current frame, which has become the last frame.
    pub(super) fn restart(&mut self) {
        self.restarts = true;
    }

    /// Uses the vectors of the next lower layer's frame, which has `cols` columns of macroblocks, instead of motion of
    /// the input frames. Required for each frame from then on.
    pub(super) fn follow(&mut self, vectors: &[QuarterPel], cols: usize) {
        self.lower.clear();
        self.lower.extend_from_slice(vectors);
        self.lower_cols = cols;
    }

    /// Returns the vectors for the current frame: `distance` is the number of input frames since its first reference
    /// if that is not the last frame.
    pub(super) fn vectors(
        &mut self,
        distance: Option<i16>,
        analysis: Option<&FrameAnalysis>,
    ) -> &[QuarterPel] {
        if !self.lower.is_empty() {
            let lower = |index: usize| {
                let (row, col) = (index / self.cols / 2, index % self.cols / 2);
                let at = row * self.lower_cols + col.min(self.lower_cols - 1);
                self.lower.get(at).map_or(QuarterPel::ZERO, |&vector| scaled(vector, 2))
            };
            for (index, to) in self.work.iter_mut().enumerate() {
                *to = lower(index);
            }
            return &self.work;
        }
        let analysis = analysis.filter(|analysis| analysis.macroblocks.len() == self.work.len());
        match (distance, analysis) {
            (Some(distance), Some(analysis)) => {
                for (to, mb) in self.work.iter_mut().zip(&analysis.macroblocks) {
                    *to = scaled(mb.motion, distance);
                }
                &self.work
            }
            _ => &self.chain,
        }
    }
}

/// Returns the column or row that contains most of a macroblock moved by `motion`, in quarter pixels.
fn macroblock_at(index: usize, motion: i16, count: usize) -> usize {
    let moved = motion.saturating_add(32).div_euclid(64);
    index.saturating_add_signed(moved.into()).min(count - 1)
}

#[cfg(test)]
mod tests {
    use codec_core::analysis::MbAnalysis;

    use super::*;

    const SIZE: Size = Size { width: 64, height: 32 };

    fn analysis(vectors: [i16; 8]) -> FrameAnalysis {
        let mb = |x| MbAnalysis { motion: QuarterPel::new(x, 0), ..MbAnalysis::default() };
        FrameAnalysis { macroblocks: vectors.map(mb).to_vec(), ..FrameAnalysis::default() }
    }

    fn columns(vectors: &[QuarterPel]) -> Vec<i16> {
        vectors.iter().map(|vector| vector.x).collect()
    }

    #[test]
    fn motion_adds_up_along_its_way_since_the_last_frame() {
        let mut seeds = Seeds::default();
        seeds.reset(SIZE);
        seeds.add(Some(&analysis([9; 8])));
        seeds.restart();
        seeds.add(Some(&analysis([10, 20, 30, 40, 1, 2, 3, 4])));
        assert_eq!(columns(seeds.vectors(None, None)), [10, 20, 30, 40, 1, 2, 3, 4]);
        let second = analysis([0, 64, -64, 100, 0, 0, 0, 0]);
        seeds.add(Some(&second));
        // The third macroblock was at the place of the second one, the last one outside of the frame.
        assert_eq!(columns(seeds.vectors(None, None)), [10, 94, -44, 140, 1, 2, 3, 4]);
        assert_eq!(columns(seeds.vectors(Some(2), Some(&second)))[..4], [0, 128, -128, 200]);
    }

    #[test]
    fn vectors_of_a_lower_layer_are_doubled() {
        let mut seeds = Seeds::default();
        seeds.reset(SIZE);
        seeds.follow(&[QuarterPel::new(5, 0), QuarterPel::new(-7, 0)], 2);
        assert_eq!(columns(seeds.vectors(None, None)), [10, 10, -14, -14, 10, 10, -14, -14]);
    }
}
