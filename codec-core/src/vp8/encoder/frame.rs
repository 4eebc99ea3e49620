//! One frame, coded exactly as a plan says.

use std::sync::Arc;

use codec_simd::{Kernels, Level};

use crate::codec::Packet;
use crate::codec::plan::UnitPlan;
use crate::error::{ConfigError, Error};
use crate::frame::{Picture, Size};
use crate::parallel::Pool;

/// Settings of the bitstream that stay from frame to frame. All can change between frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameKnobs {
    /// Token partitions: 1, 2, 4 or 8.
    pub token_partitions: u8,
    /// Profile (the standard's version), 0..=3.
    pub profile: u8,
    /// Sharpness of the loop filter, 0..=7.
    pub sharpness: u8,
    /// Loop-filter level, 0..=63; `None`: chosen.
    pub filter_level: Option<u8>,
}

impl Default for FrameKnobs {
    fn default() -> Self {
        Self { token_partitions: 1, profile: 0, sharpness: 0, filter_level: None }
    }
}

/// What a [`FrameEncoder`] is made from.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct FrameSettings {
    pub size: Size,
    pub knobs: FrameKnobs,
    /// Where rows run; `None`: on the caller's thread.
    pub pool: Option<Arc<dyn Pool>>,
    /// Instruction set; `None`: the best that the CPU has.
    pub simd: Option<Level>,
    /// Fill in [`crate::codec::PacketMeta::sse`].
    pub report_sse: bool,
    /// Fill in [`crate::codec::PacketMeta::digest`].
    pub report_digest: bool,
}

/// What became of a frame, beside its packet: what planners of later frames want to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitReport {
    /// Size of the packet.
    pub bits: u64,
    /// The frame is larger than `max_bits` even at `max_qindex`.
    pub over_cap: bool,
    /// The quantiser index that was used: the plan's, or a coarser one to fit `max_bits`.
    pub qindex: u8,
    /// Macroblocks predicted from the last frame without motion.
    pub zero_motion: u32,
    /// Macroblocks refreshed at a finer quantiser.
    pub refreshed: u32,
    /// Squared error of the luma predictions, before coding, over all macroblocks.
    pub prediction_sse: u64,
}

/// Codes frames one by one as told, and keeps the three references and the probabilities.
#[derive(Debug)]
pub struct FrameEncoder {
    settings: FrameSettings,
    kernels: &'static Kernels,
}

impl FrameEncoder {
    /// An encoder for pictures of the given size; its first frame must be a key frame.
    ///
    /// # Errors
    /// [`Error::Config`] if the size is not 1..=16383 each way, a knob is out of range or the CPU
    /// lacks the instruction set.
    pub fn new(settings: &FrameSettings) -> Result<Self, Error> {
        let kernels = match settings.simd {
            None => Kernels::best(),
            Some(level) => Kernels::for_level(level).ok_or_else(|| {
                ConfigError::new("simd", level.name(), "a level that the CPU has")
            })?,
        };
        Ok(Self { settings: settings.clone(), kernels })
    }

    /// Changes the picture size: the next frame must be a key frame.
    ///
    /// # Errors
    /// As [`Self::new`]; nothing has changed.
    pub fn resize(&mut self, size: Size) -> Result<(), Error> {
        self.settings.size = size;
        Ok(())
    }

    /// Changes the knobs from the next frame on.
    ///
    /// # Errors
    /// [`Error::Config`] if one is out of range; nothing has changed.
    pub fn set_knobs(&mut self, knobs: FrameKnobs) -> Result<(), Error> {
        self.settings.knobs = knobs;
        Ok(())
    }

    /// Codes `picture` as `plan` says, into `packet`: data, and of its metadata all but layers,
    /// times and rate state.
    ///
    /// # Errors
    /// [`Error::Config`] if the picture has another size, or an inter frame is asked for while a
    /// reference it may use is missing. Nothing has changed.
    pub fn encode_unit(
        &mut self,
        picture: &Picture<'_>,
        plan: &UnitPlan,
        packet: &mut Packet,
    ) -> Result<UnitReport, Error> {
        let _ = (picture, plan, packet, self.kernels);
        Err(Error::Unsupported("coding frames"))
    }
}
