//! Coefficient tokens: parser, writer, statistics and probability adaptation. RFC 6386, section 13.

mod adapt;
mod parse;
mod token;
mod write;

pub(crate) use adapt::BranchCounter;
pub use adapt::{CoeffCounts, adapt_coeff_probs, count_block_tokens};
pub use parse::{BlockProbs, MbCoeffs, TokenProbs, parse_block, parse_macroblock};
pub use token::{TOKENS, Token, empty_block, leaf_of, small_tokens, walk_block, write_token};
pub use write::{token_cost_q8, write_block_tokens};

/// Block type, in the order of the probability tables. Section 13.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PlaneType {
    /// Luma whose DC is in the Y2 block: scan positions 1 to 15.
    LumaAfterY2,
    /// The luma DCs of a macroblock.
    Y2,
    /// U or V.
    Chroma,
    /// Luma including its DC.
    Luma,
}

impl PlaneType {
    /// Returns the scan position of the first coefficient.
    #[must_use]
    pub fn first(self) -> usize {
        usize::from(self == Self::LumaAfterY2)
    }
}

/// Flags of the blocks along one side of a macroblock that have coefficients: bits 0..4 luma, 4..6
/// U, 6..8 V, 8 Y2.
///
/// A bottom side is ordered left to right, a right side top to bottom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideFlags(pub u16);

impl SideFlags {
    const Y2: u16 = 1 << 8;

    /// Updates the flags after a macroblock without coefficients. The Y2 flag is kept if the
    /// macroblock has no Y2 block.
    #[inline]
    pub fn clear(&mut self, has_y2: bool) {
        self.0 &= if has_y2 { 0 } else { Self::Y2 };
    }

    /// Returns 1 if flag `bit` is set, otherwise 0.
    #[inline]
    #[must_use]
    pub fn get(self, bit: usize) -> usize {
        usize::from(self.0 >> bit & 1)
    }

    /// Sets or clears flag `bit`.
    #[inline]
    pub fn set(&mut self, bit: usize, on: bool) {
        self.0 = self.0 & !(1 << bit) | u16::from(on) << bit;
    }
}

/// Index in [`SideFlags`] of each block's column (`.0`, above) and row (`.1`, left): sixteen luma
/// blocks, four of U, four of V, Y2.
pub static BLOCK_FLAGS: [(u8, u8); 25] = block_flags();

const fn block_flags() -> [(u8, u8); 25] {
    let mut flags = [(8, 8); 25];
    let mut n = 0;
    while n < 24 {
        flags[n as usize] = if n < 16 {
            (n % 4, n / 4)
        } else {
            let base = 4 + (n - 16) / 4 * 2;
            (base + n % 2, base + n % 4 / 2)
        };
        n += 1;
    }
    flags
}

#[cfg(test)]
mod tests;
