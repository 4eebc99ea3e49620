//! Decoders of AAC-LC, MP3, Vorbis, FLAC and ALAC by the crate `symphonia`.
//!
//! What it cannot do and says so: AAC with more than two channels, with spectral band replication
//! signalled in its set-up data, or of any profile but low complexity; Vorbis of
//! more than two channels.

mod decoder;
mod setup;

pub(crate) use decoder::open;

use codec_audio::AudioCapabilities;

pub(crate) static CAPABILITIES: AudioCapabilities = AudioCapabilities {
    max_channels: 8,
    lacks: "Symphonia decodes whole packets alone",
    ..AudioCapabilities::minimal("symphonia 0.6")
};

pub(crate) static LOSSLESS_CAPABILITIES: AudioCapabilities =
    AudioCapabilities { lossless: true, ..CAPABILITIES };
