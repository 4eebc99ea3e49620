//! Describes the properties of H.264 for the rate control and look-ahead that all codecs share
//! (`codec_core::encoder`).

use codec_core::analysis::IntraLaw;
use codec_core::codec::{Capabilities, Feature, Gap, PassShares, Scalability};
use codec_core::encoder::knobs::MAX_LOOKAHEAD;
use codec_core::encoder::{CodecDescription, FilterStrength};
use codec_core::frame::PixelFormat;
use codec_core::rate::BitsLaw;

use super::knobs::KNOBS;

/// Capabilities of the encoder.
pub static CAPABILITIES: Capabilities = Capabilities {
    formats: &[PixelFormat::I420, PixelFormat::Nv12],
    // Level 6.2.
    max_dimension: 16_880,
    // Frames of 4:2:0 are cropped in steps of two pixels.
    alignment: 2,
    scalability: Scalability::TEMPORAL,
    qindex_range: (0, 51),
    rtc_qindex_range: (8, 48),
    reference_slots: 3,
    latency_frames: MAX_LOOKAHEAD - 1,
    live_bitrate: true,
    live_resolution: true,
    reports_qindex: true,
    threads: true,
    knobs: KNOBS,
    quantiser_steps: &STEPS,
    pass_shares: PassShares {
        key: (258, 258),
        plain: (270, 250),
        b: (256, 285),
        ..PassShares::EQUAL
    },
    gaps: &GAPS,
    ..Capabilities::minimal("h264/native")
};

static GAPS: [Gap; 2] = [
    Gap::new(Feature::AnySize, "H.264 crops frames of 4:2:0 in steps of two pixels"),
    Gap::new(Feature::SpatialLayers, "H.264 has spatial layers only in its SVC extension"),
];

/// Quantiser steps in 1/64 of a pixel level: they double with every sixth index.
#[rustfmt::skip]
static STEPS: [u16; 52] = [
    40, 45, 50, 57, 63, 71, 80, 90, 101, 113, 127, 143,
    160, 180, 202, 226, 254, 285, 320, 359, 403, 453, 508, 570,
    640, 718, 806, 905, 1016, 1140, 1280, 1437, 1613, 1810, 2032, 2281,
    2560, 2874, 3225, 3620, 4064, 4561, 5120, 5747, 6451, 7241, 8127, 9123,
    10240, 11494, 12902, 14482,
];

/// Facts about H.264 for the encoder that all codecs share.
pub(super) static H264: CodecDescription = CodecDescription {
    capabilities: &CAPABILITIES,
    steps_per_level: 64,
    indices_per_sixth_octave: 1,
    key_law: BitsLaw { alpha_q16: 294_912, beta_q16: 53_740 }, // 4.50 and 0.82
    inter_law: BitsLaw { alpha_q16: 570_163, beta_q16: 75_366 }, // 8.70 and 1.15
    intra_law: Some(IntraLaw { octave_q8: 348, macroblock_q4: 232 }),
    layer_boosts_q16: None,
    sharp_qindex: 24,
    empty_frame_bits: |macroblocks| 100 + macroblocks / 32,
    filter_pct: FilterStrength { rtc: 100, rtc_visual: 100, file: 100 },
    hidden_frames: false,
    min_altref_gain: 2,
    copies_golden_to_altref: true,
    golden_frames: |_| None,
    mb_tree_pct: 100,
    overlay_pct: 100,
    altref_motion: false,
    key_finer_q16: 0,
    moving_group: None,
    middle_group: None,
    mb_tree_noise: 2,
    speed_costs: [420, 400, 380, 300, 240, 190, 130, 115, 100, 70, 64],
};
