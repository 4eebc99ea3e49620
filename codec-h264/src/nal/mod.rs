//! NAL units and the formats that transport them. ITU-T H.264, clause 7.3.1 and annex B; ISO/IEC
//! 14496-15.

mod length_prefixed;

pub use codec_core::annex_b::Units as AnnexBUnits;
pub use length_prefixed::LengthPrefixedUnits;

use crate::bits::escape;

/// Types of NAL units that are distinguished here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NalType {
    /// 1: a slice of a picture that is not an IDR picture.
    Slice,
    /// 2 to 4: a data partition.
    DataPartition,
    /// 5: a slice of an IDR picture.
    IdrSlice,
    /// 6: supplemental enhancement information.
    Sei,
    /// 7: a sequence parameter set.
    Sps,
    /// 8: a picture parameter set.
    Pps,
    /// 9: an access unit delimiter.
    Delimiter,
    /// 10: the end of a sequence: the next picture is an IDR picture.
    EndOfSequence,
    /// 11: the end of the stream.
    EndOfStream,
    /// Types that a decoder of the base layer ignores: filler data, extensions, auxiliary pictures.
    Other(u8),
}

impl NalType {
    /// Returns `nal_unit_type`.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Slice => 1,
            Self::DataPartition => 2,
            Self::IdrSlice => 5,
            Self::Sei => 6,
            Self::Sps => 7,
            Self::Pps => 8,
            Self::Delimiter => 9,
            Self::EndOfSequence => 10,
            Self::EndOfStream => 11,
            Self::Other(code) => code & 31,
        }
    }
}

impl From<u8> for NalType {
    fn from(code: u8) -> Self {
        match code {
            1 => Self::Slice,
            2..=4 => Self::DataPartition,
            5 => Self::IdrSlice,
            6 => Self::Sei,
            7 => Self::Sps,
            8 => Self::Pps,
            9 => Self::Delimiter,
            10 => Self::EndOfSequence,
            11 => Self::EndOfStream,
            other => Self::Other(other),
        }
    }
}

/// Bytes of a [`NalHeader`].
pub(crate) const NAL_HEADER_BYTES: usize = 1;

/// The first byte of a NAL unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NalHeader {
    /// `nal_ref_idc`: 0 to 3.
    pub ref_idc: u8,
    /// `nal_unit_type`.
    pub nal_type: NalType,
}

impl NalHeader {
    /// Splits a NAL unit into header and escaped payload. `None` if it is empty or
    /// `forbidden_zero_bit` is set.
    ///
    /// ```
    /// use codec_h264::nal::{NalHeader, NalType};
    ///
    /// let (header, payload) = NalHeader::split(&[0x67, 66, 0, 30]).unwrap();
    /// assert_eq!((header.nal_type, header.ref_idc, payload.len()), (NalType::Sps, 3, 3));
    /// assert!(NalHeader::split(&[0x80]).is_none());
    /// ```
    #[must_use]
    pub fn split(unit: &[u8]) -> Option<(Self, &[u8])> {
        let (&first, payload) = unit.split_first()?;
        let header = Self { ref_idc: first >> 5 & 3, nal_type: NalType::from(first & 31) };
        (first >> 7 == 0).then_some((header, payload))
    }

    /// Appends a NAL unit in Annex B format to `out`: start code of four bytes, header and escaped
    /// payload.
    ///
    /// ```
    /// use codec_h264::nal::{NalHeader, NalType};
    ///
    /// let mut out = vec![9];
    /// NalHeader { ref_idc: 3, nal_type: NalType::Sps }.write_unit(&[66, 0, 0, 1], &mut out);
    /// assert_eq!(out, [9, 0, 0, 0, 1, 0x67, 66, 0, 0, 3, 1]);
    /// ```
    pub fn write_unit(self, rbsp: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&[0, 0, 0, 1, (self.ref_idc & 3) << 5 | self.nal_type.code()]);
        escape(rbsp, out);
    }

    /// Returns whether this is a slice of an IDR picture.
    #[inline]
    #[must_use]
    pub fn is_idr(self) -> bool {
        self.nal_type == NalType::IdrSlice
    }
}
