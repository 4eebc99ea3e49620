//! Converts the frames of a source to 8-bit 4:2:0.

use codec_core::frame::SampleFormat;

use super::filtered::{FrameFilter, filtered};
use super::source::{FrameSource, SourceFrame, StreamInfo};
use crate::failure::Result;
use crate::frame::depth::DepthConverter;
use crate::frame::planes::Planes;

/// Converts frames.
#[derive(Default)]
struct Conversion {
    converter: DepthConverter,
    out: Planes,
}

/// Returns `source` with frames of 8-bit 4:2:0.
pub(super) fn converted(source: Box<dyn FrameSource>) -> Box<dyn FrameSource> {
    let stream_info = StreamInfo { samples: SampleFormat::YUV420, ..source.stream_info().clone() };
    filtered(source, stream_info, Conversion::default())
}

impl FrameFilter for Conversion {
    fn next<'a>(&'a mut self, source: &'a mut dyn FrameSource) -> Result<Option<SourceFrame<'a>>> {
        let Some(shot) = source.next()? else { return Ok(None) };
        if shot.picture.is_yuv420() {
            return Ok(Some(shot));
        }
        self.converter.convert(&shot.picture, &mut self.out);
        Ok(Some(SourceFrame { picture: self.out.picture()?, ..shot }))
    }
}
