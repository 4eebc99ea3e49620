//! Decoders of AAC-LC, MP3, Vorbis, FLAC and ALAC with the crate `symphonia`.
//!
//! Unsupported, and rejected: AAC with more than two channels, with spectral band replication
//! signalled in its configuration, or of any profile other than low complexity; Vorbis with more
//! than two channels.

mod decoder;
mod setup;

pub(crate) use decoder::open;

use codec_audio::AudioCapabilities;

pub(crate) static CAPABILITIES: AudioCapabilities = AudioCapabilities {
    max_channels: 8,
    gap_reason: "Symphonia only decodes, and only complete packets",
    ..AudioCapabilities::minimal("symphonia 0.6")
};

pub(crate) static LOSSLESS_CAPABILITIES: AudioCapabilities =
    AudioCapabilities { lossless: true, ..CAPABILITIES };
