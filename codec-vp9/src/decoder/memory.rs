//! Buffers that are reused from frame to frame.

use std::sync::RwLock;

use super::unit::Unit;
use crate::block::sample::Sample;
use crate::block::scratch::BlockScratch;

/// Buffers for the blocks of a frame.
#[derive(Debug)]
pub(crate) struct Memory<S: Sample> {
    /// See [`super::tokens::TokenContexts::magnitudes`].
    pub(super) magnitudes: Box<[u8; 1024]>,
    /// On several threads one for luma and one for chroma, otherwise the first one for all planes.
    pub(super) blocks: [BlockScratch<S>; 2],
    /// Blocks that are parsed, but not yet reconstructed: a ring.
    pub(super) units: Vec<RwLock<Unit<S>>>,
}

impl<S: Sample> Default for Memory<S> {
    fn default() -> Self {
        Self { magnitudes: Box::new([0; 1024]), blocks: Default::default(), units: Vec::new() }
    }
}

impl<S: Sample> Memory<S> {
    /// Restores the state between transforms, after a damaged frame.
    pub(crate) fn clear(&mut self) {
        for block in &mut self.blocks {
            block.coefficients.fill(S::Coefficient::default());
        }
    }
}
