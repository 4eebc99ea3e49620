//! Native FLAC files: reading and writing. RFC 9639, section 8.
//!
//! Frames have no length field. A frame ends where its checksum matches and the next frame begins.
//! The end of the last frame is found by parsing its subframes.

use codec_audio::{AudioCodec, ChannelLayout};
use codec_core::codec::Limits;

use super::crc::{crc8, crc16};
use super::flac_frame::coded_len;
use super::look_ahead::LookAhead;
use crate::flac::{COMMENTS, LAST_BLOCK, STREAM_INFO};
use crate::io::ByteWriter;
use crate::single_track::{ReadSingleTrack, SingleTrack, single_track_reader};
use crate::tags::{parse_comments, put_comments};
use crate::{
    AudioTrack, CodedPacket, Error, Format, Output, PacketRef, PacketWriter, ReadOptions, Result,
    Source, Track, flac,
};

/// The block with a picture.
const PICTURE: u8 = 6;
/// Maximum metadata block that is loaded into memory.
const MAX_BLOCK_BYTES: usize = 1 << 20;
/// Maximum length of a frame header.
const MAX_HEAD_BYTES: usize = 16;
/// Length of an `ID3v1` tag at the end of a file.
const ID3V1_BYTES: usize = 128;

/// Reads native FLAC.
#[derive(Debug)]
pub struct FlacReader {
    input: LookAhead,
    track: SingleTrack,
    limits: Limits,
    /// Bits per sample, from `STREAMINFO`.
    bits: u8,
    next: u64,
    index: u64,
}

fn corrupt(
    offset: u64,
    index: Option<u64>,
    expected: impl Into<std::borrow::Cow<'static, str>>,
    found: impl Into<std::borrow::Cow<'static, str>>,
) -> Error {
    Error::corrupt(Format::Flac, offset, index, expected, found)
}

impl FlacReader {
    /// Opens a native FLAC file and reads its metadata.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] if there is no valid `STREAMINFO`.
    pub fn new(source: Source, options: &ReadOptions) -> Result<Self> {
        let mut input = LookAhead::new(source);
        let mut metadata = input.read_id3()?;
        if !input.fill(4)? || !input.rest().starts_with(b"fLaC") {
            return Err(corrupt(input.offset(), None, "fLaC", "other data"));
        }
        input.consume(4);
        let (mut track, mut bits, mut tags) = (None, 0, Vec::new());
        loop {
            let offset = input.offset();
            if !input.fill(4)? {
                return Err(corrupt(offset, None, "a metadata block", "the end of the file"));
            }
            let &[kind, a, b, c] = input.rest().first_chunk().unwrap_or(&[0; 4]);
            let len = u32::from_be_bytes([0, a, b, c]);
            input.consume(4);
            let kept = usize::try_from(len).unwrap_or(usize::MAX).min(MAX_BLOCK_BYTES);
            match kind & !LAST_BLOCK {
                STREAM_INFO | COMMENTS => {
                    if !input.fill(kept)? {
                        return Err(corrupt(
                            offset,
                            None,
                            format!("{len} bytes"),
                            "the end of the file",
                        ));
                    }
                    let block = &input.rest()[..kept];
                    if kind & !LAST_BLOCK == COMMENTS {
                        tags = parse_comments(block);
                    } else {
                        let info = flac::StreamInfo::parse(block).ok_or_else(|| {
                            corrupt(offset, None, "a valid STREAMINFO", "an invalid one")
                        })?;
                        bits = info.bits;
                        track = Some(info.to_track(Format::Flac, block));
                    }
                    input.skip(len.into())?;
                }
                kind => {
                    metadata.has_attachments |= kind == PICTURE;
                    input.skip(len.into())?;
                }
            }
            if kind & LAST_BLOCK != 0 {
                break;
            }
        }
        let mut track =
            track.ok_or_else(|| corrupt(input.offset(), None, "a STREAMINFO block", "none"))?;
        track.tags = tags;
        let is_new =
            |name: &str| !track.tags.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let more: Vec<_> = metadata.tags.iter().filter(|(name, _)| is_new(name)).cloned().collect();
        track.tags.extend(more);
        track.warnings.extend(metadata.warnings());
        flac::take_layout(&mut track.tags, &mut track.audio.layout);
        Ok(Self {
            input,
            track: SingleTrack::new(Track::Audio(track)),
            limits: options.limits,
            bits,
            next: 0,
            index: 0,
        })
    }

    /// Finds the end of the frame that begins here; returns its length, or `None` at the end of the
    /// input.
    fn frame_len(&mut self) -> Result<Option<usize>> {
        let offset = self.input.offset();
        self.input.fill(ID3V1_BYTES + 1)?;
        let rest = self.input.rest();
        if rest.is_empty() || rest.len() == ID3V1_BYTES && rest.starts_with(b"TAG") {
            return Ok(None);
        }
        let index = Some(self.index);
        let Some(head) = head_len(rest) else {
            return Err(corrupt(offset, index, "a frame", "other data"));
        };
        let second = rest[1];
        let limit = usize::try_from(self.limits.max_frame_bytes).unwrap_or(usize::MAX);
        let (mut crc, mut at) = (0, 0);
        loop {
            let more = self.input.fill(at + MAX_HEAD_BYTES)?;
            let rest = self.input.rest();
            if !more && rest.len() <= at {
                // This is the last frame, or a truncated one. A matching checksum alone is weak
                // evidence: one truncated frame in 65 536 has it by chance.
                let whole = coded_len(rest, head, self.bits);
                if let Some(len) = whole.filter(|&len| checksum(&rest[..len]) == 0) {
                    return Ok(Some(len));
                }
                let found = format!("the end of the file after {at} bytes");
                return Err(corrupt(offset, index, "a complete frame", found));
            }
            while at < rest.len() {
                let begins = crc == 0 && at > 0 && rest[at] == 0xFF;
                // If the input contains the whole header of the next frame, all of it must be
                // buffered.
                if begins && more && rest.len() - at < MAX_HEAD_BYTES {
                    break;
                }
                if begins
                    && rest[at + 1..].first() == Some(&second)
                    && head_len(&rest[at..]).is_some()
                {
                    return Ok(Some(at));
                }
                crc = crc16(crc, rest[at]);
                at += 1;
            }
            if at > limit {
                let (asked, limit) = (at as u64, limit as u64);
                return Err(Error::limit(Format::Flac, offset, "packet bytes", asked, limit));
            }
        }
    }
}

/// Returns the CRC-16 of a frame that includes its own checksum; 0 if the frame is undamaged.
fn checksum(frame: &[u8]) -> u16 {
    frame.iter().fold(0, |crc, &byte| crc16(crc, byte))
}

/// Length of the frame header, if it is valid.
fn head_len(frame: &[u8]) -> Option<usize> {
    flac::frame_samples(frame)?;
    let number = match frame.get(4)?.leading_ones() {
        0 => 1,
        ones => ones as usize,
    };
    let size = match frame[2] >> 4 {
        6 => 1,
        7 => 2,
        _ => 0,
    };
    let rate = match frame[2] & 15 {
        12 => 1,
        13 | 14 => 2,
        15 => return None,
        _ => 0,
    };
    let len = 4 + number + size + rate;
    let &crc = frame.get(len)?;
    (crc8(&frame[..len]) == crc).then_some(len + 1)
}

impl ReadSingleTrack for FlacReader {
    fn track(&mut self) -> &mut SingleTrack {
        &mut self.track
    }

    fn read_packet(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        let Some(len) = self.frame_len()? else { return Ok(false) };
        packet.reset();
        packet.data.clear();
        packet.offset = self.input.offset();
        packet.data.extend_from_slice(&self.input.rest()[..len]);
        self.input.consume(len);
        let samples = u64::from(flac::frame_samples(&packet.data).unwrap_or(0));
        packet.pts = i64::try_from(self.next).unwrap_or(i64::MAX);
        packet.duration = Some(samples);
        packet.index = self.index;
        self.next = self.next.saturating_add(samples);
        self.index += 1;
        Ok(true)
    }
}

single_track_reader!(FlacReader, track);

/// Writes native FLAC. The frames must number samples from 0.
#[derive(Debug)]
pub struct FlacWriter {
    output: ByteWriter,
    samples: u64,
    packed: u64,
}

/// Position of rate, channels, bits and number of samples in the file.
const PACKED_AT: u64 = 4 + 4 + 10;

impl FlacWriter {
    /// Writes the track's `STREAMINFO` and its tags. The number of samples is patched at the end.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for other codecs, or if the track has no `STREAMINFO`.
    pub fn new(output: Output, track: &AudioTrack) -> Result<Self> {
        let info = track.codec_private.first_chunk::<{ flac::STREAM_INFO_BYTES }>();
        let (AudioCodec::Flac, Some(info)) = (track.codec, info) else {
            let what = format!("codec {} without a STREAMINFO", track.codec);
            return Err(Error::unsupported(Format::Flac, what));
        };
        let mut out = flac::headers(info, ChannelLayout::default());
        out[4] = STREAM_INFO;
        let mut comments = Vec::new();
        let mut tags = track.tags.clone();
        flac::put_layout(&mut tags, track.audio.layout);
        put_comments(&mut comments, &tags);
        let len = u32::try_from(comments.len()).unwrap_or(u32::MAX);
        if len >= 1 << 24 {
            return Err(Error::unsupported(Format::Flac, "a tag block of 16 MiB or more"));
        }
        out.push(LAST_BLOCK | COMMENTS);
        out.extend_from_slice(&len.to_be_bytes()[1..]);
        out.extend_from_slice(&comments);
        let mut output = ByteWriter::new(output)?;
        output.write(&out)?;
        let packed = info[10..18].first_chunk().map_or(0, |&bytes| u64::from_be_bytes(bytes));
        Ok(Self { output, samples: 0, packed })
    }
}

impl PacketWriter for FlacWriter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        self.samples += u64::from(flac::frame_samples(packet.data).unwrap_or(0));
        self.output.write(packet.data)?;
        Ok(self.output.flush_if_live()?)
    }

    fn finish(&mut self) -> Result<()> {
        let mask = (1 << 36) - 1;
        let packed = self.packed & !mask | self.samples & mask;
        self.output.patch(PACKED_AT, &packed.to_be_bytes())?;
        Ok(self.output.flush()?)
    }
}
