//! Buffers that a block uses while it is reconstructed.

use super::sample::Sample;

/// Longest side of a reference block in a scratch buffer: 64 samples at twice the size, and the taps
/// of the filter.
const SCRATCH_SIDE: usize = 2 * 64 + 16;

/// Buffers for one block at a time.
#[derive(Debug)]
pub(crate) struct BlockScratch<S: Sample> {
    /// Coefficients of a transform; zero between transforms.
    pub(crate) coefficients: Box<[S::Coefficient; 1024]>,
    /// A reference block that reaches over the edge of its frame.
    pub(crate) reference: Vec<S>,
}

impl<S: Sample> Default for BlockScratch<S> {
    fn default() -> Self {
        Self {
            coefficients: Box::new([S::Coefficient::default(); 1024]),
            reference: vec![S::default(); (SCRATCH_SIDE + 1) * SCRATCH_SIDE],
        }
    }
}
