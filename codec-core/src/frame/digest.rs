//! A digest of samples that is equal on every machine.

use codec_simd::PlaneRef;

/// FNV-1a over 64-bit words, with a shift that propagates high bits to low ones.
pub(super) struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn word(&mut self, word: u64) {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        self.0 = (self.0 ^ word).wrapping_mul(PRIME);
        self.0 ^= self.0 >> 29;
    }

    /// Adds every `step`th sample of each row, starting at `first`.
    pub(super) fn plane(&mut self, plane: PlaneRef<'_>, first: usize, step: usize) {
        for y in 0..plane.layout().height {
            for group in plane.row(y)[first..].chunks(8 * step) {
                let mut bytes = [0; 8];
                if let (1, Ok(whole)) = (step, <&[u8; 8]>::try_from(group)) {
                    bytes = *whole;
                } else {
                    for (byte, sample) in bytes.iter_mut().zip(group.iter().step_by(step)) {
                        *byte = *sample;
                    }
                }
                self.word(u64::from_le_bytes(bytes));
            }
        }
    }

    /// Adds all samples of each row, the lower byte first.
    pub(super) fn plane16(&mut self, plane: PlaneRef<'_, u16>) {
        for y in 0..plane.layout().height {
            for group in plane.row(y).chunks(4) {
                let word =
                    group.iter().rev().fold(0, |word, sample| word << 16 | u64::from(*sample));
                self.word(word);
            }
        }
    }

    /// Returns the digest.
    pub(super) fn value(self) -> u64 {
        self.0
    }
}
