//! Reads OBU streams: a packet for each temporal unit.

use codec_core::codec::{Codec, Limits};
use codec_core::frame::TransferCharacteristics;
use codec_core::frame::{ColorPrimaries, ColorRange, MatrixCoefficients, Rational};

use super::units::{SEQUENCE_HEADER, SequenceHeader, TEMPORAL_DELIMITER, Unit, leb128};
use crate::io::ByteReader;
use crate::single_track::{ReadSingleTrack, SingleTrack, single_track_reader};
use crate::{
    CodedPacket, Error, Format, PayloadInfo, ReadOptions, Result, Source, Track, VideoTrack,
    Warning,
};

/// Whether `head` begins an OBU stream: a temporal delimiter, preceded in Annex B by the sizes of
/// the temporal unit, of the frame and of the delimiter.
pub(crate) fn is_stream(head: &[u8]) -> bool {
    is_plain(head) || is_annex_b(head)
}

fn is_plain(head: &[u8]) -> bool {
    // The OBU after the delimiter is a sequence header.
    matches!(head, [0x12, 0, next, ..] if next & 0xF8 == SEQUENCE_HEADER << 3)
}

fn is_annex_b(head: &[u8]) -> bool {
    let sizes = || {
        let (unit, a) = leb128(head)?;
        let (frame, b) = leb128(&head[a..])?;
        let (len, c) = leb128(&head[a + b..])?;
        let rest = &head[a + b + c..];
        let first = *rest.first()?;
        let next = rest.get(usize::try_from(len).ok()? + 1)?;
        let is_delimiter = first >> 3 == TEMPORAL_DELIMITER && (len == 1) == (first & 2 == 0);
        let is_sequence = next >> 3 & 15 == SEQUENCE_HEADER;
        Some(is_delimiter && is_sequence && len <= 2 && frame > len && unit > frame)
    };
    sizes() == Some(true)
}

/// Reads AV1 OBU streams.
#[derive(Debug)]
pub struct ObuReader {
    input: ByteReader,
    track: SingleTrack,
    limits: Limits,
    is_annex_b: bool,
    /// The temporal unit that is being collected or waits to be read.
    pending: Vec<u8>,
    pending_offset: u64,
    /// Whether the header of the next temporal unit has been read.
    next_began: bool,
    is_ready: bool,
    index: u64,
}

fn corrupt(
    offset: u64,
    index: u64,
    expected: impl Into<std::borrow::Cow<'static, str>>,
    found: impl Into<std::borrow::Cow<'static, str>>,
) -> Error {
    Error::corrupt(Format::Obu, offset, Some(index), expected, found)
}

impl ObuReader {
    /// Opens a stream and reads its first temporal unit; `head` holds the first bytes of the
    /// stream.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] if there is no sequence header; [`Error::Limit`].
    pub fn new(source: Source, head: &[u8], options: &ReadOptions) -> Result<Self> {
        let base = Rational::new(1, 30);
        let track =
            VideoTrack::new(Format::Obu, Codec::Av1, codec_core::frame::Size::new(0, 0), base);
        let mut reader = Self {
            input: ByteReader::new(source),
            track: SingleTrack::new(Track::Video(track.clone())),
            limits: options.limits,
            is_annex_b: !is_plain(head) && is_annex_b(head),
            pending: Vec::new(),
            pending_offset: 0,
            next_began: false,
            is_ready: false,
            index: 0,
        };
        reader.is_ready = reader.gather()?;
        reader.track.replace(Track::Video(describe(track, &reader.pending)?));
        Ok(reader)
    }

    /// Collects the next temporal unit; `false` at the end.
    fn gather(&mut self) -> Result<bool> {
        self.pending.clear();
        if self.is_annex_b { self.gather_annex_b() } else { self.gather_plain() }
    }

    fn check_size(&self, size: u64) -> Result<usize> {
        let limit = self.limits.max_frame_bytes;
        let total = size.saturating_add(self.pending.len() as u64);
        if total > limit {
            let offset = self.input.position();
            return Err(Error::limit(Format::Obu, offset, "packet bytes", total, limit));
        }
        Ok(usize::try_from(size).unwrap_or(usize::MAX))
    }

    fn gather_plain(&mut self) -> Result<bool> {
        self.pending_offset = self.input.position();
        if self.next_began {
            self.pending.extend_from_slice(&[TEMPORAL_DELIMITER << 3 | 2, 0]);
            self.pending_offset -= 2;
            self.next_began = false;
        }
        loop {
            let at = self.input.position();
            let mut head = [0; 2];
            if self.input.read_up_to(&mut head[..1])? == 0 {
                return Ok(!self.pending.is_empty());
            }
            let has_extension = head[0] & 4 != 0;
            let used = 1 + usize::from(has_extension);
            if head[0] & 0x82 != 2 {
                let found = format!("byte {:#04x}", head[0]);
                return Err(corrupt(at, self.index, "an OBU with a size", found));
            }
            if has_extension && self.input.read_up_to(&mut head[1..])? == 0 {
                return Err(corrupt(at, self.index, "an OBU header", "the end of the file"));
            }
            let (len, len_bytes) = self.read_leb128(at)?;
            if head[0] >> 3 & 15 == TEMPORAL_DELIMITER && !self.pending.is_empty() {
                self.input.skip(len)?;
                self.next_began = true;
                return Ok(true);
            }
            let size = self.check_size(len)?;
            self.pending.extend_from_slice(&head[..used]);
            self.pending.extend_from_slice(&len_bytes);
            let had = self.input.append(&mut self.pending, size)?;
            if had < size {
                let found = format!("the end of the file after {had}");
                return Err(corrupt(at, self.index, format!("{size} bytes of an OBU"), found));
            }
        }
    }

    /// Reads a LEB128 number; returns the number and its bytes.
    fn read_leb128(&mut self, at: u64) -> Result<(u64, Vec<u8>)> {
        let mut bytes = Vec::with_capacity(8);
        while bytes.len() < 8 {
            let mut byte = [0];
            if self.input.read_up_to(&mut byte)? == 0 {
                return Err(corrupt(at, self.index, "the size of an OBU", "the end of the file"));
            }
            bytes.push(byte[0]);
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        match leb128(&bytes) {
            Some((value, _)) => Ok((value, bytes)),
            None => Err(corrupt(at, self.index, "a size field of at most 8 bytes", "a longer one")),
        }
    }

    fn gather_annex_b(&mut self) -> Result<bool> {
        let at = self.input.position();
        self.pending_offset = at;
        let mut first = [0];
        if self.input.read_up_to(&mut first)? == 0 {
            return Ok(false);
        }
        let mut bytes = vec![first[0]];
        if first[0] & 0x80 != 0 {
            bytes.extend(self.read_leb128(at)?.1);
        }
        let size = leb128(&bytes).map_or(u64::MAX, |(size, _)| size);
        let size = self.check_size(size)?;
        let mut unit = Vec::new();
        let had = self.input.read_vec(&mut unit, size)?;
        if had < size {
            let found = format!("the end of the file after {had}");
            return Err(corrupt(at, self.index, format!("{size} bytes of a temporal unit"), found));
        }
        put_plain(&unit, &mut self.pending).ok_or_else(|| {
            corrupt(at, self.index, "OBU sizes that add up to the temporal unit", "other sizes")
        })?;
        Ok(true)
    }
}

/// Appends the OBUs of an Annex B temporal unit to `out`, each with a size field.
fn put_plain(mut data: &[u8], out: &mut Vec<u8>) -> Option<()> {
    while !data.is_empty() {
        let mut frame = take_sized(&mut data)?;
        while !frame.is_empty() {
            let (unit, rest) = Unit::parse(take_sized(&mut frame)?)?;
            // Bytes after an OBU with a size field belong to no OBU.
            let _ = rest;
            unit.put(out);
        }
    }
    Some(())
}

fn take_sized<'a>(data: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, used) = leb128(data)?;
    let (part, rest) = data[used..].split_at_checked(usize::try_from(len).ok()?)?;
    *data = rest;
    Some(part)
}

/// The track that the sequence header in its first packet describes.
fn describe(mut track: VideoTrack, packet: &[u8]) -> Result<VideoTrack> {
    let mut rest = packet;
    let mut header = None;
    while let Some((unit, tail)) = Unit::parse(rest) {
        if unit.kind() == SEQUENCE_HEADER {
            header = SequenceHeader::parse(unit.payload);
            break;
        }
        rest = tail;
    }
    let header =
        header.ok_or_else(|| corrupt(0, 0, "a sequence header", "a temporal unit without one"))?;
    track.size = header.size;
    match header.frame_rate {
        Some(rate) => {
            track.frame_rate = Some(rate);
            track.time_base = rate.inverse();
        }
        None => track.warnings.push(Warning::TimeBaseAssumed(track.time_base)),
    }
    let [primaries, transfer, matrix] = header.color;
    track.info.color.primaries = ColorPrimaries(primaries);
    track.info.color.transfer = TransferCharacteristics(transfer);
    track.info.color.matrix = MatrixCoefficients(matrix);
    track.info.color.range = if header.full_range { ColorRange::Full } else { ColorRange::Limited };
    track.samples = Some(header.samples());
    track.reject_hdr();
    if header.bits > 8 {
        track.reject(format!("{}-bit video", header.bits));
    }
    if header.monochrome {
        track.reject("video without colour");
    } else if header.subsampled != [true; 2] {
        track.reject("chroma other than 4:2:0");
    }
    Ok(track)
}

impl ReadSingleTrack for ObuReader {
    fn track(&mut self) -> &mut SingleTrack {
        &mut self.track
    }

    fn read_packet(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        if !std::mem::take(&mut self.is_ready) && !self.gather()? {
            return Ok(false);
        }
        packet.reset();
        std::mem::swap(&mut packet.data, &mut self.pending);
        packet.pts = i64::try_from(self.index).unwrap_or(i64::MAX);
        packet.duration = Some(1);
        packet.index = self.index;
        packet.offset = self.pending_offset;
        packet.set_payload_info(PayloadInfo::of(Codec::Av1, &packet.data));
        self.index += 1;
        Ok(true)
    }
}

single_track_reader!(ObuReader, track);
