//! Delivery state of the sent frames, and of all frames that they reference.

use std::time::Duration;

use super::{LongTermReferences, MAX_FRAMES};

/// State of a frame and all its direct and indirect references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chain {
    /// In transit.
    Unknown,
    /// The receiver has all of them.
    Complete,
    /// The receiver lacks at least one.
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    InTransit,
    Arrived,
    /// Missing since then; may still be recovered.
    Missing(Duration),
    /// Feedback is overdue: the frame or the feedback is being lost.
    Overdue,
    /// Permanently lost.
    Lost,
    /// Acknowledged as decoded by the receiver.
    Decoded,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct TrackedFrame {
    pub(super) number: u64,
    /// Send time of its last packet so far.
    pub(super) sent: Option<Duration>,
    /// Referenced frames.
    pub(super) refs: [Option<u64>; 3],
    /// State of references that are no longer tracked.
    pub(super) settled: Chain,
    pub(super) fate: Fate,
    pub(super) chain: Chain,
}

impl LongTermReferences {
    pub(super) fn change(&mut self, number: u64, to: impl Fn(Fate) -> Fate) {
        if let Some(at) = self.index(number) {
            self.frames[at].fate = to(self.frames[at].fate);
            self.update_chains();
        }
    }

    pub(super) fn index(&self, number: u64) -> Option<usize> {
        self.frames.binary_search_by_key(&number, |frame| frame.number).ok()
    }

    /// Marks frames as lost that have been missing or without feedback for too long, with all
    /// frames that depend on them.
    pub(super) fn settle(&mut self, now: Duration) {
        let repair = self.config.retransmission_wait;
        // Expected time until an acknowledgement, including jitter and processing time of the
        // receiver.
        let feedback_timeout =
            self.rtt.filter(|_| self.acknowledges).map(|rtt| (rtt * 9 + self.interval * 10) / 8);
        let is_overdue = |left: Option<Duration>| {
            left.zip(feedback_timeout)
                .is_some_and(|(left, timeout)| now.saturating_sub(left) >= timeout)
        };
        let mut is_changed = false;
        for frame in &mut self.frames {
            frame.fate = match frame.fate {
                Fate::Missing(since) if now.saturating_sub(since) >= repair => {
                    if let Some((key, is_lost)) = &mut self.key {
                        *is_lost |= *key == frame.number;
                    }
                    Fate::Lost
                }
                Fate::InTransit if is_overdue(frame.sent) => {
                    self.last_loss = Some(now);
                    Fate::Overdue
                }
                _ => continue,
            };
            is_changed = true;
        }
        if is_changed {
            self.update_chains();
        }
    }

    pub(super) fn chain(&self, number: u64) -> Chain {
        self.index(number).map_or(Chain::Complete, |at| self.frames[at].chain)
    }

    /// Updates the state of all frames from the state of their references.
    pub(super) fn update_chains(&mut self) {
        for at in 0..self.frames.len() {
            let TrackedFrame { refs, settled, fate, .. } = self.frames[at];
            let mut below = settled;
            for number in refs.into_iter().flatten() {
                below = match (below, self.chain(number)) {
                    (Chain::Broken, _) | (_, Chain::Broken) => Chain::Broken,
                    (Chain::Unknown, _) | (_, Chain::Unknown) => Chain::Unknown,
                    (Chain::Complete, Chain::Complete) => Chain::Complete,
                };
            }
            self.frames[at].chain = match fate {
                Fate::Decoded => Chain::Complete,
                Fate::Lost | Fate::Overdue => Chain::Broken,
                Fate::Arrived if !self.acknowledges || below == Chain::Broken => below,
                Fate::Arrived | Fate::InTransit | Fate::Missing(_) if below != Chain::Broken => {
                    Chain::Unknown
                }
                _ => Chain::Broken,
            };
        }
    }

    /// Stops tracking the oldest frames that no buffer holds.
    pub(super) fn trim(&mut self) {
        while self.frames.len() > MAX_FRAMES {
            let held = |frame: &TrackedFrame| self.slots.contains(&Some(frame.number));
            let Some(at) = self.frames.iter().position(|frame| !held(frame)) else { return };
            let Some(old) = self.frames.remove(at) else { return };
            for frame in &mut self.frames {
                for slot in &mut frame.refs {
                    if *slot == Some(old.number) {
                        *slot = None;
                        if old.chain == Chain::Broken {
                            frame.settled = Chain::Broken;
                        } else if frame.settled != Chain::Broken {
                            // So old that a loss would have been reported.
                            frame.settled = Chain::Complete;
                        }
                    }
                }
            }
        }
    }
}
