//! Timestamps of captured samples: the number of samples so far, corrected to stay in sync with the
//! system's clock, because the clock of the audio device drifts from it.

/// Time constant with which the count follows the timestamps, in seconds: single timestamps are
/// late if the machine is busy.
const FOLLOW_S: f64 = 4.0;
/// The largest shift of a block, as a share of its duration.
const MAX_SLEW: f64 = 0.005;
/// Difference that indicates missing samples even without a report of the driver (a machine that
/// was suspended).
const JUMP_S: f64 = 0.25;
/// Longest gap that is filled with silence.
const LONGEST_GAP_S: f64 = 10.0;

/// Counts samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct SampleClock {
    rate: f64,
    /// Time of the next sample, in samples; `None` before the first.
    next: Option<f64>,
}

/// The position of a block of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockPosition {
    /// Sample frames of silence to insert before it, and their time in samples.
    pub(super) gap: u64,
    pub(super) gap_pts: i64,
    /// Its time, in samples.
    pub(super) pts: i64,
}

impl SampleClock {
    pub(super) fn new(rate: u32) -> Self {
        Self { rate: rate.into(), next: None }
    }

    /// Time up to which samples were counted, in seconds.
    pub(super) fn reached_s(&self) -> Option<f64> {
        self.next.map(|next| next / self.rate)
    }

    /// Places `frames` sample frames whose first was captured at `start_s` of the system's clock;
    /// `after_overrun`: samples before them were lost.
    #[expect(clippy::cast_precision_loss, reason = "blocks of a second at most")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    pub(super) fn place(
        &mut self,
        frames: u64,
        start_s: f64,
        after_overrun: bool,
    ) -> BlockPosition {
        let start = start_s * self.rate;
        let next = self.next.unwrap_or(start);
        let away = start - next;
        let gap_pts = next.round() as i64;
        let is_gap = after_overrun || away > JUMP_S * self.rate;
        let (gap, at) = if is_gap && away >= 1.0 {
            let gap = away.min(LONGEST_GAP_S * self.rate).round();
            // A longer gap is a jump.
            let at = if away > LONGEST_GAP_S * self.rate { start } else { next + gap };
            (gap as u64, at)
        } else {
            let most = frames as f64 * MAX_SLEW;
            let moved = away * frames as f64 / (FOLLOW_S * self.rate);
            (0, next + moved.clamp(-most, most))
        };
        self.next = Some(at + frames as f64);
        BlockPosition { gap, gap_pts, pts: at.round() as i64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    /// Simulates blocks of 10 ms of a card whose clock is fast by `ppm`, with timestamps late by up
    /// to 3 ms. Returns the difference between the last block and its true time, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "a test")]
    fn run(ppm: f64, seconds: u32) -> f64 {
        let mut clock = SampleClock::new(RATE);
        let mut away = 0.0;
        let mut last = i64::MIN;
        for block in 0..seconds * 100 {
            let true_s = f64::from(block) * 0.01 / (1.0 + ppm * 1e-6);
            let late_s = f64::from(block * 7 % 10) * 0.0003;
            let placed = clock.place(480, true_s + late_s, false);
            assert_eq!(placed.gap, 0);
            assert!(placed.pts > last);
            last = placed.pts;
            away = placed.pts as f64 / f64::from(RATE) - true_s;
        }
        away
    }

    #[test]
    fn a_drifting_clock_is_kept_in_sync() {
        for ppm in [0.0, 100.0, -100.0, 500.0] {
            // Half of the lateness remains as a constant offset.
            let (early, late) = (run(ppm, 60), run(ppm, 600));
            assert!((early - late).abs() < 0.0006, "{ppm}: {early} {late}");
            assert!(late.abs() < 0.004, "{ppm}: {late}");
        }
    }

    #[test]
    fn overruns_become_silence_of_their_length() {
        let mut clock = SampleClock::new(RATE);
        assert_eq!(
            clock.place(480, 1.0, false),
            BlockPosition { gap: 0, gap_pts: 48_000, pts: 48_000 }
        );
        let placed = clock.place(480, 1.03, true);
        assert_eq!(placed, BlockPosition { gap: 960, gap_pts: 48_480, pts: 49_440 });
        // No report and nothing missing: a late timestamp.
        assert_eq!(clock.place(480, 1.06, false).gap, 0);
        // The machine was suspended.
        let placed = clock.place(480, 3.0, false);
        assert!(placed.gap.abs_diff(48_000 * 2 - 3_360) < 1000, "{placed:?}");
        // Too long for silence.
        let placed = clock.place(480, 1000.0, false);
        assert_eq!((placed.gap, placed.pts), (480_000, 48_000_000));
        // A clock that goes back is followed slowly.
        assert!(clock.place(480, 999.0, true).pts > 48_000_000);
        assert!(clock.reached_s().unwrap() > 1000.0);
    }
}
