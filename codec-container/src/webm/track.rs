//! Track entries: parse. RFC 9559, section 5.1.4.

use codec_core::codec::Codec;
use codec_core::frame::{
    Color, ColorPrimaries, ColorRange, MatrixCoefficients, Rational, Rotation, Size,
    TransferCharacteristics,
};

use super::ebml::{Elements, float, uint};
use super::ids;
use crate::rational::{frame_rate_from_ns, reduced};
use crate::{Error, Format, Result, VideoTrack, Warning};

const TRACK_TYPE_VIDEO: u64 = 1;
const ALGO_HEADER_STRIPPING: u64 = 3;
/// Longest header put back before each frame: real files strip a few bytes, and the copy is made
/// for every frame.
const MAX_STRIPPED_BYTES: usize = 256;

/// The video track that is read.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) number: u64,
    pub(super) stream: VideoTrack,
    /// Bytes that every frame begins with and that blocks leave out.
    pub(super) stripped: Vec<u8>,
    /// Nanoseconds per frame, or 0.
    pub(super) default_duration_ns: u64,
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::unsupported(Format::WebM, what.into())
}

/// The first video track in the payload of a `Tracks` element.
pub(super) fn find_video(tracks: &[u8], time_base: Rational) -> Result<Selected> {
    let entries =
        Elements(tracks).filter(|(id, _)| *id == ids::TRACK_ENTRY).map(|(_, entry)| entry);
    let is_video = |entry: &&[u8]| child_uint(entry, ids::TRACK_TYPE) == Some(TRACK_TYPE_VIDEO);
    let entry =
        entries.clone().find(is_video).ok_or_else(|| unsupported("a file without video is"))?;
    let mut track = parse_entry(entry, time_base)?;
    let count = entries.count() - 1;
    if count > 0 {
        track.stream.warnings.push(Warning::TracksIgnored { count });
    }
    Ok(track)
}

fn child(parent: &[u8], wanted: u32) -> Option<&[u8]> {
    Elements(parent).find(|(id, _)| *id == wanted).map(|(_, payload)| payload)
}

fn child_uint(parent: &[u8], wanted: u32) -> Option<u64> {
    uint(child(parent, wanted)?)
}

fn child_float(parent: &[u8], wanted: u32) -> Option<f64> {
    float(child(parent, wanted)?)
}

fn parse_entry(entry: &[u8], time_base: Rational) -> Result<Selected> {
    let name = child(entry, ids::CODEC_ID).unwrap_or_default();
    let codec = match name.trim_ascii_end() {
        b"V_VP8" => Codec::Vp8,
        b"V_VP9" => Codec::Vp9,
        b"V_AV1" => Codec::Av1,
        b"V_MPEG4/ISO/AVC" => Codec::H264,
        other => return Err(unsupported(format!("codec {} is", other.escape_ascii()))),
    };
    let video = child(entry, ids::VIDEO).unwrap_or_default();
    let side = |id| {
        child_uint(video, id)
            .and_then(|side| u32::try_from(side).ok())
            .filter(|&side| side > 0)
            .ok_or_else(|| {
                let found = child_uint(video, id).map_or("none".into(), |side| side.to_string());
                Error::corrupt(Format::WebM, 0, None, "a picture size above 0", found)
            })
    };
    let size = Size::new(side(ids::PIXEL_WIDTH)?, side(ids::PIXEL_HEIGHT)?);
    let mut stream = VideoTrack::new(Format::WebM, codec, size, time_base);
    let default_duration_ns = child_uint(entry, ids::DEFAULT_DURATION).unwrap_or(0);
    stream.frame_rate = frame_rate_from_ns(default_duration_ns);
    stream.codec_private = child(entry, ids::CODEC_PRIVATE).unwrap_or_default().to_vec();
    parse_video(video, &mut stream);
    let number = child_uint(entry, ids::TRACK_NUMBER).unwrap_or(1);
    let stripped = parse_encodings(entry)?;
    Ok(Selected { number, stream, stripped, default_duration_ns })
}

fn parse_video(video: &[u8], stream: &mut VideoTrack) {
    if child_uint(video, ids::FLAG_INTERLACED) == Some(1) {
        stream.refuse("interlaced video is");
    }
    if child_uint(video, ids::ALPHA_MODE).is_some_and(|mode| mode != 0) {
        stream.warnings.push(Warning::AlphaIgnored);
    }
    let crops =
        [ids::PIXEL_CROP_BOTTOM, ids::PIXEL_CROP_TOP, ids::PIXEL_CROP_LEFT, ids::PIXEL_CROP_RIGHT];
    if crops.iter().any(|&id| child_uint(video, id).is_some_and(|crop| crop != 0)) {
        stream.warnings.push(Warning::CropIgnored);
    }
    stream.info.pixel_aspect = parse_aspect(video, stream.size);
    if let Some(colour) = child(video, ids::COLOUR) {
        parse_colour(colour, stream);
    }
    if let Some(projection) = child(video, ids::PROJECTION) {
        stream.info.rotation = parse_rotation(projection);
    }
}

/// Pixel aspect from the display size, if that is stated in pixels or as an aspect ratio.
fn parse_aspect(video: &[u8], size: Size) -> Option<Rational> {
    let wide = child_uint(video, ids::DISPLAY_WIDTH);
    let high = child_uint(video, ids::DISPLAY_HEIGHT);
    let unit = child_uint(video, ids::DISPLAY_UNIT).unwrap_or(0);
    if unit > 3 || wide.is_none() && high.is_none() {
        return None;
    }
    let wide = wide.unwrap_or(size.width.into()).checked_mul(size.height.into())?;
    let high = high.unwrap_or(size.height.into()).checked_mul(size.width.into())?;
    reduced(wide, high)
}

fn parse_colour(colour: &[u8], stream: &mut VideoTrack) {
    let code = |id| {
        let code = child_uint(colour, id).and_then(|code| u8::try_from(code).ok());
        code.unwrap_or(2)
    };
    stream.info.color = Color {
        primaries: ColorPrimaries(code(ids::PRIMARIES)),
        transfer: TransferCharacteristics(code(ids::TRANSFER_CHARACTERISTICS)),
        matrix: MatrixCoefficients(code(ids::MATRIX_COEFFICIENTS)),
        range: match child_uint(colour, ids::RANGE) {
            Some(1) => ColorRange::Limited,
            Some(2) => ColorRange::Full,
            _ => ColorRange::Unspecified,
        },
    };
    stream.refuse_hdr();
    let bits = child_uint(colour, ids::BITS_PER_CHANNEL).unwrap_or(0);
    if bits > 8 {
        stream.refuse(format!("{bits}-bit video is"));
    }
    let horizontal = child_uint(colour, ids::CHROMA_SUBSAMPLING_HORZ);
    let vertical = child_uint(colour, ids::CHROMA_SUBSAMPLING_VERT);
    match (horizontal, vertical) {
        (Some(1), Some(0)) => stream.refuse("4:2:2 chroma is"),
        (Some(0), Some(0)) => stream.refuse("4:4:4 chroma is"),
        _ => {}
    }
}

/// Rotation of a rectangular projection; its roll counts counter-clockwise.
fn parse_rotation(projection: &[u8]) -> Rotation {
    let zero = |id| child_float(projection, id).is_none_or(|angle| angle.abs() < 0.5);
    let rectangular = child_uint(projection, ids::PROJECTION_TYPE).unwrap_or(0) == 0;
    if !rectangular || !zero(ids::PROJECTION_POSE_YAW) || !zero(ids::PROJECTION_POSE_PITCH) {
        return Rotation::None;
    }
    let roll = child_float(projection, ids::PROJECTION_POSE_ROLL).unwrap_or(0.0);
    let turns = [(0, 0.0), (-90, 90.0), (-180, 180.0), (-180, -180.0), (-270, -90.0)];
    let near = turns.iter().find(|(_, angle): &&(i32, f64)| (roll - angle).abs() < 0.5);
    near.and_then(|&(degrees, _)| Rotation::from_degrees(degrees)).unwrap_or_default()
}

/// The bytes that header stripping leaves out; other compression and encryption are refused.
fn parse_encodings(entry: &[u8]) -> Result<Vec<u8>> {
    let Some(encodings) = child(entry, ids::CONTENT_ENCODINGS) else { return Ok(Vec::new()) };
    let mut stripped = Vec::new();
    for (id, encoding) in Elements(encodings) {
        if id != ids::CONTENT_ENCODING {
            continue;
        }
        if child_uint(encoding, ids::CONTENT_ENCODING_TYPE) == Some(1) {
            return Err(unsupported("an encrypted track is"));
        }
        let compression = child(encoding, ids::CONTENT_COMPRESSION).unwrap_or_default();
        let algo = child_uint(compression, ids::CONTENT_COMP_ALGO).unwrap_or(0);
        if algo != ALGO_HEADER_STRIPPING {
            let name = ["zlib", "bzlib", "lzo1x"]
                .get(usize::try_from(algo).unwrap_or(usize::MAX))
                .unwrap_or(&"an unknown method");
            return Err(unsupported(format!("a track compressed by {name} is")));
        }
        // Scope 2 means the set-up data alone.
        if child_uint(encoding, ids::CONTENT_ENCODING_SCOPE).unwrap_or(1) & 1 == 1 {
            let settings = child(compression, ids::CONTENT_COMP_SETTINGS).unwrap_or_default();
            if settings.len() > MAX_STRIPPED_BYTES {
                return Err(unsupported("a track that strips so long a header is"));
            }
            stripped = settings.to_vec();
        }
    }
    Ok(stripped)
}
