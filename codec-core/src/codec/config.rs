//! Encoder configuration.

use std::sync::Arc;

use codec_simd::Level;

use super::{
    Bitrate, Deadline, Denoise, MAX_SPATIAL_LAYERS, RateConfig, RateControl, Scalability,
    StageClock,
};
use crate::frame::{PictureInfo, Rational, Size};
use crate::parallel::Pool;

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

/// The measure of quality that the encoder optimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tune {
    /// Squared error: about the highest PSNR. Encoders may let bits cost less where the contrast is low.
    #[default]
    Psnr,
    /// Visual quality as viewers perceive it. PSNR may be lower, mainly in files.
    Visual,
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

/// Settings of an encoder.
///
/// [`Self::rtc`] and [`Self::file`] return the defaults for their use; the methods change single
/// settings. Some settings can be changed while the encoder runs, by passing an [`super::Update`]
/// to [`super::VideoEncoder::apply`]:
///
/// | subject | at the start | while running |
/// |---|---|---|
/// | frames | [`size`](Self::size), [`framerate`](Self::framerate) | `Resolution`, `FrameRate` |
/// | | [`timebase`](Self::timebase), [`info`](Self::info) | |
/// | rate control | [`rate.mode`](RateConfig::mode) | `Bitrate`, `Rate` |
/// | | [`rate.min_qindex`](RateConfig::min_qindex), [`max_qindex`](RateConfig::max_qindex) | `QindexRange` |
/// | | [`rate.drops`](RateConfig::drops) | `Drops` |
/// | | the other fields of [`rate`](Self::rate) | |
/// | structure | [`scalability`](Self::scalability) | `Scalability`, `ActiveTemporalLayers` |
/// | | [`layer_shares_pct`](Self::layer_shares_pct) | `ActiveSpatialLayers` |
/// | | [`keys`](Self::keys) | `KeyFrame` requests one |
/// | | [`preset`](Self::preset), [`error_resilient`](Self::error_resilient), [`intra_refresh`](Self::intra_refresh) | |
/// | content | [`content`](Self::content) | `Content` |
/// | | [`denoise`](Self::denoise) | `Denoise` |
/// | | [`tune`](Self::tune) | `Tune` |
/// | speed | [`speed`](Self::speed), [`deadline`](Self::deadline) | `Speed`, `MaxFrameTime` |
/// | | [`pool`](Self::pool) | `Pool` |
/// | | [`simd`](Self::simd) | |
/// | codec | [`knobs`](Self::knobs) | `Knob`, for knobs that are [`live`](super::Knob::live) |
/// | reports | [`report_psnr`](Self::report_psnr), [`report_digest`](Self::report_digest), [`stages`](Self::stages) | |
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
    /// Rate control: mode, target and limits.
    pub rate: RateConfig,
    /// Key frame placement.
    pub keys: KeyFrames,
    /// Delay that the encoder may add.
    pub preset: Preset,
    /// Speed, from 0 (best quality) to 10 (fastest).
    pub speed: u8,
    /// Scalability mode: the numbers of spatial and temporal layers. Default: L1T1.
    pub scalability: Scalability,
    /// Shares of the bitrate of the spatial layers in percent, the lowest first; their sum is 100. `None`
    /// gives each layer 55 % of the next higher one.
    pub layer_shares_pct: Option<[u8; MAX_SPATIAL_LAYERS]>,
    /// Type of content.
    pub content: Content,
    /// Removal of camera noise before coding. Screen content is never filtered.
    pub denoise: Denoise,
    /// The measure of quality that the encoder optimises; `None` is the encoder's own choice. Screen
    /// content is always
    /// coded for [`Tune::Psnr`].
    pub tune: Option<Tune>,
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
            rate: RateConfig::new(RateControl::Cbr(bitrate)),
            keys: KeyFrames { max_interval: None, at_scene_cuts: false },
            preset: Preset::Rtc,
            speed: 7,
            scalability: Scalability::L1T1,
            layer_shares_pct: None,
            content: Content::Camera,
            denoise: Denoise::Off,
            tune: None,
            error_resilient: false,
            deadline: None,
            intra_refresh: 0,
            report_psnr: false,
            report_digest: false,
            knobs: Vec::new(),
            pool: None,
            simd: None,
            stages: None,
        }
    }

    /// Returns settings for files: look-ahead with altref frames, key frames at scene cuts and
    /// every 240 frames, speed 3.
    #[must_use]
    pub fn file(size: Size, framerate: Rational, mode: RateControl) -> Self {
        Self {
            rate: RateConfig::new(mode),
            keys: KeyFrames { max_interval: Some(240), at_scene_cuts: true },
            preset: Preset::File,
            speed: 3,
            ..Self::rtc(size, framerate, Bitrate(0))
        }
    }
}
