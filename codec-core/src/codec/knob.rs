//! What a backend can do and which settings it has, for programs to read.

use super::{Feature, Gap, Scalability};
use crate::frame::PixelFormat;

/// The values that a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum KnobKind {
    /// Whole numbers, ends included.
    Range { min: i64, max: i64 },
    /// 0 or 1.
    Switch,
    /// One of these numbers, each with a name.
    Choice(&'static [(i64, &'static str)]),
}

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Knob {
    pub name: &'static str,
    pub kind: KnobKind,
    pub default: i64,
    /// Can be changed while the encoder runs.
    pub live: bool,
    /// One sentence, with the unit.
    pub help: &'static str,
}

impl Knob {
    /// A setting that is made before the first picture only.
    #[must_use]
    pub const fn new(name: &'static str, kind: KnobKind, default: i64, help: &'static str) -> Self {
        Self { name, kind, default, live: false, help }
    }

    /// The same one, changeable while the encoder runs.
    #[must_use]
    pub const fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// Whether `value` is allowed.
    #[must_use]
    pub fn allows(&self, value: i64) -> bool {
        match self.kind {
            KnobKind::Range { min, max } => (min..=max).contains(&value),
            KnobKind::Switch => value == 0 || value == 1,
            KnobKind::Choice(values) => values.iter().any(|&(v, _)| v == value),
        }
    }

    /// The allowed values in words.
    #[must_use]
    pub fn allowed(&self) -> String {
        match self.kind {
            KnobKind::Range { min, max } => format!("{min}..={max}"),
            KnobKind::Switch => "0 or 1".to_owned(),
            KnobKind::Choice(values) => {
                let names: Vec<_> =
                    values.iter().map(|(v, name)| format!("{v} ({name})")).collect();
                names.join(", ")
            }
        }
    }
}

/// What an encoder or decoder can do. It states its gaps and does not fake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the struct says it")]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own")]
pub struct Capabilities {
    pub implementation: &'static str,
    pub formats: &'static [PixelFormat],
    /// Largest width and height.
    pub max_dimension: u32,
    /// Width and height must be multiples of this.
    pub alignment: u32,
    pub scalability: &'static [Scalability],
    pub qindex_range: (u8, u8),
    /// Quantiser indices that are used in real time where nothing else is set.
    pub rtc_qindex_range: (u8, u8),
    /// 0: every frame is a key frame.
    pub reference_slots: u8,
    /// Speeds for real time and for files where nothing else is said.
    pub usual_speeds: (u8, u8),
    /// Frames that `encode` may hold back, at most.
    pub latency_frames: u32,
    pub live_bitrate: bool,
    pub live_resolution: bool,
    pub reports_qindex: bool,
    pub threads: bool,
    pub knobs: &'static [Knob],
    /// Quantiser steps by index, in any unit, for [`crate::rate::Rehearsal`]; empty: the encoder
    /// takes no rehearsal.
    pub quantiser_steps: &'static [u16],
    /// What it cannot do, each with the reason.
    pub gaps: &'static [Gap],
}

impl Capabilities {
    /// The least that anything can do; fill in the rest.
    #[must_use]
    pub const fn minimal(implementation: &'static str) -> Self {
        Self {
            implementation,
            formats: &[PixelFormat::I420],
            max_dimension: 16383,
            alignment: 1,
            scalability: &[Scalability::L1T1],
            qindex_range: (0, 127),
            rtc_qindex_range: (0, 127),
            reference_slots: 1,
            usual_speeds: (7, 3),
            latency_frames: 0,
            live_bitrate: false,
            live_resolution: false,
            reports_qindex: false,
            threads: false,
            knobs: &[],
            quantiser_steps: &[],
            gaps: &[],
        }
    }

    /// Why there is no `feature`; `None` if there is.
    #[must_use]
    pub fn gap(&self, feature: Feature) -> Option<&'static str> {
        self.gaps.iter().find(|gap| gap.feature == feature).map(|gap| gap.reason)
    }
}
