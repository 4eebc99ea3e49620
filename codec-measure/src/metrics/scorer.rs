//! Scores pairs of frames by a set of metrics.

use std::fmt;

use codec_core::error::{ConfigError, MissingFeature};
use codec_core::frame::{Chroma, Picture, Planes, SampleFormat, Sampling, Size};
use codec_core::metrics;
use codec_simd::PlaneRef;

use super::ciede::Ciede;
use super::ms_ssim::MsSsim;
use super::psnr_hvs::PsnrHvs;
use super::rgb_image::{RgbImage, Ycbcr, psnr_of_ycbcr};
use super::rgb_metrics::RgbPair;
use super::xpsnr::Xpsnr;
use super::{MetricId, PERFECT_DB};

/// Why there is no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricError {
    /// The frames are too small for the metric.
    TooSmall {
        /// The metric.
        metric: MetricId,
        /// Size of the frames.
        size: Size,
    },
    /// The metric requires a feature that this build lacks.
    MissingFeature(MissingFeature),
    /// The metric depends on the next frame, so that a scorer cannot measure it.
    Sequence(MetricId),
    /// The metric is not defined for the format of the frames.
    Format {
        /// The metric.
        metric: MetricId,
        /// Format of the frames.
        format: SampleFormat,
    },
    /// The frames have different formats.
    Formats {
        /// Format of the distorted frame.
        found: SampleFormat,
        /// Format of the reference.
        expected: SampleFormat,
    },
    /// A frame does not have the size of the scorer.
    Size {
        /// Size of the frame.
        found: Size,
        /// Size of the scorer.
        expected: Size,
    },
}

impl fmt::Display for MetricError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { metric, size } => {
                let least = metric.min_side();
                write!(f, "{metric} requires frames of at least {least}x{least} pixels, got {size}")
            }
            Self::MissingFeature(missing) => missing.fmt(f),
            Self::Sequence(metric) => {
                write!(
                    f,
                    "cannot compute {metric} of one pair of frames: it also needs the next frame"
                )
            }
            Self::Format { metric, format } => {
                let taken = if *metric == MetricId::Ciede2000 {
                    "frames with chroma"
                } else {
                    "8-bit 4:2:0 frames"
                };
                write!(f, "{metric} requires {taken}, got {format}")
            }
            Self::Formats { found, expected } => {
                write!(f, "invalid format of a frame: got {found}, expected {expected}")
            }
            Self::Size { found, expected } => {
                write!(f, "invalid frame size: got {found}, expected {expected}")
            }
        }
    }
}

impl std::error::Error for MetricError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::MissingFeature(missing) => Some(missing),
            _ => None,
        }
    }
}

/// Scores pairs of frames of one size.
#[derive(Clone, Debug)]
pub struct Scorer {
    metrics: Vec<MetricId>,
    size: Size,
    ms_ssim: MsSsim,
    hvs: PsnrHvs,
    ciede: Ciede,
    xpsnr: Xpsnr,
    shown: RgbPair,
    /// Indexed by `MetricId as usize`; values that were not requested may be missing.
    found: [f64; MetricId::ALL.len()],
    values: Vec<f64>,
}

impl Scorer {
    /// Creates a scorer for frames of `size` at `fps` frames per second, with `metrics`.
    ///
    /// # Errors
    /// If a metric is not built or not defined for the size.
    pub fn new(metrics: &[MetricId], size: Size, fps: f64) -> Result<Self, MetricError> {
        if let Some(missing) = metrics.iter().find_map(|metric| metric.missing_feature()) {
            return Err(MetricError::MissingFeature(missing));
        }
        if metrics.contains(&MetricId::Vmaf) {
            return Err(MetricError::Sequence(MetricId::Vmaf));
        }
        if let Some(&metric) = metrics.iter().find(|metric| !metric.fits(size)) {
            return Err(MetricError::TooSmall { metric, size });
        }
        Ok(Self {
            metrics: metrics.to_vec(),
            size,
            ms_ssim: MsSsim::default(),
            hvs: PsnrHvs::new(),
            ciede: Ciede::new(),
            xpsnr: Xpsnr::new(size, fps),
            shown: RgbPair::default(),
            found: [0.0; MetricId::ALL.len()],
            values: Vec::new(),
        })
    }

    /// The metrics that are measured.
    #[must_use]
    pub fn metrics(&self) -> &[MetricId] {
        &self.metrics
    }

    /// How many earlier reference frames the scores depend on: 0 to 2.
    #[must_use]
    pub fn history(&self) -> usize {
        if self.wants(&XPSNR) { self.xpsnr.history() } else { 0 }
    }

    fn wants(&self, any: &[MetricId]) -> bool {
        self.metrics.iter().any(|metric| any.contains(metric))
    }

    /// Scores `distorted` against `reference`, one value for each of [`Self::metrics`]. `earlier`
    /// holds the previous reference frames, the newest first: [`Self::history`] of them, fewer at
    /// the beginning. The values depend on the arguments only, so several scorers can share the
    /// frames of a clip.
    ///
    /// # Errors
    /// If a frame has another size.
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
        if reference.samples() != distorted.samples() {
            let (found, expected) = (distorted.samples(), reference.samples());
            return Err(MetricError::Formats { found, expected });
        }
        let size_error = |_| MetricError::Size { found: distorted.size(), expected };
        if !reference.is_yuv420() {
            return self.score_format(reference, distorted);
        }
        let (packed_reference, packed_distorted) = (packed(reference), packed(distorted));
        let reference = &planar(reference, packed_reference.as_deref()).map_err(size_error)?;
        let distorted = &planar(distorted, packed_distorted.as_deref()).map_err(size_error)?;

        if self.wants(&PSNR) {
            let psnr = metrics::psnr(reference, distorted).map_err(size_error)?;
            self.set_psnr([psnr.y, psnr.u, psnr.v, psnr.all]);
        }
        self.measure_ciede(reference, distorted);
        if self.wants(&SHOWN) {
            self.shown.fill(reference, distorted);
        }
        self.measure_planes(reference, distorted, earlier)?;
        self.measure_shown();
        Ok(self.collect())
    }

    /// Scores frames of other formats than 8-bit 4:2:0 by the metrics that are defined for them: PSNR,
    /// SSIM and, if there is chroma, CIEDE2000.
    fn score_format(
        &mut self,
        reference: &Picture<'_>,
        distorted: &Picture<'_>,
    ) -> Result<&[f64], MetricError> {
        let format = reference.samples();
        let is_undefined = |metric: &&MetricId| match **metric {
            MetricId::Ssim => false,
            MetricId::Ciede2000 => format.sampling == Sampling::Yuv400,
            _ => !PSNR.contains(metric),
        };
        if let Some(&metric) = self.metrics.iter().find(is_undefined) {
            return Err(MetricError::Format { metric, format });
        }
        let size_error =
            |_| MetricError::Size { found: distorted.size(), expected: reference.size() };
        let psnr = metrics::psnr(reference, distorted).map_err(size_error)?;
        self.set_psnr([psnr.y, psnr.u, psnr.v, psnr.all]);
        let ssim = metrics::ssim(reference, distorted).map_err(size_error)?;
        self.set(&[MetricId::Ssim], &[ssim]);
        self.measure_ciede(reference, distorted);
        Ok(self.collect())
    }

    /// Measures CIEDE2000, if it is wanted, of two frames of the same format with separate planes.
    fn measure_ciede(&mut self, reference: &Picture<'_>, distorted: &Picture<'_>) {
        if !self.wants(&[MetricId::Ciede2000]) {
            return;
        }
        let (size, format) = (self.size, reference.samples());
        let value = match (reference.planes(), distorted.planes()) {
            (Planes::High(a), Planes::High(b)) => self.ciede.measure(a, b, size, format),
            (Planes::Bits8(a), Planes::Bits8(b)) => self.ciede.measure(a, b, size, format),
            _ => self.ciede.measure(planes(reference), planes(distorted), size, format),
        };
        self.set(&[MetricId::Ciede2000], &[value]);
    }

    /// Scores a still image against another, one value for each of [`Self::metrics`], in the colour
    /// spaces given by [`MetricId::image_color_space`].
    ///
    /// # Errors
    /// If an image does not have the size of the scorer.
    pub fn score_rgb(
        &mut self,
        reference: RgbImage<'_>,
        distorted: RgbImage<'_>,
    ) -> Result<&[f64], MetricError> {
        let expected = self.size;
        for picture in [reference, distorted] {
            if picture.size() != expected {
                return Err(MetricError::Size { found: picture.size(), expected });
            }
        }
        let (a, b) = (Ycbcr::new(reference), Ycbcr::new(distorted));
        let (Some(a_420), Some(b_420)) = (a.picture(), b.picture()) else {
            return Err(MetricError::Size { found: reference.size(), expected });
        };
        self.set_psnr(psnr_of_ycbcr(&a, &b));
        if self.wants(&[MetricId::Ciede2000]) {
            let value = self.ciede.measure_rgb(reference.samples(), distorted.samples());
            self.set(&[MetricId::Ciede2000], &[value]);
        }
        if self.wants(&SHOWN) {
            self.shown.fill_rgb(reference, distorted);
        }
        self.measure_planes(&a_420, &b_420, &[])?;
        self.measure_shown();
        Ok(self.collect())
    }

    /// Metrics of luma only, or of chroma at half the resolution.
    fn measure_planes(
        &mut self,
        reference: &Picture<'_>,
        distorted: &Picture<'_>,
        earlier: &[Picture<'_>],
    ) -> Result<(), MetricError> {
        if self.wants(&[MetricId::Ssim]) {
            let expected = self.size;
            let ssim = metrics::ssim(reference, distorted)
                .map_err(|_| MetricError::Size { found: distorted.size(), expected })?;
            self.set(&[MetricId::Ssim], &[ssim]);
        }
        let (a, b) = (planes(reference), planes(distorted));
        if self.wants(&[MetricId::MsSsim]) {
            let value = self.ms_ssim.measure(a[0], b[0]);
            self.set(&[MetricId::MsSsim], &[value]);
        }
        if self.wants(&HVS) {
            self.measure_hvs(a, b);
        }
        if self.wants(&XPSNR) {
            let earlier: Vec<_> = earlier.iter().map(Picture::luma).collect();
            let values = self.xpsnr.measure(a, b, &earlier);
            self.set(&XPSNR[..3], &values);
            self.set(&XPSNR[3..], &values);
        }
        Ok(())
    }

    /// Metrics of R'G'B'; `shown` has the pair.
    fn measure_shown(&mut self) {
        if self.wants(&SHOWN[..4]) {
            let values = self.shown.psnr();
            self.set(&SHOWN[..4], &values);
        }
        #[cfg(feature = "ssimulacra2")]
        if self.wants(&[MetricId::Ssimulacra2]) {
            self.set(&[MetricId::Ssimulacra2], &[self.shown.ssimulacra2()]);
        }
        #[cfg(feature = "butteraugli")]
        if self.wants(&[MetricId::Butteraugli]) {
            self.set(&[MetricId::Butteraugli], &[self.shown.butteraugli()]);
        }
    }

    fn collect(&mut self) -> &[f64] {
        self.values.clear();
        self.values.extend(self.metrics.iter().map(|&metric| self.found[metric as usize]));
        &self.values
    }

    /// Sets the PSNR of Y, U, V and of all samples together.
    fn set_psnr(&mut self, [y, u, v, all]: [f64; 4]) {
        self.set(&PSNR[..5], &[y, u, v, (6.0 * y + u + v) / 8.0, all]);
        self.set(&PSNR[5..], &[y, u, v, all]);
    }

    fn set(&mut self, metrics: &[MetricId], values: &[f64]) {
        for (&metric, &value) in metrics.iter().zip(values) {
            self.found[metric as usize] = value;
        }
    }

    fn measure_hvs(&mut self, a: [PlaneRef<'_>; 3], b: [PlaneRef<'_>; 3]) {
        let decibels = |error: f64| (-10.0 * error.log10()).min(PERFECT_DB);
        let mut errors = [0.0; 3];
        for (plane, metric) in HVS[1..].iter().enumerate() {
            if self.wants(&[HVS[0], *metric]) {
                errors[plane] = self.hvs.error(plane, a[plane], b[plane]);
                self.set(&[*metric], &[decibels(errors[plane])]);
            }
        }
        let weighted = 0.8 * errors[0] + 0.1 * (errors[1] + errors[2]);
        self.set(&HVS[..1], &[decibels(weighted)]);
    }
}

const PSNR: [MetricId; 9] = [
    MetricId::PsnrY,
    MetricId::PsnrU,
    MetricId::PsnrV,
    MetricId::Psnr611,
    MetricId::PsnrAll,
    MetricId::PsnrYGlobal,
    MetricId::PsnrUGlobal,
    MetricId::PsnrVGlobal,
    MetricId::PsnrAllGlobal,
];

/// PSNR-HVS of all planes, then of each plane.
const HVS: [MetricId; 4] =
    [MetricId::PsnrHvs, MetricId::PsnrHvsY, MetricId::PsnrHvsCb, MetricId::PsnrHvsCr];

const XPSNR: [MetricId; 6] = [
    MetricId::XpsnrY,
    MetricId::XpsnrU,
    MetricId::XpsnrV,
    MetricId::XpsnrYGlobal,
    MetricId::XpsnrUGlobal,
    MetricId::XpsnrVGlobal,
];

/// R'G'B' metrics: the metrics of the planes first.
const SHOWN: [MetricId; 6] = [
    MetricId::PsnrR,
    MetricId::PsnrG,
    MetricId::PsnrB,
    MetricId::PsnrRgb,
    MetricId::Ssimulacra2,
    MetricId::Butteraugli,
];

/// A copy with separate planes, if `picture` has interleaved chroma.
fn packed(picture: &Picture<'_>) -> Option<Vec<u8>> {
    matches!(picture.chroma(), Chroma::Interleaved(_)).then(|| picture.to_i420())
}

fn planar<'a>(picture: &Picture<'a>, packed: Option<&'a [u8]>) -> Result<Picture<'a>, ConfigError> {
    match packed {
        Some(packed) => Ok(Picture::i420_packed(picture.size(), packed)?.with_info(picture.info)),
        None => Ok(*picture),
    }
}

fn planes<'a>(picture: &Picture<'a>) -> [PlaneRef<'a>; 3] {
    match picture.chroma() {
        Chroma::Planar { u, v } => [picture.luma(), u, v],
        Chroma::Interleaved(uv) => [picture.luma(), uv, uv],
    }
}
