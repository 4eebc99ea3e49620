//! Scaling factors of transform coefficients, and the chroma quantiser for each luma quantiser.
//! ITU-T H.264, clauses 8.5.8 and 8.5.9.

/// `v` of 4x4 blocks by `qP % 6`: both positions even, both odd, otherwise.
pub static NORM_4X4: [[u8; 3]; 6] =
    [[10, 16, 13], [11, 18, 14], [13, 20, 16], [14, 23, 18], [16, 25, 20], [18, 29, 23]];

/// `v` of 8x8 blocks by `qP % 6`, for the classes of [`class_8x8`].
pub static NORM_8X8: [[u8; 6]; 6] = [
    [20, 18, 32, 19, 25, 24],
    [22, 19, 35, 21, 28, 26],
    [26, 23, 42, 24, 33, 31],
    [28, 25, 45, 26, 35, 33],
    [32, 28, 51, 30, 40, 38],
    [36, 32, 58, 34, 46, 43],
];

/// Returns the column of [`NORM_4X4`] for a position.
#[must_use]
pub fn class_4x4(x: usize, y: usize) -> usize {
    match (x % 2, y % 2) {
        (0, 0) => 0,
        (1, 1) => 1,
        _ => 2,
    }
}

/// Returns the column of [`NORM_8X8`] for a position.
#[must_use]
pub fn class_8x8(x: usize, y: usize) -> usize {
    match (x % 4, y % 4) {
        (0, 0) => 0,
        (1 | 3, 1 | 3) => 1,
        (2, 2) => 2,
        (0, 1 | 3) | (1 | 3, 0) => 3,
        (0, 2) | (2, 0) => 4,
        _ => 5,
    }
}

/// `QPC` by `qPI`. Table 8-15.
#[rustfmt::skip]
static CHROMA_QP: [u8; 52] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 29, 30,
    31, 32, 32, 33, 34, 34, 35, 35, 36, 36, 37, 37, 37, 38, 38, 38,
    39, 39, 39, 39,
];

/// Returns the quantiser of chroma, 0 to 39, of a macroblock with the luma quantiser `qp`; `offset`
/// is `chroma_qp_index_offset` of the component.
#[inline]
#[must_use]
pub fn chroma_qp(qp: u8, offset: i8) -> u8 {
    CHROMA_QP[usize::from(qp.saturating_add_signed(offset).min(51))]
}
