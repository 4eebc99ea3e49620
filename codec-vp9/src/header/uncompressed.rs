//! Parsing of the uncompressed header.

use codec_core::error::{Corrupt, Error};
use codec_core::frame::{Color, ColorRange, MatrixCoefficients, SampleFormat, Sampling, Size};

use super::bits::BitReader;
use super::{
    ContextHeader, ContextReset, Filter, FrameHeader, FrameType, Header, HeaderContext,
    LoopFilterDeltas, LoopFilterHeader, QuantiserHeader, ReferenceHeader, Segmentation, TileLayout,
};

const SYNC_CODE: u32 = 0x0049_8342;
/// The colour space in which the planes are G, B and R.
const SRGB: u32 = 7;

/// Fields that depend on the frame type.
struct TypeFields {
    format: SampleFormat,
    color: Option<Color>,
    size: Size,
    render_size: Size,
    refresh_slots: u8,
    references: ReferenceHeader,
}

impl Header {
    /// Parses the uncompressed header at the start of `data`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if `data` is no VP9 frame, ends in the header or refers to a slot that is
    /// empty, of another format, or of a size that cannot be scaled.
    pub fn parse(data: &[u8], context: &HeaderContext<'_>) -> Result<Self, Error> {
        let mut bits = BitReader::new(data);
        if bits.bits(2)? != 2 {
            return Err(bits.expected("a frame marker").into());
        }
        let profile = bits.byte(1)? | bits.byte(1)? << 1;
        if profile == 3 && bits.flag()? {
            return Err(Error::unsupported("VP9 profiles above 3"));
        }
        if bits.flag()? {
            let slot = bits.index(3)?;
            if context.slots[slot].is_none() {
                return Err(Corrupt::NoReference.into());
            }
            return Ok(Self::ShowExisting { slot });
        }
        Ok(Self::Frame(parse_frame(&mut bits, profile, context)?))
    }
}

fn parse_frame(
    bits: &mut BitReader<'_>,
    profile: u8,
    context: &HeaderContext<'_>,
) -> Result<FrameHeader, Error> {
    let is_key = !bits.flag()?;
    let show = bits.flag()?;
    let error_resilient = bits.flag()?;
    let (frame_type, reset) = if is_key {
        (FrameType::Key, 0)
    } else {
        let intra_only = !show && bits.flag()?;
        let reset = if error_resilient { 0 } else { bits.bits(2)? };
        (if intra_only { FrameType::IntraOnly } else { FrameType::Inter }, reset)
    };
    let fields = match frame_type {
        FrameType::Key => parse_key(bits, profile)?,
        FrameType::IntraOnly => parse_intra_only(bits, profile)?,
        FrameType::Inter => parse_inter(bits, context)?,
    };
    let is_reset = frame_type != FrameType::Inter || error_resilient;
    let contexts = parse_contexts(bits, frame_type, error_resilient, reset)?;
    let (default_deltas, default_segmentation) =
        (LoopFilterDeltas::default(), Segmentation::default());
    let (deltas, segmentation) = if is_reset {
        (&default_deltas, &default_segmentation)
    } else {
        (context.deltas, context.segmentation)
    };
    let mut references = fields.references;
    // As all state from before the frame, although the header has just set them.
    if error_resilient {
        references.sign_bias = [false; 3];
    }
    let loop_filter = LoopFilterHeader::parse(bits, *deltas)?;
    let quantiser = QuantiserHeader::parse(bits)?;
    let segmentation = Segmentation::parse(bits, segmentation)?;
    let tiles = TileLayout::parse(bits, fields.size)?;
    let compressed_bytes = bits.bits(16)? as usize;
    if compressed_bytes == 0 {
        return Err(bits.expected("a compressed header").into());
    }
    Ok(FrameHeader {
        profile,
        frame_type,
        show,
        error_resilient,
        format: fields.format,
        color: fields.color,
        size: fields.size,
        render_size: fields.render_size,
        refresh_slots: fields.refresh_slots,
        references,
        contexts,
        loop_filter,
        quantiser,
        segmentation,
        tiles,
        header_bytes: bits.used_bytes(),
        compressed_bytes,
    })
}

fn parse_key(bits: &mut BitReader<'_>, profile: u8) -> Result<TypeFields, Error> {
    parse_sync_code(bits)?;
    let (format, color) = parse_color(bits, profile)?;
    let size = parse_size(bits)?;
    let render_size = bits.optional(parse_size)?.unwrap_or(size);
    let references = ReferenceHeader::default();
    let color = Some(color);
    Ok(TypeFields { format, color, size, render_size, refresh_slots: 0xff, references })
}

fn parse_intra_only(bits: &mut BitReader<'_>, profile: u8) -> Result<TypeFields, Error> {
    parse_sync_code(bits)?;
    let (format, color) = if profile > 0 {
        parse_color(bits, profile)?
    } else {
        let matrix = MatrixCoefficients::BT470BG;
        let color = Color { matrix, range: ColorRange::Limited, ..Color::default() };
        (SampleFormat::YUV420, color)
    };
    let refresh_slots = bits.byte(8)?;
    let size = parse_size(bits)?;
    let render_size = bits.optional(parse_size)?.unwrap_or(size);
    let references = ReferenceHeader::default();
    Ok(TypeFields { format, color: Some(color), size, render_size, refresh_slots, references })
}

fn parse_inter(bits: &mut BitReader<'_>, context: &HeaderContext<'_>) -> Result<TypeFields, Error> {
    let refresh_slots = bits.byte(8)?;
    let mut references = ReferenceHeader::default();
    let mut sizes = [Size::default(); 3];
    for (index, reference) in sizes.iter_mut().enumerate() {
        let slot = bits.index(3)?;
        references.slots[index] = slot;
        references.sign_bias[index] = bits.flag()?;
        let (size, format) = context.slots[slot].ok_or(Corrupt::NoReference)?;
        if format != context.format {
            return Err(bits.expected("a reference of the same bit depth and sampling").into());
        }
        *reference = size;
    }
    let mut size = None;
    for reference in sizes {
        if bits.flag()? {
            size = Some(reference);
            break;
        }
    }
    let size = match size {
        Some(size) => size,
        None => parse_size(bits)?,
    };
    if !sizes.iter().any(|&reference| can_scale(reference, size)) {
        return Err(bits.expected("a reference of 1/16 to 2 times the frame size").into());
    }
    let render_size = bits.optional(parse_size)?.unwrap_or(size);
    references.high_precision = bits.flag()?;
    references.filter = if bits.flag()? {
        None
    } else {
        const FILTERS: [Filter; 4] =
            [Filter::Smooth, Filter::Regular, Filter::Sharp, Filter::Bilinear];
        Some(FILTERS[bits.index(2)?])
    };
    let format = context.format;
    Ok(TypeFields { format, color: None, size, render_size, refresh_slots, references })
}

/// Whether frames of `size` can be predicted from a reference: in each dimension, the reference must be
/// 1/16 to 2 times as large as the frame.
#[must_use]
pub(crate) fn can_scale(reference: Size, size: Size) -> bool {
    let fits = |reference: u32, frame: u32| {
        2 * u64::from(frame) >= u64::from(reference)
            && u64::from(frame) <= 16 * u64::from(reference)
    };
    fits(reference.width, size.width) && fits(reference.height, size.height)
}

fn parse_sync_code(bits: &mut BitReader<'_>) -> Result<(), Corrupt> {
    let offset_bytes = bits.offset_bytes();
    let code = bits.bits(24)?;
    if code != SYNC_CODE {
        let [_, expected @ ..] = SYNC_CODE.to_be_bytes();
        let [_, found @ ..] = code.to_be_bytes();
        return Err(Corrupt::StartCode { offset_bytes, expected, found });
    }
    Ok(())
}

fn parse_size(bits: &mut BitReader<'_>) -> Result<Size, Corrupt> {
    Ok(Size::new(bits.bits(16)? + 1, bits.bits(16)? + 1))
}

fn parse_color(bits: &mut BitReader<'_>, profile: u8) -> Result<(SampleFormat, Color), Error> {
    let depth = match profile {
        0 | 1 => 8,
        _ if bits.flag()? => 12,
        _ => 10,
    };
    let has_sampling = profile == 1 || profile == 3;
    let space = bits.bits(3)?;
    let mut format = SampleFormat { depth, ..SampleFormat::YUV420 };
    if space == SRGB {
        if !has_sampling {
            return Err(bits.expected("a colour space other than sRGB in profile 0 or 2").into());
        }
        format.sampling = Sampling::Yuv444;
        parse_reserved(bits)?;
        let matrix = MatrixCoefficients::IDENTITY;
        return Ok((format, Color { matrix, range: ColorRange::Full, ..Color::default() }));
    }
    let range = if bits.flag()? { ColorRange::Full } else { ColorRange::Limited };
    if has_sampling {
        format.sampling = match (bits.flag()?, bits.flag()?) {
            (false, false) => Sampling::Yuv444,
            (true, false) => Sampling::Yuv422,
            (false, true) => Sampling::Yuv440,
            (true, true) => {
                return Err(bits.expected("a sampling other than 4:2:0 in profile 1 or 3").into());
            }
        };
        parse_reserved(bits)?;
    }
    let matrix = match space {
        1 => MatrixCoefficients::BT470BG,
        2 => MatrixCoefficients::BT709,
        3 => MatrixCoefficients::SMPTE170M,
        // SMPTE 240M.
        4 => MatrixCoefficients(7),
        5 => MatrixCoefficients::BT2020_NCL,
        _ => MatrixCoefficients::UNSPECIFIED,
    };
    Ok((format, Color { matrix, range, ..Color::default() }))
}

fn parse_reserved(bits: &mut BitReader<'_>) -> Result<(), Corrupt> {
    if bits.flag()? { Err(bits.expected("a reserved bit of 0")) } else { Ok(()) }
}

fn parse_contexts(
    bits: &mut BitReader<'_>,
    frame_type: FrameType,
    error_resilient: bool,
    reset: u32,
) -> Result<ContextHeader, Corrupt> {
    let (refresh, frame_parallel) =
        if error_resilient { (false, true) } else { (bits.flag()?, bits.flag()?) };
    let index = bits.index(2)?;
    let is_reset = frame_type != FrameType::Inter || error_resilient;
    let reset = match reset {
        _ if !is_reset => None,
        _ if frame_type == FrameType::Key || error_resilient => Some(ContextReset::All),
        3 => Some(ContextReset::All),
        2 => Some(ContextReset::One(index)),
        _ => Some(ContextReset::None),
    };
    let index = if is_reset { 0 } else { index };
    Ok(ContextHeader { reset, index, refresh, adapt: !error_resilient && !frame_parallel })
}
