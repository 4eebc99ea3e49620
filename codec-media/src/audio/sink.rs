//! Encodes samples and writes the packets to a track of an output.

#[cfg(feature = "net")]
use codec_audio::AudioUpdate;
use codec_audio::{
    AudioBackend, AudioCodec, AudioEncoder, AudioEncoderConfig, AudioFormat, AudioPacket,
    AudioRate, AudioView,
};
use codec_container::{AudioTrack, Format, PacketRef, PacketWriter};
#[cfg(feature = "net")]
use codec_core::codec::Bitrate;
#[cfg(feature = "net")]
use codec_core::error::Error;
use codec_core::frame::Rational;
#[cfg(feature = "net")]
use codec_rtc::audio::Resilience;

use crate::failure::{Failure, Kind, Result};

/// Encodes audio into a track.
pub struct AudioSink {
    encoder: Box<dyn AudioEncoder>,
    format: AudioFormat,
    number: usize,
    name: String,
    /// Ticks of the track per sample of the encoder.
    samples_per_tick: u64,
    /// The requested bitrate.
    #[cfg(feature = "net")]
    most: Option<Bitrate>,
    packet: AudioPacket,
    packets: u64,
    bytes: u64,
}

impl AudioSink {
    /// Opens the encoder. `name` is the output's, for messages; `number` is the number of its track.
    ///
    /// # Errors
    /// If the backend has no encoder, or the encoder rejects `config`.
    pub fn new(
        backend: &AudioBackend,
        config: &AudioEncoderConfig,
        number: usize,
        name: &str,
    ) -> Result<Self> {
        let Some((open, _)) = backend.encoder else {
            let message = format!("{}/{} has no encoder", backend.codec, backend.name);
            return Err(Failure::new(Kind::Backend, message));
        };
        let encoder = open(config).map_err(Failure::encoding)?;
        Ok(Self {
            encoder,
            format: config.format,
            number,
            name: name.to_owned(),
            samples_per_tick: u64::from(track_rate(config) / config.format.rate.max(1)).max(1),
            #[cfg(feature = "net")]
            most: config.rate.map(AudioRate::bitrate),
            packet: AudioPacket::default(),
            packets: 0,
            bytes: 0,
        })
    }

    /// The format that [`Self::write`] expects.
    pub(crate) fn format(&self) -> AudioFormat {
        self.format
    }

    /// The track description for the muxer.
    pub fn track(&self, format: Format, config: &AudioEncoderConfig) -> AudioTrack {
        let given = config.format;
        let audio = AudioFormat::new(track_rate(config), given.layout);
        let mut track = AudioTrack::new(format, config.codec, audio);
        let delay = u64::from(self.encoder.lookahead()) * self.samples_per_tick;
        track.time_base = Rational::new(1, given.rate);
        track.codec_private = self.encoder.codec_private();
        track.delay = u32::try_from(delay).unwrap_or(u32::MAX);
        track.input_rate = Some(given.rate).filter(|rate| *rate != audio.rate);
        track.bitrate = config.rate.map(AudioRate::bitrate);
        track
    }

    /// Encodes samples that begin at `pts`, in samples of their rate.
    ///
    /// # Errors
    /// If the audio is damaged or cannot be written.
    pub fn write(
        &mut self,
        audio: &AudioView<'_>,
        pts: i64,
        writer: &mut dyn PacketWriter,
    ) -> Result<()> {
        self.encoder.encode(audio, pts).map_err(Failure::encoding)?;
        self.drain(writer)
    }

    /// Flushes the encoder. The writer stays open.
    ///
    /// # Errors
    /// If the audio is damaged or cannot be written.
    pub fn finish(&mut self, writer: &mut dyn PacketWriter) -> Result<()> {
        self.encoder.finish().map_err(Failure::encoding)?;
        self.drain(writer)
    }

    /// Changes the protection of packets from now on, at no more than the requested bitrate.
    /// Settings that the encoder cannot change stay as they are.
    #[cfg(feature = "net")]
    pub(crate) fn protect(&mut self, before: Resilience, after: Resilience) -> Result<()> {
        for update in after.updates(before) {
            let update = match update {
                AudioUpdate::Bitrate(rate) => {
                    AudioUpdate::Bitrate(self.most.map_or(rate, |most| rate.min(most)))
                }
                other => other,
            };
            match self.encoder.apply(update) {
                Ok(_) | Err(Error::Unsupported(_)) => {}
                Err(error) => return Err(Failure::encoding(error)),
            }
        }
        Ok(())
    }

    /// Packets and bytes so far.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.packets, self.bytes)
    }

    fn drain(&mut self, writer: &mut dyn PacketWriter) -> Result<()> {
        while self.encoder.receive(&mut self.packet) {
            let AudioPacket { data, pts, duration, trim_end, .. } = &self.packet;
            self.packets += 1;
            self.bytes += data.len() as u64;
            let packet = PacketRef {
                data,
                track: self.number,
                pts: *pts,
                duration: Some(duration - trim_end),
                trim_end: u32::try_from(trim_end * self.samples_per_tick).unwrap_or(u32::MAX),
                ..PacketRef::default()
            };
            writer.write(packet).map_err(|error| Failure::writing(&self.name, error))?;
        }
        Ok(())
    }
}

/// Opus always counts at 48 kHz (RFC 7845, section 4).
fn track_rate(config: &AudioEncoderConfig) -> u32 {
    if config.codec == AudioCodec::Opus { 48_000 } else { config.format.rate }
}
