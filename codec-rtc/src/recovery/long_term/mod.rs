//! Recovery without key frames: tracks which reference buffers the receiver has, and plans the
//! references of the next frame.
//!
//! The sender tracks the references, buffer updates and delivery state of every coded frame. Of the
//! golden and altref buffers, one is updated while the other holds a frame that the receiver has
//! acknowledged. After a loss, the next frame references only the acknowledged buffer, which
//! restores the video without a key frame. The same happens if feedback about frames is overdue,
//! since NACKs get lost as well.

mod chains;

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::{FrameKind, PacketMeta, SlotSet};

use chains::{Chain, Fate, TrackedFrame};

/// Reference buffers in the bit order of [`SlotSet`]: last, golden, altref.
const SLOTS: [SlotSet; 3] = [SlotSet::LAST, SlotSet::GOLDEN, SlotSet::ALTREF];
const LONG_TERM_SLOTS: [usize; 2] = [1, 2];
/// Maximum number of tracked frames; older ones are settled.
const MAX_FRAMES: usize = 256;
/// Bounds of the expected interval between acknowledgements: tolerates one that is late, and limits
/// the wait for a receiver that acknowledges rarely.
const ACKNOWLEDGEMENT_INTERVAL: [Duration; 2] =
    [Duration::from_millis(50), Duration::from_millis(500)];

/// Settings of a [`LongTermReferences`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongTermConfig {
    /// Minimum time between updates of a long-term buffer under loss; default 0. Buffers are never
    /// updated faster than they are acknowledged.
    pub min_update_interval: Duration,
    /// Minimum time between updates without loss for [`Self::lossless_after`]; default 1 s.
    pub lossless_update_interval: Duration,
    /// Time without loss after which the longer interval applies; default 5 s.
    pub lossless_after: Duration,
    /// How long after the first indication of loss a frame may still be recovered by
    /// retransmission; default 0, for no retransmission.
    pub retransmission_wait: Duration,
}

impl Default for LongTermConfig {
    /// Updates as fast as acknowledgements arrive under loss, once per second otherwise; no
    /// retransmission.
    fn default() -> Self {
        Self {
            min_update_interval: Duration::ZERO,
            lossless_update_interval: Duration::from_secs(1),
            lossless_after: Duration::from_secs(5),
            retransmission_wait: Duration::ZERO,
        }
    }
}

/// How the next frame recovers from a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossResponse {
    /// It references an acknowledged frame only.
    AcknowledgedReference,
    /// It is a key frame, because the receiver has acknowledged no usable reference.
    KeyFrame,
}

/// References and buffer updates of the next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotPlan {
    /// Buffers that it may reference; empty for a key frame.
    pub references: SlotSet,
    /// Buffers that it updates.
    pub updates: SlotSet,
    /// The recovery that it performs, if any.
    pub loss_response: Option<LossResponse>,
}

/// Counters of recoveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LongTermCounters {
    /// Losses recovered by an acknowledged reference.
    pub by_reference: u64,
    /// Losses recovered by a key frame.
    pub by_key_frame: u64,
    /// Updates of a long-term buffer.
    pub updates: u64,
}

/// Tracks frames and plans references.
#[derive(Clone, Debug)]
pub struct LongTermReferences {
    config: LongTermConfig,
    slots: [Option<u64>; 3],
    frames: VecDeque<TrackedFrame>,
    updated: Option<Duration>,
    last_loss: Option<Duration>,
    /// Whether the receiver acknowledges decoded frames, so that arrival is not sufficient.
    acknowledges: bool,
    /// Highest number of an acknowledged frame.
    newest_decoded: Option<u64>,
    /// Time of the last acknowledgement, and the smoothed interval between them.
    acknowledged: Option<Duration>,
    interval: Duration,
    rtt: Option<Duration>,
    planned: Option<LossResponse>,
    /// The last key frame, and whether feedback reported that it is lost.
    key: Option<(u64, bool)>,
    counters: LongTermCounters,
}

impl LongTermReferences {
    /// Creates the state before the first frame.
    #[must_use]
    pub fn new(config: LongTermConfig) -> Self {
        Self {
            config,
            slots: [None; 3],
            frames: VecDeque::new(),
            updated: None,
            last_loss: None,
            acknowledges: false,
            newest_decoded: None,
            acknowledged: None,
            interval: ACKNOWLEDGEMENT_INTERVAL[1],
            rtt: None,
            planned: None,
            key: None,
            counters: LongTermCounters::default(),
        }
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> LongTermCounters {
        self.counters
    }

    /// Sets how long a missing frame may still be recovered by retransmission.
    pub fn set_retransmission_wait(&mut self, wait: Duration) {
        self.config.retransmission_wait = wait;
    }

    /// Sets the round-trip time, which determines when feedback about a frame is overdue. With
    /// `None`, missing feedback is ignored.
    pub fn set_round_trip(&mut self, rtt: Option<Duration>) {
        self.rtt = rtt;
    }

    /// Plans the references of the next frame.
    ///
    /// Returns `None` before the first frame, which is a key frame anyway.
    pub fn plan(&mut self, now: Duration) -> Option<SlotPlan> {
        self.settle(now);
        self.slots[0]?;
        let chains = self.slots.map(|slot| slot.map_or(Chain::Broken, |number| self.chain(number)));
        let [last, ..] = chains;
        let with = |of: Chain| {
            let slots = SLOTS.iter().zip(chains).filter(|&(_, chain)| chain == of);
            slots.fold(SlotSet::NONE, |set, (&slot, _)| set.with(slot))
        };
        let broken = with(Chain::Broken);
        if last == Chain::Broken {
            let whole = LONG_TERM_SLOTS.into_iter().filter(|&slot| chains[slot] == Chain::Complete);
            let Some(slot) = whole.max_by_key(|&slot| self.slots[slot]) else {
                return Some(self.key_frame());
            };
            self.planned = Some(LossResponse::AcknowledgedReference);
            return Some(SlotPlan {
                references: SLOTS[slot],
                updates: broken.with(SlotSet::LAST),
                loss_response: self.planned,
            });
        }
        self.planned = None;
        let mut updates = SlotSet::LAST.with(broken);
        if broken.is_empty()
            && let Some(slot) = self.due(now, chains)
        {
            updates = updates.with(SLOTS[slot]);
        }
        Some(SlotPlan {
            references: with(Chain::Complete).with(with(Chain::Unknown)),
            updates,
            loss_response: None,
        })
    }

    fn key_frame(&mut self) -> SlotPlan {
        self.planned = Some(LossResponse::KeyFrame);
        let updates = SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF);
        SlotPlan { references: SlotSet::NONE, updates, loss_response: self.planned }
    }

    /// The long-term buffer to update: the older one, if the other is acknowledged.
    fn due(&self, now: Duration, chains: [Chain; 3]) -> Option<usize> {
        let is_calm =
            self.last_loss.is_none_or(|at| now.saturating_sub(at) >= self.config.lossless_after);
        let interval = if is_calm {
            self.config.lossless_update_interval
        } else {
            self.config.min_update_interval
        };
        let waited = self.updated.is_none_or(|at| now.saturating_sub(at) >= interval);
        let older = LONG_TERM_SLOTS.into_iter().min_by_key(|&slot| self.slots[slot])?;
        let newer = LONG_TERM_SLOTS.into_iter().find(|&slot| slot != older)?;
        (waited && chains[newer] == Chain::Complete).then_some(older)
    }

    /// Records a frame coded at `now`. Returns the numbers of the frames that it references, newest
    /// first, without duplicates.
    pub fn coded(&mut self, now: Duration, meta: &PacketMeta) -> Vec<u64> {
        let number = meta.frame_id;
        let is_key = meta.kind == FrameKind::Key;
        let mut refs = [None; 3];
        if !is_key {
            for (index, slot) in SLOTS.iter().enumerate() {
                if meta.refs_used.contains(*slot) {
                    refs[index] = self.slots[index];
                }
            }
        }
        match self.planned.take() {
            Some(LossResponse::AcknowledgedReference) if !is_key => self.counters.by_reference += 1,
            Some(_) if is_key => self.counters.by_key_frame += 1,
            _ => {}
        }
        let mut renewed = false;
        for (index, slot) in SLOTS.iter().enumerate() {
            if is_key || meta.refs_updated.contains(*slot) {
                renewed |= index > 0;
                self.slots[index] = Some(number);
            }
        }
        if is_key {
            self.key = Some((number, false));
        }
        if renewed {
            self.updated = Some(now);
            self.counters.updates += u64::from(!is_key);
        }
        self.frames.push_back(TrackedFrame {
            number,
            sent: None,
            refs,
            settled: Chain::Complete,
            fate: Fate::InTransit,
            chain: Chain::Unknown,
        });
        self.trim();
        self.update_chains();
        let mut numbers: Vec<u64> = refs.into_iter().flatten().collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.dedup();
        numbers
    }

    /// Records that a packet of a frame was sent.
    pub fn sent(&mut self, now: Duration, number: u64) {
        if let Some(at) = self.index(number) {
            self.frames[at].sent = Some(now);
        }
    }

    /// Records that a frame was received completely, or can be recovered by FEC.
    pub fn arrived(&mut self, number: u64) {
        self.change(number, |fate| match fate {
            Fate::InTransit | Fate::Missing(_) | Fate::Overdue => Fate::Arrived,
            other => other,
        });
    }

    /// Whether feedback reported that the last key frame is lost: the receiver can decode no later frame.
    #[must_use]
    pub fn is_key_frame_lost(&self) -> bool {
        let Some((number, is_lost)) = self.key else { return false };
        is_lost && self.chain(number) == Chain::Broken
    }

    /// Records that packets of a frame are missing; it may still be recovered for a while.
    pub fn missing(&mut self, now: Duration, number: u64) {
        self.last_loss = Some(now);
        self.change(number, |fate| match fate {
            Fate::InTransit => Fate::Missing(now),
            other => other,
        });
    }

    /// Records that the receiver decoded a frame, and thus all its references.
    pub fn decoded(&mut self, now: Duration, number: u64) {
        self.acknowledges = true;
        self.newest_decoded = self.newest_decoded.max(Some(number));
        if let Some(before) = self.acknowledged.replace(now) {
            let took = now.saturating_sub(before);
            self.interval = ((self.interval * 7 + took) / 8)
                .clamp(ACKNOWLEDGEMENT_INTERVAL[0], ACKNOWLEDGEMENT_INTERVAL[1]);
        }
        let mut wanted = vec![number];
        for frame in self.frames.iter_mut().rev() {
            if wanted.contains(&frame.number) && frame.fate != Fate::Decoded {
                frame.fate = Fate::Decoded;
                wanted.extend(frame.refs.into_iter().flatten());
            }
        }
        self.update_chains();
    }

    /// Highest number of a frame that the receiver acknowledged as decoded.
    #[must_use]
    pub fn newest_decoded(&self) -> Option<u64> {
        self.newest_decoded
    }

    /// Whether the receiver acknowledges decoded frames.
    #[must_use]
    pub fn is_acknowledging(&self) -> bool {
        self.acknowledges
    }

    /// Records that the receiver cannot continue decoding: only acknowledged frames count.
    pub fn receiver_lost(&mut self, now: Duration) {
        self.last_loss = Some(now);
        let confirms = self.acknowledges;
        for frame in &mut self.frames {
            let is_known = frame.fate == Fate::Decoded
                || !confirms && frame.chain == Chain::Complete && frame.fate == Fate::Arrived;
            if !is_known {
                frame.fate = Fate::Lost;
            }
        }
        self.update_chains();
    }
}

#[cfg(test)]
mod tests;
