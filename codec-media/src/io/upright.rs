//! Rotates the frames of a source as their metadata describes.

use codec_core::frame::SampleFormat;

use super::filtered::{FrameFilter, filtered};
use super::source::{FrameSource, SourceFrame};
use crate::failure::Result;
use crate::frame::transform::Transform;
use crate::values::Rotate;

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
    Ok(filtered(source, stream_info, transform))
}

impl FrameFilter for Transform {
    fn next<'a>(&'a mut self, source: &'a mut dyn FrameSource) -> Result<Option<SourceFrame<'a>>> {
        let Some(shot) = source.next()? else { return Ok(None) };
        Ok(Some(SourceFrame { picture: self.apply(shot.picture)?, ..shot }))
    }
}
