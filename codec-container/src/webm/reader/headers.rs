//! The elements before the first cluster: EBML head, segment, `Info`, `Tracks` and metadata.

use codec_core::frame::Rational;

use super::super::ebml::{Elements, Head, corrupt, float, uint};
use super::super::ids;
use super::super::metadata::{add_chapters, add_date, add_tags};
use super::super::track::{self, Blocks};
use super::element::{MAX_HEADER_BYTES, read_header};
use super::{Cluster, enter_cluster, late, seek};
use crate::io::ByteReader;
use crate::metadata::FileMetadata;
use crate::rational::reduced;
use crate::samples::scaled;
use crate::{Error, Format, Result, Track, Warning};

const DEFAULT_SCALE_NS: u64 = 1_000_000;

/// The fields of `Info`.
#[derive(Clone, Copy, Debug)]
struct Info {
    time_base: Rational,
    duration: Option<u64>,
}

/// Reads the document type.
pub(super) fn read_ebml_head(input: &mut ByteReader) -> Result<Format> {
    let head = Head::read(input, None)?.filter(|head| head.id == ids::EBML);
    let head = head.ok_or_else(|| corrupt(0, None, "an EBML header", "other data"))?;
    let payload = read_header(input, head)?;
    let child = |needed| Elements(&payload).find(|(id, _)| *id == needed);
    let doc_type = child(ids::DOC_TYPE).map_or(&b""[..], |(_, name)| name);
    // A string may be padded with zero bytes.
    let name = doc_type.split(|&byte| byte == 0).next().unwrap_or_default();
    match name {
        b"webm" => Ok(Format::WebM),
        b"matroska" => Ok(Format::Matroska),
        _ => {
            let what = format!("document type {}", name.escape_ascii());
            Err(Error::unsupported(Format::WebM, what))
        }
    }
}

/// Enters the segment; returns its end, if known.
pub(super) fn find_segment(input: &mut ByteReader) -> Result<Option<u64>> {
    loop {
        let at = input.position();
        let head = Head::read(input, None)?
            .ok_or_else(|| corrupt(at, None, "a segment", "the end of the file"))?;
        match (head.id, head.size) {
            (ids::SEGMENT, size) => {
                return Ok(size.map(|size| input.position().saturating_add(size)));
            }
            (_, Some(size)) => {
                input.skip(size)?;
            }
            (id, None) => {
                let found = format!("{} of unknown size", ids::name(id));
                return Err(corrupt(at, None, "a segment", found));
            }
        }
    }
}

/// The elements before the first cluster.
pub(super) struct Headers {
    pub(super) tracks: Vec<Track>,
    pub(super) blocks: Vec<Blocks>,
    pub(super) time_base: Rational,
    pub(super) cluster: Option<Cluster>,
    pub(super) index_of_keys: seek::Index,
    pub(super) metadata: FileMetadata,
}

/// Reads up to the first cluster, or to the end without one.
pub(super) fn read_headers(
    input: &mut ByteReader,
    format: Format,
    segment_end: Option<u64>,
) -> Result<Headers> {
    let mut info = Info { time_base: Rational::new(1, 1000), duration: None };
    let mut tracks = None;
    let mut cluster = None;
    let mut metadata = FileMetadata::default();
    let mut index_of_keys = seek::Index::default();
    let mut listed = late::Listed::default();
    let mut warnings = Vec::new();
    let segment_start = input.position();
    let at = loop {
        let at = input.position();
        let Some(head) = Head::read(input, None)? else { break at };
        match head.id {
            ids::INFO => {
                let payload = read_header(input, head)?;
                info = parse_info(&payload, head.offset)?;
                for (id, value) in Elements(&payload) {
                    match id {
                        ids::TITLE => metadata.add_tag("title", &String::from_utf8_lossy(value)),
                        ids::DATE_UTC => add_date(value, &mut metadata),
                        _ => {}
                    }
                }
            }
            ids::TAGS if head.size.is_some_and(|size| size <= MAX_HEADER_BYTES) => {
                add_tags(&read_header(input, head)?, &mut metadata);
            }
            ids::CHAPTERS if head.size.is_some_and(|size| size <= MAX_HEADER_BYTES) => {
                add_chapters(&read_header(input, head)?, &mut metadata);
            }
            ids::TRACKS => tracks = Some(read_header(input, head)?),
            ids::CLUSTER => {
                cluster = Some(enter_cluster(input, head));
                index_of_keys.first_cluster = Some(at);
                break at;
            }
            ids::SEEK_HEAD if head.size.is_some_and(|size| size <= MAX_HEADER_BYTES) => {
                let payload = read_header(input, head)?;
                index_of_keys.add_seek_head(&payload, segment_start);
                listed.add(&payload, segment_start);
            }
            id => {
                if id == ids::CUES {
                    index_of_keys.cues_at = Some(at);
                }
                metadata.has_attachments |= id == ids::ATTACHMENTS;
                let Some(size) = head.size else {
                    let found = format!("{} of unknown size", ids::name(head.id));
                    return Err(corrupt(at, None, "an element with a size", found));
                };
                if id == ids::TAGS || id == ids::CHAPTERS {
                    let what = ids::name(id).to_lowercase();
                    warnings.push(Warning::MetadataSkipped(format!("{what} of {size} bytes")));
                }
                let had = input.skip(size)?;
                if had < size {
                    break input.position();
                }
            }
        }
    };
    let Some(tracks) = tracks else {
        let found = if cluster.is_some() { "a cluster" } else { "the end of the file" };
        return Err(corrupt(at, None, "tracks", found));
    };
    let (mut tracks, blocks) = track::find_tracks(&tracks, format, info.time_base)?;
    if let Some(first_cluster) = index_of_keys.first_cluster {
        let area = late::Area { segment_start, segment_end, first_cluster };
        warnings.extend(listed.read(input, area, &mut metadata, &mut index_of_keys)?);
    }
    if let Some(first) = tracks.first_mut() {
        first.warn(metadata.warnings());
        first.warn(warnings);
    }
    for track in &mut tracks {
        match track {
            Track::Video(track) => track.duration = info.duration,
            Track::Audio(track) => {
                let ticks = info.duration.and_then(|ticks| i64::try_from(ticks).ok());
                let rate = u64::from(track.audio.rate) * u64::from(info.time_base.num);
                let samples = ticks.map(|ticks| scaled(ticks, rate, info.time_base.den.into()));
                track.duration = samples.and_then(|samples| u64::try_from(samples).ok());
            }
        }
    }
    let time_base = info.time_base;
    Ok(Headers { tracks, blocks, time_base, cluster, index_of_keys, metadata })
}

fn parse_info(payload: &[u8], offset: u64) -> Result<Info> {
    let mut scale_ns = DEFAULT_SCALE_NS;
    let mut duration = None;
    for (id, payload) in Elements(payload) {
        match id {
            ids::TIMESTAMP_SCALE => scale_ns = uint(payload).unwrap_or(0),
            ids::DURATION => duration = float(payload),
            _ => {}
        }
    }
    let time_base = reduced(scale_ns, 1_000_000_000).ok_or_else(|| {
        corrupt(offset, None, "a time scale of 1 to 4294967295 ns", scale_ns.to_string())
    })?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive; a float that is too large saturates"
    )]
    let duration = duration.filter(|&ticks| ticks > 0.0).map(|ticks| ticks.round() as u64);
    Ok(Info { time_base, duration })
}
