//! Writes Ogg Opus: RFC 7845.

use codec_audio::AudioCodec;
use codec_core::frame::Rational;

use super::page::{CONTINUED, FIRST, LAST, put_page};
use crate::io::ByteWriter;
use crate::tags::put_comments;
use crate::{
    AudioTrack, Error, Format, Output, PacketRef, PacketWriter, Result, WriteOptions, opus,
};

/// The serial number of the stream. In a chain each link needs another number, so a program that
/// chains our files has to renumber them.
const SERIAL: u32 = 0x434F_4445;
/// Maximum number of samples in a page of a file: a second.
const PAGE_SAMPLES: u32 = 48_000;
/// Maximum number of samples in a page of a live stream: 60 ms.
const LIVE_PAGE_SAMPLES: u32 = 2880;

/// Writes Ogg Opus.
#[derive(Debug)]
pub struct OggWriter {
    output: ByteWriter,
    time_base: Rational,
    pre_skip: i64,
    page_samples: u32,
    sequence: u32,
    /// The page that is being filled.
    segments: Vec<u8>,
    body: Vec<u8>,
    samples: u32,
    /// Position after the last packet; `None` before the first.
    position: Option<i64>,
    /// Offset from times to positions, if the first time is negative.
    shift: i64,
    trim_end: u32,
    /// Whether the page begins within a packet.
    continues: bool,
    last_granule: i64,
    count: u64,
    page: Vec<u8>,
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::unsupported(Format::Ogg, what.into())
}

impl OggWriter {
    /// Writes the headers: the track's `OpusHead` with its delay as the pre-skip, and its tags.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for codecs other than Opus, for a damaged header, and
    /// for more than two channels without a header.
    pub fn new(output: Output, track: &AudioTrack, options: &WriteOptions) -> Result<Self> {
        if track.codec != AudioCodec::Opus {
            return Err(unsupported(format!("codec {}", track.codec)));
        }
        if track.time_base.num == 0 || track.time_base.den == 0 {
            return Err(unsupported(format!("a time base of {}", track.time_base)));
        }
        let head = opus::head_of(track)
            .ok_or_else(|| unsupported("an Opus track without a valid OpusHead"))?;
        let output = ByteWriter::new(output)?;
        let live = options.live || !output.can_seek();
        let mut writer = Self {
            output,
            time_base: track.time_base,
            pre_skip: head.pre_skip.into(),
            page_samples: if live { LIVE_PAGE_SAMPLES } else { PAGE_SAMPLES },
            sequence: 0,
            segments: Vec::new(),
            body: Vec::new(),
            samples: 0,
            position: None,
            shift: 0,
            trim_end: 0,
            continues: false,
            last_granule: 0,
            count: 0,
            page: Vec::new(),
        };
        let mut tags = b"OpusTags".to_vec();
        put_comments(&mut tags, &track.tags);
        writer.put_packet(&head.to_bytes(), 0)?;
        writer.flush_page(0)?;
        writer.put_packet(&tags, 0)?;
        writer.flush_page(0)?;
        writer.output.flush_if_live()?;
        Ok(writer)
    }

    /// Adds a packet to the page; a full page is written first. `before` is the position at the end
    /// of the page's contents.
    fn put_packet(&mut self, data: &[u8], before: i64) -> Result<()> {
        // A length below 255, including 0, ends the packet.
        let mut left = data.len() / 255 + 1;
        if self.segments.len() + left > 255 {
            self.flush_page(before)?;
        }
        let mut rest = data;
        loop {
            let now = left.min(255 - self.segments.len());
            left -= now;
            for _ in 0..now {
                let (part, tail) = rest.split_at(rest.len().min(255));
                self.segments.push(u8::try_from(part.len()).unwrap_or(255));
                self.body.extend_from_slice(part);
                rest = tail;
            }
            if left == 0 {
                return Ok(());
            }
            // No packet ends in this page.
            self.write_page(0, -1)?;
        }
    }

    fn flush_page(&mut self, granule: i64) -> Result<()> {
        if self.segments.is_empty() { Ok(()) } else { self.write_page(0, granule) }
    }

    fn write_page(&mut self, mut flags: u8, granule: i64) -> Result<()> {
        if self.sequence == 0 {
            flags |= FIRST;
        }
        if self.continues {
            flags |= CONTINUED;
        }
        put_page(&mut self.page, flags, granule, SERIAL, self.sequence, &self.segments, &self.body);
        self.output.write(&self.page)?;
        self.sequence = self.sequence.wrapping_add(1);
        self.continues = self.segments.last() == Some(&255);
        if granule >= 0 {
            self.last_granule = granule;
        }
        self.segments.clear();
        self.body.clear();
        self.samples = 0;
        Ok(())
    }

    /// Returns the position of a packet. The first packet is at 0 or later. If the time of a packet
    /// differs from the end of the previous packet by no more than rounding, the position is that
    /// end.
    fn place(&mut self, pts: i64) -> i64 {
        let (num, den) = (i128::from(self.time_base.num), i128::from(self.time_base.den));
        let scaled = i128::from(pts) * num * i128::from(opus::RATE);
        let ticks = (2 * scaled + den).div_euclid(2 * den);
        let stated = i64::try_from(ticks).unwrap_or(i64::MAX / 2).saturating_add(self.pre_skip);
        let rounding = i64::try_from(i128::from(opus::RATE) * num / den + 1).unwrap_or(i64::MAX);
        match self.position {
            None if stated <= rounding => {
                self.shift = -stated;
                0
            }
            None => stated,
            Some(next) if stated.saturating_add(self.shift) > next.saturating_add(rounding) => {
                stated + self.shift
            }
            Some(next) => next,
        }
    }
}

impl PacketWriter for OggWriter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        let samples = opus::packet_samples(packet.data)
            .ok_or_else(|| unsupported(format!("a packet ({}) that is not Opus", self.count)))?;
        let start = self.place(packet.pts);
        let before = self.position.unwrap_or(start);
        // A page is written when it is long enough, or when a gap follows it. The last page waits
        // for the end of the stream.
        if self.samples + samples > self.page_samples || start > before {
            self.flush_page(before)?;
            self.output.flush_if_live()?;
        }
        self.put_packet(packet.data, before)?;
        self.samples += samples;
        self.position = Some(start.saturating_add(samples.into()));
        self.trim_end = packet.trim_end;
        self.count += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let end = self.position.unwrap_or(0) - i64::from(self.trim_end);
        self.write_page(LAST, end.max(self.last_granule))?;
        Ok(self.output.flush()?)
    }
}
