//! What an encoder is told before it starts.

use std::sync::Arc;

use codec_simd::Level;

use super::{Bitrate, Capabilities, Deadline, StageClock};
use crate::frame::{PictureInfo, Rational, Size};
use crate::parallel::Pool;
use crate::rate::Rehearsal;

/// How many bits, or how much quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateControl {
    /// Constant bitrate with a buffer model: real-time links.
    Cbr(Bitrate),
    /// One-pass variable bitrate: the average over the file.
    Vbr(Bitrate),
    /// Constant quality, 0 (worst) to 100 (best).
    Quality(u8),
    /// One quantiser index for all frames, in the codec's own scale (VP8: 0..=127).
    FixedQ(u8),
}

/// The decoder buffer that CBR models, in milliseconds at the target bitrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Buffering {
    pub initial_ms: u32,
    pub optimal_ms: u32,
    pub size_ms: u32,
}

impl Default for Buffering {
    /// What WebRTC sets.
    fn default() -> Self {
        Self { initial_ms: 500, optimal_ms: 600, size_ms: 1000 }
    }
}

/// At most so many bytes in any window of so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct WindowCap {
    pub window_ms: u32,
    pub max_bytes: u32,
}

/// Whether the rate controller may drop frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DropPolicy {
    /// Every frame is coded.
    #[default]
    Never,
    /// Frames are dropped when the buffer falls below this share of its optimal level, in percent
    /// (0..=100; WebRTC: 30). The percentage is constant bitrate's; with others frames are dropped
    /// for caps alone.
    BelowBufferPct(u8),
}

/// When key frames come, beside the first frame and those asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFrames {
    /// At most so many frames from one key frame to the next; `None`: no periodic ones.
    pub max_interval: Option<u32>,
    /// A key frame where the scene changes.
    pub at_scene_cuts: bool,
}

/// What the pictures show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum Content {
    #[default]
    Camera,
    Screen,
}

/// What the encoder may assume about delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// Real time: no look-ahead, a packet for each picture at once.
    #[default]
    Rtc,
    /// Files: a short look-ahead and an altref frame.
    File,
}

/// Temporal layers, named as WebRTC names scalability modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scalability {
    /// One layer.
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

    /// Number of temporal layers.
    #[must_use]
    pub fn temporal_layers(self) -> u8 {
        match self {
            Self::L1T1 => 1,
            Self::L1T2 => 2,
            Self::L1T3 => 3,
        }
    }
}

/// Settings of an encoder. Those that [`super::Update`] names can be changed while running.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EncoderConfig {
    /// Size of the pictures.
    pub size: Size,
    /// Seconds per tick of the timestamps, for example 1/90000.
    pub timebase: Rational,
    /// What is known of the pictures, for encoders that write it into the stream (AV1); that of
    /// the pictures themselves is not looked at.
    pub info: PictureInfo,
    /// Frames per second, nominal; timestamps rule where they differ.
    pub framerate: Rational,
    /// Bits or quality.
    pub rate: RateControl,
    /// CBR's buffer.
    pub buffering: Buffering,
    /// Best quantiser index allowed, in the codec's own scale (VP8: 0..=127); `None`: as the
    /// backend's capabilities say for the preset ([`Self::qindex_range`]).
    pub min_qindex: Option<u8>,
    /// Worst quantiser index allowed; `None` as there.
    pub max_qindex: Option<u8>,
    /// Most that a frame may fall short of, or exceed, its share of the rate, in percent; constant
    /// bitrate only. Above 90 counts as 90 for falling short.
    pub undershoot_pct: u8,
    /// See `undershoot_pct`.
    pub overshoot_pct: u8,
    /// Largest key frame, in percent of the mean frame; `None`: by the buffer. Constant bitrate
    /// only.
    pub max_key_frame_pct: Option<u32>,
    /// Cap on every frame, in bytes: hard where the frame may be dropped; else, and after two
    /// seconds without a frame, it is exceeded where the worst quantiser does not meet it.
    pub max_frame_bytes: Option<u32>,
    /// Cap on every window of time, as hard as that on frames.
    pub window_cap: Option<WindowCap>,
    /// Whether frames may be dropped.
    pub drops: DropPolicy,
    /// Key frames.
    pub keys: KeyFrames,
    /// Delay.
    pub preset: Preset,
    /// 0 (best) to 10 (fastest).
    pub speed: u8,
    /// Temporal layers.
    pub scalability: Scalability,
    /// What the pictures show.
    pub content: Content,
    /// Each frame decodable as far as its references are: probabilities are not carried over.
    pub error_resilient: bool,
    /// Time that each frame may take; real time only. The bytes then depend on the clock.
    pub deadline: Option<Deadline>,
    /// Macroblock columns or rows refreshed with intra blocks per frame; 0: none.
    pub intra_refresh: u8,
    /// Report the reconstruction's squared error with each packet.
    pub report_psnr: bool,
    /// Report the reconstruction's digest with each packet.
    pub report_digest: bool,
    /// The codec's own settings, by knob name (see [`super::Knob`]).
    pub knobs: Vec<(String, i64)>,
    /// What trial codings of the same pictures told; used with [`RateControl::Vbr`] in the file
    /// preset.
    pub rehearsal: Option<Arc<Rehearsal>>,
    /// Where rows run; `None`: on the caller's thread.
    pub pool: Option<Arc<dyn Pool>>,
    /// Instruction set; `None`: the best that the CPU has. The bytes do not depend on it.
    pub simd: Option<Level>,
    /// Who is told how long the stages of the work take, by encoders that know; `None`: nobody. The
    /// bytes do not depend on it.
    pub stages: Option<Arc<dyn StageClock>>,
}

impl EncoderConfig {
    /// Real-time settings: CBR, no look-ahead, no periodic key frames, no drops, speed 7.
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
            rehearsal: None,
            pool: None,
            simd: None,
            stages: None,
        }
    }

    /// Settings for files: a look-ahead with altref frames, key frames at scene cuts and every 240
    /// frames, speed 3.
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

    /// The best and the worst quantiser index that an encoder with these capabilities uses: what is
    /// set, else the preset's; an end that is not set makes room for one that is.
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
