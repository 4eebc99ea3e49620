//! Headerless video in packed formats: YUY2, RGB, BGRA.

use std::io::Read;

use codec_container::Source;
use codec_core::codec::Limits;

use super::source::{FrameSource, SourceFrame, StreamInfo};
use crate::failure::{Failure, Kind, Result};
use crate::frame::convert;
use crate::frame::planes::Planes;
use crate::values::{RawLayout, Samples};

/// Reads packed frames and converts them to I420.
pub struct PackedReader {
    input: Box<dyn Read + Send>,
    name: String,
    samples: Samples,
    stream_info: StreamInfo,
    bytes: Vec<u8>,
    planes: Planes,
    index: i64,
}

impl PackedReader {
    pub(crate) fn new(
        source: Source,
        layout: RawLayout,
        name: String,
        limits: &Limits,
    ) -> Result<Self> {
        let RawLayout { size, frame_rate, samples } = layout;
        if size.pixels() > limits.max_pixels {
            let limit = limits.max_pixels;
            let message = format!(
                "{name}: {size} exceeds the limit of {limit} pixels\n\
                 help: if you trust the input, raise the limit with --limits pixels={size}"
            );
            return Err(Failure::new(Kind::Input, message));
        }
        let input: Box<dyn Read + Send> = match source {
            Source::Seekable(inner) => Box::new(inner),
            Source::Stream(inner) => inner,
        };
        let stream_info = StreamInfo {
            samples: codec_core::frame::SampleFormat::YUV420,
            size,
            time_base: frame_rate.inverse(),
            frame_rate,
            count: None,
            info: codec_core::frame::PictureInfo::default(),
            kind: format!("raw {}", samples.name()),
            title: None,
        };
        let mut planes = Planes::default();
        planes.reset(size);
        Ok(Self { input, name, samples, stream_info, bytes: Vec::new(), planes, index: 0 })
    }
}

impl FrameSource for PackedReader {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        let wanted = self.samples.picture_bytes(self.stream_info.size);
        self.bytes.clear();
        let read = self.input.by_ref().take(wanted).read_to_end(&mut self.bytes);
        let got =
            read.map_err(|e| Failure::new(Kind::Input, format!("cannot read {}: {e}", self.name)))?;
        if got == 0 {
            return Ok(None);
        }
        if got as u64 != wanted {
            let (name, index) = (&self.name, self.index);
            let message = format!("{name}: frame {index}: expected {wanted} bytes, found {got}");
            return Err(Failure::new(Kind::Corrupt, message));
        }
        convert::from_packed(self.samples, &self.bytes, &mut self.planes)?;
        let pts = self.index;
        self.index += 1;
        Ok(Some(SourceFrame { picture: self.planes.picture()?, pts, duration: Some(1) }))
    }
}
