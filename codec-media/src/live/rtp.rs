//! Session parameters shared by both ends of an RTP session: defaults, or those of an SDP file.

use std::fs;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use codec_container::AnnexB;
use codec_rtc::extension::{ExtensionKind, ExtensionMap};
use codec_rtc::packet::h264::{PacketizationMode, ParameterSets};
use codec_rtc::packet::{Format, Media, Payload, VideoFormat};
use codec_rtc::sdp::h264::FormatParameters;
use codec_rtc::sdp::{
    Attribute, Connection, Direction, Feedback, Fmtp, MAX_BYTES, MediaDescription, Protocol,
    Session, SourceAttribute,
};
use codec_rtc::session::{AudioStream, RepairStream, Streams, VideoFec, VideoStream};

use super::output::Offer;
use super::srtp::Keys;
use crate::failure::{Failure, Kind, Result};
use crate::io::output::{OutputFile, OutputRules};

/// The audio SSRC relative to the video SSRC: repair streams use the values in between.
const AUDIO_SSRC_STEP: u32 = 3;

/// Attribute of media lines with end-to-end encrypted frames (`--e2ee-key`).
const ENCRYPTED_ATTRIBUTE: &str = "x-codec-sframe";

/// The audio port relative to the video port, if they do not share one.
const AUDIO_PORT_STEP: u16 = 2;

/// Payload types of H.264 and VP9, and of their RTX. They differ from the payload types of VP8, so that a receiver
/// without a description can distinguish the formats.
const H264_TYPES: (u8, u8) = (102, 103);
const VP9_TYPES: (u8, u8) = (104, 105);

/// The stream with this payload format.
fn with_format(stream: VideoStream, format: VideoFormat) -> VideoStream {
    let ((payload_type, rtx), stream) = match format {
        VideoFormat::Vp8 => return stream,
        VideoFormat::H264 => (H264_TYPES, stream.with_h264()),
        VideoFormat::Vp9 => (VP9_TYPES, stream.with_vp9()),
    };
    let rtx = stream.rtx.map(|stream| RepairStream { payload_type: rtx, ..stream });
    VideoStream { payload_type, rtx, ..stream }
}

/// Streams between our own ends, with SSRCs counted from `ssrc`.
pub(crate) fn streams(ssrc: u32, video: Option<VideoFormat>, has_audio: bool) -> Streams {
    Streams {
        video: video.map(|format| with_format(VideoStream::standard(ssrc), format)),
        audio: has_audio.then(|| AudioStream::opus(ssrc.wrapping_add(AUDIO_SSRC_STEP))),
        extensions: ExtensionMap::default(),
    }
}

/// Streams for a remote end that supports only RFC 3550 and the payload formats.
pub(crate) fn plain_streams(ssrc: u32, video: Option<VideoFormat>, has_audio: bool) -> Streams {
    let opus = AudioStream::opus(ssrc.wrapping_add(AUDIO_SSRC_STEP));
    Streams {
        video: video.map(|format| with_format(VideoStream::plain(ssrc, 96), format)),
        audio: has_audio.then_some(AudioStream { red: None, ..opus }),
        extensions: ExtensionMap::EMPTY,
    }
}

/// Destinations of streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets {
    pub(crate) video: SocketAddr,
    pub(crate) audio: SocketAddr,
    /// Whether only the RFCs are used, without our extensions.
    pub(crate) plain: bool,
}

impl Targets {
    /// Video and audio share a port, except for plain receivers.
    pub(crate) fn new(to: SocketAddr, plain: bool, offer: &Offer) -> Self {
        let mut audio = to;
        if plain && offer.video.is_some() {
            audio.set_port(to.port().saturating_add(AUDIO_PORT_STEP));
        }
        Self { video: to, audio, plain }
    }
}

/// Describes the sent streams.
pub(super) fn describe(
    streams: &Streams,
    targets: &Targets,
    offer: &Offer,
    keys: Option<&Keys>,
) -> Session {
    let mut session = Session::new(targets.video.ip());
    session.name = "codec send".to_owned();
    let mut bundle = vec!["BUNDLE".to_owned()];
    if let Some(video) = &streams.video {
        let mut line =
            media(Media::Video, targets.video.port(), &payloads(video), streams, targets);
        line.framerate = offer.video.as_ref().and_then(|it| it.frame_rate).map(|it| it.as_f64());
        if video.format == VideoFormat::H264 {
            line.fmtps.push(h264_parameters(video, offer).to_fmtp(video.payload_type));
        }
        if let Some(rtx) = video.rtx {
            let params = format!("apt={}", video.payload_type);
            line.fmtps.push(Fmtp { payload_type: rtx.payload_type, params });
        }
        name(&mut line, "0", video.ssrc, targets, &mut bundle);
        session.media.push(line);
    }
    if let Some(audio) = &streams.audio {
        let opus = Payload { payload_type: audio.payload_type, ..Payload::OPUS };
        let mut all = vec![opus];
        all.extend(audio.red.map(|red| Payload { payload_type: red, ..Payload::AUDIO_RED }));
        let mut line = media(Media::Audio, targets.audio.port(), &all, streams, targets);
        let channels = offer.audio.as_ref().map_or(1, |track| track.audio.channels());
        let params = format!("sprop-stereo={}", u8::from(channels == 2));
        line.fmtps.push(Fmtp { payload_type: audio.payload_type, params });
        if let Some(red) = audio.red {
            let params = format!("{0}/{0}", audio.payload_type);
            line.fmtps.push(Fmtp { payload_type: red, params });
        }
        name(&mut line, "1", audio.ssrc, targets, &mut bundle);
        session.media.push(line);
    }
    if !targets.plain && bundle.len() > 2 {
        session.groups.push(bundle);
    }
    if let Some(crypto) = keys.and_then(Keys::crypto) {
        for line in &mut session.media {
            line.protocol = if targets.plain { Protocol::Savp } else { Protocol::Savpf };
            line.crypto.push(crypto.clone());
        }
    }
    session
}

/// Marks the session as end-to-end encrypted; players show the title.
pub(super) fn report_encryption(session: &mut Session) {
    session.name.push_str(", end-to-end encrypted");
    for line in &mut session.media {
        line.attributes.push(Attribute { name: ENCRYPTED_ATTRIBUTE.to_owned(), value: None });
    }
}

/// Format parameters of H.264, from the first parameter sets of the stream, if known before it
/// begins.
fn h264_parameters(video: &VideoStream, offer: &Offer) -> FormatParameters {
    let record = offer.video.as_ref().map(|track| track.codec_private.as_slice());
    let mut sets = Vec::new();
    if let Some(mut annex_b) = record.and_then(AnnexB::new) {
        annex_b.convert(&[], &mut sets);
    }
    FormatParameters::of_stream(&sets, video.packetization_mode)
}

fn payloads(video: &VideoStream) -> Vec<Payload> {
    let media = match video.format {
        VideoFormat::Vp8 => Payload::VP8,
        VideoFormat::H264 => Payload::H264,
        VideoFormat::Vp9 => Payload::VP9,
    };
    let mut all = vec![Payload { payload_type: video.payload_type, ..media }];
    all.extend(video.rtx.map(|rtx| Payload { payload_type: rtx.payload_type, ..Payload::VP8_RTX }));
    match video.fec {
        VideoFec::Flex(flex) => {
            all.push(Payload { payload_type: flex.payload_type, ..Payload::FLEXFEC });
        }
        VideoFec::Ulp { red, ulpfec } => {
            all.push(Payload { payload_type: red, ..Payload::VIDEO_RED });
            all.push(Payload { payload_type: ulpfec, ..Payload::ULPFEC });
        }
        VideoFec::Off => {}
    }
    all
}

fn media(
    kind: Media,
    port: u16,
    payloads: &[Payload],
    streams: &Streams,
    targets: &Targets,
) -> MediaDescription {
    let mut line = MediaDescription::new(kind, port, payloads);
    line.direction = Some(Direction::SendOnly);
    if !targets.plain {
        line.protocol = Protocol::Avpf;
        line.rtcp_mux = true;
        line.rtcp_rsize = true;
        line.set_extensions(&streams.extensions);
        for kind in ["nack", "nack pli", "transport-cc"] {
            if kind == "transport-cc" || matches!(line.kind(), Some(Media::Video)) {
                line.feedback.push(Feedback { payload_type: None, kind: kind.to_owned() });
            }
        }
    }
    line
}

fn name(
    line: &mut MediaDescription,
    mid: &str,
    ssrc: u32,
    targets: &Targets,
    bundle: &mut Vec<String>,
) {
    if targets.plain {
        return;
    }
    line.mid = Some(mid.to_owned());
    bundle.push(mid.to_owned());
    let value = Some("codec".to_owned());
    line.sources.push(SourceAttribute { ssrc, name: "cname".to_owned(), value });
}

/// Writes a description; if it contains a key, only its owner can read it.
pub(crate) fn write(session: &Session, path: &Path, overwrite: bool) -> Result<()> {
    use std::io::Write;
    let rules = OutputRules { overwrite, terminal: true, ..OutputRules::default() };
    let has_key = session.media.iter().any(|line| !line.crypto.is_empty());
    let create = if has_key { OutputFile::create_private } else { OutputFile::create };
    let output = create(path, &rules)?;
    let text = session.to_string();
    let written = output.writer()?.write_all(text.as_bytes());
    written.map_err(|error| Failure::output(&output.name, error))?;
    output.commit()
}

/// The expected streams, and the addresses at which they arrive.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// Address of the first media line, or of the URL.
    pub(crate) address: IpAddr,
    pub(crate) video: Option<ExpectedMedia>,
    pub(crate) audio: Option<ExpectedMedia>,
    pub(crate) extensions: ExtensionMap,
    /// The payload types of the video.
    pub(crate) formats: Vec<ExpectedFormat>,
    /// Payload type of `FlexFEC`.
    pub(crate) fec: VideoFec,
    /// Payload type of RED for Opus.
    pub(crate) red: Option<u8>,
    pub(crate) frame_rate: Option<f64>,
    pub(crate) channels: u8,
    /// The SRTP keys, if packets are encrypted.
    pub(super) keys: Option<Keys>,
    /// Whether frames and audio are end-to-end encrypted.
    pub(super) encrypted: bool,
}

/// A payload type of the expected video.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedFormat {
    pub(crate) format: VideoFormat,
    pub(crate) payload_type: u8,
    /// Payload type of RTX.
    pub(crate) rtx: Option<u8>,
    /// Parameter sets of H.264 in the description.
    pub(crate) sets: ParameterSets,
}

impl ExpectedFormat {
    /// The payload type that our own sender uses.
    fn usual(format: VideoFormat) -> Self {
        let stream = with_format(VideoStream::standard(0), format);
        let rtx = stream.rtx.map(|rtx| rtx.payload_type);
        let sets = ParameterSets::default();
        Self { format, payload_type: stream.payload_type, rtx, sets }
    }
}

/// An expected stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedMedia {
    pub(crate) port: u16,
    pub(crate) payload_type: u8,
    pub(crate) ssrc: Option<u32>,
    /// Whether RTCP uses the same port.
    pub(crate) mux: bool,
}

impl Expected {
    /// Streams from our own sender, at one port.
    pub(crate) fn usual(address: IpAddr, port: u16) -> Self {
        let media =
            |payload_type| Some(ExpectedMedia { port, payload_type, ssrc: None, mux: true });
        let standard = VideoStream::standard(0);
        Self {
            address,
            video: media(standard.payload_type),
            audio: media(Payload::OPUS.payload_type),
            extensions: ExtensionMap::default(),
            formats: VideoFormat::ALL.map(ExpectedFormat::usual).into(),
            fec: standard.fec,
            red: AudioStream::opus(0).red,
            frame_rate: None,
            channels: 1,
            keys: None,
            encrypted: false,
        }
    }

    /// Changes the listen address: the first port is set, and other ports keep their offsets.
    pub(crate) fn listen_at(&mut self, at: SocketAddr) {
        self.address = at.ip();
        let first = self.video.or(self.audio).map_or(0, |media| media.port);
        for media in [&mut self.video, &mut self.audio].into_iter().flatten() {
            let step = media.port.wrapping_sub(first);
            media.port = at.port().wrapping_add(step);
        }
    }

    /// Reads a description from a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let wrong = |why: String| {
            Failure::new(Kind::Input, format!("invalid session description {name}: {why}"))
        };
        let unread =
            |error: io::Error| Failure::new(Kind::Input, format!("cannot read {name}: {error}"));
        let file = fs::File::open(path).map_err(unread)?;
        let mut bytes = Vec::new();
        let most = MAX_BYTES as u64 + 1;
        file.take(most).read_to_end(&mut bytes).map_err(unread)?;
        let text = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8".to_owned()))?;
        let session = codec_rtc::sdp::parse(&text).map_err(|error| wrong(error.to_string()))?;
        Self::of(&session).map_err(wrong)
    }

    fn of(session: &Session) -> std::result::Result<Self, String> {
        let first = session.media.iter().find(|line| line.port != 0 && line.kind().is_some());
        let first = first.ok_or("no audio or video media line")?;
        let address = session.connection_of(first).and_then(Connection::ip);
        let mut expected = Self::usual(address.ok_or("no address (c=)")?, 0);
        (expected.video, expected.audio, expected.red) = (None, None, None);
        expected.formats.clear();
        (expected.extensions, expected.fec) = (ExtensionMap::EMPTY, VideoFec::Off);
        for line in session.media.iter().filter(|line| line.port != 0) {
            expected.take_keys(line)?;
            expected.encrypted |= line.attributes.iter().any(|it| it.name == ENCRYPTED_ATTRIBUTE);
            match line.kind() {
                Some(Media::Video) if expected.video.is_none() => expected.take_video(line)?,
                Some(Media::Audio) if expected.audio.is_none() => expected.take_audio(line)?,
                _ => {}
            }
            expected.extensions.extend_from(&line.extension_map());
        }
        Ok(expected)
    }

    fn take_keys(&mut self, line: &MediaDescription) -> std::result::Result<(), String> {
        let keys = Keys::of_line(line);
        if line.protocol.is_secure() != keys.is_some() {
            let protocol = line.protocol.as_str();
            return Err(if keys.is_some() {
                format!("{protocol} with a key (a=crypto), expected RTP/SAVP")
            } else {
                format!("{protocol} without a supported key (a=crypto)")
            });
        }
        if self.keys.as_ref().is_some_and(|before| Some(before) != keys.as_ref()) {
            return Err("the media lines have different keys".to_owned());
        }
        self.keys = keys;
        Ok(())
    }

    fn take_video(&mut self, line: &MediaDescription) -> std::result::Result<(), String> {
        let of = |format| line.payloads().find(move |payload| payload.format == format);
        self.formats = formats(line)?;
        let first = self.formats.first().ok_or_else(|| {
            let names: Vec<&str> =
                line.payloads().map(|payload| payload.format.encoding_name()).collect();
            format!("unsupported video codec {}, expected VP8, VP9 or H264", names.join(", "))
        })?;
        let ssrc = line.sources.first().map(|source| source.ssrc);
        self.video = Some(ExpectedMedia {
            port: line.port,
            payload_type: first.payload_type,
            ssrc,
            mux: line.rtcp_mux,
        });
        self.frame_rate = line.framerate;
        if let Some(flex) = of(Format::FlexFec) {
            let payload_type = flex.payload_type;
            self.fec = VideoFec::Flex(RepairStream { ssrc: 0, payload_type });
        } else if let (Some(red), Some(ulpfec)) = (of(Format::Red), of(Format::Ulpfec)) {
            let (red, ulpfec) = (red.payload_type, ulpfec.payload_type);
            self.fec = VideoFec::Ulp { red, ulpfec };
        }
        Ok(())
    }

    fn take_audio(&mut self, line: &MediaDescription) -> std::result::Result<(), String> {
        let of = |format| line.payloads().find(move |payload| payload.format == format);
        let opus = of(Format::Opus).ok_or("unsupported audio codec, expected Opus")?;
        let ssrc = line.sources.first().map(|source| source.ssrc);
        let payload_type = opus.payload_type;
        self.audio =
            Some(ExpectedMedia { port: line.port, payload_type, ssrc, mux: line.rtcp_mux });
        self.red = of(Format::Red).map(|payload| payload.payload_type);
        let fmtp = line.fmtp(payload_type);
        let stereo = fmtp.and_then(|fmtp| fmtp.get("sprop-stereo"));
        self.channels = if stereo == Some("1") { 2 } else { 1 };
        Ok(())
    }

    /// The format with this payload type. RED carries the first one.
    pub(crate) fn format(&self, payload_type: u8) -> Option<&ExpectedFormat> {
        let is_red = matches!(self.fec, VideoFec::Ulp { red, .. } if red == payload_type);
        let mut formats = self.formats.iter();
        formats.find(|it| it.payload_type == payload_type || is_red)
    }

    /// The streams, once the SSRC and the format of the video are known.
    pub(crate) fn streams(
        &self,
        video: Option<(u32, &ExpectedFormat)>,
        audio_ssrc: Option<u32>,
    ) -> Streams {
        let video_ssrc = video.map(|(ssrc, _)| ssrc);
        let video = match (self.video, video) {
            (Some(_), Some((ssrc, format))) => Some(VideoStream {
                format: format.format,
                packetization_mode: PacketizationMode::NonInterleaved,
                flexible: true,
                ssrc,
                payload_type: format.payload_type,
                rtx: format
                    .rtx
                    .map(|payload_type| RepairStream { ssrc: ssrc.wrapping_add(1), payload_type }),
                fec: match self.fec {
                    VideoFec::Flex(flex) => {
                        VideoFec::Flex(RepairStream { ssrc: ssrc.wrapping_add(2), ..flex })
                    }
                    other => other,
                },
            }),
            _ => None,
        };
        let audio_ssrc = audio_ssrc.or(video_ssrc.map(|ssrc| ssrc.wrapping_add(AUDIO_SSRC_STEP)));
        let audio = match (self.audio, audio_ssrc) {
            (Some(media), Some(ssrc)) => Some(AudioStream {
                ssrc,
                payload_type: media.payload_type,
                clock_hz: 48_000,
                red: self.red,
            }),
            _ => None,
        };
        Streams { video, audio, extensions: self.extensions }
    }
}

/// The payload types of a media line that can be received.
fn formats(line: &MediaDescription) -> std::result::Result<Vec<ExpectedFormat>, String> {
    let rtx_of = |payload_type: u8| {
        let apt = format!("{payload_type}");
        let mut all = line.payloads().filter(|payload| payload.format == Format::Rtx);
        let is_it = |rtx: &Payload| {
            line.fmtp(rtx.payload_type).and_then(|fmtp| fmtp.get("apt")) == Some(apt.as_str())
        };
        all.find(is_it).map(|rtx| rtx.payload_type)
    };
    let mut found = Vec::new();
    for Payload { payload_type, format, .. } in line.payloads() {
        let (format, sets) = match format {
            Format::Vp8 => (VideoFormat::Vp8, ParameterSets::default()),
            Format::Vp9 => (VideoFormat::Vp9, ParameterSets::default()),
            Format::H264 => {
                let parameters = FormatParameters::parse(line.fmtp(payload_type));
                let parameters = parameters.map_err(|error| error.to_string())?;
                (VideoFormat::H264, parameters.known_sets())
            }
            _ => continue,
        };
        found.push(ExpectedFormat { format, payload_type, rtx: rtx_of(payload_type), sets });
    }
    Ok(found)
}

/// Adds the entries of another map.
trait Extend {
    fn extend_from(&mut self, other: &Self);
}

impl Extend for ExtensionMap {
    fn extend_from(&mut self, other: &Self) {
        for (id, kind) in other.iter() {
            let _: ExtensionKind = kind;
            self.insert(id, kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};
    use codec_container::{AudioTrack, VideoTrack};
    use codec_core::codec::Codec;
    use codec_core::frame::{Rational, Size};

    fn offer() -> Offer {
        let like = codec_container::Format::WebM;
        let mut video = VideoTrack::new(like, Codec::Vp8, Size::new(64, 48), Rational::new(1, 30));
        video.frame_rate = Some(Rational::new(30, 1));
        let stereo = AudioFormat::new(48_000, ChannelLayout::Stereo);
        let audio = AudioTrack::new(like, AudioCodec::Opus, stereo);
        Offer { video: Some(video), audio: Some(audio), layers: 0 }
    }

    #[test]
    fn descriptions_are_parsed_back() {
        let to = "127.0.0.1:5004".parse().unwrap();
        let targets = Targets::new(to, false, &offer());
        let session =
            describe(&streams(77, Some(VideoFormat::Vp8), true), &targets, &offer(), None);
        let session = codec_rtc::sdp::parse(&session.to_string()).unwrap();
        let expected = Expected::of(&session).unwrap();
        assert_eq!(
            expected.streams(Some((77, &expected.formats[0])), None),
            streams(77, Some(VideoFormat::Vp8), true)
        );
        assert_eq!(
            expected.video.map(|it| (it.port, it.ssrc, it.mux)),
            Some((5004, Some(77), true))
        );
        assert_eq!(expected.audio.map(|it| (it.port, it.ssrc)), Some((5004, Some(80))));
        assert_eq!((expected.channels, expected.frame_rate), (2, Some(30.0)));
    }

    #[test]
    fn plain_receivers_get_two_ports_and_no_extensions() {
        let targets = Targets::new("127.0.0.1:5004".parse().unwrap(), true, &offer());
        let session =
            describe(&plain_streams(77, Some(VideoFormat::Vp8), true), &targets, &offer(), None);
        let text = session.to_string();
        assert!(!text.contains("extmap") && !text.contains("BUNDLE") && !text.contains("rtx"));
        let expected = Expected::of(&session).unwrap();
        let mut described = plain_streams(77, Some(VideoFormat::Vp8), true);
        // The mode of a sender: descriptions do not state it.
        described.video.as_mut().unwrap().flexible = true;
        assert_eq!(expected.streams(Some((77, &expected.formats[0])), Some(80)), described);
        assert_eq!(expected.audio.map(|it| (it.port, it.mux)), Some((5006, false)));
    }

    #[test]
    fn h264_is_described_with_its_parameter_sets() {
        let mut offer = offer();
        let track = offer.video.as_mut().unwrap();
        track.codec = Codec::H264;
        let record = [1, 66, 0xc0, 30, 0xff, 0xe1, 0, 4, 0x67, 66, 0xc0, 30, 1, 0, 2, 0x68, 0xce];
        track.codec_private = record.to_vec();
        for mode in [PacketizationMode::SingleNalUnit, PacketizationMode::NonInterleaved] {
            let targets = Targets::new("127.0.0.1:5004".parse().unwrap(), true, &offer);
            let mut streams = plain_streams(77, Some(VideoFormat::H264), false);
            streams.video.as_mut().unwrap().packetization_mode = mode;
            let text = describe(&streams, &targets, &offer, None).to_string();
            let parameters = format!(
                "a=fmtp:102 packetization-mode={};profile-level-id=42e01e;\
                 sprop-parameter-sets=Z0LAHg==,aM4=",
                mode.number()
            );
            assert!(text.contains(&parameters), "{text}");
            let expected = Expected::of(&codec_rtc::sdp::parse(&text).unwrap()).unwrap();
            let format = expected.format(102).unwrap();
            assert_eq!(format.format, VideoFormat::H264);
            assert!(format.sets.are_signalled());
        }
        assert!(Expected::usual(IpAddr::from([127, 0, 0, 1]), 5).format(102).is_some());
    }

    #[test]
    fn keys_are_described() {
        let targets = Targets::new("127.0.0.1:5004".parse().unwrap(), false, &offer());
        let keys = Keys::random(&"srtp://h:1".parse().unwrap()).unwrap();
        let session =
            describe(&streams(77, Some(VideoFormat::Vp8), true), &targets, &offer(), Some(&keys));
        let session = codec_rtc::sdp::parse(&session.to_string()).unwrap();
        assert_eq!(Expected::of(&session).unwrap().keys, Some(keys));
    }

    #[test]
    fn unsupported_descriptions_are_rejected() {
        let says = |text: &str| {
            let session = codec_rtc::sdp::parse(text).unwrap();
            Expected::of(&session).map_or_else(|error| error, |_| panic!("{text} is taken"))
        };
        let head = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
        assert!(says(head).contains("no audio or video media line"));
        let av1 = "c=IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\na=rtpmap:96 AV1/90000\r\n";
        assert!(says(&format!("{head}{av1}")).contains("unsupported video codec AV1"));
        let h264 = av1.replace("AV1", "H264");
        let interleaved = format!("{head}{h264}a=fmtp:96 packetization-mode=2\r\n");
        assert!(says(&interleaved).contains("packetization mode 2 (interleaved)"));
        let secret = "c=IN IP4 127.0.0.1\r\nm=video 5004 RTP/SAVP 96\r\na=rtpmap:96 VP8/90000\r\n";
        assert!(says(&format!("{head}{secret}")).contains("RTP/SAVP without a supported key"));
    }
}
