//! Divides byte streams into access units.

use codec_core::annex_b;

const SLICE: u8 = 1;
const IDR_SLICE: u8 = 5;
const SEI: u8 = 6;
const DELIMITER: u8 = 9;

/// Collects a byte stream and finds the end of each access unit: a frame or a field, with the parameter
/// sets before it.
#[derive(Debug, Default)]
pub(crate) struct AccessUnits {
    /// Bytes from the start of the current unit on.
    bytes: Vec<u8>,
    /// Number of bytes that need not be searched for a start code again.
    scanned: usize,
    has_slice: bool,
}

impl AccessUnits {
    /// Returns the bytes from the start of the current unit on; the caller may append bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the length of the current unit, if the next one has begun.
    pub(crate) fn complete(&mut self) -> Option<usize> {
        while let Some(start) = find_start_code(&self.bytes, self.scanned) {
            // The header and the first byte of the payload decide.
            let Some(&[header, first]) = self.bytes.get(start + 3..start + 5) else { break };
            if self.has_slice && begins_unit(header, first) {
                let zeros = self.bytes[..start].iter().rev().take_while(|byte| **byte == 0).count();
                return Some(start - zeros);
            }
            self.has_slice |= matches!(header & 31, SLICE | IDR_SLICE);
            self.scanned = start + 3;
        }
        // A start code may continue in the next bytes.
        self.scanned = self.scanned.max(self.bytes.len().saturating_sub(4));
        None
    }

    /// Appends the first `length` bytes to `out`, with a start code of four bytes at the start, which
    /// cannot be mistaken for a length. The rest is the next unit.
    pub(crate) fn take(&mut self, length: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0; 3]);
        out.extend(self.bytes.drain(..length).skip_while(|byte| *byte == 0));
        self.scanned = 0;
        self.has_slice = false;
    }
}

/// Returns the position of the first start code from `from` on.
fn find_start_code(data: &[u8], from: usize) -> Option<usize> {
    annex_b::find_start_code(data.get(from..)?).map(|found| from + found)
}

/// Whether a NAL unit after a slice begins the next unit. ITU-T H.264, clause 7.4.1.2.3.
fn begins_unit(header: u8, first: u8) -> bool {
    match header & 31 {
        // `first_mb_in_slice` is 0.
        SLICE | IDR_SLICE => first & 0x80 != 0,
        SEI..=DELIMITER | 14..=18 => true,
        _ => false,
    }
}
