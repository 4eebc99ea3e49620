//! The list of audio metrics. `codec_audio::metrics` measures them.

use std::fmt;
use std::str::FromStr;

use super::Pooling;
use crate::results::Metric;

/// A quality metric of audio. None of them models hearing: they measure how exactly a codec keeps the samples or the
/// spectrum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AudioMetric {
    /// SNR of each segment of 20 ms, clamped to -10..=35 dB; silent segments have no value.
    SegmentalSnr,
    /// Log-spectral distance of each segment; silent segments have no value.
    Lsd,
    /// SNR of the clip. The value of a segment is the ratio of the mean signal power of the clip to the noise power
    /// of the segment.
    Snr,
}

impl AudioMetric {
    /// All metrics, in report order.
    pub const ALL: [Self; 3] = [Self::SegmentalSnr, Self::Lsd, Self::Snr];

    /// Key in results: `segmental_snr`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::SegmentalSnr => "segmental_snr",
            Self::Lsd => "lsd",
            Self::Snr => "snr",
        }
    }

    /// Display name: `segmental SNR`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SegmentalSnr => "Segmental SNR",
            Self::Lsd => "Log-spectral distance",
            Self::Snr => "SNR",
        }
    }

    /// The unit, which is `dB` for all.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        "dB"
    }

    /// Whether higher is better.
    #[must_use]
    pub const fn higher_is_better(self) -> bool {
        !matches!(self, Self::Lsd)
    }

    /// How values of segments are combined.
    #[must_use]
    pub const fn pooling(self) -> Pooling {
        let decibels_per_decade = match self {
            Self::Snr => Some(10.0),
            _ => None,
        };
        Pooling { higher_is_better: self.higher_is_better(), decibels_per_decade }
    }

    /// Description for results.
    #[must_use]
    pub fn describe(self) -> Metric {
        Metric {
            id: self.id().to_owned(),
            name: self.name().to_owned(),
            unit: self.unit().to_owned(),
            higher_is_better: self.higher_is_better(),
        }
    }
}

impl fmt::Display for AudioMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// No audio metric has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAudioMetric(pub String);

impl fmt::Display for UnknownAudioMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = AudioMetric::ALL.map(AudioMetric::id).join(", ");
        write!(f, "unknown metric of audio '{}', expected one of: {names}, all", self.0)
    }
}

impl std::error::Error for UnknownAudioMetric {}

impl FromStr for AudioMetric {
    type Err = UnknownAudioMetric;

    fn from_str(text: &str) -> Result<Self, UnknownAudioMetric> {
        let found = Self::ALL.into_iter().find(|metric| metric.id() == text);
        found.ok_or_else(|| UnknownAudioMetric(text.to_owned()))
    }
}

/// Parses a list such as `segmental_snr,lsd` into distinct metrics; `all` selects all. `-` is accepted in place of `_`.
///
/// # Errors
/// If a name is unknown.
pub fn parse_audio_list(text: &str) -> Result<Vec<AudioMetric>, UnknownAudioMetric> {
    let mut found = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let metrics = match name.replace('-', "_").as_str() {
            "all" => AudioMetric::ALL.to_vec(),
            name => vec![name.parse()?],
        };
        for metric in metrics {
            if !found.contains(&metric) {
                found.push(metric);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_no_duplicates_and_unknown_names_are_rejected() {
        assert_eq!(
            parse_audio_list("lsd, segmental-snr,all").unwrap(),
            [AudioMetric::Lsd, AudioMetric::SegmentalSnr, AudioMetric::Snr]
        );
        let message = parse_audio_list("snr,psnr_y").unwrap_err().to_string();
        assert_eq!(
            message,
            "unknown metric of audio 'psnr_y', expected one of: segmental_snr, lsd, snr, all"
        );
    }
}
