//! Reads Ogg page by page. Chained streams are concatenated on one timeline.

use std::collections::VecDeque;

use codec_core::codec::Limits;

use super::mapping::{Mapping, identify};
use super::page::{CONTINUED, FIRST, Found, LAST, Page, PageReader};
use crate::codec_names::of_ogg;
use crate::io::ByteReader;
use crate::{
    CodedPacket, Error, Format, PacketReader, ReadOptions, Result, SkippedTrack, Source, Track,
    TrackKind, Warning,
};

/// Maximum size of a header packet: tags may contain an image.
const MAX_HEADER_BYTES: usize = 16 << 20;
/// Maximum number of header packets of a FLAC stream.
const MAX_HEADERS: usize = 256;
/// Maximum number of bytes that wait while the headers of other streams are read.
const MAX_WAITING_BYTES: usize = 16 << 20;
/// Maximum number of simultaneous streams.
const MAX_STREAMS: usize = 64;

/// Reads Ogg with Opus, Vorbis and FLAC; other streams are skipped.
#[derive(Debug)]
pub struct OggReader {
    pages: PageReader,
    page: Page,
    limits: Limits,
    lenient: bool,
    tracks: Vec<Track>,
    selected: Vec<bool>,
    /// The streams of the current link of the chain.
    streams: Vec<Stream>,
    /// Reading state of each track.
    played: Vec<Played>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// Error to report once `waiting` is empty.
    trouble: Option<Error>,
    index: u64,
    /// Whether the set of tracks is final.
    is_open: bool,
    ended: bool,
}

/// A logical stream.
#[derive(Debug)]
struct Stream {
    serial: u32,
    /// `None` for an unsupported codec.
    known: Option<Known>,
    /// Description of a stream with an unsupported codec.
    skipped: Option<SkippedTrack>,
    ended: bool,
    sequence: u32,
    /// The beginning of a packet that continues in the next page.
    partial: Vec<u8>,
    partial_offset: u64,
    is_partial: bool,
}

#[derive(Debug)]
struct Known {
    mapping: Mapping,
    /// The track from the headers; moved out when they are complete.
    track: Option<crate::AudioTrack>,
    first: Vec<u8>,
    headers: Vec<Vec<u8>>,
    more_headers: Option<usize>,
    has_headers: bool,
    /// Index in `tracks`.
    number: usize,
    /// Position of the first sample of the link, once known.
    origin: Option<i64>,
    /// Position after the last packet.
    next: Option<i64>,
    /// Offset from positions to times, in addition to the pre-skip.
    shift: i64,
    after_gap: bool,
}

#[derive(Clone, Debug)]
struct Played {
    /// The parameters that all links of a chain must share.
    form: Vec<u8>,
    packets: u64,
    /// End of the audio so far.
    end: i64,
}

#[derive(Debug)]
struct Waiting {
    data: Vec<u8>,
    offset: u64,
    track: usize,
    pts: i64,
    samples: u32,
    trim_start: u32,
    trim_end: u32,
    after_gap: bool,
    index: u64,
}

fn corrupt(
    offset: u64,
    index: Option<u64>,
    expected: impl Into<std::borrow::Cow<'static, str>>,
    found: impl Into<std::borrow::Cow<'static, str>>,
) -> Error {
    Error::corrupt(Format::Ogg, offset, index, expected, found)
}

impl OggReader {
    /// Reads the headers of all streams.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] for damaged headers; [`Error::Unsupported`] if there is no
    /// stream of Opus, Vorbis or FLAC; [`Error::Limit`].
    pub fn new(source: Source, options: &ReadOptions) -> Result<Self> {
        let mut reader = Self {
            pages: PageReader::new(ByteReader::new(source)),
            page: Page::default(),
            limits: options.limits,
            lenient: options.allow_backward_times,
            tracks: Vec::new(),
            selected: Vec::new(),
            streams: Vec::new(),
            played: Vec::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            trouble: None,
            index: 0,
            is_open: false,
            ended: false,
        };
        reader.read_headers()?;
        reader.is_open = true;
        Ok(reader)
    }

    fn read_headers(&mut self) -> Result<()> {
        loop {
            let known = || self.streams.iter().filter_map(|stream| stream.known.as_ref());
            if known().next().is_some() && known().all(|known| known.has_headers) {
                // Streams begin together: no new one can begin after the next page.
                if !self.page.has(FIRST) {
                    break;
                }
            }
            if !self.read_page()? {
                if self.tracks.is_empty() {
                    let offset = self.pages.offset();
                    return Err(if self.streams.iter().any(|stream| stream.known.is_some()) {
                        corrupt(offset, None, "the headers of the stream", "the end of the file")
                    } else {
                        self.no_known_stream()
                    });
                }
                break;
            }
            let only_unknown = self.streams.iter().all(|stream| stream.known.is_none());
            if only_unknown && !self.page.has(FIRST) {
                return Err(self.no_known_stream());
            }
        }
        let skipped = self.streams.iter().filter_map(|stream| stream.skipped.clone());
        if let Some(track) = self.tracks.first_mut() {
            track.warn(skipped.map(Warning::TrackSkipped).collect());
        }
        Ok(())
    }

    fn no_known_stream(&self) -> Error {
        let mut skipped = self.streams.iter().filter_map(|stream| stream.skipped.as_ref());
        let what = match skipped.find(|track| track.kind != TrackKind::Data) {
            Some(track) => format!("codec {}", track.codec),
            None => "an Ogg file without Opus, Vorbis or FLAC".to_owned(),
        };
        Error::unsupported(Format::Ogg, what)
    }

    /// Processes the next page; `false` at the end.
    fn read_page(&mut self) -> Result<bool> {
        let mut page = std::mem::take(&mut self.page);
        let outcome = self.find_page(&mut page);
        let outcome = match outcome {
            Ok(true) => self.take_page(&page).map(|()| true),
            other => other,
        };
        self.page = page;
        outcome
    }

    fn find_page(&mut self, page: &mut Page) -> Result<bool> {
        loop {
            match self.pages.read(page)? {
                Found::Page => return Ok(true),
                Found::End => return Ok(false),
                Found::Damage(found) => {
                    let offset = self.pages.offset();
                    if !self.lenient || self.tracks.is_empty() {
                        let index = (!self.tracks.is_empty()).then_some(self.index);
                        return Err(corrupt(offset, index, "a page", found));
                    }
                    if !self.pages.resync()? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn take_page(&mut self, page: &Page) -> Result<()> {
        if page.has(FIRST) {
            return self.begin_stream(page);
        }
        let at = self.streams.iter().position(|stream| stream.serial == page.serial);
        let Some(at) = at else {
            if self.tracks.is_empty() {
                let found = "a later page";
                return Err(corrupt(page.offset, None, "the first page of a stream", found));
            }
            return Ok(());
        };
        let mut stream = std::mem::take(&mut self.streams);
        let outcome = self.take_packets(&mut stream[at], page);
        self.streams = stream;
        outcome
    }

    fn begin_stream(&mut self, page: &Page) -> Result<()> {
        let in_chain = self.streams.iter().any(|stream| {
            stream.known.as_ref().is_some_and(|known| known.has_headers && known.next.is_some())
        });
        if in_chain || self.streams.iter().all(|stream| stream.ended) {
            // A new link; the previous streams have ended, even without an end-of-stream flag.
            self.streams.clear();
            if !self.is_open {
                self.tracks.clear();
                self.selected.clear();
                self.played.clear();
            }
        }
        let again = self.streams.iter().any(|stream| stream.serial == page.serial);
        if again || self.streams.len() >= MAX_STREAMS {
            let found = if again { "the same serial number twice" } else { "too many streams" };
            return Err(corrupt(
                page.offset,
                Some(self.index),
                format!("at most {MAX_STREAMS} streams, each with its own serial number"),
                found,
            ));
        }
        let whole =
            page.segments.iter().take_while(|&&len| len == 255).count() < page.segments.len();
        let identified = if whole { identify(first_packet(page)) } else { Ok(None) };
        let identified = identified
            .map_err(|found| corrupt(page.body_offset(), None, "a valid audio header", found))?;
        let known = identified.map(|identified| Known {
            mapping: identified.mapping,
            track: Some(identified.track),
            first: first_packet(page).to_vec(),
            headers: Vec::new(),
            more_headers: identified.more_headers,
            has_headers: false,
            number: usize::MAX,
            origin: None,
            next: None,
            shift: 0,
            after_gap: false,
        });
        self.streams.push(Stream {
            serial: page.serial,
            skipped: known.is_none().then(|| of_ogg(first_packet(page))),
            known,
            ended: page.has(LAST),
            sequence: page.sequence.wrapping_add(1),
            partial: Vec::new(),
            partial_offset: 0,
            is_partial: false,
        });
        Ok(())
    }

    fn take_packets(&mut self, stream: &mut Stream, page: &Page) -> Result<()> {
        stream.ended |= page.has(LAST);
        let Some(known) = &mut stream.known else { return Ok(()) };
        let index = Some(self.index);
        let lost = page.sequence.wrapping_sub(stream.sequence);
        let expected_sequence = stream.sequence;
        stream.sequence = page.sequence.wrapping_add(1);
        let breaks = lost != 0 || stream.is_partial != page.has(CONTINUED);
        if breaks {
            if !self.lenient {
                let expected = format!("page {expected_sequence} of the stream");
                let found = if lost != 0 {
                    format!("page {}", page.sequence)
                } else if stream.is_partial {
                    "a page that does not continue the unfinished packet".to_owned()
                } else {
                    "a page that continues a packet, although none is unfinished".to_owned()
                };
                return Err(corrupt(page.offset, index, expected, found));
            }
            stream.is_partial = false;
            stream.partial.clear();
            known.after_gap = true;
            known.next = None;
            known.mapping.forget();
        }
        let mut packets = Vec::new();
        // The rest of a packet from a lost page is skipped.
        let mut skips = page.has(CONTINUED) && !stream.is_partial;
        let mut start = 0;
        let mut at = 0;
        for &len in &page.segments {
            at += usize::from(len);
            if len == 255 {
                continue;
            }
            let part = &page.body[start..at];
            let offset = page.body_offset() + start as u64;
            start = at;
            if std::mem::take(&mut skips) {
                continue;
            }
            if std::mem::take(&mut stream.is_partial) {
                let mut data = std::mem::take(&mut stream.partial);
                data.extend_from_slice(part);
                packets.push((data, stream.partial_offset));
            } else {
                packets.push((part.to_vec(), offset));
            }
        }
        if start < at || page.segments.last() == Some(&255) {
            if !stream.is_partial {
                stream.partial_offset = page.body_offset() + start as u64;
            }
            if !skips {
                stream.is_partial = true;
                stream.partial.extend_from_slice(&page.body[start..]);
            }
        }
        let limit =
            if known.has_headers { self.limits.max_frame_bytes } else { MAX_HEADER_BYTES as u64 };
        let longest = packets.iter().map(|(data, _)| data.len()).max().unwrap_or(0);
        let longest = longest.max(stream.partial.len()) as u64;
        if longest > limit {
            return Err(Error::limit(Format::Ogg, page.offset, "packet bytes", longest, limit));
        }
        // Some programs end a stream with an empty packet.
        packets.retain(|(data, _)| !data.is_empty());
        let mut packets = packets.into_iter().peekable();
        while !known.has_headers {
            let complete = match known.more_headers {
                Some(count) => known.headers.len() >= count,
                None => packets.peek().is_some_and(|(data, _)| !known.mapping.is_header(data)),
            };
            if complete {
                self.finish_headers(known, page)?;
                break;
            }
            let Some((data, _)) = packets.next() else { return Ok(()) };
            known.headers.push(data);
            let bytes: usize = known.headers.iter().map(Vec::len).sum();
            if bytes > MAX_HEADER_BYTES || known.headers.len() > MAX_HEADERS {
                let (asked, limit) = (bytes as u64, MAX_HEADER_BYTES as u64);
                return Err(Error::limit(Format::Ogg, page.offset, "header bytes", asked, limit));
            }
            if known.more_headers.is_some_and(|count| known.headers.len() >= count) {
                self.finish_headers(known, page)?;
            }
        }
        self.queue(known, page, packets.collect())
    }

    /// Turns a stream whose headers are complete into a track, or continues an earlier track with
    /// it.
    fn finish_headers(&mut self, known: &mut Known, page: &Page) -> Result<()> {
        known.has_headers = true;
        let Some(mut track) = known.track.take() else { return Ok(()) };
        let headers = std::mem::take(&mut known.headers);
        known
            .mapping
            .take_headers(&known.first, &headers, &mut track)
            .map_err(|found| corrupt(page.offset, None, "valid codec headers", found))?;
        let form = known.mapping.form(&known.first, &headers);
        if !self.is_open {
            known.number = self.tracks.len();
            self.tracks.push(Track::Audio(track));
            self.selected.push(true);
            self.played.push(Played { form, packets: 0, end: 0 });
            return Ok(());
        }
        // A further link of the chain continues a track of its kind.
        let taken = |number| {
            let mut streams = self.streams.iter().filter_map(|stream| stream.known.as_ref());
            streams.any(|known| known.number == number)
        };
        let same_form = |number: &usize| self.played[*number].form == form && !taken(*number);
        let Some(number) = (0..self.tracks.len()).find(same_form) else {
            let what = format!("a chained stream in another audio format ({})", track.codec);
            return Err(Error::unsupported(Format::Ogg, what));
        };
        known.number = number;
        known.shift = self.played[number].end;
        known.after_gap = true;
        Ok(())
    }

    /// Computes the times of the packets that end in a page from the position at its end.
    fn queue(
        &mut self,
        known: &mut Known,
        page: &Page,
        packets: Vec<(Vec<u8>, u64)>,
    ) -> Result<()> {
        if packets.is_empty() {
            return Ok(());
        }
        let samples: Vec<u32> =
            packets.iter().map(|(data, _)| known.mapping.samples(data)).collect();
        let total: i64 = samples.iter().map(|&samples| i64::from(samples)).sum();
        let end = (page.granule >= 0).then_some(page.granule);
        let pre_skip = i64::from(known.mapping.pre_skip());
        let trims = matches!(known.mapping, Mapping::Opus { .. }) || page.has(LAST);
        let mut start = match (known.next, end) {
            (Some(next), Some(end)) if next.saturating_add(total) < end => {
                // Packets are missing, although no page is missing.
                known.after_gap = true;
                end - total
            }
            (Some(next), _) => next,
            // Vorbis begins before 0 if its first samples are not part of the audio.
            (None, Some(end)) => {
                let start = end - total;
                if trims && known.origin.is_none() { start.max(0) } else { start }
            }
            (None, None) => 0,
        };
        if known.origin.is_none() {
            known.origin = Some(start);
            if known.shift != 0 || self.played[known.number].packets > 0 {
                // The links of a chain are placed consecutively, regardless of their stated
                // positions.
                known.shift -= start.max(0);
            }
        }
        let origin = known.origin.unwrap_or(0);
        let after = start.saturating_add(total);
        // The last page may end before its packets do (end trimming).
        let surplus = end.filter(|_| page.has(LAST)).map_or(0, |end| (after - end).clamp(0, total));
        let mut left = total;
        for ((data, offset), samples) in packets.into_iter().zip(samples) {
            left -= i64::from(samples);
            let count = |samples: i64| u32::try_from(samples).unwrap_or(0);
            let trim_end = count((surplus - left).clamp(0, samples.into()));
            let first = match known.mapping {
                Mapping::Opus { .. } => origin.saturating_add(pre_skip),
                _ => 0,
            };
            let trim_start = count(first.saturating_sub(start).clamp(0, samples.into()));
            let pts = start.saturating_sub(pre_skip).saturating_add(known.shift);
            start = start.saturating_add(samples.into());

            let played = &mut self.played[known.number];
            played.end = start
                .saturating_sub(pre_skip)
                .saturating_add(known.shift)
                .saturating_sub(trim_end.into());
            let index = played.packets;
            played.packets += 1;
            let after_gap = std::mem::take(&mut known.after_gap);
            if self.selected[known.number] {
                self.waiting_bytes += data.len();
                self.waiting.push_back(Waiting {
                    data,
                    offset,
                    track: known.number,
                    pts,
                    samples,
                    trim_start,
                    trim_end,
                    after_gap,
                    index,
                });
            }
        }
        known.next = Some(start);
        if self.waiting_bytes > MAX_WAITING_BYTES {
            let (asked, limit) = (self.waiting_bytes as u64, MAX_WAITING_BYTES as u64);
            return Err(Error::limit(
                Format::Ogg,
                page.offset,
                "bytes of packets before the headers of other streams",
                asked,
                limit,
            ));
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<bool> {
        while self.waiting.is_empty() {
            if let Some(trouble) = self.trouble.take() {
                return Err(trouble);
            }
            match self.read_page() {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                // The earlier packets of the page are valid.
                Err(error) if !self.waiting.is_empty() => self.trouble = Some(error),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

fn first_packet(page: &Page) -> &[u8] {
    let segments = page.segments.iter().position(|&len| len < 255).map_or(0, |last| last + 1);
    let len: usize = page.segments[..segments].iter().map(|&len| usize::from(len)).sum();
    page.body.get(..len).unwrap_or_default()
}

impl PacketReader for OggReader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, tracks: &[usize]) {
        for (number, selected) in self.selected.iter_mut().enumerate() {
            *selected = tracks.contains(&number);
        }
        let selected = &self.selected;
        self.waiting.retain(|waiting| selected[waiting.track]);
        self.waiting_bytes = self.waiting.iter().map(|waiting| waiting.data.len()).sum();
    }

    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let outcome = self.fill();
        if !matches!(outcome, Ok(true)) {
            self.ended = true;
            return outcome;
        }
        let Some(waiting) = self.waiting.pop_front() else { return Ok(false) };
        self.waiting_bytes -= waiting.data.len();
        packet.reset();
        packet.data = waiting.data;
        packet.track = waiting.track;
        packet.pts = waiting.pts;
        packet.duration = Some(waiting.samples.saturating_sub(waiting.trim_end).into());
        packet.index = waiting.index;
        packet.offset = waiting.offset;
        packet.trim_start = waiting.trim_start;
        packet.trim_end = waiting.trim_end;
        packet.after_gap = waiting.after_gap;
        self.index += 1;
        Ok(true)
    }
}
