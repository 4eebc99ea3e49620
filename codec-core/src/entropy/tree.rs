//! Tree-coded values. RFC 6386, section 8.1.

use super::{BoolDecoder, BoolSink};

/// A tree in the standard's form.
///
/// Entries `2n` and `2n + 1` are the successors of node `n` for `false` and `true`: a positive
/// entry is another index, zero or a negative entry a leaf with the negated value.
///
/// ```
/// use codec_core::entropy::{BoolDecoder, BoolEncoder, Tree};
///
/// // Node 0: `false` is leaf 0, `true` leads to node 1; node 1: leaves 1 and 2.
/// static SIZES: Tree<4, 3> = Tree::new([0, 2, -1, -2]);
/// let probs = [128, 200];
/// let mut encoder = BoolEncoder::default();
/// SIZES.write(&mut encoder, &probs, 2);
/// let bytes = encoder.finish();
/// assert_eq!(SIZES.parse(&mut BoolDecoder::new(&bytes), &probs), 2);
/// ```
#[derive(Debug)]
pub struct Tree<const NODES2: usize, const LEAVES: usize> {
    branches: [i8; NODES2],
    /// Path to each leaf: its bits, the first one highest, and their number.
    codes: [(u8, u8); LEAVES],
}

/// Returns the paths to the leaves of a tree.
#[must_use]
pub const fn tree_codes<const NODES2: usize, const LEAVES: usize>(
    branches: &[i8; NODES2],
) -> [(u8, u8); LEAVES] {
    let mut codes = [(0, 0); LEAVES];
    // Children come after their parents, so a single pass suffices.
    let mut paths = [(0, 0); NODES2];
    let mut at = 0;
    while at < NODES2 {
        let (bits, len) = paths[at & !1];
        let path = (bits << 1 | !at.is_multiple_of(2) as u8, len + 1);
        let to = branches[at];
        if to > 0 {
            paths[to.unsigned_abs() as usize] = path;
        } else {
            codes[to.unsigned_abs() as usize] = path;
        }
        at += 1;
    }
    codes
}

impl<const NODES2: usize, const LEAVES: usize> Tree<NODES2, LEAVES> {
    /// Creates a tree from its branches.
    #[must_use]
    pub const fn new(branches: [i8; NODES2]) -> Self {
        let codes = tree_codes(&branches);
        Self { branches, codes }
    }

    /// Reads a leaf's value; `probs` has one probability per node.
    ///
    /// # Panics
    /// If `probs` is too short.
    #[inline(always)]
    pub fn parse(&self, reader: &mut BoolDecoder<'_>, probs: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let to = self.branches[at + usize::from(reader.get_bool(probs[at >> 1]))];
            at = usize::from(to.unsigned_abs());
            if to <= 0 {
                return at;
            }
        }
    }

    /// Writes the path to leaf `value`.
    ///
    /// # Panics
    /// If there is no such leaf, or `probs` is too short.
    #[inline]
    pub fn write<S: BoolSink>(&self, sink: &mut S, probs: &[u8], value: usize) {
        let (bits, len) = self.codes[value];
        let mut at = 0;
        for n in (0..len).rev() {
            let bit = (bits >> n) & 1 != 0;
            sink.put_bool(bit, probs[at >> 1]);
            at = usize::from(self.branches[at + usize::from(bit)].unsigned_abs());
        }
    }
}
