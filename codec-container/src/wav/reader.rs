//! Reads WAVE files and pipes of unknown length.

use std::io::{Seek, SeekFrom};

use super::format::{FormatError, WaveFormat, parse_format};
use super::info;
use crate::io::ByteReader;
use crate::metadata::FileMetadata;
use crate::pcm::PcmPacketizer;
use crate::single_track::{ReadSingleTrack, SingleTrack, single_track_reader};
use crate::{AudioTrack, CodedPacket, Error, Format, ReadOptions, Result, Source, Track, Warning};

/// Maximum `fmt ` chunk that is loaded into memory.
const MAX_FORMAT_BYTES: u64 = 4096;
/// Maximum number of chunks after the samples that are searched for tags.
const MAX_LATE_CHUNKS: usize = 64;
/// Programs that write to a pipe use sizes from about here on, because the true size is unknown.
const UNKNOWN_FROM: u64 = 0x7FFF_0000;

/// Reads WAVE: PCM, floating point, A-law and mu-law, in packets of 20 ms.
#[derive(Debug)]
pub struct WavReader {
    input: ByteReader,
    track: SingleTrack,
    packetizer: PcmPacketizer,
    /// Remaining bytes of audio; `None`: up to the end of the input.
    left: Option<u64>,
    /// Whether audio shorter than stated is an error.
    is_strict: bool,
}

fn corrupt(
    offset: u64,
    expected: impl Into<std::borrow::Cow<'static, str>>,
    found: impl Into<std::borrow::Cow<'static, str>>,
) -> Error {
    Error::corrupt(Format::Wav, offset, None, expected, found)
}

impl WavReader {
    /// Reads the header, up to the first sample. A header that states more data than the file has
    /// is a warning ([`Warning::SizeMismatch`]) if the source can seek.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] for damaged headers, such as no channels;
    /// [`Error::Unsupported`] for other codecs.
    pub fn new(mut source: Source, _options: &ReadOptions) -> Result<Self> {
        let file_bytes = match &mut source {
            Source::Seekable(inner) => {
                let start = inner.stream_position()?;
                let end = inner.seek(SeekFrom::End(0))?;
                inner.seek(SeekFrom::Start(start))?;
                Some(end.saturating_sub(start))
            }
            Source::Stream(_) => None,
        };
        let mut input = ByteReader::new(source);
        let is_large = read_riff(&mut input)?;
        let mut metadata = FileMetadata::default();
        let (format, stated) = find_data(&mut input, is_large, &mut metadata)?;
        let mut track = AudioTrack::new(Format::Wav, format.codec, format.audio);
        let frame_bytes = format.frame_bytes as u64;
        let actual = file_bytes.map(|bytes| bytes.saturating_sub(input.position()));
        let lies = actual.zip(stated).filter(|&(actual, stated)| stated > actual);
        if let Some((actual, stated)) = lies {
            track.warnings.push(Warning::SizeMismatch { stated, actual });
        }
        let bytes = match (stated, actual) {
            (Some(stated), Some(actual)) => Some(stated.min(actual)),
            (stated, actual) => stated.or(actual),
        };
        if let Some(stated) = stated.filter(|&stated| actual.is_some_and(|actual| actual > stated))
        {
            read_late_tags(&mut input, stated, &mut metadata)?;
        }
        track.warnings.extend(metadata.warnings());
        track.tags = metadata.tags;
        track.duration = bytes.map(|bytes| bytes / frame_bytes).filter(|&frames| frames > 0);
        let packetizer = PcmPacketizer::new(&track);
        let is_strict = actual.is_none() && stated.is_some_and(|stated| stated < UNKNOWN_FROM);
        let track = SingleTrack::new(Track::Audio(track));
        Ok(Self { input, track, packetizer, left: stated, is_strict })
    }
}

impl ReadSingleTrack for WavReader {
    fn track(&mut self) -> &mut SingleTrack {
        &mut self.track
    }

    fn read_packet(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        let before = self.input.position();
        let more = self.packetizer.read(&mut self.input, self.left, packet)?;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(self.input.position() - before);
            if !more && self.is_strict && *left > 0 {
                let expected = format!("{left} more bytes of samples");
                return Err(corrupt(self.input.position(), expected, "the end of the file"));
            }
        }
        Ok(more)
    }
}

single_track_reader!(WavReader, track);

/// Reads the file header; returns whether 64-bit sizes follow.
fn read_riff(input: &mut ByteReader) -> Result<bool> {
    let mut head = [0; 12];
    let had = input.read_up_to(&mut head)?;
    if had < head.len() {
        return Err(corrupt(0, "a header of 12 bytes", format!("{had} bytes")));
    }
    let is_large = match &head[..4] {
        b"RIFF" => false,
        b"RF64" | b"BW64" => true,
        b"RIFX" => return Err(Error::unsupported(Format::Wav, "big-endian RIFX")),
        other => return Err(corrupt(0, "RIFF", other.escape_ascii().to_string())),
    };
    if &head[8..] != b"WAVE" {
        return Err(corrupt(8, "WAVE", head[8..].escape_ascii().to_string()));
    }
    Ok(is_large)
}

/// Reads the header, up to the first sample: the format, and their size in bytes if known.
fn find_data(
    input: &mut ByteReader,
    is_large: bool,
    metadata: &mut FileMetadata,
) -> Result<(WaveFormat, Option<u64>)> {
    let mut format = None;
    let mut large_data = None;
    loop {
        let at = input.position();
        let mut head = [0; 8];
        let had = input.read_up_to(&mut head)?;
        if had < head.len() {
            let expected = if format.is_some() { "a data chunk" } else { "a fmt chunk" };
            return Err(corrupt(at, expected, "the end of the file"));
        }
        let [i0, i1, i2, i3, size @ ..] = head;
        let size = u32::from_le_bytes(size);
        match &[i0, i1, i2, i3] {
            b"data" => {
                let Some(format) = format else {
                    return Err(corrupt(at, "a fmt chunk before the data chunk", "none"));
                };
                let stated = match size {
                    u32::MAX if is_large => large_data,
                    0 | u32::MAX => None,
                    size => Some(size.into()),
                };
                return Ok((format, stated));
            }
            b"fmt " => {
                let chunk = read_chunk(input, size, MAX_FORMAT_BYTES)?;
                format = Some(parse_format(&chunk).map_err(|refusal| match refusal {
                    FormatError::Corrupt(expected, found) => corrupt(at + 8, expected, found),
                    FormatError::Unsupported(what) => Error::unsupported(Format::Wav, what),
                })?);
            }
            b"ds64" if is_large => {
                let chunk = read_chunk(input, size, MAX_FORMAT_BYTES)?;
                let bytes = chunk.get(8..).and_then(|rest| rest.first_chunk());
                large_data = bytes.map(|&bytes| u64::from_le_bytes(bytes)).filter(|&size| size > 0);
            }
            &kind if info::is_tags(kind) => {
                info::add_tags(kind, &read_chunk(input, size, info::MAX_TAG_BYTES)?, metadata);
            }
            _ => {
                input.skip(u64::from(size) + u64::from(size & 1))?;
            }
        }
    }
}

/// Reads the tags after samples of `bytes`, and returns to the first sample. The source can seek.
fn read_late_tags(input: &mut ByteReader, bytes: u64, metadata: &mut FileMetadata) -> Result<()> {
    let first_sample = input.position();
    let mut at = first_sample.saturating_add(bytes).saturating_add(bytes & 1);
    for _ in 0..MAX_LATE_CHUNKS {
        let mut head = [0; 8];
        if !input.go_to(at)? || input.read_up_to(&mut head)? < head.len() {
            break;
        }
        let [k0, k1, k2, k3, size @ ..] = head;
        let (kind, size) = ([k0, k1, k2, k3], u32::from_le_bytes(size));
        if info::is_tags(kind) {
            info::add_tags(kind, &read_chunk(input, size, info::MAX_TAG_BYTES)?, metadata);
        }
        at = at.saturating_add(8 + u64::from(size) + u64::from(size & 1));
    }
    input.go_to(first_sample)?;
    Ok(())
}

/// Loads a chunk into memory; of long ones only the first `most` bytes.
fn read_chunk(input: &mut ByteReader, size: u32, most: u64) -> Result<Vec<u8>> {
    let padded = u64::from(size) + u64::from(size & 1);
    let kept = padded.min(most);
    let mut chunk = Vec::new();
    input.read_vec(&mut chunk, usize::try_from(kept).unwrap_or(usize::MAX))?;
    input.skip(padded - kept)?;
    chunk.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    Ok(chunk)
}
