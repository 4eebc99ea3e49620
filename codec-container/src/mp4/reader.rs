//! Reads MP4: whole files, and fragmented ones as they come.

use std::collections::VecDeque;

use codec_core::codec::{Codec, Limits};

use super::boxes::{corrupt, unsupported};
use super::fragment;
use super::input::{Head, Input};
use super::samples::Sample;
use super::track::{self, Selected};
use crate::time::TimeOrder;
use crate::{
    CodedPacket, Error, Format, PacketReader, PayloadFacts, ReadOptions, Result, Source, Track,
};

/// Largest index that is taken into memory.
const MAX_MOOV_BYTES: u64 = 64 << 20;
const MAX_MOOF_BYTES: u64 = 16 << 20;

/// Reads MP4: the first video track.
#[derive(Debug)]
pub struct Mp4Reader {
    input: Input,
    limits: Limits,
    tracks: [Track; 1],
    selected: bool,
    track: Selected,
    order: Option<TimeOrder>,
    /// Samples of the last fragment that are still to be delivered.
    waiting: VecDeque<Sample>,
    /// Decoding time after the last fragment.
    fragment_time: u64,
    /// Where the next box at the top begins.
    next_box: u64,
    /// Payload that may still be delivered: files in which samples overlap are not read for ever.
    budget: Option<u64>,
    /// What to report once `waiting` is empty.
    trouble: Option<Error>,
    index: u64,
    ended: bool,
}

impl Mp4Reader {
    /// Reads the index. On a pipe it must come before the samples.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] without an index; [`Error::Unsupported`] without a video
    /// track of a known codec; [`Error::Limit`] if the index has more than 64 MiB.
    pub fn new(source: Source, options: &ReadOptions) -> Result<Self> {
        let mut input = Input::new(source)?;
        let (head, moov) = find_moov(&mut input)?;
        let track = track::find_video(&moov, head.offset)?;
        let budget = input.len()?;
        let checked = !options.allow_backward_times && track.stream.codec != Codec::H264;
        Ok(Self {
            input,
            limits: options.limits,
            tracks: [Track::Video(track.stream.clone())],
            selected: true,
            track,
            order: checked.then(TimeOrder::default),
            waiting: VecDeque::new(),
            fragment_time: 0,
            next_box: head.end,
            budget,
            trouble: None,
            index: 0,
            ended: false,
        })
    }

    fn next_sample(&mut self) -> Result<Option<Sample>> {
        if let Some(sample) = self.track.samples.next() {
            return Ok(Some(sample));
        }
        while self.waiting.is_empty() {
            if let Some(trouble) = self.trouble.take() {
                return Err(trouble);
            }
            if !self.read_fragment()? {
                return Ok(None);
            }
        }
        Ok(self.waiting.pop_front())
    }

    /// Goes to the next box; `false` at the end or if there are no fragments.
    fn read_fragment(&mut self) -> Result<bool> {
        let Some(defaults) = self.track.defaults else { return Ok(false) };
        if self.next_box == u64::MAX {
            return Ok(false);
        }
        let Some(head) = self.input.read_head(self.next_box)? else { return Ok(false) };
        self.next_box = head.end;
        if head.kind != *b"moof" {
            return Ok(true);
        }
        let moof = read_box(&mut self.input, head, MAX_MOOF_BYTES)?;
        let parsed = fragment::append_samples(
            &moof,
            head.offset,
            self.track.id,
            defaults,
            &mut self.fragment_time,
            &mut self.waiting,
        );
        if parsed.is_none() {
            let expected = "complete tables of samples";
            let trouble = corrupt(head.offset, Some(self.index), expected, "a table cut off");
            self.trouble = Some(trouble);
        }
        // On a pipe the head of the box of samples cannot be looked at after the samples, so it is
        // passed over here; its length leads to the next fragment.
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
                corrupt(sample.offset, index, "samples that lie apart", "samples that overlap")
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
        let Some(sample) = self.next_sample()? else { return Ok(false) };
        packet.reset();
        self.read_sample(sample, packet)?;
        let decode_time = i64::try_from(sample.decode_time).unwrap_or(i64::MAX);
        packet.pts =
            decode_time.saturating_add(sample.composition).saturating_add(self.track.shift);
        packet.duration = Some(sample.duration.into());
        packet.index = self.index;
        packet.offset = sample.offset;
        packet.key = sample.sync;
        packet.shown = true;
        if matches!(self.track.stream.codec, Codec::Vp8 | Codec::Vp9) {
            packet.set_facts(PayloadFacts::of(self.track.stream.codec, &packet.data));
        }
        Ok(true)
    }
}

impl PacketReader for Mp4Reader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, tracks: &[usize]) {
        self.selected = tracks.contains(&0);
    }

    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        if self.ended || !self.selected {
            return Ok(false);
        }
        let outcome = self.read_packet(packet);
        if !matches!(outcome, Ok(true)) {
            self.ended = true;
            return outcome;
        }
        let index = self.index;
        self.index += 1;
        if let Some(order) = &mut self.order {
            order.check(Format::Mp4, packet.offset, index, packet.pts)?;
        }
        Ok(true)
    }
}

/// The index, wherever it is.
fn find_moov(input: &mut Input) -> Result<(Head, Vec<u8>)> {
    let mut at = 0;
    loop {
        let Some(head) = input.read_head(at)? else {
            return Err(corrupt(at, None, "an index (moov)", "the end of the file"));
        };
        match &head.kind {
            b"moov" => return Ok((head, read_box(input, head, MAX_MOOV_BYTES)?)),
            b"mdat" if !input.can_seek() => {
                return Err(unsupported("a file with its index at the end, read from a pipe, is"));
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

/// Takes a box into memory.
fn read_box(input: &mut Input, head: Head, limit: u64) -> Result<Vec<u8>> {
    // A box that reaches to the end of the file may be as long as it likes within the limit.
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
