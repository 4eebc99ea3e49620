//! Tokens of one block: the only copy of their syntax outside the parser. RFC 6386, section 13.2.

use super::super::tables::{BANDS, CATEGORY_BASE, CATEGORY_PROBS};
use crate::entropy::{BoolSink, CostCounter};

/// Takes the branches of a block's tokens.
pub(super) trait TokenVisitor {
    /// A branch at `node` of the token tree, in `band` and `context`.
    fn branch(&mut self, band: usize, context: usize, node: usize, bit: bool);
    /// A bool of a fixed probability.
    fn fixed(&mut self, bit: bool, prob: u8);
}

/// Walks the tokens of a block: `levels` in zig-zag order, those at `first..eob` counting.
#[inline]
pub(super) fn visit_block<V: TokenVisitor>(
    visitor: &mut V,
    levels: &[i16; 16],
    first: usize,
    eob: usize,
    context: usize,
) {
    let mut context = context;
    let mut is_after_zero = false;
    for n in first..eob {
        let band = usize::from(BANDS[n]);
        if !is_after_zero {
            visitor.branch(band, context, 0, true);
        }
        let magnitude = levels[n].unsigned_abs();
        is_after_zero = magnitude == 0;
        visitor.branch(band, context, 1, magnitude != 0);
        if magnitude != 0 {
            visit_magnitude(visitor, band, context, magnitude);
            visitor.fixed(levels[n] < 0, 128);
        }
        context = usize::from(magnitude.min(2));
    }
    if eob < 16 {
        visitor.branch(usize::from(BANDS[eob]), context, 0, false);
    }
}

/// The part of the tree below "not zero".
#[inline]
fn visit_magnitude<V: TokenVisitor>(v: &mut V, band: usize, context: usize, magnitude: u16) {
    v.branch(band, context, 2, magnitude > 1);
    if magnitude <= 1 {
        return;
    }
    v.branch(band, context, 3, magnitude > 4);
    if magnitude <= 4 {
        v.branch(band, context, 4, magnitude > 2);
        if magnitude > 2 {
            v.branch(band, context, 5, magnitude > 3);
        }
        return;
    }
    let category = CATEGORY_BASE.iter().rposition(|&base| magnitude >= base).unwrap_or(0);
    v.branch(band, context, 6, category > 1);
    if category <= 1 {
        v.branch(band, context, 7, category == 1);
    } else {
        v.branch(band, context, 8, category > 3);
        let node = if category > 3 { 10 } else { 9 };
        v.branch(band, context, node, category % 2 == 1);
    }
    let extra = magnitude - CATEGORY_BASE[category];
    let probs = CATEGORY_PROBS[category];
    debug_assert!(u32::from(extra) < 1 << probs.len(), "no token holds {magnitude}");
    for (n, &prob) in probs.iter().rev().enumerate().rev() {
        v.fixed(extra >> n & 1 != 0, prob);
    }
}

struct Writer<'a, S> {
    sink: &'a mut S,
    probs: &'a [[[u8; 11]; 3]; 8],
}

impl<S: BoolSink> TokenVisitor for Writer<'_, S> {
    #[inline]
    fn branch(&mut self, band: usize, context: usize, node: usize, bit: bool) {
        self.sink.put_bool(bit, self.probs[band][context][node]);
    }

    #[inline]
    fn fixed(&mut self, bit: bool, prob: u8) {
        self.sink.put_bool(bit, prob);
    }
}

/// Writes the tokens of one block.
///
/// `levels`: quantised, in zig-zag order, at most [`MAX_LEVEL`](crate::vp8::tables::MAX_LEVEL) in
/// magnitude. `first`: 1 for luma after Y2, else 0. `eob`: position after the last non-zero level,
/// or `first` (or less) if there is none. `context`: 0..=2, of left and above. `probs`: those of
/// the plane type.
#[inline]
pub fn write_block_tokens<S: BoolSink>(
    sink: &mut S,
    levels: &[i16; 16],
    first: usize,
    eob: usize,
    context: usize,
    probs: &[[[u8; 11]; 3]; 8],
) {
    visit_block(&mut Writer { sink, probs }, levels, first, eob.max(first), context);
}

/// Price of a block's tokens in 256ths of a bit; arguments as [`write_block_tokens`].
#[inline]
#[must_use]
pub fn token_cost_q8(
    levels: &[i16; 16],
    first: usize,
    eob: usize,
    context: usize,
    probs: &[[[u8; 11]; 3]; 8],
) -> u64 {
    let mut counter = CostCounter::default();
    write_block_tokens(&mut counter, levels, first, eob, context, probs);
    counter.q8()
}
