//! Graceful shutdown (drain): rejects new calls, and lets existing ones continue until a time limit.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::outcome::Rejection;

/// Whether a server accepts new calls. It reads no clock: time is an argument.
#[derive(Debug, Default)]
pub(super) struct Drain(Mutex<Option<Duration>>);

impl Drain {
    /// Rejects new calls from now on; existing calls may continue for `longest`. A second request can make that time
    /// shorter, not longer. Returns the time that is left.
    pub(super) fn begin(&self, now: Duration, longest: Duration) -> Duration {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = now.saturating_add(longest);
        let end = until.map_or(asked, |end| end.min(asked));
        *until = Some(end);
        end.saturating_sub(now)
    }

    /// The time until which calls may continue; `None` if the server is not draining.
    pub(super) fn until(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether draining is complete: no session is open, or the time limit has passed.
    pub(super) fn is_over(&self, now: Duration, sessions: usize) -> bool {
        self.until().is_some_and(|end| sessions == 0 || now >= end)
    }

    /// Checks that a new call may begin.
    ///
    /// # Errors
    ///
    /// [`Rejection::Draining`].
    pub(super) fn check(&self) -> Result<(), Rejection> {
        self.until().map_or(Ok(()), |_| Err(Rejection::Draining))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_without_sessions_or_at_the_limit() {
        let s = Duration::from_secs;
        let drain = Drain::default();
        assert_eq!((drain.check(), drain.is_over(s(9), 0)), (Ok(()), false));
        assert_eq!(drain.begin(s(10), s(60)), s(60));
        assert_eq!(drain.check(), Err(Rejection::Draining));
        assert!(!drain.is_over(s(10), 1) && drain.is_over(s(10), 0));
        assert!(!drain.is_over(s(69), 1) && drain.is_over(s(70), 1));
        assert_eq!(drain.begin(s(20), s(3600)), s(50), "not longer");
        assert_eq!(drain.begin(s(20), s(5)), s(5));
        assert!(drain.is_over(s(25), 100));
    }
}
