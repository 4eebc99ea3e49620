//! What a backend cannot do, and why.

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Something of the seam that not every library can do. Who lacks it says so in
        /// [`super::Capabilities::gaps`] and refuses to be asked for it; nothing is ignored.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Feature {
            $($(#[$doc])* $variant,)*
        }

        impl Feature {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in reports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

features! {
    /// Pictures of any size from 1x1 up to [`super::Capabilities::max_dimension`].
    AnySize = "any size",
    /// Constant bitrate.
    Cbr = "constant bitrate",
    /// One-pass variable bitrate.
    Vbr = "variable bitrate",
    /// Constant quality.
    Quality = "constant quality",
    /// One quantiser index for all frames.
    FixedQ = "fixed quantiser",
    /// A fixed quantiser of every index of the scale; without it some are refused.
    EveryQindex = "every quantiser index",
    /// [`super::EncoderConfig::min_qindex`] and `max_qindex`.
    QindexRange = "range of quantisers",
    /// [`super::EncoderConfig::undershoot_pct`], `overshoot_pct` and `max_key_frame_pct`: other than
    /// the defaults.
    FrameShares = "shares of frames in the rate",
    /// [`super::EncoderConfig::max_frame_bytes`] and `window_cap`.
    Caps = "caps on frames and windows",
    /// [`super::EncoderConfig::buffering`]: other than the default.
    Buffering = "buffer model",
    /// [`super::EncoderConfig::drops`].
    Drops = "dropping frames",
    /// [`super::Update::Bitrate`].
    LiveBitrate = "bitrate while running",
    /// [`super::Update::Rate`].
    LiveRate = "mode of rate control while running",
    /// [`super::Update::FrameRate`].
    LiveFrameRate = "frame rate while running",
    /// [`super::Update::Resolution`].
    LiveResolution = "size while running",
    /// [`super::Update::Speed`].
    LiveSpeed = "speed while running",
    /// Key frames on demand.
    ForcedKeyFrames = "key frames on demand",
    /// [`super::KeyFrames::max_interval`].
    PeriodicKeyFrames = "periodic key frames",
    /// [`super::KeyFrames::at_scene_cuts`] in real time.
    SceneCuts = "key frames at scene cuts",
    /// Modes other than L1T1.
    TemporalLayers = "temporal layers",
    /// [`super::FrameRequest::references`] and `updates`.
    References = "choice of references",
    /// [`super::Content::Screen`].
    ScreenContent = "screen content",
    /// [`super::EncoderConfig::error_resilient`].
    ErrorResilience = "error resilience",
    /// [`super::EncoderConfig::deadline`].
    Deadline = "deadline",
    /// [`super::EncoderConfig::intra_refresh`].
    IntraRefresh = "intra refresh",
    /// A packet for each picture at once, in real time.
    NoDelay = "no delay in real time",
    /// [`super::PacketMeta::qindex`].
    ReportsQindex = "quantiser of packets",
    /// [`super::PacketMeta::refs_used`] and `refs_updated`.
    ReportsReferences = "references of packets",
    /// [`super::EncoderConfig::report_psnr`].
    ReportsPsnr = "quality of packets",
    /// [`super::EncoderConfig::report_digest`].
    ReportsDigest = "digest of packets",
    /// [`super::EncoderConfig::pool`]: it is not used where it is given.
    Pool = "threads of the caller's pool",
    /// [`super::EncoderConfig::simd`]: the library chooses for itself.
    SimdLevel = "choice of instruction set",
    /// [`super::Conceal::On`].
    Concealment = "concealment of damage",
    /// [`super::DecoderConfig::delay_frames`]: 0 is what it always does.
    DecoderDelay = "frame of delay in the decoder",
}

/// Something that a backend lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Gap {
    pub feature: Feature,
    /// In one sentence: which call the library lacks.
    pub reason: &'static str,
}

impl Gap {
    /// A gap.
    #[must_use]
    pub const fn new(feature: Feature, reason: &'static str) -> Self {
        Self { feature, reason }
    }

    /// Several gaps of one reason.
    #[must_use]
    pub const fn each<const N: usize>(features: [Feature; N], reason: &'static str) -> [Self; N] {
        let mut gaps = [Self::new(Feature::AnySize, reason); N];
        let mut index = 0;
        while index < N {
            gaps[index].feature = features[index];
            index += 1;
        }
        gaps
    }
}
