//! When a publisher is asked for a key frame.

use std::time::Duration;

/// Shortest interval between two requests.
const INTERVAL: Duration = Duration::from_millis(300);
/// When a request that follows a loss is repeated: the link may lose the request, too.
const REPEAT_AFTER: Duration = Duration::from_millis(15);

/// Merges the wishes for key frames, limits the rate of requests, and repeats those on a link with losses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KeyFrameRequests {
    is_wanted: bool,
    /// Packets were lost since the last request.
    is_lossy: bool,
    last: Option<Duration>,
    repetition: Option<Duration>,
}

impl KeyFrameRequests {
    /// Records that a key frame is needed.
    pub(super) fn want(&mut self) {
        self.is_wanted = true;
    }

    /// Records that a key frame is needed because packets were lost.
    pub(super) fn want_after_loss(&mut self) {
        (self.is_wanted, self.is_lossy) = (true, true);
    }

    /// Whether to send a request now; call [`Self::sent`] when it was sent.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.poll_timeout().is_some_and(|at| at <= now)
    }

    /// Records that a request was sent.
    pub(super) fn sent(&mut self, now: Duration) {
        if self.repetition.take_if(|at| *at <= now).is_some() {
            return;
        }
        self.repetition = self.is_lossy.then(|| now.saturating_add(REPEAT_AFTER));
        (self.is_wanted, self.is_lossy, self.last) = (false, false, Some(now));
    }

    /// Time of the next request, if one is needed.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let next = self.last.map_or(Duration::ZERO, |at| at.saturating_add(INTERVAL));
        self.is_wanted.then_some(next).into_iter().chain(self.repetition).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The times at which requests are sent if a key frame is wanted at each of `wishes`.
    fn sent(wishes: &[u64], lossy: bool) -> Vec<u64> {
        let mut requests = KeyFrameRequests::default();
        (0..2000)
            .filter(|&at| {
                match (wishes.contains(&at), lossy) {
                    (true, true) => requests.want_after_loss(),
                    (true, false) => requests.want(),
                    (false, _) => {}
                }
                let is_due = requests.is_due(ms(at));
                if is_due {
                    requests.sent(ms(at));
                }
                is_due
            })
            .collect()
    }

    #[test]
    fn requests_are_merged_and_have_a_least_interval() {
        assert_eq!(sent(&[5, 10, 20, 900], false), [5, 305, 900]);
        assert_eq!(sent(&[], false), [0; 0]);
    }

    #[test]
    fn requests_after_a_loss_are_sent_twice() {
        assert_eq!(sent(&[5, 10, 900], true), [5, 20, 305, 320, 900, 915]);
    }
}
