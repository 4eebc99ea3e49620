//! An input of the mixer: a queue on the mixer's timeline.

use std::collections::VecDeque;

use super::super::buffer::{AudioView, Samples};
use super::super::convert::Converter;
use super::super::format::AudioFormat;
use super::super::gain::Gain;
use super::super::level::{AudioLevel, level_of};
use super::super::limiter::Limiter;
use codec_core::error::{Error, LimitError};

/// Maximum duration of queued audio per input, in seconds.
const MAX_QUEUE_S: u64 = 60;
/// Level threshold of voice if no voice flag is set, in -dBov: louder input counts as voice.
const VOICE_DBOV: u8 = 50;

/// Statistics of an input's samples, in sample frames at the output rate except as noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputStats {
    /// Sample frames played.
    pub played: u64,
    /// Sample frames that were not available in time and replaced by silence.
    pub missing: u64,
    /// Number of times that samples became unavailable.
    pub underruns: u64,
    /// Sample frames that arrived too late and were dropped.
    pub late: u64,
    /// Sample frames that overlapped earlier ones and were dropped, at the input rate.
    pub overlapped: u64,
}

#[derive(Debug)]
pub(super) struct Input {
    pub(super) id: u32,
    pub(super) converter: Converter,
    pub(super) gain: Gain,
    pub(super) factor: f32,
    pub(super) muted: bool,
    pub(super) voice: Option<bool>,
    /// Contribution of this input to the last block.
    pub(super) block: Vec<f32>,
    /// Limiter for the mix without this input, and the timestamp up to which it has run.
    pub(super) limiter: Option<(Limiter, i64)>,
    pub(super) stats: InputStats,
    channels: usize,
    queue: VecDeque<f32>,
    /// Timestamp of the first queued sample frame.
    start: i64,
    /// Input timestamp after the last pushed sample; `None` before the first.
    next_pts: Option<i64>,
    ended: bool,
    /// Last sample frame before samples were missing, and the number of sample frames since.
    last: Vec<f32>,
    since_missing: Option<usize>,
    /// Number of sample frames left in the fade-in.
    fade_in: usize,
    converted: Vec<f32>,
    silence: Vec<f32>,
}

impl Input {
    pub(super) fn new(
        id: u32,
        from: AudioFormat,
        to: AudioFormat,
        drifting: bool,
    ) -> Result<Self, Error> {
        // A resampler with a fixed ratio delays by a whole block, which is too much for a call.
        let converter = if drifting {
            Converter::adjustable(from, to)?
        } else if from.rate == to.rate {
            Converter::new(from, to)?
        } else {
            Converter::adjustable(from, to).or_else(|_| Converter::new(from, to))?
        };
        Ok(Self {
            id,
            converter,
            gain: Gain::default(),
            factor: 1.0,
            muted: false,
            voice: None,
            block: Vec::new(),
            limiter: None,
            stats: InputStats::default(),
            channels: to.channels(),
            queue: VecDeque::new(),
            start: 0,
            next_pts: None,
            ended: false,
            last: vec![0.0; to.channels()],
            since_missing: None,
            fade_in: 0,
            converted: Vec::new(),
            silence: Vec::new(),
        })
    }

    pub(super) fn push(&mut self, audio: &AudioView<'_>, pts: i64) -> Result<(), Error> {
        let (from, to) = (self.converter.from(), self.converter.to());
        let frames = audio.frames() as u64;
        let expected = self.next_pts.unwrap_or(pts);
        let (gap, overlap) = if pts >= expected {
            (pts.abs_diff(expected), 0)
        } else {
            (0, pts.abs_diff(expected).min(frames))
        };
        // A gap restarts the timeline if nothing is queued before it.
        let restart =
            self.next_pts.is_none() || (gap > u64::from(from.rate) && self.queue.is_empty());
        let waiting = if restart { 0 } else { gap };
        let queued =
            (self.queue.len() / self.channels) as u64 * u64::from(from.rate) / u64::from(to.rate);
        let requested = queued.saturating_add(waiting).saturating_add(frames);
        let limit = MAX_QUEUE_S * u64::from(from.rate);
        if requested > limit {
            return Err(LimitError { what: "queued sample frames", requested, limit }.into());
        }
        let rest = audio.slice(usize::try_from(overlap).unwrap_or(usize::MAX)..usize::MAX);
        let mut converted = std::mem::take(&mut self.converted);
        converted.clear();
        if restart {
            self.converter.reset();
            self.start = scale(pts, from.rate, to.rate);
        } else if gap > 0 {
            self.silence.clear();
            self.silence.resize(usize::try_from(gap).unwrap_or(0) * from.channels(), 0.0);
            if let Ok(view) = AudioView::new(from, Samples::F32(&self.silence)) {
                self.converter.process(&view, &mut converted)?;
            }
        }
        let result = self.converter.process(&rest, &mut converted);
        self.queue.extend(&converted);
        self.converted = converted;
        result?;
        self.stats.overlapped += overlap;
        self.ended = false;
        self.next_pts = Some(pts.saturating_add_unsigned(frames).max(expected));
        Ok(())
    }

    pub(super) fn end(&mut self) {
        self.converted.clear();
        self.converter.finish(&mut self.converted);
        self.queue.extend(&self.converted);
        self.ended = true;
        self.next_pts = None;
    }

    fn frames(&self) -> usize {
        self.queue.len() / self.channels
    }

    pub(super) fn ready(&self, position: i64) -> usize {
        let end = self.start.saturating_add_unsigned(self.frames() as u64);
        usize::try_from(end.saturating_sub(position).max(0)).unwrap_or(usize::MAX)
    }

    pub(super) fn is_drained(&self, position: i64) -> bool {
        self.ended && self.ready(position) == 0
    }

    /// Returns the level of the last block.
    pub(super) fn level(&self) -> AudioLevel {
        let dbov = level_of(Samples::F32(&self.block));
        AudioLevel { dbov, voice: self.voice.unwrap_or(dbov < VOICE_DBOV) }
    }

    /// Fills `block` with the sample frames from `position` on; returns the number of missing ones.
    pub(super) fn take(&mut self, position: i64, frames: usize, ramp: usize) -> usize {
        let late = position.saturating_sub(self.start).max(0);
        let late = usize::try_from(late).unwrap_or(usize::MAX).min(self.frames());
        self.queue.drain(..late * self.channels);
        self.start = self.start.saturating_add_unsigned(late as u64);
        self.stats.late += late as u64;

        let lead = if self.queue.is_empty() { 0 } else { self.start.saturating_sub(position) };
        let lead = usize::try_from(lead.max(0)).unwrap_or(usize::MAX).min(frames);
        let taken = self.frames().min(frames - lead);
        self.block.clear();
        self.block.resize(lead * self.channels, 0.0);
        self.block.extend(self.queue.drain(..taken * self.channels));
        self.start = self.start.saturating_add_unsigned(taken as u64);
        self.stats.played += taken as u64;
        self.fade_in_after_missing(lead, taken, ramp);
        if taken > 0 {
            let last = self.block.len() - self.channels;
            self.last.clear();
            self.last.extend_from_slice(&self.block[last..]);
        }

        let begun = self.next_pts.is_some()
            && self.start <= position.saturating_add_unsigned(frames as u64);
        let short = frames - lead - taken;
        let missing = if begun && !self.ended { short } else { 0 };
        self.stats.missing += missing as u64;
        if missing > 0 {
            if self.since_missing.is_none() {
                self.stats.underruns += 1;
                self.since_missing = Some(0);
            }
            self.fade_out(missing, ramp);
        }
        self.block.resize(frames * self.channels, 0.0);
        self.gain.process(&mut self.block, self.channels);
        missing
    }

    /// Ramps linearly from the last sample frame to zero.
    fn fade_out(&mut self, missing: usize, ramp: usize) {
        let since = self.since_missing.unwrap_or(ramp);
        for frame in since..(since + missing).min(ramp) {
            let factor = 1.0 - (frame + 1) as f32 / ramp as f32;
            self.block.extend(self.last.iter().map(|value| value * factor));
        }
        self.since_missing = Some((since + missing).min(ramp));
    }

    fn fade_in_after_missing(&mut self, lead: usize, taken: usize, ramp: usize) {
        if taken == 0 {
            return;
        }
        if self.since_missing.take().is_some() {
            self.fade_in = ramp;
        }
        let samples = &mut self.block[lead * self.channels..];
        for frame in samples.chunks_exact_mut(self.channels).take(self.fade_in) {
            let factor = 1.0 - self.fade_in as f32 / ramp as f32;
            frame.iter_mut().for_each(|value| *value *= factor);
            self.fade_in -= 1;
        }
    }
}

fn scale(pts: i64, from: u32, to: u32) -> i64 {
    let (from, to) = (i128::from(from), i128::from(to));
    let scaled = (i128::from(pts) * to * 2 + from).div_euclid(2 * from);
    i64::try_from(scaled).unwrap_or(if pts < 0 { i64::MIN } else { i64::MAX })
}
