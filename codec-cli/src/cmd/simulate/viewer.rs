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
