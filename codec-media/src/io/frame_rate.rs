//! Converts a source to a constant frame rate: each output frame shows the last source frame
//! that begins before the middle of the output frame's interval. A source frame is dropped if no
//! interval shows it, and repeated if several do.

use codec_core::frame::Rational;

use super::filtered::{FrameFilter, filtered};
use super::source::{FrameSource, RateChanges, SourceFrame};
use crate::failure::Result;
use crate::frame::copy::FrameCopy;
use crate::values::FpsTarget;

/// A frame in memory.
#[derive(Debug, Default)]
struct Held {
    frame: FrameCopy,
    /// Start and end in half intervals of the new rate, rounded down and up.
    start: i64,
    end: i64,
    is_shown: bool,
}

/// Converts the frame rate.
struct RateConversion {
    /// Frames per second of the result.
    rate: Rational,
    /// Time base of the source, and the duration of its frames in ticks if unstated.
    base: Rational,
    nominal: u64,
    current: Option<Held>,
    ahead: Option<Held>,
    free: Held,
    /// Number of the next frame, from time 0.
    number: Option<i64>,
    has_ended: bool,
    changes: RateChanges,
}

/// Returns `source` at the frame rate `target`.
pub(super) fn at_rate(
    source: Box<dyn FrameSource>,
    target: Option<FpsTarget>,
) -> Box<dyn FrameSource> {
    let Some(target) = target else { return source };
    let mut stream_info = source.stream_info().clone();
    let before = stream_info.frame_rate;
    let rate = target.rate(before);
    let base = stream_info.time_base;
    let nominal = 1.0 / (before.as_f64() * base.as_f64());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let nominal = (nominal.round() as u64).max(1);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    let scaled = |count: u64| (count as f64 * rate.as_f64() / before.as_f64()).round() as u64;
    stream_info.count = stream_info.count.map(scaled);
    (stream_info.frame_rate, stream_info.time_base) = (rate, rate.inverse());
    let conversion = RateConversion {
        rate,
        base,
        nominal,
        current: None,
        ahead: None,
        free: Held::default(),
        number: None,
        has_ended: false,
        changes: RateChanges::default(),
    };
    filtered(source, stream_info, conversion)
}

impl RateConversion {
    /// Converts ticks of the source to half intervals of the new rate.
    fn halves(&self, ticks: i64) -> (i64, i64) {
        let num = 2 * i128::from(ticks) * i128::from(self.base.num) * i128::from(self.rate.num);
        let den = (i128::from(self.base.den) * i128::from(self.rate.den)).max(1);
        let down = i64::try_from(num.div_euclid(den)).unwrap_or(i64::MAX);
        (down, if num.rem_euclid(den) > 0 { down.saturating_add(1) } else { down })
    }

    /// Reads a frame of the source into `ahead`.
    fn read(&mut self, source: &mut dyn FrameSource) -> Result<()> {
        if self.ahead.is_some() || self.has_ended {
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.free);
        let Some(frame) = source.next()? else {
            self.has_ended = true;
            return Ok(());
        };
        held.frame.copy_from(&frame.picture);
        let (pts, duration) = (frame.pts, frame.duration.unwrap_or(self.nominal));
        let end = pts.saturating_add_unsigned(duration);
        (held.start, held.end) = (self.halves(pts).0, self.halves(end).1);
        held.is_shown = false;
        self.ahead = Some(held);
        Ok(())
    }

    /// Makes the last frame that begins before the middle of interval `number` the current one.
    fn advance(&mut self, source: &mut dyn FrameSource, number: i64) -> Result<()> {
        loop {
            self.read(source)?;
            let middle = number.saturating_mul(2).saturating_add(1);
            let Some(next) = self.ahead.take_if(|next| next.start < middle) else { return Ok(()) };
            if let Some(last) = self.current.replace(next) {
                self.changes.dropped += u64::from(!last.is_shown);
                self.free = last;
            }
        }
    }
}

impl FrameFilter for RateConversion {
    fn next<'a>(&'a mut self, source: &'a mut dyn FrameSource) -> Result<Option<SourceFrame<'a>>> {
        self.read(source)?;
        let number = match self.number {
            Some(number) => number,
            // The interval whose start is nearest to the first frame.
            None => {
                let Some(first) = &self.ahead else { return Ok(None) };
                first.start.saturating_add(1).div_euclid(2)
            }
        };
        self.advance(source, number)?;
        let middle = number.saturating_mul(2).saturating_add(1);
        let is_first = self.number.is_none();
        let Some(current) = &mut self.current else { return Ok(None) };
        // The last frame is shown in the intervals of which it covers at least half.
        if self.ahead.is_none() && self.has_ended && current.end < middle && !is_first {
            self.changes.dropped += u64::from(!current.is_shown);
            current.is_shown = true;
            return Ok(None);
        }
        self.changes.repeated += u64::from(current.is_shown);
        current.is_shown = true;
        self.number = Some(number.saturating_add(1));
        let picture = current.frame.picture()?;
        Ok(Some(SourceFrame { picture, pts: number, duration: Some(1) }))
    }

    fn rate_changes(&self) -> Option<RateChanges> {
        Some(self.changes)
    }
}
