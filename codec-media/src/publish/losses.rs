//! Periodic reports of capture losses while a camera is served.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Env;
use crate::live::losses::Losses;
use crate::live::media::Live;

/// Shortest interval between two reports.
const INTERVAL: Duration = Duration::from_secs(10);

/// Decides when to report.
#[derive(Debug, Default)]
struct ReportTimer {
    reported: Losses,
    next: Duration,
}

impl ReportTimer {
    /// Returns a report if losses have grown and the last report is old enough.
    fn poll(&mut self, now: Duration, losses: Losses) -> Option<String> {
        if now < self.next || losses == self.reported {
            return None;
        }
        (self.reported, self.next) = (losses, now.saturating_add(INTERVAL));
        Some(losses.descriptions().join(", "))
    }
}

/// Reports the losses of a live input, periodically and at its end.
pub(super) struct LossReport {
    live: Arc<dyn Live>,
    name: String,
    env: Env,
    timer: ReportTimer,
    begun: Instant,
}

impl LossReport {
    /// Creates the report of a named input.
    pub(super) fn new(live: Arc<dyn Live>, name: String, env: &Env) -> Self {
        Self { live, name, env: env.clone(), timer: ReportTimer::default(), begun: Instant::now() }
    }

    /// Reports new losses if a report is due.
    pub(super) fn report_if_due(&mut self) {
        self.report_at(self.begun.elapsed());
    }

    fn report_at(&mut self, now: Duration) {
        if let Some(losses) = self.timer.poll(now, self.live.losses()) {
            self.env.events.note(format!("{}: {losses}", self.name));
        }
    }
}

impl Drop for LossReport {
    fn drop(&mut self) {
        self.report_at(Duration::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_reported_when_they_grow_and_not_too_often() {
        let secs = Duration::from_secs;
        let (mut timer, none) = (ReportTimer::default(), Losses::default());
        assert_eq!(timer.poll(secs(0), none), None);
        let few = Losses { by_driver: 3, late: 1, ..none };
        let expected = "3 frames lost by the driver, 1 frame dropped because the encoder was busy";
        assert_eq!(timer.poll(secs(1), few).as_deref(), Some(expected));
        let more = Losses { damaged: 2, audio_gaps: 1, silence_s: 0.5, ..few };
        assert_eq!(timer.poll(secs(10), more), None);
        let expected = timer.poll(secs(11), more).unwrap();
        assert!(expected.ends_with("2 frames damaged, 1 audio gap (0.50 s)"), "{expected}");
        assert_eq!(timer.poll(secs(99), more), None);
        assert!(timer.poll(Duration::MAX, few).is_some(), "at the end");
    }
}
