//! Machine-readable descriptions of backend capabilities and codec-specific settings.

use super::{Feature, Gap, Scalability};
use crate::frame::PixelFormat;

/// The values that a codec-specific setting accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum KnobKind {
    /// Integers from `min` to `max`, both inclusive.
    Range { min: i64, max: i64 },
    /// 0 or 1.
    Switch,
    /// One of these integers, each with a name.
    Choice(&'static [(i64, &'static str)]),
}

/// Description of a codec-specific setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knob {
    /// Name of the setting, in kebab case.
    pub name: &'static str,
    /// Allowed values.
    pub kind: KnobKind,
    /// Value if the setting is not configured.
    pub default: i64,
    /// Whether the setting can be changed while the encoder runs.
    pub live: bool,
    /// Help text: one sentence, with the unit.
    pub help: &'static str,
}

impl Knob {
    /// Creates a setting that can be set only before the first frame.
    #[must_use]
    pub const fn new(name: &'static str, kind: KnobKind, default: i64, help: &'static str) -> Self {
        Self { name, kind, default, live: false, help }
    }

    /// Returns the same setting, marked as changeable while the encoder runs.
    #[must_use]
    pub const fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// Returns whether `value` is allowed.
    #[must_use]
    pub fn allows(&self, value: i64) -> bool {
        match self.kind {
            KnobKind::Range { min, max } => (min..=max).contains(&value),
            KnobKind::Switch => value == 0 || value == 1,
            KnobKind::Choice(values) => values.iter().any(|&(v, _)| v == value),
        }
    }

    /// Returns the allowed values as text for messages.
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

/// Features and limits of an encoder or decoder.
///
/// A backend declares missing features in `gaps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own")]
pub struct Capabilities {
    /// Name and version of the implementation.
    pub implementation: &'static str,
    /// Supported memory layouts of input frames.
    pub formats: &'static [PixelFormat],
    /// Maximum width and height in pixels.
    pub max_dimension: u32,
    /// Required divisor of width and height, in pixels.
    pub alignment: u32,
    /// Supported scalability modes.
    pub scalability: &'static [Scalability],
    /// Lowest and highest quantiser index of the codec's scale.
    pub qindex_range: (u8, u8),
    /// Default quantiser index range in real time.
    pub rtc_qindex_range: (u8, u8),
    /// Number of reference slots; 0 if every frame is a key frame.
    pub reference_slots: u8,
    /// Default speeds for real time and for files.
    pub usual_speeds: (u8, u8),
    /// Maximum number of frames that `encode` may hold back.
    pub latency_frames: u32,
    /// Whether the bitrate can be changed while running.
    pub live_bitrate: bool,
    /// Whether the frame size can be changed while running.
    pub live_resolution: bool,
    /// Whether packets report their quantiser index.
    pub reports_qindex: bool,
    /// Whether several threads are used: those of the pool, or as many of the library's own.
    pub threads: bool,
    /// Codec-specific settings.
    pub knobs: &'static [Knob],
    /// Quantiser step sizes by index, in any unit, for [`crate::rate::TwoPass`]; empty if the
    /// encoder does not support two-pass encoding.
    pub quantiser_steps: &'static [u16],
    /// Features that the backend lacks, each with the reason.
    pub gaps: &'static [Gap],
}

impl Capabilities {
    /// Creates a description with minimal capabilities, as a base for struct update syntax.
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

    /// Returns why `feature` is missing, or `None` if it is supported.
    #[must_use]
    pub fn gap(&self, feature: Feature) -> Option<&'static str> {
        self.gaps.iter().find(|gap| gap.feature == feature).map(|gap| gap.reason)
    }
}
