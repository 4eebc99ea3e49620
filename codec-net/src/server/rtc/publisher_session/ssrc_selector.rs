//! Selects which SSRC of a media section carries the stream.
//!
//! Senders that ignore the answer may send several SSRCs, such as one for each simulcast layer. Packets of
//! several SSRCs cannot be decoded as one stream, so one SSRC stays selected as long as it is received. RTX
//! and FEC packets count as packets of the SSRC that they repair.

use std::time::Duration;

/// An SSRC that is silent for this long has ended; another one may replace it, as after a restart
/// of the sender.
const SSRC_TIMEOUT: Duration = Duration::from_secs(1);

/// The relation of a packet's SSRC to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SsrcMatch {
    /// The current SSRC.
    Current,
    /// The successor of the current SSRC, with other sequence numbers and timestamps.
    Successor,
    /// Another SSRC at the same time.
    Other,
}

/// The current SSRC.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SsrcSelector {
    current: Option<(u32, Duration)>,
}

impl SsrcSelector {
    /// The current SSRC.
    pub(super) fn ssrc(&self) -> Option<u32> {
        self.current.map(|(ssrc, _)| ssrc)
    }

    /// Classifies a packet of `ssrc`.
    pub(super) fn classify(&mut self, now: Duration, ssrc: u32) -> SsrcMatch {
        let matched = match self.current {
            None => SsrcMatch::Current,
            Some((current, _)) if current == ssrc => SsrcMatch::Current,
            Some((_, received)) if now.saturating_sub(received) >= SSRC_TIMEOUT => {
                SsrcMatch::Successor
            }
            Some(_) => return SsrcMatch::Other,
        };
        self.current = Some((ssrc, now));
        matched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn one_source_is_followed_until_it_is_silent() {
        let mut source = SsrcSelector::default();
        assert_eq!(source.ssrc(), None);
        assert_eq!(source.classify(ms(0), 1), SsrcMatch::Current);
        for at in (30..3000).step_by(30) {
            assert_eq!(source.classify(ms(at), 2), SsrcMatch::Other);
            assert_eq!(source.classify(ms(at + 1), 1), SsrcMatch::Current);
        }
        assert_eq!(source.classify(ms(3900), 2), SsrcMatch::Other);
        assert_eq!(source.classify(ms(4000), 2), SsrcMatch::Successor);
        assert_eq!(source.classify(ms(4001), 1), SsrcMatch::Other, "it does not flap");
        assert_eq!(source.ssrc(), Some(2));
    }
}
