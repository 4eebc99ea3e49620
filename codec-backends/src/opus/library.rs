//! Interface to the Opus encoder libraries.
//!
//! All of them use libopus' numbers for settings (RFC 6716 defines no API).

use codec_audio::AudioCapabilities;

pub(super) const OK: i32 = 0;
pub(super) const AUTO: i32 = -1000;
pub(super) const APPLICATION_VOIP: i32 = 2048;
pub(super) const APPLICATION_AUDIO: i32 = 2049;
pub(super) const APPLICATION_LOW_DELAY: i32 = 2051;
pub(super) const SIGNAL_VOICE: i32 = 3001;
pub(super) const SIGNAL_MUSIC: i32 = 3002;
pub(super) const BANDWIDTH_NARROW: i32 = 1101;

/// Settings of an encoder; each takes one number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Setting {
    Bitrate,
    Vbr,
    VbrConstraint,
    Complexity,
    Signal,
    Bandwidth,
    MaxBandwidth,
    ForceChannels,
    Fec,
    Loss,
    Dtx,
    LsbDepth,
    PredictionDisabled,
    PhaseInversionDisabled,
}

/// Assignment of channels to the streams of a packet (RFC 7845, section 5.1.1).
#[derive(Clone, Debug)]
pub(super) struct Streams {
    pub(super) streams: u8,
    pub(super) coupled: u8,
    pub(super) mapping: Vec<u8>,
}

/// A library encoder for one or several streams.
pub(super) trait LibraryEncoder: Send + Sized + 'static {
    const CAPABILITIES: &'static AudioCapabilities;

    /// Creates an encoder for one stream of 1 or 2 channels; `None` if the library rejects it.
    fn single_stream(rate: i32, channels: i32, application: i32) -> Option<Self>;

    /// Creates an encoder for several streams of 3 to 8 channels in Vorbis order.
    fn surround(rate: i32, channels: i32, application: i32) -> Option<(Self, Streams)>;

    /// Sets a value; returns the library's status: [`OK`] or an error.
    fn set(&mut self, setting: Setting, value: i32) -> i32;

    /// Codes `frames` sample frames; returns the packet's length or the library's error.
    fn encode(&mut self, pcm: &[i16], frames: i32, out: &mut [u8]) -> Result<usize, i32>;

    fn final_range(&self) -> u32;

    /// Returns the look-ahead in samples.
    fn lookahead(&self) -> i32;
}
