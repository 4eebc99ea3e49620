//! Capabilities, unsupported features and codec-specific settings of OpenH264.

use codec_core::codec::{Capabilities, Feature, Gap, Knob, KnobKind, Scalability};
use codec_core::frame::PixelFormat;

/// Maximum width and height in pixels.
pub(super) const MAX_DIMENSION: u32 = 4096;
/// Highest (coarsest) quantiser index.
pub(super) const MAX_QP: u8 = 51;

static KNOBS: &[Knob] = &[
    Knob::new(
        "complexity",
        KnobKind::Choice(&[(-1, "speed"), (0, "low"), (1, "medium"), (2, "high")]),
        -1,
        "OpenH264's complexity; speed selects high up to speed 3, medium up to 6, otherwise low.",
    ),
    Knob::new(
        "threads",
        KnobKind::Range { min: 1, max: 4 },
        1,
        "Number of OpenH264's own threads, with one slice each; the coded bytes depend on it.",
    ),
    Knob::new(
        "cabac",
        KnobKind::Switch,
        0,
        "CABAC entropy coding: High instead of Baseline profile.",
    ),
    Knob::new("denoise", KnobKind::Switch, 0, "Denoising of the input."),
    Knob::new(
        "background-detection",
        KnobKind::Switch,
        1,
        "Background detection, which saves bits.",
    ),
    Knob::new(
        "adaptive-quant",
        KnobKind::Switch,
        0,
        "Adaptive quantisation; packets report the quantiser of the first slice.",
    ),
];

/// Capabilities of the encoder.
pub(crate) static ENCODER: Capabilities = Capabilities {
    formats: &[PixelFormat::I420, PixelFormat::Nv12],
    max_dimension: MAX_DIMENSION,
    alignment: 2,
    scalability: Scalability::TEMPORAL,
    qindex_range: (0, MAX_QP),
    rtc_qindex_range: (12, MAX_QP),
    live_bitrate: true,
    live_resolution: true,
    reports_qindex: true,
    knobs: KNOBS,
    gaps: &[
        Gap::new(Feature::AnySize, "OpenH264 requires even dimensions of at least 16 pixels"),
        Gap::new(Feature::FrameShares, "OpenH264 has no call for frame size limits"),
        Gap::new(Feature::Caps, "OpenH264 cannot cap the bytes of a frame or time window"),
        Gap::new(Feature::Buffering, "OpenH264's buffer model is not configurable"),
        Gap::new(Feature::SpatialLayers, "this backend does not expose OpenH264's spatial layers"),
        Gap::new(Feature::References, "OpenH264 has no call to choose references"),
        Gap::new(Feature::Importance, "OpenH264 has no call for it"),
        Gap::new(Feature::GivenAnalysis, "OpenH264 analyses frames itself"),
        Gap::new(Feature::Denoise, "OpenH264's denoiser has no strengths: see the knob denoise"),
        Gap::new(Feature::Tune, "OpenH264 has no call for it"),
        Gap::new(Feature::ErrorResilience, "OpenH264 has no such mode"),
        Gap::new(Feature::Deadline, "OpenH264 has no call for a time limit"),
        Gap::new(Feature::IntraRefresh, "OpenH264 has no call for cyclic intra refresh"),
        Gap::new(Feature::ReportsReferences, "OpenH264 does not report them"),
        Gap::new(Feature::ReportsPsnr, "OpenH264 reports it only from version 2.6 on"),
        Gap::new(Feature::ReportsDigest, "OpenH264 does not expose its reconstruction"),
        Gap::new(Feature::Pool, "OpenH264 uses only its own threads: see the knob threads"),
        Gap::new(Feature::SimdLevel, "OpenH264 detects the CPU itself"),
    ],
    ..Capabilities::minimal("OpenH264")
};
