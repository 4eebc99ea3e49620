//! Media sections.

use super::{Attribute, Bandwidth, Connection, Crypto, Direction};
use crate::extension::{ExtensionKind, ExtensionMap};
use crate::packet::{Format, Media, Payload};

/// Transport protocol of a media section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the standard's names")]
pub enum Protocol {
    /// RTP/AVP (RFC 3551).
    #[default]
    Avp,
    /// RTP/AVPF (RFC 4585).
    Avpf,
    /// RTP/SAVP (RFC 3711).
    Savp,
    /// RTP/SAVPF (RFC 5124).
    Savpf,
    /// UDP/TLS/RTP/SAVPF (RFC 5764).
    DtlsSavpf,
    Other(String),
}

impl Protocol {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::Avp, "RTP/AVP"),
        (Self::Avpf, "RTP/AVPF"),
        (Self::Savp, "RTP/SAVP"),
        (Self::Savpf, "RTP/SAVPF"),
        (Self::DtlsSavpf, "UDP/TLS/RTP/SAVPF"),
    ];

    pub(super) fn from_name(name: &str) -> Self {
        let known = Self::NAMES.into_iter().find(|&(_, known)| known == name);
        known.map_or_else(|| Self::Other(name.into()), |(protocol, _)| protocol)
    }

    /// Name in the `m=` line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Avp => "RTP/AVP",
            Self::Avpf => "RTP/AVPF",
            Self::Savp => "RTP/SAVP",
            Self::Savpf => "RTP/SAVPF",
            Self::DtlsSavpf => "UDP/TLS/RTP/SAVPF",
            Self::Other(name) => name,
        }
    }

    /// Whether it is RTP, so that formats are payload types.
    #[must_use]
    pub fn is_rtp(&self) -> bool {
        match self {
            Self::Other(name) => name.split('/').any(|part| part == "RTP"),
            _ => true,
        }
    }

    /// Whether packets are encrypted (SRTP).
    #[must_use]
    pub fn is_secure(&self) -> bool {
        match self {
            Self::Savp | Self::Savpf | Self::DtlsSavpf => true,
            Self::Avp | Self::Avpf => false,
            Self::Other(name) => name.split('/').any(|part| part.starts_with("SAVP")),
        }
    }
}

/// `a=rtpmap`: encoding of a payload type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpMap {
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// Encoding name; see [`Format::from_encoding_name`].
    pub encoding_name: String,
    /// RTP clock rate in Hz.
    pub clock_hz: u32,
    /// Number of channels, 1 if absent.
    pub channels: u8,
}

/// `a=fmtp`: format parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fmtp {
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// Parameters as written.
    pub params: String,
}

impl Fmtp {
    /// Returns the value of a parameter in a semicolon-separated list; empty for a parameter
    /// without a value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.split(';').find_map(|param| {
            let (key, value) = param.split_once('=').unwrap_or((param, ""));
            key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// `a=rtcp-fb`: supported RTCP feedback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// Payload type, 0..=127; `None` for all.
    pub payload_type: Option<u8>,
    /// Type of feedback, for example `nack pli`.
    pub kind: String,
}

/// `a=extmap`: header extension id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extmap {
    /// Id, 1..=255.
    pub id: u8,
    /// Direction, if restricted.
    pub direction: Option<Direction>,
    /// URI; see [`ExtensionKind::from_uri`].
    pub uri: String,
    /// Extension attributes.
    pub params: Option<String>,
}

/// `a=ssrc`: attribute of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceAttribute {
    /// SSRC.
    pub ssrc: u32,
    /// Attribute name, for example `cname`.
    pub name: String,
    /// Attribute value.
    pub value: Option<String>,
}

/// `a=ssrc-group`: group of related sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceGroup {
    /// Semantics: `FID` for a stream and its RTX, `FEC-FR` for a stream and its FEC, `SIM` for
    /// simulcast.
    pub semantics: String,
    /// SSRCs; the first is the primary stream.
    pub ssrcs: Vec<u32>,
}

/// `a=rtcp`: RTCP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtcpAddress {
    /// UDP port.
    pub port: u16,
    /// Address, if different from the address of the media.
    pub connection: Option<Connection>,
}

/// A media section: an `m=` line with its attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediaDescription {
    /// Media type: `audio`, `video`, `application` or other.
    pub media: String,
    /// UDP port; 0 if rejected.
    pub port: u16,
    /// Number of ports, two apart; 1 if absent.
    pub ports: u16,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Payload types in order of preference; empty if not RTP.
    pub payload_types: Vec<u8>,
    /// Formats as written, if not RTP.
    pub formats: Vec<String>,
    /// Address, if different from the address of the session.
    pub connection: Option<Connection>,
    /// Bandwidth limits (`b=`).
    pub bandwidth: Vec<Bandwidth>,
    /// Direction, if present.
    pub direction: Option<Direction>,
    /// Encodings of payload types.
    pub rtpmaps: Vec<RtpMap>,
    /// Format parameters.
    pub fmtps: Vec<Fmtp>,
    /// Supported RTCP feedback.
    pub feedback: Vec<Feedback>,
    /// Header extension ids.
    pub extmaps: Vec<Extmap>,
    /// SRTP keys.
    pub crypto: Vec<Crypto>,
    /// Attributes of sources.
    pub sources: Vec<SourceAttribute>,
    /// Groups of sources.
    pub source_groups: Vec<SourceGroup>,
    /// RTCP address, if not the next port.
    pub rtcp: Option<RtcpAddress>,
    /// Whether RTCP is multiplexed on the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Whether reduced-size RTCP is allowed (RFC 5506).
    pub rtcp_rsize: bool,
    /// Packet duration of audio in milliseconds.
    pub ptime_ms: Option<u32>,
    /// Maximum packet duration of audio in milliseconds.
    pub maxptime_ms: Option<u32>,
    /// Frames per second.
    pub framerate: Option<f64>,
    /// MID of the section.
    pub mid: Option<String>,
    /// Other attributes in order.
    pub attributes: Vec<Attribute>,
}

impl MediaDescription {
    /// Creates a section for `media` on `port` with these payloads. Add feedback, extensions and
    /// keys through the fields.
    #[must_use]
    pub fn new(media: Media, port: u16, payloads: &[Payload]) -> Self {
        let media = match media {
            Media::Audio => "audio",
            Media::Video => "video",
        };
        let mut line = Self { media: media.into(), port, ports: 1, ..Self::default() };
        for payload in payloads {
            line.payload_types.push(payload.payload_type);
            line.rtpmaps.push(RtpMap {
                payload_type: payload.payload_type,
                encoding_name: payload.format.encoding_name().into(),
                clock_hz: payload.clock_hz,
                channels: payload.channels,
            });
        }
        line
    }

    /// Kind of media, if audio or video.
    #[must_use]
    pub fn kind(&self) -> Option<Media> {
        match self.media.as_str() {
            "audio" => Some(Media::Audio),
            "video" => Some(Media::Video),
            _ => None,
        }
    }

    /// Supported payload formats in order of preference.
    pub fn payloads(&self) -> impl Iterator<Item = Payload> + '_ {
        self.payload_types.iter().filter_map(|&payload_type| {
            let Some(map) = self.rtpmaps.iter().find(|map| map.payload_type == payload_type) else {
                return Payload::from_static_type(payload_type);
            };
            let format = Format::from_encoding_name(&map.encoding_name)?;
            let (clock_hz, channels) = (map.clock_hz, map.channels);
            Some(Payload { payload_type, format, clock_hz, channels })
        })
    }

    /// Returns the format parameters of a payload type.
    #[must_use]
    pub fn fmtp(&self, payload_type: u8) -> Option<&Fmtp> {
        self.fmtps.iter().find(|fmtp| fmtp.payload_type == payload_type)
    }

    /// Returns the payload type that is retransmitted with `payload_type` (RFC 4588, section 8.6).
    #[must_use]
    pub fn retransmits(&self, payload_type: u8) -> Option<u8> {
        let original = self.fmtp(payload_type)?.get("apt")?.parse().ok()?;
        self.payload_types.contains(&original).then_some(original)
    }

    /// Whether RTCP feedback of this type is allowed for a payload type.
    #[must_use]
    pub fn allows_feedback(&self, payload_type: u8, kind: &str) -> bool {
        self.feedback.iter().any(|feedback| {
            feedback.payload_type.is_none_or(|it| it == payload_type) && feedback.kind == kind
        })
    }

    /// Returns the ids of supported header extensions.
    #[must_use]
    pub fn extension_map(&self) -> ExtensionMap {
        let pairs = self.extmaps.iter();
        pairs
            .filter_map(|extmap| Some((extmap.id, ExtensionKind::from_uri(&extmap.uri)?)))
            .collect()
    }

    /// Sets the header extensions to the extensions of `map`.
    pub fn set_extensions(&mut self, map: &ExtensionMap) {
        let extmap = |(id, kind): (u8, ExtensionKind)| Extmap {
            id,
            direction: None,
            uri: kind.uri().into(),
            params: None,
        };
        self.extmaps = map.iter().map(extmap).collect();
        self.extmaps.sort_by_key(|extmap| extmap.id);
    }

    /// Returns the CNAME of a source.
    #[must_use]
    pub fn cname(&self, ssrc: u32) -> Option<&str> {
        let said = |it: &&SourceAttribute| it.ssrc == ssrc && it.name == "cname";
        self.sources.iter().find(said)?.value.as_deref()
    }
}
