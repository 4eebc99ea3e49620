//! Encoder and decoder for codecs with one fixed-size code per sample (G.711, PCM).
//!
//! A packet consists of the codes of its samples, channels interleaved.

use std::fmt;

use super::check::{check_format, only_frame_duration, reject_knobs, reject_quality_settings};
use super::framer::{AudioQueue, Framer, PacketQueue};
use super::sample::Sample;
use super::{
    AudioBuf, AudioCapabilities, AudioCodec, AudioDecodeReport, AudioDecoder, AudioDecoderConfig,
    AudioEncoder, AudioEncoderConfig, AudioFormat, AudioOutcome, AudioPacket, AudioUpdate,
    AudioView, FrameDuration, Recovery, SampleKind,
};
use codec_core::codec::{Applied, Limits};
use codec_core::error::{ConfigError, Corrupt, Error};

/// A fixed-size sample code: conversion between samples and codes.
pub(crate) trait SampleCode: Copy + fmt::Debug + Send + 'static {
    /// Sample type that it codes.
    type Sample: Sample;

    const CAPABILITIES: &'static AudioCapabilities;
    /// Expected content of a packet, for the error about a truncated one.
    const EXPECTED: &'static str;
    /// Error text for requests of concealment.
    const NO_CONCEALMENT: &'static str;

    /// Returns the code for `codec`, or an error for codecs of another kind.
    fn of(codec: AudioCodec) -> Result<Self, ConfigError>;

    /// Returns the size of a code in bytes.
    fn bytes(self) -> usize;

    /// Appends the codes of `samples`.
    fn write(self, samples: &[Self::Sample], out: &mut Vec<u8>);

    /// Fills `audio` from `data`, which must hold whole codes.
    fn read(self, data: &[u8], format: AudioFormat, pts: i64, audio: &mut AudioBuf);
}

/// Opens an encoder for `C`.
pub(crate) fn open_encoder<C: SampleCode>(
    config: &AudioEncoderConfig,
) -> Result<Box<dyn AudioEncoder>, Error> {
    let code = C::of(config.codec)?;
    let format = config.format;
    check_format(format, C::CAPABILITIES)?;
    reject_quality_settings(config)?;
    let framer = Framer::new(format.channels(), frame_samples(config.frame, format)?);
    Ok(Box::new(Encoder { code, format, framer, packets: PacketQueue::default() }))
}

/// Opens a decoder for `C`.
pub(crate) fn open_decoder<C: SampleCode>(
    config: &AudioDecoderConfig,
) -> Result<Box<dyn AudioDecoder>, Error> {
    let code = C::of(config.codec)?;
    check_format(config.format, C::CAPABILITIES)?;
    reject_knobs(&config.knobs)?;
    if config.gain_q8_db != 0 {
        return Err(ConfigError::conflict("gain", "only decoders of Opus apply a gain").into());
    }
    let (format, limits) = (config.format, config.limits);
    Ok(Box::new(Decoder { code, format, limits, queue: AudioQueue::default() }))
}

/// Returns the sample frames of a packet; any duration from 1 sample to 10 s is allowed.
fn frame_samples(length: FrameDuration, format: AudioFormat) -> Result<usize, ConfigError> {
    match length.samples(format.rate) {
        samples if samples > 0 && length.0 <= 10_000_000 => Ok(samples),
        _ => {
            let given = format_args!("{} us", length.0);
            Err(ConfigError::new("audio packet duration", given, "1 sample to 10000000 us"))
        }
    }
}

#[derive(Debug)]
struct Encoder<C: SampleCode> {
    code: C,
    format: AudioFormat,
    framer: Framer<C::Sample>,
    packets: PacketQueue,
}

impl<C: SampleCode> Encoder<C> {
    fn flush(&mut self) {
        if let Some((pts, samples)) = self.framer.take_rest() {
            pack(self.code, self.format, samples, pts, &mut self.packets);
        }
    }
}

fn pack<C: SampleCode>(
    code: C,
    format: AudioFormat,
    samples: &[C::Sample],
    pts: i64,
    packets: &mut PacketQueue,
) {
    let mut packet = packets.begin();
    code.write(samples, &mut packet.data);
    packet.pts = pts;
    packet.duration = (samples.len() / format.channels()) as u64;
    packet.meta.level_dbov = C::Sample::level(samples);
    packets.push(packet);
}

impl<C: SampleCode> AudioEncoder for Encoder<C> {
    fn capabilities(&self) -> &AudioCapabilities {
        C::CAPABILITIES
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
            C::Sample::append(audio, self.framer.extend(pts));
            while let Some((pts, samples)) = self.framer.take() {
                pack(self.code, self.format, samples, pts, &mut self.packets);
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
        let length = only_frame_duration(&update)?;
        self.framer.set_frame(frame_samples(length, self.format)?);
        Ok(Applied::NextFrame)
    }
}

#[derive(Debug)]
struct Decoder<C> {
    code: C,
    format: AudioFormat,
    limits: Limits,
    queue: AudioQueue,
}

impl<C: SampleCode> AudioDecoder for Decoder<C> {
    fn capabilities(&self) -> &AudioCapabilities {
        C::CAPABILITIES
    }

    fn format(&self) -> AudioFormat {
        self.format
    }

    fn decode(&mut self, data: &[u8], pts: i64) -> Result<AudioDecodeReport, Error> {
        self.limits.check_packet(data)?;
        let whole = self.format.channels() * self.code.bytes();
        if data.is_empty() || !data.len().is_multiple_of(whole) {
            return Err(Corrupt::Other { what: C::EXPECTED, offset_bytes: data.len() }.into());
        }
        let mut audio = self.queue.begin(self.format, SampleKind::S16);
        self.code.read(data, self.format, pts, &mut audio);
        self.queue.push(audio);
        Ok(AudioDecodeReport {
            frames: (data.len() / whole) as u64,
            ..AudioDecodeReport::default()
        })
    }

    fn recover(&mut self, _: usize, _: Recovery<'_>, _: i64) -> Result<AudioDecodeReport, Error> {
        Err(Error::unsupported(C::NO_CONCEALMENT))
    }

    fn receive(&mut self, audio: &mut AudioBuf) -> bool {
        self.queue.receive(audio)
    }

    fn finish(&mut self) {}

    fn reset(&mut self) {
        self.queue.clear();
    }
}
