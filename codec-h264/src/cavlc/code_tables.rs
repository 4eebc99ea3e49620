//! Look-up tables for code words, computed from the tables of the standard.
#![expect(clippy::cast_possible_truncation, reason = "numbers of coefficients and zeros are small")]

use crate::tables::cavlc::{
    COEFF_TOKEN, COEFF_TOKEN_CHROMA_DC, Code, RUN_BEFORE, TOTAL_ZEROS, TOTAL_ZEROS_CHROMA_DC,
};

/// `coeff_token` by its first eight bits; for codes that begin with 0 to 7 in these bits, by the
/// next eight bits. An entry has the length of the code, and four times the number of coefficients
/// plus the number of trailing ones; the length is 0 if the code is longer or invalid.
pub(super) type TokenTable = [(u8, u8); 256 + 8 * 256];

/// Tables for `nC` of 0 and 1, 2 and 3, 4 to 7.
pub(super) static TOKENS: [TokenTable; 3] =
    [token_table(&COEFF_TOKEN[0]), token_table(&COEFF_TOKEN[1]), token_table(&COEFF_TOKEN[2])];

/// `coeff_token` for `nC` of 8 and more, by six bits.
pub(super) static TOKENS_6_BITS: [(u8, u8); 64] = short_table(&COEFF_TOKEN[3]);
/// `coeff_token` of chroma DC, by eight bits.
pub(super) static TOKENS_CHROMA_DC: [(u8, u8); 256] = short_table(&COEFF_TOKEN_CHROMA_DC);
/// `total_zeros` by number of coefficients, minus 1, and nine bits.
pub(super) static ZEROS: [[(u8, u8); 512]; 15] = zeros_tables(&TOTAL_ZEROS);
/// `total_zeros` of chroma DC, by three bits.
pub(super) static ZEROS_CHROMA_DC: [[(u8, u8); 8]; 3] = zeros_tables(&TOTAL_ZEROS_CHROMA_DC);
/// `run_before` by zeros left, minus 1, and three bits. Longer codes have length 0.
pub(super) static RUNS: [[(u8, u8); 8]; 7] = zeros_tables(&RUN_BEFORE);

const fn token_table(codes: &[[Code; 4]; 17]) -> TokenTable {
    let mut table = [(0, 0); 256 + 8 * 256];
    let mut total = 0;
    while total < 17 {
        let mut ones = 0;
        while ones < 4 {
            let (len, code) = codes[total][ones];
            let token = (len, (total * 4 + ones) as u8);
            if len > 8 {
                let first = (code as usize) << (16 - len);
                assert!(first >> 8 < 8, "long codes begin with zeros");
                fill(&mut table, 256 + first, 1 << (16 - len), token);
            } else if len > 0 {
                fill(&mut table, (code as usize) << (8 - len), 1 << (8 - len), token);
            }
            ones += 1;
        }
        total += 1;
    }
    table
}

const fn fill<const N: usize>(
    table: &mut [(u8, u8); N],
    from: usize,
    count: usize,
    entry: (u8, u8),
) {
    let mut at = from;
    while at < from + count {
        table[at] = entry;
        at += 1;
    }
}

const fn short_table<const ROWS: usize, const N: usize>(
    codes: &[[Code; 4]; ROWS],
) -> [(u8, u8); N] {
    let bits = N.trailing_zeros();
    let mut table = [(0, 0); N];
    let mut total = 0;
    while total < ROWS {
        let mut ones = 0;
        while ones < 4 {
            let (len, code) = codes[total][ones];
            if len > 0 {
                let free = bits - len as u32;
                let token = (len, (total * 4 + ones) as u8);
                fill(&mut table, (code as usize) << free, 1 << free, token);
            }
            ones += 1;
        }
        total += 1;
    }
    table
}

const fn zeros_tables<const ROWS: usize, const W: usize, const N: usize>(
    codes: &[[Code; W]; ROWS],
) -> [[(u8, u8); N]; ROWS] {
    let bits = N.trailing_zeros();
    let mut tables = [[(0, 0); N]; ROWS];
    let mut row = 0;
    while row < ROWS {
        let mut value = 0;
        while value < W {
            let (len, code) = codes[row][value];
            if len > 0 && len as u32 <= bits {
                let free = bits - len as u32;
                fill(&mut tables[row], (code as usize) << free, 1 << free, (len, value as u8));
            }
            value += 1;
        }
        row += 1;
    }
    tables
}
