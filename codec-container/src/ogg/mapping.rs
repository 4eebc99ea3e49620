//! Opus (RFC 7845), Vorbis (Vorbis I, section 4) and FLAC (its Ogg mapping) in Ogg: parses the header
//! packets, and counts the samples of a packet.

use codec_audio::opus_head::OpusHead;
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};
use codec_core::codec::Bitrate;

use crate::tags::parse_comments;
use crate::{AudioTrack, Format, flac, opus, vorbis};

/// The codec of a logical stream and its state.
#[derive(Debug)]
pub(super) enum Mapping {
    Opus {
        head: OpusHead,
    },
    Vorbis {
        head: vorbis::Head,
        /// Known once all headers have been read.
        timer: Option<vorbis::Timer>,
    },
    Flac {
        stream_info: flac::StreamInfo,
    },
}

/// A stream that its first packet describes.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) mapping: Mapping,
    pub(super) track: AudioTrack,
    /// Number of header packets after the first; FLAC may not state it.
    pub(super) more_headers: Option<usize>,
}

/// Parses the first packet of a stream; `Ok(None)` if its codec is unknown. The error describes the
/// problem.
pub(super) fn identify(first: &[u8]) -> Result<Option<Identified>, &'static str> {
    if first.starts_with(b"OpusHead") {
        let head = OpusHead::parse(first).map_err(|_| "a damaged OpusHead")?;
        let mut track = opus::track_of(&head, Format::Ogg);
        // The original bytes, for decoders that need them.
        track.codec_private = first.to_vec();
        return Ok(Some(Identified {
            mapping: Mapping::Opus { head },
            track,
            more_headers: Some(1),
        }));
    }
    if first.starts_with(b"\x01vorbis") {
        return identify_vorbis(first).ok_or("a damaged Vorbis header").map(Some);
    }
    if first.starts_with(b"\x7FFLAC") {
        return identify_flac(first).ok_or("a damaged FLAC header").map(Some);
    }
    Ok(None)
}

fn identify_vorbis(first: &[u8]) -> Option<Identified> {
    let head = vorbis::Head::parse(first)?;
    let format = AudioFormat::new(head.rate, ChannelLayout::of(head.channels.into())?);
    let mut track = AudioTrack::new(Format::Ogg, AudioCodec::Vorbis, format);
    track.bitrate = head.nominal_bitrate.map(|rate| Bitrate(rate.into()));
    let mapping = Mapping::Vorbis { head, timer: None };
    Some(Identified { mapping, track, more_headers: Some(2) })
}

fn identify_flac(first: &[u8]) -> Option<Identified> {
    let count = u16::from_be_bytes(*first.get(7..)?.first_chunk()?);
    let block = first.get(9..)?.strip_prefix(b"fLaC")?;
    let body = block.get(4..4 + flac::STREAM_INFO_BYTES)?;
    let stream_info = flac::StreamInfo::parse(body)?;
    let track = stream_info.to_track(Format::Ogg, body);
    let more_headers = (count > 0).then_some(count.into());
    Some(Identified { mapping: Mapping::Flac { stream_info }, track, more_headers })
}

impl Mapping {
    /// Samples before the start of the audio.
    pub(super) fn pre_skip(&self) -> u32 {
        match self {
            Self::Opus { head } => head.pre_skip.into(),
            Self::Vorbis { .. } | Self::Flac { .. } => 0,
        }
    }

    /// Whether another header packet follows, if their number is not stated.
    pub(super) fn is_header(&self, packet: &[u8]) -> bool {
        matches!(self, Self::Flac { .. }) && packet.first() != Some(&0xFF)
    }

    /// Parses the header packets after the first; stores tags and codec configuration in `track`.
    pub(super) fn take_headers(
        &mut self,
        first: &[u8],
        more: &[Vec<u8>],
        track: &mut AudioTrack,
    ) -> Result<(), &'static str> {
        match self {
            Self::Opus { .. } => {
                let tags = more.first().and_then(|tags| tags.strip_prefix(b"OpusTags"));
                track.tags = parse_comments(tags.ok_or("no OpusTags header")?);
            }
            Self::Vorbis { head, timer } => {
                let [comments, setup] = more else { return Err("fewer than three headers") };
                let tags = comments.strip_prefix(b"\x03vorbis").ok_or("no comment header")?;
                track.tags = parse_comments(tags);
                let known =
                    vorbis::Timer::new(head, setup).ok_or("a setup header without modes")?;
                *timer = Some(known);
                track.codec_private = vorbis::laced([first, comments, setup]);
            }
            Self::Flac { .. } => {
                let comments =
                    more.iter().find(|block| block.first().is_some_and(|b| b & 0x7F == 4));
                let comments = comments.and_then(|block| block.get(4..));
                track.tags = comments.map(parse_comments).unwrap_or_default();
                flac::take_layout(&mut track.tags, &mut track.audio.layout);
            }
        }
        Ok(())
    }

    /// The parameters that two streams must share for one decoder to continue from one to the
    /// other.
    pub(super) fn form(&self, first: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
        match self {
            Self::Opus { head: OpusHead { family: 0, .. } } => b"opus".to_vec(),
            Self::Opus { head } => {
                [&[head.family, head.streams, head.coupled], &head.mapping[..]].concat()
            }
            Self::Vorbis { .. } => [first, more.last().map_or(&[][..], Vec::as_slice)].concat(),
            Self::Flac { stream_info: info } => {
                format!("flac {:?}", (info.rate, info.channels, info.bits)).into()
            }
        }
    }

    /// Samples that a packet decodes to after the previous one; 0 for a damaged one.
    pub(super) fn samples(&mut self, packet: &[u8]) -> u32 {
        match self {
            Self::Opus { .. } => opus::packet_samples(packet).unwrap_or(0),
            Self::Vorbis { timer, .. } => timer.as_mut().map_or(0, |timer| timer.samples(packet)),
            Self::Flac { .. } => flac::frame_samples(packet).unwrap_or(0),
        }
    }

    /// Forgets the size of the previous Vorbis block, because packets are missing.
    pub(super) fn forget(&mut self) {
        if let Self::Vorbis { timer: Some(timer), .. } = self {
            timer.forget();
        }
    }
}
