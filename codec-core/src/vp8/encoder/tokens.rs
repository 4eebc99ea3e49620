//! Counting and storing the tokens of coefficients. RFC 6386, section 13.

use super::store::{CodedMb, MbLevels, RowStore};
use crate::vp8::residual::{TOKENS, Token, walk_block};

/// How often each token came in each context: `[plane type][band][context][token]`.
#[derive(Clone, Debug)]
pub(super) struct TokenCounts(pub(super) [[[[u32; TOKENS]; 3]; 8]; 4]);

impl Default for TokenCounts {
    fn default() -> Self {
        Self([[[[0; TOKENS]; 3]; 8]; 4])
    }
}

impl TokenCounts {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn add(&mut self, other: &Self) {
        let to = self.0.as_flattened_mut().as_flattened_mut().as_flattened_mut();
        let from = other.0.as_flattened().as_flattened().as_flattened();
        to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
    }
}

/// Plane types of section 13.3.
pub(super) const LUMA_AFTER_Y2: u8 = 0;
pub(super) const LUMA_Y2: u8 = 1;
pub(super) const CHROMA: u8 = 2;
pub(super) const LUMA_WHOLE: u8 = 3;

/// Bit of Y2 in the masks of non-empty neighbours.
const Y2_BIT: u16 = 1 << 8;

/// One block of a macroblock, in the order of writing.
#[derive(Clone, Copy)]
struct BlockPlace {
    /// Index among the macroblock's blocks.
    n: u8,
    plane: u8,
    /// First scan position.
    first: u8,
    /// Its bits in the masks of non-empty neighbours.
    above: u16,
    left: u16,
}

static WITH_Y2: [BlockPlace; 25] = {
    let mut places = [place(24, LUMA_Y2, 0); 25];
    let mut n = 0;
    while n < 24 {
        places[n as usize + 1] =
            if n < 16 { place(n, LUMA_AFTER_Y2, 1) } else { place(n, CHROMA, 0) };
        n += 1;
    }
    places
};

static WITHOUT_Y2: [BlockPlace; 24] = {
    let mut places = [place(0, LUMA_WHOLE, 0); 24];
    let mut n = 0;
    while n < 24 {
        places[n as usize] = place(n, if n < 16 { LUMA_WHOLE } else { CHROMA }, 0);
        n += 1;
    }
    places
};

const fn place(n: u8, plane: u8, first: u8) -> BlockPlace {
    let (above, left) = match n {
        0..16 => (1 << (n % 4), 1 << (n / 4)),
        16..24 => {
            let base = 4 + 2 * ((n - 16) / 4);
            (1 << (base + n % 2), 1 << (base + n % 4 / 2))
        }
        _ => (Y2_BIT, Y2_BIT),
    };
    BlockPlace { n, plane, first, above, left }
}

/// Visits the blocks of a macroblock in the order of writing: `visit(block, plane type, first
/// scan position, context)`. Returns the masks of non-empty blocks for the neighbours below and
/// right.
#[inline]
pub(super) fn for_each_block(
    mb: &CodedMb,
    mut visit: impl FnMut(usize, usize, usize, usize),
) -> (u16, u16) {
    let (mut above, mut left) = (mb.above, mb.left);
    let places = if mb.has_y2 { WITH_Y2.as_slice() } else { WITHOUT_Y2.as_slice() };
    // One call of `visit`, so that it is inlined whatever it does.
    for place in places {
        let (n, first) = (usize::from(place.n), usize::from(place.first));
        let context = usize::from(above & place.above != 0) + usize::from(left & place.left != 0);
        visit(n, usize::from(place.plane), first, context);
        if usize::from(mb.eobs[n]) > first {
            above |= place.above;
            left |= place.left;
        } else {
            above &= !place.above;
            left &= !place.left;
        }
    }
    (above, left)
}

/// The masks that neighbours see of a macroblock without coefficients, given those it saw.
pub(super) fn masks_of_empty(has_y2: bool, above: u16, left: u16) -> (u16, u16) {
    if has_y2 { (0, 0) } else { (above & Y2_BIT, left & Y2_BIT) }
}

impl RowStore {
    /// Counts and keeps the tokens of a macroblock that has coefficients. Returns the masks of
    /// non-empty blocks for the neighbours below and right.
    pub(super) fn put_levels(&mut self, mb: &CodedMb, levels: &MbLevels) -> (u16, u16) {
        let counts = self.tokens.0.as_flattened_mut().as_flattened_mut();
        let recorded = &mut *self.scratch;
        let mut len = 0;
        let masks = for_each_block(mb, |n, plane, first, context| {
            let (block, eob) = (levels.block(n), usize::from(mb.eobs[n]));
            walk_block(plane, block, first, eob, context, |token, extra| {
                counts[token.slot()][token.leaf()] += 1;
                recorded[len % MAX_RECORD] = token.0;
                recorded[(len + 1) % MAX_RECORD] = extra;
                len += 1 + usize::from(token.has_extra());
            });
        });
        self.recorded.extend_from_slice(&recorded[..len.min(MAX_RECORD)]);
        masks
    }

    /// The tokens kept, each with what its category leaves open.
    pub(super) fn recorded_tokens(&self) -> impl Iterator<Item = (Token, u16)> {
        let mut rest = self.recorded.iter();
        std::iter::from_fn(move || {
            let token = Token(*rest.next()?);
            let extra = if token.has_extra() { *rest.next()? } else { 0 };
            Some((token, extra))
        })
    }
}

/// Most numbers that a macroblock's tokens are kept in: 25 blocks of sixteen levels with what
/// their categories leave open. (A power of two, and no block ends when it is full.)
pub(super) const MAX_RECORD: usize = 1024;

#[cfg(test)]
mod tests {
    use super::super::store::Y2;
    use super::*;
    use crate::vp8::tables::BANDS;

    #[test]
    fn tokens_are_counted_in_the_context_of_the_level_before() {
        const END: usize = 11;
        let mut store = RowStore::with_cols(1);
        let mut levels = MbLevels::default();
        levels.luma.0[0][1..5].copy_from_slice(&[1, 0, -70, 2]);
        let mut mb = CodedMb { eobs: [0; 25], has_y2: true, above: 3, left: 3 };
        mb.eobs[0] = 5;
        store.put_levels(&mb, &levels);
        let counts = &store.tokens;
        let at = |n: usize, context: usize| counts.0[0][usize::from(BANDS[n])][context];
        assert_eq!(at(1, 2)[1], 1);
        assert_eq!(at(2, 1)[0], 1);
        assert_eq!(at(3, 0)[10], 1);
        assert_eq!(at(4, 2)[2], 1);
        assert_eq!(at(5, 2)[END], 1);
        let kept: Vec<_> = store.recorded_tokens().collect();
        assert_eq!(kept.len(), 24 + 5);
        assert_eq!(kept[3].1, 70 - 67);
    }

    #[test]
    fn a_luma_block_with_nothing_but_a_dc_of_y2_counts_as_empty() {
        let mut mb = CodedMb { eobs: [0; 25], has_y2: true, above: 0x1ff, left: 0x1ff };
        mb.eobs[Y2] = 3;
        mb.eobs[5] = 4;
        mb.eobs[21] = 1;
        let (above, left) = for_each_block(&mb, |_, _, _, _| ());
        // Column 1 and row 1 of Y were followed by empty blocks; the first row of V ends with one
        // that is not.
        assert_eq!((above, left), (0x100, 0x140));
    }
}
