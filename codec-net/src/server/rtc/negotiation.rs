//! Selects the media of an offer that the server accepts, or rejects the whole offer.

use codec_rtc::packet::VideoFormat;
use codec_webrtc::{Codecs, H264Profiles, Kind, OfferedSection, Peer, PeerLimits};

use super::super::limits::Limits;
use super::super::media::{VideoCodec, VideoCodecs};
use super::super::outcome::Rejection;

/// The codecs of calls on a server.
pub(super) fn codecs(video: VideoCodecs) -> Codecs {
    let has_h264 = video.contains(VideoFormat::H264);
    Codecs {
        vp8: video.contains(VideoFormat::Vp8),
        h264: if has_h264 { H264Profiles::ALL } else { H264Profiles::NONE },
        vp9: video.contains(VideoFormat::Vp9),
        preferred_video: video.iter().next().unwrap_or_default(),
        pcmu: false,
        pcma: false,
        ..Codecs::default()
    }
}

/// The codecs of the answer to a publisher: one for the video, so that all its viewers know it.
pub(super) fn for_publisher(video: VideoCodecs, chosen: Option<VideoCodec>) -> Codecs {
    let all = codecs(video);
    match chosen {
        None => all,
        Some(VideoCodec::Vp8) => Codecs { h264: H264Profiles::NONE, vp9: false, ..all },
        Some(VideoCodec::H264(profile)) => {
            Codecs { vp8: false, h264: H264Profiles::only(profile), vp9: false, ..all }
        }
        Some(VideoCodec::Vp9) => Codecs { vp8: false, h264: H264Profiles::NONE, ..all },
    }
}

/// The codecs of the answer to a viewer: all of them, the codec of the stream first.
pub(super) fn for_viewer(video: VideoCodecs, stream: Option<VideoCodec>) -> Codecs {
    let all = codecs(video);
    let preferred_video = stream.map_or(all.preferred_video, VideoCodec::format);
    Codecs { opus_red: true, preferred_video, ..all }
}

/// Whether a client announces addresses for connectivity checks, now or later (trickle ICE). Others,
/// such as ffmpeg, only check the server's addresses, and do not answer checks as RFC 8445 requires:
/// the server acts as a lite agent for them.
pub(super) fn can_be_checked(offer: &str) -> bool {
    offer.lines().any(|line| {
        let options = line.strip_prefix("a=ice-options:").unwrap_or_default();
        line.starts_with("a=candidate:")
            || options.split_ascii_whitespace().any(|it| it == "trickle")
    })
}

/// The codecs of the answer to a member of a conference: packets are forwarded as they are.
pub(super) fn for_member(video: VideoCodecs) -> Codecs {
    Codecs { ulpfec: false, ..codecs(video) }
}

/// Limits of a call: a stream has one audio line and one video line.
pub(super) fn peer_limits(limits: &Limits) -> PeerLimits {
    PeerLimits { sections_per_kind: 1, ..member_limits(limits) }
}

/// Limits of the call of a member of a conference.
pub(super) fn member_limits(limits: &Limits) -> PeerLimits {
    PeerLimits {
        sdp_bytes: limits.sdp_bytes,
        handshake: limits.handshake_timeout,
        ..PeerLimits::default()
    }
}

/// Lines of audio and video of an offer, and the server's codecs.
pub(in super::super) struct Offer(Vec<OfferedSection>, VideoCodecs);

impl Offer {
    /// Checks that an offer can be parsed.
    ///
    /// # Errors
    ///
    /// [`Rejection::BadRequest`].
    pub(in super::super) fn check_syntax(
        offer: &str,
        video: VideoCodecs,
        limits: &Limits,
    ) -> Result<(), Rejection> {
        let checked = Peer::check_offer(offer, codecs(video), &peer_limits(limits));
        checked.map_err(|error| Rejection::BadRequest(error.to_string()))
    }

    /// Reads the media lines.
    pub(in super::super) fn read(offer: &str, video: VideoCodecs, limits: &Limits) -> Self {
        Self(OfferedSection::read(offer, codecs(video), &peer_limits(limits)), video)
    }

    /// The accepted line of video.
    fn video(&self) -> Option<&OfferedSection> {
        self.0.iter().find(|line| line.kind == Kind::Video && line.is_accepted)
    }

    /// The codec for a publisher's video: `current`, which the viewers of a stream receive, if it is
    /// offered; otherwise by the server's preference, and of H.264 the profile that most decoders
    /// support.
    pub(in super::super) fn choose_video(&self, current: Option<VideoCodec>) -> Option<VideoCodec> {
        let line = self.video()?;
        let of = |format| match format {
            VideoFormat::Vp8 => has_codec(line, "VP8").then_some(VideoCodec::Vp8),
            VideoFormat::H264 => {
                let offered = H264Profiles::ALL.iter().find(|it| line.h264.contains(it));
                offered.map(VideoCodec::H264)
            }
            VideoFormat::Vp9 => has_codec(line, "VP9").then_some(VideoCodec::Vp9),
        };
        let is_offered = |codec: &VideoCodec| match codec {
            VideoCodec::Vp8 => has_codec(line, "VP8"),
            VideoCodec::H264(profile) => line.h264.contains(profile),
            VideoCodec::Vp9 => has_codec(line, "VP9"),
        };
        let current = current.filter(|codec| self.1.contains(codec.format()));
        let same_format = current.and_then(|codec| of(codec.format()));
        let usual = || self.1.iter().find_map(of);
        current.filter(is_offered).or(same_format).or_else(usual)
    }

    /// Whether a viewer can receive video of a codec.
    fn takes_video(&self, codec: VideoCodec) -> bool {
        self.video().is_some_and(|line| match codec {
            VideoCodec::Vp8 => has_codec(line, "VP8"),
            VideoCodec::H264(profile) => line.h264.iter().any(|it| it.decodes(profile)),
            VideoCodec::Vp9 => has_codec(line, "VP9"),
        })
    }

    /// Whether the answer accepts a line of this kind.
    pub(in super::super) fn takes(&self, kind: Kind) -> bool {
        self.0.iter().any(|line| line.kind == kind && line.is_accepted)
    }

    /// Whether there are lines of this kind with codecs, but the server accepts none of them.
    fn lacks(&self, kind: Kind) -> bool {
        !self.takes(kind) && self.0.iter().any(|it| it.kind == kind && !it.codecs.is_empty())
    }

    fn rejection(&self, kind: Kind, taken: &str) -> Rejection {
        let lines = self.0.iter().filter(|line| line.kind == kind);
        let offered: Vec<&str> = lines.flat_map(|line| &line.codecs).map(String::as_str).collect();
        let what = match kind {
            Kind::Audio => "audio",
            Kind::Video => "video",
        };
        Rejection::NoSupportedCodec(what, offered.join(", "), taken.to_owned())
    }

    /// Checks that a publisher's video is accepted, or its audio if there is no video.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoSupportedCodec`].
    pub(in super::super) fn check_publisher(&self) -> Result<(), Rejection> {
        if self.lacks(Kind::Video) {
            let taken = Codecs { opus: false, ..codecs(self.1) };
            return Err(self.rejection(Kind::Video, &taken.names().join(", ")));
        }
        if !self.takes(Kind::Video) && self.lacks(Kind::Audio) {
            return Err(self.rejection(Kind::Audio, "Opus"));
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
        video: Option<VideoCodec>,
        has_audio: bool,
    ) -> Result<(), Rejection> {
        let has_any = video.is_some_and(|codec| self.takes_video(codec))
            || self.takes(Kind::Audio) && has_audio;
        if has_any {
            return Ok(());
        }
        let offers = |kind| self.0.iter().any(|it| it.kind == kind && !it.codecs.is_empty());
        if let Some(codec) = video.filter(|_| offers(Kind::Video)) {
            return Err(self.rejection(Kind::Video, &format!("{codec}, as published")));
        }
        if has_audio && self.lacks(Kind::Audio) {
            return Err(self.rejection(Kind::Audio, "Opus"));
        }
        Ok(())
    }
}

fn has_codec(line: &OfferedSection, codec: &str) -> bool {
    line.codecs.iter().any(|name| name.eq_ignore_ascii_case(codec))
}

#[cfg(test)]
mod tests {
    use super::*;

    use codec_rtc::packet::h264::Profile;

    const BOTH: VideoCodecs = VideoCodecs::new(VideoFormat::Vp8, VideoFormat::H264);

    fn line(kind: Kind, codec: &str, is_taken: bool) -> OfferedSection {
        let codecs = vec![codec.to_owned()];
        OfferedSection { kind, codecs, h264: Vec::new(), is_accepted: is_taken }
    }

    fn h264(profiles: &[Profile]) -> OfferedSection {
        OfferedSection { h264: profiles.to_vec(), ..line(Kind::Video, "H264", true) }
    }

    #[test]
    fn usable_lines_decide() {
        let (av1, vp8) = (line(Kind::Video, "AV1", false), line(Kind::Video, "VP8", true));
        let (aac, opus) = (line(Kind::Audio, "MP4A", false), line(Kind::Audio, "opus", true));
        let publisher = |lines: &[&OfferedSection]| {
            let offer = Offer(lines.iter().map(|line| (*line).clone()).collect(), BOTH);
            offer.check_publisher().map_err(|rejection| rejection.to_string())
        };
        assert_eq!(publisher(&[&vp8, &aac]), Ok(()));
        assert_eq!(publisher(&[&opus]), Ok(()));
        assert_eq!(publisher(&[&vp8, &av1]), Ok(()));
        let text = publisher(&[&opus, &av1]).unwrap_err();
        assert!(text.contains("got AV1; expected one of VP8, H264"), "{text}");
        let text = publisher(&[&aac]).unwrap_err();
        assert!(text.contains("got MP4A; expected one of Opus"), "{text}");
        let viewer = |lines: &[&OfferedSection], video: bool, audio| {
            let offer = Offer(lines.iter().map(|line| (*line).clone()).collect(), BOTH);
            offer.check_viewer(video.then_some(VideoCodec::Vp8), audio).is_ok()
        };
        assert!(viewer(&[&opus, &av1], true, true), "audio only");
        assert!(!viewer(&[&opus, &av1], true, false));
        assert!(!viewer(&[&av1], true, true));
        assert!(viewer(&[&vp8], true, false));
    }

    #[test]
    fn codec_of_a_publisher_follows_the_viewers_and_the_preference() {
        let both = OfferedSection {
            codecs: vec!["VP8".to_owned(), "H264".to_owned()],
            ..h264(&[Profile::High, Profile::ConstrainedBaseline])
        };
        let choose = |line: &OfferedSection, codecs, current| {
            Offer(vec![line.clone()], codecs).choose_video(current)
        };
        let low = VideoCodec::H264(Profile::ConstrainedBaseline);
        let high = VideoCodec::H264(Profile::High);
        assert_eq!(choose(&both, BOTH, None), Some(VideoCodec::Vp8));
        let h264_first = VideoCodecs::new(VideoFormat::H264, VideoFormat::Vp8);
        assert_eq!(choose(&both, h264_first, None), Some(low));
        assert_eq!(choose(&both, BOTH, Some(high)), Some(high));
        let main = VideoCodec::H264(Profile::Main);
        assert_eq!(choose(&both, BOTH, Some(main)), Some(low), "at least the same codec");
        assert_eq!(choose(&h264(&[Profile::High]), BOTH, Some(VideoCodec::Vp8)), Some(high));
        assert_eq!(choose(&line(Kind::Video, "AV1", false), BOTH, None), None);
    }

    #[test]
    fn clients_without_candidates_are_not_checked() {
        assert!(can_be_checked("v=0\r\na=ice-options:ice2 trickle\r\n"));
        assert!(can_be_checked("a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n"));
        assert!(!can_be_checked("v=0\r\na=ice-ufrag:abcd\r\na=ice-options:ice2\r\n"));
    }

    #[test]
    fn viewers_are_told_which_codec_is_published() {
        let viewer = |line: OfferedSection, video, audio| {
            let offer = Offer(vec![line], BOTH);
            offer.check_viewer(Some(video), audio).map_err(|rejection| rejection.to_string())
        };
        let main = VideoCodec::H264(Profile::Main);
        let text = viewer(line(Kind::Video, "VP8", true), main, true).unwrap_err();
        assert_eq!(
            text,
            "no supported video codec: got VP8; expected one of H.264 Main, as published"
        );
        let text = viewer(h264(&[Profile::ConstrainedBaseline]), main, false).unwrap_err();
        assert!(text.contains("H.264 Main, as published"), "{text}");
        assert_eq!(viewer(h264(&[Profile::High]), main, false), Ok(()));
        let text = viewer(h264(&[Profile::High]), VideoCodec::Vp8, false).unwrap_err();
        assert!(text.contains("got H264; expected one of VP8, as published"), "{text}");
    }
}
