//! Video inputs: raw files and decoded streams.

use codec_container::{Format, Input, PictureReader};
use codec_core::frame::{Picture, PictureInfo, Rational, Size};

use super::decoded::{DecodeOptions, DecodedSource};
use super::input::{InputSpec, Opened};
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::stills::read::StillSource;

/// Properties known before the first frame.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Size of the first frame.
    pub size: Size,
    /// Seconds per tick.
    pub time_base: Rational,
    /// Frames per second: stated, or estimated from the first timestamps.
    pub frame_rate: Rational,
    /// Number of frames, if stated or implied by the file size; used for progress.
    pub count: Option<u64>,
    /// Colour description and aspect ratio.
    pub info: PictureInfo,
    /// `y4m`, `vp8 in webm`.
    pub kind: String,
}

/// A frame with its time.
#[derive(Clone, Copy, Debug)]
pub struct Shot<'a> {
    /// The frame.
    pub picture: Picture<'a>,
    /// Presentation time in ticks.
    pub pts: i64,
    /// Duration in ticks.
    pub duration: Option<u64>,
}

/// The extent of damage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Packets that decoded to no frame.
    pub lost_packets: u64,
    /// Frames that were partly concealed.
    pub concealed_frames: u64,
    pub(crate) concealed_mbs: u64,
    pub(crate) total_mbs: u64,
}

impl Damage {
    /// Whether anything was damaged.
    pub fn is_some(self) -> bool {
        self.lost_packets + self.concealed_frames > 0
    }

    /// Share of concealed macroblocks, in percent.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub fn concealed_pct(self) -> f64 {
        100.0 * self.concealed_mbs as f64 / self.total_mbs.max(1) as f64
    }
}

/// Returns frames one after another.
pub trait FrameSource {
    /// Description of the stream.
    fn facts(&self) -> &Facts;

    /// Waits at most `most` for a frame and returns whether one is available. Only capture devices
    /// wait; other sources always have one.
    ///
    /// # Errors
    /// If the input is damaged or cannot be read.
    #[cfg(feature = "net")]
    fn wait(&mut self, _most: std::time::Duration) -> Result<bool> {
        Ok(true)
    }

    /// The next frame, in memory that the next call reuses.
    ///
    /// # Errors
    /// If the input is damaged or cannot be read.
    fn next(&mut self) -> Result<Option<Shot<'_>>>;

    /// The damage so far.
    fn damage(&self) -> Damage {
        Damage::default()
    }

    /// Coded bytes read so far; 0 for raw video.
    fn coded_bytes(&self) -> u64 {
        0
    }
}

/// Opens any input as video.
///
/// # Errors
/// If the input is damaged or cannot be read.
pub fn open(spec: &InputSpec, options: &DecodeOptions, env: &Env) -> Result<Box<dyn FrameSource>> {
    of(spec.open(env)?, spec, options, env)
}

/// The video of an opened input.
///
/// # Errors
/// If the input is damaged or cannot be read.
pub fn of(
    opened: Opened,
    spec: &InputSpec,
    options: &DecodeOptions,
    env: &Env,
) -> Result<Box<dyn FrameSource>> {
    let source: Box<dyn FrameSource> = match opened {
        Opened::Packed(reader) => Box::new(reader),
        Opened::Still(reader, format) => {
            Box::new(StillSource::new(reader, format, &spec.name(), &spec.limits, env)?)
        }
        Opened::Container(Input::Pictures(reader)) => Box::new(RawSource::new(reader, spec)),
        Opened::Container(Input::Packets(reader)) => {
            Box::new(DecodedSource::new(reader, spec.name(), options, env)?)
        }
        Opened::Container(_) => {
            let message = format!("{}: unknown content type", spec.name());
            return Err(Failure::new(Kind::Input, message));
        }
    };
    checked(source, spec)
}

/// Returns the source if its frames are supported.
pub(crate) fn checked(
    source: Box<dyn FrameSource>,
    spec: &InputSpec,
) -> Result<Box<dyn FrameSource>> {
    if source.facts().info.color.is_hdr() {
        let message = format!("{}: high dynamic range (PQ or HLG) is not supported", spec.name());
        return Err(Failure::new(Kind::Input, message));
    }
    Ok(source)
}

/// Raw video.
struct RawSource {
    reader: Box<dyn PictureReader>,
    name: String,
    facts: Facts,
}

impl RawSource {
    fn new(reader: Box<dyn PictureReader>, spec: &InputSpec) -> Self {
        let stream = reader.stream();
        // In y4m, each frame without parameters has a header line of six bytes. Headerless samples
        // have none.
        let header = if stream.format == Format::Y4m { 6 } else { 0 };
        let file_bytes = std::fs::metadata(&spec.path).ok().filter(std::fs::Metadata::is_file);
        let by_size =
            file_bytes.map(|found| found.len() / (stream.size.i420_bytes() + header).max(1));
        let facts = Facts {
            size: stream.size,
            time_base: stream.time_base,
            frame_rate: stream.frame_rate.unwrap_or_else(|| stream.time_base.inverse()),
            count: stream.picture_count.or(by_size),
            info: stream.info,
            kind: stream.format.to_string(),
        };
        Self { reader, name: spec.name(), facts }
    }
}

impl FrameSource for RawSource {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn next(&mut self) -> Result<Option<Shot<'_>>> {
        let read = self.reader.read().map_err(|error| Failure::reading(&self.name, &error))?;
        Ok(read.map(|timed| Shot {
            picture: timed.picture,
            pts: timed.pts,
            duration: timed.duration,
        }))
    }
}
