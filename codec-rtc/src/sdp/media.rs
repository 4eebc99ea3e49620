//! One media line with what belongs to it.

use super::{Attribute, Bandwidth, Connection, Crypto, Direction};
use crate::extension::{Kind, Map};
use crate::packet::{Format, Media, Payload};

/// How media is carried.
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

    /// The name in the media line.
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

    /// Whether packets are encrypted.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        match self {
            Self::Savp | Self::Savpf | Self::DtlsSavpf => true,
            Self::Avp | Self::Avpf => false,
            Self::Other(name) => name.split('/').any(|part| part.starts_with("SAVP")),
        }
    }
}

/// `a=rtpmap`: what a payload type stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpMap {
    /// 0..=127.
    pub payload_type: u8,
    /// Name of the format; see [`Format::from_encoding_name`].
    pub encoding_name: String,
    /// Ticks per second of timestamps.
    pub clock_hz: u32,
    /// 1 unless told.
    pub channels: u8,
}

/// `a=fmtp`: parameters of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fmtp {
    /// 0..=127.
    pub payload_type: u8,
    /// As they stand.
    pub params: String,
}

impl Fmtp {
    /// The value of a parameter among those that semicolons divide; an empty one for a bare name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.split(';').find_map(|param| {
            let (key, value) = param.split_once('=').unwrap_or((param, ""));
            key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// `a=rtcp-fb`: feedback that may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// 0..=127; `None` for all.
    pub payload_type: Option<u8>,
    /// For example `nack pli`.
    pub kind: String,
}

/// `a=extmap`: an id of header extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extmap {
    /// 1..=255.
    pub id: u8,
    /// Which way, if not both.
    pub direction: Option<Direction>,
    /// Name; see [`Kind::from_uri`].
    pub uri: String,
    /// What the extension defines, if anything.
    pub params: Option<String>,
}

/// `a=ssrc`: something said about a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceAttribute {
    /// The source.
    pub ssrc: u32,
    /// What is said, for example `cname`.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
}

/// `a=ssrc-group`: sources that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceGroup {
    /// How: `FID` for a stream and its retransmission, `FEC-FR` for one and its parity, `SIM`.
    pub semantics: String,
    /// The first is the one that the others serve.
    pub ssrcs: Vec<u32>,
}

/// `a=rtcp`: where RTCP goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtcpAddress {
    /// UDP port.
    pub port: u16,
    /// If it is not the one of media.
    pub connection: Option<Connection>,
}

/// A media line with what belongs to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediaDescription {
    /// `audio`, `video`, `application` or another word.
    pub media: String,
    /// UDP port; 0 if it is refused.
    pub port: u16,
    /// How many ports, two apart: 1 unless told.
    pub ports: u16,
    /// How it is carried.
    pub protocol: Protocol,
    /// Payload types as the line lists them, the preferred first; none if it is no RTP.
    pub payload_types: Vec<u8>,
    /// Formats as they stand, if it is no RTP.
    pub formats: Vec<String>,
    /// Where it goes, if not where the session does.
    pub connection: Option<Connection>,
    /// `b=`.
    pub bandwidth: Vec<Bandwidth>,
    /// Which way, if it says so.
    pub direction: Option<Direction>,
    /// What payload types stand for.
    pub rtpmaps: Vec<RtpMap>,
    /// Parameters of formats.
    pub fmtps: Vec<Fmtp>,
    /// Feedback that may be sent.
    pub feedback: Vec<Feedback>,
    /// Ids of header extensions.
    pub extmaps: Vec<Extmap>,
    /// Keys.
    pub crypto: Vec<Crypto>,
    /// What is said about sources.
    pub sources: Vec<SourceAttribute>,
    /// Sources that belong together.
    pub source_groups: Vec<SourceGroup>,
    /// Where RTCP goes, if not to the next port.
    pub rtcp: Option<RtcpAddress>,
    /// RTCP shares the port (RFC 5761).
    pub rtcp_mux: bool,
    /// RTCP may be of reduced size (RFC 5506).
    pub rtcp_rsize: bool,
    /// Milliseconds of sound in a packet.
    pub ptime_ms: Option<u32>,
    /// Most milliseconds of sound in a packet.
    pub maxptime_ms: Option<u32>,
    /// Frames per second.
    pub framerate: Option<f64>,
    /// Name of the line.
    pub mid: Option<String>,
    /// Other attributes in their order.
    pub attributes: Vec<Attribute>,
}

impl MediaDescription {
    /// A line of `media` on `port` with these formats. Feedback, extensions and keys are added as
    /// fields.
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

    /// What it carries, if sound or pictures.
    #[must_use]
    pub fn kind(&self) -> Option<Media> {
        match self.media.as_str() {
            "audio" => Some(Media::Audio),
            "video" => Some(Media::Video),
            _ => None,
        }
    }

    /// The formats that are known here, the preferred first.
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

    /// Parameters of a format.
    #[must_use]
    pub fn fmtp(&self, payload_type: u8) -> Option<&Fmtp> {
        self.fmtps.iter().find(|fmtp| fmtp.payload_type == payload_type)
    }

    /// The format that is retransmitted with `payload_type` (RFC 4588, section 8.6).
    #[must_use]
    pub fn retransmits(&self, payload_type: u8) -> Option<u8> {
        let original = self.fmtp(payload_type)?.get("apt")?.parse().ok()?;
        self.payload_types.contains(&original).then_some(original)
    }

    /// Whether feedback of that kind may be sent for a format.
    #[must_use]
    pub fn allows_feedback(&self, payload_type: u8, kind: &str) -> bool {
        self.feedback.iter().any(|feedback| {
            feedback.payload_type.is_none_or(|it| it == payload_type) && feedback.kind == kind
        })
    }

    /// The ids of the header extensions that are known here.
    #[must_use]
    pub fn extension_map(&self) -> Map {
        let pairs = self.extmaps.iter();
        pairs.filter_map(|extmap| Some((extmap.id, Kind::from_uri(&extmap.uri)?))).collect()
    }

    /// Lists the header extensions of `map`.
    pub fn set_extensions(&mut self, map: &Map) {
        let extmap = |(id, kind): (u8, Kind)| Extmap {
            id,
            direction: None,
            uri: kind.uri().into(),
            params: None,
        };
        self.extmaps = map.iter().map(extmap).collect();
        self.extmaps.sort_by_key(|extmap| extmap.id);
    }

    /// The CNAME of a source.
    #[must_use]
    pub fn cname(&self, ssrc: u32) -> Option<&str> {
        let said = |it: &&SourceAttribute| it.ssrc == ssrc && it.name == "cname";
        self.sources.iter().find(said)?.value.as_deref()
    }
}
