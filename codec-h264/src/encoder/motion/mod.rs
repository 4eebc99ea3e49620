//! Motion search with quarter-sample precision, with the interpolation of the decoder (ITU-T H.264,
//! clause 8.4.2.2.1): integer vectors first, then half-sample and quarter-sample vectors around the
//! best one.

mod compensate;
mod measure;
mod planes;
mod refine;
#[cfg(test)]
mod tests;

pub use compensate::compensate;
pub use measure::Measure;
pub use planes::SearchPlanes;
pub use refine::{Precision, RefineSettings, Refined, Ring, refine};

use codec_core::motion::{
    FullPel, Half, IntegerSettings, Quadrant, Target, search_integer, search_integer_8x8,
    search_integer_half,
};

/// A part of a macroblock with a vector of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Part {
    Whole,
    Half(Half),
    Quarter(Quadrant),
}

/// Searches the vector of `part` with the lowest cost, starting from the candidates `starts` in full
/// samples, the most reliable first.
pub fn search(
    target: &Target<'_>,
    part: Part,
    starts: &[FullPel],
    integer: IntegerSettings,
    settings: RefineSettings,
    planes: &mut SearchPlanes,
) -> Refined {
    let start = match part {
        Part::Whole => search_integer(target, starts, integer),
        Part::Half(half) => search_integer_half(target, half, starts, integer),
        Part::Quarter(quadrant) => search_integer_8x8(target, quadrant, starts, integer),
    };
    refine(target, part, start.vector, settings, planes)
}
