//! The interface of audio encoders: trait, outcomes, live updates and capabilities.

use std::fmt::Debug;

use super::buffer::AudioView;
use super::config::{AudioRate, Bandwidth, FrameDuration, Signal};
use super::packet::AudioPacket;
use codec_core::codec::{Applied, Bitrate, Knob};
use codec_core::error::Error;

/// Result of encoding samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AudioOutcome {
    /// At least one packet is ready for [`AudioEncoder::receive`].
    Coded,
    /// All samples are buffered until their frame is complete.
    Buffered,
}

/// A change to a running audio encoder; takes effect from the next frame.
#[derive(Clone, Debug, PartialEq)]
pub enum AudioUpdate {
    /// New target bitrate; the mode stays.
    Bitrate(Bitrate),
    /// New rate control mode and target.
    Rate(AudioRate),
    /// New complexity, from 0 (fastest) to 10 (best quality).
    Complexity(u8),
    /// New packet duration.
    Frame(FrameDuration),
    /// New highest audio bandwidth that the encoder may choose.
    MaxBandwidth(Bandwidth),
    /// New fixed audio bandwidth; `None` lets the encoder choose.
    Bandwidth(Option<Bandwidth>),
    /// New fixed number of coded channels; `None` lets the encoder choose.
    ForceChannels(Option<u8>),
    /// Enable or disable in-band FEC.
    Fec(bool),
    /// New expected packet loss in percent.
    ExpectedLoss(u8),
    /// Enable or disable discontinuous transmission (DTX).
    Dtx(bool),
    /// New type of signal.
    Signal(Signal),
    /// See [`super::AudioEncoderConfig::prediction_disabled`].
    PredictionDisabled(bool),
    /// See [`super::AudioEncoderConfig::phase_inversion_disabled`].
    PhaseInversionDisabled(bool),
    /// New value of a codec-specific setting, by knob name.
    Knob(String, i64),
}

/// Features and limits of an audio backend.
///
/// A backend that lacks features declares the reason in `gap_reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own")]
pub struct AudioCapabilities {
    /// Name and version of the implementation.
    pub implementation: &'static str,
    /// Supported sample rates in Hz; empty if all rates are supported.
    pub rates: &'static [u32],
    /// Maximum number of channels.
    pub max_channels: u8,
    /// Supported packet durations in microseconds; empty if all durations are supported.
    pub frame_us: &'static [u32],
    /// Supported range in bits per second; `None` if the bitrate follows from the format.
    pub bitrate_range: Option<(u64, u64)>,
    /// Whether the bitrate can be changed while running.
    pub live_bitrate: bool,
    /// Whether the complexity can be set.
    pub complexity: bool,
    /// Whether constant bitrate is supported.
    pub cbr: bool,
    /// Whether variable bitrate is supported.
    pub vbr: bool,
    /// Whether the audio bandwidth can be set.
    pub bandwidth: bool,
    /// Whether in-band FEC is supported.
    pub fec: bool,
    /// Whether discontinuous transmission (DTX) is supported.
    pub dtx: bool,
    /// Whether the decoder conceals lost packets better than with silence.
    pub concealment: bool,
    /// Whether the codec is lossless.
    pub lossless: bool,
    /// Codec-specific settings.
    pub knobs: &'static [Knob],
    /// Reason why features are missing, in one sentence.
    pub gap_reason: &'static str,
}

impl AudioCapabilities {
    /// Creates a description with minimal capabilities, as a base for struct update syntax.
    #[must_use]
    pub const fn minimal(implementation: &'static str) -> Self {
        Self {
            implementation,
            rates: &[],
            max_channels: 2,
            frame_us: &[],
            bitrate_range: None,
            live_bitrate: false,
            complexity: false,
            cbr: false,
            vbr: false,
            bandwidth: false,
            fec: false,
            dtx: false,
            concealment: false,
            lossless: false,
            knobs: &[],
            gap_reason: "",
        }
    }
}

/// An audio encoder: push samples, pull packets.
///
/// It starts no threads, reads no clock and calls no callbacks.
pub trait AudioEncoder: Send + Debug {
    /// Returns what the encoder supports; constant for its lifetime.
    fn capabilities(&self) -> &AudioCapabilities;

    /// Returns the number of samples at the start of the decoded audio that players drop
    /// (pre-skip), at the configured rate.
    fn lookahead(&self) -> u32;

    /// Returns the codec configuration that containers store; empty if the codec has none. For Opus
    /// this is the whole `OpusHead` (RFC 7845, section 5.1).
    fn codec_private(&self) -> Vec<u8>;

    /// Encodes any number of samples. `pts` is the timestamp of the first sample. If it differs
    /// from the timestamp after the last sample of the previous call, the timeline jumps: buffered
    /// samples are padded with silence and coded first.
    ///
    /// # Errors
    /// [`Error::Config`] if the format is not the configured one. The encoder is then unchanged.
    fn encode(&mut self, audio: &AudioView<'_>, pts: i64) -> Result<AudioOutcome, Error>;

    /// Moves the next finished packet into `packet`, reusing its memory. Returns `false` if no
    /// packet is ready.
    fn receive(&mut self, packet: &mut AudioPacket) -> bool;

    /// Flushes the encoder: pads and codes all remaining samples, so that a decoder outputs every
    /// sample. More samples can be encoded afterwards.
    ///
    /// # Errors
    /// Returns the errors of [`Self::encode`].
    fn finish(&mut self) -> Result<(), Error>;

    /// Changes a setting of the running encoder.
    ///
    /// # Errors
    /// [`Error::Config`] with the allowed range, or [`Error::Unsupported`]. The encoder is then
    /// unchanged.
    fn apply(&mut self, update: AudioUpdate) -> Result<Applied, Error>;
}
