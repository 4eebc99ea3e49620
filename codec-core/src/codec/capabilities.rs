//! Machine-readable description of a backend: formats, limits, missing features.

use super::{EncoderConfig, Feature, Gap, Knob, Preset, Scalability};
use crate::frame::PixelFormat;

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
    pub default_speeds: (u8, u8),
    /// Maximum number of frames that `encode` may hold back.
    pub latency_frames: u32,
    /// Whether the bitrate can be changed while running.
    pub live_bitrate: bool,
    /// Whether the frame size can be changed while running.
    pub live_resolution: bool,
    /// Whether packets report their quantiser index.
    pub reports_qindex: bool,
    /// Whether the backend uses several threads: the threads of the pool, or the same number of threads
    /// started by its library.
    pub threads: bool,
    /// Codec-specific settings.
    pub knobs: &'static [Knob],
    /// Quantiser step sizes by index, in any unit, for [`crate::rate::TwoPass`]; empty if the
    /// encoder does not support two-pass encoding.
    pub quantiser_steps: &'static [u16],
    /// Sizes of coded frames relative to their sizes in fast analysis passes, for two-pass rate control.
    pub pass_shares: PassShares,
    /// Features that the backend lacks, each with the reason.
    pub gaps: &'static [Gap],
}

/// Sizes of frames at speed 5 and below relative to analysis passes, in 1/256. The first value of each
/// pair applies if a macroblock takes at most 4 bits, the second if it takes 16 bits or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "kinds of frames")]
pub struct PassShares {
    pub key: (u64, u64),
    pub altref: (u64, u64),
    pub plain: (u64, u64),
    pub b: (u64, u64),
}

impl PassShares {
    /// The same sizes at all speeds.
    pub const EQUAL: Self = {
        let equal = (256, 256);
        Self { key: equal, altref: equal, plain: equal, b: equal }
    };
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
            default_speeds: (7, 3),
            latency_frames: 0,
            live_bitrate: false,
            live_resolution: false,
            reports_qindex: false,
            threads: false,
            knobs: &[],
            quantiser_steps: &[],
            pass_shares: PassShares::EQUAL,
            gaps: &[],
        }
    }

    /// Returns why `feature` is missing, or `None` if it is supported.
    #[must_use]
    pub fn gap(&self, feature: Feature) -> Option<&'static str> {
        self.gaps.iter().find(|gap| gap.feature == feature).map(|gap| gap.reason)
    }

    /// Returns the lowest and highest quantiser index that an encoder with these capabilities uses:
    /// the indices of `config`, or else the defaults of its preset.
    #[must_use]
    pub fn allowed_qindex(&self, config: &EncoderConfig) -> (u8, u8) {
        config.rate.qindex_range(self.default_qindex(config.preset))
    }

    /// Returns the lowest and highest quantiser index of `preset` without explicit limits.
    #[must_use]
    pub fn default_qindex(&self, preset: Preset) -> (u8, u8) {
        match preset {
            Preset::Rtc => self.rtc_qindex_range,
            Preset::File => self.qindex_range,
        }
    }
}
