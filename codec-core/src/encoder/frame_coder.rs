//! The interface between the encoder that all codecs share and the part of a codec that codes a
//! frame.

use std::fmt::Debug;
use std::sync::Arc;

use super::CodecDescription;
use crate::analysis::FrameAnalysis;
use crate::codec::plan::FramePlan;
use crate::codec::{EncoderConfig, Packet};
use crate::error::Error;
use crate::frame::{Picture, Size};
use crate::parallel::Pool;

/// Codes single frames as planned.
pub trait FrameCoder: Send + Debug + Sized {
    /// The codec's own settings.
    type Knobs: CodecKnobs;

    /// Returns the description of the codec.
    fn codec() -> &'static CodecDescription;

    /// Creates a frame coder for frames of the configured size; its first frame will be a key frame.
    /// The encoder has checked `config` against the codec's capabilities, and `knobs` against the
    /// descriptions of the knobs.
    ///
    /// # Errors
    /// [`Error::Config`] if a setting is out of range.
    fn open(config: &EncoderConfig, knobs: Self::Knobs) -> Result<Self, Error>;

    /// See [`crate::codec::VideoEncoder::codec_private`].
    fn codec_private(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Returns the maximum number of consecutive B frames, 0 for none; constant. If it is above 0,
    /// [`FramePlan::order`] is set in streams without temporal layers.
    fn max_b_frames(&self) -> u8 {
        0
    }

    /// Compares the next frame with the last one by its analysis, whether it will be coded or not.
    /// The encoder calls it for each frame, in coding order.
    fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedStats;

    /// Codes `picture` as specified by `plan` into `packet`, which is empty: its data and all metadata
    /// except layers, timestamps and rate state. `analysis` of the same frame improves decisions.
    ///
    /// # Errors
    /// [`Error::Config`] if the frame has another size, or the references of the plan are missing.
    /// Nothing has changed.
    fn encode_frame(
        &mut self,
        picture: &Picture<'_>,
        plan: &FramePlan,
        analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<FrameReport, Error>;

    /// Changes the frame size; the next frame will be a key frame.
    ///
    /// # Errors
    /// [`Error::Config`] if the size is not supported. Nothing has changed.
    fn resize(&mut self, size: Size) -> Result<(), Error>;

    /// Changes the knobs from the next frame on.
    ///
    /// # Errors
    /// [`Error::Config`] if one is out of range. Nothing has changed.
    fn set_knobs(&mut self, knobs: Self::Knobs) -> Result<(), Error>;

    /// Changes the thread pool from the next frame on; `None` uses only the caller's thread.
    fn set_pool(&mut self, pool: Option<Arc<dyn Pool>>);
}

/// Settings of a codec that its frame coder interprets; the default has the defaults of the knobs in
/// [`crate::codec::Capabilities::knobs`].
pub trait CodecKnobs: Copy + Debug + Default + Send {
    /// Sets the knob `name` to a value that its description allows. Ignores names of the
    /// [shared knobs](super::knobs).
    fn set(&mut self, name: &str, value: i64);
}

/// Statistics of the unchanged macroblocks, for planning a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnchangedStats {
    /// Number of unchanged macroblocks.
    pub macroblocks: u32,
    /// Highest quantiser index at which one of them was coded.
    pub coarsest: u8,
}

/// Result of coding a frame, for planning later frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameReport {
    /// Size of the packet in bits.
    pub bits: u64,
    /// Whether the frame exceeds `max_bits` even at `max_qindex`.
    pub over_cap: bool,
    /// Whether it also exceeds `drop_above_bits`: there is no packet and nothing has changed.
    pub dropped: bool,
    /// The quantiser index that was used: the plan's, or a higher one to meet `max_bits`.
    pub qindex: u8,
    /// Number of macroblocks predicted from the last frame with zero motion.
    pub zero_motion: u32,
    /// Number of macroblocks refreshed at a finer quantiser.
    pub refreshed: u32,
    /// Squared error of the luma predictions over all macroblocks, without residuals.
    pub prediction_sse: u64,
    /// Sum of the intra costs of the unchanged macroblocks that were recoded; see
    /// [`FramePlan::recode`].
    pub recoded_cost: u64,
}
