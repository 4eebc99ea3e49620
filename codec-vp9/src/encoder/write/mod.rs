//! Writing of frames: headers, blocks, coefficients.

mod bits;
pub(crate) mod blocks;
pub(crate) mod compressed;
pub(crate) mod tokens;
pub(crate) mod uncompressed;
pub(crate) mod vectors;
