//! Minimal AV1 parsing to check temporal units before a decoder sees them: OBUs, sizes, formats.
//!
//! AV1 Bitstream & Decoding Process Specification, sections 5.3 to 5.9.

use codec_core::codec::FrameKind;
use codec_core::error::Corrupt;
use codec_core::frame::{SampleFormat, Sampling, Size};

const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

/// An open bitstream unit (OBU) in a packet.
#[derive(Clone, Copy, Debug)]
struct Obu<'a> {
    kind: u8,
    /// The whole unit with header and size field.
    whole: &'a [u8],
    payload: &'a [u8],
}

/// Fields of a sequence header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    /// Maximum frame size.
    pub(super) max_size: Size,
    pub(super) profile: u8,
    pub(super) bit_depth: u8,
    pub(super) is_monochrome: bool,
    /// Whether chroma is subsampled horizontally and vertically.
    pub(super) subsampling: [bool; 2],
    is_reduced: bool,
}

/// Summary of a temporal unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) sequence: Option<Sequence>,
    /// Type of the shown frame, or of the first frame if none is shown.
    pub(super) kind: Option<FrameKind>,
    pub(super) is_shown: bool,
}

/// Summarises a temporal unit. `known` is the previous sequence header.
pub(super) fn summarise(data: &[u8], known: Option<Sequence>) -> Result<Summary, Corrupt> {
    let mut summary = Summary::default();
    let mut sequence = known;
    for obu in obus(data) {
        let obu = obu?;
        match obu.kind {
            SEQUENCE_HEADER => {
                let parsed = Sequence::parse(obu.payload).ok_or(Corrupt::Other {
                    what: "a complete AV1 sequence header",
                    offset_bytes: offset(data, obu.payload),
                })?;
                sequence = Some(parsed);
                summary.sequence = sequence;
            }
            FRAME | FRAME_HEADER => {
                let is_reduced = sequence.is_some_and(|sequence| sequence.is_reduced);
                let (kind, shown) = frame_kind(obu.payload, is_reduced);
                if summary.kind.is_none() || shown {
                    summary.kind = Some(kind);
                }
                summary.is_shown |= shown;
            }
            _ => {}
        }
    }
    Ok(summary)
}

/// Returns the sequence header with its OBU header, for the codec configuration.
#[cfg(feature = "av1")]
pub(super) fn sequence_obu(data: &[u8]) -> Option<(&[u8], Sequence)> {
    let mut found = obus(data).map_while(Result::ok).filter(|obu| obu.kind == SEQUENCE_HEADER);
    let obu = found.next()?;
    Some((obu.whole, Sequence::parse(obu.payload)?))
}

/// Returns the type of a frame and whether it is shown, from the start of its header (section
/// 5.9.2). A repeated frame counts as an inter frame.
fn frame_kind(payload: &[u8], is_reduced: bool) -> (FrameKind, bool) {
    let mut bits = Bits::new(payload);
    if is_reduced {
        return (FrameKind::Key, true);
    }
    if bits.flag() {
        return (FrameKind::Inter, true);
    }
    let kind = if bits.take(2) == 0 { FrameKind::Key } else { FrameKind::Inter };
    (kind, bits.flag())
}

fn offset(data: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(data.as_ptr() as usize)
}

/// Returns the OBUs of a packet (section 5.3).
fn obus(data: &[u8]) -> impl Iterator<Item = Result<Obu<'_>, Corrupt>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = data.len() - rest.len();
        let Some(obu) = split(rest) else {
            rest = &[];
            let what = "an OBU that ends within the packet";
            return Some(Err(Corrupt::Other { what, offset_bytes: at }));
        };
        rest = &rest[obu.whole.len()..];
        Some(Ok(obu))
    })
}

/// Returns the first OBU.
fn split(data: &[u8]) -> Option<Obu<'_>> {
    let header = *data.first()?;
    let has_extension = header & 4 != 0;
    let has_size = header & 2 != 0;
    let is_forbidden = header & 0x80 != 0;
    let start = 1 + usize::from(has_extension);
    let body = data.get(start..).filter(|_| !is_forbidden)?;
    let (size, size_bytes) = if has_size { leb128(body)? } else { (body.len(), 0) };
    let payload = body.get(size_bytes..)?.get(..size)?;
    let whole = &data[..start + size_bytes + size];
    Some(Obu { kind: header >> 3 & 15, whole, payload })
}

/// Reads a LEB128 number; returns it and its length (section 4.10.5).
fn leb128(data: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_u64;
    for (index, &byte) in data.iter().enumerate().take(8) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, index + 1));
        }
    }
    None
}

impl Sequence {
    /// Returns bit depth and chroma subsampling.
    pub(super) fn format(&self) -> SampleFormat {
        let sampling = match (self.is_monochrome, self.subsampling) {
            (true, _) => Sampling::Yuv400,
            (false, [true, true]) => Sampling::Yuv420,
            (false, [true, false]) => Sampling::Yuv422,
            // The specification has no 4:4:0.
            (false, [false, _]) => Sampling::Yuv444,
        };
        SampleFormat::new(self.bit_depth, sampling)
    }

    /// Parses a sequence header. Section 5.5.
    fn parse(payload: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(payload);
        let profile = bits.byte(3);
        bits.take(1); // still_picture
        let is_reduced = bits.flag();
        if is_reduced {
            bits.take(5);
        } else {
            skip_operating_points(&mut bits);
        }
        let width_bits = bits.take(4) + 1;
        let height_bits = bits.take(4) + 1;
        let max_size = Size::new(bits.take(width_bits) + 1, bits.take(height_bits) + 1);
        if !is_reduced && bits.flag() {
            bits.take(4 + 3); // lengths of frame ids
        }
        bits.take(3); // superblocks, filter intra, intra edges
        if !is_reduced {
            skip_inter_tools(&mut bits);
        }
        bits.take(3); // superres, CDEF, restoration
        let has_high_depth = bits.flag();
        let has_twelve = profile == 2 && has_high_depth && bits.flag();
        let is_monochrome = profile != 1 && bits.flag();
        let mut is_rgb = false;
        if bits.flag() {
            let description = bits.take(24);
            is_rgb = description == 0x01_0d_00;
        }
        let subsampling = match profile {
            _ if is_monochrome => [true, true],
            _ if is_rgb => [false, false],
            0 => [bits.take(1), 1].map(|_| true),
            1 => [false, false],
            _ if !has_twelve => [true, false],
            _ => {
                bits.take(1); // range
                let columns = bits.flag();
                [columns, columns && bits.flag()]
            }
        };
        let bit_depth = match (has_high_depth, has_twelve) {
            (false, _) => 8,
            (true, false) => 10,
            (true, true) => 12,
        };
        let sequence =
            Self { max_size, profile, bit_depth, is_monochrome, subsampling, is_reduced };
        (!bits.is_past_end).then_some(sequence)
    }
}

fn skip_operating_points(bits: &mut Bits<'_>) {
    let mut delay_bits = 0;
    if bits.flag() {
        bits.take(32); // num_units_in_display_tick
        bits.take(32); // time_scale
        if bits.flag() {
            bits.skip_uvlc();
        }
        if bits.flag() {
            delay_bits = bits.take(5) + 1;
            bits.take(32); // num_units_in_decoding_tick
            bits.take(10); // lengths of times
        }
    }
    let has_display_delay = bits.flag();
    let points = bits.take(5) + 1;
    for _ in 0..points {
        bits.take(12); // operating_point_idc
        if bits.take(5) > 7 {
            bits.take(1); // tier
        }
        if delay_bits > 0 && bits.flag() {
            bits.take(delay_bits);
            bits.take(delay_bits);
            bits.take(1);
        }
        if has_display_delay && bits.flag() {
            bits.take(4);
        }
    }
}

fn skip_inter_tools(bits: &mut Bits<'_>) {
    bits.take(4); // interintra, masks, warps, dual filters
    let has_order_hint = bits.flag();
    if has_order_hint {
        bits.take(2);
    }
    let has_screen_tools = bits.flag() || bits.flag();
    if has_screen_tools && !bits.flag() {
        bits.take(1); // seq_force_integer_mv
    }
    if has_order_hint {
        bits.take(3);
    }
}

/// Bit reader, most significant bit first. Reads zeros past the end and records the overrun.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    is_past_end: bool,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, is_past_end: false }
    }

    /// Reads at most 32 bits.
    fn take(&mut self, count: u32) -> u32 {
        (0..count).fold(0, |value, _| {
            let byte = self.data.get(self.at / 8).copied();
            self.is_past_end |= byte.is_none();
            let bit = byte.unwrap_or(0) >> (7 - self.at % 8) & 1;
            self.at += 1;
            value << 1 | u32::from(bit)
        })
    }

    fn flag(&mut self) -> bool {
        self.take(1) == 1
    }

    fn byte(&mut self, count: u32) -> u8 {
        self.take(count).to_le_bytes()[0]
    }

    /// Skips a variable-length unsigned number. Section 4.10.3.
    fn skip_uvlc(&mut self) {
        let mut zeros = 0;
        while zeros < 32 && !self.flag() {
            zeros += 1;
        }
        if zeros < 32 {
            self.take(zeros);
        }
    }
}
