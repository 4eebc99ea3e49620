//! Writes coefficient tokens.

use codec_core::entropy::{BoolEncoder, BoolSink};

use crate::encoder::levels::{Coefficients, Level};
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

impl TokenSink for Discard {
    #[inline]
    fn put_tokens(
        &mut self,
        _probabilities: &[[[u8; 3]; 6]; 6],
        counts: &mut [[TokenCounts; 6]; 6],
        coefficients: Coefficients<'_>,
    ) {
        let mut is_after_zero = false;
        for &Level { value, context } in coefficients.levels {
            let counts = &mut counts[context.band()][context.context()];
            counts.end_tests += u32::from(!is_after_zero);
            counts.tokens[usize::from(value.unsigned_abs().min(2))] += 1;
            is_after_zero = value == 0;
        }
        if let Some(end) = coefficients.end {
            let counts = &mut counts[end.band()][end.context()];
            counts.end_tests += 1;
            counts.ends += 1;
        }
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
        let mut is_after_zero = false;
        for &Level { value, context } in coefficients.levels {
            let probabilities = &probabilities[context.band()][context.context()];
            if !is_after_zero {
                self.put_bool(true, probabilities[0]);
            }
            self.put_bool(value != 0, probabilities[1]);
            is_after_zero = value == 0;
            if value == 0 {
                continue;
            }
            let size = value.unsigned_abs();
            self.put_bool(size > 1, probabilities[2]);
            if size > 1 {
                write_large(self, &PARETO[usize::from(probabilities[2]) - 1], size);
            }
            self.put_flag(value < 0);
        }
        if let Some(end) = coefficients.end {
            self.put_bool(false, probabilities[end.band()][end.context()][0]);
        }
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
        Discard.put_tokens(probabilities, counts, coefficients);
        self.0.put_tokens(probabilities, counts, coefficients);
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
