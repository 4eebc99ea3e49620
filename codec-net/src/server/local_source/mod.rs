//! Local streams: a file, a pipe or a generated source. Video is encoded in real time, and audio
//! packets are sent with it.

mod player;

use std::fmt;
use std::time::Duration;

use codec_container::RawVideoReader;
use codec_core::codec::{Bitrate, Scalability};
use codec_core::frame::{Picture, Rational, Size};

pub(super) use player::{RunningSource, start};

/// A frame of a source.
#[derive(Clone, Copy, Debug)]
pub struct SourceFrame<'a> {
    /// The frame.
    pub picture: Picture<'a>,
    /// Presentation time on the source's clock, which audio shares; `None`: one frame after the
    /// previous one.
    pub time: Option<Duration>,
    /// Time since capture if the source is live; the frame is then sent immediately. `None` if the
    /// source is not live; the frame is then sent at its presentation time.
    pub age: Option<Duration>,
}

impl<'a> From<Picture<'a>> for SourceFrame<'a> {
    fn from(picture: Picture<'a>) -> Self {
        Self { picture, time: None, age: None }
    }
}

/// A source of frames.
pub trait VideoSource {
    /// The size of all frames.
    fn size(&self) -> Size;

    /// Frames per second, if known.
    fn rate(&self) -> Option<Rational>;

    /// Waits at most `most` for a frame; returns whether one is available. Only live sources have
    /// to wait.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Self::next`].
    fn wait(&mut self, most: Duration) -> Result<bool, String> {
        let _ = most;
        Ok(true)
    }

    /// Returns the next frame; `None` at the end.
    ///
    /// # Errors
    ///
    /// An error of the source; nothing follows.
    fn next(&mut self) -> Result<Option<SourceFrame<'_>>, String>;
}

impl VideoSource for Box<dyn RawVideoReader> {
    fn size(&self) -> Size {
        self.stream().size
    }

    fn rate(&self) -> Option<Rational> {
        self.stream().frame_rate
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>, String> {
        let picture = self.read().map_err(|error| error.to_string())?;
        Ok(picture.map(|picture| picture.picture.into()))
    }
}

/// An Opus packet of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceAudioPacket {
    /// The packet.
    pub data: Vec<u8>,
    /// Time of its first sample on the source's clock, in ticks of 1/48000 s. Packets below 0 only
    /// prime the decoder.
    pub pts: i64,
}

/// Audio with the video: Opus packets in presentation order, on the video's clock.
pub trait AudioSource {
    /// Returns the packets that begin before `until`.
    ///
    /// # Errors
    ///
    /// An error of the source; nothing follows.
    fn next(&mut self, until: Duration) -> Result<Vec<SourceAudioPacket>, String>;

    /// Skips audio before `until`, because there is no viewer. By default, discards the packets.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Self::next`].
    fn skip(&mut self, until: Duration) -> Result<(), String> {
        self.next(until).map(drop)
    }

    /// Returns the remaining packets up to `end`, where the video ends. By default, those that begin
    /// before `end`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Self::next`].
    fn finish(&mut self, end: Duration) -> Result<Vec<SourceAudioPacket>, String> {
        self.next(end)
    }
}

/// An opened source.
pub struct LocalMedia {
    /// Its video.
    pub video: Box<dyn VideoSource>,
    /// Its audio, if any.
    pub audio: Option<Box<dyn AudioSource>>,
}

impl LocalMedia {
    /// A source without audio.
    #[must_use]
    pub fn video_only(video: impl VideoSource + 'static) -> Self {
        Self { video: Box::new(video), audio: None }
    }
}

impl fmt::Debug for LocalMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalMedia").field("audio", &self.audio.is_some()).finish_non_exhaustive()
    }
}

/// Opens a source: at the start, and again for each repetition.
pub type OpenMedia = Box<dyn FnMut() -> Result<LocalMedia, String> + Send>;

/// Video and audio to be published.
pub struct LocalSource {
    /// Name of the stream.
    pub name: String,
    /// Opens the source.
    pub open: OpenMedia,
    /// Whether it is expected to have audio, as known before it is opened.
    pub audio: bool,
    /// Whether to repeat it at its end.
    pub repeat: bool,
    /// The video bitrate.
    pub bitrate: Bitrate,
    /// Speed of the encoder, 0 to 10.
    pub speed: u8,
    /// Temporal layers: viewers with slow links receive fewer of them.
    pub layers: Scalability,
}

impl fmt::Debug for LocalSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSource").field("name", &self.name).finish_non_exhaustive()
    }
}
