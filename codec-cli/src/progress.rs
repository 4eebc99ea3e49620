//! Reports progress: a line on a terminal, lines in a log, or JSON.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use codec_core::frame::Rational;
use codec_media::json::Object;
use codec_media::progress::{Meter, Now, Pass};

use crate::console::{self, Console, Style};

/// Interval between updates of a terminal's line.
const LINE_EVERY: Duration = Duration::from_millis(200);
/// Interval between lines of a log.
const LOG_EVERY: Duration = Duration::from_secs(5);
/// Interval between JSON objects.
const JSON_EVERY: Duration = Duration::from_secs(1);

/// Shows the progress of a command.
#[derive(Debug)]
pub(crate) struct Progress {
    console: Console,
    total: Option<u64>,
    frame_rate: Rational,
    /// Start of the current pass, and which one it is; `None`: the final pass.
    pass_started: Instant,
    pass: Option<Pass>,
    /// Time of the last report; `None`: the next update is reported immediately.
    last_report: Option<Instant>,
    /// Frames and bytes of the last second of video.
    recent: VecDeque<(u64, u64)>,
}

impl Progress {
    /// Starts the clock. `total`: expected frames, if known.
    pub(crate) fn new(console: Console, total: Option<u64>, frame_rate: Rational) -> Self {
        let now = Instant::now();
        Self {
            console,
            total,
            frame_rate,
            pass_started: now,
            pass: None,
            last_report: Some(now),
            recent: VecDeque::new(),
        }
    }
}

impl Meter for Progress {
    /// Starts a new pass; speed and remaining time refer to this pass.
    fn begin_pass(&mut self, pass: Option<Pass>) {
        self.pass = pass;
        self.pass_started = Instant::now();
        self.recent.clear();
        // The first frame of a scan is not worth a line of a log.
        let is_logged_scan = matches!((pass, self.console.style), (Some(Pass::Scan), Style::Plain));
        if pass.is_some() && !is_logged_scan {
            self.last_report = None;
        }
    }

    /// Called after every frame; prints the progress if an update is due.
    fn update(&mut self, now: &Now) {
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
        if self.last_report.is_some_and(|last_report| last_report.elapsed() < every) {
            return;
        }
        self.last_report = Some(Instant::now());
        let figures = self.figures(now);
        match self.console.style {
            Style::Terminal => console::status(&self.text(now, &figures, console::columns())),
            Style::Plain if !self.console.quiet => {
                console::line(&self.text(now, &figures, usize::MAX));
            }
            Style::Json => {
                let trial = match self.pass {
                    Some(Pass::Trial { number, .. }) => Some(number),
                    Some(Pass::Scan) | None => None,
                };
                let mut object = Object::new()
                    .text("type", "progress")
                    .maybe("trial", trial)
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
}

impl Progress {
    fn figures(&self, now: &Now) -> Figures {
        let elapsed = self.pass_started.elapsed().as_secs_f64().max(1e-6);
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

    /// Fits the text into `columns`, dropping the least important parts first.
    fn text(&self, now: &Now, figures: &Figures, columns: usize) -> String {
        let frame = match self.total {
            Some(total) => format!("frame {}/{total}", now.frames),
            None => format!("frame {}", now.frames),
        };
        let name = |pass: Pass| match pass {
            Pass::Trial { number, max } => format!("trial {number} of up to {max}"),
            Pass::Scan => "scene cuts".to_owned(),
        };
        let Figures { fps, x_realtime, kbps_now, kbps_average, .. } = figures;
        let has_bytes = now.bytes > 0;
        let dropped = (now.dropped > 0).then(|| format!("{} dropped", now.dropped));
        // In display order, with the priority by which parts are dropped.
        let mut parts = [
            (0, self.pass.map(name)),
            (0, Some(frame)),
            (3, Some(format!("{fps:.1} fps"))),
            (4, Some(format!("x{x_realtime:.2}"))),
            (5, has_bytes.then(|| format!("{kbps_now:.0} kb/s (avg {kbps_average:.0})"))),
            (6, now.qindex.map(|qindex| format!("q {qindex}"))),
            (2, dropped),
            (1, figures.remaining.map(|left| format!("{} left", clock(left)))),
        ];
        for least in (1..=6).rev() {
            let shown = parts.iter().filter_map(|(_, part)| part.as_deref());
            if shown.map(|part| part.len() + 2).sum::<usize>() <= columns.saturating_add(2) {
                break;
            }
            parts.iter_mut().filter(|(rank, _)| *rank == least).for_each(|(_, part)| *part = None);
        }
        let shown: Vec<_> = parts.into_iter().filter_map(|(_, part)| part).collect();
        shown.join("  ")
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
pub(crate) fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(total: u64) -> Progress {
        let console = Console { quiet: false, verbose: 0, style: Style::Terminal };
        Progress::new(console, Some(total), Rational::new(30, 1))
    }

    const FIGURES: Figures = Figures {
        fps: 118.53,
        x_realtime: 3.951,
        kbps_now: 1201.0,
        kbps_average: 1190.0,
        remaining: Some(71.0),
    };

    #[test]
    fn narrow_lines_drop_the_least_important_parts() {
        let progress = progress(20_000);
        let now = Now { frames: 12_345, bytes: 1_000_000, qindex: Some(40), dropped: 3 };
        let text = |columns| progress.text(&now, &FIGURES, columns);
        let whole = "frame 12345/20000  118.5 fps  x3.95  1201 kb/s (avg 1190)  q 40  3 dropped  \
                     1:11 left";
        assert_eq!(text(99), whole);
        assert_eq!(text(whole.len()), whole);
        assert_eq!(text(50), "frame 12345/20000  118.5 fps  3 dropped  1:11 left");
        assert_eq!(text(49), "frame 12345/20000  3 dropped  1:11 left");
        for columns in 29..120 {
            assert!(text(columns).len() <= columns, "{columns}: {}", text(columns));
        }
    }

    #[test]
    fn trials_are_named_and_timed_separately() {
        let mut progress = progress(100);
        progress.pass_started =
            progress.pass_started.checked_sub(Duration::from_secs(500)).unwrap();
        progress.begin_pass(Some(Pass::Trial { number: 1, max: 3 }));
        progress.pass_started = progress.pass_started.checked_sub(Duration::from_secs(1)).unwrap();
        let now = Now { frames: 50, ..Now::default() };
        let figures = progress.figures(&now);
        assert!(figures.remaining.is_some_and(|left| left < 60.0), "{:?}", figures.remaining);
        let text = progress.text(&now, &figures, 100);
        assert!(text.starts_with("trial 1 of up to 3  frame 50/100"), "{text}");
    }
}
