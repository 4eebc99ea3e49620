//! The metrics of a study.

use codec_measure::metrics::{AudioMetric, MetricId, parse_audio_list, parse_list};
use codec_measure::pool::pool;
use codec_measure::results::{self, Pooled};
use codec_media::failure::{Failure, Result};

use super::shape::Media;

/// The usual metrics of video.
const VIDEO: &str = "psnr_y_global,psnr_611,ssim";
/// The usual metrics of audio. SNR is not one of them, because it is mostly the SNR of the loudest parts.
const AUDIO: &str = "segmental_snr,lsd";

/// A metric of video or of audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    Video(MetricId),
    Audio(AudioMetric),
}

impl Metric {
    /// Parses the names of metrics of `media`; without names, returns the usual ones.
    ///
    /// # Errors
    /// If a name is unknown.
    pub(super) fn list(names: &[String], media: Media) -> Result<Vec<Self>> {
        let list = match (names, media) {
            ([], Media::Video) => VIDEO.to_owned(),
            ([], Media::Audio) => AUDIO.to_owned(),
            (names, _) => names.join(","),
        };
        match media {
            Media::Video => parse_list(&list)
                .map(|found| found.into_iter().map(Self::Video).collect())
                .map_err(|error| Failure::usage(error.to_string())),
            Media::Audio => parse_audio_list(&list)
                .map(|found| found.into_iter().map(Self::Audio).collect())
                .map_err(|error| Failure::usage(error.to_string())),
        }
    }

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Video(metric) => metric.id(),
            Self::Audio(metric) => metric.id(),
        }
    }

    /// Description for results.
    pub(super) fn describe(self) -> results::Metric {
        match self {
            Self::Video(metric) => metric.describe(),
            Self::Audio(metric) => metric.describe(),
        }
    }

    /// Combines the values of frames at these times.
    pub(super) fn pool(self, values: &[f64], times_s: &[f64]) -> Option<Pooled> {
        let how = match self {
            Self::Video(metric) => metric.pooling(),
            Self::Audio(metric) => metric.pooling(),
        };
        pool(how, values, times_s)
    }
}

/// The metrics of video in a list.
pub(super) fn of_video(metrics: &[Metric]) -> Vec<MetricId> {
    let video = metrics.iter().filter_map(|metric| match metric {
        Metric::Video(metric) => Some(*metric),
        Metric::Audio(_) => None,
    });
    video.collect()
}

/// The metrics of audio in a list.
pub(super) fn of_audio(metrics: &[Metric]) -> Vec<AudioMetric> {
    let audio = metrics.iter().filter_map(|metric| match metric {
        Metric::Audio(metric) => Some(*metric),
        Metric::Video(_) => None,
    });
    audio.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_media_has_its_own_metrics() {
        let names = |media| {
            let list = Metric::list(&[], media).unwrap();
            list.into_iter().map(Metric::id).collect::<Vec<_>>().join(",")
        };
        assert_eq!(
            (names(Media::Video), names(Media::Audio)),
            (VIDEO.to_owned(), AUDIO.to_owned())
        );
        let of = |name: &str, media| Metric::list(&[name.to_owned()], media);
        assert!(of("psnr_y", Media::Audio).unwrap_err().message.contains("metric of audio"));
        assert!(of("lsd", Media::Video).is_err());
        assert_eq!(of("lsd", Media::Audio).unwrap(), [Metric::Audio(AudioMetric::Lsd)]);
    }
}
