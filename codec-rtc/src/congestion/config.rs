//! Controller configuration.

use codec_core::codec::Bitrate;
use codec_core::error::ConfigError;

/// Settings of a [`super::Controller`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControllerConfig {
    /// Minimum estimate, 5 kb/s to 1 Gb/s; default 30 kb/s.
    pub min: Bitrate,
    /// Maximum estimate, up to 1 Gb/s; default 20 Mb/s.
    pub max: Bitrate,
    /// Initial estimate, between minimum and maximum; default 300 kb/s.
    pub start: Bitrate,
    /// Whether to send probe clusters to measure the available bandwidth; default true.
    pub probing: bool,
}

impl Default for ControllerConfig {
    /// 30 kb/s to 20 Mb/s, starting at 300 kb/s, with probing.
    fn default() -> Self {
        Self {
            min: Bitrate::kbps(30),
            max: Bitrate::kbps(20_000),
            start: Bitrate::kbps(300),
            probing: true,
        }
    }
}

impl ControllerConfig {
    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        const RANGE: std::ops::RangeInclusive<u64> = 5_000..=1_000_000_000;
        for (what, rate) in [("minimum bitrate", self.min), ("maximum bitrate", self.max)] {
            if !RANGE.contains(&rate.0) {
                return Err(ConfigError::new(what, format!("{} b/s", rate.0), "5 kb/s to 1 Gb/s"));
            }
        }
        if self.min > self.max {
            let given = format!("{} b/s", self.min.0);
            return Err(ConfigError::new("minimum bitrate", given, "at most the maximum bitrate"));
        }
        if !(self.min..=self.max).contains(&self.start) {
            let given = format!("{} b/s", self.start.0);
            return Err(ConfigError::new(
                "start bitrate",
                given,
                "a value between minimum and maximum bitrate",
            ));
        }
        Ok(())
    }
}
