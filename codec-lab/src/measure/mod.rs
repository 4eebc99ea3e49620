//! Compares the quality of two videos: matches frames by time and measures in parallel.

mod offset;
pub(crate) mod pairs;
pub(crate) mod seen;
pub mod stills;

use std::collections::BTreeMap;

use codec_core::frame::Size;
use codec_measure::metrics::{MetricId, Scorer, Vmaf, vmaf_scores};
use codec_measure::pool;
use codec_measure::results::{Delivery, Pooled};

use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::source::FrameSource;
use codec_media::stop::Stop;
pub use offset::{Extent, offset_s};
use pairs::{Batch, Pairs};

/// How frames are matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// Frames of the same time are compared; other frames are unmatched.
    SameTime,
    /// Each reference frame is compared with the frame that a viewer sees at that time.
    Viewer,
}

/// The requested measurement.
#[derive(Clone, Debug)]
pub struct Request {
    /// Metrics to compute.
    pub metrics: Vec<MetricId>,
    /// How frames are matched with reference frames.
    pub matching: Matching,
    /// Whether times count from the first frame of each video.
    pub relative: bool,
    /// Seconds that are subtracted from the times of the distorted video.
    pub offset_s: f64,
    /// Number of reference frames to skip; the times of the reference then count from the next
    /// frame.
    pub skip: u64,
    /// Maximum number of reference frames after the skipped ones.
    pub frames: Option<u64>,
    /// Number of threads that score.
    pub threads: usize,
    /// Ends the measurement early.
    pub stop: Stop,
}

/// One frame of the reference.
#[derive(Clone, Debug)]
pub struct Row {
    /// Number of the frame in the reference.
    pub frame: u64,
    /// Time of the frame in seconds.
    pub time_s: f64,
    /// Whether the viewer saw an older frame, or no frame yet.
    pub frozen: bool,
    /// One value per metric.
    pub values: Vec<f64>,
}

/// The results.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Metrics in the order of the values.
    pub metrics: Vec<MetricId>,
    /// Results by frame of the reference.
    pub rows: Vec<Row>,
    /// How many frames were shown, and when.
    pub delivery: Delivery,
}

impl Measured {
    /// The values of a requested metric.
    pub(crate) fn values(&self, metric: MetricId) -> Vec<f64> {
        let at = self.metrics.iter().position(|&known| known == metric);
        at.map_or_else(Vec::new, |at| self.rows.iter().map(|row| row.values[at]).collect())
    }

    /// Each metric aggregated over all frames, if that is a number.
    pub fn pooled(&self) -> BTreeMap<MetricId, Pooled> {
        let times: Vec<f64> = self.rows.iter().map(|row| row.time_s).collect();
        let pool = |&metric: &MetricId| {
            Some((metric, pool::pool(metric.pooling(), &self.values(metric), &times)?))
        };
        self.metrics.iter().filter_map(pool).collect()
    }
}

/// Rejects unavailable metrics before the measurement; `clips` have names and sizes.
pub(crate) fn check<'a>(
    metrics: &[MetricId],
    clips: impl Iterator<Item = (&'a str, Size)>,
) -> Result<()> {
    for (name, size) in clips {
        // The frame rate does not matter here.
        Meters::new(metrics, size, 30.0).map_err(|failure| {
            Failure::new(failure.kind, format!("{name}: {}", failure.message))
        })?;
    }
    Ok(())
}

/// The measurements of a thread.
#[derive(Clone, Debug)]
struct Meters {
    /// All metrics but VMAF.
    scorer: Scorer,
    vmaf: Option<Vmaf>,
}

impl Meters {
    fn new(metrics: &[MetricId], size: Size, fps: f64) -> Result<Self> {
        let single = metrics.iter().copied().filter(|&metric| metric != MetricId::Vmaf);
        let single: Vec<MetricId> = single.collect();
        let scorer = Scorer::new(&single, size, fps).map_err(refused)?;
        let vmaf = metrics.contains(&MetricId::Vmaf).then(|| Vmaf::new(size));
        Ok(Self { scorer, vmaf: vmaf.transpose().map_err(refused)? })
    }
}

/// Compares `distorted` with `reference`; `progress` receives the number of reference frames read.
///
/// Frames are read on this thread while earlier ones are scored on others. The result is the same
/// for any number of threads.
///
/// # Errors
/// If the inputs are incompatible or a metric is unavailable.
pub fn measure(
    reference: &mut dyn FrameSource,
    distorted: &mut dyn FrameSource,
    request: &Request,
    mut progress: impl FnMut(u64),
) -> Result<Measured> {
    let (a, b) = (reference.stream_info(), distorted.stream_info());
    if a.size != b.size {
        let message = format!(
            "cannot compare frames of different sizes: REF is {}, DIST is {}\n\
             help: scale one of them with `codec transcode --resize`",
            a.size, b.size
        );
        return Err(Failure::new(Kind::Input, message));
    }
    let (size, fps) = (a.size, a.frame_rate.as_f64());
    let meters = Meters::new(&request.metrics, size, fps)?;
    let pixels = usize::try_from(size.pixels()).unwrap_or(usize::MAX).max(1);
    let each = (1_000_000 / pixels).clamp(1, 8);
    let mut pairs = Pairs::new(reference, distorted, request, meters.scorer.history());
    let mut meters = vec![meters; request.threads.max(1)];
    let (mut rows, mut features) = (Vec::new(), Vec::new());
    let (mut ready, mut next) = (Batch::default(), Batch::default());
    loop {
        let room = each * meters.len();
        let (filled, scored) = std::thread::scope(|scope| {
            let chunks = ready.jobs.chunks_mut(each);
            let workers: Vec<_> = meters
                .iter_mut()
                .zip(chunks)
                .map(|(meters, jobs)| {
                    let mut wanted = jobs.iter_mut().take_while(|_| !request.stop.is_requested());
                    scope.spawn(move || wanted.try_for_each(|job| job.score(meters)))
                })
                .collect();
            let filled = pairs.fill(&mut next, room);
            let panicked = || Err(Failure::internal("a measuring thread panicked"));
            let scored: Result<()> = workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| panicked()));
            (filled, scored)
        });
        if request.stop.is_requested() {
            return Err(Failure::new(Kind::Interrupted, "interrupted: nothing was measured"));
        }
        scored?;
        filled?;
        features.extend(ready.jobs.iter().filter_map(|job| job.features));
        rows.extend(ready.jobs.iter_mut().map(|job| job.row()));
        pairs.recycle(&mut ready);
        progress(pairs.read());
        if next.jobs.is_empty() {
            break;
        }
        std::mem::swap(&mut ready, &mut next);
    }
    let delivery = pairs.delivery();
    if rows.is_empty() || delivery.shown == 0 {
        let message = "no frames have matching times\nhelp: align both at their first frames with \
        --relative";
        return Err(Failure::new(Kind::Input, message));
    }
    if let Some(at) = request.metrics.iter().position(|&metric| metric == MetricId::Vmaf) {
        for (row, score) in rows.iter_mut().zip(vmaf_scores(&features)) {
            row.values.insert(at, score);
        }
    }
    Ok(Measured { metrics: request.metrics.clone(), rows, delivery })
}

/// An unavailable metric: not in this build, or the frames are too small.
fn refused(error: codec_measure::metrics::MetricError) -> Failure {
    use codec_measure::metrics::MetricError;
    let kind = match error {
        MetricError::MissingFeature(_) => Kind::Backend,
        _ => Kind::Input,
    };
    Failure::new(kind, error.to_string())
}
