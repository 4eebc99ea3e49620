//! Optional features, and how a backend declares the features that it lacks, with reasons.

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// An optional feature of the encoder and decoder interfaces.
        ///
        /// A backend that lacks a feature lists it in [`super::Capabilities::gaps`] and returns an
        /// error when it is requested. Requests are ignored only for features that say so.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Feature {
            $($(#[$doc])* $variant,)*
        }

        impl Feature {
            /// All features.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the name used in reports.
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
    /// Frames of any size from 1x1 up to [`super::Capabilities::max_dimension`].
    AnySize = "arbitrary frame sizes",
    /// Constant bitrate.
    Cbr = "constant bitrate",
    /// One-pass variable bitrate.
    Vbr = "variable bitrate",
    /// Constant quality.
    Quality = "constant quality",
    /// A fixed quantiser index for all frames.
    FixedQ = "fixed quantiser",
    /// A fixed quantiser of every index of the scale; without this feature some are rejected.
    EveryQindex = "every quantiser index",
    /// [`super::RateConfig::min_qindex`] and `max_qindex`.
    QindexRange = "range of quantisers",
    /// Non-default [`super::RateConfig::undershoot_pct`], `overshoot_pct` or
    /// `max_key_frame_pct`.
    FrameShares = "limits on undershoot, overshoot and key frame size",
    /// [`super::RateConfig::max_frame_bytes`] and `window_cap`.
    Caps = "caps on bytes per frame and per time window",
    /// Non-default [`super::RateConfig::buffering`].
    Buffering = "buffer model",
    /// [`super::RateConfig::drops`].
    Drops = "frame dropping",
    /// [`super::Update::Bitrate`].
    LiveBitrate = "live bitrate changes",
    /// [`super::Update::Rate`].
    LiveRate = "live changes of the rate control mode",
    /// [`super::Update::QindexRange`].
    LiveQindexRange = "live changes of the range of quantisers",
    /// [`super::Update::FrameRate`].
    LiveFrameRate = "live frame rate changes",
    /// [`super::Update::Resolution`].
    LiveResolution = "live resolution changes",
    /// [`super::Update::Speed`].
    LiveSpeed = "live speed changes",
    /// Key frames on demand.
    ForcedKeyFrames = "key frames on demand",
    /// [`super::KeyFrames::max_interval`].
    PeriodicKeyFrames = "periodic key frames",
    /// [`super::KeyFrames::at_scene_cuts`] in real time.
    SceneCuts = "key frames at scene cuts",
    /// Scalability modes with several temporal layers.
    TemporalLayers = "temporal layers",
    /// Scalability modes with several spatial layers, and [`super::Update::ActiveSpatialLayers`].
    SpatialLayers = "spatial layers",
    /// [`super::FrameRequest::references`] and `updates`.
    References = "explicit choice of references",
    /// [`super::FrameRequest::importance`].
    Importance = "importance of regions",
    /// [`super::FrameRequest::analysis`].
    GivenAnalysis = "frame analysis by the caller",
    /// [`super::Content::Screen`].
    ScreenContent = "screen content",
    /// [`super::EncoderConfig::denoise`].
    Denoise = "removal of camera noise",
    /// [`super::EncoderConfig::tune`].
    Tune = "tuning for PSNR or visual quality",
    /// [`super::EncoderConfig::error_resilient`].
    ErrorResilience = "error resilience",
    /// [`super::EncoderConfig::deadline`].
    Deadline = "time limit per frame",
    /// [`super::EncoderConfig::intra_refresh`].
    IntraRefresh = "intra refresh",
    /// In real time, each input frame yields its packet immediately.
    NoDelay = "zero-delay real-time encoding",
    /// [`super::PacketMeta::qindex`].
    ReportsQindex = "quantiser index in packet reports",
    /// [`super::PacketMeta::refs_used`] and `refs_updated`.
    ReportsReferences = "references in packet reports",
    /// [`super::EncoderConfig::report_psnr`].
    ReportsPsnr = "PSNR in packet reports",
    /// [`super::EncoderConfig::report_digest`].
    ReportsDigest = "digest in packet reports",
    /// [`super::EncoderConfig::pool`]; without this feature a pool is ignored, and
    /// [`super::Update::Pool`] rejected.
    Pool = "use of the caller's thread pool",
    /// [`super::EncoderConfig::simd`]; without this feature the library selects the level.
    SimdLevel = "explicit SIMD level",
    /// [`super::Conceal::On`].
    Concealment = "error concealment",
    /// [`super::LayerOutput::All`].
    AllLayers = "output of all spatial layers",
    /// [`super::DecoderConfig::delay_frames`]; without this feature the delay is always 0.
    DecoderDelay = "decoding on several threads with one frame of delay",
}

/// A feature that a backend lacks, with the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The missing feature.
    pub feature: Feature,
    /// Reason in one sentence, for example which call the library lacks.
    pub reason: &'static str,
}

impl Gap {
    /// Creates a gap.
    #[must_use]
    pub const fn new(feature: Feature, reason: &'static str) -> Self {
        Self { feature, reason }
    }

    /// Creates gaps for several features that are missing for the same reason.
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
