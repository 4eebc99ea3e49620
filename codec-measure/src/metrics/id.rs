//! The list of metrics: their names, their units, and whether higher or lower is better.

use std::fmt;
use std::str::FromStr;

use codec_core::error::MissingFeature;
use codec_core::frame::Size;

use super::Pooling;
use crate::results::Metric;

/// A quality metric.
///
/// Global metrics have the same per-frame values as their base metric; only the mean over frames
/// differs ([`crate::pool::pool`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "`name` says it")]
pub enum MetricId {
    PsnrY,
    PsnrU,
    PsnrV,
    /// `(6 Y + U + V) / 8` of the PSNR of the planes, in decibels.
    Psnr611,
    /// PSNR of all samples together.
    PsnrAll,
    PsnrYGlobal,
    PsnrUGlobal,
    PsnrVGlobal,
    PsnrAllGlobal,
    Ssim,
    MsSsim,
    /// PSNR-HVS of all three planes, weighted 8:1:1.
    PsnrHvs,
    PsnrHvsY,
    PsnrHvsCb,
    PsnrHvsCr,
    Ciede2000,
    XpsnrY,
    XpsnrU,
    XpsnrV,
    XpsnrYGlobal,
    XpsnrUGlobal,
    XpsnrVGlobal,
    PsnrR,
    PsnrG,
    PsnrB,
    /// PSNR of all R'G'B' samples together.
    PsnrRgb,
    Ssimulacra2,
    Butteraugli,
    /// Depends on the next frame: measured by [`super::Vmaf`]; a [`super::Scorer`] rejects it.
    Vmaf,
}

/// Id, name and unit of each, in the order of [`MetricId::ALL`].
const FACTS: [(&str, &str, &str); MetricId::ALL.len()] = [
    ("psnr_y", "PSNR Y", "dB"),
    ("psnr_u", "PSNR U", "dB"),
    ("psnr_v", "PSNR V", "dB"),
    ("psnr_611", "PSNR 6:1:1", "dB"),
    ("psnr_all", "PSNR of all samples", "dB"),
    ("psnr_y_global", "PSNR Y, global", "dB"),
    ("psnr_u_global", "PSNR U, global", "dB"),
    ("psnr_v_global", "PSNR V, global", "dB"),
    ("psnr_all_global", "PSNR of all samples, global", "dB"),
    ("ssim", "SSIM", ""),
    ("ms_ssim", "MS-SSIM", ""),
    ("psnr_hvs", "PSNR-HVS", "dB"),
    ("psnr_hvs_y", "PSNR-HVS Y", "dB"),
    ("psnr_hvs_cb", "PSNR-HVS Cb", "dB"),
    ("psnr_hvs_cr", "PSNR-HVS Cr", "dB"),
    ("ciede2000", "CIEDE2000", "dB"),
    ("xpsnr_y", "XPSNR Y", "dB"),
    ("xpsnr_u", "XPSNR U", "dB"),
    ("xpsnr_v", "XPSNR V", "dB"),
    ("xpsnr_y_global", "XPSNR Y, global", "dB"),
    ("xpsnr_u_global", "XPSNR U, global", "dB"),
    ("xpsnr_v_global", "XPSNR V, global", "dB"),
    ("psnr_r", "PSNR R", "dB"),
    ("psnr_g", "PSNR G", "dB"),
    ("psnr_b", "PSNR B", "dB"),
    ("psnr_rgb", "PSNR RGB", "dB"),
    ("ssimulacra2", "SSIMULACRA2", ""),
    ("butteraugli", "Butteraugli", ""),
    ("vmaf", "VMAF", ""),
];

/// Group names.
const GROUPS: [(&str, &[MetricId]); 5] = [
    (
        "psnr",
        &[MetricId::PsnrY, MetricId::PsnrU, MetricId::PsnrV, MetricId::Psnr611, MetricId::PsnrAll],
    ),
    (
        "psnr_global",
        &[
            MetricId::PsnrYGlobal,
            MetricId::PsnrUGlobal,
            MetricId::PsnrVGlobal,
            MetricId::PsnrAllGlobal,
        ],
    ),
    ("xpsnr", &[MetricId::XpsnrY, MetricId::XpsnrU, MetricId::XpsnrV]),
    ("xpsnr_global", &[MetricId::XpsnrYGlobal, MetricId::XpsnrUGlobal, MetricId::XpsnrVGlobal]),
    ("ciede", &[MetricId::Ciede2000]),
];

impl MetricId {
    /// All metrics, in report order.
    pub const ALL: [Self; 29] = [
        Self::PsnrY,
        Self::PsnrU,
        Self::PsnrV,
        Self::Psnr611,
        Self::PsnrAll,
        Self::PsnrYGlobal,
        Self::PsnrUGlobal,
        Self::PsnrVGlobal,
        Self::PsnrAllGlobal,
        Self::Ssim,
        Self::MsSsim,
        Self::PsnrHvs,
        Self::PsnrHvsY,
        Self::PsnrHvsCb,
        Self::PsnrHvsCr,
        Self::Ciede2000,
        Self::XpsnrY,
        Self::XpsnrU,
        Self::XpsnrV,
        Self::XpsnrYGlobal,
        Self::XpsnrUGlobal,
        Self::XpsnrVGlobal,
        Self::PsnrR,
        Self::PsnrG,
        Self::PsnrB,
        Self::PsnrRgb,
        Self::Ssimulacra2,
        Self::Butteraugli,
        Self::Vmaf,
    ];

    fn facts(self) -> (&'static str, &'static str, &'static str) {
        FACTS[self as usize]
    }

    /// Key in results: `psnr_y`.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.facts().0
    }

    /// Display name: `PSNR Y`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().1
    }

    /// `dB`, or empty.
    #[must_use]
    pub fn unit(self) -> &'static str {
        self.facts().2
    }

    /// Whether higher is better.
    #[must_use]
    pub fn higher_is_better(self) -> bool {
        self != Self::Butteraugli
    }

    /// How values of frames are combined.
    #[must_use]
    pub fn pooling(self) -> Pooling {
        // PSNR averages the mean square; XPSNR's authors (and ffmpeg) average the roots.
        let decibels_per_decade = match self {
            Self::PsnrYGlobal | Self::PsnrUGlobal | Self::PsnrVGlobal | Self::PsnrAllGlobal => {
                Some(10.0)
            }
            Self::XpsnrYGlobal | Self::XpsnrUGlobal | Self::XpsnrVGlobal => Some(20.0),
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

    /// Whether this build supports it.
    #[must_use]
    pub fn is_built(self) -> bool {
        self.missing_feature().is_none()
    }

    /// The Cargo feature that the metric requires and this build lacks.
    #[must_use]
    pub fn missing_feature(self) -> Option<MissingFeature> {
        let (feature, has) = match self {
            Self::Ssimulacra2 => ("ssimulacra2", cfg!(feature = "ssimulacra2")),
            Self::Butteraugli => ("butteraugli", cfg!(feature = "butteraugli")),
            _ => return None,
        };
        (!has).then(|| MissingFeature::new(self.name(), feature))
    }

    /// Minimum width and height, in pixels.
    #[must_use]
    pub fn min_side(self) -> u32 {
        match self {
            // Five scales, and a window of 11 pixels at the smallest.
            Self::MsSsim => 161,
            Self::PsnrHvsY => 8,
            // A block of each chroma plane.
            Self::PsnrHvs | Self::PsnrHvsCb | Self::PsnrHvsCr => 15,
            Self::Ssimulacra2 | Self::Butteraugli => 8,
            // As in libvmaf: four scales of two filters.
            Self::Vmaf => 33,
            _ => 1,
        }
    }

    /// Whether frames of `size` are large enough.
    #[must_use]
    pub fn fits(self, size: Size) -> bool {
        size.width.min(size.height) >= self.min_side()
    }
}

impl fmt::Display for MetricId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// No metric or group has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMetric(pub String);

impl fmt::Display for UnknownMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups = GROUPS.iter().map(|(name, _)| *name);
        let names: Vec<_> =
            groups.chain(MetricId::ALL.iter().map(|metric| metric.id())).chain(["all"]).collect();
        write!(f, "unknown metric '{}', expected one of: {}", self.0, names.join(", "))
    }
}

impl std::error::Error for UnknownMetric {}

impl FromStr for MetricId {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        let found = Self::ALL.into_iter().find(|metric| metric.id() == text);
        found.ok_or_else(|| UnknownMetric(text.to_owned()))
    }
}

/// Parses a list such as `psnr,ssim,xpsnr_y` into distinct metrics: ids, the groups `psnr`,
/// `psnr_global`, `xpsnr`, `xpsnr_global` and `ciede`, and `all`, which selects all metrics of this
/// build, including VMAF, which a [`super::Scorer`] rejects. `-` is accepted in place of `_`.
///
/// # Errors
/// If a name is unknown.
pub fn parse_list(text: &str) -> Result<Vec<MetricId>, UnknownMetric> {
    let mut found = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let name = name.replace('-', "_");
        let group = GROUPS.iter().find(|(group, _)| *group == name);
        let metrics = match group {
            Some((_, metrics)) => metrics.to_vec(),
            None if name == "all" => {
                MetricId::ALL.into_iter().filter(|metric| metric.is_built()).collect()
            }
            None => vec![name.parse()?],
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
    fn the_list_is_in_the_order_of_the_enum_and_ids_parse_back() {
        for (index, metric) in MetricId::ALL.into_iter().enumerate() {
            assert_eq!(metric as usize, index);
            assert_eq!(metric.id().parse(), Ok(metric));
        }
    }

    #[test]
    fn a_list_of_groups_and_metrics_has_no_duplicates() {
        let found = parse_list("psnr_y, psnr,ms-ssim").unwrap();
        assert_eq!(found.len(), 6);
        assert_eq!((found[0], found[5]), (MetricId::PsnrY, MetricId::MsSsim));
        assert_eq!(parse_list("psnr,flicker"), Err(UnknownMetric("flicker".to_owned())));
        assert!(parse_list("all").unwrap().contains(&MetricId::Vmaf));
    }
}
