//! The form in which tokens are stored between counting and writing. RFC 6386, section 13.2.

use super::super::tables::{BANDS, CATEGORY_BASE, CATEGORY_PROBS};
use codec_core::entropy::BoolSink;

/// Number of leaves of the token tree: zero, 1, 2, 3, 4, six categories of larger levels, end of
/// block.
pub const TOKENS: usize = 12;
/// Number of contexts per plane type: eight bands of three.
const SLOTS_OF_PLANE: u16 = 24;

const ZERO: u16 = 0;
const FOUR: u16 = 4;
const END: u16 = 11;

const SLOT_SHIFT: u32 = 4;
const SIGN: u16 = 1 << 11;
const AFTER_ZERO: u16 = 1 << 12;

/// Leaf of each magnitude below 67, and of all larger ones.
static LEAF_OF: [u8; 68] = {
    let mut table = [10; 68];
    let mut level = 0u8;
    while level < 67 {
        table[level as usize] = match level {
            0..=4 => level,
            5..=6 => 5,
            7..=10 => 6,
            11..=18 => 7,
            19..=34 => 8,
            _ => 9,
        };
        level += 1;
    }
    table
};

/// Slot of each scan position at context 0 by plane type, shifted to its bits in a [`Token`].
#[expect(clippy::cast_possible_truncation, reason = "a plane type")]
const SLOTS: [[u16; 17]; 4] = {
    let mut slots = [[0; 17]; 4];
    let mut n = 0;
    while n < 4 * 16 {
        let slot = (n / 16) as u16 * SLOTS_OF_PLANE + BANDS[n % 16] as u16 * 3;
        slots[n / 16][n % 16] = slot << SLOT_SHIFT;
        n += 1;
    }
    slots
};

/// A token with its position in the syntax: leaf, probabilities (plane type, band and context),
/// sign, and whether it follows a zero.
///
/// Extra bits of its category are stored separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(pub u16);

/// Returns the leaf of the token for `magnitude`.
#[inline]
#[must_use]
pub fn leaf_of(magnitude: u16) -> usize {
    usize::from(LEAF_OF[usize::from(magnitude.min(67))])
}

impl Token {
    /// Creates a token by its leaf, `0..TOKENS`, without position.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "four bits")]
    pub fn of_leaf(leaf: usize, is_after_zero: bool) -> Self {
        Self((leaf % 16) as u16 | if is_after_zero { AFTER_ZERO } else { 0 })
    }

    /// Returns the index of its probabilities in the flattened table of all plane types, bands and
    /// contexts: 0..96.
    #[inline]
    #[must_use]
    pub fn slot(self) -> usize {
        usize::from(self.0 >> SLOT_SHIFT & 127)
    }

    /// Returns whether the token's category has extra bits; [`walk_block`] passes the extra bits as
    /// the second argument.
    #[inline]
    #[must_use]
    pub fn is_open(self) -> bool {
        (FOUR + 1..END).contains(&(self.0 & 15))
    }

    /// Returns the index of its leaf and slot in tables of counts: `16 * slot + leaf`.
    #[inline]
    #[must_use]
    pub fn counter(self) -> usize {
        usize::from(self.0 & 0x7ff)
    }
}

/// Returns the only token of an empty block of plane type `plane` (0..=3) with `context` (0..=2)
/// from its neighbours.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "at most 2")]
pub const fn empty_block(plane: usize, context: usize) -> Token {
    let first = if plane == 0 { 1 } else { 0 };
    Token(END | (SLOTS[plane % 4][first] + ((context as u16) << SLOT_SHIFT)))
}

/// Visits the tokens of a block of plane type `plane`, each with its extra bits.
///
/// `levels` are in zig-zag order; those at `first..eob` are used. `context` is from the left and
/// above neighbours, 0..=2.
#[inline]
pub fn walk_block(
    plane: usize,
    levels: &[i16; 16],
    first: usize,
    eob: usize,
    context: usize,
    mut visit: impl FnMut(Token, u16),
) {
    let slots = &SLOTS[plane % 4];
    let mut context = u16::from(context.to_le_bytes()[0]);
    let mut after_zero = 0;
    let counting = levels.iter().zip(slots).take(eob).skip(first);
    for (&level, &slot) in counting {
        let magnitude = level.unsigned_abs();
        let leaf = u16::from(LEAF_OF[usize::from(magnitude.min(67))]);
        let sign = if level < 0 { SIGN } else { 0 };
        let extra = match leaf.checked_sub(FOUR + 1) {
            Some(category) => magnitude - CATEGORY_BASE[usize::from(category)],
            None => 0,
        };
        let slot = slot + (context << SLOT_SHIFT);
        visit(Token(leaf | slot | sign | after_zero), extra);
        after_zero = if magnitude == 0 { AFTER_ZERO } else { 0 };
        context = magnitude.min(2);
    }
    if eob < 16 {
        let slot = slots[eob.max(first)] + (context << SLOT_SHIFT);
        visit(Token(END | slot), 0);
    }
}

/// Writes the tokens of a block whose levels are at most four into `room`, at their positions and
/// followed by the end. Returns `false` for other blocks; `room` is then undefined.
///
/// Branch-free in the levels. Arguments are as for [`walk_block`]; `eob` must be above `first`. The
/// places of `room` below `first` and after the end are undefined.
#[inline]
#[must_use]
pub fn small_tokens(
    plane: usize,
    levels: &[i16; 16],
    first: usize,
    eob: usize,
    context: usize,
    room: &mut [u16; 16],
) -> bool {
    let slots = &SLOTS[plane % 4];
    let first = first % 2;
    // The previous level determines the context of each position. The values stay in registers:
    // reading a vector that was written in parts would wait for the writes.
    let before: [i16; 16] = std::array::from_fn(|n| if n == 0 { 0 } else { levels[n - 1] });
    let mut all = 0;
    for ((token, (&level, &before)), &slot) in
        room.iter_mut().zip(levels.iter().zip(&before)).zip(slots)
    {
        let magnitude = level.unsigned_abs();
        let context = before.unsigned_abs().min(2) << SLOT_SHIFT;
        let after_zero = if before == 0 { AFTER_ZERO } else { 0 };
        *token = (magnitude + slot + context) | sign_of(level) | after_zero;
        all |= magnitude + 3;
    }
    if all >= 8 {
        return false;
    }
    // The neighbours determine the context of the first position.
    let (level, context) = (levels[first], u16::from(context.to_le_bytes()[0]));
    room[first] = (level.unsigned_abs() + slots[first] + (context << SLOT_SHIFT)) | sign_of(level);
    if let Some(end) = room.get_mut(eob) {
        *end |= END;
    }
    true
}

/// The sign bit of a level's token.
#[inline]
fn sign_of(level: i16) -> u16 {
    level.cast_unsigned() >> 15 << SIGN.trailing_zeros()
}

/// Writes `token` with the probabilities of its slot.
#[inline]
pub fn write_token<S: BoolSink>(sink: &mut S, token: Token, extra: u16, probs: &[u8; 11]) {
    let leaf = token.0 & 15;
    if leaf == END {
        sink.put_bool(false, probs[0]);
        return;
    }
    if token.0 & AFTER_ZERO == 0 {
        sink.put_bool(true, probs[0]);
    }
    if leaf == ZERO {
        sink.put_bool(false, probs[1]);
        return;
    }
    sink.put_bool(true, probs[1]);
    if leaf == 1 {
        sink.put_bool(false, probs[2]);
    } else {
        sink.put_bool(true, probs[2]);
        write_larger(sink, leaf, extra, probs);
    }
    sink.put_bool(token.0 & SIGN != 0, 128);
}

/// Writes the part of the tree above a magnitude of one.
#[inline]
fn write_larger<S: BoolSink>(sink: &mut S, leaf: u16, extra: u16, probs: &[u8; 11]) {
    sink.put_bool(leaf > FOUR, probs[3]);
    if leaf <= FOUR {
        sink.put_bool(leaf > 2, probs[4]);
        if leaf > 2 {
            sink.put_bool(leaf > 3, probs[5]);
        }
        return;
    }
    let category = usize::from(leaf - FOUR - 1).min(5);
    sink.put_bool(category > 1, probs[6]);
    if category <= 1 {
        sink.put_bool(category == 1, probs[7]);
    } else {
        sink.put_bool(category > 3, probs[8]);
        sink.put_bool(category % 2 == 1, probs[if category > 3 { 10 } else { 9 }]);
    }
    let open = CATEGORY_PROBS[category];
    debug_assert!(u32::from(extra) < 1 << open.len(), "extra bits out of range");
    for (n, &prob) in open.iter().rev().enumerate().rev() {
        sink.put_bool(extra >> n & 1 != 0, prob);
    }
}
