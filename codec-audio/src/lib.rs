//! Audio: sample buffers, the traits of audio codecs, G.711 and PCM codecs, parsing of Opus
//! packets, and audio processing.
//!
//! The interface resembles [`codec_core::codec`]: encoders take samples and return packets,
//! decoders take packets and return samples. They start no threads, read no clock and call no
//! callbacks. All timestamps count samples at the sample rate.
//!
//! An encoder takes any number of samples at a time and splits them into frames itself. The
//! timestamp of a packet is the time of the first sample that a decoder outputs for it. An encoder
//! with look-ahead delays the audio, so its first packet has a negative timestamp; players drop the
//! samples before time 0.
//!
//! # Examples
//!
//! Encode and decode 20 ms of G.711; other codecs are opened by name with
//! `codec_backends::open_audio_encoder`:
//!
//! ```
//! use codec_audio::{
//!     AudioBuf, AudioCodec, AudioDecoderConfig, AudioEncoderConfig, AudioFormat, AudioPacket,
//!     AudioView, ChannelLayout, SampleKind, Samples, g711,
//! };
//!
//! # let (Some((open_encoder, _)), Some((open_decoder, _))) =
//! #     (g711::PCMA.encoder, g711::PCMA.decoder) else { unreachable!() };
//! let format = AudioFormat::new(8_000, ChannelLayout::Mono);
//! let mut encoder = open_encoder(&AudioEncoderConfig::new(AudioCodec::Pcma, format))?;
//! let mut decoder = open_decoder(&AudioDecoderConfig::new(AudioCodec::Pcma, format))?;
//! let (mut packet, mut decoded) = (AudioPacket::default(), AudioBuf::new(format, SampleKind::S16));
//!
//! encoder.encode(&AudioView::new(format, Samples::S16(&[1000; 160]))?, 0)?;
//! while encoder.receive(&mut packet) {
//!     decoder.decode(&packet.data, packet.pts)?;
//! }
//! assert!(decoder.receive(&mut decoded));
//! assert_eq!((packet.data.len(), decoded.frames(), decoded.pts), (160, 160, 0));
//! # Ok::<(), codec_core::Error>(())
//! ```
//!
//! Mix two participants of a call; each receives the mix without their own input (mix-minus):
//!
//! ```
//! use codec_audio::mixer::Mixer;
//! use codec_audio::{AudioBuf, AudioFormat, AudioView, ChannelLayout, SampleKind, Samples};
//!
//! let format = AudioFormat::new(48_000, ChannelLayout::Mono);
//! let mut mixer = Mixer::new(format)?;
//! for (id, value) in [(1, 0.25), (2, 0.5)] {
//!     mixer.add_input(id, format)?;
//!     let samples = [value; 960]; // 20 ms
//!     mixer.push(id, &AudioView::new(format, Samples::F32(&samples))?, 0)?;
//! }
//!
//! let mut mixed = AudioBuf::new(format, SampleKind::F32);
//! let report = mixer.mix(960, &mut mixed);
//! assert_eq!(report.contributions.len(), 2);
//! assert_eq!(mixed.pts, -(mixer.latency() as i64));
//! let mut for_one = AudioBuf::new(format, SampleKind::F32);
//! mixer.mix_minus(1, &mut for_one)?;
//! assert_eq!(for_one.frames(), 960);
//! # Ok::<(), codec_core::Error>(())
//! ```
//!
//! Convert stereo to mono at 48 kHz, and measure the audio level for the RTP header
//! extension of RFC 6464:
//!
//! ```
//! use codec_audio::convert::Converter;
//! use codec_audio::{AudioFormat, AudioView, ChannelLayout, Samples, level};
//!
//! let stereo = AudioFormat::new(48_000, ChannelLayout::Stereo);
//! let mono = AudioFormat::new(48_000, ChannelLayout::Mono);
//! let mut converter = Converter::new(stereo, mono)?;
//! let mut out = Vec::new();
//! converter.process(&AudioView::new(stereo, Samples::S16(&[16_384; 480]))?, &mut out)?;
//! assert_eq!(out.len(), 240);
//! assert_eq!(level::level_of(Samples::F32(&out)), 6); // -6 dBov
//! # Ok::<(), codec_core::Error>(())
//! ```
//!
//! # Standards
//!
//! Paths are relative to `src`.
//!
//! | standard | subject | file |
//! |---|---|---|
//! | RFC 6716, section 3 and appendix B | Opus packets: TOC byte, frames, FEC flags | `opus_packet.rs` |
//! | RFC 7845, section 5.1 | `OpusHead`, channel orders | `opus_head.rs` |
//! | RFC 6464, RFC 6465 | audio levels; active speaker | `level.rs` |
//! | ITU-T G.711, RFC 3551 | A-law, mu-law | `g711/` |
//! | | PCM | `pcm/` |
//! | ITU-R BS.775 | channel mapping | `channels.rs` |
//! | | speakers and channel masks of WAVE files | `speakers.rs` |
//! | EBU R 128 | loudness (feature `loudness`) | `metrics/loudness.rs` |
//!
//! # Processing
//!
//! | subject | file |
//! |---|---|
//! | conversion between sample rates and channel layouts; compensation of clock drift | `convert.rs`, which uses `channels.rs` and `resample.rs` |
//! | ramped gain; look-ahead peak limiter | `gain.rs`, `limiter.rs` |
//! | mixer with mix-minus outputs | `mixer/` |
//! | voice activity, noise suppression, echo cancellation (features `vad`, `denoise`, `apm`) | `vad.rs`, `denoise.rs`, `apm.rs` |
//! | SNR, log-spectral distance, delay | `metrics/` |
//!
//! [`processors::AUDIO_PROCESSORS`] lists the processors in this build.

#![forbid(unsafe_code)]

#[cfg(feature = "apm")]
pub mod apm;
mod backend;
mod buffer;
pub mod channels;
pub mod check;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod convert;
mod decoder;
#[cfg(feature = "denoise")]
pub mod denoise;
mod encoder;
mod format;
pub mod framer;
#[cfg(feature = "codecs")]
pub mod g711;
pub mod gain;
pub mod level;
pub mod limiter;
pub mod metrics;
pub mod mixer;
pub mod opus_head;
pub mod opus_packet;
mod packet;
#[cfg(feature = "codecs")]
pub mod pcm;
pub mod processor;
pub mod processors;
#[cfg(feature = "resample")]
pub mod resample;
#[cfg(feature = "codecs")]
mod sample;
#[cfg(feature = "codecs")]
mod sample_codec;
mod speakers;
#[cfg(feature = "vad")]
pub mod vad;

pub use backend::{AudioBackend, OpenAudioDecoder, OpenAudioEncoder};
pub use buffer::{AudioBuf, AudioView, SampleBuf, SampleKind, Samples};
pub use config::{
    Application, AudioDecoderConfig, AudioEncoderConfig, AudioRate, Bandwidth, FrameDuration,
    Signal,
};
pub use decoder::{AudioDecodeReport, AudioDecoder, Recovery};
pub use encoder::{AudioCapabilities, AudioEncoder, AudioOutcome, AudioUpdate};
pub use format::{AudioCodec, AudioFormat, ChannelLayout, PcmEncoding, RATES};
pub use level::level_dbov;
pub use packet::{AudioPacket, AudioPacketMeta};
pub use processor::{AudioProcessor, ProcessReport};
pub use speakers::{Speaker, SpeakerSet};
