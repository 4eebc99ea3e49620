//! The fields of NAL units that RTP depends on. ITU-T H.264, clauses 7.3.1 and 7.3.3.

use super::Units;

pub(super) const SLICE: u8 = 1;
pub(super) const PARTITION_A: u8 = 2;
pub(super) const IDR_SLICE: u8 = 5;
const SEI: u8 = 6;
pub(super) const SPS: u8 = 7;
pub(super) const PPS: u8 = 8;
const DELIMITER: u8 = 9;

/// Returns `nal_unit_type` of the first byte of a NAL unit.
pub(super) fn unit_type(header: u8) -> u8 {
    header & 31
}

/// Reads Exp-Golomb codes from the start of a NAL unit. Only its first bytes are examined.
pub(super) struct Codes {
    bits: u128,
    left: u32,
}

impl Codes {
    /// `payload`: bytes after the header of the unit, with emulation prevention.
    pub(super) fn new(payload: &[u8]) -> Self {
        let (mut bits, mut left, mut zeros) = (0_u128, 0, 0);
        for &byte in payload {
            if left == 128 {
                break;
            }
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bits = bits << 8 | u128::from(byte);
            left += 8;
        }
        // The first bit is the highest one.
        Self { bits: bits.checked_shl(128 - left).unwrap_or(0), left }
    }

    /// Reads an unsigned code (`ue(v)`).
    pub(super) fn unsigned(&mut self) -> Option<u32> {
        let zeros = self.bits.leading_zeros();
        let length = 2 * zeros + 1;
        if zeros > 31 || length > self.left {
            return None;
        }
        let value = self.bits >> (128 - length);
        self.bits <<= length;
        self.left -= length;
        u32::try_from(value - 1).ok()
    }
}

/// Fields of a slice that describe its picture and its position in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SliceHead {
    /// Whether the slice contains the first macroblock of its picture.
    pub(crate) is_first: bool,
    /// Whether it belongs to an IDR picture.
    pub(crate) is_idr: bool,
    /// Whether no other picture references this one (`nal_ref_idc` is 0).
    pub(crate) is_discardable: bool,
    /// `pic_parameter_set_id`.
    pub(crate) pps: u32,
}

impl SliceHead {
    /// Reads the header of a slice; `None` for other units. The unit may be truncated.
    pub(crate) fn read(unit: &[u8]) -> Option<Self> {
        let (&header, payload) = unit.split_first()?;
        let kind = unit_type(header);
        if ![SLICE, PARTITION_A, IDR_SLICE].contains(&kind) {
            return None;
        }
        let mut codes = Codes::new(payload);
        let first_macroblock = codes.unsigned()?;
        let _slice_type = codes.unsigned()?;
        Some(Self {
            is_first: first_macroblock == 0,
            is_idr: kind == IDR_SLICE,
            is_discardable: header & 0x60 == 0,
            pps: codes.unsigned()?,
        })
    }
}

/// Returns the first slice of a byte stream.
pub(crate) fn first_slice(stream: &[u8]) -> Option<SliceHead> {
    Units::new(stream).find_map(SliceHead::read)
}

/// Whether a packet with this first NAL unit starts an access unit, although the packet before it is
/// unknown: an access unit delimiter, a sequence parameter set, or the first slice of a picture
/// that is not an IDR picture, whose parameter sets may precede it (ITU-T H.264, clause 7.4.1.2.3).
#[must_use]
pub fn starts_access_unit(unit: &[u8]) -> bool {
    match unit.first().copied().map(unit_type) {
        Some(DELIMITER | SPS) => true,
        Some(SLICE | PARTITION_A) => SliceHead::read(unit).is_some_and(|slice| slice.is_first),
        _ => false,
    }
}

/// Like [`starts_access_unit`] for an IDR picture in a stream without parameter sets: its first
/// slice, or supplemental enhancement information.
pub(super) fn starts_without_sets(unit: &[u8]) -> bool {
    match unit.first().copied().map(unit_type) {
        Some(SEI) => true,
        Some(IDR_SLICE) => SliceHead::read(unit).is_some_and(|slice| slice.is_first),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slice_heads_are_read() {
        // Macroblock 0 (1), slice type 7 (0001000), PPS 0 (1).
        let idr = SliceHead { is_first: true, is_idr: true, is_discardable: false, pps: 0 };
        assert_eq!(SliceHead::read(&[0x65, 0x88, 0x80]), Some(idr));
        // Macroblock 1 (010), slice type 0 (1), PPS 2 (011).
        let other = SliceHead { is_first: false, is_idr: false, is_discardable: true, pps: 2 };
        assert_eq!(SliceHead::read(&[0x01, 0b0101_0110]), Some(other));
        assert_eq!(SliceHead::read(&[0x01, 0b0101_0000]), None, "ends within the PPS");
        assert_eq!(SliceHead::read(&[0x67, 0x88, 0x80]), None);
        assert_eq!(SliceHead::read(&[0x61]), None);
    }

    #[test]
    fn codes_skip_emulation_prevention() {
        // 15 zero bits, then a one: 00 01 with 15 more bits; here 00 00 03 01 is 00 00 01.
        let mut codes = Codes::new(&[0, 0, 3, 1, 0, 0, 0]);
        assert_eq!(codes.unsigned(), Some((1 << 23) - 1));
        assert_eq!(Codes::new(&[0; 40]).unsigned(), None);
        assert_eq!(Codes::new(&[]).unsigned(), None);
    }

    #[test]
    fn starts_of_access_units_are_recognised() {
        for starts in [&[0x09, 0xf0][..], &[0x67, 66], &[0x41, 0xe0]] {
            assert!(starts_access_unit(starts), "{starts:?}");
        }
        for other in [&[0x68, 1][..], &[0x65, 0x88, 0x80], &[0x41, 0x5c], &[0x06, 5], &[]] {
            assert!(!starts_access_unit(other), "{other:?}");
        }
    }
}
