//! The interface of audio decoders: trait and reports.

use std::fmt::Debug;

use super::buffer::AudioBuf;
use super::config::Bandwidth;
use super::encoder::AudioCapabilities;
use super::format::AudioFormat;
use codec_core::error::Error;

/// Information about one decoded packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AudioDecodeReport {
    /// Number of sample frames of this packet, available now or with later packets.
    pub frames: u64,
    /// Number of sample frames that were concealed or recovered by in-band FEC.
    pub recovered: u64,
    /// Coded audio bandwidth, if the codec reports it.
    pub bandwidth: Option<Bandwidth>,
    /// State of the range decoder, for comparing implementations (Opus).
    pub final_range: Option<u32>,
}

/// How to replace a lost packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery<'a> {
    /// Conceal the loss from earlier audio.
    Conceal,
    /// Recover the audio from in-band FEC in the following packet, which is decoded normally
    /// afterwards; without FEC data, conceal.
    FromNext(&'a [u8]),
}

/// An audio decoder: push packets, pull samples.
///
/// It starts no threads, reads no clock and calls no callbacks.
pub trait AudioDecoder: Send + Debug {
    /// Returns what the decoder supports; constant for its lifetime.
    fn capabilities(&self) -> &AudioCapabilities;

    /// Returns the output format as far as it is known; the format of the received buffers takes
    /// precedence.
    fn format(&self) -> AudioFormat;

    /// Decodes one packet; `pts` is the time of its first sample, at the rate of [`Self::format`].
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Limit`]: the packet yields no samples, and decoding can
    /// continue with the next packet.
    fn decode(&mut self, data: &[u8], pts: i64) -> Result<AudioDecodeReport, Error>;

    /// Generates `frames` sample frames from `pts` on, to replace lost packets.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the codec has no concealment; [`Error::Config`] if it cannot
    /// conceal this duration.
    fn recover(
        &mut self,
        frames: usize,
        recovery: Recovery<'_>,
        pts: i64,
    ) -> Result<AudioDecodeReport, Error>;

    /// Moves the next decoded samples into `audio`, reusing its memory. Returns `false` if none are
    /// ready.
    fn receive(&mut self, audio: &mut AudioBuf) -> bool;

    /// Flushes the decoder: samples that were held back become available.
    fn finish(&mut self);

    /// Resets the state to that before the first packet.
    fn reset(&mut self);
}
