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
