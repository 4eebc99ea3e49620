//! Quality of one video against another: frames matched by time, measured side by side.

pub(crate) mod pairs;
pub(crate) mod stills;
pub(crate) mod vmaf;

use std::collections::BTreeMap;

use codec_core::frame::Size;
use codec_measure::metrics::{MetricId, Scorer};
use codec_measure::pool;
use codec_measure::results::{Delivery, Pooled};

use crate::failure::{Failure, Kind, Result};
use crate::interrupt;
use crate::io::source::FrameSource;
use pairs::{Batch, Pairs};
use vmaf::Vmaf;

/// Which frames are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matching {
    /// Those of the same time; others have no partner.
    SameTime,
    /// Each of the reference, with what the viewer sees at its time.
    Viewer,
}

/// What is to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) metrics: Vec<MetricId>,
    pub(crate) matching: Matching,
    /// Times are counted from each one's first frame.
    pub(crate) relative: bool,
    /// Frames of the reference that are skipped; its times are then counted from the next one.
    pub(crate) skip: u64,
    /// At most so many frames of the reference, after those that are skipped.
    pub(crate) frames: Option<u64>,
    pub(crate) threads: usize,
}

/// One frame of the reference.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) frame: u64,
    pub(crate) time_s: f64,
    /// An older picture, or none, was seen.
    pub(crate) frozen: bool,
    /// One for each metric.
    pub(crate) values: Vec<f64>,
}

/// What was measured.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) metrics: Vec<MetricId>,
    pub(crate) rows: Vec<Row>,
    pub(crate) delivery: Delivery,
}

impl Measured {
    /// The values of a metric that was asked for.
    pub(crate) fn values(&self, metric: MetricId) -> Vec<f64> {
        let at = self.metrics.iter().position(|&known| known == metric);
        at.map_or_else(Vec::new, |at| self.rows.iter().map(|row| row.values[at]).collect())
    }

    /// Each metric over all frames, where that is a number.
    pub(crate) fn pooled(&self) -> BTreeMap<MetricId, Pooled> {
        let times: Vec<f64> = self.rows.iter().map(|row| row.time_s).collect();
        let pool = |&metric| Some((metric, pool::pool(metric, &self.values(metric), &times)?));
        self.metrics.iter().filter_map(pool).collect()
    }
}

/// Refuses metrics that cannot be had, before there is anything to measure; `clips` have names and
/// sizes.
pub(crate) fn check<'a>(
    metrics: &[MetricId],
    clips: impl Iterator<Item = (&'a str, Size)>,
) -> Result<()> {
    let own = metrics.iter().copied().filter(|&metric| metric != MetricId::Vmaf);
    let own: Vec<MetricId> = own.collect();
    for (name, size) in clips {
        // The frame rate is no matter here.
        Scorer::new(&own, size, 30.0).map_err(|error| {
            let failure = refused(error);
            Failure::new(failure.kind, format!("{name}: {}", failure.message))
        })?;
    }
    if metrics.contains(&MetricId::Vmaf) {
        vmaf::find()?;
    }
    Ok(())
}

/// Measures `distorted` against `reference`; tells how many of the reference's frames were read.
///
/// Pictures are read on this thread while the ones before are scored on others. The result is the same
/// for any number of threads.
pub(crate) fn measure(
    reference: &mut dyn FrameSource,
    distorted: &mut dyn FrameSource,
    request: &Request,
    mut progress: impl FnMut(u64),
) -> Result<Measured> {
    let (a, b) = (reference.facts(), distorted.facts());
    if a.size != b.size {
        let message = format!("the reference is {} and the other is {}", a.size, b.size);
        return Err(Failure::new(Kind::Input, message));
    }
    let (size, fps) = (a.size, a.frame_rate.as_f64());
    let own = request.metrics.iter().copied().filter(|&metric| metric != MetricId::Vmaf);
    let own: Vec<MetricId> = own.collect();
    let scorer = Scorer::new(&own, size, fps).map_err(refused)?;
    let mut vmaf =
        request.metrics.contains(&MetricId::Vmaf).then(|| Vmaf::start(size)).transpose()?;

    let pixels = usize::try_from(size.pixels()).unwrap_or(usize::MAX).max(1);
    let each = (1_000_000 / pixels).clamp(1, 8);
    let mut pairs = Pairs::new(reference, distorted, request, scorer.history());
    let mut scorers = vec![scorer; request.threads.max(1)];
    let mut rows = Vec::new();
    let (mut ready, mut next) = (Batch::default(), Batch::default());
    loop {
        let room = each * scorers.len();
        let (filled, scored) = std::thread::scope(|scope| {
            let chunks = ready.jobs.chunks_mut(each);
            let workers: Vec<_> = scorers
                .iter_mut()
                .zip(chunks)
                .map(|(scorer, jobs)| {
                    let mut wanted = jobs.iter_mut().take_while(|_| !interrupt::stopped());
                    scope.spawn(move || wanted.try_for_each(|job| job.score(scorer)))
                })
                .collect();
            let filled = pairs.fill(&mut next, room);
            let panicked = || Err(Failure::internal("a thread that measures has panicked"));
            let scored: Result<()> = workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| panicked()));
            (filled, scored)
        });
        if interrupt::stopped() {
            return Err(Failure::new(Kind::Interrupted, "interrupted: nothing was measured"));
        }
        scored?;
        filled?;
        rows.extend(ready.jobs.iter_mut().map(|job| job.row()));
        pairs.recycle(&mut ready);
        if let Some(vmaf) = &mut vmaf {
            for job in &next.jobs {
                vmaf.push(&job.reference.picture()?, &job.distorted.picture()?)?;
            }
        }
        progress(pairs.read());
        if next.jobs.is_empty() {
            break;
        }
        std::mem::swap(&mut ready, &mut next);
    }
    let delivery = pairs.delivery();
    if rows.is_empty() || delivery.shown == 0 {
        let message = "no frame of one has the time of a frame of the other; --relative counts \
                       from each one's first";
        return Err(Failure::new(Kind::Input, message));
    }
    if let Some(vmaf) = vmaf {
        let scores = vmaf.finish(rows.len())?;
        let at = request.metrics.iter().position(|&metric| metric == MetricId::Vmaf);
        for (row, score) in rows.iter_mut().zip(scores) {
            row.values.insert(at.unwrap_or(0), score);
        }
    }
    Ok(Measured { metrics: request.metrics.clone(), rows, delivery })
}

/// Metrics that cannot be had: a build without them, or pictures that are too small.
fn refused(error: codec_measure::metrics::MetricError) -> Failure {
    use codec_measure::metrics::MetricError;
    let kind = match error {
        MetricError::NotBuilt(_) => Kind::Backend,
        _ => Kind::Input,
    };
    Failure::new(kind, error.to_string())
}
