//! What a publisher is told to send at most.

use std::time::Duration;

use codec_core::codec::Bitrate;

/// How often it is looked at what the publisher is to send at most, and how often it is told the same.
const LIMIT_INTERVAL: Duration = Duration::from_millis(200);
const LIMIT_REPEATED: Duration = Duration::from_secs(1);
/// No publisher is told to send less: audio and the least of video.
const LEAST_LIMIT: Bitrate = Bitrate::kbps(100);
/// What stands for no limit.
const NO_LIMIT: Bitrate = Bitrate::kbps(50_000);

/// The bitrate that the publisher is told to stay below while a lone viewer's link carries less
/// than it sends (REMB, draft-alvestrand-rmcat-remb-03).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SendLimit {
    /// What it was told last, and when.
    told: Option<(Bitrate, Duration)>,
    pub(super) next: Duration,
}

impl SendLimit {
    /// What to tell it now, if something: changes, and now and then the same again, as reports are
    /// lost. `highest`: what it has sent at most.
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
            // Back to no limit: told until it must have come.
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
    fn a_publisher_is_limited_while_its_lone_viewer_needs_it_and_told_when_not() {
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
