//! Converts the frames of a source to 8-bit 4:2:0.

use codec_core::frame::SampleFormat;

use super::source::{Damage, FrameSource, SourceFrame, StreamInfo};
use crate::failure::Result;
use crate::frame::depth::DepthConverter;
use crate::frame::planes::Planes;

/// Converts the frames of a source.
struct ConvertedSource {
    source: Box<dyn FrameSource>,
    stream_info: StreamInfo,
    converter: DepthConverter,
    out: Planes,
}

/// Returns `source` with frames of 8-bit 4:2:0.
pub(super) fn converted(source: Box<dyn FrameSource>) -> Box<dyn FrameSource> {
    let stream_info = StreamInfo { samples: SampleFormat::YUV420, ..source.stream_info().clone() };
    let (converter, out) = (DepthConverter::default(), Planes::default());
    Box::new(ConvertedSource { source, stream_info, converter, out })
}

impl FrameSource for ConvertedSource {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    #[cfg(feature = "net")]
    fn wait(&mut self, most: std::time::Duration) -> Result<bool> {
        self.source.wait(most)
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        let Self { source, converter, out, .. } = self;
        let Some(shot) = source.next()? else { return Ok(None) };
        if shot.picture.is_yuv420() {
            return Ok(Some(shot));
        }
        converter.convert(&shot.picture, out);
        Ok(Some(SourceFrame { picture: out.picture()?, ..shot }))
    }

    fn damage(&self) -> Damage {
        self.source.damage()
    }

    fn coded_bytes(&self) -> u64 {
        self.source.coded_bytes()
    }
}
