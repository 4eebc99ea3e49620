//! Reads MP4: complete files, and fragmented ones as they arrive.

use std::collections::VecDeque;

use codec_core::codec::{Codec, Limits};

use super::boxes::{corrupt, unsupported};
use super::edits::Edits;
use super::fragment::{self, Defaults};
use super::input::{Head, Input};
use super::metadata;
use super::samples::{Sample, SampleTable};
use super::track::{self, Found, TrackSamples};
use crate::FileMetadata;
use crate::samples::{SampleCounter, scaled};
use crate::time_order::TimeOrder;
use crate::{
    CodedPacket, Error, Format, PacketReader, PayloadInfo, ReadOptions, Result, SkippedTrack,
    Source, Track, TrackKind, Warning, pcm,
};

/// Maximum index that is loaded into memory.
const MAX_MOOV_BYTES: u64 = 64 << 20;
const MAX_MOOF_BYTES: u64 = 16 << 20;

/// Reads MP4. Packets of several tracks are interleaved by time if the source can seek, otherwise
/// in file order.
#[derive(Debug)]
pub struct Mp4Reader {
    input: Input,
    limits: Limits,
    tracks: Vec<Track>,
    metadata: FileMetadata,
    states: Vec<State>,
    /// Start of the next top-level box.
    next_box: u64,
    /// Payload bytes that may still be delivered, so that files with overlapping samples do not
    /// produce unlimited output.
    budget: Option<u64>,
    /// Error to report once no sample waits.
    trouble: Option<Error>,
    /// Number of packets delivered, over all tracks.
    index: u64,
    ended: bool,
}

/// Reading state of a track.
#[derive(Debug)]
struct State {
    id: u32,
    timescale: u32,
    table: SampleTable,
    /// The next sample of the table, read ahead.
    ahead: Option<Sample>,
    defaults: Option<Defaults>,
    edits: Edits,
    /// The video codec.
    video: Option<Codec>,
    audio: Option<AudioState>,
    order: Option<TimeOrder>,
    /// Samples of the last fragment that are still to be delivered.
    waiting: VecDeque<Sample>,
    /// Decoding time after the last fragment.
    fragment_time: u64,
    selected: bool,
    index: u64,
}

#[derive(Debug)]
struct AudioState {
    rate: u32,
    counter: SampleCounter,
    /// Samples of the codec delay, and how many of them are still to come.
    whole_delay: u32,
    delay: u32,
    /// Bytes of a sample of all channels, if fixed: such samples are read in groups.
    frame_bytes: Option<u32>,
}

impl State {
    fn new(track: &Track, samples: TrackSamples, options: &ReadOptions) -> Self {
        let video = track.video().map(|track| track.codec);
        let checked = !options.allow_backward_times && video.is_some_and(|c| c != Codec::H264);
        let audio = track.audio().map(|track| AudioState {
            rate: track.audio.rate,
            counter: SampleCounter::new(track),
            whole_delay: track.delay,
            delay: track.delay,
            frame_bytes: pcm::frame_bytes(track).and_then(|bytes| u32::try_from(bytes).ok()),
        });
        Self {
            id: samples.id,
            timescale: samples.timescale,
            edits: samples.edits,
            table: samples.samples,
            ahead: None,
            defaults: samples.defaults,
            video,
            audio,
            order: checked.then(TimeOrder::default),
            waiting: VecDeque::new(),
            fragment_time: 0,
            selected: true,
            index: 0,
        }
    }

    /// The next known sample.
    fn peek(&mut self) -> Option<Sample> {
        if self.ahead.is_none() {
            self.ahead = self.table.next();
        }
        self.ahead.or(self.waiting.front().copied())
    }

    fn take(&mut self) -> Option<Sample> {
        self.ahead.take().or_else(|| self.table.next()).or_else(|| self.waiting.pop_front())
    }

    /// Takes the next sample; for uncompressed audio, 20 ms of samples.
    fn take_packet(&mut self) -> Option<Sample> {
        let mut packet = self.take()?;
        let Some(AudioState { rate, frame_bytes: Some(bytes), .. }) = self.audio else {
            return Some(packet);
        };
        let most = (rate / 50).max(1).saturating_mul(bytes);
        while let Some(next) = self.peek() {
            let follows = packet.offset.checked_add(packet.size.into()) == Some(next.offset);
            let size = packet.size.saturating_add(next.size);
            if !follows || size > most || next.size > bytes {
                break;
            }
            packet.size = size;
            packet.duration = packet.duration.saturating_add(next.duration);
            self.take();
        }
        Some(packet)
    }

    /// Returns to the first sample of the table.
    fn rewind(&mut self) {
        self.table.rewind();
        (self.ahead, self.index) = (None, 0);
        self.order = self.order.map(|_| TimeOrder::default());
    }

    /// Moves to the last sync sample that is presented at or before `time`, or to the first sample.
    /// Returns its presentation time. The file must not have fragments.
    fn seek(&mut self, time: i64) -> i64 {
        let media_time = time.saturating_sub(self.edits.shift());
        let is_audio = self.audio.is_some();
        self.rewind();
        let (mut target, mut found) = (0, self.edits.shift());
        for (number, sample) in (0_u64..).zip(self.table.by_ref()) {
            let decode_time = i64::try_from(sample.decode_time).unwrap_or(i64::MAX);
            if is_audio && decode_time > media_time {
                break;
            }
            let shown = decode_time.saturating_add(sample.composition);
            if shown <= media_time && (is_audio || sample.sync) {
                (target, found) = (number, shown.saturating_add(self.edits.shift()));
            }
        }
        self.rewind();
        let mut decode_time = 0;
        for sample in self.table.by_ref().take(usize::try_from(target).unwrap_or(usize::MAX)) {
            decode_time = sample.decode_time.saturating_add(sample.duration.into());
        }
        self.index = target;
        if let Some(audio) = &mut self.audio {
            audio.restart(decode_time, self.timescale);
        }
        found
    }

    /// Decoding time of a sample in nanoseconds, for comparing tracks.
    fn time_ns(&self, sample: &Sample) -> i128 {
        let ticks = i128::from(sample.decode_time) + i128::from(self.edits.shift());
        ticks * 1_000_000_000 / i128::from(self.timescale.max(1))
    }
}

impl Mp4Reader {
    /// Opens a file and reads its index. On a pipe the index must come before the samples.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] if there is no index; [`Error::Unsupported`] if no track
    /// has a known codec; [`Error::Limit`] if the index has more than 64 MiB.
    pub fn new(source: Source, options: &ReadOptions) -> Result<Self> {
        let mut input = Input::new(source)?;
        let (head, moov) = find_moov(&mut input)?;
        let Found { mut tracks, samples, chapters } = track::find_tracks(&moov, head.offset)?;
        let mut metadata = metadata::parse(&moov);
        match chapters.filter(|_| metadata.chapters.is_empty()) {
            Some(chapters) if input.can_seek() => chapters.read(&mut input, &mut metadata)?,
            Some(_) => {
                let skipped = SkippedTrack::new(TrackKind::Data, "chapters");
                let reason = Some("their titles cannot be read from a pipe".to_owned());
                let warning = Warning::TrackSkipped(SkippedTrack { reason, ..skipped });
                if let Some(first) = tracks.first_mut() {
                    first.warn(vec![warning]);
                }
            }
            None => {}
        }
        if let Some(first) = tracks.first_mut() {
            first.warn(metadata.warnings());
        }
        let budget = input.len()?;
        let states = tracks.iter().zip(samples);
        let states = states.map(|(track, samples)| State::new(track, samples, options)).collect();
        Ok(Self {
            input,
            limits: options.limits,
            tracks,
            metadata,
            states,
            next_box: head.end,
            budget,
            trouble: None,
            index: 0,
            ended: false,
        })
    }

    /// The next sample and its track.
    fn next_sample(&mut self) -> Result<Option<(usize, Sample)>> {
        loop {
            if let Some(at) = self.next_track() {
                return Ok(self.states[at].take_packet().map(|sample| (at, sample)));
            }
            if let Some(trouble) = self.trouble.take() {
                return Err(trouble);
            }
            if !self.read_fragment()? {
                return Ok(None);
            }
        }
    }

    /// The track with the next sample.
    fn next_track(&mut self) -> Option<usize> {
        let by_time = self.input.can_seek();
        let mut best: Option<(i128, usize)> = None;
        for (at, state) in self.states.iter_mut().enumerate() {
            if !state.selected {
                continue;
            }
            let Some(sample) = state.peek() else { continue };
            let key = if by_time { state.time_ns(&sample) } else { sample.offset.into() };
            if best.is_none_or(|(least, _)| key < least) {
                best = Some((key, at));
            }
        }
        best.map(|(_, at)| at)
    }

    /// Moves to the next box; `false` at the end or if there are no fragments.
    fn read_fragment(&mut self) -> Result<bool> {
        if self.states.iter().all(|state| state.defaults.is_none()) || self.next_box == u64::MAX {
            return Ok(false);
        }
        let Some(head) = self.input.read_head(self.next_box)? else { return Ok(false) };
        self.next_box = head.end;
        if head.kind != *b"moof" {
            return Ok(true);
        }
        let moof = read_box(&mut self.input, head, MAX_MOOF_BYTES)?;
        for state in self.states.iter_mut().filter(|state| state.selected) {
            let Some(defaults) = state.defaults else { continue };
            let parsed = fragment::append_samples(
                &moof,
                head.offset,
                state.id,
                defaults,
                &mut state.fragment_time,
                &mut state.waiting,
            );
            if parsed.is_none() {
                let expected = "complete sample tables";
                let trouble = corrupt(head.offset, Some(self.index), expected, "a truncated table");
                self.trouble = Some(trouble);
            }
        }
        // On a pipe the header of the sample box cannot be read after the samples, so it is skipped
        // here; its length leads to the next fragment.
        while let Some(data) = self.input.read_head(self.next_box)? {
            self.next_box = data.end;
            if data.kind == *b"mdat" || data.end == u64::MAX {
                break;
            }
        }
        Ok(true)
    }

    fn read_sample(&mut self, sample: Sample, packet: &mut CodedPacket) -> Result<()> {
        let index = Some(self.index);
        let limit = self.limits.max_frame_bytes;
        if u64::from(sample.size) > limit {
            let size = sample.size.into();
            return Err(Error::limit(Format::Mp4, sample.offset, "packet bytes", size, limit));
        }
        if let Some(budget) = &mut self.budget {
            *budget = budget.checked_sub(sample.size.into()).ok_or_else(|| {
                corrupt(sample.offset, index, "samples that do not overlap", "samples that overlap")
            })?;
        }
        self.input.go_to(sample.offset)?;
        let len = usize::try_from(sample.size).unwrap_or(usize::MAX);
        let had = self.input.read_vec(&mut packet.data, len)?;
        if had < len {
            let found = format!("the end of the file after {had}");
            return Err(corrupt(sample.offset, index, format!("{len} bytes of payload"), found));
        }
        Ok(())
    }

    fn read_packet(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        let Some((track, sample)) = self.next_sample()? else { return Ok(false) };
        packet.reset();
        self.read_sample(sample, packet)?;
        let state = &mut self.states[track];
        let decode_time = i64::try_from(sample.decode_time).unwrap_or(i64::MAX);
        packet.track = track;
        let media_time = decode_time.saturating_add(sample.composition);
        packet.pts = media_time.saturating_add(state.edits.shift());
        packet.dts = (state.video == Some(Codec::H264))
            .then(|| decode_time.saturating_add(state.edits.shift()));
        packet.duration = Some(sample.duration.into());
        packet.index = state.index;
        packet.offset = sample.offset;
        packet.key = sample.sync;
        state.index += 1;
        if let Some(codec @ (Codec::Vp8 | Codec::Vp9)) = state.video {
            packet.set_payload_info(PayloadInfo::of(codec, &packet.data));
        }
        packet.shown &= state.video.is_none() || state.edits.present(media_time);
        let is_last = state.defaults.is_none() && state.peek().is_none();
        if let Some(audio) = &mut state.audio {
            audio.trim(state.timescale, is_last, packet);
        }
        Ok(true)
    }
}

impl AudioState {
    /// Prepares for a packet with the decoding time `ticks`.
    fn restart(&mut self, ticks: u64, timescale: u32) {
        let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
        let passed = scaled(ticks, self.rate.into(), timescale.into());
        self.delay = self.whole_delay.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX));
        self.counter.restart();
    }

    /// Computes which samples of a packet are not part of the audio.
    fn trim(&mut self, timescale: u32, is_last: bool, packet: &mut CodedPacket) {
        packet.key = true;
        let ticks = packet.duration.and_then(|ticks| i64::try_from(ticks).ok()).unwrap_or(0);
        let stated = scaled(ticks, self.rate.into(), timescale.into());
        let stated = u32::try_from(stated).unwrap_or(u32::MAX);
        let samples = self.counter.count(&packet.data).unwrap_or(stated);
        packet.trim_start = self.delay.min(samples);
        // The first Vorbis packet outputs nothing and lasts as long as the block that it prepares.
        let passed = if samples == 0 { stated } else { samples };
        self.delay = self.delay.saturating_sub(passed);
        // The stated duration is shorter than the decoded samples: the rest is trimmed. Within a
        // track, small differences are ignored, because some programs round times to their clock.
        let less = samples.saturating_sub(stated);
        if stated > 0 && (is_last || less > self.rate / 200) {
            packet.trim_end = less.min(samples - packet.trim_start);
        }
    }
}

impl PacketReader for Mp4Reader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn metadata(&self) -> &FileMetadata {
        &self.metadata
    }

    fn select(&mut self, tracks: &[usize]) {
        for (at, state) in self.states.iter_mut().enumerate() {
            state.selected = tracks.contains(&at);
        }
    }

    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let outcome = self.read_packet(packet);
        if !matches!(outcome, Ok(true)) {
            self.ended = true;
            return outcome;
        }
        let index = self.index;
        self.index += 1;
        if let Some(order) = &mut self.states[packet.track].order {
            order.check(Format::Mp4, packet.offset, index, packet.pts)?;
        }
        Ok(true)
    }

    fn seek(&mut self, track: usize, time: i64) -> Result<bool> {
        let is_fragmented = self.states.iter().any(|state| state.defaults.is_some());
        if !self.input.can_seek() || is_fragmented {
            return Ok(false);
        }
        let Some(state) = self.states.get_mut(track) else { return Ok(false) };
        let (start, timescale) = (state.seek(time), state.timescale);
        let others = self.states.iter_mut().enumerate().filter(|(at, _)| *at != track);
        for (_, state) in others {
            state.seek(scaled(start, state.timescale.into(), timescale.into()));
        }
        self.budget = self.input.len()?;
        self.ended = false;
        Ok(true)
    }
}

/// Reads the index, at any position.
fn find_moov(input: &mut Input) -> Result<(Head, Vec<u8>)> {
    let mut at = 0;
    loop {
        let Some(head) = input.read_head(at)? else {
            return Err(corrupt(at, None, "an index (moov)", "the end of the file"));
        };
        match &head.kind {
            b"moov" => return Ok((head, read_box(input, head, MAX_MOOV_BYTES)?)),
            b"mdat" if !input.can_seek() => {
                return Err(unsupported("reading a file with its index at the end from a pipe"));
            }
            _ => {}
        }
        if head.end == u64::MAX {
            let found = "a box that reaches to the end of the file";
            return Err(corrupt(at, None, "an index (moov)", found));
        }
        at = head.end;
    }
}

/// Loads a box into memory.
fn read_box(input: &mut Input, head: Head, limit: u64) -> Result<Vec<u8>> {
    // A box that extends to the end of the file may have any length within the limit.
    let stated = (head.end != u64::MAX).then(|| head.end - head.body);
    if let Some(size) = stated.filter(|&size| size > limit) {
        return Err(Error::limit(Format::Mp4, head.offset, "index bytes", size, limit));
    }
    input.go_to(head.body)?;
    let len = usize::try_from(stated.unwrap_or(limit)).unwrap_or(usize::MAX);
    let mut payload = Vec::new();
    let had = input.read_vec(&mut payload, len)?;
    if had < len && stated.is_some() {
        let found = format!("the end of the file after {had}");
        return Err(corrupt(head.offset, None, format!("{len} bytes of index"), found));
    }
    Ok(payload)
}
