//! The encodings behind the audio traits.

use super::convert;
use crate::audio::framer::{Framer, PacketQueue, SoundQueue};
use crate::audio::settings::{
    check_format, only_frame_length, refuse_knobs, refuse_quality_settings,
};
use crate::audio::{
    AudioBuf, AudioCapabilities, AudioCodec, AudioDecoder, AudioDecoderConfig, AudioEncoder,
    AudioEncoderConfig, AudioFormat, AudioOutcome, AudioPacket, AudioReport, AudioUpdate,
    AudioView, FrameLength, PcmEncoding, Recovery, SampleKind, level_dbov, to_s16,
};
use crate::codec::Applied;
use crate::error::{ConfigError, Corrupt, Error, LimitError};

pub(crate) static CAPABILITIES: AudioCapabilities = AudioCapabilities {
    max_channels: 255,
    lossless: true,
    lacks: "uncompressed sound has nothing to choose",
    ..AudioCapabilities::minimal("native")
};

/// Opens an encoder.
pub(crate) fn open_encoder(config: &AudioEncoderConfig) -> Result<Box<dyn AudioEncoder>, Error> {
    let encoding = encoding(config.codec)?;
    check_format(config.format, &CAPABILITIES)?;
    refuse_quality_settings(config)?;
    let frame = frame_samples(config.frame, config.format)?;
    let framer = Framer::new(config.format.channels(), frame);
    Ok(Box::new(Encoder {
        encoding,
        format: config.format,
        framer,
        packets: PacketQueue::default(),
    }))
}

/// Opens a decoder.
pub(crate) fn open_decoder(config: &AudioDecoderConfig) -> Result<Box<dyn AudioDecoder>, Error> {
    let encoding = encoding(config.codec)?;
    check_format(config.format, &CAPABILITIES)?;
    refuse_knobs(&config.knobs)?;
    if config.gain_q8_db != 0 {
        return Err(ConfigError::new("gain", config.gain_q8_db, "0").into());
    }
    let (format, limit) = (config.format, config.limits.max_frame_bytes);
    Ok(Box::new(Decoder { encoding, format, limit, sounds: SoundQueue::default() }))
}

fn encoding(codec: AudioCodec) -> Result<PcmEncoding, ConfigError> {
    match codec {
        AudioCodec::Pcm(encoding) => Ok(encoding),
        other => Err(ConfigError::new("codec", other, "pcm")),
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
    encoding: PcmEncoding,
    format: AudioFormat,
    framer: Framer<f32>,
    packets: PacketQueue,
}

impl Encoder {
    fn flush(&mut self) {
        if let Some((pts, samples)) = self.framer.take_rest() {
            code(self.encoding, self.format, samples, pts, &mut self.packets);
        }
    }
}

fn code(
    encoding: PcmEncoding,
    format: AudioFormat,
    samples: &[f32],
    pts: i64,
    packets: &mut PacketQueue,
) {
    let mut packet = packets.begin();
    convert::write(encoding, samples, &mut packet.data);
    packet.pts = pts;
    packet.duration = (samples.len() / format.channels()) as u64;
    packet.meta.level_dbov = level(samples);
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
            audio.append_f32(self.framer.extend(pts));
            while let Some((pts, samples)) = self.framer.take() {
                code(self.encoding, self.format, samples, pts, &mut self.packets);
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

/// Level in -dBov (RFC 6464).
fn level(samples: &[f32]) -> u8 {
    let samples: Vec<i16> = samples.iter().map(|&sample| to_s16(sample)).collect();
    level_dbov(&samples)
}

#[derive(Debug)]
struct Decoder {
    encoding: PcmEncoding,
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
        let whole = self.format.channels() * self.encoding.bytes();
        if data.is_empty() || !data.len().is_multiple_of(whole) {
            let what = "a value for each channel of every sample";
            return Err(Corrupt::Other { what, offset_bytes: data.len() }.into());
        }
        let mut sound = self.sounds.begin(self.format, SampleKind::S16);
        convert::read(self.encoding, data, self.format, pts, &mut sound);
        self.sounds.push(sound);
        Ok(AudioReport { frames: (data.len() / whole) as u64, ..AudioReport::default() })
    }

    fn recover(&mut self, _: usize, _: Recovery<'_>, _: i64) -> Result<AudioReport, Error> {
        Err(Error::Unsupported("uncompressed sound has no concealment"))
    }

    fn receive(&mut self, audio: &mut AudioBuf) -> bool {
        self.sounds.receive(audio)
    }

    fn finish(&mut self) {}

    fn reset(&mut self) {
        self.sounds.clear();
    }
}
