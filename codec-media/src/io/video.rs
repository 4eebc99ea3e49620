//! Opens inputs as video: raw files, still and animated images, and decoded streams.

use codec_container::{Format, Input, RawVideoReader};
use codec_core::codec::FrameFormats;
use codec_core::frame::SampleFormat;

use super::animation::read::AnimationSource;
use super::converted::converted;
use super::cut_source::cut_source;
use super::decoded::{DecodeOptions, DecodedSource};
use super::deinterlaced::deinterlaced;
use super::frame_rate::at_rate;
use super::input::{InputSpec, Opened};
use super::sequence::read::SequenceSource;
use super::source::{FrameSource, SourceFrame, StreamInfo};
use super::stills::read::StillSource;
use crate::Env;
use crate::cut::ticks_at;
use crate::failure::{Failure, Kind, Result};
use crate::frame::depth::CONVERT;
use crate::values::{Deinterlace, FpsTarget, PixFmt};

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
        Opened::Images(images) => {
            let source = SequenceSource::new(images, spec.cut, options, env)?;
            // Images have the rate of --fps, which changes the frames only if it depends on the rate.
            let fps = options.fps.filter(|fps| *fps == FpsTarget::Half);
            let options = DecodeOptions { fps, ..options.clone() };
            return finished(Box::new(source), spec, &options, env);
        }
        Opened::Packed(reader) => reader,
        Opened::Still(reader, format) => {
            Box::new(StillSource::new(reader, format, &spec.name(), &spec.limits, env)?)
        }
        Opened::Animation(reader, format) => Box::new(AnimationSource::new(
            reader,
            format,
            &spec.name(),
            (&spec.limits, options.conceal),
            env,
        )?),
        Opened::Container(Input::RawVideo(reader)) => Box::new(RawSource::new(reader, spec)?),
        Opened::Container(Input::Packets(reader)) => {
            Box::new(DecodedSource::new(reader, spec, options, env)?)
        }
        Opened::Container(_) => {
            let message = format!("{}: unknown content type", spec.name());
            return Err(Failure::new(Kind::Input, message));
        }
    };
    finished(source, spec, options, env)
}

/// Returns the selected part of the source, deinterlaced on request, if its frames are supported.
pub(crate) fn finished(
    source: Box<dyn FrameSource>,
    spec: &InputSpec,
    options: &DecodeOptions,
    env: &Env,
) -> Result<Box<dyn FrameSource>> {
    let source = match options.pix_fmt {
        Some(PixFmt::Yuv420p) => converted(source),
        None => source,
    };
    let found = source.stream_info();
    let is_yuv420 = found.samples == SampleFormat::YUV420;
    let takes_all = options.formats == FrameFormats::All;
    let is_hdr = found.info.color.is_hdr() && options.pix_fmt.is_none();
    let refused = match options.deinterlace {
        _ if !takes_all && !is_yuv420 => Some(format!("cannot encode {} video", found.samples)),
        _ if !takes_all && is_hdr => {
            Some("cannot encode high dynamic range (PQ or HLG)".to_owned())
        }
        Deinterlace::Auto | Deinterlace::On if !is_yuv420 => {
            Some(format!("cannot deinterlace {} video", found.samples))
        }
        _ => None,
    };
    if let Some(what) = refused {
        let message = format!("{}: {what}\n{CONVERT}", spec.name());
        return Err(Failure::new(Kind::Input, message));
    }
    let source = deinterlaced(source, options.deinterlace);
    let source = cut_source(source, spec.cut, spec.name(), env)?;
    Ok(at_rate(source, options.fps))
}

/// Raw video.
struct RawSource {
    reader: Box<dyn RawVideoReader>,
    name: String,
    stream_info: StreamInfo,
}

impl RawSource {
    fn new(mut reader: Box<dyn RawVideoReader>, spec: &InputSpec) -> Result<Self> {
        if let Some(from) = spec.cut.from {
            // The frame that is shown at this time.
            let stream = reader.stream();
            let index = u64::try_from(ticks_at(from, stream.time_base)).unwrap_or(0);
            reader.seek(index).map_err(|error| Failure::reading(&spec.name(), error))?;
        }
        let stream = reader.stream();
        // In y4m, each frame without parameters has a header line of six bytes. Headerless samples
        // have none.
        let header = if stream.format == Format::Y4m { 6 } else { 0 };
        let samples = stream.pixels.samples();
        let file_bytes = std::fs::metadata(&spec.path).ok().filter(std::fs::Metadata::is_file);
        let by_size = file_bytes
            .map(|found| found.len() / (samples.frame_bytes(stream.size) + header).max(1));
        let stream_info = StreamInfo {
            samples,
            size: stream.size,
            time_base: stream.time_base,
            frame_rate: stream.frame_rate.unwrap_or_else(|| stream.time_base.inverse()),
            count: stream.frame_count.or(by_size),
            info: stream.info,
            kind: stream.format.to_string(),
            title: None,
        };
        Ok(Self { reader, name: spec.name(), stream_info })
    }
}

impl FrameSource for RawSource {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        let read = self.reader.read().map_err(|error| Failure::reading(&self.name, error))?;
        Ok(read.map(|timed| SourceFrame {
            picture: timed.picture,
            pts: timed.pts,
            duration: timed.duration,
        }))
    }
}
