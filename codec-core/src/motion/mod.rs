//! Block motion search, for every codec: integer vectors by SAD, sub-pel vectors by the squared
//! error of bilinear interpolations, both with the price of the vector's bits.
//!
//! A search is a pure function of its arguments: no threshold adapts, nothing is shared, so the
//! result does not depend on which thread searches.
//!
//! A codec fills one [`MvCost`] per frame from its own syntax and makes one [`Target`] per block
//! and reference. [`SearchRange`] keeps every pixel that search and prediction read inside the
//! reference's border.

mod block;
mod cost;
mod integer;
mod range;
mod subpel;
#[cfg(test)]
mod test_scene;
mod vector;

pub use block::{Block, Quadrant};
pub use cost::{Lambda, MvCost, VectorPrice};
pub(crate) use integer::Walk;
pub use integer::{IntegerMatch, IntegerSettings, Pattern, search_integer, search_integer_8x8};
pub use range::SearchRange;
pub use subpel::{SubpelMatch, SubpelSearch, search_subpel, search_subpel_8x8};
pub use vector::{FullPel, PixelPos, QuarterPel};

use codec_simd::{Block16, Kernels, PlaneRef};

/// What is looked for, where, and at what price.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The instruction set's kernels.
    pub kernels: &'a Kernels,
    /// Source pixels of the macroblock.
    pub cur: &'a Block16,
    /// Luma of the reference, whole macroblocks and border.
    pub refp: PlaneRef<'a>,
    /// Top-left pixel of the macroblock.
    pub at: PixelPos,
    /// Vectors that may be tried: made by [`SearchRange::new`] for this `refp` and `at`.
    pub range: SearchRange,
    /// What a vector costs beside its error.
    pub price: VectorPrice<'a>,
}
