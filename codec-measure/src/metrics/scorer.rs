//! Scores pairs of pictures by a set of metrics.

use std::fmt;

use codec_core::frame::{Picture, Size};
use codec_core::metrics::{self, Psnr};

use super::MetricId;

/// Why there is no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricError {
    /// The pictures are too small for it.
    TooSmall {
        /// Which.
        metric: MetricId,
        /// Of the pictures.
        size: Size,
    },
    /// The metric belongs to a feature that this build lacks, or to another program.
    NotBuilt(MetricId),
    /// A picture is not of the size that the scorer was made for.
    Size {
        /// Of the picture.
        found: Size,
        /// Of the scorer.
        expected: Size,
    },
}

impl fmt::Display for MetricError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { metric, size } => {
                let least = metric.least_side();
                write!(f, "{metric} needs {least} pixels each way, and the pictures are {size}")
            }
            Self::NotBuilt(metric) => write!(f, "{metric} is not in this build"),
            Self::Size { found, expected } => {
                write!(f, "a picture is {found}, and {expected} was expected")
            }
        }
    }
}

impl std::error::Error for MetricError {}

/// Scores pairs of pictures of one size.
#[derive(Clone, Debug)]
pub struct Scorer {
    metrics: Vec<MetricId>,
    size: Size,
    fps: f64,
    values: Vec<f64>,
}

impl Scorer {
    /// For pictures of `size`, `fps` of them a second, by `metrics`.
    ///
    /// # Errors
    /// If a metric is not built or not defined for the size.
    pub fn new(metrics: &[MetricId], size: Size, fps: f64) -> Result<Self, MetricError> {
        if let Some(&metric) = metrics.iter().find(|metric| !metric.is_built()) {
            return Err(MetricError::NotBuilt(metric));
        }
        if let Some(&metric) = metrics.iter().find(|metric| !metric.fits(size)) {
            return Err(MetricError::TooSmall { metric, size });
        }
        Ok(Self { metrics: metrics.to_vec(), size, fps, values: Vec::new() })
    }

    /// What is measured.
    #[must_use]
    pub fn metrics(&self) -> &[MetricId] {
        &self.metrics
    }

    /// How many of the reference's pictures before a pair its scores depend on: 0 to 2.
    #[must_use]
    pub fn history(&self) -> usize {
        let _ = self.fps;
        0
    }

    /// Scores `distorted` against `reference`, one value for each of [`Self::metrics`]. `earlier`
    /// holds the reference's pictures before this one, the newest first: [`Self::history`] of them,
    /// fewer at the beginning. The values depend on the arguments alone, so that several scorers can
    /// share the frames of a clip.
    ///
    /// # Errors
    /// If a picture is of another size.
    pub fn score(
        &mut self,
        reference: &Picture<'_>,
        distorted: &Picture<'_>,
        earlier: &[Picture<'_>],
    ) -> Result<&[f64], MetricError> {
        let expected = self.size;
        for picture in [reference, distorted].into_iter().chain(earlier) {
            if picture.size() != expected {
                return Err(MetricError::Size { found: picture.size(), expected });
            }
        }
        let size_error = |_| MetricError::Size { found: distorted.size(), expected };
        let mut psnr = None;
        self.values.clear();
        for &metric in &self.metrics {
            let value = match metric {
                MetricId::Ssim => metrics::ssim(reference, distorted).map_err(size_error)?,
                _ => {
                    let found = match psnr {
                        Some(found) => found,
                        None => metrics::psnr(reference, distorted).map_err(size_error)?,
                    };
                    psnr = Some(found);
                    part(&found, metric)
                }
            };
            self.values.push(value);
        }
        Ok(&self.values)
    }
}

fn part(psnr: &Psnr, metric: MetricId) -> f64 {
    match metric {
        MetricId::PsnrY | MetricId::PsnrYGlobal => psnr.y,
        MetricId::PsnrU | MetricId::PsnrUGlobal => psnr.u,
        MetricId::PsnrV | MetricId::PsnrVGlobal => psnr.v,
        MetricId::Psnr611 => (6.0 * psnr.y + psnr.u + psnr.v) / 8.0,
        _ => psnr.all,
    }
}
