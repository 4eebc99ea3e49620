//! Describes the properties of VP9 for the rate control and layers that all codecs share
//! (`codec_core::encoder`).

use codec_core::analysis::IntraLaw;
use codec_core::codec::{Capabilities, Feature, Gap, Scalability};
use codec_core::encoder::knobs::MAX_LOOKAHEAD;
use codec_core::encoder::{CodecDescription, FilterStrength};
use codec_core::frame::PixelFormat;
use codec_core::rate::BitsLaw;

use super::settings::KNOBS;
use crate::tables::quantiser::AC_8;

/// Capabilities of the encoder.
pub static CAPABILITIES: Capabilities = Capabilities {
    formats: &[PixelFormat::I420, PixelFormat::Nv12],
    max_dimension: 16_384,
    scalability: &SCALABILITY,
    // Index 0 is lossless, which has another transform.
    qindex_range: (1, 255),
    rtc_qindex_range: (8, 224),
    reference_slots: 3,
    latency_frames: MAX_LOOKAHEAD - 1,
    live_bitrate: true,
    live_resolution: true,
    reports_qindex: true,
    knobs: KNOBS,
    quantiser_steps: &AC_8,
    gaps: &GAPS,
    ..Capabilities::minimal("vp9/native")
};

/// All modes.
static SCALABILITY: [Scalability; Scalability::ALL.len()] = {
    let mut modes = [Scalability::L1T1; Scalability::ALL.len()];
    let mut index = 0;
    while index < modes.len() {
        modes[index] = Scalability::ALL[index].1;
        index += 1;
    }
    modes
};

static GAPS: [Gap; 1] = [Gap::new(
    Feature::IntraRefresh,
    "a decoder that lacks a frame cannot parse the next ones, whose probabilities depend on it",
)];

/// Facts about VP9 for the encoder that all codecs share.
pub(super) static VP9: CodecDescription = CodecDescription {
    capabilities: &CAPABILITIES,
    steps_per_level: 8,
    indices_per_sixth_octave: 7,
    key_law: BitsLaw { alpha_q16: 196_608, beta_q16: 53_740 }, // 3.00 and 0.82
    inter_law: BitsLaw { alpha_q16: 469_893, beta_q16: 91_750 }, // 7.17 and 1.40
    intra_law: Some(IntraLaw { octave_q8: 387, macroblock_q4: 144 }),
    layer_boosts_q16: Some([[0; 3], [49_152, 0, 0], [65_536, 20_480, 0]]), // 0.75; 1, 0.31
    sharp_qindex: 40,
    empty_frame_bits: |macroblocks| 120 + macroblocks / 64,
    filter_pct: FilterStrength { rtc: 7, rtc_visual: 8, file: 6 },
    hidden_frames: true,
    min_altref_gain: 1,
    copies_golden_to_altref: false,
    golden_frames: |_| None,
    mb_tree_pct: 75,
    overlay_pct: 0,
    altref_motion: true,
    key_finer_q16: 16_384, // 0.25
    moving_group: Some(6),
    middle_group: Some(6),
    mb_tree_noise: 4,
    speed_costs: [1200, 560, 420, 310, 200, 134, 100, 75, 72, 68, 62],
};
