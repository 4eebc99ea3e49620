//! Counting and storing the tokens of coefficients. RFC 6386, section 13.

use super::store::{CodedMb, MbLevels, RowStore};
use crate::vp8::tables::BANDS;

/// Tokens: zero, 1, 2, 3, 4, six categories of larger levels, end of block.
pub(super) const TOKENS: usize = 12;

const END: usize = 11;

/// Token of each magnitude below 67; above is the last category.
static TOKEN_OF: [u8; 67] = token_table();

const fn token_table() -> [u8; 67] {
    let mut table = [0; 67];
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
}

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

    /// Counts a block of plane type `plane` that begins at scan position `first` in context
    /// `context`.
    #[inline]
    fn count(
        &mut self,
        plane: usize,
        first: usize,
        context: usize,
        levels: &[i16; 16],
        eob: usize,
    ) {
        let counts = &mut self.0[plane];
        let mut context = context;
        for n in first..eob.min(16) {
            let magnitude = usize::from(levels[n].unsigned_abs());
            let token = TOKEN_OF.get(magnitude).map_or(10, |&token| usize::from(token));
            counts[usize::from(BANDS[n])][context][token] += 1;
            context = magnitude.min(2);
        }
        if eob < 16 {
            counts[usize::from(BANDS[eob.max(first)])][context][END] += 1;
        }
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
    /// Counts and stores the levels of a macroblock that has some. Returns the masks of non-empty
    /// blocks for the neighbours below and right.
    pub(super) fn put_levels(&mut self, mb: CodedMb, levels: &MbLevels) -> (u16, u16) {
        let (counts, stored) = (&mut self.tokens, &mut self.levels);
        let masks = for_each_block(&mb, |n, plane, first, context| {
            let (block, eob) = (levels.block(n), usize::from(mb.eobs[n]));
            counts.count(plane, first, context, block, eob);
            if eob > first {
                stored.extend_from_slice(&block[first..eob.min(16)]);
            }
        });
        self.coded.push(mb);
        masks
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::Y2;
    use super::*;

    #[test]
    fn tokens_are_counted_in_the_context_of_the_level_before() {
        let mut counts = TokenCounts::default();
        let mut levels = [0; 16];
        levels[1..5].copy_from_slice(&[1, 0, -70, 2]);
        counts.count(usize::from(LUMA_AFTER_Y2), 1, 2, &levels, 5);
        let at = |n: usize, context: usize| counts.0[0][usize::from(BANDS[n])][context];
        assert_eq!(at(1, 2)[1], 1);
        assert_eq!(at(2, 1)[0], 1);
        assert_eq!(at(3, 0)[10], 1);
        assert_eq!(at(4, 2)[2], 1);
        assert_eq!(at(5, 2)[END], 1);
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
