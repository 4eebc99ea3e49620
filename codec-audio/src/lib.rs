//! Sound: buffers, the traits that every audio codec implements, and what passes through them.
//!
//! The shape is that of [`codec_core::codec`]: push samples, pull packets; push a packet, pull
//! samples. No threads, no clock, no callback. All times count samples: ticks of one second divided
//! by the sampling rate.
//!
//! An encoder takes any number of samples at a time and cuts its frames itself. The time of a
//! packet is that of the first sample which a decoder gives for it: an encoder that looks ahead
//! begins with a packet before time 0, and whoever plays the stream drops what lies before it.

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
