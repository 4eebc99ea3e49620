//! Who receives: the sources that report on what is sent, until they say goodbye.

use std::time::Duration;

use crate::rtcp::Bye;

/// Receivers that are remembered; a new one takes the place of the one that was silent longest.
const MAX_RECEIVERS: usize = 16;

/// A receiver that is silent for so long is held to be gone without a goodbye (RFC 3550, section
/// 6.3.5: five intervals, which are 5 s at least).
const SILENCE: Duration = Duration::from_secs(25);

/// A source that reports.
#[derive(Clone, Copy, Debug)]
struct Receiver {
    ssrc: u32,
    heard: Duration,
}

/// The receivers of a sender that does not know them by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Audience {
    receivers: Vec<Receiver>,
}

/// What a goodbye means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goodbye {
    /// It names none that has reported.
    Stray,
    /// Others stay.
    Fewer,
    /// Nobody is left.
    Last,
}

impl Audience {
    /// `ssrc` has sent a report, or feedback.
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

    /// Somebody says goodbye (RFC 3550, section 6.6).
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
    fn the_last_that_reported_ends_it() {
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
    fn the_silent_are_gone_and_the_list_is_bounded() {
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
