//! The bitrate limit sent to a publisher.

use std::time::Duration;

use codec_core::codec::Bitrate;

/// Interval at which the limit is evaluated, and at which an unchanged limit is repeated.
const LIMIT_INTERVAL: Duration = Duration::from_millis(200);
const LIMIT_REPEATED: Duration = Duration::from_secs(1);
/// Lowest limit: audio and the minimum of video.
const LEAST_LIMIT: Bitrate = Bitrate::kbps(100);
/// The value that means no limit.
const NO_LIMIT: Bitrate = Bitrate::kbps(50_000);

/// The bitrate limit of a publisher while a sole viewer's link carries less than it sends (REMB,
/// draft-alvestrand-rmcat-remb-03).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SendLimit {
    /// The last limit sent, and its time.
    told: Option<(Bitrate, Duration)>,
    pub(super) next: Duration,
}

impl SendLimit {
    /// Returns the limit to send now, if any: a change, or a repetition, because reports may be
    /// lost. `highest`: the maximum bitrate that the publisher has sent.
    pub(super) fn poll(
        &mut self,
        now: Duration,
        budget: Option<Bitrate>,
        highest: Bitrate,
    ) -> Option<Bitrate> {
        if now < self.next {
            return None;
        }
        self.next = now.saturating_add(LIMIT_INTERVAL);
        let limit = budget.filter(|limit| limit.0 < highest.0 / 4 * 5);
        let (limit, told) = match (limit, self.told) {
            (Some(limit), told) => (limit.max(LEAST_LIMIT), told),
            // No limit any more: repeat until it has probably arrived.
            (None, Some((told, at))) => {
                if told == NO_LIMIT && now.saturating_sub(at) >= LIMIT_REPEATED {
                    self.told = None;
                    return Some(NO_LIMIT);
                }
                (NO_LIMIT, self.told)
            }
            (None, None) => return None,
        };
        let is_due = told.is_none_or(|(told, at)| {
            limit.0.abs_diff(told.0) > told.0 / 20 || now.saturating_sub(at) >= LIMIT_REPEATED
        });
        if is_due {
            self.told = Some((limit, now));
        }
        is_due.then_some(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_is_limited_only_while_its_sole_viewer_needs_it() {
        let mut limit = SendLimit::default();
        let kbps = Bitrate::kbps;
        let mut told = Vec::new();
        for step in 0..100_u64 {
            let now = Duration::from_millis(100 * step);
            let budget = match step {
                0..20 => Some(kbps(2500)),
                20..60 => Some(kbps(300 + step % 3)),
                _ => None,
            };
            told.extend(limit.poll(now, budget, kbps(1500)).map(|limit| limit.0 / 10_000));
        }
        assert_eq!(told, [30, 30, 30, 30, 5000, 5000]);
        assert_eq!(
            SendLimit::default().poll(Duration::ZERO, Some(kbps(10)), kbps(900)),
            Some(kbps(100))
        );
    }
}
