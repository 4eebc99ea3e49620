//! Track entries: parsing. RFC 9559, section 5.1.4.

use codec_audio::opus_head::OpusHead;
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout, PcmEncoding};
use codec_core::codec::Codec;
use codec_core::frame::{
    Color, ColorPrimaries, ColorRange, FieldOrder, MatrixCoefficients, Rational, Rotation,
    SampleFormat, Sampling, Size, TransferCharacteristics,
};

use super::ebml::{Elements, child, child_float, child_uint, corrupt};
use super::{hdr, ids};
use crate::codec_names::of_codec_id;
use crate::rational::{frame_rate_from_ns, reduced};
use crate::samples::{SampleClock, SampleCounter, scaled};
use crate::wav::{FormatError, parse_format};
use crate::{
    AudioTrack, Error, Format, Result, SkippedTrack, Track, TrackKind, VideoTrack, Warning, flac,
    opus,
};

const NS_PER_SECOND: u64 = 1_000_000_000;

const TRACK_TYPE_VIDEO: u64 = 1;
const TRACK_TYPE_AUDIO: u64 = 2;
const TRACK_TYPE_SUBTITLE: u64 = 17;
const ALGO_HEADER_STRIPPING: u64 = 3;
/// Longest stripped header that is restored before each frame. Real files strip a few bytes; the limit
/// bounds what is copied for every frame.
const MAX_STRIPPED_BYTES: usize = 256;
/// Maximum number of tracks that are parsed.
const MAX_TRACKS: usize = 256;

/// The data needed to parse the blocks of a track.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) number: u64,
    /// Bytes that every frame begins with and that blocks omit (header stripping).
    pub(super) stripped: Vec<u8>,
    /// Nanoseconds per frame, or 0.
    pub(super) default_duration_ns: u64,
    /// How to compute the times of audio.
    pub(super) audio: Option<AudioState>,
}

#[derive(Debug)]
pub(super) struct AudioState {
    pub(super) rate: u32,
    pub(super) delay_ns: u64,
    /// Samples to discard at the start of the track.
    pub(super) delay: u32,
    pub(super) counter: SampleCounter,
    pub(super) clock: SampleClock,
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::unsupported(Format::WebM, what.into())
}

/// The video and audio tracks in the payload of a `Tracks` element.
pub(super) fn find_tracks(
    tracks: &[u8],
    format: Format,
    time_base: Rational,
) -> Result<(Vec<Track>, Vec<Blocks>)> {
    let entries = Elements(tracks).filter(|(id, _)| *id == ids::TRACK_ENTRY);
    let (mut found, mut blocks) = (Vec::new(), Vec::new());
    let mut refused = None;
    let mut warnings = Vec::new();
    let mut others = 0;
    for (_, entry) in entries {
        if found.len() + warnings.len() >= MAX_TRACKS {
            others += 1;
            continue;
        }
        let skipped = skipped(entry);
        let parsed = match skipped.kind {
            TrackKind::Video => parse_video_entry(entry, format, time_base),
            TrackKind::Audio => parse_audio_entry(entry, format, time_base),
            _ => {
                warnings.push(Warning::TrackSkipped(skipped));
                continue;
            }
        };
        match parsed {
            Ok((track, of_track)) => {
                found.push(track);
                blocks.push(of_track);
            }
            Err(error) => {
                warnings.push(Warning::TrackSkipped(skipped.because(&error)));
                refused.get_or_insert(error);
            }
        }
    }
    if others > 0 {
        warnings.push(Warning::TracksIgnored { count: others });
    }
    match found.first_mut() {
        Some(first) => first.warn(warnings),
        None => {
            let refused = refused.unwrap_or_else(|| match others {
                0 => corrupt(0, None, "at least one track", "none"),
                _ => unsupported("a file without video or audio"),
            });
            return Err(refused.with_tracks(warnings));
        }
    }
    Ok((found, blocks))
}

/// Describes a track that cannot be read.
fn skipped(entry: &[u8]) -> SkippedTrack {
    let kind = match child_uint(entry, ids::TRACK_TYPE) {
        Some(TRACK_TYPE_VIDEO) => TrackKind::Video,
        Some(TRACK_TYPE_AUDIO) => TrackKind::Audio,
        Some(TRACK_TYPE_SUBTITLE) => TrackKind::Subtitle,
        _ => TrackKind::Data,
    };
    let side = |id| u32::try_from(child_uint(child(entry, ids::VIDEO)?, id)?).ok();
    let size = side(ids::PIXEL_WIDTH).zip(side(ids::PIXEL_HEIGHT));
    let size = size.map(|(width, height)| Size::new(width, height));
    SkippedTrack { size, ..SkippedTrack::new(kind, codec_name(entry)) }
}

/// The common name of an entry's codec.
fn codec_name(entry: &[u8]) -> String {
    let id = child(entry, ids::CODEC_ID).unwrap_or_default();
    of_codec_id(id.trim_ascii_end(), child(entry, ids::CODEC_PRIVATE).unwrap_or_default())
}

/// Fields common to both kinds of tracks.
fn parse_blocks(entry: &[u8]) -> Result<Blocks> {
    Ok(Blocks {
        number: child_uint(entry, ids::TRACK_NUMBER).unwrap_or(1),
        stripped: parse_encodings(entry)?,
        default_duration_ns: child_uint(entry, ids::DEFAULT_DURATION).unwrap_or(0),
        audio: None,
    })
}

/// The title of a track.
fn parse_name(entry: &[u8]) -> Option<String> {
    let name = String::from_utf8_lossy(child(entry, ids::TRACK_NAME)?);
    let name = name.trim_end_matches('\0');
    (!name.is_empty()).then(|| name.to_owned())
}

fn parse_video_entry(entry: &[u8], format: Format, time_base: Rational) -> Result<(Track, Blocks)> {
    let name = child(entry, ids::CODEC_ID).unwrap_or_default();
    let codec = match name.trim_ascii_end() {
        b"V_VP8" => Codec::Vp8,
        b"V_VP9" => Codec::Vp9,
        b"V_AV1" => Codec::Av1,
        b"V_MPEG4/ISO/AVC" => Codec::H264,
        _ => return Err(unsupported(format!("codec {}", codec_name(entry)))),
    };
    let video = child(entry, ids::VIDEO).unwrap_or_default();
    let side = |id| {
        child_uint(video, id)
            .and_then(|side| u32::try_from(side).ok())
            .filter(|&side| side > 0)
            .ok_or_else(|| {
                let found = child_uint(video, id).map_or("none".into(), |side| side.to_string());
                Error::corrupt(Format::WebM, 0, None, "a frame size above 0", found)
            })
    };
    let size = Size::new(side(ids::PIXEL_WIDTH)?, side(ids::PIXEL_HEIGHT)?);
    let mut stream = VideoTrack::new(format, codec, size, time_base);
    let blocks = parse_blocks(entry)?;
    stream.frame_rate = frame_rate_from_ns(blocks.default_duration_ns);
    stream.codec_private = child(entry, ids::CODEC_PRIVATE).unwrap_or_default().to_vec();
    stream.name = parse_name(entry);
    parse_video(video, &mut stream);
    Ok((Track::Video(stream), blocks))
}

fn parse_audio_entry(entry: &[u8], format: Format, time_base: Rational) -> Result<(Track, Blocks)> {
    let name = child(entry, ids::CODEC_ID).unwrap_or_default().trim_ascii_end();
    let private = child(entry, ids::CODEC_PRIVATE).unwrap_or_default();
    let audio = child(entry, ids::AUDIO).unwrap_or_default();
    let rate = child_float(audio, ids::OUTPUT_SAMPLING_FREQUENCY)
        .or_else(|| child_float(audio, ids::SAMPLING_FREQUENCY))
        .unwrap_or(8000.0)
        .round();
    if !(1.0..=16_777_216.0).contains(&rate) {
        let found = rate.to_string();
        return Err(Error::corrupt(format, 0, None, "a sample rate above 0", found));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let rate = rate as u32;
    let channels = child_uint(audio, ids::CHANNELS).unwrap_or(1);
    let layout = usize::try_from(channels).ok().and_then(ChannelLayout::of).ok_or_else(|| {
        Error::corrupt(format, 0, None, "1 to 255 channels", channels.to_string())
    })?;
    let bits = child_uint(audio, ids::BIT_DEPTH).unwrap_or(16);
    let mut stream = match name {
        b"A_OPUS" | b"A_OPUS/EXPERIMENTAL" => match OpusHead::parse(private) {
            Ok(head) => {
                let mut track = opus::track_of(&head, format);
                track.codec_private = private.to_vec();
                track
            }
            Err(_) => {
                let audio = AudioFormat::new(opus::RATE, layout);
                AudioTrack::new(format, AudioCodec::Opus, audio)
            }
        },
        b"A_MS/ACM" => {
            let wave = parse_format(private).map_err(|refusal| match refusal {
                FormatError::Corrupt(expected, found) => {
                    Error::corrupt(format, 0, None, expected, found)
                }
                FormatError::Unsupported(what) => Error::unsupported(format, what),
            })?;
            AudioTrack::new(format, wave.codec, wave.audio)
        }
        _ => {
            let codec = codec_of(name, bits)?;
            let mut track = AudioTrack::new(format, codec, AudioFormat::new(rate, layout));
            track.codec_private = match codec {
                AudioCodec::Pcm(_) | AudioCodec::Mp3 => Vec::new(),
                // `fLaC` and the header of the first block.
                AudioCodec::Flac => {
                    let blocks = private.get(4..).unwrap_or_default();
                    flac::take_layout_of_blocks(blocks, &mut track.audio.layout);
                    let info = private.get(8..8 + flac::STREAM_INFO_BYTES).unwrap_or_default();
                    info.to_vec()
                }
                _ => private.to_vec(),
            };
            track
        }
    };
    let language = child(entry, ids::LANGUAGE).map(|name| name.trim_ascii_end());
    stream.language = language
        .filter(|name| !name.is_empty() && *name != b"und")
        .map(|name| String::from_utf8_lossy(name).into_owned());
    stream.name = parse_name(entry);
    stream.is_default = Some(child_uint(entry, ids::FLAG_DEFAULT) != Some(0));
    let rate = stream.audio.rate;
    let delay_ns = child_uint(entry, ids::CODEC_DELAY).unwrap_or(0);
    let delay = scaled(i64::try_from(delay_ns).unwrap_or(0), rate.into(), NS_PER_SECOND);
    // The Opus header has the precise pre-skip (RFC 7845, section 5.1); the delay in the track only
    // shifts times. ffmpeg counts it in samples of the original audio.
    if stream.codec != AudioCodec::Opus || stream.delay == 0 {
        stream.delay = u32::try_from(delay).unwrap_or(0);
    }
    // Allows for times that are rounded to ticks, and for programs that truncate instead.
    let tolerance = scaled(2, u64::from(rate) * u64::from(time_base.num), time_base.den.into());
    let audio = AudioState {
        rate,
        delay_ns,
        delay: stream.delay,
        counter: SampleCounter::new(&stream),
        clock: SampleClock::new(stream.delay, tolerance),
    };
    let blocks = Blocks { audio: Some(audio), ..parse_blocks(entry)? };
    Ok((Track::Audio(stream), blocks))
}

fn codec_of(name: &[u8], bits: u64) -> Result<AudioCodec> {
    let pcm = |encoding| Ok(AudioCodec::Pcm(encoding));
    match (name, bits) {
        (b"A_VORBIS", _) => Ok(AudioCodec::Vorbis),
        (b"A_FLAC", _) => Ok(AudioCodec::Flac),
        (b"A_ALAC", _) => Ok(AudioCodec::Alac),
        (b"A_MPEG/L3", _) => Ok(AudioCodec::Mp3),
        (b"A_PCM/INT/LIT", 8) => pcm(PcmEncoding::U8),
        (b"A_PCM/INT/LIT", 16) => pcm(PcmEncoding::S16Le),
        (b"A_PCM/INT/LIT", 24) => pcm(PcmEncoding::S24Le),
        (b"A_PCM/INT/LIT", 32) => pcm(PcmEncoding::S32Le),
        (b"A_PCM/INT/BIG", 16) => pcm(PcmEncoding::S16Be),
        (b"A_PCM/FLOAT/IEEE", 32) => pcm(PcmEncoding::F32Le),
        (b"A_PCM/FLOAT/IEEE", 64) => pcm(PcmEncoding::F64Le),
        (name, _) if name.starts_with(b"A_AAC") => Ok(AudioCodec::Aac),
        (name, bits) if name.starts_with(b"A_PCM/") => {
            Err(unsupported(format!("codec {} of {bits} bits", name.escape_ascii())))
        }
        (name, _) => Err(unsupported(format!("codec {}", of_codec_id(name, &[])))),
    }
}

/// The field order; interlaced video without one has the top field first.
fn parse_field_order(video: &[u8]) -> FieldOrder {
    let order = child_uint(video, ids::FIELD_ORDER);
    match (child_uint(video, ids::FLAG_INTERLACED), order) {
        (Some(1), Some(6 | 14)) => FieldOrder::BottomFirst,
        (Some(1), _) => FieldOrder::TopFirst,
        _ => FieldOrder::Progressive,
    }
}

fn parse_video(video: &[u8], stream: &mut VideoTrack) {
    stream.info.field_order = parse_field_order(video);
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
    stream.info.hdr = hdr::parse(colour);
    stream.reject_hdr();
    let bits = child_uint(colour, ids::BITS_PER_CHANNEL).unwrap_or(0);
    if bits > 8 {
        stream.reject(format!("{bits}-bit video"));
    }
    let horizontal = child_uint(colour, ids::CHROMA_SUBSAMPLING_HORZ);
    let vertical = child_uint(colour, ids::CHROMA_SUBSAMPLING_VERT);
    match (horizontal, vertical) {
        (Some(1), Some(0)) => stream.reject("4:2:2 chroma"),
        (Some(0), Some(0)) => stream.reject("4:4:4 chroma"),
        _ => {}
    }
    let sampling = match (horizontal, vertical) {
        (Some(1), Some(1)) => Sampling::Yuv420,
        (Some(1), Some(0)) => Sampling::Yuv422,
        (Some(0), Some(1)) => Sampling::Yuv440,
        (Some(0), Some(0)) => Sampling::Yuv444,
        _ => return,
    };
    let depth = u8::try_from(bits).ok().filter(|bits| matches!(bits, 8 | 10 | 12));
    stream.samples = depth.map(|depth| SampleFormat::new(depth, sampling));
}

/// Rotation of a rectangular projection; its roll is counter-clockwise.
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

/// The bytes that header stripping omits; other compression and encryption are rejected.
fn parse_encodings(entry: &[u8]) -> Result<Vec<u8>> {
    let Some(encodings) = child(entry, ids::CONTENT_ENCODINGS) else { return Ok(Vec::new()) };
    let mut stripped = Vec::new();
    for (id, encoding) in Elements(encodings) {
        if id != ids::CONTENT_ENCODING {
            continue;
        }
        if child_uint(encoding, ids::CONTENT_ENCODING_TYPE) == Some(1) {
            return Err(unsupported("an encrypted track"));
        }
        let compression = child(encoding, ids::CONTENT_COMPRESSION).unwrap_or_default();
        let algo = child_uint(compression, ids::CONTENT_COMP_ALGO).unwrap_or(0);
        if algo != ALGO_HEADER_STRIPPING {
            let name = ["zlib", "bzlib", "lzo1x"]
                .get(usize::try_from(algo).unwrap_or(usize::MAX))
                .unwrap_or(&"an unknown method");
            return Err(unsupported(format!("a track compressed by {name}")));
        }
        // Scope 2 means only the codec private data.
        if child_uint(encoding, ids::CONTENT_ENCODING_SCOPE).unwrap_or(1) & 1 == 1 {
            let settings = child(compression, ids::CONTENT_COMP_SETTINGS).unwrap_or_default();
            if settings.len() > MAX_STRIPPED_BYTES {
                return Err(unsupported(format!(
                    "a track with a stripped header of {} bytes (limit: {MAX_STRIPPED_BYTES})",
                    settings.len()
                )));
            }
            stripped = settings.to_vec();
        }
    }
    Ok(stripped)
}
