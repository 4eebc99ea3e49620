//! Selects the sender that an RTP receiver follows: the SSRCs of one session. Another sender is
//! accepted after the current one has fallen silent; an RTCP BYE of the session ends the command.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use codec_net::udp::SILENCE;

use super::delivery::Medium;

/// An SSRC, and when it was last received.
#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    heard: Duration,
}

impl Source {
    fn is_live(self, now: Duration) -> bool {
        now.saturating_sub(self.heard) < SILENCE
    }
}

/// The relation of a media packet to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// It belongs to the session.
    Session,
    /// It is the first of its medium in the session.
    First,
    /// It starts a new session, because the previous one is silent.
    Restart,
    /// It comes from another sender while the session is live.
    Stranger,
}

/// The SSRCs of the session, and the sender's address.
#[derive(Debug, Default)]
pub(super) struct Sources {
    video: Option<Source>,
    audio: Option<Source>,
    /// The sender's address, and the number of the socket that it sends to.
    pub(super) peer: Option<(SocketAddr, usize)>,
}

impl Sources {
    pub(super) fn video(&self) -> Option<u32> {
        self.video.map(|source| source.ssrc)
    }

    pub(super) fn audio(&self) -> Option<u32> {
        self.audio.map(|source| source.ssrc)
    }

    /// Whether the session was received recently.
    pub(super) fn is_live(&self, now: Duration) -> bool {
        let sources = [self.video, self.audio];
        sources.into_iter().flatten().any(|source| source.is_live(now))
    }

    /// Whether datagrams from `from` are accepted: while the session is live, only datagrams of its
    /// host.
    pub(super) fn listens_to(&self, now: Duration, from: IpAddr) -> bool {
        let is_other = self.peer.is_some_and(|(peer, _)| peer.ip() != from);
        !is_other || !self.is_live(now)
    }

    /// Records that `ssrc` was received, if it belongs to the session.
    pub(super) fn touch(&mut self, now: Duration, ssrc: u32) {
        for source in [&mut self.video, &mut self.audio].into_iter().flatten() {
            if source.ssrc == ssrc {
                source.heard = now;
            }
        }
    }

    /// Classifies a media packet that arrived at socket `to`.
    ///
    /// After [`Relation::Restart`] the packet is the first of the new session.
    pub(super) fn sort(
        &mut self,
        now: Duration,
        medium: Medium,
        ssrc: u32,
        from: SocketAddr,
        to: usize,
    ) -> Relation {
        let is_live = self.is_live(now);
        let known = match medium {
            Medium::Video => self.video,
            Medium::Audio => self.audio,
        };
        let belongs = match known {
            Some(source) if source.ssrc == ssrc => Relation::Session,
            // Another stream of a live medium, or from another host.
            Some(source) if source.is_live(now) => Relation::Stranger,
            _ if is_live && self.peer.is_some_and(|(peer, _)| peer.ip() != from.ip()) => {
                Relation::Stranger
            }
            Some(_) => Relation::Restart,
            None if !is_live && self.peer.is_some() => Relation::Restart,
            None => Relation::First,
        };
        match belongs {
            Relation::Stranger => return belongs,
            Relation::Restart => *self = Self::default(),
            Relation::First | Relation::Session => {}
        }
        let source = Some(Source { ssrc, heard: now });
        match medium {
            Medium::Video => self.video = source,
            Medium::Audio => self.audio = source,
        }
        // Feedback goes to the source of the video.
        if self.peer.is_none()
            || medium == Medium::Video && belongs != Relation::Session
            || !is_live
        {
            self.peer = Some((from, to));
        }
        belongs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn address(host: u8, port: u16) -> SocketAddr {
        ([127, 0, 0, host], port).into()
    }

    #[test]
    fn a_session_is_followed_and_strangers_are_not() {
        let mut sources = Sources::default();
        let (here, there) = (address(1, 5), address(2, 6));
        let mut sort = |now, medium, ssrc, from| sources.sort(seconds(now), medium, ssrc, from, 0);
        assert_eq!(sort(0, Medium::Audio, 7, here), Relation::First);
        assert_eq!(sort(0, Medium::Video, 8, here), Relation::First);
        assert_eq!(sort(1, Medium::Video, 8, here), Relation::Session);
        assert_eq!(sort(2, Medium::Video, 9, here), Relation::Stranger, "the same host, live");
        assert_eq!(sort(3, Medium::Audio, 7, here), Relation::Session);
        // Audio continues: another host cannot add video.
        assert_eq!(sort(5, Medium::Video, 9, there), Relation::Stranger);
        assert_eq!(sort(5, Medium::Video, 9, here), Relation::Restart);
        assert_eq!(sort(5, Medium::Audio, 7, here), Relation::First);
        // Silence, and another host.
        assert_eq!(sort(7, Medium::Video, 3, there), Relation::Stranger);
        assert_eq!(sort(8, Medium::Video, 3, there), Relation::Restart);
        assert_eq!(sort(8, Medium::Video, 9, here), Relation::Stranger);
        assert_eq!(sources.peer, Some((there, 0)));
        assert_eq!((sources.video(), sources.audio()), (Some(3), None));
    }

    #[test]
    fn reports_keep_a_paused_sender_alive() {
        let mut sources = Sources::default();
        let (here, there) = (address(1, 5), address(2, 6));
        assert_eq!(sources.sort(seconds(0), Medium::Video, 8, here, 0), Relation::First);
        sources.touch(seconds(2), 8);
        sources.touch(seconds(9), 77);
        assert!(!sources.listens_to(seconds(4), there.ip()));
        assert!(sources.listens_to(seconds(4), here.ip()));
        assert!(sources.listens_to(seconds(5), there.ip()));
    }
}
