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
    heard: Duration,
}

/// The receivers of a sender that does not know them in advance.
#[derive(Clone, Debug, Default)]
pub(super) struct Audience {
    receivers: Vec<Receiver>,
}

/// Effect of a BYE packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goodbye {
    /// None of its SSRCs has reported.
    Stray,
    /// Other receivers remain.
    Fewer,
    /// No receiver remains.
    Last,
}

impl Audience {
    /// Records a report or feedback from `ssrc`.
    pub(super) fn reported(&mut self, now: Duration, ssrc: u32) {
        if let Some(known) = self.receivers.iter_mut().find(|it| it.ssrc == ssrc) {
            known.heard = now;
            return;
        }
        if self.receivers.len() >= MAX_RECEIVERS {
            let silent = self.receivers.iter().enumerate().min_by_key(|(_, it)| it.heard);
            if let Some((at, _)) = silent {
                self.receivers.swap_remove(at);
            }
        }
        self.receivers.push(Receiver { ssrc, heard: now });
    }

    /// Processes a BYE packet (RFC 3550, section 6.6).
    pub(super) fn left(&mut self, now: Duration, bye: &Bye) -> Goodbye {
        let before = self.receivers.len();
        self.receivers.retain(|it| !bye.ssrcs.contains(&it.ssrc));
        if self.receivers.len() == before {
            return Goodbye::Stray;
        }
        let is_there = |it: &Receiver| now.saturating_sub(it.heard) < SILENCE;
        if self.receivers.iter().any(is_there) { Goodbye::Fewer } else { Goodbye::Last }
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
        let mut audience = Audience::default();
        assert_eq!(audience.left(second(0), &bye(&[1])), Goodbye::Stray);
        audience.reported(second(0), 1);
        audience.reported(second(1), 2);
        assert_eq!(audience.left(second(1), &bye(&[])), Goodbye::Stray);
        assert_eq!(audience.left(second(1), &bye(&[3])), Goodbye::Stray);
        assert_eq!(audience.left(second(1), &bye(&[3, 1])), Goodbye::Fewer);
        assert_eq!(audience.left(second(1), &bye(&[1])), Goodbye::Stray);
        assert_eq!(audience.left(second(1), &bye(&[2])), Goodbye::Last);
    }

    #[test]
    fn receivers_time_out_and_their_number_is_bounded() {
        let second = Duration::from_secs;
        let mut audience = Audience::default();
        audience.reported(second(0), 1);
        audience.reported(second(30), 2);
        assert_eq!(audience.left(second(31), &bye(&[2])), Goodbye::Last);
        for ssrc in 0..1000 {
            audience.reported(second(40), ssrc);
            audience.reported(second(41), 5000);
        }
        assert_eq!(audience.receivers.len(), MAX_RECEIVERS);
        assert_eq!(audience.left(second(41), &bye(&[5000])), Goodbye::Fewer);
    }
}
