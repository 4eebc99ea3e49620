//! Settings of a frame encoder, and its report for each frame.

use std::sync::Arc;

use codec_simd::Level;

use codec_core::codec::StageClock;
use codec_core::error::ConfigError;
use codec_core::frame::Size;
use codec_core::parallel::Pool;

/// Bitstream settings that persist from frame to frame.
///
/// All can change between frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameKnobs {
    /// Number of token partitions: 1, 2, 4 or 8.
    pub token_partitions: u8,
    /// Bitstream profile (`version` in the standard), 0..=3.
    pub profile: u8,
    /// Sharpness of the loop filter, 0..=7.
    pub sharpness: u8,
    /// Loop filter level, 0..=63; `None` lets the encoder choose.
    pub filter_level: Option<u8>,
}

impl Default for FrameKnobs {
    fn default() -> Self {
        Self { token_partitions: 1, profile: 0, sharpness: 0, filter_level: None }
    }
}

impl FrameKnobs {
    pub(super) fn check(self) -> Result<(), ConfigError> {
        let refuse = |knob, given: u8, allowed: &str| Err(ConfigError::new(knob, given, allowed));
        if !matches!(self.token_partitions, 1 | 2 | 4 | 8) {
            return refuse("token-partitions", self.token_partitions, "1, 2, 4 or 8");
        }
        if self.profile > 3 {
            return refuse("profile", self.profile, "0..=3");
        }
        if self.sharpness > 7 {
            return refuse("sharpness", self.sharpness, "0..=7");
        }
        match self.filter_level {
            Some(level) if level > 63 => refuse("filter-level", level, "0..=63"),
            _ => Ok(()),
        }
    }
}

/// Configuration of a [`super::FrameEncoder`].
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct FrameSettings {
    pub size: Size,
    pub knobs: FrameKnobs,
    /// Thread pool for parallel rows; `None` uses only the caller's thread.
    pub pool: Option<Arc<dyn Pool>>,
    /// SIMD level; `None` selects the best that the CPU supports.
    pub simd: Option<Level>,
    /// Whether [`codec_core::codec::PacketMeta::sse`] is filled in.
    pub report_sse: bool,
    /// Whether [`codec_core::codec::PacketMeta::digest`] is filled in.
    pub report_digest: bool,
    /// See [`codec_core::codec::EncoderConfig::stages`].
    pub stages: Option<Arc<dyn StageClock>>,
}
