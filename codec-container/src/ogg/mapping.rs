//! How Opus (RFC 7845), Vorbis (Vorbis I, section 4) and FLAC (its Ogg mapping) lie in Ogg: the
//! header packets and the samples of a packet.

use codec_core::audio::opus_head::OpusHead;
use codec_core::audio::{AudioCodec, AudioFormat, ChannelLayout};
use codec_core::codec::Bitrate;

use crate::opus;
use crate::tags::parse_comments;
use crate::{AudioTrack, Format, flac};

/// Most modes of a Vorbis stream.
const MAX_MODES: usize = 64;

/// What is known of a logical stream's coding.
#[derive(Debug)]
pub(super) enum Mapping {
    Opus {
        head: OpusHead,
    },
    Vorbis {
        /// Samples of short and long blocks.
        blocks: [u32; 2],
        /// Whether each mode has long blocks.
        modes: Vec<bool>,
        previous: Option<u32>,
    },
    Flac {
        stream_info: flac::StreamInfo,
    },
}

/// A stream as its first packet describes it.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) mapping: Mapping,
    pub(super) track: AudioTrack,
    /// Header packets after the first; FLAC may not know how many.
    pub(super) more_headers: Option<usize>,
}

/// Looks at the first packet of a stream; `Ok(None)` if its coding is not known. The error is a
/// clause that tells what is wrong.
pub(super) fn identify(first: &[u8]) -> Result<Option<Identified>, &'static str> {
    if first.starts_with(b"OpusHead") {
        let head = OpusHead::parse(first).map_err(|_| "a damaged OpusHead")?;
        let mut track = opus::track_of(&head, Format::Ogg);
        // As it was, for decoders that look further.
        track.codec_private = first.to_vec();
        return Ok(Some(Identified {
            mapping: Mapping::Opus { head },
            track,
            more_headers: Some(1),
        }));
    }
    if first.starts_with(b"\x01vorbis") {
        return identify_vorbis(first).ok_or("a damaged Vorbis head").map(Some);
    }
    if first.starts_with(b"\x7FFLAC") {
        return identify_flac(first).ok_or("a damaged FLAC head").map(Some);
    }
    Ok(None)
}

fn identify_vorbis(first: &[u8]) -> Option<Identified> {
    let &[v0, v1, v2, v3, channels, r0, r1, r2, r3] = first.get(7..)?.first_chunk()?;
    let rate = u32::from_le_bytes([r0, r1, r2, r3]);
    let sizes = *first.get(28)?;
    let blocks = [1_u32 << (sizes & 15), 1 << (sizes >> 4)];
    if [v0, v1, v2, v3] != [0; 4] || rate == 0 || blocks[0] < 64 || blocks[1] < blocks[0] {
        return None;
    }
    let format = AudioFormat::new(rate, ChannelLayout::of(channels.into())?);
    let mut track = AudioTrack::new(Format::Ogg, AudioCodec::Vorbis, format);
    let nominal = u32::from_le_bytes(*first.get(20..)?.first_chunk()?);
    track.bitrate = (1..1 << 31).contains(&nominal).then(|| Bitrate(nominal.into()));
    let mapping = Mapping::Vorbis { blocks, modes: Vec::new(), previous: None };
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
    /// Samples that come before the first of the sound.
    pub(super) fn pre_skip(&self) -> u32 {
        match self {
            Self::Opus { head } => head.pre_skip.into(),
            Self::Vorbis { .. } | Self::Flac { .. } => 0,
        }
    }

    /// Whether a header packet follows, if their number is not stated.
    pub(super) fn is_header(&self, packet: &[u8]) -> bool {
        matches!(self, Self::Flac { .. }) && packet.first() != Some(&0xFF)
    }

    /// Takes the header packets after the first; tags and set-up data go into `track`.
    pub(super) fn take_headers(
        &mut self,
        first: &[u8],
        more: &[Vec<u8>],
        track: &mut AudioTrack,
    ) -> Result<(), &'static str> {
        match self {
            Self::Opus { .. } => {
                let tags = more.first().and_then(|tags| tags.strip_prefix(b"OpusTags"));
                track.tags = parse_comments(tags.ok_or("something else than OpusTags")?);
            }
            Self::Vorbis { modes, .. } => {
                let [comments, setup] = more else { return Err("too few headers") };
                let comments = comments.strip_prefix(b"\x03vorbis").ok_or("no comments")?;
                track.tags = parse_comments(comments);
                if !setup.starts_with(b"\x05vorbis") {
                    return Err("no set-up");
                }
                *modes = vorbis_modes(setup).ok_or("a set-up without modes")?;
                track.codec_private = xiph_laced(&[first, &more[0], &more[1]]);
            }
            Self::Flac { .. } => {
                let comments =
                    more.iter().find(|block| block.first().is_some_and(|b| b & 0x7F == 4));
                let comments = comments.and_then(|block| block.get(4..));
                track.tags = comments.map(parse_comments).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// What two streams have in common if one decoder can go on from one to the other.
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

    /// Samples that a decoder gives for a packet after the one before; 0 for one that is damaged.
    pub(super) fn samples(&mut self, packet: &[u8]) -> u32 {
        match self {
            Self::Opus { .. } => opus::packet_samples(packet).unwrap_or(0),
            Self::Vorbis { blocks, modes, previous } => {
                let Some(&byte) = packet.first().filter(|&byte| byte & 1 == 0) else { return 0 };
                let bits = (modes.len() - 1).checked_ilog2().map_or(0, |log| log + 1);
                let mode = usize::from(byte >> 1) & ((1 << bits) - 1);
                let Some(&long) = modes.get(mode) else { return 0 };
                let block = blocks[usize::from(long)];
                let before = previous.replace(block);
                before.map_or(0, |before| before / 4 + block / 4)
            }
            Self::Flac { .. } => flac::frame_samples(packet).unwrap_or(0),
        }
    }

    /// Packets are missing.
    pub(super) fn forget(&mut self) {
        if let Self::Vorbis { previous, .. } = self {
            *previous = None;
        }
    }
}

/// Header packets in one block of set-up data, as Matroska has them: their number less one, the
/// lengths of all but the last as runs of 255, the packets.
fn xiph_laced(packets: &[&[u8]; 3]) -> Vec<u8> {
    let mut out = vec![2];
    for packet in &packets[..2] {
        out.resize(out.len() + packet.len() / 255, 255);
        out.push(u8::try_from(packet.len() % 255).unwrap_or(0));
    }
    packets.iter().for_each(|packet| out.extend_from_slice(packet));
    out
}

/// Whether each mode of a Vorbis set-up packet has long blocks (Vorbis I, section 4.2.4).
///
/// The modes stand at the end, behind tables whose length only a decoder knows; so they are read
/// from the back: a framing bit, then for each mode 8 bits of mapping, 32 zeros and the flag, and
/// before the first their number less one in 6 bits. The longest such run is taken.
fn vorbis_modes(setup: &[u8]) -> Option<Vec<bool>> {
    let bit = |at: usize| setup[at / 8] >> (at % 8) & 1;
    let field = |at: usize, bits: usize| {
        (0..bits).fold(0_u32, |value, n| value | u32::from(bit(at + n)) << n)
    };
    let framing = (56..setup.len() * 8).rev().find(|&at| bit(at) == 1)?;
    let mut flags = Vec::new();
    let mut best = 0;
    let mut at = framing;
    while at >= 56 + 41 + 6 && flags.len() < MAX_MODES {
        at -= 41;
        if field(at + 1, 32) != 0 || field(at + 33, 8) >= 64 {
            break;
        }
        flags.push(bit(at) == 1);
        if field(at - 6, 6) as usize == flags.len() - 1 {
            best = flags.len();
        }
    }
    flags.truncate(best);
    flags.reverse();
    (!flags.is_empty()).then_some(flags)
}
