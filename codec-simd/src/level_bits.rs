//! Table of estimated bit costs of quantised coefficients, which the kernels of all instruction
//! sets use.

/// Cost of a level relative to a zero, in 1/16 bit: indexed by its magnitude, with 15 for all
/// above, plus a term for a sixteenth of the magnitude, at most 255.
pub(crate) static LEVEL_BITS: [[u8; 16]; 2] = [
    [0, 29, 62, 77, 87, 115, 115, 147, 147, 147, 147, 178, 178, 178, 178, 178],
    [0, 17, 58, 70, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77],
];
