//! Scores of the coefficient levels of inter macroblocks (decimation in x264): a few small levels
//! cost more bits than their gain in quality is worth, so all levels of a block with a low score
//! are set to 0.

/// Score below which the levels of an 8x8 block are omitted.
pub(super) const MIN_QUARTER_SCORE: u32 = 4;
/// Score below which all luma levels are omitted.
pub(super) const MIN_MB_SCORE: u32 = 6;
/// Score below which the AC levels of chroma are omitted.
pub(super) const MIN_CHROMA_SCORE: u32 = 4;
/// Score of a block with a level above 1.
const LARGE: u32 = 9;

/// Rates how much the levels of a 4x4 block matter: few levels of 1 at high positions cost more than
/// they improve.
#[inline]
pub(super) fn score_of(is_large: bool, positions: u16) -> u32 {
    const BY_RUN: [u32; 16] = [3, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    if is_large {
        return LARGE;
    }
    let (mut rest, mut score) = (positions, 0);
    while rest != 0 {
        let run = rest.trailing_zeros();
        score += BY_RUN[(run & 15) as usize];
        // Shifted in two steps, because the run can be 15.
        rest = rest >> run >> 1;
    }
    score
}

/// The score of a level of 1 in an 8x8 block by the zeros before it.
static BY_RUN_8X8: [u8; 64] = {
    let mut scores = [0; 64];
    let mut run = 0;
    while run < 24 {
        scores[run] = if run < 4 { 3 } else { 2 - (run >= 12) as u8 };
        run += 1;
    }
    scores
};

/// As [`score_of`], for an 8x8 block.
#[inline]
pub(super) fn score_8x8(is_large: bool, positions: u64) -> u32 {
    if is_large {
        return LARGE;
    }
    let (mut rest, mut score) = (positions, 0);
    while rest != 0 {
        let run = rest.trailing_zeros();
        score += u32::from(BY_RUN_8X8[(run & 63) as usize]);
        rest = rest >> run >> 1;
    }
    score
}
