//! The viewer: displayed frames, their times and their quality.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::frame::{Frame, Picture};
use codec_media::failure::Result;
use codec_media::frame::planes::Planes;

use super::frame::{FrameRecord, Score, Seen};
use super::sender::score;

/// A decoded frame, at the size of the source.
pub(super) enum Decoded {
    /// As the decoder returned it.
    Whole(Frame),
    /// The frame of a lower spatial layer, scaled up.
    Scaled(Planes),
}

impl Decoded {
    pub(super) fn picture(&self) -> Result<Picture<'_>> {
        match self {
            Self::Whole(frame) => Ok(frame.picture()),
            Self::Scaled(planes) => planes.picture(),
        }
    }
}

/// A decoded frame that waits to be shown.
struct Pending {
    at: Duration,
    frame: usize,
    picture: Decoded,
}

/// The visible frame.
pub(super) struct OnScreen {
    pub(super) frame: usize,
    pub(super) picture: Decoded,
    /// Score of the frame against its own source, if the frame equals the encoder's reconstruction.
    own: Option<Score>,
}

#[derive(Default)]
pub(super) struct Viewer {
    /// Source frames that are not scored yet: number and due time.
    sources: VecDeque<(usize, Duration, Planes)>,
    spare: Vec<Planes>,
    pending: VecDeque<Pending>,
    pub(super) screen: Option<OnScreen>,
    /// Display times of frames.
    pub(super) shown_at: Vec<Duration>,
}

impl Viewer {
    /// Returns a buffer for a source frame.
    pub(super) fn spare(&mut self) -> Planes {
        self.spare.pop().unwrap_or_default()
    }

    /// Records a captured frame; it is scored when it is due.
    pub(super) fn expect(&mut self, frame: usize, due: Duration, planes: Planes) {
        self.sources.push_back((frame, due, planes));
    }

    /// Queues a frame for display; `at` must not decrease.
    pub(super) fn queue(&mut self, frame: usize, at: Duration, picture: Decoded) {
        self.pending.push_back(Pending { at, frame, picture });
    }

    /// Shows the newest frame that is due by `now`.
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

    /// Scores the next source frame that is due by `now`, and returns its number.
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
                None => score(&planes.picture()?, &screen.picture.picture()?)?,
            };
            records[frame].seen = Some(Seen { frame: screen.frame, score });
        }
        self.spare.push(planes);
        Ok(Some(frame))
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let shows = self.pending.front().map(|pending| pending.at);
        let judges = self.sources.front().map(|(_, due, _)| *due);
        shows.into_iter().chain(judges).min()
    }
}
