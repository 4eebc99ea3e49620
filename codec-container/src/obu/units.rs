//! AV1 OBUs: their headers, the sequence header, and the configuration record of MP4 and Matroska.
//! AV1 specification, sections 5.3 to 5.5; AV1 in ISOBMFF, section 2.3.

use codec_core::frame::{Rational, SampleFormat, Sampling, Size};

use super::sequence::{DecoderModel, Tools};
use crate::bits::Bits;
use crate::rational::plausible_frame_rate;

pub(super) const SEQUENCE_HEADER: u8 = 1;
pub(super) const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;

/// A LEB128 number, and its length in bytes. AV1 specification, section 4.10.5.
pub(super) fn leb128(data: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (index, &byte) in data.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

pub(super) fn put_leb128(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = (value & 0x7F).to_le_bytes()[0];
        value >>= 7;
        out.push(if value > 0 { low | 0x80 } else { low });
        if value == 0 {
            return;
        }
    }
}

/// An OBU: its header of one or two bytes, and its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit<'a> {
    pub(super) head: u8,
    pub(super) extension: Option<u8>,
    pub(super) payload: &'a [u8],
}

impl<'a> Unit<'a> {
    pub(super) fn kind(self) -> u8 {
        self.head >> 3 & 15
    }

    /// The first OBU and the bytes after it. An OBU without a size extends to the end.
    pub(super) fn parse(data: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&head, mut rest) = data.split_first()?;
        // The highest bit must be 0.
        if head & 0x80 != 0 {
            return None;
        }
        let mut extension = None;
        if head & 4 != 0 {
            let (&byte, tail) = rest.split_first()?;
            (extension, rest) = (Some(byte), tail);
        }
        let len = if head & 2 != 0 {
            let (len, bytes) = leb128(rest)?;
            rest = &rest[bytes..];
            usize::try_from(len).ok()?
        } else {
            rest.len()
        };
        let (payload, rest) = rest.split_at_checked(len)?;
        Some((Self { head, extension, payload }, rest))
    }

    /// Appends the OBU with a size field.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        out.push(self.head | 2);
        out.extend(self.extension);
        put_leb128(out, self.payload.len());
        out.extend_from_slice(self.payload);
    }
}

/// The OBUs of a packet; stops at the first damaged one.
fn units(mut data: &[u8]) -> impl Iterator<Item = Unit<'_>> {
    std::iter::from_fn(move || {
        let (unit, rest) = Unit::parse(data)?;
        data = rest;
        Some(unit)
    })
}

/// Whether the format stores a temporal delimiter before each packet: IVF and OBU streams do, MP4
/// and Matroska must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delimiter {
    Needed,
    Forbidden,
}

/// The OBUs of `packet`, each with a size field, with or without a temporal delimiter; `None` if
/// they have that form already or cannot be separated.
pub(crate) fn with_delimiter(packet: &[u8], delimiter: Delimiter) -> Option<Vec<u8>> {
    let has = packet.first().is_some_and(|head| head >> 3 & 15 == TEMPORAL_DELIMITER);
    let wants = delimiter == Delimiter::Needed;
    let mut out = Vec::with_capacity(packet.len() + 2);
    let mut rest = packet;
    let mut changes = has != wants;
    if wants {
        out.extend_from_slice(&[TEMPORAL_DELIMITER << 3 | 2, 0]);
    }
    while !rest.is_empty() {
        let (unit, tail) = Unit::parse(rest)?;
        rest = tail;
        let is_for_streams = matches!(unit.kind(), TILE_LIST | PADDING);
        changes |= unit.head & 2 == 0 || is_for_streams && !wants;
        if unit.kind() != TEMPORAL_DELIMITER && (wants || !is_for_streams) {
            unit.put(&mut out);
        }
    }
    changes.then_some(out)
}

/// The configuration record (`av1C`) for a stream that begins with `packet`; `None` if it has no
/// sequence header.
pub(crate) fn configuration(packet: &[u8]) -> Option<Vec<u8>> {
    let unit = units(packet).find(|unit| unit.kind() == SEQUENCE_HEADER)?;
    let header = SequenceHeader::parse(unit.payload)?;
    let flag = |set: bool, bit: u8| u8::from(set) << bit;
    let mut out = vec![
        0x81,
        header.profile << 5 | header.level,
        flag(header.high_tier, 7)
            | flag(header.bits > 8, 6)
            | flag(header.bits > 10, 5)
            | flag(header.monochrome, 4)
            | flag(header.subsampled[0], 3)
            | flag(header.subsampled[1], 2)
            | header.chroma_position,
        0,
    ];
    unit.put(&mut out);
    Some(out)
}

/// Bit depth and chroma subsampling according to the sequence header in `packet`.
pub(crate) fn sample_format(packet: &[u8]) -> Option<SampleFormat> {
    let unit = units(packet).find(|unit| unit.kind() == SEQUENCE_HEADER)?;
    Some(SequenceHeader::parse(unit.payload)?.samples())
}

impl SequenceHeader {
    /// Bit depth and chroma subsampling.
    pub(super) fn samples(&self) -> SampleFormat {
        let sampling = match (self.monochrome, self.subsampled) {
            (true, _) => Sampling::Yuv400,
            (false, [true, true]) => Sampling::Yuv420,
            (false, [true, false]) => Sampling::Yuv422,
            // The specification has no 4:4:0.
            (false, [false, _]) => Sampling::Yuv444,
        };
        SampleFormat::new(self.bits, sampling)
    }
}

/// The fields of a sequence header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "fields of the header")]
pub(super) struct SequenceHeader {
    profile: u8,
    level: u8,
    high_tier: bool,
    /// Whether frame headers have the short form of still pictures.
    pub(super) reduced: bool,
    pub(super) tools: Tools,
    /// Whether frames have equal intervals, so that they state no times.
    pub(super) equal_intervals: bool,
    pub(super) decoder_model: Option<DecoderModel>,
    /// The layers of each operating point with a decoder model.
    pub(super) modelled: [Option<u32>; 32],
    /// Bits of a width and of a height in frame headers.
    pub(super) field_bits: (u32, u32),
    pub(super) bits: u8,
    pub(super) monochrome: bool,
    /// Whether chroma has half the width, and half the height, of luma.
    pub(super) subsampled: [bool; 2],
    chroma_position: u8,
    pub(super) size: Size,
    pub(super) frame_rate: Option<Rational>,
    /// Colour primaries, transfer characteristics, matrix coefficients.
    pub(super) color: [u8; 3],
    pub(super) full_range: bool,
}

impl Bits<'_> {
    /// Reads a `uvlc` number. Section 4.10.3.
    fn variable(&mut self) -> Option<u64> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros == 32 {
                return Some(u32::MAX.into());
            }
        }
        Some(u64::from(self.take(zeros)?) + (1 << zeros) - 1)
    }
}

impl SequenceHeader {
    /// Parses a sequence header. Section 5.5.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(payload);
        let profile = bits.byte(3)?;
        bits.flag()?;
        let reduced = bits.flag()?;
        let (mut level, mut high_tier, mut frame_rate) = (0, false, None);
        let (mut equal_intervals, mut decoder_model) = (false, None);
        let mut modelled = [None; 32];
        if reduced {
            level = bits.byte(5)?;
        } else {
            let mut delay_bits = None;
            if bits.flag()? {
                (frame_rate, equal_intervals) = parse_timing(&mut bits)?;
                if bits.flag()? {
                    delay_bits = Some(bits.take(5)? + 1);
                    bits.take(32)?;
                    let (removal_bits, presentation_bits) = (bits.take(5)? + 1, bits.take(5)? + 1);
                    decoder_model = Some(DecoderModel { removal_bits, presentation_bits });
                }
            }
            let has_display_delay = bits.flag()?;
            for point in 0..=bits.take(5)? {
                let layers = bits.take(12)?;
                let of_point = bits.byte(5)?;
                let tier = of_point > 7 && bits.flag()?;
                if point == 0 {
                    (level, high_tier) = (of_point, tier);
                }
                if let Some(delay_bits) = delay_bits
                    && bits.flag()?
                {
                    modelled[point as usize] = Some(layers);
                    bits.take(delay_bits)?;
                    bits.take(delay_bits)?;
                    bits.flag()?;
                }
                if has_display_delay && bits.flag()? {
                    bits.take(4)?;
                }
            }
        }
        let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
        let size = Size::new(bits.take(width_bits)? + 1, bits.take(height_bits)? + 1);
        let tools = Tools::parse(&mut bits, reduced)?;
        let header = Self {
            profile,
            level,
            high_tier,
            reduced,
            tools,
            equal_intervals,
            decoder_model,
            modelled,
            field_bits: (width_bits, height_bits),
            bits: 8,
            monochrome: false,
            subsampled: [true; 2],
            chroma_position: 0,
            size,
            frame_rate,
            color: [2; 3],
            full_range: false,
        };
        header.parse_color(&mut bits)
    }

    /// Parses the colour configuration. Section 5.5.2.
    fn parse_color(mut self, bits: &mut Bits<'_>) -> Option<Self> {
        let high = bits.flag()?;
        let twelve = self.profile == 2 && high && bits.flag()?;
        self.bits = if twelve { 12 } else { 8 + 2 * u8::from(high) };
        self.monochrome = self.profile != 1 && bits.flag()?;
        if bits.flag()? {
            self.color = [bits.byte(8)?, bits.byte(8)?, bits.byte(8)?];
        }
        if self.monochrome {
            self.full_range = bits.flag()?;
        } else if self.color == [1, 13, 0] {
            self.full_range = true;
            self.subsampled = [false; 2];
        } else {
            self.full_range = bits.flag()?;
            self.subsampled = match self.profile {
                0 => [true; 2],
                1 => [false; 2],
                _ if twelve => {
                    let across = bits.flag()?;
                    [across, across && bits.flag()?]
                }
                _ => [true, false],
            };
            if self.subsampled == [true; 2] {
                self.chroma_position = bits.byte(2)?;
            }
        }
        Some(self)
    }
}

/// Parses the timing information (section 5.5.3): the frame rate, if frame intervals are equal, and whether they are.
fn parse_timing(bits: &mut Bits<'_>) -> Option<(Option<Rational>, bool)> {
    let (units, scale) = (bits.take(32)?, bits.take(32)?);
    let ticks = if bits.flag()? { Some(bits.variable()? + 1) } else { None };
    let den = ticks.and_then(|ticks| ticks.checked_mul(units.into()));
    Some((den.and_then(|den| plausible_frame_rate(scale.into(), den)), ticks.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_are_added_and_removed() {
        let bare = [0x32, 2, 7, 8];
        let with = with_delimiter(&bare, Delimiter::Needed).unwrap();
        assert_eq!(with, [0x12, 0, 0x32, 2, 7, 8]);
        assert_eq!(with_delimiter(&with, Delimiter::Needed), None);
        assert_eq!(with_delimiter(&with, Delimiter::Forbidden).unwrap(), bare);
        // The last OBU of a sample in MP4 may have no size.
        assert_eq!(with_delimiter(&[0x30, 7, 8], Delimiter::Needed).unwrap(), with);
        assert_eq!(with_delimiter(&[0x32, 9, 7], Delimiter::Needed), None);
    }

    #[test]
    fn lengths_survive() {
        for value in [0, 127, 128, 16_384, 1 << 40] {
            let mut out = Vec::new();
            put_leb128(&mut out, value);
            assert_eq!(leb128(&out), Some((value as u64, out.len())));
        }
    }
}
