//! The sources that the members of a conference receive.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use codec_rtc::extension::Extensions;
use codec_rtc::room::request_merger::KeyFrameReason;
use codec_rtc::room::{AudioTransmit, ParticipantId, RoomTransmit, StreamId};
use codec_rtc::rtp::{self, Extension, FIXED_HEADER_BYTES, Header};
use codec_rtc::shared_bytes::SharedBytes;
use codec_webrtc::{Codec, Forwarded, Mid};

use super::super::media::VideoCodec;
use super::audio_slot::AudioSlot;
use super::node_output::Relay;
use super::publishing::Source;
use super::relay::NODES;
use super::view_request::ViewRequest;
use super::{Action, Conference, extension_map};

/// A section of audio can be given to another speaker after this time without packets.
const AUDIO_HOLD: Duration = Duration::from_millis(500);

impl Conference {
    /// Replaces the view request of a member.
    pub(super) fn set_view(&mut self, now: Duration, id: u64, view_request: ViewRequest) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.view_request = view_request;
        self.assign(now, id);
    }

    /// Handles a key-frame request of a member.
    pub(in super::super) fn handle_key_frame_request(&mut self, now: Duration, id: u64, mid: Mid) {
        let member = self.members.get(&id);
        let slot = member.and_then(|it| it.video.iter().find(|slot| slot.mid() == mid));
        if let Some(stream) = slot.and_then(|slot| slot.source()) {
            self.room.request_key_frame(now, ParticipantId(id), stream, KeyFrameReason::Loss);
            self.forward(now);
        }
    }

    pub(super) fn assign_all(&mut self, now: Duration) {
        for id in self.local_members() {
            self.assign(now, id);
        }
    }

    /// Gives each source that a member can see a section.
    pub(super) fn assign(&mut self, now: Duration, id: u64) {
        let wanted = self.wanted(id);
        let viewer = ParticipantId(id);
        let seats: BTreeMap<u64, u64> =
            self.members.iter().map(|(id, it)| (*id, it.seat)).collect();
        let Some(member) = self.members.get_mut(&id) else { return };
        for slot in &mut member.video {
            let is_wanted = |stream: &StreamId| wanted.iter().any(|(it, _)| it == stream);
            if slot.source().is_some_and(|stream| !is_wanted(&stream)) {
                slot.end(&mut self.room, viewer);
                self.people_changed = true;
            }
        }
        for (stream, codec) in wanted {
            if member.slot_of(stream).is_some() {
                continue;
            }
            let free = member.video.iter_mut().filter(|slot| slot.source().is_none());
            let mut free = free.filter_map(|slot| Some((codec.negotiated(slot.media())?, slot)));
            let Some((negotiated, slot)) = free.next() else { continue };
            let payload_type = negotiated.payload_type;
            let has_begun = slot.begin(&mut self.room, viewer, stream, payload_type);
            self.people_changed |= has_begun;
        }
        let sources = self.sources.iter().map(|(stream, (owner, source))| {
            (*stream, (seats.get(owner).copied().unwrap_or(*owner), *source))
        });
        let constraints = member.view_request.constraints(&sources.collect());
        self.room.set_constraints(now, viewer, constraints);
    }

    /// The sources that a member receives, with their codecs: if there are more than sections, screens
    /// and large tiles come first, then cameras in the order of the last speech.
    fn wanted(&mut self, id: u64) -> Vec<(StreamId, VideoCodec)> {
        let speakers = self.audio.speakers().by_last_speech();
        let Some(member) = self.members.get(&id) else { return Vec::new() };
        let others = self.sources.iter().filter(|(_, (owner, source))| {
            !self.are_one(*owner, id) && self.is_shown(*owner, *source)
        });
        let mut wanted: Vec<_> = others
            .filter_map(|(stream, (owner, source))| {
                let publisher = self.members.get(owner)?;
                let codec = publisher.published(*source)?.codec;
                member.video.iter().find(|slot| codec.negotiated(slot.media()).is_some())?;
                let is_staged = member.view_request.stage.contains(&(publisher.seat, *source));
                let place = speakers.iter().position(|it| it.0 == *owner);
                let rank = (*source != Source::Screen, !is_staged, place.unwrap_or(usize::MAX));
                Some((rank, *stream, codec))
            })
            .collect();
        wanted.sort_by_key(|(rank, stream, _)| (*rank, *stream));
        wanted.truncate(member.video.len());
        wanted.into_iter().map(|(_, stream, codec)| (stream, codec)).collect()
    }

    /// Sends a packet of a source to a member.
    pub(super) fn send_video(&mut self, packet: RoomTransmit) {
        let RoomTransmit { viewer: ParticipantId(id), stream, header, packet } = packet;
        let member = self.members.get_mut(&id);
        let slots = member.map(|it| it.video.iter_mut()).into_iter().flatten();
        let slot = slots.into_iter().find(|slot| slot.source() == Some(stream));
        let Some(slot) = slot else { return };
        if let Some(number) = slot.number(header.sequence)
            && let Some(packet) = forwarded(&mut self.parts, number, header, packet)
        {
            self.actions.push_back((id, Action::Send(slot.mid(), packet)));
        }
    }

    /// Sends an audio packet to a member, on a section that no other speaker uses.
    pub(super) fn send_audio(&mut self, now: Duration, packet: AudioTransmit) {
        if packet.viewer == NODES {
            let speaker = self.members.get(&packet.publisher.0);
            if let Some(ssrc) = speaker.and_then(|it| it.audio_ssrc) {
                self.relays.push_back(Relay::Media { ssrc, data: packet.data });
            }
            return;
        }
        let AudioTransmit { viewer: ParticipantId(id), publisher, sequence, data } = packet;
        let Some(member) = self.members.get_mut(&id) else { return };
        let Some((slot, is_new)) = audio_slot(now, &mut member.audio, publisher.0) else { return };
        let mut codecs = slot.media().codecs.iter();
        let Some(opus) = codecs.find(|it| it.codec == Codec::Opus).copied() else { return };
        let Ok(rtp::Packet { header, .. }) = rtp::parse(&data) else { return };
        let Some(packet) = forwarded(&mut None, 0, header, data.into()) else { return };
        let Some((number, timestamp)) = slot.place(now, sequence, packet.timestamp) else { return };
        let (payload_type, marker) = (opus.payload_type, packet.marker || is_new);
        let packet = Forwarded { payload_type, number, timestamp, marker, ..packet };
        self.actions.push_back((id, Action::Send(slot.mid(), packet)));
    }
}

/// The section for the audio of a publisher, and whether it had another one before.
fn audio_slot(
    now: Duration,
    slots: &mut [AudioSlot],
    publisher: u64,
) -> Option<(&mut AudioSlot, bool)> {
    if let Some(at) = slots.iter().position(|slot| slot.source() == Some(publisher)) {
        return Some((slots.get_mut(at)?, false));
    }
    let is_free = |slot: &&mut AudioSlot| {
        let idle = slot.used().map(|used| now.saturating_sub(used));
        slot.source().is_none() || idle.is_none_or(|idle| idle >= AUDIO_HOLD)
    };
    let slot = slots.iter_mut().filter(is_free).min_by_key(|slot| slot.used())?;
    slot.set_source(Some(publisher));
    Some((slot, true))
}

/// The parts of a packet of the room, which are the same for all members that it is sent to.
#[derive(Debug)]
pub(super) struct Parts {
    packet: SharedBytes,
    /// The data of the header extension with their profile, and the payload.
    extension: Option<(u16, Range<usize>)>,
    payload: Range<usize>,
    extensions: Arc<Extensions>,
}

impl Parts {
    /// The parts of `packet`: `last` if that is the same packet for another member.
    fn of<'a>(last: &'a mut Option<Self>, packet: &SharedBytes) -> Option<&'a Self> {
        if !last.as_ref().is_some_and(|last| last.packet.shares_with(packet)) {
            *last = Some(Self::parse(packet)?);
        }
        last.as_ref()
    }

    fn parse(packet: &SharedBytes) -> Option<Self> {
        // The differences between members do not concern the structure of a packet.
        let parsed = rtp::parse(packet.shared()).ok()?;
        let fixed = FIXED_HEADER_BYTES + parsed.csrcs.len();
        let mut head = fixed;
        let (mut extension, mut extensions) = (None, Extensions::default());
        if let Some(found @ Extension { profile, data }) = parsed.extension {
            head += 4 + data.len();
            extension = Some((profile, fixed + 4..head));
            extensions = read(&found);
        }
        let payload = head..head + parsed.payload.len();
        let (packet, extensions) = (packet.clone(), Arc::new(extensions));
        Some(Self { packet, extension, payload, extensions })
    }

    /// The header extensions for a member.
    fn extensions(&self, packet: &SharedBytes) -> Option<Arc<Extensions>> {
        match &self.extension {
            Some((profile, range)) if packet.is_changed_in(range.clone()) => {
                let own = packet.part(range.clone())?.to_vec();
                Some(Arc::new(read(&Extension { profile: *profile, data: &own })))
            }
            _ => Some(Arc::clone(&self.extensions)),
        }
    }
}

/// Reads header extensions whose elements were written by this server.
fn read(extension: &Extension<'_>) -> Extensions {
    Extensions::parse(extension, &extension_map()).unwrap_or_default()
}

/// A packet of the room with this number on its section, and with this fixed header. `last` has the parts of the packet
/// before.
fn forwarded(
    last: &mut Option<Parts>,
    number: u64,
    header: Header,
    packet: SharedBytes,
) -> Option<Forwarded> {
    let parts = Parts::of(last, &packet)?;
    Some(Forwarded {
        payload_type: header.payload_type,
        number,
        timestamp: header.timestamp,
        marker: header.marker,
        extensions: parts.extensions(&packet)?,
        payload: packet.into_part(parts.payload.clone())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with a Dependency Descriptor of three bytes, which is the first element of its extension.
    fn packet(payload: &[u8]) -> SharedBytes {
        let dependency = Some(vec![0x80, 0, 7]);
        let (extensions, mut bytes) = (Extensions { dependency, ..Default::default() }, Vec::new());
        extensions.write_header(&Header::default(), &extension_map(), &mut bytes).unwrap();
        bytes.extend_from_slice(payload);
        bytes.into()
    }

    #[test]
    fn members_share_the_parts_of_a_packet_and_have_their_own_numbers() {
        let (mut last, header) = (None, Header { timestamp: 5, ..Header::default() });
        let mut pass = |number, packet| forwarded(&mut last, number, header, packet).unwrap();
        let first = packet(b"payload");
        let mut other = first.clone();
        let descriptor = FIXED_HEADER_BYTES + 4 + 1;
        assert!(other.change(descriptor + 2, &[8]) && other.change(descriptor + 3, b"P"));
        let sent = [pass(1, first.clone()), pass(2, other), pass(3, first)];
        let numbers = sent.each_ref().map(|it| it.extensions.dependency.clone().unwrap()[2]);
        assert_eq!(numbers, [7, 8, 7]);
        assert!(Arc::ptr_eq(&sent[0].extensions, &sent[2].extensions));
        let payloads = sent.each_ref().map(|it| it.payload.to_vec());
        assert_eq!(payloads, [&b"payload"[..], b"Payload", b"payload"]);
        assert_eq!(sent.map(|it| (it.number, it.timestamp)), [(1, 5), (2, 5), (3, 5)]);
        let next = pass(4, packet(b"another"));
        assert_eq!(next.payload.to_vec(), b"another");
        let plain = SharedBytes::from([&[0x80, 0, 0, 1][..], &[0; 8], b"x"].concat());
        let next = pass(5, plain);
        assert_eq!(
            (next.payload.to_vec(), next.extensions.dependency.is_none()),
            (vec![b'x'], true)
        );
    }
}
