//! Chroma errors: differences between the decoded U and V and the U and V of the source, by block.

use codec_core::codec::trace::BlockTrace;
use codec_core::frame::{Chroma, Size};
use codec_media::failure::Result;
use codec_media::frame::planes::Planes;
use codec_simd::PlaneRef;

/// Largest difference of the means that does not count as a colour cast, in 1/16.
const TOLERANCE_Q4: i16 = 4 * 16;

/// The error of a block, for U and V.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BlockError {
    /// Mean of the decoded samples minus the mean of the source, in 1/16.
    pub(super) mean_q4: [i16; 2],
    /// Mean squared error, in 1/16.
    pub(super) mse_q4: [u32; 2],
}

impl BlockError {
    /// Whether the mean of U, and of V, is off by more than 4.
    fn is_off(&self) -> [bool; 2] {
        self.mean_q4.map(|mean| mean.abs() > TOLERANCE_Q4)
    }
}

/// The errors of a frame.
#[derive(Clone, Debug, Default)]
pub(super) struct ChromaError {
    /// Errors of the blocks, in the order of the trace.
    pub(super) blocks: Vec<BlockError>,
    /// Number of blocks with a mean that is off by more than 4: in U or V, in U, in V.
    pub(super) off: [u64; 3],
    /// Mean error of the frame, for U and V.
    pub(super) mean: [f64; 2],
    /// Mean squared error of the frame, for U and V.
    pub(super) mse: [f64; 2],
}

impl ChromaError {
    /// Compares two frames of the same size, block by block.
    pub(super) fn measure(
        source: &Planes,
        decoded: &Planes,
        blocks: &[BlockTrace],
    ) -> Result<Self> {
        let mut error = Self::default();
        let (source, decoded) = (source.picture()?, decoded.picture()?);
        error.blocks.resize(blocks.len(), BlockError::default());
        if let (Chroma::Planar { u, v }, Chroma::Planar { u: u_out, v: v_out }) =
            (source.chroma(), decoded.chroma())
        {
            for (n, planes) in [(u, u_out), (v, v_out)].into_iter().enumerate() {
                error.add_plane(n, planes, decoded.size().chroma(), blocks);
            }
        }
        for block in &error.blocks {
            let [u, v] = block.is_off();
            for (count, is_off) in error.off.iter_mut().zip([u || v, u, v]) {
                *count += u64::from(is_off);
            }
        }
        Ok(error)
    }

    /// Adds plane `n`: U or V.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn add_plane(
        &mut self,
        n: usize,
        (source, decoded): (PlaneRef<'_>, PlaneRef<'_>),
        size: Size,
        blocks: &[BlockTrace],
    ) {
        let mut all = Sums::default();
        for (error, block) in self.blocks.iter_mut().zip(blocks) {
            // Half of the luma samples, inside of the frame.
            let span = |at: u16, length: u8, end: u32| {
                let [start, length] = [usize::from(at / 2), usize::from(length / 2)];
                start.min(end as usize)..(start + length).min(end as usize)
            };
            let cols = span(block.at.0, block.size.0, size.width);
            let mut sums = Sums::default();
            for y in span(block.at.1, block.size.1, size.height) {
                sums.add(&source.row(y)[cols.clone()], &decoded.row(y)[cols.clone()]);
            }
            error.mean_q4[n] = sums.mean_q4();
            error.mse_q4[n] = sums.mse_q4();
            all.difference += sums.difference;
            all.squares += sums.squares;
            all.count += sums.count;
        }
        let count = all.count.max(1) as f64;
        self.mean[n] = all.difference as f64 / count;
        self.mse[n] = all.squares as f64 / count;
    }

    /// Share of the blocks with a mean that is off by more than 4.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(super) fn share(&self) -> f64 {
        self.off[0] as f64 / self.blocks.len().max(1) as f64
    }
}

/// Sums over the samples of a block or a plane.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    difference: i64,
    squares: i64,
    count: i64,
}

impl Sums {
    fn add(&mut self, source: &[u8], decoded: &[u8]) {
        for (&source, &decoded) in source.iter().zip(decoded) {
            let difference = i64::from(decoded) - i64::from(source);
            self.difference += difference;
            self.squares += difference * difference;
            self.count += 1;
        }
    }

    /// The mean difference in 1/16, rounded away from zero at halves.
    fn mean_q4(&self) -> i16 {
        let count = self.count.max(1);
        let half = count / 2 * self.difference.signum();
        i16::try_from((self.difference * 16 + half) / count).unwrap_or(0)
    }

    fn mse_q4(&self) -> u32 {
        let count = self.count.max(1);
        u32::try_from((self.squares * 16 + count / 2) / count).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(size: Size) -> Planes {
        let mut planes = Planes::default();
        planes.reset(size);
        planes.bytes.fill(128);
        planes
    }

    /// The macroblocks of a frame.
    fn macroblocks(size: Size) -> Vec<BlockTrace> {
        let (cols, rows) = size.macroblocks();
        let narrow = |n: usize| u16::try_from(16 * n).unwrap();
        let places = (0..rows).flat_map(|y| (0..cols).map(move |x| (narrow(x), narrow(y))));
        let block = |at| BlockTrace { at, size: (16, 16), ..BlockTrace::default() };
        places.map(block).collect()
    }

    #[test]
    fn errors_are_those_of_the_visible_samples_of_each_block() {
        // 3x2 macroblocks; the last column and row of chroma blocks have 2 and 1 visible samples.
        let size = Size::new(36, 18);
        let (source, mut decoded) = (grey(size), grey(size));
        let width = size.chroma().width as usize;
        let [_, u, v] = decoded.split_mut();
        // The first block of U: half of the samples are 10 higher, so the mean is 5 higher.
        for row in u.chunks_exact_mut(width).take(4) {
            row[..8].fill(138);
        }
        // The last block of V has 2 samples: -4 is tolerated.
        v[8 * width + 16..].fill(124);
        let error = ChromaError::measure(&source, &decoded, &macroblocks(size)).unwrap();
        assert_eq!(error.blocks.len(), 6);
        assert_eq!(error.blocks[0], BlockError { mean_q4: [80, 0], mse_q4: [800, 0] });
        assert_eq!(error.blocks[5], BlockError { mean_q4: [0, -64], mse_q4: [0, 256] });
        assert!(error.blocks[1..5].iter().all(|block| *block == BlockError::default()));
        assert_eq!(error.off, [1, 1, 0]);
        assert!((error.share() - 1.0 / 6.0).abs() < 1e-9);
        assert!((error.mean[0] - 320.0 / 162.0).abs() < 1e-9, "{:?}", error.mean);
        assert!((error.mse[1] - 32.0 / 162.0).abs() < 1e-9, "{:?}", error.mse);
    }

    #[test]
    fn extremes_have_exact_values() {
        let size = Size::new(16, 16);
        let (mut source, mut decoded) = (grey(size), grey(size));
        source.bytes.fill(255);
        decoded.bytes.fill(0);
        let error = ChromaError::measure(&source, &decoded, &macroblocks(size)).unwrap();
        assert_eq!(error.blocks[0].mean_q4, [-4080; 2]);
        assert_eq!(error.blocks[0].mse_q4, [65_025 * 16; 2]);
        assert_eq!(error.off, [1, 1, 1]);
    }
}
