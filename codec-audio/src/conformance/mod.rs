//! Checks of audio backends.

mod decoding;
mod encoding;
mod features;

use std::f64::consts::TAU;

use crate::{
    AudioBackend, AudioBuf, AudioCapabilities, AudioCodec, AudioDecoder, AudioDecoderConfig,
    AudioEncoder, AudioEncoderConfig, AudioFormat, AudioPacket, AudioView, ChannelLayout,
    OpenAudioDecoder, OpenAudioEncoder, SampleKind, Samples,
};
use codec_core::conformance::{Report, Verdict};
use codec_core::error::Error;

/// A check of an encoder or decoder.
type CheckFn = fn(&Subject<'_>) -> Result<Verdict, String>;

/// Runs all checks on `backend`.
///
/// If it only encodes or only decodes, the other direction uses the first of `peers` that supports
/// the same codec.
#[must_use]
pub fn check_audio(backend: &AudioBackend, peers: &[AudioBackend]) -> Report {
    let mut report = Report::new(format!("{}/{}", backend.codec.name(), backend.name));
    let peers = || peers.iter().filter(|peer| peer.codec == backend.codec);
    let subject = Subject {
        codec: backend.codec,
        encoder: backend.encoder.or_else(|| peers().find_map(|peer| peer.encoder)),
        decoder: backend.decoder.or_else(|| peers().find_map(|peer| peer.decoder)),
    };
    if backend.encoder.is_some() {
        for (name, check) in encoding::CHECKS.iter().chain(features::ENCODER_CHECKS) {
            report.run(name, || check(&subject));
        }
    }
    if backend.decoder.is_some() {
        if subject.encoder.is_none() {
            report.run("decoder", || {
                Ok(Verdict::Gap(
                    "no encoder of this codec is available to create packets".to_owned(),
                ))
            });
            return report;
        }
        for (name, check) in decoding::CHECKS {
            report.run(name, || check(&subject));
        }
    }
    report
}

/// The backend under test, with a peer for the missing direction.
struct Subject<'a> {
    codec: AudioCodec,
    encoder: Option<(OpenAudioEncoder, &'a AudioCapabilities)>,
    decoder: Option<(OpenAudioDecoder, &'a AudioCapabilities)>,
}

impl Subject<'_> {
    fn encoder(&self) -> Result<(OpenAudioEncoder, &AudioCapabilities), String> {
        self.encoder.ok_or_else(|| "no encoder of this codec is available".to_owned())
    }

    fn decoder(&self) -> Result<(OpenAudioDecoder, &AudioCapabilities), String> {
        self.decoder.ok_or_else(|| "no decoder of this codec is available".to_owned())
    }

    fn config(&self) -> AudioEncoderConfig {
        let rates = self.encoder.map_or(&[][..], |(_, can)| can.rates);
        let rate = if rates.is_empty() || rates.contains(&16_000) { 16_000 } else { rates[0] };
        AudioEncoderConfig::new(self.codec, AudioFormat::new(rate, ChannelLayout::Mono))
    }

    fn open(&self, config: &AudioEncoderConfig) -> Result<Box<dyn AudioEncoder>, String> {
        (self.encoder()?.0)(config).map_err(|error| format!("cannot open the encoder: {error}"))
    }

    fn open_decoder(&self, private: Vec<u8>) -> Result<Box<dyn AudioDecoder>, String> {
        let mut config = AudioDecoderConfig::new(self.codec, self.config().format);
        config.codec_private = private;
        (self.decoder()?.0)(&config).map_err(|error| format!("cannot open the decoder: {error}"))
    }

    /// Encodes `frames` sample frames of speech-like audio; returns the packets and the codec
    /// configuration.
    fn packets(&self, frames: usize) -> Result<(Vec<AudioPacket>, Vec<u8>), String> {
        let mut run = Run::new(self.open(&self.config())?, self.config().format);
        run.push(frames)?;
        run.finish()?;
        Ok((run.packets, run.encoder.codec_private()))
    }
}

/// A running encoder with its input and output.
struct Run {
    encoder: Box<dyn AudioEncoder>,
    format: AudioFormat,
    /// Number of sample frames encoded.
    pushed: usize,
    packets: Vec<AudioPacket>,
}

/// Timestamp of the first sample; not 0.
const START: i64 = 4_800;

impl Run {
    fn new(encoder: Box<dyn AudioEncoder>, format: AudioFormat) -> Self {
        Self { encoder, format, pushed: 0, packets: Vec::new() }
    }

    fn push(&mut self, frames: usize) -> Result<(), String> {
        let samples = test_signal(self.format, self.pushed, frames);
        let at = START.saturating_add_unsigned(self.pushed as u64);
        let view = AudioView::new(self.format, Samples::S16(&samples));
        let view = view.map_err(|error| error.to_string())?;
        self.encoder.encode(&view, at).map_err(|error| format!("audio rejected: {error}"))?;
        self.pushed += frames;
        self.drain();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), String> {
        self.encoder.finish().map_err(|error| format!("`finish` failed: {error}"))?;
        self.drain();
        Ok(())
    }

    fn drain(&mut self) {
        let mut packet = AudioPacket::default();
        while self.encoder.receive(&mut packet) {
            self.packets.push(packet.clone());
        }
    }

    fn bytes(&self) -> usize {
        self.packets.iter().map(|packet| packet.data.len()).sum()
    }
}

/// Generates chords of three notes that swell and fade, with a little noise: `frames` sample frames
/// from `first` on, identical on every machine.
fn test_signal(format: AudioFormat, first: usize, frames: usize) -> Vec<i16> {
    let channels = format.channels();
    let mut out = Vec::with_capacity(frames * channels);
    for at in first..first + frames {
        let time = at as f64 / f64::from(format.rate);
        let swell = 0.6 + 0.4 * (7.0 * time).sin();
        for channel in 0..channels {
            let base = 180.0 + 60.0 * channel as f64;
            let notes = [1.0, 2.0, 3.1].map(|times| (base * times * time * TAU).sin());
            let mut seed = u32::try_from(at * channels + channel).unwrap_or(0);
            seed = (seed ^ seed >> 15).wrapping_mul(0x2c1b_3c6d);
            let noise = f64::from((seed ^ seed >> 12) % 256) - 128.0;
            let value = 2600.0 * swell * notes.iter().sum::<f64>() + noise;
            #[expect(clippy::cast_possible_truncation, reason = "far below the limits")]
            out.push(value as i16);
        }
    }
    out
}

/// Decodes all `packets` and returns the samples.
fn decode_all(decoder: &mut dyn AudioDecoder, packets: &[AudioPacket]) -> Result<Vec<i16>, String> {
    let mut samples = Vec::new();
    for (index, packet) in packets.iter().enumerate() {
        let report = decoder.decode(&packet.data, packet.pts);
        report.map_err(|error| format!("cannot decode packet {index}: {error}"))?;
        receive(decoder, &mut samples)?;
    }
    decoder.finish();
    receive(decoder, &mut samples)?;
    Ok(samples)
}

fn receive(decoder: &mut dyn AudioDecoder, samples: &mut Vec<i16>) -> Result<(), String> {
    let mut buf = AudioBuf::new(decoder.format(), SampleKind::S16);
    while decoder.receive(&mut buf) {
        buf.view().map_err(|error| error.to_string())?.append_s16(samples);
    }
    Ok(())
}

/// Returns an error with the message `why` unless `ok`.
fn ensure(ok: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if ok { Ok(()) } else { Err(why()) }
}

/// Checks that the outcome is an error that says that `what` was rejected.
fn refuses<T>(what: &str, outcome: Result<T, Error>) -> Result<(), String> {
    match outcome {
        Err(Error::Config(_) | Error::Unsupported(_) | Error::Limit(_)) => Ok(()),
        Err(error) => Err(format!("{what}: wrong kind of error: {error}")),
        Ok(_) => Err(format!("{what} was not rejected")),
    }
}
