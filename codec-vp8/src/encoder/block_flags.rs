//! Flags that say which blocks have coefficients, and the token contexts that follow from the
//! neighbouring blocks, computed for all blocks of a macroblock at once. RFC 6386, section 13.3.

use super::levels::{CHROMA, CodedMb, LUMA_AFTER_Y2, LUMA_WHOLE, LUMA_Y2, Y2};
use crate::residual::empty_block;

/// Flags by block: 16 of Y, 4 of U, 4 of V, Y2, starting at bit 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockFlags {
    /// The block has coefficients (for luma with a Y2 block: beyond its DC).
    pub(super) coded: u32,
    /// The block above has coefficients.
    above: u32,
    /// The block to the left has coefficients.
    left: u32,
    has_y2: bool,
}

/// Bit of Y2 in the side flags.
const Y2_SIDE: u32 = 1 << 8;

impl BlockFlags {
    pub(super) fn of(mb: &CodedMb) -> Self {
        let first = u8::from(mb.has_y2);
        let luma = above_limit(&mb.eobs[..16], first);
        let chroma = above_limit(&mb.eobs[16..Y2], 0);
        let y2 = u32::from(mb.has_y2 && mb.eobs[Y2] > 0);
        let (above, left) = (u32::from(mb.above), u32::from(mb.left));
        let (mut from_above, mut from_left) = (luma << 4 | above & 0xf, luma << 1 & 0xeeee);
        from_above &= 0xffff;
        from_left |= left & 1 | (left & 2) << 3 | (left & 4) << 6 | (left & 8) << 9;
        for plane in 0..2 {
            let (own, side) = (chroma >> (4 * plane), 4 + 2 * plane);
            let lines = above >> side & 3 | (own & 3) << 2;
            let columns = left >> side & 1 | (own & 1) << 1;
            let columns = columns | (left >> side & 2) << 1 | (own & 4) << 1;
            from_above |= lines << (16 + 4 * plane);
            from_left |= columns << (16 + 4 * plane);
        }
        Self {
            coded: luma | chroma << 16 | y2 << Y2,
            above: from_above | (above & Y2_SIDE) << (Y2 - 8),
            left: from_left | (left & Y2_SIDE) << (Y2 - 8),
            has_y2: mb.has_y2,
        }
    }

    /// Returns the context of block `n`'s first token: the number of neighbours (0 to 2) with
    /// coefficients.
    pub(super) fn context(&self, n: usize) -> usize {
        (self.above >> n & 1) as usize + (self.left >> n & 1) as usize
    }

    /// Returns the flags that the macroblocks below and to the right use, in the order of
    /// [`super::row_context::AboveInfo::nonzero`].
    #[expect(clippy::cast_possible_truncation, reason = "nine bits")]
    pub(super) fn sides(&self) -> (u16, u16) {
        let n = |bit: u32| self.coded >> bit & 1;
        // Without a Y2 block, the flag of the previous Y2 block is passed on.
        let [y2_below, y2_right] =
            if self.has_y2 { [n(24); 2] } else { [self.above >> Y2 & 1, self.left >> Y2 & 1] };
        let below =
            self.coded >> 12 & 0xf | (self.coded >> 18 & 3) << 4 | (self.coded >> 22 & 3) << 6;
        let right = n(3) | n(7) << 1 | n(11) << 2 | n(15) << 3;
        let right = right | n(17) << 4 | n(19) << 5 | n(21) << 6 | n(23) << 7;
        ((below | y2_below << 8) as u16, (right | y2_right << 8) as u16)
    }

    /// Returns the token of each block if it were empty, in coding order, Y2 first; the remaining
    /// entries are unused.
    pub(super) fn empty_tokens(&self) -> [u16; 25 + 24] {
        let luma = if self.has_y2 { LUMA_AFTER_Y2 } else { LUMA_WHOLE };
        let mut tokens = [0; 25 + 24];
        tokens[0] = empty_block(usize::from(LUMA_Y2), self.context(Y2)).0;
        let fours = tokens[1..25].as_chunks_mut::<4>().0.iter_mut();
        for (four, tokens) in fours.enumerate() {
            let plane = if four < 4 { luma } else { CHROMA };
            let base = empty_block(usize::from(plane), 0).0;
            let lanes = |flags: u32| &CONTEXT_LANES[(flags >> (4 * four) & 15) as usize];
            let both = tokens.iter_mut().zip(lanes(self.above)).zip(lanes(self.left));
            both.for_each(|((token, a), l)| *token = base + a + l);
        }
        tokens
    }
}

/// Offsets that four flags add to the contexts of four tokens.
static CONTEXT_LANES: [[u16; 4]; 16] = {
    let mut lanes = [[0; 4]; 16];
    let step = empty_block(0, 1).0 - empty_block(0, 0).0;
    let mut n = 0;
    while n < 64 {
        let is_set = (n / 4) & (1 << (n % 4)) != 0;
        lanes[n / 4][n % 4] = if is_set { step } else { 0 };
        n += 1;
    }
    lanes
};

/// Returns a flag for each of `eobs` that is above `limit`, which is 0 or 1.
fn above_limit(eobs: &[u8], limit: u8) -> u32 {
    let each = u64::from(0x7f - limit) * 0x0101_0101_0101_0101;
    let (words, _) = eobs.as_chunks::<8>();
    words.iter().rev().fold(0, |flags, &eight| {
        // Each eob is at most 16, so the sum sets the highest bit of its byte without carry.
        let tells = (u64::from_le_bytes(eight) + each) >> 7 & 0x0101_0101_0101_0101;
        let gathered = tells.wrapping_mul(0x0102_0408_1020_4080) >> 56;
        flags << 8 | u32::try_from(gathered).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_and_sides_equal_a_block_by_block_computation() {
        let mut random = 7u32;
        let mut next = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) % below
        };
        for _ in 0..3000 {
            let has_y2 = next(2) == 0;
            let [above, left] = [next(512), next(512)].map(|bits| u16::try_from(bits).unwrap());
            let eobs = std::array::from_fn(|_| [0, 0, 1, 2, 16][next(5) as usize]);
            let mb = CodedMb { eobs, has_y2, above, left };
            let flags = BlockFlags::of(&mb);
            let (mut a, mut l) = (above, left);
            let empty = flags.empty_tokens();
            for n in has_y2.then_some(24).into_iter().chain(0..24) {
                let (plane, first) = match n {
                    24 => (LUMA_Y2, 0),
                    16.. => (CHROMA, 0),
                    _ if has_y2 => (LUMA_AFTER_Y2, 1),
                    _ => (LUMA_WHOLE, 0),
                };
                let (abit, lbit) = match n {
                    24 => (8, 8),
                    16.. => {
                        let base = 4 + 2 * ((n - 16) / 4);
                        (base + n % 2, base + n % 4 / 2)
                    }
                    _ => (n % 4, n / 4),
                };
                let context = usize::from(a >> abit & 1) + usize::from(l >> lbit & 1);
                assert_eq!(flags.context(n), context, "{mb:?} {n}");
                let order = if n == 24 { 0 } else { n + 1 };
                assert_eq!(empty[order], empty_block(usize::from(plane), context).0);
                let coded = eobs[n] > first;
                assert_eq!(flags.coded >> n & 1 == 1, coded);
                a = a & !(1 << abit) | u16::from(coded) << abit;
                l = l & !(1 << lbit) | u16::from(coded) << lbit;
            }
            assert_eq!(flags.sides(), (a, l), "{mb:?}");
        }
    }
}
