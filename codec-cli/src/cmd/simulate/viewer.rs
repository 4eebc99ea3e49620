//! The viewer: what is on the screen, when, and how it looks.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::frame::Frame;

use super::frame::{FrameRecord, Score, Seen};
use super::sender::score;
use crate::failure::Result;
use crate::picture::planes::Planes;

/// A decoded picture that waits to be shown.
struct Pending {
    at: Duration,
    frame: usize,
    picture: Frame,
}

/// What is on the screen.
pub(super) struct OnScreen {
    pub(super) frame: usize,
    pub(super) picture: Frame,
    /// Its score against its own source, where it is what the encoder made.
    own: Option<Score>,
}

#[derive(Default)]
pub(super) struct Viewer {
    /// Pictures of the source that are not scored yet: their number, and when they are due.
    sources: VecDeque<(usize, Duration, Planes)>,
    spare: Vec<Planes>,
    pending: VecDeque<Pending>,
    pub(super) screen: Option<OnScreen>,
    /// When pictures came up.
    pub(super) shown_at: Vec<Duration>,
}

impl Viewer {
    /// Memory for a picture of the source.
    pub(super) fn spare(&mut self) -> Planes {
        self.spare.pop().unwrap_or_default()
    }

    /// A picture was captured; it is scored when it is due.
    pub(super) fn expect(&mut self, frame: usize, due: Duration, planes: Planes) {
        self.sources.push_back((frame, due, planes));
    }

    /// A picture is to be shown at a time not before any other's.
    pub(super) fn queue(&mut self, frame: usize, at: Duration, picture: Frame) {
        self.pending.push_back(Pending { at, frame, picture });
    }

    /// Shows what is due by `now`; the newest wins.
    pub(super) fn show(&mut self, now: Duration, records: &mut [FrameRecord]) {
        let mut newest = None;
        while self.pending.front().is_some_and(|pending| pending.at <= now) {
            newest = self.pending.pop_front();
        }
        let Some(Pending { at, frame, picture }) = newest else { return };
        let record = &mut records[frame];
        let mut own = None;
        if let Some(decoded) = &mut record.decoded {
            decoded.shown = Some(at);
            own = record.coded.filter(|_| !decoded.damaged).map(|coded| coded.score);
        }
        self.shown_at.push(at);
        self.screen = Some(OnScreen { frame, picture, own });
    }

    /// Scores the next picture of the source that is due by `now`. Its number comes back.
    pub(super) fn judge(
        &mut self,
        now: Duration,
        records: &mut [FrameRecord],
    ) -> Result<Option<usize>> {
        if self.sources.front().is_none_or(|(_, due, _)| *due > now) {
            return Ok(None);
        }
        let Some((frame, _, planes)) = self.sources.pop_front() else { return Ok(None) };
        if let Some(screen) = &self.screen {
            let score = match screen.own.filter(|_| screen.frame == frame) {
                Some(own) => own,
                None => score(&planes.picture()?, &screen.picture.picture())?,
            };
            records[frame].seen = Some(Seen { frame: screen.frame, score });
        }
        self.spare.push(planes);
        Ok(Some(frame))
    }

    pub(super) fn next_time(&self) -> Option<Duration> {
        let shows = self.pending.front().map(|pending| pending.at);
        let judges = self.sources.front().map(|(_, due, _)| *due);
        shows.into_iter().chain(judges).min()
    }
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Freeze {
    pub(super) from: Duration,
    pub(super) length: Duration,
}

/// Freezes as getStats counts them: a picture stays at least three times as long as the last 30 on
/// average, and at least 150 ms longer; from the fifth picture on. `end`: when the last picture
/// goes.
pub(super) fn freezes(shown_at: &[Duration], end: Duration) -> Vec<Freeze> {
    const MOST: usize = 30;
    const LEAST: usize = 4;
    const MORE: Duration = Duration::from_millis(150);
    let mut gaps: VecDeque<Duration> = VecDeque::new();
    let mut found = Vec::new();
    let ends = shown_at.iter().copied().skip(1).chain([end]);
    for (from, until) in shown_at.iter().copied().zip(ends) {
        let length = until.saturating_sub(from);
        if gaps.len() >= LEAST {
            let count = u32::try_from(gaps.len()).unwrap_or(u32::MAX);
            let mean = gaps.iter().sum::<Duration>() / count;
            if length >= (3 * mean).max(mean + MORE) {
                found.push(Freeze { from, length });
            }
        }
        gaps.push_back(length);
        if gaps.len() > MOST {
            gaps.pop_front();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freezes_are_those_of_get_stats() {
        let ms = Duration::from_millis;
        // Every 33 ms; then gaps of 183 ms (just long enough), 180, 400.
        let mut at = 0;
        let mut shown = Vec::new();
        let mut add = |gaps: &[u64]| {
            for gap in gaps {
                at += gap;
                shown.push(ms(at));
            }
            at
        };
        add(&[33; 31]);
        add(&[183]);
        add(&[33; 40]);
        add(&[182]);
        add(&[33; 40]);
        let end = add(&[400]);
        let found = freezes(&shown, ms(end + 33));
        let expected = [
            Freeze { from: ms(31 * 33), length: ms(183) },
            Freeze { from: ms(end - 400), length: ms(400) },
        ];
        assert_eq!(found, expected);
        assert_eq!(freezes(&shown[..3], ms(5000)), []);
    }
}
