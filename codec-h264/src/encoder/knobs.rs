//! Codec-specific settings of the H.264 encoder.

use codec_core::codec::{Knob, KnobKind};
use codec_core::encoder::CodecKnobs;
use codec_core::encoder::knobs::{LOOKAHEAD, REFRESH};

use super::settings::DEFAULT_B_FRAMES;
use super::{FrameKnobs, Profile, ScalingMatrix};

/// Descriptions of the settings.
pub(super) static KNOBS: &[Knob] = &[
    Knob::new(
        "profile",
        KnobKind::Choice(&[(66, "constrained-baseline"), (77, "main"), (100, "high")]),
        100,
        "Profile, which limits the tools of the bitstream.",
    ),
    Knob::new("cabac", KnobKind::Switch, 1, "Use CABAC if the profile has it, else CAVLC."),
    Knob::new("transform-8x8", KnobKind::Switch, 1, "Use 8x8 transforms if the profile has them."),
    Knob::new(
        "scaling-matrix",
        KnobKind::Choice(&[(0, "flat"), (1, "jvt")]),
        0,
        "Weights of the coefficients in the High profile: equal, or the standard's matrices.",
    ),
    Knob::new(
        "slices",
        KnobKind::Range { min: 1, max: 32 },
        1,
        "Number of slices of each frame, at most one for each row of macroblocks.",
    ),
    Knob::new(
        "slice-bytes",
        KnobKind::Range { min: 0, max: 65_535 },
        0,
        "Maximum bytes of each slice's NAL unit, at least 100; a limit disables parallel rows. 0: no limit.",
    ),
    Knob::new(
        "deblock-alpha",
        KnobKind::Range { min: -6, max: 6 },
        0,
        "Offset of the deblocking filter's alpha thresholds.",
    ),
    Knob::new(
        "deblock-beta",
        KnobKind::Range { min: -6, max: 6 },
        0,
        "Offset of the deblocking filter's beta thresholds.",
    ),
    Knob::new(
        "hrd",
        KnobKind::Switch,
        0,
        "Describe the decoder's buffer in the stream; only with constant bitrate in real time.",
    ),
    Knob::new(
        "bframes",
        KnobKind::Range { min: 0, max: 7 },
        DEFAULT_B_FRAMES as i64,
        "Maximum number of consecutive B frames in the file preset, if the profile has them and \
         slice-bytes is 0. More than three are only used between similar frames.",
    ),
    REFRESH,
    LOOKAHEAD,
];

impl CodecKnobs for FrameKnobs {
    fn set(&mut self, name: &str, value: i64) {
        let offset = i8::try_from(value).unwrap_or(0);
        match name {
            "profile" => {
                self.profile = match value {
                    66 => Profile::ConstrainedBaseline,
                    77 => Profile::Main,
                    _ => Profile::High,
                }
            }
            "cabac" => self.cabac = value == 1,
            "transform-8x8" => self.transform_8x8 = value == 1,
            "scaling-matrix" => {
                self.scaling_matrix = match value {
                    1 => ScalingMatrix::Jvt,
                    _ => ScalingMatrix::Flat,
                }
            }
            "slices" => self.slices = u8::try_from(value).unwrap_or(1),
            "slice-bytes" => self.slice_bytes = u16::try_from(value).unwrap_or(0),
            "hrd" => self.hrd = value == 1,
            "bframes" => self.b_frames = u8::try_from(value).unwrap_or(0),
            "deblock-alpha" => self.deblocking_offsets[0] = offset,
            "deblock-beta" => self.deblocking_offsets[1] = offset,
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
