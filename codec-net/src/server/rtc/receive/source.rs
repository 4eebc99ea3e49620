//! Selects which SSRC of a media line is the stream.
//!
//! Senders that ignore the answer may send several: simulcast layers. Mixed into one stream they
//! could not be decoded, so one SSRC is followed as long as it is received. RTX and FEC packets
//! count for the SSRC that they repair.

use std::time::Duration;

/// An SSRC that is silent for this long has ended; another one may replace it, as after a restart
/// of the sender.
const SILENCE: Duration = Duration::from_secs(1);

/// The relation of a packet's SSRC to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belongs {
    /// The current SSRC.
    Followed,
    /// The successor of the current SSRC, with other sequence numbers and timestamps.
    Successor,
    /// Another SSRC at the same time.
    Other,
}

/// The current SSRC.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Source {
    followed: Option<(u32, Duration)>,
}

impl Source {
    /// The current SSRC.
    pub(super) fn ssrc(&self) -> Option<u32> {
        self.followed.map(|(ssrc, _)| ssrc)
    }

    /// Classifies a packet of `ssrc`.
    pub(super) fn hear(&mut self, now: Duration, ssrc: u32) -> Belongs {
        let belongs = match self.followed {
            None => Belongs::Followed,
            Some((followed, _)) if followed == ssrc => Belongs::Followed,
            Some((_, heard)) if now.saturating_sub(heard) >= SILENCE => Belongs::Successor,
            Some(_) => return Belongs::Other,
        };
        self.followed = Some((ssrc, now));
        belongs
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
        let mut source = Source::default();
        assert_eq!(source.ssrc(), None);
        assert_eq!(source.hear(ms(0), 1), Belongs::Followed);
        for at in (30..3000).step_by(30) {
            assert_eq!(source.hear(ms(at), 2), Belongs::Other);
            assert_eq!(source.hear(ms(at + 1), 1), Belongs::Followed);
        }
        assert_eq!(source.hear(ms(3900), 2), Belongs::Other);
        assert_eq!(source.hear(ms(4000), 2), Belongs::Successor);
        assert_eq!(source.hear(ms(4001), 1), Belongs::Other, "it does not flap");
        assert_eq!(source.ssrc(), Some(2));
    }
}
