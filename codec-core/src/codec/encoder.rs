//! The interface of video encoders: trait, per-frame requests and outcomes.

use std::fmt::Debug;
use std::sync::Arc;

use super::{Applied, Capabilities, ImportanceMap, Packet, SlotSet, Update};
use crate::analysis::FrameAnalysis;
use crate::error::Error;
use crate::frame::Picture;

/// Per-frame requests of the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameRequest {
    /// Presentation timestamp in ticks of the configured time base; must be greater than the
    /// previous one.
    pub pts: i64,
    /// Duration in ticks; `None` is one frame interval at the nominal frame rate.
    pub duration: Option<u64>,
    /// Code this frame as a key frame.
    pub key_frame: bool,
    /// Reference slots that may be used; `None` lets the encoder choose.
    pub references: Option<SlotSet>,
    /// Reference slots to update; `None` lets the encoder choose.
    pub updates: Option<SlotSet>,
    /// Whether this frame may be dropped; `None` follows the configuration.
    pub may_drop: Option<bool>,
    /// Parts of the frame to code better or worse than the rest; `None` codes all alike.
    pub importance: Option<ImportanceMap>,
    /// Analysis of the frame relative to the previous one, by the caller; `None` lets the encoder analyse
    /// it. Real time only. [`crate::simulcast`] passes it, because sizes of the same video share their analysis.
    pub analysis: Option<Arc<FrameAnalysis>>,
}

impl FrameRequest {
    /// Creates a request for a frame at `pts` with all decisions left to the encoder.
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
    /// The frame does not fit a hard cap at any quantiser.
    OverCap,
    /// The frame's temporal layer is disabled.
    LayerOff,
}

/// Result of encoding an input frame.
///
/// Drops are always reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// At least one packet is ready for [`VideoEncoder::receive`].
    Coded,
    /// The frame is held in the look-ahead; no packet is available yet.
    Buffered,
    /// The frame was dropped and yields no packet.
    Dropped {
        /// Why it was dropped.
        reason: DropReason,
        /// Bits by which the buffer must recover before the next frame is coded.
        debt_bits: u64,
    },
}

/// A video encoder: push frames, pull packets.
///
/// The encoders of this project start no threads, read no clock and call no callbacks; some third-party backends
/// start threads.
pub trait VideoEncoder: Send + Debug {
    /// Returns what the encoder supports; constant for its lifetime.
    fn capabilities(&self) -> &Capabilities;

    /// Returns the codec configuration that containers store before the first packet; empty if the
    /// codec has none. For AV1 this is the whole `av1C` record.
    fn codec_private(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Encodes one frame.
    ///
    /// # Errors
    /// [`Error::Config`] if the frame or the request does not match the settings. Nothing has
    /// changed, and the encoder can continue.
    fn encode(&mut self, picture: &Picture<'_>, request: &FrameRequest) -> Result<Outcome, Error>;

    /// Moves the next finished packet into `packet`, reusing its memory. Returns `false` if no
    /// packet is ready.
    fn receive(&mut self, packet: &mut Packet) -> bool;

    /// Flushes the encoder: codes all frames held in the look-ahead. More frames can be encoded
    /// afterwards, starting with a key frame.
    ///
    /// # Errors
    /// The same errors as [`Self::encode`].
    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Changes a setting of the running encoder.
    ///
    /// # Errors
    /// [`Error::Config`] with the allowed range, or [`Error::Unsupported`]. Nothing has changed.
    fn apply(&mut self, update: Update) -> Result<Applied, Error>;
}
