//! Delay control: compares the delay with the target and changes the playout speed.

use super::AudioBuffer;
use super::config::RATE;
use super::decoder::scale;
use super::time_stretch::{Stretcher, Urgency, WANTED_AHEAD};

/// Tolerance above the target.
const ABOVE_US: i64 = 12_000;

/// Tolerance below the target.
const BELOW_US: i64 = 6_000;

/// Excess delay above which acceleration may become audible.
const STRONG_US: i64 = 80_000;

/// Excess delay above which acceleration ignores audio quality.
const URGENT_US: i64 = 300_000;

/// Packets whose delay exceeds the target by this are dropped after a pause.
pub(super) const STALE_US: i64 = 200_000;

/// After a speed change of n sample frames, this many times n are played unchanged, which limits
/// the change to 20 %.
const SPACING: usize = 5;

/// The smoothed delay and the time stretcher.
#[derive(Debug, Default)]
pub(super) struct DelayControl {
    /// Playout delay, smoothed over eight blocks.
    smooth_us: Option<i64>,
    /// Sample frames until the next speed change.
    rest: usize,
    stretcher: Stretcher,
}

impl DelayControl {
    /// Records played sample frames.
    pub(super) fn played(&mut self, frames: usize) {
        self.rest = self.rest.saturating_sub(frames);
    }

    /// Resets the smoothed delay.
    pub(super) fn reset(&mut self) {
        self.smooth_us = None;
    }

    fn measure(&mut self, delay_us: i64) -> i64 {
        let smooth = match self.smooth_us {
            None => delay_us,
            Some(smooth) => smooth + (delay_us - smooth) / 8,
        };
        self.smooth_us = Some(smooth);
        smooth
    }

    fn moved(&mut self, frames: i64) {
        let us = scale(frames, RATE, 1_000_000);
        self.smooth_us = self.smooth_us.map(|smooth| smooth + us);
    }
}

impl AudioBuffer {
    /// Accelerates or slows down playout if the delay differs from the target.
    pub(super) fn adjust(&mut self, now_us: i64) {
        if self.concealment.frames > 0 || self.paused {
            return;
        }
        let Some(delay) = self.delay_us(now_us) else { return };
        let smooth = self.delay_control.measure(delay);
        let over = smooth - self.target_us(now_us);
        if !self.config.time_stretching || self.delay_control.rest > 0 {
            return;
        }
        if over > ABOVE_US {
            self.catch_up(now_us, over);
        } else if over < -BELOW_US {
            self.fall_back(over);
        }
    }

    fn catch_up(&mut self, now_us: i64, over_us: i64) {
        if over_us > URGENT_US * 2 {
            self.drop_stale(now_us);
        }
        // Uses decoded audio only: nothing is concealed just to be removed.
        while self.pcm.ahead() < WANTED_AHEAD && self.next_fits() {
            self.play_first(now_us, 0);
        }
        let need = match over_us {
            URGENT_US.. => Urgency::Urgent,
            STRONG_US.. => Urgency::Strong,
            _ => Urgency::Mild,
        };
        let quiet = 4.0 * self.noise.power();
        let removed = self.delay_control.stretcher.accelerate(&mut self.pcm, need, quiet);
        self.stats.removed_samples_for_acceleration += removed as u64;
        self.delay_control.moved(-i64::try_from(removed).unwrap_or(0));
        self.delay_control.rest = if need == Urgency::Urgent { 3 } else { SPACING } * removed;
    }

    fn fall_back(&mut self, over_us: i64) {
        let need = if over_us < -STRONG_US { Urgency::Strong } else { Urgency::Mild };
        let quiet = 4.0 * self.noise.power();
        let inserted = self.delay_control.stretcher.decelerate(&mut self.pcm, need, quiet);
        self.stats.inserted_samples_for_deceleration += inserted as u64;
        self.delay_control.moved(i64::try_from(inserted).unwrap_or(0));
        self.delay_control.rest = SPACING * inserted;
    }

    /// Whether the first buffered packet continues the audio decoded last.
    fn next_fits(&self) -> bool {
        match (self.store.first(), self.decoded_to) {
            (Some(first), Some(to)) => {
                first.timestamp == to && self.concealment.frames == 0 && !self.paused
            }
            _ => false,
        }
    }

    /// Drops packets that are far too old if newer ones are buffered.
    pub(super) fn drop_stale(&mut self, now_us: i64) {
        let limit = self.target_us(now_us).saturating_add(STALE_US);
        let mut dropped = false;
        while let Some(second) = self.store.second()
            && self.delay_of(now_us, second.timestamp).is_some_and(|delay| delay >= limit)
        {
            let Some(first) = self.store.take_first() else { break };
            self.discard(first);
            dropped = true;
        }
        if dropped {
            self.skip_to_first();
            self.delay_control.reset();
        }
    }
}
