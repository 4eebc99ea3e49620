//! Test signals for audio, and complete runs through encoders and decoders.

use codec_audio::{
    AudioBuf, AudioCodec, AudioDecoder, AudioDecoderConfig, AudioEncoder, AudioEncoderConfig,
    AudioFormat, AudioPacket, AudioView, ChannelLayout, Samples,
};
use codec_backends::registry::{find_audio_decoder, find_audio_encoder};
use codec_container::{CodedPacket, ReadOptions, Source, open_packets};
use codec_core::Error;

use crate::rng::Rng;

/// The format of `channels` channels at `rate` Hz.
///
/// # Panics
/// For 0 channels.
#[must_use]
pub fn format(rate: u32, channels: usize) -> AudioFormat {
    AudioFormat::new(rate, ChannelLayout::of(channels).expect("1 to 255 channels"))
}

/// Opens the encoder of backend `spec`.
///
/// # Errors
/// As the backend's `open`; also if this build lacks the backend.
pub fn encoder(spec: &str, config: &AudioEncoderConfig) -> Result<Box<dyn AudioEncoder>, Error> {
    let (_, open, _) = find_audio_encoder(spec)?;
    open(config)
}

/// Opens the decoder of backend `spec`.
///
/// # Errors
/// As the backend's `open`; also if this build lacks the backend.
pub fn decoder(spec: &str, config: &AudioDecoderConfig) -> Result<Box<dyn AudioDecoder>, Error> {
    let (_, open, _) = find_audio_decoder(spec)?;
    open(config)
}

/// Takes all packets that wait in `encoder`.
pub fn packets(encoder: &mut dyn AudioEncoder) -> Vec<AudioPacket> {
    let (mut all, mut packet) = (Vec::new(), AudioPacket::default());
    while encoder.receive(&mut packet) {
        all.push(packet.clone());
    }
    all
}

/// Encodes `samples` from time 0 on, pushed in parts of up to `push` sample frames.
///
/// # Panics
/// If the encoder rejects something.
pub fn encode(
    encoder: &mut dyn AudioEncoder,
    format: AudioFormat,
    samples: &[i16],
    push: usize,
) -> Vec<AudioPacket> {
    let (mut all, mut pts) = (Vec::new(), 0);
    for part in samples.chunks(push * format.channels()) {
        let view = AudioView::new(format, Samples::S16(part)).unwrap();
        encoder.encode(&view, pts).unwrap();
        pts += i64::try_from(view.frames()).unwrap();
        all.extend(packets(encoder));
    }
    encoder.finish().unwrap();
    all.extend(packets(encoder));
    all
}

/// Decodes `packets` to 16-bit samples, without those that the encoder marks as to be discarded.
///
/// # Panics
/// If a packet cannot be decoded, or its duration or time is not as stated.
pub fn decode(decoder: &mut dyn AudioDecoder, packets: &[AudioPacket]) -> Vec<i16> {
    let mut out = Vec::new();
    let mut buf = AudioBuf::new(decoder.format(), codec_audio::SampleKind::S16);
    for packet in packets {
        let report = decoder.decode(&packet.data, packet.pts).unwrap();
        assert_eq!(report.frames, packet.duration);
        assert!(decoder.receive(&mut buf));
        assert_eq!((buf.pts, buf.frames() as u64), (packet.pts, packet.duration));
        let before_start = usize::try_from((-packet.pts).max(0)).unwrap();
        buf.trim(before_start, usize::try_from(packet.trim_end).unwrap());
        buf.view().unwrap().append_s16(&mut out);
    }
    out
}

/// A synthetic voice that differs between channels: harmonics that rise and fall in syllables,
/// noise between them. `frames` sample frames, interleaved.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "times of a few seconds, levels far below full scale"
)]
pub fn voice(format: AudioFormat, frames: usize, seed: u64) -> Vec<i16> {
    let mut rng = Rng::new(seed);
    let mut samples = Vec::with_capacity(frames * format.channels());
    for at in 0..frames {
        let time = at as f64 / f64::from(format.rate);
        let syllable = (time * 4.0 * std::f64::consts::PI).sin().max(0.0);
        for channel in 0..format.channels() {
            let pitch = 110.0 + 23.0 * channel as f64 + 20.0 * (time * 3.0).sin();
            let tone: f64 = (1..12)
                .map(|h| {
                    let level = 2500.0 / f64::from(h);
                    level * (time * pitch * f64::from(h) * std::f64::consts::TAU).sin()
                })
                .sum();
            let noise = f64::from(rng.byte()) - 127.5;
            samples.push((tone * syllable + noise) as i16);
        }
    }
    samples
}

/// The first `frames` sample frames of a FLAC file, as 16-bit samples.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn flac(file: &std::path::Path, frames: usize) -> Vec<i16> {
    let source = Source::seekable(std::fs::File::open(file).expect("opens"));
    let mut reader = open_packets(source, &ReadOptions::default()).expect("a FLAC file");
    reader.select_audio().expect("an audio track");
    let track = reader.audio().expect("an audio track").1;
    let mut config = AudioDecoderConfig::new(AudioCodec::Flac, track.audio);
    config.codec_private.clone_from(&track.codec_private);
    let mut opened = decoder("flac", &config).expect("opens");
    let wanted = frames * config.format.channels();
    let (mut packet, mut out) = (CodedPacket::default(), Vec::new());
    let mut buf = AudioBuf::new(config.format, codec_audio::SampleKind::S16);
    while out.len() < wanted && reader.read(&mut packet).expect("reads") {
        opened.decode(&packet.data, 0).expect("decodes");
        while opened.receive(&mut buf) {
            buf.view().expect("whole").append_s16(&mut out);
        }
    }
    out.truncate(wanted);
    out
}

/// Signal-to-noise ratio of `heard` against `said`, in dB.
///
/// # Panics
/// If they differ in length.
#[must_use]
pub fn snr_db(said: &[i16], heard: &[i16]) -> f64 {
    assert_eq!(said.len(), heard.len());
    let power = |x: f64| x * x;
    let signal: f64 = said.iter().map(|&s| power(f64::from(s))).sum();
    let noise: f64 =
        said.iter().zip(heard).map(|(&s, &h)| power(f64::from(s) - f64::from(h))).sum();
    10.0 * (signal / noise.max(1e-9)).log10()
}
