//! The bitrate limit sent to a publisher.

use std::time::Duration;

use codec_core::codec::Bitrate;

/// Interval at which the limit is evaluated.
const EVALUATION_INTERVAL: Duration = Duration::from_millis(200);
/// Interval at which an unchanged limit is repeated.
const REPEAT_INTERVAL: Duration = Duration::from_secs(1);
/// Lowest limit: audio and the minimum of video.
const MIN_LIMIT: Bitrate = Bitrate::kbps(100);
/// The value that means no limit.
const NO_LIMIT: Bitrate = Bitrate::kbps(50_000);

/// The bitrate limit of a publisher while a sole viewer's link carries less than it sends (REMB,
/// draft-alvestrand-rmcat-remb-03).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BitrateLimit {
    /// The last limit sent, and its time.
    sent: Option<(Bitrate, Duration)>,
    pub(super) next: Duration,
}

impl BitrateLimit {
    /// Returns the limit to send now, if any: a change, or a repetition, because reports may be
    /// lost. `peak_bitrate` is the maximum bitrate that the publisher has sent.
    pub(super) fn poll(
        &mut self,
        now: Duration,
        budget: Option<Bitrate>,
        peak_bitrate: Bitrate,
    ) -> Option<Bitrate> {
        if now < self.next {
            return None;
        }
        self.next = now.saturating_add(EVALUATION_INTERVAL);
        let limit = budget.filter(|limit| limit.0 < peak_bitrate.0 / 4 * 5);
        let (limit, sent) = match (limit, self.sent) {
            (Some(limit), sent) => (limit.max(MIN_LIMIT), sent),
            // No limit any more: repeat until it has probably arrived.
            (None, Some((sent, at))) => {
                if sent == NO_LIMIT && now.saturating_sub(at) >= REPEAT_INTERVAL {
                    self.sent = None;
                    return Some(NO_LIMIT);
                }
                (NO_LIMIT, self.sent)
            }
            (None, None) => return None,
        };
        let is_due = sent.is_none_or(|(sent, at)| {
            limit.0.abs_diff(sent.0) > sent.0 / 20 || now.saturating_sub(at) >= REPEAT_INTERVAL
        });
        if is_due {
            self.sent = Some((limit, now));
        }
        is_due.then_some(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_is_limited_only_while_its_sole_viewer_needs_it() {
        let mut limit = BitrateLimit::default();
        let kbps = Bitrate::kbps;
        let mut sent = Vec::new();
        for step in 0..100_u64 {
            let now = Duration::from_millis(100 * step);
            let budget = match step {
                0..20 => Some(kbps(2500)),
                20..60 => Some(kbps(300 + step % 3)),
                _ => None,
            };
            sent.extend(limit.poll(now, budget, kbps(1500)).map(|limit| limit.0 / 10_000));
        }
        assert_eq!(sent, [30, 30, 30, 30, 5000, 5000]);
        assert_eq!(
            BitrateLimit::default().poll(Duration::ZERO, Some(kbps(10)), kbps(900)),
            Some(kbps(100))
        );
    }
}
