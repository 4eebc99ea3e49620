//! Recovery without key frames: tracks which reference buffers the receiver has, and plans the
//! references of the next frame.
//!
//! The sender tracks the references, buffer updates and delivery state of every coded frame. Of
//! golden and altref, one is updated while the other holds a frame that the receiver has
//! acknowledged. After a loss, the next frame references only the acknowledged buffer, which
//! restores the video without a key frame. The same happens if feedback about frames is overdue,
//! since NACKs get lost as well.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::{FrameKind, PacketMeta, SlotSet};

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
    /// It is a key frame, since no reference of the receiver is known.
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

/// State of a frame and all its direct and indirect references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chain {
    /// In transit.
    Unknown,
    /// The receiver has all of them.
    Complete,
    /// The receiver lacks at least one.
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
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
struct TrackedFrame {
    number: u64,
    /// Send time of its last packet so far.
    sent: Option<Duration>,
    /// Referenced frames.
    refs: [Option<u64>; 3],
    /// State of references that are no longer tracked.
    settled: Chain,
    fate: Fate,
    chain: Chain,
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
    acknowledgements: u64,
    /// Time of the last acknowledgement, and the smoothed interval between them.
    acknowledged: Option<Duration>,
    interval: Duration,
    rtt: Option<Duration>,
    planned: Option<LossResponse>,
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
            acknowledgements: 0,
            acknowledged: None,
            interval: ACKNOWLEDGEMENT_INTERVAL[1],
            rtt: None,
            planned: None,
            counters: LongTermCounters::default(),
        }
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> LongTermCounters {
        self.counters
    }

    /// Sets how long a missing frame may still be recovered by retransmission.
    pub fn set_retransmission_wait(&mut self, repair: Duration) {
        self.config.retransmission_wait = repair;
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
        self.acknowledgements += 1;
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

    /// Number of acknowledgements of decoded frames.
    #[must_use]
    pub fn acknowledgements(&self) -> u64 {
        self.acknowledgements
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

    fn change(&mut self, number: u64, to: impl Fn(Fate) -> Fate) {
        if let Some(at) = self.index(number) {
            self.frames[at].fate = to(self.frames[at].fate);
            self.update_chains();
        }
    }

    fn index(&self, number: u64) -> Option<usize> {
        self.frames.binary_search_by_key(&number, |frame| frame.number).ok()
    }

    /// Marks frames as lost that have been missing or without feedback for too long, with all
    /// frames that depend on them.
    fn settle(&mut self, now: Duration) {
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
                Fate::Missing(since) if now.saturating_sub(since) >= repair => Fate::Lost,
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

    fn chain(&self, number: u64) -> Chain {
        self.index(number).map_or(Chain::Complete, |at| self.frames[at].chain)
    }

    /// Updates the state of all frames from that of their references.
    fn update_chains(&mut self) {
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
    fn trim(&mut self) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Codes frames as planned, 33 ms apart.
    struct Coder {
        it: LongTermReferences,
        number: u64,
        now: Duration,
    }

    impl Coder {
        fn new(config: LongTermConfig) -> Self {
            Self { it: LongTermReferences::new(config), number: 0, now: Duration::ZERO }
        }

        fn code(&mut self) -> (u64, Option<SlotPlan>, Vec<u64>) {
            self.now += ms(33);
            let plan = self.it.plan(self.now);
            let mut meta = PacketMeta { frame_id: self.number, ..PacketMeta::default() };
            self.number += 1;
            match plan {
                Some(plan) if !plan.references.is_empty() => {
                    meta.kind = FrameKind::Inter;
                    meta.refs_used = plan.references;
                    meta.refs_updated = plan.updates;
                }
                _ => meta.kind = FrameKind::Key,
            }
            let refs = self.it.coded(self.now, &meta);
            (meta.frame_id, plan, refs)
        }
    }

    fn eager() -> LongTermConfig {
        LongTermConfig { lossless_update_interval: ms(0), ..LongTermConfig::default() }
    }

    #[test]
    fn buffers_are_updated_as_they_are_acknowledged() {
        let mut coder = Coder::new(eager());
        let (key, plan, refs) = coder.code();
        assert_eq!((plan, refs), (None, vec![]));
        // Not acknowledged: no update.
        let (_, plan, refs) = coder.code();
        assert_eq!(plan.unwrap().updates, SlotSet::LAST);
        assert_eq!(refs, [key]);
        coder.it.arrived(0);
        coder.it.arrived(1);
        let (second, plan, refs) = coder.code();
        assert_eq!(plan.unwrap().updates, SlotSet::LAST.with(SlotSet::GOLDEN));
        assert_eq!(refs, [1, 0]);
        // Golden is in transit: altref is kept.
        assert_eq!(coder.code().1.unwrap().updates, SlotSet::LAST);
        coder.it.arrived(second);
        let (_, plan, _) = coder.code();
        assert_eq!(plan.unwrap().updates, SlotSet::LAST.with(SlotSet::ALTREF));
    }

    #[test]
    fn loss_is_recovered_from_the_newest_acknowledged_buffer() {
        let mut coder = Coder::new(eager());
        for _ in 0..5 {
            let (number, ..) = coder.code();
            coder.it.arrived(number);
        }
        let (lost, ..) = coder.code();
        let (later, ..) = coder.code();
        coder.it.missing(coder.now, lost);
        coder.it.arrived(later);
        let (loss_response, plan, refs) = coder.code();
        let plan = plan.unwrap();
        assert_eq!(plan.loss_response, Some(LossResponse::AcknowledgedReference));
        assert_eq!(refs.len(), 1);
        assert!(refs[0] < lost);
        // Further frames reference the recovered one, but not the lost ones.
        let (_, plan, refs) = coder.code();
        assert_eq!(plan.unwrap().loss_response, None);
        assert!(refs.contains(&loss_response) && !refs.contains(&lost) && !refs.contains(&later));
        assert_eq!(coder.it.counters().by_reference, 1);
        assert_eq!(coder.it.counters().by_key_frame, 0);
    }

    #[test]
    fn lost_key_frame_causes_another_key_frame() {
        let mut coder = Coder::new(eager());
        let (key, ..) = coder.code();
        coder.it.missing(coder.now, key);
        let (_, plan, _) = coder.code();
        assert_eq!(plan.unwrap().loss_response, Some(LossResponse::KeyFrame));
        assert_eq!(coder.it.counters().by_key_frame, 1);
        assert_eq!(coder.code().1.unwrap().loss_response, None);
    }

    #[test]
    fn retransmission_is_waited_for() {
        let mut coder = Coder::new(LongTermConfig { retransmission_wait: ms(80), ..eager() });
        for _ in 0..4 {
            let (number, ..) = coder.code();
            coder.it.arrived(number);
        }
        let (lost, ..) = coder.code();
        coder.it.missing(coder.now, lost);
        assert_eq!(coder.code().1.unwrap().loss_response, None);
        coder.it.arrived(lost);
        for _ in 0..5 {
            assert_eq!(coder.code().1.unwrap().loss_response, None);
        }
        let (lost, ..) = coder.code();
        coder.it.missing(coder.now, lost);
        let loss_responses: Vec<_> =
            (0..4).map(|_| coder.code().1.unwrap().loss_response).collect();
        let loss_response = Some(LossResponse::AcknowledgedReference);
        assert_eq!(loss_responses, [None, None, loss_response, None]);
    }

    #[test]
    fn arrival_is_not_sufficient_if_the_receiver_acknowledges_decoding() {
        let mut coder = Coder::new(eager());
        for _ in 0..3 {
            coder.code();
        }
        coder.it.decoded(coder.now, 1);
        coder.it.arrived(2);
        let (renewing, plan, _) = coder.code();
        assert_eq!(plan.unwrap().updates, SlotSet::LAST.with(SlotSet::GOLDEN));
        coder.it.arrived(renewing);
        assert_eq!(coder.code().1.unwrap().updates, SlotSet::LAST);
        // The receiver reports a failure: what arrived since is uncertain.
        coder.it.receiver_lost(coder.now);
        let (_, plan, refs) = coder.code();
        assert_eq!(plan.unwrap().loss_response, Some(LossResponse::AcknowledgedReference));
        assert_eq!(refs, [0]);
    }

    #[test]
    fn frames_without_timely_feedback_count_as_lost() {
        let mut coder = Coder::new(eager());
        coder.it.set_round_trip(Some(ms(50)));
        let send = |coder: &mut Coder| {
            let (number, plan, refs) = coder.code();
            coder.it.sent(coder.now, number);
            (number, plan.and_then(|plan| plan.loss_response), refs)
        };
        for _ in 0..30 {
            let (number, loss_response, _) = send(&mut coder);
            assert_eq!(loss_response, None);
            if let Some(number) = number.checked_sub(2) {
                coder.it.decoded(coder.now, number);
            }
        }
        // From now on there is no feedback: frame 28 was sent 118 ms ago when 32 is coded.
        let sent: Vec<_> = (0..3).map(|_| send(&mut coder)).collect();
        assert_eq!([sent[0].1, sent[1].1], [None, None]);
        assert_eq!(
            (sent[2].1, &sent[2].2[..]),
            (Some(LossResponse::AcknowledgedReference), &[27][..])
        );
        // The frames had arrived all along.
        (28..=31).for_each(|number| coder.it.arrived(number));
        coder.it.decoded(coder.now, 32);
        assert_eq!(coder.code().1.unwrap().loss_response, None);
        // Unsent frames are not waited for, nor anything without a round-trip time.
        (0..8).for_each(|_| assert_eq!(coder.code().1.unwrap().loss_response, None));
        coder.it.set_round_trip(None);
        (0..8).for_each(|_| assert_eq!(send(&mut coder).1, None));
    }

    #[test]
    fn memory_is_bounded_in_long_calls() {
        let mut coder = Coder::new(LongTermConfig::default());
        for frame in 0..5000 {
            let (number, plan, _) = coder.code();
            if frame % 97 == 96 {
                coder.it.missing(coder.now, number);
            } else {
                coder.it.arrived(number);
            }
            assert!(
                plan.is_none_or(|plan| plan.loss_response != Some(LossResponse::KeyFrame)),
                "{frame}"
            );
            assert!(coder.it.frames.len() <= MAX_FRAMES);
        }
        assert_eq!(coder.it.counters().by_reference, 51);
    }
}
