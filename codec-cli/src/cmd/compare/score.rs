//! Scores a stream as its viewer sees it, frame by frame.

use std::time::{Duration, Instant};

use codec_measure::align::{Aligner, Seen, Step};
use codec_measure::metrics::{MetricId, Scorer};
use codec_measure::pool::pool;
use codec_measure::results::{Delivery, Pooled};
use codec_measure::stats;
use serde::{Deserialize, Serialize};

use super::arm::Arm;
use super::clips::Clip;
use super::store::PointStore;
use super::stream::{PacketRow, packets_of, pictures_of};
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::interrupt;
use crate::io::decoded::DecodeOptions;
use crate::io::input::InputSpec;
use crate::io::source::{self, FrameSource};
use crate::picture::planes::Planes;

const FILE: &str = "score.json";

/// What is seen at an instant of the clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum View {
    New,
    /// The picture of the instant before.
    Still,
    /// None yet: scored as black.
    Nothing,
}

/// Everything that follows from a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Score {
    pub(super) packets: Vec<PacketRow>,
    pub(super) delivery: Delivery,
    /// Ids of the metrics, in the order of the values.
    pub(super) metrics: Vec<String>,
    /// For each frame of the clip: its time in seconds, what is seen, a value for each metric.
    pub(super) frames: Vec<(f64, View, Vec<f64>)>,
    /// Median of our decoder's time for a frame, milliseconds.
    pub(super) decode_ms: Option<f64>,
}

impl Score {
    fn has(&self, metrics: &[MetricId]) -> bool {
        metrics.iter().all(|metric| self.metrics.iter().any(|id| id == metric.id()))
    }

    /// One metric over all frames.
    pub(super) fn pooled(&self, metric: MetricId) -> Option<Pooled> {
        let at = self.metrics.iter().position(|id| id == metric.id())?;
        let values: Vec<f64> = self.frames.iter().map(|(.., values)| values[at]).collect();
        let times: Vec<f64> = self.frames.iter().map(|(time_s, ..)| *time_s).collect();
        pool(metric, &values, &times)
    }
}

/// Scores the stream of a point, unless that was done already. `Err(Ok(why))`: it has no figures.
pub(super) fn score(
    arm: &Arm,
    clip: &Clip,
    store: &PointStore,
    metrics: &[MetricId],
    limit: Duration,
    env: Env,
) -> Result<std::result::Result<Score, String>> {
    if let Some(score) = store.read::<Score>(FILE).filter(|score| score.has(metrics)) {
        return Ok(Ok(score));
    }
    let stream = store.stream(arm.extension());
    let packets = match packets_of(&stream, env, limit) {
        Ok(packets) => packets,
        Err(why) => return Ok(Err(why)),
    };
    let outcome = view(arm, clip, store, &packets, metrics, limit, env);
    match outcome {
        Ok(Ok(viewed)) => {
            let score = Score {
                packets,
                delivery: viewed.delivery,
                metrics: metrics.iter().map(|metric| metric.id().to_owned()).collect(),
                frames: viewed.frames,
                decode_ms: viewed.decode_ms,
            };
            store.write(FILE, &score)?;
            Ok(Ok(score))
        }
        Ok(Err(why)) => Ok(Err(why)),
        // Whatever is wrong with one stream is no reason to leave out the others.
        Err(failure) if matches!(failure.kind, Kind::Interrupted | Kind::Output) => Err(failure),
        Err(failure) => Ok(Err(failure.message)),
    }
}

struct Viewed {
    delivery: Delivery,
    frames: Vec<(f64, View, Vec<f64>)>,
    decode_ms: Option<f64>,
}

/// Reads one side, with times in seconds.
struct Side {
    source: Box<dyn FrameSource>,
    /// In place of the source's own.
    times_s: Option<Vec<f64>>,
    /// Taken off every time.
    origin_s: Option<f64>,
    count: usize,
    decode_ms: Vec<f64>,
}

impl Side {
    fn new(source: Box<dyn FrameSource>) -> Self {
        Self { source, times_s: None, origin_s: None, count: 0, decode_ms: Vec::new() }
    }

    /// Reads the next picture into `planes` and gives its time.
    #[expect(clippy::cast_precision_loss, reason = "times of a report")]
    fn read(&mut self, planes: &mut Planes) -> Result<Option<f64>> {
        if interrupt::stopped() {
            return Err(Failure::new(Kind::Interrupted, "interrupted"));
        }
        let time_base = self.source.facts().time_base.as_f64();
        let before = Instant::now();
        let Some(shot) = self.source.next()? else { return Ok(None) };
        self.decode_ms.push(1000.0 * before.elapsed().as_secs_f64());
        planes.copy_from(&shot.picture);
        let time_s = match &self.times_s {
            None => shot.pts as f64 * time_base,
            Some(times) => *times.get(self.count).ok_or_else(|| {
                let message = format!("{} pictures, and more were decoded", times.len());
                Failure::new(Kind::Corrupt, message)
            })?,
        };
        self.count += 1;
        Ok(Some(time_s - *self.origin_s.get_or_insert(time_s)))
    }
}

/// Sees the stream at every instant of the clip.
fn view(
    arm: &Arm,
    clip: &Clip,
    store: &PointStore,
    packets: &[PacketRow],
    metrics: &[MetricId],
    limit: Duration,
    env: Env,
) -> Result<std::result::Result<Viewed, String>> {
    let pictures = match pictures_of(arm, store, packets, env, limit)? {
        Ok(pictures) => pictures,
        Err(why) => return Ok(Err(why)),
    };
    let options = DecodeOptions::default();
    let spec =
        InputSpec { path: clip.path.clone(), raw: None, limits: options.limits, lenient: false };
    let mut reference = Side::new(source::open(&spec, &options, env)?);
    let mut distorted = Side::new(pictures.source);
    let has_times = pictures.is_ours || pictures.times_s.is_some();
    distorted.times_s = pictures.times_s;
    // Our encoders keep times. Others may begin at another one; what they drop at the beginning
    // cannot be told from that.
    if arm.reports() {
        distorted.origin_s = Some(0.0);
        reference.origin_s = Some(0.0);
    }
    let fps = clip.frame_rate.as_f64();
    let mut scorer = match Scorer::new(metrics, clip.size, fps) {
        Ok(scorer) => scorer,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let mut aligner =
        Aligner::new(1.0 / fps, 1.0 / distorted.source.facts().frame_rate.as_f64().max(fps));
    let (mut instant, mut ahead, mut shown) = (Planes::default(), Planes::default(), black(clip));
    let mut earlier = Vec::new();
    let mut frames = Vec::new();
    let mut time_s = 0.0;
    loop {
        match aligner.step() {
            Step::ReadReference => {
                remember(&mut earlier, &instant, scorer.history());
                match reference.read(&mut instant)? {
                    Some(time) => {
                        time_s = time;
                        aligner.reference(time);
                    }
                    None => aligner.reference_ended(),
                }
            }
            Step::ReadDistorted => match distorted.read(&mut ahead)? {
                Some(time) => aligner.distorted(time),
                None => aligner.distorted_ended(),
            },
            Step::Show => std::mem::swap(&mut ahead, &mut shown),
            Step::Score(seen) => {
                let before = earlier.iter().map(Planes::picture).collect::<Result<Vec<_>>>()?;
                let values = scorer.score(&instant.picture()?, &shown.picture()?, &before);
                let values =
                    values.map_err(|error| Failure::new(Kind::Input, error.to_string()))?;
                let view = match seen {
                    Seen::New { .. } => View::New,
                    Seen::Still => View::Still,
                    Seen::Nothing => View::Nothing,
                };
                frames.push((time_s, view, values.to_vec()));
            }
            Step::Done => break,
        }
    }
    let delivery = aligner.delivery();
    if !has_times && delivery.shown != delivery.frames {
        return Ok(Err(format!(
            "its output has no times and {} pictures for {} frames: they cannot be matched",
            delivery.shown, delivery.frames
        )));
    }
    let decode_ms = stats::median(&distorted.decode_ms).filter(|_| pictures.is_ours);
    Ok(Ok(Viewed { delivery, frames, decode_ms }))
}

/// Keeps the newest pictures of the reference, the newest first.
fn remember(earlier: &mut Vec<Planes>, picture: &Planes, count: usize) {
    if count == 0 || picture.bytes.is_empty() {
        return;
    }
    let mut oldest =
        if earlier.len() == count { earlier.pop().unwrap_or_default() } else { Planes::default() };
    oldest.clone_from(picture);
    earlier.insert(0, oldest);
}

/// What is seen before the first picture.
fn black(clip: &Clip) -> Planes {
    let mut planes = Planes::default();
    planes.reset(clip.size);
    let [y, u, v] = planes.split_mut();
    y.fill(16);
    u.fill(128);
    v.fill(128);
    planes
}
