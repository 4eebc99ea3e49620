//! Interface to the Opus libraries.
//!
//! All of them identify settings by the constants of libopus (RFC 6716 defines no API).

use codec_audio::opus_head::OpusHead;
use codec_audio::{AudioBuf, AudioCapabilities, AudioDecoderConfig, AudioFormat, SampleKind};
use codec_core::error::Error;

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

/// Task of a library decoder.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task<'a> {
    Decode(&'a [u8]),
    /// Decode the in-band FEC of the previous frame.
    Fec(&'a [u8]),
    /// Conceal; there is no packet.
    Conceal,
}

#[cfg(feature = "opus")]
impl<'a> Task<'a> {
    /// Returns the same task for a part of the packet.
    pub(super) fn try_map<'b, E>(
        self,
        part: impl FnOnce(&'a [u8]) -> Result<&'b [u8], E>,
    ) -> Result<Task<'b>, E> {
        Ok(match self {
            Self::Decode(data) => Task::Decode(part(data)?),
            Self::Fec(data) => Task::Fec(part(data)?),
            Self::Conceal => Task::Conceal,
        })
    }
}

/// A library decoder for all streams of a packet.
pub(super) trait LibraryDecoder: Send + Sized + 'static {
    /// Sample type of the output.
    type Sample: Copy + Default;

    const CAPABILITIES: &'static AudioCapabilities;
    /// [`Self::Sample`] as a value.
    const KIND: SampleKind;

    /// Creates a decoder for a valid header.
    fn new(config: &AudioDecoderConfig, head: OpusHead) -> Result<Self, Error>;

    /// Clears a buffer and returns its samples.
    fn begin(audio: &mut AudioBuf, format: AudioFormat, pts: i64) -> &mut Vec<Self::Sample>;

    /// Fills `out` with `frames` sample frames in the channel order of WAVE files. The packet of
    /// `task` is valid. `frames` is the duration of the packet or, for FEC, of one of its frames.
    fn decode(
        &mut self,
        task: Task<'_>,
        frames: usize,
        out: &mut [Self::Sample],
    ) -> Result<(), Error>;

    /// Returns the state of the range decoders after the last packet, if the library reports it.
    fn final_range(&self) -> Option<u32>;

    /// Discards the state, as before the first packet.
    fn reset(&mut self);
}
