//! Writes H.264 byte streams; times are not stored.

use codec_core::codec::Codec;

use super::avc::StartCodes;
use crate::io::ByteWriter;
use crate::{Error, Format, Output, PacketRef, PacketWriter, Result, VideoTrack};

/// Writes H.264 byte streams.
#[derive(Debug)]
pub struct H264Writer {
    output: ByteWriter,
    start_codes: StartCodes,
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
        Ok(Self { output: ByteWriter::new(output)?, start_codes: StartCodes::new(track) })
    }
}

impl PacketWriter for H264Writer {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        self.output.write(self.start_codes.packet(packet.data))?;
        Ok(self.output.flush_if_live()?)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.output.flush()?)
    }
}
