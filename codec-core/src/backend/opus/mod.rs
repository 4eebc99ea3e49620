//! Opus: the encoder of the crate `ropus`, a port of libopus' fixed-point build, and the decoder of
//! the crate `opus-rs`, whose concealment of losses is libopus' (docs/adr/0013). RFC 6716, RFC 7845.
//!
//! Mended on our side of the seam: packets are checked by RFC 6716, section 3.4, before a library
//! sees them; several streams in one packet are taken apart here; gains are applied here; a panic
//! inside a library becomes an error and a fresh start.

mod decoder;
mod encoder;
mod encoders;

pub(crate) use decoder::open as open_decoder;
pub(crate) use encoder::open as open_encoder;

use crate::audio::AudioCapabilities;

/// Rates of input and output.
const RATES: &[u32] = &[8_000, 12_000, 16_000, 24_000, 48_000];

/// Durations of a packet in microseconds.
const FRAME_US: &[u32] = &[2_500, 5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000];

pub(crate) static ENCODER_CAPABILITIES: AudioCapabilities = AudioCapabilities {
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
    ..AudioCapabilities::minimal("ropus 0.12")
};

pub(crate) static DECODER_CAPABILITIES: AudioCapabilities = AudioCapabilities {
    rates: RATES,
    max_channels: 255,
    frame_us: FRAME_US,
    fec: true,
    dtx: true,
    concealment: true,
    ..AudioCapabilities::minimal("opus-rs 0.1")
};
