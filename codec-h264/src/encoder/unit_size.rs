//! The size of a NAL unit, with emulation prevention, while its payload is written. ITU-T H.264,
//! clause 7.4.1.

use super::write::EntropyWriter;

/// The size of a NAL unit while its payload is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UnitSize {
    /// Bytes of the payload that were examined.
    examined: usize,
    /// Emulation prevention bytes in these, and zeros at their end.
    escapes: usize,
    zeros: u8,
}

impl UnitSize {
    /// Returns how many bytes the unit has at most if its slice ends now.
    pub(super) fn at_most<E: EntropyWriter>(&mut self, entropy: &E) -> usize {
        let stored = entropy.stored();
        for &byte in stored.get(self.examined..).unwrap_or_default() {
            if self.zeros == 2 && byte <= 3 {
                (self.escapes, self.zeros) = (self.escapes + 1, 0);
            }
            self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
        }
        self.examined = stored.len();
        // An emulation prevention byte precedes at most every other byte.
        let unknown = entropy.max_bytes().saturating_sub(self.examined);
        HEADER_BYTES + self.examined + self.escapes + unknown + unknown.div_ceil(2)
    }
}

/// Header of a NAL unit.
const HEADER_BYTES: usize = 1;
