//! What libvpx can do, what it cannot, and its own settings.

use crate::codec::{Capabilities, Feature, Gap, Knob, KnobKind, Scalability};
use crate::frame::PixelFormat;

/// Most pictures that libvpx holds back.
pub(super) const MAX_LAG: u32 = 25;

const CPU_USED: Knob = Knob {
    name: "cpu-used",
    kind: KnobKind::Range { min: -16, max: 16 },
    default: -6,
    live: true,
    help: "libvpx's speed; above 0 in real time it follows libvpx's clock. Where it is not given it \
           follows from the speed: see docs/C-LIBRARIES.md.",
};
const THREADS: Knob = Knob {
    name: "threads",
    kind: KnobKind::Range { min: 1, max: 16 },
    default: 1,
    live: false,
    help: "Threads of libvpx's own; the bytes depend on their number.",
};
const DEADLINE: Knob = Knob {
    name: "deadline",
    kind: KnobKind::Choice(&[(-1, "preset"), (0, "best"), (1, "rt"), (2, "good")]),
    default: -1,
    live: true,
    help: "libvpx's mode: real time, good or best quality; preset: rt or good.",
};
const LAG: Knob = Knob {
    name: "lag",
    kind: KnobKind::Range { min: -1, max: MAX_LAG as i64 },
    default: -1,
    live: false,
    help: "Pictures held back; -1: by the preset, 0 in real time and 25 for files.",
};
const AUTO_ALT_REF: Knob = Knob {
    name: "auto-alt-ref",
    kind: KnobKind::Range { min: -1, max: 1 },
    default: -1,
    live: false,
    help: "Hidden frames to predict from; -1: where pictures are held back.",
};
const ARNR_FRAMES: Knob = Knob {
    name: "arnr-maxframes",
    kind: KnobKind::Range { min: 0, max: 15 },
    default: 7,
    live: true,
    help: "Pictures that go into a hidden frame.",
};
const ARNR_STRENGTH: Knob = Knob {
    name: "arnr-strength",
    kind: KnobKind::Range { min: 0, max: 6 },
    default: 5,
    live: true,
    help: "How much noise is averaged out of hidden frames.",
};
const STATIC_THRESHOLD: Knob = Knob {
    name: "static-threshold",
    kind: KnobKind::Range { min: 0, max: 1_000_000 },
    default: 0,
    live: true,
    help: "Squared error of a block below which it counts as unchanged.",
};
const NOISE_SENSITIVITY: Knob = Knob {
    name: "noise-sensitivity",
    kind: KnobKind::Range { min: 0, max: 6 },
    default: 0,
    live: true,
    help: "Denoising of the input; 0: none.",
};
const SHARPNESS: Knob = Knob {
    name: "sharpness",
    kind: KnobKind::Range { min: 0, max: 7 },
    default: 0,
    live: true,
    help: "Sharpness of the loop filter.",
};
const TUNE: Knob = Knob {
    name: "tune",
    kind: KnobKind::Choice(&[(0, "psnr"), (1, "ssim")]),
    default: 0,
    live: true,
    help: "What decisions are made for.",
};

static VP8_KNOBS: &[Knob] = &[
    CPU_USED,
    THREADS,
    Knob {
        name: "token-partitions",
        kind: KnobKind::Choice(&[(1, "one"), (2, "two"), (4, "four"), (8, "eight")]),
        default: 1,
        live: true,
        help: "Partitions of the coefficients, which decoders can read in parallel.",
    },
    DEADLINE,
    LAG,
    AUTO_ALT_REF,
    ARNR_FRAMES,
    ARNR_STRENGTH,
    Knob {
        name: "arnr-type",
        kind: KnobKind::Choice(&[(1, "backward"), (2, "forward"), (3, "centred")]),
        default: 3,
        live: true,
        help: "Which pictures go into a hidden frame.",
    },
    STATIC_THRESHOLD,
    NOISE_SENSITIVITY,
    SHARPNESS,
    TUNE,
    Knob {
        name: "screen-content",
        kind: KnobKind::Range { min: -1, max: 2 },
        default: -1,
        live: true,
        help: "libvpx's screen mode, 2 with frames dropped that overshoot; -1: by the content, 2 \
               where frames may be dropped, else 1.",
    },
    Knob {
        name: "resilient-partitions",
        kind: KnobKind::Switch,
        default: 0,
        live: false,
        help: "Partitions decodable without one another's probabilities.",
    },
    Knob {
        name: "profile",
        kind: KnobKind::Range { min: 0, max: 3 },
        default: 0,
        live: false,
        help: "Profile of the bitstream: higher ones have simpler interpolation and filters.",
    },
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
    Knob {
        name: "tile-columns",
        kind: KnobKind::Range { min: 0, max: 6 },
        default: 0,
        live: true,
        help: "Binary logarithm of the most columns of tiles.",
    },
    Knob {
        name: "row-mt",
        kind: KnobKind::Switch,
        default: 0,
        live: true,
        help: "Threads share rows of tiles, too.",
    },
    Knob {
        name: "aq-mode",
        kind: KnobKind::Choice(&[
            (0, "none"),
            (1, "variance"),
            (2, "complexity"),
            (3, "cyclic-refresh"),
        ]),
        default: 0,
        live: true,
        help: "How quantisers differ within a frame.",
    },
];

const OWN_THREADS: Gap =
    Gap::new(Feature::Pool, "libvpx takes no threads but its own: knob threads");
const DECODER_THREADS: Gap = Gap::new(
    Feature::Pool,
    "libvpx takes no threads but its own, of which it is told to use as many as the pool has",
);
const NO_REFERENCES: Gap = Gap::new(
    Feature::ReportsReferences,
    "libvpx's encoder has no call to tell them; packets state those that were allowed",
);
const COARSE_QINDEX: Gap =
    Gap::new(Feature::EveryQindex, "libvpx has 64 steps; indices between them are refused");
const OWN_LEVEL: Gap =
    Gap::new(Feature::SimdLevel, "libvpx asks the CPU; there is no call to choose");
const NO_CAPS: Gap =
    Gap::new(Feature::Caps, "libvpx has no call to cap a frame or a window, only key frames");
const OWN_CLOCK: Gap = Gap::new(
    Feature::Deadline,
    "libvpx measures time by its own clock: knob cpu-used above 0 in real time",
);
const NO_INTRA_REFRESH: Gap =
    Gap::new(Feature::IntraRefresh, "libvpx has no call for intra blocks in turn");

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

/// The encoder of VP8.
pub(crate) static VP8_ENCODER: Capabilities = Capabilities {
    scalability: &[Scalability::L1T1, Scalability::L1T2, Scalability::L1T3],
    qindex_range: (0, 127),
    rtc_qindex_range: (2, 106),
    knobs: VP8_KNOBS,
    gaps: &[
        NO_CAPS,
        OWN_CLOCK,
        NO_INTRA_REFRESH,
        OWN_THREADS,
        OWN_LEVEL,
        NO_REFERENCES,
        COARSE_QINDEX,
    ],
    ..ENCODER
};

/// The encoder of VP9.
pub(crate) static VP9_ENCODER: Capabilities = Capabilities {
    qindex_range: (0, 255),
    rtc_qindex_range: (8, 208),
    knobs: VP9_KNOBS,
    gaps: &[
        NO_CAPS,
        OWN_CLOCK,
        NO_INTRA_REFRESH,
        OWN_THREADS,
        OWN_LEVEL,
        Gap::new(Feature::TemporalLayers, "VP9's layers are not bound"),
        NO_REFERENCES,
        COARSE_QINDEX,
    ],
    ..ENCODER
};

/// Of both decoders.
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
    Gap::new(Feature::DecoderDelay, "libvpx gives each frame at once"),
];
