//! Reporting receivers: SSRCs that send reports about our streams, until they send BYE.

use std::time::Duration;

use crate::rtcp::Bye;

/// Maximum number of receivers tracked; a new one replaces the one without reports for the longest
/// time.
const MAX_RECEIVERS: usize = 16;

/// Timeout of a receiver without reports (RFC 3550, section 6.3.5: five intervals, at least 5 s
/// each).
const SILENCE: Duration = Duration::from_secs(25);

/// A reporting receiver.
#[derive(Clone, Copy, Debug)]
struct Receiver {
    ssrc: u32,
    last_report: Duration,
}

/// The receivers of a sender that does not know them in advance.
#[derive(Clone, Debug, Default)]
pub(super) struct Reporters {
    receivers: Vec<Receiver>,
}

/// Effect of a BYE packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByeOutcome {
    /// None of its SSRCs has reported.
    Unknown,
    /// Other receivers remain.
    OthersRemain,
    /// No receiver remains.
    LastLeft,
}

impl Reporters {
    /// Records a report or feedback from `ssrc`.
    pub(super) fn reported(&mut self, now: Duration, ssrc: u32) {
        if let Some(known) = self.receivers.iter_mut().find(|it| it.ssrc == ssrc) {
            known.last_report = now;
            return;
        }
        if self.receivers.len() >= MAX_RECEIVERS {
            let silent = self.receivers.iter().enumerate().min_by_key(|(_, it)| it.last_report);
            if let Some((at, _)) = silent {
                self.receivers.swap_remove(at);
            }
        }
        self.receivers.push(Receiver { ssrc, last_report: now });
    }

    /// Processes a BYE packet (RFC 3550, section 6.6).
    pub(super) fn left(&mut self, now: Duration, bye: &Bye) -> ByeOutcome {
        let before = self.receivers.len();
        self.receivers.retain(|it| !bye.ssrcs.contains(&it.ssrc));
        if self.receivers.len() == before {
            return ByeOutcome::Unknown;
        }
        let is_there = |it: &Receiver| now.saturating_sub(it.last_report) < SILENCE;
        if self.receivers.iter().any(is_there) {
            ByeOutcome::OthersRemain
        } else {
            ByeOutcome::LastLeft
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bye(ssrcs: &[u32]) -> Bye {
        Bye { ssrcs: ssrcs.to_vec(), reason: Vec::new() }
    }

    #[test]
    fn bye_of_the_last_reporting_receiver_ends_the_session() {
        let second = Duration::from_secs;
        let mut reporters = Reporters::default();
        assert_eq!(reporters.left(second(0), &bye(&[1])), ByeOutcome::Unknown);
        reporters.reported(second(0), 1);
        reporters.reported(second(1), 2);
        assert_eq!(reporters.left(second(1), &bye(&[])), ByeOutcome::Unknown);
        assert_eq!(reporters.left(second(1), &bye(&[3])), ByeOutcome::Unknown);
        assert_eq!(reporters.left(second(1), &bye(&[3, 1])), ByeOutcome::OthersRemain);
        assert_eq!(reporters.left(second(1), &bye(&[1])), ByeOutcome::Unknown);
        assert_eq!(reporters.left(second(1), &bye(&[2])), ByeOutcome::LastLeft);
    }

    #[test]
    fn receivers_time_out_and_their_number_is_bounded() {
        let second = Duration::from_secs;
        let mut reporters = Reporters::default();
        reporters.reported(second(0), 1);
        reporters.reported(second(30), 2);
        assert_eq!(reporters.left(second(31), &bye(&[2])), ByeOutcome::LastLeft);
        for ssrc in 0..1000 {
            reporters.reported(second(40), ssrc);
            reporters.reported(second(41), 5000);
        }
        assert_eq!(reporters.receivers.len(), MAX_RECEIVERS);
        assert_eq!(reporters.left(second(41), &bye(&[5000])), ByeOutcome::OthersRemain);
    }
}
