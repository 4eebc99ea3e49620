//! The contents of a job.

use codec_core::frame::Rational;
use codec_media::failure::{Failure, Result};
use codec_media::session::chunks::ChunkPlan;

use crate::points::PointPlan;
use crate::record::Unit;

/// The plan of a job: units of work that workers complete independently.
#[derive(Clone, Debug)]
pub enum JobPlan {
    /// Chunks of a file.
    Chunks(ChunkPlan),
    /// Points of a study.
    Points(PointPlan),
}

impl JobPlan {
    /// The kind of its units.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match self {
            Self::Chunks(_) => Unit::Chunk,
            Self::Points(plan) if plan.machine.is_some() => Unit::Clip,
            Self::Points(_) => Unit::Point,
        }
    }

    /// Number of units of work.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Chunks(plan) => plan.chunks().len(),
            Self::Points(plan) => plan.units().len(),
        }
    }

    /// The machine that all units need.
    pub(crate) fn machine(&self) -> Option<&str> {
        match self {
            Self::Chunks(_) => None,
            Self::Points(plan) => plan.machine.as_deref(),
        }
    }

    /// The key of a unit.
    pub(crate) fn key(&self, index: usize) -> Result<String> {
        match self {
            Self::Chunks(plan) => Ok(plan.chunk(index)?.key.to_string()),
            Self::Points(plan) => {
                let unit = plan.units().get(index).ok_or_else(|| self.no_unit(index))?;
                Ok(unit.key.clone())
            }
        }
    }

    /// Number of frames of a unit; 0 if there is no such unit.
    pub(crate) fn frames_of(&self, index: usize) -> u64 {
        match self {
            Self::Chunks(plan) => plan.chunks().get(index).map_or(0, |chunk| chunk.frames),
            Self::Points(plan) => plan.units().get(index).map_or(0, |unit| unit.frames),
        }
    }

    /// Number of frames of all units.
    #[must_use]
    pub fn frames(&self) -> u64 {
        (0..self.count()).fold(0, |sum, index| sum.saturating_add(self.frames_of(index)))
    }

    /// Frames per second.
    pub(crate) fn frame_rate(&self) -> Rational {
        match self {
            Self::Chunks(plan) => plan.frame_rate(),
            Self::Points(plan) => plan.frame_rate(),
        }
    }

    /// The plan as JSON.
    pub(crate) fn to_json(&self) -> Result<String> {
        match self {
            Self::Chunks(plan) => Ok(plan.to_json()),
            Self::Points(plan) => plan.to_json(),
        }
    }

    /// Reads the JSON form of a plan; `name` is for messages.
    pub(crate) fn from_json(text: &str, name: &str) -> Result<Self> {
        if PointPlan::is_form(text) {
            PointPlan::from_json(text, name).map(Self::Points)
        } else {
            ChunkPlan::from_json(text, name).map(Self::Chunks)
        }
    }

    fn no_unit(&self, index: usize) -> Failure {
        let (unit, last) = (self.unit().name(), self.count().saturating_sub(1));
        Failure::usage(format!("there is no {unit} {index}: the plan has {unit}s 0 to {last}"))
    }
}
