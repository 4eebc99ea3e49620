//! Memory for the decisions on a macroblock.

use codec_simd::{Block16, BlockUv};

use super::canvas::{Canvas, Surroundings};
use super::motion::SearchPlanes;
use super::residual::Residual;

/// A way of coding the macroblock: its prediction, then its reconstruction, and its residual.
#[derive(Clone, Debug, Default)]
pub(super) struct Trial {
    pub luma: Block16,
    pub chroma: BlockUv,
    pub residual: Residual,
}

/// Memory for the decisions on a macroblock. Its contents are not used for later macroblocks,
/// except for [`Self::left`].
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub best: Box<Trial>,
    pub trial: Box<Trial>,
    pub spare: Box<Trial>,
    pub skip: Box<Trial>,
    /// The macroblock as inter while intra is tried.
    pub inter: Box<Trial>,
    /// Partitions while others are tried.
    pub split: Box<Trial>,
    /// The macroblock to the left.
    pub left: Box<Trial>,
    pub planes: Box<SearchPlanes>,
    pub canvas: Box<Canvas>,
    pub around: Box<Surroundings>,
}
