//! Codec-specific settings of the VP8 encoder.

use super::FrameKnobs;
use codec_core::codec::{Knob, KnobKind};
use codec_core::encoder::CodecKnobs;
use codec_core::encoder::knobs::{ALTREF, ALTREF_STRENGTH, LOOKAHEAD, REFRESH};

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
    REFRESH,
    LOOKAHEAD,
    ALTREF,
    ALTREF_STRENGTH,
];

impl CodecKnobs for FrameKnobs {
    fn set(&mut self, name: &str, value: i64) {
        let byte = u8::try_from(value);
        match name {
            "token-partitions" => self.token_partitions = byte.unwrap_or(1),
            "profile" => self.profile = byte.unwrap_or(0),
            "sharpness" => self.sharpness = byte.unwrap_or(0),
            "filter-level" => self.filter_level = byte.ok(),
            _ => {}
        }
    }
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
