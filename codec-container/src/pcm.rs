//! PCM and G.711: splits samples into packets of 20 ms; reads and writes raw files without a
//! header.

use std::str::FromStr;

use codec_audio::{AudioCodec, AudioFormat, ChannelLayout, PcmEncoding};

use crate::io::{ByteReader, ByteWriter};
use crate::single_track::{ReadSingleTrack, SingleTrack, single_track_reader};
use crate::{
    AudioTrack, CodedPacket, Error, Format, Output, PacketRef, PacketWriter, Result, Source, Track,
};

/// Bytes of one sample of one channel; `None` for codecs without a fixed sample size.
pub(crate) fn sample_bytes(codec: AudioCodec) -> Option<usize> {
    match codec {
        AudioCodec::Pcm(encoding) => Some(encoding.bytes()),
        AudioCodec::Pcma | AudioCodec::Pcmu => Some(1),
        _ => None,
    }
}

/// Bytes of one sample of every channel of `track`, if the size is fixed.
pub(crate) fn frame_bytes(track: &AudioTrack) -> Option<usize> {
    Some(sample_bytes(track.codec)? * track.audio.channels())
}

/// Highest sample rate.
const MAX_RATE: u32 = 1 << 24;

/// Layout of raw audio, as on the command line: `48000:2:s16le`.
///
/// Rate in Hz, number of channels (default 1), encoding: `s16le` (also `s16`, the default),
/// `s16be`, `u8`, `s24le`, `s32le`, `f32le`, `f64le`, `alaw`, `mulaw`.
///
/// ```
/// use codec_container::RawAudioSpec;
///
/// let spec: RawAudioSpec = "8000:1:mulaw".parse()?;
/// assert_eq!((spec.audio.rate, spec.codec.name()), (8000, "pcmu"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct explains them")]
pub struct RawAudioSpec {
    pub audio: AudioFormat,
    /// PCM or G.711.
    pub codec: AudioCodec,
}

impl FromStr for RawAudioSpec {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mut parts = text.split(':');
        let rate = parts.next().unwrap_or_default();
        let rate = rate.parse().ok().filter(|rate| (1..=MAX_RATE).contains(rate));
        let rate =
            rate.ok_or_else(|| format!("invalid rate in '{text}': expected 1 to {MAX_RATE} Hz"))?;
        let channels = parts.next().unwrap_or("1");
        let layout =
            channels.parse().ok().filter(|&count| count <= 255).and_then(ChannelLayout::of);
        let layout = layout
            .ok_or_else(|| format!("invalid number of channels in '{text}': expected 1 to 255"))?;
        let name = parts.next().unwrap_or("s16le");
        let codec = codec_by_name(name).ok_or_else(|| {
            format!("invalid encoding '{name}' in '{text}': expected s16le, s16be, u8, s24le, s32le, f32le, f64le, alaw or mulaw")
        })?;
        match parts.next() {
            None => Ok(Self { audio: AudioFormat::new(rate, layout), codec }),
            Some(more) => {
                Err(format!("unexpected '{more}' in '{text}' after rate, channels and encoding"))
            }
        }
    }
}

fn codec_by_name(name: &str) -> Option<AudioCodec> {
    let name = name.to_ascii_lowercase();
    Some(match name.as_str() {
        "alaw" | "al" | "pcma" => AudioCodec::Pcma,
        "mulaw" | "ulaw" | "ul" | "pcmu" => AudioCodec::Pcmu,
        _ => {
            let long = PcmEncoding::ALL.into_iter().find(|encoding| encoding.name() == name);
            let short = || {
                let name = format!("{name}le");
                PcmEncoding::ALL.into_iter().find(|encoding| encoding.name() == name)
            };
            AudioCodec::Pcm(long.or_else(short)?)
        }
    })
}

impl RawAudioSpec {
    /// The usual encoding of file names with `extension`: `ul`, `al`, `s16`, `f32`.
    #[must_use]
    pub fn codec_of_extension(extension: &str) -> Option<AudioCodec> {
        match extension.to_ascii_lowercase().as_str() {
            "pcm" => Some(AudioCodec::Pcm(PcmEncoding::S16Le)),
            name => codec_by_name(name),
        }
    }
}

/// Splits samples into packets.
#[derive(Debug)]
pub(crate) struct PcmPacketizer {
    format: Format,
    frame_bytes: usize,
    packet_frames: u64,
    next: u64,
    index: u64,
}

impl PcmPacketizer {
    /// Packets of 20 ms for `track`, which has a fixed sample size.
    pub(crate) fn new(track: &AudioTrack) -> Self {
        let packet_frames = u64::from(track.audio.rate / 50).max(1);
        let frame_bytes = frame_bytes(track).unwrap_or(1);
        Self { format: track.format, frame_bytes, packet_frames, next: 0, index: 0 }
    }

    /// Reads the next packet, of at most `left` bytes; `false` at the end. An incomplete sample at
    /// the end is dropped.
    pub(crate) fn read(
        &mut self,
        input: &mut ByteReader,
        left: Option<u64>,
        packet: &mut CodedPacket,
    ) -> Result<bool> {
        let most = self.packet_frames.saturating_mul(self.frame_bytes as u64);
        let needed = left.map_or(most, |left| left.min(most));
        packet.reset();
        packet.offset = input.position();
        let had =
            input.read_vec(&mut packet.data, usize::try_from(needed).unwrap_or(usize::MAX))?;
        let frames = had / self.frame_bytes;
        packet.data.truncate(frames * self.frame_bytes);
        if frames == 0 {
            return Ok(false);
        }
        let end = self.next.checked_add(frames as u64).filter(|&end| i64::try_from(end).is_ok());
        let end = end.ok_or_else(|| Error::unsupported(self.format, "audio of this length"))?;
        packet.pts = i64::try_from(self.next).unwrap_or(i64::MAX);
        packet.duration = Some(frames as u64);
        packet.index = self.index;
        self.next = end;
        self.index += 1;
        Ok(true)
    }
}

/// Reads raw audio.
#[derive(Debug)]
pub struct RawAudioReader {
    input: ByteReader,
    track: SingleTrack,
    packetizer: PcmPacketizer,
}

impl RawAudioReader {
    /// Reads `source` in the layout of `spec`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for codecs without a fixed sample size.
    pub fn new(source: Source, spec: RawAudioSpec) -> Result<Self> {
        let track = AudioTrack::new(Format::Pcm, spec.codec, spec.audio);
        if sample_bytes(spec.codec).is_none() || spec.audio.rate == 0 {
            return Err(Error::unsupported(Format::Pcm, format!("codec {}", spec.codec)));
        }
        let packetizer = PcmPacketizer::new(&track);
        let track = SingleTrack::new(Track::Audio(track));
        Ok(Self { input: ByteReader::new(source), track, packetizer })
    }
}

impl ReadSingleTrack for RawAudioReader {
    fn track(&mut self) -> &mut SingleTrack {
        &mut self.track
    }

    fn read_packet(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        self.packetizer.read(&mut self.input, None, packet)
    }
}

single_track_reader!(RawAudioReader, track);

/// Returns the payload without the samples that [`PacketRef::trim_end`] discards.
pub(crate) fn without_trim<'a>(packet: &PacketRef<'a>, frame_bytes: usize) -> &'a [u8] {
    let trim = usize::try_from(packet.trim_end).unwrap_or(usize::MAX).saturating_mul(frame_bytes);
    &packet.data[..packet.data.len().saturating_sub(trim)]
}

/// Writes raw audio; times are not stored.
#[derive(Debug)]
pub struct RawAudioWriter {
    output: ByteWriter,
    frame_bytes: usize,
}

impl RawAudioWriter {
    /// Creates a raw audio file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for codecs other than PCM and G.711.
    pub fn new(output: Output, track: &AudioTrack) -> Result<Self> {
        let frame_bytes = frame_bytes(track)
            .ok_or_else(|| Error::unsupported(Format::Pcm, format!("codec {}", track.codec)))?;
        Ok(Self { output: ByteWriter::new(output)?, frame_bytes })
    }
}

impl PacketWriter for RawAudioWriter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        self.output.write(without_trim(&packet, self.frame_bytes))?;
        Ok(self.output.flush_if_live()?)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.output.flush()?)
    }
}
