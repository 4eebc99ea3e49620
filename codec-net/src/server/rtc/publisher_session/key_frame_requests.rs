//! Decides when to request a key frame from a publisher.

use std::time::Duration;

use codec_rtc::recovery::KeyFrameRequester;

/// Shortest interval between two requests.
const INTERVAL: Duration = Duration::from_millis(300);
/// When a request that follows a loss is repeated: the link may lose the request, too.
const REPEAT_AFTER: Duration = Duration::from_millis(15);

/// Merges the reasons for key frames, limits the rate of requests, and repeats requests on a link with losses.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyFrameRequests {
    requester: KeyFrameRequester,
    /// Packets were lost since the last request.
    is_lossy: bool,
    repetition: Option<Duration>,
}

impl KeyFrameRequests {
    pub(super) fn new() -> Self {
        let requester = KeyFrameRequester::new(INTERVAL);
        Self { requester, is_lossy: false, repetition: None }
    }

    /// Records that a key frame is needed.
    pub(super) fn need(&mut self) {
        self.requester.set_needed(true);
    }

    /// Records that a key frame is needed because packets were lost.
    pub(super) fn need_after_loss(&mut self) {
        self.need();
        self.is_lossy = true;
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
        self.is_lossy = false;
        self.requester.poll(now);
        self.requester.set_needed(false);
    }

    /// Time of the next request, if one is needed.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.requester.poll_timeout().into_iter().chain(self.repetition).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The times at which requests are sent if a key frame is needed at each of `times`.
    fn sent(times: &[u64], lossy: bool) -> Vec<u64> {
        let mut requests = KeyFrameRequests::new();
        (0..2000)
            .filter(|&at| {
                match (times.contains(&at), lossy) {
                    (true, true) => requests.need_after_loss(),
                    (true, false) => requests.need(),
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
