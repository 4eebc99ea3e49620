//! Conversion of RTCP feedback (transport-wide and RFC 8888) to [`PacketReport`]s.

use std::collections::VecDeque;
use std::time::Duration;

use super::PacketReport;
use crate::rtcp::{Ccfb, Twcc};
use crate::sequence::Unwrapper32;

/// Number of bits by which the reference time of transport-wide feedback is shorter than 32 bits.
const REFERENCE_SHIFT: u32 = 8;
/// Maximum number of RTP packets tracked for RFC 8888.
const MAX_PACKETS: usize = 4096;
/// Maximum number of streams tracked for RFC 8888.
const MAX_STREAMS: usize = 16;
/// Weight of one message in the ratio of lost feedback messages.
const WEIGHT: f64 = 0.02;

/// Unwraps the timestamps of feedback messages.
#[derive(Clone, Debug, Default)]
pub(super) struct FeedbackReader {
    reference: Unwrapper32,
    report: Unwrapper32,
    streams: Vec<Stream>,
    /// Last feedback packet count, and the smoothed ratio of lost messages.
    count: Option<u8>,
    lost: f64,
}

#[derive(Clone, Debug)]
struct Stream {
    ssrc: u32,
    /// RTP sequence number and transport-wide sequence number.
    numbers: VecDeque<(u16, u16)>,
}

impl FeedbackReader {
    /// Converts transport-wide feedback.
    pub(super) fn twcc(&mut self, feedback: &Twcc) -> Vec<PacketReport> {
        self.count(feedback.feedback_count);
        // Shifted to the upper bits, so that it wraps like the integer type.
        let reference = self.reference.unwrap(feedback.reference_time_64ms << REFERENCE_SHIFT);
        let units = from_zero(reference) >> REFERENCE_SHIFT;
        let start = Duration::from_millis(units.saturating_mul(64));
        let report = |(index, &arrival): (usize, &Option<Duration>)| PacketReport {
            sequence: feedback.sequence(index),
            arrival: arrival.map(|since| start.saturating_add(since)),
        };
        feedback.packets.iter().take(Twcc::MAX_PACKETS).enumerate().map(report).collect()
    }

    fn count(&mut self, count: u8) {
        let Some(before) = self.count else {
            self.count = Some(count);
            return;
        };
        let steps = count.wrapping_sub(before);
        // Late or duplicate.
        if steps == 0 || steps > 128 {
            return;
        }
        self.count = Some(count);
        for _ in 1..steps {
            self.lost += WEIGHT * (1.0 - self.lost);
        }
        self.lost -= WEIGHT * self.lost;
    }

    /// Ratio of transport-wide feedback messages lost on the reverse path, 0..=1; 0 for RFC 8888,
    /// which has no message count.
    pub(super) fn lost(&self) -> f64 {
        self.lost
    }

    /// Records a packet under both sequence numbers.
    pub(super) fn on_sent(&mut self, ssrc: u32, number: u16, transport: u16) {
        let known = self.streams.iter().position(|stream| stream.ssrc == ssrc);
        if known.is_none() {
            if self.streams.len() >= MAX_STREAMS {
                self.streams.remove(0);
            }
            self.streams.push(Stream { ssrc, numbers: VecDeque::new() });
        }
        let last = self.streams.len().saturating_sub(1);
        if let Some(stream) = self.streams.get_mut(known.unwrap_or(last)) {
            if stream.numbers.len() >= MAX_PACKETS {
                stream.numbers.pop_front();
            }
            stream.numbers.push_back((number, transport));
        }
    }

    /// Converts RFC 8888 feedback. Packets without an arrival time are omitted.
    pub(super) fn ccfb(&mut self, feedback: &Ccfb) -> Vec<PacketReport> {
        let report_time = from_zero(self.report.unwrap(feedback.report_time));
        let at = Duration::from_nanos(report_time.saturating_mul(1_000_000_000 >> 9) >> 7);
        let mut reports = Vec::new();
        for stream in feedback.streams.iter().take(MAX_STREAMS) {
            let Some(known) = self.streams.iter().find(|known| known.ssrc == stream.ssrc) else {
                continue;
            };
            let Ok(count) = u16::try_from(stream.metrics.len()) else { continue };
            // Newest first: a reused sequence number belongs to the later packet.
            let mut seen = vec![false; stream.metrics.len()];
            let before = reports.len();
            for &(number, sequence) in known.numbers.iter().rev() {
                let index = number.wrapping_sub(stream.begin_sequence);
                let Some(seen) = seen.get_mut(usize::from(index)).filter(|_| index < count) else {
                    continue;
                };
                if std::mem::replace(seen, true) {
                    continue;
                }
                let arrival = match stream.metrics.get(usize::from(index)) {
                    Some(Some(metric)) => match metric.before() {
                        Some(before) => Some(at.saturating_sub(before)),
                        None => continue,
                    },
                    _ => None,
                };
                reports.push(PacketReport { sequence, arrival });
            }
            if let Some(added) = reports.get_mut(before..) {
                added.reverse();
            }
        }
        reports
    }
}

/// Moves an unwrapped time by 2^32, so that times shortly before the first are not negative.
fn from_zero(unwrapped: i64) -> u64 {
    u64::try_from(unwrapped.saturating_add(1 << 32)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{CcfbMetric, CcfbStream, Ecn};

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn reference_time_wraps_without_a_jump() {
        let mut reader = FeedbackReader::default();
        let mut at = |reference| {
            let packets = vec![Some(ms(5)), None, Some(ms(9))];
            let feedback = Twcc {
                base_sequence: 65_535,
                reference_time_64ms: reference,
                packets,
                ..Twcc::default()
            };
            reader.twcc(&feedback)
        };
        let first = at(0xff_ffff);
        let numbers: Vec<_> = first.iter().map(|report| report.sequence).collect();
        assert_eq!(numbers, [65_535, 0, 1]);
        let [early, lost, late] = [0, 1, 2].map(|index: usize| first[index].arrival);
        assert_eq!((lost, late.unwrap() - early.unwrap()), (None, ms(4)));
        let next = at(1);
        assert_eq!(next[0].arrival.unwrap() - early.unwrap(), ms(128));
        let again = at(0xff_fffe);
        assert_eq!(early.unwrap() - again[0].arrival.unwrap(), ms(64));
    }

    #[test]
    fn lost_feedback_messages_are_counted() {
        let mut reader = FeedbackReader::default();
        // One in ten is missing; some are late or duplicated.
        for number in (0..1000_u32).filter(|number| number % 10 != 3) {
            let feedback_count = u8::try_from(number % 256).unwrap();
            let feedback = Twcc { feedback_count, ..Twcc::default() };
            reader.twcc(&feedback);
            if number % 7 == 0 {
                reader.twcc(&feedback);
            }
            let late = feedback_count.wrapping_sub(5);
            reader.twcc(&Twcc { feedback_count: late, ..feedback });
        }
        assert!((0.08..0.12).contains(&reader.lost()), "{}", reader.lost());
    }

    #[test]
    fn rfc8888_reports_are_mapped_to_transport_wide_numbers() {
        let mut reader = FeedbackReader::default();
        for step in 0..6_u16 {
            reader.on_sent(1, step.wrapping_add(65_533), 2 * step);
            reader.on_sent(2, 100 + step, 2 * step + 1);
        }
        let metric = |before| Some(CcfbMetric::new(Ecn::NotCapable, ms(before)));
        let stream = |ssrc, begin_sequence, metrics| CcfbStream { ssrc, begin_sequence, metrics };
        let feedback = Ccfb {
            sender_ssrc: 9,
            streams: vec![
                stream(1, 65_535, vec![metric(20), None, metric(0)]),
                stream(2, 104, vec![metric(10), metric(9000), metric(5)]),
                stream(3, 0, vec![metric(1)]),
            ],
            report_time: 65_536,
        };
        let reports = reader.ccfb(&feedback);
        let numbers: Vec<_> = reports.iter().map(|report| report.sequence).collect();
        assert_eq!(numbers, [4, 6, 8, 9], "one without a time, one unknown, one never sent");
        let [first, none, at, third] = [0, 1, 2, 3].map(|index: usize| reports[index].arrival);
        assert_eq!(none, None);
        let before = |time: Option<Duration>| (at.unwrap() - time.unwrap()).as_millis();
        assert_eq!((before(first), before(third)), (19, 9), "in steps of 1/1024 s");
    }
}
