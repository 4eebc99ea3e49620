//! A digest of samples that is the same on every machine.

use codec_simd::PlaneRef;

/// Number of chains of a row: successive words belong to different ones, so that their multiplications overlap.
const CHAINS: usize = 4;

/// FNV-1a over the 64-bit words of rows, in four chains, with a shift that propagates high bits to low ones.
///
/// Each row begins with the first chain.
pub(super) struct Digest([u64; CHAINS]);

impl Default for Digest {
    fn default() -> Self {
        Self([1, 2, 3, 4].map(|chain| 0xcbf2_9ce4_8422_2325 ^ chain))
    }
}

/// `state` after `word`.
fn step(state: u64, word: u64) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let state = (state ^ word).wrapping_mul(PRIME);
    state ^ state >> 29
}

impl Digest {
    /// Adds one word to each chain, from the first one.
    fn words(&mut self, words: impl IntoIterator<Item = u64>) {
        for (state, word) in self.0.iter_mut().zip(words) {
            *state = step(*state, word);
        }
    }

    /// Adds every `spacing`th sample of each row, starting at `first`.
    pub(super) fn plane(&mut self, plane: PlaneRef<'_>, first: usize, spacing: usize) {
        for y in 0..plane.layout().height {
            let row = &plane.row(y)[first..];
            if spacing == 1 {
                self.row(row);
            } else {
                for group in row.chunks(8 * CHAINS * spacing) {
                    self.words(group.chunks(8 * spacing).map(|one| {
                        let mut bytes = [0; 8];
                        let samples = one.iter().step_by(spacing);
                        bytes.iter_mut().zip(samples).for_each(|(byte, sample)| *byte = *sample);
                        u64::from_le_bytes(bytes)
                    }));
                }
            }
        }
    }

    /// Adds a row of samples.
    fn row(&mut self, row: &[u8]) {
        let (groups, rest) = row.as_chunks::<{ 8 * CHAINS }>();
        for group in groups {
            let (words, _) = group.as_chunks();
            self.words(words.iter().map(|word| u64::from_le_bytes(*word)));
        }
        self.words(rest.chunks(8).map(|some| {
            let mut bytes = [0; 8];
            bytes[..some.len()].copy_from_slice(some);
            u64::from_le_bytes(bytes)
        }));
    }

    /// Adds all samples of each row, the lower byte first.
    pub(super) fn plane16(&mut self, plane: PlaneRef<'_, u16>) {
        for y in 0..plane.layout().height {
            for group in plane.row(y).chunks(4 * CHAINS) {
                self.words(group.chunks(4).map(|some| {
                    some.iter().rev().fold(0, |word, sample| word << 16 | u64::from(*sample))
                }));
            }
        }
    }

    /// Returns the digest.
    pub(super) fn value(self) -> u64 {
        self.0.into_iter().reduce(step).unwrap_or_default()
    }
}
