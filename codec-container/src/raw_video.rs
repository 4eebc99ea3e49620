//! Raw frames, and the traits of their readers and writers.

use codec_core::frame::{Picture, PictureInfo, PixelFormat, Rational, Size};

use crate::{Format, Result, Warning};

/// Position of the chroma samples between the luma samples, as in y4m.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChromaSiting {
    /// Not specified (`C420` or no tag).
    #[default]
    Unspecified,
    /// Centred (`C420jpeg`).
    Jpeg,
    /// Level with the left luma samples (`C420mpeg2`).
    Mpeg2,
    /// As in PAL DV (`C420paldv`).
    PalDv,
}

/// A stream of raw frames.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawVideoStream {
    /// Format of the file.
    pub format: Format,
    /// Size of every frame.
    pub size: Size,
    /// Layout of the samples.
    pub pixels: PixelFormat,
    /// Position of the chroma samples.
    pub siting: ChromaSiting,
    /// Seconds per tick.
    pub time_base: Rational,
    /// Frames per second, if stated.
    pub frame_rate: Option<Rational>,
    /// Number of frames, if known from the file size.
    pub frame_count: Option<u64>,
    /// Colours, pixel aspect, rotation: the same for every frame.
    pub info: PictureInfo,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

impl RawVideoStream {
    /// Planar frames of `size` at `frame_rate`, with defaults for all else.
    #[must_use]
    pub fn new(format: Format, size: Size, frame_rate: Rational) -> Self {
        Self {
            format,
            size,
            pixels: PixelFormat::I420,
            siting: ChromaSiting::Unspecified,
            time_base: frame_rate.inverse(),
            frame_rate: Some(frame_rate),
            frame_count: None,
            info: PictureInfo::default(),
            warnings: Vec::new(),
        }
    }
}

/// A raw frame in the memory of its reader.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RawVideoFrame<'a> {
    /// The samples, with the stream's colours, aspect and rotation.
    pub picture: Picture<'a>,
    /// Presentation time in ticks of the stream.
    pub pts: i64,
    /// Duration in ticks, if known.
    pub duration: Option<u64>,
    /// Number of the frame, from 0.
    pub index: u64,
}

/// Reads raw frames.
pub trait RawVideoReader: Send {
    /// Description of the stream.
    fn stream(&self) -> &RawVideoStream;

    /// Reads the next frame into memory that the next call reuses; `None` at the end.
    ///
    /// # Errors
    /// [`crate::Error::Io`] and [`crate::Error::Corrupt`], which names the frame. All previous
    /// frames are valid; the next call returns `None`.
    fn read(&mut self) -> Result<Option<RawVideoFrame<'_>>>;

    /// Moves to frame `index`, counted from 0, or to the end if there are fewer frames. `false`
    /// means that the reader cannot seek, because the input is a pipe or its frames have records of
    /// different lengths; it has not moved.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    fn seek(&mut self, _index: u64) -> Result<bool> {
        Ok(false)
    }
}

/// Writes raw frames.
pub trait RawVideoWriter: Send {
    /// Writes a frame.
    ///
    /// # Errors
    /// [`crate::Error::Io`], and [`crate::Error::Unsupported`] if its size or format is not the stream's.
    fn write(&mut self, picture: &Picture<'_>) -> Result<()>;

    /// Writes buffered data.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    fn finish(&mut self) -> Result<()>;
}
