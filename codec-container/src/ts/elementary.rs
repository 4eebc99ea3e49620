//! Divides the PES payloads of elementary streams into packets.

use codec_audio::opus_head::OpusHead;
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};
use codec_core::frame::Rational;

use super::opus_unit::OpusUnit;
use super::pes::Payload;
use super::tables::StreamEntry;
use super::timeline::{TICKS, Times};
use super::video::VideoFrames;
use crate::elementary::{FrameHead, adts_configuration, parse_adts, parse_mp3};
use crate::samples::{SampleClock, scaled};
use crate::{AudioTrack, CodedPacket, Format, SkippedTrack, Track, TrackKind, describe_h264, opus};

/// Bytes that suffice for the header of an audio frame.
const HEADER_BYTES: usize = 8;

/// Codecs of streams that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    H264,
    Aac,
    /// MPEG audio; only layer III (MP3) is supported.
    MpegAudio,
    /// Opus with this number of channels.
    Opus(u8),
}

/// Returns the codec of a stream, or why it is skipped. ITU-T H.222.0, table 2-34, and the
/// registrations of ATSC and SMPTE.
pub(super) fn kind_of(entry: &StreamEntry) -> Result<Kind, SkippedTrack> {
    let video = |name: &str| Err(SkippedTrack::new(TrackKind::Video, name));
    let audio = |name: &str| Err(SkippedTrack::new(TrackKind::Audio, name));
    let subtitle = |name: &str| Err(SkippedTrack::new(TrackKind::Subtitle, name));
    match (entry.kind, entry.registration.as_ref()) {
        (0x1B, _) => Ok(Kind::H264),
        (0x0F, _) => Ok(Kind::Aac),
        (0x03 | 0x04, _) => Ok(Kind::MpegAudio),
        (0x06, Some(b"Opus")) => match entry.opus_channels {
            Some(channels @ 1..=8) => Ok(Kind::Opus(channels)),
            _ => audio("opus"),
        },
        (0x01, _) => video("mpeg1video"),
        (0x02, _) => video("mpeg2video"),
        (0x10, _) => video("mpeg4"),
        (0x1F | 0x20, _) => video("h264 (SVC or MVC layer)"),
        (0x21, _) => video("jpeg2000"),
        (0x24, _) | (0x06, Some(b"HEVC")) => video("hevc"),
        (0x33, _) => video("vvc"),
        (0x06, Some(b"AV01")) => video("av1"),
        (0xEA, _) => video("vc1"),
        (0x11, _) => audio("aac_latm"),
        (0x81, _) | (0x06, Some(b"AC-3")) => audio("ac3"),
        (0x87, _) | (0x06, Some(b"EAC3")) => audio("eac3"),
        (0x82, _) => audio("dts"),
        (0x06, _) if entry.tags.contains(&0x6A) => audio("ac3"),
        (0x06, _) if entry.tags.contains(&0x7A) => audio("eac3"),
        (0x06, _) if entry.tags.contains(&0x59) => subtitle("dvb_subtitle"),
        (0x06, _) if entry.tags.contains(&0x56) => subtitle("dvb_teletext"),
        (kind, _) => Err(SkippedTrack::new(TrackKind::Data, format!("stream type {kind:#04x}"))),
    }
}

impl Kind {
    pub(super) fn name(self) -> (TrackKind, &'static str) {
        match self {
            Self::H264 => (TrackKind::Video, "h264"),
            Self::Aac => (TrackKind::Audio, "aac"),
            Self::MpegAudio => (TrackKind::Audio, "mp3"),
            Self::Opus(_) => (TrackKind::Audio, "opus"),
        }
    }
}

/// A track that was recognised by its first data.
#[derive(Debug)]
enum Known {
    Video(VideoFrames),
    /// Frames with their length in the header, like the first one.
    Frames {
        first: FrameHead,
        parse: fn(&[u8]) -> Option<FrameHead>,
        clock: SampleClock,
        /// The start of a frame that continues in the next payload.
        rest: Vec<u8>,
    },
    Opus(SampleClock),
}

/// Turns the payloads of a stream into packets.
#[derive(Debug)]
pub(super) struct Elementary {
    kind: Kind,
    known: Option<Known>,
}

impl Elementary {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, known: None }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Bytes that wait for later payloads.
    pub(super) fn waiting(&self) -> usize {
        match &self.known {
            Some(Known::Video(frames)) => frames.waiting(),
            _ => 0,
        }
    }

    /// Describes the track by its first payload; `Ok(None)` if this payload does not describe it,
    /// but a later one may.
    pub(super) fn describe(
        &mut self,
        data: &[u8],
        entry: &StreamEntry,
    ) -> Result<Option<Track>, SkippedTrack> {
        let (known, mut track) = match self.kind {
            Kind::H264 => {
                // Decoding begins with parameter sets.
                let track = describe_h264(Format::MpegTs, data, Rational::new(1, TICKS));
                let Some(track) = track else { return Ok(None) };
                let frames = VideoFrames::new(track.frame_rate);
                (Known::Video(frames), Track::Video(track))
            }
            Kind::Aac => {
                let Some((at, head)) = first_frame(data, parse_adts) else { return Ok(None) };
                let mut track = AudioTrack::new(Format::MpegTs, AudioCodec::Aac, head.format());
                track.codec_private = adts_configuration(&data[at..]).to_vec();
                (Known::frames(head, parse_adts), Track::Audio(track))
            }
            Kind::MpegAudio => {
                let Some((_, head)) = first_frame(data, parse_mp3) else {
                    // Layers I and II.
                    let is_other = matches!(data, [0xFF, second, ..] if second & 0xE6 > 0xE2);
                    let skipped = || SkippedTrack::new(TrackKind::Audio, "mp2");
                    return if is_other { Err(skipped()) } else { Ok(None) };
                };
                let track = AudioTrack::new(Format::MpegTs, AudioCodec::Mp3, head.format());
                (Known::frames(head, parse_mp3), Track::Audio(track))
            }
            Kind::Opus(channels) => {
                let head = OpusHead::surround(channels, 0, opus::RATE);
                let head = head.unwrap_or_else(|| OpusHead::plain(channels, 0, opus::RATE));
                let track = opus::track_of(&head, Format::MpegTs);
                (Known::Opus(clock(opus::RATE)), Track::Audio(track))
            }
        };
        if let Track::Audio(track) = &mut track {
            track.language.clone_from(&entry.language);
        }
        self.known = Some(known);
        Ok(Some(track))
    }

    /// Passes the packets in a payload to `out`; returns `false` if the audio of the payload has
    /// another format than the track.
    pub(super) fn packets(
        &mut self,
        payload: Payload<'_>,
        mut out: impl FnMut(CodedPacket),
    ) -> bool {
        match &mut self.known {
            None => {}
            Some(Known::Video(frames)) => frames.add(payload, &mut out),
            Some(Known::Frames { first, parse, clock, rest }) => {
                if payload.after_gap {
                    rest.clear();
                }
                let is_same = |head: &FrameHead| head.format() == first.format();
                let other = parse(payload.data).filter(|head| rest.is_empty() && !is_same(head));
                if other.is_some_and(|head| parse_follows(payload.data, head, *parse)) {
                    return false;
                }
                let begun = rest.len();
                rest.extend_from_slice(payload.data);
                let parse = |data: &[u8]| parse(data).filter(is_same);
                // The time belongs to the first frame that begins in the payload.
                let mut stated = payload.times;
                let mut at = 0;
                while let Some((start, head)) = next_frame(rest, &mut at, parse) {
                    at = start + head.bytes;
                    let mut packet = new_packet(payload);
                    packet.data.extend_from_slice(&rest[start + head.dropped..at]);
                    let stated = if start < begun { None } else { stated.take() };
                    place(&mut packet, clock, stated, head.rate, head.samples);
                    out(packet);
                }
                rest.drain(..at);
            }
            Some(Known::Opus(clock)) => {
                let mut data = payload.data;
                let mut stated = payload.times;
                while let Some((unit, after)) = OpusUnit::split(data) {
                    data = after;
                    let samples = opus::packet_samples(unit.data).unwrap_or(0);
                    let mut packet = new_packet(payload);
                    packet.data.extend_from_slice(unit.data);
                    packet.trim_start = unit.trim_start.min(samples);
                    packet.trim_end = unit.trim_end.min(samples - packet.trim_start);
                    place(&mut packet, clock, stated.take(), opus::RATE, samples);
                    out(packet);
                }
            }
        }
        true
    }

    /// Passes on what is left at the end of the stream.
    pub(super) fn finish(&mut self, mut out: impl FnMut(CodedPacket)) {
        if let Some(Known::Video(frames)) = &mut self.known {
            frames.finish(&mut out);
        }
    }
}

impl Known {
    fn frames(first: FrameHead, parse: fn(&[u8]) -> Option<FrameHead>) -> Self {
        Self::Frames { first, parse, clock: clock(first.rate), rest: Vec::new() }
    }
}

/// Creates a clock for times that are rounded to 1/90000 s, and by some multiplexers to a
/// millisecond.
fn clock(rate: u32) -> SampleClock {
    SampleClock::new(0, i64::from(rate) / 500)
}

impl FrameHead {
    fn format(&self) -> AudioFormat {
        AudioFormat::new(self.rate, ChannelLayout::of(self.channels).unwrap_or_default())
    }
}

fn new_packet(payload: Payload<'_>) -> CodedPacket {
    let mut packet = CodedPacket::default();
    packet.reset();
    packet.offset = payload.offset;
    packet.after_gap = payload.after_gap;
    packet
}

/// Sets time and duration of a packet of `samples`.
fn place(
    packet: &mut CodedPacket,
    clock: &mut SampleClock,
    stated: Option<Times>,
    rate: u32,
    samples: u32,
) {
    let stated = stated.map(|times| scaled(times.shown, rate.into(), TICKS.into()));
    let stated = stated.or(clock.next()).unwrap_or(0);
    (packet.pts, _) = clock.place(stated, samples);
    packet.duration = Some((samples - packet.trim_end.min(samples)).into());
}

/// Returns the next complete frame from `at` on, and moves `at` to the start of that frame. Without
/// a complete frame, `at` moves to the start of an incomplete frame, or to the end.
fn next_frame(
    data: &[u8],
    at: &mut usize,
    parse: impl Fn(&[u8]) -> Option<FrameHead>,
) -> Option<(usize, FrameHead)> {
    while *at < data.len() {
        let rest = &data[*at..];
        match parse(rest).filter(|head| head.bytes > 0) {
            Some(head) if head.bytes <= rest.len() => return Some((*at, head)),
            Some(_) => return None,
            None if rest[0] == 0xFF && rest.len() < HEADER_BYTES => return None,
            None => *at += 1,
        }
    }
    None
}

/// Whether the frame at the start of `data` is followed by another of its format, or by the end.
fn parse_follows(data: &[u8], head: FrameHead, parse: fn(&[u8]) -> Option<FrameHead>) -> bool {
    let next = data.get(head.bytes..).unwrap_or_default();
    next.len() < HEADER_BYTES || parse(next).is_some_and(|next| next.format() == head.format())
}

/// Returns the first frame that is followed by another one or by the end.
fn first_frame(data: &[u8], parse: fn(&[u8]) -> Option<FrameHead>) -> Option<(usize, FrameHead)> {
    (0..data.len()).find_map(|at| {
        let head = parse(&data[at..])?;
        parse_follows(&data[at..], head, parse).then_some((at, head))
    })
}
