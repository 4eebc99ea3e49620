//! The encoder's side of the seam.

use std::fmt::Debug;

use super::{
    Bitrate, Capabilities, Content, DropPolicy, Packet, RateControl, Scalability, SlotSet,
};
use crate::error::Error;
use crate::frame::{Picture, Rational, Size};

/// What the caller wants of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameRequest {
    /// Presentation time in ticks of the configured time base; each later than the one before.
    pub pts: i64,
    /// Duration in ticks; `None`: until the next frame, by the nominal frame rate.
    pub duration: Option<u64>,
    /// Code a key frame.
    pub key_frame: bool,
    /// Slots that may be referenced; `None`: the encoder chooses.
    pub references: Option<SlotSet>,
    /// Slots to be updated; `None`: the encoder chooses.
    pub updates: Option<SlotSet>,
    /// Whether this frame may be dropped; `None`: as configured.
    pub may_drop: Option<bool>,
}

impl FrameRequest {
    /// A frame at `pts` about which the encoder decides everything.
    #[must_use]
    pub fn at(pts: i64) -> Self {
        Self { pts, ..Self::default() }
    }
}

/// Why a frame was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The rate buffer is too low to take another frame.
    BufferLow,
    /// The frame could not be made to fit a hard cap.
    OverCap,
    /// The frame's temporal layer is switched off.
    LayerOff,
}

/// What became of a picture. Never silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// At least one packet is ready for [`VideoEncoder::receive`].
    Coded,
    /// Held in the look-ahead; no packet yet.
    Buffered,
    /// No packet will come for it.
    Dropped {
        /// Why.
        reason: DropReason,
        /// Bits that the buffer must recover before a frame is coded again.
        debt_bits: u64,
    },
}

/// A change to a running encoder.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// New target bitrate; the mode of rate control stays (CBR or VBR).
    Bitrate(Bitrate),
    /// New mode of rate control.
    Rate(RateControl),
    /// New nominal frame rate.
    FrameRate(Rational),
    /// New picture size: the next frame is a key frame.
    Resolution(Size),
    /// The next frame is to be a key frame.
    KeyFrame,
    /// Whether frames may be dropped.
    Drops(DropPolicy),
    /// What the pictures show.
    Content(Content),
    /// Speed, 0..=10.
    Speed(u8),
    /// Microseconds that each frame may take, for an encoder that was opened with a
    /// [`super::Deadline`].
    MaxFrameTime(u64),
    /// Temporal layers.
    Scalability(Scalability),
    /// Switches off temporal layers from this one up (their frames are dropped), or all on again
    /// with the mode's number of layers.
    ActiveTemporalLayers(u8),
    /// A setting of the codec's own.
    Knob(String, i64),
}

/// When an [`Update`] takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// From the next frame on.
    NextFrame,
    /// From the next frame on, which will be a key frame.
    NextFrameAsKey,
}

/// A video encoder. No threads, no clock, no callback.
pub trait VideoEncoder: Send + Debug {
    /// What it can do; constant for its lifetime.
    fn capabilities(&self) -> &Capabilities;

    /// Set-up data for containers that want it before the first packet; empty where there is none.
    /// That of AV1 is the whole `av1C` record.
    fn codec_private(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes one picture.
    ///
    /// # Errors
    /// [`Error::Config`] if the picture or the request does not fit the settings: nothing has
    /// changed and the next call may be right.
    fn encode(&mut self, picture: &Picture<'_>, request: &FrameRequest) -> Result<Outcome, Error>;

    /// Moves the next finished packet into `packet`, whose memory is used again. `false` if there
    /// is none.
    fn receive(&mut self, packet: &mut Packet) -> bool;

    /// No more pictures: codes what the look-ahead holds. After that the encoder can take pictures
    /// again, from a key frame.
    ///
    /// # Errors
    /// As [`Self::encode`].
    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Changes a setting.
    ///
    /// # Errors
    /// [`Error::Config`] with the allowed range, or [`Error::Unsupported`]; nothing has changed.
    fn apply(&mut self, update: Update) -> Result<Applied, Error>;
}
