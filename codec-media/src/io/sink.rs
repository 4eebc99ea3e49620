//! Video outputs: y4m, raw samples, image sequences and GIF.

use std::io::{BufWriter, Write};

use codec_container::{Format, RawVideoStream, RawVideoWriter, create_raw_video};
use codec_core::frame::{Picture, PictureInfo, PixelFormat, Rational, SampleFormat, Size};

use super::animation::GifWriter;
use super::output::OutputFile;
use super::sequence::write::ImageWriter;
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::frame::convert;
use crate::frame::depth::CONVERT;
use crate::frame::planes::Planes;
use crate::values::Samples;

/// Writes frames to an output.
pub struct FrameSink {
    name: String,
    framing: Framing,
}

enum Framing {
    /// y4m: every frame has the size in the header.
    Y4m(Box<dyn RawVideoWriter>),
    /// Samples without a header: every frame at its own size.
    Headerless {
        out: BufWriter<Box<dyn Write + Send>>,
        /// `None` for the planes of each frame as they are.
        samples: Option<Samples>,
        planes: Planes,
        bytes: Vec<u8>,
    },
    /// A file for each frame.
    Images(Box<ImageWriter>),
    Gif(Box<GifWriter>),
}

/// Contents of the header.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Size of all frames.
    pub size: Size,
    /// Depth and sampling of all frames.
    pub samples: SampleFormat,
    /// Frames per second.
    pub frame_rate: Rational,
    /// Colour description and aspect ratio.
    pub info: PictureInfo,
}

impl FrameSink {
    /// Begins to write to `output`. Headerless frames have the layout `samples`, or are planes of their
    /// own format.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn new(
        output: &OutputFile,
        format: Format,
        samples: Option<Samples>,
        header: Header,
    ) -> Result<Self> {
        let framing = if format == Format::Raw {
            let out = BufWriter::with_capacity(1 << 16, output.writer()?);
            Framing::Headerless { out, samples, planes: Planes::default(), bytes: Vec::new() }
        } else {
            let mut stream = RawVideoStream::new(format, header.size, header.frame_rate);
            stream.info = header.info;
            stream.pixels = PixelFormat::planar(header.samples);
            let writer = create_raw_video(output.stream()?, format, &stream)
                .map_err(|error| Failure::writing(&output.name, error))?;
            Framing::Y4m(writer)
        };
        Ok(Self { name: output.name.clone(), framing })
    }

    /// Writes each frame, in 8-bit 4:2:0, to a file of a sequence.
    #[must_use]
    pub fn images(writer: ImageWriter) -> Self {
        Self { name: writer.name(), framing: Framing::Images(Box::new(writer)) }
    }

    /// Writes an animated GIF of frames in 8-bit 4:2:0, whose times are in ticks of `time_base`.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn gif(
        output: &OutputFile,
        header: Header,
        time_base: Rational,
        env: &Env,
    ) -> Result<Self> {
        let rates = [header.frame_rate, time_base];
        let writer = GifWriter::new(output, header.size, rates, env)?;
        Ok(Self { name: output.name.clone(), framing: Framing::Gif(Box::new(writer)) })
    }

    /// Writes a frame to an output without times.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn write(&mut self, picture: &Picture<'_>) -> Result<()> {
        self.write_at(picture, 0, None)
    }

    /// Writes a frame with its time and duration in ticks.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn write_at(
        &mut self,
        picture: &Picture<'_>,
        pts: i64,
        duration: Option<u64>,
    ) -> Result<()> {
        match &mut self.framing {
            Framing::Y4m(writer) => {
                writer.write(picture).map_err(|error| Failure::writing(&self.name, error))
            }
            Framing::Headerless { out, samples, planes, bytes } => {
                match samples {
                    None => {
                        bytes.clear();
                        picture.append_bytes(bytes);
                    }
                    Some(samples) => layout(picture, *samples, planes, bytes)?,
                }
                out.write_all(bytes).map_err(|error| Failure::output(&self.name, error))
            }
            Framing::Images(writer) => writer.write(picture),
            Framing::Gif(writer) => writer.write(picture, pts, duration),
        }
    }

    /// Completes the stream.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn finish(self) -> Result<()> {
        match self.framing {
            Framing::Y4m(mut writer) => {
                writer.finish().map_err(|error| Failure::writing(&self.name, error))
            }
            Framing::Headerless { mut out, .. } => {
                out.flush().map_err(|error| Failure::output(&self.name, error))
            }
            Framing::Images(writer) => writer.finish(),
            Framing::Gif(writer) => writer.finish(),
        }
    }
}

/// Replaces `bytes` by the samples of `picture` in another layout of the same format.
fn layout(
    picture: &Picture<'_>,
    samples: Samples,
    planes: &mut Planes,
    bytes: &mut Vec<u8>,
) -> Result<()> {
    let found = picture.samples();
    bytes.clear();
    let done = match samples {
        Samples::P010 => picture.append_p010(bytes).is_ok(),
        Samples::Planar(format) if format == found => {
            picture.append_bytes(bytes);
            true
        }
        Samples::Planar(_) => false,
        _ if picture.is_yuv420() => {
            planes.copy_from(picture);
            convert::to_samples(planes, samples, bytes)?;
            true
        }
        _ => false,
    };
    if done {
        return Ok(());
    }
    let name = samples.name();
    let help = if picture.is_yuv420() {
        "help: write it as i420, nv12, yuy2, rgb24 or bgra"
    } else {
        CONVERT
    };
    let message = format!("cannot write {found} frames as {name}: the formats differ\n{help}");
    Err(Failure::new(Kind::Usage, message))
}
