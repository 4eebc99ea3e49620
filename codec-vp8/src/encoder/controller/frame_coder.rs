//! The interface between the encoder with rate control and the frame encoder.

use std::fmt::Debug;
use std::sync::Arc;

use crate::encoder::{FrameEncoder, FrameKnobs, FrameReport, UnchangedStats};
use codec_core::analysis::FrameAnalysis;
use codec_core::codec::Packet;
use codec_core::codec::plan::FramePlan;
use codec_core::error::Error;
use codec_core::frame::{Picture, Size};
use codec_core::parallel::Pool;

/// Codes single frames as planned.
pub trait FrameCoder: Send + Debug {
    /// See [`FrameEncoder::compare`].
    fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedStats;

    /// See [`FrameEncoder::encode_frame_with`].
    ///
    /// # Errors
    /// As [`FrameEncoder::encode_frame_with`].
    fn encode_frame(
        &mut self,
        picture: &Picture<'_>,
        plan: &FramePlan,
        analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<FrameReport, Error>;

    /// See [`FrameEncoder::resize`].
    ///
    /// # Errors
    /// As [`FrameEncoder::resize`].
    fn resize(&mut self, size: Size) -> Result<(), Error>;

    /// See [`FrameEncoder::set_knobs`].
    ///
    /// # Errors
    /// As [`FrameEncoder::set_knobs`].
    fn set_knobs(&mut self, knobs: FrameKnobs) -> Result<(), Error>;

    /// See [`FrameEncoder::set_pool`].
    fn set_pool(&mut self, pool: Option<Arc<dyn Pool>>);
}

impl FrameCoder for FrameEncoder {
    fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedStats {
        self.compare(analysis)
    }

    fn encode_frame(
        &mut self,
        picture: &Picture<'_>,
        plan: &FramePlan,
        analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<FrameReport, Error> {
        self.encode_frame_with(picture, plan, analysis, packet)
    }

    fn resize(&mut self, size: Size) -> Result<(), Error> {
        self.resize(size)
    }

    fn set_knobs(&mut self, knobs: FrameKnobs) -> Result<(), Error> {
        self.set_knobs(knobs)
    }

    fn set_pool(&mut self, pool: Option<Arc<dyn Pool>>) {
        self.set_pool(pool);
    }
}
