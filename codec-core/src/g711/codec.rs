//! The laws behind the audio traits. A packet is the codes of its samples, channels interleaved.

use super::Law;
use crate::audio::framer::{Framer, PacketQueue, SoundQueue};
use crate::audio::settings::{
    check_format, only_frame_length, refuse_knobs, refuse_quality_settings,
};
use crate::audio::{
    AudioBuf, AudioCapabilities, AudioCodec, AudioDecoder, AudioDecoderConfig, AudioEncoder,
    AudioEncoderConfig, AudioFormat, AudioOutcome, AudioPacket, AudioReport, AudioUpdate,
    AudioView, FrameLength, Recovery, SampleKind, level_dbov,
};
use crate::codec::Applied;
use crate::error::{ConfigError, Corrupt, Error, LimitError};

pub(crate) static CAPABILITIES: AudioCapabilities = AudioCapabilities {
    max_channels: 255,
    lacks: "G.711 is a table of 256 values: there is nothing to choose",
    ..AudioCapabilities::minimal("native")
};

/// Opens an encoder.
pub(crate) fn open_encoder(config: &AudioEncoderConfig) -> Result<Box<dyn AudioEncoder>, Error> {
    let law = law(config.codec)?;
    check_format(config.format, &CAPABILITIES)?;
    refuse_quality_settings(config)?;
    let frame = frame_samples(config.frame, config.format)?;
    let framer = Framer::new(config.format.channels(), frame);
    Ok(Box::new(Encoder { law, format: config.format, framer, packets: PacketQueue::default() }))
}

/// Opens a decoder.
pub(crate) fn open_decoder(config: &AudioDecoderConfig) -> Result<Box<dyn AudioDecoder>, Error> {
    let law = law(config.codec)?;
    check_format(config.format, &CAPABILITIES)?;
    refuse_knobs(&config.knobs)?;
    if config.gain_q8_db != 0 {
        return Err(ConfigError::new("gain", config.gain_q8_db, "0").into());
    }
    let (format, limit) = (config.format, config.limits.max_frame_bytes);
    Ok(Box::new(Decoder { law, format, limit, sounds: SoundQueue::default() }))
}

fn law(codec: AudioCodec) -> Result<Law, ConfigError> {
    match codec {
        AudioCodec::Pcma => Ok(Law::A),
        AudioCodec::Pcmu => Ok(Law::Mu),
        other => Err(ConfigError::new("codec", other, "pcma or pcmu")),
    }
}

/// Sample frames of a packet: any length of 1 to `u16::MAX` ms.
fn frame_samples(length: FrameLength, format: AudioFormat) -> Result<usize, ConfigError> {
    match length.samples(format.rate) {
        samples if samples > 0 && length.0 <= 10_000_000 => Ok(samples),
        _ => Err(ConfigError::new("frame length", length.0, "1 sample to 10000000 us")),
    }
}

#[derive(Debug)]
struct Encoder {
    law: Law,
    format: AudioFormat,
    framer: Framer<i16>,
    packets: PacketQueue,
}

impl Encoder {
    fn flush(&mut self) {
        if let Some((pts, samples)) = self.framer.take_rest() {
            code(self.law, self.format, samples, pts, &mut self.packets);
        }
    }
}

fn code(law: Law, format: AudioFormat, samples: &[i16], pts: i64, packets: &mut PacketQueue) {
    let mut packet = packets.begin();
    law.encode_all(samples, &mut packet.data);
    packet.pts = pts;
    packet.duration = (samples.len() / format.channels()) as u64;
    packet.meta.level_dbov = level_dbov(samples);
    packets.push(packet);
}

impl AudioEncoder for Encoder {
    fn capabilities(&self) -> &AudioCapabilities {
        &CAPABILITIES
    }

    fn lookahead(&self) -> u32 {
        0
    }

    fn codec_private(&self) -> Vec<u8> {
        Vec::new()
    }

    fn encode(&mut self, audio: &AudioView<'_>, pts: i64) -> Result<AudioOutcome, Error> {
        if audio.format() != self.format {
            return Err(ConfigError::new("audio format", audio.format(), self.format).into());
        }
        if audio.frames() > 0 {
            if self.framer.jumps_to(pts) {
                self.flush();
            }
            audio.append_s16(self.framer.extend(pts));
            while let Some((pts, samples)) = self.framer.take() {
                code(self.law, self.format, samples, pts, &mut self.packets);
            }
        }
        Ok(if self.packets.is_empty() { AudioOutcome::Buffered } else { AudioOutcome::Coded })
    }

    fn receive(&mut self, packet: &mut AudioPacket) -> bool {
        self.packets.receive(packet)
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.flush();
        Ok(())
    }

    fn apply(&mut self, update: AudioUpdate) -> Result<Applied, Error> {
        let length = only_frame_length(&update)?;
        self.framer.set_frame(frame_samples(length, self.format)?);
        Ok(Applied::NextFrame)
    }
}

#[derive(Debug)]
struct Decoder {
    law: Law,
    format: AudioFormat,
    /// Bytes of a packet, at most.
    limit: u64,
    sounds: SoundQueue,
}

impl AudioDecoder for Decoder {
    fn capabilities(&self) -> &AudioCapabilities {
        &CAPABILITIES
    }

    fn format(&self) -> AudioFormat {
        self.format
    }

    fn decode(&mut self, data: &[u8], pts: i64) -> Result<AudioReport, Error> {
        let (asked, limit) = (data.len() as u64, self.limit);
        if asked > limit {
            return Err(LimitError { what: "frame bytes", asked, limit }.into());
        }
        let channels = self.format.channels();
        if data.is_empty() || !data.len().is_multiple_of(channels) {
            let what = "a code for each channel of every sample";
            return Err(Corrupt::Other { what, offset_bytes: data.len() }.into());
        }
        let mut sound = self.sounds.begin(self.format, SampleKind::S16);
        self.law.decode_all(data, sound.begin_s16(self.format, pts));
        self.sounds.push(sound);
        Ok(AudioReport { frames: (data.len() / channels) as u64, ..AudioReport::default() })
    }

    fn recover(&mut self, _: usize, _: Recovery<'_>, _: i64) -> Result<AudioReport, Error> {
        Err(Error::Unsupported("G.711 has no concealment of its own"))
    }

    fn receive(&mut self, audio: &mut AudioBuf) -> bool {
        self.sounds.receive(audio)
    }

    fn finish(&mut self) {}

    fn reset(&mut self) {
        self.sounds.clear();
    }
}
