//! The time of the media played out last, by their sender's clock, and the offset between audio and
//! video.

use std::collections::VecDeque;
use std::time::Duration;

use codec_net::clock::Clock;

use super::input::Times;

/// Number of recent arrivals: one to two seconds of either medium.
const KEPT: usize = 64;

/// Fewer arrivals are not significant.
const LEAST: usize = 5;

/// NTP units of 2^-32 s per millisecond.
const PARTS_PER_MS: f64 = 4_294_967.296;

/// Playout times of both media.
#[derive(Debug, Default)]
pub(crate) struct Playout {
    pub(crate) video: MediumPlayout,
    pub(crate) audio: MediumPlayout,
}

/// One medium.
#[derive(Debug, Default)]
pub(crate) struct MediumPlayout {
    /// When the last item was played out, and its time by the sender's clock (NTP).
    last: Option<(Duration, u64)>,
    /// Delays from capture to arrival, by the times in packets and by the times in sender reports:
    /// units of 2^-32 s, including the offset between the clocks of both ends.
    captured: VecDeque<i64>,
    reported: VecDeque<i64>,
}

impl MediumPlayout {
    /// Records that an item was played out at `now`.
    pub(crate) fn push(&mut self, now: Duration, times: &Times, clock: Clock) {
        if let Some(ntp) = times.captured.or(times.reported) {
            self.last = Some((now, ntp));
        }
        let Some(arrived) = times.arrived.map(|arrived| clock.ntp(arrived)) else { return };
        for (kept, ntp) in
            [(&mut self.captured, times.captured), (&mut self.reported, times.reported)]
        {
            let Some(ntp) = ntp else { continue };
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(arrived.wrapping_sub(ntp).cast_signed());
        }
    }

    /// `estimatedPlayoutTimestamp` of getStats: the sender's time of the last item played out, plus
    /// the time since then; NTP milliseconds.
    pub(crate) fn estimated_ms(&self, now: Duration, clock: Clock) -> Option<f64> {
        let (at, ntp) = self.last?;
        let passed = clock.ntp(now).wrapping_sub(clock.ntp(at));
        Some(ms(ntp.wrapping_add(passed)))
    }
}

impl Playout {
    /// How much later audio arrives than video of the same time, in milliseconds; negative if
    /// earlier. Buffering at this end does not count.
    pub(crate) fn audio_video_offset_ms(&self) -> Option<f64> {
        let apart = |audio: &VecDeque<i64>, video: &VecDeque<i64>| {
            let late = median(audio)?.wrapping_sub(median(video)?);
            let size = ms(late.unsigned_abs());
            Some(if late < 0 { -size } else { size })
        };
        // Only if both use the same clock.
        apart(&self.audio.captured, &self.video.captured)
            .or_else(|| apart(&self.audio.reported, &self.video.reported))
    }
}

fn median(values: &VecDeque<i64>) -> Option<i64> {
    let mut sorted: Vec<i64> = values.iter().copied().collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().filter(|_| sorted.len() >= LEAST)
}

/// Converts units of 2^-32 s to milliseconds.
#[expect(clippy::cast_precision_loss, reason = "53 bits are a microsecond in a century")]
fn ms(parts: u64) -> f64 {
    parts as f64 / PARTS_PER_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn audio_is_compared_with_video_of_the_same_time() {
        let (clock, sender) = (Clock::start(), 77 << 40);
        let stamp = |ms: u64| Some(clock.ntp(at(ms)).wrapping_sub(sender));
        let mut playout = Playout::default();
        for number in 0..100 {
            let captured = 1000 + 20 * number;
            // Video takes 30 ms, audio 75 ms; one in nine is delayed.
            let held = if number % 9 == 0 { 400 } else { 0 };
            let times = |reported: bool, delay: u64| Times {
                captured: stamp(captured).filter(|_| !reported),
                reported: stamp(captured).filter(|_| reported),
                arrived: Some(at(captured + delay + held)),
            };
            assert_eq!(playout.audio_video_offset_ms().is_some(), number >= 5);
            playout.video.push(at(captured + 50), &times(false, 30), clock);
            playout.audio.push(at(captured + 300), &times(false, 75), clock);
            // By reports alone there is nothing for the video.
            playout.audio.push(at(captured + 300), &times(true, 500), clock);
        }
        let offset = playout.audio_video_offset_ms().unwrap();
        assert!((offset - 45.0).abs() < 0.01, "{offset}");
        assert!(playout.video.captured.len() <= KEPT);
        // The last frame was captured at 2980 and played out at 3030.
        let estimated = playout.video.estimated_ms(at(3130), clock).unwrap();
        let expected = ms(stamp(3080).unwrap());
        assert!((estimated - expected).abs() < 0.01, "{estimated}");
        let sooner = Playout { video: playout.audio, audio: playout.video };
        assert!(sooner.audio_video_offset_ms().unwrap() < -40.0);
    }

    #[test]
    fn nothing_is_reported_without_clocks() {
        let (clock, mut playout) = (Clock::start(), Playout::default());
        for number in 0..10 {
            let times = Times { arrived: Some(at(number)), ..Times::default() };
            playout.video.push(at(number), &times, clock);
            playout.audio.push(at(number), &times, clock);
        }
        assert_eq!(playout.audio_video_offset_ms(), None);
        assert_eq!(playout.video.estimated_ms(at(10), clock), None);
    }
}
