//! Finds how many streams can be encoded concurrently in real time, by running them.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use codec_core::codec::Backend;
use codec_core::codec::{EncoderConfig, FrameRequest, Packet};
use codec_media::Env;
use codec_media::count::counted;
use codec_media::failure::{Failure, Kind, Result};

use super::clip::{Clip, count};

/// Measured seconds of video per trial.
const SECONDS: f64 = 3.0;
/// Warm-up seconds before the measured ones: real streams do not all start at once with a key
/// frame.
const WARM_UP_SECONDS: f64 = 1.0;
/// Share of frames that may finish after the next one is due.
const MAY_BE_LATE: f64 = 0.01;
/// Maximum number of trials.
const TRIALS: usize = 10;
/// Maximum number of streams.
const MOST: usize = 512;

/// The result.
#[derive(Clone, Debug)]
pub(super) struct Headroom {
    /// Number of cores divided by CPU time per frame and by frame rate: an estimate that ignores
    /// interference between streams.
    pub(super) by_division: f64,
    /// The most concurrent streams with almost no late frames; 0 if not even one works.
    pub(super) streams: usize,
    /// The numbers of streams that were tried, each with its share of late frames.
    pub(super) tried: Vec<(usize, f64)>,
}

/// Tries numbers of streams of `clip`, each on its own thread, paced by the clip's frame rate.
pub(super) fn find(
    backend: &Backend,
    config: &EncoderConfig,
    clip: &Clip,
    by_division: f64,
    env: &Env,
) -> Result<Headroom> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let first = by_division.floor().clamp(1.0, count(MOST)) as usize;
    let (mut kept, mut missed) = (0, None);
    let mut tried = Vec::new();
    let mut next = first;
    while tried.len() < TRIALS && !env.stop.is_requested() {
        let late = trial(backend, config, clip, next)?;
        env.events.detail(format!(
            "{}: {:.2} % of frames late",
            counted(next as u64, "stream"),
            100.0 * late
        ));
        tried.push((next, late));
        let step = (next / 8).max(1);
        if late <= MAY_BE_LATE {
            kept = next;
        } else {
            missed = Some(next);
        }
        next = match missed {
            Some(missed) if missed <= kept + 1 => break,
            Some(missed) if kept > 0 => kept.midpoint(missed),
            Some(missed) => missed.saturating_sub(step).max(1),
            None if kept >= MOST => break,
            None => (kept + step).min(MOST),
        };
    }
    Ok(Headroom { by_division, streams: kept, tried })
}

/// Runs `streams` concurrently; returns the share of late frames.
fn trial(backend: &Backend, config: &EncoderConfig, clip: &Clip, streams: usize) -> Result<f64> {
    let rate = clip.frame_rate.as_f64();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
    let frames_in = |seconds: f64| (seconds * rate).ceil().clamp(2.0, 2000.0) as usize;
    let (warm_up, frames) = (frames_in(WARM_UP_SECONDS), frames_in(SECONDS));
    let barrier = Barrier::new(streams);
    let stream = |index: usize| -> Result<usize> {
        let outcome = Player::open(backend, config, clip);
        // Failed threads wait here too; otherwise the others would wait forever.
        barrier.wait();
        let apart = count(index) / count(streams) / rate;
        outcome?.play(warm_up, frames, Instant::now() + Duration::from_secs_f64(apart))
    };
    let late: Result<usize> = thread::scope(|scope| {
        let handles: Vec<_> = (0..streams)
            .map(|index| {
                let stream = &stream;
                scope.spawn(move || stream(index))
            })
            .collect();
        let join = |handle: thread::ScopedJoinHandle<'_, Result<usize>>| {
            handle.join().unwrap_or_else(|_| Err(Failure::internal("an encoder thread panicked")))
        };
        // Join every thread, even if another one failed.
        let outcomes: Vec<_> = handles.into_iter().map(join).collect();
        outcomes.into_iter().sum()
    });
    Ok(count(late?) / count(streams * frames))
}

/// One stream.
struct Player<'a> {
    encoder: Box<dyn codec_core::codec::VideoEncoder>,
    clip: &'a Clip,
    /// Ticks per frame.
    ticks: i64,
}

impl<'a> Player<'a> {
    fn open(backend: &Backend, config: &EncoderConfig, clip: &'a Clip) -> Result<Self> {
        let Some((open, _)) = backend.encoder else {
            return Err(Failure::new(Kind::Backend, format!("{} has no encoder", backend.codec)));
        };
        let encoder = open(config).map_err(Failure::encoding)?;
        let ticks = 1.0 / clip.frame_rate.as_f64() / clip.time_base.as_f64();
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let ticks = (ticks.round() as i64).max(1);
        Ok(Self { encoder, clip, ticks })
    }

    /// Encodes frames from `start` on, each when it is due; returns how many of `frames` after the
    /// first `warm_up` were late.
    fn play(mut self, warm_up: usize, frames: usize, start: Instant) -> Result<usize> {
        let interval = 1.0 / self.clip.frame_rate.as_f64();
        let mut packet = Packet::default();
        let mut late = 0;
        for index in 0..warm_up + frames {
            let due = start + Duration::from_secs_f64(count(index) * interval);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let frame = &self.clip.frames[there_and_back(index, self.clip.frames.len())];
            let picture = frame.planes.picture()?.with_info(self.clip.info);
            let pts = i64::try_from(index).unwrap_or(i64::MAX).saturating_mul(self.ticks);
            let failed = |error| Failure::encoding(error);
            let mut request = FrameRequest::at(pts);
            request.importance.clone_from(&self.clip.importance);
            self.encoder.encode(&picture, &request).map_err(failed)?;
            while self.encoder.receive(&mut packet) {}
            late += usize::from(index >= warm_up && due.elapsed().as_secs_f64() > interval);
        }
        Ok(late)
    }
}

/// Position of step `index` in a list of `len` that is traversed forwards and backwards repeatedly,
/// so that the looped clip has no scene cut.
fn there_and_back(index: usize, len: usize) -> usize {
    let round = (2 * len.max(1) - 2).max(1);
    let place = index % round;
    place.min(round - place).min(len.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_is_played_forwards_and_backwards() {
        let places: Vec<_> = (0..9).map(|index| there_and_back(index, 4)).collect();
        assert_eq!(places, [0, 1, 2, 3, 2, 1, 0, 1, 2]);
        assert!((0..9).all(|index| there_and_back(index, 1) == 0));
        assert_eq!([0, 1, 2, 3].map(|index| there_and_back(index, 2)), [0, 1, 0, 1]);
    }
}
