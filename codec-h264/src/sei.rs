//! Supplemental enhancement information. ITU-T H.264, clauses 7.3.2.3 and D.1.

use crate::bits::BitWriter;
use crate::nal::{NalHeader, NalType};
use crate::syntax::SyntaxReader;

/// The recovery point message: `payloadType` 6.
const RECOVERY_POINT: u32 = 6;

/// Where decoding can start without an IDR picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// `recovery_frame_cnt`: number of frames after which the content is correct.
    pub frame_count: u32,
}

impl RecoveryPoint {
    /// Finds the message in an unescaped SEI payload. `None` if it has none or is damaged.
    ///
    /// ```
    /// use codec_h264::sei::RecoveryPoint;
    ///
    /// // A message of another type, then a recovery point: ue(2), three flags, alignment.
    /// let rbsp = [5, 1, 99, 6, 1, 0b0110_0100, 0x80];
    /// assert_eq!(RecoveryPoint::find(&rbsp), Some(RecoveryPoint { frame_count: 2 }));
    /// ```
    #[must_use]
    pub fn find(rbsp: &[u8]) -> Option<Self> {
        let mut rest = rbsp;
        // The last byte has the stop bit.
        while rest.len() > 2 {
            let kind = read_number(&mut rest)?;
            let size = usize::try_from(read_number(&mut rest)?).ok()?;
            let (message, after) = rest.split_at_checked(size)?;
            if kind == RECOVERY_POINT {
                let mut reader = SyntaxReader::new(message, None);
                let frame_count = reader.ue("recovery_frame_cnt", 0..=65535).ok()?;
                return Some(Self { frame_count });
            }
            rest = after;
        }
        None
    }

    /// Writes an SEI payload with this message alone, with trailing bits. Decoding from here on
    /// gives exactly the same frames.
    ///
    /// ```
    /// use codec_h264::bits::BitWriter;
    /// use codec_h264::sei::RecoveryPoint;
    ///
    /// let mut bits = BitWriter::default();
    /// RecoveryPoint { frame_count: 60 }.write(&mut bits);
    /// assert_eq!(RecoveryPoint::find(bits.bytes()), Some(RecoveryPoint { frame_count: 60 }));
    /// ```
    pub fn write(self, bits: &mut BitWriter) {
        let mut message = BitWriter::default();
        // exact_match_flag, broken_link_flag, changing_slice_group_idc
        message.ue(self.frame_count).flag(true).flag(false).u(2, 0);
        if !message.bits().is_multiple_of(8) {
            message.trailing();
        }
        let message = message.bytes();
        let size = u32::try_from(message.len()).unwrap_or(0);
        bits.u(8, RECOVERY_POINT).u(8, size).append(message).trailing();
    }

    /// Appends a NAL unit with this message to a stream in Annex B format.
    pub fn write_unit(self, out: &mut Vec<u8>) {
        let mut bits = BitWriter::default();
        self.write(&mut bits);
        NalHeader { ref_idc: 0, nal_type: NalType::Sei }.write_unit(bits.bytes(), out);
    }
}

/// Reads a number that is coded as a sum of bytes: each 255 continues it.
fn read_number(data: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u32;
    loop {
        let (&byte, rest) = data.split_first()?;
        *data = rest;
        number = number.checked_add(u32::from(byte))?;
        if byte != 255 {
            return Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_messages_have_no_recovery_point() {
        assert_eq!(RecoveryPoint::find(&[]), None);
        assert_eq!(RecoveryPoint::find(&[255, 255, 255]), None);
        assert_eq!(RecoveryPoint::find(&[6, 9, 0x80, 0x80]), None);
        assert_eq!(RecoveryPoint::find(&[6, 1, 0, 0x80]), None);
    }
}
