//! Buffers that blocks use while they are reconstructed.

use super::sample::Sample;

/// Longest side of a reference block in a scratch buffer: 64 samples at twice the size, and the taps
/// of the filter.
const SCRATCH_SIDE: usize = 2 * 64 + 16;

/// Buffers of a thread, for one block at a time.
#[derive(Debug)]
pub(crate) struct Scratch<S: Sample> {
    /// Coefficients of a transform; zero between transforms.
    pub(super) coefficients: Box<[S::Coefficient; 1024]>,
    /// See [`super::tokens::TokenContexts::magnitudes`].
    pub(super) magnitudes: Box<[u8; 1024]>,
    /// A reference block that reaches over the edge of its frame.
    pub(super) reference: Vec<S>,
}

impl<S: Sample> Default for Scratch<S> {
    fn default() -> Self {
        Self {
            coefficients: Box::new([S::Coefficient::default(); 1024]),
            magnitudes: Box::new([0; 1024]),
            reference: vec![S::default(); (SCRATCH_SIDE + 1) * SCRATCH_SIDE],
        }
    }
}

impl<S: Sample> Scratch<S> {
    /// Restores the state between transforms, after a damaged frame.
    pub(crate) fn clear(&mut self) {
        self.coefficients.fill(S::Coefficient::default());
    }
}
