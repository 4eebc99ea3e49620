//! Tells how far the work is: a line on a terminal, lines in a log, or JSON.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use codec_core::frame::Rational;

use crate::console::{self, Console, Style};
use crate::json::Object;

/// How far the work is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Now {
    /// Frames taken in.
    pub(crate) frames: u64,
    /// Coded bytes, written or read; 0 where there are none.
    pub(crate) bytes: u64,
    pub(crate) qindex: Option<u8>,
    pub(crate) dropped: u64,
}

/// Between two updates of a terminal's line.
const LINE_EVERY: Duration = Duration::from_millis(200);
/// Between two lines of a log.
const LOG_EVERY: Duration = Duration::from_secs(5);
/// Between two JSON objects.
const JSON_EVERY: Duration = Duration::from_secs(1);

/// Tells progress of one command.
#[derive(Debug)]
pub(crate) struct Progress {
    console: Console,
    total: Option<u64>,
    frame_rate: Rational,
    started: Instant,
    told: Instant,
    /// Frames and bytes of the last second of video.
    recent: VecDeque<(u64, u64)>,
}

impl Progress {
    /// Begins to count time. `total`: frames expected, where known.
    pub(crate) fn new(console: Console, total: Option<u64>, frame_rate: Rational) -> Self {
        let now = Instant::now();
        Self { console, total, frame_rate, started: now, told: now, recent: VecDeque::new() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// After every frame; says something when it is time to.
    pub(crate) fn update(&mut self, now: &Now) {
        let every = match self.console.style {
            Style::Terminal => LINE_EVERY,
            Style::Plain => LOG_EVERY,
            Style::Json => JSON_EVERY,
            Style::Silent => return,
        };
        self.recent.push_back((now.frames, now.bytes));
        let second = f64_of(now.frames) - self.frame_rate.as_f64();
        while self.recent.front().is_some_and(|&(frames, _)| f64_of(frames) < second) {
            self.recent.pop_front();
        }
        if self.told.elapsed() < every {
            return;
        }
        self.told = Instant::now();
        let figures = self.figures(now);
        match self.console.style {
            Style::Terminal => console::status(&self.text(now, &figures)),
            Style::Plain if !self.console.quiet => console::line(&self.text(now, &figures)),
            Style::Json => {
                let mut object = Object::new()
                    .text("type", "progress")
                    .raw("frames", now.frames)
                    .maybe("total", self.total)
                    .float("fps", figures.fps)
                    .float("x_realtime", figures.x_realtime)
                    .float("kbps_now", figures.kbps_now)
                    .float("kbps_average", figures.kbps_average)
                    .maybe("qindex", now.qindex)
                    .raw("dropped", now.dropped);
                object = match figures.remaining {
                    Some(left) => object.float("remaining_s", left),
                    None => object.raw("remaining_s", "null"),
                };
                self.console.event(object);
            }
            Style::Plain | Style::Silent => {}
        }
    }

    fn figures(&self, now: &Now) -> Figures {
        let elapsed = self.elapsed().as_secs_f64().max(1e-6);
        let fps = f64_of(now.frames) / elapsed;
        let rate = self.frame_rate.as_f64();
        let kbps = |bytes: u64, frames: u64| {
            if frames == 0 { 0.0 } else { f64_of(bytes) * 8.0 * rate / f64_of(frames) / 1000.0 }
        };
        let (past_frames, past_bytes) = self.recent.front().copied().unwrap_or_default();
        let left = self.total.and_then(|total| total.checked_sub(now.frames));
        Figures {
            fps,
            x_realtime: fps / rate,
            kbps_now: kbps(now.bytes - past_bytes, now.frames - past_frames),
            kbps_average: kbps(now.bytes, now.frames),
            remaining: left.filter(|_| fps > 0.0).map(|frames| f64_of(frames) / fps),
        }
    }

    fn text(&self, now: &Now, figures: &Figures) -> String {
        let mut text = match self.total {
            Some(total) => format!("frame {}/{total}", now.frames),
            None => format!("frame {}", now.frames),
        };
        text.push_str(&format!("  {:.1} fps  x{:.2}", figures.fps, figures.x_realtime));
        if now.bytes > 0 {
            let Figures { kbps_now, kbps_average, .. } = figures;
            text.push_str(&format!("  {kbps_now:.0} kb/s (avg {kbps_average:.0})"));
        }
        if let Some(qindex) = now.qindex {
            text.push_str(&format!("  q {qindex}"));
        }
        if now.dropped > 0 {
            text.push_str(&format!("  {} dropped", now.dropped));
        }
        if let Some(left) = figures.remaining {
            text.push_str(&format!("  {} left", clock(left)));
        }
        text
    }
}

struct Figures {
    fps: f64,
    x_realtime: f64,
    kbps_now: f64,
    kbps_average: f64,
    /// Seconds.
    remaining: Option<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn f64_of(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
