//! Settings.

use codec_core::codec::Bitrate;
use codec_core::error::ConfigError;

/// Settings of a [`super::Controller`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControllerConfig {
    /// The estimate never goes below: 5 kb/s to 1 Gb/s.
    pub min: Bitrate,
    /// Nor above: up to 1 Gb/s.
    pub max: Bitrate,
    /// The estimate at the beginning, between the two.
    pub start: Bitrate,
    /// Whether clusters of packets are asked for that find out how much the link carries.
    pub probing: bool,
}

impl Default for ControllerConfig {
    /// 30 kb/s to 20 Mb/s from 300 kb/s, with probing.
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
    /// Nothing, if the settings go together.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        const RANGE: std::ops::RangeInclusive<u64> = 5_000..=1_000_000_000;
        for (what, rate) in [("lowest bitrate", self.min), ("highest bitrate", self.max)] {
            if !RANGE.contains(&rate.0) {
                return Err(ConfigError::new(what, format!("{} b/s", rate.0), "5 kb/s to 1 Gb/s"));
            }
        }
        if self.min > self.max {
            let given = format!("{} b/s", self.min.0);
            return Err(ConfigError::new("lowest bitrate", given, "at most the highest"));
        }
        if !(self.min..=self.max).contains(&self.start) {
            let given = format!("{} b/s", self.start.0);
            return Err(ConfigError::new("first bitrate", given, "between lowest and highest"));
        }
        Ok(())
    }
}
