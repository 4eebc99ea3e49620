//! Detects an interrupted path: the remote endpoint sends no feedback on media, or no valid connectivity checks.

use std::time::Duration;

use super::{Peer, State};

/// Feedback on media comes several times a second. After media without any answer for this long, the path is interrupted.
const FEEDBACK_LIMIT: Duration = Duration::from_millis(2500);
/// A path without checks for this long is interrupted: they are 6 s apart at most (RFC 7675, section 5.1).
const CHECK_LIMIT: Duration = Duration::from_secs(7);

/// Times that show for how long the remote endpoint has not answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// Whether the remote endpoint sends transport-wide feedback.
    has_feedback: bool,
    /// Time of the first media packet since the last authentic answer.
    unanswered: Option<Duration>,
    /// Time of the last authentic answer.
    answered: Option<Duration>,
}

impl Silence {
    pub(super) fn note_sent(&mut self, now: Duration) {
        self.unanswered.get_or_insert(now);
    }

    /// Records an authentic answer; `is_feedback`: on received media.
    pub(super) fn note_answer(&mut self, now: Duration, is_feedback: bool) {
        self.has_feedback |= is_feedback;
        (self.unanswered, self.answered) = (None, Some(now));
    }

    /// Waits again for an answer, on another path.
    pub(super) fn restart(&mut self) {
        self.unanswered = None;
    }
}

impl Peer {
    /// Whether the remote endpoint has stopped answering although the session is connected: there is no feedback on media
    /// for 2.5 s, or no valid connectivity check for 7 s. [`restart_ice`](Self::restart_ice) can find another path
    /// before the session ends by its timeout.
    #[must_use]
    pub fn is_interrupted(&self, now: Duration) -> bool {
        let lasts = |since: Duration, limit: Duration| now.saturating_sub(since) >= limit;
        let Silence { has_feedback, unanswered, .. } = self.silence;
        let lacks_feedback =
            has_feedback && unanswered.is_some_and(|since| lasts(since, FEEDBACK_LIMIT));
        self.state == State::Connected && (lacks_feedback || lasts(self.consent, CHECK_LIMIT))
    }

    /// Time of the last authentic answer of the remote endpoint: a valid connectivity check or RTCP.
    #[must_use]
    pub fn last_answer(&self) -> Option<Duration> {
        self.silence.answered
    }
}
