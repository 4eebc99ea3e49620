//! Messages on standard error. Standard output carries data only.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicBool, Ordering};

use codec_media::json::Object;

use crate::args::cli::ProgressMode;

/// Verbosity and format of messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    pub(crate) quiet: bool,
    pub(crate) verbose: u8,
    pub(crate) style: Style,
}

/// The format of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// One line that is overwritten.
    Terminal,
    /// A line every few seconds.
    Plain,
    /// One JSON object per line.
    Json,
    /// Messages without progress.
    Silent,
}

/// Whether a progress line is on the terminal and must be cleared before a message.
static LINE_STANDS: AtomicBool = AtomicBool::new(false);

impl Console {
    pub(crate) fn new(quiet: bool, verbose: u8, mode: ProgressMode) -> Self {
        let style = match mode {
            ProgressMode::Json => Style::Json,
            ProgressMode::None => Style::Silent,
            ProgressMode::Plain => Style::Plain,
            ProgressMode::Auto if quiet => Style::Silent,
            ProgressMode::Auto if stderr().is_terminal() => Style::Terminal,
            ProgressMode::Auto => Style::Plain,
        };
        Self { quiet, verbose, style }
    }

    /// Prints information such as effective settings and totals.
    pub(crate) fn note(self, message: impl Display) {
        if !self.quiet {
            self.message("note", &message);
        }
    }

    /// Prints details, only with `-v`.
    pub(crate) fn detail(self, message: impl Display) {
        if self.verbose > 0 && !self.quiet {
            self.message("detail", &message);
        }
    }

    /// Prints a warning; work continues.
    pub(crate) fn warn(self, message: impl Display) {
        if !self.quiet {
            self.message("warning", &message);
        }
    }

    pub(crate) fn error(self, message: impl Display) {
        self.message("error", &message);
    }

    /// Prints a separate object, in JSON style only.
    pub(crate) fn event(self, object: Object) {
        if self.style == Style::Json {
            line(&object.finish());
        }
    }

    fn message(self, kind: &str, message: &dyn Display) {
        if self.style == Style::Json {
            let object = Object::new().text("type", kind).text("message", &message.to_string());
            return self.event(object);
        }
        match kind {
            "note" | "detail" => line(&message.to_string()),
            _ => line(&format!("codec: {kind}: {message}")),
        }
    }
}

/// Columns available for a progress line; the last column stays free, because terminals would wrap.
pub(crate) fn columns() -> usize {
    let width = terminal_size::terminal_size_of(stderr()).map(|(width, _)| usize::from(width.0));
    // Terminals of unknown width report 0.
    width.filter(|&width| width > 0).map_or(79, |width| width - 1)
}

/// Overwrites the progress line, truncated to its width.
pub(crate) fn status(text: &str) {
    let text: String = text.chars().take(columns()).collect();
    LINE_STANDS.store(true, Ordering::Relaxed);
    // Errors are ignored: standard error may be closed.
    let _ = write!(stderr().lock(), "\r{text}\x1b[K");
}

/// Clears the progress line.
pub(crate) fn wipe_status() {
    if LINE_STANDS.swap(false, Ordering::Relaxed) {
        let _ = write!(stderr().lock(), "\r\x1b[K");
    }
}

/// Writes a line to standard error.
pub(crate) fn line(text: &str) {
    wipe_status();
    let _ = writeln!(stderr().lock(), "{text}");
}
