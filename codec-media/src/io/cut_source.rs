//! Cuts a source: returns only its frames between two times.

use std::collections::VecDeque;

use codec_core::frame::Rational;

use super::source::{Damage, FrameSource, SourceFrame, StreamInfo};
use crate::Env;
use crate::cut::{self, Cut, is_before, milliseconds, ns_of, ns_to_ticks, ticks_to_ns};
use crate::failure::{Failure, Result};
use crate::frame::copy::FrameCopy;

/// If the first frame after the start is later than this, in milliseconds, the frame that is shown
/// at the start comes before it.
const MAX_WAIT_MS: i64 = 100;

/// A frame in memory.
#[derive(Debug, Default)]
struct Held {
    frame: FrameCopy,
    pts: i64,
    duration: Option<u64>,
}

/// Delivers the frames of a source that are part of a cut.
pub(crate) struct CutSource {
    source: Box<dyn FrameSource>,
    stream_info: StreamInfo,
    cut: Cut,
    name: String,
    env: Env,
    /// Frames that were read to find the first one.
    waiting: VecDeque<Held>,
    current: Held,
    /// The input time, in ticks, that becomes time 0.
    origin: i64,
    start_ns: i64,
    /// End of the last frame that was read, in ticks.
    end: i64,
    ended: bool,
}

/// Returns the part of `source` that `cut` selects.
///
/// # Errors
/// If the input is damaged, or ends before the part.
pub(crate) fn cut_source(
    source: Box<dyn FrameSource>,
    cut: Cut,
    name: String,
    env: &Env,
) -> Result<Box<dyn FrameSource>> {
    if cut.is_whole() {
        return Ok(source);
    }
    Ok(Box::new(CutSource::new(source, cut, name, env)?))
}

impl CutSource {
    fn new(source: Box<dyn FrameSource>, cut: Cut, name: String, env: &Env) -> Result<Self> {
        let stream_info = source.stream_info().clone();
        let mut cut_source = Self {
            source,
            stream_info,
            cut,
            name,
            env: env.clone(),
            waiting: VecDeque::new(),
            current: Held::default(),
            origin: 0,
            start_ns: 0,
            end: 0,
            ended: false,
        };
        cut_source.find_first()?;
        let (Some(first), base) = (cut_source.waiting.front(), cut_source.stream_info.time_base)
        else {
            return Err(cut_source.past_the_end());
        };
        let (pts, picture) = (first.pts, first.frame.picture()?);
        let info = &mut cut_source.stream_info;
        (info.size, info.samples) = (picture.size(), picture.samples());
        info.info = picture.info;
        cut_source.start_ns = ticks_to_ns(pts, base);
        cut_source.origin = if cut.keep_times { 0 } else { pts };
        cut_source.stream_info.count = cut_source.count();
        Ok(cut_source)
    }

    /// Reads up to the first frame.
    fn find_first(&mut self) -> Result<()> {
        let base = self.stream_info.time_base;
        let from = self.cut.start();
        let mut shown: Option<Held> = None;
        let mut free = Held::default();
        loop {
            if self.env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            let Some(frame) = self.source.next()? else { break };
            free.frame.copy_from(&frame.picture);
            (free.pts, free.duration) = (frame.pts, frame.duration);
            self.end = end_of(&self.stream_info, frame.pts, frame.duration);
            if !is_before(free.pts, base, from) {
                self.keep_shown(shown.take(), Some(free.pts));
                let pts = free.pts;
                if self.cut.to.is_none_or(|to| is_before(pts, base, to)) {
                    self.waiting.push_back(free);
                } else {
                    self.ended = true;
                }
                return if self.waiting.is_empty() { Err(self.too_late(pts)) } else { Ok(()) };
            }
            let before = shown.replace(std::mem::take(&mut free));
            free = before.unwrap_or_default();
        }
        // The last frame is shown for a while.
        let last = shown.take().filter(|_| !is_before(self.end.saturating_sub(1), base, from));
        self.keep_shown(last, None);
        self.ended = true;
        Ok(())
    }

    /// Keeps the frame that is shown at the start if the next one is much later or is not part of
    /// the cut.
    fn keep_shown(&mut self, shown: Option<Held>, next: Option<i64>) {
        let Some(mut held) = shown else { return };
        let base = self.stream_info.time_base;
        let from = self.cut.start();
        let start = ns_to_ticks(ns_of(from), base);
        if let Some(next) = next {
            let wait = milliseconds(next, base).saturating_sub(milliseconds(start, base));
            let is_part = self.cut.to.is_none_or(|to| is_before(next, base, to));
            if is_part && wait <= MAX_WAIT_MS || next <= start {
                return;
            }
        }
        let end = next.unwrap_or(self.end);
        held.pts = start;
        held.duration = u64::try_from(end.saturating_sub(start)).ok();
        self.waiting.push_back(held);
    }

    /// The number of frames, estimated from times and the frame rate.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    fn count(&self) -> Option<u64> {
        let rate = self.stream_info.frame_rate.as_f64();
        let start_s = self.start_ns as f64 / 1e9;
        let skipped = (start_s * rate).round() as u64;
        let rest = self.stream_info.count.map(|count| count.saturating_sub(skipped));
        let most =
            self.cut.to.map(|to| ((to.as_secs_f64() - start_s) * rate).ceil().max(1.0) as u64);
        match (rest, most) {
            (Some(rest), Some(most)) => Some(rest.min(most)),
            (rest, most) => most.or(rest),
        }
    }

    fn past_the_end(&self) -> Failure {
        let StreamInfo { time_base, frame_rate, count, .. } = self.stream_info;
        #[expect(clippy::cast_precision_loss, reason = "a message")]
        let end_s = match count {
            // A reader of raw video that seeks past the end has seen no frame.
            Some(count) if self.end == 0 => count as f64 / frame_rate.as_f64(),
            _ => cut_seconds(self.end, time_base),
        };
        let from = cut::text(self.cut.start());
        let name = &self.name;
        Failure::usage(format!(
            "{name}: no frame at or after {from} s: the video ends at {end_s:.3} s"
        ))
    }

    /// The error of a video that starts after the cut.
    fn too_late(&self, first: i64) -> Failure {
        let start_s = cut_seconds(first, self.stream_info.time_base);
        Failure::usage(format!(
            "{}: no frame before --to {}: the video starts at {start_s:.3} s",
            self.name,
            cut::text(self.cut.to.unwrap_or_default())
        ))
    }

    /// Reads the next frame into `self.current`; `false` at the end of the cut.
    fn advance(&mut self) -> Result<bool> {
        if let Some(next) = self.waiting.pop_front() {
            self.current = next;
            return Ok(true);
        }
        Ok(false)
    }
}

/// The end of a frame, in ticks.
fn end_of(info: &StreamInfo, pts: i64, duration: Option<u64>) -> i64 {
    let nominal = 1.0 / (info.frame_rate.as_f64() * info.time_base.as_f64());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let nominal = nominal.round() as u64;
    pts.saturating_add_unsigned(duration.unwrap_or(nominal).max(1))
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn cut_seconds(ticks: i64, base: Rational) -> f64 {
    ticks as f64 * base.as_f64()
}

/// Moves a frame to the time line of the output, and ends it at the end of the cut.
fn placed(pts: i64, duration: Option<u64>, origin: i64, end: Option<i64>) -> (i64, Option<u64>) {
    let room = end.map(|end| u64::try_from(end.saturating_sub(pts)).unwrap_or(0).max(1));
    let duration = match (duration, room) {
        (Some(duration), Some(room)) => Some(duration.min(room)),
        (duration, _) => duration,
    };
    (pts.saturating_sub(origin), duration)
}

impl FrameSource for CutSource {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    #[cfg(feature = "net")]
    fn wait(&mut self, most: std::time::Duration) -> Result<bool> {
        let has_one = self.ended || !self.waiting.is_empty();
        if has_one { Ok(true) } else { self.source.wait(most) }
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        let base = self.stream_info.time_base;
        let end = self.cut.to.map(|to| ns_to_ticks(ns_of(to), base));
        if self.advance()? {
            let Held { frame, pts, duration } = &self.current;
            let (pts, duration) = placed(*pts, *duration, self.origin, end);
            return Ok(Some(SourceFrame { picture: frame.picture()?, pts, duration }));
        }
        if self.ended {
            return Ok(None);
        }
        let Some(frame) = self.source.next()? else {
            self.ended = true;
            if let Some(to) = self.cut.to.filter(|&to| is_before(self.end, base, to)) {
                let (name, to) = (&self.name, cut::text(to));
                let end_s = cut_seconds(self.end, base);
                let message = format!("{name}: the video ends at {end_s:.3} s, before --to {to}");
                self.env.events.warn(message);
            }
            return Ok(None);
        };
        if self.cut.to.is_some_and(|to| !is_before(frame.pts, base, to)) {
            self.ended = true;
            return Ok(None);
        }
        self.end = end_of(&self.stream_info, frame.pts, frame.duration);
        let (pts, duration) = placed(frame.pts, frame.duration, self.origin, end);
        Ok(Some(SourceFrame { pts, duration, ..frame }))
    }

    fn damage(&self) -> Damage {
        self.source.damage()
    }

    fn coded_bytes(&self) -> u64 {
        self.source.coded_bytes()
    }

    fn start_ns(&self) -> Option<i64> {
        Some(self.start_ns)
    }
}
