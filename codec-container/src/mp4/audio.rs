//! Audio sample entries: parsing and writing. ISO/IEC 14496-12, section 12.2, including the
//! codec-specific boxes and the sample entry versions of QuickTime.

use codec_audio::opus_head::OpusHead;
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout, PcmEncoding};
use codec_core::codec::Bitrate;

use super::boxes::{Fields, child, put, put_full, unsupported};
use crate::codec_names::{of_fourcc, of_object_type};
use crate::{AudioTrack, Format, Result, flac, opus, pcm};

/// Bytes of an entry before its boxes. QuickTime versions 1 and 2 have additional bytes: see the next constants.
const ENTRY_BYTES: usize = 28;
const VERSION_1_BYTES: usize = 16;
const VERSION_2_BYTES: usize = 36;

/// The fields before the boxes.
struct Entry<'a> {
    channels: u32,
    bits: u32,
    rate: u32,
    /// Flags of uncompressed samples, in entries of version 2.
    flags: u32,
    boxes: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Parses the fields before the boxes. `iso` states that the sample table has version 1;
    /// entries of version 1 then have no additional fields.
    fn parse(entry: &'a [u8], iso: bool) -> Option<Self> {
        let mut fields = Fields(entry);
        fields.skip(8)?;
        let version = fields.u16()?;
        fields.skip(6)?;
        let (channels, bits) = (fields.u16()?.into(), fields.u16()?.into());
        fields.skip(4)?;
        let rate = fields.u32()? >> 16;
        let mut parsed = Self { channels, bits, rate, flags: 0, boxes: entry.get(ENTRY_BYTES..)? };
        match version {
            1 if !iso => parsed.boxes = entry.get(ENTRY_BYTES + VERSION_1_BYTES..)?,
            2 => {
                fields.skip(4)?;
                let rate = f64::from_bits(fields.u64()?);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "an out-of-range float saturates"
                )]
                let rate = rate.round() as u32;
                parsed.rate = rate;
                parsed.channels = fields.u32()?;
                fields.skip(4)?;
                parsed.bits = fields.u32()?;
                parsed.flags = fields.u32()?;
                parsed.boxes = entry.get(ENTRY_BYTES + VERSION_2_BYTES..)?;
            }
            _ => {}
        }
        Some(parsed)
    }

    /// Returns a box of the entry, or of the `wave` box in which QuickTime stores the boxes.
    fn child(&self, kind: &[u8; 4]) -> Option<&'a [u8]> {
        child(self.boxes, kind).or_else(|| child(child(self.boxes, b"wave")?, kind))
    }

    fn is_little_endian(&self) -> bool {
        self.child(b"enda").and_then(|payload| payload.get(1)) == Some(&1)
    }
}

/// Parses a sample entry as a track with ticks of `timescale`. `None` if it is truncated.
pub(super) fn parse_entry(
    kind: [u8; 4],
    entry: &[u8],
    iso: bool,
    timescale: u32,
) -> Option<Result<AudioTrack>> {
    let entry = Entry::parse(entry, iso)?;
    let codec = match codec_of(kind, &entry) {
        Ok(codec) => codec?,
        Err(error) => return Some(Err(error)),
    };
    let channels = usize::try_from(entry.channels).ok()?;
    let layout = ChannelLayout::of(channels)?;
    let rate = if entry.rate > 0 { entry.rate } else { timescale };
    let mut track = AudioTrack::new(Format::Mp4, codec, AudioFormat::new(rate, layout));
    match codec {
        AudioCodec::Opus => {
            let head = parse_opus(entry.child(b"dOps")?)?;
            track = opus::track_of(&head, Format::Mp4);
        }
        AudioCodec::Aac | AudioCodec::Mp3 | AudioCodec::Vorbis => {
            if let Some(config) = entry.child(b"esds").and_then(DecoderConfig::parse) {
                let rate = Some(config.bitrate).filter(|&rate| rate > 0);
                track.bitrate = rate.map(|rate| Bitrate(rate.into()));
                track.codec_private = config.specific.to_vec();
            }
            if codec == AudioCodec::Aac {
                // Entries often state two channels, regardless of the actual number.
                let layout = aac_channels(&track.codec_private).and_then(ChannelLayout::of);
                track.audio.layout = layout.unwrap_or(track.audio.layout);
            }
        }
        AudioCodec::Flac => {
            let blocks = entry.child(b"dfLa")?.get(4..)?;
            let info = blocks.get(4..4 + flac::STREAM_INFO_BYTES)?;
            let stated = flac::StreamInfo::parse(info)?;
            track = stated.to_track(Format::Mp4, info);
            flac::take_layout_of_blocks(blocks, &mut track.audio.layout);
            track.duration = None;
        }
        AudioCodec::Alac => {
            // Version and flags, then the cookie.
            let cookie = entry.child(b"alac")?.get(4..)?;
            track.codec_private = cookie.to_vec();
            let layout = cookie.get(9).and_then(|&count| ChannelLayout::of(count.into()));
            track.audio.layout = layout.unwrap_or(track.audio.layout);
            if let Some(&rate) = cookie.get(20..).and_then(|rest| rest.first_chunk()) {
                track.audio.rate = Some(u32::from_be_bytes(rate)).filter(|&r| r > 0)?;
            }
        }
        _ => {}
    }
    Some(Ok(track))
}

/// Returns the codec of an entry of `kind`; `Ok(None)` if a mandatory part is missing.
fn codec_of(kind: [u8; 4], entry: &Entry<'_>) -> Result<Option<AudioCodec>> {
    const FLOAT: u32 = 1;
    const BIG: u32 = 2;
    let pcm = |float: bool, bits: u32, little: bool| {
        let encoding = match (float, bits, little) {
            (false, 16, true) => PcmEncoding::S16Le,
            (false, 16, false) => PcmEncoding::S16Be,
            (false, 24, true) => PcmEncoding::S24Le,
            (false, 32, true) => PcmEncoding::S32Le,
            (true, 32, true) => PcmEncoding::F32Le,
            (true, 64, true) => PcmEncoding::F64Le,
            _ => {
                let order = if little { "little" } else { "big" };
                let what = format!("{bits}-bit {order}-endian uncompressed audio");
                return Err(unsupported(what));
            }
        };
        Ok(Some(AudioCodec::Pcm(encoding)))
    };
    match &kind {
        b"Opus" => Ok(Some(AudioCodec::Opus)),
        b"fLaC" => Ok(Some(AudioCodec::Flac)),
        b"alac" => Ok(Some(AudioCodec::Alac)),
        b".mp3" | b"ms\0\x55" => Ok(Some(AudioCodec::Mp3)),
        b"alaw" => Ok(Some(AudioCodec::Pcma)),
        b"ulaw" => Ok(Some(AudioCodec::Pcmu)),
        b"raw " if entry.bits == 8 => Ok(Some(AudioCodec::Pcm(PcmEncoding::U8))),
        b"sowt" => pcm(false, entry.bits, true),
        b"twos" => pcm(false, entry.bits, false),
        b"in24" => pcm(false, 24, entry.is_little_endian()),
        b"in32" => pcm(false, 32, entry.is_little_endian()),
        b"fl32" => pcm(true, 32, entry.is_little_endian()),
        b"fl64" => pcm(true, 64, entry.is_little_endian()),
        b"lpcm" => pcm(entry.flags & FLOAT != 0, entry.bits, entry.flags & BIG == 0),
        b"ipcm" | b"fpcm" => {
            let Some(&[_, _, _, _, flags, bits]) =
                entry.child(b"pcmC").and_then(|payload| payload.first_chunk())
            else {
                return Ok(None);
            };
            pcm(kind == *b"fpcm", bits.into(), flags & 1 == 1)
        }
        b"mp4a" => {
            let object = entry.child(b"esds").and_then(DecoderConfig::parse);
            match object.map(|config| config.object) {
                Some(0x40 | 0x66..=0x68) => Ok(Some(AudioCodec::Aac)),
                Some(0x69 | 0x6B) => Ok(Some(AudioCodec::Mp3)),
                Some(0xDD) => Ok(Some(AudioCodec::Vorbis)),
                Some(other) => {
                    let what = of_object_type(other).map_or_else(
                        || format!("audio of object type {other:#04x}"),
                        |name| format!("codec {name}"),
                    );
                    Err(unsupported(what))
                }
                None => Ok(None),
            }
        }
        b"enca" => Err(unsupported("an encrypted track")),
        _ => Err(unsupported(format!("codec {}", of_fourcc(kind)))),
    }
}

/// The object type in the payload of an `esds` box.
pub(super) fn object_type(payload: &[u8]) -> Option<u8> {
    Some(DecoderConfig::parse(payload)?.object)
}

/// Parses a `dOps` box, which is like an `OpusHead`, but big-endian and of version 0.
fn parse_opus(payload: &[u8]) -> Option<OpusHead> {
    let mut fields = Fields(payload);
    fields.skip(1)?;
    let channels = fields.u8()?;
    let (pre_skip, input_rate) = (fields.u16()?, fields.u32()?);
    let gain = fields.u16()?.cast_signed();
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend_from_slice(&pre_skip.to_le_bytes());
    head.extend_from_slice(&input_rate.to_le_bytes());
    head.extend_from_slice(&gain.to_le_bytes());
    head.extend_from_slice(fields.0);
    OpusHead::parse(&head).ok()
}

/// The fields of an `esds` box. ISO/IEC 14496-1, section 7.2.6.
struct DecoderConfig<'a> {
    object: u8,
    /// The average bitrate, or 0.
    bitrate: u32,
    specific: &'a [u8],
}

impl<'a> DecoderConfig<'a> {
    fn parse(payload: &'a [u8]) -> Option<Self> {
        let (tag, stream, _) = descriptor(payload.get(4..)?)?;
        let mut fields = Fields(stream);
        if tag == 3 {
            fields.skip(2)?;
            let flags = fields.u8()?;
            if flags & 0x80 != 0 {
                fields.skip(2)?;
            }
            if flags & 0x40 != 0 {
                let len = fields.u8()?;
                fields.skip(len.into())?;
            }
            if flags & 0x20 != 0 {
                fields.skip(2)?;
            }
        } else {
            fields = Fields(payload.get(4..)?);
        }
        let (tag, config, _) = descriptor(fields.0)?;
        if tag != 4 {
            return None;
        }
        let mut fields = Fields(config);
        let object = fields.u8()?;
        fields.skip(8)?;
        let bitrate = fields.u32()?;
        let specific = descriptor(fields.0).filter(|(tag, ..)| *tag == 5);
        Some(Self { object, bitrate, specific: specific.map_or(&[], |(_, payload, _)| payload) })
    }
}

/// Number of channels from the configuration in an `AudioSpecificConfig`. ISO/IEC 14496-3, section
/// 1.6.
fn aac_channels(config: &[u8]) -> Option<usize> {
    let &[first, second] = config.first_chunk()?;
    let has_usual_rate = (first & 7) << 1 | second >> 7 != 15;
    match second >> 3 & 15 {
        _ if first >> 3 == 31 || !has_usual_rate => None,
        count @ 1..=6 => Some(count.into()),
        7 => Some(8),
        _ => None,
    }
}

/// Tag and payload of the first descriptor, and the bytes after it.
fn descriptor(data: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, mut rest) = data.split_first()?;
    let mut len = 0_usize;
    for _ in 0..4 {
        let (&byte, tail) = rest.split_first()?;
        rest = tail;
        len = len << 7 | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let (payload, rest) = rest.split_at_checked(len)?;
    Some((tag, payload, rest))
}

fn put_descriptor(out: &mut Vec<u8>, tag: u8, payload: &[u8]) {
    out.push(tag);
    let len = payload.len();
    for shift in [21, 14, 7] {
        out.push(0x80 | (len >> shift & 0x7F).to_le_bytes()[0]);
    }
    out.push((len & 0x7F).to_le_bytes()[0]);
    out.extend_from_slice(payload);
}

/// Whether MP4 can hold the track.
pub(super) fn check(track: &AudioTrack) -> Result<()> {
    let needs = matches!(track.codec, AudioCodec::Aac | AudioCodec::Flac | AudioCodec::Alac);
    let unfit = match track.codec {
        _ if needs && track.codec_private.is_empty() => " without codec configuration",
        AudioCodec::Opus if opus::head_of(track).is_none() => " without a valid OpusHead",
        AudioCodec::Vorbis => "",
        _ if track.audio.rate == 0 => " without a rate",
        _ => return Ok(()),
    };
    Err(unsupported(format!("codec {}{unfit}", track.codec)))
}

/// Appends the sample entry of `track`.
pub(super) fn put_entry(out: &mut Vec<u8>, track: &AudioTrack) {
    let bits = pcm::sample_bytes(track.codec).map_or(16, |bytes| 8 * bytes);
    let bits = u8::try_from(bits).unwrap_or(16);
    let kind = match track.codec {
        AudioCodec::Opus => b"Opus",
        AudioCodec::Flac => b"fLaC",
        AudioCodec::Alac => b"alac",
        AudioCodec::Pcma => b"alaw",
        AudioCodec::Pcmu => b"ulaw",
        AudioCodec::Pcm(PcmEncoding::U8) => b"raw ",
        AudioCodec::Pcm(PcmEncoding::F32Le | PcmEncoding::F64Le) => b"fpcm",
        AudioCodec::Pcm(_) => b"ipcm",
        _ => b"mp4a",
    };
    put(out, kind, |out| {
        out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
        out.extend_from_slice(&[0; 8]);
        let channels = u16::try_from(track.audio.channels()).unwrap_or(u16::MAX);
        out.extend_from_slice(&channels.to_be_bytes());
        let is_g711 = matches!(track.codec, AudioCodec::Pcma | AudioCodec::Pcmu);
        out.extend_from_slice(&[0, if is_g711 { 16 } else { bits }, 0, 0, 0, 0]);
        // 16.16 fixed point; 0 for rates that do not fit.
        let rate = u16::try_from(track.audio.rate).unwrap_or(0);
        out.extend_from_slice(&(u32::from(rate) << 16).to_be_bytes());
        match track.codec {
            AudioCodec::Opus => put(out, b"dOps", |out| put_opus(out, track)),
            AudioCodec::Flac => put_full(out, b"dfLa", 0, 0, |out| {
                let headers = flac::headers(&track.codec_private, track.audio.layout);
                out.extend_from_slice(&headers[4..]);
            }),
            AudioCodec::Alac => put_full(out, b"alac", 0, 0, |out| {
                out.extend_from_slice(&track.codec_private);
            }),
            AudioCodec::Pcm(encoding) if kind != b"raw " => put_full(out, b"pcmC", 0, 0, |out| {
                out.extend_from_slice(&[u8::from(encoding != PcmEncoding::S16Be), bits]);
            }),
            AudioCodec::Aac => put_full(out, b"esds", 0, 0, |out| put_stream(out, 0x40, track)),
            AudioCodec::Mp3 => put_full(out, b"esds", 0, 0, |out| put_stream(out, 0x6B, track)),
            _ => {}
        }
    });
}

fn put_opus(out: &mut Vec<u8>, track: &AudioTrack) {
    let Some(head) = opus::head_of(track) else { return };
    out.extend_from_slice(&[0, head.channels]);
    out.extend_from_slice(&head.pre_skip.to_be_bytes());
    out.extend_from_slice(&head.input_rate.to_be_bytes());
    out.extend_from_slice(&head.gain_q8_db.to_be_bytes());
    out.push(head.family);
    if head.family != 0 {
        out.extend_from_slice(&[head.streams, head.coupled]);
        out.extend_from_slice(&head.mapping);
    }
}

fn put_stream(out: &mut Vec<u8>, object: u8, track: &AudioTrack) {
    let rate = track.bitrate.map_or(0, |rate| u32::try_from(rate.0).unwrap_or(u32::MAX));
    // Stream type 5 (audio), not upstream; buffer size 0.
    let mut config = vec![object, 5 << 2 | 1, 0, 0, 0];
    config.extend_from_slice(&rate.to_be_bytes());
    config.extend_from_slice(&rate.to_be_bytes());
    if !track.codec_private.is_empty() {
        put_descriptor(&mut config, 5, &track.codec_private);
    }
    let mut stream = vec![0, 0, 0];
    put_descriptor(&mut stream, 4, &config);
    // The configuration of the sync layer that is predefined for MP4.
    put_descriptor(&mut stream, 6, &[2]);
    put_descriptor(out, 3, &stream);
}

#[cfg(test)]
mod tests {
    use super::super::boxes::Boxes;
    use super::*;

    #[test]
    fn entries_survive() {
        let format = |channels| AudioFormat::new(44_100, ChannelLayout::of(channels).unwrap());
        let pcm = [PcmEncoding::U8, PcmEncoding::S16Be, PcmEncoding::S24Le, PcmEncoding::F64Le];
        let codecs = pcm.map(AudioCodec::Pcm).into_iter().chain([
            AudioCodec::Aac,
            AudioCodec::Mp3,
            AudioCodec::Pcma,
            AudioCodec::Pcmu,
        ]);
        for codec in codecs {
            let mut track = AudioTrack::new(Format::Mp4, codec, format(2));
            if codec == AudioCodec::Aac {
                track.codec_private = vec![0x12, 0x10];
            }
            let mut out = Vec::new();
            put_entry(&mut out, &track);
            let (kind, payload) = Boxes(&out).next().unwrap();
            let back = parse_entry(kind, payload, false, 44_100).unwrap().unwrap();
            assert_eq!((back.codec, back.audio), (codec, track.audio));
            assert_eq!(back.codec_private, track.codec_private);
            for cut in 0..payload.len() {
                let _ = parse_entry(kind, &payload[..cut], false, 44_100);
            }
        }
    }
}
