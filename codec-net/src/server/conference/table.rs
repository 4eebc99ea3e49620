//! The conferences of a server.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_webrtc::{Media, Mid, RtpPacket};

use super::super::health;
use super::super::limits::Limits;
use super::super::outcome::{EndReason, Rejection};
use super::{Action, Conference};

/// What happened to a member.
#[derive(Debug)]
pub(in super::super) enum Input {
    /// It is connected.
    Join { room: Arc<str>, moderates: bool },
    /// A media section was negotiated.
    Section(Media),
    /// Its control channel is open, in this session.
    Open { session: u64 },
    /// It sent a message.
    Message(String),
    /// It sent a packet.
    Packet(Box<RtpPacket>),
    /// It needs a key frame on a section.
    KeyFrameRequest(Mid),
    /// The capacity of its link changed.
    Estimate(Bitrate),
    /// The round-trip time of its link was measured.
    RoundTrip(Duration),
    /// It has gone.
    Leave,
}

/// All conferences by name, and who is in which.
#[derive(Debug)]
pub(in super::super) struct Conferences {
    limits: Limits,
    conferences: BTreeMap<Arc<str>, Conference>,
    rooms: BTreeMap<u64, Arc<str>>,
    actions: VecDeque<(u64, Action)>,
}

impl Conferences {
    /// An empty table.
    pub(in super::super) fn new(limits: Limits) -> Self {
        let (conferences, rooms, actions) = Default::default();
        Self { limits, conferences, rooms, actions }
    }

    /// Checks that one more member may join a room.
    ///
    /// # Errors
    ///
    /// [`Rejection::LimitReached`].
    pub(in super::super) fn check(&self, room: &str) -> Result<(), Rejection> {
        match self.conferences.get(room) {
            Some(conference) if conference.len() >= self.limits.viewers => {
                Err(Rejection::LimitReached("members of this room"))
            }
            None if self.conferences.len() >= self.limits.streams => {
                Err(Rejection::LimitReached("rooms"))
            }
            _ => Ok(()),
        }
    }

    /// Handles what happened to a member. A panic ends the conference, but no other one.
    pub(in super::super) fn handle(&mut self, now: Duration, id: u64, input: Input) {
        let input = match input {
            Input::Join { room, moderates } => {
                if let Err(rejection) = self.check(&room) {
                    let reason = EndReason::Failed(rejection.to_string());
                    self.actions.push_back((id, Action::End(reason)));
                    return;
                }
                self.rooms.insert(id, Arc::clone(&room));
                self.conferences.entry(Arc::clone(&room)).or_insert_with(Conference::new);
                return self.run(&room, |it| it.join(now, id, moderates));
            }
            other => other,
        };
        let Some(room) = self.rooms.get(&id).map(Arc::clone) else { return };
        match input {
            Input::Join { .. } => {}
            Input::Section(media) => self.run(&room, |it| it.add_section(now, id, &media)),
            Input::Open { session } => self.run(&room, |it| it.greet(id, session)),
            Input::Message(text) => self.run(&room, |it| {
                if let Err(reason) = it.handle_message(now, id, &text) {
                    it.actions.push_back((id, Action::End(reason)));
                }
            }),
            Input::Packet(packet) => self.run(&room, |it| it.handle_packet(now, id, &packet)),
            Input::KeyFrameRequest(mid) => {
                self.run(&room, |it| it.handle_key_frame_request(now, id, mid));
            }
            Input::Estimate(rate) => self.run(&room, |it| it.set_estimate(now, id, rate)),
            Input::RoundTrip(time) => self.run(&room, |it| it.set_round_trip(id, time)),
            Input::Leave => {
                self.rooms.remove(&id);
                self.run(&room, |it| it.leave(now, id));
                if self.conferences.get(&room).is_some_and(|it| it.len() == 0) {
                    self.conferences.remove(&room);
                }
            }
        }
    }

    /// Calls `work` with a conference, and takes its actions.
    fn run(&mut self, room: &Arc<str>, work: impl FnOnce(&mut Conference)) {
        let Some(conference) = self.conferences.get_mut(room) else { return };
        let actions = &mut self.actions;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            work(conference);
            while let Some(action) = conference.poll_action() {
                actions.push_back(action);
            }
        }));
        let Err(panic) = ran else { return };
        self.conferences.remove(room);
        let reason = EndReason::Internal(health::panic_message(&*panic));
        let gone = self.rooms.iter().filter(|(_, it)| *it == room).map(|(id, _)| *id);
        for id in gone.collect::<Vec<_>>() {
            self.rooms.remove(&id);
            self.actions.push_back((id, Action::End(reason.clone())));
        }
    }

    /// Handles the timeouts that are due.
    pub(in super::super) fn handle_timeout(&mut self, now: Duration) {
        let is_due = |it: &mut Conference| it.poll_timeout().is_some_and(|due| due <= now);
        let due = self.conferences.iter_mut().filter_map(|(room, it)| is_due(it).then_some(room));
        for room in due.map(Arc::clone).collect::<Vec<_>>() {
            self.run(&room, |it| it.handle_timeout(now));
        }
    }

    /// When a timeout is due.
    pub(in super::super) fn poll_timeout(&mut self) -> Option<Duration> {
        self.conferences.values_mut().filter_map(Conference::poll_timeout).min()
    }

    /// Returns the next member and what to do for it.
    pub(in super::super) fn poll_action(&mut self) -> Option<(u64, Action)> {
        self.actions.pop_front()
    }
}
