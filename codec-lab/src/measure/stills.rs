//! Compares two still images by their RGB samples.

use codec_core::frame::Size;
use codec_measure::metrics::{MetricId, RgbImage, Scorer, Vmaf, vmaf_scores};
use codec_measure::results::Delivery;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::stills::read::RgbStill;

use super::{Measured, Row, refused};

/// Background grey values for images with transparency.
const BACKGROUNDS: [u8; 2] = [0, 255];

/// Compares `distorted` with `reference`. Images with transparency are compared over black and over
/// white, and the worse value of each metric counts, because one background may hide differences
/// that the other shows.
///
/// # Errors
///
/// If the sizes differ or a metric is unavailable.
pub fn measure(
    reference: &RgbStill,
    distorted: &RgbStill,
    metrics: &[MetricId],
) -> Result<Measured> {
    let (size, other) = (reference.size, distorted.size);
    if size != other {
        let message =
            format!("cannot compare images of different sizes: REF is {size}, DIST is {other}");
        return Err(Failure::new(Kind::Input, message));
    }
    let own: Vec<MetricId> =
        metrics.iter().copied().filter(|&metric| metric != MetricId::Vmaf).collect();
    let mut scorer = Scorer::new(&own, size, 1.0).map_err(refused)?;
    let backgrounds =
        if is_opaque(reference, distorted) { &BACKGROUNDS[..1] } else { &BACKGROUNDS[..] };
    let mut worst: Option<Vec<f64>> = None;
    for &background in backgrounds {
        let (a, b) = (reference.over(background), distorted.over(background));
        let view = |samples| {
            RgbImage::new(size, samples).ok_or_else(|| Failure::internal("an image without a size"))
        };
        let mut found = scorer.score_rgb(view(&a)?, view(&b)?).map_err(refused)?.to_vec();
        if let Some(at) = metrics.iter().position(|&metric| metric == MetricId::Vmaf) {
            found.insert(at, vmaf([&a, &b], size)?);
        }
        worst = Some(match worst {
            None => found,
            Some(before) => metrics
                .iter()
                .zip(before.into_iter().zip(found))
                .map(|(metric, (a, b))| if metric.higher_is_better() { a.min(b) } else { a.max(b) })
                .collect(),
        });
    }
    let values = worst.unwrap_or_default();
    let row = Row { frame: 0, time_s: 0.0, frozen: false, values };
    let delivery = Delivery { frames: 1, shown: 1, ..Delivery::default() };
    Ok(Measured { metrics: metrics.to_vec(), rows: vec![row], delivery })
}

/// Whether both images are opaque.
pub fn is_opaque(reference: &RgbStill, distorted: &RgbStill) -> bool {
    reference.alpha.is_none() && distorted.alpha.is_none()
}

/// VMAF of the images as 4:2:0, a frame without motion.
fn vmaf([a, b]: [&[u8]; 2], size: Size) -> Result<f64> {
    let (a, b) = (RgbStill::to_planes(size, a)?, RgbStill::to_planes(size, b)?);
    let mut vmaf = Vmaf::new(size).map_err(refused)?;
    let features = vmaf.features(&a.picture()?, &b.picture()?, None).map_err(refused)?;
    Ok(vmaf_scores(&[features]).iter().sum())
}
