//! Members of the room that are connected to other nodes of a cluster.
//!
//! They are members without a connection: their media come from their node, on request, and nothing
//! is sent to them. Their sources are sources of the room like the sources of other members.

use std::collections::BTreeMap;
use std::time::Duration;

use codec_rtc::extension::Extensions;
use codec_rtc::packet::Format;
use codec_rtc::room::{EncodingConfig, ParticipantId};
use codec_rtc::rtp;

use super::member::{Invitation, Member};
use super::node_output::Relay;
use super::origin::Origin;
use super::publishing::{Published, Source};
use super::renumbering::Renumbering;
use super::shared::{SharedMember, SharedVideo};
use super::{Conference, extension_map};

/// Numbers of remote members begin here; the numbers of calls stay below. Pages can represent them.
const FIRST_NUMBER: u64 = 1 << 48;
/// Offset of the SSRC in a packet.
const SSRC: std::ops::Range<usize> = 8..12;
const SEQUENCE: std::ops::Range<usize> = 2..4;

/// Remote members, and the media that this node has requested.
#[derive(Debug, Default)]
pub(super) struct RemoteMembers {
    /// The numbers of remote members in this conference.
    numbers: BTreeMap<Origin, u64>,
    next: u64,
    /// Member and SSRC in the room, by node and SSRC on the link.
    video: BTreeMap<(u64, u32), (u64, u32)>,
    audio: BTreeMap<(u64, u32), u64>,
    renumberings: BTreeMap<u32, Renumbering>,
}

impl RemoteMembers {
    /// A number that was not used before.
    pub(super) fn take_number(&mut self) -> u64 {
        let number = FIRST_NUMBER + self.next;
        self.next += 1;
        number
    }
}

impl Conference {
    /// Replaces the members that are connected to other nodes, each with the number of its node.
    pub(super) fn set_remote(&mut self, now: Duration, members: &[(u64, SharedMember)]) {
        let there: BTreeMap<Origin, &SharedMember> = members
            .iter()
            .map(|(node, it)| (Origin { node: *node, member: it.member }, it))
            .collect();
        let known = self.remote.numbers.iter();
        let gone = known.filter(|(origin, _)| !there.contains_key(origin)).map(|(_, id)| *id);
        for id in gone.collect::<Vec<_>>() {
            self.leave_remote(now, id);
        }
        for (origin, shared) in there {
            let id = match self.remote.numbers.get(&origin) {
                Some(id) => *id,
                None => self.enter_remote(origin, shared),
            };
            self.update_remote(now, id, origin.node, shared);
        }
        self.forward(now);
    }

    fn enter_remote(&mut self, origin: Origin, shared: &SharedMember) -> u64 {
        let id = self.remote.take_number();
        let person = shared.person;
        let invitation = Invitation { person, moderates: false, subject: None, name: None };
        let mut member = Member::new(invitation, id, &self.limits);
        member.origin = Some(origin);
        self.members.insert(id, member);
        self.seats.insert(id, super::Seat::of_remote(id, person));
        self.remote.numbers.insert(origin, id);
        self.people_changed = true;
        id
    }

    fn leave_remote(&mut self, now: Duration, id: u64) {
        for source in [Source::Camera, Source::Screen] {
            self.unpublish_remote(now, id, source);
        }
        self.set_remote_audio(id, None);
        self.remote.numbers.retain(|_, it| *it != id);
        self.leave(now, id);
    }

    fn update_remote(&mut self, now: Duration, id: u64, node: u64, shared: &SharedMember) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let state = |it: &Member| (it.name.clone(), it.is_muted, it.is_camera_off, it.is_sharing);
        let before = state(member);
        member.set_name(&shared.name);
        member.is_muted = shared.is_muted;
        member.is_camera_off = shared.is_camera_off;
        member.is_sharing = shared.is_sharing;
        self.people_changed |= state(member) != before;
        self.set_remote_audio(id, shared.audio.map(|ssrc| (node, ssrc)));
        for source in [Source::Camera, Source::Screen] {
            match shared.videos.iter().find(|video| video.source == source) {
                Some(video) => self.set_remote_video(now, id, node, video),
                None => self.unpublish_remote(now, id, source),
            }
        }
    }

    /// Begins or ends the audio of a remote member, which has this node and SSRC.
    fn set_remote_audio(&mut self, id: u64, audio: Option<(u64, u32)>) {
        let before = self.remote.audio.iter().find(|(_, member)| **member == id);
        let before = before.map(|(key, _)| *key);
        if before == audio {
            return;
        }
        if let Some((node, ssrc)) = before {
            self.remote.audio.remove(&(node, ssrc));
            self.forget_audio(id);
            self.relays.push_back(Relay::Want { node, ssrc, on: false });
        }
        if let Some((node, ssrc)) = audio {
            if self.remote.audio.contains_key(&(node, ssrc)) {
                return;
            }
            self.remote.audio.insert((node, ssrc), id);
            if let Some(member) = self.members.get_mut(&id) {
                member.has_audio = true;
            }
            self.audio.add_publisher(ParticipantId(id), Format::Opus);
            for viewer in self.local_members() {
                self.subscribe_audio(viewer, id);
            }
            self.relays.push_back(Relay::Want { node, ssrc, on: true });
        }
    }

    fn set_remote_video(&mut self, now: Duration, id: u64, node: u64, video: &SharedVideo) {
        let source = video.source;
        let published = self.members.get(&id).and_then(|it| it.published(source));
        let has_changed = published.is_some_and(|it| {
            let is_there = |ssrc: u32| video.encodings.iter().any(|it| it.ssrc == ssrc);
            it.codec != video.codec || !it.encodings.iter().all(|(own, ..)| is_there(*own))
        });
        if has_changed {
            self.unpublish_remote(now, id, source);
        }
        let published = self.members.get(&id).and_then(|it| it.published(source));
        let stream = match published.map(|it| it.stream) {
            Some(stream) => stream,
            None => match self.add_source(now, id, source, video.codec) {
                Some(stream) => {
                    self.room.set_relayed(stream);
                    stream
                }
                None => return,
            },
        };
        for encoding in &video.encodings {
            let known = self.remote.video.get(&(node, encoding.ssrc)).copied();
            let ssrc = match known {
                Some((owner, ssrc)) if owner == id => ssrc,
                // A node uses each number once.
                Some(_) => continue,
                None => {
                    let ssrc = self.take_ssrc();
                    let config = EncodingConfig { ssrc, rid: encoding.rid, height: None };
                    if self.room.add_encoding(now, stream, config).is_err() {
                        continue;
                    }
                    self.remote.video.insert((node, encoding.ssrc), (id, ssrc));
                    self.encodings.insert(ssrc, (id, encoding.ssrc));
                    let member = self.members.get_mut(&id);
                    let published = member.and_then(|it| it.published_mut(source).as_mut());
                    if let Some(Published { encodings, .. }) = published {
                        encodings.push((encoding.ssrc, encoding.rid, ssrc));
                    }
                    ssrc
                }
            };
            self.room.set_layers(now, ssrc, &encoding.layers);
        }
    }

    fn unpublish_remote(&mut self, now: Duration, id: u64, source: Source) {
        let Some(member) = self.members.get(&id) else { return };
        let (Some(origin), Some(published)) = (member.origin, member.published(source)) else {
            return;
        };
        for (own, _, ssrc) in published.encodings.clone() {
            self.remote.video.remove(&(origin.node, own));
            self.remote.renumberings.remove(&ssrc);
            self.relays.push_back(Relay::Want { node: origin.node, ssrc: own, on: false });
        }
        self.unpublish(now, id, source);
    }

    /// Handles a packet of a remote member. Packets that nobody expects are dropped.
    pub(super) fn receive_remote(
        &mut self,
        now: Duration,
        node: u64,
        ssrc: u32,
        mut data: Vec<u8>,
    ) {
        if let Some((_, room_ssrc)) = self.remote.video.get(&(node, ssrc)).copied() {
            let Ok(packet) = rtp::parse(&data) else { return };
            let renumbering = self.remote.renumberings.entry(room_ssrc).or_default();
            let number = renumbering.number(now, packet.header.sequence);
            write(&mut data, SEQUENCE, &number.to_be_bytes());
            write(&mut data, SSRC, &room_ssrc.to_be_bytes());
            // Malformed packets are counted by the room.
            let _ = self.room.handle_packet(now, &data);
        } else if let Some(id) = self.remote.audio.get(&(node, ssrc)).copied() {
            let Ok(packet) = rtp::parse(&data) else { return };
            if packet.payload.is_empty() {
                return;
            }
            let extensions = Extensions::from_packet(&packet, &extension_map());
            let level = extensions.unwrap_or_default().audio_level;
            let _ = self.audio.handle_packet(now, ParticipantId(id), level, &data);
        }
        self.forward(now);
    }

    /// Ends all requests, and passes on what waits, before the conference ends.
    pub(super) fn withdraw_requests(&mut self) {
        let marks = self.marks.take_all();
        self.share_marks(marks);
        let requested = self.remote.video.keys().chain(self.remote.audio.keys());
        let ends =
            requested.map(|(node, ssrc)| Relay::Want { node: *node, ssrc: *ssrc, on: false });
        self.relays.extend(ends);
    }

    /// The members with a connection to this node.
    pub(super) fn local_members(&self) -> Vec<u64> {
        let local = self.members.iter().filter(|(_, it)| it.origin.is_none());
        local.map(|(id, _)| *id).collect()
    }

    /// The number of a remote member in this conference.
    pub(super) fn number_of(&self, origin: Origin) -> Option<u64> {
        self.remote.numbers.get(&origin).copied()
    }

    /// The place of a remote member.
    pub(super) fn origin_of(&self, id: u64) -> Option<Origin> {
        self.members.get(&id)?.origin
    }
}

/// Replaces bytes of a packet that was parsed before.
fn write(data: &mut [u8], place: std::ops::Range<usize>, bytes: &[u8]) {
    if let Some(place) = data.get_mut(place) {
        place.copy_from_slice(bytes);
    }
}
