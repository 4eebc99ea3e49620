//! Selects which media sections of an offer are accepted, and rejects the others in the answer (RFC 3264, section 6;
//! RFC 8829, section 5.3.1). A rejected section has port 0 and the formats of the offer.
//!
//! str0m never sees rejected sections, because it would answer them without formats, which other
//! endpoints cannot parse. Unless the configuration accepts simulcast, str0m does not see the
//! simulcast attributes either, so the answer has none, and the sender sends only its first layer (RFC
//! 8853, section 5.3.2).

use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::h264::{PacketizationMode, Profile};

use super::formats::{encoding, kind_of};
use super::red::sections;
use super::{Codecs, Kind, PeerLimits, SdpError};
use super::{h264, vp9};

/// Prefix of the session line that lists the bundled media sections (RFC 9143).
const BUNDLE: &str = "a=group:BUNDLE ";
/// Transport attributes, which bundled sections may omit if the first one has them (RFC 9143,
/// section 7.1.3).
const TRANSPORT: [&str; 5] =
    ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:", "a=ice-options:"];
/// URIs of the header extensions that mark simulcast layers (RFC 8852).
const RID_EXTENSIONS: [&str; 2] = [
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
];

/// An audio or video section of an offer, and whether it is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedSection {
    /// Audio or video.
    pub kind: Kind,
    /// Codec names in the order of the offer, without RTX, RED and FEC. If H.264 is enabled, an
    /// H.264 payload type with unsupported parameters is listed with these parameters.
    pub codecs: Vec<String>,
    /// Profiles of H.264 that are offered in packetization mode 1, in the order of the offer.
    pub h264: Vec<Profile>,
    /// Whether the answer accepts it. `false` if it is disabled in the offer, has no supported
    /// codec, or exceeds the limit.
    pub is_accepted: bool,
}

impl OfferedSection {
    /// Returns the audio and video sections of an offer.
    #[must_use]
    pub fn read(offer: &str, codecs: Codecs, limits: &PeerLimits) -> Vec<Self> {
        let sections = sections(offer);
        judge(&sections, codecs, limits).into_iter().flatten().collect()
    }
}

/// Rejected sections of an offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rejected {
    /// Index among the media sections of the offer, and the section of the answer.
    lines: Vec<(usize, Vec<String>)>,
}

/// Returns the offer as passed to str0m, and the rejected sections. `simulcast`: whether str0m accepts
/// several layers of a section. `known`: MIDs of the sections that str0m has, which stay if they are stopped.
///
/// # Errors
/// Returns [`SdpError::NoCommonCodec`] if there are audio or video sections, but none has a
/// supported codec.
pub(super) fn take(
    offer: &str,
    codecs: Codecs,
    limits: &PeerLimits,
    simulcast: bool,
    known: &[&str],
) -> Result<(String, Rejected), SdpError> {
    let sections = sections(offer);
    let bundled = bundled(&sections);
    let mut lines = judge(&sections, codecs, limits);
    for (section, line) in sections.iter().zip(&mut lines) {
        let is_known = mid_of(section).is_some_and(|mid| known.contains(&mid));
        if is_known && is_rejected(section, &bundled) {
            *line = None;
        }
    }
    let media: Vec<&OfferedSection> = lines.iter().flatten().collect();
    let offered = media.iter().flat_map(|line| line.codecs.clone());
    if media.iter().any(|line| !line.codecs.is_empty())
        && !media.iter().any(|line| line.is_accepted)
    {
        let offered = offered.collect();
        return Err(SdpError::NoCommonCodec { offered, supported: codecs.names() });
    }
    let mut rejected = Rejected::default();
    let mut kept: Vec<Vec<&str>> = Vec::new();
    for (at, (section, line)) in sections.iter().zip(&lines).enumerate() {
        if line.as_ref().is_some_and(|line| !line.is_accepted) {
            // The part before the first media section is not counted.
            rejected.lines.push((at - 1, rejection(section)));
        } else {
            let keeps = |line: &&str| simulcast || !is_simulcast(line);
            kept.push(section.iter().copied().filter(keeps).collect());
        }
    }
    let bundle = bundle_without(&sections, &lines);
    if let (Some(bundle), Some(session)) = (&bundle, kept.first_mut()) {
        for line in session.iter_mut().filter(|line| line.starts_with(BUNDLE)) {
            *line = bundle;
        }
    }
    move_transport(&sections, &mut kept);
    Ok((joined(kept.iter().flatten().copied()), rejected))
}

/// The bundle of an offer without the rejected sections, since str0m requires it to list exactly
/// the sections that it sees. `None` without a bundle.
fn bundle_without(sections: &[Vec<&str>], lines: &[Option<OfferedSection>]) -> Option<String> {
    let mids = sections.first()?.iter().find_map(|line| line.strip_prefix(BUNDLE))?;
    let rejected = sections
        .iter()
        .zip(lines)
        .filter(|(_, line)| line.as_ref().is_some_and(|line| !line.is_accepted));
    let rejected: Vec<&str> = rejected.filter_map(|(section, _)| mid_of(section)).collect();
    let left = mids.split_ascii_whitespace().filter(|mid| !rejected.contains(mid));
    Some(format!("{BUNDLE}{}", left.collect::<Vec<_>>().join(" ")))
}

/// MIDs of the bundle of an SDP.
pub(super) fn bundled<'a>(sections: &[Vec<&'a str>]) -> Vec<&'a str> {
    let session = sections.first().into_iter().flatten();
    let mids = session.filter_map(|line| line.strip_prefix(BUNDLE)).take(1);
    mids.flat_map(str::split_ascii_whitespace).collect()
}

/// Whether a media section is rejected or stopped: port 0. Sections of the bundle may have port 0 and be active (RFC
/// 9143, section 6).
pub(super) fn is_rejected(section: &[&str], bundled: &[&str]) -> bool {
    let port = section.first().and_then(|line| line.split_ascii_whitespace().nth(1));
    port == Some("0") && mid_of(section).is_none_or(|mid| !bundled.contains(&mid))
}

/// MID of a media section (RFC 5888, section 4).
pub(super) fn mid_of<'a>(section: &[&'a str]) -> Option<&'a str> {
    section.iter().find_map(|line| line.strip_prefix("a=mid:")).map(str::trim)
}

impl Rejected {
    /// Number of rejected sections.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether no section is rejected.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Inserts the rejected sections into the answer of str0m.
    pub(super) fn insert(&self, answer: &str) -> String {
        let mut sections: Vec<Vec<String>> = sections(answer)
            .into_iter()
            .map(|section| section.into_iter().map(str::to_owned).collect())
            .collect();
        let transport = |section: &Vec<String>| -> Vec<String> {
            let of_transport = |line: &&String| TRANSPORT.iter().any(|name| line.starts_with(name));
            section.iter().filter(of_transport).cloned().collect()
        };
        // Some implementations require them in every section.
        let transport = sections.get(1).map(transport).unwrap_or_default();
        for (at, lines) in &self.lines {
            let section = lines.iter().chain(&transport).cloned().collect();
            sections.insert((at + 1).min(sections.len()), section);
        }
        joined(sections.iter().flatten().map(String::as_str))
    }
}

/// Evaluates each section; `None` for those other than audio and video.
fn judge(
    sections: &[Vec<&str>],
    codecs: Codecs,
    limits: &PeerLimits,
) -> Vec<Option<OfferedSection>> {
    let bundled = bundled(sections);
    let (mut audio, mut video) = (0, 0);
    let judged = sections.iter().map(|section| {
        let kind = kind_of(section)?;
        let taken = if kind == Kind::Audio { &mut audio } else { &mut video };
        let fields = section.first()?.split_ascii_whitespace();
        let offered: Vec<(&str, &str)> =
            fields.skip(3).filter_map(|pt| Some((pt, encoding(section, pt)?))).collect();
        let is_live = !is_rejected(section, &bundled);
        let is_known = offered.iter().any(|(pt, encoding)| codecs.has(kind, section, pt, encoding));
        let is_taken = is_live && is_known && *taken < limits.sections_per_kind;
        *taken += usize::from(is_taken);
        let name = |(pt, encoding): &(&str, &str)| codecs.name(section, pt, encoding);
        let mut names: Vec<String> = offered.iter().map(name).collect();
        names.retain(|name| !is_helper(name));
        let mut seen = Vec::new();
        names.retain(|name| {
            let is_new = !seen.contains(name);
            seen.push(name.clone());
            is_new
        });
        Some(OfferedSection { kind, codecs: names, h264: profiles(section), is_accepted: is_taken })
    });
    judged.collect()
}

/// Profiles of H.264 in packetization mode 1.
fn profiles(section: &[&str]) -> Vec<Profile> {
    let mut found = Vec::new();
    for parameters in h264::parameters(section) {
        let profile = parameters.profile_level_id.profile;
        if parameters.packetization_mode == PacketizationMode::NonInterleaved
            && !found.contains(&profile)
        {
            found.push(profile);
        }
    }
    found
}

/// Whether a format is not a codec by itself.
fn is_helper(name: &str) -> bool {
    let helpers = ["rtx", "red", "ulpfec", "flexfec-03", "flexfec", "telephone-event", "CN"];
    helpers.iter().any(|helper| name.eq_ignore_ascii_case(helper))
}

impl Codecs {
    /// Whether the encoding of a payload type is enabled.
    pub(super) fn has(
        self,
        kind: Kind,
        section: &[&str],
        payload_type: &str,
        encoding: &str,
    ) -> bool {
        if kind == Kind::Video && h264::is_h264(encoding) {
            return self.has_h264(section, payload_type);
        }
        if kind == Kind::Video && vp9::is_vp9(encoding) {
            return self.vp9 && vp9::has_profile_0(section, payload_type);
        }
        let known = match kind {
            Kind::Video => vec![(self.vp8, "VP8/90000")],
            Kind::Audio => vec![
                (self.opus, "opus/48000/2"),
                (self.pcmu, "PCMU/8000"),
                (self.pcma, "PCMA/8000"),
            ],
        };
        let encoding = encoding.strip_suffix("/1").unwrap_or(encoding);
        known.iter().any(|(on, name)| *on && name.eq_ignore_ascii_case(encoding))
    }

    fn has_h264(self, section: &[&str], payload_type: &str) -> bool {
        h264::parameters_of(section, payload_type).is_some_and(|parameters| {
            parameters.packetization_mode == PacketizationMode::NonInterleaved
                && self.h264.contains(parameters.profile_level_id.profile)
        })
    }

    /// Name of the encoding of a payload type, with the parameters of H.264 if these are the reason
    /// that it is not supported.
    fn name(self, section: &[&str], payload_type: &str, encoding: &str) -> String {
        let name = encoding.split('/').next().unwrap_or_default().to_owned();
        if vp9::is_vp9(encoding) && self.vp9 && !vp9::has_profile_0(section, payload_type) {
            return format!("{name} (not profile 0)");
        }
        let is_plain = !h264::is_h264(encoding) || self.h264.is_empty();
        if is_plain || self.has_h264(section, payload_type) {
            return name;
        }
        match h264::parameters_of(section, payload_type) {
            Some(parameters) => format!(
                "{name} ({}, packetization mode {})",
                parameters.profile_level_id.profile,
                parameters.packetization_mode.number()
            ),
            None => format!("{name} (unknown profile)"),
        }
    }

    /// The video codecs, the preferred one first.
    pub(super) fn video_in_order(self) -> [VideoFormat; 3] {
        let mut formats = VideoFormat::ALL;
        formats.sort_by_key(|format| *format != self.preferred_video);
        formats
    }

    /// Names of the enabled codecs.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        let h264 = format!("H264 ({}, packetization mode 1)", self.h264);
        let video = self.video_in_order().map(|format| match format {
            VideoFormat::Vp8 => (self.vp8, "VP8"),
            VideoFormat::H264 => (!self.h264.is_empty(), h264.as_str()),
            VideoFormat::Vp9 => (self.vp9, "VP9"),
        });
        let audio = [(self.opus, "Opus"), (self.pcmu, "PCMU"), (self.pcma, "PCMA")];
        let all = video.into_iter().chain(audio);
        all.filter(|(on, _)| *on).map(|(_, name)| name.to_owned()).collect()
    }
}

fn is_simulcast(line: &str) -> bool {
    let is_rid = |uri: &str| RID_EXTENSIONS.contains(&uri);
    line.starts_with("a=simulcast:")
        || line.starts_with("a=rid:")
        || line.starts_with("a=extmap:") && line.split_ascii_whitespace().skip(1).any(is_rid)
}

/// An SDP whose rejected and stopped sections have the formats of an earlier one: browsers omit the names of formats, which
/// the parser of str0m looks up.
pub(super) fn with_formats(sdp: &str, before: &str) -> String {
    let (now, before) = (sections(sdp), sections(before));
    let bundled = bundled(&now);
    let lines = now.iter().enumerate().flat_map(|(at, section)| {
        let earlier = before.iter().skip(1).find(|earlier| mid_of(earlier) == mid_of(section));
        match earlier {
            Some(earlier) if at > 0 && is_rejected(section, &bundled) => rejection(earlier),
            _ => section.iter().map(|&line| line.to_owned()).collect(),
        }
    });
    lines.flat_map(|line| [line, "\r\n".to_owned()]).collect()
}

/// The section of an answer that rejects a section of the offer.
fn rejection(section: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((kind, rest)) = section.first().and_then(|line| line.split_once(' ')) {
        let formats = rest.split_once(' ').map_or("", |(_, formats)| formats);
        lines.push(format!("{kind} 0 {formats}"));
    }
    lines.push("c=IN IP4 0.0.0.0".to_owned());
    lines.extend(section.iter().find(|line| line.starts_with("a=mid:")).map(|&mid| mid.to_owned()));
    lines.extend(["a=inactive", "a=rtcp-mux"].map(str::to_owned));
    // Some parsers, including the parser of str0m, look up every format.
    let formats = section.iter().filter(|line| line.starts_with("a=rtpmap:"));
    lines.extend(formats.map(|&format| format.to_owned()));
    lines
}

/// Copies the transport attributes of the first section of the offer to the first accepted one.
fn move_transport<'a>(sections: &[Vec<&'a str>], kept: &mut [Vec<&'a str>]) {
    let [session, first, ..] = kept else { return };
    let Some(before) = sections.get(1) else { return };
    for name in TRANSPORT {
        let has = |section: &[&str]| section.iter().any(|line| line.starts_with(name));
        if !has(session) && !has(first) {
            first.extend(before.iter().filter(|line| line.starts_with(name)));
        }
    }
    if !first.iter().any(|line| line.starts_with("a=candidate:")) {
        first.extend(before.iter().filter(|line| line.starts_with("a=candidate:")));
    }
}

fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [line, "\r\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::H264Profiles;
    use super::*;

    const SESSION: &str =
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n";
    const ICE: &str = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\n\
                       a=fingerprint:sha-256 AA\r\na=setup:actpass\r\n";
    const H264: &str = "m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\na=mid:0\r\na=sendonly\r\n\
                        a=rtpmap:102 H264/90000\r\na=rtpmap:103 rtx/90000\r\n";
    const OPUS: &str = "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=bundle-only\r\na=rtpmap:111 opus/48000/2\r\n";
    const VP8: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=rtpmap:96 vp8/90000\r\n\
                       a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
                       a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
                       a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n";

    const H264_BOTH: &str = "m=video 9 UDP/TLS/RTP/SAVPF 102 104 106\r\na=mid:0\r\n\
        a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=0;profile-level-id=42e01f\r\n\
        a=rtpmap:104 H264/90000\r\na=fmtp:104 packetization-mode=1;profile-level-id=640c1f\r\n\
        a=rtpmap:106 H264/90000\r\n";

    fn one() -> PeerLimits {
        PeerLimits { sections_per_kind: 1, ..PeerLimits::default() }
    }

    #[test]
    fn rejected_sections_keep_their_formats_and_position() {
        let offer = format!("{SESSION}{H264}{ICE}a=candidate:1\r\n{OPUS}");
        let (seen, rejected) = take(&offer, Codecs::default(), &one(), false, &[]).unwrap();
        assert!(!seen.contains("m=video") && seen.contains("m=audio 0 "), "{seen}");
        assert!(seen.ends_with(&format!(
            "{OPUS}a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\n\
             a=fingerprint:sha-256 AA\r\na=setup:actpass\r\na=candidate:1\r\n"
        )));
        let answer = "v=0\r\na=group:BUNDLE 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n\
                      a=ice-ufrag:me\r\na=ice-pwd:mine\r\n";
        let shown = rejected.insert(answer);
        assert_eq!(
            shown,
            "v=0\r\na=group:BUNDLE 1\r\nm=video 0 UDP/TLS/RTP/SAVPF 102 103\r\n\
             c=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\na=rtcp-mux\r\n\
             a=rtpmap:102 H264/90000\r\na=rtpmap:103 rtx/90000\r\na=ice-ufrag:me\r\n\
             a=ice-pwd:mine\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=ice-ufrag:me\r\n\
             a=ice-pwd:mine\r\n"
        );
    }

    #[test]
    fn simulcast_is_seen_only_if_it_is_accepted() {
        let offer = format!("{SESSION}{VP8}{ICE}");
        let seen = |simulcast| take(&offer, Codecs::default(), &one(), simulcast, &[]).unwrap().0;
        assert!(seen(true).contains("a=simulcast:send h;l"));
        let without = seen(false);
        assert!(!without.contains("simulcast") && !without.contains("a=rid"), "{without}");
    }

    #[test]
    fn no_common_codec_error_lists_the_codecs_of_both_sides() {
        let offer = format!("{SESSION}{H264}");
        let refused = take(
            &offer,
            Codecs { pcmu: false, pcma: false, ..Codecs::default() },
            &one(),
            false,
            &[],
        );
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("H264") && text.contains("VP8, Opus"), "{text}");
        assert!(!text.contains("rtx"), "{text}");
        // An offer with only data channels is accepted, as is a section disabled by the offer
        // itself.
        for fine in ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n", ""] {
            assert!(
                take(&format!("{SESSION}{fine}"), Codecs::default(), &one(), false, &[]).is_ok()
            );
        }
    }

    #[test]
    fn h264_is_accepted_by_profile_and_packetization_mode() {
        let offer = format!("{SESSION}{H264_BOTH}");
        let codecs = |h264| Codecs { h264, ..Codecs::default() };
        let line = |h264| OfferedSection::read(&offer, codecs(h264), &one()).remove(0);
        let found = line(H264Profiles::ALL);
        assert!(found.is_accepted);
        assert_eq!(found.h264, [Profile::ConstrainedHigh]);
        let low = line(H264Profiles::only(Profile::ConstrainedBaseline));
        assert!(!low.is_accepted, "mode 0");
        assert_eq!(
            low.codecs,
            [
                "H264 (Constrained Baseline, packetization mode 0)",
                "H264 (Constrained High, packetization mode 1)",
                "H264 (unknown profile)"
            ]
        );
        assert_eq!(line(H264Profiles::NONE).codecs, ["H264"]);
        let error = take(&offer, codecs(H264Profiles::only(Profile::Main)), &one(), false, &[])
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains("supported VP8, H264 (Main, packetization mode 1)"), "{text}");
    }

    #[test]
    fn second_video_section_is_rejected_and_simulcast_hidden() {
        let second = VP8.replace("a=mid:2", "a=mid:3").replace(" 96", " 97").replace(":96", ":97");
        let offer = format!("{SESSION}{OPUS}{VP8}{second}");
        let (seen, rejected) = take(&offer, Codecs::default(), &one(), false, &[]).unwrap();
        assert_eq!(seen.matches("m=video").count(), 1);
        for gone in ["a=rid:", "a=simulcast", "rtp-stream-id"] {
            assert!(!seen.contains(gone), "{gone}: {seen}");
        }
        assert!(seen.contains("sdes:mid"));
        let shown = rejected.insert("v=0\r\nm=audio 9 x 111\r\nm=video 9 x 96\r\n");
        assert!(shown.contains("m=video 9 x 96\r\nm=video 0 UDP/TLS/RTP/SAVPF 97\r\n"), "{shown}");
        let lines = OfferedSection::read(&offer, Codecs::default(), &one());
        let taken: Vec<_> = lines.iter().map(|line| (line.kind, line.is_accepted)).collect();
        assert_eq!(taken, [(Kind::Audio, true), (Kind::Video, true), (Kind::Video, false)]);
        assert_eq!(lines[1].codecs, ["vp8"]);
    }
}
