//! Times of a stream from its 33-bit timestamps, across wraparounds and changes of the time base.

/// Ticks of timestamps per second.
pub(super) const TICKS: u32 = 90_000;
const SECOND: i64 = 90_000;
/// Timestamps are modulo this.
pub(super) const WRAP: i64 = 1 << 33;
/// A decoding time belongs to another time base if it is more than `MAX_BACK` earlier, or more than
/// `MAX_FORWARD` later, than the last one.
const MAX_BACK: i64 = SECOND;
const MAX_FORWARD: i64 = 60 * SECOND;
/// The limit for later decoding times if the stream marks a discontinuity.
const MAX_MARKED: i64 = SECOND / 2;
/// Longest time between two clock references that continue each other; the standard allows 0.1 s.
const MAX_CLOCK_STEP: i64 = SECOND;
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
    clock: ProgramClock,
}

/// The clock of a program: it shows how much time passes while a stream pauses.
#[derive(Clone, Copy, Debug, Default)]
struct ProgramClock {
    last: Option<i64>,
    /// The number of breaks in the clock.
    breaks: u64,
    /// Ticks since the first clock reference, without the breaks.
    passed: i64,
}

impl ProgramClock {
    fn add(&mut self, reference: i64, is_marked: bool) {
        let step = self.last.map(|last| difference(reference, last));
        match step.filter(|step| !is_marked && (0..=MAX_CLOCK_STEP).contains(step)) {
            Some(step) => self.passed = self.passed.saturating_add(step),
            None => self.breaks += 1,
        }
        self.last = Some(reference);
    }

    /// The ticks since an earlier state, if there was no break.
    fn since(self, earlier: Self) -> Option<i64> {
        let is_same = self.last.is_some() && self.breaks == earlier.breaks;
        is_same.then(|| self.passed.saturating_sub(earlier.passed))
    }
}

/// How a decoding time continues the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is not later.
    Back,
    /// It follows at once.
    Next,
    Later,
    /// It belongs to another time base.
    Other,
}

/// The times of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StreamClock {
    /// Offset that is added to timestamps: the offset of the timeline, or the previous one until this
    /// stream changes its time base too.
    offset: i64,
    /// The last decoding time, and its distance from the one before.
    last: Option<i64>,
    step: i64,
    /// Whether the next time belongs to another recording, so that an earlier one is of another time base.
    has_left: bool,
    /// The clock of the program at that time.
    clock: ProgramClock,
}

impl StreamClock {
    /// Whether both clocks are in the same time base.
    pub(super) fn has_base_of(&self, other: Self) -> bool {
        self.offset == other.offset
    }

    /// Returns how a decoding timestamp continues the earlier ones.
    pub(super) fn step_to(&self, dts: u64) -> Step {
        let dts = i64::try_from(dts).unwrap_or(0);
        let Some(last) = self.last else { return Step::Next };
        // The last step may be rounded, and frames may have different durations.
        let next = self.step.saturating_add(self.step / 2);
        match self.continued(dts, last, MAX_FORWARD).map(|decoded| decoded - last) {
            None => Step::Other,
            Some(..=0) => Step::Back,
            Some(step) if step <= next => Step::Next,
            Some(_) => Step::Later,
        }
    }

    /// Notes that the next time belongs to another recording.
    pub(super) fn leave(&mut self) {
        self.has_left = true;
    }

    /// Returns the decoding time after `last` in the same time base, at most `most` later.
    fn continued(&self, dts: i64, last: i64, most: i64) -> Option<i64> {
        let decoded = near(dts.saturating_add(self.offset), last);
        let back = if self.has_left { -1 } else { MAX_BACK };
        (last - back..=last.saturating_add(most)).contains(&decoded).then_some(decoded)
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
        clock.has_left = false;
        clock.clock = self.clock;
        self.latest = self.latest.max(Some(decoded));
        Times { shown: decoded.saturating_add(difference(pts, dts)), decoded }
    }

    /// Adds a clock reference. `is_marked` means that it does not continue the earlier ones.
    pub(super) fn add_clock(&mut self, reference: u64, is_marked: bool) {
        self.clock.add(i64::try_from(reference).unwrap_or(0), is_marked);
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
        // The clock of the program shows that the stream pauses.
        let paused = near(dts.saturating_add(clock.offset), last);
        let pause = paused.saturating_sub(last);
        let passed = self.clock.since(clock.clock).filter(|_| pause > MAX_FORWARD);
        if passed.is_some_and(|passed| pause.abs_diff(passed) <= MAX_APART.unsigned_abs()) {
            return paused;
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
    fn a_stream_may_pause_while_the_clock_continues() {
        let hour = 3600 * SECOND;
        for (has_break, expected) in [(false, hour), (true, 7200)] {
            let mut timeline = Timeline::default();
            let mut video = StreamClock::default();
            for time in [0, 3600] {
                timeline.add_clock(stamp(time - SECOND), false);
                timeline.times(&mut video, (stamp(time), None), false);
            }
            for time in (3600..=hour).step_by(3600) {
                timeline.add_clock(stamp(time - SECOND), has_break && time == 36_000);
            }
            let times = timeline.times(&mut video, (stamp(hour), None), false);
            assert_eq!(times.decoded, expected);
        }
    }

    #[test]
    fn a_repeated_recording_may_be_short() {
        let mut timeline = Timeline::default();
        let mut video = StreamClock::default();
        for time in [0, 3600, 7200] {
            timeline.times(&mut video, (time, None), false);
        }
        let steps = [10_800, 12_601, 7200, 0, 100 * 90_000].map(|time| video.step_to(time));
        assert_eq!(steps, [Step::Next, Step::Later, Step::Back, Step::Back, Step::Other]);
        video.leave();
        assert_eq!(timeline.times(&mut video, (0, None), false).decoded, 10_800);
        assert_eq!(timeline.times(&mut video, (3600, None), false).decoded, 14_400);
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
