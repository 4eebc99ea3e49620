//! Opus with two crates (docs/adr/0011): `ropus` encodes all modes, and decodes CELT packets;
//! `opus-rs` decodes SILK and hybrid packets. A lost packet is concealed by the crate that decoded
//! the packet before it. RFC 6716, RFC 7845.
//!
//! Workarounds for these libraries: packets are checked against RFC 6716, section 3.4, before a
//! library sees them; several streams in one packet are split here; gains are applied here; a panic
//! inside a library becomes an error and a reset.
//!
//! The C library libopus is available as well, for comparison. All libraries are used through the
//! same encoder and decoder types.

mod decoder;
mod encoder;
#[cfg(feature = "libopus")]
mod libopus;
#[cfg(feature = "libopus")]
mod libopus_decoder;
mod library;
#[cfg(feature = "opus")]
mod ropus;
#[cfg(feature = "opus")]
mod ropus_decoder;
#[cfg(feature = "opus")]
mod stream;

use codec_audio::{AudioBackend, AudioCapabilities, AudioCodec};

/// The backend `opus/ropus`.
#[cfg(feature = "opus")]
pub(crate) const ROPUS: AudioBackend = AudioBackend {
    codec: AudioCodec::Opus,
    name: "ropus",
    encoder: Some((
        encoder::open::<ropus::Encoders>,
        <ropus::Encoders as library::LibraryEncoder>::CAPABILITIES,
    )),
    decoder: Some((
        decoder::open::<ropus_decoder::Streams>,
        <ropus_decoder::Streams as library::LibraryDecoder>::CAPABILITIES,
    )),
};

/// The backend `opus/libopus`.
#[cfg(feature = "libopus")]
pub(crate) const LIBOPUS: AudioBackend = AudioBackend {
    codec: AudioCodec::Opus,
    name: "libopus",
    encoder: Some((
        encoder::open::<codec_ffi::opus::Encoder>,
        <codec_ffi::opus::Encoder as library::LibraryEncoder>::CAPABILITIES,
    )),
    decoder: Some((
        decoder::open::<libopus_decoder::Libopus>,
        <libopus_decoder::Libopus as library::LibraryDecoder>::CAPABILITIES,
    )),
};

/// Supported sample rates of input and output, in Hz.
const RATES: &[u32] = &[8_000, 12_000, 16_000, 24_000, 48_000];

/// Supported packet durations in microseconds.
const FRAME_US: &[u32] = &[2_500, 5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000];

const ENCODER_CAPABILITIES: AudioCapabilities = AudioCapabilities {
    rates: RATES,
    max_channels: 8,
    frame_us: FRAME_US,
    bitrate_range: Some((500, 2_048_000)),
    live_bitrate: true,
    complexity: true,
    cbr: true,
    vbr: true,
    bandwidth: true,
    fec: true,
    dtx: true,
    ..AudioCapabilities::minimal("")
};

const DECODER_CAPABILITIES: AudioCapabilities = AudioCapabilities {
    rates: RATES,
    max_channels: 255,
    frame_us: FRAME_US,
    fec: true,
    dtx: true,
    concealment: true,
    ..AudioCapabilities::minimal("")
};
