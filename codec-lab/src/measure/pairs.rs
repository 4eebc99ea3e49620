//! Reads pairs of a reference frame and a distorted frame from two sources, in the order of the reference.

use std::sync::Arc;

use codec_core::frame::{Picture, Rational};
use codec_measure::align::{Aligner, Seen, Step};
use codec_measure::metrics::VmafFeatures;
use codec_measure::results::Delivery;
use codec_media::failure::{Failure, Result};
use codec_media::frame::copy::FrameCopy;
use codec_media::io::source::FrameSource;
use codec_media::stop::Stop;

use super::{Matching, Meters, Request, Row, refused};

/// A pair to be scored.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) reference: Arc<FrameCopy>,
    pub(super) distorted: Arc<FrameCopy>,
    /// Earlier reference frames, the newest first.
    earlier: Vec<Arc<FrameCopy>>,
    /// The reference frame of the previous pair.
    previous: Option<Arc<FrameCopy>>,
    frame: u64,
    time_s: f64,
    frozen: bool,
    values: Vec<f64>,
    /// The features of VMAF, if it is wanted.
    pub(super) features: Option<VmafFeatures>,
}

impl Job {
    pub(super) fn score(&mut self, meters: &mut Meters) -> Result<()> {
        let earlier: Vec<Picture<'_>> =
            self.earlier.iter().map(|planes| planes.picture()).collect::<Result<_>>()?;
        let (reference, distorted) = (self.reference.picture()?, self.distorted.picture()?);
        let failed = |error: codec_measure::metrics::MetricError| {
            Failure::new(refused(error).kind, format!("frame {}: {error}", self.frame))
        };
        if let Some(vmaf) = &mut meters.vmaf {
            let previous = self.previous.as_ref().map(|planes| planes.picture()).transpose()?;
            let features = vmaf.features(&reference, &distorted, previous.as_ref());
            self.features = Some(features.map_err(failed)?);
        }
        let values = meters.scorer.score(&reference, &distorted, &earlier).map_err(failed)?;
        self.values.clear();
        self.values.extend_from_slice(values);
        Ok(())
    }

    /// Number of the frame in the reference.
    pub(super) fn frame(&self) -> u64 {
        self.frame
    }

    pub(super) fn row(&mut self) -> Row {
        Row {
            frame: self.frame,
            time_s: self.time_s,
            frozen: self.frozen,
            values: std::mem::take(&mut self.values),
        }
    }
}

/// Pairs that are scored at the same time.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) jobs: Vec<Job>,
}

/// Reads the frames of one side.
struct Side<'a> {
    source: &'a mut dyn FrameSource,
    time_base: Rational,
    first: Option<i64>,
    relative: bool,
    /// Seconds that are subtracted from times.
    offset_s: f64,
    /// Frames still to be skipped.
    skip: u64,
    read: u64,
    stop: Stop,
}

impl<'a> Side<'a> {
    fn new(source: &'a mut dyn FrameSource, relative: bool, skip: u64, stop: Stop) -> Self {
        let time_base = source.stream_info().time_base;
        let relative = relative || skip > 0;
        Self { source, time_base, first: None, relative, offset_s: 0.0, skip, read: 0, stop }
    }

    /// The next frame with its time in seconds.
    #[expect(clippy::cast_precision_loss, reason = "times of a report")]
    fn read(&mut self, free: &mut Vec<FrameCopy>) -> Result<Option<(Arc<FrameCopy>, f64)>> {
        while self.skip > 0 {
            if self.stop.is_requested() || self.source.next()?.is_none() {
                return Ok(None);
            }
            self.skip -= 1;
        }
        let Some(shot) = self.source.next()? else {
            return Ok(None);
        };
        let origin = if self.relative { *self.first.get_or_insert(shot.pts) } else { 0 };
        let time_s =
            shot.pts.saturating_sub(origin) as f64 * self.time_base.as_f64() - self.offset_s;
        let mut planes = free.pop().unwrap_or_default();
        planes.copy_from(&shot.picture);
        self.read += 1;
        Ok(Some((Arc::new(planes), time_s)))
    }
}

/// Reads both sides and matches their frames.
pub(super) struct Pairs<'a> {
    reference: Side<'a>,
    distorted: Side<'a>,
    aligner: Aligner,
    matching: Matching,
    half_s: f64,
    limit: Option<u64>,
    history: usize,
    current: Option<(Arc<FrameCopy>, f64)>,
    earlier: Vec<Arc<FrameCopy>>,
    shown: Option<Arc<FrameCopy>>,
    ahead: Option<Arc<FrameCopy>>,
    /// Both frames of the last instant.
    last: (Option<Arc<FrameCopy>>, Option<Arc<FrameCopy>>),
    /// The reference frame of the last pair.
    paired: Option<Arc<FrameCopy>>,
    free: Vec<FrameCopy>,
}

impl<'a> Pairs<'a> {
    pub(super) fn new(
        reference: &'a mut dyn FrameSource,
        distorted: &'a mut dyn FrameSource,
        request: &Request,
        history: usize,
    ) -> Self {
        let seconds = |source: &dyn FrameSource| source.stream_info().frame_rate.as_f64().recip();
        let (reference_s, distorted_s) = (seconds(reference), seconds(distorted));
        Self {
            aligner: Aligner::new(reference_s, distorted_s),
            matching: request.matching,
            half_s: 0.5 * reference_s.min(distorted_s),
            limit: request.frames,
            history,
            reference: Side::new(reference, request.relative, request.skip, request.stop.clone()),
            distorted: Side {
                offset_s: request.offset_s,
                ..Side::new(distorted, request.relative, 0, request.stop.clone())
            },
            current: None,
            earlier: Vec::new(),
            shown: None,
            ahead: None,
            last: (None, None),
            paired: None,
            free: Vec::new(),
        }
    }

    /// Number of reference frames read.
    pub(super) fn read(&self) -> u64 {
        self.reference.read
    }

    pub(super) fn delivery(&self) -> Delivery {
        self.aligner.delivery()
    }

    /// Returns memory for reuse.
    pub(super) fn recycle(&mut self, batch: &mut Batch) {
        for job in batch.jobs.drain(..) {
            let planes =
                [job.reference, job.distorted].into_iter().chain(job.earlier).chain(job.previous);
            self.free.extend(planes.filter_map(Arc::into_inner));
        }
    }

    /// Fills an empty batch with up to `room` pairs; it stays empty at the end.
    pub(super) fn fill(&mut self, batch: &mut Batch, room: usize) -> Result<()> {
        while batch.jobs.len() < room {
            match self.aligner.step() {
                Step::ReadReference
                    if self.limit.is_some_and(|most| self.reference.read >= most) =>
                {
                    self.aligner.stop();
                }
                Step::ReadReference => match self.reference.read(&mut self.free)? {
                    Some((planes, time_s)) => {
                        self.aligner.reference(time_s);
                        self.current = Some((planes, time_s));
                    }
                    None => self.aligner.reference_ended(),
                },
                Step::ReadDistorted => match self.distorted.read(&mut self.free)? {
                    Some((planes, time_s)) => {
                        self.aligner.distorted(time_s);
                        self.ahead = Some(planes);
                    }
                    None => self.aligner.distorted_ended(),
                },
                Step::Show => self.shown = self.ahead.take(),
                Step::Score(seen) => self.pair(seen, batch),
                Step::Done => break,
            }
        }
        Ok(())
    }

    fn pair(&mut self, seen: Seen, batch: &mut Batch) {
        let Some((reference, time_s)) = self.current.take() else {
            return;
        };
        let repeats = |now: &FrameCopy, before: &Option<Arc<FrameCopy>>| {
            before.as_ref().is_some_and(|before| before.equals(now))
        };
        if let (Seen::New { .. }, Some(shown)) = (seen, &self.shown)
            && repeats(shown, &self.last.1)
            && !repeats(&reference, &self.last.0)
        {
            self.aligner.repeated();
        }
        self.last = (Some(Arc::clone(&reference)), self.shown.clone());
        let wanted = match (self.matching, seen) {
            (Matching::Viewer, _) => true,
            (Matching::SameTime, Seen::New { offset_s }) => offset_s.abs() < self.half_s,
            (Matching::SameTime, Seen::Still | Seen::Nothing) => false,
        };
        if wanted {
            let shown = match seen {
                Seen::New { .. } | Seen::Still => self.shown.clone(),
                Seen::Nothing => None,
            };
            batch.jobs.push(Job {
                distorted: shown.unwrap_or_else(|| Arc::new(reference.black())),
                reference: Arc::clone(&reference),
                earlier: self.earlier.clone(),
                previous: self.paired.replace(Arc::clone(&reference)),
                frame: self.reference.read - 1,
                time_s,
                frozen: !matches!(seen, Seen::New { .. }),
                values: Vec::new(),
                features: None,
            });
        }
        if self.history > 0 {
            self.earlier.truncate(self.history - 1);
            self.earlier.insert(0, reference);
        }
    }
}
