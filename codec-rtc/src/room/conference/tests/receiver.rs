//! A viewer that checks that every frame it receives is decodable.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::world::ms;
use crate::packet::vp8::Descriptor;
use crate::rtp;
use crate::sequence::Unwrapper16;

/// The receiver of one stream.
#[derive(Default)]
pub(super) struct Receiver {
    last_sequence: Option<u16>,
    last_timestamp: Option<u32>,
    last_id: Option<u16>,
    last_tl0: Option<u8>,
    /// Packets of the frame in progress.
    parts: u16,
    /// Whether the last packet did not end its frame.
    is_open: bool,
    /// Times and sizes of packets.
    pub(super) packets: Vec<(Duration, usize)>,
    /// Decoded frames of the current encoding.
    decoded: BTreeSet<u32>,
    height: u16,
    /// Height and time of every decoded frame.
    pub(super) shown: Vec<(Duration, u16)>,
    /// Times and timestamps of decoded frames.
    pub(super) timestamps: Vec<(Duration, u32)>,
    pub(super) problems: Vec<String>,
    pub(super) gaps: u32,
    /// Packets that wait for earlier ones, with their times of arrival.
    waiting: BTreeMap<i64, (Duration, Vec<u8>)>,
    numbers: Unwrapper16,
    next: Option<i64>,
}

impl Receiver {
    /// Sorts packets that may be late by up to 150 ms.
    pub(super) fn reorder(&mut self, now: Duration, data: Vec<u8>) {
        let number = self.numbers.unwrap(rtp::parse(&data).unwrap().header.sequence);
        if self.next.is_none_or(|next| number >= next) {
            self.waiting.insert(number, (now, data));
        }
    }

    /// Handles the packets that are in order, or that have waited too long for earlier ones.
    pub(super) fn poll(&mut self, now: Duration) {
        while let Some(first) = self.waiting.first_entry() {
            let is_next = self.next.is_none_or(|next| next == *first.key());
            if !is_next && first.get().0 + ms(150) > now {
                return;
            }
            let (number, (_, data)) = first.remove_entry();
            self.next = Some(number + 1);
            self.receive(now, &data, true);
        }
    }

    /// Handles a packet; `may_lose` allows gaps of the sequence numbers.
    pub(super) fn receive(&mut self, now: Duration, data: &[u8], may_lose: bool) {
        let packet = rtp::parse(data).unwrap();
        let header = packet.header;
        let expected = self.last_sequence.map(|last| last.wrapping_add(1));
        let is_gap = expected.is_some_and(|expected| expected != header.sequence);
        if is_gap {
            self.gaps += 1;
            if !may_lose {
                self.problem(now, format!("sequence {} after {expected:?}", header.sequence));
            }
        }
        self.last_sequence = Some(header.sequence);
        self.packets.push((now, data.len()));
        let (descriptor, data) = Descriptor::parse(packet.payload).unwrap();
        let number = |at: usize| u32::from_be_bytes(data[at..at + 4].try_into().unwrap());
        let (frame, reference) = (number(10), number(14));
        let part = u16::from_be_bytes(data[18..20].try_into().unwrap());
        let is_key = data[0] & 1 == 0;
        let height = u16::from_le_bytes([data[8], data[9]]);
        let was_open = std::mem::replace(&mut self.is_open, !header.marker);
        if descriptor.start_of_partition {
            if was_open && !is_gap {
                self.problem(now, "a frame is cut off and looks complete");
            }
            self.parts = 0;
            let id = descriptor.picture_id.unwrap().number();
            let tl0 = descriptor.tl0_pic_idx.unwrap();
            if !may_lose && self.last_id.is_some_and(|last| (last + 1) & 0x7fff != id) {
                self.problem(now, format!("PictureID {id} after {:?}", self.last_id));
            }
            let is_base = descriptor.layer.unwrap().temporal_id == 0;
            let next = self.last_tl0.map(|last| last.wrapping_add(u8::from(is_base)));
            if !may_lose && next.is_some_and(|next| next != tl0) {
                self.problem(now, format!("TL0PICIDX {tl0}, expected {next:?}"));
            }
            (self.last_id, self.last_tl0) = (Some(id), Some(tl0));
            let step = self.last_timestamp.map(|last| header.timestamp.wrapping_sub(last));
            if step.is_some_and(|step| step == 0 || step > 1 << 31) {
                self.problem(now, format!("timestamp goes back: {step:?}"));
            }
            self.last_timestamp = Some(header.timestamp);
        }
        let is_next = part == self.parts;
        self.parts = if is_next { part + 1 } else { u16::MAX };
        if !is_next || !header.marker {
            return;
        }
        if is_key {
            self.decoded.clear();
            self.height = height;
        }
        if !is_key && (self.height != height || !self.decoded.contains(&reference)) {
            if !may_lose {
                self.problem(now, format!("frame {frame} of {height}p without {reference}"));
            }
            return;
        }
        self.decoded.insert(frame);
        self.shown.push((now, height));
        self.timestamps.push((now, header.timestamp));
    }

    fn problem(&mut self, now: Duration, text: impl std::fmt::Display) {
        self.problems.push(format!("{now:?}: {text}"));
    }

    /// Whether the last packet ended its frame.
    pub(super) fn is_complete(&self) -> bool {
        !self.is_open
    }

    /// Height of the newest frame.
    pub(super) fn height(&self) -> u16 {
        self.shown.last().map_or(0, |it| it.1)
    }

    /// Number of frames in a period.
    pub(super) fn frames(&self, from: u64, until: u64) -> usize {
        self.shown.iter().filter(|it| (ms(from)..ms(until)).contains(&it.0)).count()
    }

    /// Changes of the height.
    pub(super) fn changes(&self) -> usize {
        self.shown.windows(2).filter(|pair| pair[0].1 != pair[1].1).count()
    }

    /// Longest time without a frame within a period.
    pub(super) fn longest_freeze(&self, from: u64, until: u64) -> Duration {
        let inside =
            self.shown.iter().map(|it| it.0).filter(|at| (ms(from)..ms(until)).contains(at));
        let times: Vec<_> = [ms(from)].into_iter().chain(inside).chain([ms(until)]).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
    }
}
