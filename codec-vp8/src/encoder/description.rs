//! Describes the properties of VP8 for the rate control and look-ahead that all codecs share
//! (`codec_core::encoder`).

use super::knobs::KNOBS;
use super::speed::Speed;
use crate::tables::AC_STEPS;
use codec_core::analysis::IntraLaw;
use codec_core::codec::{Capabilities, Feature, Gap, PassShares, Scalability};
use codec_core::encoder::knobs::MAX_LOOKAHEAD;
use codec_core::encoder::{CodecDescription, FilterStrength};
use codec_core::frame::PixelFormat;
use codec_core::rate::BitsLaw;

/// Capabilities of the encoder.
pub static CAPABILITIES: Capabilities = Capabilities {
    formats: &[PixelFormat::I420, PixelFormat::Nv12],
    // RFC 6386, section 9.1: 14 bits.
    max_dimension: 16_383,
    scalability: Scalability::TEMPORAL,
    qindex_range: (0, 127),
    rtc_qindex_range: (2, 106),
    reference_slots: 3,
    latency_frames: MAX_LOOKAHEAD - 1,
    live_bitrate: true,
    live_resolution: true,
    reports_qindex: true,
    threads: true,
    knobs: KNOBS,
    quantiser_steps: &AC_STEPS,
    gaps: &[Gap::new(Feature::SpatialLayers, "VP8 has no spatial layers")],
    pass_shares: PassShares { altref: (238, 238), plain: (255, 199), ..PassShares::EQUAL },
    ..Capabilities::minimal("vp8/native")
};

/// Facts about VP8 for the encoder that all codecs share.
///
/// The priors of the bits model were measured over thirteen clips (calls, motion, screen content),
/// quantiser indices 12 to 104, at speed 7; the speeds on calls and motion at 720p.
pub(super) static VP8: CodecDescription = CodecDescription {
    capabilities: &CAPABILITIES,
    // The forward transform doubles the coefficients.
    steps_per_level: 2,
    indices_per_sixth_octave: 4,
    key_law: BitsLaw { alpha_q16: 98_304, beta_q16: 53_740 }, // 1.50 and 0.82
    inter_law: BitsLaw { alpha_q16: 203_162, beta_q16: 75_366 }, // 3.10 and 1.15
    intra_law: Some(IntraLaw { octave_q8: 348, macroblock_q4: 480 }),
    layer_boosts_q16: None,
    // A step of 20: about 45 dB if half of a frame is text.
    sharp_qindex: 16,
    empty_frame_bits: |macroblocks| 150 + macroblocks / 4,
    // The references of the file preset have a high quality, which needs less filtering.
    filter_pct: FilterStrength { rtc: 26, rtc_visual: 22, file: 20 },
    hidden_frames: true,
    min_altref_gain: 2,
    copies_golden_to_altref: true,
    golden_frames: |speed| Speed::level(speed).golden_frames,
    mb_tree_pct: 100,
    overlay_pct: 100,
    altref_motion: false,
    key_finer_q16: 0,
    moving_group: None,
    middle_group: None,
    mb_tree_noise: 16,
    speed_costs: [560, 340, 245, 192, 141, 103, 89, 78, 73, 69, 64],
};
