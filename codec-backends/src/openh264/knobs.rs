//! What OpenH264 can do, what it cannot, and its own settings.

use codec_core::codec::{Capabilities, Feature, Gap, Knob, KnobKind, Scalability};
use codec_core::frame::PixelFormat;

/// Largest width and height.
pub(super) const MAX_DIMENSION: u32 = 4096;
/// Coarsest quantiser.
pub(super) const MAX_QP: u8 = 51;

static KNOBS: &[Knob] = &[
    Knob::new(
        "complexity",
        KnobKind::Choice(&[(-1, "speed"), (0, "low"), (1, "medium"), (2, "high")]),
        -1,
        "OpenH264's effort; speed: high up to speed 3, medium up to 6, else low.",
    ),
    Knob::new(
        "threads",
        KnobKind::Range { min: 1, max: 4 },
        1,
        "Threads of OpenH264's own, each with a slice; the bytes depend on their number.",
    ),
    Knob::new("cabac", KnobKind::Switch, 0, "Arithmetic coding: high instead of baseline profile."),
    Knob::new("denoise", KnobKind::Switch, 0, "Denoising of the input."),
    Knob::new("background-detection", KnobKind::Switch, 1, "Background is found and costs less."),
    Knob::new(
        "adaptive-quant",
        KnobKind::Switch,
        0,
        "Quantisers differ within a frame; packets tell that of the first slice.",
    ),
];

/// The encoder.
pub(crate) static ENCODER: Capabilities = Capabilities {
    formats: &[PixelFormat::I420, PixelFormat::Nv12],
    max_dimension: MAX_DIMENSION,
    alignment: 2,
    scalability: &[Scalability::L1T1, Scalability::L1T2, Scalability::L1T3],
    qindex_range: (0, MAX_QP),
    rtc_qindex_range: (12, MAX_QP),
    live_bitrate: true,
    live_resolution: true,
    reports_qindex: true,
    knobs: KNOBS,
    gaps: &[
        Gap::new(Feature::AnySize, "OpenH264 takes even sizes from 16x16 on"),
        Gap::new(Feature::FrameShares, "OpenH264 has no call for shares of frames"),
        Gap::new(Feature::Caps, "OpenH264 has no call to cap a frame or a window"),
        Gap::new(Feature::Buffering, "OpenH264's buffer model cannot be set"),
        Gap::new(Feature::References, "OpenH264 has no call to choose references"),
        Gap::new(Feature::ErrorResilience, "OpenH264 has no such mode"),
        Gap::new(Feature::Deadline, "OpenH264 has no call for a deadline"),
        Gap::new(Feature::IntraRefresh, "OpenH264 has no call for intra blocks in turn"),
        Gap::new(Feature::ReportsReferences, "OpenH264 does not tell them"),
        Gap::new(Feature::ReportsPsnr, "OpenH264 tells it from version 2.6 on only"),
        Gap::new(Feature::ReportsDigest, "OpenH264 has no call for its reconstruction"),
        Gap::new(Feature::Pool, "OpenH264 takes no threads but its own: knob threads"),
        Gap::new(Feature::SimdLevel, "OpenH264 asks the CPU"),
    ],
    ..Capabilities::minimal("OpenH264")
};
