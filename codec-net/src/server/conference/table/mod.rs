//! The conferences of a server.

mod nodes;

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_webrtc::{Media, Mid, RtpPacket};

use super::super::health;
use super::super::limits::Limits;
use super::super::outcome::{EndReason, Rejection};
use super::super::room_files::RoomFiles;
use super::log::MessageLog;
use super::storage::{LogStorage, RoomStorage, SAVE_DELAY, info_of};
use super::{Action, Attendee, Conference, FileOffer, Invitation, Report};
use nodes::Nodes;

/// How long the report of a member that has joined waits for its name.
const NAME_TIMEOUT: Duration = Duration::from_secs(2);

/// An input: an event at a member.
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
    /// A file that it offered has arrived, and has this id.
    Stored(Box<FileOffer>, String),
    /// It sent a packet.
    Packet(Box<RtpPacket>),
    /// It needs a key frame on a section.
    KeyFrameRequest(Mid),
    /// The capacity of its link changed.
    Estimate(Bitrate),
    /// The round-trip time of its link was measured.
    RoundTrip(Duration),
    /// It has left.
    Leave(EndReason),
}

/// The log of a room without members.
#[derive(Debug)]
struct ClosedLog {
    log: MessageLog,
    /// When the last member left.
    since: Duration,
}

/// All conferences by name, and the conference of each member.
#[derive(Debug)]
pub(in super::super) struct Conferences {
    limits: Limits,
    /// Whether new rooms have a lobby.
    has_lobby: bool,
    /// Unix time at the time 0 of the clock.
    epoch: Duration,
    now: Duration,
    files: Option<Arc<RoomFiles>>,
    storage: Option<LogStorage>,
    /// When changed logs are saved.
    next_save: Option<Duration>,
    conferences: BTreeMap<Arc<str>, Conference>,
    /// Logs of rooms without members.
    closed: BTreeMap<Arc<str>, ClosedLog>,
    places: BTreeMap<u64, Place>,
    actions: VecDeque<(u64, Action)>,
    /// Members whose joining is not reported yet, with the time until which they may say their name.
    unnamed: BTreeMap<u64, Duration>,
    reports: VecDeque<Report>,
    /// For SSRCs of all conferences.
    next_ssrc: Arc<AtomicU32>,
    nodes: Nodes,
}

/// Where a member is.
#[derive(Debug)]
struct Place {
    room: Arc<str>,
    session: u64,
    since: Duration,
}

impl Conferences {
    /// A table without members. `has_lobby`: whether new rooms have a lobby. `epoch`: Unix time at the time 0 of the
    /// clock. `storage`: where messages and their files are stored; `None` keeps messages in memory and rejects
    /// files.
    pub(in super::super) fn new(
        limits: Limits,
        has_lobby: bool,
        epoch: Duration,
        storage: Option<RoomStorage>,
    ) -> Self {
        let room_file_bytes = if storage.is_some() { limits.room_file_bytes } else { 0 };
        let mut table = Self {
            limits: Limits { room_file_bytes, ..limits },
            has_lobby,
            epoch,
            now: Duration::ZERO,
            files: None,
            storage: None,
            next_save: None,
            conferences: BTreeMap::new(),
            closed: BTreeMap::new(),
            places: BTreeMap::new(),
            actions: VecDeque::new(),
            unnamed: BTreeMap::new(),
            reports: VecDeque::new(),
            next_ssrc: Arc::new(AtomicU32::new(1)),
            nodes: Nodes::default(),
        };
        if let Some(RoomStorage { files, logs, saved }) = storage {
            (table.files, table.storage) = (Some(files), Some(logs));
            saved.into_iter().for_each(|(room, log)| table.keep(room, log));
        }
        table
    }

    /// A table that accepts files, and stores none.
    #[cfg(test)]
    pub(super) fn with_files_for_tests(limits: Limits, epoch: Duration) -> Self {
        let mut table = Self::new(limits, false, epoch, None);
        table.limits.room_file_bytes = limits.room_file_bytes;
        table
    }

    /// Accepts files, and stores none.
    #[cfg(test)]
    pub(in super::super) fn accept_files_for_tests(&mut self) {
        self.limits.room_file_bytes = Limits::default().room_file_bytes;
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

    /// Number of members of the room of a member.
    pub(in super::super) fn members_with(&self, id: u64) -> usize {
        let room = self.places.get(&id).map(|place| &place.room);
        room.and_then(|room| self.conferences.get(room)).map_or(0, Conference::len)
    }

    /// Handles an input of a member. A panic ends its conference, but no other one.
    pub(in super::super) fn handle(&mut self, now: Duration, id: u64, input: Input) {
        self.now = now;
        let input = match input {
            Input::Join { room, invitation, session } => {
                if let Err(rejection) = self.check(&room) {
                    let reason = EndReason::Failed(rejection.to_string());
                    self.actions.push_back((id, Action::End(reason)));
                    return;
                }
                let place = Place { room: Arc::clone(&room), session, since: now };
                self.places.insert(id, place);
                self.open(&room);
                self.unnamed.insert(id, now.saturating_add(NAME_TIMEOUT));
                return self.run(now, &room, |it| it.join(now, id, invitation));
            }
            other => other,
        };
        let Some(place) = self.places.get(&id) else {
            if let Input::Stored(_, file) = input {
                self.remove_files([file]);
            }
            return;
        };
        let (room, session) = (Arc::clone(&place.room), place.session);
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
            Input::Stored(offer, file) => {
                self.run(now, &room, |it| it.file_stored(now, id, *offer, file));
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
                    self.close(room);
                }
            }
        }
    }

    /// Opens a conference, with the log of an earlier one.
    fn open(&mut self, room: &Arc<str>) {
        if !self.conferences.contains_key(room) {
            let log = self.closed.remove(room).map(|it| it.log);
            let log = log.unwrap_or_else(|| MessageLog::new(self.limits));
            let (limits, ssrcs) = (self.limits, Arc::clone(&self.next_ssrc));
            let conference = Conference::new(limits, self.has_lobby, self.epoch, log, ssrcs);
            self.conferences.insert(Arc::clone(room), conference);
            self.connect(room);
        }
    }

    /// Keeps the log of a conference without members.
    fn close(&mut self, room: Arc<str>) {
        if let Some(mut conference) = self.conferences.remove(&room) {
            self.nodes.disconnect(&room, &mut conference);
            self.keep(room, conference.into_log());
        }
    }

    /// Keeps the log of a room without members. One above the limit replaces the oldest.
    fn keep(&mut self, room: Arc<str>, log: MessageLog) {
        if log.is_changed() {
            self.next_save.get_or_insert(self.now.saturating_add(SAVE_DELAY));
        }
        self.closed.insert(room, ClosedLog { log, since: self.now });
        if self.closed.len() > self.limits.room_logs {
            let oldest = self.closed.iter().min_by_key(|(_, it)| it.since);
            let oldest = oldest.map(|(room, _)| Arc::clone(room));
            if let Some(closed) = oldest.and_then(|room| self.closed.get_mut(&room)) {
                closed.log.clear();
                self.drop_old(self.now);
            }
        }
    }

    /// Saves the logs that have changed. Logs that cannot be saved now are saved later.
    fn save(&mut self) {
        self.next_save = None;
        let Some(storage) = &self.storage else { return };
        let open = self.conferences.iter_mut().map(|(room, it)| (room, it.log()));
        let closed = self.closed.iter_mut().map(|(room, it)| (room, &mut it.log));
        for (room, log) in open.chain(closed).filter(|(_, log)| log.is_changed()) {
            if storage.save(room, Some(log)) {
                log.set_saved();
            } else {
                self.next_save = Some(self.now.saturating_add(SAVE_DELAY));
            }
        }
    }

    /// Saves all logs before the server stops.
    pub(in super::super) fn stop(&mut self) {
        const PAUSE: Duration = Duration::from_millis(10);
        const ATTEMPTS: u32 = 200;
        for _ in 0..ATTEMPTS {
            self.save();
            if self.next_save.is_none() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Drops old messages of rooms without members.
    fn drop_old(&mut self, now: Duration) {
        let (mut dropped, at) = (Vec::new(), self.epoch.saturating_add(now));
        let storage = self.storage.as_ref();
        self.closed.retain(|room, closed| {
            closed.log.expire(at);
            dropped.extend(closed.log.take_dropped());
            let is_empty = closed.log.is_empty();
            // An empty log whose file cannot be deleted now stays until it can be.
            let is_gone = is_empty && storage.is_none_or(|it| it.save(room, None));
            !is_gone
        });
        self.remove_files(dropped.into_iter().map(|it| it.file));
    }

    fn remove_files(&self, ids: impl IntoIterator<Item = String>) {
        for id in ids {
            if let Some(files) = &self.files {
                files.remove(&id);
            }
        }
    }

    /// Calls `work` with a conference, and takes its actions.
    fn run(&mut self, now: Duration, room: &Arc<str>, work: impl FnOnce(&mut Conference)) {
        let Some(conference) = self.conferences.get_mut(room) else { return };
        let (actions, relays) = (&mut self.actions, &mut self.nodes);
        let ran = catch_unwind(AssertUnwindSafe(|| {
            work(conference);
            conference.take_actions(actions);
            relays.collect(room, conference);
            (conference.take_remote_files(), conference.take_unused_files())
        }));
        let panic = match ran {
            Ok((remote, unused)) => {
                if let Some(files) = &self.files {
                    remote.iter().for_each(|it| files.restore(&it.file, info_of(it), &it.sha256));
                }
                if conference.log().is_changed() {
                    self.next_save.get_or_insert(self.now.saturating_add(SAVE_DELAY));
                }
                return self.remove_files(unused);
            }
            Err(panic) => panic,
        };
        let reason = EndReason::Internal(health::panic_message(&*panic));
        let gone = self.places.iter().filter(|(_, it)| it.room == *room).map(|(id, _)| *id);
        for id in gone.collect::<Vec<_>>() {
            self.report_leaving(now, id, reason.clone());
            self.actions.push_back((id, Action::End(reason.clone())));
        }
        self.close(Arc::clone(room));
    }

    /// Reports that a member has joined, once.
    fn report_joining(&mut self, id: u64) {
        if self.unnamed.remove(&id).is_some()
            && let Some(person) = self.attendee(id)
            && let Some(place) = self.places.get(&id)
        {
            let room = Arc::clone(&place.room);
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
            if let Some(person) = self.attendee(id) {
                let room = Arc::clone(room);
                self.reports.push_back(Report::Said { room, person, text });
            }
        }
    }

    /// Reports that a member leaves. It has no seat from then on.
    fn report_leaving(&mut self, now: Duration, id: u64, reason: EndReason) {
        self.report_joining(id);
        let person = self.attendee(id);
        if let (Some(person), Some(place)) = (person, self.places.remove(&id)) {
            let (room, stayed) = (place.room, now.saturating_sub(place.since));
            self.reports.push_back(Report::Left { room, person, reason, stayed });
        }
    }

    /// A member as reports have it.
    fn attendee(&self, id: u64) -> Option<Attendee> {
        let place = self.places.get(&id)?;
        self.conferences.get(&place.room)?.attendee(id, place.session)
    }

    /// Handles the timeouts that are due.
    pub(in super::super) fn handle_timeout(&mut self, now: Duration) {
        self.now = now;
        let is_due = |it: &mut Conference| it.poll_timeout().is_some_and(|due| due <= now);
        let due = self.conferences.iter_mut().filter_map(|(room, it)| is_due(it).then_some(room));
        for room in due.map(Arc::clone).collect::<Vec<_>>() {
            self.run(now, &room, |it| it.handle_timeout(now));
        }
        let silent = self.unnamed.iter().filter(|(_, until)| **until <= now).map(|(id, _)| *id);
        for id in silent.collect::<Vec<_>>() {
            self.report_joining(id);
        }
        if self.next_expiry().is_some_and(|due| due <= now) {
            self.drop_old(now);
        }
        if self.next_save.is_some_and(|due| due <= now) {
            self.save();
        }
    }

    /// When the next message of a room without members is too old.
    fn next_expiry(&self) -> Option<Duration> {
        let due = self.closed.values().filter_map(|closed| closed.log.next_expiry()).min()?;
        Some(due.saturating_sub(self.epoch))
    }

    /// When a timeout is due.
    pub(in super::super) fn poll_timeout(&mut self) -> Option<Duration> {
        let expiry = self.next_expiry();
        let due = self.conferences.values_mut().filter_map(Conference::poll_timeout);
        let unnamed = self.unnamed.values().copied();
        due.chain(expiry).chain(self.next_save).chain(unnamed).min()
    }

    /// Returns the next report.
    pub(in super::super) fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// Returns the next member and what to do for it.
    pub(in super::super) fn poll_action(&mut self) -> Option<(u64, Action)> {
        self.actions.pop_front()
    }
}
