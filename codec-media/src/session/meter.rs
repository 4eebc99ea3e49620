//! Measures the mean of a metric over pairs of frames.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use codec_core::frame::{Frame, Picture, Size};
use codec_measure::metrics::{MetricError, MetricId, Scorer, Vmaf, VmafFeatures, vmaf_scores};

use crate::failure::{Failure, Kind, Result};
use crate::frame::planes::Planes;
use crate::settings::goal::TargetMetric;

/// Measures consecutive frames of one size.
#[derive(Debug)]
pub(crate) struct QualityMeter {
    meter: Meter,
}

#[derive(Debug)]
enum Meter {
    Vmaf(Box<VmafMeter>),
    /// A metric of single frames, with its values.
    Single(Box<Scorer>, Vec<f64>),
}

#[derive(Debug)]
struct VmafMeter {
    vmaf: Vmaf,
    features: Vec<VmafFeatures>,
    previous: Option<Planes>,
}

impl QualityMeter {
    /// Creates a meter for frames of `size`.
    ///
    /// # Errors
    /// If the frames are too small for the metric or the build lacks it.
    pub(crate) fn new(metric: TargetMetric, size: Size) -> Result<Self> {
        let single = |id| {
            let scorer = Scorer::new(&[id], size, 30.0).map_err(refused)?;
            Ok(Meter::Single(Box::new(scorer), Vec::new()))
        };
        let meter = match metric {
            TargetMetric::Vmaf => {
                let vmaf = Vmaf::new(size).map_err(refused)?;
                Meter::Vmaf(Box::new(VmafMeter { vmaf, features: Vec::new(), previous: None }))
            }
            TargetMetric::Ssim => single(MetricId::Ssim)?,
            TargetMetric::Psnr => single(MetricId::PsnrY)?,
            TargetMetric::Ssimulacra2 => single(MetricId::Ssimulacra2)?,
        };
        Ok(Self { meter })
    }

    /// Measures the next pair.
    ///
    /// # Errors
    /// If a frame has another size.
    pub(crate) fn add(&mut self, source: Planes, decoded: &Picture<'_>) -> Result<()> {
        match &mut self.meter {
            Meter::Vmaf(meter) => {
                let previous = meter.previous.as_ref().map(Planes::picture).transpose()?;
                let features = meter.vmaf.features(&source.picture()?, decoded, previous.as_ref());
                meter.features.push(features.map_err(refused)?);
                meter.previous = Some(source);
            }
            Meter::Single(scorer, values) => {
                let found = scorer.score(&source.picture()?, decoded, &[]).map_err(refused)?;
                values.extend_from_slice(found);
            }
        }
        Ok(())
    }

    /// The values of all frames.
    pub(crate) fn values(self) -> Vec<f64> {
        match self.meter {
            Meter::Vmaf(meter) => vmaf_scores(&meter.features),
            Meter::Single(_, values) => values,
        }
    }
}

fn refused(error: MetricError) -> Failure {
    let kind = match error {
        MetricError::MissingFeature(_) => Kind::Backend,
        _ => Kind::Input,
    };
    Failure::new(kind, error.to_string())
}

/// Pairs that wait for the thread of a meter.
const QUEUE: usize = 4;

/// A [`QualityMeter`] on its own thread, so that an encoder need not wait for it.
#[derive(Debug)]
pub(crate) struct MeterThread {
    pairs: SyncSender<(Planes, Frame)>,
    thread: JoinHandle<Result<Vec<f64>>>,
}

impl MeterThread {
    pub(crate) fn start(mut meter: QualityMeter) -> Self {
        let (pairs, queue) = sync_channel::<(Planes, Frame)>(QUEUE);
        let thread = std::thread::spawn(move || {
            for (source, decoded) in queue {
                meter.add(source, &decoded.picture())?;
            }
            Ok(meter.values())
        });
        Self { pairs, thread }
    }

    /// Passes on the next pair. A failure of the meter is returned by [`Self::finish`].
    pub(crate) fn add(&self, source: Planes, decoded: Frame) {
        let _ = self.pairs.send((source, decoded));
    }

    /// The values of all frames.
    ///
    /// # Errors
    /// If a frame could not be measured.
    pub(crate) fn finish(self) -> Result<Vec<f64>> {
        drop(self.pairs);
        let panicked = || Err(Failure::internal("the measuring thread panicked"));
        self.thread.join().unwrap_or_else(|_| panicked())
    }
}
