//! The elements before the first cluster and after the last one: writing. RFC 9559, section 5.1.

use codec_audio::{AudioCodec, ChannelLayout, PcmEncoding};
use codec_core::codec::Codec;
use codec_core::frame::{ColorRange, FieldOrder, PictureInfo, Rational, Rotation, Size};

use super::ebml::{put, put_float, put_head, put_master, put_uint};
use super::metadata::put_info;
use super::{hdr, ids};
use crate::rational::reduced;
use crate::wav::put_format;
use crate::{AudioTrack, Error, FileMetadata, Format, Result, Track, VideoTrack, flac, opus, pcm};

/// Pre-roll of Opus: 80 ms (RFC 7845, section 4.6).
const OPUS_PRE_ROLL_NS: u64 = 80_000_000;
const DISPLAY_UNIT_ASPECT: u64 = 3;
const APP: &str = concat!("codec-container ", env!("CARGO_PKG_VERSION"));

/// Bytes of an index entry with an eight-byte position, including its header.
const SEEK_BYTES: usize = 21;
/// Space for the largest index of top-level elements.
pub(super) const SEEK_HEAD_BYTES: usize = 5 + 3 * SEEK_BYTES;

/// Appends the EBML header. `webm` selects the document type: WebM or Matroska.
pub(super) fn ebml_head(out: &mut Vec<u8>, webm: bool) {
    let doc_type = if webm { "webm" } else { "matroska" };
    put_master(out, ids::EBML, |out| {
        put_uint(out, ids::EBML_VERSION, 1);
        put_uint(out, ids::EBML_READ_VERSION, 1);
        put_uint(out, ids::EBML_MAX_ID_LENGTH, 4);
        put_uint(out, ids::EBML_MAX_SIZE_LENGTH, 8);
        put(out, ids::DOC_TYPE, doc_type.as_bytes());
        put_uint(out, ids::DOC_TYPE_VERSION, 4);
        put_uint(out, ids::DOC_TYPE_READ_VERSION, 2);
    });
}

/// Appends `bytes` bytes of padding: at least 2 and at most 127.
pub(super) fn void(out: &mut Vec<u8>, bytes: usize) {
    put_head(out, ids::VOID, bytes - 2);
    out.resize(out.len() + bytes - 2, 0);
}

/// Returns the index of the top-level elements `(id, position in the segment)`, padded to
/// [`SEEK_HEAD_BYTES`].
pub(super) fn seek_head(entries: &[(u32, u64)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(SEEK_HEAD_BYTES);
    put_master(&mut out, ids::SEEK_HEAD, |out| {
        for &(id, position) in entries {
            put_master(out, ids::SEEK, |out| {
                put(out, ids::SEEK_ID, &id.to_be_bytes());
                put(out, ids::SEEK_POSITION, &position.to_be_bytes());
            });
        }
    });
    let left = SEEK_HEAD_BYTES - out.len();
    if left > 0 {
        void(&mut out, left);
    }
    out
}

/// Appends the general information; returns the position in `out` that is reserved for the
/// duration.
pub(super) fn info(out: &mut Vec<u8>, scale_ns: u64, metadata: &FileMetadata) -> usize {
    put_master(out, ids::INFO, |out| {
        put_uint(out, ids::TIMESTAMP_SCALE, scale_ns);
        put_info(out, metadata);
        put(out, ids::MUXING_APP, APP.as_bytes());
        put(out, ids::WRITING_APP, APP.as_bytes());
        void(out, DURATION_BYTES);
    });
    out.len() - DURATION_BYTES
}

/// Bytes of the duration including its header.
const DURATION_BYTES: usize = 11;

/// The duration in ticks of the segment: [`DURATION_BYTES`] bytes.
#[expect(clippy::cast_precision_loss, reason = "2^53 ticks are sufficient")]
pub(super) fn duration(ticks: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(DURATION_BYTES);
    put_float(&mut out, ids::DURATION, ticks as f64);
    out
}

/// Appends the descriptions of the tracks; `frame_ns` has the frame duration of each.
pub(super) fn tracks(out: &mut Vec<u8>, tracks: &[Track], frame_ns: &[Option<u64>]) -> Result<()> {
    let mut entries = Vec::new();
    for (number, (track, &frame_ns)) in (1..).zip(tracks.iter().zip(frame_ns)) {
        let mut entry = Vec::new();
        match track {
            Track::Video(track) => put_video_entry(&mut entry, number, track, frame_ns)?,
            Track::Audio(track) => put_audio_entry(&mut entry, number, track)?,
        }
        put(&mut entries, ids::TRACK_ENTRY, &entry);
    }
    put(out, ids::TRACKS, &entries);
    Ok(())
}

/// The fields that all kinds of tracks have.
struct Common<'a> {
    kind: u64,
    language: Option<&'a str>,
    name: Option<&'a str>,
    is_default: Option<bool>,
}

fn put_common(out: &mut Vec<u8>, number: u64, common: &Common<'_>) {
    let &Common { kind, language, name, is_default } = common;
    put_uint(out, ids::TRACK_NUMBER, number);
    put_uint(out, ids::TRACK_UID, number);
    put_uint(out, ids::TRACK_TYPE, kind);
    put_uint(out, ids::FLAG_LACING, 0);
    // Without this field, a track is a default one.
    if is_default == Some(false) {
        put_uint(out, ids::FLAG_DEFAULT, 0);
    }
    if let Some(name) = name {
        put(out, ids::TRACK_NAME, name.as_bytes());
    }
    put(out, ids::LANGUAGE, language.unwrap_or("und").as_bytes());
}

fn put_video_entry(
    out: &mut Vec<u8>,
    number: u64,
    track: &VideoTrack,
    frame_ns: Option<u64>,
) -> Result<()> {
    let codec_id = match track.codec {
        Codec::Vp8 => "V_VP8",
        Codec::Vp9 => "V_VP9",
        Codec::Av1 => "V_AV1",
        Codec::H264 => "V_MPEG4/ISO/AVC",
        other => return Err(Error::unsupported(Format::WebM, format!("codec {other}"))),
    };
    let name = track.name.as_deref();
    put_common(out, number, &Common { kind: 1, language: None, name, is_default: None });
    if let Some(ns) = frame_ns {
        put_uint(out, ids::DEFAULT_DURATION, ns);
    }
    put(out, ids::CODEC_ID, codec_id.as_bytes());
    if !track.codec_private.is_empty() {
        put(out, ids::CODEC_PRIVATE, &track.codec_private);
    }
    put_master(out, ids::VIDEO, |out| video(out, track.size, track.info));
    Ok(())
}

fn put_audio_entry(out: &mut Vec<u8>, number: u64, track: &AudioTrack) -> Result<()> {
    let refused = || Error::unsupported(Format::WebM, format!("codec {}", track.codec));
    let bits = pcm::sample_bytes(track.codec).map(|bytes| 8 * bytes as u64);
    let needed = || {
        if track.codec_private.is_empty() {
            let what = format!("codec {} without codec configuration", track.codec);
            return Err(Error::unsupported(Format::WebM, what));
        }
        Ok(track.codec_private.clone())
    };
    let (codec_id, private) = match track.codec {
        AudioCodec::Opus => {
            let head = opus::head_of(track).ok_or_else(|| {
                Error::unsupported(Format::WebM, "an Opus track without a valid OpusHead")
            })?;
            ("A_OPUS", head.to_bytes())
        }
        AudioCodec::Vorbis => ("A_VORBIS", needed()?),
        AudioCodec::Aac => ("A_AAC", needed()?),
        AudioCodec::Alac => ("A_ALAC", needed()?),
        AudioCodec::Flac => ("A_FLAC", flac::headers(&needed()?, track.audio.layout)),
        AudioCodec::Mp3 => ("A_MPEG/L3", Vec::new()),
        // The identifiers of uncompressed audio have no speaker positions.
        AudioCodec::Pcm(encoding)
            if encoding != PcmEncoding::S16Be
                && matches!(track.audio.layout, ChannelLayout::Speakers(_)) =>
        {
            ("A_MS/ACM", put_format(track.codec, track.audio).ok_or_else(refused)?)
        }
        AudioCodec::Pcma | AudioCodec::Pcmu => {
            ("A_MS/ACM", put_format(track.codec, track.audio).ok_or_else(refused)?)
        }
        AudioCodec::Pcm(PcmEncoding::S16Be) => ("A_PCM/INT/BIG", Vec::new()),
        AudioCodec::Pcm(PcmEncoding::F32Le | PcmEncoding::F64Le) => {
            ("A_PCM/FLOAT/IEEE", Vec::new())
        }
        AudioCodec::Pcm(_) => ("A_PCM/INT/LIT", Vec::new()),
        _ => return Err(refused()),
    };
    let (language, name) = (track.language.as_deref(), track.name.as_deref());
    put_common(out, number, &Common { kind: 2, language, name, is_default: track.is_default });
    put(out, ids::CODEC_ID, codec_id.as_bytes());
    if !private.is_empty() {
        put(out, ids::CODEC_PRIVATE, &private);
    }
    if track.delay > 0 {
        put_uint(out, ids::CODEC_DELAY, delay_ns(track));
    }
    if track.codec == AudioCodec::Opus {
        put_uint(out, ids::SEEK_PRE_ROLL, OPUS_PRE_ROLL_NS);
    }
    put_master(out, ids::AUDIO, |out| {
        put_float(out, ids::SAMPLING_FREQUENCY, track.audio.rate.into());
        put_uint(out, ids::CHANNELS, track.audio.channels() as u64);
        if let Some(bits) = bits {
            put_uint(out, ids::BIT_DEPTH, bits);
        }
    });
    Ok(())
}

/// The codec delay in nanoseconds.
pub(super) fn delay_ns(track: &AudioTrack) -> u64 {
    let rate = u64::from(track.audio.rate.max(1));
    (u64::from(track.delay) * 1_000_000_000 + rate / 2) / rate
}

fn video(out: &mut Vec<u8>, size: Size, info: PictureInfo) {
    put_uint(out, ids::PIXEL_WIDTH, size.width.into());
    put_uint(out, ids::PIXEL_HEIGHT, size.height.into());
    put_field_order(out, info.field_order);
    if let Some(display) = info.pixel_aspect.and_then(|aspect| Display::new(size, aspect)) {
        put_uint(out, ids::DISPLAY_WIDTH, display.width);
        put_uint(out, ids::DISPLAY_HEIGHT, display.height);
        if display.is_aspect {
            put_uint(out, ids::DISPLAY_UNIT, DISPLAY_UNIT_ASPECT);
        }
    }
    colour(out, info);
    if info.rotation != Rotation::None {
        put_master(out, ids::PROJECTION, |out| {
            put_uint(out, ids::PROJECTION_TYPE, 0);
            put_float(out, ids::PROJECTION_POSE_YAW, 0.0);
            put_float(out, ids::PROJECTION_POSE_PITCH, 0.0);
            // Counter-clockwise, in -180..=180.
            let roll = match info.rotation {
                Rotation::None => 0.0,
                Rotation::Clockwise90 => -90.0,
                Rotation::Clockwise180 => 180.0,
                Rotation::Clockwise270 => 90.0,
            };
            put_float(out, ids::PROJECTION_POSE_ROLL, roll);
        });
    }
}

fn put_field_order(out: &mut Vec<u8>, order: FieldOrder) {
    put_uint(out, ids::FLAG_INTERLACED, if order.is_interlaced() { 1 } else { 2 });
    // Woven frames: the lines of the fields alternate.
    match order {
        FieldOrder::Progressive => {}
        FieldOrder::TopFirst => put_uint(out, ids::FIELD_ORDER, 9),
        FieldOrder::BottomFirst => put_uint(out, ids::FIELD_ORDER, 14),
    }
}

fn colour(out: &mut Vec<u8>, info: PictureInfo) {
    let color = info.color;
    let codes = [
        (ids::MATRIX_COEFFICIENTS, color.matrix.0),
        (ids::TRANSFER_CHARACTERISTICS, color.transfer.0),
        (ids::PRIMARIES, color.primaries.0),
    ];
    let range = match color.range {
        ColorRange::Unspecified => None,
        ColorRange::Limited => Some(1),
        ColorRange::Full => Some(2),
    };
    if range.is_none() && codes.iter().all(|&(_, code)| code == 2) && info.hdr.is_empty() {
        return;
    }
    put_master(out, ids::COLOUR, |out| {
        for (id, code) in codes {
            put_uint(out, id, code.into());
        }
        if let Some(range) = range {
            put_uint(out, ids::RANGE, range);
        }
        hdr::put(out, info.hdr);
    });
}

/// Display size that represents a pixel aspect exactly.
#[derive(Debug, PartialEq, Eq)]
struct Display {
    width: u64,
    height: u64,
    /// The numbers are an aspect ratio, not pixels.
    is_aspect: bool,
}

impl Display {
    fn new(size: Size, aspect: Rational) -> Option<Self> {
        let (num, den) = (u64::from(aspect.num), u64::from(aspect.den));
        let (width, height) = (u64::from(size.width), u64::from(size.height));
        if num == 0 || den == 0 {
            return None;
        }
        // Keeps one side and enlarges the other, if the result is an integer.
        if num >= den && (width * num).is_multiple_of(den) {
            return Some(Self { width: width * num / den, height, is_aspect: false });
        }
        if num < den && (height * den).is_multiple_of(num) {
            return Some(Self { width, height: height * den / num, is_aspect: false });
        }
        let exact = reduced(width.checked_mul(num)?, height.checked_mul(den)?)?;
        Some(Self { width: exact.num.into(), height: exact.den.into(), is_aspect: true })
    }
}

/// Returns the index: an entry for each `(time, position of the cluster in the segment, track
/// number)`.
pub(super) fn cues(points: &[(u64, u64, u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    put_master(&mut out, ids::CUES, |out| {
        for &(time, position, track) in points {
            put_master(out, ids::CUE_POINT, |out| {
                put_uint(out, ids::CUE_TIME, time);
                put_master(out, ids::CUE_TRACK_POSITIONS, |out| {
                    put_uint(out, ids::CUE_TRACK, track);
                    put_uint(out, ids::CUE_CLUSTER_POSITION, position);
                });
            });
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_fills_its_room_with_two_entries_and_with_three() {
        let entries = [(ids::INFO, 1), (ids::TRACKS, 2), (ids::CUES, 1 << 40)];
        assert_eq!(seek_head(&entries).len(), SEEK_HEAD_BYTES);
        assert_eq!(seek_head(&entries[..2]).len(), SEEK_HEAD_BYTES);
    }

    #[test]
    fn display_sizes_give_the_pixel_aspect_exactly() {
        let size = Size::new(352, 288);
        for (num, den) in [(1, 1), (12, 11), (10, 11), (16, 15), (7, 5), (3, 7)] {
            let display = Display::new(size, Rational::new(num, den)).unwrap();
            let back = reduced(display.width * 288, display.height * 352);
            assert_eq!(back, Some(Rational::new(num, den)), "{display:?}");
        }
        assert!(!Display::new(size, Rational::new(12, 11)).unwrap().is_aspect);
        assert_eq!(Display::new(size, Rational::new(0, 1)), None);
    }
}
