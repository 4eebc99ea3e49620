//! Vectors from which motion search starts, by macroblock: motion since the first reference, by the analysis of the
//! input frames.

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
    /// Number of input frames of `chain`.
    length: i16,
}

/// Longest chain, in input frames; older references are nearly useless.
const MAX_LENGTH: i16 = 8;

fn scaled(vector: QuarterPel, factor: i16) -> QuarterPel {
    QuarterPel::new(vector.x.saturating_mul(factor), vector.y.saturating_mul(factor))
}

impl Seeds {
    /// Resets the state for frames of a size.
    pub(super) fn reset(&mut self, size: Size) {
        (self.cols, self.rows) = size.macroblocks();
        for list in [&mut self.chain, &mut self.work] {
            list.clear();
            list.resize(self.cols * self.rows, QuarterPel::ZERO);
        }
        self.length = 0;
    }

    /// Adds an input frame, coded or not.
    pub(super) fn add(&mut self, analysis: Option<&FrameAnalysis>) {
        let analysis = analysis.filter(|analysis| analysis.macroblocks.len() == self.chain.len());
        self.length = (self.length + 1).min(MAX_LENGTH);
        let Some(analysis) = analysis else {
            self.chain.fill(QuarterPel::ZERO);
            return;
        };
        for (index, (to, mb)) in self.work.iter_mut().zip(&analysis.macroblocks).enumerate() {
            *to = mb.motion;
            if self.length > 1 {
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
        self.length = 0;
    }

    /// Returns the vectors for the current frame: `distance` is the number of input frames since its first reference
    /// if that is not the last frame.
    pub(super) fn vectors(
        &mut self,
        distance: Option<i16>,
        analysis: Option<&FrameAnalysis>,
    ) -> &[QuarterPel] {
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
}
