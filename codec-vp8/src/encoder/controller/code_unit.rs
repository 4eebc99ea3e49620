//! The interface between the encoder with rate control and the frame encoder.

use std::fmt::Debug;

use crate::encoder::{FrameEncoder, FrameKnobs, UnchangedFacts, UnitReport};
use codec_core::analysis::FrameAnalysis;
use codec_core::codec::Packet;
use codec_core::codec::plan::UnitPlan;
use codec_core::error::Error;
use codec_core::frame::{Picture, Size};

/// Codes single frames as planned.
pub trait CodeUnit: Send + Debug {
    /// See [`FrameEncoder::compare`].
    fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedFacts;

    /// See [`FrameEncoder::encode_unit_with`].
    ///
    /// # Errors
    /// As [`FrameEncoder::encode_unit_with`].
    fn encode_unit(
        &mut self,
        picture: &Picture<'_>,
        plan: &UnitPlan,
        analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<UnitReport, Error>;

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
}

impl CodeUnit for FrameEncoder {
    fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedFacts {
        self.compare(analysis)
    }

    fn encode_unit(
        &mut self,
        picture: &Picture<'_>,
        plan: &UnitPlan,
        analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<UnitReport, Error> {
        self.encode_unit_with(picture, plan, analysis, packet)
    }

    fn resize(&mut self, size: Size) -> Result<(), Error> {
        self.resize(size)
    }

    fn set_knobs(&mut self, knobs: FrameKnobs) -> Result<(), Error> {
        self.set_knobs(knobs)
    }
}
