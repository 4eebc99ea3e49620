//! The video track: parse. ISO/IEC 14496-12, sections 8.3 to 8.6 and 12.1.

use codec_core::codec::Codec;
use codec_core::frame::{
    Color, ColorPrimaries, ColorRange, MatrixCoefficients, Rational, Rotation, Size,
    TransferCharacteristics,
};

use super::boxes::{Boxes, Fields, child, corrupt, descendant, unsupported};
use super::fragment::Defaults;
use super::samples::SampleTable;
use crate::rational::{plausible_frame_rate, reduced};
use crate::{Format, Result, VideoTrack, Warning};

/// Bytes of a visual sample entry before its boxes.
const VISUAL_ENTRY_BYTES: usize = 78;

/// The video track that is read.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) id: u32,
    pub(super) stream: VideoTrack,
    pub(super) samples: SampleTable,
    /// What an edit list adds to every time.
    pub(super) shift: i64,
    /// Defaults of fragments, if there may be any.
    pub(super) defaults: Option<Defaults>,
}

/// The first video track in the payload of a `moov` box, which begins at `offset`.
pub(super) fn find_video(moov: &[u8], offset: u64) -> Result<Selected> {
    let traks = Boxes(moov).filter(|(kind, _)| kind == b"trak").map(|(_, trak)| trak);
    let trak = traks.clone().find(|trak| is_video(trak));
    let trak = trak.ok_or_else(|| unsupported("a file without video is"))?;
    let mut track = parse_trak(moov, trak).ok_or_else(|| {
        corrupt(offset, None, "a complete video track", "one with parts missing")
    })??;
    let count = traks.count() - 1;
    if count > 0 {
        track.stream.warnings.push(Warning::TracksIgnored { count });
    }
    Ok(track)
}

fn is_video(trak: &[u8]) -> bool {
    let handler = descendant(trak, &[b"mdia", b"hdlr"]);
    handler.and_then(|payload| payload.get(8..12)) == Some(b"vide")
}

/// `None` if a mandatory box is missing or too short.
fn parse_trak(moov: &[u8], trak: &[u8]) -> Option<Result<Selected>> {
    let header = parse_header(child(trak, b"tkhd")?)?;
    let mdia = child(trak, b"mdia")?;
    let (timescale, duration) = parse_media_header(child(mdia, b"mdhd")?)?;
    let stbl = descendant(mdia, &[b"minf", b"stbl"])?;
    let time_base = reduced(1, timescale.into())?;
    let entries = child(stbl, b"stsd")?.get(8..)?;
    let (kind, entry) = Boxes(entries).next()?;
    let mut stream = match parse_entry(kind, entry, time_base)? {
        Ok(stream) => stream,
        Err(error) => return Some(Err(error)),
    };
    stream.info.rotation = header.rotation;

    let samples = SampleTable::parse(stbl);
    let defaults = child(moov, b"mvex").map(|mvex| Defaults::parse(mvex, header.id));
    if defaults.is_none() {
        stream.packet_count = Some(samples.sample_count().into());
    }
    stream.duration = (duration > 0).then_some(duration);
    let steady = samples.steady_duration().or(defaults.and_then(Defaults::duration));
    stream.frame_rate =
        steady.and_then(|ticks| plausible_frame_rate(timescale.into(), ticks.into()));
    let edits = parse_edits(moov, trak, timescale).unwrap_or_default();
    if !edits.are_simple {
        stream.warnings.push(Warning::EditsIgnored);
    }
    Some(Ok(Selected { id: header.id, stream, samples, shift: edits.shift, defaults }))
}

struct TrackHeader {
    id: u32,
    rotation: Rotation,
}

fn parse_header(payload: &[u8]) -> Option<TrackHeader> {
    let mut fields = Fields(payload);
    let (version, _) = fields.version_and_flags()?;
    fields.wide(version)?;
    fields.wide(version)?;
    let id = fields.u32()?;
    fields.skip(4)?;
    fields.wide(version)?;
    // Reserved, layer, group, volume, reserved.
    fields.skip(16)?;
    let mut matrix = [0; 5];
    for value in &mut matrix {
        *value = fields.i32()?.signum();
    }
    let rotation = match matrix {
        [0, 1, _, -1, 0] => Rotation::Clockwise90,
        [-1, 0, _, 0, -1] => Rotation::Clockwise180,
        [0, -1, _, 1, 0] => Rotation::Clockwise270,
        _ => Rotation::None,
    };
    Some(TrackHeader { id, rotation })
}

/// Ticks per second and duration in ticks.
fn parse_media_header(payload: &[u8]) -> Option<(u32, u64)> {
    let mut fields = Fields(payload);
    let (version, _) = fields.version_and_flags()?;
    fields.wide(version)?;
    fields.wide(version)?;
    let timescale = fields.u32().filter(|&scale| scale > 0)?;
    let duration = fields.wide(version)?;
    let unknown = if version == 1 { u64::MAX } else { u32::MAX.into() };
    Some((timescale, if duration == unknown { 0 } else { duration }))
}

struct Edits {
    shift: i64,
    are_simple: bool,
}

impl Default for Edits {
    fn default() -> Self {
        Self { shift: 0, are_simple: true }
    }
}

/// An edit list: any number of empty edits, then one that plays the media from some time on, is
/// obeyed by a shift of times.
fn parse_edits(moov: &[u8], trak: &[u8], timescale: u32) -> Option<Edits> {
    let mut fields = Fields(descendant(trak, &[b"edts", b"elst"])?);
    let (version, _) = fields.version_and_flags()?;
    let movie_scale = {
        let mut fields = Fields(child(moov, b"mvhd")?);
        let (version, _) = fields.version_and_flags()?;
        fields.wide(version)?;
        fields.wide(version)?;
        fields.u32().filter(|&scale| scale > 0)?
    };
    let mut edits = Edits::default();
    let mut playing = 0;
    for _ in 0..fields.u32()? {
        let duration = fields.wide(version)?;
        let media_time =
            if version == 1 { fields.u64()?.cast_signed() } else { fields.i32()?.into() };
        fields.skip(4)?;
        if media_time < 0 {
            let ticks = u128::from(duration) * u128::from(timescale) / u128::from(movie_scale);
            let ticks = i64::try_from(ticks).unwrap_or(0);
            edits.shift = edits.shift.saturating_add(ticks);
        } else {
            if playing == 0 {
                edits.shift = edits.shift.saturating_sub(media_time);
            }
            playing += 1;
        }
    }
    edits.are_simple = playing <= 1;
    Some(edits)
}

fn parse_entry(kind: [u8; 4], entry: &[u8], time_base: Rational) -> Option<Result<VideoTrack>> {
    let codec = match &kind {
        b"vp08" => Codec::Vp8,
        b"vp09" => Codec::Vp9,
        b"av01" => Codec::Av1,
        b"avc1" | b"avc3" => Codec::H264,
        b"encv" => return Some(Err(unsupported("an encrypted track is"))),
        _ => return Some(Err(unsupported(format!("codec {} is", kind.escape_ascii())))),
    };
    let mut fields = Fields(entry.get(24..)?);
    let size = Size::new(fields.u16()?.into(), fields.u16()?.into());
    let mut stream = VideoTrack::new(Format::Mp4, codec, size, time_base);
    for (kind, payload) in Boxes(entry.get(VISUAL_ENTRY_BYTES..)?) {
        // A damaged description of the picture is no reason to give up the picture.
        let _ = parse_entry_box(kind, payload, &mut stream);
    }
    stream.refuse_hdr();
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
                stream.refuse(format!("{bits}-bit video is"));
            }
            match format >> 1 & 7 {
                2 => stream.refuse("4:2:2 chroma is"),
                3 => stream.refuse("4:4:4 chroma is"),
                _ => {}
            }
        }
        b"av1C" => {
            stream.codec_private = payload.to_vec();
            let flags = *payload.get(2)?;
            if flags & 0x40 != 0 {
                stream.refuse("video of more than 8 bits is");
            }
        }
        b"avcC" => {
            stream.codec_private = payload.to_vec();
            match *payload.get(1)? {
                110 => stream.refuse("10-bit video (High 10 profile) is"),
                122 => stream.refuse("4:2:2 chroma (High 4:2:2 profile) is"),
                244 => stream.refuse("4:4:4 chroma (High 4:4:4 profile) is"),
                _ => {}
            }
        }
        b"fiel" if fields.u8()? > 1 => stream.refuse("interlaced video is"),
        _ => {}
    }
    Some(())
}

fn full_range(full: bool) -> ColorRange {
    if full { ColorRange::Full } else { ColorRange::Limited }
}

/// Sets colours, unless a box before has told them.
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
