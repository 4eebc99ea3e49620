//! The audio encoder's side of the seam.

use std::fmt::Debug;

use super::buffer::AudioView;
use super::config::{AudioRate, Bandwidth, FrameLength, Signal};
use super::packet::AudioPacket;
use codec_core::codec::{Applied, Bitrate, Knob};
use codec_core::error::Error;

/// What became of the samples. Never silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AudioOutcome {
    /// At least one packet is ready for [`AudioEncoder::receive`].
    Coded,
    /// All samples wait for the rest of their frame.
    Buffered,
}

/// A change to a running audio encoder, from the next frame on.
#[derive(Clone, Debug, PartialEq)]
pub enum AudioUpdate {
    /// New target; the mode stays.
    Bitrate(Bitrate),
    /// New mode and target.
    Rate(AudioRate),
    /// 0 (fastest) to 10 (best).
    Complexity(u8),
    /// Duration of a packet.
    Frame(FrameLength),
    /// Highest bandwidth that may be chosen.
    MaxBandwidth(Bandwidth),
    /// One bandwidth, or `None`: chosen.
    Bandwidth(Option<Bandwidth>),
    /// One number of channels, or `None`: chosen.
    ForceChannels(Option<u8>),
    /// In-band FEC.
    Fec(bool),
    /// Packet loss to prepare for, in percent.
    ExpectedLoss(u8),
    /// Discontinuous transmission.
    Dtx(bool),
    /// What the sound is.
    Signal(Signal),
    /// See [`super::AudioEncoderConfig::prediction_disabled`].
    PredictionDisabled(bool),
    /// See [`super::AudioEncoderConfig::phase_inversion_disabled`].
    PhaseInversionDisabled(bool),
    /// A setting of the codec's own.
    Knob(String, i64),
}

/// What an audio backend can do. It states its gaps and does not fake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own")]
pub struct AudioCapabilities {
    pub implementation: &'static str,
    /// Sampling rates, in Hz; empty: any.
    pub rates: &'static [u32],
    pub max_channels: u8,
    /// Durations of a packet, in microseconds; empty: any.
    pub frame_us: &'static [u32],
    /// Bits per second; `None`: the rate follows from the format.
    pub bitrate_range: Option<(u64, u64)>,
    pub live_bitrate: bool,
    pub complexity: bool,
    pub cbr: bool,
    pub vbr: bool,
    pub bandwidth: bool,
    pub fec: bool,
    pub dtx: bool,
    /// Makes up lost packets better than by silence.
    pub concealment: bool,
    pub lossless: bool,
    pub knobs: &'static [Knob],
    /// Why what is missing here is missing, in one sentence.
    pub lacks: &'static str,
}

impl AudioCapabilities {
    /// The least that anything can do; fill in the rest.
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
            lacks: "",
        }
    }
}

/// An audio encoder. No threads, no clock, no callback.
pub trait AudioEncoder: Send + Debug {
    /// What it can do; constant for its lifetime.
    fn capabilities(&self) -> &AudioCapabilities;

    /// Samples by which the decoded sound lies behind the input: what a player drops at the start
    /// (pre-skip), at the configured rate.
    fn lookahead(&self) -> u32;

    /// Set-up data for the container; empty where there is none. That of Opus is the whole
    /// `OpusHead` (RFC 7845, section 5.1).
    fn codec_private(&self) -> Vec<u8>;

    /// Takes any number of samples. `pts` is the time of the first; where it is not the end of the
    /// last call's, the time jumps: what waited for its frame is coded first, padded with silence.
    ///
    /// # Errors
    /// [`Error::Config`] if the format is not the configured one: nothing has changed.
    fn encode(&mut self, audio: &AudioView<'_>, pts: i64) -> Result<AudioOutcome, Error>;

    /// Moves the next finished packet into `packet`, whose memory is used again. `false` if there
    /// is none.
    fn receive(&mut self, packet: &mut AudioPacket) -> bool;

    /// No more samples: pads and codes what is left, so that a decoder gives every sample. After
    /// that the encoder can take samples again.
    ///
    /// # Errors
    /// As [`Self::encode`].
    fn finish(&mut self) -> Result<(), Error>;

    /// Changes a setting.
    ///
    /// # Errors
    /// [`Error::Config`] with the allowed range, or [`Error::Unsupported`]; nothing has changed.
    fn apply(&mut self, update: AudioUpdate) -> Result<Applied, Error>;
}
