//! Counting and storing the tokens of coefficients. RFC 6386, section 13.

use super::store::{CodedMb, MbLevels, RowStore};
use crate::vp8::residual::{TOKENS, Token, small_tokens, walk_block};

/// How often each token came in each context: see [`Token::counter`].
#[derive(Clone, Debug)]
pub(super) struct TokenCounts([u32; Self::LEN]);

impl Default for TokenCounts {
    fn default() -> Self {
        Self([0; Self::LEN])
    }
}

impl TokenCounts {
    const LEN: usize = 96 * 16;

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(to, &from)| *to += from);
    }

    /// Counts of the leaves of the token tree, by plane type, band and context.
    pub(super) fn of(&self, plane: usize, band: usize, context: usize) -> &[u32; TOKENS] {
        let counts = self.0[16 * (24 * plane + 3 * band + context)..].first_chunk();
        counts.unwrap_or(&[0; TOKENS])
    }

    fn count(&mut self, tokens: &[u16]) {
        for &token in tokens {
            if let Some(count) = self.0.get_mut(Token(token).counter()) {
                *count += 1;
            }
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

/// Where tokens are counted and put together, one macroblock at a time.
#[derive(Debug)]
pub(super) struct TokenDesk {
    /// Of all macroblocks since it was last cleared.
    pub(super) counts: TokenCounts,
    /// Of one macroblock, with room for a block more.
    tokens: [u16; 25 * 17 + 16],
}

impl Default for TokenDesk {
    fn default() -> Self {
        Self { counts: TokenCounts::default(), tokens: [0; _] }
    }
}

impl RowStore {
    /// Counts and keeps the tokens of a macroblock that has coefficients. Returns the masks of
    /// non-empty blocks for the neighbours below and right.
    pub(super) fn put_levels(
        &mut self,
        mb: &CodedMb,
        levels: &MbLevels,
        desk: &mut TokenDesk,
    ) -> (u16, u16) {
        let TokenDesk { counts, tokens } = desk;
        let open = &mut self.open;
        let mut len = 0;
        let masks = for_each_block(mb, |n, plane, first, context| {
            let (block, eob) = (levels.block(n), usize::from(mb.eobs[n]).min(16));
            let Some(room) = tokens.get_mut(len..len + 16) else { return };
            if eob > first
                && let Some(small) = small_tokens(plane, block, first, eob, context)
            {
                room[..16 - first].copy_from_slice(&small[first..]);
                len += (eob + 1).min(16) - first;
                return;
            }
            walk_block(plane, block, first, eob, context, |token, extra| {
                if let Some(place) = tokens.get_mut(len) {
                    *place = token.0;
                }
                len += 1;
                if token.is_open() {
                    open.push(extra);
                }
            });
        });
        let tokens = tokens.get(..len).unwrap_or_default();
        counts.count(tokens);
        self.tokens.extend_from_slice(tokens);
        masks
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::Y2;
    use super::*;
    use crate::vp8::tables::BANDS;

    #[test]
    fn tokens_are_counted_in_the_context_of_the_level_before() {
        const END: usize = 11;
        let (mut store, mut desk) = (RowStore::with_cols(1), TokenDesk::default());
        let mut levels = MbLevels::default();
        levels.luma.0[0][1..5].copy_from_slice(&[1, 0, -70, 2]);
        let mut mb = CodedMb { eobs: [0; 25], has_y2: true, above: 3, left: 3 };
        mb.eobs[0] = 5;
        store.put_levels(&mb, &levels, &mut desk);
        let at = |n: usize, context: usize| desk.counts.of(0, usize::from(BANDS[n]), context);
        assert_eq!(at(1, 2)[1], 1);
        assert_eq!(at(2, 1)[0], 1);
        assert_eq!(at(3, 0)[10], 1);
        assert_eq!(at(4, 2)[2], 1);
        assert_eq!(at(5, 2)[END], 1);
        assert_eq!((store.tokens.len(), &store.open[..]), (24 + 5, &[70 - 67][..]));
    }

    #[test]
    fn small_levels_give_the_tokens_that_a_walk_gives() {
        let mut random = 1u32;
        let mut next = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) % below
        };
        for _ in 0..2000 {
            let (plane, context) = (next(4) as usize, next(3) as usize);
            let first = usize::from(plane == 0);
            let eob = first + 1 + next(15 - u32::from(plane == 0)) as usize;
            let most = 3 + next(3);
            let mut levels = [0; 16];
            for level in &mut levels[first..eob] {
                let magnitude = i16::try_from(next(most + 1)).unwrap();
                *level = if next(2) == 0 { magnitude } else { -magnitude };
            }
            levels[eob - 1] = if levels[eob - 1] == 0 { -1 } else { levels[eob - 1] };
            let mut walked = Vec::new();
            walk_block(plane, &levels, first, eob, context, |token, _| walked.push(token.0));
            match small_tokens(plane, &levels, first, eob, context) {
                Some(small) => assert_eq!(small[first..][..walked.len()], walked),
                None => assert!(levels.iter().any(|level| level.unsigned_abs() > 4)),
            }
        }
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
