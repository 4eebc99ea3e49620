//! Choice of the layers of each viewer, and feedback to the senders.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::{Room, RoomEvent, Viewer};
use crate::room::allocator::{Demand, LayerCost, Priority, divide};
use crate::room::constraints::{PauseReason, StreamState};
use crate::room::encoding::Rung;
use crate::room::id::{ParticipantId, StreamId};
use crate::room::request_merger::KeyFrameReason;
use crate::room::stream::{Stream, within};
use crate::room::subscription::Subscription;

/// Why layers are chosen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The bandwidth estimate or the rate of a layer changed.
    Measurement,
    /// The viewer changed its constraints, which apply at once.
    Constraints,
}

/// A source that a viewer may get, with the layers that its limits allow.
struct Candidate {
    stream: StreamId,
    demand: Demand,
    rungs: Vec<Rung>,
}

impl Room {
    /// Makes all decisions that depend on time.
    pub(super) fn decide(&mut self, now: Duration) {
        for stream in self.streams.values_mut() {
            stream.update_ladder(now, self.config.dead_after);
            expire_switches(stream, now, self.config.dead_after);
        }
        let viewers: Vec<ParticipantId> = self.viewers.keys().copied().collect();
        for viewer in viewers {
            self.allocate(now, viewer, Cause::Measurement);
            self.check_starvation(now, viewer);
        }
        for stream in self.streams.values_mut() {
            repeat_requests(stream);
        }
        self.send_feedback(now);
    }

    /// Chooses the layers of one viewer.
    pub(super) fn allocate(&mut self, now: Duration, viewer: ParticipantId, cause: Cause) {
        let Some(state) = self.viewers.get(&viewer).cloned() else { return };
        let mut candidates = Vec::new();
        for (stream, reason) in self.ranked(now, viewer, &state) {
            match reason {
                Some(reason) => self.pause(viewer, stream, reason),
                None => candidates.extend(self.candidate(now, viewer, stream, &state)),
            }
        }
        let demands: Vec<Demand> = candidates.iter().map(|it| it.demand.clone()).collect();
        let chosen = divide(state.estimate, &demands);
        for (candidate, index) in candidates.iter().zip(chosen) {
            self.apply(now, viewer, candidate, index, cause);
        }
    }

    /// The sources of a viewer, the most important first, each with the reason why it is not sent.
    fn ranked(
        &mut self,
        now: Duration,
        viewer: ParticipantId,
        state: &Viewer,
    ) -> Vec<(StreamId, Option<PauseReason>)> {
        let constraints = &state.constraints;
        let position = |list: &[StreamId], id: StreamId| {
            list.iter().position(|it| *it == id).unwrap_or(usize::MAX)
        };
        let mut ranked: Vec<_> = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.subscriptions.contains_key(&viewer))
            .map(|(id, stream)| {
                let owner = stream.config.owner;
                let speaker = self.speakers.get(&owner).copied();
                let places = (
                    !stream.is_screen(),
                    position(&constraints.on_stage, *id),
                    position(&constraints.selected, *id),
                    speaker.unwrap_or(usize::MAX),
                );
                (places, *id)
            })
            .collect();
        ranked.sort_unstable();
        let mut count = 0;
        let last_n = constraints.last_n.unwrap_or(usize::MAX);
        let hold = self.config.last_n_hold;
        let mut result = Vec::new();
        for (_, id) in ranked {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            let is_off = constraints.limits(id, stream.is_screen()).max_height == 0;
            let Some(subscription) = stream.subscriptions.get_mut(&viewer) else { continue };
            if is_off {
                subscription.kept_until = None;
                result.push((id, Some(PauseReason::SwitchedOff)));
                continue;
            }
            count += 1;
            if count <= last_n {
                subscription.kept_until = Some(now.saturating_add(hold));
            }
            let is_kept = subscription.kept_until.is_some_and(|until| now < until);
            let reason = (count > last_n && !is_kept).then_some(PauseReason::NotInLastN);
            result.push((id, reason));
        }
        result
    }

    /// Layers of a source for a viewer; `None` if the source has none at the moment. The encoding that is
    /// forwarded then stays chosen, so that it continues without a key frame.
    fn candidate(
        &mut self,
        now: Duration,
        viewer: ParticipantId,
        id: StreamId,
        state: &Viewer,
    ) -> Option<Candidate> {
        let stream = self.streams.get_mut(&id)?;
        let is_screen = stream.is_screen();
        let limits = state.constraints.limits(id, is_screen);
        let subscription = stream.subscriptions.get_mut(&viewer)?;
        let mut ladder = stream.ladder.clone();
        ladder.retain(|rung| subscription.allows(now, rung.encoding));
        let rungs = within(&ladder, limits);
        if rungs.is_empty() {
            subscription.state = StreamState::Paused(PauseReason::NoLayer);
            self.report(viewer, id);
            return None;
        }
        let chosen = subscription.chosen.and_then(|chosen| find(&rungs, &chosen));
        let layers = rungs.iter().map(|it| LayerCost { height: it.height, rate: it.rate });
        let priority = if is_screen {
            Priority::Screen
        } else if state.constraints.on_stage.contains(&id) {
            Priority::OnStage
        } else {
            Priority::Other
        };
        let current = chosen.and_then(|index| rungs.get(index)).map(|rung| rung.rate);
        let demand = Demand { priority, layers: layers.collect(), current };
        Some(Candidate { stream: id, demand, rungs })
    }

    /// Applies the choice of a source, within the rules against flapping.
    fn apply(
        &mut self,
        now: Duration,
        viewer: ParticipantId,
        candidate: &Candidate,
        index: Option<usize>,
        cause: Cause,
    ) {
        let rungs = &candidate.rungs;
        let Some(stream) = self.streams.get_mut(&candidate.stream) else { return };
        let Some(subscription) = stream.subscriptions.get_mut(&viewer) else { return };
        let index = held(now, subscription, rungs, index, cause);
        let Some(rung) = index.and_then(|index| rungs.get(index)) else {
            let needed = rungs.first().map_or(Bitrate(0), |rung| rung.rate);
            let estimate = self.viewers.get(&viewer).map_or(Bitrate(0), |it| it.estimate);
            self.pause(viewer, candidate.stream, PauseReason::Bandwidth { needed, estimate });
            return;
        };
        subscription.chosen = Some(*rung);
        subscription.estimate = self.viewers.get(&viewer).map_or(Bitrate(0), |it| it.estimate);
        let needed = subscription.want(now, rung, &stream.encodings);
        if subscription.poll_timeout().is_some() {
            self.waiting.insert((candidate.stream, viewer));
        }
        if let Some((encoding, reason)) = needed
            && let Some(encoding) = stream.encodings.get_mut(encoding)
        {
            encoding.requests.request(viewer, reason);
        }
        let ssrc = stream.encodings.get(rung.encoding).map_or(0, |it| it.ssrc);
        subscription.state = StreamState::Playing {
            ssrc,
            height: rung.height,
            spatial: rung.layers.spatial,
            temporal: rung.layers.temporal,
        };
        for (index, encoding) in stream.encodings.iter_mut().enumerate() {
            if !subscription.uses(index) {
                encoding.requests.withdraw(viewer);
            }
        }
        self.report(viewer, candidate.stream);
    }

    fn pause(&mut self, viewer: ParticipantId, id: StreamId, reason: PauseReason) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let Some(subscription) = stream.subscriptions.get_mut(&viewer) else { return };
        subscription.pause();
        subscription.chosen = None;
        subscription.state = StreamState::Paused(reason);
        stream.encodings.iter_mut().for_each(|it| it.requests.withdraw(viewer));
        self.report(viewer, id);
    }

    /// Reports the state, unless it is the last reported one or differs from it only in bitrates.
    fn report(&mut self, viewer: ParticipantId, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let Some(subscription) = stream.subscriptions.get_mut(&viewer) else { return };
        let state = subscription.state;
        if subscription.reported.is_some_and(|reported| is_same(reported, state)) {
            return;
        }
        subscription.reported = Some(state);
        self.push_event(RoomEvent::State { viewer, stream: id, state });
    }

    /// Sum of the best layers that the limits of a viewer allow: the rate to probe for.
    #[must_use]
    pub fn desired(&self, viewer: ParticipantId) -> Bitrate {
        let Some(state) = self.viewers.get(&viewer) else { return Bitrate(0) };
        let rates = self.streams.iter().filter_map(|(id, stream)| {
            let subscription = stream.subscriptions.get(&viewer)?;
            let is_unwanted = matches!(
                subscription.state,
                StreamState::Paused(PauseReason::SwitchedOff | PauseReason::NotInLastN)
            );
            let limits = state.constraints.limits(*id, stream.is_screen());
            let best = within(&stream.ladder, limits).last().map(|rung| rung.rate.0);
            best.filter(|_| !is_unwanted)
        });
        Bitrate(rates.fold(0, u64::saturating_add))
    }

    /// Sum of the layers that a viewer gets.
    #[must_use]
    pub fn allocated(&self, viewer: ParticipantId) -> Bitrate {
        let chosen = self
            .streams
            .values()
            .filter_map(|stream| stream.subscriptions.get(&viewer)?.chosen.map(|rung| rung.rate.0));
        Bitrate(chosen.fold(0, u64::saturating_add))
    }

    fn check_starvation(&mut self, now: Duration, viewer: ParticipantId) {
        let states = self.streams.values().filter_map(|it| it.subscriptions.get(&viewer));
        let (mut starves, mut plays) = (false, false);
        for subscription in states {
            let state = subscription.state;
            starves |= matches!(state, StreamState::Paused(PauseReason::Bandwidth { .. }));
            plays |= matches!(state, StreamState::Playing { .. });
        }
        let interval = self.config.reset_interval;
        let Some(it) = self.viewers.get_mut(&viewer) else { return };
        if !starves || plays {
            it.starved_since = None;
            return;
        }
        let since = *it.starved_since.get_or_insert(now);
        if now.saturating_sub(since) >= interval {
            it.starved_since = Some(now);
            self.push_event(RoomEvent::ResetEstimate { viewer });
        }
    }

    /// Starts and stops encodings at the publishers.
    fn send_feedback(&mut self, now: Duration) {
        let mut events = Vec::new();
        for (id, stream) in &mut self.streams {
            for (index, encoding) in stream.encodings.iter_mut().enumerate() {
                let mut subscriptions = stream.subscriptions.values();
                // The first of the ladder is kept for those who join.
                let is_first = stream.ladder.first().is_none_or(|it| it.encoding == index);
                let is_lowest = is_first && !stream.is_relayed;
                // An encoding that stopped by itself may return by itself.
                let is_silent = encoding.is_on && !encoding.is_alive(now, self.config.dead_after);
                let is_kept = is_lowest || encoding.is_needed || is_silent && !stream.is_relayed;
                let is_used = is_kept || subscriptions.any(|it| it.uses(index));
                if let Some(on) = encoding.feedback(now, is_used, self.config.off_after) {
                    let (ssrc, rid) = (encoding.ssrc, encoding.rid);
                    events.push(RoomEvent::Encoding { stream: *id, ssrc, rid, on });
                }
            }
        }
        events.into_iter().for_each(|event| self.push_event(event));
    }
}

/// Position of a layer in a ladder.
fn find(rungs: &[Rung], rung: &Rung) -> Option<usize> {
    rungs.iter().position(|it| it.encoding == rung.encoding && it.layers == rung.layers)
}

/// Keeps the previous layer if an upward switch is not allowed yet.
fn held(
    now: Duration,
    subscription: &mut Subscription,
    rungs: &[Rung],
    index: Option<usize>,
    cause: Cause,
) -> Option<usize> {
    let starved =
        StreamState::Paused(PauseReason::Bandwidth { needed: Bitrate(0), estimate: Bitrate(0) });
    let is_paused = is_same(subscription.state, starved);
    let before = match subscription.chosen.map(|chosen| find(rungs, &chosen)) {
        Some(Some(before)) => Some(before),
        None if is_paused => None,
        // A layer that is gone, or one that the limits exclude, needs no hold.
        Some(None) | None => return index,
    };
    if cause == Cause::Constraints {
        return index;
    }
    if index > before && !subscription.hold.allows_up(now) {
        if before.is_some() || !subscription.hold.allows_return(now) {
            return before;
        }
        subscription.hold.up(now);
        return Some(0);
    }
    match index.cmp(&before) {
        std::cmp::Ordering::Greater => subscription.hold.up(now),
        std::cmp::Ordering::Less => subscription.hold.down(now),
        std::cmp::Ordering::Equal => {}
    }
    index
}

/// Whether two states are equal, apart from the bitrates in the reason of a pause.
fn is_same(one: StreamState, other: StreamState) -> bool {
    match (one, other) {
        (StreamState::Paused(one), StreamState::Paused(other)) => {
            std::mem::discriminant(&one) == std::mem::discriminant(&other)
        }
        _ => one == other,
    }
}

/// Abandons switches whose key frame does not come while packets of the old encoding arrive.
fn expire_switches(stream: &mut Stream, now: Duration, camera: Duration) {
    let dead_after = stream.dead_after(now, camera);
    for (viewer, subscription) in &mut stream.subscriptions {
        let flowing = subscription.flowing().and_then(|(index, _)| stream.encodings.get(index));
        let is_alive = flowing.is_some_and(|it| it.is_alive(now, dead_after));
        if let Some(encoding) = subscription.expire(now, is_alive)
            && let Some(encoding) = stream.encodings.get_mut(encoding)
        {
            encoding.requests.withdraw(*viewer);
        }
    }
}

/// Requests a key frame for every viewer that awaits one, in case the last requested one was lost.
fn repeat_requests(stream: &mut Stream) {
    for (viewer, subscription) in &stream.subscriptions {
        let encoding = subscription.awaits().and_then(|index| stream.encodings.get_mut(index));
        if let Some(encoding) = encoding.filter(|it| !it.requests.is_pending()) {
            encoding.requests.request(*viewer, KeyFrameReason::Switch);
        }
    }
}
