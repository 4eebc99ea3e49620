//! Coefficient tokens.

use codec_core::entropy::BoolSink;

use crate::block::scans::Position;
use crate::encoder::token::Token;
use crate::probability::TokenCounts;
use crate::tables::coefficients::{CATEGORIES, CATEGORY_6, CATEGORY_6_BASE, PARETO};

/// Writes the levels of a transform, in the order of `scan` up to the last one that is not zero, and
/// counts the tokens. `context` is the number of neighbouring transforms with coefficients.
/// `magnitudes` has the classes of the levels by position.
pub(crate) fn write_tokens(
    sink: &mut impl BoolSink,
    probabilities: &[[[u8; 3]; 6]; 6],
    counts: &mut [[TokenCounts; 6]; 6],
    magnitudes: &mut [u8; 1024],
    scan: &[Position],
    context: usize,
    levels: &[i16],
) {
    let mut context = context;
    let mut is_after_zero = false;
    for (index, position) in scan.iter().enumerate() {
        if index > 0 {
            let [a, b] = position.neighbours.map(|at| magnitudes[usize::from(at) % 1024]);
            context = usize::from((1 + a + b) >> 1);
        }
        let band = usize::from(position.band);
        let probabilities = &probabilities[band][context];
        let counts = &mut counts[band][context];
        let level = levels.get(index).copied();
        if !is_after_zero {
            counts.end_tests += 1;
            sink.put_bool(level.is_some(), probabilities[0]);
        }
        let Some(level) = level else {
            counts.ends += 1;
            return;
        };
        magnitudes[usize::from(position.at) % 1024] = Token::of(level).magnitude;
        is_after_zero = level == 0;
        sink.put_bool(level != 0, probabilities[1]);
        let size = level.unsigned_abs();
        counts.tokens[usize::from(size.min(2))] += 1;
        if level == 0 {
            continue;
        }
        sink.put_bool(size > 1, probabilities[2]);
        if size > 1 {
            write_large(sink, &PARETO[usize::from(probabilities[2]) - 1], size);
        }
        sink.put_flag(level < 0);
    }
}

/// Writes a level above 1.
pub(crate) fn write_large(sink: &mut impl BoolSink, tail: &[u8; 8], level: u16) {
    sink.put_bool(level > 4, tail[0]);
    if level <= 4 {
        sink.put_bool(level > 2, tail[1]);
        if level > 2 {
            sink.put_bool(level > 3, tail[2]);
        }
        return;
    }
    let level = i32::from(level);
    let category = CATEGORIES.iter().take_while(|&&(bits, base)| level >= base + (1 << bits.len()));
    let category = category.count();
    sink.put_bool(category > 1, tail[3]);
    if category < 2 {
        sink.put_bool(category > 0, tail[4]);
    } else {
        sink.put_bool(category > 3, tail[5]);
        if category < 4 {
            sink.put_bool(category > 2, tail[6]);
        } else {
            sink.put_bool(category > 4, tail[7]);
        }
    }
    // 8-bit samples have 14 extra bits in category 6.
    let (probabilities, base) =
        CATEGORIES.get(category).copied().unwrap_or((&CATEGORY_6[4..], CATEGORY_6_BASE));
    for (&probability, n) in probabilities.iter().zip((0..probabilities.len()).rev()) {
        sink.put_bool((level - base) >> n & 1 != 0, probability);
    }
}
