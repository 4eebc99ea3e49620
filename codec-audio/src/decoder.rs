//! The audio decoder's side of the seam.

use std::fmt::Debug;

use super::buffer::AudioBuf;
use super::config::Bandwidth;
use super::encoder::AudioCapabilities;
use super::format::AudioFormat;
use codec_core::error::Error;

/// What was learnt from one packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AudioReport {
    /// Sample frames that came out, or will with later packets.
    pub frames: u64,
    /// How much of them was made up or taken from a coarse copy.
    pub recovered: u64,
    /// Highest frequency that was coded, where the codec tells.
    pub bandwidth: Option<Bandwidth>,
    /// State of the range decoder, to compare implementations with (Opus).
    pub final_range: Option<u32>,
}

/// What to make of a packet that did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery<'a> {
    /// Make it up from what came before.
    Conceal,
    /// Take the coarse copy out of the packet after it, which is decoded as usual afterwards; where
    /// it has none, make it up.
    FromNext(&'a [u8]),
}

/// An audio decoder. No threads, no clock, no callback.
pub trait AudioDecoder: Send + Debug {
    /// What it can do; constant for its lifetime.
    fn capabilities(&self) -> &AudioCapabilities;

    /// Format of what comes out, as far as is known: that of the buffers has the last word.
    fn format(&self) -> AudioFormat;

    /// Takes one packet; `pts` is the time of its first sample, at the rate of [`Self::format`].
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Limit`]: no samples come out; the next packet may be decoded.
    fn decode(&mut self, data: &[u8], pts: i64) -> Result<AudioReport, Error>;

    /// Makes up `frames` sample frames from `pts` on, for packets that did not come.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the codec has no concealment; [`Error::Config`] if `frames` is no
    /// duration that it can make up.
    fn recover(
        &mut self,
        frames: usize,
        recovery: Recovery<'_>,
        pts: i64,
    ) -> Result<AudioReport, Error>;

    /// Moves the next decoded samples into `audio`, whose memory is used again. `false` if there
    /// are none.
    fn receive(&mut self, audio: &mut AudioBuf) -> bool;

    /// No more packets for now: lets go of what was held back.
    fn finish(&mut self);

    /// Forgets the past, as before the first packet.
    fn reset(&mut self);
}
