//! What the two backends need of a library that codes Opus: the numbers are libopus', which all
//! share (RFC 6716 names no interface).

use codec_audio::AudioCapabilities;

pub(super) const OK: i32 = 0;
pub(super) const AUTO: i32 = -1000;
pub(super) const APPLICATION_VOIP: i32 = 2048;
pub(super) const APPLICATION_AUDIO: i32 = 2049;
pub(super) const APPLICATION_LOW_DELAY: i32 = 2051;
pub(super) const SIGNAL_VOICE: i32 = 3001;
pub(super) const SIGNAL_MUSIC: i32 = 3002;
pub(super) const BANDWIDTH_NARROW: i32 = 1101;

/// What an encoder can be told; each takes one number.
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

/// How channels are spread over the streams of one packet (RFC 7845, section 5.1.1).
#[derive(Clone, Debug)]
pub(super) struct Streams {
    pub(super) streams: u8,
    pub(super) coupled: u8,
    pub(super) mapping: Vec<u8>,
}

/// An encoder of one stream or of several.
pub(super) trait LibraryEncoder: Send + Sized + 'static {
    const CAPABILITIES: &'static AudioCapabilities;

    /// One stream of 1 or 2 channels; `None` if the library refuses.
    fn one_stream(rate: i32, channels: i32, application: i32) -> Option<Self>;

    /// Several streams for 3 to 8 channels in Vorbis' order.
    fn surround(rate: i32, channels: i32, application: i32) -> Option<(Self, Streams)>;

    /// The library's answer: [`OK`] or an error.
    fn set(&mut self, setting: Setting, value: i32) -> i32;

    /// Codes `frames` sample frames; the packet's length, or the library's error.
    fn encode(&mut self, pcm: &[i16], frames: i32, out: &mut [u8]) -> Result<usize, i32>;

    fn final_range(&self) -> u32;

    /// In samples.
    fn lookahead(&self) -> i32;
}
