//! Writes coefficient tokens.

use codec_core::entropy::{BoolEncoder, BoolSink};

use crate::encoder::levels::{Coefficients, Level, TokenContext};
use crate::probability::TokenCounts;
use crate::tables::coefficients::{CATEGORIES, CATEGORY_6, CATEGORY_6_BASE, PARETO};

/// Takes the syntax elements of blocks: either counts coefficients, or writes them.
pub(crate) trait TokenSink: BoolSink {
    /// Takes the tokens of a transform.
    fn put_tokens(
        &mut self,
        probabilities: &[[[u8; 3]; 6]; 6],
        counts: &mut [[TokenCounts; 6]; 6],
        coefficients: Coefficients<'_>,
    );
}

/// Counts syntax elements without writing them.
pub(crate) struct Discard;

impl BoolSink for Discard {
    #[inline]
    fn put_bool(&mut self, _bit: bool, _prob: u8) {}
}

/// Counts the tokens of transforms.
trait TokenCounter {
    /// Counts a level; `is_first` states whether it follows no zero, so that the block could have ended.
    fn level(&mut self, level: Level, is_first: bool);

    /// Counts the end of a block.
    fn end(&mut self, context: TokenContext);
}

impl TokenCounter for [[TokenCounts; 6]; 6] {
    #[inline]
    fn level(&mut self, Level { value, context }: Level, is_first: bool) {
        let counts = &mut self[context.band()][context.context()];
        counts.end_tests += u32::from(is_first);
        counts.tokens[usize::from(value.unsigned_abs().min(2))] += 1;
    }

    #[inline]
    fn end(&mut self, context: TokenContext) {
        let counts = &mut self[context.band()][context.context()];
        counts.end_tests += 1;
        counts.ends += 1;
    }
}

/// Counts nothing.
struct Uncounted;

impl TokenCounter for Uncounted {
    #[inline]
    fn level(&mut self, _level: Level, _is_first: bool) {}

    #[inline]
    fn end(&mut self, _context: TokenContext) {}
}

impl TokenSink for Discard {
    #[inline]
    fn put_tokens(
        &mut self,
        _probabilities: &[[[u8; 3]; 6]; 6],
        counts: &mut [[TokenCounts; 6]; 6],
        coefficients: Coefficients<'_>,
    ) {
        let mut is_after_zero = false;
        for &level in coefficients.levels {
            counts.level(level, !is_after_zero);
            is_after_zero = level.value == 0;
        }
        if let Some(end) = coefficients.end {
            counts.end(end);
        }
    }
}

/// Writes the tokens of a transform, and counts them.
#[inline]
fn write_tokens(
    encoder: &mut BoolEncoder,
    probabilities: &[[[u8; 3]; 6]; 6],
    counter: &mut impl TokenCounter,
    coefficients: Coefficients<'_>,
) {
    let mut is_after_zero = false;
    for &level in coefficients.levels {
        let Level { value, context } = level;
        counter.level(level, !is_after_zero);
        let probabilities = &probabilities[context.band()][context.context()];
        if !is_after_zero {
            encoder.put_bool(true, probabilities[0]);
        }
        encoder.put_bool(value != 0, probabilities[1]);
        is_after_zero = value == 0;
        if value == 0 {
            continue;
        }
        let size = value.unsigned_abs();
        encoder.put_bool(size > 1, probabilities[2]);
        if size > 1 {
            write_large(encoder, &PARETO[usize::from(probabilities[2]) - 1], size);
        }
        encoder.put_flag(value < 0);
    }
    if let Some(end) = coefficients.end {
        counter.end(end);
        encoder.put_bool(false, probabilities[end.band()][end.context()][0]);
    }
}

impl TokenSink for BoolEncoder {
    /// Does not count.
    #[inline]
    fn put_tokens(
        &mut self,
        probabilities: &[[[u8; 3]; 6]; 6],
        _counts: &mut [[TokenCounts; 6]; 6],
        coefficients: Coefficients<'_>,
    ) {
        write_tokens(self, probabilities, &mut Uncounted, coefficients);
    }
}

/// Writes syntax elements and counts them.
pub(crate) struct CountingEncoder(pub(crate) BoolEncoder);

impl BoolSink for CountingEncoder {
    #[inline]
    fn put_bool(&mut self, bit: bool, prob: u8) {
        self.0.put_bool(bit, prob);
    }
}

impl TokenSink for CountingEncoder {
    #[inline]
    fn put_tokens(
        &mut self,
        probabilities: &[[[u8; 3]; 6]; 6],
        counts: &mut [[TokenCounts; 6]; 6],
        coefficients: Coefficients<'_>,
    ) {
        write_tokens(&mut self.0, probabilities, counts, coefficients);
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
