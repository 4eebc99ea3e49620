//! Writes residual blocks. ITU-T H.264, clause 9.2.

use super::CoeffTable;
use crate::bits::BitSink;
use crate::tables::cavlc::{
    COEFF_TOKEN, COEFF_TOKEN_CHROMA_DC, Code, RUN_BEFORE, TOTAL_ZEROS, TOTAL_ZEROS_CHROMA_DC,
};

static TOKENS: [[[Code; 4]; 17]; 4] = COEFF_TOKEN;
static TOKENS_CHROMA_DC: [[Code; 4]; 5] = COEFF_TOKEN_CHROMA_DC;
static ZEROS: [[Code; 16]; 15] = TOTAL_ZEROS;
static ZEROS_CHROMA_DC: [[Code; 4]; 3] = TOTAL_ZEROS_CHROMA_DC;
static RUNS: [[Code; 15]; 7] = RUN_BEFORE;

/// The levels of a block that are not 0, from the last to the first, and the zeros before each.
struct Found {
    levels: [i16; 16],
    runs: [u8; 16],
    total: usize,
    /// Zeros before the last level.
    zeros: usize,
}

impl Found {
    #[inline]
    fn of(levels: &[i16]) -> Self {
        let mut found = Self { levels: [0; 16], runs: [0; 16], total: 0, zeros: 0 };
        let mut run = 0;
        for &level in levels.iter().rev() {
            if level != 0 {
                found.runs[found.total.wrapping_sub(1) & 15] = run;
                found.levels[found.total & 15] = level;
                found.total += 1;
                run = 0;
            } else if found.total > 0 {
                run += 1;
                found.zeros += 1;
            }
        }
        found
    }

    /// Returns the number of trailing ones: at most 3.
    #[inline]
    fn ones(&self) -> usize {
        let levels = self.levels[..self.total.min(3)].iter();
        levels.take_while(|level| level.unsigned_abs() == 1).count()
    }
}

/// Writes a block, whose `levels` are in scan order: 4, 15 or 16, or counts its bits. Returns how
/// many levels are not 0.
///
/// Profiles below High cannot represent absolute levels above 2063.
#[inline]
pub fn write_residual_block(bits: &mut impl BitSink, table: CoeffTable, levels: &[i16]) -> u8 {
    let found = Found::of(levels);
    let (total, ones) = (found.total.min(16), found.ones());
    let (len, code) = match table {
        CoeffTable::Neighbours(count) => {
            let column =
                usize::from(count >= 2) + usize::from(count >= 4) + usize::from(count >= 8);
            TOKENS[column][total][ones]
        }
        CoeffTable::ChromaDc => TOKENS_CHROMA_DC[total.min(4)][ones],
    };
    bits.put(len.into(), code.into());
    if total == 0 {
        return 0;
    }
    write_levels(bits, ones, &found.levels[..total]);
    if total < levels.len() {
        let (len, code) = match table {
            CoeffTable::Neighbours(_) => ZEROS[(total - 1).min(14)][found.zeros & 15],
            CoeffTable::ChromaDc => ZEROS_CHROMA_DC[(total - 1).min(2)][found.zeros & 3],
        };
        bits.put(len.into(), code.into());
    }
    let mut zeros_left = found.zeros;
    for &run in &found.runs[..total - 1] {
        if zeros_left == 0 {
            break;
        }
        let (len, code) = RUNS[zeros_left.min(7) - 1][usize::from(run).min(14)];
        bits.put(len.into(), code.into());
        zeros_left -= usize::from(run);
    }
    total.to_le_bytes()[0]
}

/// Writes the levels from the last to the first; `ones` of them are trailing ones.
#[inline]
fn write_levels(bits: &mut impl BitSink, ones: usize, levels: &[i16]) {
    let (trailing, rest) = levels.split_at(ones);
    for level in trailing {
        bits.put(1, (*level < 0).into());
    }
    let mut suffix_len = u32::from(levels.len() > 10 && ones < 3);
    // The first of the other levels is above 1 if there are less than three ones.
    let mut first_offset = if ones < 3 { 2 } else { 0 };
    for &level in rest {
        let magnitude = u32::from(level.unsigned_abs());
        let code = 2 * magnitude - 2 + u32::from(level < 0) - first_offset;
        first_offset = 0;
        write_level(bits, code, suffix_len);
        suffix_len = suffix_len.max(1);
        if suffix_len < 6 && magnitude > 3 << (suffix_len - 1) {
            suffix_len += 1;
        }
    }
}

/// Writes `level_prefix` and `level_suffix`. Clause 9.2.2.1.
#[inline]
fn write_level(bits: &mut impl BitSink, code: u32, suffix_len: u32) {
    let prefix = code >> suffix_len;
    if prefix < if suffix_len == 0 { 14 } else { 15 } {
        // A one after the zeros of the prefix, then the suffix.
        let suffix = code & ((1 << suffix_len) - 1);
        bits.put(prefix + 1 + suffix_len, 1 << suffix_len | suffix);
        return;
    }
    if suffix_len == 0 && code < 30 {
        bits.put(15 + 4, 1 << 4 | (code - 14));
        return;
    }
    let first = if suffix_len == 0 { 30 } else { 15 << suffix_len };
    // Prefixes from 15 on have suffixes of 12 bits and more.
    let escaped = code - first + 4096;
    let suffix_len = escaped.ilog2();
    bits.put(suffix_len + 4, 1);
    bits.put(suffix_len, escaped & ((1 << suffix_len) - 1));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::{BitCounter, BitReader, BitWriter};
    use crate::cavlc::residual_block;
    use crate::transform::Dequant;

    fn check(table: CoeffTable, levels: &[i16]) {
        let mut bits = BitWriter::default();
        let count = write_residual_block(&mut bits, table, levels);
        let end = bits.bits();
        let mut counter = BitCounter::default();
        write_residual_block(&mut counter, table, levels);
        assert_eq!(counter.0 as usize, end);
        let mut reader = BitReader::new(bits.trailing().bytes());
        let scan: Vec<u8> = (0..16).collect();
        let mut out = [0; 16];
        let scan = &scan[..levels.len()];
        let found = residual_block(&mut reader, table, scan, &Dequant::NONE, &mut out);
        assert_eq!(found, Some(count), "{table:?} {levels:?}");
        assert_eq!(&out[..levels.len()], levels, "{table:?}");
        assert_eq!(reader.position(), end);
    }

    #[test]
    fn every_map_of_levels_is_decoded_again() {
        for map in 0..1_u32 << 16 {
            let levels: [i16; 16] = std::array::from_fn(|n| {
                let magnitude = 1 + i16::from(map % 7 == 0) * i16::try_from(n % 4).unwrap();
                let sign = if (map.wrapping_mul(0x9e37) >> n) & 1 == 0 { 1 } else { -1 };
                if map >> n & 1 == 1 { sign * magnitude } else { 0 }
            });
            let nearby = [0, 2, 4, 8][(map % 4) as usize];
            check(CoeffTable::Neighbours(nearby), &levels);
            check(CoeffTable::Neighbours(nearby), &levels[..15]);
            check(CoeffTable::ChromaDc, &levels[..4]);
        }
    }

    #[test]
    fn every_level_is_decoded_again_after_every_other() {
        let magnitudes: Vec<i16> =
            (1..70).chain([100, 500, 1000, 2063, 2064, 4000, 10000, 32767]).collect();
        for &a in &magnitudes {
            for &b in &magnitudes {
                for [a, b] in [[a, b], [-a, b], [a, -b]] {
                    check(
                        CoeffTable::Neighbours(0),
                        &[a, b, 0, 0, b, a, 0, 1, 0, 0, 0, 0, 0, 0, 0],
                    );
                    check(CoeffTable::Neighbours(3), &[a; 16].map(|level| level.min(b)));
                }
            }
        }
    }
}
