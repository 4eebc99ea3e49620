//! Quality detection: whether the quantiser is too high for the resolution, or low enough for a
//! higher one.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_core::error::ConfigError;

use super::ladder::Ladder;

/// Window over which frames are evaluated.
const WINDOW: Duration = Duration::from_secs(2);
/// Minimum number of frames in the window.
const MIN_FRAMES: usize = 15;
const MAX_FRAMES: usize = 512;
/// A step up uses the minimum bitrate over this window.
const STEADY: Duration = Duration::from_secs(5);
/// During the first seconds of a stream, while probing, a step up needs a shorter window and a
/// shorter delay if the bitrate exceeds the requirement by the given factor.
const BEGINNING: Duration = Duration::from_secs(10);
const STEADY_THEN: Duration = Duration::from_secs(1);
const PLENTY: [f64; 2] = [1.5, 3.0];
/// Resolution of the bitrate window.
const PIECE: Duration = Duration::from_millis(500);
const MAX_PIECES: usize = 11;
/// Delay between a change and the next step down.
const HOLD_DOWN: Duration = Duration::from_secs(2);
/// Delay between a change and the next step up: initial and maximum. Doubled if a step up is
/// reverted soon.
const HOLD_UP: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];
const SOON: Duration = Duration::from_secs(10);

/// Thresholds for resolution changes. The defaults are tuned for VP8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QualityThresholds {
    /// Mean quantiser index above which resolution is reduced, 1..=127; default 95.
    pub high_qindex: u8,
    /// Mean quantiser index below which a higher resolution is allowed; default 40.
    pub low_qindex: u8,
    /// Share of dropped frames above which resolution is reduced, 0..=1; default 0.5.
    pub max_dropped: f64,
    /// Bits per pixel below which resolution is reduced without waiting for the quantiser; default
    /// 0.015.
    pub min_bits_per_pixel: f64,
    /// Bits per pixel that a higher resolution requires, at most 10; default 0.035.
    pub target_bits_per_pixel: f64,
}

impl Default for QualityThresholds {
    fn default() -> Self {
        Self {
            high_qindex: 95,
            low_qindex: 40,
            max_dropped: 0.5,
            min_bits_per_pixel: 0.015,
            target_bits_per_pixel: 0.035,
        }
    }
}

impl QualityThresholds {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.low_qindex >= self.high_qindex || self.high_qindex > 127 {
            let given = format!("{} and {}", self.low_qindex, self.high_qindex);
            return Err(ConfigError::new(
                "low and high quantiser thresholds",
                given,
                "ascending values up to 127",
            ));
        }
        if !(0.0..=1.0).contains(&self.max_dropped) {
            return Err(ConfigError::new("share of dropped frames", self.max_dropped, "0..=1"));
        }
        let ascend = self.min_bits_per_pixel >= 0.0
            && self.target_bits_per_pixel >= 1.5 * self.min_bits_per_pixel;
        if !ascend || self.target_bits_per_pixel > 10.0 {
            let given = format!("{} and {}", self.min_bits_per_pixel, self.target_bits_per_pixel);
            let allowed = "a target of at least 1.5 times the minimum, and at most 10";
            return Err(ConfigError::new("minimum and target bits per pixel", given, allowed));
        }
        Ok(())
    }
}

/// Selects a rung from the quantiser and the bitrate.
#[derive(Clone, Debug)]
pub(super) struct QualityDetector {
    thresholds: QualityThresholds,
    rung: usize,
    frames: VecDeque<(Duration, Option<u8>)>,
    /// Start of each interval and the minimum bitrate in it.
    bitrates: VecDeque<(Duration, Bitrate)>,
    begun: Duration,
    changed: Option<Duration>,
    raised: Option<Duration>,
    hold_up: Duration,
}

impl QualityDetector {
    pub(super) fn new(thresholds: QualityThresholds) -> Self {
        Self {
            thresholds,
            rung: 0,
            frames: VecDeque::new(),
            bitrates: VecDeque::new(),
            begun: Duration::ZERO,
            changed: None,
            raised: None,
            hold_up: HOLD_UP[0],
        }
    }

    pub(super) fn rung(&self) -> usize {
        self.rung
    }

    pub(super) fn on_bitrate(
        &mut self,
        now: Duration,
        bitrate: Bitrate,
        ladder: &Ladder,
        is_first: bool,
    ) {
        self.push_bitrate(now, bitrate);
        if is_first {
            self.begun = now;
            // Start at a resolution that the bitrate can support.
            let fits = |index: &usize| {
                self.bits_per_pixel(bitrate, *index, ladder) >= self.min_bits_per_pixel()
            };
            self.rung = (0..=ladder.last()).find(fits).unwrap_or(ladder.last());
        }
    }

    fn push_bitrate(&mut self, now: Duration, bitrate: Bitrate) {
        match self.bitrates.back_mut() {
            Some((begins, least)) if now.saturating_sub(*begins) < PIECE => {
                *least = bitrate.min(*least);
            }
            _ => self.bitrates.push_back((now, bitrate)),
        }
        while self.bitrates.len() > MAX_PIECES {
            self.bitrates.pop_front();
        }
    }

    pub(super) fn on_frame(&mut self, now: Duration, qindex: Option<u8>) {
        self.frames.push_back((now, qindex));
        while self.frames.len() > MAX_FRAMES
            || self.frames.front().is_some_and(|&(at, _)| now.saturating_sub(at) > WINDOW)
        {
            self.frames.pop_front();
        }
    }

    /// Discards previous observations, since resolution or frame rate changed.
    pub(super) fn on_change(&mut self, now: Duration) {
        self.frames.clear();
        self.changed = Some(now);
    }

    /// Makes one decision; `current` is the rung in use.
    pub(super) fn step(
        &mut self,
        now: Duration,
        current: usize,
        bitrate: Bitrate,
        ladder: &Ladder,
    ) {
        self.push_bitrate(now, bitrate);
        // If another detector keeps the resolution lower, the frames say nothing about our rung.
        if current != self.rung {
            return;
        }
        let since = self.changed.map(|at| now.saturating_sub(at));
        let bits = self.bits_per_pixel(bitrate, current, ladder);
        let starved = bits < self.min_bits_per_pixel();
        let hold = if starved { HOLD_DOWN / 4 } else { HOLD_DOWN };
        if since.is_none_or(|since| since >= hold) && current < ladder.last() {
            if starved {
                let fits = |index: &usize| {
                    self.bits_per_pixel(bitrate, *index, ladder) >= self.min_bits_per_pixel() * 1.5
                };
                let down = (current + 1..=ladder.last()).find(fits);
                self.lower(now, down.unwrap_or(ladder.last()));
                return;
            }
            if self.is_coarse() {
                self.lower(now, current + 1);
                return;
            }
        }
        let (steady, hold, plenty) = if now.saturating_sub(self.begun) < BEGINNING {
            (STEADY_THEN, STEADY_THEN, PLENTY[0])
        } else {
            (STEADY, self.hold_up, PLENTY[1])
        };
        if since.is_none_or(|since| since >= hold) && self.may_rise(now, steady, plenty, ladder) {
            self.rung -= 1;
            self.raised = Some(now);
        }
    }

    fn lower(&mut self, now: Duration, rung: usize) {
        let was_raised = self.raised.is_some_and(|at| now.saturating_sub(at) < SOON);
        let [least, most] = HOLD_UP;
        self.hold_up = if was_raised { (self.hold_up * 2).min(most) } else { least };
        self.raised = None;
        self.rung = rung;
    }

    /// Whether the minimum bitrate over `steady` supports the next higher resolution.
    fn may_rise(&self, now: Duration, steady: Duration, plenty: f64, ladder: &Ladder) -> bool {
        let Some(above) = self.rung.checked_sub(1) else { return false };
        let Some(&(begins, _)) = self.bitrates.front() else { return false };
        if now.saturating_sub(begins) < steady {
            return false;
        }
        let recent = |piece: &&(Duration, Bitrate)| now.saturating_sub(piece.0) < steady + PIECE;
        let least = self.bitrates.iter().filter(recent).map(|&(_, least)| least).min();
        let bits = self.bits_per_pixel(least.unwrap_or_default(), above, ladder);
        // A high bitrate per pixel is sufficient, regardless of the quantiser at the lower
        // resolution.
        let low = f64::from(self.thresholds.low_qindex);
        let is_fine = self.mean_qindex().is_some_and(|mean| mean < low);
        let enough = self.thresholds.target_bits_per_pixel;
        bits >= enough && (is_fine || bits >= plenty * enough) && !self.is_coarse()
    }

    fn min_bits_per_pixel(&self) -> f64 {
        self.thresholds.min_bits_per_pixel
    }

    fn bits_per_pixel(&self, bitrate: Bitrate, rung: usize, ladder: &Ladder) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let bps = bitrate.0 as f64;
        bps / ladder.rung(rung).pixel_rate().max(1.0)
    }

    fn is_coarse(&self) -> bool {
        let dropped = self.frames.iter().filter(|(_, qindex)| qindex.is_none()).count();
        let (Ok(dropped), Ok(count)) = (u32::try_from(dropped), u32::try_from(self.frames.len()))
        else {
            return false;
        };
        if self.frames.len() < MIN_FRAMES {
            return false;
        }
        let many = f64::from(dropped) > self.thresholds.max_dropped * f64::from(count);
        let high = f64::from(self.thresholds.high_qindex);
        many || self.mean_qindex().is_some_and(|mean| mean > high)
    }

    /// Mean over the window, if it contains enough frames.
    fn mean_qindex(&self) -> Option<f64> {
        if self.frames.len() < MIN_FRAMES {
            return None;
        }
        let coded = || self.frames.iter().filter_map(|&(_, qindex)| qindex);
        let count = u32::try_from(coded().count()).ok().filter(|count| *count > 0)?;
        let sum: u32 = coded().map(u32::from).sum();
        Some(f64::from(sum) / f64::from(count))
    }
}
