//! Token counts by context, for the adaptation of probabilities. RFC 6386, section 13.4.

use crate::residual::{TOKENS, Token};

/// Token counts by context; see [`Token::counter`].
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

    /// Returns the counts of the token tree's leaves for a plane type, band and context.
    pub(super) fn of(&self, plane: usize, band: usize, context: usize) -> &[u32; TOKENS] {
        let counts = self.0[16 * (24 * plane + 3 * band + context)..].first_chunk();
        counts.unwrap_or(&[0; TOKENS])
    }

    /// Counts `tokens`.
    pub(super) fn count(&mut self, tokens: &[u16]) {
        for &token in tokens {
            if let Some(count) = self.0.get_mut(Token(token).counter()) {
                *count += 1;
            }
        }
    }
}
