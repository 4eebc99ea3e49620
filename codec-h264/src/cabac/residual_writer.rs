//! Writes residual blocks. ITU-T H.264, clauses 7.3.5.3.3 and 9.3.3.1.3.

use super::encoder::{Engine, Output};
use super::{BlockCategory, CabacEncoder, Contexts};
use crate::tables::cabac::{LAST_8X8, SIGNIFICANT_8X8};

/// Encodes a block of a frame macroblock after `coded_block_flag`: `levels` are in scan order, and
/// at least one is not 0.
#[inline]
pub fn write_residual_block(
    encoder: &mut CabacEncoder,
    contexts: &mut Contexts,
    category: BlockCategory,
    levels: &[i16],
) {
    let Some(last) = last_of(levels) else { return };
    let bases = category.bases();
    let first = bases.significant[0];
    // The contexts of last_significant_coeff_flag follow the contexts of significant_coeff_flag.
    let (significant, last_flags) = contexts.0[first..].split_at_mut(bases.last[0] - first);
    // A local copy stays in registers.
    let mut engine = encoder.engine;
    let output = &mut encoder.output;
    let positions = match category {
        BlockCategory::Luma8x8 => {
            let (Some(significant), Some(last_flags)) =
                (significant.first_chunk_mut::<15>(), last_flags.first_chunk_mut::<9>())
            else {
                return;
            };
            let increments = (
                |at: usize| usize::from(SIGNIFICANT_8X8[0][at & 63]),
                |at: usize| usize::from(LAST_8X8[at & 63]),
            );
            map(&mut engine, output, significant, last_flags, levels, last, &increments)
        }
        BlockCategory::ChromaDc => {
            let increments = (|at: usize| at.min(2), |at: usize| at.min(2));
            map(&mut engine, output, significant, last_flags, levels, last, &increments)
        }
        _ => {
            let increments = (|at: usize| at, |at: usize| at);
            map(&mut engine, output, significant, last_flags, levels, last, &increments)
        }
    };
    let max_above = 4 - usize::from(category == BlockCategory::ChromaDc);
    if let Some(contexts) = contexts.0[bases.level..].first_chunk_mut::<10>() {
        write_levels(&mut engine, output, contexts, max_above, levels, positions);
    }
    encoder.engine = engine;
}

/// Returns the position of the last level that is not 0.
#[inline(always)]
fn last_of(levels: &[i16]) -> Option<usize> {
    let mut rest = levels;
    // Four levels at once.
    while let Some((before, [0, 0, 0, 0])) = rest.split_last_chunk::<4>() {
        rest = before;
    }
    rest.iter().rposition(|level| *level != 0)
}

/// Encodes the map of significant coefficients, the last of which is at `last`. `increments`
/// returns the context increments of `significant_coeff_flag` and `last_significant_coeff_flag` at
/// a position. Returns the bits of the levels that are not 0.
#[inline(always)]
fn map(
    engine: &mut Engine,
    output: &mut Output,
    significant: &mut [u8],
    last_flags: &mut [u8],
    levels: &[i16],
    last: usize,
    increments: &(impl Fn(usize) -> usize, impl Fn(usize) -> usize),
) -> u64 {
    let mut positions = 0;
    for (at, &level) in levels[..last].iter().enumerate() {
        engine.bin(output, &mut significant[increments.0(at)], level != 0);
        if level != 0 {
            engine.bin(output, &mut last_flags[increments.1(at)], false);
            positions |= 1 << (at & 63);
        }
    }
    if last + 1 < levels.len() {
        engine.bin(output, &mut significant[increments.0(last)], true);
        engine.bin(output, &mut last_flags[increments.1(last)], true);
    }
    positions | 1 << (last & 63)
}

/// Encodes the levels at `positions` from the last to the first.
#[inline(always)]
fn write_levels(
    engine: &mut Engine,
    output: &mut Output,
    contexts: &mut [u8; 10],
    max_above: usize,
    levels: &[i16],
    mut positions: u64,
) {
    let (mut ones, mut above) = (0, 0);
    while positions != 0 {
        let at = positions.ilog2();
        positions ^= 1 << at;
        let Some(&level) = levels.get(at as usize) else { return };
        let magnitude = u32::from(level.unsigned_abs());
        let is_negative = level < 0;
        let first = if above > 0 { 0 } else { (1 + ones).min(4) };
        engine.bin(output, &mut contexts[first], magnitude > 1);
        if magnitude == 1 {
            ones += 1;
            engine.bypass(output, 1, is_negative.into());
            continue;
        }
        let context = &mut contexts[5 + above.min(max_above)];
        above += 1;
        for _ in 2..magnitude.min(15) {
            engine.bin(output, context, true);
        }
        if magnitude < 15 {
            engine.bin(output, context, false);
            engine.bypass(output, 1, is_negative.into());
        } else {
            engine.exp_golomb(output, 0, magnitude - 15, is_negative);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cabac::{CabacDecoder, residual_block};
    use crate::transform::Dequant;

    #[test]
    fn blocks_of_every_category_are_decoded_again() {
        use BlockCategory::{ChromaAc, ChromaDc, Luma4x4, Luma8x8, LumaAc, LumaDc};
        let mut state = 1_u32;
        let mut random = |end: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((u64::from(state) * u64::from(end)) >> 32) as u32
        };
        let categories = [LumaDc, LumaAc, Luma4x4, ChromaDc, ChromaAc, Luma8x8];
        let lens = [16, 15, 16, 4, 15, 64];
        let mut blocks = Vec::new();
        for round in 0..6000_usize {
            let len = lens[round % 6];
            let range: i16 = [2, 3, 20, 5000][random(4) as usize];
            let sparse = random(8) + 1;
            let mut levels = [0_i16; 64];
            for level in &mut levels[..len] {
                if random(sparse) == 0 {
                    let values = 2 * u32::from(range.unsigned_abs()) + 1;
                    *level = i16::try_from(random(values)).unwrap() - range;
                }
            }
            levels[random(u32::try_from(len).unwrap()) as usize] = -1;
            blocks.push((categories[round % 6], len, levels));
        }
        let mut encoder = CabacEncoder::default();
        encoder.begin(Vec::new());
        let mut contexts = Contexts::new(None, 30);
        for (category, len, levels) in &blocks {
            write_residual_block(&mut encoder, &mut contexts, *category, &levels[..*len]);
        }
        let bytes = encoder.terminate();
        let mut decoder = CabacDecoder::new(&bytes, 0);
        let mut contexts = Contexts::new(None, 30);
        let scan: Vec<u8> = (0..64).collect();
        for (category, len, levels) in &blocks {
            let mut out = [0; 64];
            let (scan, dequant) = (&scan[..*len], Dequant::NONE);
            residual_block(&mut decoder, &mut contexts, *category, false, scan, &dequant, &mut out);
            assert_eq!(out, *levels, "{category:?}");
        }
        assert!(decoder.terminate());
    }
}
