//! Times of a stream from timestamps of 33 bits, across wraps and changes of the time base.

/// Ticks of timestamps per second.
pub(super) const TICKS: u32 = 90_000;
const SECOND: i64 = 90_000;
/// Timestamps are modulo this.
const WRAP: i64 = 1 << 33;
/// A decoding time belongs to another time base if it is more than `MAX_BACK` earlier, or more than
/// `MAX_FORWARD` later, than the last one.
const MAX_BACK: i64 = SECOND;
const MAX_FORWARD: i64 = 60 * SECOND;
/// The limit for later decoding times if the stream marks a discontinuity.
const MAX_MARKED: i64 = SECOND / 2;
/// Streams change the time base at times that differ by at most this.
const MAX_APART: i64 = 10 * SECOND;

/// When a packet is shown, and when it is decoded, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) shown: i64,
    pub(super) decoded: i64,
}

/// The time base of all streams of a program.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timeline {
    /// Offset that is added to timestamps.
    offset: i64,
    /// The latest decoding time of any stream.
    latest: Option<i64>,
}

/// The times of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StreamClock {
    /// Offset that is added to timestamps: that of the timeline, or the previous one until this
    /// stream changes its time base too.
    offset: i64,
    /// The last decoding time, and its distance from the one before.
    last: Option<i64>,
    step: i64,
}

impl StreamClock {
    /// Whether both clocks are in the same time base.
    pub(super) fn has_base_of(&self, other: Self) -> bool {
        self.offset == other.offset
    }

    /// Whether a decoding timestamp is in the time base of the earlier ones.
    pub(super) fn is_continued_by(&self, dts: u64) -> bool {
        let dts = i64::try_from(dts).unwrap_or(0);
        self.last.is_none_or(|last| self.continued(dts, last, MAX_FORWARD).is_some())
    }

    /// Returns the decoding time after `last` in the same time base, at most `most` later.
    fn continued(&self, dts: i64, last: i64, most: i64) -> Option<i64> {
        let decoded = near(dts.saturating_add(self.offset), last);
        (last - MAX_BACK..=last.saturating_add(most)).contains(&decoded).then_some(decoded)
    }
}

impl Timeline {
    /// Returns the times of a packet with these timestamps. `is_marked` means that the stream
    /// states that timestamps may not continue the earlier ones.
    pub(super) fn times(
        &mut self,
        clock: &mut StreamClock,
        (pts, dts): (u64, Option<u64>),
        is_marked: bool,
    ) -> Times {
        let pts = i64::try_from(pts).unwrap_or(0);
        let dts = dts.map_or(pts, |dts| i64::try_from(dts).unwrap_or(0));
        let decoded = self.decoded(clock, dts, is_marked);
        if let Some(last) = clock.last.filter(|&last| last < decoded) {
            clock.step = decoded - last;
        }
        clock.last = Some(decoded);
        self.latest = self.latest.max(Some(decoded));
        Times { shown: decoded.saturating_add(difference(pts, dts)), decoded }
    }

    fn decoded(&mut self, clock: &mut StreamClock, dts: i64, is_marked: bool) -> i64 {
        let Some(last) = clock.last else {
            clock.offset = self.offset;
            let first = dts.saturating_add(clock.offset);
            return self.latest.map_or(first, |latest| near(first, latest));
        };
        let most = if is_marked { MAX_MARKED } else { MAX_FORWARD };
        if let Some(decoded) = clock.continued(dts, last, most) {
            return decoded;
        }
        // Another stream may have changed the time base before.
        let changed = near(dts.saturating_add(self.offset), last);
        if clock.offset != self.offset && (changed - last).abs() <= MAX_APART {
            clock.offset = self.offset;
            return changed;
        }
        // The new time base continues where all streams have ended.
        let next = self.latest.unwrap_or(last).saturating_add(clock.step);
        clock.offset = next - dts;
        self.offset = clock.offset;
        next
    }
}

/// Returns `a - b`, modulo the range of timestamps, as the smaller of both directions.
fn difference(a: i64, b: i64) -> i64 {
    let difference = a.wrapping_sub(b).rem_euclid(WRAP);
    if difference >= WRAP / 2 { difference - WRAP } else { difference }
}

/// Returns the time that equals `time`, modulo the range of timestamps, and is nearest to `last`.
fn near(time: i64, last: i64) -> i64 {
    last.saturating_add(difference(time, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(time: i64) -> u64 {
        time.rem_euclid(WRAP).cast_unsigned()
    }

    #[test]
    fn times_continue_over_a_wrap() {
        let mut timeline = Timeline::default();
        let (mut video, mut audio) = (StreamClock::default(), StreamClock::default());
        let mut decoded = |clock: &mut StreamClock, time| {
            timeline.times(clock, (stamp(time), None), false).decoded
        };
        assert_eq!(decoded(&mut video, WRAP - 10), WRAP - 10);
        assert_eq!(decoded(&mut audio, WRAP + 3), WRAP + 3, "the first time of another stream");
        assert_eq!(decoded(&mut video, WRAP + 20), WRAP + 20);
        assert_eq!(decoded(&mut video, WRAP + 5), WRAP + 5);
        assert_eq!(decoded(&mut video, WRAP + 3000), WRAP + 3000);
        let times = timeline.times(&mut video, (stamp(WRAP + 20), Some(stamp(-1))), false);
        assert_eq!(times, Times { shown: WRAP + 20, decoded: WRAP - 1 });
    }

    #[test]
    fn all_streams_follow_a_change_of_the_time_base() {
        let mut timeline = Timeline::default();
        let (mut video, mut audio) = (StreamClock::default(), StreamClock::default());
        for time in [0, 3600] {
            timeline.times(&mut video, (time, None), false);
            timeline.times(&mut audio, (time + 100, None), false);
        }
        let later = 3600 * 90_000;
        let shown = timeline.times(&mut video, (later + 50, Some(later)), false);
        assert_eq!(shown, Times { shown: 7350, decoded: 7300 }, "3600 after the latest");
        // Audio of the old time base, then of the new one.
        assert_eq!(timeline.times(&mut audio, (7300, None), false).decoded, 7300);
        assert_eq!(timeline.times(&mut audio, (later + 100, None), false).decoded, 7400);
        assert_eq!(timeline.times(&mut video, (later + 3600, None), false).decoded, 10_900);
        // Back to the start, as in files that were joined.
        assert_eq!(timeline.times(&mut video, (later - 200_000, None), false).decoded, 14_500);
    }

    #[test]
    fn a_marked_change_may_be_small() {
        let mut timeline = Timeline::default();
        let mut video = StreamClock::default();
        let mut decoded =
            |time, is_marked| timeline.times(&mut video, (time, None), is_marked).decoded;
        assert_eq!([decoded(0, false), decoded(3600, true), decoded(7200, false)], [0, 3600, 7200]);
        assert_eq!(decoded(900_000, true), 10_800);
        assert_eq!(decoded(903_600, false), 14_400);
        assert_eq!(decoded(1_803_600, false), 914_400, "a gap");
    }
}
