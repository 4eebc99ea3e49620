//! Tracks: parsing. ISO/IEC 14496-12, sections 8.3 to 8.6 and 12.1.

use codec_core::codec::Codec;
use codec_core::frame::{
    Color, ColorPrimaries, ColorRange, FieldOrder, MatrixCoefficients, Rational, SampleFormat,
    Sampling, Size, TransferCharacteristics,
};

use super::audio;
use super::boxes::{BoxType, Boxes, Fields, child, corrupt, descendant, unsupported};
use super::chapters::{self, ChapterTrack};
use super::edits::{Edits, parse_edits};
use super::fragment::Defaults;
use super::hdr;
use super::headers::{parse_header, parse_media_header};
use super::samples::SampleTable;
use crate::codec_names::{of_fourcc, of_object_type};
use crate::rational::{plausible_frame_rate, reduced};
use crate::samples::scaled;
use crate::{Format, Result, SkippedTrack, Track, TrackKind, VideoTrack, Warning, pcm};

/// Bytes of a visual sample entry before its boxes.
const VISUAL_ENTRY_BYTES: usize = 78;
/// Maximum number of tracks that are parsed.
const MAX_TRACKS: usize = 256;

/// The data needed to find and time the samples of a track.
#[derive(Debug)]
pub(super) struct TrackSamples {
    pub(super) id: u32,
    pub(super) timescale: u32,
    pub(super) samples: SampleTable,
    pub(super) edits: Edits,
    /// Defaults of fragments, if the file may have fragments.
    pub(super) defaults: Option<Defaults>,
}

/// The tracks of a file.
pub(super) struct Found {
    /// The video and audio tracks.
    pub(super) tracks: Vec<Track>,
    /// Their samples.
    pub(super) samples: Vec<TrackSamples>,
    pub(super) chapters: Option<ChapterTrack>,
}

/// The tracks in the payload of a `moov` box, which begins at `offset`.
///
/// # Errors
/// If there is no video and no audio that can be read.
pub(super) fn find_tracks(moov: &[u8], offset: u64) -> Result<Found> {
    let chapter_ids = chapters::track_ids(moov);
    let mut chapters = None;
    let traks = Boxes(moov).filter(|(kind, _)| kind == b"trak").map(|(_, trak)| trak);
    let (mut found, mut samples) = (Vec::new(), Vec::new());
    let (mut warnings, mut refused, mut others) = (Vec::new(), None, 0);
    for trak in traks {
        if found.len() + warnings.len() >= MAX_TRACKS {
            others += 1;
            continue;
        }
        let skipped = skipped(trak);
        if skipped.kind == TrackKind::Subtitle && is_one_of(trak, &chapter_ids) {
            chapters = chapters.or_else(|| ChapterTrack::parse(moov, trak));
            continue;
        }
        if !matches!(skipped.kind, TrackKind::Video | TrackKind::Audio) {
            warnings.push(Warning::TrackSkipped(skipped));
            continue;
        }
        let parsed = parse_trak(moov, trak, skipped.kind == TrackKind::Video)
            .unwrap_or_else(|| Err(corrupt(offset, None, "a complete track", "an incomplete one")));
        match parsed {
            Ok((track, of_track)) => {
                found.push(track);
                samples.push(of_track);
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
            let nothing = || unsupported("a file without video and audio");
            return Err(refused.unwrap_or_else(nothing).with_tracks(warnings));
        }
    }
    Ok(Found { tracks: found, samples, chapters })
}

/// Whether the ID of a track is in `ids`.
fn is_one_of(trak: &[u8], ids: &[u32]) -> bool {
    let header = child(trak, b"tkhd").and_then(parse_header);
    header.is_some_and(|header| ids.contains(&header.id))
}

/// Describes a track that cannot be read.
fn skipped(trak: &[u8]) -> SkippedTrack {
    let handler = descendant(trak, &[b"mdia", b"hdlr"]).and_then(|payload| payload.get(8..12));
    let kind = match handler {
        Some(b"vide" | b"pict" | b"auxv") => TrackKind::Video,
        Some(b"soun") => TrackKind::Audio,
        Some(b"sbtl" | b"subt" | b"subp" | b"text" | b"clcp") => TrackKind::Subtitle,
        _ => TrackKind::Data,
    };
    let description = descendant(trak, &[b"mdia", b"minf", b"stbl", b"stsd"]);
    let entry = description.and_then(|table| Boxes(table.get(8..)?).next());
    let codec = entry.map_or_else(|| "unknown".to_owned(), |(kind, entry)| codec_name(kind, entry));
    let size = entry.and_then(|(_, entry)| {
        let (width, height) = (entry.get(24..26)?, entry.get(26..28)?);
        let side = |bytes: &[u8]| Some(u32::from(u16::from_be_bytes(bytes.try_into().ok()?)));
        Some(Size::new(side(width)?, side(height)?))
    });
    let size = size.filter(|_| kind == TrackKind::Video);
    SkippedTrack { size, ..SkippedTrack::new(kind, codec) }
}

/// The common name of the codec of a sample entry.
fn codec_name(kind: BoxType, entry: &[u8]) -> String {
    // The original format of an encrypted track.
    let original = || {
        let boxes = entry.get(if kind == *b"encv" { VISUAL_ENTRY_BYTES } else { 28 }..)?;
        descendant(boxes, &[b"sinf", b"frma"])?.first_chunk().copied()
    };
    let kind = if matches!(&kind, b"encv" | b"enca") { original().unwrap_or(kind) } else { kind };
    let described = entry.get(VISUAL_ENTRY_BYTES..).filter(|_| kind == *b"mp4v");
    let object = described.and_then(|boxes| audio::object_type(child(boxes, b"esds")?));
    object.and_then(of_object_type).map_or_else(|| of_fourcc(kind), str::to_owned)
}

/// Parses a `trak` box; `None` if a mandatory box is missing or too short.
fn parse_trak(moov: &[u8], trak: &[u8], is_video: bool) -> Option<Result<(Track, TrackSamples)>> {
    let header = parse_header(child(trak, b"tkhd")?)?;
    let mdia = child(trak, b"mdia")?;
    let media = parse_media_header(child(mdia, b"mdhd")?)?;
    let timescale = media.timescale;
    let stbl = descendant(mdia, &[b"minf", b"stbl"])?;
    let time_base = reduced(1, timescale.into())?;
    let description = child(stbl, b"stsd")?;
    let (kind, entry) = Boxes(description.get(8..)?).next()?;

    let mut samples = SampleTable::parse(stbl);
    let defaults = child(moov, b"mvex").map(|mvex| Defaults::parse(mvex, header.id));
    let edits = parse_edits(moov, trak, timescale).unwrap_or_default();
    // Audio is not cut at the end of an edit: its samples state more exactly where it ends.
    if let Some(end) = edits.media_end.filter(|_| is_video && defaults.is_none()) {
        samples.end_at(end);
    }
    let packet_count = defaults.is_none().then(|| samples.sample_count().into());
    let duration = (media.duration > 0).then_some(media.duration);
    let ignored = (!edits.are_simple).then_some(Warning::EditsIgnored);
    let track = if is_video {
        let mut track = match parse_entry(kind, entry, time_base)? {
            Ok(track) => track,
            Err(error) => return Some(Err(error)),
        };
        track.info.rotation = header.rotation;
        track.name = title(mdia);
        track.packet_count = packet_count;
        track.duration = duration;
        let steady = samples.steady_duration().or(defaults.and_then(Defaults::duration));
        track.frame_rate =
            steady.and_then(|ticks| plausible_frame_rate(timescale.into(), ticks.into()));
        track.warnings.extend(ignored);
        Track::Video(track)
    } else {
        let iso = description.first() == Some(&1);
        let mut track = match audio::parse_entry(kind, entry, iso, timescale)? {
            Ok(track) => track,
            Err(error) => return Some(Err(error)),
        };
        track.time_base = time_base;
        track.duration = duration;
        track.language = media.language;
        track.name = title(mdia);
        track.is_default = Some(header.is_enabled);
        let rate = u64::from(track.audio.rate);
        let delay = scaled(edits.media_start, rate, timescale.into());
        track.delay = u32::try_from(delay).unwrap_or(0);
        track.warnings.extend(ignored);
        if let Some(bytes) = pcm::frame_bytes(&track) {
            samples.set_size(bytes);
        } else {
            track.packet_count = packet_count;
        }
        Track::Audio(track)
    };
    Some(Ok((track, TrackSamples { id: header.id, timescale, samples, edits, defaults })))
}

/// The name in the handler box, unless it is one that programs give to all tracks.
fn title(mdia: &[u8]) -> Option<String> {
    const USUAL: [&str; 5] = ["sound", "audio", "video", "soun", "vide"];
    let name = child(mdia, b"hdlr")?.get(24..)?;
    // QuickTime states the length in the first byte.
    let name = match name.split_first() {
        Some((&length, rest)) if usize::from(length) == rest.len() => rest,
        _ => name,
    };
    let name = String::from_utf8_lossy(name);
    let name = name.trim_end_matches('\0').trim();
    let small = name.to_ascii_lowercase();
    let is_usual = USUAL.contains(&small.as_str())
        || small.contains("handler")
        || small.starts_with("core media")
        || small.starts_with("iso media");
    (!name.is_empty() && !is_usual).then(|| name.to_owned())
}

fn parse_entry(kind: [u8; 4], entry: &[u8], time_base: Rational) -> Option<Result<VideoTrack>> {
    let codec = match &kind {
        b"vp08" => Codec::Vp8,
        b"vp09" => Codec::Vp9,
        b"av01" => Codec::Av1,
        b"avc1" | b"avc3" => Codec::H264,
        b"encv" => return Some(Err(unsupported("an encrypted track"))),
        _ => return Some(Err(unsupported(format!("codec {}", codec_name(kind, entry))))),
    };
    let mut fields = Fields(entry.get(24..)?);
    let size = Size::new(fields.u16()?.into(), fields.u16()?.into());
    let mut stream = VideoTrack::new(Format::Mp4, codec, size, time_base);
    for (kind, payload) in Boxes(entry.get(VISUAL_ENTRY_BYTES..)?) {
        // A damaged colour description does not make the video unusable.
        let _ = parse_entry_box(kind, payload, &mut stream);
    }
    stream.reject_hdr();
    Some(Ok(stream))
}

fn parse_entry_box(kind: [u8; 4], payload: &[u8], stream: &mut VideoTrack) -> Option<()> {
    let mut fields = Fields(payload);
    match &kind {
        b"pasp" => {
            stream.info.pixel_aspect = reduced(fields.u32()?.into(), fields.u32()?.into());
        }
        b"colr" => {
            let kind: [u8; 4] = fields.bytes()?;
            if kind == *b"nclx" || kind == *b"nclc" {
                let mut code = || fields.u16().map(|code| u8::try_from(code).unwrap_or(2));
                let (primaries, transfer, matrix) = (code()?, code()?, code()?);
                let range = if kind == *b"nclx" {
                    full_range(fields.u8()? & 0x80 != 0)
                } else {
                    ColorRange::Unspecified
                };
                set_color(stream, [primaries, transfer, matrix], range);
            }
        }
        b"vpcC" => {
            fields.skip(6)?;
            let format = fields.u8()?;
            let codes = fields.bytes()?;
            if codes != [2; 3] || format & 1 != 0 {
                set_color(stream, codes, full_range(format & 1 != 0));
            }
            let bits = format >> 4;
            if bits > 8 {
                stream.reject(format!("{bits}-bit video"));
            }
            match format >> 1 & 7 {
                2 => stream.reject("4:2:2 chroma"),
                3 => stream.reject("4:4:4 chroma"),
                _ => {}
            }
            let sampling = match format >> 1 & 7 {
                0 | 1 => Some(Sampling::Yuv420),
                2 => Some(Sampling::Yuv422),
                3 => Some(Sampling::Yuv444),
                _ => None,
            };
            let sampling = sampling.filter(|_| matches!(bits, 8 | 10 | 12));
            stream.samples = sampling.map(|sampling| SampleFormat::new(bits, sampling));
        }
        b"av1C" => {
            stream.codec_private = payload.to_vec();
            let flags = *payload.get(2)?;
            if flags & 0x40 != 0 {
                stream.reject("video of more than 8 bits");
            }
            let depth = match flags >> 5 & 3 {
                3 => 12,
                2 => 10,
                _ => 8,
            };
            let sampling = match flags >> 2 & 7 {
                4.. => Sampling::Yuv400,
                3 => Sampling::Yuv420,
                2 => Sampling::Yuv422,
                _ => Sampling::Yuv444,
            };
            stream.samples = Some(SampleFormat::new(depth, sampling));
        }
        b"avcC" => {
            stream.codec_private = payload.to_vec();
            match *payload.get(1)? {
                110 => stream.reject("10-bit video (High 10 profile)"),
                122 => stream.reject("4:2:2 chroma (High 4:2:2 profile)"),
                244 => stream.reject("4:4:4 chroma (High 4:4:4 profile)"),
                _ => {}
            }
        }
        // The number of fields, and their order in time and in the file.
        b"fiel" if fields.u8()? == 2 => {
            stream.info.field_order = match fields.u8()? {
                6 | 14 => FieldOrder::BottomFirst,
                _ => FieldOrder::TopFirst,
            };
        }
        _ => hdr::parse(kind, payload, &mut stream.info.hdr)?,
    }
    Some(())
}

fn full_range(full: bool) -> ColorRange {
    if full { ColorRange::Full } else { ColorRange::Limited }
}

/// Sets colours, unless an earlier box has set them.
fn set_color(stream: &mut VideoTrack, codes: [u8; 3], range: ColorRange) {
    if stream.info.color != Color::default() {
        return;
    }
    let [primaries, transfer, matrix] = codes;
    stream.info.color = Color {
        primaries: ColorPrimaries(primaries),
        transfer: TransferCharacteristics(transfer),
        matrix: MatrixCoefficients(matrix),
        range,
    };
}
