//! Settings of a frame encoder.

use std::sync::Arc;

use codec_core::codec::{Knob, KnobKind, Preset, StageClock};
use codec_core::encoder::CodecKnobs;
use codec_core::encoder::knobs::{ALTREF, ALTREF_STRENGTH, LOOKAHEAD, REFRESH};
use codec_core::error::ConfigError;
use codec_core::frame::{PictureInfo, Size};
use codec_core::parallel::Pool;
use codec_simd::Level;

/// Settings of the bitstream that persist from frame to frame. All can change between frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameKnobs {
    /// Sharpness of the loop filter, 0..=7.
    pub sharpness: u8,
    /// Loop filter level, 0..=63; `None` lets the encoder choose.
    pub filter_level: Option<u8>,
}

/// Descriptions of the settings.
pub(super) static KNOBS: &[Knob] = &[
    Knob::new("sharpness", KnobKind::Range { min: 0, max: 7 }, 0, "Sharpness of the loop filter.")
        .live(),
    Knob::new(
        "filter-level",
        KnobKind::Range { min: -1, max: 63 },
        -1,
        "Loop filter level; -1 lets the encoder choose.",
    )
    .live(),
    REFRESH,
    LOOKAHEAD,
    ALTREF,
    ALTREF_STRENGTH,
];

impl CodecKnobs for FrameKnobs {
    fn set(&mut self, name: &str, value: i64) {
        let byte = u8::try_from(value);
        match name {
            "sharpness" => self.sharpness = byte.unwrap_or(0),
            "filter-level" => self.filter_level = byte.ok(),
            _ => {}
        }
    }
}

impl FrameKnobs {
    pub(super) fn check(self) -> Result<(), ConfigError> {
        if self.sharpness > 7 {
            return Err(ConfigError::new("sharpness", self.sharpness, "0..=7"));
        }
        match self.filter_level {
            Some(level) if level > 63 => Err(ConfigError::new("filter-level", level, "0..=63")),
            _ => Ok(()),
        }
    }
}

/// Configuration of a [`super::FrameEncoder`].
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct FrameSettings {
    pub size: Size,
    pub knobs: FrameKnobs,
    /// Selects the tools for real time or the tools for files.
    pub preset: Preset,
    /// Colour description.
    pub info: PictureInfo,
    /// Whether no frame depends on the probabilities and vectors of frames before it.
    pub error_resilient: bool,
    /// Runs the rows of superblocks; `None` uses only the caller's thread. The coded bytes do not depend on it.
    pub pool: Option<Arc<dyn Pool>>,
    /// SIMD level; `None` selects the best that the CPU supports.
    pub simd: Option<Level>,
    /// Whether [`codec_core::codec::PacketMeta::sse`] is filled in.
    pub report_sse: bool,
    /// Whether [`codec_core::codec::PacketMeta::digest`] is filled in.
    pub report_digest: bool,
    /// See [`codec_core::codec::EncoderConfig::stages`].
    pub stages: Option<Arc<dyn StageClock>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_equals_the_listed_one() {
        let mut values = FrameKnobs::default();
        for knob in KNOBS {
            values.set(knob.name, knob.default);
        }
        assert_eq!(values, FrameKnobs::default());
    }
}
