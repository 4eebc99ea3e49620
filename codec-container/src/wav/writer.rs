//! Writes WAVE, or RF64 if the file is too long for 32-bit sizes.

use super::format::put_format;
use crate::io::ByteWriter;
use crate::pcm::{frame_bytes, without_trim};
use crate::{AudioTrack, Error, Format, Output, PacketRef, PacketWriter, Result};

/// Position reserved for 64-bit sizes.
const ROOM_AT: u64 = 12;
const ROOM_BYTES: u32 = 28;

/// Writes WAVE: PCM, floating point, A-law and mu-law. Times are not stored: samples are
/// contiguous.
///
/// ```
/// use codec_audio::{AudioCodec, AudioFormat, ChannelLayout, PcmEncoding};
/// use codec_container::{AudioTrack, Format, Output, PacketRef, PacketWriter, WavWriter};
///
/// let audio = AudioFormat::new(48_000, ChannelLayout::Mono);
/// let track = AudioTrack::new(Format::Wav, AudioCodec::Pcm(PcmEncoding::S16Le), audio);
/// let mut writer = WavWriter::new(Output::stream(std::io::sink()), &track)?;
/// writer.write(PacketRef { data: &[0; 960], duration: Some(480), ..PacketRef::default() })?;
/// writer.finish()?;
/// # Ok::<(), codec_container::Error>(())
/// ```
#[derive(Debug)]
pub struct WavWriter {
    output: ByteWriter,
    frame_bytes: usize,
    /// Position of the number of samples, for codecs other than PCM.
    fact_at: Option<u64>,
    /// Start of the samples.
    data_at: u64,
}

impl WavWriter {
    /// Writes the header. On a pipe its sizes are marked as unknown.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for codecs other than PCM and G.711 and for big-endian
    /// samples.
    pub fn new(output: Output, track: &AudioTrack) -> Result<Self> {
        let unsupported =
            || Error::unsupported(Format::Wav, format!("{} of {}", track.codec, track.audio));
        let format = put_format(track.codec, track.audio).ok_or_else(unsupported)?;
        let frame_bytes = frame_bytes(track).ok_or_else(unsupported)?;
        let mut output = ByteWriter::new(output)?;
        let mut out = Vec::new();
        out.extend_from_slice(b"RIFF\xFF\xFF\xFF\xFFWAVE");
        if output.can_seek() {
            put_chunk(&mut out, b"JUNK", &[0; ROOM_BYTES as usize]);
        }
        put_chunk(&mut out, b"fmt ", &format);
        let mut fact_at = None;
        if format.len() > 16 {
            put_chunk(&mut out, b"fact", &[0xFF; 4]);
            fact_at = Some(out.len() as u64 - 4);
        }
        out.extend_from_slice(b"data\xFF\xFF\xFF\xFF");
        output.write(&out)?;
        output.flush_if_live()?;
        Ok(Self { output, frame_bytes, fact_at, data_at: out.len() as u64 })
    }
}

fn put_chunk(out: &mut Vec<u8>, kind: &[u8; 4], payload: &[u8]) {
    out.extend_from_slice(kind);
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(payload);
}

/// The header fields of a file of `end` bytes whose samples begin at `data_at` and have
/// `data_bytes`.
fn patches(
    end: u64,
    data_at: u64,
    data_bytes: u64,
    frames: u64,
    fact_at: Option<u64>,
) -> Vec<(u64, Vec<u8>)> {
    let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    let mut patches = Vec::new();
    let riff_bytes = end - 8;
    if riff_bytes > u32::MAX.into() {
        let mut room = b"ds64".to_vec();
        room.extend_from_slice(&ROOM_BYTES.to_le_bytes());
        for value in [riff_bytes, data_bytes, frames] {
            room.extend_from_slice(&value.to_le_bytes());
        }
        patches.push((0, b"RF64".to_vec()));
        patches.push((ROOM_AT, room));
    } else {
        patches.push((4, small(riff_bytes)));
        patches.push((data_at - 4, small(data_bytes)));
    }
    if let Some(at) = fact_at {
        patches.push((at, small(frames)));
    }
    patches
}

impl PacketWriter for WavWriter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        self.output.write(without_trim(&packet, self.frame_bytes))?;
        Ok(self.output.flush_if_live()?)
    }

    fn finish(&mut self) -> Result<()> {
        let data_bytes = self.output.position() - self.data_at;
        if data_bytes % 2 == 1 {
            self.output.write(&[0])?;
        }
        let frames = data_bytes / self.frame_bytes as u64;
        let end = self.output.position();
        for (at, bytes) in patches(end, self.data_at, data_bytes, frames, self.fact_at) {
            self.output.patch(at, &bytes)?;
        }
        Ok(self.output.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn above_four_gigabytes_64_bit_sizes_are_written() {
        let (data_at, data_bytes) = (80, (1 << 32) + 2);
        let patches = patches(data_at + data_bytes, data_at, data_bytes, data_bytes / 2, None);
        assert_eq!(patches[0], (0, b"RF64".to_vec()));
        let (at, room) = &patches[1];
        assert_eq!((*at, room.len()), (ROOM_AT, 8 + 24));
        assert_eq!(room[16..24], data_bytes.to_le_bytes());
        assert_eq!(patches.len(), 2);
    }
}
