//! A conference: its members publish a camera, a screen and audio, and watch each other.
//!
//! [`Conference`] has no sockets: it takes received packets and messages of its members, and returns the
//! actions to take for them, such as sending a packet or a message, or requesting a key frame.
//! [`codec_rtc::room`] decides who gets which layer and whose audio is forwarded; this module maps the
//! forwarded sources to the media sections of the members.
//!
//! | module | |
//! |---|---|
//! | `lobby` | people who wait until a moderator admits them |
//! | `admissions` | people who come back after their node has died, and need not wait again |
//! | `member` | a member: its published sources, and its media sections |
//! | `person`, `seats` | persons with several devices, and which device of each is active in the call |
//! | `view_request` | the sources and sizes that a member requests |
//! | `video_slot`, `audio_slot` | a media section on which a member receives one source at a time, with continuous sequence numbers |
//! | `publishing` | packets from members |
//! | `watching` | which sources a member receives, and packets to members |
//! | `messages` | the messages of the control channel |
//! | `chat`, `log`, `attachment` | messages to all persons of a room, also absent ones: texts and files; read marks |
//! | `mark_relay` | limits how often other nodes get the read mark of a person |
//! | `history` | messages from before the room was open at this node |
//! | `remote`, `relay`, `shared`, `shared_room`, `shared_message`, `shared_mark`, `shared_history`, `node_output`, `origin`, `renumbering` | members at other nodes of a cluster; output for these nodes |
//! | `storage` | the message logs on the disk |
//! | `report` | events of rooms, for the webhook |
//! | `table` | the conferences of a server, by name, and the logs of rooms without members |

mod admissions;
mod attachment;
mod audio_slot;
mod chat;
mod history;
mod lobby;
mod log;
mod mark_relay;
mod member;
mod messages;
mod node_output;
mod origin;
mod person;
mod publishing;
mod relay;
mod remote;
mod renumbering;
mod report;
mod seats;
mod shared;
mod shared_history;
mod shared_mark;
mod shared_message;
mod shared_room;
mod storage;
mod table;
#[cfg(test)]
pub(super) mod tests;
mod video_slot;
mod view_request;
mod watching;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_rtc::extension::{ExtensionKind, ExtensionMap};
use codec_rtc::room::speakers::{SpeakerEvent, SpeakersConfig};
use codec_rtc::room::{AudioForwarder, ParticipantId, Room, RoomConfig, RoomEvent, StreamId};
use codec_webrtc::{Forwarded, Media, Mid};

use super::limits::Limits;
use super::outcome::EndReason;
use admissions::Admissions;
use attachment::Attachment;
pub(super) use chat::FileOffer;
use history::History;
use lobby::{RemoteWaiting, Waiting};
use log::MessageLog;
use mark_relay::MarkRelay;
pub(super) use member::Invitation;
use member::Member;
pub(super) use node_output::Relay;
use origin::Origin;
pub(super) use person::Person;
use publishing::Source;
use remote::RemoteMembers;
pub(super) use report::{Attendee, Report};
use seats::Seat;
pub(super) use shared::SharedMember;
pub(super) use shared_history::HistoryPiece;
pub(super) use shared_mark::SharedMark;
pub(super) use shared_message::SharedMessage;
use shared_room::LobbySetting;
pub(super) use shared_room::{RemoteRoom, SharedRoom};
pub(super) use storage::RoomStorage;
pub(super) use table::{Conferences, Input};
use watching::Parts;

/// Shortest time between two lists of people: a member that changes its name all the time costs little.
const PEOPLE_INTERVAL: Duration = Duration::from_millis(100);
/// Interval at which members get the addresses of other nodes: a page that gets nothing knows that its node is gone.
const NODES_INTERVAL: Duration = Duration::from_secs(1);
/// Interval of requests for bandwidth.
const BANDWIDTH_INTERVAL: Duration = Duration::from_millis(250);

/// What the server has to do for a member.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Send a packet on a section.
    Send(Mid, Forwarded),
    /// Send a message.
    Tell(Arc<str>),
    /// Receive a file that it offers.
    Receive(Box<FileOffer>),
    /// Request a key frame from this SSRC of the member.
    RequestKeyFrame(u32),
    /// The largest bitrate that its video could use: probe up to it.
    Desire(Bitrate),
    /// End its call.
    End(EndReason),
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Conference {
    room: Room,
    audio: AudioForwarder,
    limits: Limits,
    /// Unix time at the time 0 of the server's clock.
    epoch: Duration,
    members: BTreeMap<u64, Member>,
    seats: BTreeMap<u64, Seat>,
    /// The member that publishes each video source.
    sources: BTreeMap<StreamId, (u64, Source)>,
    /// Member and its own SSRC, by the SSRC in the room: the SSRCs of different members may collide.
    encodings: BTreeMap<u32, (u64, u32)>,
    next_stream: u64,
    /// Assigns SSRCs that no other conference of the server has, because links between nodes carry the packets of all.
    next_ssrc: Arc<AtomicU32>,
    remote: RemoteMembers,
    /// Other nodes that have the room.
    room_nodes: Vec<u64>,
    /// Messages from before the room was open here.
    history: History,
    /// SSRCs of members of this node that another node needs.
    needed: BTreeSet<u32>,
    relays: VecDeque<Relay>,
    /// Address of the pages of this node.
    own_url: Option<Arc<str>>,
    /// Addresses of pages at the other nodes.
    nodes: Arc<[String]>,
    /// When they are sent again.
    next_nodes: Duration,
    log: MessageLog,
    unused_files: Vec<String>,
    /// Read marks that other nodes get.
    marks: MarkRelay,
    /// Files attached to messages from other nodes, which the server does not know yet.
    remote_files: Vec<Attachment>,
    /// Whether people without the right to moderate have to wait, and who waits.
    lobby: LobbySetting,
    /// Whether another node may have a lobby that this one does not know of.
    is_lobby_unknown: bool,
    admissions: Admissions,
    waiting: BTreeMap<u64, Waiting>,
    remote_waiting: BTreeMap<u64, RemoteWaiting>,
    /// Whether the list of waiting people has to be sent to the moderators.
    lobby_changed: bool,
    /// People that were let in and not reported yet.
    admitted: VecDeque<u64>,
    /// Messages, with their members, that were not reported yet.
    said: VecDeque<(u64, String)>,
    /// Whether members have to be told who is there, and when that is possible again.
    people_changed: bool,
    next_people: Duration,
    next_bandwidth: Duration,
    actions: VecDeque<(u64, Action)>,
    /// Parts of the last packet of video.
    parts: Option<Parts>,
}

impl Conference {
    /// Creates a conference without members. `has_lobby`: people wait until a moderator admits them. `epoch`: Unix time
    /// at the time 0 of the clock.
    fn new(
        limits: Limits,
        has_lobby: bool,
        epoch: Duration,
        log: MessageLog,
        next_ssrc: Arc<AtomicU32>,
    ) -> Self {
        Self {
            limits,
            epoch,
            seats: BTreeMap::new(),
            log,
            unused_files: Vec::new(),
            marks: MarkRelay::default(),
            remote_files: Vec::new(),
            room: Room::new(RoomConfig::default()),
            audio: AudioForwarder::new(SpeakersConfig::default()),
            members: BTreeMap::new(),
            sources: BTreeMap::new(),
            encodings: BTreeMap::new(),
            next_stream: 1,
            next_ssrc,
            remote: RemoteMembers::default(),
            room_nodes: Vec::new(),
            history: History::default(),
            needed: BTreeSet::new(),
            relays: VecDeque::new(),
            own_url: None,
            nodes: Arc::default(),
            next_nodes: Duration::ZERO,
            lobby: LobbySetting::new(has_lobby),
            is_lobby_unknown: false,
            admissions: Admissions::default(),
            waiting: BTreeMap::new(),
            remote_waiting: BTreeMap::new(),
            lobby_changed: false,
            admitted: VecDeque::new(),
            said: VecDeque::new(),
            people_changed: false,
            next_people: Duration::ZERO,
            next_bandwidth: Duration::ZERO,
            actions: VecDeque::new(),
            parts: None,
        }
    }

    /// Number of members of this node and of people who wait.
    pub(super) fn len(&self) -> usize {
        self.local_members().len() + self.waiting.len()
    }

    /// An SSRC that is not in use.
    fn take_ssrc(&self) -> u32 {
        self.next_ssrc.fetch_add(1, Ordering::Relaxed)
    }

    /// Describes a member for reports, with the number of its session.
    pub(super) fn attendee(&self, id: u64, session: u64) -> Option<Attendee> {
        let member = self.members.get(&id).or_else(|| self.waiting_member(id))?;
        let (name, subject) = (member.name.clone(), member.subject.clone());
        Some(Attendee { id, session, name, subject })
    }

    /// Returns the next message for the report, with its member.
    pub(super) fn poll_said(&mut self) -> Option<(u64, String)> {
        self.said.pop_front()
    }

    /// Adds a member, or a person who waits in the lobby. Without a name in the token, the name is "Guest" until the
    /// member sends one.
    pub(super) fn join(&mut self, now: Duration, id: u64, invitation: Invitation) {
        if self.must_wait(&invitation) {
            self.wait(id, invitation);
            return self.forward(now);
        }
        self.enter(now, id, Member::new(invitation, id, &self.limits));
    }

    /// Adds a media section of a member, in the order of its offer.
    pub(super) fn add_section(&mut self, now: Duration, id: u64, media: &Media) {
        if self.add_waiting_section(id, media) {
            return;
        }
        let Some(member) = self.members.get_mut(&id) else { return };
        member.add_section(media);
        self.assign(now, id);
        self.forward(now);
    }

    /// Removes a member. It gets nothing that waits.
    pub(super) fn leave(&mut self, now: Duration, id: u64) {
        if self.leave_lobby(id) {
            self.actions.retain(|(person, _)| *person != id);
            return self.forward(now);
        }
        let Some(member) = self.members.remove(&id) else { return };
        self.audio.remove(ParticipantId(id));
        self.actions.retain(|(member, _)| *member != id);
        let published = self.sources.iter().filter(|(_, (member, _))| *member == id);
        for stream in published.map(|(stream, _)| *stream).collect::<Vec<_>>() {
            self.forget_source(stream);
        }
        self.room.remove_participant(ParticipantId(id));
        self.free_seat(id, member.seat);
        self.assign_all(now);
        self.people_changed = true;
        self.forward(now);
    }

    /// Returns the log; called when the last member has left.
    fn into_log(self) -> MessageLog {
        self.log
    }

    /// The log.
    fn log(&mut self) -> &mut MessageLog {
        &mut self.log
    }

    /// Sets the bandwidth estimate of a member's link.
    pub(super) fn set_estimate(&mut self, now: Duration, id: u64, estimate: Bitrate) {
        self.room.set_estimate(now, ParticipantId(id), for_video(estimate));
        self.forward(now);
    }

    /// Sets the round-trip time of a member's link: key frames are requested again after it.
    pub(super) fn set_round_trip(&mut self, id: u64, time: Duration) {
        for (stream, _) in self.sources.iter().filter(|(_, (member, _))| *member == id) {
            self.room.set_round_trip(*stream, time);
        }
    }

    /// Handles what is due.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        self.room.handle_timeout(now);
        self.audio.speakers().handle_timeout(now);
        self.handle_hand_overs(now);
        self.continue_history(now);
        self.log.expire(self.epoch.saturating_add(now));
        let marks = self.marks.take_due(now);
        self.share_marks(marks);
        if now >= self.next_bandwidth {
            self.next_bandwidth = now.saturating_add(BANDWIDTH_INTERVAL);
            for id in self.local_members() {
                let video = self.room.desired(ParticipantId(id));
                self.actions.push_back((id, Action::Desire(for_link(video))));
            }
        }
        if now >= self.next_nodes && !self.nodes.is_empty() {
            self.next_nodes = now.saturating_add(NODES_INTERVAL);
            let nodes = messages::nodes(&self.nodes);
            self.tell_all(&nodes);
        }
        self.forward(now);
    }

    /// When the next timeout is due.
    pub(super) fn poll_timeout(&mut self) -> Option<Duration> {
        let speakers = self.audio.speakers().poll_timeout();
        let bandwidth = (!self.sources.is_empty()).then_some(self.next_bandwidth);
        let people = (self.people_changed || self.lobby_changed).then_some(self.next_people);
        let expiry = self.log.next_expiry().map(|due| due.saturating_sub(self.epoch));
        let nodes = (!self.nodes.is_empty()).then_some(self.next_nodes);
        let history = self.history.poll_timeout();
        let marks = self.marks.poll_timeout();
        let own = [bandwidth, people, expiry, nodes, history, marks, self.next_hand_over()];
        let all = [self.room.poll_timeout(), speakers].into_iter().chain(own);
        all.flatten().min()
    }

    /// Moves what to do for members to the end of `actions`.
    pub(super) fn take_actions(&mut self, actions: &mut VecDeque<(u64, Action)>) {
        actions.append(&mut self.actions);
    }

    /// Turns the output of the room into actions.
    pub(super) fn forward(&mut self, now: Duration) {
        while let Some(event) = self.audio.speakers().poll_event() {
            self.handle_speaker_event(now, event);
        }
        if (self.people_changed || self.lobby_changed) && now >= self.next_people {
            self.next_people = now.saturating_add(PEOPLE_INTERVAL);
            if std::mem::take(&mut self.people_changed) {
                self.tell_people();
            }
            if std::mem::take(&mut self.lobby_changed) {
                self.announce_lobby();
            }
        }
        while let Some(packet) = self.room.poll_transmit() {
            self.send_video(packet);
        }
        while let Some(packet) = self.audio.poll_transmit() {
            self.send_audio(now, packet);
        }
        while let Some(event) = self.room.poll_event() {
            self.handle_room_event(&event);
        }
    }

    fn handle_speaker_event(&mut self, now: Duration, event: SpeakerEvent) {
        match event {
            SpeakerEvent::Speaking(ParticipantId(id), on) => {
                self.tell_all(&messages::speaking(self.seat_of(id), on));
            }
            SpeakerEvent::Dominant(id) => {
                self.tell_all(&messages::dominant(id.map(|it| self.seat_of(it.0))));
                let speakers = self.audio.speakers().by_last_speech();
                self.room.set_speakers(&speakers);
                self.assign_all(now);
            }
        }
    }

    fn handle_room_event(&mut self, event: &RoomEvent) {
        match event {
            RoomEvent::KeyFrame { ssrc, .. } => {
                let Some((member, ssrc)) = self.encodings.get(ssrc).copied() else { return };
                match self.origin_of(member) {
                    Some(Origin { node, .. }) => {
                        self.relays.push_back(Relay::KeyFrame { node, ssrc });
                    }
                    None => self.actions.push_back((member, Action::RequestKeyFrame(ssrc))),
                }
            }
            RoomEvent::Encoding { stream, ssrc, rid, on } => {
                let Some((member, source)) = self.sources.get(stream).copied() else { return };
                if let Some(Origin { node, .. }) = self.origin_of(member) {
                    let own = self.encodings.get(ssrc).map(|(_, own)| *own);
                    let want = own.map(|ssrc| Relay::Want { node, ssrc, on: *on });
                    self.relays.extend(want);
                } else {
                    let text = messages::encoding(source, *rid, *on);
                    self.actions.push_back((member, Action::Tell(text)));
                }
            }
            RoomEvent::State { viewer, stream, state } => {
                let member = self.members.get(&viewer.0);
                let slot = member.and_then(|it| it.slot_of(*stream));
                if let Some(slot) = slot {
                    let text = messages::video(slot.mid(), state);
                    self.actions.push_back((viewer.0, Action::Tell(text)));
                }
            }
            // The estimator of the link probes up to the desired bitrate by itself.
            _ => {}
        }
    }

    fn tell_all(&mut self, text: &Arc<str>) {
        for id in self.local_members() {
            self.actions.push_back((id, Action::Tell(Arc::clone(text))));
        }
    }

    /// Tells each member who is there, and on which sections it receives them.
    fn tell_people(&mut self) {
        let people = self.members.iter().filter(|(_, member)| member.origin.is_none());
        let people = people.map(|(id, member)| (*id, Action::Tell(self.people(member))));
        let people: Vec<_> = people.collect();
        self.actions.extend(people);
    }
}

/// Header extensions of packets in a room: those that describe the media, not the transport.
fn extension_map() -> ExtensionMap {
    let mut map = ExtensionMap::EMPTY;
    for (id, kind) in [
        (1, ExtensionKind::VideoOrientation),
        (2, ExtensionKind::AudioLevel),
        (3, ExtensionKind::AbsCaptureTime),
        (4, ExtensionKind::DependencyDescriptor),
    ] {
        map.insert(id, kind);
    }
    map
}

/// Bitrate of the audio of three speakers, with headers.
const AUDIO: u64 = 3 * 45_000;
/// Share of payloads in the bitrate of a link, in percent.
const PAYLOAD_PCT: u64 = 93;

/// The part of a link's capacity that video can use. Audio comes first, but leaves at least a third.
fn for_video(link: Bitrate) -> Bitrate {
    Bitrate(link.0.saturating_sub(AUDIO).max(link.0 / 3) * PAYLOAD_PCT / 100)
}

/// The lowest limit of a bandwidth estimate in bits per second, so that it has room for sources that begin.
const MIN_DESIRED: u64 = 2_500_000;

/// The capacity of a link that carries this video, with room for retransmissions and larger layers.
fn for_link(video: Bitrate) -> Bitrate {
    Bitrate((video.0 / 10 * 13).saturating_add(AUDIO).max(MIN_DESIRED))
}
