//! IVF: a 32-byte header, then packets with a 12-byte header each. All numbers are little-endian;
//! their widths below are in bits.
//!
//! ```text
//! header: "DKIF" version:16 header_bytes:16 fourcc:32 width:16 height:16
//!         ticks_per_second:32 seconds:32 packets:32 unused:32
//! packet: bytes:32 time:64 payload
//! ```
//! The time base is `seconds / ticks_per_second`. The field `packets` holds the packet count or, if
//! the time base has more than 300 ticks per second, the duration in ticks, as in files of other
//! programs. It is 0 if the output is a pipe, and often wrong in files, so the reader reports it
//! but does not rely on it.

use codec_core::codec::{Codec, Limits};
use codec_core::frame::{Rational, Size};

use crate::h264::StartCodes;
use crate::io::{ByteReader, ByteWriter};
use crate::rational::plausible_frame_rate;
use crate::samples::scaled;
use crate::single_track::{ReadSingleTrack, SingleTrack, single_track_reader};
use crate::time_order::TimeOrder;
use crate::{
    CodedPacket, Error, Format, Output, PacketRef, PacketWriter, PayloadInfo, ReadOptions, Result,
    Source, Track, VideoTrack, Warning,
};

const HEADER_BYTES: u16 = 32;
const COUNT_OFFSET: u64 = 24;
const PACKET_HEAD_BYTES: usize = 12;
/// First bytes of a VP8 or VP9 packet that show whether it is a key frame.
const PROBE_BYTES: u64 = 16;

const FOURCCS: [(&[u8; 4], Codec); 6] = [
    (b"VP80", Codec::Vp8),
    (b"VP90", Codec::Vp9),
    (b"AV01", Codec::Av1),
    (b"H264", Codec::H264),
    (b"h264", Codec::H264),
    (b"avc1", Codec::H264),
];

fn corrupt(
    offset: u64,
    index: Option<u64>,
    expected: impl Into<std::borrow::Cow<'static, str>>,
    found: String,
) -> Error {
    Error::corrupt(Format::Ivf, offset, index, expected, found)
}

/// Reads IVF.
#[derive(Debug)]
pub struct IvfReader {
    input: ByteReader,
    track: SingleTrack,
    codec: Codec,
    limits: Limits,
    order: Option<TimeOrder>,
    index: u64,
    /// Position of the first packet.
    first_packet: u64,
}

impl IvfReader {
    /// Reads the header.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Corrupt`] if it is not an IVF header, [`Error::Unsupported`] for an
    /// unknown codec.
    pub fn new(source: Source, options: &ReadOptions) -> Result<Self> {
        let mut input = ByteReader::new(source);
        let mut header = [0; HEADER_BYTES as usize];
        let had = input.read_up_to(&mut header)?;
        if had < header.len() {
            return Err(corrupt(0, None, "a header of 32 bytes", format!("{had} bytes")));
        }
        let stream = parse_header(&header)?;
        let header_bytes = u16_at(&header, 6);
        if header_bytes < HEADER_BYTES {
            let found = format!("{header_bytes}");
            return Err(corrupt(6, None, "a header length of at least 32", found));
        }
        input.skip(u64::from(header_bytes - HEADER_BYTES))?;
        let checked = !options.allow_backward_times && stream.codec != Codec::H264;
        let order = checked.then(TimeOrder::default);
        let first_packet = input.position();
        Ok(Self {
            input,
            codec: stream.codec,
            track: SingleTrack::new(Track::Video(stream)),
            limits: options.limits,
            order,
            index: 0,
            first_packet,
        })
    }

    /// Finds the last key frame at or before `time` among all packets, by their headers and first
    /// bytes; returns its number and position.
    fn find_key(&mut self, time: i64) -> Result<(u64, u64)> {
        let mut found = (0, self.first_packet);
        let length = self.input.len()?.unwrap_or(0);
        let (mut index, mut at) = (0, self.first_packet);
        let mut first_bytes = Vec::new();
        loop {
            self.input.go_to(at)?;
            let mut head = [0; PACKET_HEAD_BYTES];
            if self.input.read_up_to(&mut head)? < head.len() {
                return Ok(found);
            }
            let len = u64::from(u32_at(&head, 0));
            let [_, _, _, _, pts @ ..] = head;
            let pts = i64::from_le_bytes(pts);
            // H.264 packets are in decoding order: frames that are shown earlier can follow.
            if self.codec != Codec::H264 && pts > time {
                return Ok(found);
            }
            let next = self.input.position() + len;
            if next > length {
                return Ok(found);
            }
            let probed = if matches!(self.codec, Codec::Vp8 | Codec::Vp9) {
                len.min(PROBE_BYTES)
            } else {
                len.min(self.limits.max_frame_bytes)
            };
            let probed = usize::try_from(probed).unwrap_or(usize::MAX);
            self.input.read_vec(&mut first_bytes, probed)?;
            if pts <= time && PayloadInfo::of(self.codec, &first_bytes).key {
                found = (index, at);
            }
            (index, at) = (index + 1, next);
        }
    }
}

fn parse_header(header: &[u8; HEADER_BYTES as usize]) -> Result<VideoTrack> {
    if !header.starts_with(b"DKIF") {
        return Err(corrupt(0, None, "DKIF", header[..4].escape_ascii().to_string()));
    }
    let fourcc = &header[8..12];
    let (_, codec) = FOURCCS.iter().find(|(known, _)| fourcc == *known).ok_or_else(|| {
        Error::unsupported(Format::Ivf, format!("codec {}", fourcc.escape_ascii()))
    })?;
    let size = Size::new(u16_at(header, 12).into(), u16_at(header, 14).into());
    let stated = Rational::new(u32_at(header, 20), u32_at(header, 16));
    let usable = stated.num != 0 && stated.den != 0;
    let time_base = if usable { stated } else { Rational::new(1, 30) };

    let mut stream = VideoTrack::new(Format::Ivf, *codec, size, time_base);
    if usable {
        // A finer time base is a clock, not a frame rate.
        stream.frame_rate = plausible_frame_rate(stated.den.into(), stated.num.into());
    } else {
        stream.warnings.push(Warning::TimeBaseAssumed(time_base));
    }
    let length = Some(u64::from(u32_at(header, 24))).filter(|&length| length != 0);
    if usable && stream.frame_rate.is_none() {
        stream.duration = length;
    } else {
        stream.packet_count = length;
    }
    Ok(stream)
}

impl ReadSingleTrack for IvfReader {
    fn track(&mut self) -> &mut SingleTrack {
        &mut self.track
    }

    fn read_packet(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        let offset = self.input.position();
        let index = Some(self.index);
        let mut head = [0; PACKET_HEAD_BYTES];
        match self.input.read_up_to(&mut head)? {
            0 => return Ok(false),
            PACKET_HEAD_BYTES => {}
            had => {
                let found = format!("the end of the file after {had}");
                return Err(corrupt(offset, index, "a packet header of 12 bytes", found));
            }
        }
        let len = u32_at(&head, 0);
        let limit = self.limits.max_frame_bytes;
        if u64::from(len) > limit {
            return Err(Error::limit(Format::Ivf, offset, "packet bytes", len.into(), limit));
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        packet.reset();
        packet.offset = self.input.position();
        let had = self.input.read_vec(&mut packet.data, len)?;
        if had < len {
            let found = format!("the end of the file after {had}");
            return Err(corrupt(offset, index, format!("{len} bytes of payload"), found));
        }
        let [_, _, _, _, time @ ..] = head;
        packet.pts = i64::from_le_bytes(time);
        packet.index = self.index;
        self.index += 1;
        packet.set_payload_info(PayloadInfo::of(self.codec, &packet.data));
        Ok(true)
    }

    fn check(&mut self, packet: &CodedPacket) -> Result<()> {
        let offset = packet.offset - PACKET_HEAD_BYTES as u64;
        match &mut self.order {
            Some(order) => order.check(Format::Ivf, offset, packet.index, packet.pts),
            None => Ok(()),
        }
    }

    fn seek_to(&mut self, time: i64) -> Result<bool> {
        if !self.input.can_seek() {
            return Ok(false);
        }
        let (index, at) = self.find_key(time)?;
        self.input.go_to(at)?;
        self.index = index;
        self.order = self.order.map(|_| TimeOrder::default());
        Ok(true)
    }
}

single_track_reader!(IvfReader, track);

/// Ticks per second of the finest time base that is written. At this rate the 32-bit duration can
/// hold 13 hours.
const FINEST_HZ: u32 = 90_000;

/// First and last display time of packets, in ticks of the stream.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    first: Option<i64>,
    last: i64,
    last_duration: Option<u64>,
    /// Number of changes from one display time to the next.
    steps: u64,
}

impl Span {
    fn add(&mut self, packet: &PacketRef<'_>) {
        if !packet.shown {
            return;
        }
        // H.264 packets are in decoding order.
        let is_first = self.first.is_none();
        self.first = Some(self.first.map_or(packet.pts, |first| first.min(packet.pts)));
        self.steps += u64::from(!is_first && packet.pts != self.last);
        if is_first || packet.pts >= self.last {
            (self.last, self.last_duration) = (packet.pts, packet.duration);
        }
    }

    /// Returns the duration from the first display time to the end of the last packet. If the
    /// duration of the last packet is unknown, the mean of the others is used.
    fn ticks(&self) -> u64 {
        let between =
            self.last.saturating_sub(self.first.unwrap_or(self.last)).max(0).unsigned_abs();
        let mean = (between + self.steps / 2).checked_div(self.steps).unwrap_or(1);
        between.saturating_add(self.last_duration.unwrap_or(mean))
    }
}

/// Writes IVF.
#[derive(Debug)]
pub struct IvfWriter {
    output: ByteWriter,
    count: u64,
    /// Time bases of the stream and of the file.
    time_bases: [Rational; 2],
    /// The time range of the shown packets, if the file counts ticks and not packets.
    span: Option<Span>,
    /// Check of the time order; `None` for codecs with reordered frames.
    order: Option<TimeOrder>,
    start_codes: StartCodes,
}

impl IvfWriter {
    /// Writes the header, with 0 for the number of packets; [`PacketWriter::finish`] patches it.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Unsupported`] if a dimension is above 65535 or the codec has no
    /// four-character code.
    pub fn new(output: Output, stream: &VideoTrack) -> Result<Self> {
        let side = |side: u32| {
            u16::try_from(side).map_err(|_| {
                Error::unsupported(
                    Format::Ivf,
                    format!("a frame size of {} (above 65535)", stream.size),
                )
            })
        };
        let (fourcc, _) = FOURCCS
            .iter()
            .find(|(_, codec)| *codec == stream.codec)
            .ok_or_else(|| Error::unsupported(Format::Ivf, format!("codec {}", stream.codec)))?;
        let mut header = Vec::with_capacity(HEADER_BYTES.into());
        header.extend_from_slice(b"DKIF");
        header.extend_from_slice(&0_u16.to_le_bytes());
        header.extend_from_slice(&HEADER_BYTES.to_le_bytes());
        header.extend_from_slice(*fourcc);
        header.extend_from_slice(&side(stream.size.width)?.to_le_bytes());
        header.extend_from_slice(&side(stream.size.height)?.to_le_bytes());
        let fine = u64::from(stream.time_base.den)
            > u64::from(FINEST_HZ) * u64::from(stream.time_base.num.max(1));
        let time_base = if fine { Rational::new(1, FINEST_HZ) } else { stream.time_base };
        let counts_packets =
            plausible_frame_rate(time_base.den.into(), time_base.num.into()).is_some();
        header.extend_from_slice(&time_base.den.to_le_bytes());
        header.extend_from_slice(&time_base.num.to_le_bytes());
        header.extend_from_slice(&[0; 8]);
        let mut output = ByteWriter::new(output)?;
        output.write(&header)?;
        let order = (stream.codec != Codec::H264).then(TimeOrder::default);
        let span = (!counts_packets).then(Span::default);
        let time_bases = [stream.time_base, time_base];
        let start_codes = StartCodes::new(stream);
        Ok(Self { output, count: 0, time_bases, span, order, start_codes })
    }
}

impl IvfWriter {
    /// Converts ticks of the stream to ticks of the file.
    fn file_ticks(&self, ticks: i64) -> i64 {
        let [from, to] = self.time_bases;
        if from == to {
            return ticks;
        }
        let (num, den) = (u64::from(from.num) * u64::from(to.den), u64::from(from.den));
        scaled(ticks, num, den * u64::from(to.num))
    }
}

impl PacketWriter for IvfWriter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        let offset = self.output.position();
        if let Some(order) = &mut self.order {
            order.check(Format::Ivf, offset, self.count, packet.pts)?;
        }
        if let Some(span) = &mut self.span {
            span.add(&packet);
        }
        let pts = self.file_ticks(packet.pts);
        let data = self.start_codes.packet(packet.data);
        let len = u32::try_from(data.len())
            .map_err(|_| Error::unsupported(Format::Ivf, "a packet of 4 GiB or more"))?;
        let mut head = [0; PACKET_HEAD_BYTES];
        head[..4].copy_from_slice(&len.to_le_bytes());
        head[4..].copy_from_slice(&pts.to_le_bytes());
        self.output.write(&head)?;
        self.output.write(data)?;
        self.count += 1;
        Ok(self.output.flush_if_live()?)
    }

    fn finish(&mut self) -> Result<()> {
        let length = match &self.span {
            None => self.count,
            Some(span) if self.count > 0 => {
                let ticks = i64::try_from(span.ticks()).unwrap_or(i64::MAX);
                u64::try_from(self.file_ticks(ticks)).unwrap_or(0).max(1)
            }
            Some(_) => 0,
        };
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.output.patch(COUNT_OFFSET, &length.to_le_bytes())?;
        Ok(self.output.flush()?)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
