//! Scratch memory of the rows that are being coded.

use super::predict_inter::MbPixels;
use super::token_counts::TokenCounts;
use super::tokenizer::Tokenizer;
use super::transform::Residual;
use crate::types::{MotionVector, Reference, SubblockInfo};
use codec_core::parallel::ScratchPool;

/// A candidate for the coding of luma.
#[derive(Clone, Debug, Default)]
pub(super) struct Trial {
    /// The prediction, or for 4x4 intra the reconstruction.
    pub(super) pixels: MbPixels,
    /// Reference and vector whose prediction the luma contains, if known.
    pub(super) predicted: Option<(Reference, MotionVector)>,
    /// Vectors of a split or modes of 4x4 intra; unspecified for others.
    pub(super) subblocks: SubblockInfo,
    pub(super) residual: Residual,
}

/// Scratch memory of a row. The coded frame does not depend on which row uses which workspace.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub(super) trials: [Box<Trial>; 2],
    pub(super) tokenizer: Box<Tokenizer>,
}

/// Moves all token counts since the last call to `counts`.
pub(super) fn take_counts(workspaces: &mut ScratchPool<Workspace>, counts: &mut TokenCounts) {
    for workspace in workspaces.values_mut() {
        counts.add(&workspace.tokenizer.counts);
        workspace.tokenizer.counts.clear();
    }
}
