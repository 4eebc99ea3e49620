//! Entry points: detect the format of an input, or choose the format of an output.

use std::io::{Cursor, Read, Seek, SeekFrom};

use codec_core::codec::Codec;

use crate::h264::AvcWriter;
use crate::io::Source;
use crate::mp4::FragmentWriter;
use crate::obu::Av1Adapter;
use crate::ts::{TsReader, TsWriter};
use crate::{
    AdtsReader, AudioTrack, Error, FlacReader, FlacWriter, Format, H264Reader, H264Writer,
    IvfReader, IvfWriter, Mp3Reader, Mp4Reader, Mp4Writer, ObuReader, ObuWriter, OggReader,
    OggWriter, Output, PacketReader, PacketWriter, RawAudioWriter, RawVideoReader, RawVideoStream,
    RawVideoWriter, ReadOptions, Result, Track, VideoTrack, WavReader, WavWriter, WebmReader,
    WebmWriter, WriteOptions, Y4mReader, Y4mWriter, YuvWriter,
};

/// An opened input.
#[non_exhaustive]
pub enum Input {
    /// Coded packets.
    Packets(Box<dyn PacketReader>),
    /// Raw frames.
    RawVideo(Box<dyn RawVideoReader>),
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Packets(reader) => f.debug_tuple("Packets").field(&reader.tracks()).finish(),
            Self::RawVideo(reader) => f.debug_tuple("RawVideo").field(reader.stream()).finish(),
        }
    }
}

/// Opens `source` in the format that its first bytes indicate.
///
/// # Errors
/// [`Error::Unrecognised`] if the format is unknown; otherwise the errors of the format's reader.
pub fn open(mut source: Source, options: &ReadOptions) -> Result<Input> {
    let head = read_head(source.reader())?;
    let format = Format::detect(&head).ok_or_else(|| Error::Unrecognised {
        head: head[..head.len().min(Format::SHORT_PROBE_BYTES)].to_vec(),
    })?;
    let source = put_back(source, head.clone())?;
    Ok(match format {
        Format::Y4m => Input::RawVideo(Box::new(Y4mReader::new(source, options)?)),
        Format::Ivf => Input::Packets(Box::new(IvfReader::new(source, options)?)),
        Format::WebM | Format::Matroska => {
            Input::Packets(Box::new(WebmReader::new(source, options)?))
        }
        Format::Mp4 => Input::Packets(Box::new(Mp4Reader::new(source, options)?)),
        Format::Ogg => Input::Packets(Box::new(OggReader::new(source, options)?)),
        Format::Wav => Input::Packets(Box::new(WavReader::new(source, options)?)),
        Format::Flac => Input::Packets(Box::new(FlacReader::new(source, options)?)),
        Format::Mp3 => Input::Packets(Box::new(Mp3Reader::new(source, options)?)),
        Format::Adts => Input::Packets(Box::new(AdtsReader::new(source, options)?)),
        Format::Obu => {
            let head = &head[..head.len().min(Format::SHORT_PROBE_BYTES)];
            Input::Packets(Box::new(ObuReader::new(source, head, options)?))
        }
        Format::H264 => Input::Packets(Box::new(H264Reader::new(source, options)?)),
        Format::MpegTs => Input::Packets(Box::new(TsReader::new(source, options)?)),
        Format::Raw | Format::Pcm => {
            return Err(Error::unsupported(format, "reading"));
        }
    })
}

/// Opens coded packets.
///
/// # Errors
/// Returns the errors of [`open()`]; [`Error::Unsupported`] if the input holds raw frames.
pub fn open_packets(source: Source, options: &ReadOptions) -> Result<Box<dyn PacketReader>> {
    match open(source, options)? {
        Input::Packets(reader) => Ok(reader),
        Input::RawVideo(reader) => {
            Err(Error::unsupported(reader.stream().format, "raw video as coded input"))
        }
    }
}

/// Opens raw frames with a header (y4m). For input without a header see [`crate::YuvReader`].
///
/// # Errors
/// Returns the errors of [`open()`]; [`Error::Unsupported`] if the input holds coded packets.
pub fn open_raw_video(source: Source, options: &ReadOptions) -> Result<Box<dyn RawVideoReader>> {
    match open(source, options)? {
        Input::RawVideo(reader) => Ok(reader),
        Input::Packets(reader) => {
            Err(Error::unsupported(reader.tracks()[0].format(), "coded input as raw video"))
        }
    }
}

/// Creates a file of coded packets. It uses the codec, size, time base, frame rate, video or audio
/// description and codec configuration of each track.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unsupported`] if `format` cannot hold the tracks.
pub fn create_packets(
    output: Output,
    format: Format,
    tracks: &[Track],
    options: &WriteOptions,
) -> Result<Box<dyn PacketWriter>> {
    let is_av1 = |track: &Track| track.video().is_some_and(|track| track.codec == Codec::Av1);
    if tracks.iter().any(is_av1) {
        return Ok(Box::new(Av1Adapter::new(output, format, tracks, options, create_plain)?));
    }
    create_plain(output, format, tracks, options)
}

/// As [`create_packets`], for packets that are already in the form that the format stores.
fn create_plain(
    output: Output,
    format: Format,
    tracks: &[Track],
    options: &WriteOptions,
) -> Result<Box<dyn PacketWriter>> {
    match format {
        Format::Ivf => Ok(Box::new(IvfWriter::new(output, only_video(format, tracks)?)?)),
        Format::WebM | Format::Matroska => {
            let writer = Box::new(WebmWriter::new(output, format, tracks, options)?);
            Ok(AvcWriter::wrap(writer, tracks))
        }
        Format::Mp4 => {
            let is_fragmented = options.live || matches!(output, Output::Stream(_));
            let writer: Box<dyn PacketWriter> = if is_fragmented {
                Box::new(FragmentWriter::new(output, tracks, options)?)
            } else {
                Box::new(Mp4Writer::new(output, tracks, options)?)
            };
            Ok(AvcWriter::wrap(writer, tracks))
        }
        Format::Ogg => Ok(Box::new(OggWriter::new(output, only_audio(format, tracks)?, options)?)),
        Format::Wav => Ok(Box::new(WavWriter::new(output, only_audio(format, tracks)?)?)),
        Format::Pcm => Ok(Box::new(RawAudioWriter::new(output, only_audio(format, tracks)?)?)),
        Format::Flac => Ok(Box::new(FlacWriter::new(output, only_audio(format, tracks)?)?)),
        Format::Obu => Ok(Box::new(ObuWriter::new(output, only_video(format, tracks)?)?)),
        Format::H264 => Ok(Box::new(H264Writer::new(output, only_video(format, tracks)?)?)),
        Format::MpegTs => Ok(Box::new(TsWriter::new(output, tracks, options)?)),
        Format::Mp3 | Format::Adts => Err(Error::unsupported(format, "writing")),
        Format::Y4m | Format::Raw => Err(Error::unsupported(format, "coded video or audio")),
    }
}

fn only_audio(format: Format, tracks: &[Track]) -> Result<&AudioTrack> {
    match tracks {
        [Track::Audio(track)] => Ok(track),
        [_] => Err(Error::unsupported(format, "video")),
        [] => Err(Error::unsupported(format, "a file without tracks")),
        _ => Err(Error::unsupported(format, "more than one track")),
    }
}

fn only_video(format: Format, tracks: &[Track]) -> Result<&VideoTrack> {
    match tracks {
        [Track::Video(track)] => Ok(track),
        [_] => Err(Error::unsupported(format, "audio")),
        [] => Err(Error::unsupported(format, "a file without tracks")),
        _ => Err(Error::unsupported(format, "more than one track")),
    }
}

/// Creates a file of raw frames.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unsupported`] if `format` holds coded packets.
pub fn create_raw_video(
    output: Output,
    format: Format,
    stream: &RawVideoStream,
) -> Result<Box<dyn RawVideoWriter>> {
    match format {
        Format::Y4m => Ok(Box::new(Y4mWriter::new(output, stream)?)),
        Format::Raw => Ok(Box::new(YuvWriter::new(output, stream)?)),
        _ => Err(Error::unsupported(format, "raw video")),
    }
}

fn read_head(reader: &mut dyn Read) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(Format::PROBE_BYTES);
    reader.take(Format::PROBE_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn put_back(source: Source, head: Vec<u8>) -> Result<Source> {
    Ok(match source {
        Source::Seekable(mut inner) => {
            let back = -i64::try_from(head.len()).unwrap_or(0);
            inner.seek(SeekFrom::Current(back))?;
            Source::Seekable(inner)
        }
        Source::Stream(inner) => Source::stream(Cursor::new(head).chain(inner)),
    })
}
