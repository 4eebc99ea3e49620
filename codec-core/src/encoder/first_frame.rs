//! Chooses the quantiser of the first frame. Rate control has seen no frame of the content then: with the quantiser that it
//! expects, the first frame takes a third to three times of the bits.

use codec_simd::Kernels;

use super::CodecDescription;
use crate::analysis::IntraSpectrum;
use crate::codec::plan::FramePlan;
use crate::codec::{Content, EncoderConfig, FrameKind, Preset, RateControl};
use crate::fixed::mul_div;
use crate::frame::Picture;

/// Estimated bits of the frame, in percent of its limit. The estimate has a standard deviation of about 8 %, and a frame
/// that exceeds the limit is coded again.
const GOAL_PCT: u64 = 93;

/// Returns the quantiser index at which `picture` is expected to take nearly the bits that `plan` allows; the index of
/// `plan` if it is no key frame with a limit, or if the frame is too small for an estimate. Files and screens keep the
/// index of `plan` too: look-ahead sets the quality of key frames in files, and those of screens have a highest one.
pub(super) fn first_qindex(
    codec: &CodecDescription,
    config: &EncoderConfig,
    kernels: &Kernels,
    picture: &Picture<'_>,
    plan: &FramePlan,
) -> u8 {
    let is_call = config.preset == Preset::Rtc
        && plan.content == Content::Camera
        && matches!(config.rate.mode, RateControl::Cbr(_));
    let is_chosen = plan.kind == FrameKind::Key && is_call && plan.attempts > 1;
    let (Some(limit), Some(law), true) = (plan.max_bits, codec.intra_law, is_chosen) else {
        return plan.qindex;
    };
    let Some(spectrum) = IntraSpectrum::of(kernels, picture) else { return plan.qindex };
    let goal = mul_div(limit, GOAL_PCT, 100);
    let (mut finest, _) = codec.capabilities.allowed_qindex(config);
    let mut coarsest = plan.max_qindex.max(finest);
    while finest < coarsest {
        let middle = finest + (coarsest - finest) / 2;
        let step_q8 = 256 * codec.step(middle) / u64::from(codec.steps_per_level);
        if spectrum.bits(law, step_q8) > goal {
            finest = middle + 1;
        } else {
            coarsest = middle;
        }
    }
    finest
}

#[cfg(test)]
mod tests {
    use super::super::tests::CODEC;
    use super::*;
    use crate::analysis::IntraLaw;
    use crate::codec::Bitrate;
    use crate::frame::{Rational, Size};

    const SIZE: Size = Size { width: 128, height: 96 };
    const PLANNED: u8 = 60;

    /// The index for a textured picture with a limit of bits.
    fn chosen(max_bits: Option<u64>, change: impl Fn(&mut EncoderConfig, &mut FramePlan)) -> u8 {
        let law = Some(IntraLaw { octave_q8: 348, macroblock_q4: 480 });
        let codec = CodecDescription { intra_law: law, ..CODEC };
        let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
        let mut plan = FramePlan::key(PLANNED, 7);
        (plan.max_qindex, plan.max_bits) = (106, max_bits);
        change(&mut config, &mut plan);
        let pixels: Vec<u8> = (0..SIZE.i420_bytes()).map(|n| (n * n % 251) as u8).collect();
        let picture = Picture::i420_packed(SIZE, &pixels).unwrap();
        first_qindex(&codec, &config, Kernels::best(), &picture, &plan)
    }

    #[test]
    fn lower_limits_have_higher_indices_within_the_allowed_range() {
        let indices =
            [1 << 40, 100_000, 50_000, 30_000, 1].map(|bits| chosen(Some(bits), |_, _| {}));
        assert!(indices.is_sorted_by(|a, b| a < b), "{indices:?}");
        assert_eq!((indices[0], indices[4]), (CODEC.capabilities.rtc_qindex_range.0, 106));
    }

    #[test]
    fn files_screens_later_frames_and_frames_without_limit_keep_the_planned_index() {
        let limit = Some(50_000);
        assert_ne!(chosen(limit, |_, _| {}), PLANNED);
        assert_eq!(chosen(None, |_, _| {}), PLANNED);
        assert_eq!(chosen(limit, |config, _| config.preset = Preset::File), PLANNED);
        assert_eq!(chosen(limit, |_, plan| plan.content = Content::Screen), PLANNED);
        assert_eq!(chosen(limit, |_, plan| plan.kind = FrameKind::Inter), PLANNED);
        assert_eq!(chosen(limit, |_, plan| plan.attempts = 1), PLANNED);
        let quality = |config: &mut EncoderConfig, _: &mut FramePlan| {
            config.rate.mode = RateControl::Quality(50);
        };
        assert_eq!(chosen(limit, quality), PLANNED);
    }
}
