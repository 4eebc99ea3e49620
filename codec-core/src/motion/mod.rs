//! Codec-independent block motion search: integer vectors by SAD, sub-pel vectors by the squared
//! error of bilinear interpolation, both plus the rate cost of the vector.
//!
//! A search is a pure function of its arguments, without adaptive thresholds or shared state, so
//! its result does not depend on threading.
//!
//! A codec fills one [`MvCost`] per frame from its own syntax and creates one [`Target`] per block
//! and reference. [`SearchRange`] limits vectors so that search and prediction never read pixels
//! beyond the reference's border.

mod block;
mod cost;
mod estimate;
mod integer;
mod range;
mod subpel;
#[cfg(test)]
mod test_scene;
mod vector;

pub use block::{Block, Half, Quadrant};
pub use cost::{Lambda, MvCost, VectorPrice};
pub(crate) use integer::Walk;
pub use integer::{
    IntegerMatch, IntegerSettings, Pattern, search_integer, search_integer_8x8, search_integer_half,
};
pub use range::SearchRange;
pub use subpel::{SubpelSearch, search_subpel, search_subpel_8x8};
pub use vector::{FullPel, PixelPos, QuarterPel};

use codec_simd::{Block16, Kernels, PlaneRef};

/// Source block, reference and costs of a motion search.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Kernels of the SIMD level.
    pub kernels: &'a Kernels,
    /// Source pixels of the macroblock.
    pub cur: &'a Block16,
    /// Luma plane of the reference, with border.
    pub refp: PlaneRef<'a>,
    /// Top-left pixel of the macroblock.
    pub at: PixelPos,
    /// Allowed vectors, from [`SearchRange::new`] for this `refp` and `at`.
    pub range: SearchRange,
    /// Rate cost of motion vectors.
    pub price: VectorPrice<'a>,
}

/// Result of a sub-pel search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubpelMatch {
    /// Motion vector in quarter pixels.
    pub vector: QuarterPel,
    /// Sum of squared differences of the bilinear prediction at the vector.
    pub sse: u32,
    /// `sse` plus the cost of the vector; `u32::MAX` if it cannot be coded.
    pub cost: u32,
}
