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
use super::{Action, Conference, Invitation, Person, Report};

/// How long the report of a member that has joined waits for its name.
const NAME_TIMEOUT: Duration = Duration::from_secs(2);

/// What happened to a member.
#[derive(Debug)]
pub(in super::super) enum Input {
    /// It is connected, in this session.
    Join { room: Arc<str>, invitation: Invitation, session: u64 },
    /// A media section was negotiated.
    Section(Media),
    /// Its control channel is open.
    Open,
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
    Leave(EndReason),
}

/// All conferences by name, and who is in which.
#[derive(Debug)]
pub(in super::super) struct Conferences {
    limits: Limits,
    /// Whether new rooms have a lobby.
    has_lobby: bool,
    conferences: BTreeMap<Arc<str>, Conference>,
    seats: BTreeMap<u64, Seat>,
    actions: VecDeque<(u64, Action)>,
    /// Members whose joining is not reported yet, with the time until which they may say their name.
    unnamed: BTreeMap<u64, Duration>,
    reports: VecDeque<Report>,
}

/// Where a member is.
#[derive(Debug)]
struct Seat {
    room: Arc<str>,
    session: u64,
    since: Duration,
}

impl Conferences {
    /// An empty table.
    pub(in super::super) fn new(limits: Limits, has_lobby: bool) -> Self {
        let (conferences, seats, unnamed) = Default::default();
        let (actions, reports) = Default::default();
        Self { limits, has_lobby, conferences, seats, actions, unnamed, reports }
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
            Input::Join { room, invitation, session } => {
                if let Err(rejection) = self.check(&room) {
                    let reason = EndReason::Failed(rejection.to_string());
                    self.actions.push_back((id, Action::End(reason)));
                    return;
                }
                let seat = Seat { room: Arc::clone(&room), session, since: now };
                self.seats.insert(id, seat);
                let has_lobby = self.has_lobby;
                let rooms = self.conferences.entry(Arc::clone(&room));
                rooms.or_insert_with(|| Conference::new(has_lobby));
                self.unnamed.insert(id, now.saturating_add(NAME_TIMEOUT));
                return self.run(now, &room, |it| it.join(now, id, invitation));
            }
            other => other,
        };
        let Some(seat) = self.seats.get(&id) else { return };
        let (room, session) = (Arc::clone(&seat.room), seat.session);
        match input {
            Input::Join { .. } => {}
            Input::Section(media) => self.run(now, &room, |it| it.add_section(now, id, &media)),
            Input::Open => self.run(now, &room, |it| it.greet(id, session)),
            Input::Message(text) => {
                self.run(now, &room, |it| {
                    if let Err(reason) = it.handle_message(now, id, &text) {
                        it.actions.push_back((id, Action::End(reason)));
                    }
                });
                // The first message has the name of the member.
                self.report_joining(id);
                self.report_admitted(&room);
                self.report_said(&room);
            }
            Input::Packet(packet) => self.run(now, &room, |it| it.handle_packet(now, id, &packet)),
            Input::KeyFrameRequest(mid) => {
                self.run(now, &room, |it| it.handle_key_frame_request(now, id, mid));
            }
            Input::Estimate(rate) => self.run(now, &room, |it| it.set_estimate(now, id, rate)),
            Input::RoundTrip(time) => self.run(now, &room, |it| it.set_round_trip(id, time)),
            Input::Leave(reason) => {
                self.report_leaving(now, id, reason);
                self.run(now, &room, |it| it.leave(now, id));
                if self.conferences.get(&room).is_some_and(|it| it.len() == 0) {
                    self.conferences.remove(&room);
                }
            }
        }
    }

    /// Calls `work` with a conference, and takes its actions.
    fn run(&mut self, now: Duration, room: &Arc<str>, work: impl FnOnce(&mut Conference)) {
        let Some(conference) = self.conferences.get_mut(room) else { return };
        let actions = &mut self.actions;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            work(conference);
            while let Some(action) = conference.poll_action() {
                actions.push_back(action);
            }
        }));
        let Err(panic) = ran else { return };
        let reason = EndReason::Internal(health::panic_message(&*panic));
        let gone = self.seats.iter().filter(|(_, it)| it.room == *room).map(|(id, _)| *id);
        for id in gone.collect::<Vec<_>>() {
            self.report_leaving(now, id, reason.clone());
            self.actions.push_back((id, Action::End(reason.clone())));
        }
        self.conferences.remove(room);
    }

    /// Reports that a member has joined, once.
    fn report_joining(&mut self, id: u64) {
        if self.unnamed.remove(&id).is_some()
            && let Some(person) = self.person(id)
            && let Some(seat) = self.seats.get(&id)
        {
            let room = Arc::clone(&seat.room);
            let waits = self.conferences.get(&room).is_some_and(|it| it.is_waiting(id));
            self.reports.push_back(match waits {
                true => Report::Waits { room, person },
                false => Report::Joined { room, person },
            });
        }
    }

    /// Reports people that a moderator has let in.
    fn report_admitted(&mut self, room: &Arc<str>) {
        while let Some(id) = self.conferences.get_mut(room).and_then(Conference::poll_admitted) {
            // It may not have said its name so far.
            self.unnamed.entry(id).or_insert(Duration::ZERO);
            self.report_joining(id);
        }
    }

    /// Reports lines of chat in a room.
    fn report_said(&mut self, room: &Arc<str>) {
        while let Some((id, text)) = self.conferences.get_mut(room).and_then(Conference::poll_said)
        {
            if let Some(person) = self.person(id) {
                let room = Arc::clone(room);
                self.reports.push_back(Report::Said { room, person, text });
            }
        }
    }

    /// Reports that a member leaves. It has no seat from then on.
    fn report_leaving(&mut self, now: Duration, id: u64, reason: EndReason) {
        self.report_joining(id);
        let person = self.person(id);
        if let (Some(person), Some(seat)) = (person, self.seats.remove(&id)) {
            let (room, stayed) = (seat.room, now.saturating_sub(seat.since));
            self.reports.push_back(Report::Left { room, person, reason, stayed });
        }
    }

    /// A member as reports have it.
    fn person(&self, id: u64) -> Option<Person> {
        let seat = self.seats.get(&id)?;
        self.conferences.get(&seat.room)?.person(id, seat.session)
    }

    /// Handles the timeouts that are due.
    pub(in super::super) fn handle_timeout(&mut self, now: Duration) {
        let is_due = |it: &mut Conference| it.poll_timeout().is_some_and(|due| due <= now);
        let due = self.conferences.iter_mut().filter_map(|(room, it)| is_due(it).then_some(room));
        for room in due.map(Arc::clone).collect::<Vec<_>>() {
            self.run(now, &room, |it| it.handle_timeout(now));
        }
        let silent = self.unnamed.iter().filter(|(_, until)| **until <= now).map(|(id, _)| *id);
        for id in silent.collect::<Vec<_>>() {
            self.report_joining(id);
        }
    }

    /// When a timeout is due.
    pub(in super::super) fn poll_timeout(&mut self) -> Option<Duration> {
        let conferences = self.conferences.values_mut().filter_map(Conference::poll_timeout);
        conferences.chain(self.unnamed.values().copied()).min()
    }

    /// Returns what happened next.
    pub(in super::super) fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// Returns the next member and what to do for it.
    pub(in super::super) fn poll_action(&mut self) -> Option<(u64, Action)> {
        self.actions.pop_front()
    }
}
