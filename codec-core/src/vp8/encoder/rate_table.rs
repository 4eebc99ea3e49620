//! What levels cost, without contexts: for comparing candidates, not for writing.
//!
//! A constant table chooses as well as exact token prices do and needs no frame's probabilities.

/// Price of the end of a block, in 1/256 bit.
pub const END_OF_BLOCK_Q8: u32 = 300;

/// Prices by magnitude, sign included, in 1/256 bit; the last entry stands for all above.
const LEVEL_Q8: [u16; 68] = {
    let mut table = [0; 68];
    let mut level = 0;
    while level < 68 {
        table[level] = match level {
            0 => 170,
            1 => 636,
            2 => 1156,
            3 => 1406,
            4 => 1556,
            5..=6 => 2010,
            7..=10 => 2520,
            11..=18 => 3020,
            19..=34 => 3580,
            35..=66 => 4140,
            _ => 5500,
        };
        level += 1;
    }
    table
};

/// Bits of a block in 1/256 bit: `levels` in zig-zag order from position `first` (1 under a Y2
/// block, else 0) up to `eob`, and the end of the block.
///
/// 0 for an empty block: it costs its flag, which depends on the neighbours, so the caller knows
/// better.
#[inline]
#[must_use]
pub fn estimate_block_bits(levels: &[i16; 16], eob: u8, first: usize) -> u32 {
    let coded = levels.get(first..usize::from(eob)).unwrap_or_default();
    if coded.is_empty() {
        return 0;
    }
    let end = if eob < 16 { END_OF_BLOCK_Q8 } else { 0 };
    coded.iter().fold(end, |bits, &level| {
        bits + u32::from(LEVEL_Q8[usize::from(level.unsigned_abs()).min(67)])
    })
}

/// A score that a level above one gives its block: more than any limit.
pub const KEEP_SCORE: u32 = 100;

/// The levels of a macroblock's luma (AC under a Y2 block, else all) are not worth their bits if
/// the scores of its blocks sum to less.
pub const LUMA_SCORE_LIMIT: u32 = 6;
/// As [`LUMA_SCORE_LIMIT`], of the Y2 block.
pub const Y2_SCORE_LIMIT: u32 = 3;
/// As [`LUMA_SCORE_LIMIT`], of the AC of both chroma planes; their DCs must be 0.
pub const CHROMA_SCORE_LIMIT: u32 = 7;

/// How much the lone ones of a block are worth, for dropping them all: each counts by the run of
/// zeros before it, the rarer the cheaper. [`KEEP_SCORE`] if any level is above one.
///
/// `levels` in zig-zag order from position `first` up to `eob`.
#[inline]
#[must_use]
pub fn decimation_score(levels: &[i16; 16], eob: u8, first: usize) -> u32 {
    const BY_RUN: [u8; 16] = [3, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut score = 0;
    let mut run = 0;
    for &level in levels.get(first..usize::from(eob)).unwrap_or_default() {
        match level {
            0 => run += 1,
            1 | -1 => {
                score += u32::from(BY_RUN[run]);
                run = 0;
            }
            _ => return KEEP_SCORE,
        }
    }
    score
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_is_priced_and_the_end_is_paid_unless_the_block_is_full() {
        let mut levels = [0; 16];
        levels[1] = -3;
        levels[3] = 1;
        assert_eq!(estimate_block_bits(&levels, 4, 0), 170 + 1406 + 170 + 636 + 300);
        assert_eq!(estimate_block_bits(&levels, 4, 1), 1406 + 170 + 636 + 300);
        assert_eq!(estimate_block_bits(&[1; 16], 16, 0), 16 * 636);
        assert_eq!(estimate_block_bits(&[i16::MIN; 16], 16, 1), 15 * 5500);
    }

    #[test]
    fn an_empty_block_is_free() {
        assert_eq!(estimate_block_bits(&[0; 16], 0, 0), 0);
        assert_eq!(estimate_block_bits(&[0; 16], 0, 1), 0);
        assert_eq!(estimate_block_bits(&[0; 16], 1, 1), 0);
        assert_eq!(estimate_block_bits(&[7; 16], 200, 1), 0);
    }

    #[test]
    fn lone_ones_score_by_the_run_before_them() {
        let mut levels = [0; 16];
        levels[0] = 1;
        levels[3] = -1;
        assert_eq!(decimation_score(&levels, 4, 0), 3 + 2);
        assert_eq!(decimation_score(&levels, 4, 1), 2);
        levels[15] = 1;
        assert_eq!(decimation_score(&levels, 16, 0), 5);
        levels[5] = 2;
        assert_eq!(decimation_score(&levels, 16, 0), KEEP_SCORE);
    }
}
