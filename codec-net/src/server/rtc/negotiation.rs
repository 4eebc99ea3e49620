//! Which media of an offer the server accepts, and which offers it rejects entirely.

use codec_webrtc::{Codecs, Kind, OfferedSection, Peer, PeerLimits};

use super::super::limits::Limits;
use super::super::outcome::Rejection;

/// Supported codecs.
pub(super) fn codecs() -> Codecs {
    Codecs { pcmu: false, pcma: false, ..Codecs::default() }
}

/// Limits of a call: a stream has one audio line and one video line.
pub(super) fn peer_limits(limits: &Limits) -> PeerLimits {
    PeerLimits {
        sdp_bytes: limits.sdp_bytes,
        handshake: limits.handshake_timeout,
        sections_per_kind: 1,
        ..PeerLimits::default()
    }
}

/// Lines of audio and video of an offer.
pub(in super::super) struct Offer(Vec<OfferedSection>);

impl Offer {
    /// Checks that an offer can be parsed.
    ///
    /// # Errors
    ///
    /// [`Rejection::BadRequest`].
    pub(in super::super) fn check_syntax(offer: &str, limits: &Limits) -> Result<(), Rejection> {
        let checked = Peer::check_offer(offer, codecs(), &peer_limits(limits));
        checked.map_err(|error| Rejection::BadRequest(error.to_string()))
    }

    /// Reads the media lines.
    pub(in super::super) fn read(offer: &str, limits: &Limits) -> Self {
        Self(OfferedSection::read(offer, codecs(), &peer_limits(limits)))
    }

    /// Whether the answer accepts a line of this kind.
    pub(in super::super) fn takes(&self, kind: Kind) -> bool {
        self.0.iter().any(|line| line.kind == kind && line.is_accepted)
    }

    /// Whether there are lines of this kind, but the server accepts no line.
    fn lacks(&self, kind: Kind) -> bool {
        !self.takes(kind) && self.0.iter().any(|it| it.kind == kind && !it.codecs.is_empty())
    }

    fn rejection(&self, kind: Kind) -> Rejection {
        let lines = self.0.iter().filter(|line| line.kind == kind);
        let offered: Vec<&str> = lines.flat_map(|line| &line.codecs).map(String::as_str).collect();
        let (what, taken) = match kind {
            Kind::Audio => ("audio", Codecs { vp8: false, ..codecs() }),
            Kind::Video => ("video", Codecs { opus: false, ..codecs() }),
        };
        Rejection::NoSupportedCodec(what, offered.join(", "), taken.names().join(", "))
    }

    /// Checks that a publisher's video is accepted, or its audio if there is no video.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoSupportedCodec`].
    pub(in super::super) fn check_publisher(&self) -> Result<(), Rejection> {
        if self.lacks(Kind::Video) {
            return Err(self.rejection(Kind::Video));
        }
        if !self.takes(Kind::Video) && self.lacks(Kind::Audio) {
            return Err(self.rejection(Kind::Audio));
        }
        Ok(())
    }

    /// Checks that a viewer accepts some medium of the stream.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoSupportedCodec`].
    pub(in super::super) fn check_viewer(
        &self,
        has_video: bool,
        has_audio: bool,
    ) -> Result<(), Rejection> {
        let has_any = self.takes(Kind::Video) && has_video || self.takes(Kind::Audio) && has_audio;
        for (kind, is_there) in [(Kind::Video, has_video), (Kind::Audio, has_audio)] {
            if !has_any && is_there && self.lacks(kind) {
                return Err(self.rejection(kind));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: Kind, codec: &str, is_taken: bool) -> OfferedSection {
        OfferedSection { kind, codecs: vec![codec.to_owned()], is_accepted: is_taken }
    }

    #[test]
    fn usable_lines_decide() {
        let (h264, vp8) = (line(Kind::Video, "H264", false), line(Kind::Video, "VP8", true));
        let (aac, opus) = (line(Kind::Audio, "MP4A", false), line(Kind::Audio, "opus", true));
        let publisher = |lines: &[&OfferedSection]| {
            let offer = Offer(lines.iter().map(|line| (*line).clone()).collect());
            offer.check_publisher().map_err(|rejection| rejection.to_string())
        };
        assert_eq!(publisher(&[&vp8, &aac]), Ok(()));
        assert_eq!(publisher(&[&opus]), Ok(()));
        assert_eq!(publisher(&[&vp8, &h264]), Ok(()));
        let text = publisher(&[&opus, &h264]).unwrap_err();
        assert!(text.contains("got H264; expected one of VP8"), "{text}");
        let text = publisher(&[&aac]).unwrap_err();
        assert!(text.contains("got MP4A; expected one of Opus"), "{text}");
        let viewer = |lines: &[&OfferedSection], video, audio| {
            let offer = Offer(lines.iter().map(|line| (*line).clone()).collect());
            offer.check_viewer(video, audio).is_ok()
        };
        assert!(viewer(&[&opus, &h264], true, true), "audio only");
        assert!(!viewer(&[&opus, &h264], true, false));
        assert!(!viewer(&[&h264], true, true));
        assert!(viewer(&[&vp8], true, false));
    }
}
