//! Audio: sample buffers, the traits of audio codecs, G.711/PCM/Opus helpers and audio processing.
//!
//! The interface resembles [`crate::codec`]: encoders take samples and return packets, decoders
//! take packets and return samples. They start no threads, read no clock and call no callbacks. All
//! timestamps count samples at the sampling rate.
//!
//! An encoder takes any number of samples at a time and splits them into frames itself. The
//! timestamp of a packet is that of the first sample that a decoder outputs for it. An encoder with
//! look-ahead therefore starts with a packet before time 0, and players drop the samples before
//! time 0.

#![forbid(unsafe_code)]

#[cfg(feature = "apm")]
pub mod apm;
mod backend;
mod buffer;
pub mod channels;
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
#[cfg(feature = "codecs")]
mod packed;
mod packet;
#[cfg(feature = "codecs")]
pub mod pcm;
pub mod processor;
pub mod processors;
#[cfg(feature = "resample")]
pub mod resample;
mod sample;
pub mod settings;
#[cfg(feature = "vad")]
pub mod vad;

pub use backend::{AudioBackend, OpenAudioDecoder, OpenAudioEncoder};
pub use buffer::{AudioBuf, AudioView, SampleBuf, SampleKind, Samples};
pub use config::{
    Application, AudioDecoderConfig, AudioEncoderConfig, AudioRate, Bandwidth, FrameLength, Signal,
};
pub use decoder::{AudioDecoder, AudioReport, Recovery};
pub use encoder::{AudioCapabilities, AudioEncoder, AudioOutcome, AudioUpdate};
pub use format::{AudioCodec, AudioFormat, ChannelLayout, PcmEncoding, RATES, Speaker};
pub use level::level_dbov;
pub use packet::{AudioPacket, AudioPacketMeta};
pub use processor::{AudioProcessor, ProcessReport};
