//! Encoder configuration.

use std::sync::Arc;

use codec_simd::Level;

use super::{Bitrate, Capabilities, Deadline, StageClock};
use crate::frame::{PictureInfo, Rational, Size};
use crate::parallel::Pool;
use crate::rate::TwoPass;

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
    /// dropped only to meet caps.
    BelowBufferPct(u8),
}

/// When the encoder inserts key frames in addition to the first frame and those requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFrames {
    /// Maximum number of frames from one key frame to the next; `None` disables periodic key
    /// frames.
    pub max_interval: Option<u32>,
    /// Insert a key frame at scene cuts.
    pub at_scene_cuts: bool,
}

/// Type of content: camera video or screen capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Camera video, and anything else that is not screen content.
    #[default]
    Camera,
    /// Screen content: text, sharp edges, static areas, exact repeats.
    Screen,
}

/// How much delay the encoder may add.
///
/// The default is `Rtc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// Real time: no look-ahead; each input frame yields its packet immediately.
    #[default]
    Rtc,
    /// Files: a short look-ahead and altref frames.
    File,
}

/// Temporal scalability mode, with WebRTC's names.
///
/// The default is `L1T1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scalability {
    /// One temporal layer.
    #[default]
    L1T1,
    /// Two temporal layers: pattern 0-1.
    L1T2,
    /// Three temporal layers: pattern 0-2-1-2.
    L1T3,
}

impl Scalability {
    /// All modes with their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("L1T1", Self::L1T1), ("L1T2", Self::L1T2), ("L1T3", Self::L1T3)];

    /// Returns the number of temporal layers, 1 to 3.
    #[must_use]
    pub fn temporal_layers(self) -> u8 {
        match self {
            Self::L1T1 => 1,
            Self::L1T2 => 2,
            Self::L1T3 => 3,
        }
    }
}

/// Settings of an encoder.
///
/// The settings in [`super::Update`] can be changed while it runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EncoderConfig {
    /// Size of the input frames in pixels.
    pub size: Size,
    /// Seconds per tick of the timestamps, for example 1/90000.
    pub timebase: Rational,
    /// Colour and orientation of the video, for encoders that write them into the stream (AV1). The
    /// information attached to each input frame is ignored.
    pub info: PictureInfo,
    /// Nominal frame rate in frames per second; frame timestamps take precedence.
    pub framerate: Rational,
    /// Rate control mode and target.
    pub rate: RateControl,
    /// Buffer model of constant bitrate.
    pub buffering: Buffering,
    /// Lowest (best) quantiser index allowed, in the codec's own scale (VP8: 0..=127). `None` uses
    /// the preset's value from the backend's capabilities ([`Self::qindex_range`]).
    pub min_qindex: Option<u8>,
    /// Highest (worst) quantiser index allowed; `None` as for `min_qindex`.
    pub max_qindex: Option<u8>,
    /// Maximum undershoot of a frame relative to its share of the bitrate, in percent; constant
    /// bitrate only. Values above 90 count as 90.
    pub undershoot_pct: u8,
    /// Maximum overshoot of a frame relative to its share of the bitrate, in percent; constant
    /// bitrate only.
    pub overshoot_pct: u8,
    /// Maximum key frame size in percent of the mean frame; `None` derives it from the buffer.
    /// Constant bitrate only.
    pub max_key_frame_pct: Option<u32>,
    /// Cap on the size of every frame, in bytes. It is a hard limit if the frame may be dropped;
    /// otherwise, and after two seconds without a frame, it is exceeded when even the highest
    /// quantiser index does not meet it.
    pub max_frame_bytes: Option<u32>,
    /// Cap on the bytes in every time window, enforced like `max_frame_bytes`.
    pub window_cap: Option<WindowCap>,
    /// Whether frames may be dropped.
    pub drops: DropPolicy,
    /// Key frame placement.
    pub keys: KeyFrames,
    /// Delay that the encoder may add.
    pub preset: Preset,
    /// Speed, from 0 (best quality) to 10 (fastest).
    pub speed: u8,
    /// Temporal scalability mode.
    pub scalability: Scalability,
    /// Type of content.
    pub content: Content,
    /// Code each frame so that it depends on earlier frames only through its references: entropy
    /// coding probabilities do not carry over.
    pub error_resilient: bool,
    /// Time limit for each frame; real time only. If set, the coded bytes depend on the clock.
    pub deadline: Option<Deadline>,
    /// Macroblock columns or rows refreshed with intra blocks per frame; 0 disables intra refresh.
    pub intra_refresh: u8,
    /// Report the squared error of the reconstruction with each packet.
    pub report_psnr: bool,
    /// Report the digest of the reconstruction with each packet.
    pub report_digest: bool,
    /// Codec-specific settings as pairs of knob name and value (see [`super::Knob`]).
    pub knobs: Vec<(String, i64)>,
    /// Statistics of earlier passes over the same frames; used with [`RateControl::Vbr`] and the
    /// file preset.
    pub two_pass: Option<Arc<TwoPass>>,
    /// Thread pool for parallel rows; `None` uses only the caller's thread.
    pub pool: Option<Arc<dyn Pool>>,
    /// SIMD level; `None` selects the best that the CPU supports. The coded bytes do not depend on
    /// it.
    pub simd: Option<Level>,
    /// Receives timings of the encoder's stages, from encoders that measure them; `None` disables
    /// measurement. The coded bytes do not depend on it.
    pub stages: Option<Arc<dyn StageClock>>,
}

impl EncoderConfig {
    /// Returns real-time settings: CBR, no look-ahead, no periodic key frames, no drops, speed 7.
    #[must_use]
    pub fn rtc(size: Size, framerate: Rational, bitrate: Bitrate) -> Self {
        Self {
            size,
            info: PictureInfo::default(),
            timebase: framerate.inverse(),
            framerate,
            rate: RateControl::Cbr(bitrate),
            buffering: Buffering::default(),
            min_qindex: None,
            max_qindex: None,
            undershoot_pct: 100,
            overshoot_pct: 15,
            max_key_frame_pct: None,
            max_frame_bytes: None,
            window_cap: None,
            drops: DropPolicy::Never,
            keys: KeyFrames { max_interval: None, at_scene_cuts: false },
            preset: Preset::Rtc,
            speed: 7,
            scalability: Scalability::L1T1,
            content: Content::Camera,
            error_resilient: false,
            deadline: None,
            intra_refresh: 0,
            report_psnr: false,
            report_digest: false,
            knobs: Vec::new(),
            two_pass: None,
            pool: None,
            simd: None,
            stages: None,
        }
    }

    /// Returns settings for files: look-ahead with altref frames, key frames at scene cuts and
    /// every 240 frames, speed 3.
    #[must_use]
    pub fn file(size: Size, framerate: Rational, rate: RateControl) -> Self {
        Self {
            rate,
            keys: KeyFrames { max_interval: Some(240), at_scene_cuts: true },
            preset: Preset::File,
            speed: 3,
            ..Self::rtc(size, framerate, Bitrate(0))
        }
    }

    /// Returns the lowest and highest quantiser index that an encoder with these capabilities uses:
    /// the configured values, or else those of the preset. A default bound is widened if it
    /// conflicts with a configured one.
    #[must_use]
    pub fn qindex_range(&self, capabilities: &Capabilities) -> (u8, u8) {
        let (best, worst) = match self.preset {
            Preset::Rtc => capabilities.rtc_qindex_range,
            Preset::File => capabilities.qindex_range,
        };
        let min = self.min_qindex.unwrap_or_else(|| best.min(self.max_qindex.unwrap_or(best)));
        let max = self.max_qindex.unwrap_or_else(|| worst.max(self.min_qindex.unwrap_or(worst)));
        (min, max)
    }
}
