//! Codec-specific settings of the VP8 encoder.

use crate::encoder::FrameKnobs;
use codec_core::codec::{Knob, KnobKind};
use codec_core::error::ConfigError;

/// Maximum number of frames in the look-ahead.
pub(super) const MAX_LOOKAHEAD: u32 = 32;

/// Descriptions of the settings.
pub(super) static KNOBS: &[Knob] = &[
    Knob::new(
        "token-partitions",
        KnobKind::Choice(&[(1, "one"), (2, "two"), (4, "four"), (8, "eight")]),
        1,
        "Number of token partitions, which decoders can read in parallel.",
    )
    .live(),
    Knob::new(
        "profile",
        KnobKind::Range { min: 0, max: 3 },
        0,
        "Bitstream profile: higher profiles have simpler interpolation and loop filters.",
    )
    .live(),
    Knob::new("sharpness", KnobKind::Range { min: 0, max: 7 }, 0, "Sharpness of the loop filter.")
        .live(),
    Knob::new(
        "filter-level",
        KnobKind::Range { min: -1, max: 63 },
        -1,
        "Loop filter level; -1 lets the encoder choose.",
    )
    .live(),
    Knob::new(
        "refresh",
        KnobKind::Range { min: 0, max: 50 },
        10,
        "Maximum percentage of macroblocks that cyclic refresh codes at a finer quantiser in each \
               frame; constant bitrate only.",
    )
    .live(),
    Knob::new(
        "lookahead",
        KnobKind::Range { min: 1, max: MAX_LOOKAHEAD as i64 },
        24,
        "Look-ahead of the file preset in frames.",
    ),
    Knob::new("altref", KnobKind::Switch, 1, "Use altref frames in the file preset.").live(),
    Knob::new(
        "altref-strength",
        KnobKind::Range { min: 0, max: 6 },
        3,
        "Strength of the altref noise filter; 0 disables it.",
    )
    .live(),
];

/// Values of all settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnobValues {
    pub(super) frame: FrameKnobs,
    pub(super) cyclic_refresh_pct: u8,
    pub(super) lookahead: usize,
    pub(super) altref: bool,
    pub(super) altref_strength: u8,
}

impl Default for KnobValues {
    fn default() -> Self {
        Self {
            frame: FrameKnobs::default(),
            cyclic_refresh_pct: 10,
            lookahead: 24,
            altref: true,
            altref_strength: 3,
        }
    }
}

impl KnobValues {
    /// Returns the defaults overridden by `given`.
    pub(super) fn from_list(given: &[(String, i64)]) -> Result<Self, ConfigError> {
        let mut values = Self::default();
        for (name, value) in given {
            values.set(name, *value, false)?;
        }
        Ok(values)
    }

    /// Sets a value; `running` rejects settings that can only be set before the first frame.
    pub(super) fn set(&mut self, name: &str, value: i64, running: bool) -> Result<(), ConfigError> {
        let Some(knob) = KNOBS.iter().find(|knob| knob.name == name) else {
            let names: Vec<_> = KNOBS.iter().map(|knob| knob.name).collect();
            return Err(ConfigError::new("knob", name, names.join(", ")));
        };
        if running && !knob.live {
            return Err(ConfigError::conflict(knob.name, "it cannot change after the first frame"));
        }
        if !knob.allows(value) {
            return Err(ConfigError::new(knob.name, value, knob.allowed()));
        }
        let byte = u8::try_from(value);
        match name {
            "token-partitions" => self.frame.token_partitions = byte.unwrap_or(1),
            "profile" => self.frame.profile = byte.unwrap_or(0),
            "sharpness" => self.frame.sharpness = byte.unwrap_or(0),
            "filter-level" => self.frame.filter_level = byte.ok(),
            "refresh" => self.cyclic_refresh_pct = byte.unwrap_or(0),
            "lookahead" => self.lookahead = usize::try_from(value).unwrap_or(1),
            "altref-strength" => self.altref_strength = byte.unwrap_or(0),
            _ => self.altref = value == 1,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_equals_the_listed_one() {
        let mut values = KnobValues::default();
        let before = format!("{values:?}");
        for knob in KNOBS {
            values.set(knob.name, knob.default, false).unwrap();
        }
        assert_eq!(format!("{values:?}"), before);
    }

    #[test]
    fn rejected_values_state_what_is_allowed() {
        let mut values = KnobValues::default();
        assert_eq!(values.set("sharpness", 8, true).unwrap_err().allowed, "0..=7");
        assert!(values.set("token-partitions", 3, true).is_err());
        assert!(values.set("lookahead", 8, true).is_err());
        assert!(values.set("bogus", 1, true).unwrap_err().allowed.contains("sharpness"));
    }
}
