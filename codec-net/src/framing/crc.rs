//! CRC32C (Castagnoli; RFC 3385): reflected polynomial 0x82f63b78, initial value and final XOR all
//! ones.

const POLYNOMIAL: u32 = 0x82f6_3b78;

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut state = byte;
        let mut bit = 0;
        while bit < 8 {
            state = if state & 1 == 1 { state >> 1 ^ POLYNOMIAL } else { state >> 1 };
            bit += 1;
        }
        table[byte as usize] = state;
        byte += 1;
    }
    table
}

/// An incremental checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crc32c(u32);

impl Default for Crc32c {
    fn default() -> Self {
        Self::new()
    }
}

impl Crc32c {
    /// The state before the first byte.
    #[must_use]
    pub const fn new() -> Self {
        Self(u32::MAX)
    }

    /// Continues over `bytes`.
    #[must_use]
    pub fn over(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |state, &byte| step(state, byte)))
    }

    /// The checksum.
    #[must_use]
    pub const fn value(self) -> u32 {
        !self.0
    }
}

fn step(state: u32, byte: u8) -> u32 {
    let [low, ..] = state.to_le_bytes();
    TABLE[usize::from(low ^ byte)] ^ state >> 8
}

/// Returns the checksum of `bytes`.
///
/// ```
/// assert_eq!(codec_net::framing::crc::crc32c(b"123456789"), 0xe306_9283);
/// ```
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    Crc32c::new().over(bytes).value()
}

/// The position of a single bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bit {
    /// Index of its byte.
    pub byte: usize,
    /// 0 is the lowest bit.
    pub bit: u8,
}

/// Finds the single flipped bit if `len` bytes followed by the checksum `stated` (big-endian) have
/// the checksum `found`; `None` if more than one bit is wrong. Up to 256 MiB, different bits always
/// cause different checksums.
#[must_use]
pub fn flipped_bit(len: usize, stated: u32, found: u32) -> Option<Bit> {
    let difference = stated ^ found;
    if difference.count_ones() == 1 {
        let at = difference.trailing_zeros();
        let byte = len + 3 - usize::try_from(at / 8).ok()?;
        return Some(Bit { byte, bit: u8::try_from(at % 8).ok()? });
    }
    // The effect of each bit of the last byte, then of each byte before it.
    let mut left = [0_u32; 8];
    for (bit, left) in left.iter_mut().enumerate() {
        *left = TABLE[1 << bit];
    }
    for byte in (0..len).rev() {
        if let Some(bit) = left.iter().position(|&state| state == difference) {
            return Some(Bit { byte, bit: u8::try_from(bit).ok()? });
        }
        left = left.map(|state| step(state, 0));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_match_the_standard() {
        // RFC 3720, appendix B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        let up: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&up), 0x46dd_794e);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(Crc32c::new().over(b"1234").over(b"56789").value(), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let mut bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
        let right = crc32c(&bytes);
        for at in [0, 1, 1777, 2999] {
            for bit in [0, 3, 7] {
                bytes[at] ^= 1 << bit;
                assert_eq!(flipped_bit(3000, right, crc32c(&bytes)), Some(Bit { byte: at, bit }));
                bytes[at] ^= 1 << bit;
            }
        }
        assert_eq!(flipped_bit(3000, right ^ 1 << 31, right), Some(Bit { byte: 3000, bit: 7 }));
        assert_eq!(flipped_bit(3000, right ^ 1, right), Some(Bit { byte: 3003, bit: 0 }));
        bytes[5] ^= 0x81;
        bytes[900] ^= 0x10;
        assert_eq!(flipped_bit(3000, right, crc32c(&bytes)), None);
        assert_eq!(flipped_bit(0, 3, 0), None);
    }
}
