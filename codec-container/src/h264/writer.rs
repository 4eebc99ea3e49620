//! Writes H.264 byte streams; times are not stored.

use codec_core::codec::Codec;

use super::avc::AnnexB;
use crate::io::ByteWriter;
use crate::start_codes::is_annex_b;
use crate::{Error, Format, Output, PacketRef, PacketWriter, Result, VideoTrack};

/// Writes H.264 byte streams.
#[derive(Debug)]
pub struct H264Writer {
    output: ByteWriter,
    /// Converter for tracks from MP4 and Matroska files, whose packets have no start codes.
    annex_b: Option<AnnexB>,
    converted: Vec<u8>,
}

impl H264Writer {
    /// Creates a stream.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for codecs other than H.264.
    pub fn new(output: Output, track: &VideoTrack) -> Result<Self> {
        if track.codec != Codec::H264 {
            return Err(Error::unsupported(Format::H264, format!("codec {}", track.codec)));
        }
        let annex_b = AnnexB::new(&track.codec_private);
        Ok(Self { output: ByteWriter::new(output)?, annex_b, converted: Vec::new() })
    }
}

impl PacketWriter for H264Writer {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        match &mut self.annex_b {
            Some(annex_b) if !is_annex_b(packet.data) => {
                annex_b.convert(packet.data, &mut self.converted);
                self.output.write(&self.converted)?;
            }
            _ => self.output.write(packet.data)?,
        }
        Ok(self.output.flush_if_live()?)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.output.flush()?)
    }
}
