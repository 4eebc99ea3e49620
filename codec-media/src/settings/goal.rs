//! Goals of an encode: a quality or a file size.

use std::fmt;
use std::str::FromStr;

/// A metric whose mean over all frames can be the target of an encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetMetric {
    /// VMAF, 0 to 100.
    Vmaf,
    /// SSIM of luma, 0 to 1.
    Ssim,
    /// PSNR of luma, in decibels.
    Psnr,
    /// SSIMULACRA 2, at most 100.
    Ssimulacra2,
}

impl TargetMetric {
    const ALL: [(&'static str, Self); 4] = [
        ("vmaf", Self::Vmaf),
        ("ssim", Self::Ssim),
        ("psnr", Self::Psnr),
        ("ssimulacra2", Self::Ssimulacra2),
    ];

    /// The name in `--target`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vmaf => "vmaf",
            Self::Ssim => "ssim",
            Self::Psnr => "psnr",
            Self::Ssimulacra2 => "ssimulacra2",
        }
    }

    /// Valid targets.
    fn range(self) -> [f64; 2] {
        match self {
            Self::Vmaf | Self::Ssimulacra2 => [1.0, 100.0],
            Self::Ssim => [0.1, 1.0],
            Self::Psnr => [10.0, 90.0],
        }
    }

    /// The value of equal frames; `None` if it is unlimited.
    pub(crate) fn best(self) -> Option<f64> {
        match self {
            Self::Vmaf | Self::Ssimulacra2 => Some(100.0),
            Self::Ssim => Some(1.0),
            Self::Psnr => None,
        }
    }

    /// How far a result may be from the target.
    #[must_use]
    pub fn tolerance(self) -> f64 {
        match self {
            Self::Vmaf => 0.3,
            Self::Ssim => 0.002,
            Self::Psnr => 0.1,
            Self::Ssimulacra2 => 0.5,
        }
    }

    /// Usual values at the qualities 20 and 70: where a search begins.
    pub(crate) fn usual(self) -> [f64; 2] {
        match self {
            Self::Vmaf => [75.0, 95.0],
            Self::Ssim => [0.94, 0.977],
            Self::Psnr => [33.0, 41.0],
            Self::Ssimulacra2 => [45.0, 80.0],
        }
    }

    /// Formats a value with as many digits as the tolerance has, and one more.
    #[must_use]
    pub fn format(self, value: f64) -> String {
        if self == Self::Ssim { format!("{value:.4}") } else { format!("{value:.2}") }
    }
}

/// A target quality, such as `vmaf=93`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetQuality {
    /// The metric.
    pub metric: TargetMetric,
    /// Its mean over all frames.
    pub value: f64,
    /// One of this many successive frames is measured; 1 measures all.
    pub every: u32,
}

impl TargetQuality {
    /// This target, measured in every second frame of an input of 300 frames or more, if the metric takes as long
    /// as an encode.
    pub(crate) fn of_trials(self, frames: u64) -> Self {
        let is_slow = matches!(self.metric, TargetMetric::Vmaf | TargetMetric::Ssimulacra2);
        self.measured_in(frames, if is_slow { 2 } else { 1 })
    }

    /// This target for the result: VMAF, which knows the motion of all frames, is measured in one of up to four frames.
    pub(crate) fn of_result(self, frames: u64) -> Self {
        if self.metric == TargetMetric::Vmaf {
            self.measured_in(frames, 4)
        } else {
            self.of_trials(frames)
        }
    }

    /// This target, measured in one of up to `most` frames, and in at least 150 of a long input.
    fn measured_in(self, frames: u64, most: u32) -> Self {
        let every = u32::try_from(frames / 150).unwrap_or(most).clamp(1, most);
        Self { every, ..self }
    }
}

impl fmt::Display for TargetQuality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.metric.name(), self.value)
    }
}

impl FromStr for TargetQuality {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = TargetMetric::ALL.map(|(name, _)| name).join(", ");
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| "expected METRIC=VALUE, such as vmaf=93".to_owned())?;
        let found = TargetMetric::ALL.into_iter().find(|(known, _)| *known == name);
        let (_, metric) =
            found.ok_or_else(|| format!("unknown metric {name}, expected {names}"))?;
        let value: f64 = value.parse().map_err(|_| format!("{value} is not a number"))?;
        let [least, most] = metric.range();
        if !(least..=most).contains(&value) {
            return Err(format!("{name} must be {least} to {most}"));
        }
        Ok(Self { metric, value, every: 1 })
    }
}

/// The goal of an encode, which replaces the bitrate or quality of the encoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// A mean quality.
    Quality(TargetQuality),
    /// The size of the file, in bytes: at most this, and at least 97 % of it.
    Size(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_a_metric_and_a_value_in_its_range() {
        let target = "ssim=0.98".parse::<TargetQuality>().unwrap();
        assert_eq!((target.metric, target.value), (TargetMetric::Ssim, 0.98));
        assert_eq!(target.to_string(), "ssim 0.98");
        let every = |target: &str, frames| {
            let target = target.parse::<TargetQuality>().unwrap();
            [target.of_trials(frames).every, target.of_result(frames).every]
        };
        let vmaf = [0, 299, 300, 450, 10_000].map(|frames| every("vmaf=90", frames));
        assert_eq!(vmaf, [[1, 1], [1, 1], [2, 2], [2, 3], [2, 4]]);
        assert_eq!(every("ssimulacra2=70", 10_000), [2, 2]);
        assert_eq!(every("psnr=40", 10_000), [1, 1]);
        for wrong in ["vmaf", "vmaf=", "vmaf=101", "vmaf=nan", "ssim=98", "flicker=3", "psnr=-1"] {
            assert!(wrong.parse::<TargetQuality>().is_err(), "{wrong}");
        }
    }
}
