//! Prints the events of a run: messages, progress and records on standard error.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use codec_core::frame::Rational;
use codec_media::events::{Listener, Severity};
use codec_media::failure::Result;
use codec_media::io::output::print;
use codec_media::json::{self, Object};
use codec_media::progress::{LayerProgress, LiveProgress, Meter, OverallProgress};

use crate::console::{self, Console, Style};
use crate::progress::{Progress, clock};

/// Interval between log lines about a live stream.
const LIVE_LOG_EVERY: Duration = Duration::from_secs(5);
/// Interval between updates of overall progress on a terminal.
const SHARE_LINE_EVERY: Duration = Duration::from_millis(100);
/// Interval between updates of overall progress in a log.
const SHARE_LOG_EVERY: Duration = Duration::from_secs(10);

/// Prints events in the format and verbosity selected by the command's flags.
#[derive(Debug)]
pub(crate) struct Terminal {
    console: Console,
    /// When a live stream was last logged.
    live_logged: Mutex<Instant>,
    /// When overall progress was last shown.
    share_shown: Mutex<Option<Instant>>,
}

impl Terminal {
    pub(crate) fn new(console: Console) -> Self {
        Self { console, live_logged: Mutex::new(Instant::now()), share_shown: Mutex::new(None) }
    }
}

impl Listener for Terminal {
    fn message(&self, severity: Severity, message: &str) {
        match severity {
            Severity::Detail => self.console.detail(message),
            Severity::Note => self.console.note(message),
            Severity::Warning => self.console.warn(message),
        }
    }

    fn record(&self, record: Object) {
        self.console.event(record);
    }

    fn text(&self, text: &str) -> Result<()> {
        print(text)
    }

    fn takes_records(&self) -> bool {
        self.console.style == Style::Json
    }

    fn meter(&self, total: Option<u64>, frame_rate: Rational) -> Box<dyn Meter> {
        Box::new(Progress::new(self.console, total, frame_rate))
    }

    fn live(&self, progress: &LiveProgress) {
        let LiveProgress { totals, fps, kbps, delay_ms, layers } = progress;
        match self.console.style {
            Style::Silent => {}
            Style::Json => {
                let mut event = Object::new()
                    .text("type", "progress")
                    .raw("frames", totals.frames)
                    .float("fps", *fps)
                    .float("kbps_now", *kbps)
                    .raw("dropped", totals.dropped)
                    .raw("lost", totals.lost)
                    .maybe("qindex", totals.qindex)
                    .maybe("delay_ms", delay_ms.map(json::float));
                if !layers.is_empty() {
                    event = event.raw("layers", json::array(layers.iter().map(layer_json)));
                }
                self.console.event(event);
            }
            Style::Terminal => console::status(&line(progress)),
            Style::Plain if !self.console.quiet => {
                let mut logged = self.live_logged.lock().unwrap_or_else(PoisonError::into_inner);
                if logged.elapsed() >= LIVE_LOG_EVERY {
                    *logged = Instant::now();
                    console::line(&line(progress));
                }
            }
            Style::Plain => {}
        }
    }

    fn share(&self, progress: &OverallProgress<'_>) {
        let every = match self.console.style {
            Style::Terminal => SHARE_LINE_EVERY,
            Style::Plain | Style::Json => SHARE_LOG_EVERY,
            Style::Silent => return,
        };
        let mut shown = self.share_shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_some_and(|shown| shown.elapsed() < every) {
            return;
        }
        *shown = Some(Instant::now());
        let OverallProgress { done, now, remaining_s } = *progress;
        if self.console.style == Style::Json {
            let object = Object::new()
                .text("type", "progress")
                .float("done", done)
                .text("now", now)
                .maybe("remaining_s", remaining_s.map(json::float));
            return self.console.event(object);
        }
        let mut text = format!("{:3.0} %  {now}", 100.0 * done);
        if let Some(left) = remaining_s {
            text.push_str(&format!("  {} left", clock(left)));
        }
        match self.console.style {
            Style::Terminal => console::status(&text),
            _ if !self.console.quiet => console::line(&text),
            _ => {}
        }
    }
}

fn layer_json(layer: &LayerProgress) -> String {
    let LayerProgress { totals, fps, kbps } = layer;
    Object::new()
        .text("rid", totals.rid)
        .raw("width", totals.size.width)
        .raw("height", totals.size.height)
        .raw("active", totals.is_active)
        .float("fps", *fps)
        .float("kbps_now", *kbps)
        .finish()
}

fn line(progress: &LiveProgress) -> String {
    let LiveProgress { totals: now, fps, kbps, delay_ms: delay, layers } = progress;
    let mut text = format!("frame {}  {fps:.1} fps  {kbps:.0} kb/s", now.frames);
    for LayerProgress { totals, kbps, .. } in layers {
        let rate = if totals.is_active { format!("{kbps:.0}") } else { "off".to_owned() };
        text.push_str(&format!("  {} {rate}", totals.size));
    }
    if let Some(qindex) = now.qindex.filter(|_| layers.is_empty()) {
        text.push_str(&format!("  q {qindex}"));
    }
    if let Some(delay) = delay {
        text.push_str(&format!("  delay {delay:.1} ms"));
    }
    if let Some(round_trip) = now.round_trip {
        text.push_str(&format!("  RTT {:.1} ms", round_trip.as_secs_f64() * 1000.0));
    }
    if now.lost > 0 {
        text.push_str(&format!("  {} lost", now.lost));
    }
    if now.dropped > 0 {
        text.push_str(&format!("  {} dropped", now.dropped));
    }
    text
}
