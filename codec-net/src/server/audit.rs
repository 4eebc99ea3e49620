//! The audit log: a JSON line for each start, end and rejection of a session, and for each change
//! of a viewer's video: paused, resumed, or switched to or from the small rendition (a smaller
//! copy). It contains no secrets.

use std::fmt;
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// The destination of the lines.
pub struct AuditLog {
    out: Option<Mutex<Box<dyn Write + Send>>>,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("kept", &self.out.is_some()).finish()
    }
}

/// The session that a line describes.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Number of the session in this run; `None` for rejections.
    pub session: Option<u64>,
    /// The kind of session: `whip`, `whep`, `ws-view`, `ws-publish`.
    pub kind: &'a str,
    /// Name of the stream.
    pub stream: &'a str,
    /// Address of the client.
    pub address: IpAddr,
}

/// Totals of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Totals {
    pub bytes: u64,
    pub frames: u64,
}

impl AuditLog {
    /// Disables the log.
    #[must_use]
    pub fn none() -> Self {
        Self { out: None }
    }

    /// Writes lines to `out`, and flushes each one.
    #[must_use]
    pub fn to(out: impl Write + Send + 'static) -> Self {
        Self { out: Some(Mutex::new(Box::new(out))) }
    }

    /// Logs the start of a session.
    pub fn start(&self, subject: Subject<'_>) {
        self.line("start", subject, &[]);
    }

    /// Logs the end of a session.
    pub fn end(&self, subject: Subject<'_>, reason: &str, lasted: Duration, totals: Totals) {
        let seconds = Value::from(lasted.as_secs_f64());
        self.line(
            "end",
            subject,
            &[
                ("reason", reason.into()),
                ("seconds", seconds),
                ("bytes", totals.bytes.into()),
                ("frames", totals.frames.into()),
            ],
        );
    }

    /// Logs a change of a viewer's video: paused with a reason, or the small rendition.
    pub fn video(&self, subject: Subject<'_>, paused: Option<&str>, small: bool) {
        self.line("video", subject, &[("paused", paused.into()), ("small", small.into())]);
    }

    /// Logs a rejection.
    pub fn reject(&self, subject: Subject<'_>, status: u16, reason: &str) {
        self.line("reject", subject, &[("status", status.into()), ("reason", reason.into())]);
    }

    fn line(&self, event: &str, subject: Subject<'_>, more: &[(&str, Value)]) {
        let Some(out) = &self.out else { return };
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut line = json!({
            "time": time.as_secs_f64(),
            "event": event,
            "kind": subject.kind,
            "stream": subject.stream,
            "address": subject.address.to_string(),
        });
        if let Some(fields) = line.as_object_mut() {
            if let Some(session) = subject.session {
                fields.insert("session".to_owned(), session.into());
            }
            for (name, value) in more {
                fields.insert((*name).to_owned(), value.clone());
            }
        }
        let mut out = out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A failing log must not end the sessions; its creator reports the failure.
        let _ = write_line(&mut **out, &line);
    }
}

fn write_line(out: &mut dyn Write, line: &Value) -> io::Result<()> {
    writeln!(out, "{line}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_event_is_a_json_line() {
        let memory = Memory::default();
        let audit = AuditLog::to(memory.clone());
        let subject = Subject {
            session: Some(7),
            kind: "whep",
            stream: "a \"quoted\"\nname",
            address: "127.0.0.1".parse().unwrap(),
        };
        audit.start(subject);
        audit.end(subject, "the publisher ended", Duration::from_millis(1500), Totals::default());
        audit.reject(Subject { session: None, ..subject }, 401, "no token");
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0]["event"], "start");
        assert_eq!(lines[1]["seconds"], 1.5);
        assert_eq!(lines[1]["session"], 7);
        assert_eq!(lines[2]["status"], 401);
        assert!(lines[2].get("session").is_none());
        AuditLog::none().start(subject);
    }
}
