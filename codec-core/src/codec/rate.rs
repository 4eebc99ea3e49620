//! Rate control settings: mode, target and limits.

use std::sync::Arc;

use super::{Bitrate, FirstPassStats};

/// Rate control mode and its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateControl {
    /// Constant bitrate with a buffer model, for real-time links.
    Cbr(Bitrate),
    /// One-pass variable bitrate: the target is the average over the file.
    Vbr(Bitrate),
    /// Constant quality, 0 (worst) to 100 (best).
    Quality(u8),
    /// A fixed quantiser index for all frames, in the codec's own scale (VP8: 0..=127).
    FixedQ(u8),
}

impl RateControl {
    /// Returns the target bitrate; `None` in modes without one.
    #[must_use]
    pub fn bitrate(self) -> Option<Bitrate> {
        match self {
            Self::Cbr(bitrate) | Self::Vbr(bitrate) => Some(bitrate),
            Self::Quality(_) | Self::FixedQ(_) => None,
        }
    }

    /// Returns the same mode with another target bitrate; `None` in modes without one.
    #[must_use]
    pub fn with_bitrate(self, bitrate: Bitrate) -> Option<Self> {
        match self {
            Self::Cbr(_) => Some(Self::Cbr(bitrate)),
            Self::Vbr(_) => Some(Self::Vbr(bitrate)),
            Self::Quality(_) | Self::FixedQ(_) => None,
        }
    }
}

/// The decoder buffer that CBR models, in milliseconds at the target bitrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffering {
    /// Level before the first frame.
    pub initial_ms: u32,
    /// Level that the controller aims for.
    pub optimal_ms: u32,
    /// Capacity of the buffer.
    pub size_ms: u32,
}

impl Default for Buffering {
    /// WebRTC's values: 500 ms initial, 600 ms optimal, 1000 ms in total.
    fn default() -> Self {
        Self { initial_ms: 500, optimal_ms: 600, size_ms: 1000 }
    }
}

/// A cap on the number of bytes in any window of the given duration in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowCap {
    /// Duration of the window in milliseconds.
    pub window_ms: u32,
    /// Maximum number of bytes in any such window.
    pub max_bytes: u32,
}

/// Whether the rate controller may drop frames.
///
/// The default is `Never`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DropPolicy {
    /// Every frame is coded.
    #[default]
    Never,
    /// Drops frames while the buffer is below this share of its optimal level, in percent (0..=100;
    /// WebRTC uses 30). The percentage applies only to constant bitrate; in other modes frames are
    /// dropped only to meet caps. The first key frame is dropped only to meet caps, too.
    BelowBufferPct(u8),
}

/// Rate control settings of an encoder.
///
/// ```
/// use codec_core::codec::{Bitrate, DropPolicy, EncoderConfig};
///
/// let mut config = EncoderConfig::new(1280, 720).bitrate(Bitrate::kbps(1500));
/// config.rate.drops = DropPolicy::BelowBufferPct(30);
/// config.rate.max_qindex = Some(100);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RateConfig {
    /// Rate control mode and target.
    pub mode: RateControl,
    /// Fractional part of the quality in [`RateControl::Quality`], in 1/256: quality 70 with 128 is 70.5. Only
    /// encoders that are based on [`crate::encoder`] support it.
    pub quality_fraction_q8: u8,
    /// Buffer model of constant bitrate.
    pub buffering: Buffering,
    /// Lowest (best) quantiser index allowed, in the codec's own scale (VP8: 0..=127). `None` uses
    /// the preset's value from the backend's capabilities ([`super::Capabilities::allowed_qindex`]).
    pub min_qindex: Option<u8>,
    /// Highest (worst) quantiser index allowed; `None` as for `min_qindex`.
    pub max_qindex: Option<u8>,
    /// Maximum undershoot of a frame relative to its share of the bitrate, in percent; constant
    /// bitrate only. Values above 90 count as 90.
    pub undershoot_pct: u8,
    /// Maximum overshoot of a frame relative to its share of the bitrate, in percent; constant
    /// bitrate only.
    pub overshoot_pct: u8,
    /// Maximum size of a key frame, and of the first frame of a scene, in percent of the mean frame;
    /// `None` derives it from the buffer. Constant bitrate only.
    pub max_key_frame_pct: Option<u32>,
    /// Cap on the size of every frame, in bytes. It is a hard limit if the frame may be dropped;
    /// otherwise, and after two seconds without a frame, it is exceeded when even the highest
    /// quantiser index does not meet it.
    pub max_frame_bytes: Option<u32>,
    /// Cap on the bytes in every time window, enforced like `max_frame_bytes`.
    pub window_cap: Option<WindowCap>,
    /// Whether frames may be dropped.
    pub drops: DropPolicy,
    /// Statistics of earlier passes over the same frames; used with [`RateControl::Vbr`] and the
    /// file preset.
    pub first_pass: Option<Arc<FirstPassStats>>,
}

impl RateConfig {
    /// Returns the default limits for a mode: WebRTC's buffer, no caps, no drops.
    #[must_use]
    pub fn new(mode: RateControl) -> Self {
        Self {
            mode,
            quality_fraction_q8: 0,
            buffering: Buffering::default(),
            min_qindex: None,
            max_qindex: None,
            undershoot_pct: 100,
            overshoot_pct: 15,
            max_key_frame_pct: None,
            max_frame_bytes: None,
            window_cap: None,
            drops: DropPolicy::Never,
            first_pass: None,
        }
    }

    /// Returns the lowest and highest quantiser index: the configured values, or else the values of
    /// `default`. A default bound is widened if it conflicts with a configured one.
    #[must_use]
    pub fn qindex_range(&self, default: (u8, u8)) -> (u8, u8) {
        qindex_range(self.min_qindex, self.max_qindex, default)
    }
}

/// Returns the lowest and highest quantiser index; see [`RateConfig::qindex_range`].
pub(crate) fn qindex_range(min: Option<u8>, max: Option<u8>, (best, worst): (u8, u8)) -> (u8, u8) {
    (
        min.unwrap_or_else(|| best.min(max.unwrap_or(best))),
        max.unwrap_or_else(|| worst.max(min.unwrap_or(worst))),
    )
}
