//! Which of the sources (SSRC) of a media line is the stream.
//!
//! Senders that ignore the answer send several: the layers of simulcast. Mixed into one stream they
//! cannot be decoded, so one of them is followed as long as it is heard. RTX and FEC packets come
//! here as packets of the source that they repair.

use std::time::Duration;

/// A source that was silent for so long has ended: another one is its successor, as after a restart
/// of the sender.
const SILENCE: Duration = Duration::from_secs(1);

/// What a packet's source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belongs {
    /// The source that is followed.
    Followed,
    /// The successor of the source that was followed: it has other sequence numbers and timestamps.
    Successor,
    /// One more source at the same time.
    Other,
}

/// The source that is followed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Source {
    followed: Option<(u32, Duration)>,
}

impl Source {
    /// The SSRC that is followed.
    pub(super) fn ssrc(&self) -> Option<u32> {
        self.followed.map(|(ssrc, _)| ssrc)
    }

    /// A packet of `ssrc` came.
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
