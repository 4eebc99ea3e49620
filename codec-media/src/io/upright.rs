//! Rotates the frames of a source as their metadata describes.

use codec_core::frame::SampleFormat;

use super::source::{Damage, FrameSource, SourceFrame, StreamInfo};
use crate::failure::Result;
use crate::frame::transform::Transform;
use crate::values::Rotate;

/// Rotates the frames of a source.
struct UprightSource {
    source: Box<dyn FrameSource>,
    stream_info: StreamInfo,
    transform: Transform,
}

/// Returns `source` with frames as they are shown; frames of other formats than 8-bit 4:2:0 are not rotated.
///
/// # Errors
/// If the frames cannot be rotated.
pub fn upright(source: Box<dyn FrameSource>) -> Result<Box<dyn FrameSource>> {
    let mut stream_info = source.stream_info().clone();
    if stream_info.samples != SampleFormat::YUV420 {
        return Ok(source);
    }
    let mut transform = Transform::new(None, Some(Rotate::AsDescribed), None);
    (stream_info.size, stream_info.info) = transform.begin(stream_info.size, stream_info.info)?;
    Ok(Box::new(UprightSource { source, stream_info, transform }))
}

impl FrameSource for UprightSource {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    #[cfg(feature = "net")]
    fn wait(&mut self, most: std::time::Duration) -> Result<bool> {
        self.source.wait(most)
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        let Self { source, transform, .. } = self;
        let Some(shot) = source.next()? else { return Ok(None) };
        Ok(Some(SourceFrame { picture: transform.apply(shot.picture)?, ..shot }))
    }

    fn damage(&self) -> Damage {
        self.source.damage()
    }

    fn coded_bytes(&self) -> u64 {
        self.source.coded_bytes()
    }
}
