//! YUV4MPEG2 (y4m): a line of parameters, then for each frame the line `FRAME` and its samples.
//!
//! Samples of 8, 10 or 12 bits in 4:0:0, 4:2:0, 4:2:2, 4:4:0 or 4:4:4 are supported. Any other
//! format is rejected with an error that names the format. Samples of more than 8 bits have two
//! bytes, the lower one first. The parameter `I` states the field order; in mixed video (`Im`), the
//! `FRAME` line of each frame states its own. In addition to the usual `XCOLORRANGE`, two private
//! parameters store properties that y4m cannot express: `XCOLOR=primaries:transfer:matrix` (code
//! points of ITU-T H.273) and `XROTATION=degrees`, clockwise. Other programs ignore them.

mod header;

use codec_core::frame::Picture;

use header::Interlacing;

use crate::io::{ByteReader, ByteWriter};
use crate::yuv::{SampleBuffer, check_picture, video_frame_bytes, write_samples};
use crate::{
    Error, Format, Output, RawVideoFrame, RawVideoReader, RawVideoStream, RawVideoWriter,
    ReadOptions, Result, Source,
};

/// Maximum line length, in bytes.
const MAX_LINE_BYTES: usize = 4096;
/// The line before the samples of a frame without parameters.
const FRAME_LINE: &[u8; 6] = b"FRAME\n";

/// Reads y4m.
///
/// ```
/// use std::io::Cursor;
/// use codec_container::{ReadOptions, Source, open_raw_video};
///
/// let mut file = b"YUV4MPEG2 W2 H2 F25:1\nFRAME\n".to_vec();
/// file.extend([50, 60, 70, 80, 128, 128]);
/// let mut reader = open_raw_video(Source::seekable(Cursor::new(file)), &ReadOptions::default())?;
/// assert_eq!(reader.stream().size.to_string(), "2x2");
/// let frame = reader.read()?.expect("one frame");
/// assert_eq!(frame.picture.luma().row(1), [70, 80]);
/// assert!(reader.read()?.is_none());
/// # Ok::<(), codec_container::Error>(())
/// ```
#[derive(Debug)]
pub struct Y4mReader {
    input: ByteReader,
    stream: RawVideoStream,
    interlacing: Interlacing,
    video_frame_bytes: usize,
    samples: SampleBuffer,
    line: Vec<u8>,
    index: u64,
    /// Position of the first frame.
    first_frame: u64,
    ended: bool,
}

/// How a line ended.
#[derive(PartialEq, Eq)]
enum LineEnd {
    Newline,
    EndOfInput,
}

impl Y4mReader {
    /// Reads the header.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] if it is not a y4m header; [`Error::Unsupported`] for
    /// another format of samples; [`Error::Limit`].
    pub fn new(source: Source, options: &ReadOptions) -> Result<Self> {
        let mut input = ByteReader::new(source);
        let mut line = Vec::new();
        read_line(&mut input, &mut line, None)?;
        let (stream, interlacing) = header::parse(&line)?;
        let video_frame_bytes = video_frame_bytes(&stream, &options.limits)?;
        let first_frame = input.position();
        Ok(Self {
            input,
            stream,
            interlacing,
            video_frame_bytes,
            samples: SampleBuffer::default(),
            line,
            index: 0,
            first_frame,
            ended: false,
        })
    }

    /// Reads one frame into `self.samples`; `false` at the end.
    fn fill(&mut self) -> Result<bool> {
        let offset = self.input.position();
        let index = Some(self.index);
        let end = read_line(&mut self.input, &mut self.line, index)?;
        if self.line.is_empty() {
            // The end, or a stray newline before it.
            if end == LineEnd::EndOfInput || self.input.skip(1)? == 0 {
                return Ok(false);
            }
        }
        // Other frame parameters describe repetition and are ignored.
        if self.line != b"FRAME" && !self.line.starts_with(b"FRAME ") {
            let found = &self.line[..self.line.len().min(16)];
            let found = if found.is_empty() && end == LineEnd::Newline {
                "an empty line".into()
            } else {
                found.escape_ascii().to_string()
            };
            return Err(Error::corrupt(Format::Y4m, offset, index, "a FRAME line", found));
        }
        let offset = self.input.position();
        let had = self.input.read_vec(&mut self.samples.bytes, self.video_frame_bytes)?;
        if had < self.video_frame_bytes {
            let expected = format!("{} bytes of samples", self.video_frame_bytes);
            let found = format!("the end of the file after {had}");
            return Err(Error::corrupt(Format::Y4m, offset, index, expected, found));
        }
        Ok(true)
    }
}

/// Reads up to the next newline, which is not included.
fn read_line(input: &mut ByteReader, line: &mut Vec<u8>, index: Option<u64>) -> Result<LineEnd> {
    let offset = input.position();
    line.clear();
    loop {
        let mut byte = [0];
        if input.read_up_to(&mut byte)? == 0 {
            return Ok(LineEnd::EndOfInput);
        }
        if byte == [b'\n'] {
            return Ok(LineEnd::Newline);
        }
        if line.len() == MAX_LINE_BYTES {
            let found = format!("{MAX_LINE_BYTES} bytes without one");
            return Err(Error::corrupt(Format::Y4m, offset, index, "a newline", found));
        }
        line.push(byte[0]);
    }
}

impl RawVideoReader for Y4mReader {
    fn stream(&self) -> &RawVideoStream {
        &self.stream
    }

    fn read(&mut self) -> Result<Option<RawVideoFrame<'_>>> {
        if self.ended {
            return Ok(None);
        }
        let outcome = self.fill();
        if !matches!(outcome, Ok(true)) {
            self.ended = true;
            return outcome.map(|_| None);
        }
        let index = self.index;
        self.index += 1;
        let pts = i64::try_from(index).unwrap_or(i64::MAX);
        let mut picture = self.samples.view(&self.stream)?;
        if self.interlacing == Interlacing::Mixed {
            picture.info.field_order = header::frame_field_order(&self.line);
        }
        Ok(Some(RawVideoFrame { picture, pts, duration: Some(1), index }))
    }

    fn seek(&mut self, index: u64) -> Result<bool> {
        let Some(length) = self.input.len()? else { return Ok(false) };
        // Frames without parameters have records of equal length, possibly with a newline after the
        // last one.
        let record = (FRAME_LINE.len() + self.video_frame_bytes) as u64;
        let frames_bytes = length.saturating_sub(self.first_frame);
        if frames_bytes % record > 1 {
            return Ok(false);
        }
        let position = self.input.position();
        let index = index.min(frames_bytes / record);
        let target = self.first_frame + index * record;
        self.input.go_to(target)?;
        let mut line = [0; FRAME_LINE.len()];
        let is_frame = self.input.read_up_to(&mut line)? == line.len() && line == *FRAME_LINE;
        if !is_frame && index < frames_bytes / record {
            self.input.go_to(position)?;
            return Ok(false);
        }
        self.input.go_to(target)?;
        (self.index, self.ended) = (index, false);
        Ok(true)
    }
}

/// Writes y4m.
#[derive(Debug)]
pub struct Y4mWriter {
    output: ByteWriter,
    stream: RawVideoStream,
    scratch: Vec<u8>,
}

impl Y4mWriter {
    /// Writes the header. A stream without a frame rate gets the inverse of its time base.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(output: Output, stream: &RawVideoStream) -> Result<Self> {
        let mut output = ByteWriter::new(output)?;
        output.write(header::format(stream).as_bytes())?;
        Ok(Self { output, stream: stream.clone(), scratch: Vec::new() })
    }
}

impl RawVideoWriter for Y4mWriter {
    fn write(&mut self, picture: &Picture<'_>) -> Result<()> {
        check_picture(&self.stream, picture)?;
        self.output.write(FRAME_LINE)?;
        write_samples(&mut self.output, picture, self.stream.pixels, &mut self.scratch)?;
        Ok(self.output.flush_if_live()?)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.output.flush()?)
    }
}
