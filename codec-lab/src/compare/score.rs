//! Scores the quality of a stream: video frame by frame, as a viewer sees it at each frame time of
//! the clip, or audio segment by segment.

use std::time::{Duration, Instant};

use codec_core::frame::{Rational, Size};
use codec_measure::results::{Delivery, Pooled};
use codec_measure::stats;
use codec_media::Env;
use codec_media::count::counted;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::frame::transform::Transform;
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::InputSpec;
use codec_media::io::source::{FrameSource, SourceFrame, StreamInfo};
use codec_media::io::video;
use codec_media::stop::Stop;
use codec_media::values::Scale;
use serde::{Deserialize, Serialize};

use super::arm::Arm;
use super::audio_score::{ScoredAudio, ScoredSegment, score_segments};
use super::clips::Clip;
use super::metric::{Metric, of_audio, of_video};
use super::shape::{Media, Shape};
use super::store::PointStore;
use super::stream::{PacketRow, packets_of, pictures_of, samples_of};
use crate::measure::{Matching, Request, Row, measure};

const FILE: &str = "score.json";

/// How a stream is scored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scoring<'a> {
    pub(super) metrics: &'a [Metric],
    /// Time limit of each external program.
    pub(super) limit: Duration,
    /// Number of threads that compute metrics.
    pub(super) threads: usize,
    /// Whether decoded frames are scaled to the size of the clip.
    pub(super) scales: bool,
}

/// All quality results of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Score {
    pub(super) packets: Vec<PacketRow>,
    pub(super) delivery: Delivery,
    /// Ids of the metrics, in the order of the values.
    pub(super) metrics: Vec<String>,
    pub(super) frames: Vec<ScoredFrame>,
    /// Median decoding time per frame of our decoder, in milliseconds.
    pub(super) decode_ms: Option<f64>,
}

/// A frame of the clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ScoredFrame {
    pub(super) time_s: f64,
    /// Whether an older frame, or no frame, is visible.
    pub(super) frozen: bool,
    /// One value per metric; `None` if the metric has none for this frame.
    pub(super) values: Vec<Option<f64>>,
}

impl Score {
    fn has(&self, metrics: &[Metric]) -> bool {
        metrics.iter().all(|metric| self.column(*metric).is_some())
    }

    pub(super) fn column(&self, metric: Metric) -> Option<usize> {
        self.metrics.iter().position(|id| id == metric.id())
    }

    /// Aggregates one metric over all frames.
    pub(super) fn pooled(&self, metric: Metric) -> Option<Pooled> {
        let at = self.column(metric)?;
        let known = self.frames.iter().filter_map(|frame| Some((frame.values[at]?, frame.time_s)));
        let (values, times): (Vec<f64>, Vec<f64>) = known.unzip();
        metric.pool(&values, &times)
    }
}

/// Whether the score is already stored.
pub(super) fn is_known(store: &PointStore, metrics: &[Metric]) -> bool {
    known(store, metrics).is_some()
}

/// The stored score of a stream, if it has all metrics.
pub(super) fn known(store: &PointStore, metrics: &[Metric]) -> Option<Score> {
    store.read::<Score>(FILE).filter(|score| score.has(metrics))
}

/// Scores the stream of a point, unless a score is stored. `Ok(Err(why))` means that the stream
/// cannot be scored.
pub(super) fn score(
    arm: &Arm,
    clip: &Clip,
    store: &PointStore,
    how: &Scoring<'_>,
    env: &Env,
) -> Result<std::result::Result<Score, String>> {
    if let Some(score) = known(store, how.metrics) {
        return Ok(Ok(score));
    }
    let scorer = match clip.shape.media() {
        Media::Video => score_video,
        Media::Audio => score_audio,
    };
    let stream = store.stream(arm.extension());
    let outcome = packets_of(&stream, clip.shape.media(), env, how.limit)
        .map_or_else(|why| Ok(Err(why)), |packets| scorer(arm, clip, store, packets, how, env));
    match outcome {
        Ok(Ok(score)) => {
            store.write(FILE, &score)?;
            Ok(Ok(score))
        }
        Ok(Err(why)) => Ok(Err(why)),
        // A defect of one stream must not stop the others.
        Err(failure)
            if matches!(failure.kind, Kind::Interrupted | Kind::Output | Kind::Backend) =>
        {
            Err(failure)
        }
        Err(failure) => Ok(Err(failure.message)),
    }
}

/// Compares the displayed frame at every instant of the clip.
fn score_video(
    arm: &Arm,
    clip: &Clip,
    store: &PointStore,
    packets: Vec<PacketRow>,
    how: &Scoring<'_>,
    env: &Env,
) -> Result<std::result::Result<Score, String>> {
    let video = match pictures_of(arm, store, &packets, env, how.limit)? {
        Ok(video) => video,
        Err(why) => return Ok(Err(why)),
    };
    let options = DecodeOptions::default();
    let (path, limits) = (clip.path.clone(), options.limits);
    let spec = InputSpec::new(path, limits);
    let mut reference = video::open(&spec, &options, env)?;
    let has_times = video.is_ours || video.times_s.is_some();
    let mut distorted = Viewed::new(video.source, video.times_s, env.stop.clone());
    if let Some(size) = clip.shape.size().filter(|_| how.scales) {
        distorted.scale_to(size);
    }
    let request = request(arm, how, env);
    let measured = measure(&mut *reference, &mut distorted, &request, |_| {})?;
    let delivery = measured.delivery;
    if !has_times && delivery.shown != delivery.frames {
        return Ok(Err(format!(
            "cannot match frames: the output has no timestamps, and it has {} where the clip has {}",
            counted(delivery.shown, "frame"),
            delivery.frames
        )));
    }
    let decode_ms = stats::median(&distorted.decode_ms).filter(|_| video.is_ours);
    let frame = |Row { time_s, frozen, values, .. }| ScoredFrame {
        time_s,
        frozen,
        values: values.into_iter().map(Some).collect(),
    };
    Ok(Ok(Score {
        packets,
        delivery,
        metrics: measured.metrics.iter().map(|metric| metric.id().to_owned()).collect(),
        frames: measured.rows.into_iter().map(frame).collect(),
        decode_ms,
    }))
}

/// Compares the decoded audio, in the format of the clip, with the clip.
fn score_audio(
    arm: &Arm,
    clip: &Clip,
    store: &PointStore,
    packets: Vec<PacketRow>,
    how: &Scoring<'_>,
    env: &Env,
) -> Result<std::result::Result<Score, String>> {
    let Shape::Audio { format, .. } = clip.shape else {
        return Err(Failure::internal("the clip has no audio"));
    };
    let decoded = match samples_of(arm, store, format, env, how.limit)? {
        Ok(decoded) => decoded,
        Err(why) => return Ok(Err(why)),
    };
    let metrics = of_audio(how.metrics);
    let shape = (format, clip.shape.frame_rate());
    let ScoredAudio { delivery, segments } =
        score_segments(&clip.path, shape, &decoded, &metrics, env)?;
    let frame = |ScoredSegment { time_s, is_missing, values }| ScoredFrame {
        time_s,
        frozen: is_missing,
        values,
    };
    Ok(Ok(Score {
        packets,
        delivery,
        metrics: metrics.iter().map(|metric| metric.id().to_owned()).collect(),
        frames: segments.into_iter().map(frame).collect(),
        decode_ms: None,
    }))
}

/// How the frames of a stream are matched with the frames of the clip.
pub(super) fn request(arm: &Arm, how: &Scoring<'_>, env: &Env) -> Request {
    Request {
        metrics: of_video(how.metrics),
        matching: Matching::Viewer,
        // Our encoders keep timestamps. Other encoders may start at another time, which cannot be
        // distinguished from dropped frames at the beginning.
        relative: !arm.reports(),
        offset_s: 0.0,
        skip: 0,
        frames: None,
        threads: how.threads,
        stop: env.stop.clone(),
    }
}

/// The frames of a stream, at times that may replace the times of the source, with the decoding time.
pub(super) struct Viewed {
    source: Box<dyn FrameSource>,
    stream_info: StreamInfo,
    /// Times that replace the source's own times, in ticks.
    times: Option<std::vec::IntoIter<i64>>,
    decode_ms: Vec<f64>,
    /// Scales the decoded frames.
    transform: Option<Transform>,
    stop: Stop,
}

impl Viewed {
    const MICROSECONDS: Rational = Rational::new(1, 1_000_000);

    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    pub(super) fn new(source: Box<dyn FrameSource>, times_s: Option<Vec<f64>>, stop: Stop) -> Self {
        let mut stream_info = source.stream_info().clone();
        if times_s.is_some() {
            stream_info.time_base = Self::MICROSECONDS;
        }
        let ticks = |times: Vec<f64>| -> Vec<i64> {
            times.into_iter().map(|time_s| (time_s * 1e6).round() as i64).collect()
        };
        let times = times_s.map(|times| ticks(times).into_iter());
        Self { source, stream_info, times, decode_ms: Vec::new(), transform: None, stop }
    }
}

impl Viewed {
    /// Scales every frame to this size.
    pub(super) fn scale_to(&mut self, size: Size) {
        self.stream_info.size = size;
        self.transform = Some(Transform::new(None, None, Some(Scale::Exact(size))));
    }
}

impl FrameSource for Viewed {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        if self.stop.is_requested() {
            return Err(Failure::new(Kind::Interrupted, "interrupted"));
        }
        let before = Instant::now();
        let shot = self.source.next()?;
        self.decode_ms.push(1000.0 * before.elapsed().as_secs_f64());
        let Some(mut shot) = shot else { return Ok(None) };
        if let Some(times) = &mut self.times {
            shot.pts = times.next().ok_or_else(|| {
                Failure::new(Kind::Corrupt, "more frames were decoded than the stream has")
            })?;
            shot.duration = None;
        }
        if let Some(transform) = &mut self.transform {
            shot.picture = transform.apply(shot.picture)?;
        }
        Ok(Some(shot))
    }
}
