//! Divides the PES payloads of H.264 into one packet per frame.

use std::collections::VecDeque;

use codec_core::codec::Codec;
use codec_core::frame::Rational;

use super::pes::Payload;
use super::timeline::{TICKS, Times};
use crate::h264::{AccessUnits, CodedField, FieldParser};
use crate::{CodedPacket, PayloadInfo};

/// Frame rate that is assumed for frames without times if the stream states no frame rate.
const USUAL_RATE: Rational = Rational { num: 25, den: 1 };
/// Bytes that are divided at a time.
const STEP: usize = 16 << 10;
/// Maximum number of PES packets in a frame whose times are kept.
const MAX_MARKS: usize = 256;

/// Divides the payloads of a stream into frames.
#[derive(Debug, Default)]
pub(super) struct VideoFrames {
    units: AccessUnits,
    /// Where PES packets begin in the bytes of `units`.
    marks: VecDeque<Mark>,
    fields: FieldParser,
    /// A field whose second field may follow.
    held: Option<(CodedField, CodedPacket)>,
    /// Ticks of a frame.
    frame_ticks: i64,
    last: Option<Times>,
}

/// The start of a PES packet.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: usize,
    times: Option<Times>,
    offset: u64,
    after_gap: bool,
}

impl VideoFrames {
    pub(super) fn new(frame_rate: Option<Rational>) -> Self {
        let rate = frame_rate.unwrap_or(USUAL_RATE);
        let ticks = u64::from(TICKS) * u64::from(rate.den) / u64::from(rate.num.max(1));
        Self { frame_ticks: i64::try_from(ticks).unwrap_or(0).max(1), ..Self::default() }
    }

    /// Bytes that wait for the end of their frame.
    pub(super) fn waiting(&self) -> usize {
        self.units.bytes().len() + self.held.as_ref().map_or(0, |(_, packet)| packet.data.len())
    }

    /// Adds a payload, and passes the frames that are complete to `out`.
    pub(super) fn add(&mut self, payload: Payload<'_>, out: &mut impl FnMut(CodedPacket)) {
        if payload.after_gap {
            self.finish(out);
        }
        let Payload { data, times, offset, after_gap } = payload;
        if data.is_empty() {
            return;
        }
        if self.marks.len() == MAX_MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back(Mark { at: self.units.bytes().len(), times, offset, after_gap });
        for part in data.chunks(STEP) {
            self.units.bytes_mut().extend_from_slice(part);
            while let Some(length) = self.units.complete() {
                self.add_unit(length, out);
            }
        }
    }

    /// Passes on the frames that are left at the end of the stream.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(CodedPacket)) {
        if !self.units.bytes().is_empty() {
            self.add_unit(self.units.bytes().len(), out);
        }
        self.marks.clear();
        out_held(&mut self.held, out);
    }

    fn add_unit(&mut self, length: usize, out: &mut impl FnMut(CodedPacket)) {
        let unit = &self.units.bytes()[..length];
        let field = self.fields.field(unit);
        let zeros = unit.iter().take_while(|byte| **byte == 0).count();
        let mark = self.take_mark(zeros, length);
        let mut packet = CodedPacket::default();
        packet.reset();
        self.units.take(length, &mut packet.data);
        if let (Some((first, held)), Some(second)) = (&mut self.held, field)
            && first.pairs_with(second)
        {
            held.data.extend_from_slice(&packet.data);
            out_held(&mut self.held, out);
            return;
        }
        out_held(&mut self.held, out);
        let times = mark.and_then(|mark| mark.times).unwrap_or_else(|| self.next_times());
        self.last = Some(times);
        (packet.pts, packet.dts) = (times.shown, Some(times.decoded));
        if let Some(mark) = mark {
            (packet.offset, packet.after_gap) = (mark.offset, mark.after_gap);
        }
        packet.set_payload_info(PayloadInfo::of(Codec::H264, &packet.data));
        match field {
            Some(field) => self.held = Some((field, packet)),
            None => out(packet),
        }
    }

    /// Returns the last PES packet that begins before the unit at the start of the buffer. The
    /// times of that PES packet apply to the unit. The first byte of the unit other than 0 is at
    /// `zeros`.
    fn take_mark(&mut self, zeros: usize, length: usize) -> Option<Mark> {
        let mut found = None;
        while let Some(mark) = self.marks.pop_front_if(|mark| mark.at <= zeros) {
            found = Some(mark);
        }
        for mark in &mut self.marks {
            mark.at = mark.at.saturating_sub(length);
        }
        found
    }

    /// Returns the times of a frame that states none: it follows the last frame.
    fn next_times(&self) -> Times {
        let next = |time: i64| time.saturating_add(self.frame_ticks);
        self.last.map_or(Times { shown: 0, decoded: 0 }, |last| Times {
            shown: next(last.shown),
            decoded: next(last.decoded),
        })
    }
}

/// Passes on the packet that is held, if there is one.
fn out_held(held: &mut Option<(CodedField, CodedPacket)>, out: &mut impl FnMut(CodedPacket)) {
    if let Some((_, packet)) = held.take() {
        out(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: [u8; 12] = [0, 0, 0, 1, 0x67, 66, 0, 30, 0xf8, 0x58, 0x98, 0x80];

    fn payload(data: &[u8], time: Option<i64>) -> Payload<'_> {
        let times = time.map(|time| Times { shown: time, decoded: time - 5 });
        Payload { data, times, offset: 7, after_gap: false }
    }

    #[test]
    fn frames_have_the_times_of_the_payload_in_which_they_begin() {
        let first = [&SPS[..], &[0, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 0x88, 1]].concat();
        let mut frames = VideoFrames::new(Some(Rational::new(25, 1)));
        let mut found = Vec::new();
        let mut out = |packet: CodedPacket| found.push((packet.pts, packet.dts, packet.data.len()));
        frames.add(payload(&first, Some(100)), &mut out);
        // The rest of a frame and the start of another, whose start code began before.
        frames.add(payload(&[2, 3, 0, 0], None), &mut out);
        frames.add(payload(&[1, 0x41, 0x9a, 3, 4, 0, 0, 1, 0x41, 0x9a, 9], Some(400)), &mut out);
        frames.add(payload(&[0, 0, 0, 1, 0x41, 0x9a, 9], Some(900)), &mut out);
        frames.finish(&mut out);
        let expected = [(100, Some(95), 26), (400, Some(395), 8), (4000, Some(3995), 7)];
        assert_eq!(found[..3], expected);
        assert_eq!(found[3], (900, Some(895), 7));
    }
}
