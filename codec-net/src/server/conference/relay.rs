//! Output of a conference for other nodes of a cluster: the media of its own members that these nodes have requested,
//! and requests for media of their members.

use std::sync::Arc;
use std::time::Duration;

use codec_rtc::packet::Format;
use codec_rtc::room::{OutputConfig, ParticipantId};

use super::super::media::AUDIO_HZ;
use super::node_output::Relay;
use super::publishing::Source;
use super::shared::{SharedEncoding, SharedMember, SharedVideo};
use super::shared_room::SharedRoom;
use super::{Conference, messages};

/// All other nodes, as a listener: each packet is given to the cluster once.
pub(super) const NODES: ParticipantId = ParticipantId(u64::MAX);
/// Other nodes as requesters of key frames, with the number of the node added.
const FIRST_NODE: u64 = 1 << 56;

impl Conference {
    /// Returns the next output for other nodes.
    pub(super) fn poll_relay(&mut self) -> Option<Relay> {
        self.relays.pop_front()
    }

    /// The room at this node, for the others.
    pub(super) fn shared(&self) -> SharedRoom {
        let mut room = SharedRoom { members: self.shared_members(), ..SharedRoom::default() };
        self.share_lobby(&mut room);
        room
    }

    /// The members of this node. Inactive devices of a person are omitted.
    fn shared_members(&self) -> Vec<SharedMember> {
        let holds =
            |id: u64, seat: u64| self.seats.get(&seat).is_some_and(|seat| seat.active == Some(id));
        let local = self.members.iter().filter(|(_, it)| it.origin.is_none());
        let active = local.filter(|(id, it)| holds(**id, it.seat));
        let shared = active.map(|(id, member)| {
            let videos = [Source::Camera, Source::Screen].into_iter().filter_map(|source| {
                let published = member.published(source)?;
                let encodings = published.encodings.iter();
                let encodings = encodings.map(|(_, rid, ssrc)| SharedEncoding {
                    ssrc: *ssrc,
                    rid: *rid,
                    layers: self.room.layers(*ssrc),
                });
                let (codec, encodings) = (published.codec, encodings.collect());
                Some(SharedVideo { source, codec, encodings })
            });
            SharedMember {
                member: *id,
                person: member.person,
                name: member.name.clone(),
                is_muted: member.is_muted,
                is_camera_off: member.is_camera_off,
                is_sharing: member.is_sharing,
                audio: member.audio_ssrc.filter(|_| member.has_audio),
                videos: videos.collect(),
            }
        });
        shared.collect()
    }

    /// Sets whether any other node needs an SSRC of this node.
    pub(super) fn set_needed(&mut self, now: Duration, ssrc: u32, is_needed: bool) {
        if is_needed {
            self.needed.insert(ssrc);
        } else {
            self.needed.remove(&ssrc);
        }
        self.room.set_needed(now, ssrc, is_needed);
        let speaker = self.members.iter().find(|(_, it)| it.audio_ssrc == Some(ssrc));
        if let Some(id) = speaker.map(|(id, _)| *id) {
            self.subscribe_nodes(id);
        }
        self.forward(now);
    }

    /// Sends the audio of a member of this node to the others, if one of them needs it.
    pub(super) fn subscribe_nodes(&mut self, id: u64) {
        let Some(member) = self.members.get(&id) else { return };
        let Some(ssrc) = member.audio_ssrc.filter(|_| member.has_audio) else { return };
        if self.needed.contains(&ssrc) {
            let output =
                OutputConfig { ssrc, payload_type: 0, first_sequence: 0, clock_hz: AUDIO_HZ };
            self.audio.subscribe(NODES, ParticipantId(id), output);
        } else {
            self.audio.unsubscribe(NODES, ParticipantId(id));
        }
    }

    /// Begins the audio of a member of this node, with a new SSRC on links.
    pub(super) fn begin_audio(&mut self, id: u64) {
        let ssrc = self.take_ssrc();
        let Some(member) = self.members.get_mut(&id) else { return };
        member.has_audio = true;
        if let Some(before) = member.audio_ssrc.replace(ssrc) {
            self.needed.remove(&before);
        }
        self.audio.add_publisher(ParticipantId(id), Format::Opus);
    }

    /// Gives a packet of video to the other nodes, if one of them needs it.
    pub(super) fn relay_video(&mut self, ssrc: u32, data: Vec<u8>) {
        if self.needed.contains(&ssrc) {
            self.relays.push_back(Relay::Media { ssrc, data });
        }
    }

    /// A moderator at another node mutes or removes a member of this one, with all devices of its person.
    pub(super) fn moderate_member(&mut self, now: Duration, id: u64, removes: bool) {
        let Some(member) = self.members.get(&id).filter(|it| it.origin.is_none()) else { return };
        self.moderate(now, member.seat, removes);
        self.forward(now);
    }

    /// Sets the address of the pages of this node.
    pub(super) fn set_own_url(&mut self, url: Option<Arc<str>>) {
        self.own_url = url;
    }

    /// Sets the addresses of pages at other nodes.
    pub(super) fn set_nodes(&mut self, urls: &Arc<[String]>) {
        if self.nodes != *urls {
            self.nodes = Arc::clone(urls);
            self.tell_all(&messages::nodes(urls));
        }
    }

    /// Handles a request of another node for a key frame.
    pub(super) fn request_key_frame_of(&mut self, now: Duration, node: u64, ssrc: u32) {
        let who = ParticipantId(FIRST_NODE.saturating_add(node));
        self.room.request_key_frame_of(now, who, ssrc);
        self.forward(now);
    }
}
