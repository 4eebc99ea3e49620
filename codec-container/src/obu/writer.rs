//! Writes OBU streams with size fields; times are not stored.

use codec_core::codec::Codec;

use super::units::{Delimiter, with_delimiter};
use crate::io::ByteWriter;
use crate::{Error, Format, Output, PacketRef, PacketWriter, Result, VideoTrack};

/// Writes AV1 OBU streams.
#[derive(Debug)]
pub struct ObuWriter {
    output: ByteWriter,
}

impl ObuWriter {
    /// Creates a stream.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for codecs other than AV1.
    pub fn new(output: Output, track: &VideoTrack) -> Result<Self> {
        if track.codec != Codec::Av1 {
            return Err(Error::unsupported(Format::Obu, format!("codec {}", track.codec)));
        }
        Ok(Self { output: ByteWriter::new(output)? })
    }
}

impl PacketWriter for ObuWriter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        let changed = with_delimiter(packet.data, Delimiter::Needed);
        self.output.write(changed.as_deref().unwrap_or(packet.data))?;
        Ok(self.output.flush_if_live()?)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.output.flush()?)
    }
}
