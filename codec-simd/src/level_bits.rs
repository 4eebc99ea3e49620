//! Estimated prices of quantised levels, for all instruction sets.

/// What a level costs beyond a zero, in 1/16 bit: by its magnitude, 15 standing for all above, and
/// by a sixteenth of its magnitude, at most 255, on top.
pub(crate) static LEVEL_BITS: [[u8; 16]; 2] = [
    [0, 29, 62, 77, 87, 115, 115, 147, 147, 147, 147, 178, 178, 178, 178, 178],
    [0, 17, 58, 70, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77],
];
