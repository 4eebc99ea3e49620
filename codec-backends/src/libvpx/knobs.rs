//! Capabilities, unsupported features and codec-specific settings of libvpx.

use codec_core::codec::{Capabilities, Feature, Gap, Knob, KnobKind, Scalability};
use codec_core::frame::PixelFormat;

/// Maximum number of frames that libvpx holds back.
pub(super) const MAX_LAG: u32 = 25;

const CPU_USED: Knob = Knob::new(
    "cpu-used",
    KnobKind::Range { min: -16, max: 16 },
    -6,
    "libvpx's speed; by default it follows from --speed (see docs/C-LIBRARIES.md). In real time, \
           values above 0 let libvpx adapt its speed to the encoding time that it measures.",
)
.live();
const THREADS: Knob = Knob::new(
    "threads",
    KnobKind::Range { min: 1, max: 16 },
    1,
    "Number of libvpx's own threads; the coded bytes depend on it.",
);
const DEADLINE: Knob = Knob::new(
    "deadline",
    KnobKind::Choice(&[(-1, "preset"), (0, "best"), (1, "rt"), (2, "good")]),
    -1,
    "libvpx's deadline mode: real time, good or best quality; preset selects rt or good.",
)
.live();
const LAG: Knob = Knob::new(
    "lag",
    KnobKind::Range { min: -1, max: MAX_LAG as i64 },
    -1,
    "Look-ahead in frames; -1 selects by preset: 0 in real time, 25 for files.",
);
const AUTO_ALT_REF: Knob = Knob::new(
    "auto-alt-ref",
    KnobKind::Range { min: -1, max: 1 },
    -1,
    "Altref frames; -1 enables them with look-ahead.",
);
const ARNR_FRAMES: Knob = Knob::new(
    "arnr-maxframes",
    KnobKind::Range { min: 0, max: 15 },
    7,
    "Number of frames that the altref filter averages.",
)
.live();
const ARNR_STRENGTH: Knob = Knob::new(
    "arnr-strength",
    KnobKind::Range { min: 0, max: 6 },
    5,
    "Strength of the altref noise filter.",
)
.live();
const STATIC_THRESHOLD: Knob = Knob::new(
    "static-threshold",
    KnobKind::Range { min: 0, max: 1_000_000 },
    0,
    "Squared error below which a block counts as unchanged.",
)
.live();
const NOISE_SENSITIVITY: Knob = Knob::new(
    "noise-sensitivity",
    KnobKind::Range { min: 0, max: 6 },
    0,
    "Denoising of the input; 0 disables it.",
)
.live();
const SHARPNESS: Knob =
    Knob::new("sharpness", KnobKind::Range { min: 0, max: 7 }, 0, "Sharpness of the loop filter.")
        .live();
const TUNE: Knob =
    Knob::new("tune", KnobKind::Choice(&[(0, "psnr"), (1, "ssim")]), 0, "Metric to optimise for.")
        .live();

static VP8_KNOBS: &[Knob] = &[
    CPU_USED,
    THREADS,
    Knob::new(
        "token-partitions",
        KnobKind::Choice(&[(1, "one"), (2, "two"), (4, "four"), (8, "eight")]),
        1,
        "Number of token partitions, which decoders can read in parallel.",
    )
    .live(),
    DEADLINE,
    LAG,
    AUTO_ALT_REF,
    ARNR_FRAMES,
    ARNR_STRENGTH,
    Knob::new(
        "arnr-type",
        KnobKind::Choice(&[(1, "backward"), (2, "forward"), (3, "centred")]),
        3,
        "Frames that the altref filter averages, relative to the filtered one.",
    )
    .live(),
    STATIC_THRESHOLD,
    NOISE_SENSITIVITY,
    SHARPNESS,
    TUNE,
    Knob::new(
        "screen-content",
        KnobKind::Range { min: -1, max: 2 },
        -1,
        "libvpx's screen mode; 2 also drops frames that overshoot. -1 selects by content: 2 if \
               frames may be dropped, else 1.",
    )
    .live(),
    Knob::new(
        "resilient-partitions",
        KnobKind::Switch,
        0,
        "Partitions can be decoded independently of each other's probabilities.",
    ),
    Knob::new(
        "profile",
        KnobKind::Range { min: 0, max: 3 },
        0,
        "Bitstream profile: higher profiles have simpler interpolation and loop filters.",
    ),
];

static VP9_KNOBS: &[Knob] = &[
    CPU_USED,
    THREADS,
    DEADLINE,
    LAG,
    AUTO_ALT_REF,
    ARNR_FRAMES,
    ARNR_STRENGTH,
    STATIC_THRESHOLD,
    NOISE_SENSITIVITY,
    SHARPNESS,
    TUNE,
    Knob::new(
        "tile-columns",
        KnobKind::Range { min: 0, max: 6 },
        0,
        "Base-2 logarithm of the maximum number of tile columns.",
    )
    .live(),
    Knob::new("row-mt", KnobKind::Switch, 0, "Row-based multithreading.").live(),
    Knob::new(
        "aq-mode",
        KnobKind::Choice(&[(0, "none"), (1, "variance"), (2, "complexity"), (3, "cyclic-refresh")]),
        0,
        "Adaptive quantisation mode.",
    )
    .live(),
];

const OWN_THREADS: Gap =
    Gap::new(Feature::Pool, "libvpx uses only its own threads: see the knob threads");
const DECODER_THREADS: Gap =
    Gap::new(Feature::Pool, "libvpx uses only its own threads, as many as the pool has");
const NO_REFERENCES: Gap = Gap::new(
    Feature::ReportsReferences,
    "libvpx's encoder does not report them; packets list the allowed references",
);
const COARSE_QINDEX: Gap = Gap::new(
    Feature::EveryQindex,
    "libvpx has 64 quantiser steps; indices between them are rejected",
);
const OWN_LEVEL: Gap =
    Gap::new(Feature::SimdLevel, "libvpx detects the CPU itself and has no call to choose");
const NO_CAPS: Gap = Gap::new(
    Feature::Caps,
    "libvpx has no call to cap the bytes of a frame or time window, except of key frames",
);
const OWN_CLOCK: Gap = Gap::new(
    Feature::Deadline,
    "libvpx adapts to its own clock: see values above 0 of the knob cpu-used",
);
const NO_INTRA_REFRESH: Gap =
    Gap::new(Feature::IntraRefresh, "libvpx has no call for cyclic intra refresh");
const NO_DENOISE: Gap = Gap::new(
    Feature::Denoise,
    "libvpx's denoiser has other strengths: see the knob noise-sensitivity",
);
const NO_TUNE: Gap = Gap::new(Feature::Tune, "libvpx has its own tunings: see the knob tune");
const NO_ANALYSIS: Gap = Gap::new(Feature::GivenAnalysis, "libvpx analyses frames itself");
const NO_IMPORTANCE: Gap =
    Gap::new(Feature::Importance, "this backend does not expose libvpx's ROI map");

const ENCODER: Capabilities = {
    let mut caps = Capabilities::minimal("libvpx");
    caps.formats = &[PixelFormat::I420, PixelFormat::Nv12];
    caps.latency_frames = MAX_LAG;
    caps.live_bitrate = true;
    caps.live_resolution = true;
    caps.reports_qindex = true;
    caps.reference_slots = 3;
    caps
};

/// Capabilities of the VP8 encoder.
pub(crate) static VP8_ENCODER: Capabilities = Capabilities {
    scalability: Scalability::TEMPORAL,
    qindex_range: (0, 127),
    rtc_qindex_range: (2, 106),
    knobs: VP8_KNOBS,
    gaps: &[
        NO_CAPS,
        OWN_CLOCK,
        NO_INTRA_REFRESH,
        NO_IMPORTANCE,
        NO_ANALYSIS,
        NO_DENOISE,
        NO_TUNE,
        OWN_THREADS,
        OWN_LEVEL,
        Gap::new(Feature::SpatialLayers, "VP8 has no spatial layers"),
        NO_REFERENCES,
        COARSE_QINDEX,
    ],
    ..ENCODER
};

/// Capabilities of the VP9 encoder.
pub(crate) static VP9_ENCODER: Capabilities = Capabilities {
    qindex_range: (0, 255),
    rtc_qindex_range: (8, 208),
    knobs: VP9_KNOBS,
    gaps: &[
        NO_CAPS,
        OWN_CLOCK,
        NO_INTRA_REFRESH,
        NO_IMPORTANCE,
        NO_ANALYSIS,
        NO_DENOISE,
        NO_TUNE,
        OWN_THREADS,
        OWN_LEVEL,
        Gap::new(Feature::TemporalLayers, "VP9's temporal layers are not exposed by this backend"),
        Gap::new(Feature::SpatialLayers, "VP9's spatial layers are not exposed by this backend"),
        NO_REFERENCES,
        COARSE_QINDEX,
    ],
    ..ENCODER
};

/// Capabilities common to both decoders.
pub(super) const DECODER: Capabilities = {
    let mut caps = Capabilities::minimal("libvpx");
    caps.live_resolution = true;
    caps.threads = true;
    caps.reference_slots = 3;
    caps
};

/// Gaps of both decoders.
pub(super) const DECODER_GAPS: [Gap; 3] = [
    DECODER_THREADS,
    OWN_LEVEL,
    Gap::new(Feature::DecoderDelay, "libvpx outputs each frame immediately"),
];
