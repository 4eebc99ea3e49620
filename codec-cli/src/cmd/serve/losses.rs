//! Periodic reports of capture losses while a camera is served.

use std::sync::Arc;
use std::time::{Duration, Instant};

use codec_media::Env;
use codec_media::live::losses::Losses;
use codec_media::live::media::Live;

/// Shortest interval between two reports.
const INTERVAL: Duration = Duration::from_secs(10);

/// Decides when to report.
#[derive(Debug, Default)]
struct Teller {
    told: Losses,
    next: Duration,
}

impl Teller {
    /// Returns a report if losses have grown and the last report is old enough.
    fn poll(&mut self, now: Duration, losses: Losses) -> Option<String> {
        if now < self.next || losses == self.told {
            return None;
        }
        (self.told, self.next) = (losses, now.saturating_add(INTERVAL));
        Some(losses.told().join(", "))
    }
}

/// Reports the losses of a live input, periodically and at its end.
pub(super) struct LossReport {
    live: Arc<dyn Live>,
    name: String,
    env: Env,
    teller: Teller,
    begun: Instant,
}

impl LossReport {
    /// Creates the report of a named input.
    pub(super) fn new(live: Arc<dyn Live>, name: String, env: &Env) -> Self {
        Self { live, name, env: env.clone(), teller: Teller::default(), begun: Instant::now() }
    }

    /// Reports new losses if a report is due.
    pub(super) fn tell(&mut self) {
        self.tell_at(self.begun.elapsed());
    }

    fn tell_at(&mut self, now: Duration) {
        if let Some(losses) = self.teller.poll(now, self.live.losses()) {
            self.env.console.note(format!("{}: {losses}", self.name));
        }
    }
}

impl Drop for LossReport {
    fn drop(&mut self) {
        self.tell_at(Duration::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_reported_when_they_grow_and_not_too_often() {
        let secs = Duration::from_secs;
        let (mut teller, none) = (Teller::default(), Losses::default());
        assert_eq!(teller.poll(secs(0), none), None);
        let few = Losses { by_driver: 3, late: 1, ..none };
        let told = "3 frames lost by the driver, 1 frames too old for the encoder";
        assert_eq!(teller.poll(secs(1), few).as_deref(), Some(told));
        let more = Losses { damaged: 2, sound_gaps: 1, silence_s: 0.5, ..few };
        assert_eq!(teller.poll(secs(10), more), None);
        let told = teller.poll(secs(11), more).unwrap();
        assert!(told.ends_with("2 frames damaged, 1 audio gaps (0.50 s)"), "{told}");
        assert_eq!(teller.poll(secs(99), more), None);
        assert!(teller.poll(Duration::MAX, few).is_some(), "at the end");
    }
}
